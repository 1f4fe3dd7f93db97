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
Days = tuple[date, date]
"""The first and the last day of which a file speaks."""

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
# A file that would put fewer than this share of rows in the place of old ones may be a part only.
_FEW_INSTEAD = 0.5
_MANY_GONE = 20
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
    days: Days | None = None

    def account(self, outcome: Mapping[str, Any], earlier: Mapping[str, int]) -> dict[str, Any]:
        """The account of the import with the rows that stayed, so that it holds for the table.

        ``earlier`` are the rows that the exports before had set aside, by reason.
        """
        whole = {key: int(outcome[key]) + self.stayed for key in ("rows_read", "rows_kept")}
        whole["rows_read"] += sum(earlier.values())
        own = outcome["set_aside"]
        both = {reason: own.get(reason, 0) + earlier.get(reason, 0) for reason in (*own, *earlier)}
        return {**outcome, **whole, "set_aside": both}

    def still_aside(self, outcome: Mapping[str, Any]) -> dict[str, int]:
        """Of the rows set aside so far, those of the days that stay; in proportion to the rows."""
        share = self.stayed / self.before if self.before else 0.0
        found = {reason: round(int(n) * share) for reason, n in outcome["set_aside"].items()}
        return {reason: rows for reason, rows in found.items() if rows}


def join(folder: Path, imported: Import, mode: Mode | None, *, guessed: bool) -> Joined:
    """Join an import to what the workbook in ``folder`` has of that table.

    ``guessed``: nobody said that it belongs to this workbook. Raises ``QuestionError`` where the
    dates do not tell whether the file goes on with the old rows or replaces them.
    """
    table = imported.reader.contract.name
    keys = _KEYS.get(table)
    book = workbooks.read_workbook(folder) if workbooks.is_workbook(folder) else None
    if book is None or table not in book.tables:
        days = _days_of(imported) if keys is None else None
        return Joined("new", imported.reader.connection.table("kept"), days=days)
    _register_before(imported, book.tables[table].file)
    if guessed:
        _refuse_strangers(folder, imported)
    joined = _by_days(imported, mode) if keys is None else _by_keys(imported, keys, mode)
    if joined.mode == "added":
        _refuse_other_money(imported, book.settings.currency)
    return joined


def join_mended(
    folder: Path, mended: Import, earlier: Import, days: Days | None, mode: Mode
) -> Joined:
    """Join a file that was put in before, and comes again with rows that have been mended.

    ``days`` are those of the file before anything was mended: a row mended to another day speaks
    for itself only, and stands beside the old rows of that day.
    """
    table = mended.reader.contract.name
    _register_before(mended, workbooks.read_workbook(folder).tables[table].file)
    if days is None:
        return _by_keys(mended, _KEYS[table], mode)
    connection = mended.reader.connection
    outside = _outside(days)
    before, stayed = _one(connection, f"SELECT count(*), count(*) FILTER ({outside}) FROM before")
    # Rows mended to such a day in an earlier round are among the old ones by now.
    there = earlier.reader.connection.sql(f"SELECT * FROM kept WHERE {outside}").to_arrow_table()
    connection.register("there", there)
    rows = connection.sql(
        f"""SELECT * FROM (SELECT * FROM before WHERE {outside})
            UNION ALL BY NAME SELECT * FROM kept WHERE NOT ({outside})
            UNION ALL BY NAME (SELECT * FROM kept WHERE {outside}
                               EXCEPT ALL SELECT * FROM there)"""
    )
    stayed -= there.num_rows
    return Joined("added" if stayed else "replaced", rows, before, stayed, days=days)


def _register_before(imported: Import, file: Path) -> None:
    connection = imported.reader.connection
    connection.register("before", connection.read_parquet(filing.exactly(file)))


def _days_of(imported: Import) -> Days:
    first, last = _one(
        imported.reader.connection,
        "SELECT min(CAST(date AS DATE)), max(CAST(date AS DATE)) FROM kept",
    )
    return first, last


def _outside(days: Days) -> str:
    return f"CAST(date AS DATE) NOT BETWEEN DATE '{days[0]}' AND DATE '{days[1]}'"


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


def _refuse_other_money(imported: Import, usual: str) -> None:
    """Ask where the amounts of a file are in another currency than those they would join."""
    named = imported.wording.currency
    if usual and named and usual != named:
        say, file = imported.wording.say, imported.file
        raise QuestionError([say("intake.question.currency", file=file, named=named, usual=usual)])


def _other_name(file: str, workbook: str) -> str:
    """A name for a workbook of the file's own, which the other workbook does not have."""
    name = file.split(".")[0].replace("_", " ") or file
    return f"{name} 2" if filing.same_name(name, workbook) else name


def _by_days(imported: Import, mode: Mode | None) -> Joined:
    connection = imported.reader.connection
    old_first, old_last, before = _one(
        connection, "SELECT min(CAST(date AS DATE)), max(CAST(date AS DATE)), count(*) FROM before"
    )
    days = first, last = _days_of(imported)
    if before == 0 or old_first is None:
        return Joined("replaced", connection.table("kept"), before, days=days)
    chosen = mode or _mode_of_days(imported, (old_first, old_last), days)
    outside = _outside(days)
    (stayed,) = _one(connection, f"SELECT count(*) FROM before WHERE {outside}")
    if mode is None:
        _refuse_gaps(imported, (old_first, old_last), before - stayed)
    if chosen == "replaced":
        return Joined("replaced", connection.table("kept"), before, days=days)
    gap = max((first - old_last).days, (old_first - last).days) - 1
    return Joined(
        "added",
        _together(connection, outside),
        before,
        stayed,
        gap if gap > _LONG_GAP_DAYS else 0,
        old_last,
        days,
    )


def _refuse_gaps(imported: Import, old: tuple[date, date], replaced: int) -> None:
    """Ask where far fewer rows come than go: the file may hold some customers or shops only."""
    (instead,) = _one(
        imported.reader.connection,
        f"SELECT count(*) FROM kept WHERE CAST(date AS DATE) BETWEEN DATE '{old[0]}' "
        f"AND DATE '{old[1]}'",
    )
    if replaced - instead > max(_MANY_GONE, (1 - _FEW_INSTEAD) * replaced):
        raise QuestionError(
            [
                imported.wording.say(
                    "intake.question.fewer", file=imported.file, came=instead, replaced=replaced
                )
            ]
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


def earlier_set_aside_name(folder: Path, table: str, last: date | None) -> str:
    """Under which name the rows stay that earlier files had set aside; they are still missing."""
    file = set_aside_file(folder, table)
    until = f"_until_{last.isoformat()}" if last else "_before"
    name, number = f"{file.stem}{until}.xlsx", 1
    while (folder / name).exists():
        number += 1
        name = f"{file.stem}{until}_{number}.xlsx"
    return name
