"""The sums of an offer: profit of each customer, of any list of them, and its range.

Contacting a customer who leaves with probability ``p`` and adds ``v`` if kept is expected to earn
``p g (v - i k) - (1 - p) i s - c``: ``g`` the save rate, ``i`` the incentive, ``k`` and ``s`` the
shares of the kept and of the stayers who take it, ``c`` the contact. Where who responds is known,
``g`` is the save rate times the customer's own ``lift``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import numpy as np
from scipy.special import expit

from retention_lib.decisions._offer_facts import GROUPS, OfferFacts
from retention_lib.decisions._offer_inputs import Offer
from retention_lib.decisions._offer_luck import chance_below, skewed
from retention_lib.decisions.ranges import LEVEL, Range, Z
from retention_lib.portfolio.intervals import SEED, Values

DRAWS = 1_000


@dataclass(frozen=True, eq=False)
class Weighing:
    """An offer put to customers: everything that can be summed, one value a customer."""

    facts: OfferFacts
    offer: Offer
    save_rate: Range

    @cached_property
    def value(self) -> Values:
        """What keeping each customer adds."""
        if self.offer.margin_rate is None:
            return np.asarray(self.facts.value, dtype=float)
        revenue = self.facts.revenue
        if revenue is None or self.facts.measure == "revenue":
            revenue = self.facts.value
        return np.asarray(revenue, dtype=float) * self.offer.margin_rate

    @cached_property
    def lift(self) -> Values | float:
        """How many times the save rate each customer has; nobody is saved more than once."""
        if self.facts.lift is None:
            return 1.0
        most = 1 / self.save_rate.high if self.save_rate.high > 0 else np.inf
        capped: Values = np.minimum(np.asarray(self.facts.lift, dtype=float), most)
        return capped

    @cached_property
    def kept_gain(self) -> Values:
        """What a customer brings that is kept, its incentive taken off."""
        return self.value - self.offer.incentive * self.offer.taken_by_saved

    @property
    def stayer_cost(self) -> float:
        """What a customer costs, besides the contact, that would have stayed."""
        return self.offer.incentive * self.offer.taken_by_stayers

    @cached_property
    def profit(self) -> Values:
        """Expected profit of contacting each customer."""
        return self.profit_at(self.facts.chance, self.save_rate.likely, self.kept_gain)

    def profit_at(self, chance: Values, rate: float, gain: Values) -> Values:
        """The same with other chances of leaving, another save rate or another gain."""
        earned: Values = chance * (rate * self.lift * gain + self.stayer_cost)
        return earned - (self.stayer_cost + self.offer.contact_cost)

    @cached_property
    def ends(self) -> tuple[Values, Values]:
        """The 90 % range of each customer's expected profit: rate, level of leaving and value."""
        known, likely, rate = self.facts, self.profit, self.save_rate
        moved = [
            (known.chance, rate.low),
            (known.chance, rate.high),
            *((expit(known.log_odds + side * Z * known.spread), rate.likely) for side in (-1, 1)),
        ]
        swings = [self.profit_at(p, kept, self.kept_gain) - likely for p, kept in moved]
        off = Z * np.sqrt(known.spread_of_values + known.systematic)
        worth = (known.chance * rate.likely * self.lift * off * self.value) ** 2
        # Rate and level of leaving move the profit apart from one another, each to either side.
        down = sum(np.minimum(np.minimum(*swings[i : i + 2]), 0) ** 2 for i in (0, 2))
        up = sum(np.maximum(np.maximum(*swings[i : i + 2]), 0) ** 2 for i in (0, 2))
        return likely - np.sqrt(down + worth), likely + np.sqrt(up + worth)

    @cached_property
    def break_even(self) -> Values:
        """The save rate from which contacting each customer pays; missing where none does."""
        won = self.facts.chance * self.lift * self.kept_gain
        spent = (1 - self.facts.chance) * self.stayer_cost + self.offer.contact_cost
        # What is next to nothing to win takes a rate beyond all numbers.
        with np.errstate(over="ignore"):
            rate: Values = np.divide(spent, won, out=np.full(len(won), np.nan), where=won > 0)
        return rate

    @cached_property
    def luck(self) -> tuple[Values, Values]:
        """What luck does to each customer's profit: variance and third central moment."""
        return _luck(self)

    @cached_property
    def order(self) -> Values:
        """Places of the customers, the highest expected profit first."""
        return np.argsort(-self.profit, kind="stable")

    @cached_property
    def paying(self) -> int:
        """How many customers a contact pays for, the fixed cost apart."""
        return int((self.profit > 0).sum())

    @cached_property
    def treated(self) -> int:
        """How many to contact: who pays, or nobody where they do not earn the fixed cost."""
        earned = float(self.profit[self.order[: self.paying]].sum())
        return self.paying if earned > self.offer.fixed_cost else 0

    def lists(self, order: Values, sizes: Values) -> Lists:
        """The first so many customers of an order, for several sizes."""
        return _lists(self, order, sizes)

    def at_random(self, sizes: Values) -> Lists:
        """Lists of those sizes drawn by lot, as they are on average."""
        whole = _lists(self, np.arange(len(self.facts)), np.array([len(self.facts)]))
        share = np.asarray(sizes) / max(len(self.facts), 1)
        return Lists(
            self,
            np.asarray(sizes),
            share[:, None] * whole.counts,
            share[:, None] * whole.saved,
            share[:, None] * whole.values,
            share * whole.chance_variance[0],
            share * whole.chance_third[0],
        )

    def plan_break_even(self) -> float:
        """The save rate at which the recommended list earns nothing; see ``OfferResult``."""
        if not len(self.facts):
            return float("nan")
        if self.treated:
            held = self.order[: self.treated]
            won = float((self.facts.chance * self.lift * self.kept_gain)[held].sum())
            spent = float(((1 - self.facts.chance[held]) * self.stayer_cost).sum())
            spent += self.treated * self.offer.contact_cost + self.offer.fixed_cost
            return spent / won if won > 0 else float("nan")
        return self._first_rate_that_pays()

    def _first_rate_that_pays(self) -> float:
        """The save rate from which on the best list for it would earn something."""
        rates = np.sort(self.break_even[np.isfinite(self.break_even)])
        if not len(rates):
            return float("nan")
        if not self.offer.fixed_cost:
            return float(rates[0])
        low, high = 0.0, float(rates[-1]) + 1.0
        while self._best_at(high) < 0 and high < 1e6:
            high *= 2
        for _ in range(60):
            middle = (low + high) / 2
            low, high = (low, middle) if self._best_at(middle) > 0 else (middle, high)
        return high

    def _best_at(self, rate: float) -> float:
        profit = self.profit_at(self.facts.chance, rate, self.kept_gain)
        return float(np.maximum(profit, 0).sum()) - self.offer.fixed_cost


