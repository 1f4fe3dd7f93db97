"""The figures by which the ways of doing a task are compared: a few sums that no error survives.

Each is made of the table that a way ends with, in pandas, outside of what is timed.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Figures = dict[str, float]

WINDOWS = (30, 90, 180, 365)
COUNTED = [
    "recency_days",
    "tenure_days",
    "purchases_total",
    "purchases_same_season",
    "mean_gap_days",
    "gap_spread",
    "overdue_ratio",
    "refund_share",
    "basket",
    "basket_trend",
    "purchases_trend",
    "spend_trend",
    "churned",
] + [f"{stem}_{days}" for stem in ("purchases", "spend", "refunds") for days in WINDOWS]


def _total(values: Any) -> float:
    return float(np.nansum(np.asarray(values, dtype=float)))


def of_rfm(table: Any) -> Figures:
    """Customers, the three measures added up, the scores times them, customers by segment."""
    found = {"customers": float(len(table))}
    for measure, score in (("recency_days", "r"), ("frequency", "f"), ("monetary", "m")):
        if measure in table:
            found[measure] = _total(table[measure])
        if score in table:
            values = np.asarray(table[score], dtype=float)
            found[f"{score} x {measure}"] = _total(values * np.asarray(table[measure], dtype=float))
    if "segment" in table:
        counts = table["segment"].astype(str).value_counts()
        found |= {f"segment {name}": float(count) for name, count in counts.items()}
    return found


def of_summary(table: Any) -> Figures:
    """Customers and each column added up."""
    names = ("repeat_purchases", "purchase_span_days", "age_days")
    more = ("gross", "revenue", "year_purchases", "year_revenue")
    return {
        "customers": float(len(table)),
        **{name: _total(table[name]) for name in (*names, *more) if name in table},
    }


def of_cohorts(table: Any) -> Figures:
    """Cells, customers and revenue of the seen cells, and customers times the age of the cell."""
    found = {"customers": _total(table["customers"])}
    ages = np.asarray(table["age"], dtype=float)
    found["customers x age"] = _total(ages * np.asarray(table["customers"], dtype=float))
    if "revenue" in table:
        found["revenue"] = _total(table["revenue"])
    return found


def of_snapshots(panel: Any) -> Figures:
    """Each feature added up, and of how many customers it is known."""
    found = {"rows": float(len(panel)), "eligible": _total(panel["eligible"])}
    for name in COUNTED:
        values = np.asarray(panel[name], dtype=float)
        found[name] = _total(values)
        found[f"{name} known"] = float(np.isfinite(values).sum())
    return found


def of_import(table: Any) -> Figures:
    """Lines, customers, money and the days added up."""
    import pandas as pd

    days = pd.to_datetime(table["date"]).to_numpy().astype("datetime64[D]").astype(float)
    return {
        "lines": float(len(table)),
        "customers": float(table["customer_id"].nunique()),
        "amount": _total(table["amount"]),
        "days": _total(days),
    }


def of_prediction(expected: Any) -> Figures:
    """Purchases expected of everybody in a year."""
    values = np.asarray(expected, dtype=float)
    return {
        "expected purchases": _total(values),
        "not numbers": float((~np.isfinite(values)).sum()),
    }
