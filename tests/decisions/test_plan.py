"""The plan: what it does for whom, what it costs and earns, who is held back and left out."""

from dataclasses import replace
from datetime import date, timedelta
from functools import cache

import numpy as np
import pandas as pd
import pytest

import retention_lib as rl
from retention_lib.decisions._journey_steps import load_steps
from retention_lib.decisions._lots import held_by_lot
from retention_lib.decisions._plan_facts import facts_of
from retention_lib.decisions._plan_paths import Rates, incentive_of, paths_of, shares_won
from retention_lib.decisions.past_campaigns import PastEffect
from retention_lib.errors import ChoiceError, InputError
from tests.decisions.planning import AS_OF, base_of, broken, facts, journeys


@cache
def many():
    """36 customers of three managers, no two alike, with some past contacts."""
    rows = [
        {
            "journey_code": ("cold", "develop", "nurture", "hot")[n % 4],
            "account_manager": ("Julie", "Marc", "Zoé")[n % 3],
            "at_stake": 40.0 + (n * 7919 % 1000) / 4,
            "value_band": ("high", "middle", "low")[n % 3],
        }
        for n in range(36)
    ]
    return facts(rows, [(f"C{n:03}", n % 40) for n in range(0, 36, 2)])


@cache
def usual():
    return rl.make_plan(many().base, budget=150, hours_per_week=0.7, facts=many(), hold_out=0.1)


def one(row=None, **asked):
    known = facts([row or {}])
    return rl.make_plan(
        known.base, **{"budget": 1000, "facts": known, "hold_out": 0.0, "weeks": 1, **asked}
    )


def test_a_call_costs_its_minutes_and_its_task_and_brings_its_rate_of_what_is_at_stake():
    # cold_call: 0.50 and 12 minutes, 12 %; cold_brief before it: 8 minutes. 40 an hour.
    table = one({"at_stake": 500.0, "account_manager": "Julie"}, channels="call").to_frame()
    assert table["channel"].tolist() == ["task", "call"]
    assert table["cost"].tolist() == [5.33, 8.50]
    assert table["minutes"].tolist() == [8.0, 12.0]
    days = (table["date"].iloc[1] - pd.Timestamp(AS_OF)).days
    assert table["expected_profit"].iloc[1] == pytest.approx(
        0.12 * 500 * (1 - days / 365) - 8.50 - 5.33
    )
    assert table["expected_profit"].iloc[0] == 0


def test_the_second_contact_works_on_what_the_first_left():
    assert [float(part) for part in shares_won([0.2, 0.5], np.array(1.0))] == [0.2, 0.4]
    assert [float(part) for part in shares_won([0.8], np.array(2.0))] == [1.0]


def test_stayers_take_a_present_too_and_returning_customers_only_when_they_return():
    steps = {step.code: step for step in load_steps("en")}
    saves = replace(steps["cold_call"], incentive=10.0)
    back = replace(steps["win_back_offer"], incentive=20.0)
    lift = np.ones(1)
    assert incentive_of(saves, 0.2, np.array([0.5]), lift)[0] == pytest.approx(10 * (0.5 + 0.1))
    assert incentive_of(back, 0.01, np.array([np.nan]), lift)[0] == pytest.approx(0.2)


def test_a_task_stands_before_calls_and_visits_and_not_before_an_email():
    ways = paths_of("cold", load_steps("en"), ("email", "call", "visit"))
    before = {tuple(s.channel for s in way.contacts): way.tasks for way in ways}
    assert before["email",] == ((),)
    assert [step.code for step in before["call",][0]] == ["cold_brief"]
    assert [len(tasks) for tasks in before["email", "visit"]] == [0, 0]


def test_a_measured_effect_replaces_the_assumed_rate_of_the_steps_it_speaks_of():
    steps = {step.code: step for step in load_steps("en")}
    measured = Rates(rl.Range(0.0, 0.3, 0.4), 40.0)
    assert measured.of(steps["cold_call"]).likely == 0.3
    assert measured.of(steps["cold_email"]) == steps["cold_email"].rate
    effect = PastEffect("MAY", "", date(2025, 5, 1), 100, 100, 90, 90, rl.Range(0, 0.3, 0.4), 1.0)
    assumed, known = (one(channels="call", effects=effects) for effects in (None, effect))
    assert known.total.likely > assumed.total.likely
    assert "MAY" in known.assumptions["plan_effects"]
    assert "assumed" in assumed.assumptions["plan_effects"]


