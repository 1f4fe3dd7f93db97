"""Pictures of who carries the value, what it takes to hold it, and who the segments are."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from retention_lib.views import theme
from retention_lib.views.drawing import (
    draw_bars,
    finish,
    key_above,
    label_bars,
    list_in_alt,
    only_horizontal_bars,
    say_only,
    short_share,
    write_at_ends,
)
from retention_lib.views.tables import IDENTIFYING, MASK_VARIABLE, mask_frame
from retention_lib.wording import with_minus

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from retention_lib.portfolio._value_results import (
        ClassResult,
        ConcentrationResult,
        DependencyResult,
    )
    from retention_lib.portfolio._value_where import NeedsByGroup
    from retention_lib.portfolio.needs import NeedsResult
    from retention_lib.portfolio.profiles import Crosstab, ProfileResult
    from retention_lib.portfolio.value import ValueResult
    from retention_lib.wording import Wording

CLASS_COLOURS = {"A": theme.HEAT[4], "B": theme.HEAT[2], "C": theme.HEAT[1]}
_MOST_POINTS = 2000
_WIDEST_LABEL = 30
_WHOLE = ("now", "target")
_OTHERS = {"new": theme.SERIES[3], "surplus": theme.NEUTRAL}


def plot_pareto(result: ValueResult, *, ax: Axes | None = None) -> Axes:
    """Draw what the largest customers bring together, with the classes A, B and C under it."""
    w = result.wording
    if result.silence():
        return say_only(result.finding(), ax, w)
    reached = np.concatenate([[0.0], result.table["cumulative_share"].to_numpy(dtype=float)])
    customers = np.linspace(0.0, 1.0, len(reached))
    classes = result.classes().table
    with theme.use_theme():
        drawn = ax if ax is not None else theme.new_axes(8.6, 5.0)
        labels, end = [], 0
        for row in classes.itertuples():
            held = slice(end, end + int(row.customers) + 1)
            end += int(row.customers)
            labels.append(_class_label(w, row, result.by))
            if not row.customers:
                continue
            x, y = _thinned(customers[held], reached[held])
            drawn.fill_between(
                x, y, facecolor=CLASS_COLOURS[str(row.abc)], label=labels[-1], **theme.EDGE
            )
        x, y = _thinned(customers, reached)
        drawn.plot(x, y, color=theme.INK, lw=2.0)
        drawn.plot([0, 1], [0, 1], color=theme.QUIET_INK, lw=1.0, ls=(0, (4, 3)))
        drawn.annotate(
            w.say("value.chart.equal"),
            (0.5, 0.5),
            xytext=(7, -7),
            textcoords="offset points",
            va="top",
            color=theme.QUIET_INK,
            size=9.5,
            bbox={"facecolor": theme.PAPER, "edgecolor": "none", "pad": 1.5},
        )
        _mark_headline(drawn, result, customers, reached)
        drawn.set_xlim(0, 1)
        drawn.set_ylim(min(0.0, float(reached.min())), max(1.0, float(reached.max())) * 1.02)
        _percent_axes(drawn, w)
        drawn.set_xlabel(w.say("value.chart.customers_axis"))
        drawn.set_ylabel(w.say("value.chart.value_axis", what=result.what))
        drawn.legend(
            loc="lower right",
            frameon=True,
            facecolor=theme.PAPER,
            framealpha=1.0,
            edgecolor=theme.RULE,
            fontsize=9.5,
        )
        finding = result.finding()
        alt = w.say("value.chart.pareto_alt", finding=finding, classes=list_in_alt(labels, w))
        finish(drawn, finding, alt)
    return drawn


def plot_classes(result: ClassResult, *, ax: Axes | None = None) -> Axes:
    """Draw what each class brings beside how many customers it is."""
    from matplotlib.patches import Patch

    w, table = result.wording, result.table
    if table.empty:
        return say_only(result.finding(), ax, w)
    brings, what = table[f"share_of_{result.by}"], w.say(f"value.what.{result.by}")
    with theme.use_theme():
        drawn = ax if ax is not None else theme.new_axes(8.6, 3.4)
        places = range(len(table))
        colours = [CLASS_COLOURS[abc] for abc in table["abc"]]
        draw_bars(drawn, [p - 0.19 for p in places], brings, colours)
        draw_bars(drawn, [p + 0.19 for p in places], table["share_of_customers"], theme.RULE)
        label_bars(drawn, brings, -0.19, w, bold=True)
        counts = [
            w.say("value.chart.group_label", group=short_share(w, share), customers=int(count))
            for share, count in zip(table["share_of_customers"], table["customers"], strict=True)
        ]
        write_at_ends(drawn, table["share_of_customers"], counts, offset=0.19)
        drawn.set_yticks(list(places), list(table["abc"]))
        only_horizontal_bars(drawn, len(table))
        key_above(
            drawn,
            [
                Patch(facecolor=colours[0], label=w.say("value.chart.of_value", what=what)),
                Patch(
                    facecolor=theme.RULE,
                    edgecolor=theme.QUIET_INK,
                    lw=0.5,
                    label=w.say("value.chart.of_customers"),
                ),
            ],
        )
        said = [
            w.say(
                "value.chart.two_bars",
                name=row.abc,
                customers=short_share(w, float(row.share_of_customers)),
                figure=short_share(w, float(share)),
                what=what,
            )
            for row, share in zip(table.itertuples(), brings, strict=True)
        ]
        _finish_bars(drawn, result.finding(), said, w)
    return drawn


def plot_concentration(result: ConcentrationResult, *, ax: Axes | None = None) -> Axes:
    """Draw the share of the largest 1, 5, 10 and 20 % of customers, each with its range."""
    w = result.wording
    table = result.table.iloc[1:]
    table = table[table["figure"].notna()]
    if table.empty:
        return say_only(result.finding(), ax, w)
    with theme.use_theme():
        drawn = ax if ax is not None else theme.new_axes(8.6, 1.4 + 0.5 * len(table))
        _draw_ranges(drawn, table["figure"], table["low"], table["high"], theme.STOCK)
        ends = table[["figure", "high"]].max(axis=1)
        said = [
            w.say(
                "value.chart.range",
                figure=short_share(w, float(row.figure)),
                low=short_share(w, float(row.low)),
                high=short_share(w, float(row.high)),
            )
            for row in table.itertuples()
        ]
        write_at_ends(drawn, ends, said)
        names = [
            w.say("value.chart.group_label", group=row.measure, customers=int(row.customers))
            for row in table.itertuples()
        ]
        drawn.set_yticks(range(len(table)), names)
        drawn.set_xlim(0, float(ends.max()))
        only_horizontal_bars(drawn, len(table))
        drawn.set_xlabel(w.say("value.chart.share_axis", what=result.what), loc="left")
        _finish_bars(drawn, result.finding(), _pairs(names, said, w), w, key="points_alt")
    return drawn


def plot_dependency(result: DependencyResult, *, ax: Axes | None = None) -> Axes:
    """Draw the share of each of the largest customers."""
    w, table = result.wording, result.table
    if table.empty:
        return say_only(result.finding(), ax, w)
    column = "name" if "name" in table and table["name"].notna().all() else "customer_id"
    names = [_short(name) for name in _masked(table[[column]], w)[column]]
    with theme.use_theme():
        drawn = ax if ax is not None else theme.new_axes(8.6, 1.4 + 0.36 * max(len(table), 3))
        draw_bars(drawn, range(len(table)), table["share"], theme.STOCK, height=0.66)
        said = [
            w.say(
                "value.chart.money_and_share",
                money=w.money(float(value)),
                share=short_share(w, float(share)),
            )
            for value, share in zip(table[result.by], table["share"], strict=True)
        ]
        write_at_ends(drawn, table["share"], said)
        drawn.set_yticks(range(len(table)), names)
        only_horizontal_bars(drawn, len(table))
        what = w.say(f"value.what.{result.by}")
        drawn.set_xlabel(w.say("value.chart.share_axis", what=what), loc="left")
        _finish_bars(drawn, result.finding(), _pairs(names, said, w), w)
    return drawn


def plot_needs(result: NeedsResult, *, ax: Axes | None = None) -> Axes:
    """Draw the way from today's revenue to the target, what new customers bring last."""
    w, table = result.wording, result.table
    if table.empty or result.is_sketch():
        return say_only(result.finding(), ax, w)
    colours = [_step_colour(row) for row in table.itertuples()]
    with theme.use_theme():
        drawn = ax if ax is not None else theme.new_axes(8.8, 1.5 + 0.5 * len(table))
        level, ends = 0.0, []
        for place, (row, colour) in enumerate(zip(table.itertuples(), colours, strict=True)):
            whole = row.step_code in _WHOLE
            start = 0.0 if whole else level
            level = float(row.revenue) if whole else level + float(row.revenue)
            low, high = min(start, level), max(start, level)
            edge = theme.QUIET_INK
            drawn.barh(place, high - low, left=low, height=0.66, color=colour, ec=edge, lw=0.5)
            ends.append(high)
            if place + 1 < len(table):
                drawn.plot([level, level], [place, place + 1], color=edge, lw=0.8, zorder=0)
        said = [_step_label(row, w) for row in table.itertuples()]
        import pandas as pd

        write_at_ends(drawn, pd.Series(ends), said)
        drawn.set_yticks(range(len(table)), [textwrap.fill(name, 28) for name in table["step"]])
        left, right = _cropped(table)
        drawn.set_xlim(left, right)
        drawn.set_ylim(len(table) - 0.45, -0.55)
        drawn.spines[["left"]].set_visible(False)
        drawn.tick_params(axis="y", length=0)
        drawn.xaxis.set_major_formatter(lambda value, _: w.number(value))
        drawn.locator_params(axis="x", nbins=5)
        axis = "value.chart.money_axis"
        if left > 0:
            axis += "_cut"
            _break_bars(drawn, [p for p, code in enumerate(table["step_code"]) if code in _WHOLE])
        drawn.set_xlabel(w.say(axis, currency=_unit(w)))
        _finish_bars(drawn, result.finding(), _pairs(list(table["step"]), said, w), w)
    return drawn


