"""What time and chance alone would do to customers who changed nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import narwhals as nw
import numpy as np

from retention_lib.base import engine
from retention_lib.base.customer_base import NET_DECIMALS, CustomerBase

if TYPE_CHECKING:
    import pandas as pd

Values: TypeAlias = np.ndarray[Any, np.dtype[np.float64]]

MOST_CUSTOMERS = 6_000
MOST_PURCHASES = 120_000
"""Customers, and purchases of theirs, dealt anew in one draw at most."""


@dataclass(frozen=True)
class Span:
    """The two windows of ``days`` days: one ends on ``since``, the other on ``now``."""

    since: int
    now: int
    days: int

    @property
    def start(self) -> int:
        """The last day before the first window."""
        return self.since - self.days

    @property
    def breaks(self) -> Values:
        """Where the span is cut: into what only the first, both or neither, and the second see."""
        inner = sorted({self.since, self.now - self.days} - {self.start})
        ends: Values = np.array([self.start, *inner, self.now], dtype=np.float64)
        return ends


def sum_up(base: CustomerBase, span: Span) -> pd.DataFrame:
    """One row a customer known on the first date: what its purchases of both windows add up to.

    ``first_day, before_day`` (last purchase before the span), ``purchases, revenue`` in the
    span, ``gaps, gap_days, gap_squares`` between its purchases, and what these brought:
    ``sales, sale_squares``.
    """
    day, net = nw.col("day"), nw.col("net")
    inside = day > span.start
    days = base.customer_days().with_columns((net > 0).alias("bought"))
    before = day.shift(1).over("customer_id", "bought", order_by="day")
    bought = nw.col("bought")
    counted = bought & inside
    marked = days.with_columns(
        nw.when(counted & (before > span.start)).then(day - before).alias("gap")
    )
    sale = nw.when(counted).then(net).otherwise(nw.lit(0.0))
    return engine.collect(
        marked.select(
            "customer_id",
            nw.when(bought).then(day).alias("first_day"),
            nw.when(bought & ~inside).then(day).alias("before_day"),
            nw.when(counted).then(nw.lit(1)).otherwise(nw.lit(0)).alias("purchases"),
            nw.when(inside).then(net).otherwise(nw.lit(0.0)).alias("revenue"),
            nw.col("gap"),
            (nw.col("gap") * nw.col("gap")).cast(nw.Float64).alias("gap_squares"),
            sale.alias("sales"),
            (sale * sale).alias("sale_squares"),
        )
        .group_by("customer_id")
        .agg(
            nw.col("first_day").min(),
            nw.col("before_day").max(),
            nw.col("purchases").sum().cast(nw.Int64),
            nw.col("gap").count().cast(nw.Int64).alias("gaps"),
            nw.col("gap").sum().cast(nw.Int64).alias("gap_days"),
            nw.col("gap_squares").sum(),
            nw.col("revenue", "sales", "sale_squares").sum().round(NET_DECIMALS),
        )
        .filter(nw.col("first_day") <= span.since)
    ).sort_values("customer_id", ignore_index=True)


def evenness(counts: Values, sums: Values, squares: Values) -> float:
    """The shape of gamma pieces: 1 for gaps as chance deals them, more for more even ones.

    Of n pieces that are gamma of one shape a, the squares of the shares add up to
    (a + 1) / (n a + 1) on average, whatever the customer's own size of piece; the shape that
    fits all customers at once, those with more pieces counting more.

    >>> evenness(np.array([2.0, 2.0]), np.array([1.0, 1.0]), np.array([0.5, 0.5]))
    50.0
    """
    usable = (counts >= 2) & (sums > 0)
    n = counts[usable]
    if not n.size:
        return 1.0
    seen = squares[usable] / sums[usable] ** 2
    low, high = 0.1, 50.0
    for _ in range(60):
        middle = np.sqrt(low * high)
        if float((n * (seen - (middle + 1) / (n * middle + 1))).sum()) > 0:
            high = middle
        else:
            low = middle
    return float(np.round(np.sqrt(low * high), 3))


def own_evenness(counts: Values, sums: Values, squares: Values) -> Values:
    """The same shape for each customer by itself, so that its own baskets are dealt, no others.

    >>> own_evenness(np.array([2.0]), np.array([4.0]), np.array([10.0]))
    array([1.5])
    """
    shares = np.divide(squares, sums**2, out=np.ones_like(sums), where=sums > 0)
    shape = (1 - shares) / np.maximum(counts * shares - 1, 1e-9)
    found: Values = np.clip(shape, 0.02, 50.0)
    return found


@dataclass(frozen=True)
class Dealt:
    """The six measures of the drawn customers in a world where nobody changed."""

    then: tuple[Values, Values, Values]
    now: tuple[Values, Values, Values]


class NoChange:
    """A world in which every customer kept its habits over both windows.

    Each keeps as many purchases and as much revenue as it had in both windows together; when the
    purchases fell is dealt anew, evenly over the time since it is a customer, as regularly as
    this base's customers buy, and so is what each purchase brought.
    """

    def __init__(self, summed: pd.DataFrame, span: Span) -> None:
        self.span = span
        self.first = summed["first_day"].to_numpy(dtype=float)
        self.before = summed["before_day"].to_numpy(dtype=float, na_value=np.nan)
        self.purchases = summed["purchases"].to_numpy(dtype=np.int64)
        self.revenue = summed["revenue"].to_numpy(dtype=float)

        def numbers(name: str) -> Values:
            found: Values = summed[name].to_numpy(dtype=float, na_value=0.0)
            return found

        gap_days = np.nan_to_num(numbers("gap_days"))
        self.rhythm = evenness(numbers("gaps"), gap_days, np.nan_to_num(numbers("gap_squares")))
        self.baskets = own_evenness(
            self.purchases.astype(float), numbers("sales"), numbers("sale_squares")
        )

    def draw_customers(self, rng: np.random.Generator) -> np.ndarray[Any, np.dtype[np.int64]]:
        """Whose purchases are dealt in a draw: all, or as many as a draw can hold."""
        count = len(self.first)
        mean = max(float(self.purchases.mean()), 1.0)
        most = min(count, MOST_CUSTOMERS, max(int(MOST_PURCHASES / mean), 200))
        return np.sort(rng.choice(count, most, replace=False))

    def deal(self, who: np.ndarray[Any, np.dtype[np.int64]], rng: np.random.Generator) -> Dealt:
        """Deal the purchases of these customers once."""
        span, count = self.span, self.purchases[who]
        joined = self.first[who] > span.start
        start = np.where(joined, self.first[who], float(span.start))
        days = self._days(count, start, joined, rng)
        owner = np.repeat(np.arange(len(who)), count)
        parts = self._parts(days, owner, len(who))
        money = self._money(parts, who, rng)
        seen_then = np.searchsorted(span.breaks[1:], span.since) + 1
        seen_now = np.searchsorted(span.breaks, span.now - span.days)
        before = np.where(np.isnan(self.before[who]), self.first[who], self.before[who])
        last_then = _last(np.where(days <= span.since, days, -np.inf), owner, before)
        last_now = _last(days, owner, before)
        return Dealt(
            (span.since - last_then, _sum(parts[:, :seen_then]), _sum(money[:, :seen_then])),
            (span.now - last_now, _sum(parts[:, seen_now:]), _sum(money[:, seen_now:])),
        )

    def _days(self, count: Any, start: Values, joined: Any, rng: np.random.Generator) -> Values:
        """Days of purchases: gaps of the base's evenness round a circle, turned at random.

        Whoever became a customer inside the span begins with its first purchase, not at random.
        """
        gaps = rng.standard_gamma(self.rhythm, int(count.sum())) + 1e-12
        ends = np.cumsum(gaps)
        stops = np.cumsum(count)
        base = np.where(stops > count, ends[np.maximum(stops - count - 1, 0)], 0.0)
        total = np.where(count > 0, ends[np.maximum(stops - 1, 0)] - base, 1.0)
        place = (ends - np.repeat(base, count)) / np.repeat(total, count)
        turn = np.where(joined, 0.0, rng.random(len(count)))
        place = (place + np.repeat(turn, count)) % 1.0
        length = self.span.now - start
        # The last point of a circle that is not turned lies where it began: the first purchase.
        days = np.repeat(start, count) + np.where(
            np.repeat(joined, count) & ((place < 1e-9) | (place > 1 - 1e-9)),
            0.0,
            np.ceil(np.maximum(place * np.repeat(length, count), 1e-9)),
        )
        found: Values = np.minimum(days, self.span.now)
        return found

    def _parts(self, days: Values, owner: Any, customers: int) -> Values:
        """How many purchases of each customer fall into each part of the span."""
        breaks = self.span.breaks
        parts = len(breaks) - 1
        part = np.clip(np.searchsorted(breaks, days, side="left") - 1, 0, parts - 1)
        counts = np.bincount(owner * parts + part, minlength=customers * parts)
        found: Values = counts.reshape(customers, parts).astype(np.float64)
        return found

    def _money(self, parts: Values, who: Any, rng: np.random.Generator) -> Values:
        """The customer's revenue of the span, split as its purchases and baskets are dealt."""
        shape = np.where(parts > 0, parts * self.baskets[who][:, None], 1.0)
        weights = rng.standard_gamma(shape) * (parts > 0)
        total = weights.sum(axis=1, keepdims=True)
        # Weights so uneven that they vanish: all of it falls where most purchases do.
        lone = (parts == parts.max(axis=1, keepdims=True)) & (parts > 0)
        weights = np.where(total > 0, weights, lone)
        shares = weights / np.maximum(weights.sum(axis=1, keepdims=True), 1e-300)
        money: Values = shares * self.revenue[who][:, None]
        return money


def expected_by_chance(
    world: NoChange, moves: Callable[[Dealt], Values], *, draws: int, seed: int
) -> Values:
    """What ``moves`` (shares of customers) comes to in each of ``draws`` worlds without change."""
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(draws):
        who = world.draw_customers(rng)
        found.append(moves(world.deal(who, rng)))
    return np.array(found)


def _sum(parts: Values) -> Values:
    return np.asarray(parts.sum(axis=1))


def _last(days: Values, owner: Any, before: Values) -> Values:
    """Each customer's last day; what it had before the span where none was dealt."""
    last = np.array(before, dtype=float)
    np.maximum.at(last, owner, days)
    return last
