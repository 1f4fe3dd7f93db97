"""What an explorer is made of, before any widget: controls, what they show, the static page.

Nothing here knows ipywidgets, so that all of it is tested in plain Python.
"""

from __future__ import annotations

import base64
import html
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from retention_lib.errors import InputError
from retention_lib.views import theme

if TYPE_CHECKING:
    from retention_lib.wording import Wording

_SMALL = "font-size:.9em;opacity:.85"
_CELL = "padding:.25em .9em .25em 0;text-align:left;border-bottom:1px solid rgba(128,128,128,.35)"
_CODE = (
    "white-space:pre-wrap;overflow-wrap:anywhere;user-select:all;padding:.5em .7em;margin:.2em 0;"
    "border:1px solid rgba(128,128,128,.45);font-size:.95em"
)


@dataclass(frozen=True)
class Slider:
    """A number chosen from ``steps``, each said by ``say`` with its unit beside the slider.

    ``section``, here and in every control, is a heading to stand above it.
    """

    name: str
    label: str
    steps: tuple[float, ...]
    measured: float
    say: Callable[[Any], str]
    section: str = ""

    def __post_init__(self) -> None:
        _require_one_of(self.steps, self.measured, self.name)

    def nearest(self, value: Any) -> float:
        """The step nearest to a number: no value outside the steps can ever be set."""
        number = _finite(self.name, value)
        return min(self.steps, key=lambda step: abs(step - number))

    def trials(self) -> tuple[Any, ...]:
        """Lowest, measured and highest value, for tests."""
        return (self.steps[0], self.measured, self.steps[-1])


@dataclass(frozen=True)
class Span:
    """Two numbers, low and high, chosen from ``steps`` on one slider with two handles."""

    name: str
    label: str
    steps: tuple[float, ...]
    measured: tuple[float, float]
    say: Callable[[Any], str]
    section: str = ""

    def __post_init__(self) -> None:
        for end in self.measured:
            _require_one_of(self.steps, end, self.name)

    def nearest(self, value: Any) -> tuple[float, float]:
        """The two steps nearest to two numbers, the lower one first."""
        ends = sorted(_finite(self.name, end) for end in value)
        low, high = (min(self.steps, key=lambda s, e=end: abs(s - e)) for end in ends)  # type: ignore[misc]
        return low, high

    def trials(self) -> tuple[Any, ...]:
        """Both handles low, as measured, as wide as can be, both high; for tests."""
        low, high = self.steps[0], self.steps[-1]
        return ((low, low), self.measured, (low, high), (high, high))


@dataclass(frozen=True)
class Choice:
    """One of several ``options``, stable codes that ``say`` puts into words."""

    name: str
    label: str
    options: tuple[Any, ...]
    measured: Any
    say: Callable[[Any], str]
    section: str = ""

    def __post_init__(self) -> None:
        _require_one_of(self.options, self.measured, self.name)

    def nearest(self, value: Any) -> Any:
        """The option itself; an unknown one is refused with the list."""
        if value not in self.options:
            listed = ", ".join(repr(option) for option in self.options)
            raise InputError(f"{self.name} must be one of {listed}; got {value!r}.")
        return value

    def trials(self) -> tuple[Any, ...]:
        """Every option, for tests."""
        return self.options


@dataclass(frozen=True)
class Several:
    """Any number of ``options``, none included; the value is a tuple in the options' order."""

    name: str
    label: str
    options: tuple[Any, ...]
    measured: tuple[Any, ...]
    say: Callable[[Any], str]
    section: str = ""

    def nearest(self, value: Any) -> tuple[Any, ...]:
        """Those of the options that were given; an unknown one is refused with the list."""
        unknown = [item for item in value if item not in self.options]
        if unknown:
            listed = ", ".join(repr(option) for option in self.options)
            raise InputError(f"{self.name} takes any of {listed}; got {unknown[0]!r}.")
        return tuple(option for option in self.options if option in value)

    def trials(self) -> tuple[Any, ...]:
        """None, each alone, and all of them; for tests."""
        return ((), self.measured, *((option,) for option in self.options), self.options)


@dataclass(frozen=True)
class Switch:
    """Yes or no; ``say`` puts both into words for the static page."""

    name: str
    label: str
    measured: bool
    say: Callable[[Any], str]
    section: str = ""

    def nearest(self, value: Any) -> bool:
        """True or false."""
        return bool(value)

    def trials(self) -> tuple[Any, ...]:
        """Off and on, for tests."""
        return (False, True)


