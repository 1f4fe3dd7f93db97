r"""What a customer spends at a purchase: the Gamma-Gamma model.

A customer's purchases vary around a mean of their own, with the same regularity ``p`` for all, and
the means differ between customers; how often somebody buys says nothing about how much. With mean
value ``m`` over ``x`` repeat purchases,

.. math::

    L(p, q, \gamma \mid m, x) = \frac{\Gamma(px + q)}{\Gamma(px)\,\Gamma(q)}
    \frac{\gamma^q\, m^{px - 1}\, x^{px}}{(\gamma + x m)^{px + q}}

``p`` and ``q`` have no unit, ``gamma`` is money.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np
from scipy.special import digamma, gammaln, polygamma
from sklearn.base import BaseEstimator
from threadpoolctl import threadpool_limits

from retention_lib.errors import InputError
from retention_lib.scoring import _fitting
from retention_lib.scoring._fitting import Values, Walls
from retention_lib.scoring._purchase_input import (
    check_count,
    check_number,
    check_seed,
    read_spend,
    read_weights,
)

if TYPE_CHECKING:
    import pandas as pd

_LEAST_Q = 1.05
_COORDINATES = ("spread_within", "spread_between", "mean")


class SpendPosterior(NamedTuple):
    """What is known of each customer's mean spend: inverse-gamma, one value a row in each array.

    The mean spend is ``scale / G`` with ``G ~ Gamma(shape, 1)``; its expectation is
    ``scale / (shape - 1)``.
    """

    shape: Values
    scale: Values


class GammaGamma(BaseEstimator):  # type: ignore[misc]
    """Gamma-Gamma spend model of Fader and Hardie (2013).

    The trap: it is fitted to the *repeat* purchases of customers who have some. The first
    purchase is left out, and a customer without a repeat purchase is expected to spend the mean
    of the population. It also assumes that spend does not go with frequency; check that.

    Attributes
    ----------
    parameters_
        ``p``, ``q`` (no unit), ``gamma`` (money).
    population_mean_
        Mean spend at a purchase: ``p * gamma / (q - 1)``. With ``q`` at 1 or below that does not
        exist, so ``q`` is kept above 1.05; where the data push it there, the mean of what
        was observed stands here instead and ``identified_["mean"]`` is False.
    log_likelihood_
        Over the repeat customers, money in the unit given.
    covariance_
        3 by 3, of the logarithms of p, q, gamma: the inverse of the observed information.
    identified_
        Whether the data tell ``spread_within`` (p), ``spread_between`` (q) and ``mean``. Where one
        is False its value is a plausible one and not an estimate.
    n_iter_, converged_
        Newton steps taken, and whether the maximum was reached.

    References
    ----------
    Fader and Hardie (2013), The Gamma-Gamma Model of Monetary Value, brucehardie.com/notes/025.

    Examples
    --------
    >>> import pandas as pd
    >>> model = GammaGamma().with_parameters(p=6.25, q=3.74, gamma=15.44)
    >>> model.expected_value(pd.DataFrame({"repeat_purchases": [2, 1, 0],
    ...     "mean_repeat_value": [22.35, 11.77, 0.0]})).round(2).tolist()
    [24.66, 18.92, 35.22]
    """

    parameters_: dict[str, float]
    population_mean_: float
    log_likelihood_: float
    covariance_: Values
    identified_: dict[str, bool]
    n_iter_: int
    converged_: bool

    def fit(self, X: pd.DataFrame, sample_weight: Any = None) -> Self:
        """Fit by maximum likelihood; nothing to tune, no start to guess.

        Parameters
        ----------
        X
            One row a customer: ``repeat_purchases`` and ``mean_repeat_value``, the mean value of
            those purchases (money, above 0). Rows without a repeat purchase are passed over.
        sample_weight
            How many customers each row stands for; 1 where not given.

        Raises
        ------
        InputError
            Where nobody bought again, or a column is missing, not a number or not above 0.
        """
        repeats, value = read_spend(X)
        weight = read_weights(sample_weight, len(X))
        used = (repeats > 0) & (weight > 0)
        if not used.any():
            raise InputError(
                f"None of the {len(X):,} customers has a repeat purchase, so there is no repeat "
                f"spend to learn from. Take the mean of the first purchases instead."
            )
        data = _Spend.of(repeats[used], value[used], weight[used])
        walls = data.walls()
        with threadpool_limits(1):
            best = _fitting.maximise_from(partial(_likelihood, data), walls, data.starts())[0]
        p, q, gamma = _to_parameters(best.point).tolist()
        self.parameters_ = {"p": p, "q": q, "gamma": gamma * data.unit}
        self.log_likelihood_ = best.log_likelihood - data.customers * float(np.log(data.unit))
        told = _fitting.told_by_data(best, walls)
        told[2] &= told[1]
        self.identified_ = dict(zip(_COORDINATES, told.tolist(), strict=True))
        observed = data.unit * float(np.average(data.value, weights=data.weight))
        self.population_mean_ = p * gamma * data.unit / (q - 1) if told[2] else observed
        jacobian = _log_jacobian(best.point)
        self.covariance_ = np.einsum("ij,jk,lk->il", jacobian, best.covariance, jacobian)
        self.n_iter_, self.converged_ = best.n_iter, best.converged
        self._optimum, self._walls, self._unit = best, walls, data.unit
        return self

    def with_parameters(self, *, p: float, q: float, gamma: float) -> Self:
        """The same model with these parameters (``q`` above 1), ready to predict."""
        model = type(self)()
        model.parameters_ = {
            "p": check_number("p", p, least=0, above=True, example="6.25"),
            "q": check_number("q", q, least=1, above=True, example="3.74"),
            "gamma": check_number("gamma", gamma, least=0, above=True, example="15.44"),
        }
        model.population_mean_ = p * gamma / (q - 1)
        return model

    def draw_parameters(self, n: int, seed: int) -> Values:
        """``n`` rows of p, q, gamma as the data leave them open (normal approximation)."""
        if not hasattr(self, "_optimum"):
            raise InputError("Parameters can be drawn of a fitted model only; call .fit(X) first.")
        count = check_count("n", n, example="200")
        points = _fitting.draw(self._optimum, self._walls, count, check_seed(seed))
        drawn: Values = _to_parameters(points) * np.array([1.0, 1.0, self._unit])
        return drawn

    def posterior(self, X: pd.DataFrame) -> SpendPosterior:
        """What the purchases so far say of each customer's mean spend: :class:`SpendPosterior`."""
        repeats, value = read_spend(X)
        p, q, gamma = self._fitted()
        spent = np.where(repeats > 0, repeats * value, 0.0)
        return SpendPosterior(q + p * repeats, p * (gamma + spent))

    def expected_value(self, X: pd.DataFrame) -> Values:
        """Expected value of a purchase of each customer, in money.

        Between the customer's own mean and that of the population, nearer to the own one the
        more purchases there are; without a repeat purchase the population's.
        """
        known = self.posterior(X)
        repeats, _ = read_spend(X)
        expected: Values = np.where(
            repeats > 0, known.scale / (known.shape - 1), self.population_mean_
        )
        return expected

    def simulate(self, repeat_purchases: Values, seed: int) -> pd.DataFrame:
        """Customers made by the model itself, with the mean spend that no base ever shows.

        Columns ``repeat_purchases`` as given, ``mean_repeat_value`` (missing without a repeat
        purchase) and ``true_mean``; the same seed gives the same customers.
        """
        import pandas as pd

        p, q, gamma = self._fitted()
        rng = np.random.default_rng(check_seed(seed))
        repeats = np.asarray(repeat_purchases, dtype=float)
        scale = gamma / rng.gamma(q, 1, len(repeats))
        total = scale * rng.gamma(p * np.maximum(repeats, 1))
        mean = np.where(repeats > 0, total / np.maximum(repeats, 1), np.nan)
        return pd.DataFrame(
            {"repeat_purchases": repeats, "mean_repeat_value": mean, "true_mean": p * scale}
        )

    def _fitted(self) -> tuple[float, float, float]:
        if not hasattr(self, "parameters_"):
            raise InputError("This GammaGamma is not fitted yet; call .fit(X) first.")
        return self.parameters_["p"], self.parameters_["q"], self.parameters_["gamma"]


