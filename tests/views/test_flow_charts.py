"""Pictures of the leaky tank: they say the finding, in both languages, and nothing is cut off."""

from functools import cache
from itertools import combinations, pairwise

import matplotlib.pyplot as plt
import pandas as pd
import pytest

from retention_lib.base.customer_base import CustomerBase
from retention_lib.base.simulate import simulate_base
from retention_lib.portfolio.flows import measure_flows
from retention_lib.portfolio.window import measure_window
from retention_lib.views import theme
from retention_lib.wording import LANGUAGES
from tests.views.in_languages import in_languages


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


@cache
def base(language="en"):
    return simulate_base(150, seed=9, contracts_share=0.3, language=language)[0]


ONE = (("a", "2024-01-20", 1.0), ("a", "2024-02-28", -9e9), ("b", "2024-03-31", 2.0))
NOBODY = (("a", "2024-01-01", 1.0), ("b", "2024-03-31", 2.0))


def leaver(language="en", rows=(("z", "2024-01-01", 1.0), *ONE)):
    """Next to no customers, with a window of 30 days."""
    frame = pd.DataFrame(rows, columns=["customer_id", "date", "amount"])
    frame["date"] = pd.to_datetime(frame["date"])
    return CustomerBase.from_tables(
        frame, language=language, currency="USD", activity_window_days=30
    )


@cache
def window(language="en"):
    return measure_window(base(language))


@cache
def small_flows(language):
    return measure_flows(leaver(language), period="month")


@cache
def flows(language, period="year", **options):
    return measure_flows(base(language), period=period, **options)


PICTURES = {
    "waterfall": lambda lang: flows(lang).plot(),
    "waterfall of a month": lambda lang: flows(lang, "month").plot(),
    "waterfall of one customer and refunds": lambda lang: measure_flows(
        leaver(lang), period="month"
    ).plot(),
    "trend of years": lambda lang: flows(lang, trade_attrition=0.9).trend().plot(),
    "trend of months": lambda lang: flows(lang, "month", trade_attrition=0.12).trend().plot(),
    "trend of one customer": lambda lang: small_flows(lang).trend().plot(),
    "year before": lambda lang: flows(lang).year_before().plot(),
    "months a year before": lambda lang: flows(lang, "month").year_before().plot(),
    "tank": lambda lang: flows(lang).tank().plot(),
    "tank in twenty years": lambda lang: flows(lang, "month").tank(years=20).plot(),
    "tank of one customer": lambda lang: measure_flows(leaver(lang), period="month").tank().plot(),
    "window": lambda lang: window(lang).plot(),
    "window of a short history": lambda lang: measure_window(
        base(lang).at("2023-10-12"), coverage=0.5
    ).plot(),
}


@pytest.mark.parametrize(("name", "language"), in_languages(PICTURES))
def test_a_picture_is_whole_legible_small_and_has_a_text_alternative(name, language):
    ax = PICTURES[name](language)
    figure, box = ax.figure, ax.get_tightbbox()
    assert min(box.x0, box.y0) >= -0.5, "cut off at the left or below"
    assert box.x1 <= figure.bbox.width + 0.5, "cut off at the right"
    assert box.y1 <= figure.bbox.height + 0.5, "cut off above"
    assert ax.get_title(loc="left")
    text = theme.alt_text(figure)
    assert any(letter.isdigit() for letter in text)
    assert "nan" not in text
    assert len(theme.png_bytes(figure)) < 80_000
    legend = ax.get_legend()
    texts = [*ax.texts, *ax.get_xticklabels(), *(legend.get_texts() if legend else [])]
    written = [text for text in texts if text.get_text() and text.get_visible()]
    assert all(text.get_fontsize() >= 9.5 for text in written)
    boxes = [text.get_window_extent() for text in written]
    pairs = combinations(range(len(boxes)), 2)
    assert not [
        (written[one].get_text(), written[other].get_text())
        for one, other in pairs
        if boxes[one].overlaps(boxes[other])
    ]


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_empty_result_is_a_picture_that_says_so_in_words(language):
    empty = measure_flows(leaver(language, [("a", "2024-01-01", 1.0)]))
    nothing = {"en": "Nothing to draw yet", "fr": "Rien à dessiner pour l'instant"}[language]
    alone = measure_window(leaver(language, [("a", "2024-01-01", 1.0)]))
    results = (empty, empty.trend(), empty.year_before(), empty.tank(), alone)
    nobody = measure_flows(leaver(language, NOBODY), period="month")
    for result in (*results, nobody.trend(), nobody.tank()):
        ax = result.plot()
        assert ax.get_title(loc="left") == nothing
        assert theme.alt_text(ax.figure) == result.sentence()
        assert result.sentence()[:40] in ax.texts[0].get_text().replace("\n", " ")


def test_titles_state_the_finding():
    for result in (flows("en"), flows("en").trend(), flows("en").tank(), window()):
        title = result.plot().get_title(loc="left").replace("\n", " ")
        assert title.replace("\xa0", " ") == result.finding().rstrip(".").replace("\xa0", " ")


def test_a_picture_draws_on_axes_that_are_handed_in():
    figure, axes = plt.subplots(2, 2, figsize=(18, 12))
    results = (flows("en"), flows("en").trend(), flows("en").tank(), window())
    for result, ax in zip(results, axes.flat, strict=True):
        assert result.plot(ax=ax) is ax
    assert figure.axes == list(axes.flat)


def test_the_bars_of_the_waterfall_meet_and_end_where_the_closing_begins():
    row = flows("en").table.iloc[-1]
    bars = flows("en").plot().patches
    ends = [bar.get_y() + bar.get_height() for bar in bars]
    assert ends[0] == pytest.approx(row["opening_revenue"])
    for before, after in pairwise(bars[:-1]):
        assert after.get_y() == pytest.approx(before.get_y() + before.get_height())
    assert ends[-2] == pytest.approx(ends[-1]) == pytest.approx(row["closing_revenue"])
    hatched = [bool(bar.get_hatch()) for bar in bars]
    assert hatched == [False, False, False, False, True, True, False]


def test_the_trade_is_drawn_only_when_given():
    def labels(**options):
        legend = flows("en", **options).trend().plot().get_legend()
        return [text.get_text() for text in legend.get_texts()]

    assert not any("trade" in label for label in labels())
    assert "the trade, as you gave it: 12.0 %" in labels(trade_attrition=0.12)


def test_the_tank_in_words_has_all_its_figures():
    tank = flows("en").tank()
    text, last = theme.alt_text(tank.plot().figure), tank.table.iloc[-1]
    for figure in (tank.level_now, last["level"], last["level_low"], last["level_high"]):
        assert f"{round(figure):,}" in text
