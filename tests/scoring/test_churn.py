"""The churn model: its dates, what it refuses, what it says, and what must not change it."""

import copy
import pickle
import warnings
from dataclasses import replace
from datetime import date, timedelta
from functools import cache

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import retention_lib as rl
from retention_lib.base import engine
from retention_lib.base.customer_base import CustomerBase
from retention_lib.errors import ChoiceError, DataWarning, InputError
from retention_lib.scoring import _churn_dates
from retention_lib.scoring._churn_dates import (
    SHORTEST_HISTORY,
    draws_of,
    plan_dates,
    sampled_customers,
)
from retention_lib.scoring._churn_scores import ChurnScores
from retention_lib.scoring.churn import fit_churn, whole_percents
from retention_lib.wording import Wording


@cache
def simulated(**more):
    return rl.simulate_base(300, seed=5, years=1.6, **more)[0]


@cache
def lines():
    return simulated().to_pandas("transactions")[["customer_id", "date", "amount"]]


def base_of(frame, **more):
    return CustomerBase.from_tables(frame, **{"currency": "EUR", "as_of": "2025-12-31", **more})


@cache
def model():
    return fit_churn(base_of(lines()), horizon_days=60)


@cache
def rich():
    return fit_churn(simulated(), horizon_days=60)


@cache
def scores():
    return model().score(base_of(lines()))


def same(one, other):
    pd.testing.assert_frame_equal(one.to_frame(), other.to_frame(), rtol=1e-9)


# --- dates ----------------------------------------------------------------------------------------


@given(st.integers(1, 4000), st.integers(1, 400))
@settings(max_examples=200, deadline=None)
def test_labels_of_the_training_end_before_the_test_date_and_those_of_the_test_on_as_of(
    history, horizon
):
    needed = 2 * horizon + SHORTEST_HISTORY
    if history < needed:
        with pytest.raises(InputError, match=f"{needed - history:,} days? too short"):
            plan_dates(0, history, horizon)
        return
    dates = plan_dates(0, history, horizon)
    assert dates.test == history - horizon
    assert list(dates.days) == sorted(set(dates.days))
    assert dates.training
    assert max(dates.training) + horizon <= dates.test
    assert min(dates.days) >= SHORTEST_HISTORY


def test_long_histories_give_more_than_a_year_of_dates_a_month_apart():
    dates = plan_dates(0, 2000, 90)
    assert len(dates.training) == 14
    assert set(np.diff(dates.days)) == {30}
    # The same season a year before the test date is among the training dates.
    assert min(abs(dates.test - 365 - day) for day in dates.training) <= 15


def test_short_histories_are_cut_into_closer_dates():
    assert np.diff(plan_dates(0, 270, 90).training).tolist() == [12, 12, 12, 12, 12]


def test_dates_with_hardly_any_history_are_left_out_where_there_are_others():
    assert min(plan_dates(0, 600, 90).days) >= 90
    assert min(plan_dates(0, 260, 90).days) < 90


def test_a_history_that_is_too_short_is_refused_with_the_days_missing():
    short = base_of(lines()[lines()["date"] >= "2025-08-01"])
    with pytest.raises(InputError, match="too short for a horizon of 90 days") as refused:
        fit_churn(short)
    days = (date(2025, 12, 31) - lines()["date"][lines()["date"] >= "2025-08-01"].min().date()).days
    assert f"seen from, and there are {days}" in str(refused.value)
    assert f"{210 - days} days too short" in str(refused.value)
    assert f"would do (horizon_days={(days - 30) // 2})" in str(refused.value)


# --- what is refused ------------------------------------------------------------------------------


@pytest.mark.parametrize("wrong", [0, -1, 2.5, True, "90", None, 5000])
def test_a_horizon_that_is_no_number_of_days_is_refused(wrong):
    with pytest.raises(InputError, match="horizon_days must be a whole number of days, 1 to 1,095"):
        fit_churn(base_of(lines()), horizon_days=wrong)


def test_something_else_than_a_base_is_refused():
    with pytest.raises(InputError, match="Pass a CustomerBase"):
        fit_churn(lines())
    with pytest.raises(InputError, match="Pass a CustomerBase"):
        model().score(lines())


