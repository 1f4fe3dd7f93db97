"""What comes of a scenario: its projection, by year and by month, and what it starts from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from retention_lib.decisions._risk_inputs import in_margin
from retention_lib.decisions._scenario_core import (
    GROUPED,
    MONTHS,
    SINGLE,
    Values,
    group_names,
    month_by_month,
    values_of,
)
from retention_lib.decisions._scenario_words import (
    DEFAULTS,
    UNITS,
    each_number,
    in_a_row,
    say_group,
    say_range,
    say_value,
)
from retention_lib.decisions.ranges import between, likely
from retention_lib.results import Result
from retention_lib.scoring._lifetime_results import about
from retention_lib.wording import with_minus

if TYPE_CHECKING:
    import pandas as pd

    from retention_lib.decisions._risk import RiskResult
    from retention_lib.decisions.scenarios import Scenario
    from retention_lib.wording import Wording

GUESSES = ("attrition", "new_per_year", "margin_per_customer")
"""Values that decide the result: where a base cannot tell them, it is said."""
DRAWS, SEED = 10_000, 20260101
FLOWS = ("customers", "gained", "lost")
MONEY = (
    *("revenue", "margin", "acquisition_costs", "programme_costs"),
    *("costs", "profit", "discounted_profit"),
)
_FORMATS: Mapping[str, str] = {
    **dict.fromkeys(("year", "month", *FLOWS), "count"),
    **dict.fromkeys(("level_before", "level_after"), "count"),
    **dict.fromkeys((*MONEY, "discounted_difference", "cumulated"), "money"),
}


@dataclass(frozen=True, repr=False, eq=False)
class Projection(Result):
    """What a scenario comes to, one row a year.

    Columns: ``year`` (1 for the first), ``customers`` at its end, ``gained, lost`` in it,
    ``revenue`` (missing where not known), ``margin, acquisition_costs, programme_costs, costs,
    profit, discounted_profit`` in the base's currency. Opening + gained - lost = customers.
    """

    chart: ClassVar[str] = "scenario_charts.plot_projection"
    formats: ClassVar[Mapping[str, str]] = _FORMATS
    hidden: ClassVar[tuple[str, ...]] = ("revenue", "acquisition_costs", "programme_costs")

    scenario: Scenario = field(kw_only=True)
    by_month: pd.DataFrame = field(kw_only=True)

    @property
    def opening(self) -> float:
        """How many customers there are at the opening."""
        return opening_of(self.scenario)

    @property
    def total_profit(self) -> float:
        """The discounted profit of all years."""
        return float(self.table["discounted_profit"].sum())

    @property
    def payback_month(self) -> int | None:
        """The month from which the cumulated discounted profit stays at or above 0.

        0 where it is never below, ``None`` where it still is at the end.
        """
        return payback_month(self.by_month["discounted_profit"].to_numpy())

    def months(self) -> ProjectionMonths:
        """The same month by month; the sums of twelve months are the years."""
        return ProjectionMonths(
            self.by_month.copy(),
            wording=self.wording,
            assumptions=self.assumptions,
            payback=self.payback_month,
        )

    def risk(self, *, draws: int = DRAWS, seed: int = SEED) -> RiskResult:
        """The profit with all ranges drawn: from where to where, and the chance of a loss."""
        from retention_lib.decisions._risk import weigh_risk

        return weigh_risk(self.scenario, None, draws=draws, seed=seed)

    def sentence(self) -> str:
        """How many customers become how many, and what the profit of those years is worth."""
        w, s = self.wording, self.scenario
        said = w.say(
            "scenario.projection",
            finding=self.finding(),
            range=self.range_said(),
            rate=w.percent(likely(s.discount_rate), decimals=0),
        )
        return said + say_caveats(s)

    def finding(self) -> str:
        """The sentence in short, for a title."""
        w = self.wording
        opening, closing = self.opening, float(self.table["customers"].iloc[-1])
        loses = self.total_profit < 0
        return w.say(
            "scenario.projection_loss" if loses else "scenario.projection_finding",
            years=len(self.table),
            opening=round(opening),
            closing=round(closing),
            profit=about(abs(self.total_profit), w),
        )

    def range_said(self) -> str:
        """The 90 % range of the profit in brackets, after a space; nothing without ranges."""
        if not has_ranges(self.scenario):
            return ""
        risk = self.risk()
        return say_money_range(risk.low, risk.high, self.wording)


@dataclass(frozen=True, repr=False, eq=False)
class ProjectionMonths(Result):
    """A projection month by month: the columns of the years, ``month`` from 1 and ``cumulated``.

    ``cumulated`` is the discounted profit up to the month's end. Of a comparison: ``month,
    level_before, level_after, discounted_difference, cumulated``.
    """

    chart: ClassVar[str] = "scenario_charts.plot_months"
    formats: ClassVar[Mapping[str, str]] = _FORMATS
    hidden: ClassVar[tuple[str, ...]] = Projection.hidden

    payback: int | None = field(kw_only=True)
    compared: bool = field(default=False, kw_only=True)
    """Whether it is the difference of two scenarios that is added up."""

    def sentence(self) -> str:
        """When the profit has made good what was spent before it."""
        return self.finding() + "."

    def finding(self) -> str:
        """The sentence without its full stop, for a title."""
        w, payback = self.wording, self.payback
        how = "never" if payback is None else "payback" if payback else "always"
        total = with_minus(about(float(self.table["cumulated"].iloc[-1]), w))
        return w.say(
            f"scenario.{'added' if self.compared else 'months'}_{how}",
            months=len(self.table),
            total=total,
            payback=payback or 0,
        )


@dataclass(frozen=True, repr=False, eq=False)
class StartingValues(Result):
    """What a scenario starts from, one row a value: the figure, its range, where it comes from.

    Columns: ``what, figure, likely_range`` in words, ``comes_from``; for code ``field, group``
    (tenure year or segment), ``value, low, high, unit, origin`` (``measured, yours, assumed``).
    """

    hidden: ClassVar[tuple[str, ...]] = (
        *("field", "group", "value", "low", "high", "unit", "origin"),
    )
    shown_rows: ClassVar[int] = 60

    def sentence(self) -> str:
        """How many values are measured, how many are yours, how many nobody can tell."""
        w, origins = self.wording, self.table.drop_duplicates("field")["origin"]
        counts = {name: int((origins == name).sum()) for name in ("measured", "yours", "assumed")}
        key = "scenario.starting_yours" if counts["yours"] else "scenario.starting"
        return w.say(key, fields=len(origins), **counts)


def project_scenario(scenario: Scenario) -> Projection:
    """Run a scenario with its likely values."""
    import pandas as pd

    columns = month_by_month(values_of(scenario))
    by_month = pd.DataFrame({"month": np.arange(1, 12 * scenario.years + 1), **columns})
    by_month["cumulated"] = by_month["discounted_profit"].cumsum()
    return Projection(
        _years(columns),
        wording=scenario.wording,
        assumptions=assumptions_of(scenario),
        scenario=scenario,
        by_month=by_month,
    )


def _years(columns: Mapping[str, Values]) -> pd.DataFrame:
    import pandas as pd

    by_year = {name: column.reshape(-1, MONTHS) for name, column in columns.items()}
    totals = {name: months.sum(axis=1) for name, months in by_year.items()}
    totals["customers"] = by_year["customers"][:, -1]
    return pd.DataFrame({"year": np.arange(1, len(totals["customers"]) + 1), **totals})


def payback_month(flows: Values) -> int | None:
    """The month from which what has been earned so far stays at or above what has been spent.

    0 where it is never below, ``None`` where it still is in the last month.

    >>> payback_month(np.array([-3.0, 1.0, 2.0, 5.0])), payback_month(np.array([1.0, 1.0]))
    (3, 0)
    """
    earned = np.cumsum(flows)
    # What only rounding leaves below nothing is not a loss.
    below = np.flatnonzero(earned < -1e-9 * max(float(np.abs(flows).max(initial=0.0)), 1.0))
    if not below.size:
        return 0
    month = int(below[-1]) + 2
    return month if month <= len(flows) else None


def opening_of(scenario: Scenario) -> float:
    """How many customers there are at the opening."""
    return float(sum(likely(one) for one in each_number(scenario.customers)))


def has_ranges(scenario: Scenario) -> bool:
    """Whether any value of a scenario is a range."""
    values = (one for name in (*GROUPED, *SINGLE) for one in each_number(getattr(scenario, name)))
    return any(between(one)[0] < between(one)[1] for one in values)


def say_caveats(scenario: Scenario) -> str:
    """What else has to be said of any profit: counted in revenue, or made of assumed values."""
    w, said = scenario.wording, ""
    if not in_margin(scenario):
        said += " " + w.say("scenario.in_revenue")
    assumed = [name for name, source in scenario.sources.items() if source.origin == "assumed"]
    guessed = [w.say(f"scenario.guessed.{name}") for name in GUESSES if name in assumed]
    if guessed:
        said += " " + w.say("scenario.guessed_said", what=w.listing(guessed))
    return said


def say_money_range(low: float, high: float, wording: Wording) -> str:
    """The 90 % range of an estimated amount in brackets, after a space; or nothing."""
    if low < 0 < high:
        ends = {"loss": about(-low, wording), "gain": about(high, wording)}
        return " " + wording.say("scenario.range_either", **ends)
    # Of a loss the sentence says how much it costs, so its range does too.
    smaller, larger = (about(end, wording) for end in sorted((abs(low), abs(high))))
    if smaller == larger:
        return ""
    return " " + wording.say("scenario.range", low=smaller, high=larger)


def list_starting_values(scenario: Scenario) -> StartingValues:
    """One row a value of a scenario, with where it comes from."""
    import pandas as pd

    w, names = scenario.wording, group_names(scenario)
    rows = [row for name in UNITS for row in _rows(scenario, name, names, w)]
    columns = [
        *("what", "figure", "likely_range", "comes_from", "field", "group"),
        *("value", "low", "high", "unit", "origin"),
    ]
    return StartingValues(
        pd.DataFrame(rows, columns=columns), wording=w, assumptions=_how(scenario)
    )


def _rows(
    scenario: Scenario, name: str, names: tuple[int | str | None, ...], w: Wording
) -> list[tuple[Any, ...]]:
    value, source = getattr(scenario, name), scenario.sources.get(name)
    said = source.said if source is not None else w.say("scenario.source.yours")
    origin = source.origin if source is not None else "yours"
    label = w.say(f"scenario.field.{name}")
    nan = float("nan")
    if name == "points_kept" and not value:
        return []
    if value is None:
        if source is None or name == "new_share":
            return []
        unknown = w.say("scenario.not_known")
        return [(label, unknown, "", said, name, None, nan, nan, nan, UNITS[name], origin)]
    groups = names if isinstance(value, tuple | dict) else (None,)
    rows: list[tuple[Any, ...]] = []
    for group, one in zip(groups, each_number(value), strict=False):
        called = say_group(group, group == names[-1], w)
        rows.append(
            (
                w.say("scenario.of_group", what=label, group=called) if called else label,
                say_value(one, name, w),
                say_range(one, name, w),
                w.say("scenario.source.same") if rows else said,
                name,
                group,
                likely(one),
                *between(one),
                UNITS[name],
                origin,
            )
        )
    return rows


def _how(scenario: Scenario) -> dict[str, object]:
    """How the arithmetic goes, in words."""
    w = scenario.wording
    said: dict[str, object] = {
        "scenario_year": w.say("scenario.how.year"),
        "scenario_discount": w.say(
            "scenario.how.discount", rate=w.percent(likely(scenario.discount_rate))
        ),
    }
    if scenario.kind != "one":
        said["scenario_groups"] = w.say(f"scenario.how.{scenario.kind}")
    if not in_margin(scenario):
        said["scenario_measure"] = w.say("scenario.how.revenue")
    return said


def assumptions_of(scenario: Scenario) -> dict[str, object]:
    """Every choice a projection is made under."""
    w = scenario.wording
    values = [
        w.say(
            "scenario.how.value",
            what=w.say(f"scenario.field.{name}"),
            value=say_value(getattr(scenario, name), name, w),
        )
        for name in UNITS
        if getattr(scenario, name) is not None and getattr(scenario, name) != 0
    ]
    origins = {name: source.origin for name, source in scenario.sources.items()}
    guessed = [
        w.say(f"scenario.field.{name}")
        for name, origin in origins.items()
        if origin == "assumed" and name not in DEFAULTS
    ]
    said = {"scenario_values": in_a_row(values, w), **_how(scenario)}
    if guessed:
        said["scenario_assumed"] = in_a_row(guessed, w)
    return said
