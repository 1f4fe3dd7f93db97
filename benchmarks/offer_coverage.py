"""Does the forecast profit of an offer come true, and does its targeting pay? Known worlds.

``python benchmarks/offer_coverage.py [RUNS] [FIRST_SEED] [FILE.csv ...]`` prints the tables of
``docs/offer-coverage.md``. A file that is not there gets one row a run; of files that are there
nothing is run, and their rows are summed up together.

Each run simulates a base of four years (b2b and b2c in turn, 2,000 to 3,800 customers ever, three
bases of eight with contracts in part), shows the library its first three and an offer drawn at
random, and plays the fourth year: who would have left is who bought nothing in it or closed the
account in it. Of those contacted who would have left, each stays with the true save rate, takes the
incentive and brings the margin that was truly to be expected of it (for what was left of the year
when it closed its account), discounted like the library's values; those who would have stayed
take the incentive too. In half of the runs the offer knows the save rate, in the other half only
the range that the true one is drawn from.
"""

from __future__ import annotations

import math
import sys
import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import retention_lib as rl
from retention_lib.base import engine
from retention_lib.decisions.offers import OfferResult, gather_facts, weigh_offer
from retention_lib.decisions.ranges import Range
from retention_lib.portfolio.intervals import share_interval

AHEAD = 365
RATE = 0.10
NAIVE = ("everybody", "riskiest", "most_valuable", "random")
Values = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class Truth:
    """What would have happened in the year ahead without contact, one value a customer."""

    left: Values
    """Bought nothing in the year, or closed the account in it."""
    worth: Values
    """What the customer brings in the rest of the year if it is kept after all."""

    def profit(self, treated: Values, offer: rl.Offer, kept: Values) -> float:
        """The profit of contacting these, when those of ``kept`` stay who would have left.

        ``kept`` may be probabilities: the profit is then that to be expected.
        """
        saved = self.left * kept * (self.worth - offer.incentive * offer.taken_by_saved)
        stayed = (1 - self.left) * offer.incentive * offer.taken_by_stayers
        return float(((saved - stayed - offer.contact_cost) * treated).sum() - offer.fixed_cost)


def discounted(days: float) -> float:
    """What an even stream over so many days is worth at its beginning, as a share of its sum."""
    force = math.log1p(RATE) / 365
    return -math.expm1(-force * days) / (force * days)


def known_world(seed: int) -> tuple[rl.CustomerBase, rl.CustomerBase, Any]:
    """A base of four years, the same seen after three, and its truth."""
    share = 0.15 if seed % 4 == 3 or seed % 8 == 4 else 0.0
    whole, truth = rl.simulate_base(
        2_000 + seed * 37 % 10 * 200,
        seed=seed,
        years=4,
        kind=("b2b", "b2c")[seed % 2],
        contracts_share=share,
        language="en",
        # Nothing but the customers themselves may change the year that is played.
        planted_share=0.0,
        campaign_days_before_end=AHEAD + 270,
        club_days_before_end=AHEAD + 470,
    )
    return whole, whole.at(whole.as_of - timedelta(days=AHEAD)), truth


def forecast(base: rl.CustomerBase) -> Any:
    """Scores and values of the year ahead."""
    scores = rl.fit_churn(base, horizon_days=AHEAD, too_little="say").score(base)
    return scores, rl.value_customers(base, horizon_days=AHEAD, discount_rate=RATE)


def what_came(whole: rl.CustomerBase, truth: Any, start: int, ids: pd.Series[Any]) -> Truth:
    """The truth of the customers ``ids`` in the year after day ``start``."""
    bought = engine.collect(whole.purchases().select("customer_id", "day"))
    buyers = set(bought.loc[bought["day"] > start, "customer_id"])
    closed = engine.collect(whole.visible("customers").select("customer_id", "closed_on_day"))
    closed_day = ids.map(closed.set_index("customer_id")["closed_on_day"].astype(float))
    known = truth.customers.set_index("customer_id")
    contract = ids.map(known["is_contract"]).to_numpy(dtype=bool)
    annual = ids.map(known["expected_annual_margin"]).to_numpy(dtype=float)
    silent = ~ids.isin(buyers).to_numpy() & ~contract
    ends = (closed_day.to_numpy() > start) & (closed_day.to_numpy() <= start + AHEAD)
    rest = np.where(ends, 1 - (closed_day.to_numpy() - start) / AHEAD, 0.0)
    rest = np.where(silent, 1.0, rest)
    worth = annual * AHEAD / 365 * discounted(AHEAD) * rest
    return Truth((silent | ends).astype(float), worth)


def an_offer(seed: int, value: float) -> tuple[rl.Offer, float]:
    """An offer of a kind that pays for some customers, and the save rate that it truly has."""
    rng = np.random.default_rng([7, seed])
    likely = rng.uniform(0.10, 0.35)
    spread = Range(0.5 * likely, likely, 1.6 * likely)
    known = seed // 2 % 2 == 0
    true = likely if known else float(np.clip(spread.at(rng.standard_normal()), -1, 1))
    offer = rl.Offer(
        contact_cost=rng.uniform(0.005, 0.04) * value,
        incentive=rng.uniform(0.01, 0.10) * value,
        save_rate=likely if known else spread,
        taken_by_stayers=rng.uniform(0.5, 1.0),
    )
    return offer, true


