"""How long the portfolio takes: every function of chapters 02 to 04 on one simulated base.

``python benchmarks/portfolio_speed.py [CUSTOMERS] [YEARS]``; 35,000 customers over three years are
about a million transactions. Each call runs twice; the second time is shown, when what is imported
once has been imported.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

import retention_lib as rl


def calls(base: rl.CustomerBase) -> dict[str, Callable[[], Any]]:
    """Each public function of the portfolio, with its defaults, on this base."""
    a_year_ago = base.as_of.replace(year=base.as_of.year - 1)
    return {
        "measure_window": lambda: rl.measure_window(base),
        "measure_flows, months": lambda: rl.measure_flows(base, period="month"),
        "retention_cohorts": lambda: rl.retention_cohorts(base),
        "list_lost": lambda: rl.list_lost(base),
        "measure_replacement": lambda: rl.measure_replacement(base),
        "value_by_tenure": lambda: rl.value_by_tenure(base),
        "score_rfm": lambda: rl.score_rfm(base),
        "measure_value": lambda: rl.measure_value(base),
        "concentration": lambda: rl.measure_value(base).concentration(),
        "measure_needs": lambda: rl.measure_needs(base),
        "profile_segments, sector": lambda: rl.profile_segments(base, by="sector"),
        "profile_segments, channel": lambda: rl.profile_segments(base, by="channel"),
        "find_types": lambda: rl.find_types(base),
        "segment_migration": lambda: rl.segment_migration(base, since=a_year_ago),
        "find_cross_sell": lambda: rl.find_cross_sell(base),
        "check_people": lambda: rl.check_people(base),
        "check_opportunities": lambda: rl.check_opportunities(base),
        "find_signals": lambda: rl.find_signals(base),
        "watch_list": lambda: rl.watch_list(base),
    }


def main(customers: int = 35_000, years: float = 3) -> None:
    """Print seconds on the clock and of processor time, call by call."""
    base, _ = rl.simulate_base(customers, seed=1, years=years)
    rows = base.made_from["tables"]["transactions"]["rows_kept"]
    print(f"{rows:,} transactions, {customers:,} customers, {years:g} years")
    for name, call in calls(base).items():
        call()
        clock, processor = time.perf_counter(), time.process_time()
        call()
        clock, processor = time.perf_counter() - clock, time.process_time() - processor
        print(f"{name:28} {clock:7.2f} s   {processor:7.2f} s of processor", flush=True)


if __name__ == "__main__":
    given = sys.argv[1:]
    main(*[int(given[0])] if given else [], *[float(given[1])] if len(given) > 1 else [])
