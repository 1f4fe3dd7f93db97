"""The plan beside other plans: the greedy list, nothing, and a little more of everything."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, TypeAlias

import numpy as np

from retention_lib.decisions._plan_draft import Draft, draw_up, marketing_of, taken_of
from retention_lib.decisions._plan_greedy import solve_greedy
from retention_lib.decisions._plan_problem import Problem, Solution
from retention_lib.decisions._plan_solver import solve
from retention_lib.decisions._plan_table import total_of
from retention_lib.decisions.contact_rules import ContactRules
from retention_lib.decisions.ranges import Range
from retention_lib.masking import said_name
from retention_lib.results import Result
from retention_lib.scoring._lifetime_results import about
from retention_lib.wording import Wording, with_minus

SECONDS = 3.0
"""So long is each looser plan looked for; what it is short of the best one is next to nothing."""
SOLVED_UP_TO = 20_000
"""Beyond so many customers what a little more would earn is told by its price."""
_BUDGET = 0


def total_with(draft: Draft, solution: Solution) -> Range:
    """The expected profit of another solution of the same problem."""
    chosen = solution.chosen
    return total_of(draft, taken_of(draft, chosen[chosen >= 0]))


def say_gap(gap: float, wording: Wording) -> str:
    """How much more the best plan could earn, never less than what it is rounded to."""
    return wording.percent(max(gap, 1e-4), decimals=2)


# --- the greedy list ---------------------------------------------------------------------------


@dataclass(frozen=True, repr=False, eq=False)
class PlansBeside(Result):
    """One row a plan.

    Columns: ``plan`` in words, ``customers, cost, expected_profit`` with its 90 % range
    ``profit_low, profit_high``, ``due_served`` (customers worth it who hear from the company often
    enough through it) and ``plan_code``: ``nobody``, ``greedy`` (what a careful person with a
    spreadsheet does), ``best`` (before anybody is held back), ``plan`` (this one).
    """

    chart: ClassVar[str] = "plan_charts.plot_beside"
    hidden: ClassVar[tuple[str, ...]] = ("plan_code",)
    formats: ClassVar[Mapping[str, str]] = {
        "customers": "count",
        "cost": "money",
        "expected_profit": "money",
        "profit_low": "money",
        "profit_high": "money",
        "due_served": "count",
    }
    gap: float = field(kw_only=True)

    def sentence(self) -> str:
        """How much more the best plan earns than the greedy list, and how near the best it is."""
        w, by = self.wording, self.table.set_index("plan_code")["expected_profit"]
        more = float(by["best"] - by["greedy"])
        gap = self.gap_words()
        if more <= 0.005 * abs(float(by["greedy"])):
            return w.say("plan.beside.same", best=with_minus(about(float(by["best"]), w)), gap=gap)
        share = more / float(by["greedy"]) if by["greedy"] > 0 else float("nan")
        return w.say(
            "plan.beside.finding" if share == share else "plan.beside.finding_bare",
            best=with_minus(about(float(by["best"]), w)),
            greedy=with_minus(about(float(by["greedy"]), w)),
            share=w.percent(share, decimals=0 if share >= 0.1 else 1),
            gap=gap,
        )

    def gap_words(self) -> str:
        """How near the best plan it is."""
        if self.gap <= 1e-6:
            return self.wording.say("plan.beside.exact")
        return self.wording.say("plan.beside.gap", gap=say_gap(self.gap, self.wording))


def beside(draft: Draft, customers: int, cost: float, total: Range, held: int) -> PlansBeside:
    """The plan beside the greedy list and beside contacting nobody."""
    import pandas as pd

    w = draft.facts.base.wording
    greedy = solve_greedy(draft.problem)
    rows: list[list[object]] = [[w.say("plan.beside.nobody"), 0, 0.0, 0.0, 0.0, 0.0, 0, "nobody"]]
    for code, solution in (("greedy", greedy), ("best", draft.solution)):
        rows.append([w.say(f"plan.beside.{code}"), *_weighed(draft, solution), code])
    served = int(draft.due[_served(draft)].sum())
    said = w.say("plan.beside.plan", held=held) if held else w.say("plan.beside.plan_whole")
    ends = (total.likely, total.low, total.high)
    rows.append([said, customers, cost, *ends, served, "plan"])
    names = ["plan", "customers", "cost", "expected_profit", "profit_low", "profit_high"]
    table = pd.DataFrame(rows, columns=[*names, "due_served", "plan_code"])
    return PlansBeside(table, wording=w, gap=draft.solution.gap)


def _served(draft: Draft) -> np.ndarray:
    from retention_lib.decisions._plan_holdout import held_back

    return draft.options.customer[draft.chosen[~held_back(draft)]]


def _weighed(draft: Draft, solution: Solution) -> list[object]:
    chosen = solution.chosen[solution.chosen >= 0]
    total = total_with(draft, solution)
    cost = float(draft.options.cost[chosen].sum())
    return [len(chosen), cost, total.likely, total.low, total.high, solution.served]


# --- what a little more would earn ---------------------------------------------------------------


@dataclass(frozen=True, repr=False, eq=False)
class PlanPrices(Result):
    """One row a constraint, the dearest first.

    Columns: ``constraint`` (what there would be more of)``, extra_profit`` of the whole plan with
    its 90 % range ``extra_low, extra_high``, ``spent`` (what more of the budget is used)``, how``
    (solved again, to the end or cut short by the clock, or by price) and ``constraint_code``.

    Profits are those before anybody is held back.
    """

    chart: ClassVar[str] = "plan_charts.plot_prices"
    hidden: ClassVar[tuple[str, ...]] = ("constraint_code",)
    formats: ClassVar[Mapping[str, str]] = {
        "extra_profit": "money",
        "extra_low": "money",
        "extra_high": "money",
        "spent": "money",
    }
    shown_rows: ClassVar[int] = 20
    weeks: int = field(kw_only=True)

    def sentence(self) -> str:
        """What is worth having more of, the dearest first."""
        w = self.wording
        dear = self.table[~self.table["constraint_code"].isin(("no_floor", "no_hold_out"))]
        dear = dear[dear["extra_profit"] > 0]
        if dear.empty:
            return w.say("plan.prices.nothing")
        first = dear.iloc[0]
        return w.say(
            "plan.prices.finding",
            what=str(first["constraint"]),
            weeks=self.weeks,
            extra=about(float(first["extra_profit"]), w),
            low=with_minus(about(float(first["extra_low"]), w)),
            high=about(float(first["extra_high"]), w),
        )


def prices_of(draft: Draft, given_up: Range, held: int) -> PlanPrices:
    """What a little more of everything would earn."""
    import pandas as pd

    w = draft.facts.base.wording
    rows = [*_resources(draft), *_rules(draft)]
    if held:
        said = w.say("plan.prices.no_hold_out")
        ends = (given_up.likely, given_up.low, given_up.high)
        rows.append((said, *ends, float("nan"), "solved", "no_hold_out"))
    names = ["constraint", "extra_profit", "extra_low", "extra_high", "spent", "how"]
    table = pd.DataFrame(rows, columns=[*names, "constraint_code"])
    table["how"] = [w.say(f"plan.prices.how.{how}") for how in table["how"]]
    table = table.sort_values("extra_profit", ascending=False, kind="stable", ignore_index=True)
    return PlanPrices(table, wording=w, weeks=draft.settings.weeks)


_Row: TypeAlias = "tuple[Any, ...]"


def _resources(draft: Draft) -> Iterator[_Row]:
    """More money, and an hour more a week of each account manager."""
    w, facts, settings = draft.facts.base.wording, draft.facts, draft.settings
    for share, amount in ((True, 0.01 * settings.budget), (False, 100.0)):
        key = "plan.prices.budget_share" if share else "plan.prices.budget"
        code = "budget_1_percent" if share else "budget_100"
        if amount:
            more = draft.problem.capacity.copy()
            more[_BUDGET] += amount
            yield _more(
                draft, more, w.say(key, amount=w.money(amount, decimals=2 * (amount < 10))), code
            )
    weeks = settings.weeks
    timed = set(draft.problem.use_resource[draft.problem.use_resource > 0].tolist())
    named = [said_name(owner, "owner") for owner in facts.owners]
    for number, owner in enumerate([*named, marketing_of(facts)]):
        own = range(1 + number * weeks, 1 + (number + 1) * weeks)
        if timed & set(own):
            more = draft.problem.capacity.copy()
            more[own.start : own.stop] += 60.0
            yield _more(draft, more, w.say("plan.prices.hour", owner=owner), f"hour {owner}")


def _more(draft: Draft, capacity: np.ndarray, said: str, code: str) -> _Row:
    problem: Problem = draft.problem
    if len(draft.facts) > SOLVED_UP_TO:
        extra = float(draft.solution.price @ (capacity - problem.capacity))
        return (said, *_scaled(draft, extra), float("nan"), "price", code)
    looser = solve(replace(problem, capacity=capacity), seconds=SECONDS)
    how = _how(draft, looser)
    if _falls_short(looser, draft):
        looser = draft.solution
    return (said, *_against(draft, draft, looser), how, code)


def _falls_short(looser: Solution, draft: Draft) -> bool:
    """Whether a search was cut short by the clock: under looser rules the plan in hand fits too."""
    held = draft.solution
    return (looser.served, looser.profit) < (held.served, held.profit)


def _how(draft: Draft, other: Solution) -> str:
    return "solved" if draft.solution.exact and other.exact else "cut_short"


def _scaled(draft: Draft, extra: float) -> tuple[float, float, float]:
    """A profit with a range as wide in proportion as that of the plan."""
    total = total_with(draft, draft.solution)
    brought = total.likely if total.likely > 0 else float("nan")
    low, high = sorted((extra * total.low / brought, extra * total.high / brought))
    return extra, min(low, extra), max(high, extra)


def _against(draft: Draft, other: Draft, solution: Solution) -> tuple[float, ...]:
    """What another solution earns more, its range, and what more it spends.

    The steps work as well in the one plan as in the other, so that the ranges move together.
    """
    before, after = total_with(draft, draft.solution), total_with(other, solution)
    ends = [getattr(after, end) - getattr(before, end) for end in ("low", "high")]
    extra = after.likely - before.likely
    chosen = solution.chosen[solution.chosen >= 0]
    spent = float(other.options.cost[chosen].sum() - draft.options.cost[draft.chosen].sum())
    return extra, min(*ends, extra), max(*ends, extra), spent


def _rules(draft: Draft) -> Iterator[_Row]:
    """Looser rules: one contact more in 30 days, a day less of rest, no least number a year."""
    w, settings = draft.facts.base.wording, draft.settings
    rules: ContactRules = settings.rules
    looser = {}
    if rules.most_in_30_days < 30:
        looser["one_contact"] = replace(
            settings, rules=replace(rules, most_in_30_days=rules.most_in_30_days + 1)
        )
    if rules.rest_days:
        looser["one_day"] = replace(settings, rules=replace(rules, rest_days=rules.rest_days - 1))
    if draft.due.any():
        looser["no_floor"] = replace(settings, floor=False)
    for code, changed in looser.items():
        other = draw_up(draft.facts, changed, seconds=SECONDS)
        said = w.say(f"plan.prices.{code}", least=rules.least_a_year)
        how = _how(draft, other.solution)
        if code != "no_floor" and _falls_short(other.solution, draft):
            other = draft
        yield (said, *_against(draft, other, other.solution), how, code)
