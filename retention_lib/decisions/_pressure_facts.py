"""What customers did after having been contacted so often, counted in the engine.

History is cut into stretches of 30 days, counted back from 90 days before ``as_of``. The day that
closes a stretch is one look at every customer: how often it was contacted in the stretch, and
what it did afterwards. Opt-outs are counted contact by contact, for they answer the last one.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

import narwhals as nw
import numpy as np

from retention_lib.base import engine
from retention_lib.base.customer_base import CustomerBase
from retention_lib.decisions._pressure_contacts import opt_outs
from retention_lib.portfolio._signals_facts import CANCELS, COMPLAINT, NEVER, one_if, says
from retention_lib.portfolio.activity import with_endings
from retention_lib.portfolio.rfm import cut_points

if TYPE_CHECKING:
    import pandas as pd

Frame = nw.LazyFrame[Any]
Keep = Callable[[Frame], Frame]
Lend = Callable[["pd.DataFrame"], Frame]

STRETCH = 30
"""Contacts are counted in so many days."""
MOST = 6
"""That many contacts in 30 days or more are one case."""
AFTER = 90
"""Purchases are looked for in so many days afterwards."""
DATES = 36
"""At most so many looks back: three years."""
SAMPLE = 100_000
"""Beyond so many customers one in two, three, … is looked at."""
EVERYBODY = ""
UNKNOWN = "?"
"""The segment of all customers together."""
TRAITS = ("size", "sector", "region")
VALUE = "value"
BANDS = ("value_low", "value_middle", "value_high")

OUTCOMES = {"bought_30": "looks", "bought_90": "looks", "lost": "looks_lost"}
"""What is looked for after a look, and the number of looks it is a share of."""


@dataclass(frozen=True)
class PressureFacts:
    """Sums by segment and cell; a cell is ``=3`` (so many contacts) or ``<3`` (1 or 2 of them).

    ``looks``: ``customers, looks, looks_lost, customers_lost``, the outcomes of ``OUTCOMES``, and
    for each outcome the sums over customers of ``n * n``, ``n * y`` and ``y * y``, called
    ``bought_30_nn`` and so on. ``sent``: ``customers, contacts, opt_outs`` and the like sums, or
    none where opt-outs have no date. ``dates``: the days looked at, the latest first.
    """

    looks: pd.DataFrame
    sent: pd.DataFrame | None
    dates: tuple[int, ...]
    dates_lost: int
    one_in: int
    without_troubled: bool


def dates_of(
    base: CustomerBase, first_contact: int | None, first_sale: int | None
) -> tuple[int, ...]:
    """The days to look from: stretches wholly in the record, and 90 days known after them."""
    if first_contact is None or first_sale is None:
        return ()
    last = base.as_of_day - AFTER
    days = (last - STRETCH * place for place in range(DATES))
    return tuple(day for day in days if day - STRETCH >= first_contact - 1 and day >= first_sale)


def gather(base: CustomerBase, by: str, dates: tuple[int, ...], sent: Frame) -> PressureFacts:
    """Count what followed after so many contacts, by segment and over everybody."""
    # What is kept hangs on the table it came in with: see the snapshots.
    root = base.tables["transactions"]
    with ExitStack() as stack:

        def keep(frame: Frame) -> Frame:
            return stack.enter_context(engine.kept(frame, outlived_by=root))

        def lend(table: pd.DataFrame) -> Frame:
            import pyarrow as pa

            handed = pa.Table.from_pandas(table, preserve_index=False)
            return stack.enter_context(engine.lent(handed, root))

        cells = lend(_cells())
        people = keep(_people(base, by))
        number = int(engine.one_row(people.select(nw.len().alias("n")))["n"])
        one_in = max(1, -(-number // SAMPLE))
        if one_in > 1:
            people = keep(people.filter(nw.col("code") % one_in == 0))
        states = keep(_states(base, by, people, dates, keep, lend))
        days = keep(_contact_days(sent, people))
        troubled = _troubled(base, people, dates)
        looks = _looks(base, states, days, troubled, dates)
        told = opt_outs(base) is not None
        return PressureFacts(
            looks=_sums(keep(looks), OUTCOMES, cells),
            sent=_sums(keep(_sendings(days, states, dates)), {"opt_outs": "contacts"}, cells)
            if told
            else None,
            dates=dates,
            dates_lost=sum(day + base.activity_window_days <= base.as_of_day for day in dates),
            one_in=one_in,
            without_troubled=troubled is not None,
        )


def first_days(base: CustomerBase, sent: Frame) -> tuple[int | None, int | None]:
    """The day of the first contact and that of the first sale; none where there is none."""
    frames = (sent, base.visible("transactions"))
    contact, sale = (engine.one_row(f.select(nw.col("day").min()))["day"] for f in frames)
    return contact, sale


def _stretch(dates: tuple[int, ...]) -> nw.Expr:
    """The place of the date whose stretch a day belongs to."""
    return (dates[0] - nw.col("day")) // STRETCH


def _inside(frame: Frame, dates: tuple[int, ...]) -> Frame:
    """Rows of days within the stretches, with the place of theirs."""
    inside = frame.filter(nw.col("day") <= dates[0], nw.col("day") > dates[-1] - STRETCH)
    return inside.with_columns(_stretch(dates).cast(nw.Int64).alias("place"))


def _people(base: CustomerBase, by: str) -> Frame:
    """``code, customer_id, closed_day, is_contract, opt_day`` and, by a trait, ``segment``."""
    ids = base.visible("transactions").group_by("customer_id").agg(nw.len().alias("lines"))
    number = nw.col("one").cum_sum().over(order_by="customer_id")
    coded = ids.select("customer_id", nw.lit(1).alias("one")).select(
        "customer_id", (number - 1).cast(nw.Int64).alias("code")
    )
    people = with_endings(base, coded).with_columns(nw.col("closed_day").fill_null(NEVER))
    out = opt_outs(base)
    if out is None:
        people = people.with_columns(nw.lit(NEVER).alias("opt_day"))
    else:
        first = out.group_by("customer_id").agg(nw.col("day").min().cast(nw.Int64).alias("opt_day"))
        people = people.join(first, on="customer_id", how="left")
        people = people.with_columns(nw.col("opt_day").fill_null(NEVER))
    if by == VALUE:
        return people
    trait = base.visible("customers").group_by("customer_id").agg(nw.col(by).max().alias("segment"))
    joined = people.join(trait, on="customer_id", how="left")
    return joined.with_columns(nw.col("segment").cast(nw.String).fill_null(UNKNOWN))


def _states(
    base: CustomerBase,
    by: str,
    people: Frame,
    dates: tuple[int, ...],
    keep: Keep,
    lend: Lend,
) -> Frame:
    """One row a customer and date on which it was active: what it had bought by then."""
    day = nw.col("day")
    coded = base.purchases().join(people, on="customer_id", how="inner")
    told = keep(
        coded.select(
            "code",
            "day",
            day.shift(-1).over("code", order_by="day").fill_null(NEVER).alias("next_day"),
            day.min().over("code").alias("first_day"),
            nw.col("net").cum_sum().over("code", order_by="day").alias("so_far"),
        )
    )
    segment = ["segment"] if by != VALUE else []
    known = people.select("code", "closed_day", "is_contract", "opt_day", *segment)
    rows = _at_dates(told, dates, lend).join(known, on="code", how="inner")
    active = (day > nw.col("date") - base.activity_window_days) | nw.col("is_contract")
    active = active & (nw.col("closed_day") > nw.col("date"))
    if by == VALUE:
        cuts = cut_points(_values(told, base.as_of_day, base.activity_window_days), len(BANDS))
        rows = rows.with_columns(_band(_worth(nw.col("date")), cuts).alias("segment"))
    return rows.filter(active).drop("so_far", "first_day")


def _at_dates(told: Frame, dates: tuple[int, ...], lend: Lend) -> Frame:
    """Each purchase once for each date on which it was its customer's last: ``place, date``."""
    import pandas as pd

    day, after, latest = nw.col("day"), nw.col("next_day"), dates[0]
    begun = told.filter(day <= latest)
    oldest = (latest - day) // STRETCH
    oldest = nw.when(oldest < len(dates)).then(oldest).otherwise(nw.lit(len(dates) - 1))
    newest = nw.when(after > latest).then(nw.lit(0)).otherwise((latest - after) // STRETCH + 1)
    spans = begun.with_columns(
        newest.cast(nw.Int64).alias("newest"), (oldest - newest + 1).cast(nw.Int64).alias("span")
    )
    steps = [(span, step) for span in range(1, len(dates) + 1) for step in range(span)]
    table = lend(pd.DataFrame(steps, columns=["span", "step"]))
    rows = spans.join(table, on="span", how="inner")
    place = nw.col("newest") + nw.col("step")
    return rows.with_columns(
        place.alias("place"), (latest - STRETCH * place).cast(nw.Int64).alias("date")
    ).drop("newest", "span", "step")


def _worth(on: nw.Expr) -> nw.Expr:
    """Purchases a year, in money, over the time a customer is known; one year at least."""
    years = (on - nw.col("first_day")).cast(nw.Float64) / 365
    return nw.col("so_far") / nw.when(years > 1).then(years).otherwise(nw.lit(1.0))


def _values(told: Frame, as_of_day: int, window: int) -> np.ndarray[Any, np.dtype[Any]]:
    """What active customers are worth a year on ``as_of``, which makes the cut points."""
    last = told.filter(nw.col("next_day") == NEVER, nw.col("day") > as_of_day - window)
    worth = engine.collect(last.select(_worth(nw.lit(as_of_day)).alias("worth")))["worth"]
    return worth.to_numpy(dtype=float) if len(worth) else np.zeros(1)


def _band(worth: nw.Expr, cuts: np.ndarray[Any, np.dtype[Any]]) -> nw.Expr:
    (bottom, middle, top), (low, high) = (nw.lit(band) for band in BANDS), (float(c) for c in cuts)
    return (
        nw.when(worth > low)
        .then(nw.when(worth > high).then(top).otherwise(middle))
        .otherwise(bottom)
    )


def _contact_days(sent: Frame, people: Frame) -> Frame:
    """One row a customer and day of contact: ``code, day, sent, next_sent, opt_day``."""
    coded = sent.join(people.select("customer_id", "code", "opt_day"), on="customer_id")
    days = coded.group_by("code", "day", "opt_day").agg(nw.len().cast(nw.Int64).alias("sent"))
    after = nw.col("day").shift(-1).over("code", order_by="day").fill_null(NEVER)
    return days.with_columns(after.alias("next_sent"))


def _troubled(base: CustomerBase, people: Frame, dates: tuple[int, ...]) -> Frame | None:
    """Customers and stretches in which they complained or asked to leave; none if unknown.

    Such a customer is contacted because of it, and leaves because of it.
    """
    found = []
    if base.has("feedback", "kind"):
        found.append(base.visible("feedback").filter(says("kind", COMPLAINT)))
    if base.has("interactions", "kind"):
        found.append(base.visible("interactions").filter(says("kind", CANCELS)))
    if not found:
        return None
    rows = nw.concat([f.select("customer_id", "day") for f in found], how="vertical")
    coded = _inside(rows, dates).join(people.select("customer_id", "code"), on="customer_id")
    return coded.group_by("code", "place").agg(nw.len().alias("times")).drop("times")


def _looks(
    base: CustomerBase,
    states: Frame,
    days: Frame,
    troubled: Frame | None,
    dates: tuple[int, ...],
) -> Frame:
    """By customer, segment and level of contact: looks, and what followed."""
    counted = _inside(days, dates).group_by("code", "place").agg(nw.col("sent").sum())
    at_risk = states.filter(nw.col("opt_day") > nw.col("date"))
    if troubled is not None:
        at_risk = at_risk.join(troubled, on=["code", "place"], how="anti")
    joined = at_risk.join(counted, on=["code", "place"], how="left")
    date, after = nw.col("date"), nw.col("next_day")
    end = date + base.activity_window_days
    known = end <= base.as_of_day
    silent = (after > end) & ~nw.col("is_contract")
    gone = known & (silent | (nw.col("closed_day") <= end))
    looks = joined.select(
        "code",
        "segment",
        _level(nw.col("sent").cast(nw.Int64).fill_null(0)).alias("level"),
        nw.lit(1).alias("looks"),
        one_if(known).alias("looks_lost"),
        one_if(after <= date + STRETCH).alias("bought_30"),
        one_if(after <= date + AFTER).alias("bought_90"),
        one_if(gone).alias("lost"),
    )
    measures = ("looks", "looks_lost", *OUTCOMES)
    grouped = looks.group_by("code", "segment", "level")
    return grouped.agg(nw.col(*measures).sum().cast(nw.Int64))


def _sendings(days: Frame, states: Frame, dates: tuple[int, ...]) -> Frame:
    """By customer, segment and level: contacts, and those answered by an opt-out.

    The level is how many contacts the customer had in the 30 days up to this one. It answers
    with an opt-out where it opts out within 30 days and before the next contact.
    """
    inside = _inside(days, dates)
    older = inside.select("code", "place", nw.col("day").alias("before"), nw.col("sent").alias("n"))
    # Contacts of the 30 days before lie in the same stretch or in the one before it.
    both = nw.concat([older, older.with_columns(nw.col("place") - 1)], how="vertical")
    pairs = inside.join(both, on=["code", "place"], how="inner")
    near = (nw.col("before") <= nw.col("day")) & (nw.col("before") > nw.col("day") - STRETCH)
    keys = ("code", "place", "day", "next_sent", "opt_day")
    counted = pairs.filter(near).group_by(*keys).agg(nw.col("n").sum().cast(nw.Int64))
    # The oldest stretch has none before it to count in.
    counted = counted.filter(nw.col("place") < len(dates) - 1)
    opted = nw.col("opt_day")
    counted = counted.filter(nw.col("day") <= opted)
    answered = (opted < nw.col("day") + STRETCH) & (opted < nw.col("next_sent"))
    located = counted.join(states.select("code", "place", "segment"), on=["code", "place"])
    rows = located.select(
        "code",
        "segment",
        _level(nw.col("n")).alias("level"),
        nw.lit(1).alias("contacts"),
        one_if(answered).alias("opt_outs"),
    )
    grouped = rows.group_by("code", "segment", "level")
    return grouped.agg(nw.col("contacts", "opt_outs").sum().cast(nw.Int64))


def _level(count: nw.Expr) -> nw.Expr:
    return nw.when(count > MOST).then(nw.lit(MOST)).otherwise(count).cast(nw.Int64)


def _cells() -> pd.DataFrame:
    """Which cells a level belongs to: its own, and those of all lower levels but none."""
    import pandas as pd

    own = [(level, f"={level}") for level in range(MOST + 1)]
    below = [(low, f"<{level}") for level in range(2, MOST + 1) for low in range(1, level)]
    return pd.DataFrame([*own, *below], columns=["level", "cell"])


def _sums(rows: Frame, outcomes: dict[str, str], cells: Frame) -> pd.DataFrame:
    """The sums by segment and cell, over everybody too, with what their spread is made of."""
    trials = tuple(dict.fromkeys(outcomes.values()))
    measures = tuple(dict.fromkeys(chain(trials, outcomes)))
    everybody = rows.with_columns(nw.lit(EVERYBODY).alias("segment"))
    both = nw.concat([rows.select(everybody.collect_schema().names()), everybody])
    spread = both.join(cells, on="level", how="inner")
    by_customer = spread.group_by("segment", "cell", "code").agg(nw.col(*measures).sum())
    whole = by_customer.with_columns(nw.col(*measures).cast(nw.Float64))
    products = {
        f"{outcome}_{name}": one * other
        for outcome, of in outcomes.items()
        for name, one, other in (
            ("nn", nw.col(of), nw.col(of)),
            ("ny", nw.col(of), nw.col(outcome)),
            ("yy", nw.col(outcome), nw.col(outcome)),
        )
    }
    customers = {f"{of}_customers": one_if(nw.col(of) > 0) for of in trials}
    told = whole.with_columns(
        **{name: made.cast(nw.Float64) for name, made in (products | customers).items()}
    )
    summed = told.group_by("segment", "cell").agg(nw.col(*measures, *products, *customers).sum())
    table = engine.collect(summed)
    return table.sort_values(["segment", "cell"], ignore_index=True)
