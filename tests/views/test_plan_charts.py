"""Charts of the plan: whole, in both languages, saying what their tables say."""

from functools import cache

import matplotlib.pyplot as plt
import pytest

import retention_lib as rl
from retention_lib.views import theme
from tests.decisions.planning import facts
from tests.views.in_languages import in_languages


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


@cache
def plan(language="en"):
    rows = [
        {
            "journey_code": ("cold", "nurture", "hot")[n % 3],
            "journey": ("Cold retention", "A journey with a rather long name of its own", "Hot")[
                n % 3
            ],
            "account_manager": ("Julie Grandin-Castéran de la Rochefoucauld", "Marc")[n % 2],
            "at_stake": 20.0 + (n * 7919 % 1000) / 4,
        }
        for n in range(24)
    ]
    known = facts(rows, language=language)
    return rl.make_plan(known.base, budget=150, hours_per_week=1, facts=known)


@cache
def nobody(language="en"):
    known = facts([{"contactable": False}] * 3, language=language)
    return rl.make_plan(known.base, budget=150, facts=known)


RESULTS = {
    "plan": lambda plan: plan,
    "summary": lambda plan: plan.summary(),
    "calendar": lambda plan: plan.calendar(),
    "reasons": lambda plan: plan.reasons(),
    "beside": lambda plan: plan.greedy(),
    "prices": lambda plan: prices(plan.wording.language),
}


@cache
def prices(language):
    return plan(language).prices()


@pytest.mark.parametrize(("name", "language"), in_languages(RESULTS))
def test_nothing_of_a_chart_is_cut_off_and_its_text_says_what_it_shows(name, language):
    figure = RESULTS[name](plan(language)).plot().figure
    figure.canvas.draw()
    box = figure.get_tightbbox()
    width, height = figure.get_size_inches()
    assert box.x0 > -0.01 and box.y0 > -0.01 and box.x1 < width + 0.01 and box.y1 < height + 0.01
    assert len(theme.alt_text(figure)) > 60
    sizes = [text.get_size() for text in figure.findobj(plt.Text) if text.get_text().strip()]
    assert min(sizes) >= 9.5


@pytest.mark.parametrize("name", ["plan", "calendar"])
def test_a_plan_that_contacts_nobody_says_so(name):
    drawn = RESULTS[name](nobody()).plot()
    assert theme.alt_text(drawn.figure) == RESULTS[name](nobody()).sentence()


def test_the_calendar_stacks_the_contacts_of_each_week():
    calendar = plan().calendar()
    drawn = calendar.plot()
    contacts = calendar.table[calendar.table["channel_code"] != "task"]
    assert sum(bar.get_height() for bar in drawn.patches) == contacts["actions"].sum()


def test_the_bars_are_the_expected_profits():
    summary = plan().summary()
    drawn = summary.plot()
    rows = summary.table[(summary.table["journey_code"] != "all") & (summary.table["contacts"] > 0)]
    assert sorted(bar.get_width() for bar in drawn.patches) == pytest.approx(
        sorted(rows["expected_profit"])
    )
