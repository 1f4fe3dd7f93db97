"""The base shows what was known on its date, and nothing that came to light later."""

import os
import subprocess
import sys
from datetime import date, datetime
from decimal import Decimal

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retention_lib.base import customer_base, engine
from retention_lib.base._sql import clean_text_sql
from retention_lib.base.customer_base import CustomerBase
from retention_lib.base.duplicates import find_duplicates
from retention_lib.base.opening import describe_base
from retention_lib.base.quality import check_quality
from retention_lib.errors import ChoiceError, DataWarning, InputError
from retention_lib.portfolio.rfm import score_rfm

ENGINES = {
    "pandas": lambda frame: frame,
    "polars": pl.from_pandas,
    "polars_lazy": lambda frame: pl.from_pandas(frame).lazy(),
    "duckdb": lambda frame: duckdb.connect().from_df(frame),
}


def lines(*rows: tuple[str, str, float]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["customer_id", "date", "amount"])
    return frame.assign(date=pd.to_datetime(frame["date"], format="ISO8601"))


FIVE = lines(
    ("007", "2024-01-05", 10.0),
    ("007", "2024-01-05", 5.0),
    ("007", "2024-03-05", 20.0),
    ("B", "2024-02-01", 8.0),
    ("B", "2024-02-09", -8.0),
)


def purchases(base: CustomerBase) -> list[tuple[str, date, float]]:
    frame = engine.collect(base.purchases()).sort_values(["customer_id", "day"])
    return [
        (row.customer_id, engine.day_of(row.day), row.net) for row in frame.itertuples(index=False)
    ]


@pytest.mark.parametrize("kind", ENGINES)
def test_lines_of_one_day_are_one_purchase(kind):
    base = CustomerBase.from_tables(ENGINES[kind](FIVE))
    assert purchases(base) == [
        ("007", date(2024, 1, 5), 15.0),
        ("007", date(2024, 3, 5), 20.0),
        ("B", date(2024, 2, 1), 8.0),
    ]


@pytest.mark.parametrize("kind", ENGINES)
def test_a_refund_only_day_is_not_a_purchase_but_stays_in_the_days(kind):
    base = CustomerBase.from_tables(ENGINES[kind](FIVE))
    days = engine.collect(base.customer_days())
    assert len(days) == 4
    assert days.loc[days["customer_id"] == "B", "net"].sum() == 0


def test_cents_that_cancel_are_not_a_purchase():
    base = CustomerBase.from_tables(
        lines(("a", "2024-01-01", 0.1), ("a", "2024-01-01", 0.2), ("a", "2024-01-01", -0.3))
    )
    assert purchases(base) == []


def test_as_of_is_the_last_transaction_and_never_today():
    assert CustomerBase.from_tables(FIVE).as_of == date(2024, 3, 5)


def test_nothing_after_as_of_is_visible():
    base = CustomerBase.from_tables(FIVE, as_of="2024-02-01")
    assert purchases(base) == [("007", date(2024, 1, 5), 15.0), ("B", date(2024, 2, 1), 8.0)]
    assert len(base.to_pandas()) == 3


def test_a_closure_after_as_of_is_not_known_yet():
    customers = pd.DataFrame(
        {
            "customer_id": ["007", "B"],
            "closed_on": pd.to_datetime(["2024-02-20", None]),
            "closure_reason": ["price", None],
        }
    )
    base = CustomerBase.from_tables(FIVE, customers=customers)
    assert base.to_pandas("customers")["closure_reason"].tolist()[0] == "price"
    earlier = base.at("2024-02-19").to_pandas("customers")
    assert earlier[["closed_on", "closure_reason"]].isna().all().all()


def test_an_answer_given_later_leaves_the_complaint_open():
    feedback = pd.DataFrame(
        {
            "customer_id": ["007", "007"],
            "date": pd.to_datetime(["2024-01-10", "2024-03-01"]),
            "kind": ["complaint", "complaint"],
            "resolved_on": pd.to_datetime(["2024-02-10", None]),
        }
    )
    base = CustomerBase.from_tables(FIVE, feedback=feedback, as_of="2024-02-01")
    seen = base.to_pandas("feedback")
    assert len(seen) == 1
    assert seen["resolved_on"].isna().all()


