"""What reading a source gives, shared by the readers of :mod:`retention_lib.base.sources`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from retention_lib.errors import InputError

if TYPE_CHECKING:
    import pyarrow as pa

SourceKind = Literal["text", "excel", "parquet", "database", "folder"]

ROW = "__row__"
"""Column with the physical line (text) or row (Excel, Parquet, database) number, from 1."""
FILE = "__file__"
"""Column with the name of the file a row came from; only where a folder was read."""
MAX_COLUMNS = 16_384
"""As many columns as an Excel sheet can have; more is a damaged file or an attack."""

# Every blank that Unicode knows, and the marks that show nothing (zero-width, byte-order).
BLANKS = (
    " \t\n\r\x0b\x0c\x1c\x1d\x1e\x1f\x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006"
    "\u2007\u2008\u2009\u200a\u200b\u200c\u200d\u2028\u2029\u202f\u205f\u2060\u3000\ufeff"
)
NUMBER_MARK = "\u2060"
"""Ends the text of a cell that is a real number with a fraction: Excel's 1.234, not a typed one.

It is U+2060 WORD JOINER, which shows nothing and counts as a blank. The readers put it there
and take it off the end of every other cell, so that no text has it by accident.
"""


@dataclass(frozen=True)
class Reading:
    """How a source was read, and why.

    ``encoding``, ``separator`` and ``quote`` are ``None`` where the question does not arise.
    ``header_row`` is the physical row of the headings, 0 where there are none.
    ``assumptions`` are whole sentences; empty where everything was evident. For a folder,
    ``parts`` holds the reading of each file.
    """

    source: str
    kind: SourceKind
    encoding: str | None = None
    encoding_evidence: str = ""
    separator: str | None = None
    quote: str | None = None
    header_row: int = 1
    lines_before_header: tuple[str, ...] = ()
    blank_lines: int = 0
    sheet: str | None = None
    sheets: tuple[str, ...] = ()
    assumptions: tuple[str, ...] = ()
    parts: tuple[Reading, ...] = ()


@dataclass(frozen=True)
class RawTable:
    """A source as text, with every line accounted for.

    ``table``: one string column a heading, an int64 column ``__row__`` first, and for a folder
    ``__file__``. An empty cell is an empty text; null only where the source itself has a null.
    ``header``: the headings in order, trimmed, unique; the columns of ``table`` but for those
    two. ``rejected``: the lines that cannot be rows, with columns ``__row__`` (int64),
    ``text``, ``reason`` (``too_few_fields``, ``too_many_fields``, ``unclosed_quote``,
    ``cut_short``, ``null_bytes``, ``too_long``, ``repeated_header``, ``repeated_title``,
    ``footer``), and for a folder ``__file__``. ``number_columns``: headings whose cells were all
    real numbers in Excel, Parquet or a database, so that their decimal mark is a point beyond
    doubt: hand them to :func:`~retention_lib.base.values.decide_amount_formats` as ``typed=``.

    Which cells are real numbers is known cell by cell: where one has a fraction its text in
    ``table`` ends with ``NUMBER_MARK`` (U+2060 WORD JOINER, which shows nothing) and is read
    with a decimal point whatever the column's mark. The functions of
    :mod:`~retention_lib.base.values` know it; take it off with :func:`plain_text` before a text
    is shown, compared or written to a file.
    """

    table: pa.Table
    header: list[str]
    rejected: pa.Table
    reading: Reading
    number_columns: tuple[str, ...] = ()


def plain_text(text: str) -> str:
    """A text as it stood in the source, without the mark of a real number.

    >>> plain_text("1.234" + NUMBER_MARK), plain_text("007")
    ('1.234', '007')
    """
    return text.rstrip(NUMBER_MARK)


def without_number_marks(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """A column of texts, none of which passes for a real number."""
    import pyarrow.compute as pc

    marked = pc.any(pc.ends_with(column, NUMBER_MARK)).as_py()
    return pc.utf8_rtrim(column, NUMBER_MARK) if marked else column


def trim(text: str) -> str:
    """A text without blanks of any kind around it."""
    return text.strip(BLANKS)


def headings(cells: Iterable[str]) -> list[str]:
    """Headings as column names: trimmed, on one line, unique; blank ones are numbered.

    >>> headings([" Date ", "Montant", "", "MONTANT"])
    ['Date', 'Montant', 'column_3', 'MONTANT_2']
    """
    names: list[str] = []
    taken = {ROW, FILE}
    for number, cell in enumerate(cells, 1):
        wanted = " ".join(trim(cell).split()) or f"column_{number}"
        name, copy = wanted, 1
        # DuckDB tells columns apart without regard to case; so must the headings.
        while name.casefold() in taken:
            copy += 1
            name = f"{wanted}_{copy}"
        taken.add(name.casefold())
        names.append(name)
    return names


def rejected_table(rows: Sequence[tuple[int, str, str]]) -> pa.Table:
    """Lines that cannot be rows, as a table: ``__row__``, ``text``, ``reason``, in order."""
    import pyarrow as pa

    ordered = sorted(rows)
    return pa.table(
        {
            ROW: pa.array([row for row, _, _ in ordered], pa.int64()),
            "text": pa.array([text[:10_000] for _, text, _ in ordered], pa.string()),
            "reason": pa.array([reason for _, _, reason in ordered], pa.string()),
        }
    )


def check_width(columns: int, source: str) -> None:
    """Refuse a table wider than any spreadsheet."""
    if columns > MAX_COLUMNS:
        raise InputError(
            f"{source} has {columns:,} columns; at most {MAX_COLUMNS:,} can be read. "
            "It is probably damaged, or its rows and columns are swapped; export it again."
        )


def example(text: str, limit: int = 60) -> str:
    """A text as an example in a message: printable, on one line, cut to ``limit`` characters."""
    line = "".join(c if c.isprintable() else " " for c in plain_text(text))
    return line if len(line) <= limit else line[: limit - 1] + "…"
