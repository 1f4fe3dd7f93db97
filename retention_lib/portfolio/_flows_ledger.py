"""The ledger itself: who was active at the end of each period, and what became of them.

A purchase keeps a customer active from its day to the day before it leaves the activity window.
So a customer's standing changes only in the periods in which one of its days comes in or drops
out, and it is enough to add up those changes: nothing is expanded to customers times periods.
Money is counted in whole cents a customer and boundary, so that every sum closes exactly.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from operator import add
from typing import TYPE_CHECKING, Any

import narwhals as nw
import numpy as np

from retention_lib.base import engine
from retention_lib.base.customer_base import NET_DECIMALS, CustomerBase
from retention_lib.portfolio._flows_periods import Span

if TYPE_CHECKING:
    import pandas as pd

CENTS = 100
_PARTS = 10**NET_DECIMALS // CENTS
"""How many parts a cent has in what a day nets to; sums of whole parts are exact."""
_MOST_CENTS = 10.0**16
"""Beyond, an amount is a fault of the data, and no whole number holds the sum of many."""
_ALWAYS = -(10**6)
"""A day before every other one."""

_CHANGES = ("purchases", "parts", "entered", "entered_parts", "contract", "closed", "known")
FLOWS = ("new", "won_back", "lost", "grown", "shrunk", "passed_through", "reappeared")
"""What the ledger counts in customers and in cents, besides who is there."""


def known_facts(base: CustomerBase) -> nw.LazyFrame[Any] | None:
    """What the customers table tells of beginnings and ends, one row a customer.

    ``customer_id``, ``closed_day`` (the account counts as closed from that day on),
    ``contract_day`` (a contract from then on) and ``acquired_day``; missing where nobody knows,
    and ``None`` where the base tells none of them. A row becomes known on the day the customer
    was acquired, so an end or a contract holds from that day at the earliest. Of a customer
    listed twice the earliest days hold.
    """
    names = ("closed_on", "is_contract", "acquired_on")
    if not any(base.has("customers", name) for name in names):
        return None
    closed, contract, acquired = (base.has("customers", name) for name in names)
    no_day = nw.lit(None, dtype=nw.Int64)
    acquired_day = nw.col("acquired_on_day").cast(nw.Int64) if acquired else no_day
    closed_day = nw.col("closed_on_day").cast(nw.Int64) if closed else no_day
    flag = nw.col("is_contract").cast(nw.Boolean) if contract else nw.lit(False)
    known = base.visible("customers").select(
        "customer_id",
        nw.when(acquired_day > closed_day)
        .then(acquired_day)
        .otherwise(closed_day)
        .alias("closed_day"),
        nw.when(flag).then(acquired_day.fill_null(_ALWAYS)).alias("contract_day"),
        acquired_day.alias("acquired_day"),
    )
    return known.group_by("customer_id").agg(
        nw.col("closed_day", "contract_day", "acquired_day").min()
    )


def keep_ledger(base: CustomerBase, span: Span) -> pd.DataFrame:
    """One row a complete period, with how many customers and whole cents each flow moved.

    Columns: ``number`` of the period, ``opening``, ``closing`` and :data:`FLOWS`, each also with
    ``_cents`` (for ``grown`` and ``shrunk`` the customers are those whose revenue moved).
    ``reappeared`` are those of ``won_back`` seen for the first time though acquired before the
    table begins.
    """
    import pandas as pd

    if not span.count:
        return pd.DataFrame({"number": pd.Series(dtype="int64")})
    with engine.kept(_days(base, span)) as days:
        changes = nw.concat([*_comings_and_goings(days), *_from_facts(base, span)])
        counted = engine.collect(_flows(changes, span.count))
    counted = counted.set_index("place").reindex(range(span.count + 1), fill_value=0)
    counted = counted.fillna(0).astype("int64")
    ledger = counted.loc[1:, [name for flow in FLOWS for name in (flow, f"{flow}_cents")]]
    ledger.insert(0, "number", np.arange(span.first, span.last + 1))
    for unit in ("", "_cents"):
        # What is active at the first boundary came in there, from before the first period.
        came = counted[f"new{unit}"] + counted[f"won_back{unit}"] - counted[f"lost{unit}"]
        if unit:
            came = came + counted["grown_cents"] - counted["shrunk_cents"]
        level = came.cumsum().to_numpy()
        ledger[f"opening{unit}"], ledger[f"closing{unit}"] = level[:-1], level[1:]
    return ledger.reset_index(drop=True)


def count_after_closing(base: CustomerBase) -> tuple[int, int]:
    """How many purchases lie after the account's end, and of how many customers."""
    facts = known_facts(base) if base.has("customers", "closed_on") else None
    if facts is None:
        return 0, 0
    ended = facts.filter(~nw.col("closed_day").is_null()).select("customer_id", "closed_day")
    lines = base.visible("transactions").join(ended, on="customer_id", how="inner")
    late = lines.filter(nw.col("day") > nw.col("closed_day"))
    days = late.group_by("customer_id", "day").agg(nw.col("amount").sum().round(NET_DECIMALS))
    bought = days.filter(nw.col("amount") > 0).group_by("customer_id").agg(nw.len().alias("n"))
    found = engine.one_row(bought.select(nw.col("n").sum().alias("n"), nw.len().alias("who")))
    return int(found["n"] or 0), int(found["who"] or 0)


