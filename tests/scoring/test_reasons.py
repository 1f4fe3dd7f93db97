"""Reasons: the customer's own figures, the right direction, the right size, in plain words."""

import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retention_lib.scoring._reason_catalogue import FACTS
from retention_lib.scoring.features import BY_NAME, FEATURES
from retention_lib.scoring.reasons import LEAST_POINTS, NAMED_POINTS, explain, reasons_long
from retention_lib.wording import LANGUAGES, Wording, texts

NAMES = [feature.name for feature in FEATURES]
EN, FR = Wording("en", "EUR"), Wording("fr", "EUR")
POINTS = re.compile(r" \(([+-])([\d.,]+) points?\)$")


def tell(contributions, *, probability=0.5, wording=EN, typical=None, horizon_days=90, **known):
    """The reasons of one customer, whose features and contributions are given by name."""
    names = list(contributions)
    frame = pd.DataFrame({name: [float(value)] for name, value in known.items()}, index=[0])
    frame["churn_probability"] = probability
    frame["customer_id"] = "a"
    told = explain(
        frame,
        np.array([[contributions[name] for name in names]]),
        names,
        wording=wording,
        horizon_days=horizon_days,
        typical=typical,
    )
    return told["reasons"].iloc[0].replace("\xa0", " ").replace("\u202f", " ")


def test_the_points_are_what_taking_the_family_away_would_move():
    # Even odds with log(3) taken away are odds of 1 to 3: a probability of 25 %.
    said = tell({"complaints_open": np.log(3)}, complaints_open=2)
    assert said == "2 complaints still open (+25 points)"


def test_a_family_is_added_up_before_anybody_reads_it():
    parts = {"recency_days": 0.6, "overdue_ratio": 0.5, "spend_365": 0.7, "spend_90": -0.6}
    said = tell(parts, recency_days=94, mean_gap_days=20, spend_365=500, spend_90=100)
    # 1.1 in all is 50 - 24.97 = 25 points, spend 0.1 is 50 - 47.5 = 2.5.
    assert said == (
        "Silent for 94 days, where it usually buys every 20 days (+25 points); "
        "Spent €500 in 12 months (+2 points)"
    )


def test_three_days_of_silence_are_never_a_reason_for_a_raised_risk():
    small = tell({"recency_days": 0.1}, recency_days=3, mean_gap_days=20)
    assert small == "nothing stands out"
    large = tell({"recency_days": 1.0}, recency_days=3, mean_gap_days=20)
    assert large == "Time since the last purchase (+23 points)"


def test_a_long_silence_is_never_a_reason_for_a_lowered_risk():
    said = tell({"recency_days": -0.1, "contacts_365": -0.2}, recency_days=94, mean_gap_days=20,
                contacts_365=3)  # fmt: skip
    assert said == "3 contacts in 12 months (-5 points)"


