"""Qini curves: how many more customers buy, the more of a ranking is contacted.

The curve is that of Radcliffe 2007, "Using control groups to target on predicted lift", a
customer on file: buyers among the contacted less buyers among the held back, these blown up to
the number of the contacted, over all of the contacted. A ranking is worth the area between its
curve and the straight line of a list drawn by lot.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from retention_lib.decisions._uplift_facts import UpliftFacts

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]

BINS = 100
"""Places along a ranking at which its curve is worked out: every hundredth customer."""

DRAWS = 500
LEVEL = 0.90
_PARTIES = 2_000
"""Customers are drawn anew one by one up to that many, and beyond in so many parties of customers
put together by lot: the range is the same and the work does not grow."""


@dataclass(frozen=True, eq=False)
class Curves:
    """Curves of rankings of the same customers, and what chance could have done to them.

    ``share`` and ``gain``: by ranking, the share of customers contacted from 0 to 1 and the share
    of all who buy because of it. ``area`` is that between the curve and the straight line;
    ``drawn`` the same in each redrawn set of customers, all rankings in the same ones; ``effect``
    is that of contacting everybody.
    """

    share: Mapping[str, Floats]
    gain: Mapping[str, Floats]
    band: Mapping[str, tuple[Floats, Floats]]
    area: Mapping[str, float]
    drawn: Mapping[str, Floats]
    effect: float

    def interval(self, ranking: str, against: str | None = None) -> tuple[float, float]:
        """Between what the area of a ranking lies, or what it has more than another: 90 %."""
        drawn = self.drawn[ranking] - (self.drawn[against] if against else 0.0)
        tail = (1 - LEVEL) / 2
        low, high = np.quantile(drawn, [tail, 1 - tail])
        return float(low), float(high)

    def spread(self, ranking: str, against: str | None = None) -> float:
        """The standard deviation of the same."""
        drawn = self.drawn[ranking] - (self.drawn[against] if against else 0.0)
        return float(drawn.std())


def places_of(scores: Floats, bins: int = BINS) -> Ints:
    """The hundredth of the ranking each score falls in, the highest first; equal scores together.

    >>> places_of(np.array([0.3, 0.9, 0.3, 0.1]), bins=4).tolist()
    [1, 0, 1, 3]
    """
    below = np.sort(-scores)
    first = np.searchsorted(below, -scores, side="left")
    return np.asarray(first * bins // len(scores), dtype=np.int64)


def qini_curve(counts: Floats) -> tuple[Floats, Floats]:
    """Share contacted and gain along a ranking, from its counts a place.

    ``counts``: along the last two axes places and (contacted, held back, buyers contacted, buyers
    held back). Both results begin with 0.

    >>> share, gain = qini_curve(np.array([[2, 2, 2, 0], [2, 2, 1, 1]]))
    >>> share.tolist(), gain.tolist()
    ([0.0, 0.5, 1.0], [0.0, 0.5, 0.5])
    """
    upto = np.cumsum(np.asarray(counts, dtype=float), axis=-2)
    treated, control, bought, other = np.moveaxis(upto, -1, 0)
    # Where nobody was held back so far, nothing is known of what they would have bought.
    ratio = np.divide(treated, control, out=np.zeros_like(treated), where=control > 0)
    every = np.maximum(treated[..., -1:], 1.0)
    gain = np.where(control > 0, bought - other * ratio, 0.0) / every
    share = (treated + control) / np.maximum((treated + control)[..., -1:], 1.0)
    start = np.zeros((*share.shape[:-1], 1))
    return np.concatenate([start, share], axis=-1), np.concatenate([start, gain], axis=-1)


def qini_area(share: Floats, gain: Floats) -> Floats:
    """The area between curves and the straight line from their start to their end.

    >>> share, gain = qini_curve(np.array([[2, 2, 2, 0], [2, 2, 1, 1]]))
    >>> float(qini_area(share, gain))
    0.125
    """
    area: Floats = np.trapezoid(gain, share, axis=-1) - gain[..., -1] / 2
    return area


def compare_rankings(facts: UpliftFacts, rankings: Mapping[str, Floats], *, seed: int) -> Curves:
    """Draw the curves of rankings of the same customers, and how far chance could move them.

    Customers are drawn anew with all of their rows. Where campaigns contacted unlike shares of
    their customers, who was held back counts for more or less, as if the shares had been one.
    """
    customer = facts.customer
    mean = facts.treated.mean()
    weight = facts.share / (1 - facts.share) * (1 - mean) / mean * (1 - facts.treated)
    rng = np.random.default_rng(seed)
    count = int(customer.max()) + 1
    party = rng.permutation(count) % _PARTIES if count > _PARTIES else np.arange(count)
    parties = min(count, _PARTIES)
    weights = rng.multinomial(parties, np.full(parties, 1 / parties), DRAWS).astype(float)
    share, gain, band, area, drawn = {}, {}, {}, {}, {}
    for name, scores in rankings.items():
        table = _counts(facts, weight, places_of(scores), party[customer], parties)
        share[name], gain[name] = qini_curve(table.sum(axis=0))
        area[name] = float(qini_area(share[name], gain[name]))
        again = (weights @ table.reshape(parties, -1)).reshape(DRAWS, BINS, 4)
        shares, gains = qini_curve(again)
        drawn[name] = qini_area(shares, gains)
        tail = (1 - LEVEL) / 2
        low, high = np.quantile(gains, [tail, 1 - tail], axis=0)
        band[name] = (low, high)
    effect = float(gain[next(iter(gain))][-1])
    return Curves(share, gain, band, area, drawn, effect)


def _counts(facts: UpliftFacts, held: Floats, place: Ints, party: Ints, parties: int) -> Floats:
    """By party and place: contacted, held back, buyers contacted, buyers held back."""
    cell = party * BINS + place
    treated, bought = facts.treated, facts.bought
    sums = [
        np.bincount(cell, weights=weights, minlength=parties * BINS)
        for weights in (treated, held, treated * bought, held * bought)
    ]
    counted: Floats = np.stack(sums, axis=-1).reshape(parties, BINS, 4).astype(np.float64)
    return counted
