"""The tables of a simulated base, column by column as the contract has them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from retention_lib.base.contract import TABLES
from retention_lib.base.simulate_campaigns import History
from retention_lib.base.simulate_leaving import CONTACT_KINDS, Complaints, Contacts
from retention_lib.base.simulate_lines import CONTRACT, RANGE_OF, Lines
from retention_lib.base.simulate_names import (
    Identities,
    Texts,
    codes,
    company_names,
    either,
    join,
    legal_forms,
    mobile_phones,
    people_names,
    slugs,
    take,
)
from retention_lib.base.simulate_profiles import Profiles
from retention_lib.base.simulate_words import (
    CHANNELS,
    CONTRACT_PRODUCT,
    CONTRACT_RANGE,
    HOUSEHOLDS,
    OFFERS,
    RANGES,
    REASONS,
    REGIONS,
    ROLES,
    SECTORS,
    SIZES,
    STAGES,
    SURVEY_TOPIC,
    TOPICS,
    Pair,
)
from retention_lib.base.simulate_world import (
    NEVER,
    YEAR,
    Calendar,
    Flags,
    Floats,
    Ints,
    Streams,
    World,
)

_ARROW = {
    "text": pa.string(),
    "date": pa.date32(),
    "amount": pa.float64(),
    "number": pa.float64(),
    "flag": pa.bool_(),
}


@dataclass(frozen=True)
class Scene:
    """All that the tables are made from."""

    profiles: Profiles
    world: World
    calendar: Calendar
    history: History
    complaints: Complaints
    contacts: Contacts
    opted_out: Ints
    causes: list[str]
    identities: Identities
    consumers: bool
    language: int
    """0 for French, 1 for English: the place in a pair of words."""
    streams: Streams

    def ids(self, who: Ints) -> Texts:
        """Customer codes; numbered as they arrived."""
        return customer_codes(self.profiles.count).take(pa.array(who))

    def word(self, pairs: list[Pair], index: Ints) -> Texts:
        """Words in the language of the base."""
        return take([pair[self.language] for pair in pairs], index)

    def dates(self, days: Ints) -> pa.Array:
        """Day numbers as dates; days after the period are not known yet."""
        known = np.where(days < self.calendar.days, days, NEVER)
        return pa.array(self.calendar.dates(known), pa.date32())


def customer_codes(count: int) -> Texts:
    """C00001 and so on, in the order of arrival."""
    return codes("C", np.arange(1, count + 1), max(5, len(str(count))))


def as_table(name: str, columns: dict[str, Any]) -> pa.Table:
    """Columns with the types of the contract; what the contract does not know is kept as it is."""
    kinds = {column.name: column.kind for column in TABLES[name].columns}
    return pa.table(
        {
            column: pa.array(values, _ARROW[kinds[column]])
            if column in kinds and not isinstance(values, pa.Array | pa.ChunkedArray)
            else values
            for column, values in columns.items()
        }
    )


def as_frame(table: pa.Table) -> pd.DataFrame:
    """A table in pandas; dates as timestamps at midnight."""
    return table.to_pandas(date_as_object=False)


def transactions_table(scene: Scene, lines: Lines) -> pa.Table:
    """Invoice lines and credit notes."""
    products = [product for *_, products in RANGES for product, _ in products]
    ranges = [name for name, *_ in RANGES]
    year = pa.array(scene.calendar.dates(lines.day), pa.date32())
    number = pc.utf8_lpad(pc.cast(pa.array(lines.invoice), pa.string()), 5, "0")
    kind = take(["F", "A"], lines.refund)
    years = pc.utf8_slice_codeunits(pc.cast(pc.year(year), pa.string()), 2, 4)
    return as_table(
        "transactions",
        {
            "customer_id": scene.ids(lines.who),
            "date": scene.dates(lines.day),
            "amount": lines.amount,
            "order_id": join(join(kind, years), number, by="-"),
            "product": scene.word([*products, CONTRACT_PRODUCT], lines.product),
            "product_range": scene.word(
                [*ranges, CONTRACT_RANGE], np.append(RANGE_OF, len(ranges))[lines.product]
            ),
            "quantity": lines.quantity.astype(float),
            "margin": lines.margin,
            "channel": scene.word(list(CHANNELS), lines.channel),
        },
    )


def customers_table(scene: Scene) -> pa.Table:
    """One row a customer who became one within the period or before."""
    profiles, people = scene.profiles, scene.identities
    rng = scene.streams.of("customer facts")
    count = profiles.count
    closed = scene.history.leaving.closed
    honest = rng.random(count) < scene.world.honest_reason_share
    # What is recorded is what the customer said, and many say "price".
    said = np.where(rng.random(count) < 0.6, "price", "chance")
    reasons = np.where(honest, np.array(scene.causes), said)
    names = list(REASONS)
    reason = scene.word(
        list(REASONS.values()), np.array([names.index(r) if r else 0 for r in reasons])
    )
    cost = np.round(
        scene.world.acquisition_cost
        * np.array([0.7, 1.1, 2.4, 5.0])[profiles.size]
        * np.exp(0.35 * rng.standard_normal(count)),
        2,
    )
    managers = join(*people_names(scene.world.managers, rng), by=" ")
    business = not scene.consumers
    return as_table(
        "customers",
        {
            "customer_id": scene.ids(np.arange(count)),
            "name": people.name,
            "acquired_on": scene.dates(profiles.acquired),
            "closed_on": scene.dates(closed),
            "closure_reason": either(closed < scene.calendar.days, reason, None),
            "sector": scene.word([name for name, *_ in SECTORS], profiles.sector)
            if business
            else _missing(count),
            "size": scene.word(list(SIZES if business else HOUSEHOLDS), profiles.size),
            "region": take([name for name, *_ in REGIONS], profiles.region),
            "city": people.city,
            "email": people.email,
            "phone": people.phone,
            "siret": people.siret if business else _missing(count),
            "vat": people.vat if business else _missing(count),
            "account_manager": managers.take(pa.array(profiles.manager))
            if business
            else _missing(count),
            "contactable": profiles.consent & (scene.opted_out >= scene.calendar.days),
            "acquisition_cost": np.where(profiles.acquired > -2 * YEAR, cost, np.nan),
        },
    )


def _missing(count: int) -> Texts:
    return pa.nulls(count, pa.string())


def people_table(scene: Scene) -> pa.Table:
    """The persons known at each customer; at a tenth of customers nobody who decides."""
    profiles, rng = scene.profiles, scene.streams.of("people")
    who = np.repeat(np.arange(profiles.count), 0 if scene.consumers else profiles.people)
    count = len(who)
    place = np.arange(count) - np.searchsorted(who, who)
    faceless = rng.random(profiles.count) < 0.1
    decider, other = rng.integers(0, 3, count), rng.integers(3, len(ROLES), count)
    role = np.where((place == 0) & ~faceless[who], decider, other)
    role = np.where((place > 0) & (rng.random(count) < 0.2), decider, role)
    role = np.where(faceless[who], other, role)
    first, surname = people_names(count, rng)
    local = slugs(join(first, surname, by=" "))
    domain = pa.array(scene.identities.domain).take(pa.array(who))
    return as_table(
        "people",
        {
            "customer_id": scene.ids(who),
            "person_id": codes("P", np.arange(1, count + 1), 6),
            "name": join(first, surname, by=" "),
            "role": scene.word([name for name, *_ in ROLES], role),
            "is_decision_maker": np.array([decides for _, decides, _ in ROLES])[role],
            "is_prescriber": np.array([prescribes for *_, prescribes in ROLES])[role],
            "email": join(pc.replace_substring(local, "-", ".", max_replacements=1), domain, by="@"),
            "phone": either(rng.random(count) < 0.7, mobile_phones(count, rng), None),
        },
    )


def feedback_table(scene: Scene) -> pa.Table:
    """Complaints and survey answers, given while the customer was one."""
    complaints, profiles, rng = scene.complaints, scene.profiles, scene.streams.of("feedback")
    topic = scene.word(list(TOPICS), rng.integers(0, len(TOPICS), len(complaints.who)))
    asked = scene.world.surveys_per_year / YEAR * (scene.calendar.days - profiles.enter)
    count = rng.poisson(np.where(profiles.consent, asked, 0.0))
    who = np.repeat(np.arange(profiles.count), count)
    span = scene.calendar.days - profiles.enter[who]
    day = profiles.enter[who] + 1 + (rng.random(len(who)) * (span - 1)).astype(np.int64)
    upset = _recent_complaint(scene, who, day)
    mood = 7.9 + 1.6 * profiles.satisfaction[who] - 2.5 * upset
    score = np.clip(np.round(mood + 1.1 * rng.standard_normal(len(who))), 0, 10)
    said = pa.array([SURVEY_TOPIC[scene.language]] * len(who), pa.string())
    all_who = np.concatenate([complaints.who, who])
    all_day = np.concatenate([complaints.day, day])
    gone = np.minimum(scene.history.leaving.leave, scene.calendar.days)[all_who]
    kept = (all_day >= profiles.enter[all_who]) & (all_day < gone)
    order = np.flatnonzero(kept)[np.lexsort((all_who[kept], all_day[kept]))]
    complained = np.arange(len(all_who)) < len(complaints.who)
    resolved = np.concatenate([complaints.resolved, np.full(len(who), NEVER)])
    # Nobody settles the complaint of an account that is closed.
    resolved = np.where(resolved < scene.history.leaving.closed[all_who], resolved, NEVER)
    return as_table(
        "feedback",
        {
            "customer_id": scene.ids(all_who[order]),
            "date": scene.dates(all_day[order]),
            "kind": take(["survey", "complaint"], complained[order].astype(np.int64)),
            "score": np.concatenate([np.full(len(complaints.who), np.nan), score])[order],
            "topic": pa.concat_arrays([topic, said]).take(pa.array(order)),
            "resolved_on": scene.dates(resolved[order]),
        },
    )


def _recent_complaint(scene: Scene, who: Ints, day: Ints) -> Flags:
    """Whether the customer complained within the half year before a day."""
    complaints, span = scene.complaints, 4 * NEVER
    at = complaints.who * span + complaints.day
    return np.searchsorted(at, who * span + day) > np.searchsorted(at, who * span + day - 182)


def campaigns_table(scene: Scene) -> pa.Table:
    """One row a campaign and customer on file for it, contacted or not."""
    past = scene.history.campaigns
    contacted = [campaign.contacted[campaign.part] for campaign in past]
    return as_table(
        "campaigns",
        {
            "campaign_id": [c.campaign_id for c in past for _ in c.part],
            "customer_id": scene.ids(_joined([c.part for c in past])),
            "date": scene.dates(_joined([np.full(len(c.part), c.day) for c in past])),
            "group": take(["control", "treated"], _joined(contacted)),
            "cost": np.where(_joined(contacted) > 0, scene.world.campaign_cost, 0.0),
            "offer": [OFFERS[c.offer][scene.language] for c in past for _ in c.part],
        },
    )


def _joined(parts: list[Any]) -> Ints:
    return np.concatenate([np.zeros(0, dtype=np.int64), *parts]).astype(np.int64)


def interactions_table(scene: Scene, quotes: Quotes) -> pa.Table:
    """Every contact, out and in; none out after an opt-out, a closure, or without consent."""
    leaving, end = scene.history.leaving, scene.calendar.days
    rows = [
        _outbound(scene, quotes),
        _inbound("cancellation_request", "letter", *_requests(scene)),
        _inbound("unsubscribe", "email", *_opt_outs(scene)),
    ]
    joined = {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}
    who, day = joined["who"], joined["day"]
    out = joined["direction"] == "out"
    last = np.minimum(np.minimum(leaving.forgotten_by_firm, end - 1), scene.opted_out)
    kept = (day >= 0) & (day < end)
    kept &= np.where(out, (day <= last[who]) & scene.profiles.consent[who], True)
    kept &= day <= np.minimum(leaving.closed, NEVER)[who]
    order = np.flatnonzero(kept)[np.lexsort((who[kept], day[kept]))]
    texts = {
        name: pa.array(joined[name][order], pa.string())
        for name in ("channel", "kind", "direction", "campaign_id")
    }
    return as_table(
        "interactions",
        {"customer_id": scene.ids(who[order]), "date": scene.dates(day[order]), **texts},
    )


def _outbound(scene: Scene, quotes: Quotes) -> dict[str, np.ndarray]:
    contacts = scene.contacts
    channel = np.array([channel for channel, _ in CONTACT_KINDS], dtype=object)[contacts.kind]
    kind = np.array([kind for _, kind in CONTACT_KINDS], dtype=object)[contacts.kind]
    none = np.full(len(kind), None, dtype=object)
    rows = [(contacts.who, contacts.day, channel, kind, none)]
    for campaign in scene.history.campaigns:
        reached = np.flatnonzero(campaign.contacted)
        size = len(reached)
        how = "call" if campaign.offer == "proof" else "event"
        rows.append(
            (reached, np.full(size, campaign.day), _same(how, size), _same("campaign", size),
             _same(campaign.campaign_id, size))
        )  # fmt: skip
    asked = quotes.followed < NEVER
    asked &= quotes.who >= 0
    size = int(asked.sum())
    rows.append((quotes.who[asked], quotes.followed[asked], _same("call", size),
                 _same("follow_up", size), _same(None, size)))  # fmt: skip
    names = ("who", "day", "channel", "kind", "campaign_id")
    found = {name: np.concatenate([row[i] for row in rows]) for i, name in enumerate(names)}
    return {**found, "direction": _same("out", len(found["who"]))}


def _inbound(kind: str, channel: str, who: Ints, day: Ints) -> dict[str, np.ndarray]:
    size = len(who)
    return {
        "who": who,
        "day": day,
        "channel": _same(channel, size),
        "kind": _same(kind, size),
        "campaign_id": _same(None, size),
        "direction": _same("in", size),
    }


def _same(value: str | None, size: int) -> np.ndarray:
    return np.full(size, value, dtype=object)


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
    return Quotes(
        all_who[rows], begin[rows], closed[rows], followed[rows], won[rows], amount[rows]
    )


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

