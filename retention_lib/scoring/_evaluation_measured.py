"""The figures of the scorecard: each measure of each method, with what chance does to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from retention_lib.portfolio.intervals import Values, middle, share_interval
from retention_lib.scoring._evaluation_metrics import (
    BINS,
    TWO_SIDED,
    Ranked,
    average_precision,
    bins_of,
    brier,
    calibration_gap,
    caught,
    drawn_weights,
    fit_line,
    gap_by_chance,
    gap_range,
    log_odds,
    mean_shift,
    on_log_odds,
)

if TYPE_CHECKING:
    import pandas as pd

SHARES = ("revenue_caught", "revenue_caught_by_value")
_GRID = np.arange(101) / 100


class Drawn(NamedTuple):
    """What was measured and drawn, one column a method.

    ``point`` and ``draws``: lift, revenue caught by probability and by value; ``errors``: the
    drawn calibration errors.
    """

    point: tuple[Values, ...]
    draws: tuple[Values, ...]
    errors: Values


def measured(
    codes: list[str],
    ranked: list[Ranked],
    left: Values,
    worth: Values,
    auc: Values,
    covariance: Values,
) -> tuple[pd.DataFrame, tuple[Values, Values]]:
    """The card's figures with their ranges; and the revenue caught with its draws."""
    import pandas as pd

    fewest = min(float(left.sum()), float((1 - left).sum()))
    drawn = draw_measures(ranked, left, worth)
    rows = []
    for place, (code, each) in enumerate(zip(codes, ranked, strict=True)):
        row: dict[str, Any] = {"method_code": code}
        error = float(np.sqrt(covariance[place, place]))
        known = 0 < left.sum() < len(left)
        _put(row, "auc", float(auc[place]), on_log_odds(auc[place], error, fewest), known)
        area, error = average_precision(each, left) if left.any() else (np.nan, np.nan)
        _put(row, "average_precision", area, on_log_odds(area, error, left.sum()), known)
        row |= _probability_measures(each, left, drawn.errors[:, place])
        of_risk = _is_probability(each.scores)
        for column, measure in enumerate(("lift", *SHARES)):
            value = float(drawn.point[column][0, place])
            span = middle(drawn.draws[column][:, place])
            _put(row, measure, value, span, of_risk or measure != "revenue_caught_by_value")
        rows.append(row)
    return pd.DataFrame(rows), (drawn.point[1][0], drawn.draws[1])


def _put(
    row: dict[str, Any], measure: str, value: float, span: tuple[float, float], known: bool
) -> None:
    low, high = span
    nothing = float("nan")
    row[measure] = value if known else nothing
    row[f"{measure}_low"] = low if known else nothing
    row[f"{measure}_high"] = high if known else nothing


def _is_probability(scores: Values) -> bool:
    return bool(((scores >= 0) & (scores <= 1)).all())


def _probability_measures(ranked: Ranked, left: Values, gaps: Values) -> dict[str, Any]:
    """Brier, calibration error, slope and intercept; missing for scores that are only ranks."""
    row: dict[str, Any] = {}
    said, known = ranked.scores, _is_probability(ranked.scores)
    mean, error = brier(said, left)
    span = (max(0.0, mean - TWO_SIDED * error), min(1.0, mean + TWO_SIDED * error))
    _put(row, "brier", mean, span, known)
    gap, span = float("nan"), (float("nan"), float("nan"))
    if known:
        members = bins_of(ranked)
        gap = calibration_gap(members, said, left)
        span = gap_range(gap, gaps, gap_by_chance(members, said))
    _put(row, "calibration_error", gap, span, known)
    _, slope, spread = fit_line(log_odds(said), left) if known else (np.nan, np.nan, np.nan)
    known = known and slope == slope
    half = TWO_SIDED * spread
    _put(row, "calibration_slope", slope, (slope - half, slope + half), known)
    row["calibration_intercept"] = mean_shift(said, left) if known else float("nan")
    return row


def draw_measures(ranked: list[Ranked], left: Values, worth: Values) -> Drawn:
    """The measures of the riskiest tenth, measured and drawn, and the drawn calibration errors."""
    by_value = [Ranked(each.scores * worth) for each in ranked]
    gaps = np.zeros((len(left), BINS * len(ranked)), dtype=np.float32)
    for place, each in enumerate(ranked):
        gaps[np.arange(len(left)), place * BINS + bins_of(each)] = each.scores - left
    counted = np.column_stack([left, left * worth])

    def tenths(weights: Values) -> tuple[Values, Values, Values]:
        leavers, revenue = (weights @ counted).T[:, :, None]
        first = [caught(each, counted, weights) for each in ranked]
        second = [caught(each, counted[:, 1:], weights) for each in by_value]
        with np.errstate(invalid="ignore", divide="ignore"):
            return (
                np.column_stack([each[:, 0] for each in first]) / leavers * BINS,
                np.column_stack([each[:, 1] for each in first]) / revenue,
                np.column_stack([each[:, 0] for each in second]) / revenue,
            )

    parts, errors = [], []
    for weights in drawn_weights(len(left)):
        parts.append(tenths(weights))
        sums = (weights @ gaps).reshape(len(weights), len(ranked), BINS)
        errors.append(np.abs(sums).sum(axis=2) / len(left))
    return Drawn(
        tenths(np.ones((1, len(left)))),
        tuple(np.concatenate(blocks) for blocks in zip(*parts, strict=True)),
        np.concatenate(errors),
    )


def gains_curve(model: Ranked, rule: Ranked, left: Values) -> pd.DataFrame:
    """The gains curves; within a group of equal scores a straight line, as a random order gives."""
    import pandas as pd

    leavers = float(left.sum())
    if not leavers:
        return pd.DataFrame({"share_contacted": _GRID})

    def found(ranked: Ranked) -> Values:
        seen = np.concatenate([[0.0], ranked.ends / len(left)])
        reached = np.concatenate([[0.0], ranked.reached(left) / leavers])
        shares: Values = np.interp(_GRID, seen, reached)
        return shares

    by_model = found(model)
    spans = np.array([share_interval(share * leavers, leavers) for share in by_model])
    # So many customers hold no more leavers, and leave out no more, than they are.
    most = np.minimum(_GRID * len(left) / leavers, 1.0)
    least = np.maximum(1 - (1 - _GRID) * len(left) / leavers, 0.0)
    return pd.DataFrame(
        {
            "share_contacted": _GRID,
            "found_by_model": by_model,
            "found_by_model_low": np.maximum(spans[:, 0], least),
            "found_by_model_high": np.minimum(spans[:, 1], most),
            "found_by_rule": found(rule),
            "found_at_random": _GRID,
            "found_at_best": most,
        }
    )


def calibration_bins(codes: list[str], ranked: list[Ranked], left: Values) -> pd.DataFrame:
    """Said and seen of each method, bin by bin."""
    import pandas as pd

    rows = []
    for code, each in zip(codes, ranked, strict=True):
        if not _is_probability(each.scores):
            continue
        members = bins_of(each)
        for number in np.unique(members):
            inside = members == number
            gone, size = float(left[inside].sum()), int(inside.sum())
            low, high = share_interval(gone, size)
            rows.append(
                {
                    "method_code": code,
                    "bin": int(number) + 1,
                    "customers": size,
                    "predicted": float(each.scores[inside].mean()),
                    "observed": gone / size,
                    "observed_low": low,
                    "observed_high": high,
                }
            )
    columns = ("method_code", "bin", "customers", "predicted", "observed")
    return pd.DataFrame(rows, columns=[*columns, "observed_low", "observed_high"])
