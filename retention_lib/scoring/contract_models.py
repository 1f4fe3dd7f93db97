r"""How long a contract lasts: the shifted-beta-geometric model.

At the end of every period a customer does not renew with a probability of their own, which is
Beta(alpha, beta) over customers. Those who are likely to leave leave first, so that the share
that renews rises with time although nobody changes:

.. math::

    S(t) = \frac{B(\alpha, \beta + t)}{B(\alpha, \beta)}, \qquad
    \frac{S(t)}{S(t - 1)} = \frac{\beta + t - 1}{\alpha + \beta + t - 1}
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from scipy.special import betaln, digamma, expit, gammaln, polygamma
from sklearn.base import BaseEstimator
from threadpoolctl import threadpool_limits

from retention_lib.errors import InputError
from retention_lib.scoring import _fitting
from retention_lib.scoring._fitting import Values, Walls
from retention_lib.scoring._fitting_beta import BetaRule, distinct
from retention_lib.scoring._purchase_input import (
    check_count,
    check_number,
    check_seed,
    read_contracts,
    read_periods,
    read_weights,
)

if TYPE_CHECKING:
    import pandas as pd

_COORDINATES = ("churn", "churn_spread")


class ShiftedBetaGeometric(BaseEstimator):  # type: ignore[misc]
    """Shifted-beta-geometric model of Fader and Hardie (2007) for contracts.

    The trap: ``periods_survived`` counts renewals, not periods begun. Whoever leaves at the first
    opportunity has survived 0 of them.

    Attributes
    ----------
    parameters_
        ``alpha``, ``beta``: the mean probability of not renewing is alpha / (alpha + beta).
    log_likelihood_
        At the maximum.
    covariance_
        2 by 2, of the logarithms of alpha and beta: the inverse of the observed information.
    identified_
        Whether the data tell ``churn`` (the mean) and ``churn_spread`` (how different customers
        are, alpha + beta). The second needs customers seen over more than one period; where it is
        False its value is a plausible one and not an estimate.
    n_iter_, converged_
        Newton steps taken, and whether the maximum was reached.

    References
    ----------
    Fader and Hardie (2007), How to project customer retention, Journal of Interactive Marketing
    21(1), doi 10.1002/dir.20074.

    Examples
    --------
    >>> import pandas as pd
    >>> cohort = pd.DataFrame({"periods_survived": [0, 1, 2, 3, 4, 5, 6, 7],
    ...     "ended": [True] * 7 + [False]})
    >>> customers = [369, 163, 86, 56, 37, 27, 21, 241]
    >>> model = ShiftedBetaGeometric().fit(cohort, sample_weight=customers)
    >>> {name: round(value, 2) for name, value in model.parameters_.items()}
    {'alpha': 0.7, 'beta': 1.18}
    >>> model.survival([1, 4, 7]).round(3).tolist()
    [0.627, 0.332, 0.239]
    """

    parameters_: dict[str, float]
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
            One row a customer or a group: ``periods_survived`` (renewals so far, whole) and
            ``ended`` (True where the next renewal did not come, False where it is still ahead).
        sample_weight
            How many customers each row stands for; 1 where not given.

        Raises
        ------
        InputError
            Where a column is missing, not a number, negative or not whole.
        """
        survived, ended = read_contracts(X)
        data = _Contracts.of(survived, ended, read_weights(sample_weight, len(X)))
        walls = data.walls()
        with threadpool_limits(1):
            best = _fitting.maximise_from(partial(_likelihood, data), walls, data.starts())[0]
        alpha, beta = _to_parameters(best.point).tolist()
        self.parameters_ = {"alpha": alpha, "beta": beta}
        self.log_likelihood_ = best.log_likelihood
        self.identified_ = dict(
            zip(_COORDINATES, _fitting.told_by_data(best, walls).tolist(), strict=True)
        )
        jacobian = _log_jacobian(best.point)
        self.covariance_ = np.einsum("ij,jk,lk->il", jacobian, best.covariance, jacobian)
        self.n_iter_, self.converged_ = best.n_iter, best.converged
        self._optimum, self._walls = best, walls
        return self

    def with_parameters(self, *, alpha: float, beta: float) -> Self:
        """The same model with these parameters, ready to predict."""
        model = type(self)()
        model.parameters_ = {
            "alpha": check_number("alpha", alpha, least=0, above=True, example="0.7"),
            "beta": check_number("beta", beta, least=0, above=True, example="1.2"),
        }
        return model

    def draw_parameters(self, n: int, seed: int) -> Values:
        """``n`` rows of alpha, beta as the data leave them open (normal approximation)."""
        if not hasattr(self, "_optimum"):
            raise InputError("Parameters can be drawn of a fitted model only; call .fit(X) first.")
        count = check_count("n", n, example="200")
        return _to_parameters(_fitting.draw(self._optimum, self._walls, count, check_seed(seed)))

    def survival(self, periods: Any) -> Values:
        """Share of new customers still there after so many renewals (0 gives 1)."""
        t = read_periods("periods", periods)
        alpha, beta = self._fitted()
        shares: Values = np.exp(betaln(alpha, beta + t) - betaln(alpha, beta))
        return shares

    def retention(self, periods: Any) -> Values:
        """Of those there before the renewal number ``periods`` (1 is the first), who renews."""
        t = read_periods("periods", periods, least=1)
        alpha, beta = self._fitted()
        shares: Values = (beta + t - 1) / (alpha + beta + t - 1)
        return shares

    def expected_remaining(
        self,
        periods_survived: Any,
        horizon_periods: int | None = None,
        discount_rate: float = 0.0,
    ) -> Values:
        """Renewals still to come from customers who renewed so often, discounted.

        The next renewal is about to be decided and counts in full where it comes, the one after it
        ``1 / (1 + discount_rate)``, and so on: times the value of a period this is what a customer
        is worth. Without a horizon it is the discounted expected residual lifetime of Fader and
        Hardie (2010), doi 10.1287/mksc.1080.0482, equation 6.

        Parameters
        ----------
        periods_survived
            Renewals so far, one number or one a customer.
        horizon_periods
            How many renewals to count at most; all where None, which needs a discount rate.
        discount_rate
            Per period, not per year: 0.10 a year is ``1.1 ** (1 / 12) - 1`` a month.
        """
        survived = read_periods("periods_survived", periods_survived)
        rate = check_number("discount_rate", discount_rate, least=0, example="0.1")
        if horizon_periods is None and not rate:
            raise InputError(
                "Without a horizon a discount_rate above 0 is needed, such as 0.1: undiscounted "
                "the lifetime may have no end. Or give horizon_periods, such as 12."
            )
        if horizon_periods is not None:
            check_count("horizon_periods", horizon_periods, example="12")
        alpha, beta = self._fitted()
        (kinds,), place = distinct(survived.reshape(-1))
        a, b = np.full(len(kinds), alpha), beta + kinds
        keeps = 1 / (1 + rate)
        if horizon_periods is None:
            most, log_last = 1 / (1 - keeps), -np.inf
        else:
            log_last = horizon_periods * np.log(keeps)
            most = -np.expm1(log_last) / (1 - keeps) if rate else float(horizon_periods)

        def renewals(p: Values, part: slice) -> Values:
            # A geometric series of (1 - p) / (1 + rate); 1 - keeps * (1 - p) without cancelling.
            ends = (rate + p) / (1 + rate)
            if horizon_periods is None:
                return (1 - p) / ends
            with np.errstate(divide="ignore"):  # where everybody leaves: exp(-inf) is right
                counted = -np.expm1(log_last + horizon_periods * np.log1p(-p))
            result: Values = (1 - p) * counted / ends
            return result

        rule = BetaRule.of(a, b, np.full(len(kinds), most))
        which = np.arange(len(kinds))
        found = rule.mean(which, renewals, np.full(len(kinds), most), np.zeros(len(kinds)))
        return found[place].reshape(survived.shape)

    def _fitted(self) -> tuple[float, float]:
        if not hasattr(self, "parameters_"):
            raise InputError("This ShiftedBetaGeometric is not fitted yet; call .fit(X) first.")
        return self.parameters_["alpha"], self.parameters_["beta"]


