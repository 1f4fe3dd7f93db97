"""Charts of value, needs and profiles: they say the finding, and nothing is cut off."""

from functools import cache

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from retention_lib.base.customer_base import CustomerBase
from retention_lib.portfolio.needs import measure_needs
from retention_lib.portfolio.profiles import profile_segments
from retention_lib.portfolio.value import measure_value
from retention_lib.views import theme
from retention_lib.wording import LANGUAGES
from tests.views.in_languages import in_languages


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


@cache
def shop(language="en", *, customers=120, currency="EUR"):
    """Customers of unlike size over three years, some of whom leave and some of whom come."""
    rng = np.random.default_rng(1)
    rows, about = [("c000", "2022-01-01", 5.0), ("c001", "2024-12-31", 5.0)], []
    for i in range(customers):
        sector = ["Trade", "A sector with a name that goes on for ever " * 2, None][i % 3]
        about.append((f"c{i:03}", f"Company number {i} of a long name and sons", sector))
        spend = float(rng.lognormal(5, 1.3))
        years = [2023, 2024] if i % 4 else [2023]
        if i % 10 == 9:
            years = [2024]
        rows += [
            (f"c{i:03}", f"{year}-{m:02}-10", round(spend * float(rng.uniform(0.7, 1.2)), 2))
            for year in years
            for m in range(1, 13, 1 + i % 5)
        ]
    lines = pd.DataFrame(rows, columns=["customer_id", "date", "amount"])
    return CustomerBase.from_tables(
        lines.assign(date=pd.to_datetime(lines["date"])),
        customers=pd.DataFrame(about, columns=["customer_id", "name", "sector"]),
        language=language,
        currency=currency,
    )


@cache
def tiny(language="en"):
    lines = pd.DataFrame({"customer_id": ["a", "b", "c"], "amount": [9.0, 5.0, -3.0]})
    lines["date"] = pd.Timestamp("2024-01-01")
    return CustomerBase.from_tables(lines, language=language)


@cache
def refunds(language="en"):
    lines = pd.DataFrame({"customer_id": ["a"], "amount": [-3.0], "channel": ["web"]})
    lines["date"] = pd.Timestamp("2024-01-01")
    return CustomerBase.from_tables(lines, language=language)


@cache
def value(language="en"):
    return measure_value(shop(language))


@cache
def needs(language="en", **options):
    return measure_needs(shop(language), **options)


@cache
def profile(language="en"):
    return profile_segments(shop(language))


PICTURES = {
    "pareto": lambda lang: value(lang).plot(),
    "pareto of three": lambda lang: measure_value(tiny(lang)).plot(),
    "pareto of refunds": lambda lang: measure_value(refunds(lang)).plot(),
    "pareto without margin": lambda lang: measure_value(shop(lang), by="margin").plot(),
    "classes": lambda lang: value(lang).classes().plot(),
    "concentration": lambda lang: value(lang).concentration().plot(),
    "concentration of three": lambda lang: measure_value(tiny(lang)).concentration().plot(),
    "dependency": lambda lang: value(lang).dependency().plot(),
    "needs": lambda lang: needs(lang, growth=0.05).plot(),
    "needs of three": lambda lang: measure_needs(tiny(lang)).plot(),
    "where": lambda lang: needs(lang).where().plot(),
    "where by sector": lambda lang: measure_needs(shop(lang), by="sector").where().plot(),
    "where without": lambda lang: measure_needs(shop(lang), by="region").where().plot(),
    "profile": lambda lang: profile(lang).plot(),
    "profile of six": lambda lang: profile_segments(shop(lang), scheme="six").plot(),
    "profile without": lambda lang: profile_segments(shop(lang), by="channel").plot(),
    "profile of refunds": lambda lang: profile_segments(refunds(lang), by="channel").plot(),
    "crosstab": lambda lang: profile(lang).crosstab().plot(),
}


