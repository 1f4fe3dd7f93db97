"""The leaky tank: how many customers were there, came in, came back and were lost.

The ledger of each complete calendar period closes exactly, in customers and to the cent:
opening + new + won back - lost = closing, and in revenue also + grown - shrunk.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from numbers import Real
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from retention_lib.base import engine
from retention_lib.base.customer_base import CustomerBase, require_base
from retention_lib.errors import InputError
from retention_lib.portfolio._beginnings import first_day
from retention_lib.portfolio._flows_ledger import CENTS, FLOWS, count_after_closing, keep_ledger
from retention_lib.portfolio._flows_periods import (
    LONGEST_FIRST,
    Span,
    say_period,
)
from retention_lib.portfolio._flows_tank import TankResult, fill_tank, half_gone
from retention_lib.portfolio._flows_trend import (
    TrendResult,
    YearBeforeResult,
    annual_rate,
    compare_years,
    follow_trend,
)
from retention_lib.portfolio.calendar_periods import (
    MONTHS,
    Period,
    check_period,
    period_end,
    period_label,
    period_start,
)
from retention_lib.portfolio.intervals import share_interval
from retention_lib.results import Result
from retention_lib.wording import Sentence, Wording

if TYPE_CHECKING:
    import pandas as pd

SKETCH_BELOW = 30
"""With fewer customers at the opening, counts are told instead of shares, and called a sketch."""

REVENUES = (
    *("opening_revenue", "new_revenue", "won_back_revenue", "grown_revenue"),
    *("shrunk_revenue", "lost_revenue", "closing_revenue"),
)
"""The ledger in money, in its order."""


def measure_flows(
    base: CustomerBase,
    *,
    period: Period = "year",
    trade_attrition: float | None = None,
) -> FlowsResult:
    """Keep the ledger of the customer base: opening, new, won back, lost, closing.

    One row a complete calendar period, oldest first, in customers and in net revenue. A customer
    is active on a day with a purchase in the activity window up to it, or with a contract, and
    with an account that is not closed. Revenue at the end of a period is what the customers
    active there bought, less refunds, in the activity window up to it. The trap: attrition
    depends on that window; :func:`retention_lib.measure_window` shows how much.

    Parameters
    ----------
    base
        The customer base; nothing after its ``as_of`` is looked at.
    period
        ``year``, ``quarter`` or ``month`` of the calendar. A period is shown when it is over on
        ``as_of`` and when the whole activity window before it lies in the table: otherwise old
        customers would look new. Where there is none the table is empty and the sentence says
        what to try.
    trade_attrition
        The share of customers lost a year in your trade, such as ``0.12``, where you know one;
        it stands beside your own in :meth:`FlowsResult.trend`. The workbook brings none.

    Raises
    ------
    ChoiceError
        Where ``period`` is none of the three.
    InputError
        Where ``trade_attrition`` does not lie between 0 and 1.

    Examples
    --------
    >>> import pandas as pd
    >>> lines = pd.DataFrame({"customer_id": ["a", "b", "b", "c"],
    ...     "date": pd.to_datetime(["2023-01-01", "2023-02-01", "2024-03-05", "2024-12-31"]),
    ...     "amount": [10.0, 20.0, 25.0, 5.0]})
    >>> flows = measure_flows(CustomerBase.from_tables(lines))
    >>> flows.to_frame()[["period", "opening", "new", "won_back", "lost", "closing"]]
      period  opening  new  won_back  lost  closing
    0   2024        2    1         0     1        2
    """
    require_base(base)
    kind = check_period(period)
    _check_trade(trade_attrition)
    span = Span(kind, first_day(base), base.as_of_day, base.activity_window_days)
    ledger = keep_ledger(base, span)
    return FlowsResult(
        _table(ledger, kind, base.wording.language),
        wording=base.wording,
        assumptions=_assumptions(base, span, ledger, trade_attrition),
        span=span,
        trade_attrition=None if trade_attrition is None else float(trade_attrition),
    )


@dataclass(frozen=True, repr=False, eq=False)
class FlowsResult(Result):
    """The ledger, one row a complete period, oldest first; empty where none is complete.

    Columns: ``period`` (2024, 2024-Q3, 2024-03), customers ``opening, new, won_back, lost,
    closing``; shares of the opening ``attrition, attrition_low, attrition_high`` (95 %),
    ``retention, net_growth`` and ``annual_attrition``; ``passed_through`` (first bought and
    silent or closed again inside the period) with ``passed_through_revenue``; net revenue
    ``opening_revenue, new_revenue, won_back_revenue, grown_revenue, shrunk_revenue,
    lost_revenue, closing_revenue``; last the dates ``period_start, period_end``. Shares of an
    opening of nobody are missing.
    """

    chart: ClassVar[str] = "flow_charts.plot_waterfall"
    formats: ClassVar[Mapping[str, str]] = {
        **dict.fromkeys(
            ("opening", "new", "won_back", "lost", "closing", "passed_through"), "count"
        ),
        **dict.fromkeys(("attrition", "attrition_low", "attrition_high"), "percent"),
        **dict.fromkeys(("retention", "net_growth", "annual_attrition"), "percent"),
        **dict.fromkeys((*REVENUES, "passed_through_revenue"), "money"),
    }
    hidden: ClassVar[tuple[str, ...]] = (
        *REVENUES,
        "passed_through_revenue",
        "period_start",
        "period_end",
    )
    shown_rows: ClassVar[int] = 24

    span: Span = field(kw_only=True)
    trade_attrition: float | None = field(kw_only=True, default=None)

    @property
    def period(self) -> Period:
        """The kind of period: ``year``, ``quarter`` or ``month``."""
        return self.span.kind

    def sentence(self) -> str:
        """What became of the customers in the latest period, and what the lost ones had bought."""
        if self.table.empty:
            return say_nothing_complete(self)
        return _say_latest(self)

    def finding(self) -> str:
        """What the latest period's losses took and its gains brought, in money, for a title."""
        return _say_money(self) if len(self.table) else say_nothing_complete(self)

    def careless_sentence(self) -> Sentence:
        """What counting heads at both ends would say of the latest period, and what it hides."""
        if self.table.empty:
            return Sentence(say_nothing_complete(self))
        return Sentence(_say_heads(self))

    def in_money(self) -> MoneyLedger:
        """The same ledger in net revenue, with its sum to say that it closes."""
        money = self.table[["period", *REVENUES]]
        starts, w = self.table["period_start"], self.wording
        return MoneyLedger(
            money.copy(),
            wording=w,
            assumptions=self.assumptions,
            latest=say_period(starts.iloc[-1], self.period, w, key="name") if len(starts) else "",
        )

    def trend(self) -> TrendResult:
        """Attrition over time, a year's rate each, with ranges and the trade's rate if given."""
        return follow_trend(self)

    def year_before(self) -> YearBeforeResult:
        """Each period beside the same one a year before."""
        return compare_years(self)

    def tank(self, *, years: int = 3) -> TankResult:
        """The level in ``years`` years if what flows in and what leaks stay as they are.

        Raises ``InputError`` where ``years`` is no whole number from 1 to 20.
        """
        return fill_tank(self, years)

    def half_sentence(self) -> Sentence:
        """How long until half of the customers are gone; half in five years is 12.9 % a year."""
        return half_gone(self)


