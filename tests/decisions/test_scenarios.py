"""Scenarios: a year by hand, months that add up, starting values that agree with the ledger."""

from dataclasses import replace
from functools import cache
from itertools import permutations

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retention_lib.base.customer_base import CustomerBase
from retention_lib.base.simulate import simulate_base
from retention_lib.decisions._scenario_compared import PARTS
from retention_lib.decisions._scenario_core import draw_profits, numbers_of, values_of
from retention_lib.decisions._scenario_groups import _tenure_years
from retention_lib.decisions._scenario_results import payback_month
from retention_lib.decisions.ranges import Range
from retention_lib.decisions.scenarios import Scenario, compare, margin_multiple, project
from retention_lib.errors import ChoiceError, InputError
from retention_lib.portfolio.flows import measure_flows
from retention_lib.portfolio.replacement import measure_replacement
from retention_lib.portfolio.window import measure_window
from retention_lib.wording import Wording


def plain(text):
    return text.replace("\u202f", " ").replace("\xa0", " ")


def levels(scenario):
    return project(scenario).to_frame()["customers"].tolist()


def of(**fields):
    return Scenario(**{"customers": 1000, "attrition": 0.15, "margin_per_customer": 100, **fields})


@pytest.fixture(scope="module")
def sample():
    return simulate_base(300, seed=4, years=4, language="en")[0]


@pytest.fixture(scope="module")
def starts(sample):
    return {
        kind: Scenario.from_base(sample, retention=kind) for kind in ("one", "tenure", "segment")
    }


# --- golden arithmetic -----------------------------------------------------------------------


@pytest.mark.parametrize(("attrition", "growth"), [(0.15, 1.05), (0.10, 1.10)])
def test_a_fifth_new_and_85_or_90_percent_kept_grows_by_5_or_10_percent_a_year(attrition, growth):
    grown = levels(of(attrition=attrition, new_share=0.20))
    assert grown == pytest.approx([1000 * growth**year for year in range(1, 6)], rel=1e-12)


def test_a_thousand_a_month_for_twenty_years_is_240_000():
    one = of(customers=1, attrition=0, margin_per_customer=12_000, years=20, discount_rate=0)
    assert project(one).total_profit == pytest.approx(240_000, rel=1e-12)
    assert project(one).months().to_frame()["profit"].tolist() == pytest.approx([1000] * 240)


def test_half_of_the_customers_are_gone_in_five_years_at_12_9_percent_a_year():
    gone = 1 - 0.5 ** (1 / 5)
    assert round(gone, 3) == 0.129
    assert levels(of(attrition=gone))[-1] == pytest.approx(500)
    assert levels(of(attrition=0.10))[-1] == pytest.approx(590.49)


@pytest.mark.parametrize(
    ("kept", "more"), [(0.60, 19.9), (0.70, 21.6), (0.80, 25.9), (0.90, 36.6), (0.95, 49.1)]
)
def test_five_points_raise_the_margin_multiple_as_the_published_formula_says(kept, more):
    # r / (1 + i - r) at i = 12 %, Gupta, Lehmann and Stuart 2004; to a tenth of a point.
    raised = margin_multiple(kept + 0.05, 0.12) / margin_multiple(kept, 0.12) - 1
    assert round(100 * raised, 1) == more


def test_the_margin_multiple_is_what_yearly_margins_add_up_to():
    kept, rate = 0.85, 0.12
    by_hand = sum((kept / (1 + rate)) ** year for year in range(1, 500))
    assert margin_multiple(kept, rate) == pytest.approx(by_hand, rel=1e-12)


@pytest.mark.parametrize("wrong", [True, "0.8", 1.2, float("nan"), None])
def test_a_margin_multiple_of_no_share_is_refused(wrong):
    with pytest.raises(InputError, match="a number from 0 to 1"):
        margin_multiple(wrong, 0.1)
    with pytest.raises(InputError, match="for ever"):
        margin_multiple(1, 0)


# --- a year by hand --------------------------------------------------------------------------


