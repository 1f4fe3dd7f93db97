"""Whether everybody can read a picture: in grey, colour-blind, on a weak projector, out loud."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import Any

import numpy as np
from matplotlib.collections import Collection, LineCollection
from matplotlib.colors import to_rgba
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.text import Text

from retention_lib.views import theme
from tests.views.test_theme import seen_as

READABLE, VISIBLE = 4.5, 3.0
"""Contrast of letters, and of what a picture cannot be understood without (WCAG 2.2 AA)."""
APART_IN_GREY, APART_IN_COLOUR = 1.5, 8.0
SIGHTS = ("deuteranopia", "protanopia")


def on_paper(colour: Any, alpha: float | None = None) -> str:
    """The colour as it stands on white."""
    red, green, blue, own = to_rgba(colour)
    share = own * (1.0 if alpha is None else alpha)
    mixed = [round(255 * (share * part + 1 - share)) for part in (red, green, blue)]
    return "#{:02X}{:02X}{:02X}".format(*mixed)


def problems_of(axes: Any) -> list[str]:
    """What somebody could not see in a picture, in words; empty where everybody sees it all."""
    figure = axes.figure
    figure.canvas.draw()
    found = [] if theme.alt_text(figure) else ["no text alternative"]
    for each in figure.axes:
        found += _pale(each)
        found += _alike(each)
    return found + list(_words(figure))


def _pale(axes: Any) -> Iterator[str]:
    """Areas, lines and points that hardly differ from the paper and have no edge that does."""
    named = _named_colours(axes)
    for patch in axes.patches:
        if (
            _counts(patch)
            and on_paper(patch.get_facecolor()) not in named
            and not _shows(patch.get_facecolor(), patch.get_edgecolor(), patch)
        ):
            yield f"pale area {on_paper(patch.get_facecolor())}"
    for line in axes.lines:
        if line.get_visible() and line.get_linestyle() not in ("None", ""):
            colour = on_paper(line.get_color(), line.get_alpha())
            cut = colour in (theme.PAPER, theme.RULE)  # a line cut out of an area, a grid
            if theme.contrast(colour, theme.PAPER) < VISIBLE and not cut:
                yield f"pale line {colour}"
    for many in axes.collections:
        if many.get_visible() and many.get_zorder() > 0:
            yield from _pale_points(many)


def _pale_points(many: Collection) -> Iterator[str]:
    faces = [] if isinstance(many, LineCollection) else many.get_facecolor()
    edges = many.get_edgecolor()
    for face in {on_paper(each) for each in (faces if len(faces) else edges)}:
        edge = [on_paper(each) for each in edges] if many.get_linewidth()[0] else []
        if max(theme.contrast(one, theme.PAPER) for one in (face, *edge)) < VISIBLE:
            yield f"pale {type(many).__name__} {face}"


def _named_colours(axes: Any) -> set[str]:
    """Colours of areas with words in them: a map is told by its words."""
    middles = [text.get_window_extent() for text in seen_texts(axes.figure)]
    middles = [((box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2) for box in middles]
    return {
        on_paper(patch.get_facecolor())
        for patch in axes.patches
        if any(patch.get_window_extent().contains(*middle) for middle in middles)
    }


def _counts(patch: Patch) -> bool:
    """Whether a person is to see the area: not empty, not a veil behind the rest, not a cell."""
    box = patch.get_window_extent()
    told = to_rgba(patch.get_facecolor())[3] > 0.15
    return (
        patch.get_visible()
        and told
        and not patch.get_hatch()
        and patch.get_zorder() >= 1
        and min(box.size) > 0.5
    )


def _shows(face: Any, edge: Any, patch: Patch) -> bool:
    edge = on_paper(edge) if patch.get_linewidth() else theme.PAPER
    return max(theme.contrast(one, theme.PAPER) for one in (on_paper(face), edge)) >= VISIBLE


def _alike(axes: Any) -> Iterator[str]:
    """Two entries of a key that only a person with all colours could tell apart."""
    legend = axes.get_legend()
    if legend is None:
        return
    named = zip(legend.legend_handles, (text.get_text() for text in legend.texts), strict=True)
    for (one, first), (other, second) in combinations(list(named), 2):
        if _form(one) != _form(other):
            continue
        colours = _colour(one), _colour(other)
        if theme.contrast(*colours) < APART_IN_GREY:
            yield f"alike in grey: {first!r} and {second!r}"
        for sight in SIGHTS:
            seen = [seen_as(colour, sight) for colour in colours]
            if np.linalg.norm(seen[0] - seen[1]) < APART_IN_COLOUR:
                yield f"alike for {sight}: {first!r} and {second!r}"


def _form(handle: Any) -> tuple[object, ...]:
    if isinstance(handle, Line2D):
        return ("line", str(handle.get_linestyle()), str(handle.get_marker()))
    hatch = handle.get_hatch() if hasattr(handle, "get_hatch") else ""
    return (type(handle).__name__, hatch or "")


def _colour(handle: Any) -> str:
    if isinstance(handle, Line2D):
        return on_paper(handle.get_color())
    face = handle.get_facecolor() if hasattr(handle, "get_facecolor") else handle.get_color()
    return on_paper(np.atleast_2d(to_rgba(face) if np.ndim(face) < 2 else face)[0])


def _words(figure: Any) -> Iterator[str]:
    """Letters that are cut off, that run into others or that hardly differ from what is behind."""
    renderer, size = figure.canvas.get_renderer(), figure.bbox.size
    picture = np.asarray(figure.canvas.buffer_rgba())[::-1, :, :3]
    boxes = []
    for text in seen_texts(figure):
        box = text.get_window_extent(renderer)
        if min(*box.p0) < -1 or box.x1 > size[0] + 1 or box.y1 > size[1] + 1:
            yield f"cut off: {text.get_text()!r}"
        behind = _behind(picture, box)
        if theme.contrast(on_paper(text.get_color(), text.get_alpha()), behind) < READABLE:
            yield f"hard to read: {text.get_text()!r} on {behind}"
        if text.get_rotation() % 90 == 0:
            boxes.append((text.get_text(), box))
    for (one, first), (other, second) in combinations(boxes, 2):
        wide = min(first.x1, second.x1) - max(first.x0, second.x0)
        high = min(first.y1, second.y1) - max(first.y0, second.y0)
        if wide > 2 and high > 3:
            yield f"one over the other: {one!r} and {other!r}"


def _behind(picture: np.ndarray, box: Any) -> str:
    """The commonest colour where the letters stand."""
    left, low = max(int(box.x0), 0), max(int(box.y0), 0)
    part = picture[low : int(box.y1) + 1, left : int(box.x1) + 1].reshape(-1, 3)
    if not len(part):
        return theme.PAPER
    colours, counts = np.unique(part, axis=0, return_counts=True)
    return "#{:02X}{:02X}{:02X}".format(*colours[counts.argmax()])


def seen_texts(figure: Any) -> Iterator[Text]:
    """The texts of a picture that a person sees."""
    yield from (text for text in figure.texts if text.get_text().strip())
    for axes in figure.axes:
        hidden = set()
        for axis in (axes.xaxis, axes.yaxis):
            if not (axes.axison and axis.get_visible()):
                hidden |= set(map(id, axis.findobj(Text)))
                continue
            low, high = sorted(axis.get_view_interval())
            for tick in axis.get_major_ticks() + axis.get_minor_ticks():
                if not low <= tick.get_loc() <= high:
                    hidden |= {id(tick.label1), id(tick.label2)}
        for text in axes.findobj(Text):
            if text.get_text().strip() and text.get_visible() and id(text) not in hidden:
                yield text