@dataclass(frozen=True, repr=False, eq=False)
class MoneyLedger(Result):
    """The ledger in net revenue, one row a complete period, oldest first.

    Columns: ``period, opening_revenue, new_revenue, won_back_revenue, grown_revenue,
    shrunk_revenue, lost_revenue, closing_revenue``.
    """

    formats: ClassVar[Mapping[str, str]] = dict.fromkeys(REVENUES, "money")
    shown_rows: ClassVar[int] = 24

    latest: str = field(kw_only=True, default="")
    """The latest period, as one says it."""

    def sentence(self) -> str:
        """The sum of the latest period, figure by figure."""
        w = self.wording
        if self.table.empty:
            return w.say("flows.money_nothing")
        latest = self.table.iloc[-1]
        amounts = {name: w.money(latest[name], decimals=2) for name in REVENUES}
        return w.say("flows.money_closes", period=self.latest, **amounts)


def _say_heads(flows: FlowsResult) -> str:
    w, latest = flows.wording, flows.table.iloc[-1]
    if _nobody_there(latest):
        return _say_nobody(flows) + "."
    change = int(latest["closing"] - latest["opening"])
    moved = "more" if change > 0 else "fewer" if change < 0 else "same"
    return w.say(
        "flows.careless" if latest["lost"] else "flows.careless_nobody",
        opening=int(latest["opening"]),
        closing=int(latest["closing"]),
        change=w.say(f"flows.heads.{moved}", change=abs(change)),
        lost=int(latest["lost"]),
        came=int(latest["new"] + latest["won_back"]),
        revenue=w.money(latest["lost_revenue"]),
    )


