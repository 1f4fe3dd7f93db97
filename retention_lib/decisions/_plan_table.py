"""The plan as tables: one row an action, one row a customer held back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from retention_lib.decisions._journey_steps import JOURNEYS, Step
from retention_lib.decisions._plan_draft import Draft, Taken, marketing_of
from retention_lib.decisions._plan_facts import BANDS, NOBODY, Numbers
from retention_lib.decisions._plan_paths import TASK
from retention_lib.decisions._plan_problem import Flags, Values
from retention_lib.decisions.ranges import Range, Z

if TYPE_CHECKING:
    import pandas as pd

_PURPOSES = np.array(["profit", "floor", "service", "explore"], dtype=object)
_PROFIT, _FLOOR, _SERVICE, _EXPLORE = range(4)
_HOT = JOURNEYS.index("hot")


@dataclass(frozen=True, eq=False)
class _Rows:
    """Rows of the table of actions before they have words: contacts and tasks alike."""

    taken: Taken
    """What each belongs to; a task to the contact that it prepares."""
    step: Numbers
    day: Numbers
    cost: Values
    minutes: Values
    is_task: Flags


def actions(draft: Draft, taken: Taken, explored: Numbers) -> pd.DataFrame:
    """The table of actions, by date."""
    import pandas as pd

    facts, w = draft.facts, draft.facts.base.wording
    rows, steps = _rows(draft, taken)
    who = rows.taken.customer
    purpose = np.where(draft.options.profit[rows.taken.option] < 0, _FLOOR, _PROFIT)
    purpose[(purpose == _FLOOR) & (facts.journey[who] == _HOT)] = _SERVICE
    purpose[np.isin(rows.taken.option, explored)] = _EXPLORE
    owners = np.array([*facts.owners, marketing_of(facts)], dtype=object)
    owned = (facts.owner[who] != NOBODY) & ((rows.minutes > 0) | rows.is_task)
    code = np.array([TASK if step.who == "manager" else step.channel for step in steps] or [""])
    channel = code[rows.step].astype(object)
    words = {name: w.say(f"plan_files.channel.{name}") for name in {*code} - {""}}
    money = np.where(rows.is_task, 0.0, 1.0)
    why = facts.why.to_numpy(object)[who].copy()
    for number, name in enumerate(_PURPOSES):
        if number == _PROFIT:
            continue
        for place in np.flatnonzero(purpose == number):
            why[place] = w.say(f"plan.why.{name}", why=why[place])
    table = pd.DataFrame(
        {
            "customer_id": facts.customer_id.iloc[who].array,
            **({} if facts.name is None else {"name": facts.name.iloc[who].array}),
            "date": _dates(rows.day),
            "channel": np.array([words.get(name, "") for name in channel], dtype=object),
            "journey": facts.journey_words.iloc[who].array,
            "message": np.array([step.title for step in steps] or [""], dtype=object)[rows.step],
            "owner": owners[np.where(owned, facts.owner[who], -1)],
            "cost": rows.cost,
            "expected_profit": rows.taken.profit * money,
            "why": why,
            "step_code": np.array([step.code for step in steps] or [""], dtype=object)[rows.step],
            "journey_code": np.array(JOURNEYS, dtype=object)[facts.journey[who]],
            "channel_code": channel,
            "week": draft.means.calendar.week_of(rows.day) + 1,
            "minutes": rows.minutes,
            "purpose": _PURPOSES[purpose],
            "option": rows.taken.option,
            "profit_low": rows.taken.low * money,
            "profit_high": rows.taken.high * money,
        }
    )
    order = np.lexsort((~rows.is_task, -rows.taken.profit, table["owner"].to_numpy(str), rows.day))
    return table.iloc[order].reset_index(drop=True)


def _dates(day: Numbers) -> Any:
    import pandas as pd

    return pd.Series(day.astype("datetime64[D]").astype("datetime64[s]"))


def _rows(draft: Draft, taken: Taken) -> tuple[_Rows, list[Step]]:
    """Contacts with their own cost and time, and the tasks before them with theirs."""
    steps: list[Step] = []
    contact = np.zeros(len(taken.option), dtype=np.int64)
    cost, minutes = taken.cost.copy(), taken.minutes.copy()
    parts = []
    rates, calendar = draft.means.rates, draft.means.calendar
    for number, place in np.unique(np.column_stack([taken.path, taken.place]), axis=0):
        path = draft.options.paths[number]
        here = (taken.path == number) & (taken.place == place)
        contact[here] = len(steps)
        steps.append(path.contacts[place])
        at = np.flatnonzero(here & taken.managed)
        for task in path.tasks[place]:
            cost[at] -= rates.cost(task)
            minutes[at] -= task.minutes
            parts.append((at, len(steps), rates.cost(task), task.minutes))
            steps.append(task)
    of = np.concatenate([np.arange(len(contact)), *[at for at, *_ in parts]]).astype(np.int64)

    def each(own: Any, place: int) -> Any:
        return np.concatenate([own, *[np.full(len(part[0]), part[place]) for part in parts]])

    is_task = np.arange(len(of)) >= len(contact)
    day = taken.day[of]
    return (
        _Rows(
            taken=taken.part(of),
            step=each(contact, 1).astype(np.int64),
            day=np.where(is_task, calendar.before(day), day),
            cost=np.round(each(cost, 2), 2),
            minutes=each(minutes, 3),
            is_task=is_task,
        ),
        steps,
    )


def held_table(draft: Draft, taken: Taken) -> pd.DataFrame:
    """One row a customer held back, with what would have been done and what it gives up."""
    import pandas as pd

    facts, w = draft.facts, draft.facts.base.wording
    first = np.flatnonzero(taken.place == 0) if len(taken.option) else np.zeros(0, dtype=np.int64)
    who = taken.customer[first]
    size = len(facts)

    def summed(values: Values) -> Values:
        return np.asarray(np.bincount(taken.customer, weights=values, minlength=size)[who], float)

    said: dict[int, list[str]] = {}
    for option, path, place in zip(taken.customer, taken.path, taken.place, strict=True):
        step = draft.options.paths[path].contacts[place]
        said.setdefault(int(option), []).append(step.title)
    bands = [*(w.say(f"plan.band.{band}") for band in BANDS), ""]
    return pd.DataFrame(
        {
            "customer_id": facts.customer_id.iloc[who].array,
            **({} if facts.name is None else {"name": facts.name.iloc[who].array}),
            "journey": facts.journey_words.iloc[who].array,
            "value_band": np.array(bands, dtype=object)[facts.band[who]],
            "date": _dates(taken.day[first]),
            "action": np.array([w.listing(said[int(one)]) for one in who], dtype=object),
            "expected_profit": summed(taken.profit),
            "group": np.full(len(who), "control", dtype=object),
            "journey_code": np.array(JOURNEYS, dtype=object)[facts.journey[who]],
            "value_band_code": np.array([*BANDS, ""], dtype=object)[facts.band[who]],
            "profit_low": summed(taken.low),
            "profit_high": summed(taken.high),
            "cost": summed(taken.cost),
        }
    )


def total_of(draft: Draft, taken: Taken) -> Range:
    """The expected profit of those contacts together, nine times in ten between two ends.

    Whoever is too hopeful about one assumed step is so about all: assumed rates move together,
    measured ones together and apart from those; all values may be off together; and luck, one
    customer saved or not, evens out only over many.
    """
    likely = float(taken.profit.sum())
    brought = taken.profit + taken.cost
    facts = draft.facts
    worth = np.maximum(facts.value[taken.customer], 0.0)
    luck = float((np.maximum(brought, 0.0) * np.maximum(worth, brought)).sum())
    common = (facts.off * float(brought.sum())) ** 2
    apart = [taken.measured.astype(bool), ~taken.measured.astype(bool)]
    down = [float((taken.low - taken.profit)[rows].sum()) for rows in apart]
    up = [float((taken.high - taken.profit)[rows].sum()) for rows in apart]
    rest = Z**2 * (luck + common)
    low = likely - float(np.sqrt(sum(part**2 for part in down) + rest))
    high = likely + float(np.sqrt(sum(part**2 for part in up) + rest))
    # Where no rate is below zero, no contact loses more than it costs.
    floor = float(np.minimum(taken.low + taken.cost, 0.0).sum()) - float(taken.cost.sum())
    return Range(min(max(low, floor), likely), likely, high)
