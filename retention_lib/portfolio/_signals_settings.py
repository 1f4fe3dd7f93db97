"""What each warning sign means, in numbers: its parameters, what it needs, when it is judged."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import get_type_hints

import numpy as np

from retention_lib.base.customer_base import CustomerBase
from retention_lib.errors import InputError

SIGNALS: tuple[str, ...] = (
    "silent",
    "falling_orders",
    "slowing",
    "range_abandoned",
    "no_second",
    "unhappy",
    "neglected",
    "leaving_spoken",
)
"""Codes of the warning signs, in the order of the design."""

NEEDS: dict[str, tuple[str, tuple[str, ...]]] = {
    "range_abandoned": ("transactions", ("product_range",)),
    "unhappy": ("feedback", ()),
    "neglected": ("interactions", ("direction",)),
    "leaving_spoken": ("interactions", ("kind",)),
}
"""What a sign needs beyond the transactions: the table and its columns."""


@dataclass(frozen=True)
class SignalSettings:
    """The parameters of the warning signs. Shares lie between 0 and 1, all else counts.

    Silent, and the rhythm that all signs share

    - ``silent_share``: share of a customer's own gaps that are longer than its limit;
      default 0.05.
    - ``silent_least_days``: nobody is called silent sooner; days; default 14.
    - ``memory_days``: gaps and ranges of so many days count as habit; days; default 730.
    - ``prior_gaps``: the base's mean gap counts as so many gaps of the customer's own, its
      spread as twice as many; default 2.0.

    Order value falling

    - ``falling_days``: the orders looked at, back from the day; days; default 90.
    - ``compared_days``: the orders they are held against, before those; days; default 365.
    - ``falling_drop``: least fall of the typical order; share; default 0.3.
    - ``falling_chance``: how many customers without any change would show as much; share;
      default 0.02.
    - ``falling_recent``, ``falling_earlier``: least purchases on each side; default 3 and 5.

    Rhythm slowing

    - ``slowing_days``: the stretch looked at, back from the day; days; default 180.
    - ``slowing_drop``: least fall of the number of purchases; share; default 0.4.
    - ``slowing_chance``: how many customers without any change would show as much; share;
      default 0.05.
    - ``slowing_recent``, ``slowing_earlier``: least purchases in it and in the ``compared_days``
      before it; default 1 and 5.

    Range abandoned

    - ``range_purchases``: purchases of the range that make a habit; default 4.
    - ``range_days``: least time without it; days; default 90.
    - ``range_chance``: how likely a customer that buys it as before would have left it out of so
      many purchases; share; default 0.001.

    First purchase without a second

    - ``second_share``: by then so many of the second purchases have come; share; default 0.8.

    Unhappy

    - ``detractor_score``: highest score of an unhappy answer, of 10; default 6.
    - ``survey_days``, ``complaint_days``: how long an answer or an open complaint is looked at;
      days; default 365 and 180.

    Neglected

    - ``contact_days``: without any outbound contact for so long; days; default 90.
    - ``contacts_a_year``: the floor that the evidence is held against; default 4.
    - ``newsletters_count``: whether a newsletter is a contact; default True.

    Leaving spoken of

    - ``request_days``: how long a cancellation request is looked at; days; default 180.

    Their record on the past

    - ``history_days``: a past date needs so much history before it; days; default 180.
    - ``past_dates``: month ends looked back on, at most; default 12.
    """

    silent_share: float = 0.05
    silent_least_days: int = 14
    memory_days: int = 730
    prior_gaps: float = 2.0
    falling_days: int = 90
    compared_days: int = 365
    falling_drop: float = 0.3
    falling_chance: float = 0.02
    falling_recent: int = 3
    falling_earlier: int = 5
    slowing_days: int = 180
    slowing_drop: float = 0.4
    slowing_chance: float = 0.05
    slowing_recent: int = 1
    slowing_earlier: int = 5
    range_purchases: int = 4
    range_days: int = 90
    range_chance: float = 0.001
    second_share: float = 0.8
    detractor_score: float = 6.0
    survey_days: int = 365
    complaint_days: int = 180
    contact_days: int = 90
    contacts_a_year: int = 4
    newsletters_count: bool = True
    request_days: int = 180
    history_days: int = 180
    past_dates: int = 12

    def __post_init__(self) -> None:
        kinds = get_type_hints(type(self))
        for parameter in fields(self):
            value = getattr(self, parameter.name)
            kind = kinds[parameter.name]
            if kind is bool:
                _check_flag(parameter.name, value)
            elif kind is int:
                _check_count(parameter.name, value)
            else:
                _check_number(parameter.name, value)


def _check_flag(name: str, value: object) -> None:
    if not isinstance(value, bool):
        raise InputError(f"{name} must be True or False; got {value!r}.")


def _check_count(name: str, value: object) -> None:
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not whole or int(value) < 1:  # type: ignore[call-overload]
        raise InputError(f"{name} must be a whole number, 1 or more; got {value!r}.")


def _check_number(name: str, value: object) -> None:
    number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
    wanted = "between 0 and 1, such as 0.05"
    if name in ("prior_gaps", "detractor_score"):
        wanted = "above 0 and at most 1,000"
    high = 1.0 if wanted.startswith("between") else 1000.0 + 1e-9
    if not number or not 0 < float(value) < high:  # type: ignore[arg-type]
        raise InputError(f"{name} must be a number {wanted}; got {value!r}.")


def check_settings(settings: object) -> SignalSettings:
    """The settings given, or the defaults for none.

    Raises ``InputError`` for anything else.
    """
    if settings is None:
        return SignalSettings()
    if not isinstance(settings, SignalSettings):
        raise InputError(
            "settings must be a SignalSettings, such as SignalSettings(silent_share=0.02), from "
            f"retention_lib.portfolio.signals; got {type(settings).__name__}."
        )
    return settings


def missing_for(base: CustomerBase, code: str) -> tuple[str, tuple[str, ...]] | None:
    """The table and the columns that a sign lacks on this base; none where it can be told."""
    if code not in NEEDS:
        return None
    table, columns = NEEDS[code]
    if not base.has(table):
        return table, ()
    if code == "unhappy" and not (base.has(table, "kind") or base.has(table, "score")):
        return table, ("kind", "score")
    lacking = tuple(name for name in columns if not base.has(table, name))
    return (table, lacking) if lacking else None


def available(base: CustomerBase) -> tuple[str, ...]:
    """Codes of the signs that this base can tell."""
    return tuple(code for code in SIGNALS if missing_for(base, code) is None)
