"""``CustomerBase``: the tables, the date they are seen from, the engine they live in.

The base is the one door to the data. :meth:`CustomerBase.visible` shows nothing that became
known after ``as_of``, so no measure built on it can see the future.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import cached_property, partial
from numbers import Real
from typing import TYPE_CHECKING, Any, Self

import narwhals as nw

from retention_lib.base import engine
from retention_lib.base.contract import TABLES, Column, Table
from retention_lib.errors import ChoiceError, DataWarning, InputError
from retention_lib.wording import LANGUAGES, Language, Wording, spoken

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    _Settle = Callable[[nw.LazyFrame[Any], str], nw.LazyFrame[Any]]

# Dates that say when something ended: known only from that day on, so an end after as_of is
# hidden together with what it brought to light.
_ENDINGS: dict[str, dict[str, tuple[str, ...]]] = {
    "customers": {"closed_on": ("closure_reason",)},
    "feedback": {"resolved_on": ()},
    "opportunities": {"closed_on": ("won", "stage"), "last_follow_up_on": ()},
}
# The date from which a row of a table exists at all.
_BEGINNINGS = {
    "transactions": "date",
    "customers": "acquired_on",
    "interactions": "date",
    "feedback": "date",
    "campaigns": "date",
    "opportunities": "opened_on",
}

# What an ending brings to light; where its date is not in the table, nobody can tell whether it
# was known on an earlier day.
_TOLD_UNDATED = {"opportunities": ("won", "stage")}

# Tables handed over are kept as they were cleaned, up to so many rows; larger ones are cleaned
# while they are read, so that a file larger than memory can be looked at.
_SETTLED_UP_TO = 30_000_000

# Columns of the workbook's own begin like this; a table's own column is renamed.
_OWN = "rl_"
# Days outside are typing errors or mean "never"; what lies before 1970 the scorecard points out.
_FIRST_DAY = engine.day_number(date(1900, 1, 1))
_LAST_DAY = engine.day_number(date(2100, 12, 31))

# Money is summed as floating numbers; an engine adds them in its own order. Rounding the sums
# makes 0.1 + 0.2 - 0.3 nothing rather than a purchase, and equal values equal on any engine.
NET_DECIMALS = 4


@dataclass(frozen=True, eq=False)
class CustomerBase:
    """A customer base seen from ``as_of``.

    Make one with :func:`retention_lib.open_base` or :meth:`from_tables`. ``made_from`` says how
    it was made: where the tables came from, how many rows were read, kept and set aside.
    """

    tables: Mapping[str, nw.LazyFrame[Any]]
    as_of: date
    activity_window_days: int = 365
    wording: Wording = field(default_factory=Wording)
    margin_rate: float | None = None
    name: str = ""
    made_from: Mapping[str, Any] = field(default_factory=dict)
    last_day: date | None = None
    """The last transaction of the whole table; seen from before, the base is seen from the past."""

    @classmethod
    def from_tables(
        cls,
        transactions: Any,
        *,
        customers: Any = None,
        people: Any = None,
        interactions: Any = None,
        feedback: Any = None,
        campaigns: Any = None,
        opportunities: Any = None,
        as_of: date | str | None = None,
        activity_window_days: int = 365,
        currency: str = "",
        language: Language | None = None,
        margin_rate: float | None = None,
        name: str = "",
        made_from: Mapping[str, Any] | None = None,
    ) -> Self:
        """A base from pandas, Polars, DuckDB, Spark or Ibis tables, or paths of Parquet files.

        Only ``transactions`` is required; ``customers``, ``people``, ``interactions``,
        ``feedback``, ``campaigns`` and ``opportunities`` unlock more. Columns are those of
        ``docs/data-dictionary.md``, in upper or lower case; others are kept (one called ``day``,
        like a column of the workbook's own, as ``day_export``, the second of two names that
        differ only by case with ``_2``). Rows without a customer, a date from 1900 to 2100 or a
        finite amount are set aside with a warning that counts them. The day of a moment is that
        of its own time zone; DuckDB and Parquet keep none, there it is that of UTC.

        ``as_of`` defaults to the last transaction date, never to today. ``activity_window_days``
        (default: ``365``) is how long a purchase keeps a customer active. ``currency`` is a code
        of ISO 4217; without it amounts are shown without a sign. ``language`` is that of every
        word said, ``en`` or ``fr``; without it the one told with :func:`retention_lib.speak`, or
        English. ``margin_rate`` is the share of revenue that is margin where no ``margin`` column
        says better (0 to 1). ``name`` is what the base is called, and
        ``made_from`` an account of where it came from.

        Raises ``InputError`` where a required column is missing or cannot be read, or ``as_of``
        lies before the first transaction.

        >>> import pandas as pd
        >>> lines = pd.DataFrame({"customer_id": ["007", "007", "8"],
        ...     "date": pd.to_datetime(["2024-01-05", "2024-03-05", "2024-02-01"]),
        ...     "amount": [10.0, 20.0, 5.0]})
        >>> base = CustomerBase.from_tables(lines)
        >>> base.as_of
        datetime.date(2024, 3, 5)
        """
        given = {
            "transactions": transactions,
            "customers": customers,
            "people": people,
            "interactions": interactions,
            "feedback": feedback,
            "campaigns": campaigns,
            "opportunities": opportunities,
        }
        language = spoken() if language is None else language
        _check_options(activity_window_days, language, margin_rate)
        connection = engine.connect()
        tables: dict[str, nw.LazyFrame[Any]] = {}
        made: dict[str, Any] = {"tables": {}, **(made_from or {})}
        if transactions is None:
            raise InputError("A base needs transactions; the other tables are optional. Got None.")
        given = {table_name: native for table_name, native in given.items() if native is not None}
        naming = {table_name: partial(_names, TABLES[table_name]) for table_name in given}
        in_engine = {name for name, native in given.items() if engine.is_relation(native)}
        if len(given) > 1:
            # Relations may come from several connections, and those cannot be joined.
            for table_name, native in given.items():
                if engine.is_relation(native):
                    given[table_name] = engine.into_connection(
                        native, table_name, connection, naming[table_name]
                    )
        for table_name, native in given.items():
            names = naming[table_name]
            if table_name == "transactions":
                frame = engine.as_lazy(native, table_name, connection, names)
            else:
                lead = tables["transactions"]
                frame = engine.beside(native, lead, table_name, connection, names)
            ours = frame.implementation.is_duckdb() and table_name not in in_engine
            settle = partial(engine.settled, connection=connection) if ours else None
            frame, counts = _clean(TABLES[table_name], frame, settle)
            if engine.is_spark(frame) and counts["rows_kept"] <= _SETTLED_UP_TO:
                frame = engine.worked_out(frame)
            if frame.implementation.is_ibis():
                frame = engine.copied(frame, counts["rows_kept"])
            tables[table_name] = frame
            made["tables"] = {**made["tables"], table_name: counts}
        first, last = _span(tables["transactions"])
        return cls(
            tables=tables,
            as_of=last if as_of is None else _known_on(_as_date(as_of), first),
            activity_window_days=activity_window_days,
            wording=Wording(language, currency),
            margin_rate=margin_rate,
            name=name,
            made_from=made,
            last_day=last,
        )

    @property
    def as_of_day(self) -> int:
        """``as_of`` as an integer day number."""
        return engine.day_number(self.as_of)

    @property
    def engine(self) -> str:
        """The engine the transactions live in, such as ``duckdb``."""
        return engine.engine_name(self.tables["transactions"])

    def has(self, table: str, *columns: str) -> bool:
        """Whether the base has that table, with those columns."""
        return table in self.tables and set(columns) <= set(self.columns(table))

    def columns(self, table: str) -> tuple[str, ...]:
        """Names of the columns of a table as it came in, without the day numbers."""
        own = _DAY_NUMBERS.get(table, frozenset())
        return tuple(name for name in self._schemas[table] if name not in own)

    @cached_property
    def _schemas(self) -> dict[str, tuple[str, ...]]:
        return {name: tuple(t.collect_schema().names()) for name, t in self.tables.items()}

    def visible(self, table: str) -> nw.LazyFrame[Any]:
        """A table as it was known on ``as_of``, as a Narwhals lazy frame.

        Beside each date stands its integer day number: ``day`` for ``date``, ``closed_on_day``
        for ``closed_on`` and so on. Rows that begin after ``as_of`` are not there, nor customers
        acquired after it; endings after ``as_of`` are empty. How an opportunity without a
        ``closed_on`` ended is not shown from the past: it may have ended since.
        """
        self._must_have(table)
        frame = self.tables[table]
        columns = self._schemas[table]
        begins = _BEGINNINGS.get(table)
        if begins in columns:
            name = day_column(begins)
            # Without a date of its own a row cannot be later than as_of.
            known = nw.col(name).is_null() | (nw.col(name) <= self.as_of_day)
            frame = frame.filter(known)
        for ends, told in _ENDINGS.get(table, {}).items():
            if ends in columns:
                frame = _hide_after(frame, ends, [c for c in told if c in columns], self.as_of_day)
        if "closed_on" not in columns and self.last_day is not None and self.as_of < self.last_day:
            undated = [name for name in _TOLD_UNDATED.get(table, ()) if name in columns]
            kinds = frame.collect_schema()
            for name in undated:
                frame = frame.with_columns(nw.lit(None, dtype=kinds[name]).alias(name))
        return frame

    def customer_days(self) -> nw.LazyFrame[Any]:
        """One row a customer and day: ``customer_id, day, net, lines``; refund days included."""
        return (
            self.visible("transactions")
            .group_by("customer_id", "day")
            .agg(
                nw.col("amount").sum().round(NET_DECIMALS).alias("net"),
                nw.len().alias("lines"),
            )
        )

    def purchases(self) -> nw.LazyFrame[Any]:
        """One row a purchase: a customer's day whose lines net to more than zero."""
        return self.customer_days().filter(nw.col("net") > 0)

    def to_pandas(self, table: str = "transactions") -> pd.DataFrame:
        """A table (default: ``'transactions'``) as known on ``as_of``, in pandas, to look at."""
        frame = self.visible(table).select(*self.columns(table))
        return engine.collect(frame)

    def at(self, as_of: date | str) -> Self:
        """The same base seen from another date.

        Raises ``InputError`` where the date lies before the first transaction.
        """
        first, _ = _span(self.tables["transactions"])
        return replace(self, as_of=_known_on(_as_date(as_of), first))

    def with_window(self, activity_window_days: int) -> Self:
        """The same base with another activity window, in days."""
        _check_options(activity_window_days, self.wording.language, self.margin_rate)
        return replace(self, activity_window_days=activity_window_days)

    def _must_have(self, table: str) -> None:
        if table not in TABLES:
            raise ChoiceError("table", table, TABLES)
        if table not in self.tables:
            raise InputError(
                f"This base has no table {table!r}. With it the workbook shows: "
                f"{TABLES[table].unlocks}."
            )

    def __repr__(self) -> str:
        called = f"{self.name!r}, " if self.name else ""
        return (
            f"<CustomerBase {called}{', '.join(self.tables)}; as of {self.as_of}; "
            f"window {self.activity_window_days} days; on {self.engine}>"
        )


