"""Lifetime value: what is counted, what is carried over, and what cannot be told."""

from datetime import date, timedelta
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retention_lib.base.customer_base import CustomerBase
from retention_lib.base.opening import open_base
from retention_lib.base.simulate import simulate_base
from retention_lib.errors import InputError
from retention_lib.portfolio.activity import standing
from retention_lib.portfolio.money import margin_basis
from retention_lib.scoring._lifetime_contracts import MONTH, ContractModel
from retention_lib.scoring._lifetime_draws import Ahead
from retention_lib.scoring._lifetime_facts import kept_days
from retention_lib.scoring._lifetime_models import Spend, fit_purchases
from retention_lib.scoring._lifetime_record import _carried, stretches
from retention_lib.scoring._lifetime_risk import _half_line
from retention_lib.scoring.churn import fit_churn
from retention_lib.scoring.lifetime import value_customers

SAMPLES = Path(__file__).parents[2] / "data/sample"
FIGURES = ["p_alive", "expected_purchases", "expected_spend", "clv", "clv_low", "clv_high"]
START = date(2024, 1, 1)


def lines(*rows):
    frame = pd.DataFrame(rows, columns=["customer_id", "date", "amount"])
    return frame.assign(date=pd.to_datetime(frame["date"]))


def base_of(*rows, **options):
    return CustomerBase.from_tables(lines(*rows), **{"currency": "EUR", **options})


def regulars(customers=40, every=30, days=400, amount=20.0):
    """Customers who buy on the dot, each from a day of its own."""
    return [
        (f"c{i:02}", START + timedelta(days=day), amount)
        for i in range(customers)
        for day in range(i % every, days, every)
    ]


@cache
def sample(name):
    return open_base(SAMPLES / name)


@cache
def worth(name):
    return value_customers(sample(name))


@cache
def on_the_dot(**options):
    return value_customers(base_of(*regulars(), **options))


@cache
def simulated(seed=5, **options):
    return simulate_base(400, seed=seed, **options)[0]


# --- facts -----------------------------------------------------------------------------------

# Ann buys three times and returns half of one purchase, Bob once, Cid brings nothing but refunds.
SHOP = (
    ("ann", "2024-01-01", 10.0),
    ("ann", "2024-01-01", 5.0),
    ("ann", "2024-02-01", 40.0),
    ("ann", "2024-02-05", -20.0),
    ("ann", "2024-03-01", 30.0),
    ("bob", "2024-02-10", 8.0),
    ("bob", "2024-03-31", 0.0),
    ("cid", "2024-03-02", -9.0),
)


@pytest.mark.parametrize("kind", ["pandas", "polars"])
def test_facts_by_hand_on_every_engine(kind):
    table = lines(*SHOP)
    base = CustomerBase.from_tables(pl.from_pandas(table) if kind == "polars" else table)
    with kept_days(base, margin_basis(base)) as days:
        now = days.facts(base.as_of_day).set_index("customer_id")
        earlier = days.facts(base.as_of_day - 31).set_index("customer_id")
        later = days.bought_between(base.as_of_day - 31, base.as_of_day)
    assert now.index.tolist() == ["ann", "bob"]
    assert now.loc["ann", ["purchases", "gross", "revenue"]].tolist() == [3, 85.0, 65.0]
    assert int(now.loc["ann", "last_day"] - now.loc["ann", "first_day"]) == 60
    assert now.loc["bob", ["purchases", "gross", "revenue"]].tolist() == [1, 8.0, 8.0]
    assert earlier.loc["ann", ["purchases", "revenue"]].tolist() == [2, 35.0]
    assert later.set_index("customer_id").loc["ann"].tolist() == [1, 30.0]


def test_a_mistyped_year_does_not_make_a_history_of_a_century():
    base = base_of(*regulars(), ("stray", "1901-01-01", 5.0))
    with kept_days(base, margin_basis(base)) as days:
        facts = days.facts(base.as_of_day).set_index("customer_id")
    assert facts.loc["stray", "first_day"] == facts["first_day"].min()
    assert base.as_of_day - days.begins < 400


# --- value -----------------------------------------------------------------------------------


def test_value_is_purchases_times_spend_when_money_costs_nothing():
    table = value_customers(base_of(*regulars()), discount_rate=0).to_frame()
    by_hand = table["expected_purchases"] * table["expected_spend"]
    np.testing.assert_allclose(table["clv"], by_hand, rtol=1e-9)