@dataclass(frozen=True, eq=False)
class Lists:
    """Lists of customers to contact, summed by groups of like probability; one row a list."""

    weighing: Weighing
    sizes: Values
    counts: Values
    """Customers in each group, scaled so that the chances of the group add up."""
    saved: Values
    """The same, each counted as many times as it has the average save rate."""
    values: Values
    chance_variance: Values
    """The variance that luck gives to the profit of each list."""
    chance_third: Values
    """Its third central moment: how uneven that luck is."""

    @cached_property
    def _skew(self) -> Values:
        cubed = np.sqrt(self.chance_variance) ** 3
        skew: Values = np.divide(
            self.chance_third, cubed, out=np.zeros(len(cubed)), where=cubed > 0
        )
        return skew[:, None]

    @cached_property
    def _groups(self) -> tuple[Values, Values]:
        return self.weighing.facts.groups

    @cached_property
    def profit(self) -> Values:
        """Expected profit of each list, its fixed cost taken off."""
        return self._earned(
            self._groups[1][:, None], np.array([self.weighing.save_rate.likely]), np.ones(1)
        )[:, 0]

    @cached_property
    def drawn(self) -> Values:
        """Profit of each list in each draw, luck left out: one row a list."""
        z, known = _normal(), self.weighing.facts
        chance = expit(_log_odds(self._groups[1])[:, None] + known.spread * z[0])
        spread = np.sqrt(known.systematic)
        factor = np.exp(spread * z[1] - spread**2 / 2)
        return self._earned(chance, self.weighing.save_rate.at(z[2]), factor)

    def _earned(self, chance: Values, rate: Values, factor: Values) -> Values:
        offer, stayer = self.weighing.offer, self.weighing.stayer_cost
        leavers, valued = self.counts @ chance, self.values @ chance
        taken = offer.incentive * offer.taken_by_saved * (self.saved @ chance)
        earned = rate * (factor * valued - taken) + stayer * leavers
        spent = self.sizes * (stayer + offer.contact_cost) + offer.fixed_cost * (self.sizes > 0)
        profit: Values = earned - np.asarray(spent)[:, None]
        return profit

    @cached_property
    def ends(self) -> tuple[Values, Values]:
        """The 90 % range of the profit of each list, luck included."""
        luck = np.sqrt(self.chance_variance)[:, None] * skewed(_normal()[3], self._skew)
        low, high = np.quantile(self.drawn + luck, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=1)
        offer = self.weighing.offer
        if self.weighing.save_rate.low >= 0:
            # Where contact drives nobody away, a list cannot lose more than it costs.
            costs = self.sizes * (offer.incentive + offer.contact_cost) + offer.fixed_cost
            low = np.maximum(low, -costs)
        return np.minimum(low, self.profit), np.maximum(high, self.profit)

    @cached_property
    def chance_of_loss(self) -> Values:
        """The probability that each list loses money."""
        luck = np.sqrt(self.chance_variance)[:, None]
        with np.errstate(divide="ignore", invalid="ignore"):
            below = chance_below(-self.drawn / luck, self._skew)
            below = np.where(luck > 0, below, self.drawn < 0)
        lost: Values = below.mean(axis=1)
        return lost