Control: TypeAlias = Slider | Span | Choice | Several | Switch


@dataclass(frozen=True)
class Figure:
    """One figure of an explorer: what it is, its value in words, and its range below it.

    ``tone`` is ``"gain"``, ``"loss"`` or empty; the value says it as well, with its sign.
    """

    label: str
    value: str
    note: str = ""
    tone: str = ""


@dataclass(frozen=True)
class View:
    """What an explorer shows for one state of its controls.

    ``said`` is one sentence. ``chart`` is one SVG picture (empty for none) and ``alt`` the same
    in words. ``below`` is HTML that is already escaped, such as a rendered table. ``code`` is
    Python to paste that makes this state again.
    """

    said: str
    figures: tuple[Figure, ...] = ()
    chart: str = ""
    alt: str = ""
    below: str = ""
    code: str = ""


def _require_one_of(steps: Sequence[Any], value: Any, name: str) -> None:
    if value not in steps:
        raise InputError(f"{name} starts at {value!r}, which is none of its {len(steps)} steps.")


def _finite(name: str, value: Any) -> float:
    try:
        number = math.nan if isinstance(value, bool | str) else float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise InputError(f"{name} takes a number, such as 10; got {value!r}.")
    return number


# --- steps -----------------------------------------------------------------------------------


def make_steps(
    low: float, high: float, measured: float, *, most: int = 60, whole: bool = False
) -> tuple[float, ...]:
    """Round steps from ``low`` to ``high``; both ends and the measured value are among them.

    The ends move apart where the measured value lies outside; no step is ever beyond them. With
    ``whole`` the steps are whole numbers.

    >>> make_steps(0, 10, 2.5, most=6)
    (0.0, 2.0, 2.5, 4.0, 6.0, 8.0, 10.0)
    >>> make_steps(1, 4, 3, whole=True)
    (1, 2, 3, 4)
    """
    low, high = min(low, measured), max(high, measured)
    step = nice_step(max((high - low) / (most - 1), 1e-12))
    step = max(step, 1.0) if whole else step
    decimals = max(0, 1 - math.floor(math.log10(step)))
    places = range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)
    values = {round(place * step, decimals) for place in places if high > low}
    return tuple(sorted(round(v) if whole else float(v) for v in values | {low, high, measured}))


def growing_steps(high: float, measured: float, *, decades: int = 3) -> tuple[float, ...]:
    """Nothing, then steps that grow with the amount, up to about ``high``; for costs.

    A slider over hundreds of thousands so still has room for hundreds.

    >>> growing_steps(100, 12.5, decades=1)
    (0.0, 10.0, 12.5, 15.0, 20.0, 25.0, 30.0, 40.0, 50.0, 60.0, 70.0, 80.0, 90.0, 100.0)
    """
    top = math.ceil(math.log10(max(high, measured, 1e-6)) - 1e-9)
    marks = (1, 1.5, 2, 2.5, 3, 4, 5, 6, 7, 8, 9)
    found = [n * 10.0**power for power in range(top - decades, top) for n in marks]
    found.append(10.0**top)
    far = next(value for value in found if value >= max(high, measured) * (1 - 1e-9))
    steps = {float(f"{value:.12g}") for value in found if value <= far}
    return tuple(sorted(steps | {0.0, float(measured)}))


def nice_step(least: float) -> float:
    """The smallest of 1, 2, 5 and their tenfolds that is not below ``least``.

    >>> nice_step(0.3), nice_step(21), nice_step(5)
    (0.5, 50.0, 5.0)
    """
    power = 10.0 ** math.floor(math.log10(least))
    return next(
        float(f"{n * power:.12g}") for n in (1, 2, 5, 10) if n * power >= least * (1 - 1e-9)
    )


def distinct_steps(steps: Iterable[float], measured: float, say: Callable[[Any], str]) -> Any:
    """The steps without those that would read the same as another; the measured value stays.

    >>> distinct_steps((1.0, 1.2, 2.0), 1.2, lambda value: f"{value:.0f}")
    (1.2, 2.0)
    """
    kept: dict[str, float] = {say(measured): measured}
    for step in steps:
        kept.setdefault(say(step), step)
    return tuple(sorted(kept.values()))