def test_customers_who_buy_on_the_dot_are_expected_to_go_on():
    result = value_customers(base_of(*regulars()), horizon_days=300)
    table = result.to_frame()
    assert table["expected_spend"].to_numpy() == pytest.approx(20.0, rel=0.01)
    assert table["expected_purchases"].mean() == pytest.approx(10.0, rel=0.1)
    assert (table["p_alive"] > 0.9).all()


def test_a_margin_rate_turns_revenue_into_margin():
    revenue, margin = on_the_dot(), on_the_dot(margin_rate=0.25)
    assert (revenue.measure, margin.measure) == ("revenue", "margin")
    assert "in revenue" in revenue.sentence() and "in margin" in margin.sentence()
    np.testing.assert_allclose(margin.table["clv"], 0.25 * revenue.table["clv"], rtol=1e-9)


def test_refunds_lower_what_a_purchase_brings():
    rows = regulars()
    returned = [(c, d + timedelta(days=1), -5.0) for c, d, _ in rows if d < date(2025, 1, 20)]
    whole = on_the_dot().to_frame()
    net = value_customers(base_of(*rows, *returned)).to_frame()
    share = 1 - 5.0 * len(returned) / (20.0 * len(rows))
    ratio = net["expected_spend"].mean() / whole["expected_spend"].mean()
    assert ratio == pytest.approx(share, rel=0.03)


def test_discounting_is_that_of_the_day_of_each_purchase():
    base = sample("b2b")
    plain = value_customers(base, horizon_days=365, discount_rate=0).to_frame()
    dear = value_customers(base, horizon_days=365, discount_rate=0.10).to_frame()
    # Spread evenly over a year, money is worth (1 - 1/1.1) / log(1.1) = 0.9538 of itself; the
    # purchases come a little earlier than evenly, since some customers leave on the way.
    ratio = dear["clv"].sum() / plain["clv"].sum()
    assert 0.9538 < ratio < 0.9575


def test_the_discounted_integral_is_that_of_many_small_steps():
    base = sample("cdnow")
    with kept_days(base, margin_basis(base)) as days:
        facts = days.facts(base.as_of_day).iloc[:60].reset_index(drop=True)
    forecast = fit_purchases(facts, base.as_of_day, "mbgnbd")
    force = np.log(1.1) / 365
    ends = np.linspace(0, 700, 1401)
    grown = np.array([forecast.expected(float(end)) for end in ends[1:]])
    steps = np.diff(np.vstack([np.zeros(grown.shape[1]), grown]), axis=0)
    by_hand = (steps * np.exp(-force * (ends[1:] - 0.25))[:, None]).sum(axis=0)
    np.testing.assert_allclose(forecast.discounted(700.0, force), by_hand, rtol=1e-4)


@pytest.mark.parametrize("kind", ["mbgnbd", "bgnbd"])
def test_discounting_holds_for_every_horizon_and_rate(kind):
    base = sample("cdnow")
    with kept_days(base, margin_basis(base)) as days:
        facts = days.facts(base.as_of_day).iloc[::60].reset_index(drop=True)
    forecast = fit_purchases(facts, base.as_of_day, kind)
    horizons = (1.0, 365.0, 1095.0, 7300.0, 18250.0, 36500.0)
    ends = np.unique(np.concatenate([[0.0], horizons, np.geomspace(1e-2, horizons[-1], 1500)]))
    grown = np.array([forecast.expected(float(end)).sum() for end in ends])
    for rate in (0.02, 0.1, 1.0):
        force, before = np.log1p(rate) / 365, 0.0
        worth = np.diff(grown) * np.exp(-force * (ends[1:] + ends[:-1]) / 2)
        for days_ahead in horizons:
            by_hand = float(worth[ends[1:] <= days_ahead].sum())
            found = float(forecast.discounted(days_ahead, force).sum())
            assert found == pytest.approx(by_hand, rel=1e-3)
            assert found >= before * (1 - 1e-9)
            before = found


def test_contracts_of_any_length_can_be_looked_at_for_a_century():
    dear = Ahead(36_500.0, np.log(2.0) / 365)
    own = ContractModel(0.704, 1.182, 0.0, 999, 999)
    grid = np.linspace(0, 36_500, 400_001)
    months = np.zeros(1)
    lasting = [float(own.survival(months, day / MONTH)[0]) for day in grid[::400]]
    shown = np.interp(grid, grid[::400], lasting) * np.exp(-dear.force * grid)
    by_hand = float(np.sum((shown[1:] + shown[:-1]) / 2) * (grid[1] - grid[0]) / MONTH)
    assert own.remaining(months, dear)[0] == pytest.approx(by_hand, rel=0.02)
    quick = ContractModel(None, None, 0.5, 5, 60)
    force = np.log(2.0) / MONTH + dear.force
    assert quick.remaining(months, dear)[0] == pytest.approx(1 / force / MONTH, rel=1e-9)


