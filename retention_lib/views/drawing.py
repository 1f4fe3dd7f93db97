"""What every chart is drawn with: bars, keys, labels, titles, margins and the text alternative."""

from __future__ import annotations

import math
import re
import textwrap
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from retention_lib.views import theme

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch

    from retention_lib.wording import Wording

_EDGE = 0.015  # of the figure, kept free all round
_STAYS = 1e-6  # of a pixel: margins that move less have found their place


# --- bars ------------------------------------------------------------------------------------


def draw_bars(
    ax: Axes,
    places: Iterable[float],
    shares: pd.Series[Any],
    colours: Any,
    *,
    height: float = 0.36,
) -> None:
    """Horizontal bars at those places, as long as the shares."""
    ax.barh(
        list(places),
        list(shares),
        height=height,
        color=colours,
        # A thin line keeps the palest bars visible on white, and on a weak projector.
        edgecolor=theme.QUIET_INK,
        linewidth=0.5,
    )


def label_bars(
    ax: Axes, shares: pd.Series[Any], offset: float, wording: Wording, *, bold: bool = False
) -> None:
    """Shares written at the ends of their bars."""
    labels = [short_share(wording, float(share)) for share in shares]
    write_at_ends(ax, shares, labels, offset=offset, bold=bold)


def write_at_ends(
    ax: Axes,
    shares: pd.Series[Any],
    labels: Sequence[str],
    *,
    offset: float = 0.0,
    bold: bool = False,
) -> None:
    """Any texts written at the ends of bars."""
    for place, (share, label) in enumerate(zip(shares, labels, strict=True)):
        end = 0.0 if share != share else float(share)
        ax.annotate(
            label,
            (max(end, 0.0), place + offset),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            size=9.5,
            weight="bold" if bold else "normal",
        )


def only_horizontal_bars(ax: Axes, count: int) -> None:
    """First bar on top, no ruler: the figures stand at the ends of the bars."""
    from matplotlib.ticker import NullLocator

    ax.set_ylim(max(count, 1) - 0.45, -0.55)
    low, high = ax.get_xlim()
    ax.set_xlim(min(low, 0.0), (high if high > 0 else 1.0) * 1.04)
    ax.xaxis.set_major_locator(NullLocator())
    ax.spines[:].set_visible(False)
    ax.axvline(0, color=theme.QUIET_INK, linewidth=0.8)
    ax.tick_params(axis="y", length=0)


def key_above(ax: Axes, patches: Sequence[Patch]) -> None:
    """Between the title and the bars, where no bar can run into it."""
    ax.legend(
        handles=patches,
        loc="lower left",
        bbox_to_anchor=(0, 1),
        ncols=len(patches),
        borderaxespad=0.1,
        borderpad=0.1,
        columnspacing=1.5,
        handlelength=1.4,
    )


# --- words and margins -----------------------------------------------------------------------


def short_share(wording: Wording, share: float) -> str:
    """A share for a label; a share that rounds to nothing without being nothing is below 0.1."""
    if share != share:
        return "–"
    if 0 < abs(share) < 0.0005:
        return "< " + wording.percent(0.001)
    return wording.percent(share, decimals=0 if abs(share) >= 0.1 or share == 0 else 1)


def list_in_alt(said: Sequence[str], wording: Wording) -> str:
    """Several statements in a text alternative; French sets a space before the mark."""
    return ("\N{NO-BREAK SPACE}; " if wording.language == "fr" else "; ").join(said)


def unbroken(words: str) -> str:
    """Words that stay on one line."""
    return words.replace(" ", "\N{NO-BREAK SPACE}")


def finish(ax: Axes, title: str, text: str) -> None:
    """Give the chart its title, its margins and its text alternative."""
    from matplotlib.text import Text

    for written in ax.findobj(Text):
        written.set_parse_math(False)  # US$ is money, not a formula
    theme.describe(ax.figure, text)
    fit_margins(ax, title)


