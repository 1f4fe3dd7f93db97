"""The scorecard: figures that a person can check by hand, and verdicts that claim no more."""

import json
import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score

from retention_lib.errors import ChoiceError, InputError
from retention_lib.scoring._evaluation_bands import risk_bands
from retention_lib.scoring._evaluation_metrics import (
    Ranked,
    auc_table,
    average_precision,
    bins_of,
    caught,
    fit_line,
    log_odds,
    mean_shift,
    on_log_odds,
    simultaneous_limit,
)
from retention_lib.scoring._evaluation_verdict import compare
from retention_lib.scoring._evaluation_words import points
from retention_lib.scoring.evaluation import MEASURES, RULES, Scorecard, make_scorecard
from retention_lib.wording import LANGUAGES, Wording

W = Wording("en", "EUR")
ENDS = ("", "_low", "_high")


def card(methods, left, value=None, language="en"):
    left = np.asarray(left, dtype=float)
    value = np.ones(len(left)) if value is None else np.asarray(value, dtype=float)
    given_methods = {code: np.asarray(scores, dtype=float) for code, scores in methods.items()}
    return make_scorecard(given_methods, left, value, wording=Wording(language, "EUR"))


def chances(log_odds_of_leaving):
    return 1 / (1 + np.exp(-np.asarray(log_odds_of_leaving)))


def world(customers=2000, *, seed=0, strength=1.5, blur=0.0, rule_blur=2.0):
    """Customers who leave by a known chance; the model sees it blurred, the rules even more."""
    rng = np.random.default_rng(seed)
    truth = rng.normal(size=customers)
    left = (rng.random(customers) < chances(strength * truth - 1)).astype(float)

    def seen(amount):
        return chances(strength * (truth + amount * rng.normal(size=customers)) - 1)

    methods = {"model": seen(blur), **{rule: seen(rule_blur) for rule in RULES}}
    return methods, left, rng.lognormal(5, 1, customers)


def random_ties(seed, customers=300):
    rng = np.random.default_rng(seed)
    scores = np.round(rng.random(customers), 1)
    return scores, (rng.random(customers) < 0.2 + 0.5 * scores).astype(float)


# --- against scikit-learn -------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(4))
def test_auc_average_precision_and_brier_are_those_of_scikit_learn_with_ties_too(seed):
    scores, left = random_ties(seed)
    found = card({"model": scores, "recency": scores}, left)
    assert found.value_of("model", "auc") == pytest.approx(roc_auc_score(left, scores), abs=1e-12)
    expected = average_precision_score(left, scores)
    assert found.value_of("model", "average_precision") == pytest.approx(expected, abs=1e-12)
    expected = brier_score_loss(left, scores)
    assert found.value_of("model", "brier") == pytest.approx(expected, abs=1e-12)


def test_calibration_groups_are_those_of_scikit_learn_where_no_scores_are_equal():
    rng = np.random.default_rng(3)
    scores = rng.permutation(np.linspace(0.01, 0.99, 400))
    left = (rng.random(400) < scores).astype(float)
    observed, predicted = calibration_curve(left, scores, n_bins=10, strategy="quantile")
    bins = card({"model": scores, "recency": scores}, left).calibration().to_frame()
    assert bins["predicted"].to_numpy() == pytest.approx(predicted, abs=1e-12)
    assert bins["observed"].to_numpy() == pytest.approx(observed, abs=1e-12)
    assert bins["customers"].tolist() == [40] * 10


def test_the_calibration_slope_is_that_of_a_logistic_regression_on_the_log_odds():
    methods, left, _ = world()
    odds = log_odds(methods["recency"])
    peer = LogisticRegression(C=1e9, tol=1e-10, max_iter=1000).fit(odds[:, None], left)
    intercept, slope, _ = fit_line(odds, left)
    # fit_line holds the slope by a hair of ridge, the peer stops where its gradient is small.
    assert slope == pytest.approx(peer.coef_[0, 0], abs=1e-4)
    assert intercept == pytest.approx(peer.intercept_[0], abs=1e-4)


