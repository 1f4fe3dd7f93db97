"""Writing an import into a workbook folder, so that an interruption leaves the old one whole."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retention_lib.base import workbooks

if TYPE_CHECKING:
    import duckdb
    import pandas as pd

# What one sheet of Excel holds, less its row of headings.
_SHEET_ROWS = 1_048_575


def save_table(
    folder: Path,
    table: str,
    kept: duckdb.DuckDBPyRelation,
    set_aside: pd.DataFrame,
    entry: Mapping[str, Any],
    settings: Mapping[str, Any],
) -> Path:
    """Write the rows kept, those set aside and the table's part of ``workbook.toml``.

    ``entry`` says where the export is (``raw``) and how it was read (``reading``), for next
    month; ``settings`` go to the top of ``workbook.toml`` where they are given. Gives the folder.
    """
    folder.mkdir(parents=True, exist_ok=True)
    parquet = folder / f"{table}.parquet"
    beside = _beside(parquet)
    kept.write_parquet(str(beside), compression="zstd")
    beside.replace(parquet)
    _write_set_aside(set_aside, folder / f"set_aside_{table}.xlsx")
    entry = {"file": parquet.name, **entry}
    workbooks.write_table_entry(folder, table, entry, settings)
    return folder


def _beside(file: Path) -> Path:
    return file.with_name(f"{file.name}.{os.getpid()}.new")


def _write_set_aside(frame: pd.DataFrame, file: Path) -> None:
    """Rows set aside as an Excel file whose every cell is text.

    Excel turns 007 of a CSV into 7 and 03/02 into a date when the file is opened and saved;
    text cells come back as they were typed, and never run as formulas.
    """
    if frame.empty:
        file.unlink(missing_ok=True)
        return
    import xlsxwriter

    beside = _beside(file)
    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(str(beside), options) as book:
        text = book.add_format({"num_format": "@"})
        for start in range(0, len(frame), _SHEET_ROWS):
            part = frame.iloc[start : start + _SHEET_ROWS]
            sheet = book.add_worksheet()
            sheet.set_column(0, len(frame.columns) - 1, 18, text)
            sheet.freeze_panes(1, 2)
            sheet.write_row(0, 0, [str(name) for name in frame.columns], text)
            cells = part.astype(object).where(part.notna(), "").astype(str).to_numpy()
            for number, row in enumerate(cells, start=1):
                for column, value in enumerate(row):
                    if value:
                        sheet.write_string(number, column, value[:32_767], text)
    beside.replace(file)
