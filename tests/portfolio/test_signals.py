"""Warning signs: each over a base that a person can check by hand, and on every engine."""

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
from retention_lib.errors import ChoiceError, InputError
from retention_lib.portfolio import _signals_facts
from retention_lib.portfolio._signals_record import SignCounts, past_of
from retention_lib.portfolio.signals import (
    SIGNALS,
    SignalSettings,
    find_signals,
    signal_history,
)

END = pd.Timestamp("2025-12-31")


def days_ago(*numbers):
    return [END - pd.Timedelta(days=int(number)) for number in numbers]


def bought(customer, ago, amount=100.0, product_range=None):
    frame = pd.DataFrame({"date": days_ago(*ago), "amount": amount})
    return frame.assign(customer_id=customer, product_range=product_range)


def every(step, *, last=0, first=700):
    return list(range(last, first + 1, step))


def base_of(*parts, **tables):
    return CustomerBase.from_tables(
        pd.concat([*parts, bought("regular", every(20))]), as_of="2025-12-31", currency="EUR",
        **tables,
    )  # fmt: skip


def signs(base, customer, **options):
    frame = find_signals(base, include="all", **options).to_frame()
    return frame[frame["customer_id"] == customer].set_index("signal_code")


# --- each sign by hand -----------------------------------------------------------------------

SWINGS = np.where(np.arange(36) % 2 == 0, 30.0, 300.0)
FALLS = np.where(np.arange(36) < 5, 20.0, 100.0)


@cache
def town():
    """A few customers beside one who buys every 20 days, and what find_signals says of them."""
    lines = pd.concat(
        [
            bought("regular", every(20)),
            bought("dry", every(20, last=120)),
            bought("seldom", every(100, last=120, first=720)),
            bought("twice", [60, 62]),
            *[bought(f"c{i}", every(60)) for i in range(9)],
            bought("falls", every(20), FALLS),
            bought("swings", every(20), SWINGS),
            bought("slows", [*every(35, last=5, first=145), *every(15, last=181)]),
            bought("gone", every(30, last=200), 50.0, "Paper"),
            bought("gone", every(30, last=20), 10.0, "Ink"),
            bought("gone_whole", every(30, last=200), 50.0, "Paper"),
        ]
    )
    base = CustomerBase.from_tables(lines, as_of="2025-12-31", currency="EUR")
    return find_signals(base, include="all").to_frame().set_index("customer_id")


def of(customer):
    """The signs of one of the town's customers, by code."""
    frame = town()
    return frame[frame.index == customer].set_index("signal_code")


def test_a_regular_who_dried_up_is_silent_and_one_who_buys_as_ever_is_not():
    assert list(of("dry").index) == ["silent"]
    row = of("dry").loc["silent"]
    assert row["days"] == (END - row["since"]).days
    # It bought every 20 days; its limit lies between one gap and the silence of 120 days.
    assert END - pd.Timedelta(days=100) < row["since"] < END
    assert "120 days without a purchase" in row["evidence"]
    assert of("regular").empty


def test_who_buys_seldom_is_not_silent_after_the_same_number_of_days():
    assert of("seldom").empty


def test_the_silence_of_who_bought_twice_is_held_against_the_bases_habit_too():
    # Two purchases two days apart are no habit: 60 days are silent by its own gap alone.
    assert of("twice").empty


def test_orders_that_fell_by_more_than_chance_are_told_in_money():
    assert list(of("falls").index) == ["falling_orders"]
    said = "5 orders in the last 90 days at €20 on average, against €100 for the 18 orders"
    assert of("falls").loc["falling_orders", "evidence"].startswith(said)


def test_orders_that_go_up_and_down_do_not_cry_wolf():
    assert of("swings").empty


def test_a_rhythm_that_slowed_is_told_against_its_own_pace():
    row = of("slows").loc["slowing"]
    assert row["evidence"].startswith("5 purchases in the last 180 days")
    assert row["since"] < END


def test_a_range_given_up_by_who_still_buys_others_is_named_with_its_own_money_only():
    row = of("gone").loc["range_abandoned"]
    assert row["evidence"].startswith("Paper: in 17 of ")
    # In the year: six purchases of paper, 200 to 350 days ago; the ink is not at stake.
    assert row["value_at_stake"] == 6 * 50.0


