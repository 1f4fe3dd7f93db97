"""The customers lost: how many, why, what it cost, and which signs had fired before."""

import sys
import types
from datetime import date, timedelta
from functools import cache

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retention_lib.base import engine
from retention_lib.base.customer_base import CustomerBase
from retention_lib.base.simulate import simulate_base, simulate_tables
from retention_lib.base.simulate_words import REASONS
from retention_lib.errors import InputError
from retention_lib.portfolio import _lost_causes as causes
from retention_lib.portfolio import signals
from retention_lib.portfolio._lost_found import find_losses
from retention_lib.portfolio._lost_value import Carry, measure_carry
from retention_lib.portfolio.activity import standing
from retention_lib.portfolio.calendar_periods import months_before
from retention_lib.portfolio.flows import measure_flows
from retention_lib.portfolio.lost import list_lost
from retention_lib.wording import LANGUAGES, texts

CODES = ("silent", "unhappy", "leaving_spoken")


@pytest.fixture(autouse=True)
def fired(monkeypatch):
    """Signals planted by a test: rows of customer, sign and day; nothing later is shown."""
    planted, asked = [], []

    def signal_history(base, days, *, customers=None):
        asked.append((list(days), customers))
        rows = [
            (who, sign, day)
            for day in days
            for who, sign, since, until in planted
            if engine.day_number(since) <= day <= engine.day_number(until) and who in customers
        ]
        return pd.DataFrame(rows, columns=["customer_id", "signal", "day"])

    module = types.ModuleType("retention_lib.portfolio.signals")
    module.signal_history = signal_history
    monkeypatch.setitem(sys.modules, "retention_lib.portfolio.signals", module)
    for code in CODES:
        name = {"en": f"{code} sign", "fr": f"signe {code}"}
        monkeypatch.setitem(texts(), f"signal.{code}.name", name)
    planted_and_asked = types.SimpleNamespace(planted=planted, asked=asked)
    return planted_and_asked


def lines(*rows):
    frame = pd.DataFrame(rows, columns=["customer_id", "date", "amount"])
    return frame.assign(date=pd.to_datetime(frame["date"]))


# As of 31 December 2025; the year looked at began on 31 December 2024.
SIX = (
    ("old", "2022-01-01", 1.0),  # the file begins early enough
    ("ann", "2023-08-15", 40.0),  # more than a year before her last purchase
    ("ann", "2024-03-01", 100.0),
    ("ann", "2024-09-01", 50.0),
    ("ann", "2024-09-20", -20.0),  # a refund only: no purchase, but it lowers what she was worth
    ("bob", "2024-05-01", 10.0),
    ("bob", "2025-05-01", 10.0),  # still active
    ("cid", "2024-12-01", 30.0),
    ("cid", "2025-01-15", 60.0),  # closed on 10 February
    ("dee", "2023-12-31", 99.0),  # 366 days before: not active at the start
    ("eve", "2025-01-05", 99.0),  # came and went: not in the ledger's lost
    ("fay", "2023-01-05", 12.0),  # a contract, closed on 1 March
)
FACTS = pd.DataFrame(
    {
        "customer_id": ["ann", "bob", "cid", "eve", "fay"],
        "name": ["Ann", "Bob", "Cid", "Eve", "Fay"],
        "acquired_on": pd.to_datetime(
            ["2023-01-01", "2024-06-01", "2024-12-01", "2025-01-05", None]
        ),
        "closed_on": pd.to_datetime([None, None, "2025-02-10", "2025-06-01", "2025-03-01"]),
        "closure_reason": [None, None, "Prix trop élevés", "Autre", "Business closed"],
        "is_contract": [False, False, False, False, True],
    }
)
BY_HAND = {
    "last_purchase": ["2024-09-01", "2025-01-15", "2023-01-05"],
    "lost_on": ["2025-09-01", "2025-02-10", "2025-03-01"],
    "tenure_days": [609, 45, 0],
    "annual_revenue": [130.0, 90.0, 12.0],
    "value_lost": [130.0, 90.0, 0.0],  # the contract had brought nothing for two years
    "cause": ["none", "price", "closed_down"],
}


# Without a customers table nobody knows of a closed account: one more who fell silent.
PLAIN = (*SIX, ("hal", "2024-10-10", 90.0))


