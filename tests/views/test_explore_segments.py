"""The explorer of the segments: what is measured, what is assumed, and what it would be worth."""

import re
from functools import cache

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import retention_lib as rl
from retention_lib.base.customer_base import CustomerBase
from retention_lib.decisions.ranges import Range, likely
from retention_lib.decisions.segment_what_if import (
    YEARS,
    SegmentFacts,
    SegmentSettings,
    SegmentsFacts,
    gather_segments,
    what_if,
)
from retention_lib.errors import InputError
from retention_lib.views._explore_segments import explore_segments
from retention_lib.wording import Wording
from tests.views.trying_explorers import try_everything

FIRST, END = pd.Timestamp("2023-01-01"), pd.Timestamp("2025-12-31")


def lines_of(customer, months, amount):
    """One purchase on the fifth of each of these months, counted from January 2023."""
    dates = [FIRST + pd.DateOffset(months=month) + pd.Timedelta(days=4) for month in months]
    return pd.DataFrame({"customer_id": customer, "date": dates, "amount": amount})


def town(later=(), **options):
    """100 good customers of whom 10 left in 2025, 100 small ones of whom 40 did, 5 new ones."""
    parts = []
    for number in range(100):
        parts.append(lines_of(f"good{number:03}", range(0, 24 if number < 10 else 36, 2), 100.0))
        parts.append(lines_of(f"small{number:03}", range(0, 24 if number < 40 else 36, 6), 10.0))
    parts += [lines_of(f"fresh{number}", [35], 20.0) for number in range(5)]
    lines = pd.concat([*parts, *later])
    given = {"as_of": "2025-12-31", "currency": "EUR", "margin_rate": 0.5, **options}
    return CustomerBase.from_tables(lines, **given)


@cache
def explorer():
    return explore_segments(town())


def facts():
    return explorer().facts


@pytest.fixture
def explored():
    explorer().reset()
    yield explorer()
    explorer().reset()


# --- what is measured ------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["classic", "six"])
def test_every_customer_is_in_one_segment_and_every_loss_is_counted_once(scheme):
    held = [one for one in facts().segments if one.scheme == scheme]
    assert len(held) == {"classic": 11, "six": 6}[scheme]
    assert sum(one.customers for one in held) == 205
    assert sum(one.active for one in held) == facts().active == 155
    assert sum(one.then for one in held) == 200
    assert sum(one.gone for one in held) == 50
    assert sum(one.revenue_share for one in held) == pytest.approx(1, abs=1e-9)


def test_the_chance_to_stay_is_that_of_those_who_were_in_the_segment_a_year_ago():
    told = {one.code: one for one in facts().segments if one.then >= 30}
    assert told
    for one in told.values():
        assert likely(one.attrition) == pytest.approx(one.gone / one.then, abs=1e-4)
        assert one.attrition.low < one.gone / one.then < one.attrition.high
        assert one.own_rate


def test_segments_of_a_few_take_the_rate_of_all_and_say_so(explored):
    few = next(one for one in facts().segments if one.then < 30)
    assert (few.own_rate, few.attrition) == (False, facts().rate)
    assert likely(facts().rate) == pytest.approx(0.25)
    explored.set(segment=next(o.code for o in facts().segments if o.active and not o.own_rate))
    notes = " ".join(figure.note for figure in explored.view().figures)
    assert "as all customers: too few" in notes


def test_the_margin_is_that_of_the_active_customers_of_the_segment():
    best = max((one for one in facts().segments if one.scheme == "six"), key=lambda o: o.active)
    assert best.own_margin
    assert likely(best.margin) == pytest.approx(
        {True: 300.0, False: 10.0}[likely(best.margin) > 50]
    )


def test_a_short_file_says_that_there_is_no_year_to_look_back_on():
    short = explore_segments(town().at("2023-12-31"))
    assert not short.facts.looked_back
    notes = " ".join(figure.note for figure in short.view().figures)
    assert "no year to look back on here" in notes
    try_everything(short, mixtures=0)


def test_where_no_margin_is_known_revenue_stands_in_its_place_and_it_is_said():
    view = explore_segments(town(margin_rate=None)).view()
    assert "This base knows no margin, so revenue stands in its place" in view.below
    assert "Worth a year (revenue less cost)" in [figure.label for figure in view.figures]


def test_what_comes_after_the_day_changes_nothing():
    later = lines_of("good000", range(36, 40), 100.0)
    assert gather_segments(town([later])).segments == facts().segments


def test_both_engines_measure_the_same():
    import polars as pl

    frame = town().to_pandas("transactions")[["customer_id", "date", "amount"]]
    other = CustomerBase.from_tables(
        pl.from_pandas(frame).lazy(), as_of="2025-12-31", currency="EUR", margin_rate=0.5
    )
    assert gather_segments(other).segments == facts().segments


# --- what is tried ---------------------------------------------------------------------------


def made_up(**changes):
    """One segment of 100 customers, a fifth of whom leave a year, at 100 a year."""
    given = {
        "code": "six:champions",
        "name": "Champions",
        "customers": 120,
        "active": 100,
        "revenue_share": 0.5,
        "then": 100,
        "gone": 20,
        "attrition": 0.20,
        "margin": 100.0,
        "own_rate": True,
        "own_margin": True,
        **changes,
    }
    return SegmentsFacts(
        (SegmentFacts(**given),), given["active"], 0.2, "made up", True, "margin", True, Wording()
    )