def test_a_perfect_separation_gives_a_finite_slope():
    _, slope, error = fit_line(np.array([-2.0, -1.0, 1.0, 2.0]), np.array([0.0, 0.0, 1.0, 1.0]))
    assert 0 < slope < 100
    assert np.isfinite(error)


# --- by hand --------------------------------------------------------------------------------------

TEN = np.array([0.95, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.15, 0.1])
LEFT = np.array([1, 0, 1, 0, 1, 0, 0, 0, 1, 0.0])
WORTH = np.array([10.0, 500.0, 60.0, 0, 20.0, 0, 0, 0, 110.0, 5.0])


def test_the_riskiest_tenth_by_hand():
    found = card({"model": TEN, "recency": TEN[::-1]}, LEFT, WORTH)
    # One of ten customers is the tenth: it is one of the 4 leavers, 25 % of them: 2.5 times 10 %.
    assert found.value_of("model", "lift") == pytest.approx(2.5)
    assert found.value_of("model", "revenue_caught") == pytest.approx(10 / 200)
    assert found.value_of("recency", "lift") == 0.0
    # 0.8 x 500 is the largest product, and that customer stayed.
    assert found.value_of("model", "revenue_caught_by_value") == 0.0


def test_equal_scores_share_their_place():
    # The line of the tenth cuts a group of five equal customers, of whom 3 leave: a fifth of them.
    scores = np.array([0.9] * 5 + [0.1] * 5)
    left = np.array([1, 1, 1, 0, 0, 1, 0, 0, 0, 0.0])
    for order in (np.arange(10), np.arange(10)[::-1]):
        found = card({"model": scores[order], "recency": scores[order]}, left[order])
        assert found.value_of("model", "lift") == pytest.approx((3 / 5) / 4 / 0.1)


def test_a_score_that_is_the_same_for_all_is_worth_nothing_and_not_less():
    _, left, value = world(500)
    same = np.full(500, left.mean())
    found = card({"model": same, "recency": same}, left, value)
    assert found.value_of("model", "auc") == 0.5
    assert found.value_of("model", "lift") == pytest.approx(1.0)
    assert found.value_of("model", "revenue_caught") == pytest.approx(0.1)
    assert np.isnan(found.value_of("model", "calibration_slope"))
    assert found.verdict == "no_skill"


def test_the_calibration_error_by_hand():
    # Two groups of five: said 0.2, seen 2 of 5; said 0.8, seen 3 of 5; both 0.2 apart.
    scores = np.array([0.2] * 5 + [0.8] * 5)
    left = np.array([1, 1, 0, 0, 0, 1, 1, 1, 0, 0.0])
    found = card({"model": scores, "recency": scores}, left)
    assert found.value_of("model", "calibration_error") == pytest.approx(0.2)
    assert found.calibration().to_frame()["customers"].tolist() == [5, 5]


def test_the_calibration_error_of_true_probabilities_may_be_nothing():
    # Measured it never is nothing: each group is off by chance. In 95 % of bases or more the range
    # must know.
    lows = []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        scores = chances(rng.normal(size=300) - 1)
        left = (rng.random(300) < scores).astype(float)
        row = card({"model": scores, "recency": scores}, left).to_frame().iloc[0]
        assert row["calibration_error"] > 0
        lows.append(row["calibration_error_low"])
    assert sum(low > 0 for low in lows) <= 2


def test_probabilities_that_are_wrong_have_an_error_above_nothing():
    methods, left, value = world(2000)
    shifted = card({**methods, "model": chances(log_odds(methods["model"]) + 1)}, left, value)
    assert shifted.value_of("model", "calibration_error_low") > 0.1


def test_the_mean_shift_makes_the_total_right():
    methods, left, _ = world(rule_blur=0.5)
    shift = mean_shift(methods["overdue"], left)
    shifted = chances(log_odds(methods["overdue"]) + shift)
    assert shifted.sum() == pytest.approx(left.sum(), abs=1e-6)