def say_only(words: str, ax: Axes | None, wording: Wording) -> Axes:
    """A figure that says in words why there is nothing to draw."""
    with theme.use_theme():
        lines = 1 + len(words) // 70
        drawn = ax if ax is not None else theme.new_axes(8.6, 1.1 + 0.26 * lines)
        drawn.set_axis_off()
        drawn.text(
            0.0,
            0.5,
            wording.say("chart.contacts.nothing"),
            va="center",
            size=11,
            color=theme.QUIET_INK,
            transform=drawn.transAxes,
        )
        finish(drawn, words, words)
    return drawn


def fit_margins(ax: Axes, title: str) -> None:
    """Make room for the labels as long as they are, and set the title over the whole width.

    On axes that were handed in, the layout is the caller's: only the title is set.
    """
    figure, left = ax.figure, 0.0
    ax.set_title("", loc="left")
    over = _overhang(ax)
    if isinstance(figure, theme.WorkbookFigure):
        # A label at the end of a bar hangs over more as the axes get narrower: measured again,
        # until it stays. Measuring is most of what a picture costs.
        for _ in range(3):
            before, left = over, _fit_sides(over, figure)
            over = _overhang(ax)
            if all(abs(now - then) < _STAYS for now, then in zip(over, before, strict=True)):
                break
    above = over[3]
    lines = _set_title(ax, title, left, above)
    if isinstance(figure, theme.WorkbookFigure):
        size = (lines * 13 * 1.3 + 10) * theme.DPI / 72
        top = 1 - (size + above) / figure.bbox.height
        figure.subplots_adjust(top=max(top, ax.get_position().y0 + 0.1))


def _fit_sides(over: tuple[float, float, float, float], figure: Figure) -> float:
    """Fit left, right and lower margin to what hangs over the axes; give back the left one."""
    left, bottom, right, _ = over
    width, height = figure.bbox.width, figure.bbox.height
    figure.subplots_adjust(
        left=left / width + _EDGE,
        right=1 - right / width - _EDGE,
        bottom=bottom / height + _EDGE * width / height,
        top=0.8,
    )
    return left / width + _EDGE


def _overhang(ax: Axes) -> tuple[float, float, float, float]:
    """Pixels that labels take beyond the axes: left, below, right, above."""
    inner, outer = ax.get_window_extent(), ax.get_tightbbox() or ax.get_window_extent()
    return (inner.x0 - outer.x0, inner.y0 - outer.y0, outer.x1 - inner.x1, outer.y1 - inner.y1)


def _set_title(ax: Axes, title: str, left: float, above: float) -> int:
    """Set the title from the left edge of the figure, or of axes handed in; count its lines."""
    # A percentage stays on one line with its sign, and French marks with the word before them.
    title = re.sub(r" (?=[%;:?!»])|(?<=«) ", "\N{NO-BREAK SPACE}", title.rstrip("."))
    figure, room, start = ax.figure, ax.get_window_extent().width, 0.0
    if left:
        room = figure.bbox.width * (1 - 2 * _EDGE)
        start = -(left - _EDGE) / ax.get_position().width
    drawn = ax.set_title(title, x=start, pad=above * 72 / figure.dpi + 6, loc="left")
    columns = len(title)
    while drawn.get_window_extent().width > room and columns > 20:
        columns = min(columns - 1, math.ceil(columns * room / drawn.get_window_extent().width))
        drawn.set_text(textwrap.fill(title, columns))
    drawn.set_text(_balanced(title, columns))
    return drawn.get_text().count("\n") + 1


def _balanced(title: str, columns: int) -> str:
    """Wrap a title into lines of like length, so that no word is left alone on the last."""
    lines = len(textwrap.wrap(title, columns))
    while columns > 20 and len(textwrap.wrap(title, columns - 1)) == lines:
        columns -= 1
    return textwrap.fill(title, columns)
