"""Who responds to contact: curves counted by hand and by another library, and known truth."""

from functools import cache

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import retention_lib as rl
from retention_lib.base.customer_base import CustomerBase
from retention_lib.base.simulate import simulate_base
from retention_lib.decisions._offer_facts import OfferFacts
from retention_lib.decisions._uplift_facts import Columns, UpliftFacts, gather_uplift
from retention_lib.decisions._uplift_learners import learn_unseen
from retention_lib.decisions._uplift_qini import (
    compare_rankings,
    places_of,
    qini_area,
    qini_curve,
)
from retention_lib.decisions.offers import evaluate_offer, weigh_offer
from retention_lib.decisions.uplift import MOST, learn_uplift, relative
from retention_lib.errors import ChoiceError, InputError

LARGE = {"campaign_persuaded": (0.9, 0.0, -0.6, -0.8), "campaign_save_rates": (0.0,) * 4}


def facts_of(count=1200, seed=1, apart=0.0):
    """Hand-made customers: risk from the first column, response from the third."""
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(count, 6))
    treated = (rng.random(count) < 0.6).astype(float)
    chance = 1 / (1 + np.exp(-(0.3 + values[:, 0])))
    change = 0.08 + np.where(values[:, 2] > 0, apart / 2, -apart / 2)
    bought = (rng.random(count) < np.clip(chance + treated * change, 0, 1)).astype(float)
    return UpliftFacts(
        customer_id=pd.Series([str(place) for place in range(count)]),
        customer=np.arange(count),
        treated=treated,
        bought=bought,
        share=np.full(count, 0.6),
        values=values,
        columns=Columns(tuple(f"x{place}" for place in range(6)), {}, 90),
    )


def judged(facts, seed=0):
    unseen = learn_unseen(facts, seed=seed)
    return compare_rankings(facts, {"response": unseen.together, "risk": unseen.risk}, seed=seed)


@cache
def known_world():
    """A base in which small customers respond to contact and large ones do not, and its truth."""
    return simulate_base(1500, seed=6, years=1.5, language="en", **LARGE)


@cache
def found():
    """What is learnt of it, once for all tests of a process."""
    return learn_uplift(known_world()[0])


@pytest.fixture(scope="module")
def telling():
    return known_world()


@pytest.fixture(scope="module")
def learnt():
    return found()


# --- curves ------------------------------------------------------------------------------------


def counts_of(scores, treated, bought):
    """One place a customer, as a table of counts."""
    order = np.argsort(-np.asarray(scores), kind="stable")
    yes, did = np.asarray(treated)[order], np.asarray(bought)[order]
    return np.stack([yes, 1 - yes, yes * did, (1 - yes) * did], axis=1)


def test_the_curve_is_that_of_another_library():
    # scikit-uplift 0.5.1, qini_curve(bought, scores, treated), over the 6 customers contacted.
    scores = [0.625, 0.897, 0.776, 0.225, 0.3, 0.874, 0.005, 0.821, 0.797, 0.468, 0.303, 0.278]
    treated = [1, 0, 1, 1, 0, 1, 0, 0, 1, 0, 1, 0]
    bought = [1, 0, 1, 0, 0, 1, 1, 0, 0, 1, 0, 0]
    share, gain = qini_curve(counts_of(scores, treated, bought))
    there = [0, 0, 1, 1, 1, 2, 3, 5 / 3, 4 / 3, 1.75, 2, 1.8, 1]
    assert (6 * gain).tolist() == pytest.approx(there)
    assert share.tolist() == pytest.approx((np.arange(13) / 12).tolist())


def test_the_area_is_counted_from_the_line_of_a_lot():
    # Two of two contacted buy in the first half, nobody more in the second: 0 to 0.5 to 0.5.
    share, gain = qini_curve(np.array([[2, 2, 2, 0], [2, 2, 1, 1]]))
    assert gain.tolist() == [0, 0.5, 0.5]
    # Under the curve 1/8 + 1/4, under the straight line to 0.5 a quarter.
    assert float(qini_area(share, gain)) == pytest.approx(0.125)


