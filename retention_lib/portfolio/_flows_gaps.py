"""Gaps between purchases and what an activity window makes of them, counted in the engine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np

from retention_lib.base import engine
from retention_lib.base.customer_base import CustomerBase
from retention_lib.portfolio._flows_ledger import known_facts
from retention_lib.portfolio._flows_periods import end_day
from retention_lib.portfolio.calendar_periods import period_of
from retention_lib.portfolio.intervals import Values

AT_RISK = 30
"""Beyond the length that so many gaps have reached, shares of gaps are not told."""
_NOBODY = {"active": 0, "opening": 0, "lost": 0}


@dataclass(frozen=True)
class Gaps:
    """How long customers took to buy again: ``ended`` gaps and ``still_open`` silences by length.

    Both arrays count, for each length in days from 0 on. A silence is still open on ``as_of``:
    how long it will last is not known, only that it is longer.
    """

    ended: Values
    still_open: Values

    @property
    def count(self) -> int:
        """Gaps that ended with a purchase."""
        return int(self.ended.sum())

    @property
    def at_risk(self) -> Values:
        """By length, the gaps and silences that reached it."""
        together: Values = (self.ended + self.still_open)[::-1].cumsum()[::-1]
        return together

    @property
    def horizon(self) -> int:
        """The longest length that enough gaps and silences have reached to tell anything."""
        # Of a small base, what a tenth of it has reached: the sentence calls it a sketch.
        needed = max(min(AT_RISK, int(self.at_risk[0]) // 10), 1)
        return int(np.flatnonzero(self.at_risk >= needed).max(initial=0))

    def covered(self) -> Values:
        """By length, the share of gaps no longer than it, among those that end by the horizon.

        Long gaps are under-observed: many would have ended after ``as_of``. So the share comes
        from those who could still be seen at each length (Kaplan and Meier 1958, doi
        10.1080/01621459.1958.10501452), not from a count of finished gaps. Missing where nobody
        bought twice.
        """
        horizon = self.horizon
        at_risk = self.at_risk[: horizon + 1]
        ended = np.divide(self.ended[: horizon + 1], at_risk, where=at_risk > 0, out=at_risk * 0.0)
        returned = 1 - np.cumprod(1 - ended)
        if not returned[-1] > 0:
            return np.full(horizon + 1, np.nan)
        share: Values = returned / returned[-1]
        return share

    def covered_by(self, window_days: int) -> float:
        """The share of gaps that a window covers."""
        curve = self.covered()
        return float(curve[min(window_days, len(curve) - 1)])

    def called_lost(self, window_days: int) -> tuple[int, int]:
        """How many silences outlasted a window, and how many of those ended with a purchase."""
        came_back = int(self.ended[window_days + 1 :].sum())
        return came_back + int(self.still_open[window_days:].sum()), came_back


def count_gaps(bought: nw.LazyFrame[Any], as_of_day: int) -> Gaps:
    """One pass over customers' purchase days: each gap, and each silence up to ``as_of``."""
    after = nw.col("day").shift(-1).over("customer_id", order_by="day")
    lengths = bought.with_columns(after.alias("after")).select(
        nw.when(nw.col("after").is_null()).then(nw.lit(0)).otherwise(nw.lit(1)).alias("ended"),
        (nw.col("after").fill_null(as_of_day) - nw.col("day")).cast(nw.Int64).alias("length"),
    )
    counted = engine.collect(lengths.group_by("ended", "length").agg(nw.len().alias("gaps")))
    longest = int(counted["length"].max()) if len(counted) else 0

    def by_length(ended: int) -> Values:
        held = counted[counted["ended"] == ended]
        lengths = held["length"].to_numpy(dtype=np.int64)
        return np.bincount(lengths, held["gaps"].to_numpy(dtype=float), longest + 1).astype(int)

    return Gaps(by_length(1), by_length(0))


def without_contracts(base: CustomerBase, bought: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Purchase days of the customers whose standing hangs on the window."""
    facts = known_facts(base) if base.has("customers", "is_contract") else None
    if facts is None:
        return bought
    contracts = facts.filter(~nw.col("contract_day").is_null()).select("customer_id")
    return bought.join(contracts, on="customer_id", how="anti")


@dataclass(frozen=True)
class Standing:
    """What the ledger says under one window: who is active, and who was lost of how many.

    Measured from ``opening_day`` to ``closing_day`` (day numbers), ``months`` of the calendar
    later: the last twelve complete months, or as many as have a fully observed opening; ``0``
    where none has.
    """

    window_days: int
    opening_day: int
    closing_day: int
    months: int
    active: int = 0
    opening: int = 0
    lost: int = 0


def latest_months(window_days: int, seen_from: int, as_of_day: int) -> Standing:
    """From when to when attrition under a window can be measured."""
    last = period_of(engine.day_of(as_of_day + 1), "month") - 1
    closing = end_day(last, "month")
    earliest = seen_from + window_days - 1
    for months in range(12, 0, -1):
        opening = end_day(last - months, "month")
        if opening >= earliest:
            return Standing(window_days, opening, closing, months)
    return Standing(window_days, closing, closing, 0)


def count_standings(
    base: CustomerBase, bought: nw.LazyFrame[Any], spans: Sequence[Standing]
) -> list[Standing]:
    """Who was active, and who was lost, under each window; one pass for all of them."""
    days = {base.as_of_day}
    for span in spans:
        days |= {span.opening_day, span.closing_day}
    places = {day: f"by_{place}" for place, day in enumerate(sorted(days))}
    customers = bought.group_by("customer_id").agg(
        nw.col("day").min().alias("first_day"),
        *(
            nw.when(nw.col("day") <= day).then(nw.col("day")).max().alias(name)
            for day, name in places.items()
        ),
    )
    customers = _with_facts(base, customers)
    totals: list[nw.Expr] = []
    for place, span in enumerate(spans):
        opened = _active(span.opening_day, span.window_days, places)
        closed = _active(span.closing_day, span.window_days, places)
        now = _active(base.as_of_day, span.window_days, places)
        totals += [
            _count(now, f"active_{place}"),
            _count(opened, f"opening_{place}"),
            _count(opened & ~closed, f"lost_{place}"),
        ]
    found = engine.one_row(customers.select(*totals))
    return [
        Standing(
            span.window_days,
            span.opening_day,
            span.closing_day,
            span.months,
            **{name: int(found[f"{name}_{place}"] or 0) for name in _NOBODY},
        )
        for place, span in enumerate(spans)
    ]


def _with_facts(base: CustomerBase, customers: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    facts = known_facts(base)
    if facts is None:
        no_day = nw.lit(None, dtype=nw.Int64)
        return customers.with_columns(no_day.alias("closed_day"), no_day.alias("contract_day"))
    known = facts.select("customer_id", "closed_day", "contract_day")
    return customers.join(known, on="customer_id", how="left")


def _active(day: int, window_days: int, places: dict[int, str]) -> nw.Expr:
    """The ledger's rule on one day: bought in the window, or under contract; and not closed."""
    bought = (nw.col(places[day]) > day - window_days).fill_null(False)
    under_contract = (nw.col("contract_day") <= day).fill_null(False) & (nw.col("first_day") <= day)
    closed = (nw.col("closed_day") <= day).fill_null(False)
    return (bought | under_contract) & ~closed


def _count(test: nw.Expr, name: str) -> nw.Expr:
    return nw.when(test).then(nw.lit(1)).otherwise(nw.lit(0)).sum().cast(nw.Int64).alias(name)
