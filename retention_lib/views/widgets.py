"""Explorers: controls, a frozen dataclass of what they say, a pure function, a view.

With the two forms (``import_form``, ``idea_board``) this is where ipywidgets is used. Everything
that an explorer computes is a pure function of its settings, so that it is tested without a
browser; the widgets only collect inputs.

How to build one
----------------
1. Gather from the base, once, whatever the answers need (arrays, small tables).
2. Write a frozen dataclass of plain values, one field a control::

       @dataclass(frozen=True)
       class ShopSettings:
           price: float

3. Write the pure function from these settings to a :class:`View` (under 60 ms)::

       def look(settings: ShopSettings) -> View:
           return View(said="…", figures=(Figure("Profit", "€12", "90 % sure: €3 to €20", "gain"),),
                       chart=picture.draw_lines(...), alt="…", code="rl.…")

4. List the controls and hand all of it over::

       Explorer(title, [Slider("price", "Price (€)", steps=(1.0, 2.0, 3.0), measured=2.0,
                               say=wording.money)], ShopSettings, look, wording=base.wording)

Controls (each: ``name`` = the field, ``label`` visible and with its unit, ``measured`` = where it
starts and what the button goes back to, ``say`` = a value in words with its unit, ``section`` = a
heading above it, where wanted):
:class:`Slider` (one number of ``steps``; :func:`make_steps` makes round ones, :func:`growing_steps`
such as grow with the amount, and :func:`distinct_steps` drops those that read alike),
:class:`Span` (low and high on one slider), :class:`Choice` (one of ``options``), :class:`Several`
(any of ``options``, a tuple), :class:`Switch` (yes or no). Values outside the steps cannot be set,
so no state can fail; ``control.trials()`` gives the values to test. Where a base allows no
exploring, hand over no controls and a function whose ``said`` tells why.

What people use: ``.settings``, ``.set(price=3)`` (the nearest step), ``.reset()``, ``.view()``,
``.sentence()``, ``.code()``, ``.static()`` (the page without controls) and ``.live()`` (the
ipywidgets box). An explorer with more to give derives from :class:`Explorer` and adds a property
such as ``.offer``. Shown in a notebook it is the live box, and the static page wherever widgets
are not (saved notebooks, HTML, slides).

Pictures: ``retention_lib.views._explorer_picture`` draws SVG by hand in about a millisecond,
``draw_lines`` and ``draw_bars``. Tests: ``tests/views/trying_explorers.py`` has
``try_everything(explorer)``, which tries every control's ends and many mixtures.

:class:`ProgressBar` is a bar with words for work that takes long; see ``retention_lib.progress``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from html import escape as _escaped
from typing import Any, Generic, TypeVar

from retention_lib.errors import ChoiceError
from retention_lib.views._explorer_parts import (
    Choice,
    Control,
    Figure,
    Several,
    Slider,
    Span,
    Switch,
    View,
    distinct_steps,
    growing_steps,
    make_steps,
    results_html,
    static_page,
)
from retention_lib.wording import Wording

__all__ = [
    "Choice",
    "Control",
    "Explorer",
    "Figure",
    "ProgressBar",
    "Several",
    "Slider",
    "Span",
    "Switch",
    "View",
    "distinct_steps",
    "growing_steps",
    "make_steps",
]

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"

Settings = TypeVar("Settings")

# Labels above their sliders, as long as they are; type that a room can read.
_STYLE = """<style>
.rw-explorer .rw-control{flex-wrap:wrap;height:auto;margin:0 0 .35em;overflow:visible}
.rw-explorer .rw-control>.widget-label{flex:1 1 0;min-width:40%;width:auto;max-width:none;
 text-align:left;white-space:normal;height:auto;line-height:1.35;font-size:15px;overflow:visible}
.rw-explorer .rw-control>.widget-readout{order:1;flex:0 0 auto;min-width:0;max-width:none;
 width:auto;height:auto;padding-left:.6em;font-size:15px;line-height:1.35;font-weight:600;text-align:right;
 overflow:visible;white-space:nowrap;border:0;pointer-events:none;
 -webkit-user-modify:read-only;-moz-user-modify:read-only}
.rw-explorer .rw-control>.slider-container{order:2;flex:1 0 calc(100% - 22px);height:22px;
 min-height:22px;margin:.2em 11px .2em}
.rw-explorer .rw-control>select{order:2;flex:1 0 100%}
.rw-explorer .rw-control.widget-checkbox>.widget-label{display:none}
.rw-explorer .rw-control label{font-size:15px;white-space:normal}
.rw-explorer .rw-control select{font-size:15px;height:auto;width:100%}
.rw-explorer .rw-group{font-size:15px;line-height:1.35;margin:0}
.rw-explorer .rw-section{font-size:15px;line-height:1.35;font-weight:600;margin:.4em 0 .1em}
.rw-explorer button{font-size:15px;height:auto;width:auto;white-space:normal;line-height:1.3;
 padding:.4em 1em}
