"""Tables in memory, of pandas, Arrow or Polars, in the plain types that every engine has."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from retention_lib.base._typed import cells_as_text
from retention_lib.errors import InputError

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

# Whole numbers up to here are exact as floating numbers.
EXACT = 2**53


def is_pandas(native: Any) -> bool:
    import pandas as pd

    return isinstance(native, pd.DataFrame)


def from_pandas(frame: pd.DataFrame, table: str) -> pa.Table:
    """A pandas table in Arrow; what no column type holds becomes text, a zone local time."""
    import pyarrow as pa

    names = [str(name) for name in frame.columns]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(
            f"The table {table!r} has {len(twice)} column name(s) more than once: "
            f"{', '.join(twice)}. Rename or drop the second one of each."
        )
    columns = [_column(frame.iloc[:, place]) for place in range(len(names))]
    return plain(pa.table(columns, names=names))


def _column(series: pd.Series) -> pa.Array | pa.ChunkedArray:
    import pandas as pd
    import pyarrow as pa

    if isinstance(series.dtype, pd.SparseDtype):
        series = series.sparse.to_dense()
    if series.dtype == object:
        with suppress(UnicodeEncodeError):  # half a letter: pandas makes texts of them again
            series = series.map(_without_zone)
    try:
        column = pa.Array.from_pandas(series)
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        return _mixed([None if _is_missing(cell) else cell for cell in series])
    if isinstance(column.type, pa.BaseExtensionType):
        return _mixed([None if _is_missing(cell) else str(cell) for cell in series])
    return column


def _without_zone(cell: Any) -> Any:
    return cell.replace(tzinfo=None) if isinstance(cell, datetime) and cell.tzinfo else cell


def _is_missing(cell: Any) -> bool:
    import pandas as pd

    return (
        cell is None
        or cell is pd.NA
        or cell is pd.NaT
        or (pd.api.types.is_scalar(cell) and bool(pd.isna(cell)))
    )


def _mixed(cells: Sequence[Any]) -> pa.Array:
    """Values of several types: numbers where all of them are, else texts."""
    import pyarrow as pa

    present = [cell for cell in cells if cell is not None]
    kinds = {type(cell) for cell in present}
    if kinds <= {int, float, Decimal} and all(
        abs(cell) <= EXACT for cell in present if isinstance(cell, int)
    ):
        return pa.array([None if cell is None else float(cell) for cell in cells], pa.float64())
    texts = cells_as_text(cells)
    try:
        return pa.array(texts, pa.string())
    except UnicodeEncodeError:
        # Halves of letters, from a file read as what it is not: no text can hold them.
        told = [text and text.encode(errors="backslashreplace").decode() for text in texts]
        return pa.array(told, pa.string())


def plain(arrow: pa.Table) -> pa.Table:
    """An Arrow table in types that every engine has: no dictionaries, no zones, no empty type."""
    import pyarrow as pa

    if not arrow.num_columns:
        raise InputError(
            "A table without a single column was handed over. Look at what was read into it."
        )
    for place, field in enumerate(arrow.schema):
        column, kind = arrow.column(place), field.type
        if pa.types.is_dictionary(kind):
            column = column.cast(kind.value_type)
            kind = kind.value_type
        if pa.types.is_timestamp(kind) and kind.tz is not None:
            # By way of pandas, which brings the zones along; Arrow looks for them on the machine.
            there = column.to_pandas().dt.tz_localize(None)
            column = pa.Array.from_pandas(there)
        elif pa.types.is_null(kind):
            column = column.cast(pa.string())
        elif pa.types.is_float16(kind):
            column = column.cast(pa.float32())
        if column is not arrow.column(place) and column.type != field.type:
            arrow = arrow.set_column(place, field.name, column)
    return arrow


def without_objects(frame: Any) -> Any:
    """A Polars table whose columns of Python objects are texts."""
    import polars as pl

    for name, dtype in frame.schema.items():
        if dtype == pl.Object:
            cells = [None if _is_missing(cell) else cell for cell in frame[name].to_list()]
            frame = frame.with_columns(pl.Series(name, _mixed(cells)))
    return frame


def on_the_clock(frame: Any, zoned: Sequence[str]) -> Any:
    """Moments of a Polars table as what the clock of their zone shows."""
    import polars as pl

    return frame.with_columns(pl.col(zoned).dt.replace_time_zone(None))


def with_iso_dates(frame: Any, column: str) -> Any:
    """Texts that begin like 2025-12-31 as dates; a day that no calendar has is missing."""
    import polars as pl

    day = pl.col(column).str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False)
    return frame.with_columns(day)


def with_day_number(frame: Any, column: str, name: str) -> Any:
    """Add ``name``: the integer day number of the date or moment in ``column``."""
    import polars as pl

    day = pl.col(column).cast(pl.Date).cast(pl.Int32).cast(pl.Int64)
    return frame.with_columns(day.alias(name))
