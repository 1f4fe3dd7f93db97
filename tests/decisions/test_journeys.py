"""Journeys: who is in which and why, by hand; the table of steps; steering; on both engines."""

import os
import tomllib
from importlib.resources import files

import narwhals as nw
import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retention_lib.base.customer_base import CustomerBase
from retention_lib.base.simulate import simulate_base
from retention_lib.decisions._journey_choice import REASONS, rules, value_bands
from retention_lib.decisions._journey_returns import ASSUMED_RETURN, ReturnShare, return_share
from retention_lib.decisions._journey_steering import steer
from retention_lib.decisions.journeys import (
    JOURNEYS,
    JourneySettings,
    assign_journeys,
    gather_journey_facts,
    load_steps,
)
from retention_lib.decisions.past_campaigns import PastEffect
from retention_lib.decisions.ranges import Range
from retention_lib.errors import ChoiceError, InputError
from tests.decisions.journeying import (
    GONE,
    NOW,
    TODAY,
    journeys_of,
    offers_of,
)

OPEN = {"open_complaints": 1, "complaints_year": 1, "open_ever": 1}
LACKS = {
    "lacking_kind": "lacks",
    "lacking_range": "Paper",
    "lacking_because": "buys ink; 8 of 10 who buy it also buy Paper",
    "lacking_value": 40.0,
    "lacking_chance": 0.8,
}
LITTLE = {
    "lacking_kind": "little",
    "lacking_range": "Ink",
    "lacking_value": 30.0,
    "lacking_chance": 0.5,
    "own_spend": 10.0,
    "typical_spend": 70.0,
}
SIGN = {"signs": 1, "sign_code": "slowing", "sign_evidence": "Fewer purchases than before."}
NEW = {"first_day": NOW - 60.0, "lifetime_purchases": 2}

CASES = {
    "no_consent": {"contactable": False, "request_day": NOW - 3.0},
    "request": {"request_day": NOW - 10.0, "last_day": NOW - 20.0},
    "complaint_many": {**OPEN, "complaints_year": 2, "complaint_day": NOW - 5.0},
    "complaint_long": {**OPEN, "complaint_day": NOW - 15.0},
    "answer_bad": {"score": 2.0, "score_day": NOW - 30.0},
    "never_bought": {**GONE, "lifetime_purchases": 0, "lost_day": np.nan, "last_day": np.nan},
    "closed_for_good": {**GONE, "for_good": True, "cause": "closed_down"},
    "lost_long_ago": {**GONE, "lost_day": NOW - 366.0},
    "lost_small": {**GONE, "annual_value": 100.0},
    "lost": GONE,
    "new": NEW,
    "likely_to_leave": {"churn_probability": 0.19, "at_risk": 0.19},
    "silent": {**SIGN, "sign_code": "silent", "churn_probability": np.nan},
    "complaint_open": {**OPEN, "complaint_day": NOW - 14.0},
    "answer_unhappy": {"score": 6.0, "score_day": NOW - 30.0},
    "sign": SIGN,
    "contacted_enough": {"contacts_30": 2, **LACKS},
    "nothing_there": {"annual_value": 0.0},
    "lacks_range": LACKS,
    "little_of_range": LITTLE,
    "kept_in_touch": {},
}


def reason(own, **given):
    # Sound customers beside it set what is typical.
    return journeys_of(own, {}, {}, {}, **given).table["reason_code"].iloc[0]


@pytest.mark.parametrize("code", REASONS)
def test_each_reason_puts_its_customer_into_its_journey(code):
    result = journeys_of(CASES[code], {}, {}, {})
    row = result.table.iloc[0]
    assert (row["reason_code"], row["journey_code"]) == (code, REASONS[code])
    assert row["journey"] == result.wording.say(f"journey.{REASONS[code]}")
    assert row["why"]


def test_every_reason_is_tried_and_every_journey_has_one():
    assert set(CASES) == set(REASONS)
    assert set(REASONS.values()) == set(JOURNEYS)


