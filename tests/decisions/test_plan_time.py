"""The sales force's time: what a plan takes, what it frees, in which order to call."""

from __future__ import annotations

from datetime import date

import pandas as pd
import polars as pl
import pytest

from retention_lib.base.customer_base import CustomerBase
from retention_lib.decisions.plan_time import sales_time
from retention_lib.errors import ChoiceError, InputError
from retention_lib.views import theme
from tests.decisions.plan_stand_in import action, stand_in

BEA, TOM = "Béa Villeneuve", "Tom Roux"
ACTIONS = [
    action("C1", 5, "task", minutes=8.0, expected_profit=0.0),
    action("C1", 5, minutes=12.0, expected_profit=100.0),
    action("C2", 6, minutes=12.0, expected_profit=90.0),
    action("C3", 6, minutes=25.0, expected_profit=1.0, journey_code="hot"),
    action("C4", 13, minutes=30.0, owner=TOM),
    action("C5", 13, "email", owner=None, minutes=0.0),
]


def contact(customer: str, day: str, channel: str = "call", direction: str = "out"):
    return {"customer_id": customer, "date": day, "channel": channel, "direction": direction}


CONTACTS = [
    contact("C1", "2024-06-01"),  # before the last 365 days: not counted
    contact("C1", "2025-06-01"),
    contact("L1", "2025-06-02", "Visite"),
    contact("L1", "2025-06-03", "e-mail"),  # takes nobody's time
    contact("L1", "2025-06-04", "call", "in"),  # it was the customer who called
    contact("L2", "2025-06-05", "phone"),
]


def base_of(contacts, make=lambda frame: frame):
    lines = pd.DataFrame({"customer_id": ["C1", "L1"], "date": ["2024-01-01", "2025-12-31"]})
    customers = pd.DataFrame(
        {"customer_id": ["C1", "L1", "L2"], "account_manager": [BEA, TOM, None]}
    )
    tables = {"interactions": make(pd.DataFrame(contacts))} if contacts else {}
    return CustomerBase.from_tables(
        make(lines.assign(amount=10.0)), customers=make(customers), **tables
    )


def time_of(contacts=CONTACTS, make=lambda frame: frame, **given):
    return sales_time(stand_in(ACTIONS, base=base_of(contacts, make), **given))


@pytest.fixture(scope="module")
def time():
    return time_of()


def test_hours_add_up_by_account_manager_and_week(time):
    rows = time.to_frame().set_index(["owner", "week"])
    assert rows.loc[(BEA, 1), "hours"] == pytest.approx((8 + 12 + 12 + 25) / 60)
    assert rows.loc[(BEA, 1), "actions"] == 4
    assert rows.loc[(TOM, 2), "from"] == date(2026, 1, 12)
    assert rows["actions"].sum() == len(ACTIONS)


@pytest.mark.parametrize("make", [lambda frame: frame, pl.from_pandas], ids=["duckdb", "polars"])
def test_what_is_freed_is_counted_from_the_contacts_of_a_year(make):
    # By the journeys' steps a call takes 12 minutes and a visit 60.
    owners = time_of(make=make).owners.set_index("owner")
    weeks = 365 / 7
    assert owners.loc[BEA, ["contacts_now", "contacts_freed"]].tolist() == [1, 0]
    assert owners.loc[BEA, "hours_now"] == pytest.approx(12 / 60 / weeks)
    # L1 does not pay, so its visit is freed; L2 lacks time only, so its call is not.
    assert owners.loc[TOM, "hours_freed"] == pytest.approx(60 / 60 / weeks)
    assert owners.loc["marketing", ["contacts_now", "contacts_freed"]].tolist() == [1, 0]


def test_who_only_rests_for_some_weeks_frees_no_time():
    time = time_of(left_out=[("L1", "contacted_enough")])
    assert time.hours_freed == 0
    assert "none of them for customers whom the plan leaves in peace" in time.sentence()


def test_the_sentence_says_hours_and_share(time):
    said = time.sentence()
    assert said.startswith("The plan takes 0.7 hours a week of 2 people")
    assert "in the last 365 days" in said
    assert "(71 %)" in said  # 60 of 84 minutes


def test_nothing_after_as_of_changes_what_is_freed(time):
    later = [*CONTACTS, contact("L1", "2026-01-01", "visit")]
    assert time_of(later).owners.equals(time.owners)


@pytest.mark.parametrize("contacts", [None, CONTACTS[-1:][:0], [contact("C1", "2025-12-20")]])
def test_without_four_weeks_of_contacts_it_cannot_tell(contacts):
    time = time_of(contacts)
    assert not time.habit_known
    assert "cannot be told" in time.sentence()
    assert list(time.owners) == ["owner", "hours_plan"]


def test_a_plan_without_a_base_or_an_action_has_a_sentence():
    empty = sales_time(stand_in([]))
    assert empty.sentence().startswith("The plan takes no time of anybody")
    assert "Aucun appel" in sales_time(stand_in([], language="fr")).calling_order().sentence()


def test_who_speaks_of_leaving_is_called_first_then_the_best_minute(time):
    order = time.calling_order(owner=BEA).to_frame()
    # C2 brings 90 in 12 minutes, C1 100 in 20 with what is to be prepared.
    assert order["customer_id"].tolist() == ["C3", "C2", "C1"]
    assert order["rank"].tolist() == [1, 2, 3]
    assert order["expected_profit"].tolist() == [1.0, 90.0, 100.0]


def test_calls_are_those_of_the_week_and_owner_asked_for(time):
    assert time.calling_order(week=2).to_frame()["customer_id"].tolist() == ["C4"]
    assert time.calling_order(owner=BEA, week=2).to_frame().empty
    assert time.calling_order(week=2).sentence().startswith("1 call in week 2, 30 minutes")
    with pytest.raises(ChoiceError, match="Tom Roux"):
        time.calling_order(owner="Tom")
    for week in (0, 3, True, "1", 1.5):
        with pytest.raises(InputError, match="from 1 to 2"):
            time.calling_order(week=week)


def test_a_phone_nobody_knows_is_said(time):
    assert "phone" not in time.calling_order().to_frame()
    assert "no phone number" in str(time.calling_order().assumptions)


@pytest.mark.parametrize("language", ["en", "fr"])
def test_the_picture_shows_hours_and_says_them(language):
    time = time_of(language=language)
    figure = time.plot().figure
    labels = [text.get_text() for text in figure.axes[0].get_yticklabels()]
    assert set(labels) == {BEA, TOM, "marketing"}
    assert BEA in figure.alt_text
    assert len(theme.png_bytes(figure)) > 5_000


def test_the_picture_names_nobody_where_names_are_masked(time, monkeypatch):
    monkeypatch.setenv("RETENTION_MASK", "1")
    figure = time.plot().figure
    written = figure.alt_text + " ".join(t.get_text() for t in figure.axes[0].get_yticklabels())
    assert BEA not in written
    assert TOM not in written


def test_of_many_people_the_picture_shows_the_busiest_and_the_rest_together():
    actions = [action(f"C{n}", 5, owner=f"P{n:02}", minutes=60.0 + n) for n in range(20)]
    axes = sales_time(stand_in(actions)).plot()
    labels = [text.get_text() for text in axes.get_yticklabels()]
    assert len(labels) == 12
    assert labels[-1] == "9 others"


def test_without_anything_the_picture_says_so():
    axes = sales_time(stand_in([])).plot()
    assert "no time of anybody" in axes.get_title(loc="left").replace("\n", " ")
