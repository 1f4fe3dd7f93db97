"""What each active customer buys: its net spend in every product range, one row a customer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import narwhals as nw
import numpy as np

from retention_lib.base import engine
from retention_lib.base.customer_base import NET_DECIMALS, CustomerBase
from retention_lib.portfolio._cross_customers import (
    KNOWN,
    YEAR,
    active_customers,
    collect_customers,
)
from retention_lib.portfolio._value_moves import first_transaction

if TYPE_CHECKING:
    import pandas as pd

Values: TypeAlias = np.ndarray[Any, np.dtype[Any]]

COLUMNS = ("product_range", "product")
"""What customers are compared on: ranges, and products where there are none."""

TRAITS = ("size", "sector")
"""Whose spend is comparable, by the first of these that the base knows."""

GROUP_FACTOR = 5
"""A size or sector is compared with itself from this many times ``min_cases`` customers."""


@dataclass(frozen=True)
class Baskets:
    """What active customers bought in the window.

    ``customers``: one row an active customer who bought something whose range is known, with
    ``lines`` in the window. ``spend``: customers x ranges, net, in the base's currency,
    0 where the lines of the window do not net above zero. ``ranges``: the most bought first,
    none where nobody active bought any. ``column`` is empty where the base has neither ranges nor
    products. ``spend`` is that of ``period_days``: a year, or all the days on file where they are
    fewer. Of the ``active`` customers ``reachable`` may be contacted.
    """

    customers: pd.DataFrame
    spend: Values
    ranges: tuple[str, ...]
    ranges_in_all: int
    column: str
    active: int
    reachable: int
    period_days: int


@dataclass(frozen=True)
class Like:
    """Customers whose spend is compared: ``population`` with whom, ``targets`` for whom.

    Both are places in ``Baskets.customers``; ``value`` is the size or sector they share, empty
    for all customers.
    """

    value: str
    population: Values
    targets: Values


def read_baskets(base: CustomerBase, days: int, max_ranges: int) -> Baskets:
    """Read what every active customer spent in each range in the last ``days``."""
    for column in COLUMNS:
        if base.has("transactions", column):
            baskets = _read(base, column, days, max_ranges)
            if baskets is not None:
                return baskets
    import pandas as pd

    columns = ["customer_id", "purchases", "annual_revenue", "lines", *KNOWN, "contactable"]
    empty = pd.DataFrame({name: [] for name in columns})
    known = [column for column in COLUMNS if base.has("transactions", column)]
    every = active_customers(base)
    counts = _count(every), _count(_reachable(base, every))
    return Baskets(empty, np.zeros((0, 0)), (), 0, known[0] if known else "", *counts, YEAR)


def _read(base: CustomerBase, column: str, days: int, max_ranges: int) -> Baskets | None:
    known = (nw.col("day") > base.as_of_day - days) & ~nw.col(column).is_null()
    lines = base.visible("transactions").filter(known)
    spent = lines.group_by("customer_id", column).agg(
        nw.col("amount").sum().round(NET_DECIMALS).alias("net"), nw.len().alias("lines")
    )
    with engine.kept(active_customers(base)) as active:
        who = active.select("customer_id")
        bought = spent.filter(nw.col("net") > 0).join(who, on="customer_id", how="inner")
        with engine.kept(bought) as held:
            buyers = engine.collect(held.group_by(column).agg(nw.len().alias("buyers")))
            # Equally many buyers: by name, so that the choice does not hang on the engine.
            buyers = buyers.sort_values(["buyers", column], ascending=[False, True])
            ranges = tuple(buyers[column].head(max_ranges).astype(str))
            wide = _widened(held, column, ranges)
            customers = collect_customers(active.join(wide, on="customer_id", how="inner"))
        in_all, reachable = _count(active), _count(_reachable(base, active))
    if not ranges:
        return None
    names = _names(ranges)
    observed = (base.as_of - first_transaction(base)).days + 1
    covered = min(days, observed)
    # Of less than a year nobody knows a year's spend: then it is that of the days on file.
    whole_year = observed >= YEAR
    spend = customers[names].to_numpy(dtype=float) * (YEAR / covered if whole_year else 1.0)
    return Baskets(
        customers.drop(columns=names),
        spend,
        ranges,
        len(buyers),
        column,
        in_all,
        reachable,
        YEAR if whole_year else covered,
    )


def _reachable(base: CustomerBase, active: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Active customers but those who must not be contacted."""
    if not base.has("customers", "contactable"):
        return active
    return active.filter((nw.col("contactable") != 0).fill_null(True))


def _names(ranges: tuple[str, ...]) -> list[str]:
    # Numbers for names: a range may be called anything.
    return [f"rl_{place}" for place in range(len(ranges))]


def _widened(held: nw.LazyFrame[Any], column: str, ranges: tuple[str, ...]) -> nw.LazyFrame[Any]:
    """One row a customer: its lines, and what it spent in each of the ranges."""
    spent = [
        nw.when(nw.col(column) == value).then(nw.col("net")).otherwise(nw.lit(0.0)).alias(name)
        for name, value in zip(_names(ranges), ranges, strict=True)
    ]
    columns = held.select("customer_id", nw.col("lines"), *spent)
    return columns.group_by("customer_id").agg(
        nw.col("lines").sum().cast(nw.Int64), *[nw.col(name).sum() for name in _names(ranges)]
    )


def _count(frame: nw.LazyFrame[Any]) -> int:
    return int(engine.one_row(frame.select(nw.len().alias("rows")))["rows"])


def find_like(customers: pd.DataFrame, min_cases: int) -> tuple[str, list[Like]]:
    """The trait that makes spend comparable, and its groups; the small ones share a group of all.

    Without a group of at least ``GROUP_FACTOR`` times ``min_cases`` customers everybody is
    compared with everybody, and the trait is empty.
    """
    everybody = np.arange(len(customers))
    for trait in TRAITS:
        values = customers[trait]
        counts = values.value_counts()
        own = sorted(counts[counts >= GROUP_FACTOR * min_cases].index)
        if own:
            groups = []
            for value in own:
                places = np.flatnonzero((values == value).to_numpy(dtype=bool))
                groups.append(Like(value, places, places))
            rest = np.flatnonzero(~values.isin(own).to_numpy(dtype=bool))
            return trait, groups + ([Like("", everybody, rest)] if len(rest) else [])
    return "", [Like("", everybody, everybody)]
