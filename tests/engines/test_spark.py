"""A base in Spark gives DuckDB's answers, and gives away no more than a row a customer."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import retention_lib as rl
from retention_lib.base import engine
from retention_lib.base.customer_base import CustomerBase
from retention_lib.scoring._churn_dates import MOST_DATES
from tests.engines import spark_session
from tests.engines.questions import (
    QUESTIONS,
    assert_alike,
    base_of,
    duckdb_answer,
    tables,
)
from tests.engines.watching import watched

pytestmark = [
    pytest.mark.skipif(
        spark_session.why_not() is not None, reason=spark_session.why_not() or "Spark is here"
    ),
    pytest.mark.filterwarnings("ignore:PySpark does not yet fully support pandas:FutureWarning"),
]

# A job in Spark takes a tenth of a second however small the table. Asked always: days, flows, the
# portfolio (value, concentration, RFM), signals, snapshots, purchase histories and what a model of
# churn learns. The others are asked with RETENTION_ALL_ENGINES=1, and of PostgreSQL always.
ALWAYS = {
    "days",
    "flows by year",
    "value",
    "value in order",
    "concentration",
    "rfm, classic",
    "rfm, six",
    "rfm, cut points",
    "signals",
    "signals, track record",
    "snapshots",
    "purchase histories",
    "churn, score card",
}
ASKED = [name for name in QUESTIONS if name in ALWAYS or os.environ.get("RETENTION_ALL_ENGINES")]


@pytest.fixture(scope="module")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with pytest.MonkeyPatch.context() as patch:
        for name in ("SPARK_CONF_DIR", "SPARK_LOCAL_IP"):
            patch.setenv(name, "")
        session = spark_session.start(tmp_path_factory.mktemp("spark"))
        yield session
        java = session.sparkContext._gateway.proc
        session.stop()
        session.sparkContext._gateway.shutdown()
        java.stdin.close()
        java.wait(30)
        type(session.sparkContext)._gateway = None
        type(session.sparkContext)._jvm = None


@pytest.fixture(scope="module")
def base(spark: Any, tmp_path_factory: pytest.TempPathFactory) -> CustomerBase:
    """Five tables in Spark, one in pandas, one in a Parquet file."""
    made: dict[str, Any] = tables()
    people = tmp_path_factory.mktemp("files") / "people.parquet"
    made["people"].to_parquet(people)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        given = {
            name: frame if name == "customers" else spark.createDataFrame(frame)
            for name, frame in made.items()
            if name != "people"
        }
    return base_of({**given, "people": people})


@pytest.mark.parametrize("name", ASKED)
def test_spark_gives_the_answer_of_duckdb(
    name: str, base: CustomerBase, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        handed_out = watched(patch)
        theirs = QUESTIONS[name](base)

    assert_alike(duckdb_answer(name), theirs, what=name)
    if name == "days":  # which asks for more than any other question
        assert max(handed_out) == len(theirs), "what left Spark was not watched"
    else:
        lines = tables()["transactions"]
        customers, days = lines["customer_id"].nunique(), lines["date"].nunique()
        # A model learns from a row a customer and date; the scorecard counts the lines of each
        # day, and a cohort has a row for each of its months.
        more = {"quality": days, "cohorts": 36 * 37 // 2}
        most = more.get(name, customers * (MOST_DATES + 1 if name.startswith("churn") else 2))
        assert max(handed_out, default=0) <= most, f"{max(handed_out)} rows left Spark"


def test_a_table_of_every_kind_of_column_is_read_like_a_pandas_table(spark: Any) -> None:
    lines = pd.DataFrame(
        {
            "Customer_ID": np.array([7, 7, 8, 9, 9], dtype="int64"),
            "DATE": ["2025-12-31", "2025-02-30", "2025-01-01 23:30:00", "2025-03-01", "2024-02-29"],
            "amount": [Decimal("10.10"), Decimal("5.00"), Decimal("-0.10"), None, Decimal("3.00")],
            "price.net": [1.5, None, 2.5, 3.5, float("nan")],
            "day": [1, 2, 3, 4, 5],
        }
    )
    schema = "Customer_ID bigint, DATE string, amount decimal(12,2), `price.net` double, day int"
    cells = [
        tuple(None if pd.isna(cell) else cell for cell in row)
        for row in lines.astype(object).values
    ]
    given = spark.createDataFrame([tuple(map(_plain, row)) for row in cells], schema)

    with pytest.warns(rl.DataWarning, match="2 of 5 rows of transactions were set aside"):
        base = rl.CustomerBase.from_tables(given)

    assert base.columns("transactions") == (
        "customer_id",
        "date",
        "amount",
        "price_net",
        "day_export",
    )
    kept = base.to_pandas().sort_values(["customer_id", "date"], ignore_index=True)
    assert kept["customer_id"].tolist() == ["7", "8", "9"]
    assert kept["date"].tolist() == [date(2025, 12, 31), date(2025, 1, 1), date(2024, 2, 29)]
    assert kept["amount"].tolist() == [10.1, -0.1, 3.0]
    assert kept["day_export"].tolist() == [1, 3, 5]


def _plain(cell: Any) -> Any:
    return cell.item() if isinstance(cell, np.generic) else cell


def test_a_moment_is_of_the_day_that_the_clock_of_the_session_shows(spark: Any) -> None:
    # In UTC it is still the day before.
    rows = [("a", datetime(2025, 7, 1, 0, 30), 5.0), ("a", datetime(2025, 6, 1, 23, 30), 7.0)]
    given = spark.createDataFrame(rows, "customer_id string, date timestamp, amount double")
    cast = given.withColumn("date", given["date"].cast("timestamp_ntz"))
    shown = [str(row["date"]) for row in cast.collect()]

    base = rl.CustomerBase.from_tables(given)

    days = engine.collect(base.customer_days())["day"]
    assert sorted(engine.day_of(day).isoformat() for day in days) == sorted(s[:10] for s in shown)
    assert sorted(map(str, base.to_pandas()["date"])) == sorted(shown)


def test_what_spark_has_no_text_for_is_missing_whatever_blanks_stand_around_it(spark: Any) -> None:
    ids = ["\u00a0 A\u200b", "N/A ", " nan", "", "it's", "back\\slash", None, "é"]
    given = spark.createDataFrame(
        [(name, date(2025, 1, 1), 1.0) for name in ids],
        "customer_id string, date date, amount double",
    )
    with pytest.warns(rl.DataWarning, match="4 with no usable customer_id"):
        base = rl.CustomerBase.from_tables(given)
    assert sorted(base.to_pandas()["customer_id"]) == ["A", "back\\slash", "it's", "é"]


def test_a_date_no_one_can_order_is_refused_as_anywhere(spark: Any) -> None:
    given = spark.createDataFrame(
        [("a", "31/12/2025", 1.0)], "customer_id string, date string, amount double"
    )
    with pytest.raises(rl.InputError, match="'31/12/2025'"):
        rl.CustomerBase.from_tables(given)


def test_merged_customers_are_one_customer_in_spark(base: CustomerBase) -> None:
    with warnings.catch_warnings():
        # A notebook is not to be told of Spark's doubts about pandas by anything we do.
        warnings.simplefilter("error", FutureWarning)
        merged = rl.merge_duplicates(base, {"TIE-B": "TIE-A", "TIE-C": "TIE-A"})
        lines = merged.tables["transactions"].filter(merged_id() == "TIE-A")
        assert len(engine.collect(lines)) == 9


def merged_id() -> Any:
    import narwhals as nw

    return nw.col("customer_id")


def test_a_model_of_another_base_scores_a_base_in_spark_batch_by_batch(
    base: CustomerBase, tmp_path: Path
) -> None:
    duck = base_of(tables())
    model = rl.fit_churn(duck)

    written = []
    for name, of in (("spark", base), ("duckdb", duck)):
        file = tmp_path / f"{name}.parquet"
        model.score_to(of, file, batch_rows=90)
        written.append(pd.read_parquet(file).sort_values("customer_id", ignore_index=True))

    assert_alike(written[1], written[0], what="scores")
    assert len(written[0]) > 90
