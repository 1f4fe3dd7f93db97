"""The groups of each campaign on file, counted and summed up in the engine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import narwhals as nw
import numpy as np

from retention_lib.base import engine
from retention_lib.base.customer_base import CustomerBase

if TYPE_CHECKING:
    import pandas as pd

MEASURES = ("purchases", "spend", "silence", "wave")
"""What groups drawn by lot have in common before the date: purchases and spend of a year, days
since the last purchase, and the share contacted where a campaign went out on several days."""

_YEAR = 365
_LONGEST_SILENCE = 1095.0
_SUMMED = ("purchases", "spend", "silence")


@dataclass(frozen=True)
class Counts:
    """Customers and buyers in both groups of a campaign, and what a contact cost."""

    treated: int
    control: int
    treated_buyers: int
    control_buyers: int
    contact_cost: float
    left_out: int


def gather(base: CustomerBase, horizon: int) -> dict[str, pd.DataFrame]:
    """By campaign, one row a group and day: counts, buyers, sums and squares of the measures.

    ``group`` is ``treated``, ``control`` or ``left_out``. All days of one campaign are followed
    equally long: ``horizon`` days, or as many as have passed since its last one.
    """
    if not base.has("campaigns", "group"):
        return {}
    sums = _sums(_followed(base, horizon))
    found = engine.collect(sums).sort_values(["campaign_id", "day", "group"])
    return {str(name): part for name, part in found.groupby("campaign_id")}


def members(base: CustomerBase) -> nw.LazyFrame[Any]:
    """One row a campaign and customer; in both groups, or in neither, it is in no group."""
    campaigns = base.visible("campaigns")
    have = base.columns("campaigns")
    group = nw.col("group").cast(nw.String).str.to_lowercase()
    cost = nw.col("cost").cast(nw.Float64) if "cost" in have else nw.lit(None, dtype=nw.Float64)
    offer = nw.col("offer").cast(nw.String) if "offer" in have else nw.lit("")
    listed = campaigns.select(
        "campaign_id",
        "customer_id",
        nw.col("day").alias("sent"),
        nw.when(group == "treated").then(nw.lit(1)).otherwise(nw.lit(0)).alias("in_treated"),
        nw.when(group == "control").then(nw.lit(1)).otherwise(nw.lit(0)).alias("in_control"),
        cost.alias("cost"),
        offer.alias("offer"),
    )
    once = listed.group_by("campaign_id", "customer_id").agg(
        nw.col("sent").min(),
        nw.col("in_treated", "in_control").max(),
        nw.col("cost").sum(),
        nw.col("cost").count().cast(nw.Int64).alias("costs"),
        nw.col("offer").max(),
    )
    treated, control = nw.col("in_treated") == 1, nw.col("in_control") == 1
    assigned = (
        nw.when(treated & ~control)
        .then(nw.lit("treated"))
        .otherwise(
            nw.when(control & ~treated).then(nw.lit("control")).otherwise(nw.lit("left_out"))
        )
    )
    return once.with_columns(assigned.alias("group")).drop("in_treated", "in_control")


def _followed(base: CustomerBase, horizon: int) -> nw.LazyFrame[Any]:
    """One row a campaign and customer: its group, what it did before and whether it bought."""
    listed = members(base)
    ends = listed.group_by("campaign_id").agg(nw.col("sent").max().alias("last_sent"))
    passed = base.as_of_day - nw.col("last_sent")
    days = nw.when(passed < horizon).then(passed).otherwise(nw.lit(horizon))
    listed = listed.join(ends, on="campaign_id", how="left").with_columns(days.alias("days"))
    bought = base.customer_days().select("customer_id", "day", "net")
    joined = listed.join(bought, on="customer_id", how="left")
    purchase = nw.col("net") > 0
    day, sent = nw.col("day"), nw.col("sent")
    before = (day < sent) & (day >= sent - _YEAR)
    after = purchase & (day > sent) & (day <= sent + nw.col("days"))
    one, none, nothing = nw.lit(1), nw.lit(0), nw.lit(0.0)
    return (
        joined.with_columns(
            nw.when(purchase & before).then(one).otherwise(none).alias("purchases"),
            nw.when(before).then(nw.col("net")).otherwise(nothing).alias("spend"),
            nw.when(purchase & (day < sent)).then(sent - day).alias("silence"),
            nw.when(after).then(one).otherwise(none).alias("bought"),
        )
        .group_by("campaign_id", "customer_id", "sent", "group")
        .agg(
            nw.col("purchases").sum().cast(nw.Int64),
            nw.col("spend").sum(),
            nw.col("silence").min(),
            nw.col("bought", "cost", "costs", "offer").max(),
        )
    )


def _sums(customers: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Sums a campaign, day and group. Logarithms: a few large customers decide no mean."""
    spend = nw.when(nw.col("spend") > 0).then(nw.col("spend")).otherwise(nw.lit(0.0))
    silence = nw.col("silence").cast(nw.Float64).fill_null(_LONGEST_SILENCE)
    silence = nw.when(silence > _LONGEST_SILENCE).then(nw.lit(_LONGEST_SILENCE)).otherwise(silence)
    plain = customers.with_columns(
        nw.col("purchases").cast(nw.Float64), spend.alias("spend"), silence.alias("silence")
    )
    logs = plain.with_columns((nw.col(m) + 1).log().alias(f"log_{m}") for m in _SUMMED)
    squares = logs.with_columns(
        (nw.col(f"log_{m}") * nw.col(f"log_{m}")).alias(f"square_{m}") for m in _SUMMED
    )
    columns = [f"{kind}{m}" for kind in ("", "log_", "square_") for m in _SUMMED]
    return squares.group_by("campaign_id", "sent", "group").agg(
        nw.len().cast(nw.Int64).alias("customers"),
        nw.col("bought", "costs").sum().cast(nw.Int64),
        nw.col("cost", *columns).sum().cast(nw.Float64),
        nw.col("offer").max(),
        nw.col("sent").min().alias("day"),
    )


