"""The campaign profit of Neslin and the expected maximum profit of Verbraken, against empulse."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retention_lib.decisions.closed_forms import campaign_profit, expected_maximum_profit
from retention_lib.errors import InputError

# 200 customers made by arithmetic, so that any program can make them again.
PLACE = np.arange(200)
SCORES = (37 * PLACE % 101) / 100
LEFT = ((53 * PLACE % 89) / 89 < 0.5 * SCORES).astype(int)
OFFER = {"value": 200, "incentive": 10, "contact_cost": 1}


def profit_at(share, *, save_rate, value, incentive, contact_cost):
    """Neslin's profit per customer of contacting the top share of the 200."""
    top = np.argsort(-SCORES, kind="stable")[: round(share * 200)]
    lift = LEFT[top].mean() / LEFT.mean() if len(top) else 1.0
    return campaign_profit(1, share=share, churn_rate=LEFT.mean(), lift=lift, save_rate=save_rate,
                           value=value, incentive=incentive, contact_cost=contact_cost)  # fmt: skip


# empulse 0.13.1: empc_score(LEFT, SCORES, alpha=, beta=, clv=value, incentive_cost=,
# contact_cost=) and empc_score.optimal_rate with the same arguments.
@pytest.mark.parametrize(
    ("alpha", "beta", "value", "incentive", "contact_cost", "profit", "share"),
    [
        (6, 14, 200, 10, 1, 7.915526172025922, 0.5974378343413042),
        (2, 5, 120, 15, 4, 1.1406949079707407, 0.17487012227673654),
        (1, 1, 60, 0, 8, 2.617671957671957, 0.37058201058201057),
    ],
)
def test_expected_maximum_profit_is_that_of_empulse(
    alpha, beta, value, incentive, contact_cost, profit, share
):
    best = expected_maximum_profit(
        LEFT, SCORES, value=value, incentive=incentive, contact_cost=contact_cost,
        alpha=alpha, beta=beta,
    )  # fmt: skip
    assert best.profit == pytest.approx(profit, rel=1e-12)
    assert best.share == pytest.approx(share, rel=1e-12)


# empulse 0.13.1: mpc_score(LEFT, SCORES, accept_rate=, clv=value, …), its profit at the best share.
@pytest.mark.parametrize(
    ("save_rate", "value", "incentive", "contact_cost", "profit", "share"),
    [(0.3, 200, 10, 1, 7.865, 0.625), (0.2, 120, 5, 2, 1.855, 0.455)],
)
def test_campaign_profit_at_the_best_share_is_the_maximum_profit_of_empulse(
    save_rate, value, incentive, contact_cost, profit, share
):
    offer = {"save_rate": save_rate, "value": value, "incentive": incentive,
             "contact_cost": contact_cost}  # fmt: skip
    assert profit_at(share, **offer) == pytest.approx(profit, rel=1e-12)
    # Shares between which no equal scores are torn apart.
    ranked = np.sort(SCORES)[::-1]
    whole = [0.0, *((np.flatnonzero(np.diff(ranked)) + 1) / 200), 1.0]
    assert max(profit_at(x, **offer) for x in whole) == pytest.approx(profit, rel=1e-12)


def test_campaign_profit_is_the_published_formula():
    # Equation 1 of Neslin and others 2006: of 100 contacted 30 would leave, 6 are saved and
    # bring 500 less the incentive, 70 take the incentive for nothing, 100 contacts cost 2.
    profit = campaign_profit(1000, share=0.1, churn_rate=0.1, lift=3, save_rate=0.2, value=500,
                             incentive=20, contact_cost=2, fixed_cost=300)  # fmt: skip
    assert profit == pytest.approx(6 * (500 - 20) - 70 * 20 - 100 * 2 - 300)


def test_a_nearly_certain_save_rate_makes_the_expected_maximum_the_plain_maximum():
    sure = expected_maximum_profit(LEFT, SCORES, **OFFER, alpha=3e6, beta=7e6)
    assert sure.profit == pytest.approx(7.865, abs=1e-3)
    assert sure.share == pytest.approx(0.625, abs=1e-3)