@dataclass(frozen=True)
class _Contracts:
    """Tables: how many renewals were survived, and how many opportunities there were."""

    survived: Values
    per_survived: Values
    chances: Values
    per_chances: Values
    ended: float

    @classmethod
    def of(cls, survived: Values, ended: Values, weight: Values) -> _Contracts:
        kinds, place = np.unique(survived, return_inverse=True)
        chances, chance = np.unique(survived + ended, return_inverse=True)
        return cls(
            kinds,
            np.bincount(place, weights=weight),
            chances,
            np.bincount(chance, weights=weight),
            float(np.sum(weight * ended)),
        )

    def walls(self) -> Walls:
        bound = float(np.log(2 * (np.sum(self.per_chances * self.chances) + 1)))
        return Walls(
            low=np.array([-bound, -5.0]),
            centre=np.array([max(-1.0, 0.1 - bound), 1.0]),
            high=np.array([bound, 7.0]),
            stiffness=1.0 + float(self.per_chances.sum()),
        )

    def starts(self) -> list[Values]:
        usual = self.walls().centre
        return [usual + np.array(move) for move in ((0, 0), (2, -3), (-2, 4))]


def _to_parameters(point: Values) -> Values:
    """Both parameters from the log-odds of their mean and the log of their sum."""
    total = np.exp(point[..., 1])
    return np.stack([total * expit(point[..., 0]), total * expit(-point[..., 0])], -1)


def _log_jacobian(point: Values) -> Values:
    gone = float(expit(point[0]))
    return np.array([[1 - gone, 1.0], [-gone, 1.0]])


def _likelihood(data: _Contracts, point: Values) -> tuple[float, Values, Values]:
    """Of ``B(alpha + ended, beta + survived) / B(alpha, beta)``: logarithm, gradient, Hessian."""
    alpha, beta = _to_parameters(point).tolist()
    total = alpha + beta
    lasting, whole = beta + data.survived, total + data.chances
    per, many = data.per_survived, data.per_chances
    value = data.ended * float(np.log(alpha))
    value += float(np.sum(per * (gammaln(lasting) - gammaln(beta))))
    value -= float(np.sum(many * (gammaln(whole) - gammaln(total))))
    both = -float(np.sum(many * (digamma(whole) - digamma(total))))
    by_alpha = data.ended + alpha * both
    alone = float(np.sum(per * (digamma(lasting) - digamma(beta))))
    by_beta = beta * (alone + both)
    bent = -float(np.sum(many * (polygamma(1, whole) - polygamma(1, total))))
    bent_alone = float(np.sum(per * (polygamma(1, lasting) - polygamma(1, beta))))
    crossed = alpha * beta * bent
    logs = np.array(
        [
            [alpha * both + alpha**2 * bent, crossed],
            [crossed, by_beta + beta**2 * (bent + bent_alone)],
        ]
    )
    slope, jacobian = np.array([by_alpha, by_beta]), _log_jacobian(point)
    curvature = np.einsum("ij,ik,kl->jl", jacobian, logs, jacobian)
    curvature[0, 0] -= float(expit(point[0]) * expit(-point[0])) * (by_alpha + by_beta)
    return value, np.einsum("ij,i->j", jacobian, slope), curvature
