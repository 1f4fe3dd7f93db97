"""Win or keep: the same budget spent on new customers, or on those who would leave."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from numbers import Real
from typing import ClassVar

import numpy as np
import pandas as pd

from retention_lib.base.customer_base import CustomerBase
from retention_lib.decisions._win_or_keep_mix import (
    EFFORTS,
    Efforts,
    Mix,
    describe,
    find_best,
    worth_of_one,
)
from retention_lib.decisions._win_or_keep_start import (
    EffortSource,
    History,
    Start,
    start_from_base,
    start_from_scenario,
)
from retention_lib.decisions.ranges import LEVEL, Number, Range, likely
from retention_lib.decisions.scenarios import Scenario
from retention_lib.errors import InputError
from retention_lib.results import Listing, Result
from retention_lib.scoring._lifetime_results import about
from retention_lib.wording import Wording, with_minus

SHARES = tuple(share / 20 for share in range(21))
"""The splits that are shown: from all on winning to all on keeping."""
NAIVE = ("nothing", "all_winning", "all_keeping", "half")
_COLUMNS = ("share_to_keep", "to_winning", "to_keeping", "won_more", "kept_more", "profit",
            "profit_low", "profit_high", "chance_of_loss")  # fmt: skip


def win_or_keep(
    base_or_scenario: CustomerBase | Scenario,
    *,
    budget: float,
    cost_to_win: Number | None = None,
    most_to_win: Number | None = None,
    cost_to_keep: Number | None = None,
    most_to_keep: Number | None = None,
    years: int | None = None,
) -> WinOrKeepResult:
    """Find how much of a yearly budget to spend on winning customers, how much on keeping them.

    One row a split of the whole budget. Both sides have diminishing returns: the first customer
    costs ``cost_…``, each further one more, and there are never more than ``most_…`` a year
    (``most × (1 - exp(-spend / (cost × most)))``, after Blattberg and Deighton 1996, Harvard
    Business Review 74(4)). The trap: what keeping a customer costs stands in no customer file;
    unless you give it, it is assumed to cost what winning one does, and the result says so.

    Parameters
    ----------
    base_or_scenario
        The customer base, taken as it goes on by itself, by tenure year; or a scenario.
    budget
        Money a year, in the base's currency, from 0 on.
    cost_to_win
        What the first additional new customer costs, in money; a :class:`Range` where you doubt
        it. ``None``: what the history of the base supports, else its average acquisition cost.
    most_to_win
        How many new customers a year can be won at most on top of those of today. ``None``: what
        the history supports, else as many again as today (assumed, from half to double).
    cost_to_keep
        What keeping the first customer who would leave costs. ``None``: as much as
        ``cost_to_win`` (assumed, from half to double).
    most_to_keep
        How many of those who would leave in a year can be kept at most. ``None``: as large a
        part of them as left for a recorded reason that could have been avoided; a quarter of
        them (assumed) where no reasons are on file.
    years
        How many years the budget is spent and looked at (1 to 50). ``None``: 5, or those of the
        scenario.

    Raises
    ------
    InputError
        Where one of them cannot be.

    Examples
    --------
    >>> plain = Scenario(customers=1000, attrition=0.15, margin_per_customer=100)
    >>> mix = win_or_keep(plain, budget=5_000, cost_to_win=300, most_to_win=100,
    ...     cost_to_keep=50, most_to_keep=60)
    >>> mix.best.to_winning, round(mix.best.to_keeping)
    (0.0, 3867)
    """
    if not isinstance(base_or_scenario, CustomerBase | Scenario):
        raise InputError(
            f"win_or_keep needs a CustomerBase, such as rl.open_base(), or a Scenario; "
            f"got {type(base_or_scenario).__name__}."
        )
    given = {
        "cost_to_win": cost_to_win,
        "most_to_win": most_to_win,
        "cost_to_keep": cost_to_keep,
        "most_to_keep": most_to_keep,
    }
    _check(budget, given)
    if isinstance(base_or_scenario, CustomerBase):
        start = start_from_base(base_or_scenario, 5 if years is None else years, given)
    else:
        start = start_from_scenario(base_or_scenario, years, given)
    return weigh_mix(start, float(budget))


def weigh_mix(start: Start, budget: float) -> WinOrKeepResult:
    """The same from values gathered before: a pure function, for a slider."""
    scenario, efforts = start.scenario, start.efforts
    mixes: dict[str, Mix] = {}
    worths: dict[str, float] = {}
    table = pd.DataFrame(columns=list(_COLUMNS), dtype=float)
    if efforts is not None:
        best = find_best(scenario, efforts, budget)
        plans = {f"{share:.2f}": (budget * (1 - share), budget * share) for share in SHARES}
        plans |= {"nothing": (0.0, 0.0), "best": best}
        found = {mix.code: mix for mix in describe(scenario, efforts, plans)}
        splits = [found[f"{share:.2f}"] for share in SHARES]
        table = pd.DataFrame([_row(share, mix) for share, mix in zip(SHARES, splits, strict=True)])
        mixes = {"all_winning": splits[0], "all_keeping": splits[-1], "half": splits[10]}
        mixes |= {"nothing": found["nothing"], "best": found["best"]}
        worths = worth_of_one(scenario, efforts)
    return WinOrKeepResult(
        table,
        wording=scenario.wording,
        assumptions=_assumptions(start, budget),
        scenario=scenario,
        efforts=efforts,
        origins=start.origins,
        why_not=start.why_not,
        past=start.history,
        budget=budget,
        mixes=mixes,
        worths=worths,
    )


@dataclass(frozen=True, repr=False, eq=False)
class WinOrKeepResult(Result):
    """What each split of the budget earns: one row a split, from all on winning to all on keeping.

    Columns: ``share_to_keep, to_winning, to_keeping`` (money a year), ``won_more, kept_more``
    (customers a year), ``profit`` (discounted, over the years, against spending nothing; the
    budget is paid from it), ``profit_low, profit_high`` (90 %) and ``chance_of_loss``. Empty
    where something is missing that nobody can assume. ``best``: the mix that earns most, which
    may be all on one side, less than the budget, or nothing; ``worths``: what one more customer a
    year, ``won`` or ``kept``, may cost at most.
    """

    chart: ClassVar[str] = "keeping_charts.plot_win_or_keep"
    formats: ClassVar[Mapping[str, str]] = {
        "share_to_keep": "percent",
        **dict.fromkeys(("to_winning", "to_keeping"), "money"),
        **dict.fromkeys(("won_more", "kept_more"), "decimal"),
        **dict.fromkeys(("profit", "profit_low", "profit_high"), "money"),
        "chance_of_loss": "percent",
    }
    shown_rows: ClassVar[int] = 21

    scenario: Scenario = field(kw_only=True)
    efforts: Efforts | None = field(kw_only=True)
    origins: Mapping[str, EffortSource] = field(kw_only=True)
    why_not: str = field(kw_only=True)
    past: History = field(kw_only=True)
    budget: float = field(kw_only=True)
    mixes: Mapping[str, Mix] = field(kw_only=True)
    worths: Mapping[str, float] = field(kw_only=True)

    @property
    def missing(self) -> bool:
        """Whether the mix cannot be told."""
        return self.efforts is None

    @property
    def best(self) -> Mix:
        """The mix with the highest profit, spending less or nothing included."""
        if self.missing:
            raise InputError(self.why_not)
        return self.mixes["best"]

    @property
    def verdict(self) -> str:
        """``nothing``, ``winning``, ``keeping`` or ``both``: what the best mix spends on."""
        best, hair = self.best, 1e-6 * max(self.budget, 1.0)
        sides = (best.to_winning > hair, best.to_keeping > hair)
        names = {(False, False): "nothing", (True, False): "winning", (False, True): "keeping"}
        return names.get(sides, "both")

    @property
    def assumed(self) -> tuple[str, ...]:
        """Which of the four inputs are assumptions, neither measured nor given."""
        return tuple(name for name in EFFORTS if self.origins[name].origin == "assumed")

    def sentence(self) -> str:
        """The best mix, what it earns, what a customer may cost, and what of it is assumed."""
        w = self.wording
        if self.missing:
            return self.why_not
        said = [self.finding() + "."]
        if "kept" in self.worths:
            said.append(self._say_worths())
        if self.assumed:
            names = w.listing([w.say(f"keeping.effort.{name}") for name in self.assumed])
            said.append(w.say("keeping.mix.assumed", names=names))
        return " ".join(said)

    def _say_worths(self) -> str:
        w, worths = self.wording, [self.worths[side] for side in ("won", "kept")]
        if max(worths) <= 0:
            return w.say("keeping.mix.no_worth")
        won, kept = (about(max(worth, 0.0), w) for worth in worths)
        return w.say("keeping.mix.worths", won=won, kept=kept)

    def _why_nothing(self) -> str:
        """Which of the sentences says why nothing is spent."""
        if not self.budget:
            return "no_budget"
        mixes = (self.mixes["all_winning"], self.mixes["all_keeping"])
        return "nothing" if any(mix.won + mix.kept > 0 for mix in mixes) else "nobody_more"

    def finding(self) -> str:
        """The best mix and what it earns, without a full stop: for a title."""
        w, best = self.wording, self.best
        budget = w.money(self.budget)
        if self.verdict == "nothing":
            return w.say(f"keeping.mix.{self._why_nothing()}", budget=budget)
        whole = best.spent >= self.budget * (1 - 0.005)
        spent = budget if whole else about(best.spent, w)
        what = w.say(
            f"keeping.mix.{self.verdict}",
            spent=spent,
            share=w.percent(best.share_to_keep, decimals=0),
            rest=w.percent(1 - best.share_to_keep, decimals=0),
        )
        said = w.say(
            "keeping.mix.finding" if whole else "keeping.mix.less",
            what=what,
            budget=budget,
            profit=about(best.profit, w),
            years=self.scenario.years,
        )
        if best.low == best.high:
            return said
        low, high = (with_minus(about(end, w)) for end in (best.low, best.high))
        return w.say("keeping.risk.with_range", said=said, low=low, high=high)

    def naive(self) -> Listing:
        """The choices people make without counting, beside the best mix.

        Columns: ``choice``, ``to_winning, to_keeping, won_more, kept_more, profit, profit_low,
        profit_high`` and ``short_of_best``, money each.
        """
        w, rows = self.wording, []
        for code in ("best", *NAIVE) if not self.missing else ():
            mix = self.mixes[code]
            rows.append(
                {
                    "choice": w.say(f"keeping.naive.{code}"),
                    "to_winning": w.money(mix.to_winning),
                    "to_keeping": w.money(mix.to_keeping),
                    "won_more": w.number(mix.won, decimals=1),
                    "kept_more": w.number(mix.kept, decimals=1),
                    "profit": with_minus(about(mix.profit, w)),
                    "profit_low": with_minus(about(mix.low, w)),
                    "profit_high": with_minus(about(mix.high, w)),
                    "short_of_best": about(self.best.profit - mix.profit, w),
                }
            )
        names = ["choice", *_COLUMNS[1:8], "short_of_best"]
        said = self.why_not if self.missing else self.finding() + "."
        return Listing(pd.DataFrame(rows, columns=names), wording=w, said=said)

    def inputs(self) -> Listing:
        """The four inputs: value, range, and whether measured, yours or assumed."""
        w, rows = self.wording, []
        for name in EFFORTS:
            source = self.origins[name]
            value = source.value
            shown, between = w.say("keeping.untold"), ""
            if value is not None:
                shown = _say(name, likely(value), w)
                if isinstance(value, Range) and value.low < value.high:
                    ends = (_say(name, end, w) for end in (value.low, value.high))
                    between = w.say(
                        "keeping.between", **dict(zip(("low", "high"), ends, strict=True))
                    )
            rows.append((w.say(f"keeping.effort.{name}"), shown, between, source.said))
        names = ["effort", "figure", "range", "comes_from"]
        return Listing(
            pd.DataFrame(rows, columns=names), wording=w, said=w.say("keeping.inputs.said")
        )

    def history(self) -> Listing:
        """What the base's own past says about winning: one row a year, and whether it has a curve.

        Columns: ``year, won_then, spent_then, cost_each``.
        """
        w, past = self.wording, self.past
        rows = [
            (str(year), w.number(won), w.money(spent), w.money(spent / won))
            for year, won, spent in past.years
        ]
        names = ["year", "won_then", "spent_then", "cost_each"]
        return Listing(pd.DataFrame(rows, columns=names), wording=w, said=past.sentence(w))


def _row(share: float, mix: Mix) -> dict[str, float]:
    return {
        "share_to_keep": share,
        "to_winning": mix.to_winning,
        "to_keeping": mix.to_keeping,
        "won_more": mix.won,
        "kept_more": mix.kept,
        "profit": mix.profit,
        "profit_low": mix.low,
        "profit_high": mix.high,
        "chance_of_loss": mix.chance_of_loss,
    }


def _say(name: str, value: float, wording: Wording) -> str:
    if name.startswith("cost"):
        return wording.money(value, decimals=2 if 0 < value < 10 else 0)
    return wording.number(value, decimals=0 if value >= 10 or value == round(value) else 1)


def _check(budget: object, given: Mapping[str, object]) -> None:
    number = isinstance(budget, Real) and not isinstance(budget, bool | np.bool_)
    if not number or not 0 <= float(budget) < float("inf"):  # type: ignore[arg-type]
        raise InputError(
            f"budget must be the money to spend a year, a number from 0 on such as 20000; "
            f"got {budget!r}."
        )
    for name, value in given.items():
        if value is None:
            continue
        what = "money for the first customer" if name.startswith("cost") else "customers a year"
        least = value.low if isinstance(value, Range) else value
        number = isinstance(least, Real) and not isinstance(least, bool | np.bool_)
        if not number or not 0 <= float(least) < float("inf"):  # type: ignore[arg-type]
            raise InputError(
                f"{name} must be {what}, a number from 0 on such as 120 or a Range(80, 120, 200), "
                f"or None for what the base says; got {value!r}."
            )
        if name.startswith("cost") and float(least) == 0:  # type: ignore[arg-type]
            raise InputError(
                f"{name} must be above 0: customers for nothing need no budget; got {value!r}."
            )


def _assumptions(start: Start, budget: float) -> dict[str, object]:
    w, scenario = start.scenario.wording, start.scenario
    said: dict[str, object] = {
        "budget_a_year": w.money(budget),
        "years": scenario.years,
        "discount_rate": w.percent(likely(scenario.discount_rate)),
        "range_level": w.percent(LEVEL, decimals=0),
    }
    for name in EFFORTS:
        source = start.origins[name]
        shown = w.say("keeping.untold") if source.value is None else _say(
            name, likely(source.value), w
        )  # fmt: skip
        said[name] = w.say("keeping.with_source", figure=shown, source=source.said)
    if start.efforts is not None and likely(start.efforts.kept_worth) != 1.0:
        share = w.percent(likely(start.efforts.kept_worth), decimals=0)
        said["kept_are_worth"] = w.say("keeping.mix.kept_worth", share=share)
    return said
