"""A year's comings and goings of a base: measured where they can be, with how they were found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import narwhals as nw

from retention_lib.base import engine
from retention_lib.base.customer_base import CustomerBase
from retention_lib.decisions._scenario_ranges import count_range, narrowed, rounded, share_range
from retention_lib.decisions.ranges import Number, Range
from retention_lib.portfolio._beginnings import first_day, seen_from
from retention_lib.portfolio.activity import standing
from retention_lib.portfolio.flows import measure_flows
from retention_lib.portfolio.window import measure_window

if TYPE_CHECKING:
    import pandas as pd

    from retention_lib.portfolio.flows import FlowsResult

How = Literal["year", "year_ago", "window", "assumed"]
YEAR = 365
ASSUMED_ATTRITION = Range(0.05, 0.10, 0.15)
"""What stands where a base cannot tell: the trade speaks of 5 to 15 % a year."""
FEWEST_DAYS_SEEN = 90
"""With fewer days before it, those known a year ago are mostly the ones who buy most often."""
_FEWEST_MONTHS = 6
_COVERED = 0.9
_YEARS_HELD = 3


@dataclass(frozen=True)
class Rates:
    """Attrition, new and won back customers of a year, and how they were found.

    ``window_days`` is the window of activity that they hold for: the base's own, or a shorter one
    where its file is too short. ``words`` are what the sentence about their source takes.
    """

    how: How
    attrition: Range
    window_days: int
    new: Number | None = None
    won_back: Number | None = None
    words: Mapping[str, object] = field(default_factory=dict)


def find_rates(base: CustomerBase, flows: FlowsResult | None = None) -> Rates:
    """The best that the file can tell.

    The last complete calendar year, else those known a year ago, else the window that the file
    is long enough for, else what the trade says. Never a few months times twelve: they have a
    season, and customers who are new or about to leave are not spread evenly over the year.
    ``flows`` are those of the base, by the year, where they are at hand.
    """
    kept = measure_flows(base) if flows is None else flows
    rates = _of_year(base, kept) or _of_a_year_ago(base) or _of_window(base)
    return rates or Rates("assumed", ASSUMED_ATTRITION, base.activity_window_days)


def _of_year(base: CustomerBase, flows: FlowsResult) -> Rates | None:
    """The last complete calendar year; the range holds chance and the years before it."""
    table = flows.table
    if table.empty or not table["opening"].iloc[-1]:
        return None
    w, row = base.wording, table.iloc[-1]
    before = table.tail(_YEARS_HELD).iloc[:-1].dropna(subset=["attrition"])
    others = [
        w.say("scenario.source.in_year", rate=w.percent(year.attrition), year=str(year.period))
        for year in before.itertuples()
    ]
    chance = share_range(int(row["lost"]), int(row["opening"]))
    held = [chance.low, chance.high, *before["attrition"]]
    return Rates(
        "year",
        rounded(Range(min(held), chance.likely, max(held)), 5),
        base.activity_window_days,
        count_range(int(row["new"])),
        count_range(int(row["won_back"])),
        {
            "lost": int(row["lost"]),
            "opening": int(row["opening"]),
            "new": int(row["new"]),
            "won_back": int(row["won_back"]),
            "year": str(row["period"]),
            "others": w.listing(others),
        },
    )


def _of_a_year_ago(base: CustomerBase) -> Rates | None:
    """Of those known to be active a year ago, the share that is not; who else is, is new."""
    day = base.as_of_day - YEAR
    if not known_a_year_ago(base):
        return None
    then, now = (_active(one) for one in (base.at(engine.day_of(day)), base))
    if not len(then):
        return None
    lost = int((~then["customer_id"].isin(now["customer_id"])).sum())
    others = now[~now["customer_id"].isin(then["customer_id"])]
    new = int((others["first_day"] > day).sum())
    w = base.wording
    return Rates(
        "year_ago",
        share_range(lost, len(then)),
        base.activity_window_days,
        count_range(new),
        count_range(len(others) - new),
        {
            "lost": lost,
            "opening": len(then),
            "new": new,
            "won_back": len(others) - new,
            "since": w.date(engine.day_of(day)),
            "until": w.date(base.as_of),
        },
    )


def known_a_year_ago(base: CustomerBase) -> bool:
    """Whether the file tells who was a customer a year ago, of whom it saw enough days."""
    return base.as_of_day - YEAR >= seen_from(first_day(base)) + FEWEST_DAYS_SEEN - 1


def _active(base: CustomerBase) -> pd.DataFrame:
    active = standing(base).filter(nw.col("active"))
    return engine.collect(active.select("customer_id", "first_day"))


def _of_window(base: CustomerBase) -> Rates | None:
    """The rate that the longest window tells which the file is long enough for.

    The shorter the window, the more of those it calls lost are only between two purchases: they
    came back. So the range goes down to the rate without them, and a window that many silences
    outlast is not used at all.
    """
    table, own = measure_window(base).table, base.activity_window_days
    long_enough = (table["window_days"] == own) | (table["covered"] >= _COVERED)
    told = table[
        long_enough
        & (table["window_days"] <= own)
        & (table["months"] >= _FEWEST_MONTHS)
        & table["annual_attrition"].notna()
    ]
    if told.empty:
        return None
    row = told.iloc[-1]
    rate, back = float(row["annual_attrition"]), float(row["came_back"])
    chance = narrowed(float(row["annual_low"]), rate, float(row["annual_high"]), decimals=5)
    low = chance.low if back != back else min(chance.low, rate * (1 - back))
    words = {
        "months": int(row["months"]),
        "days": int(row["window_days"]),
        "back": base.wording.percent(0.0 if back != back else back, decimals=0),
    }
    return Rates(
        "window",
        rounded(Range(low, chance.likely, chance.high), 5),
        int(row["window_days"]),
        words=words,
    )
