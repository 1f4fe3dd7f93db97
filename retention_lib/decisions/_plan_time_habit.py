"""How much time calls and visits took of late, and for whom; counted in the engine."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import narwhals as nw
import numpy as np

from retention_lib.base import engine
from retention_lib.base.customer_base import CustomerBase
from retention_lib.decisions._journey_steps import Step
from retention_lib.decisions._plan_files_layout import folded
from retention_lib.decisions._pressure_contacts import contacts
from retention_lib.wording import LANGUAGES, texts

if TYPE_CHECKING:
    import pandas as pd

PERSONAL = ("call", "visit")
"""Channels that take an account manager's time customer by customer."""

BETTER_LEFT = frozenset(
    {
        "no_consent",
        "does_not_pay",
        "nothing_there",
        "closed_for_good",
        "lost_long_ago",
        "lost_small",
        "never_bought",
    }
)
"""Reasons for leaving somebody out of a plan that say: spend no time on this customer today.

No time left, a budget that is spent or an unknown number are reasons of another kind; who was
contacted enough rests for some weeks only."""

YEAR = 365
LEAST_DAYS = 28
"""With less than four weeks of contacts on file, a habit cannot be told."""


@dataclass(frozen=True)
class Habit:
    """Calls and visits of the last ``days`` days: ``by_owner`` has a row for each account manager.

    Columns: ``owner, contacts_now, contacts_freed, hours_now, hours_freed`` (hours a week; freed:
    of customers better left in peace today). Empty where it cannot be told.
    """

    by_owner: pd.DataFrame
    days: int


def habit_of(
    base: CustomerBase | None,
    owners: Mapping[str, str],
    nobody: str,
    left_in_peace: Sequence[str],
    minutes: Mapping[str, float],
) -> Habit:
    """The habit of the last year, by who looks after the customer.

    ``owners``: customer to account manager; ``minutes``: of a contact by channel.
    """
    import pandas as pd

    names = ["owner", "contacts_now", "contacts_freed", "hours_now", "hours_freed"]
    none = pd.DataFrame(columns=names)
    sent = None if base is None else contacts(base)
    if base is None or sent is None:
        return Habit(none, 0)
    first = engine.one_row(sent.select(nw.col("day").min()))["day"]
    days = 0 if first is None else int(min(base.as_of_day - int(first) + 1, YEAR))
    found = _counted(sent.filter(nw.col("day") > base.as_of_day - YEAR))
    if days < LEAST_DAYS or found.empty:
        return Habit(none, days)
    found["owner"] = found["customer_id"].map(owners).fillna(nobody)
    found["hours_now"] = found["contacts_now"] * found["channel"].map(minutes) * 7 / (60 * days)
    freed = found["customer_id"].isin(set(left_in_peace))
    found["contacts_freed"] = found["contacts_now"].where(freed, 0)
    found["hours_freed"] = found["hours_now"].where(freed, 0.0)
    table = found.groupby("owner", as_index=False)[names[1:]].sum()
    return Habit(table, days)


def _counted(recent: nw.LazyFrame[Any]) -> pd.DataFrame:
    """Calls and visits by customer: ``customer_id, channel, contacts_now``."""
    table = engine.collect(
        recent.group_by("customer_id", "channel").agg(nw.len().cast(nw.Int64).alias("contacts_now"))
    )
    words = _channel_words()
    meant = {name: words.get(folded(str(name)), "") for name in table["channel"].unique()}
    table["channel"] = table["channel"].map(meant)
    return table[table["channel"].isin(PERSONAL)].reset_index(drop=True)


def _channel_words() -> dict[str, str]:
    """What a channel may be called, and its code."""
    found = dict(_CALLED)
    for code in PERSONAL:
        found[code] = code
        for language in LANGUAGES:
            found[folded(texts()[f"plan_files.channel.{code}"][language])] = code
    return found


_CALLED = {
    folded(word): code
    for code, words in {
        "call": ("phone", "telephone", "phone call", "tel", "appels", "calls", "appel sortant"),
        "visit": ("rendez-vous", "rdv", "meeting", "visits", "visites", "visite commerciale"),
    }.items()
    for word in words
}


def minutes_of(steps: Sequence[Step]) -> dict[str, float]:
    """How long a call and a visit take: the median of the steps that are one."""
    found = {}
    for channel in PERSONAL:
        each = [step.minutes for step in steps if step.channel == channel]
        found[channel] = float(statistics.median(each)) if each else float("nan")
    return found


def owners_of(plan: Any, base: CustomerBase | None) -> dict[str, str]:
    """Who looks after each customer, as far as anybody knows."""
    facts: Any = getattr(plan, "facts", None)
    if isinstance(getattr(facts, "owner", None), np.ndarray):
        owner, codes = np.asarray(facts.owner), np.asarray(facts.customer_id)
        names = list(facts.owners)
        pairs = zip(codes.tolist(), owner.tolist(), strict=True)
        return {str(code): str(names[place]) for code, place in pairs if place >= 0}
    if base is None or not base.has("customers", "account_manager"):
        return {}
    listed = engine.collect(
        base.visible("customers")
        .filter(~nw.col("account_manager").is_null())
        .select("customer_id", "account_manager")
    )
    return dict(zip(listed["customer_id"], listed["account_manager"].astype(str), strict=True))