def plot_needs_where(result: NeedsByGroup, *, ax: Axes | None = None) -> Axes:
    """Draw the revenue expected to leave from each group, with its range."""
    w = result.wording
    table = result.table
    if table.empty or not (table["expected_loss"] > 0).any():
        return say_only(result.finding(), ax, w)
    table = table[table["customers"] > 0]
    names = [_short(name) for name in _masked(table[[result.by]], w)[result.by]]
    with theme.use_theme():
        drawn = ax if ax is not None else theme.new_axes(8.8, 1.5 + 0.42 * max(len(table), 3))
        loss = table["expected_loss"].fillna(0.0)
        draw_bars(drawn, range(len(table)), loss, theme.LOSS, height=0.6)
        known = table["expected_loss_high"].notna().to_numpy()
        for place in np.flatnonzero(known):
            row = table.iloc[place]
            ends = [row["expected_loss_low"], row["expected_loss_high"]]
            drawn.plot(ends, [place, place], color=theme.INK, lw=1.6, solid_capstyle="butt")
        said = [_loss_label(row, w) for row in table.itertuples()]
        ends = table[["expected_loss", "expected_loss_high"]].max(axis=1).fillna(0.0)
        write_at_ends(drawn, ends, said)
        drawn.set_yticks(range(len(table)), names)
        drawn.set_xlim(0, max(float(ends.max()), 1.0))
        only_horizontal_bars(drawn, len(table))
        drawn.set_xlabel(w.say("value.chart.loss_axis", currency=_unit(w)), loc="left")
        _finish_bars(drawn, result.finding(), _pairs(names, said, w), w)
    return drawn


