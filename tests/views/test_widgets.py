"""Explorers: what the controls say becomes settings, settings become a page, nothing fails."""

import ast
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import retention_lib
from retention_lib.errors import ChoiceError, InputError
from retention_lib.views import _explorer_picture as picture
from retention_lib.views import theme, widgets
from retention_lib.views.widgets import (
    Choice,
    Explorer,
    Figure,
    Several,
    Slider,
    Span,
    Switch,
    View,
    distinct_steps,
    growing_steps,
    make_steps,
)
from retention_lib.wording import LANGUAGES, Wording
from tests.views.trying_explorers import check_view, try_everything

amounts = st.integers(0, 10**9).map(lambda cents: cents / 100)


@dataclass(frozen=True)
class Shop:
    price: float
    rate: tuple
    kind: str
    signs: tuple
    masked: bool


def controls():
    money = Wording("en", "EUR").money
    return [
        Slider("price", "Price <€>", (1.0, 2.0, 3.0), 2.0, money, "What you change"),
        Span("rate", "Rate, from – to", (0.0, 0.1, 0.2), (0.0, 0.1), Wording("en").percent),
        Choice("kind", "Kind", ("b2b", "b2c"), "b2c", str.upper),
        Several("signs", "Signs", ("late", "less"), ("less",), str.title),
        Switch("masked", "Names hidden", False, lambda on: "yes" if on else "no"),
    ]


class Looking:
    """The pure function of these tests; it counts how often it is asked."""

    def __init__(self):
        self.asked = 0

    def __call__(self, settings):
        self.asked += 1
        profit = f"€{settings.price * 100:.0f}"
        chart = picture.draw_lines(
            [picture.Line("A & B", (0, 1), (0, settings.price), theme.KEPT)],
            title="It <rises>",
            alt="A line that rises",
            x_said="years",
            y_said="€",
            say_x=str,
            say_y=str,
        )
        figures = (Figure("Profit", profit, "90 % sure: €1 to €2", "gain"),)
        return View(
            f"Profit {profit} & more.", figures, chart, "A line.", code=f"f({settings.price!r})"
        )


@pytest.fixture
def looking():
    return Looking()


@pytest.fixture
def explorer(looking):
    return Explorer("Try <it>", controls(), Shop, looking, wording=Wording("en", "EUR"))


def inputs(explorer):
    explorer.live()
    return explorer._inputs


def shown(explorer):
    explorer.live()
    return explorer._results.value


def button(explorer):
    left = explorer.live().children[1].children[0]
    return left.children[-1]


# --- settings --------------------------------------------------------------------------------


def test_an_explorer_starts_at_the_measured_values(explorer):
    assert explorer.settings == Shop(2.0, (0.0, 0.1), "b2c", ("less",), False)


def test_an_explorer_may_start_elsewhere_and_still_goes_back_to_the_measured_values(looking):
    moved = Explorer("", controls(), Shop, looking, wording=Wording(), start={"price": 3})
    assert moved.settings.price == 3
    moved.reset()
    assert moved.settings.price == 2


def test_a_value_between_two_steps_goes_to_the_nearest(explorer):
    explorer.set(price=2.6, rate=(0.19, 0.04))
    assert explorer.settings.price == 3
    assert explorer.settings.rate == (0.0, 0.2)


@pytest.mark.parametrize("far", [-1e9, 1e9])
def test_no_value_beyond_the_ends_can_be_set(explorer, far):
    explorer.set(price=far)
    assert explorer.settings.price in (1.0, 3.0)


@pytest.mark.parametrize("wrong", ["3", None, True, float("nan"), float("inf")])
def test_what_is_no_number_is_refused_in_words(explorer, wrong):
    with pytest.raises(InputError, match="price takes a number"):
        explorer.set(price=wrong)
    assert explorer.settings.price == 2


