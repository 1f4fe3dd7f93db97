"""Pictures of types and of the flow between segments: whole, legible, in both languages."""

from functools import cache

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from retention_lib.base.customer_base import CustomerBase
from retention_lib.portfolio.migration import segment_migration
from retention_lib.portfolio.schemes import SegmentScheme
from retention_lib.portfolio.typology import find_types
from retention_lib.views import _migration_charts, theme, type_charts
from tests.views.in_languages import in_languages

END = pd.Timestamp("2025-12-31")


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


@cache
def shop(language="en", *, customers=150):
    """Three kinds of customers over two years, some of whom leave and some of whom are new."""
    rng = np.random.default_rng(1)
    rows = []
    for number in range(customers):
        rate, basket, what = ((30, 20, "Paper"), (8, 300, "Chairs"), (3, 60, "Ink"))[number % 3]
        first, last = (730, 0) if number % 5 else ((730, 300) if number % 2 else (300, 0))
        for _ in range(max(2, rng.poisson(rate * (first - last) / 365))):
            day = END - pd.Timedelta(days=int(rng.integers(last, first)))
            amount = round(basket * float(np.exp(0.3 * rng.normal())), 2)
            rows.append((f"c{number:03}", day, amount, what))
    frame = pd.DataFrame(rows, columns=["customer_id", "date", "amount", "product_range"])
    return CustomerBase.from_tables(frame, language=language, currency="EUR")


@cache
def types(language="en", k=None):
    return find_types(shop(language), k=k)


@cache
def moved(language="en", scheme="classic", customers=150):
    return segment_migration(
        shop(language, customers=customers), since="2024-12-31", scheme=scheme, draws=10
    )


LONG = SegmentScheme.from_table(
    [
        {"r": "1-3", "fm": "1-2", "segment": "Everybody whom we could not put anywhere better"},
        {"r": "1", "fm": "3", "segment": "Long gone"},
        {"r": "2-3", "fm": "3", "segment": "Incomprehensibilities of the first kind"},
    ]
)
PICTURES = {
    "types": lambda lang: types(lang).plot(),
    "seven types": lambda lang: types(lang, 7).plot(),
    "values of types": lambda lang: types(lang).types().plot(),
    "tests of types": lambda lang: types(lang).tests().plot(),
    "flows": lambda lang: moved(lang).plot(),
    "flows of six": lambda lang: moved(lang, "six").plot(),
    "flows of long names": lambda lang: moved(lang, LONG).plot(),
    "flows of three customers": lambda lang: moved(lang, "classic", 3).plot(),
    "matrix": lambda lang: moved(lang).matrix().plot(),
    "matrix of long names": lambda lang: moved(lang, LONG).matrix().plot(),
    "chance": lambda lang: moved(lang).chance().plot(),
    "revenue": lambda lang: moved(lang).revenue().plot(),
}


@pytest.mark.parametrize(("name", "language"), in_languages(PICTURES))
def test_a_picture_is_whole_has_a_text_alternative_and_no_text_on_another(name, language):
    ax = PICTURES[name](language)
    figure, box = ax.figure, ax.get_tightbbox()
    assert min(box.x0, box.y0) >= -0.5, "cut off at the left or below"
    assert box.x1 <= figure.bbox.width + 0.5, "cut off at the right"
    assert box.y1 <= figure.bbox.height + 0.5, "cut off above"
    text = theme.alt_text(figure)
    assert any(letter.isdigit() for letter in text)
    assert ax.get_title(loc="left")
    assert_no_text_stands_on_another(ax)


def assert_no_text_stands_on_another(ax):
    ax.figure.canvas.draw()
    labels = [*ax.get_xticklabels(), *ax.get_yticklabels()] if ax.axison else []
    texts = [*ax.texts, *labels]
    boxes = [
        (text.get_text(), text.get_window_extent())
        for text in texts
        if text.get_text() and text.get_visible()
    ]
    for place, (one, box) in enumerate(boxes):
        for other, beside in boxes[place + 1 :]:
            across = min(box.x1, beside.x1) - max(box.x0, beside.x0)
            down = min(box.y1, beside.y1) - max(box.y0, beside.y0)
            assert across <= 1 or down <= 2, f"{one!r} on {other!r}"


