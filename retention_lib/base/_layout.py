"""How a text file is laid out: separator, quotes, width, headings, from a sample of its lines."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from retention_lib.base._header import CellKind, Header, find_header
from retention_lib.base._raw import BLANKS, check_width, example, trim
from retention_lib.errors import InputError, QuestionError
from retention_lib.masking import said_text

BLANK_RUNS = " "
"""The separator of a table whose columns are set apart by runs of blanks."""
ONE_COLUMN = ""
"""The separator of a table that has none."""
_SEPARATORS = (";", "\t", "|", ",", "^", "~")
_STRONG = frozenset(";\t|^~")
_MAX_SPAN = 100
_NAMES = {"\t": "tab", BLANK_RUNS: "blanks", ONE_COLUMN: "none"}


@dataclass(frozen=True)
class Record:
    """One row of a text file: its first line (from 0), how many lines it spans, its fields."""

    line: int
    span: int
    fields: list[str]

    @property
    def is_blank(self) -> bool:
        return not any(trim(field) for field in self.fields)


@dataclass(frozen=True)
class Layout:
    """How to read the rows: ``first_line`` (from 0) is where they begin.

    ``header`` holds the headings as they stand, possibly more or fewer than ``width``, the
    fields of a row; ``None`` where there are none.
    """

    separator: str
    quote: str | None
    width: int
    header: tuple[str, ...] | None
    header_line: int
    first_line: int
    before: tuple[str, ...]
    kinds: tuple[CellKind, ...]
    assumptions: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Fit:
    separator: str
    quote: str | None
    width: int
    score: float
    head: list[Record]
    body: list[Record]


def separator_name(separator: str) -> str:
    """A separator as a message names it."""
    return _NAMES.get(separator, f"“{separator}”")


def split_fields(text: str, separator: str, quote: str | None) -> list[str] | None:
    """The fields of a line, as Arrow splits it; ``None`` where a quote stays open.

    A quote opens only at the start of a field; what follows a closing quote belongs to it.

    >>> split_fields("1;'a;b';5' pipe", ";", "'")
    ['1', 'a;b', "5' pipe"]
    """
    if separator == BLANK_RUNS:
        return text.split()
    if separator == ONE_COLUMN:
        return [text]
    if not quote or quote not in text:
        return text.split(separator)
    fields: list[str] = []
    position = 0
    while True:
        value = ""
        if text.startswith(quote, position):
            closing = _closing_quote(text, position + 1, quote)
            if closing < 0:
                return None
            value = text[position + 1 : closing].replace(quote * 2, quote)
            position = closing + 1
        end = text.find(separator, position)
        if end < 0:
            return [*fields, value + text[position:]]
        fields.append(value + text[position:end])
        position = end + len(separator)


def _closing_quote(text: str, position: int, quote: str) -> int:
    while True:
        position = text.find(quote, position)
        if position < 0 or not text.startswith(quote, position + 1):
            return position
        position += 2


def records(lines: Sequence[str], first: int, separator: str, quote: str | None) -> list[Record]:
    """The rows in consecutive lines; a quote that never closes ends with its line."""
    found: list[Record] = []
    i = 0
    while i < len(lines):
        text, span = lines[i], 1
        fields = split_fields(text, separator, quote)
        while fields is None and span < _MAX_SPAN and i + span < len(lines):
            text = text + "\n" + lines[i + span]
            span += 1
            fields = split_fields(text, separator, quote)
        if fields is None:
            fields, span = lines[i].split(separator), 1
        found.append(Record(first + i, span, fields))
        i += span
    return found


def find_layout(
    head: Sequence[str],
    others: Sequence[tuple[int, Sequence[str]]],
    name: str,
    *,
    separator: str | None = None,
    header_row: int | None = None,
) -> Layout:
    """Find the layout from the first lines and from blocks of lines further down.

    ``others`` are (number of the first line from 0, lines). Raises :class:`QuestionError`
    where there are no headings or two separators fit alike, :class:`InputError` where no
    table can be found.
    """
    hint = _excel_hint(head)
    told = separator or hint
    if told is not None:
        fit = _fit(["", *head[1:]] if hint else head, others, told)
        if fit.width < 2 and separator is not None:
            raise InputError(
                f"{name} has no {separator_name(told)} that separates columns (first line: "
                f"“{said_text(example(_first_text(head)))}”). Pass another separator=, or "
                "leave it out."
            )
    else:
        fit = _best_fit(head, others, name)
    check_width(fit.width, name)
    if header_row is None:
        return _with_found_header(fit, head, name)
    return _with_told_header(fit, head, name, header_row)


def _excel_hint(head: Sequence[str]) -> str | None:
    """The separator from a first line ``sep=;``, which Excel understands."""
    hint = re.fullmatch(r'"?sep=(.)"?', head[0].strip(" \r"), re.IGNORECASE) if head else None
    return hint[1] if hint else None


def _best_fit(head: Sequence[str], others: Sequence[tuple[int, Sequence[str]]], name: str) -> _Fit:
    fits = [_fit(head, others, separator) for separator in _SEPARATORS]
    fits = [fit for fit in fits if fit.width >= 2 and fit.score >= 0.4]
    if not fits:
        blanks = _fit(head, others, BLANK_RUNS)
        if blanks.width >= 2 and blanks.score >= 0.9:
            return blanks
        return _fit(head, others, ONE_COLUMN)
    best, *rest = sorted(fits, key=lambda fit: (-fit.score, -fit.width))
    if rest and rest[0].score > best.score - 0.05:
        raise QuestionError([_separator_question(name, best, rest[0])])
    return best


def _fit(head: Sequence[str], others: Sequence[tuple[int, Sequence[str]]], separator: str) -> _Fit:
    quote = _quote(head, separator)
    first = records(head, 0, separator, quote)
    rest = [r for start, lines in others for r in records(lines, start, separator, quote)]
    rows = [r for r in first + rest if not r.is_blank]
    counts = Counter(len(r.fields) for r in rows)
    width, count = max(counts.items(), key=lambda item: (item[1], item[0]), default=(0, 0))
    table = [r for r in rows if len(r.fields) == width]
    score = count / len(rows) * _purity(table, separator) if rows else 0.0
    return _Fit(separator, quote, width, score, first, rest)


def _quote(head: Sequence[str], separator: str) -> str | None:
    """The quote character: double, or single where nearly all lines begin and end with one."""
    if separator in (BLANK_RUNS, ONE_COLUMN):
        return None
    lines = [line for line in map(trim, head) if line]
    single = sum(len(line) > 1 and line[0] == line[-1] == "'" for line in lines)
    return "'" if lines and single > 0.8 * len(lines) else '"'


def _purity(table: Sequence[Record], separator: str) -> float:
    """The share of cells that hold no other separator.

    Decimal commas split a line of a semicolon file as evenly as its semicolons do, but then
    the cells hold semicolons.
    """
    cells = [field for record in table for field in record.fields]
    if not cells:
        return 0.0
    foreign = _STRONG - {separator}
    impure = sum(
        1.0 if not foreign.isdisjoint(cell) else 0.5 if _has_list_comma(cell) else 0.0
        for cell in cells
    )
    return 1 - impure / len(cells)


def _has_list_comma(cell: str) -> bool:
    return "," in cell and re.search(r"[^\s\d],\S|\S,[^\s\d]", cell) is not None


def _separator_question(name: str, *fits: _Fit) -> str:
    readings = "; ".join(
        f"with {separator_name(fit.separator)} {fit.width} columns, first row "
        + " | ".join(example(f, 20) for f in next(r.fields for r in fit.head if not r.is_blank)[:5])
        for fit in fits
    )
    listed = " or ".join(f"separator={fit.separator!r}" for fit in fits)
    return f"{name} can be split in two ways: {readings}. Which is right? Pass {listed}."


# -- headings ---------------------------------------------------------------------------------


def _with_found_header(fit: _Fit, head: Sequence[str], name: str) -> Layout:
    rows = [r for r in fit.head if not r.is_blank]
    sample = [r.fields for r in rows + [r for r in fit.body if not r.is_blank]]
    found = find_header(sample, fit.width)
    if found.index is None:
        table = [r for r in rows if len(r.fields) == fit.width]
        if len(table) == 1 and all(kind in ("text", "blank") for kind in found.kinds):
            raise InputError(no_rows(name, table[0].fields))
        first = table[0].fields if table else sample[0] if sample else []
        raise QuestionError([no_headings(name, first, fit.width)])
    return _layout(fit, head, rows[found.index], found, name)


def _with_told_header(fit: _Fit, head: Sequence[str], name: str, header_row: int) -> Layout:
    sample = [r.fields for r in fit.head + fit.body if not r.is_blank]
    kinds = find_header(sample, fit.width).kinds
    if header_row == 0:
        return Layout(fit.separator, fit.quote, fit.width, None, -1, 0, (), kinds)
    record = next((r for r in fit.head if r.line == header_row - 1), None)
    if record is None or record.is_blank:
        raise InputError(
            f"header_row={header_row}, but line {header_row:,} of {name} is blank, inside a "
            f"quoted field or too far down (the first {len(head):,} lines are looked at)."
        )
    return _layout(fit, head, record, Header(0, kinds), name)


def _layout(fit: _Fit, head: Sequence[str], record: Record, found: Header, name: str) -> Layout:
    before = tuple(line for line in head[: record.line] if line.strip(BLANKS + fit.separator))
    assumptions = []
    if found.assumed:
        assumptions.append(
            f"Line {record.line + 1} was taken as the headings "
            f"({', '.join(said_text(example(f, 20)) for f in record.fields[:4])}); if it is data "
            "already, pass header_row=0."
        )
    if fit.separator == ONE_COLUMN:
        assumptions.append("No separator was found: the file was read as one column.")
    if len(record.fields) < fit.width - 1 or (
        len(record.fields) < fit.width and found.kinds[-1] != "blank"
    ):
        raise InputError(
            f"{name} has {len(record.fields)} headings, but its rows have {fit.width} fields: "
            "which heading belongs to which column cannot be known. Mend the headings, or pass "
            "header_row=0 to read every line as data."
        )
    if missing := [trim(f) for f in record.fields[fit.width :] if trim(f)]:
        assumptions.append(
            f"No row has a field for the last headings: {', '.join(missing)} was left empty."
        )
    return Layout(
        separator=fit.separator,
        quote=fit.quote,
        width=fit.width,
        header=tuple(record.fields),
        header_line=record.line,
        first_line=record.line + record.span,
        before=before,
        kinds=found.kinds,
        assumptions=tuple(assumptions),
    )


def no_rows(name: str, headings: Sequence[str]) -> str:
    """The message for a table of headings only."""
    shown = ", ".join(example(trim(h), 20) for h in headings[:5])
    return f"{name} has headings ({shown}) but no rows. Check the period and filters of the export."


def no_headings(name: str, first: Sequence[str], width: int) -> str:
    """The question for a table without headings."""
    shown = " | ".join(example(trim(f), 20) for f in first[:5])
    return (
        f"{name} has no headings: its first row is already data ({shown}). Pass header_row=0 to "
        f"name the columns column_1 to column_{width}, or header_row= with the row of the headings."
    )


def _first_text(head: Sequence[str]) -> str:
    return next((line for line in head if trim(line)), "")
