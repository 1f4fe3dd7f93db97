"""Attrition over time: where it is heading, and whether that is more than chance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

from retention_lib.portfolio._flows_periods import say_period
from retention_lib.portfolio.calendar_periods import MONTHS, Period
from retention_lib.portfolio.intervals import Values, share_interval
from retention_lib.results import Result
from retention_lib.wording import Wording

if TYPE_CHECKING:
    import pandas as pd

    from retention_lib.portfolio.flows import FlowsResult

Verdict = Literal["risen", "fallen", "uneven", "steady", "too_few", "one", "none"]
_CHANCE = 0.05
# Below so many losses in all the tests say more than the data hold.
_ENOUGH_LOST = 10


def annual_rate(share: Values, months: int) -> Values:
    """The yearly rate of a share lost in so many months: 1 - (1 - share)^(12 / months).

    >>> float(annual_rate(np.array([0.01]), 1)[0]).__round__(4)
    0.1136
    """
    rate: Values = 1 - (1 - share) ** (12 / months)
    return rate


@dataclass(frozen=True, repr=False, eq=False)
class TrendResult(Result):
    """Attrition by period as a yearly rate, oldest first.

    Columns: ``period, opening, lost, attrition`` (in the period), ``annual_attrition,
    annual_low, annual_high`` (95 %), and ``trade_attrition`` where one was given; last
    ``period_start``.

    ``verdict``: ``risen`` or ``fallen`` (Cochran and Armitage's test of a straight trend, 5 %; the
    first and last period agree with it and no single period makes it),
    ``uneven`` (no direction, but more than chance: chi-square), ``steady``,
    ``too_few``, ``one`` or ``none`` (periods). Armitage 1955, doi 10.2307/3001775.
    """

    chart: ClassVar[str] = "flow_charts.plot_trend"
    formats: ClassVar[Mapping[str, str]] = {
        "opening": "count",
        "lost": "count",
        **dict.fromkeys(("attrition", "annual_attrition", "trade_attrition"), "percent"),
        **dict.fromkeys(("annual_low", "annual_high"), "percent"),
    }
    hidden: ClassVar[tuple[str, ...]] = ("period_start",)
    shown_rows: ClassVar[int] = 24

    kind: Period = field(kw_only=True)
    verdict: Verdict = field(kw_only=True)
    trade_attrition: float | None = field(kw_only=True)
    nothing: str = field(kw_only=True)
    """What to say where there is no period."""

    def sentence(self) -> str:
        """Where attrition is heading, whether chance could do that, and how the trade stands."""
        if self.table.empty:
            return self.nothing
        return (self._beside_trade() if self.verdict != "none" else self.finding()) + "."

    def finding(self) -> str:
        """Where attrition is heading, for a title."""
        if self.table.empty:
            return self.nothing
        if self.verdict == "none":
            return self.wording.say("flows.trend.empty")
        w, table = self.wording, self.table[self.table["opening"] > 0]
        first, latest = table.iloc[0], table.iloc[-1]
        key = f"flows.trend.{self.verdict}"
        if self.verdict in ("steady", "too_few") and table["annual_attrition"].nunique() == 1:
            key += "_same"
        return w.say(
            key,
            first=say_period(first["period_start"], self.kind, w, key="name"),
            last=say_period(latest["period_start"], self.kind, w, key="name"),
            before=w.percent(first["annual_attrition"]),
            now=w.percent(latest["annual_attrition"]),
            low=w.percent(table["annual_attrition"].min()),
            high=w.percent(table["annual_attrition"].max()),
            chance_low=w.percent(latest["annual_low"]),
            chance_high=w.percent(latest["annual_high"]),
        )

    def _beside_trade(self) -> str:
        if self.trade_attrition is None:
            return self.finding()
        latest = self.table[self.table["opening"] > 0].iloc[-1]
        w, trade = self.wording, self.trade_attrition
        where = "inside"
        if trade < latest["annual_low"]:
            where = "above"
        elif trade > latest["annual_high"]:
            where = "below"
        return w.say(
            f"flows.trade.{where}",
            trend=self.finding(),
            trade=w.percent(trade),
            last=say_period(latest["period_start"], self.kind, w, key="name"),
            chance_low=w.percent(latest["annual_low"]),
            chance_high=w.percent(latest["annual_high"]),
        )


def follow_trend(flows: FlowsResult) -> TrendResult:
    """Attrition of every period as a yearly rate, and what can be said of its direction."""
    table, months = flows.table, MONTHS[flows.period]
    shown = table[["period", "opening", "lost", "attrition", "annual_attrition"]].copy()
    for end in ("low", "high"):
        shown[f"annual_{end}"] = annual_rate(table[f"attrition_{end}"].to_numpy(), months)
    if flows.trade_attrition is not None:
        shown["trade_attrition"] = flows.trade_attrition
    shown["period_start"] = table["period_start"]
    return TrendResult(
        shown,
        wording=flows.wording,
        assumptions=flows.assumptions,
        kind=flows.period,
        verdict=judge(table["lost"].to_numpy(), table["opening"].to_numpy()),
        trade_attrition=flows.trade_attrition,
        nothing=flows.sentence(),
    )


def judge(lost: Values, opening: Values) -> Verdict:
    """Whether shares in a row rise, fall, differ without direction, or only as chance has it.

    >>> judge(np.array([10, 20, 40]), np.array([200, 200, 200]))
    'risen'
    """
    from scipy.special import chdtrc

    held = opening > 0
    if held.sum() < 2:
        return "one" if held.any() else "none"
    hits, cases = lost[held].astype(float), opening[held].astype(float)
    share = hits.sum() / cases.sum()
    if not share < 1:
        return "steady"
    if hits.sum() < _ENOUGH_LOST:
        return "too_few"
    place = np.arange(len(cases), dtype=float)
    apart = ((hits - cases * share) ** 2 / (cases * share * (1 - share))).sum()
    slope, straight = _straight_trend(hits, cases, place)
    if chdtrc(1, straight) >= _CHANCE:
        return "uneven" if chdtrc(len(cases) - 1, apart) < _CHANCE else "steady"
    ends = np.round(hits[[0, -1]] / cases[[0, -1]], 3)
    if (ends[1] - ends[0]) * slope <= 0:
        return "uneven"
    bent = len(cases) > 3 and chdtrc(len(cases) - 2, max(apart - straight, 0.0)) < _CHANCE
    if bent and not _holds_without_spike(hits, cases, place, slope):
        return "uneven"
    return "risen" if slope > 0 else "fallen"


def _straight_trend(hits: Values, cases: Values, place: Values) -> tuple[float, float]:
    """Which way a straight trend goes, and its chi-square with one degree of freedom."""
    share = hits.sum() / cases.sum()
    slope = float((place * (hits - cases * share)).sum())
    leeway = (cases * place**2).sum() - (cases * place).sum() ** 2 / cases.sum()
    leeway *= share * (1 - share)
    return slope, float(slope**2 / leeway) if leeway > 0 else 0.0


def _holds_without_spike(hits: Values, cases: Values, place: Values, slope: float) -> bool:
    """Whether the trend is still there without the period that lies furthest from all others."""
    from scipy.special import chdtrc

    share = hits.sum() / cases.sum()
    kept = np.arange(len(cases)) != np.argmax((hits - cases * share) ** 2 / cases)
    rest, straight = _straight_trend(hits[kept], cases[kept], place[kept])
    return bool(rest * slope > 0 and chdtrc(1, straight) < _CHANCE)


@dataclass(frozen=True, repr=False, eq=False)
class YearBeforeResult(Result):
    """Each period beside the same one a year before, oldest first.

    Columns: ``period, attrition, attrition_before, change`` (of attrition, in shares of 1),
    ``change_low, change_high`` (95 %), ``beyond_chance`` (whether that range leaves zero out),
    ``lost, lost_before, net_growth, net_growth_before``; last ``period_start``. What was not
    seen a year before is missing. Newcombe 1998, doi
    10.1002/(SICI)1097-0258(19980430)17:8<873::AID-SIM779>3.0.CO;2-I.
    """

    chart: ClassVar[str] = "flow_charts.plot_year_before"
    formats: ClassVar[Mapping[str, str]] = {
        **dict.fromkeys(("attrition", "attrition_before", "change"), "percent"),
        **dict.fromkeys(("change_low", "change_high"), "percent"),
        **dict.fromkeys(("net_growth", "net_growth_before"), "percent"),
        **dict.fromkeys(("lost", "lost_before"), "count"),
    }
    hidden: ClassVar[tuple[str, ...]] = ("change_low", "change_high", "period_start")
    shown_rows: ClassVar[int] = 24

    kind: Period = field(kw_only=True)
    nothing: str = field(kw_only=True)

    def sentence(self) -> str:
        """The latest period against the same one a year before, and how many others differ."""
        w, both = self.wording, self.table["beyond_chance"].dropna().astype(bool)
        if self.table.empty or self.table["beyond_chance"].iloc[-1] is None:
            return self.finding()
        low, high = (points(self.table[f"change_{end}"].iloc[-1], w) for end in ("low", "high"))
        said = self.finding() + " " + w.say("flows.year_before.range", low=low, high=high)
        if len(both) < 2:
            return said
        beyond = int(both.sum())
        return said + " " + w.say("flows.year_before.others", compared=len(both), beyond=beyond)

    def finding(self) -> str:
        """The latest period against the same one a year before, and whether chance explains it."""
        import pandas as pd

        w, table = self.wording, self.table
        if table.empty:
            return self.nothing
        latest = table.iloc[-1]
        start = latest["period_start"]
        if latest["change"] != latest["change"]:
            key = "no_year_before" if pd.isna(latest["lost_before"]) else "no_opening"
            return w.say(f"flows.{key}", name=say_period(start, self.kind, w, key="name"))
        return w.say(
            "flows.year_before.beyond" if latest["beyond_chance"] else "flows.year_before.chance",
            when=say_period(start, self.kind, w),
            now=w.percent(latest["attrition"]),
            before=w.percent(latest["attrition_before"]),
        )


def points(change: float, wording: Wording) -> str:
    """A change of shares in points, with its sign."""
    sign = "+" if change > 0 else "−" if change < 0 else ""
    return sign + wording.number(abs(change) * 100, decimals=1)


def compare_years(flows: FlowsResult) -> YearBeforeResult:
    """Every period beside the same one a year before."""
    import pandas as pd

    table, back = flows.table, 12 // MONTHS[flows.period]
    before = table.shift(back)
    ranges = [
        difference_interval(now, then)
        for now, then in zip(_cases(table), _cases(before), strict=True)
    ]
    low, high = np.array(ranges, dtype=float).reshape(-1, 2).T
    beyond = [None if a != a else bool(a > 0 or b < 0) for a, b in ranges]
    shown = pd.DataFrame(
        {
            "period": table["period"],
            "attrition": table["attrition"],
            "attrition_before": before["attrition"],
            "change": table["attrition"] - before["attrition"],
            "change_low": low,
            "change_high": high,
            "beyond_chance": pd.Series(beyond, dtype="object", index=table.index),
            "lost": table["lost"],
            "lost_before": before["lost"].astype("Int64"),
            "net_growth": table["net_growth"],
            "net_growth_before": before["net_growth"],
            "period_start": table["period_start"],
        }
    )
    return YearBeforeResult(
        shown,
        wording=flows.wording,
        assumptions=flows.assumptions,
        kind=flows.period,
        nothing=flows.sentence(),
    )


def _cases(table: pd.DataFrame) -> list[tuple[int, int]]:
    known = table[["lost", "opening"]].fillna(0).astype(int)
    return list(known.itertuples(index=False, name=None))


def difference_interval(now: tuple[int, int], then: tuple[int, int]) -> tuple[float, float]:
    """The range of the difference of two shares, each ``(hits, of)``; Newcombe's method 10.

    >>> low, high = difference_interval((56, 70), (48, 80))
    >>> round(low, 4), round(high, 4)
    (0.0524, 0.3339)
    """
    if not now[1] or not then[1]:
        return float("nan"), float("nan")
    one, other = now[0] / now[1], then[0] / then[1]
    (low_1, high_1), (low_2, high_2) = share_interval(*now), share_interval(*then)
    down = np.hypot(one - low_1, high_2 - other)
    up = np.hypot(high_1 - one, other - low_2)
    return float(one - other - down), float(one - other + up)
