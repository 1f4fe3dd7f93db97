"""Who spends less in a range than three in four comparable buyers of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from retention_lib.portfolio._cross_customers import banned
from retention_lib.portfolio._cross_reading import Baskets, Like

Values: TypeAlias = np.ndarray[Any, np.dtype[Any]]

_QUARTERS = (0.25, 0.5, 0.75)
_COLUMNS = {
    "customer": int,
    "range": int,
    "annual_spend": float,
    "spend_low": float,
    "typical_annual_spend": float,
    "spend_high": float,
    "comparables": int,
}


def below_their_like(
    baskets: Baskets, groups: list[Like], min_cases: int, most: int
) -> tuple[pd.DataFrame, int]:
    """Customers below the lower quarter of a range's comparable buyers; and how many were compared.

    One row a customer and range, at most ``most`` a customer, the widest gap first. Comparable
    are buyers of the range among the customer's like who purchase as often: once, twice or three
    times, four to seven times and so on. Customers who must not be contacted are compared with,
    but neither listed nor counted.
    """
    found, compared = [_empty()], np.zeros(len(baskets.customers), dtype=bool)
    refused = banned(baskets.customers).to_numpy()
    for cell, listed in _cells(baskets, groups):
        spend = baskets.spend[cell]
        enough = (spend > 0).sum(axis=0) >= min_cases
        bought = np.where(spend[:, enough] > 0, spend[:, enough], np.nan)
        if not bought.size:
            continue
        quarters = np.nanquantile(bought, _QUARTERS, axis=0)
        compared[cell[listed & ~np.isnan(bought).all(axis=1)]] = True
        rows, columns = np.nonzero((bought < quarters[0]) & listed[:, None])
        low, middle, high = quarters[:, columns]
        found.append(
            pd.DataFrame(
                {
                    "customer": cell[rows],
                    "range": np.flatnonzero(enough)[columns],
                    "annual_spend": bought[rows, columns],
                    "spend_low": low,
                    "typical_annual_spend": middle,
                    "spend_high": high,
                    "comparables": (~np.isnan(bought)).sum(axis=0)[columns],
                }
            )
        )
    table = pd.concat(found, ignore_index=True)
    table["gap_to_typical"] = table["typical_annual_spend"] - table["annual_spend"]
    table = table[~refused[table["customer"]]]
    order = ["gap_to_typical", "customer", "range"]
    table = table.sort_values(order, ascending=[False, True, True])
    return table.groupby("customer").head(most).reset_index(drop=True), int(
        (compared & ~refused).sum()
    )


def _empty() -> pd.DataFrame:
    return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in _COLUMNS.items()})


def _cells(baskets: Baskets, groups: list[Like]) -> Iterator[tuple[Values, Values]]:
    """Customers who are alike and purchase as often, and which of them the cell speaks of."""
    purchases = np.maximum(baskets.customers["purchases"].to_numpy(dtype=float), 1)
    often = np.floor(np.log2(purchases)).astype(int)
    for group in groups:
        targets = np.isin(group.population, group.targets)
        for level in np.unique(often[group.population]):
            cell = often[group.population] == level
            yield group.population[cell], targets[cell]
