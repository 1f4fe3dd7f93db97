"""Where the level goes if nothing changes: customers x retention + new, step by step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from retention_lib.errors import InputError
from retention_lib.portfolio.calendar_periods import MONTHS, Period
from retention_lib.portfolio.intervals import SEED, Values, middle
from retention_lib.results import Result
from retention_lib.wording import Sentence, Wording

if TYPE_CHECKING:
    import pandas as pd

    from retention_lib.portfolio.flows import FlowsResult

_MOST_YEARS = 20
_DRAWS = 2000
HALF_IN_FIVE = 1 - 0.5 ** (1 / 5)
"""The yearly attrition that loses half in five years: 12.9 %, not 10 %."""


@dataclass(frozen=True)
class Measured:
    """The periods a projection is made from: the last twelve months, or what there is of them.

    One entry a period: ``lost`` of ``opening``, and ``came`` (new and won back),
    of whom ``newcomers`` in all are new.
    """

    kind: Period
    lost: Values
    opening: Values
    came: Values
    newcomers: int
    since: date
    until: date

    @property
    def steps_a_year(self) -> int:
        """Steps of the projection in a year, one a period."""
        return 12 // MONTHS[self.kind]

    @property
    def months(self) -> int:
        """How many months were measured."""
        return len(self.lost) * MONTHS[self.kind]

    @property
    def leak(self) -> float:
        """The share lost in a period."""
        opening = int(self.opening.sum())
        return float(self.lost.sum() / opening) if opening else float("nan")

    @property
    def inflow(self) -> float:
        """Customers that come in a period."""
        return float(self.came.mean())

    def annual(self, share: float) -> float:
        """A period's share as a yearly rate."""
        return float(1 - (1 - share) ** self.steps_a_year)

    def drawn(self) -> tuple[Values, Values]:
        """Leaks and inflows as they could be: chance within the periods, and between them.

        The periods are drawn with replacement, so that periods which differ widen the range;
        then the rate given what was counted (Jeffreys' priors).
        """
        rng = np.random.default_rng(SEED)
        picked = rng.integers(0, len(self.lost), (_DRAWS, len(self.lost)))
        lost, opening = self.lost[picked].sum(axis=1), self.opening[picked].sum(axis=1)
        leak = rng.beta(lost + 0.5, opening - lost + 0.5)
        inflow = rng.gamma(self.came[picked].sum(axis=1) + 0.5, 1 / len(self.lost))
        return leak, inflow