@pytest.mark.parametrize(
    ("parts", "known", "said"),
    [
        ({"recency_days": -1}, {"recency_days": 5, "mean_gap_days": 20},
         "Bought 5 days ago, within its rhythm of one purchase every 20 days"),
        ({"recency_days": -1}, {"recency_days": 0, "mean_gap_days": 20}, "Bought on the very day"),
        ({"recency_days": 1}, {"recency_days": 50, "purchases_total": 1},
         "Silent for 50 days since its only purchase"),
        ({"recency_days": 1}, {"recency_days": 2, "mean_gap_days": 1, "purchases_total": 9},
         "Silent for 2 days, where it usually buys every day"),
        ({"no_purchase_probability": 1}, {"recency_days": 9, "no_purchase_probability": 0.8},
         "Going by its rhythm alone, the chance of no purchase in the next 90 days is 80 %"),
        ({"no_purchase_probability": -1}, {"no_purchase_probability": 0.125},
         "Going by its rhythm alone, the chance of a purchase in the next 90 days is 88 %"),
        ({"no_purchase_probability": -1}, {"no_purchase_probability": 0.001},
         "Going by its rhythm alone, the chance of a purchase in the next 90 days is > 99 %"),
        ({"expected_purchases": 1}, {"expected_purchases": 0.01},
         "Going by its rhythm alone, hardly any purchase to expect in the next 90 days"),
        ({"purchases_90": 1}, {"purchases_90": 1, "purchases_365": 12},
         "Slowing down: 1 purchase in the last 90 days, 12 in 12 months"),
        ({"spend_trend": 1}, {"spend_trend": -1 / 3},
         "Spends 50 % less in the last 90 days than in the months before"),
        ({"purchases_trend": -1}, {"purchases_trend": 1 / 3},
         "Buys 2 times as often in the last 90 days as in the months before"),
        ({"refund_share": 1}, {"refund_share": 0.25, "refunds_365": 90},
         "Refunds worth 25 % of what it bought in 12 months"),
        ({"ranges_365": -1}, {"ranges_365": 5}, "Buys in 5 product ranges"),
        ({"ranges_365": 1}, {"ranges_365": 1}, "Buys in only 1 product range"),
        ({"tenure_days": -1}, {"tenure_days": 1500, "purchases_total": 30},
         "A customer for 4 years, with 30 purchases in all"),
        ({"season_sine": 1}, {"season_sine": 0.3},
         "At this time of the year more customers fall silent"),
        ({"purchases_same_season": 1}, {"purchases_same_season": 0, "tenure_days": 800},
         "Bought nothing at this time of the year last year"),
        ({"days_since_contact": 1}, {"days_since_contact": 200},
         "No personal contact for 200 days"),
        ({"days_since_contact": 1}, {"days_since_contact": np.nan},
         "No personal contact on file at all"),
        ({"contacts_30": 1}, {"contacts_30": 6}, "Contacted 6 times in the last 30 days"),
        ({"asked_to_leave": 1}, {"asked_to_leave": 1}, "Has asked to cancel in the last 12 months"),
        ({"complaints_open": 1}, {"complaints_open": 1}, "1 complaint still open"),
        ({"satisfaction": 1}, {"satisfaction": 3}, "Gave 3 out of 10 when last asked"),
        ({"people_known": 1}, {"people_known": 1}, "1 person known at this customer"),
        ({"is_contract": -1}, {"is_contract": 1}, "Is on a contract"),
        ({"is_contract": 1}, {"is_contract": 0}, "Buys without a contract"),
    ],
)  # fmt: skip
def test_each_reason_tells_the_fact_behind_it(parts, known, said):
    told = tell(parts, **known)
    assert POINTS.sub("", told) == said
    assert POINTS.search(told)[1] == ("+" if next(iter(parts.values())) > 0 else "-")


@pytest.mark.parametrize(
    ("parts", "known", "said"),
    [
        ({"purchases_365": 1}, {"purchases_365": 2}, "2 purchases in 12 months, where 5 are usual"),
        ({"purchases_365": -1}, {"purchases_365": 9},
         "9 purchases in 12 months, where 5 are usual"),
        ({"spend_365": 1}, {"spend_365": 120}, "Spent €120 in 12 months, where €1,000 is usual"),
        ({"mean_gap_days": 1}, {"mean_gap_days": 80, "purchases_total": 4},
         "Buys only every 80 days, where every 31 days is usual"),
        ({"recency_days": 1}, {"recency_days": 74},
         "No purchase for 74 days, where half of the customers bought in the last 30 days"),
        ({"purchases_365": 1}, {"purchases_365": 4}, "4 purchases in 12 months"),
        ({"expected_purchases": 1}, {"expected_purchases": 0.08},
         "Going by its rhythm alone, 0.1 purchases to expect in the next 90 days"),
    ],
)  # fmt: skip
def test_what_is_usual_is_said_where_it_is_known_and_clearly_different(parts, known, said):
    usual = {"purchases_365": 5.0, "spend_365": 1000.0, "mean_gap_days": 31.0,
             "recency_days": 30.0, "expected_purchases": 0.12}  # fmt: skip
    typical = {name: (value, np.nan) for name, value in usual.items()}
    assert POINTS.sub("", tell(parts, typical=typical, **known)) == said


def test_a_contract_is_compared_with_contracts():
    usual = {"purchases_365": (3.0, 12.0)}
    parts = {"purchases_365": 1.0}
    bound = tell(parts, typical=usual, purchases_365=6, is_contract=1)
    assert bound == "6 purchases in 12 months, where 12 are usual (+23 points)"
    free = tell({"purchases_365": -1.0}, typical=usual, purchases_365=6, is_contract=0)
    assert free == "6 purchases in 12 months, where 3 are usual (-23 points)"


def test_without_the_usual_nothing_is_called_few_or_many():
    assert tell({"purchases_365": 1.0}, purchases_365=2) == "2 purchases in 12 months (+23 points)"