def test_the_last_minute_of_as_of_still_counts():
    base = CustomerBase.from_tables(
        lines(("a", "2024-01-01 00:00", 1.0), ("a", "2024-01-02 23:59:59", 1.0)),
        as_of="2024-01-02",
    )
    assert len(purchases(base)) == 2


def test_whole_number_ids_that_pandas_made_float_stay_whole():
    frame = FIVE.assign(customer_id=[13085.0, 13085.0, 13085.0, 2.0, 2.0])
    assert set(CustomerBase.from_tables(frame).to_pandas()["customer_id"]) == {"13085", "2"}


def test_leading_zeros_survive_and_blanks_around_an_id_do_not():
    frame = FIVE.assign(customer_id=["007", " 007", "007 ", "B", "B"])
    assert set(CustomerBase.from_tables(frame).to_pandas()["customer_id"]) == {"007", "B"}


@pytest.mark.parametrize("kind", ENGINES)
def test_rows_without_customer_date_or_amount_are_set_aside_and_counted(kind):
    frame = FIVE.copy()
    frame["customer_id"] = [None, "007", "007", "B", "B"]
    frame["amount"] = [1.0, float("nan"), float("inf"), 8.0, -8.0]
    with pytest.warns(DataWarning, match="3 of 5 rows of transactions"):
        base = CustomerBase.from_tables(ENGINES[kind](frame))
    counts = base.made_from["tables"]["transactions"]
    assert (counts["rows_read"], counts["rows_kept"], counts["set_aside"]) == (5, 2, 3)


def test_unknown_columns_are_kept():
    base = CustomerBase.from_tables(FIVE.assign(shop="Lyon"))
    assert "shop" in base.to_pandas().columns


def test_a_missing_column_is_named_with_the_remedy():
    with pytest.raises(InputError, match=r"lacks amount.*import_export"):
        CustomerBase.from_tables(FIVE.drop(columns="amount"))


def test_dates_as_foreign_text_are_refused_and_iso_text_is_read():
    with pytest.raises(InputError, match="05/01/2024"):
        CustomerBase.from_tables(FIVE.assign(date="05/01/2024"))
    base = CustomerBase.from_tables(FIVE.assign(date="2024-01-05"))
    assert base.as_of == date(2024, 1, 5)


def test_amounts_as_text_are_refused_with_the_remedy():
    with pytest.raises(InputError, match=r"amount.*import_export"):
        CustomerBase.from_tables(FIVE.assign(amount="10,00"))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"activity_window_days": 0}, "1 or more"),
        ({"activity_window_days": 30.5}, "whole number"),
        ({"margin_rate": 40}, "between 0 and 1"),
        ({"as_of": "31/12/2024"}, "2025-12-31"),
    ],
)
def test_a_bad_option_says_what_is_wanted(options, said):
    with pytest.raises(InputError, match=said):
        CustomerBase.from_tables(FIVE, **options)


def test_a_bad_choice_lists_the_choices():
    with pytest.raises(ChoiceError, match="'en', 'fr'"):
        CustomerBase.from_tables(FIVE, language="de")
    with pytest.raises(ChoiceError, match="Did you mean 'customers'"):
        CustomerBase.from_tables(FIVE).visible("customer")


def test_an_absent_table_says_what_it_would_show():
    with pytest.raises(InputError, match="open complaints"):
        CustomerBase.from_tables(FIVE).to_pandas("feedback")


def test_a_date_before_the_first_transaction_is_refused():
    with pytest.raises(InputError, match="2024-01-05"):
        CustomerBase.from_tables(FIVE).at("2023-12-31")


def test_changing_the_callers_frame_does_not_change_the_base():
    frame = FIVE.copy()
    base = CustomerBase.from_tables(frame)
    frame.loc[:, "amount"] = 1_000_000.0
    assert base.to_pandas()["amount"].max() == 20.0


ROWS = st.lists(
    st.tuples(st.sampled_from("abc"), st.integers(0, 60), st.integers(-2000, 5000)),
    min_size=2,
    max_size=40,
)