def test_a_range_is_not_given_up_by_who_gave_up_everything():
    assert list(of("gone_whole").index) == ["silent"]


def test_a_first_purchase_without_a_second_counts_from_the_time_most_second_ones_take():
    twice = [bought(f"c{i}", [400, 400 - 10 - i]) for i in range(40)]
    base = base_of(*twice, bought("once", [100]), bought("lately", [20]))
    # Second purchases come after 10 to 49 days and once after 20: 80 % within 41.
    row = signs(base, "once").loc["no_second"]
    assert row["since"] == END - pd.Timedelta(days=100 - 41 - 1)
    assert row["evidence"] == (
        "First purchase 100 days ago and none since; 80 % of second purchases come within 41 days."
    )
    assert signs(base, "lately").empty


def test_with_few_second_purchases_nobody_knows_when_they_come():
    base = base_of(bought("once", [300]), *[bought(f"c{i}", [90, 80]) for i in range(20)])
    assert signs(base, "once").empty


FEEDBACK = pd.DataFrame(
    {
        "customer_id": ["open", "settled", "old", "low", "better", "worse_twice", "plainte"],
        "date": days_ago(30, 30, 250, 40, 300, 10, 12),
        "kind": ["complaint"] * 3 + ["survey"] * 3 + ["Réclamation"],
        "score": [None, None, None, 6, 2, 9, None],
        "resolved_on": [pd.NaT, *days_ago(20), pd.NaT, pd.NaT, pd.NaT, pd.NaT, pd.NaT],
    }
)
LATER = pd.DataFrame(
    {"customer_id": ["better", "worse_twice"], "date": days_ago(20, 10), "kind": "survey",
     "score": [9, 3], "resolved_on": pd.NaT}
)  # fmt: skip


@cache
def with_feedback():
    names = sorted(set(FEEDBACK["customer_id"]))
    both = pd.concat([FEEDBACK, LATER], ignore_index=True)
    return base_of(*[bought(name, every(20)) for name in names], feedback=both)


def test_unhappy_is_an_open_complaint_or_a_low_latest_answer():
    found = find_signals(with_feedback(), include="all").to_frame()
    unhappy = found[found["signal_code"] == "unhappy"].set_index("customer_id")
    assert sorted(unhappy.index) == ["low", "open", "plainte", "worse_twice"]
    assert unhappy.loc["open", "days"] == 30
    assert unhappy.loc["open", "evidence"] == (
        "Unhappy: 1 complaint still open, since 1 December 2025."
    )
    assert "gave 6 out of 10" in unhappy.loc["low", "evidence"]


def test_a_complaint_settled_since_counts_as_open_on_the_day_before_it_was_settled():
    base = with_feedback()
    day = engine.day_number(date(2025, 12, 31))
    history = signal_history(base, [day, day - 25], customers=["settled"])
    assert history.to_dict("list") == {
        "customer_id": ["settled"], "signal": ["unhappy"], "day": [day - 25],
    }  # fmt: skip


@cache
def with_contacts(newsletters=True):
    talks = pd.DataFrame(
        [("called", 30, "follow_up", "out"), ("left", 200, "follow_up", "out"),
         ("left", 10, "order", "in"), ("reads", 20, "newsletter", "out"),
         ("regular", 5, "follow_up", "out"), ("new", 300, "follow_up", "out"),
         ("asked", 20, "follow_up", "out"), ("asked", 15, "Demande de résiliation", "in"),
         ("long_ago", 20, "follow_up", "out"), ("long_ago", 190, "cancellation_request", "in"),
         ("old", 600, "follow_up", "out")],
        columns=["customer_id", "ago", "kind", "direction"],
    )  # fmt: skip
    talks["date"] = days_ago(*talks.pop("ago"))
    names = ["called", "left", "reads", "asked", "long_ago", "refuses", "never"]
    customers = pd.DataFrame({"customer_id": [*names], "contactable": True, "name": "N"})
    customers.loc[customers["customer_id"] == "refuses", "contactable"] = False
    return base_of(*[bought(name, every(20)) for name in names], bought("new", [60, 30]),
                   interactions=talks, customers=customers)  # fmt: skip


def fired(base, code, **options):
    frame = find_signals(base, include="all", **options).to_frame()
    return sorted(frame.loc[frame["signal_code"] == code, "customer_id"])


