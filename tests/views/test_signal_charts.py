"""Charts of the warning signs: whole, in words, in both languages, also where there is nothing."""

from dataclasses import replace
from functools import cache

import matplotlib.pyplot as plt
import pandas as pd
import pytest

import retention_lib as rl
from retention_lib.base.customer_base import CustomerBase
from retention_lib.portfolio.watch import watch_list
from retention_lib.views import theme


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


@cache
def watched(language, kind):
    if kind == "tiny":
        lines = pd.DataFrame({"customer_id": ["a"], "date": ["2025-01-01"], "amount": [5.0]})
        return watch_list(CustomerBase.from_tables(lines, language=language))
    base = rl.simulate_base(400, seed=4, language=language)[0]
    return watch_list(replace(base, wording=replace(base.wording, currency="USD")))


PICTURES = {
    "signals": lambda watch: watch.signals,
    "track record": lambda watch: watch.signals.track_record,
    "watch": lambda watch: watch,
}


@pytest.mark.parametrize(("kind", "language"), [("simulated", "fr"), ("tiny", "en")])
@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_is_whole_small_and_has_a_text_alternative(name, language, kind):
    ax = PICTURES[name](watched(language, kind)).plot()
    figure, box = ax.figure, ax.get_tightbbox()
    assert min(box.x0, box.y0) >= -0.5, "cut off at the left or below"
    assert box.x1 <= figure.bbox.width + 0.5, "cut off at the right"
    assert box.y1 <= figure.bbox.height + 0.5, "cut off above"
    assert len(theme.png_bytes(figure)) < 80_000
    assert len(theme.alt_text(figure)) > 40
    sizes = [text.get_size() for text in ax.findobj(plt.Text) if text.get_text().strip()]
    assert min(sizes) >= 9.5


def test_the_title_of_the_record_is_its_best_sign_and_the_picture_says_every_verdict():
    record = watched("fr", "simulated").signals.track_record
    ax = record.plot()
    best = record.table.query("verdict_code == 'proven'").sort_values("times_as_often").iloc[-1]
    assert ax.get_title(loc="left").startswith(str(best["signal"]))
    words = theme.alt_text(ax.figure)
    for row in record.table.query("fired > 0").itertuples():
        assert row.signal in words
        assert row.verdict in words


def test_an_empty_picture_says_in_words_that_there_is_nothing():
    watch = watched("en", "tiny")
    written = [text.get_text() for text in watch.signals.plot().texts]
    assert "no warning sign to show" in written
    written = [text.get_text() for text in watch.signals.track_record.plot().texts]
    assert "nothing to look back on yet" in written


def test_the_charts_draw_on_axes_that_are_handed_in():
    _, ax = plt.subplots()
    assert watched("fr", "simulated").plot(ax=ax) is ax
