"""One function a chart; no figures are worked out here, results bring them.

Every chart takes a result and draws on ``ax``, or on a new figure where none is given. Its title
states the finding, its axes carry the units, and the figure gets a text alternative
(:func:`retention_lib.views.theme.alt_text`).
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from typing import TYPE_CHECKING, Any

from retention_lib.views import theme
from retention_lib.views.drawing import (
    draw_bars,
    finish,
    fit_margins,
    key_above,
    label_bars,
    list_in_alt,
    only_horizontal_bars,
    short_share,
    write_at_ends,
)

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.text import Text

    from retention_lib.base.opening import BaseDescription
    from retention_lib.portfolio.rfm import RfmResult, SegmentProfile
    from retention_lib.results import Result
    from retention_lib.wording import Wording

Cell = tuple[int, ...]
Box = tuple[float, float, float, float]
"""Left, bottom, width, height."""

# With more levels than this a map's cells are too small to be written in.
_WRITABLE_LEVELS = 5
_SIZES = (10.0, 9.5, 9.0, 8.5, 8.0)
_LEADING = 1.35  # from line to line, in sizes of the type


def plot_segment_map(result: RfmResult, *, ax: Axes | None = None) -> Axes:
    """Draw the map of the segments: recency upwards, frequency and spend to the right.

    Each segment is a patch of its colour with its name, its customers and its share of revenue.
    A scheme on all three scores is drawn as one block for each level of spend, with a key.
    """
    with theme.use_theme():
        drawn = ax if ax is not None else theme.new_axes(9.0, 5.4)
        if result.scheme.on == "r_fm" and result.scheme.levels <= _WRITABLE_LEVELS:
            _draw_patches(drawn, result)
        else:
            _draw_blocks(drawn, result)
        finish(drawn, result.finding(), _describe_segments(result, "chart.segment_map.alt"))
    return drawn


def plot_segment_shares(profile: SegmentProfile, *, ax: Axes | None = None) -> Axes:
    """Draw each segment's share of revenue beside its share of customers, most revenue first."""
    say = profile.wording.say
    table = profile.table[profile.table["customers"] > 0]
    colours = _segment_colours(profile.scheme)
    with theme.use_theme():
        drawn = ax if ax is not None else theme.new_axes(9.0, 1.5 + 0.42 * max(len(table), 4))
        places = range(len(table))
        revenue = table["share_of_revenue"].fillna(0.0)
        draw_bars(
            drawn, [p - 0.19 for p in places], revenue, [colours[c] for c in table.segment_code]
        )
        draw_bars(drawn, [p + 0.19 for p in places], table["share_of_customers"], theme.RULE)
        label_bars(drawn, table["share_of_revenue"], -0.19, profile.wording, bold=True)
        label_bars(drawn, table["share_of_customers"], 0.19, profile.wording)
        drawn.set_yticks(list(places), [textwrap.fill(name, 26) for name in table["segment"]])
        only_horizontal_bars(drawn, len(table))
        drawn.set_xlabel(say("chart.segment_shares.axis"), loc="left")
        _key_of_pairs(drawn, colours[table["segment_code"].iloc[0]], profile.wording)
        finish(drawn, profile.finding(), _describe_segments(profile, "chart.segment_shares.alt"))
    return drawn


def plot_quality(scorecard: Result, *, ax: Axes | None = None) -> Axes:
    """Draw the share of rows that each check concerns, the most urgent checks first.

    Takes a result whose table has ``label, share, rows, severity``; checks that concern nobody
    are left out of the picture, not out of the table.
    """
    w, table = scorecard.wording, scorecard.table
    urgency = {severity: place for place, severity in enumerate(theme.SEVERITY_COLOURS)}
    found = table[table["rows"] > 0].assign(urgency=table["severity"].map(urgency))
    found = found.sort_values(["urgency", "share"], ascending=[True, False], kind="stable")
    with theme.use_theme():
        drawn = ax if ax is not None else theme.new_axes(9.0, 1.9 + 0.38 * max(len(found), 3))
        colours = [theme.SEVERITY_COLOURS.get(s, theme.NEUTRAL) for s in found["severity"]]
        draw_bars(drawn, range(len(found)), found["share"], colours, height=0.66)
        for bar, severity in zip(drawn.patches, found["severity"], strict=True):
            bar.set_hatch(theme.SEVERITY_HATCHES.get(severity, ""))
        labels = [_rows_and_share(w, row) for row in found.itertuples()]
        write_at_ends(drawn, found["share"], labels)
        drawn.set_yticks(
            range(len(found)), [textwrap.fill(str(label), 42) for label in found["label"]]
        )
        only_horizontal_bars(drawn, len(found))
        drawn.set_xlabel(w.say("chart.quality.axis"), loc="left")
        _key_of_severities(drawn, found["severity"].unique(), w)
        said = [f"{row.label}: {_rows_and_share(w, row)}" for row in found.itertuples()]
        finish(drawn, scorecard.sentence(), w.say("chart.quality.alt", checks=list_in_alt(said, w)))
    return drawn


