"""Who came, stayed and went between two days: the standing on each of them, side by side."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import narwhals as nw
import numpy as np

from retention_lib.base import engine
from retention_lib.base.customer_base import CustomerBase
from retention_lib.portfolio._flows_ledger import known_facts
from retention_lib.portfolio._flows_periods import Span
from retention_lib.portfolio.activity import standing
from retention_lib.portfolio.calendar_periods import months_before

if TYPE_CHECKING:
    import pandas as pd

MOST_MONTHS = 120


@dataclass(frozen=True)
class Moves:
    """How every customer stood on ``start`` and stands on ``end``.

    ``frame``: one row a customer, ``customer_id, opening_revenue, closing_revenue`` (net, in the
    activity window; 0 where not active on that day) and the flags ``opening`` (active on
    ``start``), ``closing`` (active on ``end``), ``is_new`` (first purchase after ``start``, and not
    acquired before the transactions begin).
    """

    start: date
    end: date
    frame: pd.DataFrame


def first_transaction(base: CustomerBase) -> date:
    """The day of the first transaction."""
    first = engine.one_row(base.visible("transactions").select(nw.col("day").min()))
    return engine.day_of(first["day"])


def needed_from(base: CustomerBase, months: int) -> date:
    """The day from which transactions must be there to compare with so many months ago."""
    start = engine.day_number(months_before(base.as_of, months))
    return engine.day_of(start - base.activity_window_days + 1)


def moves(base: CustomerBase, months: int) -> Moves | None:
    """Who came, stayed and went in the last so many months.

    None where the history does not cover a whole activity window before them: then nobody can
    say who was active at the beginning.
    """
    first = first_transaction(base)
    if first > needed_from(base, months):
        return None
    start = months_before(base.as_of, months)
    columns = ("customer_id", "active", "revenue")
    now = engine.collect(standing(base).select(*columns, "first_day"))
    then = engine.collect(standing(base.at(start)).select(*columns))
    both = now.merge(then, on="customer_id", how="left", suffixes=("", "_then"))
    both = both.merge(_acquired(base), on="customer_id", how="left")
    both = both.sort_values("customer_id", ignore_index=True)
    opening = both["active_then"].eq(True).to_numpy(dtype=bool)
    closing = both["active"].eq(True).to_numpy(dtype=bool)
    frame = both[["customer_id"]].copy()
    earlier, later = both["revenue_then"].fillna(0.0), both["revenue"].fillna(0.0)
    frame["opening_revenue"] = np.where(opening, earlier, 0.0).round(2) + 0.0
    frame["closing_revenue"] = np.where(closing, later, 0.0).round(2) + 0.0
    frame["opening"], frame["closing"] = opening, closing
    # Acquired before the transactions begin: an old customer seen again, as in the flows.
    seen = Span("year", engine.day_number(first), base.as_of_day, base.activity_window_days)
    old = (both["acquired_day"].astype(float) < seen.seen_from).to_numpy(dtype=bool)
    frame["is_new"] = (both["first_day"].to_numpy() > engine.day_number(start)) & ~old
    return Moves(start, base.as_of, frame)


def _acquired(base: CustomerBase) -> pd.DataFrame:
    """The day each customer was acquired, where the base knows it."""
    import pandas as pd

    facts = known_facts(base)
    if facts is None or not base.has("customers", "acquired_on"):
        return pd.DataFrame({"customer_id": pd.Series(dtype="str"), "acquired_day": []})
    return engine.collect(facts.select("customer_id", "acquired_day"))
