"""Steering retention: month by month, who asks to leave, who closes, who is lost; who was reached.

Reached and not reached customers were not drawn by lot: the two are described side by side, and
no difference between them is called an effect.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import narwhals as nw
import numpy as np

from retention_lib.base import engine
from retention_lib.base.customer_base import CustomerBase
from retention_lib.decisions._pressure_contacts import contacts
from retention_lib.portfolio._signals_facts import CANCELS, NEWSLETTER, OUT, says
from retention_lib.portfolio.activity import with_endings
from retention_lib.portfolio.calendar_periods import period_end, period_index
from retention_lib.portfolio.flows import measure_flows
from retention_lib.portfolio.intervals import share_interval
from retention_lib.portfolio.signals import signal_history
from retention_lib.results import Result
from retention_lib.wording import Wording

if TYPE_CHECKING:
    import pandas as pd

REACHED_WITHIN = 30
"""A contact within so many days after a request or a sign reached the customer."""
JUDGED_AFTER = 180
"""So many days after it is seen whether the customer is still one."""
MOST_MONTHS = 120
FEWEST = 30
"""With fewer customers than this counts are told, not shares."""
SAMPLE = 10_000
"""Of more customers than that some, evenly spread, are looked at one by one."""
_KINDS = ("hot", "cold")
_SIGN = "silent"


@dataclass(frozen=True, repr=False, eq=False)
class KeptResult(Result):
    """Who asked to leave or fell silent, reached within 30 days or not, and who is still there.

    Columns: ``journey`` (hot: asked to leave; cold: silent beyond its habit), ``was_reached``,
    ``customers`` (cases: a customer and request, or a customer and the month end on which the
    sign first fired), ``still_there`` (how many of them 180 days after), ``kept_share`` with
    ``kept_low, kept_high`` (95 % sure; missing below 30 cases), for code ``kind, reached``.
    """

    hidden: ClassVar[tuple[str, ...]] = ("kind", "reached")
    formats: ClassVar[Mapping[str, str]] = {
        "customers": "count",
        "still_there": "count",
        "kept_share": "percent",
        "kept_low": "percent",
        "kept_high": "percent",
    }
    chart: ClassVar[str] = "journey_charts.plot_kept"

    why_none: str = field(kw_only=True)
    gone_before: int = field(kw_only=True)
    judged_after: int = field(default=JUDGED_AFTER, kw_only=True)

    def sentence(self) -> str:
        """Both shares of both kinds, and why they are no measure of what reaching did."""
        said = [part + "." for part in self._parts()]
        if not said:
            return self.why_none + "."
        if self.gone_before:
            gone = {"gone": self.gone_before, "within": REACHED_WITHIN}
            said.append(self.wording.say("steering.gone", **gone))
        return " ".join([*said, self.wording.say("steering.not_drawn")])

    def finding(self) -> str:
        """The first comparison, without its full stop."""
        parts = self._parts()
        return parts[0] if parts else self.why_none

    def _parts(self) -> list[str]:
        w, parts = self.wording, []
        for kind in _KINDS:
            rows = self.table[self.table["kind"] == kind].set_index("reached")
            if rows.empty or not rows["customers"].sum():
                continue
            words: dict[str, object] = {}
            few = bool((rows["customers"] < FEWEST).any())
            for reached, name in ((True, "reached"), (False, "others")):
                row = rows.loc[reached]
                words[f"{name}"] = int(row["customers"])
                if few:
                    words[f"{name}_kept"] = int(row["still_there"])
                else:
                    words[f"{name}_kept"] = w.percent(float(row["kept_share"]), decimals=0)
                    words[f"{name}_low"] = w.percent(float(row["kept_low"]), decimals=0)
                    words[f"{name}_high"] = w.percent(float(row["kept_high"]), decimals=0)
            key = f"steering.{kind}.{'few' if few else 'shares'}"
            parts.append(w.say(key, days=JUDGED_AFTER, within=REACHED_WITHIN, **words))
        return parts


@dataclass(frozen=True, repr=False, eq=False)
class SteeringResult(Result):
    """Retention month by month, the last complete months of the file.

    Columns: ``month, opening`` (active customers on its first day), ``leave_requests`` (customers
    who asked to leave; missing where the base does not say), ``closures`` (accounts ended in it;
    likewise), ``lost`` (as the ledger of ``measure_flows`` counts), ``closing_rate, lost_rate``
    (of opening) with ``lost_low, lost_high`` (95 % sure), ``number`` of the month for code.
    ``kept``: what became of those who asked to leave or fell silent, reached or not.
    """

    chart: ClassVar[str] = "journey_charts.plot_steering"
    hidden: ClassVar[tuple[str, ...]] = ("number",)
    formats: ClassVar[Mapping[str, str]] = {
        "opening": "count",
        "leave_requests": "count",
        "closures": "count",
        "lost": "count",
        "closing_rate": "percent",
        "lost_rate": "percent",
        "lost_low": "percent",
        "lost_high": "percent",
    }
    shown_rows: ClassVar[int] = 24

    kept: KeptResult = field(kw_only=True)

    def sentence(self) -> str:
        """What was lost a month and how many asked to leave; ``.kept`` says what became of them."""
        return f"{self.finding()}."

    def title(self) -> str:
        """What was lost a month and in the latest one, for a chart."""
        w, table = self.wording, self.table
        if table.empty or not table["opening"].sum():
            return self.finding()
        low, high = share_interval(int(table["lost"].sum()), int(table["opening"].sum()))
        return w.say(
            "steering.chart.title",
            rate=w.percent(self.mean_rate),
            low=w.percent(low),
            high=w.percent(high),
            latest=w.percent(float(table["lost_rate"].iloc[-1])),
        )

    @property
    def mean_rate(self) -> float:
        """The share lost a month, all months together; missing where nobody was there."""
        opening = float(self.table["opening"].sum())
        return float(self.table["lost"].sum()) / opening if opening else float("nan")

    def finding(self) -> str:
        """What was lost a month and how many asked to leave, without its full stop."""
        w, table = self.wording, self.table
        if table.empty:
            return w.say("steering.no_month")
        months, opening = len(table), int(table["opening"].sum())
        lost = int(table["lost"].sum())
        if not opening:
            return w.say("steering.nobody", months=months)
        low, high = share_interval(lost, opening)
        said = w.say(
            "steering.finding",
            months=months,
            lost=lost,
            rate=w.percent(lost / opening),
            low=w.percent(low),
            high=w.percent(high),
        )
        asked = table["leave_requests"]
        if asked.notna().any():
            ended = table["closures"]
            key = "steering.asked" if ended.notna().any() else "steering.asked_only"
            counts = {"requests": int(asked.sum()), "closures": int(ended.fillna(0).sum())}
            return w.say(key, finding=said, **counts)
        return said


def steer(base: CustomerBase, months: int) -> SteeringResult:
    """Retention over the last complete months, at most so many."""
    w = base.wording
    flows = measure_flows(base, period="month")
    table = flows.table.tail(months).reset_index(drop=True)
    numbers = _numbers(table["period"])
    frame = _by_month(base, table, numbers)
    return SteeringResult(
        frame,
        wording=w,
        assumptions={
            "as_of": w.date(base.as_of),
            "activity_window_days": base.activity_window_days,
            "steering_reached": w.say("steering.assumed.reached", days=REACHED_WITHIN),
            "steering_kept": w.say(
                "steering.assumed.kept", days=JUDGED_AFTER, before=REACHED_WITHIN
            ),
        },
        kept=_kept(base, numbers),
    )


def _numbers(labels: pd.Series[Any]) -> list[int]:
    """Numbers of months from their labels, 2024-03."""
    return [int(label[:4]) * 12 + int(label[5:7]) - 1 for label in labels.astype(str)]


def _by_month(base: CustomerBase, flows: pd.DataFrame, numbers: list[int]) -> pd.DataFrame:
    import pandas as pd

    opening = flows["opening"].to_numpy(dtype=np.int64)
    lost = flows["lost"].to_numpy(dtype=np.int64)
    bounds = [share_interval(hits, of) for hits, of in zip(lost, opening, strict=True)]
    ends = np.array(bounds, dtype=float).reshape(-1, 2)
    with np.errstate(divide="ignore", invalid="ignore"):
        rate = np.where(opening > 0, lost / opening, np.nan)
        closed = _counted(_closings(base), numbers)
        closing_rate = np.where(opening > 0, closed / opening, np.nan)
    return pd.DataFrame(
        {
            "month": flows["period"].to_numpy(),
            "opening": opening,
            "leave_requests": _counted(_requests(base), numbers),
            "closures": closed,
            "lost": lost,
            "closing_rate": closing_rate,
            "lost_rate": rate,
            "lost_low": ends[:, 0],
            "lost_high": ends[:, 1],
            "number": np.array(numbers, dtype=np.int64),
        }
    )


def _counted(events: nw.LazyFrame[Any] | None, numbers: list[int]) -> Any:
    """How many customers have an event in each month; missing where the base tells none."""
    if events is None or not numbers:
        return np.full(len(numbers), np.nan)
    month = period_index(nw.col("day"), "month").alias("number")
    once = events.select("customer_id", month).group_by("customer_id", "number")
    counted = engine.collect(
        once.agg(nw.len().alias("rows"))
        .group_by("number")
        .agg(nw.len().cast(nw.Int64).alias("customers"))
    )
    known = counted.set_index("number")["customers"]
    return known.reindex(numbers, fill_value=0).to_numpy(dtype=float)


def _requests(base: CustomerBase) -> nw.LazyFrame[Any] | None:
    """One row a request to leave: ``customer_id, day``; none where the base does not say."""
    if not base.has("interactions", "kind"):
        return None
    rows = base.visible("interactions").filter(says("kind", CANCELS))
    if base.has("interactions", "direction"):
        rows = rows.filter(~says("direction", OUT))
    return rows.select("customer_id", "day")


def _closings(base: CustomerBase) -> nw.LazyFrame[Any] | None:
    """One row an account that ended: ``customer_id, day``; none where the base does not say."""
    if not base.has("customers", "closed_on"):
        return None
    listed = base.visible("customers").select("customer_id", nw.col("closed_on_day").alias("day"))
    return listed.filter(~nw.col("day").is_null())


# --- reached or not --------------------------------------------------------------------------


def _kept(base: CustomerBase, numbers: list[int]) -> KeptResult:
    import pandas as pd

    w = base.wording
    rows, gone = [], 0
    told = _reaching(base)
    if told is not None and numbers:
        latest = base.as_of_day - JUDGED_AFTER
        for kind, cases in _cases(base, numbers, latest):
            counted = _followed(base, cases, told)
            gone += int((counted["gone"] == 1).sum())
            followed = counted[counted["gone"] == 0]
            rows += _two_rows(kind, followed, w) if len(followed) else []
    columns = [
        "journey",
        "was_reached",
        "customers",
        "still_there",
        "kept_share",
        "kept_low",
        "kept_high",
        "kind",
        "reached",
    ]
    why = "steering.no_contacts" if told is None else "steering.no_case"
    return KeptResult(
        pd.DataFrame(rows, columns=columns),
        wording=w,
        assumptions={
            "as_of": w.date(base.as_of),
            "steering_reached": w.say("steering.assumed.reached", days=REACHED_WITHIN),
            "steering_kept": w.say(
                "steering.assumed.kept", days=JUDGED_AFTER, before=REACHED_WITHIN
            ),
            "steering_gone": w.say("steering.assumed.gone", gone=gone, days=REACHED_WITHIN),
        },
        why_none=w.say(why, days=JUDGED_AFTER),
        gone_before=gone,
    )


def _reaching(base: CustomerBase) -> nw.LazyFrame[Any] | None:
    """One row a contact that spoke to the customer itself: newsletters reach nobody."""
    if not base.has("interactions"):
        return None
    if not (base.has("interactions", "kind") and base.has("interactions", "direction")):
        found = contacts(base)
        return None if found is None else found.select("customer_id", "day")
    sent = base.visible("interactions").filter(says("direction", OUT), ~says("kind", NEWSLETTER))
    return sent.select("customer_id", "day")


def _cases(base: CustomerBase, numbers: list[int], latest: int) -> list[tuple[str, pd.DataFrame]]:
    """Requests, and customers newly silent at a month end, early enough to be judged."""
    first = engine.day_number(period_end(numbers[0] - 1, "month"))
    found = []
    asked = _requests(base)
    if asked is not None:
        rows = asked.filter(nw.col("day") > first, nw.col("day") <= latest)
        # Who asks twice within the months is one case, from the first time on.
        table = engine.collect(rows.group_by("customer_id").agg(nw.col("day").min()))
        found.append(("hot", _some(table.sort_values("customer_id", ignore_index=True))))
    ends = [engine.day_number(period_end(number, "month")) for number in [numbers[0] - 1, *numbers]]
    ends = [day for day in ends if day <= latest]
    if len(ends) > 1:
        signs = signal_history(base, ends, customers=_whom(base))
        signs = signs.loc[signs["signal"] == _SIGN, ["customer_id", "day"]]
        before = {day: ends[place - 1] for place, day in enumerate(ends) if place}
        signs = signs.assign(was=signs["day"].map(before))
        earlier = signs[["customer_id", "day"]].rename(columns={"day": "was"}).assign(still=1)
        joined = signs.merge(earlier, on=["customer_id", "was"], how="left")
        new = joined[joined["still"].isna() & joined["was"].notna()]
        found.append(("cold", new[["customer_id", "day"]].reset_index(drop=True)))
    return found


def _some(table: pd.DataFrame) -> pd.DataFrame:
    """Every so many-th row, where there are too many to follow."""
    return table.iloc[:: -(-max(len(table), 1) // SAMPLE)].reset_index(drop=True)


def _whom(base: CustomerBase) -> list[str] | None:
    """Customers whose signs are looked at: ``None`` for all, in a large base some."""
    ids = base.visible("transactions").group_by("customer_id").agg(nw.len().alias("rows"))
    count = engine.one_row(ids.select(nw.len().alias("customers")))["customers"]
    if count <= SAMPLE:
        return None
    known = engine.collect(ids.select("customer_id")).sort_values("customer_id", ignore_index=True)
    return list(_some(known)["customer_id"])


def _followed(base: CustomerBase, cases: pd.DataFrame, told: nw.LazyFrame[Any]) -> pd.DataFrame:
    """Each case with whether it was ``reached``, ``gone`` before that could be, ``kept``."""
    if cases.empty:
        return cases.assign(reached=0, gone=0, kept=0)
    wanted = cases["customer_id"].unique().tolist()
    spoken = engine.collect(told.filter(nw.col("customer_id").is_in(wanted)))
    bought = engine.collect(
        base.purchases().filter(nw.col("customer_id").is_in(wanted)).select("customer_id", "day")
    )
    ids = base.purchases().group_by("customer_id").agg(nw.len().alias("rows")).drop("rows")
    known = engine.collect(with_endings(base, ids.filter(nw.col("customer_id").is_in(wanted))))
    cases = cases.assign(case=np.arange(len(cases)))
    reached = _any_within(cases, spoken, 0, REACHED_WITHIN)
    again = _any_within(cases, bought, REACHED_WITHIN, JUDGED_AFTER)
    table = cases.merge(known, on="customer_id", how="inner")
    since = table["closed_day"].astype(float) - table["day"]
    # An account that had ended already cannot be kept: no case.
    table = table.assign(
        reached=reached[table["case"]].astype(int),
        gone=(since <= REACHED_WITHIN).astype(int),
        kept=(
            ~(since <= JUDGED_AFTER).to_numpy()
            & (again[table["case"]] | table["is_contract"].to_numpy(dtype=bool))
        ).astype(int),
    )
    return table[~(since <= 0)]


def _any_within(cases: pd.DataFrame, events: pd.DataFrame, after: int, until: int) -> Any:
    """Whether each case has an event more than ``after`` and at most ``until`` days later."""
    joined = cases[["case", "customer_id", "day"]].merge(
        events.rename(columns={"day": "then"}), on="customer_id"
    )
    passed = joined["then"] - joined["day"]
    found = np.zeros(len(cases), dtype=bool)
    found[joined.loc[(passed > after) & (passed <= until), "case"].to_numpy()] = True
    return found


def _two_rows(kind: str, counted: pd.DataFrame, w: Wording) -> list[tuple[Any, ...]]:
    rows = []
    for reached in (True, False):
        part = counted[counted["reached"] == int(reached)]
        cases, kept = len(part), int(part["kept"].sum())
        few = cases < FEWEST
        low, high = (np.nan, np.nan) if few else share_interval(kept, cases)
        share = np.nan if few else kept / cases
        said = w.say(f"steering.{'reached' if reached else 'not_reached'}")
        rows.append((w.say(f"journey.{kind}"), said, cases, kept, share, low, high, kind, reached))
    return rows
