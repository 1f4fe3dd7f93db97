"""How long the solver takes, how near the best plan it comes, and what memory it needs.

``python benchmarks/plan_speed.py [CUSTOMERS] [OWNERS] [BUDGET]``; a million customers with about
eight options each, a budget, and the minutes of 50 account managers in each of four weeks, unless
told otherwise. BUDGET is the share of what the minutes alone would let be spent: 1 leaves the
budget slack, 0.85 makes everything scarce at once, which is the hardest.
"""

from __future__ import annotations

import resource
import sys
import time

import numpy as np

from retention_lib.decisions._plan_problem import Problem
from retention_lib.decisions._plan_solver import solve, solve_greedy


def made_up(
    customers: int, *, owners: int, weeks: int = 4, options: int = 15, budget: float = 0.85
) -> Problem:
    """A plan as it comes: a twentieth of the customers due, room for two in five."""
    drawn = np.random.default_rng(1)
    counts = drawn.integers(1, options + 1, customers)
    customer = np.repeat(np.arange(customers), counts)
    many = len(customer)
    owner = drawn.integers(0, owners, customers)[customer]
    minutes = drawn.choice([0.0, 10, 15, 25, 30, 45, 60], many)
    cost = drawn.choice([0.02, 0.5, 1, 5, 8, 20], many) + minutes * 40 / 60
    worth = drawn.lognormal(3.5, 1.2, customers)[customer]
    profit = np.round(worth * drawn.uniform(0.1, 1, many) * (0.3 + minutes / 40) - cost, 2)
    which = 1 + owner * weeks + drawn.integers(0, weeks, many)
    used = np.stack([cost, minutes], axis=1).ravel()
    of = np.stack([np.zeros(many, dtype=np.int64), which], axis=1).ravel()
    keep = used > 0
    asked = np.bincount(of, weights=used, minlength=1 + owners * weeks) / counts.mean()
    capacity = np.floor(asked * 0.4)
    capacity[0] *= budget
    return Problem(
        customers=customers,
        customer=customer,
        profit=profit,
        use_option=np.repeat(np.arange(many), 2)[keep],
        use_resource=of[keep],
        use_amount=used[keep],
        capacity=capacity,
        resource=("budget", *(f"owner {i} week {w}" for i in range(owners) for w in range(weeks))),
        due=drawn.random(customers) < 0.05,
    )


def main() -> None:
    customers, owners = (int(one) for one in (*sys.argv[1:3], "1000000", "50")[:2])
    budget = float(sys.argv[3]) if len(sys.argv) > 3 else 0.85
    problem = made_up(customers, owners=owners, budget=budget)
    print(
        f"{customers:,} customers, {problem.options:,} options, {len(problem.capacity)} resources"
    )
    begun = time.perf_counter()
    greedy = solve_greedy(problem)
    print(f"greedy: {time.perf_counter() - begun:.1f} s, {greedy.profit:,.2f}, due {greedy.served}")
    begun = time.perf_counter()
    marks: list[tuple[str, float]] = []
    found = solve(
        problem, seconds=60.0, progress=lambda key: marks.append((key, time.perf_counter() - begun))
    )
    taken = time.perf_counter() - begun
    print("steps begun at:", ", ".join(f"{key} {at:.1f} s" for key, at in marks))
    print(
        f"{found.method}: {taken:.1f} s, {found.profit:,.2f}, due {found.served} of at most "
        f"{found.most_served}, gap {found.gap:.2e}"
    )
    print(f"above the greedy list: {found.profit / greedy.profit - 1:.2%}")
    print(f"memory at most: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GB")


if __name__ == "__main__":
    main()
