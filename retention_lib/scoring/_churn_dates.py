"""Which past dates a churn model learns from, which one it is judged on, and whose rows it sees.

Labels of the training end before the test date, so that nothing is judged that was learnt from;
the dates of the model that scores today end one horizon ago, where the labels do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import narwhals as nw
import numpy as np

from retention_lib.base import engine
from retention_lib.base.customer_base import CustomerBase
from retention_lib.errors import InputError
from retention_lib.portfolio.activity import CONTRACT_COLUMNS, with_endings
from retention_lib.scoring._churn_refusal import TooLittleError

Strings: TypeAlias = np.ndarray[Any, np.dtype[Any]]

STEP_DAYS = 30
"""Days between two dates; closer ones would see the same customers do the same things."""
CLOSEST_DAYS = 10
FEW_DATES = 6
"""A short history is cut into more, closer dates, up to so many."""
MOST_DATES = 14
"""A year of dates and those in between: every season once, and the same season last year."""
SHORTEST_HISTORY = 30
"""A date needs so many days before it, or nothing is known of anybody."""
SETTLED_HISTORY = 90
"""With less behind it a date is learnt from only where there are no others to speak of."""
FEWEST_DATES = 4
LONGEST_HORIZON = 1095
SHORTEST_HORIZON = 7
"""A shorter one is not proposed: within days hardly anybody buys anyway."""

MOST_ROWS = 200_000


@dataclass(frozen=True)
class Dates:
    """Day numbers: ``test``, and all dates with known labels in order, the test date last."""

    days: tuple[int, ...]
    horizon_days: int

    @property
    def test(self) -> int:
        """The date that the model is judged on: its labels end on ``as_of``."""
        return self.days[-1]

    @property
    def training(self) -> tuple[int, ...]:
        """Dates whose labels end on the test date or before."""
        return tuple(day for day in self.days if day <= self.test - self.horizon_days)


def plan_dates(first_day: int, as_of_day: int, horizon_days: int) -> Dates:
    """Dates counted back from the last one whose label is known.

    Raises ``TooLittleError`` where the history does not reach back far enough for one date to learn
    from and a later one to be judged on.

    >>> plan_dates(0, 400, 90).days
    (100, 130, 160, 190, 220, 250, 280, 310)
    >>> plan_dates(0, 400, 90).training
    (100, 130, 160, 190, 220)
    """
    test = as_of_day - horizon_days
    last = test - horizon_days
    spare = last - (first_day + SHORTEST_HISTORY)
    if spare < 0:
        there = as_of_day - first_day
        possible = (there - SHORTEST_HISTORY) // 2
        raise TooLittleError(
            "refusal.history_shorter" if possible >= SHORTEST_HORIZON else "refusal.history",
            missing=-spare,
            horizon=horizon_days,
            least=SHORTEST_HISTORY,
            needed=2 * horizon_days + SHORTEST_HISTORY,
            there=there,
            possible=possible,
        )
    step = int(np.clip(spare // (FEW_DATES - 1), CLOSEST_DAYS, STEP_DAYS))
    back = range(test, first_day + SHORTEST_HISTORY - 1, -step)
    days = [day for day in back if day > last or (last - day) % step == 0]
    days = sorted({*days, *range(last, first_day + SHORTEST_HISTORY - 1, -step)})
    days = days[-(MOST_DATES + horizon_days // step) :]
    settled = [day for day in days if day - first_day >= SETTLED_HISTORY]
    enough = [day for day in settled if day <= last]
    return Dates(tuple(settled if len(enough) >= FEWEST_DATES else days), horizon_days)


def check_horizon(horizon_days: object) -> int:
    """The horizon, or a message that says what it must be."""
    if (
        isinstance(horizon_days, bool)
        or not isinstance(horizon_days, int | np.integer)
        or not 1 <= horizon_days <= LONGEST_HORIZON
    ):
        raise InputError(
            f"horizon_days must be a whole number of days, 1 to {LONGEST_HORIZON:,}, such as 90; "
            f"got {horizon_days!r}."
        )
    return int(horizon_days)


def first_purchase(base: CustomerBase) -> int:
    """The day number of the first purchase; raises where there is none."""
    first = engine.one_row(base.purchases().select(nw.col("day").min().alias("first")))["first"]
    if first is None:
        raise TooLittleError("refusal.nobody", as_of=base.as_of)
    return int(first)


@dataclass(frozen=True)
class Drawn:
    """Whose rows are learnt from: ``ids`` out of so many customers; ``None`` out of 0 for all."""

    ids: list[str] | None
    out_of: int


def sampled_customers(base: CustomerBase, dates: Dates) -> Drawn:
    """Whole customers, so that at most about 200,000 rows are learnt from.

    Chosen by a number made of the customer's id alone: the order of the rows, the engine and
    customers who come later change nothing.
    """
    bought = base.purchases().group_by("customer_id").agg(nw.col("day").max().alias("last_day"))
    recent = nw.col("last_day") > dates.days[0] - base.activity_window_days
    if base.has("customers", CONTRACT_COLUMNS[1]):
        bought = with_endings(base, bought)
        recent = recent | nw.col("is_contract")
    candidates = bought.filter(recent).select("customer_id")
    count = int(engine.one_row(candidates.select(nw.len().alias("n")))["n"])
    allowed = MOST_ROWS // len(dates.days)
    if count <= allowed:
        return Drawn(None, 0)
    ids = engine.collect(candidates)["customer_id"].astype(str).to_numpy(dtype=object)
    drawn = ids[draws_of(ids) < allowed / count]
    return Drawn(sorted(drawn.tolist()), count)


def draws_of(ids: Strings) -> Strings:
    """A number from 0 to 1 for each id, the same wherever and whenever it is made.

    >>> draws_of(np.array(["a", "b", "a"], dtype=object)).round(3).tolist()
    [0.713, 0.854, 0.713]
    """
    from zlib import crc32

    mixed = np.fromiter((crc32(str(each).encode()) for each in ids), np.uint64, len(ids))
    # A checksum of neighbouring numbers is no draw; these steps (splitmix64) scatter them.
    with np.errstate(over="ignore"):
        mixed = mixed * np.uint64(0x9E3779B97F4A7C15)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return (mixed ^ (mixed >> np.uint64(31))) / 2.0**64