@dataclass(frozen=True)
class _Spend:
    """What the likelihood needs: money in ``unit``, tables over the number of purchases."""

    unit: float
    value: Values
    repeats: Values
    weight: Values
    counts: Values
    per_count: Values
    log_values: Values

    @classmethod
    def of(cls, repeats: Values, value: Values, weight: Values) -> _Spend:
        unit = float(np.exp(np.average(np.log(value), weights=weight)))
        counts, place = np.unique(repeats, return_inverse=True)
        logs = weight * np.log(value / unit)
        per_count = np.bincount(place, weights=weight)
        return cls(
            unit,
            value / unit,
            repeats,
            weight,
            counts,
            per_count,
            np.bincount(place, weights=logs),
        )

    @property
    def customers(self) -> float:
        return float(self.per_count.sum())

    def walls(self) -> Walls:
        return Walls(
            low=np.array([-4.0, np.log(_LEAST_Q - 1), -3.0]),
            centre=np.array([1.0, 1.0, 0.3]),
            high=np.array([8.0, 8.0, 6.0]),
            stiffness=1.0 + self.customers,
        )

    def starts(self) -> list[Values]:
        usual = self.walls().centre
        return [usual + np.array(move) for move in ((0, 0, 0), (-2, 2, 0), (4, -1, 1), (5, 5, 0))]


