"""Charts of scenarios: they say the finding, in both languages, and nothing is cut off."""

import matplotlib.pyplot as plt
import pytest
from matplotlib.text import Text

from retention_lib.decisions.ranges import Range
from retention_lib.decisions.scenarios import Scenario, compare, project
from retention_lib.views import theme
from retention_lib.wording import Wording

CHARTS = ["projection", "months", "comparison", "added", "parts"]


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def results(language="en", **fields):
    base = Scenario(
        **{
            "customers": 1112,
            "attrition": Range(0.12, 0.1365, 0.16),
            "margin_per_customer": Range(328, 360, 391),
            "new_per_year": 163,
            "acquisition_cost": 288,
            "wording": Wording(language, "EUR"),
            **fields,
        }
    )
    after = base.keep_more(5).change(programme_cost=20_000, new_per_year=200, acquisition_cost=310)
    compared = compare(base, after)
    return {
        "projection": project(base),
        "months": project(base).months(),
        "comparison": compared,
        "added": compared.months(),
        "parts": compared.parts(),
    }


def plain(text):
    return " ".join(text.replace("\u202f", " ").replace("\xa0", " ").split())


def title(ax):
    return plain(ax.get_title(loc="left"))


def cut_off(ax):
    """The texts of a figure that stick out of it, or are too small to read on a projector."""
    figure = ax.figure
    figure.canvas.draw()
    inside = figure.bbox
    wrong = []
    for text in figure.findobj(Text):
        if not text.get_visible() or not text.get_text().strip():
            continue
        if text in (*ax.get_xticklabels(), *ax.get_yticklabels()) and not _on_axis(ax, text):
            continue
        box = text.get_window_extent()
        if box.x0 < -1 or box.y0 < -1 or box.x1 > inside.x1 + 1 or box.y1 > inside.y1 + 1:
            wrong.append((text.get_text(), box))
        if text.get_fontsize() < 9.5:
            wrong.append((text.get_text(), text.get_fontsize()))
    return wrong


def _on_axis(ax, text):
    x, y = text.get_position()
    (left, right), (low, high) = sorted(ax.get_xlim()), sorted(ax.get_ylim())
    return (left <= x <= right or x in (0, 1)) and (low <= y <= high or y in (0, 1))


@pytest.mark.parametrize("name", CHARTS)
def test_nothing_is_cut_off_or_too_small_in_the_longer_language(name):
    ax = results("fr")[name].plot()
    assert title(ax)
    assert not cut_off(ax)
    assert theme.alt_text(ax.figure)


ODD = [
    {"years": 1},
    {"years": 50},
    {"customers": 0},
    {"margin_per_customer": -40},
    {"customers": 3, "attrition": 0.5, "new_per_year": 0, "margin_per_customer": 0.4},
    {"customers": 2e9, "margin_per_customer": 9e5},
    {"wording": Wording("fr", "")},
]


@pytest.mark.parametrize("fields", ODD)
def test_odd_scenarios_are_drawn_too(fields):
    found = results(**fields)
    for name in ("projection", "comparison", "parts"):
        assert not cut_off(found[name].plot())


def test_the_title_of_a_comparison_is_the_finding_and_calls_the_change_assumed():
    result = results()["comparison"]
    assert title(result.plot()) == plain(result.finding() + result.range_said())
    assert "assumed" in title(result.plot())


def test_titles_carry_the_range_of_the_money():
    assert "(90 % sure: " in title(results()["projection"].plot())


def test_bars_are_the_customers_of_today_and_of_each_year():
    result = results()["projection"]
    heights = [bar.get_height() for bar in result.plot().patches]
    assert heights == pytest.approx([1112, *result.table["customers"]])


def test_the_month_of_payback_is_marked_where_the_line_crosses():
    result = results()["added"]
    said = [text.get_text() for text in result.plot().texts]
    assert said == [f"paid back: month {result.payback}"]


def test_a_projection_that_never_loses_marks_no_payback():
    assert not results()["months"].plot().texts


def test_parts_end_at_the_whole_difference():
    result = results()["parts"]
    bars = result.plot().patches
    assert bars[-1].get_width() == pytest.approx(result.difference)
    assert sum(bar.get_width() for bar in bars[:-1]) == pytest.approx(result.difference)


def test_where_nothing_changed_a_figure_says_so():
    base = Scenario(customers=10, attrition=0.1, margin_per_customer=5)
    result = compare(base, base)
    for one in (result, result.parts()):
        assert title(one.plot()) == "Before and after are the same: nothing was changed"


@pytest.mark.parametrize("name", CHARTS)
def test_charts_draw_on_given_axes(name):
    figure, ax = plt.subplots()
    assert results()[name].plot(ax=ax) is ax
    assert ax.figure is figure


def test_alternative_texts_give_the_figures():
    result = results()["projection"]
    words = theme.alt_text(result.plot().figure)
    assert "Today 1,112" in words
    assert "year 5" in words
