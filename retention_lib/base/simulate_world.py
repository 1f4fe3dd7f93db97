"""The assumptions of a simulated base, its calendar, its random streams."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, fields, replace
from datetime import date, timedelta
from functools import cached_property
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from retention_lib.errors import ChoiceError, InputError

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Kind = Literal["b2b", "b2c"]

NEVER = 10**6
"""Day number of what does not happen within the period."""

LEAD_DAYS = 210
"""Contacts and complaints are drawn from this many days before the period, so that on its first
day nobody looks neglected only because nothing was recorded yet."""

YEAR = 365.25


@dataclass(frozen=True)
class World:
    """Every assumption behind a simulated base.

    Sizes stand in the order TPE, PME, ETI, GE (consumers: student, household, freelance,
    retired). "Excess" is what a cause adds to the leaving hazard, as a multiple of the
    customer's own: 3 makes leaving four times as likely while the cause lasts. Causes add up,
    they do not multiply.

    Buying

    - ``old_share``: customers who were there before the period; share, 0 to 1; default 0.66.
    - ``buying_rate``: purchases per customer and year, mean; > 0; default 7.5.
    - ``rate_shape``: gamma shape of the rates, larger is more alike; > 0; default 1.5.
    - ``rhythm_shape``: gamma shape of the gaps; 1 is a Poisson process; > 0; default 1.8.
    - ``size_shares``: share of customers by size; default (0.54, 0.34, 0.09, 0.03).
    - ``size_rates``: factor on the rate by size; > 0; default (0.8, 1.1, 1.5, 2.0).
    - ``size_baskets``: factor on quantities by size; > 0; default (0.6, 1.1, 2.2, 4.0).
    - ``size_discounts``: discount by size; share; default (0.0, 0.03, 0.08, 0.12).
    - ``sector_spread``: spread of rates and hazards between sectors; log units; default 0.15.
    - ``season_strength``: 0 no season, 1 the trade's months; 0 to 1; default 1.0.
    - ``lines_per_order``: lines of an order, mean; >= 1; default 1.7.
    - ``basket_spread``: spread of quantities between customers; log units; default 0.65.
    - ``tenure_growth``: growth of quantities per year of tenure, ten years at most; share;
      default 0.03.
    - ``inflation``: growth of list prices per year; share; default 0.02.
    - ``refund_share``: lines that come back within a month; share; default 0.02.
    - ``pause_rate``: pauses of 12 to 18 months begun per customer and year; default 0.02.
    - ``contract_price``: monthly price of a contract, median; currency; default 95.0.
    - ``contract_term_months``: a contract ends only at the end of a term; months; default 1.

    Leaving

    - ``hazard_per_year``: leaving hazard after two years' tenure, before causes; per year;
      default 0.075.
    - ``tenure_exponent``: the hazard falls as tenure to this power; 0 none; default 0.4.
    - ``frailty_shape``: gamma shape of what differs between customers; > 0; default 3.0.
    - ``size_hazards``: factor on the hazard by size; > 0; default (1.2, 1.0, 0.8, 0.6).
    - ``rate_elasticity``: hazard against the customer's rate; power; default -0.2.
    - ``one_time_share``: new customers who never come back; share; default 0.08.
    - ``complaints_per_year``: complaints per customer and year; default 0.22.
    - ``complaint_excess``: while an unresolved complaint is remembered; default 4.0.
    - ``complaint_memory_days``: how long; days; default 180.
    - ``resolved_relief``: share of the excess that a resolution takes away; default 0.7.
    - ``unresolved_share``: complaints that are never resolved; share; default 0.3.
    - ``neglected_share``: customers forgotten for 150 to 450 days; share; default 0.25.
    - ``neglect_excess``: while there was no outbound contact for 91 days; default 1.5.
    - ``dissatisfaction_excess``: per standard deviation of satisfaction below the mean;
      default 0.8.
    - ``fatigue_contacts``: outbound contacts in 28 days that begin to tire; default 5.
    - ``fatigue_excess``: while there were that many; default 0.5.
    - ``single_contact_excess``: customers known through one person; default 0.3.
    - ``fade_share``: leavers who fade out before they are gone; share; default 0.5.
    - ``fade_days``: days from decision to the end for them, mean; default 75.
    - ``fade_rate``: share of orders they still make; default 0.5.
    - ``fade_basket``: factor on their quantities; default 0.6.
    - ``closure_share``: leavers without contract who close the account; share; default 0.4.
    - ``closure_lag_days``: days from the last day as a customer to the closure on file, mean;
      default 15.
    - ``cancel_request_share``: closures announced by a request; share; default 0.5.
    - ``idle_threats_per_year``: cancellation requests by who then stays; default 0.01.
    - ``honest_reason_share``: closures recorded with the real cause; share; default 0.7.

    Contacts

    - ``consent_share``: customers who may be contacted at first; share; default 0.92.
    - ``newsletter_share``: of these, who gets the monthly newsletter; share; default 0.4.
    - ``contacts_per_year``: calls and visits per customer and year; default 5.0.
    - ``overcontacted_share``: customers contacted ten times as often; share; default 0.04.
    - ``opt_out_share``: contacts answered by an opt-out; share, six times that when there were
      more than ``fatigue_contacts`` in 28 days; default 0.001.
    - ``surveys_per_year``: survey answers per customer and year; default 0.35.
    - ``opportunities_per_year``: quotes per customer and year; default 0.2.
    - ``managers``: account managers; >= 1; default 9.
    - ``acquisition_cost``: cost of winning a customer, median; currency; default 240.0.

    Past campaigns

    - ``campaign_days_before_end``: day of the randomised campaign; days; default 270.
    - ``campaign_horizon_days``: how long its effect lasts; days; default 90.
    - ``campaign_treated_share``: contacted, the others are held out; share; default 0.6.
    - ``campaign_persuaded``: by size, the share of those who would not have bought within the
      horizon whom contact makes buy once; negative: of those who would have bought, the share
      it puts off; -1 to 1; default (0.55, 0.4, -0.1, -0.25).
    - ``campaign_save_rates``: by size, the share of leavings within the horizon that contact
      prevents; negative: adds; -1 to 1; default (0.4, 0.3, -0.1, -0.3).
    - ``campaign_cost``: cost of a contact; currency; default 2.5.
    - ``club_days_before_end``: day of the best-customers campaign, which does nothing; days;
      default 470.
    - ``club_share``: the customers with the highest revenue it goes to; share; default 0.25.

    Planted

    - ``planted_share``: customers per planted event of a kind; share; default 0.01.
    - ``group_share``: customers that are establishments of a group under one name; share;
      default 0.03.
    - ``namesake_share``: customers who are a father or son of another; share; default 0.01.
    """

    old_share: float = 0.66
    buying_rate: float = 7.5
    rate_shape: float = 1.5
    rhythm_shape: float = 1.8
    size_shares: tuple[float, ...] = (0.54, 0.34, 0.09, 0.03)
    size_rates: tuple[float, ...] = (0.8, 1.1, 1.5, 2.0)
    size_baskets: tuple[float, ...] = (0.6, 1.1, 2.2, 4.0)
    size_discounts: tuple[float, ...] = (0.0, 0.03, 0.08, 0.12)
    sector_spread: float = 0.15
    season_strength: float = 1.0
    lines_per_order: float = 1.7
    basket_spread: float = 0.65
    tenure_growth: float = 0.03
    inflation: float = 0.02
    refund_share: float = 0.02
    pause_rate: float = 0.02
    contract_price: float = 95.0
    contract_term_months: int = 1
    hazard_per_year: float = 0.075
    tenure_exponent: float = 0.4
    frailty_shape: float = 3.0
    size_hazards: tuple[float, ...] = (1.2, 1.0, 0.8, 0.6)
    rate_elasticity: float = -0.2
    one_time_share: float = 0.08
    complaints_per_year: float = 0.22
    complaint_excess: float = 4.0
    complaint_memory_days: int = 180
    resolved_relief: float = 0.7
    unresolved_share: float = 0.3
    neglected_share: float = 0.25
    neglect_excess: float = 1.5
    dissatisfaction_excess: float = 0.8
    fatigue_contacts: int = 5
    fatigue_excess: float = 0.5
    single_contact_excess: float = 0.3
    fade_share: float = 0.5
    fade_days: float = 75
    fade_rate: float = 0.5
    fade_basket: float = 0.6
    closure_share: float = 0.4
    closure_lag_days: float = 15
    cancel_request_share: float = 0.5
    idle_threats_per_year: float = 0.01
    honest_reason_share: float = 0.7
    consent_share: float = 0.92
    newsletter_share: float = 0.4
    contacts_per_year: float = 5.0
    overcontacted_share: float = 0.04
    opt_out_share: float = 0.001
    surveys_per_year: float = 0.35
    opportunities_per_year: float = 0.2
    managers: int = 9
    acquisition_cost: float = 240.0
    campaign_days_before_end: int = 270
    campaign_horizon_days: int = 90
    campaign_treated_share: float = 0.6
    campaign_persuaded: tuple[float, ...] = (0.55, 0.4, -0.1, -0.25)
    campaign_save_rates: tuple[float, ...] = (0.4, 0.3, -0.1, -0.3)
    campaign_cost: float = 2.5
    club_days_before_end: int = 470
    club_share: float = 0.25
    planted_share: float = 0.01
    group_share: float = 0.03
    namesake_share: float = 0.01


_CONSUMERS: dict[str, Any] = {
    "old_share": 0.45,
    "buying_rate": 3.0,
    "rate_shape": 0.8,
    "rhythm_shape": 1.0,
    "size_shares": (0.2, 0.5, 0.2, 0.1),
    "size_rates": (0.8, 1.0, 1.4, 0.9),
    "size_baskets": (0.4, 0.6, 0.8, 0.5),
    "size_discounts": (0.0, 0.0, 0.0, 0.0),
    "hazard_per_year": 0.2,
    "one_time_share": 0.35,
    "closure_share": 0.1,
    "complaints_per_year": 0.1,
    "contacts_per_year": 0.5,
    "newsletter_share": 0.7,
    "neglect_excess": 0.2,
    "single_contact_excess": 0.0,
    "opportunities_per_year": 0.0,
    "acquisition_cost": 18.0,
    "group_share": 0.0,
}

_NO_SIGNAL: dict[str, Any] = {
    "rate_shape": np.inf,
    "rhythm_shape": 1.0,
    "size_rates": (1.0, 1.0, 1.0, 1.0),
    "sector_spread": 0.0,
    "pause_rate": 0.0,
    "tenure_exponent": 0.0,
    "frailty_shape": np.inf,
    "size_hazards": (1.0, 1.0, 1.0, 1.0),
    "rate_elasticity": 0.0,
    "one_time_share": 0.0,
    "complaint_excess": 0.0,
    "neglect_excess": 0.0,
    "dissatisfaction_excess": 0.0,
    "fatigue_excess": 0.0,
    "single_contact_excess": 0.0,
    "fade_share": 0.0,
    "closure_share": 1.0,
    "closure_lag_days": 0.0,
    "cancel_request_share": 0.0,
    "campaign_persuaded": (0.0, 0.0, 0.0, 0.0),
    "campaign_save_rates": (0.0, 0.0, 0.0, 0.0),
    "planted_share": 0.0,
}


def make_world(kind: Kind, signal: bool, assumptions: dict[str, Any]) -> World:
    """The world of a kind of base, with the caller's own assumptions on top.

    Without ``signal`` all that could announce a departure is switched off, whatever was asked.
    """
    if kind not in ("b2b", "b2c"):
        raise ChoiceError("kind", kind, ["b2b", "b2c"])
    known = [field.name for field in fields(World)]
    for name in assumptions:
        if name not in known:
            raise ChoiceError("assumption", name, known)
    world = replace(World(), **{**(_CONSUMERS if kind == "b2c" else {}), **assumptions})
    return replace(world, **_NO_SIGNAL) if not signal else world


@dataclass(frozen=True)
class Calendar:
    """The days of the period as integers: 0 is ``start``, ``days`` the first day after it."""

    start: date
    days: int

    @classmethod
    def ending(cls, end: date, years: float) -> Calendar:
        """The calendar of that many years up to and including ``end``."""
        if not 0.5 <= years <= 30:
            raise InputError(f"years must lie between 0.5 and 30; got {years!r}.")
        start = end - timedelta(days=round(years * YEAR) - 1)
        if float(years).is_integer():
            year = end.year - int(years)
            last = date(year, end.month, min(end.day, 28 if end.month == 2 else 31))
            start = last + timedelta(days=1)
        return cls(start, (end - start).days + 1)

    @property
    def weeks(self) -> int:
        """Weeks begun, counted from ``start``."""
        return -(-self.days // 7)

    def dates(self, days: Ints) -> npt.NDArray[np.datetime64]:
        """Day numbers as dates; days outside a thousand years of the period are missing."""
        known = np.abs(days) < NEVER // 2
        found = np.datetime64(self.start, "D") + np.where(known, days, 0)
        return np.where(known, found, np.datetime64("NaT", "D"))

    @cached_property
    def axis(self) -> npt.NDArray[np.datetime64]:
        """Every day from ``LEAD_DAYS`` before the period to its end."""
        return np.datetime64(self.start, "D") + np.arange(-LEAD_DAYS, self.days)

    @cached_property
    def working(self) -> Floats:
        """Weight of each day of ``axis`` in its week, Mondays to Fridays above all, mean 1."""
        weekday = (self.axis.astype("datetime64[D]").astype(np.int64) + 3) % 7
        weights = np.array([1.55, 1.5, 1.35, 1.4, 1.0, 0.2, 0.0])[weekday]
        month_day = self.axis.astype("datetime64[D]").astype(str).astype("U10")
        holidays = ["01-01", "05-01", "05-08", "07-14", "08-15", "11-01", "11-11", "12-25"]
        weights[np.isin([text[5:] for text in month_day], holidays)] = 0.0
        return np.asarray(weights / weights.mean())

    @cached_property
    def months(self) -> Ints:
        """Month of each day of ``axis``, 0 for January."""
        return self.axis.astype("datetime64[M]").astype(np.int64) % 12


def cumulate(weights: Floats) -> Floats:
    """A running sum that begins with 0; the last axis is the days."""
    zero = np.zeros((*weights.shape[:-1], 1))
    return np.concatenate([zero, np.cumsum(weights, axis=-1)], axis=-1)


class Streams:
    """One independent random stream a subject.

    So one more draw for names, say, leaves the purchases of the same seed as they were.
    """

    def __init__(self, seed: int) -> None:
        if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
            raise InputError(f"seed must be a whole number, 0 or more; got {seed!r}.")
        self.seed = int(seed)

    def of(self, subject: str) -> np.random.Generator:
        """The stream of a subject; the same one each time it is asked for."""
        return np.random.default_rng([self.seed, zlib.crc32(subject.encode())])