def test_equal_scores_stand_in_one_place():
    assert len(set(places_of(np.full(50, 0.3)).tolist())) == 1
    everybody = np.tile([2, 2, 1, 1], (1, 1))
    assert float(qini_area(*qini_curve(everybody))) == 0


def test_who_was_held_back_for_nobody_tells_nothing():
    share, gain = qini_curve(np.array([[3, 0, 3, 0], [1, 4, 0, 2]]))
    assert gain[1] == 0
    assert share[-1] == 1


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.tuples(st.booleans(), st.booleans(), st.integers(0, 5)), min_size=2, max_size=40)
)
def test_every_ranking_ends_at_the_effect_on_everybody(rows):
    treated, bought, scores = (np.array(part, dtype=float) for part in zip(*rows, strict=True))
    if not 0 < treated.sum() < len(treated):
        return
    share, gain = qini_curve(counts_of(scores, treated, bought))
    effect = bought[treated > 0].mean() - bought[treated == 0].mean()
    assert gain[-1] == pytest.approx(effect)
    assert (np.diff(share) >= 0).all() and share[0] == 0
    assert share[-1] == pytest.approx(1)


def test_a_customer_in_two_campaigns_is_drawn_with_both_rows():
    one = facts_of(400, seed=3, apart=0.4)
    twice = UpliftFacts(
        one.customer_id, one.customer // 2, one.treated, one.bought, one.share, one.values,
        one.columns,
    )  # fmt: skip
    scores = one.values[:, 2]
    single = compare_rankings(one, {"response": scores}, seed=1)
    double = compare_rankings(twice, {"response": scores}, seed=1)
    assert single.area == double.area
    assert single.drawn["response"].tolist() != double.drawn["response"].tolist()


def test_a_campaign_that_contacted_fewer_counts_as_if_the_shares_had_been_one():
    # Nothing changes anything; in the second campaign few were contacted and everybody buys.
    half = 400
    treated = np.concatenate([np.arange(half) % 2, np.arange(half) % 8 == 0]).astype(float)
    bought = np.repeat([0.0, 1.0], half)
    facts = UpliftFacts(
        customer_id=pd.Series(range(2 * half)).astype(str),
        customer=np.arange(2 * half),
        treated=treated,
        bought=bought,
        share=np.repeat([0.5, 0.125], half),
        values=np.zeros((2 * half, 1)),
        columns=Columns(("x",), {}, 90),
    )
    scores = np.random.default_rng(1).random(2 * half)
    curves = compare_rankings(facts, {"response": scores}, seed=1)
    assert curves.effect == pytest.approx(0, abs=1e-9)
    # Without the weights, buyers would seem to be rarer among the contacted: 50 of 250 to 350 of
    # 550.
    plain = qini_curve(counts_of(scores, treated, bought))[1][-1]
    assert plain == pytest.approx(50 / 250 - 350 / 550)


# --- learners ----------------------------------------------------------------------------------


def test_a_planted_response_is_found_in_customers_not_shown():
    curves = judged(facts_of(1200, apart=0.6))
    assert curves.interval("response")[0] > 0
    assert curves.interval("response", "risk")[0] > 0
    # That of the truth is 0.066; see below.
    assert 0.03 < curves.area["response"] < 0.09


@pytest.mark.parametrize("seed", range(4))
def test_where_everybody_responds_alike_nothing_wins(seed):
    curves = judged(facts_of(800, seed=seed), seed=seed)
    ahead = min(curves.interval("response")[0], curves.interval("response", "risk")[0])
    assert ahead <= 0


def test_the_range_holds_the_true_area_of_a_fixed_ranking():
    def rank(facts):
        return compare_rankings(facts, {"response": facts.values[:, 2]}, seed=1)

    # 60,000 customers tell the true area to within a thousandth or two.
    true = rank(facts_of(60_000, seed=900, apart=0.6)).area["response"]
    assert true == pytest.approx(0.066, abs=0.004)
    ranges = [rank(facts_of(300, seed=seed, apart=0.6)).interval("response") for seed in range(60)]
    hits = sum(low <= true <= high for low, high in ranges)
    # Sixty draws of a probability of 0.9: 47 to 59 in all but one case of a thousand.
    assert 47 <= hits <= 59


