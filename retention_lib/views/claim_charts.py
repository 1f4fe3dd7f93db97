"""The picture of the trade's sentences on trial: every verdict at a glance.

Nothing is worked out here. Each line has a scale of its own, because shares, ratios and growth
have no axis in common: what can be seen is whether the base's figure lies where the trade says.
"""

from __future__ import annotations

import re
import textwrap
from typing import TYPE_CHECKING, Any

from retention_lib.views import theme
from retention_lib.views.drawing import finish, list_in_alt
from retention_lib.wording import with_minus

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from retention_lib.decisions.claims import ClaimsResult
    from retention_lib.wording import Wording

_VERDICTS = ("contradicted", "confirmed", "cannot_tell")
_COLOURS = {
    "confirmed": theme.GAIN,
    "contradicted": theme.LOSS,
    "cannot_tell": theme.QUIET_INK,
}
# Shapes tell the verdicts apart where colours do not.
_MARKERS = {"confirmed": "o", "contradicted": "X", "cannot_tell": "D"}
_BAND = "#D9DEE4"
_WIDTH, _TOLD_WIDTH = 46, 84


def plot_claims(result: ClaimsResult, *, ax: Axes | None = None) -> Axes:
    """Draw the sentences by verdict: the trade's band, and where this base lies beside it."""
    w, groups = result.wording, _groups(result.table)
    lines = sum(len(rows) + 1 for _, rows in groups)
    with theme.use_theme():
        drawn = ax if ax is not None else theme.new_axes(11.0, 1.6 + 0.47 * lines)
        names, places = [], []
        headings, place = [], 0
        for verdict, rows in groups:
            headings.append((place, verdict, len(rows)))
            for _, row in rows.iterrows():
                place += 1
                _draw_line(drawn, place, row, w)
                names.append(_wrapped(str(row["claim"]).rstrip("."), _WIDTH))
                places.append(place)
            place += 1
        drawn.set_xlim(0, 1)
        drawn.set_ylim(place - 0.4, -0.6)
        drawn.set_yticks(places, names)
        for at, verdict, count in headings:
            _write_heading(drawn, at, verdict, count, w)
        _quiet(drawn, w)
        points = [_in_words(row, w) for _, rows in groups for _, row in rows.iterrows()]
        alt = w.say("chart.claims.alt", finding=result.finding(), points=list_in_alt(points, w))
        finish(drawn, result.finding(), alt)
    return drawn