def plain(rows=PLAIN, **options):
    options = {"currency": "EUR", "as_of": "2025-12-31", **options}
    return CustomerBase.from_tables(pl.from_pandas(lines(*rows)), **options)


def six(kind="polars", **options):
    tables = {"transactions": lines(*SIX), "customers": FACTS}
    if kind == "polars":
        tables = {name: pl.from_pandas(table) for name, table in tables.items()}
    return CustomerBase.from_tables(**tables, as_of="2025-12-31", **{"currency": "EUR", **options})


@pytest.mark.parametrize("kind", ["pandas", "polars"])
def test_six_customers_judged_by_hand_on_both_engines(kind):
    base = six(kind)
    assert base.engine == ("polars" if kind == "polars" else "duckdb")
    lost = list_lost(base)
    table = lost.to_frame().set_index("customer_id").loc[["ann", "cid", "fay"]]
    assert len(lost.to_frame()) == 3
    for column, wanted in BY_HAND.items():
        got = table[column]
        got = got.dt.strftime("%Y-%m-%d") if column in ("last_purchase", "lost_on") else got
        assert got.tolist() == wanted, column
    assert table["name"].tolist() == ["Ann", "Cid", "Fay"]
    assert table["avoidable"].isna().tolist() == [True, False, False]
    assert table["avoidable"].tolist()[1:] == [True, False]
    assert table["annual_margin"].isna().all()
    assert lost.total == 220.0


def test_those_worth_most_come_first():
    assert list_lost(six()).to_frame()["value_lost"].tolist() == [130.0, 90.0, 0.0]


def test_who_came_and_went_is_counted_apart_as_in_the_ledger():
    said = list_lost(six()).assumptions["passed_through"]
    assert str(said).startswith("1 customer came and went")


def test_a_contract_is_lost_when_it_ends_not_when_it_is_silent():
    open_ended = FACTS.assign(closed_on=pd.NaT)
    base = CustomerBase.from_tables(lines(*SIX), customers=open_ended, as_of="2025-12-31")
    assert "fay" not in list_lost(base).to_frame()["customer_id"].tolist()


@pytest.mark.parametrize(("last", "lost"), [("2025-01-01", False), ("2024-12-31", True)])
def test_the_last_day_of_the_window_decides(last, lost):
    base = CustomerBase.from_tables(lines(("a", "2022-01-01", 1.0), ("a", last, 5.0)),
                                    as_of="2025-12-31")  # fmt: skip
    opened = engine.collect(standing(base.at("2024-12-31")).filter(standing_active()))
    was_active = "a" in opened["customer_id"].tolist()
    found = list_lost(base).to_frame()["customer_id"].tolist()
    assert found == (["a"] if lost and was_active else [])
    if lost:
        assert list_lost(base).to_frame()["lost_on"].tolist() == [pd.Timestamp("2025-12-31")]


def standing_active():
    import narwhals as nw

    return nw.col("active")


def active_on(base, day):
    known = engine.collect(standing(base.at(day)))
    return set(known.loc[known["active"].astype(bool), "customer_id"])


DAYS = st.integers(0, 900)
ROWS = st.lists(
    st.tuples(st.sampled_from("abcdef"), DAYS, st.sampled_from([-20.0, 5.0, 30.0])), max_size=40
)


@settings(max_examples=10, deadline=None)
@given(
    rows=ROWS,
    closed=st.dictionaries(st.sampled_from("abcdef"), DAYS, max_size=4),
    contracts=st.sets(st.sampled_from("abcdef"), max_size=3),
    months=st.sampled_from([1, 3, 12, 18]),
    window=st.sampled_from([30, 365]),
)
def test_the_list_is_the_ledgers_lost_for_any_base(rows, closed, contracts, months, window):
    first = date(2023, 7, 1)
    moved = [(who, first + timedelta(days), amount) for who, days, amount in rows]
    table = lines(("first", first, 1.0), *moved)
    facts = pd.DataFrame(
        {
            "customer_id": list("abcdef"),
            "closed_on": [first + timedelta(closed[w]) if w in closed else None for w in "abcdef"],
            "is_contract": [who in contracts for who in "abcdef"],
        }
    )
    base = CustomerBase.from_tables(
        pl.from_pandas(table),
        customers=pl.from_pandas(facts),
        as_of="2025-12-31",
        activity_window_days=window,
    )
    start = months_before(base.as_of, months)
    found = list_lost(base, months=months)
    wanted = active_on(base, start) - active_on(base, base.as_of)
    assert set(found.to_frame()["customer_id"]) == wanted
    assert found.losses.opening == len(active_on(base, start))
    days = found.to_frame()["lost_on"]
    assert ((days > pd.Timestamp(start)) & (days <= pd.Timestamp(base.as_of))).all()
    for who, day in zip(found.to_frame()["customer_id"], days, strict=True):
        assert who in active_on(base, day.date() - timedelta(1))
        assert who not in active_on(base, day.date())
    assert found.by_month["customers"].sum() == len(wanted)


