"""The best plan from the prices: whatever is clear at these prices stays, the rest is searched.

At prices with the bound B, a plan that uses an option earning r less than its customer's best one
earns at most B - r. So with a plan of profit P in hand, options with r above B - P are out, and
what is left of a large problem is a small one (reduced cost fixing; Balas and Zemel 1980, "An
algorithm for large zero-one knapsack problems", the "core"). HiGHS searches it to its end.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from retention_lib.decisions._plan_core import Core, used_by
from retention_lib.decisions._plan_greedy import take
from retention_lib.decisions._plan_prices import Choices, Weighed, options_of, weigh
from retention_lib.decisions._plan_problem import Flags, Numbers, Values, allowance

# Options searched at first, how many more each time, and at most.
_FIRST, _TIMES, _MOST = 1_500, 4, 60_000
_PASSES = 2
# A resource that more than this share of the customers use ties all of them together.
_MANY = 0.4


@dataclass(frozen=True, eq=False, kw_only=True)
class Found:
    """A plan by customer (its option or -1, none where none was found), and what no plan beats."""

    picked: Numbers | None
    profit: float
    bound: float

    @property
    def fits(self) -> bool:
        """Whether the plan keeps within the resources; if not, it is where to go on from."""
        return self.picked is not None and self.profit > -np.inf


def search(choices: Choices, weighed: Weighed, *, near: float, seconds: float) -> Found:
    """The best plan to within ``near``, or the best found when time is up.

    What most customers share (the budget), and what costs nothing, is left to its price at first.
    The rest falls apart into pieces that share nothing else: each account manager's customers,
    say. Their best plans together give a bound and, where they need too much of something, a
    start for the search over all of them.
    """
    if not len(choices.room):
        return Found(picked=weighed.pick, profit=weighed.bound, bound=weighed.bound)
    end = time.perf_counter() + seconds
    if len(choices.profit) <= _FIRST:
        best = Found(picked=None, profit=-np.inf, bound=weighed.bound)
        return _whole(choices, weighed, best, near, end)
    counted = _few_share(choices, weighed)
    begun = time.perf_counter()
    best = parts = _by_pieces(choices, weighed, counted, near / 2, end)
    if best.bound == -np.inf or best.bound - best.profit <= near:
        return best
    pass_seconds = time.perf_counter() - begun
    best = _whole(choices, weighed, best, near, end, most=_FIRST)
    at = weighed
    for _ in range(_PASSES):
        if best.bound - best.profit <= near:
            return best
        if time.perf_counter() + pass_seconds > end:
            break
        at = _moved(choices, at, parts, best.profit, ~counted)
        parts = _by_pieces(choices, at, counted, near / 2, end)
        best = _better(choices, best, parts.picked if parts.fits else None, parts.bound)
    return _whole(choices, weighed, best, near, end, least=_FIRST * _TIMES)


def _moved(choices: Choices, at: Weighed, parts: Found, profit: float, left_out: Flags) -> Weighed:
    """Other prices for what was left out: dearer where too much was used, cheaper otherwise.

    The step is Polyak's (1969): it would bring the bound down to the profit of the plan in hand,
    if the bound were a plane.
    """
    if parts.picked is None or not np.isfinite(profit):
        return at
    used = used_by(choices, parts.picked[parts.picked >= 0])
    unit = np.maximum(np.abs(choices.room), 1e-9 * np.abs(used) + 1e-300)
    over = (used - choices.room) / unit
    over[~left_out | ((at.price <= 0) & (over < 0))] = 0.0
    if not over.any():
        return at
    step = (parts.bound - profit) / float(over @ over)
    return weigh(choices, np.maximum(at.price + step * over / unit, 0.0))


def _few_share(choices: Choices, weighed: Weighed) -> Flags:
    """The resources that cost something and that few of the customers share."""
    table = choices.table.tocoo()
    resources, customers = choices.table.shape[1], len(choices.forced)
    used = table.data != 0
    pair = np.unique(
        table.col[used].astype(np.int64) * customers + choices.customer[table.row[used]]
    )
    sharing = np.bincount(pair // customers, minlength=resources)
    return (weighed.price > 0) & (sharing <= _MANY * customers)


def _by_pieces(
    choices: Choices, weighed: Weighed, counted: Flags, near: float, end: float
) -> Found:
    """Each piece's best plan at the prices of what is not counted; it may not fit as a whole."""
    left_out = np.where(counted, 0.0, weighed.price)
    paid = replace(choices, profit=choices.profit - choices.table @ left_out)
    piece = _pieces(choices, counted)
    count = int(piece.max(initial=-1)) + 1
    picked = weighed.pick.copy()
    bound = float(left_out @ choices.room + weighed.best[piece < 0].sum())
    for number in range(count):
        part = _Piece.of(paid, weighed, np.flatnonzero(piece == number), counted)
        begun = Found(picked=None, profit=-np.inf, bound=part.weighed.bound)
        share = (end - time.perf_counter()) / (count - number) * 0.7
        until = time.perf_counter() + max(share, 0.2)
        found = _whole(part.choices, part.weighed, begun, near / (count - number), until)
        bound += found.bound
        if found.picked is None:
            continue
        picked[part.customers] = np.where(found.picked >= 0, part.columns[found.picked], -1)
        near = max(near - (found.bound - found.profit), near / count / 10)
    chosen = picked[picked >= 0]
    if not _keeps_to(choices, picked):
        return Found(picked=picked, profit=-np.inf, bound=bound)
    profit = float(choices.profit[chosen].sum())
    return Found(picked=picked, profit=profit, bound=max(bound, profit))


