"""Customer-years: what each customer brought in each complete year of its relation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd

from retention_lib.base import engine
from retention_lib.base.customer_base import NET_DECIMALS, CustomerBase
from retention_lib.portfolio._cohort_beginnings import (
    Beginnings,
    acquired_days,
    find_beginnings,
    only_beginners,
)
from retention_lib.portfolio.money import MarginBasis

# Four years of the calendar: the k-th anniversary lies 1461 k / 4 days after the beginning.
_DAYS = 1461

_SUMS = ("revenue", "revenue_squares", "margin", "margin_squares")
_PAIR_SUMS = ("before", "after", "before_squares", "after_squares", "products")


@dataclass(frozen=True)
class CustomerYears:
    """What came back from the engine, all of it small.

    ``years``: one row a year of the relation, ``tenure_year, customers`` (who bought in it), sums
    and squares of their revenue and margin. ``stays``: of the ``seen`` who bought in the year
    before, how many ``stayed``. ``followed``: customers ``won`` in the file and followed since,
    ``buying`` in that year, sum and squares of what all of them brought, silent ones too.
    ``pairs``: the same customers in two years running, by the later year: ``tenure_year,
    customers``, sums, squares and products of what they brought ``before`` and ``after``;
    ``pooled`` the same over the years from the third on, one customer counted once. ``unknown``:
    customers whose beginning nobody knows; ``incomplete``: those without a complete year.
    """

    years: pd.DataFrame
    stays: pd.DataFrame
    followed: pd.DataFrame
    pairs: pd.DataFrame
    pooled: pd.Series[float]
    customers: int
    unknown: int
    incomplete: int
    dated: int
    presumed: bool
    beginnings: Beginnings


def count_years(base: CustomerBase, basis: MarginBasis, years: int) -> CustomerYears:
    """Count the customer-years up to the year ``years`` of a relation."""
    lines = base.visible("transactions").select(
        "customer_id", "day", "amount", basis.expression().cast(nw.Float64).alias("margin")
    )
    days = lines.group_by("customer_id", "day").agg(
        nw.col("amount").sum().round(NET_DECIMALS).alias("net"), nw.col("margin").sum()
    )
    with engine.kept(days) as held, engine.kept(_people(base, held)) as everybody:
        begins = find_beginnings(base, everybody)
        undated = nw.col("acquired_day").is_null()
        early = undated & (nw.col("first_day") < begins.settled_day)
        counts = _count(
            everybody, all=~nw.col("customer_id").is_null(), undated=undated, early=early
        )
        presumed = only_beginners(counts["undated"] - counts["early"], counts["undated"])
        begun = everybody if presumed else everybody.filter(~early)
        with engine.kept(_placed(base, begun, begins)) as people:
            whole = people.filter(nw.col("first_year") <= nw.col("last_year"))
            with engine.kept(_years(whole, held, _longest(base, begins), years)) as rows:
                complete = _count(whole, all=~nw.col("customer_id").is_null())["all"]
                unknown = 0 if presumed else counts["early"]
                return CustomerYears(
                    _buyers(rows),
                    _stays(rows),
                    _followed(rows),
                    *_pairs(rows),
                    customers=counts["all"],
                    unknown=unknown,
                    incomplete=counts["all"] - unknown - complete,
                    dated=counts["all"] - counts["undated"],
                    presumed=presumed and counts["early"] > 0,
                    beginnings=begins,
                )


def _count(frame: nw.LazyFrame[Any], **conditions: nw.Expr) -> dict[str, int]:
    counted = [
        nw.when(condition).then(nw.lit(1)).otherwise(nw.lit(0)).sum().cast(nw.Int64).alias(name)
        for name, condition in conditions.items()
    ]
    found = engine.one_row(frame.select(*counted))
    return {name: int(count or 0) for name, count in found.items()}


def _people(base: CustomerBase, days: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Every customer with a purchase: its first and last, and when it was acquired."""
    bought = days.filter(nw.col("net") > 0)
    people = bought.group_by("customer_id").agg(
        nw.col("day").min().alias("first_day"),
        nw.col("day").max().alias("last_day"),
        nw.len().cast(nw.Int64).alias("purchases"),
    )
    return acquired_days(base, people)


def _placed(base: CustomerBase, people: nw.LazyFrame[Any], begins: Beginnings) -> nw.LazyFrame[Any]:
    """Add ``start`` and the first and last year of the relation that the file holds whole."""
    # A relation is no younger than its first purchase, unless that is a stray before the file.
    stray = nw.col("first_day") < begins.history_day
    dated = (nw.col("acquired_day") < nw.col("first_day")) | (
        stray & ~nw.col("acquired_day").is_null()
    )
    start = nw.when(dated).then(nw.col("acquired_day")).otherwise(nw.col("first_day"))
    missed = begins.history_day - nw.col("start")
    before = nw.when(missed > 0).then(missed).otherwise(nw.lit(0))
    return people.with_columns(start.alias("start")).with_columns(
        (_whole_parts(before * 4 + _DAYS - 1, _DAYS) + 1).alias("first_year"),
        _whole_parts((base.as_of_day + 1 - nw.col("start")) * 4 + 3, _DAYS).alias("last_year"),
    )


def _whole_parts(value: nw.Expr, divisor: int) -> nw.Expr:
    # Not ``//``, which repeats its operand nine times on DuckDB.
    return (value / divisor).floor().cast(nw.Int64)


