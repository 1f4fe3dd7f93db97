"""Who the simulated customers are: what stays with a customer for the whole period."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from retention_lib.base.simulate_words import CHANNELS, RANGES, REGIONS, SECTORS
from retention_lib.base.simulate_world import (
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

# Share of lines by range before a customer's own taste; the order is that of RANGES.
_RANGE_SHARES = np.array([0.22, 0.13, 0.14, 0.16, 0.05, 0.08, 0.13, 0.09])
# What January to December bring in this trade, a month at full strength.
_MONTHS = np.array([1.06, 0.97, 1.03, 0.98, 0.86, 1.04, 0.8, 0.52, 1.36, 1.14, 1.16, 1.08])
_SCHOOL_MONTHS = np.array([1.0, 0.9, 1.0, 0.9, 0.9, 1.2, 0.35, 0.9, 1.9, 1.1, 1.0, 0.6])
_EDUCATION = 5


@dataclass(frozen=True)
class Profiles:
    """One value a customer; days count from the first day of the period."""

    acquired: Ints
    """Day the customer became one; negative where that was before the period."""
    new: Flags
    one_time: Flags
    sector: Ints
    size: Ints
    region: Ints
    city: Ints
    rate: Floats
    """Purchases per year in an average season."""
    lines: Floats
    basket: Floats
    discount: Floats
    taste: Floats
    """Customer by range: share of the customer's lines."""
    hazard: Floats
    """Leaving hazard per year at two years' tenure, without any cause."""
    satisfaction: Floats
    complaint_rate: Floats
    consent: Flags
    newsletter: Flags
    contact_rate: Floats
    neglect_from: Ints
    neglect_until: Ints
    manager: Ints
    people: Ints
    channel: Ints
    pause_from: Ints
    pause_until: Ints
    contract: Flags
    contract_price: Floats
    billing_day: Ints
    season: Floats
    """Sector by day of the calendar's axis and one more: cumulated intensity, mean 1 a day."""

    @property
    def count(self) -> int:
        """How many customers."""
        return len(self.acquired)

    @property
    def enter(self) -> Ints:
        """First day within the period on which the customer is one."""
        return np.maximum(self.acquired, 0)


def draw_profiles(
    count: int, world: World, calendar: Calendar, streams: Streams, contracts_share: float
) -> Profiles:
    """Draw the customers, in the order in which they became customers."""
    rng = streams.of("profiles")
    size = _choose(rng, count, world.size_shares)
    sector = _choose(rng, count, [share for _, share, _ in SECTORS])
    region = _choose(rng, count, [share for _, share, _, _ in REGIONS])
    cities = np.array([len(places) for *_, places in REGIONS])
    acquired, new = _arrivals(count, world, calendar, streams.of("arrivals"))
    contract = rng.random(count) < contracts_share
    # The bigger the customer, the more people there are to know.
    people = 1 + rng.poisson(np.array([0.5, 1.1, 1.9, 2.8])[size])
    rate, hazard = _rates_and_hazards(world, size, sector, -np.minimum(acquired, 0), streams)
    satisfaction = rng.standard_normal(count)
    basket = _spread(rng, count, world.basket_spread) * np.array(world.size_baskets)[size]
    consent = rng.random(count) < world.consent_share
    contact_rate, neglect_from, neglect_until, manager = _care(count, world, calendar, streams)
    return Profiles(
        acquired=acquired,
        new=new,
        one_time=new & ~contract & (rng.random(count) < world.one_time_share),
        sector=sector,
        size=size,
        region=region,
        city=(rng.random(count) * cities[region]).astype(np.int64),
        rate=rate,
        lines=1 + (world.lines_per_order - 1) * np.minimum(np.sqrt(basket), 4.0),
        basket=basket,
        discount=np.array(world.size_discounts)[size],
        taste=_tastes(sector, streams.of("tastes")),
        hazard=hazard,
        satisfaction=satisfaction,
        complaint_rate=world.complaints_per_year * np.exp(-0.3 * satisfaction - 0.045),
        consent=consent,
        newsletter=consent & (rng.random(count) < world.newsletter_share),
        contact_rate=contact_rate,
        neglect_from=neglect_from,
        neglect_until=neglect_until,
        manager=manager,
        people=people,
        channel=_choose(rng, count, [0.42, 0.28, 0.2, 0.1][: len(CHANNELS)]),
        **_pauses(rng, count, world, calendar),
        contract=contract,
        contract_price=np.round(world.contract_price * np.exp(0.5 * rng.standard_normal(count)), 2),
        billing_day=rng.integers(1, 29, count),
        season=_seasons(world, calendar),
    )


def _choose(rng: np.random.Generator, count: int, shares: list[float] | tuple[float, ...]) -> Ints:
    edges = np.cumsum(shares) / np.sum(shares)
    return np.minimum(np.searchsorted(edges, rng.random(count), side="right"), len(shares) - 1)


def _spread(rng: np.random.Generator, count: int, sigma: float) -> Floats:
    """Log-normal factors with mean 1."""
    return np.exp(sigma * rng.standard_normal(count) - sigma**2 / 2)


