"""How sure a what-if is: ranges drawn, what matters most, where it breaks even."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retention_lib.decisions._risk import weigh_risk
from retention_lib.decisions._scenario_words import Source
from retention_lib.decisions.ranges import Range
from retention_lib.decisions.scenarios import Scenario, compare, project
from retention_lib.errors import InputError
from retention_lib.wording import LANGUAGES, Wording

NOW = Scenario(
    customers=1000, attrition=0.15, new_per_year=150, margin_per_customer=100, acquisition_cost=60
)


def years_of_money(scenario):
    """What one unit a year is worth over the years: the discounted sum of the mid-month ones."""
    middles = (np.arange(12 * scenario.years) + 0.5) / 12
    return float((1.1**-middles).sum() / 12)


def test_a_symmetric_cost_gives_the_bell_curve_that_it_is():
    after = NOW.keep_more(5).change(programme_cost=Range(5_000, 10_000, 15_000))
    risk = compare(NOW, after).risk()
    a_year = years_of_money(NOW)
    gain = compare(NOW, NOW.keep_more(5)).difference
    assert risk.likely == pytest.approx(gain - 10_000 * a_year, abs=0.01)
    assert risk.low == pytest.approx(gain - 15_000 * a_year, rel=1e-3)
    assert risk.high == pytest.approx(gain - 5_000 * a_year, rel=1e-3)


def test_the_probability_of_losing_money_is_that_of_the_bell_curve():
    even = compare(NOW, NOW.keep_more(5)).difference / years_of_money(NOW)
    # The cost breaks even one deviation above its likely value: a loss in 15.87 % of cases.
    cost = Range(even - 2_000, even - 2_000 + 1e-9, even - 2_000 + 1.6448536 * 2_000)
    risk = weigh_risk(NOW, NOW.keep_more(5).change(programme_cost=cost))
    assert risk.chance_of_loss == pytest.approx(0.1587, abs=0.0002)
    assert "probability of losing money is 16 %" in risk.sentence()


def test_what_both_share_is_drawn_once_so_that_the_same_change_never_loses():
    unsure = NOW.change(attrition=Range(0.05, 0.15, 0.40), margin_per_customer=Range(60, 100, 300))
    risk = compare(unsure, unsure.keep_more(5)).risk()
    assert risk.chance_of_loss == 0
    assert "none of the 10,000 cases drawn loses money" in risk.sentence()
    assert weigh_risk(unsure, unsure).draws == pytest.approx(np.zeros(10_000))


def test_the_same_seed_gives_the_same_draws_and_another_one_others():
    after = NOW.change(attrition=Range(0.10, 0.12, 0.15))
    first, again = (weigh_risk(NOW, after, draws=500).draws for _ in range(2))
    assert (first == again).all()
    assert (first != weigh_risk(NOW, after, draws=500, seed=3).draws).mean() > 0.9


def test_a_single_scenario_is_weighed_by_its_own_profit():
    risk = project(NOW.change(margin_per_customer=Range(80, 100, 120))).risk()
    assert risk.likely == pytest.approx(project(NOW).total_profit)
    assert risk.before is None
    assert risk.sentence().startswith("The profit over 5 years is ")


def test_without_ranges_it_says_that_nothing_can_be_told_of_the_doubt():
    risk = weigh_risk(NOW, NOW.keep_more(5))
    assert risk.low == risk.likely == risk.high
    assert "every input is a plain number" in risk.sentence()
    assert risk.tornado().to_frame().empty
    assert risk.tornado().sentence().startswith("No input is a range")
    assert risk.bars().empty


def test_certain_losses_are_said_as_such():
    risk = weigh_risk(NOW, NOW.change(programme_cost=Range(4_000, 5_000, 6_000)))
    assert risk.chance_of_loss == 1
    assert "The assumed change loses" in risk.sentence()
    assert "all 10,000 cases drawn lose money" in risk.sentence()


@pytest.mark.parametrize("draws", [99, True, "10", 1e4, 2_000_000])
def test_draws_that_cannot_be_are_refused(draws):
    with pytest.raises(InputError, match="draws must be a whole number from 100 to 1,000,000"):
        weigh_risk(NOW, NOW.keep_more(5), draws=draws)


def test_each_end_of_the_tornado_is_the_comparison_with_that_value():
    after = NOW.change(attrition=Range(0.09, 0.10, 0.14), programme_cost=Range(1_000, 4_000, 9_000))
    table = compare(NOW, after).risk().tornado().to_frame().set_index("input_code")
    for name, other, likely in (
        ("attrition", "programme_cost", 4_000),
        ("programme_cost", "attrition", 0.10),
    ):
        for end in ("low", "high"):
            alone = NOW.change(**{name: getattr(getattr(after, name), end), other: likely})
            wanted = compare(NOW, alone).difference
            assert table.loc[name, f"profit_at_{end}"] == pytest.approx(wanted)
    assert table["swing"].is_monotonic_decreasing


def test_a_range_that_both_share_moves_both_in_the_tornado():
    unsure = NOW.change(margin_per_customer=Range(50, 100, 150))
    table = weigh_risk(unsure, unsure.keep_more(5)).tornado().to_frame()
    wanted = [
        compare(priced, priced.keep_more(5)).difference
        for priced in (NOW.change(margin_per_customer=margin) for margin in (50, 150))
    ]
    assert table[["profit_at_low", "profit_at_high"]].iloc[0].tolist() == pytest.approx(wanted)


def test_ranges_that_change_nothing_are_not_in_the_tornado():
    unsure = NOW.change(acquisition_cost=Range(10, 60, 90), margin_per_customer=Range(90, 100, 110))
    codes = weigh_risk(unsure, unsure.keep_more(5)).tornado().to_frame()["input_code"]
    assert codes.tolist() == ["margin_per_customer"]


def test_by_tenure_year_all_years_go_to_their_ends_together():
    tenure = Scenario(
        customers=(100, 300),
        attrition=(Range(0.3, 0.4, 0.5), Range(0.05, 0.1, 0.2)),
        margin_per_customer=100,
    )
    table = weigh_risk(tenure, tenure.keep_more(5)).tornado().to_frame()
    assert table["input_code"].tolist() == ["attrition"]
    # The mean over the customers, after five points less: (100 x 0.25 + 300 x 0) / 400.
    assert (table["low_input"].iloc[0], table["high_input"].iloc[0]) == ("6.3 %", "22.5 %")


def test_break_even_of_the_programme_is_what_the_change_is_worth_a_year():
    after = NOW.keep_more(5)
    even = compare(NOW, after).risk().break_even()
    worth = compare(NOW, after).difference / years_of_money(NOW)
    assert even.value("programme_cost") == pytest.approx(worth, rel=1e-6)
    assert even.sentence().startswith("So far nothing is said to be spent on it")


def test_break_even_of_a_change_that_pays_whatever_or_never_is_said():
    table = weigh_risk(NOW, NOW.keep_more(5)).break_even().to_frame().set_index("input_code")
    assert table.loc["margin_per_customer", "verdict_code"] == "always"
    assert table.loc["acquisition_cost", "verdict_code"] == "no_matter"
    loses = weigh_risk(NOW, NOW.change(acquisition_cost=70)).break_even().to_frame()
    loses = loses.set_index("input_code")
    assert loses.loc["margin_per_customer", "break_even_said"] == "changes nothing"
    assert loses.loc["customers", "verdict_code"] == "no_matter"
    assert loses.loc["acquisition_cost", "break_even"] == pytest.approx(60)
    assert loses.loc["new_per_year", "break_even"] == pytest.approx(0, abs=1e-6)
    assert loses.loc["discount_rate", "verdict_code"] == "never"


def test_the_input_with_the_least_room_is_told():
    after = NOW.keep_more(5).change(programme_cost=9_000)
    even = weigh_risk(NOW, after).break_even()
    assert even.sentence().startswith("It pays until attrition a year reaches 10.")
    dear = weigh_risk(NOW, NOW.keep_more(5).change(programme_cost=30_000)).break_even()
    assert dear.sentence().startswith("It loses money until ")


@settings(max_examples=8, deadline=None)
@given(
    attrition=st.floats(0.02, 0.9),
    points=st.floats(0.5, 20),
    cost=st.floats(0, 30_000),
    margin=st.floats(1, 5_000),
    new=st.integers(0, 500),
)
def test_at_every_break_even_the_difference_turns(attrition, points, cost, margin, new):
    before = Scenario(
        customers=1000, attrition=attrition, new_per_year=new, margin_per_customer=margin
    )
    after = before.keep_more(points).change(programme_cost=cost)
    even = weigh_risk(before, after, draws=100).break_even().to_frame()
    for row in even[even["verdict_code"] == "at"].itertuples():
        name, value = row.input_code, row.break_even
        alone = name == "attrition" or name.startswith("programme")
        sides = []
        for near in (value * (1 - 1e-6), value * (1 + 1e-6) + 1e-9):
            moved = {name: min(near, 1.0) if name in ("attrition", "discount_rate") else near}
            start = before if alone else before.change(**moved)
            sides.append(compare(start, after.change(**moved)).difference)
        assert min(sides) <= 1e-9 * margin and max(sides) >= -1e-9 * margin


@settings(max_examples=20, deadline=None)
@given(low=st.floats(0, 0.3), likely=st.floats(0.3, 0.5), high=st.floats(0.5, 1.0))
def test_draws_stay_within_what_can_be_and_the_range_holds_the_likely_value(low, likely, high):
    after = NOW.change(attrition=Range(low, likely, high))
    risk = weigh_risk(NOW, after, draws=400)
    best = compare(NOW, NOW.change(attrition=0.0)).difference
    worst = compare(NOW, NOW.change(attrition=1.0)).difference
    slack = 1e-9 * abs(worst)
    assert worst - slack <= risk.draws.min() <= risk.draws.max() <= best + slack
    assert risk.low <= risk.likely <= risk.high


@pytest.mark.parametrize("language", LANGUAGES)
def test_results_speak_both_languages(language):
    now = Scenario(
        customers=1000, attrition=Range(0.10, 0.15, 0.20), margin_per_customer=100,
        wording=Wording(language, "EUR"),
    )  # fmt: skip
    risk = weigh_risk(now, now.keep_more(5).change(programme_cost=Range(8_000, 11_000, 14_000)))
    said = [result.sentence() for result in (risk, risk.tornado(), risk.break_even())]
    words = {
        "en": ("probability", "matters most", "all else"),
        "fr": ("probabilité", "compte le plus", "le reste"),
    }
    for sentence, word in zip(said, words[language], strict=True):
        assert word in sentence
        assert sentence.endswith(".")
    assert risk.assumptions["drawn_cases"].replace("\u202f", ",") == "10,000"


def test_bars_count_every_case_and_none_lies_on_both_sides_of_nothing():
    risk = weigh_risk(NOW, NOW.change(attrition=Range(0.12, 0.15, 0.18)))
    bars = risk.bars()
    assert bars["share"].sum() == pytest.approx(1)
    assert ((bars["start"] >= -1e-9) | (bars["end"] <= 1e-9)).all()


def test_revenue_is_never_passed_off_as_profit():
    # As Scenario.from_base leaves it where no margin is known.
    turnover = Scenario(
        customers=100, attrition=0.2, margin_per_customer=Range(8, 10, 12), measure="revenue"
    )
    risk = weigh_risk(turnover, turnover.keep_more(5))
    for result in (risk, risk.break_even()):
        assert "Counted in revenue, as no margin is known" in result.sentence()
    assert risk.tornado().to_frame()["input"].tolist() == ["revenue a customer, a year"]
    assert "revenue: no margin is known" in str(risk.assumptions["money_is"])


def test_groups_that_share_one_range_are_one_unknown_and_do_not_cancel_out():
    years = 10
    doubt = Range(0.05, 0.12, 0.25)
    apart = NOW.change(customers=(100,) * years, attrition=(doubt,) * years)
    together = NOW.change(customers=(100,) * years, attrition=doubt)
    wide, wanted = (project(one).risk() for one in (apart, together))
    assert wide.high - wide.low == pytest.approx(wanted.high - wanted.low, rel=0.02)


def test_the_effect_of_a_change_is_called_assumed():
    assert "assumed change" in compare(NOW, NOW.keep_more(Range(1, 3, 5))).risk().sentence()


def test_a_range_of_one_figure_is_not_called_a_range():
    after = NOW.change(customers=0, new_per_year=0, attrition=Range(0.1, 0.2, 0.3))
    assert "90 %" not in project(after).risk().sentence()
    assert "90 %" not in project(after).sentence()


def test_losing_nothing_is_no_way_to_a_profit():
    barren = NOW.change(margin_per_customer=0, acquisition_cost=0)
    even = weigh_risk(barren, barren.keep_more(5).change(programme_cost=500)).break_even()
    assert even.value("programme_cost") == pytest.approx(0, abs=1e-6)
    assert "programme" not in even.sentence()


def test_a_projected_loss_is_called_a_loss_and_so_is_its_range():
    said = project(NOW.change(margin_per_customer=Range(-60, -50, -40))).sentence()
    assert "the loss until then is worth" in said
    assert "-" not in said and "−" not in said


def test_a_margin_of_ones_own_is_not_called_revenue_and_a_better_one_does_not_hide_it():
    told = {"margin_per_customer": Source(100, "revenue")}
    seen = replace(NOW, measure="revenue", sources=told)
    assert "Counted in revenue" in project(seen).sentence()
    assert "Counted in revenue" not in project(seen.change(margin_per_customer=30)).sentence()
    better = compare(seen, seen.change(margin_per_customer=Range(100, 105, 110)))
    assert "Counted in revenue" in better.sentence()
    assert "Counted in revenue" in better.risk().sentence()


def test_what_a_change_starts_from_is_still_called_assumed():
    guessed = replace(NOW, sources={"attrition": Source(0.15, "the trade", "assumed")})
    said = compare(guessed, guessed.keep_more(5)).sentence()
    assert "cannot tell yet: how many are lost" in said
