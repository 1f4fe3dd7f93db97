"""Files of a plan that come back: Excel or CSV, saved by whatever program, as tables of text."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from retention_lib.base.sources import SUFFIXES, RawTable, plain_text, read_raw
from retention_lib.base.workbooks import as_path
from retention_lib.decisions._plan_files_layout import FILLED, MASKED, folded, headings_read
from retention_lib.errors import InputError, QuestionError
from retention_lib.wording import LANGUAGES, Language, texts, unsafe_cell

if TYPE_CHECKING:
    import pandas as pd

_EXCEL = (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods")
NUMBERS = ("cost", "expected_profit", "minutes")
"""Columns of numbers that come back as they went out."""

_NOT_FILLED = ("summary", "calendar", "left_out")


def files_of(given: object) -> list[Path]:
    """The files meant: one, several, or those of a folder by name."""
    listed = [given] if isinstance(given, str | os.PathLike) else given
    if not isinstance(listed, Iterable):
        raise InputError(
            f"Give the path of the file that came back, such as 'plan.xlsx', or a list of paths; "
            f"got {type(given).__name__}."
        )
    found: list[Path] = []
    for one in listed:
        if not isinstance(one, str | os.PathLike):
            raise InputError(f"Each path must be a text, such as 'plan.xlsx'; got {one!r}.")
        place = as_path(one)
        if not place.exists():
            raise InputError(f"There is nothing at {place}. Give the file that came back.")
        found += _inside(place) if place.is_dir() else [place]
    if not found:
        raise InputError(
            "No file to read: give the Excel or CSV files that came back, or the folder they are "
            "in."
        )
    return found


def _inside(folder: Path) -> list[Path]:
    return sorted(
        file
        for file in folder.iterdir()
        if file.is_file()
        and file.name[0] not in ".~"
        and file.name.lower().endswith(SUFFIXES)
        and not file.name.lower().endswith(".parquet")
    )


def read_parts(file: Path) -> list[pd.DataFrame]:
    """The tables of a file that belong to a plan, as text, under this library's names.

    Each has ``file``, ``sheet`` and ``row`` (as the program shows it), and ``customer_id``; the
    lists to work through have ``done`` or ``result``, the control group has ``group``. Raises
    ``InputError`` where the file has no such table, or is masked.
    """
    parts = [part for raw in _raws(file) if (part := _named(raw, file)) is not None]
    if not parts:
        raise InputError(
            f"{file.name} holds no list of a plan: a sheet needs the columns customer_id and done "
            f"or result (in French Client and Fait or Résultat), as plan.to_excel() writes them."
        )
    for part in parts:
        if "plan_id" in part and part["plan_id"].str.endswith(MASKED).any():
            raise InputError(
                f"{file.name} is a masked copy: its pseudonyms do not say whose results these "
                f"are. Fill in and read the unmasked file, written with masked=False."
            )
    return parts


def filled_rows(place: Path) -> int:
    """How many rows of a plan's file somebody filled in; 0 for any other file."""
    try:
        parts = read_parts(place)
    except (InputError, OSError):
        return 0
    count = 0
    for part in parts:
        columns = [name for name in FILLED if name in part]
        if columns:
            count += int((part[columns] != "").any(axis=1).sum())
    return count


def language_of(parts: Iterable[pd.DataFrame]) -> Language:
    """The language of the headings; English where they do not tell."""
    french = {
        folded(entry["fr"])
        for key, entry in texts().items()
        if key.startswith("plan_files.heading.") and folded(entry["fr"]) != folded(entry["en"])
    }
    seen = {folded(str(name)) for part in parts for name in part.attrs["headings"]}
    return "fr" if len(seen & french) >= 2 else "en"


def _raws(file: Path) -> list[RawTable]:
    """Every table of a file; sheets that hold something else are passed over."""
    if file.suffix.lower() not in _EXCEL:
        return [_read(file, None)]
    passed = {
        folded(texts()[f"plan_files.sheet.{name}"][language])
        for name in _NOT_FILLED
        for language in LANGUAGES
    }
    found = []
    for sheet in _sheets(file):
        if folded(sheet) in passed:
            continue
        try:
            found.append(_read(file, sheet))
        except QuestionError:
            raise
        except InputError:
            continue
    return found


def _read(file: Path, sheet: str | None) -> RawTable:
    with warnings.catch_warnings():
        # How the file was read is of no interest here: only this library's columns are taken.
        warnings.simplefilter("ignore")
        return read_raw(file, sheet=sheet)


def _sheets(file: Path) -> list[str]:
    import python_calamine

    try:
        with python_calamine.CalamineWorkbook.from_path(str(file)) as book:
            return list(book.sheet_names)
    except (python_calamine.CalamineError, OSError, ValueError):
        # The reader of the base says what is wrong with it.
        read_raw(file)
        raise


def _named(raw: RawTable, file: Path) -> pd.DataFrame | None:
    """A table under this library's names; ``None`` where it is none of a plan's."""
    known = headings_read()
    naming: dict[str, str] = {}
    for heading in raw.header:
        name = known.get(folded(heading))
        if name is not None and name not in naming.values():
            naming[heading] = name
    names = set(naming.values())
    if "customer_id" not in names or not names & {"done", "result", "group"}:
        return None
    frame = raw.table.select(list(naming)).to_pandas().rename(columns=naming)
    frame = frame.astype(object).where(frame.notna(), "")
    for name in frame.columns:
        # Numbers keep the mark by which Excel's 1.234 is told from a typed one.
        reads = str.strip if name in NUMBERS else _plain
        said = {cell: reads(str(cell)) for cell in frame[name].unique()}
        frame[name] = frame[name].map(said)
    frame["row"] = raw.table.column("__row__").to_pandas()
    frame["sheet"], frame["file"] = raw.reading.sheet or "", file.name
    frame.attrs["headings"] = list(raw.header)
    return frame


def _plain(cell: object) -> str:
    """The text of a cell, without its apostrophe; a bare apostrophe is nothing."""
    text = unsafe_cell(plain_text(str(cell)).strip())
    return "" if text in ("'", "nan", "NaT", "None") else text
