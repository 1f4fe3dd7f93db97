"""The scenario's sliders: they start at the base, lead to the pure function, and never fail."""

from functools import cache

import pandas as pd
import pytest

import retention_lib as rl
from retention_lib.base.customer_base import CustomerBase
from retention_lib.decisions._risk import risk_by_year
from retention_lib.decisions.ranges import Range
from retention_lib.decisions.scenarios import Scenario, compare
from retention_lib.errors import InputError
from retention_lib.views._explore_scenario import explore_scenario
from retention_lib.wording import Wording
from tests.views.trying_explorers import try_everything

TODAY = Scenario(
    customers=1000,
    attrition=Range(0.12, 0.15, 0.18),
    margin_per_customer=Range(90, 100, 110),
    new_per_year=150,
    acquisition_cost=40,
)
BY_TENURE = TODAY.change(
    customers=(300, 200, 500),
    attrition=(0.3, Range(0.1, 0.2, 0.25), 0.1),
    margin_per_customer=(80, 100, 120),
    acquisition_cost=0,
)
BY_SEGMENT = TODAY.change(
    customers={"a": 10, "b": 990},
    attrition={"a": 0.05, "b": 0.4},
    margin_per_customer={"a": 900, "b": 10},
    new_per_year=None,
    new_share=0.2,
)
NO_MARGIN = TODAY.change(margin_per_customer=0, attrition=0.0, new_per_year=0)
LOSING = TODAY.change(margin_per_customer=-5)


def plain(text):
    return text.replace("\u202f", " ").replace("\xa0", " ")


def lines(*rows, language="en"):
    frame = pd.DataFrame(rows, columns=["customer_id", "date", "amount"])
    frame["date"] = pd.to_datetime(frame["date"])
    return CustomerBase.from_tables(frame, language=language)


@cache
def b2b():
    return rl.open_base()


@cache
def of_b2b():
    return explore_scenario(b2b())


@pytest.fixture
def explored():
    of_b2b().reset()
    yield of_b2b()
    of_b2b().reset()


TINY = {
    "one customer": lambda: lines(("a", "2024-01-05", 10.0), ("a", "2025-03-05", 20.0)),
    "one day": lambda: lines(("a", "2024-01-05", 10.0), ("b", "2024-01-05", 20.0)),
    "refunds only": lambda: lines(("a", "2024-01-05", -10.0)),
    "French": lambda: lines(
        *((f"c{i}", f"202{y}-0{1 + i % 6}-11", 10.0 + i) for i in range(8) for y in (3, 4, 5)),
        language="fr",
    ),
}


# --- it starts at the base -------------------------------------------------------------------


def test_the_sliders_start_at_what_the_base_measures(explored):
    explorer, measured = explored, Scenario.from_base(b2b())
    assert explorer.measured.points == 0
    assert explorer.measured.newcomers == measured.new_per_year.likely
    assert explorer.measured.margin_per_customer == measured.margin_per_customer.likely
    assert explorer.measured.years == 5 and explorer.measured.discount_rate == 0.10
    assert explorer.before == measured


def test_it_opens_with_two_points_less_so_that_there_is_something_to_see():
    explorer = explore_scenario(scenario=TODAY)
    assert explorer.settings.points == 2
    assert explorer.scenario == TODAY.keep_more(2)


def test_a_base_is_needed_or_a_scenario():
    with pytest.raises(InputError, match="a base or a scenario"):
        explore_scenario()
    with pytest.raises(InputError, match="scenario must be a Scenario"):
        explore_scenario(scenario={"customers": 3})


# --- it answers with the pure function -------------------------------------------------------


def test_the_figures_are_those_of_compare():
    explorer = explore_scenario(scenario=TODAY)
    explorer.set(points=5, programme_cost=8_000, newcomers=200, years=3)
    comparison = compare(explorer.before, explorer.scenario)
    view = explorer.view()
    assert view.said == comparison.sentence()
    assert explorer.before == TODAY.change(years=3)
    said = {figure.label: figure for figure in view.figures}
    extra = said["Extra profit over 3 years"]
    risk = comparison.risk()
    assert float(extra.value.replace(",", "")) == pytest.approx(comparison.difference, rel=0.005)
    assert said["Chance of losing money"].value == f"{risk.chance_of_loss:.0%}".replace("%", " %")
    closing = comparison.after.table["customers"].iloc[-1]
    assert said["Customers in 3 years"].value == f"{closing:,.0f}"


def test_keeping_all_who_leave_is_the_most_that_can_be_kept():
    explorer = explore_scenario(scenario=TODAY.change(attrition=0.08))
    explorer.set(points=99)
    assert explorer.settings.points == 8
    assert explorer.scenario.attrition == 0


def test_the_shaded_range_ends_where_the_risk_of_the_comparison_does():
    # The years of tenure too small to be measured apart share one range, and one luck.
    shared = TODAY.change(customers=(300, 700), attrition=(Range(0.1, 0.2, 0.25),) * 2)
    for today in (TODAY, shared):
        after = today.keep_more(3).change(programme_cost=2_000)
        drawn, risk = risk_by_year(today, after), compare(today, after).risk()
        ends = (drawn.low[-1], drawn.high[-1], drawn.chance_of_loss)
        assert ends == pytest.approx((risk.low, risk.high, risk.chance_of_loss), rel=1e-9)
        assert len(drawn.low) == 5 and (drawn.low <= drawn.high).all()


