"""The door to the engines: DuckDB, Polars, Spark, Ibis.

Everything that grows with the number of transactions is written once, in Narwhals, and runs
where the data are. Two things cannot be written once and live here: turning a date into an
integer day number (engines convert dates differently, so each has its own line), and handing
back one row a customer, as pandas, by way of Arrow.
"""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import narwhals as nw

from retention_lib.errors import InputError, MissingPackageError

if TYPE_CHECKING:
    import duckdb
    import pandas as pd

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

    It reaches no network: extensions are neither fetched nor loaded by themselves.
    """
    import duckdb

    return duckdb.connect(
        config={"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"}
    )


def engine_name(frame: nw.LazyFrame[Any]) -> str:
    """Which engine a table lives in: ``duckdb``, ``polars``, ``pyspark`` or ``ibis``."""
    return str(frame.implementation.value)


def _lazy(native: Any) -> nw.LazyFrame[Any]:
    lazy: nw.LazyFrame[Any] = nw.from_native(native).lazy()
    return lazy


def as_lazy(native: Any, table: str, connection: duckdb.DuckDBPyConnection) -> nw.LazyFrame[Any]:
    """Any table as a Narwhals lazy frame, left in its own engine where it has one.

    pandas and Arrow tables and Parquet paths go to ``connection``; Polars, Spark, Ibis and
    DuckDB relations stay where they are.
    """
    if isinstance(native, str | Path):
        path = Path(native)
        if not path.is_file():
            raise InputError(f"There is no file {path} for the table {table!r}.")
        return _lazy(connection.read_parquet(str(path)))
    try:
        frame = nw.from_native(native)
    except TypeError:
        raise InputError(
            f"{table} must be a pandas, Polars, DuckDB, Spark or Ibis table or the path of a "
            f"Parquet file; got {type(native).__name__}."
        ) from None
    if isinstance(frame, nw.LazyFrame):
        return frame
    if frame.implementation.is_polars():
        return _lazy(native)
    return _into_duckdb(frame, table, connection)


def _into_duckdb(
    frame: nw.DataFrame[Any], table: str, connection: duckdb.DuckDBPyConnection
) -> nw.LazyFrame[Any]:
    # A copy in DuckDB's own columns: later changes to the caller's frame do not reach the base,
    # and every later scan is quicker than one of the caller's memory.
    arrow = frame.to_arrow()
    connection.register("incoming", arrow)
    connection.execute(f'CREATE OR REPLACE TABLE "{table}" AS SELECT * FROM incoming')
    connection.unregister("incoming")
    return _lazy(connection.table(table))


def beside(
    native: Any, lead: nw.LazyFrame[Any], table: str, connection: duckdb.DuckDBPyConnection
) -> nw.LazyFrame[Any]:
    """A further table of a base, in the engine where ``lead``, its transactions, live.

    Tables are joined, and no engine joins with another one's: the smaller tables follow.
    """
    frame = as_lazy(native, table, connection)
    if frame.implementation is lead.implementation:
        return frame
    arrow = frame.collect("pyarrow").to_native()
    if lead.implementation.is_polars():
        import polars as pl

        return _lazy(pl.DataFrame(arrow))
    if lead.implementation.is_pyspark():
        session = lead.to_native().sparkSession
        return _lazy(session.createDataFrame(arrow))
    if lead.implementation.is_ibis():
        import ibis

        return _lazy(ibis.memtable(arrow))
    return _into_duckdb(nw.from_native(arrow, eager_only=True), table, connection)


def into_connection(
    relation: duckdb.DuckDBPyRelation, table: str, connection: duckdb.DuckDBPyConnection
) -> duckdb.DuckDBPyRelation:
    """A copy of a DuckDB relation in another connection; relations of two never meet."""
    connection.register("incoming", relation.to_arrow_reader())
    connection.execute(f'CREATE OR REPLACE TABLE "{table}" AS SELECT * FROM incoming')
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
        import polars as pl

        day_expr = pl.col(column).cast(pl.Date).cast(pl.Int32).cast(pl.Int64)
        return _lazy(native.with_columns(day_expr.alias(name)))
    if implementation.is_pyspark() or implementation.is_pyspark_connect():
        from pyspark.sql import functions as spark

        day_column = spark.unix_date(spark.to_date(spark.col(column))).cast("bigint")
        return _lazy(native.withColumn(name, day_column))
    if implementation.is_ibis():
        try:
            import ibis
        except ImportError:
            raise MissingPackageError("A warehouse table", "warehouse") from None
        days = native[column].cast("date").delta(ibis.date("1970-01-01"), unit="day")
        return _lazy(native.mutate(**{name: days.cast("int64")}))
    raise InputError(f"The workbook does not run on {engine_name(frame)} tables yet.")


def collect(frame: nw.LazyFrame[Any]) -> pd.DataFrame:
    """Bring a small table (one row a customer at most) into pandas, by way of Arrow."""
    return frame.collect("pyarrow").to_pandas()


def one_row(frame: nw.LazyFrame[Any]) -> dict[str, Any]:
    """The single row of an aggregate, as a dictionary."""
    return dict(frame.collect("pyarrow").rows(named=True)[0])