def test_relative_effects_average_one_by_risk_and_stay_in_bounds():
    rng = np.random.default_rng(2)
    uplift, risk = rng.normal(0.05, 0.1, 500), rng.uniform(0, 0.6, 500)
    times = relative(uplift, risk)
    held = np.maximum(risk, 0.05)
    assert times.min() >= 0 and times.max() <= MOST
    assert float((times * held).sum() / held.sum()) == pytest.approx(1, abs=0.01)
    assert (times[uplift < 0] == 0).all()


def test_where_contact_does_nothing_on_average_no_effect_is_relative_to_it():
    assert relative(np.array([0.1, -0.2]), np.array([0.5, 0.5])).tolist() == [1, 1]
    assert relative(np.zeros(0), np.zeros(0)).tolist() == []


# --- on a base -----------------------------------------------------------------------------------


def test_a_large_planted_response_wins_and_finds_the_true_one(telling, learnt):
    base, truth = telling
    assert learnt.wins
    assert learnt.needed() is None
    assert learnt.sentence().startswith("Who responds can be told: with half of the 1,031")
    scores = learnt.score(base).to_frame()
    known = truth.contact_effects[["customer_id", "uplift"]]
    both = scores.merge(known, on="customer_id", suffixes=("", "_true"))
    assert np.corrcoef(both["uplift"], both["uplift_true"])[0, 1] > 0.7
    # The learners saw no more than the campaign's 1,031 customers; the level is within 8 points.
    assert both["uplift"].mean() == pytest.approx(both["uplift_true"].mean(), abs=0.08)


def test_the_table_says_what_each_ranking_wins(learnt):
    table = learnt.to_frame().set_index("ranking_code")
    assert list(table.index) == ["response", "risk", "lot"]
    assert table.loc["lot", "won_half"] == pytest.approx(500 * learnt.curves.effect)
    assert table.loc["lot", "won_fifth"] == pytest.approx(200 * learnt.curves.effect)
    assert (table["qini_low"] <= table["qini"]).all()
    assert (table["qini"] <= table["qini_high"]).all()
    assert table.loc["response", "qini"] > table.loc["risk", "qini"]


def test_thirds_are_measured_between_contacted_and_held_back(learnt):
    table = learnt.thirds().to_frame()
    facts = learnt.learnt.facts
    assert table["third_customers"].sum() == len(facts)
    order = np.argsort(-learnt.learnt.unseen.together, kind="stable")
    first = order[: table["third_customers"][0]]
    yes, bought = facts.treated[first] > 0, facts.bought[first]
    assert table["uplift_seen"][0] == pytest.approx(bought[yes].mean() - bought[~yes].mean())
    assert table["uplift_seen"][0] > table["uplift_seen"][2]


def test_multipliers_are_ones_unless_it_wins(telling, learnt):
    base, _ = telling
    own = learnt.multipliers(base)
    assert own.max() > 1.5 and own.min() == 0
    assert own.index.is_unique
    losing = type(learnt)(
        learnt.table, wording=learnt.wording, assumptions={}, learnt=None, untold="No."
    )
    assert not losing.wins
    assert losing.multipliers(base).tolist() == []


