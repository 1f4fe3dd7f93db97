"""The learners that the churn model combines; each says a log-odds that is a sum over features.

Because every learner is additive, so is their combination: what each feature contributes to a
customer's log-odds is exact and needs no approximation. Trees of several features were tried on
real and simulated bases and ranked no better out of time (0.0001 AUC on average).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from retention_lib.scoring.features import BY_NAME

Floats = NDArray[np.float64]

BINS = 64
"""So many classes a feature is cut into before trees see it."""

TREES = {
    "learning_rate": 0.05,
    "max_iter": 150,
    "max_leaf_nodes": 8,
    "l2_regularization": 5.0,
    "interaction_cst": "no_interactions",
    "early_stopping": False,
    "random_state": 0,
}
CASES_A_LEAF = 30
STRENGTH = 0.01
"""Inverse strength of the penalty of the logistic regression."""

CLIPPED_AT = 4.0
"""No customer lies further from the mean than so many standard deviations."""

RFM = ("recency_days", "purchases_365", "spend_365")
"""What the simplest learner looks at: on short histories little else holds."""

RARELY = 0.01
"""What is missing for fewer, or known for fewer, is not worth a weight of its own."""

_CERTAIN = 1e-4


class Learner(Protocol):
    """Anything that gives each feature's part of a log-odds."""

    @property
    def kind(self) -> str:
        """What the learner is called in files and scorecards."""

    def parts(self, values: Floats) -> Floats:
        """One column a feature, centred on the training rows; add ``base`` and the rows' sums."""

    @property
    def base(self) -> float:
        """The log-odds of the average customer."""

    def to_parts(self) -> dict[str, Any]:
        """Plain arrays and numbers, for a file."""


def log_odds_of(probability: Floats) -> Floats:
    """Log-odds of probabilities kept away from 0 and 1.

    >>> log_odds_of(np.array([0.5, 1.0])).round(2).tolist()
    [0.0, 9.21]
    """
    safe = np.clip(probability, _CERTAIN, 1 - _CERTAIN)
    odds: Floats = np.log(safe / (1 - safe))
    return odds


def probability_of(odds: Floats) -> Floats:
    """Probabilities of log-odds, which beyond 30 are as good as certain.

    >>> probability_of(np.array([0.0, 1000.0])).round(2).tolist()
    [0.5, 1.0]
    """
    probability: Floats = 1 / (1 + np.exp(-np.clip(odds, -30, 30)))
    return probability


# --- Boosting, one feature a tree ---------------------------------------------------------------


@dataclass(frozen=True)
class BoostedTables:
    """Gradient boosting whose trees look at one feature each, written down as one table a feature.

    ``cuts`` of a feature separate its classes, ``tables`` hold the log-odds of each class and,
    last, of the missing.
    """

    cuts: tuple[Floats, ...]
    tables: tuple[Floats, ...]
    base: float
    kind: str = "boosting"

    def parts(self, values: Floats) -> Floats:
        """Log-odds by feature, one column each."""
        columns = [
            table[_classes(values[:, place], cuts)]
            for place, (cuts, table) in enumerate(zip(self.cuts, self.tables, strict=True))
        ]
        return np.column_stack(columns)

    def to_parts(self) -> dict[str, Any]:
        """Plain arrays, for a file."""
        return {"cuts": list(self.cuts), "tables": list(self.tables), "base": self.base}

    @classmethod
    def from_parts(cls, parts: Mapping[str, Any]) -> BoostedTables:
        """Undo :meth:`to_parts`."""
        return cls(tuple(parts["cuts"]), tuple(parts["tables"]), float(parts["base"]))


def _classes(column: Floats, cuts: Floats) -> NDArray[np.int64]:
    """The class of each value, 0 to the number of cuts; one more for the missing."""
    missing = np.isnan(column)
    return np.where(missing, len(cuts) + 1, np.searchsorted(cuts, column, side="right"))


def _cuts(column: Floats) -> Floats:
    """At most ``BINS - 1`` cut points, each half-way between two values that are there."""
    known = np.unique(column[~np.isnan(column)], return_counts=True)
    values, counts = known
    if len(values) <= BINS:
        between: Floats = (values[1:] + values[:-1]) / 2
        return between
    reached = np.cumsum(counts) / counts.sum()
    ends = np.unique(np.searchsorted(reached, np.arange(1, BINS) / BINS))
    ends = ends[ends < len(values) - 1]
    halfway: Floats = (values[ends] + values[ends + 1]) / 2
    return halfway


