"""The quotes of a base as known on a day: which are open, and what became of those before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import narwhals as nw
import pandas as pd

from retention_lib.base import engine
from retention_lib.base.customer_base import CustomerBase
from retention_lib.portfolio._cross_customers import known_customers
from retention_lib.portfolio.activity import with_endings

# Stages that say how a quote ended, where no column does; lower case, with and without accents.
_WON = (
    *("gagnée", "gagné", "gagnee", "gagne", "won", "closed won", "closed-won"),
    *("signée", "signé", "signee", "signe", "signed", "acceptée", "accepté", "acceptee"),
    *("accepte", "accepted", "commandé", "commande", "ordered"),
)
_LOST = (
    *("perdue", "perdu", "lost", "closed lost", "closed-lost", "refusée", "refusé", "refusee"),
    *("refuse", "refused", "rejected", "rejetée", "rejeté", "rejetee", "abandonnée", "abandonné"),
    *("abandonnee", "abandonne", "abandoned", "annulée", "annulé", "annulee", "annule"),
    *("cancelled", "canceled", "declined", "expired", "expirée", "expiré", "expiree"),
)
_TEXTS = ("opportunity_id", "customer_id", "prospect", "stage")


@dataclass(frozen=True)
class Book:
    """Quotes as known on a day.

    ``opened``: one row an open quote, with ``age_days, days_without, banned, closed`` beside what
    the table says. ``closings_known``: whether it can be told which were open on that day.
    ``follow_ups``: whether they are recorded. ``undated``: quotes decided on an unknown day.
    """

    opened: pd.DataFrame
    present: bool
    closings_known: bool
    follow_ups: bool
    undated: int


def read_book(base: CustomerBase) -> Book:
    """Read the open quotes, and what can be told of the others."""
    present = base.has("opportunities")
    from_past = base.last_day is not None and base.as_of < base.last_day
    known = present and (base.has("opportunities", "closed_on") or not from_past)
    follow_ups = base.has("opportunities", "last_follow_up_on")
    if not known:
        return Book(_typed(pd.DataFrame(), base), present, False, follow_ups, 0)
    quotes = _quotes(base)
    decided = nw.col("outcome") != "open"
    undated = engine.one_row(
        quotes.filter(decided & nw.col("closed_day").is_null()).select(nw.len().alias("rows"))
    )
    still_open = quotes.filter(~decided & nw.col("closed_day").is_null())
    opened = _typed(engine.collect(_with_customers(base, still_open)), base)
    return Book(opened, present, True, follow_ups, int(undated["rows"] or 0))


def _quotes(base: CustomerBase) -> nw.LazyFrame[Any]:
    """Every visible quote with its days, and its outcome: ``won``, ``lost`` or ``open``."""
    frame = base.visible("opportunities")

    def own(name: str, missing: nw.dtypes.DType) -> nw.Expr:
        return nw.col(name) if base.has("opportunities", name) else nw.lit(None, dtype=missing)

    def day(name: str) -> nw.Expr:
        number = nw.col(f"{name}_day") if base.has("opportunities", name) else nw.lit(None)
        return number.cast(nw.Int64)

    stage = own("stage", nw.String()).str.to_lowercase()
    won = own("won", nw.Boolean())
    said_won = won.fill_null(False) | (won.is_null() & stage.is_in(_WON).fill_null(False))
    said_lost = (~won).fill_null(False) | (won.is_null() & stage.is_in(_LOST).fill_null(False))
    outcome = (
        nw.when(said_won)
        .then(nw.lit("won"))
        .otherwise(nw.when(said_lost).then(nw.lit("lost")).otherwise(nw.lit("open")))
    )
    rows = frame.select(
        *[own(name, nw.String()).cast(nw.String).alias(name) for name in _TEXTS],
        own("amount", nw.Float64()).cast(nw.Float64).alias("amount"),
        day("opened_on").alias("opened_day"),
        day("last_follow_up_on").alias("followed_day"),
        day("closed_on").alias("closed_day"),
        outcome.alias("outcome"),
    )
    return _once(rows)


def _once(rows: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """A quote listed twice is one: decided where one of its lines says so, followed up last."""
    rank = (
        nw.when(nw.col("outcome") == "won")
        .then(nw.lit(2))
        .otherwise(nw.when(nw.col("outcome") == "lost").then(nw.lit(1)).otherwise(nw.lit(0)))
    )
    once = (
        rows.with_columns(rank.alias("rank"))
        .group_by("opportunity_id")
        .agg(
            nw.col("customer_id", "prospect", "stage", "opened_day", "closed_day").min(),
            nw.col("amount", "followed_day", "rank").max(),
        )
    )
    outcome = (
        nw.when(nw.col("rank") == 2)
        .then(nw.lit("won"))
        .otherwise(nw.when(nw.col("rank") == 1).then(nw.lit("lost")).otherwise(nw.lit("open")))
    )
    return once.with_columns(outcome.alias("outcome")).drop("rank")


def _with_customers(base: CustomerBase, quotes: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Quotes with the name of their customer, its consent and the end of its account."""
    known = known_customers(base)
    if known is not None:
        wanted = [c for c in ("name", "contactable") if c in known.collect_schema().names()]
        quotes = quotes.join(known.select("customer_id", *wanted), on="customer_id", how="left")
    # The end of a quote and that of its customer's account have one name in two tables.
    return with_endings(base, quotes.drop("closed_day")).drop("is_contract")


