"""Who responds to contact: three learners, each with what it would say of customers not seen.

All that is judged is said of customers that the learner was not shown. The three are averaged;
none is picked by how it fared, for the best of three luckily looks better than it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from retention_lib.decisions._uplift_facts import UpliftFacts
from retention_lib.decisions._uplift_qini import Floats

FOLDS = 5
LEARNERS = ("two_models", "straight_lines", "trees")
_STRENGTH = 0.02
_PENALTIES = tuple(float(10.0**power) for power in range(1, 7))
_CLIPPED_AT = 4.0


@dataclass(frozen=True, eq=False)
class Scaler:
    """Puts columns on one scale: logarithms, centred, nobody further out than four deviations."""

    centre: Floats
    spread: Floats

    @classmethod
    def of(cls, values: Floats) -> Scaler:
        """The scale of these rows; a column with nothing in it stays out of the way."""
        logs = _logs(values)
        known = np.isfinite(logs)
        count = np.maximum(known.sum(axis=0), 1)
        centre = np.where(known, logs, 0.0).sum(axis=0) / count
        away = np.where(known, logs - centre, 0.0)
        spread = np.sqrt((away**2).sum(axis=0) / count)
        return cls(centre, np.where(spread > 1e-9, spread, 1.0))

    def __call__(self, values: Floats) -> Floats:
        scaled = (_logs(values) - self.centre) / self.spread
        # What is not known is taken to be as on average.
        known: Floats = np.clip(np.nan_to_num(scaled, nan=0.0), -_CLIPPED_AT, _CLIPPED_AT)
        return known


def _logs(values: Floats) -> Floats:
    logs: Floats = np.sign(values) * np.log1p(np.abs(values))
    return logs


@dataclass(frozen=True, eq=False)
class Responder:
    """What was learnt from some customers: the risk of buying nothing, and what contact changes."""

    scaler: Scaler
    with_contact: Any
    without: Any
    lines: Any
    trees: Any

    def risk(self, values: Floats) -> Floats:
        """The probability of buying nothing where nobody is contacted."""
        return 1 - _chance(self.without, self.scaler(values))

    def uplift(self, values: Floats) -> dict[str, Floats]:
        """What contact adds to the probability of buying, by learner."""
        scaled = self.scaler(values)
        return {
            "two_models": _chance(self.with_contact, scaled) - _chance(self.without, scaled),
            "straight_lines": self.lines.predict(scaled),
            "trees": self.trees.predict(scaled),
        }


def learn(facts: UpliftFacts, *, seed: int, shown: Any = slice(None)) -> Responder:
    """Learn from customers contacted and held back by lot.

    Two logistic regressions, one a group (the "two models", or T-learner); and what the contact
    did to each customer, its own luck evened out as far as the two can tell (the doubly robust
    score of Kennedy 2023, doi 10.1214/23-EJS2157), by regularised straight lines and by small
    trees.
    """
    from sklearn.ensemble import HistGradientBoostingRegressor
    from sklearn.linear_model import RidgeCV

    values, treated, bought = facts.values[shown], facts.treated[shown], facts.bought[shown]
    scaler = Scaler.of(values)
    scaled = scaler(values)
    yes = treated > 0
    with_contact = _logistic(scaled[yes], bought[yes])
    without = _logistic(scaled[~yes], bought[~yes])
    both = _chance(with_contact, scaled), _chance(without, scaled)
    target = changed(treated, bought, *both, facts.share[shown])
    lines = RidgeCV(alphas=_PENALTIES).fit(scaled, target)
    trees = HistGradientBoostingRegressor(
        learning_rate=0.05,
        max_iter=40,
        max_leaf_nodes=4,
        min_samples_leaf=max(30, len(target) // 40),
        l2_regularization=20.0,
        early_stopping=False,
        random_state=seed,
    ).fit(scaled, target)
    return Responder(scaler, with_contact, without, lines, trees)


def changed(
    treated: Floats, bought: Floats, with_contact: Floats, without: Floats, share: Any
) -> Floats:
    """A figure a customer whose mean over like customers is what contact changed for them.

    >>> one = np.array([1.0, 0.0])
    >>> changed(one, np.array([1.0, 1.0]), np.array([0.5, 0.5]), np.array([0.5, 0.5]), 0.5).tolist()
    [1.0, -1.0]
    """
    luck = treated / share * (bought - with_contact)
    other = (1 - treated) / (1 - share) * (bought - without)
    score: Floats = with_contact - without + luck - other
    return score


@dataclass(frozen=True, eq=False)
class Unseen:
    """What was said of each row by learners that were not shown its customer."""

    uplift: dict[str, Floats]
    risk: Floats
    truth: Floats
    """See :func:`changed`, from the models of those learners."""

    @property
    def together(self) -> Floats:
        """The mean of the learners."""
        return np.asarray(np.mean(list(self.uplift.values()), axis=0))


def learn_unseen(facts: UpliftFacts, *, seed: int) -> Unseen:
    """Each row as seen by learners that were not shown its customer (cross-fitting)."""
    from sklearn.model_selection import StratifiedGroupKFold

    treated, bought = facts.treated, facts.bought
    uplift = {name: np.zeros(len(treated)) for name in LEARNERS}
    risk, truth = np.zeros(len(treated)), np.zeros(len(treated))
    folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed)
    for shown, hidden in folds.split(facts.values, 2 * treated + bought, facts.customer):
        responder = learn(facts, seed=seed, shown=shown)
        for name, said in responder.uplift(facts.values[hidden]).items():
            uplift[name][hidden] = said
        scaled = responder.scaler(facts.values[hidden])
        with_contact = _chance(responder.with_contact, scaled)
        without = _chance(responder.without, scaled)
        risk[hidden] = 1 - without
        truth[hidden] = changed(
            treated[hidden], bought[hidden], with_contact, without, facts.share[hidden]
        )
    return Unseen(uplift, risk, truth)


class _Constant:
    """Where all of a group did the same, that is what is forecast."""

    def __init__(self, share: float) -> None:
        self.share = share


def _logistic(scaled: Floats, bought: Floats) -> Any:
    from sklearn.linear_model import LogisticRegression

    if bought.min() == bought.max():
        return _Constant(float(bought[0]))
    return LogisticRegression(C=_STRENGTH, max_iter=300).fit(scaled, bought)


def _chance(model: Any, scaled: Floats) -> Floats:
    if isinstance(model, _Constant):
        return np.full(len(scaled), model.share)
    return np.asarray(model.predict_proba(scaled)[:, 1])
