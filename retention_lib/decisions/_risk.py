"""How sure a what-if is: every range drawn ten thousand times, and what matters most."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pandas as pd

from retention_lib.decisions._risk_inputs import (
    at_likely,
    break_evens,
    drawn_from,
    in_margin,
    ranged,
    say_field,
    say_money_is,
    swings,
    worth,
)
from retention_lib.decisions._scenario_core import draw_profits, values_of
from retention_lib.decisions._scenario_words import say_number
from retention_lib.decisions.ranges import likely
from retention_lib.errors import InputError
from retention_lib.portfolio.intervals import SEED, Values
from retention_lib.results import Result
from retention_lib.scoring._lifetime_results import about
from retention_lib.wording import Wording, with_minus

if TYPE_CHECKING:
    from retention_lib.decisions.scenarios import Scenario

DRAWS = 10_000
MOST_DRAWS = 1_000_000
_QUANTILES = (0.05, 0.25, 0.50, 0.75, 0.95)
_BARS = 41


def weigh_risk(
    before: Scenario, after: Scenario | None = None, *, draws: int = DRAWS, seed: int = SEED
) -> RiskResult:
    """Draw every range of a what-if, and see how the discounted difference comes out.

    Without ``after`` it is the profit of ``before`` itself. A field that is a range in both is
    one unknown: whatever makes the attrition of today higher than thought makes that of the
    change higher too. The trap: only what is given as a range is uncertain here.

    Raises
    ------
    InputError
        Where ``draws`` is no whole number from 100 to 1,000,000, or ``seed`` none from 0 on.

    Examples
    --------
    >>> from retention_lib.decisions.ranges import Range
    >>> from retention_lib.decisions.scenarios import Scenario
    >>> now = Scenario(customers=1000, attrition=0.15, margin_per_customer=100)
    >>> programme = now.change(attrition=Range(0.10, 0.12, 0.15), programme_cost=3_000)
    >>> risk = weigh_risk(now, programme)
    >>> 0.2 < risk.chance_of_loss < 0.3, risk.low < 0 < risk.likely < risk.high
    (True, True)
    """
    _check("draws", draws, 100, MOST_DRAWS)
    _check("seed", seed, 0, 2**63)
    start, end = (None, before) if after is None else (before, after)
    scenarios = [before] if after is None else [before, after]
    keys = ranged(scenarios)
    drawn = np.broadcast_to(worth(start, end, drawn_from(scenarios, draws, seed)), draws)
    wording = end.wording
    return RiskResult(
        _quantiles(drawn, wording),
        wording=wording,
        assumptions=_assumptions(start, end, keys, draws, wording),
        before=start,
        after=end,
        draws=drawn,
        likely=at_likely(start, end),
        inputs=len(keys),
    )


@dataclass(frozen=True)
class RiskByYear:
    """How sure the cumulated difference is at each year's end: 90 % range, and at the end."""

    low: Values
    high: Values
    chance_of_loss: float


def risk_by_year(before: Scenario, after: Scenario) -> RiskByYear:
    """Draw all ranges once for every year: the last year is what ``compare().risk()`` gives."""
    pick = drawn_from([before, after], DRAWS, SEED)
    profits = [draw_profits(values_of(one, pick(one))) for one in (after, before)]
    cumulated = (profits[0] - profits[1]).cumsum(axis=1)
    low, high = np.quantile(cumulated, (0.05, 0.95), axis=0)
    hair = 1e-9 * max(float(np.abs(cumulated[:, -1]).max()), 1.0)
    return RiskByYear(low, high, float((cumulated[:, -1] < -hair).mean()))


