"""The plan a careful person with a spreadsheet makes: best first, as long as it fits."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from retention_lib.decisions._plan_problem import (
    Flags,
    Numbers,
    Problem,
    Solution,
    Values,
    allowance,
    best_alone,
    shares,
    solution_of,
    usable,
    uses,
)

# Looked at together: what no longer fits is dropped at once, the rest taken one after the other.
_AT_ONCE = 8192


def solve_greedy(problem: Problem) -> Solution:
    """A plan made by going down a sorted list, the better of two lists.

    Due customers come first, those that take the least, each by the option that takes the least.
    Then the others: by profit, or by profit for each unit of the scarcest resource. An option that
    does not fit any more is passed over.
    """
    allowed = usable(problem)
    taken = shares(problem)
    due = np.flatnonzero(allowed & problem.due[problem.customer])
    start = np.full(problem.customers, -1, dtype=np.int64)
    left = problem.capacity.astype(np.float64)
    slack = allowance(problem.capacity)
    table = uses(problem)
    due = due[np.lexsort((-problem.profit[due], taken[due]))]
    take(problem.customer, table, due, start, left, slack)
    rest = np.flatnonzero(allowed & ~problem.due[problem.customer] & (problem.profit > 0))
    found: Numbers = start
    most = -np.inf
    for order in _orders(problem, table, rest):
        chosen, remaining = start.copy(), left.copy()
        take(problem.customer, table, order, chosen, remaining, slack)
        profit = float(problem.profit[chosen[chosen >= 0]].sum())
        if profit > most:
            found, most = chosen, profit
    return solution_of(problem, found, bound=best_alone(problem, allowed), method="greedy")


def _orders(problem: Problem, table: sparse.csr_array, options: Numbers) -> list[Numbers]:
    """Two ways to sort them: by profit, and by profit for each unit of what is scarcest."""
    profit = problem.profit[options]
    by_profit = options[np.argsort(-profit, kind="stable")]
    scarcest = _scarcest(problem, table, by_profit)
    if scarcest is None:
        return [by_profit]
    amount = np.asarray(table[:, [scarcest]].todense()).ravel()[options]
    with np.errstate(divide="ignore"):
        worth = np.where(amount > 0, profit / amount, np.inf)
    return [by_profit, options[np.lexsort((-profit, -worth))]]


def _scarcest(problem: Problem, table: sparse.csr_array, by_profit: Numbers) -> int | None:
    """The resource most asked for, if everybody got the most profitable option."""
    _, first = np.unique(problem.customer[by_profit], return_index=True)
    wanted = np.asarray(table[by_profit[first]].sum(axis=0)).ravel()
    over = np.flatnonzero(wanted > problem.capacity)
    if not len(over):
        return None
    with np.errstate(divide="ignore"):
        return int(over[np.argmax(wanted[over] / problem.capacity[over])])


def take(
    customer: Numbers,
    table: sparse.csr_array,
    order: Numbers,
    chosen: Numbers,
    left: Values,
    slack: Values,
) -> None:
    """Go down the list and take what fits; ``chosen`` and ``left`` are brought up to date.

    ``slack``: what may be missing of each resource all the same, for the rounding of sums.
    """
    for begin in range(0, len(order), _AT_ONCE):
        block = order[begin : begin + _AT_ONCE]
        block = block[chosen[customer[block]] < 0]
        block, rows = _fitting(block, table[block], left + slack)
        starts, resources, amounts = rows.indptr.tolist(), rows.indices.tolist(), rows.data.tolist()
        room = (left + slack).tolist()
        owners = customer[block].tolist()
        done: set[int] = set()
        for i, option in enumerate(block.tolist()):
            if owners[i] in done:
                continue
            uses_of = range(starts[i], starts[i + 1])
            if all(amounts[k] <= room[resources[k]] for k in uses_of):
                for k in uses_of:
                    room[resources[k]] -= amounts[k]
                done.add(owners[i])
                chosen[owners[i]] = option
        left[:] = np.array(room, dtype=np.float64) - slack


def _fitting(
    block: Numbers, rows: sparse.csr_array, room: Values
) -> tuple[Numbers, sparse.csr_array]:
    over = rows.data > room[rows.indices]
    each = np.repeat(np.arange(len(block)), np.diff(rows.indptr))
    fits: Flags = np.bincount(each[over], minlength=len(block)) == 0
    return block[fits], rows[fits]
