"""What it takes to hold the revenue or to grow it: customers to win, revenue to protect, where.

The last months tell what becomes of revenue when nothing changes: some leaves with the lost
customers, those who stay buy more or less, some come back. What is then missing to the target
is what new customers have to bring, at what a new customer brought.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from retention_lib.base.customer_base import CustomerBase, require_base
from retention_lib.errors import InputError
from retention_lib.portfolio._value_draws import (
    Plan,
    plan_draws,
    plan_from,
    totals_of,
    whole_up,
)
from retention_lib.portfolio._value_groups import groups_of, source_of
from retention_lib.portfolio._value_moves import (
    MOST_MONTHS,
    Moves,
    first_transaction,
    moves,
    needed_from,
)
from retention_lib.portfolio._value_where import (
    WHERE_COLUMNS,
    Grouped,
    NeedsByGroup,
    where_table,
)
from retention_lib.portfolio.calendar_periods import check_months, months_before
from retention_lib.portfolio.intervals import DRAWS, middle
from retention_lib.portfolio.rfm import SKETCH_BELOW, score_rfm
from retention_lib.portfolio.value import is_number
from retention_lib.results import Listing, Result
from retention_lib.wording import Wording

if TYPE_CHECKING:
    import pandas as pd

_DAYS_A_MONTH = 30.44
_NEARLY_A_YEAR = 360
STEPS = ("now", "lost", "changed", "won_back", "new", "surplus", "target")
_COLUMNS = ("step", "customers", "customers_low", "customers_high", "revenue", "low", "high")


def measure_needs(
    base: CustomerBase, *, growth: float = 0.0, months: int = 12, by: str = "segment"
) -> NeedsResult:
    """How many customers to win, or how much revenue to protect, to reach next year's revenue.

    One row a step from today's revenue to the target: what leaves at past rates, what those who
    stay add or drop, what comes back, what new customers have to bring. Revenue is that of the
    active customers in the activity window, net.

    Parameters
    ----------
    base
        The customer base; nothing after its ``as_of`` is looked at.
    growth
        What to reach, as a share of today's revenue on top of it: 0 holds it, 0.05 is 5 % more
        (0 to 1).
    months
        The movements of the last so many months are taken for those of the next as many; the
        target is to be reached by then.
    by
        Where the loss is, in ``.where()``: ``segment`` (RFM, classic) or a text column of the
        customers or the transactions, such as ``sector``, ``size`` or ``region``.

    The ranges say what chance alone could have done to the last months. That the next may be
    different from them no range can say.

    Raises
    ------
    InputError
        Where ``growth`` or ``months`` cannot be.
    ChoiceError
        Where nobody knows ``by``.

    Examples
    --------
    >>> import pandas as pd
    >>> lines = pd.DataFrame([("a", "2022-01-01", 50.0), ("a", "2023-06-01", 50.0),
    ...     ("b", "2022-06-01", 50.0), ("c", "2023-07-01", 25.0), ("d", "2023-12-31", 25.0)],
    ...     columns=["customer_id", "date", "amount"])
    >>> needs = measure_needs(CustomerBase.from_tables(lines.assign(
    ...     date=pd.to_datetime(lines["date"]))))
    >>> needs.to_frame()[["step_code", "customers", "revenue"]]
      step_code  customers  revenue
    0       now        3.0    100.0
    1      lost       -1.5    -50.0
    2   changed        NaN      0.0
    3  won_back        0.0      0.0
    4       new        2.0     50.0
    5    target        NaN    100.0
    """
    require_base(base)
    growth = _check_growth(growth)
    months = check_months(months, MOST_MONTHS)
    source = (
        "" if isinstance(by, str) and by == "segment" else source_of(base, by, also=["segment"])
    )
    found = moves(base, months)
    if found is None or not found.frame["opening"].any():
        return _silent(base, growth, months, by, found)
    plan = plan_from(totals_of(found.frame), growth)
    if plan.opening_revenue <= 0 or plan.closing_revenue <= 0:
        return _silent(base, growth, months, by, found)
    draws = plan_draws(found.frame, growth)
    grouped = _grouped(base, found, by, source)
    wording = base.wording
    assumptions = _assumptions(base, growth, months, found)
    return NeedsResult(
        _bridge(plan, draws, wording),
        wording=wording,
        assumptions=assumptions,
        plan=plan,
        ranges={name: middle(values) for name, values in draws.items()},
        growth=growth,
        months=months,
        window_days=base.activity_window_days,
        missing="",
        places=NeedsByGroup(
            where_table(found.frame, grouped, plan, wording),
            wording=wording,
            assumptions={**assumptions, "groups": wording.say("needs.groups_rule")},
            by=by,
            absent=grouped is None,
            missing="",
            months=months,
        ),
    )


@dataclass(frozen=True, repr=False, eq=False)
class NeedsResult(Result):
    """From today's revenue to the target, one row a step.

    Columns: ``step, step_code`` (``now, lost, changed, won_back, new, surplus, target``),
    ``customers, customers_low, customers_high`` (those expected to be lost, below zero; those to
    win; missing where the step has none), ``revenue, low, high`` (money, 95 % sure). The revenue
    of the steps adds up to the target; ``surplus`` is only there where no new customer is needed.
    Empty where the history is too short.

    ``plan`` holds the figures behind it and ``ranges`` their ranges.
    """

    chart: ClassVar[str] = "value_charts.plot_needs"
    formats: ClassVar[Mapping[str, str]] = {
        "customers": "count",
        "customers_low": "count",
        "customers_high": "count",
        "revenue": "money",
        "low": "money",
        "high": "money",
    }
    hidden: ClassVar[tuple[str, ...]] = ("step_code",)

    plan: Plan = field(kw_only=True)
    ranges: Mapping[str, tuple[float, float]] = field(kw_only=True)
    growth: float = field(kw_only=True)
    months: int = field(kw_only=True)
    window_days: int = field(kw_only=True)
    missing: str = field(kw_only=True)
    hint: str = field(default="", kw_only=True)
    places: NeedsByGroup = field(kw_only=True)

    def sentence(self) -> str:
        """How many customers to win to reach the target, or how many more to keep."""
        if self.missing:
            return f"{self.missing} {self.hint}".strip()
        w, plan = self.wording, self.plan
        if self.is_sketch():
            return w.say(
                "needs.few",
                opening=plan.opening,
                lost=plan.lost,
                new=plan.new,
                months=self.months,
            )
        return " ".join([*self._win(), *self._keep(), *self._season()])

    def finding(self) -> str:
        """How many to win, for a title."""
        w, plan = self.wording, self.plan
        if self.missing:
            return self.missing.rstrip(".")
        if self.is_sketch():
            return self.sentence().rstrip(".")
        words = self._words()
        if plan.gap <= 0:
            covered = "needs.title_covered" if words["high"] else "needs.title_covered_surely"
            return w.say(covered, **words)
        if plan.per_new != plan.per_new:
            return w.say("needs.no_new_title", **words)
        return w.say("needs.title_grow" if self.growth else "needs.title_hold", **words)

    def is_sketch(self) -> bool:
        """Whether too few customers were active at the start to say how many to win."""
        return self.plan.opening < SKETCH_BELOW

    def where(self) -> NeedsByGroup:
        """Where the loss is: one row a group, at the group's own past rate."""
        return self.places

    def movements(self) -> Listing:
        """What happened in the last months, which is taken for what will happen in the next."""
        return _movements(self)

    def ways(self) -> Listing:
        """Two ways to the target: win customers, or protect revenue with as many new ones."""
        return _ways(self)

    def _words(self) -> dict[str, object]:
        w, plan = self.wording, self.plan
        low, high = _whole_range(self.ranges["needed"])
        return {
            "growth": _plain_percent(self.growth, w),
            "target": w.money(plan.target),
            "months": self.months,
            "needed": whole_up(plan.needed),
            "low": low,
            "high": high,
            "came": plan.new,
            "gap": w.money(max(plan.gap, 0.0)),
        }

    def _win(self) -> list[str]:
        w, plan = self.wording, self.plan
        words = self._words()
        if plan.gap <= 0:
            covered = "needs.covered" if words["high"] else "needs.covered_surely"
            return [w.say(covered, **words)]
        if plan.per_new != plan.per_new:
            return [w.say("needs.no_new", **words)]
        words["each"] = w.money(plan.per_new)
        return [w.say("needs.win_grow" if self.growth else "needs.win_hold", **words)]

    def _season(self) -> list[str]:
        """A warning where two seasons are compared."""
        whole = self.months % 12 == 0 or self.window_days >= _NEARLY_A_YEAR
        return [] if whole else [self.wording.say("needs.season")]

    def _keep(self) -> list[str]:
        w, plan = self.wording, self.plan
        low, high = self.ranges["protect"]
        if plan.per_new != plan.per_new:
            return []
        if plan.protect <= 0:
            enough = "needs.enough" if high >= 0.5 else "needs.enough_surely"
            return [w.say(enough, high=w.money(high))] if plan.gap > 0 else []
        words: dict[str, object] = {
            "money": w.money(plan.protect),
            "low": w.money(low),
            "high": w.money(high),
            "came": plan.new,
        }
        if not plan.can_keep(plan.protect):
            return [w.say("needs.keep_not_enough", loss=w.money(plan.expected_loss), **words)]
        words |= {
            "keep": whole_up(plan.keep_for(plan.protect)),
            "lost": _nearest(plan.expected_lost),
            "points": w.number(plan.points * 100, decimals=1),
            "points_count": round(plan.points * 100, 1),
        }
        return [w.say("needs.keep", **words)]


