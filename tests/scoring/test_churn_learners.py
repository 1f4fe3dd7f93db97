"""The learners and their sum: exact parts, sensible weights, nothing that depends on order."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from retention_lib.errors import InputError
from retention_lib.scoring._churn_combined import CombinedClassifier
from retention_lib.scoring._churn_fitting import (
    SHARES,
    _seasons,
    _weigh,
    date_offsets,
    fit_classifier,
    offset_of,
    recency_weights,
    usable,
)
from retention_lib.scoring._churn_learners import (
    BINS,
    RFM,
    BoostedTables,
    LogisticTerms,
    PurchaseOdds,
    _cuts,
    fit_boosting,
    fit_logistic,
    log_odds_of,
    take_purchase_model,
)

NAMES = ("recency_days", "purchases_365", "mean_gap_days", "no_purchase_probability")


def chance_of(odds):
    return 1 / (1 + np.exp(-odds))


def panel_of(seed=0, customers=400, dates=4, signal=1.0, contracts=0.0):
    """A hand-made panel: silence raises the risk, and nothing else does."""
    random = np.random.default_rng(seed)
    days = pd.Timestamp("2024-01-01") + pd.to_timedelta(np.arange(dates) * 90, unit="D")
    ids = np.array([f"C{n:04}" for n in range(customers)])
    frames = []
    for day in days:
        silence = random.integers(1, 300, customers).astype(float)
        odds = signal * (silence - 150) / 60
        frames.append(
            pd.DataFrame(
                {
                    "customer_id": ids,
                    "date": day,
                    "recency_days": silence,
                    "purchases_365": random.poisson(3, customers).astype(float),
                    "mean_gap_days": np.where(
                        random.random(customers) < 0.3, np.nan, random.integers(5, 90, customers)
                    ),
                    "no_purchase_probability": chance_of(odds / 2 + random.normal(0, 0.5)),
                    "is_contract": (np.arange(customers) < contracts * customers).astype(float),
                    "churned": (random.random(customers) < chance_of(odds)).astype(float),
                }
            )
        )
    return pd.concat(frames, ignore_index=True)


def fitted(panel, features=NAMES, **more):
    return fit_classifier(panel, features, horizon_days=90, first_day=19_000, **more)


def odds_of(classifier, frame):
    parts, level = classifier.contributions(frame)
    return level + parts.sum(axis=1)


# --- each learner ---------------------------------------------------------------------------------


def test_the_tables_say_to_the_last_digit_what_the_trees_say(monkeypatch):
    from sklearn import ensemble

    made = []

    class Watched(ensemble.HistGradientBoostingClassifier):
        def fit(self, *args, **kwargs):
            made.append((args[0], super().fit(*args, **kwargs)))
            return self

    monkeypatch.setattr(ensemble, "HistGradientBoostingClassifier", Watched)
    panel = panel_of()
    values, left = panel[list(NAMES)].to_numpy(), panel["churned"].to_numpy()
    tables = fit_boosting(values, left, np.ones(len(left)), rows_a_customer=4.0)
    coded, trees = made[0]
    said = tables.base + tables.parts(values).sum(axis=1)
    assert said == pytest.approx(trees.decision_function(coded), abs=1e-9)


def test_every_table_is_about_the_average_customer():
    panel = panel_of()
    values, left = panel[list(NAMES)].to_numpy(), panel["churned"].to_numpy()
    weight = recency_weights(panel["date"].astype("int64").to_numpy() // 86_400_000_000_000)
    for learner in (
        fit_boosting(values, left, weight, rows_a_customer=4.0),
        fit_logistic(values, NAMES, left, weight),
        take_purchase_model(values, 3, weight),
    ):
        means = np.average(learner.parts(values), axis=0, weights=weight)
        assert means == pytest.approx(np.zeros(4), abs=1e-9)


def test_the_logistic_learner_is_that_of_scikit_learn_on_standardised_logarithms():
    panel = panel_of()
    columns = panel[["recency_days", "purchases_365"]].to_numpy()
    left = panel["churned"].to_numpy()
    terms = fit_logistic(columns, ("recency_days", "purchases_365"), left, np.ones(len(left)))
    logs = np.log1p(columns)
    scaled = (logs - logs.mean(axis=0)) / logs.std(axis=0)
    known = LogisticRegression(C=0.01, tol=1e-8).fit(np.clip(scaled, -4, 4), left)
    said = terms.base + terms.parts(columns).sum(axis=1)
    assert said == pytest.approx(known.decision_function(np.clip(scaled, -4, 4)), abs=1e-3)


def test_who_has_no_rhythm_gets_a_weight_of_its_own_and_no_invented_rhythm():
    random = np.random.default_rng(1)
    gap = np.where(random.random(20_000) < 0.5, np.nan, 20.0)
    left = (random.random(20_000) < np.where(np.isnan(gap), 0.8, 0.2)).astype(float)
    columns = np.column_stack([gap, random.integers(1, 9, 20_000).astype(float)])
    terms = fit_logistic(columns, ("mean_gap_days", "purchases_365"), left, np.ones(20_000))
    asked = np.array([[np.nan, 4.0], [20.0, 4.0]])
    once, often = chance_of(terms.base + terms.parts(asked).sum(axis=1))
    assert once == pytest.approx(0.8, abs=0.05)
    assert often == pytest.approx(0.2, abs=0.05)


def test_the_simplest_learner_looks_at_recency_frequency_and_spend_alone():
    panel = panel_of(customers=100)
    values, left = panel[list(NAMES)].to_numpy(), panel["churned"].to_numpy()
    simple = fit_logistic(values, NAMES, left, np.ones(len(left)), only=RFM)
    assert simple.kind == "logistic_rfm"
    assert (np.abs(simple.parts(values)).max(axis=0) > 0).tolist() == [True, True, False, False]
    alone = fit_logistic(values[:, :2], NAMES[:2], left, np.ones(len(left)))
    assert simple.parts(values)[:, :2] == pytest.approx(alone.parts(values[:, :2]))


def test_the_purchase_model_speaks_for_itself():
    asked = np.array([[0.0, 0.2], [0.0, 0.9], [0.0, np.nan]])
    learner = take_purchase_model(asked, 1, np.ones(3))
    said = chance_of(learner.base + learner.parts(asked).sum(axis=1))
    assert said[:2] == pytest.approx([0.2, 0.9])
    assert said[2] == pytest.approx(chance_of(learner.base))


@given(st.lists(st.floats(-1e6, 1e6) | st.just(float("nan")), min_size=1, max_size=300))
@settings(max_examples=50, deadline=None)
def test_cut_points_separate_values_and_are_few(values):
    column = np.array(values)
    cuts = _cuts(column)
    assert len(cuts) < BINS
    assert (np.diff(cuts) > 0).all()
    assert not np.isnan(cuts).any()


def test_a_column_of_which_nothing_is_known_does_no_harm():
    panel = panel_of(customers=100)
    columns = np.column_stack([panel["recency_days"], np.full(len(panel), np.nan)])
    left = panel["churned"].to_numpy()
    tables = fit_boosting(columns, left, np.ones(len(left)), rows_a_customer=4.0)
    assert tables.parts(columns)[:, 1].tolist() == [0.0] * len(panel)


def test_learners_come_back_from_their_parts():
    panel = panel_of(customers=100)
    values, left = panel[list(NAMES)].to_numpy(), panel["churned"].to_numpy()
    weight = np.ones(len(left))
    for learner, kind in (
        (fit_boosting(values, left, weight, rows_a_customer=4.0), BoostedTables),
        (fit_logistic(values, NAMES, left, weight), LogisticTerms),
        (fit_logistic(values, NAMES, left, weight, only=RFM), LogisticTerms),
        (take_purchase_model(values, 3, weight), PurchaseOdds),
    ):
        again = kind.from_parts(learner.to_parts())
        assert (again.parts(values) == learner.parts(values)).all()
        assert (again.base, again.kind) == (learner.base, learner.kind)


# --- together -------------------------------------------------------------------------------------


def test_level_and_contributions_add_up_to_the_log_odds_of_the_probability():
    panel = panel_of()
    classifier = fitted(panel)
    said = classifier.predict_proba(panel)
    assert ((said > 0) & (said < 1)).all()
    assert odds_of(classifier, panel) == pytest.approx(np.log(said / (1 - said)), abs=1e-9)


def test_a_planted_signal_is_found_and_said_as_large_as_it_is():
    panel, later = panel_of(seed=1, customers=1000), panel_of(seed=2, customers=1000)
    said = fitted(panel, NAMES[:3]).predict_proba(later)
    truth = chance_of((later["recency_days"].to_numpy() - 150) / 60)
    assert np.corrcoef(said, truth)[0, 1] > 0.98
    assert np.abs(said - truth).mean() < 0.05


def test_what_matters_gets_the_contributions_and_the_rest_next_to_none():
    panel = panel_of(seed=3, customers=1000)
    parts, _ = fitted(panel, NAMES[:3]).contributions(panel)
    silence, purchases, gap = np.abs(parts).mean(axis=0)
    assert silence > 10 * max(purchases, gap)


def test_without_a_signal_probabilities_stay_near_the_average():
    panel = panel_of(seed=4, customers=1000, signal=0.0)
    said = fitted(panel, NAMES[:3]).predict_proba(panel_of(seed=5, customers=1000, signal=0.0))
    assert said.mean() == pytest.approx(panel["churned"].mean(), abs=0.02)
    assert said.std() < 0.05


def test_contracts_get_a_formula_of_their_own_where_enough_of_them_left():
    panel = panel_of(contracts=0.5)
    # With a contract the risk runs the other way round.
    bound = panel["is_contract"] == 1
    panel.loc[bound, "churned"] = 1 - panel.loc[bound, "churned"]
    names = (*NAMES, "is_contract")
    classifier = fitted(panel, names)
    assert set(classifier.formulas) == {"0", "1"}
    asked = panel.iloc[:2].assign(recency_days=290.0, is_contract=[0.0, 1.0])
    free, with_contract = classifier.predict_proba(asked)
    assert free > 0.8
    assert with_contract < 0.2
    assert set(fitted(panel_of(contracts=0.01), names).formulas) == {"all"}


def test_the_calendar_is_not_learnt_from_nor_what_is_the_same_for_all():
    panel = panel_of(customers=50).assign(season_sine=lambda f: f["date"].dt.month, basket=3.0)
    assert usable(panel, (*NAMES, "season_sine", "basket")) == NAMES


def test_a_base_without_a_feature_is_refused_by_name():
    panel = panel_of(customers=100)
    classifier = fitted(panel)
    with pytest.raises(InputError, match=r"lacks 1 of them \(first: 'mean_gap_days'\)"):
        classifier.predict_proba(panel.drop(columns="mean_gap_days"))


def test_a_classifier_comes_back_from_its_parts():
    panel = panel_of(contracts=0.5)
    classifier = fitted(panel, (*NAMES, "is_contract"))
    again = CombinedClassifier.from_parts(classifier.to_parts())
    assert (again.predict_proba(panel) == classifier.predict_proba(panel)).all()


def test_fitting_twice_gives_the_same_to_the_last_bit():
    panel = panel_of()
    assert (fitted(panel).predict_proba(panel) == fitted(panel).predict_proba(panel)).all()


# --- weights and levels ---------------------------------------------------------------------------


def test_a_short_record_leaves_the_weights_where_they_start():
    odds, left = np.zeros((40, 3)), np.repeat([0.0, 1.0], [20, 20])
    assert _weigh(odds, left, list(SHARES)) == pytest.approx(tuple(SHARES.values()))


def test_a_long_record_takes_the_weight_from_a_learner_that_knows_nothing():
    random = np.random.default_rng(0)
    truth = random.normal(0, 1.5, 20_000)
    left = (random.random(20_000) < chance_of(truth)).astype(float)
    noise = random.normal(0, 1.5, 20_000)
    knows, guesses = _weigh(np.column_stack([truth, noise]), left, ["boosting", "logistic"])
    assert knows == pytest.approx(1.0, abs=0.05)
    assert guesses == pytest.approx(0.0, abs=0.05)
    guesses, knows = _weigh(np.column_stack([noise, truth]), left, ["boosting", "logistic"])
    assert knows == pytest.approx(1.0, abs=0.05)


def test_learners_that_boast_are_believed_less():
    random = np.random.default_rng(0)
    truth = random.normal(0, 1.0, 20_000)
    left = (random.random(20_000) < chance_of(truth)).astype(float)
    boasting = np.column_stack([2 * truth, 2 * truth])
    assert sum(_weigh(boasting, left, ["boosting", "logistic"])) == pytest.approx(0.5, abs=0.05)


def test_the_level_of_the_record_moves_no_weight():
    random = np.random.default_rng(0)
    odds = random.normal(0, 1.0, (5000, 2))
    left = (random.random(5000) < chance_of(odds.mean(axis=1))).astype(float)
    kinds = ["boosting", "logistic"]
    assert _weigh(odds + 3.0, left, kinds) == pytest.approx(_weigh(odds, left, kinds), abs=1e-3)


def test_the_offset_brings_as_many_leavers_as_left():
    odds = np.random.default_rng(0).normal(0, 1, 4000)
    left = np.repeat([0.0, 1.0], [1000, 3000])
    shift = offset_of(odds, left)
    assert chance_of(odds + shift).sum() == pytest.approx(3000, abs=3)


def days_and_cases(offsets, first=20_000, step=30, cases=2000):
    """As many cases a date, their share of leavers moved by the offset of the date."""
    days = np.repeat(first + step * np.arange(len(offsets)), cases)
    left = np.concatenate(
        [np.arange(cases) < round(cases * chance_of(offset)) for offset in offsets]
    )
    return days, left.astype(float)


def test_what_last_year_did_at_this_season_is_expected_again_in_part():
    offsets = np.zeros(13)
    offsets[1] = -1.0
    days, left = days_and_cases(offsets)
    dates, expected = _seasons(np.zeros(len(left)), left, days, first_day=19_000)
    assert dates.tolist() == sorted(set(days.tolist()))
    assert -1.0 < expected[1] < -0.5
    assert expected[0] == pytest.approx(0.0, abs=1e-6)


def test_what_did_not_come_again_a_year_later_is_not_expected():
    offsets = np.zeros(26)
    offsets[:12] = np.tile([1.0, -1.0], 6)
    days, left = days_and_cases(offsets)
    _, expected = _seasons(np.zeros(len(left)), left, days, first_day=19_000)
    assert np.abs(expected).max() < 0.2


def test_a_season_seen_with_hardly_any_history_is_not_believed():
    days, left = days_and_cases(np.array([-1.0, 0.0]))
    dates, _ = _seasons(np.zeros(len(left)), left, days, first_day=19_990)
    assert dates.tolist() == []


def test_the_season_moves_the_level_and_no_contribution():
    panel = panel_of(dates=6, customers=600)
    classifier = fitted(panel)
    here = panel.iloc[:5]
    parts, level = classifier.contributions(here.assign(date=pd.Timestamp("2030-05-17")))
    again, other = classifier.contributions(here.assign(date=pd.Timestamp("2025-01-01")))
    assert (parts == again).all()
    formula = classifier.formulas["all"]
    assert other - level == pytest.approx(formula.season_odds[formula.season_days == 19_723].mean())


def test_the_offset_of_a_few_cases_is_held_back():
    dates, few = date_offsets(np.zeros(10), np.ones(10), np.zeros(10, dtype=np.int64))
    _, many = date_offsets(np.zeros(9000), np.ones(9000), np.zeros(9000, dtype=np.int64))
    assert dates.tolist() == [0]
    assert 0 < few[0] < 1 < many[0]


def test_log_odds_of_certain_things_are_large_and_finite():
    assert np.isfinite(log_odds_of(np.array([0.0, 1.0]))).all()
