"""The door to the engines: DuckDB, Polars, Spark, Ibis.

Everything that grows with the number of transactions is written once, in Narwhals, and runs
where the data are. Two things cannot be written once and live here: turning a date into an
integer day number (engines convert dates differently, so each has its own line), and handing
back one row a customer, as pandas, by way of Arrow.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import narwhals as nw

from retention_lib import filing
from retention_lib.base import _in_memory, _spark, _warehouse
from retention_lib.base._bounds import engine_bounds, room_needed
from retention_lib.base._raw import BLANKS
from retention_lib.base._sql import NOTHINGS, clean_text_sql, quoted
from retention_lib.errors import InputError

if TYPE_CHECKING:
    import duckdb
    import pandas as pd
    import pyarrow as pa

Naming: TypeAlias = Callable[[Sequence[str]], list[str]]
"""The names that columns get in a base, for those they come with, one for one."""

_KEPT = count()

_ENGINES: dict[int, duckdb.DuckDBPyConnection] = {}
_STARTING = threading.Lock()

EXACT = _in_memory.EXACT

EPOCH = date(1970, 1, 1)
"""Day number 0. Day numbers count whole days from here, in local dates without time."""


def day_number(day: date) -> int:
    """The integer day number of a date.

    >>> day_number(date(1970, 1, 11))
    10
    """
    return (day - EPOCH).days


def day_of(number: int) -> date:
    """The date of an integer day number.

    >>> day_of(10)
    datetime.date(1970, 1, 11)
    """
    return EPOCH + timedelta(days=int(number))


def connect() -> duckdb.DuckDBPyConnection:
    """A DuckDB inside the process: nothing to install, to start or to close.

    It reaches no network: extensions are neither fetched nor loaded by themselves. Instants
    without a zone of their own (``TIMESTAMPTZ``) are taken in UTC, wherever the machine stands.

    The trap: all connections are to one engine, which takes long to start. What a connection
    keeps to itself, and what goes when it goes, are its *temporary* tables and views.

    >>> one, other = connect(), connect()
    >>> _ = one.execute("CREATE TEMP TABLE mine AS SELECT 1")
    >>> other.execute("FROM duckdb_tables()").fetchall()
    []
    """
    connection = _the_engine().cursor()
    connection.execute("SET TimeZone = 'UTC'")
    # In a notebook DuckDB draws a progress bar over slow queries, different in every run.
    connection.execute("SET enable_progress_bar = false")
    return connection


def _the_engine() -> duckdb.DuckDBPyConnection:
    import duckdb

    with _STARTING:
        # The engine's threads do not follow into a forked process: that one has its own.
        if os.getpid() not in _ENGINES:
            _ENGINES[os.getpid()] = duckdb.connect(
                config={
                    "autoinstall_known_extensions": "false",
                    "autoload_known_extensions": "false",
                    # A file may be written anew between two bases: nothing of it is kept.
                    "enable_external_file_cache": "false",
                    **engine_bounds(),
                }
            )
        return _ENGINES[os.getpid()]


def engine_name(frame: nw.LazyFrame[Any]) -> str:
    """Which engine a table lives in: ``duckdb``, ``polars``, ``pyspark`` or ``ibis``."""
    return str(frame.implementation.value)


def is_spark(frame: nw.LazyFrame[Any]) -> bool:
    """Whether a frame lives in Spark, of one's own or a remote one (Spark Connect)."""
    where = frame.implementation
    return bool(where.is_pyspark() or where.is_pyspark_connect())


def _lazy(native: Any) -> nw.LazyFrame[Any]:
    lazy: nw.LazyFrame[Any] = nw.from_native(native).lazy()
    return lazy


def as_lazy(
    native: Any, table: str, connection: duckdb.DuckDBPyConnection, naming: Naming = list
) -> nw.LazyFrame[Any]:
    """Any table as a Narwhals lazy frame, left in its own engine where it has one.

    pandas and Arrow tables and Parquet paths go to ``connection``; Polars, Spark, Ibis and
    DuckDB relations stay where they are. Moments with a time zone are then those of the clock
    in that zone, and ``naming`` has given the columns their names.
    """
    import pyarrow as pa

    if isinstance(native, str | Path):
        return renamed(_lazy(_parquet(Path(native), table, connection)), naming)
    if _in_memory.is_pandas(native):
        return _into_duckdb(_in_memory.from_pandas(native, table), table, connection, naming)
    if isinstance(native, pa.Table):
        return _into_duckdb(_in_memory.plain(native), table, connection, naming)
    try:
        frame = nw.from_native(native)
    except TypeError:
        raise InputError(
            f"{table} must be a pandas, Polars, DuckDB, Spark or Ibis table or the path of a "
            f"Parquet file; got {type(native).__name__}. Of an import, imported.to_base() makes "
            f"a base."
        ) from None
    if isinstance(frame, nw.LazyFrame):
        if frame.implementation.is_ibis():
            frame = _lazy(_warehouse.opened(native))
        if is_spark(frame):
            # By their new names: to Spark a dot in a name is no part of it.
            return _on_the_clock(renamed(frame, naming))
        return renamed(_on_the_clock(frame), naming)
    if frame.implementation.is_polars():
        return renamed(_on_the_clock(_lazy(_in_memory.without_objects(native))), naming)
    return _into_duckdb(_in_memory.plain(frame.to_arrow()), table, connection, naming)