def _check_growth(growth: object) -> float:
    share = float(growth) if is_number(growth) else -1.0  # type: ignore[arg-type]
    if 0 <= share <= 1:
        return share
    raise InputError(
        f"growth must be a share of today's revenue from 0 (hold it) to 1 (double it), such as "
        f"0.05 for 5 %; got {growth!r}."
    )


def _grouped(base: CustomerBase, found: Moves, by: str, source: str) -> Grouped | None:
    """Each customer's group at the start and now; none where the base has no such column."""
    if by != "segment":
        if not source:
            return None
        groups = found.frame["customer_id"].map(groups_of(base, by, source))
        return Grouped(by, groups, groups)
    now = score_rfm(base).to_frame().set_index("customer_id")["segment"]
    then = score_rfm(base.at(found.start)).to_frame().set_index("customer_id")["segment"]
    customers = found.frame["customer_id"]
    return Grouped(by, customers.map(then), customers.map(now))


def _silent(
    base: CustomerBase, growth: float, months: int, by: str, found: Moves | None
) -> NeedsResult:
    """The result of a base that cannot tell: no rows, and a sentence on what is missing."""
    import pandas as pd

    w = base.wording
    first = first_transaction(base)
    needed, hint = needed_from(base, months), ""
    if found is None:
        missing = w.say(
            "needs.short",
            months=months,
            window=base.activity_window_days,
            needed=w.date(needed),
            first=w.date(first),
        )
        hint = _what_can_be_told(base, first)
    elif not found.frame["opening"].any():
        missing = w.say("needs.nobody", start=w.date(found.start))
    else:
        before, after = found.frame[["opening_revenue", "closing_revenue"]].sum()
        missing = w.say(
            "needs.no_revenue",
            start=w.date(found.start),
            before=w.money(float(before)),
            after=w.money(float(after)),
        )
    assumptions = _assumptions(base, growth, months, found)
    places = NeedsByGroup(
        pd.DataFrame(columns=[by, *WHERE_COLUMNS]),
        wording=w,
        assumptions=assumptions,
        by=by,
        absent=False,
        missing=missing,
        months=months,
    )
    return NeedsResult(
        pd.DataFrame(columns=["step", "step_code", *_COLUMNS[1:]]),
        wording=w,
        assumptions=assumptions,
        plan=plan_from(np.zeros(9), growth),
        ranges={},
        growth=growth,
        months=months,
        window_days=base.activity_window_days,
        missing=missing,
        hint=hint,
        places=places,
    )


