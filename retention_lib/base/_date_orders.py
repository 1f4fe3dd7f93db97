"""In which order a column writes day, month and year, from the whole column.

A first number above 12 proves that the day comes first, a second above 12 that the month does.
Where no number is above 12 the rows themselves may tell (only one order sorts them), or the
other date columns of the file; else the order is assumed, and said to be.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Literal

from retention_lib.base._dates import ORDERS, DateFormat, DateOrder, canonical_sql, day_sql
from retention_lib.base._raw import FILE, ROW, example
from retention_lib.base._sql import clean_text_sql, quoted
from retention_lib.errors import ChoiceError, QuestionError

if TYPE_CHECKING:
    import duckdb

STRAY_SHARE = 0.005
"""Below this share of the dates, those that contradict the others are errors, not evidence."""
_STRAY_RATIO = 0.05
_ENOUGH_DAYS = 10
_ENOUGH_MIXED = 5
_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
_NAMES: Mapping[DateOrder, str] = {
    "day_first": "the day comes first",
    "month_first": "the month comes first",
    "year_first": "the year comes first",
}


@dataclass(frozen=True)
class _Column:
    """What the dates of a column are, counted in rows; examples as they stand."""

    name: str
    values: int
    unreadable: int
    plain: int
    plain_impossible: int
    plain_late_days: int
    serials: int
    numeric: int
    some_day: int
    day_first: int
    month_first: int
    year_first: int
    day_only: int
    month_only: int
    day_first_years: int
    month_first_years: int
    year_first_years: int
    unreadable_examples: list[str]
    day_only_examples: list[str]
    month_only_examples: list[str]
    either_example: dict[str, Any] | None
    impossible_examples: list[str]
    plain_examples: list[str]

    def valid(self, order: DateOrder) -> int:
        """Rows of three numbers that are a day in that order."""
        return {
            "day_first": self.day_first,
            "month_first": self.month_first,
            "year_first": self.year_first,
        }[order]

    def read_with(
        self, order: DateOrder | None, evidence: str, epoch: Literal[1900, 1904], *, assumed: bool
    ) -> DateFormat:
        """The format of the column in that order."""
        impossible = self.plain_impossible + self.numeric - (self.valid(order) if order else 0)
        shown = [*self.unreadable_examples, *self.impossible_examples]
        if order == "day_first":
            shown += self.month_only_examples
        elif order == "month_first":
            shown += self.day_only_examples
        change = ""
        if order is not None:
            other = "month_first" if order == "day_first" else "day_first"
            change = f'pass date_order="{other}"'
        return DateFormat(
            order=order,
            assumed=assumed,
            evidence=evidence,
            how_to_change=change,
            serials=self.serials > 0,
            excel_epoch=epoch,
            values=self.values,
            unreadable=self.unreadable,
            impossible=impossible,
            examples=tuple(example(value, 30) for value in shown[:3]),
        )


def decide_date_formats(
    connection: duckdb.DuckDBPyConnection,
    relation_name: str,
    columns: Sequence[str],
    *,
    order: DateOrder | Mapping[str, DateOrder] | None = None,
    default_order: DateOrder = "day_first",
    excel_epoch: Literal[1900, 1904] = 1900,
) -> dict[str, DateFormat]:
    """Decide how each date column of one file is written: column to format.

    A column that cannot decide its order takes that of its neighbours where they agree.
    ``order`` tells it, for all columns or some (argument ``date_order`` of the import);
    ``default_order`` is assumed, and said to be, where nothing decides. Where the relation has
    ``__row__``, rows that only one order sorts by date decide too. Fewer than 0.5 % of the
    dates may contradict the others; they are impossible dates then.

    Raises
    ------
    QuestionError
        With one question for each column that contradicts itself, or whose two-digit years
        may come first or last.

    Examples
    --------
    >>> import duckdb
    >>> con = duckdb.connect()
    >>> _ = con.execute("CREATE TABLE t AS SELECT * FROM (VALUES ('03/02/2024')) v(le)")
    >>> found = decide_date_formats(con, "t", ["le"])["le"]
    >>> found.order, found.assumed, found.how_to_change
    ('day_first', True, 'pass date_order="month_first"')
    >>> print(found.evidence)
    no day is above 12, so “03/02/2024” can be 3 February 2024 or 2 March 2024; it was
    assumed that the day comes first
    """
    told = _told(order, columns)
    if default_order not in ORDERS:
        raise ChoiceError("default_order", default_order, ORDERS)
    if excel_epoch not in (1900, 1904):
        raise ChoiceError("excel_epoch", excel_epoch, (1900, 1904))
    seen = {c: _look(connection, relation_name, c, excel_epoch) for c in columns}
    decided: dict[str, tuple[DateOrder | None, str]] = {}
    questions: list[str] = []
    for name, column in seen.items():
        if name in told:
            decided[name] = (told[name], f"told with date_order={told[name]!r}")
        elif question := _question(column):
            questions.append(question)
        elif found := _proof(column) or _chronology(connection, relation_name, column):
            decided[name] = found
    if questions:
        raise QuestionError(questions)
    orders = {known for known, _ in decided.values() if known}
    if len(orders) == 1:
        (only,) = orders
        neighbour = next(name for name, (known, _) in decided.items() if known)
        why = f"no day is above 12; {_NAMES[only]}, as in {neighbour}"
        decided = {**dict.fromkeys(seen, (only, why)), **decided}
    return {
        name: column.read_with(*decided[name], excel_epoch, assumed=False)
        if name in decided
        else _assumed(column, default_order, excel_epoch)
        for name, column in seen.items()
    }


def _assumed(column: _Column, default_order: DateOrder, epoch: Literal[1900, 1904]) -> DateFormat:
    order: DateOrder = "month_first" if default_order == "month_first" else "day_first"
    return column.read_with(order, _assumption(column, order), epoch, assumed=True)


def decide_date_format(
    connection: duckdb.DuckDBPyConnection,
    relation_name: str,
    column: str,
    *,
    order: DateOrder | None = None,
    default_order: DateOrder = "day_first",
    excel_epoch: Literal[1900, 1904] = 1900,
) -> DateFormat:
    """:func:`decide_date_formats` for one column."""
    return decide_date_formats(
        connection,
        relation_name,
        [column],
        order=order,
        default_order=default_order,
        excel_epoch=excel_epoch,
    )[column]


def _told(
    order: DateOrder | Mapping[str, DateOrder] | None, columns: Sequence[str]
) -> dict[str, DateOrder]:
    if order is None:
        return {}
    told = dict(order) if isinstance(order, Mapping) else dict.fromkeys(columns, order)
    for each in told.values():
        if each not in ORDERS:
            raise ChoiceError("date_order", each, ORDERS)
    return {name: each for name, each in told.items() if name in columns}


# -- looking ----------------------------------------------------------------------------------


def _look(
    connection: duckdb.DuckDBPyConnection, relation_name: str, column: str, epoch: int
) -> _Column:
    def rows(condition: str) -> str:
        return f"coalesce(sum(n) FILTER ({condition}), 0)::BIGINT"

    def years(day: str) -> str:
        # From the first to the last but for one in a hundred, which may be a slip.
        first, last = (
            f"quantile_disc(year({day}), {share}) FILTER (two_digits)" for share in (0.01, 0.99)
        )
        return f"coalesce({last} - {first} + 1, 0)::BIGINT"

    def examples(condition: str) -> str:
        return f"coalesce(min(v, 3) FILTER ({condition}), [])"

    day_only = "ok AND month_first IS NULL AND day_first IS NOT NULL"
    month_only = "ok AND day_first IS NULL AND month_first IS NOT NULL"
    wanted = {
        "values": rows("true"),
        "unreadable": rows("kind = ''"),
        "plain": rows("kind = 'y'"),
        "plain_impossible": rows("kind IN ('y', 's') AND plain IS NULL"),
        "plain_late_days": rows("kind = 'y' AND day(plain) > 12"),
        "serials": rows("kind = 's'"),
        "numeric": rows("kind = 'n'"),
        "some_day": rows("ok"),
        "day_only": rows(day_only),
        "month_only": rows(month_only),
        **{order: rows(f"ok AND {order} IS NOT NULL") for order in ORDERS},
        **{f"{order}_years": years(order) for order in ORDERS},
        "unreadable_examples": examples("kind = ''"),
        "day_only_examples": examples(day_only),
        "month_only_examples": examples(month_only),
        "either_example": (
            "min(struct_pack(v, day_first, month_first, year_first)) "
            "FILTER (ok AND day_first != month_first)"
        ),
        "impossible_examples": examples("kind != '' AND NOT ok AND plain IS NULL"),
        "plain_examples": examples("kind = 'y' AND plain IS NOT NULL"),
    }
    found = connection.execute(
        f"""
        WITH found AS (
            SELECT {clean_text_sql(quoted(column))} AS v, count(*) AS n
            FROM {quoted(relation_name)} GROUP BY ALL
        ), canonical AS (
            SELECT v, n, {canonical_sql("v", clean="v")} AS c FROM found WHERE v IS NOT NULL
        ), days AS (
            SELECT v, n, c, coalesce(left(c, 1), '') AS kind, {day_sql("c", None, epoch)} AS plain,
                {", ".join(f"{day_sql('c', order, epoch)} AS {order}" for order in ORDERS)}
            FROM canonical
        ), read AS (
            SELECT *, kind = 'n' AND coalesce(day_first, month_first, year_first) IS NOT NULL AS ok,
                kind = 'n' AND regexp_matches(c, '-[0-9]{{2}}$') AS two_digits
            FROM days
        )
        SELECT {", ".join(f"{sql} AS {name}" for name, sql in wanted.items())} FROM read
        """
    )
    (row,) = found.fetchall()
    return _Column(name=column, **dict(zip(wanted, row, strict=True)))


# -- deciding ---------------------------------------------------------------------------------


def _question(column: _Column) -> str | None:
    return _year_question(column) or _contradiction(column) or _half_converted(column)


def _year_first_rivals(column: _Column) -> tuple[int, int]:
    """How many years the dates span if the year comes first, and if it comes last."""
    last = [
        years
        for valid, years in (
            (column.day_first, column.day_first_years),
            (column.month_first, column.month_first_years),
        )
        if valid >= (1 - STRAY_SHARE) * column.some_day
    ]
    return column.year_first_years, min(last, default=0)


def _is_year_first(column: _Column) -> bool | None:
    """Whether two-digit years come first: a column spans few years and all days."""
    if not column.year_first or column.year_first < (1 - STRAY_SHARE) * column.some_day:
        return False
    first, last = _year_first_rivals(column)
    if not last or last >= 2 * first:
        return True
    return False if first >= 2 * last else None


def _year_question(column: _Column) -> str | None:
    either = column.either_example
    if _is_year_first(column) is not None or either is None:
        return None
    return (
        f"Column “{column.name}”: “{either['v']}” can be {_said(either['year_first'])} or "
        f"{_said(either['day_first'])}. "
        'Pass date_order="year_first" or date_order="day_first" (or "month_first").'
    )


def _contradiction(column: _Column) -> str | None:
    fewer, more = sorted((column.day_only, column.month_only))
    stray = fewer < STRAY_SHARE * column.some_day and fewer <= _STRAY_RATIO * more
    if _is_year_first(column) or not fewer or stray:
        return None
    return (
        f"Column “{column.name}” contradicts itself: {column.day_only:,} dates can only be day "
        f"first (“{example(column.day_only_examples[0], 30)}”), {column.month_only:,} only month "
        f'first (“{example(column.month_only_examples[0], 30)}”). Pass date_order="day_first" or '
        'date_order="month_first"; the dates that do not fit are then set aside.'
    )


def _half_converted(column: _Column) -> str | None:
    """Dates that a spreadsheet of another country read the wrong way round, where it could.

    It turns 03/02/2024 into a date, of the wrong month, and leaves 25/02/2024 a text: then no
    day of the real dates is above 12, and every day of the texts is.
    """
    late = max(column.day_only, column.month_only)
    if min(column.plain, late) < _ENOUGH_MIXED or column.plain_late_days or late < column.some_day:
        return None
    texts = column.day_only_examples or column.month_only_examples
    return (
        f"Column “{column.name}” mixes {column.plain:,} dates such as “{column.plain_examples[0]}” "
        f"whose day is never above 12 with {late:,} such as “{texts[0]}” whose day always is: a "
        "spreadsheet has probably swapped day and month of the first. Export the file again "
        'without opening it in a spreadsheet, or pass date_order="day_first" to take them as '
        "they stand."
    )


def _proof(column: _Column) -> tuple[DateOrder | None, str] | None:
    if not column.some_day:
        return None, "no date depends on the order of day and month"
    if _is_year_first(column):
        first, last = _year_first_rivals(column)
        if last:
            why = f"with the year first the dates span {first} years, with the year last {last}"
            return "year_first", why
        return "year_first", f"only so are all {column.year_first:,} dates days of the calendar"
    if column.day_only > column.month_only:
        return "day_first", _proof_sentence(column, "first", column.day_only_examples[0])
    if column.month_only:
        return "month_first", _proof_sentence(column, "second", column.month_only_examples[0])
    return None


def _proof_sentence(column: _Column, position: str, shown: str) -> str:
    fewer, more = sorted((column.day_only, column.month_only))
    dates = "date has" if more == 1 else "dates have"
    sentence = f"{more:,} {dates} a {position} number above 12, such as “{example(shown, 30)}”"
    if fewer:
        sentence += f"; {fewer:,} contradict that and count as impossible"
    return sentence


def _chronology(
    connection: duckdb.DuckDBPyConnection, relation_name: str, column: _Column
) -> tuple[DateOrder | None, str] | None:
    """The one order in which the rows are sorted by date, where they are many enough."""
    described = connection.execute(f"DESCRIBE {quoted(relation_name)}").fetchall()
    names = {field[0] for field in described}
    if ROW not in names:
        return None
    partition = f"PARTITION BY {quoted(FILE)}" if FILE in names else ""
    (row,) = connection.execute(
        f"""
        WITH canonical AS (
            SELECT {quoted(ROW)} AS line, {f"{quoted(FILE)}, " if partition else ""}
                {canonical_sql(quoted(column.name))} AS c
            FROM {quoted(relation_name)}
        ), days AS (
            SELECT *, {day_sql("c", "day_first", 1900)} AS a,
                {day_sql("c", "month_first", 1900)} AS b
            FROM canonical WHERE c LIKE 'n%'
        ), steps AS (
            SELECT a, b, a - lag(a) OVER w AS step_a, b - lag(b) OVER w AS step_b
            FROM days WHERE a IS NOT NULL AND b IS NOT NULL
            WINDOW w AS ({partition} ORDER BY line)
        )
        SELECT count(DISTINCT a), min(step_a) >= 0 OR max(step_a) <= 0,
            min(step_b) >= 0 OR max(step_b) <= 0
        FROM steps
        """
    ).fetchall()
    days, day_first_sorted, month_first_sorted = row
    if days < _ENOUGH_DAYS or bool(day_first_sorted) == bool(month_first_sorted):
        return None
    order: DateOrder = "day_first" if day_first_sorted else "month_first"
    return order, f"no day is above 12, but the rows are in order of date only if {_NAMES[order]}"


def _assumption(column: _Column, order: DateOrder) -> str:
    either = column.either_example
    if either is None:
        return f"in every date day and month are the same; it was assumed that {_NAMES[order]}"
    return (
        f"no day is above 12, so “{either['v']}” can be {_said(either['day_first'])} or "
        f"{_said(either['month_first'])}; it was assumed that {_NAMES[order]}"
    )


def _said(day: date | None) -> str:
    """A day as it cannot be misread, whatever the locale."""
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}" if day else "no day"
