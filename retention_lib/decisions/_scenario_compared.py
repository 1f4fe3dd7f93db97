"""Before and after: the difference, when it has paid for itself, and what it consists of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import product
from math import factorial
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from retention_lib.decisions._scenario_core import (
    GROUPED,
    SINGLE_VALUES,
    ScenarioValues,
    Values,
    draw_profits,
    group_names,
    kind_of,
    values_of,
)
from retention_lib.decisions._scenario_results import (
    DRAWS,
    SEED,
    Projection,
    ProjectionMonths,
    assumptions_of,
    has_ranges,
    payback_month,
    project_scenario,
    say_caveats,
    say_money_range,
)
from retention_lib.decisions._scenario_words import UNITS, in_a_row, say_value
from retention_lib.errors import InputError
from retention_lib.results import Result
from retention_lib.scoring._lifetime_results import about

if TYPE_CHECKING:
    import pandas as pd

    from retention_lib.decisions._risk import RiskResult
    from retention_lib.decisions.scenarios import Scenario

PARTS: Mapping[str, tuple[str, ...]] = {
    "customers": ("customers",),
    "retention": ("attrition", "points_kept"),
    "new": ("new_per_year", "new_share", "won_back_per_year", "word_of_mouth"),
    "margin": ("margin_per_customer",),
    "acquisition_cost": ("acquisition_cost",),
    "programme": ("programme_cost", "programme_cost_per_customer"),
    "discount_rate": ("discount_rate",),
}
"""What a difference may consist of, and the fields that each of them is made of."""

NEGLIGIBLE = 0.005
"""A difference of less than a cent is none."""


@dataclass(frozen=True, repr=False, eq=False)
class Comparison(Result):
    """Two scenarios side by side, one row a year.

    Columns: ``year, level_before, level_after`` at its end, ``profit_before,
    profit_after, profit_difference``, ``discounted_difference`` and ``cumulated`` (the
    discounted difference up to the year's end).
    """

    chart: ClassVar[str] = "scenario_charts.plot_comparison"
    formats: ClassVar[Mapping[str, str]] = {
        **dict.fromkeys(("year", "level_before", "level_after"), "count"),
        **dict.fromkeys(("profit_before", "profit_after", "profit_difference"), "money"),
        **dict.fromkeys(("discounted_difference", "cumulated"), "money"),
    }

    before: Projection = field(kw_only=True)
    after: Projection = field(kw_only=True)

    @property
    def difference(self) -> float:
        """What the change is worth over all years, discounted."""
        return self.after.total_profit - self.before.total_profit

    @property
    def payback_month(self) -> int | None:
        """The month from which the cumulated discounted difference stays at or above 0.

        0 where it is never below, ``None`` where it still is at the end.
        """
        return payback_month(self.by_month()["discounted_difference"].to_numpy())

    def by_month(self) -> pd.DataFrame:
        """The difference of each month: the table of :meth:`months`."""
        import pandas as pd

        after, before = self.after.by_month, self.before.by_month
        difference = after["discounted_profit"] - before["discounted_profit"]
        return pd.DataFrame(
            {
                "month": before["month"],
                "level_before": before["customers"],
                "level_after": after["customers"],
                "discounted_difference": difference,
                "cumulated": difference.cumsum(),
            }
        )

    def months(self) -> ProjectionMonths:
        """The difference month by month, added up: when the change has paid for itself."""
        return ProjectionMonths(
            self.by_month(),
            wording=self.wording,
            assumptions=self.assumptions,
            payback=self.payback_month,
            compared=True,
        )

    def changed(self) -> tuple[str, ...]:
        """The fields in which the two scenarios differ."""
        before, after = self.before.scenario, self.after.scenario
        return tuple(n for n in UNITS if getattr(before, n) != getattr(after, n))

    def parts(self) -> DifferenceParts:
        """What the difference consists of; the parts add up to it whatever their order."""
        return split_difference(self)

    def risk(self, *, draws: int = DRAWS, seed: int = SEED) -> RiskResult:
        """The difference with all ranges drawn: from where to where, and the chance of a loss."""
        from retention_lib.decisions._risk import weigh_risk

        return weigh_risk(self.before.scenario, self.after.scenario, draws=draws, seed=seed)

    def sentence(self) -> str:
        """What the change is worth if it comes as assumed, its range, and when it has paid off."""
        w = self.wording
        if not self.changed() or abs(self.difference) < NEGLIGIBLE:
            return self.finding() + "."
        said = w.say(
            "scenario.compared",
            finding=self.finding(),
            range=self.range_said(),
            payback=self._payback(),
        )
        # What the change itself gives is yours; what it starts from may still be assumed.
        return said + say_caveats(self.before.scenario)

    def finding(self) -> str:
        """The sentence in short, for a title."""
        w, years = self.wording, len(self.table)
        if not self.changed():
            return w.say("scenario.compared_same")
        if abs(self.difference) < NEGLIGIBLE:
            return w.say("scenario.compared_nothing", years=years)
        key = "scenario.compared_gain" if self.difference > 0 else "scenario.compared_loss"
        return w.say(key, years=years, money=about(abs(self.difference), w))

    def _payback(self) -> str:
        month = self.payback_month
        key = "never" if month is None else "from" if month else "always"
        return self.wording.say(f"scenario.payback_{key}", month=month or 0)

    def range_said(self) -> str:
        """The 90 % range of the difference in brackets, after a space; nothing without ranges."""
        if not any(has_ranges(one.scenario) for one in (self.before, self.after)):
            return ""
        risk = self.risk()
        return say_money_range(risk.low, risk.high, self.wording)


@dataclass(frozen=True, repr=False, eq=False)
class DifferenceParts(Result):
    """What a difference consists of, one row a part that changed.

    Columns: ``part`` and ``changes`` in words, ``part_worth`` (discounted, in the base's currency),
    last ``part_code`` (``retention, new, margin, customers, acquisition_cost, programme,
    discount_rate``). The rows add up to the difference. Where two changes help each other, each
    gets half of what they do together: the mean over all orders in which the changes could have
    been made (Shapley 1953).
    """

    chart: ClassVar[str] = "scenario_charts.plot_parts"
    formats: ClassVar[Mapping[str, str]] = {"part_worth": "money"}
    hidden: ClassVar[tuple[str, ...]] = ("part_code",)

    difference: float = field(kw_only=True)
    years: int = field(kw_only=True)

    def sentence(self) -> str:
        """What the difference consists of, largest part first."""
        return self.finding() + "."

    def title(self) -> str:
        """The largest part and the whole, for a title."""
        w, table = self.wording, self.table
        if table.empty:
            return w.say("scenario.compared_same")
        worth = float(table["part_worth"].iloc[0])
        return w.say(
            "scenario.parts_title",
            total=signed(about(self.difference, w), self.difference),
            part=w.say(f"scenario.part.{table['part_code'].iloc[0]}"),
            worth=signed(about(worth, w), worth),
            years=self.years,
        )

    def finding(self) -> str:
        """The sentence without its full stop."""
        w, table = self.wording, self.table
        if table.empty:
            return w.say("scenario.compared_same")
        said = [
            w.say("scenario.part_said", part=w.say(f"scenario.part.{row.part_code}"),
                  worth=signed(about(row.part_worth, w), row.part_worth))
            for row in table.itertuples()
        ]  # fmt: skip
        total = signed(about(self.difference, w), self.difference)
        return w.say("scenario.parts", total=total, parts=w.listing(said), years=self.years)


def signed(said: str, value: float) -> str:
    """An amount with a plus or a minus sign."""
    bare = said.replace("-", "").replace("−", "")
    return bare if abs(value) < NEGLIGIBLE else ("+" if value > 0 else "−") + bare


def compare_scenarios(before: Scenario, after: Scenario) -> Comparison:
    """Run both scenarios and put them side by side."""
    import pandas as pd

    _check_alike(before, after)
    first, second = project_scenario(before), project_scenario(after)
    old, new = first.table, second.table
    discounted = new["discounted_profit"] - old["discounted_profit"]
    table = pd.DataFrame(
        {
            "year": old["year"],
            "level_before": old["customers"],
            "level_after": new["customers"],
            "profit_before": old["profit"],
            "profit_after": new["profit"],
            "profit_difference": new["profit"] - old["profit"],
            "discounted_difference": discounted,
            "cumulated": discounted.cumsum(),
        }
    )
    return Comparison(
        table, wording=after.wording, assumptions=_assumptions(before, after), before=first,
        after=second,
    )  # fmt: skip


def _check_alike(before: Scenario, after: Scenario) -> None:
    if before.years != after.years:
        raise InputError(
            f"before looks {before.years} and after {after.years} years ahead; compare the same "
            f"number, such as after.change(years={before.years})."
        )
    kinds = {kind_of(before), kind_of(after)}
    if "segment" in kinds and set(group_names(before)) != set(group_names(after)):
        raise InputError(
            "before and after must go by the same segments; make after from before, such as "
            "before.change(attrition=...) or before.keep_more(5)."
        )


def _assumptions(before: Scenario, after: Scenario) -> dict[str, object]:
    w = after.wording
    changed = [name for name in UNITS if getattr(before, name) != getattr(after, name)]
    listed = [
        w.say(
            "scenario.how.changed",
            what=w.say(f"scenario.field.{name}"),
            before=say_value(getattr(before, name), name, w),
            after=say_value(getattr(after, name), name, w),
        )
        for name in changed
    ]
    said: dict[str, object] = {}
    if listed:
        said["scenario_changed"] = in_a_row(listed, w)
        said["scenario_effect"] = w.say("scenario.how.effect")
    return said | assumptions_of(before)


# --- what it consists of ---------------------------------------------------------------------


def split_difference(comparison: Comparison) -> DifferenceParts:
    """The difference shared out to what was changed: the mean over all orders of changing it."""
    import pandas as pd

    w = comparison.wording
    before, after = comparison.before.scenario, comparison.after.scenario
    changed = comparison.changed()
    codes = [code for code, names in PARTS.items() if set(names) & set(changed)]
    worths = _shapley(before, after, codes)
    rows = [
        (
            w.say(f"scenario.part.{code}"),
            in_a_row(
                [
                    w.say(
                        "scenario.how.changed",
                        what=w.say(f"scenario.field.{name}"),
                        before=say_value(getattr(before, name), name, w),
                        after=say_value(getattr(after, name), name, w),
                    )
                    for name in PARTS[code]
                    if name in changed
                ],
                w,
            ),
            worth,
            code,
        )
        for code, worth in zip(codes, worths, strict=True)
    ]
    rows.sort(key=lambda row: -abs(row[2]))
    return DifferenceParts(
        pd.DataFrame(rows, columns=["part", "changes", "part_worth", "part_code"]),
        wording=w,
        assumptions={**comparison.assumptions, "scenario_parts": w.say("scenario.how.parts")},
        difference=comparison.difference,
        years=len(comparison.table),
    )


def _shapley(before: Scenario, after: Scenario, codes: list[str]) -> list[float]:
    """What each part adds on average, over all subsets of the others: all of them at once."""
    count = len(codes)
    subsets = np.array(list(product((False, True), repeat=count)), dtype=bool).reshape(
        2**count, count
    )
    profits = draw_profits(_mixed(before, after, codes, subsets)).sum(axis=1)
    profits = np.broadcast_to(profits, len(subsets))
    sizes = subsets.sum(axis=1)
    worths = []
    for place in range(count):
        within = subsets[:, place]
        # Subsets are in the order of binary numbers: the same one without this part.
        without = np.flatnonzero(within) - 2 ** (count - 1 - place)
        weights = [
            factorial(size - 1) * factorial(count - size) / factorial(count)
            for size in sizes[within]
        ]
        worths.append(float(np.dot(weights, profits[within] - profits[without])))
    return worths


def _mixed(before: Scenario, after: Scenario, codes: list[str], subsets: Values) -> ScenarioValues:
    """One draw a subset of the parts: those in it as after, the others as before."""
    groups = max(group_names(before), group_names(after), key=len)
    old, new = (values_of(one, groups=groups) for one in (before, after))
    part_of = {name: code for code, names in PARTS.items() for name in names}
    mixed = {}
    for name in (*GROUPED, *SINGLE_VALUES):
        was, becomes = getattr(old, name), getattr(new, name)
        code = part_of.get(name)
        if code in codes:
            chosen = subsets[:, codes.index(code)]
            mixed[name] = np.where(chosen[:, None] if was.ndim == 2 else chosen, becomes, was)
        else:
            mixed[name] = was
    kind = old.kind if old.kind != "one" else new.kind
    return ScenarioValues(kind=kind, years=before.years, **mixed)
