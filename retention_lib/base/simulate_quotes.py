"""Quotes under way, won and lost: those won are real invoices of the base."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from retention_lib.base.simulate_frames import Scene, as_table
from retention_lib.base.simulate_lines import CONTRACT, Lines
from retention_lib.base.simulate_names import (
    codes,
    company_names,
    either,
    join,
    legal_forms,
    take,
)
from retention_lib.base.simulate_words import (
    REGIONS,
    SECTORS,
    STAGES,
)
from retention_lib.base.simulate_world import (
    NEVER,
    YEAR,
    Flags,
    Floats,
    Ints,
)


@dataclass(frozen=True)
class Quotes:
    """One row a quote; ``who`` is -1 for a prospect, days are ``NEVER`` where unknown."""

    who: Ints
    opened: Ints
    closed: Ints
    followed: Ints
    won: Flags
    amount: Floats


def draw_quotes(scene: Scene, lines: Lines) -> Quotes:
    """Quotes won are real invoices, opened weeks before; others were lost or are still open."""
    rng, profiles, world = scene.streams.of("quotes"), scene.profiles, scene.world
    end, leave = scene.calendar.days, scene.history.leaving.leave
    expected = world.opportunities_per_year * (end - profiles.enter) / YEAR
    won_who, won_day, won_amount = _invoices_won(scene, lines, 0.35 * expected.sum(), rng)
    number = rng.poisson(0.65 * expected)
    who = np.repeat(np.arange(profiles.count), number)
    opened = profiles.enter[who] + (rng.random(len(who)) * (end - profiles.enter[who])).astype(int)
    who, opened = who[opened < leave[who]], opened[opened < leave[who]]
    prospects = int(0.25 * len(who)) if not scene.consumers else 0
    who = np.concatenate([who, np.full(prospects, -1)])
    opened = np.concatenate([opened, rng.integers(0, end, prospects)])
    typical = np.median(won_amount) if len(won_amount) else 500.0
    amount = np.round(typical * np.exp(0.7 * rng.standard_normal(len(who))), 2)
    takes = rng.integers(7, 76, len(who) + len(won_who))
    lost_on = opened + takes[: len(who)] + rng.integers(0, 60, len(who))
    # A third is simply forgotten: neither won nor lost.
    lost_on = np.where(rng.random(len(who)) < 0.3, NEVER, lost_on)
    lost_on = np.where(lost_on < np.append(leave, NEVER)[who], lost_on, NEVER)
    all_who = np.concatenate([won_who, who])
    begin = np.concatenate([won_day - takes[len(who) :], opened])
    closed = np.concatenate([won_day, lost_on])
    kept = begin >= 0
    won = np.arange(len(all_who)) < len(won_who)
    amount = np.concatenate([won_amount, amount])
    followed = _followed(scene, all_who, begin, closed, won, rng)
    rows = np.flatnonzero(kept)[np.argsort(begin[kept], kind="stable")]
    return Quotes(all_who[rows], begin[rows], closed[rows], followed[rows], won[rows], amount[rows])


def _invoices_won(
    scene: Scene, lines: Lines, wanted: float, rng: np.random.Generator
) -> tuple[Ints, Ints, Floats]:
    """Some of the largest invoices, which were quotes before."""
    ordinary = (lines.refund == 0) & (lines.product != CONTRACT)
    key = lines.day.astype(np.int64) * 10**8 + lines.invoice
    keys, first, index = np.unique(key[ordinary], return_index=True, return_inverse=True)
    total = np.bincount(index, weights=lines.amount[ordinary], minlength=len(keys))
    large = np.flatnonzero(total >= np.quantile(total, 0.8)) if len(total) else np.zeros(0, int)
    chosen = np.sort(rng.permutation(large)[: round(wanted)])
    rows = np.flatnonzero(ordinary)[first[chosen]]
    return lines.who[rows], lines.day[rows], np.round(total[chosen], 2)


def _followed(
    scene: Scene, who: Ints, opened: Ints, closed: Ints, won: Flags, rng: np.random.Generator
) -> Ints:
    """Day of the last follow-up, before the end of the quote; none without consent."""
    until = np.minimum(np.minimum(closed, scene.calendar.days), opened + 60)
    share = np.where(won, 0.75, 0.45)
    done = (rng.random(len(who)) < share) & (until > opened + 2)
    day = opened + 1 + (rng.random(len(who)) * np.maximum(until - opened - 2, 1)).astype(np.int64)
    padded = np.append(scene.profiles.consent, True)
    last = np.append(np.minimum(scene.opted_out, scene.history.leaving.forgotten_by_firm), NEVER)
    return np.where(done & padded[who] & (day <= last[who]), day, NEVER)


def opportunities_table(scene: Scene, quotes: Quotes) -> pa.Table:
    """Quotes to customers and prospects."""
    rng = scene.streams.of("prospects")
    end, count = scene.calendar.days, len(quotes.who)
    known = quotes.who >= 0
    sector, city = rng.integers(0, len(SECTORS), count), rng.integers(0, len(REGIONS), count)
    prospect = join(
        company_names(sector, take([towns[0] for *_, towns in REGIONS], city), rng),
        legal_forms(count, rng),
        by=" ",
    )
    closed = quotes.closed < end
    moving = np.where(rng.random(count) < 0.3, 2, 1)
    stage = np.where(closed, np.where(quotes.won, 3, 4), np.where(quotes.followed < end, moving, 0))
    return as_table(
        "opportunities",
        {
            "opportunity_id": codes("D", np.arange(1, count + 1), 5),
            "customer_id": either(known, scene.ids(np.maximum(quotes.who, 0)), None),
            "prospect": either(known, None, prospect),
            "opened_on": scene.dates(quotes.opened),
            "amount": quotes.amount,
            "stage": scene.word(list(STAGES.values()), stage),
            "last_follow_up_on": scene.dates(quotes.followed),
            "closed_on": scene.dates(quotes.closed),
            "won": pa.array(quotes.won, mask=~closed),
        },
    )
