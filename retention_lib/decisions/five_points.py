"""What some points less attrition is worth on this base, beside what is published about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from numbers import Real
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from retention_lib import progress
from retention_lib.base.customer_base import CustomerBase, require_base
from retention_lib.decisions._keeping_lost import weigh_lost
from retention_lib.decisions._risk import RiskResult, weigh_risk
from retention_lib.decisions._risk_inputs import (
    bell,
    draw_places,
    drawn_at,
    in_margin,
    reference,
    say_money_is,
    worth,
)
from retention_lib.decisions._scenario_core import Key, numbers_of
from retention_lib.decisions._scenario_results import opening_of
from retention_lib.decisions._scenario_words import say_number
from retention_lib.decisions.ranges import LEVEL, Range, likely
from retention_lib.decisions.scenarios import Comparison, Scenario, compare, margin_multiple
from retention_lib.errors import InputError
from retention_lib.portfolio.intervals import SEED, Values
from retention_lib.results import Listing, Result
from retention_lib.scoring._lifetime_results import about
from retention_lib.wording import Wording

SKETCH_BELOW = 30
PUBLISHED = (0.25, 0.85)
"""How much more profit five points less attrition is said to bring: the two ends quoted."""
CASES: Mapping[str, float] = {"auto_service": 0.30, "insurance_brokerage": 0.50, "bank": 0.85}
"""The cases that the abstract of Reichheld and Sasser 1990 names, and what it says of each."""
RETENTIONS = (0.60, 0.70, 0.80, 0.90, 0.95)
_DRAWS = 4_000
_MISSING = float("nan")
_UNITS: Mapping[str, str] = {
    "attrition_now": "percent",
    "attrition_then": "percent",
    "profit_more": "money",
    "share_more": "gain",
    "lost_more": "money",
    "multiple_more": "gain",
    "published": "gain",
    "most_a_year": "money",
    "most_each": "money",
}


def five_points(
    base: CustomerBase, *, points: float = 5, discount_rate: float = 0.10, years: int = 5
) -> FivePointsResult:
    """Tell what that many percentage points less attrition a year is worth on this base.

    One row a measure: what the base would earn more over ``years``, in money and as a share;
    the same if those kept are worth no more than those really lost; how much more one customer
    is worth (the margin multiple); the published 25 to 85 % beside it; and what may be spent on
    it at most before it stops paying. The trap: five points are not five per cent; 15 % less
    five points is 10 %, a third fewer customers lost.

    Parameters
    ----------
    base
        The customer base; nothing after its ``as_of`` is looked at.
    points
        How many percentage points of attrition less (above 0, up to 100). Where the base loses
        fewer than that, as many as it loses.
    discount_rate
        What money is worth less in a year (0 to 1).
    years
        How many years to look ahead (1 to 50).

    Raises
    ------
    InputError
        Where one of them cannot be.

    Examples
    --------
    >>> import pandas as pd
    >>> days = pd.to_datetime(["2023-01-01", "2023-02-01", "2024-03-05", "2024-12-31"])
    >>> lines = pd.DataFrame({"customer_id": ["a", "b", "b", "c"], "date": days,
    ...     "amount": [10.0, 20.0, 25.0, 5.0]})
    >>> five_points(CustomerBase.from_tables(lines)).value("attrition_now")
    0.5
    """
    require_base(base)
    _check_points(points)
    with progress.steps(base.wording, "points", total=2) as step:
        step("start")
        before = Scenario.from_base(base, years=years, discount_rate=discount_rate)
        step("who_left")
        lost = weigh_lost(base)
    known = lost.each is not None and lost.measure == before.measure
    each = lost.each if lost.each is not None and known else _MISSING
    return weigh_points(before, float(points), lost_each=each)


def weigh_points(
    before: Scenario, points: float, *, lost_each: Range | float = _MISSING
) -> FivePointsResult:
    """The same for any scenario: a pure function, for a slider.

    ``lost_each``: what one of those really lost was worth a year; missing where nobody knows.
    """
    now = _mean_attrition(before)
    cut = min(points / 100, now)
    after = before.keep_more(100 * cut)
    source = before.sources.get("attrition")
    told = source is None or source.origin != "assumed"
    pays = opening_of(before) > 0 and _mean_margin(before) > 0
    drawn = _draw(before, after, cut, lost_each) if told and pays and cut > 0 else {}
    single = _draw(before, after, cut, lost_each, drawn=False) if drawn else {}
    rows = []
    for code, unit in _UNITS.items():
        if code == "published":
            value, low, high = _MISSING, *PUBLISHED
        elif code in single:
            value, low, high = float(single[code][0]), *_ends(drawn[code])
            value = value if np.isfinite(value) else _MISSING
        else:
            value = low = high = _MISSING
        rows.append((code, value, low, high, unit))
    table = pd.DataFrame(rows, columns=["code", "value", "low", "high", "unit"])
    return FivePointsResult(
        _worded(table, before.years, before.wording),
        wording=before.wording,
        assumptions=_assumptions(before, points, cut, lost_each),
        before=before,
        after=after,
        points=points,
        cut=cut,
        told=told,
        drawn=drawn,
    )


@dataclass(frozen=True, repr=False, eq=False)
class FivePointsResult(Result):
    """What some points less attrition is worth: one row a measure.

    Columns: ``measure, figure, range`` (90 % sure) in words, and for code ``code, value, low,
    high, unit`` (``percent``, ``gain``: 0.25 is a quarter more; ``money``). Codes:
    ``attrition_now, attrition_then``; ``profit_more`` (discounted, over the years) and
    ``share_more`` (of what the base earns as it is); ``lost_more`` (the first if those kept are
    worth what the lost were); ``multiple_more`` (of one customer); ``published`` (its ends);
    ``most_a_year`` and ``most_each`` (a customer, a year: what may be spent before it stops
    paying). What cannot be told is missing. ``before`` and ``after`` are the two scenarios,
    ``cut`` the points really taken off, as a share.
    """

    chart: ClassVar[str] = "keeping_charts.plot_five_points"
    hidden: ClassVar[tuple[str, ...]] = ("code", "value", "low", "high", "unit")

    before: Scenario = field(kw_only=True)
    after: Scenario = field(kw_only=True)
    points: float = field(kw_only=True)
    cut: float = field(kw_only=True)
    told: bool = field(kw_only=True)
    drawn: Mapping[str, Values] = field(kw_only=True)

    def value(self, code: str) -> float:
        """The figure of a row; missing where it cannot be told."""
        return float(self.table.set_index("code").loc[code, "value"])

    def interval(self, code: str, *, level: float = LEVEL) -> tuple[float, float]:
        """Between what it lies with that probability; missing where it cannot be told."""
        if code == "published":
            return PUBLISHED
        if code not in self.drawn:
            return _MISSING, _MISSING
        return _ends(self.drawn[code], level)

    def figure(self, code: str) -> str:
        """The figure of a row in words, as the table shows it."""
        return str(self.table.set_index("code").loc[code, "figure"])

    def range_said(self, code: str) -> str:
        """The range of a row in words; empty where it has none."""
        return str(self.table.set_index("code").loc[code, "range"])

    @property
    def missing(self) -> bool:
        """Whether the worth cannot be told."""
        return not self.drawn

    def sentence(self) -> str:
        """What it is worth, what it may cost, and how far it is from the published figure."""
        w = self.wording
        if self.missing:
            return self.finding() + "."
        known = self.value("most_a_year") == self.value("most_a_year")
        key = "keeping.five.most" if known else "keeping.five.most_untold"
        parts = [w.say(key, finding=self.finding(), most=self.figure("most_a_year"))]
        if self.value("lost_more") == self.value("lost_more"):
            parts.append(w.say("keeping.five.lost", amount=self.figure("lost_more")))
        if self.value("multiple_more") == self.value("multiple_more"):
            parts.append(w.say(f"keeping.five.beside_{self.verdict}", **self._beside()))
        return " ".join(parts)

    def _beside(self) -> dict[str, str]:
        w = self.wording
        low, high = (w.percent(end, decimals=0) for end in PUBLISHED)
        between = self.range_said("multiple_more").replace("+", "")
        return {
            "gain": self.figure("multiple_more").removeprefix("+"),
            "range": " " + w.say("keeping.in_brackets", said=between) if between else "",
            "low": low,
            "high": high,
        }

    @property
    def verdict(self) -> str:
        """Where the worth of one customer here lies beside what is published for five points.

        ``inside`` or ``outside`` where the whole range does, ``open`` where it does both, and
        ``other`` where other than five points are asked for, which nothing is published of.
        """
        if round(100 * self.cut, 9) != 5:
            return "other"
        low, high = self.interval("multiple_more")
        if low >= PUBLISHED[0] and high <= PUBLISHED[1]:
            return "inside"
        return "outside" if high < PUBLISHED[0] or low > PUBLISHED[1] else "open"

    def finding(self) -> str:
        """What it is worth, without a full stop: for a title; or why it cannot be told."""
        w = self.wording
        if not self.told:
            return w.say("keeping.five.untold")
        if not self.heads:
            return w.say("keeping.five.nobody")
        if not self.cut:
            return w.say("keeping.five.nothing_lost")
        if self.missing:
            return w.say("keeping.five.no_gain", each=self._each())
        capped = self.points / 100 > self.cut
        points = w.number(100 * self.cut, decimals=0 if round(100 * self.cut, 6) % 1 == 0 else 1)
        say_points = w.say(
            "keeping.five.capped" if capped else "keeping.five.points",
            points=points,
            asked=w.number(self.points, decimals=0 if self.points % 1 == 0 else 1),
            plural=float(100 * self.cut),
            now=self.figure("attrition_now"),
            then=self.figure("attrition_then"),
        )
        measure = "margin" if in_margin(self.before) else "revenue"
        few, between = self.heads < SKETCH_BELOW, self.range_said("profit_more")
        share = self.value("share_more")
        return w.say(
            "keeping.five.sketch" if few else "keeping.five.finding",
            points=say_points,
            amount=self.figure("profit_more"),
            what=w.say(f"keeping.measure_more.{measure}"),
            years=self.before.years,
            range=" " + w.say("keeping.in_brackets", said=between) if between else "",
            share=w.say("keeping.five.share", share=self.figure("share_more"))
            if share == share
            else "",
            customers=int(self.heads),
        )

    @property
    def heads(self) -> float:
        """How many customers there are at the opening."""
        return opening_of(self.before)

    def _each(self) -> str:
        each = _mean_margin(self.before)
        return say_number(each, "margin_per_customer", self.wording)

    def comparison(self) -> Comparison:
        """Both scenarios year by year."""
        return compare(self.before, self.after)

    def risk(self) -> RiskResult:
        """The same difference with every range drawn."""
        return weigh_risk(self.before, self.after)

    def multiples(self) -> Listing:
        """What the points are worth at other retention rates: how many yearly margins a customer.

        Columns: ``retention, multiple_now, multiple_then, multiple_gain`` and ``whose``.
        """
        w, rate = self.wording, likely(self.before.discount_rate)
        here = 1 - _mean_attrition(self.before)
        rows = []
        for retention, whose in [*((r, "") for r in RETENTIONS), (here, "here")]:
            then = min(retention + self.points / 100, 1.0)
            if 1 + rate - then <= 0 or not 0 < retention < 1:
                continue
            now_times, then_times = margin_multiple(retention, rate), margin_multiple(then, rate)
            name = w.say("keeping.multiples.here") if whose else ""
            rows.append((retention, now_times, then_times, then_times / now_times - 1, name))
        columns = ["retention", "multiple_now", "multiple_then", "multiple_gain", "whose_rate"]
        table = pd.DataFrame(rows, columns=columns).sort_values("retention", ignore_index=True)
        said = w.say("keeping.multiples.said", rate=w.percent(rate, decimals=0))
        for name, decimals in (("retention", 1), ("multiple_gain", 1)):
            table[name] = [w.percent(value, decimals=decimals) for value in table[name]]
        for name in ("multiple_now", "multiple_then"):
            table[name] = [w.number(value, decimals=2) for value in table[name]]
        return Listing(table, wording=w, said=said)

    def published(self) -> Listing:
        """The published cases, and the retention a firm would need for the same by arithmetic."""
        w, rate = self.wording, likely(self.before.discount_rate)
        rows = []
        for code, claimed in CASES.items():
            needed = retention_for(claimed, rate)
            said = w.percent(needed) if needed == needed else w.say("keeping.cases.none")
            rows.append(
                (w.say(f"keeping.cases.{code}"), "+" + w.percent(claimed, decimals=0), said)
            )
        table = pd.DataFrame(rows, columns=["cited_case", "claimed_gain", "retention_needed"])
        return Listing(table, wording=w, said=w.say("keeping.cases.said"))


def retention_for(gain: float, discount_rate: float, *, points: float = 5) -> float:
    """The retention, above one half, at which the points raise the margin multiple by ``gain``.

    Missing where no retention above one half does.

    >>> round(retention_for(0.37, 0.12), 2)
    0.9
    """
    step = points / 100
    top = min(1 - step, 1 + discount_rate - step - 1e-9)
    rates = np.linspace(0.5, top, 5001)
    gains = (rates + step) / (1 + discount_rate - rates - step) * (1 + discount_rate - rates)
    over = gains / rates - 1 - gain
    crossing = np.flatnonzero(np.signbit(over[:-1]) & ~np.signbit(over[1:]))
    return float(rates[crossing[-1] + 1]) if crossing.size else _MISSING


def _check_points(points: object) -> None:
    number = isinstance(points, Real) and not isinstance(points, bool | np.bool_)
    if not number or not 0 < float(points) <= 100:  # type: ignore[arg-type]
        raise InputError(
            f"points must be how many percentage points less attrition, a number above 0 and up "
            f"to 100 such as 5; got {points!r}."
        )


def _mean_attrition(scenario: Scenario) -> float:
    return reference(scenario, "attrition", likely)


def _mean_margin(scenario: Scenario) -> float:
    """What keeping a customer brings a year: its margin, the programme per head paid."""
    own = reference(scenario, "margin_per_customer", likely)
    return own - likely(scenario.programme_cost_per_customer)


def _draw(
    before: Scenario, after: Scenario, cut: float, lost_each: Range | float, *, drawn: bool = True
) -> dict[str, Values]:
    """Every measure, drawn; or once with all at their likely values."""
    rng = np.random.default_rng(SEED)
    count = _DRAWS if drawn else 1

    def draw() -> Values:
        return bell(rng, count) if drawn else np.zeros(1)

    # The attrition of the change is that of today, so many points lower: drawn as one.
    places = draw_places([before], draw)
    pick = drawn_at(places)
    earned = np.broadcast_to(worth(None, before, pick), count)
    more = np.broadcast_to(worth(before, after, pick), count)
    found = {"attrition_now": _field(before, "attrition", places, count)}
    found["attrition_then"] = np.maximum(found["attrition_now"] - cut, 0.0)
    found["profit_more"] = more
    found["share_more"] = np.where(earned > 0, more / np.where(earned > 0, earned, 1.0), _MISSING)
    margin = _field(before, "margin_per_customer", places, count)
    value = lost_each.at(draw()) if isinstance(lost_each, Range) else np.full(count, lost_each)
    found["lost_more"] = np.where(margin > 0, more * value / np.where(margin > 0, margin, 1.0),
                                  _MISSING)  # fmt: skip
    rate = _field(before, "discount_rate", places, count)
    found["multiple_more"] = _multiple_gain(1 - found["attrition_now"], cut, rate)
    if not in_margin(before):
        # What may be spent is paid out of margin.
        return found
    for code, name in (("most_a_year", "programme_cost"),
                       ("most_each", "programme_cost_per_customer")):  # fmt: skip
        dearer = after.change(**{name: likely(getattr(after, name)) + 1.0})
        found[code] = more / worth(dearer, after, pick)
    return found


def _field(scenario: Scenario, name: str, places: Mapping[Key, Values], count: int) -> Values:
    """A field as drawn; where it has groups, the mean over the customers at the opening."""
    numbers = numbers_of(scenario)
    own = {key: value for key, value in numbers.items() if key[0] == name}
    heads = [likely(numbers.get(("customers", key[1]), 0.0)) for key in own]
    pick: Any = drawn_at(dict(places))(scenario)
    values = np.stack([np.broadcast_to(pick(key, value), count) for key, value in own.items()])
    return np.average(values, axis=0, weights=heads if sum(heads) > 0 else None)


def _multiple_gain(retention: Values, cut: float, rate: Values) -> Values:
    """How much more margin multiples a customer is worth with so much more retention."""
    then = np.minimum(retention + cut, 1.0)
    possible = (retention > 0) & (1 + rate - then > 1e-9)
    now = retention / np.where(possible, 1 + rate - retention, 1.0)
    better = then / np.where(possible, 1 + rate - then, 1.0)
    return np.where(possible, better / np.where(possible, now, 1.0) - 1, np.inf)


def _ends(drawn: Values, level: float = LEVEL) -> tuple[float, float]:
    ends = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2], method="nearest")
    low, high = (float(end) for end in ends)
    return (low, high) if np.isfinite(low) and np.isfinite(high) else (_MISSING, _MISSING)


def _worded(table: pd.DataFrame, years: int, wording: Wording) -> pd.DataFrame:
    def write(value: float, unit: str) -> str:
        if value != value:
            return ""
        if unit == "money":
            return wording.money(value, decimals=2) if abs(value) < 10 else about(value, wording)
        if unit == "gain":
            return ("+" if value >= 0 else "") + wording.percent(
                value, decimals=0 if abs(value) >= 0.1 else 1
            )
        return wording.percent(value)

    figures, ranges = [], []
    for row in table.itertuples():
        low, high = write(row.low, row.unit), write(row.high, row.unit)
        key = "keeping.between_published" if row.code == "published" else "keeping.between"
        ranges.append("" if not low or low == high else wording.say(key, low=low, high=high))
        said = write(row.value, row.unit)
        figures.append(said or ("" if row.code == "published" else wording.say("keeping.untold")))
    said = table.copy()
    said.insert(0, "measure", [wording.say(f"keeping.five.row.{code}", years=years)
                               for code in table["code"]])  # fmt: skip
    said.insert(1, "figure", figures)
    said.insert(2, "range", ranges)
    return said


def _assumptions(
    before: Scenario, points: float, cut: float, lost_each: Range | float
) -> dict[str, object]:
    w = before.wording
    said: dict[str, object] = {
        "points_less": w.number(100 * cut, decimals=0 if round(100 * cut, 6) % 1 == 0 else 1),
        "years": before.years,
        "discount_rate": say_number(likely(before.discount_rate), "discount_rate", w),
        "money_is": say_money_is(before),
        "kept_are_worth": w.say("keeping.five.kept_are_worth"),
    }
    each = likely(lost_each) if lost_each == lost_each else _MISSING
    if each == each:
        said["lost_were_worth"] = w.money(each)
    for name in ("attrition", "margin_per_customer", "new_per_year"):
        if name in before.sources:
            said[f"from_{name}"] = before.sources[name].said
    return said