def plot_profile(result: ProfileResult, *, ax: Axes | None = None) -> Axes:
    """Draw the share of each group's customers in each segment, darker for more."""
    w, table = result.wording, result.table
    if table.empty:
        return say_only(result.finding(), ax, w)
    groups = list(table[result.by])
    segments = list(dict.fromkeys(result.cells["segment"]))
    shape = (len(groups), len(segments))
    shares = result.cells["share_of_group"].to_numpy(dtype=float).reshape(shape)
    beyond = result.cells["beyond_chance"].to_numpy(dtype=bool).reshape(shape)
    shown = _masked(table[[result.by]], w)[result.by]
    names = [
        w.say("value.chart.group_label", group=_short(name), customers=int(count))
        for name, count in zip(shown, table["customers"], strict=True)
    ]
    with theme.use_theme():
        drawn = ax if ax is not None else theme.new_axes(9.4, 2.4 + 0.36 * len(groups))
        drawn.set_yticks(range(len(groups)), names)
        heads = [textwrap.fill(name, 12) for name in segments]
        drawn.set_xticks(range(len(segments)), heads, size=9.5, rotation=40)
        for label in drawn.get_xticklabels():
            label.set(ha="right", rotation_mode="anchor")
        drawn.set_xlabel(w.say("value.chart.cells_axis"), size=9.5)
        drawn.tick_params(length=0)
        drawn.spines[:].set_visible(False)
        labels = _cell_labels(result, shape)
        _draw_heat(drawn, shares, beyond, labels)
        figures = [list_in_alt(_pairs(segments, row, w), w) for row in labels]
        _finish_bars(drawn, result.finding(), _pairs(names, figures, w), w, key="heat_alt")
    return drawn


