"""The price of each resource: when everybody pays it, the plan nearly fits by itself.

Give every resource a price and let each customer take the option that earns most after paying:
the sum of those earnings and of the resources at their prices is a bound that no plan can beat
(Lagrangian relaxation; Everett 1963, "Generalized Lagrange multiplier method"). The best prices
make that bound smallest. They are found by small linear programs over the customers whose choice
hangs in the balance, the others staying with what they chose, within a box around the prices
reached so far (Marsten, Hogan and Blankenship 1975, "The boxstep method").
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from retention_lib.decisions._plan_problem import Flags, Numbers, Values

# Customers in the first small linear program and, with no more options than that, in the others:
# enough for a good step, few enough for a second.
_SAMPLE, _IN_THE_BALANCE, _COLUMNS = 2_500, 10_000, 15_000
_ROUNDS = 60
_WIDEST = 4.0
# A bound this near to the smallest possible one is as good as it.
_NEAR = 1e-8


@dataclass(frozen=True, eq=False, kw_only=True)
class Choices:
    """The options that count, those of one customer side by side, and the scarce resources.

    ``start``: where the options of each customer begin, and at the end how many options there are.
    ``customer``: the customer of each option, 0, 1, ... without gaps. ``table``: what each option
    uses of each resource; ``room``: what there is of it. A resource used in negative amounts with
    a negative room is something of which at least so much is wanted. ``forced``: customers who
    get one of their options in any case.
    """

    start: Numbers
    customer: Numbers
    profit: Values
    table: sparse.csr_array
    room: Values
    forced: Flags


@dataclass(frozen=True, eq=False, kw_only=True)
class Weighed:
    """What everybody would choose at some prices, and the bound that follows.

    ``value``: what each option earns after paying. ``best``: the same of each customer's choice,
    ``pick``: that option, or -1. ``margin``: how much less the next best choice would earn.
    """

    price: Values
    value: Values
    best: Values
    pick: Numbers
    margin: Values
    bound: float


def weigh(choices: Choices, price: Values) -> Weighed:
    """Let everybody choose at those prices."""
    value = choices.profit - choices.table @ price
    starts = choices.start[:-1]
    top = np.maximum.reduceat(value, starts)
    at = np.flatnonzero(value == top[choices.customer])
    pick = np.empty(len(starts), dtype=np.int64)
    pick[choices.customer[at][::-1]] = at[::-1]  # the first of equals
    others = value.copy()
    others[pick] = -np.inf
    second = np.maximum.reduceat(others, starts)
    none = ~choices.forced & (top <= 0)
    margin = np.where(
        choices.forced, top - second, np.where(none, -top, top - np.maximum(second, 0.0))
    )
    best = np.where(none, 0.0, top)
    return Weighed(
        price=price,
        value=value,
        best=best,
        pick=np.where(none, -1, pick),
        margin=margin,
        bound=float(price @ choices.room + best.sum()),
    )


def find_prices(choices: Choices, *, seconds: float) -> Weighed:
    """The prices at which the bound is smallest, or nearly so when time is up."""
    if not len(choices.room):
        return weigh(choices, np.zeros(0))
    end = time.perf_counter() + seconds
    best = weigh(choices, _first_prices(choices))
    if len(best.margin) > _SAMPLE:
        best = min(best, weigh(choices, _last_that_fits(choices)), key=lambda one: one.bound)
    width = 1.0
    for _ in range(_ROUNDS):
        price, model = _box_step(choices, best, width)
        if price is None:
            break
        tried = weigh(choices, price)
        tolerance = _NEAR * max(abs(best.bound), 1e-9)
        won = best.bound - tried.bound
        hoped = best.bound - model
        if won > 0:
            best = tried
        if hoped <= tolerance or time.perf_counter() > end:
            break
        # The model was right where the bound fell as hoped: a longer step next time.
        width = min(width * 2.0, _WIDEST) if won > 0.5 * hoped else width * 0.4
    return best


def _near(choices: Choices, at: Weighed, moved: Values) -> tuple[Numbers, Numbers]:
    """The customers who change their mind first, where the value of options moves by that.

    And their options, but for those that no such move brings up to what the customer chose.
    """
    swing = np.maximum.reduceat(moved, choices.start[:-1])
    firm = np.divide(at.margin, swing, out=np.full(len(swing), np.inf), where=swing > 0)
    many = min(_IN_THE_BALANCE, len(firm))
    near = np.argpartition(firm, many - 1)[:many]
    near = near[np.argsort(firm[near], kind="stable")]
    columns = options_of(choices, near)
    who, chosen = choices.customer[columns], at.pick[choices.customer[columns]]
    reach = moved[columns] + np.where(chosen >= 0, moved[chosen], 0.0)
    columns = columns[(at.best[who] - at.value[columns] <= reach) | (len(firm) <= _SAMPLE)]
    if len(columns) > _COLUMNS:
        near = near[: np.flatnonzero(near == choices.customer[columns[_COLUMNS]])[0]]
    near = np.sort(near)
    inside = np.zeros(len(firm), dtype=bool)
    inside[near] = True
    return near, np.sort(columns[inside[choices.customer[columns]]])


def _first_prices(choices: Choices) -> Values:
    """The prices of a sample of the customers, with their share of the resources."""
    customers = len(choices.forced)
    size = min(customers, _SAMPLE)
    sample = np.arange(customers)
    if size < customers:
        sample = np.sort(np.random.default_rng(0).choice(customers, size, replace=False))
    columns = options_of(choices, sample)
    dear = _dear(choices)
    share = size / customers
    price, _ = _linear(choices, sample, columns, choices.room * share, np.zeros_like(dear), dear)
    return np.zeros_like(dear) if price is None else price


def _last_that_fits(choices: Choices) -> Values:
    """What each resource earns in the last use that fits, were there no other resource."""
    uses = choices.table.tocoo()
    counts = (uses.data > 0) & (choices.profit[uses.row] > 0)
    resource, amount = uses.col[counts], uses.data[counts]
    earned = choices.profit[uses.row[counts]] / amount
    order = np.lexsort((-earned, resource))
    resource, amount, earned = resource[order], amount[order], earned[order]
    before = np.cumsum(amount) - amount
    first = np.searchsorted(resource, np.arange(len(choices.room)))
    begun = np.append(before, 0.0)[np.minimum(first, len(before))]
    over = before - begun[resource] + amount > choices.room[resource]
    price = np.zeros(len(choices.room))
    np.maximum.at(price, resource[over], earned[over])
    return price


def _dear(choices: Choices) -> Values:
    """A price at which nobody would want a resource any more."""
    largest = np.asarray(abs(choices.table).max(axis=0).todense()).ravel()
    worth = float(np.abs(choices.profit).max())
    return np.where(largest > 0, 100 * worth / np.where(largest > 0, largest, 1.0), 1.0)


def _usual(choices: Choices, price: Values) -> Values:
    """What a resource costs about, where it costs anything: no box must be too narrow to move."""
    spent = price * np.abs(choices.room)
    worth = (
        float(np.median(spent[spent > 0]))
        if (spent > 0).any()
        else float(np.abs(choices.profit).max())
    )
    return worth / np.maximum(np.abs(choices.room), 1e-300)


def _box_step(choices: Choices, at: Weighed, width: float) -> tuple[Values | None, float]:
    """The best prices in a box, the customers farthest from it staying with what they chose."""
    usual = _usual(choices, at.price) * width
    low = np.maximum(at.price / (1.0 + width) - 0.1 * usual, 0.0)
    high = at.price * (1.0 + width) + usual
    moved = np.asarray(abs(choices.table) @ (high - low), dtype=np.float64)
    near, columns = _near(choices, at, moved)
    staying = at.pick.copy()
    staying[near] = -1
    staying = staying[staying >= 0]
    used = np.asarray(choices.table[staying].sum(axis=0)).ravel()
    price, earned = _linear(choices, near, columns, choices.room - used, low, high)
    return price, earned + float(choices.profit[staying].sum())


def _linear(
    choices: Choices, customers: Numbers, columns: Numbers, room: Values, low: Values, high: Values
) -> tuple[Values | None, float]:
    """Prices from a linear program in which resources are bought dear and sold cheap.

    No price where HiGHS gives up on the numbers, which the caller must live with.
    """
    from scipy.optimize import linprog

    part = choices.table[columns]
    scale = row_scale(part)
    resources = len(room)
    number = np.searchsorted(customers, choices.customer[columns])
    one = sparse.csr_array(
        (np.ones(len(columns)), (number, np.arange(len(columns)))),
        shape=(len(customers), len(columns)),
    )
    unit = sparse.eye_array(resources)
    # What is bought and sold is counted in the scaled unit, so are its prices.
    limits = sparse.hstack([sparse.diags_array(scale) @ part.T, -unit, unit]).tocsr()
    wide = sparse.hstack([one, sparse.csr_array((len(customers), 2 * resources))]).tocsr()
    forced = choices.forced[customers]
    found = linprog(
        np.concatenate([-choices.profit[columns], high / scale, -low / scale]),
        A_ub=sparse.vstack([limits, wide[~forced]]),
        b_ub=np.concatenate([room * scale, np.ones(int((~forced).sum()))]),
        A_eq=wide[forced] if forced.any() else None,
        b_eq=np.ones(int(forced.sum())) if forced.any() else None,
        method="highs",
    )
    if found.x is None:
        return None, -np.inf
    price = np.clip(-found.ineqlin.marginals[:resources] * scale, low, high)
    return price, -float(found.fun)


def row_scale(part: sparse.csr_array) -> Values:
    """A factor a resource that makes its largest use 1: solvers' tolerances are absolute."""
    if not part.shape[0]:
        return np.ones(part.shape[1])
    largest = np.asarray(abs(part).max(axis=0).todense()).ravel()
    return 1.0 / np.where(largest > 0, largest, 1.0)


def options_of(choices: Choices, customers: Numbers) -> Numbers:
    """The options of those customers, in order."""
    begin = choices.start[customers]
    counts = choices.start[customers + 1] - begin
    ends = np.cumsum(counts)
    total = int(ends[-1]) if len(ends) else 0
    skipped = np.repeat(ends - counts - begin, counts)
    return np.asarray(np.arange(total) - skipped, dtype=np.int64)
