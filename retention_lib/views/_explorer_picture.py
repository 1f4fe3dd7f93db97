"""Pictures that explorers redraw at every move: SVG written by hand, in about a millisecond.

A figure of matplotlib takes 70 ms and more, which a hand on a slider notices. Sizes are in the
picture's own pixels; it shrinks with the page. The title states the finding, the axes the units.
"""

from __future__ import annotations

import html
import math
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from retention_lib.views import theme

WIDTH = 600
_TEXT = 14.0
_TITLE = 16.5
_LINE = 17.5  # from one line of text to the next
_WIDE = 0.56  # of the size of the type: how wide a letter is on average


@dataclass(frozen=True)
class Line:
    """One line of a picture; ``dashes`` such as ``"8 4"`` tell it apart without its colour."""

    name: str
    xs: Sequence[float]
    ys: Sequence[float]
    colour: str
    dashed: bool = False
    dashes: str = ""

    @property
    def pattern(self) -> dict[str, str]:
        """How the line is broken, as attributes of a path."""
        broken = self.dashes or ("7 5" if self.dashed else "")
        return {"stroke_dasharray": broken} if broken else {}


@dataclass(frozen=True)
class Band:
    """A shaded range behind the lines."""

    xs: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]
    colour: str


@dataclass(frozen=True)
class Dot:
    """A point to look at, with a word beside it."""

    x: float
    y: float
    said: str
    colour: str = theme.INK


@dataclass(frozen=True)
class Bar:
    """One horizontal bar: its name on the left, its value in words at its end."""

    name: str
    value: float
    said: str
    colour: str = theme.KEPT
    strong: bool = False
    low: float = math.nan
    high: float = math.nan


@dataclass
class _Sheet:
    """What has been drawn so far."""

    parts: list[str] = field(default_factory=list)

    def text(
        self, x: float, y: float, said: str, *, anchor: str = "start", size: float = _TEXT,
        colour: str = theme.INK, bold: bool = False,
    ) -> None:  # fmt: skip
        weight = ' font-weight="bold"' if bold else ""
        self.parts.append(
            f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size:g}" fill="{colour}" '
            f'text-anchor="{anchor}"{weight}>{html.escape(said)}</text>'
        )

    def line(self, x1: float, y1: float, x2: float, y2: float, colour: str, width: float) -> None:
        self.parts.append(
            f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" '
            f'stroke="{colour}" stroke-width="{width:g}"/>'
        )

    def path(self, points: Sequence[tuple[float, float]], **attributes: str) -> None:
        way = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        said = " ".join(f'{key.replace("_", "-")}="{value}"' for key, value in attributes.items())
        self.parts.append(f'<polyline points="{way}" {said}/>')

    def done(self, height: float, alt: str) -> str:
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" '
            f'width="{WIDTH}" height="{height:.0f}" role="img" aria-label="{html.escape(alt)}" '
            'style="width:100%;max-width:780px;height:auto" '
            'font-family="DejaVu Sans,Verdana,sans-serif">'
            f'<rect width="{WIDTH}" height="{height:.0f}" fill="{theme.PAPER}"/>'
            + "".join(self.parts)
            + "</svg>"
        )


