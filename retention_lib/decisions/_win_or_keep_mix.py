"""What each split of a budget between winning and keeping earns: the arithmetic, nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from retention_lib.decisions._risk_inputs import bell, draw_places, drawn_at
from retention_lib.decisions._scenario_core import Key, draw_profits, values_of
from retention_lib.decisions._win_or_keep_curves import bought
from retention_lib.decisions.ranges import Number, Range, likely
from retention_lib.decisions.scenarios import Scenario
from retention_lib.portfolio.intervals import SEED, Values

DRAWS = 600
EFFORTS = ("cost_to_win", "most_to_win", "cost_to_keep", "most_to_keep")
_COARSE, _FINE, _ZOOMS = 41, 9, 3


@dataclass(frozen=True, kw_only=True)
class Efforts:
    """What money buys on either side: customers a year, with diminishing returns.

    ``cost_to_win`` and ``cost_to_keep``: what the first customer costs, in the base's currency;
    ``most_to_win`` and ``most_to_keep``: how many a year there are to be had at most, however
    much is spent. ``kept_worth``: what a customer kept brings, against the average of those who
    leave by the scenario (1 is as much).
    """

    cost_to_win: Number
    most_to_win: Number
    cost_to_keep: Number
    most_to_keep: Number
    kept_worth: Number = 1.0


@dataclass(frozen=True)
class Mix:
    """A way to spend: money a year on winning and on keeping, and what comes of it."""

    code: str
    to_winning: float
    to_keeping: float
    won: float
    kept: float
    profit: float
    low: float
    high: float
    chance_of_loss: float

    @property
    def spent(self) -> float:
        """What is spent a year in all."""
        return self.to_winning + self.to_keeping

    @property
    def share_to_keep(self) -> float:
        """The share of what is spent that goes to keeping; missing where nothing is."""
        return self.to_keeping / self.spent if self.spent > 0 else float("nan")


def weigh_plans(
    scenario: Scenario, efforts: Efforts, to_winning: Values, to_keeping: Values, *, draws: int = 0
) -> Values:
    """Discounted profit of each plan, less that of spending nothing: ``(draws, plans)``.

    With ``draws`` 0 everything stands at its likely value and there is one row.
    """
    rows, plans = max(draws, 1), len(to_winning)
    rng = np.random.default_rng(SEED)
    drawn = {}
    for name in (*EFFORTS, "kept_worth"):
        value = getattr(efforts, name)
        uncertain = isinstance(value, Range) and draws
        at = value.at(bell(rng, rows)) if uncertain else np.full(rows, likely(value))
        drawn[name] = np.repeat(np.maximum(at, 0.0), plans)
    places: dict[Key, Values] = {}
    if draws:
        places = draw_places([scenario], lambda: bell(rng, rows))
    as_it_is = draw_profits(values_of(scenario, drawn_at(places)(scenario))).sum(axis=1)
    places = {key: np.repeat(at, plans) for key, at in places.items()}
    spend = {"win": np.tile(to_winning, rows), "keep": np.tile(to_keeping, rows)}
    values = values_of(scenario, drawn_at(places)(scenario))
    leaving = (values.attrition * values.customers).sum(axis=1)
    most = np.minimum(drawn["most_to_keep"], leaving)
    kept = bought(spend["keep"], drawn["cost_to_keep"], most) * drawn["kept_worth"]
    # So many of this year's leavers are so large a share of them, this year and the next ones.
    share = np.clip(kept / np.where(leaving > 0, leaving, 1.0), 0.0, 1.0)
    changed = replace(
        values,
        attrition=values.attrition * (1 - share)[:, None],
        won_back_per_year=values.won_back_per_year
        + bought(spend["win"], drawn["cost_to_win"], drawn["most_to_win"]),
        programme_cost=values.programme_cost + spend["win"] + spend["keep"],
    )
    profit = np.broadcast_to(draw_profits(changed).sum(axis=1), rows * plans)
    gained: Values = profit.reshape(rows, plans) - np.broadcast_to(as_it_is, rows)[:, None]
    return gained


def describe(
    scenario: Scenario, efforts: Efforts, plans: Mapping[str, tuple[float, float]]
) -> list[Mix]:
    """Every plan, money on winning and on keeping by its code, with what comes of it."""
    winning, keeping = (np.array([plan[side] for plan in plans.values()]) for side in (0, 1))
    once = weigh_plans(scenario, efforts, winning, keeping)[0]
    drawn = weigh_plans(scenario, efforts, winning, keeping, draws=DRAWS)
    low, high = np.quantile(drawn, [0.05, 0.95], axis=0)
    hair = 1e-9 * max(float(np.abs(once).max()), 1.0)
    won = bought(winning, likely(efforts.cost_to_win), likely(efforts.most_to_win))
    kept = bought(keeping, likely(efforts.cost_to_keep), most_kept(scenario, efforts))
    return [
        Mix(code, *plan, float(won[n]), float(kept[n]), float(once[n]), float(low[n]),
            float(high[n]), float((drawn[:, n] < -hair).mean()))
        for n, (code, plan) in enumerate(plans.items())
    ]  # fmt: skip


def leavers(scenario: Scenario) -> tuple[float, float]:
    """How many leave in the first year, and what one of them brings a year, on average."""
    values = values_of(scenario)
    leaving = values.attrition * values.customers
    total = float(leaving.sum())
    margin = np.broadcast_to(values.margin_per_customer, leaving.shape)
    return total, float((leaving * margin).sum() / total) if total > 0 else float("nan")


def most_kept(scenario: Scenario, efforts: Efforts) -> float:
    """How many can be kept a year at most: never more than leave."""
    return min(likely(efforts.most_to_keep), leavers(scenario)[0])


def find_best(scenario: Scenario, efforts: Efforts, budget: float) -> tuple[float, float]:
    """Money on winning and on keeping with the highest profit, nothing and less than all included.

    Both curves only bend down, so that there is one top: looked for on a grid that closes in.
    """
    low, high = np.zeros(2), np.full(2, float(budget))
    best, points = np.zeros(2), _COARSE
    for _ in range(_ZOOMS):
        sides = [np.linspace(low[n], high[n], points) for n in range(2)]
        winning, keeping = (side.ravel() for side in np.meshgrid(*sides))
        fits = winning + keeping <= budget * (1 + 1e-12)
        # Where all of the budget is spent the best split lies on the edge, between the points.
        winning = np.append(winning[fits], sides[0])
        keeping = np.append(keeping[fits], np.clip(budget - sides[0], 0.0, budget))
        profit = weigh_plans(scenario, efforts, winning, keeping)[0]
        hair = 1e-9 * max(float(np.abs(profit).max()), 1.0)
        # Of plans that earn the same the cheapest.
        top = np.flatnonzero(profit >= profit.max() - hair)
        chosen = top[(winning + keeping)[top].argmin()]
        best = np.array([winning[chosen], keeping[chosen]])
        step = (high - low) / (points - 1)
        low, high = np.maximum(best - step, 0.0), np.minimum(best + step, budget)
        points = 2 * _FINE + 1
    return float(best[0]), float(best[1])


def worth_of_one(scenario: Scenario, efforts: Efforts) -> dict[str, float]:
    """What one more customer a year, won or kept, may cost at most, on the average of the years."""
    values = values_of(scenario)
    leaving = (values.attrition * values.customers).sum(axis=1)
    nothing = draw_profits(values).sum(axis=1)
    step = 1e-4
    dearer = replace(values, programme_cost=values.programme_cost + step)
    a_unit = float((nothing - draw_profits(dearer).sum(axis=1))[0]) / step
    won = replace(values, won_back_per_year=values.won_back_per_year + step)
    found = {"won": float((draw_profits(won).sum(axis=1) - nothing)[0]) / step / a_unit}
    if float(leaving[0]) > 0:
        share = np.minimum(step * likely(efforts.kept_worth) / leaving, 1.0)
        kept = replace(values, attrition=values.attrition * (1 - share)[:, None])
        found["kept"] = float((draw_profits(kept).sum(axis=1) - nothing)[0]) / step / a_unit
    return found