def test_learners_know_nothing_of_the_day_of_the_campaign_or_later(telling):
    base, _ = telling
    campaigns = {"PREUVE-01": 90}
    facts = gather_uplift(base, campaigns)
    sent = base.to_pandas("campaigns").query("campaign_id == 'PREUVE-01'")["date"].min()
    lines = base.to_pandas()
    # As if the day itself and all after it had gone otherwise; who bought is another matter.
    otherwise = pd.concat([lines[lines["date"] < sent], lines[lines["date"] >= sent].head(3)])
    others = {name: base.to_pandas(name) for name in ("interactions", "feedback")}
    others = {name: table[table["date"] < sent] for name, table in others.items()}
    changed = CustomerBase.from_tables(
        otherwise,
        customers=base.to_pandas("customers"),
        campaigns=base.to_pandas("campaigns"),
        as_of=base.as_of,
        language="en",
        **others,
    )
    again = gather_uplift(changed, campaigns)
    shared = [name for name in facts.columns.features if name in again.columns.features]
    assert len(shared) > 35
    one, other = (
        pd.DataFrame(f.values[:, : len(f.columns.features)], columns=list(f.columns.features))
        for f in (facts, again)
    )
    # What is on file of a contract is undated and not learnt from the transactions.
    pd.testing.assert_frame_equal(one[shared], other[shared], check_exact=False, rtol=1e-6)
    assert facts.bought.sum() > again.bought.sum()


def test_rows_after_as_of_and_the_engine_change_nothing(telling):
    base, _ = telling
    lines, groups = base.to_pandas(), base.to_pandas("campaigns")
    cut = base.as_of - pd.Timedelta(days=100)
    early = CustomerBase.from_tables(
        lines[lines["date"] <= pd.Timestamp(cut)],
        campaigns=groups[groups["date"] <= pd.Timestamp(cut)],
        as_of=cut,
    )
    whole = CustomerBase.from_tables(
        pl.from_pandas(lines), campaigns=pl.from_pandas(groups), as_of=cut
    )
    one, other = (gather_uplift(each, {"PREUVE-01": 90}) for each in (early, whole))
    assert one.customer_id.tolist() == other.customer_id.tolist()
    assert one.bought.tolist() == other.bought.tolist()
    np.testing.assert_allclose(one.values, other.values, rtol=1e-6, atol=1e-9)


def small_base(of=40, *, date="2024-06-01", groups=True, **options):
    names = [f"{group}{i:03}" for group in "tc" for i in range(of)]
    at = pd.Timestamp(date)
    lines = pd.DataFrame({"customer_id": names, "amount": 10.0})
    lines["date"] = at - pd.to_timedelta(20 + np.arange(2 * of) % of, unit="D")
    end = pd.DataFrame({"customer_id": ["later"], "amount": [5.0]})
    end["date"] = at + pd.Timedelta(days=120)
    held = pd.DataFrame({"campaign_id": "MAY", "customer_id": names, "date": at, "offer": "x"})
    held["group"] = ["treated"] * of + ["control"] * of
    more = {"campaigns": held} if groups else {}
    return CustomerBase.from_tables(pd.concat([lines, end]), **more, **options)


def test_too_little_is_said_in_a_sentence_and_scores_nobody():
    few = learn_uplift(small_base())
    assert few.sentence() == (
        "Cannot tell who responds to contact: the smaller group of the largest campaign drawn by "
        "lot has 40 customers, and at least 200 are needed."
    )
    nobody_bought = learn_uplift(small_base(220))
    assert "only 0 bought, or did not buy; at least 20" in nobody_bought.sentence()
    without = learn_uplift(small_base(groups=False))
    assert "no campaign is on file" in without.sentence()
    for result in (few, nobody_bought, without):
        assert result.to_frame().empty
        assert not result.wins
        assert result.score(small_base()).to_frame().empty
        assert result.thirds().to_frame().empty


def test_a_club_of_the_best_teaches_nothing():
    base = small_base(220)
    lines = base.to_pandas()
    lines.loc[lines["customer_id"].str.startswith("t"), "amount"] *= 100
    club = CustomerBase.from_tables(lines, campaigns=base.to_pandas("campaigns"))
    said = learn_uplift(club).sentence()
    assert "already differed before the date" in said
    assert not learn_uplift(club).wins


