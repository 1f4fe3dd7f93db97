"""Past campaigns with known effects, planted events, and the orders that really took place."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from retention_lib.base.simulate_leaving import Decisions, Leaving, Window
from retention_lib.base.simulate_orders import Orders, silence_probability
from retention_lib.base.simulate_profiles import Profiles
from retention_lib.base.simulate_world import (
    LEAD_DAYS,
    NEVER,
    YEAR,
    Calendar,
    Flags,
    Floats,
    Ints,
    Streams,
    World,
)

PROOF_ID = "PREUVE-01"
CLUB_ID = "CLUB-01"
FALLING_FACTOR = 0.2
SLOWED_ONE_IN = 3
_PIECES = (1 / 6, 3 / 6, 5 / 6)
_LEAST_DAYS = 180
"""A campaign needs this many days of history, or it is left out."""


@dataclass(frozen=True)
class Campaign:
    """A past campaign: who could take part, who was contacted, when, to what effect."""

    campaign_id: str
    offer: str
    day: int
    part: Ints
    """Customers on file for it, contacted or held out."""
    contacted: Flags
    """For all customers."""


@dataclass(frozen=True)
class Effects:
    """What a contact on a day changes, one value a customer.

    Probabilities within the horizon, given everything that is hidden on that day.
    """

    buys_without: Floats
    buys_with: Floats
    leaves_without: Floats
    leaves_with: Floats


@dataclass(frozen=True)
class History:
    """What really happened."""

    orders: Orders
    leaving: Leaving
    campaigns: tuple[Campaign, ...]
    bought_without: Flags
    bought_with: Flags
    """Both outcomes of the randomised campaign: only one of them came to pass."""
    effects: Effects | None
    """Of the randomised campaign, where there was one."""


def by_size(profiles: Profiles, values: tuple[float, ...]) -> Floats:
    """A value a size as a value a customer; contracts are beyond any campaign."""
    return np.where(profiles.contract, 0.0, np.array(values)[profiles.size])


def proof_window(profiles: Profiles, world: World, calendar: Calendar) -> Window:
    """The window in which the randomised campaign changes decisions to leave."""
    day = calendar.days - world.campaign_days_before_end
    save_rates = by_size(profiles, world.campaign_save_rates)
    return Window(day if day >= _LEAST_DAYS else NEVER, world.campaign_horizon_days, save_rates)


def live_through(
    profiles: Profiles,
    world: World,
    calendar: Calendar,
    potential: Orders,
    decisions: Decisions,
    both: tuple[Leaving, Leaving],
    opted_out: Ints,
    streams: Streams,
) -> History:
    """Choose who is contacted, keep the orders that take place, record what else might have."""
    rng = streams.of("campaign")
    without, contacted = both
    chance = streams.of("fading").random(len(potential.who))
    kept_without = _taking_place(world, potential, without, chance)
    window = proof_window(profiles, world, calendar)
    club = _club(profiles, world, calendar, potential.where(kept_without), without, opted_out)
    campaigns = (club,) if club else ()
    none = np.zeros(profiles.count, dtype=bool)
    if window.day >= calendar.days:
        return History(potential.where(kept_without), without, campaigns, none, none, None)

    kept_with = _taking_place(world, potential, contacted, chance)
    proof = _proof(
        profiles, world, window.day, potential.where(kept_without), without, opted_out, rng
    )
    persuaded = by_size(profiles, world.campaign_persuaded)
    moved = rng.random(profiles.count) < np.abs(persuaded)
    last = window.day + window.horizon
    inside = (potential.day > window.day) & (potential.day <= last)
    spread = rng.random(profiles.count)
    bought_without = _any(profiles.count, potential.who[inside & kept_without])
    bought_with = _any(profiles.count, potential.who[inside & kept_with])
    reachable = contacted.leave > window.day + 1
    added = moved & (persuaded > 0) & ~bought_with & reachable
    put_off = moved & (persuaded < 0) & bought_with
    orders = _realised(potential, kept_without, kept_with, inside, proof.contacted, put_off)
    extra = np.flatnonzero(added & proof.contacted)
    latest = np.minimum(last, contacted.leave - 1)[extra]
    when = _working_day(calendar, window.day + 1, latest, spread[extra])
    orders = _sorted(
        Orders(
            np.concatenate([orders.who, extra]),
            np.concatenate([orders.day, when]),
            np.concatenate([orders.factor, np.ones(len(extra))]),
        )
    )
    leaving = _select(proof.contacted, contacted, without)
    effects = contact_effects(profiles, world, calendar, without, decisions.in_window, window.day)
    return History(
        _fading(world, orders, leaving),
        leaving,
        (*campaigns, proof),
        bought_without,
        (bought_with & ~put_off) | added,
        effects,
    )


def _taking_place(world: World, orders: Orders, leaving: Leaving, chance: Floats) -> Flags:
    stays = orders.day < leaving.leave[orders.who]
    undecided = orders.day <= leaving.decided[orders.who]
    # A contract is invoiced to its end; and a first purchase is what makes a customer.
    return stays & (undecided | (chance < world.fade_rate))


def _fading(world: World, orders: Orders, leaving: Leaving) -> Orders:
    fades = orders.day > leaving.decided[orders.who]
    return replace(orders, factor=np.where(fades, orders.factor * world.fade_basket, orders.factor))


def _any(count: int, who: Ints) -> Flags:
    return np.bincount(who, minlength=count) > 0


def _select(treated: Flags, yes: Leaving, no: Leaving) -> Leaving:
    chosen = {
        name: np.where(treated, getattr(yes, name), getattr(no, name))
        for name in ("decided", "leave", "closed", "request", "forgotten_by_firm")
    }
    return Leaving(**chosen)


def _realised(
    potential: Orders,
    kept_without: Flags,
    kept_with: Flags,
    inside: Flags,
    treated: Flags,
    put_off: Flags,
) -> Orders:
    kept = np.where(treated[potential.who], kept_with, kept_without)
    return potential.where(kept & ~(inside & (treated & put_off)[potential.who]))


def _sorted(orders: Orders) -> Orders:
    order = np.lexsort((orders.day, orders.who))
    return Orders(orders.who[order], orders.day[order], orders.factor[order])


def _working_day(calendar: Calendar, first: int, last: Ints, share: Floats) -> Ints:
    """A working day between two days, both included, by a share between 0 and 1."""
    upto = np.concatenate([[0.0], np.cumsum(calendar.working)])
    low = upto[first + LEAD_DAYS]
    high = upto[np.minimum(last, calendar.days - 1) + 1 + LEAD_DAYS]
    days = np.searchsorted(upto, low + share * (high - low), side="right") - 1 - LEAD_DAYS
    return np.asarray(np.minimum(days, last))


def _on_file(
    profiles: Profiles, day: int, orders: Orders, leaving: Leaving, opted_out: Ints
) -> Flags:
    """Whom the firm would think of on a day: consent, an open account, a purchase in a year."""
    recent = orders.counts(profiles.count, day - 364, day + 1) > 0
    told_off = np.minimum(opted_out, leaving.request) <= day
    return recent & profiles.consent & ~profiles.contract & ~told_off & (leaving.closed > day)


def _proof(
    profiles: Profiles,
    world: World,
    day: int,
    orders: Orders,
    leaving: Leaving,
    opted_out: Ints,
    rng: np.random.Generator,
) -> Campaign:
    """The randomised campaign: everybody on file, contacted or held out by lot."""
    part = np.flatnonzero(_on_file(profiles, day, orders, leaving, opted_out))
    drawn = rng.permutation(part)[: round(world.campaign_treated_share * len(part))]
    contacted = np.zeros(profiles.count, dtype=bool)
    contacted[drawn] = True
    return Campaign(PROOF_ID, "proof", day, part, contacted)


def _club(
    profiles: Profiles,
    world: World,
    calendar: Calendar,
    orders: Orders,
    leaving: Leaving,
    opted_out: Ints,
) -> Campaign | None:
    """The best customers' campaign, without effect; those not invited are no control group."""
    day = calendar.days - world.club_days_before_end
    if day < _LEAST_DAYS:
        return None
    part = np.flatnonzero(_on_file(profiles, day, orders, leaving, opted_out))
    spent = orders.counts(profiles.count, day - 364, day + 1) * profiles.lines * profiles.basket
    best = part[np.argsort(-spent[part], kind="stable")][: round(world.club_share * len(part))]
    contacted = np.zeros(profiles.count, dtype=bool)
    contacted[best] = True
    return Campaign(CLUB_ID, "club", day, part, contacted)


