"""Polars by hand: lazy frames on the Parquet file, collected once a question."""

from __future__ import annotations

from datetime import date
from typing import Any

import polars as pl

from peers import _figures as figures

BOUGHT = pl.col("net") > 0


def _lines(given: Any) -> pl.LazyFrame:
    return pl.scan_parquet(given.lines).select(
        "customer_id", pl.col("date").cast(pl.Int32).cast(pl.Int64).alias("day"), "amount"
    )


def _days(given: Any) -> pl.LazyFrame:
    net = pl.col("amount").sum().round(2).alias("net")
    return _lines(given).group_by("customer_id", "day").agg(net)


def _last(given: Any) -> int:
    return int(_lines(given).select(pl.col("day").max()).collect().item())


def rfm(given: Any, clock: Any) -> dict[str, float]:
    """Measures lazily, then cut points and scores on one row a customer."""
    with clock("question"):
        measured = (
            _days(given)
            .group_by("customer_id")
            .agg(
                pl.col("day").filter(BOUGHT).max().alias("last"),
                BOUGHT.sum().cast(pl.Int64).alias("frequency"),
                pl.col("net").sum().round(2).alias("monetary"),
            )
        )
        table = (
            measured.filter(pl.col("last").is_not_null())
            .with_columns((_last(given) - pl.col("last")).alias("recency_days"))
            .drop("last")
            .collect()
        )
        levels = []
        for measure, score in (("recency_days", "r"), ("frequency", "f"), ("monetary", "m")):
            values = table[measure].cast(pl.Float64)
            cuts = [values.quantile(k / 5, interpolation="linear") for k in range(1, 5)]
            level = 1 + pl.sum_horizontal(*[(pl.col(measure) > cut) for cut in cuts]).cast(pl.Int64)
            levels.append((6 - level if score == "r" else level).alias(score))
        cells = pl.read_parquet(given.cells)
        table = table.with_columns(levels).join(cells, on=["r", "f", "m"]).sort("customer_id")
        found = table.to_pandas()
    return figures.of_rfm(found)


def summary(given: Any, clock: Any) -> dict[str, float]:
    """Two group-bys in one lazy plan."""
    with clock("question"):
        last = _last(given)
        year = pl.col("day") > last - 365
        table = (
            _days(given)
            .group_by("customer_id")
            .agg(
                (BOUGHT.sum().cast(pl.Int64) - 1).alias("repeat_purchases"),
                pl.col("day").filter(BOUGHT).min().alias("first"),
                pl.col("day").filter(BOUGHT).max().alias("last"),
                pl.col("net").filter(BOUGHT).sum().alias("gross"),
                pl.col("net").sum().alias("revenue"),
                (BOUGHT & year).sum().alias("year_purchases"),
                pl.col("net").filter(year).sum().alias("year_revenue"),
            )
            .filter(pl.col("first").is_not_null())
            .with_columns(
                (pl.col("last") - pl.col("first")).alias("purchase_span_days"),
                (last - pl.col("first")).alias("age_days"),
            )
            .sort("customer_id")
            .collect()
            .to_pandas()
        )
    return figures.of_summary(table)


def cohorts(given: Any, clock: Any) -> dict[str, float]:
    """Months of each customer, then cohorts and ages."""
    with clock("question"):
        when = pl.col("day").cast(pl.Int32).cast(pl.Date)
        at = when.dt.year().cast(pl.Int64) * 12 + when.dt.month().cast(pl.Int64)
        months = (
            _days(given)
            .group_by("customer_id", at.alias("at"))
            .agg(BOUGHT.any().alias("bought"), pl.col("net").sum().alias("revenue"))
        )
        months = months.collect().lazy()
        first = months.filter("bought").group_by("customer_id").agg(pl.col("at").min().alias("c"))
        table = (
            months.join(first, on="customer_id")
            .with_columns((pl.col("at") - pl.col("c")).alias("age"))
            .filter(pl.col("age") >= 0)
            .group_by("c", "age")
            .agg(pl.col("bought").sum().alias("customers"), pl.col("revenue").sum())
            .collect()
            .to_pandas()
        )
    return figures.of_cohorts(table)


def snapshots(given: Any, clock: Any) -> dict[str, float]:
    """Days with the gap to the purchase before, collected; then one plan a date."""
    with clock("question"):
        days = _days(given).sort("customer_id", "day").collect()
        gap = pl.col("day").diff().over("customer_id").alias("gap")
        good = days.filter(BOUGHT).with_columns(gap)
        bad = days.filter(~BOUGHT).with_columns(pl.lit(None, pl.Int64).alias("gap"))
        days = pl.concat([good, bad])
        last = int(days["day"].max())
        parts = []
        for said in given.dates:
            t = (date.fromisoformat(said) - date(1970, 1, 1)).days
            parts.append(_one_date(days.lazy(), t, given.horizon, last).collect())
        panel = pl.concat(parts).to_pandas()
    return figures.of_snapshots(panel)


