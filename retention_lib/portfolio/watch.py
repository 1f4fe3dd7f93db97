"""The watch list: warning signs that are new since last month, still there, or gone, and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from retention_lib.base import engine
from retention_lib.base.customer_base import CustomerBase, require_base
from retention_lib.errors import InputError
from retention_lib.portfolio._signals_settings import SIGNALS, SignalSettings, check_settings
from retention_lib.portfolio._signals_words import name_of
from retention_lib.portfolio.activity import standing
from retention_lib.portfolio.calendar_periods import check_months
from retention_lib.portfolio.signals import SignalsResult, signals_and_before
from retention_lib.results import Result

if TYPE_CHECKING:
    import pandas as pd

_MOST_MONTHS = 120
STATUSES = ("new", "still", "gone")
REASONS = ("bought", "contacted", "resolved", "faded", "closed", "lost")


def watch_list(
    base: CustomerBase, *, months: int = 1, settings: SignalSettings | None = None
) -> WatchResult:
    """Compare the warning signs of today with those of some months before.

    One row a customer and sign: ``new``, ``still`` there or ``gone``, and why it is gone. Both
    lists are made as on their day, from nothing later; the signs switched off today (no better
    than chance on this base's past) are left out of both. ``value_at_stake`` is that of the day
    on which the sign was there: today, or for those gone the day before.

    Parameters
    ----------
    base
        The customer base; nothing after its ``as_of`` is looked at.
    months
        How many months back the other list is made: on the same day of that month, or its last.
    settings
        The parameters of the signs; ``None`` for the defaults.

    Raises
    ------
    InputError
        Where ``months`` is no whole number from 1 up.

    Examples
    --------
    >>> import pandas as pd
    >>> lines = pd.DataFrame({"customer_id": ["a"] * 12 + ["b"] * 16,
    ...     "date": [*pd.date_range("2024-01-05", periods=12, freq="14D"),
    ...              *pd.date_range("2024-01-05", periods=16, freq="14D")],
    ...     "amount": 10.0})
    >>> watch = watch_list(CustomerBase.from_tables(lines), months=2)
    >>> watch.to_frame()[["customer_id", "signal", "status"]]
      customer_id                   signal status
    0           a  Silent beyond its habit    new
    """
    require_base(base)
    months = check_months(months, _MOST_MONTHS)
    chosen = check_settings(settings)
    since = months_back(base.as_of, months)
    now, gone, fired = signals_and_before(base, engine.day_number(since), chosen)
    before = (gone, fired) if _reaches(base, since) else None
    return _compare(base, now, before, since, months)


def months_back(day: date, months: int) -> date:
    """The same day some months before, or the last of that month.

    >>> months_back(date(2025, 3, 31), 1)
    datetime.date(2025, 2, 28)
    """
    from calendar import monthrange

    place = day.year * 12 + day.month - 1 - months
    year, month = divmod(place, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


@dataclass(frozen=True, repr=False, eq=False)
class WatchResult(Result):
    """What changed on the list of warning signs, one row a customer and sign.

    Columns: ``customer_id, name, contactable`` (where known), ``signal, status, gone_because``
    (for those gone: ``bought`` again, was ``contacted``, ``resolved``, ``faded``: no longer stands
    out, ``closed`` or ``lost``, in words), ``since, evidence, value_at_stake, signal_code,
    status_code, reason_code``; new ones first, each most money first.

    ``signals``: the full result of today. ``compared_with``: the day before, none where the
    history does not reach back. ``by_sign``: new, still and gone, one row a sign.
    """

    chart: ClassVar[str] = "signal_charts.plot_watch"
    hidden: ClassVar[tuple[str, ...]] = ("signal_code", "status_code", "reason_code")
    formats: ClassVar[Mapping[str, str]] = {"value_at_stake": "money"}

    signals: SignalsResult = field(kw_only=True)
    compared_with: date | None = field(kw_only=True)
    by_sign: pd.DataFrame = field(kw_only=True)
    months: int = field(kw_only=True)

    def sentence(self) -> str:
        """How many are new and what they bring, how many are gone and why."""
        w, said = self.wording, [self.finding()]
        if len(self.signals.not_available):
            told = w.listing(list(self.signals.not_available["signal"]))
            said.append(w.say("watch.missing", signals=told))
        return " ".join(f"{part}." for part in said)

    def finding(self, *, with_reasons: bool = True) -> str:
        """The sentence without its full stop and without what this base cannot tell."""
        w, table = self.wording, self.table
        if self.compared_with is None:
            key = "watch.too_early" if len(table) else "watch.too_early_none"
            return w.say(key, months=self.months, count=len(table))
        since = w.date(self.compared_with)
        if table.empty:
            return w.say("watch.none", since=since)
        is_new, gone = table["status_code"] == "new", table[table["status_code"] == "gone"]
        worth = table[is_new].groupby("customer_id")["value_at_stake"].max().clip(lower=0).sum()
        finding = w.say(
            "watch.finding",
            new=int(is_new.sum()),
            since=since,
            value=w.money(float(worth)),
            measure=self.signals.measure,
            gone=len(gone),
        )
        counts = gone["reason_code"].value_counts()
        reasons = [
            w.say(f"watch.why_counted.{reason}", count=int(counts[reason]))
            for reason in REASONS
            if reason in counts
        ]
        if not reasons or not with_reasons:
            return finding
        return w.say("watch.finding_why", finding=finding, reasons=w.listing(reasons))


def _reaches(base: CustomerBase, since: date) -> bool:
    """Whether the history reaches back to that day."""
    try:
        base.at(since)
    except InputError:
        return False
    return True


def _compare(
    base: CustomerBase,
    now: SignalsResult,
    before: tuple[pd.DataFrame, pd.DataFrame] | None,
    since: date,
    months: int,
) -> WatchResult:
    import pandas as pd

    w = base.wording
    keys = ["customer_id", "signal_code"]
    today = now.table.copy()
    if before is None:
        today["status_code"], gone = "new", today.head(0)
    else:
        gone, fired = before
        known = pd.MultiIndex.from_frame(today[keys]).isin(pd.MultiIndex.from_frame(fired))
        today["status_code"] = np.where(known, "still", "new")
        gone = gone.assign(status_code="gone")
    gone = gone.assign(reason_code=_reasons(base, gone, since))
    table = (
        pd.concat([today.assign(reason_code=""), gone])
        if len(gone)
        else (today.assign(reason_code=""))
    )
    table["status"] = [w.say(f"watch.status.{code}") for code in table["status_code"]]
    table["gone_because"] = [w.say(f"watch.why.{r}") if r else "" for r in table["reason_code"]]
    return WatchResult(
        _ordered(table),
        wording=w,
        assumptions={
            "signals_on": w.date(base.as_of),
            "signals_compared": w.date(since) if before is not None else None,
            **{k: v for k, v in now.assumptions.items() if k != "signals_on"},
        },
        signals=now,
        compared_with=since if before is not None else None,
        by_sign=_by_sign(table, now),
        months=months,
    )


def _ordered(table: pd.DataFrame) -> pd.DataFrame:
    place = {code: number for number, code in enumerate(STATUSES)}
    sign = {code: number for number, code in enumerate(SIGNALS)}
    ordered = table.assign(
        first=table["status_code"].map(place), last=table["signal_code"].map(sign)
    ).sort_values(
        ["first", "value_at_stake", "customer_id", "last"],
        ascending=[True, False, True, True],
        ignore_index=True,
    )
    known = [name for name in ("name", "contactable") if name in table]
    columns = ["customer_id", *known, "signal", "status",
               "gone_because", "since", "evidence", "value_at_stake", "signal_code",
               "status_code", "reason_code"]  # fmt: skip
    return ordered[columns]


def _reasons(base: CustomerBase, gone: pd.DataFrame, since: date) -> list[str]:
    """Why each sign is gone: what became of the customer, or else of what the sign looked at."""
    if gone.empty:
        return []
    import narwhals as nw

    known = engine.collect(
        standing(base)
        .filter(nw.col("customer_id").is_in(sorted(set(gone["customer_id"]))))
        .select("customer_id", "last_day", "closed_day", "active")
    ).set_index("customer_id")
    day = engine.day_number(since)
    return [_reason(known.loc[row.customer_id], row.signal_code, day) for row in gone.itertuples()]


def _reason(customer: pd.Series[Any], code: str, since: int) -> str:
    if not customer["active"]:
        return "closed" if customer["closed_day"] == customer["closed_day"] else "lost"
    if code in ("silent", "no_second", "slowing"):
        return "bought" if customer["last_day"] > since else "faded"
    if code == "neglected":
        return "contacted"
    return "resolved" if code == "unhappy" else "faded"


def _by_sign(table: pd.DataFrame, now: SignalsResult) -> pd.DataFrame:
    """One row a sign that is on: how many are new, still there and gone."""
    import pandas as pd

    shown = now.by_sign[["signal", "signal_code"]]
    counts = pd.crosstab(table["signal_code"], table["status_code"])
    for status in STATUSES:
        found = counts[status] if status in counts else pd.Series(dtype="int64")
        shown = shown.assign(**{status: shown["signal_code"].map(found).fillna(0).astype("int64")})
    return shown.assign(signal=[name_of(code, now.wording) for code in shown["signal_code"]])