@pytest.mark.parametrize(
    ("own", "code"),
    [
        # A purchase after the request takes it back; billing of a contract does not.
        ({"request_day": NOW - 10.0, "last_day": NOW - 5.0}, "kept_in_touch"),
        ({"request_day": NOW - 10.0, "last_day": NOW - 5.0, "is_contract": True}, "request"),
        ({"request_day": NOW - 179.0, "last_day": NOW - 300.0}, "request"),
        ({"request_day": NOW - 180.0, "last_day": NOW - 300.0}, "kept_in_touch"),
        # Older than half a year: probably settled, a matter for prevention.
        ({**OPEN, "complaint_day": NOW - 180.0}, "complaint_long"),
        ({**OPEN, "complaint_day": NOW - 181.0}, "complaint_open"),
        # Several complaints, all settled, are past.
        ({"complaints_year": 3}, "kept_in_touch"),
        ({"score": 6.0, "score_day": NOW - 180.0}, "kept_in_touch"),
        ({"score": 6.5, "score_day": NOW - 3.0}, "kept_in_touch"),
        ({"first_day": NOW - 119.0}, "new"),
        ({"first_day": NOW - 120.0}, "kept_in_touch"),
        ({**GONE, "lost_day": NOW - 365.0}, "lost"),
        ({**GONE, "annual_value": 150.0}, "lost"),
        ({**GONE, "annual_value": 149.0}, "lost_small"),
        # Odds twice those of one in ten: 0.1818.
        ({"churn_probability": 0.182, "at_risk": 0.182}, "likely_to_leave"),
        ({"churn_probability": 0.181, "at_risk": 0.181}, "kept_in_touch"),
        # Contacted enough, but something is urgent.
        ({"contacts_30": 5, **SIGN}, "sign"),
        ({"contacts_30": 1}, "kept_in_touch"),
        # Not loyal: too young a customer, or too few purchases; a contract is.
        ({**LACKS, "first_day": NOW - 364.0}, "kept_in_touch"),
        ({**LACKS, "purchases": 3}, "kept_in_touch"),
        ({**LACKS, "purchases": 0, "is_contract": True}, "lacks_range"),
    ],
)
def test_where_one_journey_ends_and_the_next_begins(own, code):
    assert reason(own) == code


def test_nobody_is_new_where_an_earlier_purchase_could_not_be_seen():
    assert reason(NEW, seen_from=NOW - 179) == "kept_in_touch"
    assert reason(NEW, seen_from=NOW - 180) == "new"
    known = {**NEW, "acquired_day": NOW - 60.0}
    assert reason(known, seen_from=NOW - 100) == "new"


def test_settings_move_the_bounds():
    assert journeys_of({"first_day": NOW - 150.0}).table["reason_code"][0] == "kept_in_touch"
    longer = JourneySettings(welcome_days=180)
    assert journeys_of({"first_day": NOW - 150.0}, settings=longer).table["reason_code"][0] == "new"
    lower = JourneySettings(cold_above=0.1)
    assert journeys_of({}, settings=lower).table["reason_code"][0] == "likely_to_leave"


def test_wrong_settings_are_all_named_at_once():
    with pytest.raises(InputError) as told:
        JourneySettings(welcome_days=30, bad_score="2", cold_above=True, loyal_purchases=2.5)  # type: ignore[arg-type]
    for part in ("welcome_days must be a whole number from 90 to 183; got 30", "bad_score",
                 "cold_above", "loyal_purchases"):  # fmt: skip
        assert part in str(told.value)


_ANY = st.fixed_dictionaries(
    {
        "contactable": st.booleans(),
        "active": st.booleans(),
        "is_contract": st.booleans(),
        "for_good": st.booleans(),
        "first_day": st.integers(1, 1000).map(lambda days: float(NOW - days)),
        "last_day": st.integers(1, 1000).map(lambda days: float(NOW - days)),
        "annual_value": st.floats(-50, 500),
        "purchases": st.integers(0, 9),
        "lifetime_purchases": st.integers(0, 20),
        "churn_probability": st.one_of(st.just(np.nan), st.floats(0, 1)),
        "request_day": st.one_of(st.just(np.nan), st.just(NOW - 5.0)),
        "score": st.one_of(st.just(np.nan), st.floats(0, 10)),
        "open_complaints": st.integers(0, 2),
        "complaints_year": st.integers(0, 3),
        "contacts_30": st.integers(0, 4),
        "signs": st.integers(0, 2),
        "lacking_kind": st.sampled_from([None, "lacks", "little"]),
    }
)


@settings(max_examples=25, deadline=None)
@given(st.lists(_ANY, max_size=12))
def test_everybody_is_in_exactly_one_journey_by_the_first_rule_that_holds(found):
    customers = []
    for own in found:
        made = {**LACKS, **LITTLE, **SIGN, **own, "score_day": NOW - 3.0, "cause": "closed_down"}
        made["complaint_day"] = NOW - 20.0 if own["open_complaints"] else np.nan
        made["lost_day"] = np.nan if own["active"] else NOW - 90.0
        made["lacking_range"] = "Ink" if own["lacking_kind"] else None
        customers.append(made)
    result = journeys_of(*customers)
    table, facts = result.table, result.facts
    assert list(table["customer_id"]) == list(facts.customers["customer_id"])
    assert set(table["journey_code"]) <= set(JOURNEYS)
    holds = rules(facts, result.settings)
    for place, code in enumerate(table["reason_code"]):
        first = next(name for name, flags in holds.items() if flags[place])
        assert code == first
    # Who refused is never contacted, and nobody at rest has anything at stake.
    assert (table.loc[~table["contactable"], "journey_code"] == "rest").all()
    assert (table["at_stake"] >= 0).all()
    assert (table.loc[table["journey_code"] == "rest", "at_stake"] == 0).all()
    assert int(result.counts().table["customers"].sum()) == len(customers)
    assert int(result.reasons().table["customers"].sum()) == len(customers)
    assert isinstance(result.sentence(), str)


