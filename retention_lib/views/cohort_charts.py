"""Charts of cohorts and tenure: triangles as heat, the curve of retention, value by year."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from retention_lib.views import theme
from retention_lib.views.drawing import finish, key_above, list_in_alt, short_share

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap

    from retention_lib.portfolio.cohorts import CohortCurve, CohortResult, CohortRevenue, Triangle
    from retention_lib.portfolio.tenure import TenureResult
    from retention_lib.results import Result
    from retention_lib.wording import Wording

# More columns than this leave no room for a figure in each cell: shares are short, money is not.
_WRITABLE_AGES = {"share": 20, "customers": 16}
_WRITABLE_COHORTS = 16
_RULED = 40  # with more rows or columns than this the lines between cells hide the cells
_ALL = "#ECECEC"  # age 0 of shares: everybody by definition
_MOST_LABELS = 14
_HATCH = "////"
_STEPS = 4


def plot_retention_triangle(cohorts: CohortResult, *, ax: Axes | None = None) -> Axes:
    """Draw the share of each cohort that buys at each age; darker is more, hatched not yet seen."""
    return plot_triangle(cohorts.triangle("share"), ax=ax)


def plot_revenue_triangle(revenue: CohortRevenue, *, ax: Axes | None = None) -> Axes:
    """Draw what each customer won brings at each age, cohort by cohort."""
    return plot_triangle(revenue.cohorts.triangle("revenue_per_customer"), ax=ax)


def plot_triangle(triangle: Triangle, *, ax: Axes | None = None) -> Axes:
    """Draw a triangle as heat, oldest cohort on top, ages to the right.

    Age 0 does not set the scale, which would make the rest look pale: shares leave it uncoloured,
    for it is all of them by definition. Small triangles have their figures in the cells.
    """
    w, values = triangle.wording, triangle.values()
    if not values.size:
        return _plot_nothing(triangle, triangle.heading, ax)
    with theme.use_theme():
        height = min(max(2.3 + 0.36 * len(values), 3.3), 6.4)
        drawn = ax if ax is not None else theme.new_axes(9.0, height)
        heat = values.copy()
        if triangle.measure in ("share", "customers"):
            heat[:, 0] = np.nan
        most = _top_of_scale(triangle, values)
        colours = _colours()
        drawn.imshow(heat, cmap=colours, vmin=0, vmax=most, aspect="auto", interpolation="none")
        _mark_cells(drawn, values, heat)
        widest = _WRITABLE_AGES.get(triangle.measure, 13)
        if values.shape[1] <= widest and len(values) <= _WRITABLE_COHORTS:
            _write_cells(drawn, triangle, values, heat, most, colours)
        _label_triangle(drawn, triangle)
        if np.isfinite(heat).any():
            _key_of_heat(drawn, triangle, most, colours)
        drawn.grid(False)
        finish(drawn, triangle.heading, _describe_triangle(triangle, w))
    return drawn


def plot_curve(curve: CohortCurve, *, ax: Axes | None = None) -> Axes:
    """Draw the share of the customers won who buy at each age, with the range it lies in."""
    w = curve.wording
    table = curve.dependable()
    if table.empty:
        return _plot_nothing(curve, curve.sentence(), ax)
    with theme.use_theme():
        from matplotlib.ticker import MaxNLocator

        drawn = ax if ax is not None else theme.new_axes(9.0, 4.4)
        _draw_band(drawn, table, curve.told_ages(), w)
        last = float(table["age"].max())
        room = 0.07 * last + 0.3
        drawn.set_xlim(1 - room, last + room)
        drawn.set_ylim(0, float(table["share_high"].max()) * 1.12)
        step = _step(int(last), curve.period)
        drawn.set_xticks(range(step, int(last) + 1, step))
        drawn.yaxis.set_major_locator(MaxNLocator(nbins=7, steps=[1, 2, 5, 10]))
        drawn.yaxis.set_major_formatter(lambda value, _: w.percent(value, decimals=0))
        drawn.set_xlabel(w.say(f"chart.cohorts.age.{curve.period}"))
        drawn.set_ylabel(w.say(f"chart.cohorts.share_in.{curve.period}"))
        drawn.grid(axis="y")
        drawn.legend(loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0.1, borderpad=0.1)
        said = [
            w.say("chart.cohorts.point", age=int(row.age), share=short_share(w, float(row.share)))
            for row in table.itertuples()
        ]
        text = w.say(
            "chart.cohorts.curve_alt", finding=curve.sentence(), points=list_in_alt(said, w)
        )
        finish(drawn, curve.finding(), text)
    return drawn


def _draw_band(ax: Axes, table: pd.DataFrame, told: Sequence[int], wording: Wording) -> None:
    """The shares with their ranges; those that the title tells are written at their points."""
    names = ("age", "share", "share_low", "share_high")
    ages, shares, low, high = (table[name].to_numpy(dtype=float) for name in names)
    band = wording.say("chart.cohorts.range")
    line: dict[str, Any] = {"color": theme.STOCK, "marker": "o", "markersize": 5}
    if len(table) > 1:
        ax.fill_between(ages, low, high, label=band, **theme.BAND)
        ax.plot(ages, shares, linewidth=2.2, **line)
    else:
        ax.errorbar(ages, shares, [shares - low, high - shares], capsize=5, label=band, **line)
    for place in np.flatnonzero(np.isin(ages, told)):
        ax.plot(ages[place], shares[place], marker="o", markersize=9, color=theme.STOCK)
        ax.annotate(
            wording.percent(shares[place], decimals=0),
            (ages[place], high[place]),
            xytext=(0, 4),
            textcoords="offset points",
            ha="center",
            weight="bold",
        )


def plot_tenure(tenure: TenureResult, *, ax: Axes | None = None) -> Axes:
    """Draw revenue by year of tenure: per customer who still buys, and per customer won."""
    w, table = tenure.wording, tenure.table
    if table.empty:
        return _plot_nothing(tenure, tenure.finding(), ax)
    with theme.use_theme():
        drawn = ax if ax is not None else theme.new_axes(9.0, 4.8)
        # Side by side, so that ranges do not hide one another.
        _draw_years(drawn, tenure, "revenue_per_survivor", theme.STOCK, "o", -0.06)
        _draw_years(drawn, tenure, "revenue_per_won", theme.LOSS, "s", 0.06)
        years = table["tenure_year"].to_numpy(dtype=float)
        drawn.set_xlim(years.min() - 0.5, years.max() + 0.5)
        top = np.nanmax(table[["revenue_per_survivor", "revenue_per_survivor_high"]].to_numpy())
        bottom = np.nanmin([0.0, *table["revenue_per_won"], *table["revenue_per_survivor"]])
        drawn.set_ylim(bottom * 1.1, (top if top > 0 else 1.0) * 1.08)
        drawn.axhline(0, color=theme.QUIET_INK, linewidth=0.8)
        step = math.ceil(len(years) / _MOST_LABELS)
        drawn.set_xticks(years[::step], [w.number(year) for year in years[::step]])
        drawn.yaxis.set_major_formatter(lambda value, _: w.number(value))
        unit = f"({w.currency_symbol})" if w.currency else ""
        drawn.set_xlabel(w.say("chart.tenure.year"))
        drawn.set_ylabel(w.say("chart.tenure.revenue", currency=unit).strip())
        drawn.grid(axis="y")
        _key_of_tenure(drawn, tenure)
        said = [_say_year(w, row) for row in table.itertuples()]
        text = w.say("chart.tenure.alt", finding=tenure.finding(), years=list_in_alt(said, w))
        finish(drawn, tenure.finding(), text)
    return drawn


# --- triangles -------------------------------------------------------------------------------


def _colours() -> Colormap:
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("heat", list(theme.HEAT))


def _top_of_scale(triangle: Triangle, values: Any) -> float:
    """Where the darkest colour begins: a round number that hardly a cell lies above."""
    later = values[:, 1:] if values.shape[1] > 1 else values
    known = later[np.isfinite(later)]
    known = known if known.size else values[np.isfinite(values)]
    raw = float(np.quantile(known, 0.98 if known.size > 40 else 1.0)) / _STEPS
    if raw <= 0:
        return 1.0
    unit = 0.01 if triangle.measure == "share" else 1.0
    size = 10.0 ** math.floor(math.log10(max(raw, unit)))
    steps = [size * part for part in (1, 1.5, 2, 3, 4, 5, 6, 8, 10)]
    whole = [step for step in steps if abs(step / unit - round(step / unit)) < 1e-6]
    most = _STEPS * next(step for step in whole if step >= raw * (1 - 1e-9))
    return min(most, 1.0) if triangle.measure == "share" else most


def _mark_cells(ax: Axes, values: Any, heat: Any) -> None:
    """Hatch what is not seen yet, and grey what has no colour of its own."""
    from matplotlib.patches import Rectangle

    rows, ages = values.shape
    for row in range(rows):
        unseen = np.flatnonzero(~np.isfinite(values[row]))
        if unseen.size:
            ax.add_patch(
                Rectangle(
                    (unseen[0] - 0.5, row - 0.5),
                    ages - unseen[0],
                    1,
                    facecolor=theme.PAPER,
                    edgecolor=theme.RULE,
                    hatch=_HATCH,
                    linewidth=0,
                )
            )
        if not np.isfinite(heat[row, 0]) and np.isfinite(values[row, 0]):
            ax.add_patch(Rectangle((-0.5, row - 0.5), 1, 1, facecolor=_ALL, linewidth=0))
    if max(rows, ages) > _RULED:
        return
    width = 0.8 if max(rows, ages) <= 24 else 0.35
    for place in range(1, rows):
        ax.axhline(place - 0.5, color=theme.RULE, linewidth=width)
    for place in range(1, ages):
        ax.axvline(place - 0.5, color=theme.RULE, linewidth=width)


def _write_cells(
    ax: Axes, triangle: Triangle, values: Any, heat: Any, most: float, colours: Colormap
) -> None:
    from matplotlib.colors import to_hex

    for row, age in np.argwhere(np.isfinite(values)):
        value = float(values[row, age])
        known = np.isfinite(heat[row, age])
        fill = to_hex(colours(min(max(value, 0.0) / most, 1.0))) if known else _ALL
        label = _written(triangle, value)
        ax.text(age, row, label, ha="center", va="center", size=9.5, color=theme.ink_on(fill))


def _written(triangle: Triangle, value: float) -> str:
    """The figure of a cell, short enough for it."""
    w = triangle.wording
    if triangle.measure == "share":
        return w.number(value * 100)
    if abs(value) >= 100_000:
        return w.say("chart.cohorts.thousands", value=w.number(value / 1000))
    return w.number(value)


def _label_triangle(ax: Axes, triangle: Triangle) -> None:
    """Name as many cohorts and ages as can be read, always beginning with the first."""
    w, table = triangle.wording, triangle.table
    rows, ages = len(table), triangle.values().shape[1]
    step = _step(rows, triangle.period)
    places = range(0, rows, step)
    ax.set_yticks(
        list(places),
        [
            w.say(
                "chart.cohorts.cohort",
                cohort=str(table["cohort"].iloc[place]),
                size=int(table["size"].iloc[place]),
                mark="*" if table["doubtful"].iloc[place] else "",
            ).strip()
            for place in places
        ],
    )
    step = _step(ages, triangle.period)
    ax.set_xticks(list(range(0, ages, step)), [str(age) for age in range(0, ages, step)])
    ax.set_xlabel(
        w.say(f"chart.cohorts.age.{triangle.period}")
        + ("\n" + w.say("chart.cohorts.doubtful") if table["doubtful"].any() else "")
    )
    label = w.say("chart.cohorts.rows")
    ax.set_ylabel(label if rows > 6 else label.replace(" (", "\n("))
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)


def _step(count: int, period: str) -> int:
    """Every how many rows a label: steps of quarters or years where there are many months."""
    step = math.ceil(count / _MOST_LABELS)
    even = {"month": (1, 2, 3, 6, 12), "quarter": (1, 2, 4)}.get(period, (1,))
    largest = even[-1]
    return next((one for one in even if one >= step), math.ceil(step / largest) * largest)


def _key_of_heat(ax: Axes, triangle: Triangle, most: float, colours: Colormap) -> None:
    """From nothing to most in a few steps, and what not yet seen looks like."""
    from matplotlib.patches import Patch

    w = triangle.wording
    edge: dict[str, Any] = {"edgecolor": theme.QUIET_INK, "linewidth": 0.5}
    patches = []
    for place in range(_STEPS + 1):
        value = most * place / _STEPS
        label = _key_value(triangle, value)
        if place == _STEPS and (np.nan_to_num(triangle.values()[:, 1:]) > most).any():
            label = w.say("chart.cohorts.or_more", value=label)
        patches.append(Patch(facecolor=colours(place / _STEPS), label=label, **edge))
    if not np.isfinite(triangle.values()).all():
        unseen = w.say("chart.cohorts.unseen")
        patches.append(
            Patch(facecolor=theme.PAPER, edgecolor=theme.NEUTRAL, hatch=_HATCH, lw=0, label=unseen)
        )
    key_above(ax, patches)
    legend = ax.get_legend()
    if legend is not None:
        legend.set_title(w.say(f"chart.cohorts.{triangle.measure}"))
        legend.get_title().set_fontsize(10.5)
        legend._legend_box.align = "left"  # type: ignore[attr-defined]


def _key_value(triangle: Triangle, value: float) -> str:
    w = triangle.wording
    if triangle.measure == "share":
        return w.percent(value, decimals=0)
    return w.number(value) if triangle.measure == "customers" else w.money(value)


def _describe_triangle(triangle: Triangle, wording: Wording) -> str:
    """The text alternative: the finding, and the second and last figure of each cohort."""
    said = []
    for row, cells in zip(triangle.table.itertuples(), triangle.values(), strict=True):
        seen = np.flatnonzero(np.isfinite(cells))
        last = int(seen[-1]) if seen.size else 0
        said.append(
            wording.say(
                "chart.cohorts.row",
                cohort=str(row.cohort),
                size=int(row.size),
                age=last,
                value=_key_value(triangle, float(cells[last])),
            )
        )
    what = wording.say(f"chart.cohorts.{triangle.measure}")
    return wording.say(
        "chart.cohorts.alt", finding=triangle.heading, what=what, cohorts=list_in_alt(said, wording)
    )


# --- tenure ----------------------------------------------------------------------------------


def _draw_years(
    ax: Axes, tenure: TenureResult, name: str, colour: str, marker: str, shift: float
) -> None:
    """One figure by year with its range; hollow and dashed where it was not seen directly."""
    table = tenure.table[tenure.table[name].notna()]
    x = table["tenure_year"].to_numpy(dtype=float) + shift
    y = table[name].to_numpy(dtype=float)
    low = np.nan_to_num(y - table[f"{name}_low"].to_numpy(dtype=float))
    high = np.nan_to_num(table[f"{name}_high"].to_numpy(dtype=float) - y)
    direct = np.ones(len(table), dtype=bool)
    if name == "revenue_per_won":
        direct = table["followed"].to_numpy(dtype=bool)
    ax.errorbar(x, y, [low, high], fmt="none", ecolor=colour, capsize=4, elinewidth=1.3)
    reach = int(direct.sum())
    ax.plot(x[: reach or 1], y[: reach or 1], color=colour, linewidth=2.2)
    ax.plot(x[max(reach - 1, 0) :], y[max(reach - 1, 0) :], color=colour, linewidth=1.8, ls="--")
    for seen, face in ((direct, colour), (~direct, theme.PAPER)):
        ax.plot(
            x[seen],
            y[seen],
            ls="none",
            marker=marker,
            markersize=7,
            color=colour,
            markerfacecolor=face,
            markeredgewidth=1.6,
        )


def _key_of_tenure(ax: Axes, tenure: TenureResult) -> None:
    from matplotlib.lines import Line2D

    say, table = tenure.wording.say, tenure.table
    one: dict[str, Any] = {"color": theme.STOCK, "marker": "o", "lw": 2.2}
    other: dict[str, Any] = {"color": theme.LOSS, "marker": "s", "lw": 2.2}
    lines = [
        Line2D([], [], label=say("chart.tenure.survivor"), **one),
        Line2D([], [], label=say("chart.tenure.won"), **other),
    ]
    chained = ~table["followed"].astype(bool) & table["revenue_per_won"].notna()
    if chained.any():
        hollow = {**other, "lw": 1.8, "ls": "--", "markerfacecolor": theme.PAPER}
        lines.append(Line2D([], [], label=say("chart.tenure.chained"), **hollow))
    key_above(ax, lines)  # type: ignore[arg-type]


def _say_year(wording: Wording, row: Any) -> str:
    return wording.say(
        "chart.tenure.point",
        year=int(row.tenure_year),
        survivor=wording.money(float(row.revenue_per_survivor)),
        won=wording.money(float(row.revenue_per_won)) or "–",
    )


# --- nothing ---------------------------------------------------------------------------------


def _plot_nothing(result: Result, words: str, ax: Axes | None) -> Axes:
    """A figure that says in words why there is nothing to draw."""
    with theme.use_theme():
        drawn = ax if ax is not None else theme.new_axes(9.0, 2.2)
        drawn.set_axis_off()
        missing = result.wording.say("chart.cohorts.nothing")
        drawn.text(0.0, 0.5, "\n".join(_wrapped(missing)), va="center", size=11)
        finish(drawn, words, f"{words.rstrip('.')}. {missing}")
    return drawn


def _wrapped(words: str) -> Sequence[str]:
    return textwrap.wrap(words, 100)