def plot_set_aside(result: Result, *, ax: Axes | None = None) -> Axes:
    """Draw what became of the rows read: one bar cut into those kept and each reason not to.

    Takes a result whose table has ``reason`` (empty for the rows kept), ``label, rows, share``.
    """
    w, table = result.wording, result.table
    table = table[table["rows"] > 0]
    colours = _fate_colours(table["reason"])
    with theme.use_theme():
        drawn = ax if ax is not None else theme.new_axes(9.0, 1.75 + 0.3 * len(table))
        left = 0.0
        for share, colour in zip(table["share"], colours, strict=True):
            drawn.barh(0, share, left=left, height=0.7, color=colour, **theme.EDGE)
            left += share
        for place, (row, colour) in enumerate(zip(table.itertuples(), colours, strict=True)):
            y = 0.85 + 0.5 * place
            drawn.barh(y, 0.018, height=0.3, color=colour, edgecolor=theme.QUIET_INK, linewidth=0.5)
            label = textwrap.shorten(str(row.label), 70, placeholder="…")
            drawn.text(0.03, y, label, va="center", weight="bold" if not row.reason else "normal")
            drawn.text(1.0, y, _rows_and_share(w, row), va="center", ha="right")
        drawn.set_xlim(0, 1)
        drawn.set_ylim(0.6 + 0.5 * len(table), -0.4)
        drawn.set_axis_off()
        said = [f"{row.label}: {_rows_and_share(w, row)}" for row in table.itertuples()]
        finish(drawn, result.sentence(), w.say("chart.set_aside.alt", fates=list_in_alt(said, w)))
    return drawn


def plot_months(result: BaseDescription, *, ax: Axes | None = None) -> Axes:
    """Draw the revenue of each calendar month; months covered only in part are paler."""
    w, months = result.wording, result.months
    with theme.use_theme():
        drawn = ax if ax is not None else theme.new_axes(8.6, 3.6)
        colours = [theme.KEPT if whole else theme.RULE for whole in months["complete"]]
        drawn.bar(range(len(months)), months["revenue"], color=colours, width=0.8, **theme.EDGE)
        drawn.axhline(0, color=theme.QUIET_INK, linewidth=0.8)
        _label_months(drawn, months, w)
        unit = f"({w.currency_symbol})" if w.currency else ""
        drawn.set_ylabel(w.say("chart.months.axis", currency=unit).strip())
        drawn.yaxis.set_major_formatter(lambda value, _: w.number(value))
        drawn.grid(axis="y")
        said = [f"{w.month(row.month)}: {w.money(row.revenue)}" for row in months.itertuples()]
        finish(drawn, result.finding(), w.say("chart.months.alt", months=list_in_alt(said, w)))
    return drawn


def _label_months(ax: Axes, months: pd.DataFrame, wording: Wording) -> None:
    """Name as many months as fit, evenly, always beginning with the first."""
    step = max(1, math.ceil(len(months) / 8))
    # Steps of a quarter or half a year fall on the same months every year.
    step = next((even for even in (1, 2, 3, 6, 12) if even >= step), math.ceil(step / 12) * 12)
    places = range(0, len(months), step)
    ax.set_xticks(list(places), [wording.short_month(months["month"].iloc[p]) for p in places])


# --- the segment map -------------------------------------------------------------------------