def test_what_is_at_stake_is_worked_out_as_one_would_by_hand():
    returns = ReturnShare(Range(0.3, 0.4, 0.6), 50, 365)
    result = journeys_of(
        {"churn_probability": 0.5, "at_risk": 0.5, "value_if_kept": 80.0},
        GONE,
        LACKS,
        {"churn_probability": np.nan, "at_risk": 0.2},
        {"contactable": False},
        returns=returns,
    )
    # 0.5 x 80; 0.4 x 300; 0.8 x 40; no forecast, so 0.2 stands for it: 0.2 x 150; at rest nothing.
    assert result.table["at_stake"].tolist() == [40.0, 120.0, 32.0, 30.0, 0.0]
    assert result.table["value"].tolist() == [80.0, 120.0, 40.0, 150.0, 0.0]
    assert np.isnan(result.table["churn_probability"][3])
    assert result.table["lacking_range"].isna().tolist() == [True, True, False, True, True]


def test_who_asks_to_leave_is_taken_at_its_word():
    asked = CASES["request"]
    assert journeys_of(asked).table["churn_probability"][0] == 0.1
    told = journeys_of(asked, {}, request_rate=0.6).table
    assert told["churn_probability"].tolist() == [0.6, 0.1]
    assert told["at_stake"].tolist() == [90.0, 15.0]


def test_value_bands_are_thirds_of_the_active_and_equal_values_share_one():
    annual = np.array([10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0])
    active = np.array([True] * 6 + [False])
    assert value_bands(annual, active).tolist() == [
        "low", "low", "middle", "middle", "high", "high", "high",
    ]  # fmt: skip
    assert set(value_bands(np.full(5, 9.0), np.full(5, True))) == {"low"}
    assert value_bands(np.zeros(0), np.zeros(0, dtype=bool)).tolist() == []


def test_the_reason_is_said_in_the_customers_own_figures():
    result = journeys_of(
        CASES["request"], GONE, NEW, CASES["likely_to_leave"], LITTLE, {}, CASES["complaint_long"]
    )
    assert result.table["why"].tolist() == [
        "asked to leave on 20 June 2025",
        "lost since 26 May 2025; brought €300 of margin in its last year",
        "customer since 1 May 2025 (60 days), 2 purchases so far",
        "19 % likely to leave within 180 days, against 10 % on average",
        "loyal; €10 a year of Ink, comparable buyers €70",
        "6 purchases and €300 of margin in a year, no warning sign",
        "complaint of 15 June 2025 still open after 15 days",
    ]
    french = journeys_of(GONE, {}, language="fr").table["why"].tolist()
    assert [words.replace("\xa0", " ").replace("\u202f", " ") for words in french] == [
        "perdu depuis le 26 mai 2025 ; 300 € de marge sa dernière année",
        "6 achats et 300 € de marge en un an, aucun signe d'alerte",
    ]


def test_few_customers_are_called_a_sketch_and_none_is_said():
    assert journeys_of({}).sentence().startswith("A sketch, not a finding (1 customer only).")
    many = journeys_of(*[{}] * 30, lacks=("consent", "contacts"))
    assert many.sentence().startswith("30 customers, each in one journey: 30 in nurture; 0 at rest")
    assert "Not known here: who agrees to be contacted" in many.sentence()
    assert journeys_of().sentence() == "There is no customer to put into a journey."
    everybody = journeys_of(*[{"contactable": False}] * 30)
    assert everybody.finding() == "All 30 customers rest: nobody is to be contacted"


# --- gathered from a base --------------------------------------------------------------------


def days(*ago):
    return [pd.Timestamp(TODAY) - pd.Timedelta(days=one) for one in ago]


