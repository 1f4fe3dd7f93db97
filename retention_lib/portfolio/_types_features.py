"""What customers are told apart by: their habits and their description, one row a customer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import narwhals as nw
import numpy as np

from retention_lib.base import engine
from retention_lib.base.customer_base import NET_DECIMALS, CustomerBase
from retention_lib.portfolio.activity import standing

if TYPE_CHECKING:
    import pandas as pd

YEAR = 365
QUARTER = 91
HABITS = (
    "purchases_per_year",
    "basket",
    "silence",
    "tenure_years",
    "unevenness",
    "ranges",
    "main_range_share",
    "refund_share",
    "season_share",
    "weekend_share",
)
"""The numbers that say how a customer buys."""

TRAITS = ("main_range", "main_channel", "sector", "size", "region")
"""The words that say what it buys and who it is."""

# A customer's own gaps, seasons and weekends count from the first; the base's own count as so
# many further ones, so that one or two purchases do not make a habit.
_BORROWED = 3.0


def measure_habits(base: CustomerBase) -> pd.DataFrame:
    """One row an active customer, sorted by ``customer_id``, of its habits in the activity window.

    ``HABITS``, those of ``TRAITS`` that the base knows, and ``revenue``.
    """
    table = engine.collect(standing(base).filter(nw.col("active")))
    bought = {"product_range": "main_range", "channel": "main_channel"}
    known = [column for column in bought if base.has("transactions", column)]
    inside = nw.col("day") > base.as_of_day - base.activity_window_days
    lines = base.visible("transactions").filter(inside)
    # Read once: reading mends texts and dates, which takes longer than all the questions.
    with engine.kept(lines.select("customer_id", "day", "amount", *known)) as held:
        parts = [engine.collect(_counted(base, _days(held)))]
        if known:
            sold = held.filter(nw.col("amount") > 0).group_by("customer_id", *known)
            with engine.kept(sold.agg(nw.col("amount").sum().round(NET_DECIMALS))) as sums:
                parts += [_favourites(sums, column, bought[column]) for column in known]
    for part in parts:
        table = table.merge(part, on="customer_id", how="left")
    described = _described(base)
    if described is not None:
        table = table.merge(described, on="customer_id", how="left")
    return _habits(base, table.sort_values("customer_id", ignore_index=True))


def _days(lines: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """A customer's days: what came in, what went back, the days since the purchase before."""
    amount, day = nw.col("amount"), nw.col("day")
    days = (
        lines.select(
            "customer_id",
            "day",
            nw.when(amount > 0).then(amount).otherwise(nw.lit(0.0)).alias("sales"),
            nw.when(amount < 0).then(-amount).otherwise(nw.lit(0.0)).alias("refunds"),
        )
        .group_by("customer_id", "day")
        .agg(nw.col("sales", "refunds").sum().round(NET_DECIMALS))
    )
    bought = (nw.col("sales") - nw.col("refunds")).round(NET_DECIMALS) > 0
    marked = days.with_columns(bought.alias("bought"))
    before = day.shift(1).over("customer_id", "bought", order_by="day")
    return marked.with_columns(
        nw.when(nw.col("bought")).then(day).alias("bought_on"),
        nw.when(nw.col("bought")).then(day - before).alias("gap"),
    )


