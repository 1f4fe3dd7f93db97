"""Which warning signs had fired before a customer was lost, and how long before.

Each sign is asked for as it stood on the last day of each month, with nothing later visible, so
that nobody is wise after the event.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from retention_lib.base import engine
from retention_lib.base.customer_base import CustomerBase
from retention_lib.portfolio.calendar_periods import months_before

if TYPE_CHECKING:
    import pandas as pd

HALF_YEAR = 182
"""Signs count from so long before the silence that makes a loss: days."""
SPOKEN = ("unhappy", "leaving_spoken")
"""Signs that the customer itself spoke: a complaint, a bad answer, a request to leave."""


def signs_before(base: CustomerBase, lost: pd.DataFrame, first_day: int) -> pd.DataFrame:
    """One row a lost customer and sign that had fired before the loss.

    ``customer_id, signal, lead_days`` (from the first time it was seen firing to the loss) and
    ``still_buying`` (whether that was before the customer's last purchase, or on its day).
    """
    import pandas as pd

    columns = {"customer_id": "str", "signal": "str", "lead_days": "int64", "still_buying": "bool"}
    look_back = base.activity_window_days + HALF_YEAR
    days = _month_ends(lost, look_back, first_day)
    if lost.empty or not days:
        return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in columns.items()})
    from retention_lib.portfolio.signals import signal_history

    fired = signal_history(base, days, customers=lost["customer_id"].tolist())
    met = fired[["customer_id", "signal", "day"]].merge(
        lost[["customer_id", "last_day", "lost_day"]], on="customer_id"
    )
    met = met[(met["day"] < met["lost_day"]) & (met["day"] >= met["lost_day"] - look_back)]
    met = met.sort_values(["customer_id", "day", "signal"], ignore_index=True)
    # The first row of each is the first day, as they are in the order of days.
    first = met.drop_duplicates(["customer_id", "signal"], ignore_index=True)
    return pd.DataFrame(
        {
            "customer_id": first["customer_id"],
            "signal": first["signal"],
            "lead_days": (first["lost_day"] - first["day"]).astype("int64"),
            "still_buying": first["day"] <= first["last_day"],
        }
    )


def _month_ends(lost: pd.DataFrame, look_back: int, first_day: int) -> list[int]:
    """The ends of months on which a sign may count for one of the lost, the first one first."""
    if lost.empty:
        return []
    earliest = max(int(lost["lost_day"].min()) - look_back, first_day)
    latest = engine.day_of(int(lost["lost_day"].max()))
    # The end of the month before; from there on the end of a month stays the end of one.
    end = engine.day_of(engine.day_number(latest.replace(day=1)) - 1)
    days: list[int] = []
    while (number := engine.day_number(end)) >= earliest:
        days.insert(0, number)
        end = months_before(end, 1)
    return days


def say_signs(signs: pd.DataFrame, name: Any) -> pd.DataFrame:
    """By customer: its signs in words, the first to fire first, and the lead of the first."""
    ordered = signs.sort_values(
        ["customer_id", "lead_days", "signal"], ascending=[True, False, True]
    )
    grouped = ordered.groupby("customer_id", sort=True)
    said = grouped["signal"].agg(lambda codes: ", ".join(name(code) for code in codes))
    told = said.rename("signals_before").to_frame()
    told["first_signal_days"] = grouped["lead_days"].max()
    return told