@pytest.mark.parametrize(("row", "contacts", "asked", "code"), [
    ({"contactable": False}, [], {}, "no_consent"),
    ({"journey_code": "rest", "reason_code": "lost_small"}, [], {}, "lost_small"),
    ({}, [], {"channels": "event"}, "nothing_to_say"),
    ({"email": "", "account_manager": None}, [], {"channels": ("email", "visit")}, "no_channel"),
    ({"journey_code": "develop", "open_complaint": True}, [], {}, "open_complaint"),
    ({}, [("C000", 1), ("C000", 2)], {"weeks": 2}, "contacted_enough"),
    ({"at_stake": 0.0, "value_band": "low"}, [], {}, "does_not_pay"),
    ({}, [], {"budget": 0.1}, "budget"),
    ({"at_stake": 500.0}, [], {"channels": "call", "hours_per_week": 0.1}, "no_time"),
])  # fmt: skip
def test_everybody_left_out_has_the_reason_that_holds(row, contacts, asked, code):
    known = facts([row], contacts)
    plan = rl.make_plan(known.base, **{"budget": 100, "facts": known, "hold_out": 0.0, **asked})
    assert plan.to_frame().empty
    assert plan.left_out["reason_code"].tolist() == [code]
    assert plan.left_out["reason"].str.len().min() > 10
    assert plan.sentence().startswith("A sketch, not a finding")
    assert plan.reasons().table["customers"].tolist() == [1]
    assert plan.proof().sentence().startswith("The plan contacts nobody")


def test_an_unsubscribed_customer_gets_no_email_but_may_be_called():
    table = journeys([{"at_stake": 900.0}] * 2)
    base = base_of(table, [("C000", 60)])
    sent = base.to_pandas("interactions")
    gone = sent.assign(kind="unsubscribe", direction="in")
    base = rl.CustomerBase.from_tables(
        base.to_pandas("transactions"),
        customers=base.to_pandas("customers"),
        interactions=pd.concat([sent, gone]),
        as_of=AS_OF,
    )
    known = facts_of(base, table)
    assert known.reach["email"].tolist() == [False, True]
    plan = rl.make_plan(base, budget=1000, facts=known, hold_out=0)
    assert "email" not in set(plan.table.loc[plan.table["customer_id"] == "C000", "channel_code"])


def test_who_speaks_of_leaving_is_answered_though_it_does_not_pay_and_never_held_out():
    known = facts([{"journey_code": "hot", "at_stake": 1.0}] * 40)
    plan = rl.make_plan(known.base, budget=5000, facts=known, hold_out=0.5, hours_per_week=40)
    assert plan.customers == 40 and plan.held_out.empty
    assert set(plan.table["purpose"]) == {"service"}
    assert plan.total.likely < 0
    assert "cost" in plan.sentence()


def test_customers_worth_it_with_too_few_contacts_hear_something_and_others_need_not():
    rows = [{"journey_code": "nurture", "at_stake": 1.0, "value_band": band} for band in
            ("high", "high", "low")]  # fmt: skip
    known = facts(rows, [("C001", days) for days in (60, 120, 180, 240)])
    plan = rl.make_plan(known.base, budget=100, facts=known, hold_out=0)
    assert plan.table["customer_id"].tolist() == ["C000"]
    assert plan.table["purpose"].tolist() == ["floor"]
    none = plan.again(rules=rl.ContactRules(least_a_year=0))
    assert none.table.empty


def test_the_control_group_is_drawn_by_lot_in_each_journey_and_band_and_again_the_same():
    plan = usual()
    assert broken(plan, [(f"C{n:03}", n % 40) for n in range(0, 36, 2)]) == []
    assert len(plan.held_out) > 1 and set(plan.held_out["group"]) == {"control"}
    assert "hot" not in set(plan.held_out["journey_code"])
    assert plan.again().held_out.equals(plan.held_out)
    assert not plan.again(seed="other").held_out.equals(plan.held_out)
    everybody = plan.again(hold_out=0.0)
    assert everybody.held_out.empty
    best = plan.greedy().table.set_index("plan_code")["expected_profit"]["best"]
    assert everybody.total.likely == pytest.approx(best)
    assert plan.total.likely + plan.given_up.likely == pytest.approx(best)
    chosen = everybody.table.drop_duplicates("customer_id").sort_values("customer_id")
    chosen = chosen[chosen["journey_code"] != "hot"]
    place = {one: n for n, one in enumerate(many().customer_id)}
    numbers = [place[one] for one in chosen["customer_id"]]
    strata = (many().journey[numbers] * 10 + many().band[numbers]).tolist()
    held = held_by_lot(chosen["customer_id"].tolist(), 0.1, seed=plan.plan_id, strata=strata)
    assert chosen["customer_id"][held].tolist() == sorted(plan.held_out["customer_id"])


