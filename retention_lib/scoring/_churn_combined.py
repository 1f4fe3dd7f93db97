"""Learners added on the scale of log-odds: one formula, or one for each kind of customers.

A sum of sums over features is a sum over features, so what each feature contributes to a
probability is exact.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from retention_lib.errors import InputError
from retention_lib.scoring._churn_learners import KINDS, Floats, Learner, probability_of

if TYPE_CHECKING:
    import pandas as pd

YEAR = 365
SAME_SEASON = 20
"""Dates that lie so many days around the same day of another year are the same season."""

CONTRACT = "is_contract"


@dataclass(frozen=True)
class Formula:
    """Weighted learners for one kind of customers.

    ``season_days`` and ``season_odds``: dates of the training and how far the log-odds of leaving
    then lay from what the features say, already shrunk to what is expected again a year later.
    """

    learners: tuple[Learner, ...]
    weights: tuple[float, ...]
    intercept: float
    season_days: NDArray[np.int64]
    season_odds: Floats

    def parts(self, values: Floats) -> Floats:
        """Log-odds by feature, one column each."""
        said: Floats = np.zeros(values.shape)
        for learner, weight in zip(self.learners, self.weights, strict=True):
            said += weight * learner.parts(values)
        return said

    def level(self, days: NDArray[np.int64]) -> Floats:
        """The log-odds of the average customer on each of these days."""
        base = self.intercept + sum(
            weight * learner.base
            for learner, weight in zip(self.learners, self.weights, strict=True)
        )
        distinct, back = np.unique(days, return_inverse=True)
        season = np.array([self._season(int(day)) for day in distinct])
        return base + season[back]

    def _season(self, day: int) -> float:
        """What the same season of the last year that is known did to everybody."""
        apart = day - self.season_days
        years = np.round(apart / YEAR)
        same = (years >= 1) & (np.abs(apart - YEAR * years) <= SAME_SEASON)
        if not same.any():
            return 0.0
        last = same & (years == years[same].min())
        return float(self.season_odds[last].mean())

    def to_parts(self) -> dict[str, Any]:
        """Plain arrays, texts and numbers, for a file."""
        return {
            "kinds": [learner.kind for learner in self.learners],
            "learners": [learner.to_parts() for learner in self.learners],
            "weights": list(self.weights),
            "intercept": self.intercept,
            "season_days": self.season_days,
            "season_odds": self.season_odds,
        }

    @classmethod
    def from_parts(cls, parts: Mapping[str, Any]) -> Formula:
        """Undo :meth:`to_parts`."""
        learners = tuple(
            KINDS[kind].from_parts(each)
            for kind, each in zip(parts["kinds"], parts["learners"], strict=True)
        )
        return cls(
            learners,
            tuple(float(weight) for weight in parts["weights"]),
            float(parts["intercept"]),
            np.asarray(parts["season_days"]),
            np.asarray(parts["season_odds"]),
        )


@dataclass(frozen=True)
class CombinedClassifier:
    """Probabilities of leaving, and what each feature adds to their log-odds, exactly.

    ``formulas``: one for all customers, or one for those without a contract (``"0"``) and one
    for those with (``"1"``), whose leaving means something else.
    """

    features: tuple[str, ...]
    formulas: Mapping[str, Formula]

    def predict_proba(self, frame: pd.DataFrame) -> Floats:
        """The probability of leaving of each row of ``take_snapshots``."""
        parts, level = self.contributions(frame)
        return probability_of(level + parts.sum(axis=1))

    def contributions(self, frame: pd.DataFrame) -> tuple[Floats, Floats]:
        """Log-odds that each feature adds, a column a feature, and the level they are added to.

        The level is that of the average customer of its kind in its season, one value a row.
        Level and row sum together are the log-odds of the probability, exactly.
        """
        values, days = values_of(frame, self.features), day_numbers(frame)
        parts, level = np.zeros(values.shape), np.zeros(len(values))
        for rows, formula in self._by_kind(frame):
            if len(rows):
                parts[rows] = formula.parts(values[rows])
                level[rows] = formula.level(days[rows])
        return parts, level

    def by_learner(self, frame: pd.DataFrame) -> dict[str, Floats]:
        """The probability of each learner alone."""
        values = values_of(frame, self.features)
        said: dict[str, Floats] = {}
        for rows, formula in self._by_kind(frame):
            for learner in formula.learners:
                odds = learner.base + learner.parts(values[rows]).sum(axis=1)
                alone = said.setdefault(learner.kind, np.full(len(values), np.nan))
                alone[rows] = probability_of(odds)
        return {kind: alone for kind, alone in said.items() if not np.isnan(alone).any()}

    def _by_kind(self, frame: pd.DataFrame) -> list[tuple[NDArray[np.int64], Formula]]:
        if "all" in self.formulas:
            return [(np.arange(len(frame)), self.formulas["all"])]
        flag = flags_of(frame)
        return [(np.flatnonzero(flag == int(k)), f) for k, f in self.formulas.items()]

    def shares(self) -> dict[str, float]:
        """How much each learner weighs, on average over the formulas."""
        total: dict[str, float] = {}
        for formula in self.formulas.values():
            whole = sum(formula.weights) or 1.0
            for learner, weight in zip(formula.learners, formula.weights, strict=True):
                share = weight / whole / len(self.formulas)
                total[learner.kind] = total.get(learner.kind, 0.0) + share
        return total

    def to_parts(self) -> dict[str, Any]:
        """Plain arrays, texts and numbers, for a file."""
        formulas = {kind: formula.to_parts() for kind, formula in self.formulas.items()}
        return {"features": list(self.features), "formulas": formulas}

    @classmethod
    def from_parts(cls, parts: Mapping[str, Any]) -> CombinedClassifier:
        """Undo :meth:`to_parts`."""
        formulas = {kind: Formula.from_parts(each) for kind, each in parts["formulas"].items()}
        return cls(tuple(parts["features"]), formulas)


def day_numbers(frame: pd.DataFrame) -> NDArray[np.int64]:
    """The day number of each row's date."""
    days = frame["date"].to_numpy().astype("datetime64[D]").astype(np.int64)
    return np.asarray(days)


def flags_of(frame: pd.DataFrame) -> NDArray[np.int64]:
    bound: NDArray[np.int64] = (frame[CONTRACT].to_numpy(dtype=float) == 1).astype(np.int64)
    return bound


def values_of(frame: pd.DataFrame, names: Sequence[str]) -> Floats:
    absent = [name for name in names if name not in frame]
    if absent:
        raise InputError(
            f"The model needs {len(names)} features and this base lacks {len(absent)} of them "
            f"(first: {absent[0]!r}). Give the base the same tables as the one the model learnt "
            f"from, or train anew with rl.fit_churn(base)."
        )
    values: Floats = frame[list(names)].to_numpy(dtype=float)
    return values
