"""One look for every picture: colours, type, sizes, and a text for those who cannot see it.

Nothing here changes matplotlib for the rest of a notebook: the theme holds inside
:func:`use_theme` and nowhere else.
"""

from __future__ import annotations

import html
import io
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from matplotlib.figure import Figure

from retention_lib.wording import Language, spoken, texts

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Hues after Okabe and Ito, their lightness spread out until the two nearest of the eleven stay
# 16 apart (CIEDE2000) for normal sight and for each of the three colour blindnesses.
SEGMENT_COLOURS: dict[str, str] = {
    "champions": "#081B4C",
    "loyal_customers": "#2E50CA",
    "potential_loyalists": "#6CBCFA",
    "new_customers": "#2D9072",
    "promising": "#CEF7D5",
    "need_attention": "#F8EF3E",
    "about_to_sleep": "#C4A75B",
    "at_risk": "#B94A08",
    "cannot_lose": "#6F4A66",
    "hibernating": "#A9B0B4",
    "lost": "#38372B",
}
"""Segment code to colour; a segment has its colour in every chart."""

SEVERITY_COLOURS: dict[str, str] = {"act": "#B94A08", "look": "#C4A75B", "fine": "#2D9072"}
"""Severity of a quality check to colour."""
SEVERITY_HATCHES: dict[str, str] = {"act": "///", "look": "...", "fine": ""}
"""The same for those who cannot tell red from green, and for prints in grey."""

INK = "#1A1A1A"
QUIET_INK = "#595959"
PAPER = "#FFFFFF"
RULE = "#C8C8C8"
NEUTRAL = "#8A8F94"
KEPT = "#2E50CA"
GAIN = "#2D9072"
LOSS = "#B94A08"
STOCK = KEPT
"""What came in, what leaked out, what is there: the same three colours in every chart."""
SERIES = ("#2E50CA", "#B94A08", "#2D9072", "#C4A75B", "#6F4A66", "#6CBCFA", "#38372B", "#A9B0B4")
"""Categories without a colour of their own, in order; tell them apart by a label as well."""
HEAT = ("#FFFFFF", "#C9DCF7", "#6CA0E8", "#2E50CA", "#081B4C")
"""From nothing to most, one hue, darker is more: readable in greyscale."""
EDGE: dict[str, Any] = {"edgecolor": QUIET_INK, "linewidth": 0.5}
"""A thin line round what is pale, so that it shows on white and on a weak projector."""
BAND: dict[str, Any] = {"facecolor": HEAT[1], "edgecolor": NEUTRAL, "linewidth": 0.8}
LOSS_BAND: dict[str, Any] = {**BAND, "facecolor": "#F1DBCE"}
"""The range around a line: pale inside, its edge dark enough to be seen by everybody."""
# What a reason may look like beside KEPT, in order; after the last one they begin again.
SET_ASIDE_COLOURS = ("#B94A08", "#C4A75B", "#6F4A66", "#A9B0B4", "#38372B", "#F8EF3E")

DPI = 110
_RC: Any = {
    # The font that comes with matplotlib, so that a picture is the same on every machine.
    "font.family": "DejaVu Sans",
    "font.size": 11.0,
    "axes.titlesize": 13.0,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlecolor": INK,
    "axes.labelsize": 11.0,
    "axes.labelcolor": INK,
    "axes.edgecolor": QUIET_INK,
    "axes.facecolor": PAPER,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.unicode_minus": True,
    "figure.facecolor": PAPER,
    "figure.dpi": DPI,
    "grid.color": RULE,
    "grid.linewidth": 0.8,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.labelsize": 10.5,
    "ytick.labelsize": 10.5,
    "legend.frameon": False,
    "legend.fontsize": 10.5,
    "text.color": INK,
    "text.parse_math": False,  # US$ 3 to US$ 5 is money, not a formula
    "svg.hashsalt": "retention",
}


class WorkbookFigure(Figure):
    """A figure of the workbook: it has a text alternative and is saved alike everywhere."""

    alt_text: str = ""
    language: Language | None = None

    def __repr__(self) -> str:
        # A notebook keeps this beside the picture: what the picture shows stays readable where
        # pictures are not shown, and a test that compares outputs compares its figures too.
        named = _said(self, "chart.picture")
        return f"<{named} {self.alt_text}>" if self.alt_text else super().__repr__()


@contextmanager
def use_theme() -> Iterator[None]:
    """Draw in the workbook's look inside the ``with`` block, and leave no trace after it.

    >>> import matplotlib
    >>> before = matplotlib.rcParams["font.size"]
    >>> with use_theme():
    ...     matplotlib.rcParams["font.size"]
    11.0
    >>> matplotlib.rcParams["font.size"] == before
    True
    """
    import matplotlib

    interactive = matplotlib.is_interactive()
    try:
        with matplotlib.rc_context(_RC):
            try:
                yield
            finally:
                # The first figure of a notebook makes it interactive, which is what shows the
                # later ones; that must outlive the context.
                interactive = matplotlib.is_interactive()
    finally:
        matplotlib.interactive(interactive)