def test_the_covariance_of_aucs_is_that_of_delong_written_out():
    rng = np.random.default_rng(8)
    scores, left = np.round(rng.random((2, 40)), 1), (np.arange(40) % 3 == 0).astype(float)
    gone, kept = scores[:, left == 1], scores[:, left == 0]
    wins = (gone[:, :, None] > kept[:, None, :]) + 0.5 * (gone[:, :, None] == kept[:, None, :])
    of_leavers, of_stayers = np.cov(wins.mean(axis=2)), np.cov(wins.mean(axis=1))
    auc, covariance = auc_table(scores, left)
    assert auc == pytest.approx(wins.mean(axis=(1, 2)))
    assert covariance == pytest.approx(of_leavers / gone.shape[1] + of_stayers / kept.shape[1])


def test_the_error_of_average_precision_is_what_resampling_gives():
    methods, left, _ = world(1500, seed=4, rule_blur=0.7)
    scores, rng = methods["recency"], np.random.default_rng(0)
    drawn = []
    for _ in range(300):
        places = rng.integers(0, 1500, 1500)
        drawn.append(average_precision(Ranked(scores[places]), left[places])[0])
    _, error = average_precision(Ranked(scores), left)
    # 300 draws know a standard deviation to 4 %.
    assert error == pytest.approx(np.std(drawn), rel=0.15)


def test_what_is_caught_in_a_resample_is_what_counting_it_out_gives():
    rng = np.random.default_rng(5)
    for decimals in (1, 8):
        scores = np.round(rng.random(200), decimals)
        what, weights = rng.random(200), rng.integers(0, 4, 200).astype(float)
        drawn = np.repeat(np.arange(200), weights.astype(int))
        room, expected = len(drawn) / 10, 0.0
        for score in sorted(set(scores), reverse=True):
            group = drawn[scores[drawn] == score]
            taken = min(room, len(group))
            expected += what[group].sum() * (taken / len(group) if len(group) else 0)
            room -= taken
        found = caught(Ranked(scores), what[:, None], weights[None, :])
        assert found[0, 0] == pytest.approx(expected)


# --- properties -----------------------------------------------------------------------------------

bases = st.integers(2, 60).flatmap(
    lambda n: st.tuples(
        st.lists(st.integers(0, 10).map(lambda tenth: tenth / 10), min_size=n, max_size=n),
        st.lists(st.booleans(), min_size=n, max_size=n),
        st.lists(st.integers(-50, 500), min_size=n, max_size=n),
        st.permutations(range(n)),
    )
)


@settings(max_examples=20, deadline=None)
@given(bases)
def test_the_order_of_the_file_changes_no_figure(drawn):
    scores, left, value, order = (np.asarray(part) for part in drawn)
    one = card({"model": scores, "recency": 1 - scores}, left, value).to_frame()
    other = card({"model": scores[order], "recency": 1 - scores[order]}, left[order], value[order])
    for measure in MEASURES:
        assert one[measure].tolist() == pytest.approx(
            other.to_frame()[measure].tolist(), nan_ok=True
        )


@settings(max_examples=20, deadline=None)
@given(bases)
def test_every_figure_lies_in_its_range_and_every_share_between_none_and_all(drawn):
    scores, left, value, _ = (np.asarray(part) for part in drawn)
    frame = card({"model": scores, "recency": 1 - scores}, left, value).to_frame()
    for measure in MEASURES:
        known = frame.dropna(subset=[f"{measure}{end}" for end in ENDS])
        assert (known[f"{measure}_low"] <= known[f"{measure}_high"]).all()
        if measure in ("auc", "average_precision", "brier", "calibration_error"):
            assert known[measure].between(0, 1).all()
            # A hair for the rounding of logarithms.
            assert (known[f"{measure}_low"] - 1e-9 <= known[measure]).all()
            assert (known[measure] <= known[f"{measure}_high"] + 1e-9).all()
        if measure.startswith("revenue"):
            assert known[measure].between(0, 1 + 1e-9).all()
            assert known[f"{measure}_low"].ge(0).all()