def test_too_few_who_left_are_counted():
    some = lines()["customer_id"].drop_duplicates().iloc[:40]
    with pytest.raises(InputError, match=r"\d+ customers? left within 60 days .* it takes 30\."):
        fit_churn(base_of(lines()[lines()["customer_id"].isin(some)]), horizon_days=60)


def regulars(customers, gap, days=400):
    """Customers who buy every so many days, for ever."""
    rows = [
        (f"C{n:03}", date(2024, 11, 20) + timedelta(days=day), 10.0)
        for n in range(customers)
        for day in range(n % gap, days, gap)
    ]
    frame = pd.DataFrame(rows, columns=["customer_id", "date", "amount"])
    return frame.assign(date=pd.to_datetime(frame["date"]))


def test_where_nobody_leaves_there_is_nothing_to_learn():
    with pytest.raises(InputError, match=r"0 customers left within 90 days .* out of 60"):
        fit_churn(base_of(regulars(60, 20), as_of="2025-12-24"))


def test_where_everybody_leaves_there_is_nothing_to_learn_either():
    once = regulars(60, 20, days=20)
    with pytest.raises(InputError, match="0 customers stayed through the 90 days"):
        fit_churn(base_of(once, as_of="2025-12-24"))


def test_a_base_of_refunds_only_is_refused():
    with pytest.raises(InputError, match="no customer has a purchase up to"):
        fit_churn(base_of(lines().assign(amount=-5.0)))


def test_a_refusal_can_be_had_as_a_result_in_the_words_of_the_base():
    few = base_of(lines().iloc[:1], as_of=None, language="fr")
    told = fit_churn(few, too_little="say")
    assert "il manque 210 jours" in told.sentence()
    assert told.score(few).sentence() == told.scorecard.sentence() == told.sentence()
    with pytest.raises(ChoiceError, match="too_little"):
        fit_churn(few, too_little="quietly")


def test_one_customer_and_one_day_are_refused():
    with pytest.raises(InputError, match="too short"):
        fit_churn(base_of(lines().iloc[:1], as_of=None))


# --- what must not change it ----------------------------------------------------------------------


def test_rows_after_as_of_and_the_order_of_rows_change_nothing_on_either_engine():
    later = lines().sample(200, random_state=1).assign(date=pd.Timestamp("2026-02-03"))
    more = pd.concat([lines(), later]).sample(frac=1, random_state=2)
    for table in (more, pl.from_pandas(more)):
        with_future = fit_churn(base_of(table), horizon_days=60)
        same(with_future, model())
        same(with_future.score(base_of(table)), scores())


def test_the_card_knows_nothing_of_labels_of_the_test_stretch():
    # Everybody who is there on the test date comes again in every month after it.
    cut = pd.Timestamp("2025-12-31") - pd.Timedelta(days=60)
    known = lines()[lines()["date"] <= cut]
    base = base_of(known, as_of=cut.date())
    earlier = rl.take_snapshots(base, horizon_days=60).eligible()
    again = pd.concat(
        [
            known.drop_duplicates("customer_id").assign(date=cut + pd.Timedelta(days=d))
            for d in (9, 60)
        ]
    )
    changed = fit_churn(base_of(pd.concat([known, again])), horizon_days=60)
    assert changed.scorecard.leavers == 0
    assert changed.scorecard.customers == len(earlier)
    learnt = [day for day in model().trained_on["dates"] if day["date"] <= "2025-09-02"]
    assert changed.trained_on["dates"][: len(learnt)] == learnt
    # A card whose labels are all the same cannot rank, and its model says what it always said.
    assert np.isnan(changed.scorecard.value_of("model", "auc"))
    said = changed.scorecard.bins.query("method_code == 'model'")["predicted"].to_numpy()
    usual = model().scorecard.bins.query("method_code == 'model'")["predicted"].to_numpy()
    assert said == pytest.approx(usual)


