"""Which campaigns who responds can be learnt from, or why there is none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from retention_lib.decisions._uplift_facts import UpliftFacts
from retention_lib.errors import ChoiceError

if TYPE_CHECKING:
    from retention_lib.base.customer_base import CustomerBase
    from retention_lib.decisions.past_campaigns import PastEffectsResult
    from retention_lib.wording import Wording

FEWEST = 200
"""With fewer customers than this in either group nothing is learnt."""
FEWEST_CASES = 20
"""Nor with fewer buyers, or fewer who did not buy, in either group."""


def choose(
    base: CustomerBase, past: PastEffectsResult, campaign_id: str | None
) -> tuple[dict[str, int], str]:
    """The campaigns to learn from with the days they are followed, or why there is none."""
    w, table = base.wording, past.table
    if campaign_id is not None:
        known = table["campaign_id"].tolist()
        if campaign_id not in known:
            raise ChoiceError("campaign_id", campaign_id, known)
        table = table[table["campaign_id"] == campaign_id]
    if table.empty:
        return {}, w.say("uplift.none", fewest=FEWEST)
    drawn = table[table["reading_code"] == "effect"]
    if drawn.empty:
        why = w.listing(list(dict.fromkeys(table["reading"])))
        return {}, w.say("uplift.not_drawn", campaigns=len(table), why=why, fewest=FEWEST)
    smaller = drawn[["treated", "control"]].min(axis=1)
    enough = drawn[smaller >= FEWEST]
    if enough.empty:
        most = int(smaller.max())
        return {}, w.say("uplift.too_few", most=most, fewest=FEWEST)
    latest = enough.iloc[-1]
    alike = enough[(enough["offer"] == latest["offer"]) & (latest["offer"] != "")]
    if alike.empty:
        alike = enough.tail(1)
    return dict(zip(alike["campaign_id"], alike["days"].astype(int), strict=True)), ""


def too_few(facts: UpliftFacts, w: Wording) -> str:
    """Why the rows teach nothing; empty where they do."""
    cases = [
        int((facts.bought[facts.treated == group] == did).sum())
        for group in (0, 1)
        for did in (0, 1)
    ]
    if min(cases) >= FEWEST_CASES:
        return ""
    return w.say("uplift.too_few_cases", least=min(cases), fewest=FEWEST_CASES)
