"""What an offer costs and what it is hoped to change: plain numbers, checked."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from numbers import Integral, Real

import numpy as np

from retention_lib.decisions.ranges import Range
from retention_lib.errors import InputError

ASSUMED = Range(0.05, 0.15, 0.30)
"""The save rate where nothing was measured and nobody says one: an assumption."""

LONGEST_DAYS = 1_095
_MONEY = ("contact_cost", "incentive", "fixed_cost")
_SHARES = ("taken_by_stayers", "taken_by_saved")


@dataclass(frozen=True, kw_only=True)
class Offer:
    """An offer to keep customers: what a contact costs, what is given, how many it keeps.

    The trap: the incentive goes to those who would have stayed as well, and there are more of
    them; ``taken_by_stayers`` says how many take it.

    Parameters
    ----------
    contact_cost
        Cost of contacting one customer, in the base's currency (0 or more): postage, a call.
    incentive
        What a customer who takes the offer costs, in the same unit (0 or more); 0 for none.
    save_rate
        Of those who would have left, the share that contact keeps: a number or a
        :class:`Range`, from -1 (contact drives them away) to 1. ``None`` takes what a randomised
        campaign on file has measured; where there is none it is ``Range(0.05, 0.15, 0.30)``, an
        assumption, and called one wherever it shows.
    taken_by_stayers, taken_by_saved
        Share of those who take the incentive (0 to 1), of who would have stayed anyway and of
        who is kept.
    fixed_cost
        What the campaign costs as a whole, whoever is contacted (0 or more).
    margin_rate
        Share of revenue that is margin (above 0, up to 1), for these sums; ``None`` takes the
        base's own margins. Where the base knows none, revenue counts in full, and it is said.
    horizon_days
        How many days ahead leaving and value are looked at, the same for both (1 to 1,095);
        ``None`` takes the longest, up to 365, that the history and the measured effect allow.

    Raises
    ------
    InputError
        Where values cannot be; the message lists them all.

    Examples
    --------
    >>> Offer(contact_cost=1.5, incentive=10, save_rate=Range(0.05, 0.15, 0.3))
    Offer(contact_cost=1.5, incentive=10, save_rate=Range(low=0.05, likely=0.15, high=0.3))
    """

    contact_cost: float
    incentive: float = 0.0
    save_rate: float | Range | None = None
    taken_by_stayers: float = 1.0
    taken_by_saved: float = 1.0
    fixed_cost: float = 0.0
    margin_rate: float | None = None
    horizon_days: int | None = None

    def __post_init__(self) -> None:
        wrong = [
            *(_not_between(self, name, 0.0, math.inf, "such as 2.50") for name in _MONEY),
            *(_not_between(self, name, 0.0, 1.0, "such as 0.8 for 80 %") for name in _SHARES),
            _wrong_save_rate(self.save_rate),
            _wrong_margin_rate(self.margin_rate),
            _wrong_horizon(self.horizon_days),
        ]
        said = [words for words in wrong if words]
        if said:
            raise InputError(" ".join(said))

    def __repr__(self) -> str:
        """Code that makes the offer again; what is left at its default is left out."""
        first, *others = fields(self)
        shown = [first, *(one for one in others if getattr(self, one.name) != one.default)]
        return f"Offer({', '.join(f'{one.name}={getattr(self, one.name)!r}' for one in shown)})"


def is_number(value: object) -> bool:
    """A finite number that is no truth value."""
    number = isinstance(value, Real) and not isinstance(value, bool | np.bool_)
    return number and math.isfinite(float(value))  # type: ignore[arg-type]


def _not_between(offer: Offer, name: str, low: float, high: float, example: str) -> str:
    value = getattr(offer, name)
    if is_number(value) and low <= float(value) <= high:
        return ""
    bounds = "0 or more" if math.isinf(high) else f"from {low:g} to {high:g}"
    return f"{name} must be a number {bounds}, {example}; got {value!r}."


def _wrong_save_rate(rate: object) -> str:
    if rate is None:
        return ""
    ends = [rate.low, rate.high] if isinstance(rate, Range) else [rate]
    if all(is_number(end) and -1 <= float(end) <= 1 for end in ends):  # type: ignore[arg-type]
        return ""
    return (
        f"save_rate is the share of those who would have left that contact keeps, from -1 to 1, "
        f"such as 0.15 or Range(0.05, 0.15, 0.30); got {rate!r}. Percentages are divided by 100."
    )


def _wrong_margin_rate(rate: object) -> str:
    if rate is None or (is_number(rate) and 0 < float(rate) <= 1):  # type: ignore[arg-type]
        return ""
    return f"margin_rate must be a share above 0 and up to 1, such as 0.4 for 40 %; got {rate!r}."


def _wrong_horizon(days: object) -> str:
    whole = isinstance(days, Integral) and not isinstance(days, bool)
    if days is None or (whole and 1 <= int(days) <= LONGEST_DAYS):  # type: ignore[call-overload]
        return ""
    return (
        f"horizon_days must be a whole number of days from 1 to {LONGEST_DAYS:,}, such as 180; "
        f"got {days!r}."
    )
