"""Who is held back to prove the plan, and who is contacted to learn something."""

from __future__ import annotations

import numpy as np

from retention_lib.decisions._journey_steps import JOURNEYS
from retention_lib.decisions._lots import held_by_lot, lots
from retention_lib.decisions._plan_draft import Draft
from retention_lib.decisions._plan_facts import Numbers
from retention_lib.decisions._plan_problem import ROUNDING, Flags

_HOT = JOURNEYS.index("hot")


def held_back(draft: Draft) -> Flags:
    """Which of the options taken are held back: one entry an option of ``draft.chosen``.

    In each journey and band of value the share asked for, by lot. Whoever has spoken of leaving
    is never held back: to answer is service, not a campaign.
    """
    facts, settings, chosen = draft.facts, draft.settings, draft.chosen
    who = draft.options.customer[chosen]
    held = np.zeros(len(chosen), dtype=bool)
    may = np.flatnonzero(facts.journey[who] != _HOT)
    if settings.hold_out and len(may):
        some = who[may]
        strata = facts.journey[some] * 10 + facts.band[some]
        ids = facts.customer_id.to_numpy()[some]
        held[may] = held_by_lot(
            ids, settings.hold_out, seed=settings.plan_id, strata=strata.tolist()
        )
    return held


def explored(draft: Draft) -> Numbers:
    """Options of customers whom the plan leaves out, drawn by lot while the money lasts.

    Of each customer the cheapest option. In the order of the lots each is taken that the money
    kept for exploring and the time left over still hold.
    """
    settings, known, problem = draft.settings, draft.options, draft.problem
    none = np.zeros(0, dtype=np.int64)
    if not settings.explore or not len(known):
        return none
    out = draft.solution.chosen[known.customer] < 0
    order = np.lexsort((known.cost, known.customer))
    order = order[out[order]]
    if not len(order):
        return none
    first = np.r_[True, known.customer[order][1:] != known.customer[order][:-1]]
    cheapest = order[first]
    ids = draft.facts.customer_id.to_numpy()[known.customer[cheapest]]
    drawn = lots(ids, f"{settings.plan_id} explore")
    cheapest = cheapest[np.argsort(drawn, kind="stable")]
    room = problem.capacity - draft.solution.used(problem)
    room[0] = settings.budget * settings.explore
    return np.sort(_as_far_as_it_goes(draft, cheapest, room * (1 + ROUNDING / 10)))


def _as_far_as_it_goes(draft: Draft, options: Numbers, room: np.ndarray) -> Numbers:
    """Those of the options, in their order, before any resource they use has run out."""
    problem = draft.problem
    place = np.full(problem.options, -1, dtype=np.int64)
    place[options] = np.arange(len(options))
    kept = place[problem.use_option] >= 0
    at, resource = place[problem.use_option[kept]], problem.use_resource[kept]
    amount = problem.use_amount[kept]
    order = np.lexsort((at, resource))
    at, resource, amount = at[order], resource[order], amount[order]
    run = np.cumsum(amount)
    starts = np.r_[True, resource[1:] != resource[:-1]]
    before = np.where(starts, run - amount, 0.0)
    so_far = run - np.maximum.accumulate(before)
    fits = np.ones(len(options), dtype=bool)
    fits[at[so_far > room[resource]]] = False
    return options[fits]