def draw_lines(
    lines: Sequence[Line],
    *,
    title: str,
    alt: str,
    x_said: str,
    y_said: str,
    say_x: Callable[[float], str],
    say_y: Callable[[float], str],
    bands: Sequence[Band] = (),
    dots: Sequence[Dot] = (),
    key: bool = False,
    height: float = 380,
) -> str:
    """Lines over a common axis, each named at its end, or with ``key`` above the picture.

    The first line lies on top of the others.

    ``say_x`` and ``say_y`` write the numbers on the axes, ``x_said`` and ``y_said`` name them with
    their units.
    """
    sheet = _Sheet()
    top = _title(sheet, title) + 14
    for part in textwrap.wrap(y_said, 70):
        sheet.text(8, top, part, colour=theme.QUIET_INK)
        top += _LINE
    if key:
        top = _key(sheet, lines, top)
    xs = [x for line in lines for x in line.xs] + [dot.x for dot in dots]
    ys = [y for line in lines for y in line.ys] + [dot.y for dot in dots]
    ys += [y for band in bands for y in (*band.low, *band.high)]
    lowest, highest = min([*ys, 0.0]), max([*ys, 0.0])
    all_nothing = lowest == highest
    found = [0.0] if all_nothing else nice_ticks(lowest, highest, 5)
    y_ticks = [tick for tick in found if tick >= lowest]
    left = 14 + max(width_of(say_y(tick)) for tick in y_ticks)
    names = [part for line in lines for part in _name_lines(line.name) if not key]
    right = WIDTH - 20 - max((width_of(part) for part in names), default=6.0)
    bottom = height - 44
    x_low, x_high = min(xs), max(xs) if max(xs) > min(xs) else min(xs) + 1
    y_low, y_high = lowest, 1.0 if all_nothing else y_ticks[-1]

    def at(x: float, y: float) -> tuple[float, float]:
        return (
            left + (x - x_low) / (x_high - x_low) * (right - left),
            bottom - (y - y_low) / (y_high - y_low) * (bottom - top),
        )

    for tick in y_ticks:
        y = at(x_low, tick)[1]
        sheet.line(left, y, right, y, theme.QUIET_INK if tick == 0 else theme.RULE, 1)
        sheet.text(left - 6, y + 4.5, say_y(tick), anchor="end")
    for tick in nice_ticks(x_low, x_high, 6, inside=True):
        sheet.text(at(tick, y_low)[0], bottom + 19, say_x(tick), anchor="middle")
    sheet.text((left + right) / 2, bottom + 38, x_said, anchor="middle", colour=theme.QUIET_INK)
    for band in bands:
        over = [at(x, y) for x, y in zip(band.xs, band.high, strict=True)]
        under = [at(x, y) for x, y in zip(band.xs, band.low, strict=True)]
        sheet.path([*over, *reversed(under)], fill=band.colour, fill_opacity="0.16", stroke="none")
    for line in reversed(lines):
        points = [at(x, y) for x, y in zip(line.xs, line.ys, strict=True)]
        sheet.path(points, fill="none", stroke=line.colour, stroke_width="2.6", **line.pattern)
    if not key:
        _end_names(sheet, lines, at, right, top, bottom)
    for dot in dots:
        _dot(sheet, dot, at(dot.x, dot.y), top, right)
    return sheet.done(height, alt)


def draw_bars(bars: Sequence[Bar], *, title: str, alt: str, axis: str = "") -> str:
    """Horizontal bars from a common zero, the first on top; negative ones go to the left.

    ``low`` and ``high`` of a bar draw its range as a thin line through its end.
    """
    sheet = _Sheet()
    top = _title(sheet, title) + 10
    if axis:
        sheet.text(8, top + 6, axis, colour=theme.QUIET_INK)
        top += 20
    names = [textwrap.wrap(bar.name, 28)[:2] or [""] for bar in bars]
    left = 16 + max((width_of(part) for name in names for part in name), default=0)
    said = max((width_of(bar.said) for bar in bars), default=0) + 12
    reach = [v for bar in bars for v in (bar.value, bar.low, bar.high) if v == v] + [0.0]
    low, high = min(reach), max(reach)
    span = (high - low) or 1.0
    start = left + (said if low < 0 else 0)
    scale = (WIDTH - 8 - said - start) / span
    zero = start - low * scale
    row = 34.0
    for place, (bar, name) in enumerate(zip(bars, names, strict=True)):
        middle = top + row * (place + 0.5)
        for number, part in enumerate(name):
            y = middle + 4.5 + (number - (len(name) - 1) / 2) * (_TEXT + 1)
            sheet.text(left - 8, y, part, anchor="end", bold=bar.strong)
        _bar(sheet, bar, zero, scale, middle)
    height = top + row * len(bars) + 10
    sheet.line(zero, top, zero, height - 10, theme.QUIET_INK, 1)
    return sheet.done(height, alt)


def width_of(said: str, size: float = _TEXT) -> float:
    """About how wide a text is; a picture that is written by hand cannot measure it."""
    return len(said) * size * _WIDE * 1.05


def nice_ticks(low: float, high: float, most: int, *, inside: bool = False) -> list[float]:
    """Round numbers from about ``low`` to about ``high``; with ``inside`` none beyond them.

    >>> nice_ticks(0, 47, 5)
    [0.0, 10.0, 20.0, 30.0, 40.0, 50.0]
    >>> nice_ticks(1, 5, 6, inside=True)
    [1.0, 2.0, 3.0, 4.0, 5.0]
    """
    span = high - low if high > low else max(abs(high), 1.0)
    power = 10.0 ** math.floor(math.log10(span / most))
    step = next(n * power for n in (1, 2, 5, 10) if n * power * most >= span * (1 - 1e-9))
    first = math.ceil(low / step - 1e-9) if inside else math.floor(low / step + 1e-9)
    last = math.floor(high / step + 1e-9) if inside else math.ceil(high / step - 1e-9)
    last = max(last, first if inside else first + 1)
    return [float(f"{place * step:.12g}") for place in range(first, last + 1)]


