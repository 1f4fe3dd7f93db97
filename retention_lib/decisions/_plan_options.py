"""What could be done for each customer: paths with dates, what they cost and should bring."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from retention_lib.decisions._journey_steps import JOURNEYS, Step
from retention_lib.decisions._plan_dates import Calendar
from retention_lib.decisions._plan_facts import NOBODY, Numbers, PlanFacts, latest_days
from retention_lib.decisions._plan_paths import (
    CENTS,
    Path,
    Rates,
    incentive_of,
    paths_of,
    shares_won,
)
from retention_lib.decisions._plan_problem import Flags, Problem, Values

FEW = 20_000
"""Up to so many customers two ways that take an account manager's time are weighed for each."""
DECISION_DAYS = 30
"""Who has spoken of leaving decides within so many days."""
_AT_ONCE = 50_000
_REST = JOURNEYS.index("rest")
_HOT = JOURNEYS.index("hot")

# How far a customer came on the way to a contact; the first hurdle it does not take is why not.
NO_CONSENT, NO_STEPS, NO_CHANNEL, COMPLAINT, NO_DATE, NO_PROFIT, PAYS = range(7)


@dataclass(frozen=True, eq=False, kw_only=True)
class Means:
    """What a plan may use: money, minutes of each owner and week, steps, channels, dates."""

    budget: float
    minutes: Values
    """One row an account manager, the last for customers without one; minutes a week."""
    steps: tuple[Step, ...]
    channels: tuple[str, ...]
    calendar: Calendar
    rates: Rates
    lift: Values
    """One entry a customer: how much better or worse than others it responds; 1 is like all."""
    keep_losing: bool
    """Whether ways that lose money are kept as well, for exploring."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Options:
    """One entry an option in each array, in the order of their customers.

    ``path`` numbers ``paths``, ``week`` is that of the first contact, ``soonest`` whether its
    dates are the first possible ones. ``reached``: one entry a customer, how far it came.
    """

    customer: Numbers
    path: Numbers
    week: Numbers
    soonest: Flags
    profit: Values
    cost: Values
    paths: tuple[Path, ...]
    reached: Numbers
    use_option: Numbers
    use_resource: Numbers
    use_amount: Values

    def __len__(self) -> int:
        return len(self.customer)


@dataclass(frozen=True, eq=False)
class Group:
    """Customers of one journey, all with an account manager or all without."""

    facts: PlanFacts
    means: Means
    who: Numbers
    latest: Numbers
    managed: bool

    @property
    def pick(self) -> Numbers:
        """Which working day of the week each is meant for: spread, but urgent ones come first."""
        return self.who % (2 if self._hot else 5)

    @property
    def _hot(self) -> bool:
        return bool(len(self.who)) and bool(self.facts.journey[self.who[0]] == _HOT)

    def dates(self, path: Path, week: int | None) -> tuple[Numbers, Flags]:
        """The days of the contacts, and for whom there are such days."""
        waits = [step.wait_days for step in path.contacts]
        return self.means.calendar.dates(self.latest, waits, self.pick, week)

    def money(self, path: Path, days: Numbers, end: str = "likely") -> tuple[Values, Values]:
        """Profit and cost of each contact of a path: one column a contact.

        ``end``: ``likely``, or ``low`` or ``high`` for the ends of what the steps should bring.
        """
        rates = self.means.rates
        lift, chance = self.means.lift[self.who], self.facts.chance[self.who]
        found = [getattr(rates.of(step), end) for step in path.contacts]
        won, stake = shares_won(found, lift), self.facts.at_stake[self.who]
        cost = np.empty(days.shape)
        for place, step in enumerate(path.contacts):
            # What is given away is reckoned at the likely rate: it belongs to the budget.
            given = incentive_of(step, rates.of(step).likely, chance, lift)
            cost[:, place] = np.round(given + self.sure_cost(path, place), CENTS)
        left = 1 - (days - self.facts.base.as_of_day) / self._horizon
        profit = np.column_stack(won) * np.maximum(left, 0.0) * stake[:, None] - cost
        return profit, cost

    def sure_cost(self, path: Path, place: int) -> float:
        """What the contact at that place costs whoever accepts it, its tasks included."""
        rates = self.means.rates
        tasks = path.tasks[place] if self.managed else ()
        return rates.cost(path.contacts[place]) + sum(rates.cost(task) for task in tasks)

    @property
    def _horizon(self) -> int:
        return DECISION_DAYS if self._hot else max(self.facts.horizon_days, 1)

    def part(self, rows: Any) -> Group:
        """Some of them."""
        return Group(self.facts, self.means, self.who[rows], self.latest[rows], self.managed)


def find_options(facts: PlanFacts, means: Means, due: Flags) -> Options:
    """Everything that could be done for each customer within the rules, a few ways a customer."""
    reached = np.where(facts.contactable, NO_STEPS, NO_CONSENT).astype(np.int8)
    latest = latest_days(facts, means.calendar.rules.most_in_30_days)
    paths: list[Path] = []
    blocks: list[Block] = []
    for journey, code in enumerate(JOURNEYS):
        own = paths_of(code, means.steps, means.channels)
        if not own or journey == _REST:
            # Whoever rests is left alone, whatever a table of steps may hold for it.
            continue
        first = len(paths)
        paths += own
        for who in _parts(np.flatnonzero(facts.contactable & (facts.journey == journey))):
            for managed in (True, False):
                some = who[(facts.owner[who] != NOBODY) == managed]
                if len(some):
                    group = Group(facts, means, some, latest[some], managed)
                    blocks += _blocks(group, own, first, reached, due)
    return _joined(facts, means, blocks, tuple(paths), reached)


def _parts(who: Numbers) -> Iterator[Numbers]:
    for start in range(0, len(who), _AT_ONCE):
        yield who[start : start + _AT_ONCE]


@dataclass(frozen=True, eq=False)
class Block:
    """Options of one path, one entry each: customers, days, profit and cost of the whole."""

    path: int
    who: Numbers
    days: Numbers
    profit: Values
    cost: Values
    minutes: tuple[float, ...]
    soonest: bool


def _blocks(
    group: Group, own: Sequence[Path], first: int, reached: Numbers, due: Flags
) -> Iterator[Block]:
    """The few ways a customer that are worth weighing."""
    shape = (len(group.who), len(own))
    profit, cost = np.full(shape, -np.inf), np.full(shape, np.inf)
    stage = np.full(len(group.who), NO_CHANNEL, dtype=np.int8)
    for number, path in enumerate(own):
        can = np.logical_and.reduce([group.facts.reach[name][group.who] for name in path.channels])
        stage[can] = np.maximum(stage[can], COMPLAINT)
        if path.promotes:
            can = can & ~group.facts.open_complaint[group.who]
        stage[can] = np.maximum(stage[can], NO_DATE)
        days, fits = group.dates(path, None)
        can = can & fits
        earned, spent = group.money(path, days)
        profit[can, number] = earned.sum(axis=1)[can]
        cost[can, number] = spent.sum(axis=1)[can]
    best = profit.max(axis=1)
    stage[np.isfinite(best)] = NO_PROFIT
    stage[best > 0] = PAYS
    reached[group.who] = stage
    asked = (best > 0) | ((due[group.who] | group.means.keep_losing) & np.isfinite(best))
    minutes = np.array([path.all_minutes(group.managed) for path in own])
    for number, rows in _weighed(profit, cost, minutes, asked, group):
        some = group.part(rows)
        weeks = range(group.means.calendar.weeks) if minutes[number] else (None,)
        for week in weeks:
            yield from _dated(some, own[number], first + number, week, due)


def _weighed(
    profit: Values, cost: Values, minutes: Values, asked: Flags, group: Group
) -> Iterator[tuple[int, Numbers]]:
    """Which path is weighed for whom: the best and the cheapest of either kind.

    Ways that take nobody's time: the most profitable and the cheapest. Ways that do: the most
    profitable and, in bases that are not too large, the most profitable for its time.
    """
    taken = np.zeros(profit.shape, dtype=bool)
    every = np.arange(len(profit))
    few = len(group.facts) <= FEW
    for timed in (False, True):
        own = np.flatnonzero((minutes > 0) == timed)
        if not len(own):
            continue
        part = profit[:, own]
        rankings = [part]
        if not timed:
            rankings.append(-cost[:, own])
        elif few:
            # Losing less an hour by taking longer is no virtue.
            rankings.append(np.where(part > 0, part / minutes[own], part))
        for ranking in rankings:
            taken[every, own[ranking.argmax(axis=1)]] = True
    taken &= np.isfinite(profit) & asked[:, None]
    for number in range(profit.shape[1]):
        rows = np.flatnonzero(taken[:, number])
        if len(rows):
            yield number, rows


def _dated(group: Group, path: Path, number: int, week: int | None, due: Flags) -> Iterator[Block]:
    days, fits = group.dates(path, week)
    profit, cost = (table.sum(axis=1) for table in group.money(path, days))
    fits &= (profit > 0) | due[group.who] | group.means.keep_losing
    if fits.any():
        yield Block(
            number,
            group.who[fits],
            days[fits],
            profit[fits],
            cost[fits],
            tuple(path.minutes(place, group.managed) for place in range(days.shape[1])),
            week is None,
        )


def _joined(
    facts: PlanFacts,
    means: Means,
    blocks: Sequence[Block],
    paths: tuple[Path, ...],
    reached: Numbers,
) -> Options:
    """All options in the order of their customers, and what each uses."""
    calendar = means.calendar

    def whole(parts: list[Any], kind: Any) -> Any:
        return np.concatenate(parts) if parts else np.zeros(0, dtype=kind)

    who = whole([block.who for block in blocks], np.int64)
    order = np.argsort(who, kind="stable")
    place = np.empty(len(who), dtype=np.int64)
    place[order] = np.arange(len(who))
    use_option, use_resource, use_amount, start = [], [], [], 0
    for block in blocks:
        at = place[start : start + len(block.who)]
        start += len(block.who)
        use_option.append(at)
        use_resource.append(np.zeros(len(at), dtype=np.int64))
        use_amount.append(block.cost)
        owner = np.where(
            facts.owner[block.who] == NOBODY, len(facts.owners), facts.owner[block.who]
        )
        for column, minutes in enumerate(block.minutes):
            if minutes:
                week = calendar.week_of(block.days[:, column])
                use_option.append(at)
                use_resource.append(1 + owner * calendar.weeks + week)
                use_amount.append(np.full(len(at), minutes))
    uses = whole(use_option, np.int64)
    by_option = np.argsort(uses, kind="stable")
    return Options(
        customer=who[order],
        path=whole([np.full(len(b.who), b.path) for b in blocks], np.int64)[order],
        week=whole([calendar.week_of(b.days[:, 0]) for b in blocks], np.int64)[order],
        soonest=whole([np.full(len(b.who), b.soonest) for b in blocks], bool)[order],
        profit=whole([b.profit for b in blocks], float)[order],
        cost=whole([b.cost for b in blocks], float)[order],
        paths=paths,
        reached=reached,
        use_option=uses[by_option],
        use_resource=whole(use_resource, np.int64)[by_option],
        use_amount=whole(use_amount, float)[by_option],
    )


def resources(facts: PlanFacts, means: Means, marketing: str) -> tuple[Values, tuple[str, ...]]:
    """Capacity and name of each resource: the budget, then the minutes of each owner and week."""
    names = ["budget"] + [
        f"{owner} / {week + 1}"
        for owner in (*facts.owners, marketing)
        for week in range(means.calendar.weeks)
    ]
    minutes = np.repeat(means.minutes, means.calendar.weeks)
    return np.concatenate([[means.budget], minutes]), tuple(names)


def problem_of(
    facts: PlanFacts, options: Options, means: Means, due: Flags, marketing: str
) -> Problem:
    """The plan as a problem to solve."""
    capacity, names = resources(facts, means, marketing)
    return Problem(
        customers=len(facts),
        customer=options.customer,
        profit=options.profit,
        use_option=options.use_option,
        use_resource=options.use_resource,
        use_amount=options.use_amount,
        capacity=capacity,
        resource=names,
        due=due,
    )
