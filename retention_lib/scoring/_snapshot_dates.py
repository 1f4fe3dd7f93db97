"""The dates that snapshots are taken on, and how several of them are met in one query.

Asking the engine a question costs the same however few rows there are: a small base spends nearly
all of its time on that. So its dates are asked about together, those of a large base one by one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import narwhals as nw

from retention_lib.base import engine
from retention_lib.scoring._snapshot_facts import Facts, Frame

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Moment:
    """One date as a day number, with what the label and the windows need."""

    day: int
    horizon_days: int
    window_days: int
    over: bool
    """Whether the horizon is over on ``base.as_of``, so that the label is known."""

    current: bool
    """Whether nothing is known from after the date: what has no date of its own may be shown."""


@dataclass(frozen=True)
class Dates:
    """Dates that are looked at together, in one query a table.

    Of one date the ``day`` is its number, of several the column ``at`` that :meth:`on` adds, one
    row of a table becoming one a date; ``keys`` are what a row a customer and date is known by.
    """

    moments: tuple[Moment, ...]
    listed: Frame | None = None
    """The dates as a table in the engine; none of a single date, which is a number in the query."""

    @property
    def day(self) -> Any:
        """The day number of the date, to reckon with."""
        return self.moments[0].day if self.listed is None else nw.col("at")

    @property
    def keys(self) -> tuple[str, ...]:
        """What one row a customer and date is known by."""
        return ("code",) if self.listed is None else ("at", "code")

    @property
    def horizon_days(self) -> int:
        """How many days the labels look ahead, the same on all the dates."""
        return self.moments[0].horizon_days

    def on(self, rows: Frame) -> Frame:
        """The rows as every date meets them."""
        return rows if self.listed is None else rows.join(self.listed, how="cross")


@contextmanager
def together(facts: Facts, moments: Sequence[Moment]) -> Iterator[Dates]:
    """Those dates, to be looked at in the same queries while the block lasts."""
    if len(moments) == 1:
        yield Dates(tuple(moments))
        return
    import pyarrow as pa

    days = pa.table({"at": pa.array([at.day for at in moments], pa.int32())})
    with engine.lent(days, facts.root) as listed:
        yield Dates(tuple(moments), listed)


def by_date(rows: pd.DataFrame, dates: Dates) -> list[pd.DataFrame]:
    """The rows of each date, in the order of the dates; what has no date is alike on all."""
    if "at" not in rows:
        return [rows for _ in dates.moments]
    order = rows["at"].to_numpy().argsort(kind="stable")
    sorted_rows = rows.take(order).drop(columns="at")
    days = rows["at"].to_numpy()[order]
    return [
        sorted_rows.iloc[days.searchsorted(at.day) : days.searchsorted(at.day, side="right")]
        for at in dates.moments
    ]
