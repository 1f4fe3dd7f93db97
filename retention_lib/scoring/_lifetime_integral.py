"""Days at which to look ahead, and how much each counts: short steps first, longer ones later."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

_NODES = 5
# A step is never so long that money loses more than this in it, on the logarithmic scale.
_LONGEST_FALL = 2.0
# After such a fall what is still to come is worth less than a millionth.
NOTHING_LEFT = 16.0


def steps(days: float, force: float, first: float) -> Iterator[tuple[float, float]]:
    """The days ahead cut into steps, the first ``first`` days long and each twice the last."""
    start, length = 0.0, first
    longest = _LONGEST_FALL / force if force else np.inf
    while start < days:
        end = min(start + min(length, longest), days)
        yield start, end
        start, length = end, 2 * length


def nodes(start: float, end: float) -> Iterator[tuple[float, float]]:
    """The days of Gauss and Legendre in a step, and the days each stands for."""
    places, weights = np.polynomial.legendre.leggauss(_NODES)
    half = (end - start) / 2
    for place, weight in zip(places, weights, strict=True):
        yield float(start + half * (place + 1)), float(half * weight)
