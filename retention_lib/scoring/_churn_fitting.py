"""The learners fitted, weighed by their out-of-time record, and calibrated.

The record is one date that the learners have not seen, its labels known by then. One date says
little: weights start from shares that did well on many bases and move only as far as the record
is long. The level of that date is not taken over, for the level of one season is not that of the
next; only where the same season of last year is known does it move the level.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from retention_lib.scoring._churn_combined import (
    CONTRACT,
    SAME_SEASON,
    YEAR,
    CombinedClassifier,
    Formula,
    day_numbers,
    flags_of,
    values_of,
)
from retention_lib.scoring._churn_dates import draws_of
from retention_lib.scoring._churn_learners import (
    RFM,
    Floats,
    Learner,
    fit_boosting,
    fit_logistic,
    probability_of,
    take_purchase_model,
)
from retention_lib.scoring.features import BY_NAME

if TYPE_CHECKING:
    import pandas as pd

SHARES = {"boosting": 0.40, "logistic": 0.35, "logistic_rfm": 0.15, "purchase_model": 0.10}
"""Where the weights start from."""
KEPT_APART = 100.0
"""How strongly the weights are held to their shares."""
KEPT_TOGETHER = 600.0
"""How strongly their sum is held to 1, in customers' worth: a record of so many moves it half-way.
Where the learners found nothing that holds, the sum shrinks, and all probabilities to the average.
"""

HALF_LIFE_DAYS = 120
"""A date so much older counts half."""

ENOUGH = 30
"""Leavers and stayers that a date of the record needs, and each kind of customer for its own
formula."""
FOLDS = 4

SEASON_HISTORY = 180
"""A date needs so many days before it to say anything of its season."""
DATE_HELD = 10.0
"""How strongly the level of a date is held to what the features say, in cases' worth: as if dates
differed by about 0.3 in log-odds."""
SEASON_TRUST, SEASON_PRIOR = 0.75, 1.0
"""How much of last year's deviation is expected again, and how much record outweighs that."""

PURCHASE_MODEL = "no_purchase_probability"


def fit_classifier(
    panel: pd.DataFrame,
    features: Sequence[str],
    *,
    horizon_days: int,
    first_day: int,
    earlier: CombinedClassifier | None = None,
) -> CombinedClassifier:
    """Fit the learners, weigh them by their record and put them together.

    ``panel`` is one row a customer and date with a known ``churned``, in the order of
    ``take_snapshots``; ``first_day`` is the day number of the base's first purchase. ``earlier``
    is one fitted to the dates whose labels end before the last date, where there is one: what
    its learners say of that date is their record.
    """
    from threadpoolctl import threadpool_limits

    names = usable(panel, features)
    fit = _Fit(names, horizon_days, first_day)
    before = earlier.formulas if earlier is not None and earlier.features == names else {}
    # Threads that wait for one another on a busy machine take longer than one alone.
    with threadpool_limits(1):
        formulas = {
            kind: fit.formula(rows, before.get(kind)) for kind, rows in _kinds(panel, names)
        }
    return CombinedClassifier(names, formulas)


def _kinds(panel: pd.DataFrame, names: Sequence[str]) -> list[tuple[str, pd.DataFrame]]:
    """The customers of each kind that has enough of those who left and who stayed."""
    if CONTRACT in names:
        flag = flags_of(panel)
        kinds = [(str(kind), panel[flag == kind].reset_index(drop=True)) for kind in (0, 1)]
        if all(_both_sides(rows) for _, rows in kinds):
            return kinds
    return [("all", panel)]


def usable(panel: pd.DataFrame, features: Sequence[str]) -> tuple[str, ...]:
    """Features that differ between customers.

    The calendar is not among them: it is the same for everybody on a date, and a few dates teach
    a model which months were good, not which months are.
    """
    known = [name for name in features if name in panel and BY_NAME[name].unit != "angle"]
    differ = panel[known].nunique(dropna=False) > 1
    return tuple(name for name in known if differ[name])


