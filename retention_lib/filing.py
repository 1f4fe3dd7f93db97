"""Files that people keep: written whole or not at all, under names that every system takes.

Windows refuses to replace a file that another program has open, knows no file called ``con`` and
no name that ends in a dot; macOS takes ``é`` apart into two letters; both take ``Shop`` and
``shop`` for the same file. What is written here can be carried to any of them.
"""

from __future__ import annotations

import errno
import itertools
import os
import re
import shutil
import time
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from retention_lib.errors import InputError

PAUSES_SECONDS = (0.1, 0.2, 0.4, 0.8)
"""Virus scanners and indexers of Windows hold a new file open for a moment; then it is free."""

LONGEST_NAME = 80
"""Letters of a name made here: Windows takes paths of 260 letters, folders included."""
# Linux takes 255 bytes, three of them a Chinese letter, and what is written beside has more.
_LONGEST_BYTES = 200

_ON_WINDOWS = os.name == "nt"
_count = itertools.count(1)
_LEFT_BEHIND = re.compile(r"\.\d+-\d+\.(new|part|old)$")
_LEFT_BEHIND_SECONDS = 86_400.0

_FORBIDDEN = re.compile(r'[<>:"/\\|?*\x00-\x1f\x7f]+')
_DEVICES = {"con", "prn", "aux", "nul", "conin$", "conout$", "clock$"}
_DEVICES |= {f"{port}{number}" for port in ("com", "lpt") for number in "0123456789¹²³"}


def beside(file: Path) -> Path:
    """Where a file is written before it takes its place; nobody else uses that name.

    >>> beside(Path("plan.xlsx")).name.startswith("plan.xlsx.")
    True
    """
    return file.with_name(f"{file.name}.{os.getpid()}-{next(_count)}.new")


def put(written: Path, file: Path) -> Path:
    """Have a file written beside take its place; whoever reads sees the old or the new one whole.

    Raises ``InputError`` where the place is taken by a program that does not let go (Excel, on
    Windows), is a folder, or may not be written to; the old file is left as it was.
    """
    try:
        onto_disk(written)
    except OSError as error:
        raise InputError(why_not(file, error)) from error
    _insist(lambda: written.replace(file), file)
    _folder_onto_disk(file.parent)
    return file


def onto_disk(file: Path) -> None:
    """Have the disk hold what was written: a name must not outlive a power cut empty."""
    with suppress(FileNotFoundError, PermissionError):
        number = os.open(file, os.O_RDWR | getattr(os, "O_BINARY", 0))
        try:
            os.fsync(number)
        except OSError as error:
            # Some shares know no such request; what they say of a full disk is true.
            if not is_full(error) and error.errno != errno.EIO:
                return
            raise
        finally:
            os.close(number)


def _folder_onto_disk(folder: Path) -> None:
    """The same for the names in a folder; Windows keeps those by itself."""
    if os.name == "nt":
        return
    with suppress(OSError):
        number = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)


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
                raise InputError(why_not(file, error)) from error
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
    with together(file) as (path,):
        yield path


@contextmanager
def together(*files: Path) -> Iterator[list[Path]]:
    """Give the paths to write several files to; afterwards all take their place, or none does.

    What an earlier run left half written beside them is cleared away after a day.
    """
    paths = []
    for file in files:
        make_folder(file.parent)
        _sweep(file)
        paths.append(beside(file))
    try:
        with explained(zip(files, paths, strict=True)):
            yield paths
        if len(paths) == 1:
            put(paths[0], files[0])
            return
        with Swap() as swap:
            for path, file in zip(paths, files, strict=True):
                swap.put(path, file)
    finally:
        for path in paths:
            let_go(path)


@contextmanager
def explained(places: Iterable[tuple[Path, Path | None]]) -> Iterator[None]:
    """Say in words what the system refused; the last file begun is the one it happened to.

    ``places``: each file, and where it is written; they are looked at only where that fails.
    """
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        if not isinstance(error, OSError) and not is_full(error):
            raise
        told = list(places)
        begun = [place for place in told if place[1] is not None and place[1].exists()]
        for file, path in reversed(begun or told[:1]):
            raise InputError(why_not(file, error, begun=path)) from error
        raise


def must_be_free(file: Path) -> None:
    """Raise ``OSError`` where another program has a file open so that it cannot be replaced."""
    if not file.is_file():
        return
    try:
        os.close(os.open(file, os.O_RDWR))
    except OSError:
        # Elsewhere than on Windows a file may be replaced that may not be written to. There who
        # has it open is told only when it is replaced: opening it is refused without a code.
        if _ON_WINDOWS:
            raise


