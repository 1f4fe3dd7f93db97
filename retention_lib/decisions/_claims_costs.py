"""What a base says of winning against keeping: what each of them costs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from retention_lib.decisions._claims_list import Evidence
from retention_lib.decisions.past_campaigns import past_effects

if TYPE_CHECKING:
    from retention_lib.base.customer_base import CustomerBase
    from retention_lib.portfolio.flows import FlowsResult
    from retention_lib.portfolio.replacement import ReplacementResult


@dataclass(frozen=True)
class Kept:
    """What a campaign with a control group kept: customers more for each one contacted.

    ``share`` with ``low`` and ``high`` (95 %), ``cost`` of a contact, ``days`` that were compared.
    """

    campaign: str
    cost: float
    share: float
    low: float
    high: float
    days: int


def kept_by_campaign(base: CustomerBase) -> Kept | None:
    """The latest campaign that tells an effect and what it cost; none where none does."""
    if not base.has("campaigns", "group", "cost"):
        return None
    table = past_effects(base).table
    told = table[(table["reading_code"] == "effect") & (table["contact_cost"] > 0)]
    if told.empty:
        return None
    row = told.iloc[-1]
    return Kept(
        str(row["campaign_id"]),
        float(row["contact_cost"]),
        float(row["buyers_difference"]),
        float(row["difference_low"]),
        float(row["difference_high"]),
        int(row["days"]),
    )


def winning_costs(
    needed: ReplacementResult, kept: Kept | None, times: int, window: int
) -> Evidence:
    """What winning a customer costs here, beside what keeping one costs or would have to.

    Who buys again within less than the activity window is not yet kept: such a campaign shows a
    figure and decides nothing.
    """
    w = needed.wording
    cost = needed.value("cost_each")
    if cost != cost:
        return Evidence(w.say("claims.win.neither"))
    won, row = needed.said("cost_each"), needed.table.set_index("code").loc["cost_each"]
    least, most = float(row["low"]), float(row["high"])
    if kept is None or kept.share <= 0:
        return Evidence(w.say("claims.win.won_only", cost=won, kept=w.money(cost / times)))
    if least != least:
        least = most = cost
    value, low, high = (
        max(price * share / kept.cost, 0.0)
        for price, share in ((cost, kept.share), (least, kept.low), (most, kept.high))
    )
    said = w.say(
        "claims.win.both",
        cost=won,
        campaign=kept.campaign,
        contact=w.money(kept.cost, decimals=2),
        kept=w.money(kept.cost / kept.share),
        more=w.number(100 * kept.share, decimals=1),
        days=kept.days,
        times=w.number(value, decimals=1),
        low=w.number(low, decimals=1),
        high=w.number(high, decimals=1),
    )
    return Evidence(said, value, low, high, sure=kept.days >= window)


def winning_back_costs(flows: FlowsResult) -> Evidence:
    """How many were won back; what it cost stands nowhere."""
    w = flows.wording
    if flows.table.empty:
        return Evidence(w.say("claims.win_back.nothing"))
    latest = flows.table.iloc[-1]
    when = w.say("claims.in_year", year=str(latest["period"]))
    return Evidence(w.say("claims.win_back.here", back=int(latest["won_back"]), when=when))