@cache
def simulated(seed=1, **options):
    return simulate_base(400, seed=seed, **options)


@pytest.mark.parametrize("options", [{}, {"contracts_share": 0.5}, {"kind": "b2c"}])
def test_the_count_is_that_of_the_flows_over_the_same_year(options):
    base, _ = simulated(**options)
    year = measure_flows(base).to_frame().set_index("period").loc["2025"]
    found = list_lost(base)
    assert len(found.to_frame()) == year["lost"] > 0
    assert found.losses.opening == year["opening"]


def test_what_happens_after_as_of_changes_nothing():
    tables, _ = simulate_tables(200, seed=4)
    filled = {name: table for name, table in tables.items() if len(table)}
    cut = {**filled, "transactions": filled["transactions"].copy()}
    cut["transactions"] = cut["transactions"][cut["transactions"]["date"] <= "2025-06-30"]
    late = list_lost(CustomerBase.from_tables(**filled).at("2025-06-30"))
    early = list_lost(CustomerBase.from_tables(**cut, as_of="2025-06-30"))
    pd.testing.assert_frame_equal(late.to_frame(), early.to_frame())
    assert late.sentence() == early.sentence()
    assert len(late.to_frame()) > 10


def test_duckdb_and_polars_tell_the_same():
    tables, _ = simulate_tables(300, seed=5, contracts_share=0.3)
    filled = {name: table for name, table in tables.items() if len(table)}
    one = list_lost(CustomerBase.from_tables(**filled))
    other = {name: pl.from_pandas(table) for name, table in filled.items()}
    two = list_lost(CustomerBase.from_tables(**other))
    pd.testing.assert_frame_equal(one.to_frame(), two.to_frame(), check_dtype=False)
    assert one.sentence() == two.sentence()


# --- against the known truth -----------------------------------------------------------------


@pytest.mark.parametrize("seed", [1, 2])
def test_most_of_those_listed_had_really_left(seed):
    base, truth = simulated(seed)
    told = list_lost(base).to_frame().merge(truth.customers, on="customer_id")
    really = told["leave_day"] <= pd.Timestamp(base.as_of)
    assert really.mean() >= 0.7  # the rest are slow or paused buyers, silent for a year
    # Of the active ones of the start who stayed away, none with a year of silence is missed.
    closed = base.to_pandas("customers").set_index("customer_id")["closed_on"]
    assert set(told.loc[told["customer_id"].map(closed).notna(), "leave_day"].notna()) == {True}


def test_what_they_were_worth_is_near_the_truth_and_rather_below_it():
    # Below, because leavers had already slowed down in the year that is looked at.
    said = true = 0.0
    for seed in (1, 2):
        base, truth = simulate_base(1500, seed=seed)
        lost = list_lost(base)
        told = lost.to_frame().merge(truth.customers, on="customer_id")
        told = told[told["leave_cause"] != "one_time"]
        said += told["value_lost"].sum()
        true += told["expected_annual_margin"].sum()
        assert lost.total_low < lost.total < lost.total_high
    assert 0.75 < said / true < 1.1


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_reason_of_the_simulator_is_understood(language):
    wanted = {
        "price": "price", "competitor": "competitor", "business_closed": "closed_down",
        "moved": "moved", "complaint": "service", "neglect": "neglect",
        "dissatisfaction": "service", "fatigue": "fatigue", "single_contact": "contact_left",
        "one_time": "no_need", "chance": "other",
    }  # fmt: skip
    place = 1 if language == "en" else 0
    read = {name: causes.read_cause(words[place])[0] for name, words in REASONS.items()}
    assert read == wanted