class Swap:
    """Several files that take their places; where the block fails, each old one comes back."""

    def __init__(self) -> None:
        self._done: list[tuple[Path, Path | None, bool]] = []

    def __enter__(self) -> Swap:
        return self

    def put(self, written: Path, file: Path) -> Path:
        """Have one file take its place, and remember what was there."""
        was_there = file.is_file()
        kept = _kept(file) if was_there else None
        self._done.append((file, kept, was_there))
        try:
            return put(written, file)
        except InputError:
            self._done.pop()
            if kept is not None:
                let_go(kept)
            raise

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for file, kept, was_there in reversed(self._done):
            with suppress(OSError):
                if error is not None and kept is not None:
                    kept.replace(file)
                elif error is not None and not was_there:
                    file.unlink(missing_ok=True)
            if kept is not None:
                let_go(kept)


def _kept(file: Path) -> Path | None:
    """The old file under a second name: a link costs no room; a disk without links takes a copy."""
    kept = file.with_name(f"{file.name}.{os.getpid()}-{next(_count)}.old")
    try:
        os.link(file, kept)
    except OSError:
        try:
            shutil.copy2(file, kept)
        except OSError:
            let_go(kept)
            return None
    return kept


def make_folder(folder: Path) -> None:
    """Make a folder with those above it; ``InputError`` where that is refused."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"The folder {folder} cannot be made: {_said(error)}.") from error


def _sweep(file: Path, seconds: float = _LEFT_BEHIND_SECONDS) -> None:
    """Clear away what runs that were killed left of a file, so many seconds ago or more."""
    with suppress(OSError):
        for path in file.parent.glob(f"{exactly(Path(file.name))}.*"):
            rest = path.name[len(file.name) :]
            old = time.time() - path.stat().st_mtime >= seconds
            if old and _LEFT_BEHIND.fullmatch(rest):
                let_go(path)


def clear_away(*files: Path) -> None:
    """Clear away what killed runs left beside files that nobody else can be writing now."""
    for file in files:
        _sweep(file, seconds=float("-inf"))


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


# ------------------------------------------------------------------------ what went wrong


def _is_held(error: BaseException) -> bool:
    """Whether another program has the file open: only Windows minds, with one of these codes."""
    return getattr(error, "winerror", None) in (5, 32, 33)


_FULL = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)}
# Libraries that write for us say it in texts of their own.
_FULL_SAID = re.compile(
    r"no space left|not enough space on the disk|disk quota exceeded|max_temp_directory_size|"
    r"errno 28\b|errno 122\b",
    re.IGNORECASE,
)
_LEAST_ROOM_MB = 10


def is_full(error: BaseException) -> bool:
    """Whether an error says that the disk is full, whichever library it came from.

    >>> is_full(OSError(28, "No space left on device")), is_full(OSError(13, "no"))
    (True, False)
    """
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno in _FULL or getattr(error, "winerror", None) in (39, 112)
    told_by_others = type(error).__module__.partition(".")[0] in {"duckdb", "_duckdb", "pyarrow"}
    told = isinstance(error, OSError) or told_by_others
    return told and _FULL_SAID.search(str(error)) is not None


def why_not(file: Path, error: BaseException, *, begun: Path | None = None) -> str:
    """Why a file could not be written, what became of the old one, and what to do about it.

    ``begun``: where it was being written; its size so far says how much room is needed.
    """
    if _is_held(error):
        return (
            f"{file} cannot be written: it is open in another program, probably Excel. Close it "
            f"there and run this again; the file is still as it was."
        )
    if is_full(error):
        return (
            f"{file} cannot be written: the disk is full. What was there is still as it was. Free "
            f"{_room(file, begun)} MB or more and run this again."
        )
    if file.is_dir():
        return f"{file} cannot be written: it is a folder. Give the name of a file."
    return (
        f"{file} cannot be written: {_said(error)}. Close it where it is open (in Excel, for "
        f"instance), or give another place."
    )


def _room(file: Path, begun: Path | None) -> int:
    """Megabytes that a file takes at least: twice what the old one has, or what was written."""
    largest = 0
    for path in (file, begun):
        with suppress(OSError):
            largest = max(largest, path.stat().st_size if path is not None else 0)
    return max(_LEAST_ROOM_MB, -(-2 * largest // 1_000_000))


def _said(error: BaseException) -> str:
    said = error.strerror if isinstance(error, OSError) else None
    return (said or str(error)).rstrip(".")


def let_go(path: Path) -> None:
    """Remove what was written beside, unless it took its place; one that is held stays."""
    with suppress(OSError):
        path.unlink(missing_ok=True)


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
    text = text[:LONGEST_NAME].encode()[:_LONGEST_BYTES].decode(errors="ignore").strip(". ~")
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