def by_hand():
    """Six customers, each with something to tell; margins of one half."""
    bought = {
        "asked": (500, 300, 30),
        "closed": (600, 400),
        "gone": (800, 700, 500),
        "sound": (700, 200, 100, 10),
        "unhappy": (400, 40),
    }
    lines = pd.DataFrame(
        [(who, day) for who, ago in bought.items() for day in days(*ago)],
        columns=["customer_id", "date"],
    ).assign(amount=100.0, margin=50.0)
    refunds = pd.DataFrame({"customer_id": ["refunded"], "date": days(50), "amount": [-5.0],
                            "margin": [-5.0]})  # fmt: skip
    names = ["asked", "closed", "gone", "listed", "sound", "unhappy"]
    customers = pd.DataFrame(
        {
            "customer_id": names,
            "name": [f"Firm {name}" for name in names],
            "account_manager": ["Ann", None, "Bo", "Bo", "Ann", "Bo"],
            "contactable": [True, True, True, True, None, True],
            "closed_on": [pd.NaT, *days(90), pd.NaT, pd.NaT, pd.NaT, pd.NaT],
            "closure_reason": [None, "Business closed", None, None, None, None],
        }
    )
    told = pd.DataFrame(
        [
            ("asked", *days(12), "letter", "cancellation_request", "in"),
            ("sound", *days(200), "call", "follow_up", "out"),
            ("sound", *days(20), "call", "follow_up", "out"),
            ("sound", *days(10), "email", "newsletter", "out"),
        ],
        columns=["customer_id", "date", "channel", "kind", "direction"],
    )
    said = pd.DataFrame(
        [
            ("unhappy", *days(100), "complaint", np.nan, pd.NaT),
            ("unhappy", *days(50), "complaint", np.nan, *days(45)),
            ("unhappy", *days(60), "survey", 4.0, pd.NaT),
            ("sound", *days(700), "complaint", np.nan, pd.NaT),
            ("sound", *days(60), "survey", 9.0, pd.NaT),
            ("sound", *days(60), "survey", 8.0, pd.NaT),
        ],
        columns=["customer_id", "date", "kind", "score", "resolved_on"],
    )
    tables = {"customers": customers, "interactions": told, "feedback": said}
    return pd.concat([lines, refunds], ignore_index=True), tables


@pytest.fixture(scope="module")
def gathered():
    lines, tables = by_hand()
    base = CustomerBase.from_tables(lines, as_of=TODAY, **tables)
    return base, gather_journey_facts(base, offers=offers_of({"asked": 0.3, "sound": 0.1}))


def test_facts_are_gathered_as_one_would_by_hand(gathered):
    _, facts = gathered
    table = facts.customers.set_index("customer_id")
    assert list(table.index) == [
        "asked", "closed", "gone", "listed", "refunded", "sound", "unhappy",
    ]  # fmt: skip
    assert table["active"].tolist() == [True, False, False, False, False, True, True]
    # Active: of the last 365 days; lost: of the 365 up to the last purchase.
    expected = [100.0, 100.0, 150.0, 0.0, 0.0, 150.0, 50.0]
    assert table["annual_value"].tolist() == expected
    assert table.loc["closed", "lost_day"] == NOW - 90
    assert table.loc["gone", "lost_day"] == NOW - 500 + 365
    assert bool(table.loc["closed", "for_good"])
    assert table.loc["asked", "request_day"] == NOW - 12
    unhappy, sound = table.loc["unhappy"], table.loc["sound"]
    assert (unhappy["complaint_day"], unhappy["open_complaints"]) == (NOW - 100, 1)
    assert (unhappy["complaints_year"], unhappy["open_ever"], unhappy["score"]) == (2, 1, 4.0)
    # Open for two years: no promotion, but nobody calls it open any more. The worse answer counts.
    assert (sound["open_complaints"], sound["open_ever"], sound["score"]) == (0, 1, 8.0)
    assert (sound["contacts_30"], sound["contacts_365"]) == (2, 3)
    assert table["contactable"].all()
    # No forecast for one of the active: its own figures stand for it.
    assert np.isnan(unhappy["churn_probability"]) and unhappy["at_risk"] > 0
    assert unhappy["value_if_kept"] == pytest.approx(50 * 180 / 365)
    assert (facts.measure, facts.horizon_days, facts.lacks) == ("margin", 180, ("ranges",))


def test_journeys_of_a_base_made_by_hand(gathered):
    base, facts = gathered
    result = assign_journeys(base, facts=facts)
    table = result.table.set_index("customer_id")
    assert table["reason_code"].to_dict() == {
        "asked": "request",
        "closed": "closed_for_good",
        "gone": "lost",
        "listed": "never_bought",
        "refunded": "never_bought",
        "sound": "contacted_enough",
        "unhappy": "complaint_many",
    }
    assert table.loc["gone", "account_manager"] == "Bo"
    assert table["open_complaint"].to_dict() == {
        name: name in ("unhappy", "sound") for name in table.index
    }