def test_losses_fall_by_the_same_share_every_month_and_newcomers_arrive_evenly():
    kept = 0.81
    months = project(of(customers=100, attrition=1 - kept, new_per_year=24, years=1)).by_month
    ends = [100 * kept ** (month / 12) + 2 * month for month in range(1, 13)]
    assert months["customers"].tolist() == pytest.approx(ends)
    starts = [100.0, *ends[:-1]]
    means = [(start + end) / 2 for start, end in zip(starts, ends, strict=True)]
    assert months["margin"].tolist() == pytest.approx([mean * 100 / 12 for mean in means])
    assert months["gained"].tolist() == pytest.approx([2.0] * 12)


def test_costs_are_those_of_winning_and_of_the_programme():
    table = project(
        of(
            attrition=0,
            new_per_year=120,
            acquisition_cost=50,
            programme_cost=1200,
            programme_cost_per_customer=3,
            years=1,
        )
    ).to_frame()
    year = table.iloc[0]
    # 1,000 stay, 120 come evenly: 1,060 on average.
    assert year["margin"] == pytest.approx(106_000)
    assert year["acquisition_costs"] == pytest.approx(6_000)
    assert year["programme_costs"] == pytest.approx(1200 + 3 * 1060)
    assert year["profit"] == pytest.approx(106_000 - 6_000 - 1200 - 3180)


def test_money_is_discounted_from_the_middle_of_each_month():
    plain_year = of(customers=1, attrition=0, margin_per_customer=1200, years=2, discount_rate=0.1)
    by_hand = [sum(100 * 1.1 ** -((m + 0.5) / 12) for m in months)
               for months in (range(12), range(12, 24))]  # fmt: skip
    assert project(plain_year).to_frame()["discounted_profit"].tolist() == pytest.approx(by_hand)


def test_those_who_come_back_or_are_recommended_cost_nothing_to_win():
    base = of(attrition=0.2, new_per_year=10, acquisition_cost=7, years=2)
    table = project(base.change(won_back_per_year=30, word_of_mouth=0.1)).to_frame()
    # 1,000 at the opening bring 100; 800 stay, 10 + 30 + 100 come: 940, who bring 94.
    assert table["gained"].tolist() == pytest.approx([140, 134])
    assert table["customers"].tolist() == pytest.approx([940, 940 * 0.8 + 134])
    assert table["acquisition_costs"].tolist() == pytest.approx([70, 70])


def test_customers_grow_a_year_older_and_newcomers_begin_in_their_first_year():
    by_tenure = of(
        customers=(100, 50), attrition=(0.5, 0.1), margin_per_customer=(10, 20), new_per_year=10
    )
    # 50 + 45 are in their second year or later then, 10 in their first.
    assert levels(by_tenure)[:2] == pytest.approx([105, 10 * 0.5 + 95 * 0.9 + 10])


def test_the_last_tenure_year_holds_for_all_later_ones():
    short = of(customers=100, attrition=(0.4, 0.2))
    assert levels(short) == pytest.approx([60, 48, 38.4, 30.72, 24.576])
    assert levels(of(customers=100, attrition=(0.4, 0.2, 0.2, 0.2))) == pytest.approx(levels(short))


def test_newcomers_bring_the_margin_of_a_first_year():
    fresh = of(
        customers=(0, 0), attrition=(0, 0), margin_per_customer=(12, 99), new_per_year=10, years=2
    )
    # Half of ten on average in the year they come; then ten at 99, and ten new at half of 12.
    margins = project(fresh.change(attrition=0.0)).to_frame()["margin"]
    assert margins.tolist() == pytest.approx([60, 10 * 12 + 60])


def test_by_segment_the_mix_stays_so_that_it_agrees_with_the_mean_rate():
    by_segment = of(
        customers={"good": 750, "bad": 250},
        attrition={"good": 0.10, "bad": 0.30},
        margin_per_customer=100,
        new_per_year=100,
    )
    assert levels(by_segment) == pytest.approx(levels(of(new_per_year=100)))


def test_a_segment_that_leaves_takes_its_own_margin_with_it():
    rich = {"good": 190, "bad": 10}
    by_segment = of(
        customers={"good": 500, "bad": 500},
        attrition={"good": 0, "bad": 0.30},
        margin_per_customer=rich,
        years=1,
    )
    assert project(by_segment).total_profit > project(of(years=1)).total_profit
    assert levels(by_segment) == pytest.approx([850])


