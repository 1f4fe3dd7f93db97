"""Warning signs: who shows one now, how much is at stake, and what each was worth in the past.

A sign that was no better than chance on this base's own past is switched off and says so. The
signs and their parameters are those of :class:`SignalSettings`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

import narwhals as nw
import numpy as np

from retention_lib import progress
from retention_lib.base import engine
from retention_lib.base._remembered import recall, remembering
from retention_lib.base.customer_base import CustomerBase, require_base
from retention_lib.errors import ChoiceError, InputError
from retention_lib.portfolio._signals_facts import Facts, Frame, opened
from retention_lib.portfolio._signals_found import compared_since, firing, given_up
from retention_lib.portfolio._signals_judged import TrackRecord, judge
from retention_lib.portfolio._signals_record import (
    check_horizon,
    count_past,
    past_of,
)
from retention_lib.portfolio._signals_settings import (
    SIGNALS,
    SignalSettings,
    check_settings,
    missing_for,
)
from retention_lib.portfolio._signals_state import (
    YEAR,
    Days,
    active_on,
    column,
    days_of,
    seen,
    states,
)
from retention_lib.portfolio._signals_words import name_of, tell
from retention_lib.portfolio.money import margin_basis
from retention_lib.results import Result

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "SIGNALS",
    "SignalSettings",
    "SignalsResult",
    "TrackRecord",
    "find_signals",
    "signal_history",
]

INCLUDE = ("proven", "all")


def find_signals(
    base: CustomerBase,
    *,
    settings: SignalSettings | None = None,
    include: str = "proven",
    horizon_days: int | None = None,
) -> SignalsResult:
    """Find the customers who show a warning sign, most money at stake first.

    One row a customer and sign, active customers only. ``value_at_stake`` is what the customer,
    or for an abandoned range that range, brought in the 365 days up to ``as_of``: margin where
    the base knows it, else net revenue. It is a fact about the past, no forecast; a customer with
    two signs stands in two rows, so add up customers and not rows.

    Parameters
    ----------
    base
        The customer base; nothing after its ``as_of`` is looked at.
    settings
        The parameters of the signs; ``None`` for the defaults of :class:`SignalSettings`.
    include
        ``proven`` leaves out the signs that were no better than chance on this base's own past;
        signs of which the past cannot tell are kept. ``all`` shows every sign.
    horizon_days
        A customer was lost after a past date if it bought nothing for so many days, or closed its
        account in them. ``None`` is the longest of 180, 90, 60 and 30 that leaves three dates.

    Raises
    ------
    InputError
        Where ``settings`` or ``horizon_days`` cannot be.
    ChoiceError
        Where ``include`` is something else.

    Examples
    --------
    >>> import pandas as pd
    >>> lines = pd.DataFrame({"customer_id": ["a"] * 12 + ["b"] * 16,
    ...     "date": [*pd.date_range("2024-01-05", periods=12, freq="14D"),
    ...              *pd.date_range("2024-01-05", periods=16, freq="14D")],
    ...     "amount": 10.0})
    >>> signals = find_signals(CustomerBase.from_tables(lines), include="all")
    >>> signals.to_frame()[["customer_id", "signal", "since", "value_at_stake"]]
      customer_id                   signal      since  value_at_stake
    0           a  Silent beyond its habit 2024-06-29           120.0
    """
    require_base(base)
    chosen = check_settings(settings)
    if include not in INCLUDE:
        raise ChoiceError("include", include, INCLUDE)
    horizon = check_horizon(horizon_days)
    known: SignalsResult | None = recall(base, "find_signals", chosen, include, horizon)
    if known is not None:
        return known
    with (
        remembering(base, "find_signals", chosen, include, horizon) as kept,
        progress.steps(base.wording, "signals", total=3) as step,
    ):
        step("purchases")
        with opened(base, chosen) as facts:
            kept.value = found = _signals(base, facts, include, horizon, step)
    return found


def signals_and_before(
    base: CustomerBase, day: int, settings: SignalSettings
) -> tuple[SignalsResult, pd.DataFrame, pd.DataFrame]:
    """The signs of today as :func:`find_signals` gives them, and those of an earlier day.

    The second as they were seen then, with the columns of a :class:`SignalsResult`, but only
    those gone since: nobody reads the evidence of a sign that has newer evidence. The third is
    which fired then: ``customer_id, signal_code``. Signs that are off are in none of them.
    """
    with progress.steps(base.wording, "watch", total=4) as step:
        step("purchases")
        with opened(base, settings) as facts:
            now = _signals(base, facts, "proven", None, step)
            step("before")
            span = Days((day,), None)
            record = now.track_record.table.set_index("signal_code")
            with (
                seen(facts, span) as (active, yardsticks),
                _everybody(facts, active, span, yardsticks) as flagged,
            ):
                found = firing(facts, flagged, day)
                fired = _fired(found, list(record.index[record["on"]]))
                gone = _only_fired(found, _without(fired, now.table))
                before = _told(base, facts, flagged, yardsticks, day, gone)
    return now, _table(base, before, record["verdict"].to_dict(), day), fired


def _fired(found: pd.DataFrame, codes: Sequence[str]) -> pd.DataFrame:
    """One row a customer and sign that fires: ``customer_id, signal_code``."""
    import pandas as pd

    parts = [
        found.loc[found[f"fires_{code}"] == 1, ["customer_id"]].assign(signal_code=code)
        for code in codes
        if f"fires_{code}" in found
    ]
    none = pd.DataFrame({"customer_id": found["customer_id"][:0], "signal_code": ""})
    return pd.concat([none, *parts], ignore_index=True)


def _without(fired: pd.DataFrame, still: pd.DataFrame) -> pd.DataFrame:
    keys = ["customer_id", "signal_code"]
    both = fired.merge(still[keys], on=keys, how="left", indicator=True)
    return both.loc[both["_merge"] == "left_only", keys]


def _only_fired(found: pd.DataFrame, kept: pd.DataFrame) -> pd.DataFrame:
    """The customers with a sign among ``kept``, and nothing but those signs firing."""
    named = found.copy()
    for code in (name for name in SIGNALS if f"fires_{name}" in found):
        who = kept.loc[kept["signal_code"] == code, "customer_id"]
        named[f"fires_{code}"] = found["customer_id"].isin(who).astype("int64")
    return named[named["customer_id"].isin(kept["customer_id"])]


def signal_history(
    base: CustomerBase,
    days: Sequence[int],
    *,
    customers: Sequence[str] | None = None,
    settings: SignalSettings | None = None,
) -> pd.DataFrame:
    """Which signs were firing on each of those days, as seen on that day.

    ``days`` are day numbers up to ``base.as_of``. One row a customer, sign and day:
    ``customer_id``, ``signal`` (its code) and ``day``, for customers active on the day, sorted by
    day, customer and sign. ``customers`` bounds whose signs are looked at, not what they are
    compared with.

    Raises ``InputError`` where a day lies after ``as_of`` or is no whole number.
    """
    import pandas as pd

    require_base(base)
    chosen, wanted = check_settings(settings), _check_days(base, days)
    found = pd.DataFrame({"customer_id": pd.Series(dtype="str"), "signal": pd.Series(dtype="str"),
                          "day": pd.Series(dtype="int64")})  # fmt: skip
    if not wanted or (customers is not None and not len(customers)):
        return found
    with opened(base, chosen) as facts, days_of(facts, wanted) as span:
        asked = facts if customers is None else _only(facts, customers)
        with (
            seen(facts, span) as (_, yardsticks),
            states(asked, active_on(asked, span), span, yardsticks) as flagged,
        ):
            fires = [f"fires_{code}" for code in facts.codes]
            some = nw.any_horizontal(*(column(name) == 1 for name in fires), ignore_nulls=False)
            rows = engine.collect(flagged.filter(some).select("customer_id", "at", *fires))
    parts = [
        pd.DataFrame(
            {
                "customer_id": rows.loc[rows[f"fires_{code}"] == 1, "customer_id"],
                "signal": code,
                "day": rows.loc[rows[f"fires_{code}"] == 1, "at"].astype("int64"),
            }
        )
        for code in facts.codes
    ]
    listed = pd.concat([found, *parts])
    place = {code: number for number, code in enumerate(SIGNALS)}
    listed["place"] = listed["signal"].map(place)
    ordered = listed.sort_values(["day", "customer_id", "place"], ignore_index=True)
    return ordered.drop(columns="place")


@dataclass(frozen=True, repr=False, eq=False)
class SignalsResult(Result):
    """Who shows a warning sign now, one row a customer and sign, most money at stake first.

    Columns: ``customer_id, name`` (where known), ``contactable`` (false for who refused; where the
    base knows), ``signal, since`` (first day of this spell; signs
    that compare stretches of time are looked at week by week, half a year back at most; else the
    day of what was said), ``days`` since then, ``evidence`` in words, ``value_at_stake``,
    ``verdict`` on the sign, ``signal_code``.

    ``track_record``: what each sign was worth in the past. ``by_sign``: one row a sign shown:
    ``signal, customers, value_at_stake, signal_code``. ``switched_off``: the same for those that
    are not. ``not_available``: ``signal, needs`` for signs that this base cannot tell.
    """

    chart: ClassVar[str] = "signal_charts.plot_signals"
    hidden: ClassVar[tuple[str, ...]] = ("verdict", "signal_code")
    formats: ClassVar[Mapping[str, str]] = {"days": "count", "value_at_stake": "money"}

    track_record: TrackRecord = field(kw_only=True)
    by_sign: pd.DataFrame = field(kw_only=True)
    switched_off: pd.DataFrame = field(kw_only=True)
    not_available: pd.DataFrame = field(kw_only=True)
    settings: SignalSettings = field(kw_only=True)
    active: int = field(kw_only=True)
    value: float = field(kw_only=True)
    total: float = field(kw_only=True)
    measure: str = field(kw_only=True)

    def sentence(self) -> str:
        """How many show a sign, what they brought, which signs are off and which cannot be told."""
        w, said = self.wording, [self.finding()]
        if "contactable" in self.table:
            refused = self.table.loc[~self.table["contactable"], "customer_id"].nunique()
            if refused:
                said.append(w.say("signals.refused", refused=int(refused)))
        if len(self.switched_off):
            names = w.listing(list(self.switched_off["signal"]))
            said.append(w.say("signals.off", count=len(self.switched_off), signals=names))
        if len(self.not_available):
            told = w.listing(list(self.not_available["signal"]))
            needs = w.listing(sorted(set(self.not_available["needs"])))
            said.append(w.say("signals.missing", signals=told, needs=needs))
        return " ".join(f"{part}." for part in said)

    def finding(self) -> str:
        """The sentence without its full stop and without the signs that are not shown."""
        w, customers = self.wording, int(self.table["customer_id"].nunique())
        if not self.active:
            return w.say("signals.nobody", date=self.assumptions["signals_on"])
        if not customers:
            return w.say("signals.none", active=self.active)
        counts = {"customers": customers, "active": self.active}
        money = {"value": w.money(self.value), "measure": self.measure}
        if self.total > 0 and self.value <= self.total and self.active >= 30:
            share = w.percent(self.value / self.total, decimals=0)
            return w.say("signals.finding_share", **counts, **money, share=share)
        return w.say("signals.finding", **counts, **money)


def _signals(
    base: CustomerBase, facts: Facts, include: str, horizon: int | None, step: progress.Step
) -> SignalsResult:
    now, settings, past = base.as_of_day, facts.settings, None
    if facts.first_day is not None:
        past = past_of(facts.first_day, now, settings, horizon)
    step("signs_past")
    with (
        days_of(facts, [*(past.days if past else ()), now]) as days,
        seen(facts, days) as (active, yardsticks),
        states(facts.sample(), active, days, yardsticks) as looked,
    ):
        counts = count_past(facts.sample(), looked, days, past, now) if past else None
        today = Days((now,), None)
        held = (
            nullcontext(looked)
            if facts.one_in == 1
            else (_everybody(facts, active, today, yardsticks))
        )
        with held as flagged:
            step("signs_today")
            customers, total = _totals(facts, flagged, now)
            found = firing(facts, flagged, now)
            signs = _told(base, facts, flagged, yardsticks, now, found)
    record = judge(base, settings, counts, past, horizon)
    return _result(base, settings, include, signs, record, customers, total)


def _everybody(
    facts: Facts, active: Frame, day: Days, yardsticks: Frame
) -> AbstractContextManager[Frame]:
    """The signs of all customers on one day; ``active`` are those of the sample."""
    if facts.one_in > 1:
        active = active_on(facts, day)
    return states(facts, active, day, yardsticks)


def _told(
    base: CustomerBase,
    facts: Facts,
    flagged: Frame,
    yardsticks: Frame,
    day: int,
    found: pd.DataFrame,
) -> pd.DataFrame:
    """The signs found on a day, with their evidence; one row a customer and sign."""
    compared = compared_since(facts, flagged, yardsticks, day, found)
    ranges = given_up(facts, day) if facts.ranges is not None else _no_ranges()
    return tell(found, ranges, compared, facts.settings, base.wording, day)


def _totals(facts: Facts, flagged: Frame, now: int) -> tuple[int, float]:
    """How many customers are active, and what all customers brought in the year."""
    active = engine.one_row(flagged.filter(column("at") == now).select(nw.len().alias("n")))
    year = facts.lines.filter(column("day") <= now, column("day") > now - YEAR)
    worth = engine.one_row(year.select(column("worth").sum()))["worth"]
    return int(active["n"]), float(worth or 0.0)


def _only(facts: Facts, customers: Sequence[str]) -> Facts:
    wanted = facts.customers.filter(column("customer_id").is_in(list(customers))).select("code")
    return facts.limited(lambda frame: frame.join(wanted, on="code", how="semi"))


def _check_days(base: CustomerBase, days: Sequence[int]) -> list[int]:
    wanted = []
    for day in days:
        if not isinstance(day, int | np.integer) or isinstance(day, bool):
            raise InputError(
                f"days are day numbers, such as engine.day_number(date(2025, 6, 30)); got {day!r}."
            )
        if int(day) > base.as_of_day:
            raise InputError(
                f"The day {engine.day_of(int(day))} lies after {base.as_of}, the day this base is "
                f"seen from."
            )
        wanted.append(int(day))
    return sorted(set(wanted))


def _no_ranges() -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame({"code": pd.Series(dtype="int64")})


def _result(
    base: CustomerBase,
    settings: SignalSettings,
    include: str,
    signs: pd.DataFrame,
    record: TrackRecord,
    active: int,
    total: float,
) -> SignalsResult:
    import pandas as pd

    w = base.wording
    judged = record.table.set_index("signal_code")
    shown = set(judged.index[judged["on"]]) if include == "proven" else set(judged.index)
    kept = signs[signs["code"].isin(shown)]
    table = _table(base, kept, judged["verdict"].to_dict(), base.as_of_day)
    by_sign = _by_sign(signs, record)
    is_shown = by_sign["signal_code"].isin(shown)
    lacking = [(code, missing_for(base, code)) for code in SIGNALS]
    not_available = pd.DataFrame(
        [(name_of(code, w), _needs(base, *gap), code) for code, gap in lacking if gap],
        columns=["signal", "needs", "signal_code"],
    )
    known = margin_basis(base).known
    # A customer with several signs is counted once, at the most of them.
    value = float(table.groupby("customer_id")["value_at_stake"].max().clip(lower=0).sum())
    return SignalsResult(
        table,
        wording=w,
        assumptions={
            "signals_on": w.date(base.as_of),
            "signals_value": w.say("signals.value_margin" if known else "signals.value_revenue"),
            "signals_shown": w.say(f"signals.include_{include}"),
            **record.assumptions,
        },
        track_record=record,
        by_sign=by_sign[is_shown].reset_index(drop=True),
        switched_off=by_sign[~is_shown].reset_index(drop=True),
        not_available=not_available,
        settings=settings,
        active=active,
        value=value,
        total=total,
        measure=w.say("signals.margin" if known else "signals.revenue"),
    )


def _table(
    base: CustomerBase, signs: pd.DataFrame, verdicts: Mapping[str, str], day: int
) -> pd.DataFrame:
    import pandas as pd

    w = base.wording
    days = signs["since"].astype("int64").to_numpy()
    table = pd.DataFrame({"customer_id": signs["customer_id"].to_numpy()})
    names = _names(base)
    if names is not None:
        table["name"] = table["customer_id"].map(names)
    refused = _refused(base)
    if refused is not None:
        table["contactable"] = ~table["customer_id"].isin(refused)
    table["signal"] = [name_of(code, w) for code in signs["code"]]
    table["since"] = days.astype("datetime64[D]").astype("datetime64[s]")
    table["days"] = day - days
    table["evidence"] = signs["evidence"].to_numpy()
    table["value_at_stake"] = signs["value_at_stake"].to_numpy(dtype=float).round(2) + 0.0
    table["verdict"] = [verdicts[code] for code in signs["code"]]
    table["signal_code"] = signs["code"].to_numpy()
    order = {code: place for place, code in enumerate(SIGNALS)}
    table["place"] = table["signal_code"].map(order)
    ordered = table.sort_values(
        ["value_at_stake", "customer_id", "place"], ascending=[False, True, True], ignore_index=True
    )
    return ordered.drop(columns="place")


def _names(base: CustomerBase) -> dict[str, str] | None:
    if not base.has("customers", "name"):
        return None
    named = engine.collect(base.visible("customers").select("customer_id", "name"))
    kept = named.dropna(subset=["name"]).sort_values(["customer_id", "name"])
    return dict(zip(kept["customer_id"], kept["name"], strict=True))


def _refused(base: CustomerBase) -> set[str] | None:
    """Who said no to being contacted; unknown is not no."""
    if not base.has("customers", "contactable"):
        return None
    said_no = base.visible("customers").filter(~nw.col("contactable").fill_null(True))
    return set(engine.collect(said_no.select("customer_id"))["customer_id"])


def _by_sign(signs: pd.DataFrame, record: TrackRecord) -> pd.DataFrame:
    """One row a sign that can be told: customers and money, most money first."""
    grouped = signs.groupby("code")["value_at_stake"].agg(["size", "sum"])
    by_sign = record.table[["signal", "signal_code"]].copy()
    by_sign["customers"] = by_sign["signal_code"].map(grouped["size"]).fillna(0).astype("int64")
    by_sign["value_at_stake"] = by_sign["signal_code"].map(grouped["sum"]).fillna(0.0).round(2)
    columns = ["signal", "customers", "value_at_stake", "signal_code"]
    return by_sign[columns].sort_values(
        ["value_at_stake", "signal"], ascending=[False, True], ignore_index=True
    )


def _needs(base: CustomerBase, table: str, columns: Sequence[str]) -> str:
    w = base.wording
    if not columns:
        return w.say("signals.needs_table", table=w.table(table))
    return w.say("signals.needs_columns", table=w.table(table), columns=w.listing(list(columns)))
