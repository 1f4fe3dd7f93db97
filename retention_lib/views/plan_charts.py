"""Pictures of a plan: what it earns, when it is done, who is left out, what more would bring."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import numpy as np

from retention_lib.scoring._lifetime_results import about
from retention_lib.views import theme
from retention_lib.views.drawing import finish, key_above, list_in_alt, only_horizontal_bars
from retention_lib.wording import with_minus

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from retention_lib.decisions._plan_compared import PlanPrices, PlansBeside
    from retention_lib.decisions._plan_parts import (
        LeftOutReasons,
        PlanCalendar,
        PlanSummary,
    )
    from retention_lib.decisions._plan_results import PlanResult
    from retention_lib.wording import Wording

_CHANNEL_COLOURS = {
    "call": theme.SERIES[0],
    "visit": theme.SERIES[1],
    "email": theme.SERIES[5],
    "letter": theme.SERIES[3],
    "event": theme.SERIES[4],
}
_HATCHES = {"visit": "///", "letter": "...", "event": "xxx"}
_TASK = "task"
_WIDE = 40


def plot_plan(result: PlanResult, *, ax: Axes | None = None) -> Axes:
    """Draw what the plan should earn, by journey."""
    return plot_summary(result.summary(), ax=ax)


def plot_summary(result: PlanSummary, *, ax: Axes | None = None) -> Axes:
    """Draw expected profit by journey as bars with their range."""
    w = result.wording
    rows = result.table[(result.table["journey_code"] != "all") & (result.table["contacts"] > 0)]
    if rows.empty:
        return _words_only(result.said, ax)
    rows = rows.sort_values("expected_profit", ascending=False)
    names = [
        w.say("chart.plan.journey", journey=row.journey, customers=int(row.customers))
        for row in rows.itertuples()
    ]
    with theme.use_theme():
        drawn = _bars_with_range(
            rows, names, ("expected_profit", "profit_low", "profit_high"), w, ax
        )
        drawn.set_xlabel(w.say("chart.plan.axis", unit=_unit(w)), loc="left")
        alt = w.say(
            "chart.plan.alt", finding=result.finding, rows=list_in_alt(_said(rows, names, w), w)
        )
        finish(drawn, result.finding, alt)
    return drawn


def plot_beside(result: PlansBeside, *, ax: Axes | None = None) -> Axes:
    """Draw the plan beside the greedy list and nothing."""
    w, rows = result.wording, result.table
    names = [str(one) for one in rows["plan"]]
    columns = ("expected_profit", "profit_low", "profit_high")
    with theme.use_theme():
        drawn = _bars_with_range(rows, names, columns, w, ax)
        drawn.set_xlabel(w.say("chart.plan.axis", unit=_unit(w)), loc="left")
        said = list_in_alt(_said(rows, names, w), w)
        finding = result.sentence()
        finish(drawn, finding, w.say("chart.plan.alt", finding=finding, rows=said))
    return drawn


def plot_prices(result: PlanPrices, *, ax: Axes | None = None) -> Axes:
    """Draw what a little more of everything would earn."""
    w, rows = result.wording, result.table
    if rows.empty:
        return _words_only(result.sentence(), ax)
    names = [_capital(str(one)) for one in rows["constraint"]]
    columns = ("extra_profit", "extra_low", "extra_high")
    with theme.use_theme():
        drawn = _bars_with_range(rows, names, columns, w, ax)
        drawn.set_xlabel(w.say("chart.plan.axis_extra", unit=_unit(w)), loc="left")
        said = list_in_alt(_said(rows, names, w, columns), w)
        finding = result.sentence()
        finish(drawn, finding, w.say("chart.plan.alt", finding=finding, rows=said))
    return drawn


def plot_reasons(result: LeftOutReasons, *, ax: Axes | None = None) -> Axes:
    """Draw how many customers are left out, by reason."""
    w, rows = result.wording, result.table
    if rows.empty:
        return _words_only(result.sentence(), ax)
    names = [str(one) for one in rows["reason"]]
    counts = rows["customers"].to_numpy(float)
    labels = [
        f"{w.number(count)}  ({w.percent(share, decimals=0)})"
        for count, share in zip(counts, rows["share"], strict=True)
    ]
    with theme.use_theme():
        drawn = _sized(ax, names)
        drawn.barh(range(len(rows)), counts, height=0.66, color=theme.NEUTRAL)
        _label(drawn, names)
        for place, (count, label) in enumerate(zip(counts, labels, strict=True)):
            _write(drawn, place, count, label)
        only_horizontal_bars(drawn, len(rows))
        drawn.set_xlabel(w.say("chart.plan.axis_customers"), loc="left")
        said = list_in_alt(
            [f"{name}: {label}" for name, label in zip(names, labels, strict=True)], w
        )
        finding = result.sentence()
        finish(drawn, finding, w.say("chart.plan.alt", finding=finding, rows=said))
    return drawn


def plot_calendar(result: PlanCalendar, *, ax: Axes | None = None) -> Axes:
    """Draw contacts by week and channel, stacked."""
    from matplotlib.patches import Patch
    from matplotlib.ticker import MaxNLocator

    w, rows = result.wording, result.table
    contacts = rows[rows["channel_code"] != _TASK]
    if contacts.empty:
        return _words_only(result.sentence(), ax)
    counts = contacts.pivot(index="week", columns="channel_code", values="actions")
    words = dict(zip(contacts["channel_code"], contacts["channel"], strict=True))
    firsts = contacts.drop_duplicates("week")["from"]
    with theme.use_theme():
        drawn = ax if ax is not None else theme.new_axes(9.0, 4.6)
        below = np.zeros(len(counts))
        places = np.arange(len(counts))
        for code in words:
            high = counts[code].to_numpy(float)
            drawn.bar(
                places,
                high,
                bottom=below,
                width=0.7,
                color=_CHANNEL_COLOURS.get(code, theme.NEUTRAL),
                **theme.EDGE,
                hatch=_HATCHES.get(code),
            )
            below = below + high
        for place, total in zip(places, below, strict=True):
            drawn.annotate(
                w.number(total),
                (place, total),
                xytext=(0, 3),
                textcoords="offset points",
                ha="center",
                size=10.5,
            )
        drawn.set_ylim(0, 1.1 * max(float(below.max()), 1.0))
        drawn.set_xticks(places, _week_labels(counts.index, firsts, w))
        drawn.set_ylabel(w.say("chart.plan.axis_contacts"))
        drawn.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
        drawn.yaxis.set_major_formatter(lambda value, _: w.number(value))
        drawn.grid(axis="y")
        key_above(
            drawn,
            [
                Patch(
                    facecolor=_CHANNEL_COLOURS.get(code, theme.NEUTRAL),
                    **theme.EDGE,
                    hatch=_HATCHES.get(code),
                    label=_capital(str(word)),
                )
                for code, word in words.items()
            ],
        )
        said = [
            w.say("chart.plan.week_said", week=int(week), contacts=int(total))
            for week, total in zip(counts.index, below, strict=True)
        ]
        finding = result.sentence()
        finish(drawn, finding, w.say("chart.plan.alt", finding=finding, rows=list_in_alt(said, w)))
    return drawn


# --- what they share -----------------------------------------------------------------------------


def _bars_with_range(
    rows: pd.DataFrame,
    names: list[str],
    columns: tuple[str, str, str],
    w: Wording,
    ax: Axes | None,
) -> Axes:
    """Horizontal bars, each with its 90 % range as a line and its figures at the right edge."""
    from matplotlib.ticker import MaxNLocator

    likely, low, high = (rows[name].to_numpy(float) for name in columns)
    drawn = _sized(ax, names)
    colours = [theme.GAIN if value >= 0 else theme.LOSS for value in likely]
    drawn.barh(range(len(rows)), likely, height=0.56, color=colours)
    for place in range(len(rows)):
        if high[place] > low[place]:
            drawn.plot(
                [low[place], high[place]],
                [place, place],
                color=theme.INK,
                lw=1.6,
                marker="|",
                ms=9,
                mew=1.6,
            )
        figure = with_minus(about(float(likely[place]), w))
        _write(drawn, place, float(max(high[place], likely[place], 0.0)), figure)
    _label(drawn, names)
    drawn.set_ylim(len(rows) - 0.45, -0.55)
    drawn.axvline(0, color=theme.QUIET_INK, lw=1.0)
    drawn.spines[["left", "bottom"]].set_visible(False)
    drawn.tick_params(axis="y", length=0)
    if not any(abs(float(one)) >= 0.5 for name in columns for one in rows[name]):
        # Around nothing at all there is nothing to measure out.
        drawn.set_xlim(-1, 1)
    drawn.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
    drawn.xaxis.set_major_formatter(lambda value, _: with_minus(w.number(value)))
    drawn.grid(axis="x")
    return drawn


def _unit(w: Wording) -> str:
    return f" ({w.currency_symbol})" if w.currency_symbol else ""


def _sized(ax: Axes | None, names: list[str]) -> Axes:
    lines = sum(len(textwrap.wrap(name, _WIDE)) or 1 for name in names)
    return ax if ax is not None else theme.new_axes(9.2, 1.7 + 0.17 * len(names) + 0.23 * lines)


def _label(drawn: Axes, names: list[str]) -> None:
    drawn.set_yticks(range(len(names)), [textwrap.fill(name, _WIDE) for name in names])


def _write(drawn: Axes, place: int, end: float, words: str) -> None:
    drawn.annotate(
        words,
        (max(end, 0.0), place),
        xytext=(6, 0),
        textcoords="offset points",
        va="center",
        size=10.5,
        weight="bold",
    )


def _said(
    rows: pd.DataFrame,
    names: list[str],
    w: Wording,
    columns: tuple[str, str, str] = ("expected_profit", "profit_low", "profit_high"),
) -> list[str]:
    return [
        w.say(
            "chart.plan.row",
            name=name,
            likely=with_minus(about(float(likely), w)),
            low=with_minus(about(float(low), w)),
            high=with_minus(about(float(high), w)),
        )
        for name, (likely, low, high) in zip(
            names, rows[list(columns)].itertuples(index=False), strict=True
        )
    ]


def _week_labels(weeks: Any, firsts: pd.Series[Any], w: Wording) -> list[str]:
    labels = []
    for week, first in zip(weeks, firsts, strict=True):
        day = w.date(first.date()).rsplit(" ", 1)[0]
        labels.append(w.say("chart.plan.week", week=int(week), day=day) if len(weeks) <= 8
                      else str(week))  # fmt: skip
    return labels


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]


def _words_only(words: str, ax: Axes | None) -> Axes:
    """A figure that says why there is nothing to draw."""
    with theme.use_theme():
        drawn = ax if ax is not None else theme.new_axes(8.6, 1.6 + 0.26 * (len(words) // 70))
        drawn.set_axis_off()
        finish(drawn, words, words)
    return drawn