@settings(max_examples=30, deadline=None)
@given(rows=ROWS, cut=st.integers(0, 60))
def test_rows_after_a_date_change_nothing_that_is_seen_from_it(rows, cut):
    days = pd.Timestamp("2024-01-01") + pd.to_timedelta([row[1] for row in rows], unit="D")
    frame = pd.DataFrame(
        {
            "customer_id": [row[0] for row in rows],
            "date": days,
            "amount": [row[2] / 100 for row in rows],
        }
    )
    seen_from = pd.Timestamp("2024-01-01") + pd.Timedelta(days=cut)
    known = frame[frame["date"] <= seen_from]
    if known.empty:
        return
    as_of = seen_from.date()
    with_future = CustomerBase.from_tables(frame, as_of=as_of)
    without = CustomerBase.from_tables(known, as_of=as_of)
    on_polars = CustomerBase.from_tables(pl.from_pandas(frame), as_of=as_of)
    assert purchases(with_future) == purchases(without) == purchases(on_polars)


@pytest.mark.parametrize("kind", ENGINES)
def test_every_table_lives_where_the_transactions_live_so_that_they_join(kind):
    customers = pd.DataFrame({"customer_id": ["007"], "name": ["Bond"]})
    base = CustomerBase.from_tables(ENGINES[kind](FIVE), customers=customers)
    joined = base.visible("transactions").join(base.visible("customers"), on="customer_id")
    assert engine.collect(joined)["name"].tolist() == ["Bond"] * 3


def test_tables_of_two_duckdb_connections_join():
    customers = duckdb.connect().from_df(pd.DataFrame({"customer_id": ["B"], "name": ["Bee"]}))
    base = CustomerBase.from_tables(duckdb.connect().from_df(FIVE), customers=customers)
    joined = base.visible("transactions").join(base.visible("customers"), on="customer_id")
    assert engine.collect(joined)["name"].tolist() == ["Bee"] * 2


def test_day_numbers_agree_between_engines():
    for kind in ENGINES:
        base = CustomerBase.from_tables(ENGINES[kind](FIVE))
        days = engine.collect(base.visible("transactions").select("day"))
        assert set(days["day"]) == {19727, 19787, 19754, 19762}


# --- Names of columns ---------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ENGINES)
@pytest.mark.parametrize("name", ["day", "Day", "DAY", "date_DAY", "rl_rank", "RL_x"])
def test_a_column_called_like_one_of_the_bases_own_is_kept_under_another_name(kind, name):
    base = CustomerBase.from_tables(ENGINES[kind](FIVE.assign(**{name: 5})))
    wanted = name if name == "date_DAY" else f"{name}_export"
    assert base.as_of == date(2024, 3, 5)
    assert base.columns("transactions") == ("customer_id", "date", "amount", wanted)
    assert set(base.to_pandas()[wanted]) == {5}
    assert len(purchases(base)) == 3


@pytest.mark.parametrize("kind", ENGINES)
def test_a_days_own_name_is_free_after_the_export_has_taken_its_first_choice(kind):
    frame = FIVE.assign(day_export="a", Day="b")
    base = CustomerBase.from_tables(ENGINES[kind](frame))
    assert base.columns("transactions")[3:] == ("day_export", "Day_export_2")
    assert set(base.to_pandas()["Day_export_2"]) == {"b"}


@pytest.mark.parametrize("kind", ENGINES)
def test_a_closing_day_number_of_the_table_itself_is_not_taken_for_the_bases(kind):
    customers = pd.DataFrame(
        {
            "customer_id": ["007"],
            "closed_on": pd.to_datetime(["2024-02-01"]),
            "Closed_On_Day": ["Thursday"],
        }
    )
    base = CustomerBase.from_tables(ENGINES[kind](FIVE), customers=ENGINES[kind](customers))
    assert base.to_pandas("customers")["Closed_On_Day_export"].tolist() == ["Thursday"]
    days = engine.collect(base.visible("customers").select("closed_on_day"))
    assert days["closed_on_day"].tolist() == [19754]


@pytest.mark.parametrize("kind", ENGINES)
def test_other_columns_that_end_in_day_are_seen(kind):
    base = CustomerBase.from_tables(ENGINES[kind](FIVE.assign(delivery_day="Monday")))
    assert base.has("transactions", "delivery_day")
    assert set(base.to_pandas()["delivery_day"]) == {"Monday"}


def relation(frame: pd.DataFrame) -> duckdb.DuckDBPyRelation:
    """A relation with names that differ only by case, which DuckDB renames when it reads one."""
    numbered = duckdb.connect().from_df(frame.set_axis(list("abcdefgh")[: frame.shape[1]], axis=1))
    return numbered.project(
        ", ".join(f'#{place} AS "{name}"' for place, name in enumerate(frame, 1))
    )