def day_column(date_column: str) -> str:
    """The name of the day number beside a date column: ``day`` for the plain ``date``."""
    return "day" if date_column == "date" else f"{date_column}_day"


# The columns that the base adds to each table; no column of a table as it came in has such a name.
_DAY_NUMBERS = {
    table.name: frozenset({day_column(c.name) for c in table.columns if c.kind == "date"} | {"day"})
    for table in TABLES.values()
}


def require_base(value: object) -> None:
    """Say so where something else than a customer base was passed.

    Raises ``InputError`` with how to make a base.
    """
    if not isinstance(value, CustomerBase):
        raise InputError(
            f"Pass a CustomerBase; for an import use imported.to_base(), for a table "
            f"rl.CustomerBase.from_tables(table). Got {type(value).__name__}."
        )


def _names(table: Table, names: Sequence[str]) -> list[str]:
    """The columns' names in a base: the contract's spelling, none like the base's own, all unlike.

    Unlike whatever their case: DuckDB knows no difference between ``day`` and ``Day``.
    """
    contract = {name.lower(): name for name in table.column_names}
    new: list[str | None] = [None] * len(names)
    for lower, wanted in contract.items():
        alike = [place for place, name in enumerate(names) if name.lower() == lower]
        exact = [place for place in alike if names[place] == wanted]
        if len(alike) > 1 and len(exact) != 1:
            listed = ", ".join(repr(names[place]) for place in alike)
            raise InputError(
                f"The table {table.name!r} has {len(alike)} columns for {wanted}: {listed}. "
                f"Rename or drop all but one."
            )
        if alike:
            new[(exact or alike)[0]] = wanted
    taken = {name.lower() for name in new if name} | {name.lower() for name in names}
    met = {name.lower() for name in new if name}
    for place, name in enumerate(names):
        if new[place] is not None:
            continue
        lower = name.lower()
        if lower in _DAY_NUMBERS[table.name] or lower.startswith(_OWN):
            new[place] = _free(f"{name}_export", taken)
        elif lower in met:
            new[place] = _free(name, taken)
        else:
            new[place] = name
        met.add(str(new[place]).lower())
        taken.add(str(new[place]).lower())
    return [str(name) for name in new]