def test_large_bases_are_learnt_from_by_whole_customers_whatever_the_order(monkeypatch):
    monkeypatch.setattr(_churn_dates, "MOST_ROWS", 1500)
    base = base_of(lines())
    dates = plan_dates(engine.day_number(lines()["date"].min().date()), base.as_of_day, 60)
    drawn = sampled_customers(base, dates)
    assert 0.6 * 1500 < len(drawn.ids) * len(dates.days) < 1.4 * 1500
    assert drawn.out_of == lines().loc[lines()["amount"] > 0, "customer_id"].nunique()
    mixed = base_of(lines().sample(frac=1, random_state=3))
    assert sampled_customers(mixed, dates) == drawn
    small = fit_churn(base, horizon_days=60)
    assert small.trained_on["sampled_from"] == drawn.out_of
    assert small.trained_on["rows"] <= 1.4 * 1500
    assert small.assumptions["churn_sampled"] == (
        f"{small.trained_on['customers']} of {drawn.out_of}, drawn by their number"
    )
    assert "churn_sampled" not in model().assumptions


def test_neighbouring_numbers_are_drawn_evenly():
    draws = draws_of(np.array([f"C{n:06}" for n in range(20_000)], dtype=object))
    counts, _ = np.histogram(draws, bins=20, range=(0, 1))
    assert counts.sum() == 20_000
    # A chi-square of 19 degrees of freedom exceeds 44 once in a thousand times.
    assert ((counts - 1000) ** 2 / 1000).sum() < 44


# --- what it says ---------------------------------------------------------------------------------


def test_the_model_shows_its_scorecard_beside_the_rules_of_thumb():
    card = model().scorecard
    assert model().sentence() == card.sentence()
    assert set(model().to_frame()["method_code"]) == {
        "model",
        "boosting",
        "logistic",
        "recency",
        "rfm_sum",
        "overdue",
        "purchase_model",
        "logistic_rfm",
    }
    assert card.assumptions["churn_test"] == "1 November 2025"
    assert model().trained_on["judged_on"] == "2025-11-01"
    assert model()._repr_html_() == card._repr_html_()


def test_active_customers_are_scored_the_most_likely_to_leave_first():
    table, base = scores().to_frame(), base_of(lines())
    seen = rl.take_snapshots(base, horizon_days=60).eligible().set_index("customer_id")
    assert set(table["customer_id"]) == set(seen.index)
    assert table["churn_probability"].is_monotonic_decreasing
    assert table["churn_probability"].between(0, 1).all()
    worth = seen.loc[table["customer_id"], "spend_365"].to_numpy()
    assert table["annual_revenue"].to_numpy() == pytest.approx(worth)
    assert "name" not in table
    assert (table["reasons"].str.count(";") <= 2).all()


def test_features_and_contributions_lie_in_the_order_of_the_table():
    table, given_scores = scores().to_frame(), scores()
    assert given_scores.seen["customer_id"].tolist() == table["customer_id"].tolist()
    parts, level = model().classifier.contributions(given_scores.seen)
    assert (parts == given_scores.parts).all()
    odds = level + parts.sum(axis=1)
    assert 1 / (1 + np.exp(-odds)) == pytest.approx(table["churn_probability"].to_numpy())


def test_names_are_shown_where_the_base_has_them():
    base = simulated()
    table = rich().score(base).to_frame()
    names = base.to_pandas("customers").set_index("customer_id")["name"]
    assert list(table.columns) == [
        "customer_id",
        "name",
        "churn_probability",
        "reasons",
        "annual_revenue",
    ]
    assert table["name"].tolist() == names[table["customer_id"]].tolist()


def test_the_sentence_counts_and_gives_a_range():
    table = scores().to_frame()
    expected, low, high = scores().expected()
    assert expected == pytest.approx(table["churn_probability"].sum())
    assert 0 <= low < expected < high <= len(table)
    said = scores().sentence()
    assert said.startswith(f"Of the {len(table)} active customers, about {round(expected)} (95 %")
    assert f"{int((table['churn_probability'] > 0.5).sum())} are more likely to leave" in said


def scores_of(probabilities, spread):
    table = pd.DataFrame({"customer_id": "a", "churn_probability": probabilities})
    return ChurnScores(
        table,
        wording=Wording("en"),
        horizon_days=90,
        features=(),
        seen=table,
        parts=np.zeros((len(table), 0)),
        typical={},
        drift=None,
        spread=spread,
    )


