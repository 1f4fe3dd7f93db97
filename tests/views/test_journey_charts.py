"""Pictures of journeys: what stands in them, in both languages, and that nothing is cut off."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from retention_lib.decisions._journey_steering import KeptResult, SteeringResult
from retention_lib.decisions.journeys import JOURNEYS
from retention_lib.views import journey_charts, theme
from retention_lib.wording import Language, Wording
from tests.decisions.journeying import GONE, NOW, journeys_of

MANY: tuple[dict[str, Any], ...] = (
    *[{}] * 30,
    *[GONE] * 4,
    *[{"churn_probability": 0.5, "at_risk": 0.5, "value_if_kept": 2_000.0}] * 5,
    {"contactable": False},
    {"first_day": NOW - 10.0},
)


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    yield
    plt.close("all")


def written(ax: Any) -> str:
    legend = [text.get_text() for text in ax.get_legend().get_texts()] if ax.get_legend() else []
    ticks = [label.get_text() for label in (*ax.get_yticklabels(), *ax.get_xticklabels())]
    return " | ".join([*(note.get_text() for note in ax.texts), *legend, *ticks])


def inside(ax: Any) -> bool:
    """Whether nothing hangs over the edge of the figure, and titles and labels can be read."""
    figure = ax.figure
    figure.canvas.draw()
    box, room = ax.get_tightbbox(), figure.bbox
    small = [text for text in ax.texts if text.get_text() and text.get_fontsize() < 9.5]
    return bool(
        not small
        and box.x0 >= -1
        and box.y0 >= -1
        and box.x1 <= room.x1 + 1
        and box.y1 <= room.y1 + 1
    )


def kept_of(wording: Wording, few: bool = False) -> KeptResult:
    """Four rows, of which the hot ones are too few."""
    nan = float("nan")
    rows = [
        ("Hot retention", "spoken with", 8, 2, nan, nan, nan, "hot", True),
        ("Hot retention", "not spoken with", 13, 8, nan, nan, nan, "hot", False),
        ("Cold retention", "spoken with", 144, 90, 0.625, 0.54, 0.70, "cold", True),
        ("Cold retention", "not spoken with", 196, 118, 0.60, 0.53, 0.67, "cold", False),
    ]
    names = ["journey", "was_reached", "customers", "still_there", "kept_share", "kept_low",
             "kept_high", "kind", "reached"]  # fmt: skip
    table = pd.DataFrame(rows[: 0 if few else 4], columns=names)
    return KeptResult(table, wording=wording, why_none="Nobody asked to leave", gone_before=3)


def steering_of(months: int, language: Language = "en") -> SteeringResult:
    """Months with 1,000 customers each, of whom 10, 11, 12 … are lost."""
    wording, lost = Wording(language, "EUR"), 10 + np.arange(months)
    table = pd.DataFrame(
        {
            "month": [f"m{place}" for place in range(months)],
            "opening": 1_000,
            "leave_requests": np.nan,
            "closures": 4.0,
            "lost": lost,
            "closing_rate": 0.004,
            "lost_rate": lost / 1_000,
            "lost_low": lost / 1_000 - 0.005,
            "lost_high": lost / 1_000 + 0.006,
            "number": 24_300 + np.arange(months),
        }
    )
    return SteeringResult(table, wording=wording, kept=kept_of(wording))


@pytest.mark.parametrize("language", ["en", "fr"])
def test_every_journey_has_its_bar_with_its_customers_and_what_is_at_stake(
    language: Language,
) -> None:
    result = journeys_of(*MANY, language=language)
    ax = result.plot()
    w = result.wording
    names = [label.get_text() for label in ax.get_yticklabels()]
    assert names == [w.say(f"journey.{code}") for code in JOURNEYS]
    assert [bar.get_width() for bar in ax.patches] == [1, 0, 0, 5, 4, 0, 30, 1]
    stake = w.money(5 * 0.5 * 2_000)
    assert f"5 · {stake}" in written(ax)
    title = ax.get_title(loc="left").replace("\n", " ").replace("\xa0", " ")
    assert "40" in title and "41" in title
    assert "2,000" not in title
    assert w.say("journey.cold") in theme.alt_text(ax.figure)
    assert inside(ax)


def test_counts_and_journeys_are_one_picture() -> None:
    result = journeys_of(*MANY)
    one, other = result.plot(), result.counts().plot()
    assert one.get_title(loc="left") == other.get_title(loc="left")


@pytest.mark.parametrize("language", ["en", "fr"])
def test_steps_stand_by_what_they_earn_with_their_range(language: Language) -> None:
    result = journeys_of(*MANY, language=language).steps()
    ax = result.plot()
    rows = [label.get_text() for label in ax.get_yticklabels()]
    best = result.contacts.nlargest(len(rows), "step_profit")
    assert len(rows) == min(14, len(result.contacts))
    assert [row.split(" (")[0] for row in rows] == [
        title.split(" (")[0] for title in best["journey_step"]
    ]
    points = np.vstack([group.get_offsets() for group in ax.collections[1:]])
    assert sorted(points[:, 0]) == pytest.approx(sorted(best["step_profit"]))
    ends = np.array([segment[:, 0] for segment in ax.collections[0].get_segments()])
    assert ends == pytest.approx(best[["profit_low", "profit_high"]].to_numpy())
    assert inside(ax)


def test_steps_of_nobody_are_said_in_words() -> None:
    ax = journeys_of({"contactable": False}).steps().plot()
    assert not ax.axison
    assert "nobody" in theme.alt_text(ax.figure)
    assert not journeys_of().plot().axison


@pytest.mark.parametrize(("months", "language"), [(1, "en"), (24, "fr")])
def test_the_share_lost_is_a_line_with_its_range(months: int, language: Language) -> None:
    result = steering_of(months, language)
    ax = result.plot()
    lost = next(line for line in ax.lines if len(line.get_ydata()) == months)
    assert list(lost.get_ydata()) == pytest.approx(list(result.table["lost_rate"]))
    assert result.wording.percent(result.mean_rate) in written(ax)
    assert ax.get_ylim()[0] == 0
    assert inside(ax)


def test_a_file_without_a_whole_month_is_said_in_words() -> None:
    ax = steering_of(0).plot()
    assert not ax.axison
    assert "no complete month" in theme.alt_text(ax.figure)


def test_who_is_still_there_is_shown_with_its_range_or_in_counts() -> None:
    ax = kept_of(Wording("en", "EUR")).plot()
    text = written(ax)
    assert "2 of 8: too few for a share" in text
    assert "63 % of 144" in text
    assert "no measure of an effect" in theme.alt_text(ax.figure)
    assert inside(ax)
    assert not kept_of(Wording(), few=True).plot().axison


def test_a_chart_draws_on_axes_handed_in() -> None:
    _, ax = plt.subplots()
    assert journeys_of(*MANY).plot(ax=ax) is ax


def test_the_figures_at_the_axis_of_small_amounts_are_where_they_stand():
    w = Wording("fr", "EUR")
    said = [journey_charts._tick(money, w) for money in (-5.0, -2.5, 0.0)]
    assert said == ["−5", "−2,50", "0"]
