"""Text files to tables: Arrow splits the lines, everything unusual is found around it.

Arrow reads a hundred megabytes a second and knows nothing of exports: not which line is the
header, not that a stray quote has swallowed a thousand lines. So its count of rows is held
against the count of lines, and only where they differ is the file looked at line by line.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from retention_lib.base._encoding import Decoded, decode
from retention_lib.base._header import is_data_like
from retention_lib.base._layout import (
    BLANK_RUNS,
    ONE_COLUMN,
    Layout,
    find_layout,
    no_rows,
    separator_name,
    split_fields,
)
from retention_lib.base._raw import (
    BLANKS,
    ROW,
    RawTable,
    Reading,
    example,
    headings,
    rejected_table,
    trim,
)
from retention_lib.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

MAX_LINE = 1_000_000
"""Bytes of the longest line that can be a row."""
_HEAD_LINES = 400
_BLOCK_LINES = 150
_MAX_SPAN = 100
_ARROW_BLOCK = 8 << 20
_NO_BREAK = re.compile(rb"\r(?!\n)")
_MARKUP = re.compile(rb"\s*<(?:!doctype|html|head|body|table|\?xml|div|meta)", re.IGNORECASE)
_JSON = re.compile(rb"\s*(?:\{\s*[\"}]|\[\s*[\[{])")


class Lines:
    """The physical lines of a text whose line ends are newlines."""

    def __init__(self, text: Decoded) -> None:
        import numpy as np

        self.data, self.codec = text.data, text.codec
        ends = _newlines(self.data)
        if not self.data.endswith(b"\n"):
            ends = np.append(ends, len(self.data))
        self.ends = ends
        self.starts = np.concatenate(([0], ends[:-1] + 1)) if len(ends) else ends

    def __len__(self) -> int:
        return len(self.ends)

    def text(self, line: int) -> str:
        """A line, decoded, without its end."""
        raw = self.data[int(self.starts[line]) : int(self.ends[line])]
        return raw.decode(self.codec, "replace").removesuffix("\r")

    def block(self, first: int, count: int) -> list[str]:
        """Consecutive lines, as many as there are."""
        return [self.text(i) for i in range(first, min(first + count, len(self)))]

    def with_blanked(self, lines: Sequence[int]) -> bytes:
        """The text with some lines emptied, so that the others keep their numbers."""
        pieces, position = [], 0
        for line in sorted(lines):
            pieces.append(self.data[position : int(self.starts[line])])
            position = int(self.ends[line])
        pieces.append(self.data[position:])
        return b"".join(pieces)

    def at(self, positions: Sequence[int]) -> list[int]:
        """The lines that hold these bytes, each once."""
        import numpy as np

        found = np.searchsorted(self.ends, np.asarray(positions, dtype=np.int64))
        return [int(line) for line in np.unique(found)]


@dataclass(frozen=True)
class _Misfit:
    """A row that has not as many fields as the others: which (from 0), how many, its text."""

    record: int
    fields: int
    text: str


@dataclass(frozen=True)
class _Parsed:
    """What Arrow made of the rows."""

    table: pa.Table
    misfits: list[_Misfit]

    @property
    def records(self) -> int:
        return int(self.table.num_rows) + len(self.misfits)


def read_text(
    data: bytes,
    name: str,
    *,
    encoding: str | None = None,
    separator: str | None = None,
    header_row: int | None = None,
) -> RawTable:
    """Read the bytes of a text file as a table of text."""
    text = _plain_lines(decode(data, name, encoding))
    _refuse_other_formats(text.data, name)
    lines = Lines(text)
    emptied = _bad_lines(lines, name)
    text, lines = _without(emptied, text, lines)
    layout = _layout(lines, name, separator, header_row)
    parsed = _parse(text, lines, layout)
    if parsed is None or parsed.records != len(lines) - layout.first_line:
        unclosed = _unclosed(lines, layout)
        emptied |= unclosed
        text, lines = _without(unclosed, text, lines)
        parsed = _parse(text, lines, layout) if unclosed or parsed is None else parsed
    if parsed is None:
        raise InputError(
            f"{name} has a quoted field of more than {_ARROW_BLOCK:,} characters. "
            "A quotation mark is probably missing; export the file again."
        )
    return _Assembly(name, text, lines, layout, parsed, emptied).raw_table()


# -- before the rows --------------------------------------------------------------------------


def _plain_lines(text: Decoded) -> Decoded:
    """Line ends as newlines, and without the mark that DOS put at the end of a file."""
    data = text.data.rstrip(b"\x1a") if text.data.endswith(b"\x1a") else text.data
    returns = data.count(b"\r")
    if returns and returns != data.count(b"\r\n"):
        if b"\n" not in data:
            return replace(text, data=data.replace(b"\r", b"\n"))
        data, count = _NO_BREAK.subn(b" ", data)
        sentence = f"{count:,} carriage returns inside lines were read as blanks."
        return replace(text, data=data, assumptions=(*text.assumptions, sentence))
    return replace(text, data=data)


def _refuse_other_formats(data: bytes, name: str) -> None:
    if _MARKUP.match(data):
        raise InputError(
            f"{name} is a web page or XML, whatever its name says. Open it in Excel or "
            "LibreOffice and save it as xlsx."
        )
    if _JSON.match(data):
        raise InputError(f"{name} is JSON, not a table. Export it as CSV, Excel or Parquet.")


def _newlines(data: bytes) -> np.ndarray[Any, np.dtype[np.int64]]:
    import numpy as np

    step = 16 << 20
    found = []
    for start in range(0, len(data), step):
        block = np.frombuffer(data, np.uint8, min(step, len(data) - start), start)
        found.append(np.flatnonzero(block == 10) + start)
    return np.concatenate(found) if found else np.zeros(0, np.int64)


def _bad_lines(lines: Lines, name: str) -> dict[int, tuple[str, str]]:
    """Lines that cannot be rows whatever the layout: line to (reason, text)."""
    import numpy as np

    bad = {int(i): "too_long" for i in np.flatnonzero(lines.ends - lines.starts > MAX_LINE)}
    if b"\0" in lines.data:
        nulls = [match.start() for match in re.finditer(b"\0", lines.data)]
        bad |= dict.fromkeys(lines.at(nulls), "null_bytes")
    if len(bad) > max(10, 0.01 * len(lines)) or len(bad) == len(lines):
        raise InputError(
            f"{name} is damaged or not a text file: {len(bad):,} of its {len(lines):,} lines "
            f"hold null bytes or more than {MAX_LINE:,} characters (first: line "
            f"{min(bad) + 1:,}). Export it again."
        )
    return {line: (reason, lines.text(line)) for line, reason in bad.items()}


def _without(emptied: Mapping[int, object], text: Decoded, lines: Lines) -> tuple[Decoded, Lines]:
    """The text with these lines emptied, so that the others keep their numbers."""
    if not emptied:
        return text, lines
    text = replace(text, data=lines.with_blanked(list(emptied)))
    return text, Lines(text)


def _layout(lines: Lines, name: str, separator: str | None, header_row: int | None) -> Layout:
    head = lines.block(0, _HEAD_LINES)
    if not any(trim(line) for line in head):
        raise InputError(f"{name} holds nothing but blank lines. Export it again.")
    blocks: list[tuple[int, list[str]]] = []
    for first in (len(lines) // 2, len(lines) - _BLOCK_LINES):
        if first >= len(head) + sum(len(block) for _, block in blocks):
            blocks.append((first, lines.block(first, _BLOCK_LINES)))
    return find_layout(head, blocks, name, separator=separator, header_row=header_row)


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


def _parse(text: Decoded, lines: Lines, layout: Layout) -> _Parsed | None:
    """Split the rows with Arrow; ``None`` where a quoted field has no end in sight."""
    import pyarrow as pa
    from pyarrow import csv

    misfits: list[_Misfit] = []

    def set_aside(row: Any) -> str:
        misfits.append(_Misfit(row.number - 1, row.actual_columns, row.text))
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
        return _Parsed(pa.table({name: pa.array([], pa.string()) for name in names}), [])
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
        raise
    return _Parsed(table, misfits)


def _with_tabs(rows: bytes, separator: str) -> bytes:
    """Rows whose columns are set apart by blanks, or that have one, with tabs between them."""
    if separator == BLANK_RUNS:
        return re.sub(rb"(?m)[ \t]+", b"\t", re.sub(rb"(?m)^[ \t]+|[ \t\r]+$", b"", rows))
    return rows.replace(b"\t", b" ")


class _Assembly:
    """From rows as Arrow split them to a table in which every line is accounted for."""

    def __init__(
        self,
        name: str,
        text: Decoded,
        lines: Lines,
        layout: Layout,
        parsed: _Parsed,
        emptied: Mapping[int, tuple[str, str]],
    ) -> None:
        self.name, self.text, self.lines, self.layout = name, text, lines, layout
        self.parsed = parsed
        self.rejected = [(i + 1, line, reason) for i, (reason, line) in emptied.items()]
        self.blank_lines = -sum(line >= layout.first_line for line in emptied)

    def raw_table(self) -> RawTable:
        """The table, what was rejected, and how it was read."""
        table, misfit_numbers = self._numbered()
        last = table[ROW][-1].as_py() if table.num_rows else 0
        for misfit, number in zip(self.parsed.misfits, misfit_numbers, strict=True):
            if not misfit.text.strip(BLANKS + self.layout.separator):
                self.blank_lines += 1
            else:
                self.rejected.append(
                    (int(number), misfit.text, self._reason(misfit, number > last))
                )
        if not table.num_rows:
            raise InputError(no_rows(self.name, self.layout.header or ()))
        self._refuse_mostly_misfits(table.num_rows)
        table, header = self._with_headings(table)
        return RawTable(
            table=table,
            header=header,
            rejected=rejected_table(self.rejected),
            reading=self._reading(),
        )

    def _numbered(self) -> tuple[pa.Table, Any]:
        """The rows that say something, with their line numbers, and those of the misfits."""
        import numpy as np
        import pyarrow.compute as pc

        misfits = self.parsed.misfits
        misfit_records = np.array([m.record for m in misfits], dtype=np.int64)
        rows = np.delete(np.arange(self.parsed.records), misfit_records)
        table = self.parsed.table
        numbers = np.arange(self.parsed.records, dtype=np.int64) + self.layout.first_line + 1
        if self.parsed.records != len(self.lines) - self.layout.first_line:
            breaks = np.zeros(self.parsed.records, dtype=np.int64)
            breaks[rows] = _line_breaks(table)
            breaks[misfit_records] = [m.text.count("\n") for m in misfits]
            numbers[1:] += np.cumsum(breaks)[:-1]
        table = table.add_column(0, ROW, [numbers[rows]])
        blank = _all_equal(table.drop([ROW]), [""] * (table.num_columns - 1))
        if blank is not None:
            self.blank_lines += pc.sum(blank).as_py()
            table = table.filter(pc.invert(blank))
        return self._without_repeated_headings(table), numbers[misfit_records]

    def _without_repeated_headings(self, table: pa.Table) -> pa.Table:
        import pyarrow.compute as pc

        header = self.layout.header
        if header is None or len(header) < self.layout.width:
            return table
        wanted = [trim(heading) for heading in header[: self.layout.width]]
        repeated = _all_equal(table.drop([ROW]), wanted)
        if repeated is None:
            return table
        text = self.layout.separator.join(header)
        lines = table[ROW].filter(repeated).to_pylist()
        self.rejected += [(line, text, "repeated_header") for line in lines]
        return table.filter(pc.invert(repeated))

    def _reason(self, misfit: _Misfit, after_last: bool) -> str:
        stripped = trim(misfit.text)
        if stripped in {trim(line) for line in self.layout.before}:
            return "repeated_title"
        header = self.layout.header
        fields = split_fields(misfit.text, self.layout.separator, self.layout.quote)
        if fields is None:
            return "unclosed_quote"
        if header and [trim(f) for f in fields] == [trim(h) for h in header]:
            return "repeated_header"
        # A last line cut short looks like data as far as it goes; "Exported on" does not.
        if after_last and not is_data_like(self.layout.kinds, fields):
            return "footer"
        return "too_few_fields" if misfit.fields < self.layout.width else "too_many_fields"

    def _refuse_mostly_misfits(self, rows: int) -> None:
        wrong = [m for m in self.parsed.misfits if m.text.strip(BLANKS)]
        if len(wrong) <= max(rows, 3):
            return
        raise InputError(
            f"{len(wrong):,} of {rows + len(wrong):,} lines of {self.name} do not have the "
            f"{self.layout.width} fields of the others (one has {wrong[0].fields}: "
            f"“{example(wrong[0].text)}”). Is {separator_name(self.layout.separator)} the right "
            "separator? Pass separator= with the right one, or export the file again."
        )

    def _with_headings(self, table: pa.Table) -> tuple[pa.Table, list[str]]:
        import pyarrow as pa
        import pyarrow.compute as pc

        row_column, *columns = table.columns
        texts = list(self.layout.header or ())
        texts += [""] * (len(columns) - len(texts))
        names = headings(texts)
        # Headings beyond the fields of every row: empty columns, or nothing after all.
        nothing = pa.array([""] * table.num_rows, pa.string())
        columns += [nothing] * (len(texts) - len(columns))
        kept = [
            (name, column)
            for name, text, column in zip(names, texts, columns, strict=True)
            if trim(text) or not pc.all(pc.equal(column, "")).as_py()
        ]
        header = [name for name, _ in kept]
        arrays = [row_column, *(column for _, column in kept)]
        return pa.table(arrays, names=[ROW, *header]), header

    def _reading(self) -> Reading:
        layout = self.layout
        used = layout.quote and layout.quote.encode() in self.text.data
        return Reading(
            source=self.name,
            kind="text",
            encoding=self.text.encoding,
            encoding_evidence=self.text.evidence,
            separator=layout.separator,
            quote=layout.quote if used else None,
            header_row=layout.header_line + 1,
            lines_before_header=tuple(trim(line) for line in layout.before),
            blank_lines=max(self.blank_lines, 0),
            assumptions=(*self.text.assumptions, *layout.assumptions),
        )


def _line_breaks(table: pa.Table) -> Any:
    """How many line breaks each row has inside its fields."""
    import numpy as np
    import pyarrow.compute as pc

    total = np.zeros(table.num_rows, dtype=np.int64)
    for column in table.columns:
        total += pc.count_substring(column, "\n").to_numpy()
    return total


def _all_equal(table: pa.Table, wanted: Sequence[str]) -> pa.ChunkedArray | None:
    """Which rows hold exactly these texts, blanks around them aside; ``None`` where none."""
    import pyarrow.compute as pc

    equal = None
    for column, text in zip(table.columns, wanted, strict=True):
        this = pc.equal(pc.utf8_trim(column, BLANKS), text)
        equal = this if equal is None else pc.and_(equal, this)
        if not pc.any(equal).as_py():
            return None
    return equal