@cache
def _normal() -> Values:
    """Standard normal draws: level of leaving, level of value, save rate, luck; mirrored."""
    half = np.random.default_rng(SEED).standard_normal((4, DRAWS // 2))
    return np.concatenate([half, -half], axis=1)


def _log_odds(chance: Values) -> Values:
    odds: Values = np.log(chance / (1 - chance))
    return odds


def _lists(weighing: Weighing, order: Values, sizes: Values) -> Lists:
    """Sum the customers of each list by group of probability."""
    facts, sizes = weighing.facts, np.asarray(sizes, dtype=np.int64)
    group, mean = facts.groups
    steps = np.unique(sizes)
    member = np.searchsorted(steps, np.arange(len(facts)), side="right")
    inside = member < len(steps)
    who = order[inside]
    cell = member[inside] * GROUPS + group[who]
    cells = len(steps) * GROUPS
    # By the customer's own probability: so that a list's sum is exact whatever its groups.
    scale = facts.chance[who] / mean[group[who]]

    def summed(weights: Values) -> Values:
        by_step = np.bincount(cell, weights=weights, minlength=cells).reshape(-1, GROUPS)
        found: Values = np.cumsum(by_step, axis=0)[np.searchsorted(steps, sizes)]
        return found

    place = np.searchsorted(steps, sizes)

    def upto(moment: Values) -> Values:
        by_step = np.bincount(member[inside], weights=moment[who], minlength=len(steps))
        found: Values = np.cumsum(by_step)[place]
        return found

    variance, third = weighing.luck
    counts = summed(scale)
    lift = np.broadcast_to(weighing.lift, len(facts))[who]
    return Lists(
        weighing,
        sizes,
        counts,
        counts if facts.lift is None else summed(scale * lift),
        summed(scale * lift * weighing.value[who]),
        upto(variance),
        upto(third),
    )


def _luck(weighing: Weighing) -> tuple[Values, Values]:
    """Variance and third central moment of what contacting each customer brings.

    From who is saved and who takes the incentive; the value of a customer as a gamma curve.
    """
    facts, offer = weighing.facts, weighing.offer
    stays, gain = 1 - facts.chance, weighing.kept_gain
    saved = facts.chance * abs(weighing.save_rate.likely) * weighing.lift
    side = np.sign(weighing.save_rate.likely)
    own = facts.spread_of_values * weighing.value**2
    taken = stays * offer.taken_by_stayers
    mean = saved * side * gain - taken * offer.incentive
    square = gain * gain
    squared = saved * (square + own) + taken * offer.incentive**2
    uneven = gain * (square + 3 * own) + 2 * own * facts.spread_of_values * weighing.value
    cubed = saved * side * uneven - taken * offer.incentive**3
    variance: Values = np.maximum(squared - mean * mean, 0.0)
    third: Values = cubed - mean * (3 * squared - 2 * mean * mean)
    return variance, third


def curve_sizes(customers: int, extra: int) -> Any:
    """List sizes along the profit curve, from nobody to everybody, ``extra`` among them."""
    sizes = np.round(np.linspace(0, customers, min(customers, 50) + 1)).astype(np.int64)
    return np.unique(np.append(sizes, extra))
