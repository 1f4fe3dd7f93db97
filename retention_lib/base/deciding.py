"""How the columns of an export are written: decided from the whole of each, never row by row.

A folder may hold files of two programs. Files that are written alike (same kind, same
separator) decide together; others decide for themselves, so that one file's decimal comma is
never read into another's.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from retention_lib.base import values
from retention_lib.base.sources import FILE, RawTable, Reading
from retention_lib.base.values import AmountFormat, DateFormat, quoted
from retention_lib.errors import DataWarning, QuestionError

if TYPE_CHECKING:
    import duckdb

DuplicateLines = Literal["keep", "set_aside"]
DecimalMark = Literal[",", "."]
DateOrder = Literal["day_first", "month_first", "year_first"]


@dataclass(frozen=True)
class Answers:
    """What a person said about a file; kept in ``workbook.toml`` for next month's export."""

    encoding: str | None = None
    separator: str | None = None
    decimal: DecimalMark | None = None
    date_order: DateOrder | None = None
    sheet: str | None = None
    header_row: int | None = None
    duplicates: DuplicateLines = "keep"
    leave_out: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def given(self) -> dict[str, Any]:
        """Only what was answered, for ``workbook.toml``."""
        blank = Answers()
        return {name: value for name, value in vars(self).items() if value != getattr(blank, name)}


@dataclass(frozen=True)
class Formats:
    """How the columns of some files are written; ``files`` is empty for all there are."""

    amounts: Mapping[str, AmountFormat]
    dates: Mapping[str, DateFormat]
    files: tuple[str, ...] = ()

    def condition(self) -> str:
        """The SQL test for a row of these files."""
        listed = ", ".join("'" + name.replace("'", "''") + "'" for name in self.files)
        return f"{quoted(FILE)} IN ({listed})" if self.files else "true"


@dataclass(frozen=True)
class Decisions:
    """How an export is written, one :class:`Formats` a way of writing."""

    groups: tuple[Formats, ...]

    def sql(self, reading: Callable[[Formats], str]) -> str:
        """The SQL of a value, read the way of the file its row came from."""
        if len(self.groups) == 1:
            return reading(self.groups[0])
        cases = " ".join(f"WHEN {g.condition()} THEN ({reading(g)})" for g in self.groups)
        return f"CASE {cases} END"

    def assumed(self) -> list[DateFormat]:
        """The date columns whose order nothing could decide."""
        return [day for group in self.groups for day in group.dates.values() if day.assumed]

    def remembered(self, source_of: Mapping[str, str]) -> dict[str, dict[str, str]]:
        """What next month's export may rely on, by contract column; an assumption is none."""
        if len(self.groups) > 1:
            return {}
        group = self.groups[0]
        decimals = {n: group.amounts[s].decimal for n, s in source_of.items() if s in group.amounts}
        orders = {
            name: group.dates[source].order
            for name, source in source_of.items()
            if source in group.dates and not group.dates[source].assumed
        }
        return {
            "decimal": dict(decimals),
            "date_order": {name: order for name, order in orders.items() if order},
        }


def decide(
    connection: duckdb.DuckDBPyConnection,
    raw: RawTable,
    columns: Mapping[str, Sequence[str]],
    answers: Answers,
    remembered: Mapping[str, Mapping[str, str]],
) -> Decisions:
    """Decide how the columns ``amounts`` and ``dates`` of an export are written.

    ``remembered`` (export column to decimal mark or date order) is what the last import proved;
    it is believed only where this file cannot decide. All questions are raised at once.
    """
    groups, questions = [], []
    for number, files in enumerate(_written_alike(raw.reading)):
        relation = "raw_text"
        if files:
            relation = f"raw_text_{number}"
            condition = Formats({}, {}, files).condition()
            own = f"SELECT * FROM raw_text WHERE {condition}"
            connection.execute(f"CREATE OR REPLACE TEMP VIEW {relation} AS {own}")
        try:
            groups.append(_decide_alike(connection, relation, raw, columns, answers, remembered))
            groups[-1] = replace(groups[-1], files=files)
        except QuestionError as error:
            named = f"{', '.join(files)}: " if files else ""
            questions += [named + question for question in error.questions]
    if questions:
        raise QuestionError(questions)
    decided = Decisions(tuple(groups))
    for day in decided.assumed():
        warnings.warn(
            f"{day.evidence}; to change it, {day.how_to_change}", DataWarning, stacklevel=6
        )
    return decided


def _written_alike(reading: Reading) -> list[tuple[str, ...]]:
    """The files of a folder, those of one kind and separator together; ``[()]`` for one way."""
    ways: dict[tuple[str, str | None], list[str]] = {}
    for part in reading.parts:
        ways.setdefault((part.kind, part.separator), []).append(part.source)
    return [tuple(files) for files in ways.values()] if len(ways) > 1 else [()]


def _decide_alike(
    connection: duckdb.DuckDBPyConnection,
    relation: str,
    raw: RawTable,
    columns: Mapping[str, Sequence[str]],
    answers: Answers,
    remembered: Mapping[str, Mapping[str, str]],
) -> Formats:
    questions: list[str] = []
    amounts: Mapping[str, AmountFormat] = {}
    dates: Mapping[str, DateFormat] = {}
    try:
        amounts = _amounts(connection, relation, raw, columns["amounts"], answers, remembered)
    except QuestionError as error:
        questions += error.questions
    try:
        dates = _dates(connection, relation, columns["dates"], answers, remembered)
    except QuestionError as error:
        questions += error.questions
    if questions:
        raise QuestionError(questions)
    return Formats(amounts, dates)


def _amounts(
    connection: duckdb.DuckDBPyConnection,
    relation: str,
    raw: RawTable,
    columns: Sequence[str],
    answers: Answers,
    remembered: Mapping[str, Mapping[str, str]],
) -> Mapping[str, AmountFormat]:
    def decided(decimal: Any) -> Mapping[str, AmountFormat]:
        return values.decide_amount_formats(
            connection, relation, columns, decimal=decimal, typed=raw.number_columns
        )

    try:
        return decided(answers.decimal)
    except QuestionError:
        last = {c: mark for c, mark in remembered.get("decimal", {}).items() if c in columns}
        if answers.decimal or not last:
            raise
        believed = decided(last)
        # What last month proved is believed only where every value of this month fits it.
        if any(found.unreadable for found in believed.values()):
            raise
        return {
            name: replace(found, evidence="as in the last import") if name in last else found
            for name, found in believed.items()
        }


def _dates(
    connection: duckdb.DuckDBPyConnection,
    relation: str,
    columns: Sequence[str],
    answers: Answers,
    remembered: Mapping[str, Mapping[str, str]],
) -> Mapping[str, DateFormat]:
    found = values.decide_date_formats(connection, relation, columns, order=answers.date_order)
    last: dict[str, Any] = {
        name: order
        for name, order in remembered.get("date_order", {}).items()
        if name in found and found[name].assumed
    }
    if not last:
        return found
    believed = values.decide_date_formats(connection, relation, columns, order=last)
    return {
        name: replace(believed[name], evidence="as in the last import") if name in last else day
        for name, day in found.items()
    }
