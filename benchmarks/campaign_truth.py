"""A plan carried out and played in a known world: what was measured beside what was true."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import retention_lib as rl
from retention_lib.base.simulate_played import Played, played
from retention_lib.decisions._lots import held_by_lot

HOLD_OUTS = (0.1, 0.2, 0.3, 0.5)
DONE = 0.9
"""Of the planned actions so many are really done: everybody counts where the lot had put it."""
COST = 2.0
CAMPAIGN = "PLAYED-01"
SELECTIONS = {"mildly": 0.25, "clearly": 1.0, "strongly": 4.0}
"""How much what a customer brought decides who is contacted, in standard deviations of chance."""
GOOD_TO_ALL: Mapping[str, Any] = {
    "campaign_persuaded": (0.7, 0.7, 0.7, 0.7),
    "campaign_save_rates": (0.5, 0.5, 0.5, 0.5),
}


@dataclass(frozen=True, eq=False)
class World:
    """A simulated base, what is behind it, and the plan made for it."""

    seed: int
    base: rl.CustomerBase
    truth: Any
    plan: rl.PlanResult
    spent: pd.Series[float]
    """What each customer who may be contacted brought in the last year."""


def known_world(seed: int, customers: int = 2_500) -> World:
    """A base and a plan with money and time for everybody whom contacting pays.

    In every other pair of worlds contact does good to all customers and not to small ones only.
    """
    does_good = GOOD_TO_ALL if seed // 2 % 2 else {}
    base, truth = rl.simulate_base(
        customers, seed=seed, years=3, kind=("b2b", "b2c")[seed % 2], language="en", **does_good
    )
    plan = rl.make_plan(base, budget=50_000, hours_per_week=60, hold_out=0.2)
    there = set(truth.contact_effects["customer_id"])
    value = rl.measure_value(base).to_frame().set_index("customer_id")["revenue"]
    return World(seed, base, truth, plan, value[value.index.isin(there)])


def carried_out(world: World, hold_out: float, seed: int, effect: float) -> Played:
    """The plan with new lots, written to a file, filled in, read back and played."""
    plan = world.plan.again(hold_out=hold_out, seed=f"closed loop {seed}")
    rng = np.random.default_rng([3, seed])
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "plan.csv")
        plan.to_csv(file)
        rows = pd.read_csv(file, dtype=str, encoding="utf-8-sig")
        doers = rows["customer_id"].unique()
        busy = set(doers[rng.random(len(doers)) < DONE])
        rows["done"] = np.where(rows["customer_id"].isin(busy), "yes", "no")
        rows.to_csv(file, index=False, encoding="utf-8-sig")
        outcomes = rl.read_outcomes(file, plan=plan)
    start = date.fromisoformat(str(min(outcomes.table["date"]))[:10])
    told = outcomes.add_to(world.base)
    return played(told, world.truth, sorted(busy), seed=seed, start=start, effect=effect)


def by_lot(world: World, customers: Sequence[str], held: float, seed: int, effect: float) -> Played:
    """A campaign among these customers with a control group drawn by lot."""
    control = held_by_lot(list(customers), held, seed=seed)
    return _groups(world, np.asarray(customers), ~control, seed, effect)


def selected(world: World, weight: float, seed: int) -> Played:
    """A campaign without any effect that went to the better half of the customers."""
    rng = np.random.default_rng([5, seed])
    rank = world.spent.rank().to_numpy()
    score = weight * (rank - rank.mean()) / rank.std() + rng.standard_normal(len(rank))
    return _groups(world, world.spent.index.to_numpy(), score > np.median(score), seed, 0.0)


def _groups(world: World, customers: Any, treated: Any, seed: int, effect: float) -> Played:
    return played(
        world.base,
        world.truth,
        customers[treated].tolist(),
        customers[~treated].tolist(),
        seed=seed,
        campaign_id=CAMPAIGN,
        cost=COST,
        effect=effect,
    )


def judged(later: Played, campaign_id: str, done: float = 1.0) -> dict[str, Any]:
    """What was measured, and what was true, of one campaign."""
    found = rl.measure_campaign(later.base, campaign_id)
    groups = later.base.to_pandas("campaigns")
    groups = groups[groups["campaign_id"] == campaign_id]
    treated = int((groups["group"] == "treated").sum())
    row: dict[str, Any] = {
        "treated": treated,
        "control": len(groups) - treated,
        "verdict": found.verdict_code,
    }
    margin = done * later.effect(groups["customer_id"], "margin")
    row["true_net"] = margin * treated - float(groups["cost"].fillna(0).sum())
    if not isinstance(found, rl.decisions.campaigns.CampaignResult):
        return row
    for outcome in ("buyers", "revenue", "margin"):
        true = done * later.effect(groups["customer_id"], outcome)
        row[f"{outcome}_true"] = true
        for method in ("plain", "adjusted"):
            told = found.effect(outcome, method=method)
            row |= {
                f"{outcome}_{method}": told.value,
                f"{outcome}_{method}_low": told.low,
                f"{outcome}_{method}_high": told.high,
            }
        told = found.effect(outcome)
        row |= {
            f"{outcome}_used": told.value,
            f"{outcome}_used_low": told.low,
            f"{outcome}_used_high": told.high,
        }
    return row


def runs(world: World, first: int, count: int) -> list[dict[str, Any]]:
    """So many runs of every kind of campaign in one world, one row each."""
    rows: list[dict[str, Any]] = []
    everybody = world.spent.index.tolist()
    for seed in range(first, first + count):
        held = HOLD_OUTS[seed % len(HOLD_OUTS)]
        own = {"world": world.seed, "seed": seed, "held": held}
        for kind, effect in (("plan", 1.0), ("plan without effect", 0.0)):
            later = carried_out(world, held, seed, effect)
            code = world.plan.again(hold_out=held, seed=f"closed loop {seed}").plan_id
            rows.append(own | {"kind": kind} | judged(later, code, DONE))
        for kind, effect in (("everybody", 1.0), ("everybody without effect", 0.0)):
            later = by_lot(world, everybody, held, seed, effect)
            rows.append(own | {"kind": kind} | judged(later, CAMPAIGN))
        for kind, weight in SELECTIONS.items():
            rows.append(own | {"kind": kind} | judged(selected(world, weight, seed), CAMPAIGN))
    return rows
