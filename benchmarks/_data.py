"""The files that every way of doing a task reads: made in DuckDB, never through pandas.

Customers differ in how often they buy. An order is two lines on one day; in one of twenty orders
the first line is a refund. Three years, so that the last month is a complete one.
"""

from __future__ import annotations

from pathlib import Path

FIRST = "2022-01-01"
LAST = "2024-12-31"
DAYS = 1096
LINES_A_CUSTOMER = 33
"""On average; two thirds of the lines belong to a third of the customers."""


def make_lines(path: Path, rows: int) -> None:
    """Transactions as a Parquet file: ``customer_id, order_id, date, amount``."""
    import duckdb

    customers = max(rows // LINES_A_CUSTOMER, 60)
    connection = duckdb.connect()
    connection.execute("SET enable_progress_bar = false")
    # One thread: the same seed then gives the same file.
    connection.execute("SET threads = 1")
    connection.execute("SELECT setseed(0.5)")
    beside = path.with_suffix(".part")
    connection.execute(f"""
        COPY (
            SELECT printf('C%07d', floor(pow(random(), 1.5) * {customers})::INT) AS customer_id,
                range AS order_id,
                CASE range WHEN 0 THEN DATE '{LAST}'
                    ELSE DATE '{FIRST}' + floor(random() * {DAYS})::INT END AS date,
                unnest([round(10 + random() * 200, 2) * CASE WHEN random() < .05 THEN -1 ELSE 1 END,
                    round(10 + random() * 90, 2)]) AS amount
            FROM range({rows // 2})
        ) TO '{beside}' (FORMAT parquet)""")
    beside.replace(path)


def make_export(path: Path, lines: Path, rows: int) -> None:
    """The same lines as a French export: cp1252, semicolons, decimal commas, days first."""
    import duckdb

    reader = duckdb.sql(f"""
        SELECT customer_id || ';' || strftime(date, '%d/%m/%Y') || ';Écran ' || (order_id % 90)
            || ';' || replace(printf('%.2f', amount), '.', ',') AS line
        FROM '{lines}' LIMIT {rows}""").to_arrow_reader(100_000)
    beside = path.with_suffix(".part")
    with beside.open("w", encoding="cp1252", newline="") as out:
        out.write("Code client;Date facture;Désignation;Montant HT\r\n")
        for batch in reader:
            out.write("\r\n".join(batch.column(0).to_pylist()) + "\r\n")
    beside.replace(path)


def make_histories(path: Path, customers: int) -> None:
    """What the purchase models are fitted to: customers drawn from the model, in whole days."""
    import numpy as np

    from retention_lib.scoring.purchase_models import BGNBD

    # As old as a base of three years has them; the parameters of CDNOW, per day.
    age = np.random.default_rng(0).integers(1, 1096, customers)
    model = BGNBD().with_parameters(r=0.243, alpha=30.9, a=0.793, b=2.426)
    made = model.simulate(customers, age, 0, seed=1)
    again = made["repeat_purchases"] > 0
    made["purchase_span_days"] = np.where(again, np.ceil(made["purchase_span_days"]), 0)
    beside = path.with_suffix(".part")
    named = ["repeat_purchases", "purchase_span_days", "age_days"]
    made[named].to_parquet(beside, index=False)
    beside.replace(path)


def make_cells(path: Path) -> None:
    """The segments as every way looks them up: one row for each of the 125 cells of scores."""
    import numpy as np
    import pandas as pd

    from retention_lib.portfolio.schemes import find_scheme

    scheme = find_scheme("classic")
    r, f, m = (axis.ravel() for axis in np.meshgrid(*[np.arange(1, 6)] * 3, indexing="ij"))
    codes = [scheme.segments[place].code for place in scheme.positions(r, f, m)]
    beside = path.with_suffix(".part")
    pd.DataFrame({"r": r, "f": f, "m": m, "segment": codes}).to_parquet(beside, index=False)
    beside.replace(path)