def by_hand(points, cost, rate=0.10):
    """The same in plain loops: 100 customers, 20 newcomers a year, month by month."""
    total = 0.0
    for sign, attrition, price in ((-1, 0.20, 0.0), (1, 0.20 - points / 100, cost)):
        there = 100.0
        for year in range(YEARS):
            for month in range(12):
                start, end = ((1 - attrition) ** (m / 12) for m in (month, month + 1))
                mean = there * (start + end) / 2 + 20 * (month + 0.5) / 12
                money = mean * (100 - price) / 12
                total += sign * money * (1 + rate) ** -(year + (month + 0.5) / 12)
            there = there * (1 - attrition) + 20
    return total


@pytest.mark.parametrize(("points", "cost"), [(5, 0), (5, 10), (0, 3), (20, 0)])
def test_the_worth_is_that_of_a_plain_month_by_month_account(points, cost):
    worth = what_if(made_up(), SegmentSettings("six:champions", points, cost))
    assert worth.likely == pytest.approx(by_hand(points, cost), rel=1e-9)
    assert worth.low == pytest.approx(worth.likely)
    assert worth.kept == points


def test_the_likely_worth_lies_in_its_range_where_no_more_can_be_kept_than_leave():
    known = made_up(attrition=Range(0.05, 0.10, 0.15))
    worth = what_if(known, SegmentSettings("six:champions", 10.0))
    assert worth.low < worth.likely <= worth.high


def test_no_more_are_kept_than_leave_and_it_is_said(explored):
    worth = what_if(made_up(attrition=0.03), SegmentSettings("six:champions", 8.0))
    assert worth.points == pytest.approx(3)
    assert likely(worth.after.attrition) == 0
    explored.set(points=20)
    few = [one for one in explored.facts.segments if one.active and likely(one.attrition) < 0.2]
    explored.set(segment=few[0].code)
    assert "no more leave" in explored.sentence()


@settings(max_examples=15, deadline=None)
@given(
    points=st.integers(0, 19),
    cost=st.floats(0, 50),
    width=st.floats(0.0, 0.09),
)
def test_more_points_never_are_worth_less_and_more_cost_never_more(points, cost, width):
    known = made_up(
        attrition=Range(0.20 - width, 0.20, 0.20 + width), margin=Range(100 - 900 * width, 100, 150)
    )
    worth, more, dearer = (
        what_if(known, SegmentSettings("six:champions", p, c))
        for p, c in ((points, cost), (points + 1, cost), (points, cost + 1))
    )
    # A point more keeps somebody, who is worth keeping unless the cost eats all of the margin.
    assert more.likely > worth.likely > dearer.likely
    assert worth.low <= worth.likely <= worth.high
    assert 0 <= worth.chance_of_loss <= 1


def test_the_figures_and_the_chart_say_what_the_pure_function_says(explored):
    explored.set(points=10, cost=5)
    worth = what_if(explored.facts, explored.settings)
    view = explored.view()
    shown = {figure.label: figure for figure in view.figures}
    worth_a_year = shown["Worth a year (margin less cost)"]
    assert digits(worth_a_year.value) == pytest.approx(worth.likely / YEARS, rel=0.01)
    assert worth.chance_of_loss < 0.005
    assert shown["Chance of losing money"].value in ("0 %", "< 1 %")
    assert f">{worth_a_year.value}</text>" in view.chart
    assert "Assuming" in view.said and "an assumption" in view.chart


def digits(said):
    return float(re.sub(r"[^\d.-]", "", said))


def test_the_code_gives_the_same_worth_again(explored):
    explored.set(points=7, cost=5)
    names = {"rl": rl}
    *before, last = explored.code().split("\n")
    exec("\n".join(before), names)
    risk = eval(last, names)
    assert risk.likely == pytest.approx(explored.worth().likely)
    # The explorer draws 2,000 times, the pasted code 10,000 times.
    assert risk.low == pytest.approx(explored.worth().low, rel=0.05)


def test_every_control_can_be_moved_anywhere_in_both_languages():
    assert try_everything(explorer()) > 20
    assert try_everything(explore_segments(town(language="fr")), mixtures=3) > 20


def test_a_segment_without_active_customers_says_that_there_is_nobody_to_keep(explored):
    for one in explored.facts.segments:
        if not one.active:
            explored.set(segment=one.code)
            said = explored.sentence()
            assert "nobody" in said
            assert not explored.view().chart
    assert any(not one.active for one in explored.facts.segments)


def test_where_nobody_was_seen_to_leave_the_points_are_not_called_unset():
    there = [lines_of(f"good{number:02}", range(0, 36, 2), 100.0) for number in range(40)]
    explored = explore_segments(CustomerBase.from_tables(pd.concat(there), as_of="2025-12-31"))
    assert likely(explored.facts.segment(explored.settings.segment).attrition) == 0
    assert "Nobody was seen to leave" in explored.sentence()
    explored.set(points=0)
    assert "With no point more kept" in explored.sentence()


@pytest.mark.parametrize(
    "lines",
    [
        lines_of("one", [35], 10.0),
        lines_of("refund", [30, 35], -10.0),
        lines_of("gone", [0, 1], 10.0),
    ],
    ids=["one customer", "refunds only", "nobody active"],
)
def test_a_small_or_empty_base_never_fails(lines):
    explored = explore_segments(CustomerBase.from_tables(lines, as_of="2025-12-31"))
    try_everything(explored, mixtures=0)
    assert explored.sentence()
    if not explored.facts.active:
        assert explored.controls == ()
        assert "nobody to keep" in explored.sentence()
    else:
        assert "sketch" in explored.sentence()


def test_what_is_no_base_is_refused():
    with pytest.raises(InputError):
        explore_segments("data/sample/b2b")