def test_a_horizon_is_exact_days_not_months():
    base = base_of(*regulars(customers=12))
    days = [30, 31, 365, 366]
    sums = [value_customers(base, horizon_days=d).table["expected_purchases"].sum() for d in days]
    assert sums == sorted(sums) and len(set(sums)) == len(sums)


def test_a_closed_account_is_worth_nothing_and_is_still_listed():
    rows = regulars()
    gone = pd.DataFrame({"customer_id": ["c03"], "closed_on": pd.to_datetime(["2025-01-20"])})
    table = value_customers(base_of(*rows, customers=gone)).to_frame().set_index("customer_id")
    assert len(table) == 40
    closed = table.loc["c03", ["p_alive", "expected_purchases", "clv", "clv_low", "clv_high"]]
    assert closed.tolist() == [0.0] * 5
    assert not table.loc["c03", "active"]


def test_who_is_active_is_what_standing_says():
    base = sample("b2b")
    known = standing(base).select("customer_id", "active").collect("pandas").to_native()
    ours = worth("b2b").table.set_index("customer_id")["active"]
    assert (
        ours.sort_index().tolist() == known.set_index("customer_id")["active"].sort_index().tolist()
    )


def test_nobody_who_bought_once_is_a_customer_for_certain():
    table = worth("cdnow").table
    once = table[table["purchases"] == 1]
    assert len(once) > 1000
    assert once["p_alive"].max() < 0.9
    assert worth("cdnow").first_purchase_only == pytest.approx(len(once) / len(table))


def test_rows_added_after_as_of_change_nothing():
    rows = regulars()
    as_of = START + timedelta(days=399)
    later = [("c01", as_of + timedelta(days=5), 999.0), ("new", as_of + timedelta(days=9), 1.0)]
    before = on_the_dot(as_of=as_of)
    after = value_customers(base_of(*rows, *later, as_of=as_of))
    pd.testing.assert_frame_equal(before.table, after.table)
    assert before.sentence() == after.sentence()


def test_the_engines_agree():
    table = sample("cdnow").to_pandas("transactions")[["customer_id", "date", "amount"]]
    duck = value_customers(CustomerBase.from_tables(table)).table
    polars = value_customers(CustomerBase.from_tables(pl.from_pandas(table))).table
    pd.testing.assert_frame_equal(duck, polars, rtol=1e-6)


def test_the_same_base_gives_the_same_ranges_whatever_the_order_of_its_rows():
    rows = regulars()
    one, other = on_the_dot(), value_customers(base_of(*reversed(rows)))
    pd.testing.assert_frame_equal(one.table, other.table)
    pd.testing.assert_frame_equal(one.total.table, other.total.table)


@pytest.mark.parametrize("name", ["b2b", "cdnow"])
def test_ranges_hold_the_value_and_the_total_is_surer_than_its_parts(name):
    result = worth(name)
    table = result.table
    assert (table["clv_low"] <= table["clv"]).all() and (table["clv"] <= table["clv_high"]).all()
    assert table["clv"].is_monotonic_decreasing
    total = result.total
    assert total.clv == pytest.approx(table["clv"].sum())
    assert table["clv_low"].sum() < total.low < total.clv < total.high < table["clv_high"].sum()


@given(
    st.lists(
        st.tuples(st.sampled_from("abcdefgh"), st.integers(0, 700), st.integers(-20, 60)),
        min_size=1,
        max_size=120,
    ),
    st.integers(1, 2000),
    st.sampled_from([0.0, 0.1, 1.0]),
)
@settings(max_examples=8, deadline=None)
def test_any_base_is_valued_or_said_to_be_untellable(rows, horizon, rate):
    base = base_of(*((c, START + timedelta(days=d), float(a)) for c, d, a in rows))
    result = value_customers(base, horizon_days=horizon, discount_rate=rate)
    table = result.table
    told = table[FIGURES].dropna()
    assert len(told) in (0, len(table))
    assert np.isfinite(told.to_numpy()).all() and (told.to_numpy() >= 0).all()
    assert (told["clv_low"] <= told["clv"]).all() and (told["clv"] <= told["clv_high"]).all()
    assert (told["p_alive"] <= 1).all()
    assert set(table["customer_id"]) == set(
        base.purchases().select("customer_id").unique().collect("pandas").to_native()["customer_id"]
    )
    for said in (result, result.record, result.total, result.simple(), result.decay()):
        assert said.sentence() and said._repr_html_()


# --- the record ------------------------------------------------------------------------------