# --- what a recorded reason means --------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "cause", "avoidable"),
    [
        ("TROP CHER", "price", True),
        ("parti chez un concurrent moins cher", "competitor", True),
        ("Livraisons toujours en retard", "service", True),
        ("Retard de paiement", "unpaid", False),
        ("Rachat par un groupe", "taken_over", False),
        ("N'a plus besoin de nos produits", "no_need", False),
        ("n’a plus l’usage", "no_need", False),
        ("Décédé", "deceased", False),
        ("liquidation judiciaire", "closed_down", False),
        ("Plus de nouvelles de notre commercial", "neglect", True),
        ("No longer needed", "no_need", False),
        ("went bankrupt", "closed_down", False),
        ("not satisfied with the quality", "service", True),
        ("Prix et déménagement", "several", None),
        ("not the price", "other", None),
        ("aucun problème de qualité", "other", None),
        ("R07", "other", None),
        ("Autre", "other", None),
        ("priceless memories", "other", None),
        ("   ", "none", None),
        (None, "none", None),
        (float("nan"), "none", None),
    ],
)
def test_a_reason_is_read_by_plain_rules_and_never_guessed(text, cause, avoidable):
    assert causes.read_cause(text) == (cause, avoidable)


def test_every_phrase_of_the_rules_means_its_own_cause():
    for cause in causes.CAUSES:
        for phrase in (*cause.english, *cause.french):
            assert causes.read_cause(phrase.replace("*", ""))[0] == cause.code, phrase


def test_every_cause_has_a_name():
    for code in (*causes.CODES, causes.OTHER, causes.NONE, causes.SEVERAL):
        assert f"lost.cause.{code}" in texts()


def test_reasons_add_up_and_the_missing_ones_are_said():
    lost = list_lost(six())
    reasons = lost.reasons()
    table = reasons.to_frame()
    assert table["customers"].sum() == 3
    assert table["value_lost"].sum() == pytest.approx(lost.total)
    assert table["share_of_value"].sum() == pytest.approx(1)
    assert table["cause"].tolist() == ["none", "price", "closed_down"]
    assert reasons.sentence() == (
        "1 of 3 customers lost left without a usable reason on file; 1 could have been kept, "
        "first of all: price."
    )
    assert "1 left without a usable reason on file, 1 for a reason that could have been avoided, " \
        "1 for one that could not" in lost.sentence()  # fmt: skip


def test_with_enough_customers_reasons_are_told_in_shares_of_value():
    base, _ = simulated(2)
    lost = list_lost(base)
    table = lost.reasons().to_frame()
    unknown = table.loc[table["avoidable"].isna(), "value_lost"].sum() / lost.total
    said = base.wording.percent(unknown, decimals=0)
    assert lost.reasons().sentence().startswith(f"Pour {said} de la valeur perdue")
    assert (table["value_low"] <= table["value_lost"]).all()
    assert (table["value_high"] >= table["value_lost"]).all()


def test_without_a_recorded_reason_nobody_is_blamed():
    lost = list_lost(plain())
    assert "no reason is on file for any of them" in lost.sentence()
    assert lost.to_frame()["reason"].isna().all()
    assert lost.reasons().sentence() == (
        "Nobody recorded why any of the 2 customers left: €220 of revenue a year, gone without a "
        "known reason."
    )


# --- warning signs ---------------------------------------------------------------------------


def test_signs_count_from_the_end_of_the_month_on_which_they_were_first_seen(fired):
    # Ann last bought on 1 September 2024 and was lost on 1 September 2025.
    fired.planted += [
        ("ann", "unhappy", date(2024, 7, 10), date(2024, 8, 5)),  # seen on 31 July: 397 days
        ("ann", "silent", date(2025, 2, 1), date(2025, 12, 31)),  # seen on 28 February: 185 days
        ("cid", "silent", date(2025, 2, 10), date(2025, 12, 31)),  # the day he was lost
        ("fay", "silent", date(2025, 2, 2), date(2025, 2, 27)),  # over before the month was
        ("bob", "silent", date(2024, 1, 1), date(2025, 12, 31)),  # not lost
    ]
    lost = list_lost(six())
    table = lost.to_frame().set_index("customer_id")
    assert table.loc["ann", "signals_before"] == "unhappy sign, silent sign"
    assert table["first_signal_days"].dropna().to_dict() == {"ann": 397}
    told = lost.signals().to_frame().set_index("signal")
    assert told["customers"].to_dict() == {"silent": 1, "unhappy": 1, "none": 2}
    assert told["still_buying"].to_dict() == {"silent": 0, "unhappy": 1, "none": 0}
    assert told["median_days_before"].to_dict()["unhappy"] == 397
    assert (
        lost.signals()
        .sentence()
        .startswith(
            "1 of 3 customers lost had shown a warning sign, 1 of them while still buying; 2 left "
            "without any"
        )
    )


