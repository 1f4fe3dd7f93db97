"""How long the warning signs take on bases of a million and of ten million transactions.

Run by hand: ``python benchmarks/signals_speed.py [lines [customers]]``. Two lines an order, six
ranges, three years, on DuckDB. Prints wall-clock and processor seconds.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

import duckdb

import retention_lib as rl
from retention_lib.base import engine
from retention_lib.portfolio.signals import signal_history


def base_of(lines: int, customers: int) -> rl.CustomerBase:
    """Customers who differ in how often they buy, two lines an order."""
    connection = duckdb.connect()
    connection.execute("SET enable_progress_bar = false")
    connection.execute(f"""
        CREATE TABLE lines AS
        SELECT printf('C%07d', floor(pow(random(), 1.5) * {customers})::INT) AS customer_id,
            DATE '2022-01-01' + floor(random() * 1095)::INT AS date,
            unnest([10 + random() * 200, 10 + random() * 90]) AS amount,
            'R' || floor(random() * 6)::INT AS product_range
        FROM range({lines // 2})""")
    return rl.CustomerBase.from_tables(connection.table("lines"))


def timed(name: str, call: Callable[[], Any]) -> None:
    """Print how long a call takes."""
    wall, cpu = time.perf_counter(), time.process_time()
    call()
    took, worked = time.perf_counter() - wall, time.process_time() - cpu
    print(f"{name:24} {took:6.1f} s, processor {worked:6.1f} s", flush=True)


def main() -> None:
    lines = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    customers = int(sys.argv[2]) if len(sys.argv) > 2 else lines * 3 // 100
    base = base_of(lines, customers)
    print(base)
    months = [engine.day_number(base.as_of) - 30 * back for back in range(12)]
    timed("find_signals", lambda: rl.find_signals(base))
    timed("watch_list", lambda: rl.watch_list(base))
    timed("signal_history, 12 days", lambda: signal_history(base, months))


if __name__ == "__main__":
    main()
