"""From purchases to the cells of a cohort triangle: what the engine counts, and nothing else."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import narwhals as nw
import numpy as np
import pandas as pd

from retention_lib.base import engine
from retention_lib.base.customer_base import NET_DECIMALS, CustomerBase
from retention_lib.portfolio._cohort_beginnings import (
    Beginnings,
    acquired_days,
    find_beginnings,
)
from retention_lib.portfolio.calendar_periods import Period, period_index, period_start
from retention_lib.portfolio.rfm import SKETCH_BELOW

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True)
class Counted:
    """What came back from the engine, all of it small.

    ``cohorts``: one row a period of first purchase and ``older`` (1 where it or ``acquired_on``
    lies before the file): ``first, older, customers``, ``undated`` of them without ``acquired_on``,
    and ``doubtful``: some of these may have bought before the file begins. ``cells``:
    ``first, older, age, customers, revenue``. ``returns``: ``first, age, customers``, those whose
    second purchase lies at that age. ``afterwards``: ``first, total, squares`` of what
    each customer brought at the ages from 1 to ``horizon``. Without a purchase: ``never``
    customers with ``never_revenue``. ``trusted``: the cohorts that findings rest on; all of them
    where those beyond doubt are too few, which ``presumed`` says.
    """

    cohorts: pd.DataFrame
    cells: pd.DataFrame
    returns: pd.DataFrame
    afterwards: pd.DataFrame
    horizon: int
    never: int
    never_revenue: float
    beginnings: Beginnings
    last: int
    trusted: tuple[int, ...]
    presumed: bool

    def pooled(self, age: int, firsts: tuple[int, ...] | None = None) -> list[int]:
        """The cohorts, of those given or trusted, that are seen at that age."""
        chosen = self.trusted if firsts is None else firsts
        return [first for first in chosen if first + age <= self.last]


def count_cells(base: CustomerBase, period: Period, last: int, horizon: int) -> Counted:
    """Count the cohorts by period; ``last`` is the number of the last complete period."""
    with _customer_periods(base, period) as held:
        people = held.group_by("customer_id").agg(
            nw.col("first").min(),
            nw.col("first_day").min(),
            nw.col("last_day").max(),
            nw.col("purchases").sum().cast(nw.Int64),
            nw.col("revenue").sum(),
        )
        with engine.kept(people) as everybody:
            never = _never(everybody)
            bought = everybody.filter(~nw.col("first").is_null())
            begins = find_beginnings(base, bought)
            with engine.kept(_dated(base, bought, begins)) as dated:
                cohorts = _cohorts(dated, begins, period)
                trusted, presumed = _trusted(cohorts, last)
                placed = held.drop("first", "first_day").join(
                    dated.select("customer_id", "first", "older"), on="customer_id", how="inner"
                )
                placed = placed.with_columns((nw.col("at") - nw.col("first")).alias("age"))
                reach = _reach(cohorts, trusted, last, horizon)
                return Counted(
                    cohorts,
                    _cells(placed),
                    _returns(placed),
                    _afterwards(placed, reach),
                    reach,
                    *never,
                    begins,
                    last,
                    trusted,
                    presumed,
                )


@contextmanager
def _customer_periods(base: CustomerBase, period: Period) -> Iterator[nw.LazyFrame[Any]]:
    """One row a customer and period with lines, kept in the engine."""
    bought = nw.col("net") > 0
    days = base.customer_days().select(
        "customer_id",
        period_index(nw.col("day"), period).alias("at"),
        nw.when(bought).then(nw.col("day")).alias("first_day"),
        nw.when(bought).then(nw.col("day")).alias("last_day"),
        nw.when(bought).then(nw.lit(1)).otherwise(nw.lit(0)).alias("purchases"),
        nw.col("net").alias("revenue"),
    )
    rows = days.group_by("customer_id", "at").agg(
        nw.col("first_day").min(),
        nw.col("last_day").max(),
        nw.col("purchases").sum().cast(nw.Int64),
        nw.col("revenue").sum(),
    )
    first = nw.when(nw.col("purchases") > 0).then(nw.col("at")).alias("first")
    with engine.kept(rows.with_columns(first)) as held:
        yield held


def _never(everybody: nw.LazyFrame[Any]) -> tuple[int, float]:
    found = engine.one_row(
        everybody.filter(nw.col("first").is_null()).select(
            nw.len().alias("customers"), nw.col("revenue").sum().alias("revenue")
        )
    )
    return int(found["customers"]), round(float(found["revenue"] or 0.0), NET_DECIMALS)


def _dated(base: CustomerBase, bought: nw.LazyFrame[Any], begins: Beginnings) -> nw.LazyFrame[Any]:
    """Who is older than the file, and of whom nobody knows."""
    known = nw.col("acquired_day")
    older = (known < begins.history_day) | (nw.col("first_day") < begins.history_day)
    return acquired_days(base, bought).with_columns(
        nw.when(older).then(nw.lit(1)).otherwise(nw.lit(0)).alias("older"),
        nw.when(known.is_null()).then(nw.lit(1)).otherwise(nw.lit(0)).alias("undated"),
    )


def _cohorts(dated: nw.LazyFrame[Any], begins: Beginnings, period: Period) -> pd.DataFrame:
    rows = dated.group_by("first", "older").agg(
        nw.len().cast(nw.Int64).alias("customers"), nw.col("undated").sum().cast(nw.Int64)
    )
    found = _whole(engine.collect(rows), "first", "older", "customers", "undated")
    starts = [engine.day_number(period_start(first, period)) for first in found["first"]]
    early = np.array(starts) < max(begins.settled_day, begins.history_day + 1)
    return found.assign(doubtful=early & (found["undated"] > 0))


def _trusted(cohorts: pd.DataFrame, last: int) -> tuple[tuple[int, ...], bool]:
    """The cohorts beyond doubt; all where these are too few to tell of anything after a period."""
    shown = cohorts[(cohorts["older"] == 0) & (cohorts["first"] <= last)]
    sure = shown[~shown["doubtful"]]
    enough = sure.loc[sure["first"] < last, "customers"].sum() >= SKETCH_BELOW
    kept = sure if enough else shown
    return tuple(int(first) for first in kept["first"]), bool(kept["doubtful"].any())


def _reach(cohorts: pd.DataFrame, trusted: tuple[int, ...], last: int, horizon: int) -> int:
    """The highest age up to ``horizon`` at which enough customers are seen; 0 where none is."""
    sizes = cohorts[(cohorts["older"] == 0) & cohorts["first"].isin(trusted)]
    everybody = int(sizes["customers"].sum())
    # Of few customers at least half.
    least = SKETCH_BELOW if everybody >= SKETCH_BELOW else max((everybody + 1) // 2, 1)
    for age in range(horizon, 0, -1):
        if sizes.loc[sizes["first"] + age <= last, "customers"].sum() >= least:
            return age
    return 0


def _cells(placed: nw.LazyFrame[Any]) -> pd.DataFrame:
    bought = nw.when(nw.col("purchases") > 0).then(nw.lit(1)).otherwise(nw.lit(0))
    rows = (
        placed.with_columns(bought.alias("customers"))
        .group_by("first", "older", "age")
        .agg(nw.col("customers").sum().cast(nw.Int64), nw.col("revenue").sum())
    )
    cells = _whole(engine.collect(rows), "first", "older", "age", "customers")
    # Half a cent is rounded the same way in whatever order an engine has added.
    return cells.assign(revenue=cells["revenue"].round(NET_DECIMALS))


def _returns(placed: nw.LazyFrame[Any]) -> pd.DataFrame:
    later = (nw.col("age") > 0) & (nw.col("purchases") > 0)
    again = placed.filter((later | (nw.col("purchases") > 1)) & (nw.col("older") == 0))
    soonest = again.group_by("customer_id", "first").agg(nw.col("age").min())
    rows = soonest.group_by("first", "age").agg(nw.len().cast(nw.Int64).alias("customers"))
    return _whole(engine.collect(rows), "first", "age", "customers")


def _afterwards(placed: nw.LazyFrame[Any], reach: int) -> pd.DataFrame:
    """Sums and squares of what a customer brought at the ages from 1 to ``reach``."""
    inside = (nw.col("age") > 0) & (nw.col("age") <= reach) & (nw.col("older") == 0)
    each = placed.filter(inside).group_by("customer_id", "first").agg(nw.col("revenue").sum())
    rows = each.group_by("first").agg(
        nw.col("revenue").sum().alias("total"),
        (nw.col("revenue") * nw.col("revenue")).sum().alias("squares"),
    )
    return _whole(engine.collect(rows), "first")


def _whole(frame: pd.DataFrame, *names: str) -> pd.DataFrame:
    """Whole numbers as such, in the order of those columns: engines keep none."""
    frame = frame.astype({name: np.int64 for name in names})
    keys = [name for name in ("first", "older", "age") if name in frame]
    return frame.sort_values(keys, ignore_index=True)
