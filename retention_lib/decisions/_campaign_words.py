"""What is compared when a campaign is measured, and how a change is said."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

from retention_lib.wording import with_minus

if TYPE_CHECKING:
    from retention_lib.wording import Wording

Outcome = Literal["margin", "revenue", "buyers"]
OUTCOMES: tuple[Outcome, ...] = ("buyers", "revenue", "margin")
COLUMN: Mapping[str, str] = {"buyers": "bought", "revenue": "revenue", "margin": "margin"}
"""Each outcome and its column of :func:`campaign_customers`."""


def say_effect(value: float, outcome: str, wording: Wording) -> str:
    """A change in words: points of a share, or money a customer."""
    if value != value:
        return "–"
    if outcome == "buyers":
        return wording.say("campaigns.points", points=_points(value, wording))
    return with_minus(wording.money(value, decimals=2))


def say_range(low: float, high: float, outcome: str, wording: Wording) -> str:
    """Between what it lies: 4.9 to 15.9 points."""
    if low != low or high != high:
        return "–"
    first = _points(low, wording) if outcome == "buyers" else say_effect(low, outcome, wording)
    return wording.say("campaigns.range", low=first, high=say_effect(high, outcome, wording))


def say_money(value: float, wording: Wording) -> str:
    """An amount with a minus sign that a sentence can carry; a dash where it is missing."""
    return "–" if value != value else with_minus(wording.money(value))


def _points(value: float, wording: Wording) -> str:
    return with_minus(wording.number(100 * value, decimals=1))