def test_neglected_is_no_outbound_contact_in_90_days_for_who_may_be_contacted():
    found = find_signals(with_contacts(), include="all").to_frame().set_index("customer_id")
    assert fired(with_contacts(), "neglected") == ["left", "never"]
    row = found.loc["left"]
    assert row["days"] == 200 - 91
    assert row["evidence"].startswith("Not contacted for 200 days, since 14 June 2025; 1 contact")
    assert found.loc["never", "evidence"].startswith("No contact on file at all")


def test_a_newsletter_is_a_contact_unless_said_otherwise():
    strict = SignalSettings(newsletters_count=False)
    assert fired(with_contacts(), "neglected", settings=strict) == ["left", "never", "reads"]


def test_leaving_spoken_of_is_a_recent_request_of_the_customer_in_french_too():
    assert fired(with_contacts(), "leaving_spoken") == ["asked"]


def test_nobody_who_closed_the_account_or_left_the_activity_window_is_on_the_list():
    customers = pd.DataFrame({"customer_id": ["closed"], "closed_on": days_ago(3)})
    base = base_of(
        bought("closed", every(20, last=120)), bought("lost", every(20, last=400, first=700)),
        customers=customers,
    )  # fmt: skip
    assert find_signals(base, include="all").to_frame().empty


# --- what cannot be told ------------------------------------------------------------------------


def test_signs_without_their_table_are_listed_with_what_they_would_take():
    lines = bought("a", every(20)).drop(columns="product_range")
    result = find_signals(CustomerBase.from_tables(lines))
    assert list(result.not_available["signal_code"]) == [
        "range_abandoned", "unhappy", "neglected", "leaving_spoken",
    ]  # fmt: skip
    assert "the column product_range in transactions" in result.sentence()
    assert "the table feedback" in result.sentence()


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize(
    "lines",
    [
        bought("a", [10]),
        bought("a", every(20)),
        bought("a", every(20), -5.0),
        pd.concat([bought(f"c{i}", [0]) for i in range(40)]),
    ],
    ids=["one purchase", "one customer", "refunds only", "one day"],
)
def test_a_base_with_next_to_nothing_is_said_not_refused(lines, language):
    base = CustomerBase.from_tables(lines, language=language)
    result = find_signals(base)
    assert result.to_frame().empty
    assert result.sentence().endswith(".")
    assert result.track_record.sentence().endswith(".")
    assert set(result.track_record.table["verdict_code"]) <= {"short", "few"}


def test_a_history_too_short_to_look_back_keeps_the_signs_on():
    base = CustomerBase.from_tables(bought("dry", every(3, last=45, first=150)), as_of="2025-12-31")
    result = find_signals(base)
    assert list(result.to_frame()["signal_code"]) == ["silent"]
    assert not result.track_record.dates
    assert result.track_record.table["on"].all()


# --- the record -------------------------------------------------------------------------------


def test_the_past_dates_are_month_ends_with_history_before_and_the_horizon_after():
    first, last = date(2023, 1, 1), date(2025, 12, 31)
    past = past_of(engine.day_number(first), engine.day_number(last), SignalSettings(), None)
    assert past.horizon_days == 180
    dates = [engine.day_of(day) for day in past.days]
    assert (dates[0], dates[-1], len(dates)) == (date(2024, 7, 31), date(2025, 6, 30), 12)
    short = past_of(engine.day_number(last) - 370, engine.day_number(last), SignalSettings(), None)
    assert short.horizon_days == 90
    assert (
        past_of(engine.day_number(last) - 200, engine.day_number(last), SignalSettings(), None)
        is None
    )


@cache
def simulated():
    return rl.simulate_base(400, seed=4, contracts_share=0.1, language="en")[0]


