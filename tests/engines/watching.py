"""Counting the rows of every table that leaves an engine, by whatever door."""

from __future__ import annotations

from typing import Any

import pytest

_DUCKDB = ("df", "fetchall", "fetchdf", "fetchnumpy", "fetch_arrow_table", "pl", "to_arrow_table")
_SPARK = ("toArrow", "toPandas", "collect", "_collect_as_arrow")


def watched(patch: pytest.MonkeyPatch) -> list[int]:
    """How many rows each table had that has left, in a list that grows as they do."""
    import duckdb
    from narwhals import LazyFrame

    rows: list[int] = []
    for door in _DUCKDB:
        _watch(patch, duckdb.DuckDBPyRelation, door, rows)
    for kind in _spark_frames():
        for door in _SPARK:
            _watch(patch, kind, door, rows)
    collected = LazyFrame.collect

    def seen(self: Any, backend: Any = None, **kwargs: Any) -> Any:
        found = collected(self, backend, **kwargs)
        # What Polars works out stays in Polars unless it is asked for as something else.
        if backend == "pyarrow":
            rows.append(len(found))
        return found

    patch.setattr(LazyFrame, "collect", seen)
    return rows


def _spark_frames() -> list[type]:
    try:
        from pyspark.sql.classic.dataframe import DataFrame
    except ImportError:
        return []
    return [DataFrame]


def _watch(patch: pytest.MonkeyPatch, kind: type, door: str, rows: list[int]) -> None:
    out = getattr(kind, door, None)
    if out is None:
        return

    def seen(self: Any, *args: Any, **kwargs: Any) -> Any:
        found = out(self, *args, **kwargs)
        many = next(iter(found.values()), ()) if isinstance(found, dict) else found
        rows.append(_rows_of(many))
        return found

    patch.setattr(kind, door, seen)


def _rows_of(found: Any) -> int:
    import pyarrow as pa

    if isinstance(found, list) and found and isinstance(found[0], pa.RecordBatch):
        return sum(batch.num_rows for batch in found)
    return len(found)