def test_signs_are_asked_for_at_month_ends_about_the_lost_only(fired):
    list_lost(six())
    ((days, customers),) = fired.asked
    assert customers == ["ann", "cid", "fay"]
    asked = [engine.day_of(day) for day in days]
    assert all((day + timedelta(1)).day == 1 for day in asked)
    assert asked == sorted(asked)
    # Cid's loss of 10 February 2025 less 547 days, up to the last month end before Ann's.
    assert (asked[0], asked[-1]) == (date(2023, 8, 31), date(2025, 8, 31))


def test_a_sign_longer_ago_than_the_look_back_does_not_count(fired):
    fired.planted.append(("ann", "unhappy", date(2024, 2, 1), date(2024, 2, 29)))
    assert list_lost(six()).to_frame()["signals_before"].isna().all()  # 550 days before
    fired.planted.append(("ann", "unhappy", date(2024, 3, 1), date(2024, 3, 31)))
    assert list_lost(six()).to_frame()["first_signal_days"].max() == 519


def test_silent_leavers_are_counted_where_the_base_could_know(fired):
    feedback = pd.DataFrame({"customer_id": ["ann"], "date": pd.to_datetime(["2024-07-10"])})
    fired.planted.append(("ann", "unhappy", date(2024, 7, 10), date(2024, 8, 5)))
    base = plain(feedback=feedback)
    assert "1 of 2 never said a word" in list_lost(base).signals().sentence()
    assert "never said a word" not in list_lost(six()).signals().sentence()


def test_no_sign_and_all_signs_are_said_in_words(fired):
    assert "None of the 3 customers lost had shown" in list_lost(six()).signals().sentence()
    fired.planted += [(who, "silent", date(2023, 1, 1), date(2025, 12, 31)) for who in
                      ("ann", "cid", "fay")]  # fmt: skip
    assert list_lost(six()).signals().sentence() == (
        "All 3 customers lost had shown a warning sign, 2 while still buying."
    )


def test_the_real_signs_had_fired_before_the_loss_as_seen_on_the_day(monkeypatch):
    monkeypatch.setitem(sys.modules, "retention_lib.portfolio.signals", signals)
    base, _ = simulated(2)
    lost = list_lost(base)
    first = lost.signs.merge(lost.losses.lost[["customer_id", "lost_day"]], on="customer_id")
    days = first["lost_day"] - first["lead_days"]
    assert len(first) > 20
    assert first["lead_days"].between(1, 365 + 182).all()
    # Asked on another occasion, from that very day, the sign is there.
    day = int(days.mode().iloc[0])
    then = signals.signal_history(base.at(engine.day_of(day)), [day])
    seen = set(zip(then["customer_id"], then["signal"], strict=True))
    of_the_day = first[days == day]
    assert set(zip(of_the_day["customer_id"], of_the_day["signal"], strict=True)) <= seen
    told = lost.signals().to_frame()
    assert told["customers"].max() <= len(lost.to_frame())
    assert (told["still_buying"] <= told["customers"]).all()


# --- what they were worth ----------------------------------------------------------------------


def stayers(count, *, growth):
    """Customers who buy every 60 days, for so much more after 31 December 2024."""
    rows = []
    for number in range(count):
        day = date(2022, 6, 1) + timedelta(number % 30)
        while day <= date(2025, 12, 31):
            rows.append((f"s{number:02}", day, 10.0 * (growth if day.year == 2025 else 1)))
            day += timedelta(60)
    return rows