def test_the_range_is_that_of_tossed_coins_where_the_level_never_strays():
    _, low, high = scores_of([0.5] * 400, spread=0.0).expected()
    assert (low, high) == pytest.approx((200 - 19.6, 200 + 19.6), abs=0.05)
    _, wide_low, wide_high = scores_of([0.5] * 400, spread=0.5).expected()
    assert wide_low < low < high < wide_high


def test_nobody_active_is_said_and_not_an_error():
    silent = base_of(lines(), as_of="2029-12-31")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        empty = model().score(silent)
    assert len(empty.to_frame()) == 0
    assert empty.sentence() == "No customer is active on that date, so there is nobody to score."
    assert len(empty.reasons().to_frame()) == 0


def test_reasons_and_drivers_are_lists_with_a_sentence():
    long = scores().reasons()
    assert set(long.to_frame()["customer_id"]) <= set(scores().to_frame()["customer_id"])
    assert long.to_frame()["rank"].max() <= 3
    drivers = scores().drivers().to_frame()
    assert drivers["share"].sum() == pytest.approx(1.0)
    assert drivers["log_odds"].is_monotonic_decreasing
    assert drivers["family"].iloc[0] in scores().drivers().sentence()


def test_the_training_is_told_date_by_date():
    told = model().training().to_frame()
    facts = model().trained_on
    assert told["customers"].sum() == facts["rows"]
    assert told["leavers"].sum() == pytest.approx(facts["share_left"] * facts["rows"])
    assert str(told["date"].max().date()) == facts["judged_on"]
    assert f"{facts['customers']} customers on {len(told)} dates" in model().training().sentence()


def test_a_base_that_lacks_a_table_of_the_training_is_refused():
    with pytest.raises(InputError, match=r"needs \d+ features and this base lacks"):
        rich().score(base_of(lines()))


def test_a_base_that_no_longer_looks_the_same_is_scored_with_a_warning():
    dearer = lines().assign(amount=lines()["amount"] * 100)
    with pytest.warns(DataWarning, match="no longer looks like"):
        told = model().score(base_of(dearer))
    assert told.drift.drifted
    assert not scores().drift.drifted


def test_everything_is_said_in_french_too():
    french = base_of(lines(), language="fr")
    told = fit_churn(french, horizon_days=60)
    assert "Sur " in told.score(french).sentence()
    assert told.assumptions["churn_horizon"] == "60 jours"
    assert "arbres de décision" in told.assumptions["churn_made_of"]
    assert "construit sur" in told.training().sentence()


def test_being_alive_by_the_purchase_model_is_not_offered_as_a_score():
    offered = (*model().features, *model().to_frame()["method_code"])
    assert not [name for name in offered if "alive" in name]


# --- accounts that end ----------------------------------------------------------------------------


@cache
def bound():
    """A model of a base with contracts and accounts that were closed."""
    return fit_churn(simulated(contracts_share=0.4), horizon_days=60)


def without(*columns):
    frames = {
        name: simulated(contracts_share=0.4).to_pandas(name)
        for name in simulated(contracts_share=0.4).tables
    }
    frames["customers"] = frames["customers"].drop(columns=list(columns))
    return CustomerBase.from_tables(
        frames.pop("transactions"), as_of="2025-12-31", currency="EUR", **frames
    )


@pytest.mark.parametrize("column", ["closed_on", "is_contract"])
def test_a_base_that_does_not_know_who_has_closed_is_not_scored_as_if_nobody_had(column, tmp_path):
    lacking = without(column)
    with pytest.raises(InputError, match=rf"customers \({column}\), and this base lacks that"):
        bound().score(lacking)
    with pytest.raises(InputError, match=column):
        bound().score_to(lacking, tmp_path / "s.csv")
    loaded = rl.load_churn(bound().save(tmp_path / "m.skops"))
    with pytest.raises(InputError, match=column):
        loaded.score(lacking)


def test_a_model_of_a_base_without_endings_scores_any_base():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        assert len(model().score(simulated()).to_frame())


