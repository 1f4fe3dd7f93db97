"""What the value models need to know of each customer, worked out in the engine.

One row a customer and nothing else leaves the engine. The same days, worked out once, give the
facts of ``as_of`` and those of the earlier days on which the models are put to the test.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import narwhals as nw

from retention_lib.base import engine
from retention_lib.base.customer_base import NET_DECIMALS, CustomerBase
from retention_lib.portfolio._beginnings import first_day
from retention_lib.portfolio.activity import with_endings
from retention_lib.portfolio.money import MarginBasis

if TYPE_CHECKING:
    import pandas as pd

YEAR = 365
"""Days of the trailing year; discounting and horizons count in days, with 365 to the year."""

QUARTER = 91
"""The days of a quarter of customer life."""


@dataclass(frozen=True)
class Days:
    """The days of a base, kept in the engine: a customer's day with what it brought.

    Columns of ``frame``: ``customer_id, day, net`` and, where one is known, ``margin``.
    """

    base: CustomerBase
    frame: nw.LazyFrame[Any]
    begins: int
    """The day number on which the file begins."""

    margin_known: bool

    def facts(self, day: int) -> pd.DataFrame:
        """The customers known on a day, as they stood then; one row each, by ``customer_id``.

        ``first_day, last_day`` (of purchases), ``purchases``, ``gross`` (what purchases brought),
        ``revenue`` and ``margin`` (net of refunds),
        ``year_purchases, year_revenue, year_margin`` (the last 365 days), ``closed_day``,
        ``is_contract``. Margins nobody knows are 0.
        """
        bought = nw.col("net") > 0
        recent = nw.col("day") > day - YEAR
        nothing, gross = nw.lit(0.0), nw.when(bought).then(nw.col("net")).otherwise(nw.lit(0.0))
        money: dict[str, nw.Expr] = {
            "gross": gross,
            "revenue": nw.col("net"),
            "year_revenue": nw.when(recent).then(nw.col("net")).otherwise(nothing),
        }
        if self.margin_known:
            earned = nw.col("margin")
            money |= {
                "margin": earned,
                "year_margin": nw.when(recent).then(earned).otherwise(nothing),
            }
        customers = (
            self.frame.filter(nw.col("day") <= day)
            .select(
                "customer_id",
                nw.when(bought).then(nw.col("day")).alias("first_day"),
                nw.when(bought).then(nw.col("day")).alias("last_day"),
                nw.when(bought).then(nw.lit(1)).otherwise(nw.lit(0)).alias("purchases"),
                nw.when(bought & recent).then(nw.lit(1)).otherwise(nw.lit(0)).alias("year_bought"),
                **money,
            )
            .group_by("customer_id")
            .agg(
                nw.col("first_day").min(),
                nw.col("last_day").max(),
                nw.col("purchases", "year_bought").sum().cast(nw.Int64),
                nw.col(*money).sum().round(NET_DECIMALS),
            )
        )
        known = customers.filter(~nw.col("first_day").is_null())
        ended = with_endings(self.base.at(engine.day_of(day)), known)
        table = engine.collect(ended.rename({"year_bought": "year_purchases"}))
        if not self.margin_known:
            # Here, for PostgreSQL takes a plain 0.0 for a decimal, which is no floating number.
            table = table.assign(margin=0.0, year_margin=0.0)
        table["is_contract"] = table["is_contract"].astype(bool)
        return table.sort_values("customer_id", ignore_index=True)

    def invoices(self) -> pd.DataFrame:
        """The invoices of the contracts on ``as_of``, one row each, by ``customer_id``.

        ``spacing`` (median days between invoices; missing with one only), and of the year up to
        the last invoice ``invoices`` (how many), ``invoiced_from`` (day of the first) and
        ``invoiced`` (net of refunds, those after the last invoice too).
        """
        known = with_endings(self.base, self.frame.select("customer_id").unique())
        bound = known.filter(nw.col("is_contract")).select("customer_id")
        days = self.frame.join(bound, on="customer_id", how="inner")
        bought = days.filter(nw.col("net") > 0).select("customer_id", "day")
        before = nw.col("day").shift(1).over("customer_id", order_by="day")
        rhythm = (
            bought.with_columns((nw.col("day") - before).cast(nw.Float64).alias("spacing"))
            .group_by("customer_id")
            .agg(nw.col("day").max().alias("invoiced_until"), nw.col("spacing").median())
        )
        year = days.join(rhythm, on="customer_id", how="inner").filter(
            nw.col("day") > nw.col("invoiced_until") - YEAR
        )
        is_invoice = nw.col("net") > 0
        summed = (
            year.select(
                "customer_id",
                "spacing",
                nw.when(is_invoice).then(nw.lit(1)).otherwise(nw.lit(0)).alias("invoices"),
                nw.when(is_invoice).then(nw.col("day")).alias("invoiced_from"),
                nw.col("net").alias("invoiced"),
            )
            .group_by("customer_id")
            .agg(
                nw.col("spacing").max(),
                nw.col("invoices").sum().cast(nw.Int64),
                nw.col("invoiced_from").min(),
                nw.col("invoiced").sum().round(NET_DECIMALS),
            )
        )
        return engine.collect(summed)

    def bought_between(self, after: int, until: int) -> pd.DataFrame:
        """What customers, new ones too, did in some days: ``customer_id, purchases, revenue``."""
        later = self.frame.filter((nw.col("day") > after) & (nw.col("day") <= until))
        summed = (
            later.select(
                "customer_id",
                nw.when(nw.col("net") > 0).then(nw.lit(1)).otherwise(nw.lit(0)).alias("purchases"),
                nw.col("net").alias("revenue"),
            )
            .group_by("customer_id")
            .agg(
                nw.col("purchases").sum().cast(nw.Int64),
                nw.col("revenue").sum().round(NET_DECIMALS),
            )
        )
        return engine.collect(summed)

    def ages(self) -> pd.DataFrame:
        """Who still bought, by age: ``age`` (quarters since the first purchase), ``customers``.

        A customer counts in a quarter in which it bought, if that quarter is over on ``as_of``.
        """
        age = (nw.col("day") - nw.col("first_day") - 1) // QUARTER
        seen = (self.base.as_of_day - nw.col("first_day")) // QUARTER
        bought = self.frame.filter(nw.col("net") > 0)
        first = bought.group_by("customer_id").agg(nw.col("day").min().alias("first_day"))
        both = bought.join(first, on="customer_id", how="inner")
        later = both.filter(nw.col("day") > nw.col("first_day"))
        once = (
            later.select("customer_id", age.alias("age"), seen.alias("seen"))
            .filter(nw.col("age") < nw.col("seen"))
            .group_by("customer_id", "age")
            .agg(nw.len().alias("days"))
        )
        counted = with_endings(self.base, once.select("customer_id", "age"))
        free = counted.filter(~nw.col("is_contract")).group_by("age")
        table = engine.collect(free.agg(nw.len().cast(nw.Int64).alias("customers")))
        return table.sort_values("age", ignore_index=True)


@contextmanager
def kept_days(base: CustomerBase, basis: MarginBasis) -> Iterator[Days | None]:
    """The days of a base, kept for as long as the block lasts; ``None`` where nobody bought."""
    begins = first_day(base)
    margin = {"margin": basis.expression()} if basis.known else {}
    # A handful of lines with a mistyped year must not make a history of a century.
    day = nw.when(nw.col("day") < begins).then(nw.lit(begins)).otherwise(nw.col("day"))
    days = (
        base.visible("transactions")
        .select("customer_id", day.cast(nw.Int64).alias("day"), "amount", **margin)
        .group_by("customer_id", "day")
        .agg(
            nw.col("amount").sum().round(NET_DECIMALS).alias("net"),
            *[nw.col(name).sum().round(NET_DECIMALS) for name in margin],
        )
    )
    with engine.kept(days) as frame:
        bought = frame.filter(nw.col("net") > 0).select(nw.len().cast(nw.Int64).alias("days"))
        anybody = engine.one_row(bought)["days"]
        yield Days(base, frame, begins, basis.known) if anybody else None
