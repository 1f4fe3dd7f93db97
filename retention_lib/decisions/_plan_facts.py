"""What a plan is made from: customers with their journey, channels, past contacts and managers.

Gathered once from a base, so that a plan can be made anew with other settings in no time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import narwhals as nw
import numpy as np

from retention_lib.base import engine
from retention_lib.base.customer_base import CustomerBase
from retention_lib.decisions._journey_steps import CHANNELS, JOURNEYS
from retention_lib.decisions._offer_value import UNSEEN
from retention_lib.decisions._plan_problem import Flags, Values
from retention_lib.decisions._pressure_contacts import contacts, opt_outs, recent_contacts
from retention_lib.errors import InputError
from retention_lib.masking import said_name

if TYPE_CHECKING:
    import pandas as pd

    from retention_lib.decisions.past_campaigns import PastEffect

Numbers = np.ndarray[Any, np.dtype[Any]]

LOOKED_BACK = 90
"""Contacts of so many days are known one by one: the longest rest that rules can ask for."""
BANDS = ("high", "middle", "low")
NOBODY = -1
"""The owner of a customer that no account manager looks after."""

_NEEDED = ("customer_id", "journey", "why", "at_stake", "journey_code", "reason_code")


@dataclass(frozen=True, eq=False, kw_only=True)
class PlanFacts:
    """One entry a customer in each array, in the order of the customers' codes.

    ``journey`` numbers :data:`JOURNEYS`; ``owner`` numbers ``owners`` (-1: no account manager);
    ``at_stake`` is what the journey's steps act on and ``value`` what the customer is worth, both
    over ``horizon_days`` in the base's currency; ``band`` numbers :data:`BANDS` (3: none).
    ``reach`` says for each channel who can be reached by it, ``assumed`` which channels are taken
    for granted because the base has no such column. ``contact_customer, contact_day``: one entry
    a contact of the last 90 days, by customer. ``effect`` is what a randomised campaign on file
    measured, ``counting`` how often each was contacted after a day, ``off`` how far all values may
    be off together (a share of them).
    """

    base: CustomerBase
    customer_id: Any
    name: Any
    journey: Numbers
    journey_words: Any
    why: Any
    reason_code: Any
    at_stake: Values
    value: Values
    chance: Values
    band: Numbers
    horizon_days: int
    contactable: Flags
    open_complaint: Flags
    owner: Numbers
    owners: tuple[str, ...]
    reach: Mapping[str, Flags]
    assumed: tuple[str, ...]
    contact_customer: Numbers
    contact_day: Numbers
    effect: PastEffect | None
    measure: str
    counting: Callable[[int], Numbers]
    off: float = UNSEEN
    _counts: dict[int, Numbers] = field(default_factory=dict, init=False)

    def __len__(self) -> int:
        return len(self.at_stake)

    def contacts_since(self, day: int) -> Numbers:
        """How many contacts each customer had after that day, up to ``as_of``."""
        if day not in self._counts:
            self._counts[day] = self.counting(day)
        return self._counts[day]


def gather_plan_facts(base: CustomerBase, facts: Any = None) -> PlanFacts:
    """Gather what plans for this base are made from.

    ``facts``: the result of ``assign_journeys(base)``, or what it was assigned from, to use
    instead of assigning anew. Raises ``InputError`` where it is neither.
    """
    from retention_lib.decisions.journeys import assign_journeys

    if facts is None or not hasattr(facts, "to_frame"):
        facts = assign_journeys(base, facts=facts)
    return facts_of(base, facts.to_frame(), effect=_measured(base), measure=measure_of(base))


def measure_of(base: CustomerBase) -> str:
    """Whether money is ``margin`` or, where nobody knows it, ``revenue``."""
    from retention_lib.portfolio.money import margin_basis

    return "margin" if margin_basis(base).known else "revenue"


def facts_of(
    base: CustomerBase,
    journeys: pd.DataFrame,
    *,
    effect: PastEffect | None = None,
    measure: str = "margin",
) -> PlanFacts:
    """The facts of customers whose journeys are assigned: the table of ``assign_journeys``."""
    missing = [name for name in _NEEDED if name not in journeys]
    if missing:
        raise InputError(
            f"facts must be the result of assign_journeys(base); its table lacks "
            f"{', '.join(missing)}."
        )
    table = journeys.sort_values("customer_id", ignore_index=True)
    ids = table["customer_id"]
    if ids.duplicated().any():
        raise InputError(
            f"facts needs one row a customer; {int(ids.duplicated().sum())} come twice "
            f"(first: {said_name(ids[ids.duplicated()].iloc[0])})."
        )
    managers = _column(table, "account_manager", None)
    named = managers.notna() & (managers.astype(str).str.strip() != "")
    owners = tuple(sorted(set(managers[named].astype(str))))
    number = {owner: place for place, owner in enumerate(owners)}
    owner = managers.where(named).map(number).fillna(NOBODY).to_numpy(np.int64)
    reach, assumed = _reach(base, ids, owner)
    recent = _recent(base, ids)
    return PlanFacts(
        base=base,
        customer_id=ids,
        name=table.get("name"),
        journey=table["journey_code"]
        .map({code: place for place, code in enumerate(JOURNEYS)})
        .to_numpy(np.int64),
        journey_words=table["journey"],
        why=table["why"],
        reason_code=table["reason_code"],
        at_stake=np.maximum(table["at_stake"].fillna(0.0).to_numpy(float), 0.0),
        value=_column(table, "value", 0.0).fillna(0.0).to_numpy(float),
        chance=_column(table, "churn_probability", np.nan).to_numpy(float),
        band=_column(table, "value_band", "")
        .map({band: place for place, band in enumerate(BANDS)})
        .fillna(len(BANDS))
        .to_numpy(np.int64),
        horizon_days=int(table["horizon_days"].iloc[0]) if len(table) else 365,
        contactable=_column(table, "contactable", True).fillna(True).to_numpy(bool),
        open_complaint=_column(table, "open_complaint", False).fillna(False).to_numpy(bool),
        owner=owner,
        owners=owners,
        reach=reach,
        assumed=assumed,
        contact_customer=recent[0],
        contact_day=recent[1],
        effect=effect,
        measure=measure,
        counting=partial(_counted, base, ids),
    )


def _column(table: pd.DataFrame, name: str, otherwise: object) -> pd.Series[Any]:
    import pandas as pd

    return table[name] if name in table else pd.Series([otherwise] * len(table), dtype=object)


def _measured(base: CustomerBase) -> PastEffect | None:
    from retention_lib.decisions.past_campaigns import past_effects

    return past_effects(base).default() if base.has("campaigns", "group") else None


# --- channels --------------------------------------------------------------------------------


def _reach(
    base: CustomerBase, ids: pd.Series[Any], owner: Numbers
) -> tuple[dict[str, Flags], tuple[str, ...]]:
    """Who can be reached by each channel, and which channels nobody knows anything about."""
    everybody = np.ones(len(ids), dtype=bool)
    reach = {channel: everybody for channel in CHANNELS}
    assumed = []
    for channel, column in (("email", "email"), ("call", "phone")):
        known = _having(base, column)
        if known is None:
            assumed.append(channel)
        else:
            reach[channel] = ids.isin(known).to_numpy()
    refused = opt_outs(base)
    if refused is not None:
        gone = engine.collect(refused.select("customer_id").unique())["customer_id"]
        reach["email"] = reach["email"] & ~ids.isin(gone).to_numpy()
    reach["visit"] = owner != NOBODY
    return reach, tuple(assumed)


def _having(base: CustomerBase, column: str) -> pd.Series[Any] | None:
    """Customers with something in that column, of theirs or of one of their people's."""
    import pandas as pd

    known = []
    for table in ("customers", "people"):
        if base.has(table, column):
            filled = nw.col(column).cast(nw.String).str.strip_chars().str.len_chars() > 0
            rows = base.visible(table).filter(filled).select("customer_id").unique()
            known.append(engine.collect(rows)["customer_id"])
    return pd.concat(known) if known else None


