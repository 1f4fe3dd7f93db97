"""How the base's own customers bought in the days after a past date: what a test has to beat."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import narwhals as nw
import numpy as np

from retention_lib.base import engine
from retention_lib.base.customer_base import NET_DECIMALS, CustomerBase
from retention_lib.decisions import _campaign_facts as facts
from retention_lib.decisions import _campaign_statistics as statistics
from retention_lib.decisions._campaign_words import COLUMN, Outcome
from retention_lib.portfolio.activity import standing
from retention_lib.portfolio.money import margin_basis

if TYPE_CHECKING:
    import pandas as pd

FEWEST = 30
"""With fewer customers in the past than this, nothing is told of a number of days."""
LEAST_BEFORE = 30
"""So many days of history at least must lie before the past date."""


@dataclass(frozen=True)
class Past:
    """One outcome within so many days of a past date, a customer.

    ``mean`` (a share for buyers, else money), ``deviation`` of one customer, ``explained`` (the
    part of the variance, 0 to 1, that the year before explains) and ``each_buyer``: the mean of
    those who bought, by which money is told in buyers (1 for buyers).
    """

    outcome: Outcome
    days: int
    customers: int
    mean: float
    deviation: float
    explained: float
    each_buyer: float


def look_back(
    base: CustomerBase, days: Sequence[int], wanted: Collection[str] | None
) -> list[Past]:
    """Each outcome in the last so many days before ``as_of``, of who was active before them.

    ``wanted``: only these customers, whether active or not. Numbers of days that the history is
    too short for are not there.
    """
    basis = margin_basis(base)
    lines = base.visible("transactions").select(
        "customer_id", "day", "amount", basis.expression().alias("margin")
    )
    first = engine.one_row(lines.select(nw.col("day").min()))["day"]
    possible = [d for d in days if first is not None and base.as_of_day - d - first >= LEAST_BEFORE]
    daily = lines.group_by("customer_id", "day").agg(
        nw.col("amount").sum().round(NET_DECIMALS).alias("net"),
        nw.col("margin").sum().round(NET_DECIMALS),
    )
    outcomes: tuple[Outcome, ...] = ("buyers", "revenue", "margin")
    found = []
    if not possible:
        return []
    with engine.kept(daily) as held:
        for span in possible:
            seen = _customers(base, held, span, wanted)
            if len(seen) < FEWEST:
                continue
            for outcome in outcomes if basis.known else outcomes[:2]:
                found.append(_past(seen, outcome, span))
    return found


def _customers(
    base: CustomerBase, daily: nw.LazyFrame[Any], span: int, wanted: Collection[str] | None
) -> pd.DataFrame:
    """One row a customer who could have been in a campaign ``span`` days ago."""
    at = base.as_of_day - span
    dated = daily.with_columns(nw.lit(at).alias("sent_day"))
    frame = engine.collect(facts.around(dated, days=span, before=facts.BEFORE_DAYS))
    for name in ("revenue_before", "margin_before", "revenue", "margin"):
        frame[name] = frame[name].astype(float).fillna(0.0)
    if wanted is None:
        return frame[frame["purchases_before"] > 0].sort_values("customer_id", ignore_index=True)
    kept = frame["customer_id"].isin(list(wanted)) & frame["silence_before"].notna()
    return frame[kept].sort_values("customer_id", ignore_index=True)


def _past(seen: pd.DataFrame, outcome: Outcome, span: int) -> Past:
    column = COLUMN[outcome]
    values = seen[column].to_numpy(dtype=float)
    bought = seen["bought"].to_numpy(dtype=float)
    each = float(values[bought > 0].mean()) if bought.any() else float("nan")
    return Past(
        outcome=outcome,
        days=span,
        customers=len(seen),
        mean=float(values.mean()),
        deviation=float(values.std(ddof=1)),
        explained=statistics.explained(values, statistics.past_of(seen, column)),
        each_buyer=1.0 if outcome == "buyers" else each,
    )


def contactable_today(base: CustomerBase) -> pd.DataFrame:
    """Who could be in a campaign now: active and not refusing contact.

    One row a customer, sorted: ``customer_id, revenue`` (of the activity window).
    """
    active = standing(base).filter(nw.col("active")).select("customer_id", "revenue")
    frame = engine.collect(active).sort_values("customer_id", ignore_index=True)
    if not base.has("customers", "contactable"):
        return frame
    refused = engine.collect(
        base.visible("customers")
        .filter(~nw.col("contactable").fill_null(True))
        .select("customer_id")
    )
    kept = ~frame["customer_id"].isin(refused["customer_id"])
    return frame[kept].reset_index(drop=True)


def strata(base: CustomerBase, customer_ids: Sequence[str]) -> list[str]:
    """What each customer is drawn among: its size where known, and the band of its revenue."""
    import pandas as pd

    known = engine.collect(standing(base).select("customer_id", "revenue"))
    frame = pd.DataFrame({"customer_id": [str(code) for code in customer_ids]})
    of = known.set_index("customer_id")["revenue"]
    spent = frame["customer_id"].map(of).fillna(0.0).to_numpy(dtype=float)
    bands = facts.value_bands(spent)
    words = {band: base.wording.say(f"campaigns.band.{band}") for band in facts.VALUE_BANDS}
    chosen = facts.choose_segment(base, None)
    if chosen == facts.OWN_SEGMENT:
        return [words[band] for band in bands]
    sizes = facts.with_segments(base, frame, chosen)["segment"]
    return [f"{size}, {words[band]}" for size, band in zip(sizes, bands, strict=True)]


def as_points(money: float, past: Past) -> float:
    """An amount a customer as the rise of the share of buyers that would bring it."""
    return money / past.each_buyer if past.each_buyer > 0 else float(np.nan)
