"""The core of a plan: the few options that are searched by HiGHS while the rest stays as it is."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from retention_lib.decisions._plan_prices import Choices, row_scale
from retention_lib.decisions._plan_problem import Numbers, Values, allowance

# scipy's code for a problem that was proved to have no solution.
_NOTHING_FITS = 2


@contextmanager
def silent() -> Iterator[None]:
    """Nothing that C code prints comes out.

    HiGHS prints a line meant for its own developers now and then, whatever it is told, and it would
    stand in the reader's notebook.
    """
    try:
        kept = os.dup(1)
    except OSError:  # no output to be silenced
        yield
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        _flush()
        os.dup2(nowhere, 1)
        yield
    finally:
        _flush()
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nowhere)


def _flush() -> None:
    """What C code has printed so far goes out now: later it would come out after all."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL("ucrtbase" if os.name == "nt" else None).fflush(None)


def used_by(choices: Choices, options: Numbers) -> Values:
    """What those options use of each resource."""
    return np.asarray(choices.table[options].sum(axis=0)).ravel()


@dataclass(frozen=True, eq=False, kw_only=True)
class Alike:
    """Customers with the very same options, searched as one customer there are many of.

    Who of them gets what makes no difference, and a search that tries it all would never end.
    ``columns``: the options of one of each kind, ``group`` the kind of each, ``many`` customers of
    each kind, ``customers`` the one that stands for them. ``places``: for each kind, one row a
    customer, where its options stand among all, side by side with those of the others.
    """

    columns: Numbers
    group: Numbers
    many: Numbers
    customers: Numbers
    places: list[Numbers]
    size: int

    @classmethod
    def of(cls, choices: Choices, customers: Numbers, columns: Numbers) -> Alike:
        """The kinds of customers, told apart by a number made of their options."""
        drawn = np.random.default_rng(0)
        mixed = choices.table[columns] @ drawn.random(choices.table.shape[1])
        pair = np.stack([choices.profit[columns], mixed], axis=1)
        kind = np.unique(pair, axis=0, return_inverse=True)[1].ravel()
        number = np.searchsorted(customers, choices.customer[columns])
        code = drawn.integers(1, 2**63, int(kind.max()) + 1, dtype=np.uint64)
        told = np.where(choices.forced[customers], np.uint64(1), np.uint64(0))
        # Sums that run over, as hashes do: equal options in any order give equal numbers.
        np.add.at(told, number, code[kind])
        order = np.lexsort((kind, number))
        first = np.searchsorted(number[order], np.arange(len(customers)))
        counts = np.bincount(number, minlength=len(customers))
        _, at, group, many = np.unique(
            told, return_index=True, return_inverse=True, return_counts=True
        )
        members = np.split(np.argsort(group, kind="stable"), np.cumsum(many)[:-1])
        places = [order[first[who][:, None] + np.arange(counts[who[0]])] for who in members]
        return cls(
            columns=columns[np.concatenate([rows[0] for rows in places])],
            group=np.repeat(np.arange(len(many)), [rows.shape[1] for rows in places]),
            many=many,
            customers=customers[at],
            places=places,
            size=len(columns),
        )

    def spread(self, taken: Values) -> Values:
        """Which options each customer takes, from how often those of its kind are taken."""
        each = np.zeros(self.size)
        often = np.round(taken).astype(np.int64)
        begin = 0
        for rows in self.places:
            counts = often[begin : begin + rows.shape[1]]
            which = np.repeat(np.arange(rows.shape[1]), counts)
            each[rows[np.arange(len(which)), which]] = 1.0
            begin += rows.shape[1]
        return each


@dataclass(frozen=True, eq=False, kw_only=True)
class Core:
    """The options that are searched; the other customers stay with what they chose."""

    choices: Choices
    staying: Numbers
    customers: Numbers
    columns: Numbers

    @classmethod
    def around(
        cls, choices: Choices, plan: Numbers, lost: Values, none: Values, reach: float
    ) -> Core:
        """All options that lose no more than that, beside what the plan gives their customers."""
        within = lost <= reach
        current = np.zeros(len(lost), dtype=bool)
        current[plan[plan >= 0]] = True
        free = np.zeros(len(none), dtype=bool)
        free[choices.customer[within & ~current]] = True
        free |= (none <= reach) & (plan >= 0)
        return cls(
            choices=choices,
            staying=np.where(free, -1, plan),
            customers=np.flatnonzero(free),
            columns=np.flatnonzero((within | current) & free[choices.customer]),
        )

    def solved(self, near: float, seconds: float) -> tuple[Numbers | None, float]:
        """The plan with the best choice in the core, if found in time, and its bound."""
        choices, columns = self.choices, self.columns
        taken = self.staying[self.staying >= 0]
        sure = float(choices.profit[taken].sum())
        room = choices.room - used_by(choices, taken)
        slack = allowance(choices.room)
        if not len(columns):
            fits = bool(np.all(room >= -slack))
            return (self.staying, sure) if fits else (None, -np.inf)
        # HiGHS may overstep a limit by a millionth; if it did, it must leave that much free.
        bound = np.inf
        for spare in (0.0, 2e-6):
            x, top = self._highs(room, spare, sure, near, seconds)
            bound = min(bound, top)
            if x is None:
                return None, bound
            chosen = columns[x > 0.5]
            used = used_by(choices, chosen)
            if np.all(used <= room + slack):
                picked = self.staying.copy()
                picked[choices.customer[chosen]] = chosen
                return picked, bound
        return None, bound

    def _highs(
        self, room: Values, spare: float, sure: float, near: float, seconds: float
    ) -> tuple[Values | None, float]:
        """The options to take, as 0 and 1, and the most they could earn."""
        from scipy.optimize import Bounds, LinearConstraint, milp

        choices = self.choices
        alike = Alike.of(choices, self.customers, self.columns)
        columns, count = alike.columns, len(alike.columns)
        part = choices.table[columns]
        scale = row_scale(part)
        number = alike.group
        groups = len(alike.many)
        one = sparse.csr_array((np.ones(count), (number, np.arange(count))), shape=(groups, count))
        limits = sparse.diags_array(scale) @ part.T
        # One more variable, always 1, stands for the customers who stay with their choice: so the
        # search may end at a share of the whole plan's profit.
        rows = sparse.vstack([limits, one])
        rows = sparse.hstack([rows, sparse.csr_array((rows.shape[0], 1))])
        many = alike.many.astype(np.float64)
        forced = np.where(choices.forced[alike.customers], many, 0.0)
        unit = 1000.0 / max(float(np.abs(choices.profit[columns]).max()), 1e-300)
        with silent():
            found = milp(
                np.concatenate([-choices.profit[columns], [-sure]]) * unit,
                integrality=np.ones(count + 1),
                bounds=Bounds(np.append(np.zeros(count), 1.0), np.append(many[number], 1.0)),
                constraints=LinearConstraint(
                    rows.tocsr(),
                    np.concatenate([np.full(len(room), -np.inf), forced]),
                    np.concatenate([room * scale - spare, many]),
                ),
                options={
                    "time_limit": max(seconds, 0.1),
                    "mip_rel_gap": near,
                },
            )
        lowest = found.mip_dual_bound
        if found.status == _NOTHING_FITS:
            return None, -np.inf
        top = np.inf if lowest is None else -float(lowest) / unit
        return (None if found.x is None else alike.spread(found.x[:-1])), top
