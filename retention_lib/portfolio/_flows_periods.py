"""Which calendar periods a base can show in full, and how they are called in a sentence."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from retention_lib.base import engine
from retention_lib.portfolio import _beginnings
from retention_lib.portfolio.calendar_periods import (
    Period,
    period_end,
    period_of,
    period_start,
)
from retention_lib.wording import Wording

_END_OF_TIME = engine.day_number(date(9998, 12, 31))
LONGEST_FIRST: tuple[Period, ...] = ("year", "quarter", "month")


def _start_day(number: int, kind: Period) -> int:
    return engine.day_number(period_start(number, kind))


def end_day(number: int, kind: Period) -> int:
    """The day number of a period's last day."""
    return engine.day_number(period_end(number, kind))


def say_period(start: date, kind: Period, wording: Wording, *, key: str = "in") -> str:
    """A period as one says it: ``in`` a sentence ("In March 2024"), on its ``axis`` ("Mar 2024").

    ``name`` is the period alone ("March 2024").
    """
    month = wording.short_month(start) if key == "axis" else wording.month(start)
    return wording.say(
        f"flows.{key}.{kind}",
        year=str(start.year),
        quarter=str((start.month + 2) // 3),
        month=month,
    )


@dataclass(frozen=True)
class Span:
    """What a base can show: the days it covers and the complete periods in them.

    ``first`` and ``last`` are the numbers of the first and the last complete period whose
    opening is fully observed; ``last < first`` where there is none.
    """

    kind: Period
    first_day: int
    as_of_day: int
    window_days: int

    @property
    def seen_from(self) -> int:
        """The day from which purchases are seen: the first of the month of a first line near it."""
        return _beginnings.seen_from(self.first_day)

    @property
    def first(self) -> int:
        """The first period whose opening the base can tell.

        Whoever bought in the window before it began must be seen, or old customers look new.
        """
        known_from = min(self.seen_from + self.window_days, _END_OF_TIME)
        number = period_of(engine.day_of(known_from), self.kind)
        return number if _start_day(number, self.kind) == known_from else number + 1

    @property
    def last(self) -> int:
        """The last period that is over on ``as_of``."""
        number = period_of(engine.day_of(self.as_of_day), self.kind)
        return number if end_day(number, self.kind) == self.as_of_day else number - 1

    @property
    def count(self) -> int:
        """How many complete periods there are."""
        return max(self.last - self.first + 1, 0)

    @property
    def boundaries(self) -> list[int]:
        """The day before the first period, and the last day of each of them."""
        return [end_day(number, self.kind) for number in range(self.first - 1, self.last + 1)]


def longest_kind(first: int, as_of_day: int, window_days: int) -> Period | None:
    """The longest kind of period of which there is a complete one; ``None`` where none is."""
    kinds = (kind for kind in LONGEST_FIRST if Span(kind, first, as_of_day, window_days).count)
    return next(kinds, None)
