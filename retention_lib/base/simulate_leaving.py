"""Why and when the simulated customers leave: causes first, effects from the next week on.

Complaints, contacts and neglect are drawn first and do not depend on who will leave. Each week a
customer's hazard follows from what happened before that week; a decision to leave falls where
the summed hazard passes the customer's own threshold. So no cause ever knows its effect.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from retention_lib.base.simulate_orders import next_billing, renewals
from retention_lib.base.simulate_profiles import Profiles, tenure_factor
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
    cumulate,
)

CONTACT_KINDS = (("email", "newsletter"), ("call", "follow_up"), ("visit", "follow_up"),
                 ("email", "complaint_reply"))  # fmt: skip
_REPLY = 3
NEGLECT_WEEKS = 13
"""Without outbound contact for this long (91 days) a customer is neglected."""
_LEAD_WEEKS = LEAD_DAYS // 7
_BLOCK = 50_000

PARTS = ("base", "complaint", "neglect", "dissatisfaction", "fatigue", "single_contact")
ORDINARY = (("price", 0.3), ("competitor", 0.3), ("business_closed", 0.22), ("moved", 0.18))


@dataclass(frozen=True)
class Complaints:
    """One row a complaint, by customer and day; ``resolved`` is the day, or ``NEVER``."""

    who: Ints
    day: Ints
    resolved: Ints


@dataclass(frozen=True)
class Contacts:
    """One row an outbound contact, by customer and day; ``kind`` points into CONTACT_KINDS."""

    who: Ints
    day: Ints
    kind: Ints

    def where(self, kept: Flags) -> Contacts:
        """Some of the contacts."""
        return Contacts(self.who[kept], self.day[kept], self.kind[kept])


def draw_complaints(
    profiles: Profiles, world: World, calendar: Calendar, rng: np.random.Generator
) -> Complaints:
    """Complaints on working days, each resolved after some time or never."""
    who, day = renewals(
        rng,
        per_day=profiles.complaint_rate / YEAR,
        shape=1.0,
        curves=cumulate(calendar.working[None, :]),
        curve_of=np.zeros(profiles.count, dtype=np.int64),
        first=np.where(profiles.new, profiles.acquired + 1, -LEAD_DAYS),
        last=calendar.days,
        fresh=profiles.new,
    )
    after = 1 + np.exp(2.4 + 0.8 * rng.standard_normal(len(who))).astype(np.int64)
    open_for_ever = rng.random(len(who)) < world.unresolved_share
    return Complaints(who, day, np.where(open_for_ever, NEVER, day + after))


def draw_contacts(
    profiles: Profiles, world: World, calendar: Calendar, complaints: Complaints, streams: Streams
) -> Contacts:
    """Newsletters, calls, visits and replies to complaints, as if nobody left or opted out.

    Nobody without consent is among them. A forgotten customer gets replies only.
    """
    rng = streams.of("contacts")
    first = np.where(profiles.new, profiles.acquired + 1, -LEAD_DAYS)
    called, called_on = renewals(
        rng,
        per_day=np.where(profiles.consent, profiles.contact_rate, 0.0) / YEAR,
        shape=5.0,
        curves=cumulate(calendar.working[None, :]),
        curve_of=np.zeros(profiles.count, dtype=np.int64),
        first=first,
        last=calendar.days,
        fresh=profiles.new,
    )
    visited = rng.random(len(called)) < np.array([0.1, 0.25, 0.5, 0.6])[profiles.size[called]]
    readers = np.flatnonzero(profiles.newsletter)
    issues = _issue_days(calendar)
    read, read_on = np.repeat(readers, len(issues)), np.tile(issues, len(readers))
    answered = profiles.consent[complaints.who] & (complaints.resolved < calendar.days)
    who = np.concatenate([called, read, complaints.who[answered]])
    day = np.concatenate([called_on, read_on, complaints.resolved[answered]])
    kind = np.concatenate(
        [1 + visited, np.zeros(len(read)), np.full(answered.sum(), _REPLY)]
    ).astype(np.int64)
    forgotten = (day >= profiles.neglect_from[who]) & (day < profiles.neglect_until[who])
    kept = (day >= first[who]) & (~forgotten | (kind == _REPLY))
    order = np.lexsort((kind[kept], day[kept], who[kept]))
    return Contacts(who[kept][order], day[kept][order], kind[kept][order])


def _issue_days(calendar: Calendar) -> Ints:
    """The newsletter goes out on the second Tuesday of each month."""
    first, last = calendar.axis[0].astype("datetime64[M]"), calendar.axis[-1]
    months: Any = np.arange(first, last.astype("datetime64[M]") + 1).astype("datetime64[D]")
    weekday = (months.astype(np.int64) + 3) % 7
    tuesdays = months + (1 - weekday) % 7 + 7
    days: Ints = (tuesdays - np.datetime64(calendar.start, "D")).astype(np.int64)
    return days[(days >= -LEAD_DAYS) & (days < calendar.days)]


def draw_opt_outs(
    profiles: Profiles, world: World, contacts: Contacts, rng: np.random.Generator
) -> Ints:
    """Day on which each customer has had enough of being contacted, or ``NEVER``."""
    span = 4 * NEVER
    at = contacts.who * span + contacts.day
    last_month = np.arange(len(at)) - np.searchsorted(at, at - 28)
    tired = last_month >= world.fatigue_contacts
    leaves_list = rng.random(len(at)) < world.opt_out_share * np.where(tired, 6.0, 1.0)
    days = np.full(profiles.count, NEVER)
    done = np.flatnonzero(leaves_list & (contacts.day >= 0))[::-1]
    days[contacts.who[done]] = contacts.day[done]
    return days


@dataclass(frozen=True)
class Window:
    """A campaign's window for the hazard: weeks that begin after ``day`` and within it."""

    day: int
    horizon: int
    save_rates: Floats
    """By customer: the share of leavings in the window that contact would prevent."""


