"""What snapshots are made of, collapsed once for all dates and kept in the engine.

Whoever reads these tables for a date takes what had begun by that date only. A purchase knows how
long after the one before it came, so that the customers of a date are found by adding up its rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any

import narwhals as nw

from retention_lib.base import engine
from retention_lib.base.customer_base import NET_DECIMALS, CustomerBase
from retention_lib.portfolio._signals_facts import (
    CANCELS,
    COMPLAINT,
    NEVER,
    NEWSLETTER,
    OUT,
    one_if,
    says,
)
from retention_lib.scoring.features import FEATURES

Frame = nw.LazyFrame[Any]

ALWAYS = -NEVER
"""A day number before any date."""


@dataclass(frozen=True)
class Facts:
    """The collapsed tables, good for as long as :func:`opened` is open.

    Customers are known by a whole number, ``code``, in the order of their ids. ``customers``:
    ``code, customer_id, acquired_day, shut_day`` (from which day on the account is known to be
    closed, ``NEVER`` where open) and ``contract_day`` (from which day on it is known to be a
    contract). ``purchases``: ``code, day, net, gap`` (days since the purchase before; missing for
    the first). ``refunds``: ``code, day, refund`` of days that net below zero. ``ranges``: ``code,
    day, next_day`` (on which the same range is bought again, ``NEVER`` for the last). ``contacts``:
    ``code, day, personal``; ``requests``: ``code, day``; ``complaints``: ``code, day, until``;
    ``answers``: ``code, day, score, next_day``. ``people``: ``code, people_known``. Tables that are
    missing are none. ``begins``: the first day of a table.
    """

    root: Frame
    features: tuple[str, ...]
    begins: dict[str, int | None]
    customers: Frame
    purchases: Frame
    refunds: Frame
    ranges: Frame | None = None
    contacts: Frame | None = None
    requests: Frame | None = None
    complaints: Frame | None = None
    answers: Frame | None = None
    people: Frame | None = None

    def kept(self, frame: Frame) -> AbstractContextManager[Frame]:
        """The frame worked out once, for as long as the block lasts."""
        return _kept(frame, self.root)

    def only(self, some: Callable[[Frame], Frame]) -> Facts:
        """The same facts of some customers: those whose rows ``some`` keeps."""

        def of(frame: Frame | None) -> Frame | None:
            return None if frame is None else some(frame)

        return replace(
            self,
            customers=some(self.customers),
            purchases=some(self.purchases),
            refunds=some(self.refunds),
            ranges=of(self.ranges),
            contacts=of(self.contacts),
            requests=of(self.requests),
            complaints=of(self.complaints),
            answers=of(self.answers),
            people=of(self.people),
        )


def available(base: CustomerBase) -> tuple[str, ...]:
    """Names of the features that this base can tell, in the order of the catalogue."""
    return tuple(
        feature.name
        for feature in FEATURES
        if not feature.needs or base.has(feature.needs[0], *feature.needs[1:])
    )


@contextmanager
def opened(base: CustomerBase) -> Iterator[Facts]:
    """The facts of a base, kept in its engine while the block lasts."""
    # What is kept hangs on the table it came in with: DuckDB looks through the whole ancestry of a
    # relation whenever it meets one.
    root, features = base.tables["transactions"], available(base)
    with ExitStack() as stack:

        def keep(frame: Frame | None) -> Frame | None:
            return None if frame is None else stack.enter_context(_kept(frame, root))

        customers = stack.enter_context(_kept(_customers(base), root))
        # Made of the lines and dropped as soon as the purchases are.
        with ExitStack() as passing:
            by_range = None
            if "ranges_30" in features:
                summed = _lines(base, customers, "product_range")
                by_range = passing.enter_context(_kept(summed, root))
                net = by_range.group_by("code", "day").agg(nw.col("net").sum())
            else:
                net = _lines(base, customers)
            rounded = net.with_columns(nw.col("net").round(NET_DECIMALS))
            days = passing.enter_context(_kept(rounded, root))
            purchases = stack.enter_context(_kept(_purchases(days), root))
            refunds = stack.enter_context(_kept(_refunds(days), root))
            ranges = None if by_range is None else keep(_ranges(by_range, purchases))
        asked = "asked_to_leave" in features
        complained, answered = "complaints_365" in features, "satisfaction" in features
        yield Facts(
            root=root,
            features=features,
            begins={name: _begin(base, name) for name in ("interactions", "feedback")},
            customers=customers,
            purchases=purchases,
            refunds=refunds,
            ranges=ranges,
            contacts=keep(_contacts(base, customers) if "contacts_30" in features else None),
            requests=keep(_requests(base, customers) if asked else None),
            complaints=keep(_complaints(base, customers) if complained else None),
            answers=keep(_answers(base, customers) if answered else None),
            people=keep(_people(base, customers) if "people_known" in features else None),
        )


def _kept(frame: Frame, root: Frame) -> AbstractContextManager[Frame]:
    return engine.kept(frame, outlived_by=root)


def _begin(base: CustomerBase, table: str) -> int | None:
    """The day of the first row of a table; before it nobody wrote anything down."""
    if table not in base.tables:
        return None
    first: int | None = engine.one_row(base.visible(table).select(nw.col("day").min()))["day"]
    return first


@contextmanager
def limited(facts: Facts, customer_ids: Sequence[str] | None) -> Iterator[Facts]:
    """The same facts of some customers only, or of all."""
    if customer_ids is None:
        yield facts
        return
    import pyarrow as pa

    ids = pa.table({"customer_id": pa.array(sorted(set(customer_ids)), pa.string())})
    with ExitStack() as stack:
        asked = stack.enter_context(engine.lent(ids, facts.root))
        codes = facts.customers.join(asked, on="customer_id", how="inner").select("code")
        codes = stack.enter_context(facts.kept(codes))

        def some(frame: Frame) -> Frame:
            return stack.enter_context(facts.kept(frame.join(codes, on="code", how="inner")))

        yield facts.only(some)


def _customers(base: CustomerBase) -> Frame:
    ids = base.visible("transactions").group_by("customer_id").agg(nw.len().alias("lines"))
    number = nw.col("one").cum_sum().over(order_by="customer_id")
    coded = ids.select("customer_id", nw.lit(1).alias("one")).select(
        "customer_id", (number - 1).cast(nw.Int32).alias("code")
    )
    never, no_day = nw.lit(NEVER), nw.lit(None, dtype=nw.Int64)
    if "customers" not in base.tables:
        return coded.with_columns(
            no_day.alias("acquired_day"), never.alias("shut_day"), never.alias("contract_day")
        )
    acquired = nw.col("acquired_on_day") if base.has("customers", "acquired_on") else no_day
    closed = nw.col("closed_on_day") if base.has("customers", "closed_on") else no_day
    flag = nw.col("is_contract") if base.has("customers", "is_contract") else nw.lit(False)
    # A row of the table is known from the day that the customer was acquired.
    since = acquired.fill_null(ALWAYS)
    told = base.visible("customers").select(
        "customer_id",
        acquired.cast(nw.Int64).alias("acquired_day"),
        nw.when(closed < since).then(since).otherwise(closed).fill_null(NEVER).alias("shut_day"),
        nw.when(flag).then(since).otherwise(never).fill_null(NEVER).alias("contract_day"),
    )
    # Of a customer listed twice the earliest holds.
    once = told.group_by("customer_id").agg(
        nw.col("acquired_day", "shut_day", "contract_day").min().cast(nw.Int64)
    )
    return coded.join(once, on="customer_id", how="left").with_columns(
        nw.col("shut_day", "contract_day").fill_null(NEVER)
    )


def _with_code(frame: Frame, customers: Frame) -> Frame:
    ids = customers.select("customer_id", "code")
    return frame.join(ids, on="customer_id", how="inner").drop("customer_id")


def _lines(base: CustomerBase, customers: Frame, *by: str) -> Frame:
    """The lines added up by customer and day, and by what else is named."""
    lines = base.visible("transactions").select(
        "customer_id", nw.col("day").cast(nw.Int32), nw.col("amount").alias("net"), *by
    )
    return _with_code(lines, customers).group_by("code", "day", *by).agg(nw.col("net").sum())


def _purchases(days: Frame) -> Frame:
    """The days that net to more than nothing, each with how long after the last one it came."""
    day = nw.col("day")
    # One window and no more: sorting the purchases is the dearest step of all.
    gap = day - day.shift(1).over("code", order_by="day")
    return days.filter(nw.col("net") > 0).select("code", "day", "net", gap.alias("gap"))


def _refunds(days: Frame) -> Frame:
    lost = days.filter(nw.col("net") < 0)
    return lost.select("code", "day", (-nw.col("net")).alias("refund"))


def _ranges(by_range: Frame, purchases: Frame) -> Frame:
    """The days on which a range was bought, and the next on which it is bought again."""
    bought = by_range.filter(
        ~nw.col("product_range").is_null(), nw.col("net").round(NET_DECIMALS) > 0
    ).select("code", "day", "product_range")
    on_purchases = bought.join(purchases.select("code", "day"), on=["code", "day"], how="inner")
    after = nw.col("day").shift(-1).over("code", "product_range", order_by="day")
    return on_purchases.select("code", "day", after.fill_null(NEVER).alias("next_day"))


def _contacts(base: CustomerBase, customers: Frame) -> Frame:
    """Contacts made by the company, and whether more than a newsletter."""
    frame = base.visible("interactions")
    if base.has("interactions", "direction"):
        frame = frame.filter(says("direction", OUT))
    personal = nw.lit(1)
    if base.has("interactions", "kind"):
        frame = frame.filter(~says("kind", CANCELS))
        personal = one_if(~says("kind", NEWSLETTER))
    return _with_code(frame.select("customer_id", "day", personal.alias("personal")), customers)


def _requests(base: CustomerBase, customers: Frame) -> Frame:
    frame = base.visible("interactions").filter(says("kind", CANCELS))
    if base.has("interactions", "direction"):
        frame = frame.filter(~says("direction", OUT))
    return _with_code(frame.select("customer_id", "day"), customers)


def _complaints(base: CustomerBase, customers: Frame) -> Frame:
    dated = base.has("feedback", "resolved_on")
    until = nw.col("resolved_on_day").fill_null(NEVER) if dated else nw.lit(NEVER)
    frame = base.visible("feedback").filter(says("kind", COMPLAINT))
    return _with_code(frame.select("customer_id", "day", until.alias("until")), customers)


def _answers(base: CustomerBase, customers: Frame) -> Frame:
    """Scores given, of several on one day the worst, and the day of the next."""
    score = nw.col("score")
    frame = base.visible("feedback").filter((score >= 0) & (score <= 10))
    if base.has("feedback", "kind"):
        frame = frame.filter(~says("kind", COMPLAINT))
    coded = _with_code(frame.select("customer_id", "day", "score"), customers)
    worst = coded.group_by("code", "day").agg(nw.col("score").min())
    after = nw.col("day").shift(-1).over("code", order_by="day")
    return worst.with_columns(after.fill_null(NEVER).alias("next_day"))


def _people(base: CustomerBase, customers: Frame) -> Frame:
    once = base.visible("people").group_by("customer_id", "person_id").agg(nw.len().alias("rows"))
    counted = once.group_by("customer_id").agg(nw.len().alias("people_known"))
    return _with_code(counted, customers)
