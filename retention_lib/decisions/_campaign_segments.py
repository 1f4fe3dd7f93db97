"""The effect of a campaign by segment, without falling for the segment that luck favoured."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from retention_lib.decisions import _campaign_statistics as statistics
from retention_lib.decisions._campaign_words import COLUMN, Outcome, say_effect, say_range
from retention_lib.decisions.past_campaigns import FEWEST
from retention_lib.results import Result

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from retention_lib.decisions.campaigns import CampaignResult

LIKELY_CHANCE = 0.05
"""Effects that differ more than chance would let them in one campaign of twenty do differ."""

_NUMBERS = ("effect", "low", "high", "shrunk", "shrunk_low", "shrunk_high", "chance", "corrected")


@dataclass(frozen=True, repr=False, eq=False)
class CampaignSegments(Result):
    """The effect by segment, one row a segment, most customers first.

    Columns: ``segment, treated, control`` (customers), ``said_effect, said_range`` (as measured,
    95 % sure), ``said_shrunk, said_shrunk_range`` (drawn to the common effect), ``reading``; for
    code ``effect, low, high, shrunk, shrunk_low, shrunk_high, chance`` and ``corrected`` (that of
    so large an effect where there is none, corrected for having looked at all segments). Effects
    are missing where a segment has fewer than 30 customers in a group. ``differs``: whether the
    effect differs between segments by more than chance.
    """

    chart: ClassVar[str] = "campaign_charts.plot_segments"
    hidden: ClassVar[tuple[str, ...]] = _NUMBERS
    formats: ClassVar[Mapping[str, str]] = {"treated": "count", "control": "count"}

    campaign_id: str = field(kw_only=True)
    outcome: Outcome = field(kw_only=True)
    days: int = field(kw_only=True)
    differs: bool = field(kw_only=True)
    common: float = field(kw_only=True)
    chance: float = field(kw_only=True)

    def sentence(self) -> str:
        """Whether the effect differs between segments, and where it is largest if so."""
        w = self.wording
        told = self.table.dropna(subset=["shrunk"])
        if len(told) < 2:
            return w.say("campaigns.segments.too_few", least=FEWEST, campaign=self.campaign_id)
        common = say_effect(self.common, self.outcome, w)
        if not self.differs:
            return w.say(
                "campaigns.segments.alike",
                campaign=self.campaign_id,
                common=common,
                segments=len(told),
            )
        best, worst = (
            told.loc[place] for place in (told["shrunk"].idxmax(), told["shrunk"].idxmin())
        )
        return w.say(
            "campaigns.segments.differ",
            campaign=self.campaign_id,
            best=best["segment"],
            best_effect=best["said_shrunk"],
            worst=worst["segment"],
            worst_effect=worst["said_shrunk"],
            common=common,
        )


def compare_segments(of: CampaignResult, frame: pd.DataFrame, by: str) -> CampaignSegments:
    """The effect in each segment of ``frame``, drawn together and corrected for looking often."""
    import pandas as pd

    w = of.wording
    outcome = of.outcome
    used = of.table[of.table["used"] & (of.table["outcome_code"] == outcome)]
    method = str(used["method_code"].iloc[0]) if len(used) else ""
    rows = [
        _row(str(name), part, outcome, method) for name, part in frame.groupby("segment", sort=True)
    ]
    names = ["segment", "treated", "control", "effect", "low", "high", "error", "chance"]
    table = pd.DataFrame(rows, columns=names)
    table = table.sort_values(["treated", "segment"], ascending=[False, True], ignore_index=True)
    known = (table["error"] > 0).to_numpy() & np.isfinite(table["low"].to_numpy(dtype=float))
    for name in ("shrunk", "shrunk_low", "shrunk_high", "corrected"):
        table[name] = np.nan
    common, chance = math.nan, 1.0
    if known.any():
        drawn = statistics.shrink(
            table.loc[known, "effect"].to_numpy(), table.loc[known, "error"].to_numpy()
        )
        common, chance = drawn.centre, drawn.chance
        table.loc[known, "shrunk"] = drawn.values
        table.loc[known, "shrunk_low"] = drawn.lows
        table.loc[known, "shrunk_high"] = drawn.highs
        table.loc[known, "corrected"] = statistics.corrected(table.loc[known, "chance"].tolist())
    table["said_effect"] = [say_effect(value, outcome, w) for value in table["effect"]]
    table["said_shrunk"] = [say_effect(value, outcome, w) for value in table["shrunk"]]
    for start in ("", "shrunk_"):
        table[f"said_{start}range"] = [
            say_range(low, high, outcome, w)
            for low, high in zip(table[f"{start}low"], table[f"{start}high"], strict=True)
        ]
    table["reading"] = [
        w.say(f"campaigns.segments.{_reading(row)}", least=FEWEST)
        for row in table.to_dict("records")
    ]
    shown = ["segment", "treated", "control", "said_effect", "said_range"]
    shown += ["said_shrunk", "said_shrunk_range", "reading", *_NUMBERS]
    assumptions = {**of.assumptions, "segments_by": w.label(by)}
    return CampaignSegments(
        table[shown],
        wording=w,
        assumptions={
            **assumptions,
            "segments_shrunk": w.say("campaigns.segments.how"),
            "segments_corrected": w.say("campaigns.segments.holm", segments=int(known.sum())),
        },
        campaign_id=of.campaign_id,
        outcome=outcome,
        days=of.days,
        differs=bool(chance < LIKELY_CHANCE),
        common=common,
        chance=chance,
    )


def _row(name: str, part: pd.DataFrame, outcome: Outcome, method: str) -> dict[str, Any]:
    treated = (part["group"] == "treated").to_numpy()
    row: dict[str, Any] = {
        "segment": name,
        "treated": int(treated.sum()),
        "control": int((~treated).sum()),
    }
    if not method or min(row["treated"], row["control"]) < FEWEST:
        return row
    values = part[COLUMN[outcome]].to_numpy(dtype=float)
    found = statistics.NOTHING
    if method == "adjusted":
        found = statistics.adjusted(values, treated, statistics.past_of(part, COLUMN[outcome]))
    if math.isnan(found.low):
        plain = statistics.plain_shares if outcome == "buyers" else statistics.plain_means
        found = plain(values, treated)
    return row | {
        "effect": found.value,
        "low": found.low,
        "high": found.high,
        "error": found.error,
        "chance": statistics.chance_of(found),
    }


def _reading(row: Mapping[str, Any]) -> str:
    if row["shrunk"] != row["shrunk"]:
        return "few"
    if row["corrected"] >= LIKELY_CHANCE:
        return "open"
    return "more" if row["effect"] > 0 else "less"
