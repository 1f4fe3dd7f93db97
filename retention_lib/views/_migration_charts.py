"""Pictures of customers who go from one segment to another."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from retention_lib.portfolio.rfm import SKETCH_BELOW
from retention_lib.views import theme
from retention_lib.views.drawing import finish, list_in_alt, short_share, unbroken
from retention_lib.wording import with_minus

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from retention_lib.portfolio._migration_views import (
        MigrationChance,
        MigrationMatrix,
        RevenueMoved,
    )
    from retention_lib.portfolio.migration import MigrationResult
    from retention_lib.results import Result
    from retention_lib.wording import Wording

_NODE = 0.035  # width of a segment's bar; the flows run between the bars, from 0 to 1
_GAP = 0.014  # between two segments, of all customers
_SMALL = 0.012  # flows of a smaller share of all customers are put together
_STUB = 0.06
_LINE = 0.036  # a label takes so much of the height


def plot_migration(result: MigrationResult, *, ax: Axes | None = None) -> Axes:
    """Draw the flow from the segments of the first date, left, to those of today, right."""
    w, table = result.wording, result.table
    if not len(table):
        return _say_nothing(result, ax)
    codes = [*[segment.code for segment in result.scheme.segments], "not_yet"]
    colours = {**theme.segment_colours(codes[:-1]), "not_yet": "#DADDE0"}
    total = int(table["customers"].sum())
    left = _stack(table.groupby("from_code")["customers"].sum(), codes, total)
    right = _stack(table.groupby("to_code")["customers"].sum(), codes, total)
    with theme.use_theme():
        drawn = ax if ax is not None else theme.new_axes(10.0, 7.2)
        _draw_flows(drawn, table, left, right, codes, colours, total)
        for places, x in ((left, -_NODE), (right, 1.0)):
            for code, (bottom, top) in places.items():
                _draw_box(drawn, x, bottom, _NODE, top - bottom, colours[code])
        names = {row.from_code: row.from_segment for row in table.itertuples()}
        names |= {row.to_code: row.to_segment for row in table.itertuples()}
        sizes = table.groupby("from_code")["customers"].sum()
        _write_names(drawn, left, names, sizes, w, side=-1)
        _write_names(drawn, right, names, table.groupby("to_code")["customers"].sum(), w, side=1)
        _head(drawn, result, total)
        drawn.set_xlim(-_NODE, 1 + _NODE)
        drawn.set_ylim(min(p[0] for p in (*left.values(), *right.values())) - 0.01, 1.01)
        drawn.set_axis_off()
        finish(drawn, result.finding(), _flows_in_words(result))
    return drawn


def plot_migration_matrix(result: MigrationMatrix, *, ax: Axes | None = None) -> Axes:
    """Draw the shares of each segment's customers that went to each segment, as a heat table."""
    w, table = result.wording, result.table
    if not len(table):
        return _say_nothing(result, ax)
    names = list(table.columns[2:])
    shades = _shades()
    with theme.use_theme():
        drawn = ax if ax is not None else theme.new_axes(11.6, 1.9 + 0.42 * len(table))
        for y, row in enumerate(table.itertuples(index=False)):
            for x, share in enumerate(row[2:]):
                colour = shades(float(share))
                _draw_box(drawn, x - 0.5, y - 0.5, 1, 1, colour, edge=theme.PAPER)
                if share >= 0.005:
                    few = row[1] < SKETCH_BELOW
                    count = w.number(round(float(share) * row[1]))
                    drawn.text(
                        x,
                        y,
                        count if few else w.percent(float(share), decimals=0),
                        style="italic" if few else "normal",
                        ha="center",
                        va="center",
                        size=10,
                        color=theme.ink_on(colour),
                        weight="bold" if names[x] == row[0] else "normal",
                    )
        drawn.set_yticks(
            range(len(table)),
            [
                f"{name} ({w.number(int(n))})"
                for name, n in zip(table["from_segment"], table["customers"], strict=True)
            ],
        )
        width = max(9, int(100 / max(len(names), 1)))
        heads = [textwrap.fill(name, width, break_long_words=False) for name in names]
        drawn.set_xticks(range(len(names)), heads, size=9.5)
        drawn.xaxis.tick_top()
        drawn.set_xlabel(w.say("chart.matrix.to", least=SKETCH_BELOW), loc="left", labelpad=6)
        drawn.set_xlim(-0.5, len(names) - 0.5)
        drawn.set_ylim(len(table) - 0.5, -0.5)
        drawn.spines[:].set_visible(False)
        drawn.tick_params(length=0)
        said = [_row_in_words(row, names, w) for row in table.itertuples(index=False)]
        alt = w.say("chart.matrix.alt", finding=result.finding(), rows=list_in_alt(said, w))
        finish(drawn, result.finding(), alt)
    return drawn


