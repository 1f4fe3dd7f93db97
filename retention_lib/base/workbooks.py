"""A workbook: a folder with ``workbook.toml``, and which of them is loaded.

``workbook.toml`` says where the tables are, how their last export was read, the currency, the
language and the dates. It is written beside and then renamed, so that an interrupted save
leaves the old one whole.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

import tomlkit

from retention_lib import filing
from retention_lib.base import placing
from retention_lib.base._raw import example
from retention_lib.base._typed import is_database_url, without_secrets
from retention_lib.errors import InputError

FILE_NAME = "workbook.toml"
ENVIRONMENT = "RETENTION_WORKBOOK"
"""Names the loaded workbook for one session; it goes before what was loaded last."""


@dataclass(frozen=True)
class Settings:
    """What ``workbook.toml`` says besides its tables.

    ``name_fr``: what the workbook is called in French, where that differs.
    ``margin_rate``: the share of revenue that is margin where no margin column says better.
    """

    name: str = ""
    currency: str = ""
    language: str = "en"
    margin_rate: float | None = None
    as_of: date | None = None
    activity_window_days: int = 365
    name_fr: str = ""

    def called(self, language: str) -> str:
        """What the workbook is called in a language; empty where nobody named it."""
        return (self.name_fr if language == "fr" else "") or self.name


@dataclass(frozen=True)
class TableEntry:
    """One table of a workbook: its Parquet file, the export it came from, how it was read."""

    file: Path
    raw: Path | None = None
    reading: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Workbook:
    """A workbook folder as its ``workbook.toml`` describes it."""

    folder: Path
    settings: Settings
    tables: Mapping[str, TableEntry]


def project_folder() -> Path:
    """The folder of the project: the one that holds ``data/``."""
    beside_the_library = Path(__file__).resolve().parents[2]
    for folder in (beside_the_library, *Path.cwd().resolve().parents, Path.cwd().resolve()):
        if (folder / "data" / "sample").is_dir():
            return folder
    return beside_the_library


def loaded_path() -> Path:
    """The loaded workbook: of this session, else the last loaded, else the b2b sample."""
    session = os.environ.get(ENVIRONMENT)
    if session:
        return _found(session)
    pointer = _pointer()
    if pointer.is_file():
        return _found(_pointed_at(pointer))
    return project_folder() / "data" / "sample" / "b2b"


def load_workbook(path: str | Path) -> Path:
    """Make a workbook (a folder, or one file of transactions) the loaded one, from now on.

    Every chapter then runs on it. Raises ``InputError`` where there is nothing at ``path``.
    """
    found = _found(str(as_path(path))).resolve()
    write_text(_pointer(), tomlkit.dumps({"workbook": found.as_posix()}))
    # The choice just made goes before one that the session was started with.
    os.environ.pop(ENVIRONMENT, None)
    return found


def from_here(path: object) -> Path:
    """A path as a person gives it: seen from here, or from the project's folder.

    A notebook runs in ``notebooks/``, where ``data/mine/export.csv`` would be nowhere. What is not
    there yet is made where its first folder is.
    """
    given = as_path(path)
    if given.is_absolute() or given.exists() or not given.parts:
        return given
    seen = project_folder() / given
    first = given.parts[0]
    beside = (project_folder() / first).exists() and not Path(first).exists()
    return seen if seen.exists() or beside else given


def as_path(path: object) -> Path:
    """The path as given by a person, ``~`` resolved; ``InputError`` where it is none."""
    if not isinstance(path, str | os.PathLike):
        raise InputError(
            f"Give the path of a workbook folder or of a file; got {type(path).__name__}. A table "
            f"becomes a base with rl.CustomerBase.from_tables(table), an import with "
            f"imported.to_base()."
        )
    _must_be_a_path(str(path))
    return _unquoted(Path(path)).expanduser()


def _must_be_a_path(given: str) -> None:
    """Say what to do with the address of a database; its password is never repeated."""
    if is_database_url(given):
        raise InputError(
            f"{without_secrets(given)} is an address, not a folder or a file. Read a table of a "
            f"database in Python, with rl.import_export(address).save(folder), and open that "
            f"folder then."
        )


def _unquoted(path: Path) -> Path:
    """Without the quotation marks that Windows puts around a path it copies."""
    text = str(path).strip()
    bare = text.strip("\"'")
    return Path(bare) if bare and bare != text and not path.exists() else path


def _pointed_at(pointer: Path) -> str:
    try:
        workbook = tomllib.loads(pointer.read_text("utf-8-sig")).get("workbook")
    except (ValueError, RecursionError):  # no TOML, numbers too long, brackets too deep
        workbook = None
    if not isinstance(workbook, str) or not workbook:
        raise InputError(
            f"{pointer}, which says what is loaded, is damaged. Load your workbook again with "
            f"rl.load_workbook(path), or delete that file to go back to the sample."
        )
    return workbook


def _pointer() -> Path:
    return project_folder() / "data" / "loaded.toml"


def _found(given: str) -> Path:
    """A path as given, seen from here or from the project's folder."""
    _must_be_a_path(given)
    for path in (Path(given).expanduser(), project_folder() / given):
        if path.exists():
            return path
        # macOS takes é apart, and a name copied from there is another one here.
        if found := filing.taken_by(path.parent, path.name):
            return found
    raise InputError(
        f"There is nothing at {given!r} (seen from {Path.cwd().name!r} and from the project's "
        f"folder). Give the path of a workbook folder or of a file."
    )


