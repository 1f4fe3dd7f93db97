"""What effect so many customers can prove, and how many a given effect needs.

Two groups, a test that wrongly finds something in ``level`` of the cases (two-sided) and finds
what is really there in ``power`` of them. Shares after Fleiss, Levin and Paik, Statistical
Methods for Rates and Proportions, 3rd ed. 2003, section 4.2 (without continuity correction);
means after the same with known standard deviations. Adjusting by what was known before takes
the part ``explained`` (R squared) from the variance (Deng and others 2013, CUPED, doi
10.1145/2433396.2433413).
"""

from __future__ import annotations

import math
from statistics import NormalDist

POWER = 0.8
"""A true effect as large as promised is proved in so many of such tests."""
LEVEL = 0.05
"""Where there is no effect, one is seen all the same in so many of them."""

_STEPS = 60


def detectable(
    treated: float,
    control: float,
    share: float,
    *,
    power: float = POWER,
    level: float = LEVEL,
    explained: float = 0.0,
) -> float:
    """The smallest rise of a share that the two groups can prove, as a share (0.02 is 2 points).

    ``treated`` and ``control``: customers in each; ``share``: that of the control group (0 to 1);
    ``explained``: the part of the variance (0 to 1) that behaviour before takes away. Missing
    (NaN) where no rise up to 100 % could be proved, or a group is empty.

    >>> round(detectable(3841, 3841, 0.10), 4)
    0.02
    """
    if min(treated, control) < 1 or not 0 <= share < 1:
        return math.nan
    low, high = 0.0, 1.0 - share
    if _shortfall(treated, control, share, high, power, level, explained) > 0:
        return math.nan
    for _ in range(_STEPS):
        half = (low + high) / 2
        if _shortfall(treated, control, share, half, power, level, explained) > 0:
            low = half
        else:
            high = half
    return high


def needed(
    share: float,
    effect: float,
    control_share: float = 0.5,
    *,
    power: float = POWER,
    level: float = LEVEL,
    explained: float = 0.0,
) -> float:
    """How many customers in all prove a rise of ``effect`` over ``share``; whole, or infinite.

    ``control_share`` of them are held back; with half, 3,841 a side prove 12 % against 10 %.

    >>> needed(0.10, 0.02), needed(0.10, 0.02, control_share=0.1)
    (7682.0, 21860.0)
    """
    other = share + effect
    if effect == 0 or not 0 <= other <= 1 or not 0 < control_share < 1:
        return math.inf
    parts = _spread(share, other, control_share, power, level, explained)
    return _sides((parts / effect) ** 2, control_share)


def detectable_mean(
    treated: float,
    control: float,
    deviation: float,
    *,
    power: float = POWER,
    level: float = LEVEL,
    explained: float = 0.0,
) -> float:
    """The smallest change of a mean a customer that the two groups can prove.

    ``deviation``: the standard deviation of one customer, in the unit of the answer.

    >>> round(detectable_mean(100, 100, 1.0), 4)
    0.3962
    """
    if min(treated, control) < 1:
        return math.nan
    spread = deviation * math.sqrt((1 - explained) * (1 / treated + 1 / control))
    return _both(power, level) * spread


def needed_mean(
    deviation: float,
    effect: float,
    control_share: float = 0.5,
    *,
    power: float = POWER,
    level: float = LEVEL,
    explained: float = 0.0,
) -> float:
    """How many customers in all prove a change of a mean by ``effect``; whole, or infinite.

    >>> needed_mean(1.0, 0.5)
    126.0
    """
    if effect == 0 or not math.isfinite(effect) or not 0 < control_share < 1:
        return math.inf
    variance = deviation**2 * (1 - explained) / (control_share * (1 - control_share))
    return _sides((_both(power, level) / effect) ** 2 * variance, control_share)


def _sides(total: float, control_share: float) -> float:
    """The smaller group rounded up to whole customers, the other in proportion to it."""
    least = min(control_share, 1 - control_share)
    # A hair above a whole number is that number.
    smaller = max(math.ceil(total * least - 1e-9), 1)
    return float(math.ceil(smaller / least - 1e-9))


def _both(power: float, level: float) -> float:
    normal = NormalDist()
    return normal.inv_cdf(1 - level / 2) + normal.inv_cdf(power)


def _spread(
    share: float, other: float, held: float, power: float, level: float, explained: float
) -> float:
    """What the difference of two shares must exceed, times the root of the customers in all."""
    normal = NormalDist()
    pooled = held * share + (1 - held) * other
    # Rounding may leave a share that is all or nothing a hair outside.
    same = max(pooled * (1 - pooled), 0.0) / (held * (1 - held))
    apart = max(share * (1 - share), 0.0) / held + max(other * (1 - other), 0.0) / (1 - held)
    left = math.sqrt(1 - explained)
    found = normal.inv_cdf(1 - level / 2) * math.sqrt(same) + normal.inv_cdf(power) * math.sqrt(
        apart
    )
    return left * found


def _shortfall(
    treated: float,
    control: float,
    share: float,
    effect: float,
    power: float,
    level: float,
    explained: float,
) -> float:
    """How far an effect stays below what can be proved; negative where it can."""
    total = treated + control
    needs = _spread(share, share + effect, control / total, power, level, explained)
    return needs / math.sqrt(total) - effect