def plot_migration_chance(result: MigrationChance, *, ax: Axes | None = None) -> Axes:
    """Draw how many moved as dots, and the range of what time and chance alone would move."""
    w, table = result.wording, result.table
    if not table["by_chance"].notna().all():
        return _say_nothing(result, ax)
    colours = {"changed": theme.STOCK, "up": theme.GAIN, "down": theme.LOSS}
    with theme.use_theme():
        drawn = ax if ax is not None else theme.new_axes(9.0, 3.3)
        for place, row in enumerate(table.itertuples()):
            width = max(row.by_chance_high - row.by_chance_low, 0.004)
            drawn.barh(
                place, width, left=row.by_chance_low, height=0.5, color=theme.RULE, **theme.EDGE
            )
            drawn.plot(row.share, place, "o", markersize=11, color=colours[row.move])
            ahead = row.share >= row.by_chance
            drawn.annotate(
                short_share(w, float(row.share)),
                (row.share, place),
                xytext=(10 if ahead else -10, 0),
                textcoords="offset points",
                ha="left" if ahead else "right",
                va="center",
                weight="bold",
            )
        drawn.set_yticks(range(len(table)), list(table["movement"]))
        drawn.set_ylim(len(table) - 0.45, -0.55)
        furthest = max(table["share"].max(), table["by_chance_high"].max())
        drawn.set_xlim(0, min(furthest * 1.2, 1.1) or 0.1)
        drawn.xaxis.set_major_formatter(lambda value, _: w.percent(value, decimals=0))
        drawn.set_xlabel(w.say("chart.chance.axis"))
        drawn.grid(axis="x")
        _key_of_chance(drawn, w)
        said = [
            w.say(
                "chart.chance.row",
                movement=row.movement,
                share=short_share(w, float(row.share)),
                low=short_share(w, float(row.by_chance_low)),
                high=short_share(w, float(row.by_chance_high)),
            )
            for row in table.itertuples()
        ]
        finish(drawn, result.finding(), w.say("chart.chance.alt", rows=list_in_alt(said, w)))
    return drawn


def plot_revenue_moved(result: RevenueMoved, *, ax: Axes | None = None) -> Axes:
    """Draw what each direction took away or brought, as bars to both sides of nothing."""
    w, table = result.wording, result.table
    colours = {"down": theme.LOSS, "same": theme.NEUTRAL, "up": theme.GAIN, "new": theme.STOCK}
    with theme.use_theme():
        drawn = ax if ax is not None else theme.new_axes(9.0, 3.8)
        changes = table["revenue_moved"]
        drawn.barh(
            range(len(table)),
            changes,
            color=[colours[direction] for direction in table["direction"]],
            height=0.6,
        )
        drawn.axvline(0, color=theme.QUIET_INK, linewidth=0.8)
        for place, change in enumerate(changes):
            said = ("+" if change > 0 else "") + with_minus(w.money(float(change)))
            drawn.annotate(
                said,
                (float(change), place),
                xytext=(5 if change >= 0 else -5, 0),
                textcoords="offset points",
                ha="left" if change >= 0 else "right",
                va="center",
                weight="bold",
            )
        labels = [f"{row.movement} ({w.number(int(row.customers))})" for row in table.itertuples()]
        drawn.set_yticks(range(len(table)), labels)
        drawn.set_ylim(len(table) - 0.45, -0.55)
        least, most = min(float(changes.min()), 0.0), max(float(changes.max()), 0.0)
        # Room for the figure beside the longest bar, which is longest in French.
        room = max(most - least, 1.0) * 0.3
        drawn.set_xlim(least - room, most + room)
        drawn.spines[:].set_visible(False)
        drawn.tick_params(length=0)
        drawn.set_xticks([])
        unit = f"({w.currency_symbol})" if w.currency else ""
        drawn.set_xlabel(w.say("chart.moved.axis", currency=unit).strip(), loc="left")
        rows = [
            w.say(
                "chart.moved.row",
                movement=row.movement,
                customers=int(row.customers),
                change=w.money(float(row.revenue_moved)),
            )
            for row in table.itertuples()
        ]
        finish(drawn, result.finding(), w.say("chart.moved.alt", rows=list_in_alt(rows, w)))
    return drawn