def latest_year(flows: FlowsResult) -> Measured | None:
    """The last twelve months of the ledger, or as many complete periods as there are."""
    last = flows.table.tail(12 // MONTHS[flows.period])
    if last.empty:
        return None
    return Measured(
        kind=flows.period,
        lost=last["lost"].to_numpy(),
        opening=last["opening"].to_numpy(),
        came=(last["new"] + last["won_back"]).to_numpy(),
        newcomers=int(last["new"].sum()),
        since=last["period_start"].iloc[0],
        until=last["period_end"].iloc[-1],
    )


@dataclass(frozen=True, repr=False, eq=False)
class TankResult(Result):
    """The level of the tank year by year if nothing changes, one row a year ahead.

    Columns: ``year`` ahead, ``level`` of customers at its end with ``level_low, level_high``
    (95 %: what chance could have done to the measured rates, and will do to the years to
    come), ``inflow`` and ``leak`` of customers in that year, and ``leak_share``, the share of
    those there when it began who leave in it; those who come and go within it are in ``leak``
    only. Empty where nothing can be measured.

    ``level_now`` is the closing of the latest complete period; ``levels_off`` where the level
    settles in the end: inflow / leak.
    """

    chart: ClassVar[str] = "flow_charts.plot_tank"
    formats: ClassVar[Mapping[str, str]] = {
        **dict.fromkeys(("level", "level_low", "level_high", "inflow", "leak"), "count"),
        "leak_share": "percent",
    }

    measured: Measured | None = field(kw_only=True)
    level_now: int = field(kw_only=True)
    nothing: str = field(kw_only=True)

    @property
    def levels_off(self) -> float:
        """The level at which as many leak out as come in; missing where nobody leaks."""
        if self.measured is None or not self.measured.leak:
            return float("nan")
        return self.measured.inflow / self.measured.leak

    @property
    def annual_inflow(self) -> float:
        """Customers that come in a year."""
        measured = self.measured
        return measured.inflow * measured.steps_a_year if measured else float("nan")

    @property
    def annual_leak(self) -> float:
        """The share of customers lost a year."""
        return self.measured.annual(self.measured.leak) if self.measured else float("nan")

    def sentence(self) -> str:
        """The level in the last year shown if nothing changes, and where it would settle."""
        if self.table.empty:
            return self.nothing
        said = self.finding()
        if self.levels_off == self.levels_off:
            level = round(self.levels_off)
            said = self.wording.say("flows.tank.levels_off", said=said, level=level)
        return said + "." + self._say_doubts()

    def _say_doubts(self) -> str:
        w, measured, said = self.wording, self.measured, ""
        if measured is not None and measured.months < 12:
            said += " " + w.say("flows.tank.season", months=measured.months)
        if measured is not None and not measured.newcomers:
            said += " " + w.say("flows.tank.no_new")
        return said

    def finding(self) -> str:
        """The sentence without where the level settles, for a title."""
        if self.table.empty:
            return self.nothing
        w, last = self.wording, self.table.iloc[-1]
        level, now = round(float(last["level"])), self.level_now
        key = "rises" if level > now else "falls" if level < now else "stays"
        return w.say(
            f"flows.tank.{key}",
            now=now,
            level=level,
            low=round(float(last["level_low"])),
            high=round(float(last["level_high"])),
            years=len(self.table),
        )


def fill_tank(flows: FlowsResult, years: int) -> TankResult:
    """The level year by year, from what flowed in and leaked in the last twelve months."""
    whole = isinstance(years, int | np.integer) and not isinstance(years, bool)
    if not whole or not 1 <= years <= _MOST_YEARS:
        raise InputError(
            f"years must be a whole number from 1 to {_MOST_YEARS}, such as 3; got {years!r}."
        )
    years, measured = int(years), latest_year(flows)
    if measured is not None and not measured.opening.any():
        measured = None
    now = int(flows.table["closing"].iloc[-1]) if len(flows.table) else 0
    w = flows.wording
    nothing = flows.sentence() if flows.table.empty else w.say("flows.tank.nothing")
    assumptions = dict(flows.assumptions)
    if measured is not None:
        assumptions |= _assumptions(measured, w)
    return TankResult(
        _project(measured, now, years),
        wording=w,
        assumptions=assumptions,
        measured=measured,
        level_now=now,
        nothing=nothing,
    )


def _project(measured: Measured | None, now: int, years: int) -> pd.DataFrame:
    import pandas as pd

    names = ("year", "level", "level_low", "level_high", "inflow", "leak", "leak_share")
    if measured is None:
        return pd.DataFrame({name: pd.Series(dtype="float64") for name in names})
    level, rows = float(now), []
    ranges = _ranges(measured, now, years)
    for year in range(years):
        came, gone = 0.0, 0.0
        for _ in range(measured.steps_a_year):
            leaks = level * measured.leak
            level += measured.inflow - leaks
            came, gone = came + measured.inflow, gone + leaks
        rows.append((year + 1, level, *ranges[year], came, gone, measured.annual(measured.leak)))
    return pd.DataFrame(rows, columns=list(names))


def _ranges(measured: Measured, now: int, years: int) -> list[tuple[float, float]]:
    """What chance makes of the level: rates drawn as measured, then years drawn with them."""
    leak, inflow = measured.drawn()
    rng = np.random.default_rng(SEED + 1)
    level: Values = np.full(_DRAWS, now)
    found = []
    for _ in range(years):
        for _ in range(measured.steps_a_year):
            level = level - rng.binomial(level, leak) + rng.poisson(inflow)
        found.append(middle(level.astype(float)))
    return found


def _assumptions(measured: Measured, w: Wording) -> dict[str, object]:
    return {
        "measured_over": w.say(
            "flows.tank.measured",
            since=w.date(measured.since),
            until=w.date(measured.until),
            leak=w.percent(measured.annual(measured.leak)),
            inflow=round(measured.inflow * measured.steps_a_year),
        ),
        "formula": w.say(f"flows.tank.formula.{measured.kind}"),
    }


def half_gone(flows: FlowsResult) -> Sentence:
    """How many years until half of the customers there now are gone, beside the 12.9 %."""
    w, measured = flows.wording, latest_year(flows)
    five = w.percent(HALF_IN_FIVE)
    if measured is None:
        return Sentence(flows.sentence())
    if not 0 < measured.leak < 1:
        return Sentence(w.say("flows.half.cannot", five=five))
    times = [_half_life(leak, measured) for leak in (measured.leak, *middle(measured.drawn()[0]))]
    unit, per_year = ("years", 1) if times[0] >= 1 else ("months", 12)
    said, latest, soonest = (
        w.say(f"flows.half.{unit}", count=w.number(time * per_year, decimals=1)) for time in times
    )
    return Sentence(
        w.say(
            "flows.half.said",
            five=five,
            rate=w.percent(measured.annual(measured.leak)),
            until=w.date(measured.until),
            time=said,
            soonest=soonest,
            latest=latest,
        )
    )


def _half_life(leak: float, measured: Measured) -> float:
    """Years until half are gone at that leak a period."""
    return float(np.log(0.5) / np.log(1 - leak) / measured.steps_a_year)
