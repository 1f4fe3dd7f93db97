"""The explorer of the watch list: whom to call first, with so many calls to make."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import ClassVar

import numpy as np
import pandas as pd

from retention_lib.base.customer_base import CustomerBase
from retention_lib.decisions.call_list import (
    EVERYBODY,
    CallFacts,
    CallList,
    CallSettings,
    choose_calls,
    gather_calls,
)
from retention_lib.portfolio._signals_words import name_of
from retention_lib.results import Listing
from retention_lib.views import tables, theme
from retention_lib.views._explorer_parts import Control
from retention_lib.views._explorer_picture import Dot, Line, draw_lines
from retention_lib.views.widgets import (
    Choice,
    Explorer,
    Figure,
    Several,
    Slider,
    Switch,
    View,
    distinct_steps,
    make_steps,
)

_MOST_CALLS = 200
_USUAL_CALLS = 20
_POINTS = 100  # of the curve: more than the eye tells apart


class WatchExplorer(Explorer[CallSettings]):
    """Whom to call first; made by :func:`explore_watch_list`."""

    facts: CallFacts

    def calls(self) -> CallList:
        """The list for what the controls say now: one row a customer to call."""
        return choose_calls(self.facts, self.settings)


def explore_watch_list(base: CustomerBase) -> WatchExplorer:
    """Try whom to call first: which warning signs count, whose customers, how many calls.

    The signs are those of :func:`retention_lib.watch_list`, worked out once; the value at stake
    is what a customer brought in the last 365 days, a fact and no forecast of what a call saves.
    Who refuses to be contacted is counted and never listed. ``.calls()`` gives the list that the
    controls say. Where nobody shows a sign there is nothing to try, and the sentence says so.

    Parameters
    ----------
    base
        The customer base; nothing after its ``as_of`` is looked at.

    Raises
    ------
    InputError
        Where ``base`` is no customer base.

    Examples
    --------
    >>> import pandas as pd
    >>> lines = pd.DataFrame({"customer_id": ["a"] * 12 + ["b"] * 16,
    ...     "date": [*pd.date_range("2024-01-05", periods=12, freq="14D"),
    ...              *pd.date_range("2024-01-05", periods=16, freq="14D")],
    ...     "amount": 10.0})
    >>> explorer = explore_watch_list(CustomerBase.from_tables(lines))
    >>> explorer.calls().to_frame()["customer_id"].tolist()
    ['a']
    """
    facts = _masked(gather_calls(base))
    explorer = WatchExplorer(
        base.wording.say("watching.title"),
        _controls(facts) if facts.signs else [],
        CallSettings,
        lambda settings: _look(facts, settings),
        wording=base.wording,
    )
    explorer.facts = facts
    return explorer


def _masked(facts: CallFacts) -> CallFacts:
    """The facts with pseudonyms for the account managers, where names are to be masked."""
    if os.environ.get(tables.MASK_VARIABLE) != "1":
        return facts
    names = pd.DataFrame({"account_manager": list(facts.managers)})
    return replace(facts, managers=tuple(tables.mask_frame(names)["account_manager"]))


def _controls(facts: CallFacts) -> list[Control]:
    w, watch = facts.wording, facts.watch
    most, usual = min(facts.customers, _MOST_CALLS), _usual(facts)
    # Up to what one customer in twenty exceeds: beyond it a list of calls is a list of names.
    highest = float(np.quantile(facts.value, 0.95))
    currency = f", {w.currency_symbol}" if w.currency_symbol else ""
    controls: list[Control] = [
        Slider(
            "calls",
            w.say("watching.calls"),
            make_steps(1, most, usual, whole=True),
            usual,
            lambda count: w.say("watching.calls_said", count=int(count)),
        )
    ]
    if highest > 0:
        label = w.say("watching.least", measure=watch.signals.measure, currency=currency)
        steps = distinct_steps(make_steps(0.0, highest, 0.0, most=40), 0.0, w.money)
        controls.append(Slider("least", label, steps, 0.0, w.money))
    controls.append(
        Several(
            "signs",
            w.say("watching.signs"),
            facts.signs,
            facts.signs,
            lambda code: name_of(code, w),
        )
    )
    if len(facts.managers) > 1:
        controls.append(
            Choice(
                "manager",
                w.say("watching.manager"),
                (EVERYBODY, *facts.managers),
                EVERYBODY,
                lambda name: name or w.say("watching.everybody"),
            )
        )
    if watch.compared_with is not None:
        label = w.say("watching.new_only", since=w.date(watch.compared_with))
        yes, no = w.say("watching.yes"), w.say("watching.no")
        controls.append(Switch("new_only", label, False, lambda on: yes if on else no))
    return controls


def _look(facts: CallFacts, settings: CallSettings) -> View:
    if not facts.signs:
        return View(said=facts.watch.sentence())
    chosen = choose_calls(facts, settings)
    view = View(said=chosen.sentence(), figures=_figures(chosen), code=_code(facts, settings))
    if not chosen.calls:
        return view
    w = chosen.wording
    # Beside the sliders there is room for four columns; ``.calls()`` gives them all.
    known = ["name"] if "name" in chosen.table else ["customer_id"]
    listed = _Calls(
        chosen.table[[*known, "signal", "evidence", "value_at_stake"]],
        wording=w,
        assumptions=chosen.assumptions,
        said=w.say("watching.list"),
    )
    page = f'<div style="overflow-x:auto;font-size:.93em">{tables.render(listed)}</div>'
    view = replace(view, below=page)
    return replace(view, chart=_draw(chosen), alt=_alt(chosen)) if chosen.total > 0 else view


class _Calls(Listing):
    formats: ClassVar[Mapping[str, str]] = CallList.formats


def _figures(chosen: CallList) -> tuple[Figure, ...]:
    w = chosen.wording
    of = "of" if chosen.consent_known else "of_unknown"
    note = w.say("watching.figure.covered_none", measure=_capital(chosen.measure))
    if chosen.total > 0:
        note = w.say(
            "watching.figure.covered_note",
            share=w.percent(chosen.share, decimals=0),
            total=w.money(chosen.total),
            measure=chosen.measure,
        )
    later = w.say(
        "watching.figure.left_note",
        value=w.money(chosen.total - chosen.value),
        measure=chosen.measure,
    )
    figures = [
        Figure(
            w.say("watching.figure.calls"),
            w.number(chosen.calls),
            w.say(f"watching.figure.{of}", callable=chosen.callable),
        ),
        Figure(w.say("watching.figure.covered"), w.money(chosen.value), note),
        Figure(w.say("watching.figure.left"), w.number(chosen.callable - chosen.calls), later),
    ]
    if chosen.consent_known:
        refused = w.say(
            "watching.figure.left_note",
            value=w.money(chosen.refused_value),
            measure=chosen.measure,
        )
        figures.append(Figure(w.say("watching.figure.refused"), w.number(chosen.refused), refused))
    return tuple(figures)


def _draw(chosen: CallList) -> str:
    """The value covered against the calls made, most value first and in any order."""
    w, everybody = chosen.wording, chosen.callable
    at = {round(place) for place in np.linspace(0, everybody, _POINTS)} | {chosen.calls}
    calls = sorted(at)
    currency = f", {w.currency_symbol}" if w.currency_symbol else ""
    dot = w.say("watching.chart.dot", calls=chosen.calls, value=w.money(chosen.value))
    return draw_lines(
        [
            Line(w.say("watching.chart.ours"), calls, chosen.covered[calls].tolist(), theme.KEPT),
            Line(
                w.say("watching.chart.chance"),
                (0, everybody),
                (0.0, chosen.total),
                theme.NEUTRAL,
                dashed=True,
            ),
        ],
        title=_title(chosen),
        alt=_alt(chosen),
        x_said=w.say("watching.chart.x"),
        y_said=w.say("watching.chart.y", measure=chosen.measure, currency=currency),
        say_x=w.number,
        say_y=w.number,
        dots=(Dot(chosen.calls, chosen.value, dot),),
    )


def _title(chosen: CallList) -> str:
    w = chosen.wording
    if chosen.calls == chosen.callable:
        value = w.money(chosen.total)
        return w.say("watching.chart.title_all", calls=chosen.calls, value=value)
    key = "title_one" if chosen.calls == 1 else "title"
    share = w.percent(chosen.share, decimals=0)
    counts = {"calls": chosen.calls} if key == "title" else {}
    return w.say(f"watching.chart.{key}", **counts, callable=chosen.callable, share=share)


def _alt(chosen: CallList) -> str:
    w = chosen.wording
    return w.say(
        "watching.chart.alt",
        calls=chosen.calls,
        value=w.money(chosen.value),
        total=w.money(chosen.total),
        chance=w.money(chosen.total * chosen.calls / chosen.callable),
    )


def _code(facts: CallFacts, settings: CallSettings) -> str:
    """The calls that make this list again."""
    usual = CallSettings(calls=_usual(facts), signs=facts.signs)
    moved = ", ".join(
        f"{each.name}={getattr(settings, each.name)!r}"
        for each in fields(settings)
        if getattr(settings, each.name) != getattr(usual, each.name)
    )
    lines = ["explorer = rl.explore_watch_list(base)", "explorer.calls()"]
    return "\n".join([lines[0], f"explorer.set({moved})", lines[1]] if moved else lines)


def _usual(facts: CallFacts) -> int:
    return min(_USUAL_CALLS, facts.customers, _MOST_CALLS)


def _capital(word: str) -> str:
    return word[:1].upper() + word[1:]
