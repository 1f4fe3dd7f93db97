"""Merging customers entered twice, and undoing it.

A merge changes no table where it lies: it is a new base whose tables look their customer up in a
small list, inside the engine. The base before stays reachable, so a merge can always be undone.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import narwhals as nw
import pandas as pd

from retention_lib.base import _warehouse, engine
from retention_lib.base.customer_base import CustomerBase, day_column, require_base
from retention_lib.errors import DataWarning, InputError
from retention_lib.masking import said_name

if TYPE_CHECKING:
    from retention_lib.base.duplicates import Duplicates

# Helper columns: no export names a column like this.
_ID, _KEPT, _RANK, _LAST = "rl_customer", "rl_kept", "rl_rank", "rl_last"


def merge_duplicates(
    base: CustomerBase,
    duplicates: Duplicates | Mapping[str, str],
    *,
    groups: Sequence[int] | None = None,
) -> CustomerBase:
    """Merge customers entered more than once; gives a new base, the old one stays as it is.

    ``duplicates`` are proposals of :func:`find_duplicates` (``groups`` picks some by number) or
    your own list, customer to be merged to customer that stays. Every table then speaks of the
    customer that stays. In the customers table each column keeps its first non-empty value, the
    staying customer's first; ``contactable`` is no as soon as one entry says no; ``acquired_on``
    is the earliest; ``closed_on`` the latest, and only where every entry is closed.
    ``made_from["merged"]`` lists the pairs; :func:`undo_merge` takes the merge back.

    Warns where a merged customer is now in both groups of a campaign: its effect can no longer be
    measured on that customer. Raises ``InputError`` for a customer the base does not have.

    >>> lines = pd.DataFrame({"customer_id": ["1", "2"], "date": ["2024-01-05", "2024-02-01"],
    ...     "amount": [10.0, 20.0]})
    >>> merged = merge_duplicates(CustomerBase.from_tables(lines), {"2": "1"})
    >>> merged.to_pandas()["customer_id"].tolist()
    ['1', '1']
    """
    require_base(base)
    if isinstance(duplicates, Mapping):
        if groups is not None:
            raise InputError("groups goes with proposals of find_duplicates, not with a list.")
        wanted = {str(gone): str(kept) for gone, kept in duplicates.items()}
    else:
        wanted = duplicates.mapping(groups=groups)
    mapping = _resolved(wanted)
    _must_exist(base, mapping)
    pairs = pd.DataFrame(mapping.items(), columns=[_ID, _KEPT], dtype="str")
    tables = dict(base.tables)
    if mapping:
        tables = {name: _renamed(frame, pairs) for name, frame in base.tables.items()}
        if base.has("customers"):
            tables["customers"] = _combined(base, pairs)
    made = {
        **base.made_from,
        "merged": [*base.made_from.get("merged", ()), *mapping.items()],
        "before_merge": base,
    }
    merged = replace(base, tables=tables, made_from=made)
    _warn_of_campaigns(merged, set(mapping.values()))
    return merged


def undo_merge(base: CustomerBase) -> CustomerBase:
    """Take the last merge back: the tables are again those of the base before.

    What was chosen since then (another ``as_of``, another window) stays chosen. Raises
    ``InputError`` where nothing was merged.

    >>> lines = pd.DataFrame({"customer_id": ["1", "2"], "date": ["2024-01-05", "2024-02-01"],
    ...     "amount": [10.0, 20.0]})
    >>> base = CustomerBase.from_tables(lines)
    >>> undo_merge(merge_duplicates(base, {"2": "1"})).to_pandas()["customer_id"].tolist()
    ['1', '2']
    """
    require_base(base)
    before = base.made_from.get("before_merge")
    if before is None:
        raise InputError("Nothing was merged in this base, so there is no merge to undo.")
    return replace(base, tables=before.tables, made_from=before.made_from)


def _resolved(wanted: Mapping[str, str]) -> dict[str, str]:
    """Each customer with the one it ends at: 3 to 2 and 2 to 1 is 3 to 1."""
    resolved = {}
    for gone in wanted:
        seen, last = {gone}, wanted[gone]
        while last in wanted and last not in seen:
            seen.add(last)
            last = wanted[last]
        if last in seen and last != gone:
            raise InputError(f"Customers cannot be merged in a circle: see {last!r}.")
        if last == gone and wanted[gone] != gone:
            raise InputError(f"Customers cannot be merged in a circle: see {gone!r}.")
        if last != gone:
            resolved[gone] = last
    return resolved


def _must_exist(base: CustomerBase, mapping: Mapping[str, str]) -> None:
    named = {*mapping, *mapping.values()}
    known: set[str] = set()
    for table in ("transactions", "customers"):
        if base.has(table):
            ids = base.tables[table].select("customer_id").unique()
            known |= set(engine.collect(ids)["customer_id"])
    unknown = sorted(named - known)
    if unknown:
        raise InputError(
            f"{len(unknown):,} of the {len(named):,} customers to be merged are not in this base "
            f"(first: {said_name(unknown[0])!r}). Were the proposals made on another base?"
        )


def _beside(frame: nw.LazyFrame[Any], small: pd.DataFrame) -> nw.LazyFrame[Any]:
    """A small table of texts and whole numbers in the engine a table lives in, to join with it."""
    native = frame.to_native()
    implementation = frame.implementation
    if implementation.is_duckdb():
        beside: nw.LazyFrame[Any] = nw.from_native(native.query("rl_table", _as_sql(small))).lazy()
        return beside
    if implementation.is_polars():
        import polars as pl

        return nw.from_native(pl.from_pandas(small).lazy())
    if implementation.is_pyspark() or implementation.is_pyspark_connect():
        import pyarrow as pa

        # By way of Arrow: of pandas 3 Spark warns in every notebook.
        handed = pa.Table.from_pandas(small, preserve_index=False)
        beside = nw.from_native(native.sparkSession.createDataFrame(handed)).lazy()
        return beside
    if implementation.is_ibis():
        import pyarrow as pa

        handed = pa.Table.from_pandas(small, preserve_index=False)
        beside = nw.from_native(_warehouse.handed_over(handed, native)).lazy()
        return beside
    raise InputError(f"Customers cannot be merged on {engine.engine_name(frame)} tables yet.")


def _as_sql(small: pd.DataFrame) -> str:
    """The table as a DuckDB query: a relation knows its connection, but does not give it away.

    Texts go in as hexadecimal digits, so that no sign in them can mean anything to SQL.
    """
    lists, values = [], []
    for name in small:
        whole = pd.api.types.is_integer_dtype(small[name])
        cells = [str(cell) if whole else str(cell).encode().hex() for cell in small[name]]
        lists.append(f"unnest(string_split('{','.join(cells)}', ',')) AS {name}")
        values.append(f"CAST({name} AS BIGINT)" if whole else f"decode(unhex({name}))")
    named = ", ".join(f"{v} AS {name}" for v, name in zip(values, small, strict=True))
    return f"SELECT {named} FROM (SELECT {', '.join(lists)})"


def _renamed(frame: nw.LazyFrame[Any], pairs: pd.DataFrame) -> nw.LazyFrame[Any]:
    columns = frame.collect_schema().names()
    if "customer_id" not in columns:
        return frame
    return (
        frame.join(_beside(frame, pairs), left_on="customer_id", right_on=_ID, how="left")
        .with_columns(nw.coalesce(_KEPT, "customer_id").alias("customer_id"))
        .select(*columns)
    )


def _combined(base: CustomerBase, pairs: pd.DataFrame) -> nw.LazyFrame[Any]:
    """The customers table with each group's rows made one."""
    frame = base.tables["customers"]
    columns = frame.collect_schema().names()
    ranked = _with_ranks(pairs)
    listed = frame.join(_beside(frame, ranked), left_on="customer_id", right_on=_ID, how="left")
    others = listed.filter(nw.col(_RANK).is_null()).select(*columns)
    grouped = listed.filter(~nw.col(_RANK).is_null())
    if "closed_on" in columns:
        grouped = grouped.with_columns(nw.col("closed_on").max().over(_KEPT).alias(_LAST))
    others_of = [name for name in columns if name != "customer_id"]
    grouped, first_known = _with_firsts(grouped, others_of)
    rows = grouped.with_columns(
        _combination(name, columns, first_known[name]).alias(name) for name in others_of
    )
    # A group need not have a row for the customer that stays: the first that it has will do.
    first = nw.col(_RANK).min().over(_KEPT)
    kept = rows.with_columns(first.alias("rl_first")).filter(nw.col(_RANK) == nw.col("rl_first"))
    kept = kept.with_columns(nw.col(_KEPT).alias("customer_id")).select(*columns)
    return nw.concat([others, kept], how="vertical")


