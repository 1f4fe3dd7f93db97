"""What a model may look at: the features of a customer on a date, declared once.

A feature of the date ``t`` is made from rows up to and including ``t`` alone. Whatever is added
here is computed by :mod:`retention_lib.scoring.snapshots`, held by the tests to that rule, and
explained to people through its family.

What the names mean. A window of ``w`` days of the date ``t`` is (t - w, t]; a purchase is a day
that nets to more than nothing. ``spend`` is net of refunds; ``refunds`` are the days that net to
less than nothing, as a positive amount; ``refund_share`` is refunds over purchases of 365 days.
``mean_gap_days`` and ``gap_spread`` (standard deviation over mean) are of the customer's own gaps
between purchases, from two and three purchases on. ``overdue_ratio`` is ``recency_days`` over the
customer's gap, in which the typical gap of the base counts as two gaps of its own. ``basket`` is
the mean purchase of 365 days, or of all where there is none. A trend is
(lately - before) / (lately + before), from -1 to 1: the last 90 days against the rest of the 365,
a day each, ``basket_trend`` a purchase each; missing where there is nothing on either side or
fewer than 120 days have passed since the first purchase, its own day counted.
``purchases_same_season`` are those of the days, a year ago, that the horizon covers now.
``expected_purchases`` and ``no_purchase_probability`` are the purchase model's, over the horizon.
``contacts`` are outbound, newsletters included;
``days_since_contact`` leaves newsletters out. ``asked_to_leave`` is a request in 365 days,
``complaints_open`` what was not resolved by the date, ``satisfaction`` the last score given. Before
the first row of interactions or of feedback, what they tell is missing, not nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

WINDOWS = (30, 90, 180, 365)
"""Trailing windows, in days up to and including the date."""

Family = Literal[
    "silence",
    "rhythm",
    "trend",
    "spend",
    "ranges",
    "refunds",
    "loyalty",
    "season",
    "contact",
    "complaint",
    "satisfaction",
    "people",
    "contract",
]
"""What a marketer would call the reason. Features of one family say nearly the same thing, so that
their contributions are added before anybody reads them."""

Unit = Literal["days", "count", "money", "share", "ratio", "score", "flag", "angle"]


@dataclass(frozen=True)
class Feature:
    """One feature: ``name``, its family, its unit and what it needs beyond customer, date, amount.

    ``needs`` is a table and columns of the contract; where the base lacks them the feature is not
    computed at all. Where a customer has no value (a rhythm after one purchase) it is missing.
    What is not ``dated`` is known as it is now and not since when: nobody can say what it was on
    an earlier date, so no model learns from it; it is shown beside the others on the last date.
    """

    name: str
    family: Family
    unit: Unit
    needs: tuple[str, ...] = ()
    dated: bool = True


def _trailing(stem: str, family: Family, unit: Unit, *needs: str) -> tuple[Feature, ...]:
    return tuple(Feature(f"{stem}_{days}", family, unit, needs) for days in WINDOWS)


FEATURES: tuple[Feature, ...] = (
    Feature("recency_days", "silence", "days"),
    Feature("tenure_days", "loyalty", "days"),
    Feature("purchases_total", "loyalty", "count"),
    *_trailing("purchases", "rhythm", "count"),
    *_trailing("spend", "spend", "money"),
    *_trailing("ranges", "ranges", "count", "transactions", "product_range"),
    *_trailing("refunds", "refunds", "money"),
    Feature("refund_share", "refunds", "share"),
    Feature("mean_gap_days", "rhythm", "days"),
    Feature("gap_spread", "rhythm", "ratio"),
    Feature("overdue_ratio", "silence", "ratio"),
    Feature("basket", "spend", "money"),
    Feature("basket_trend", "trend", "ratio"),
    Feature("purchases_trend", "trend", "ratio"),
    Feature("spend_trend", "trend", "ratio"),
    Feature("purchases_same_season", "season", "count"),
    Feature("season_sine", "season", "angle"),
    Feature("season_cosine", "season", "angle"),
    Feature("expected_purchases", "rhythm", "count"),
    Feature("no_purchase_probability", "silence", "share"),
    Feature("contacts_30", "contact", "count", ("interactions",)),
    Feature("contacts_365", "contact", "count", ("interactions",)),
    Feature("days_since_contact", "contact", "days", ("interactions",)),
    Feature("asked_to_leave", "contact", "flag", ("interactions", "kind")),
    Feature("complaints_365", "complaint", "count", ("feedback", "kind")),
    Feature("complaints_open", "complaint", "count", ("feedback", "kind", "resolved_on")),
    Feature("days_since_complaint", "complaint", "days", ("feedback", "kind")),
    Feature("satisfaction", "satisfaction", "score", ("feedback", "score")),
    Feature("people_known", "people", "count", ("people",), dated=False),
    Feature("is_contract", "contract", "flag", ("customers", "is_contract")),
)

BY_NAME = {feature.name: feature for feature in FEATURES}


def tables_needed(names: Iterable[str]) -> str:
    """The tables, and their columns in brackets, that these features are made from.

    >>> tables_needed(["complaints_open", "complaints_365", "contacts_30", "basket"])
    'feedback (kind, resolved_on); interactions'
    """
    columns: dict[str, dict[str, None]] = {}
    for name in names:
        needs = BY_NAME[name].needs if name in BY_NAME else ()
        if needs:
            columns.setdefault(needs[0], {}).update(dict.fromkeys(needs[1:]))
    return "; ".join(
        f"{table} ({', '.join(sorted(needed))})" if needed else table
        for table, needed in sorted(columns.items())
    )