def _check_trade(value: object) -> None:
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, Real) or not 0 <= float(value) <= 1:
        raise InputError(
            f"trade_attrition is the share of customers lost a year, a number between 0 and 1 "
            f"such as 0.12 for 12 %; got {value!r}."
        )


def _table(ledger: pd.DataFrame, kind: Period, language: str) -> pd.DataFrame:
    import pandas as pd

    counts = ("opening", *FLOWS, "closing")
    whole = {name: np.asarray(ledger.get(name, []), dtype=np.int64) for name in counts}
    money = {
        f"{name}_revenue": np.asarray(ledger.get(f"{name}_cents", []), dtype=np.int64) / CENTS
        for name in counts
    }
    numbers = [int(number) for number in ledger["number"]]
    opening = np.where(whole["opening"] > 0, whole["opening"], np.nan)
    attrition = whole["lost"] / opening
    ranges = [
        share_interval(int(lost), int(of))
        for lost, of in zip(whole["lost"], whole["opening"], strict=True)
    ]
    return pd.DataFrame(
        {
            "period": pd.Series(
                [period_label(number, kind, language) for number in numbers], dtype="str"
            ),
            **{name: whole[name] for name in ("opening", "new", "won_back", "lost", "closing")},
            "attrition": attrition,
            "attrition_low": np.array([low for low, _ in ranges], dtype=float),
            "attrition_high": np.array([high for _, high in ranges], dtype=float),
            "retention": 1 - attrition,
            "net_growth": (whole["closing"] - whole["opening"]) / opening,
            "annual_attrition": annual_rate(attrition, MONTHS[kind]),
            "passed_through": whole["passed_through"],
            **{name: money[name] for name in REVENUES},
            "passed_through_revenue": money["passed_through_revenue"],
            "period_start": pd.Series([period_start(n, kind) for n in numbers], dtype="object"),
            "period_end": pd.Series([period_end(n, kind) for n in numbers], dtype="object"),
        }
    )


def _assumptions(
    base: CustomerBase, span: Span, ledger: pd.DataFrame, trade: float | None
) -> dict[str, object]:
    w = base.wording
    said: dict[str, object] = {
        "as_of": base.as_of,
        "flow_period": w.say(f"flows.kind.{span.kind}"),
        "activity_window_days": base.activity_window_days,
        "active": w.say("flows.active", days=base.activity_window_days),
        "flow_revenue": w.say("flows.revenue_meant", days=base.activity_window_days),
        "history": w.say("flows.history", first=w.date(engine.day_of(span.seen_from))),
    }
    reappeared = int(ledger["reappeared"].sum()) if len(ledger) else 0
    if reappeared:
        said["reappeared"] = w.say("flows.reappeared", customers=reappeared)
    late, whose = count_after_closing(base)
    if late:
        said["after_closing"] = w.say("flows.after_closing", purchases=late, customers=whose)
    if span.kind != "year":
        said["annual_attrition"] = w.say("flows.annualised")
    if trade is not None:
        said["trade_attrition"] = w.say("flows.trade_given", share=w.percent(float(trade)))
    return said