def test_what_holds_before_and_after_is_no_gain_by_itself():
    explorer = explore_scenario(scenario=TODAY)
    explorer.set(points=0, acquisition_cost=20, years=10, discount_rate=0.05)
    assert explorer.comparison().changed() == ()
    assert "Nothing is changed yet" in explorer.sentence()
    assert "1,000" in explorer.view().alt


def test_a_programme_that_only_costs_is_a_loss_and_said_so():
    explorer = explore_scenario(scenario=TODAY)
    explorer.set(points=0, programme_cost=5_000)
    figures = {figure.label: figure for figure in explorer.view().figures}
    assert figures["Extra profit over 5 years"].tone == "loss"
    assert figures["Extra profit over 5 years"].value.startswith("−")
    assert figures["Chance of losing money"].value == "100 %"
    assert figures["Paid for itself"].value == "not within 5 years"


def test_a_margin_that_moves_keeps_its_range_and_its_proportions():
    explorer = explore_scenario(scenario=TODAY)
    explorer.set(margin_per_customer=120)
    assert explorer.scenario.margin_per_customer == Range(108, 120, 132)
    grouped = explore_scenario(scenario=BY_TENURE)
    step = grouped._by_name["margin_per_customer"].steps[-1]
    grouped.set(margin_per_customer=step)
    ratio = step / grouped.measured.margin_per_customer
    assert grouped.scenario.margin_per_customer == pytest.approx(
        tuple(m * ratio for m in (80, 100, 120)), rel=1e-5
    )


def test_newcomers_given_as_a_share_stay_a_share():
    explorer = explore_scenario(scenario=BY_SEGMENT)
    explorer.set(newcomers=0.3)
    assert explorer.scenario.new_share == pytest.approx(0.3)
    assert explorer.scenario.new_per_year is None


# --- the state as code -----------------------------------------------------------------------


STATES = [
    {},
    {"points": 0},
    {"points": -2.5, "years": 12},
    {"points": 4, "margin_per_customer": 1e9, "acquisition_cost": 0, "discount_rate": 0.2},
    {"newcomers": 0, "programme_cost_per_customer": 1e9, "programme_cost": 300},
]


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("start", [TODAY, BY_TENURE, BY_SEGMENT], ids=["one", "tenure", "segment"])
def test_the_code_makes_the_state_again(start, state):
    explorer = explore_scenario(scenario=start)
    explorer.set(**state)
    made = {"rl": rl}
    exec(explorer.code(), made)
    assert made["before"] == explorer.before
    assert made["after"] == explorer.scenario


def test_the_code_of_a_base_begins_with_the_base(explored):
    explorer = explored
    explorer.set(points=3, acquisition_cost=100, newcomers=200)
    made = {"rl": rl, "base": b2b()}
    exec(explorer.code(), made)
    assert explorer.code().startswith("before = rl.Scenario.from_base(base, acquisition_cost=")
    assert made["before"] == explorer.before and made["after"] == explorer.scenario


# --- it never fails --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "start", [TODAY, BY_TENURE, BY_SEGMENT, NO_MARGIN, LOSING],
    ids=["one", "tenure", "segment", "nothing", "losing"],
)  # fmt: skip
def test_no_state_of_the_sliders_fails(start):
    assert try_everything(explore_scenario(scenario=start), mixtures=0) > 20


@pytest.mark.parametrize("kind", TINY)
def test_no_state_fails_on_a_tiny_base(kind):
    assert try_everything(explore_scenario(TINY[kind]()), mixtures=0) >= 1


def test_the_samples_own_sliders_have_sensible_ends(explored):
    steps = {control.name: control.steps for control in explored.controls}
    assert steps["points"][0] == -5 and 13 <= steps["points"][-1] <= 13.7
    assert steps["years"] == tuple(range(1, 21))
    assert steps["newcomers"][0] == 0 and steps["newcomers"][-1] >= 2 * 163


def test_where_nobody_is_there_it_says_why_there_is_nothing_to_try():
    explorer = explore_scenario(scenario=TODAY.change(customers=0, new_per_year=0))
    assert explorer.controls == ()
    assert "nothing to try" in explorer.sentence()
    assert explorer.before == explorer.scenario == explorer.today
    assert explorer.comparison().difference == 0


def test_every_label_and_value_is_in_the_language_of_the_base():
    french = Scenario(customers=100, attrition=0.2, margin_per_customer=50,
                      wording=Wording("fr", "EUR"))  # fmt: skip
    explorer = explore_scenario(scenario=french)
    explorer.set(points=1.5)
    page = plain(explorer.static())
    for said in (
        "Attrition, en points par an (aujourd&#x27;hui 20,0 %)",
        "1,5 point de moins",
        "Coût de conquête d&#x27;un nouveau client",
        "50 €",
        "Risque de perdre de l&#x27;argent",
        "Réglé sur",
    ):
        assert said in page


def test_where_no_margin_is_known_the_slider_says_revenue():
    explorer = explore_scenario(TINY["one customer"]())
    labels = [control.label for control in explorer.controls]
    assert any("Revenue per customer a year (no margin is known)" in label for label in labels)