def _longest(base: CustomerBase, begins: Beginnings) -> int:
    """How many complete years of a relation the file can hold."""
    return max((base.as_of_day + 1 - begins.history_day) * 4 // _DAYS + 1, 1)


def _years(
    people: nw.LazyFrame[Any], days: nw.LazyFrame[Any], longest: int, years: int
) -> nw.LazyFrame[Any]:
    """One row a customer and complete year, silent years too, with the year before beside it."""
    each = [
        people.with_columns((nw.col("first_year") + place).alias("tenure_year"))
        for place in range(longest)
    ]
    within = (nw.col("tenure_year") <= nw.col("last_year")) & (nw.col("tenure_year") <= years)
    rows = nw.concat([frame.filter(within) for frame in each], how="vertical")
    keys = ["customer_id", "tenure_year"]
    filled = rows.join(_spent(people, days, years), on=keys, how="left").with_columns(
        nw.col("revenue", "margin").fill_null(0.0), nw.col("bought").fill_null(0)
    )
    ends = nw.col("start") + _whole_parts(nw.col("tenure_year") * _DAYS, 4)
    known = filled.select(
        *keys,
        *("revenue", "margin", "bought"),
        nw.when(nw.col("first_year") == 1).then(nw.lit(1)).otherwise(nw.lit(0)).alias("followed"),
        nw.when(nw.col("last_day") >= ends).then(nw.lit(1)).otherwise(nw.lit(0)).alias("later"),
    )
    before = known.select(
        "customer_id",
        (nw.col("tenure_year") + 1).alias("tenure_year"),
        nw.col("revenue").alias("before"),
        nw.col("bought").alias("bought_before"),
    )
    return known.join(before, on=keys, how="left")


def _spent(people: nw.LazyFrame[Any], days: nw.LazyFrame[Any], years: int) -> nw.LazyFrame[Any]:
    """Revenue and margin of the years in which something was booked."""
    joined = days.join(people.select("customer_id", "start"), on="customer_id", how="inner")
    since = (nw.col("day") - nw.col("start")) * 4 + 3
    placed = joined.filter(nw.col("day") >= nw.col("start")).with_columns(
        (_whole_parts(since, _DAYS) + 1).alias("tenure_year"),
        nw.when(nw.col("net") > 0).then(nw.lit(1)).otherwise(nw.lit(0)).alias("bought"),
    )
    return (
        placed.filter(nw.col("tenure_year") <= years)
        .group_by("customer_id", "tenure_year")
        .agg(
            nw.col("net").sum().round(NET_DECIMALS).alias("revenue"),
            nw.col("margin").sum().round(NET_DECIMALS),
            nw.col("bought").max().cast(nw.Int64),
        )
    )


def _buyers(rows: nw.LazyFrame[Any]) -> pd.DataFrame:
    """Those who bought in a year, and what they brought in it."""
    found = engine.collect(
        _with_squares(rows.filter(nw.col("bought") > 0), "revenue", "margin")
        .group_by("tenure_year")
        .agg(nw.len().cast(nw.Int64).alias("customers"), nw.col(*_SUMS).sum())
    )
    return _typed(found, "tenure_year", "customers")


def _stays(rows: nw.LazyFrame[Any]) -> pd.DataFrame:
    """Of those who bought in the year before, how many bought in this one."""
    found = engine.collect(
        rows.filter(nw.col("bought_before") > 0)
        .group_by("tenure_year")
        .agg(
            nw.len().cast(nw.Int64).alias("seen"),
            nw.col("bought").sum().cast(nw.Int64).alias("stayed"),
        )
    )
    return _typed(found, "tenure_year", "seen", "stayed")


def _followed(rows: nw.LazyFrame[Any]) -> pd.DataFrame:
    """Those followed from their first day, whether they still bought or not."""
    found = engine.collect(
        _with_squares(rows.filter(nw.col("followed") == 1), "revenue")
        .group_by("tenure_year")
        .agg(
            nw.len().cast(nw.Int64).alias("won"),
            nw.col("bought").sum().cast(nw.Int64).alias("buying"),
            nw.col("revenue", "revenue_squares").sum(),
        )
    )
    return _typed(found, "tenure_year", "won", "buying")


def _with_squares(rows: nw.LazyFrame[Any], *names: str) -> nw.LazyFrame[Any]:
    return rows.with_columns(
        *[(nw.col(name) * nw.col(name)).alias(f"{name}_squares") for name in names]
    )


def _pairs(rows: nw.LazyFrame[Any]) -> tuple[pd.DataFrame, pd.Series[float]]:
    """The same customers in two years running, among those who bought in both and afterwards.

    Who leaves in the course of the later year would make it look small; so nobody is compared
    who was not seen again after it.
    """
    both = (nw.col("bought_before") > 0) & (nw.col("bought") > 0) & (nw.col("later") == 1)
    pairs = rows.filter(both).with_columns(nw.col("revenue").alias("after"))
    found = engine.collect(
        _with_products(pairs)
        .group_by("tenure_year")
        .agg(nw.len().cast(nw.Int64).alias("customers"), nw.col(*_PAIR_SUMS).sum())
    )
    # The first year opens with a purchase by definition, which makes the second look smaller.
    once = (
        pairs.filter(nw.col("tenure_year") > 2)
        .group_by("customer_id")
        .agg(nw.col("before", "after").sum())
    )
    pooled = engine.one_row(
        _with_products(once).select(nw.len().alias("customers"), nw.col(*_PAIR_SUMS).sum())
    )
    totals = pd.Series({name: float(value or 0) for name, value in pooled.items()}, dtype=float)
    return _typed(found, "tenure_year", "customers"), totals


def _with_products(pairs: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    before, after = nw.col("before"), nw.col("after")
    return pairs.with_columns(
        (before * before).alias("before_squares"),
        (after * after).alias("after_squares"),
        (before * after).alias("products"),
    )


def _typed(frame: pd.DataFrame, *names: str) -> pd.DataFrame:
    whole = frame.astype({name: np.int64 for name in names})
    return whole.sort_values("tenure_year", ignore_index=True)
