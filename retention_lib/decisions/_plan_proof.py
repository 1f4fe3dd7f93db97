"""What a plan will be able to prove with the customers it holds back, and when."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from retention_lib.decisions._holdout_power import detectable, needed
from retention_lib.decisions._journey_steps import JOURNEYS
from retention_lib.decisions._plan_draft import Draft
from retention_lib.decisions.ranges import Range
from retention_lib.results import Result
from retention_lib.scoring._lifetime_results import about
from retention_lib.wording import with_minus

if TYPE_CHECKING:
    import pandas as pd

_HOT = JOURNEYS.index("hot")
_UNKNOWN = 0.5
FEWEST = 2
"""Customers in either group, without whom nothing can be compared."""


@dataclass(frozen=True, repr=False, eq=False)
class PlanProof(Result):
    """One row.

    Columns: ``treated, control`` (customers), ``share`` (of them buying in the days looked at
    without the plan)``, expected`` (rise of that share the plan should bring)``, detectable`` (the
    smallest rise it can prove)``, needed`` (customers who would prove the expected one with as
    large a control group; infinite where none is expected)``, days`` (looked at)``, ready`` (the
    day it can be told)``, given_up, given_low, given_high`` (expected profit of those held back).

    80 times in 100 such a rise is proved if it is there, with 5 % to see one where there is none.
    """

    formats: ClassVar[Mapping[str, str]] = {
        "treated": "count",
        "control": "count",
        "share": "percent",
        "expected": "percent",
        "detectable": "percent",
        "needed": "count",
        "days": "count",
        "given_up": "money",
        "given_low": "money",
        "given_high": "money",
    }
    known: bool = field(kw_only=True)

    def sentence(self) -> str:
        """What can be proved, when, and at what price."""
        w, row = self.wording, self.table.iloc[0]
        if row["control"] < FEWEST or row["treated"] < FEWEST:
            return w.say("plan.proof.none", control=int(row["control"]))
        words: dict[str, object] = {
            "control": int(row["control"]),
            "ready": w.date(row["ready"]),
            "cost": with_minus(about(float(row["given_up"]), w)),
            "low": with_minus(about(float(row["given_low"]), w)),
            "high": with_minus(about(float(row["given_high"]), w)),
            "detectable": self._points("detectable"),
            "expected": self._points("expected"),
            "days": int(row["days"]),
        }
        if not math.isfinite(float(row["detectable"])):
            return w.say("plan.proof.too_few", **words)
        enough = row["expected"] >= row["detectable"]
        key = "enough" if enough else "not_enough"
        if not enough and math.isfinite(row["needed"]):
            key = "more_needed"
            words["needed"] = int(row["needed"])
        return w.say(f"plan.proof.{key}", **words)

    def _points(self, name: str) -> str:
        return self.wording.number(100 * float(self.table[name].iloc[0]), decimals=1)


def proof_of(draft: Draft, actions: pd.DataFrame, held: pd.DataFrame, given_up: Range) -> PlanProof:
    """What the control group of a plan can prove."""
    import pandas as pd

    facts, settings = draft.facts, draft.settings
    explored = actions.loc[actions["purpose"] == "explore", "customer_id"]
    ids = set(actions["customer_id"]) - set(explored)
    planned = facts.customer_id.isin(ids).to_numpy() & (facts.journey != _HOT)
    control = facts.customer_id.isin(held["customer_id"]).to_numpy()
    both = planned | control
    leaves = facts.chance[both]
    known = bool(len(leaves)) and bool(np.isfinite(leaves).any())
    share = 1 - float(np.nanmean(leaves)) if known else _UNKNOWN
    treated, spared = int(planned.sum()), int(control.sum())
    expected = _expected(draft, both)
    can = detectable(treated, spared, min(share, 1 - 1e-9)) if spared and treated else math.nan
    part = spared / (treated + spared) if spared and treated else 0.0
    wanted = needed(share, expected, part) if expected > 0 and part else math.inf
    end: date = settings.start + timedelta(days=7 * settings.weeks - 1)
    ready = end + timedelta(days=facts.horizon_days)
    row = {
        "treated": treated,
        "control": spared,
        "share": share,
        "expected": expected,
        "detectable": can,
        "needed": wanted,
        "days": facts.horizon_days,
        "ready": ready,
        "given_up": given_up.likely,
        "given_low": given_up.low,
        "given_high": given_up.high,
    }
    w = facts.base.wording
    made = {
        "proof_power": w.say("plan.proof.power"),
        "proof_share": w.say("plan.proof.share_known" if known else "plan.proof.share_assumed"),
    }
    return PlanProof(pd.DataFrame([row]), wording=w, assumptions=made, known=known)


def _expected(draft: Draft, who: np.ndarray) -> float:
    """How much the share of those customers who go on buying should rise, on average."""
    taken, facts = draft.steps_taken, draft.facts
    worth = facts.value[taken.customer]
    brought = np.maximum(taken.profit + taken.cost, 0.0)
    saved = np.divide(brought, worth, out=np.zeros(len(worth)), where=worth > 0)
    rise = np.bincount(taken.customer, weights=np.minimum(saved, 1.0), minlength=len(facts))
    return float(rise[who].mean()) if who.any() else 0.0
