"""The likelihood of BG/NBD and of its modified form, with gradient and Hessian.

Both are one formula in ``m``, the number of times a customer could have dropped out: after every
repeat purchase (BG/NBD, ``m = x``) or after the first purchase too (modified, ``m = x + 1``).
Given that the customer is alive, the rate is Gamma(r + x, alpha + T) and the dropout probability
Beta(a, b + m). The odds of being gone are ``a / (b + m - 1) ((alpha + T) / (alpha + t))^(r + x)``.

Coordinates: log r, log of the mean buying rate r / alpha, log-odds of the mean dropout probability
a / (a + b), log of a + b. Of the four, the second and the third are what a base tells soonest.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import digamma, expit, gammaln, polygamma

from retention_lib.scoring._fitting import Values, Walls

_SAMPLE = 5_000
COORDINATES = ("rate_spread", "rate", "dropout", "dropout_spread")


@dataclass(frozen=True)
class Statistics:
    """What the likelihood needs of a base, time measured in ``unit`` days.

    ``repeats``, ``span``, ``age``, ``weight``: distinct histories that can have ended (in BG/NBD
    those with a repeat purchase). ``per_count`` and ``per_age`` are tables over all customers.
    """

    unit: float
    first_chance: int
    repeats: Values
    span: Values
    age: Values
    weight: Values
    counts: Values
    per_count: Values
    count_of: Values
    ages: Values
    customers_per_age: Values
    purchases_per_age: Values

    @property
    def customers(self) -> float:
        """How many customers the weights stand for."""
        return float(self.customers_per_age.sum())

    @property
    def purchases(self) -> float:
        """How many repeat purchases they made."""
        return float(self.purchases_per_age.sum())

    def starts(self) -> list[Values]:
        """Where to begin: as most bases are, few and lasting, quick and gone, all alike.

        In a small base with many one-time buyers the likelihood can have two maxima.
        """
        usual = self.walls().centre
        moves = ((0, 0, 0, 0), (-3, 0, -2.5, 1), (2.5, 3, 2, -1), (4, 0, 1, 3))
        return [usual + np.array(move) for move in moves]

    def walls(self) -> Walls:
        """What is plausible: half a dropout (or half a survivor) is the least a base can show."""
        exposure = max(float(np.sum(self.customers_per_age * self.ages)), 0.5)
        rate = np.log((self.purchases + 0.5) / exposure)
        chances = np.log(2 * (self.purchases + self.first_chance * self.customers + 1))
        return Walls(
            low=np.array([-7.0, rate - 5.0, -chances, -5.0]),
            centre=np.array([-0.5, rate + 0.3, max(-1.0, -chances + 0.1), 1.0]),
            high=np.array([7.0, rate + 12.0, chances, 7.0]),
            stiffness=1.0 + self.customers,
        )


def summarise(
    repeats: Values, span: Values, age: Values, weight: Values, first_chance: int
) -> tuple[Statistics, Statistics]:
    """All histories as the likelihood wants them, and a sample of them for a first approach.

    Where days are whole, equal histories are counted once. The sample is the whole where that is
    small.
    """
    unit = float(np.sum(weight * age) / np.sum(weight)) or 1.0
    histories = _collapse(repeats, span, age, weight)
    data = _tabulate(*histories, unit, first_chance)
    count = len(histories[0])
    if count <= 2 * _SAMPLE:
        return data, data
    some = np.random.default_rng(0).choice(count, _SAMPLE, replace=False)
    repeats, span, age, weight = (column[some] for column in histories)
    return data, _tabulate(repeats, span, age, weight, unit, first_chance)


def _tabulate(
    repeats: Values, span: Values, age: Values, weight: Values, unit: float, first_chance: int
) -> Statistics:
    ages, age_of = np.unique(age, return_inverse=True)
    customers_per_age = np.bincount(age_of, weights=weight)
    purchases_per_age = np.bincount(age_of, weights=weight * repeats)
    counts, count_of = np.unique(repeats, return_inverse=True)
    per_count = np.bincount(count_of, weights=weight)
    mortal = np.flatnonzero(repeats + first_chance > 0)
    return Statistics(
        unit,
        first_chance,
        repeats[mortal],
        span[mortal] / unit,
        age[mortal] / unit,
        weight[mortal],
        counts,
        per_count,
        count_of[mortal],
        ages / unit,
        customers_per_age,
        purchases_per_age,
    )


def _collapse(
    repeats: Values, span: Values, age: Values, weight: Values
) -> tuple[Values, Values, Values, Values]:
    """One row a distinct history; left as they are where days have fractions or are immense."""
    oldest, most = int(age.max(initial=0)) + 1, int(repeats.max(initial=0)) + 1
    whole = most * oldest * oldest < 2**62 and np.array_equal(age, np.floor(age))
    if not whole or not np.array_equal(span, np.floor(span)):
        used = weight > 0
        return repeats[used], span[used], age[used], weight[used]
    key = ((repeats.astype(np.int64) * oldest) + span.astype(np.int64)) * oldest
    key += age.astype(np.int64)
    if np.all(weight == 1):
        distinct, counted = np.unique(key, return_counts=True)
    else:
        distinct, place = np.unique(key[weight > 0], return_inverse=True)
        counted = np.bincount(place, weights=weight[weight > 0])
    rest, age_of = np.divmod(distinct, oldest)
    repeats_of, span_of = np.divmod(rest, oldest)
    return (
        repeats_of.astype(float),
        span_of.astype(float),
        age_of.astype(float),
        counted.astype(float),
    )


def to_parameters(point: Values) -> Values:
    """r, alpha, a, b (in the unit of the statistics) of one point or of a row of points."""
    point = np.asarray(point, dtype=float)
    r, rate, odds, total = point[..., 0], point[..., 1], point[..., 2], np.exp(point[..., 3])
    return np.stack([np.exp(r), np.exp(r - rate), total * expit(odds), total * expit(-odds)], -1)


def log_jacobian(point: Values) -> Values:
    """How the logarithms of r, alpha, a, b move with the coordinates."""
    gone = float(expit(point[2]))
    return np.array(
        [[1.0, 0, 0, 0], [1.0, -1, 0, 0], [0, 0, 1 - gone, 1], [0, 0, -gone, 1]], dtype=float
    )


def likelihood(data: Statistics, point: Values) -> tuple[float, Values, Values]:
    """Log-likelihood (time in the unit of ``data``), gradient and Hessian at a point."""
    logs = np.log(to_parameters(point))
    value, slope, curvature = log_parameter_likelihood(data, logs)
    jacobian = log_jacobian(point)
    bend = -float(expit(point[2]) * expit(-point[2])) * (slope[2] + slope[3])
    slope = np.einsum("ij,i->j", jacobian, slope)
    curvature = np.einsum("ij,ik,kl->jl", jacobian, curvature, jacobian)
    curvature[2, 2] += bend
    return value, slope, curvature


def log_parameter_likelihood(data: Statistics, logs: Values) -> tuple[float, Values, Values]:
    """The same over log r, log alpha, log a, log b."""
    parts = (_buying(data, *np.exp(logs[:2])), _chances(data, *np.exp(logs[2:])))
    value, slope, curvature = _gone(data, *np.exp(logs))
    for first, (part, part_slope, part_curvature) in zip((0, 2), parts, strict=True):
        block = slice(first, first + 2)
        value += part
        slope[block] += part_slope
        curvature[block, block] += part_curvature
    return value, slope, curvature


def _buying(data: Statistics, r: float, alpha: float) -> tuple[float, Values, Values]:
    """Of purchases alone, as if nobody could drop out: tables over counts and over ages."""
    k, many = r + data.counts, data.per_count
    n, bought, everybody = data.customers_per_age, data.purchases_per_age, data.customers
    later = alpha + data.ages
    log_later, share = np.log(later), alpha / later
    value = float(np.sum(many * (gammaln(k) - gammaln(r))) + everybody * r * np.log(alpha))
    value -= float(np.sum((r * n + bought) * log_later))
    by_r = float(np.sum(many * (digamma(k) - digamma(r))) + everybody * np.log(alpha))
    by_r = r * (by_r - float(np.sum(n * log_later)))
    by_alpha = everybody * r - float(np.sum((r * n + bought) * share))
    r_r = by_r + r * r * float(np.sum(many * (polygamma(1, k) - polygamma(1, r))))
    r_alpha = r * (everybody - float(np.sum(n * share)))
    alpha_alpha = -float(np.sum((r * n + bought) * share * (1 - share)))
    return value, np.array([by_r, by_alpha]), np.array([[r_r, r_alpha], [r_alpha, alpha_alpha]])


def _chances(data: Statistics, a: float, b: float) -> tuple[float, Values, Values]:
    """Of staying at every chance to drop out: the Beta functions, a table over counts."""
    m, many = data.counts + data.first_chance, data.per_count
    lasting, whole, total = b + m, a + b + m, a + b
    value = float(np.sum(many * (gammaln(lasting) - gammaln(b) - gammaln(whole) + gammaln(total))))
    by_a = a * float(np.sum(many * (digamma(total) - digamma(whole))))
    by_b = float(np.sum(many * (digamma(lasting) - digamma(b))))
    by_b = b * by_b + b / a * by_a
    both = float(np.sum(many * (polygamma(1, total) - polygamma(1, whole))))
    alone = float(np.sum(many * (polygamma(1, lasting) - polygamma(1, b))))
    a_b = a * b * both
    curvature = np.array([[by_a + a * a * both, a_b], [a_b, by_b + b * b * (alone + both)]])
    return value, np.array([by_a, by_b]), curvature


def _gone(
    data: Statistics, r: float, alpha: float, a: float, b: float
) -> tuple[float, Values, Values]:
    """Of having dropped out after the last purchase: the one term that needs every history."""
    before, after = alpha + data.span, alpha + data.age
    k = r + data.repeats
    silence = np.log1p((data.age - data.span) / before)
    left = b + data.counts + (data.first_chance - 1)
    # A count without a chance to drop out (BG/NBD, no repeat purchase) is in no history here.
    left = np.where(left > 0, left, 1.0) if not data.first_chance else left
    odds = np.log(a) - np.log(left)[data.count_of] + k * silence
    gone = data.weight * expit(odds)
    value = float(np.sum(data.weight * np.logaddexp(0.0, odds)))
    by_b_table = -b / left
    by_r = r * silence
    closer, closer_after = 1 / before, 1 / after
    by_alpha_each = alpha * (closer_after - closer)
    by_alpha = k * by_alpha_each
    by_b = by_b_table[data.count_of]
    slopes = (by_r, by_alpha, None, by_b)
    undecided = gone * expit(-odds)
    first = [_dot(gone, each) for each in slopes]
    second = np.empty((4, 4))
    for i, one in enumerate(slopes):
        weighted = undecided if one is None else undecided * one
        for j in range(i, 4):
            second[i, j] = second[j, i] = _dot(weighted, slopes[j])
    second[0, 0] += first[0]
    bent = _dot(gone, by_alpha * (1 - alpha * (closer + closer_after)))
    second[1, 1] += bent
    crossed = r * _dot(gone, by_alpha_each)
    second[0, 1] += crossed
    second[1, 0] += crossed
    second[3, 3] += _dot(gone, by_b * (1 + by_b))
    return value, np.array(first), second


def _dot(left: Values, right: Values | None) -> float:
    # einsum, because `@` on long vectors wakes threads that cost more than they bring.
    return float(np.sum(left) if right is None else np.einsum("i,i->", left, right))