def recency_weights(days: NDArray[np.int64]) -> Floats:
    """Weights of rows by the age of their date, 1 on average."""
    weight: Floats = 0.5 ** ((days.max() - days) / HALF_LIFE_DAYS)
    weight /= weight.mean()
    return weight


def offset_of(
    odds: Floats, left: Floats, weight: Floats | None = None, *, held: float = 1.0
) -> float:
    """What must be added to all log-odds so that as many leave as left; a little less for few.

    ``held`` is how strongly it is held to 0, in cases' worth.

    >>> round(offset_of(np.zeros(1000), np.repeat([0.0, 1.0], [250, 750])), 2)
    1.09
    """
    weight = np.ones(len(left)) if weight is None else weight
    shift = 0.0
    for _ in range(50):
        said = probability_of(odds + shift)
        missing = float((weight * (left - said)).sum()) - held * shift
        step = missing / (float((weight * said * (1 - said)).sum()) + held)
        shift += float(np.clip(step, -1, 1))
        if abs(step) < 1e-9:
            break
    return shift


def date_offsets(
    odds: Floats, left: Floats, days: NDArray[np.int64]
) -> tuple[NDArray[np.int64], Floats]:
    """How far each date lay from what the features say of it, in log-odds."""
    dates = np.unique(days)
    rows = [np.flatnonzero(days == day) for day in dates]
    return dates, np.array([offset_of(odds[r], left[r], held=DATE_HELD) for r in rows])


def _seasons(
    odds: Floats, left: Floats, days: NDArray[np.int64], first_day: int
) -> tuple[NDArray[np.int64], Floats]:
    """Dates of the training and what is expected again a year after each.

    How much comes again is seen where two years are known; else it is taken on trust in part.
    """
    dates, offsets = date_offsets(odds, left, days)
    settled = dates - first_day >= SEASON_HISTORY
    dates, offsets = dates[settled], offsets[settled]
    apart = dates[None, :] - dates[:, None]
    then, now = np.nonzero(np.abs(apart - YEAR) <= SAME_SEASON)
    agreed = SEASON_TRUST * SEASON_PRIOR + float((offsets[then] * offsets[now]).sum())
    again = agreed / (SEASON_PRIOR + float((offsets[then] ** 2).sum()))
    return dates, float(np.clip(again, 0.0, 1.0)) * offsets


def _weigh(odds: Floats, left: Floats, kinds: Sequence[str]) -> tuple[float, ...]:
    """Weights of the learners: their usual shares, moved by the record as far as it is long.

    The level of the record's date is free, so that it moves no weight. Weights are not negative.
    """
    from scipy.optimize import minimize

    usual = np.array([SHARES[kind] for kind in kinds])
    usual /= usual.sum()
    if min(left.sum(), (1 - left).sum()) < ENOUGH:
        return tuple(usual.tolist())

    spread = float(np.var(np.einsum("ij,j->i", odds, usual)))
    held = KEPT_TOGETHER * float(left.mean() * (1 - left.mean())) * spread * len(usual)

    def loss(point: Floats) -> tuple[float, Floats]:
        said = point[0] + np.einsum("ij,j->i", odds, point[1:])
        moved = point[1:] - usual
        together = moved.mean()
        apart = moved - together
        wrong = probability_of(said) - left
        cost = np.logaddexp(0, said).sum() - (left * said).sum()
        cost += KEPT_APART / 2 * (apart**2).sum() + held / 2 * together**2 * len(usual)
        slope = np.einsum("ij,i->j", odds, wrong) + KEPT_APART * apart + held * together
        return float(cost), np.append(wrong.sum(), slope)

    bounds = [(None, None)] + [(0.0, None)] * len(usual)
    found = minimize(loss, np.append(0.0, usual), jac=True, method="L-BFGS-B", bounds=bounds)
    return tuple(found.x[1:].tolist())


