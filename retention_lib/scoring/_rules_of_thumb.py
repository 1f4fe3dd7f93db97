"""What a marketer can do without a model, as probabilities: the methods a model has to beat.

Each rule ranks customers as people rank them by hand. To be comparable with a model it is turned
into a probability on past customers, by a curve that keeps its order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from retention_lib.portfolio.intervals import Values
from retention_lib.portfolio.rfm import cut_points, score_levels
from retention_lib.scoring._evaluation_metrics import fit_line, log_odds

if TYPE_CHECKING:
    import pandas as pd

_RFM = {"recency_days": "recency_days", "frequency": "purchases_365", "monetary": "spend_365"}
"""Each measure of RFM and the feature it is."""

_LEVELS = 5
# A rule that points the wrong way on this base keeps its order and says next to nothing.
_FLAT = 1e-6
_A_YEAR = 365.0


def rules_of_thumb(train: pd.DataFrame, test: pd.DataFrame) -> dict[str, Values]:
    """Probability of leaving of each row of ``test`` by five rules of thumb.

    ``recency``: days since the last purchase. ``rfm_sum``: the sum of the R, F and M scores, cut
    into fifths on ``train``. ``overdue``: silence over own rhythm; who has no rhythm yet is held
    against the typical one. ``purchase_model``: the chance of no purchase within the horizon.
    ``logistic_rfm``: recency, frequency and spend, weighted by a regularised logistic regression.
    All but the last are calibrated on ``train`` along the rule's own order, so that what is equal
    stays equal and no rule is turned round to please the data.

    The chance to be still a customer, p(alive), is not among them: it is no churn score. The
    usual model holds that who bought once can never be gone, so that on bases of one-time buyers
    it ranks the leavers last (AUC 0.32 on CDNOW).

    Parameters
    ----------
    train, test
        Rows of ``take_snapshots``, eligible customers alone: ``recency_days, purchases_365,
        spend_365, overdue_ratio, no_purchase_probability``; ``train`` with ``churned`` (0 or 1).

    Examples
    --------
    >>> import pandas as pd
    >>> rows = pd.DataFrame({"recency_days": [5.0, 300, 20, 200], "purchases_365": [9.0, 1, 6, 2],
    ...     "spend_365": [90.0, 10, 50, 20], "overdue_ratio": [0.2, 4, np.nan, 3],
    ...     "no_purchase_probability": [0.1, 0.9, 0.2, 0.8], "churned": [0.0, 1, 0, 1]})
    >>> np.argsort(rules_of_thumb(rows, rows)["recency"]).tolist()
    [0, 2, 3, 1]
    """
    left = train["churned"].to_numpy(dtype=float)
    risks = {
        "recency": [np.log1p(_silence(rows, train)) for rows in (train, test)],
        "rfm_sum": [-_rfm_sum(rows, train) for rows in (train, test)],
        "overdue": [np.log1p(_lateness(rows, train)) for rows in (train, test)],
        "purchase_model": [log_odds(_no_purchase(rows, train)) for rows in (train, test)],
    }
    said = {name: _calibrated(past, left, now) for name, (past, now) in risks.items()}
    said["logistic_rfm"] = _weighted(_logarithms(train, train), left, _logarithms(test, train))
    return said


def _calibrated(past: Values, left: Values, now: Values) -> Values:
    """Probabilities in the order of a risk: a logistic regression on it, never downhill."""
    intercept, slope, _ = fit_line(past, left)
    if not slope > _FLAT:
        flat, _, _ = fit_line(np.zeros(len(left)), left)
        intercept, slope = flat - _FLAT * float(past.mean()), _FLAT
    return _as_probability(intercept + slope * now)


def _as_probability(odds: Values) -> Values:
    probability: Values = 1 / (1 + np.exp(-np.clip(odds, -30, 30)))
    return probability


def _filled(rows: pd.DataFrame, name: str, value: float) -> Values:
    column: Values = rows[name].to_numpy(dtype=float)
    return np.where(np.isfinite(column), column, value)


def _silence(rows: pd.DataFrame, train: pd.DataFrame) -> Values:
    """Days since the last purchase; of whom nothing is known, the longest silence of the past."""
    longest = _filled(train, "recency_days", 0.0).max()
    return np.maximum(_filled(rows, "recency_days", float(longest)), 0.0)


def _spent(rows: pd.DataFrame) -> Values:
    return np.maximum(_filled(rows, "spend_365", 0.0), 0.0)


def _rfm_sum(rows: pd.DataFrame, train: pd.DataFrame) -> Values:
    """R + F + M from the fifths of ``train``: 3 the worst, 15 the best."""
    total = np.zeros(len(rows))
    for measure, feature in _RFM.items():
        fill = float(_filled(train, feature, 0.0).max()) if measure == "recency_days" else 0.0
        cuts = cut_points(_filled(train, feature, fill), _LEVELS)
        total += score_levels(measure, _filled(rows, feature, fill), cuts)
    return total


def _lateness(rows: pd.DataFrame, train: pd.DataFrame) -> Values:
    """Silence over own rhythm, or over the typical rhythm of ``train`` where there is none."""
    ratio, silence = (
        train[name].to_numpy(dtype=float) for name in ("overdue_ratio", "recency_days")
    )
    known = np.isfinite(ratio) & (ratio > 0) & (silence > 0)
    typical = float(np.median(silence[known] / ratio[known])) if known.any() else _A_YEAR
    own = rows["overdue_ratio"].to_numpy(dtype=float)
    return np.maximum(np.where(np.isfinite(own), own, _silence(rows, train) / typical), 0.0)


def _no_purchase(rows: pd.DataFrame, train: pd.DataFrame) -> Values:
    past = train["no_purchase_probability"].to_numpy(dtype=float)
    known = past[np.isfinite(past)]
    typical = float(np.median(known)) if known.size else 0.5
    return _filled(rows, "no_purchase_probability", typical)


def _logarithms(rows: pd.DataFrame, train: pd.DataFrame) -> Values:
    bought = np.maximum(_filled(rows, "purchases_365", 0.0), 0.0)
    logs: Values = np.log1p(np.column_stack([_silence(rows, train), bought, _spent(rows)]))
    return logs


def _weighted(past: Values, left: Values, now: Values) -> Values:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    if left.min() == left.max():
        return _calibrated(np.zeros(len(left)), left, np.zeros(len(now)))
    fitted = make_pipeline(StandardScaler(), LogisticRegression()).fit(past, left)
    probability: Values = fitted.predict_proba(now)[:, 1]
    return probability