def _draw_patches(ax: Axes, result: RfmResult) -> None:
    """R against the mean of F and M, each segment a patch that is written on."""
    scheme, colours = result.scheme, _segment_colours(result.scheme)
    ax.set_xlim(0.5, scheme.levels + 0.5)
    ax.set_ylim(0.5, scheme.levels + 0.5)
    owner = {cell: segment.code for segment in scheme.segments for cell in segment.cells}
    for (r, fm), code in owner.items():
        _fill_cell(ax, fm, r, colours[code])
        _draw_borders(ax, (r, fm), owner)
    levels = range(1, scheme.levels + 1)
    ax.set_xticks(list(levels))
    ax.set_xlabel(result.wording.say("chart.segment_map.fm", levels=scheme.levels))
    _label_recency(ax, result)
    # Margins first: how much fits into a patch depends on how large it will be.
    fit_margins(ax, result.finding())
    by_code = result.profile().table.set_index("segment_code")
    for segment in scheme.segments:
        _write_patch(ax, segment.cells, by_code.loc[segment.code], colours[segment.code], result)


def _fill_cell(ax: Axes, x: float, y: float, colour: str) -> None:
    from matplotlib.patches import Rectangle

    # An edge in the same colour closes the hairlines that show between two cells otherwise.
    ax.add_patch(Rectangle((x - 0.5, y - 0.5), 1, 1, facecolor=colour, edgecolor=colour, lw=0.8))


def _draw_borders(ax: Axes, cell: Cell, owner: Mapping[Cell, str]) -> None:
    """White lines where one segment meets another, so that greyscale print shows the patches."""
    *blocks, r, x = (*cell[2:], cell[0], cell[1])
    for (dr, dx), xs, ys in (
        ((0, 1), (x + 0.5, x + 0.5), (r - 0.5, r + 0.5)),
        ((1, 0), (x - 0.5, x + 0.5), (r + 0.5, r + 0.5)),
    ):
        beside = (r + dr, x + dx, *blocks)
        if owner.get(beside, owner[cell]) != owner[cell]:
            ax.plot(xs, ys, color=theme.PAPER, lw=3.5, solid_capstyle="projecting", zorder=2)


def _label_recency(ax: Axes, result: RfmResult) -> None:
    """Name each level of R with the days it stands for."""
    cuts = result.segment_cut_points
    recency = cuts[cuts["measure"] == "recency_days"].sort_values("score")
    labels = [
        f"{score}   {words}"
        for score, words in zip(recency["score"], recency["range"], strict=True)
    ]
    ax.set_yticks(list(recency["score"]), labels)
    ax.set_ylabel(result.wording.say("chart.segment_map.r", levels=result.scheme.levels))
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)


def _write_patch(
    ax: Axes, cells: Sequence[Cell], row: pd.Series[Any], colour: str, result: RfmResult
) -> None:
    """Write a segment's name and figures into the largest rectangle of its cells."""
    w = result.wording
    figures = _figures(w, row)
    pieces = _connected(cells)
    for piece in pieces:
        box = _largest_rectangle(piece)
        # A segment in several pieces is named in each and counted in the first, its largest.
        _write_in(ax, box, str(row["segment"]), figures if piece is pieces[0] else [], colour)


def _figures(wording: Wording, row: pd.Series[Any]) -> list[str]:
    """What stands under a segment's name: its customers and its share of revenue."""
    if not row["customers"]:
        return [wording.say("chart.segment_map.nobody")]
    figures = [wording.say("chart.segment_map.customers", customers=int(row["customers"]))]
    if row["share_of_revenue"] == row["share_of_revenue"]:
        share = short_share(wording, float(row["share_of_revenue"]))
        figures.append(wording.say("chart.segment_map.revenue", share=share))
    return figures


def _write_in(ax: Axes, box: Box, name: str, figures: Sequence[str], colour: str) -> None:
    """Write the name in bold over its figures, in the largest type that fits into the box."""
    left, bottom, width, height = box
    centre = (left + width / 2, bottom + height / 2)
    room_x, room_y = _pixels(ax, width * 0.92, height * 0.94)
    ink = theme.ink_on(colour)
    for below in (figures, []):
        for size, columns in product(_SIZES, (40, 18, 14, 11, 9)):
            head = textwrap.wrap(name, columns, break_long_words=False)
            written = _write_lines(ax, centre, head, below, size, ink)
            widest = max(line.get_window_extent().width for line in written)
            if widest <= room_x and size * _LEADING * len(written) * ax.figure.dpi / 72 <= room_y:
                return
            for line in written:
                line.remove()
    # Not even the name fits in small type; the text alternative has it in full.
    _write_lines(ax, centre, [name[:9] + "…"], [], _SIZES[-1], ink)


