"""The plan: which action for whom, when, by whom, at what cost, for what expected profit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from retention_lib import progress
from retention_lib.base.customer_base import CustomerBase, require_base
from retention_lib.decisions._plan_draft import draw_up
from retention_lib.decisions._plan_facts import PlanFacts, gather_plan_facts
from retention_lib.decisions._plan_results import PlanResult, result_of
from retention_lib.decisions._plan_settings import checked_settings
from retention_lib.decisions.contact_rules import ContactRules
from retention_lib.errors import InputError

__all__ = ["PlanFacts", "PlanResult", "gather_plan_facts", "make_plan"]


def make_plan(
    base: CustomerBase,
    *,
    budget: float,
    weeks: int = 4,
    start: Any = None,
    rules: ContactRules | None = None,
    hours_per_week: float | Mapping[str, float] = 5.0,
    hour_cost: float = 40.0,
    hold_out: float | None = None,
    explore: float = 0.0,
    seed: str | int = "",
    effects: Any = None,
    facts: Any = None,
    steps: Any = None,
    channels: Any = None,
) -> PlanResult:
    """Say whom to contact, when, by which channel and whom to leave in peace, and what it earns.

    One row an action, by date. No customer is contacted more often than the rules allow, without
    consent, by a channel that does not reach it, or with a promotion while a complaint is open;
    the cost adds up to at most the budget and the minutes to at most each account manager's
    time. Among all such plans it is the one with the highest expected profit (proved up to
    10,000 customers, within a stated gap beyond), once as many customers worth it as possible
    hear from the company often enough. A control group is then held back by lot. The trap: the
    steps' effects are assumptions until a campaign has measured them, so look at ``.proof()``.

    Parameters
    ----------
    base
        The customer base; nothing after its ``as_of`` is looked at.
    budget
        Money for the whole plan (currency of the base): what is paid out, what is expected to be
        given away and the account managers' time.
    weeks
        How many weeks it covers (1 to 26).
    start
        Its first day; by default the Monday after ``as_of``.
    rules
        How often customers may be contacted; by default ``ContactRules()``.
    hours_per_week
        Hours each account manager has for it a week, or a mapping from some of their names to
        hours (the others have 5). Customers without one share a further such time.
    hour_cost
        What an hour of an account manager costs (currency).
    hold_out
        Share (0 to 0.9) held back as a control group. ``None`` is 10 %, but about 50 customers
        where that is more, never more than a third of those who may be held back, and nobody
        where these are fewer than 100: both groups need 30 for anything to be compared.
    explore
        Share (0 to 0.5) of the budget for customers drawn by lot whom the plan would leave out.
    seed
        Another seed draws other lots.
    effects
        What a randomised campaign measured: the result of ``past_effects(base)`` or of
        ``learn_uplift(base)``; by default the latest effect on file.
    facts
        The result of ``assign_journeys(base)``, or ``.facts`` of another plan, to use instead of
        assigning journeys anew (which takes seconds).
    steps
        Path of a table of steps of your own; by default that of the workbook.
    channels
        The channels to use, such as ``("email", "call")``; by default all.

    Raises
    ------
    InputError
        Where an argument cannot be; the message says what it should be.
    ChoiceError
        Where there is no such channel.

    Examples
    --------
    >>> import pandas as pd
    >>> lines = pd.DataFrame({"customer_id": ["a", "a", "b"],
    ...     "date": pd.to_datetime(["2024-01-05", "2024-03-05", "2024-02-01"]),
    ...     "amount": [10.0, 20.0, 5.0]})
    >>> plan = make_plan(CustomerBase.from_tables(lines), budget=200)
    >>> float(plan.to_frame()["cost"].sum()) <= 200
    True

    The problem is a multiple-choice knapsack with several resources; see Kellerer, Pferschy and
    Pisinger 2004, Knapsack Problems, chapters 9 and 11, solved by HiGHS.
    """
    require_base(base)
    asked = {
        "budget": budget,
        "weeks": weeks,
        "start": start,
        "rules": rules,
        "hours_per_week": hours_per_week,
        "hour_cost": hour_cost,
        "hold_out": hold_out,
        "explore": explore,
        "seed": seed,
        "effects": effects,
        "steps": steps,
        "channels": channels,
    }
    checked_settings(base, asked)
    with progress.steps(base.wording, "plan", total=2) as step:
        step("everybody")
        if isinstance(facts, PlanFacts):
            _same_day(base, facts)
            known = facts
        else:
            known = gather_plan_facts(base, facts)
        step("solving")
        return result_of(draw_up(known, checked_settings(base, asked, known.effect)), asked)


def _same_day(base: CustomerBase, facts: PlanFacts) -> None:
    if facts.base.as_of != base.as_of:
        raise InputError(
            f"facts were gathered as of {facts.base.as_of} and the base is seen from "
            f"{base.as_of}; leave facts out to gather them anew."
        )
