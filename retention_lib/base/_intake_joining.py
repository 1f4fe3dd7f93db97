"""An import beside the rows that a workbook has already: which of them stay."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from retention_lib import filing
from retention_lib.base import workbooks
from retention_lib.base.imported import Import
from retention_lib.base.saving import set_aside_file
from retention_lib.base.values import quoted
from retention_lib.errors import QuestionError

if TYPE_CHECKING:
    import duckdb

Mode = Literal["new", "replaced", "added"]

# What tells a row of a table without days from another.
_KEYS = {
    "customers": ("customer_id",),
    "people": ("customer_id", "person_id"),
    "opportunities": ("opportunity_id",),
}
# A hole this long between the old file and the new one is said: a month is probably missing.
_LONG_GAP_DAYS = 31
# An export of customers that lacks more than this share of the old ones may be the new ones only.
_FEW_MISSING = 0.10
# So many customers of whom not one is known are another company's.
_STRANGERS = 20


@dataclass(frozen=True)
class Joined:
    """The rows a table has from now on, and how they came together."""

    mode: Mode
    rows: duckdb.DuckDBPyRelation
    before: int = 0
    stayed: int = 0
    gap_days: int = 0
    last_before: date | None = None

    def account(self, outcome: Mapping[str, Any]) -> dict[str, Any]:
        """The account of the import with the rows that stayed, so that it holds for the table."""
        whole = {key: int(outcome[key]) + self.stayed for key in ("rows_read", "rows_kept")}
        return {**outcome, **whole}


def join(folder: Path, imported: Import, mode: Mode | None, *, guessed: bool) -> Joined:
    """Join an import to what the workbook in ``folder`` has of that table.

    ``guessed``: nobody said that it belongs to this workbook. Raises ``QuestionError`` where the
    dates do not tell whether the file goes on with the old rows or replaces them.
    """
    connection = imported.reader.connection
    kept = connection.table("kept")
    table = imported.reader.contract.name
    book = workbooks.read_workbook(folder) if workbooks.is_workbook(folder) else None
    if book is None or table not in book.tables:
        return Joined("new", kept)
    old = connection.read_parquet(filing.exactly(book.tables[table].file))
    connection.register("before", old)
    if guessed:
        _refuse_strangers(folder, imported)
    keys = _KEYS.get(table)
    if keys is None:
        return _by_days(imported, mode)
    return _by_keys(imported, keys, mode)


def _one(connection: duckdb.DuckDBPyConnection, sql: str) -> tuple[Any, ...]:
    (row,) = connection.execute(sql).fetchall()
    return tuple(row)


def _refuse_strangers(folder: Path, imported: Import) -> None:
    """Ask where not one customer of a file is known to the workbook it would go into."""
    customers, known = _one(
        imported.reader.connection,
        """SELECT count(*), count(*) FILTER (CAST(customer_id AS VARCHAR) IN
             (SELECT CAST(customer_id AS VARCHAR) FROM before))
           FROM (SELECT DISTINCT customer_id FROM kept)""",
    )
    if customers >= _STRANGERS and not known:
        raise QuestionError(
            [
                imported.wording.say(
                    "intake.question.strangers",
                    file=imported.file,
                    customers=customers,
                    workbook=folder.name,
                    other=_other_name(imported.file, folder.name),
                )
            ]
        )


def _other_name(file: str, workbook: str) -> str:
    """A name for a workbook of the file's own, which the other workbook does not have."""
    name = file.split(".")[0].replace("_", " ") or file
    return f"{name} 2" if filing.same_name(name, workbook) else name


def _by_days(imported: Import, mode: Mode | None) -> Joined:
    connection = imported.reader.connection
    old_first, old_last, before = _one(
        connection, "SELECT min(CAST(date AS DATE)), max(CAST(date AS DATE)), count(*) FROM before"
    )
    first, last = _one(
        connection, "SELECT min(CAST(date AS DATE)), max(CAST(date AS DATE)) FROM kept"
    )
    if before == 0 or old_first is None:
        return Joined("replaced", connection.table("kept"), before)
    chosen = mode or _mode_of_days(imported, (old_first, old_last), (first, last))
    if chosen == "replaced":
        return Joined("replaced", connection.table("kept"), before)
    outside = f"CAST(date AS DATE) NOT BETWEEN DATE '{first}' AND DATE '{last}'"
    (stayed,) = _one(connection, f"SELECT count(*) FROM before WHERE {outside}")
    gap = max((first - old_last).days, (old_first - last).days) - 1
    return Joined(
        "added",
        _together(connection, outside),
        before,
        stayed,
        gap if gap > _LONG_GAP_DAYS else 0,
        old_last,
    )


def _mode_of_days(imported: Import, old: tuple[date, date], new: tuple[date, date]) -> Mode:
    """What the dates say: the whole again, or its continuation; else a question."""
    if new[0] <= old[0] and new[1] >= old[1]:
        return "replaced"
    if new[1] >= old[1] or new[1] < old[0]:
        return "added"
    day = imported.wording.date
    raise QuestionError(
        [
            imported.wording.say(
                "intake.question.days",
                file=imported.file,
                first=day(new[0]),
                last=day(new[1]),
                old_first=day(old[0]),
                old_last=day(old[1]),
            )
        ]
    )


def _by_keys(imported: Import, keys: tuple[str, ...], mode: Mode | None) -> Joined:
    connection = imported.reader.connection
    same = " AND ".join(
        f"CAST(k.{quoted(key)} AS VARCHAR) = CAST(before.{quoted(key)} AS VARCHAR)" for key in keys
    )
    outside = f"NOT EXISTS (SELECT 1 FROM kept AS k WHERE {same})"
    before, stayed = _one(connection, f"SELECT count(*), count(*) FILTER ({outside}) FROM before")
    chosen = mode
    if chosen is None and stayed <= _FEW_MISSING * before:
        chosen = "replaced"
    elif chosen is None and stayed == before:
        chosen = "added"
    if chosen is None:
        raise QuestionError(
            [
                imported.wording.say(
                    "intake.question.keys", file=imported.file, missing=stayed, before=before
                )
            ]
        )
    if chosen == "replaced":
        return Joined("replaced", connection.table("kept"), before)
    return Joined("added", _together(connection, outside), before, stayed)


def _together(connection: duckdb.DuckDBPyConnection, outside: str) -> duckdb.DuckDBPyRelation:
    """The old rows that stay, then the new ones, in their own order."""
    return connection.sql(
        f"SELECT * FROM (SELECT * FROM before WHERE {outside}) UNION ALL BY NAME SELECT * FROM kept"
    )


def keep_earlier_set_aside(folder: Path, table: str, last: date | None) -> None:
    """Keep what earlier files had set aside under a name of its own: its rows are still missing."""
    file = set_aside_file(folder, table)
    if not file.is_file():
        return
    until = f"_until_{last.isoformat()}" if last else "_before"
    earlier, number = file.with_name(f"{file.stem}{until}.xlsx"), 1
    while earlier.exists():
        number += 1
        earlier = file.with_name(f"{file.stem}{until}_{number}.xlsx")
    filing.put(file, earlier)
