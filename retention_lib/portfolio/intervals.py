"""Ranges beside figures: what chance alone could have done to them.

All intervals hold 95 %, and all resampling is seeded: the same base gives the same range.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

LEVEL = 0.95
DRAWS = 400
SEED = 20260101
Values: TypeAlias = np.ndarray[Any, np.dtype[Any]]


def share_interval(hits: float, of: float) -> tuple[float, float]:
    """Wilson's interval of a share, which holds for few cases and for none too.

    Missing on both sides where there is no case. Wilson 1927, doi 10.1080/01621459.1927.10502953.

    >>> low, high = share_interval(8, 10)
    >>> round(low, 3), round(high, 3)
    (0.49, 0.943)
    """
    if not of:
        return float("nan"), float("nan")
    z = 1.959963984540054
    share = hits / of
    centre = (share + z * z / (2 * of)) / (1 + z * z / of)
    half = z / (1 + z * z / of) * np.sqrt(share * (1 - share) / of + z * z / (4 * of * of))
    # At the ends rounding would leave the share itself just outside its range.
    low = 0.0 if hits == 0 else max(0.0, float(centre - half))
    return low, 1.0 if hits == of else min(1.0, float(centre + half))


def resampled(
    statistic: Callable[..., Any], *columns: Values, draws: int = DRAWS, seed: int = SEED
) -> Values:
    """The statistic of ``draws`` bases drawn from the customers with replacement.

    ``columns`` are arrays of one value a customer; each draw takes the same customers from all.
    """
    rng = np.random.default_rng(seed)
    count = len(columns[0])
    picked = (rng.integers(0, count, count) for _ in range(draws))
    return np.array([statistic(*(column[places] for column in columns)) for places in picked])


def middle(draws: Values) -> tuple[float, float]:
    """The middle 95 % of what was drawn; missing where nothing was."""
    known = draws[np.isfinite(draws)]
    if not known.size:
        return float("nan"), float("nan")
    low, high = np.quantile(known, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)
