"""Judging a text table: each column typed, each row kept or set aside with a reason.

The judging is one statement inside DuckDB, however many rows there are. Inside it columns have
names of their own (``k0``, ``x0``), because an export may call its columns anything: Reason,
Day, rowid.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property

from retention_lib.base import contract, engine, values
from retention_lib.base.deciding import Answers, decide
from retention_lib.base.matching import UNIT_PRICE, Matching
from retention_lib.base.sources import FILE, NUMBER_MARK, ROW, RawTable
from retention_lib.base.values import quoted
from retention_lib.errors import ChoiceError, QuestionError

# A line of sums that an export ends with; it must not become a customer called "Total".
_TOTALS = r"^(grand |sub|sous[- ])?(total|totaux|somme|sum|gesamt)\b"
# A date this many days after all but a handful of rows is a slip of the keyboard. The clock
# is not asked: the same file must give the same base tomorrow.
_ISOLATED_DAYS = 180
_ISOLATED_SHARE = 0.0005

# Signs that stand for one currency only; a kr may be any of three.
_CURRENCIES = {
    "EUR": "€|EUR",
    "GBP": "£|GBP",
    "CHF": "CHF",
    "USD": "USD|US\\$",
    "CAD": "CAD|CA\\$",
    "$": r"(^|[^A-Z])\$",
}
_SIGNS = {"€": "EUR", "EURO": "EUR", "EUROS": "EUR", "£": "GBP", "$": "USD"}
CURRENCY = "currency"
"""What ``leave_out`` calls the currency that a row names, whichever way it does."""

_CURRENCY_HEADINGS = r"^(code )?(devise|currency|monnaie)( code)?$"

# Kinds of document that are no sale, or one taken back.
_NO_SALES = (
    r"\b(avoirs?|annul\w*|devis|pro ?forma|brouillon|"
    r"credit|cancel\w*|quotes?|draft|refund\w*|void\w*)\b"
)

REASON = "__reason__"
"""Column of ``judged`` with the code of the reason; NULL for the rows kept."""


_MANY_COLUMNS = 40
# No heading has a line break: the name is free whatever the export calls its columns.
_CELLS = quoted("\ncells")


class Reader:
    """One import under way: the text table in DuckDB, and what was decided about it.

    After :meth:`judge` the connection holds ``judged`` (every row: its number, the typed columns
    ``k0 …`` in the order of ``typed_columns``, the texts ``x0 …`` in the order of the headings,
    the reason) and ``kept`` (the good rows under their real names).
    """

    def __init__(
        self,
        raw: RawTable,
        matching: Matching,
        table: contract.Table,
        answers: Answers,
        remembered: Mapping[str, Mapping[str, str]] | None = None,
    ) -> None:
        self.raw, self.matching, self.contract, self.answers = raw, matching, table, answers
        self.source_of: dict[str, str] = dict(matching.accepted)
        self.connection = engine.connect()
        self.connection.register("raw_text", raw.table)
        self.connection.register("rejected", raw.rejected)
        last = {
            what: {self.source_of[n]: told for n, told in by_name.items() if n in self.source_of}
            for what, by_name in (remembered or {}).items()
        }
        columns = {
            "amounts": list(dict.fromkeys(self.columns_of("amount", "number"))),
            "dates": self.columns_of("date"),
        }
        self.decisions = decide(self.connection, raw, columns, answers, last)

    def columns_of(self, *kinds: str) -> list[str]:
        """The export's columns that hold contract columns of these kinds."""
        columns = [
            self.source_of[column.name]
            for column in self.contract.columns
            if column.kind in kinds and column.name in self.source_of
        ]
        if "amount" in kinds and UNIT_PRICE in self.source_of:
            columns.append(self.source_of[UNIT_PRICE])
        return columns

    def judge(self) -> None:
        """Type and judge every row."""
        self.connection.execute(f"CREATE TEMP TABLE judged AS {self._judged_sql()}")
        if self.contract.name == "transactions":
            self._set_aside_sums()
            self._set_aside_isolated_dates()
        if self.answers.duplicates == "set_aside":
            self._set_aside_copies()
        named = ", ".join(f"{self.typed(n)} AS {quoted(n)}" for n in self.typed_columns)
        self.connection.execute(
            f"CREATE TEMP VIEW kept AS SELECT {named} FROM judged "
            f"WHERE {REASON} IS NULL ORDER BY {', '.join(self.book_columns())}"
        )

    def typed(self, name: str) -> str:
        """The name that a typed column has inside ``judged``."""
        return self._typed_names[name]

    def text(self, heading: str) -> str:
        """The name that an export's column has inside ``judged``, as it stood."""
        return self._text_names[heading]

    @cached_property
    def _typed_names(self) -> dict[str, str]:
        return {name: f"k{number}" for number, name in enumerate(self.typed_columns)}

    @cached_property
    def _text_names(self) -> dict[str, str]:
        return {name: f"x{number}" for number, name in enumerate(self.raw.header)}

    def book_columns(self) -> list[str]:
        """Names of the columns that say where a row stood: in a folder its file, its number."""
        return [FILE, ROW] if FILE in self.raw.table.column_names else [ROW]

    def _judged_sql(self) -> str:
        read = [f"{sql} AS {self._value(name)}" for name, sql in self.typed_columns.items()]
        typed = [f"{self._value(name)} AS {self.typed(name)}" for name in self.typed_columns]
        texts = [f"{quoted(name)} AS {self.text(name)}" for name in self.raw.header]
        reasons = " ".join(f"WHEN {test} THEN {reason}" for test, reason in self._reasons())
        columns = ", ".join([*self.book_columns(), *typed, *texts])
        # The texts are cleaned first and once, then the values read; only where one is missing is
        # it asked why.
        cleaned = f"SELECT *, {self._cleaned_sql()} FROM raw_text"
        values_read = f"SELECT *, {', '.join(read)} FROM ({cleaned})"
        return f"SELECT {columns}, CASE {reasons} END AS {REASON} FROM ({values_read})"

    def _cleaned_sql(self) -> str:
        """The clean texts of a row, each by itself, or as one list where they are many."""
        if self._is_wide:
            cells = ", ".join(map(quoted, self.raw.header))
            clean = values.clean_text_sql("__z")
            return f"list_transform([{cells}], lambda __z: {clean}) AS {_CELLS}"
        return ", ".join(
            f"{values.clean_text_sql(quoted(name))} AS {self._clean(name)}"
            for name in self.raw.header
        )

    def _clean(self, heading: str) -> str:
        """The clean text of an export's column while its values are read."""
        if self._is_wide:
            return f"{_CELLS}[{self._places[heading]}]"
        return quoted(f"\n{self.text(heading)}")

    @cached_property
    def _places(self) -> dict[str, int]:
        return {name: number for number, name in enumerate(self.raw.header, 1)}

    def _value(self, name: str) -> str:
        """The name of a typed column while the reasons are looked for."""
        return quoted(f"\n{self.typed(name)}")

    def _without(self, name: str, test: str) -> str:
        """A test that is made only where a typed column has no value."""
        return f"CASE WHEN {self._value(name)} IS NULL THEN coalesce({test}, false) ELSE false END"

    @property
    def _is_wide(self) -> bool:
        """Whether the cells of a row are cleaned as one list.

        The engine thinks for milliseconds about the expression of each column, which of a
        thousand columns makes minutes; a list of them has one.
        """
        return len(self.raw.header) > _MANY_COLUMNS

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
        taken = {other.lower() for other in (*typed, *self.contract.column_names)}
        for name in self.matching.unknown:
            free = _free_name(name, taken)
            taken.add(free.lower())
            typed[free] = self._clean(name)
        return typed

    def _quantity_times_price(self) -> str:
        if not {"quantity", UNIT_PRICE} <= set(self.source_of):
            return ""
        factors = (self._amount_sql(self.source_of[name]) for name in ("quantity", UNIT_PRICE))
        return f"round({' * '.join(f'({factor})' for factor in factors)}, 4)"

    def _amount_sql(self, source: str) -> str:
        clean = self._clean(source)
        return self.decisions.sql(
            lambda f: values.amount_sql(quoted(source), f.amounts[source], clean)
        )

    def _date_sql(self, source: str) -> str:
        clean = self._clean(source)
        return self.decisions.sql(lambda f: values.date_sql(quoted(source), f.dates[source], clean))

    def _value_sql(self, column: contract.Column) -> str:
        source = self.source_of[column.name]
        text, clean = quoted(source), self._clean(source)
        if column.kind == "date":
            return self._date_sql(source)
        if column.kind in ("amount", "number"):
            return self._amount_sql(source)
        if column.kind == "flag":
            return values.flag_sql(text, clean)
        if column.name.endswith("_id"):
            floats = values.ids_are_floats(self.connection, "raw_text", source)
            return values.id_sql(text, clean, floats=floats)
        return clean

    def _reasons(self) -> list[tuple[str, str]]:
        """Tests and the SQL of the reason, in the order in which they are looked for."""
        some = next(iter(self.typed_columns))
        tests = [
            (self._without(some, f"{self._filled_sql()} = 0"), "'empty_line'"),
            *self._totals_test(),
        ]
        tests += [
            self._required_test(column) for column in self.contract.columns if column.required
        ]
        left_out = [self._left_out_test(*item) for item in self.answers.leave_out.items()]
        return [*tests, (" OR ".join(left_out), "'left_out'")] if left_out else tests

    def _left_out_test(self, name: str, unwanted: object) -> str:
        """The test for rows to leave out by a contract column or a heading of the export."""
        if isinstance(unwanted, str) or not isinstance(unwanted, list | tuple | set | frozenset):
            unwanted = [unwanted]  # one value is a list of one, not of its letters
        source = self.source_of.get(name, name)
        if source not in self.raw.header and name == CURRENCY:
            return self._in_currencies([str(code) for code in unwanted])
        if source not in self.raw.header:
            raise ChoiceError("leave_out", name, [*self.source_of, *self.matching.unknown])
        listed = ", ".join("'" + str(value).replace("'", "''") + "'" for value in unwanted)
        return f"coalesce({self._clean(source)} IN ({listed}), false)"

    def _in_currencies(self, codes: Sequence[str]) -> str:
        """The test for rows that name one of these currencies, by a sign or in a column."""
        tests = []
        for code in codes:
            sign = _CURRENCIES.get(code, code).replace("'", "''")
            tests += [
                f"regexp_matches({quoted(column)}, '{sign}')"
                for column in self.columns_of("amount")
            ]
            names = [name for name in (code, *_SIGNS) if _code(name) == code]
            listed = ", ".join("'" + name.replace("'", "''") + "'" for name in names)
            tests += [
                f"upper(trim({quoted(heading)})) IN ({listed})"
                for heading in self._currency_headings()
            ]
        return f"coalesce({' OR '.join(tests) or 'false'}, false)"

    def _totals_test(self) -> list[tuple[str, str]]:
        """A line with "Total" in a cell that is no row: without a date, or with little else."""
        totals = self._cells_sql(lambda c: f"regexp_matches(coalesce({c}, ''), '{_TOTALS}', 'i')")
        said = f"{totals} > 0"
        if "date" in self.source_of and "date" in self.contract.required_names:
            return [(self._without("date", said), "'totals_line'")]
        if len(self.raw.header) < 3:
            return []
        return [(f"({said}) AND {self._filled_sql()} <= 2", "'totals_line'")]

    def _filled_sql(self) -> str:
        return self._cells_sql(lambda clean: f"({clean}) IS NOT NULL")

    def _cells_sql(self, test: Callable[[str], str]) -> str:
        """How many cells of a row pass a test of their clean text."""
        if self._is_wide:
            return f"len(list_filter({_CELLS}, lambda __z: {test('__z')}))"
        texts = map(self._clean, self.raw.header)
        return "(" + " + ".join(f"CAST(({test(t)}) AS INTEGER)" for t in texts) + ")"

    def _required_test(self, column: contract.Column) -> tuple[str, str]:
        """Whether a value that has to be there is missing, and why it is."""
        name = column.name
        # Two required columns share this reason: a row that lacks either is set aside.
        why = "'missing_customer'" if name == "customer_id" else f"'missing_required:{name}'"
        if column.kind == "date":
            why = self._why_no_date(self.source_of[name])
        elif column.kind == "amount":
            names = ("amount",) if "amount" in self.source_of else ("quantity", UNIT_PRICE)
            # Of a price and a quantity the one that is missing is told before the unreadable one.
            why = f"least({', '.join(self._why_no_amount(self.source_of[name]) for name in names)})"
        return f"{self._value(name)} IS NULL", why

    def _why_no_date(self, source: str) -> str:
        text, clean = quoted(source), self._clean(source)
        return self.decisions.sql(lambda f: values.date_reason_sql(text, f.dates[source], clean))

    def _why_no_amount(self, source: str) -> str:
        text, clean = quoted(source), self._clean(source)
        return self.decisions.sql(
            lambda f: values.amount_reason_sql(text, f.amounts[source], clean)
        )

    def _set_aside_sums(self) -> None:
        """A dated "Total" line whose amount is the sum of lines above it is no sale.

        Total Énergies, a customer, has other amounts than the sum of everybody else's. A sum may
        count sums before it as nothing, so this is repeated until no further one is found.
        """
        said = f"{REASON} IS NULL AND regexp_matches({self.typed('customer_id')}, '{_TOTALS}', 'i')"
        left, before = self._count(said), -1
        while left and left != before:
            self.connection.execute(self._sums_sql())
            left, before = self._count(said), left

    def _count(self, test: str) -> int:
        rows = self.connection.execute(f"SELECT count(*) FROM judged WHERE {test}").fetchall()
        return int(rows[0][0])

    def _sums_sql(self) -> str:
        """Compare each line that says total with all above it, and with those since the last."""
        customer, amount = self.typed("customer_id"), self.typed("amount")
        order = ", ".join(self.book_columns())
        above = f"OVER (ORDER BY {order} ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)"
        return f"""
            UPDATE judged SET {REASON} = 'totals_line' WHERE {REASON} IS NULL AND rowid IN (
                WITH lines AS (
                    SELECT rowid AS id, {order}, {amount} AS amount, {REASON} IS NULL AS sale,
                        CASE WHEN {REASON} IS NULL THEN {amount} ELSE 0 END AS sold,
                        regexp_matches({customer}, '{_TOTALS}', 'i') AS said
                    FROM judged WHERE {REASON} IS NULL OR {REASON} = 'totals_line'
                ), summed AS (
                    SELECT *, coalesce(sum(sold) {above}, 0) AS so_far FROM lines
                ), compared AS (
                    SELECT *, so_far - coalesce(last_value(
                        CASE WHEN said THEN so_far + sold END IGNORE NULLS) {above}, 0) AS since
                    FROM summed
                )
                SELECT id FROM compared WHERE said AND sale AND amount <> 0
                    AND (abs(amount - so_far) < 0.005 OR abs(amount - since) < 0.005)
            )"""

    def _set_aside_isolated_dates(self) -> None:
        """A handful of dates long after all others would make everybody look silent."""
        day = self.typed("date")
        self.connection.execute(
            f"""
            UPDATE judged SET {REASON} = 'isolated_date' WHERE {REASON} IS NULL AND {day} > (
                SELECT min(day) FROM (
                    SELECT day, lead(day) OVER (ORDER BY day) - day AS gap,
                        sum(lines) OVER (ORDER BY day DESC) - lines AS later,
                        sum(lines) OVER () AS lines_in_all
                    FROM (SELECT {day} AS day, count(*) AS lines FROM judged
                          WHERE {REASON} IS NULL GROUP BY 1)
                ) WHERE gap > {_ISOLATED_DAYS}
                    AND later <= greatest(least(3, lines_in_all / 20),
                                          lines_in_all * {_ISOLATED_SHARE})
            )"""
        )

    def _set_aside_copies(self) -> None:
        """Exact copies of an earlier line, every column of the export equal."""
        columns = ", ".join(f"rtrim({self.text(n)}, '{NUMBER_MARK}')" for n in self.raw.header)
        self.connection.execute(
            f"""
            UPDATE judged SET {REASON} = 'exact_duplicate' WHERE {REASON} IS NULL AND rowid IN (
                SELECT id FROM (
                    SELECT rowid AS id,
                        row_number() OVER (PARTITION BY {columns} ORDER BY rowid) AS nth
                    FROM judged WHERE {REASON} IS NULL
                ) WHERE nth > 1
            )"""
        )

    def currency(self, told: str | None, usual: str = "", known: Sequence[str] = ()) -> str:
        """The currency told, else the one that the rows name themselves; empty for none.

        ``usual`` is that of the workbook whose last import is repeated, ``known`` those that its
        files have named so far. Raises ``QuestionError`` where the rows kept name several, or
        one unheard of there, and nobody has told which.
        """
        if told:
            return told
        named = self.currencies()
        # A dollar may be any of a dozen, the usual one as well.
        strange = named - {usual, "$", *known} if usual else set()
        several = named | {usual} if strange else named
        if strange or (len(named) > 1 and not usual):
            others = sorted(several - {usual or min(several)})
            raise QuestionError(
                [
                    f"The amounts are in several currencies ({', '.join(sorted(several))}), and a "
                    f"sum over them means nothing. Leave the others out with "
                    f"leave_out={{'currency': {others}}}, or, "
                    f'where they were converted already, say so with currency="EUR".'
                ]
            )
        if usual:
            return usual
        found = named.pop() if named else ""
        # A dollar may be any of a dozen: shown without a sign until somebody says which.
        return "" if found == "$" else found

    def currencies(self) -> set[str]:
        """The currencies that the rows kept name, by a sign or in a column of their own."""
        return self._currencies_in_amounts() | self._currencies_in_columns()

    def _currencies_in_amounts(self) -> set[str]:
        found = set()
        for column in self.columns_of("amount"):
            named = self.text(column)
            tests = (f"bool_or(regexp_matches({named}, ?))" for _ in _CURRENCIES)
            (met,) = self.connection.execute(
                f"SELECT {', '.join(tests)} FROM judged "
                f"WHERE {REASON} IS NULL AND regexp_matches({named}, '[A-Z€£$]')",
                list(_CURRENCIES.values()),
            ).fetchall()
            found |= {code for code, is_there in zip(_CURRENCIES, met, strict=True) if is_there}
        return found - {"$"} if found & {"USD", "CAD"} else found

    def _currencies_in_columns(self) -> set[str]:
        found: set[str] = set()
        for heading in self._currency_headings():
            rows = self.connection.execute(
                f"SELECT DISTINCT upper(trim({self.text(heading)})) FROM judged "
                f"WHERE {REASON} IS NULL AND trim({self.text(heading)}) <> '' LIMIT 20"
            ).fetchall()
            found |= {_code(str(name)) for (name,) in rows}
        return found

    def _currency_headings(self) -> list[str]:
        named = re.compile(_CURRENCY_HEADINGS, re.IGNORECASE)
        return [heading for heading in self.matching.unknown if named.search(heading.strip())]

    @cached_property
    def unread(self) -> dict[str, tuple[int, str]]:
        """Optional columns with values that could not be read: how many rows, an example.

        The rows are kept, the values empty: that has to be said, because an unread closing date
        makes a closed customer look open.
        """
        optional = [
            column.name
            for column in self.contract.columns
            if not column.required and column.kind != "text" and column.name in self.source_of
        ]
        found = {}
        for name in optional:
            text = self.text(self.source_of[name])
            said = values.clean_text_sql(text)
            rows, example = self.connection.execute(
                f"SELECT count(*), min({said}) FROM judged WHERE {REASON} IS NULL "
                f"AND ({said}) IS NOT NULL AND {self.typed(name)} IS NULL"
            ).fetchall()[0]
            if rows:
                found[name] = (int(rows), str(example))
        return found

    def suspicious_documents(self) -> dict[str, list[str]]:
        """Headings that say what kind of document a line is, and the kinds that are no sales."""
        found = {}
        for heading in self.matching.document_columns:
            rows = self.connection.execute(
                f"SELECT trim({self.text(heading)}) AS kind, count(*) AS rows FROM judged "
                f"WHERE {REASON} IS NULL AND regexp_matches(kind, ?, 'i') "
                f"GROUP BY kind ORDER BY rows DESC, kind",
                [_NO_SALES],
            ).fetchall()
            if rows:
                found[heading] = [f"{kind} ({count:,})" for kind, count in rows[:5]]
        return found

    def account(self) -> dict[str, tuple[int, float | None]]:
        """Reason (empty: kept) to rows and, where there are amounts, their sum."""
        amount = f"sum({self.typed('amount')})" if "amount" in self.typed_columns else "NULL"
        counted = self.connection.execute(
            f"SELECT coalesce(split_part({REASON}, ':', 1), ''), count(*), {amount} "
            f"FROM judged GROUP BY 1"
        ).fetchall()
        account = {reason: (int(rows), money) for reason, rows, money in counted}
        for reason in self.raw.rejected.column("reason").to_pylist():
            rows, money = account.get(reason, (0, None))
            account[reason] = (rows + 1, money)
        return account


def _code(name: str) -> str:
    return _SIGNS.get(name, name)


def _free_name(name: str, taken: set[str]) -> str:
    """A name for an unknown column that no other column has, whatever the case."""
    free, number = name, 1
    while free.lower() in taken:
        number += 1
        free = f"{name} (export)" if number == 2 else f"{name} (export {number})"
    return free
