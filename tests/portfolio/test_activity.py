"""Who counts as a customer on a day, what a line earned, and the ranges beside figures."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import stats

from retention_lib.base import engine
from retention_lib.base.customer_base import CustomerBase
from retention_lib.portfolio.activity import standing
from retention_lib.portfolio.intervals import middle, resampled, share_interval
from retention_lib.portfolio.money import margin_basis


def lines(*rows, **columns):
    frame = pd.DataFrame(rows, columns=["customer_id", "date", "amount"])
    return frame.assign(date=pd.to_datetime(frame["date"]), **columns)


def customers(*rows, columns=("customer_id", "closed_on", "is_contract")):
    frame = pd.DataFrame(rows, columns=list(columns))
    return frame.assign(closed_on=pd.to_datetime(frame["closed_on"]))


def stands(base):
    return engine.collect(standing(base)).set_index("customer_id").sort_index()


# As of 31 December 2024 with a window of 365 days, which begins on 2 January 2024.
FILE = (
    ("late", "2024-12-31", 10.0),
    ("edge_in", "2024-01-02", 10.0),
    ("edge_out", "2024-01-01", 10.0),
    ("refunded", "2023-05-01", 40.0),
    ("refunded", "2024-06-01", -15.0),
    ("never", "2024-06-01", -5.0),
    ("closed", "2024-12-01", 20.0),
    ("monthly", "2022-03-01", 30.0),
)


def test_the_window_holds_its_last_day_and_not_the_day_before_its_first():
    active = stands(CustomerBase.from_tables(lines(*FILE)))["active"]
    assert active.to_dict() == {
        "closed": True,
        "edge_in": True,
        "edge_out": False,
        "late": True,
        "monthly": False,
        "refunded": False,
    }


def test_a_refund_in_the_window_lowers_revenue_and_is_no_purchase():
    row = stands(CustomerBase.from_tables(lines(*FILE))).loc["refunded"]
    assert row[["purchases", "revenue"]].tolist() == [0, -15.0]
    assert row[["lifetime_purchases", "lifetime_revenue"]].tolist() == [1, 25.0]


@pytest.mark.parametrize("native", [pd.DataFrame, pl.from_pandas])
def test_closing_ends_activity_and_a_contract_outlasts_silence(native):
    known = customers(("closed", "2024-12-31", False), ("monthly", None, True))
    table = stands(CustomerBase.from_tables(native(lines(*FILE)), customers=native(known)))
    assert not table.loc["closed", "active"]
    assert table.loc["monthly", "active"]
    assert table.loc["late", "active"]


def test_a_closure_after_the_day_is_not_known_on_it():
    known = customers(("closed", "2024-12-31", False))
    base = CustomerBase.from_tables(lines(*FILE), customers=known)
    assert stands(base.at("2024-12-30")).loc["closed", "active"]


def test_a_contract_that_ended_is_lost():
    known = customers(("monthly", "2024-12-31", True))
    base = CustomerBase.from_tables(lines(*FILE), customers=known)
    assert not stands(base).loc["monthly", "active"]


def test_a_customer_listed_twice_is_still_one_and_keeps_its_revenue():
    known = customers(("late", None, None), ("late", "2024-12-30", None))
    table = stands(CustomerBase.from_tables(lines(*FILE), customers=known))
    assert table.index.is_unique
    assert table.loc["late", "revenue"] == 10.0
    assert not table.loc["late", "active"]


def test_lines_without_a_margin_are_valued_at_the_rate_of_those_with_one():
    base = CustomerBase.from_tables(lines(*FILE[:3], margin=[4.0, 2.0, None]))
    basis = margin_basis(base)
    assert (basis.source, basis.rate, basis.lines_without) == ("lines", 0.3, 1)
    told = engine.collect(base.visible("transactions").select(basis.expression().alias("margin")))
    assert sorted(told["margin"]) == [2.0, 3.0, 4.0]


def test_without_margins_the_rate_of_the_workbook_holds_and_without_it_nothing_is_claimed():
    plain = lines(*FILE[:3])
    assert margin_basis(CustomerBase.from_tables(plain, margin_rate=0.25)).rate == 0.25
    unknown = margin_basis(CustomerBase.from_tables(plain))
    assert not unknown.known
    empty = plain.assign(margin=np.nan)
    assert margin_basis(CustomerBase.from_tables(empty)).source == "unknown"


@pytest.mark.parametrize(
    ("hits", "of"), [(0, 5), (1, 1), (10, 10), (3, 10), (50, 100), (999, 1000)]
)
def test_the_interval_of_a_share_is_that_of_scipy(hits, of):
    theirs = stats.binomtest(hits, of).proportion_ci(method="wilson")
    assert share_interval(hits, of) == pytest.approx((theirs.low, theirs.high), abs=1e-12)


def test_no_case_no_interval():
    assert np.isnan(share_interval(0, 0)).all()
    assert np.isnan(middle(np.array([np.nan]))).all()


def test_resampling_draws_whole_customers_and_repeats_itself():
    one, two = np.arange(50.0), np.arange(50.0) * 2
    draws = resampled(lambda a, b: (b - 2 * a).sum(), one, two, draws=20)
    assert not draws.any()
    means = resampled(np.mean, one, draws=2000)
    assert (means == resampled(np.mean, one, draws=2000)).all()
    low, high = middle(means)
    theirs = stats.norm.interval(0.95, one.mean(), one.std() / np.sqrt(50))
    assert (low, high) == pytest.approx(theirs, abs=0.4)
