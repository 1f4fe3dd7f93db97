r"""Who is still a customer and how often they will buy: BG/NBD and its modified form.

A customer buys at random at a rate of their own, and may stop for good after a purchase with a
probability of their own; the rates are Gamma(r, alpha) over customers, the probabilities
Beta(a, b). Time is in days: ``alpha`` is in days and ``r / alpha`` is purchases per day.

.. math::

    L(r, \alpha, a, b \mid x, t, T) =
    \frac{\Gamma(r + x)\, \alpha^r}{\Gamma(r)\, (\alpha + T)^{r + x}}
    \frac{B(a, b + m)}{B(a, b)}
    \Bigl[1 + \frac{a}{b + m - 1} \Bigl(\frac{\alpha + T}{\alpha + t}\Bigr)^{r + x}\Bigr]

with ``x`` repeat purchases, the last one ``t`` days after the first, seen for ``T`` days, and
``m = x`` (the bracket is 1 where ``x = 0``) or, in the modified form, ``m = x + 1``.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple, Self

import numpy as np
from scipy.special import expit
from sklearn.base import BaseEstimator
from threadpoolctl import threadpool_limits

from retention_lib.errors import ChoiceError, InputError
from retention_lib.scoring import _fitting
from retention_lib.scoring._fitting import Values
from retention_lib.scoring._purchase_future import expected_while_alive
from retention_lib.scoring._purchase_input import (
    check_count,
    check_number,
    check_seed,
    read_history,
    read_weights,
)
from retention_lib.scoring._purchase_likelihood import (
    COORDINATES,
    likelihood,
    log_jacobian,
    summarise,
    to_parameters,
)

if TYPE_CHECKING:
    import pandas as pd

PARAMETERS = ("r", "alpha", "a", "b")


class Posterior(NamedTuple):
    """What a history says of a customer, one value a row in each array.

    Given that the customer is alive (``p_alive``), the buying rate per day is
    Gamma(``rate_shape``, ``rate_days``) with mean ``rate_shape / rate_days``, and the probability
    of dropping out at a purchase is Beta(``dropout_a``, ``dropout_b``), independently.
    """

    p_alive: Values
    rate_shape: Values
    rate_days: Values
    dropout_a: Values
    dropout_b: Values


class _PurchaseModel(BaseEstimator):  # type: ignore[misc]
    """What the two models share; they differ in the first chance to drop out."""

    _first_chance: ClassVar[int]

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
            One row a customer: ``repeat_purchases`` (purchase days minus one),
            ``purchase_span_days`` (first purchase to last) and ``age_days`` (first purchase to
            the day the base is seen from). The trap: the span is not the silence since the last
            purchase; that would be ``age_days - purchase_span_days``.
        sample_weight
            How many customers each row stands for; 1 where not given.

        Raises
        ------
        InputError
            Where a column is missing, not a number, negative, or contradicts another.
        """
        history = read_history(X)
        weights = read_weights(sample_weight, len(X))
        data, sample = summarise(*history, weights, self._first_chance)
        walls = data.walls()
        with threadpool_limits(1):
            found = _fitting.maximise_from(partial(likelihood, sample), walls, data.starts())
            if sample is not data:
                starts = [near.point for near in found]
                found = _fitting.maximise_from(partial(likelihood, data), walls, starts)
        best = found[0]
        r, alpha, a, b = to_parameters(best.point).tolist()
        self.parameters_ = {"r": r, "alpha": alpha * data.unit, "a": a, "b": b}
        # A density per unit of time becomes one per day: one factor for each repeat purchase.
        self.log_likelihood_ = best.log_likelihood - data.purchases * float(np.log(data.unit))
        jacobian = log_jacobian(best.point)
        self.covariance_ = np.einsum("ij,jk,lk->il", jacobian, best.covariance, jacobian)
        told = _fitting.told_by_data(best, walls)
        self.identified_ = dict(zip(COORDINATES, told.tolist(), strict=True))
        self.n_iter_, self.converged_ = best.n_iter, best.converged
        self._optimum, self._walls, self._unit = best, walls, data.unit
        return self

    def with_parameters(self, *, r: float, alpha: float, a: float, b: float) -> Self:
        """The same model with these parameters (``alpha`` in days), ready to predict."""
        given = {"r": r, "alpha": alpha, "a": a, "b": b}
        model = type(self)()
        model.parameters_ = {
            name: check_number(name, value, least=0, above=True, example="0.8")
            for name, value in given.items()
        }
        return model

    def draw_parameters(self, n: int, seed: int) -> Values:
        """``n`` rows of r, alpha (days), a, b as the data leave them open.

        From the normal approximation of the likelihood on the logarithmic scale. What the data do
        not tell (see ``identified_``) moves by a factor of about four, not by the millions that
        the curvature alone would allow.
        """
        if not hasattr(self, "_optimum"):
            raise InputError("Parameters can be drawn of a fitted model only; call .fit(X) first.")
        count = check_count("n", n, example="200")
        points = _fitting.draw(self._optimum, self._walls, count, check_seed(seed))
        drawn: Values = to_parameters(points) * np.array([1.0, self._unit, 1.0, 1.0])
        return drawn

    def posterior(self, X: pd.DataFrame) -> Posterior:
        """What each history says of its customer: :class:`Posterior`."""
        repeats, span, age = read_history(X)
        r, alpha, a, b = self._fitted()
        chances = repeats + self._first_chance
        left = np.where(chances > 0, b + chances - 1, 1.0)
        silence = np.log1p((age - span) / (alpha + span))
        odds = np.log(a) - np.log(left) + (r + repeats) * silence
        alive = np.where(chances > 0, expit(-odds), 1.0)
        return Posterior(alive, r + repeats, alpha + age, np.full(len(alive), a), b + chances)

    def p_alive(self, X: pd.DataFrame) -> Values:
        """The probability that each customer has not stopped for good."""
        alive: Values = self.posterior(X).p_alive
        return alive

    def expected_purchases(self, X: pd.DataFrame, horizon_days: float) -> Values:
        """The number of purchases each customer is expected to make in the days to come.

        Parameters
        ----------
        X
            As for :meth:`fit`.
        horizon_days
            How many days ahead, counted from the day the base is seen from.
        """
        ahead = check_number("horizon_days", horizon_days, least=0, example="90")
        known = self.posterior(X)
        return known.p_alive * expected_while_alive(*known[1:], ahead)

    def no_purchase_probability(self, X: pd.DataFrame, horizon_days: float) -> Values:
        """The probability that each customer buys nothing in the days to come.

        ``1 - P(alive) * (1 - ((alpha + T) / (alpha + T + h))^(r + x))``: gone already, or alive
        and not back within the horizon ``h``.
        """
        ahead = check_number("horizon_days", horizon_days, least=0, example="90")
        known = self.posterior(X)
        back = -np.expm1(-known.rate_shape * np.log1p(ahead / known.rate_days))
        result: Values = 1 - known.p_alive * back
        return result

    def expected_new(self, horizon_days: float) -> float:
        """The repeat purchases a customer makes in so many days after the first purchase."""
        ahead = check_number("horizon_days", horizon_days, least=0, example="90")
        r, alpha, a, b = self._fitted()
        stays = b / (a + b) if self._first_chance else 1.0
        shape, days = np.array([r]), np.array([alpha])
        first, second = np.array([a]), np.array([b + self._first_chance])
        return float(stays * expected_while_alive(shape, days, first, second, ahead)[0])

    def simulate(
        self, n: int, age_days: float | Values, horizon_days: float, seed: int
    ) -> pd.DataFrame:
        """Customers made by the model itself, with what no base ever shows.

        Parameters
        ----------
        n
            How many customers.
        age_days
            Days since the first purchase, one for all or one each.
        horizon_days
            How many days after that are played out too.
        seed
            The same seed gives the same customers.

        Returns
        -------
        DataFrame
            ``repeat_purchases, purchase_span_days, age_days`` as :meth:`fit` reads them, ``rate``
            (purchases per day) and ``dropout`` (per purchase) of each customer, ``alive`` at that
            age, ``horizon_purchases`` in the days after it. Times have fractions of days.
        """
        import pandas as pd

        n = check_count("n", n, example="1000")
        ahead = check_number("horizon_days", horizon_days, least=0, example="90")
        r, alpha, a, b = self._fitted()
        rng = np.random.default_rng(check_seed(seed))
        age = np.broadcast_to(np.asarray(age_days, dtype=float), (n,))
        rate, dropout = rng.gamma(r, 1 / alpha, n), rng.beta(a, b, n)
        # The repeat purchase after which the customer stops; 0 is the first purchase.
        with np.errstate(divide="ignore"):
            last = np.floor(np.log(rng.random(n)) / np.log1p(-np.clip(dropout, 1e-300, 1)))
        last = last + 1 - self._first_chance
        # Never so many that they could not be counted.
        wanted = rng.poisson(np.minimum(rate * age, 1e15)).astype(float)
        alive = last > wanted
        repeats = np.where(alive, wanted, last)
        # The k-th of n uniform times is Beta(k, n - k + 1).
        place = rng.beta(np.maximum(repeats, 1), np.maximum(wanted - repeats, 0) + 1)
        more = rng.poisson(np.minimum(rate * ahead, 1e15)).astype(float)
        return pd.DataFrame(
            {
                "repeat_purchases": repeats,
                "purchase_span_days": np.where(repeats > 0, place * age, 0.0),
                "age_days": age,
                "rate": rate,
                "dropout": dropout,
                "alive": alive,
                "horizon_purchases": np.where(alive, np.minimum(more, last - wanted), 0.0),
            }
        )

    def _fitted(self) -> tuple[float, float, float, float]:
        if not hasattr(self, "parameters_"):
            raise InputError(f"This {type(self).__name__} is not fitted yet; call .fit(X) first.")
        known = self.parameters_
        return known["r"], known["alpha"], known["a"], known["b"]


