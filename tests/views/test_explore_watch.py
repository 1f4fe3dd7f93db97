"""The explorer of the watch list: whom to call first, over lists that a person can check."""

import dataclasses
from functools import cache

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import retention_lib as rl
from retention_lib.base.customer_base import CustomerBase
from retention_lib.decisions.call_list import CallFacts, CallSettings, choose_calls
from retention_lib.errors import InputError
from retention_lib.views import _explore_watch
from retention_lib.views._explore_watch import explore_watch_list
from retention_lib.views.tables import MASK_VARIABLE
from tests.views.trying_explorers import try_everything

END = pd.Timestamp("2025-12-31")


def bought(customer, ago, amount=100.0):
    dates = [END - pd.Timedelta(days=int(number)) for number in ago]
    return pd.DataFrame({"customer_id": customer, "date": dates, "amount": amount})


def town(later=(), **options):
    """Everybody buys every 20 days; four of them have stopped, a year at 100 to 400 a purchase."""
    lines = pd.concat(
        [
            *[bought(f"regular{i}", range(0, 700, 20)) for i in range(5)],
            bought("small", range(50, 700, 20), 100.0),
            bought("large", range(50, 700, 20), 400.0),
            bought("long", range(150, 700, 20), 300.0),
            bought("refuses", range(50, 700, 20), 200.0),
            *later,
        ]
    )
    customers = pd.DataFrame(
        {
            "customer_id": ["small", "large", "long", "refuses"],
            "name": ["<b>Small</b>", "Large & Co", "Long", "Refuses"],
            "account_manager": ["Ann", "Ann", "Bob", "Bob"],
            "contactable": [True, True, True, False],
        }
    )
    return CustomerBase.from_tables(
        lines, **{"customers": customers, "as_of": "2025-12-31", "currency": "EUR", **options}
    )


@cache
def explorer():
    return explore_watch_list(town())


@pytest.fixture
def explored():
    explorer().reset()
    yield explorer()
    explorer().reset()


def test_those_with_most_at_stake_are_called_first_and_who_refuses_is_only_counted(explored):
    calls = explored.calls()
    table = calls.to_frame()
    assert table["customer_id"].tolist() == ["large", "long", "small"]
    # Sixteen purchases of 400 in the last 365 days, eleven of 300, sixteen of 100.
    assert table["value_at_stake"].tolist() == [6400.0, 3300.0, 1600.0]
    assert (calls.refused, calls.refused_value) == (1, 3200.0)
    assert calls.sentence() == (
        "3 calls reach everybody with such a sign who may be contacted: €11,300 of revenue in "
        "the last 12 months. 1 more refuses to be contacted and is left out."
    )


def test_fewer_calls_cover_the_larger_part_of_the_value(explored):
    explored.set(calls=1)
    assert explored.sentence() == (
        "The 1 customer to call first brought €6,400 of revenue in the last 12 months: 57 % of "
        "what is at stake among the 3 with such a sign who may be contacted. "
        "1 more refuses to be contacted and is left out."
    )
    assert "57 % of the value at stake" in explored.view().chart
    assert [figure.value for figure in explored.view().figures] == ["1", "€6,400", "2", "1"]


def test_the_controls_leave_out_what_they_say(explored):
    explored.set(manager="Bob")
    assert explored.calls().to_frame()["customer_id"].tolist() == ["long"]
    explored.reset()
    explored.set(new_only=True)
    assert explored.calls().to_frame()["customer_id"].tolist() == ["large", "small"]
    explored.reset()
    explored.set(least=3000)
    assert explored.calls().to_frame()["customer_id"].tolist() == ["large", "long"]
    explored.set(signs=())
    assert explored.sentence() == (
        "Nobody to call: no customer with such a sign who may be contacted."
    )


def test_the_code_makes_the_same_list_again_and_what_comes_after_the_day_changes_nothing(explored):
    explored.set(calls=2, new_only=True)
    later = [bought("large", [-5, -9]), bought("somebody", [-3])]
    names = {"rl": rl, "base": town(later)}
    *before, last = explored.code().split("\n")
    exec("\n".join(before), names)
    again = eval(last, names)
    assert again.sentence() == explored.sentence()
    assert again.to_frame().equals(explored.calls().to_frame())


def test_every_control_can_be_moved_anywhere_in_both_languages():
    assert try_everything(explorer()) > 20
    assert try_everything(explore_watch_list(town(language="fr")), mixtures=3) > 20