def _one_date(days: pl.LazyFrame, t: int, horizon: int, last: int) -> pl.LazyFrame:
    day, net = pl.col("day"), pl.col("net")
    sums = []
    for w in figures.WINDOWS:
        inside = day > t - w
        sums += [
            (BOUGHT & inside).sum().cast(pl.Float64).alias(f"purchases_{w}"),
            net.filter(BOUGHT & inside).sum().alias(f"gross_{w}"),
            (-net.filter((net < 0) & inside).sum()).alias(f"refunds_{w}"),
        ]
    season = BOUGHT & (day > t - 365) & (day <= t - 365 + horizon)
    summed = (
        days.filter(day <= t)
        .group_by("customer_id")
        .agg(
            day.filter(BOUGHT).min().alias("first"),
            day.filter(BOUGHT).max().alias("last"),
            BOUGHT.sum().cast(pl.Float64).alias("purchases_total"),
            net.filter(BOUGHT).sum().alias("ever"),
            pl.col("gap").mean().alias("mean_gap_days"),
            pl.col("gap").std().alias("gap_sd"),
            season.sum().cast(pl.Float64).alias("purchases_same_season"),
            *sums,
        )
        .filter(pl.col("first").is_not_null())
    )
    after = (
        days.filter(BOUGHT & (day > t) & (day <= t + horizon))
        .select("customer_id", pl.lit(0.0).alias("gone"))
        .unique("customer_id")
    )
    found = _ratios(summed.join(after, on="customer_id", how="left"), t)
    label = pl.col("gone").fill_null(1.0) if t + horizon <= last else pl.lit(None, pl.Float64)
    return found.with_columns(
        pl.lit(date.fromordinal(date(1970, 1, 1).toordinal() + t)).alias("date"),
        pl.when(pl.col("eligible")).then(label).alias("churned"),
    ).drop("gone", "first", "last", "ever", "gap_sd", *[f"gross_{w}" for w in figures.WINDOWS])


def _over(above: pl.Expr, below: pl.Expr) -> pl.Expr:
    return pl.when(below > 0).then(above / below)


def _ratios(frame: pl.LazyFrame, t: int) -> pl.LazyFrame:
    c = pl.col
    base_gap = c("mean_gap_days").mean().round(6)
    lived = pl.min_horizontal(t - c("first") + 1, pl.lit(365)) - 90
    before = pl.when(lived >= 30).then(lived)
    spent = (c("gross_90") - c("refunds_90")).clip(lower_bound=0).round(2)
    refunded = c("refunds_365") - c("refunds_90")
    spent_before = (c("gross_365") - c("gross_90") - refunded).round(2).clip(lower_bound=0)
    then = c("purchases_365") - c("purchases_90")
    sides = {
        "purchases_trend": (c("purchases_90") / 90, then / before),
        "spend_trend": (spent / 90, spent_before / before),
        "basket_trend": (
            _over(c("gross_90"), c("purchases_90")),
            _over(c("gross_365") - c("gross_90"), then),
        ),
    }
    usual = (c("last") - c("first") + 2 * base_gap) / (c("purchases_total") + 1)
    return frame.with_columns(
        (t - c("last")).cast(pl.Float64).alias("recency_days"),
        (t - c("first")).cast(pl.Float64).alias("tenure_days"),
        (c("last") > t - 365).alias("eligible"),
        _over(c("refunds_365"), c("gross_365")).alias("refund_share"),
        (c("gap_sd") / c("mean_gap_days")).alias("gap_spread"),
        ((t - c("last")) / usual).alias("overdue_ratio"),
        _over(c("gross_365"), c("purchases_365"))
        .fill_null(c("ever") / c("purchases_total"))
        .alias("basket"),
        *[_over(now - old, now + old).alias(name) for name, (now, old) in sides.items()],
        *[
            (c(f"gross_{w}") - c(f"refunds_{w}")).round(2).alias(f"spend_{w}")
            for w in figures.WINDOWS
        ],
    )


def import_csv(given: Any, clock: Any) -> dict[str, float]:
    """``read_csv`` told everything; Polars decodes cp1252 by way of Python."""
    with clock("question"):
        lines = pl.read_csv(
            given.export,
            separator=";",
            decimal_comma=True,
            encoding="cp1252",
            schema_overrides={"Code client": pl.String, "Montant HT": pl.Float64},
        )
        lines = lines.select(
            pl.col("Code client").str.strip_chars().alias("customer_id"),
            pl.col("Date facture").str.to_date("%d/%m/%Y", strict=False).alias("date"),
            pl.col("Désignation").alias("product"),
            pl.col("Montant HT").alias("amount"),
        ).drop_nulls(["customer_id", "date", "amount"])
    return figures.of_import(lines.to_pandas())