def test_ranges_stand_for_their_likely_value():
    ranged = of(attrition=Range(0.05, 0.15, 0.4), new_per_year=Range(0, 10, 30))
    assert levels(ranged) == levels(of(new_per_year=10))


# --- properties ------------------------------------------------------------------------------

shares = st.floats(0, 1)
amounts = st.floats(0, 1e5)


@st.composite
def scenarios(draw):
    kind = draw(st.sampled_from(["one", "tenure", "segment"]))
    count = draw(st.integers(1, 5))

    def grouped(values):
        if kind == "one":
            return draw(values)
        drawn = [draw(values) for _ in range(count)]
        return tuple(drawn) if kind == "tenure" else {f"s{i}": v for i, v in enumerate(drawn)}

    new = draw(st.sampled_from(["new_per_year", "new_share"]))
    return Scenario(
        customers=grouped(amounts),
        attrition=grouped(shares),
        margin_per_customer=grouped(st.floats(-500, 1000)),
        revenue_per_customer=grouped(amounts),
        **{new: draw(st.floats(0, 1) if new == "new_share" else st.floats(0, 1000))},
        won_back_per_year=draw(st.floats(0, 50)),
        acquisition_cost=draw(st.floats(0, 500)),
        programme_cost=draw(amounts),
        programme_cost_per_customer=draw(st.floats(0, 50)),
        discount_rate=draw(shares),
        years=draw(st.integers(1, 12)),
        word_of_mouth=draw(st.floats(0, 0.3)),
    )


@given(scenarios())
@settings(max_examples=20, deadline=None)
def test_months_add_up_to_years_and_comings_and_goings_to_the_level(scenario):
    result = project(scenario)
    years, months = result.to_frame(), result.months().to_frame()
    opening = np.sum([v if not isinstance(v, Range) else v.likely for v in _values(scenario)])
    size = max(1.0, years["customers"].max(), opening)
    level = opening + (months["gained"] - months["lost"]).cumsum()
    assert np.allclose(level, months["customers"], rtol=0, atol=1e-9 * size * len(months))
    assert (months["customers"][11::12].to_numpy() == years["customers"].to_numpy()).all()
    for name in ("gained", "lost", "margin", "revenue", "costs", "profit", "discounted_profit"):
        sums = months[name].to_numpy().reshape(-1, 12).sum(axis=1)
        assert (sums == years[name].to_numpy()).all()
    money = 1e-9 * max(1.0, months[["margin", "costs"]].abs().to_numpy().max())
    assert np.allclose(months["profit"], months["margin"] - months["costs"], rtol=0, atol=money)


@given(scenarios())
@settings(max_examples=20, deadline=None)
def test_drawing_one_case_gives_the_projection(scenario):
    drawn = draw_profits(values_of(scenario))
    table = project(scenario).to_frame()
    assert drawn.shape == (1, scenario.years)
    size = 1e-9 * max(1.0, table[["margin", "costs"]].abs().to_numpy().max())
    assert np.allclose(drawn[0], table["discounted_profit"], rtol=0, atol=size)


@given(scenarios())
@settings(max_examples=20, deadline=None)
def test_the_repr_of_a_scenario_makes_it_again(scenario):
    assert eval(repr(scenario), {"Scenario": Scenario, "Range": Range}) == scenario
    assert hash(eval(repr(scenario), {"Scenario": Scenario})) == hash(scenario)


@given(scenarios(), st.floats(0, 100), st.floats(0, 1e4))
@settings(max_examples=20, deadline=None)
def test_the_parts_of_a_difference_add_up_to_it(scenario, points, programme):
    after = scenario.keep_more(points).change(
        programme_cost=programme, acquisition_cost=3.0, margin_per_customer=50.0
    )
    result = compare(scenario, after)
    size = result.before.to_frame()[["margin", "costs"]].abs().to_numpy().sum()
    size += result.after.to_frame()[["margin", "costs"]].abs().to_numpy().sum()
    assert result.parts().to_frame()["part_worth"].sum() == pytest.approx(
        result.difference, rel=1e-9, abs=1e-9 * max(size, 1.0)
    )


def _values(scenario):
    value = scenario.customers
    return list(value.values()) if isinstance(value, dict) else np.atleast_1d(value).tolist()


