"""Files that people keep: written whole or not at all, under names that every system takes.

Windows refuses to replace a file that another program has open, knows no file called ``con`` and
no name that ends in a dot; macOS takes ``é`` apart into two letters; both take ``Shop`` and
``shop`` for the same file. What is written here can be carried to any of them.
"""

from __future__ import annotations

import errno
import os
import re
import time
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from retention_lib.errors import InputError

PAUSES_SECONDS = (0.1, 0.2, 0.4, 0.8)
"""Virus scanners and indexers of Windows hold a new file open for a moment; then it is free."""

LONGEST_NAME = 80
"""Letters of a name made here: Windows takes paths of 260 letters, folders included."""

_FORBIDDEN = re.compile(r'[<>:"/\\|?*\x00-\x1f\x7f]+')
_DEVICES = {"con", "prn", "aux", "nul", "conin$", "conout$", "clock$"}
_DEVICES |= {f"{port}{number}" for port in ("com", "lpt") for number in "0123456789¹²³"}


def beside(file: Path) -> Path:
    """Where a file is written before it takes its place; no other program uses that name.

    >>> beside(Path("plan.xlsx")).name.startswith("plan.xlsx.")
    True
    """
    return file.with_name(f"{file.name}.{os.getpid()}.new")


def put(written: Path, file: Path) -> Path:
    """Have a file written beside take its place; whoever reads sees the old or the new one whole.

    Raises ``InputError`` where the place is taken by a program that does not let go (Excel, on
    Windows), is a folder, or may not be written to; the old file is left as it was.
    """
    _insist(lambda: written.replace(file), file)
    return file


def remove(file: Path) -> None:
    """Remove a file, if it is there; raises ``InputError`` where a program does not let go."""
    _insist(lambda: file.unlink(missing_ok=True), file)


def _insist(change: Callable[[], object], file: Path) -> None:
    for pause in (*PAUSES_SECONDS, None):
        try:
            change()
            return
        except OSError as error:
            # Elsewhere than on Windows it is a matter of rights, and waiting changes nothing.
            if pause is None or not _is_held(error):
                raise InputError(_why_not(file, error)) from error
            time.sleep(pause)


@contextmanager
def written(file: Path) -> Iterator[Path]:
    """Give the path to write to; afterwards the file takes its place, or nothing is left of it.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with written(Path(folder, "a.txt")) as path:
    ...         _ = path.write_text("whole", encoding="utf-8")
    ...     Path(folder, "a.txt").read_text(encoding="utf-8")
    'whole'
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"The folder {file.parent} cannot be made: {_said(error)}.") from error
    path = beside(file)
    try:
        try:
            yield path
        except OSError as error:
            raise InputError(_why_not(file, error)) from error
        put(path, file)
    finally:
        _let_go(path)


@contextmanager
def excel_book(path: Path, *, row_by_row: bool = True) -> Iterator[Any]:
    """An XlsxWriter workbook whose texts stay texts; for a path that :func:`written` gave.

    ``row_by_row`` keeps memory small and wants cells in that order. XlsxWriter says that a file
    cannot be written with an error of its own; here it is the system's, which is explained.
    """
    import xlsxwriter
    from xlsxwriter.exceptions import FileCreateError

    safe = {"strings_to_formulas": False, "strings_to_urls": False}
    try:
        with xlsxwriter.Workbook(str(path), {"constant_memory": row_by_row, **safe}) as book:
            yield book
    except FileCreateError as error:
        cause = error.args[0] if error.args else error
        raise cause if isinstance(cause, OSError) else OSError(str(cause)) from error


def csv_form(language: str) -> dict[str, Any]:
    """How pandas writes the CSV that spreadsheets of a language read, Excel's mark in front.

    >>> csv_form("fr")["sep"], csv_form("en")["decimal"]
    (';', '.')
    """
    french = language == "fr"
    return {
        "index": False,
        "sep": ";" if french else ",",
        "decimal": "," if french else ".",
        "encoding": "utf-8-sig",
        "lineterminator": "\r\n",
    }


def _is_held(error: OSError) -> bool:
    """Whether another program has the file open: only Windows minds, with one of these codes."""
    return getattr(error, "winerror", None) in (5, 32, 33)


def _why_not(file: Path, error: OSError) -> str:
    if _is_held(error):
        return (
            f"{file} cannot be written: it is open in another program, probably Excel. Close it "
            f"there and run this again; the file is still as it was."
        )
    if error.errno == errno.ENOSPC:
        return f"{file} cannot be written: the disk is full. Free some space and run this again."
    if file.is_dir():
        return f"{file} cannot be written: it is a folder. Give the name of a file."
    return (
        f"{file} cannot be written: {_said(error)}. Close it where it is open (in Excel, for "
        f"instance), or give another place."
    )


def _said(error: OSError) -> str:
    return (error.strerror or str(error)).rstrip(".")


def _let_go(path: Path) -> None:
    """Remove what was written beside, unless it took its place; one that is held stays."""
    try:
        path.unlink(missing_ok=True)
    except OSError:
        return


def exactly(path: Path) -> str:
    """A path for DuckDB to read: it takes ``*``, ``?`` and ``[`` of a name for a pattern.

    The trap: without it ``shop [a]/sales.parquet`` reads ``shop a/sales.parquet``, in silence.

    >>> exactly(Path("shop [a]", "sales.parquet")).replace(os.sep, "/")
    'shop [[]a]/sales.parquet'
    """
    return re.sub(r"[*?\[]", r"[\g<0>]", str(path))


def safe_name(name: str, otherwise: str = "workbook") -> str:
    r"""A name of a file or folder that Windows, macOS and Linux all take.

    Accents stay, each in one letter. ``otherwise`` is used where nothing is left of the name.

    >>> safe_name("Ventes: T1/T2 2025 ")
    'Ventes T1 T2 2025'
    >>> safe_name("aux"), safe_name("..\\..")
    ('aux_', 'workbook')
    """
    text = unicodedata.normalize("NFC", str(name))
    text = _FORBIDDEN.sub(" ", text)
    text = " ".join("".join(c for c in text if c.isprintable()).split())
    # A leading dot hides a file, a leading ~ is a home folder, a last dot or space is lost.
    text = text[:LONGEST_NAME].strip(". ~")
    if not text:
        return otherwise
    stem, dot, rest = text.partition(".")
    return f"{stem}_{dot}{rest}" if stem.strip().casefold() in _DEVICES else text


def same_name(one: str, other: str) -> bool:
    """Whether two names are one file on some system: letter case and taken-apart accents aside.

    >>> same_name("Shop", "shop"), same_name("caf\u00e9", "cafe\u0301")
    (True, True)
    """
    return _folded(one) == _folded(other)


def taken_by(folder: Path, name: str) -> Path | None:
    """What already lies in a folder under that name, however it is spelt; ``None`` for nothing."""
    try:
        return next((path for path in sorted(folder.iterdir()) if same_name(path.name, name)), None)
    except OSError:
        return None


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