def test_an_unknown_control_is_refused_with_the_list(explorer):
    with pytest.raises(ChoiceError, match="'price', 'rate', 'kind', 'signs', 'masked'"):
        explorer.set(prize=3)


def test_an_unknown_option_is_refused_with_the_list(explorer):
    with pytest.raises(InputError, match="kind must be one of 'b2b', 'b2c'; got 'c2c'"):
        explorer.set(kind="c2c")
    with pytest.raises(InputError, match="signs takes any of 'late', 'less'; got 'dead'"):
        explorer.set(signs=["late", "dead"])


def test_a_control_cannot_start_at_a_value_it_does_not_have():
    with pytest.raises(InputError, match=r"price starts at 5.0, which is none of its 3 steps"):
        Slider("price", "Price", (1.0, 2.0, 3.0), 5.0, str)


def test_what_is_no_number_is_found_as_a_word_of_its_own():
    check_view(View("Un client gagnant, informations et finances comprises."))
    for wrong in ("nan €", "€nan to €3", "(inf)", "-inf"):
        with pytest.raises(AssertionError):
            check_view(View(f"It brings {wrong}."))


def test_every_control_can_be_at_its_ends_without_failing(explorer):
    assert try_everything(explorer) > 20


# --- the live box ----------------------------------------------------------------------------


def test_moving_a_slider_changes_the_settings_and_the_page(explorer):
    assert "€200" in shown(explorer)
    inputs(explorer)["price"].value = 3.0
    assert explorer.settings.price == 3
    assert "€300" in shown(explorer) and "€200" not in shown(explorer)


def test_every_kind_of_input_reaches_its_setting(explorer):
    made = inputs(explorer)
    made["rate"].value = (0.1, 0.2)
    made["kind"].value = "b2b"
    made["signs"].children[1].value = True
    made["masked"].value = True
    assert explorer.settings == Shop(2.0, (0.1, 0.2), "b2b", ("late", "less"), True)


def test_the_button_goes_back_and_asks_once(explorer, looking):
    made = inputs(explorer)
    made["price"].value, made["kind"].value = 3.0, "b2b"
    before = looking.asked
    button(explorer).click()
    assert explorer.settings == explorer.measured
    assert made["price"].value == 2.0 and made["kind"].value == "b2c"
    assert looking.asked == before + 1
    assert "€200" in shown(explorer)


def test_setting_by_code_moves_the_sliders_along(explorer, looking):
    made = inputs(explorer)
    before = looking.asked
    explorer.set(price=1, signs=(), rate=(0.2, 0.2))
    assert made["price"].value == 1.0
    assert [box.value for box in made["signs"].children[1:]] == [False, False]
    assert made["rate"].value == (0.2, 0.2)
    assert looking.asked == before + 1


def test_every_control_has_a_visible_label_and_answers_on_release(explorer):
    made = inputs(explorer)
    assert made["price"].description == "Price <€>"
    assert not made["price"].continuous_update
    assert not made["rate"].continuous_update
    assert made["masked"].description == "Names hidden"
    assert "Signs" in made["signs"].children[0].value
    assert [box.description for box in made["signs"].children[1:]] == ["Late", "Less"]


def test_a_slider_says_its_values_with_their_unit(explorer):
    assert [said for said, _ in inputs(explorer)["price"].options] == ["€1", "€2", "€3"]


@pytest.mark.parametrize(
    ("language", "said"),
    [("en", "Back to the measured values"), ("fr", "Revenir aux valeurs mesurées")],
)
def test_the_button_says_in_words_what_it_does(looking, language, said):
    made = Explorer("", controls(), Shop, looking, wording=Wording(language))
    assert button(made).description == said


def test_the_box_stays_the_same_however_often_it_is_shown(explorer):
    assert explorer.live() is explorer.live()


def test_what_is_shown_is_escaped(explorer):
    assert "Profit €200 &amp; more." in shown(explorer)
    assert "Try &lt;it&gt;" in explorer.live().children[0].value