# --- contacts --------------------------------------------------------------------------------


def _recent(base: CustomerBase, ids: pd.Series[Any]) -> tuple[Numbers, Numbers]:
    """The contacts of the last 90 days, by number of the customer."""
    import pandas as pd

    table = recent_contacts(base, LOOKED_BACK)
    place = pd.Index(ids).get_indexer(table["customer_id"])
    known = place >= 0
    day = table["day"].to_numpy(np.int64)[known]
    order = np.lexsort((day, place[known]))
    return place[known][order].astype(np.int64), day[order]


def _counted(base: CustomerBase, ids: pd.Series[Any], day: int) -> Numbers:
    found = contacts(base)
    if found is None:
        return np.zeros(len(ids), dtype=np.int64)
    rows = found.filter(nw.col("day") > day).group_by("customer_id").agg(nw.len().alias("n"))
    counted = engine.collect(rows).set_index("customer_id")["n"]
    return np.asarray(ids.map(counted).fillna(0), dtype=np.int64)


def latest_days(facts: PlanFacts, most: int) -> Numbers:
    """The days of each customer's last ``most`` contacts, the latest first; long ago where none.

    >>> NEVER < 0
    True
    """
    who, day = facts.contact_customer, facts.contact_day
    counts = np.bincount(who, minlength=len(facts))
    wide = max(int(min(most, counts.max(initial=0))), 1)
    table = np.full((len(facts), wide), NEVER, dtype=np.int32)
    # Contacts stand by customer and day: the last of a customer is the latest.
    back = (np.cumsum(counts)[who] - 1) - np.arange(len(who))
    near = back < wide
    table[who[near], back[near]] = day[near]
    return table


NEVER = -1_000_000
"""The day of a contact that never was."""