def _write_lines(
    ax: Axes,
    centre: tuple[float, float],
    head: Sequence[str],
    below: Sequence[str],
    size: float,
    ink: str,
) -> list[Text]:
    """Lines one under another around a point, the head in bold: a text has one weight only."""
    lines = [(line, "bold") for line in head] + [(line, "normal") for line in below]
    return [
        ax.annotate(
            line,
            centre,
            xytext=(0, size * _LEADING * ((len(lines) - 1) / 2 - place)),
            textcoords="offset points",
            ha="center",
            va="center",
            size=size,
            color=ink,
            weight=weight,
        )
        for place, (line, weight) in enumerate(lines)
    ]


def _pixels(ax: Axes, width: float, height: float) -> tuple[float, float]:
    (x0, y0), (x1, y1) = ax.transData.transform([(0, 0), (width, height)])
    return abs(x1 - x0), abs(y1 - y0)


def _connected(cells: Sequence[Cell]) -> list[list[Cell]]:
    """Cells that touch, together; the largest piece first."""
    left = set(cells)
    pieces = []
    while left:
        piece, edge = [], [left.pop()]
        while edge:
            r, x = cell = edge.pop()
            piece.append(cell)
            beside = {(r + 1, x), (r - 1, x), (r, x + 1), (r, x - 1)} & left
            left -= beside
            edge += sorted(beside)
        pieces.append(sorted(piece))
    return sorted(pieces, key=lambda piece: (-len(piece), piece))


def _largest_rectangle(piece: Sequence[Cell]) -> Box:
    """The largest rectangle of whole cells, wide rather than high: texts are wide."""
    held = set(piece)
    best: tuple[tuple[int, int], Box] = ((0, 0), (0.0, 0.0, 1.0, 1.0))
    for r, x in piece:
        for r_end in range(r, max(c[0] for c in piece) + 1):
            for x_end in range(x, max(c[1] for c in piece) + 1):
                inside = [(i, j) for i in range(r, r_end + 1) for j in range(x, x_end + 1)]
                if held.issuperset(inside):
                    high, wide = r_end - r + 1, x_end - x + 1
                    rank = (high * wide, wide)
                    best = max(best, (rank, (x - 0.5, r - 0.5, float(wide), float(high))))
    return best[1]


def _draw_blocks(ax: Axes, result: RfmResult) -> None:
    """R against F, one block a level of M (or R against FM), with a key beside it."""
    scheme, colours, w = result.scheme, _segment_colours(result.scheme), result.wording
    levels, in_blocks = scheme.levels, scheme.on == "r_f_m"
    step = levels * 1.12
    written = levels * (levels if in_blocks else 1) <= 2 * _WRITABLE_LEVELS
    for row in result.cells.to_dict("records"):
        x = row["f"] + (row["m"] - 1) * step if in_blocks else row["fm"]
        colour = colours[row["segment_code"]]
        _fill_cell(ax, x, row["r"], colour)
        _frame_cell(ax, x, row["r"])
        if written:
            centred: dict[str, Any] = {"ha": "center", "va": "center", "size": 9.5}
            label = w.number(int(row["customers"]))
            ax.text(x, row["r"], label, color=theme.ink_on(colour), **centred)
    shifts = [block * step for block in range(levels if in_blocks else 1)]
    ax.set_xlim(0.5, shifts[-1] + levels + 0.5)
    ax.set_ylim(0.5, levels + 0.5)
    _label_blocks(ax, result, shifts)
    counted = "\n" + w.say("chart.segment_map.counts") if written else ""
    ax.set_xlabel(w.say(f"chart.segment_map.{scheme.axes[1]}", levels=levels) + counted)
    _label_recency(ax, result)
    _draw_key(ax, result, colours)


def _frame_cell(ax: Axes, x: float, y: float) -> None:
    from matplotlib.patches import Rectangle

    edge = Rectangle((x - 0.5, y - 0.5), 1, 1, fill=False, edgecolor=theme.PAPER, lw=1.5)
    ax.add_patch(edge)


