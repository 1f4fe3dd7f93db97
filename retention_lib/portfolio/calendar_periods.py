"""Months, quarters and years of the civil calendar, as whole numbers an engine can count with.

A period is its number since the year 0: months 24,288 on are those of 2024, quarters 8,096 on,
year 2,024. Neighbouring periods differ by one, whatever their length in days.
"""

from __future__ import annotations

import calendar
from collections.abc import Mapping
from datetime import date
from typing import Literal

import narwhals as nw
import numpy as np

from retention_lib.base import engine
from retention_lib.errors import ChoiceError, InputError

Period = Literal["month", "quarter", "year"]

MONTHS: Mapping[str, int] = {"month": 1, "quarter": 3, "year": 12}
"""How many months a period has."""

# 1 March of the year 0 as a day number. Years that begin in March end with the leap day, which
# makes the rest of the calendar regular.
_MARCH_OF_YEAR_0 = -719468
_DAYS_IN_400_YEARS = 146097
_DAYS_IN_4_YEARS = 1461


def check_period(period: object) -> Period:
    """The period where it is one.

    Raises ``ChoiceError`` where it is not.
    """
    for known in ("month", "quarter", "year"):
        if isinstance(period, str) and period == known:
            return known
    raise ChoiceError("period", period, MONTHS)


def period_index(day: nw.Expr, period: Period) -> nw.Expr:
    """The number of the period in which a day number lies, by arithmetic on whole numbers.

    Right for every day from 1 March of the year 0 on. After Neri and Schneider 2022, "Euclidean
    affine functions and their application to calendar algorithms", doi 10.1002/spe.3172.

    >>> import pandas as pd
    >>> days = nw.from_native(pd.DataFrame({"day": [19782, 19783]}))  # 29 February, 1 March 2024
    >>> days.select(period_index(nw.col("day"), "month"))["day"].to_list()
    [24289, 24290]
    """
    quarter_days = (day - _MARCH_OF_YEAR_0) * 4 + 3
    century = _whole_parts(quarter_days, _DAYS_IN_400_YEARS)
    rest = _whole_parts(quarter_days % _DAYS_IN_400_YEARS, 4) * 4 + 3
    year_of_century = _whole_parts(rest, _DAYS_IN_4_YEARS)
    day_of_year = _whole_parts(rest % _DAYS_IN_4_YEARS, 4)
    # Five months from March on have 153 days: 31, 30, 31, 30, 31; January counts as the 13th.
    month = _whole_parts(day_of_year * 5 + 461, 153)
    months = century * 1200 + year_of_century * 12 + month - 1
    return months if period == "month" else _whole_parts(months, MONTHS[period])


def _whole_parts(value: nw.Expr, divisor: int) -> nw.Expr:
    """``value // divisor``, exactly, for whole numbers far below 2 to the power of 53.

    Not written with ``//``: on DuckDB that repeats its operand nine times, and nested as deep
    as here it makes a statement of 300,000 characters, which takes ten seconds to plan.
    """
    return (value / divisor).floor().cast(nw.Int64)


def period_of(day: date, period: Period) -> int:
    """The number of the period in which a date lies.

    >>> period_of(date(2024, 8, 15), "quarter")
    8098
    """
    return (day.year * 12 + day.month - 1) // MONTHS[period]


def period_start(index: int, period: Period) -> date:
    """The first day of a period.

    >>> period_start(8098, "quarter")
    datetime.date(2024, 7, 1)
    """
    year, month = divmod(int(index) * MONTHS[period], 12)
    return date(year, month + 1, 1)


def period_end(index: int, period: Period) -> date:
    """The last day of a period.

    >>> period_end(8098, "quarter")
    datetime.date(2024, 9, 30)
    """
    return engine.day_of(engine.day_number(period_start(int(index) + 1, period)) - 1)


def period_label(index: int, period: Period, language: str = "en") -> str:
    """A period as a table names it: 2024, 2024-Q3 or 2024-03; such labels sort by time.

    A French quarter is a trimestre: 2024-T3.

    >>> period_label(2024, "year"), period_label(8098, "quarter"), period_label(24290, "month")
    ('2024', '2024-Q3', '2024-03')
    """
    start = period_start(index, period)
    if period == "year":
        return f"{start.year:04d}"
    if period == "quarter":
        letter = "T" if language == "fr" else "Q"
        return f"{start.year:04d}-{letter}{(start.month + 2) // 3}"
    return f"{start.year:04d}-{start.month:02d}"


def check_months(months: object, most: int) -> int:
    """The number of months, from 1 to ``most``.

    Raises ``InputError`` where it is not.
    """
    whole = isinstance(months, int | np.integer) and not isinstance(months, bool)
    number = int(months) if isinstance(months, int | np.integer) else 0
    if not whole or not 1 <= number <= most:
        raise InputError(
            f"months must be a whole number of months from 1 to {most}, such as 12; got {months!r}."
        )
    return number


def months_before(day: date, months: int) -> date:
    """The day so many calendar months before; the end of a month stays the end of one.

    >>> months_before(date(2025, 2, 28), 12), months_before(date(2025, 3, 30), 1)
    (datetime.date(2024, 2, 29), datetime.date(2025, 2, 28))
    """
    year, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    last = calendar.monthrange(year, month + 1)[1]
    at_end = day.day == calendar.monthrange(day.year, day.month)[1]
    return date(year, month + 1, last if at_end else min(day.day, last))