def _gamma(rng: np.random.Generator, count: int, shape: float) -> Floats:
    """Gamma factors with mean 1; an infinite shape means that all are alike."""
    return np.ones(count) if np.isinf(shape) else rng.standard_gamma(shape, count) / shape


def _arrivals(
    count: int, world: World, calendar: Calendar, rng: np.random.Generator
) -> tuple[Ints, Flags]:
    """Day of arrival: years before the period for the old, a working day of it for the new."""
    old = round(count * world.old_share)
    # Tenures fall off exponentially (a mean of 4.5 years) and end at eighteen years.
    before = -np.log1p(-rng.random(old) * -np.expm1(-18 / 4.5))
    before = -(30 + 4.5 * YEAR * before).astype(np.int64)
    curve = cumulate(calendar.working)[-calendar.days - 1 :]
    points = curve[0] + (curve[-1] - curve[0]) * rng.random(count - old)
    within = np.searchsorted(curve, points, side="right") - 1
    acquired = np.sort(np.concatenate([before, within])).astype(np.int64)
    return acquired, acquired >= 0


def _rates_and_hazards(
    world: World, size: Ints, sector: Ints, tenure_days: Ints, streams: Streams
) -> tuple[Floats, Floats]:
    rng = streams.of("rates")
    count = len(size)
    by_sector = np.exp(world.sector_spread * rng.standard_normal((2, len(SECTORS))))
    size_rates = np.array(world.size_rates)
    mean = np.average(size_rates, weights=np.array(world.size_shares))
    rate = world.buying_rate * _gamma(rng, count, world.rate_shape)
    rate = rate * by_sector[0][sector] * size_rates[size] / mean
    known = world.hazard_per_year * by_sector[1][sector] * np.array(world.size_hazards)[size]
    known = known * np.maximum(rate / world.buying_rate, 0.05) ** world.rate_elasticity
    # Who is still there after years is sturdier than the average: the frailty of survivors of
    # a gamma is a gamma again, with the hazard outlived added to its rate.
    outlived = known * _tenure_integral(tenure_days / YEAR, world.tenure_exponent)
    frailty = np.ones(count)
    if not np.isinf(world.frailty_shape):
        frailty = rng.standard_gamma(world.frailty_shape, count) / (world.frailty_shape + outlived)
    return rate, known * frailty


def tenure_factor(years: Floats, exponent: float) -> Floats:
    """The hazard at a tenure, against two years: it falls, steeply at first."""
    return np.asarray(((years + 0.25) / 2.25) ** -exponent)


def _tenure_integral(years: Floats, exponent: float) -> Floats:
    if exponent == 1:
        return np.asarray(2.25 * np.log((years + 0.25) / 0.25))
    power = 1 - exponent
    return np.asarray(2.25**exponent * ((years + 0.25) ** power - 0.25**power) / power)


def _tastes(sector: Ints, rng: np.random.Generator) -> Floats:
    """Two to six ranges a customer, in shares of its own around those of its sector."""
    leaning = np.exp(0.5 * rng.standard_normal((len(SECTORS), len(RANGES))))
    weights = rng.standard_gamma(1.3, (len(sector), len(RANGES)))
    weights *= _RANGE_SHARES * leaning[sector]
    bought = rng.random(weights.shape) < 0.55
    bought[np.arange(len(sector)), weights.argmax(axis=1)] = True
    weights = np.where(bought, weights, 0.0)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def _care(
    count: int, world: World, calendar: Calendar, streams: Streams
) -> tuple[Floats, Ints, Ints, Ints]:
    """How often a customer is contacted, by whom, and when it is forgotten."""
    rng = streams.of("care")
    manager = rng.integers(0, world.managers, count)
    diligence = np.exp(0.25 * rng.standard_normal(world.managers))
    rate = world.contacts_per_year * diligence[manager]
    rate = np.where(rng.random(count) < world.overcontacted_share, 10 * rate, rate)
    begins = rng.integers(-90, calendar.days, count)
    lasts = rng.integers(150, 450, count)
    forgotten = rng.random(count) < world.neglected_share
    return (
        rate,
        np.where(forgotten, begins, NEVER),
        np.where(forgotten, begins + lasts, NEVER),
        manager,
    )


def _pauses(
    rng: np.random.Generator, count: int, world: World, calendar: Calendar
) -> dict[str, Ints]:
    begins = rng.integers(0, calendar.days, count)
    lasts = rng.integers(380, 550, count)
    paused = rng.random(count) < world.pause_rate * calendar.days / YEAR
    return {
        "pause_from": np.where(paused, begins, NEVER),
        "pause_until": np.where(paused, begins + lasts, NEVER),
    }


def _seasons(world: World, calendar: Calendar) -> Floats:
    """Cumulated intensity of every day by sector; an average day counts 1."""
    curves = []
    for sector in range(len(SECTORS)):
        school = sector == _EDUCATION and world.sector_spread > 0
        months = _SCHOOL_MONTHS if school else _MONTHS
        months = 1 + world.season_strength * (months / months.mean() - 1)
        curves.append(months[calendar.months] * calendar.working)
    return cumulate(np.array(curves))