def _groups(table: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """The lines by verdict; of those that cannot be told, the ones with a figure first."""
    ordered = table.assign(open=table["low"].isna()).sort_values("open", kind="stable")
    by_verdict = [(v, ordered[ordered["verdict_code"] == v]) for v in _VERDICTS]
    return [(verdict, rows) for verdict, rows in by_verdict if len(rows)]


def _draw_line(ax: Axes, place: int, row: pd.Series[Any], wording: Wording) -> None:
    """The trade's band, the base's range and figure on it, and the figure in words beside it."""
    verdict = str(row["verdict_code"])
    words: dict[str, Any] = {"va": "center", "size": 10, "color": _COLOURS[verdict]}
    if not _known(row):
        tell = wording.say("chart.claims.tell", tell=row["what_would_tell"])
        ax.text(0.01, place, _wrapped(tell, _TOLD_WIDTH), **words)
        return
    weight = "normal" if verdict == "cannot_tell" else "bold"
    ax.text(1.02, place, _figure(row, wording), weight=weight, **words)
    start, end = _scale(row)

    def at(name: str) -> float:
        return min(max((float(row[name]) - start) / (end - start), 0.0), 1.0)

    ax.plot([0, 1], [place, place], color=theme.RULE, linewidth=0.8, zorder=0)
    band = max(at("claimed_high") - at("claimed_low"), 0.006)
    ax.barh(place, band, left=at("claimed_low"), height=0.62, color=_BAND)
    line: dict[str, Any] = {"color": _COLOURS[verdict], "linewidth": 2.4}
    dashes = "--" if verdict == "cannot_tell" else "-"
    ax.plot([at("low"), at("high")], [place, place], dashes, **line)
    for name in ("low",) if _endless(row) else ("low", "high"):
        ax.plot([at(name)] * 2, [place - 0.13, place + 0.13], **line)
    if _endless(row):
        ax.plot([at("high")], [place], ">", markersize=9, clip_on=False, **line)
    if row["value"] == row["value"]:
        ax.plot(
            [at("value")],
            [place],
            _MARKERS[verdict],
            markersize=10,
            markerfacecolor=theme.PAPER if verdict == "cannot_tell" else _COLOURS[verdict],
            markeredgecolor=_COLOURS[verdict],
            markeredgewidth=1.6,
            zorder=3,
        )


def _wrapped(words: str, width: int) -> str:
    """In as few lines as that width allows, of about the same length."""
    # A percentage stays on one line with its sign, and French marks with the word before them.
    whole = re.sub(r" (?=[%;:?!»])|(?<=«) ", "\N{NO-BREAK SPACE}", words)
    lines = len(textwrap.wrap(whole, width))
    shortest = max(len(whole) // lines, 1)
    even = next(w for w in range(shortest, width + 1) if len(textwrap.wrap(whole, w)) <= lines)
    # Not narrower than its longest word, which would be torn.
    return textwrap.fill(whole, max(even, *map(len, whole.split(" "))))


def _known(row: pd.Series[Any]) -> bool:
    return bool(row["low"] == row["low"])


def _endless(row: pd.Series[Any]) -> bool:
    """Whether nobody knows how large the share is at most."""
    return bool(row["unit"] == "share" and row["high"] == 1 and row["claimed_high"] < 1)


def _scale(row: pd.Series[Any]) -> tuple[float, float]:
    """From where to where the line runs: all of the range, and of the band what is not endless."""
    ends = [float(row["low"]), float(row["high"]), float(row["claimed_low"]), 0.0]
    if row["claimed_high"] < 1e9:
        ends.append(float(row["claimed_high"]))
    if row["unit"] == "points":
        # All that is below nothing is claimed: only the base's own range gives the scale.
        ends = [float(row["low"]), float(row["high"]), 0.0]
    start, end = min(ends), max(ends)
    if row["unit"] == "share":
        return 0.0, min(1.0, end * 1.15)
    room = 0.15 * ((end - start) or 1.0)
    return (start - room if start < 0 else start), end + room


def _figure(row: pd.Series[Any], wording: Wording) -> str:
    """The figure with its range, or the least it can be where nobody knows its upper end."""
    unit, ends = str(row["unit"]), (float(row["low"]), float(row["high"]))
    scale = 1 if unit in ("times", "people") else 100
    wide = ends[1] - ends[0] > 0.1 or ends[0] == ends[1]
    # A floor is not rounded up to what the base does not bear out.
    coarse = unit == "share" and wide and not _endless(row)
    decimals = 0 if coarse or (unit == "gain" and ends[0] >= 0.2) else 1

    def write(value: float) -> str:
        said = with_minus(wording.number(scale * value, decimals=decimals))
        return "+" + said if unit in ("gain", "points") and value > 0 else said

    low, high = (write(end) for end in ends)
    if _endless(row):
        return wording.say("chart.claims.least", low=wording.say("chart.claims.share", n=low))
    figure = wording.say(f"chart.claims.{unit}", n=write(float(row["value"])))
    if low == high:
        return figure
    return wording.say("chart.claims.figure", figure=figure, low=low, high=high)


def _write_heading(ax: Axes, place: int, verdict: str, count: int, wording: Wording) -> None:
    ax.text(
        0.0,
        place + 0.06,
        wording.say(f"chart.claims.heading.{verdict}", claims=count),
        va="center",
        size=11.5,
        weight="bold",
        color=_COLOURS[verdict],
    )


def _quiet(ax: Axes, wording: Wording) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch
    from matplotlib.ticker import NullLocator

    ax.xaxis.set_major_locator(NullLocator())
    ax.spines[:].set_visible(False)
    ax.tick_params(axis="y", length=0, labelsize=10)
    ax.set_xlabel(wording.say("chart.claims.axis"), loc="left", size=10)
    here: dict[str, Any] = {"color": theme.QUIET_INK, "linewidth": 2.4, "marker": "D"}
    handles = [
        Patch(color=_BAND, label=wording.say("chart.claims.band")),
        Line2D([], [], markerfacecolor=theme.PAPER, label=wording.say("chart.claims.here"), **here),
    ]
    ax.legend(
        handles=handles,
        loc="lower left",
        bbox_to_anchor=(0.0, 1.0),
        ncols=2,
        borderaxespad=0.1,
        borderpad=0.1,
        columnspacing=1.5,
    )


def _in_words(row: pd.Series[Any], wording: Wording) -> str:
    return wording.say(
        "chart.claims.point",
        claim=row["claim"],
        verdict=str(row["verdict"]).lower(),
        figure=_figure(row, wording) if _known(row) else wording.say("chart.claims.none"),
    )
