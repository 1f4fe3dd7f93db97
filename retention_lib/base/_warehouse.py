"""Tables of a warehouse, by way of Ibis: what its own connection needs done around a query.

A warehouse belongs to somebody else. Nothing is written to it but temporary tables, which nobody
else sees and which go with the connection; where even these are not allowed, as for a user that
may only read, every query is worked out from the tables as they are.
"""

from __future__ import annotations

import contextlib
import json
import weakref
from collections.abc import Mapping
from itertools import count
from typing import TYPE_CHECKING, Any

from retention_lib.base._sql import quoted

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import pyarrow as pa

_NAMES = count()
# Temporary tables that nothing refers to any more, with their connections.
_FORGOTTEN: list[tuple[Any, str]] = []

# A copy of the cleaned tables makes every question quicker, but it lies on somebody else's disk.
COPIED_UP_TO = 5_000_000


def opened(table: ir.Table) -> ir.Table:
    """A table that has come in at the door, its session made ready, its types those of others."""
    backend = table.get_backend()
    if backend.name != "postgres":
        return table
    # PostgreSQL compiles wide queries for seconds that then run for milliseconds.
    _tell(backend, "SET jit = off")
    read = {name: _readable(table[name]) for name, kind in table.schema().items() if _is_odd(kind)}
    return table.mutate(**read) if read else table


def _is_odd(kind: Any) -> bool:
    return not (kind.is_numeric() or kind.is_string() or kind.is_boolean() or kind.is_time())


def _readable(column: Any) -> Any:
    """What only PostgreSQL has: JSON, lists and the like as text, ``infinity`` as a missing day."""
    import ibis

    if not (column.type().is_date() or column.type().is_timestamp()):
        return column.cast("string")
    known = column.cast("date").between(ibis.date("0001-01-01"), ibis.date("9999-12-31"))
    return known.ifelse(column, ibis.null())


def may_write(table: ir.Table) -> bool:
    """Whether the user of the table's connection may make temporary tables there."""
    backend = table.get_backend()
    if backend.name != "postgres":
        return bool(backend.supports_temporary_tables)
    with contextlib.closing(
        backend.raw_sql(
            "SELECT has_database_privilege(current_database(), 'TEMP') "
            "AND current_setting('transaction_read_only') = 'off'"
        )
    ) as answer:
        return bool(answer.fetchone()[0])


def copied(table: ir.Table) -> ir.Table:
    """The same rows as a temporary table; dropped by :func:`dropped`, or with the connection."""
    backend = table.get_backend()
    _tidied(backend)
    kept = _empty(backend, "kept", table.schema())
    backend.insert(kept.get_name(), table)
    _looked_after(backend, kept)
    return kept


def closed(table: ir.Table) -> ir.Table:
    """The same rows, as a query into which Ibis puts nothing of the queries made from it.

    Ibis makes one of a join, what is selected from it and a further join, and then a window, such
    as "the day after this one", looks over the rows of both joins: another result.
    """
    return table.view()


def in_plain_order(table: ir.Table) -> ir.Table:
    """The same rows, their texts in the order of their characters, as everywhere else.

    A server sorts as its language does: which customer comes first, or which text is the
    greatest, would depend on where the base lives, and with it what is drawn at random.
    """
    backend, schema = table.get_backend(), table.schema()
    if backend.name != "postgres":
        return table
    listed = ", ".join(
        f'{quoted(name)} COLLATE "C" AS {quoted(name)}' if kind.is_string() else quoted(name)
        for name, kind in schema.items()
    )
    query = f"SELECT {listed} FROM ({backend.compile(table)}) AS rl_cleaned"
    return backend.sql(query, schema=schema)


def trimmed(table: ir.Table, column: str, blanks: str) -> ir.Table:
    """A column as text without those blanks around it; Ibis trims nothing but its own."""
    text = table[column].cast("string")
    if table.get_backend().name == "postgres":
        text = text.re_replace(f"^[{blanks}]+|[{blanks}]+$", "")
    return table.mutate(**{column: text.strip()})


def with_day_number(table: ir.Table, column: str, name: str) -> ir.Table:
    """Add ``name``: the integer day number of the date or moment in ``column``."""
    import ibis

    days = table[column].cast("date").delta(ibis.date("1970-01-01"), unit="day")
    return table.mutate(**{name: days.cast("int64")})


