"""Whom a list may name: active customers, what they brought in a year, what is known of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import narwhals as nw

from retention_lib.base import engine
from retention_lib.base.customer_base import CustomerBase
from retention_lib.portfolio.activity import standing

if TYPE_CHECKING:
    import pandas as pd

YEAR = 365
KNOWN = ("name", "account_manager", "size", "sector")
"""What the customers table may say of a customer, besides consent."""


def active_customers(base: CustomerBase) -> nw.LazyFrame[Any]:
    """One row an active customer, in the engine.

    ``customer_id, purchases`` (in the activity window), ``annual_revenue`` (net, of the last 365
    days), ``contactable`` (1, 0 or missing) and those of ``KNOWN`` that the base has.
    """
    active = standing(base).filter(nw.col("active"))
    if base.activity_window_days == YEAR:
        who = active.select("customer_id", "purchases", nw.col("revenue").alias("annual_revenue"))
    else:
        year = standing(base.with_window(YEAR))
        year = year.select("customer_id", nw.col("revenue").alias("annual_revenue"))
        who = active.select("customer_id", "purchases")
        who = who.join(year, on="customer_id", how="left")
    known = known_customers(base)
    return who if known is None else who.join(known, on="customer_id", how="left")


def known_customers(base: CustomerBase) -> nw.LazyFrame[Any] | None:
    """One row a customer of the customers table with ``KNOWN`` and ``contactable``, if any.

    A customer listed twice is one; no consent on one of the two is no consent.
    """
    known = [name for name in KNOWN if base.has("customers", name)]
    consent = ["contactable"] if base.has("customers", "contactable") else []
    if not known and not consent:
        return None
    listed = base.visible("customers").select("customer_id", *known, *consent)
    if consent:
        flag = nw.col("contactable")
        number = nw.when(flag).then(nw.lit(1)).otherwise(nw.lit(0))
        listed = listed.with_columns(nw.when(~flag.is_null()).then(number).alias("contactable"))
    return listed.group_by("customer_id").agg(nw.col(*known, *consent).min())


def collect_customers(frame: nw.LazyFrame[Any]) -> pd.DataFrame:
    """Customers in pandas, sorted, with every column of ``KNOWN`` and ``contactable``."""
    table = engine.collect(frame).sort_values("customer_id", ignore_index=True)
    for name in (*KNOWN, "contactable"):
        if name not in table:
            table[name] = None
    return table


def banned(table: pd.DataFrame) -> pd.Series[bool]:
    """Who must not be contacted; who never said anything may be."""
    refused: pd.Series[bool] = table["contactable"].astype(float) == 0
    return refused


def consent_assumptions(base: CustomerBase, table: pd.DataFrame) -> dict[str, object]:
    """How many customers of that table are left out of its list, and of how many nobody knows."""
    w = base.wording
    if not base.has("customers", "contactable"):
        return {"consent": w.say("contacts.consent_unknown")}
    refused, unknown = int(banned(table).sum()), int(table["contactable"].isna().sum())
    return {"consent": w.say("contacts.consent", refused=refused, unknown=unknown)}
