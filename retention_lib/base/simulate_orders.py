"""When the simulated customers buy: gaps of their own, in the time of their trade's season."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from retention_lib.base.simulate_profiles import Profiles
from retention_lib.base.simulate_world import LEAD_DAYS, YEAR, Calendar, Flags, Floats, Ints, World


@dataclass(frozen=True)
class Orders:
    """One row an order, by customer and day."""

    who: Ints
    day: Ints
    factor: Floats
    """Factor on quantities: below 1 while a customer fades or its baskets fall."""

    def where(self, kept: Flags) -> Orders:
        """Some of the orders."""
        return Orders(self.who[kept], self.day[kept], self.factor[kept])

    def counts(self, customers: int, first: Ints | int, last: Ints | int) -> Ints:
        """Orders of each customer with first <= day < last; the bounds may differ by customer."""
        first, last = np.broadcast_to(first, customers), np.broadcast_to(last, customers)
        inside = (self.day >= first[self.who]) & (self.day < last[self.who])
        return np.bincount(self.who[inside], minlength=customers)


def renewals(
    rng: np.random.Generator,
    *,
    per_day: Floats,
    shape: float,
    curves: Floats,
    curve_of: Ints,
    first: Ints,
    last: int,
    fresh: Flags,
) -> tuple[Ints, Ints]:
    """Events of a renewal process with gamma gaps: customer and day, by customer and day.

    Time runs along ``curves`` (curve by day, cumulated), so a process is regular in working
    days and busy in its season. ``fresh`` processes begin with an event just before ``first``;
    the others have been going on for ever.
    """
    start = curves[curve_of, np.minimum(first, last) + LEAD_DAYS]
    length = per_day * (curves[curve_of, last + LEAD_DAYS] - start)
    # Enough gaps to get there with six standard deviations to spare; the rest is cut off.
    drawn = np.ceil(length + 6 * np.sqrt(length / shape) + 6 + 6 / shape).astype(np.int64)
    drawn[length <= 0] = 0
    begin = np.cumsum(drawn) - drawn
    gaps = rng.standard_gamma(shape, int(drawn.sum())) / shape
    going_on = np.flatnonzero(~fresh & (drawn > 0))
    # Whoever looks in at a random moment sees a long gap more often than a short one.
    long_gaps = rng.standard_gamma(shape + 1, len(going_on)) / shape
    gaps[begin[going_on]] = long_gaps * rng.random(len(going_on))
    who = np.repeat(np.arange(len(drawn)), drawn)
    total = np.cumsum(gaps)
    before = np.concatenate([[0.0], total])[begin]
    at = total - before[who]
    kept = at < length[who]
    who, at = who[kept], at[kept]
    return who, _days(curves, curve_of[who], start[who] + at / per_day[who])


def _days(curves: Floats, curve_of: Ints, points: Floats) -> Ints:
    days = np.empty(len(points), dtype=np.int64)
    for curve in range(len(curves)):
        mine = curve_of == curve
        days[mine] = np.searchsorted(curves[curve], points[mine], side="right") - 1 - LEAD_DAYS
    return days


def potential_orders(
    profiles: Profiles, world: World, calendar: Calendar, rng: np.random.Generator
) -> Orders:
    """What each customer would buy if it never left; pauses are already left out."""
    regular = ~profiles.contract
    per_day = np.where(regular, profiles.rate, 0.0) / YEAR
    who, day = renewals(
        rng,
        per_day=per_day,
        shape=world.rhythm_shape,
        curves=profiles.season,
        curve_of=profiles.sector,
        first=profiles.enter + profiles.new,
        last=calendar.days,
        fresh=profiles.new,
    )
    first_ever = np.flatnonzero(profiles.new & regular)
    billed_who, billed_day = _billing(profiles, calendar)
    who = np.concatenate([who, first_ever, billed_who])
    day = np.concatenate([day, profiles.acquired[first_ever], billed_day])
    order = np.lexsort((day, who))
    orders = Orders(who[order], day[order], np.ones(len(who)))
    paused = (orders.day >= profiles.pause_from[orders.who]) & (
        orders.day < profiles.pause_until[orders.who]
    )
    return orders.where(~paused | profiles.contract[orders.who])


def _billing(profiles: Profiles, calendar: Calendar) -> tuple[Ints, Ints]:
    """Monthly invoices of contracts, from the day of entry on."""
    contracts = np.flatnonzero(profiles.contract)
    months = calendar.days // 28 + 2
    who = np.repeat(contracts, months)
    start = np.datetime64(calendar.start, "D")
    month = start.astype("datetime64[M]") + np.tile(np.arange(months), len(contracts))
    date = month.astype("datetime64[D]") + (profiles.billing_day[who] - 1)
    day = (date - start).astype(np.int64)
    kept = (day >= profiles.enter[who]) & (day < calendar.days) & (day >= 0)
    return who[kept], day[kept]


def next_billing(profiles: Profiles, calendar: Calendar, after: Ints, term_months: int) -> Ints:
    """First end of a contract term later than the day ``after``, for every customer."""
    # The arithmetic of dates and months has no types that a checker could follow.
    start: Any = np.datetime64(calendar.start, "D")
    first_month = (start + profiles.acquired).astype("datetime64[M]")
    capped = np.minimum(after, calendar.days)
    now = start + capped
    month = now.astype("datetime64[M]")
    due = month.astype("datetime64[D]") + (profiles.billing_day - 1)
    month = month + (due <= now)
    running = (month - first_month).astype(np.int64)
    month = month + (-running) % term_months
    date = month.astype("datetime64[D]") + (profiles.billing_day - 1)
    return np.asarray((date - start).astype(np.int64))


def silence_probability(purchases: Floats, shape: float) -> Floats:
    """Chance of no event while ``purchases`` are expected, in a renewal process long under way.

    For gamma gaps of that shape and mean 1 this is the mean excess over ``purchases``.
    """
    from scipy.special import gammaincc

    expected = np.maximum(purchases, 0.0)
    silent = gammaincc(shape + 1, shape * expected) - expected * gammaincc(shape, shape * expected)
    return np.asarray(np.clip(silent, 0.0, 1.0))
