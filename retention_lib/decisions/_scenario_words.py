"""How the numbers of a scenario are said, and where each of them comes from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Any, Literal

from retention_lib.decisions.ranges import Number, Range, between, likely
from retention_lib.portfolio.tenure import ordinal
from retention_lib.wording import Wording, with_minus

Unit = Literal["money", "percent", "count", "decimal"]
Origin = Literal["measured", "yours", "assumed"]
UNITS: Mapping[str, Unit] = {
    "customers": "count",
    "attrition": "percent",
    "margin_per_customer": "money",
    "revenue_per_customer": "money",
    "points_kept": "decimal",
    "new_per_year": "count",
    "new_share": "percent",
    "won_back_per_year": "count",
    "acquisition_cost": "money",
    "programme_cost": "money",
    "programme_cost_per_customer": "money",
    "discount_rate": "percent",
    "years": "count",
    "word_of_mouth": "decimal",
}


DEFAULTS = (
    *("points_kept", "programme_cost", "programme_cost_per_customer", "discount_rate"),
    *("word_of_mouth", "years"),
)
"""Fields that no base tells and that start at the default."""


@dataclass(frozen=True)
class Source:
    """Where a value of a scenario comes from.

    ``value`` as the field holds it, ``said`` where it comes from in words, ``origin``
    ``measured`` on the base, ``yours``, or ``assumed`` where the base cannot tell; ``measured``
    the source that stood there before you changed it, where there was one.
    """

    value: Any
    said: str
    origin: Origin = "measured"
    measured: Source | None = None

    @property
    def low(self) -> float:
        """The lower end of the value's range; the lowest of all groups where it has groups."""
        return min(between(one)[0] for one in each_number(self.value))

    @property
    def high(self) -> float:
        """The upper end of the value's range; the highest of all groups where it has groups."""
        return max(between(one)[1] for one in each_number(self.value))


def yours(value: Any, name: str, before: Source | None, wording: Wording) -> Source:
    """The source of a value that a person set, with what was measured in its place."""
    measured = before.measured if before is not None and before.origin == "yours" else before
    if measured is not None and measured.value == value:
        return measured
    if measured is None or value is None:
        return Source(value, wording.say("scenario.source.yours"), "yours", measured)
    was = say_value(measured.value, name, wording)
    said = wording.say(f"scenario.source.yours_{measured.origin}", value=was)
    return Source(value, said, "yours", measured)


def each_number(value: Any) -> list[Number]:
    """The numbers of a field, whether it is one, a tuple or a mapping; none where it is empty."""
    if value is None:
        return []
    if isinstance(value, Mapping):
        return list(value.values())
    return list(value) if isinstance(value, tuple | list) else [value]


def say_number(value: float, name: str, wording: Wording) -> str:
    """One number in its unit, as finely as its size calls for."""
    unit = UNITS[name]
    if value != value:
        return ""
    if unit == "percent":
        return with_minus(wording.percent(value))
    if unit == "money":
        small = abs(value) < 100 and value != round(value)
        return with_minus(wording.money(value, decimals=2 if small else 0))
    if name == "points_kept":
        return with_minus(wording.number(value, decimals=1 if value != round(value) else 0))
    decimals = 2 if unit == "decimal" else 1 if abs(value) < 10 and value != round(value) else 0
    return wording.number(value, decimals=decimals)


def in_a_row(said: Iterable[str], wording: Wording) -> str:
    """Values one after the other, with the semicolon of the language."""

    def put_together(first: str, second: str) -> str:
        return wording.say("scenario.in_a_row", first=first, second=second)

    values = list(said)
    return reduce(put_together, values) if values else ""


def say_value(value: Any, name: str, wording: Wording) -> str:
    """A field's value in words: one number, or from the lowest to the highest group."""
    numbers = [likely(one) for one in each_number(value)]
    if not numbers:
        return wording.say("scenario.not_known")
    if name == "customers":
        return say_number(sum(numbers), name, wording)
    low, high = (say_number(end, name, wording) for end in (min(numbers), max(numbers)))
    return low if low == high else wording.say("scenario.from_to", low=low, high=high)


def say_range(value: Number, name: str, wording: Wording) -> str:
    """From where to where a number lies; nothing where it is no range."""
    if not isinstance(value, Range) or value.low == value.high:
        return ""
    low, high = (say_number(end, name, wording) for end in between(value))
    return wording.say("scenario.from_to", low=low, high=high)


def say_group(group: int | str | None, last: bool, wording: Wording) -> str:
    """A tenure year or segment as one says it; nothing where there are no groups."""
    if group is None:
        return ""
    if isinstance(group, str):
        return group
    key = "scenario.tenure_older" if last else "scenario.tenure_year"
    return wording.say(key, year=ordinal(group, wording))
