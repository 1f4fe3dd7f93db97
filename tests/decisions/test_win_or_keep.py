"""Win or keep: one budget, two curves that bend down, and the mix that earns most."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retention_lib.base.customer_base import CustomerBase
from retention_lib.base.simulate import simulate_base, simulate_tables
from retention_lib.decisions._win_or_keep_curves import bought, cost_of_next, curve_of_history
from retention_lib.decisions._win_or_keep_mix import Efforts, find_best, weigh_plans
from retention_lib.decisions.ranges import Range
from retention_lib.decisions.scenarios import Scenario, compare
from retention_lib.decisions.win_or_keep import win_or_keep
from retention_lib.errors import InputError
from retention_lib.wording import LANGUAGES, Wording

NOW = Scenario(customers=1000, attrition=0.15, new_per_year=150, margin_per_customer=100)
GIVEN = {"cost_to_win": 60, "most_to_win": 200, "cost_to_keep": 40, "most_to_keep": 75}


@pytest.fixture(scope="module")
def mix():
    return win_or_keep(simulate_base(250, seed=3, language="en")[0], budget=5_000)


# --- the curves ----------------------------------------------------------------------------------


def test_the_first_customer_costs_what_is_said_and_there_are_never_more_than_the_most():
    assert float(bought(1.0, cost=50.0, most=100.0)) == pytest.approx(1 / 50, rel=1e-3)
    assert float(bought(1e9, cost=50.0, most=100.0)) == 100
    assert float(bought(0.0, cost=50.0, most=100.0)) == 0
    assert float(bought(500.0, cost=50.0, most=0.0)) == 0
    # Half of the most for cost x most x ln 2.
    assert float(bought(5000 * np.log(2), cost=50.0, most=100.0)) == pytest.approx(50)


def test_the_next_customer_costs_what_the_curve_rises_by():
    spend, step = 3_000.0, 1e-3
    rise = float(bought(spend + step, 50.0, 100.0) - bought(spend, 50.0, 100.0))
    assert float(cost_of_next(spend, 50.0, 100.0)) == pytest.approx(step / rise, rel=1e-4)


@settings(max_examples=25, deadline=None)
@given(st.floats(0, 1e6), st.floats(1, 1e3), st.floats(0.1, 1e4), st.floats(0.01, 1e5))
def test_more_money_never_buys_fewer_and_each_step_buys_less(spend, cost, most, step):
    first, second, third = (float(bought(spend + n * step, cost, most)) for n in range(3))
    assert 0 <= first <= second <= third <= most
    assert third - second <= second - first + 1e-9 * most


def test_a_history_of_a_curve_gives_back_what_is_left_of_it():
    won = np.array([100.0, 120.0, 140.0, 160.0, 180.0])
    spent = -50.0 * 300.0 * np.log1p(-won / 300.0)  # cost 50, most 300
    found = curve_of_history(spent, won)
    assert found.supported
    assert found.most == pytest.approx(120, rel=0.05)  # 300 less the 180 of the last year
    assert found.cost == pytest.approx(50 * np.exp(spent[-1] / (50 * 300)), rel=0.05)


@pytest.mark.parametrize(
    ("spent", "won"),
    [
        ([5_000.0, 6_000.0, 7_000.0, 8_000.0], [100.0, 120.0, 140.0, 160.0]),  # always 50 each
        ([5_000.0, 6_600.0, 8_500.0], [100.0, 120.0, 140.0]),  # three years only
        ([5_000.0] * 5, [100.0] * 5),  # never anything else
        ([6_000.0, 5_000.0, 9_000.0, 6_100.0], [100.0, 120.0, 140.0, 160.0]),  # chance
        ([], []),
    ],
)
def test_a_history_that_shows_no_rising_cost_supports_no_curve(spent, won):
    assert not curve_of_history(np.array(spent), np.array(won)).supported


# --- the mix -------------------------------------------------------------------------------------


def test_a_split_earns_what_the_scenario_with_its_customers_earns():
    mix = win_or_keep(NOW, budget=10_000, **GIVEN)
    half = mix.mixes["half"]
    won, kept = (float(bought(5_000, *pair)) for pair in ((60, 200), (40, 75)))
    assert (half.won, half.kept) == pytest.approx((won, kept))
    # Those kept are the same share of each year's leavers.
    by_hand = NOW.change(
        new_per_year=150 + won, attrition=0.15 * (1 - kept / 150), programme_cost=10_000
    )
    assert half.profit == pytest.approx(compare(NOW, by_hand).difference)


def test_with_room_in_the_budget_winning_stops_where_the_next_one_costs_its_worth():
    mix = win_or_keep(NOW, budget=100_000, **GIVEN | {"most_to_keep": 0})
    # The curve's own optimum: spend until cost x exp(s / (cost x most)) is the worth.
    wanted = 60 * 200 * np.log(mix.worths["won"] / 60)
    assert mix.best.to_winning == pytest.approx(wanted, rel=0.005)
    assert mix.best.to_keeping == 0
    assert mix.verdict == "winning"
    assert "spend less" in mix.sentence()


def test_with_both_sides_open_moving_money_to_either_side_earns_less():
    mix = win_or_keep(NOW, budget=4_000, **GIVEN)
    best = mix.best
    assert best.spent == pytest.approx(4_000)
    assert mix.verdict == "both"
    moved = np.array([-40.0, 0.0, 40.0])
    there = weigh_plans(NOW, mix.efforts, best.to_winning + moved, best.to_keeping - moved)[0]
    assert there[1] == pytest.approx(best.profit)
    assert there[1] > max(there[0], there[2])


@settings(max_examples=15, deadline=None)
@given(
    budget=st.integers(0, 30_000),
    costs=st.tuples(st.integers(5, 600), st.integers(5, 600)),
    mosts=st.tuples(st.integers(0, 300), st.integers(0, 150)),
)
def test_no_plan_on_a_fine_grid_earns_more_than_the_best_mix(budget, costs, mosts):
    efforts = Efforts(cost_to_win=costs[0], cost_to_keep=costs[1], most_to_win=mosts[0],
                      most_to_keep=mosts[1])  # fmt: skip
    best = find_best(NOW, efforts, float(budget))
    assert min(best) >= 0
    assert sum(best) <= budget * (1 + 1e-9)
    found = weigh_plans(NOW, efforts, np.array([best[0]]), np.array([best[1]]))[0, 0]
    sides = np.linspace(0, budget, 60)
    winning, keeping = (side.ravel() for side in np.meshgrid(sides, sides))
    fits = winning + keeping <= budget
    others = weigh_plans(NOW, efforts, winning[fits], keeping[fits])[0]
    assert found >= max(others.max(), 0.0) - 0.001 * max(budget, 1)


def test_where_nothing_pays_the_answer_is_to_spend_nothing():
    mix = win_or_keep(NOW, budget=5_000, **GIVEN | {"cost_to_win": 900, "cost_to_keep": 900})
    assert mix.verdict == "nothing"
    assert (mix.best.spent, mix.best.profit, mix.best.chance_of_loss) == (0, 0, 0)
    assert mix.sentence().startswith("Spend nothing: ")
    assert (mix.to_frame()["profit"] < 0).all()


def test_no_budget_is_a_question_too():
    mix = win_or_keep(NOW, budget=0, **GIVEN)
    assert mix.best.profit == 0
    assert mix.sentence().startswith("With a budget of 0 a year there is nothing to split.")


def test_nobody_can_keep_more_than_leave():
    mix = win_or_keep(NOW, budget=1e6, **GIVEN | {"most_to_keep": 5_000})
    assert mix.mixes["all_keeping"].kept <= 150


def test_the_naive_choices_never_beat_the_best_and_stand_beside_it():
    mix = win_or_keep(NOW, budget=4_000, **GIVEN)
    assert len(mix.naive().to_frame()) == 5
    assert all(m.profit <= mix.best.profit + 1e-6 for m in mix.mixes.values())
    assert mix.mixes["nothing"].profit == 0


def test_ranges_of_what_is_not_known_make_the_range_of_the_profit():
    unsure = GIVEN | {"cost_to_keep": Range(20, 40, 90)}
    plain = win_or_keep(NOW, budget=4_000, **GIVEN)
    mix = win_or_keep(NOW, budget=4_000, **unsure)
    assert (plain.to_frame()["profit_low"] == plain.to_frame()["profit_high"]).all()
    rows = mix.to_frame()
    assert (rows["profit_low"] <= rows["profit"]).all()
    assert (rows["profit"] <= rows["profit_high"]).all()
    assert rows["profit_low"].iloc[0] == pytest.approx(rows["profit_high"].iloc[0])
    at_ends = [
        win_or_keep(NOW, budget=4_000, **GIVEN | {"cost_to_keep": cost}).mixes["all_keeping"]
        for cost in (90, 20)
    ]
    last = rows.iloc[-1]
    assert last["profit_low"] == pytest.approx(at_ends[0].profit, rel=0.02)
    assert last["profit_high"] == pytest.approx(at_ends[1].profit, rel=0.02)


# --- what it starts from -------------------------------------------------------------------------


def test_what_nobody_measured_is_called_assumed_wherever_it_shows(mix):
    assert "cost_to_keep" in mix.assumed
    assert "Assumed, not measured: " in mix.sentence()
    assert "an assumption" in str(mix.assumptions["cost_to_keep"])
    assert "an assumption" in " ".join(mix.inputs().to_frame()["comes_from"])
    told = win_or_keep(mix.scenario, budget=5_000, **GIVEN)
    assert told.assumed == ()
    assert "ssumed" not in told.sentence()


def test_the_cost_of_winning_is_the_recorded_average_and_the_past_says_what_it_can(mix):
    assert mix.efforts.cost_to_win == mix.scenario.acquisition_cost
    years = mix.history().to_frame()["year"].tolist()
    assert years == sorted(years)
    assert "supports no curve" in mix.history().sentence()


def test_without_what_it_takes_it_says_what_is_missing():
    bare = CustomerBase.from_tables(
        pd.DataFrame(
            {
                "customer_id": ["a", "b"] * 12,
                "date": pd.date_range("2023-01-05", periods=24, freq="MS"),
                "amount": 10.0,
            }
        )
    )
    mix = win_or_keep(bare, budget=500)
    assert mix.missing
    assert mix.to_frame().empty
    assert mix.naive().to_frame().empty
    for lacking in ("acquisition_cost", "cost_to_keep=", "margin_rate"):
        assert lacking in mix.sentence()
    with pytest.raises(InputError, match="cannot be told"):
        _ = mix.best


def test_your_own_margin_counts_as_one():
    own = NOW.change(margin_per_customer=100)
    assert not win_or_keep(own, budget=4_000, **GIVEN).missing


def test_a_base_without_active_customers_has_nobody_to_keep():
    closed = CustomerBase.from_tables(
        pd.DataFrame({"customer_id": ["a"], "date": pd.to_datetime(["2020-01-05"]),
                      "amount": [10.0]}),
        as_of="2024-12-31",
    )  # fmt: skip
    assert "nobody to keep" in win_or_keep(closed, budget=500, **GIVEN).sentence()


@pytest.mark.parametrize("budget", [-1, True, "20000", None, float("inf"), float("nan")])
def test_a_budget_that_cannot_be_is_refused(budget):
    with pytest.raises(InputError, match="budget must be the money to spend a year"):
        win_or_keep(NOW, budget=budget, **GIVEN)


@pytest.mark.parametrize("name", GIVEN)
@pytest.mark.parametrize("value", [-1, True, "a", Range(-2, 1, 2)])
def test_inputs_that_cannot_be_are_refused(name, value):
    with pytest.raises(InputError, match=f"{name} must be "):
        win_or_keep(NOW, budget=100, **GIVEN | {name: value})


def test_customers_for_nothing_are_refused_and_so_is_what_is_neither_base_nor_scenario():
    with pytest.raises(InputError, match="must be above 0"):
        win_or_keep(NOW, budget=100, **GIVEN | {"cost_to_keep": 0})
    with pytest.raises(InputError, match="needs a CustomerBase"):
        win_or_keep("b2b", budget=100)


def test_duckdb_and_polars_tell_the_same():
    tables, _ = simulate_tables(120, seed=5)
    filled = {name: table for name, table in tables.items() if len(table)}
    one = win_or_keep(CustomerBase.from_tables(**filled), budget=3_000)
    other = {name: pl.from_pandas(table) for name, table in filled.items()}
    two = win_or_keep(CustomerBase.from_tables(**other), budget=3_000)
    assert not one.missing
    pd.testing.assert_frame_equal(one.to_frame(), two.to_frame())
    assert one.sentence() == two.sentence()


@pytest.mark.parametrize("language", LANGUAGES)
def test_it_speaks_both_languages(language):
    now = Scenario(customers=1000, attrition=0.15, new_per_year=150, margin_per_customer=100,
                   acquisition_cost=60, wording=Wording(language, "EUR"))  # fmt: skip
    mix = win_or_keep(now, budget=4_000)
    words = {"en": ("a year", "Assumed, not measured"), "fr": ("par an", "Supposé, non mesuré")}
    assert all(word in mix.sentence() for word in words[language])


def test_where_nobody_can_be_won_or_kept_that_is_the_reason():
    none = GIVEN | {"most_to_win": 0, "most_to_keep": 0}
    assert "nobody more can be won or kept" in win_or_keep(NOW, budget=5_000, **none).sentence()


def test_a_customer_who_brings_a_loss_pays_at_no_cost():
    said = win_or_keep(NOW.change(margin_per_customer=-10), budget=5_000, **GIVEN).sentence()
    assert "pays at no cost" in said and "less than -" not in said


def test_what_is_only_assumed_is_a_range_and_not_as_sure_as_what_was_measured():
    today = NOW.change(acquisition_cost=Range(55, 60, 65))
    origins = win_or_keep(today, budget=5_000).origins
    assert origins["cost_to_keep"].value == Range(27.5, 60, 130)
    assert origins["most_to_win"].value == Range(75, 150, 300)