@pytest.mark.parametrize("kind", ENGINES)
def test_names_that_differ_only_by_case_are_told_apart(kind):
    frame = FIVE.assign(shop="Lyon", Shop="Paris", Amount=99.0)
    table = relation(frame) if kind == "duckdb" else ENGINES[kind](frame)
    base = CustomerBase.from_tables(table, customers=pd.DataFrame({"customer_id": ["007"]}))
    assert base.columns("transactions")[3:] == ("shop", "Shop_2", "Amount_2")
    seen = base.to_pandas()
    assert (set(seen["shop"]), set(seen["Shop_2"])) == ({"Lyon"}, {"Paris"})
    assert seen["amount"].sum() == 35.0


@pytest.mark.parametrize("kind", ENGINES)
def test_the_contracts_columns_are_known_in_any_case(kind):
    frame = FIVE.rename(columns={"customer_id": "Customer_ID", "date": "DATE", "amount": "Amount"})
    base = CustomerBase.from_tables(ENGINES[kind](frame))
    assert base.columns("transactions") == ("customer_id", "date", "amount")
    assert len(purchases(base)) == 3


def test_two_columns_for_one_of_the_contract_are_refused_by_name():
    frame = FIVE.drop(columns="amount").assign(Amount=1.0, AMOUNT=2.0)
    for table in (frame, pl.from_pandas(frame), pl.from_pandas(frame).lazy(), relation(frame)):
        with pytest.raises(InputError, match=r"2 columns for amount: 'Amount', 'AMOUNT'"):
            CustomerBase.from_tables(table)


def test_one_name_twice_is_refused_by_name():
    frame = pd.concat([FIVE, FIVE[["amount"]]], axis=1)
    with pytest.raises(InputError, match="more than once: amount"):
        CustomerBase.from_tables(frame)
    with pytest.raises(InputError, match="2 columns for amount"):
        CustomerBase.from_tables(pa.table([pa.array([1.0])] * 2, names=["amount", "amount"]))


# --- Zones --------------------------------------------------------------------------------------

ZONES = """
import duckdb, pandas as pd, polars as pl, sys
from retention_lib.base.customer_base import CustomerBase
from retention_lib.base import engine
local = pd.Timestamp("2024-03-10 23:30").tz_localize("Europe/Paris")
early = pd.Timestamp("2024-03-10 00:15").tz_localize("Europe/Paris")
frame = pd.DataFrame({"customer_id": ["a", "b"], "date": [early, local], "amount": [1.0, 2.0]})
own = frame.assign(date=frame["date"].astype(object))
arrow = pl.from_pandas(frame).to_arrow()
for table in (frame, own, arrow, pl.from_pandas(frame), pl.from_pandas(frame).lazy()):
    base = CustomerBase.from_tables(table)
    print(sorted({str(d)[:16] for d in base.to_pandas()["date"]}), base.as_of)
connection = duckdb.connect()
connection.register("t", arrow)
relation = connection.sql("SELECT * FROM t")
relation.write_parquet(sys.argv[1])
for table in (relation, sys.argv[1]):
    base = CustomerBase.from_tables(table)
    print(sorted({str(d)[:16] for d in base.to_pandas()["date"]}), base.as_of)
both = CustomerBase.from_tables(relation, customers=pd.DataFrame({"customer_id": ["a"]}))
print(both.as_of, CustomerBase.from_tables(frame).to_pandas()["date"].dt.tz)
"""


@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Tokyo"])
def test_the_day_of_a_moment_does_not_depend_on_where_the_machine_stands(zone, tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", ZONES, str(tmp_path / "t.parquet")],
        env={**os.environ, "TZ": zone},
        capture_output=True,
        text=True,
        check=False,
    )
    paris = "['2024-03-10 00:15', '2024-03-10 23:30'] 2024-03-10"
    utc = "['2024-03-09 23:15', '2024-03-10 22:30'] 2024-03-10"
    assert done.stdout.splitlines() == [*[paris] * 5, *[utc] * 2, "2024-03-10 None"], done.stderr


# --- What was known -----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ENGINES)
def test_a_customer_acquired_after_as_of_is_not_there_yet(kind):
    customers = pd.DataFrame(
        {
            "customer_id": ["007", "B", "C"],
            "acquired_on": pd.to_datetime(["2024-01-01", "2024-02-01", None]),
        }
    )
    base = CustomerBase.from_tables(ENGINES[kind](FIVE), customers=ENGINES[kind](customers))
    seen = base.at("2024-01-31").to_pandas("customers")
    assert sorted(seen["customer_id"]) == ["007", "C"]
    assert len(base.to_pandas("customers")) == 3


