"""What may be asked of a control group: arguments checked, with what they should be."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from retention_lib.decisions.past_campaigns import check_days
from retention_lib.decisions.ranges import Range
from retention_lib.errors import InputError


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | np.number) and not isinstance(value, bool)


def check_shares(share: Any) -> list[float]:
    given = list(share) if isinstance(share, Sequence | np.ndarray) else [share]
    usable = [_is_number(one) and 0 < float(one) < 1 for one in given]
    if not given or not all(usable) or isinstance(share, str):
        wrong = share if not given or all(usable) else given[usable.index(False)]
        raise InputError(
            f"share is the part held back, between 0 and 1, such as 0.1 or (0.05, 0.1, 0.5); "
            f"got {wrong!r}."
        )
    return sorted({float(one) for one in given})


def check_spans(days: Any) -> list[int]:
    several = isinstance(days, Sequence | np.ndarray) and not isinstance(days, str)
    given = list(days) if several else [days]
    if not given:
        raise InputError("days is one number of days or several, such as (30, 90); got none.")
    return sorted({check_days("days", one) for one in given})


def check_effect(effect: Any) -> None:
    if effect is None:
        return
    value = effect.likely if isinstance(effect, Range) else effect
    low = effect.low if isinstance(effect, Range) else value
    if not _is_number(value) or not 0 < float(value) < 1 or float(low) < 0:
        raise InputError(
            f"effect is the rise of the share of buyers hoped for, between 0 and 1, such as 0.05 "
            f"for 5 points; got {effect!r}."
        )


def check_customers(
    customers: Any,
) -> tuple[int | None, Collection[str] | None, list[str] | None]:
    """How many, whose past is looked at (``None``: everybody's), and their codes where known."""
    if customers is None:
        return None, None, None
    if _is_number(customers):
        if int(customers) == customers and customers >= 2:
            return int(customers), None, None
    elif isinstance(customers, Collection) and not isinstance(customers, str | Mapping):
        codes = list(dict.fromkeys(str(code) for code in customers))
        if len(codes) >= 2:
            return None, set(codes), codes
    raise InputError(
        f"customers is how many customers the campaign is for (2 or more, such as 500), or a "
        f"list of their codes; got {customers!r}."
    )
