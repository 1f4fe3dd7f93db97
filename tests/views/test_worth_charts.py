"""Charts of worth: they say the finding, in both languages, and nothing is cut off."""

import dataclasses
from datetime import date
from functools import cache

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.text import Text

from retention_lib.base.customer_base import CustomerBase
from retention_lib.base.simulate import simulate_base
from retention_lib.scoring.lifetime import value_customers
from retention_lib.views import theme
from retention_lib.views.tables import MASK_VARIABLE
from tests.views.in_languages import in_languages

START = date(2023, 1, 1)


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


@cache
def valued(language="en", contracts_share=0.0):
    return value_customers(
        simulate_base(300, seed=3, language=language, contracts_share=contracts_share)[0]
    )


def at_risk(result):
    ids = result.table["customer_id"]
    risk = np.random.default_rng(1).beta(1.5, 5, len(ids))
    return result.at_risk(pd.DataFrame({"customer_id": ids, "churn_probability": risk}))


def results(language="en"):
    result = valued(language)
    return {
        "worth": result,
        "map": at_risk(result),
        "record": result.record,
        "decay": result.decay(),
        "contracts": valued(language, 0.9).decay(),
    }


def texts_of(ax):
    return " ".join(text.get_text() for text in ax.figure.findobj(Text))


@pytest.mark.parametrize(
    ("name", "language"), in_languages(["worth", "map", "record", "decay", "contracts"])
)
def test_the_title_is_the_finding_and_nothing_is_cut_off(name, language):
    result = results(language)[name]
    ax = result.plot()
    finding = result.finding().rstrip(".")
    words = " ".join(ax.get_title(loc="left").replace("\N{NO-BREAK SPACE}", " ").split())
    assert words == " ".join(finding.replace("\N{NO-BREAK SPACE}", " ").split())
    assert ax.get_xlabel() and ax.get_ylabel()
    assert finding in theme.alt_text(ax.figure)
    ax.figure.canvas.draw()
    edge, held = ax.figure.bbox, ax.get_tightbbox()
    assert edge.x0 - 1 <= held.x0 and held.x1 <= edge.x1 + 1
    assert edge.y0 - 1 <= held.y0 and held.y1 <= edge.y1 + 1
    sizes = [text.get_fontsize() for text in ax.figure.findobj(Text) if text.get_text().strip()]
    assert min(sizes) >= 9.5


def test_the_value_map_draws_every_customer_and_names_a_few_that_do_not_collide():
    risk = at_risk(valued())
    ax = risk.plot()
    drawn = sum(len(points.get_offsets()) for points in ax.collections if len(points.get_offsets()))
    assert drawn >= int((risk.table["clv"] > 0).sum())
    ax.figure.canvas.draw()
    boxes = [note.get_window_extent() for note in ax.texts]
    assert 4 < len(boxes) <= 8
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])


def test_no_point_lies_under_words_and_what_is_below_the_axis_is_marked():
    result = valued()
    names = result.table["name"].astype(str) + "\nof two lines"
    risk = at_risk(dataclasses.replace(result, table=result.table.assign(name=names)))
    ax = risk.plot()
    ax.figure.canvas.draw()
    # A name may touch its own point; the words of the quadrants lie off the map.
    for note in ax.texts:
        box = note.get_window_extent()
        own = note.get_text()
        assert own.count("\n") <= 1 and "\nof two" not in own
        points = [spot for held in ax.collections for spot in held.get_offsets()]
        covered = [spot for spot in ax.transData.transform(points) if box.contains(*spot)]
        assert len(covered) <= (0 if "\n" in own else 1)
    below = int((risk.table["clv"] < ax.get_ylim()[0]).sum())
    marked = [held for held in ax.collections if len(held.get_paths()[0].vertices) == 4]
    assert sum(len(held.get_offsets()) for held in marked) == below > 0


def test_who_is_lost_with_the_first_purchase_is_seen_as_a_drop():
    decay = valued().decay()
    ax = decay.plot()
    places, heights = ax.lines[0].get_data()
    assert list(places[:2]) == [0, 0] and heights[0] == 100
    assert heights[1] == pytest.approx(100 * decay.at_once)
    assert heights[2] / 100 == decay.table["still_customers"].iloc[0] < decay.at_once < 1
    assert ax.get_xlim()[1] > places[-1]


def test_contracts_beside_customers_nobody_can_value_are_drawn():
    result = valued("en", 0.9)
    table = result.table.copy()
    table.loc[~table["is_contract"], ["clv", "clv_low", "clv_high"]] = np.nan
    ax = dataclasses.replace(result, table=table).plot()
    assert ax.axison and len(ax.lines[0].get_xdata()) == 1 + int(
        (table["active"] & table["clv"].notna()).sum()
    )


def test_names_on_the_value_map_are_masked_where_names_are(monkeypatch):
    risk = at_risk(valued())
    names = set(risk.table["name"])
    open_words = texts_of(risk.plot())
    assert any(name in open_words for name in names)
    monkeypatch.setenv(MASK_VARIABLE, "1")
    masked = texts_of(risk.plot())
    assert "Customer " in masked
    assert not any(name in masked for name in names)


def test_the_record_stands_as_bars_two_a_tenth():
    record = valued().record
    ax = record.plot()
    heights = [bar.get_height() for bar in ax.patches]
    assert heights[:10] == pytest.approx(record.tenths["forecast_revenue"].tolist())
    assert heights[10:20] == pytest.approx(record.tenths["came_revenue"].tolist())


def test_what_cannot_be_told_is_said_in_words():
    lines = pd.DataFrame({"customer_id": ["a", "b"], "date": [START, START], "amount": [5.0, 6.0]})
    result = value_customers(CustomerBase.from_tables(lines.astype({"date": "datetime64[s]"})))
    scores = pd.DataFrame({"customer_id": ["a"], "churn_probability": [0.4]})
    for silent in (result, result.record, result.decay(), result.at_risk(scores)):
        ax = silent.plot()
        assert not ax.axison
        assert theme.alt_text(ax.figure) == silent.sentence()


def test_a_chart_can_be_drawn_on_axes_that_were_handed_in():
    _, axes = plt.subplots(2, 2)
    for ax, result in zip(axes.flat, results().values(), strict=False):
        assert result.plot(ax=ax) is ax


def test_the_observed_stand_beside_the_model_for_contracts_too():
    decay = valued("en", 0.9).decay()
    seen = decay.table["running"].dropna()
    assert decay.contracts and len(seen) >= 8
    assert seen.is_monotonic_decreasing
    gap = (seen - decay.table.loc[seen.index, "still_customers"]).abs()
    assert gap.max() < 0.15