@pytest.mark.parametrize("kind", ENGINES)
def test_how_an_undated_opportunity_ended_is_not_known_from_the_past(kind):
    opportunities = pd.DataFrame(
        {
            "opportunity_id": ["1"],
            "customer_id": ["007"],
            "opened_on": pd.to_datetime(["2024-01-06"]),
            "amount": [5.0],
            "stage": ["won"],
            "won": [True],
        }
    )
    base = CustomerBase.from_tables(ENGINES[kind](FIVE), opportunities=ENGINES[kind](opportunities))
    now, then = base.to_pandas("opportunities"), base.at("2024-02-01").to_pandas("opportunities")
    assert (now["won"].tolist(), now["stage"].tolist()) == ([True], ["won"])
    assert len(then) == 1
    assert then[["won", "stage"]].isna().all().all()
    past = CustomerBase.from_tables(FIVE, opportunities=opportunities, as_of="2024-02-01")
    assert past.to_pandas("opportunities")[["won", "stage"]].isna().all().all()


def test_a_base_is_not_seen_from_before_its_first_transaction():
    with pytest.raises(InputError, match=r"first transaction is of 2024-01-05.*2023-12-31"):
        CustomerBase.from_tables(FIVE, as_of="2023-12-31")


@pytest.mark.parametrize("kind", ENGINES)
def test_days_that_cannot_be_are_set_aside_and_never_as_of(kind):
    frame = FIVE.assign(date=["9999-12-31", "0001-01-01", "2024-02-31", "2024-01-05", "2024-01-06"])
    with pytest.warns(DataWarning, match="3 with no usable date"):
        base = CustomerBase.from_tables(ENGINES[kind](frame))
    assert base.as_of == date(2024, 1, 6)


def test_a_typed_date_in_the_year_9999_is_set_aside():
    days = [datetime(9999, 12, 31), *[datetime(2024, 1, 5)] * 4]
    for table in (FIVE.assign(date=days), pl.from_pandas(FIVE.assign(date=days))):
        with pytest.warns(DataWarning, match="1 with no usable date"):
            assert CustomerBase.from_tables(table).as_of == date(2024, 1, 5)


# --- Values -------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ENGINES)
@pytest.mark.parametrize("nothing", ["nan", "None", "NULL", "N/A", "#N/A", "  ", "\u00a0", "<NA>"])
def test_a_word_for_nothing_is_not_a_customer(kind, nothing):
    frame = FIVE.assign(customer_id=[nothing, "NA", "007", "B", "B"])
    with pytest.warns(DataWarning, match="1 with no usable customer_id"):
        base = CustomerBase.from_tables(ENGINES[kind](frame))
    assert set(base.to_pandas()["customer_id"]) == {"NA", "007", "B"}


def test_a_column_of_numbers_and_texts_becomes_text():
    frame = FIVE.assign(
        customer_id=pd.Series([1, "a", 2.0, None, "b"], dtype=object),
        extra=pd.Series([1, "x", {"a": 1}, None, 2.5], dtype=object),
    )
    objects = pl.from_pandas(FIVE).with_columns(
        pl.Series("customer_id", [1, "a", 2.0, None, "b"], dtype=pl.Object)
    )
    for table in (frame, objects):
        with pytest.warns(DataWarning, match="1 with no usable customer_id"):
            base = CustomerBase.from_tables(table)
        assert set(base.to_pandas()["customer_id"]) == {"1", "a", "2", "b"}


@pytest.mark.parametrize("kind", ENGINES)
def test_float_ids_without_end_or_beyond_exactness_are_set_aside(kind):
    frame = FIVE.assign(customer_id=[float("inf"), 1e20, 7.0, 12.5, float("nan")])
    with pytest.warns(DataWarning, match="3 with no usable customer_id"):
        base = CustomerBase.from_tables(ENGINES[kind](frame))
    assert set(base.to_pandas()["customer_id"]) == {"7", "12.5"}