@pytest.mark.parametrize(("name", "language"), in_languages(PICTURES))
def test_a_picture_is_whole_and_has_a_text_alternative(name, language):
    ax = PICTURES[name](language)
    figure, box = ax.figure, ax.get_tightbbox()
    assert min(box.x0, box.y0) >= -0.5, "cut off at the left or below"
    assert box.x1 <= figure.bbox.width + 0.5, "cut off at the right"
    assert box.y1 <= figure.bbox.height + 0.5, "cut off above"
    text = theme.alt_text(figure)
    assert len(text) > 30
    assert "nan" not in text
    assert ax.get_title(loc="left")
    sizes = [drawn.get_size() for drawn in figure.findobj(plt.Text) if drawn.get_text()]
    assert min(sizes) >= 9.5


def plain(text):
    return text.replace("\n", " ").replace("\xa0", " ").replace("\u202f", " ")


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_title_is_the_finding(language):
    worth = value(language)
    results = (worth, worth.classes(), worth.concentration(), worth.dependency())
    for result in (*results, needs(language)):
        assert plain(result.plot().get_title(loc="left")) == plain(result.finding())


def test_the_pareto_curve_runs_through_the_cumulative_shares():
    result = value()
    x, y = result.plot().lines[0].get_data()
    assert (x[0], y[0], x[-1]) == (0, 0, 1)
    assert y[1:].tolist() == result.to_frame()["cumulative_share"].tolist()


def test_the_pareto_curve_is_marked_where_the_title_reads_it():
    result = value()
    ax = result.plot()
    marked = next(line for line in ax.lines if line.get_marker() == "o")
    share = result.to_frame()["cumulative_share"].iloc[result.headline_count() - 1]
    assert marked.get_ydata() == [share]
    assert f"{share * 100:.0f} %" in ax.get_title(loc="left").replace("\xa0", " ")


def test_axes_carry_their_units():
    ax = value("fr").plot()
    assert ax.get_xlabel() == "part des clients, du plus gros au plus petit (%)"
    assert ax.get_ylabel() == "part cumulée du chiffre d'affaires (%)"
    assert "(€)" in needs().plot().get_xlabel()


def test_the_way_to_the_target_is_drawn_without_a_gap():
    result = needs(growth=0.05)
    bars = [bar for container in result.plot().containers for bar in container]
    table = result.to_frame()
    assert [bar.get_width() for bar in bars] == pytest.approx(table["revenue"].abs().tolist())
    top = bars[-1].get_x() + bars[-1].get_width()
    reached = bars[-2].get_x() + bars[-2].get_width()
    assert reached == pytest.approx(top, abs=0.05)


def test_an_axis_that_does_not_begin_at_zero_says_so():
    ax = needs().plot()
    assert (ax.get_xlim()[0] > 0) == ("does not begin at zero" in ax.get_xlabel())


def test_names_are_masked_in_the_picture_where_masking_is_on(monkeypatch):
    result = value().dependency()
    shown = [label.get_text() for label in result.plot().get_yticklabels()]
    assert shown[0].startswith("Company number")
    monkeypatch.setenv("RETENTION_MASK", "1")
    ax = result.plot()
    assert not any("Company" in label.get_text() for label in ax.get_yticklabels())
    assert "Company" not in theme.alt_text(ax.figure)


def test_a_small_group_is_drawn_in_counts_and_a_difference_in_a_frame():
    result = profile_segments(shop(customers=60))
    ax = result.plot()
    texts = [text.get_text() for text in ax.texts]
    assert len(texts) == len(result.cells)
    assert any(text.endswith("/20") for text in texts)
    frames = [patch for patch in ax.patches if not patch.get_fill()]
    assert len(frames) == result.cells["beyond_chance"].sum()


def test_charts_draw_on_the_axes_they_are_given():
    _, axes = plt.subplots(1, 3, figsize=(20, 5))
    assert value().plot(ax=axes[0]) is axes[0]
    assert needs().plot(ax=axes[1]) is axes[1]
    assert profile_segments(shop(), by="channel").plot(ax=axes[2]) is axes[2]


def test_drawing_changes_no_setting_of_matplotlib():
    before = dict(plt.rcParams)
    value().plot()
    profile().plot()
    assert dict(plt.rcParams) == before