def plain(text):
    return " ".join(text.replace("\xa0", " ").replace("\u202f", " ").split())


def test_titles_are_the_findings():
    for result in (types(), types().types(), types().tests(), moved(), moved().matrix()):
        title = plain(result.plot().get_title(loc="left"))
        assert title == plain(result.sentence()).rstrip(".")


def test_every_type_stands_with_its_customers_over_its_column():
    heads = [label.get_text() for label in types().plot().get_xticklabels()]
    for head, row in zip(heads, types().summary.itertuples(), strict=True):
        assert plain(head).startswith(plain(row.type))
        assert f"{row.customers} customers" in head


def test_arrows_say_which_way_a_type_differs():
    written = [text.get_text() for text in types().plot().texts]
    differences = types().differences
    row = differences.query("feature == 'purchases_per_year'").nlargest(1, "difference").iloc[0]
    assert f"▲ {row['shown']}" in written
    assert any(text.startswith("▼ ") for text in written)


def test_customers_who_are_one_type_give_a_figure_that_says_so():
    few = find_types(shop(customers=20))
    for result in (few, few.types(), few.tests()):
        ax = result.plot()
        assert plain(ax.get_title(loc="left")) == plain(result.sentence()).rstrip(".")
    assert few.plot().texts[0].get_text() == "No types to show."


def test_a_base_without_purchases_gives_pictures_that_say_so():
    frame = pd.DataFrame({"customer_id": ["a"], "date": [END], "amount": [-1.0]})
    nothing = segment_migration(CustomerBase.from_tables(frame), since=END.date())
    for result in (nothing, nothing.matrix(), nothing.chance()):
        assert result.plot().texts[0].get_text() == "No movement to show."
    assert nothing.revenue().plot().get_title(loc="left")


def test_the_bars_of_the_flow_are_as_high_as_their_customers():
    result = moved()
    ax = result.plot()
    heights = [p.get_height() for p in ax.patches if isinstance(p, plt.Rectangle)]
    table = result.table
    counts = [
        *table.groupby("from_code")["customers"].sum(),
        *table.groupby("to_code")["customers"].sum(),
    ]
    assert sorted(heights) == pytest.approx(sorted(np.array(counts) / table["customers"].sum()))


def test_each_segment_has_its_own_colour_in_the_flow():
    from matplotlib.colors import to_hex

    boxes = [p for p in moved().plot().patches if isinstance(p, plt.Rectangle)]
    colours = {to_hex(box.get_facecolor()).upper() for box in boxes}
    held = set(moved().table["from_code"]) | set(moved().table["to_code"])
    own = {theme.SEGMENT_COLOURS[code] for code in held if code in theme.SEGMENT_COLOURS}
    assert own <= colours


def test_small_flows_are_put_together_and_large_ones_drawn():
    from matplotlib.patches import PathPatch

    result = moved()
    bands = [p for p in result.plot().patches if isinstance(p, PathPatch)]
    share = result.table["customers"] / result.table["customers"].sum()
    assert len(bands) == (share >= _migration_charts._SMALL).sum()


def test_labels_are_spread_until_they_stand_apart():
    spread = _migration_charts._spread([0.5, 0.495, 0.49, 0.1], [1, 2, 1, 1])
    gaps = -np.diff(spread)
    assert gaps[:2] == pytest.approx(1.5 * _migration_charts._LINE)
    assert spread[3] == 0.1


def test_charts_draw_on_the_axes_they_are_given():
    figure, axes = plt.subplots(1, 2, figsize=(16, 6))
    assert types().plot(ax=axes[0]) is axes[0]
    assert moved().plot(ax=axes[1]) is axes[1]
    assert theme.alt_text(figure)


def test_drawing_changes_no_setting_of_matplotlib():
    before = dict(plt.rcParams)
    types().plot()
    moved().plot()
    assert dict(plt.rcParams) == before


def test_the_further_apart_the_darker():
    shades = [type_charts._colour_of(size) for size in (0.0, 0.4, 0.8, 2.0)]
    light = [theme.contrast(shade, "#000000") for shade in shades]
    assert light == sorted(light, reverse=True)
    assert len(set(shades)) == 4