def test_exploring_is_drawn_by_lot_within_its_share_of_the_budget_and_flagged():
    known = facts([{"at_stake": 400.0}] * 10 + [{"at_stake": 0.5, "value_band": "low"}] * 30)
    plan = rl.make_plan(known.base, budget=100, facts=known, explore=0.2)
    drawn = plan.table[plan.table["purpose"] == "explore"]
    assert 0 < drawn["cost"].sum() <= 0.2 * 100
    assert plan.cost <= 100 and plan.customers > drawn["customer_id"].nunique()
    assert drawn["why"].str.startswith("Drawn by lot").all()
    assert "drawn by lot" in plan.assumptions["explore"]
    assert not set(drawn["customer_id"]) & set(plan.held_out["customer_id"])
    assert broken(plan) == []
    other = plan.again(seed="other")
    assert set(other.table.loc[other.table["purpose"] == "explore", "customer_id"]) != set(
        drawn["customer_id"]
    )


def test_the_best_plan_earns_at_least_what_the_greedy_list_does():
    by = usual().greedy().table.set_index("plan_code")
    assert by["expected_profit"]["best"] >= by["expected_profit"]["greedy"] > 0
    assert by["customers"]["nobody"] == by["cost"]["nobody"] == 0
    assert usual().gap <= 1e-6 and "proved" in usual().assumptions["plan_solver"]


def test_prices_say_what_an_hour_more_earns_as_the_plan_made_with_it_does():
    prices = usual().prices().table.set_index("constraint_code")
    more = usual().again(hours_per_week={"Julie": 1.7, "Marc": 0.7, "Zoé": 0.7, "marketing": 0.7})
    best = [plan.greedy().table.set_index("plan_code")["expected_profit"]["best"]
            for plan in (usual(), more)]  # fmt: skip
    assert prices["extra_profit"]["hour Julie"] == pytest.approx(best[1] - best[0], abs=1e-6)
    assert (prices["extra_profit"].drop(["one_contact", "one_day"]) > -1e-6).all()
    assert (prices["extra_low"] <= prices["extra_profit"] + 1e-9).all()
    assert usual().prices().sentence().startswith("Of all that could be loosened")
    assert prices["extra_profit"]["no_hold_out"] == pytest.approx(usual().given_up.likely)


def test_the_parts_add_up_to_the_whole():
    summary = usual().summary().table.set_index("journey_code")
    parts = summary.drop("all")
    for name in ("customers", "contacts", "hours", "cost", "expected_profit", "held_out"):
        assert parts[name].sum() == pytest.approx(summary[name]["all"])
    assert usual().calendar().table["actions"].sum() == len(usual().table)
    assert usual().reasons().table["customers"].sum() == len(usual().left_out)
    low, likely, high = (
        summary[n]["all"] for n in ("profit_low", "expected_profit", "profit_high")
    )
    assert low <= likely <= high and low >= -usual().cost - 1e-6


def test_the_proof_says_how_large_an_effect_can_be_told_and_when():
    known = facts([{"at_stake": 100.0}] * 120)
    plan = rl.make_plan(known.base, budget=1e5, hours_per_week=99, facts=known, hold_out=0.5)
    row = plan.proof().table.iloc[0]
    assert (row["control"], row["treated"]) == (60, 60) == (len(plan.held_out), plan.customers)
    assert row["share"] == pytest.approx(0.5)
    # 60 a side from 50 %: half of them more or less, 2.8 standard errors of a difference.
    assert row["detectable"] == pytest.approx(2.80 * np.sqrt(2 * 0.25 / 60), rel=0.06)
    assert row["detectable"] > row["expected"] > 0
    assert row["ready"] == date(2026, 2, 1) + timedelta(days=365)
    assert "a rise of" in plan.proof().sentence()


def test_without_a_share_asked_for_enough_are_held_back_to_compare_or_nobody():
    known = facts([{"at_stake": 100.0}] * 120)
    plan = rl.make_plan(known.base, budget=1e5, hours_per_week=99, facts=known)
    assert len(plan.held_out) == 40
    assert "33 % of the 120 customers" in plan.assumptions["hold_out"]
    sizes = plan.proof().table
    assert sizes["control"].tolist() == [40, 12, 24, 36, 60]
    assert sizes["detectable"].iloc[1:].is_monotonic_decreasing
    assert sizes["given_up"].iloc[0] == pytest.approx(plan.given_up.likely)
    none = plan.again(budget=20)
    assert 0 < none.customers < 100 and none.held_out.empty
    assert "too few to prove anything" in none.sentence()
    assert "could be compared" in none.proof().sentence()
    assert len(plan.again(hold_out=0.1).held_out) == 12


def test_answers_to_who_speaks_of_leaving_come_before_keeping_in_touch():
    rows = [{"journey_code": "nurture", "at_stake": 1.0}] * 5 + [{"journey_code": "hot"}] * 3
    known = facts(rows, [("C000", 300)])
    plan = rl.make_plan(known.base, budget=1000, facts=known)
    assert plan.table["purpose"].value_counts().to_dict() == {"floor": 5, "service": 3}
    each = float(plan.table.loc[plan.table["purpose"] == "service", "cost"].sum()) / 3
    poor = plan.again(budget=each + 0.05)
    assert set(poor.table["journey_code"]) == {"hot"} and poor.customers == 1
    codes = poor.left_out["reason_code"].value_counts().to_dict()
    assert codes == {"owed_contact": 5, "owed_answer": 2}
    assert poor.sentence().endswith("answer 2 customers on the way out.")