class BGNBD(_PurchaseModel):
    """Beta-geometric / negative binomial distribution of Fader, Hardie and Lee (2005).

    A customer may stop only after a *repeat* purchase. The trap: whoever bought once and never
    again is alive with certainty here (``p_alive`` is 1), however long ago that was. For bases
    with many one-time buyers take :class:`ModifiedBGNBD`.

    Attributes
    ----------
    parameters_
        ``r``, ``alpha`` (days), ``a``, ``b``.
    log_likelihood_
        Per day; measured in weeks it is higher by ``log(7)`` a repeat purchase.
    covariance_
        4 by 4, of the logarithms of the parameters: the inverse of the observed information.
    identified_
        What the data tell: ``rate`` (the mean r / alpha), ``rate_spread`` (r), ``dropout`` (the
        mean a / (a + b)), ``dropout_spread`` (a + b). Where one is False, as ``dropout`` is
        when nobody ever falls silent, the value is a plausible one and not an estimate.
    n_iter_, converged_
        Newton steps taken, and whether the maximum was reached.

    References
    ----------
    Fader, Hardie and Lee (2005), Marketing Science 24(2), doi 10.1287/mksc.1040.0098.

    Examples
    --------
    >>> import pandas as pd
    >>> model = BGNBD().with_parameters(r=0.243, alpha=4.414 * 7, a=0.793, b=2.426)
    >>> known = pd.DataFrame({"repeat_purchases": [2, 0], "purchase_span_days": [213.0, 0],
    ...     "age_days": [272.0, 272]})
    >>> model.expected_purchases(known, horizon_days=39 * 7).round(2).tolist()
    [1.23, 0.2]
    >>> model.p_alive(known).round(2).tolist()
    [0.73, 1.0]
    """

    _first_chance: ClassVar[int] = 0


