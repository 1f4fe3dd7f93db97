"""Texts to amounts, dates, flags and identifiers, decided from the whole column.

``decide_…`` looks at a whole column inside DuckDB and says how it is written; ``…_sql`` gives
the DuckDB expression that reads one value that way, NULL where it cannot be read. Nothing is
decided row by row, and no value ever comes to Python except a handful of examples.

In every ``…_sql`` function ``expr`` is a SQL expression of type VARCHAR, usually a column name
through :func:`quoted`; it may be repeated, so let it be a name rather than a computation.
``clean`` is the clean text of ``expr``, by :func:`clean_text_sql`, where it has been made already.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from retention_lib.base._amounts import (
    AmountFormat,
    DecimalMark,
    amount_reason_sql,
    amount_sql,
    decide_amount_format,
    decide_amount_formats,
)
from retention_lib.base._date_orders import decide_date_format, decide_date_formats
from retention_lib.base._dates import DateFormat, DateOrder, date_reason_sql, date_sql
from retention_lib.base._sql import clean_text_sql, let, quoted, text

if TYPE_CHECKING:
    import duckdb

__all__ = [
    "AmountFormat",
    "DateFormat",
    "DateOrder",
    "DecimalMark",
    "amount_reason_sql",
    "amount_sql",
    "clean_text_sql",
    "date_reason_sql",
    "date_sql",
    "decide_amount_format",
    "decide_amount_formats",
    "decide_date_format",
    "decide_date_formats",
    "flag_sql",
    "id_sql",
    "ids_are_floats",
    "quoted",
]

# Soft hyphen, zero-width blank, marks of direction, joiner of words, mark of byte order.
_UNSEEN = r"\x{AD}\x{200B}\x{200E}\x{200F}\x{202A}-\x{202E}\x{2060}\x{2066}-\x{2069}\x{FEFF}"
_YES = ("oui", "o", "yes", "y", "vrai", "true", "t", "1", "1.0", "x", "✓", "✔")
_NO = ("non", "n", "no", "faux", "false", "f", "0", "0.0")


def flag_sql(expr: str, clean: str = "") -> str:
    """DuckDB expression (BOOLEAN) of oui/non, yes/no, vrai/faux, 1/0, x, …; NULL otherwise.

    An empty cell is NULL, also in a column of crosses: not known is not no.

    >>> import duckdb
    >>> duckdb.execute(f"SELECT {flag_sql('v')} FROM unnest(['Oui', 'N', '']) t(v)").fetchall()
    [(True,), (False,), (None,)]
    """
    value = f"lower({clean or clean_text_sql(expr)})"
    yes, no = (", ".join(map(text, words)) for words in (_YES, _NO))
    return f"CASE WHEN {value} IN ({yes}) THEN true WHEN {value} IN ({no}) THEN false END"


def ids_are_floats(connection: duckdb.DuckDBPyConnection, relation_name: str, column: str) -> bool:
    """Whether the identifiers of a column are whole numbers, some like 13085.0.

    So pandas writes them where one is missing, and so the files of a folder differ. One
    identifier that is no such number (007, C12) leaves the whole column as it stands.
    """
    value = clean_text_sql(quoted(column))
    (row,) = connection.execute(
        f"SELECT coalesce(bool_and(regexp_full_match(v, '(?:0|[1-9][0-9]*)(?:\\.0)?')) "
        f"AND bool_or(ends_with(v, '.0')), false) "
        f"FROM (SELECT {value} AS v FROM {quoted(relation_name)})"
    ).fetchall()
    return bool(row[0])


def id_sql(expr: str, clean: str = "", *, floats: bool) -> str:
    r"""DuckDB expression (VARCHAR) of an identifier; without its '.0' where ``floats``.

    What nobody can see tells no two customers apart: signs that show nothing are left out, and
    an accent written as a letter and its accent (as macOS does) is the letter with the accent.
    Nothing else is changed: 007 stays 007, and a postcode 01000.

    >>> import duckdb
    >>> seen = ["Caf\u00e9", "Cafe\u0301", "\u200bCaf\u00e9", "007"]
    >>> rows = duckdb.execute(f"SELECT {id_sql('v', floats=False)} FROM unnest(?) t(v)", [seen])
    >>> [name for (name,) in rows.fetchall()]
    ['Café', 'Café', 'Café', '007']
    """
    value = clean or clean_text_sql(expr)
    if floats:
        return f"regexp_replace({value}, '\\.0$', '')"
    same = f"nullif(trim(nfc_normalize(regexp_replace(__i, '[{_UNSEEN}]', '', 'g'))), '')"
    return let("__i", value, f"CASE WHEN regexp_matches(__i, '[^ -~]') THEN {same} ELSE __i END")