# --- many draws at once ----------------------------------------------------------------------


def test_many_draws_are_each_what_one_scenario_would_be():
    base = of(
        customers=(300, 700),
        attrition=(Range(0.1, 0.2, 0.3), Range(0.05, 0.1, 0.2)),
        new_per_year=Range(50, 100, 120),
        acquisition_cost=20,
    )
    z = np.array([-1.6448536269514722, 0.0, 1.6448536269514722])

    def pick(_, value):
        return value.at(z) if isinstance(value, Range) else value

    drawn = draw_profits(values_of(base, pick))
    assert drawn.shape == (3, 5)
    for row, end in zip(drawn, ("low", "likely", "high"), strict=True):
        fixed = base.change(
            attrition=tuple(getattr(value, end) for value in base.attrition),
            new_per_year=getattr(base.new_per_year, end),
        )
        assert row == pytest.approx(project(fixed).to_frame()["discounted_profit"].tolist())


def test_what_is_drawn_beyond_the_possible_is_kept_within_it():
    values = values_of(of(attrition=Range(0, 0.02, 0.4), new_per_year=Range(0, 1, 9)),
                       lambda _, value: np.array([-1.0, 2.0]))  # fmt: skip
    assert values.attrition.tolist() == [[0.0], [1.0]]
    assert values.new_per_year.tolist() == [0.0, 2.0]


def test_every_number_of_a_scenario_has_a_key():
    by_segment = of(customers={"a": 1, "b": 2}, attrition={"a": 0.1, "b": Range(0, 0.1, 0.2)})
    found = numbers_of(by_segment)
    assert found["attrition", "b"] == Range(0, 0.1, 0.2)
    assert found["margin_per_customer", None] == 100
    assert ("new_per_year", None) not in found


# --- before and after ------------------------------------------------------------------------


def test_one_change_is_the_whole_difference():
    base = of(new_per_year=150)
    parts = compare(base, base.keep_more(5)).parts().to_frame()
    assert parts["part_code"].tolist() == ["retention"]
    assert parts["part_worth"][0] == pytest.approx(compare(base, base.keep_more(5)).difference)


def test_parts_are_the_mean_over_all_orders_of_making_the_changes():
    base = of(new_per_year=150, acquisition_cost=40)
    changes = {
        "retention": {"attrition": 0.10},
        "new": {"new_per_year": 200},
        "margin": {"margin_per_customer": 120},
        "programme": {"programme_cost": 4000, "programme_cost_per_customer": 2},
    }
    worths = dict.fromkeys(changes, 0.0)
    orders = list(permutations(changes))

    @cache
    def profit(made):
        fields = {name: value for code in made for name, value in changes[code].items()}
        return project(base.change(**fields)).total_profit

    for order in orders:
        for place, code in enumerate(order):
            worths[code] += profit(frozenset(order[: place + 1])) - profit(frozenset(order[:place]))
    after = base.change(**{k: v for change in changes.values() for k, v in change.items()})
    parts = compare(base, after).parts().to_frame().set_index("part_code")["part_worth"]
    assert parts.to_dict() == pytest.approx({c: v / len(orders) for c, v in worths.items()})


def test_parts_can_be_told_between_one_rate_and_rates_by_tenure():
    one = of(customers=100, new_per_year=10)
    aged = one.change(customers=(40, 60), attrition=(0.3, 0.1), programme_cost=100)
    result = compare(one, aged)
    assert result.parts().to_frame()["part_worth"].sum() == pytest.approx(result.difference)


def test_every_field_but_revenue_and_years_belongs_to_a_part():
    named = [name for names in PARTS.values() for name in names]
    assert sorted([*named, "revenue_per_customer", "years"]) == sorted(
        name for name in Scenario.__dataclass_fields__
        if name not in ("wording", "sources", "measure")
    )  # fmt: skip


def test_a_programme_pays_back_in_the_first_month_after_which_it_stays_above_nothing():
    assert payback_month(np.array([-5.0, 2.0, 2.0, 2.0])) == 4
    assert payback_month(np.array([-5.0, 6.0, -3.0, 2.5])) == 4
    assert payback_month(np.array([-5.0, 1.0])) is None
    assert payback_month(np.array([0.0, 1.0])) == 0