def plot_crosstab(result: Crosstab, *, ax: Axes | None = None) -> Axes:
    """Draw the groups against the segments, as the profile does."""
    return plot_profile(result.profile, ax=ax)


# --- pieces ----------------------------------------------------------------------------------


def _finish_bars(
    ax: Axes, finding: str, said: Sequence[str], wording: Wording, *, key: str = "bars_alt"
) -> None:
    text = wording.say(f"value.chart.{key}", finding=finding, bars=list_in_alt(said, wording))
    finish(ax, finding, text)


def _pairs(names: Sequence[object], figures: Sequence[str], wording: Wording) -> list[str]:
    return [
        wording.say("value.chart.bar", name=name, figure=figure)
        for name, figure in zip(names, figures, strict=True)
    ]


def _short(name: object) -> str:
    return textwrap.shorten(str(name), _WIDEST_LABEL, placeholder="…") or str(name)[:_WIDEST_LABEL]


def _masked(frame: pd.DataFrame, wording: Wording) -> pd.DataFrame:
    """Names as the tables show them: pseudonyms where masking is on."""
    if os.environ.get(MASK_VARIABLE) != "1":
        return frame
    return mask_frame(frame, IDENTIFYING, word=wording.say("mask.customer"))


def _thinned(x: np.ndarray[Any, Any], y: np.ndarray[Any, Any]) -> tuple[Any, Any]:
    """As many points as a screen can show; the first and the last are always among them."""
    kept = np.unique(np.linspace(0, len(x) - 1, min(len(x), _MOST_POINTS)).astype(int))
    return x[kept], y[kept]


def _class_label(wording: Wording, row: Any, by: str) -> str:
    return wording.say(
        "value.chart.class_label",
        abc=row.abc,
        customers=int(row.customers),
        share=short_share(wording, float(row.share_of_customers)),
        brings=short_share(wording, float(getattr(row, f"share_of_{by}"))),
    )


def _mark_headline(ax: Axes, result: ValueResult, x: Any, y: Any) -> None:
    """A point on the curve where the title reads it off."""
    place = result.headline_count()
    if not place:
        return
    ax.plot([x[place], x[place]], [0, y[place]], color=theme.PAPER, lw=1.2, ls=(0, (2, 2)))
    ax.plot(x[place], y[place], "o", color=theme.INK, ms=8, mec=theme.PAPER, mew=1.2)
    w = result.wording
    ax.annotate(
        short_share(w, float(y[place])),
        (x[place], y[place]),
        xytext=(-8, 6),
        textcoords="offset points",
        ha="right",
        weight="bold",
    )


def _percent_axes(ax: Axes, wording: Wording) -> None:
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_formatter(lambda value, _: wording.number(value * 100))


def _draw_ranges(ax: Axes, figures: Any, lows: Any, highs: Any, colour: str) -> None:
    """Points, each with a line over its range."""
    for place, (figure, low, high) in enumerate(zip(figures, lows, highs, strict=True)):
        ax.plot([low, high], [place, place], color=colour, lw=2.0)
        ax.plot(figure, place, "o", color=colour, ms=9)