# --- the still page --------------------------------------------------------------------------


def test_a_notebook_gets_the_live_box_the_still_page_and_the_sentence(explorer):
    bundle = explorer._repr_mimebundle_()
    assert set(bundle) == {"text/plain", "text/html", widgets.WIDGET_VIEW}
    assert bundle["text/plain"] == "<Explorer: Profit €200 & more.>"
    assert bundle["text/html"] == explorer.static()
    assert bundle[widgets.WIDGET_VIEW]["model_id"] == explorer.live().model_id


def test_the_still_page_shows_settings_figures_and_picture(explorer):
    explorer.set(price=3)
    page = explorer.static()
    ElementTree.fromstring(page)  # every text is escaped and every tag closed
    for said in ("Profit", "€300", "90 % sure: €1 to €2", "f(3.0)", "B2C", "0.0 % – 10.0 %"):
        assert said in page
    assert "Price &lt;€&gt;" in page


def test_the_still_page_needs_nothing_from_outside_and_runs_nothing(explorer):
    page = explorer.static().lower()
    for never in ("<script", "http://", "https://", "javascript:", "onclick", "<iframe"):
        assert never not in page
    assert 'alt="a line."' in page


def test_the_still_page_is_the_same_every_time(explorer):
    assert explorer.static() == explorer.static()


def test_without_controls_only_the_reason_is_shown():
    nothing = Explorer("", [], lambda: None, lambda _: View("No <customer>."), wording=Wording())
    bundle = nothing._repr_mimebundle_()
    assert set(bundle) == {"text/plain", "text/html"}
    assert "No &lt;customer&gt;." in bundle["text/html"]
    assert "<table" not in bundle["text/html"]


# --- the framework's own rules ----------------------------------------------------------------


def _imports(file):
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


def test_only_explorers_and_forms_import_ipywidgets():
    library = Path(retention_lib.__file__).parent
    named = [f for f in library.rglob("*.py") if "ipywidgets" in f.read_text("utf-8")]
    found = {f.name for f in named if "ipywidgets" in _imports(f)}
    assert found == {"widgets.py", "import_form.py", "idea_board.py"}


def test_no_output_widget_and_no_interact_which_hang_exports():
    source = Path(widgets.__file__).read_text("utf-8")
    used = {node.attr for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Attribute)}
    assert not used & {"Output", "interact", "interactive", "interactive_output", "interact_manual"}


# --- steps -----------------------------------------------------------------------------------


@given(amounts, amounts, amounts, st.booleans())
def test_steps_rise_hold_the_measured_value_and_never_leave_their_ends(one, other, value, whole):
    low, high = sorted((round(one), round(other))) if whole else sorted((one, other))
    value = round(value) if whole else value
    steps = make_steps(low, high, value, whole=whole)
    assert list(steps) == sorted(set(steps))
    assert value in steps
    assert steps[0] == min(low, value) and steps[-1] == max(high, value)
    assert len(steps) <= 65


@given(amounts, amounts)
def test_growing_steps_begin_at_nothing_and_reach_the_highest(high, value):
    steps = growing_steps(high, value)
    assert list(steps) == sorted(set(steps))
    assert steps[0] == 0 and value in steps and steps[-1] >= max(high, value) * (1 - 1e-6)
    assert len(steps) <= 40


def test_of_steps_that_read_alike_the_measured_one_stays():
    assert distinct_steps((0.0, 0.2, 0.4, 1.0), 0.4, lambda v: f"{v:.0f}") == (0.4, 1.0)


# --- pictures --------------------------------------------------------------------------------


@given(st.lists(st.tuples(st.floats(0, 400), st.floats(10, 60)), min_size=1, max_size=6))
def test_labels_never_lie_on_one_another(labels):
    labels.sort()
    centres, heights = [c for c, _ in labels], [h for _, h in labels]
    starts = picture.spread(centres, heights, 0, 400)
    ends = [start + tall for start, tall in zip(starts, heights, strict=True)]
    assert all(e <= s + 1e-6 for e, s in zip(ends, starts[1:], strict=False))
    assert ends[-1] <= 400 + 1e-6