def test_the_record_is_what_a_person_would_count_from_the_history_and_the_sales():
    base = simulated()
    record = found().track_record.table.set_index("signal_code")
    first = engine.day_number(date(2023, 1, 1))
    past = past_of(first, base.as_of_day, SignalSettings(), None)
    sales = engine.collect(base.purchases().select("customer_id", "day"))
    known = base.to_pandas("customers").set_index("customer_id")
    closed = (pd.to_datetime(known["closed_on"]) - pd.Timestamp("1970-01-01")).dt.days
    contract = set(engine.collect(rl_standing(base)).query("is_contract")["customer_id"])
    history = signal_history(base, past.days)
    later = {day: set(sales[sales["day"].between(day + 1, day + 180)]["customer_id"])
             for day in past.days}  # fmt: skip
    is_closed = closed.reindex(history["customer_id"]).to_numpy() <= history["day"] + 180
    cases = zip(history["customer_id"], history["day"], strict=True)
    silent = np.array([c not in later[d] and c not in contract for c, d in cases])
    history["lost"] = is_closed | silent
    counted = history.groupby("signal")["lost"].agg(["size", "sum"]).reindex(record.index)
    assert record["fired"].tolist() == counted["size"].fillna(0).tolist()
    assert record["followed_by_loss"].tolist() == counted["sum"].fillna(0).tolist()
    assert record["fired"].sum() > 300


@cache
def found(include="all"):
    return find_signals(simulated(), include=include)


def rl_standing(base):
    from retention_lib.portfolio.activity import standing

    return standing(base)


def counts(**changed):
    given = {"fired": 600, "lost": 200, "customers": 200, "variance": 0.0005, "expected": 100.0}
    now = {"lead_days": 90.0, "fires_now": 50, "usual_now": 50.0, "share_now": 0.05}
    given |= {**now, "most_share": 0.06}
    return SignCounts(**{**given, **changed})


def test_a_customer_counts_as_one_case_at_most_however_many_dates_it_is_there():
    assert counts(variance=1e-9).worth == 200
    assert counts(variance=0.01).worth == pytest.approx(200 / 600 * 400 / 600 / 0.01)
    low, high = counts().interval()
    assert low < 1 / 3 < high
    wide_low, wide_high = counts().outlook(12)
    assert wide_low < low
    assert wide_high > high


@pytest.mark.parametrize(
    ("changed", "verdict"),
    [
        ({}, "proven"),
        ({"expected": 180.0}, "no_better"),
        ({"expected": 180.0, "customers": 20}, "few"),
        ({"expected": 180.0, "fires_now": 90, "share_now": 0.09}, "unusual"),
        ({"expected": 180.0, "fires_now": 90, "share_now": 0.06}, "no_better"),
        ({"fired": 0, "lost": 0, "customers": 0, "variance": float("nan")}, "few"),
    ],
)
def test_the_verdict_follows_from_the_range_and_the_number_of_customers(changed, verdict):
    from retention_lib.portfolio._signals_judged import verdict_on

    assert verdict_on(counts(**changed)) == verdict


def test_a_sign_that_is_off_is_left_out_and_named_and_all_shows_it():
    shown, everything = found("proven"), found()
    off = set(shown.switched_off["signal_code"])
    assert off == set(shown.track_record.table.query("~on")["signal_code"])
    assert off
    assert not off & set(shown.to_frame()["signal_code"])
    for name in shown.switched_off["signal"]:
        assert name in shown.sentence()
    more = everything.to_frame()
    rest = more[~more["signal_code"].isin(off)].reset_index(drop=True)
    pd.testing.assert_frame_equal(rest, shown.to_frame())


def test_a_customer_with_two_signs_is_counted_once_in_the_money():
    result = found()
    frame = result.to_frame()
    assert frame["customer_id"].duplicated().any()
    assert result.value == pytest.approx(frame.groupby("customer_id")["value_at_stake"].max().sum())
    assert frame["value_at_stake"].is_monotonic_decreasing


def test_what_they_brought_is_the_margin_of_the_year_of_every_line():
    base, frame = simulated(), found().to_frame()
    frame = frame[frame["signal_code"] != "range_abandoned"]
    lines = base.to_pandas("transactions")
    year = lines[lines["date"] > pd.Timestamp(base.as_of) - pd.Timedelta(days=365)]
    margin = year.groupby("customer_id")["margin"].sum()
    expected = margin.reindex(frame["customer_id"]).fillna(0.0).to_numpy()
    np.testing.assert_allclose(frame["value_at_stake"], expected, atol=0.011)


# --- since, and the past ------------------------------------------------------------------------