def _coded(values: Floats, cuts: Sequence[Floats]) -> Floats:
    coded = np.empty(values.shape)
    for place, each in enumerate(cuts):
        classes = _classes(values[:, place], each).astype(float)
        coded[:, place] = np.where(classes > len(each), np.nan, classes)
    return coded


def fit_boosting(
    values: Floats, left: Floats, weight: Floats, *, rows_a_customer: float
) -> BoostedTables:
    """Boost trees of one feature each, and write them down as tables.

    Rows of one customer on several dates are no independent cases: the more of them, the more
    rows a leaf has to hold.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier

    cuts = tuple(_cuts(column) for column in values.T)
    leaf = int(CASES_A_LEAF * np.sqrt(max(rows_a_customer, 1.0)))
    trees = HistGradientBoostingClassifier(
        min_samples_leaf=min(leaf, max(len(left) // 20, 5)), **TREES
    )
    coded = _coded(values, cuts)
    # Trees cannot be grown beside a column of which nothing at all is known.
    coded[:, np.isnan(coded).all(axis=0)] = 0.0
    trees.fit(coded, left, sample_weight=weight)
    said, nothing = _on_a_grid(trees, cuts)
    tables, base = [], nothing
    for table, column, each in zip(said, values.T, cuts, strict=True):
        rows = np.bincount(_classes(column, each), weights=weight, minlength=len(table))
        middle = float(np.einsum("i,i->", table, rows) / rows.sum())
        tables.append(table - middle)
        base += middle
    return BoostedTables(cuts, tuple(tables), base)


def _on_a_grid(trees: Any, cuts: Sequence[Floats]) -> tuple[list[Floats], float]:
    """What each class of each feature adds to the log-odds of a row of which nothing is known.

    No tree looks at two features, so one feature at a time tells everything.
    """
    sizes = [len(each) + 1 for each in cuts]
    grid = np.full((sum(sizes) + 1, len(cuts)), np.nan)
    ends = np.cumsum(sizes)
    for place, (end, size) in enumerate(zip(ends, sizes, strict=True)):
        grid[end - size : end, place] = np.arange(size)
    odds = np.asarray(trees.decision_function(grid), dtype=float).ravel()
    nothing = float(odds[-1])
    return [np.append(part - nothing, 0.0) for part in np.split(odds[:-1], ends[:-1])], nothing


# --- Logistic regression ------------------------------------------------------------------------


@dataclass(frozen=True)
class LogisticTerms:
    """A regularised logistic regression on logarithms, written down as weights.

    Each feature has a weight for its standardised logarithm and one for being missing.
    ``places`` are the columns it looks at, of ``width`` there are.
    """

    places: tuple[int, ...]
    width: int
    logs: tuple[str, ...]
    middle: Floats
    spread: Floats
    weight: Floats
    missing_weight: Floats
    shift: Floats
    base: float
    kind: str = "logistic"

    def parts(self, values: Floats) -> Floats:
        """Log-odds by feature, one column each."""
        scaled, missing = _scaled(values[:, self.places], self.logs, self.middle, self.spread)
        said = np.zeros((len(values), self.width))
        said[:, self.places] = scaled * self.weight + missing * self.missing_weight - self.shift
        return said

    def to_parts(self) -> dict[str, Any]:
        """Plain arrays, texts and numbers, for a file."""
        names = ("width", "middle", "spread", "weight", "missing_weight", "shift", "base", "kind")
        plain = {"places": list(self.places), "logs": list(self.logs)}
        return {**plain, **{name: getattr(self, name) for name in names}}

    @classmethod
    def from_parts(cls, parts: Mapping[str, Any]) -> LogisticTerms:
        """Undo :meth:`to_parts`."""
        return cls(**{**parts, "places": tuple(parts["places"]), "logs": tuple(parts["logs"])})


def _scale_of(name: str) -> str:
    """How a feature is straightened before it is weighted."""
    if name == "no_purchase_probability":
        return "odds"
    return "log" if BY_NAME[name].unit in ("days", "count", "money", "ratio") else "plain"


def _straight(values: Floats, logs: Sequence[str]) -> Floats:
    straight = values.copy()
    for place, scale in enumerate(logs):
        column = values[:, place]
        if scale == "log":
            straight[:, place] = np.sign(column) * np.log1p(np.abs(column))
        elif scale == "odds":
            straight[:, place] = log_odds_of(column)
    return straight


def _scaled(
    values: Floats, logs: Sequence[str], middle: Floats, spread: Floats
) -> tuple[Floats, Floats]:
    return _standardised(_straight(values, logs), middle, spread)


def _standardised(straight: Floats, middle: Floats, spread: Floats) -> tuple[Floats, Floats]:
    """Standardised logarithms, the missing at the mean, and who is missing."""
    scaled = (straight - middle) / spread
    missing = np.isnan(scaled)
    scaled[missing] = 0.0
    return np.clip(scaled, -CLIPPED_AT, CLIPPED_AT, out=scaled), missing.astype(float)


def fit_logistic(
    values: Floats,
    names: Sequence[str],
    left: Floats,
    weight: Floats,
    *,
    only: Sequence[str] | None = None,
) -> LogisticTerms:
    """Straighten, standardise, mark the missing, and weigh with a penalty on large weights.

    With ``only`` it looks at no other feature, and is called after the rule of thumb.
    """
    from sklearn.linear_model import LogisticRegression

    asked = [place for place, name in enumerate(names) if only is None or name in only]
    logs = tuple(_scale_of(names[place]) for place in asked)
    straight = _straight(values[:, asked], logs)
    middle, spread = _moments(straight, weight)
    scaled, missing = _standardised(straight, middle, spread)
    share = missing.mean(axis=0)
    told = (share > RARELY) & (share < 1 - RARELY)
    fitted = LogisticRegression(C=STRENGTH, solver="newton-cholesky")
    fitted.fit(np.hstack([scaled, missing[:, told]]), left, sample_weight=weight)
    slopes, for_missing = fitted.coef_[0, : len(asked)].astype(float), np.zeros(len(asked))
    for_missing[told] = fitted.coef_[0, len(asked) :]
    shift = np.average(scaled * slopes + missing * for_missing, axis=0, weights=weight)
    return LogisticTerms(
        tuple(asked),
        len(names),
        logs,
        middle,
        spread,
        slopes,
        for_missing,
        shift,
        float(fitted.intercept_[0] + shift.sum()),
        "logistic" if only is None else "logistic_rfm",
    )


def _moments(straight: Floats, weight: Floats) -> tuple[Floats, Floats]:
    """Mean and standard deviation of the known values of each column."""
    known = ~np.isnan(straight) * weight[:, None]
    count = np.maximum(known.sum(axis=0), 1e-12)
    held = np.nan_to_num(straight)
    middle = (held * known).sum(axis=0) / count
    spread = np.sqrt(((held - middle) ** 2 * known).sum(axis=0) / count)
    return middle, np.where(spread > 1e-9, spread, 1.0)


# --- The purchase model ---------------------------------------------------------------------------


@dataclass(frozen=True)
class PurchaseOdds:
    """What the purchase model says: the odds of no purchase within the horizon."""

    place: int
    width: int
    middle: float
    base: float
    kind: str = "purchase_model"

    def parts(self, values: Floats) -> Floats:
        """Log-odds by feature: all of them in one column."""
        odds = log_odds_of(values[:, self.place])
        parts = np.zeros((len(values), self.width))
        parts[:, self.place] = np.where(np.isnan(odds), 0.0, odds - self.middle)
        return parts

    def to_parts(self) -> dict[str, Any]:
        """Plain numbers, for a file."""
        names = ("place", "width", "middle", "base")
        return {name: getattr(self, name) for name in names}

    @classmethod
    def from_parts(cls, parts: Mapping[str, Any]) -> PurchaseOdds:
        """Undo :meth:`to_parts`."""
        return cls(**parts)


def take_purchase_model(values: Floats, place: int, weight: Floats) -> PurchaseOdds:
    """The purchase model as it stands; nothing is learnt but where its middle lies."""
    odds = log_odds_of(values[:, place])
    known = ~np.isnan(odds)
    middle = float(np.average(odds[known], weights=weight[known])) if known.any() else 0.0
    return PurchaseOdds(place, values.shape[1], middle, middle)


KINDS: Mapping[str, Any] = {
    "boosting": BoostedTables,
    "logistic": LogisticTerms,
    "logistic_rfm": LogisticTerms,
    "purchase_model": PurchaseOdds,
}