# --- the flow picture ------------------------------------------------------------------------


def _stack(sizes: Any, codes: Sequence[str], total: int) -> dict[str, tuple[float, float]]:
    """Where each segment's bar begins and ends, the best on top."""
    places, top = {}, 1.0
    for code in codes:
        if code in sizes.index:
            height = float(sizes[code]) / total
            places[code] = (top - height, top)
            top -= height + _GAP
    return places


def _draw_flows(
    ax: Axes,
    table: pd.DataFrame,
    left: Mapping[str, tuple[float, float]],
    right: Mapping[str, tuple[float, float]],
    codes: Sequence[str],
    colours: Mapping[str, str],
    total: int,
) -> None:
    """Bands in the order of the segments; at each end small flows are one grey stub, lowest."""
    ordered = table.assign(
        small=table["customers"] < _SMALL * total,
        a=table["from_code"].map(codes.index),
        b=table["to_code"].map(codes.index),
    )
    starts = {code: top for code, (_, top) in left.items()}
    ends = {code: top for code, (_, top) in right.items()}
    begun, ended = {}, {}
    large = ordered[~ordered["small"]]
    for row in large.sort_values(["a", "b"]).itertuples():
        begun[row.Index] = starts[row.from_code]
        starts[row.from_code] -= row.customers / total
    for row in large.sort_values(["b", "a"]).itertuples():
        ended[row.Index] = ends[row.to_code]
        ends[row.to_code] -= row.customers / total
    for row in large.sort_values("customers", ascending=False).itertuples():
        height = row.customers / total
        _draw_band(ax, begun[row.Index], ended[row.Index], height, colours[row.from_code])
    for places, tops, x in ((left, starts, 0.0), (right, ends, 1.0 - _STUB)):
        for code, (bottom, _) in places.items():
            if tops[code] - bottom > 1e-9:
                _draw_stub(ax, x, bottom, tops[code], toward=x > 0)


def _draw_band(ax: Axes, start: float, end: float, height: float, colour: str) -> None:
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    x0, x1, bend = 0.0, 1.0, 0.5
    points = [
        (x0, start),
        (bend, start),
        (bend, end),
        (x1, end),
        (x1, end - height),
        (bend, end - height),
        (bend, start - height),
        (x0, start - height),
        (x0, start),
    ]
    curve = Path.CURVE4
    moves = [Path.MOVETO, curve, curve, curve, Path.LINETO, curve, curve, curve, Path.CLOSEPOLY]
    ax.add_patch(
        PathPatch(Path(points, moves), facecolor=colour, alpha=0.55, edgecolor=theme.PAPER, lw=0.6)
    )


def _draw_stub(ax: Axes, x: float, bottom: float, top: float, *, toward: bool) -> None:
    from matplotlib.patches import Polygon

    middle, inner, outer = (
        (bottom + top) / 2,
        x if toward else x + _STUB,
        x + _STUB if toward else x,
    )
    corners = [(outer, bottom), (outer, top), (inner, middle)]
    ax.add_patch(Polygon(corners, facecolor=theme.RULE, edgecolor="none"))


def _draw_box(
    ax: Axes, x: float, y: float, width: float, height: float, colour: str, *, edge: str = ""
) -> None:
    from matplotlib.patches import Rectangle

    ax.add_patch(
        Rectangle(
            (x, y), width, height, facecolor=colour, edgecolor=edge or theme.QUIET_INK, lw=1.0
        )
    )


def _write_names(
    ax: Axes,
    places: Mapping[str, tuple[float, float]],
    names: Mapping[str, str],
    sizes: Any,
    wording: Wording,
    *,
    side: int,
) -> None:
    """Each segment's name and customers beside its bar, none on top of another."""
    middles = [(bottom + top) / 2 for bottom, top in places.values()]
    labels = [_label(names[code], int(sizes[code]), wording) for code in places]
    spread = _spread(middles, [label.count("\n") + 1 for label in labels])
    edge = -_NODE if side < 0 else 1 + _NODE
    for label, middle, y in zip(labels, middles, spread, strict=True):
        ax.plot(
            [edge, edge + side * 0.028],
            [middle, y],
            color=theme.QUIET_INK,
            linewidth=0.7,
            clip_on=False,
        )
        ax.text(
            edge + side * 0.035,
            y,
            label,
            ha="right" if side < 0 else "left",
            va="center",
            size=10,
        )