@dataclass(frozen=True)
class _Fit:
    """What all formulas of a model have in common."""

    names: tuple[str, ...]
    horizon_days: int
    first_day: int

    def formula(self, panel: pd.DataFrame, earlier: Formula | None) -> Formula:
        days = day_numbers(panel)
        values, left = values_of(panel, self.names), panel["churned"].to_numpy(dtype=float)
        ids = panel["customer_id"].to_numpy(dtype=object)
        if earlier is None:
            odds, seen = self._record(values, left, days, ids)
        else:
            seen = np.flatnonzero(days == days.max())
            odds = _odds(earlier.learners, values[seen])
        learners = self._learners(values, left, days, ids)
        weights = _weigh(odds, left[seen], [learner.kind for learner in learners])
        plain = Formula(learners, weights, 0.0, np.empty(0, dtype=np.int64), np.empty(0))
        said = plain.parts(values).sum(axis=1) + plain.level(days)
        # Each learner is right on average over its own rows; their weighted sum need not be.
        level = offset_of(said, left, recency_weights(days))
        season = _seasons(said + level, left, days, self.first_day)
        return Formula(learners, weights, level, *season)

    def _learners(
        self, values: Floats, left: Floats, days: NDArray[np.int64], ids: Any
    ) -> tuple[Learner, ...]:
        weight = recency_weights(days)
        rows_a_customer = len(left) / len(np.unique(ids))
        boosted = fit_boosting(values, left, weight, rows_a_customer=rows_a_customer)
        logistic = fit_logistic(values, self.names, left, weight)
        learners: list[Learner] = [boosted, logistic]
        if set(RFM) & set(self.names):
            learners.append(fit_logistic(values, self.names, left, weight, only=RFM))
        if PURCHASE_MODEL in self.names:
            place = self.names.index(PURCHASE_MODEL)
            learners.append(take_purchase_model(values, place, weight))
        return tuple(learners)

    def _record(
        self, values: Floats, left: Floats, days: NDArray[np.int64], ids: Any
    ) -> tuple[Floats, NDArray[np.int64]]:
        """Log-odds of each learner for rows it has not seen, and which rows they are."""
        last = int(days.max())
        known = np.flatnonzero(days <= last - self.horizon_days)
        unseen = np.flatnonzero(days == last)
        if len(known) and _enough(left[known], ids[known]) and _enough(left[unseen], ids[unseen]):
            return self._said(values, left, days, ids, known, unseen), unseen
        fold = np.floor(draws_of(ids) * FOLDS).astype(int)
        latest = np.flatnonzero(days == last)
        said = []
        for number in range(FOLDS):
            rows, held = np.flatnonzero(fold != number), latest[fold[latest] == number]
            if len(held) and 0 < left[rows].sum() < len(rows):
                said.append((held, self._said(values, left, days, ids, rows, held)))
        if not said:
            return np.empty((0, 0)), np.empty(0, dtype=np.int64)
        return np.vstack([odds for _, odds in said]), np.concatenate([held for held, _ in said])

    def _said(
        self,
        values: Floats,
        left: Floats,
        days: NDArray[np.int64],
        ids: Any,
        known: NDArray[np.int64],
        unseen: NDArray[np.int64],
    ) -> Floats:
        learners = self._learners(values[known], left[known], days[known], ids[known])
        return _odds(learners, values[unseen])


def _odds(learners: Sequence[Learner], values: Floats) -> Floats:
    """The log-odds that each learner says, a column each."""
    return np.column_stack([each.base + each.parts(values).sum(axis=1) for each in learners])


def _both_sides(rows: pd.DataFrame) -> bool:
    return _enough(rows["churned"].to_numpy(dtype=float), rows["customer_id"].to_numpy())


def _enough(left: Floats, ids: Any) -> bool:
    """Whether enough different customers left, and enough stayed."""
    return all(len(np.unique(ids[left == side])) >= ENOUGH for side in (0.0, 1.0))
