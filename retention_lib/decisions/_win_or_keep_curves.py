"""What money buys, with diminishing returns; and which curve a history of winning supports."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from retention_lib.portfolio.intervals import Values

FEWEST_YEARS = 4
"""Complete years it takes before a slope and the doubt about it can be told."""
_MOST_TIMES = np.geomspace(1.02, 50.0, 400)
# Two-sided 90 % points of Student's t, by degrees of freedom; beyond them the normal one.
_T90 = (6.314, 2.920, 2.353, 2.132, 2.015, 1.943, 1.895, 1.860, 1.833, 1.812)
_Z90 = 1.6449


def bought(spend: Any, cost: Any, most: Any) -> Values:
    """How many customers a year that much money a year wins, or keeps.

    ``most × (1 - exp(-spend / (cost × most)))``: the first customer costs ``cost``, each further
    one more, and there are never more than ``most``. The curve on which Blattberg and Deighton
    1996 (Harvard Business Review 74(4)) balance winning and keeping.

    >>> bought([0.0, 100.0, 1e9], cost=100.0, most=50.0).round(2).tolist()
    [0.0, 0.99, 50.0]
    """
    spend, cost, most = (np.asarray(x, dtype=float) for x in (spend, cost, most))
    room = cost * most
    # Nothing to be had, or everything for nothing: the limits of the curve.
    scaled = np.divide(spend, room, out=np.zeros(np.broadcast(spend, room).shape), where=room > 0)
    free = (cost <= 0) & (spend > 0)
    values: Values = np.where(free, most, -most * np.expm1(-scaled))
    return values


def cost_of_next(spend: Any, cost: Any, most: Any) -> Values:
    """What one more customer costs once so much is spent: ``cost × exp(spend / (cost × most))``.

    >>> float(cost_of_next(0.0, cost=100.0, most=50.0))
    100.0
    """
    spend, cost, most = (np.asarray(x, dtype=float) for x in (spend, cost, most))
    room = cost * most
    scaled = np.divide(spend, room, out=np.full(np.broadcast(spend, room).shape, np.inf),
                       where=room > 0)  # fmt: skip
    values: Values = cost * np.exp(np.minimum(scaled, 700.0))
    return values


@dataclass(frozen=True)
class WonCurve:
    """What a history of winning supports: what comes after what is spent already.

    ``cost``: the next customer; ``most``: further ones a year, however much is spent.
    ``supported`` is false where the years do not show that further customers cost more.
    """

    supported: bool
    years: int
    cost: float = float("nan")
    most: float = float("nan")


def curve_of_history(spent: Values, won: Values) -> WonCurve:
    """The curve through what was spent and who was won, year by year, if there is one.

    It takes years that differ, and a cost a customer that rises with the number won beyond what
    chance would do (90 %). What is left of a curve of this form after what is spent today is a
    curve of the same form again: first cost ``cost × exp(s / (cost × most))``, the rest of
    ``most``.
    """
    used = (spent > 0) & (won > 0)
    spent, won = spent[used], won[used]
    years = len(won)
    if years < FEWEST_YEARS or not _rises(won, spent / won):
        return WonCurve(False, years)
    # For each ceiling the cost that fits best, in logs: a straight line through nothing.
    mosts = _MOST_TIMES * won.max()
    needed = -mosts[:, None] * np.log1p(-won[None, :] / mosts[:, None])
    costs = np.exp((np.log(spent)[None, :] - np.log(needed)).mean(axis=1))
    missed = ((np.log(spent)[None, :] - np.log(costs[:, None] * needed)) ** 2).sum(axis=1)
    best = int(missed.argmin())
    cost, most = float(costs[best]), float(mosts[best])
    now = float(spent[-1])
    left = most - float(bought(now, cost, most))
    return WonCurve(True, years, cost=float(cost_of_next(now, cost, most)), most=left)


def _rises(won: Values, each: Values) -> bool:
    """Whether a customer costs more in years in which more are won, chance aside."""
    x, y = np.log(won), np.log(each)
    spread = float(((x - x.mean()) ** 2).sum())
    if spread < 1e-12:
        return False
    slope = float(((x - x.mean()) * (y - y.mean())).sum()) / spread
    free = len(x) - 2
    missed = y - y.mean() - slope * (x - x.mean())
    error = float(np.sqrt((missed**2).sum() / free / spread))
    return slope > (_T90[free - 1] if free <= len(_T90) else _Z90) * error
