"""How long the leaky tank and the activity window take on one and on ten million transactions.

    python benchmarks/flows_speed.py [share]

Synthetic three-year tables in DuckDB: random customers and days, one transaction in forty a
refund. Months are the most periods a ledger has. One run a figure: use a quiet machine.
"""

from __future__ import annotations

import resource
import sys
import time

import duckdb

from retention_lib.base.customer_base import CustomerBase
from retention_lib.portfolio.flows import measure_flows
from retention_lib.portfolio.window import measure_window

SIZES = ((1_000_000, 40_000), (10_000_000, 300_000))


def timed(what: str, start: float) -> None:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"{what:58} {time.perf_counter() - start:7.1f} s   peak {peak:.1f} GB", flush=True)


def made(rows: int, customers: int) -> CustomerBase:
    connection = duckdb.connect()
    connection.execute("SELECT setseed(0.5)")
    connection.execute(
        f"""
        CREATE TABLE sold AS
        SELECT 'C' || lpad(CAST(CAST(random() * random() * {customers} AS INT) AS VARCHAR), 7, '0')
                   AS customer_id,
               DATE '2023-01-01' + CAST(random() * 1095 AS INT) AS date,
               round(random() * random() * 400 - 10, 2) AS amount
        FROM range({rows})
        """
    )
    return CustomerBase.from_tables(connection.table("sold"), as_of="2025-12-31")


def measure(rows: int, customers: int) -> None:
    base = made(rows, customers)
    for period in ("month", "year"):
        start = time.perf_counter()
        flows = measure_flows(base, period=period)
        timed(f"measure_flows by {period}, {rows:,} transactions", start)
    start = time.perf_counter()
    window = measure_window(base)
    timed(f"measure_window, {rows:,} transactions", start)
    print(flows.sentence())
    print(window.sentence())


if __name__ == "__main__":
    part = float(sys.argv[1]) if len(sys.argv) > 1 else 1.0
    for rows, customers in SIZES:
        measure(round(rows * part), round(customers * part))
