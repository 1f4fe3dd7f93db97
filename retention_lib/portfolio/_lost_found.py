"""Who was lost between two days, and what they bought in their last year.

The ledger's own definition: active at the start, not active at the end. Shared by the list of
the lost and by what replaces them. The transactions are read once; from them comes one row a
customer, and everything else is said of that.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import narwhals as nw
import numpy as np

from retention_lib.base import engine
from retention_lib.base.customer_base import NET_DECIMALS, CustomerBase
from retention_lib.portfolio._beginnings import first_day, seen_from
from retention_lib.portfolio._lost_value import Carry, measure_carry
from retention_lib.portfolio.activity import with_endings
from retention_lib.portfolio.calendar_periods import months_before
from retention_lib.portfolio.money import MarginBasis, margin_basis

if TYPE_CHECKING:
    import pandas as pd

YEAR = 365
"""Days of the year before a last purchase, and of the year after."""
MOST_MONTHS = 600
_FACTS = {"name": "name", "acquired_on": "acquired_on_day", "closure_reason": "closure_reason"}


@dataclass(frozen=True)
class Losses:
    """Who was lost, and what that is judged by.

    ``people``: every customer with a purchase, sorted by ``customer_id``: ``first_day, last_day,
    closed_day, is_contract, active, opened`` (active at the start), ``acquired_on_day`` where the
    base knows it, and ``first_year`` (value of the 365 days from the first purchase on).
    ``lost``: those ``opened`` and not ``active``, with ``lost_day, purchases`` (in the year up to
    the last one), ``annual_revenue, annual_margin, annual`` (the one that counts), ``name`` and
    ``closure_reason`` as far as the base knows them.
    """

    people: pd.DataFrame
    lost: pd.DataFrame
    start: date
    months: int
    first_day: int
    basis: MarginBasis
    carry: Carry
    window: int

    @property
    def opening(self) -> int:
        """How many were active at the start."""
        return int(self.people["opened"].sum())

    @property
    def passed_through(self) -> int:
        """How many first bought after the start and are not active any more."""
        came = self.people["first_day"] > engine.day_number(self.start)
        return int((came & ~self.people["active"]).sum())

    @property
    def whole(self) -> bool:
        """Whether all who were active at the start can be seen: the file begins early enough."""
        return self.first_day <= engine.day_number(self.start) - self.window + 1

    @property
    def seen(self) -> bool:
        """Whether the file reaches back to the start at all."""
        return self.first_day <= engine.day_number(self.start)


def find_losses(base: CustomerBase, months: int) -> Losses:
    """Who was active so many months ago and is not now, with the values of the last year."""
    start, reference = months_before(base.as_of, months), months_before(base.as_of, 12)
    basis = margin_basis(base)
    with engine.kept(_days(base, basis)) as days:
        earliest = int(engine.one_row(days.select(nw.col("day").min()))["day"])
        people = _measure(base, days, start, reference, earliest)
    begins = seen_from(first_day(base))
    _judge(people, base, start, reference)
    if not basis.known:
        people["annual_margin"] = np.nan
    kind = "margin" if basis.known else "revenue"
    people["annual"] = people[f"annual_{kind}"]
    people["first_year"] = people[f"first_year_{kind}"]
    people = people.merge(_facts(base), on="customer_id", how="left")
    lost = people[people["opened"] & ~people["active"]].reset_index(drop=True)
    lost["lost_day"] = _lost_day(lost, base.activity_window_days)
    # A contract can outlast the last purchase by years: nothing of that was lost with it.
    idle = lost["lost_day"] - lost["last_day"] > max(YEAR, base.activity_window_days)
    lost["annual"] = lost["annual"].mask(idle, 0.0)
    return Losses(
        people,
        lost,
        start=start,
        months=months,
        first_day=begins,
        basis=basis,
        carry=_carry(people, kind, begins),
        window=base.activity_window_days,
    )


def _days(base: CustomerBase, basis: MarginBasis) -> nw.LazyFrame[Any]:
    """One row a customer and day: what it bought, net, and the margin on it."""
    lines = base.visible("transactions")
    columns = ["customer_id", "day", "amount"]
    sums = [nw.col("amount").sum().round(NET_DECIMALS).alias("net")]
    if basis.known:
        lines = lines.with_columns(basis.expression().alias("earned"))
        columns.append("earned")
        sums.append(nw.col("earned").sum().round(NET_DECIMALS).alias("margin"))
    days = lines.select(*columns).group_by("customer_id", "day").agg(*sums)
    return days if basis.known else days.with_columns(nw.lit(0.0).alias("margin"))


def _measure(
    base: CustomerBase, days: nw.LazyFrame[Any], start: date, reference: date, earliest: int
) -> pd.DataFrame:
    """One row a customer with a purchase: its days, as of each date, and its years."""
    day, bought = nw.col("day"), nw.col("net") > 0
    marks = {"opening_last_day": start, "reference_last_day": reference}
    ends = days.filter(bought).select(
        "customer_id",
        day.alias("first_day"),
        day.alias("last_day"),
        *[
            nw.when(day <= engine.day_number(on)).then(day).alias(name)
            for name, on in marks.items()
        ],
    )
    ends = ends.group_by("customer_id").agg(
        nw.col("first_day").min(), nw.col("last_day").max(), nw.col(*marks).max()
    )
    ends = with_endings(base, ends)
    if engine.day_number(start) >= earliest:
        known = ends.select("customer_id")
        then = with_endings(base.at(start), known).rename(
            {"closed_day": "opening_closed_day", "is_contract": "opening_contract"}
        )
        ends = ends.join(then, on="customer_id", how="left")
    with engine.kept(ends) as people:
        frame = engine.collect(people)
        years = engine.collect(_years(days, people.select("customer_id", *_MARKS)))
    frame = frame.merge(years, on="customer_id").sort_values("customer_id", ignore_index=True)
    for name in ("first_day", "last_day"):
        frame[name] = frame[name].astype("int64")
    for name in frame.columns.intersection(["closed_day", "opening_closed_day", *marks]):
        frame[name] = frame[name].astype("Int64")
    money = [name for name in frame if str(name).endswith(("_revenue", "_margin"))]
    frame[money] = frame[money].to_numpy(dtype=float).round(2) + 0.0
    return frame


_MARKS = ("first_day", "last_day", "reference_last_day")


def _years(days: nw.LazyFrame[Any], marks: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """What each customer bought in the year up to its last purchase, and in three others.

    Before and after its last purchase as of the reference day, and from its first purchase on.
    Refunds after the last purchase are taken off its year.
    """
    day, first = nw.col("day"), nw.col("first_day")
    last, anchor = nw.col("last_day"), nw.col("reference_last_day")
    spans = {
        "annual": day > last - YEAR,
        "before": (day > anchor - YEAR) & (day <= anchor),
        "after": (day > anchor) & (day <= anchor + YEAR),
        "first_year": (day >= first) & (day < first + YEAR),
    }
    values = {"revenue": nw.col("net"), "margin": nw.col("margin").fill_null(0.0)}
    sums = {f"{span}_{kind}": (span, kind) for span in spans for kind in values}
    rows = days.join(marks, on="customer_id", how="inner").select(
        "customer_id",
        *[
            nw.when(spans[span] & (nw.col("net") > 0))
            .then(nw.lit(1))
            .otherwise(nw.lit(0))
            .alias(name)
            for name, span in (("purchases", "annual"), ("purchases_before", "before"))
        ],
        *[
            nw.when(spans[span]).then(values[kind]).otherwise(nw.lit(0.0)).alias(name)
            for name, (span, kind) in sums.items()
        ],
    )
    return rows.group_by("customer_id").agg(
        nw.col("purchases", "purchases_before").sum().cast(nw.Int64),
        nw.col(*sums).sum().round(NET_DECIMALS),
    )


def _judge(people: pd.DataFrame, base: CustomerBase, start: date, reference: date) -> None:
    """Add who is active, who was at the start (``opened``), and who stayed since the reference.

    What :func:`standing` says of each of these days, from days worked out once for all of them.
    """
    window = base.activity_window_days

    def active(last: str, on: date, closed: str, contract: str) -> Any:
        bought = (people[last] > engine.day_number(on) - window).fillna(False).astype(bool)
        kept = people[last].notna() & people[contract].fillna(False).astype(bool)
        return (bought | kept) & people[closed].isna()

    people["active"] = active("last_day", base.as_of, "closed_day", "is_contract")
    if "opening_closed_day" in people:
        names = ("opening_last_day", start, "opening_closed_day", "opening_contract")
        people["opened"] = active(*names)
    else:
        people["opened"] = False
    # Whoever is not closed now was not closed then.
    earlier = active("reference_last_day", reference, "closed_day", "is_contract")
    people["stayed"] = people["active"] & earlier


def _lost_day(frame: pd.DataFrame, window: int) -> Any:
    """The first day on which a customer no longer counted as active."""
    silent = (frame["last_day"] + window).astype("Int64")
    # A contract is kept by being open, not by buying.
    silent = silent.mask(frame["is_contract"].astype(bool) & frame["closed_day"].notna())
    closed = frame["closed_day"]
    return closed.where(silent.isna() | (closed < silent).fillna(False), silent).astype("int64")


def _facts(base: CustomerBase) -> pd.DataFrame:
    """Name, day of acquisition and recorded reason, one row a customer, as far as known."""
    import pandas as pd

    asked = [column for name, column in _FACTS.items() if base.has("customers", name)]
    if not asked:
        return pd.DataFrame({"customer_id": pd.Series(dtype="str")})
    frame = engine.collect(base.visible("customers").select("customer_id", *asked))
    # Listed twice: what is filled in first in the alphabet, so that every engine tells the same.
    ordered = frame.sort_values(["customer_id", *asked], ignore_index=True)
    return ordered.groupby("customer_id", as_index=False).first()


def _carry(people: pd.DataFrame, kind: str, begins: int) -> Carry:
    """The year after against the year before a purchase, among those who stayed."""
    # Only who shows a whole year before: a year cut by the beginning of the file is no year.
    whole = (people["reference_last_day"] >= begins + YEAR - 1).fillna(False).astype(bool)
    stayers = people[people["stayed"] & whole]
    return measure_carry(
        stayers[f"before_{kind}"].to_numpy(dtype=float),
        stayers[f"after_{kind}"].to_numpy(dtype=float),
        stayers["purchases_before"].to_numpy(dtype=np.int64),
    )
