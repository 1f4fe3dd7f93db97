"""What each customer of a campaign did before and after it: one row a customer, from the engine.

The one place that knows whose purchases count when a campaign is measured, whatever its groups.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import narwhals as nw
import numpy as np

from retention_lib.base import engine
from retention_lib.base.customer_base import NET_DECIMALS, CustomerBase
from retention_lib.decisions import _past_campaign_facts as past
from retention_lib.errors import ChoiceError, InputError
from retention_lib.portfolio.money import MarginBasis, margin_basis

if TYPE_CHECKING:
    import pandas as pd

BEFORE_DAYS = 365
"""So many days before the campaign say what its customers were like."""

VALUE_BANDS = ("high", "middle", "low", "none")
"""Thirds of the customers by what they spent before the campaign, and who spent nothing."""

OWN_SEGMENT = "value"
"""The segment that needs no customers table: what was spent before."""

_MONEY = ("revenue", "margin", "revenue_before", "margin_before")
_COUNTS = ("bought", "purchases_before")


def campaign_ids(base: CustomerBase) -> list[str]:
    """The codes of the campaigns that had gone out by ``base.as_of``, in alphabetical order."""
    if not base.has("campaigns"):
        return []
    listed = base.visible("campaigns").group_by("campaign_id").agg(nw.len())
    return sorted(str(code) for code in engine.collect(listed)["campaign_id"])


def campaign_members(base: CustomerBase, campaign_id: str) -> pd.DataFrame:
    """Who was meant for which group: ``customer_id, group, sent_day, cost, offer``.

    One row a customer, sorted. ``group`` is ``treated``, ``control``, or ``left_out`` for who is
    listed in both groups or in neither. ``sent_day`` is a day number, the first where there are
    several; ``cost`` is missing where the file does not say. Raises ``ChoiceError`` where no
    campaign has that code.
    """
    if not base.has("campaigns"):
        raise InputError(
            "This base has no campaigns table, so no campaign can be measured. Add one with "
            "campaign_id, customer_id, date and group (treated or control)."
        )
    one = past.members(base).filter(nw.col("campaign_id") == str(campaign_id))
    frame = engine.collect(one)
    if frame.empty:
        raise ChoiceError("campaign_id", campaign_id, campaign_ids(base))
    frame["cost"] = frame["cost"].astype(float).where(frame["costs"].fillna(0) > 0)
    frame["sent_day"] = frame["sent"].astype(np.int64)
    names = ["customer_id", "group", "sent_day", "cost", "offer"]
    return frame.sort_values("customer_id", ignore_index=True)[names]


def followed_days(base: CustomerBase, members: pd.DataFrame, days: int) -> int:
    """How many days all of them can be followed: ``days``, or as many as have passed."""
    return int(min(days, base.as_of_day - int(members["sent_day"].max())))


def campaign_customers(
    base: CustomerBase,
    campaign_id: str,
    *,
    days: int,
    before: int = BEFORE_DAYS,
    by: str | None = None,
) -> pd.DataFrame:
    """What each customer of a campaign did in ``before`` days before and ``days`` after it.

    One row a customer ever listed for the campaign, sorted: ``customer_id, group`` (``treated``,
    ``control``, ``left_out``), ``sent_day`` (day number), ``cost`` (missing where not on file),
    ``offer``; of the days after ``sent_day`` up to ``sent_day + days``: ``bought`` (0 or 1: a
    purchase), ``revenue`` (net), ``margin`` (missing where nobody knows margins); of the
    ``before`` days up to the day before: ``bought_before, purchases_before, revenue_before,
    margin_before``; ``silence_before`` (days since the last purchase before ``sent_day``, missing
    for none), ``tenure_before`` (since the first) and ``segment`` (the column ``by`` of the
    customers table, ``"value"`` for the band of what was spent before; ``None`` is the size where
    the base knows it, else the value). The trap: after ``as_of`` nothing is seen, so ``days``
    longer than :func:`followed_days` compares waves that were followed unequally long.

    Raises ``ChoiceError`` where no campaign has that code or ``by`` is no column.
    """
    frame = campaign_members(base, campaign_id)
    chosen = choose_segment(base, by)
    listed = past.members(base).filter(nw.col("campaign_id") == str(campaign_id))
    sent = listed.select("customer_id", nw.col("sent").alias("sent_day"))
    basis = margin_basis(base)
    done = _behaviour(base, sent, basis, days=days, before=before)
    frame = frame.merge(done, on="customer_id", how="left")
    return with_segments(base, _completed(frame, basis), chosen)


def _behaviour(
    base: CustomerBase, sent: nw.LazyFrame[Any], basis: MarginBasis, *, days: int, before: int
) -> pd.DataFrame:
    """What customers did around a day of their own; only those who ever had a transaction.

    ``sent`` has ``customer_id`` and ``sent_day``, one row a customer.
    """
    lines = base.visible("transactions").select(
        "customer_id", "day", "amount", basis.expression().alias("margin")
    )
    daily = (
        lines.join(sent, on="customer_id", how="inner")
        .group_by("customer_id", "sent_day", "day")
        .agg(
            nw.col("amount").sum().round(NET_DECIMALS).alias("net"),
            nw.col("margin").sum().round(NET_DECIMALS),
        )
    )
    return engine.collect(around(daily, days=days, before=before))


def around(daily: nw.LazyFrame[Any], *, days: int, before: int) -> nw.LazyFrame[Any]:
    """Sums before and after ``sent_day`` of rows ``customer_id, sent_day, day, net, margin``."""
    day, at = nw.col("day"), nw.col("sent_day")
    earlier = (day < at) & (day >= at - before)
    after = (day > at) & (day <= at + days)
    purchase = nw.col("net") > 0
    one, none, nothing = nw.lit(1), nw.lit(0), nw.lit(0.0)
    return (
        daily.select(
            "customer_id",
            nw.when(purchase & after).then(one).otherwise(none).alias("bought"),
            nw.when(purchase & earlier).then(one).otherwise(none).alias("purchases_before"),
            nw.when(after).then(nw.col("net")).otherwise(nothing).alias("revenue"),
            nw.when(earlier).then(nw.col("net")).otherwise(nothing).alias("revenue_before"),
            nw.when(after).then(nw.col("margin")).otherwise(nothing).alias("margin"),
            nw.when(earlier).then(nw.col("margin")).otherwise(nothing).alias("margin_before"),
            nw.when(purchase & (day < at)).then(at - day).alias("silence_before"),
            nw.when(purchase & (day < at)).then(at - day).alias("tenure_before"),
        )
        .group_by("customer_id")
        .agg(
            nw.col("bought").max().cast(nw.Int64),
            nw.col("purchases_before").sum().cast(nw.Int64),
            nw.col(*_MONEY).sum().round(NET_DECIMALS),
            nw.col("silence_before").min(),
            nw.col("tenure_before").max(),
        )
    )


def _completed(frame: pd.DataFrame, basis: MarginBasis) -> pd.DataFrame:
    """Zeros for who never bought, and the types of the columns."""
    for name in _COUNTS:
        frame[name] = frame[name].fillna(0).astype(np.int64)
    frame["bought_before"] = (frame["purchases_before"] > 0).astype(np.int64)
    for name in _MONEY:
        # Adding 0.0 makes of -0.0 a zero.
        frame[name] = frame[name].astype(float).fillna(0.0) + 0.0
        if name.startswith("margin") and not basis.known:
            frame[name] = np.nan
    for name in ("silence_before", "tenure_before"):
        frame[name] = frame[name].astype(float)
    return frame


def with_segments(base: CustomerBase, frame: pd.DataFrame, by: str) -> pd.DataFrame:
    """The same customers with the segments of a column that :func:`choose_segment` gave."""
    return frame.assign(segment=_segments(base, frame, by))


def choose_segment(base: CustomerBase, by: str | None) -> str:
    """The column that segments are made of; raises ``ChoiceError`` where there is none such."""
    own = ("customer_id", "name", "email", "phone", "siret", "vat")
    columns = (
        [name for name in base.columns("customers") if name not in own]
        if base.has("customers")
        else []
    )
    if by is None:
        return "size" if "size" in columns else OWN_SEGMENT
    if by not in (OWN_SEGMENT, *columns):
        raise ChoiceError("by", by, [OWN_SEGMENT, *columns])
    return by


def value_bands(spent: Any) -> list[str]:
    """The band of each customer: a third each of those who spent, and who did not.

    >>> value_bands([0.0, 10.0, 20.0, 30.0])
    ['none', 'low', 'middle', 'high']
    """
    values = np.asarray(spent, dtype=float)
    some = values > 0
    if not some.any():
        return ["none"] * len(values)
    low, high = np.quantile(values[some], [1 / 3, 2 / 3])
    bands = np.where(values <= low, "low", np.where(values <= high, "middle", "high"))
    return [str(band) for band in np.where(some, bands, "none")]


def _segments(base: CustomerBase, frame: pd.DataFrame, by: str) -> Any:
    w = base.wording
    if by == OWN_SEGMENT:
        words = {band: w.say(f"campaigns.band.{band}") for band in VALUE_BANDS}
        return [words[band] for band in value_bands(frame["revenue_before"])]
    listed = base.visible("customers").select("customer_id", nw.col(by).cast(nw.String).alias("s"))
    # A customer listed twice must not be two.
    known = engine.collect(listed.group_by("customer_id").agg(nw.col("s").max()))
    of = known.set_index("customer_id")["s"]
    named = frame["customer_id"].map(of)
    return named.where(named.notna() & (named != ""), w.say("campaigns.band.unknown")).astype(str)
