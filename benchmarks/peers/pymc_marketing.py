"""PyMC-Marketing 0.19.2: its summary in pandas, its BG/NBD at the most likely parameters."""

from __future__ import annotations

from typing import Any

import pandas as pd


def summary(given: Any, clock: Any) -> dict[str, float]:
    """``rfm_summary``; it takes every day with a line for a purchase."""
    from pymc_marketing.clv.utils import rfm_summary

    with clock("opening"):
        lines = pd.read_parquet(given.lines, columns=["customer_id", "date", "amount"])
    with clock("question"):
        lines["date"] = pd.to_datetime(lines["date"])
        table = rfm_summary(lines, "customer_id", "date", "amount")
    return {"customers": float(len(table))}


def _model(given: Any) -> Any:
    from pymc_marketing import clv

    X = pd.read_parquet(given.histories)
    data = X.set_axis(["frequency", "recency", "T"], axis=1)
    data.insert(0, "customer_id", range(len(data)))
    model = clv.BetaGeoModel(data=data)
    model.build_model()
    return model


def fit(given: Any, clock: Any) -> dict[str, float]:
    """The most likely parameters under its priors, which are not those of the likelihood alone."""
    with clock("question"):
        _model(given).fit(method="map", progressbar=False)
    return {}