def _counted(base: CustomerBase, days: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    ago = (base.as_of_day - nw.col("bought_on")) % YEAR
    # Day 0 was a Thursday: 5 and 6 are Saturday and Sunday.
    weekend = (nw.col("bought_on") + 3) % 7 >= 5
    tests = {"weekend": weekend}
    for number in range(4):
        last = (number + 1) * QUARTER if number < 3 else YEAR
        tests[f"quarter_{number}"] = (ago >= number * QUARTER) & (ago < last)
    return (
        days.select(
            "customer_id",
            "gap",
            "sales",
            "refunds",
            (nw.col("gap") * nw.col("gap")).cast(nw.Float64).alias("gap_squares"),
            *[nw.when(t).then(nw.lit(1)).otherwise(nw.lit(0)).alias(n) for n, t in tests.items()],
        )
        .group_by("customer_id")
        .agg(
            nw.col("gap").count().cast(nw.Int64).alias("gaps"),
            nw.col("gap").sum().cast(nw.Int64).alias("gap_days"),
            nw.col("gap_squares").sum(),
            nw.col("sales", "refunds").sum().round(NET_DECIMALS),
            nw.col(*tests).sum().cast(nw.Int64),
        )
    )


def _favourites(sums: nw.LazyFrame[Any], column: str, name: str) -> pd.DataFrame:
    """What brought a customer most; of ranges, also its share and how many there were."""
    each = sums.filter(~nw.col(column).is_null()).group_by("customer_id", column)
    sold = each.agg(nw.col("amount").sum().round(NET_DECIMALS))
    totals = sold.group_by("customer_id").agg(
        nw.col("amount").max().alias("most"),
        nw.col("amount").sum().alias("total"),
        nw.len().cast(nw.Int64).alias("ranges"),
    )
    first = sold.join(totals, on="customer_id", how="left").filter(
        nw.col("amount") >= nw.col("most")
    )
    # Two that brought the same: the first in the alphabet, on any engine.
    found = engine.collect(
        first.group_by("customer_id").agg(
            nw.col(column).min().alias(name),
            (nw.col("most").max() / nw.col("total").max()).alias("main_range_share"),
            nw.col("ranges").max(),
        )
    )
    return found if name == "main_range" else found[["customer_id", name]]


def _described(base: CustomerBase) -> pd.DataFrame | None:
    known = [name for name in ("sector", "size", "region") if base.has("customers", name)]
    dated = base.has("customers", "acquired_on")
    if not known and not dated:
        return None
    columns = [nw.col(name).cast(nw.String).min() for name in known]
    if dated:
        columns.append(nw.col("acquired_on_day").min())
    # A customer listed twice is described once.
    return engine.collect(base.visible("customers").group_by("customer_id").agg(*columns))


def _habits(base: CustomerBase, table: pd.DataFrame) -> pd.DataFrame:
    import pandas as pd

    def column(name: str) -> np.ndarray[Any, np.dtype[np.float64]]:
        values: np.ndarray[Any, np.dtype[np.float64]]
        values = table[name].to_numpy(dtype=float, na_value=np.nan)
        return values

    purchases, first, last = column("purchases"), column("first_day"), column("last_day")
    if "acquired_on_day" in table:
        first = np.fmin(first, column("acquired_on_day"))
    gaps, span = column("gaps"), column("gap_days")
    usual = _ratio(span.sum(), gaps.sum())
    rhythm = (span + usual) / (gaps + 1) if usual == usual else np.full(len(table), np.nan)
    made = pd.DataFrame({"customer_id": table["customer_id"]})
    made["purchases_per_year"] = purchases * YEAR / base.activity_window_days
    made["basket"] = np.where(purchases > 0, column("revenue") / np.maximum(purchases, 1), np.nan)
    made["silence"] = (base.as_of_day - last) / np.maximum(rhythm, 1.0)
    made["tenure_years"] = (base.as_of_day - first) / YEAR
    made["unevenness"] = _unevenness(gaps, span, column("gap_squares"))
    if "ranges" in table:
        made["ranges"] = column("ranges")
        made["main_range_share"] = column("main_range_share")
    made["refund_share"] = column("refunds") / np.maximum(column("sales"), 1e-9)
    quarters = [column(f"quarter_{q}") for q in range(4)]
    made["season_share"] = _season(quarters)
    weekend, all_days = column("weekend"), np.maximum(sum(quarters), 1e-9)
    made["weekend_share"] = _shrunk(weekend, all_days)
    for name in TRAITS:
        if name in table:
            made[name] = table[name]
    made["revenue"] = column("revenue")
    return made


def _ratio(part: float, whole: float) -> float:
    return float(part / whole) if whole > 0 else float("nan")


def _shrunk(hits: Any, of: Any) -> Any:
    share = _ratio(hits.sum(), of.sum())
    return (hits + _BORROWED * share) / (of + _BORROWED)


def _unevenness(gaps: Any, span: Any, squares: Any) -> Any:
    """How unequal a customer's gaps are: 0 like clockwork, 1 as chance would have it."""
    mean = span / np.maximum(gaps, 1)
    spread = np.maximum(squares - gaps * mean**2, 0.0) / np.maximum(mean, 1.0) ** 2
    free = np.maximum(gaps - 1, 0.0)
    return np.sqrt(_shrunk(np.where(free > 0, spread, 0.0), free))


def _season(quarters: Sequence[Any]) -> Any:
    """The chance that two of a customer's purchases fall into the same quarter of the year."""
    total = np.asarray(sum(quarters), dtype=float)
    same = sum(count * (count - 1) for count in quarters)
    return _shrunk(np.asarray(same, dtype=float), total * (total - 1))
