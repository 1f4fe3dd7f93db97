"""How long the sums of an offer take: weighing one anew, and measuring past campaigns.

``python benchmarks/offer_speed.py [CUSTOMERS] [MILLION_LINES]`` prints medians in milliseconds and
seconds. Weighing is what a slider waits for: facts of CUSTOMERS customers (100,000 unless said),
an offer, its total with its range, and its profit curve. Past campaigns: MILLION_LINES million
transactions (1 unless said) in DuckDB, thirty a customer, a tenth of the customers in a campaign.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import duckdb
import numpy as np

import retention_lib as rl
from retention_lib.decisions.closed_forms import expected_maximum_profit
from retention_lib.decisions.offers import OfferFacts, weigh_offer
from retention_lib.decisions.ranges import Range


def timed(work: Callable[[], Any], times: int = 7) -> float:
    """The median of several runs, in seconds; the first is left out."""
    work()
    runs = []
    for _ in range(times):
        started = time.perf_counter()
        work()
        runs.append(time.perf_counter() - started)
    return median(runs)


def facts_of(customers: int) -> OfferFacts:
    """Facts as they come out of a base: most stay, a few are worth much."""
    rng = np.random.default_rng(1)
    return OfferFacts(
        customer_id=np.arange(customers).astype(str),
        probability=rng.beta(1, 5, customers),
        value=rng.lognormal(5, 1, customers),
        variation=np.full(customers, 0.5),
        horizon_days=365,
        spread=0.2,
        systematic=0.03,
    )


def campaign_base(lines: int) -> rl.CustomerBase:
    """Transactions of three years and one campaign, a half of it held back."""
    connection = duckdb.connect()
    customers = max(lines // 30, 100)
    sales = connection.sql(
        f"SELECT 'C' || (hash(range) % {customers}) AS customer_id, "
        f"DATE '2022-01-01' + CAST(hash(range * 7) % 1095 AS INTEGER) AS date, "
        f"10.0 + hash(range * 13) % 100 AS amount FROM range({lines})"
    )
    groups = connection.sql(
        f"SELECT 'SPRING' AS campaign_id, 'C' || range AS customer_id, DATE '2024-04-01' AS date, "
        f"CASE WHEN hash(range * 3) % 2 = 0 THEN 'treated' ELSE 'control' END AS \"group\", "
        f"2.5 AS cost FROM range({customers // 10})"
    )
    return rl.CustomerBase.from_tables(sales, campaigns=groups)


def main() -> None:
    """Print the medians."""
    customers = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    million = float(sys.argv[2]) if len(sys.argv) > 2 else 1.0
    facts = facts_of(customers)
    rates = iter(np.linspace(0.1, 0.3, 1000))

    def weigh() -> Any:
        rate = float(next(rates))
        offer = rl.Offer(contact_cost=2, incentive=8, save_rate=Range(rate / 2, rate, rate * 1.5))
        result = weigh_offer(facts, offer)
        return result.total, result.low, result.profit_curve.to_frame()

    left = np.random.default_rng(2).random(customers) < facts.probability
    print(f"weigh an offer, {customers:,} customers: {1000 * timed(weigh):.0f} ms")
    ranked = 1000 * timed(
        lambda: expected_maximum_profit(
            left, facts.probability, value=200, incentive=10, contact_cost=1
        )
    )
    print(f"expected maximum profit: {ranked:.0f} ms")
    base = campaign_base(round(million * 1_000_000))
    seconds = timed(lambda: rl.past_effects(base, horizon_days=180), times=3)
    print(f"past campaigns, {million:g} million lines: {seconds:.2f} s")


if __name__ == "__main__":
    main()