def _step_colour(row: Any) -> str:
    if row.step_code in _WHOLE:
        return theme.STOCK
    if row.step_code in _OTHERS:
        return _OTHERS[row.step_code]
    return theme.LOSS if row.revenue < 0 else theme.GAIN


def _step_label(row: Any, wording: Wording) -> str:
    money = with_minus(wording.money(float(row.revenue)))
    if row.step_code in _WHOLE:
        return money
    sign = "+" if row.revenue > 0 else ""
    return wording.say(
        "value.chart.range",
        figure=sign + money,
        low=with_minus(wording.money(float(row.low))),
        high=with_minus(wording.money(float(row.high))),
    )


def _cropped(table: pd.DataFrame) -> tuple[float, float]:
    """The axis from a little below the lowest level of the way to a little above the highest."""
    moves = table[~table["step_code"].isin(_WHOLE)]["revenue"]
    first = float(table["revenue"].iloc[0])
    levels = np.concatenate([[first], first + np.cumsum(moves), [table["revenue"].iloc[-1]]])
    low, high = float(levels.min()), float(levels.max())
    room = max(high - low, abs(high) * 0.02, 1.0)
    start = low - room * 0.6
    return (0.0 if low >= 0 and start < high * 0.25 else start), high + room * 0.15


def _break_bars(ax: Axes, places: Sequence[int]) -> None:
    """Two slanted cuts through bars that do not begin at zero."""
    left, right = ax.get_xlim()
    for place in places:
        for shift in (0.03, 0.042):
            x = left + (right - left) * shift
            slant = (right - left) * 0.008
            ends = [x - slant, x + slant]
            ax.plot(ends, [place + 0.36, place - 0.36], color=theme.PAPER, lw=2.5)


def _loss_label(row: Any, wording: Wording) -> str:
    lost, opening = int(row.lost_customers), int(row.opening_customers)
    if row.loss_rate != row.loss_rate:
        return wording.say("value.chart.too_few", lost=lost, opening=opening)
    return wording.say(
        "value.chart.range",
        figure=wording.money(float(row.expected_loss)),
        low=wording.money(float(row.expected_loss_low)),
        high=wording.money(float(row.expected_loss_high)),
    )


def _unit(wording: Wording) -> str:
    return f" ({wording.currency_symbol})" if wording.currency else ""


def _cell_labels(result: ProfileResult, shape: tuple[int, int]) -> np.ndarray[Any, Any]:
    """Shares in per cent; where a group is small, how many of how many."""
    w = result.wording
    sizes = np.repeat(result.table["customers"].to_numpy(), shape[1])
    labels = []
    for row, of in zip(result.cells.itertuples(), sizes, strict=True):
        share, count = float(row.share_of_group), int(row.customers)
        if result.is_small(int(of)):
            labels.append(w.say("value.chart.count_of", count=count, of=int(of)) if count else "0")
        else:
            labels.append(w.number(share * 100) if share >= 0.005 or not share else "< 1")
    return np.array(labels, dtype=object).reshape(shape)


def _draw_heat(ax: Axes, shares: Any, beyond: Any, labels: Any) -> None:
    """Cells in one hue, each with its label; those that differ beyond chance framed."""
    from matplotlib.colors import LinearSegmentedColormap, to_hex
    from matplotlib.patches import Rectangle

    hue = LinearSegmentedColormap.from_list("retention_heat", theme.HEAT)
    most = max(float(shares.max()), 0.01)
    for (place, column), share in np.ndenumerate(shares):
        colour = to_hex(hue(share / most))
        corner = (column - 0.5, place - 0.5)
        ax.add_patch(Rectangle(corner, 1, 1, facecolor=colour, edgecolor=theme.PAPER, lw=1.5))
        differs = bool(beyond[place, column])
        ax.text(
            column,
            place,
            labels[place, column],
            ha="center",
            va="center",
            size=10,
            weight="bold" if differs else "normal",
            color=theme.ink_on(colour),
        )
        if differs:
            inset = (column - 0.44, place - 0.42)
            frame = Rectangle(inset, 0.88, 0.84, fill=False, edgecolor=theme.LOSS, lw=2.0)
            ax.add_patch(frame)
    ax.set_xlim(-0.5, shares.shape[1] - 0.5)
    ax.set_ylim(shares.shape[0] - 0.5, -0.5)
