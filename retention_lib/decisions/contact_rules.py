"""How often customers may be contacted: the rules that no plan breaks."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Integral

from retention_lib.errors import InputError

__all__ = ["ContactRules"]


@dataclass(frozen=True, kw_only=True)
class ContactRules:
    """How often a customer may, and how often one worth it should, be contacted.

    A contact is one that went out, whatever its channel; those that already happened count.

    Parameters
    ----------
    most_in_30_days
        At most so many contacts in any 30 days in a row (1 to 30), past ones included.
    rest_days
        So many days lie between two contacts at least (0 to 90): after a contact on day 10, 7
        days of rest allow the next on day 17.
    least_a_year
        Customers worth it hear from the company so often a year at least (0 to 52).

    Raises
    ------
    InputError
        Where a value is no whole number in its bounds; the message lists them all.

    Examples
    --------
    >>> ContactRules(most_in_30_days=3)
    ContactRules(most_in_30_days=3, rest_days=7, least_a_year=4)
    """

    most_in_30_days: int = 2
    rest_days: int = 7
    least_a_year: int = 4

    def __post_init__(self) -> None:
        bounds = {"most_in_30_days": (1, 30), "rest_days": (0, 90), "least_a_year": (0, 52)}
        wrong = [
            f"{name} must be a whole number from {low} to {high}; got {value!r}."
            for name, (low, high) in bounds.items()
            if not _is_whole(value := getattr(self, name)) or not low <= int(value) <= high
        ]
        if wrong:
            raise InputError(" ".join(wrong))


def _is_whole(value: object) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool)
