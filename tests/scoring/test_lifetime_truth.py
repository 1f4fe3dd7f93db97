"""Lifetime value against what really came, on customers whose truth is known."""

from datetime import date, timedelta
from functools import cache

import numpy as np
import pandas as pd

from retention_lib.base.customer_base import CustomerBase
from retention_lib.base.simulate import simulate_base
from retention_lib.scoring.lifetime import value_customers

START = date(2020, 1, 1)
DAYS, AHEAD, CUSTOMERS = 1095, 365, 1500


@cache
def drawn(seed=1):
    """Customers drawn from the models themselves: the base, each one's worth, what came."""
    rng = np.random.default_rng(seed)
    rate, stop = rng.gamma(1.2, 1 / 70, CUSTOMERS), rng.beta(0.8, 4.0, CUSTOMERS)
    mean = 4.0 * 100 / rng.gamma(4.0, size=CUSTOMERS)
    first = rng.integers(0, 700, CUSTOMERS)
    rows, alive = [], np.ones(CUSTOMERS, dtype=bool)
    for who in range(CUSTOMERS):
        day = float(first[who])
        while day < DAYS + AHEAD:
            rows.append((f"{who:04}", int(day), rng.gamma(4.0) * mean[who] / 4.0))
            if rng.random() < stop[who]:
                alive[who] = day >= DAYS
                break
            day += rng.exponential(1 / rate[who])
    lines = pd.DataFrame(rows, columns=["customer_id", "day", "amount"])
    lines["date"] = pd.Timestamp(START) + pd.to_timedelta(lines["day"], unit="D")
    base = CustomerBase.from_tables(
        lines[["customer_id", "date", "amount"]], as_of=START + timedelta(days=DAYS - 1)
    )
    worth = alive * mean * -np.expm1(-rate * stop * AHEAD) / stop
    later = lines[lines["day"] >= DAYS].groupby("customer_id")["amount"].sum()
    truth = pd.DataFrame({"customer_id": [f"{w:04}" for w in range(CUSTOMERS)], "worth": worth})
    truth["alive"], truth["mean"] = alive, mean
    truth["came"] = truth["customer_id"].map(later).fillna(0.0)
    return base, truth


@cache
def valued():
    base, truth = drawn()
    result = value_customers(base, horizon_days=AHEAD, discount_rate=0)
    return result, result.to_frame().merge(truth, on="customer_id")


def test_nine_in_ten_customers_lie_inside_their_range():
    _, both = valued()
    inside = both["worth"].between(both["clv_low"] - 1e-9, both["clv_high"] + 1e-9)
    assert 0.88 <= inside.mean() <= 0.97


def test_a_range_is_no_wider_than_it_must_be():
    # Half as wide, the ranges of those who are there would miss more than a quarter of them.
    _, both = valued()
    there = both[both["alive"] & (both["p_alive"] > 0.8)]
    low, high = ((there["clv"] + there[f"clv_{end}"]) / 2 for end in ("low", "high"))
    assert len(there) > 200
    assert there["worth"].between(there["clv_low"], there["clv_high"]).mean() > 0.85
    assert there["worth"].between(low, high).mean() < 0.75


def test_the_total_is_right_and_inside_its_range():
    result, both = valued()
    assert abs(result.total.clv / both["came"].sum() - 1) < 0.10
    assert result.total.low < both["came"].sum() < result.total.high
    assert result.total.low < both["worth"].sum() < result.total.high


def test_p_alive_is_the_share_of_those_who_are():
    _, both = valued()
    fifths = pd.cut(both["p_alive"], [0, 0.2, 0.5, 0.8, 1.0])
    said, is_so = (both.groupby(fifths, observed=True)[c].mean() for c in ("p_alive", "alive"))
    assert (said - is_so).abs().max() < 0.10
    assert abs(both["p_alive"].mean() - both["alive"].mean()) < 0.04


def test_expected_spend_is_that_of_the_customer():
    _, both = valued()
    often = both[both["purchases"] >= 8]
    ratio = often["expected_spend"] / often["mean"]
    assert len(often) > 100
    assert 0.95 < ratio.median() < 1.05


def test_a_longer_range_of_customers_is_forecast_without_tilt():
    _, both = valued()
    tenths = np.array_split(np.argsort(-both["clv"].to_numpy()), 10)
    off = sum(abs(both["clv"].iloc[t].sum() - both["came"].iloc[t].sum()) for t in tenths)
    assert off / both["came"].sum() < 0.12


def test_what_the_model_misses_year_after_year_is_carried_over():
    # A simulated shop with a season, price rises and closures, which no purchase model knows of.
    whole, _ = simulate_base(1500, seed=22, kind="b2c")
    cut = whole.at(whole.as_of - timedelta(days=365))
    result = value_customers(cut, horizon_days=365)
    table = result.to_frame()
    lines = whole.to_pandas("transactions")
    later = lines[
        (lines["date"] > pd.Timestamp(cut.as_of)) & lines["customer_id"].isin(table["customer_id"])
    ]
    came = later["amount"].sum()
    forecast = (table["expected_purchases"] * table["expected_spend"]).sum()
    purchases, _ = result.record.levels
    assert abs(forecast / came - 1) < 0.10
    assert purchases < 0.95
    # Without what is carried over the number of purchases would be further off.
    came_often = later.groupby("customer_id")["date"].nunique().sum()
    often = table["expected_purchases"].sum()
    assert abs(often / came_often - 1) < abs(often / purchases / came_often - 1)