def test_payback_of_a_comparison_is_where_its_months_turn_positive():
    base = of(new_per_year=150)
    result = compare(base, base.keep_more(5).change(programme_cost=8_000))
    added = result.months().to_frame()["cumulated"].to_numpy()
    month = result.payback_month
    assert (added[month - 1 :] >= 0).all()
    assert added[month - 2] < 0
    assert added[-1] == pytest.approx(result.difference)
    assert f"from month {month} on it has paid for itself" in result.sentence()


def test_a_change_that_never_pays_says_so_and_one_that_changes_nothing_too():
    base = of()
    costly = compare(base, base.change(programme_cost=1e6))
    assert costly.payback_month is None
    assert "costs 3,980,000 more than it brings over 5 years" in costly.sentence()
    assert "has not paid for itself" in costly.sentence()
    assert compare(base, base).sentence() == "Before and after are the same: nothing was changed."
    assert compare(base, base).parts().to_frame().empty


def test_what_is_not_tested_is_called_an_assumption():
    base = of()
    result = compare(base, base.keep_more(5))
    assert result.sentence().startswith("The assumed change is worth")
    assert "control group" in result.assumptions["scenario_effect"]
    assert "15.0 % → 10.0 %" in result.assumptions["scenario_changed"]


def test_only_scenarios_of_equal_length_and_segments_compare():
    base = of()
    with pytest.raises(InputError, match="same number"):
        compare(base, base.change(years=3))
    with pytest.raises(InputError, match="same segments"):
        compare(base, of(customers={"a": 1}, attrition={"a": 0.1}))
    with pytest.raises(InputError, match="after must be a Scenario"):
        compare(base, {"attrition": 0.1})
    with pytest.raises(InputError, match="scenario must be a Scenario"):
        project("base")


# --- what a scenario may be made of ----------------------------------------------------------


def test_all_that_is_wrong_is_said_at_once():
    with pytest.raises(InputError) as said:
        of(attrition=15, customers=-3, acquisition_cost=True, discount_rate="10 %", years=2.5)
    message = str(said.value)
    assert "5 values that cannot be" in message
    parts = [
        "attrition is a share from 0 to 1, such as 0.15 for 15 %; got 15",
        "customers cannot be below 0",
        "acquisition_cost must be a number such as 250",
        "discount_rate must be a number",
        "years must be a whole number from 1 to 50",
    ]
    for part in parts:
        assert part in message


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"new_per_year": 10, "new_share": 0.1}, "give one of the two"),
        ({"attrition": ()}, "needs 1 to 100 years; got 0"),
        ({"attrition": {}}, "needs 1 to 100 segments; got 0"),
        ({"attrition": (0.1, 1.2)}, "attrition of tenure year 2 is a share"),
        ({"attrition": {"a": float("nan")}}, "attrition of 'a' must be a number"),
        ({"attrition": {"a": 0.1}}, "customers must say how many are in each"),
        ({"attrition": {"a": 0.1}, "customers": (5, 3)}, "do not go together"),
        ({"attrition": {"a": 0.1}, "customers": {"a": 1, "b": 2}}, "'b' is in one only"),
        ({"attrition": Range(-0.1, 0, 0.1)}, "share from 0 to 1"),
        ({"customers": 1e30}, "customers must be a number"),
        ({"customers": None}, "customers must be a number"),
        ({"years": 51}, "from 1 to 50"),
        ({"years": True}, "from 1 to 50"),
    ],
)
def test_a_value_that_cannot_be_is_refused_with_a_remedy(fields, message):
    with pytest.raises(InputError, match=message):
        of(**fields)


def test_numpy_numbers_and_lists_become_plain_ones():
    made = of(customers=np.int64(5), attrition=[np.float64(0.1), 0.2])
    assert repr(made).startswith("Scenario(customers=5, attrition=(0.1, 0.2), ")


def test_the_callers_mapping_is_not_the_scenarios_own():
    given_rates = {"a": 0.1}
    made = of(customers={"a": 5}, attrition=given_rates)
    given_rates["a"] = 0.9
    assert made.attrition == {"a": 0.1}


def test_unknown_fields_are_named():
    with pytest.raises(ChoiceError, match="Did you mean 'attrition'"):
        of().change(atrition=0.1)


