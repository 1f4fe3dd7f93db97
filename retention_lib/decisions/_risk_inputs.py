"""What each input does to a what-if: at its low and its high, and where it breaks even."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from retention_lib.decisions._scenario_core import (
    GROUPED,
    SINGLE,
    Key,
    Pick,
    draw_profits,
    numbers_of,
    values_of,
)
from retention_lib.decisions._scenario_words import say_number
from retention_lib.decisions.ranges import Number, Range, Z, likely
from retention_lib.portfolio.intervals import Values
from retention_lib.wording import Wording

if TYPE_CHECKING:
    from retention_lib.decisions.scenarios import Scenario

Verdict = Literal["at", "always", "never", "no_matter"]
FIELDS = tuple(name for name in (*GROUPED, *SINGLE) if name != "revenue_per_customer")
"""What profit depends on: revenue is only shown beside it."""
SHARES = ("attrition", "new_share", "discount_rate")
MONEY = (
    *("margin_per_customer", "acquisition_cost"),
    *("programme_cost", "programme_cost_per_customer"),
)
PROGRAMME = ("programme_cost", "points_kept")
"""What a change brings along: it is moved in the change alone."""
_STEPS = 65
_ZOOMS = 8
_MOST_TIMES = 100.0


def worth(before: Scenario | None, after: Scenario, pick: Callable[[Scenario], Pick]) -> Values:
    """Discounted profit of ``after``, less that of ``before``: one value a draw."""
    profit: Values = draw_profits(values_of(after, pick(after))).sum(axis=1)
    if before is None:
        return profit
    difference: Values = profit - draw_profits(values_of(before, pick(before))).sum(axis=1)
    return difference


def drawn_from(scenarios: Iterable[Scenario], draws: int, seed: int) -> Callable[[Scenario], Pick]:
    """So many draws of every range in these scenarios, the same for both."""
    rng = np.random.default_rng(seed)
    return drawn_at(draw_places(scenarios, lambda: bell(rng, draws)))


def at_likely(before: Scenario | None, after: Scenario) -> float:
    """The same with every input at its likely value: a single figure."""
    return float(worth(before, after, lambda _: lambda key, value: likely(value))[0])


def bell(rng: np.random.Generator, count: int) -> Values:
    """Standard normal draws, one from each of ``count`` equally likely slices, in random order.

    A Latin hypercube (McKay, Beckman and Conover 1979): ten thousand such draws tell a
    probability as closely as many more that are drawn freely.
    """
    from scipy.special import ndtri

    drawn: Values = rng.permutation(ndtri((np.arange(count) + 0.5) / count))
    return drawn


def draw_places(scenarios: Iterable[Scenario], draw: Callable[[], Values]) -> dict[Key, Values]:
    """Where each range stands, in standard deviations from its likely value: one draw an unknown.

    Groups of a field that are given one and the same range, as those too small to be measured
    apart, are one unknown: drawn apart they would cancel out and look surer than they are.
    """
    unknowns: dict[tuple[str, Range], Values] = {}
    places: dict[Key, Values] = {}
    for key, value in _ranges(scenarios).items():
        unknown = (key[0], value)
        if unknown not in unknowns:
            unknowns[unknown] = draw()
        places[key] = unknowns[unknown]
    return places


def drawn_at(places: dict[Key, Values]) -> Callable[[Scenario], Pick]:
    """Every range at so many standard deviations from its likely value, the same in both."""

    def of_value(key: Key, value: Number) -> float | Values:
        if isinstance(value, Range) and key in places:
            at: Values = value.at(places[key])
            return at
        return likely(value)

    return lambda _: of_value


def in_margin(scenario: Scenario) -> bool:
    """Whether money is margin: measured as such, or put there by whoever asks."""
    source = scenario.sources.get("margin_per_customer")
    return scenario.measure == "margin" or (source is not None and source.origin == "yours")


def say_money_is(scenario: Scenario) -> str:
    """What the amounts of a scenario are: margin, or revenue that is no profit."""
    measure = "margin" if in_margin(scenario) else "revenue"
    return scenario.wording.say(f"keeping.measure.{measure}")


def ranged(scenarios: Iterable[Scenario]) -> list[Key]:
    """The inputs that are ranges in any of the scenarios, each once, in a fixed order."""
    return list(_ranges(scenarios))


def _ranges(scenarios: Iterable[Scenario]) -> dict[Key, Range]:
    """Each input that is a range with the first one given for it."""
    found: dict[Key, Range] = {}
    for scenario in scenarios:
        for key, value in numbers_of(scenario).items():
            if isinstance(value, Range) and value.low < value.high and key[0] in FIELDS:
                found.setdefault(key, value)
    return found


# --- low and high --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Swing:
    """What a field does alone: the difference with it at its low, and at its high, end."""

    field: str
    ends: tuple[str, str]
    at_low: float
    at_high: float


def swings(before: Scenario | None, after: Scenario, wording: Wording) -> list[Swing]:
    """Each field with a range at both of its ends, the others likely; the widest first."""
    scenarios = [after] if before is None else [before, after]
    keys = ranged(scenarios)
    fields = list(dict.fromkeys(key[0] for key in keys))
    if not fields:
        return []
    places = {}
    for key in keys:
        places[key] = np.zeros(2 * len(fields))
        at = 2 * fields.index(key[0])
        places[key][at : at + 2] = -Z, Z
    values = np.broadcast_to(worth(before, after, drawn_at(places)), 2 * len(fields))
    found = [
        Swing(
            name,
            _ends(name, scenarios, wording),
            float(values[2 * number]),
            float(values[2 * number + 1]),
        )
        for number, name in enumerate(fields)
    ]
    hair = 1e-9 * max(float(np.abs(values).max()), 1.0)
    moving = [swing for swing in found if abs(swing.at_high - swing.at_low) > hair]
    return sorted(moving, key=lambda swing: -abs(swing.at_high - swing.at_low))


def say_field(name: str, scenario: Scenario) -> str:
    """An input as one says it; what stands for the margin may be revenue."""
    if name == "margin_per_customer" and not in_margin(scenario):
        name = "revenue_per_customer"
    return scenario.wording.say(f"keeping.field.{name}")


def _ends(name: str, scenarios: list[Scenario], wording: Wording) -> tuple[str, str]:
    """Both ends in words: of the last scenario where the field is a range, groups together."""
    with_range = [s for s in scenarios if name in {key[0] for key in ranged([s])}]
    low = reference(with_range[-1], name, lambda value: float(value.low))
    high = reference(with_range[-1], name, lambda value: float(value.high))
    return say_number(low, name, wording), say_number(high, name, wording)


# --- break-even ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class BreakEven:
    """Where the difference is nothing: ``value`` of the field, or why there is none."""

    field: str
    now: float
    value: float
    verdict: Verdict


def break_evens(before: Scenario | None, after: Scenario) -> list[BreakEven]:
    """For every input the value at which the difference is nothing, the others as they are.

    A field that only the change touches is moved in ``after`` alone, as is what the programme
    costs: it is the change that has to pay for it. One that both share is moved in both.
    """
    given = numbers_of(after)
    scale = _scale(after)
    return [
        _break_even(name, before, after, scale)
        for name in FIELDS
        if any(key[0] == name for key in given)
        # Points less that nobody named are no input of this change.
        and (name != "points_kept" or likely(after.points_kept))
    ]


def reference(scenario: Scenario, name: str, of: Callable[[Any], float]) -> float:
    """One figure for a field: the number itself, or the mean over its groups by customers."""
    numbers = {key[1]: value for key, value in numbers_of(scenario).items() if key[0] == name}

    def figure(value: Number) -> float:
        return float(of(value)) if isinstance(value, Range) else float(value)

    values = np.array([figure(value) for value in numbers.values()])
    if name == "customers":
        return float(values.sum())
    heads = numbers_of(scenario)
    weights = np.array([likely(heads.get(("customers", group), 0.0)) for group in numbers])
    total = weights.sum()
    return float((values * weights).sum() / total) if total > 0 else float(values.mean())


def _scale(scenario: Scenario) -> dict[str, float]:
    """How far each field is searched: shares up to all, money and heads far above what is."""
    heads = max(reference(scenario, "customers", likely), 1.0)
    margin = max(abs(reference(scenario, "margin_per_customer", likely)), 1.0)
    far = {name: 1.0 for name in (*SHARES, "word_of_mouth")} | {"points_kept": 100.0}
    far |= {name: _MOST_TIMES * heads for name in ("customers", "new_per_year")}
    far |= {name: _MOST_TIMES * margin for name in MONEY}
    far |= {
        "won_back_per_year": _MOST_TIMES * heads,
        "programme_cost": _MOST_TIMES * margin * heads,
    }
    return far


def _break_even(
    name: str, before: Scenario | None, after: Scenario, scale: dict[str, float]
) -> BreakEven:
    now = reference(after, name, likely)
    programme = name.startswith(PROGRAMME)
    alone = before is None or programme or _of(before, name) != _of(after, name)

    def value_at(points: Values) -> Values:
        def picked(scenario: Scenario) -> Pick:
            if alone and scenario is not after:
                return lambda key, value: likely(value)
            middle = reference(scenario, name, likely)
            return lambda key, value: (
                _moved(likely(value), middle, points, key) if key[0] == name else likely(value)
            )

        return np.broadcast_to(worth(before, after, picked), points.shape)

    far = max(scale[name], 10 * abs(now)) if name not in scale or scale[name] > 1 else 1.0
    points = np.unique(np.append(far * np.linspace(0, 1, _STEPS) ** (1 if far == 1 else 4), now))
    values = value_at(points)
    here = float(values[np.searchsorted(points, now)])
    if np.ptp(values) <= 1e-9 * max(abs(here), 1.0):
        return BreakEven(name, now, float("nan"), "no_matter")
    crossing = np.flatnonzero(np.signbit(values[:-1]) != np.signbit(values[1:]))
    if not crossing.size:
        return BreakEven(name, now, float("nan"), "always" if here > 0 else "never")
    nearest = crossing[np.abs((points[crossing] + points[crossing + 1]) / 2 - now).argmin()]
    low, high = points[nearest], points[nearest + 1]
    for _ in range(_ZOOMS):
        points = np.linspace(low, high, _STEPS)
        signs = np.signbit(value_at(points))
        turn = int(np.flatnonzero(signs[:-1] != signs[1:])[0])
        low, high = points[turn], points[turn + 1]
    return BreakEven(name, now, float((low + high) / 2), "at")


def _of(scenario: Scenario, name: str) -> dict[Any, Number]:
    return {key[1]: value for key, value in numbers_of(scenario).items() if key[0] == name}


def _moved(value: float, middle: float, points: Values, key: Key) -> Values:
    """A group's value when the mean of all groups is moved: rates by points, the rest in step."""
    if key[1] is None:
        return points
    if key[0] == "attrition" or not middle:
        return np.asarray(value + (points - middle))
    return np.asarray(value * (points / middle))
