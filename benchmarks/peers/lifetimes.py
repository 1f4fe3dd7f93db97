"""Lifetimes 0.11.3, the last one: its summary of transactions and its BG/NBD."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from peers import _figures as figures


def summary(given: Any, clock: Any) -> dict[str, float]:
    """``summary_data_from_transaction_data``; it takes every day with a line for a purchase."""
    from lifetimes.utils import summary_data_from_transaction_data

    with clock("opening"):
        lines = pd.read_parquet(given.lines, columns=["customer_id", "date", "amount"])
    with clock("question"):
        lines["date"] = pd.to_datetime(lines["date"])
        table = summary_data_from_transaction_data(
            lines, "customer_id", "date", monetary_value_col="amount"
        )
    return {"customers": float(len(table))}


def fit(given: Any, clock: Any) -> dict[str, float]:
    """``BetaGeoFitter``: autograd and Nelder-Mead or BFGS of scipy."""
    from lifetimes import BetaGeoFitter

    X = pd.read_parquet(given.histories)
    columns = [X[name].to_numpy(dtype=float) for name in X]
    with clock("question"):
        model = BetaGeoFitter().fit(*columns)
    with clock("prediction"):
        expected = model.conditional_expected_number_of_purchases_up_to_time(365, *columns)
    # What it keeps is divided by the customers and by its scale of time.
    height = -model._negative_log_likelihood_ * len(X) + columns[0].sum() * np.log(model._scale)
    return {"log_likelihood": float(height), **figures.of_prediction(expected)}
