"""Files, folders and databases to tables of text.

Everything is read as text, exactly as it stood, so that postcode 01000, customer 007 and a
SIRET survive; :mod:`retention_lib.base.values` then decides, from whole columns, what the texts
mean. Nothing is guessed silently: what was concluded stands in :class:`Reading` with its
evidence, and what the file cannot decide is a question that names the argument answering it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import pyarrow as pa

SourceKind = Literal["text", "excel", "parquet", "database", "folder"]

ROW = "__row__"
"""Column with the physical line (text) or row (Excel, Parquet, database) number, from 1."""
FILE = "__file__"
"""Column with the name of the file a row came from; only where a folder was read."""


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
    ``null_bytes``, ``too_long``, ``repeated_header``, ``repeated_title``, ``footer``), and for
    a folder ``__file__``. ``number_columns``: headings whose cells were all real numbers in
    Excel, Parquet or a database, so that their decimal mark is a point beyond doubt: hand them
    to :func:`~retention_lib.base.values.decide_amount_formats` as ``typed=``.
    """

    table: pa.Table
    header: list[str]
    rejected: pa.Table
    reading: Reading
    number_columns: tuple[str, ...] = ()


def read_raw(
    source: str | Path,
    *,
    encoding: str | None = None,
    separator: str | None = None,
    sheet: str | None = None,
    header_row: int | None = None,
) -> RawTable:
    """Read a file, a folder of files or a database table as text.

    ``source`` is a path to CSV, TSV or TXT (also ``.gz`` or a ``.zip`` of one file), Excel
    (xlsx, xlsm, xlsb, xls, ods) or Parquet, a folder of such files with the same headings, or
    ``sqlite:///path``, ``duckdb:///path``, or any address that Ibis understands.
    ``encoding``, ``separator``, ``sheet`` (of a workbook, or table of a database) and
    ``header_row`` (physical row of the headings from 1; 0 where there are none: the columns
    are then ``column_1``, ``column_2``, …) overrule what the file itself says.

    Raises
    ------
    QuestionError
        Where the file can be read in several ways; the message names the argument.
    InputError
        Where it cannot be read at all: missing, empty, headings only, binary, cut short, …
    MissingPackageError
        Where a database needs the ``warehouse`` extra.
    """
    raise NotImplementedError
