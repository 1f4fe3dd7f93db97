"""The time a plan takes of the sales force, the time it frees, and in which order to call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from numbers import Integral
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from retention_lib.decisions._journey_steps import load_steps
from retention_lib.decisions._plan_files_frames import base_of, named_owners, phones
from retention_lib.decisions._plan_files_layout import PlanLike, channel_word, frame_of
from retention_lib.decisions._plan_time_habit import (
    BETTER_LEFT,
    habit_of,
    minutes_of,
    owners_of,
)
from retention_lib.errors import ChoiceError, InputError
from retention_lib.masking import said_name
from retention_lib.results import Listing, Result
from retention_lib.wording import Wording

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["CallingOrder", "SalesTime", "sales_time"]

_CALL = "call"
_URGENT = "hot"
_WEEK = 7


def sales_time(plan: PlanLike) -> SalesTime:
    """Hours the plan takes of each account manager and week, and hours a week that it frees.

    One row an account manager and week of the plan; customers without one are marketing's. Freed
    is what calls and visits of the last 365 days took on customers whom the plan leaves in peace:
    who refused, left long ago, or for whom a contact does not pay; who only rests for some weeks
    does not count. The trap: nobody writes down how long a call took, so the minutes of a call
    and of a visit are those of the journeys' steps, and a contact counts for who looks after the
    customer today.
    """
    w, base = plan.wording, base_of(plan)
    table = _weeks(plan)
    steps = getattr(getattr(getattr(plan, "draft", None), "settings", None), "steps", None)
    minutes = minutes_of(steps or load_steps(w.language))
    left = frame_of(plan.left_out)
    reasons = (
        left["reason_code"] if "reason_code" in left else left["customer_id"].map(lambda _: "")
    )
    peace = left.loc[reasons.isin(BETTER_LEFT), "customer_id"].tolist()
    habit = habit_of(base, owners_of(plan, base), w.say("plan.marketing"), peace, minutes)
    said = {
        "sales_minutes": w.say(
            "sales_time.assumed_minutes", listed=w.listing(_minutes_said(minutes, w))
        ),
    }
    if len(habit.by_owner):
        said["sales_better_left"] = w.say("sales_time.better_left")
        said["sales_measured"] = w.say("sales_time.measured_on", days=habit.days)
    return SalesTime(
        table,
        wording=w,
        assumptions=said,
        plan=plan,
        owners=_owners(table, habit.by_owner, _length(plan)),
        habit_days=habit.days,
        habit_known=bool(len(habit.by_owner)),
        known_phones=phones(plan, plan.table["customer_id"]),
    )


@dataclass(frozen=True, repr=False, eq=False)
class SalesTime(Result):
    """What a plan takes of the sales force: one row an account manager and week.

    Columns: ``owner, week`` (from 1)``, from`` (its first day)``, actions, hours`` and, where the
    plan says how many there are, ``hours_available``. ``owners``: one row an account manager, in
    hours a week: ``owner, hours_plan`` and, where calls and visits are on file, ``hours_now``
    (last year), ``hours_freed`` (of these, on customers better left in peace today),
    ``contacts_now, contacts_freed`` (in the days looked at).
    """

    chart: ClassVar[str] = "plan_time_charts.plot_sales_time"
    shown_rows: ClassVar[int] = 10
    formats: ClassVar[Mapping[str, str]] = {
        "week": "count",
        "actions": "count",
        "hours": "decimal",
        "hours_available": "decimal",
    }

    plan: PlanLike = field(kw_only=True)
    owners: pd.DataFrame = field(kw_only=True)
    habit_days: int = field(kw_only=True)
    habit_known: bool = field(kw_only=True)
    known_phones: pd.Series[Any] | None = field(kw_only=True)

    @property
    def hours_a_week(self) -> float:
        """What the plan takes of everybody together, on average over its weeks."""
        return float(self.owners["hours_plan"].sum())

    @property
    def hours_now(self) -> float:
        """What calls and visits took a week last year; missing where nobody knows."""
        return self._told("hours_now")

    @property
    def hours_freed(self) -> float:
        """Of these, those on customers better left in peace today; missing where nobody knows."""
        return self._told("hours_freed")

    def _told(self, name: str) -> float:
        return float(self.owners[name].sum()) if self.habit_known else float("nan")

    def sentence(self) -> str:
        """The hours a week that the plan takes, and those it frees."""
        w = self.wording
        used = self.owners[self.owners["hours_plan"] > 0]
        if used.empty:
            said = w.say("sales_time.no_plan")
        else:
            hours = w.number(self.hours_a_week, decimals=1 + (self.hours_a_week < 0.1))
            said = w.say("sales_time.plan", hours=hours, owners=len(used))
        return w.say("sales_time.both", plan=said, habit=self._habit_said())

    def _habit_said(self) -> str:
        w = self.wording
        if not self.habit_known:
            return w.say("sales_time.habit_unknown")
        now = w.number(self.hours_now, decimals=1)
        if self.hours_freed <= 0:
            return w.say("sales_time.habit_nothing_freed", days=self.habit_days, now=now)
        return w.say(
            "sales_time.habit",
            days=self.habit_days,
            now=now,
            freed=w.number(self.hours_freed, decimals=1),
            share=w.percent(self.hours_freed / self.hours_now, decimals=0),
        )

    def by_owner(self) -> Listing:
        """Hours a week of each account manager: for the plan, last year, and freed."""
        w, table = self.wording, self.owners
        said = self.sentence()
        if self.habit_known:
            said = w.say(
                "sales_time.freed",
                days=self.habit_days,
                freed=w.number(self.hours_freed, decimals=1),
                now=w.number(self.hours_now, decimals=1),
            )
        return Listing(table, wording=w, said=said, assumptions=self.assumptions)

    def calling_order(self, *, owner: str | None = None, week: int | None = None) -> CallingOrder:
        """In which order to call: who spoke of leaving first, then by expected profit a minute.

        One row a call of the plan, of one account manager (``owner``) and one week (from 1) where
        they are given; weeks stand one after the other. The profit, also the one a minute, is that
        of everything planned for the customer, tasks and later contacts included.

        Raises ``ChoiceError`` where nobody of that name has anything to do, ``InputError`` where
        the plan has no such week.
        """
        return _calling_order(self, owner, week)


@dataclass(frozen=True, repr=False, eq=False)
class CallingOrder(Result):
    """Whom to call in which order: one row a call.

    Columns: ``rank`` (from 1)``, customer_id, name, phone`` (where known)``, date, journey,
    message, why, expected_profit`` (all that is planned for the customer)``, minutes, owner`` and
    for code ``urgent, profit_a_minute, week``.
    """

    formats: ClassVar[Mapping[str, str]] = {
        "rank": "count",
        "expected_profit": "money",
        "minutes": "count",
    }
    hidden: ClassVar[tuple[str, ...]] = ("urgent", "profit_a_minute", "week", "journey")
    telling: ClassVar[tuple[str, ...]] = ("why",)
    shown_rows: ClassVar[int] = 20

    owner: str | None = field(kw_only=True)
    week: int | None = field(kw_only=True)

    def sentence(self) -> str:
        """How many calls, how long they take, and in which order they stand."""
        w = self.wording
        told = {
            "whose": " " + w.say("sales_time.whose", owner=_said_owner(self.owner, w))
            if self.owner
            else "",
            "when": " " + w.say("sales_time.when", week=self.week) if self.week else "",
        }
        if self.table.empty:
            return w.say("sales_time.no_calls", **told)
        minutes = w.number(float(self.table["minutes"].sum()))
        return w.say("sales_time.calls", calls=len(self.table), minutes=minutes, **told)


def _weeks(plan: PlanLike) -> pd.DataFrame:
    """One row an account manager and week in which the plan has something to do."""
    import pandas as pd

    table = plan.table
    day = pd.to_datetime(table["date"])
    work = pd.DataFrame(
        {
            "owner": named_owners(table, plan.wording),
            "week": table["week"].astype(int),
            "from": day - pd.to_timedelta(day.dt.day_of_week, unit="D"),
            "minutes": table["minutes"].astype(float),
        }
    )
    by = work.groupby(["owner", "week"])
    weeks = by.agg(**{"from": ("from", "min"), "actions": ("minutes", "size")})
    weeks["hours"] = by["minutes"].sum() / 60
    weeks = weeks.reset_index()
    weeks["from"] = weeks["from"].dt.date
    available = _available(plan)
    if available:
        weeks["hours_available"] = weeks["owner"].map(available)
    return weeks


def _available(plan: Any) -> dict[str, float]:
    """Hours a week that everybody has for the plan, where it says so."""
    settings = getattr(getattr(plan, "draft", None), "settings", None)
    if settings is None:
        return {}
    nobody = plan.wording.say("plan.marketing")
    minutes = settings.minutes(plan.facts.owners, nobody)
    return dict(zip([*plan.facts.owners, nobody], (minutes / 60).tolist(), strict=True))


def _length(plan: Any) -> int:
    """How many weeks the plan covers."""
    settings = getattr(getattr(plan, "draft", None), "settings", None)
    weeks = getattr(settings, "weeks", None)
    table = plan.table
    return int(weeks or (table["week"].max() if len(table) else 1))


def _owners(weeks: pd.DataFrame, habit: pd.DataFrame, length: int) -> pd.DataFrame:
    import pandas as pd

    planned = weeks.groupby("owner")["hours"].sum() / length
    table = pd.DataFrame({"hours_plan": planned}).join(habit.set_index("owner"), how="outer")
    table = table.fillna(0.0) if len(habit) else table[["hours_plan"]]
    for name in ("contacts_now", "contacts_freed"):
        if name in table:
            table[name] = table[name].astype(np.int64)
    most = [name for name in ("hours_now", "hours_plan") if name in table]
    ranked = table.sort_values(most, ascending=False, kind="stable")
    names = ["hours_plan", "hours_now", "hours_freed", "contacts_now", "contacts_freed"]
    ranked = ranked[[name for name in names if name in ranked]]
    return ranked.rename_axis("owner").reset_index()


def _minutes_said(minutes: Mapping[str, float], w: Wording) -> list[str]:
    return [
        w.say("sales_time.minutes", channel=channel_word(w, code), minutes=w.number(each))
        for code, each in minutes.items()
        if each == each
    ]


def _calling_order(of: SalesTime, owner: str | None, week: int | None) -> CallingOrder:
    w, plan = of.wording, of.plan
    table = plan.table.copy()
    table["owner"] = named_owners(table, w)
    _check_asked(table, owner, week, _length(plan), w=w)
    if of.known_phones is not None:
        table["phone"] = of.known_phones
    whole = table.groupby("customer_id")[["expected_profit", "minutes"]].sum()
    table["urgent"] = table["journey_code"] == _URGENT
    table["expected_profit"] = table["customer_id"].map(whole["expected_profit"])
    per = whole["expected_profit"] / whole["minutes"].clip(lower=1.0)
    table["profit_a_minute"] = table["customer_id"].map(per)
    channel = table["channel_code"] if "channel_code" in table else table["channel"]
    calls = table[channel == _CALL]
    if owner is not None:
        calls = calls[calls["owner"] == owner]
    if week is not None:
        calls = calls[calls["week"] == week]
    ranked = calls.sort_values(
        ["week", "urgent", "profit_a_minute", "customer_id"],
        ascending=[True, False, False, True],
        kind="stable",
        ignore_index=True,
    )
    ranked.insert(0, "rank", np.arange(1, len(ranked) + 1))
    names = ["rank", "customer_id", "name", "phone", "date", "journey", "message", "why"]
    names += ["expected_profit", "minutes", "owner", "urgent", "profit_a_minute", "week"]
    said = dict(of.assumptions)
    if of.known_phones is None:
        said["sales_phone"] = w.say("sales_time.no_phone")
    return CallingOrder(
        ranked[[name for name in names if name in ranked]],
        wording=w,
        assumptions=said,
        owner=owner,
        week=week,
    )


def _said_owner(owner: str, w: Wording) -> str:
    """An account manager as a sentence names them; marketing is nobody's name."""
    return owner if owner == w.say("plan.marketing") else said_name(owner, "owner")


def _check_asked(
    table: pd.DataFrame, owner: object, week: object, weeks: int, *, w: Wording
) -> None:
    known = set(table["owner"])
    if owner is not None and owner not in known:
        raise ChoiceError("owner", owner, [_said_owner(one, w) for one in sorted(known)])
    if week is None:
        return
    whole = isinstance(week, Integral) and not isinstance(week, bool)
    if not whole or not 1 <= int(str(week)) <= weeks:
        raise InputError(
            f"week must be a whole number from 1 to {weeks}, the weeks of the plan; got {week!r}."
        )
