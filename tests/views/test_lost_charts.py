"""Pictures of the customers lost: whole, in both languages, showing what the tables say."""

import sys
import types
from functools import cache

import matplotlib.pyplot as plt
import pandas as pd
import pytest
from matplotlib.colors import to_hex
from matplotlib.text import Text

from retention_lib.base.customer_base import CustomerBase
from retention_lib.base.simulate import simulate_tables
from retention_lib.portfolio.lost import list_lost
from retention_lib.portfolio.replacement import measure_replacement
from retention_lib.views import theme
from retention_lib.wording import LANGUAGES, texts
from tests.views.in_languages import in_languages

SIGNS = {
    "silent": {"en": "silent for much longer than its own rhythm", "fr": "silence inhabituel"},
    "unhappy": {"en": "unhappy", "fr": "mécontent, réclamation ouverte depuis longtemps"},
}


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


@cache
def tables():
    made, _ = simulate_tables(250, seed=3)
    return {name: frame for name, frame in made.items() if len(frame)}


def every_other(base, days, *, customers=None):
    """A sign for every other customer on every day asked for, another for every third."""
    rows = [
        (who, sign, day)
        for sign, step in (("silent", 2), ("unhappy", 3))
        for who in customers[::step]
        for day in days
    ]
    return pd.DataFrame(rows, columns=["customer_id", "signal", "day"])


@cache
def lost_in(language="en", *, kind="sample", currency="EUR"):
    module = types.ModuleType("retention_lib.portfolio.signals")
    module.signal_history = every_other
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "retention_lib.portfolio.signals", module)
        return list_lost(base_in(language, kind, currency))


def base_in(language, kind, currency):
    options = {"as_of": "2025-12-31", "language": language, "currency": currency}
    if kind == "sample":
        return CustomerBase.from_tables(**tables(), **options)
    rows = {
        "one": [("a", "2022-01-05", 3.0), ("b", "2024-06-15", 1234.5)],
        "nobody": [("a", "2022-01-05", 3.0), ("a", "2024-06-01", 3.0), ("a", "2025-06-01", 3.0)],
        "too late": [("a", "2025-06-01", 3.0)],
    }[kind]
    frame = pd.DataFrame(rows, columns=["customer_id", "date", "amount"])
    return CustomerBase.from_tables(frame.assign(date=pd.to_datetime(frame["date"])), **options)


@cache
def replaced_in(language="en", *, kind="sample", currency="EUR"):
    return measure_replacement(base_in(language, kind, currency))


@pytest.fixture(autouse=True)
def named_signs(monkeypatch):
    for code, name in SIGNS.items():
        monkeypatch.setitem(texts(), f"signal.{code}.name", name)


RESULTS = {
    "months": lambda *a, **k: lost_in(*a, **k),
    "reasons": lambda *a, **k: lost_in(*a, **k).reasons(),
    "signals": lambda *a, **k: lost_in(*a, **k).signals(),
    "replacement": lambda *a, **k: replaced_in(*a, **k),
}


def plain(text):
    return text.replace("\n", " ").replace("\xa0", " ").replace("\u202f", " ")


def is_whole(ax):
    figure, box = ax.figure, ax.get_tightbbox()
    assert min(box.x0, box.y0) >= -0.5, "cut off at the left or below"
    assert box.x1 <= figure.bbox.width + 0.5, "cut off at the right"
    assert box.y1 <= figure.bbox.height + 0.5, "cut off above"
    sizes = [text.get_size() for text in ax.findobj(Text) if text.get_text()]
    assert min(sizes) >= 9.5


@pytest.mark.parametrize("kind", ["sample", "one"])
@pytest.mark.parametrize(("name", "language"), in_languages(RESULTS))
def test_a_picture_is_whole_states_its_finding_and_has_a_text_alternative(name, kind, language):
    result = RESULTS[name](language, kind=kind)
    ax = result.plot()
    is_whole(ax)
    assert plain(ax.get_title(loc="left")) == plain(result.finding())
    text = theme.alt_text(ax.figure)
    start = {"en": "Bars", "fr": "Barres"}[language]
    assert text.startswith(start) or (name, kind) == ("replacement", "one")
    assert plain(result.finding()) in plain(text)
    if language == "fr":
        assert len(theme.png_bytes(ax.figure)) < 80_000


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", ["nobody", "too late"])
@pytest.mark.parametrize("name", RESULTS)
def test_nothing_to_draw_is_said_in_words(name, kind, language):
    result = RESULTS[name](language, kind=kind)
    ax = result.plot()
    is_whole(ax)
    assert plain(ax.get_title(loc="left")) == plain(result.finding())
    assert not ax.patches and not ax.axison


def test_the_bars_of_the_months_add_up_to_the_total():
    result = lost_in()
    ax = result.plot()
    assert sum(bar.get_height() for bar in ax.patches) == pytest.approx(result.total)
    counts = [int(text.get_text()) for text in ax.texts if text.get_text()]
    assert sum(counts) == len(result.table)
    assert ax.get_ylabel() == "margin (€) of a year lost"
    assert ax.get_ylim()[1] > max(result.by_month["value_closed"] + result.by_month["value_silent"])


def test_bars_of_the_reasons_are_as_long_as_their_value_and_told_apart_without_colour():
    result = lost_in().reasons()
    ax = result.plot()
    table = result.table
    assert [bar.get_width() for bar in ax.patches[: len(table)]] == table["value_lost"].tolist()
    hatched = [bool(bar.get_hatch()) for bar in ax.patches[: len(table)]]
    assert hatched == table["avoidable"].isna().tolist()
    colours = [to_hex(bar.get_facecolor()).upper() for bar in ax.patches[: len(table)]]
    could = table["avoidable"].fillna(False).astype(bool)
    assert [colour == theme.LOSS for colour in colours] == could.tolist()


def test_the_dark_part_of_a_sign_is_who_showed_it_while_still_buying():
    result = lost_in().signals()
    ax = result.plot()
    rows = len(result.table)
    lengths = [bar.get_width() for bar in ax.patches]
    assert lengths[:rows] == result.table["customers"].tolist()
    assert lengths[rows : 2 * rows] == result.table["still_buying"].tolist()


def test_blocks_of_new_customers_cover_the_lost_one():
    result = replaced_in()
    lost, new = result.value("value_each"), result.value("value_new")
    row = [bar for bar in result.plot().patches if bar.get_y() > 0.5]
    filled = [bar for bar in row if to_hex(bar.get_facecolor()).upper() == theme.GAIN]
    assert sum(bar.get_width() for bar in filled) == pytest.approx(lost)
    assert max(bar.get_x() + bar.get_width() for bar in row) >= min(lost, new)


def test_charts_draw_on_the_axes_they_are_given():
    _, axes = plt.subplots(1, 2, figsize=(14, 5))
    assert lost_in().plot(ax=axes[0]) is axes[0]
    assert lost_in().reasons().plot(ax=axes[1]) is axes[1]


def test_money_is_never_taken_for_a_formula():
    for name in RESULTS:
        ax = RESULTS[name](kind="one", currency="USD").plot()
        assert not any(text.get_parse_math() for text in ax.findobj(Text))


def test_drawing_changes_no_setting_of_matplotlib():
    before = dict(plt.rcParams)
    lost_in().plot()
    assert dict(plt.rcParams) == before