@dataclass(frozen=True, repr=False, eq=False)
class RiskResult(Result):
    """How a what-if comes out when every range is drawn: one row a share of the cases.

    Columns: ``share_of_cases`` in words, ``profit`` (the discounted difference, or the profit
    where there is nothing to compare with, below which so many cases lie) and ``share``.
    ``draws``: all cases, one value each. ``likely``: with every input at its likely value;
    ``low`` and ``high``: 90 % of the cases lie between them; ``chance_of_loss``: the share of
    cases below nothing.
    """

    chart: ClassVar[str] = "keeping_charts.plot_risk"
    formats: ClassVar[dict[str, str]] = {"profit": "money"}
    hidden: ClassVar[tuple[str, ...]] = ("share",)

    before: Scenario | None = field(kw_only=True)
    after: Scenario = field(kw_only=True)
    draws: Values = field(kw_only=True)
    likely: float = field(kw_only=True)
    inputs: int = field(kw_only=True)

    @property
    def low(self) -> float:
        """Nineteen cases in twenty lie above it."""
        return float(self.table["profit"].iloc[0])

    @property
    def high(self) -> float:
        """Nineteen cases in twenty lie below it."""
        return float(self.table["profit"].iloc[-1])

    @property
    def chance_of_loss(self) -> float:
        """The probability of losing money, from 0 to 1."""
        # A hair below nothing is the error of floating numbers.
        hair = 1e-9 * max(abs(self.likely), 1.0)
        return float((self.draws < -hair).mean())

    def sentence(self) -> str:
        """What it is worth, between what, and how probable it is to lose money."""
        w = self.wording
        key = "keeping.risk.sentence" if self.inputs else "keeping.risk.no_ranges"
        said = w.say(key, finding=self.finding(), loss=self._say_loss())
        return self.with_caution(said)

    def with_caution(self, said: str) -> str:
        """A sentence, with what it counts behind it where that is revenue and no margin."""
        if in_margin(self.after if self.before is None else self.before):
            return said
        return f"{said} {self.wording.say('scenario.in_revenue')}"

    def finding(self) -> str:
        """The sentence's first part, without its full stop: for a title."""
        w, kind = self.wording, "profit" if self.before is None else "difference"
        more = "more" if self.likely >= 0 else "less"
        values = {"years": self.after.years, "amount": about(abs(self.likely), w)}
        said = w.say(f"keeping.risk.{kind}.{more}", **values)
        if not self.inputs:
            return said
        low, high = (with_minus(about(value, w)) for value in (self.low, self.high))
        if low == high:
            return said
        return w.say("keeping.risk.with_range", said=said, low=low, high=high)

    def _say_loss(self) -> str:
        w, chance = self.wording, self.chance_of_loss
        if not chance:
            return w.say("keeping.risk.never", cases=len(self.draws))
        if chance == 1:
            return w.say("keeping.risk.always", cases=len(self.draws))
        return w.say("keeping.risk.chance", chance=_share_said(chance, w))

    def bars(self) -> pd.DataFrame:
        """The cases counted in equal steps: ``start, end, share``; none where all are alike.

        Nothing is an edge where it lies among them, so that each step loses or gains.
        """
        low, high = np.quantile(self.draws, [0.002, 0.998])
        if not high > low:
            return pd.DataFrame({"start": [], "end": [], "share": []})
        step = (high - low) / _BARS
        edges = np.arange(np.floor(low / step), np.ceil(high / step) + 1) * step
        counted, _ = np.histogram(np.clip(self.draws, edges[0], edges[-1]), edges)
        share = counted / len(self.draws)
        return pd.DataFrame({"start": edges[:-1], "end": edges[1:], "share": share})

    def tornado(self) -> TornadoResult:
        """What matters most: each range at its low and at its high, the others likely."""
        w = self.wording
        found = swings(self.before, self.after, w)
        rows = [
            {
                "input": say_field(swing.field, self.after),
                "low_input": swing.ends[0],
                "high_input": swing.ends[1],
                "profit_at_low": swing.at_low,
                "profit_at_high": swing.at_high,
                "swing": abs(swing.at_high - swing.at_low),
                "input_code": swing.field,
            }
            for swing in found
        ]
        return TornadoResult(
            pd.DataFrame(rows, columns=list(_TORNADO)),
            wording=w,
            assumptions=self.assumptions,
            risk=self,
        )

    def break_even(self) -> BreakEvenResult:
        """For every input the value at which it all comes to nothing, the others likely."""
        w = self.wording
        rows = []
        for found in break_evens(self.before, self.after):
            said = w.say(f"keeping.even.{found.verdict}")
            if found.verdict == "at":
                said = say_number(found.value, found.field, w)
            rows.append(
                {
                    "input": say_field(found.field, self.after),
                    "now_said": say_number(found.now, found.field, w),
                    "break_even_said": said,
                    "now": found.now,
                    "break_even": found.value,
                    "verdict_code": found.verdict,
                    "input_code": found.field,
                }
            )
        return BreakEvenResult(
            pd.DataFrame(rows, columns=list(_BREAK_EVEN)),
            wording=w,
            assumptions=self.assumptions,
            risk=self,
        )


_TORNADO = ("input", "low_input", "high_input", "profit_at_low", "profit_at_high", "swing",
            "input_code")  # fmt: skip
_BREAK_EVEN = ("input", "now_said", "break_even_said", "now", "break_even", "verdict_code",
               "input_code")  # fmt: skip