def test_two_years_are_tested_a_year_back_on_the_same_part_of_the_calendar():
    found = stretches(begins=0, as_of=1094, horizon=90)
    assert [(s.after, s.length, s.aligned) for s in found] == [(729, 90, True), (364, 90, True)]


def test_a_short_history_is_tested_on_its_last_third_and_sixth():
    found = stretches(begins=0, as_of=299, horizon=365)
    assert [(s.after, s.length, s.aligned) for s in found] == [(199, 100, False), (249, 50, False)]


def test_ninety_days_are_the_least_to_test_on():
    assert stretches(begins=0, as_of=88, horizon=365) == []
    assert len(stretches(begins=0, as_of=89, horizon=365)) == 2


def test_an_error_far_beyond_chance_is_carried_over_and_one_within_it_hardly():
    large, _ = _carried(np.array([-0.15, -0.14]), np.array([0.0004, 0.0004]), True)
    small, _ = _carried(np.array([-0.02, 0.02]), np.array([0.002, 0.002]), True)
    chance, _ = _carried(np.array([-0.05]), np.array([0.0025]), True)
    assert -0.145 < large < -0.13
    assert small == 0
    assert -0.012 < chance < 0


def test_where_the_season_cannot_be_told_nothing_is_carried_over_but_the_range_widens():
    carried, spread = _carried(np.array([0.2, 0.2]), np.array([0.001, 0.001]), False)
    assert carried == 0
    assert spread == pytest.approx(np.sqrt(0.04 - 0.002))


def test_the_record_says_what_came_in_the_year_before():
    base, record = sample("b2b"), worth("b2b").record
    rows = record.table.set_index("candidate_code")
    cut = base.at(base.as_of - timedelta(days=365))
    known = standing(cut).collect("pandas").to_native().set_index("customer_id")
    still = set(known[known["closed_day"].isna() & ~known["is_contract"]].index)
    later = base.purchases().collect("pandas").to_native()
    later = later[(later["day"] > cut.as_of_day) & later["customer_id"].isin(still)]
    assert rows["came_purchases"].tolist() == [len(later)] * 3
    assert rows.loc["mbgnbd", "purchases_error"] == pytest.approx(
        rows.loc["mbgnbd", "forecast_purchases"] / len(later) - 1
    )
    assert (rows["chosen"] != "").sum() == 1
    assert record.tenths["came_revenue"].sum() == pytest.approx(rows["came_revenue"].iloc[0])


def test_the_naive_rate_is_the_last_year_carried_on():
    base, record = sample("b2b"), worth("b2b").record
    cut = base.at(base.as_of - timedelta(days=365))
    known = standing(cut).collect("pandas").to_native()
    open_ = known[known["closed_day"].isna() & ~known["is_contract"]]
    naive = record.table.set_index("candidate_code").loc["trailing"]
    assert naive["forecast_purchases"] == open_["purchases"].sum()
    assert naive["forecast_revenue"] == pytest.approx(open_["revenue"].sum())


def test_customers_on_cdnow_are_ranked_better_than_by_the_naive_rate():
    rows = worth("cdnow").record.table.set_index("candidate_code")
    assert rows.loc["mbgnbd", "ranking"] > rows.loc["trailing", "ranking"] + 0.02
    assert rows.loc["trailing", "purchases_error"] > 1


# --- contracts -------------------------------------------------------------------------------


def monthly(customers=60, months=24, closed=()):
    rows, known = [], []
    for i in range(customers):
        name, end = f"k{i:02}", dict(closed).get(i)
        starts = pd.date_range("2024-01-05", periods=months, freq="MS")
        for day in starts[: end if end is not None else months]:
            rows.append((name, day.date(), 100.0))
        ends = starts[end] if end is not None else pd.NaT
        known.append({"customer_id": name, "is_contract": True, "closed_on": ends})
    return base_of(*rows, customers=pd.DataFrame(known), as_of=date(2026, 1, 31))


def test_one_closing_rate_by_hand():
    model = ContractModel(None, None, 0.02, 5, 60)
    months = model.remaining(np.array([3.0, 30.0]), Ahead(365.0, 0.0))
    by_hand = (1 - 0.98**12) / -np.log(0.98)
    np.testing.assert_allclose(months, by_hand, rtol=1e-10)
    dear = model.remaining(np.array([0.0]), Ahead(365.0, np.log(1.1) / 365))[0]
    force = -np.log(0.98) + np.log(1.1) / 365 * MONTH
    assert dear == pytest.approx((1 - np.exp(-force * 12)) / force, rel=1e-10)