def new_axes(width: float = 8.0, height: float = 5.0) -> Axes:
    """Axes on a new figure of that size in inches, which a notebook shows with its text."""
    import matplotlib
    import matplotlib.pyplot as plt

    _teach_notebook()
    figure = plt.figure(figsize=(width, height), dpi=DPI, FigureClass=WorkbookFigure)
    if "inline" in matplotlib.get_backend():
        # After each cell pyplot draws what is new, and the notebook draws it once more as PNG: the
        # first of the two is seen by nobody.
        figure.canvas.draw_idle = _not_yet  # type: ignore[method-assign]
    return figure.add_subplot()


def _not_yet(*args: Any, **kwargs: Any) -> None:
    """Draw nothing: the picture is drawn when it is shown."""


def describe(figure: Any, text: str) -> None:
    """Give a figure its text alternative."""
    figure.alt_text = text


def alt_text(figure: Any) -> str:
    """The text alternative of a figure; empty where it has none."""
    return str(getattr(figure, "alt_text", ""))


def png_bytes(figure: Figure) -> bytes:
    """Draw the figure as PNG: fixed size and resolution, no date, the same bytes every time."""
    from PIL import Image

    drawn, small = io.BytesIO(), io.BytesIO()
    # No bbox_inches="tight": pictures keep the size they were made for, so that they line up.
    figure.savefig(drawn, format="png", dpi=DPI, metadata={"Software": None})
    # 256 colours are plenty for flat areas and letters, and take a third of the room in the
    # notebook's file.
    picture = Image.open(drawn).convert("RGB")
    reduced = picture.quantize(256, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    reduced.save(small, format="png", optimize=True)
    return small.getvalue()


def _teach_notebook() -> None:
    """Have a notebook show the workbook's figures as PNG with their text alternative.

    Registered for the class of our own figures only, so that those of the user stay theirs and
    ``%matplotlib inline``, which registers ``Figure`` anew, does not undo it.
    """
    if "IPython" not in sys.modules:
        return
    from IPython.core.getipython import get_ipython

    shell = get_ipython()
    if shell is not None and shell.display_formatter is not None:
        from matplotlib.axes import Axes

        formatters = shell.display_formatter.formatters
        formatters["image/png"].for_type(WorkbookFigure, _png_with_alt)
        formatters["text/html"].for_type(Axes, _picture_in_words)


def _picture_in_words(axes: Axes) -> str | None:
    """What a cell shows for the axes that a chart gave back: the picture in words, folded up.

    Neither JupyterLab nor GitHub hands the text of a picture to a screen reader; a text that
    stands beside the picture reaches everybody.
    """
    words = alt_text(axes.figure)
    if not words:
        return None
    return (
        f"<details><summary>{html.escape(_said(axes.figure, 'chart.in_words'))}</summary>"
        f'<p style="max-width:60em">{html.escape(words)}</p></details>'
    )


def _said(figure: Any, key: str) -> str:
    """A text in the language of the figure's result; of the session where it has none."""
    language: Language = getattr(figure, "language", None) or spoken()
    return texts()[key][language]


def _png_with_alt(figure: WorkbookFigure) -> tuple[bytes, dict[str, str]]:
    return png_bytes(figure), {"alt": alt_text(figure)}


def segment_colours(codes: Sequence[str]) -> dict[str, str]:
    """A colour for each segment code: its own, or for a team's own codes one that is free.

    Only with more than eleven segments does a colour come twice.

    >>> segment_colours(["champions", "vip"])
    {'champions': '#081B4C', 'vip': '#2E50CA'}
    """
    free = [colour for code, colour in SEGMENT_COLOURS.items() if code not in codes]
    spare = free or list(SEGMENT_COLOURS.values())
    own = [code for code in codes if code not in SEGMENT_COLOURS]
    given = {code: spare[position % len(spare)] for position, code in enumerate(own)}
    return {code: SEGMENT_COLOURS.get(code) or given[code] for code in codes}


def ink_on(colour: str) -> str:
    """Black or white, whichever reads better on that colour.

    >>> ink_on("#081B4C"), ink_on("#F8EF3E")
    ('#FFFFFF', '#000000')
    """
    return max(("#FFFFFF", "#000000"), key=lambda ink: contrast(ink, colour))


def contrast(one: str, other: str) -> float:
    """Contrast ratio of two colours after WCAG 2: from 1 (the same) to 21 (black on white).

    >>> round(contrast("#000000", "#FFFFFF"))
    21
    """
    high, low = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def _luminance(colour: str) -> float:
    channels = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