@given(st.floats(-1e6, 1e6), st.floats(0.001, 1e6))
def test_ticks_are_even_and_take_in_what_is_drawn(low, span):
    ticks = picture.nice_ticks(low, low + span, 5)
    assert ticks[0] <= low + span * 1e-6 and ticks[-1] >= low + span * (1 - 1e-6)
    assert 2 <= len(ticks) <= 8
    assert len({round((b - a) / span, 6) for a, b in pairwise(ticks)}) == 1


def lines_of(*ys, **more):
    drawn = [picture.Line(f"Line {i}", range(len(y)), y, theme.KEPT) for i, y in enumerate(ys)]
    return picture.draw_lines(
        drawn,
        title="T" * 120,
        alt="words",
        x_said="x",
        y_said="y",
        say_x=str,
        say_y=lambda v: f"{v:.0f} €",
        **more,
    )


@pytest.mark.parametrize(
    "ys", [[[0, 0, 0]], [[5]], [[-3, -2]], [[1e9, -1e9], [0, 1]], [[0, 1e-9]], [[1, 1], [1, 1]]]
)
@pytest.mark.parametrize("key", [False, True])
def test_a_picture_of_lines_is_well_formed_whatever_they_are(ys, key):
    svg = lines_of(*ys, key=key, dots=[picture.Dot(0, ys[0][0], "here")])
    ElementTree.fromstring(svg)
    assert "nan" not in svg and "inf" not in svg


def test_everything_drawn_stays_inside_the_picture():
    svg = ElementTree.fromstring(lines_of([0, 50, 1000], [0, -400, 900], key=True))
    height = float(svg.get("height"))
    for part in svg.iter():
        if part.get("points"):
            points = [point.split(",") for point in part.get("points").split()]
            assert all(
                0 <= float(x) <= picture.WIDTH and 0 <= float(y) <= height for x, y in points
            )
        if part.get("font-size"):
            assert float(part.get("font-size")) >= 13
            assert 0 < float(part.get("y")) <= height


def test_bars_go_left_where_they_are_negative_and_say_their_values():
    bars = [
        picture.Bar("Champions & co", 12.0, "12 %"),
        picture.Bar("A name that is much too long for its place", -5.0, "-5 %", low=-7, high=-3),
    ]
    svg = picture.draw_bars(bars, title="Bars", alt="two bars", axis="share")
    places = [
        (float(part.get("x")), float(part.get("width")))
        for part in ElementTree.fromstring(svg)
        if part.tag.endswith("rect") and part.get("x")
    ]
    assert places[1][0] + places[1][1] == pytest.approx(places[0][0], abs=0.2)
    assert places[0][1] / places[1][1] == pytest.approx(12 / 5, rel=0.01)
    assert "Champions &amp; co" in svg and "-5 %" in svg


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_words_of_a_picture_stand_beside_it(looking, language):
    made = Explorer("", controls(), Shop, looking, wording=Wording(language))
    assert "<details>" in shown(made) and "A line." in shown(made)


# --- progress --------------------------------------------------------------------------------


def test_a_progress_bar_is_shown_as_a_widget_only_and_keeps_within_its_ends(monkeypatch):
    seen = []
    monkeypatch.setattr("IPython.display.display", lambda data, raw: seen.append((data, raw)))
    bar = widgets.ProgressBar("Learning")
    assert [(set(data), raw) for data, raw in seen] == [({widgets.WIDGET_VIEW}, True)]
    bar.show(0.4, "Half way")
    assert (bar._bar.value, bar._words.value) == (0.4, "Half way")
    bar.show(7, "Over")
    assert bar._bar.value == 1.0
    bar.close()
    assert bar._box.comm is None
