"""The best plan: exact where the base is small, near the best and by how much where it is large."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from scipy import sparse

from retention_lib.decisions._plan_exact import Found, search
from retention_lib.decisions._plan_greedy import solve_greedy, take
from retention_lib.decisions._plan_prices import Choices, find_prices
from retention_lib.decisions._plan_problem import (
    CLOSE,
    EXACT,
    Flags,
    Numbers,
    Problem,
    Solution,
    Values,
    allowance,
    solution_of,
    usable,
    uses,
)

__all__ = ["solve", "solve_greedy"]


def solve(
    problem: Problem,
    *,
    exact_up_to: int = 10_000,
    seconds: float = 20.0,
    progress: Callable[[str], object] | None = None,
) -> Solution:
    """The plan that serves most due customers and, among those, earns most.

    Up to ``exact_up_to`` customers it is proved to be the best one, as far as ``seconds`` allow;
    beyond, a plan within a ten-thousandth of the best one is enough. ``gap`` says how near in
    either case. Never worse than :func:`solve_greedy`. ``progress`` is told ``greedy``, ``due``,
    ``prices``, ``search``.

    The trap: ``seconds`` bounds each of three parts, about (whom to serve, the prices, the search),
    and a slower machine may stop at a wider gap, so the plan is the same everywhere only where
    ``exact``.
    """
    say = progress or (lambda _: None)
    small = problem.customers <= exact_up_to
    say("greedy")
    greedy = solve_greedy(problem)
    allowed = usable(problem)
    if not allowed.any():
        return replace(greedy, bound=0.0, gap=0.0, exact=True, most_served=0)
    say("due")
    start, most = _most_served(problem, allowed, greedy, seconds)
    say("prices")
    served = int((problem.due[np.flatnonzero(start >= 0)]).sum())
    every = _servable(problem, allowed)
    worth = allowed & ((problem.profit > 0) | problem.due[problem.customer])
    chosen, bound, price = start, 0.0, np.zeros(len(problem.capacity))
    if worth.any():
        options = np.flatnonzero(worth)
        choices, resources = _choices(
            problem, options, problem.profit, served=served, every=served == every
        )
        weighed = find_prices(choices, seconds=seconds)
        say("search")
        near = 0.9 * (EXACT if small else CLOSE) * abs(weighed.bound)
        found = search(choices, weighed, near=near, seconds=seconds)
        price[resources] = weighed.price[: len(resources)]
        bound = found.bound
        chosen = _better(problem, _spread(problem, options, found), start)
    solution = solution_of(
        problem, chosen, bound=bound, method="exact" if small else "prices", price=price
    )
    if (greedy.served, greedy.profit) > (solution.served, solution.profit):
        solution = solution_of(problem, greedy.chosen, bound=bound, method="greedy", price=price)
    proved = solution.exact and solution.served >= most
    return replace(solution, most_served=max(most, solution.served), exact=proved)


def _servable(problem: Problem, allowed: Flags) -> int:
    """How many due customers have an option that fits at all."""
    return len(np.unique(problem.customer[allowed & problem.due[problem.customer]]))


def _most_served(
    problem: Problem, allowed: Flags, greedy: Solution, seconds: float
) -> tuple[Numbers, int]:
    """A plan that serves as many due customers as was found possible, and the most there can be."""
    every = _servable(problem, allowed)
    if greedy.served == every:
        return greedy.chosen, every
    options = np.flatnonzero(allowed & problem.due[problem.customer])
    choices, _ = _choices(problem, options, np.ones(problem.options), served=0, every=False)
    weighed = find_prices(choices, seconds=seconds / 2)
    found = search(choices, weighed, near=1.0 - 1e-6, seconds=seconds / 2)
    most = min(every, int(np.floor(found.bound + 1e-6)))
    plan = _spread(problem, options, found)
    served = 0 if plan is None else int((plan >= 0).sum())
    if plan is None or served <= greedy.served:
        return greedy.chosen, max(most, greedy.served)
    return _filled(problem, plan, allowed), max(most, served)


def _filled(problem: Problem, plan: Numbers, allowed: Flags) -> Numbers:
    """The plan, and what still fits beside it, the most profitable first."""
    table, plan = uses(problem), plan.copy()
    left = problem.capacity - np.asarray(table[plan[plan >= 0]].sum(axis=0)).ravel()
    order = np.flatnonzero(allowed & (problem.profit > 0))
    order = order[np.argsort(-problem.profit[order], kind="stable")]
    take(problem.customer, table, order, plan, left, allowance(problem.capacity))
    return plan


def _choices(
    problem: Problem, options: Numbers, profit: Values, *, served: int, every: bool
) -> tuple[Choices, Numbers]:
    """The part of the problem that is searched, and the numbers of its resources."""
    customer = problem.customer[options]
    first = np.concatenate([[True], customer[1:] != customer[:-1]])
    start = np.concatenate([np.flatnonzero(first), [len(options)]]).astype(np.int64)
    number = np.cumsum(first) - 1
    table = uses(problem)[options]
    asked = np.bincount(table.indices, weights=table.data, minlength=len(problem.capacity))
    scarce = np.flatnonzero(asked > problem.capacity)
    table = table[:, scarce].tocsr()
    room = _whole_units(table, problem.capacity[scarce])
    due = problem.due[customer]
    forced = problem.due[customer[first]] if every else np.zeros(int(first.sum()), dtype=bool)
    if served and not every:
        # At least so many: a resource that each of them gives one of.
        table = sparse.hstack([table, sparse.csr_array(-due.astype(np.float64)[:, None])]).tocsr()
        room = np.append(room, -float(served))
    choices = Choices(
        start=start,
        customer=number,
        profit=profit[options],
        table=table,
        room=room,
        forced=forced,
    )
    return choices, scarce


def _whole_units(table: sparse.csr_array, room: Values) -> Values:
    """The room without what nobody can use: of 304 minutes, visits of 15 and 25 need 300."""
    columns = table.tocsc()
    has = np.flatnonzero(np.diff(columns.indptr) > 0)
    if not len(has):
        return room
    whole = np.round(columns.data)
    off = np.abs(columns.data - whole) > 1e-9 * np.maximum(np.abs(whole), 1.0)
    begin = columns.indptr[:-1][has]
    unit = np.gcd.reduceat(np.where(off, 0.0, whole).astype(np.int64), begin)
    counts = ~np.logical_or.reduceat(off, begin) & (unit > 0)
    tight = room.astype(np.float64)
    at, size = has[counts], unit[counts].astype(np.float64)
    tight[at] = np.floor(tight[at] / size * (1 + 1e-12)) * size
    return tight


def _spread(problem: Problem, options: Numbers, found: Found) -> Numbers | None:
    """The plan that was found, by the customers of the problem."""
    if found.picked is None:
        return None
    chosen = np.full(problem.customers, -1, dtype=np.int64)
    taken = options[found.picked[found.picked >= 0]]
    chosen[problem.customer[taken]] = taken
    return chosen


def _better(problem: Problem, one: Numbers | None, other: Numbers) -> Numbers:
    """The plan that serves more due customers or, serving as many, earns more."""
    if one is None:
        return other

    def worth(plan: Numbers) -> tuple[int, float]:
        taken = plan[plan >= 0]
        return int(problem.due[problem.customer[taken]].sum()), float(problem.profit[taken].sum())

    return one if worth(one) >= worth(other) else other
