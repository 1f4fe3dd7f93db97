"""Charts of cohorts and tenure: the finding on top, nothing cut off, words where nothing is."""

from functools import cache

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.patches import Rectangle

import retention_lib as rl
from retention_lib.base.customer_base import CustomerBase
from retention_lib.portfolio.cohorts import retention_cohorts
from retention_lib.portfolio.tenure import value_by_tenure
from retention_lib.views import cohort_charts, theme

CHARTS = {
    "retention": lambda *of: cohorts(*of).plot(),
    "by quarter": lambda *of: cohorts(*of, "quarter").plot(),
    "by year": lambda *of: cohorts(*of, "year").plot(),
    "customers": lambda *of: cohorts(*of).triangle("customers").plot(),
    "revenue": lambda *of: cohorts(*of).revenue().plot(),
    "curve": lambda *of: cohorts(*of).curve().plot(),
    "tenure": lambda *of: tenure(*of).plot(),
}


@cache
def cohorts(kind, language="en", period="month"):
    return retention_cohorts(a_base(kind, language), period=period)


@cache
def tenure(kind, language="en"):
    return value_by_tenure(a_base(kind, language))


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


@cache
def a_base(kind, language):
    tables = {}
    if kind == "sample":
        sample = rl.open_base("data/sample/b2b")
        tables = {name: sample.to_pandas(name) for name in ("transactions", "customers")}
    if kind == "three cohorts":
        tables = {"transactions": rl.open_base("data/sample/cdnow").to_pandas()}
    if kind == "one day":
        row = {"customer_id": ["a"], "date": [pd.Timestamp("2024-01-05")], "amount": [3.0]}
        tables = {"transactions": pd.DataFrame(row)}
    return CustomerBase.from_tables(**tables, language=language, currency="EUR")


# French words are the longer ones; English where there is most to draw.
PICTURES = [
    *[(chart, kind, "fr") for chart in CHARTS for kind in ("sample", "three cohorts", "one day")],
    *[(chart, "sample", "en") for chart in ("retention", "revenue", "curve", "tenure")],
]


@pytest.mark.parametrize(("chart", "kind", "language"), PICTURES)
def test_a_picture_is_whole_and_has_a_title_and_a_text_alternative(chart, kind, language):
    ax = CHARTS[chart](kind, language)
    figure = ax.figure
    figure.draw_without_rendering()
    box = figure.get_tightbbox().transformed(figure.dpi_scale_trans)
    assert min(box.x0, box.y0) >= -0.5, "cut off at the left or below"
    assert box.x1 <= figure.bbox.width + 0.5, "cut off at the right"
    assert box.y1 <= figure.bbox.height + 0.5, "cut off above"
    assert ax.get_title(loc="left")
    assert len(theme.alt_text(figure)) > 40
    sizes = [text.get_size() for text in ax.texts if text.get_text()]
    assert min([*sizes, 9.5]) >= 9.5


def hatched(ax):
    return [p for p in ax.patches if isinstance(p, Rectangle) and p.get_hatch()]


def test_what_is_not_seen_is_hatched_and_what_is_seen_is_not():
    result = cohorts("three cohorts")
    ax = result.plot()
    assert [(p.get_y() + 0.5, p.get_x() + 0.5, p.get_width()) for p in hatched(ax)] == [
        (1.0, 17.0, 1),
        (2.0, 16.0, 2),
    ]
    image = ax.images[0].get_array()
    assert np.array_equal(
        np.ma.getmaskarray(image)[:, 1:], np.isnan(result.triangle().values())[:, 1:]
    )
    written = [text.get_text() for text in ax.texts]
    assert written[:3] == ["100", "16", "12"]
    assert len(written) == 18 + 17 + 16


def test_a_seen_cell_with_nobody_is_a_zero_and_not_hatched():
    rows = {
        "customer_id": ["a", "b"],
        "date": pd.to_datetime(["2024-01-05", "2024-02-05"]),
        "amount": [3.0, 4.0],
    }
    ax = retention_cohorts(CustomerBase.from_tables(pd.DataFrame(rows), as_of="2024-02-29")).plot()
    assert [text.get_text() for text in ax.texts] == ["100", "0", "100"]
    assert len(hatched(ax)) == 1


def test_many_months_are_labelled_by_quarters():
    ax = cohorts("sample").plot()
    labels = [label.get_text() for label in ax.get_yticklabels()]
    assert labels[0].startswith("2023-01 (")
    assert labels[1].startswith("2023-04 (")
    assert len(labels) == 12
    assert [label.get_text() for label in ax.get_xticklabels()][:3] == ["0", "3", "6"]


def test_doubtful_cohorts_carry_a_star_that_is_explained():
    ax = cohorts("three cohorts").plot()
    assert ax.get_yticklabels()[0].get_text() == "1997-01* (777)"
    assert "* may hold customers who bought before the file begins" in ax.get_xlabel()


def test_the_scale_ends_on_a_round_number():
    labels = [t.get_text() for t in cohorts("three cohorts").plot().get_legend().get_texts()]
    assert labels == ["0 %", "4 %", "8 %", "12 %", "16 %", "not over yet"]


def test_the_tenure_chart_shows_both_versions_and_what_is_chained():
    result = tenure("sample")
    ax = result.plot()
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert labels == [
        "per customer who still buys",
        "per customer won",
        "the same, chained year by year",
    ]
    drawn = [list(line.get_ydata()) for line in ax.lines]
    assert result.table["revenue_per_survivor"].tolist() in drawn
    assert ax.get_ylabel() == "net revenue in that year (€)"


def test_charts_draw_on_the_axes_they_are_given():
    _, ax = plt.subplots()
    assert cohorts("three cohorts").plot(ax=ax) is ax
    assert cohort_charts.plot_tenure(tenure("one day"), ax=ax) is ax