def contact_effects(
    profiles: Profiles,
    world: World,
    calendar: Calendar,
    leaving: Leaving,
    hazard_in_window: Floats,
    day: int,
) -> Effects:
    """Probabilities of buying and of leaving within the horizon after a day, either way.

    Approximate in two places: who leaves within the horizon does so at its sixth, half or five
    sixths; and after the period the season goes on as an average year.
    """
    horizon = world.campaign_horizon_days
    saves = by_size(profiles, world.campaign_save_rates)
    persuades = by_size(profiles, world.campaign_persuaded)
    gone = leaving.leave <= day
    decided = (leaving.decided <= day) & ~gone
    expected = profiles.rate / YEAR * _intensity(profiles, calendar, day, horizon)
    expected = np.where(profiles.contract, horizon / 30.4, expected)
    remaining = np.clip((leaving.leave - 1 - day) / horizon, 0, 1) * world.fade_rate

    def buys(leaves: Floats) -> Floats:
        stays = 1 - silence_probability(expected, world.rhythm_shape)
        goes = np.mean(
            [1 - silence_probability(expected * x, world.rhythm_shape) for x in _PIECES], axis=0
        )
        fades = 1 - silence_probability(expected * remaining, world.rhythm_shape)
        mixed = np.where(decided, fades, (1 - leaves) * stays + leaves * goes)
        return np.where(gone, 0.0, mixed)

    leaves_without = np.where(decided, leaving.leave <= day + horizon, -np.expm1(-hazard_in_window))
    leaves_with = np.where(decided, leaves_without, -np.expm1(-hazard_in_window * (1 - saves)))
    leaves_without, leaves_with = np.where(gone, 1.0, [leaves_without, leaves_with])
    buys_with = buys(leaves_with)
    moved = np.where(persuades > 0, persuades * (1 - buys_with), persuades * buys_with)
    reachable = leaving.leave > day + 1
    return Effects(
        buys(leaves_without), buys_with + np.where(reachable, moved, 0.0),
        leaves_without, leaves_with,
    )  # fmt: skip


