"""What was opened and learnt a moment ago is not opened and learnt again.

Chapters that run one after another in one kernel (the report, an edition in another language)
open the same base ten times and fit the same model five times. A base opened again from files of
the same content is the same base, and what was worked out of it with the same arguments is the
same result: bases and results are frozen, so handing one out twice does no harm.

Never stale: files are known by what is in them, not by their dates. Bounded: the last few bases,
of a size that fits beside others in memory, each with its last few results; larger bases, tables
that live elsewhere (a database, Spark, a data frame) and files too large to look through are
opened anew each time. What a base or a model warned of, it warns of again. What somebody writes
into the table of a result stays theirs: each who asks gets a copy. Work on other threads remembers
nothing, because a base's engine is not to be shared between threads.

``RETENTION_FORGET=1`` turns all this off.
"""

from __future__ import annotations

import copy
import hashlib
import os
import threading
import warnings
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from retention_lib.base.customer_base import CustomerBase
from retention_lib.errors import DataWarning, overhearing
from retention_lib.results import Result

FORGET = "RETENTION_FORGET"
MOST_BASES = 4
MOST_RESULTS = 24
MOST_ROWS = 3_000_000
"""Rows of all tables of all bases remembered; a base of more is not."""
MOST_BYTES = 64 * 1024 * 1024
"""Files of more take longer to look through than it would be worth."""


@dataclass
class _Held:
    """A value, and what was said in the way of warnings as it was made."""

    value: Any
    said: tuple[str, ...] = ()

    def again(self, stacklevel: int) -> Any:
        for text in self.said:
            warnings.warn(text, DataWarning, stacklevel=stacklevel + 1)
        return _apart(self.value)


def _apart(value: Any) -> Any:
    """A copy of a result that shares nothing into which its holder may write.

    Tables share their cells until one of the two is written to, so that it costs next to nothing.
    """
    if not isinstance(value, Result):
        return value
    twin = copy.copy(value)
    for name, part in vars(value).items():
        if isinstance(part, pd.DataFrame):
            vars(twin)[name] = part.copy(deep=False)
        elif isinstance(part, dict):
            vars(twin)[name] = dict(part)
        elif name != _FIRST:
            vars(twin)[name] = _apart(part)
    vars(twin)[_FIRST] = first_of(value)
    return twin


_FIRST = "_first"


def first_of(result: Any) -> Any:
    """The result as it was worked out, of which the one handed out may be a copy."""
    return vars(result).get(_FIRST, result)


@dataclass
class _Opened:
    held: _Held
    rows: int
    results: OrderedDict[Hashable, _Held] = field(default_factory=OrderedDict)


_opened: OrderedDict[Hashable, _Opened] = OrderedDict()


def forget() -> None:
    """Open and learn everything anew from now on."""
    _opened.clear()


def _off() -> bool:
    forgetting = os.environ.get(FORGET, "") not in ("", "0")
    return forgetting or threading.current_thread() is not threading.main_thread()


def content_of(files: Iterable[Path]) -> str | None:
    """What is in these files, as one short text; ``None`` where that takes too long to tell."""
    seen, total = hashlib.blake2b(digest_size=20), 0
    try:
        for file in files:
            total += file.stat().st_size
            if total > MOST_BYTES:
                return None
            content = file.read_bytes()
            seen.update(f"{file.resolve()}|{len(content)}|".encode("utf-8", "surrogateescape"))
            seen.update(content)
    except OSError:
        return None
    return seen.hexdigest()


def open_once(key: Hashable | None, opening: Callable[[], CustomerBase]) -> CustomerBase:
    """The base of that key: the one remembered, else the one ``opening`` gives."""
    if key is None or _off():
        return opening()
    known = _opened.get(key)
    if known is not None:
        _opened.move_to_end(key)
        base: CustomerBase = known.held.again(stacklevel=2)
        return base
    with overhearing() as said:
        base = opening()
    _keep(key, base, tuple(said))
    return base


def _keep(key: Hashable, base: CustomerBase, said: tuple[str, ...]) -> None:
    rows = sum(int(counts["rows_read"]) for counts in base.made_from["tables"].values())
    if rows > MOST_ROWS or base.engine != "duckdb":
        return
    _opened[key] = _Opened(_Held(base, said), rows)
    while len(_opened) > MOST_BASES or sum(each.rows for each in _opened.values()) > MOST_ROWS:
        _opened.popitem(last=False)


def _family(base: CustomerBase) -> _Opened | None:
    """The remembered base that has these very tables, seen from whatever date."""
    if _off():
        return None
    return next((o for o in _opened.values() if o.held.value.tables is base.tables), None)


def _seen_from(base: CustomerBase, what: tuple[Hashable, ...]) -> Hashable:
    return (
        *what,
        *(base.as_of, base.last_day, base.activity_window_days, base.margin_rate, base.name),
        *(base.wording, os.environ.get("RETENTION_MASK", "")),
    )


def recall(base: CustomerBase, *what: Hashable) -> Any:
    """What was worked out of this base under these words and arguments; ``None`` if it was not.

    Every argument that makes a difference belongs into ``what``.
    """
    family = _family(base)
    held = family.results.get(_seen_from(base, what)) if family else None
    return None if held is None else held.again(stacklevel=3)


class Finding:
    """Takes what is to be remembered, in ``value``."""

    value: Any = None


@contextmanager
def remembering(base: CustomerBase, *what: Hashable) -> Iterator[Finding]:
    """Remember the ``value`` that the block finds, with what it warns of.

    A block and no function, so that warnings still point at the caller they are meant for. The
    trap: warnings that the block itself silences would be said when it is recalled.
    """
    finding = Finding()
    with overhearing() as said:
        yield finding
    family = _family(base)
    if family is None or finding.value is None:
        return
    family.results[_seen_from(base, what)] = _Held(_apart(finding.value), tuple(said))
    while len(family.results) > MOST_RESULTS:
        family.results.popitem(last=False)
