"""The tables of a migration: pairs of segments, shares, revenue, who fell."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from retention_lib.portfolio.schemes import SegmentScheme
from retention_lib.wording import Wording

if TYPE_CHECKING:
    import pandas as pd

    from retention_lib.portfolio.migration import MigrationResult

NOT_YET = "not_yet"
"""Code of where new customers come from."""
DIRECTIONS = ("down", "same", "up", "new")


def good_segments(scheme: SegmentScheme) -> tuple[str, ...]:
    """Codes of the best quarter of a scheme's segments, rounded up.

    >>> good_segments(SegmentScheme.classic())
    ('champions', 'loyal_customers', 'potential_loyalists')
    """
    best = -(-len(scheme.segments) // 4)
    return tuple(segment.code for segment in scheme.segments[:best])


def pair_segments(moves: pd.DataFrame, scheme: SegmentScheme, wording: Wording) -> pd.DataFrame:
    """One row a pair of segments that somebody took, in the order of the scheme."""
    names = {segment.code: segment.name(wording.language) for segment in scheme.segments}
    names[NOT_YET] = wording.say("migration.not_yet")
    order = list(names)
    held = moves.groupby(["from_code", "to_code", "direction"], sort=False)
    pairs = held.agg(
        customers=("customer_id", "size"),
        revenue_before=("revenue_before", "sum"),
        revenue_now=("revenue_now", "sum"),
    ).reset_index()
    for column in ("revenue_before", "revenue_now"):
        pairs[column] = pairs[column].round(2)
    pairs["revenue_moved"] = (pairs["revenue_now"] - pairs["revenue_before"]).round(2)
    pairs["share"] = pairs["customers"] / pairs.groupby("from_code")["customers"].transform("sum")
    pairs["from_segment"] = pairs["from_code"].map(names)
    pairs["to_segment"] = pairs["to_code"].map(names)
    pairs["movement"] = pairs["direction"].map(
        {direction: wording.say(f"migration.{direction}") for direction in DIRECTIONS}
    )
    places = pairs[["from_code", "to_code"]].map(order.index)
    columns = [
        *("from_segment", "to_segment", "movement", "customers", "share", "revenue_before"),
        *("revenue_now", "revenue_moved", "direction", "from_code", "to_code"),
    ]
    return pairs.loc[places.sort_values(["from_code", "to_code"]).index, columns].reset_index(
        drop=True
    )


def spread_shares(result: MigrationResult) -> pd.DataFrame:
    """One row a segment of the first date, one column a segment of the second."""
    language = result.wording.language
    wide = result.table.pivot(index="from_code", columns="to_code", values="share").fillna(0.0)
    counts = result.table.groupby("from_code")["customers"].sum()
    codes = [segment.code for segment in result.scheme.segments]
    names = {segment.code: segment.name(language) for segment in result.scheme.segments}
    names[NOT_YET] = result.wording.say("migration.not_yet")
    rows = [code for code in (*codes, NOT_YET) if code in wide.index]
    shares = wide.reindex(index=rows, columns=codes, fill_value=0.0)
    shares.columns = [names[code] for code in codes]
    shares.insert(0, "from_segment", [names[code] for code in rows])
    shares.insert(1, "customers", [int(counts[code]) for code in rows])
    return shares.reset_index(drop=True)


def sum_revenue(result: MigrationResult) -> pd.DataFrame:
    """One row a direction, all four of them."""
    held = result.moves.groupby("direction")
    table = held.agg(
        customers=("customer_id", "size"),
        revenue_before=("revenue_before", "sum"),
        revenue_now=("revenue_now", "sum"),
    ).reindex(list(DIRECTIONS), fill_value=0)
    table = table.astype({"customers": np.int64, "revenue_before": float, "revenue_now": float})
    table = table.round({"revenue_before": 2, "revenue_now": 2}).reset_index()
    table["revenue_moved"] = (table["revenue_now"] - table["revenue_before"]).round(2)
    words = [result.wording.say(f"migration.{direction}") for direction in table["direction"]]
    table.insert(0, "movement", words)
    return table


def list_fallen(result: MigrationResult, best: tuple[str, ...]) -> pd.DataFrame:
    """Who left the best segments for another, the largest loss first; ``left_out`` of lists."""
    moves = result.moves
    fell = moves[moves["from_code"].isin(best) & ~moves["to_code"].isin(best)].copy()
    names = {s.code: s.name(result.wording.language) for s in result.scheme.segments}
    fell["from_segment"], fell["to_segment"] = (
        fell[code].map(names) for code in ("from_code", "to_code")
    )
    fell["revenue_moved"] = (fell["revenue_now"] - fell["revenue_before"]).round(2)
    columns = ["customer_id", "from_segment", "to_segment", "revenue_before", "revenue_now"]
    fell = fell.merge(result.known, on="customer_id", how="left")
    fell["left_out"] = fell["left_out"].eq(True)
    if "name" in fell:
        columns.insert(1, "name")
    ordered = fell.sort_values(["revenue_moved", "customer_id"], ignore_index=True)
    return ordered[[*columns, "revenue_moved", "left_out"]]


def word_noise(noise: pd.DataFrame, wording: Wording) -> pd.DataFrame:
    """The movements against chance, with their words."""
    shown = noise.copy()
    words = [wording.say(f"migration.move.{move}") for move in shown["move"]]
    shown.insert(0, "movement", words)
    return shown