@dataclass(frozen=True, repr=False, eq=False)
class TornadoResult(Result):
    """What each range does alone, the one that matters most first: one row an input.

    Columns: ``input, low_input, high_input`` in words, ``profit_at_low, profit_at_high`` (the
    discounted difference with that input at its end and the others likely), ``swing`` (how far
    apart they are) and ``input_code``. Ranges that change nothing are left out; empty where no
    input is a range.
    """

    chart: ClassVar[str] = "keeping_charts.plot_tornado"
    formats: ClassVar[dict[str, str]] = {
        "profit_at_low": "money",
        "profit_at_high": "money",
        "swing": "money",
    }
    hidden: ClassVar[tuple[str, ...]] = ("input_code",)

    risk: RiskResult = field(kw_only=True)

    def sentence(self) -> str:
        """Which input to know better first."""
        return self.finding() + "."

    def finding(self) -> str:
        """The sentence without its full stop, for a title."""
        w = self.wording
        if self.table.empty:
            none = "nothing" if not self.risk.inputs else "no_swing"
            return w.say(f"keeping.tornado.{none}")
        first = self.table.iloc[0]
        ends = sorted((first["profit_at_low"], first["profit_at_high"]))
        low, high = (with_minus(about(float(end), w)) for end in ends)
        return w.say("keeping.tornado.finding", input=first["input"], low=low, high=high)


@dataclass(frozen=True, repr=False, eq=False)
class BreakEvenResult(Result):
    """Where a what-if stops paying: one row an input.

    Columns: ``input``, ``now_said``, ``break_even_said`` in words, and for code ``now,
    break_even`` (the value at which the discounted difference is nothing, the others likely;
    missing where there is none), ``verdict_code`` (``at``, ``always`` or ``never`` pays whatever
    it is, ``no_matter``) and ``input_code``. Inputs that differ by group are told as their mean.
    """

    hidden: ClassVar[tuple[str, ...]] = ("now", "break_even", "verdict_code", "input_code")

    risk: RiskResult = field(kw_only=True)

    def sentence(self) -> str:
        """Which input has the least room before it stops paying."""
        return self.risk.with_caution(self._say())

    def _say(self) -> str:
        w, table = self.wording, self.table
        pays = self.risk.likely > 0
        rows = table.set_index("input_code")
        costs = rows.loc[["programme_cost", "programme_cost_per_customer"]]
        if pays and self.risk.before is not None and not costs["now"].any():
            most = {name: str(row["break_even_said"]) for name, row in costs.iterrows()}
            return w.say(
                "keeping.even.costs_nothing",
                most=most["programme_cost"],
                each=most["programme_cost_per_customer"],
            )
        found = table[(table["verdict_code"] == "at") & (table["now"] != 0)]
        if not pays:
            # With an input at nothing nothing is lost, which is no way to a profit.
            found = found[found["break_even"].abs() > 1e-6 * found["now"].abs()]
        if found.empty:
            return w.say("keeping.even.none_pays" if pays else "keeping.even.none_loses")
        nearest = found.loc[(found["break_even"] / found["now"] - 1).abs().idxmin()]
        return w.say(
            "keeping.even.pays" if pays else "keeping.even.loses",
            input=nearest["input"],
            now=nearest["now_said"],
            value=nearest["break_even_said"],
        )

    def value(self, name: str) -> float:
        """The break-even of a field; missing where there is none."""
        return float(self.table.set_index("input_code").loc[name, "break_even"])


def _check(name: str, value: object, least: int, most: int) -> None:
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool | np.bool_)
    if not whole or not least <= int(value) <= most:  # type: ignore[call-overload]
        raise InputError(
            f"{name} must be a whole number from {least:,} to {most:,}, such as {DRAWS:,}; "
            f"got {value!r}."
        )


def _quantiles(drawn: Values, wording: Wording) -> pd.DataFrame:
    said = [wording.say("keeping.risk.cases", share=wording.percent(share, decimals=0))
            for share in _QUANTILES]  # fmt: skip
    return pd.DataFrame(
        {"share_of_cases": said, "profit": np.quantile(drawn, _QUANTILES), "share": _QUANTILES}
    )


def _assumptions(
    before: Scenario | None, after: Scenario, keys: list[Any], draws: int, wording: Wording
) -> dict[str, object]:
    w = wording
    names = [say_field(name, after) for name in dict.fromkeys(key[0] for key in keys)]
    return {
        "years": after.years,
        "discount_rate": say_number(likely(after.discount_rate), "discount_rate", w),
        "drawn_inputs": w.listing(names) if names else w.say("keeping.risk.none_drawn"),
        "drawn_cases": w.number(draws) if keys else w.number(1),
        "money_is": say_money_is(before or after),
    }


def _share_said(share: float, wording: Wording) -> str:
    return wording.percent(share, decimals=0 if share >= 0.01 and share <= 0.99 else 1)
