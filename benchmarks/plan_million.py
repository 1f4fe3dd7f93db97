"""The whole plan for very many customers with journeys made up: seconds, gigabytes, gap.

``python benchmarks/plan_million.py 1000000``
"""

from __future__ import annotations

import resource
import sys
import time

import numpy as np
import pandas as pd

import retention_lib as rl
from retention_lib.base.customer_base import CustomerBase
from retention_lib.decisions._journey_steps import CHANNELS, JOURNEYS
from retention_lib.decisions._plan_facts import PlanFacts

SHARES = (0.06, 0.10, 0.002, 0.138, 0.06, 0.14, 0.20, 0.30)


def made_up_facts(customers: int, managers: int = 25, seed: int = 1) -> PlanFacts:
    """Facts as :func:`gather_plan_facts` gives them, of customers nobody has ever met."""
    lot = np.random.default_rng(seed)
    lines = pd.DataFrame(
        {"customer_id": ["C0"], "date": pd.to_datetime(["2025-12-31"]), "amount": [1.0]}
    )
    base = CustomerBase.from_tables(lines, currency="EUR")
    journey = lot.choice(len(JOURNEYS), customers, p=SHARES)
    value = lot.lognormal(6.5, 1.2, customers)
    chance = lot.beta(1.0, 5.0, customers)
    owners = tuple(f"Manager {number:02}" for number in range(managers))
    contacted = np.sort(lot.choice(customers, customers // 2))
    whole = np.ones(customers, dtype=bool)
    words = pd.Series(np.array(JOURNEYS, dtype=object)[journey])
    return PlanFacts(
        base=base,
        customer_id=pd.Series([f"C{number:07}" for number in range(customers)]),
        name=None,
        journey=journey,
        journey_words=words,
        why=words,
        reason_code=words,
        at_stake=np.round(chance * value, 2),
        value=value,
        chance=chance,
        band=lot.integers(0, 3, customers),
        horizon_days=365,
        contactable=lot.random(customers) > 0.1,
        open_complaint=lot.random(customers) < 0.03,
        owner=lot.integers(-1, managers, customers),
        owners=owners,
        reach={**dict.fromkeys(CHANNELS, whole), "email": lot.random(customers) > 0.2},
        assumed=(),
        contact_customer=contacted,
        contact_day=base.as_of_day - lot.integers(0, 90, len(contacted)),
        effect=None,
        measure="margin",
        counting=lambda since: np.zeros(customers, dtype=np.int64),
    )


def main(customers: int) -> None:
    """Make the plan once and say what it took."""
    facts = made_up_facts(customers)
    start = time.perf_counter()
    plan = rl.make_plan(facts.base, budget=0.5 * customers, hours_per_week=30, facts=facts)
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    options = len(plan.draft.options)
    print(f"{customers:,} customers, {options:,} options: {seconds:.0f} s, {peak:.1f} GB")
    print(f"{plan.draft.solution.method}, gap {plan.gap:.2e}")
    print(plan.sentence())


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