def test_a_new_way_to_tell_newcomers_takes_the_place_of_the_old_one():
    assert of(new_per_year=10).change(new_share=0.2).new_per_year is None
    assert of(new_share=0.2).change(new_per_year=10).new_share is None


def test_keeping_more_takes_points_off_and_never_goes_below_nothing():
    assert of().keep_more(5).attrition == 0.10
    assert of(attrition=(0.3, 0.02)).keep_more(5).attrition == (0.25, 0.0)
    assert of(attrition=Range(0.03, 0.1, 0.2)).keep_more(5).attrition == Range(0.0, 0.05, 0.15)
    assert of().keep_more(-5).attrition == 0.2
    with pytest.raises(InputError, match="points is how many percentage points"):
        of().keep_more("5")


def test_one_segment_or_tenure_year_can_be_kept_alone():
    by_segment = of(customers={"a": 5, "b": 5}, attrition=0.2)
    assert by_segment.keep_more(5, where="b").attrition == {"a": 0.2, "b": 0.15}
    aged = of(customers=(5, 5, 5), attrition=(0.3, 0.2))
    assert aged.keep_more(5, where=3).attrition == (0.3, 0.2, 0.15)
    with pytest.raises(ChoiceError):
        by_segment.keep_more(5, where="c")


def test_the_code_of_a_scenario_makes_it_again():
    import retention_lib

    made = of(customers={"à risque": 5}, attrition={"à risque": Range(0.1, 0.2, 0.3)}, years=3)
    assert eval(made.code(), {"rl": retention_lib}) == made


# --- starting values -------------------------------------------------------------------------


def test_starting_values_agree_with_the_ledger(sample, starts):
    flows = measure_flows(sample).table.iloc[-1]
    start = starts["one"]
    assert start.customers == flows["closing"]
    assert start.attrition.likely == pytest.approx(flows["attrition"], abs=5e-6)
    assert (start.new_per_year.likely, start.won_back_per_year.likely) == (
        flows["new"], flows["won_back"],
    )  # fmt: skip
    assert start.acquisition_cost.likely == pytest.approx(
        measure_replacement(sample).value("cost_each"), abs=0.005
    )
    # Opening - lost + gained, a year on.
    closing = flows["closing"] * (1 - start.attrition.likely) + flows["new"] + flows["won_back"]
    assert levels(start)[0] == pytest.approx(closing)


def test_the_range_of_attrition_holds_the_years_before(sample, starts):
    rates = measure_flows(sample).table["attrition"].tail(3)
    start = starts["one"]
    assert start.attrition.low <= rates.min() + 5e-6
    assert start.attrition.high >= rates.max() - 5e-6


def test_margin_and_revenue_are_those_of_active_customers_in_the_last_year(sample, starts):
    lines = sample.to_pandas("transactions")
    start = starts["one"]
    year = lines[lines["date"] > pd.Timestamp(sample.as_of) - pd.Timedelta(days=365)]
    closed = sample.to_pandas("customers").set_index("customer_id")["closed_on"].dropna().index
    year = year[~year["customer_id"].isin(closed)]
    days = year.groupby(["customer_id", "date"])["amount"].sum()
    active = days[days > 0].reset_index()["customer_id"].unique()
    brought = year[year["customer_id"].isin(active)]
    assert start.customers == len(active)
    assert start.revenue_per_customer.likely == pytest.approx(
        brought["amount"].sum() / len(active), abs=0.01
    )
    assert start.margin_per_customer.likely == pytest.approx(
        brought["margin"].sum() / len(active), abs=0.01
    )


@pytest.mark.parametrize("retention", ["tenure", "segment"])
def test_rates_by_group_add_up_to_those_of_all(starts, retention):
    one, grouped = starts["one"], starts[retention]
    assert grouped.kind == retention
    assert sum(_values(grouped)) == one.customers
    rates = [rate.likely for rate in _of(grouped.attrition)]
    assert min(rates) < one.attrition.likely < max(rates)
    assert grouped.starting_values().to_frame()["group"].notna().any()


def _of(value):
    return list(value.values()) if isinstance(value, dict) else list(value)


