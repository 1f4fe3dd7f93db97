"""An offer's forecast against known truth: does the range hold, does the targeting pay?

The runs over 200 whole bases, fitted models included, are in ``benchmarks/offer_coverage.py``.
"""

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest
from scipy.stats import gamma, norm

import retention_lib as rl
from retention_lib.base import engine
from retention_lib.decisions._offer_luck import chance_below, skewed
from retention_lib.decisions.offers import OfferFacts, evaluate_offer, weigh_offer
from retention_lib.decisions.ranges import Range

RUNS = 200
SPREAD, SYSTEMATIC, OWN = 0.2, 0.15**2, 0.5
SAVES = Range(0.1, 0.2, 0.3)


def known_world(seed, customers=500):
    """Chances and values as forecast, and what comes of them: level, values and save rate off."""
    rng = np.random.default_rng(seed)
    chance = rng.beta(1.0, 4.0, customers).clip(0.001, 0.999)
    value = rng.lognormal(5.0, 0.8, customers)
    facts = OfferFacts(
        customer_id=np.arange(customers).astype(str), probability=chance, value=value,
        horizon_days=365, spread=SPREAD, systematic=SYSTEMATIC, variation=np.full(customers, OWN),
    )  # fmt: skip
    odds = np.log(chance / (1 - chance)) + SPREAD * rng.standard_normal()
    left = rng.random(customers) < 1 / (1 + np.exp(-odds))
    off = np.exp(np.sqrt(SYSTEMATIC) * rng.standard_normal() - SYSTEMATIC / 2)
    worth = value * off * rng.gamma(1 / OWN, OWN, customers)
    rate = float(np.clip(SAVES.at(rng.standard_normal()), 0, 1))
    kept = rng.random(customers) < rate
    offer = rl.Offer(contact_cost=2, incentive=8, save_rate=SAVES)

    def profit(treated, saved):
        gains = left * saved * (worth - offer.incentive) - ~left * offer.incentive
        return float(((gains - offer.contact_cost) * treated).sum())

    result = weigh_offer(facts, offer)
    plan = result.to_frame().set_index("customer_id")["treat"]
    treated = plan.loc[facts.customer_id].to_numpy(dtype=float)
    return facts, result, treated, profit, kept, rate


@pytest.fixture(scope="module")
def worlds():
    return [known_world(seed) for seed in range(RUNS)]


def test_the_range_of_the_plan_holds_what_comes_in_85_to_95_of_100_runs(worlds):
    held = [
        result.low <= profit(treated, kept) <= result.high
        for _, result, treated, profit, kept, _ in worlds
    ]
    assert 0.85 <= np.mean(held) <= 0.95


def test_what_comes_falls_below_the_range_at_times_and_above_it_at_times(worlds):
    came = np.array([profit(treated, kept) for _, _, treated, profit, kept, _ in worlds])
    below = np.mean(came < [result.low for _, result, *_ in worlds])
    above = np.mean(came > [result.high for _, result, *_ in worlds])
    # Of 200 draws of a chance of 5 % at most 17 come to pass, 99 times of 100.
    assert 0 < below <= 0.085
    assert 0 < above <= 0.085


def test_the_recommended_list_beats_every_naive_one_on_the_same_luck(worlds):
    won = dict.fromkeys(("everybody", "riskiest", "most_valuable", "random"), 0)
    for facts, _, treated, profit, _, rate in worlds:
        size, count = len(treated), int(treated.sum())
        others = {"everybody": np.ones(size), "random": np.full(size, count / size)}
        for name, order in (("riskiest", facts.riskiest), ("most_valuable", facts.most_valuable)):
            others[name] = np.isin(np.arange(size), order[:count]).astype(float)
        for name, who in others.items():
            won[name] += profit(treated, rate) > profit(who, rate)
    assert min(won.values()) >= 0.9 * RUNS, won


def test_nobody_is_contacted_where_contact_keeps_nobody():
    facts = known_world(1)[0]
    for rate in (0.0, -0.2, Range(-0.3, -0.1, 0.0)):
        result = weigh_offer(facts, rl.Offer(contact_cost=2, incentive=8, save_rate=rate))
        assert not result.to_frame()["treat"].any()
        assert result.total == 0


def test_no_range_reaches_below_what_the_list_costs():
    # Three large customers of whom one in ten would be kept: a bell curve goes to -6,000.
    facts = OfferFacts(
        customer_id=np.array(["a", "b", "c"]), probability=np.full(3, 0.5),
        value=np.full(3, 10_000.0), horizon_days=365,
    )  # fmt: skip
    result = weigh_offer(facts, rl.Offer(contact_cost=50, incentive=100, save_rate=0.1))
    assert result.to_frame()["treat"].all()
    assert result.low == -3 * 150
    assert result.high > result.total > 0


@pytest.mark.parametrize("skew", [-2.0, -0.5, 0.5, 1.0, 2.0])
def test_uneven_luck_is_a_gamma_curve(skew):
    shape = 4 / skew**2
    for chance in (0.05, 0.25, 0.5, 0.75, 0.95):
        upper = chance if skew > 0 else 1 - chance
        exact = np.sign(skew) * (gamma(shape).ppf(upper) - shape) / np.sqrt(shape)
        assert skewed(norm.ppf(chance), skew) == pytest.approx(exact, abs=0.03)
        assert chance_below(exact, skew) == pytest.approx(chance, abs=0.012)


def test_even_luck_is_a_bell_curve():
    assert skewed(1.3, 0.0) == 1.3
    assert chance_below(1.3, 0.0) == pytest.approx(norm.cdf(1.3))
    assert chance_below(-1.01, 2.0) == 0


def test_from_a_whole_base_to_what_really_came():
    # One base of four years, seen after three with quick scores: who was silent longest is
    # the likeliest to leave. What comes is what was really bought in the fourth year.
    whole, truth = rl.simulate_base(500, seed=8, years=4, kind="b2c", planted_share=0.0)
    base = whole.at(whole.as_of - timedelta(days=365))
    rfm = rl.score_rfm(base).to_frame()
    active = rfm[rfm["recency_days"] < 365]
    scores = pd.DataFrame(
        {
            "customer_id": active["customer_id"],
            "churn_probability": 0.1 + 0.7 * active["recency_days"] / 365,
        }
    )
    offer = rl.Offer(contact_cost=2, incentive=12, save_rate=Range(0.2, 0.3, 0.4), horizon_days=365)
    result = evaluate_offer(base, offer, scores=scores)
    plan = result.to_frame()
    bought = engine.collect(whole.purchases().select("customer_id", "day"))
    buyers = set(bought.loc[bought["day"] > base.as_of_day, "customer_id"])
    annual = truth.customers.set_index("customer_id")["expected_annual_margin"]
    left = ~plan["customer_id"].isin(buyers)
    gain = 0.3 * left * (plan["customer_id"].map(annual) * 0.9538 - 12) - ~left * 12 - 2
    assert 20 < plan["treat"].sum() < len(plan)
    came = float(gain[plan["treat"]].sum())
    assert result.low < came < result.high
    # More than everybody brings, and than the same number of any customers.
    assert came > gain.sum()
    assert came > gain.mean() * plan["treat"].sum()
