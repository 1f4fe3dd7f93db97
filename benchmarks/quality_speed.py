"""How long the scorecard and the search for duplicates take, and how much they find.

    python benchmarks/quality_speed.py

A simulated, dirty base of about a million lines is checked on DuckDB and on Polars; then the
duplicates of 100,000 customers are searched. One run a figure: use a quiet machine.
"""

from __future__ import annotations

import itertools
import resource
import sys
import time
import warnings

import polars as pl

from retention_lib.base.customer_base import CustomerBase
from retention_lib.base.duplicates import find_duplicates, merge_duplicates
from retention_lib.base.quality import check_quality
from retention_lib.base.simulate import simulate_base

MILLION_LINES = 34_000  # customers that make about a million lines in three years
MANY_CUSTOMERS = 100_000


def timed(what: str, start: float) -> None:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"{what:58} {time.perf_counter() - start:7.1f} s   peak {peak:.1f} GB", flush=True)


def check_a_million_lines(customers: int) -> None:
    base, _ = simulate_base(customers, seed=1, dirt=True)
    tables = {name: base.to_pandas(name) for name in base.tables}
    for engine in ("duckdb", "polars"):
        made = {n: pl.from_pandas(t) if engine == "polars" else t for n, t in tables.items()}
        built = CustomerBase.from_tables(**made, as_of=base.as_of)
        start = time.perf_counter()
        found = check_quality(built)
        timed(f"check_quality, {len(tables['transactions']):,} lines, {engine}", start)
        lines_only = CustomerBase.from_tables(made["transactions"], as_of=base.as_of)
        start = time.perf_counter()
        check_quality(lines_only)
        timed(f"check_quality, the lines alone, {engine}", start)
    print(found.sentence())


def search_many_customers(customers: int) -> None:
    base, truth = simulate_base(customers, seed=2, dirt=True, years=1)
    start = time.perf_counter()
    found = find_duplicates(base)
    timed(f"find_duplicates, {customers:,} customers", start)
    table = found.to_frame()
    proposed = {
        frozenset(pair)
        for _, ids in table.groupby("group")["customer_id"]
        for pair in itertools.combinations(ids, 2)
    }
    columns = ["duplicate_id", "original_id"]
    planted = {frozenset(pair) for pair in truth.duplicates[columns].to_numpy().tolist()}
    hits = len(proposed & planted)
    print(f"  planted pairs found {hits / len(planted):.1%}, false {1 - hits / len(proposed):.1%}")
    start = time.perf_counter()
    merged = merge_duplicates(base, found)
    days = merged.customer_days().collect("pyarrow")
    timed(f"merge {len(found.mapping()):,} customers and collapse to {len(days):,} days", start)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    part = float(sys.argv[1]) if len(sys.argv) > 1 else 1.0
    check_a_million_lines(round(MILLION_LINES * part))
    search_many_customers(round(MANY_CUSTOMERS * part))