def _with_ranks(pairs: pd.DataFrame) -> pd.DataFrame:
    """Every customer of a group with its place in it, the one that stays at 0."""
    staying = pd.DataFrame({_ID: pairs[_KEPT].unique()}, dtype="str")
    staying[_KEPT] = staying[_ID]
    listed = pd.concat([staying, pairs.sort_values(_ID)], ignore_index=True)
    listed[_RANK] = listed.groupby(_KEPT).cumcount().astype("int64")
    return listed


def _combination(name: str, columns: Sequence[str], first_known: nw.Expr) -> nw.Expr:
    """What a group has in one column, seen from each of its rows; only the first one is kept."""
    value = nw.col(name)
    if name == "contactable":
        # False counts before true, and both before nothing.
        return nw.when(~value.is_null()).then(engine.ones(value)).min().over(_KEPT) != 0
    if name in ("acquired_on", day_column("acquired_on")):
        return value.min().over(_KEPT)
    closing = ("closed_on", day_column("closed_on"), "closure_reason")
    if name in closing and "closed_on" in columns:
        open_entries = engine.ones(nw.col("closed_on").is_null()).max().over(_KEPT)
        closed = value.max().over(_KEPT)
        if name == "closure_reason":
            of_last = nw.when(nw.col("closed_on") == nw.col(_LAST)).then(value)
            closed = nw.coalesce(of_last.max().over(_KEPT), first_known)
        return nw.when(open_entries == 0).then(closed)
    return first_known


