"""Drawing lots that anybody can draw again: the same code and seed give the same lot for ever."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

Flags = np.ndarray[Any, np.dtype[np.bool_]]
Lots = np.ndarray[Any, np.dtype[np.float64]]

_BYTES = 8
_ALL = float(2 ** (8 * _BYTES))


def lots(customers: Iterable[str], seed: int | str) -> Lots:
    """A lot between 0 and 1 for each customer, from nothing but its code and the seed.

    >>> lots(["C1", "C2"], seed=1).round(3).tolist() == lots(["C1", "C2"], seed=1).round(3).tolist()
    True
    """
    key = hashlib.blake2b(str(seed).encode(), digest_size=32).digest()
    drawn = [
        int.from_bytes(hashlib.blake2b(str(code).encode(), key=key, digest_size=_BYTES).digest())
        for code in customers
    ]
    return np.array(drawn, dtype=np.float64) / _ALL


def held_by_lot(
    customers: Sequence[str], share: float, *, seed: int | str, strata: Sequence[Any] | None = None
) -> Flags:
    """Who is held back: in each stratum that share, drawn by lot.

    In a stratum of n customers ``n * share`` are held back, rounded up or down by lot so that the
    share is right on average whatever the sizes of the strata.

    >>> held = held_by_lot([f"C{i}" for i in range(100)], 0.1, seed="MAY")
    >>> int(held.sum())
    10
    """
    drawn = lots(customers, seed)
    of = np.zeros(len(drawn), dtype=np.int64)
    names: list[str] = [""]
    if strata is not None:
        labels = np.array([str(one) for one in strata], dtype=object)
        unique, of = np.unique(labels, return_inverse=True)
        names = [str(one) for one in unique]
    order = np.lexsort((drawn, of))
    sizes = np.bincount(of, minlength=len(names))
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int64)
    rank = np.empty(len(drawn), dtype=np.int64)
    rank[order] = np.arange(len(drawn)) - starts[of[order]]
    # One lot a stratum decides the odd customer, apart from the customers' own lots.
    odd = lots([f"stratum {name}" for name in names], seed)
    exact = sizes * share
    # 0.1 x 10 is a hair above 1 in floating point: whole numbers stay whole.
    whole = np.floor(exact + 1e-9)
    held = whole + (odd < exact - whole - 1e-9)
    return np.asarray(rank < held[of], dtype=bool)
