"""Pictures of a scenario: its course, before and after, and what the difference consists of."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import numpy as np

from retention_lib.decisions._scenario_compared import signed
from retention_lib.scoring._lifetime_results import about
from retention_lib.views import theme
from retention_lib.views.drawing import finish, list_in_alt, say_only
from retention_lib.wording import with_minus

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from retention_lib.decisions._scenario_compared import Comparison, DifferenceParts
    from retention_lib.decisions._scenario_results import Projection, ProjectionMonths
    from retention_lib.wording import Wording

_EDGE: dict[str, Any] = {"edgecolor": theme.QUIET_INK, "linewidth": 0.5}
# Beyond so many years every bar cannot have its figure.
_LABELLED_YEARS = 12
_PART_WORDS = 24


def plot_projection(result: Projection, *, ax: Axes | None = None) -> Axes:
    """Draw the customers at the end of each year, today first, and each year's profit under it."""
    w, table = result.wording, result.table
    levels = [result.opening, *table["customers"]]
    with theme.use_theme():
        drawn = ax if ax is not None else theme.new_axes(9.0, 4.8)
        colours = [theme.NEUTRAL] + [theme.STOCK] * len(table)
        places = range(len(levels))
        drawn.bar(places, levels, width=0.66, color=colours, **_EDGE)
        labelled = [p for p in places if len(levels) <= _LABELLED_YEARS + 1 or p % 5 == 0]
        for place in labelled:
            _write_above(drawn, place, levels[place], w.number(round(levels[place])))
        names = [w.say("chart.scenario.today")]
        for row in table.itertuples():
            year = w.say("chart.scenario.year", year=row.year)
            names.append(year + "\n" + with_minus(about(row.profit, w)))
        drawn.set_xticks(labelled, [names[place] for place in labelled])
        drawn.tick_params(axis="x", length=0, labelsize=9.5)
        drawn.set_ylim(0, (max(levels) or 1.0) * 1.12)
        drawn.set_xlim(-0.6, len(levels) - 0.4)
        drawn.set_ylabel(w.say("chart.scenario.customers"))
        drawn.set_xlabel(w.say("chart.scenario.profit_below"), loc="left")
        _number_axis(drawn, w)
        if len(labelled) == len(levels):
            drawn.grid(visible=False)
            drawn.set_yticks([])
        said = [
            w.say(
                "chart.scenario.point",
                year=row.year,
                customers=round(row.customers),
                profit=about(row.profit, w),
            )
            for row in table.itertuples()
        ]
        alt = w.say(
            "chart.scenario.alt", opening=round(result.opening), points=list_in_alt(said, w)
        )
        finish(drawn, result.finding() + result.range_said(), alt)
    return drawn


def plot_months(result: ProjectionMonths, *, ax: Axes | None = None) -> Axes:
    """Draw the discounted profit added up month by month."""
    w = result.wording
    added = result.table["cumulated"].to_numpy()
    with theme.use_theme():
        drawn = ax if ax is not None else theme.new_axes(9.0, 4.6)
        _draw_added(drawn, added, result.payback, w)
        axis = "difference_axis" if result.compared else "added_axis"
        drawn.set_ylabel(_with_unit(f"chart.scenario.{axis}", w))
        finish(
            drawn, result.finding(), w.say("chart.scenario.months_alt", finding=result.finding())
        )
    return drawn


def plot_comparison(result: Comparison, *, ax: Axes | None = None) -> Axes:
    """Draw the yearly profit before and after, and the gap between the two."""
    w, table = result.wording, result.table
    if not result.changed():
        return say_only(result.sentence(), ax, w)
    before, after = table["profit_before"].to_numpy(), table["profit_after"].to_numpy()
    years = table["year"].to_numpy()
    with theme.use_theme():
        drawn = ax if ax is not None else theme.new_axes(9.0, 4.8)
        _draw_gap(drawn, years, before, after)
        line: dict[str, Any] = {"lw": 2.4, "marker": "o", "ms": 6}
        drawn.plot(years, before, color=theme.NEUTRAL, ls="--", **line)
        drawn.plot(years, after, color=theme.STOCK, **line)
        _name_ends(drawn, years, before, after, w)
        drawn.set_xticks(_some(years), [str(year) for year in _some(years)])
        drawn.set_xlabel(w.say("chart.scenario.years"), loc="left")
        drawn.set_ylabel(_with_unit("chart.scenario.profit_axis", w))
        _number_axis(drawn, w)
        drawn.margins(x=0.04, y=0.14)
        said = [
            w.say(
                "chart.scenario.compared_point",
                year=row.year,
                before=about(row.profit_before, w),
                after=about(row.profit_after, w),
            )
            for row in table.itertuples()
        ]
        alt = w.say(
            "chart.scenario.compared_alt", finding=result.sentence(), points=list_in_alt(said, w)
        )
        finish(drawn, result.finding() + result.range_said(), alt)
    return drawn