def _intensity(profiles: Profiles, calendar: Calendar, day: int, horizon: int) -> Floats:
    """Days that the horizon counts for in a customer's season, pauses left out."""
    last = min(day + horizon + 1, calendar.days)
    known = profiles.season[:, last + LEAD_DAYS] - profiles.season[:, day + 1 + LEAD_DAYS]
    intensity = known[profiles.sector] + (day + horizon + 1 - last)
    overlap = np.minimum(profiles.pause_until, day + horizon + 1) - np.maximum(
        profiles.pause_from, day + 1
    )
    return np.asarray(intensity * (1 - np.clip(overlap, 0, horizon) / horizon))


@dataclass(frozen=True)
class Planted:
    """Events planted for warning signs to find: by kind, the customers and the days."""

    dried_up: dict[int, int]
    slowing: dict[int, int]
    falling_basket: dict[int, int]
    abandoned_range: dict[int, int]
    ranges: dict[int, int]
    """The range that each customer of ``abandoned_range`` gives up."""


def plant_events(
    profiles: Profiles, world: World, calendar: Calendar, history: History, streams: Streams
) -> tuple[History, Planted]:
    """Give a few busy, undecided customers an event each in the last eight months."""
    rng = streams.of("planted")
    end, orders, count = calendar.days, history.orders, profiles.count
    wanted = round(world.planted_share * count)
    free = (history.leaving.decided >= end) & ~profiles.contract
    free &= (profiles.pause_until < end - 600) | (profiles.pause_from >= end)
    busy = orders.counts(count, end - 620, end - 250) / 370 * YEAR
    lately = orders.counts(count, end - 92, end)
    chosen: dict[str, dict[int, int]] = {}
    weight, favourite = _favourite_range(profiles)
    tests = {
        "falling_basket": (busy >= 15) & (lately >= 6) & (profiles.basket >= 1.0),
        "abandoned_range": (busy * weight >= 8) & (weight <= 0.75) & (lately >= 3),
        "slowing": (busy >= 16) & (lately >= 4),
        "dried_up": (busy >= 11) & (lately >= 2),
    }
    spans = {"falling_basket": (86, 93), "abandoned_range": (150, 210),
             "slowing": (170, 230), "dried_up": (120, 200)}  # fmt: skip
    for kind, test in tests.items():
        who = rng.permutation(np.flatnonzero(test & free & (profiles.acquired < end - 620)))
        who = np.sort(who[:wanted])
        free[who] = False
        days = end - rng.integers(*spans[kind], len(who))
        chosen[kind] = dict(zip(who.tolist(), days.tolist(), strict=True))
    planted = Planted(**chosen, ranges={i: int(favourite[i]) for i in chosen["abandoned_range"]})
    return _with_events(history, planted, count), planted


def _favourite_range(profiles: Profiles) -> tuple[Floats, Ints]:
    """Chance that an order holds the customer's favourite range, and which range that is."""
    favourite = profiles.taste.argmax(axis=1)
    share = profiles.taste[np.arange(profiles.count), favourite]
    share = np.where((profiles.taste > 0.02).sum(axis=1) >= 2, share, 0.0)
    return share, favourite


def _with_events(history: History, planted: Planted, count: int) -> History:
    orders, leaving = history.orders, history.leaving
    stops, slows, falls = (
        _per_customer(count, days)
        for days in (planted.dried_up, planted.slowing, planted.falling_basket)
    )
    slowed = orders.day >= slows[orders.who]
    # The place of each order among the customer's since it slowed down: 1, 2, 3, …
    upto = np.cumsum(slowed)
    place = upto - np.append(0, upto)[np.searchsorted(orders.who, orders.who)]
    kept = (orders.day < stops[orders.who]) & (~slowed | (place % SLOWED_ONE_IN == 0))
    fallen = np.where(orders.day >= falls[orders.who], FALLING_FACTOR, 1.0)
    orders = Orders(orders.who, orders.day, orders.factor * fallen).where(kept)
    leaving = replace(
        leaving,
        decided=np.minimum(leaving.decided, stops),
        leave=np.minimum(leaving.leave, stops),
    )
    return replace(history, orders=orders, leaving=leaving)


def _per_customer(count: int, days: dict[int, int]) -> Ints:
    values = np.full(count, NEVER)
    values[list(days)] = list(days.values())
    return values
