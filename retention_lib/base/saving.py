"""Writing an import into a workbook folder, so that an interruption leaves the old one whole."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retention_lib import filing
from retention_lib.base import placing, workbooks
from retention_lib.errors import InputError

if TYPE_CHECKING:
    import duckdb
    import pandas as pd

    from retention_lib.wording import Wording

# What one sheet of Excel holds, less its row of headings.
_SHEET_ROWS = 1_048_575


def save_table(
    folder: Path,
    table: str,
    kept: duckdb.DuckDBPyRelation,
    set_aside: pd.DataFrame,
    entry: Mapping[str, Any],
    settings: Mapping[str, Any],
    wording: Wording,
    *,
    earlier: str = "",
) -> Path:
    """Write the rows kept, those set aside and the table's part of ``workbook.toml``.

    ``entry`` says where the export is (``raw``) and how it was read (``reading``), for next
    month; ``settings`` go to the top of ``workbook.toml`` where they are given. The file of rows
    set aside is written in ``wording``; ``earlier`` is the name under which that of the exports
    before stays. All of it changes at once, or nothing does. Gives the folder.
    """
    name, aside = f"{table}.parquet", set_aside_file(folder, table)
    _keep_the_export(folder / name, entry.get("raw"))
    with placing.saving(folder / workbooks.FILE_NAME) as saved:
        write_parquet(kept, saved.write_to(table, name))
        if earlier and aside.is_file():
            shutil.copyfile(aside, saved.write_to(table, earlier))
        if set_aside.empty:
            saved.leave_out(table, aside.name)
        else:
            _write_set_aside(set_aside, saved.write_to(table, aside.name), wording)
        saved.check()
        entry = {"file": name, **entry, placing.KEY: saved.placing(table)}
        workbooks.write_entries(folder, {table: entry}, settings)
    return folder


def save_tables(folder: Path, tables: Mapping[str, duckdb.DuckDBPyRelation]) -> None:
    """Write new rows of several tables of a workbook, whose entries stay as they are otherwise."""
    with placing.saving(folder / workbooks.FILE_NAME) as saved:
        for table, rows in tables.items():
            write_parquet(rows, saved.write_to(table, f"{table}.parquet"))
        saved.check()
        now = workbooks.entries_of(folder)
        entries = {
            table: {
                **now.get(table, {}),
                "file": f"{table}.parquet",
                placing.KEY: saved.placing(table),
            }
            for table in tables
        }
        workbooks.write_entries(folder, entries, {})


def _keep_the_export(place: Path, raw: object) -> None:
    """An export is never written over by the table that was made of it."""
    export = Path(raw) if isinstance(raw, str) and raw else None
    if export is not None and export.exists() and place.exists() and place.samefile(export):
        raise InputError(
            f"{place} is the export itself, and the table would take its place. Give another "
            f"folder to save into."
        )


def write_parquet(rows: duckdb.DuckDBPyRelation, file: Path) -> None:
    """Write rows as Parquet; ``OSError`` where the disk refuses, as for files of any other kind."""
    import duckdb

    try:
        rows.write_parquet(str(file), compression="zstd")
    except (duckdb.IOException, duckdb.OutOfMemoryException) as error:
        if filing.is_full(error):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from error
        if isinstance(error, duckdb.OutOfMemoryException):
            raise
        raise OSError(errno.EIO, os.strerror(errno.EIO)) from error


def set_aside_file(folder: Path, table: str) -> Path:
    """Where the rows of a table lie that were set aside, to open in Excel and mend."""
    return folder / f"set_aside_{table}.xlsx"


def _write_set_aside(frame: pd.DataFrame, file: Path, wording: Wording) -> None:
    """Rows set aside as an Excel file whose every cell is text.

    Excel turns 007 of a CSV into 7 and 03/02 into a date when the file is opened and saved;
    text cells come back as they were typed, and never run as formulas.
    """
    with filing.excel_book(file) as book:
        text = book.add_format({"num_format": "@"})
        for start in range(0, len(frame), _SHEET_ROWS):
            part = frame.iloc[start : start + _SHEET_ROWS]
            number = f" {start // _SHEET_ROWS + 1}" if start else ""
            sheet = book.add_worksheet(wording.say("name.set_aside_sheet") + number)
            sheet.set_column(0, len(frame.columns) - 1, 18, text)
            sheet.freeze_panes(1, 2)
            sheet.write_row(0, 0, _headings([str(name) for name in frame.columns], wording), text)
            cells = part.astype(object).where(part.notna(), "").astype(str).to_numpy()
            for place, row in enumerate(cells, start=1):
                for column, value in enumerate(row):
                    if value:
                        sheet.write_string(place, column, value[:32_767], text)


def _headings(names: list[str], wording: Wording) -> list[str]:
    """The headings in words, but for a word by which the export calls a column of its own."""
    taken = {name.lower() for name in names}
    said = []
    for name in names:
        key = f"name.set_aside.{name}"
        word = wording.say(key) if wording.has(key) else name
        said.append(name if word.lower() in taken else word)
    return said