@pytest.mark.parametrize(
    ("parts", "known", "said"),
    [
        ({"recency_days": 1}, {"recency_days": 94, "mean_gap_days": 20},
         "Silence de 94 jours, pour un achat tous les 20 jours d'habitude (+23 points)"),
        ({"complaints_open": 0.05}, {"complaints_open": 1},
         "1 réclamation sans réponse (+1 point)"),
        ({"complaints_open": 1}, {"complaints_open": 2},
         "2 réclamations sans réponse (+23 points)"),
        ({"spend_365": -1}, {"spend_365": 1234.5}, "Dépenses de 1 235 € en 12 mois (-23 points)"),
        ({"no_purchase_probability": 1}, {"no_purchase_probability": 0.8},
         "À son seul rythme, 80 % de risque de ne rien acheter sous 90 jours (+23 points)"),
        ({"recency_days": 0.01}, {"recency_days": 94}, "rien de particulier"),
    ],
)  # fmt: skip
def test_a_french_base_reads_french_reasons(parts, known, said):
    assert tell(parts, wording=FR, **known) == said


def test_french_reasons_are_set_apart_as_french_does():
    said = tell({"is_contract": 1.0, "complaints_open": 0.5}, wording=FR, is_contract=0,
                complaints_open=1)  # fmt: skip
    assert said == "Achète sans contrat (+23 points) ; 1 réclamation sans réponse (+12 points)"


def test_who_is_at_risk_reads_first_what_raises_the_risk():
    parts = {"complaints_open": 0.8, "is_contract": -1.5, "recency_days": 1.0}
    said = tell(parts, complaints_open=1, is_contract=1, recency_days=94, mean_gap_days=20)
    assert [part[:6] for part in said.split("; ")] == ["Silent", "1 comp", "Is on "]


def test_who_is_safe_reads_first_what_lowers_the_risk():
    parts = {"complaints_open": 0.8, "is_contract": -0.5, "recency_days": -1.0}
    said = tell(parts, complaints_open=1, is_contract=1, recency_days=4, mean_gap_days=20)
    assert [part[:6] for part in said.split("; ")] == ["Bought", "Is on ", "1 comp"]


def test_there_are_never_more_than_three():
    parts = {"complaints_open": 1, "is_contract": 1, "recency_days": 1, "people_known": 1,
             "satisfaction": 1}  # fmt: skip
    said = tell(parts, complaints_open=1, is_contract=0, recency_days=94, mean_gap_days=20,
                people_known=1, satisfaction=2)  # fmt: skip
    assert said.count("; ") == 2


def test_less_than_a_point_is_no_reason():
    assert tell({"is_contract": 0.039}, is_contract=0) == "nothing stands out"
    assert tell({"is_contract": 0.041}, is_contract=0) == "Buys without a contract (+1 point)"


def test_where_few_leave_less_than_a_point_counts():
    # From 1.2 % to 2 %: two thirds more, and less than a point.
    said = tell({"complaints_open": 0.52}, probability=0.02, complaints_open=1)
    assert said == "1 complaint still open (+0.8 points)"


def test_certain_customers_have_reasons_too():
    for probability in (0.0, 1.0):
        assert "nan" not in tell({"is_contract": 1.0}, probability=probability, is_contract=0)


def test_a_feature_that_is_not_shown_is_told_by_its_name_where_it_weighs_much():
    assert tell({"purchases_365": 1.0}) == "How often it buys (+23 points)"
    assert tell({"purchases_365": 0.1}) == "nothing stands out"


def test_a_frame_without_rows_gives_no_reasons():
    frame = pd.DataFrame({"churn_probability": [], "customer_id": [], "recency_days": []})
    told = explain(frame, np.empty((0, 1)), ["recency_days"], wording=EN, horizon_days=90)
    assert list(told.columns) == ["reasons"] and told.empty
    assert reasons_long(
        frame, np.empty((0, 1)), ["recency_days"], wording=EN, horizon_days=90
    ).empty


def test_the_long_form_says_the_same_one_reason_a_row():
    frame = pd.DataFrame(
        {"customer_id": ["b", "a"], "recency_days": [94.0, 4.0], "mean_gap_days": [20.0, 20.0],
         "is_contract": [0.0, 1.0], "churn_probability": [0.5, 0.5]}
    )  # fmt: skip
    parts = np.array([[np.log(3), 0.5], [-np.log(3), 0.0]])
    long = reasons_long(frame, parts, ["recency_days", "is_contract"], wording=EN, horizon_days=90)
    assert long.drop(columns=["sentence", "effect_log_odds"]).round(1).to_dict("list") == {
        "customer_id": ["b", "b", "a"],
        "rank": [1, 2, 1],
        "family": ["Silence", "Contract", "Silence"],
        "family_code": ["silence", "contract", "silence"],
        "direction": ["raises", "raises", "lowers"],
        "effect_points": [25.0, 12.2, -25.0],
    }
    assert long["sentence"].iloc[1] == "Buys without a contract"