@dataclass(frozen=True)
class Decisions:
    """When each customer decides to leave, without and with the campaign's contact."""

    without: Ints
    contacted: Ints
    parts: Floats
    """Customer by cause: hazard per year in the week of the decision, or in the last week."""
    parts_contacted: Floats
    """The same where contact moved the decision."""
    in_window: Floats
    """Summed hazard of the campaign's window, without contact."""


def decide(
    profiles: Profiles,
    world: World,
    calendar: Calendar,
    complaints: Complaints,
    contacts: Contacts,
    opted_out: Ints,
    window: Window,
    streams: Streams,
) -> Decisions:
    """Run the hazard week by week for every customer."""
    rng = streams.of("decisions")
    threshold = rng.standard_exponential(profiles.count)
    weekday = rng.integers(0, 7, profiles.count)
    in_weeks = 7 * np.arange(calendar.weeks)
    affected = (in_weeks > window.day) & (in_weeks <= window.day + window.horizon)
    found: list[tuple[Ints | Floats, ...]] = []
    for block in _blocks(profiles.count):
        base, excesses = _hazard_parts(
            profiles, world, calendar, complaints, contacts, opted_out, block
        )
        hazards = base * (1 + sum(excesses)) * (7 / YEAR)
        treated = hazards * np.where(affected, 1 - window.save_rates[block, None], 1.0)
        weeks = [_first_passage(table, threshold[block]) for table in (hazards, treated)]
        parts = [_at_week(base, excesses, np.minimum(w, calendar.weeks - 1)) for w in weeks]
        found.append((*weeks, *parts, (hazards * affected).sum(axis=1)))
    without, contacted, parts_without, parts_contacted, in_window = (
        np.concatenate([row[place] for row in found]) for place in range(5)
    )

    def day(week: Ints) -> Ints:
        days = 7 * week + weekday
        return np.where((week < calendar.weeks) & (days < calendar.days), days, NEVER)

    return Decisions(day(without), day(contacted), parts_without, parts_contacted, in_window)


def _blocks(count: int) -> Iterator[slice]:
    for begin in range(0, count, _BLOCK):
        yield slice(begin, min(begin + _BLOCK, count))


def _first_passage(hazards: Floats, threshold: Floats) -> Ints:
    """First week in which the summed hazard passes the threshold; the number of weeks if none."""
    passed: Ints = (np.cumsum(hazards, axis=1) < threshold[:, None]).sum(axis=1)
    return passed


def _at_week(base: Floats, excesses: tuple[Floats, ...], week: Ints) -> Floats:
    """Parts of the hazard per year in one week of each customer, the customer's own first."""
    rows = np.arange(len(week))
    own = base[rows, week]
    return np.stack([own, *(own * excess[rows, week] for excess in excesses)], axis=1)


def _hazard_parts(
    profiles: Profiles,
    world: World,
    calendar: Calendar,
    complaints: Complaints,
    contacts: Contacts,
    opted_out: Ints,
    block: slice,
) -> tuple[Floats, tuple[Floats, ...]]:
    """Hazard per year of each customer and week without causes, and what each cause adds."""
    weeks = 7 * np.arange(calendar.weeks)
    acquired = profiles.acquired[block, None]
    base = profiles.hazard[block, None] * tenure_factor(
        np.maximum(weeks - acquired, 0) / YEAR, world.tenure_exponent
    )
    base = np.where(weeks > acquired, base, 0.0)
    upset = _complaint_excess(world, calendar, complaints, block)
    forgotten, tired = _contact_states(profiles, world, calendar, contacts, opted_out, block)
    unhappy = world.dissatisfaction_excess * np.maximum(-profiles.satisfaction[block, None], 0)
    alone = world.single_contact_excess * (profiles.people[block, None] == 1)
    excesses = (
        upset,
        np.where(forgotten, world.neglect_excess, 0.0),
        np.broadcast_to(unhappy, base.shape),
        np.where(tired, world.fatigue_excess, 0.0),
        np.broadcast_to(alone, base.shape).astype(np.float64),
    )
    return base, excesses


