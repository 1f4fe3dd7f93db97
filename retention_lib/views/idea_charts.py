"""The picture of the idea board: what each idea must bring, beside what could be proved."""

from __future__ import annotations

import math
import textwrap
from typing import TYPE_CHECKING

import numpy as np

from retention_lib.decisions._ideas_judged import say_points
from retention_lib.views import theme
from retention_lib.views.drawing import finish, list_in_alt, say_only

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from retention_lib.decisions._ideas_judged import Judged
    from retention_lib.decisions.ideas import IdeaBoard

_MOST = 12
_WIDE = 34


def plot_ideas(result: IdeaBoard, *, ax: Axes | None = None) -> Axes:
    """Draw for each idea the points it must bring to pay and the fewest that can be proved."""
    w = result.wording
    # Ideas that are stopped or have their result are no longer a question.
    open_ones = [one for one in result.judged if one.idea.status != "stopped"]
    told = [one for one in open_ones if one.code in ("provable", "unprovable", "never")][:_MOST]
    if not told:
        said = w.say("ideas.chart.nothing", said=result.sentence())
        return say_only(said, ax, w)
    places = np.arange(len(told))
    with theme.use_theme():
        drawn = ax if ax is not None else theme.new_axes(9.2, 1.9 + 0.72 * len(told))
        _draw_needed(drawn, told)
        seen = [(place, one.proof.detectable_year) for place, one in zip(places, told, strict=True)]
        seen = [(place, points) for place, points in seen if math.isfinite(points)]
        if seen:
            at, points = zip(*seen, strict=True)
            drawn.plot(points, np.array(at) + 0.16, "D", ms=9, mfc=theme.PAPER, mec=theme.LOSS,
                       mew=1.8, label=w.say("ideas.chart.seen"))  # fmt: skip
        for place, one in zip(places, told, strict=True):
            if one.code == "never":
                # Words in place of a mark that would lie beyond the page.
                drawn.annotate(w.say("ideas.chart.never"), (0, place), xytext=(6, 0),
                               textcoords="offset points", va="center", size=10,
                               color=theme.QUIET_INK)  # fmt: skip
        drawn.set_yticks(places, [textwrap.fill(_short(one.idea.idea), _WIDE) for one in told])
        drawn.set_ylim(len(told) - 0.4, -0.65)
        drawn.set_xlim(0, max(_reach(told), 1.0) * 1.1)
        drawn.tick_params(axis="y", length=0)
        drawn.spines["left"].set_visible(False)
        drawn.axvline(0, color=theme.QUIET_INK, lw=1.0)
        drawn.grid(axis="x")
        drawn.xaxis.set_major_formatter(
            lambda points, _: w.number(points, decimals=0 if points == round(points) else 1)
        )
        drawn.set_xlabel(w.say("ideas.chart.axis"))
        handles, names = drawn.get_legend_handles_labels()
        if handles:
            drawn.legend(handles, names, loc="lower left", bbox_to_anchor=(0, 1), ncols=1,
                         borderaxespad=0.2, columnspacing=1.4)  # fmt: skip
        provable = sum(one.code == "provable" for one in told)
        title = w.say("ideas.chart.title", provable=provable, ideas=len(told))
        figures = [_in_words(one) for one in told]
        alt = w.say("ideas.chart.alt", title=title, figures=list_in_alt(figures, w))
        finish(drawn, title, alt)
    return drawn


def _draw_needed(ax: Axes, told: list[Judged]) -> None:
    """The gain that pays, with its range; a range without an end runs to the edge."""
    first = True
    edge = _reach(told) * 1.1
    for place, one in enumerate(told):
        if one.code == "never" or one.needed is None:
            continue
        low, likely, high = one.needed.low, one.needed.likely, min(one.needed.high, edge)
        name = one.wording.say("ideas.chart.needed") if first else None
        first = False
        ax.errorbar([likely], [place - 0.16], xerr=[[likely - low], [high - likely]], fmt="o",
                    ms=9, color=theme.KEPT, ecolor=theme.KEPT, elinewidth=2.2, capsize=4,
                    label=name)  # fmt: skip


def _reach(told: list[Judged]) -> float:
    """The furthest mark of the picture, in points."""
    ends = [one.proof.detectable_year for one in told]
    for one in told:
        if one.needed is not None:
            ends += [one.needed.likely, one.needed.high]
    return max((end for end in ends if math.isfinite(end)), default=1.0)


def _in_words(one: Judged) -> str:
    w = one.wording
    provable = math.isfinite(one.proof.detectable_year)
    if one.needed is None or one.code == "never" or not provable:
        return w.say("ideas.chart.figure_plain", idea=one.idea.idea, needed=one.needed_said())
    needed = say_points(one.needed.likely, w)
    seen = say_points(one.proof.detectable_year, w)
    return w.say("ideas.chart.figure", idea=one.idea.idea, needed=needed, seen=seen)


def _short(words: str) -> str:
    return words if len(words) <= 2 * _WIDE else words[: 2 * _WIDE - 1].rstrip() + "…"
