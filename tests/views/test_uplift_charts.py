"""Pictures of uplift, of groups no lot has drawn and of the ledger: what stands in them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import matplotlib.pyplot as plt
import pytest

from retention_lib.decisions._campaign_facts import campaign_customers
from retention_lib.decisions._campaign_not_drawn import not_drawn
from retention_lib.decisions.programmes import weigh_programmes
from retention_lib.decisions.uplift import learn_uplift
from retention_lib.views import theme
from retention_lib.wording import Wording
from tests.decisions.test_not_drawn import GROUPS, LINES, base_of, seen
from tests.decisions.test_programmes import base_of as ledger_base
from tests.decisions.test_programmes import tables
from tests.decisions.test_uplift import found, small_base


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def learnt() -> Any:
    return found()


def inside(axes: Any) -> bool:
    """Whether all that is drawn lies on the figure."""
    figure = axes.figure
    figure.canvas.draw()
    box, page = axes.get_tightbbox(), figure.bbox
    return bool(box.x0 >= -1 and box.y0 >= -1 and box.x1 <= page.x1 + 1 and box.y1 <= page.y1 + 1)


def in_french(result: Any) -> Any:
    return dataclasses.replace(result, wording=Wording("fr", "EUR"))


def test_the_qini_curve_begins_at_nothing_and_ends_at_the_effect(learnt: Any) -> None:
    axes = learnt.plot()
    ours, lot = (
        next(line for line in axes.lines if line.get_label() == name)
        for name in learnt.table["ordered_by"].iloc[[0, 2]]
    )
    effect = 1000 * learnt.curves.effect
    for line in (ours, lot):
        assert line.get_ydata()[0] == 0
        assert line.get_ydata()[-1] == pytest.approx(effect)
    assert axes.get_title(loc="left").startswith("Who responds can be told")
    assert "Area between the curve" in theme.alt_text(axes.figure)
    assert inside(axes)


def test_the_qini_curve_speaks_french(learnt: Any) -> None:
    axes = in_french(learnt).plot()
    assert axes.get_title(loc="left").startswith("On sait dire qui réagit")
    assert axes.get_xlabel() == "Clients contactés, dans l'ordre du classement"
    assert inside(axes)


def test_nothing_learnt_is_said_instead_of_drawn() -> None:
    axes = learn_uplift(small_base()).plot()
    assert not axes.lines
    assert "Cannot tell who responds" in axes.get_title(loc="left").replace("\n", " ")


@pytest.mark.parametrize("language", ["en", "fr"])
def test_the_placebo_stands_above_what_people_quote(language: Any) -> None:
    base = dataclasses.replace(base_of(LINES, GROUPS), wording=Wording(language, "EUR"))
    axes = not_drawn(
        base, campaign_customers(base, "CLUB", days=30), campaign_id="CLUB", days=30
    ).plot()
    assert [bar.get_width() for bar in axes.patches] == [70, 80, 10]
    # What must not be quoted is hatched, whatever the colours of a projector.
    assert [bool(bar.get_hatch()) for bar in axes.patches] == [False, True, True]
    assert inside(axes)


def test_nobody_to_compare_with_is_said_instead_of_drawn() -> None:
    result = seen(base_of(LINES, [("a", "treated")]))
    assert not result.plot().patches


@pytest.mark.parametrize("language", ["en", "fr"])
def test_each_programme_has_its_range_and_its_verdict(language: Any) -> None:
    table, groups = tables([0, 100, -100], of=80)
    groups["campaign_id"] = groups["campaign_id"] + " " + "a code as long as a sentence " * 2
    result = weigh_programmes(ledger_base(table, groups, language=language))
    axes = result.plot()
    ranges = [line for line in axes.lines if len(line.get_xdata()) == 2][:3]
    colours = [line.get_color() for line in ranges]
    assert colours == [theme.NEUTRAL, theme.GAIN, theme.LOSS]
    assert [tuple(line.get_xdata()) for line in ranges] == list(
        zip(result.table["net_low"], result.table["net_high"], strict=True)
    )
    assert [text.get_text() for text in axes.texts] == result.table["verdict"].tolist()
    assert inside(axes)


def test_an_empty_ledger_is_said_instead_of_drawn() -> None:
    axes = weigh_programmes(small_base(groups=False)).plot()
    assert "No campaigns are on file" in axes.get_title(loc="left")
