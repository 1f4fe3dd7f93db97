"""Pictures of what keeping is worth: whole, in words, and true to their figures."""

import matplotlib.pyplot as plt
import pytest
from matplotlib.colors import to_hex

from retention_lib.decisions._risk import weigh_risk
from retention_lib.decisions.five_points import CASES, weigh_points
from retention_lib.decisions.ranges import Range
from retention_lib.decisions.scenarios import Scenario
from retention_lib.decisions.win_or_keep import win_or_keep
from retention_lib.views import theme
from retention_lib.wording import LANGUAGES, Wording

GIVEN = {
    "cost_to_win": 60,
    "most_to_win": 200,
    "cost_to_keep": Range(20, 40, 90),
    "most_to_keep": 75,
}


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def now(language="en", **changes):
    start = Scenario(
        customers=1000,
        attrition=Range(0.10, 0.15, 0.20),
        new_per_year=Range(100, 150, 220),
        margin_per_customer=Range(80, 100, 130),
        acquisition_cost=60,
        wording=Wording(language, "EUR"),
    )
    return start.change(**changes)


def risk(language="en", cost=11_000):
    start = now(language)
    programme = start.keep_more(5).change(programme_cost=Range(cost / 2, cost, 2 * cost))
    return weigh_risk(start, programme, draws=1_000)


PICTURES = {
    "risk": risk,
    "risk of a sure gain": lambda lang: risk(lang, 100),
    "tornado": lambda lang: risk(lang).tornado(),
    "five points": lambda lang: weigh_points(now(lang), 5),
    "five points of plain numbers": lambda lang: weigh_points(
        now(lang, attrition=0.15, margin_per_customer=100, new_per_year=0), 5
    ),
    "mix": lambda lang: win_or_keep(now(lang), budget=4_000, **GIVEN),
    "mix that spends less": lambda lang: win_or_keep(now(lang), budget=90_000, **GIVEN),
    "mix that spends nothing": lambda lang: win_or_keep(
        now(lang), budget=900, **GIVEN | {"cost_to_win": 2_000, "cost_to_keep": 2_000}
    ),
    "mix of assumptions": lambda lang: win_or_keep(now(lang), budget=4_000),
}
NOTHING = {
    "tornado without ranges": lambda lang: weigh_risk(
        Scenario(customers=9, attrition=0.1, margin_per_customer=1, wording=Wording(lang, "EUR"))
    ).tornado(),
    "nobody lost": lambda lang: weigh_points(now(lang, attrition=0), 5),
    "mix that cannot be told": lambda lang: win_or_keep(now(lang, acquisition_cost=0), budget=900),
}


def plain(text):
    return text.replace("\n", " ").replace("\xa0", " ").replace("\u202f", " ")


# French is the longer one: all pictures in it, one of each kind in English.
SHOWN = [(name, "fr") for name in PICTURES]
SHOWN += [(name, "en") for name in ("risk", "tornado", "five points", "mix of assumptions")]


@pytest.mark.parametrize(("name", "language"), SHOWN)
def test_a_picture_is_whole_and_has_a_text_alternative(name, language):
    ax = PICTURES[name](language).plot()
    figure, box = ax.figure, ax.get_tightbbox()
    assert min(box.x0, box.y0) >= -0.5, "cut off at the left or below"
    assert box.x1 <= figure.bbox.width + 0.5, "cut off at the right"
    assert box.y1 <= figure.bbox.height + 0.5, "cut off above"
    text = theme.alt_text(figure)
    assert text.startswith({"en": ("Bars", "Curve"), "fr": ("Barres", "Courbe")}[language])
    assert any(letter.isdigit() for letter in text)
    assert min(t.get_size() for t in ax.texts) >= 9.5


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", NOTHING)
def test_where_there_is_nothing_to_draw_the_picture_says_so(name, language):
    result = NOTHING[name](language)
    ax = result.plot()
    assert plain(ax.get_title(loc="left")) == plain(result.sentence()).rstrip(".")
    assert theme.alt_text(ax.figure) == result.sentence()


def test_losses_and_gains_have_their_own_colours_and_meet_at_nothing():
    result = risk()
    ax = result.plot()
    colours = {"loss": set(), "gain": set()}
    for bar in ax.patches:
        side = "loss" if bar.get_x() + bar.get_width() / 2 < 0 else "gain"
        colours[side].add(to_hex(bar.get_facecolor()).upper())
    assert colours == {"loss": {theme.LOSS}, "gain": {theme.GAIN}}
    assert sum(bar.get_height() for bar in ax.patches) == pytest.approx(1)
    assert "probability of losing money" in plain(ax.get_title(loc="left"))


def test_the_bars_of_the_tornado_reach_from_the_likely_result_to_their_ends():
    tornado = risk().tornado()
    ax = tornado.plot()
    ends = {round(bar.get_x() + bar.get_width(), 4) for bar in ax.patches}
    ends |= {round(bar.get_x(), 4) for bar in ax.patches}
    for column in ("profit_at_low", "profit_at_high"):
        assert {round(value, 4) for value in tornado.table[column]} <= ends
    labels = [label.get_text().replace("\n", " ") for label in ax.get_yticklabels()]
    assert labels == tornado.table["input"].tolist()


def test_five_points_stand_beside_what_is_published_and_its_cases():
    ax = weigh_points(now(), 5).plot()
    shown = {text.get_text() for text in ax.texts}
    assert {f"+{share:.0%}".replace("%", " %") for share in CASES.values()} <= shown
    assert "5 points less attrition" in plain(ax.get_title(loc="left"))


def test_the_title_of_a_mix_says_where_it_rests_on_assumptions():
    assumed = PICTURES["mix of assumptions"]("en").plot()
    assert plain(assumed.get_title(loc="left")).startswith("If it goes as assumed: ")
    given = PICTURES["mix"]("en").plot()
    assert "assumed" not in given.get_title(loc="left")


def test_the_best_mix_is_marked_on_the_curve():
    result = PICTURES["mix"]("en")
    ax = result.plot()
    marks = [line.get_xydata()[0].tolist() for line in ax.lines if line.get_marker() == "o"]
    assert [result.best.share_to_keep, result.best.profit] in marks


def test_charts_draw_on_the_axes_they_are_given():
    figure, axes = plt.subplots(1, 4, figsize=(28, 5))
    for ax, name in zip(axes, ("risk", "tornado", "five points", "mix"), strict=True):
        assert PICTURES[name]("en").plot(ax=ax) is ax
    assert theme.alt_text(figure)