def test_survival_is_the_published_shifted_beta_geometric():
    # Fader and Hardie (2007), "regular" customers: alpha 0.704, beta 1.182; 36.8 % leave at the
    # first renewal, and of 100 customers 24 are left after seven.
    model = ContractModel(0.704, 1.182, 0.0, 999, 999)
    assert model.survival(np.zeros(1), 1.0)[0] == pytest.approx(1 - 0.373, abs=1e-3)
    assert model.survival(np.zeros(1), 7.0)[0] == pytest.approx(0.240, abs=1e-3)
    lasting = [float(model.survival(np.array([n]), 1.0)[0]) for n in (0.0, 3.0, 9.0)]
    assert lasting == sorted(lasting)


def test_contracts_are_worth_their_month_times_the_months_they_run():
    result = value_customers(monthly(closed=[(i, 12 + i % 6) for i in range(12)]), discount_rate=0)
    table = result.table.set_index("customer_id")
    running, ended = table.loc["k40"], table.loc["k03"]
    assert (running["p_alive"], ended["p_alive"], ended["clv"]) == (1.0, 0.0, 0.0)
    assert running["expected_spend"] == pytest.approx(100.0)
    assert running["clv"] == pytest.approx(running["expected_purchases"] * 100.0)
    assert 12 < running["expected_purchases"] < 36
    assert "contracts" in str(result.assumptions["lifetime_contracts"])
    assert result.decay().contracts


def test_contracts_and_free_customers_are_valued_side_by_side():
    base = simulated(seed=9, contracts_share=0.4)
    result = value_customers(base)
    assert result.table["is_contract"].mean() == pytest.approx(0.4, abs=0.08)
    assert result.table["clv"].notna().all()
    assert result.total.clv == pytest.approx(result.table["clv"].sum())


def billed(*days_ago, amount=1_200.0, customers=40, polars=False, more=()):
    as_of = pd.Timestamp("2026-01-31")
    rows = [
        (f"k{i:03}", as_of - pd.Timedelta(days=ago), amount)
        for i in range(customers)
        for ago in days_ago
    ]
    table = lines(*rows, *((who, as_of - pd.Timedelta(days=ago), sum_) for who, ago, sum_ in more))
    known = pd.DataFrame({"customer_id": [f"k{i:03}" for i in range(customers)]})
    return CustomerBase.from_tables(
        pl.from_pandas(table) if polars else table,
        customers=known.assign(is_contract=True),
        as_of=as_of.date(),
        currency="EUR",
    )


@pytest.mark.parametrize("polars", [False, True])
@pytest.mark.parametrize(
    ("days_ago", "amount"),
    [
        ((100, 465, 830), 1_200.0),  # by the year
        ((20,), 1_200.0),  # one invoice, and no rhythm known: a year
        ((370, 735), 1_200.0),  # by the year, the next a few days late
        ((0, 30, 61), 100.0),  # by the month, and new
        ((10, 101, 192, 283, 374), 300.0),  # by the quarter
    ],
)
def test_a_contract_is_worth_the_same_whatever_the_rhythm_of_its_invoices(days_ago, amount, polars):
    result = value_customers(billed(*days_ago, amount=amount, polars=polars), discount_rate=0)
    monthly = result.table["monthly_value"]
    assert monthly.to_numpy() == pytest.approx(100.0, rel=0.015)
    assert result.total.clv <= 40 * 3_600 * 1.015
    assert (result.table["clv"] > 2_500).all()
    # The simple sum is the same month times thirty-six, and so the forecast is no more than it.
    row = result.simple().table.iloc[0]
    assert row["simple_value"] == pytest.approx(40 * 3_600, rel=0.015)
    assert row["clv"] <= row["simple_value"]


def test_a_contract_invoiced_once_goes_by_the_rhythm_of_the_others():
    base = billed(5, 35, 65, 95, amount=100.0, more=[("k999", 10, 50.0)])
    known = base.to_pandas("customers")[["customer_id", "is_contract"]]
    known = pd.concat(
        [known, pd.DataFrame({"customer_id": ["k999"], "is_contract": [True]})], ignore_index=True
    )
    table = value_customers(
        CustomerBase.from_tables(
            base.to_pandas("transactions")[["customer_id", "date", "amount"]],
            customers=known,
            as_of=base.as_of,
        )
    ).table.set_index("customer_id")
    assert table.loc["k999", "monthly_value"] == pytest.approx(50.0 / 30 * MONTH)


def test_a_contract_long_without_an_invoice_goes_on_as_its_last_year_was():
    table = value_customers(billed(*range(200, 700, 30), amount=100.0)).table
    in_the_last_year = len([ago for ago in range(200, 700, 30) if ago < 365])
    assert table["monthly_value"].to_numpy() == pytest.approx(in_the_last_year * 100.0 / 12)


