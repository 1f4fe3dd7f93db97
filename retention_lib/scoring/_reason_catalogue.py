"""The facts that can stand behind a reason: what each family says, with which figures, and when.

A fact is told only where it agrees with the direction of the reason: nobody reads "silent for
3 days" as a raised risk. Where none agrees, a plain fact of the family is told, which judges
nothing; not where even that would sound absurd.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from retention_lib.scoring._reason_facts import FEW, MANY, Fact, Figure, Kind, Known, Values, When
from retention_lib.scoring.features import WINDOWS, Family

LATE = 1.2
"""A silence longer than the usual gap by a fifth: shorter ones round to the gap itself."""
FRESH_DAYS = 30
"""A purchase in the last month is recent on any base."""
TIRING_CONTACTS = 4
"""A contact a week."""


def _raises(key: str, speaks_for: tuple[str, ...], when: When, **figures: Figure) -> Fact:
    return Fact(key, True, speaks_for, when, figures)


def _lowers(key: str, speaks_for: tuple[str, ...], when: When, **figures: Figure) -> Fact:
    return Fact(key, False, speaks_for, when, figures)


def _plain(
    key: str, speaks_for: tuple[str, ...], up: When, down: When | None = None, **figures: Figure
) -> tuple[Fact, Fact]:
    """A fact that judges nothing: when it may stand for a raised risk, and when for a lowered.

    Not where it would sound absurd, such as a purchase yesterday for a raised risk.
    """
    return (
        Fact(key, True, speaks_for, up, figures, plain=True),
        Fact(key, False, speaks_for, down or up, figures, plain=True),
    )


def _own(feature: str, kind: Kind = "whole") -> Figure:
    return Figure(kind, feature)


def _usual(feature: str, kind: Kind = "whole") -> Figure:
    return Figure(kind, feature, usual=True)


def _against_usual(
    key: str, speaks_for: tuple[str, ...], feature: str, kind: Kind = "whole"
) -> tuple[Fact, Fact]:
    """A figure of which few goes with a raised risk and many with a lowered, and the usual one."""
    figures = {"own": _own(feature, kind), "usual": _usual(feature, kind)}
    step = 0.1 if kind == "decimal" else 1.0

    def apart(k: Known) -> Values:
        """Also when both are rounded as they are shown."""
        seen: Values = np.abs(k[feature] - k.usual(feature)) >= step
        return seen

    return (
        Fact(key, True, speaks_for, lambda k: k.few(feature) & apart(k), figures),
        Fact(key, False, speaks_for, lambda k: k.many(feature) & apart(k), figures),
    )


def _trailing(stem: str) -> tuple[str, ...]:
    return tuple(f"{stem}_{days}" for days in WINDOWS)


def _less(stem: str) -> Figure:
    return Figure("less", f"{stem}_trend")


def _times(stem: str) -> Figure:
    return Figure("times", f"{stem}_trend")


def _change_of(stem: str, sign: int) -> When:
    """A trend of (now - before) / (now + before): a seventh is a quarter less or a third more."""
    return lambda k: (sign * k[f"{stem}_trend"] > 1 / 7) & (k[f"{stem}_trend"] < 1)


_DAYS, _GAP = _own("recency_days"), _own("mean_gap_days")
_CHANCE = _own("no_purchase_probability", "percent")
_PURCHASES, _RECENT = _own("purchases_365"), _own("purchases_90")
_EXPECTED = _own("expected_purchases", "decimal")
_SPENT, _BASKET = _own("spend_365", "money"), _own("basket", "money")
_TENURE = _own("tenure_days", "duration")

_SILENCE_OF = ("recency_days", "overdue_ratio", "no_purchase_probability")
_RECENT_OF = ("purchases_30", "purchases_90", "purchases_180")

_SILENCE = (
    _raises(
        "silence.overdue",
        _SILENCE_OF,
        lambda k: k["recency_days"] > LATE * np.maximum(k["mean_gap_days"], 1),
        days=_DAYS,
        gap=_GAP,
    ),
    _raises(
        "silence.once",
        _SILENCE_OF,
        lambda k: (k["purchases_total"] == 1) & (k["recency_days"] >= FRESH_DAYS),
        days=_DAYS,
    ),
    _raises(
        "silence.long",
        ("recency_days", "no_purchase_probability"),
        lambda k: k.many("recency_days") & (k["recency_days"] >= FRESH_DAYS),
        days=_DAYS,
        usual=_usual("recency_days"),
    ),
    _raises(
        "silence.doubt",
        ("no_purchase_probability",),
        lambda k: k["no_purchase_probability"] >= 0.5,
        chance=_CHANCE,
    ),
    _lowers("silence.today", _SILENCE_OF, lambda k: k["recency_days"] < 0.5),
    _lowers(
        "silence.within",
        _SILENCE_OF,
        lambda k: (k["recency_days"] >= 0.5) & (k["recency_days"] <= k["mean_gap_days"]),
        days=_DAYS,
        gap=_GAP,
    ),
    _lowers(
        "silence.recent",
        ("recency_days", "no_purchase_probability"),
        lambda k: k.few("recency_days") | (k["recency_days"] < FRESH_DAYS),
        days=_DAYS,
    ),
    _lowers(
        "silence.trust",
        ("no_purchase_probability",),
        lambda k: k["no_purchase_probability"] < 0.5,
        chance=_own("no_purchase_probability", "rest"),
    ),
    *_plain(
        "silence.plain",
        _SILENCE_OF,
        lambda k: k["recency_days"] >= FRESH_DAYS,
        lambda k: k.has("recency_days") & ~(k["recency_days"] > LATE * k["mean_gap_days"]),
        days=_DAYS,
    ),
)

_RHYTHM = (
    *_against_usual("rhythm.year", _trailing("purchases"), "purchases_365"),
    _raises(
        "rhythm.slower",
        _RECENT_OF,
        lambda k: (4 * k["purchases_90"] < FEW * k["purchases_365"]) & (k["purchases_365"] > 1),
        recent=_RECENT,
        purchases=_PURCHASES,
    ),
    _raises(
        "rhythm.rare",
        ("mean_gap_days",),
        lambda k: k.many("mean_gap_days"),
        gap=_GAP,
        usual=_usual("mean_gap_days"),
    ),
    _raises(
        "rhythm.none_yet",
        ("mean_gap_days", "gap_spread"),
        lambda k: k["purchases_total"] == 1,
    ),
    _raises("rhythm.uneven", ("gap_spread",), lambda k: k.many("gap_spread")),
    _raises("rhythm.hardly", ("expected_purchases",), lambda k: k["expected_purchases"] < 0.05),
    *_against_usual(
        "rhythm.expected_usual", ("expected_purchases",), "expected_purchases", "decimal"
    ),
    _lowers(
        "rhythm.quicker",
        _RECENT_OF,
        lambda k: (
            (4 * k["purchases_90"] > MANY * k["purchases_365"])
            & (k["purchases_90"] > 1)
            & (k["tenure_days"] > 180)
        ),
        recent=_RECENT,
        purchases=_PURCHASES,
    ),
    _lowers(
        "rhythm.often",
        ("mean_gap_days",),
        lambda k: k.few("mean_gap_days"),
        gap=_GAP,
        usual=_usual("mean_gap_days"),
    ),
    _lowers("rhythm.even", ("gap_spread",), lambda k: k.few("gap_spread")),
    *_plain(
        "rhythm.plain",
        (*_trailing("purchases"), "mean_gap_days", "gap_spread"),
        lambda k: k.has("purchases_365") & ~k.many("purchases_365"),
        lambda k: (k["purchases_365"] > 0) & ~k.few("purchases_365"),
        purchases=_PURCHASES,
    ),
    *_plain(
        "rhythm.expected",
        ("expected_purchases",),
        lambda k: ~k.many("expected_purchases") & k.has("expected_purchases"),
        lambda k: ~k.few("expected_purchases") & k.has("expected_purchases"),
        expected=_EXPECTED,
    ),
)

_TREND = (
    *(
        _raises(f"trend.{stem}_less", (f"{stem}_trend",), _change_of(stem, -1), less=_less(stem))
        for stem in ("purchases", "spend", "basket")
    ),
    *(
        _lowers(f"trend.{stem}_more", (f"{stem}_trend",), _change_of(stem, 1), times=_times(stem))
        for stem in ("purchases", "spend", "basket")
    ),
    _lowers("trend.again", ("purchases_trend", "spend_trend"), lambda k: k["purchases_trend"] == 1),
)

_SPEND = (
    *_against_usual("spend.year", _trailing("spend"), "spend_365", "money"),
    *_against_usual("spend.basket_usual", ("basket",), "basket", "money"),
    *_plain(
        "spend.plain",
        _trailing("spend"),
        lambda k: k.has("spend_365") & ~k.many("spend_365"),
        lambda k: (k["spend_365"] > 0) & ~k.few("spend_365"),
        spent=_SPENT,
    ),
    *_plain(
        "spend.basket",
        ("basket",),
        lambda k: k.has("basket") & ~k.many("basket"),
        lambda k: k.has("basket") & ~k.few("basket"),
        basket=_BASKET,
    ),
)

_RANGES = (
    _raises(
        "ranges.few",
        _trailing("ranges"),
        lambda k: (k["ranges_365"] > 0) & (k.few("ranges_365") | (k["ranges_365"] == 1)),
        ranges=_own("ranges_365"),
    ),
    _lowers(
        "ranges.many",
        _trailing("ranges"),
        lambda k: k["ranges_365"] > 1,
        ranges=_own("ranges_365"),
    ),
    *_plain(
        "ranges.plain",
        _trailing("ranges"),
        lambda k: k.has("ranges_365") & ~k.many("ranges_365"),
        lambda k: (k["ranges_365"] > 0) & ~k.few("ranges_365"),
        ranges=_own("ranges_365"),
    ),
)

_REFUNDS = (
    _raises(
        "refunds.share",
        ("refund_share",),
        lambda k: k["refund_share"] > 0,
        share=_own("refund_share", "percent"),
    ),
    _lowers(
        "refunds.none",
        (*_trailing("refunds"), "refund_share"),
        lambda k: k["refunds_365"] == 0,
    ),
    *_plain(
        "refunds.money",
        (*_trailing("refunds"), "refund_share"),
        lambda k: k["refunds_365"] > 0,
        money=_own("refunds_365", "money"),
    ),
)

_LOYALTY = (
    _raises("loyalty.new", ("tenure_days",), lambda k: k.few("tenure_days"), duration=_TENURE),
    *_against_usual("loyalty.purchases", ("purchases_total",), "purchases_total"),
    _lowers("loyalty.old", ("tenure_days",), lambda k: k.many("tenure_days"), duration=_TENURE),
    *_plain(
        "loyalty.plain",
        ("tenure_days", "purchases_total"),
        lambda k: k.has("tenure_days") & ~k.many("purchases_total"),
        lambda k: k.has("tenure_days") & ~k.few("purchases_total"),
        duration=_TENURE,
        purchases=_own("purchases_total"),
    ),
)

_SEASON_OF = ("season_sine", "season_cosine")
_SEASON = (
    _raises(
        "season.not_then",
        ("purchases_same_season",),
        lambda k: (k["purchases_same_season"] == 0) & (k["tenure_days"] > 365),
    ),
    _raises("season.weak", _SEASON_OF, lambda k: k.has("season_sine")),
    _lowers("season.strong", _SEASON_OF, lambda k: k.has("season_sine")),
    _lowers(
        "season.then",
        ("purchases_same_season",),
        lambda k: k["purchases_same_season"] > 0,
        purchases=_own("purchases_same_season"),
    ),
)

_CONTACT = (
    _raises("contact.asked", ("asked_to_leave",), lambda k: k["asked_to_leave"] == 1),
    _raises(
        "contact.tired",
        ("contacts_30",),
        lambda k: k["contacts_30"] >= TIRING_CONTACTS,
        contacts=_own("contacts_30"),
    ),
    _raises(
        "contact.neglected",
        ("days_since_contact", "contacts_30", "contacts_365"),
        lambda k: (k["days_since_contact"] > 90) | k.many("days_since_contact"),
        days=_own("days_since_contact"),
    ),
    _raises(
        "contact.never",
        ("days_since_contact", "contacts_30", "contacts_365"),
        lambda k: k.lacks("days_since_contact"),
    ),
    *_against_usual("contact.year", ("contacts_365", "contacts_30"), "contacts_365"),
    _lowers(
        "contact.recent",
        ("days_since_contact", "contacts_30"),
        lambda k: k["days_since_contact"] <= FRESH_DAYS,
        days=_own("days_since_contact"),
    ),
    _lowers("contact.not_asked", ("asked_to_leave",), lambda k: k["asked_to_leave"] == 0),
    *_plain(
        "contact.plain",
        ("contacts_365", "contacts_30", "days_since_contact"),
        lambda k: k.has("contacts_365") & ~k.many("contacts_365"),
        lambda k: (k["contacts_365"] > 0) & ~k.few("contacts_365"),
        contacts=_own("contacts_365"),
    ),
)

_COMPLAINT_OF = ("complaints_open", "complaints_365", "days_since_complaint")
_COMPLAINT = (
    _raises(
        "complaint.open",
        _COMPLAINT_OF,
        lambda k: k["complaints_open"] > 0,
        complaints=_own("complaints_open"),
    ),
    _lowers(
        "complaint.none",
        _COMPLAINT_OF,
        lambda k: (k["complaints_365"] == 0) & ~(k["complaints_open"] > 0),
    ),
    _lowers(
        "complaint.settled",
        _COMPLAINT_OF,
        lambda k: (k["complaints_365"] > 0) & (k["complaints_open"] == 0),
        complaints=_own("complaints_365"),
    ),
    *_plain(
        "complaint.plain",
        _COMPLAINT_OF,
        lambda k: k["complaints_365"] > 0,
        lambda k: np.full(len(k), False),
        complaints=_own("complaints_365"),
    ),
)

_SATISFACTION = (
    *_plain(
        "satisfaction.plain",
        ("satisfaction",),
        lambda k: k["satisfaction"] < 9,
        lambda k: k["satisfaction"] > 5,
        score=_own("satisfaction", "decimal"),
    ),
    *_plain("satisfaction.silent", ("satisfaction",), lambda k: k.lacks("satisfaction")),
)

_PEOPLE = (
    *_plain(
        "people.plain",
        ("people_known",),
        lambda k: k["people_known"] == 1,
        lambda k: k["people_known"] > 1,
        people=_own("people_known"),
    ),
    *_plain("people.none", ("people_known",), lambda k: ~(k["people_known"] > 0)),
)

_CONTRACT = (
    *_plain("contract.bound", ("is_contract",), lambda k: k["is_contract"] == 1),
    *_plain("contract.free", ("is_contract",), lambda k: k["is_contract"] == 0),
)

FACTS: Mapping[Family, tuple[Fact, ...]] = {
    "silence": _SILENCE,
    "rhythm": _RHYTHM,
    "trend": _TREND,
    "spend": _SPEND,
    "ranges": _RANGES,
    "refunds": _REFUNDS,
    "loyalty": _LOYALTY,
    "season": _SEASON,
    "contact": _CONTACT,
    "complaint": _COMPLAINT,
    "satisfaction": _SATISFACTION,
    "people": _PEOPLE,
    "contract": _CONTRACT,
}
"""Of each family the facts, the most telling first; those that judge nothing last."""