def is_workbook(place: Path) -> bool:
    """Whether a path is a workbook folder or its ``workbook.toml``."""
    return place.name == FILE_NAME or (place / FILE_NAME).is_file()


def read_workbook(path: Path) -> Workbook:
    """Read ``workbook.toml``; every problem of it is said at once, with the remedy."""
    file = path / FILE_NAME if path.is_dir() else path
    try:
        content = _parsed(file)
        if placing.waiting(file.parent, content):
            placing.settle(file)
            content = _parsed(file)
    except FileNotFoundError:
        raise InputError(f"There is no {FILE_NAME} in {path}.") from None
    return Workbook(file.parent, _settings(file, content), _tables(file, content))


def _parsed(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text("utf-8-sig"))
    except (ValueError, RecursionError) as error:  # no TOML, numbers too long, too deep
        raise InputError(f"{file} is not readable as TOML: {error}.{_hint(file)}") from None


def _settings(file: Path, content: Mapping[str, Any]) -> Settings:
    wanted: dict[str, tuple[type, ...]] = {
        "name": (str,),
        "name_fr": (str,),
        "currency": (str,),
        "language": (str,),
        "margin_rate": (int, float),
        "as_of": (date, str),
        "activity_window_days": (int,),
    }
    problems = [
        f"{key} = {content[key]!r} should be {' or '.join(kind.__name__ for kind in kinds)}"
        for key, kinds in wanted.items()
        if key in content
        and (not isinstance(content[key], kinds) or isinstance(content[key], bool))
    ]
    unknown = sorted(set(content) - set(wanted) - {"tables"})
    problems += [f"{key!r} is not a setting (known: {', '.join(wanted)})" for key in unknown]
    if problems:
        raise InputError(f"{file} has {len(problems)} problem(s): {'; '.join(problems)}.")
    given = {key: content[key] for key in wanted if key in content}
    if isinstance(given.get("as_of"), str):
        try:
            given["as_of"] = datetime.fromisoformat(given["as_of"])
        except ValueError:
            raise InputError(
                f"{file}: as_of = {given['as_of']!r} is not a date; write it as 2025-12-31."
            ) from None
    if isinstance(given.get("as_of"), datetime):
        given["as_of"] = given["as_of"].date()
    return Settings(**given)