def test_mixed_amounts_and_dates_are_refused_with_an_example():
    with pytest.raises(InputError, match=r"'amount'.*numbers.*'oops'"):
        CustomerBase.from_tables(FIVE.assign(amount=pd.Series([1, "oops", 2, 3, 4], dtype=object)))
    with pytest.raises(InputError, match=r"'date'.*'soon'"):
        CustomerBase.from_tables(
            FIVE.assign(date=pd.Series([datetime(2024, 1, 5), "soon", None, None, None]))
        )
    with pytest.raises(InputError, match=r"'date'.*dates.*45000"):
        CustomerBase.from_tables(FIVE.assign(date=45000))


AMOUNTS = [10.0, 5.0, 20.0, 8.0, -8.0]
DATES = FIVE["date"].dt.date.tolist()


@pytest.mark.parametrize(
    "frame",
    [
        FIVE.assign(amount=[Decimal(str(value)) for value in AMOUNTS]),
        FIVE.assign(amount=pd.Series([Decimal(10), 5, 20.0, Decimal("8.0"), -8], dtype=object)),
        FIVE.assign(amount=pd.array([10, 5, 20, 8, -8], dtype="Int64")),
        FIVE.assign(amount=pd.arrays.SparseArray(AMOUNTS)),
        FIVE.assign(amount=np.array(AMOUNTS, dtype="float16")),
        FIVE.assign(customer_id=FIVE["customer_id"].astype("category")),
        FIVE.assign(customer_id=FIVE["customer_id"].astype("string")),
        FIVE.assign(date=DATES),
        FIVE.assign(date=pd.Series(DATES).astype("category")),
        FIVE.assign(date=FIVE["date"].astype(str)),
        FIVE.assign(date=FIVE["date"].astype(str).astype("category")),
        FIVE.assign(quantity=None, unit_price=pd.Series([None] * 5, dtype="string")),
        FIVE.assign(extra=pd.period_range("2024-01", periods=5, freq="M"), other=1j),
        FIVE.assign(customer_id=pd.Series(["007"] * 3 + ["B"] * 2, dtype="large_string[pyarrow]")),
        pl.from_pandas(FIVE).with_columns(pl.col("customer_id").cast(pl.Categorical)),
        pl.from_pandas(FIVE).with_columns(pl.col("amount").cast(pl.Decimal(10, 2))),
        pl.from_pandas(FIVE).with_columns(pl.lit(None).alias("quantity")).lazy(),
        pl.from_pandas(FIVE).to_arrow(),
    ],
)
def test_every_usual_type_of_a_column_gives_the_same_purchases(frame):
    assert purchases(CustomerBase.from_tables(frame)) == [
        ("007", date(2024, 1, 5), 15.0),
        ("007", date(2024, 3, 5), 20.0),
        ("B", date(2024, 2, 1), 8.0),
    ]


WHOLE = [Decimal(number) for number in (7, 7, 7, 10**37, 10**37)]


@pytest.mark.parametrize("kind", ["pandas", "polars", "parquet"])
def test_whole_number_ids_kept_as_decimals_are_those_numbers(kind, tmp_path):
    frame = FIVE.assign(customer_id=WHOLE)
    if kind == "parquet":
        frame.to_parquet(tmp_path / "t.parquet")
    told = {"pandas": frame, "polars": pl.from_pandas(frame), "parquet": tmp_path / "t.parquet"}
    base = CustomerBase.from_tables(told[kind])
    assert sorted({name for name, _, _ in purchases(base)}) == ["1" + "0" * 37, "7"]


# --- The wrong thing ----------------------------------------------------------------------------


def test_no_transactions_and_no_table_are_said():
    with pytest.raises(InputError, match="needs transactions"):
        CustomerBase.from_tables(None)
    for wrong in ([1, 2], {"a": 1}, 3, FIVE["amount"]):
        with pytest.raises(InputError, match="must be a pandas"):
            CustomerBase.from_tables(wrong)


