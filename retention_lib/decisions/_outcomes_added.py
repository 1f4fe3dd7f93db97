"""What results add to a base or a workbook: interactions, consent, who was in which group."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import narwhals as nw
import numpy as np

from retention_lib import turns
from retention_lib.base import engine, workbooks
from retention_lib.base.adding import placed, with_rows, without_consent
from retention_lib.base.customer_base import CustomerBase
from retention_lib.base.saving import save_tables
from retention_lib.decisions._outcomes_judged import is_contact
from retention_lib.decisions._plan_files_layout import TASK
from retention_lib.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

    from retention_lib.decisions.outcomes import OutcomesResult

Frame = nw.LazyFrame[Any]

_KEYS: Mapping[str, tuple[str, ...]] = {
    "interactions": ("campaign_id", "customer_id"),
    "campaigns": ("campaign_id", "customer_id"),
}
_PERSONAL = ("call", "visit")
_NEVER_HELD_OUT = ("hot",)
_SAID = {"left": "cancellation_request", "unsubscribed": "unsubscribe"}
"""What a customer says, and the kind of the interaction it is."""


def added_rows(outcomes: OutcomesResult) -> dict[str, pd.DataFrame]:
    """The rows of each table: ``interactions``, ``campaigns``, ``customers`` (who refused)."""
    import pandas as pd

    return {
        "interactions": _interactions(outcomes.table),
        "campaigns": _campaigns(outcomes),
        "customers": pd.DataFrame({"customer_id": list(outcomes.refused)}, dtype=object),
    }


def _interactions(table: pd.DataFrame) -> pd.DataFrame:
    """The contacts made, one a row, and what customers said of themselves."""
    import pandas as pd

    went = table[is_contact(table)]
    out = pd.DataFrame(
        {
            "customer_id": went["customer_id"],
            "date": went["date"],
            "channel": went["channel_code"],
            "kind": np.where(went["channel_code"].isin(_PERSONAL), "follow_up", "campaign"),
            "direction": "out",
            "campaign_id": went["plan_id"],
        }
    )
    said = table[table["result_code"].isin(_SAID)]
    back = pd.DataFrame(
        {
            "customer_id": said["customer_id"],
            "date": said["date"],
            "channel": said["channel_code"].where(said["channel_code"] != TASK, None),
            "kind": said["result_code"].map(_SAID),
            "direction": "in",
            "campaign_id": said["plan_id"],
        }
    )
    rows = pd.concat([out, back], ignore_index=True)
    return rows.drop_duplicates(ignore_index=True)


def _campaigns(outcomes: OutcomesResult) -> pd.DataFrame:
    """Who was in the draw, as the lot had it; nothing where no action was done at all."""
    import pandas as pd

    columns = ["campaign_id", "customer_id", "date", "group", "cost", "offer"]
    planned = outcomes.planned
    drawn = planned[
        ~planned["journey_code"].isin(_NEVER_HELD_OUT) & (planned["purpose"] != "explore")
    ]
    done = outcomes.table[outcomes.table["done"]]
    carried_out = set(done["plan_id"])
    start = planned.groupby("plan_id")["date"].min()
    spent = done.groupby(["plan_id", "customer_id"])["cost"].sum()
    treated = drawn.drop_duplicates(["plan_id", "customer_id"]).assign(group="treated")
    control = outcomes.held_out.assign(group="control")
    rows = pd.concat([treated, control], ignore_index=True)
    rows = rows[rows["plan_id"].isin(carried_out)].reset_index(drop=True)
    if rows.empty:
        return pd.DataFrame(columns=columns)
    keys = pd.MultiIndex.from_frame(rows[["plan_id", "customer_id"]])
    cost = spent.reindex(keys).fillna(0.0).to_numpy()
    return pd.DataFrame(
        {
            "campaign_id": rows["plan_id"],
            "customer_id": rows["customer_id"],
            "date": rows["plan_id"].map(start).dt.date,
            "group": rows["group"],
            "cost": np.where(rows["group"] == "treated", cost, 0.0),
            "offer": rows["journey"].astype(object),
        }
    )[columns]


def base_with(base: CustomerBase, added: Mapping[str, pd.DataFrame]) -> CustomerBase:
    """A base with these rows in its tables."""
    lead, tables = base.tables["transactions"], dict(base.tables)
    for name in _changed(added):
        tables[name] = _changed_table(name, tables.get(name), added[name], lead)
    made = {**base.made_from, "outcomes": {name: len(added[name]) for name in added}}
    return replace(base, tables=tables, made_from=made)


def _changed(added: Mapping[str, pd.DataFrame]) -> list[str]:
    return [name for name, rows in added.items() if len(rows)]


def _changed_table(name: str, frame: Frame | None, rows: pd.DataFrame, lead: Frame) -> Frame:
    if name == "customers":
        return without_consent(frame, placed(rows, name, lead))
    if name == "interactions" and frame is not None:
        rows = _as_told_there(rows, frame.collect_schema().names())
    new = placed(rows, name, lead)
    if name == "interactions" and frame is not None:
        new = _not_known_yet(frame, new)
    return with_rows(frame, new, keys=_KEYS[name])


def _as_told_there(rows: pd.DataFrame, have: list[str]) -> pd.DataFrame:
    """Interactions in the columns of a table that tells less.

    A column that only the new rows have would make all others look as if nobody knew: of a
    table without directions, no row would count as sent.
    """
    if "kind" not in have:
        rows = rows[rows["direction"] == "out"]
    return rows.drop(columns=[n for n in ("channel", "kind", "direction") if n not in have])


def _not_known_yet(frame: Frame, new: Frame) -> Frame:
    """The interactions that the table does not tell of already, under no campaign or another's."""
    have = frame.collect_schema().names()
    same: list[str] = [n for n in ("customer_id", "day", "channel", "direction") if n in have]
    if "day" not in have:
        frame, same = engine.with_day_number(frame, "date", "day"), [*same, "day"]
    known = frame
    if "campaign_id" in have:
        own = new.group_by("campaign_id", "customer_id").agg(nw.len().alias("rl_rows"))
        own = own.select("campaign_id", "customer_id")
        known = frame.join(own, on=["campaign_id", "customer_id"], how="anti")
    told = known.group_by(*same).agg(nw.len().alias("rl_rows")).select(*same)
    return new.join(told, on=same, how="anti")


