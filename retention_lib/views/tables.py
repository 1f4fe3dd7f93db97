"""A result as a small table in a notebook: its sentence, its first rows, its assumptions.

Plain HTML that JupyterLab, Voilà and nbconvert show alike, in light and in dark themes; every
text from the data is escaped, and the same result always makes the same bytes.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from retention_lib.masking import (
    IDENTIFYING,
    MASK_VARIABLE,
    TELLING,
    is_missing,
    mask_frame,
    masks,
)
from retention_lib.results import Listing, Result
from retention_lib.wording import Wording

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["IDENTIFYING", "MASK_VARIABLE", "TELLING", "mask_frame", "render"]

_NOTHING = "–"

# Colours are left to the notebook, so that its dark theme works: lines are half-transparent grey
# and the small print is the notebook's own ink, a little lighter.
_LINE = "border-bottom:1px solid rgba(128,128,128,.35)"
_TABLE = (
    "border-collapse:collapse;color:inherit;font-size:inherit;margin:.4em 0;"
    "font-variant-numeric:tabular-nums"
)
_CAPTION = "caption-side:bottom;text-align:left;opacity:.8;padding:.3em 0"
_CELL = f"padding:.2em .7em;vertical-align:top;{_LINE}"
_SMALL = "font-size:.85em;opacity:.8;margin:.2em 0 .6em"


def render(result: Result) -> str:
    """Give a result as HTML: the sentence, the first rows, and what it was made under."""
    shown = [name for name in result.table.columns if name not in result.hidden]
    frame = result.table[shown].head(result.shown_rows)
    masked = masks()
    if masked:
        w = result.wording
        frame = mask_frame(frame, word=w.say("mask.customer"), nobodys={w.say("plan.marketing")})
        telling = [name for name in (*TELLING, *result.telling) if name in frame]
        frame = frame.drop(columns=telling)
    if frame.empty and isinstance(result, Listing):
        return f"<p><strong>{_escape(result.sentence())}</strong></p>"
    parts = [
        f"<p><strong>{_escape(result.sentence())}</strong></p>",
        _table(frame, len(result.table), result.formats, result.wording),
        _assumptions(result, masked),
    ]
    return "<div>" + "".join(parts) + "</div>"


def _table(frame: pd.DataFrame, rows: int, formats: Mapping[str, str], wording: Wording) -> str:
    if not rows:
        return f"<p>{_escape(wording.say('table.empty'))}</p>"
    writers = {
        name: _naming(str(name), wording) or _writer(frame[name], formats.get(name, ""), wording)
        for name in frame.columns
    }
    sides = {name: _side(frame[name], formats.get(name, "")) for name in frame.columns}
    head = "".join(
        f'<th scope="col" style="{_CELL};text-align:{sides[name]}{_width(frame[name])}">'
        f"{_escape(wording.label(str(name)))}</th>"
        for name in frame.columns
    )
    body = "".join(
        f"<tr>{''.join(_cells(values, frame.columns, writers, sides))}</tr>"
        for values in frame.itertuples(index=False, name=None)
    )
    return (
        f'<table style="{_TABLE}"><caption style="{_CAPTION}">'
        f"{_escape(_caption(len(frame), rows, wording))}</caption>"
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    )


def _cells(
    values: tuple[Any, ...],
    names: Iterable[str],
    writers: Mapping[str, Callable[[Any], str]],
    sides: Mapping[str, str],
) -> Iterable[str]:
    for place, (name, value) in enumerate(zip(names, values, strict=True)):
        text = _NOTHING if is_missing(value) else writers[name](value)
        # The first column names the row, for those who have the table read out to them.
        tag, scope = ("td", "") if place else ("th", ' scope="row"')
        weight = "" if place else ";font-weight:normal"
        unbroken = ";white-space:nowrap" if sides[name] == "right" else ""
        style = f"{_CELL};text-align:{sides[name]}{weight}{unbroken}"
        yield f'<{tag}{scope} style="{style}">{_escape(text)}</{tag}>'


def _caption(shown: int, rows: int, wording: Wording) -> str:
    if shown == rows:
        return wording.say("table.all_rows", rows=rows)
    return wording.say("table.more_rows", shown=shown, rows=rows, more=rows - shown)


def _side(column: pd.Series[Any], form: str) -> str:
    is_number = pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)
    return "right" if form or is_number else "left"


def _width(column: pd.Series[Any]) -> str:
    """Room for a column of sentences, which a browser would otherwise squeeze to a word a line."""
    longest = column.map(lambda value: len(value) if isinstance(value, str) else 0).max()
    return ";min-width:11em" if longest > 30 else ""


def _naming(name: str, wording: Wording) -> Callable[[Any], str] | None:
    """How a column is written that names tables or columns of a base; None for any other."""
    if name not in ("table", "column"):
        return None

    def named(value: Any) -> str:
        key = f"name.{name}.{value}"
        return wording.say(key) if wording.has(key) else _plain(value, wording)

    return named


def _writer(column: pd.Series[Any], form: str, wording: Wording) -> Callable[[Any], str]:
    """How the values of a column are written."""
    if form == "money":
        return wording.money
    if form == "percent":
        return wording.percent
    if form == "count":
        return wording.number
    if form == "decimal" or pd.api.types.is_float_dtype(column):
        return lambda value: wording.number(float(value), decimals=2)
    return lambda value: _plain(value, wording)


def _plain(value: object, wording: Wording) -> str:
    """A value without a format of its own: dates, flags and whole numbers in the language."""
    if isinstance(value, bool | np.bool_):
        return wording.say("table.yes" if value else "table.no")
    if isinstance(value, int | np.integer):
        return wording.number(int(value))
    if isinstance(value, float | np.floating):
        return wording.number(float(value), decimals=2)
    if isinstance(value, datetime):
        return wording.date(value.date())
    if isinstance(value, date):
        return wording.date(value)
    return str(value)


def _assumptions(result: Result, masked: bool) -> str:
    w = result.wording
    said = [
        w.say(
            "table.assumption",
            name=_assumption_name(w, name),
            value=_assumed(name, value, w),
        )
        for name, value in result.assumptions.items()
        if not is_missing(value)
    ]
    if masked:
        said.append(w.say("table.masked"))
    return f'<p style="{_SMALL}">{_escape(" · ".join(said))}</p>' if said else ""


def _assumed(name: str, value: Any, wording: Wording) -> str:
    """The value of an assumption; what was answered about a file is told in words."""
    if name == "leave_out" and isinstance(value, Mapping):
        of = _naming("column", wording) or str
        return wording.listing(
            [
                wording.say("name.left_out", column=of(column), values=", ".join(map(str, left)))
                for column, left in value.items()
            ]
        )
    key = f"name.{name}.{value}"
    return wording.say(key) if wording.has(key) else _plain(value, wording)


def _assumption_name(wording: Wording, name: str) -> str:
    key = f"assumption.{name}"
    return wording.say(key) if wording.has(key) else wording.label(name)


def _escape(text: str) -> str:
    return html.escape(text)
