"""Text files to tables: Arrow splits the lines, everything unusual is found around it.

Arrow reads a hundred megabytes a second and knows nothing of exports: not which line is the
header, not that a stray quote has swallowed a thousand lines. So its count of rows is held
against the count of lines, and only where they differ is the file looked at line by line.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from retention_lib.base._assembly import Assembly, Misfit, Parsed
from retention_lib.base._encoding import Decoded, decode
from retention_lib.base._layout import (
    BLANK_RUNS,
    ONE_COLUMN,
    Layout,
    find_layout,
    split_fields,
)
from retention_lib.base._lines import Lines, bad_lines, plain_lines, refuse_other_formats, without
from retention_lib.base._raw import RawTable, trim
from retention_lib.errors import InputError

if TYPE_CHECKING:
    import pyarrow as pa

_HEAD_LINES = 400
_BLOCK_LINES = 150
_MAX_SPAN = 100
_ARROW_BLOCK = 8 << 20


def read_text(
    data: bytes,
    name: str,
    *,
    encoding: str | None = None,
    separator: str | None = None,
    header_row: int | None = None,
) -> RawTable:
    """Read the bytes of a text file as a table of text."""
    text = plain_lines(decode(data, name, encoding))
    refuse_other_formats(text.data, name)
    lines = Lines(text)
    if apart := _separator_before_blank(lines):
        text = _with_quotes_at_once(text, apart)
        lines = Lines(text)
    emptied = bad_lines(lines, name)
    text, lines = without(emptied, text, lines)
    layout = _layout(lines, name, separator, header_row)
    parsed = _parse(text, lines, layout)
    as_many = parsed is not None and parsed.records == len(lines) - layout.first_line
    if not as_many or _ends_in_quotes(lines, layout):
        unclosed = _unclosed(lines, layout)
        emptied |= unclosed
        text, lines = without(unclosed, text, lines)
        parsed = _parse(text, lines, layout) if unclosed or parsed is None else parsed
    if parsed is None:
        raise InputError(
            f"{name} has a quoted field of more than {_ARROW_BLOCK:,} characters. "
            "A quotation mark is probably missing; export the file again."
        )
    return Assembly(name, text, lines, layout, parsed, emptied).raw_table()


def _layout(lines: Lines, name: str, separator: str | None, header_row: int | None) -> Layout:
    head = lines.block(0, _HEAD_LINES)
    if not any(trim(line) for line in head):
        raise InputError(f"{name} holds nothing but blank lines. Export it again.")
    blocks: list[tuple[int, list[str]]] = []
    for first in (len(lines) // 2, len(lines) - _BLOCK_LINES):
        if first >= len(head) + sum(len(block) for _, block in blocks):
            blocks.append((first, lines.block(first, _BLOCK_LINES)))
    return find_layout(head, blocks, name, separator=separator, header_row=header_row)


# -- quotes after a blank ---------------------------------------------------------------------


def _separator_before_blank(lines: Lines) -> str | None:
    """The separator in a file that has a blank between it and a quote: ``1, "Dupont, Jean"``."""
    quoted = [line for line in lines.block(0, _HEAD_LINES) if line.count('"') >= 2]
    for separator in ",;|\t":
        mark = re.escape(separator)
        field = re.compile(rf'{mark} +"[^"]*" *(?:{mark}|$)')
        if sum(field.search(line) is not None for line in quoted) > 0.8 * len(quoted):
            return separator
    return None


def _with_quotes_at_once(text: Decoded, separator: str) -> Decoded:
    mark = re.escape(separator.encode())
    before = re.compile(b"(" + mark + rb"|^) +(?=\")", re.MULTILINE)
    behind = re.compile(b'" +(?=' + mark + b"|$)", re.MULTILINE)
    return replace(text, data=behind.sub(b'"', before.sub(rb"\1", text.data)))


# -- quotes that never close ------------------------------------------------------------------


def _record_pattern(layout: Layout, *, breaks: bool) -> bytes:
    """Regular expression of a row as Arrow splits it; with line breaks in quotes or without.

    A field begins with a quote, and then what follows the closing one belongs to it, or it
    does not, and then quotes are characters like others. Nothing in it can backtrack.
    """
    quote = re.escape(str(layout.quote).encode())
    separator = re.escape(layout.separator.encode())
    stop = b"" if breaks else rb"\n"
    quoted = rb"%(q)b(?:[^%(q)b%(stop)b]++|%(q)b%(q)b)*+%(q)b[^%(s)b\n]*+"
    bare = rb"(?!%(q)b)[^%(s)b\n]*+"
    field = rb"(?:" + quoted + rb"|" + bare + rb")"
    whole = field + rb"(?:%(s)b" + field + rb")*+"
    return whole % {b"q": quote, b"s": separator, b"stop": stop}


def _ends_in_quotes(lines: Lines, layout: Layout) -> bool:
    """Whether the last line opens a quote that the end of the file cuts off: no line is missing."""
    if len(lines) <= layout.first_line:
        return False
    return split_fields(lines.text(len(lines) - 1), layout.separator, layout.quote) is None


def _unclosed(lines: Lines, layout: Layout) -> dict[int, tuple[str, str]]:
    """Lines whose quote stays open: line to (reason, text). They would swallow others.

    A row may have line breaks inside its quotes. It is believed where it has as many fields
    as the others and none of the lines inside it is a row by itself.
    """
    if not layout.quote or layout.separator in (BLANK_RUNS, ONE_COLUMN):
        return {}
    closed = _record_pattern(layout, breaks=False)
    opened = re.compile(rb"(?m)^(?!" + closed + rb"$)[^\n]*+")
    start = int(lines.starts[layout.first_line]) if layout.first_line < len(lines) else 0
    suspects = lines.at([m.start() for m in opened.finditer(lines.data, start)])
    row = re.compile(_record_pattern(layout, breaks=True))
    unclosed: dict[int, tuple[str, str]] = {}
    next_row = layout.first_line
    for line in suspects:
        if line < next_row:
            continue
        span = _span(lines, line, layout, row)
        next_row = line + max(span, 1)
        if not span:
            unclosed[line] = ("unclosed_quote", lines.text(line))
    return unclosed


def _span(lines: Lines, line: int, layout: Layout, row: re.Pattern[bytes]) -> int:
    """How many lines the row that begins here spans; 0 where it cannot be believed."""
    last = min(line + _MAX_SPAN, len(lines)) - 1
    block = lines.data[int(lines.starts[line]) : int(lines.ends[last])]
    match = row.match(block)
    if match is None or block[match.end() : match.end() + 1] not in (b"", b"\n"):
        return 0
    span = match[0].count(b"\n") + 1
    text = match[0].decode(lines.codec, "replace")
    inside = [lines.text(line + i) for i in range(1, span)]
    if _field_count(text, layout) != layout.width:
        return 0
    return 0 if any(_field_count(each, layout) == layout.width for each in inside) else span


def _field_count(text: str, layout: Layout) -> int:
    return len(split_fields(text, layout.separator, layout.quote) or ())


# -- the rows ---------------------------------------------------------------------------------


def _parse(text: Decoded, lines: Lines, layout: Layout) -> Parsed | None:
    """Split the rows with Arrow; ``None`` where a quoted field has no end in sight."""
    import pyarrow as pa
    from pyarrow import csv

    misfits: list[Misfit] = []

    def set_aside(row: Any) -> str:
        misfits.append(Misfit(row.number - 1, row.actual_columns, row.text))
        return "skip"

    start = (
        int(lines.starts[layout.first_line]) if layout.first_line < len(lines) else len(text.data)
    )
    rows: bytes | pa.Buffer = pa.py_buffer(text.data).slice(start)
    separator = layout.separator
    if separator in (BLANK_RUNS, ONE_COLUMN):
        rows, separator = _with_tabs(text.data[start:], separator), "\t"
    names = [str(i) for i in range(layout.width)]
    if len(rows) == 0:
        return Parsed(pa.table({name: pa.array([], pa.string()) for name in names}), [])
    try:
        table = csv.read_csv(
            pa.BufferReader(rows),
            # One thread: only then does Arrow number the rows that do not fit.
            csv.ReadOptions(
                use_threads=False,
                block_size=_ARROW_BLOCK,
                column_names=names,
                encoding="utf8" if text.codec == "utf-8" else text.codec,
            ),
            csv.ParseOptions(
                delimiter=separator,
                quote_char=layout.quote or False,
                newlines_in_values=bool(layout.quote),
                ignore_empty_lines=False,
                invalid_row_handler=set_aside,
            ),
            csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False
            ),
        )
    except pa.ArrowInvalid as error:
        if "straddling" in str(error):
            return None
        if "Empty CSV file" in str(error):
            return Parsed(pa.table({name: pa.array([], pa.string()) for name in names}), [])
        raise InputError(
            f"The text cannot be split into columns ({str(error)[:150]}). Export it again."
        ) from error
    return Parsed(table, misfits)


def _with_tabs(rows: bytes, separator: str) -> bytes:
    """Rows whose columns are set apart by blanks, or that have one, with tabs between them."""
    if separator == BLANK_RUNS:
        return re.sub(rb"(?m)[ \t]+", b"\t", re.sub(rb"(?m)^[ \t]+|[ \t\r]+$", b"", rows))
    return rows.replace(b"\t", b" ")