# --- the page --------------------------------------------------------------------------------


def results_html(view: View, wording: Wording, *, picture_as_image: bool) -> str:
    """The part that answers: sentence, figures, chart, what is below it, and the code line."""
    parts = [
        f'<p style="font-size:1.1em;margin:.2em 0 .6em"><strong>{_escape(view.said)}</strong></p>'
    ]
    if view.figures:
        parts.append(
            '<div style="display:grid;grid-template-columns:repeat(auto-fill,minmax(220px,1fr));'
            'gap:.6em 1.2em;margin:0 0 .7em;max-width:800px">'
            + "".join(_figure(figure) for figure in view.figures)
            + "</div>"
        )
    if view.chart:
        parts.append(_picture(view, wording, as_image=picture_as_image))
    parts.append(view.below)
    if view.code:
        parts.append(
            f'<p style="{_SMALL};margin:.7em 0 0">{_escape(wording.say("explorer.code"))}</p>'
            f'<pre tabindex="0" style="{_CODE}"><code>{_escape(view.code)}</code></pre>'
        )
    return "".join(parts)


def static_page(
    title: str, view: View, controls: Sequence[Control], settings: Any, wording: Wording
) -> str:
    """The explorer without its controls: their values in a table, and all that they lead to.

    >>> from retention_lib.wording import Wording
    >>> page = static_page("Try it", View("2 < 3."), (), None, Wording("en"))
    >>> "2 &lt; 3." in page, "<script" in page
    (True, False)
    """
    head = f'<p style="font-size:1.15em;margin:.2em 0">{_escape(title)}</p>' if title else ""
    return (
        "<div>"
        + head
        + results_html(view, wording, picture_as_image=True)
        + (_settings_table(controls, settings, wording) if controls else "")
        + "</div>"
    )


def _settings_table(controls: Sequence[Control], settings: Any, wording: Wording) -> str:
    heads = ("explorer.setting", "explorer.set_to", "explorer.measured")
    head = "".join(f'<th scope="col" style="{_CELL}">{_escape(wording.say(h))}</th>' for h in heads)
    body = "".join(
        f'<tr><th scope="row" style="{_CELL};font-weight:normal">{_escape(control.label)}</th>'
        f'<td style="{_CELL}">{_escape(said_value(control, getattr(settings, control.name)))}</td>'
        f'<td style="{_CELL}">{_escape(said_value(control, control.measured))}</td></tr>'
        for control in controls
    )
    return (
        '<table style="border-collapse:collapse;color:inherit;font-size:inherit;margin:.6em 0">'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        f'<p style="{_SMALL}">{_escape(wording.say("explorer.run_me"))}</p>'
    )


def said_value(control: Control, value: Any) -> str:
    """A control's value in words, as its readout says it."""
    if isinstance(control, Span):
        return " – ".join(control.say(end) for end in value)
    if isinstance(control, Several):
        return ", ".join(control.say(item) for item in value) or "–"
    return control.say(value)


def _figure(figure: Figure) -> str:
    # The notebook's own ink, so that its dark theme works; the colour is a bar beside the value.
    colour = {"gain": theme.GAIN, "loss": theme.LOSS}.get(figure.tone, theme.NEUTRAL)
    note = f'<br/><span style="{_SMALL}">{_escape(figure.note)}</span>' if figure.note else ""
    return (
        f'<div style="border-left:4px solid {colour};padding-left:.6em">'
        f"<div>{_escape(figure.label)}</div>"
        '<div><strong style="font-size:1.35em;font-variant-numeric:tabular-nums">'
        f"{_escape(figure.value)}</strong>{note}</div></div>"
    )


def _picture(view: View, wording: Wording, *, as_image: bool) -> str:
    if as_image:
        # As an image it survives the cleaning that notebooks do to pages they do not trust yet.
        coded = base64.b64encode(view.chart.encode()).decode()
        drawn = (
            f'<img alt="{_escape(view.alt)}" style="max-width:100%" '
            f'src="data:image/svg+xml;base64,{coded}"/>'
        )
    else:
        drawn = view.chart
    if not view.alt:
        return drawn
    return (
        f"{drawn}<details><summary>{_escape(wording.say('explorer.in_words'))}</summary>"
        f'<p style="max-width:60em">{_escape(view.alt)}</p></details>'
    )


def _escape(text: str) -> str:
    return html.escape(text)