def test_a_file_that_is_no_parquet_is_pointed_to_what_reads_it(tmp_path):
    file = tmp_path / "x.csv"
    file.write_text("customer_id,date,amount\n1,2024-01-01,2\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"rl\.import_export.*rl\.open_base"):
        CustomerBase.from_tables(str(file))
    with pytest.raises(InputError, match=r"folder.*rl\.open_base"):
        CustomerBase.from_tables(tmp_path)


@pytest.mark.parametrize("rate", ["0.3", True, float("nan"), -0.1])
def test_a_margin_rate_is_a_number(rate):
    with pytest.raises(InputError, match="between 0 and 1"):
        CustomerBase.from_tables(FIVE, margin_rate=rate)


@pytest.mark.parametrize("public", [describe_base, score_rfm, check_quality, find_duplicates])
def test_something_else_than_a_base_is_answered_with_how_to_make_one(public):
    for wrong in (FIVE, None, "data/sample/b2b"):
        with pytest.raises(InputError, match=r"Pass a CustomerBase.*imported\.to_base\(\)"):
            public(wrong)


def test_ids_that_are_no_texts_or_numbers_are_refused_with_an_example():
    lists, durations = FIVE.assign(customer_id=[[1]] * 5), pl.from_pandas(FIVE)
    durations = durations.with_columns(customer_id=pl.duration(days=1))
    for table in (lists, pl.from_pandas(lists), durations):
        with pytest.raises(InputError, match=r"'customer_id'.*should hold texts.*for example"):
            CustomerBase.from_tables(table)


# --- Tables kept as they were cleaned -------------------------------------------------------------

TEXTS = (
    *("C00012345", "a", "007", "NULL", "nan", "NaN", "N/A", "#n/a", "#VALUE!", "#value!x", "-"),
    *(" nan ", " C1", "C1\u00a0", "\tC1\n", "", "   ", "\u2060", "1.5\u2060", "abc\u2060"),
    *("Élodie", "Hôtel du Port ", "naïve", "two words", " two words ", "NA", "null.", "\\n"),
    *("nanometre", "é", "\u200b", "a\u0000b", "~", "!", "\x7f", "12345678\u3000", None),
)


def test_the_quick_way_of_cleaning_texts_finds_what_the_slow_one_finds():
    connection = engine.connect()
    texts = pa.table({"it": pa.array(TEXTS, pa.string())})
    frame = engine.as_lazy(texts, "texts", connection)
    quick = engine.with_clean_text(frame, "it").collect("pyarrow")["it"].to_list()
    slow = connection.sql(f"SELECT {clean_text_sql('it')} FROM texts").fetchall()
    assert quick == [value for (value,) in slow]
    assert {"C00012345", "007", "C1", "1.5", "Élodie", "two words", "NA", "null."} <= set(quick)
    assert not {"NULL", "nan", "N/A", "#VALUE!", ""} & set(quick)


@pytest.mark.parametrize("bound", [30_000_000, 3, 2])
def test_a_table_kept_or_read_each_time_has_the_same_rows(bound, monkeypatch, tmp_path):
    # Four rows of which three are usable: kept before, after setting aside, or not at all.
    monkeypatch.setattr(customer_base, "_SETTLED_UP_TO", bound)
    frame = pd.DataFrame(
        {
            "customer_id": ["a", " b ", "N/A", "c"],
            "date": pd.to_datetime(["2024-01-01", "2024-01-02", "2024-01-03", "2024-01-04"]),
            "amount": [1.0, 2.0, 3.0, 4.0],
        }
    )
    frame.to_parquet(tmp_path / "lines.parquet")
    with pytest.warns(DataWarning, match="1 of 4 rows of transactions were set aside"):
        base = CustomerBase.from_tables(tmp_path / "lines.parquet")
    found = base.to_pandas().sort_values("date")
    assert found["customer_id"].tolist() == ["a", "b", "c"]
    assert found["amount"].tolist() == [1.0, 2.0, 4.0]
    assert base.made_from["tables"]["transactions"]["rows_kept"] == 3
    query = base.tables["transactions"].to_native().sql_query()
    assert ("regexp_full_match" in query) == (bound == 2), "cleaned at every reading, or once"


def test_a_table_without_columns_is_refused_in_words():
    with pytest.raises(InputError, match="without a single column"):
        CustomerBase.from_tables(pd.DataFrame())


def test_half_a_letter_is_kept_apart_and_stops_nobody():
    halves = pd.Series(["L\udce9a", "L\udce8a", "Bo"], dtype=object)
    days = ["2025-01-01", "2025-01-02", "2025-01-03"]
    table = pd.DataFrame({"customer_id": halves, "date": days, "amount": [1.0, 2.0, 3.0]})
    base = CustomerBase.from_tables(table)
    assert sorted(base.to_pandas()["customer_id"]) == ["Bo", r"L\udce8a", r"L\udce9a"]
