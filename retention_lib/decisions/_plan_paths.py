"""The ways through a journey that a plan may take: which steps, by which channels, in order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Any, TypeAlias

import numpy as np

from retention_lib.decisions._journey_steps import Step
from retention_lib.decisions._plan_problem import Values
from retention_lib.decisions.ranges import Range

TASK = "task"
"""The channel of what an account manager does before a contact."""
IN_PERSON = ("call", "visit")
"""Channels by which the account manager speaks with the customer."""
Tasks: TypeAlias = "tuple[Step, ...]"
CENTS = 2
"""Costs are whole cents, so that the cost of a plan adds up to the cent."""


@dataclass(frozen=True, eq=False)
class Path:
    """Contacts one after the other, and what the account manager does before each of them.

    ``contacts`` in the order of their places; ``tasks``: one group of steps before each.
    """

    contacts: tuple[Step, ...]
    tasks: tuple[tuple[Step, ...], ...]

    @cached_property
    def promotes(self) -> bool:
        """Whether any step offers something for sale or a gift."""
        return any(step.promotion for step in self.contacts)

    @cached_property
    def channels(self) -> frozenset[str]:
        """The channels that it takes."""
        return frozenset(step.channel for step in self.contacts)

    def minutes(self, place: int, managed: bool) -> float:
        """Minutes of the owner's time that the contact at that place takes, its tasks included."""
        tasks = self.tasks[place] if managed else ()
        return float(self.contacts[place].minutes + sum(task.minutes for task in tasks))

    def all_minutes(self, managed: bool) -> float:
        """Minutes that the whole of it takes."""
        return sum(self.minutes(place, managed) for place in range(len(self.contacts)))


def paths_of(journey: str, steps: Sequence[Step], channels: Sequence[str]) -> list[Path]:
    """Every way through a journey by those channels, the shortest first.

    A way begins at the first place and leaves none out; it may end after any of them.
    """
    own = [step for step in steps if step.journey == journey]
    tasks: dict[int, list[Step]] = {}
    contacts: dict[int, list[Step]] = {}
    for step in own:
        if step.who == "manager":
            tasks.setdefault(step.place, []).append(step)
        elif step.channel in channels:
            contacts.setdefault(step.place, []).append(step)
    places = sorted({step.place for step in own if step.who == "customer"})
    found = []
    for long in range(1, len(places) + 1):
        taken = places[:long]
        # What is prepared is a conversation: a task stands before a call or a visit.
        before = [
            tuple(task for at in sorted(tasks) if low < at <= place for task in tasks[at])
            for low, place in zip([0, *taken], taken, strict=False)
        ]
        ways = product(*(contacts.get(place, []) for place in taken))
        found += [Path(way, _prepared(way, before)) for way in ways]
    return found


def _prepared(way: Sequence[Step], before: Sequence[Tasks]) -> tuple[Tasks, ...]:
    return tuple(
        tasks if step.channel in IN_PERSON else () for step, tasks in zip(way, before, strict=True)
    )


@dataclass(frozen=True, eq=False)
class Rates:
    """How well steps work here: assumed by the table of steps, or measured on this base.

    ``hour_cost``: what an hour of an account manager costs (currency).
    """

    measured: Range | None
    hour_cost: float

    def of(self, step: Step) -> Range:
        """The share of what is at stake that the step should bring."""
        if self.measured is not None and step.measured and step.brings == "saves":
            return self.measured
        return step.rate

    def is_measured(self, step: Step) -> bool:
        """Whether a randomised campaign on file has measured that."""
        return self.measured is not None and step.measured and step.brings == "saves"

    def cost(self, step: Step) -> float:
        """What a step costs whoever accepts it, to the cent: money out and time."""
        return round(step.cost + step.minutes * self.hour_cost / 60, CENTS)


def shares_won(rates: Sequence[float], lift: Values) -> list[Values]:
    """What each contact adds to the share won, in turn: it works on what those before left.

    ``lift`` multiplies the rates, customer by customer; no rate goes beyond 1.

    >>> [float(share) for share in shares_won([0.5, 0.5], np.array(1.0))]
    [0.5, 0.25]
    """
    left: Any = np.ones_like(lift)
    won = []
    for rate in rates:
        works = np.minimum(rate * lift, 1.0)
        won.append(left * works)
        left = left * (1.0 - works)
    return won


def incentive_of(step: Step, rate: float, chance: Values, lift: Values) -> Values:
    """What is expected to be given away: to who accepts, as a step's ``incentive`` says.

    Whoever would have stayed takes a present as well: of those who do not leave everybody, of
    those who would have left the share that is kept. Where a step sells or wins back, who says
    yes takes it.
    """
    works = np.clip(rate * lift, 0.0, 1.0)
    if step.brings != "saves":
        return np.asarray(step.incentive * works)
    # Nobody knows how likely it is to leave: the present is reckoned as if everybody took it.
    leaves = np.where(np.isnan(chance), 0.0, chance)
    return np.asarray(step.incentive * ((1.0 - leaves) + leaves * works))