# --- the workbook ------------------------------------------------------------------------------


def check_folder(folder: object) -> Path:
    """The folder of a workbook that may be written to."""
    if not isinstance(folder, str | os.PathLike):
        raise InputError(
            f"Give the folder of your workbook, such as 'data/mine'; got {type(folder).__name__}."
        )
    place = Path(folder).expanduser()
    place = place.parent if place.name == workbooks.FILE_NAME else place
    if not workbooks.is_workbook(place):
        raise InputError(
            f"{place} is no workbook: there is no {workbooks.FILE_NAME} in it. Import your "
            f"transactions once with rl.import_export(…).save({str(place)!r})."
        )
    samples = workbooks.project_folder() / "data" / "sample"
    if place.resolve().is_relative_to(samples.resolve()):
        raise InputError(
            f"{place} is a sample, which stays as it is. Copy the folder to data/mine first and "
            f"save the results there, or use .add_to(base) to go on without writing anything."
        )
    return place


def save_into(folder: Path, added: Mapping[str, pd.DataFrame]) -> None:
    """Write the rows into the tables of a workbook; all of them change at once, or none."""
    # From reading the old rows until the new ones are saved, nobody else may save.
    with turns.alone(folder):
        book = workbooks.read_workbook(folder)
        connection = engine.connect()
        tables: dict[str, Any] = {}
        for name in _changed(added):
            entry = book.tables.get(name)
            lead = engine.as_lazy(book.tables["transactions"].file, "transactions", connection)
            before = None if entry is None else engine.as_lazy(entry.file, name, connection)
            after = _changed_table(name, before, added[name], lead)
            columns = [c for c in after.collect_schema().names() if c != "day"]
            if before is not None and "day" in before.collect_schema().names():
                columns = after.collect_schema().names()
            tables[name] = after.select(*columns).to_native()
        save_tables(folder, tables)