def _days(base: CustomerBase, span: Span) -> nw.LazyFrame[Any]:
    """Customers' days, summed by the boundary they come in at and the one they are gone at."""
    ends = span.boundaries
    calendar = (
        base.visible("transactions")
        .select("day")
        .unique()
        .with_columns(
            _place(nw.col("day"), ends).alias("enter"),
            _place(nw.col("day") + span.window_days, ends).alias("leave"),
        )
    )
    bought = nw.when(nw.col("net") > 0).then(nw.lit(1.0)).otherwise(nw.lit(0.0))
    return (
        base.customer_days()
        .filter(nw.col("day") <= ends[-1])
        .join(calendar, on="day", how="inner")
        .select(
            "customer_id",
            "enter",
            "leave",
            bought.alias("purchases"),
            (nw.col("net") * _PARTS * CENTS).round(0).alias("parts"),
        )
        .group_by("customer_id", "enter", "leave")
        .agg(nw.col("purchases", "parts").sum())
    )


def _place(day: nw.Expr, boundaries: Sequence[int]) -> nw.Expr:
    """The first boundary on or after a day: how many lie before it."""
    passed = [nw.when(day > end).then(nw.lit(1)).otherwise(nw.lit(0)) for end in boundaries]
    # Sums of sums: engines bound how deep an expression may be.
    sums = [reduce(add, passed[start : start + 32]) for start in range(0, len(passed), 32)]
    return reduce(add, sums).cast(nw.Int64)


def _change(place: nw.Expr, **changes: nw.Expr) -> list[Any]:
    given = {name: changes.get(name, nw.lit(0.0)) for name in _CHANGES}
    return [
        "customer_id",
        place.alias("place"),
        *(change.cast(nw.Float64).alias(name) for name, change in given.items()),
    ]


def _comings_and_goings(days: nw.LazyFrame[Any]) -> list[nw.LazyFrame[Any]]:
    bought, parts = nw.col("purchases"), nw.col("parts")
    coming = _change(
        nw.col("enter"), purchases=bought, parts=parts, entered=bought, entered_parts=parts
    )
    going = _change(nw.col("leave"), purchases=-bought, parts=-parts)
    return [days.select(*coming), days.select(*going)]


def _from_facts(base: CustomerBase, span: Span) -> list[nw.LazyFrame[Any]]:
    """Contracts that begin, accounts that close, customers known from before the table begins."""
    facts = known_facts(base)
    if facts is None:
        return []
    once = nw.lit(1.0)
    found = []
    for name, column in (("contract", "is_contract"), ("closed", "closed_on")):
        if base.has("customers", column):
            day = nw.col(f"{name}_day")
            place = _place(day, span.boundaries)
            found.append(facts.filter(~day.is_null()).select(*_change(place, **{name: once})))
    if base.has("customers", "acquired_on"):
        earlier = facts.filter((nw.col("acquired_day") < span.seen_from).fill_null(False))
        found.append(earlier.select(*_change(nw.lit(0).cast(nw.Int64), known=once)))
    return found


def _flows(changes: nw.LazyFrame[Any], periods: int) -> nw.LazyFrame[Any]:
    """Changes of customers' standing, classified and summed by boundary."""
    by_place = (
        changes.filter(nw.col("place") <= periods)
        .group_by("customer_id", "place")
        .agg(nw.col(*_CHANGES).sum())
    )
    so_far = [
        nw.col(name).cum_sum().over("customer_id", order_by="place").alias(f"{name}_now")
        for name in ("purchases", "parts", "entered", "contract", "closed", "known")
    ]
    stood = by_place.with_columns(*so_far).with_columns(
        *(
            (nw.col(f"{name}_now") - nw.col(name)).alias(f"{name}_was")
            for name in ("purchases", "parts", "entered", "contract", "closed")
        )
    )
    counted = stood.with_columns(
        _active("was").alias("was"),
        _active("now").alias("now"),
        _cents(nw.col("parts_was")).alias("had"),
        _cents(nw.col("parts_now")).alias("has"),
        _cents(nw.col("entered_parts")).alias("brought"),
        ((nw.col("entered") > 0) & (nw.col("entered_was") == 0)).alias("first"),
        (nw.col("known_now") > 0).alias("old"),
    )
    return counted.group_by("place").agg(
        *(_summed(test, nw.lit(1.0), name) for name, (test, _) in _classes().items()),
        *(_summed(test, cents, f"{name}_cents") for name, (test, cents) in _classes().items()),
    )


def _active(when: str) -> nw.Expr:
    """A purchase in the window, or a contract after a first purchase; in either case not closed."""
    held = (nw.col(f"contract_{when}") > 0) & (nw.col(f"entered_{when}") > 0)
    return ((nw.col(f"purchases_{when}") > 0) | held) & (nw.col(f"closed_{when}") == 0)


def _cents(parts: nw.Expr) -> nw.Expr:
    # Half up: engines round halves in ways of their own.
    cents: nw.Expr = ((parts + _PARTS / 2) / _PARTS).floor()
    return cents.clip(-_MOST_CENTS, _MOST_CENTS)


def _classes() -> dict[str, tuple[nw.Expr, nw.Expr]]:
    """Each flow: the test that a customer must pass, and the cents it then moves."""
    was, now, had, has = (nw.col(name) for name in ("was", "now", "had", "has"))
    first, old = nw.col("first"), nw.col("old")
    return {
        "new": (~was & now & first & ~old, has),
        "won_back": (~was & now & ~(first & ~old), has),
        "lost": (was & ~now, had),
        "grown": (was & now & (has > had), has - had),
        "shrunk": (was & now & (has < had), had - has),
        "passed_through": (~was & ~now & first, nw.col("brought")),
        "reappeared": (~was & now & first & old, has),
    }


def _summed(test: nw.Expr, amount: nw.Expr, name: str) -> nw.Expr:
    return nw.when(test).then(amount).otherwise(nw.lit(0.0)).sum().cast(nw.Int64).alias(name)