def test_since_is_the_day_on_which_the_sign_began_to_fire():
    base, frame = simulated(), found().to_frame()
    recent = frame[frame["days"].between(8, 40) & ~frame["signal_code"].isin(["unhappy"])]
    first = recent.groupby("signal_code").head(1)
    assert len(first) >= 5
    # The base's figures move a little from day to day, and the limits with them; what compares
    # stretches of time is looked at week by week.
    around = {row.customer_id: base.as_of_day - row.days for row in first.itertuples()}
    days = [start + step for start in around.values() for step in (-9, 7)]
    history = signal_history(base, days, customers=list(around))
    for row in first.itertuples():
        on = history[(history["customer_id"] == row.customer_id)
                     & (history["signal"] == row.signal_code)]  # fmt: skip
        start = around[row.customer_id]
        assert start + 7 in set(on["day"]), row
        assert start - 9 not in set(on["day"]), row


def test_the_past_of_the_same_base_and_the_base_of_the_past_show_the_same_signs():
    base = simulated()
    for day in (date(2024, 9, 30), date(2025, 3, 15)):
        number = engine.day_number(day)
        pd.testing.assert_frame_equal(
            signal_history(base, [number]), signal_history(base.at(day), [number])
        )


@pytest.mark.parametrize("kind", ["pandas", "polars"])
def test_rows_after_the_day_change_nothing_on_the_day(kind):
    base, made = simulated(), (lambda frame: frame) if kind == "pandas" else pl.from_pandas
    tables = {name: base.to_pandas(name) for name in base.tables}
    cut = pd.Timestamp("2025-08-31")
    past = {name: frame[frame[_begins(frame)] <= cut] if _begins(frame) else frame
            for name, frame in tables.items()}  # fmt: skip
    whole = CustomerBase.from_tables(**{n: made(f) for n, f in tables.items()}, as_of="2025-08-31")
    part = CustomerBase.from_tables(**{n: made(f) for n, f in past.items()}, as_of="2025-08-31")
    one, other = find_signals(whole, include="all"), find_signals(part, include="all")
    pd.testing.assert_frame_equal(one.to_frame(), other.to_frame())
    pd.testing.assert_frame_equal(one.track_record.table, other.track_record.table)


def _begins(frame):
    return next((name for name in ("date", "opened_on") if name in frame), None)


def test_duckdb_and_polars_give_the_same_signs_and_the_same_record():
    base = simulated()
    moved = CustomerBase.from_tables(
        **{name: pl.from_pandas(base.to_pandas(name)) for name in base.tables},
        as_of=base.as_of, language="en",
    )  # fmt: skip
    assert (base.engine, moved.engine) == ("duckdb", "polars")
    one, other = found(), find_signals(moved, include="all")
    pd.testing.assert_frame_equal(one.to_frame(), other.to_frame())
    pd.testing.assert_frame_equal(one.track_record.table, other.track_record.table)


def test_a_large_base_shows_everybody_today_though_its_past_is_a_sample(monkeypatch):
    base = simulated()
    whole = found().to_frame()
    monkeypatch.setattr(_signals_facts, "SAMPLE", 150)
    result = find_signals(base, include="all")
    keys = ["customer_id", "signal_code"]
    both = result.to_frame()[keys].merge(whole[keys])
    # The base's figures come from the sample: a few customers on the brink fall on its other side.
    assert len(both) > 0.93 * len(whole)
    assert len(result.to_frame()) < 1.07 * len(whole)
    fired_then = result.track_record.table["fired"].sum()
    assert 0 < fired_then < 0.6 * found().track_record.table["fired"].sum()


@settings(max_examples=4, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 5), st.integers(0, 900), st.sampled_from([-20.0, 10.0, 90.0])),
        min_size=1, max_size=60,
    )
)  # fmt: skip
def test_any_base_has_signs_of_active_customers_only_that_began_by_today(rows):
    frame = pd.DataFrame(rows, columns=["customer_id", "ago", "amount"])
    frame["customer_id"] = "c" + frame["customer_id"].astype(str)
    frame["date"] = days_ago(*frame["ago"])
    base = CustomerBase.from_tables(frame.drop(columns="ago"), as_of="2025-12-31")
    result = find_signals(base, include="all").to_frame()
    active = engine.collect(rl_standing(base)).query("active")["customer_id"]
    assert set(result["customer_id"]) <= set(active)
    assert not result.duplicated(["customer_id", "signal_code"]).any()
    assert (result["since"] <= END).all()
    assert (result["days"] >= 0).all()


# --- the history ------------------------------------------------------------------------------