def test_a_plan_without_money_says_that_money_is_lacking():
    plan = rl.make_plan(many().base, budget=0, facts=many())
    assert plan.table.empty and "The budget is 0" in plan.sentence()
    assert "the budget goes further" not in " ".join(plan.left_out["reason"])
    assert "nothing to prove" in plan.proof().sentence()


def test_the_plan_is_the_same_whatever_happens_after_the_day_it_is_made():
    table = journeys([{"at_stake": 300.0}] * 4)
    later = [{"customer_id": "C001", "date": pd.Timestamp("2026-02-01"), "amount": 9.0}]
    plans = [
        rl.make_plan(base, budget=60, facts=facts_of(base, table))
        for base in (base_of(table), base_of(table, later=later))
    ]
    assert plans[0].to_frame().equals(plans[1].to_frame())
    assert not plans[0].to_frame().empty


def test_polars_and_duckdb_make_the_same_plan():
    import polars as pl

    contacts = [("C000", 1), ("C000", 2), ("C002", 9)]
    table = journeys([{"at_stake": 300.0}] * 4 + [{"journey_code": "nurture"}])
    duck = base_of(table, contacts)
    tables = {
        name: pl.from_pandas(duck.to_pandas(name))
        for name in ("transactions", "customers", "interactions")
    }
    polars = rl.CustomerBase.from_tables(**tables, as_of=AS_OF, currency="EUR")
    assert polars.engine == "polars"
    one, other = (
        rl.make_plan(base, budget=80, facts=facts_of(base, table)) for base in (duck, polars)
    )
    assert one.to_frame().equals(other.to_frame())


def test_in_french_everything_is_in_french():
    known = facts([{"at_stake": 500.0}] * 3, language="fr")
    plan = rl.make_plan(known.base, budget=100, facts=known, hold_out=0)
    assert plan.sentence().startswith("Une esquisse, pas un constat")
    assert set(plan.table["channel"]) <= {"appel", "tâche", "visite", "e-mail", "courrier"}
    assert plan.plan_id == "PLAN-2026-01-05"


@pytest.mark.parametrize(("asked", "said"), [
    ({"budget": -1}, "budget must be an amount"),
    ({"budget": True}, "budget must be an amount"),
    ({"budget": "1000"}, "budget must be an amount"),
    ({"weeks": 0}, "weeks must be a whole number from 1 to 26"),
    ({"weeks": 2.5}, "weeks must be"),
    ({"start": "2025-12-31"}, "start must be a day within a year after 2025-12-31"),
    ({"start": 5}, "start must be a day"),
    ({"rules": 2}, "rules must be ContactRules"),
    ({"hours_per_week": -1}, "hours_per_week must be hours"),
    ({"hours_per_week": {"Nobody": 5}}, "names 1 account manager"),
    ({"hold_out": 1.0}, "hold_out must be a share from 0 to 0.9"),
    ({"explore": "a lot"}, "explore must be a share"),
    ({"seed": None}, "seed must be a text"),
    ({"effects": 0.2}, "effects must be what a randomised campaign measured"),
    ({"steps": 5}, "steps must be the path"),
    ({"channels": ()}, "channels must name at least one"),
])  # fmt: skip
def test_what_cannot_be_is_said_with_what_should_be(asked, said):
    with pytest.raises(InputError, match=said):
        rl.make_plan(many().base, **{"budget": 10, "facts": many(), **asked})


def test_a_channel_or_an_argument_that_is_none_lists_the_choices():
    with pytest.raises(ChoiceError, match="'email', 'call'"):
        rl.make_plan(many().base, budget=10, facts=many(), channels="pigeon")
    with pytest.raises(ChoiceError, match="budget"):
        usual().again(budgett=5)
    with pytest.raises(InputError, match="CustomerBase"):
        rl.make_plan(5, budget=10)


def test_a_price_cut_short_by_the_clock_says_so_and_is_never_below_nothing(monkeypatch):
    from retention_lib.decisions import _plan_compared

    found = _plan_compared.solve

    def cut_short(problem, **chosen):
        solution = found(problem, **chosen)
        return replace(solution, chosen=np.full(problem.customers, -1), profit=-1.0, exact=False)

    monkeypatch.setattr(_plan_compared, "solve", cut_short)
    table = usual().prices().table
    money = table[table["constraint_code"].str.startswith(("budget", "hour"))]
    assert len(money) and (money["extra_profit"] == 0).all()
    assert money["how"].str.contains("cut short by the clock").all()
