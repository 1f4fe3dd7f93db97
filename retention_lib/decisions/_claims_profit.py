"""What five points less attrition add to a base's profit over the years to come."""

from __future__ import annotations

from typing import TYPE_CHECKING

from retention_lib.decisions._claims_list import Evidence
from retention_lib.decisions._claims_losses import DISCOUNT_RATE, POINTS, YEARS, YearLoss
from retention_lib.decisions._scenario_start import measure_start
from retention_lib.decisions.five_points import PUBLISHED, weigh_points
from retention_lib.decisions.scenarios import Scenario

if TYPE_CHECKING:
    from retention_lib.base.customer_base import CustomerBase
    from retention_lib.portfolio.flows import FlowsResult

_SURE = 0.95


def five_points_profit(base: CustomerBase, loss: YearLoss, flows: FlowsResult) -> Evidence:
    """The profit over five years with five points less attrition, beside that without.

    Before the firm's fixed costs, which stand in no table and would raise the percentage: so the
    figure is shown and decides nothing.
    """
    w = base.wording
    if not loss.opening or loss.few or not loss.whole:
        return Evidence(w.say("claims.five_points.unknown"))
    measured, sources, measure = measure_start(base, "one", flows)
    scenario = Scenario(
        **measured,
        years=YEARS,
        discount_rate=DISCOUNT_RATE,
        wording=w,
        sources=sources,
        measure=measure,
    )
    found = weigh_points(scenario, 100 * POINTS)
    value, (low, high) = found.value("share_more"), found.interval("share_more", level=_SURE)
    if value != value or low != low:
        return Evidence(w.say("claims.five_points.no_profit"))
    said = w.say(
        f"claims.five_points.{scenario.measure}",
        gain=w.percent(value),
        low=w.percent(low),
        high=w.percent(high),
        years=YEARS,
    )
    if 0 < value < PUBLISHED[0]:
        fixed = w.percent(1 - value / PUBLISHED[0], decimals=0)
        lever = w.say(
            "claims.five_points.lever", fixed=fixed, least=w.percent(PUBLISHED[0], decimals=0)
        )
        said = f"{said} {lever}"
    return Evidence(said, value, low, high, sure=False)
