"""The plan as a problem to solve: customers, the options of each, and what all of them share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

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
    found. ``exact``: whether it was proved to be the best (gap at most 1e-6). ``price``, one entry
    a resource: what one more unit of it would earn, about (0 where it is not used up).
    ``method``: ``exact``, ``prices`` or ``greedy``.
    """

    chosen: Numbers
    profit: float
    served: int
    bound: float
    gap: float
    exact: bool
    price: Values
    method: str

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