def _label(name: str, customers: int, wording: Wording) -> str:
    short = textwrap.shorten(name, 44, placeholder="…")
    return textwrap.fill(short, 24) + f"  {wording.number(customers)}"


def _spread(middles: Sequence[float], lines: Sequence[int]) -> list[float]:
    """Heights as near to these, from top to bottom, as labels of so many lines can stand apart."""
    heights: list[float] = []
    for place, middle in enumerate(middles):
        if heights:
            middle = min(middle, heights[-1] - _LINE * (lines[place - 1] + lines[place]) / 2)
        heights.append(middle)
    return heights


def _head(ax: Axes, result: MigrationResult, total: int) -> None:
    w = result.wording
    then, now = (
        textwrap.fill(said, 20)
        for said in (
            w.say("chart.migration.then", since=unbroken(w.date(result.since))),
            w.say("chart.migration.now", as_of=unbroken(w.date(result.as_of))),
        )
    )
    ax.text(-_NODE, 1.03, then, ha="left", va="bottom", size=10.5, weight="bold")
    ax.text(1 + _NODE, 1.03, now, ha="right", va="bottom", size=10.5, weight="bold")
    notes = w.say("chart.migration.widths")
    if (result.table["customers"] < _SMALL * total).any():
        least = int(-(-_SMALL * total // 1))
        notes += "\n" + w.say("chart.migration.small", customers=least)
    ax.text(
        0.5,
        -0.02,
        notes,
        transform=ax.transAxes,
        ha="center",
        va="top",
        size=9.5,
        color=theme.QUIET_INK,
    )


def _flows_in_words(result: MigrationResult) -> str:
    w, largest = result.wording, result.table.nlargest(12, "customers", keep="first")
    said = [
        w.say(
            "chart.migration.flow",
            customers=int(row.customers),
            from_segment=row.from_segment,
            to_segment=row.to_segment,
        )
        for row in largest.itertuples()
    ]
    since = w.date(result.since)
    return w.say(
        "chart.migration.alt", since=since, finding=result.finding(), flows=list_in_alt(said, w)
    )


# --- the others ------------------------------------------------------------------------------


def _shades() -> Any:
    """From a share to a colour of the heat scale, as a hex code."""
    from matplotlib.colors import LinearSegmentedColormap, to_hex

    scale = LinearSegmentedColormap.from_list("heat", list(theme.HEAT))
    return lambda share: to_hex(scale(min(share * 1.1, 1.0))).upper()


def _row_in_words(row: Any, names: Sequence[str], wording: Wording) -> str:
    shares = sorted(zip(row[2:], names, strict=True), key=lambda pair: -pair[0])[:3]
    few = row[1] < SKETCH_BELOW
    said = [
        f"{name} {round(share * row[1]) if few else short_share(wording, float(share))}"
        for share, name in shares
        if share > 0
    ]
    return f"{row[0]}: {', '.join(said)}"


def _key_of_chance(ax: Axes, wording: Wording) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    dot = Line2D(
        [],
        [],
        marker="o",
        linestyle="",
        markersize=9,
        color=theme.INK,
        label=wording.say("chart.chance.observed"),
    )
    band = Patch(facecolor=theme.RULE, label=wording.say("chart.chance.by_chance"), **theme.EDGE)
    ax.legend(
        handles=[dot, band], loc="lower left", bbox_to_anchor=(0, 1), ncols=2, borderaxespad=0.1
    )


def _say_nothing(result: Result, ax: Axes | None) -> Axes:
    with theme.use_theme():
        drawn = ax if ax is not None else theme.new_axes(8.6, 2.0)
        drawn.set_axis_off()
        words = result.wording.say("chart.migration.nothing")
        drawn.text(0.0, 0.6, words, va="center", color=theme.QUIET_INK)
        finish(drawn, result.sentence(), result.sentence())
    return drawn