def _complaint_excess(
    world: World, calendar: Calendar, complaints: Complaints, block: slice
) -> Floats:
    mine = (complaints.who >= block.start) & (complaints.who < block.stop)
    who = complaints.who[mine] - block.start
    day, resolved = complaints.day[mine], complaints.resolved[mine]
    excess = np.zeros((block.stop - block.start, calendar.weeks))
    for ahead in range(1, world.complaint_memory_days // 7 + 2):
        week = day // 7 + ahead
        seen = (week >= 0) & (week < calendar.weeks)
        seen &= 7 * week <= day + world.complaint_memory_days
        soothed = np.where(7 * week > resolved, 1 - world.resolved_relief, 1.0)
        np.maximum.at(excess, (who[seen], week[seen]), world.complaint_excess * soothed[seen])
    return excess


def _contact_states(
    profiles: Profiles,
    world: World,
    calendar: Calendar,
    contacts: Contacts,
    opted_out: Ints,
    block: slice,
) -> tuple[Flags, Flags]:
    """Neglected and tired at the beginning of each week, from contacts before it."""
    low, high = np.searchsorted(contacts.who, [block.start, block.stop])
    who, week = contacts.who[low:high] - block.start, contacts.day[low:high] // 7 + _LEAD_WEEKS
    width = _LEAD_WEEKS + calendar.weeks
    rows = block.stop - block.start
    counts = np.bincount(who * width + week, minlength=rows * width).reshape(rows, width)
    upto = cumulate(counts.astype(float))
    now = np.arange(_LEAD_WEEKS, width)
    forgotten = upto[:, now] == upto[:, now - NEGLECT_WEEKS]
    begin = 7 * np.arange(calendar.weeks)
    # Who does not want to be contacted does not miss it, and a new customer not yet.
    wants = profiles.consent[block, None] & (begin <= opted_out[block, None])
    known_since = begin - profiles.acquired[block, None]
    tired = upto[:, now] - upto[:, now - 4] >= world.fatigue_contacts
    return forgotten & wants & (known_since > 7 * NEGLECT_WEEKS), tired


@dataclass(frozen=True)
class Leaving:
    """How each customer leaves; ``NEVER`` where it does not decide to within the period.

    ``leave`` is the first day on which the customer is gone: whatever it does itself, it does
    before. For who is still fading out it lies after the period.
    """

    decided: Ints
    leave: Ints
    closed: Ints
    request: Ints
    forgotten_by_firm: Ints
    """From this day on the firm stops contacting: the closure, or months of silence later."""


def leave_days(
    profiles: Profiles, world: World, calendar: Calendar, decided: Ints, streams: Streams
) -> Leaving:
    """What follows from the day of the decision; the same draws whichever day it is."""
    rng = streams.of("leaving")
    count = profiles.count
    decided = np.where(profiles.one_time, profiles.acquired, decided)
    fades = (rng.random(count) < world.fade_share) & ~profiles.one_time
    fading = np.clip(rng.exponential(world.fade_days, count), 14, 270).astype(np.int64)
    leave = decided + 1 + np.where(fades, fading, 0)
    billed = next_billing(profiles, calendar, decided, world.contract_term_months)
    leave = np.where(profiles.contract, billed, leave)
    leave = np.where(decided < calendar.days, leave, NEVER)
    closes = (rng.random(count) < world.closure_share) & ~profiles.one_time
    lag = rng.exponential(world.closure_lag_days, count).astype(np.int64)
    closed = np.where(profiles.contract, leave, np.where(closes, leave + lag, NEVER))
    asks = rng.random(count) < world.cancel_request_share
    asks &= closed < NEVER
    back = (rng.random(count) * np.minimum(leave - decided, 30)).astype(np.int64)
    silence = rng.integers(200, 400, count)
    return Leaving(
        decided=np.where(decided < calendar.days, decided, NEVER),
        leave=leave,
        closed=np.where(closed < calendar.days, closed, NEVER),
        request=np.where(asks, leave - 1 - back, NEVER),
        forgotten_by_firm=np.minimum(closed, leave + silence),
    )


def draw_causes(
    profiles: Profiles, decisions: Decisions, leaving: Leaving, rng: np.random.Generator
) -> list[str]:
    """The cause of each departure, drawn in proportion to its part in the hazard; or empty."""
    total = np.cumsum(decisions.parts, axis=1)
    share = rng.random(profiles.count) * total[:, -1]
    part = np.minimum((share[:, None] > total).sum(axis=1), len(PARTS) - 1)
    edges = np.cumsum([weight for _, weight in ORDINARY])
    ordinary = np.minimum(np.searchsorted(edges, rng.random(profiles.count)), len(ORDINARY) - 1)
    names = np.array([name for name, _ in ORDINARY] + list(PARTS[1:]))
    cause = names[np.where(part == 0, ordinary, len(ORDINARY) - 1 + part)]
    cause = np.where(profiles.one_time, "one_time", cause)
    return [str(name) for name in np.where(leaving.decided < NEVER, cause, "")]
