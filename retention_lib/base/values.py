"""Texts to amounts, dates, flags and identifiers, decided from the whole column.

``decide_…`` looks at a whole column inside DuckDB and says how it is written; ``…_sql`` gives
the DuckDB expression that reads one value that way, NULL where it cannot be read. Nothing is
decided row by row, and no value ever comes to Python except a handful of examples.

In every ``…_sql`` function ``expr`` is a SQL expression of type VARCHAR, usually a quoted
column name: see :func:`quoted`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import duckdb

DecimalMark = Literal[".", ","]
DateOrder = Literal["day_first", "month_first", "year_first"]


@dataclass(frozen=True)
class AmountFormat:
    """How the amounts of a column are written.

    ``decimal``: the decimal mark; the other mark, blanks and apostrophes may group thousands.
    ``evidence``: a sentence saying why. ``values``: cells that are not empty; ``unreadable``:
    how many of them :func:`amount_sql` gives NULL for, with up to three ``examples``.
    """

    decimal: DecimalMark
    evidence: str
    values: int = 0
    unreadable: int = 0
    examples: tuple[str, ...] = ()


@dataclass(frozen=True)
class DateFormat:
    """How the dates of a column are written.

    ``order``: of numeric dates that do not begin with a four-digit year; ``None`` where the
    column has none. ``assumed``: whether the column could not decide it. ``evidence``: a
    sentence saying why, or what was assumed and what it means for an example.
    ``how_to_change``: the argument that overrules it. ``serials``: whether five-digit Excel
    day numbers occur; ``excel_epoch``: 1900 or 1904. ``values``: cells that are not empty;
    ``unreadable`` and ``impossible``: those :func:`date_reason_sql` says so of.
    """

    order: DateOrder | None
    assumed: bool
    evidence: str
    how_to_change: str = ""
    serials: bool = False
    excel_epoch: Literal[1900, 1904] = 1900
    values: int = 0
    unreadable: int = 0
    impossible: int = 0
    examples: tuple[str, ...] = ()


def quoted(name: str) -> str:
    """A column or table name as a DuckDB identifier."""
    return '"' + name.replace('"', '""') + '"'


def decide_amount_formats(
    connection: duckdb.DuckDBPyConnection,
    relation_name: str,
    columns: Sequence[str],
    *,
    decimal: DecimalMark | Mapping[str, DecimalMark] | None = None,
    typed: Collection[str] = (),
) -> dict[str, AmountFormat]:
    """Decide how each amount-like column of one file is written: column to format.

    The columns decide together; where two contradict each other, each decides for itself.
    ``decimal`` tells it, for all columns or some; ``typed`` are columns that were numbers in
    the source (``RawTable.number_columns``). Raises :class:`QuestionError` with one question
    a column that can be read in two ways or contradicts itself.
    """
    raise NotImplementedError


def decide_amount_format(
    connection: duckdb.DuckDBPyConnection,
    relation_name: str,
    column: str,
    *,
    decimal: DecimalMark | None = None,
) -> AmountFormat:
    """:func:`decide_amount_formats` for one column."""
    raise NotImplementedError


def amount_sql(expr: str, fmt: AmountFormat) -> str:
    """DuckDB expression (DOUBLE) of the amount written in ``expr``; NULL where unreadable."""
    raise NotImplementedError


def amount_reason_sql(expr: str, fmt: AmountFormat) -> str:
    """Why there is no amount: ``missing_amount``, ``unreadable_amount``, NULL where there is."""
    raise NotImplementedError


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
    ``order`` tells it (argument ``date_order`` of the import); ``default_order`` is what is
    assumed, and said, where nothing decides. Raises :class:`QuestionError` where a column
    contradicts itself.
    """
    raise NotImplementedError


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
    raise NotImplementedError


def date_sql(expr: str, fmt: DateFormat) -> str:
    """DuckDB expression (DATE) of the day written in ``expr``; NULL where there is none."""
    raise NotImplementedError


def date_reason_sql(expr: str, fmt: DateFormat) -> str:
    """Why there is no date, NULL where there is one.

    ``missing_date``, ``unreadable_date`` (not written like a date), ``impossible_date``
    (31/02/2024, or outside 1970 to 2100).
    """
    raise NotImplementedError


def clean_text_sql(expr: str) -> str:
    """DuckDB expression (VARCHAR): trimmed of every kind of blank; NULL where it says nothing."""
    raise NotImplementedError


def flag_sql(expr: str) -> str:
    """DuckDB expression (BOOLEAN) of oui/non, yes/no, vrai/faux, 1/0, x, …; NULL otherwise."""
    raise NotImplementedError


def ids_are_floats(connection: duckdb.DuckDBPyConnection, relation_name: str, column: str) -> bool:
    """Whether every identifier of a column reads like 13085.0, as pandas writes them."""
    raise NotImplementedError


def id_sql(expr: str, *, floats: bool) -> str:
    """DuckDB expression (VARCHAR) of an identifier; without its '.0' where ``floats``."""
    raise NotImplementedError