def counts(part: pd.DataFrame) -> Counts:
    """The counts of a campaign over its days."""
    treated, control = part[part["group"] == "treated"], part[part["group"] == "control"]
    costs = int(treated["costs"].sum())
    return Counts(
        treated=int(treated["customers"].sum()),
        control=int(control["customers"].sum()),
        treated_buyers=int(treated["bought"].sum()),
        control_buyers=int(control["bought"].sum()),
        contact_cost=float(treated["cost"].sum() / costs) if costs else float("nan"),
        left_out=int(part.loc[part["group"] == "left_out", "customers"].sum()),
    )


def offer(part: pd.DataFrame) -> str:
    """What was offered, in the words of the file; empty where it does not say."""
    told = [str(text) for text in part["offer"].dropna() if str(text)]
    return max(told) if told else ""


def means(part: pd.DataFrame, measure: str) -> tuple[float, float]:
    """The plain means of a measure before the date, treated and control."""
    found = []
    for name in ("treated", "control"):
        group = part[part["group"] == name]
        count = group["customers"].sum()
        total = group["day"] * group["customers"] if measure == "wave" else group[measure]
        found.append(float(total.sum() / count) if count else float("nan"))
    if measure == "wave":
        first = float(part["day"].min())
        found = [mean - first for mean in found]
    return found[0], found[1]


def chances(part: pd.DataFrame) -> Mapping[str, float]:
    """By measure, how probable so large a difference of the groups is if they were drawn by lot."""
    found = {measure: _chance_of_means(part, measure) for measure in _SUMMED}
    return {**found, "wave": _chance_of_waves(part)}


def _chance_of_means(part: pd.DataFrame, measure: str) -> float:
    """Welch's test of two means of logarithms; in groups of 30 and more the bell curve will do."""
    told = []
    for name in ("treated", "control"):
        group = part[part["group"] == name]
        count = float(group["customers"].sum())
        if count < 2:
            return 1.0
        mean = float(group[f"log_{measure}"].sum()) / count
        spread = max(float(group[f"square_{measure}"].sum()) / count - mean * mean, 0.0)
        told.append((mean, spread / (count - 1)))
    (one, error), (other, error_2) = told
    total = error + error_2
    if total <= 1e-18:
        return 1.0 if abs(one - other) < 1e-9 else 0.0
    return _two_sided((one - other) / np.sqrt(total))


def _chance_of_waves(part: pd.DataFrame) -> float:
    """Whether the share contacted was the same on all days of a campaign (chi-square)."""
    from scipy.special import chdtrc

    groups = part[part["group"] != "left_out"]
    by_day = groups.pivot_table(
        index="day", columns="group", values="customers", aggfunc="sum", fill_value=0
    )
    if by_day.shape[0] < 2 or by_day.shape[1] < 2:
        return 1.0
    seen = by_day.to_numpy(dtype=float)
    expected = seen.sum(axis=1, keepdims=True) * seen.sum(axis=0) / seen.sum()
    # Days with hardly anybody would be judged by a bell curve that does not hold for them.
    large = (expected >= 5).all(axis=1)
    if large.sum() < 2:
        return 1.0
    distance = float(((seen - expected) ** 2 / expected)[large].sum())
    return float(chdtrc(int(large.sum()) - 1, distance))


def _two_sided(z: float) -> float:
    from scipy.special import ndtr

    return float(2 * ndtr(-abs(z)))