def test_by_tenure_the_rates_of_a_year_ago_make_the_loss_that_was(sample, starts):
    # Those of a year ago, each at the rate of its tenure year, lose as many as were lost.
    before = _tenure_years(sample.at("2024-12-31"))["group"].value_counts()
    rates = [rate.likely for rate in starts["tenure"].attrition]
    lost = sum(rates[year - 1] * customers for year, customers in before.items())
    assert sample.as_of.isoformat() == "2025-12-31"
    assert lost == pytest.approx(measure_flows(sample).table["lost"].iloc[-1], rel=0.02)


def test_own_values_take_the_place_of_measured_ones_and_keep_them_in_sight(sample, starts):
    start = Scenario.from_base(sample, attrition=0.3, years=7)
    rows = start.starting_values().to_frame().set_index("field")
    assert rows.loc["attrition", "origin"] == "yours"
    assert "measured here" in rows.loc["attrition", "comes_from"]
    assert rows.loc["years", "value"] == 7
    measured = starts["one"]
    back = start.change(attrition=measured.attrition)
    assert back.sources["attrition"] == measured.sources["attrition"]
    with pytest.raises(ChoiceError):
        Scenario.from_base(sample, margin=3)
    with pytest.raises(ChoiceError, match="retention must be one of"):
        Scenario.from_base(sample, retention="type")
    with pytest.raises(InputError, match="Pass a CustomerBase"):
        Scenario.from_base("b2b")


def lines_of(rows):
    frame = pd.DataFrame(rows, columns=["customer_id", "date", "amount"])
    return frame.assign(date=pd.to_datetime(frame["date"]))


def base_of(rows, **options):
    return CustomerBase.from_tables(lines_of(rows), **options)


SMALL = {
    "one customer": [("a", "2024-05-01", 10.0)],
    "one day": [(c, "2024-05-01", 10.0) for c in "abc"],
    "refunds only": [("a", "2024-05-01", -10.0), ("b", "2024-06-01", -5.0)],
    "two weeks": [(c, f"2024-05-{d:02}", 10.0) for c in "abc" for d in (1, 8, 15)],
    "long silent": [("a", "2020-01-01", 10.0), ("b", "2024-01-01", -1.0)],
    "a year and a day": [
        ("a", "2023-01-01", 9.0),
        ("a", "2024-01-01", 9.0),
        ("b", "2023-02-02", 1),
    ],
}


@pytest.mark.parametrize(
    ("name", "retention"), list(zip(SMALL, ["tenure", "segment"] * 3, strict=True))
)
def test_small_bases_give_a_scenario_that_says_what_it_cannot_tell(name, retention):
    start = Scenario.from_base(base_of(SMALL[name]), retention=retention)
    said = start.starting_values()
    assert len(said.to_frame()) >= 10
    result = compare(start, start.keep_more(5).change(programme_cost=10))
    assert project(start).sentence() and result.sentence() and result.parts().sentence()
    assert np.isfinite(result.difference)


def test_where_attrition_cannot_be_told_the_assumed_rate_is_called_one():
    start = Scenario.from_base(base_of(SMALL["two weeks"]))
    assert start.sources["attrition"].origin == "assumed"
    assert start.attrition == Range(0.05, 0.10, 0.15)
    assert start.new_per_year == pytest.approx(0.3)
    assert "Assumed, as your data cannot tell yet: how many are lost" in project(start).sentence()
    assert "15 days only" in start.sources["margin_per_customer"].said


def test_without_margins_revenue_takes_their_place_and_it_is_said():
    start = Scenario.from_base(base_of(SMALL["one customer"]))
    assert start.measure == "revenue"
    assert start.margin_per_customer == start.revenue_per_customer == 10.0
    assert "as no margin is known" in project(start).sentence()
    with_rate = Scenario.from_base(base_of(SMALL["one customer"], margin_rate=0.3))
    assert (with_rate.measure, with_rate.margin_per_customer) == ("margin", 3.0)


def test_an_unknown_acquisition_cost_counts_as_nothing_and_is_said():
    start = Scenario.from_base(base_of(SMALL["one customer"]))
    assert start.acquisition_cost == 0
    assert (
        "acquisition_cost of the customers table would tell"
        in start.sources["acquisition_cost"].said
    )


