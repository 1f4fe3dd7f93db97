"""A plan before anybody is held back: what could be done, what is done, what is due."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from time import perf_counter
from typing import Any

import numpy as np

from retention_lib.base import engine
from retention_lib.decisions._journey_steps import JOURNEYS
from retention_lib.decisions._plan_dates import Calendar
from retention_lib.decisions._plan_facts import BANDS, NOBODY, Numbers, PlanFacts, latest_days
from retention_lib.decisions._plan_options import (
    Group,
    Means,
    Options,
    find_options,
    problem_of,
)
from retention_lib.decisions._plan_paths import Path, Rates
from retention_lib.decisions._plan_problem import Flags, Problem, Solution, Values
from retention_lib.decisions._plan_settings import PlanSettings
from retention_lib.decisions._plan_solver import solve

YEAR = 365
SECONDS = 20.0
"""So long is the best plan looked for; what is found by then comes with its gap."""
_HOT = JOURNEYS.index("hot")
_KEPT_IN_TOUCH = tuple(code not in ("win_back", "rest") for code in JOURNEYS)


@dataclass(frozen=True, eq=False, kw_only=True)
class Draft:
    """The best plan for those facts and settings, nobody held back yet."""

    facts: PlanFacts
    settings: PlanSettings
    means: Means
    options: Options
    problem: Problem
    solution: Solution
    due: Flags

    @property
    def chosen(self) -> Numbers:
        """The options taken, in the order of their customers."""
        chosen = self.solution.chosen
        return chosen[chosen >= 0]

    @cached_property
    def steps_taken(self) -> Taken:
        """The contacts of the options taken."""
        return taken_of(self, self.chosen)


def draw_up(facts: PlanFacts, settings: PlanSettings, *, seconds: float | None = None) -> Draft:
    """Find out what could be done and choose the best of it, within so many seconds."""
    means = means_of(facts, settings)
    due = due_of(facts, settings)
    options = find_options(facts, means, due)
    problem = problem_of(facts, options, means, due, marketing_of(facts))
    seconds = seconds or patience(len(facts))
    begun = perf_counter()
    solution = solve(problem, seconds=seconds)
    left = max(seconds - (perf_counter() - begun), seconds / 4)
    problem, solution = _answered_first(facts, problem, solution, left)
    return Draft(
        facts=facts,
        settings=settings,
        means=means,
        options=options,
        problem=problem,
        solution=solution,
        due=due,
    )


def _answered_first(
    facts: PlanFacts, problem: Problem, solution: Solution, seconds: float
) -> tuple[Problem, Solution]:
    """Where not all who speak of leaving are answered, keeping in touch waits if that helps."""
    hot = problem.due & (facts.journey == _HOT)
    could = np.zeros(problem.customers, dtype=bool)
    could[problem.customer] = True
    missed = hot & could & (solution.chosen < 0)
    if not missed.any() or not (problem.due & ~hot).any():
        return problem, solution
    narrow = replace(problem, due=hot)
    found = solve(narrow, seconds=seconds)
    if np.count_nonzero(hot & (found.chosen >= 0)) <= np.count_nonzero(hot) - missed.sum():
        return problem, solution
    return narrow, found


def patience(customers: int) -> float:
    """How many seconds the best plan is looked for: more where there are very many customers.

    >>> patience(1_500), patience(1_000_000)
    (20.0, 60.0)
    """
    return SECONDS * min(max(customers / 100_000, 1.0), 3.0)


def marketing_of(facts: PlanFacts) -> str:
    """What the owner of customers without an account manager is called."""
    return facts.base.wording.say("plan.marketing")


def means_of(facts: PlanFacts, settings: PlanSettings) -> Means:
    """What the plan may use. What is kept for exploring is no part of the optimum's budget."""
    return Means(
        budget=settings.budget * (1 - settings.explore),
        minutes=settings.minutes(facts.owners, marketing_of(facts)),
        steps=settings.steps,
        channels=settings.channels,
        calendar=Calendar(
            start=engine.day_number(settings.start), weeks=settings.weeks, rules=settings.rules
        ),
        rates=Rates(settings.measured, settings.hour_cost),
        lift=_lift(facts, settings),
        keep_losing=settings.explore > 0,
    )


