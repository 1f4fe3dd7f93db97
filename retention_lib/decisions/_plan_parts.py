"""Parts of a plan that answer one question each: by journey, by week, why not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from retention_lib.decisions._journey_steps import JOURNEYS
from retention_lib.decisions._plan_draft import taken_of
from retention_lib.decisions._plan_paths import TASK
from retention_lib.decisions._plan_table import total_of
from retention_lib.decisions.ranges import Range
from retention_lib.results import Result
from retention_lib.wording import Wording

if TYPE_CHECKING:
    import pandas as pd

    from retention_lib.decisions._plan_results import PlanResult

# --- by journey --------------------------------------------------------------------------------


@dataclass(frozen=True, repr=False, eq=False)
class PlanSummary(Result):
    """One row a journey, and one for the whole.

    Columns: ``journey, customers, contacts, hours, cost, expected_profit`` with its 90 % range
    ``profit_low, profit_high``, ``held_out, left_out`` (customers) and ``journey_code`` (``all``
    for the whole).
    """

    chart: ClassVar[str] = "plan_charts.plot_summary"
    hidden: ClassVar[tuple[str, ...]] = ("journey_code",)
    formats: ClassVar[Mapping[str, str]] = {
        "customers": "count",
        "contacts": "count",
        "hours": "decimal",
        "cost": "money",
        "expected_profit": "money",
        "profit_low": "money",
        "profit_high": "money",
        "held_out": "count",
        "left_out": "count",
    }
    said: str = field(kw_only=True)
    finding: str = field(kw_only=True)

    def sentence(self) -> str:
        """The sentence of the plan."""
        return self.said


def summary_of(plan: PlanResult) -> PlanSummary:
    """The plan by journey."""
    import pandas as pd

    w, table = plan.wording, plan.table
    words = dict(zip(plan.facts.journey, plan.facts.journey_words, strict=True))
    taken = taken_of(plan.draft, np.sort(table["option"].unique().astype(np.int64)))
    of = plan.facts.journey[taken.customer]
    rows = []
    for number, code in enumerate(JOURNEYS):
        own = table[table["journey_code"] == code]
        counts = [
            int((frame["journey_code"] == code).sum()) for frame in (plan.held_out, plan.left_out)
        ]
        if own.empty and not sum(counts):
            continue
        rows.append(
            [
                words[number],
                *_sums(own, total_of(plan.draft, taken.part(of == number))),
                *counts,
                code,
            ]
        )
    whole = [w.say("plan.whole"), *_sums(table, plan.total), len(plan.held_out), len(plan.left_out)]
    names = ["journey", "customers", "contacts", "hours", "cost", "expected_profit", "profit_low"]
    names += ["profit_high", "held_out", "left_out", "journey_code"]
    frame = pd.DataFrame([*rows, [*whole, "all"]], columns=names)
    return PlanSummary(
        frame,
        wording=w,
        assumptions=plan.assumptions,
        said=plan.sentence(),
        finding=plan.finding("chart.plan.title"),
    )


def _sums(own: pd.DataFrame, total: Range) -> list[object]:
    contacts = own[own["channel_code"] != TASK]
    hours = float(own["minutes"].sum()) / 60
    ends = (total.likely, total.low, total.high)
    return [own["customer_id"].nunique(), len(contacts), hours, float(own["cost"].sum()), *ends]


# --- by week ---------------------------------------------------------------------------------


@dataclass(frozen=True, repr=False, eq=False)
class PlanCalendar(Result):
    """One row a week and channel.

    Columns: ``week`` (from 1)``, from`` (its first day)``, channel, actions, customers, hours,
    cost`` and for code ``channel_code``. Weeks without any action are there, with 0.
    """

    chart: ClassVar[str] = "plan_charts.plot_calendar"
    hidden: ClassVar[tuple[str, ...]] = ("channel_code",)
    formats: ClassVar[Mapping[str, str]] = {
        "week": "count",
        "actions": "count",
        "customers": "count",
        "hours": "decimal",
        "cost": "money",
    }
    shown_rows: ClassVar[int] = 30
    busiest: str = field(kw_only=True)

    def sentence(self) -> str:
        """The busiest week."""
        return self.busiest


def calendar_of(plan: PlanResult) -> PlanCalendar:
    """The plan by week and channel."""
    import pandas as pd

    w, table, settings = plan.wording, plan.table, plan.draft.settings
    grouped = table.groupby(["week", "channel_code"])
    counted = pd.DataFrame(
        {
            "actions": grouped.size(),
            "customers": grouped["customer_id"].nunique(),
            "hours": grouped["minutes"].sum() / 60,
            "cost": grouped["cost"].sum(),
        }
    )
    order = ("call", "visit", "email", "letter", "event", TASK)
    channels = [name for name in order if (table["channel_code"] == name).any()]
    every = pd.MultiIndex.from_product(
        [range(1, settings.weeks + 1), channels], names=["week", "channel_code"]
    )
    frame = counted.reindex(every, fill_value=0).reset_index()
    first = pd.Timestamp(settings.start) + pd.to_timedelta((frame["week"] - 1) * 7, unit="D")
    frame.insert(1, "from", first)
    words = frame["channel_code"].map(lambda code: w.say(f"plan_files.channel.{code}"))
    frame.insert(2, "channel", words.astype(object))
    said = w.say("plan.calendar.empty")
    if len(table):
        weekly = plan.contacts.groupby("week").size()
        busy = int(weekly.idxmax())
        said = w.say(
            "plan.calendar.finding",
            week=busy,
            contacts=int(weekly.max()),
            all=int(weekly.sum()),
            hours=w.number(float(table["minutes"].sum()) / 60, decimals=1),
        )
    return PlanCalendar(frame, wording=w, assumptions=plan.assumptions, busiest=said)


# --- left out --------------------------------------------------------------------------------


@dataclass(frozen=True, repr=False, eq=False)
class LeftOutReasons(Result):
    """One row a reason, the commonest first: ``reason, customers, share`` and ``reason_code``.

    Shares are of all customers of the base.
    """

    chart: ClassVar[str] = "plan_charts.plot_reasons"
    hidden: ClassVar[tuple[str, ...]] = ("reason_code",)
    formats: ClassVar[Mapping[str, str]] = {"customers": "count", "share": "percent"}
    everybody: int = field(kw_only=True)

    def sentence(self) -> str:
        """How many are left out, and the commonest reason."""
        w, table = self.wording, self.table
        if table.empty:
            return w.say("plan.reasons.nobody")
        return w.say(
            "plan.reasons.finding",
            left=int(table["customers"].sum()),
            everybody=self.everybody,
            count=int(table["customers"].iloc[0]),
            reason=_lower(str(table["reason"].iloc[0])),
        )


def _lower(words: str) -> str:
    return words[:1].lower() + words[1:]


def reasons_of(plan: PlanResult) -> LeftOutReasons:
    """Those left out, by reason."""
    import pandas as pd

    w = plan.wording
    counts = plan.left_out["reason_code"].value_counts()
    table = pd.DataFrame(
        {
            "reason": [reason_words(w, str(code)) for code in counts.index],
            "customers": counts.to_numpy(),
            "share": counts.to_numpy() / max(len(plan.facts), 1),
            "reason_code": counts.index.to_numpy(object),
        }
    )
    everybody = len(plan.facts)
    return LeftOutReasons(table, wording=w, assumptions=plan.assumptions, everybody=everybody)


def reason_words(wording: Wording, code: str) -> str:
    """A reason for being left out, without the customer's own figures."""
    for key in (f"plan.reasons.{code}", f"journeys.reason.{code}"):
        if wording.has(key):
            return wording.say(key)
    return code.replace("_", " ")