def test_both_engines_and_tables_from_after_the_day_give_the_same(gathered):
    _, facts = gathered
    lines, tables = by_hand()
    polars = {
        name: pl.from_pandas(table, schema_overrides={"contactable": pl.Boolean})
        if name == "customers"
        else pl.from_pandas(table)
        for name, table in tables.items()
    }
    other = CustomerBase.from_tables(pl.from_pandas(lines), as_of=TODAY, **polars)
    later = pd.Timestamp(TODAY) + pd.Timedelta(days=1)
    lines = pd.concat([lines, lines.head(4).assign(date=later, amount=999.0)])
    tables["interactions"] = pd.concat(
        [
            tables["interactions"],
            tables["interactions"].head(1).assign(customer_id="sound", date=later),
        ]
    )
    tables["feedback"]["resolved_on"] = tables["feedback"]["resolved_on"].fillna(later)
    future = CustomerBase.from_tables(lines, as_of=TODAY, **tables)
    for base in (other, future):
        # Signs are tried on both engines where they are found.
        again = gather_journey_facts(
            base, offers=offers_of({"asked": 0.3, "sound": 0.1}), signals=facts.signals
        )
        pd.testing.assert_frame_equal(again.customers, facts.customers, check_dtype=False)
        assert again.returns == facts.returns


def test_facts_of_another_day_or_of_another_kind_are_refused(gathered):
    base, facts = gathered
    with pytest.raises(InputError, match="gather them anew"):
        assign_journeys(base.at("2025-05-01"), facts=facts)
    with pytest.raises(InputError, match="got dict"):
        assign_journeys(base, facts={})
    with pytest.raises(InputError, match="got int"):
        assign_journeys(base, settings=3)


def one_line(amount=10.0):
    return pd.DataFrame({"customer_id": "a", "date": pd.Timestamp(TODAY), "amount": [amount]})


@pytest.mark.parametrize(
    ("lines", "journey"),
    [(one_line(), "nurture"), (one_line(-4.0), "rest")],
)
def test_the_smallest_bases_have_journeys_and_say_what_is_lacking(lines, journey):
    base = CustomerBase.from_tables(lines)
    result = assign_journeys(base, facts=gather_journey_facts(base, offers=offers_of({})))
    assert result.table["journey_code"].tolist() == [journey]
    assert set(result.facts.lacks) == {
        "consent", "managers", "requests", "complaints", "contacts", "forecast", "ranges",
    }  # fmt: skip
    assert "interactions" in result.sentence()
    assert result.steering().table["lost"].sum() == 0
    assert "interactions" in result.steering().kept.sentence()
    assert len(result.steps().table) == len(load_steps("en"))
    assert result.facts.risk_source == "assumed"


def test_without_a_forecast_silence_beyond_habit_is_cold():
    # Bought every 20 days for two years, then nothing for 150; the other went on.
    rhythm = list(range(0, 720, 20))
    lines = pd.DataFrame(
        {
            "customer_id": ["went on"] * 36 + ["silent"] * 36,
            "date": days(*rhythm) + days(*(one + 150 for one in rhythm)),
            "amount": 50.0,
        }
    )
    base = CustomerBase.from_tables(lines, as_of=TODAY)
    result = assign_journeys(base, facts=gather_journey_facts(base, offers=offers_of({})))
    assert result.table.set_index("customer_id")["journey_code"].to_dict() == {
        "silent": "cold",
        "went on": "nurture",
    }
    assert "forecast" in result.facts.lacks
    assert "150 days without a purchase" in result.table["why"][0]


def test_what_customers_who_came_back_bring_is_measured_where_enough_did():
    def base_with(customers):
        rows = []
        for i in range(customers):
            # 200 a year before, in two purchases; 400 days of silence; then 100, and nothing more.
            rows += [(f"c{i:02}", day, 100.0) for day in days(1500, 1400, 1000)]
        rows += [("always", day, 1.0) for day in days(*range(0, 2000, 100))]
        lines = pd.DataFrame(rows, columns=["customer_id", "date", "amount"])
        base = CustomerBase.from_tables(lines, as_of=TODAY)
        worth = base.customer_days().with_columns(nw.col("net").alias("worth"))
        return return_share(worth, NOW, 365, NOW - 1900)

    enough = base_with(30)
    assert (enough.customers, enough.days) == (30, 365)
    assert enough.share == Range(0.5, 0.5, 0.5)
    assert base_with(29) == ASSUMED_RETURN


@pytest.fixture(scope="module")
def simulated():
    return simulate_base(150, seed=5)


def test_new_customers_of_a_simulated_base_are_welcomed_and_no_others(simulated):
    base, truth = simulated
    everybody = list(truth.customers["customer_id"])
    facts = gather_journey_facts(base, offers=offers_of(dict.fromkeys(everybody, 0.1)))
    table = assign_journeys(base, facts=facts).table
    assert sorted(table["customer_id"]) == sorted(everybody)
    known = base.to_pandas("customers").set_index("customer_id")["acquired_on"]
    since = (pd.Timestamp(base.as_of) - pd.to_datetime(known)).dt.days
    welcomed = table.set_index("customer_id")["journey_code"] == "welcome"
    assert welcomed.any()
    assert (since[welcomed.index[welcomed]] < 120).all()
    young = table[table["customer_id"].isin(since.index[since < 120])]
    others = young.loc[young["journey_code"] != "welcome", "reason_code"]
    urgent = ("no_consent", "never_bought", "request", "answer_bad", "closed_for_good", "lost",
              "lost_small", "complaint_long", "complaint_many")  # fmt: skip
    assert set(others) <= set(urgent)


