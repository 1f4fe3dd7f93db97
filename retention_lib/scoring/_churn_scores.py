"""Scores of a base's customers: how likely each is to leave, and why."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

import narwhals as nw
import numpy as np

from retention_lib import progress
from retention_lib.base import engine
from retention_lib.base.customer_base import CustomerBase
from retention_lib.errors import DataWarning
from retention_lib.results import Listing, Result
from retention_lib.scoring._churn_learners import Floats, log_odds_of, probability_of
from retention_lib.scoring._churn_needs import check_supplied
from retention_lib.scoring.drift import DriftResult, check_drift
from retention_lib.scoring.reasons import explain, reasons_long
from retention_lib.scoring.snapshots import take_snapshots

if TYPE_CHECKING:
    import pandas as pd

    from retention_lib.scoring.churn import ChurnModel
    from retention_lib.wording import Wording

LIKELY = 0.5
"""More likely to leave than to stay."""

_TWO_SIDED = 1.96


def score_customers(model: ChurnModel, base: CustomerBase) -> ChurnScores:
    """Score every customer active on ``base.as_of``; see :meth:`ChurnModel.score`."""
    check_supplied(model, base)
    with progress.steps(base.wording, "score", total=2) as step:
        step("today")
        seen = take_snapshots(base, horizon_days=model.horizon_days).eligible()
        drift = check_drift(model.profile, seen, base.wording)
        if drift.drifted:
            warnings.warn(drift.sentence(), DataWarning, stacklevel=4)
        step("reasons", customers=len(seen))
        table, parts = scored_rows(model, seen, base.wording)
    ids = table["customer_id"].to_numpy(dtype=object)
    order = np.lexsort((ids, -table["churn_probability"]))
    seen = seen.assign(churn_probability=table["churn_probability"])
    table, seen = (frame.iloc[order].reset_index(drop=True) for frame in (table, seen))
    parts = parts[order]
    return ChurnScores(
        _named(base, table),
        wording=base.wording,
        assumptions={**model.assumptions, "as_of": base.as_of},
        horizon_days=model.horizon_days,
        features=model.features,
        seen=seen,
        parts=parts,
        typical=model.profile.typical,
        drift=drift,
        spread=float(model.trained_on["spread"]),
    )


def scored_rows(
    model: ChurnModel, seen: pd.DataFrame, wording: Wording
) -> tuple[pd.DataFrame, Floats]:
    """Probability, reasons and annual revenue of each row of ``seen``, and what made them.

    The second is what each feature adds to the log-odds, one column a feature.
    """
    parts, level = model.classifier.contributions(seen)
    seen = seen.assign(churn_probability=probability_of(level + parts.sum(axis=1)))
    told = explain(
        seen,
        parts,
        model.features,
        wording=wording,
        horizon_days=model.horizon_days,
        typical=model.profile.typical,
    )
    table = seen[["customer_id", "churn_probability"]].assign(
        reasons=told["reasons"], annual_revenue=seen["spend_365"]
    )
    return table, parts


@dataclass(frozen=True, repr=False, eq=False)
class ChurnScores(Result):
    """Customers active on a date, the most likely to leave first; made by ``model.score(base)``.

    Columns: ``customer_id``, ``name`` where the customers table has one, ``churn_probability``
    (of no purchase within ``horizon_days``; with a contract: of closing it), ``reasons`` (at most
    three, in words, with the points of probability each adds or takes) and ``annual_revenue``
    (of the 365 days up to the date). ``drift`` tells whether the customers still look like those
    that the model learnt from. ``seen`` and ``parts`` are the features and, in the same order,
    what each adds to the log-odds.
    """

    chart: ClassVar[str] = "churn_charts.plot_scores"
    hidden: ClassVar[tuple[str, ...]] = ("annual_revenue",)
    formats: ClassVar[Mapping[str, str]] = {
        "churn_probability": "percent",
        "annual_revenue": "money",
    }

    horizon_days: int = field(kw_only=True)
    features: tuple[str, ...] = field(kw_only=True)
    seen: pd.DataFrame = field(kw_only=True)
    parts: Floats = field(kw_only=True)
    typical: Mapping[str, tuple[float, float]] = field(kw_only=True)
    drift: DriftResult = field(kw_only=True)
    spread: float = field(kw_only=True)

    def expected(self) -> tuple[float, float, float]:
        """How many are expected to leave, with the range that holds the true number 19 times of 20.

        The range allows for chance, and for the level of leaving straying as it did from one
        training date to the next.
        """
        probability = self.table["churn_probability"].to_numpy(dtype=float)
        expected = float(probability.sum())
        chance = float((probability * (1 - probability)).sum())
        odds = log_odds_of(probability)
        ends = []
        for side in (-1.0, 1.0):
            moved = 1 / (1 + np.exp(-(odds + side * _TWO_SIDED * self.spread)))
            half = np.hypot(float(moved.sum()) - expected, _TWO_SIDED * np.sqrt(chance))
            ends.append(float(np.clip(expected + side * half, 0.0, len(probability))))
        return expected, ends[0], ends[1]

    def sentence(self) -> str:
        """How many are scored, expected to leave, and more likely to leave than to stay."""
        w, count = self.wording, len(self.table)
        if not count:
            return w.say("churn.scores_empty")
        expected, low, high = self.expected()
        likely = int((self.table["churn_probability"] > LIKELY).sum())
        return w.say(
            f"churn.scores.{self._kinds()}",
            customers=count,
            expected=round(expected),
            low=int(np.floor(low)),
            high=int(np.ceil(high)),
            likely=likely,
            horizon=self.horizon_days,
        )

    def _kinds(self) -> str:
        """Whether these customers have contracts, whose leaving means something else."""
        bound = self.seen["is_contract"] == 1 if "is_contract" in self.seen else None
        if bound is None or not bound.any():
            return "free"
        return "bound" if bound.all() else "mixed"

    def reasons(self) -> Listing:
        """The reasons one row each, to count and to filter; see :func:`reasons_long`."""
        long = reasons_long(
            self.seen,
            self.parts,
            self.features,
            wording=self.wording,
            horizon_days=self.horizon_days,
            typical=self.typical,
        )
        first = long[long["rank"] == 1]
        raising = first[first["direction"] == "raises"]
        if first.empty:
            said = self.wording.say("churn.reasons_none")
        else:
            key = "churn.reasons" if len(raising) else "churn.reasons_lower"
            first = raising if len(raising) else first
            counts = first["family"].value_counts()
            said = self.wording.say(
                key,
                family=str(counts.index[0]),
                count=int(counts.iloc[0]),
                of=len(first),
            )
        return _Reasons(long, wording=self.wording, said=said)

    def drivers(self) -> Listing:
        """What sets these customers apart, family by family: how far it moves the risk on average.

        Columns: ``family`` in words, ``log_odds`` (mean distance from the average customer, in
        log-odds), ``share`` of all of them, ``family_code``. Largest first.
        """
        return _drivers(self)


@dataclass(frozen=True, repr=False, eq=False)
class _Reasons(Listing):
    hidden: ClassVar[tuple[str, ...]] = ("family_code", "direction", "effect_log_odds")
    formats: ClassVar[Mapping[str, str]] = {"effect_points": "decimal"}


@dataclass(frozen=True, repr=False, eq=False)
class _Drivers(Listing):
    hidden: ClassVar[tuple[str, ...]] = ("family_code", "log_odds")
    formats: ClassVar[Mapping[str, str]] = {"share": "percent"}


def _drivers(scores: ChurnScores) -> Listing:
    import pandas as pd

    from retention_lib.scoring.features import BY_NAME

    w, moved = scores.wording, {}
    families = [BY_NAME[name].family for name in scores.features]
    for family in dict.fromkeys(families):
        own = [place for place, each in enumerate(families) if each == family]
        total = scores.parts[:, own].sum(axis=1)
        moved[family] = float(np.abs(total).mean()) if len(total) else 0.0
    whole = sum(moved.values())
    table = pd.DataFrame(
        {
            "family": [w.say(f"reasons.family.{family}") for family in moved],
            "log_odds": list(moved.values()),
            "share": [size / whole if whole else 0.0 for size in moved.values()],
            "family_code": list(moved),
        }
    )
    table = table.sort_values("log_odds", ascending=False, kind="stable", ignore_index=True)
    top = table.iloc[0]
    said = w.say("churn.drivers", family=top["family"], share=w.percent(top["share"], decimals=0))
    return _Drivers(table, wording=w, said=said if whole else w.say("churn.reasons_none"))


def _named(base: CustomerBase, table: pd.DataFrame) -> pd.DataFrame:
    """The table with the customers' names, where the base knows any."""
    if not base.has("customers", "name"):
        return table
    listed = base.visible("customers").select("customer_id", "name")
    names = engine.collect(listed.group_by("customer_id").agg(nw.col("name").min()))
    known = names.set_index("customer_id")["name"]
    table.insert(1, "name", table["customer_id"].map(known))
    return table