def _typed(opened: pd.DataFrame, base: CustomerBase) -> pd.DataFrame:
    """Open quotes in pandas: whole days, dates, and flags that are never missing."""
    columns = ("amount", "opened_day", "followed_day", "closed_day", "contactable")
    table = opened.reindex(columns=[*_TEXTS, "name", *columns])
    numbers = table[list(columns)].astype(float)
    table["amount"] = numbers["amount"]
    table["banned"] = numbers["contactable"] == 0
    table["closed"] = numbers["closed_day"].notna()
    table["age_days"] = (base.as_of_day - numbers["opened_day"]).astype("Int64")
    last = numbers["followed_day"].fillna(numbers["opened_day"])
    table["days_without"] = (base.as_of_day - last).astype("Int64")
    for name, day in (("opened_on", "opened_day"), ("last_follow_up_on", "followed_day")):
        table[name] = pd.to_datetime(numbers[day], unit="D").astype("datetime64[s]")
    return table.sort_values("opportunity_id", ignore_index=True)


def past_by_age(
    base: CustomerBase, book: Book, landmarks: Sequence[int], within_days: int
) -> pd.DataFrame:
    """Past quotes still open at each age, and how many of them were won within the days given.

    One row a landmark, in their order: ``past_quotes, later_won``. Quotes opened less than age
    and days before ``as_of`` cannot be watched so long and are left out, as are those decided on
    an unknown day; undecided at the end of the days is not won.
    """
    columns = ["past_quotes", "later_won"]
    if not book.closings_known or not base.has("opportunities", "closed_on", "opened_on"):
        return pd.DataFrame(0, index=range(len(landmarks)), columns=columns)
    quotes, age = _dated(base), nw.col("closed_day") - nw.col("opened_day")
    counted = []
    for place, landmark in enumerate(landmarks):
        watched = nw.col("opened_day") + landmark + within_days <= base.as_of_day
        there = watched & (nw.col("closed_day").is_null() | (age > landmark))
        won = there & (nw.col("outcome") == "won") & (age <= landmark + within_days)
        counted += [_number(there, f"past_{place}"), _number(won, f"won_{place}")]
    found = engine.one_row(quotes.select(*counted))
    rows = [
        (int(found[f"past_{place}"] or 0), int(found[f"won_{place}"] or 0))
        for place in range(len(landmarks))
    ]
    return pd.DataFrame(rows, columns=columns)


def follow_up_outcomes(base: CustomerBase, book: Book, within_days: int) -> pd.DataFrame:
    """How quotes that could be watched for the days given ended, with and without a follow-up.

    ``group_code`` (``with``, ``without``), ``quotes, won, lost, still_open``; empty where the
    base cannot tell.
    """
    columns = ["group_code", "quotes", "won", "lost", "still_open"]
    needed = ("closed_on", "opened_on", "last_follow_up_on")
    if not book.closings_known or not base.has("opportunities", *needed):
        return pd.DataFrame(columns=columns)
    watched = nw.col("opened_day") + within_days <= base.as_of_day
    in_time = (nw.col("closed_day") - nw.col("opened_day") <= within_days).fill_null(False)
    quotes = _dated(base).filter(watched)
    without = nw.col("followed_day").is_null()
    rows = []
    for code, group in (("with", ~without), ("without", without)):
        found = engine.one_row(
            quotes.filter(group).select(
                nw.len().alias("quotes"),
                _number(in_time & (nw.col("outcome") == "won"), "won"),
                _number(in_time & (nw.col("outcome") == "lost"), "lost"),
            )
        )
        quoted, won, lost = (int(found[name] or 0) for name in ("quotes", "won", "lost"))
        rows.append((code, quoted, won, lost, quoted - won - lost))
    return pd.DataFrame(rows, columns=columns)


def _dated(base: CustomerBase) -> nw.LazyFrame[Any]:
    """Quotes of which day of opening, end and day of the end are known, or that have no end."""
    known = (nw.col("outcome") == "open") == nw.col("closed_day").is_null()
    return _quotes(base).filter(known & ~nw.col("opened_day").is_null())


def _number(test: nw.Expr, name: str) -> nw.Expr:
    return nw.when(test).then(nw.lit(1)).otherwise(nw.lit(0)).sum().cast(nw.Int64).alias(name)
