"""Charts of cross-sell, people and quotes: whole, in both languages, and true to their table."""

from dataclasses import replace
from functools import cache
from itertools import pairwise

import matplotlib.pyplot as plt
import pandas as pd
import pytest
from matplotlib.colors import to_hex

import retention_lib as rl
from retention_lib.base.customer_base import CustomerBase
from retention_lib.views import theme
from retention_lib.wording import Wording
from tests.views.in_languages import in_languages


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


@cache
def sample(language="en", currency="EUR"):
    return replace(rl.open_base(), wording=Wording(language, currency))


@cache
def tiny(language="en"):
    lines = pd.DataFrame(
        {"customer_id": ["a"], "date": pd.to_datetime(["2025-01-01"]), "amount": 5.0}
    )
    people = pd.DataFrame({"customer_id": ["a"], "person_id": ["p"]})
    quotes = pd.DataFrame({"opportunity_id": ["q"], "opened_on": pd.to_datetime(["2024-01-01"])})
    lines["product_range"] = "ink"
    return CustomerBase.from_tables(lines, people=people, opportunities=quotes, language=language)


@cache
def long_names():
    """The sample with ranges that nobody would call by their whole name."""
    tables = {name: rl.open_base().to_pandas(name) for name in ("transactions", "customers")}
    sold = tables["transactions"]
    sold["product_range"] = "Gamme de fournitures professionnelles US$ " + sold["product_range"] * 2
    return CustomerBase.from_tables(**tables, language="fr", currency="USD")


@cache
def cross_sell(base):
    return rl.find_cross_sell(base)


@cache
def quotes(base):
    return rl.check_opportunities(base)


RESULTS = {
    "cross-sell": lambda base: cross_sell(base),
    "rules": lambda base: cross_sell(base).rules(),
    "up-sell": lambda base: cross_sell(base).up_sell(),
    "people": lambda base: rl.check_people(base),
    "people, summed up": lambda base: rl.check_people(base).summary(),
    "quotes": lambda base: quotes(base),
    "ages of quotes": lambda base: quotes(base).by_age(),
    "follow-up": lambda base: quotes(base).follow_up(),
}
BASES = {"sample": sample, "tiny": tiny}


def whole(ax):
    figure, box = ax.figure, ax.get_tightbbox()
    assert min(box.x0, box.y0) >= -0.5, "cut off at the left or below"
    assert box.x1 <= figure.bbox.width + 0.5, "cut off at the right"
    assert box.y1 <= figure.bbox.height + 0.5, "cut off above"
    return figure


def plain(text):
    return text.replace("\n", " ").replace("\xa0", " ").replace("\u202f", " ")


@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize(("name", "language"), in_languages(RESULTS))
def test_a_picture_is_whole_says_its_finding_and_has_a_text_alternative(name, base, language):
    result = RESULTS[name](BASES[base](language))
    ax = result.plot()
    figure = whole(ax)
    assert plain(ax.get_title(loc="left")) == plain(result.finding())
    assert plain(result.finding()) in plain(theme.alt_text(figure))
    sizes = [text.get_size() for text in ax.texts if text.get_text()]
    assert min(sizes, default=10) >= 9.5
    assert len(theme.png_bytes(figure)) < 80_000


@pytest.mark.parametrize("name", ["cross-sell", "rules", "up-sell"])
def test_long_names_and_dollars_stay_inside_the_picture(name):
    ax = RESULTS[name](long_names()).plot()
    whole(ax)
    names = [label.get_window_extent() for label in ax.get_yticklabels()]
    assert all(above.y0 >= below.y1 - 1 for above, below in pairwise(names)), "names overlap"
    assert len({label.get_text() for label in ax.get_yticklabels()}) == len(names)
    assert not any(text.get_parse_math() for text in ax.texts)


def test_the_bars_are_the_customers_who_lack_each_range():
    result = cross_sell(sample())
    by_range = result.by_range()
    ax = result.plot()
    assert [bar.get_width() for bar in ax.patches] == by_range["customers"].tolist()
    assert [label.get_text() for label in ax.get_yticklabels()] == by_range[
        "range_lacking"
    ].tolist()


def test_every_rule_has_a_dot_within_its_range_to_the_right_of_chance():
    rules = cross_sell(sample()).rules()
    ax = rules.plot()
    chance, dots = ax.get_lines()
    assert set(chance.get_xdata()) == {1}
    assert dots.get_xdata().tolist() == rules.table["lift"].head(12).tolist()
    for (start, end), row in zip(
        ax.collections[0].get_segments(), rules.table.itertuples(), strict=True
    ):
        assert (start[0], end[0]) == (row.lift_low, row.lift_high)
        assert start[0] > 1


def test_people_are_drawn_as_shares_of_revenue_and_of_customers():
    summary = rl.check_people(sample()).summary()
    ax = summary.plot()
    widths = [bar.get_width() for bar in ax.patches]
    shares = summary.table
    assert widths == [*shares["share_of_revenue"], *shares["share_of_customers"]]
    assert "€483,669" in " ".join(text.get_text() for text in ax.texts)


def test_the_bars_of_the_quotes_add_up_to_what_is_open():
    found = quotes(sample())
    ax = found.plot()
    assert sum(bar.get_height() for bar in ax.patches) == pytest.approx(
        found.opened["amount"].sum()
    )
    colours = {to_hex(bar.get_facecolor()).upper() for bar in ax.patches}
    assert colours == {"#B94A08", "#C4A75B", "#C9DCF7"}
    legend = [text.get_text() for text in ax.get_legend().get_texts()]
    assert legend == [
        "never followed up",
        "last followed up too long ago",
        "new or followed up lately",
    ]


def test_the_dots_of_the_ages_are_the_shares_won():
    ages = quotes(sample()).by_age()
    dots = ages.plot().get_lines()[0]
    assert dots.get_xdata().tolist() == ages.table["won_share"].tolist()


def test_an_empty_result_says_why_in_words():
    ax = quotes(CustomerBase.from_tables(rl.open_base().to_pandas().head(50))).plot()
    assert theme.alt_text(whole(ax)).startswith("No picture: This base has no table of quotes")
    assert [text.get_text() for text in ax.texts] == ["nothing to draw"]


def test_charts_draw_on_the_axes_they_are_given():
    figure, axes = plt.subplots(2, 4, figsize=(40, 12))
    for ax, make in zip(axes.flat, RESULTS.values(), strict=True):
        assert make(sample()).plot(ax=ax) is ax
    assert theme.alt_text(figure)


def test_drawing_changes_no_setting_of_matplotlib():
    before = dict(plt.rcParams)
    for make in RESULTS.values():
        make(sample()).plot()
    assert dict(plt.rcParams) == before
