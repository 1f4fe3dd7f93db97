"""The arithmetic of needs: from movements to customers to win, once and for resampled bases."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from retention_lib.portfolio.intervals import Values, resampled

if TYPE_CHECKING:
    import pandas as pd

# Sums over the customers, in this order.
_SUMS = (
    "opening",
    "lost",
    "new",
    "won_back",
    "stayed_before",
    "stayed_after",
    "lost_revenue",
    "new_revenue",
    "won_back_revenue",
)


@dataclass(frozen=True)
class Plan:
    """What the movements of the last months mean for the next, all else as it was.

    Counts of customers and net revenue: ``opening`` were active at the start, of whom ``lost``
    had brought ``lost_revenue`` and the others went from ``stayed_before`` to ``stayed_after``;
    ``new`` and ``won_back`` came. Expected next: ``expected_lost`` customers with
    ``expected_loss``, ``expected_change`` from those who stay. ``gap`` to the target is for new
    customers, ``needed`` of them at ``per_new`` each (missing where nobody came). ``protect`` is
    what is missing where as many come as did, ``points`` its share of today's revenue.
    """

    opening: int
    lost: int
    new: int
    won_back: int
    stayed_before: float
    stayed_after: float
    lost_revenue: float
    new_revenue: float
    won_back_revenue: float
    closing: int
    closing_revenue: float
    target: float
    expected_lost: float
    expected_loss: float
    expected_change: float
    gap: float
    per_new: float
    needed: float
    protect: float
    points: float

    @property
    def stayed(self) -> int:
        """Customers active on both days."""
        return self.opening - self.lost

    @property
    def opening_revenue(self) -> float:
        """Revenue of those active at the start, in the window before it."""
        return round(self.stayed_before + self.lost_revenue, 2)

    def can_keep(self, revenue: float) -> bool:
        """Whether that much is expected to leave, and could be kept, to the cent."""
        return round(revenue, 2) <= round(self.expected_loss, 2)

    def keep_for(self, revenue: float) -> float:
        """How many of those lost brought that much; nothing brought is missing."""
        if revenue <= 0:
            return 0.0
        return revenue * self.lost / self.lost_revenue if self.lost_revenue > 0 else float("nan")


def totals_of(frame: pd.DataFrame) -> Values:
    """The sums over the customers that everything is worked out from."""
    totals: Values = _columns(frame).sum(axis=0)
    totals[4:] = totals[4:].round(2)
    return totals


def plan_from(totals: Values, growth: float) -> Plan:
    """The plan that the sums of the movements give."""
    sums = dict(zip(_SUMS, totals.tolist(), strict=True))
    closing = sums["opening"] - sums["lost"] + sums["new"] + sums["won_back"]
    revenue = round(sums["stayed_after"] + sums["new_revenue"] + sums["won_back_revenue"], 2)
    figures = _figures(totals, closing, revenue, growth)
    counts = {name: int(sums[name]) for name in _SUMS[:4]}
    money = {name: sums[name] for name in _SUMS[4:]}
    return Plan(
        **counts,
        **money,
        closing=int(closing),
        closing_revenue=revenue,
        target=revenue * (1 + growth),
        expected_lost=figures["expected_lost"],
        expected_loss=figures["loss"],
        expected_change=figures["change"],
        gap=figures["gap"],
        per_new=figures["per_new"],
        needed=figures["needed"],
        protect=figures["protect"],
        points=figures["protect"] / revenue if revenue else float("nan"),
    )


def plan_draws(frame: pd.DataFrame, growth: float) -> dict[str, Values]:
    """The figures of the plan in resampled bases; today's revenue and the target stay put."""
    columns = _columns(frame)
    closing = float(frame["closing"].sum())
    revenue = float(frame["closing_revenue"].sum())

    def summed(places: Values) -> Values:
        drawn = np.bincount(places, minlength=len(columns)).astype(float)
        sums: Values = np.einsum("i,ij->j", drawn, columns)
        return sums

    draws = [_figures(sums, closing, revenue, growth) for sums in _rows(summed, len(columns))]
    return {name: np.array([draw[name] for draw in draws]) for name in draws[0]}


def _rows(summed: object, count: int) -> Values:
    return resampled(summed, np.arange(count))  # type: ignore[arg-type]


def _columns(frame: pd.DataFrame) -> Values:
    """One row a customer, one column a sum."""
    opening, closing = frame["opening"].to_numpy(), frame["closing"].to_numpy()
    is_new = frame["is_new"].to_numpy()
    before, after = frame["opening_revenue"].to_numpy(), frame["closing_revenue"].to_numpy()
    lost, stayed = opening & ~closing, opening & closing
    new, won_back = closing & ~opening & is_new, closing & ~opening & ~is_new
    money = (before * stayed, after * stayed, before * lost, after * new, after * won_back)
    return np.column_stack([opening, lost, new, won_back, *money]).astype(float)


def _figures(totals: Values, closing: float, revenue: float, growth: float) -> dict[str, float]:
    """What is expected of customers and revenue of today at the rates of those sums."""
    opening, lost, new, won_back, before, after, gone, fresh, back = totals.tolist()
    began = before + gone
    loss = revenue * gone / began if began > 0 else float("nan")
    kept = revenue * after / began if began > 0 else float("nan")
    gap = revenue * (1 + growth) - kept - back
    per_new = fresh / new if new and fresh > 0 else float("nan")
    return {
        "expected_lost": closing * lost / opening if opening else float("nan"),
        "loss": loss,
        "change": kept - (revenue - loss),
        "won_back": won_back,
        "won_back_revenue": back,
        "gap": gap,
        "per_new": per_new,
        "needed": max(gap, 0.0) / per_new,
        "protect": max(gap - fresh, 0.0),
    }


def whole_up(value: float) -> int:
    """Whole customers that are enough; a hair above a whole number is that number."""
    return math.ceil(round(value, 9)) if math.isfinite(value) else 0
