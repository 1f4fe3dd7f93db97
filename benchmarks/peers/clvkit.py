"""Clvkit 0.2.1: its customer base, its cohort matrix, its BG/NBD."""

from __future__ import annotations

from typing import Any

import pandas as pd

from peers import _figures as figures


def _lines(given: Any, clock: Any) -> pd.DataFrame:
    with clock("opening"):
        return pd.read_parquet(given.lines, columns=["customer_id", "date", "amount"])


def summary(given: Any, clock: Any) -> dict[str, float]:
    """``CustomerBase.from_transactions``; a day with any line above zero is a purchase to it."""
    from clvkit import CustomerBase

    lines = _lines(given, clock)
    with clock("question"):
        base = CustomerBase.from_transactions(lines)
    return {"customers": float(len(base._data))}


def cohorts(given: Any, clock: Any) -> dict[str, float]:
    """``CohortMatrix`` counts customers with any line in the month; of revenue another pass."""
    from clvkit import CohortMatrix

    lines = _lines(given, clock)
    with clock("question"):
        for metric in ("retention", "revenue"):
            CohortMatrix.from_transactions(lines, period="M", metric=metric)
    return {}


def fit(given: Any, clock: Any) -> dict[str, float]:
    """``BGNBD().fit``: Nelder-Mead, then L-BFGS-B."""
    from clvkit import BGNBD, CustomerBase

    X = pd.read_parquet(given.histories)
    base = CustomerBase(
        X.set_axis(["frequency", "recency", "T"], axis=1),
        time_unit="D",
        observation_period_end=pd.Timestamp("2025-12-31"),
        has_monetary=False,
        on_negative="net",
    )
    with clock("question"):
        model = BGNBD().fit(base)
    with clock("prediction"):
        expected = model.predict(365).to_pandas().to_numpy()
    found = figures.of_prediction(expected)
    return {"log_likelihood": float(model.log_likelihood_), **found}
