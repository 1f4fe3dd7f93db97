"""Customers that are probably the same: proposed with reasons, merged on request, undone at will.

How two entries are weighed against each other is :mod:`duplicate_evidence`; merging is
:mod:`merging`. This module says what was found.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import narwhals as nw
import numpy as np
import pandas as pd

from retention_lib import progress
from retention_lib.base import engine
from retention_lib.base.customer_base import NET_DECIMALS, CustomerBase, require_base
from retention_lib.base.duplicate_evidence import (
    IDENTIFIERS,
    MOST_SHARING,
    CheckedCustomers,
    Entries,
    Pairs,
    group_pairs,
    propose_pairs,
    read_customers,
)
from retention_lib.base.merging import merge_duplicates as merge_duplicates
from retention_lib.base.merging import undo_merge as undo_merge
from retention_lib.errors import InputError
from retention_lib.results import Result

if TYPE_CHECKING:
    Floats = np.ndarray[Any, np.dtype[np.float64]]

THRESHOLD = 0.8
"""Probability from which a pair is proposed."""


@dataclass(frozen=True, repr=False, eq=False)
class Duplicates(Result):
    """Groups of customers that are probably one: one row a customer in a group.

    Columns: ``group`` (1 is the group with the most revenue), ``customer_id``, ``name``,
    ``kept_id`` (the customer that would stay: open before closed, then the highest revenue),
    ``score`` (probability of the closest link, 0 to 1), ``why`` in words, ``revenue`` (net, all
    time, of that entry). ``pairs`` has one row a proposed pair, ``shared`` the values that too
    many customers share to say anything: switchboards, placeholders, an accountant's address.
    """

    pairs: pd.DataFrame = field(default_factory=pd.DataFrame)
    shared: pd.DataFrame = field(default_factory=pd.DataFrame)

    formats: ClassVar[Mapping[str, str]] = {"score": "percent", "revenue": "money"}

    @property
    def group_count(self) -> int:
        """How many groups are proposed."""
        return int(self.table["group"].nunique())

    def mapping(self, *, groups: Sequence[int] | None = None) -> dict[str, str]:
        """Customers that a merge would take away, each with the one it goes to.

        Raises ``InputError`` for a group that was not proposed.
        """
        table = self.table
        if groups is not None:
            unknown = sorted(set(groups) - set(table["group"]))
            if unknown:
                raise InputError(
                    f"There is no group {unknown[0]}; {self.group_count} groups are proposed, "
                    f"numbered from 1. See .to_frame()."
                )
            table = table[table["group"].isin(list(groups))]
        gone = table[table["customer_id"] != table["kept_id"]]
        return dict(zip(gone["customer_id"], gone["kept_id"], strict=True))

    def sentence(self) -> str:  # noqa: D102
        customers = int(self.assumptions["customers"])  # type: ignore[call-overload]
        if not customers:
            return self.wording.say("duplicates.cannot_tell")
        if self.table.empty:
            return self.wording.say("duplicates.none", customers=customers)
        return self.wording.say(
            "duplicates.sentence",
            groups=self.group_count,
            entries=len(self.table),
            customers=customers,
            revenue=self.wording.money(float(self.table["revenue"].sum())),
        )


def find_duplicates(
    base: CustomerBase, *, threshold: float = THRESHOLD, phone_region: str | None = None
) -> Duplicates:
    """Propose groups of customers that are probably the same; nothing is merged.

    ``threshold`` is the probability (0 to 1) from which a pair is proposed. ``phone_region``
    (two letters, such as ``FR``) is the country of telephone numbers without a prefix; without
    it the country in which most of them are valid.

    The trap: two establishments of one company have one name and two SIRETs. They are never
    proposed, nor is anybody with two valid SIRENs.

    Without a name, an e-mail address, a telephone, SIRET or VAT number in a customers table nobody
    can tell: nothing is proposed, and the sentence says why.

    >>> lines = pd.DataFrame({"customer_id": ["1", "2", "3"], "date": ["2024-01-05"] * 3,
    ...     "amount": [10.0, 20.0, 5.0]})
    >>> customers = pd.DataFrame({"customer_id": ["1", "2", "3"],
    ...     "name": ["SARL Kowalski", "KOWALSKI", "Durand"],
    ...     "phone": ["01 23 45 67 80", "+33123456780", None]})
    >>> found = find_duplicates(CustomerBase.from_tables(lines, customers=customers))
    >>> found.mapping()
    {'1': '2'}
    """
    require_base(base)
    if not 0 < threshold < 1:
        raise InputError(f"threshold is a probability between 0 and 1; got {threshold!r}.")
    if not base.has("customers") or not {"name", *IDENTIFIERS} & set(base.columns("customers")):
        return _cannot_tell(base, threshold)
    with progress.steps(base.wording, "duplicates", total=2) as step:
        step("identifiers")
        customers = read_customers(base, phone_region=phone_region)
        step("pairs")
        return propose_among(customers, base, threshold=threshold)


def _cannot_tell(base: CustomerBase, threshold: float) -> Duplicates:
    """What is proposed where there is nothing to compare customers by: nothing, and why."""
    columns = ["group", "customer_id", "name", "kept_id", "score", "why", "revenue"]
    return Duplicates(
        pd.DataFrame(columns=columns),
        wording=base.wording,
        assumptions={"threshold": threshold, "customers": 0, "as_of": base.as_of},
    )


def propose_among(
    customers: CheckedCustomers, base: CustomerBase, *, threshold: float = THRESHOLD
) -> Duplicates:
    """:func:`find_duplicates` among customers that were read and checked before."""
    entries = Entries.of(customers)
    pairs = propose_pairs(entries, threshold)
    groups = group_pairs(entries, pairs)
    table = _as_table(base, entries, pairs, groups)
    return Duplicates(
        table,
        wording=base.wording,
        assumptions={
            "threshold": threshold,
            "phone_region": customers.region,
            "customers": entries.count,
            "entered_twice": 0.05,
            "as_of": base.as_of,
        },
        pairs=_pairs_table(base, entries, pairs),
        shared=_shared_values(entries),
    )


def _as_table(
    base: CustomerBase, entries: Entries, pairs: Pairs, groups: list[list[int]]
) -> pd.DataFrame:
    revenue = _revenue(base, entries)
    best = _best_links(pairs)
    order = _staying_order(entries, revenue)
    rows = []
    for group in groups:
        kept = min(group, key=order.__getitem__)
        total = sum(revenue[entry] for entry in group)
        for entry in sorted(group, key=lambda entry: (entry != kept, entry)):
            link = best[entry]
            other = int(pairs.b[link] if pairs.a[link] == entry else pairs.a[link])
            rows.append((total, kept, entry, other, link))
    rows.sort(key=lambda row: (-row[0], row[1]))
    ids = entries.frame["customer_id"].to_numpy(object)
    kept_ids = [ids[row[1]] for row in rows]
    probability = pairs.probability
    return pd.DataFrame(
        {
            "group": pd.factorize(pd.Series(kept_ids, dtype=object))[0] + 1,
            "customer_id": [ids[row[2]] for row in rows],
            "name": [_shown_name(entries, row[2]) for row in rows],
            "kept_id": kept_ids,
            "score": np.round([probability[row[4]] for row in rows], 4),
            "why": [
                base.wording.say(
                    "duplicates.why", other=_short(ids[row[3]]), signs=_said(base, pairs, row[4])
                )
                for row in rows
            ],
            "revenue": [revenue[row[2]] for row in rows],
        }
    )


def _revenue(base: CustomerBase, entries: Entries) -> Floats:
    sums = (
        base.visible("transactions")
        .group_by("customer_id")
        .agg(nw.col("amount").sum().round(NET_DECIMALS).alias("revenue"))
    )
    by_id = engine.collect(sums).set_index("customer_id")["revenue"]
    revenue: Floats = by_id.reindex(entries.frame["customer_id"]).fillna(0.0).to_numpy(float)
    return revenue


def _best_links(pairs: Pairs) -> dict[int, int]:
    best: dict[int, int] = {}
    for place in np.lexsort((pairs.b, pairs.a, -pairs.bits)).tolist():
        best.setdefault(int(pairs.a[place]), place)
        best.setdefault(int(pairs.b[place]), place)
    return best


def _staying_order(entries: Entries, revenue: Floats) -> list[int]:
    """The rank of each entry: open first, then most revenue, then best filled in, then its id."""
    frame = entries.frame
    closed = np.zeros(entries.count, bool)
    if "closed_on" in frame:
        closed = frame["closed_on"].notna().to_numpy()
    filled = frame.notna().sum(axis=1).to_numpy()
    ranks = np.empty(entries.count, np.int64)
    ranks[np.lexsort((-filled, -revenue, closed))] = np.arange(entries.count)
    return [int(rank) for rank in ranks]


_SIGNS = (
    *(f"same_{kind}" for kind in IDENTIFIERS),
    "same_name",
    "like_name",
    *(f"near_{kind}" for kind in IDENTIFIERS),
    "same_domain",
    "same_place",
)
_AGAINST = ("other_email", "other_phone", "other_place")


def _said(base: CustomerBase, pairs: Pairs, place: int) -> str:
    """What speaks for a pair, and what against it."""

    def listed(names: Sequence[str]) -> str:
        found = [name for name in names if name in pairs.signs and pairs.signs[name][place]]
        return base.wording.listing([base.wording.say(f"duplicates.sign.{n}") for n in found])

    together, against = listed(_SIGNS), listed(_AGAINST)
    if not against:
        return together
    return base.wording.say("duplicates.but", signs=together, against=against)


def _shown_name(entries: Entries, entry: int) -> str | None:
    if "name" not in entries.frame:
        return None
    name = entries.frame["name"].iat[entry]
    return _short(name) if isinstance(name, str) else None


def _short(text: str, most: int = 80) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def _pairs_table(base: CustomerBase, entries: Entries, pairs: Pairs) -> pd.DataFrame:
    ids = entries.frame["customer_id"].to_numpy(object)
    order = np.lexsort((pairs.b, pairs.a, -pairs.bits))
    return pd.DataFrame(
        {
            "customer_id": ids[pairs.a[order]],
            "other_id": ids[pairs.b[order]],
            "score": np.round(pairs.probability[order], 4),
            "why": [_said(base, pairs, int(place)) for place in order],
        }
    )


def _shared_values(entries: Entries) -> pd.DataFrame:
    rows = []
    for kind in IDENTIFIERS:
        if kind in entries.fields:
            found = entries.fields[kind]
            for code in np.flatnonzero(found.counts > MOST_SHARING):
                rows.append((kind, str(found.values[code]), int(found.counts[code])))
    rows.sort(key=lambda row: (-row[2], row[0], row[1]))
    return pd.DataFrame(rows, columns=["column", "value", "customers"])
