"""Rows added to a table of a base, in the engine where it lives; what they replace goes.

The same rows added twice stand there once, because what has their keys is taken out first.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from typing import TYPE_CHECKING, Any

import narwhals as nw

from retention_lib.base import _warehouse, engine
from retention_lib.base.contract import TABLES
from retention_lib.base.customer_base import day_column

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

Frame = nw.LazyFrame[Any]

_ADDED = count()


def placed(rows: pd.DataFrame, table: str, lead: Frame) -> Frame:
    """Rows in the columns of the contract, in the engine of ``lead``, with their day numbers.

    They stay there for as long as the engine's connection lasts.

    >>> import pandas as pd
    >>> from datetime import date
    >>> lead = engine.as_lazy(pd.DataFrame({"n": [1]}), "numbers", engine.connect())
    >>> rows = pd.DataFrame({"customer_id": ["a"], "date": [date(1970, 1, 11)]})
    >>> engine.one_row(placed(rows, "interactions", lead).select("customer_id", "day"))
    {'customer_id': 'a', 'day': 10}
    """
    import pyarrow as pa

    kinds = {"text": pa.string(), "date": pa.date32(), "flag": pa.bool_()}
    columns = {c.name: kinds.get(c.kind, pa.float64()) for c in TABLES[table].columns}
    schema = pa.schema([(name, columns[name]) for name in rows.columns])
    frame = _lasting(pa.Table.from_pandas(rows, schema=schema, preserve_index=False), lead)
    for name in rows.columns:
        if columns[name] == pa.date32():
            frame = engine.with_day_number(frame, name, day_column(name))
    return frame


def with_rows(frame: Frame | None, added: Frame, *, keys: Sequence[str]) -> Frame:
    """A table without the rows that have the keys of those added, and with the added ones.

    Columns are those of the table, then those that only the added rows have; a row is empty in
    columns that it does not come with. ``None`` is a table that is not there yet.
    """
    if frame is None:
        return added
    have, brought = dict(frame.collect_schema()), dict(added.collect_schema())
    listed = [name for name in keys if name in have]
    if len(listed) == len(keys):
        replaced = added.group_by(*keys).agg(nw.len().alias("rl_rows")).select(*keys)
        kinds = [nw.col(name).cast(have[name]) for name in keys]
        frame = frame.join(replaced.with_columns(*kinds), on=list(keys), how="anti")
    kinds_of = {**brought, **have}
    old = [_or_nothing(name, have, kind) for name, kind in kinds_of.items()]
    new = [_or_nothing(name, brought, kind) for name, kind in kinds_of.items()]
    return nw.concat([frame.select(*old), added.select(*new)], how="vertical")


def without_consent(frame: Frame | None, refused: Frame) -> Frame:
    """The customers table in which those of ``refused`` must not be contacted.

    ``refused`` has one row a customer, in the column ``customer_id``. Who is not in the table yet
    comes into it.
    """
    said_no = refused.select("customer_id", nw.lit(True).alias("rl_refused"))
    if frame is None:
        return said_no.select("customer_id", (~nw.col("rl_refused")).alias("contactable"))
    have = dict(frame.collect_schema())
    joined = frame.join(said_no, on="customer_id", how="left")
    before = nw.col("contactable") if "contactable" in have else nw.lit(None, dtype=nw.Boolean)
    now = nw.when(nw.col("rl_refused").is_null()).then(before).otherwise(nw.lit(False))
    known = joined.with_columns(now.alias("contactable")).drop("rl_refused")
    fresh = said_no.join(frame.select("customer_id"), on="customer_id", how="anti")
    fresh = fresh.select("customer_id", (~nw.col("rl_refused")).alias("contactable"))
    return with_rows(known, fresh, keys=("customer_id", "contactable"))


def _or_nothing(name: str, have: dict[str, Any], kind: Any) -> nw.Expr:
    given = nw.col(name) if name in have else nw.lit(None)
    return given.cast(kind).alias(name)


def _lasting(handed: pa.Table, lead: Frame) -> Frame:
    """A small table from outside in the engine where ``lead`` lives."""
    native, implementation = lead.to_native(), lead.implementation
    placed_there: Any
    if implementation.is_duckdb():
        name = f"rl_added_{next(_ADDED)}"
        # DuckDB finds ``handed`` among the variables of this function.
        native.query("rl_added_source", f"CREATE TEMP TABLE {name} AS SELECT * FROM handed")
        placed_there = native.query("rl_added_source", f"SELECT * FROM {name}")
    elif implementation.is_pyspark() or implementation.is_pyspark_connect():
        placed_there = native.sparkSession.createDataFrame(handed)
    elif implementation.is_ibis():
        placed_there = _warehouse.handed_over(handed, native)
    else:
        import polars as pl

        placed_there = pl.DataFrame(handed).lazy()
    frame: Frame = nw.from_native(placed_there)
    return frame
