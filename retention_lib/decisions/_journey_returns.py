"""What customers who were won back bring, of what they brought before: the base's own past."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np

from retention_lib.base import engine
from retention_lib.decisions.ranges import Range
from retention_lib.portfolio.intervals import resampled

FEWEST = 30
"""Fewer customers won back tell nothing; an assumption takes their place."""
_STRETCHES = (365, 180, 90)


@dataclass(frozen=True)
class ReturnShare:
    """Of what a customer brought before, what it brings after it came back.

    ``share``: of as many days before the last purchase as after the return, ``days``;
    ``customers`` came back. Where ``days`` is 0 it is an assumption.
    """

    share: Range
    customers: int = 0
    days: int = 0

    @property
    def measured(self) -> bool:
        """Whether the base's own past tells it."""
        return self.days > 0


ASSUMED_RETURN = ReturnShare(Range(0.25, 0.5, 0.8))


def return_share(days: nw.LazyFrame[Any], now: int, window: int, begins: int) -> ReturnShare:
    """Measured over the longest stretch that enough customers tell; else an assumption.

    ``days``: ``customer_id, day, net, worth``. Came back is who bought again after more than
    ``window`` days. Both stretches, up to the last purchase before and from the first one after,
    lie whole within the file.
    """
    bought = days.filter(nw.col("net") > 0).select("customer_id", "day")
    before = nw.col("day").shift(1).over("customer_id", order_by="day")
    back = bought.with_columns(before.alias("until")).filter(
        nw.col("day") - nw.col("until") > window
    )
    found = back.select("customer_id", "until", nw.col("day").alias("since"))
    # Each customer once, at its first return: who went twice says no more.
    first = found.group_by("customer_id").agg(nw.col("until").min(), nw.col("since").min())
    joined = days.join(first, on="customer_id", how="inner")
    sums = []
    for length in _STRETCHES:
        was = (nw.col("day") > nw.col("until") - length) & (nw.col("day") <= nw.col("until"))
        now_is = (nw.col("day") >= nw.col("since")) & (nw.col("day") < nw.col("since") + length)
        for name, inside in (("was", was), ("is", now_is)):
            value = nw.when(inside).then(nw.col("worth")).otherwise(nw.lit(0.0))
            sums.append(value.alias(f"{name}_{length}"))
    table = engine.collect(
        joined.select("customer_id", "until", "since", *sums)
        .group_by("customer_id", "until", "since")
        .agg(*[nw.col(f"{name}_{length}").sum() for length in _STRETCHES for name in ("was", "is")])
    ).sort_values("customer_id")
    for length in _STRETCHES:
        whole = table[
            (table["until"] - length + 1 >= begins) & (table["since"] + length - 1 <= now)
        ]
        was, brings = (whole[f"{name}_{length}"].to_numpy(dtype=float) for name in ("was", "is"))
        if len(whole) >= FEWEST and was.sum() > 0 and brings.sum() > 0:
            drawn = resampled(
                lambda a, b: b.sum() / a.sum() if a.sum() > 0 else np.nan, was, brings
            )
            low, high = np.nanquantile(drawn, [0.05, 0.95])
            likely = float(brings.sum() / was.sum())
            # What comes back for years to come is not told by a few happy cases.
            share = Range(min(max(float(low), 0.0), likely), likely, max(float(high), likely))
            return ReturnShare(share, len(whole), length)
    return ASSUMED_RETURN
