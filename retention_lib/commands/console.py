"""What a command says on a terminal: any terminal, whatever letters it has."""

from __future__ import annotations

import codecs
import os
import re
import shutil
import sys
import textwrap
import unicodedata
from collections.abc import Iterable, Sequence
from typing import IO

from retention_lib import progress

_ERRORS = "retention-plain"
# What has no letter on an old console, in letters that every console has.
_PLAIN = {
    "\u202f": " ",
    "\u2009": " ",
    "\u00a0": " ",
    "\u2212": "-",
    "\u2013": "-",
    "\u2014": "-",
    "\u2011": "-",
    "\u2019": "'",
    "\u2018": "'",
    "\u201c": '"',
    "\u201d": '"',
    "\u00ab": '"',
    "\u00bb": '"',
    "\u2026": "...",
    "\u2192": "->",
    "\u2190": "<-",
    "\u00d7": "x",
    "\u00f7": "/",
    "\u20ac": "EUR",
    "\u00a3": "GBP",
    "\u2265": ">=",
    "\u2264": "<=",
    "\u2260": "<>",
    "\u0153": "oe",
    "\u0152": "OE",
    "\u00e6": "ae",
    "\u00b7": "-",
    "\u2022": "-",
    "\u2713": "ok",
}
_NARROWEST, _WIDEST = 40, 100
_LEAST_ROOM = 24
# A name from the data may hold what a terminal obeys (colours, titles) or what turns its letters.
_OBEYED = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_ENDS_OF_LINES = re.compile(r"[ \t\r\n]+")
# French sets a space before these marks, at which no line may end either.
_BEFORE_MARK = re.compile(r"(?<=\S) (?=[;:?!»%€](?:[\s.,)]|$))|(?<=«) ")
# Stands for a space at which no line may end: that of a path, or of an option and its value.
_KEPT = "\ue000"
_TOGETHER = re.compile(r'(?:--[\w-]+ )?"[^"\n]{1,60}"|--[\w-]+ [\w.,=…]+')


def prepare() -> None:
    """From now on no letter stops a command: where the console lacks one, a plain one stands."""
    codecs.register_error(_ERRORS, _plainly)
    for stream in (sys.stdout, sys.stderr):
        if stream is not None and hasattr(stream, "reconfigure"):
            stream.reconfigure(errors=_ERRORS)


def _plainly(error: UnicodeError) -> tuple[str | bytes, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(plain(c) for c in error.object[error.start : error.end]), error.end


def plain(letter: str) -> str:
    """A letter in those that every console has; a question mark where there is none.

    >>> plain("é"), plain("€"), plain("客")
    ('e', 'EUR', '?')
    """
    if letter in _PLAIN:
        return _PLAIN[letter]
    return unicodedata.normalize("NFKD", letter).encode("ascii", "ignore").decode() or "?"


def width() -> int:
    """How many letters a line has, within what still reads well."""
    return max(_NARROWEST, min(_WIDEST, shutil.get_terminal_size((80, 24)).columns - 1))


def wrapped(text: str, *, first: str = "", then: str | None = None) -> str:
    """A text in lines of the terminal; those after the first begin with ``then``.

    >>> print(wrapped("one two", first="- ", then="  "))
    - one two
    """
    after = " " * len(first) if then is None else then
    text = _OBEYED.sub("?", text)
    text = _BEFORE_MARK.sub(_KEPT, _TOGETHER.sub(lambda found: whole(found[0]), text))
    lines = []
    for number, part in enumerate(text.splitlines() or [""]):
        lines += textwrap.wrap(
            part,
            width(),
            initial_indent=after if number else first,
            subsequent_indent=after,
            # A path or a quoted heading is copied from the screen: it stays in one piece.
            break_long_words=False,
            break_on_hyphens=False,
        ) or [""]
    return "\n".join(lines).replace(_KEPT, " ")


def whole(text: object) -> str:
    """A path or a command within a text: no line ends inside it, so that it can be copied."""
    return str(text).replace(" ", _KEPT)


def say(
    text: str = "", *, first: str = "", then: str | None = None, to: IO[str] | None = None
) -> None:
    """Print a text in lines of the terminal."""
    print(wrapped(text, first=first, then=then), file=to or sys.stdout, flush=True)


def complain(text: str = "", *, first: str = "") -> None:
    """Print what is wrong, where errors go."""
    say(text, first=first, to=sys.stderr)


def columns(rows: Iterable[Sequence[str]], *, right: Sequence[int] = (), indent: str = "  ") -> str:
    """Rows of short texts under one another; ``right`` numbers the columns set to the right.

    The last column takes what room is left, and is wrapped in it.

    >>> print(columns([("a", "1"), ("bb", "22")], right=[1], indent=""))
    a    1
    bb  22
    """
    cells = [
        tuple(_ENDS_OF_LINES.sub(" ", _OBEYED.sub("?", str(cell))).strip(" ") for cell in row)
        for row in rows
    ]
    if not cells:
        return ""
    *fixed, last = (max(map(len, column)) for column in zip(*cells, strict=True))
    room = width() - len(indent) - sum(size + 2 for size in fixed)
    if room < min(last, _LEAST_ROOM) and not right:  # side by side there is no room for them
        inner = indent + "    "
        return "\n".join(
            wrapped(text, first=inner if place else indent, then=inner)
            for row in cells
            for place, text in enumerate(filter(None, row))
        )
    lines = []
    for *front, end in cells:
        start = indent + "".join(
            (cell.rjust(size) if place in right else cell.ljust(size)) + "  "
            for place, (cell, size) in enumerate(zip(front, fixed, strict=True))
        )
        if len(fixed) in right:
            end = end.rjust(last)
        lines.append(_hung(start, end))
    return "\n".join(lines)


def _hung(start: str, text: str) -> str:
    room = max(width() - len(start), _LEAST_ROOM)
    kept = _BEFORE_MARK.sub(_KEPT, text)
    parts = textwrap.wrap(kept, room, break_long_words=False, break_on_hyphens=False)
    parts = [part.replace(_KEPT, " ") for part in parts]
    if text[:1] == " ":  # set to the right
        parts = [text]
    first, *rest = parts or [""]
    return "\n".join([(start + first).rstrip(), *(" " * len(start) + part for part in rest)])


class TerminalBar:
    """One line that is written over until the work is done, and then gone."""

    def __init__(self, said: str, stream: IO[str]) -> None:
        self._stream, self._longest = stream, 0
        self._write(said)

    def show(self, share: float, said: str) -> None:
        """Draw how far the work has come."""
        filled = round(max(0.0, min(1.0, share)) * 20)
        self._write(f"[{'#' * filled}{'.' * (20 - filled)}] {said}")

    def close(self) -> None:
        """Leave an empty line for what comes next."""
        self._write("")
        self._stream.write("\r")
        self._stream.flush()

    def _write(self, text: str) -> None:
        text = text[: width()]
        self._stream.write("\r" + text.ljust(self._longest))
        self._stream.flush()
        self._longest = len(text)


def listen() -> progress.Listener | None:
    """Show slow work on the terminal; into a file or another program nothing is written."""
    stream = sys.stderr
    if stream is None or not stream.isatty() or os.environ.get("TERM") == "dumb":
        return progress.listen(None)
    return progress.listen(lambda said: TerminalBar(said, stream))
