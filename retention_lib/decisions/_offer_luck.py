"""Luck that is not even: a few large customers kept or not, and costs that are paid for certain.

What a list brings is a sum of rare large gains. A bell curve would let it lose more than the list
costs, and win too little in the lucky cases; a gamma curve of the same mean, spread and skew does
not. It is used through the cube root of Wilson and Hilferty 1931, doi 10.1073/pnas.17.12.684.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import ndtr

from retention_lib.portfolio.intervals import Values

_MOST = 4.0
"""The skew from which on the cube root no longer holds; beyond it is taken for that."""
_EVEN = 1e-4


def skewed(normal: Any, skew: Any) -> Values:
    """Standard normal draws as draws of mean 0, spread 1 and that skew (close up to 4).

    >>> [round(float(skewed(z, 2.0)), 2) for z in (-9, 0, 1.6449)]
    [-1.0, -0.3, 1.97]
    """
    size = np.clip(np.abs(skew), _EVEN, _MOST)
    side = np.where(np.less(skew, 0), -1.0, 1.0)
    root = np.maximum(1 + size * (side * normal) / 6 - size * size / 36, 0.0)
    drawn = side * 2 / size * (root**3 - 1)
    even: Values = np.where(np.abs(skew) < _EVEN, normal, drawn)
    return even


def chance_below(value: Any, skew: Any) -> Values:
    """The probability that such a draw is below ``value``; the inverse of :func:`skewed`.

    >>> round(float(chance_below(1.97, 2.0)), 2), round(float(chance_below(0.0, 0.0)), 2)
    (0.95, 0.5)
    """
    size = np.clip(np.abs(skew), _EVEN, _MOST)
    side = np.where(np.less(skew, 0), -1.0, 1.0)
    inside = 1 + side * np.multiply(size, value) / 2
    normal = side * 6 / size * (np.cbrt(np.maximum(inside, 0.0)) - 1 + size * size / 36)
    # Beyond the end of the curve there is nothing.
    normal = np.where(inside <= 0, -side * np.inf, normal)
    chance: Values = ndtr(np.where(np.abs(skew) < _EVEN, value, normal))
    return chance