def with_iso_dates(table: ir.Table, column: str) -> ir.Table:
    """Texts that begin like 2025-12-31 as dates; a day that no calendar has is missing."""
    import ibis

    text = table[column].substr(0, 10)
    if table.get_backend().name != "postgres":
        return table.mutate(**{column: text.try_cast("date")})
    # PostgreSQL refuses the whole table for one such day: it is looked for first.
    year, month, day = (
        text.substr(at, size).cast("int64") for at, size in ((0, 4), (5, 2), (8, 2))
    )
    leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    short = month.isin([4, 6, 9, 11])
    last = ibis.cases((month == 2, leap.ifelse(29, 28)), (short, 30), else_=31)
    exists = (year > 0) & month.between(1, 12) & day.between(1, last)
    return table.mutate(**{column: exists.ifelse(text, ibis.null()).cast("date")})


def with_firsts(table: ir.Table, wanted: Mapping[str, str], *, by: str, order_by: str) -> ir.Table:
    """Columns, by their new names, with the first value of a group that is not empty."""
    import ibis

    firsts = {}
    for name, new in wanted.items():
        known_first = ibis.window(group_by=by, order_by=[table[name].isnull(), table[order_by]])
        firsts[new] = table[name].first(include_null=True).over(known_first)
    return table.mutate(**firsts)


def dropped(table: ir.Table) -> None:
    """Take a temporary table away; with a connection that has gone, it has gone too."""
    import ibis.expr.operations as ops

    if isinstance(table.op(), ops.DatabaseTable):
        with contextlib.suppress(Exception):
            table.get_backend().drop_table(table.get_name(), force=True)


def handed_over(handed: pa.Table, lead: ir.Table) -> ir.Table:
    """A small table from outside, where ``lead`` lives."""
    import ibis

    backend = lead.get_backend()
    if backend.name != "postgres":
        return ibis.memtable(handed)
    schema = ibis.Schema.from_pyarrow(handed.schema)
    if not may_write(lead):
        return backend.sql(_as_sql(handed, schema), schema=schema)
    table = _empty(backend, "lent", schema)
    columns = [column.to_pylist() for column in handed.columns]
    with (
        backend.begin() as cursor,
        cursor.copy(f"COPY {quoted(table.get_name())} FROM STDIN") as copy,
    ):
        for row in zip(*columns, strict=True):
            copy.write_row(row)
    _looked_after(backend, table)
    return table


def _as_sql(handed: pa.Table, schema: Any) -> str:
    """The rows as a query, in one text: no sign in a value can mean anything to SQL."""
    from ibis.backends.sql.datatypes import PostgresType

    kinds = [PostgresType.to_string(kind) for kind in schema.types]
    names = [quoted(name) for name in schema.names]
    rows = [list(row.values()) for row in handed.to_pylist()]
    # Numbers too go in as texts: JSON knows no NaN.
    cells = [[None if cell is None else str(cell) for cell in row] for row in rows]
    text = json.dumps(cells).replace("'", "\\u0027")
    listed = ", ".join(
        f"CAST(rl_row.value ->> {place} AS {kind}) AS {name}"
        for place, (name, kind) in enumerate(zip(names, kinds, strict=True))
    )
    return f"SELECT {listed} FROM json_array_elements(CAST('{text}' AS JSON)) AS rl_row(value)"


def _empty(backend: Any, what: str, schema: Any) -> ir.Table:
    """A temporary table without rows yet, its texts in the order of their characters."""
    name = f"rl_{what}_{next(_NAMES)}"
    table = backend.create_table(name, schema=schema, temp=True)
    texts = [column for column, kind in schema.items() if kind.is_string()]
    if texts and backend.name == "postgres":
        ordered = [f'ALTER COLUMN {quoted(text)} TYPE text COLLATE "C"' for text in texts]
        _tell(backend, f"ALTER TABLE {quoted(name)} {', '.join(ordered)}")
    return table


def _looked_after(backend: Any, table: ir.Table) -> None:
    """Let the warehouse count a temporary table, and have it dropped some time after its last use.

    Some time after, for a table is forgotten in the midst of whatever is done next, perhaps of a
    query on the same connection, which could not take another one.
    """
    if backend.name == "postgres":
        # Nobody else counts temporary tables there; uncounted ones are joined row by row.
        _tell(backend, f"ANALYZE {quoted(table.get_name())}")
    weakref.finalize(table.op(), _FORGOTTEN.append, (backend, table.get_name()))


def _tidied(backend: Any) -> None:
    """Drop what has been forgotten on a connection."""
    for entry in [entry for entry in list(_FORGOTTEN) if entry[0] is backend]:
        with contextlib.suppress(Exception):
            _FORGOTTEN.remove(entry)
            backend.drop_table(entry[1], force=True)


def _tell(backend: Any, statement: str) -> None:
    with contextlib.closing(backend.raw_sql(statement)):
        pass
