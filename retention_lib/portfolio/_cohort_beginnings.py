"""Where a file begins, and whose first purchase in it may not have been the first of all.

A customer who bought for years before the file begins looks new in its first weeks. Where
``acquired_on`` tells, it decides. Where it does not, doubt lasts as long as nine in ten of those
who buy again take, on average, to come back: by then an old customer has shown up.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date
from typing import Any

import narwhals as nw

from retention_lib.base import engine
from retention_lib.base.customer_base import CustomerBase
from retention_lib.portfolio._beginnings import first_day, seen_from

SHOWN_UP = 0.9
# Where fewer came later than this the file holds a group chosen by its beginning, as CDNOW does.
_GROUP_SHARE = 0.05


@dataclass(frozen=True)
class Beginnings:
    """From which day the file tells anything, and from which day a first purchase is one."""

    history_day: int
    settled_day: int

    @property
    def history_start(self) -> date:
        """The first day of the file."""
        return engine.day_of(self.history_day)

    @property
    def settling_days(self) -> int:
        """How long an old customer may look new; 0 where nobody ever came back."""
        return self.settled_day - self.history_day


def acquired_days(base: CustomerBase, people: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Add ``acquired_day`` to rows with a ``customer_id``: missing where nobody knows."""
    if not base.has("customers", "acquired_on"):
        return people.with_columns(nw.lit(None, dtype=nw.Int64).alias("acquired_day"))
    known = (
        base.visible("customers")
        .group_by("customer_id")
        .agg(nw.col("acquired_on_day").min().cast(nw.Int64).alias("acquired_day"))
    )
    return people.join(known, on="customer_id", how="left")


def find_beginnings(base: CustomerBase, people: nw.LazyFrame[Any]) -> Beginnings:
    """Where the file begins, from one row a customer: ``first_day, last_day, purchases``."""
    first = seen_from(first_day(base))
    span = (nw.col("last_day") - nw.col("first_day")).cast(nw.Float64)
    gaps = people.filter(nw.col("purchases") > 1).select(
        (span / (nw.col("purchases") - 1).cast(nw.Float64)).alias("gap")
    )
    usual = engine.one_row(gaps.select(nw.col("gap").quantile(SHOWN_UP, interpolation="linear")))
    longest = usual["gap"]
    # Never longer than a year: who comes back later than that counts as won anew.
    days = 0 if longest is None or longest != longest else min(math.ceil(longest), 365)
    return Beginnings(first, first + days)


def only_beginners(late: int, everybody: int) -> bool:
    """Whether next to nobody came after the beginning, so that the file holds one group."""
    return late < _GROUP_SHARE * everybody
