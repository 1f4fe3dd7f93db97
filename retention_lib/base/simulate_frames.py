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
from retention_lib.base.simulate_leaving import Complaints, Contacts
from retention_lib.base.simulate_lines import RANGE_OF, Lines
from retention_lib.base.simulate_names import (
    Identities,
    Texts,
    codes,
    either,
    join,
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
    SURVEY_TOPIC,
    TOPICS,
    Pair,
)
from retention_lib.base.simulate_world import (
    NEVER,
    YEAR,
    Calendar,
    Flags,
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
    return table.to_pandas(
        date_as_object=False,
        # A flag that may be unknown would otherwise come back as a column of objects.
        types_mapper=lambda kind: pd.BooleanDtype() if kind == pa.bool_() else None,
    )


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
    places = {name: place for place, name in enumerate(REASONS)}
    reason = scene.word(
        list(REASONS.values()), np.array([places.get(str(name), 0) for name in reasons])
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
            "is_contract": profiles.contract,
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
            "email": join(
                pc.replace_substring(local, "-", ".", max_replacements=1), domain, by="@"
            ),
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
