"""The base shows what was known on its date, and nothing that came to light later."""

from datetime import date

import duckdb
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retention_lib.base import engine
from retention_lib.base.customer_base import CustomerBase
from retention_lib.errors import ChoiceError, DataWarning, InputError

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