# --- the table of steps ----------------------------------------------------------------------


def test_the_steps_that_come_along_are_whole_in_both_languages():
    english, french = load_steps("en"), load_steps("fr")
    assert [step.code for step in english] == [step.code for step in french]
    for one, other in zip(english, french, strict=True):
        assert (one.cost, one.minutes, one.rate) == (other.cost, other.minutes, other.rate)
        assert one.title != other.title and one.message != other.message
    contacts = [step for step in english if step.who == "customer"]
    for journey in JOURNEYS:
        assert any(step.who == "manager" and step.journey == journey for step in english)
        assert any(step.journey == journey for step in contacts) == (journey != "rest")
    # Loyalty is no discount: nearly every step costs attention, not a gift.
    assert sum(step.incentive > 0 for step in contacts) <= 2
    assert all(step.promotion == (step.journey == "develop" or step.incentive > 0)
               for step in contacts)  # fmt: skip
    assert all(step.source == "assumption" for step in english)


def own_table():
    return files("retention_lib.decisions").joinpath("journeys.toml").read_text("utf-8")


def test_an_edited_copy_is_read_and_used(tmp_path):
    copy = tmp_path / "mine.toml"
    copy.write_text(own_table().replace("cost = 0.50", "cost = 3.25"), "utf-8")
    steps = {step.code: step for step in load_steps("en", copy)}
    assert steps["cold_call"].cost == 3.25
    result = journeys_of(CASES["likely_to_leave"])
    table = result.steps(steps=copy).table.set_index("step_code")
    assert table.loc["cold_call", "money_out"] == 3.25


STEP = {
    "code": "call_them", "journey": "cold", "who": "customer", "place": 1, "channel": "call",
    "wait_days": 0, "cost": 1.0, "minutes": 5, "incentive": 0, "promotion": False,
    "brings": "saves", "rate": [0.1, 0.2, 0.3], "measured": False, "source": "my own figures",
    "title": "Call", "message": "Hello {name}",
}  # fmt: skip


def written(tmp_path, *steps):
    """A table of steps, written as a person would."""
    lines = []
    for step in steps:
        lines.append("[[step]]")
        for name, value in step.items():
            said = str(value).lower() if isinstance(value, bool) else repr(value)
            lines.append(f"{name} = {said}".replace("'", '"'))
    path = tmp_path / "steps.toml"
    path.write_text("\n".join(lines), "utf-8")
    return path


def test_a_table_in_one_language_is_enough(tmp_path):
    (step,) = load_steps("fr", written(tmp_path, STEP))
    assert (step.title, step.rate, step.source) == ("Call", Range(0.1, 0.2, 0.3), "my own figures")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"journey": "party"}, "journey must be one of welcome, prevention"),
        ({"channel": "fax"}, "channel must be one of email, call"),
        ({"channel": "task"}, "a step for the customer goes by email"),
        ({"who": "manager"}, 'has channel = "task"'),
        ({"place": 1.5}, "place must be a whole number from 1 to 9"),
        ({"place": 2}, "cold has no customer step at place 1"),
        ({"cost": -1}, "cost must be a number from 0"),
        ({"cost": True}, "cost must be a number from 0"),
        ({"minutes": "5"}, "minutes must be a number from 0 to 600"),
        ({"promotion": "yes"}, "promotion must be true or false"),
        ({"rate": [0.3, 0.2, 0.1]}, "ascending order"),
        ({"rate": 0.2}, "three shares"),
        ({"brings": "sells"}, "what steps of cold act on"),
        ({"journey": "rest"}, "customers at rest are not contacted"),
        ({"source": ""}, "source must say"),
        ({"code": "Call them"}, "code is small letters"),
        ({"message": "Hello {nmae}"}, "message holds {nmae}"),
        ({"message": "Hello {name"}, "without its other half"),
        ({"message": "Hello {name.__class__}"}, "message holds {name.__class__}"),
        ({"message": "Hello {name!r}"}, "colon or ! inside braces"),
        ({"title": "Call {name}"}, "in braces it may hold nothing"),
        ({"title": ""}, "title must be a text"),
        ({"colour": "red"}, "colour is no field"),
    ],
)
def test_a_fault_in_the_table_is_said_with_its_remedy(tmp_path, change, said):
    with pytest.raises(InputError) as told:
        load_steps("en", written(tmp_path, {**STEP, **change}))
    assert said in str(told.value)
    assert "steps.toml has 1 fault" in str(told.value)


