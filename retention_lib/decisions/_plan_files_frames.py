"""The tables of a plan as they go to files: who, when, what, with codes to read them back by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import narwhals as nw

from retention_lib.base import engine
from retention_lib.base.customer_base import CustomerBase
from retention_lib.decisions._plan_files_layout import (
    ACTIONS,
    CODES,
    FILLED,
    MASKED,
    TASK,
    PlanLike,
    channel_word,
    frame_of,
)
from retention_lib.masking import IDENTIFYING, TELLING, mask_frame, pseudonym
from retention_lib.wording import Wording

if TYPE_CHECKING:
    import pandas as pd


def actions_frame(plan: PlanLike) -> pd.DataFrame:
    """One row an action, by day: the columns of ``ACTIONS`` and ``CODES`` that are known.

    Nobody's actions are marketing's. The cells to fill in are there, empty.
    """
    import pandas as pd

    w, table = plan.wording, plan.table.copy()
    if "channel_code" not in table:
        table["channel_code"] = table["channel"].astype(str)
    said = {code: channel_word(w, str(code)) for code in table["channel_code"].unique()}
    table["channel"] = table["channel_code"].map(said).astype(object)
    table["date"] = pd.to_datetime(table["date"])
    table["owner"] = named_owners(table, w)
    table["plan_id"] = plan.plan_id
    if "phone" not in table:
        known = phones(plan, table["customer_id"])
        if known is not None:
            table["phone"] = known
    for name in FILLED:
        table[name] = ""
    order = [name for name in ("date", "owner") if name in table]
    ranked = table.assign(
        # A task prepares the contact of the same day.
        rl_task=(table["channel_code"] != TASK).astype(int),
        rl_profit=-table.get("expected_profit", pd.Series(0.0, index=table.index)).fillna(0.0),
    )
    ranked = ranked.sort_values(
        [*order, "rl_task", "rl_profit", "customer_id"], kind="stable", ignore_index=True
    )
    return ranked[[name for name in (*ACTIONS, *CODES) if name in ranked]]


def held_out_frame(plan: PlanLike) -> pd.DataFrame:
    """One row a customer of the control group, with the plan's code."""
    table = frame_of(plan.held_out).copy()
    table = table.drop(columns=[name for name in ("group", "plan_id") if name in table])
    table["group"] = "control"
    table["plan_id"] = plan.plan_id
    return table.reset_index(drop=True)


def named_owners(table: pd.DataFrame, wording: Wording) -> pd.Series[Any]:
    """Who carries each action out; marketing where nobody in particular does."""
    import pandas as pd

    nobody = wording.say("plan.marketing")
    if "owner" not in table:
        return pd.Series(nobody, index=table.index, dtype=object)
    owner = table["owner"].astype(object)
    blank = owner.isna() | (owner.astype(str).str.strip() == "")
    return owner.where(~blank, nobody).astype(str)


def base_of(plan: Any) -> CustomerBase | None:
    """The base a plan was made from, where it carries it."""
    facts = getattr(plan, "facts", None)
    found = getattr(plan, "base", None) or getattr(facts, "base", None)
    return found if isinstance(found, CustomerBase) else None


def phones(plan: Any, customers: pd.Series[Any]) -> pd.Series[Any] | None:
    """The number to call: the customer's own, else that of one who decides there."""
    base = base_of(plan)
    if base is None:
        return None
    found: dict[str, str] = {}
    wanted = set(customers)
    for table in ("people", "customers"):
        if base.has(table, "phone"):
            found |= _numbers(base, table, wanted)
    return customers.map(found).fillna("").astype(object) if found else None


def _numbers(base: CustomerBase, table: str, wanted: set[str]) -> dict[str, str]:
    decides = base.has(table, "is_decision_maker")
    flag = nw.col("is_decision_maker") if decides else nw.lit(False)
    listed = engine.collect(
        base.visible(table)
        .filter(~nw.col("phone").is_null())
        .select("customer_id", "phone", flag.fill_null(False).alias("decides"))
    )
    listed = listed[listed["customer_id"].isin(wanted)]
    # The last one of a customer stays: who decides, and of several always the same.
    listed = listed.sort_values(["customer_id", "decides", "phone"], ascending=[True, True, False])
    return dict(zip(listed["customer_id"], listed["phone"].astype(str), strict=True))


# --- masking ---------------------------------------------------------------------------------


def owner_masks(owners: pd.Series[Any], wording: Wording) -> dict[str, str]:
    """What stands for each account manager; marketing is nobody's name."""
    nobody = wording.say("plan.marketing")
    return {
        str(name): str(pseudonym(name, "account_manager", ""))
        for name in owners.unique()
        if str(name) != nobody
    }


def masked_frame(frame: pd.DataFrame, owners: Mapping[str, str], wording: Wording) -> pd.DataFrame:
    """A table with pseudonyms, without its telling columns, no account manager named anywhere."""
    columns = [name for name in IDENTIFYING if name != "owner"]
    masked = mask_frame(frame, columns, word=wording.say("mask.customer"))
    masked = masked.drop(columns=[name for name in TELLING if name in masked])
    for name in masked.columns:
        if any(isinstance(cell, str) for cell in masked[name]):
            said = {text: _without_names(text, owners) for text in masked[name].unique()}
            masked[name] = masked[name].map(said)
    if "plan_id" in masked:
        masked["plan_id"] = masked["plan_id"].astype(str) + MASKED
    return masked


def masked_text(text: str, owners: Mapping[str, str]) -> str:
    """A sentence in which no account manager is named."""
    return str(_without_names(text, owners))


def _without_names(text: Any, owners: Mapping[str, str]) -> Any:
    if not isinstance(text, str):
        return text
    # The longest first: one name may be the beginning of another.
    for name in sorted(owners, key=len, reverse=True):
        text = text.replace(name, owners[name])
    return text
