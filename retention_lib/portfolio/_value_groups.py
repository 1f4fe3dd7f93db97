"""Customers in groups by a description: a text column of the customers or of the transactions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import narwhals as nw

from retention_lib.base import engine
from retention_lib.base.contract import TABLES
from retention_lib.base.customer_base import NET_DECIMALS, CustomerBase
from retention_lib.base.known_names import known_names, without_names
from retention_lib.errors import ChoiceError
from retention_lib.masking import IDENTIFYING, masks
from retention_lib.wording import Wording

if TYPE_CHECKING:
    import pandas as pd

MOST_GROUPS = 12
"""Groups beyond the so many largest are pooled as others."""

_SOURCES = ("customers", "transactions")
# Who somebody is, and single documents: no group is made of these.
_NO_GROUPS = frozenset({"customer_id", "order_id"})
_USUAL = (
    "sector",
    "size",
    "region",
    "city",
    "country",
    "account_manager",
    "channel",
    "product_range",
)


def source_of(base: CustomerBase, by: object, *, also: Sequence[str] = ()) -> str:
    """The table that has the text column ``by``; empty where only the contract knows it.

    ``also`` names further choices of the caller. Raises ``ChoiceError`` where nobody knows it.
    """
    has = {table: _text_columns(base, table) for table in _SOURCES}
    for table, names in has.items():
        if isinstance(by, str) and by in names:
            return table
    contract = {
        column.name
        for table in _SOURCES
        for column in TABLES[table].columns
        if column.kind == "text"
    }
    if isinstance(by, str) and by in (contract | set(_USUAL)) - _NO_GROUPS:
        return ""
    known = [name for name in _USUAL if any(name in names for names in has.values())]
    others = [name for names in has.values() for name in names if name not in known]
    raise ChoiceError("by", by, [*also, *(known or _USUAL), *dict.fromkeys(others)])


def table_that_would_show(by: str) -> str:
    """The table of the contract in which a column is looked for."""
    lines = {column.name for column in TABLES["transactions"].columns}
    return "transactions" if by in lines else "customers"


def groups_of(base: CustomerBase, by: str, source: str) -> pd.Series[Any]:
    """The group of each customer, by ``customer_id``; missing where it is not known.

    Of transactions a customer belongs where most of its net revenue up to ``as_of`` is, among
    the lines that say; at equal revenue to the first in the alphabet. Where names are masked,
    those that stand in a column of your own are replaced.
    """
    groups = _grouped(base, by, source)
    contract = {column.name for table in _SOURCES for column in TABLES[table].columns}
    if not masks() or by in contract | set(_USUAL) | set(IDENTIFYING):
        return groups
    names = known_names(base)
    return groups.map({said: without_names(str(said), names) for said in groups.dropna().unique()})


def _grouped(base: CustomerBase, by: str, source: str) -> pd.Series[Any]:
    label = nw.col("rl_group").cast(nw.String).str.strip_chars()
    rows = base.visible(source)
    if source == "customers":
        said = rows.select("customer_id", nw.col(by).alias("rl_group")).with_columns(label)
        # A customer listed twice counts once, in the same group on every engine.
        once = said.filter(nw.col("rl_group") != "").group_by("customer_id")
        return _by_customer(once.agg(nw.col("rl_group").min()))
    # Summed first: labels are trimmed once a customer and value, not once a line.
    lines = rows.select("customer_id", nw.col(by).alias("rl_group"), "amount")
    raw = lines.group_by("customer_id", "rl_group").agg(nw.col("amount").sum())
    said = raw.with_columns(label).filter(nw.col("rl_group") != "")
    sums = said.group_by("customer_id", "rl_group").agg(nw.col("amount").sum().round(NET_DECIMALS))
    with engine.kept(sums) as held:
        most = held.group_by("customer_id").agg(nw.col("amount").max().alias("rl_most"))
        main = held.join(most, on="customer_id", how="inner")
        largest = main.filter(nw.col("amount") == nw.col("rl_most")).group_by("customer_id")
        return _by_customer(largest.agg(nw.col("rl_group").min()))


def _by_customer(frame: nw.LazyFrame[Any]) -> pd.Series[Any]:
    return engine.collect(frame).set_index("customer_id")["rl_group"]


def pooled(groups: pd.Series[Any], wording: Wording) -> tuple[pd.Series[Any], list[str]]:
    """Groups with their labels, and the labels in order: largest first, others, not known.

    The 12 largest keep their names, and a thirteenth where it would be pooled alone. The labels
    of the pool and of those not known never are the name of a real group.
    """
    counts = groups.value_counts()
    ranked = sorted(counts.index, key=lambda name: (-int(counts[name]), str(name)))
    kept = ranked if len(ranked) == MOST_GROUPS + 1 else ranked[:MOST_GROUPS]
    rest = ranked[len(kept) :]
    others = _free(wording.say("value.others", groups=len(rest)), ranked)
    unknown = _free(wording.say("value.not_known"), ranked)
    labels = groups.map({**{name: name for name in kept}, **dict.fromkeys(rest, others)})
    labels = labels.astype(object).where(groups.notna(), unknown)
    order = [*kept, *([others] if rest else []), *([unknown] if groups.isna().any() else [])]
    return labels, [str(name) for name in order]


def _free(label: str, taken: Sequence[object]) -> str:
    while label in taken:
        label = f"({label})"
    return label


def _text_columns(base: CustomerBase, table: str) -> list[str]:
    if not base.has(table):
        return []
    kinds = base.visible(table).collect_schema()
    texts = (nw.String, nw.Categorical, nw.Enum)
    own = set(base.columns(table)) - _NO_GROUPS
    return [name for name, kind in kinds.items() if kind in texts and name in own]
