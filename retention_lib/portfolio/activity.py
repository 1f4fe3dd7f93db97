"""Who is a customer on a day: first and last purchase, revenue in the window, active or not.

The one place that knows when a customer counts as active, so that no two chapters disagree. To
stand on another day, ask another base: ``standing(base.at(day))``.
"""

from __future__ import annotations

from typing import Any

import narwhals as nw

from retention_lib.base.customer_base import NET_DECIMALS, CustomerBase

CONTRACT_COLUMNS = ("closed_on", "is_contract")


def with_endings(base: CustomerBase, frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Add ``closed_day`` and ``is_contract`` to rows with a ``customer_id``.

    ``closed_day`` is the day number of the end of the account, missing where it is open on
    ``base.as_of`` or nobody knows. ``is_contract`` is false where the base does not say.
    """
    no_day, no_contract = nw.lit(None, dtype=nw.Int64), nw.lit(False)
    if not any(base.has("customers", name) for name in CONTRACT_COLUMNS):
        return frame.with_columns(no_day.alias("closed_day"), no_contract.alias("is_contract"))
    closed = nw.col("closed_on_day") if base.has("customers", "closed_on") else no_day
    flag = nw.col("is_contract") if base.has("customers", "is_contract") else no_contract
    known = base.visible("customers").select(
        "customer_id",
        closed.cast(nw.Int64).alias("closed_day"),
        nw.when(flag.cast(nw.Boolean)).then(nw.lit(1)).otherwise(nw.lit(0)).alias("on_contract"),
    )
    # A customer listed twice must not double its purchases: the earliest end holds.
    once = known.group_by("customer_id").agg(
        nw.col("closed_day").min(), nw.col("on_contract").max()
    )
    joined = frame.join(once, on="customer_id", how="left")
    is_contract = (nw.col("on_contract") == 1).fill_null(False)
    return joined.with_columns(is_contract.alias("is_contract")).drop("on_contract")


def standing(base: CustomerBase) -> nw.LazyFrame[Any]:
    """How every customer with a purchase up to ``base.as_of`` stands on that day, in the engine.

    One row a customer: ``customer_id``, ``first_day`` and ``last_day`` of its purchases (day
    numbers), ``purchases`` and ``revenue`` (net, refunds taken off) in the activity window,
    ``lifetime_purchases``, ``lifetime_revenue``, ``closed_day``, ``is_contract`` and ``active``:
    a purchase in the window, or a contract, and in either case not closed.
    """
    bought = nw.col("net") > 0
    inside = nw.col("day") > base.as_of_day - base.activity_window_days
    days = base.customer_days().select(
        "customer_id",
        nw.when(bought).then(nw.col("day")).alias("first_day"),
        nw.when(bought).then(nw.col("day")).alias("last_day"),
        nw.when(bought & inside).then(nw.lit(1)).otherwise(nw.lit(0)).alias("purchases"),
        nw.when(bought).then(nw.lit(1)).otherwise(nw.lit(0)).alias("lifetime_purchases"),
        nw.when(inside).then(nw.col("net")).otherwise(nw.lit(0.0)).alias("revenue"),
        nw.col("net").alias("lifetime_revenue"),
    )
    customers = days.group_by("customer_id").agg(
        nw.col("first_day").min(),
        nw.col("last_day").max(),
        # DuckDB sums whole numbers into decimals.
        nw.col("purchases", "lifetime_purchases").sum().cast(nw.Int64),
        nw.col("revenue", "lifetime_revenue").sum().round(NET_DECIMALS),
    )
    known = with_endings(base, customers.filter(~nw.col("first_day").is_null()))
    kept = (nw.col("purchases") > 0) | nw.col("is_contract")
    return known.with_columns((kept & nw.col("closed_day").is_null()).alias("active"))
