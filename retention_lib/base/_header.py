"""Where the headings of a table are, and whether it has any, from the structure of its rows.

Headings are a row of distinct texts above rows that are not like it: where the rows have
numbers, dates or codes, the headings have words. Titles above and totals below are found the
same way, without a list of the words that they may use.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from retention_lib.base._raw import trim

CellKind = Literal["blank", "number", "date", "code", "text"]
Row = Sequence[str]

_NUMBER = re.compile(
    r"[-+(]?\s?(?:[€$£]|[A-Z]{3})?\s?[-+]?\d[\d\s.,'\u2019]*(?:e[-+]?\d+)?"
    r"\s?(?:[€$£%]|[A-Za-z]{2,3})?\)?-?",
    re.IGNORECASE,
)
_DATE = re.compile(r"\d{1,4}[-/. ]\d{1,2}[-/. ]\d{1,4}(?:[ T].*)?|\d{1,2}[- ]\w{3,9}\.?[- ]\d{2,4}")
_HARD = ("number", "date", "code")


@dataclass(frozen=True)
class Header:
    """The row of headings, as an index into the rows; ``None`` where the first is data.

    ``kinds`` is what most cells of each column are.
    """

    index: int | None
    kinds: tuple[CellKind, ...]
    assumed: bool = False


def cell_kind(cell: str) -> CellKind:
    """What a cell looks like.

    >>> [cell_kind(c) for c in ["", "1 234,50 €", "31/12/2024", "C-007", "Date"]]
    ['blank', 'number', 'date', 'code', 'text']
    """
    cell = trim(cell)[:80]
    if not cell:
        return "blank"
    if not any(c.isdigit() for c in cell):
        return "text"
    if _DATE.fullmatch(cell):
        return "date"
    return "number" if _NUMBER.fullmatch(cell) else "code"


def column_kinds(rows: Sequence[Sequence[CellKind]], width: int) -> tuple[CellKind, ...]:
    """What most cells of each column are."""
    return tuple(_most(Counter(row[i] for row in rows)) for i in range(width))


def _most(counts: Counter[CellKind]) -> CellKind:
    filled = counts.total() - counts["blank"]
    if not filled:
        return "blank"
    for kind in ("number", "date", "code"):
        if counts[kind] >= 0.7 * filled:
            return kind
    return "code" if filled - counts["text"] >= 0.7 * filled else "text"


def likeness(kinds: Sequence[CellKind], row: Row) -> tuple[int, int]:
    """In how many columns of numbers, dates or codes a row is like the others, and unlike."""
    like = unlike = 0
    for kind, cell in zip(kinds, row, strict=False):
        own = cell_kind(cell)
        if kind not in _HARD or own == "blank":
            continue
        if own == kind or (kind == "code" and own in _HARD):
            like += 1
        else:
            unlike += 1
    return like, unlike


def is_data_like(kinds: Sequence[CellKind], row: Row) -> bool:
    """Whether a row, perhaps cut short, has what the other rows have."""
    like, unlike = likeness(kinds, row)
    return like > 0 and like >= unlike


def find_header(rows: Sequence[Row], width: int, *, search: int = 60) -> Header:
    """Find the headings among the first rows of a table of ``width`` columns.

    ``rows`` may have any length; those as wide as the table are its body. A row that is a
    little wider, or one narrower where the last column is blank throughout, can be headings.
    """
    body = [i for i, row in enumerate(rows) if len(row) == width]
    kinds_of = {i: [cell_kind(cell) for cell in rows[i]] for i in body}
    shapes = [Counter(_shape(rows[i][column]) for i in body) for column in range(width)]
    found: list[tuple[int, int]] = []
    below: tuple[CellKind, ...] = ()
    for i, row in enumerate(rows[:search]):
        rest = [kinds_of[j] for j in body if j > i and rows[j] != row]
        if not rest:
            break
        kinds = column_kinds(rest, width)
        if not _could_be_headings(row, kinds, width):
            continue
        hard = any(kind in _HARD for kind in kinds)
        like, unlike = _likeness_to(shapes, kinds, row)
        if hard and like > 0 and like >= unlike:
            below = below or kinds
            break
        if (hard and unlike and like < 0.2 * unlike) or (
            not hard and _all_new_words(row, rows, body, i)
        ):
            found.append((len({trim(cell).lower() for cell in row if trim(cell)}), -i))
            below = below or kinds
            if not hard:
                break
    kinds = below or column_kinds(list(kinds_of.values()), width)
    if not found:
        return Header(None, kinds)
    # The fullest row; of two as full, the first: the other may be a row without its figures.
    best = -max(found)[1]
    return Header(best, kinds, assumed=not any(kind in _HARD for kind in kinds))


def _shape(cell: str) -> str:
    """What a code looks like: C-007 and D-123 have one shape, Ref1 has another."""
    return "".join("9" if c.isdigit() else "A" if c.isupper() else "a" for c in trim(cell)[:40])


def _likeness_to(
    shapes: Sequence[Counter[str]], kinds: Sequence[CellKind], row: Row
) -> tuple[int, int]:
    """:func:`likeness`, but a code is like the others only if others have its shape.

    Headings such as "Address 1" stand over columns of codes too.
    """
    like = unlike = 0
    for kind, cell, seen in zip(kinds, row, shapes, strict=False):
        same, different = likeness([kind], [cell])
        if kind == "code" and same and seen[_shape(cell)] < 2:
            same, different = 0, 1
        like, unlike = like + same, unlike + different
    return like, unlike


def _could_be_headings(row: Row, kinds: Sequence[CellKind], width: int) -> bool:
    narrower = width >= 4 and len(row) == width - 1 and kinds[-1] == "blank"
    if not (width <= len(row) <= width + 3 or narrower):
        return False
    filled = [trim(cell).lower() for cell in row if trim(cell)]
    used = sum(kind != "blank" for kind in kinds)
    return len(set(filled)) >= max(1, 0.5 * used) and len(set(filled)) > 0.5 * len(filled)


def _all_new_words(row: Row, rows: Sequence[Row], body: Sequence[int], i: int) -> bool:
    """Whether a row of words, above rows of words, uses none of theirs."""
    if any(cell_kind(cell) not in ("text", "blank") for cell in row):
        return False
    later = [rows[j] for j in body if j > i and rows[j] != row]
    return not any(
        trim(cell) and cell == other[k]
        for other in later
        for k, cell in enumerate(row[: len(other)])
    )
