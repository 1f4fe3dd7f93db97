"""Expectations over a Beta distribution, to ten digits for whatever parameters.

The models of this room need ``E[f(p)]`` for a probability ``p ~ Beta(a, b)`` and a falling ``f``:
what a customer buys, or how long a contract lasts, until a dropout of probability ``p`` ends it.
Closed forms in the Gaussian hypergeometric function exist, but are not finite for heavy buyers, are
0 / 0 at ``a = 1`` and lose their digits near it. Over the log-odds of ``p`` the trapezoidal rule
converges exponentially instead.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import betaln, expit, log_expit

from retention_lib.scoring._fitting import Values

_DIGITS = 30.0
"""Tails are cut where they have fallen to exp(-30) of the peak."""
_CELLS = 1_000_000


@dataclass(frozen=True)
class BetaRule:
    """Where each Beta density is weighed (log-odds, one row a density), and the weights.

    With ``a`` below 1 the density has a long tail towards 0, with ``b`` below 1 towards 1. There
    ``f`` is compared with the straight line between its ends; ``line`` holds the expected shares
    of the end at 0 and of that at 1, and 0 for an end without a long tail.
    """

    odds: Values
    weights: Values
    tails: Values
    line: Values

    @classmethod
    def of(cls, a: Values, b: Values, steepness: Values) -> BetaRule:
        """Nodes as wide as the density with its tails, as close as its curvature asks for.

        ``steepness``: near 0 ``f`` falls like ``1 / (1 + steepness * p)`` or slower.
        """
        tails = np.stack([a < 1, b < 1], axis=1)
        left, right = a + tails[:, 0], b + tails[:, 1]
        width = np.sqrt(1 / left + 1 / right)
        lower = (_DIGITS + np.log1p(steepness)) / left + 8 * width
        upper = _DIGITS / right + 8 * width
        count = int(np.max(np.ceil((lower + upper) / np.minimum(0.32, 0.65 * width)))) + 1
        odds = (np.log(left / right) - lower)[:, None]
        odds = odds + (lower + upper)[:, None] * np.linspace(0, 1, count)
        density = a[:, None] * log_expit(odds) + b[:, None] * log_expit(-odds)
        step = (lower + upper) / (count - 1)
        weights = np.exp(density - (betaln(a, b) - np.log(step))[:, None])
        return cls(odds, weights, tails, tails * np.stack([b, a], axis=1) / (a + b)[:, None])

    def mean(
        self, which: Values, f: Callable[[Values, slice], Values], at_0: Values, at_1: Values
    ) -> Values:
        """E[f(p)] for each case; ``which`` is the row of its density.

        ``f(p, part)`` gives the values at ``p`` (one row a case) of the cases in ``part``;
        ``at_0`` and ``at_1`` are its ends, between which the expectation lies.
        """
        found = np.empty(len(which))
        size = max(1, _CELLS // self.odds.shape[1])
        for first in range(0, len(which), size):
            part = slice(first, first + size)
            rows = which[part]
            p, q = expit(self.odds)[rows], expit(-self.odds)[rows]
            ends = np.stack([at_0[part], at_1[part]], axis=1)
            taken = ends * self.tails[rows]
            above = f(p, part) - q * taken[:, :1] - p * taken[:, 1:]
            found[part] = np.einsum("ij,ij->i", self.weights[rows], above)
            found[part] += np.einsum("ij,ij->i", ends, self.line[rows])
        result: Values = np.clip(found, at_1, at_0)
        return result


def distinct(*columns: Values) -> tuple[list[Values], Values]:
    """The distinct rows, column by column, and which of them each row is."""
    place = np.zeros(len(columns[0]), dtype=np.int64)
    for column in columns:
        values, code = np.unique(column, return_inverse=True)
        place = np.unique(place * len(values) + code, return_inverse=True)[1]
    first = np.zeros(place.max() + 1, dtype=np.int64)
    first[place] = np.arange(len(place))
    return [column[first] for column in columns], place