def test_the_history_of_some_customers_is_that_part_of_the_history_of_all():
    base = simulated()
    days = [base.as_of_day - 30 * back for back in range(3)]
    whole = signal_history(base, days)
    wanted = sorted(set(whole["customer_id"]))[::3]
    some = signal_history(base, days, customers=wanted)
    pd.testing.assert_frame_equal(
        some, whole[whole["customer_id"].isin(wanted)].reset_index(drop=True)
    )
    assert set(whole["signal"]) <= set(SIGNALS)
    last = found().to_frame()
    today = whole[whole["day"] == base.as_of_day]
    assert set(zip(today["customer_id"], today["signal"], strict=True)) == set(
        zip(last["customer_id"], last["signal_code"], strict=True)
    )


def test_a_history_of_no_days_or_of_no_customers_is_empty_with_its_columns():
    for found in (signal_history(simulated(), []), signal_history(simulated(), [1], customers=[])):
        assert list(found.columns) == ["customer_id", "signal", "day"]
        assert found.empty


# --- what is refused -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda b: find_signals("base"), InputError, "Pass a CustomerBase"),
        (lambda b: find_signals(b, include="best"), ChoiceError, "proven"),
        (lambda b: find_signals(b, include=True), ChoiceError, "proven"),
        (lambda b: find_signals(b, horizon_days=0), InputError, "horizon_days"),
        (lambda b: find_signals(b, horizon_days=True), InputError, "horizon_days"),
        (lambda b: find_signals(b, horizon_days="90"), InputError, "horizon_days"),
        (lambda b: find_signals(b, settings={"a": 1}), InputError, "SignalSettings"),
        (lambda b: signal_history(b, ["2025-01-01"]), InputError, "day numbers"),
        (lambda b: signal_history(b, [b.as_of_day + 1]), InputError, "lies after"),
        (lambda b: SignalSettings(silent_share=1.5), InputError, "between 0 and 1"),
        (lambda b: SignalSettings(silent_share="low"), InputError, "between 0 and 1"),
        (lambda b: SignalSettings(contact_days=True), InputError, "whole number"),
        (lambda b: SignalSettings(newsletters_count=1), InputError, "True or False"),
    ],
)
def test_impossible_arguments_are_refused_with_the_remedy(call, error, match):
    with pytest.raises(error, match=match):
        call(with_contacts())


def test_every_default_of_the_settings_is_documented_with_its_value():
    import dataclasses
    import re

    words = re.sub(r"\s+", " ", SignalSettings.__doc__)
    for parameter in dataclasses.fields(SignalSettings):
        assert f"``{parameter.name}``" in words
    values = re.findall(r"default (True|[\d.]+\d|\d+)(?: and (\d+))?", words)
    told = [float(v) if v != "True" else 1.0 for pair in values for v in pair if v]
    assert told == [float(getattr(SignalSettings(), f.name)) for f in _as_told(words)]


def _as_told(words):
    import dataclasses

    fields = dataclasses.fields(SignalSettings)
    return sorted(fields, key=lambda f: words.index(f"``{f.name}``"))


def test_a_month_end_before_the_first_sale_fires_nothing():
    base = simulated()
    early = engine.day_number(date(2022, 1, 31))
    assert signal_history(base, [early, early + int(timedelta(days=30).days)]).empty


def test_who_refused_to_be_contacted_is_marked_and_said():
    silent = [bought(name, every(20, last=120)) for name in ("yes", "no", "unknown")]
    known = pd.DataFrame(
        {"customer_id": ["yes", "no", "unknown"], "contactable": [True, False, None]}
    )
    result = find_signals(base_of(*silent, customers=known), include="all")
    marked = result.to_frame().drop_duplicates("customer_id").set_index("customer_id")
    assert marked["contactable"].to_dict() == {"yes": True, "no": False, "unknown": True}
    assert "1 of them refused to be contacted" in result.sentence()
    plain = find_signals(base_of(*silent), include="all")
    assert "contactable" not in plain.to_frame() and "refused" not in plain.sentence()


def test_believing_every_sign_is_told_in_calls_and_in_calls_for_nothing():
    record = find_signals(simulated()).track_record
    table = record.table
    fired = int(table["fired"].sum())
    wolf = fired - int(table["followed_by_loss"].sum())
    said = record.careless_sentence()
    assert f"{fired:,} times, {wolf:,} of them" in said
