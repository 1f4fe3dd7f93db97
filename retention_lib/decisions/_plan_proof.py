"""What a plan will be able to prove with the customers it holds back, and when."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from retention_lib.decisions._holdout_power import detectable, needed
from retention_lib.decisions._plan_draft import Draft, taken_of
from retention_lib.decisions._plan_facts import Numbers
from retention_lib.decisions._plan_holdout import held_back, in_the_draw, share_held
from retention_lib.decisions._plan_table import total_of
from retention_lib.decisions.past_campaigns import FEWEST as COMPARED
from retention_lib.results import Result
from retention_lib.scoring._lifetime_results import about
from retention_lib.wording import with_minus

if TYPE_CHECKING:
    import pandas as pd

_UNKNOWN = 0.5
SIZES = (0.1, 0.2, 0.3, 0.5)
"""Shares held back that stand beside that of the plan."""
FEWEST = 2
"""Customers in either group, without whom nothing can be compared."""


@dataclass(frozen=True, repr=False, eq=False)
class PlanProof(Result):
    """One row a size of control group: that of this plan first, then others beside it.

    Columns: ``plan`` (in words)``, treated, control`` (customers)``, share`` (of them buying in
    the days looked at without the plan)``, expected`` (rise of that share the plan should
    bring)``, detectable`` (the smallest rise it can prove)``, needed`` (customers who would prove
    the expected one with as large a control group; infinite where none is expected)``, days``
    (looked at)``, ready`` (the day it can be told)``, given_up, given_low, given_high`` (expected
    profit of those held back) and ``held_share`` (the share asked for).

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
    hidden: ClassVar[tuple[str, ...]] = ("held_share",)
    known: bool = field(kw_only=True)
    usual: bool = field(kw_only=True)

    def sentence(self) -> str:
        """What can be proved, when, and at what price; and what half held back would prove."""
        w, row = self.wording, self.table.iloc[0]
        if row["control"] < FEWEST or row["treated"] < FEWEST:
            drawn = int(row["control"] + row["treated"])
            if not drawn:
                return w.say("plan.proof.empty")
            if self.usual and drawn:
                return w.say("plan.proof.few", customers=drawn)
            return w.say("plan.proof.none", control=int(row["control"]))
        words: dict[str, object] = {
            "control": int(row["control"]),
            "ready": w.date(row["ready"]),
            "cost": with_minus(about(float(row["given_up"]), w)),
            "low": with_minus(about(float(row["given_low"]), w)),
            "high": with_minus(about(float(row["given_high"]), w)),
            "detectable": self._points(row, "detectable"),
            "expected": self._points(row, "expected"),
            "days": int(row["days"]),
        }
        if min(row["control"], row["treated"]) < COMPARED or math.isnan(row["detectable"]):
            return w.say("plan.proof.too_few", **words)
        enough = row["expected"] >= row["detectable"]
        key = "enough" if enough else "not_enough"
        if not enough and math.isfinite(row["needed"]):
            key = "more_needed"
            words["needed"] = int(row["needed"])
        said = w.say(f"plan.proof.{key}", **words)
        return said if enough else " ".join([said, *self._half(row)])

    def _half(self, own: pd.Series[Any]) -> list[str]:
        """What half of them held back would prove, where that is more."""
        half = self.table[self.table["held_share"] == SIZES[-1]]
        if half.empty or not half["detectable"].iloc[0] < 0.95 * own["detectable"]:
            return []
        row, w = half.iloc[0], self.wording
        cost = w.say(
            "plan.proof.range",
            likely=with_minus(about(float(row["given_up"]), w)),
            low=with_minus(about(float(row["given_low"]), w)),
            high=with_minus(about(float(row["given_high"]), w)),
        )
        found = self._points(row, "detectable")
        return [w.say("plan.proof.half", control=int(row["control"]), detectable=found, cost=cost)]

    def _points(self, row: pd.Series[Any], name: str) -> str:
        return self.wording.number(100 * float(row[name]), decimals=1)


def proof_of(draft: Draft) -> PlanProof:
    """What control groups of several sizes can prove, that of the plan first."""
    import pandas as pd

    facts, settings, w = draft.facts, draft.settings, draft.facts.base.wording
    drawn = in_the_draw(draft)
    who = draft.options.customer[draft.chosen[drawn]]
    leaves = facts.chance[who]
    known = bool(np.isfinite(leaves).any())
    # Whoever is lost already hardly ever buys again unasked.
    share = 1 - float(np.where(np.isnan(leaves), 1.0, leaves).mean()) if known else _UNKNOWN
    expected = _expected(draft, who)
    end: date = settings.start + timedelta(days=7 * settings.weeks - 1)
    ready = end + timedelta(days=facts.horizon_days)
    own = share_held(draft)
    rows = []
    for place, part in enumerate([own, *(size for size in SIZES if size != own)]):
        held = held_back(draft, part)
        spared, treated = int(held.sum()), int(drawn.sum() - held.sum())
        both = spared and treated
        wanted = needed(share, expected, spared / len(who)) if both and expected > 0 else math.inf
        cost = total_of(draft, taken_of(draft, draft.chosen[held]))
        size = w.say("plan.proof.other", share=w.percent(part, decimals=0))
        rows.append(
            {
                "plan": size if place else w.say("plan.proof.this"),
                "treated": treated,
                "control": spared,
                "share": share,
                "expected": expected,
                "detectable": detectable(treated, spared, min(share, 1 - 1e-9)),
                "needed": wanted,
                "days": facts.horizon_days,
                "ready": ready,
                "given_up": cost.likely,
                "given_low": cost.low,
                "given_high": cost.high,
                "held_share": part,
            }
        )
    made = {
        "proof_power": w.say("plan.proof.power"),
        "proof_share": w.say("plan.proof.share_known" if known else "plan.proof.share_assumed"),
    }
    table = pd.DataFrame(rows)
    usual = settings.hold_out is None
    return PlanProof(table, wording=w, assumptions=made, known=known, usual=usual)


def _expected(draft: Draft, who: Numbers) -> float:
    """How much the share of those customers who go on buying should rise, on average."""
    taken, facts = draft.steps_taken, draft.facts
    worth = facts.value[taken.customer]
    brought = np.maximum(taken.profit + taken.cost, 0.0)
    saved = np.divide(brought, worth, out=np.zeros(len(worth)), where=worth > 0)
    rise = np.bincount(taken.customer, weights=np.minimum(saved, 1.0), minlength=len(facts))
    return float(rise[who].mean()) if len(who) else 0.0