def test_arguments_that_cannot_be_are_said(telling):
    base, _ = telling
    for bad in (True, 0, "90", 1.5):
        with pytest.raises(InputError, match="days must be a whole number, 1 or more"):
            learn_uplift(base, days=bad)
    with pytest.raises(InputError, match="seed must be a whole number"):
        learn_uplift(base, seed=-1)
    with pytest.raises(ChoiceError, match="PREUVE-01"):
        learn_uplift(base, campaign_id="NOPE")
    with pytest.raises(InputError, match="Pass a CustomerBase"):
        learn_uplift("base")


def test_french_is_spoken(learnt):
    from retention_lib.wording import Wording

    french = type(learnt)(
        learnt.table, wording=Wording("fr"), assumptions={}, learnt=learnt.learnt, untold=""
    )
    assert french.sentence().startswith("On sait dire qui réagit : en contactant la moitié des")
    assert french.thirds().to_frame()["third"][0] == "le tiers qui réagit le plus"


# --- what offers make of it ----------------------------------------------------------------------


def offer_facts(lift=None):
    return OfferFacts(
        customer_id=np.array(["a", "b", "c"]),
        probability=np.array([0.5, 0.5, 0.1]),
        value=np.array([100.0, 100.0, 100.0]),
        horizon_days=365,
        lift=lift,
    )


def test_a_lift_multiplies_the_save_rate_of_a_customer():
    offer = rl.Offer(contact_cost=5, incentive=10, save_rate=0.2)
    table = weigh_offer(offer_facts(np.array([2.0, 0.0, 1.0])), offer).to_frame()
    profit = table.set_index("customer_id")["expected_profit"]
    # 0.5 x 0.4 x (100 - 10) - 0.5 x 10 - 5; nobody saved: - 5 - 5; 0.1 x 0.2 x 90 - 0.9 x 10 - 5.
    assert profit["a"] == pytest.approx(8.0)
    assert profit["b"] == pytest.approx(-10.0)
    assert profit["c"] == pytest.approx(-12.2)
    rates = table.set_index("customer_id")["break_even_save_rate"]
    assert rates["a"] == pytest.approx(10 / (0.5 * 2 * 90))
    assert pd.isna(rates["b"])


def test_the_total_of_a_list_is_the_sum_of_its_lifted_customers():
    offer = rl.Offer(contact_cost=1, incentive=4, save_rate=0.2)
    result = weigh_offer(offer_facts(np.array([2.0, 0.5, 3.0])), offer)
    table = result.to_frame()
    assert result.total == pytest.approx(table.loc[table["treat"], "expected_profit"].sum())
    plain = weigh_offer(offer_facts(np.ones(3)), offer)
    assert plain.total == pytest.approx(weigh_offer(offer_facts(), offer).total)


def test_nobody_is_saved_more_than_once():
    offer = rl.Offer(contact_cost=0, save_rate=0.8)
    table = weigh_offer(offer_facts(np.array([3.0, 1.0, 1.0])), offer).to_frame()
    assert table["expected_profit"].max() == pytest.approx(0.5 * 1.0 * 100)


def test_offers_heed_who_responds_only_where_that_wins(telling, learnt):
    base, _ = telling
    ids = learnt.score(base).to_frame()["customer_id"]
    scores = pd.DataFrame({"customer_id": ids, "churn_probability": 0.3})
    worth = pd.DataFrame({"customer_id": ids, "value": 200.0})
    offer = rl.Offer(contact_cost=2, save_rate=0.2, horizon_days=90)
    plain = evaluate_offer(base, offer, scores=scores, worth=worth)
    lifted = evaluate_offer(base, offer, scores=scores, worth=worth, uplift=learnt)
    assert plain.to_frame()["expected_profit"].nunique() == 1
    assert lifted.to_frame()["expected_profit"].nunique() > 100
    assert "own multiple" in str(lifted.assumptions["offer_uplift"])
    untold = learn_uplift(small_base())
    same = evaluate_offer(base, offer, scores=scores, worth=worth, uplift=untold)
    assert same.total == plain.total
    with pytest.raises(InputError, match="learn_uplift"):
        evaluate_offer(base, offer, scores=scores, worth=worth, uplift=0.3)