@settings(max_examples=20, deadline=None)
@given(bases)
def test_the_gains_curve_climbs_from_none_to_all_below_the_best_possible(drawn):
    scores, left, value, _ = (np.asarray(part) for part in drawn)
    curve = card({"model": scores, "recency": 1 - scores}, left, value).gains().to_frame()
    if not left.any():
        assert list(curve) == ["share_contacted"]
        return
    found = curve["found_by_model"]
    assert (found.iloc[0], found.iloc[-1]) == (0, pytest.approx(1))
    assert (found.diff().dropna() >= -1e-12).all()
    assert (found <= curve["found_at_best"] + 1e-9).all()
    assert (curve["found_by_model_low"] <= found + 1e-9).all()
    assert (found <= curve["found_by_model_high"] + 1e-9).all()


def test_equal_scores_stay_in_one_calibration_group():
    members = bins_of(Ranked(np.array([0.3] * 15 + [0.8] * 5)))
    assert len(set(members[:15])) == len(set(members[15:])) == 1
    assert members[0] < members[-1]


# --- verdicts -------------------------------------------------------------------------------------


def test_a_model_that_knows_more_beats_the_rules_and_is_recommended():
    found = card(*world())
    assert found.verdict == "beats"
    assert found.recommended == "model"
    assert found.comparison.low > 0
    assert found.sentence().startswith("The model beats the best rule of thumb, “")


def test_a_model_that_knows_as_much_as_a_rule_leaves_the_rule_recommended():
    methods, left, value = world(blur=0.5)
    methods["overdue"] = methods["model"] * 0.999
    found = card(methods, left, value)
    assert found.verdict == "equal"
    assert found.recommended == "overdue"
    assert found.comparison.low <= 0 <= found.comparison.high
    assert "Use the rule: rank customers by how late they are" in found.sentence()


def test_a_title_does_not_boast_where_the_rule_does_as_well():
    methods, left, value = world(blur=0.5)
    same = card({**methods, "overdue": methods["model"]}, left, value)
    assert "“Lateness against own rhythm” does as well there" in same.finding()
    assert "does as well" not in card(*world()).finding()


def test_a_limit_just_above_nothing_does_not_read_as_nothing():
    assert [points(W, gap) for gap in (0.0003, -0.0003, 0.0, 0.012)] == [
        "+0.03",
        "−0.03",
        "0.0",
        "+1.2",
    ]


def test_a_model_worse_than_a_rule_says_so():
    methods, left, value = world(blur=3.0, rule_blur=0.1)
    found = card(methods, left, value)
    assert found.verdict == "worse"
    assert found.recommended == found.comparison.rule
    assert found.comparison.high < 0


def test_bases_whose_customers_leave_at_random_get_no_claim_of_skill():
    claimed = 0
    for seed in range(80):
        rng = np.random.default_rng(seed)
        skill = rng.normal(size=(1, 300))
        # Methods are as alike as they are on real bases.
        alike = chances(skill + 0.7 * rng.normal(size=(6, 300)))
        left = (rng.random(300) < 0.3).astype(float)
        auc, covariance = auc_table(alike, left)
        verdict = compare(("model", *RULES), auc, covariance, main="model", fewest=80).verdict
        claimed += verdict != "no_skill"
    # 5 % is what may be claimed; 2.5 % is what the limits are made for.
    assert claimed <= 4


def test_a_trace_of_skill_on_a_huge_base_is_no_skill():
    rng = np.random.default_rng(1)
    left = (rng.random(200_000) < 0.3).astype(float)
    trace = chances(0.03 * left + rng.normal(size=200_000))
    auc, covariance = auc_table(np.array([trace, rng.random(200_000)]), left)
    assert auc[0] - 2 * np.sqrt(covariance[0, 0]) > 0.5
    found = compare(("model", "recency"), auc, covariance, main="model", fewest=60_000)
    assert found.verdict == "no_skill"
    assert found.recommended == ""


def test_one_rule_that_looks_good_by_chance_among_many_does_not_beat_the_model():
    # The second method stands out by 2.1 errors: enough for one rule, not for the best of five.
    auc = np.array([0.70, 0.742, 0.70, 0.70, 0.70, 0.70])
    covariance = np.diag([1e-12, *[0.02**2] * 5])
    found = compare(("model", *RULES), auc, covariance, main="model", fewest=500)
    assert found.verdict == "equal"
    alone = compare(("model", "recency"), auc[:2], covariance[:2, :2], main="model", fewest=500)
    assert alone.verdict == "worse"