# --- what stands beside it -------------------------------------------------------------------


def test_a_thousand_a_month_for_twenty_years_is_240_000():
    rows = [("big", START + timedelta(days=30 * i), 1_000.0) for i in range(12)]
    base = base_of(*rows, as_of=START + timedelta(days=364))
    simple = value_customers(base, horizon_days=20 * 365).simple().table.iloc[0]
    assert simple["months_ahead"] == 240
    assert simple["amount_a_month"] == pytest.approx(1_000)
    assert simple["simple_value"] == pytest.approx(240_000)
    assert simple["clv"] < simple["simple_value"]


def test_value_at_risk_by_hand():
    result = value_customers(base_of(*regulars(customers=4, every=20)))
    scores = pd.DataFrame(
        {"customer_id": ["c00", "c01", "c02"], "churn_probability": [0.5, 0.1, 0.0]}
    )
    risk = result.at_risk(scores)
    worth_of = result.table.set_index("customer_id")["clv"]
    table = risk.table.set_index("customer_id")
    assert table.loc["c00", "value_at_risk"] == pytest.approx(0.5 * worth_of["c00"])
    assert risk.total == pytest.approx(0.5 * worth_of["c00"] + 0.1 * worth_of["c01"])
    assert risk.low < risk.total < risk.high
    assert risk.risk_line == pytest.approx(0.2)
    assert risk.unscored == 1
    assert table.loc["c00", "quadrant_code"] in ("act", "nudge")
    assert table.loc["c02", "quadrant_code"] in ("care", "leave")


def test_the_largest_carry_the_first_half():
    assert _half_line(np.array([50.0, 30.0, 20.0])) == 50.0
    assert _half_line(np.array([40.0, 30.0, 20.0, 10.0])) == 30.0
    assert _half_line(np.zeros(3)) == 0.0


def test_the_quadrants_share_out_all_the_value_at_risk():
    result = worth("b2b")
    scores = result.table[["customer_id"]].assign(churn_probability=0.2)
    scores.loc[::3, "churn_probability"] = 0.7
    risk = result.at_risk(scores)
    four = risk.quadrants().table
    assert four["customers"].sum() == len(risk.table) == int(result.table["active"].sum())
    assert four["value_at_risk"].sum() == pytest.approx(risk.total)
    act = risk.table[risk.table["quadrant_code"] == "act"]
    assert (act["clv"] >= risk.worth_line).all()
    assert (act["churn_probability"] > risk.risk_line).all()
    assert f"the {len(act)} to act on now carry" in risk.sentence()
    # Half of the value at risk by hand: the fewest who reach it, and no fewer.
    ranked, few = risk.table["value_at_risk"].to_numpy(), risk.carriers()
    assert ranked[: few - 1].sum() < risk.total / 2 <= ranked[:few].sum() * (1 + 1e-9)
    assert f"{few} of {len(risk.table):,} customers carry half of it" in risk.sentence()


@pytest.mark.parametrize(
    ("scores", "said"),
    [
        (None, "NoneType"),
        (pd.DataFrame({"customer_id": ["a"]}), "no column churn_probability"),
        (pd.DataFrame({"customer_id": ["a", "a"], "churn_probability": [0, 1]}), "more than once"),
        (pd.DataFrame({"customer_id": ["a"], "churn_probability": [17.0]}), "between 0 and 1"),
        (pd.DataFrame({"customer_id": ["a"], "churn_probability": [np.nan]}), "between 0 and 1"),
        (pd.DataFrame({"customer_id": ["a"], "churn_probability": [True]}), "True or False"),
        (
            pd.DataFrame([["a", "a", 0.1]], columns=["customer_id"] * 2 + ["churn_probability"]),
            "column customer_id more than once",
        ),
    ],
)
def test_scores_that_cannot_be_are_refused_with_the_remedy(scores, said):
    with pytest.raises(InputError, match=said):
        worth("cdnow").at_risk(scores)


def test_the_decay_counts_who_bought_in_each_quarter_by_hand():
    # a buys in its first and third quarter, b never again, c is not seen for a whole quarter.
    rows = [
        ("a", "2024-01-01", 5.0),
        ("a", "2024-02-01", 5.0),
        ("a", "2024-08-01", 5.0),
        ("b", "2024-01-01", 5.0),
        ("c", "2024-12-01", 5.0),
        *((f"r{i}", START + timedelta(days=7 * i), 5.0) for i in range(12)),
        *((f"r{i}", START + timedelta(days=7 * i + 40), 5.0) for i in range(12)),
    ]
    seen = value_customers(base_of(*rows)).decay().table
    assert seen["followed"].tolist()[:4] == [14, 14, 11, 0]
    assert seen["buying"].tolist()[:3] == pytest.approx([13 / 14, 0, 1 / 11])


