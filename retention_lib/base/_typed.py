"""Sources whose cells have types already, rendered as text: Parquet, databases, Python values.

A number is written with a decimal point and no more digits than it has, and marked with
``NUMBER_MARK`` where it has a fraction; a whole one without ``.0``, a day as 2024-12-31, a moment
as 2024-12-31 10:30:00: texts that mean one thing only.
"""

from __future__ import annotations

import datetime as dt
import json
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import unquote_plus

from retention_lib.base._raw import (
    NUMBER_MARK,
    ROW,
    RawTable,
    Reading,
    SourceKind,
    check_width,
    example,
    headings,
    plain_text,
    rejected_table,
    without_number_marks,
)
from retention_lib.errors import InputError, MissingPackageError, QuestionError

if TYPE_CHECKING:
    import pyarrow as pa

    from retention_lib.base._unpack import Unpacked

MAX_ROWS = 500_000_000
_ALWAYS_FINE_ROWS = 200_000
_PATIENCE_SECONDS = 900
_BATCH = 50_000
# Numbers whose mark could be mistaken; one of more digits is no amount and stays unreadable.
_HAS_FRACTION = r"^-?\d{1,15}\.\d|^-?\d(?:\.\d+)?[eE]"


def float_text(value: float) -> str:
    """A number as text: the fewest digits that give it back, no ``.0``.

    >>> float_text(13085.0), float_text(12.5), float_text(1e15)
    ('13085', '12.5', '1000000000000000')
    """
    if value.is_integer() and abs(value) < 1e18:
        return str(int(value))
    return repr(value)


def _marked_float(value: float) -> str:
    text = float_text(value)
    return text + NUMBER_MARK if re.match(_HAS_FRACTION, text) else text


def moment_text(value: dt.datetime) -> str:
    """A date and time as text; at midnight the date alone.

    >>> moment_text(dt.datetime(2024, 12, 31)), moment_text(dt.datetime(2024, 12, 31, 10, 30))
    ('2024-12-31', '2024-12-31 10:30:00')
    """
    if value.time() == dt.time(0) and value.tzinfo is None:
        return value.date().isoformat()
    return value.isoformat(sep=" ")


def _length_of_time(value: dt.timedelta) -> str:
    seconds = int(value.total_seconds())
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


_TO_TEXT: dict[type, Callable[[Any], str | None]] = {
    str: plain_text,
    int: str,
    float: _marked_float,
    bool: lambda value: "true" if value else "false",
    dt.datetime: moment_text,
    dt.date: dt.date.isoformat,
    dt.time: dt.time.isoformat,
    dt.timedelta: _length_of_time,
    bytes: lambda value: plain_text(value.decode("utf-8", "replace")),
    type(None): lambda value: None,
}


def cells_as_text(cells: Sequence[Any]) -> list[str | None]:
    """Python values, of one type or several, as texts; ``None`` stays.

    >>> [plain_text(text) for text in cells_as_text([1.234, "1.234", 250])]
    ['1.234', '1.234', '250']
    """
    return [_TO_TEXT.get(type(cell), str)(cell) for cell in cells]


def are_numbers(cells: Iterable[Any]) -> bool:
    """Whether all cells that are not empty are numbers, and there is one."""
    kinds = {type(cell) for cell in cells if cell is not None and cell != ""}
    return bool(kinds) and kinds <= {int, float}


# -- Arrow tables -----------------------------------------------------------------------------