def _free(name: str, taken: set[str]) -> str:
    """The name, or with the first number behind it that no other column has."""
    number, free = 1, name
    while free.lower() in taken:
        number += 1
        free = f"{name}_{number}"
    return free


def _as_date(value: date | str) -> date:
    if isinstance(value, datetime) and value == value:  # NaT is a datetime, and not itself
        return value.date()
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    try:
        return date.fromisoformat(str(value)[:10])
    except ValueError:
        raise InputError(f"as_of must be a date such as 2025-12-31; got {value!r}.") from None


def _check_options(window: int, language: str, margin_rate: float | None) -> None:
    if isinstance(window, bool) or not isinstance(window, int) or window < 1:
        raise InputError(
            f"activity_window_days must be a whole number of days, 1 or more; got {window!r}."
        )
    if language not in LANGUAGES:
        raise ChoiceError("language", language, LANGUAGES)
    if margin_rate is None:
        return
    given: object = margin_rate
    if isinstance(given, bool) or not isinstance(given, Real) or not 0 <= margin_rate <= 1:
        raise InputError(
            f"margin_rate must lie between 0 and 1, as a number such as 0.3; got {margin_rate!r}."
        )


def _span(transactions: nw.LazyFrame[Any]) -> tuple[date, date]:
    """The days of the first and the last transaction."""
    day = nw.col("day")
    found = engine.one_row(transactions.select(day.min().alias("first"), day.max().alias("last")))
    if found["last"] is None:
        raise InputError("The transactions table has no usable row; a base needs at least one.")
    return engine.day_of(found["first"]), engine.day_of(found["last"])