def test_a_year_lost_is_worth_what_those_who_stayed_made_of_theirs():
    # A regular like the stayers until autumn 2024: six purchases of 10 in its last year.
    gone = [("gone", date(2024, 10, 1) - timedelta(60 * back), 10.0) for back in range(10)]
    base = plain([*stayers(30, growth=2.0), *gone])
    lost = list_lost(base)
    row = lost.to_frame().iloc[0]
    assert (row["customer_id"], row["annual_revenue"]) == ("gone", 70.0)
    # Seven purchases in the 365 days up to one of them, six in the 365 after it, doubled.
    assert lost.losses.carry.ratios == pytest.approx([12 / 7], rel=0.03)
    assert row["value_lost"] == pytest.approx(120.0, rel=0.03)
    assert lost.total_low <= lost.total <= lost.total_high


def test_with_fewer_than_thirty_stayers_the_last_year_stands_and_it_is_said():
    gone = [("gone", date(2024, 10, 1), 10.0)]
    base = plain([*stayers(29, growth=2.0), *gone])
    lost = list_lost(base)
    assert lost.total == 10.0
    assert np.isnan([lost.total_low, lost.total_high]).all()
    assert "that takes 30 customers who stayed, seen for two full years" in lost.sentence()
    assert "taken as 1" in str(lost.assumptions["carry"])


def test_bands_with_too_few_stayers_join_their_neighbours():
    values = np.arange(1.0, 101.0)
    often = np.where(values <= 70, 2, 20)
    carry = measure_carry(values, values * 3, often)
    assert carry.starts == (1, 13)
    assert measure_carry(values, values, np.where(values <= 80, 2, 20)).starts == (1,)
    assert measure_carry(values[:29], values[:29], often[:29]) == Carry()
    assert carry.expected(np.array([10.0, 1.0]), np.array([1, 99])) == pytest.approx([30.0, 3.0])


def test_the_range_holds_what_comes_true_nineteen_times_in_twenty():
    rng = np.random.default_rng(7)
    held = 0
    for _ in range(200):
        level = rng.gamma(2.0, 50.0, 260)
        before, after = (level * rng.gamma(4.0, 0.25, 260) for _ in range(2))
        often = np.full(260, 2)
        carry = measure_carry(before[:200], after[:200], often[:200])
        low, high = carry.between(before[200:], often[200:])
        held += low <= after[200:].sum() <= high
    assert 180 <= held <= 199


@pytest.mark.parametrize(
    ("options", "unit", "annual"),
    [({}, "revenue", 130.0), ({"margin_rate": 0.5}, "margin", 65.0)],
)
def test_margin_counts_where_it_is_known(options, unit, annual):
    lost = list_lost(six(**options))
    assert lost.unit == unit
    assert lost.to_frame()["value_lost"].max() == annual
    assert f"of {unit} (what the next year" in lost.sentence()


def test_margins_of_lines_come_before_a_rate():
    table = lines(*PLAIN).assign(margin=lambda t: t["amount"] * 0.2)
    base = CustomerBase.from_tables(table, as_of="2025-12-31", margin_rate=0.5)
    assert list_lost(base).to_frame()["annual_margin"].tolist() == [26.0, 18.0]


# --- what cannot be told -------------------------------------------------------------------------


def test_a_file_that_begins_too_late_gives_at_least_so_many():
    late = [row for row in PLAIN if row[1] >= "2024-06-01"]
    said = list_lost(plain(late)).sentence()
    assert said.startswith("At least 2 customers were lost between 31 December 2024 and")
    assert "the file begins on 1 September 2024" in said


def test_where_the_file_begins_too_late_no_month_is_called_the_costliest():
    late = list_lost(plain([row for row in PLAIN if row[1] >= "2024-06-01"]))
    assert "costliest" not in late.finding()
    # Whoever bought on the first day, 1 September, is silent for a year on 1 September 2025.
    assert late.by_month["unseen"].tolist() == [True] * 8 + [False] * 4
    assert not list_lost(plain()).by_month["unseen"].any()


def test_a_file_that_begins_after_the_new_years_holiday_is_whole_as_in_the_ledger():
    rows = [("a", "2024-01-02", 1.0), ("a", "2025-12-31", 1.0), ("b", "2024-05-01", 1.0)]
    assert list_lost(plain(rows)).losses.whole
    assert measure_flows(plain(rows)).to_frame()["period"].tolist() == ["2025"]


