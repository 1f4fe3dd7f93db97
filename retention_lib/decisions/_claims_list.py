"""The trade's favourite sentences, each with the band of figures that would bear it out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Unit = Literal["share", "gain", "points", "times", "people"]
Verdict = Literal["confirmed", "contradicted", "cannot_tell"]
VERDICTS: tuple[Verdict, ...] = ("confirmed", "contradicted", "cannot_tell")

LEEWAY = 0.1
"""A round figure of the trade counts as right within a tenth of it on either side."""
_ENDLESS = float("inf")
_SHOWN = 0.001
"""The smallest growth that a percentage with one decimal shows."""


@dataclass(frozen=True)
class Claim:
    """One sentence of the trade: its code, the band of figures it claims, and their unit.

    Shares are of 1; a gain of 0.25 is a quarter more; points are differences of shares; times are
    ratios.
    """

    code: str
    low: float
    high: float
    unit: Unit


@dataclass(frozen=True)
class Evidence:
    """What a base has to say to a claim, in words and, where it can be measured, in figures.

    ``low`` and ``high`` are all that the figure could be, 95 % sure. ``sure`` is false where they
    may not decide: too few cases, or nothing but a coincidence to go by.
    """

    here: str
    value: float = float("nan")
    low: float = float("nan")
    high: float = float("nan")
    sure: bool = True


def _about(code: str, figure: float, unit: Unit) -> Claim:
    return Claim(code, figure * (1 - LEEWAY), figure * (1 + LEEWAY), unit)


CLAIMS = (
    _about("ten_a_year", 0.10, "share"),
    _about("half_in_five", 0.50, "share"),
    _about("same_rate", 0.50, "share"),
    Claim("five_points_worth", 0.25, 0.85, "gain"),
    Claim("five_points_profit", 0.25, 0.85, "gain"),
    _about("win_two", 2.0, "times"),
    _about("win_three", 3.0, "times"),
    _about("win_six", 6.0, "times"),
    _about("win_back_twelve", 12.0, "times"),
    Claim("five_year_customer", 8.0, _ENDLESS, "times"),
    Claim("want_of_contact", 0.68, 1.0, "share"),
    Claim("never_complain", 0.98, 1.0, "share"),
    Claim("not_the_product", 0.75, 1.0, "share"),
    Claim("tell_twelve", 12.0, 20.0, "people"),
    Claim("longer_more", _SHOWN, _ENDLESS, "gain"),
    Claim("four_contacts", -1.0, -_SHOWN, "points"),
)
WORKS = {
    "chaos": "Leading on the Edge of Chaos",
    "loyalty": "The Loyalty Effect",
    "genius": "Customer Genius",
    "brands": "How Brands Grow",
    "hbr": "Harvard Business Review",
    "service_journal": "Journal of Service Research",
    "news": "US News and World Report",
    "consumer_office": "White House Office of Consumer Affairs",
}
"""Titles and names that are the same in every language."""
CODES = tuple(claim.code for claim in CLAIMS)


def judge(claim: Claim, evidence: Evidence) -> Verdict:
    """Confirmed only where all the figure could be bears the claim out, contradicted where none.

    >>> claim = Claim("ten_a_year", 0.09, 0.11, "share")
    >>> judge(claim, Evidence("", 0.137, 0.117, 0.159))
    'contradicted'
    >>> judge(claim, Evidence("", 0.10, 0.08, 0.12))
    'cannot_tell'
    """
    low, high = evidence.low, evidence.high
    if not evidence.sure or low != low or high != high:
        return "cannot_tell"
    if claim.low <= low and high <= claim.high:
        return "confirmed"
    return "contradicted" if high < claim.low or low > claim.high else "cannot_tell"