def _known_on(as_of: date, first: date) -> date:
    if as_of < first:
        raise InputError(f"The first transaction is of {first}; nothing is known on {as_of}.")
    return as_of


def _hide_after(
    frame: nw.LazyFrame[Any], ends: str, told: list[str], as_of_day: int
) -> nw.LazyFrame[Any]:
    still_open = nw.col(day_column(ends)) > as_of_day
    hidden = [*told, ends, day_column(ends)]
    return frame.with_columns(
        nw.when(~still_open.fill_null(False)).then(nw.col(name)).alias(name) for name in hidden
    )


def _clean(
    table: Table, frame: nw.LazyFrame[Any], settle: _Settle | None
) -> tuple[nw.LazyFrame[Any], dict[str, Any]]:
    """Check a table against the contract, type it, add day numbers, set bad rows aside.

    ``settle`` keeps a frame, by a name, as it was cleaned, so that it is cleaned once.
    """
    held = table.name if settle and _rows(frame) <= _SETTLED_UP_TO else ""
    schema = dict(frame.collect_schema())
    missing = [name for name in table.required_names if name not in schema]
    if missing:
        raise InputError(
            f"The table {table.name!r} lacks {', '.join(missing)}; it has "
            f"{', '.join(schema)}. Rename its columns, or read the file with "
            f"rl.import_export(), which matches them for you."
        )
    texts: list[str] = []
    if engine.is_spark(frame):
        texts = [c.name for c in table.columns if c.kind == "text" and schema.get(c.name) == _TEXT]
        frame = engine.with_clean_texts(frame, texts)
    for column in table.columns:
        if column.name in schema and column.name not in texts:
            frame = _typed(table, column, frame, schema[column.name])
    if settle and held:
        frame, held = settle(frame, held), engine.settled_name(held)
    usable = _usable(table)
    counts = engine.one_row(
        frame.select(
            nw.len().alias("rows_read"),
            *[engine.ones(~ok).sum().alias(reason) for reason, ok in usable.items()],
            engine.ones(~nw.all_horizontal(*usable.values(), ignore_nulls=False))
            .sum()
            .alias("set_aside"),
        )
    )
    counts = {name: int(value or 0) for name, value in counts.items()}
    counts["rows_kept"] = counts["rows_read"] - counts["set_aside"]
    if counts["set_aside"]:
        _warn_set_aside(table.name, counts, list(usable))
        frame = frame.filter(nw.all_horizontal(*usable.values(), ignore_nulls=False))
        if settle and held:
            frame = settle(frame, held)
    # A table too large to be kept as it came may be small enough without what was set aside.
    if settle and not held and counts["rows_kept"] <= _SETTLED_UP_TO:
        frame = settle(frame, table.name)
    return frame, counts


