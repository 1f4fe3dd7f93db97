"""What the warning signs look at, kept in the engine: purchases, ranges, contacts, feedback.

Collapsed once for all the days that are asked about. Whoever reads these tables for a day takes
the rows up to that day only, and treats what ended later as still open.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any

import narwhals as nw

from retention_lib.base import engine
from retention_lib.base.customer_base import NET_DECIMALS, CustomerBase
from retention_lib.portfolio._signals_settings import SignalSettings, available
from retention_lib.portfolio.activity import with_endings
from retention_lib.portfolio.money import margin_basis

Frame = nw.LazyFrame[Any]

NEVER = 10**7
"""A day number later than any date."""

SAMPLE = 10_000
"""What the past says is counted on at most about so many customers: twelve dates of each are
plenty, and a base of ten million lines stays quick."""

OUT = r"(?i)^\s*(o|out|outbound|outgoing|sent|sortante?s?|envoy[ée]e?s?|[ée]mise?s?)\s*$"
NEWSLETTER = r"(?i)news.?letter|lettre.d.info|infolettre|e?mailing.automatique"
CANCELS = (
    r"(?i)cancel|terminat|r[ée]sili|d[ée]nonc|annulation.d.abonnement|"
    r"(cl[ôo]ture|fermeture).(de|du).(compte|contrat)"
)
COMPLAINT = r"(?i)complain|claim|plainte|r[ée]clam|litige|dispute|insatisf|m[ée]content"


def says(column: str, pattern: str) -> nw.Expr:
    """Whether a text matches a pattern; a missing one does not."""
    return nw.col(column).str.contains(pattern).fill_null(False)


def one_if(test: nw.Expr) -> nw.Expr:
    """1 where the test holds, else 0, a missing answer being no."""
    return nw.when(test).then(nw.lit(1)).otherwise(nw.lit(0))


@dataclass(frozen=True)
class Facts:
    """The collapsed tables, good for as long as :func:`opened` is open.

    Customers are known by a whole number, ``code``, which engines handle quicker than a text.
    ``customers``: ``code, customer_id, closed_day, is_contract, no_contact``. ``lines``: sums by
    ``code, day`` and range, of ``net`` and of ``worth`` (margin where known). ``purchases``:
    ``code, day, net, log_net, gap`` (days since the purchase before, missing for the first) and
    ``place`` (1 for the first). ``ranges``: ``code, product_range, day, place``. ``contacts``,
    ``feedback`` and ``requests`` have a ``code`` and a ``day``. Tables that are missing are none.
    """

    root: Frame
    settings: SignalSettings
    window_days: int
    codes: tuple[str, ...]
    first_day: int | None
    one_in: int
    """Past dates are looked at for one customer in so many."""
    customers: Frame
    lines: Frame
    purchases: Frame
    ranges: Frame | None
    contacts: Frame | None
    contacts_since: int | None
    feedback: Frame | None
    requests: Frame | None

    def kept(self, frame: Frame) -> AbstractContextManager[Frame]:
        """The frame worked out once, for as long as the block lasts."""
        return engine.kept(frame, outlived_by=self.root)

    def limited(self, keep: Callable[[Frame], Frame]) -> Facts:
        """The same facts of some customers only: those whose rows ``keep`` keeps."""

        def some(frame: Frame | None) -> Frame | None:
            return None if frame is None else keep(frame)

        return replace(
            self,
            purchases=keep(self.purchases),
            ranges=some(self.ranges),
            contacts=some(self.contacts),
            feedback=some(self.feedback),
            requests=some(self.requests),
        )

    def only(self, codes: Iterable[str]) -> Facts:
        """The same facts for signs that need nothing but the purchases."""
        return replace(
            self, codes=tuple(codes), ranges=None, contacts=None, feedback=None, requests=None
        )

    def sample(self) -> Facts:
        """Every customer, or of a large base one in so many, in the order of their ids."""
        if self.one_in == 1:
            return self
        return self.limited(lambda frame: frame.filter(nw.col("code") % self.one_in == 0))


@contextmanager
def opened(base: CustomerBase, settings: SignalSettings) -> Iterator[Facts]:
    """The facts of a base, kept in its engine while the block lasts."""
    codes = available(base)
    # What is kept hangs on the table it came in with: DuckDB looks through the whole ancestry of a
    # relation whenever it meets one.
    root = base.tables["transactions"]
    with ExitStack() as stack:

        def keep(frame: Frame) -> Frame:
            return stack.enter_context(engine.kept(frame, outlived_by=root))

        customers = keep(_customers(base))
        lines = keep(_lines(base, customers, "range_abandoned" in codes))
        purchases = keep(_purchases(lines))
        ranges = keep(_ranges(lines, purchases)) if "range_abandoned" in codes else None
        contacts = keep(_contacts(base, customers, settings)) if "neglected" in codes else None
        feedback = keep(_feedback(base, customers)) if "unhappy" in codes else None
        requests = keep(_requests(base, customers)) if "leaving_spoken" in codes else None
        since = None
        if contacts is not None:
            since = engine.one_row(contacts.select(nw.col("day").min()))["day"]
        count = engine.one_row(customers.select(nw.len().alias("count")))["count"]
        yield Facts(
            root=root,
            settings=settings,
            window_days=base.activity_window_days,
            codes=codes,
            first_day=engine.one_row(purchases.select(nw.col("day").min()))["day"],
            one_in=-(-count // SAMPLE),
            customers=customers,
            lines=lines,
            purchases=purchases,
            ranges=ranges,
            contacts=contacts,
            contacts_since=since,
            feedback=feedback,
            requests=requests,
        )


def _customers(base: CustomerBase) -> Frame:
    ids = base.visible("transactions").group_by("customer_id").agg(nw.len().alias("lines"))
    number = nw.col("one").cum_sum().over(order_by="customer_id")
    coded = ids.select("customer_id", nw.lit(1).alias("one")).select(
        "customer_id", (number - 1).cast(nw.Int64).alias("code")
    )
    known = with_endings(base, coded).with_columns(nw.col("closed_day").fill_null(NEVER))
    if not base.has("customers", "contactable"):
        return known.with_columns(nw.lit(0).alias("no_contact"))
    told = base.visible("customers").select(
        "customer_id", one_if(~nw.col("contactable").fill_null(True)).alias("no_contact")
    )
    refused = told.group_by("customer_id").agg(nw.col("no_contact").max())
    joined = known.join(refused, on="customer_id", how="left")
    return joined.with_columns(nw.col("no_contact").fill_null(0))


def _with_code(frame: Frame, customers: Frame) -> Frame:
    ids = customers.select("customer_id", "code")
    return frame.join(ids, on="customer_id", how="inner").drop("customer_id")


def _lines(base: CustomerBase, customers: Frame, with_range: bool) -> Frame:
    """Sums of the lines by customer and day, and by range where there are ranges."""
    extra = ["product_range"] if with_range else []
    basis = margin_basis(base)
    worth = basis.expression() if basis.known else nw.col("amount")
    lines = base.visible("transactions").select(
        "customer_id", "day", nw.col("amount").alias("net"), worth.alias("worth"), *extra
    )
    coded = _with_code(lines, customers)
    return coded.group_by("code", "day", *extra).agg(nw.col("net", "worth").sum())


def _purchases(lines: Frame) -> Frame:
    days = lines.group_by("code", "day").agg(nw.col("net").sum().round(NET_DECIMALS))
    bought = days.filter(nw.col("net") > 0).with_columns(nw.lit(1).alias("one"))
    before = nw.col("day").shift(1).over("code", order_by="day")
    place = nw.col("one").cum_sum().over("code", order_by="day")
    return bought.select(
        "code",
        "day",
        "net",
        nw.col("net").log().alias("log_net"),
        (nw.col("day") - before).alias("gap"),
        place.cast(nw.Int64).alias("place"),
    )


def _ranges(lines: Frame, purchases: Frame) -> Frame:
    """The purchases in which a range was bought, by customer, range and day."""
    bought = lines.filter(
        ~nw.col("product_range").is_null(), nw.col("net").round(NET_DECIMALS) > 0
    ).drop("net", "worth")
    places = purchases.select("code", "day", "place")
    return bought.join(places, on=["code", "day"], how="inner")


def _contacts(base: CustomerBase, customers: Frame, settings: SignalSettings) -> Frame:
    frame = base.visible("interactions").filter(says("direction", OUT))
    if not settings.newsletters_count and base.has("interactions", "kind"):
        frame = frame.filter(~says("kind", NEWSLETTER))
    return _with_code(frame.select("customer_id", "day"), customers)


def _requests(base: CustomerBase, customers: Frame) -> Frame:
    frame = base.visible("interactions").filter(says("kind", CANCELS))
    if base.has("interactions", "direction"):
        frame = frame.filter(~says("direction", OUT))
    return _with_code(frame.select("customer_id", "day"), customers)


def _feedback(base: CustomerBase, customers: Frame) -> Frame:
    """Complaints with the day of their resolution, and answers with their score."""
    nothing = nw.lit(None, dtype=nw.Float64)
    score = nw.col("score") if base.has("feedback", "score") else nothing
    complains = says("kind", COMPLAINT) if base.has("feedback", "kind") else score.is_null()
    resolved = nw.col("resolved_on_day") if base.has("feedback", "resolved_on") else nw.lit(NEVER)
    usable = (score >= 0) & (score <= 10)
    frame = base.visible("feedback").select(
        "customer_id",
        "day",
        nw.when(complains).then(resolved.fill_null(NEVER)).alias("complaint_until"),
        nw.when(usable & ~complains).then(score).alias("score"),
    )
    return _with_code(frame, customers)
