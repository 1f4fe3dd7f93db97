"""OpenRetailScience 0.48.1, on DuckDB by way of Ibis."""

from __future__ import annotations

from typing import Any

import ibis


def _table(given: Any) -> Any:
    lines = ibis.duckdb.connect().read_parquet(given.lines)
    return lines.rename(
        {"transaction_date": "date", "transaction_id": "order_id", "unit_spend": "amount"}
    )


def rfm(given: Any, clock: Any) -> dict[str, float]:
    """``RFMSegmentation`` counts orders, refunds among them, and ranks: equals get unequal."""
    from openretailscience.segmentation.rfm import RFMSegmentation

    with clock("question"):
        found = RFMSegmentation(
            _table(given), current_date="2024-12-31", r_segments=5, f_segments=5, m_segments=5
        ).df
    return {"monetary": float(found["monetary"].sum())}


def cohorts(given: Any, clock: Any) -> dict[str, float]:
    """``CohortAnalysis`` counts customers with any line in the month; of revenue another pass."""
    from openretailscience.analysis.cohort import CohortAnalysis

    with clock("question"):
        CohortAnalysis(_table(given), aggregation_column="customer_id", agg_func="nunique")
        CohortAnalysis(_table(given), aggregation_column="unit_spend", agg_func="sum")
    return {}