def _with_firsts(
    grouped: nw.LazyFrame[Any], names: Sequence[str]
) -> tuple[nw.LazyFrame[Any], dict[str, nw.Expr]]:
    """The first value of each column that is not empty, seen from its group's first row."""
    if not grouped.implementation.is_ibis():
        return grouped, {
            name: nw.col(name).fill_null(strategy="backward").over(_KEPT, order_by=_RANK)
            for name in names
        }
    # Narwhals cannot say it to Ibis. By number, for PostgreSQL cuts names that grow too long.
    wanted = {name: f"rl_first_{place}" for place, name in enumerate(names)}
    native = _warehouse.with_firsts(grouped.to_native(), wanted, by=_KEPT, order_by=_RANK)
    return nw.from_native(native).lazy(), {name: nw.col(new) for name, new in wanted.items()}


def _warn_of_campaigns(base: CustomerBase, kept: set[str]) -> None:
    if not base.has("campaigns") or not kept:
        return
    both = (
        base.tables["campaigns"]
        .group_by("campaign_id", "customer_id", "group")
        .agg(nw.len().alias("rows"))
        .group_by("campaign_id", "customer_id")
        .agg(nw.len().alias("groups"))
        .filter(nw.col("groups") > 1)
    )
    found = engine.collect(both)
    found = found[found["customer_id"].isin(kept)].sort_values(["campaign_id", "customer_id"])
    if len(found):
        first = found.iloc[0]
        warnings.warn(
            f"{len(found):,} merged [customer, campaign] are now in more than one group of it "
            f"(first: {said_name(first['customer_id'])!r} in {first['campaign_id']!r}). Their "
            f"campaigns can no longer be measured on them; undo_merge(base) takes the merge back.",
            DataWarning,
            stacklevel=3,
        )