def test_the_limit_for_several_measures_is_that_of_the_largest():
    assert simultaneous_limit(np.eye(1)) == pytest.approx(1.96, abs=0.001)
    # Of ten independent ones: the normal quantile at 0.975 ** (1 / 10).
    assert simultaneous_limit(np.eye(10)) == pytest.approx(2.805, abs=0.06)
    assert simultaneous_limit(np.ones((10, 10))) == pytest.approx(1.96, abs=0.06)


@pytest.mark.parametrize("leavers", [5, 29])
def test_with_fewer_than_thirty_leavers_it_is_a_sketch(leavers):
    left = np.zeros(200)
    left[:leavers] = 1
    scores = np.linspace(0.9, 0.1, 200)
    found = card({"model": scores, "recency": scores[::-1]}, left)
    assert (found.verdict, found.recommended) == ("cannot_tell", "")
    assert found.sentence().startswith(f"A sketch, not a finding: {leavers} of 200 customers left")
    assert found.calibration().sentence().startswith("Too few to judge")


@pytest.mark.parametrize(("left", "said"), [(0, "None of the 40"), (1, "All 40 customers judged")])
def test_where_none_or_all_left_nothing_is_compared(left, said):
    scores = np.linspace(0.1, 0.9, 40)
    found = card({"model": scores, "recency": scores}, np.full(40, left))
    assert found.verdict == "cannot_tell"
    assert found.sentence().startswith(said)
    assert np.isnan(found.value_of("model", "auc"))
    assert found.gains().sentence() == found.sentence()


def test_the_comparison_with_each_rule_is_made_on_the_same_customers():
    methods, left, value = world(800)
    methods["recency"] = methods["model"]
    against = card(methods, left, value).against.set_index("method_code")
    assert list(against.index) == list(RULES)
    assert against.loc["recency"].tolist() == [0.0] * 6
    assert against.loc["overdue", "auc_gap_low"] > 0


def test_the_range_of_an_auc_of_one_is_not_a_point():
    low, high = on_log_odds(1.0, 0.0, 40)
    assert high == 1
    assert low == pytest.approx(0.912, abs=0.001)  # Wilson, 40 of 40


# --- what people see ------------------------------------------------------------------------------


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_verdict_can_be_said(language):
    worlds = [world(), world(blur=3.0, rule_blur=0.1), world(strength=0.0), world(40)]
    methods, left, value = world(blur=0.5)
    worlds.append(({**methods, "overdue": methods["model"]}, left, value))
    verdicts = set()
    for methods, left, value in worlds:
        found = card(methods, left, value, language)
        verdicts.add(found.verdict)
        for said in (
            found.sentence(),
            found.finding(),
            found.revenue_sentence(),
            found.gains().sentence(),
            found.calibration().sentence(),
            found.calibration().finding(),
        ):
            assert said
            assert not re.search(r"[{}]|nan|\bNone\b", said)
    assert verdicts == {"beats", "worse", "no_skill", "cannot_tell", "equal"}


def test_the_card_is_shown_with_a_range_beside_every_figure():
    found = card(*world(300))
    assert list(found.with_ranges().to_frame()) == ["method", *MEASURES]
    shown = found._repr_html_()
    assert "Days since last purchase" in shown
    assert len(re.findall(r"\(\S+( %)? to \S+( %)?\)", shown)) == len(MEASURES) * (1 + len(RULES))


def test_a_rank_without_probability_is_judged_as_a_rank_alone():
    methods, left, value = world(400)
    methods["rfm_sum"] = 100 * methods["rfm_sum"]
    found = card(methods, left, value)
    for measure in ("brier", "calibration_error", "calibration_slope", "revenue_caught_by_value"):
        assert np.isnan(found.value_of("rfm_sum", measure))
    for measure in ("auc", "lift", "revenue_caught"):
        assert np.isfinite(found.value_of("rfm_sum", measure))
    assert (
        found.calibration("rfm_sum").sentence().startswith("“Sum of the RFM scores” gives a rank")
    )