def plot_parts(result: DifferenceParts, *, ax: Axes | None = None) -> Axes:
    """Draw what the difference consists of: from nothing, part by part, to the whole."""
    w, table = result.wording, result.table
    if table.empty:
        return say_only(result.sentence(), ax, w)
    worths = [*table["part_worth"], result.difference]
    names = [*table["part"], w.say("chart.scenario.together")]
    starts = [0.0, *np.cumsum(table["part_worth"][:-1]), 0.0]
    with theme.use_theme():
        drawn = ax if ax is not None else theme.new_axes(9.0, 1.5 + 0.62 * len(worths))
        for place, (start, worth) in enumerate(zip(starts, worths, strict=True)):
            total = place == len(worths) - 1
            colour = theme.STOCK if total else theme.GAIN if worth >= 0 else theme.LOSS
            drawn.barh(place, worth, left=start, height=0.6, color=colour,
                       hatch="///" if worth < 0 and not total else None, **_EDGE)  # fmt: skip
            drawn.annotate(
                signed(about(worth, w), worth),
                (max(start, start + worth), place),
                xytext=(5, 0),
                textcoords="offset points",
                va="center",
                size=10.5,
                weight="bold" if total else "normal",
            )
            if not total and place < len(worths) - 1:
                drawn.plot(
                    [start + worth] * 2, [place + 0.3, place + 0.7], color=theme.QUIET_INK, lw=1
                )
        drawn.set_yticks(range(len(names)), [textwrap.fill(name, _PART_WORDS) for name in names])
        drawn.set_ylim(len(names) - 0.5, -0.5)
        drawn.axvline(0, color=theme.QUIET_INK, lw=0.8)
        drawn.set_xticks([])
        drawn.spines[:].set_visible(False)
        drawn.tick_params(axis="y", length=0)
        drawn.margins(x=0.12)
        finish(drawn, result.title(), result.sentence())
    return drawn


# --- parts of the pictures -------------------------------------------------------------------


def _draw_added(ax: Axes, added: Any, payback: int | None, wording: Wording) -> None:
    """A line that starts at nothing, below it what is not yet earned back."""
    months = np.arange(len(added) + 1)
    line = np.concatenate([[0.0], added])
    ax.fill_between(months, line, 0, where=line >= 0, color=theme.GAIN, alpha=0.25, lw=0,
                    interpolate=True)  # fmt: skip
    ax.fill_between(months, line, 0, where=line < 0, color=theme.LOSS, alpha=0.35, lw=0,
                    interpolate=True, hatch="///")  # fmt: skip
    ax.plot(months, line, color=theme.STOCK, lw=2.4)
    ax.axhline(0, color=theme.QUIET_INK, lw=1)
    if payback:
        ax.plot([payback], [line[payback]], "o", color=theme.INK, ms=7)
        ax.annotate(
            wording.say("chart.scenario.payback", month=payback),
            (payback, line[payback]),
            xytext=(0, -16),
            textcoords="offset points",
            ha="right" if payback > len(added) * 0.8 else "left",
            weight="bold",
        )
    ax.set_xlim(0, len(added))
    ax.set_xlabel(wording.say("chart.scenario.months"), loc="left")
    step = 12 * max(1, -(-len(added) // 120))
    ax.set_xticks(range(0, len(added) + 1, step))
    _number_axis(ax, wording)
    ax.margins(y=0.12)


def _draw_gap(ax: Axes, years: Any, before: Any, after: Any) -> None:
    """The room between the lines: gain where the new one is above, hatched loss where below."""
    if len(years) == 1:
        ax.plot([years[0]] * 2, [before[0], after[0]], color=theme.QUIET_INK, lw=1.2)
        return
    fill: dict[str, Any] = {"lw": 0, "interpolate": True}
    ax.fill_between(
        years, before, after, where=after >= before, color=theme.GAIN, alpha=0.28, **fill
    )
    ax.fill_between(years, before, after, where=after < before, color=theme.LOSS, alpha=0.30,
                    hatch="///", **fill)  # fmt: skip


def _name_ends(ax: Axes, years: Any, before: Any, after: Any, wording: Wording) -> None:
    """The name and the last figure of each line at its end, kept apart where they meet."""
    higher = after[-1] >= before[-1]
    for key, values, up, colour in (
        ("before", before, not higher, theme.QUIET_INK),
        ("after", after, higher, theme.STOCK),
    ):
        said = wording.say(f"chart.scenario.{key}", profit=about(values[-1], wording))
        ax.annotate(
            with_minus(said),
            (years[-1], values[-1]),
            xytext=(10, 9 if up else -9),
            textcoords="offset points",
            va="center",
            size=10.5,
            weight="bold" if key == "after" else "normal",
            color=colour,
        )


def _write_above(ax: Axes, place: int, height: float, said: str) -> None:
    ax.annotate(said, (place, height), xytext=(0, 4), textcoords="offset points", ha="center",
                size=10)  # fmt: skip


def _some(years: Any) -> Any:
    """Every year, or as many as fit."""
    step = max(1, -(-len(years) // 12))
    return years[::step] if step == 1 else years[step - 1 :: step]


def _with_unit(key: str, wording: Wording) -> str:
    unit = f"({wording.currency_symbol})" if wording.currency else ""
    return wording.say(key, currency=unit).strip()


def _number_axis(ax: Axes, wording: Wording) -> None:
    from matplotlib.ticker import MaxNLocator

    ax.yaxis.set_major_locator(MaxNLocator(6))
    ticks = ax.get_yticks()
    fine = len(ticks) > 1 and ticks[1] - ticks[0] < 1
    ax.yaxis.set_major_formatter(
        lambda value, _: with_minus(wording.number(value, decimals=1 if fine else 0))
    )
    ax.grid(axis="y")
    ax.spines["left"].set_visible(False)
    ax.tick_params(axis="y", length=0)