class ModifiedBGNBD(_PurchaseModel):
    """BG/NBD whose customers may stop after the first purchase too (MBG/NBD).

    So a customer who bought once can be gone, and the longer ago, the likelier. The trap: where
    hardly anybody ever buys again, a slow customer and a lost one look the same, and the data
    cannot tell dropout from a low rate; ``identified_`` says when that is so. Attributes as in
    :class:`BGNBD`.

    References
    ----------
    Batislam, Denizel and Filiztekin (2007), International Journal of Research in Marketing 24(3),
    doi 10.1016/j.ijresmar.2006.12.005.

    Examples
    --------
    >>> import pandas as pd
    >>> model = ModifiedBGNBD().with_parameters(r=0.525, alpha=43.0, a=0.891, b=1.614)
    >>> known = pd.DataFrame({"repeat_purchases": [2, 0], "purchase_span_days": [213.0, 0],
    ...     "age_days": [272.0, 272]})
    >>> model.p_alive(known).round(2).tolist()
    [0.71, 0.39]
    """

    _first_chance: ClassVar[int] = 1


_KINDS: dict[str, type[BGNBD] | type[ModifiedBGNBD]] = {"mbgnbd": ModifiedBGNBD, "bgnbd": BGNBD}


def fit_purchase_model(
    X: pd.DataFrame, *, kind: Literal["mbgnbd", "bgnbd"] = "mbgnbd", sample_weight: Any = None
) -> BGNBD | ModifiedBGNBD:
    """Fit one of the purchase models to a table of histories.

    Parameters
    ----------
    X
        ``repeat_purchases``, ``purchase_span_days``, ``age_days``, one row a customer.
    kind
        ``mbgnbd`` (a one-time buyer may be gone) or ``bgnbd`` (a one-time buyer never is).
    sample_weight
        How many customers each row stands for.

    Raises
    ------
    ChoiceError
        Where there is no model of that kind.
    InputError
        Where the histories cannot be.

    Examples
    --------
    >>> import pandas as pd
    >>> X = pd.DataFrame({"repeat_purchases": [0, 3, 1], "purchase_span_days": [0, 200, 40],
    ...     "age_days": [300, 310, 250]})
    >>> fit_purchase_model(X).converged_
    True
    """
    if not isinstance(kind, str) or kind not in _KINDS:
        raise ChoiceError("kind", kind, _KINDS)
    return _KINDS[kind]().fit(X, sample_weight)
