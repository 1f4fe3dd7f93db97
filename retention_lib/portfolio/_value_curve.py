"""Concentration in numbers: Gini, the share of the largest, and their ranges."""

from __future__ import annotations

import numpy as np

from retention_lib.portfolio.intervals import Values, middle, resampled

TOPS = (0.01, 0.05, 0.10, 0.20)
"""The largest 1, 5, 10 and 20 % of customers."""


def gini(values: Values) -> float:
    """Half the relative mean difference between two customers: 0 all alike, near 1 one has all.

    Of the customers at hand, without the factor n / (n - 1). Values below zero count as zero:
    with them the index has no upper bound. Missing where nothing is above zero. Gini 1912.

    >>> gini(np.array([1.0, 1.0, 1.0])), gini(np.array([0.0, 0.0, 0.0, 1.0]))
    (0.0, 0.75)
    """
    ranked = np.sort(np.maximum(values, 0.0))[::-1]
    return _gini_of_counts(ranked, np.ones(len(ranked)))


def top_count(share: float, customers: int) -> int:
    """How many customers the largest so many per cent are; 0 where they are less than one.

    >>> top_count(0.2, 7), top_count(0.01, 99)
    (1, 0)
    """
    # 0.2 * 5 is a whole customer, whatever the last digit of a floating number says.
    exact = round(share * customers, 9)
    return 0 if exact < 1 else int(exact + 0.5)


def ranges(values: Values) -> list[tuple[float, float]]:
    """The ranges of Gini and of each top share, in that order, from resampled customers."""
    ranked = np.sort(values)[::-1]
    clipped = np.maximum(ranked, 0.0)
    tops = [top_count(share, len(ranked)) for share in TOPS]

    def measured(places: Values) -> list[float]:
        # How often each customer was drawn; sorted once, no draw has to be sorted again.
        drawn = np.bincount(places, minlength=len(ranked))
        return [_gini_of_counts(clipped, drawn), *_tops_of_counts(ranked, drawn, tops)]

    draws = resampled(measured, np.arange(len(ranked)))
    return [middle(draws[:, place]) for place in range(draws.shape[1])]


def _gini_of_counts(ranked: Values, counts: Values) -> float:
    """Gini of values sorted from the largest down, each there so many times."""
    held = counts * ranked
    total, customers = float(held.sum()), float(counts.sum())
    if total <= 0:
        return float("nan")
    # The area under the Lorenz curve, one trapezium a value.
    before = np.cumsum(held) - held
    area = float((counts * (2 * before + held)).sum()) / (customers * total)
    return max(area - 1.0, 0.0)


def _tops_of_counts(ranked: Values, counts: Values, tops: list[int]) -> list[float]:
    """What the first so many bring, of all, where each value is there so many times."""
    total = float((counts * ranked).sum())
    reached = np.cumsum(counts)
    brought = np.cumsum(counts * ranked)
    shares = []
    for top in tops:
        if not top or total <= 0:
            shares.append(float("nan"))
            continue
        place = int(np.searchsorted(reached, top))
        over = float(reached[place] - top) * float(ranked[place])
        shares.append((float(brought[place]) - over) / total)
    return shares