def test_the_error_names_the_tables_to_supply():
    frames = {name: simulated().to_pandas(name) for name in ("transactions", "customers")}
    some = CustomerBase.from_tables(frames["transactions"], customers=frames["customers"])
    with pytest.raises(InputError, match=r"They need: feedback \(kind, .*interactions"):
        rich().score(some)


def test_leaving_is_said_as_it_is_for_contracts():
    table = pd.DataFrame({"customer_id": ["a", "b"], "churn_probability": [0.5, 0.5]})
    said = {}
    for name, flags in {"free": [0.0, 0.0], "bound": [1.0, 1.0], "mixed": [0.0, 1.0]}.items():
        some = scores_of([0.5, 0.5], spread=0.1)
        said[name] = replace(some, seen=table.assign(is_contract=flags)).sentence()
    assert said["free"] == scores_of([0.5, 0.5], spread=0.1).sentence()
    assert "buy nothing in the 90 days to come or close their account;" in said["free"]
    assert "close their contract in the 90 days" in said["bound"]
    assert "buy" not in said["bound"]
    assert "(under contract: close it)" in said["mixed"]


def test_contracts_that_never_close_are_refused_with_closed_on_as_the_remedy():
    known = pd.DataFrame({"customer_id": [f"C{n:03}" for n in range(60)], "is_contract": True})
    some = base_of(regulars(60, 20), as_of="2025-12-24", customers=known)
    with pytest.raises(InputError, match=r"0 customers closed their contract .* closed_on"):
        fit_churn(some)


# --- what a refusal answers -----------------------------------------------------------------------


def test_a_refusal_answers_all_that_a_model_and_its_scores_do(tmp_path):
    few = base_of(lines().iloc[:1], as_of=None)
    told = fit_churn(few, too_little="say")
    assert told.card is told and np.isnan(told.expected()).all()
    assert told.score_to(few, tmp_path / "s.csv") == 0
    with pytest.raises(InputError, match=r"no model to save\. There is no forecast"):
        told.save(tmp_path / "m.skops")
    assert not list(tmp_path.iterdir())
    with pytest.raises(AttributeError, match=r"no 'classifier' without a model\..*too short"):
        _ = told.classifier
    assert copy.deepcopy(told).sentence() == told.sentence()
    assert pickle.loads(pickle.dumps(told)).sentence() == told.sentence()
    assert not hasattr(told, "_repr_mimebundle_")


@pytest.mark.parametrize(("language", "day"), [("en", "31 December 2025"), ("fr", "31 décembre")])
def test_dates_of_a_refusal_are_said_in_words(language, day):
    told = fit_churn(base_of(lines().assign(amount=-5.0), language=language), too_little="say")
    assert day in told.sentence()


def test_where_everybody_lowers_the_risk_it_is_not_said_that_nothing_does():
    both = scores().reasons().to_frame()
    assert set(both["direction"]) == {"raises", "lowers"}
    calm = replace(scores(), parts=-np.abs(scores().parts))
    told = calm.reasons()
    first = told.to_frame().query("rank == 1")
    assert len(first) and set(first["direction"]) == {"lowers"}
    most = int(first["family"].value_counts().iloc[0])
    assert f"lowers it ({most} of {len(first)})" in told.sentence()


def test_nobody_active_has_a_column_of_names_all_the_same():
    base = simulated()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        frames = {name: base.to_pandas(name) for name in base.tables}
        silent = CustomerBase.from_tables(
            frames.pop("transactions"), as_of="2029-12-31", currency="EUR", **frames
        )
        empty = rich().score(silent).to_frame()
    assert len(empty) == 0
    assert list(empty) == list(rich().score(base).to_frame())


@given(st.lists(st.floats(0.001, 1.0), min_size=1, max_size=6))
def test_shares_of_a_whole_add_up_to_a_hundred(weights):
    shares = [weight / sum(weights) for weight in weights]
    shown = whole_percents(shares)
    assert round(100 * sum(shown)) == 100
    assert all(abs(s - w) < 0.01 + 1e-9 for s, w in zip(shown, shares, strict=True))
