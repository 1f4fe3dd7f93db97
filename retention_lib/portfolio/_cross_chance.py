"""How many customers would buy two ranges by chance, given how many ranges each of them buys.

Who buys much of everything makes any two ranges look related. Under the model of Rasch (1960) a
customer buys each range independently, some customers more ranges and some ranges more than
others; given the number of ranges a customer buys, its appetite drops out (Andersen 1972, doi
10.1111/j.2517-6161.1972.tb00887.x). What is left is chance at equal appetite.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np

Values: TypeAlias = np.ndarray[Any, np.dtype[Any]]

_STEPS = 500
_CLOSE = 1e-8


def expected_together(customers: Values, buyers: Values) -> Values:
    """How many customers would buy both of two ranges, were ranges bought independently.

    ``customers[k]`` is how many buy ``k`` ranges (0 to all), ``buyers[j]`` how many of those with
    two ranges or more buy range ``j``: who buys one only says nothing of pairs. Gives ranges x
    ranges, the diagonal empty. Summed over all pairs this is the number of
    pairs that customers do buy: one pair is above chance only where another is below.

    >>> expected_together(np.array([5.0, 9.0, 3.0, 0.0]), np.array([2.0, 2.0, 2.0])).round(6)
    array([[0., 1., 1.],
           [1., 0., 1.],
           [1., 1., 0.]])
    """
    count = len(buyers)
    expected = np.zeros((count, count))
    several = np.where(np.arange(count + 1) >= 2, customers, 0.0)
    if not several.any():
        return expected
    # A range that is never bought with another one gets no pull, not a division by zero.
    pulls = _pulls(several, np.maximum(buyers, _CLOSE))
    one, other = np.triu_indices(count, 1)
    left_out = np.zeros((len(one), count), dtype=bool)
    left_out[np.arange(len(one)), one] = left_out[np.arange(len(one)), other] = True
    both = pulls[one] * pulls[other]
    shares = _shares(_ways(pulls, left_out), both, _ways(pulls), 2)
    expected[one, other] = expected[other, one] = shares @ several
    return expected


def _pulls(customers: Values, buyers: Values) -> Values:
    """The pull of every range that makes its expected number of buyers the number it has.

    Scaled until they agree, as Chen, Dempster and Liu 1994 do for one number of ranges, doi
    10.1093/biomet/81.3.457.
    """
    pulls: Values = buyers / buyers.mean()
    each = np.eye(len(buyers), dtype=bool)
    for _ in range(_STEPS):
        expected = _shares(_ways(pulls, each), pulls, _ways(pulls), 1) @ customers
        pulls = pulls * buyers / np.maximum(expected, _CLOSE)
        pulls /= np.exp(np.log(pulls).mean())
        if np.abs(expected - buyers).max() < _CLOSE * buyers.max():
            break
    return pulls


def _ways(pulls: Values, left_out: Values | None = None) -> Values:
    """Elementary symmetric functions of the pulls: one row a set left out, one column a number."""
    rows = 1 if left_out is None else len(left_out)
    ways = np.zeros((rows, len(pulls) + 1))
    ways[:, 0] = 1.0
    for place, pull in enumerate(pulls):
        more = ways[:, :-1] * pull
        if left_out is not None:
            more[left_out[:, place]] = 0.0
        ways[:, 1:] += more
    return ways


def _shares(others: Values, pull: Values, ways: Values, fixed: int) -> Values:
    """The share of customers with each number of ranges who buy those ``fixed`` ones."""
    shares = np.zeros_like(others)
    shares[:, fixed:] = pull[:, None] * others[:, : others.shape[1] - fixed] / ways[:, fixed:]
    return shares