def play(seed: int) -> dict[str, Any]:
    """One run: the forecast beside what came, and the naive choices on the same luck."""
    whole, base, truth = known_world(seed)
    scores, worth = forecast(base)
    facts = gather_facts(base, horizon_days=AHEAD, scores=scores, worth=worth)
    offer, true = an_offer(seed, float(np.mean(facts.value)))
    result: OfferResult = weigh_offer(facts, offer)
    came = what_came(whole, truth, base.as_of_day, pd.Series(facts.customer_id))
    treated = treated_of(result, facts)
    count, size = int(treated.sum()), len(treated)
    lucky = (np.random.default_rng([11, seed]).random(size) < true).astype(float)
    rows = {
        "seed": seed,
        "kind": ("b2b", "b2c")[seed % 2],
        "known": seed // 2 % 2 == 0,
        "customers": size,
        "treated": count,
        "forecast": result.total,
        "low": result.low,
        "high": result.high,
        "came": came.profit(treated, offer, lucky),
        "leavers": float(came.left[treated > 0].sum()),
        "leavers_forecast": float(facts.probability[treated > 0].sum()),
        "value": float(came.worth[(treated > 0) & (came.left > 0)].mean()) if count else np.nan,
        "value_forecast": float(
            np.average(facts.value[treated > 0], weights=facts.probability[treated > 0])
        )
        if count
        else np.nan,
    }
    chosen = {"ours": treated, "everybody": np.ones(size)}
    for name, order in (("riskiest", facts.riskiest), ("most_valuable", facts.most_valuable)):
        chosen[name] = np.isin(np.arange(size), order[:count]).astype(float)
    chosen["random"] = np.full(size, count / size)
    for name, who in chosen.items():
        rows[f"{name}_expected"] = came.profit(who, offer, np.full(size, true))
        rows[f"{name}_came"] = came.profit(who, offer, lucky)
    return rows


def treated_of(result: OfferResult, facts: Any) -> Values:
    """1 for whom the plan contacts, in the order of the facts."""
    plan = result.to_frame().set_index("customer_id")["treat"]
    who: Values = pd.Series(facts.customer_id).map(plan).to_numpy(dtype=float)
    return who


def say_coverage(table: pd.DataFrame, name: str) -> str:
    """One line: how often the range held what came, and how far the forecast was out."""
    held = (table["low"] <= table["came"]) & (table["came"] <= table["high"])
    low, high = share_interval(int(held.sum()), len(table))
    below = (table["came"] < table["low"]).mean()
    total = table["came"].sum() / table["forecast"].sum() - 1
    return (
        f"| {name} | {len(table)} | {held.mean():.1%} ({low:.0%} to {high:.0%}) | {below:.1%} "
        f"| {(table['came'] > table['high']).mean():.1%} | {total:+.1%} "
        f"| {((table['high'] - table['low']) / table['forecast']).median():.0%} |"
    )


def main() -> None:
    """Play the runs, or read them where they were played already, and print the tables."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    first = int(sys.argv[2]) if len(sys.argv) > 2 else 1_000
    files = [Path(name) for name in sys.argv[3:]]
    there = [file for file in files if file.exists()]
    if there:
        table = pd.concat([pd.read_csv(file) for file in there], ignore_index=True)
    else:
        started = time.perf_counter()
        rows = []
        for seed in range(first, first + runs):
            rows.append(play(seed))
            if files:
                pd.DataFrame(rows).to_csv(files[0].with_suffix(".part"), index=False)
        table = pd.DataFrame(rows)
        if files:
            files[0].with_suffix(".part").replace(files[0])
        print(f"{time.perf_counter() - started:.0f} s", file=sys.stderr)
    tell(table)


def tell(table: pd.DataFrame) -> None:
    """Print coverage and ranking."""
    plans = table[table["treated"] > 0]
    print("| runs | number | held | came below | came above | came against forecast | width |")
    print("|---|---|---|---|---|---|---|")
    print(say_coverage(plans, "all with a plan"))
    for column, names in (("known", {True: "save rate known", False: "save rate a range"}),
                          ("kind", {"b2b": "b2b", "b2c": "b2c"})):  # fmt: skip
        for value, name in names.items():
            print(say_coverage(plans[plans[column] == value], name))
    print(f"\nContact nobody: {len(table) - len(plans)} of {len(table)} runs.\n")
    print("| against | more, expected | as much | more, with luck | profit of ours | theirs |")
    print("|---|---|---|---|---|---|")
    for name in NAIVE:
        gain = table["ours_expected"] - table[f"{name}_expected"]
        same = gain.abs() < 1e-6
        lucky = table["ours_came"] - table[f"{name}_came"] > -1e-6
        print(
            f"| {name} | {((gain > 0) & ~same).mean():.1%} | {same.mean():.1%} "
            f"| {lucky.mean():.1%} | {table['ours_expected'].mean():,.0f} "
            f"| {table[f'{name}_expected'].mean():,.0f} |"
        )


if __name__ == "__main__":
    main()
