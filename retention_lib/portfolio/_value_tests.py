"""Is a group different beyond chance? Exact tests, made stricter by how many are asked."""

from __future__ import annotations

import numpy as np

from retention_lib.portfolio.intervals import Values

ALPHA = 0.05


def two_sided(hits: Values, rows: Values, columns: Values, total: int) -> Values:
    """How likely a count at least as far from what is expected is by chance, either way.

    ``hits`` of ``rows`` in a group lie in a class that has ``columns`` of all ``total``. Twice
    the smaller tail of the hypergeometric distribution, which holds for few cases too. Fisher
    1935; doubling after Agresti 2013, "Categorical Data Analysis", 3.5.

    >>> two_sided(np.array([3]), np.array([4]), np.array([4]), 8).round(4).tolist()  # 2 * 17 / 70
    [0.4857]
    """
    from scipy.stats import hypergeom

    above = hypergeom.sf(hits - 1, total, columns, rows)
    below = hypergeom.cdf(hits, total, columns, rows)
    chances: Values = np.minimum(2 * np.minimum(above, below), 1.0)
    return chances


def holm(chances: Values) -> Values:
    """Chances corrected for their number: the smallest times all, the next times one less.

    Never smaller than the one before. Holm 1979, Scandinavian Journal of Statistics 6, 65-70.

    >>> holm(np.array([0.01, 0.04, 0.03, 0.005])).round(3).tolist()
    [0.03, 0.06, 0.06, 0.02]
    """
    order = np.argsort(chances, kind="stable")
    stricter = chances[order] * np.arange(len(chances), 0, -1)
    corrected = np.empty(len(chances))
    corrected[order] = np.minimum(np.maximum.accumulate(stricter), 1.0)
    return corrected