def _title(sheet: _Sheet, title: str) -> float:
    """Write the title over the whole width; give back where it ends."""
    y = 8.0
    for part in textwrap.wrap(title, int((WIDTH - 20) / (_TITLE * _WIDE * 1.12))):
        y += _TITLE + 4
        sheet.text(8, y - 4, part, size=_TITLE, bold=True)
    return y


def _key(sheet: _Sheet, lines: Sequence[Line], top: float) -> float:
    """A sample of each line with its name, in rows as wide as the picture; where they end."""
    x = 8.0
    for line in lines:
        wide = 44 + width_of(line.name) + 14
        if x > 8 and x + wide > WIDTH:
            x, top = 8.0, top + _LINE + 2
        ends = [(x, top), (x + 36, top)]
        sheet.path(ends, fill="none", stroke=line.colour, stroke_width="3", **line.pattern)
        sheet.text(x + 42, top + 4.5, line.name)
        x += wide
    return top + _LINE


def _name_lines(name: str) -> list[str]:
    return textwrap.wrap(name, 18) or [""]


def _end_names(
    sheet: _Sheet,
    lines: Sequence[Line],
    at: Callable[[float, float], tuple[float, float]],
    right: float,
    top: float,
    bottom: float,
) -> None:
    """Names at the right ends of the lines, moved apart until none lies on another."""
    drawn = sorted((line for line in lines if len(line.xs)), key=lambda line: -line.ys[-1])
    names = [_name_lines(line.name) for line in drawn]
    centres = [at(line.xs[-1], line.ys[-1])[1] for line in drawn]
    starts = spread(centres, [_LINE * len(name) for name in names], top, bottom + 8)
    for start, name, line in zip(starts, names, drawn, strict=True):
        for number, part in enumerate(name):
            y = start + _LINE * (number + 0.75)
            sheet.text(right + 8, y, part, colour=_readable(line.colour), bold=True)


def spread(
    centres: Sequence[float], heights: Sequence[float], top: float, bottom: float
) -> list[float]:
    """Where labels begin so that none lies on another, each as near its centre as that allows.

    >>> spread([10, 12, 90], [10, 10, 10], 0, 100)
    [5.0, 15.0, 85.0]
    >>> spread([98, 99], [10, 10], 0, 100)
    [80.0, 90.0]
    """
    starts = [centre - tall / 2 for centre, tall in zip(centres, heights, strict=True)]
    free = top
    for place, tall in enumerate(heights):
        starts[place] = max(starts[place], free)
        free = starts[place] + tall
    free = bottom
    for place in reversed(range(len(starts))):
        starts[place] = min(starts[place], free - heights[place])
        free = starts[place]
    return [float(start) for start in starts]


def _readable(colour: str) -> str:
    """The colour itself, or ink where it would be too pale to read on paper."""
    return colour if theme.contrast(colour, theme.PAPER) >= 4.5 else theme.INK


def _dot(sheet: _Sheet, dot: Dot, place: tuple[float, float], top: float, right: float) -> None:
    x, y = place
    sheet.parts.append(
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5.5" fill="{dot.colour}" '
        f'stroke="{theme.PAPER}" stroke-width="1.5"/>'
    )
    anchor = "start" if x + 10 + width_of(dot.said) < right else "end"
    level = y - 9 if y - 24 > top else y + 20
    sheet.text(x + (10 if anchor == "start" else -10), level, dot.said, anchor=anchor, bold=True)


def _bar(sheet: _Sheet, bar: Bar, zero: float, scale: float, middle: float) -> None:
    long = bar.value * scale
    sheet.parts.append(
        f'<rect x="{zero + min(long, 0):.1f}" y="{middle - 10:.1f}" width="{abs(long):.1f}" '
        f'height="20" fill="{bar.colour}" stroke="{theme.QUIET_INK}" '
        f'stroke-width="{1.8 if bar.strong else 0.5}"/>'
    )
    ends = [bar.value * scale]
    if bar.low == bar.low and bar.high == bar.high:
        ends += [bar.low * scale, bar.high * scale]
        sheet.line(zero + ends[1], middle, zero + ends[2], middle, theme.INK, 2)
        for end in ends[1:]:
            sheet.line(zero + end, middle - 5, zero + end, middle + 5, theme.INK, 2)
    if bar.value >= 0:
        sheet.text(zero + max(ends) + 6, middle + 4.5, bar.said, bold=bar.strong)
    else:
        sheet.text(zero + min(ends) - 6, middle + 4.5, bar.said, anchor="end", bold=bar.strong)