def test_a_file_of_less_than_two_years_follows_those_known_a_year_ago():
    rows = [(c, "2023-01-10", 10.0) for c in "abcdefghij"]
    rows += [(c, "2023-12-10", 10.0) for c in "abcdef"] + [("n", "2023-11-11", 10.0)]
    start = Scenario.from_base(base_of(rows, as_of="2024-05-05"))
    # Ten known on 6 May 2023; four bought nothing since; one is new.
    assert start.attrition.likely == 0.4
    assert (start.customers, start.new_per_year.likely, start.won_back_per_year.likely) == (7, 1, 0)
    assert start.attrition.low < 0.4 < start.attrition.high


def test_a_file_of_one_year_is_measured_with_the_longest_window_that_tells(sample):
    # The rates are those of measure_window; a few months are never taken times twelve.
    seasons = sample.to_pandas("transactions")
    year = seasons[seasons["date"] <= seasons["date"].min() + pd.Timedelta(days=370)]
    base = CustomerBase.from_tables(year[["customer_id", "date", "amount"]])
    start = Scenario.from_base(base)
    told = measure_window(base).table
    chosen = told[(told["months"] >= 6) & (told["covered"] >= 0.9)].iloc[-1]
    assert start.attrition.likely == pytest.approx(chosen["annual_attrition"], abs=1e-5)
    gone = chosen["annual_attrition"] * (1 - chosen["came_back"])
    assert start.attrition.low <= gone + 1e-5 < start.attrition.likely
    assert start.customers == chosen["active"]
    assert start.sources["new_per_year"].origin == "assumed"
    assert levels(start)[-1] == pytest.approx(start.customers, rel=1e-3)


def test_polars_and_duckdb_start_alike(sample, starts):
    tables = {
        name: pl.from_pandas(sample.to_pandas(name)) for name in ("transactions", "customers")
    }
    in_polars = CustomerBase.from_tables(**tables, as_of=sample.as_of)
    for retention in ("tenure", "segment"):
        assert Scenario.from_base(in_polars, retention=retention) == starts[retention]


def test_what_comes_after_as_of_changes_nothing(sample):
    past = sample.at("2024-12-31")
    lines = sample.to_pandas("transactions")
    known = lines[lines["date"] <= "2024-12-31"]
    customers = past.to_pandas("customers")
    cut = CustomerBase.from_tables(known, customers=customers, as_of="2024-12-31", currency="EUR")
    assert Scenario.from_base(past, retention="segment") == Scenario.from_base(
        cut, retention="segment"
    )


def test_the_forecast_of_a_year_holds_what_came(sample):
    # Seen from a year earlier, the simulator's next year is known.
    for year in ("2023", "2024"):
        start = Scenario.from_base(sample.at(f"{year}-12-31"))
        came = measure_flows(sample.at(f"{int(year) + 1}-12-31")).table.iloc[-1]
        # Chance is at work in both years, which makes it 1.4 times the range: twice is 2.3
        # standard deviations, and so are 15 % of some 190 customers.
        for rate, seen in ((start.attrition, "attrition"), (start.new_per_year, "new")):
            off = came[seen] - rate.likely
            assert abs(off) < 2 * (rate.high - rate.likely if off > 0 else rate.likely - rate.low)
        assert levels(start)[0] == pytest.approx(came["closing"], rel=0.15)


def test_french_speaks_french(sample):
    start = Scenario.from_base(replace(sample, wording=Wording("fr", "EUR")))
    assert (
        start.starting_values().sentence().startswith("Sur 12 valeurs de départ, 7 sont mesurées")
    )
    said = plain(project(start).sentence())
    assert said.startswith("En 5 ans, ")
    result = compare(start, start.keep_more(5).change(programme_cost=5000))
    assert plain(result.sentence()).startswith("Le changement supposé vaut ")
    assert "à 90 % de confiance" in plain(result.sentence())
    assert plain(result.parts().sentence()).startswith("La différence de +")
    assert "perdus sur" in start.starting_values().to_frame()["comes_from"][1]


def test_the_profit_of_a_base_comes_with_its_range(starts):
    said = project(starts["one"]).sentence()
    assert "(90 % sure: " in said
    assert "90 % sure" not in project(of()).sentence()
