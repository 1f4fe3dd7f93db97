"""Files, folders and databases to tables of text.

Everything is read as text, exactly as it stood, so that postcode 01000, customer 007 and a
SIRET survive; :mod:`retention_lib.base.values` then decides, from whole columns, what the texts
mean. Nothing is guessed silently: what was concluded stands in :class:`Reading` with its
evidence, and what the file cannot decide is a question that names the argument answering it.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retention_lib.base._delimited import read_text
from retention_lib.base._excel import read_excel
from retention_lib.base._raw import (
    FILE,
    NUMBER_MARK,
    ROW,
    RawTable,
    Reading,
    SourceKind,
    example,
    plain_text,
)
from retention_lib.base._typed import is_database_url, read_database, read_parquet
from retention_lib.base._unpack import unpack
from retention_lib.base.workbooks import from_here
from retention_lib.errors import InputError, QuestionError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [
    "FILE",
    "NUMBER_MARK",
    "ROW",
    "SUFFIXES",
    "RawTable",
    "Reading",
    "SourceKind",
    "plain_text",
    "read_raw",
]

SUFFIXES = (
    ".csv",
    ".tsv",
    ".txt",
    ".gz",
    ".zip",
    ".xlsx",
    ".xlsm",
    ".xlsb",
    ".xls",
    ".ods",
    ".parquet",
)
"""Endings of the files of a folder that are read; a single file is known by its content."""


def read_raw(
    source: str | Path,
    *,
    encoding: str | None = None,
    separator: str | None = None,
    sheet: str | None = None,
    header_row: int | None = None,
) -> RawTable:
    r"""Read a file, a folder of files or a database table as text.

    ``source`` is a path to CSV, TSV or TXT (also ``.gz`` or a ``.zip`` of one file), Excel
    (xlsx, xlsm, xlsb, xls, ods) or Parquet, a folder of such files with the same headings
    (large and small letters aside; the first spelling stands), or ``sqlite:///path``,
    ``duckdb:///path``, or any address that Ibis understands.
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

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "ventes.csv")
    ...     text = "Client;Date;Montant\n007;31/12/2024;1 234,50 €\n"
    ...     _ = path.write_bytes(text.encode("cp1252"))
    ...     raw = read_raw(path)
    >>> raw.header, raw.reading.encoding, raw.reading.separator
    (['Client', 'Date', 'Montant'], 'cp1252', ';')
    >>> raw.table.to_pylist()
    [{'__row__': 2, 'Client': '007', 'Date': '31/12/2024', 'Montant': '1 234,50 €'}]
    """
    told = {"encoding": encoding, "separator": separator, "sheet": sheet, "header_row": header_row}
    _check_told(header_row)
    if isinstance(source, str) and is_database_url(source):
        return read_database(source, sheet)
    path = _existing(source)
    return _read_folder(path, told) if path.is_dir() else _read_file(path, told)


def _check_told(header_row: int | None) -> None:
    if header_row is not None and (isinstance(header_row, bool) or header_row < 0):
        raise InputError(f"header_row must be 0 (none) or a row from 1; got {header_row!r}.")


def _existing(source: str | Path) -> Path:
    try:
        path = from_here(source)
        if path.is_dir() or path.is_file():
            return path
        exists = path.exists()
    except InputError:
        raise
    except (OSError, ValueError, RuntimeError) as error:
        why = example(str(error), 100)
        raise InputError(f"{str(source)[:200]!r} is not a path ({why}).") from error
    if exists:
        raise InputError(f"{path} is neither a file nor a folder; it cannot be read.")
    names = [other.name for other in _siblings(path)]
    close = difflib.get_close_matches(path.name, names, n=1)
    hint = f" Did you mean {close[0]}?" if close else ""
    raise InputError(f"There is no file {example(str(path), 300)}.{hint}")


def _siblings(path: Path) -> list[Path]:
    try:
        return list(path.parent.iterdir())[:1000]
    except OSError:
        return []


def _read_file(path: Path, told: dict[str, Any]) -> RawTable:
    found = unpack(path)
    if found.content == "excel":
        return read_excel(
            found.data, found.name, sheet=told["sheet"], header_row=told["header_row"]
        )
    if found.content == "parquet":
        return read_parquet(found)
    if found.content in ("sqlite", "duckdb"):
        return read_database(f"{found.content}:///{path.absolute()}", told["sheet"])
    return read_text(
        found.data,
        found.name,
        encoding=told["encoding"],
        separator=told["separator"],
        header_row=told["header_row"],
    )


# -- folders ----------------------------------------------------------------------------------


def _read_folder(folder: Path, told: dict[str, Any]) -> RawTable:
    """All tables of a folder as one, in the order of their names."""
    paths = sorted(
        path
        for path in folder.iterdir()
        if path.is_file() and path.name[0] not in ".~" and path.name.lower().endswith(SUFFIXES)
    )
    if not paths:
        raise InputError(
            f"The folder {folder} holds no table: no file ends in {', '.join(SUFFIXES)}."
        )
    parts: list[RawTable] = []
    questions: list[str] = []
    for path in paths:
        try:
            parts.append(_read_file(path, told))
        except QuestionError as error:
            questions += error.questions
    if questions:
        raise QuestionError(questions)
    return _together(folder, [path.name for path in paths], parts)


def _together(folder: Path, names: list[str], parts: list[RawTable]) -> RawTable:
    import pyarrow as pa

    spellings: dict[str, str] = {}
    assumptions = []
    united = []
    for name, part in zip(names, parts, strict=True):
        for heading in part.header:
            first = spellings.setdefault(heading.casefold(), heading)
            if first != heading:
                assumptions.append(f"{name} has {heading} for {first}; they are one column.")
        united.append(_respelt(part, spellings))
    header, parts = list(spellings.values()), united
    for name, part in zip(names, parts, strict=True):
        missing = [heading for heading in header if heading not in part.header]
        shared = set(parts[0].header) & set(part.header)
        if len(shared) < max(len(parts[0].header), len(part.header)) / 2:
            raise InputError(
                f"The files of {folder} do not have the same headings: {names[0]} has "
                f"{', '.join(parts[0].header[:8])}; {name} has {', '.join(part.header[:8])}. "
                "Keep files of one kind in a folder, or read them one by one."
            )
        if missing:
            assumptions.append(f"{name} has no {', '.join(missing)}; it was left empty.")
    return RawTable(
        table=pa.concat_tables(
            [_with_file(p.table, n) for p, n in zip(parts, names, strict=True)],
            promote_options="default",
        ).select([ROW, FILE, *header]),
        header=header,
        rejected=pa.concat_tables(
            [_with_file(p.rejected, n) for p, n in zip(parts, names, strict=True)]
        ),
        reading=Reading(
            source=folder.name,
            kind="folder",
            assumptions=tuple(assumptions),
            blank_lines=sum(part.reading.blank_lines for part in parts),
            parts=tuple(part.reading for part in parts),
        ),
        number_columns=tuple(
            heading
            for heading in header
            if all(heading in part.number_columns or heading not in part.header for part in parts)
        ),
    )


def _respelt(part: RawTable, spellings: Mapping[str, str]) -> RawTable:
    """A table with its headings in the spelling of the first file that has them."""
    header = [spellings[heading.casefold()] for heading in part.header]
    return replace(
        part,
        table=part.table.rename_columns([ROW, *header]),
        header=header,
        number_columns=tuple(spellings[heading.casefold()] for heading in part.number_columns),
    )


def _with_file(table: pa.Table, name: str) -> pa.Table:
    import pyarrow as pa

    return table.add_column(1, FILE, pa.array([name] * table.num_rows, pa.string()))