def column_as_text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """An Arrow column of any type as text, nothing lost; null stays null."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_dictionary(column.type):
        return column_as_text(column.cast(column.type.value_type))
    if not _is_number(column.type):
        return without_number_marks(_plain_column(column))
    text = _plain_column(column)
    if pa.types.is_integer(column.type):
        return text
    marked = pc.binary_join_element_wise(text, NUMBER_MARK, "")
    return pc.if_else(pc.match_substring_regex(text, _HAS_FRACTION), marked, text)


def _plain_column(column: pa.ChunkedArray) -> pa.ChunkedArray:
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = column.type
    if pa.types.is_floating(kind):
        numbers = column.cast(pa.float64())
        whole = pc.and_(pc.equal(pc.floor(numbers), numbers), pc.less(pc.abs(numbers), 1e15))
        digits = pc.if_else(whole, numbers, None).cast(pa.int64()).cast(pa.string())
        # A float32 has fewer digits than the double it widens to: 0.1, not 0.10000000149.
        text = pc.coalesce(digits, column.cast(pa.string()))
        return pc.if_else(pc.is_nan(numbers), None, text)
    if pa.types.is_timestamp(kind):
        text = column.cast(pa.string())
        text = pc.replace_substring_regex(text, r"(:\d\d\.\d*?)0+([+-]\d{4}|Z)?$", r"\1\2")
        text = pc.replace_substring_regex(text, r"\.([+-]\d{4}|Z)?$", r"\1")
        return pc.replace_substring_regex(text, r" 00:00:00$", "")
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return _binary_as_text(column)
    if pa.types.is_nested(kind):
        texts = [
            None if value is None else json.dumps(value, default=str, ensure_ascii=False)
            for value in column.to_pylist()
        ]
        return pa.chunked_array([pa.array(texts, pa.string())])
    return column.cast(pa.string())


def _binary_as_text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    import pyarrow as pa

    try:
        return column.cast(pa.string())
    except pa.ArrowInvalid:
        texts = [
            None if v is None else bytes(v).decode("utf-8", "replace") for v in column.to_pylist()
        ]
        return pa.chunked_array([pa.array(texts, pa.string())])


def from_arrow(table: pa.Table, name: str, reading: Reading) -> RawTable:
    """A typed Arrow table as a table of text."""
    import numpy as np
    import pyarrow as pa

    check_width(table.num_columns, name)
    if not table.num_columns or not table.num_rows:
        raise InputError(f"{name} has {table.num_columns} columns and no rows. Export it again.")
    header = headings(table.column_names)
    numbers = tuple(
        heading
        for heading, field in zip(header, table.schema, strict=True)
        if _is_number(field.type)
    )
    columns = [column_as_text(column) for column in table.columns]
    rows = pa.array(np.arange(1, table.num_rows + 1))
    text = pa.table([rows, *columns], names=[ROW, *header])
    zones = tuple(
        f"The days of {heading} are those of the time zone {field.type.tz}."
        for heading, field in zip(header, table.schema, strict=True)
        if pa.types.is_timestamp(field.type) and field.type.tz
    )
    reading = replace(reading, assumptions=(*reading.assumptions, *zones))
    return RawTable(text, header, rejected_table([]), reading, numbers)


def _is_number(kind: pa.DataType) -> bool:
    import pyarrow as pa

    if pa.types.is_dictionary(kind):
        return _is_number(kind.value_type)
    return bool(
        pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    )


def read_parquet(found: Unpacked) -> RawTable:
    """Read a Parquet file."""
    import pyarrow as pa
    from pyarrow import parquet

    try:
        file = parquet.ParquetFile(found.path or pa.BufferReader(found.data))
        if file.metadata.num_rows > MAX_ROWS:
            raise InputError(
                f"{found.name} says it has {file.metadata.num_rows:,} rows; at most "
                f"{MAX_ROWS:,} can be read at once. Split it by year."
            )
        check_width(len(file.schema_arrow), found.name)
        table = file.read()
        # Texts that are no UTF-8 would only be noticed much later, and far from here.
        table.validate(full=True)
    except InputError:
        raise
    except (pa.ArrowException, OSError, MemoryError, ValueError) as error:
        raise InputError(
            f"{found.name} is cut short or damaged ({_first_line(error)}). Copy it again."
        ) from error
    return from_arrow(table, found.name, Reading(found.name, "parquet"))


def _first_line(error: BaseException) -> str:
    return example((str(error).splitlines() or [type(error).__name__])[0], 200)


# -- databases --------------------------------------------------------------------------------


def is_database_url(source: str) -> bool:
    """Whether a source is an address like ``postgresql://…`` rather than a path.

    In quotes as well, and with the one stroke that ``Path`` leaves of two.
    """
    return re.match(r"[\s\"']*[a-z][a-z0-9+.-]+:/", source, re.IGNORECASE) is not None


def without_secrets(url: str) -> str:
    """An address as it may be shown and filed: nobody's name or password, no more than needed.

    >>> without_secrets("postgresql://ann:p@ss/word@db.example:5432/shop?password=x")
    'postgresql://…@db.example:5432/shop?…'
    """
    scheme, _, rest = url.strip(" \t\n\"'").partition(":")
    rest = rest.removeprefix("/").removeprefix("/")
    # A password may hold any sign, an @ or a / as well: all before the last @ goes.
    secret, at, place = rest.rpartition("@")
    place, more, _ = place.partition("?")
    # A password may follow a question mark, too, and hold an @: then nothing is certain.
    place = "…" if "?" in secret else place
    return f"{scheme}://{'…@' if at else ''}{place}{'?…' if more else ''}"


def _without_the_address(message: str, url: str) -> str:
    """What a driver says, without what it may repeat of the address."""
    message = message.replace(url, without_secrets(url))
    secrets = re.split(r"[/@?&=]", url.partition("://")[2].rpartition("@")[0])
    secrets += [part.partition("=")[2] for part in url.partition("?")[2].split("&")]
    secrets += [part for secret in secrets for part in secret.split(":")[1:]]
    for secret in sorted({s for s in secrets if len(s) > 2}, key=len, reverse=True):
        message = message.replace(secret, "…").replace(unquote_plus(secret), "…")
    return message


def read_database(url: str, table: str | None = None) -> RawTable:
    """Read one table of a database; which, where there are several, has to be told."""
    url = url.strip(" \t\n\"'")
    scheme, _, rest = url.partition("://")
    shown = without_secrets(url)
    readers: Mapping[str, Callable[[str, str | None, str], RawTable]] = {
        "sqlite": _read_sqlite,
        "duckdb": _read_duckdb,
    }
    reader = readers.get(scheme.lower())
    if reader is None:
        return _read_through_ibis(url, table, shown)
    # sqlite:///relative.db and sqlite:////absolute.db, as everywhere else.
    return reader(rest.removeprefix("/"), table, shown)


def choose_table(tables: Sequence[str], wanted: str | None, shown: str) -> str:
    """The table to read; a question where there are several and none was named."""
    if wanted is not None:
        if wanted not in tables:
            raise InputError(
                f"{shown} has no table {wanted!r}; it has {', '.join(tables) or 'none'}."
            )
        return wanted
    if not tables:
        raise InputError(f"{shown} has no table. Check the address.")
    if len(tables) > 1:
        raise QuestionError(
            [
                f"{shown} has {len(tables)} tables: {', '.join(tables)}. "
                f"Which one? Pass sheet={tables[0]!r}, for instance."
            ]
        )
    return tables[0]


def _existing(path: str, shown: str) -> str:
    from pathlib import Path

    if not Path(path).is_file():
        raise InputError(f"{shown}: there is no file {path}. Check the address.")
    return path


def _read_sqlite(path: str, table: str | None, shown: str) -> RawTable:
    import sqlite3
    from contextlib import closing
    from pathlib import Path

    address = Path(_existing(path, shown)).absolute().as_uri() + "?mode=ro"
    try:
        with closing(sqlite3.connect(address, uri=True)) as connection:
            found = connection.execute(
                "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') "
                "AND name NOT LIKE 'sqlite_%' ORDER BY name"
            )
            chosen = choose_table([name for (name,) in found], table, shown)
            escaped = chosen.replace('"', '""')
            most = _most_rows(path)
            with _in_time(connection):
                cursor = connection.execute(f'SELECT * FROM "{escaped}" LIMIT {most + 1}')
                names = [column[0] for column in cursor.description]
                reading = Reading(shown, "database", sheet=chosen)
                batches = iter(lambda: cursor.fetchmany(_BATCH), [])
                read = from_rows(batches, names, shown, reading)
            _check_rows(read.table.num_rows, most, shown, chosen)
            return read
    except sqlite3.Error as error:
        raise InputError(f"{shown} cannot be read: {_first_line(error)}.") from error


class _Interruptible(Protocol):
    def interrupt(self) -> None: ...


@contextmanager
def _in_time(connection: _Interruptible) -> Iterator[None]:
    """Stop a database that does not come to an end: a view can be a loop."""
    timer = threading.Timer(_PATIENCE_SECONDS, connection.interrupt)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _most_rows(path: str) -> int:
    """How many rows a table or view of a database file may have: a row takes a byte at least."""
    from pathlib import Path

    return max(_ALWAYS_FINE_ROWS, Path(path).stat().st_size)


def _check_rows(rows: int, most: int, shown: str, table: str) -> None:
    if rows > most:
        raise InputError(
            f"{shown}: {table} has more than {most:,} rows, more than the file can hold. It is a "
            "view that does not end; give the table itself with sheet=."
        )


def from_rows(
    batches: Iterator[list[tuple[Any, ...]]], names: Sequence[str], shown: str, reading: Reading
) -> RawTable:
    """Batches of Python rows as a table of text."""
    import numpy as np
    import pyarrow as pa

    header = headings(names)
    schema = pa.schema([(name, pa.string()) for name in header])
    numbers = dict.fromkeys(header, True)
    filled: set[str] = set()
    pieces = []
    for batch in batches:
        columns = list(zip(*batch, strict=True))
        for name, column in zip(header, columns, strict=True):
            if any(cell is not None for cell in column):
                filled.add(name)
                numbers[name] &= are_numbers(column)
        texts = [pa.array(cells_as_text(column), pa.string()) for column in columns]
        pieces.append(pa.record_batch(texts, schema=schema))
    if not pieces:
        raise InputError(f"{shown}: {reading.sheet} has no rows.")
    table = pa.Table.from_batches(pieces, schema)
    rows = pa.array(np.arange(1, table.num_rows + 1))
    table = table.add_column(0, ROW, [rows])
    typed = tuple(name for name in header if numbers[name] and name in filled)
    return RawTable(table, header, rejected_table([]), reading, typed)


def _read_duckdb(path: str, table: str | None, shown: str) -> RawTable:
    import duckdb

    try:
        # A view in the file may read any other file of the machine, unless it is not let out.
        with duckdb.connect(_existing(path, shown), read_only=True) as connection:
            connection.execute("SET enable_external_access = false")
            # DuckDB keeps moments without their zone and shows them in that of the machine.
            connection.execute("SET TimeZone = 'UTC'")
            found = connection.execute(
                "SELECT table_name, table_type FROM information_schema.tables "
                "WHERE table_schema = 'main' ORDER BY table_name"
            ).fetchall()
            kinds = dict(found)
            chosen = choose_table(list(kinds), table, shown)
            escaped = chosen.replace('"', '""')
            # Rows that are all alike take no room in a table; in a view they may be without end.
            most = _most_rows(path) if kinds[chosen] == "VIEW" else MAX_ROWS
            with _in_time(connection):
                query = f'SELECT * FROM "{escaped}" LIMIT {most + 1}'
                rows = connection.sql(query).to_arrow_table()
            _check_rows(rows.num_rows, most, shown, chosen)
    except duckdb.Error as error:
        raise InputError(f"{shown} cannot be read: {_first_line(error)}.") from error
    return from_arrow(rows, shown, _database(shown, chosen))


def _database(shown: str, table: str, kind: SourceKind = "database") -> Reading:
    return Reading(shown, kind, sheet=table)


def _read_through_ibis(url: str, table: str | None, shown: str) -> RawTable:
    try:
        import ibis
    except ImportError as error:
        raise MissingPackageError(f"Reading from {shown}", "warehouse") from error
    try:
        connection = ibis.connect(url)
        # As people write it, a table of another schema is schema.table.
        schema, point, name = (table or "").rpartition(".")
        if point and schema in connection.list_databases():
            tables = sorted(connection.list_tables(database=schema))
            chosen = choose_table(tables, name, f"{shown}, schema {schema},")
            rows = connection.table(chosen, database=schema).to_pyarrow()
        else:
            chosen = choose_table(sorted(connection.list_tables()), table, shown)
            rows = connection.table(chosen).to_pyarrow()
    except (InputError, MissingPackageError):
        raise
    except ImportError as error:
        raise MissingPackageError(f"Reading from {shown}", "warehouse") from error
    except Exception as error:
        # Every backend of Ibis has exceptions of its own, without a common base.
        message = _without_the_address(_first_line(error), url)
        raise InputError(f"{shown} cannot be read: {message}") from error
    return from_arrow(rows, shown, _database(shown, chosen))
