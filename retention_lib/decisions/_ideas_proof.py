"""The control group that would prove an idea: how many, how long, or that none can here.

A customer is kept where it is still a customer a year later, that is where it bought within that
year. So points of customers kept are points of buyers within a year; sooner they show as far as
buyers come back sooner, which the segment's own past tells.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import narwhals as nw

from retention_lib.base import engine
from retention_lib.base.customer_base import NET_DECIMALS, CustomerBase
from retention_lib.decisions import _campaign_facts as facts
from retention_lib.decisions import _campaign_statistics as statistics
from retention_lib.decisions._holdout_history import FEWEST, LEAST_BEFORE, contactable_today
from retention_lib.decisions._holdout_power import detectable, needed
from retention_lib.decisions._ideas_worth import EVERYBODY
from retention_lib.decisions.ranges import likely
from retention_lib.errors import InputError
from retention_lib.portfolio.rfm import score_rfm

if TYPE_CHECKING:
    import pandas as pd

    from retention_lib.decisions.segment_what_if import SegmentFacts

DAYS = (90, 180, 365)
"""How long one may wait; soonest first."""
SHARES = (0.10, 0.20, 0.50)
"""How many may be held back; half of all only where nothing less would do."""
YEAR = 365
_BINS = {"classic": 5, "six": 3}


@dataclass(frozen=True)
class Proof:
    """What would prove that an idea pays.

    ``code``: ``provable``, ``invisible`` (so small a gain cannot be seen among so few customers),
    ``too_few`` (hardly anybody to contact), ``no_history`` or ``no_gain`` (no gain pays, or any
    does). ``customers``: active ones of the segment who may be contacted. ``share`` held back,
    ``days`` to wait, ``effect``: the gain that pays as points of buyers within the days (0.02 is
    2 points), ``detectable``: the smallest that this control group proves, ``detectable_year``:
    the same as percentage points kept a year. ``needed``: customers in all that would prove the
    gain that pays; infinite where none do.
    """

    code: str
    customers: int
    share: float = math.nan
    days: int = 0
    effect: float = math.nan
    detectable: float = math.nan
    detectable_year: float = math.nan
    needed: float = math.nan

    @property
    def held(self) -> int:
        """How many customers are held back."""
        return 0 if self.share != self.share else round(self.share * self.customers)


@dataclass(frozen=True)
class Habit:
    """How the customers of a segment bought within so many days of a past date."""

    days: int
    level: float
    explained: float


@dataclass(eq=False)
class Proving:
    """The past of a base's segments, looked up once for all ideas."""

    base: CustomerBase
    _seen: dict[int, pd.DataFrame] = field(default_factory=dict)
    _members: dict[tuple[str, int], set[str]] = field(default_factory=dict)
    _habits: dict[str, list[Habit]] = field(default_factory=dict)
    _today: set[str] | None = None

    def prove(self, segment: SegmentFacts, points: float) -> Proof:
        """The smallest sacrifice that proves ``points`` more kept a year, or why there is none."""
        customers = self.contactable(segment.code)
        if not 0 < points < math.inf:
            return Proof("no_gain", customers)
        habits = self.habits(segment.code)
        if not habits:
            return Proof("no_history", customers)
        if customers < 2 / min(SHARES):
            return Proof("too_few", customers)
        year = _within_a_year(habits, segment)
        tried = [
            _tried(customers, share, habit, points, year)
            for shares in (SHARES[:-1], SHARES[-1:])
            for habit in habits
            for share in shares
        ]
        told = [one for one in tried if one.detectable == one.detectable]
        enough = [one for one in told if one.code == "provable"]
        if enough:
            return enough[0]
        if not told:
            return Proof("too_few", customers)
        return min(told, key=lambda one: one.detectable_year)

    def contactable(self, code: str) -> int:
        """How many active customers of a segment may be contacted."""
        if self._today is None:
            self._today = set(contactable_today(self.base)["customer_id"])
        if code == EVERYBODY:
            return len(self._today)
        return len(self._today & self.members(code, 0))

    def members(self, code: str, days: int) -> set[str]:
        """Who was in a segment so many days ago."""
        scheme = code.partition(":")[0]
        if (code, days) not in self._members:
            day = engine.day_of(self.base.as_of_day - days)
            try:
                scored = score_rfm(
                    self.base.at(day) if days else self.base,
                    bins=_BINS.get(scheme, 5),
                    scheme=scheme,
                ).table
            except InputError:
                return set()
            for name, part in scored.groupby("segment_code")["customer_id"]:
                self._members[f"{scheme}:{name}", days] = set(part)
        return self._members.setdefault((code, days), set())

    def habits(self, code: str) -> list[Habit]:
        """How the segment bought after each past date that the history reaches back to.

        Where too few were in it then, how everybody bought.
        """
        if code not in self._habits:
            found = [habit for days in self._possible() if (habit := self._habit(code, days))]
            everybody = [] if code == EVERYBODY or found else self.habits(EVERYBODY)
            self._habits[code] = found or everybody
        return self._habits[code]

    def _habit(self, code: str, days: int) -> Habit | None:
        seen = self._after(days)
        seen = seen[seen["purchases_before"] > 0]  # who was active then, as ideas are for who is
        if code != EVERYBODY:
            seen = seen[seen["customer_id"].isin(self.members(code, days))]
        if len(seen) < FEWEST:
            return None
        bought = seen["bought"].to_numpy(dtype=float)
        past = statistics.past_of(seen, "bought")
        return Habit(days, float(bought.mean()), statistics.explained(bought, past))

    def _possible(self) -> list[int]:
        lines = self.base.visible("transactions")
        first = engine.one_row(lines.select(nw.col("day").min()))["day"]
        if first is None:
            return []
        return [days for days in DAYS if self.base.as_of_day - days - first >= LEAST_BEFORE]

    def _after(self, days: int) -> pd.DataFrame:
        """One row a customer known so many days ago: what it did before, whether it bought since.

        Sorted, so that sums do not depend on the engine's order.
        """
        if days not in self._seen:
            day = self.base.as_of_day - days
            daily = (
                self.base.visible("transactions")
                .group_by("customer_id", "day")
                .agg(nw.col("amount").sum().round(NET_DECIMALS).alias("net"))
                # No plain 0.0, which PostgreSQL takes for a decimal.
                .with_columns((nw.col("net") * 0.0).alias("margin"), nw.lit(day).alias("sent_day"))
            )
            frame = engine.collect(facts.around(daily, days=days, before=facts.BEFORE_DAYS))
            frame["revenue_before"] = frame["revenue_before"].astype(float).fillna(0.0)
            known = frame[frame["silence_before"].notna()]
            self._seen[days] = known.sort_values("customer_id", ignore_index=True)
        return self._seen[days]


def _within_a_year(habits: list[Habit], segment: SegmentFacts) -> float:
    """The share that buys within a year: seen where the history allows, else what stays."""
    longest = habits[-1]
    year = longest.level if longest.days == YEAR else 1 - likely(segment.attrition)
    return max(year, *(habit.level for habit in habits))


def _tried(customers: int, share: float, habit: Habit, points: float, year: float) -> Proof:
    held = max(round(share * customers), 1)
    pace = habit.level / year if year > 0 else 0.0
    effect = points / 100 * pace
    least = detectable(customers - held, held, habit.level, explained=habit.explained)
    seen = effect > 0 and least <= effect
    wanted = (
        needed(habit.level, effect, share, explained=habit.explained)
        if 0 < effect <= 1 - habit.level
        else math.inf
    )
    return Proof(
        code="provable" if seen else "invisible",
        customers=customers,
        share=share,
        days=habit.days,
        effect=effect,
        detectable=least,
        detectable_year=100 * least / pace if pace > 0 else math.inf,
        needed=wanted,
    )
