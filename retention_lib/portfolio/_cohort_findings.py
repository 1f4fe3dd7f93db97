"""What the cohorts say: how many came back, who still buys, and whether that is changing."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import pandas as pd

from retention_lib.portfolio._cohort_cells import Counted
from retention_lib.portfolio.calendar_periods import MONTHS, Period, period_label, period_start
from retention_lib.portfolio.intervals import share_interval
from retention_lib.portfolio.rfm import SKETCH_BELOW
from retention_lib.results import Listing
from retention_lib.wording import Wording

if TYPE_CHECKING:
    from retention_lib.portfolio.cohorts import CohortCurve, CohortResult

SOON = {"month": 3, "quarter": 2, "year": 1}
"""Within how many periods coming back is soon."""

LATER = {"month": 12, "quarter": 4, "year": 2}
"""After how many periods one asks who still buys."""

_Z = 1.959963984540054


@dataclass(frozen=True)
class Milestone:
    """How many of the customers won did something by an age."""

    age: int
    hits: int
    won: int

    @property
    def share(self) -> float:
        """Hits of the customers won."""
        return self.hits / self.won if self.won else float("nan")

    @property
    def few(self) -> bool:
        """Whether they are too few for a share."""
        return self.won < SKETCH_BELOW

    def said(self, wording: Wording) -> dict[str, object]:
        """The share of 100, the range it lies in, and the age, as values of a sentence."""
        low, high = share_interval(self.hits, self.won)
        # With very many customers whole numbers would say between 41 and 41.
        decimals = 0 if high - low >= 0.015 else 1
        written = [wording.number(100 * v, decimals=decimals) for v in (self.share, low, high)]
        return {"share": written[0], "low": written[1], "high": written[2], "age": self.age}


def pool(counted: Counted, age: int) -> tuple[int, int, int]:
    """The trusted cohorts seen at an age: customers won, of these who bought, cohorts."""
    firsts = counted.pooled(age)
    won = _won(counted, firsts)
    cells = counted.cells
    at = cells["first"].isin(firsts) & (cells["age"] == age) & (cells["older"] == 0)
    return won, int(cells.loc[at, "customers"].sum()), len(firsts)


def _won(counted: Counted, firsts: list[int]) -> int:
    young = counted.cohorts[counted.cohorts["older"] == 0]
    return int(young.loc[young["first"].isin(firsts), "customers"].sum())


def _back(counted: Counted, firsts: list[int], age: int) -> Milestone:
    """Who of those cohorts bought again within that many periods."""
    rows = counted.returns
    hits = rows.loc[rows["first"].isin(firsts) & (rows["age"] <= age), "customers"].sum()
    return Milestone(age, int(hits), _won(counted, firsts))


def _milestones(result: CohortResult) -> tuple[Milestone, Milestone] | None:
    """Back soon, and buying later; at the highest ages seen where the usual are not."""
    counted = result.counted
    if not counted.horizon:
        return None
    soon = min(SOON[result.period], counted.horizon)
    won, customers, _ = pool(counted, counted.horizon)
    back = _back(counted, counted.pooled(soon), soon)
    return back, Milestone(counted.horizon, customers, won)


def title(result: CohortResult) -> str:
    """What a chart of the cohorts says."""
    w, reached = result.wording, _milestones(result)
    if reached is None:
        return _nothing_yet(result)
    back, later = reached
    if back.few:
        return _sketch(result, back)
    return w.say(
        f"cohorts.title.{result.period}" if later.age > back.age else "cohorts.title_short",
        back=back.said(w)["share"],
        soon=_soon(w, back.age, result.period),
        later=later.said(w)["share"],
        on=_periods(w, later.age, result.period),
    )


def say_retention(result: CohortResult) -> str:
    """The sentence of the cohorts."""
    w, reached = result.wording, _milestones(result)
    if reached is None:
        return _nothing_yet(result) + "."
    back, later = reached
    if back.few:
        return _sketch(result, back) + "."
    values = {f"back_{name}": value for name, value in back.said(w).items()}
    values |= {f"later_{name}": value for name, value in later.said(w).items()}
    said = w.say(
        f"cohorts.sentence.{result.period}" if later.age > back.age else "cohorts.sentence_short",
        **{name: value for name, value in values.items() if not name.endswith("_age")},
        soon=_soon(w, back.age, result.period),
        on=_periods(w, later.age, result.period),
    )
    compared = _compared(result)
    parts = [said]
    if compared is not None:
        parts.append(_say_compared(result, *compared))
    if result.counted.presumed:
        parts.append(_caveat(result))
    return " ".join(parts)


def say_curve(curve: CohortCurve) -> str:
    """The curve from its first age to the highest one with enough customers."""
    w, ends = curve.wording, _ends(curve)
    if not ends:
        return w.say("cohorts.curve_none", least=SKETCH_BELOW)
    said = []
    for reached in ends:
        values = {name: value for name, value in reached.said(w).items() if name != "age"}
        on = _periods(w, reached.age, curve.period)
        said.append(w.say("cohorts.curve_at", on=on, **values))
    return w.say(f"cohorts.curve.{curve.period}", ends=", ".join(said))


def curve_title(curve: CohortCurve) -> str:
    """What a chart of the curve says."""
    w, ends = curve.wording, _ends(curve)
    if not ends:
        return say_curve(curve)
    return w.say(
        f"cohorts.curve_title.{curve.period}" if len(ends) > 1 else "cohorts.curve_title_short",
        first=ends[0].said(w)["share"],
        last=ends[-1].said(w)["share"],
        on=_periods(w, ends[-1].age, curve.period),
    )


def _ends(curve: CohortCurve) -> list[Milestone]:
    rows = curve.table[curve.table["age"].isin(curve.told_ages())]
    return [Milestone(int(row.age), int(row.customers), int(row.size)) for row in rows.itertuples()]


def money_title(result: CohortResult) -> str:
    """What a chart of the revenue says."""
    return _money(result, "cohorts.money_title").rstrip(".")


def say_money(result: CohortResult) -> str:
    """What a customer won brings at first and afterwards, with the range chance leaves."""
    said = _money(result, "cohorts.money")
    return f"{said} {_caveat(result)}" if result.counted.presumed else said


def _money(result: CohortResult, key: str) -> str:
    w, counted = result.wording, result.counted
    firsts = counted.pooled(counted.horizon)
    won = _won(counted, firsts)
    if not counted.horizon:
        return _nothing_yet(result) + "."
    cells, after = counted.cells, counted.afterwards
    begun = cells["first"].isin(firsts) & (cells["age"] == 0) & (cells["older"] == 0)
    first = float(cells.loc[begun, "revenue"].sum()) / won
    rows = after[after["first"].isin(firsts)]
    mean = float(rows["total"].sum()) / won
    if won < SKETCH_BELOW:
        total = w.money(mean * won)
        return w.say("cohorts.money_few", won=won, first=w.money(first * won), after=total)
    spread = max(float(rows["squares"].sum()) / won - mean * mean, 0.0)
    half = _Z * math.sqrt(spread / (won - 1))
    return w.say(
        key,
        at=w.say(f"cohorts.at_first.{result.period}"),
        first=w.money(first),
        after=w.money(mean),
        low=w.money(mean - half),
        high=w.money(mean + half),
        on=_periods(w, counted.horizon, result.period),
    )


def compare(result: CohortResult) -> Listing:
    """The newest cohorts beside the same months a year before, at the same age."""
    w, compared = result.wording, _compared(result)
    names = ["cohorts", "size", "returned", "share", "share_low", "share_high"]
    if compared is None:
        said = w.say("cohorts.compare.none", least=SKETCH_BELOW)
        return Comparison(
            pd.DataFrame(columns=names), wording=w, said=said, assumptions=result.assumptions
        )
    rows = [
        (_span(result, firsts), m.won, m.hits, m.share, *share_interval(m.hits, m.won))
        for firsts, m in compared
    ]
    return Comparison(
        pd.DataFrame(rows, columns=names),
        wording=w,
        said=_say_compared(result, *compared),
        assumptions=result.assumptions,
    )


class Comparison(Listing):
    """Two groups of cohorts at the same age."""

    formats: ClassVar[Mapping[str, str]] = {
        "size": "count",
        "returned": "count",
        "share": "percent",
        "share_low": "percent",
        "share_high": "percent",
    }


Side = tuple[list[int], Milestone]


def _compared(result: CohortResult) -> tuple[Side, Side] | None:
    """Newer and older cohorts, by pairs a year apart so that the season is the same."""
    counted, year = result.counted, 12 // MONTHS[result.period]
    age = SOON[result.period]
    sure = counted.cohorts[(counted.cohorts["older"] == 0) & ~counted.cohorts["doubtful"]]
    seen = counted.pooled(age, tuple(int(first) for first in sure["first"]))
    newest = [first for first in seen if first > max(seen) - year and first - year in seen]
    oldest = [first - year for first in newest]
    newer, older = _back(counted, newest, age), _back(counted, oldest, age)
    if newer.few or older.few:
        return None
    return (newest, newer), (oldest, older)


def difference_interval(one: Milestone, other: Milestone) -> tuple[float, float]:
    """Between which values the difference of two shares lies, 95 % sure.

    Newcombe 1998, method 10, doi 10.1002/(SICI)1097-0258(19980430)17:8<873::AID-SIM779>3.0.CO;2-I.

    >>> low, high = difference_interval(Milestone(1, 56, 70), Milestone(1, 48, 80))
    >>> round(low, 4), round(high, 4)
    (0.0524, 0.3339)
    """
    (l1, u1), (l2, u2) = share_interval(one.hits, one.won), share_interval(other.hits, other.won)
    gap = one.share - other.share
    low = gap - math.hypot(one.share - l1, u2 - other.share)
    return low, gap + math.hypot(u1 - one.share, other.share - l2)


def _say_compared(result: CohortResult, newer: Side, older: Side) -> str:
    w = result.wording
    low, high = difference_interval(newer[1], older[1])
    how = "more" if low > 0 else "less" if high < 0 else "same"
    return w.say(
        f"cohorts.compare.{how}",
        newer=_when(result, newer[0]),
        older=_when(result, older[0]),
        new=newer[1].said(w)["share"],
        old=older[1].said(w)["share"],
        soon=_soon(w, newer[1].age, result.period),
    )


def _span(result: CohortResult, firsts: list[int]) -> str:
    return from_to(firsts, result.period, result.wording)


def _when(result: CohortResult, firsts: list[int]) -> str:
    """When some cohorts were won, as a part of a sentence."""
    w = result.wording
    first, last = (named(firsts[place], result.period, w) for place in (0, -1))
    return w.say(
        "cohorts.span.many" if len(firsts) > 1 else "cohorts.span.one", first=first, last=last
    )


def from_to(firsts: list[int], period: Period, wording: Wording) -> str:
    """From the first to the last of some cohorts, in order."""
    ends = [named(first, period, wording) for first in firsts]
    if len(ends) == 1:
        return ends[0]
    return wording.say("cohorts.from_to", first=ends[0], last=ends[-1])


def named(first: int, period: Period, wording: Wording) -> str:
    """A period as a sentence names it: March 2024, 2024-Q1, 2024."""
    if period == "month":
        return wording.month(period_start(first, period))
    return period_label(first, period, wording.language)


def _periods(wording: Wording, count: int, period: Period) -> str:
    return wording.say(f"cohorts.periods.{period}", n=count)


def _soon(wording: Wording, count: int, period: Period) -> str:
    return wording.say(f"cohorts.soon.{period}", n=count)


def _caveat(result: CohortResult) -> str:
    start = result.counted.beginnings.history_start
    return result.wording.say("cohorts.caveat", start=result.wording.date(start))


def _sketch(result: CohortResult, back: Milestone) -> str:
    soon = _soon(result.wording, back.age, result.period)
    return result.wording.say("cohorts.sketch", won=back.won, hits=back.hits, soon=soon)


def _nothing_yet(result: CohortResult) -> str:
    """Why nothing can be said of coming back."""
    w, won = result.wording, int(result.table.drop_duplicates("start")["size"].sum())
    if won:
        return w.say(f"cohorts.too_young.{result.period}", won=won)
    return w.say(f"cohorts.empty.{result.period}")