def _rows(frame: nw.LazyFrame[Any]) -> int:
    """How many rows a table has; of a Parquet file its last bytes tell."""
    return int(engine.one_row(frame.select(nw.len().alias("rows")))["rows"])


def _usable(table: Table) -> dict[str, nw.Expr]:
    """What a row must have: a reason for setting it aside to the test it must pass."""
    tests: dict[str, nw.Expr] = {}
    for column in table.columns:
        if column.required:
            test = ~nw.col(column.name).is_null()
            if column.kind == "amount":
                test = nw.col(column.name).is_finite().fill_null(False)
            if column.kind == "date":
                day = nw.col(day_column(column.name))
                test = ((day >= _FIRST_DAY) & (day <= _LAST_DAY)).fill_null(False)
            tests[f"no usable {column.name}"] = test
    return tests


def _warn_set_aside(table: str, counts: dict[str, int], reasons: list[str]) -> None:
    said = ", ".join(f"{counts[reason]:,} with {reason}" for reason in reasons if counts[reason])
    warnings.warn(
        f"{counts['set_aside']:,} of {counts['rows_read']:,} rows of {table} were set aside: "
        f"{said}. Read the file with rl.import_export() to see and mend them.",
        DataWarning,
        stacklevel=4,
    )


def _typed(
    table: Table, column: Column, frame: nw.LazyFrame[Any], dtype: nw.dtypes.DType
) -> nw.LazyFrame[Any]:
    name = column.name
    if dtype in (nw.Categorical, nw.Enum):
        frame, dtype = frame.with_columns(nw.col(name).cast(nw.String)), nw.String()
    if column.kind == "text":
        if dtype.is_nested() or dtype == nw.Duration:
            raise _wrong_kind(table, name, dtype, "texts", frame)
        return _as_text(frame, name, dtype)
    if dtype == nw.String or dtype == nw.Unknown:
        frame = engine.with_clean_text(frame, name)
        if not _examples(frame, name):
            # Nothing in it, so it came without a type.
            dtype = _KINDS[column.kind]
            frame = frame.with_columns(nw.lit(None, dtype=dtype).alias(name))
        else:
            dtype = nw.String()
    if column.kind == "date":
        frame = _as_dates(table, name, frame, dtype)
        return engine.with_day_number(frame, name, day_column(name))
    if column.kind in ("amount", "number"):
        if not dtype.is_numeric():
            raise _wrong_kind(table, name, dtype, "numbers", frame)
        return frame.with_columns(nw.col(name).cast(nw.Float64))
    if dtype != nw.Boolean:
        if not dtype.is_integer():
            raise _wrong_kind(table, name, dtype, "yes or no (true or false)", frame)
        return frame.with_columns((nw.col(name) != 0).alias(name))
    return frame


