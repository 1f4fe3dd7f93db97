"""Why somebody is left out of a plan: one reason a customer, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from retention_lib.decisions import _plan_options as options
from retention_lib.decisions._journey_steps import JOURNEYS
from retention_lib.decisions._plan_draft import Draft, marketing_of
from retention_lib.decisions._plan_facts import NOBODY, Numbers
from retention_lib.decisions._plan_problem import Flags
from retention_lib.masking import said_name

if TYPE_CHECKING:
    import pandas as pd

REASONS = {
    options.NO_CONSENT: "no_consent",
    options.NO_STEPS: "nothing_to_say",
    options.NO_CHANNEL: "no_channel",
    options.COMPLAINT: "open_complaint",
    options.NO_DATE: "contacted_enough",
    options.NO_PROFIT: "does_not_pay",
    options.PAYS: "budget",
}
_REST, _HOT = JOURNEYS.index("rest"), JOURNEYS.index("hot")


def left_out(draft: Draft, out: Numbers) -> pd.DataFrame:
    """Those customers with the reason why nothing is done: one row a customer.

    ``customer_id, name`` (where known)``, reason`` in words, ``reason_code``, ``journey`` and
    ``journey_code``.
    """
    import pandas as pd

    facts, w = draft.facts, draft.facts.base.wording
    codes = np.array([REASONS[stage] for stage in range(len(REASONS))], dtype=object)
    code = codes[draft.options.reached[out]]
    code[_lacks_time(draft)[out] & (draft.options.reached[out] == options.PAYS)] = "no_time"
    code[_owed(draft)[out]] = "owed_contact"
    code[_owed(draft)[out] & (facts.journey[out] == _HOT)] = "owed_answer"
    names_of = {*REASONS.values(), "owed_contact", "owed_answer"}
    words = {name: w.say(f"plan.reason.{name}") for name in names_of}
    if not draft.settings.budget:
        words["budget"] = w.say("plan.reason.no_money")
    names = facts.owners
    said = np.array([words.get(name, "") for name in code], dtype=object)
    for place in np.flatnonzero(code == "no_time"):
        owner = facts.owner[out[place]]
        name = marketing_of(facts) if owner == NOBODY else said_name(names[owner], "owner")
        said[place] = w.say("plan.reason.no_time", owner=name)
    rests = (facts.journey[out] == _REST) & facts.contactable[out]
    code[rests] = facts.reason_code.to_numpy(object)[out[rests]]
    said[rests] = facts.why.to_numpy(object)[out[rests]]
    columns = {"customer_id": facts.customer_id.iloc[out].array}
    if facts.name is not None:
        columns["name"] = facts.name.iloc[out].array
    return pd.DataFrame(
        {
            **columns,
            "journey": facts.journey_words.iloc[out].array,
            "reason": said,
            "reason_code": code,
            "journey_code": np.array(JOURNEYS, dtype=object)[facts.journey[out]],
        }
    )


def _owed(draft: Draft) -> Flags:
    """Who is owed a contact that could be made, though none of them would pay.

    Who would pay anyway is told so.
    """
    reached = draft.options.reached
    could = (reached == options.NO_PROFIT) | (reached == options.PAYS)
    hot = draft.facts.journey == _HOT
    return np.asarray(draft.due & could & (hot | (reached == options.NO_PROFIT)))


def _lacks_time(draft: Draft) -> Flags:
    """Whose best option fails for time rather than for money: the dearer of the two decides."""
    known, problem, price = draft.options, draft.problem, draft.solution.price
    dear = price[problem.use_resource] * problem.use_amount
    money = problem.use_resource == 0

    def summed(rows: Flags, values: np.ndarray) -> np.ndarray:
        return np.bincount(
            problem.use_option[rows], weights=values[rows], minlength=problem.options
        )

    room = problem.capacity - draft.solution.used(problem)
    short = problem.use_amount > room[problem.use_resource]
    # Where prices do not tell, the one that has run out does.
    time = summed(~money, dear) + 1e-12 * summed(~money, short.astype(float))
    cash = summed(money, dear) + 1e-12 * summed(money, short.astype(float))
    lacks = np.zeros(problem.customers, dtype=bool)
    best = np.lexsort((known.profit, known.customer))
    last = np.r_[known.customer[best][1:] != known.customer[best][:-1], True][: len(best)]
    best = best[last]
    lacks[known.customer[best]] = (time > cash)[best]
    return lacks