.rw-explorer .rw-results,.rw-explorer .rw-results .widget-html-content{font-size:15px;
 line-height:1.4;height:auto;overflow:visible;min-width:0}
.rw-explorer .noUi-handle:focus{outline:3px solid #B94A08;outline-offset:1px}
</style>"""


class Live:
    """What a notebook shows with controls, and as a still page wherever widgets are not.

    A subclass gives ``static()`` and ``_build()``, the ipywidgets box.
    """

    _box: Any = None
    _has_controls = True

    def static(self) -> str:
        """The page without controls."""
        raise NotImplementedError

    def live(self) -> Any:
        """The ipywidgets box; the same one each time, so that two places show one state."""
        if self._box is None:
            self._box = self._build()
        return self._box

    def _build(self) -> Any:
        raise NotImplementedError

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        shown: dict[str, Any] = {"text/plain": repr(self), "text/html": self.static()}
        if self._has_controls:
            shown[WIDGET_VIEW] = self.live()._repr_mimebundle_()[WIDGET_VIEW]
        return shown


class Explorer(Live, Generic[Settings]):
    """Controls beside an answer that follows them; see the module's own words.

    ``title`` says what can be tried, ``settings`` is the class that the controls fill, ``look``
    the pure function from there to what is shown. ``start`` are controls that begin elsewhere than
    at their measured value, so that there is something to see.
    """

    def __init__(
        self,
        title: str,
        controls: Sequence[Control],
        settings: Callable[..., Settings],
        look: Callable[[Settings], View],
        *,
        wording: Wording,
        start: Mapping[str, Any] | None = None,
    ) -> None:
        self.title = title
        self.controls = tuple(controls)
        self.wording = wording
        self._by_name = {control.name: control for control in self.controls}
        self._make, self._look = settings, look
        self._settings = self.measured
        self._has_controls = bool(self.controls)
        self._inputs: dict[str, Any] = {}
        self._results: Any = None
        self._silent = False
        self.set(**(start or {}))

    # --- what the controls say ----------------------------------------------------------------

    @property
    def settings(self) -> Settings:
        """What the controls say now, as a frozen dataclass."""
        return self._settings

    @property
    def measured(self) -> Settings:
        """What the controls say after the button that goes back."""
        return self._make(**{control.name: control.measured for control in self.controls})

    def set(self, **values: Any) -> None:
        """Move controls by name, each to the nearest value it has; the sliders move along."""
        if not values:
            return
        unknown = [name for name in values if name not in self._by_name]
        if unknown:
            raise ChoiceError("the control", unknown[0], list(self._by_name))
        changed = {name: self._by_name[name].nearest(value) for name, value in values.items()}
        self._take(dataclasses.replace(self._settings, **changed))  # type: ignore[type-var]

    def reset(self) -> None:
        """Go back to the measured values."""
        self._take(self.measured)

    # --- what they lead to --------------------------------------------------------------------

    def view(self) -> View:
        """The figures, the chart and the words for what the controls say now."""
        return self._look(self._settings)

    def sentence(self) -> str:
        """One sentence to say in the meeting, for what the controls say now."""
        return self.view().said

    def code(self) -> str:
        """Python to paste that makes this state again."""
        return self.view().code

    def static(self) -> str:
        """The explorer as a page without controls or scripts: figures, chart, settings."""
        return static_page(self.title, self.view(), self.controls, self._settings, self.wording)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.sentence()}>"

    # --- the live box -------------------------------------------------------------------------

    def _build(self) -> Any:
        import ipywidgets

        self._inputs = {control.name: _make_input(control) for control in self.controls}
        for control in self.controls:
            _put(control, self._inputs[control.name], getattr(self._settings, control.name))
            for part in _parts(control, self._inputs[control.name]):
                part.observe(self._on_change, "value")
        back = ipywidgets.Button(description=self.wording.say("explorer.reset"))
        back.on_click(lambda _: self.reset())
        self._results = ipywidgets.HTML()
        self._results.add_class("rw-results")
        self._results.layout.flex = "2 1 500px"
        self._results.layout.min_width = "0"
        self._show()
        left = ipywidgets.VBox(
            [*self._with_headings(), back],
            layout=ipywidgets.Layout(flex="1 1 250px", max_width="400px", min_width="240px"),
        )
        title = ipywidgets.HTML(
            f'{_STYLE}<p style="font-size:17px;margin:.2em 0 .5em">{_escaped(self.title)}</p>'
        )
        both = ipywidgets.HBox(
            [left, self._results], layout=ipywidgets.Layout(flex_flow="row wrap", grid_gap="0 24px")
        )
        box = ipywidgets.VBox([title, both])
        box.add_class("rw-explorer")
        return box

    def _with_headings(self) -> list[Any]:
        import ipywidgets

        shown: list[Any] = []
        for control in self.controls:
            if control.section:
                shown.append(
                    ipywidgets.HTML(f'<p class="rw-section">{_escaped(control.section)}</p>')
                )
            shown.append(self._inputs[control.name])
        return shown

    def _on_change(self, _: Any) -> None:
        if not self._silent:
            values = {c.name: _read(c, self._inputs[c.name]) for c in self.controls}
            self._settings = self._make(**values)
            self._show()

    def _take(self, settings: Settings) -> None:
        """Set the state from code: all controls first, then one answer."""
        self._settings = settings
        if self._box is None:
            return
        self._silent = True
        try:
            for control in self.controls:
                _put(control, self._inputs[control.name], getattr(settings, control.name))
        finally:
            self._silent = False
        self._show()

    def _show(self) -> None:
        html = results_html(self.view(), self.wording, picture_as_image=False)
        # Read out by a screen reader when it changes, as a sighted person sees it change.
        self._results.value = f'<div aria-live="polite">{html}</div>'


# --- one widget a control --------------------------------------------------------------------


def _make_input(control: Control) -> Any:
    import ipywidgets

    common = {
        "description": control.label,
        "style": {"description_width": "auto"},
        "layout": ipywidgets.Layout(width="100%"),
    }
    made: Any
    if isinstance(control, Slider | Span):
        kind = (
            ipywidgets.SelectionSlider
            if isinstance(control, Slider)
            else ipywidgets.SelectionRangeSlider
        )
        options = [(control.say(step), step) for step in control.steps]
        made = kind(options=options, value=control.measured, continuous_update=False, **common)
    elif isinstance(control, Choice):
        options = [(control.say(option), option) for option in control.options]
        made = ipywidgets.Dropdown(options=options, value=control.measured, **common)
    elif isinstance(control, Several):
        return _several(control)
    else:
        made = ipywidgets.Checkbox(
            value=control.measured, description=control.label, indent=False, layout=common["layout"]
        )
    made.add_class("rw-control")
    return made


def _several(control: Several) -> Any:
    import ipywidgets

    label = ipywidgets.HTML(f'<p class="rw-group">{_escaped(control.label)}</p>')
    boxes = [
        ipywidgets.Checkbox(
            value=option in control.measured,
            description=control.say(option),
            indent=False,
            layout=ipywidgets.Layout(width="auto"),
        )
        for option in control.options
    ]
    for box in boxes:
        box.add_class("rw-control")
    return ipywidgets.VBox([label, *boxes])


def _parts(control: Control, made: Any) -> Sequence[Any]:
    """The widgets whose value belongs to a control."""
    return made.children[1:] if isinstance(control, Several) else (made,)


def _read(control: Control, made: Any) -> Any:
    if isinstance(control, Several):
        ticked = zip(control.options, _parts(control, made), strict=True)
        return tuple(option for option, box in ticked if box.value)
    return made.value


def _put(control: Control, made: Any, value: Any) -> None:
    if isinstance(control, Several):
        for option, box in zip(control.options, _parts(control, made), strict=True):
            box.value = option in value
    else:
        made.value = value


# --- progress --------------------------------------------------------------------------------


class ProgressBar:
    """A bar with words for work that takes long: shown at once, gone when closed.

    Displayed as a widget only, so that a saved notebook keeps nothing of it.
    """

    def __init__(self, said: str) -> None:
        import ipywidgets
        from IPython.display import display

        self._bar = ipywidgets.FloatProgress(
            min=0.0, max=1.0, layout=ipywidgets.Layout(width="240px")
        )
        self._words = ipywidgets.Label(said)
        self._box = ipywidgets.HBox([self._bar, self._words])
        bundle: Mapping[str, Any] = self._box._repr_mimebundle_()
        display({WIDGET_VIEW: bundle[WIDGET_VIEW]}, raw=True)  # type: ignore[no-untyped-call]

    def show(self, share: float, said: str) -> None:
        """Move the bar to a share of the work between 0 and 1, and say what is being done."""
        self._bar.value = min(max(share, 0.0), 1.0)
        self._words.value = said

    def close(self) -> None:
        """Take the bar away."""
        for widget in (self._bar, self._words, self._box):
            widget.close()