def _lift(facts: PlanFacts, settings: PlanSettings) -> Values:
    if settings.uplift is None:
        return np.ones(len(facts))
    told = settings.uplift.multipliers(facts.base)
    by_id = told.set_index("customer_id").iloc[:, 0] if hasattr(told, "set_index") else told
    return np.asarray(facts.customer_id.map(by_id).fillna(1.0), dtype=float)


def due_of(facts: PlanFacts, settings: PlanSettings) -> Flags:
    """Customers who should hear from the company even where that does not pay by itself.

    Who has spoken of leaving, or has a serious complaint open, is owed an answer. And those worth
    it who would hear too rarely from the company in the year to the plan's end: the third worth
    most, and worth something. Where no table tells of contacts, nobody is known to.
    """
    hot = (facts.journey == _HOT) & facts.contactable
    known = facts.base.has("interactions") or facts.base.has("campaigns", "group")
    if not (settings.floor and settings.rules.least_a_year and known):
        return np.asarray(hot)
    end = engine.day_number(settings.start) + 7 * settings.weeks - 1
    rarely = facts.contacts_since(end - YEAR) < settings.rules.least_a_year
    in_touch = np.array(_KEPT_IN_TOUCH)[facts.journey]
    worth = (facts.band == BANDS.index("high")) & (facts.value > 0)
    return np.asarray(hot | (rarely & in_touch & worth & facts.contactable))


@dataclass(frozen=True, eq=False, kw_only=True)
class Taken:
    """One entry a contact in each array: customer, path, place in it, day, money, minutes."""

    option: Numbers
    customer: Numbers
    path: Numbers
    place: Numbers
    day: Numbers
    profit: Values
    low: Values
    high: Values
    cost: Values
    minutes: Values
    managed: Flags
    measured: Flags

    def part(self, rows: Any) -> Taken:
        """Some of them."""
        return replace(self, **{name: values[rows] for name, values in vars(self).items()})


def taken_of(draft: Draft, options: Numbers) -> Taken:
    """The contacts of those options, in the order of their customers and dates."""
    facts, means, known = draft.facts, draft.means, draft.options
    latest = latest_days(facts, means.calendar.rules.most_in_30_days)
    parts = []
    # Dates follow from customer, path and week: they are worked out anew for what is taken.
    keys = np.column_stack(
        [
            known.path[options],
            np.where(known.soonest[options], -1, known.week[options]),
            facts.owner[known.customer[options]] != NOBODY,
        ]
    )
    unique, which = np.unique(keys, axis=0, return_inverse=True)
    for number, (path, week, managed) in enumerate(unique):
        some = options[which.ravel() == number]
        who = known.customer[some]
        group = Group(facts, means, who, latest[who], bool(managed))
        parts.append(_contacts(group, known.paths[path], int(path), some, int(week)))
    if not parts:
        empty: Any = np.zeros(0, dtype=np.int64)
        return Taken(**{name: empty for name in Taken.__dataclass_fields__})
    whole = Taken(
        **{
            name: np.concatenate([getattr(part, name) for part in parts])
            for name in Taken.__dataclass_fields__
        }
    )
    return whole.part(np.lexsort((whole.place, whole.customer)))


def _contacts(group: Group, path: Path, number: int, options: Numbers, week: int) -> Taken:
    days, _ = group.dates(path, None if week < 0 else week)
    ends = [group.money(path, days, end) for end in ("likely", "low", "high")]
    many, long = days.shape

    def each(values: Sequence[Any]) -> Any:
        return np.tile(np.array(values), many)

    rates = group.means.rates
    return Taken(
        option=np.repeat(options, long),
        customer=np.repeat(group.who, long),
        path=np.full(many * long, number),
        place=each(range(long)),
        day=days.ravel().astype(np.int64),
        profit=ends[0][0].ravel(),
        low=ends[1][0].ravel(),
        high=ends[2][0].ravel(),
        cost=ends[0][1].ravel(),
        minutes=each([path.minutes(place, group.managed) for place in range(long)]),
        managed=np.full(many * long, group.managed),
        measured=each([rates.is_measured(step) for step in path.contacts]),
    )
