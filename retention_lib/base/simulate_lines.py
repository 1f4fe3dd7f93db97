"""What the simulated orders consist of: ranges, products, quantities, prices, refunds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from retention_lib.base.simulate_campaigns import Planted
from retention_lib.base.simulate_leaving import Leaving
from retention_lib.base.simulate_orders import Orders
from retention_lib.base.simulate_profiles import Profiles
from retention_lib.base.simulate_words import CONTRACT_MARGIN_RATE, RANGES
from retention_lib.base.simulate_world import NEVER, YEAR, Calendar, Floats, Ints, Streams, World

MARGIN_RATES = np.array([margin for _, margin, _, _ in RANGES])
_EXTRA = np.array([extra for _, _, extra, _ in RANGES])
_PRODUCTS = np.array([len(products) for *_, products in RANGES])
_OFFSETS = np.concatenate([[0], np.cumsum(_PRODUCTS)])
PRICES = np.array([price for *_, products in RANGES for _, price in products])
RANGE_OF = np.repeat(np.arange(len(RANGES)), _PRODUCTS)
CONTRACT = len(PRICES)
"""The number of the product that stands for a month of a contract."""
# The first products of a range are bought most.
_SHARES = [1 / np.arange(1, size + 1) / np.sum(1 / np.arange(1, size + 1)) for size in _PRODUCTS]
_CUMULATED = np.concatenate([np.cumsum(shares) for shares in _SHARES])
_MEAN_PRICES = np.array(
    [
        np.sum(shares * np.array([price for _, price in products]))
        for shares, (*_, products) in zip(_SHARES, RANGES, strict=True)
    ]
)


@dataclass(frozen=True)
class Lines:
    """One row an invoice line, in the order of the invoices."""

    who: Ints
    day: Ints
    invoice: Ints
    """Number of the document within its year, from 1; refunds have numbers of their own."""
    refund: Ints
    """1 for a credit note, else 0."""
    product: Ints
    quantity: Ints
    amount: Floats
    margin: Floats
    channel: Ints


def draw_lines(
    profiles: Profiles,
    world: World,
    calendar: Calendar,
    orders: Orders,
    leaving: Leaving,
    planted: Planted,
    streams: Streams,
) -> Lines:
    """Fill every order with lines; some of them come back."""
    rng = streams.of("lines")
    more = (profiles.lines[orders.who] - 1) * np.minimum(orders.factor, 1.0)
    count = np.where(profiles.contract[orders.who], 1, 1 + rng.poisson(more))
    order = np.repeat(np.arange(len(orders.who)), count)
    who, day = orders.who[order], orders.day[order]
    contract = profiles.contract[who]
    product = np.where(
        contract, CONTRACT, _products(_ranges(profiles, planted, who, day, rng), rng)
    )
    quantity = np.where(
        contract, 1, _quantities(profiles, world, who, day, orders.factor[order], product, rng)
    )
    price, cost = _prices(profiles, world, who, day, product, rng)
    amount = np.round(quantity * price, 2)
    lines = {
        "who": who,
        "day": day,
        "order": order,
        "refund": np.zeros(len(who), dtype=np.int64),
        "product": product,
        "quantity": quantity,
        "amount": amount,
        "margin": np.round(amount - quantity * cost, 2),
        "channel": _channels(profiles, orders, rng)[order],
    }
    back = _refunds(world, calendar, leaving, lines, streams.of("refunds"))
    joined = {name: np.concatenate([lines[name], back[name]]) for name in lines}
    return _numbered(calendar, joined)


def _ranges(
    profiles: Profiles, planted: Planted, who: Ints, day: Ints, rng: np.random.Generator
) -> Ints:
    edges = np.cumsum(profiles.taste, axis=1)
    edges[:, -1] = 1.0
    point = rng.random(len(who))
    chosen = np.zeros(len(who), dtype=np.int64)
    for column in range(edges.shape[1] - 1):
        chosen += point > edges[who, column]
    given_up = np.full(profiles.count, -1)
    since = np.full(profiles.count, NEVER)
    given_up[list(planted.ranges)] = list(planted.ranges.values())
    since[list(planted.abandoned_range)] = list(planted.abandoned_range.values())
    # What they no longer buy here they replace by their second favourite.
    second = np.argsort(profiles.taste, axis=1)[:, -2]
    swap = (chosen == given_up[who]) & (day >= since[who])
    return np.where(swap, second[who], chosen)


def _products(ranges: Ints, rng: np.random.Generator) -> Ints:
    upto = _CUMULATED + RANGE_OF
    found = np.searchsorted(upto, ranges + rng.random(len(ranges)), side="right")
    return np.asarray(np.minimum(found, _OFFSETS[ranges + 1] - 1))


def _quantities(
    profiles: Profiles,
    world: World,
    who: Ints,
    day: Ints,
    factor: Floats,
    product: Ints,
    rng: np.random.Generator,
) -> Ints:
    ranges = RANGE_OF[np.minimum(product, CONTRACT - 1)]
    growth = _growth(world, day - profiles.acquired[who])
    extra = profiles.basket[who] * growth * _EXTRA[ranges] * factor
    return np.asarray(1 + rng.poisson(extra * rng.standard_gamma(3.0, len(who)) / 3.0))


def _growth(world: World, tenure_days: Ints) -> Floats:
    return np.asarray(1 + world.tenure_growth * np.clip(tenure_days / YEAR, 0, 10))


def _prices(
    profiles: Profiles,
    world: World,
    who: Ints,
    day: Ints,
    product: Ints,
    rng: np.random.Generator,
) -> tuple[Floats, Floats]:
    """Price paid and cost, a piece; price lists change with the year of the period."""
    listed = np.append(PRICES, 0.0)[product] * (1 + world.inflation) ** (day // YEAR)
    paid = np.round(listed * (1 - profiles.discount[who]), 2)
    rates = np.append(MARGIN_RATES[RANGE_OF], 0.0)[product]
    cost = listed * (1 - rates) * np.exp(0.04 * rng.standard_normal(len(who)))
    fee = profiles.contract_price[who]
    is_fee = product == CONTRACT
    return np.where(is_fee, fee, paid), np.where(is_fee, fee * (1 - CONTRACT_MARGIN_RATE), cost)


def _channels(profiles: Profiles, orders: Orders, rng: np.random.Generator) -> Ints:
    other = rng.choice(4, len(orders.who), p=[0.45, 0.3, 0.15, 0.1])
    usual = rng.random(len(orders.who)) < 0.8
    return np.where(usual, profiles.channel[orders.who], other)


def _refunds(
    world: World,
    calendar: Calendar,
    leaving: Leaving,
    lines: dict[str, np.ndarray],
    rng: np.random.Generator,
) -> dict[str, np.ndarray]:
    """Whole lines that come back two to thirty days later, unless the customer is gone."""
    back = rng.random(len(lines["who"])) < world.refund_share
    back &= lines["product"] != CONTRACT
    day = lines["day"] + rng.integers(2, 31, len(back))
    back &= day < np.minimum(leaving.leave[lines["who"]], calendar.days)
    returned = {name: values[back] for name, values in lines.items()}
    count = int(back.sum())
    return {
        **returned,
        "day": day[back],
        "order": lines["order"].max(initial=0) + 1 + np.arange(count),
        "refund": np.ones(count, dtype=np.int64),
        "quantity": -returned["quantity"],
        "amount": -returned["amount"],
        "margin": -returned["margin"],
    }


def _numbered(calendar: Calendar, lines: dict[str, np.ndarray]) -> Lines:
    """Sort by day and document; number the documents of each kind and year as they come."""
    by_day = np.lexsort((lines["order"], lines["refund"], lines["day"]))
    lines = {name: values[by_day] for name, values in lines.items()}
    begins = np.append(True, lines["order"][1:] != lines["order"][:-1])
    document = np.cumsum(begins) - 1
    first = np.flatnonzero(begins)
    year = calendar.dates(lines["day"][first]).astype("datetime64[Y]").astype(np.int64)
    series = year * 2 + lines["refund"][first]
    number = np.zeros(len(first), dtype=np.int64)
    for one in np.unique(series):
        mine = series == one
        number[mine] = np.arange(1, mine.sum() + 1)
    del lines["order"]
    return Lines(invoice=number[document], **lines)


def expected_order(profiles: Profiles, world: World, calendar: Calendar) -> tuple[Floats, Floats]:
    """Expected amount and margin of one order at the prices and tenure of the period's end."""
    growth = _growth(world, calendar.days - profiles.acquired)
    quantity = 1 + (profiles.basket * growth)[:, None] * _EXTRA
    listed = _MEAN_PRICES * (1 + world.inflation) ** ((calendar.days - 1) // YEAR)
    spent = profiles.taste * quantity * listed
    amount = spent * (1 - profiles.discount[:, None])
    # The cost carries log-normal noise, whose mean lies a little above 1.
    cost = spent * (1 - MARGIN_RATES) * np.exp(0.04**2 / 2)
    kept = profiles.lines * (1 - world.refund_share)
    fee = profiles.contract_price
    return (
        np.where(profiles.contract, fee, kept * amount.sum(axis=1)),
        np.where(profiles.contract, fee * CONTRACT_MARGIN_RATE, kept * (amount - cost).sum(axis=1)),
    )
