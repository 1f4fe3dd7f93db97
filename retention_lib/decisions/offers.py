"""Offers, customer by customer: whom a contact pays for, and what the whole plan may earn.

Leaving and value look equally far ahead. Who would have left is what the churn model learnt: an
active customer who buys nothing in the horizon, or closes its account in it. The value is what
keeping such a customer adds in the same days; see
:mod:`retention_lib.decisions._offer_value`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pandas as pd

from retention_lib.base.customer_base import CustomerBase, require_base
from retention_lib.decisions._offer_facts import OfferFacts, gather_facts
from retention_lib.decisions._offer_inputs import Offer
from retention_lib.decisions._offer_results import (
    Naive,
    OfferResult,
    ProfitCurve,
    assumptions_of,
)
from retention_lib.decisions._offer_weighing import Weighing
from retention_lib.errors import InputError

if TYPE_CHECKING:
    from retention_lib.decisions.uplift import UpliftResult

__all__ = [
    "Naive",
    "Offer",
    "OfferFacts",
    "OfferResult",
    "ProfitCurve",
    "evaluate_offer",
    "gather_facts",
    "weigh_offer",
]


def evaluate_offer(
    base: CustomerBase,
    offer: Offer | None = None,
    *,
    scores: Any = None,
    worth: Any = None,
    uplift: UpliftResult | None = None,
) -> OfferResult:
    """Say whom to contact with an offer, what the plan may earn, and what it gives away.

    One row a customer active on ``base.as_of`` who may be contacted, the highest expected profit
    first. It pays to contact who is likely to leave *and* worth keeping *and* can be kept at the
    price; the riskiest or the most valuable first are other lists. The trap: unless a randomised
    campaign has measured it, the save rate is an assumption, and everything here hangs on it.

    Parameters
    ----------
    base
        The customer base; nothing after its ``as_of`` is looked at.
    offer
        The offer; by default example figures that fit the base, to be replaced by one's own.
    scores
        Churn scores to use instead of fitting a model (which takes seconds): the result of
        ``model.score(base)``, or a table with ``customer_id`` and ``churn_probability`` (0 to 1).
    worth
        The result of ``value_customers(base)`` to use instead of valuing anew.
    uplift
        The result of ``learn_uplift(base)``: where it wins, each customer has its own multiple of
        the save rate; else nothing changes.

    Returns
    -------
    OfferResult
        ``customer_id``, ``name`` where known, ``churn_probability``, ``value_if_kept`` (what
        keeping the customer adds over the horizon if it would have left; currency),
        ``expected_profit`` of contacting it with its 90 % range ``profit_low, profit_high``,
        ``break_even_save_rate`` and ``treat`` (whether to contact it).

    Raises
    ------
    InputError
        Where ``offer`` is no ``Offer``, ``uplift`` no result of ``learn_uplift``, or ``scores`` or
        ``worth`` lack a column.

    References
    ----------
    Neslin, Gupta, Kamakura, Lu and Mason (2006), doi 10.1509/jmkr.43.2.204, customer by customer
    instead of for an average one.

    Examples
    --------
    >>> from retention_lib import simulate_base
    >>> base, truth = simulate_base(100, seed=1)
    >>> scores = truth.customers[["customer_id"]].assign(churn_probability=0.3)
    >>> offer = Offer(contact_cost=2, incentive=10, save_rate=0.2, horizon_days=90)
    >>> result = evaluate_offer(base, offer, scores=scores)
    >>> table = result.to_frame()
    >>> bool((table.loc[table["treat"], "expected_profit"] > 0).all())
    True
    """
    require_base(base)
    if offer is not None and not isinstance(offer, Offer):
        raise InputError(
            f"offer must be an Offer, such as rl.Offer(contact_cost=2, incentive=10); got "
            f"{type(offer).__name__}."
        )
    facts = gather_facts(
        base,
        horizon_days=offer.horizon_days if offer else None,
        scores=scores,
        worth=worth,
        measured=offer is None or offer.save_rate is None,
    )
    if uplift is not None:
        facts = _lifted(base, facts, uplift)
    return weigh_offer(facts, offer or facts.starting_offer())


def _lifted(base: CustomerBase, facts: OfferFacts, uplift: UpliftResult) -> OfferFacts:
    """The facts with what is known of who responds, and a word on where that stands."""
    if not hasattr(uplift, "multipliers"):
        raise InputError(
            f"uplift must be the result of rl.learn_uplift(base); got {type(uplift).__name__}."
        )
    said = {"offer_uplift": base.wording.say(f"uplift.{'fed' if uplift.wins else 'unfed'}")}
    made_under = {**facts.made_under, **said}
    if not uplift.wins:
        return replace(facts, made_under=made_under)
    own = pd.Series(facts.customer_id).map(uplift.multipliers(base)).fillna(1.0)
    return replace(facts, lift=own.to_numpy(dtype=float), made_under=made_under)


def weigh_offer(facts: OfferFacts, offer: Offer) -> OfferResult:
    """Weigh an offer on facts gathered before: pure arithmetic, quick enough for a slider.

    Raises ``InputError`` where the offer asks for another horizon than that of the facts.

    >>> import numpy as np
    >>> facts = OfferFacts(customer_id=np.array(["a", "b"]), probability=np.array([0.5, 0.1]),
    ...     value=np.array([100.0, 100.0]), horizon_days=365)
    >>> weigh_offer(facts, Offer(contact_cost=5, save_rate=0.2)).to_frame()["treat"].tolist()
    [True, False]
    """
    if offer.horizon_days is not None and int(offer.horizon_days) != facts.horizon_days:
        raise InputError(
            f"The offer looks {offer.horizon_days} days ahead and the facts {facts.horizon_days}. "
            f"Gather them anew with gather_facts(base, horizon_days={offer.horizon_days})."
        )
    rate, source = facts.save_rate_of(offer)
    weighing = Weighing(facts, offer, rate)
    order = weighing.order
    low, high = weighing.ends
    columns: dict[str, Any] = {
        **{name: texts.take(order).array for name, texts in facts.identity.items()},
        "churn_probability": facts.chance[order],
        "value_if_kept": weighing.value[order],
        "expected_profit": weighing.profit[order],
        "profit_low": low[order],
        "profit_high": high[order],
        "break_even_save_rate": weighing.break_even[order],
    }
    table = pd.DataFrame(columns, copy=False)
    table["treat"] = table.index < weighing.treated
    return OfferResult(
        table,
        wording=facts.wording,
        assumptions=assumptions_of(facts, offer, rate, source),
        offer=offer,
        facts=facts,
        weighing=weighing,
        save_rate=rate,
        effect_source=source,
    )
