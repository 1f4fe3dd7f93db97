"""On which day a file begins: one rule for the ledger, the window, the lost and the cohorts."""

from __future__ import annotations

import narwhals as nw

from retention_lib.base import engine
from retention_lib.base.customer_base import CustomerBase
from retention_lib.portfolio.calendar_periods import period_index

_STRAY_SHARE = 0.01
# Exports begin on the first of a month, and 1 January is a holiday.
_FIRST_DAYS = 4


def first_day(base: CustomerBase) -> int:
    """The day number of the first line; a handful a year or more before all others is none.

    Such lines carry a date that somebody mistyped, or 1 January 1900 for "not known".
    """
    # By day first: there are few days, and the month of a day is slow to tell.
    days = base.visible("transactions").group_by("day").agg(nw.len().alias("lines"))
    months = engine.collect(
        days.select("day", "lines", period_index(nw.col("day"), "month").alias("month"))
        .group_by("month")
        .agg(nw.col("day").min(), nw.col("lines").sum().cast(nw.Int64))
    ).sort_values("month")
    before = months["lines"].cumsum().shift(fill_value=0)
    apart = months["month"].diff() > 12
    strays = apart & (before < _STRAY_SHARE * months["lines"].sum())
    begins = months.loc[strays, "day"] if strays.any() else months["day"].iloc[:1]
    return int(begins.iloc[-1])


def seen_from(first: int) -> int:
    """The day from which purchases are seen, of a file whose first line lies on ``first``.

    Where that is one of the first days of a month, the file is taken to begin with the month.
    """
    day = engine.day_of(first).day
    return first - (day - 1) if day <= _FIRST_DAYS else first