def say_nothing_complete(flows: FlowsResult) -> str:
    """What there is, what a complete period would need, and what to try instead."""
    w, span = flows.wording, flows.span
    needed = max(span.first, span.last + 1)
    words = {
        "none": w.say(f"flows.none.{span.kind}"),
        "first": w.date(engine.day_of(span.first_day)),
        "as_of": w.date(engine.day_of(span.as_of_day)),
        "name": say_period(period_start(needed, span.kind), span.kind, w, key="name"),
        "end": w.date(period_end(needed, span.kind)),
    }
    shorter = [
        kind
        for kind in LONGEST_FIRST[LONGEST_FIRST.index(span.kind) + 1 :]
        if Span(kind, span.first_day, span.as_of_day, span.window_days).count
    ]
    remedy = w.say("flows.try_period", period=shorter[0]) if shorter else w.say("flows.try_window")
    return w.say("flows.empty", days=span.window_days, remedy=remedy, **words)


def _nobody_there(latest: pd.Series[Any]) -> bool:
    return not any(int(latest[name]) for name in ("opening", "new", "won_back", "lost", "closing"))


def _say_nobody(flows: FlowsResult) -> str:
    start = flows.table["period_start"].iloc[-1]
    when = say_period(start, flows.period, flows.wording)
    return flows.wording.say("flows.nobody_there", when=when)


def _say_latest(flows: FlowsResult) -> str:
    w, latest = flows.wording, flows.table.iloc[-1]
    if _nobody_there(latest) and not latest["passed_through"]:
        return _say_nobody(flows) + "."
    when = say_period(latest["period_start"], flows.period, w)
    came: dict[str, Any] = {
        "new": int(latest["new"]),
        "won_back": int(latest["won_back"]),
        "growth": _say_growth(latest, w),
    }
    gone: dict[str, Any] = {
        "when": when,
        "lost": int(latest["lost"]),
        "opening": int(latest["opening"]),
        "revenue": w.money(latest["lost_revenue"]),
        "days": flows.span.window_days,
    }
    passed = int(latest["passed_through"])
    also = " " + w.say("flows.also_passed", passed=passed) if passed else ""
    if not gone["opening"]:
        return (
            w.say("flows.from_nothing", when=when, new=came["new"], won_back=came["won_back"])
            + also
        )
    key = "flows.sketch" if gone["opening"] < SKETCH_BELOW else "flows.latest"
    if not gone["lost"]:
        key = "flows.nobody_lost"
        return (
            w.say(
                key,
                when=when,
                opening=gone["opening"],
                high=w.percent(latest["attrition_high"]),
                **came,
            )
            + also
        )
    if key == "flows.sketch":
        return w.say(key, **gone, **came) + also
    rate = w.say(
        "flows.rate_year" if flows.period == "year" else "flows.rate_part",
        attrition=w.percent(latest["attrition"]),
        low=w.percent(latest["attrition_low"]),
        high=w.percent(latest["attrition_high"]),
        annual=w.percent(latest["annual_attrition"]),
    )
    return w.say(key, rate=rate, **gone, **came) + also


def _say_growth(latest: pd.Series[Any], w: Wording) -> str:
    change = int(latest["closing"] - latest["opening"])
    if not change or not latest["opening"]:
        return w.say("flows.stayed")
    key = "flows.grew" if change > 0 else "flows.shrank"
    if latest["opening"] < SKETCH_BELOW:
        return w.say(f"{key}_few", change=abs(change))
    return w.say(key, growth=w.percent(abs(float(latest["net_growth"]))))


def _say_money(flows: FlowsResult) -> str:
    w, latest = flows.wording, flows.table.iloc[-1]
    if _nobody_there(latest):
        return _say_nobody(flows)
    return w.say(
        "flows.finding" if latest["lost"] else "flows.finding_nobody",
        when=say_period(latest["period_start"], flows.period, w),
        lost=int(latest["lost"]),
        lost_revenue=w.money(latest["lost_revenue"]),
        new=int(latest["new"]),
        won_back=int(latest["won_back"]),
        gained=w.money(latest["new_revenue"] + latest["won_back_revenue"]),
    )