def _pieces(choices: Choices, counted: Flags) -> Numbers:
    """The number of the piece each customer is in, -1 where it uses nothing that is counted."""
    table = choices.table[:, np.flatnonzero(counted)].tocoo()
    used = table.data != 0
    customer, resource = choices.customer[table.row[used]], table.col[used]
    customers, resources = len(choices.forced), int(counted.sum())
    links = sparse.coo_array(
        (np.ones(len(customer), dtype=np.int8), (customer, customers + resource)),
        shape=(customers + resources, customers + resources),
    )
    _, label = connected_components(links.tocsr(), directed=False)
    piece = np.full(customers, -1, dtype=np.int64)
    in_one = np.zeros(customers, dtype=bool)
    in_one[customer] = True
    _, piece[in_one] = np.unique(label[:customers][in_one], return_inverse=True)
    return piece


@dataclass(frozen=True, eq=False, kw_only=True)
class _Piece:
    """Customers who share resources with each other and with nobody else."""

    customers: Numbers
    columns: Numbers
    choices: Choices
    weighed: Weighed

    @classmethod
    def of(cls, choices: Choices, weighed: Weighed, customers: Numbers, counted: Flags) -> _Piece:
        columns = options_of(choices, customers)
        counts = choices.start[customers + 1] - choices.start[customers]
        start = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        table = choices.table[columns]
        shared = np.zeros(len(counted), dtype=bool)
        shared[table.indices] = True
        resources = np.flatnonzero(shared & counted)
        price, room = weighed.price[resources], choices.room[resources]
        best, pick = weighed.best[customers], weighed.pick[customers]
        return cls(
            customers=customers,
            columns=columns,
            choices=Choices(
                start=start,
                customer=np.repeat(np.arange(len(customers)), counts),
                profit=choices.profit[columns],
                table=table[:, resources],
                room=room,
                forced=choices.forced[customers],
            ),
            weighed=Weighed(
                price=price,
                value=weighed.value[columns],
                best=best,
                pick=np.where(pick >= 0, pick - choices.start[customers] + start[:-1], -1),
                margin=weighed.margin[customers],
                bound=float(price @ room + best.sum()),
            ),
        )


def _whole(
    choices: Choices,
    weighed: Weighed,
    best: Found,
    near: float,
    end: float,
    *,
    least: int = _FIRST,
    most: int = _MOST,
) -> Found:
    """The best plan, from the one in hand or what everybody chose: a small core, then a larger one.

    ``least`` and ``most``: how many options the first core may have, and the last.
    """
    lost = weighed.best[choices.customer] - weighed.value
    none = np.where(choices.forced, np.inf, weighed.best)
    begun = weighed.pick if best.picked is None else best.picked
    plan = _filled(choices, begun, lost) if best.profit == -np.inf else begun
    best = _better(choices, best, plan if _keeps_to(choices, plan) else None, best.bound)
    others = lost.copy()
    others[weighed.pick[weighed.pick >= 0]] = np.inf
    size = least
    while best.bound - best.profit > near:
        needed = weighed.bound - best.profit
        reach = min(_reach(others, size), needed)
        core = Core.around(choices, plan, lost, none, reach)
        left = end - time.perf_counter()
        if best.picked is not None and (left <= 0 or len(core.columns) > _MOST):
            break
        picked, top = core.solved(near / max(abs(weighed.bound), 1e-300), max(left, 0.5))
        # Whatever lies outside of the core costs at least its reach.
        best = _better(choices, best, picked, max(top, weighed.bound - reach))
        plan = plan if best.picked is None else best.picked
        if reach >= needed or size >= min(len(lost), most):
            break
        size *= _TIMES
    return best


def _filled(choices: Choices, plan: Numbers, lost: Values) -> Numbers:
    """A plan that fits: first who must have something, then the plan, then what loses least."""
    wanted = np.asarray((choices.table < 0).sum(axis=1)).ravel() > 0
    first = wanted | choices.forced[choices.customer]
    planned = np.zeros(len(lost), dtype=bool)
    planned[plan[plan >= 0]] = True
    order = np.lexsort((lost, ~planned, ~first))
    order = order[first[order] | (choices.profit[order] > 0)]
    filled = np.full(len(plan), -1, dtype=np.int64)
    left = choices.room.astype(np.float64)
    take(choices.customer, choices.table, order, filled, left, allowance(left))
    return filled


def _keeps_to(choices: Choices, plan: Numbers) -> bool:
    """Whether the plan fits, and nobody who must have something goes without."""
    used = used_by(choices, plan[plan >= 0])
    fits = np.all(used <= choices.room + allowance(choices.room))
    return bool(fits and np.all(plan[choices.forced] >= 0))


def _better(choices: Choices, best: Found, picked: Numbers | None, bound: float) -> Found:
    """The better of two plans, and the lower of two bounds."""
    bound = min(best.bound, bound)
    profit = -np.inf
    if picked is not None:
        profit = float(choices.profit[picked[picked >= 0]].sum())
    if profit <= best.profit:
        picked, profit = best.picked, best.profit
    return Found(picked=picked, profit=profit, bound=max(bound, profit))


def _reach(lost: Values, count: int) -> float:
    """How much may be lost by an option for that many to be looked at."""
    if len(lost) <= count:
        return np.inf
    return float(np.partition(lost, count)[count])
