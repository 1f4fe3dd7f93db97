"""A panel of twelve monthly snapshots beside the same figures in hand-written DuckDB SQL.

Run by hand: ``python benchmarks/snapshots_speed.py [lines [customers]]``. Two lines an order,
three years, transactions only. Each way runs in a process of its own, for its peak memory; both
end with one pandas table of all customers and dates. Prints seconds and gigabytes side by side.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pandas as pd

FIRST = date(2022, 1, 1)
DAYS = 1095
DATES = [FIRST + timedelta(days=DAYS - 1 - 30 * back) for back in range(12)][::-1]
HORIZON = 90
EPOCH = date(1970, 1, 1)
Measured = tuple[pd.DataFrame, float, float, float]


def make_lines(path: Path, lines: int, customers: int) -> None:
    """Customers who differ in how often they buy, two lines an order, one in forty a refund."""
    duckdb.sql("SELECT setseed(0.5)")
    duckdb.sql(f"""
        COPY (
            SELECT printf('C%07d', floor(pow(random(), 1.5) * {customers})::INT) AS customer_id,
                DATE '{FIRST}' + floor(random() * {DAYS})::INT AS date,
                unnest([round(10 + random() * 200, 2) * CASE WHEN random() < .05 THEN -1 ELSE 1 END,
                    round(10 + random() * 90, 2)]) AS amount
            FROM range({lines // 2})
        ) TO '{path}' (FORMAT parquet)""")


def connected(path: Path) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute("SET enable_progress_bar = false")
    connection.execute(f"CREATE TABLE lines AS FROM '{path}'")
    return connection


def now() -> tuple[float, float, float]:
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return time.perf_counter(), time.process_time(), used


def measured(panel: pd.DataFrame, since: tuple[float, float, float]) -> Measured:
    """The panel, gigabytes used before, and seconds by the clock and of the processor since."""
    wall, cpu, before = since
    return panel, before, time.perf_counter() - wall, time.process_time() - cpu


def ours(path: Path) -> Measured:
    import retention_lib as rl

    base = rl.CustomerBase.from_tables(path)
    stamp = now()
    panel = rl.take_snapshots(base, DATES, horizon_days=HORIZON)
    return measured(panel.table, stamp)


def by_hand(connection: duckdb.DuckDBPyConnection) -> Measured:
    stamp = now()
    connection.execute("""
        CREATE TEMP TABLE codes AS
        SELECT customer_id, row_number() OVER (ORDER BY customer_id) AS code
        FROM (SELECT DISTINCT customer_id FROM lines)""")
    connection.execute("""
        CREATE TEMP TABLE days AS
        SELECT code, date_diff('day', DATE '1970-01-01', date)::INT AS day, sum(amount) AS net
        FROM lines JOIN codes USING (customer_id) GROUP BY ALL""")
    connection.execute("""
        CREATE TEMP TABLE bought AS
        SELECT code, day, net, day - lag(day) OVER of_customer AS gap FROM days WHERE net > 0
        WINDOW of_customer AS (PARTITION BY code ORDER BY day)
        UNION ALL SELECT code, day, net, NULL FROM days WHERE net <= 0""")
    connection.execute("DROP TABLE days")
    parts = []
    for at in DATES:
        found = connection.sql(_one_date((at - EPOCH).days))
        parts.append(found.to_arrow_table().to_pandas())
    panel = pd.concat(parts, ignore_index=True)
    return measured(panel, stamp)


def _one_date(t: int) -> str:
    buys = "net > 0"
    counted, spent, back = [], [], []
    for days in (30, 90, 180, 365):
        inside = f"day > {t - days}"
        counted.append(f"count(*) FILTER ({buys} AND {inside})::DOUBLE AS purchases_{days}")
        spent.append(f"coalesce(sum(net) FILTER ({inside}), 0) AS spend_{days}")
        back.append(f"-coalesce(sum(net) FILTER (net < 0 AND {inside}), 0) AS refunds_{days}")
    return f"""
        WITH summed AS (
            SELECT code, max(day) FILTER ({buys}) AS last_day, min(day) FILTER ({
        buys
    }) AS first_day,
                count(*) FILTER ({buys})::DOUBLE AS purchases_total,
                {", ".join([*counted, *spent, *back])},
                sum(net) FILTER ({buys} AND day > {t - 365}) AS gross,
                sum(net) FILTER ({buys} AND day > {t - 90}) AS gross_now,
                sum(net) FILTER ({buys}) AS gross_ever,
                count(*) FILTER ({buys} AND day > {t - 365} AND day <= {t - 365 + HORIZON})::DOUBLE
                    AS purchases_same_season,
                avg(gap) AS mean_gap_days, stddev_samp(gap) AS gap_sd
            FROM bought WHERE day <= {t} GROUP BY code
        ), typical AS (SELECT avg(mean_gap_days) AS base_gap FROM summed
        ), after AS (
            SELECT DISTINCT code, 1 AS came FROM bought
            WHERE day > {t} AND day <= {t + HORIZON} AND {buys}
        )
        SELECT customer_id, TIMESTAMP '1970-01-01' + INTERVAL ({t}) DAY AS date,
            last_day > {t - 365} AS eligible,
            ({t} - last_day)::DOUBLE AS recency_days, ({t} - first_day)::DOUBLE AS tenure_days,
            purchases_total, {
        ", ".join(
            f"{stem}_{days}"
            for stem in ("purchases", "spend", "refunds")
            for days in (30, 90, 180, 365)
        )
    },
            refunds_365 / gross AS refund_share, mean_gap_days,
            gap_sd / mean_gap_days AS gap_spread,
            ({t} - last_day) / ((last_day - first_day + 2 * base_gap) / (purchases_total + 1))
                AS overdue_ratio,
            coalesce(gross / nullif(purchases_365, 0), gross_ever / purchases_total) AS basket,
            (gross_now / nullif(purchases_90, 0) - gross / purchases_365) / nullif(gross, 0)
                AS basket_trend,
            (purchases_90 - (purchases_365 - purchases_90) / 3) / nullif(purchases_365, 0)
                AS purchases_trend,
            (spend_90 - (spend_365 - spend_90) / 3) / nullif(gross, 0) AS spend_trend,
            purchases_same_season, sin({t} / 58.1) AS season_sine, cos({t} / 58.1) AS season_cosine,
            CASE WHEN last_day > {t - 365} THEN (came IS NULL)::DOUBLE END AS churned
        FROM summed JOIN codes USING (code) LEFT JOIN after USING (code), typical
        WHERE last_day IS NOT NULL ORDER BY code"""


def run(way: str, path: Path) -> None:
    """One way in this process: its figures as a line of JSON."""
    found = ours(path) if way == "ours" else by_hand(connected(path))
    panel, before, wall, cpu = found
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    table = panel.memory_usage(deep=False).sum() / 2**30
    print(json.dumps([wall, cpu, *panel.shape, table, before, peak]))


def main() -> None:
    if len(sys.argv) == 4 and sys.argv[1] == "--way":
        run(sys.argv[2], Path(sys.argv[3]))
        return
    lines = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000_000
    customers = int(sys.argv[2]) if len(sys.argv) > 2 else lines * 3 // 100
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "lines.parquet"
        make_lines(path, lines, customers)
        print(f"{lines:,} lines, {customers:,} customers, {len(DATES)} dates")
        print("way      seconds  processor       rows columns  GB table  GB before  GB peak")
        for way in ("sql", "ours", "sql", "ours"):
            done = subprocess.run(
                [sys.executable, __file__, "--way", way, str(path)],
                stdout=subprocess.PIPE,
                text=True,
                check=True,
            )
            wall, cpu, rows, columns, table, before, peak = json.loads(done.stdout.splitlines()[-1])
            print(
                f"{way:8} {wall:7.1f} {cpu:10.1f} {rows:10,} {columns:7} {table:9.2f} "
                f"{before:10.2f} {peak:8.2f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