def _parquet(
    path: Path, table: str, connection: duckdb.DuckDBPyConnection
) -> duckdb.DuckDBPyRelation:
    import duckdb

    if not path.is_file():
        raise InputError(
            f"There is no file {path} for the table {table!r}."
            if not path.is_dir()
            else f"{path} is a folder, not the table {table!r}; open it with rl.open_base()."
        )
    try:
        return connection.read_parquet(filing.exactly(path))
    except duckdb.Error as error:
        raise InputError(
            f"{path} for the table {table!r} is no readable Parquet file. A CSV or Excel file is "
            f"read with rl.import_export({path.name!r}) or rl.open_base({path.name!r}); a damaged "
            f"file has to be copied again."
        ) from error


def _into_duckdb(
    arrow: pa.Table, table: str, connection: duckdb.DuckDBPyConnection, naming: Naming = list
) -> nw.LazyFrame[Any]:
    # A copy in DuckDB's own columns: later changes to the caller's frame do not reach the base,
    # and every later scan is quicker than one of the caller's memory.
    connection.register("incoming", arrow.rename_columns(naming(arrow.column_names)))
    connection.execute(f'CREATE OR REPLACE TEMP TABLE "{table}" AS SELECT * FROM incoming')
    connection.unregister("incoming")
    return _lazy(connection.table(table))


# --- Names and moments ----------------------------------------------------------------------------


def renamed(frame: nw.LazyFrame[Any], naming: Naming) -> nw.LazyFrame[Any]:
    """The frame with other names, column for column: two may differ only by their case."""
    old = frame.collect_schema().names()
    new = _spark.without_dots(naming(old)) if is_spark(frame) else naming(old)
    if new == old:
        return frame
    native, implementation = frame.to_native(), frame.implementation
    if implementation.is_duckdb():
        listed = ", ".join(f"#{i} AS {quoted(name)}" for i, name in enumerate(new, 1))
        return _lazy(native.project(listed))
    if is_spark(frame):
        return _lazy(native.toDF(*new))
    return frame.rename({was: name for was, name in zip(old, new, strict=True) if was != name})