def _what_can_be_told(base: CustomerBase, first: date) -> str:
    """The call that this history is long enough for: half of it a window, half movements."""
    months = int(((base.as_of - first).days + 1) / _DAYS_A_MONTH / 2)
    if not months:
        return ""
    window = (months_before(base.as_of, months) - first).days + 1
    call = f"rl.measure_needs(base.with_window({window}), months={months})"
    return base.wording.say("needs.shorter", call=call)


def _bridge(plan: Plan, draws: Mapping[str, Any], w: Wording) -> pd.DataFrame:
    """The steps from today's revenue to the target, each with its range."""
    import pandas as pd

    nothing = float("nan")

    def bounds(name: str) -> tuple[float, float]:
        return middle(draws[name])

    few, many = bounds("expected_lost")
    missing = tuple(max(bound, 0.0) for bound in bounds("gap"))
    back = plan.won_back_revenue
    rows: list[tuple[object, ...]] = [
        ("now", plan.closing, nothing, nothing, plan.closing_revenue, nothing, nothing),
        ("lost", -plan.expected_lost, -many, -few, -plan.expected_loss, *_mirrored(bounds("loss"))),
        ("changed", nothing, nothing, nothing, plan.expected_change, *bounds("change")),
        ("won_back", plan.won_back, *bounds("won_back"), back, *bounds("won_back_revenue")),
        ("new", plan.needed, *bounds("needed"), max(plan.gap, 0.0), *missing),
    ]
    if plan.gap < 0:
        rows.append(("surplus", nothing, nothing, nothing, plan.gap, *bounds("gap")))
    rows.append(("target", nothing, nothing, nothing, plan.target, nothing, nothing))
    table = pd.DataFrame(rows, columns=["step_code", *_COLUMNS[1:]])
    change = "changed_down" if plan.expected_change < 0 else "changed_up"
    names = [change if code == "changed" else code for code in table["step_code"]]
    table.insert(0, "step", [w.say(f"needs.step.{name}") for name in names])
    money = ["revenue", "low", "high"]
    table[money] = table[money].astype(float).round(2) + 0.0
    return table


