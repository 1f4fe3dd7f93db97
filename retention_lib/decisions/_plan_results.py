"""The plan as people see it: actions, who is held back, who is left out, what it should earn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from retention_lib.decisions._plan_compared import (
    PlanPrices,
    PlansBeside,
    beside,
    prices_of,
    say_gap,
)
from retention_lib.decisions._plan_draft import Draft, draw_up, marketing_of, taken_of
from retention_lib.decisions._plan_facts import PlanFacts
from retention_lib.decisions._plan_holdout import (
    COMPARED_AT_LEAST,
    explored,
    held_back,
    in_the_draw,
    share_held,
)
from retention_lib.decisions._plan_left_out import left_out
from retention_lib.decisions._plan_parts import (
    LeftOutReasons,
    PlanCalendar,
    PlanSummary,
    calendar_of,
    reasons_of,
    summary_of,
)
from retention_lib.decisions._plan_paths import TASK
from retention_lib.decisions._plan_proof import PlanProof, proof_of
from retention_lib.decisions._plan_settings import checked_settings
from retention_lib.decisions._plan_table import actions, held_table, total_of
from retention_lib.decisions.past_campaigns import FEWEST
from retention_lib.decisions.ranges import Range
from retention_lib.errors import ChoiceError
from retention_lib.masking import said_name
from retention_lib.portfolio.rfm import SKETCH_BELOW
from retention_lib.results import Result
from retention_lib.scoring._lifetime_results import about
from retention_lib.wording import with_minus

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd


@dataclass(frozen=True, repr=False, eq=False)
class PlanResult(Result):
    """One row an action, by date and account manager.

    Columns: ``customer_id, name`` (where known)``, date, channel`` (in words; ``task`` is what an
    account manager does before a contact, and no contact)``, journey, message`` (the step)``,
    owner, cost`` (currency: paid out, expected to be given away, time)``, expected_profit``
    (extra profit of the contact net of its cost and of the tasks before it, so that the column
    adds up)``, why``; for code ``step_code, journey_code, channel_code, week`` (from 1)``,
    minutes, purpose`` (``profit``; though it does not pay by itself ``floor``: kept in touch, and
    ``service``: owed an answer; ``explore``: drawn by lot to learn)``, option, profit_low``,
    ``profit_high``.

    ``held_out``: customers held back as a control group. ``left_out``: everybody else with the
    reason. The three together are all customers. ``total``: the expected profit with its 90 %
    range; ``gap``: how far from the best plan it may be, as a share (0 is proved the best).
    """

    chart: ClassVar[str] = "plan_charts.plot_plan"
    hidden: ClassVar[tuple[str, ...]] = (
        "step_code",
        "journey_code",
        "channel_code",
        "week",
        "minutes",
        "purpose",
        "option",
        "profit_low",
        "profit_high",
        # What is done and why say as much; the table stays as wide as a page.
        "journey",
        "channel",
    )
    formats: ClassVar[Mapping[str, str]] = {"cost": "money", "expected_profit": "money"}
    telling: ClassVar[tuple[str, ...]] = ("why",)

    held_out: pd.DataFrame = field(kw_only=True)
    left_out: pd.DataFrame = field(kw_only=True)
    total: Range = field(kw_only=True)
    given_up: Range = field(kw_only=True)
    plan_id: str = field(kw_only=True)
    draft: Draft = field(kw_only=True)
    asked: Mapping[str, Any] = field(kw_only=True)

    @property
    def facts(self) -> PlanFacts:
        """What the plan was made from, for making another one in no time."""
        return self.draft.facts

    @property
    def gap(self) -> float:
        """How much more the best plan could earn at most, as a share of what it earns."""
        return float(self.draft.solution.gap)

    @property
    def contacts(self) -> pd.DataFrame:
        """The actions that reach a customer: all but the tasks."""
        return self.table[self.table["channel_code"] != TASK]

    @property
    def customers(self) -> int:
        """How many customers are contacted."""
        return int(self.table["customer_id"].nunique())

    @property
    def cost(self) -> float:
        """What the plan costs."""
        return float(self.table["cost"].sum())

    def sentence(self) -> str:
        """What is done for how many, what it costs, what it should earn, who is left in peace."""
        w = self.wording
        sketch = len(self.facts) < SKETCH_BELOW
        if self.table.empty:
            said = w.say("plan.nobody", customers=len(self.facts), why=self._why_nobody())
        else:
            said = w.say(
                "plan.finding",
                doing=self.finding(),
                held=self._held_words(),
                left=len(self.left_out),
            )
        if unanswered := int((self.left_out["reason_code"] == "owed_answer").sum()):
            said = f"{said} {w.say('plan.unanswered', customers=unanswered)}"
        return w.say("plan.sketch", customers=len(self.facts), said=said) if sketch else said

    def finding(self, key: str = "plan.doing") -> str:
        """What is done for how many, what it costs and should earn."""
        w, total = self.wording, self.total
        kind = "losing" if total.likely < 0 else self.facts.measure
        return w.say(
            f"{key}.{kind}",
            customers=self.customers,
            contacts=len(self.contacts),
            cost=w.money(self.cost),
            total=about(abs(total.likely), w),
            low=with_minus(about(total.low, w)),
            high=with_minus(about(total.high, w)),
        )

    def _held_words(self) -> str:
        if held := len(self.held_out):
            key = "plan.held" if held >= FEWEST else "plan.held_too_few"
            return self.wording.say(key, held=held)
        usual = self.draft.settings.hold_out is None
        drawn = int(in_the_draw(self.draft).sum())
        return self.wording.say("plan.held_few" if usual and drawn else "plan.held_none")

    def _why_nobody(self) -> str:
        """The commonest reason why nobody is contacted."""
        if self.left_out.empty:
            return self.wording.say("plan.why_nobody")
        codes = self.left_out["reason_code"]
        if not self.draft.settings.budget:
            return self.wording.say("plan.no_money")
        # Where money or time is lacking, that is why, and not that others would not pay anyway.
        lacking = codes[codes.isin(("budget", "no_time", "owed_answer", "owed_contact"))]
        code = str((lacking if len(lacking) else codes).value_counts().index[0])
        said = str(self.left_out.loc[self.left_out["reason_code"] == code, "reason"].iloc[0])
        return said[:1].upper() + said[1:].rstrip(".") + "."

    def summary(self) -> PlanSummary:
        """The plan by journey: customers, contacts, hours, cost and expected profit."""
        return summary_of(self)

    def calendar(self) -> PlanCalendar:
        """How many contacts each week, by channel."""
        return calendar_of(self)

    def reasons(self) -> LeftOutReasons:
        """How many customers are left out for which reason."""
        return reasons_of(self)

    def proof(self) -> PlanProof:
        """What the control group will be able to prove, when, and what holding it back costs.

        Other sizes of control group stand beside it.
        """
        return proof_of(self.draft)

    def greedy(self) -> PlansBeside:
        """The plan beside what a careful person with a spreadsheet would do, and beside nothing."""
        return beside(self.draft, self.customers, self.cost, self.total, len(self.held_out))

    def prices(self) -> PlanPrices:
        """What a little more of everything would earn: money, time, a looser rule.

        Each is solved again; where the base is large, money and time are told by their price in
        the solution. Takes seconds.
        """
        return prices_of(self.draft, self.given_up, len(self.held_out))

    def again(self, **changes: Any) -> PlanResult:
        """The plan on the same facts with other arguments of ``make_plan``: quick.

        Raises ``ChoiceError`` where ``make_plan`` has no such argument.
        """
        for name in changes:
            if name not in self.asked:
                raise ChoiceError("again", name, self.asked)
        asked = {**self.asked, **changes}
        settings = checked_settings(self.facts.base, asked, self.facts.effect)
        return result_of(draw_up(self.facts, settings), asked)

    def to_excel(self, path: str | Path, *, masked: bool | None = None) -> Path:
        """Write the plan as an Excel file: a sheet an account manager, a calendar, a summary.

        ``masked`` hides names and identifiers; ``None`` does what ``RETENTION_MASK`` says. The
        trap: a masked file cannot be read back.
        """
        from retention_lib.decisions import plan_files

        return plan_files.write_excel(self, path, masked=masked)

    def to_csv(self, path: str | Path, *, masked: bool | None = None) -> Path:
        """Write the plan as a CSV file that a CRM imports, and the control group beside it.

        ``masked`` as in :meth:`to_excel`.
        """
        from retention_lib.decisions import plan_files

        return plan_files.write_csv(self, path, masked=masked)

    def sales_time(self) -> Result:
        """Hours the plan costs and frees, by account manager and week; whom to call first."""
        from retention_lib.decisions.plan_time import sales_time

        return sales_time(self)


def result_of(draft: Draft, asked: Mapping[str, Any]) -> PlanResult:
    """Hold back the control group, add what is explored, and write it all down."""
    held = held_back(draft)
    extra = explored(draft)
    kept = np.sort(np.concatenate([draft.chosen[~held], extra]))
    done, spared = taken_of(draft, kept), taken_of(draft, draft.chosen[held])
    covered = np.zeros(len(draft.facts), dtype=bool)
    covered[draft.options.customer[kept]] = True
    covered[draft.options.customer[draft.chosen[held]]] = True
    return PlanResult(
        actions(draft, done, extra),
        wording=draft.facts.base.wording,
        assumptions=_assumptions(draft, len(extra)),
        held_out=held_table(draft, spared),
        left_out=left_out(draft, np.flatnonzero(~covered)),
        total=total_of(draft, done),
        given_up=total_of(draft, spared),
        plan_id=draft.settings.plan_id,
        draft=draft,
        asked=asked,
    )


def _said_held(draft: Draft) -> str:
    """The share held back and, where nobody asked for one, why it is that large."""
    w, many, share = draft.facts.base.wording, int(in_the_draw(draft).sum()), share_held(draft)
    if draft.settings.hold_out is not None:
        return w.percent(share, decimals=0)
    if not share:
        return w.say("plan.hold_out.few", customers=many, least=COMPARED_AT_LEAST)
    return w.say("plan.hold_out.usual", share=w.percent(share, decimals=0), customers=many)


def _hours_of_each(hours: Mapping[str, float], draft: Draft) -> str:
    w, marketing = draft.facts.base.wording, marketing_of(draft.facts)
    said = [
        f"{name if name == marketing else said_name(name, 'owner')} {w.number(each, decimals=1)}"
        for name, each in hours.items()
    ]
    return w.listing(said)


def _assumptions(draft: Draft, explored: int) -> dict[str, object]:
    """Every choice the plan was made under, and where its figures come from."""
    settings, facts, w = draft.settings, draft.facts, draft.facts.base.wording
    rules, solution = settings.rules, draft.solution
    hours = settings.hours
    said: dict[str, object] = {
        "plan": settings.plan_id,
        "as_of": facts.base.as_of,
        "plan_dates": w.say(
            "plan.dates",
            start=w.date(settings.start),
            weeks=settings.weeks,
        ),
        "budget": w.money(settings.budget),
        "hours_per_week": w.say("plan.hours", hours=w.number(hours, decimals=1))
        if not isinstance(hours, Mapping)
        else _hours_of_each(hours, draft),
        "hour_cost": w.money(settings.hour_cost),
        "contact_rules": w.say(
            "plan.rules",
            most=rules.most_in_30_days,
            rest=rules.rest_days,
            least=rules.least_a_year,
        ),
        "plan_money": w.say(f"plan.measure.{facts.measure}", days=facts.horizon_days),
        "plan_effects": w.say("plan.effects.measured", campaign=settings.measured_by)
        if settings.measured is not None
        else w.say("plan.effects.assumed"),
        "hold_out": _said_held(draft),
        "plan_solver": w.say("plan.solver.exact")
        if solution.exact
        else w.say("plan.solver.gap", gap=say_gap(solution.gap, w)),
    }
    if settings.uplift is not None:
        said["plan_uplift"] = w.say("plan.effects.uplift")
    if settings.explore:
        said["explore"] = w.say(
            "plan.explored", share=w.percent(settings.explore, decimals=0), customers=explored
        )
    if facts.assumed:
        names = w.listing([w.say(f"plan_files.channel.{name}") for name in facts.assumed])
        said["plan_reach"] = w.say("plan.reach", channels=names)
    if not facts.owners:
        said["plan_owners"] = w.say("plan.no_owners")
    if not (facts.base.has("interactions") or facts.base.has("campaigns", "group")):
        said["plan_contacts"] = w.say("plan.no_contacts")
    return said
