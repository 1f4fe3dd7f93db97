"""Who is held back to prove the plan, and who is contacted to learn something."""

from __future__ import annotations

import numpy as np

from retention_lib.decisions._journey_steps import JOURNEYS
from retention_lib.decisions._lots import held_by_lot, lots
from retention_lib.decisions._plan_draft import Draft
from retention_lib.decisions._plan_facts import Numbers
from retention_lib.decisions._plan_problem import ROUNDING, Flags

HELD = 0.10
"""So large a share is held back where nobody asks for another."""
HELD_AT_LEAST = 50
"""But so many customers: below 30 a group nothing is compared at all."""
COMPARED_AT_LEAST = 100
"""With fewer customers nobody is held back: a third of them might be fewer than 30."""
MOST = 1 / 3
"""Holding back costs profit: more than that is for those who ask for it."""
_HOT = JOURNEYS.index("hot")


def share_held(draft: Draft) -> float:
    """The share held back: the one asked for, else what it takes for a proof."""
    asked, many = draft.settings.hold_out, int(in_the_draw(draft).sum())
    return usual_share(many) if asked is None else asked


def usual_share(customers: int) -> float:
    """10 %, but 50 customers where there are so few, never more than a third; of few nobody.

    >>> [round(usual_share(customers), 2) for customers in (99, 100, 200, 5_000)]
    [0.0, 0.33, 0.25, 0.1]
    """
    if customers < COMPARED_AT_LEAST:
        return 0.0
    return min(max(HELD, HELD_AT_LEAST / customers), MOST)


def in_the_draw(draft: Draft) -> Flags:
    """Which of the options taken may be held back: one entry an option of ``draft.chosen``.

    Whoever has spoken of leaving never is: to answer is service, not a campaign.
    """
    return np.asarray(draft.facts.journey[draft.options.customer[draft.chosen]] != _HOT)


def held_back(draft: Draft, share: float | None = None) -> Flags:
    """Which of the options taken are held back: one entry an option of ``draft.chosen``.

    In each journey and band of value the share asked for (or that ``share``), by lot.
    """
    facts, settings, chosen = draft.facts, draft.settings, draft.chosen
    who = draft.options.customer[chosen]
    held = np.zeros(len(chosen), dtype=bool)
    may = np.flatnonzero(in_the_draw(draft))
    share = share_held(draft) if share is None else share
    if share and len(may):
        some = who[may]
        strata = facts.journey[some] * 10 + facts.band[some]
        ids = facts.customer_id.to_numpy()[some]
        held[may] = held_by_lot(ids, share, seed=settings.plan_id, strata=strata.tolist())
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
