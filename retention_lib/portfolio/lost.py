"""Who was lost: how many, why, what it cost, and which warning signs had fired before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from retention_lib import progress
from retention_lib.base import engine
from retention_lib.base.customer_base import CustomerBase, require_base
from retention_lib.portfolio import _lost_causes as causes
from retention_lib.portfolio import _lost_tables as tables
from retention_lib.portfolio._lost_found import MOST_MONTHS, Losses, find_losses
from retention_lib.portfolio._lost_signals import HALF_YEAR, SPOKEN, signs_before
from retention_lib.portfolio._lost_value import FEWEST_STAYERS
from retention_lib.portfolio.calendar_periods import check_months
from retention_lib.results import Result
from retention_lib.wording import Wording

if TYPE_CHECKING:
    import pandas as pd

SKETCH_BELOW = 30
"""With fewer customers than this counts are told, not shares."""


def list_lost(base: CustomerBase, *, months: int = 12) -> LostResult:
    """List the customers lost in the last months: why, what it cost, what could be seen before.

    One row a customer that was active so many calendar months before ``base.as_of`` and is not
    active on it: those whom the ledger of ``measure_flows`` counts as lost over the same dates.
    ``lost_on`` is the day it stopped being active: the end of its account, or of the activity
    window after its last purchase. The trap: a customer who is merely silent is "lost" on the
    day the window says so; with another window the list is another one.

    Parameters
    ----------
    base
        The customer base; nothing after its ``as_of`` is looked at.
    months
        How many calendar months up to ``as_of``.

    Raises
    ------
    InputError
        Where ``months`` is not a whole number of at least 1.

    Examples
    --------
    >>> import pandas as pd
    >>> lines = pd.DataFrame({"customer_id": ["a", "b", "b", "b"],
    ...     "date": pd.to_datetime(["2023-03-01", "2023-01-05", "2023-09-01", "2024-12-31"]),
    ...     "amount": [120.0, 5.0, 20.0, 5.0]})
    >>> lost = list_lost(CustomerBase.from_tables(lines))
    >>> lost.to_frame()[["customer_id", "annual_revenue", "value_lost"]]
      customer_id  annual_revenue  value_lost
    0           a           120.0       120.0
    """
    require_base(base)
    months = check_months(months, MOST_MONTHS)
    with progress.steps(base.wording, "lost", total=2) as step:
        step("who_left")
        losses = find_losses(base, months)
        step("signs_before")
        signs = signs_before(base, losses.lost, losses.first_day)
        table = tables.lost_table(losses, signs, base.wording)
    lost = losses.lost
    annual, purchases = lost["annual"].to_numpy(float), lost["purchases"].to_numpy()
    low, high = losses.carry.between(annual, purchases)
    return LostResult(
        table,
        wording=base.wording,
        assumptions=_assumptions(base, losses, table),
        losses=losses,
        signs=signs,
        total=round(float(table["value_lost"].sum()), 2) + 0.0,
        total_low=low,
        total_high=high,
        by_month=tables.by_month(base, losses, table),
        spoken_known=base.has("feedback") or base.has("interactions", "kind"),
    )


@dataclass(frozen=True, repr=False, eq=False)
class LostResult(Result):
    """The customers lost, those worth most first.

    Columns: ``customer_id, name`` (where the base has names), ``last_purchase, lost_on`` (dates),
    ``tenure_days`` (from the first purchase, or ``acquired_on`` where earlier, to the last),
    ``annual_revenue`` and ``annual_margin`` (of the 365 days up to the last purchase; margin
    missing where nobody knows it), ``value_lost`` (what a year of it would have brought, in
    margin where known, else in revenue), ``reason`` (as recorded), ``cause`` (a code),
    ``avoidable``, ``signals_before`` (in words, the first to fire first),
    ``first_signal_days`` (from there to the loss) and ``full_year`` (false where the file begins
    within the year before its last purchase, so that the annual figures are too low).

    ``total`` with ``total_low`` and ``total_high``: a year of all of them, 95 % sure; the range
    is missing where the base's past is too short to know what a following year brings, and
    ``total`` then is what they bought in their last. ``by_month``: customers and value by the
    month of the loss.
    """

    chart: ClassVar[str] = "lost_charts.plot_lost_months"
    telling: ClassVar[tuple[str, ...]] = ("reason",)
    hidden: ClassVar[tuple[str, ...]] = ("cause", "full_year")
    formats: ClassVar[Mapping[str, str]] = {
        "tenure_days": "count",
        "annual_revenue": "money",
        "annual_margin": "money",
        "value_lost": "money",
        "first_signal_days": "count",
    }

    losses: Losses = field(kw_only=True)
    signs: pd.DataFrame = field(kw_only=True)
    total: float = field(kw_only=True)
    total_low: float = field(kw_only=True)
    total_high: float = field(kw_only=True)
    by_month: pd.DataFrame = field(kw_only=True)
    spoken_known: bool = field(kw_only=True)

    @property
    def unit(self) -> str:
        """What values are in: ``margin`` or ``revenue``."""
        return "margin" if self.losses.basis.known else "revenue"

    def sentence(self) -> str:
        """How many were lost, why, and what it cost."""
        who = say_who(self.losses, self.as_of_said, self.wording)
        if self.table.empty:
            return who + "."
        why = _say_why(self.table, self.wording)
        return self.wording.say("lost.sentence", who=who, why=why, cost=self.cost())

    def cost(self) -> str:
        """What a year of the lost would have brought, with its range where one can be told."""
        return say_cost(self.wording, self.unit, len(self.table), self.total, self.total_low,
                        self.total_high)  # fmt: skip

    def finding(self) -> str:
        """How many, worth how much, and which month cost most: for a title."""
        w = self.wording
        if self.table.empty:
            return say_who(self.losses, self.as_of_said, w)
        said = w.say(
            "lost.finding" if self.losses.whole else "lost.finding_floor",
            lost=len(self.table),
            months=self.losses.months,
            worth=w.say(f"lost.worth.{self.unit}", total=w.money(self.total)),
        )
        if not self.losses.whole or (self.by_month["customers"] > 0).sum() == 1:
            return said
        worth = self.by_month["value_closed"] + self.by_month["value_silent"]
        month = w.month(self.by_month["month_end"][worth.idxmax()])
        return w.say("lost.costliest", finding=said, month=month, value=w.money(float(worth.max())))

    @property
    def as_of_said(self) -> str:
        """The end of the months, as one says a date."""
        return str(self.assumptions["lost_until"])

    def reasons(self) -> LostReasons:
        """Why they left, as far as anybody wrote it down: value lost by reason."""
        return LostReasons(
            tables.reasons_table(self),
            wording=self.wording,
            assumptions=self.assumptions,
            lost=self,
        )

    def signals(self) -> LostSignals:
        """Which warning signs had fired before, how often and how long before."""
        w, assumptions = self.wording, dict(self.assumptions)
        days = self.losses.window + HALF_YEAR
        assumptions["look_back"] = w.say("lost.look_back", days=days)
        return LostSignals(
            tables.signals_table(self), wording=w, assumptions=assumptions, lost=self
        )


@dataclass(frozen=True, repr=False, eq=False)
class LostReasons(Result):
    """Value lost by recorded reason: one row a cause, most value first.

    Columns: ``cause_name, avoidable`` (missing where nobody can say), ``customers,
    share_of_customers, value_lost, value_low, value_high`` (95 % sure; missing where the list
    has no range), ``share_of_value`` (missing where the total is not above zero), ``cause``.
    """

    chart: ClassVar[str] = "lost_charts.plot_lost_reasons"
    hidden: ClassVar[tuple[str, ...]] = ("cause",)
    formats: ClassVar[Mapping[str, str]] = {
        "customers": "count",
        "share_of_customers": "percent",
        "value_lost": "money",
        "value_low": "money",
        "value_high": "money",
        "share_of_value": "percent",
    }

    lost: LostResult = field(kw_only=True)

    def sentence(self) -> str:
        """How much has no usable reason, how much could have been avoided, how much not."""
        return self.finding() + "."

    def finding(self) -> str:
        """The sentence without its full stop, for a title."""
        w, table = self.wording, self.table
        if table.empty:
            return self.lost.finding()
        total = int(table["customers"].sum())
        if set(table["cause"]) == {causes.NONE}:
            worth = w.say(f"lost.worth.{self.lost.unit}", total=w.money(self.lost.total))
            return w.say("lost.reasons.nothing", lost=total, worth=worth)
        groups = table.assign(kind=tables.kinds(table["avoidable"])).groupby("kind")
        shares = groups[["customers", "share_of_value"]].sum()
        shares = shares.reindex(["unknown", "avoidable", "unavoidable"], fill_value=0)
        in_value = total >= SKETCH_BELOW and bool(table["share_of_value"].between(0, 1).all())
        said = {
            kind: w.percent(float(row["share_of_value"]), decimals=0)
            if in_value
            else w.number(int(row["customers"]))
            for kind, row in shares.iterrows()
        }
        key = "lost.reasons.value" if in_value else "lost.reasons.counts"
        words = {"lost": total, "unknown": said["unknown"], "avoidable": said["avoidable"]}
        first = table[table["avoidable"].fillna(False).astype(bool)]
        if first.empty:
            return w.say(key, **words)
        return w.say(f"{key}_first", cause=first["cause_name"].iloc[0], **words)


@dataclass(frozen=True, repr=False, eq=False)
class LostSignals(Result):
    """The warning signs that had fired before: one row a sign, the commonest first.

    Columns: ``signal_name, customers`` (lost, with that sign before), ``share_of_customers``,
    ``still_buying`` (how many showed it before their last purchase), ``median_days_before``
    (from the first time it was seen to the loss), ``signal``. The last row, ``none``, counts
    those who showed no sign at all.
    """

    chart: ClassVar[str] = "lost_charts.plot_lost_signals"
    hidden: ClassVar[tuple[str, ...]] = ("signal",)
    formats: ClassVar[Mapping[str, str]] = {
        "customers": "count",
        "share_of_customers": "percent",
        "still_buying": "count",
        "median_days_before": "count",
    }

    lost: LostResult = field(kw_only=True)

    def sentence(self) -> str:
        """How many showed a sign, how many while still buying, how many left without a word."""
        said, total = self.finding(), len(self.lost.table)
        if total and self.lost.spoken_known:
            unspoken = total - self.shown_by(*SPOKEN)
            key = "lost.signals.with_unspoken"
            said = self.wording.say(key, finding=said, unspoken=unspoken, lost=total)
        return said + "."

    def shown_by(self, *codes: str) -> int:
        """How many of the lost had shown one of these signs before."""
        signs = self.lost.signs
        return int(signs.loc[signs["signal"].isin(codes), "customer_id"].nunique())

    def finding(self) -> str:
        """The sentence without its full stop, for a title."""
        w, signs, total = self.wording, self.lost.signs, len(self.lost.table)
        if not total:
            return self.lost.finding()
        signed = int(signs["customer_id"].nunique())
        early = int(signs.loc[signs["still_buying"], "customer_id"].nunique())
        told = w.number(early) if early else w.say("lost.signals.nobody")
        if not signed:
            return w.say("lost.signals.finding_none", lost=total)
        if signed == total:
            return w.say("lost.signals.finding_all", lost=total, early=told)
        without = total - signed
        return w.say("lost.signals.finding", lost=total, signed=signed, early=told, without=without)


def say_who(losses: Losses, as_of: str, wording: Wording) -> str:
    """How many of the active were lost, or why that cannot be told."""
    count, opening = len(losses.lost), losses.opening
    words: dict[str, object] = {
        "start": wording.date(losses.start),
        "as_of": as_of,
        "first": wording.date(engine.day_of(losses.first_day)),
        "window": losses.window,
    }
    if not losses.seen:
        return wording.say("lost.who.unseen", **words)
    if not losses.whole:
        return wording.say(
            "lost.who.floor" if count else "lost.who.nobody_floor", lost=count, **words
        )
    if not opening:
        return wording.say("lost.who.nobody_active", **words)
    if not count:
        return wording.say("lost.who.nobody", opening=opening, **words)
    if opening < SKETCH_BELOW:
        return wording.say("lost.who.few", lost=count, opening=opening, **words)
    share = wording.percent(count / opening)
    return wording.say("lost.who.share", lost=count, opening=opening, share=share, **words)


def say_cost(wording: Wording, unit: str, lost: int, total: float, low: float, high: float) -> str:
    """What a year of the lost would have brought; without a range, what their last one did."""
    if low != low:
        words = {"lost": lost, "total": wording.money(total), "least": FEWEST_STAYERS}
        return wording.say(f"lost.cost_observed.{unit}", **words)
    if wording.money(low) == wording.money(high):
        return wording.say(f"lost.cost_plain.{unit}", lost=lost, total=wording.money(total))
    return wording.say(
        f"lost.cost.{unit}",
        lost=lost,
        total=wording.money(total),
        low=wording.money(low),
        high=wording.money(high),
    )


def _say_why(table: pd.DataFrame, wording: Wording) -> str:
    if (table["cause"] == causes.NONE).all():
        return wording.say("lost.why.nothing", lost=len(table))
    kinds = tables.kinds(table["avoidable"]).value_counts()
    counts = {kind: int(kinds.get(kind, 0)) for kind in ("unknown", "avoidable", "unavoidable")}
    return wording.say("lost.why.some", **counts)


def _assumptions(base: CustomerBase, losses: Losses, table: pd.DataFrame) -> dict[str, object]:
    w, carry = base.wording, losses.carry
    unit = "margin" if losses.basis.known else "revenue"
    said: dict[str, object] = {
        "lost_since": w.date(losses.start),
        "lost_until": w.date(base.as_of),
        "activity_window_days": base.activity_window_days,
        "value_lost": w.say(f"lost.value.{unit}"),
    }
    if carry.known:
        told = [
            w.say("lost.ratio_band", ratio=w.number(float(ratio), decimals=2),
                  band=_say_band(carry.starts, place, w))
            for place, ratio in enumerate(carry.ratios)
        ]  # fmt: skip
        said["carry"] = w.say("lost.carry", stayers=carry.stayers, ratios=w.listing(told))
    else:
        said["carry"] = w.say("lost.carry_unknown", least=FEWEST_STAYERS)
    if losses.passed_through:
        said["passed_through"] = w.say("lost.passed_through", customers=losses.passed_through)
    cut = int((~table["full_year"]).sum()) if len(table) else 0
    if cut:
        said["cut_years"] = w.say("lost.cut_years", customers=cut)
    unread = table.loc[table["cause"] == causes.OTHER, "reason"]
    if len(unread):
        commonest = unread.value_counts().index[:3].tolist()
        said["unread"] = w.say("lost.unread", customers=len(unread), examples=w.listing(commonest))
    return said


def _say_band(starts: tuple[int, ...], place: int, wording: Wording) -> str:
    low = starts[place]
    if place + 1 == len(starts):
        return wording.say("lost.band.more", low=low)
    high = starts[place + 1] - 1
    return wording.say("lost.band.one" if low == high else "lost.band.few", low=low, high=high)