def test_where_leavers_brought_nothing_no_revenue_is_caught():
    methods, left, _ = world(300)
    found = card(methods, left, np.where(left == 1, -5.0, 100.0))
    assert np.isnan(found.value_of("model", "revenue_caught"))
    assert found.revenue_sentence().startswith("Those who left had brought no revenue")


@pytest.mark.parametrize(
    ("shift", "way"),
    [(0.0, "The probabilities can be taken"), (0.6, "Fewer left"), (-0.6, "More left")],
)
def test_the_calibration_sentence_says_which_way_the_total_is_wrong(shift, way):
    methods, left, value = world(4000)
    methods["model"] = chances(log_odds(methods["model"]) + shift)
    assert card(methods, left, value).calibration().sentence().startswith(way)


@pytest.mark.parametrize(("steepness", "way"), [(2.0, "too high"), (0.5, "too low")])
def test_the_calibration_sentence_says_whether_risks_are_too_extreme_or_too_timid(steepness, way):
    methods, left, value = world(4000)
    odds = steepness * log_odds(methods["model"])
    methods["model"] = chances(odds + mean_shift(chances(odds), left))
    said = card(methods, left, value).calibration().sentence()
    assert f"high risks are said {way}" in said


def test_where_most_leave_the_gains_are_told_by_more_than_a_tenth():
    for rate, share in ((0.05, 0.1), (0.2, 0.1), (0.3, 0.2), (0.72, 0.5), (1.0, 0.5)):
        left = (np.arange(100) < 100 * rate).astype(float)
        scores = np.linspace(0.9, 0.1, 100)
        assert card({"model": scores, "recency": scores}, left).told_share == share


def test_a_card_survives_a_file_of_plain_texts_and_numbers():
    found = card(*world(200))
    back = Scorecard.from_parts(json.loads(json.dumps(found.to_parts())), wording=W)
    assert back.sentence() == found.sentence()
    assert back.calibration().sentence() == found.calibration().sentence()
    pd.testing.assert_frame_equal(back.to_frame(), found.to_frame())
    pd.testing.assert_frame_equal(back.gains().to_frame(), found.gains().to_frame())


def test_the_same_customers_give_the_same_card():
    one, other = card(*world(200)), card(*world(200))
    pd.testing.assert_frame_equal(one.to_frame(), other.to_frame())


# --- arguments ------------------------------------------------------------------------------------


def test_what_cannot_be_judged_is_refused_with_the_reason():
    scores, left, value = np.array([0.1, 0.9]), np.array([0.0, 1.0]), np.ones(2)
    both = {"model": scores, "recency": scores}
    with pytest.raises(ChoiceError, match="main"):
        make_scorecard({"recency": scores}, left, value, wording=W)
    with pytest.raises(InputError, match="at least one of recency, rfm_sum"):
        make_scorecard({"model": scores}, left, value, wording=W)
    with pytest.raises(InputError, match="one number a customer"):
        make_scorecard(both, left[:1], value, wording=W)
    with pytest.raises(InputError, match="1 of 2 methods give no score for some customers: model"):
        make_scorecard({**both, "model": np.array([0.1, np.nan])}, left, value, wording=W)
    with pytest.raises(InputError, match="churned must be 1"):
        make_scorecard(both, np.array([0.0, np.nan]), value, wording=W)
    with pytest.raises(ChoiceError, match="method"):
        make_scorecard(both, left, value, wording=W).calibration("overdu")


# --- bands of risk --------------------------------------------------------------------------------


def test_every_customer_lies_in_one_band_of_risk():
    scores = pd.DataFrame(
        {
            "churn_probability": [0.0, 0.1, 0.25, 0.3, 0.5, 0.75, 1.0],
            "annual_revenue": [10.0, np.nan, -5.0, 20.0, 30.0, 0.0, 40.0],
        }
    )
    bands = risk_bands(scores)
    assert bands["customers"].tolist() == [2, 1, 2, 1, 1]
    assert bands["revenue"].tolist() == [40.0, 30.0, 15.0, 0.0, 10.0]
    assert bands["share_of_revenue"].tolist() == pytest.approx([0.4, 0.3, 0.2, 0.0, 0.1])
    assert bands["expected_leavers"].sum() == pytest.approx(2.9)
