"""How good a ranking and how true a probability is: each measure and what chance does to it.

Equal scores always share their place, so that the order of the file changes no figure. Where the
spread of a measure has a formula it is used (exact, quick and without a draw); the measures of the
riskiest tenth and the calibration error are drawn again and again from the customers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from retention_lib.portfolio.intervals import LEVEL, SEED, Values, share_interval

TENTH = 0.1
"""The share of customers that a team contacts first: what is caught is counted in it."""

BINS = 10
TWO_SIDED = 1.959963984540054
_NEVER, _ALWAYS = 1e-6, 1 - 1e-6
_STEPS = 50
# Log-odds that differ by less tell nobody apart; a slope along them would be noise, magnified.
_CONSTANT = 1e-3


@dataclass(frozen=True)
class Ranked:
    """Customers from the riskiest to the safest, those of equal score side by side.

    ``order``: places of the customers; ``starts``: where each group of equal scores begins.
    """

    scores: Values

    @cached_property
    def order(self) -> Values:
        """Places of the customers, riskiest first."""
        return np.argsort(-self.scores, kind="stable")

    @cached_property
    def starts(self) -> Values:
        """Where in the order each group of equal scores begins."""
        ranked = self.scores[self.order]
        return np.concatenate([[0], np.flatnonzero(np.diff(ranked)) + 1])

    @cached_property
    def ends(self) -> Values:
        """Where in the order each group of equal scores ends, exclusive."""
        return np.concatenate([self.starts[1:], [len(self.order)]])

    @cached_property
    def group(self) -> Values:
        """The group of each customer, in the order of the file."""
        found = np.empty(len(self.order), dtype=np.int64)
        found[self.order] = np.repeat(np.arange(len(self.starts)), self.ends - self.starts)
        return found

    def reached(self, what: Values) -> Values:
        """The sum of ``what`` down to the end of each group."""
        ends: Values = np.cumsum(what[self.order])[self.ends - 1]
        return ends


def auc_table(scores: Values, left: Values) -> tuple[Values, Values]:
    """AUC of each row of ``scores`` and the covariances between them.

    The chance that a customer who left has the higher score of the two, equal scores counting
    half. DeLong, DeLong and Clarke-Pearson 1988, doi 10.2307/2531595, by the midranks of Sun and
    Xu 2014, doi 10.1109/LSP.2014.2337313. Needs a leaver and a stayer.

    >>> auc, _ = auc_table(np.array([[0.9, 0.8, 0.3, 0.1]]), np.array([1, 0, 1, 0]))
    >>> auc.tolist()
    [0.75]
    """
    from scipy.stats import rankdata

    gone = left == 1
    leavers, stayers = int(gone.sum()), int((~gone).sum())
    overall = rankdata(scores, axis=1)
    beaten = (overall[:, gone] - rankdata(scores[:, gone], axis=1)) / stayers
    beating = 1 - (overall[:, ~gone] - rankdata(scores[:, ~gone], axis=1)) / leavers
    return beaten.mean(axis=1), _covariance(beaten) + _covariance(beating)


def _covariance(parts: Values) -> Values:
    count = parts.shape[1]
    if count < 2:
        return np.zeros((len(parts), len(parts)))
    centred = parts - parts.mean(axis=1, keepdims=True)
    covariance: Values = centred @ centred.T / (count - 1) / count
    return covariance


def average_precision(ranked: Ranked, left: Values) -> tuple[float, float]:
    """Average precision and its standard error.

    The sum over the scores of the precision down to each times the share of leavers it adds, as
    scikit-learn has it; the error from the influence of each customer on that sum.
    """
    count, leavers = len(left), float(left.sum())
    found, seen = ranked.reached(left) / count, ranked.ends / count
    added = np.diff(found, prepend=0.0)
    precision, rate = found / seen, leavers / count
    area = float((added * precision).sum())
    below = np.cumsum((added / seen)[::-1])[::-1]
    weighed = np.cumsum((added * precision / seen)[::-1])[::-1]
    place = ranked.group
    influence = left * (precision[place] + below[place]) - weighed[place] - area
    influence = (influence - area / rate * (left - rate)) / rate
    return area / rate, float(np.sqrt((influence**2).mean() / count))


def brier(probability: Values, left: Values) -> tuple[float, float]:
    """Mean squared distance between what was said and what happened, and its standard error."""
    squares = (probability - left) ** 2
    spread = squares.std(ddof=1) if len(squares) > 1 else 0.0
    return float(squares.mean()), float(spread / np.sqrt(len(squares)))


def bins_of(ranked: Ranked) -> Values:
    """The tenth of each customer, 0 the least likely to leave; equal scores stay together."""
    middles = len(ranked.order) - (ranked.starts + ranked.ends) / 2
    tenths = np.minimum((middles * BINS / len(ranked.order)).astype(np.int64), BINS - 1)
    members: Values = tenths[ranked.group]
    return members


def calibration_gap(members: Values, probability: Values, left: Values) -> float:
    """Expected calibration error: how far said and seen lie apart on average, bin by bin."""
    gaps = np.bincount(members, weights=probability - left, minlength=BINS)
    return float(np.abs(gaps).sum() / len(left))


def gap_range(gap: float, drawn: Values, noise: float) -> tuple[float, float]:
    """The range of a calibration error from its draws.

    A distance is never below zero, so that chance alone makes one, and drawing adds as much once
    more. Where the distance is no more than true probabilities would show (``noise``) the range
    begins at nothing; else it is what the draws leave when their own addition is taken off.
    """
    mean, high = float(drawn.mean()), float(np.quantile(drawn, (1 + LEVEL) / 2))
    low = 0.0 if gap <= noise else max(0.0, 3 * gap - high - mean)
    return min(low, gap), max(gap, gap + high - mean)


def gap_by_chance(members: Values, probability: Values) -> float:
    """The calibration error that true probabilities stay below in 97.5 % of cases."""
    spread = np.bincount(members, weights=probability * (1 - probability), minlength=BINS)
    normal = np.random.default_rng(SEED).standard_normal((2000, BINS))
    errors = np.abs(normal * np.sqrt(spread)).sum(axis=1) / len(probability)
    return float(np.quantile(errors, (1 + LEVEL) / 2))


def log_odds(probability: Values) -> Values:
    """Log-odds of probabilities, those of 0 and 1 being taken as one in a million from it."""
    inside = np.clip(probability, _NEVER, _ALWAYS)
    odds: Values = np.log(inside / (1 - inside))
    return odds


def fit_line(values: Values, left: Values) -> tuple[float, float, float]:
    """Intercept, slope and the slope's standard error of a logistic regression on one variable.

    Newton's method with a hair of ridge on the slope, so that a variable which separates leavers
    from stayers perfectly gets a steep slope instead of an endless one.
    """
    spread = float(values.std())
    if spread < _CONSTANT or left.min() == left.max():
        rate = (float(left.sum()) + 0.5) / (len(left) + 1)
        return float(np.log(rate / (1 - rate))), float("nan"), float("nan")
    centre = float(values.mean())
    scaled = (values - centre) / spread
    ridge = np.diag([0.0, 1e-4])
    design = np.column_stack([np.ones(len(scaled)), scaled])
    beta = np.zeros(2)
    for _ in range(_STEPS):
        said = 1 / (1 + np.exp(-np.clip(design @ beta, -30, 30)))
        weights = np.maximum(said * (1 - said), 1e-9)
        curvature = design.T @ (design * weights[:, None]) + ridge
        step = np.linalg.solve(curvature, design.T @ (left - said) - ridge @ beta)
        beta = beta + np.clip(step, -2, 2)
        if np.abs(step).max() < 1e-10:
            break
    error = float(np.sqrt(np.linalg.inv(curvature)[1, 1]))
    return float(beta[0] - beta[1] * centre / spread), float(beta[1] / spread), error / spread


def mean_shift(probability: Values, left: Values) -> float:
    """Calibration in the large: what must be added to all log-odds for the total to be right.

    Above 0: more customers left than was said. The intercept with the slope held at one.
    """
    odds, rate, shift = log_odds(probability), float(left.mean()), 0.0
    if rate in (0.0, 1.0):
        return float("nan")
    for _ in range(_STEPS):
        said = 1 / (1 + np.exp(-(odds + shift)))
        step = float((rate - said.mean()) / max((said * (1 - said)).mean(), 1e-9))
        shift += min(2.0, max(-2.0, step))
        if abs(step) < 1e-10:
            break
    return shift


def caught(ranked: Ranked, counted: Values, weights: Values) -> Values:
    """What the riskiest tenth holds, for each row of weights (how often each customer is drawn).

    Gives one column for each column of ``counted``. Of a group of equal scores that the line of
    the tenth cuts, the share above the line is taken: what a random order of them would give.
    """
    count, room = weights.shape[1], TENTH * weights.sum(axis=1)
    # Draws shift the line by a few customers only (3 roots are ten standard deviations): those
    # far above it are summed at once, those far below it are never looked at.
    slack = 3 * np.sqrt(count)
    sure = int(np.searchsorted(ranked.ends, TENTH * count - slack, side="right"))
    last = min(int(np.searchsorted(ranked.ends, TENTH * count + slack)), len(ranked.ends) - 1)
    start = ranked.starts[sure]
    certain, doubtful = ranked.order[:start], ranked.order[start : ranked.ends[last]]
    above = weights[:, certain]
    drawn = weights[:, doubtful]
    sums = [drawn, *(drawn * column[doubtful] for column in counted.T)]
    if last - sure + 1 < len(doubtful):
        groups = ranked.starts[sure : last + 1] - start
        sums = [np.add.reduceat(each, groups, axis=1) for each in sums]
    size = sums[0]
    before = np.cumsum(size, axis=1, dtype=np.float64) - size + above.sum(axis=1)[:, None]
    share = np.clip(room[:, None] - before, 0, size) / np.maximum(size, 1)
    cut = np.column_stack([(share * each).sum(axis=1) for each in sums[1:]])
    total: Values = above @ counted[certain] + cut
    return total


def drawn_weights(count: int) -> Iterator[Values]:
    """Resamples of the customers in blocks: how often each is drawn, one row a resample.

    400 of them, above 50,000 customers 200: there chance has little left to do.
    """
    rng = np.random.default_rng(SEED)
    draws = 400 if count <= 50_000 else 200
    block = max(1, min(draws, 8_000_000 // count))
    for start in range(0, draws, block):
        rows = min(block, draws - start)
        yield np.array(
            [np.bincount(rng.integers(0, count, count), minlength=count) for _ in range(rows)],
            dtype=np.float32,
        )


def on_log_odds(value: float, error: float, cases: float) -> tuple[float, float]:
    """The range of a share-like measure, worked out on log-odds so that it stays within 0 and 1.

    At 0 or 1 there is no spread to go by: then as for a share of ``cases`` cases.
    """
    if not 0 < value < 1 or error <= 0:
        return share_interval(value * cases, cases)
    centre, half = np.log(value / (1 - value)), TWO_SIDED * error / (value * (1 - value))
    low, high = 1 / (1 + np.exp(-(centre - half))), 1 / (1 + np.exp(-(centre + half)))
    return float(low), float(high)


def simultaneous_limit(covariance: Values) -> float:
    """How many errors the largest of several measures may stand out by chance, one-sided 97.5 %.

    For one measure 1.96; more for several, the less they are alike the more.
    """
    errors = np.sqrt(np.diag(covariance))
    known = errors > 0
    if known.sum() < 2:
        return TWO_SIDED
    correlation = covariance[np.ix_(known, known)] / np.outer(errors[known], errors[known])
    values, vectors = np.linalg.eigh(correlation)
    rng = np.random.default_rng(SEED)
    normal: Any = rng.standard_normal((20_000, len(values))) * np.sqrt(np.maximum(values, 0))
    largest = (normal @ vectors.T).max(axis=1)
    return max(TWO_SIDED, float(np.quantile(largest, (1 + LEVEL) / 2)))
