"""Every contact of the simulated base with its customers, in either direction."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from retention_lib.base.simulate_frames import Scene, as_table
from retention_lib.base.simulate_leaving import CONTACT_KINDS
from retention_lib.base.simulate_names import (
    take,
)
from retention_lib.base.simulate_quotes import Quotes
from retention_lib.base.simulate_world import (
    NEVER,
    YEAR,
    Ints,
)

# What a row of interactions says, by number: channel, kind, direction; contacts come first.
_SAID = (
    *((channel, kind, "out") for channel, kind in CONTACT_KINDS),
    ("call", "campaign", "out"),
    ("event", "campaign", "out"),
    ("letter", "cancellation_request", "in"),
    ("email", "unsubscribe", "in"),
)
_QUOTE, _CALLED, _INVITED, _REQUEST, _OPT_OUT = 1, 4, 5, 6, 7


def interactions_table(scene: Scene, quotes: Quotes) -> pa.Table:
    """Every contact, out and in; none out after an opt-out, a closure, or without consent."""
    leaving, end = scene.history.leaving, scene.calendar.days
    asked = (quotes.followed < NEVER) & (quotes.who >= 0)
    rows: list[tuple[Ints, Ints, Ints | int]] = [
        (scene.contacts.who, scene.contacts.day, scene.contacts.kind),
        (quotes.who[asked], quotes.followed[asked], _QUOTE),
        (*_requests(scene), _REQUEST),
        (*_opt_outs(scene), _OPT_OUT),
    ]
    for campaign in scene.history.campaigns:
        reached = np.flatnonzero(campaign.contacted)
        how = _CALLED if campaign.offer == "proof" else _INVITED
        rows.append((reached, np.full(len(reached), campaign.day), how))
    who = np.concatenate([row[0] for row in rows])
    day = np.concatenate([row[1] for row in rows])
    said = np.concatenate([np.broadcast_to(row[2], len(row[0])) for row in rows])
    sizes = [len(row[0]) for row in rows]
    # No campaign, or the campaigns in the order of their rows above.
    campaign_of = np.repeat(np.maximum(np.arange(len(rows)) - 3, 0), sizes)
    out = said < _REQUEST
    last = np.minimum(np.minimum(leaving.forgotten_by_firm, end - 1), scene.opted_out)
    kept = (day >= 0) & (day < end) & (day <= leaving.closed[who])
    kept &= np.where(out, (day <= last[who]) & scene.profiles.consent[who], True)
    order = np.flatnonzero(kept)[np.lexsort((who[kept], day[kept]))]
    campaigns = [None, *(campaign.campaign_id for campaign in scene.history.campaigns)]
    words = {
        name: take([row[place] for row in _SAID], said[order])
        for place, name in enumerate(("channel", "kind", "direction"))
    }
    return as_table(
        "interactions",
        {
            "customer_id": scene.ids(who[order]),
            "date": scene.dates(day[order]),
            **words,
            "campaign_id": take(campaigns, campaign_of[order]),
        },
    )


def _requests(scene: Scene) -> tuple[Ints, Ints]:
    """Cancellation requests: of those who leave, and of a few who do not in the end."""
    rng, leaving, profiles = scene.streams.of("threats"), scene.history.leaving, scene.profiles
    asked = np.flatnonzero(leaving.request < scene.calendar.days)
    span = scene.calendar.days - profiles.enter
    number = rng.poisson(scene.world.idle_threats_per_year / YEAR * span)
    who = np.repeat(np.arange(profiles.count), number)
    day = profiles.enter[who] + 1 + (rng.random(len(who)) * (span[who] - 1)).astype(np.int64)
    kept = day < leaving.leave[who]
    return (
        np.concatenate([asked, who[kept]]),
        np.concatenate([leaving.request[asked], day[kept]]),
    )


def _opt_outs(scene: Scene) -> tuple[Ints, Ints]:
    gone = np.flatnonzero(scene.opted_out < scene.calendar.days)
    return gone, scene.opted_out[gone]
