"""Pictures of an offer: what stands in them, in both languages, and that nothing is cut off."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest

import retention_lib as rl
from retention_lib.decisions.offers import OfferFacts, OfferResult, weigh_offer
from retention_lib.views import theme
from retention_lib.wording import Wording

CHEAP = rl.Offer(contact_cost=2, incentive=3)
DEAR = rl.Offer(contact_cost=5_000)


def facts_of(count: int, language: Any = "en") -> OfferFacts:
    rng = np.random.default_rng(4)
    return OfferFacts(
        customer_id=np.array([f"c{place}" for place in range(count)], dtype=object),
        probability=rng.beta(0.7, 2.5, count),
        value=rng.lognormal(4.5, 1.0, count),
        variation=np.full(count, 0.4),
        spread=0.2,
        systematic=0.01,
        horizon_days=365,
        wording=Wording(language, "EUR"),
    )


def result_of(offer: rl.Offer, count: int = 200, language: Any = "en") -> OfferResult:
    return weigh_offer(facts_of(count, language), offer)


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    yield
    plt.close("all")


def texts(ax: Any) -> str:
    legend = [text.get_text() for text in ax.get_legend().get_texts()] if ax.get_legend() else []
    return " | ".join([*(note.get_text() for note in ax.texts), *legend])


def test_the_curve_of_the_plan_and_of_each_naive_order_are_drawn_from_the_table() -> None:
    result = result_of(CHEAP)
    ax, curve = result.plot(), result.profit_curve.to_frame()
    lines = {line.get_label(): line for line in ax.lines}
    for label, column in (
        ("This plan’s order", "profit_ours"),
        ("Riskiest first", "profit_riskiest"),
        ("Most valuable first", "profit_most_valuable"),
        ("At random", "profit_at_random"),
    ):
        assert lines[label].get_ydata().tolist() == curve[column].tolist()
        assert lines[label].get_xdata().tolist() == curve["share"].tolist()
    assert set(lines["Nobody (0)"].get_ydata()) == {0}
    dashes = {str(line.get_linestyle()) + str(line._dash_pattern) for line in ax.lines[1:5]}
    assert len(dashes) == 4  # told apart without colour
    point = next(line for line in ax.lines if line.get_marker() == "o")
    assert (point.get_xdata()[0], point.get_ydata()[0]) == (result.best_share, result.total)


def test_the_title_states_the_finding_and_that_the_effect_is_an_assumption() -> None:
    result = result_of(CHEAP)
    title = " ".join(result.plot().get_title(loc="left").split())
    assert f"Contacting {result.treated} of 200 customers" in title.replace("\xa0", " ")
    assert "Assumption: contact keeps 15" in title
    assert "Assumption" in " ".join(result.naive().plot().get_title(loc="left").split())


def test_contact_nobody_is_a_picture_too() -> None:
    result = result_of(DEAR)
    assert result.plot().get_title(loc="left").startswith("Contact nobody")
    assert result.naive().plot().get_title(loc="left").startswith("Contacting nobody is best")


def test_the_bars_are_as_long_as_the_profits_of_the_naive_choices() -> None:
    result = result_of(CHEAP)
    naive = result.naive()
    ax = naive.plot()
    table = naive.to_frame()
    assert [bar.get_width() for bar in ax.patches] == table["plan_profit"].tolist()
    labels = [label.get_text() for label in ax.get_yticklabels()]
    assert labels[0] == f"The recommended plan ({result.treated})" and len(labels) == 6
    alt = theme.alt_text(ax.figure)
    assert "Everybody, 200 contacted" in alt and "assumption" in alt


def test_an_empty_result_says_why_in_words() -> None:
    facts = dataclasses.replace(facts_of(0), untold="There is no forecast: too short.")
    result = weigh_offer(facts, CHEAP)
    for ax in (result.plot(), result.profit_curve.plot(), result.naive().plot()):
        assert "There is no forecast" in ax.get_title(loc="left")
        assert "There is no forecast" in theme.alt_text(ax.figure)


@pytest.mark.parametrize(
    "offer, count, language", [(CHEAP, 200, "fr"), (DEAR, 200, "fr"), (CHEAP, 1, "en")]
)
def test_nothing_is_cut_off_or_too_small(language: Any, offer: rl.Offer, count: int) -> None:
    result = result_of(offer, count, language)
    for drawn in (result, result.naive()):
        ax = drawn.plot()
        figure = ax.figure
        figure.canvas.draw()
        outer, whole = figure.get_tightbbox(), figure.get_size_inches()
        assert outer.x0 >= 0 and outer.y0 >= 0
        assert outer.x1 <= whole[0] + 0.01 and outer.y1 <= whole[1] + 0.01
        sizes = [text.get_fontsize() for text in (*ax.texts, *ax.get_xticklabels(), ax.xaxis.label)]
        assert min(sizes) >= 9.5
        assert theme.alt_text(figure)


def test_the_axes_carry_the_units_and_the_language() -> None:
    ax = result_of(CHEAP, language="fr").plot()
    assert ax.get_ylabel() == "Profit attendu, un an (€)"
    assert ax.get_xlabel() == "Clients contactés (part des 200)"
    assert "Plus à risque" in texts(ax) and "Hypothèse" in theme.alt_text(ax.figure)