def _tables(file: Path, content: Mapping[str, Any]) -> dict[str, TableEntry]:
    entries: dict[str, TableEntry] = {}
    tables = content.get("tables", {})
    if not isinstance(tables, Mapping):
        raise InputError(
            f"{file}: tables = {tables!r} is no table; write [tables.transactions] on a line and "
            f'file = "transactions.parquet" on the next.'
        )
    places = placing.waiting(file.parent, content)
    for name, entry in tables.items():
        _check_entry(file, name, entry)
        raw = entry.get("raw")
        entries[name] = TableEntry(
            file=placing.seen_at(_written_path(file.parent, entry["file"]), places),
            raw=_written_path(file.parent, raw) if raw else None,
            reading=entry.get("reading", {}),
        )
    if "transactions" not in entries:
        raise InputError(f"{file} names no transactions table; only that one is required.")
    absent = [_shown(entry.file) for entry in entries.values() if not _is_file(entry.file)]
    if absent:
        raise InputError(f"{file} names files that are not there: {', '.join(absent)}.")
    return entries


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name that no file can have: too long, a null byte
        return False


def _shown(path: Path) -> str:
    return example(str(path), 300)


def _written_path(folder: Path, text: str) -> Path:
    r"""A path as ``workbook.toml`` names it; one written on Windows, ``raw\sales.csv``, as well."""
    path = folder / text
    return folder / text.replace("\\", "/") if "\\" in text and not _is_file(path) else path


def _hint(file: Path) -> str:
    """What to do about a path with backslashes, which TOML reads as the beginning of a sign."""
    try:
        text = file.read_bytes().decode("utf-8", "replace")
    except OSError:
        return ""
    if not re.search(r'=\s*"[^"\n]*\\', text):
        return ""
    return " Write paths with / instead of \\, such as C:/sales/export.csv."


def _check_entry(file: Path, name: str, entry: object) -> None:
    if not isinstance(entry, Mapping):
        raise InputError(
            f"{file}: the table {name!r} is {entry!r}; write "
            f"[tables.transactions], for instance, on a line and "
            f'file = "{name}.parquet" on the next.'
        )
    if "file" not in entry:
        raise InputError(f"{file}: the table {name!r} names no file.")
    for key in ("file", "raw"):
        if not isinstance(entry.get(key, ""), str):
            raise InputError(
                f"{file}: {key} = {entry[key]!r} of the table {name!r} should be a path in "
                f'quotation marks, such as "{name}.parquet".'
            )
    if not isinstance(entry.get("reading", {}), Mapping):
        raise InputError(
            f"{file}: reading = {entry['reading']!r} of the table {name!r} should be a table of "
            f"its own, as rl.import_export(…).save() writes it; delete the line to do without."
        )


def write_table_entry(
    folder: Path, table: str, entry: Mapping[str, Any], settings: Mapping[str, Any]
) -> Path:
    """Add or replace one table in ``workbook.toml``, keeping what a person wrote there."""
    return write_entries(folder, {table: entry}, settings)


def entries_of(folder: Path) -> dict[str, dict[str, Any]]:
    """The entries of the tables as ``workbook.toml`` has them, paths and all."""
    return {name: dict(entry) for name, entry in _parsed(folder / FILE_NAME)["tables"].items()}


def write_entries(
    folder: Path, entries: Mapping[str, Mapping[str, Any]], settings: Mapping[str, Any]
) -> Path:
    """The same for several tables at once."""
    file = folder / FILE_NAME
    document = tomlkit.document()
    if file.is_file():
        _parsed(file)  # one that is damaged is said, never written over
        document = tomlkit.parse(file.read_text("utf-8-sig"))
    for key, value in settings.items():
        if value is not None:
            document[key] = value
    tables = document.setdefault("tables", tomlkit.table(is_super_table=True))
    for table, entry in entries.items():
        tables[table] = _as_toml(entry)
    write_text(file, tomlkit.dumps(document))
    return file


def _as_toml(value: Any) -> Any:
    """TOML has no empty value: what is None is left out."""
    if isinstance(value, Mapping):
        table = tomlkit.table()
        for key, item in value.items():
            if item is not None:
                table[key] = _as_toml(item)
        return table
    return value


def write_text(file: Path, text: str) -> None:
    """Write beside and rename, so that a reader never sees half a file."""
    with filing.written(file) as beside:
        beside.write_text(text, encoding="utf-8", newline="\n")
