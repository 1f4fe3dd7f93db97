"""What customers may be worth, drawn many times: the ranges beside every value.

One draw takes parameters of the models as the data leave them open, and then for each customer
whether it is still one, its own rate, its own chance to stop and its own spend, as its history
leaves them open. The 90 % range of a customer is that of what it is worth: the mean over its
luck to come. The total is drawn with that luck, since it is what will be seen.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from retention_lib.portfolio.intervals import SEED, Values
from retention_lib.scoring._lifetime_models import PurchaseForecast, Spend, bought

if TYPE_CHECKING:
    import pandas as pd

DRAWS = 120
LEVEL = 0.90
_BLOCK = 20_000
_PARAMETERS = ("r", "alpha", "a", "b")
_LEAST_DROPOUT = 1e-7


@dataclass(frozen=True, eq=False)
class Drawn:
    """The range of each customer, and the totals of each draw by group."""

    low: Values
    high: Values
    totals: Values
    """One row a draw, one column a group of customers."""


@dataclass(frozen=True)
class Ahead:
    """The days to value: how many, and the logarithm of the discount factor a day."""

    days: float
    force: float


def draw_worth(
    facts: pd.DataFrame,
    purchases: PurchaseForecast,
    spend: Spend,
    ahead: Ahead,
    *,
    worth: Values,
    scale: Values,
    groups: Values,
    spread: float,
    seed: int = SEED,
) -> Drawn:
    """Draw what each of these customers is worth.

    ``worth`` is the value forecast, which its range always holds: of a customer gone with 96 %
    the draws would say nothing at all. ``scale`` turns gross spend into value (0 for a closed
    account), ``spread`` is what the models leave open, as the standard deviation of the logarithm
    of all values together, and ``groups`` has a column of 0 and 1 for each total wanted.
    """
    rng = np.random.default_rng(seed)
    parameters = purchases.model.draw_parameters(DRAWS, seed)
    common = np.exp(spread * rng.standard_normal(DRAWS) - spread**2 / 2)
    low, high = np.zeros(len(facts)), np.zeros(len(facts))
    totals = np.zeros((DRAWS, groups.shape[1]))
    luck = np.zeros_like(totals)
    for block in _blocks(len(facts)):
        own = np.empty((DRAWS, block.stop - block.start), dtype=np.float32)
        histories = purchases.histories.distinct.iloc[purchases.histories.place[block]]
        count, value = (column[block] for column in bought(facts))
        for draw, drawn in enumerate(parameters):
            model = purchases.model.with_parameters(**dict(zip(_PARAMETERS, drawn, strict=True)))
            known = model.posterior(histories)
            rate = rng.standard_gamma(known.rate_shape) / known.rate_days
            stop = np.maximum(rng.beta(known.dropout_a, known.dropout_b), _LEAST_DROPOUT)
            alive = rng.random(len(count)) < known.p_alive
            each = _draw_spend(spend, draw, count, value, rng) * scale[block] * common[draw]
            often, often_variance = _future(rate, stop, ahead)
            own[draw] = alive * often * each
            chance = alive * each**2 * (often_variance + often * _spread_of_one(spend, draw))
            totals[draw] += own[draw] @ groups[block]
            luck[draw] += chance @ groups[block]
        low[block], high[block] = np.quantile(own, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
    # Luck can take all there is to come, and no more.
    totals = np.maximum(totals + np.sqrt(luck) * rng.standard_normal(totals.shape), 0.0)
    return Drawn(np.minimum(low, worth), np.maximum(high, worth), totals)


def _blocks(rows: int) -> Iterator[slice]:
    for start in range(0, rows, _BLOCK):
        yield slice(start, min(start + _BLOCK, rows))


def _draw_spend(
    spend: Spend, draw: int, count: Values, value: Values, rng: np.random.Generator
) -> Values:
    """What a purchase of each customer may bring on average, before refunds."""
    if spend.parameters is None or spend.draws is None:
        return np.full(len(count), spend.mean)
    p, q, gamma = spend.draws[draw]
    shape, at = q + p * count, gamma + count * value
    each: Values = p * at / np.maximum(rng.standard_gamma(shape), 1e-9)
    return each


def _spread_of_one(spend: Spend, draw: int) -> float:
    """The squared variation of what single purchases of one customer bring."""
    return 1.0 if spend.draws is None else 1.0 / float(spend.draws[draw][0])


def _future(rate: Values, stop: Values, ahead: Ahead) -> tuple[Values, Values]:
    """Purchases expected of a living customer, discounted; and the variance of their number.

    With ``l`` the rate and ``p`` the chance to stop at each purchase they come at
    ``l exp(-l p s)``. After one at ``s`` the customer goes on with ``1 - p`` and is then expected
    to make ``(1 - exp(-l p (h - s))) / p`` more, which gives the second factorial moment.
    """
    fading = rate * stop
    lasting = -np.expm1(-(fading + ahead.force) * ahead.days) / (fading + ahead.force)
    left = np.exp(-fading * ahead.days)
    mean = -np.expm1(-fading * ahead.days) / stop
    pairs = 2 * (1 - stop) / stop * np.maximum(mean - rate * ahead.days * left, 0.0)
    factor = np.divide(rate * lasting, mean, out=np.zeros_like(mean), where=mean > 0)
    return rate * lasting, factor**2 * np.maximum(pairs + mean - mean**2, 0.0)
