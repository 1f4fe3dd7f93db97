"""The choices a search for cross-sell is made under, checked."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Real

import numpy as np

from retention_lib.base.customer_base import CustomerBase
from retention_lib.errors import InputError

_MOST_RANGES = 100


@dataclass(frozen=True)
class Asked:
    """The choices a result was made under."""

    min_support: float
    min_cases: int
    days: int
    max_ranges: int


def checked(
    base: CustomerBase, min_support: object, min_cases: object, days: object, max_ranges: object
) -> Asked:
    """Give the choices back, or say which of them cannot be."""
    if (
        isinstance(min_support, bool)
        or not isinstance(min_support, Real)
        or not (0 <= float(min_support) < 1)
    ):
        raise InputError(
            f"min_support is the share of customers who must buy both ranges, from 0 to below 1, "
            f"such as 0.01 for one in a hundred; got {min_support!r}."
        )
    window = base.activity_window_days if days is None else days
    return Asked(
        float(min_support),
        _whole("min_cases", min_cases, 2, None, "how many customers must buy a range, such as 30"),
        _whole("days", window, 1, None, "the window in days, such as 365, or None"),
        _whole("max_ranges", max_ranges, 2, _MOST_RANGES, "how many ranges are compared"),
    )


def _whole(name: str, value: object, low: int, high: int | None, meaning: str) -> int:
    """The value as a whole number within its bounds."""
    if isinstance(value, int | np.integer) and not isinstance(value, bool):
        number = int(value)
        if number >= low and (high is None or number <= high):
            return number
    bounds = f"{low} or more" if high is None else f"{low} to {high}"
    raise InputError(f"{name} is {meaning}: a whole number, {bounds}; got {value!r}.")
