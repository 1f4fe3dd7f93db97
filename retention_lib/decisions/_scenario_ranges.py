"""Ranges of what was measured: nine times in ten, as all ranges of a decision are."""

from __future__ import annotations

from retention_lib.decisions.ranges import Number, Range, Z
from retention_lib.portfolio.intervals import Values, share_interval

NARROWER = Z / 1.959963984540054
"""A range of 90 % is so much narrower than one of 95 %."""


def rounded(value: Range, decimals: int) -> Range:
    """A range without digits that nobody can know."""
    return Range(*(round(float(end), decimals) for end in (value.low, value.likely, value.high)))


def narrowed(low: float, likely: float, high: float, *, decimals: int = 2) -> Range:
    """A range of 95 % as one of 90 %.

    >>> narrowed(80.4, 100.0, 119.6)
    Range(low=83.55, likely=100.0, high=116.45)
    """
    low, high = (likely + (end - likely) * NARROWER for end in (low, high))
    return rounded(Range(min(low, likely), likely, max(high, likely)), decimals)


def mean_range(values: Values) -> Number:
    """The mean of customers, and from where to where chance could have put it."""
    mean = float(values.mean())
    if len(values) < 2:
        return round(mean, 2)
    half = Z * float(values.std(ddof=1)) / len(values) ** 0.5
    return rounded(Range(mean - half, mean, mean + half), 2)


def share_range(hits: int, of: int) -> Range:
    """A share that was counted, and from where to where chance could have put it."""
    low, high = share_interval(hits, of)
    return narrowed(low, hits / of, high, decimals=5)


def count_range(count: int) -> Range:
    """A count of things that happen by chance, one by one (Poisson)."""
    half = Z * max(count, 1) ** 0.5
    return Range(round(max(count - half, 0.0), 1), count, round(count + half, 1))