def test_a_stray_line_a_century_before_is_not_where_the_file_begins():
    rows = [("x", "1900-01-01", 1.0), *stayers(29, growth=2.0)]
    begins = list_lost(plain(stayers(29, growth=2.0))).losses.first_day
    assert len(rows) > 100
    assert list_lost(plain(rows)).losses.first_day == begins


def test_a_file_that_begins_after_the_start_tells_nothing_and_says_what_is_missing():
    base = plain([("a", "2025-03-01", 1.0)])
    lost = list_lost(base)
    assert lost.to_frame().empty
    assert lost.sentence().startswith("Who was lost between 31 December 2024 and 31 December 2025")
    assert "add the sales of the 365 days before 31 December 2024" in lost.sentence()
    assert lost.signals().sentence() == lost.reasons().sentence() == lost.sentence()
    assert (
        lost.to_frame().columns.tolist()
        == list_lost(CustomerBase.from_tables(lines(*SIX), as_of="2025-12-31"))
        .to_frame()
        .columns.tolist()
    )


def test_nobody_lost_and_nobody_active_are_said():
    kept = [("a", f"202{year}-06-01", 5.0) for year in (2, 3, 4, 5)]
    lost = list_lost(plain(kept))
    assert lost.sentence() == (
        "None of the 1 customer active on 31 December 2024 was lost by 31 December 2025."
    )
    gone = plain([("a", "2021-06-01", 5.0)])
    assert list_lost(gone).sentence().startswith("Nobody was active on 31 December 2024")


def test_refunds_only_lose_nobody():
    base = plain([("a", "2022-06-01", -5.0)])
    assert list_lost(base).to_frame().empty
    assert list_lost(base).reasons().to_frame().empty


def test_a_cut_first_year_is_pointed_out_unless_the_customer_came_later():
    late = [row for row in SIX if row[1] >= "2024-03-01"]
    facts = FACTS.assign(acquired_on=pd.to_datetime(["2010-01-01", None, "2024-12-01", None, None]))
    base = CustomerBase.from_tables(lines(*late), customers=facts, as_of="2025-12-31")
    table = list_lost(base).to_frame().set_index("customer_id")
    assert table["full_year"].to_dict() == {"ann": False, "cid": True}
    assert "for 1 customer the file begins" in str(list_lost(base).assumptions["cut_years"])


@pytest.mark.parametrize("months", [0, -1, True, "12", 1.5, 601, None])
def test_months_must_be_a_whole_number(months):
    with pytest.raises(InputError, match="months must be a whole number"):
        list_lost(six(), months=months)


def test_something_else_than_a_base_is_refused():
    with pytest.raises(InputError, match="Pass a CustomerBase"):
        list_lost(lines(*SIX))


@given(st.dates(date(1950, 1, 1), date(2090, 12, 31)), st.integers(1, 40))
def test_a_month_end_stays_one_and_twelve_months_are_a_year(day, months):
    earlier = months_before(day, months)
    assert (day.year - earlier.year) * 12 + day.month - earlier.month == months
    if (day + timedelta(1)).day == 1:
        assert (earlier + timedelta(1)).day == 1
    else:
        assert earlier.day <= day.day
    assert 365 <= (day - months_before(day, 12)).days <= 366


def test_a_customer_listed_twice_is_lost_once():
    twice = pd.concat([FACTS, FACTS.assign(name="Other", closure_reason=None)])
    base = CustomerBase.from_tables(lines(*SIX), customers=twice, as_of="2025-12-31")
    lost = list_lost(base)
    assert sorted(lost.to_frame()["customer_id"]) == ["ann", "cid", "fay"]
    assert lost.total == 220.0


def test_the_losses_carry_what_the_replacement_needs():
    losses = find_losses(six(), 12)
    assert losses.opening == 4  # ann, bob, cid and the contract
    assert losses.passed_through == 1
    assert losses.people["first_year"].notna().all()


def test_a_result_is_shown_and_its_table_is_a_copy():
    lost = list_lost(six())
    assert "3 were lost" in lost._repr_html_()
    copy = lost.to_frame()
    copy["value_lost"] = 0
    assert lost.to_frame()["value_lost"].sum() == 220.0
