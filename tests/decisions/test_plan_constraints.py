"""No plan breaks a rule: read from the table of actions alone, over all kinds of bases."""

from datetime import date

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

import retention_lib as rl
from retention_lib.base import engine
from retention_lib.decisions._journey_steps import CHANNELS, JOURNEYS
from retention_lib.decisions._plan_dates import Calendar, next_working, weekday
from tests.decisions.planning import AS_OF, broken, facts, quick_facts

CUSTOMER = some.fixed_dictionaries(
    {
        "journey_code": some.sampled_from(JOURNEYS),
        "at_stake": some.sampled_from([0.0, 5.0, 60.0, 900.0]),
        "value": some.sampled_from([-10.0, 0.0, 50.0, 2000.0]),
        "churn_probability": some.sampled_from([0.02, 0.5, float("nan")]),
        "value_band": some.sampled_from(["high", "middle", "low", None]),
        "contactable": some.sampled_from([True, True, True, False]),
        "open_complaint": some.booleans(),
        "account_manager": some.sampled_from(["Julie", "Marc", None]),
        "email": some.sampled_from(["", "a@example.org"]),
        "phone": some.sampled_from(["", "0102"]),
    }
)
CONTACTS = some.lists(some.tuples(some.integers(0, 24), some.integers(0, 100)), max_size=40)
ASKED = some.fixed_dictionaries(
    {
        "budget": some.sampled_from([0, 3.37, 60, 400, 1e6]),
        "weeks": some.integers(1, 9),
        "start": some.sampled_from([None, date(2026, 1, 1), date(2026, 1, 10), "2026-02-15"]),
        "hours_per_week": some.sampled_from([0, 0.3, 2.0, 40, {"Julie": 0.5}]),
        "hold_out": some.sampled_from([0.0, 0.1, 0.5]),
        "explore": some.sampled_from([0.0, 0.0, 0.3]),
        "seed": some.sampled_from(["", "other"]),
        "channels": some.sampled_from([None, ("email",), ("call", "visit"), CHANNELS]),
        "rules": some.builds(
            rl.ContactRules,
            most_in_30_days=some.integers(1, 4),
            rest_days=some.sampled_from([0, 1, 7, 35, 90]),
            least_a_year=some.integers(0, 6),
        ),
    }
)


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(some.lists(CUSTOMER, min_size=1, max_size=25), CONTACTS, ASKED)
def test_no_plan_ever_breaks_a_rule_nor_loses_a_customer(rows, past, asked):
    contacts = [(f"C{number:03}", days) for number, days in past if number < len(rows)]
    known = quick_facts(rows, contacts)
    plan = rl.make_plan(known.base, facts=known, **asked)
    assert broken(plan, contacts) == []
    assert (
        plan.greedy().table.set_index("plan_code")["due_served"]["best"]
        >= (plan.greedy().table.set_index("plan_code")["due_served"]["greedy"])
    )
    table = plan.to_frame()
    low, high = table["profit_low"], table["profit_high"]
    assert (low <= table["expected_profit"] + 1e-9).all()
    assert (table["expected_profit"] <= high + 1e-9).all()
    assert plan.total.likely == pytest.approx(table["expected_profit"].sum(), abs=1e-6)
    losing = table.groupby("option")["expected_profit"].transform("sum") < -1e-9
    assert set(table.loc[losing, "purpose"]) <= {"floor", "service", "explore"}
    assert plan.again().to_frame().equals(table)


@pytest.mark.parametrize("mistake", [
    ("cost", 5000.0, "budget"),
    ("minutes", 5000.0, "time of"),
    ("customer_id", "C003", "C003 without consent"),
    ("date", "2026-01-10", "weekend"),
    ("date", "2027-01-11", "outside the plan"),
])  # fmt: skip
def test_the_reading_of_the_rules_sees_a_broken_one(mistake):
    column, value, said = mistake
    known = facts([{"at_stake": 500.0}] * 3 + [{"contactable": False}])
    plan = rl.make_plan(known.base, budget=300, facts=known, hold_out=0)
    assert broken(plan) == []
    date_like = column == "date"
    plan.table.loc[0, column] = np.datetime64(value, "s") if date_like else value
    assert any(said in one for one in broken(plan))


def test_past_contacts_count_and_the_day_that_is_allowed_is_taken():
    calendar = Calendar(start=engine.day_number(date(2026, 1, 5)), weeks=4, rules=rl.ContactRules())
    monday = calendar.start
    # 3 and 20 days before: the rest is over on day 4, the two in 30 days on day 10, a Thursday.
    latest = np.array([[monday - 3, monday - 20]], dtype=np.int32)
    days, fits = calendar.dates(latest, [0], np.array([0]), None)
    assert days.tolist() == [[monday + 10]]
    assert fits.tolist() == [True]


def test_seven_days_of_rest_after_the_tenth_allow_the_seventeenth():
    day = engine.day_number(date(2026, 2, 10))
    calendar = Calendar(start=engine.day_number(date(2026, 2, 9)), weeks=4, rules=rl.ContactRules())
    days, _ = calendar.dates(np.array([[day]]), [0], np.array([0]), None)
    assert engine.day_of(int(days[0, 0])) == date(2026, 2, 17)


def test_a_second_contact_waits_for_its_step_and_for_the_rules():
    calendar = Calendar(
        start=engine.day_number(date(2026, 1, 5)),
        weeks=5,
        rules=rl.ContactRules(most_in_30_days=1, rest_days=0),
    )
    days, fits = calendar.dates(np.array([[-1_000_000]]), [0, 14], np.array([0]), None)
    assert (days[0, 1] - days[0, 0], bool(fits[0])) == (30, True)
    freer = Calendar(start=calendar.start, weeks=5, rules=rl.ContactRules())
    days, _ = freer.dates(np.array([[-1_000_000]]), [0, 14], np.array([0]), None)
    assert days[0, 1] - days[0, 0] == 14


def test_saturdays_and_sundays_are_put_off_to_monday():
    days = np.arange(engine.day_number(AS_OF), engine.day_number(AS_OF) + 14)
    assert (weekday(next_working(days)) < 5).all()
    assert (next_working(days) - days).max() == 2
