"""The models put to the test on stretches of the base's own past.

A model is fitted on what was known on an earlier day and forecasts what came after it. Where two
years are there, the days tested are exactly one and two years before ``as_of`` and the stretch is
the same part of the calendar as the one ahead, so that the season is in the record and not
against it. What the models miss beyond chance is carried over to the forecast.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from retention_lib.portfolio.intervals import Values
from retention_lib.scoring._lifetime_facts import YEAR, Days
from retention_lib.scoring._lifetime_models import (
    KINDS,
    Kind,
    PurchaseForecast,
    fit_purchases,
    fit_spend,
    trailing,
)

FEWEST_DAYS = 90
"""A shorter history has no stretch worth testing on."""

FEWEST_CUSTOMERS, FEWEST_PURCHASES = 30, 30
"""A test with fewer customers, or fewer purchases in its stretch, says nothing."""

NAIVE = "trailing"
"""The yardstick: what the last year brought, carried on at the same rate."""

_MOST_YEARS = 2
# A one-time buyer is never gone in BG/NBD, so it has to be better by more than a hair.
_BETTER = 0.995
# A short history: tested on its last third and on its last sixth.
_PARTS = (3, 6)
# No model of people is better than this, whatever a lucky record says.
_LEAST_ERROR = 0.03
# The model was fitted to the same customers' luck, and the stretches overlap: chance counts twice.
_CHANCE = 2.0
# How far off totals were on the bases tried, from half of what they should be to a half more.
_ERROR_UNTESTED = 0.25
_PARAMETER_DRAWS, _PARAMETER_ROWS = 20, 1500


@dataclass(frozen=True)
class Stretch:
    """A part of the past to forecast: the ``length`` days after the day ``after``."""

    after: int
    length: int
    aligned: bool
    """Whether it is the same part of the calendar as the days ahead."""


def stretches(begins: int, as_of: int, horizon: int) -> list[Stretch]:
    """The stretches of a history that can be tested, the latest first."""
    history = as_of - begins + 1
    whole = min(_MOST_YEARS, history // YEAR - 1)
    if whole >= 1:
        length = min(horizon, YEAR)
        return [Stretch(as_of - YEAR * back, length, True) for back in range(1, whole + 1)]
    if history < FEWEST_DAYS:
        return []
    lengths = dict.fromkeys(min(horizon, history // part) for part in _PARTS)
    return [Stretch(as_of - length, length, False) for length in lengths]


@dataclass(frozen=True, eq=False)
class Trial:
    """What was forecast on one earlier day, and what came: one value a customer in each array."""

    stretch: Stretch
    forecasts: dict[str, Values]
    worths: dict[str, Values]
    """By model or ``trailing``: purchases, and net revenue, forecast."""
    purchases: Values
    revenue: Values
    unsure: dict[str, float]
    """By model, how unsure its parameters leave the logarithm of the total."""

    def deviance(self, kind: str) -> float:
        """How far the purchases lay from the forecast, as Poisson deviance; lower is better."""
        forecast = np.maximum(self.forecasts[kind], 1e-9)
        came = self.purchases
        said = np.where(came > 0, came * np.log(np.maximum(came, 1e-9) / forecast), 0.0)
        return float(2 * np.sum(said - (came - forecast)))

    def errors(self, kind: str) -> tuple[float, float, float, float]:
        """Errors on the logarithmic scale, each with the variance that chance gives it.

        That of the purchases, its variance, that of what a purchase brought, its variance;
        missing where nothing was forecast or nothing came.
        """
        forecast, worth = self.forecasts[kind], self.worths[kind]
        totals = [float(v.sum()) for v in (forecast, self.purchases, worth, self.revenue)]
        if min(totals) <= 0:
            return (float("nan"),) * 4
        often, ratio = np.log(totals[1] / totals[0]), np.log(totals[3] / totals[2])
        each = (self.purchases - np.exp(often) * forecast) / totals[1]
        money = (self.revenue - np.exp(ratio) * worth) / totals[3]
        return (
            float(often),
            float(np.sum(each**2)) + self.unsure[kind] ** 2,
            float(ratio - often),
            float(np.sum((money - each) ** 2)),
        )


@dataclass(frozen=True, eq=False)
class TrackRecord:
    """All trials, the model they speak for, and what to carry over from them.

    ``purchase_level`` and ``spend_level`` multiply the forecast. ``spread`` is the standard
    deviation of the logarithm of the total that the models leave open beyond their parameters.
    ``length`` is that of the latest stretch, in days.
    """

    trials: tuple[Trial, ...]
    chosen: Kind
    purchase_level: float
    spend_level: float
    spread: float
    length: int


def try_out(days: Days, as_of: int, horizon: int) -> TrackRecord:
    """Test the models on the stretches that this history has."""
    trials = []
    for stretch in stretches(days.begins, as_of, horizon):
        trial = _try(days, stretch)
        if trial is not None:
            trials.append(trial)
    if not trials:
        return untested(horizon)
    lost = {kind: sum(trial.deviance(kind) for trial in trials) for kind in KINDS}
    chosen: Kind = "bgnbd" if lost["bgnbd"] < _BETTER * lost["mbgnbd"] else "mbgnbd"
    found = np.array([trial.errors(chosen) for trial in trials])
    found = found[np.isfinite(found).all(axis=1)]
    aligned = trials[0].stretch.aligned
    often, often_spread = _carried(found[:, 0], found[:, 1], aligned)
    worth, worth_spread = _carried(found[:, 2], found[:, 3], aligned)
    return TrackRecord(
        tuple(trials),
        chosen,
        float(np.exp(often)),
        float(np.exp(worth)),
        float(np.hypot(often_spread, worth_spread)),
        trials[0].stretch.length,
    )


def untested(horizon: int) -> TrackRecord:
    """What is carried over where nothing could be tested: nothing, and nobody knows how far off."""
    return TrackRecord((), "mbgnbd", 1.0, 1.0, _ERROR_UNTESTED, horizon)


def _carried(errors: Values, chances: Values, aligned: bool) -> tuple[float, float]:
    """What of past errors to expect again, and how far off that may be.

    Empirical Bayes: the errors beyond chance give the variance of what the model gets wrong, and
    an error counts in the proportion in which it is not chance. Where the season cannot be told
    from an error nothing is carried over: on ten pairs of such stretches, of three bases, the
    error of one did not say which way the next would go. It still says how far off.
    """
    if not len(errors):
        return 0.0, _LEAST_ERROR
    chance = _CHANCE * float(chances.mean())
    wrong = max(float(np.mean(errors**2)) - chance, _LEAST_ERROR**2)
    chance /= len(errors)
    share = wrong / (wrong + chance) if aligned else 0.0
    left = wrong * (1 - share)
    return share * float(errors.mean()), float(np.sqrt(left))


def _try(days: Days, stretch: Stretch) -> Trial | None:
    facts = days.facts(stretch.after)
    facts = facts[~facts["is_contract"]].reset_index(drop=True)
    still = facts["closed_day"].isna().to_numpy()
    if int(still.sum()) < FEWEST_CUSTOMERS:
        return None
    later = days.bought_between(stretch.after, stretch.after + stretch.length)
    came = facts[["customer_id"]].merge(later, on="customer_id", how="left").fillna(0.0)
    purchases = came["purchases"].to_numpy(dtype=float)[still]
    if purchases.sum() < FEWEST_PURCHASES:
        return None
    forecasts: dict[str, Values] = {}
    unsure: dict[str, float] = {}
    for kind in KINDS:
        fitted = fit_purchases(facts, stretch.after, kind)
        forecasts[kind] = fitted.expected(stretch.length)[still]
        unsure[kind] = _unsure(fitted, stretch.length)
    spend = fit_spend(facts).expected(facts)[still]
    worths = {kind: forecast * spend for kind, forecast in forecasts.items()}
    carried_on = trailing(facts, days.begins, stretch.after, stretch.length)
    forecasts[NAIVE], worths[NAIVE] = (column[still] for column in carried_on)
    return Trial(
        stretch,
        forecasts,
        worths,
        purchases,
        came["revenue"].to_numpy(dtype=float)[still],
        unsure,
    )


def _unsure(fitted: PurchaseForecast, days: float) -> float:
    """The standard deviation of the logarithm of the total, over what the parameters may be."""
    rng = np.random.default_rng(0)
    some = fitted.histories.distinct
    weights = fitted.histories.counts
    if len(some) > _PARAMETER_ROWS:
        picked = rng.choice(len(some), _PARAMETER_ROWS, replace=False)
        some, weights = some.iloc[picked], weights[picked]
    names = ("r", "alpha", "a", "b")
    totals = [
        float(
            weights
            @ fitted.model.with_parameters(
                **dict(zip(names, drawn, strict=True))
            ).expected_purchases(some, days)
        )
        for drawn in fitted.model.draw_parameters(_PARAMETER_DRAWS, 0)
    ]
    return float(np.std(np.log(np.maximum(totals, 1e-12))))
