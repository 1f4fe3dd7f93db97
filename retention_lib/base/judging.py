"""Judging a text table: each column typed, each row kept or set aside with a reason.

How a column is written is decided from the whole of it, before any row is judged; the judging
itself is one statement inside DuckDB, however many rows there are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from retention_lib.base import contract, engine, values
from retention_lib.base.matching import Matching
from retention_lib.base.sources import FILE, ROW, RawTable
from retention_lib.base.values import AmountFormat, DateFormat, quoted
from retention_lib.errors import ChoiceError, QuestionError

DuplicateLines = Literal["keep", "set_aside"]
DecimalMark = Literal[",", "."]
DateOrder = Literal["day_first", "month_first", "year_first"]

# A line of sums that an export ends with; it must not become a customer called "Total".
_TOTALS = r"^(grand |sub|sous[- ])?(total|totaux|somme|sum|gesamt)\b"
# A date this many days after all but a handful of rows is a slip of the keyboard. The clock
# is not asked: the same file must give the same base tomorrow.
_ISOLATED_DAYS = 180
_ISOLATED_SHARE = 0.0005


# Signs that stand for one currency only; a $ or a kr may be any of a dozen.
_CURRENCIES = {"EUR": "€|EUR", "GBP": "£|GBP", "CHF": "CHF", "USD": "USD|US\\$", "CAD": "CAD"}


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


class Reader:
    """One import under way: the text table in DuckDB, and what was decided about it."""

    def __init__(
        self, raw: RawTable, matching: Matching, table: contract.Table, answers: Answers
    ) -> None:
        self.raw, self.matching, self.contract, self.answers = raw, matching, table, answers
        self.source_of: dict[str, str] = dict(matching.accepted)
        self.connection = engine.connect()
        self.connection.register("raw_text", raw.table)
        self.connection.register("rejected", raw.rejected)
        self._decide()

    def _decide(self) -> None:
        """How each column is written, decided from the whole of it; all questions at once."""
        questions: list[str] = []
        self.amounts: dict[str, AmountFormat] = {}
        self.dates: dict[str, DateFormat] = {}
        try:
            self.amounts = values.decide_amount_formats(
                self.connection,
                "raw_text",
                list(dict.fromkeys(self.columns_of("amount", "number"))),
                decimal=self.answers.decimal,
                typed=self.raw.number_columns,
            )
        except QuestionError as error:
            questions += error.questions
        try:
            self.dates = values.decide_date_formats(
                self.connection,
                "raw_text",
                self.columns_of("date"),
                order=self.answers.date_order,
            )
        except QuestionError as error:
            questions += error.questions
        if questions:
            raise QuestionError(questions)

    def columns_of(self, *kinds: str) -> list[str]:
        """The export's columns that hold contract columns of these kinds."""
        columns = [
            self.source_of[column.name]
            for column in self.contract.columns
            if column.kind in kinds and column.name in self.source_of
        ]
        if "amount" in kinds and "unit_price" in self.source_of:
            columns.append(self.source_of["unit_price"])
        return columns

    def judge(self) -> None:
        """Type and judge every row: afterwards ``judged`` holds all, ``kept`` the good ones."""
        self.connection.execute(f"CREATE TABLE judged AS {self._judged_sql()}")
        self._set_aside_isolated_dates()
        if self.answers.duplicates == "set_aside":
            self._set_aside_copies()
        self.connection.execute(
            f"CREATE VIEW kept AS SELECT {self._kept_columns_sql()} FROM judged "
            f"WHERE reason IS NULL ORDER BY {ROW}"
        )

    def _judged_sql(self) -> str:
        typed = [f"{sql} AS {quoted(name)}" for name, sql in self.typed_columns.items()]
        texts = [f"raw_text.{quoted(name)} AS {quoted('text ' + name)}" for name in self.raw.header]
        columns = ", ".join([*self.book_columns(), *typed, *texts])
        reasons = " ".join(
            f"WHEN {test} THEN '{reason}'" for reason, test in self._reasons().items()
        )
        return f"SELECT {columns}, CASE {reasons} END AS reason FROM raw_text"

    def book_columns(self) -> list[str]:
        """Names of the columns that say where a row stood: its number, in a folder its file."""
        return [ROW, FILE] if FILE in self.raw.table.column_names else [ROW]

    @cached_property
    def typed_columns(self) -> dict[str, str]:
        """Contract column to the SQL that reads it, unknown columns as clean texts after them."""
        typed = {
            column.name: self._value_sql(column)
            for column in self.contract.columns
            if column.name in self.source_of
        }
        if "amount" in self.contract.column_names and "amount" not in typed:
            rule = self._quantity_times_price()
            if rule:
                typed["amount"] = rule
        for name in self.matching.unknown:
            free = name if name not in self.contract.column_names else f"{name} (export)"
            typed[free] = values.clean_text_sql(quoted(name))
        return typed

    def _quantity_times_price(self) -> str:
        if not {"quantity", "unit_price"} <= set(self.source_of):
            return ""
        factors = (
            values.amount_sql(quoted(self.source_of[name]), self.amounts[self.source_of[name]])
            for name in ("quantity", "unit_price")
        )
        return f"round({' * '.join(f'({factor})' for factor in factors)}, 4)"

    def _value_sql(self, column: contract.Column) -> str:
        source = self.source_of[column.name]
        text = quoted(source)
        if column.kind == "date":
            return values.date_sql(text, self.dates[source])
        if column.kind in ("amount", "number"):
            return values.amount_sql(text, self.amounts[source])
        if column.kind == "flag":
            return values.flag_sql(text)
        if column.name.endswith("_id"):
            floats = values.ids_are_floats(self.connection, "raw_text", source)
            return values.id_sql(text, floats=floats)
        return values.clean_text_sql(text)

    def _reasons(self) -> dict[str, str]:
        """Reason to the SQL test for it, in the order in which they are looked for."""
        texts = [values.clean_text_sql(quoted(name)) for name in self.raw.header]
        tests = {"empty_line": " AND ".join(f"({text}) IS NULL" for text in texts)}
        tests |= self._totals_test(texts)
        for column in self.contract.columns:
            if column.required:
                tests |= self._required_tests(column)
        for name, unwanted in self.answers.leave_out.items():
            if name not in self.source_of:
                raise ChoiceError("leave_out", name, self.source_of)
            listed = ", ".join("'" + value.replace("'", "''") + "'" for value in unwanted)
            text = values.clean_text_sql(quoted(self.source_of[name]))
            tests["left_out"] = f"({text}) IN ({listed})" + (
                f" OR {tests['left_out']}" if "left_out" in tests else ""
            )
        return tests

    def _totals_test(self, texts: list[str]) -> dict[str, str]:
        """A line with "Total" in a cell and no date is a sum of lines, not a line."""
        if "date" not in self.source_of or "date" not in self.contract.required_names:
            return {}
        source = self.source_of["date"]
        undated = f"({values.date_sql(quoted(source), self.dates[source])}) IS NULL"
        said = " OR ".join(
            f"regexp_matches(coalesce({text}, ''), '{_TOTALS}', 'i')" for text in texts
        )
        return {"totals_line": f"{undated} AND ({said})"}

    def _required_tests(self, column: contract.Column) -> dict[str, str]:
        name = column.name
        if column.kind == "date":
            source = self.source_of[name]
            why = values.date_reason_sql(quoted(source), self.dates[source])
            return {
                reason: f"({why}) = '{reason}'"
                for reason in ("missing_date", "unreadable_date", "impossible_date")
            }
        if column.kind == "amount":
            return self._amount_tests()
        value = self._value_sql(column)
        reason = "missing_customer" if name == "customer_id" else "missing_required"
        tests = {reason: f"({value}) IS NULL"}
        if reason == "missing_required":
            # Two required columns share this reason: a row that lacks either is set aside.
            tests[f"missing_required:{name}"] = tests.pop(reason)
        return tests

    def _amount_tests(self) -> dict[str, str]:
        sources = [self.source_of["amount"]] if "amount" in self.source_of else []
        if not sources:
            sources = [self.source_of["quantity"], self.source_of["unit_price"]]
        whys = [values.amount_reason_sql(quoted(name), self.amounts[name]) for name in sources]
        return {
            reason: " OR ".join(f"coalesce(({why}) = '{reason}', false)" for why in whys)
            for reason in ("missing_amount", "unreadable_amount")
        }

    def _set_aside_isolated_dates(self) -> None:
        """A handful of dates long after all others would make everybody look silent."""
        if "date" not in self.source_of or "date" not in self.contract.required_names:
            return
        self.connection.execute(
            f"""
            UPDATE judged SET reason = 'isolated_date' WHERE reason IS NULL AND date > (
                SELECT min(date) FROM (
                    SELECT date, lead(date) OVER (ORDER BY date) - date AS gap,
                        sum(lines) OVER (ORDER BY date DESC) - lines AS later,
                        sum(lines) OVER () AS lines_in_all
                    FROM (SELECT date, count(*) AS lines FROM judged
                          WHERE reason IS NULL GROUP BY date)
                ) WHERE gap > {_ISOLATED_DAYS}
                    AND later <= greatest(least(3, lines_in_all / 20),
                                          lines_in_all * {_ISOLATED_SHARE})
            )"""
        )

    def _set_aside_copies(self) -> None:
        """Exact copies of an earlier line, every column of the export equal."""
        columns = ", ".join(quoted("text " + name) for name in self.raw.header)
        self.connection.execute(
            f"""
            UPDATE judged SET reason = 'exact_duplicate' WHERE reason IS NULL AND rowid IN (
                SELECT id FROM (
                    SELECT rowid AS id,
                        row_number() OVER (PARTITION BY {columns} ORDER BY rowid) AS nth
                    FROM judged WHERE reason IS NULL
                ) WHERE nth > 1
            )"""
        )

    def _kept_columns_sql(self) -> str:
        return ", ".join(quoted(name) for name in self.typed_columns)

    def currency_found(self) -> str:
        """The currency that the amounts name themselves; empty where none or several do."""
        found: set[str] = set()
        for column in self.columns_of("amount"):
            for code, pattern in _CURRENCIES.items():
                named = self.connection.execute(
                    f"SELECT count(*) FROM raw_text WHERE regexp_matches({quoted(column)}, ?)",
                    [pattern],
                ).fetchall()
                found |= {code} if named[0][0] else set()
        return found.pop() if len(found) == 1 else ""

    def account(self) -> dict[str, tuple[int, float | None]]:
        """Reason (empty: kept) to rows and, where there are amounts, their sum."""
        amount = "sum(amount)" if "amount" in self.typed_columns else "NULL"
        counted = self.connection.execute(
            f"SELECT coalesce(split_part(reason, ':', 1), ''), count(*), {amount} "
            f"FROM judged GROUP BY 1"
        ).fetchall()
        account = {reason: (int(rows), money) for reason, rows, money in counted}
        for reason in self.raw.rejected.column("reason").to_pylist():
            rows, money = account.get(reason, (0, None))
            account[reason] = (rows + 1, money)
        return account