VALUES = {
    "flag": st.sampled_from([0.0, 1.0]),
    "share": st.floats(0, 1),
    "score": st.integers(0, 10).map(float),
    "ratio": st.floats(-1, 1),
    "angle": st.floats(-1, 1),
    "count": st.integers(0, 60).map(float),
    "days": st.integers(0, 2000).map(float),
    "money": st.floats(-500, 5000).map(lambda value: round(value, 2)),
}


@st.composite
def customers(draw):
    """Some customers with any features, some of them missing, and any contributions."""
    count = draw(st.integers(1, 6))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    frame = pd.DataFrame({name: np.full(count, np.nan) for name in NAMES})
    for name in draw(st.lists(st.sampled_from(NAMES), unique=True, min_size=5)):
        values = [draw(VALUES[BY_NAME[name].unit] | st.just(np.nan)) for _ in range(count)]
        frame[name] = np.array(values, dtype=float)
    frame["customer_id"] = [f"c{number}" for number in range(count)]
    frame["churn_probability"] = rng.uniform(0, 1, count)
    middles = {name: (abs(rng.normal()) * 10, abs(rng.normal()) * 10) for name in NAMES}
    typical = middles if draw(st.booleans()) else {}
    return frame, rng.normal(0, 0.4, (count, len(NAMES))), typical


@settings(max_examples=25, deadline=None)
@given(customers(), st.sampled_from(LANGUAGES))
def test_any_customer_gets_at_most_three_reasons_of_weight_that_agree(given_, language):
    frame, parts, typical = given_
    long = reasons_long(
        frame, parts, NAMES, wording=Wording(language), horizon_days=90, typical=typical
    )
    assert (long.groupby("customer_id").size() <= 3).all()
    assert not long.duplicated(["customer_id", "family_code"]).any()
    assert ((long["effect_points"] > 0) == (long["direction"] == "raises")).all()
    average = frame["churn_probability"]
    assert (long["effect_points"].abs() > 0).all() and average.between(0, 1).all()
    named = {texts()[f"reasons.{family}.other"][language] for family in FACTS}
    by_name = long[long["sentence"].isin(named)]
    assert (by_name["effect_points"].abs() >= NAMED_POINTS).all()
    assert not long["sentence"].str.contains(r"nan|\{|\[|None", case=False).any()
    assert not long["sentence"].str.startswith(("=", "+", "-", "@")).any()


@settings(max_examples=12, deadline=None)
@given(customers())
def test_a_customer_reads_the_same_whoever_else_is_scored(given_):
    frame, parts, typical = given_
    said = {"wording": EN, "horizon_days": 90, "typical": typical}
    together = explain(frame, parts, NAMES, **said)["reasons"]
    for row in range(len(frame)):
        alone = explain(frame.iloc[[row]], parts[[row]], NAMES, **said)["reasons"]
        assert alone.iloc[0] == together.iloc[row]


def test_every_feature_can_be_told():
    for feature in FEATURES:
        told = {name for fact in FACTS[feature.family] for name in fact.speaks_for}
        assert feature.name in told, feature.name


def test_every_fact_speaks_for_and_shows_features_of_the_catalogue():
    for family, facts in FACTS.items():
        for fact in facts:
            assert all(BY_NAME[name].family == family for name in fact.speaks_for), fact.key
            assert all(figure.feature in BY_NAME for figure in fact.figures.values()), fact.key


def test_every_text_of_a_reason_is_told_and_every_fact_has_one():
    written = {key for key in texts() if re.match(r"reasons\.(?!family)\w+\.\w+$", key)}
    told = {f"reasons.{fact.key}" for facts in FACTS.values() for fact in facts}
    assert written == told | {f"reasons.{family}.other" for family in FACTS}


def test_no_reason_claims_a_cause():
    causal = re.compile(
        r"\b(because|due to|causes?|leads? to|thanks to|parce que?|car|à cause|grâce|entraîne)\b",
        re.IGNORECASE,
    )
    told = [said for key, said in texts().items() if key.startswith("reasons.")]
    assert len(told) > 60
    assert not [said for said in told if causal.search(f"{said['en']} {said['fr']}")]


def test_the_limits_are_those_that_are_documented():
    assert (LEAST_POINTS, NAMED_POINTS) == (1.0, 5.0)
