"""The tables of the customers lost: the list itself, by month, by reason, by warning sign."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from retention_lib.base import engine
from retention_lib.base.customer_base import CustomerBase
from retention_lib.portfolio import _lost_causes as causes
from retention_lib.portfolio._lost_found import YEAR, Losses
from retention_lib.portfolio._lost_signals import say_signs
from retention_lib.portfolio.calendar_periods import months_before
from retention_lib.wording import Wording

if TYPE_CHECKING:
    import pandas as pd

    from retention_lib.portfolio.lost import LostResult

_REASON_COLUMNS = ("cause_name", "avoidable", "customers", "share_of_customers", "value_lost",
                   "value_low", "value_high", "share_of_value", "cause")  # fmt: skip


def kinds(avoidable: pd.Series[Any]) -> pd.Series[Any]:
    """``avoidable``, ``unavoidable`` or ``unknown`` for yes, no and missing."""
    named = avoidable.map({True: "avoidable", False: "unavoidable"})
    return named.astype("str").where(avoidable.notna(), "unknown")


def lost_table(losses: Losses, signs: pd.DataFrame, wording: Wording) -> pd.DataFrame:
    """The list itself: one row a customer, those worth most first."""
    import pandas as pd

    lost = losses.lost
    since = lost["first_day"]
    if "acquired_on_day" in lost:
        earlier = lost["acquired_on_day"].astype("float64")
        since = np.fmin(since.astype("float64"), earlier).astype("int64")
    worth = losses.carry.expected(lost["annual"].to_numpy(float), lost["purchases"].to_numpy())
    table = lost[["customer_id"]].copy()
    if "name" in lost:
        table["name"] = lost["name"]
    table["last_purchase"] = _dates(lost["last_day"])
    table["lost_on"] = _dates(lost["lost_day"])
    table["tenure_days"] = lost["last_day"] - since
    table["annual_revenue"] = lost["annual_revenue"]
    table["annual_margin"] = lost["annual_margin"]
    table["value_lost"] = worth.round(2) + 0.0
    known = "closure_reason" in lost
    table["reason"] = lost["closure_reason"] if known else pd.Series([None] * len(lost))
    table["reason"] = table["reason"].astype("str")
    read = [causes.read_cause(text) for text in table["reason"]]
    table["cause"] = pd.Series([cause for cause, _ in read], dtype="str")
    table["avoidable"] = pd.Series([could for _, could in read], dtype="boolean")
    told = say_signs(signs, lambda code: wording.say(f"signal.{code}.name"))
    told = told.reindex(table["customer_id"])
    table["signals_before"] = told["signals_before"].astype("str").to_numpy()
    table["first_signal_days"] = told["first_signal_days"].astype("Int64").to_numpy()
    seen = lost["last_day"] - losses.first_day >= YEAR - 1
    if "acquired_on_day" in lost:
        # Whoever came after the file began has its whole past in it.
        seen |= lost["acquired_on_day"].astype("float64") >= losses.first_day
    table["full_year"] = seen
    return table.sort_values(
        ["value_lost", "customer_id"], ascending=[False, True], ignore_index=True
    )


def _dates(days: pd.Series[Any]) -> Any:
    return days.to_numpy(dtype="int64").astype("datetime64[D]").astype("datetime64[s]")


def by_month(base: CustomerBase, losses: Losses, table: pd.DataFrame) -> pd.DataFrame:
    """One row a month up to ``as_of``: whose account was closed, who fell silent, their worth."""
    import pandas as pd

    ends = [months_before(base.as_of, back) for back in range(losses.months - 1, -1, -1)]
    told = losses.lost.set_index("customer_id").loc[table["customer_id"]]
    place = np.searchsorted([engine.day_number(end) for end in ends], told["lost_day"].to_numpy())
    closed = (told["closed_day"] == told["lost_day"]).fillna(False).to_numpy(dtype=bool)
    worth = table["value_lost"].to_numpy()

    def per_month(kept: Any, weights: Any = None) -> Any:
        chosen = None if weights is None else weights[kept]
        return np.bincount(place[kept], weights=chosen, minlength=len(ends))

    return pd.DataFrame(
        {
            "month_end": ends,
            # Silence can be told only a whole window after the file begins.
            "unseen": [engine.day_number(e) < losses.first_day + losses.window for e in ends],
            "customers": per_month(np.ones(len(table), dtype=bool)),
            "closed": per_month(closed),
            "silent": per_month(~closed),
            "value_closed": per_month(closed, worth),
            "value_silent": per_month(~closed, worth),
        }
    )


def reasons_table(result: LostResult) -> pd.DataFrame:
    """Customers and value by cause, with the range of each."""
    import pandas as pd

    w, table, losses = result.wording, result.table, result.losses
    told = losses.lost.set_index("customer_id").loc[table["customer_id"]]
    annual, purchases = told["annual"].to_numpy(float), told["purchases"].to_numpy()
    rows: dict[str, list[Any]] = {name: [] for name in _REASON_COLUMNS}
    for cause, picked in table.groupby("cause").indices.items():
        low, high = losses.carry.between(annual[picked], purchases[picked])
        value = float(table["value_lost"].iloc[picked].sum())
        share = value / result.total if result.total > 0 else np.nan
        row = (w.say(f"lost.cause.{cause}"), table["avoidable"].iloc[picked[0]], len(picked),
               len(picked) / len(table), round(value, 2), low, high, share, cause)  # fmt: skip
        for name, cell in zip(_REASON_COLUMNS, row, strict=True):
            rows[name].append(cell)
    frame = pd.DataFrame(rows).astype({"avoidable": "boolean"})
    return frame.sort_values(
        ["value_lost", "customers", "cause"], ascending=[False, False, True], ignore_index=True
    )


def signals_table(result: LostResult) -> pd.DataFrame:
    """How many showed each sign and how long before; last, how many showed none."""
    import pandas as pd

    w, signs, total = result.wording, result.signs, len(result.table)
    grouped = signs.groupby("signal", sort=True)
    table = pd.DataFrame(
        {
            "customers": grouped["customer_id"].nunique(),
            "still_buying": grouped["still_buying"].sum(),
            "median_days_before": grouped["lead_days"].median(),
        }
    ).reset_index()
    table = table.sort_values(["customers", "signal"], ascending=[False, True], ignore_index=True)
    table.insert(0, "signal_name", [w.say(f"signal.{code}.name") for code in table["signal"]])
    if total:
        without = total - signs["customer_id"].nunique()
        nobody = {
            "signal_name": w.say("lost.signals.none"),
            "customers": without,
            "still_buying": 0,
            "median_days_before": np.nan,
            "signal": "none",
        }
        table = pd.concat([table, pd.DataFrame([nobody])], ignore_index=True)
    table["share_of_customers"] = table["customers"] / total if total else np.nan
    return table[["signal_name", "customers", "share_of_customers", "still_buying",
                  "median_days_before", "signal"]]  # fmt: skip
