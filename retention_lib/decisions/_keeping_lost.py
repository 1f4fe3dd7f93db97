"""What those lost in the last twelve months were worth, and how many of them could be kept."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from retention_lib.base.customer_base import CustomerBase
from retention_lib.decisions._scenario_ranges import NARROWER
from retention_lib.decisions.ranges import Number, Range
from retention_lib.portfolio._lost_causes import read_cause
from retention_lib.portfolio._lost_found import find_losses

FEWEST_LOST = 30
"""With fewer of them, nothing is told of what they were worth or why they left."""
_MONTHS = 12


@dataclass(frozen=True)
class LostWorth:
    """What one of those lost was worth a year, and the share that could have been kept.

    ``each`` in margin, or in revenue where ``measure`` says so; ``each`` and ``avoidable`` are
    ``None`` where too few were lost, or no reasons are on file.
    """

    each: Number | None
    avoidable: Range | None
    measure: str


def weigh_lost(base: CustomerBase) -> LostWorth:
    """Look at those lost over the last twelve months: :func:`retention_lib.list_lost` in short."""
    losses = find_losses(base, _MONTHS)
    lost, measure = losses.lost, "margin" if losses.basis.known else "revenue"
    if len(lost) < FEWEST_LOST:
        return LostWorth(None, None, measure)
    annual, purchases = lost["annual"].to_numpy(float), lost["purchases"].to_numpy()
    each = float(losses.carry.expected(annual, purchases).sum()) / len(lost)
    low, high = (end / len(lost) for end in losses.carry.between(annual, purchases))
    avoidable = None
    if "closure_reason" in lost:
        could = [read_cause(text)[1] for text in lost["closure_reason"].astype("str")]
        avoidable = _share([one for one in could if one is not None], len(lost))
    return LostWorth(_narrowed(each, low, high), avoidable, measure)


def _share(known: list[bool], lost: int) -> Range | None:
    """The share of the lost who left for a recorded reason that could have been avoided.

    At least those of whom it is recorded; at most as large a share of those without a usable
    reason as of those with one.
    """
    if not known:
        return None
    least, most = sum(known) / lost, sum(known) / len(known)
    return Range(least, least, most)


def _narrowed(value: float, low: float, high: float) -> Number | None:
    if not np.isfinite(value) or value < 0:
        return None
    if not (np.isfinite(low) and np.isfinite(high)):
        return value
    low, high = (value + (end - value) * NARROWER for end in (low, high))
    return Range(min(max(low, 0.0), value), value, max(high, value))