def _label_blocks(ax: Axes, result: RfmResult, shifts: Sequence[float]) -> None:
    w, levels = result.wording, result.scheme.levels
    scores = range(1, levels + 1)
    ax.set_xticks(
        [score + shift for shift in shifts for score in scores],
        [str(score) for _ in shifts for score in scores],
    )
    if result.scheme.on == "r_fm":
        return
    cuts = result.segment_cut_points
    money = cuts[cuts["measure"] == "monetary"].set_index("score")["range"]
    for m, shift in enumerate(shifts, start=1):
        label = w.say("chart.segment_map.m", score=m)
        if levels <= 3:
            label += f"\n{money[m]}"
        ax.annotate(
            label,
            (shift + 0.5 + levels / 2, levels + 0.5),
            xytext=(0, 5),
            textcoords="offset points",
            ha="center",
            va="bottom",
            size=9,
        )


def _draw_key(ax: Axes, result: RfmResult, colours: Mapping[str, str]) -> None:
    """Every segment with its colour, its customers and its share, to the right of the map."""
    from matplotlib.patches import Patch

    w = result.wording
    by_code = result.profile().table.set_index("segment_code")
    patches = []
    for segment in result.scheme.segments:
        row = by_code.loc[segment.code]
        label = "\n".join([textwrap.fill(str(row["segment"]), 22), *_figures(w, row)])
        patches.append(Patch(facecolor=colours[segment.code], edgecolor=theme.RULE, label=label))
    ax.legend(
        handles=patches,
        loc="upper left",
        bbox_to_anchor=(1.01, 1.02),
        borderaxespad=0.2,
        labelspacing=0.75 if len(patches) <= 6 else 0.45,
        fontsize=9.5 if len(patches) <= 6 else 7.5,
        handlelength=1.2,
        handleheight=1.4,
    )


# --- bars and words ------------------------------------------------------------------------


def _key_of_pairs(ax: Axes, colour: str, wording: Wording) -> None:
    from matplotlib.patches import Patch

    revenue = Patch(facecolor=colour, label=wording.say("chart.segment_shares.revenue"))
    customers = Patch(
        facecolor=theme.RULE,
        edgecolor=theme.QUIET_INK,
        lw=0.5,
        label=wording.say("chart.segment_shares.customers"),
    )
    key_above(ax, [revenue, customers])


def _key_of_severities(ax: Axes, found: Iterable[str], wording: Wording) -> None:
    from matplotlib.patches import Patch

    known = [severity for severity in theme.SEVERITY_COLOURS if severity in set(found)]
    patches = [
        Patch(
            facecolor=theme.SEVERITY_COLOURS[name],
            hatch=theme.SEVERITY_HATCHES[name],
            label=wording.say(f"chart.severity.{name}"),
            **theme.EDGE,
        )
        for name in known
    ]
    if len(patches) > 1:
        key_above(ax, patches)


def _fate_colours(reasons: Iterable[str]) -> list[str]:
    aside = 0
    colours = []
    for reason in reasons:
        if reason:
            colours.append(theme.SET_ASIDE_COLOURS[aside % len(theme.SET_ASIDE_COLOURS)])
            aside += 1
        else:
            colours.append(theme.KEPT)
    return colours


def _segment_colours(scheme: Any) -> dict[str, str]:
    return theme.segment_colours([segment.code for segment in scheme.segments])


def _rows_and_share(wording: Wording, row: Any) -> str:
    return wording.say(
        "chart.rows_and_share", rows=int(row.rows), share=short_share(wording, float(row.share))
    )


def _describe_segments(result: Any, key: str) -> str:
    """The text alternative of a picture of segments: all its figures, in words."""
    w: Wording = result.wording
    table = result.profile().table if hasattr(result, "profile") else result.table
    said = [
        w.say(
            "chart.segment",
            segment=row.segment,
            customers=int(row.customers),
            share_of_customers=short_share(w, float(row.share_of_customers)),
            share_of_revenue=short_share(w, float(row.share_of_revenue)),
        )
        for row in table.itertuples()
    ]
    return w.say(key, finding=result.finding(), segments=list_in_alt(said, w))
