"""What a year of a customer is worth, told by customers like it who stayed.

Shared by the list of the lost and by what replaces them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from retention_lib.portfolio.intervals import DRAWS, SEED, Values, middle

FEWEST_STAYERS = 30
"""With fewer customers who stayed than this no ratio is told."""
BANDS = (1, 4, 13)
"""Purchases in the year from which a band of likes begins: 1 to 3, 4 to 12, 13 and more.

Those who bought once are not a band of their own: of them only who buys again counts as having
stayed, which made their following year twice what the simulator says it would have been."""


@dataclass(frozen=True)
class Carry:
    """The year after against the year before, among customers who stayed.

    ``starts`` holds the fewest purchases in the year before of each band, ``before`` and
    ``after`` the values of its customers. Without bands the ratio is not known and taken as 1.
    """

    starts: tuple[int, ...] = ()
    before: tuple[Values, ...] = ()
    after: tuple[Values, ...] = ()

    @property
    def known(self) -> bool:
        """Whether the base's past was long enough to measure a ratio."""
        return bool(self.starts)

    @property
    def stayers(self) -> int:
        """How many customers who stayed the ratio comes from."""
        return sum(len(values) for values in self.before)

    @property
    def ratios(self) -> Values:
        """The ratio of sums of each band."""
        pairs = zip(self.before, self.after, strict=True)
        return np.array([after.sum() / before.sum() for before, after in pairs])

    def expected(self, annual: Values, purchases: Values) -> Values:
        """What the year after would have brought, customer by customer."""
        if not self.known:
            return annual.astype(float)
        worth: Values = annual * self.ratios[self._bands(purchases)]
        return worth

    def totals(self, annual: Values, purchases: Values) -> Values:
        """Totals for these customers as chance could have made them; none without a ratio.

        Each draw takes, in each band, so many of those who stayed that their ratio is as
        uncertain as that of a group of this size, itself foretold from so many stayers.
        """
        if not self.known or not len(annual):
            return np.array([])
        rng = np.random.default_rng(SEED)
        band, total = self._bands(purchases), np.zeros(DRAWS)
        for place, (before, after) in enumerate(zip(self.before, self.after, strict=True)):
            mine = annual[band == place]
            if not mine.size:
                continue
            size = max(1, round(mine.size * before.size / (mine.size + before.size)))
            for draw in range(DRAWS):
                picked = rng.integers(0, before.size, size)
                base = before[picked].sum()
                total[draw] += mine.sum() * (after[picked].sum() / base if base > 0 else np.nan)
        return total

    def between(self, annual: Values, purchases: Values) -> tuple[float, float]:
        """The range of the total, 95 % sure; missing without a ratio."""
        low, high = middle(self.totals(annual, purchases))
        total = float(self.expected(annual, purchases).sum())
        return min(low, total) if low == low else low, max(high, total) if high == high else high

    def _bands(self, purchases: Values) -> Values:
        bands: Values = np.searchsorted(self.starts, purchases, side="right") - 1
        return np.maximum(bands, 0)


def measure_carry(before: Values, after: Values, purchases: Values) -> Carry:
    """The ratio by how often customers bought; bands too small join their neighbours."""
    starts = list(BANDS)
    while True:
        band = np.maximum(np.searchsorted(starts, purchases, side="right") - 1, 0)
        counts = np.bincount(band, minlength=len(starts))
        sums = np.bincount(band, weights=before, minlength=len(starts))
        weak = np.flatnonzero((counts < FEWEST_STAYERS) | (sums <= 0))
        if not weak.size:
            break
        if len(starts) == 1:
            return Carry()
        del starts[max(int(weak[-1]), 1)]
    held = [band == place for place in range(len(starts))]
    return Carry(
        tuple(starts), tuple(before[mine] for mine in held), tuple(after[mine] for mine in held)
    )