def _to_parameters(point: Values) -> Values:
    """p, q, gamma from log p, log(q - 1) and the log of the mean p * gamma / (q - 1)."""
    p, above_1, mean = point[..., 0], point[..., 1], point[..., 2]
    return np.stack([np.exp(p), 1 + np.exp(above_1), np.exp(mean + above_1 - p)], -1)


def _log_jacobian(point: Values) -> Values:
    above_1 = float(np.exp(point[1]))
    return np.array([[1.0, 0, 0], [0, above_1 / (1 + above_1), 0], [-1, 1, 1]], dtype=float)


def _likelihood(data: _Spend, point: Values) -> tuple[float, Values, Values]:
    """Log-likelihood, gradient and Hessian; gamma functions of the distinct counts alone."""
    p, q, gamma = _to_parameters(point).tolist()
    x, many, n = data.counts, data.per_count, data.customers
    whole = p * x + q
    base = gamma + data.repeats * data.value
    weight, shape = data.weight, p * data.repeats + q
    log_base, over = weight * np.log(base), weight / base
    value = float(np.sum(many * (gammaln(whole) - gammaln(p * x) - gammaln(q) + p * x * np.log(x))))
    value += float(np.sum((p * x - 1) * data.log_values)) + n * q * float(np.log(gamma))
    value -= float(np.einsum("i,i->", shape, log_base))
    by_p = many * x * (digamma(whole) - digamma(p * x) + np.log(x)) + x * data.log_values
    slope = np.array(
        [
            float(by_p.sum()) - float(np.einsum("i,i->", data.repeats, log_base)),
            float(np.sum(many * (digamma(whole) - digamma(q))))
            + n * float(np.log(gamma))
            - float(log_base.sum()),
            n * q / gamma - float(np.einsum("i,i->", shape, over)),
        ]
    )
    bent = polygamma(1, whole)
    p_p = float(np.sum(many * x * x * (bent - polygamma(1, p * x))))
    p_q = float(np.sum(many * x * bent))
    p_gamma = -float(np.einsum("i,i->", data.repeats, over))
    q_q = float(np.sum(many * (bent - polygamma(1, q))))
    q_gamma = n / gamma - float(over.sum())
    gamma_gamma = -n * q / gamma**2 + float(np.einsum("i,i,i->", shape, over, 1 / base))
    natural = np.array([[p_p, p_q, p_gamma], [p_q, q_q, q_gamma], [p_gamma, q_gamma, gamma_gamma]])
    moves = np.array([-1.0, 1.0, 1.0])
    jacobian = np.array([[p, 0, 0], [0, q - 1, 0], gamma * moves])
    curvature = np.einsum("ij,ik,kl->jl", jacobian, natural, jacobian)
    curvature += slope[2] * gamma * np.outer(moves, moves)
    curvature[0, 0] += slope[0] * p
    curvature[1, 1] += slope[1] * (q - 1)
    return value, np.einsum("ij,i->j", jacobian, slope), curvature
