"""Customers by how likely they are to leave: how many, how much revenue, how many leavers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

LIMITS = (0.0, 0.1, 0.25, 0.5, 0.75)
"""Where the bands of risk begin."""


def risk_bands(scores: pd.DataFrame) -> pd.DataFrame:
    """One row a band, the highest risk first, from ``churn_probability`` and ``annual_revenue``.

    Columns: ``from_probability, to_probability, customers, expected_leavers, revenue,
    share_of_customers, share_of_revenue`` (of what lies above zero; missing where nothing does).

    >>> import pandas as pd
    >>> table = pd.DataFrame({"churn_probability": [0.05, 0.9], "annual_revenue": [30.0, 10.0]})
    >>> risk_bands(table)[["from_probability", "customers", "revenue"]].iloc[[0, -1]]
       from_probability  customers  revenue
    0              0.75          1     10.0
    4              0.00          1     30.0
    """
    import pandas as pd

    risk = scores["churn_probability"].to_numpy(dtype=float)
    revenue = np.nan_to_num(scores["annual_revenue"].to_numpy(dtype=float))
    band, count = np.searchsorted(LIMITS, risk, side="right") - 1, len(LIMITS)
    held = np.bincount(band, minlength=count)
    brought = np.bincount(band, weights=revenue, minlength=count)
    positive = np.bincount(band, weights=np.maximum(revenue, 0.0), minlength=count)
    with np.errstate(invalid="ignore", divide="ignore"):
        table = pd.DataFrame(
            {
                "from_probability": LIMITS,
                "to_probability": [*LIMITS[1:], 1.0],
                "customers": held,
                "expected_leavers": np.bincount(band, weights=risk, minlength=count),
                "revenue": brought,
                "share_of_customers": held / held.sum(),
                "share_of_revenue": positive / positive.sum(),
            }
        )
    return table[::-1].reset_index(drop=True)
