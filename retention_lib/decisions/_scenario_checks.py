"""What a scenario may be made of; everything that is wrong is said at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

import numpy as np

from retention_lib.decisions._scenario_core import GROUPED, SINGLE
from retention_lib.decisions.ranges import Range
from retention_lib.errors import InputError

if TYPE_CHECKING:
    from retention_lib.decisions.scenarios import Scenario

MOST_YEARS = 50
MOST_GROUPS = 100
_SHARES = ("attrition", "discount_rate")
_ANY_SIGN = ("margin_per_customer", "revenue_per_customer", "points_kept")
_MAY_MISS = ("revenue_per_customer", "new_per_year", "new_share")
_LARGEST = 1e15
_EXAMPLES = {
    "attrition": "0.15 for 15 %",
    "discount_rate": "0.10 for 10 %",
    "new_share": "0.20 for 20 %",
    "word_of_mouth": "0.05",
    "points_kept": "5",
    "customers": "1000",
}


def check_scenario(scenario: Scenario) -> None:
    """Raise ``InputError`` with all that cannot be in a scenario."""
    problems = [problem for name in (*GROUPED, *SINGLE) for problem in _check(scenario, name)]
    problems += _check_years(scenario.years)
    if not problems:
        problems += _check_together(scenario)
    if len(problems) == 1:
        raise InputError(problems[0])
    if problems:
        listed = "\n".join(f"- {problem}" for problem in problems)
        raise InputError(f"This scenario has {len(problems)} values that cannot be:\n{listed}")


def is_between(value: object, low: float, high: float) -> bool:
    """Whether something is a number, no text nor truth value, from ``low`` to ``high``."""
    number = isinstance(value, Real) and not isinstance(value, bool | np.bool_)
    return number and low <= float(value) <= high  # type: ignore[arg-type]


def tidy(value: Any) -> Any:
    """Plain Python numbers instead of numpy's, a dict of one's own instead of the caller's."""
    if isinstance(value, Range):
        return Range(tidy(value.low), tidy(value.likely), tidy(value.high))
    if isinstance(value, tuple | list):
        return tuple(tidy(one) for one in value)
    if isinstance(value, Mapping):
        return {str(name): tidy(one) for name, one in value.items()}
    if isinstance(value, Integral):
        return int(value)
    return None if value is None else float(value)


def _check(scenario: Scenario, name: str) -> Iterator[str]:
    value = getattr(scenario, name)
    if value is None and name in _MAY_MISS:
        return
    if name not in GROUPED:
        yield from _check_number(name, value)
        return
    if isinstance(value, Mapping):
        if not 1 <= len(value) <= MOST_GROUPS:
            yield f"{name} by segment needs 1 to {MOST_GROUPS} segments; got {len(value)}."
        for segment, one in value.items():
            yield from _check_number(f"{name} of {segment!r}", one, name)
    elif isinstance(value, tuple | list):
        if not 1 <= len(value) <= MOST_GROUPS:
            yield f"{name} by tenure year needs 1 to {MOST_GROUPS} years; got {len(value)}."
        for place, one in enumerate(value, start=1):
            yield from _check_number(f"{name} of tenure year {place}", one, name)
    else:
        yield from _check_number(name, value)


def _check_number(said: str, value: Any, name: str = "") -> Iterator[str]:
    name = name or said
    example = _EXAMPLES.get(name, "250")
    ends = (value.low, value.likely, value.high) if isinstance(value, Range) else (value,)
    for end in ends:
        if not is_between(end, -_LARGEST, _LARGEST):
            yield f"{said} must be a number such as {example}, or a Range; got {value!r}."
            return
    low, high = float(ends[0]), float(ends[-1])
    if name in _SHARES and not 0 <= low <= high <= 1:
        yield f"{said} is a share from 0 to 1, such as {example}; got {value!r}."
    elif name == "points_kept" and not -100 <= low <= high <= 100:
        yield f"{said} is in percentage points from -100 to 100, such as {example}; got {value!r}."
    elif name not in _ANY_SIGN and low < 0:
        yield f"{said} cannot be below 0; write a number such as {example}; got {value!r}."


def _check_years(years: object) -> Iterator[str]:
    whole = isinstance(years, Integral) and not isinstance(years, bool)
    if not whole or not 1 <= int(years) <= MOST_YEARS:  # type: ignore[call-overload]
        yield f"years must be a whole number from 1 to {MOST_YEARS}, such as 5; got {years!r}."


def _check_together(scenario: Scenario) -> Iterator[str]:
    if scenario.new_per_year is not None and scenario.new_share is not None:
        yield (
            f"new_per_year={scenario.new_per_year!r} and new_share={scenario.new_share!r} both "
            f"say how many are new; give one of the two."
        )
    given = {name: getattr(scenario, name) for name in GROUPED}
    by_segment = {name: list(v) for name, v in given.items() if isinstance(v, Mapping)}
    by_tenure = [name for name, v in given.items() if isinstance(v, tuple | list)]
    if by_segment and by_tenure:
        yield (
            f"{', '.join(by_segment)} by segment and {', '.join(by_tenure)} by tenure year do not "
            f"go together; write all by segment, or all by tenure year, or one number."
        )
    elif by_segment and "customers" not in by_segment:
        yield (
            f"{', '.join(by_segment)} is by segment, so customers must say how many are in each, "
            f"such as customers={dict.fromkeys(next(iter(by_segment.values())), 100)!r}."
        )
    elif by_segment:
        segments = by_segment["customers"]
        for name, others in by_segment.items():
            odd = sorted(set(map(str, segments)) ^ set(map(str, others)))
            if odd:
                yield (
                    f"{name} and customers are not by the same segments: {odd[0]!r} is in one "
                    f"only. Name all of {', '.join(map(repr, segments))}."
                )
