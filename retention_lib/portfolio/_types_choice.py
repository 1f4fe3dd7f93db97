"""How many types there are: as many as come again when the customers are drawn anew, and last."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

if TYPE_CHECKING:
    import pandas as pd
    from sklearn.cluster import KMeans

Values: TypeAlias = np.ndarray[Any, np.dtype[np.float64]]
Labels: TypeAlias = np.ndarray[Any, np.dtype[np.int64]]

STABLE = 0.75
"""The weakest type must come again with at least this much overlap (Hennig 2007)."""
ABOVE_CLOUD = 0.10
"""And with so much more overlap than when one single cloud is cut into as many pieces."""
LASTING = 0.10
"""Customers must keep their type, beyond chance, at least so much (kappa, its lower end)."""
AS_GOOD = 0.05
"""Of the numbers that pass, the largest that is at most this much below the best on both counts."""
NUMBERS = range(2, 9)
FITTED_ON, DRAWN_FROM = 20_000, 1_000
"""Customers that types are fitted on, and that their stability is tried on, at most."""

_DRAWS, _CLOUDS, _CLOUD_DRAWS = 12, 2, 6


def fit_types(points: Values, k: int, *, seed: int, starts: int = 10) -> KMeans:
    """``k`` types by k-means, on one thread: the order of adding up must not depend on the machine.

    Fitted on at most ``FITTED_ON`` customers drawn with the seed; the others are assigned.
    """
    from sklearn.cluster import KMeans
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        sample = drawn(points, FITTED_ON, seed)
        return KMeans(k, n_init=starts, random_state=seed).fit(sample)


def drawn(points: Values, most: int, seed: int) -> Values:
    """All customers, or ``most`` of them drawn with the seed."""
    if len(points) <= most:
        return points
    places = np.random.default_rng(seed).choice(len(points), most, replace=False)
    return points[np.sort(places)]


def try_numbers(
    points: Values, then: Values, now: Values, numbers: Sequence[int], *, seed: int
) -> pd.DataFrame:
    """Try each number of types: does it come again, more than in one cloud, and does it last.

    ``then`` and ``now`` are the same customers' places in two periods. Columns: ``types``,
    ``stability`` (overlap of the weakest type in bootstrapped bases; Hennig 2007,
    doi 10.1016/j.csda.2006.11.025), ``one_cloud`` (the same for normal clouds of the same spread;
    the comparison of Dudoit and Fridlyand 2002, doi 10.1186/gb-2002-3-7-research0036),
    ``lasting`` and ``lasting_low`` (Cohen's kappa between the types of two periods and its lower
    end; missing, and then not passed, where too few customers bought in both) and ``passes``.
    """
    import pandas as pd
    import sklearn.cluster  # noqa: F401  its threads can be limited only once they are there
    from threadpoolctl import threadpool_limits

    sample = drawn(points, DRAWN_FROM, seed)
    rng = np.random.default_rng(seed)
    spread = np.atleast_2d(np.cov(sample.T))
    clouds = [
        rng.multivariate_normal(np.zeros(len(spread)), spread, len(sample), method="eigh")
        for _ in range(_CLOUDS)
    ]
    rows = []
    with threadpool_limits(1):
        for k in numbers:
            kappa, low = _lasting(points, then, now, k, seed)
            by_cloud = [_overlap(cloud, k, _CLOUD_DRAWS, seed) for cloud in clouds]
            rows.append((k, _overlap(sample, k, _DRAWS, seed), np.mean(by_cloud), kappa, low))
    columns = ["types", "stability", "one_cloud", "lasting", "lasting_low"]
    table = pd.DataFrame(rows, columns=columns)
    return table.assign(passes=comes_again(table) & (table["lasting_low"] >= LASTING))


def choose_number(tried: pd.DataFrame) -> int:
    """The largest number among the best that pass; 1 where none does.

    The best both at coming again and at lasting; where no number has both, at coming again.
    """
    passing = tried[tried["passes"]]
    if passing.empty:
        return 1
    best = passing[passing["stability"] >= passing["stability"].max() - AS_GOOD]
    lasts = best["lasting"] >= passing["lasting"].max() - AS_GOOD
    return int((best[lasts] if lasts.any() else best)["types"].max())


def _overlap(points: Values, k: int, draws: int, seed: int) -> float:
    """The mean overlap (Jaccard) of the weakest of ``k`` types with its like in drawn bases."""
    from sklearn.cluster import KMeans

    count = len(points)
    if len(np.unique(points, axis=0)) <= k:
        return float("nan")
    rng = np.random.default_rng(seed)
    first = KMeans(k, n_init=5, random_state=seed).fit(points)
    total = np.zeros(k)
    for _ in range(draws):
        sample = points[rng.integers(0, count, count)]
        # The better of a start where the types were and one from scratch: what differs is then
        # the base, and not a bad start.
        again = min(
            KMeans(k, init=first.cluster_centers_, n_init=1).fit(sample),
            KMeans(k, n_init=1, random_state=seed).fit(sample),
            key=lambda fitted: fitted.inertia_,
        )
        both = np.zeros((k, k))
        np.add.at(both, (first.labels_, again.predict(points)), 1)
        either = both.sum(axis=1, keepdims=True) + both.sum(axis=0, keepdims=True) - both
        total += (both / np.maximum(either, 1)).max(axis=1)
    return float((total / draws).min())


def comes_again(tried: pd.DataFrame) -> pd.Series[Any]:
    """Whether types are stable, and more so than where there are none.

    So much more is ``ABOVE_CLOUD``, or half of what is missing to 1 where less than twice that
    is: a long cloud is cut in two the same way nearly every time.
    """
    missing = (1 - tried["one_cloud"]) / 2
    needed = tried["one_cloud"] + missing.clip(upper=ABOVE_CLOUD)
    return (tried["stability"] >= STABLE) & (tried["stability"] >= needed)


def _lasting(points: Values, then: Values, now: Values, k: int, seed: int) -> tuple[float, float]:
    if not len(then) or len(np.unique(points, axis=0)) <= k:
        return float("nan"), float("nan")
    types = fit_types(drawn(points, DRAWN_FROM, seed), k, seed=seed, starts=3)
    return kappa(types.predict(then), types.predict(now))


def kappa(one: Labels, other: Labels) -> tuple[float, float]:
    """Agreement beyond chance, and the lower end of its interval (Cohen 1960).

    >>> kappa(np.array([0, 0, 1, 1]), np.array([0, 0, 1, 1]))
    (1.0, 1.0)
    """
    agreed = float((one == other).mean())
    by_chance = sum(
        float((one == label).mean() * (other == label).mean()) for label in np.union1d(one, other)
    )
    if by_chance >= 1:
        return float("nan"), float("nan")
    error = np.sqrt(agreed * (1 - agreed) / len(one)) / (1 - by_chance)
    found = (agreed - by_chance) / (1 - by_chance)
    return found, float(found - 1.96 * error)