def test_all_faults_of_the_table_are_said_at_once_with_their_lines(tmp_path):
    bad = {name: value for name, value in STEP.items() if name != "cost"}
    path = written(tmp_path, STEP, {**bad, "code": "other", "rate": 3, "channel": "fax"})
    with pytest.raises(InputError) as told:
        load_steps("en", path)
    message = str(told.value)
    assert "3 fault(s)" in message
    assert message.count("line 18 (other)") == 3
    assert "it lacks cost" in message


def test_two_steps_must_differ_by_code_and_by_place_or_channel(tmp_path):
    with pytest.raises(InputError, match="call_them names 2 steps"):
        load_steps("en", written(tmp_path, STEP, {**STEP, "channel": "email"}))
    with pytest.raises(InputError, match="two steps by call at place 1"):
        load_steps("en", written(tmp_path, STEP, {**STEP, "code": "again"}))


def test_what_is_no_table_of_steps_is_said(tmp_path):
    broken, empty, latin = (tmp_path / name for name in ("a.toml", "b.toml", "c.toml"))
    broken.write_text("[[step]\n", "utf-8")
    empty.write_text("x = 1\n", "utf-8")
    latin.write_bytes("# é".encode("cp1252"))
    none = tmp_path / "none.toml"
    for path, said in ((broken, "is no TOML file"), (empty, "holds no steps"), (latin, "UTF-8"),
                       (none, "There is no table")):  # fmt: skip
        with pytest.raises(InputError, match=said):
            load_steps("en", path)
    with pytest.raises(InputError, match="There is no table"):
        load_steps("en", 3)  # type: ignore[arg-type]
    with pytest.raises(ChoiceError, match="language"):
        load_steps("de")


def test_the_table_of_steps_is_part_of_the_package():
    project = tomllib.loads((files("retention_lib").joinpath("..", "pyproject.toml")).read_text())
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert wheel["packages"] == ["retention_lib"]
    assert "exclude" not in wheel


# --- what steps bring, messages --------------------------------------------------------------


def test_what_a_step_brings_is_worked_out_as_one_would_by_hand():
    result = journeys_of(CASES["likely_to_leave"], CASES["likely_to_leave"])
    row = result.steps(hour_cost=30).table.set_index("step_code").loc["cold_call"]
    stake = 0.19 * 150
    assert row["at_stake"] == pytest.approx(stake)
    assert [row["step_low"], row["step_brings"], row["step_high"]] == pytest.approx(
        [0.05 * stake, 0.12 * stake, 0.25 * stake]
    )
    # Half a unit of money and 12 minutes at 30 an hour.
    assert row["step_profit"] == pytest.approx(0.12 * stake - 0.5 - 6.0)
    assert row["rate_source"] == "assumption"
    nobody = result.steps().table.set_index("step_code").loc["hot_call"]
    assert nobody["customers"] == 0 and np.isnan(nobody["step_profit"])


def test_a_present_is_reckoned_for_who_takes_it():
    row = journeys_of(GONE, {}).steps(hour_cost=0).table.set_index("step_code")
    # Half of 300 comes back with 0.8 %, and then 20 are given; 0.20 goes out.
    assert row.loc["win_back_offer", "step_profit"] == pytest.approx(0.008 * (150 - 20) - 0.2)


def test_a_measured_effect_takes_the_place_of_the_assumption():
    offers = offers_of({"c0": 0.19})
    effect = PastEffect(
        campaign_id="MAY", offer="", date=TODAY, treated=50, control=50, days=180,
        follow_up_days=180, save_rate=Range(0.1, 0.4, 0.5), contact_cost=1.0,
    )  # fmt: skip
    object.__setattr__(offers, "effect", effect)
    steps = journeys_of(CASES["likely_to_leave"], offers=offers).steps()
    table = steps.table.set_index("step_code")
    assert table.loc["cold_call", "step_brings"] == pytest.approx(0.4 * 0.19 * 150)
    assert table.loc["cold_call", "rate_source"] == "measured (drawn by lot)"
    assert table.loc["cold_email", "rate_source"] == "assumption"
    assert "MAY" in str(steps.assumptions["journey_effect"])


@pytest.mark.parametrize("hour_cost", [-1, True, "40", float("nan")])
def test_an_hour_costs_a_number(hour_cost):
    with pytest.raises(InputError, match="hour_cost is what an hour"):
        journeys_of({}).steps(hour_cost=hour_cost)