def test_fewer_and_fewer_of_a_cohort_are_left():
    table = worth("cdnow").decay().table
    assert table["still_customers"].is_monotonic_decreasing
    assert table["expected_buying"].is_monotonic_decreasing
    # Where the cohort was seen the model is not far off: 1997's customers, quarters 2 to 5.
    held = table.iloc[1:5]
    assert (held["buying"] - held["expected_buying"]).abs().max() < 0.04


def test_the_top_tenth_is_a_tenth_of_the_active():
    result = worth("b2b")
    now = result.table[result.table["active"]]["clv"].sort_values(ascending=False)
    assert result.top_share() == pytest.approx(now.iloc[: -(-len(now) // 10)].sum() / now.sum())


def test_a_tenth_of_a_few_customers_is_told_by_count():
    result = value_customers(base_of(*regulars(customers=31)))
    assert "the 4 largest carry" in result.sentence()
    assert result.top_share() == pytest.approx(
        result.table["clv"].iloc[:4].sum() / result.total.clv
    )
    assert "top tenth" in worth("b2b").sentence()


def test_a_short_horizon_is_multiplied_as_printed():
    result = value_customers(base_of(*regulars(amount=2_000.0)), horizon_days=1)
    row, said = result.simple().table.iloc[0], result.simple().sentence()
    assert "a year × 1 / 365 days" in said
    assert row["simple_value"] == pytest.approx(12 * row["amount_a_month"] / 365)


@pytest.mark.parametrize("horizon", [1, 7, 90])
def test_the_active_are_no_less_sure_than_all_and_nothing_is_worth_less_than_nothing(horizon):
    total = value_customers(sample("cdnow"), horizon_days=horizon).total
    (clv, low, high), (active, active_low, active_high) = map(total.range_of, ("all", "active"))
    assert 0 <= low <= clv <= high and 0 <= active_low <= active <= active_high
    assert active_high <= high
    assert active_high - active_low <= high - low


def test_no_sentence_counts_one_customer_as_many():
    one = value_customers(base_of(*regulars(customers=1)))
    assert one.total.sentence().startswith("The one customer is worth")
    away = value_customers(base_of(*regulars(customers=1), as_of=date(2028, 1, 1)))
    assert away.sentence().startswith("The only customer is not active")
    nobody = value_customers(base_of(("a", "2024-01-01", -5.0))).total
    assert nobody.sentence() == "Nobody has bought anything yet: there is no value to forecast."


# --- what cannot be told ---------------------------------------------------------------------


def test_one_day_of_purchases_tells_nothing_of_what_will_come():
    result = value_customers(base_of(*((f"c{i}", "2024-01-01", 10.0) for i in range(50))))
    assert result.table["clv"].isna().all() and len(result.table) == 50
    assert "cannot be told" in result.sentence()
    assert "1 day" in result.record.sentence()


def test_refunds_only_are_nobody():
    result = value_customers(base_of(("a", "2024-01-01", -5.0), ("b", "2024-02-01", -1.0)))
    assert result.table.empty
    assert result.sentence() == "Nobody has bought anything yet: there is no value to forecast."


def test_a_history_too_short_to_test_is_said_and_the_range_is_wide():
    short = [row for row in regulars(every=10) if row[1] < START + timedelta(days=80)]
    result = value_customers(base_of(*short))
    assert not result.record.tested
    assert "too short" in result.sentence()
    assert result.total.high > 1.8 * result.total.low


def test_contracts_are_told_without_those_nobody_can_value():
    few = [(f"x{i}", 30 + i, 400.0) for i in range(6)]
    result = value_customers(billed(*range(0, 700, 30), amount=100.0, more=few))
    assert result.table["clv"].isna().sum() == 6
    share = result.top_share()
    assert f"the 4 largest carry {result.wording.percent(share, decimals=0)}" in result.sentence()
    assert result.sentence().startswith("40 active customers")
    assert "What 6 more customers will bring cannot be told" in result.sentence()
    assert "All 40 customers" in result.total.sentence() and "6 more" in result.total.sentence()
    assert "cannot be told" in result.first_purchase_sentence()
    assert "0 %" not in result.first_purchase_sentence()
    row = result.simple().table.iloc[0]
    assert row["amount_a_month"] == pytest.approx(40 * 100.0 / 30 * MONTH, rel=0.02)


def test_closed_accounts_do_not_make_an_untold_base_worth_nothing():
    gone = pd.DataFrame({"customer_id": ["c0"], "closed_on": pd.to_datetime(["2024-02-01"])})
    rows = [(f"c{i}", START + timedelta(days=i % 40), 10.0) for i in range(50)]
    result = value_customers(base_of(*rows, customers=gone))
    assert "cannot be told" in result.sentence()
    assert result.total.sentence() == ("What the 50 customers are worth together cannot be told.")
    assert "cannot be told" in result.first_purchase_sentence()


def test_refunds_above_sales_leave_no_share_to_tell():
    late = START + timedelta(days=390)
    back = [(f"c{i:02}", late, -900.0) for i in range(40)]
    record = value_customers(base_of(*regulars(), *back)).record
    assert record.tested and record.table["came_revenue"].iloc[0] < 0
    assert "no share of it can be told" in record.sentence()
    assert "  " not in record.sentence() and " :" not in record.sentence()


def test_customers_bought_at_a_loss_are_counted_in_the_assumptions():
    rows = [(c, d, a, -a if c == "c01" else 0.3 * a) for c, d, a in regulars()]
    table = pd.DataFrame(rows, columns=["customer_id", "date", "amount", "margin"])
    table["date"] = pd.to_datetime(table["date"])
    result = value_customers(CustomerBase.from_tables(table))
    assert "one customer bought at a loss and counts as 0 %" in str(
        result.assumptions["lifetime_margin_limited"]
    )
    assert "lifetime_margin_limited" not in worth("b2b").assumptions
    lost = value_customers(CustomerBase.from_tables(table.assign(margin=-0.2 * table["amount"])))
    assert "did buy" in lost.simple().sentence()


def test_scores_of_somebody_else_are_told_by_their_ids():
    scores = pd.DataFrame({"customer_id": ["zz9"], "churn_probability": [0.4]})
    risk = on_the_dot().at_risk(scores)
    assert "(zz9 …)" in risk.sentence() and risk.sentence().endswith("?")
    assert "are the ids those of the base (c" in risk.sentence()


def test_where_no_forecast_of_churn_is_possible_its_reason_is_said():
    base = base_of(*regulars(customers=4))
    refused = fit_churn(base, too_little="say")
    assert value_customers(base).at_risk(refused).sentence() == refused.sentence()


def test_a_few_customers_are_called_a_sketch():
    assert value_customers(base_of(*regulars(customers=9))).sentence().startswith("A sketch")


@pytest.mark.parametrize("wrong", [0, -5, 36_501, 1.5, True, "365", None])
def test_a_horizon_that_cannot_be_is_refused(wrong):
    with pytest.raises(InputError, match="horizon_days must be a whole number of days"):
        value_customers(base_of(*SHOP), horizon_days=wrong)


@pytest.mark.parametrize("wrong", [-0.1, 10, True, "10 %", None, float("nan")])
def test_a_discount_rate_that_cannot_be_is_refused(wrong):
    with pytest.raises(InputError, match="discount_rate is what money costs a year"):
        value_customers(base_of(*SHOP), discount_rate=wrong)


def test_a_percentage_is_recognised():
    with pytest.raises(InputError, match=r"divided by 100: 0\.1"):
        value_customers(base_of(*SHOP), discount_rate=10)


def test_something_else_than_a_base_is_refused():
    with pytest.raises(InputError, match="Pass a CustomerBase"):
        value_customers(lines(*SHOP))


def test_spend_of_a_customer_lies_between_its_own_and_that_of_all():
    facts = pd.DataFrame({"purchases": [1, 100], "gross": [200.0, 20_000.0]})
    # Gamma-Gamma of Fader and Hardie's CDNOW figures: p 6.25, q 3.74, gamma 15.44; population
    # mean 35.22. One purchase of 200: 6.25 (15.44 + 200) / (6.25 + 2.74) = 149.78.
    spend = Spend((6.25, 3.74, 15.44), 35.0, 1.0)
    few, many = spend.expected(facts)
    assert few == pytest.approx(149.78, abs=0.01)
    assert many == pytest.approx(200.0, rel=0.01)


def test_frequency_and_value_that_go_together_are_said():
    assert "0.1" in str(worth("b2b").assumptions["lifetime_dependence"])


@pytest.mark.parametrize("language", ["en", "fr"])
def test_it_speaks_both_languages(language):
    result = on_the_dot(language=language)
    said = result.sentence()
    assert ("active customers" in said) == (language == "en")
    assert ("clients actifs" in said) == (language == "fr")
    assert result._repr_html_()
