"""What uplift is learnt from: customers of campaigns drawn by lot, as known the day before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import narwhals as nw
import numpy as np

from retention_lib.base import engine
from retention_lib.base.customer_base import CustomerBase
from retention_lib.decisions._campaign_facts import campaign_customers
from retention_lib.decisions._lots import lots
from retention_lib.decisions._uplift_qini import Floats, Ints
from retention_lib.scoring.snapshots import snapshot_batches, take_snapshots

if TYPE_CHECKING:
    import pandas as pd

TRAITS = ("size", "sector")
"""What customers are rather than do; as the customers table says it today."""

MOST_LEVELS = 12
MOST_ROWS = 100_000
"""Of more rows, customers drawn by lot are learnt from."""

WAVE_DAYS = 30
"""Waves within so many days are looked at from the day before the first of them."""


@dataclass(frozen=True, eq=False)
class Columns:
    """What is known of a customer, in the order of the columns that learners see."""

    features: tuple[str, ...]
    levels: Mapping[str, tuple[str, ...]]
    horizon_days: int

    def values(self, seen: pd.DataFrame, traits: pd.DataFrame) -> Floats:
        """One row a customer of ``seen``; what is not known is missing."""
        parts = [seen.reindex(columns=list(self.features)).to_numpy(dtype=float)]
        own = traits.reindex(seen["customer_id"])
        for name, levels in self.levels.items():
            told = own[name].to_numpy(dtype=object)
            parts.append(np.stack([told == level for level in levels], axis=1).astype(float))
        return np.hstack(parts)


@dataclass(frozen=True, eq=False)
class UpliftFacts:
    """Rows of campaigns drawn by lot: one a customer and campaign.

    ``treated`` and ``bought`` are 0 or 1, ``share`` the share contacted in the row's campaign,
    ``customer`` numbers the customers.
    """

    customer_id: pd.Series[str]
    customer: Ints
    treated: Floats
    bought: Floats
    share: Floats
    values: Floats
    columns: Columns

    def __len__(self) -> int:
        return len(self.treated)


def gather_uplift(base: CustomerBase, campaigns: Mapping[str, int]) -> UpliftFacts:
    """The rows of these campaigns, each followed for its days."""
    import pandas as pd

    parts = []
    for name, days in campaigns.items():
        part = campaign_customers(base, name, days=days)
        part = part[part["group"] != "left_out"]
        treated = (part["group"] == "treated").astype(float)
        parts.append(
            part[["customer_id", "sent_day", "bought"]].assign(
                treated=treated, share=float(treated.mean())
            )
        )
    rows = pd.concat(parts, ignore_index=True)
    if len(rows) > MOST_ROWS:
        drawn = rows["customer_id"].map(_lot_of(rows["customer_id"]))
        rows = rows[drawn < MOST_ROWS / len(rows)].reset_index(drop=True)
    days = max(campaigns.values())
    seen, features = _seen_before(base, rows, days)
    traits, levels = _traits(base)
    columns = Columns(features, levels, days)
    return UpliftFacts(
        customer_id=rows["customer_id"],
        customer=np.asarray(pd.factorize(rows["customer_id"])[0], dtype=np.int64),
        treated=rows["treated"].to_numpy(dtype=float),
        bought=rows["bought"].to_numpy(dtype=float),
        share=rows["share"].to_numpy(dtype=float),
        values=columns.values(seen, traits),
        columns=columns,
    )


def seen_now(base: CustomerBase, columns: Columns) -> Iterator[tuple[pd.Series[str], Floats]]:
    """Customers active on ``base.as_of`` and what is known of them, piece by piece."""
    from retention_lib.scoring._snapshot_facts import available

    traits, _ = _traits(base)
    for name in columns.levels:
        if name not in traits:
            traits[name] = None
    known = [name for name in columns.features if name in available(base)]
    for seen in snapshot_batches(base, known, horizon_days=columns.horizon_days):
        yield seen["customer_id"], columns.values(seen, traits)


def _lot_of(customers: pd.Series[str]) -> dict[str, float]:
    unique = customers.unique().tolist()
    return dict(zip(unique, lots(unique, "uplift").tolist(), strict=True))


def _seen_before(
    base: CustomerBase, rows: pd.DataFrame, horizon_days: int
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """What was known of each row's customer on the day before its wave, row by row."""
    import pandas as pd

    first = int(rows["sent_day"].min())
    opens = first + (rows["sent_day"] - first) // WAVE_DAYS * WAVE_DAYS
    began = int(
        engine.one_row(base.tables["transactions"].select(nw.col("day").min().alias("day")))["day"]
    )
    days = [day for day in sorted(opens.unique()) if day > began]
    wanted = rows["customer_id"].unique().tolist()
    pieces: list[pd.DataFrame] = []
    features: tuple[str, ...] = ()
    for day in days:
        before = engine.day_of(int(day) - 1)
        known = base.at(before)
        seen = take_snapshots(known, before, horizon_days=horizon_days)
        features = seen.features
        table = seen.table[["customer_id", *features]]
        pieces.append(table[table["customer_id"].isin(wanted)].assign(opens=day))
    keys = rows[["customer_id"]].assign(opens=opens)
    if not pieces:
        return keys, features
    found = pd.concat(pieces, ignore_index=True)
    return keys.merge(found, on=["customer_id", "opens"], how="left"), features


def _traits(base: CustomerBase) -> tuple[pd.DataFrame, dict[str, tuple[str, ...]]]:
    """What each customer is, and the commonest answers, of which each is a column."""
    import pandas as pd

    have = base.columns("customers") if base.has("customers") else ()
    names = [name for name in TRAITS if name in have]
    if not names:
        return pd.DataFrame(), {}
    listed = base.visible("customers").group_by("customer_id").agg(nw.col(*names).max())
    traits = engine.collect(listed).set_index("customer_id")
    levels = {}
    for name in names:
        counts = traits[name].value_counts()
        # In a fixed order: equally common answers come back from the engine as they like.
        order = sorted(counts.index, key=lambda level: (-counts[level], str(level)))
        levels[name] = tuple(str(level) for level in order[:MOST_LEVELS])
    return traits, {name: told for name, told in levels.items() if told}
