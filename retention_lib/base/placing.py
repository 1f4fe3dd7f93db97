"""Files of a workbook that take their places together; one rename is the moment.

What is saved is written whole beside the old files. Then ``workbook.toml`` takes its place, naming
them as ``placing``: from that moment on everything is new, and whoever opens the workbook puts in
place what a run that was killed could not. Before that moment everything is old.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import tomlkit

from retention_lib import filing, turns
from retention_lib.errors import InputError

KEY = "placing"
"""The key of a table's entry: the name of each file, and what waits to take that name."""

_WAITS = re.compile(r"\.\d+-\d+\.new")


def waiting(folder: Path, content: Mapping[str, Any]) -> dict[Path, Path | None]:
    """The files that wait for their place, by place; ``None`` where a file is to go.

    The trap: the file may come from somebody else, so nothing but a table's own file and its
    rows set aside, in this very folder, is ever touched.
    """
    found: dict[Path, Path | None] = {}
    tables = content.get("tables", {})
    for table, entry in tables.items() if isinstance(tables, Mapping) else ():
        told = entry.get(KEY, {}) if isinstance(entry, Mapping) else {}
        for name, written in told.items() if isinstance(told, Mapping) else ():
            if not _is_own(table, name) or not isinstance(written, str):
                continue
            if not written:
                found[folder / name] = None
            elif written.startswith(name) and _WAITS.fullmatch(written[len(name) :]):
                found[folder / name] = folder / written
    return found


def _is_own(table: str, name: str) -> bool:
    own = rf"{re.escape(table)}\.parquet|set_aside_{re.escape(table)}(_[\w-]+)?\.xlsx"
    return re.fullmatch(r"[\w-]+", table) is not None and re.fullmatch(own, name) is not None


def seen_at(file: Path, places: Mapping[Path, Path | None]) -> Path:
    """Where a file of a workbook is read from: where it waits, for who may not move it."""
    written = places.get(file)
    return written if written is not None and written.is_file() else file


def settle(file: Path) -> None:
    """Finish what a run that was killed had begun; at once, or not at all while somebody saves."""
    with turns.alone_at_once(file.parent) as ours:
        if ours:
            with suppress(OSError, InputError, ValueError, RecursionError):
                _settle(file)


def _settle(file: Path) -> None:
    text = file.read_text("utf-8-sig")
    for place, written in waiting(file.parent, tomllib.loads(text)).items():
        if written is None:
            place.unlink(missing_ok=True)
        elif written.is_file():
            written.replace(place)
    document = tomlkit.parse(text)
    for entry in document.get("tables", {}).values():
        if isinstance(entry, MutableMapping):
            entry.pop(KEY, None)
    with filing.written(file) as beside:
        beside.write_text(tomlkit.dumps(document), encoding="utf-8", newline="\n")


class Saved:
    """What is being saved into a workbook: files beside the old ones, and those that are to go."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._written: dict[str, dict[str, Path | None]] = {}

    def write_to(self, table: str, name: str) -> Path:
        """Where to write what will be called ``name``."""
        path = filing.beside(self._folder / name)
        self._written.setdefault(table, {})[name] = path
        return path

    def leave_out(self, table: str, name: str) -> None:
        """Have a file go, if it is there."""
        if (self._folder / name).exists():
            self._written.setdefault(table, {})[name] = None

    def placing(self, table: str) -> dict[str, str]:
        """What a table's entry in ``workbook.toml`` says of it."""
        written = self._written.get(table, {})
        return {name: path.name if path else "" for name, path in written.items()}

    def files(self) -> Iterator[tuple[Path, Path | None]]:
        """Each place, and what was written for it."""
        for written in self._written.values():
            for name, path in written.items():
                yield self._folder / name, path

    def check(self) -> None:
        """Have all of it on disk, and every place free, before anything changes."""
        for place, path in self.files():
            try:
                if path is not None:
                    filing.onto_disk(path)
                filing.must_be_free(place)
            except OSError as error:
                raise InputError(filing.why_not(place, error, begun=path)) from error


@contextmanager
def saving(file: Path) -> Iterator[Saved]:
    """Save into the workbook of ``file``, alone: all that the block writes, or nothing of it.

    The block ends by writing ``workbook.toml`` with what :meth:`Saved.placing` says.
    """
    with turns.alone(file.parent):
        settle(file)
        _sweep(file)
        saved = Saved(file.parent)
        try:
            with filing.explained(saved.files()):
                yield saved
            settle(file)
        finally:
            # What the file names by now is saved, whatever happened since.
            with suppress(OSError, ValueError, RecursionError):
                named = _named(file)
                for _, path in saved.files():
                    if path is not None and path not in named:
                        filing.let_go(path)


def _named(file: Path) -> set[Path | None]:
    try:
        text = file.read_text("utf-8-sig")
    except FileNotFoundError:
        return set()
    return set(waiting(file.parent, tomllib.loads(text)).values())


def _sweep(file: Path) -> None:
    """Clear away what saves that were killed left behind; nobody else is saving now."""
    with suppress(OSError, ValueError, RecursionError):
        named = _named(file)
        for path in _left_behind(file.parent.iterdir(), file.name):
            if path not in named:
                filing.let_go(path)


def _left_behind(paths: Iterable[Path], toml: str) -> list[Path]:
    def is_ours(path: Path) -> bool:
        end = re.search(rf"{_WAITS.pattern}$", path.name)
        name = path.name[: end.start()] if end else ""
        return name == toml or _is_own(re.sub(r"^set_aside_|[._].*$", "", name), name)

    return [path for path in paths if is_ours(path)]
