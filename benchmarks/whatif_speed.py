"""How long the what-ifs take: on a base of about a million transactions, and on plain numbers.

``python benchmarks/whatif_speed.py [CUSTOMERS] [YEARS]``; 45,000 customers over three years are
about a million transactions. Each call on the base runs twice, and the second time is shown, when
what is imported once has been imported; those that fit a model run once. The pure functions, which
the sliders call, run until half a second has gone by: their median, in milliseconds.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from functools import cache
from statistics import median
from typing import Any

import numpy as np

import retention_lib as rl
from retention_lib.decisions.offers import OfferFacts, gather_facts, weigh_offer
from retention_lib.decisions.ranges import Range
from retention_lib.decisions.segment_what_if import gather_segments

CALLS_OF_A_MODEL = ("gather_facts, fitting a model", "evaluate_offer, fitting a model")


def calls(base: rl.CustomerBase) -> dict[str, Callable[[], Any]]:
    """Each what-if of a base, with its defaults."""

    @cache
    def scores() -> Any:
        return rl.fit_churn(base, horizon_days=180).score(base)

    @cache
    def worth() -> Any:
        return rl.value_customers(base, horizon_days=180)

    def known() -> OfferFacts:
        return gather_facts(base, scores=scores(), worth=worth())

    return {
        "Scenario.from_base": lambda: rl.Scenario.from_base(base),
        "Scenario.from_base, tenure": lambda: rl.Scenario.from_base(base, retention="tenure"),
        "Scenario.from_base, segment": lambda: rl.Scenario.from_base(base, retention="segment"),
        "five_points": lambda: rl.five_points(base),
        "win_or_keep": lambda: rl.win_or_keep(base, budget=100_000),
        "weigh_claims": lambda: rl.weigh_claims(base),
        "past_effects": lambda: rl.past_effects(base),
        "gather_segments": lambda: gather_segments(base),
        "explore_scenario": lambda: rl.explore_scenario(base),
        "explore_watch_list": lambda: rl.explore_watch_list(base),
        "gather_facts, fitting a model": lambda: gather_facts(base),
        "evaluate_offer, fitting a model": lambda: rl.evaluate_offer(base),
        "gather_facts, with scores": known,
        "evaluate_offer, with scores": lambda: rl.evaluate_offer(
            base, scores=scores(), worth=worth()
        ),
    }


def made_up_facts(customers: int) -> OfferFacts:
    """An offer's facts of so many customers, drawn."""
    drawn = np.random.default_rng(1)
    return OfferFacts(
        customer_id=np.arange(customers).astype(str),
        probability=drawn.beta(0.8, 4.0, customers),
        value=drawn.lognormal(5.0, 1.2, customers),
        variation=drawn.gamma(1.0, 0.5, customers),
        spread=0.2,
        systematic=0.02,
        horizon_days=365,
    )


def of_ten_years(years: int) -> rl.Scenario:
    """Ten tenure years, each with a range of its own."""
    return rl.Scenario(
        customers=tuple(range(1_000, 0, -100)),
        attrition=tuple(Range(0.2 - n / 100, 0.3 - n / 50, 0.4 - n / 50) for n in range(10)),
        margin_per_customer=tuple(Range(80.0 + n, 100.0 + n, 130.0 + n) for n in range(10)),
        new_per_year=Range(400, 500, 700),
        acquisition_cost=Range(40, 60, 90),
        years=years,
    )


def pure_calls() -> dict[str, Callable[[], Any]]:
    """What a slider asks for, without any base."""
    facts = made_up_facts(100_000)
    offer = rl.Offer(contact_cost=2, incentive=8, save_rate=Range(0.05, 0.15, 0.3))
    plain = rl.Scenario(
        customers=1_000,
        attrition=Range(0.12, 0.15, 0.18),
        margin_per_customer=Range(90, 100, 115),
        new_per_year=Range(120, 150, 190),
        acquisition_cost=60,
    )
    aged = of_ten_years(10)

    def changed(scenario: rl.Scenario) -> rl.Scenario:
        return scenario.keep_more(3).change(programme_cost=Range(5_000, 8_000, 12_000))

    def weighed() -> None:
        result = weigh_offer(facts, offer)
        _ = result.total, result.low, result.high

    def curved() -> None:
        weigh_offer(facts, offer).profit_curve.to_frame()

    found: dict[str, Callable[[], Any]] = {
        "weigh_offer, 100,000 customers, total and range": weighed,
        "weigh_offer, with its profit curve": curved,
    }
    for name, one in (("one rate, 5 years", plain), ("10 tenure years, 10 years", aged)):
        after = changed(one)
        found |= {
            f"compare, {name}": lambda one=one, after=after: rl.compare(one, after).difference,
            f"risk of 10,000 draws, {name}": lambda one=one, after=after: (
                rl.compare(one, after).risk().chance_of_loss
            ),
            f"tornado, {name}": lambda one=one, after=after: (
                rl.compare(one, after).risk().tornado().to_frame()
            ),
            f"break-even, {name}": lambda one=one, after=after: (
                rl.compare(one, after).risk().break_even().to_frame()
            ),
        }
    return found


def timed(call: Callable[[], Any]) -> tuple[float, float]:
    """Seconds on the clock and of processor time."""
    clock, processor = time.perf_counter(), time.process_time()
    call()
    return time.perf_counter() - clock, time.process_time() - processor


def main(customers: int = 45_000, years: float = 3) -> None:
    """Print the pure functions first, then each call on the base."""
    for name, call in pure_calls().items():
        call()
        seconds = [timed(call)]
        while sum(clock for clock, _ in seconds) < 0.5:
            seconds.append(timed(call))
        clock, processor = (1000 * median(each) for each in zip(*seconds, strict=True))
        print(f"{name:48} {clock:7.1f} ms   {processor:7.1f} ms of processor", flush=True)
    base, _ = rl.simulate_base(customers, seed=1, years=years)
    rows = base.made_from["tables"]["transactions"]["rows_kept"]
    print(f"{rows:,} transactions, {customers:,} customers, {years:g} years")
    for name, call in calls(base).items():
        if name not in CALLS_OF_A_MODEL:
            call()
        clock, processor = timed(call)
        print(f"{name:32} {clock:7.2f} s   {processor:7.2f} s of processor", flush=True)


if __name__ == "__main__":
    given = sys.argv[1:]
    main(*[int(given[0])] if given else [], *[float(given[1])] if len(given) > 1 else [])
