"""Differences of two groups with their intervals, as they stand and adjusted by the past.

Everybody counts in the group it was assigned to. All intervals hold 95 %.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from retention_lib.decisions.past_campaigns import difference_interval

if TYPE_CHECKING:
    import pandas as pd

Values = np.ndarray[Any, np.dtype[Any]]

LEVEL = 0.95
DRAWS = 2000
SEED = 20260101
_AT_ONCE = 200
_FORMULA_ABOVE = 10_000
_HIGHEST_PAST = 0.99
"""A past beyond this quantile counts as that quantile: one large customer turns no line."""
_LONGEST_SILENCE = 1095.0
_ROUNDING = 1e-9
_Z = 1.959963984540054


@dataclass(frozen=True)
class Estimate:
    """An effect with the interval that holds 95 %, and its standard error."""

    value: float
    low: float
    high: float
    error: float

    def scaled(self, factor: float) -> Estimate:
        """The same in another unit; ``factor`` must not be negative."""
        return Estimate(
            self.value * factor,
            self.low * factor,
            self.high * factor,
            self.error * factor,
        )

    def less(self, cost: float) -> Estimate:
        """What is left after a cost that is known."""
        return Estimate(self.value - cost, self.low - cost, self.high - cost, self.error)

    @property
    def told(self) -> bool:
        """Whether chance alone does not explain it: nothing lies outside the interval."""
        return self.low > 0 or self.high < 0


NOTHING = Estimate(*[float("nan")] * 4)


def plain_shares(bought: Values, treated: Values) -> Estimate:
    """How much larger the share of buyers is among the treated; Newcombe 1998, method 10.

    On the safe side where the lots were drawn within journeys and bands of value, as a plan draws
    them: the groups are then more alike than this interval supposes. :func:`adjusted` knows.
    """
    one, other = bought[treated], bought[~treated]
    low, high = difference_interval(int(one.sum()), len(one), int(other.sum()), len(other))
    return Estimate(float(one.mean() - other.mean()), low, high, (high - low) / (2 * _Z))


def draw_again(treated: Values) -> Values | None:
    """The lots drawn anew, a row a draw: who would be in the smaller group, by place.

    ``None`` beyond 10,000 customers, where a formula says what drawing would. The same groups
    give the same draws.
    """
    count, smaller = len(treated), int(min(treated.sum(), (~treated).sum()))
    return None if count > _FORMULA_ABOVE else _drawn(count, smaller)


@lru_cache(maxsize=4)
def _drawn(count: int, smaller: int) -> Values:
    rng = np.random.default_rng(SEED)
    parts = [
        rng.random((_AT_ONCE, count), dtype=np.float32).argpartition(smaller, axis=1)[:, :smaller]
        for _ in range(DRAWS // _AT_ONCE)
    ]
    drawn = np.vstack([part.astype(np.int32) for part in parts])
    drawn.flags.writeable = False
    return drawn


def plain_means(values: Values, treated: Values, draws: Values | None = None) -> Estimate:
    """How much larger the mean is among the treated, with what drawing the lots anew would do.

    The standard error is Welch's. How many of them either way hold 95 % is not read off the bell
    curve: few customers held back seldom have a large one among them, and then everything looks
    like profit. The lots are drawn again 2,000 times among the same customers instead (the
    studentised permutation test of Janssen 1997, doi 10.1016/S0167-7152(97)00043-6).

    >>> found = plain_means(np.array([3.0, 5.0, 1.0, 2.0]), np.array([True, True, False, False]))
    >>> found.value, round(found.error, 4)
    (2.5, 1.118)
    """
    one, other = values[treated], values[~treated]
    value = float(one.mean() - other.mean())
    error = float(np.sqrt(one.var(ddof=1) / len(one) + other.var(ddof=1) / len(other)))
    return _estimate(value, error, values - value * treated, treated, draws)


def adjusted(
    values: Values, treated: Values, past: Values, draws: Values | None = None
) -> Estimate:
    """The same difference, what the past explains taken off.

    The effect of the group in a line through the ``past`` (one column a measure; CUPED, Deng and
    others 2013, doi 10.1145/2433396.2433413), with the standard error HC3 of statsmodels: of few
    held back each has a say in the line that it is held against, and HC2 came out too narrow.
    Missing where the past explains nothing because all have the same, or leaves nothing open.
    """
    from statsmodels.regression.linear_model import OLS

    kept = _independent(past)
    if not kept.shape[1] or len(values) <= kept.shape[1] + 4:
        return NOTHING
    columns = np.column_stack([np.ones(len(values)), treated.astype(float), kept])
    with np.errstate(divide="ignore", invalid="ignore"):
        fitted = OLS(values, columns).fit(cov_type="HC3")
    if np.abs(fitted.resid).max() <= _ROUNDING * np.abs(values).max():
        # Explained to the last digit, or all alike: what is left is rounding, not chance.
        return NOTHING
    error = float(np.sqrt(fitted.cov_params()[1, 1]))
    if not math.isfinite(error):
        # A measure in which a single customer differs leaves no error to tell.
        return NOTHING
    return _estimate(float(fitted.params[1]), error, np.asarray(fitted.resid), treated, draws)


def past_of(frame: pd.DataFrame, outcome: str) -> Values:
    """What was known of each customer before, as far as it tells the outcome afterwards."""
    own = "revenue_before" if outcome == "bought" else f"{outcome}_before"
    money = frame[own].to_numpy(dtype=float)
    if len(money):
        money = np.clip(money, *np.quantile(money, [1 - _HIGHEST_PAST, _HIGHEST_PAST]))
    silence = frame["silence_before"].fillna(_LONGEST_SILENCE).clip(upper=_LONGEST_SILENCE)
    return np.column_stack(
        [
            np.log1p(np.maximum(money, 0.0)) if outcome == "bought" else money,
            np.log1p(frame["purchases_before"].to_numpy(dtype=float)),
            np.log1p(silence.to_numpy(dtype=float)),
        ]
    )


def explained(values: Values, past: Values) -> float:
    """The part of the variance that the past explains (R squared, adjusted for its columns)."""
    if len(values) <= past.shape[1] + 2 or not values.std():
        return 0.0
    columns = np.column_stack([np.ones(len(values)), past])
    left = values - columns @ np.linalg.lstsq(columns, values, rcond=None)[0]
    share = float(left @ left / np.sum((values - values.mean()) ** 2))
    corrected = 1 - share * (len(values) - 1) / (len(values) - past.shape[1] - 1)
    return float(min(max(corrected, 0.0), 1.0))


@dataclass(frozen=True)
class Shrunk:
    """Effects of several groups drawn together: each with its interval, and how they spread.

    ``chance``: how probable such differences between the groups are where there is none.
    """

    centre: float
    spread: float
    values: Values
    lows: Values
    highs: Values
    chance: float


def shrink(values: Values, errors: Values) -> Shrunk:
    """Each effect drawn to the common one, the more the less it is known (empirical Bayes).

    The spread between the groups after DerSimonian and Laird 1986, doi
    10.1016/0197-2456(86)90046-2; the intervals count that the common effect is estimated too.

    >>> shrink(np.array([1.0, 1.0]), np.array([0.5, 0.1])).values.tolist()
    [1.0, 1.0]
    """
    from scipy.special import chdtrc

    weights = 1 / errors**2
    common = float((weights * values).sum() / weights.sum())
    distance = float((weights * (values - common) ** 2).sum())
    spare = len(values) - 1
    if not spare:
        ends = _Z * errors
        return Shrunk(common, 0.0, values, values - ends, values + ends, 1.0)
    room = float(weights.sum() - (weights**2).sum() / weights.sum())
    between = max((distance - spare) / room, 0.0)
    weights = 1 / (errors**2 + between)
    common = float((weights * values).sum() / weights.sum())
    own = between / (between + errors**2)
    drawn = own * values + (1 - own) * common
    error = np.sqrt(own * errors**2 + (1 - own) ** 2 / weights.sum())
    return Shrunk(
        common,
        float(np.sqrt(between)),
        drawn,
        drawn - _Z * error,
        drawn + _Z * error,
        float(chdtrc(spare, distance)),
    )


def corrected(chances: Sequence[float]) -> Values:
    """Chances corrected for having looked so many times (Holm 1979, by statsmodels).

    >>> corrected([0.01, 0.04]).tolist()
    [0.02, 0.04]
    """
    from statsmodels.stats.multitest import multipletests

    return np.asarray(multipletests(chances, method="holm")[1], dtype=float)


def chance_of(estimate: Estimate) -> float:
    """How probable so large an effect is where there is none, as its interval sees it."""
    from scipy.special import ndtr

    if not estimate.error > 0:
        return 1.0
    # From the end that lies nearer to nothing, so that the interval and the chance agree.
    end = estimate.low if estimate.value > 0 else estimate.high
    half = abs(estimate.value - end)
    return float(2 * ndtr(-_Z * abs(estimate.value) / half))


def _independent(columns: Values) -> Values:
    """Columns that vary by themselves, in like units; a copy of another one tells nothing."""
    centred = columns - columns.mean(axis=0)
    spread = centred.std(axis=0)
    varied = centred[:, spread > 0] / spread[spread > 0]
    kept: list[int] = []
    for place in range(varied.shape[1]):
        wanted = [*kept, place]
        # In like units the correlations say whether a column is made of the others.
        if np.linalg.matrix_rank(
            varied[:, wanted].T @ varied[:, wanted] / len(varied), 1e-8
        ) == len(wanted):
            kept.append(place)
    return np.asarray(varied[:, kept])


def _estimate(
    value: float, error: float, left: Values, treated: Values, draws: Values | None
) -> Estimate:
    """An effect with the interval that redrawing the lots among what is ``left`` gives."""
    if not error > 0:
        # All alike: such values cannot say how far chance goes.
        return Estimate(value, *[float("nan")] * 3)
    if draws is None:
        draws = draw_again(treated)
    low, high = _reach_by_formula(left, treated) if draws is None else _reach(left, treated, draws)
    return Estimate(value, value - high * error, value - low * error, error)


def _reach(left: Values, treated: Values, draws: Values) -> tuple[float, float]:
    """Between how many standard errors the difference lies in 95 % of the draws."""
    smaller, larger = draws.shape[1], len(left) - draws.shape[1]
    total, squares = left.sum(), (left**2).sum()
    drawn = left[draws]
    sums, squared = drawn.sum(axis=1), (drawn**2).sum(axis=1)
    one, other = sums / smaller, (total - sums) / larger
    spread = np.maximum(squared - smaller * one**2, 0.0) / (smaller - 1) / smaller
    spread += np.maximum(squares - squared - larger * other**2, 0.0) / (larger - 1) / larger
    known = spread > 0
    apart = (one - other if treated.sum() == smaller else other - one)[known]
    low, high = np.quantile(apart / np.sqrt(spread[known]), [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def _reach_by_formula(left: Values, treated: Values) -> tuple[float, float]:
    """The same from the skewness of both groups (Hall 1992, doi 10.1214/aos/1176348525)."""
    one, other = left[treated], left[~treated]
    third = sum(
        sign * float(((side - side.mean()) ** 3).mean()) / len(side) ** 2
        for sign, side in ((1, one), (-1, other))
    )
    spread = one.var() / len(one) + other.var() / len(other)
    shift = third / spread**1.5 * (2 * _Z**2 + 1) / 6
    return -_Z - shift, _Z - shift
