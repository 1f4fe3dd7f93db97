"""The plan as a problem to solve: customers, the options of each, and what all of them share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

Values = np.ndarray[Any, np.dtype[np.float64]]
Numbers = np.ndarray[Any, np.dtype[np.int64]]
Flags = np.ndarray[Any, np.dtype[np.bool_]]


@dataclass(frozen=True, eq=False, kw_only=True)
class Problem:
    """At most one option a customer, within shared resources, for the most expected profit.

    ``customers``: how many there are. One entry an option: ``customer`` (its number, in ascending
    order), ``profit`` (expected extra profit net of its cost, currency; may be negative). What
    options use of the resources, one entry a use, in ascending order of option: ``use_option``,
    ``use_resource``, ``use_amount`` (0 or more). ``capacity``, one entry a resource (0 or more,
    may be infinite): the uses of the chosen options never add up to more. ``resource`` names them
    for people and tests. ``due``: customers who should get some option (keeping in touch); as
    many of them as the resources allow are served first, and among such plans the most
    profitable is chosen. A customer that is not due gets no option of negative profit.
    """

    customers: int
    customer: Numbers
    profit: Values
    use_option: Numbers
    use_resource: Numbers
    use_amount: Values
    capacity: Values
    resource: tuple[str, ...]
    due: Flags

    @property
    def options(self) -> int:
        """How many options there are."""
        return len(self.customer)


@dataclass(frozen=True, eq=False, kw_only=True)
class Solution:
    """Which option each customer gets, and how far the plan can be from the best one.

    ``chosen``: one entry a customer, its option or -1. ``profit``: the sum of what was chosen.
    ``served``: how many due customers have an option. ``bound``: no plan that serves as many due
    customers earns more than this. ``gap``: (bound - profit) / bound, 0 where the best plan was
    found. ``exact``: whether it was proved to be the best (gap at most 1e-6,
    and none serves more due customers). ``price``, one entry
    a resource: what one more unit of it would earn, about (0 where it is not used up).
    ``method``: ``exact``, ``prices`` or ``greedy``. ``most_served``: no plan serves more due
    customers than this (-1 where it was not looked into).
    """

    chosen: Numbers
    profit: float
    served: int
    bound: float
    gap: float
    exact: bool
    price: Values
    method: str
    most_served: int = -1

    def used(self, problem: Problem) -> Values:
        """What the plan uses of each resource."""
        taken = np.zeros(problem.options, dtype=bool)
        taken[self.chosen[self.chosen >= 0]] = True
        counted = taken[problem.use_option]
        return np.bincount(
            problem.use_resource[counted],
            weights=problem.use_amount[counted],
            minlength=len(problem.capacity),
        ).astype(np.float64)


# A plan this near to the bound, relatively, is called the best one.
EXACT = 1e-6
# And this near to it, it is looked for no longer where there are very many customers.
CLOSE = 1e-4
# Sums of many amounts may be off by so much of the capacity; a plan stays within it.
ROUNDING = 1e-9


def allowance(room: Values) -> Values:
    """How far sums may be above the room there is, by rounding alone: 0.1 + 0.2 fits into 0.3."""
    return np.where(np.isfinite(room), ROUNDING / 10 * np.abs(room), 0.0)


def uses(problem: Problem) -> sparse.csr_array:
    """What each option (a row) uses of each resource (a column)."""
    counts = np.bincount(problem.use_option, minlength=problem.options)
    starts = np.concatenate([[0], np.cumsum(counts)])
    table = sparse.csr_array(
        (problem.use_amount, problem.use_resource, starts),
        shape=(problem.options, len(problem.capacity)),
    )
    if not table.has_canonical_format:
        # An option may name a resource twice, and the problem's own arrays stay as they are.
        table = table.copy()
        table.sum_duplicates()
    return table


def usable(problem: Problem) -> Flags:
    """The options a plan may choose at all: they fit alone, and lose only for due customers."""
    table = uses(problem)
    room = problem.capacity + allowance(problem.capacity)
    over = table.data > room[table.indices]
    each = np.repeat(np.arange(problem.options), np.diff(table.indptr))
    fits = np.bincount(each[over], minlength=problem.options) == 0
    return np.asarray(fits & ((problem.profit >= 0) | problem.due[problem.customer]), dtype=bool)


def shares(problem: Problem) -> Values:
    """The largest part of any one resource that each option uses."""
    with np.errstate(divide="ignore", invalid="ignore"):
        part = problem.use_amount / problem.capacity[problem.use_resource]
    largest = np.zeros(problem.options)
    np.maximum.at(largest, problem.use_option, np.where(problem.use_amount > 0, part, 0.0))
    return largest


def best_alone(problem: Problem, allowed: Flags) -> float:
    """What everybody's best option adds up to, as if there were no end to the resources."""
    best = np.zeros(problem.customers)
    np.maximum.at(best, problem.customer[allowed], problem.profit[allowed])
    return float(best.sum())


def solution_of(
    problem: Problem, chosen: Numbers, *, bound: float, method: str, price: Values | None = None
) -> Solution:
    """The solution with that choice and that bound on the best one."""
    taken = chosen[chosen >= 0]
    profit = float(problem.profit[taken].sum())
    bound = max(bound, profit)
    gap = 0.0 if bound <= profit else (bound - profit) / max(abs(bound), 1e-300)
    return Solution(
        chosen=chosen,
        profit=profit,
        served=int(problem.due[problem.customer[taken]].sum()),
        bound=bound,
        gap=gap,
        exact=gap <= EXACT,
        price=np.zeros(len(problem.capacity)) if price is None else price,
        method=method,
    )
