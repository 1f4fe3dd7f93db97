"""What winning and keeping start from: measured on the base, given, or assumed and called so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from retention_lib import progress
from retention_lib.base import engine
from retention_lib.base.customer_base import CustomerBase
from retention_lib.decisions._keeping_lost import LostWorth, weigh_lost
from retention_lib.decisions._risk_inputs import in_margin
from retention_lib.decisions._scenario_core import values_of
from retention_lib.decisions._win_or_keep_curves import (
    FEWEST_YEARS,
    WonCurve,
    curve_of_history,
)
from retention_lib.decisions._win_or_keep_mix import EFFORTS, Efforts, leavers
from retention_lib.decisions.ranges import Number, Range, between, likely
from retention_lib.decisions.scenarios import Scenario
from retention_lib.wording import Wording

Origin = Literal["measured", "yours", "assumed", "untold"]
ASSUMED_AVOIDABLE = Range(0.0, 0.25, 0.50)
"""Share of those who leave that can be kept, where no reasons are on file."""
_MOSTLY = 0.8


@dataclass(frozen=True)
class EffortSource:
    """One of the four inputs and where it comes from; ``value`` is ``None`` where untold."""

    value: Number | None
    origin: Origin
    said: str


@dataclass(frozen=True)
class History:
    """Customers won and what that cost, by calendar year, and the curve it supports."""

    years: tuple[tuple[int, int, float], ...]
    curve: WonCurve

    def sentence(self, wording: Wording) -> str:
        """Whether the past shows what a further customer costs."""
        if not self.years:
            return wording.say("keeping.history.none")
        key = "few" if len(self.years) < FEWEST_YEARS else "flat"
        if self.curve.supported:
            key = "curve"
        return wording.say(
            f"keeping.history.{key}",
            years=len(self.years),
            least=FEWEST_YEARS,
            cost=wording.money(self.curve.cost),
            most=wording.number(self.curve.most),
        )


NO_HISTORY = History((), WonCurve(False, 0))


@dataclass(frozen=True)
class Start:
    """All that a mix is worked out from: plain numbers, gathered once."""

    scenario: Scenario
    efforts: Efforts | None
    origins: Mapping[str, EffortSource]
    why_not: str
    history: History


def start_from_base(base: CustomerBase, years: int, given: Mapping[str, Number | None]) -> Start:
    """What a base says about winning and keeping; what is given overrides it."""
    with progress.steps(base.wording, "mix", total=2) as step:
        step("start")
        scenario = Scenario.from_base(base, retention="tenure", years=years)
        step("who_left")
        lost = weigh_lost(base)
    kept_worth = _kept_worth(lost, scenario)
    return _start(scenario, given, lost.avoidable, kept_worth, _history(base))


def start_from_scenario(
    scenario: Scenario, years: int | None, given: Mapping[str, Number | None]
) -> Start:
    """The same for a scenario, which knows nothing of reasons or of what the lost were worth."""
    changed = scenario if years is None else scenario.change(years=years)
    return _start(changed, given, None, 1.0, NO_HISTORY)


def _start(
    scenario: Scenario,
    given: Mapping[str, Number | None],
    avoidable: Range | None,
    kept_worth: Number,
    history: History,
) -> Start:
    w = scenario.wording
    leaving, _ = leavers(scenario)
    origins = {
        name: EffortSource(value, "yours", w.say("keeping.origin.yours"))
        for name, value in given.items()
        if value is not None
    }
    curve = history.curve
    cost = scenario.acquisition_cost
    if "cost_to_win" not in origins:
        origins["cost_to_win"] = (
            EffortSource(curve.cost, "measured", w.say("keeping.origin.curve", years=curve.years))
            if curve.supported
            else EffortSource(cost, "measured", w.say("keeping.origin.average"))
            if likely(cost) > 0
            else EffortSource(None, "untold", w.say("keeping.origin.no_cost"))
        )
    if "most_to_win" not in origins:
        origins["most_to_win"] = (
            EffortSource(curve.most, "measured", w.say("keeping.origin.curve", years=curve.years))
            if curve.supported
            else EffortSource(
                _half_to_double(_newcomers(scenario)), "assumed", w.say("keeping.origin.as_many")
            )
        )
    if "cost_to_keep" not in origins:
        same = origins["cost_to_win"].value
        origin: Origin = "untold" if same is None else "assumed"
        key = "keeping.origin.no_cost" if same is None else "keeping.origin.as_winning"
        unsure = None if same is None else _half_to_double(same)
        origins["cost_to_keep"] = EffortSource(unsure, origin, w.say(key))
    if "most_to_keep" not in origins:
        share = ASSUMED_AVOIDABLE if avoidable is None else avoidable
        origin = "assumed" if avoidable is None else "measured"
        key = "assumed" if avoidable is None else "avoidable"
        words = {end: w.percent(getattr(share, end), decimals=0)
                 for end in ("low", "likely", "high")}  # fmt: skip
        said = w.say(f"keeping.origin.{key}", **words)
        origins["most_to_keep"] = EffortSource(share.scaled(leaving), origin, said)
    values = {name: origins[name].value for name in EFFORTS}
    why_not = _why_not(scenario, values)
    efforts = None
    if not why_not:
        known = {name: value for name, value in values.items() if value is not None}
        efforts = Efforts(**known, kept_worth=kept_worth)
    return Start(scenario, efforts, origins, why_not, history)


def _why_not(scenario: Scenario, values: Mapping[str, Number | None]) -> str:
    w = scenario.wording
    if not likely_heads(scenario):
        return w.say("keeping.mix.nobody")
    lacking = [
        *(w.say(f"keeping.lacking.{name}") for name in ("cost_to_win", "cost_to_keep")
          if values[name] is None),
        *([] if in_margin(scenario) else [w.say("keeping.lacking.margin")]),
    ]  # fmt: skip
    return w.say("keeping.mix.untold", lacking=w.listing(lacking)) if lacking else ""


def likely_heads(scenario: Scenario) -> float:
    """How many customers there are at the opening."""
    return float(values_of(scenario).customers.sum())


def _half_to_double(value: Number) -> Range:
    """What is only assumed, as unsure as that."""
    low, high = between(value)
    return Range(low / 2, likely(value), 2 * high)


def _newcomers(scenario: Scenario) -> float:
    if scenario.new_per_year is not None:
        return likely(scenario.new_per_year)
    return likely(scenario.new_share or 0.0) * likely_heads(scenario)


def _kept_worth(lost: LostWorth, scenario: Scenario) -> Number:
    """What one of those lost was worth a year, against those who leave by the scenario."""
    _, average = leavers(scenario)
    if lost.each is None or lost.measure != scenario.measure or not average > 0:
        return 1.0
    return lost.each.scaled(1 / average) if isinstance(lost.each, Range) else lost.each / average


def _history(base: CustomerBase) -> History:
    """Calendar years that are over and in which nearly every customer won has a cost."""
    if not (base.has("customers", "acquisition_cost") and base.has("customers", "acquired_on")):
        return NO_HISTORY
    told = engine.collect(
        base.visible("customers").select("customer_id", "acquired_on_day", "acquisition_cost")
    )
    told = told.dropna(subset=["acquired_on_day"]).sort_values(["customer_id", "acquired_on_day"])
    told = told.groupby("customer_id", as_index=False).first()
    years = np.array([engine.day_of(int(day)).year for day in told["acquired_on_day"]], dtype=int)
    cost = told["acquisition_cost"].astype(float).to_numpy()
    rows = []
    for year in np.unique(years):
        costs = cost[years == year]
        known = costs[np.isfinite(costs) & (costs >= 0)]
        over = year < base.as_of.year or (base.as_of.month, base.as_of.day) == (12, 31)
        if over and len(known) and len(known) >= _MOSTLY * len(costs) and known.sum() > 0:
            # Those without a cost on file cost as much as the others of their year.
            rows.append((int(year), len(costs), float(known.mean() * len(costs))))
    if not rows:
        return NO_HISTORY
    won, spent = (np.array([row[place] for row in rows], dtype=float) for place in (1, 2))
    return History(tuple(rows), curve_of_history(spent, won))