def _mirrored(bounds: tuple[float, float]) -> tuple[float, float]:
    return -bounds[1], -bounds[0]


def _movements(result: NeedsResult) -> Listing:
    import pandas as pd

    w, plan = result.wording, result.plan
    columns = ["movement", "customers", "revenue_before", "revenue_after"]
    if result.missing:
        return Listing(pd.DataFrame(columns=columns), wording=w, said=result.missing)
    nothing = float("nan")
    rows = [
        ("stayed", plan.stayed, plan.stayed_before, plan.stayed_after),
        ("lost", plan.lost, plan.lost_revenue, nothing),
        ("won_back", plan.won_back, nothing, plan.won_back_revenue),
        ("new", plan.new, nothing, plan.new_revenue),
    ]
    table = pd.DataFrame(
        [(w.say(f"needs.movement.{code}"), *figures) for code, *figures in rows], columns=columns
    )
    for column in columns[2:]:
        table[column] = [w.money(figure) for figure in table[column]]
    said = w.say(
        "needs.movements",
        months=result.months,
        opening=plan.opening,
        lost=plan.lost,
        new=plan.new,
        each=w.money(plan.per_new) if plan.new else "–",
        before=w.money(plan.opening_revenue),
        after=w.money(plan.closing_revenue),
    )
    return Listing(table, wording=w, assumptions=result.assumptions, said=said)


def _ways(result: NeedsResult) -> Listing:
    import pandas as pd

    w, plan = result.wording, result.plan
    columns = ["way", "customers", "between", "revenue", "points"]
    if result.missing:
        return Listing(pd.DataFrame(columns=columns), wording=w, said=result.missing)
    rows: list[tuple[object, ...]] = []
    gap = max(plan.gap, 0.0)
    if plan.per_new == plan.per_new:
        few, many = _whole_range(result.ranges["needed"])
        between = _between(w.number(few), w.number(many), w)
        rows.append((w.say("needs.way.win"), whole_up(plan.needed), between, w.money(gap), ""))
    for way, missing, name in (("keep", plan.protect, "protect"), ("keep_only", gap, "gap")):
        low, high = (max(bound, 0.0) for bound in result.ranges[name])
        between = _between(w.money(low), w.money(high), w)
        enough = plan.can_keep(missing)
        kept = whole_up(plan.keep_for(missing)) if enough else None
        points = w.number(missing / plan.closing_revenue * 100, decimals=1) if enough else "–"
        rows.append((w.say(f"needs.way.{way}"), kept, between, w.money(missing), points))
    table = pd.DataFrame(rows, columns=columns)
    table["customers"] = table["customers"].astype("Int64")
    return Listing(table, wording=w, assumptions=result.assumptions, said=result.sentence())


def _between(low: str, high: str, wording: Wording) -> str:
    return low if low == high else wording.say("needs.between", low=low, high=high)


def _plain_percent(share: float, wording: Wording) -> str:
    """5 % and 2.5 %: no more decimals than were given."""
    whole = round(share * 100, 6) == round(share * 100)
    return wording.percent(share, decimals=0 if whole else 1)


def _nearest(value: float) -> int:
    return int(value + 0.5)


def _whole_range(bounds: tuple[float, float]) -> tuple[int, int]:
    low, high = bounds
    return (math.floor(low) if math.isfinite(low) else 0), whole_up(high)


def _assumptions(
    base: CustomerBase, growth: float, months: int, found: Moves | None
) -> dict[str, object]:
    w = base.wording
    said: dict[str, object] = {
        "as_of": base.as_of,
        "activity_window_days": base.activity_window_days,
        "growth": _plain_percent(growth, w),
    }
    if found is not None:
        said["movements_of"] = w.say(
            "needs.months", months=months, start=w.date(found.start), end=w.date(found.end)
        )
        said["rates"] = w.say("needs.rates_rule")
        said["range"] = w.say("needs.range_rule", draws=DRAWS)
    return said