def test_a_message_holds_the_customers_own_name_manager_and_range(monkeypatch):
    monkeypatch.delenv("RETENTION_MASK", raising=False)
    own = {"name": "Bäcker & <b>Co</b> {0}", "account_manager": "Ann Lee", **LACKS}
    result = journeys_of(own, {})
    message = result.message("c0", "develop_call", company="Dupont SA")
    assert message.startswith("Hello Bäcker & <b>Co</b> {0}, Ann Lee of Dupont SA.")
    assert "Paper" in message
    shown = message._repr_html_()
    assert "&lt;b&gt;" in shown and "<b>" not in shown
    bare = result.message("c1", "develop_call")
    assert bare.startswith("Hello Madam, Sir, your contact of [your company].")


def test_a_masked_message_names_nobody(monkeypatch):
    monkeypatch.setitem(os.environ, "RETENTION_MASK", "1")
    own = {"name": "Firm Dupont", "account_manager": "Ann Lee"}
    message = journeys_of(own).message("c0", "nurture_call")
    assert "Dupont" not in message and "Ann" not in message


def test_an_unknown_customer_or_step_is_said():
    result = journeys_of({})
    with pytest.raises(ChoiceError, match="step_code"):
        result.message("c0", "nothing")
    with pytest.raises(InputError, match="There is no customer 'zz'"):
        result.message("zz", "nurture_call")
    with pytest.raises(InputError, match="steps must be"):
        result.message("c0", "nurture_call", steps=3)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="company is a name"):
        result.message("c0", "nurture_call", company=3)  # type: ignore[arg-type]


# --- steering --------------------------------------------------------------------------------


def steered():
    """Asked 300 days ago: two were called, two not; one left after 100 days, one after 10."""
    who = ("called stays", "called leaves", "alone stays", "alone leaves", "left at once")
    lines = pd.DataFrame(
        [(name, day) for name in who for day in days(*range(320, 900, 30))],
        columns=["customer_id", "date"],
    ).assign(amount=10.0)
    later = pd.DataFrame({"customer_id": ["called stays", "alone stays"], "date": days(200, 130)})
    asked = pd.DataFrame({"customer_id": who, "date": days(*[300] * 5), "channel": "letter",
                          "kind": "cancellation_request", "direction": "in"})  # fmt: skip
    called = pd.DataFrame(
        {
            "customer_id": ["called stays", "called leaves", "alone leaves", "alone stays"],
            "date": days(290, 270, 269, 295),
            "channel": ["call", "call", "call", "email"],
            "kind": ["follow_up", "follow_up", "follow_up", "newsletter"],
            "direction": "out",
        }
    )
    customers = pd.DataFrame(
        {
            "customer_id": who,
            "closed_on": [pd.NaT, *days(200), pd.NaT, *days(200), *days(290)],
        }
    )
    lines = pd.concat([lines, later.assign(amount=10.0)], ignore_index=True)
    told = pd.concat([asked, called], ignore_index=True)
    return lines, {"customers": customers, "interactions": told}


@pytest.mark.parametrize("make", [lambda table: table, pl.from_pandas])
def test_steering_counts_as_one_would_by_hand(make):
    lines, tables = steered()
    base = CustomerBase.from_tables(
        make(lines), as_of=TODAY, **{name: make(table) for name, table in tables.items()}
    )
    result = steer(base, 12)
    table = result.table.set_index("month")
    assert len(table) == 12 and table.index[-1] == "2025-06"
    # 300 days before 30 June 2025 was 3 September 2024.
    assert table.loc["2024-09", "leave_requests"] == 5
    assert table["leave_requests"].sum() == 5
    assert table["closures"].sum() == 3
    hot = result.kept.table[result.kept.table["kind"] == "hot"].set_index("reached")
    # The newsletter and the call on day 31 reached nobody; who left on day 10 is in neither row.
    assert hot.loc[True, ["customers", "still_there"]].tolist() == [2, 1]
    assert hot.loc[False, ["customers", "still_there"]].tolist() == [2, 1]
    assert result.kept.gone_before == 1
    assert hot["kept_share"].isna().all()
    assert "too few for shares: 1 of 2" in result.kept.sentence()
    assert "not drawn by lot" in result.kept.sentence()


def test_the_lost_are_those_of_the_ledger(simulated):
    from retention_lib.portfolio.flows import measure_flows

    base, _ = simulated
    result = steer(base, 6)
    flows = measure_flows(base, period="month").table.tail(6)
    assert result.table["lost"].tolist() == flows["lost"].tolist()
    assert (result.table["lost_low"] <= result.table["lost_rate"]).all()
    assert (result.table["lost_rate"] <= result.table["lost_high"]).all()
    with pytest.raises(InputError, match="months"):
        journeys_of({}).steering(months=True)


def test_the_same_base_seen_anew_gives_the_same_journeys(gathered):
    base, facts = gathered
    one, other = (assign_journeys(base, facts=facts).table for _ in range(2))
    pd.testing.assert_frame_equal(one, other)
