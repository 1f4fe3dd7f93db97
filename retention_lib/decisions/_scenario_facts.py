"""What a scenario needs of a base: what customers bring in a year, and what winning them cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import narwhals as nw
import numpy as np

from retention_lib.base import engine
from retention_lib.base.customer_base import NET_DECIMALS, CustomerBase
from retention_lib.portfolio._beginnings import first_day
from retention_lib.portfolio.activity import standing
from retention_lib.portfolio.intervals import Values
from retention_lib.portfolio.money import MarginBasis, margin_basis
from retention_lib.portfolio.rfm import SKETCH_BELOW

if TYPE_CHECKING:
    import pandas as pd

YEAR = 365


@dataclass(frozen=True)
class Facts:
    """The customers active on ``as_of``, and what they brought in the year up to it.

    ``people``: one row an active customer, ``customer_id, first_day, revenue, margin`` (missing
    where margins are not known). ``days``: how many days of the year the file holds.
    """

    people: pd.DataFrame
    basis: MarginBasis
    days: int

    @property
    def customers(self) -> int:
        """How many are active."""
        return len(self.people)

    @property
    def whole_year(self) -> bool:
        """Whether the file holds a whole year; otherwise money is that of the days it holds."""
        return self.days >= YEAR


def gather_facts(base: CustomerBase) -> Facts:
    """Collect one row an active customer."""
    basis = margin_basis(base)
    lines = base.visible("transactions").filter(nw.col("day") > base.as_of_day - YEAR)
    brought = (
        lines.select(
            "customer_id",
            nw.col("amount").alias("year_revenue"),
            basis.expression().cast(nw.Float64).alias("year_margin"),
        )
        .group_by("customer_id")
        .agg(nw.col("year_revenue").sum().round(NET_DECIMALS), nw.col("year_margin").sum())
    )
    active = standing(base).filter(nw.col("active")).select("customer_id", "first_day")
    people = engine.collect(active.join(brought, on="customer_id", how="left"))
    people = people.sort_values("customer_id", ignore_index=True)
    for name in ("revenue", "margin"):
        # A contract that bought nothing this year brought nothing.
        people[name] = people.pop(f"year_{name}").astype(float).fillna(0.0).round(2)
    days = min(YEAR, base.as_of_day - first_day(base) + 1)
    return Facts(people, basis, days)


def recorded_costs(base: CustomerBase) -> Values:
    """What winning each recent new customer cost; of all customers where too few are recent.

    The same customers as in :func:`retention_lib.measure_replacement`.
    """
    if not base.has("customers", "acquisition_cost"):
        return np.array([])
    told = base.visible("customers").filter(nw.col("acquisition_cost") >= 0)
    once = told.group_by("customer_id").agg(nw.col("acquisition_cost").min())
    bought = base.purchases().group_by("customer_id").agg(nw.col("day").min().alias("first_day"))
    costs = engine.collect(once.join(bought, on="customer_id", how="inner"))
    recent = costs[costs["first_day"] > base.as_of_day - 2 * YEAR]
    chosen = recent if len(recent) >= SKETCH_BELOW else costs
    found: Values = chosen["acquisition_cost"].to_numpy(dtype=float)
    return np.sort(found)