def test_the_expected_maximum_is_the_mean_of_the_maxima_over_the_save_rates():
    # The same integral by brute force: 2,000 equally probable save rates, every share tried.
    from scipy.stats import beta as distribution

    rates = distribution.ppf((np.arange(2000) + 0.5) / 2000, 6, 14)
    ranked = np.sort(SCORES)[::-1]
    whole = np.append(0, np.append(np.flatnonzero(np.diff(ranked)) + 1, 200))
    leavers = np.append(0, np.cumsum(LEFT[np.argsort(-SCORES, kind="stable")]))[whole]
    stayers = whole - leavers
    profits = (np.outer(rates, leavers) * 190 - leavers - stayers * 11) / 200
    best = expected_maximum_profit(LEFT, SCORES, **OFFER)
    assert best.profit == pytest.approx(profits.max(axis=1).mean(), rel=1e-4)
    assert best.share == pytest.approx(whole[profits.argmax(axis=1)].mean() / 200, rel=1e-2)


def test_nobody_is_contacted_where_nothing_can_be_earned():
    nobody = expected_maximum_profit([0, 0, 0], [0.1, 0.2, 0.3], **OFFER)
    assert (nobody.profit, nobody.share) == (0, 0)
    dear = expected_maximum_profit(LEFT, SCORES, value=10, incentive=10, contact_cost=1)
    assert (dear.profit, dear.share) == (0, 0)


def test_everybody_is_contacted_where_all_leave_and_contact_is_free():
    everybody = expected_maximum_profit([1, 1], [0.3, 0.9], value=100, incentive=0, contact_cost=0)
    assert everybody.profit == pytest.approx(30)
    assert everybody.share == pytest.approx(1)


@given(
    st.lists(st.tuples(st.booleans(), st.integers(0, 9)), min_size=1, max_size=40),
    st.randoms(use_true_random=False),
)
def test_neither_order_nor_scale_of_the_scores_matters_and_the_ranking_never_loses(rows, random):
    left, scores = [int(gone) for gone, _ in rows], [score / 10 for _, score in rows]
    best = expected_maximum_profit(left, scores, **OFFER)
    shuffled = random.sample(range(len(rows)), len(rows))
    again = expected_maximum_profit(
        [left[i] for i in shuffled], [100 * scores[i] - 7 for i in shuffled], **OFFER
    )
    assert again.profit == pytest.approx(best.profit, abs=1e-9)
    assert again.share == pytest.approx(best.share, abs=1e-9)
    assert best.profit >= -1e-12
    assert -1e-12 <= best.share <= 1 + 1e-12
    # A ranking that knows who leaves earns at least as much, and nobody beats it.
    perfect = expected_maximum_profit(left, left, **OFFER)
    assert best.profit <= perfect.profit + 1e-9


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"share": 1.2}, "share must be a number from 0 to 1; got 1.2"),
        ({"lift": True}, "lift must be a number from 0 on; got True"),
        ({"value": "much"}, "value must be a number; got 'much'"),
        ({"fixed_cost": float("nan")}, "fixed_cost must be a number from 0 on; got nan"),
        ({"lift": 20}, "1 at most; got 0.1 x 20 = 2"),
    ],
)
def test_a_wrong_argument_of_the_campaign_profit_is_said(changed, said):
    right = {"share": 0.1, "churn_rate": 0.1, "lift": 3, "save_rate": 0.2, "value": 500,
             "incentive": 20, "contact_cost": 2}  # fmt: skip
    with pytest.raises(InputError) as error:
        campaign_profit(1000, **{**right, **changed})
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("left", "scores", "changed", "said"),
    [
        ([0, 1], [0.5], {}, "same length"),
        ([], [], {}, "same length"),
        ([0, 2], [0.1, 0.2], {}, "1 of 2 values are neither (first: 2)"),
        ([0, 1], [0.1, float("nan")], {}, "1 of 2 are missing"),
        (["a"], ["b"], {}, "lists of numbers"),
        ([0, 1], [0.1, 0.2], {"alpha": 0}, "alpha must be above 0"),
        ([0, 1], [0.1, 0.2], {"value": -5}, "value must be above 0"),
        ([0, 1], [0.1, 0.2], {"contact_cost": "1"}, "contact_cost must be a number from 0 on"),
    ],
)
def test_a_wrong_argument_of_the_expected_maximum_profit_is_said(left, scores, changed, said):
    with pytest.raises(InputError) as error:
        expected_maximum_profit(left, scores, **{**OFFER, **changed})
    assert said in str(error.value)