def _on_the_clock(frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Moments with a zone as what the clock shows there; DuckDB has only instants: in UTC."""
    zoned = [
        name
        for name, dtype in frame.collect_schema().items()
        if isinstance(dtype, nw.Datetime) and dtype.time_zone is not None
    ]
    if zoned and frame.implementation.is_duckdb():
        # By place, for two names may differ only by their case.
        listed = ", ".join(
            f"timezone('UTC', #{place}) AS {quoted(name)}" if name in zoned else f"#{place}"
            for place, name in enumerate(frame.collect_schema().names(), 1)
        )
        return _lazy(frame.to_native().project(listed))
    if zoned and frame.implementation.is_polars():
        return _lazy(_in_memory.on_the_clock(frame.to_native(), zoned))
    if zoned and is_spark(frame):
        return _lazy(_spark.on_the_clock(frame.to_native(), zoned))
    return frame


def with_clean_text(frame: nw.LazyFrame[Any], column: str) -> nw.LazyFrame[Any]:
    """A column as text, trimmed; what an import takes for nothing (nan, N/A, …) is missing."""
    if frame.implementation.is_duckdb():
        # Trimming forty kinds of blank is slow there, and nearly no value has one.
        name = quoted(column)
        cleaned = clean_text_sql(f"CAST({name} AS VARCHAR)")
        return _lazy(frame.to_native().project(f"* REPLACE ({cleaned} AS {name})"))
    value = nw.col(column).cast(nw.String).str.strip_chars(BLANKS)
    if frame.implementation.is_ibis():
        frame, value = _lazy(_warehouse.trimmed(frame.to_native(), column, BLANKS)), nw.col(column)
    nothing = value.str.to_lowercase().is_in(["", *NOTHINGS])
    return frame.with_columns(nw.when(~nothing).then(value).alias(column))


def with_clean_texts(frame: nw.LazyFrame[Any], columns: Sequence[str]) -> nw.LazyFrame[Any]:
    """The same of several columns of texts of a Spark table, in one step of its plan."""
    return _lazy(_spark.with_clean_texts(frame.to_native(), columns))


def with_iso_dates(frame: nw.LazyFrame[Any], column: str) -> nw.LazyFrame[Any]:
    """Texts that begin like 2025-12-31 as dates; a day that no calendar has is missing."""
    native, implementation = frame.to_native(), frame.implementation
    if implementation.is_duckdb():
        name = quoted(column)
        day = f"try_cast(substr({name}, 1, 10) AS DATE)"
        return _lazy(native.project(f"* REPLACE ({day} AS {name})"))
    if implementation.is_polars():
        return _lazy(_in_memory.with_iso_dates(native, column))
    if is_spark(frame):
        return _lazy(_spark.with_iso_dates(native, column))
    if implementation.is_ibis():
        return _lazy(_warehouse.with_iso_dates(native, column))
    raise InputError(f"The workbook does not run on {engine_name(frame)} tables yet.")


def beside(
    native: Any,
    lead: nw.LazyFrame[Any],
    table: str,
    connection: duckdb.DuckDBPyConnection,
    naming: Naming = list,
) -> nw.LazyFrame[Any]:
    """A further table of a base, in the engine where ``lead``, its transactions, live.

    Tables are joined, and no engine joins with another one's: the smaller tables follow.
    """
    frame = as_lazy(native, table, connection, naming)
    if frame.implementation is lead.implementation:
        return frame
    arrow = frame.collect("pyarrow").to_native()
    if lead.implementation.is_polars():
        import polars as pl

        return _lazy(pl.DataFrame(arrow))
    if is_spark(lead):
        return _lazy(_spark.handed_over(arrow, lead.to_native()))
    if lead.implementation.is_ibis():
        return _lazy(_warehouse.handed_over(arrow, lead.to_native()))
    return _into_duckdb(arrow, table, connection)


def into_connection(
    relation: duckdb.DuckDBPyRelation,
    table: str,
    connection: duckdb.DuckDBPyConnection,
    naming: Naming = list,
) -> duckdb.DuckDBPyRelation:
    """A copy of a DuckDB relation in another connection; relations of two never meet."""
    relation = renamed(_lazy(relation), naming).to_native()
    connection.register("incoming", relation.to_arrow_reader())
    connection.execute(f'CREATE OR REPLACE TEMP TABLE "{table}" AS SELECT * FROM incoming')
    connection.unregister("incoming")
    return connection.table(table)


def is_relation(native: Any) -> bool:
    """Whether a table is a DuckDB relation."""
    import duckdb

    return isinstance(native, duckdb.DuckDBPyRelation)


def with_day_number(frame: nw.LazyFrame[Any], column: str, name: str) -> nw.LazyFrame[Any]:
    """Add ``name``: the integer day number of the date or timestamp in ``column``."""
    native = frame.to_native()
    implementation = frame.implementation
    if implementation.is_duckdb():
        day = f"CAST(date_diff('day', DATE '1970-01-01', CAST(\"{column}\" AS DATE)) AS BIGINT)"
        return _lazy(native.project(f'*, {day} AS "{name}"'))
    if implementation.is_polars():
        return _lazy(_in_memory.with_day_number(native, column, name))
    if is_spark(frame):
        return _lazy(_spark.with_day_number(native, column, name))
    if implementation.is_ibis():
        return _lazy(_warehouse.with_day_number(native, column, name))
    raise InputError(f"The workbook does not run on {engine_name(frame)} tables yet.")


def collect(frame: nw.LazyFrame[Any]) -> pd.DataFrame:
    """Bring a small table (one row a customer at most) into pandas, by way of Arrow."""
    with room_needed():
        return frame.collect("pyarrow").to_pandas()


def ones(condition: nw.Expr) -> nw.Expr:
    """1 where a condition holds, else 0, to be summed: PostgreSQL makes no number of a yes or no.

    >>> import pandas as pd
    >>> frame = as_lazy(pd.DataFrame({"n": [1, 2, 3]}), "numbers", connect())
    >>> int(one_row(frame.select(ones(nw.col("n") > 1).sum()))["literal"])
    2
    """
    return nw.when(condition).then(nw.lit(1, nw.Int64)).otherwise(nw.lit(0, nw.Int64))


def one_row(frame: nw.LazyFrame[Any]) -> dict[str, Any]:
    """The single row of an aggregate, as a dictionary."""
    with room_needed():
        return dict(frame.collect("pyarrow").rows(named=True)[0])


def settled_name(table: str) -> str:
    """What a table is called once it is settled."""
    return f"rl_{table}"


def settled(
    frame: nw.LazyFrame[Any], table: str, connection: duckdb.DuckDBPyConnection
) -> nw.LazyFrame[Any]:
    """A frame of ``connection`` as a table of its own, in place of the one it was made from.

    What made it is then not repeated in every query; besides the work itself DuckDB binds the
    whole ancestry of a relation anew each time it meets one.
    """
    name = settled_name(table)
    made = f'CREATE OR REPLACE TEMP TABLE "{name}" AS FROM rl_source'
    with room_needed():
        frame.to_native().query("rl_source", made)
    connection.execute(f'DROP TABLE IF EXISTS "{table}"')
    return _lazy(connection.table(name))


def worked_out(frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """A Spark frame worked out at once and kept by Spark, without the plan it was made by."""
    return _lazy(_spark.worked_out(frame.to_native()))


def copied(frame: nw.LazyFrame[Any], rows: int) -> nw.LazyFrame[Any]:
    """A cleaned table of a warehouse as a temporary one there, if it is small and that allowed."""
    native = frame.to_native()
    if rows > _warehouse.COPIED_UP_TO or not _warehouse.may_write(native):
        return _lazy(_warehouse.in_plain_order(native))
    return _lazy(_warehouse.copied(native))


@contextmanager
def kept(
    frame: nw.LazyFrame[Any], *, outlived_by: nw.LazyFrame[Any] | None = None
) -> Iterator[nw.LazyFrame[Any]]:
    """The same rows worked out once and kept in the engine for as long as the block lasts.

    For what several questions are asked of, such as one row a customer and day. Nothing leaves
    the engine; frames made from it are of no use after the block. Where what ``frame`` is made
    of may be gone before the block ends, ``outlived_by`` is a frame of the same base that is not.

    >>> import pandas as pd
    >>> frame = as_lazy(pd.DataFrame({"n": [1, 2]}), "numbers", connect())
    >>> with kept(frame.filter(nw.col("n") > 1)) as held:
    ...     one_row(held.select(nw.col("n").max()))
    {'n': 2}
    """
    native, implementation = frame.to_native(), frame.implementation
    if implementation.is_duckdb():
        name = f"rl_kept_{next(_KEPT)}"
        made = f"CREATE TEMP TABLE {name} AS SELECT * FROM rl_kept_source"
        with room_needed():
            native.query("rl_kept_source", made)
        # DuckDB looks at the relation that a statement is sent through before it obeys.
        through = native if outlived_by is None else outlived_by.to_native()
        try:
            yield _lazy(through.query("rl_kept_source", f"SELECT * FROM {name}"))
        finally:
            through.query("rl_kept_source", f"DROP TABLE {name}")
    elif is_spark(frame):
        yield worked_out(frame)
    elif implementation.is_ibis():
        copy = _warehouse.copied(native) if _warehouse.may_write(native) else None
        try:
            yield _lazy(_warehouse.closed(native) if copy is None else copy)
        finally:
            if copy is not None:
                _warehouse.dropped(copy)
    else:
        yield frame.collect(frame.implementation).lazy()


@contextmanager
def lent(handed: pa.Table, lead: nw.LazyFrame[Any]) -> Iterator[nw.LazyFrame[Any]]:
    """A small table from outside in the engine where ``lead`` lives, while the block lasts.

    For a list of customers to join with, which as a list in an expression would be slow.

    >>> import pandas as pd, pyarrow as pa
    >>> lead = as_lazy(pd.DataFrame({"id": ["a", "b", "b"]}), "letters", connect())
    >>> with lent(pa.table({"id": ["b"]}), lead) as wanted:
    ...     one_row(lead.join(wanted, on="id").select(nw.len().alias("n")))
    {'n': 2}
    """
    native, implementation = lead.to_native(), lead.implementation
    if implementation.is_duckdb():
        name = f"rl_lent_{next(_KEPT)}"
        # DuckDB finds ``handed`` among the variables of this function.
        native.query("rl_lent_source", f"CREATE TEMP TABLE {name} AS SELECT * FROM handed")
        try:
            yield _lazy(native.query("rl_lent_source", f"SELECT * FROM {name}"))
        finally:
            native.query("rl_lent_source", f"DROP TABLE {name}")
    elif is_spark(lead):
        yield _lazy(_spark.handed_over(handed, native))
    elif implementation.is_ibis():
        there = _warehouse.handed_over(handed, native)
        try:
            yield _lazy(there)
        finally:
            _warehouse.dropped(there)
    else:
        import polars as pl

        yield _lazy(pl.DataFrame(handed))
