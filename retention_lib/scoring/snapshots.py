"""The base as it was known on a date: what a model may look at, and what happened afterwards.

This is the border that no model looks across: a feature of a date is made of what had happened
by that date alone. The label says what happened in the days after it, where they are over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, ClassVar

import narwhals as nw
import numpy as np
import pandas as pd

from retention_lib import progress
from retention_lib.base import engine
from retention_lib.base.customer_base import CustomerBase, require_base
from retention_lib.errors import InputError
from retention_lib.masking import said_name
from retention_lib.portfolio.rfm import SKETCH_BELOW
from retention_lib.results import Result
from retention_lib.scoring._snapshot_dates import Dates as Together
from retention_lib.scoring._snapshot_dates import Moment, together
from retention_lib.scoring._snapshot_facts import Frame, available, limited, opened
from retention_lib.scoring._snapshot_model import expectations, histories
from retention_lib.scoring._snapshot_panel import Panel, rows_on
from retention_lib.scoring._snapshot_state import (
    collected,
    known_on,
    parts_of,
    typical_gaps,
)
from retention_lib.scoring.features import BY_NAME, FEATURES, tables_needed
from retention_lib.wording import Wording

LONGEST_HORIZON = 3_650
# So many customers at a time are added up in the engine for the batches, then read back slice by
# slice: the engine's memory is bounded as well.
_BLOCK = 1_000_000
# So many rows of a base times dates are met in one query; beyond it the dates are asked about one
# by one, since the rows multiply.
_TOGETHER = 8_000_000
_SHOWN = ("recency_days", "purchases_365", "spend_365", "overdue_ratio", "no_purchase_probability")

Dates = date | str | Iterable[date | str]


def take_snapshots(
    base: CustomerBase,
    dates: Dates | None = None,
    *,
    horizon_days: int = 90,
    customers: Iterable[str] | None = None,
) -> Snapshots:
    """Show every customer as it was known on each of some dates, and what it did afterwards.

    One row a date and customer with a purchase up to it, sorted by both: ``customer_id, date,
    eligible`` (active on the date), the features of
    :data:`retention_lib.scoring.features.FEATURES` that the base can tell, as floating numbers,
    and ``churned``. Features know nothing of the days after the date. ``churned`` is 1 where an
    eligible customer made no purchase in the ``horizon_days`` days after it or closed its account
    in them (with a contract: closed it), else 0. The trap: it is missing, not 0, where the
    customer is not eligible or the horizon is not over on ``base.as_of``; count with
    :meth:`Snapshots.labelled`.

    Parameters
    ----------
    base
        The customer base; nothing after its ``as_of`` is looked at.
    dates
        A date or several, from the first transaction to ``as_of``; by default ``as_of``.
    horizon_days
        How many days the label looks ahead, and the purchase model with it (1 to 3,650).
    customers
        Ids of the customers to return; by default all. Those who are not known on a date have no
        row for it. The features of a customer are the same whoever else is returned.

    Raises
    ------
    InputError
        Where a date lies outside of the base, ``horizon_days`` is not a whole number from 1 to
        3,650, or none of ``customers`` is in the base.

    Notes
    -----
    The purchase model of a date is the modified BG/NBD (see
    :mod:`retention_lib.scoring.purchase_models`), fitted to all customers known on that date; of
    more than 20,000 different histories to a fixed part of them.

    Examples
    --------
    >>> import pandas as pd
    >>> lines = pd.DataFrame({"customer_id": ["a", "a", "a", "b"],
    ...     "date": pd.to_datetime(["2024-01-01", "2024-02-01", "2024-06-01", "2024-02-20"]),
    ...     "amount": [10.0, 20.0, 30.0, 5.0]})
    >>> base = CustomerBase.from_tables(lines)
    >>> seen = take_snapshots(base, "2024-03-01", horizon_days=30)
    >>> seen.to_frame()[["customer_id", "recency_days", "purchases_90", "spend_90", "churned"]]
      customer_id  recency_days  purchases_90  spend_90  churned
    0           a          29.0           2.0      30.0      1.0
    1           b          10.0           1.0       5.0      1.0
    """
    require_base(base)
    horizon = _checked_horizon(horizon_days)
    moments = [_moment(base, day, horizon) for day in _checked_dates(base, dates)]
    ids = None if customers is None else _checked_ids(customers)
    shown = available(base)
    with (
        progress.steps(base.wording, "snapshots", total=len(moments)) as step,
        opened(base) as facts,
        limited(facts, ids) as some,
    ):
        panel = Panel(some.customers, rows_on(some, moments), shown)
        if ids and not panel.customers:
            raise InputError(
                f"None of the {len(ids)} customers is in this base (the first is "
                f"{said_name(ids[0])!r}). Pass their customer_id as the base has it."
            )
        with ThreadPoolExecutor(max_workers=1) as worker:
            # While the engine adds up one date, the features of the one before it are made.
            adding: Future[None] | None = None
            for several in _in_turn(base, moments):
                with (
                    together(facts, several) as seen,
                    facts.kept(known_on(facts.purchases, seen)) as known,
                ):
                    figures = typical_gaps(known, seen), histories(known, seen)
                    mine = known if some is facts else known_on(some.purchases, seen)
                    parts = collected(parts_of(some, seen, mine), seen)
                for at, *its in zip(several, parts, *figures, strict=True):
                    step("snapshot", date=base.wording.date(engine.day_of(at.day)))
                    if adding:
                        adding.result()
                    adding = worker.submit(_add, panel, at, *its)
            if adding:
                adding.result()
        table = panel.table()
    learnt = tuple(name for name in shown if BY_NAME[name].dated)
    said = {
        "as_of": base.as_of,
        "activity_window_days": base.activity_window_days,
        "snapshots_gone": base.wording.say("snapshots.gone_rule", days=horizon),
    }
    return Snapshots(
        table, wording=base.wording, assumptions=said, features=learnt, horizon_days=horizon
    )


@dataclass(frozen=True, repr=False, eq=False)
class Snapshots(Result):
    """Customers as they were known on some dates, one row a date and customer.

    Columns: ``customer_id, date, eligible``, the features, ``churned`` (see
    :func:`take_snapshots`). ``features`` names those that a model may learn from;
    ``people_known``, whose past nobody can tell, is not among them and is shown on the last day
    of the base alone.
    """

    formats: ClassVar[Mapping[str, str]] = {
        **{f.name: "money" for f in FEATURES if f.unit == "money"},
        **{f.name: "count" for f in FEATURES if f.unit in ("days", "count", "score", "flag")},
        **{f.name: "decimal" for f in FEATURES if f.unit in ("ratio", "angle")},
        **{f.name: "percent" for f in FEATURES if f.unit == "share"},
        "churned": "count",
    }
    hidden: ClassVar[tuple[str, ...]] = tuple(f.name for f in FEATURES if f.name not in _SHOWN)

    features: tuple[str, ...] = field(kw_only=True)
    horizon_days: int = field(kw_only=True)

    def eligible(self) -> pd.DataFrame:
        """The rows of customers active on the date."""
        return self.table[self.table["eligible"]].reset_index(drop=True)

    def labelled(self) -> pd.DataFrame:
        """The rows of which ``churned`` is known: customers active on a date, its horizon over."""
        return self.table[self.table["churned"].notna()].reset_index(drop=True)

    def sentence(self) -> str:
        """How many customers were seen, and how many of the active were gone after the horizon."""
        w, table = self.wording, self.table
        if table.empty:
            return w.say("snapshots.empty")
        customers = int(table["customer_id"].nunique())
        said = _when(table["date"], w)
        active = int(table["eligible"].sum())
        known = table["churned"].dropna()
        count, left = len(known), int(known.sum())
        values = {"customers": customers, "when": said, "horizon": self.horizon_days}
        if not count:
            return w.say("snapshots.unlabelled", active=active, views=len(table), **values)
        if count < SKETCH_BELOW:
            return w.say("snapshots.few", left=left, count=count, **values)
        return w.say(
            "snapshots.finding", share=w.percent(left / count), left=left, count=count, **values
        )


def snapshot_batches(
    base: CustomerBase,
    features: Sequence[str] | None = None,
    horizon_days: int = 90,
    batch_rows: int = 100_000,
) -> Iterator[pd.DataFrame]:
    """Give the customers active on ``base.as_of`` piece by piece, for bases larger than memory.

    Frames like the table of :func:`take_snapshots`, of at most ``batch_rows`` rows, in the order
    of ``customer_id``; together they are its eligible rows for ``base.as_of``. What is worked out
    stays in the engine and is read back slice by slice. Take all the batches, or close the
    iterator: until then the engine keeps its tables.

    Parameters
    ----------
    base
        The customer base; nothing after its ``as_of`` is looked at.
    features
        Names of the features wanted; by default all that the base can tell.
    horizon_days
        How many days the purchase model looks ahead (1 to 3,650).
    batch_rows
        How many rows a frame has at most, 1 or more.

    Raises
    ------
    InputError
        Where the base cannot tell one of ``features``, or a number is out of range.

    Examples
    --------
    >>> import pandas as pd
    >>> lines = pd.DataFrame({"customer_id": ["a", "b", "c"], "amount": [10.0, 20.0, 5.0],
    ...     "date": pd.to_datetime(["2024-01-01", "2024-02-01", "2024-06-01"])})
    >>> batches = snapshot_batches(CustomerBase.from_tables(lines), batch_rows=2)
    >>> [frame["customer_id"].tolist() for frame in batches]
    [['a', 'b'], ['c']]
    """
    require_base(base)
    horizon = _checked_horizon(horizon_days)
    rows = _checked_rows(batch_rows)
    at = _moment(base, base.as_of_day, horizon)
    return _batches(base, at, _checked_features(base, features), rows)


def _batches(
    base: CustomerBase, at: Moment, names: Sequence[str], batch_rows: int
) -> Iterator[pd.DataFrame]:
    with opened(base) as facts:
        alone = Together((at,))
        # Kept without the sums of the windows, which are added up block by block.
        short = known_on(facts.purchases, alone).select("code", "day", "first_day", "purchases")
        with facts.kept(short) as known:
            (gap,), (counts,) = typical_gaps(known, alone), histories(known, alone)
        expected = expectations(counts, at.horizon_days)
        last = engine.one_row(facts.customers.select(nw.col("code").max().alias("last")))["last"]
        block = max(_BLOCK // batch_rows, 1) * batch_rows
        for start in range(0, int(last) + 1, block):
            some = facts.only(_between(start, start + block))
            with ExitStack() as stack:
                parts_known = parts_of(some, alone, known_on(some.purchases, alone))
                kept = [stack.enter_context(facts.kept(part.frame)) for part in parts_known]
                for first in range(start, min(start + block, int(last) + 1), batch_rows):
                    within = _between(first, first + batch_rows)
                    parts = [engine.collect(within(part)) for part in kept]
                    panel = Panel(within(some.customers), len(parts[0]), names)
                    panel.add(parts, at, gap, expected)
                    frame = panel.table()
                    frame = frame[frame["eligible"]].reset_index(drop=True)
                    if len(frame):
                        yield frame


def _between(first: int, end: int) -> Callable[[Frame], Frame]:
    """What keeps the rows of customers from one code to before another."""
    code = nw.col("code")
    return lambda frame: frame.filter(code >= first, code < end)


def _in_turn(base: CustomerBase, moments: Sequence[Moment]) -> Iterator[Sequence[Moment]]:
    """The dates in the portions that are asked about together."""
    rows = sum(counts["rows_kept"] for counts in base.made_from["tables"].values())
    at_once = max(_TOGETHER // max(rows, 1), 1)
    for first in range(0, len(moments), at_once):
        yield moments[first : first + at_once]


def _add(
    panel: Panel, at: Moment, parts: Sequence[pd.DataFrame], gap: float, counts: pd.DataFrame
) -> None:
    panel.add(parts, at, gap, expectations(counts, at.horizon_days))


def _moment(base: CustomerBase, day: int, horizon_days: int) -> Moment:
    last = base.as_of_day if base.last_day is None else engine.day_number(base.last_day)
    return Moment(
        day=day,
        horizon_days=horizon_days,
        window_days=base.activity_window_days,
        over=day + horizon_days <= base.as_of_day,
        current=day >= last,
    )


def _when(dates: pd.Series, w: Wording) -> str:
    first, last = dates.min().date(), dates.max().date()
    if first == last:
        return w.say("snapshots.on_one", date=w.date(first))
    return w.say(
        "snapshots.on_several", dates=int(dates.nunique()), first=w.date(first), last=w.date(last)
    )


# --- What was asked for -------------------------------------------------------------------------


def _checked_horizon(days: Any) -> int:
    whole = isinstance(days, int | np.integer) and not isinstance(days, bool)
    if not whole or not 1 <= days <= LONGEST_HORIZON:
        raise InputError(
            f"horizon_days must be a whole number of days from 1 to {LONGEST_HORIZON:,}, such as "
            f"90; got {days!r}."
        )
    return int(days)


def _checked_rows(rows: Any) -> int:
    if isinstance(rows, bool) or not isinstance(rows, int | np.integer) or rows < 1:
        raise InputError(f"batch_rows must be a whole number of rows, 1 or more; got {rows!r}.")
    return int(rows)


def _checked_dates(base: CustomerBase, dates: Any) -> list[int]:
    """The days asked for, each once, in their order; refuse what nothing is known of."""
    if dates is None:
        return [base.as_of_day]
    single = isinstance(dates, str | date) or not hasattr(dates, "__iter__")
    listed: list[Any] = [dates] if single else list(dates)
    if not listed:
        raise InputError("dates is empty; pass a date such as '2025-06-30', or several.")
    days = sorted({_day_number(value) for value in listed})
    transactions = base.tables["transactions"].select(nw.col("day").min().alias("day"))
    first = int(engine.one_row(transactions)["day"])
    outside = [day for day in days if not first <= day <= base.as_of_day]
    if outside:
        raise InputError(
            f"{len(outside)} of {len(days)} dates lie outside of the base, such as "
            f"{engine.day_of(outside[0])}: it is known from {engine.day_of(first)} to "
            f"{base.as_of}."
        )
    return days


def _day_number(value: object) -> int:
    try:
        if isinstance(value, np.datetime64 | datetime) and not pd.isna(value):
            return engine.day_number(pd.Timestamp(value).date())
        if isinstance(value, date) and not isinstance(value, datetime):
            return engine.day_number(value)
        if isinstance(value, str):
            return engine.day_number(datetime.fromisoformat(value).date())
    except ValueError:
        pass
    raise InputError(f"dates must be dates such as '2025-06-30'; got {value!r}.")


def _checked_ids(customers: Iterable[str]) -> list[str]:
    try:
        listed = None if isinstance(customers, str) else list(customers)
    except TypeError:
        listed = None
    if listed is None:
        raise InputError(
            f"customers must be a list of customer ids, such as ['C00001', 'C00002']; "
            f"got {customers!r}."
        )
    return [str(customer) for customer in listed]


def _checked_features(base: CustomerBase, features: Sequence[str] | None) -> tuple[str, ...]:
    told = available(base)
    if features is None:
        return told
    names = (features,) if isinstance(features, str) else tuple(features)
    lacking = [name for name in names if name not in told]
    if lacking:
        tables = tables_needed(lacking)
        remedy = f" They need: {tables}." if tables else ""
        raise InputError(
            f"This base cannot tell {len(lacking)} of {len(names)} features: "
            f"{', '.join(lacking)}.{remedy} It can tell: {', '.join(told)}."
        )
    return names