def test_names_are_escaped_and_masked_where_asked(monkeypatch):
    page = explorer().static()
    assert "&lt;b&gt;Small&lt;/b&gt;" in page
    assert "<b>Small" not in page
    monkeypatch.setenv(MASK_VARIABLE, "1")
    monkeypatch.setattr(_explore_watch, "gather_calls", lambda base: explorer().facts)
    masked = explore_watch_list(town())
    masked.set(manager=masked.facts.managers[1])
    shown = masked.static() + masked.code()
    for name in ("Small", "Large", "Long", "Ann", "Bob"):
        assert name not in shown
    assert len(masked.calls().to_frame()) in (1, 2)


def test_where_consent_is_not_known_nobody_is_left_out_and_it_is_said():
    alone = explore_watch_list(town(customers=None))
    assert alone.calls().calls == 4
    assert alone.sentence().endswith(
        "This base does not say who may be contacted: check before calling."
    )
    assert [control.name for control in alone.controls] == ["calls", "least", "signs", "new_only"]
    assert "refuse" not in alone.view().figures[-1].label


def test_where_everybody_refuses_there_are_no_more_who_do():
    refusing = pd.DataFrame({"customer_id": ["small", "large", "long", "refuses"]})
    said = explore_watch_list(town(customers=refusing.assign(contactable=False))).sentence()
    assert said.startswith("Nobody to call")
    assert "4 customers show one but refuse to be contacted." in said and " more " not in said


def test_calls_that_reach_everybody_but_no_money_are_not_praised():
    facts = dataclasses.replace(explorer().facts, value=np.zeros(len(explorer().facts.value)))
    said = choose_calls(facts, CallSettings(signs=facts.signs)).sentence()
    assert said.startswith("3 of 3 customers to call, but nothing was brought in")


@pytest.mark.parametrize(
    "lines",
    [
        bought("one", [0]),
        bought("refund", [0, 9], -10.0),
        bought("free", range(50, 700, 20), 0.0),
    ],
)
def test_a_base_with_nothing_to_watch_says_so_and_has_no_controls(lines):
    explored = explore_watch_list(CustomerBase.from_tables(lines))
    assert explored.controls == ()
    try_everything(explored)
    assert explored.sentence()
    assert explored.calls().calls == 0


def test_what_is_no_base_is_refused():
    with pytest.raises(InputError):
        explore_watch_list("data/sample/b2b")


# --- the pure function -----------------------------------------------------------------------


def facts_of(rows):
    """Facts over made-up rows: (customer, sign, manager, value, new, may be called)."""
    made = explorer().facts
    one = made.table.iloc[[0] * len(rows)].reset_index(drop=True)
    ordered = sorted(rows, key=lambda row: -row[3])
    columns = [np.array(column) for column in zip(*ordered, strict=True)]
    table = one.assign(
        customer_id=[f"c{row[0]}" for row in ordered], value_at_stake=columns[3].astype(float)
    )
    return dataclasses.replace(
        made,
        table=table,
        customer=columns[0],
        sign=columns[1],
        manager=columns[2],
        value=columns[3].astype(float),
        is_new=columns[4],
        may_call=columns[5],
        signs=("silent", "neglected"),
        managers=("Ann", "Bob"),
    )


ROWS = st.lists(
    st.tuples(
        st.integers(0, 8),
        st.integers(0, 1),
        st.integers(-1, 1),
        st.integers(0, 50),
        st.booleans(),
        st.just(True),
    ),
    min_size=1,
    max_size=20,
)


@settings(max_examples=20, deadline=None)
@given(rows=ROWS, calls=st.integers(1, 9), least=st.integers(0, 60))
def test_a_customer_is_called_once_and_no_other_choice_of_as_many_covers_more(rows, calls, least):
    facts = facts_of(rows)
    chosen = choose_calls(facts, CallSettings(calls=calls, least=least, signs=facts.signs))
    worth: dict[str, int] = {}
    for customer, _, _, value, _, _ in rows:
        if value >= least:
            worth[f"c{customer}"] = max(worth.get(f"c{customer}", 0), value)
    best = sorted(worth.values(), reverse=True)
    assert chosen.to_frame()["customer_id"].is_unique
    assert chosen.calls == min(calls, len(worth))
    assert chosen.value == sum(best[:calls])
    assert chosen.total == sum(best)
    assert chosen.callable == len(worth)


def test_a_hundred_thousand_signs_are_chosen_from_as_from_four():
    """Not timed here: that the arrays of a large base go through the same function."""
    count, rng = 100_000, np.random.default_rng(1)
    rows = list(
        zip(
            rng.integers(0, 60_000, count).tolist(),
            rng.integers(0, 2, count).tolist(),
            rng.integers(-1, 2, count).tolist(),
            rng.integers(0, 9_999, count).tolist(),
            [True] * count,
            [True] * count,
            strict=True,
        )
    )
    facts: CallFacts = facts_of(rows)
    chosen = choose_calls(facts, CallSettings(calls=50, signs=facts.signs))
    assert chosen.calls == 50
    assert chosen.value > 50 * 9_900
