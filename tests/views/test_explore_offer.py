"""The offer's sliders: they lead to the pure function, call an assumption one, and never fail."""

from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest

import retention_lib as rl
from retention_lib.base.customer_base import CustomerBase
from retention_lib.decisions.offers import OfferFacts, weigh_offer
from retention_lib.decisions.past_campaigns import PastEffect
from retention_lib.decisions.ranges import Range
from retention_lib.errors import InputError
from retention_lib.views._explore_offer import explore_offer
from retention_lib.wording import Wording
from tests.views.trying_explorers import try_everything

MEASURED = PastEffect(
    campaign_id="C-7", offer="10 %", date=date(2025, 1, 1), treated=900, control=100, days=180,
    follow_up_days=200, save_rate=Range(-0.0314159, 0.1234567, 0.2222222), contact_cost=3.25,
)  # fmt: skip


def facts(customers=60, *, language="en", effect=None, values=None, **more):
    chance = np.random.default_rng(3)
    return OfferFacts(
        customer_id=np.array([f"c{i}" for i in range(customers)]),
        probability=chance.beta(1, 4, customers),
        value=chance.gamma(1.0, 300.0, customers) if values is None else np.asarray(values),
        variation=chance.gamma(1.0, 1.0, customers),
        spread=0.2,
        systematic=0.04,
        horizon_days=180,
        effect=effect,
        wording=Wording(language, "EUR"),
        **more,
    )


def shown(explorer):
    return {figure.label: figure for figure in explorer.view().figures}


def test_the_figures_are_those_of_the_pure_function():
    explorer = explore_offer(facts=facts(customers=400))
    explorer.set(contact_cost=3, incentive=20, save_rate=0.25, save_range=(0.1, 0.4))
    result = weigh_offer(explorer.facts, explorer.offer)
    figures = shown(explorer)
    assert result.treated > 0
    assert figures["Contact"].value == str(result.treated)
    assert f"{result.best_share:.0%}".replace("%", " %") in figures["Contact"].note
    profit = float(figures["Expected profit"].value.strip("€").replace(",", ""))
    assert profit == pytest.approx(result.total, rel=0.005)
    given = figures["Goes to people who would stay anyway"].value
    assert float(given.strip("€").replace(",", "")) == pytest.approx(result.given_away, rel=0.005)
    assert figures["Break-even save rate"].value == f"{result.break_even:.1%}".replace("%", " %")
    assert explorer.result().total == result.total


def test_without_a_measured_effect_the_save_rate_is_called_an_assumption_everywhere():
    explorer = explore_offer(facts=facts())
    assert explorer.offer.save_rate is None
    assert "assumption" in explorer.sentence()
    assert "an assumption" in next(c.section for c in explorer.controls if c.name == "save_rate")
    explorer.set(save_rate=0.4)
    assert "assumption" in explorer.sentence()
    assert "assumption" in explorer.view().alt


def test_a_measured_effect_is_where_the_sliders_start_and_what_they_leave_when_moved():
    explorer = explore_offer(facts=facts(effect=MEASURED))
    assert explorer.settings.save_rate == 0.123
    assert explorer.settings.save_range == (-0.031, 0.222)
    assert explorer.settings.contact_cost == 3.25
    assert explorer.offer.save_rate is None
    assert explorer.result().effect_source == "measured"
    explorer.set(save_rate=0.3)
    assert explorer.offer.save_rate == Range(-0.031, 0.3, 0.3)
    assert explorer.result().effect_source == "yours"
    explorer.reset()
    assert explorer.result().effect_source == "measured"


@pytest.mark.parametrize(
    ("likely", "ends", "rate"),
    [(0.2, (0.2, 0.2), 0.2), (0.5, (0.1, 0.2), (0.1, 0.5, 0.5)), (0, (0.1, 0.2), (0, 0, 0.2))],
)
def test_a_likely_rate_outside_its_range_widens_the_range(likely, ends, rate):
    explorer = explore_offer(facts=facts())
    explorer.set(save_rate=likely, save_range=ends)
    expected = Range(*rate) if isinstance(rate, tuple) else rate
    assert explorer.offer.save_rate == expected


def test_where_no_contact_pays_it_says_contact_nobody():
    explorer = explore_offer(facts=facts())
    explorer.set(save_rate=0, save_range=(0, 0))
    assert shown(explorer)["Contact"].value == "nobody"
    assert shown(explorer)["Expected profit"].value == "€0"
    assert "contact nobody" in explorer.view().alt


@pytest.mark.parametrize("state", [{}, {"incentive": 5, "save_rate": 0.3}, {"fixed_cost": 100}])
@pytest.mark.parametrize("effect", [None, MEASURED])
def test_the_code_makes_the_offer_again(state, effect):
    explorer = explore_offer(facts=facts(effect=effect))
    explorer.set(**state)
    called = explorer.code().removeprefix("rl.evaluate_offer(base, ").removesuffix(")")
    pasted = eval(called, {"rl": rl})
    assert replace(pasted, horizon_days=None) == explorer.offer
    assert weigh_offer(explorer.facts, pasted).total == explorer.result().total


HARD = {
    "sixty": facts(),
    "measured": facts(effect=MEASURED),
    "one": facts(customers=1),
    "two French": facts(customers=2, language="fr"),
    "worth nothing": facts(customers=5, values=np.zeros(5)),
    "worth less than nothing": facts(customers=5, values=-np.arange(5.0)),
    "worth millions": facts(customers=5, values=np.full(5, 3e8), measure="revenue"),
    "harmful": facts(effect=PastEffect("C", "x", date(2025, 1, 1), 9, 9, 180, 200,
                                       Range(-0.9, -0.5, -0.2), float("nan"))),
}  # fmt: skip


@pytest.mark.parametrize("case", HARD)
def test_no_state_of_the_sliders_fails(case):
    assert try_everything(explore_offer(facts=HARD[case]), mixtures=1) > 15


def test_where_revenue_stands_for_margin_it_is_said():
    assert "margin" in explore_offer(facts=HARD["worth millions"]).view().below


def test_where_nobody_can_be_weighed_it_says_why():
    explorer = explore_offer(facts=facts(customers=0, untold="The history is too short."))
    assert explorer.controls == ()
    assert explorer.sentence() == "The history is too short."
    assert explorer.offer == explorer.facts.starting_offer()
    assert explorer.result().treated == 0


def test_a_base_that_is_too_small_to_learn_from_gives_the_reason_and_no_error():
    lines = pd.DataFrame({"customer_id": ["a", "b"], "amount": [1.0, 2.0]})
    lines["date"] = pd.to_datetime("2025-01-01")
    explorer = explore_offer(CustomerBase.from_tables(lines))
    assert explorer.sentence()
    try_everything(explorer, mixtures=0)


def test_what_is_neither_a_base_nor_facts_is_refused_in_words():
    with pytest.raises(InputError, match="needs a base"):
        explore_offer()
    with pytest.raises(InputError, match="facts must be what gather_facts"):
        explore_offer(facts=3)


def test_the_page_is_in_the_language_of_the_base():
    page = explore_offer(facts=HARD["two French"]).static()
    for said in ("Coût d&#x27;un contact", "Profit attendu", "les plus à risque", "au hasard"):
        assert said in page or said in explore_offer(facts=HARD["two French"]).view().chart


def test_a_hundred_thousand_customers_are_answered_with_one_curve_of_few_points():
    explorer = explore_offer(facts=facts(customers=100_000))
    assert explorer.view().chart.count(",") < 2_000