_TEXT = nw.String()

_KINDS: dict[str, nw.dtypes.DType] = {
    "date": nw.Datetime(),
    "amount": nw.Float64(),
    "number": nw.Float64(),
    "flag": nw.Boolean(),
}


def _as_text(frame: nw.LazyFrame[Any], name: str, dtype: nw.dtypes.DType) -> nw.LazyFrame[Any]:
    column = nw.col(name)
    if dtype.is_float():
        # pandas makes 13085.0 of a whole-number column with gaps; the customer is 13085. Beyond
        # the whole numbers that are exact, two customers would become one.
        exact = column.is_finite() & (column.abs() < engine.EXACT)
        whole = exact & (column == column.round(0))
        as_whole = nw.when(whole).then(column).cast(nw.Int64).cast(nw.String)
        part = nw.when(exact).then(column.cast(nw.String))
        return frame.with_columns(nw.when(whole).then(as_whole).otherwise(part).alias(name))
    if dtype.is_decimal():
        # Warehouses and their Parquet files keep whole-number ids as decimals of 38 digits.
        whole = column.cast(nw.String).str.replace_all(r"\.0+$", "")
        return engine.with_clean_text(frame.with_columns(whole.alias(name)), name)
    if dtype.is_integer():
        return frame.with_columns(column.cast(nw.String))
    return engine.with_clean_text(frame, name)


def _as_dates(
    table: Table, name: str, frame: nw.LazyFrame[Any], dtype: nw.dtypes.DType
) -> nw.LazyFrame[Any]:
    if dtype in (nw.Date, nw.Datetime):
        return frame
    if dtype != nw.String:
        raise _wrong_kind(table, name, dtype, "dates", frame)
    iso = nw.col(name).str.contains(r"^\d{4}-\d{2}-\d{2}([T ]|$)")
    odd = _examples(frame.filter(~iso), name)
    if odd:
        raise InputError(
            f"The column {name!r} of {table.name!r} holds dates as text that are not of the form "
            f"2025-12-31 (for example {odd[0]!r}), so their order is a guess. Convert them "
            f"first, or read the file with rl.import_export(), which decides the order."
        )
    return engine.with_iso_dates(frame, name)


def _examples(frame: nw.LazyFrame[Any], name: str) -> list[Any]:
    """The first value of a column that is not missing, if there is one."""
    first = frame.filter(~nw.col(name).is_null()).select(name).head(1).collect("pyarrow")
    return [row[0] for row in first.rows()]


def _wrong_kind(
    table: Table, name: str, dtype: nw.dtypes.DType, wanted: str, frame: nw.LazyFrame[Any]
) -> InputError:
    found = _examples(frame, name)
    if dtype == nw.String and wanted == "numbers":
        # Among texts that are numbers, the one that is not says more.
        number = nw.col(name).str.contains(r"^[-+]?\d+(\.\d*)?$")
        found = _examples(frame.filter(~number), name) or found
    example = f" (for example {found[0]!r})" if found else ""
    return InputError(
        f"The column {name!r} of {table.name!r} should hold {wanted} but is of type "
        f"{dtype}{example}. Convert it first, or read the file with rl.import_export(), which "
        f"does it for you."
    )
