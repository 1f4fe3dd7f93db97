"""What is asked of a plan, checked at once: money, time, dates, rules, channels, control group."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

import numpy as np

from retention_lib.base.customer_base import CustomerBase
from retention_lib.decisions._journey_steps import CHANNELS, Step, load_steps
from retention_lib.decisions._pressure_contacts import PLAN
from retention_lib.decisions.contact_rules import ContactRules
from retention_lib.errors import ChoiceError, InputError
from retention_lib.masking import said_name
from retention_lib.wording import Language

if TYPE_CHECKING:
    from retention_lib.decisions.past_campaigns import PastEffect
    from retention_lib.decisions.ranges import Range

WEEKS = (1, 26)
MOST_HELD = 0.9
HOURS = 5.0
"""Hours a week for customers, where nobody says otherwise."""
_WEEK = 7


@dataclass(frozen=True, eq=False, kw_only=True)
class PlanSettings:
    """What was asked, checked.

    ``hours``: a number for every account manager, or a number for some of them by name.
    ``measured``: a save rate measured by lot that replaces the assumed one; ``measured_by`` the
    campaign it comes from. ``floor``: whether customers worth it hear from the company often
    enough even where that does not pay by itself. ``hold_out``: ``None`` is what it takes.
    """

    budget: float
    weeks: int
    start: date
    rules: ContactRules
    hours: float | Mapping[str, float]
    hour_cost: float
    hold_out: float | None
    explore: float
    seed: str
    steps: tuple[Step, ...]
    channels: tuple[str, ...]
    measured: Range | None
    measured_by: str
    uplift: Any
    floor: bool = True

    @property
    def plan_id(self) -> str:
        """The code of the plan: the same start and seed give the same code and the same lots."""
        code = f"{PLAN}{self.start.isoformat()}"
        if not self.seed:
            return code
        return f"{code}-{hashlib.blake2b(self.seed.encode(), digest_size=2).hexdigest()}"

    def minutes(self, owners: Sequence[str], marketing: str) -> np.ndarray[Any, Any]:
        """Minutes a week of each account manager, and last of those without one."""
        names = [*owners, marketing]
        if not isinstance(self.hours, Mapping):
            return np.full(len(names), 60.0 * self.hours)
        strangers = sorted(set(self.hours) - set(names))
        if strangers:
            known = [*(said_name(name, "owner") for name in owners), marketing]
            listed = ", ".join(repr(name) for name in known[:12])
            raise InputError(
                f"hours_per_week names {len(strangers)} account manager(s) that this base does "
                f"not have (first: {strangers[0]!r}); it has {listed}."
            )
        return np.array([60.0 * float(self.hours.get(name, HOURS)) for name in names])


def checked_settings(
    base: CustomerBase, asked: Mapping[str, Any], on_file: PastEffect | None = None
) -> PlanSettings:
    """The settings asked for, or an ``InputError`` that says what is wrong with them.

    ``on_file``: what a randomised campaign on file measured, used where nothing else is asked.
    """
    start = _start(base, asked["start"])
    measured, measured_by, uplift = _effects(asked["effects"], on_file)
    asked_out = asked["hold_out"]
    hold_out = None if asked_out is None else _share("hold_out", asked_out, MOST_HELD)
    return PlanSettings(
        budget=_amount("budget", asked["budget"], "10000"),
        weeks=_weeks(asked["weeks"]),
        start=start,
        rules=_rules(asked["rules"]),
        hours=_hours(asked["hours_per_week"]),
        hour_cost=_amount("hour_cost", asked["hour_cost"], "40"),
        hold_out=hold_out,
        explore=_share("explore", asked["explore"], 0.5),
        seed=_seed(asked["seed"]),
        steps=_steps(base, asked["steps"]),
        channels=_channels(asked["channels"]),
        measured=measured,
        measured_by=measured_by,
        uplift=uplift,
        floor=bool(asked.get("floor", True)),
    )


def _is_number(value: object) -> bool:
    if isinstance(value, bool | np.bool_) or not isinstance(value, Real):
        return False
    return bool(np.isfinite(float(value)))


def _amount(name: str, value: Any, example: str) -> float:
    if not _is_number(value) or float(value) < 0:
        raise InputError(
            f"{name} must be an amount of 0 or more in the base's currency, such as {example}; "
            f"got {value!r}."
        )
    return float(value)


def _share(name: str, value: Any, most: float) -> float:
    if not _is_number(value) or not 0 <= float(value) <= most:
        raise InputError(
            f"{name} must be a share from 0 to {most:g}, such as 0.10 for 10 %; got {value!r}."
        )
    return float(value)


def _weeks(value: Any) -> int:
    low, high = WEEKS
    whole = isinstance(value, Integral) and not isinstance(value, bool)
    if not whole or not low <= int(value) <= high:
        raise InputError(
            f"weeks must be a whole number from {low} to {high}, such as 4; got {value!r}."
        )
    return int(value)


def _start(base: CustomerBase, value: Any) -> date:
    if value is None:
        return base.as_of + timedelta(days=_WEEK - base.as_of.weekday())
    try:
        start = date.fromisoformat(value) if isinstance(value, str) else value
        start = start.date() if hasattr(start, "date") else start
        late = start <= base.as_of or start > base.as_of + timedelta(days=366)
    except (TypeError, ValueError, AttributeError):
        late = True
    if late:
        example = base.as_of + timedelta(days=_WEEK - base.as_of.weekday())
        raise InputError(
            f"start must be a day within a year after {base.as_of}, the day the base is seen "
            f"from, such as {example.isoformat()!r}; got {value!r}."
        )
    return start


def _rules(value: Any) -> ContactRules:
    if value is None:
        return ContactRules()
    if not isinstance(value, ContactRules):
        raise InputError(
            f"rules must be ContactRules, such as rl.ContactRules(most_in_30_days=2); got "
            f"{value!r}."
        )
    return value


def _hours(value: Any) -> float | Mapping[str, float]:
    given = value.items() if isinstance(value, Mapping) else [("", value)]
    wrong = [(name, hours) for name, hours in given if not _is_number(hours) or hours < 0]
    if wrong:
        raise InputError(
            f"hours_per_week must be hours of 0 or more, such as 5, or some by name, such as "
            f"{{'Julie Grandin': 8}}; got {value!r}."
        )
    if isinstance(value, Mapping):
        return {str(name): float(hours) for name, hours in value.items()}
    return float(value)


def _seed(value: Any) -> str:
    if not isinstance(value, str | int) or isinstance(value, bool):
        raise InputError(f"seed must be a text or a whole number, such as 'may'; got {value!r}.")
    return str(value)


@cache
def _usual_steps(language: Language) -> tuple[Step, ...]:
    return load_steps(language)


def _steps(base: CustomerBase, value: Any) -> tuple[Step, ...]:
    if value is None:
        return _usual_steps(base.wording.language)
    if isinstance(value, str) or hasattr(value, "__fspath__"):
        return load_steps(base.wording.language, value)
    given = tuple(value) if isinstance(value, Sequence) else ()
    if not given or not all(isinstance(step, Step) for step in given):
        raise InputError(
            f"steps must be the path of a table of steps, such as 'my_journeys.toml'; got "
            f"{type(value).__name__}."
        )
    return given


def _channels(value: Any) -> tuple[str, ...]:
    if value is None:
        return CHANNELS
    given = [value] if isinstance(value, str) else list(value)
    for one in given:
        if one not in CHANNELS:
            raise ChoiceError("channels", one, CHANNELS)
    if not given:
        raise InputError(f"channels must name at least one of {', '.join(CHANNELS)}; got none.")
    return tuple(channel for channel in CHANNELS if channel in given)


def _effects(value: Any, on_file: PastEffect | None) -> tuple[Range | None, str, Any]:
    """A measured save rate, the campaign it comes from, and what tells who responds."""
    from retention_lib.decisions.past_campaigns import PastEffect, PastEffectsResult

    if value is None or hasattr(value, "wins"):
        effect = on_file
    elif isinstance(value, PastEffectsResult):
        effect = value.default()
    elif isinstance(value, PastEffect):
        effect = value
    else:
        raise InputError(
            f"effects must be what a randomised campaign measured: the result of "
            f"rl.past_effects(base) or of rl.learn_uplift(base); got {type(value).__name__}."
        )
    uplift = value if getattr(value, "wins", False) else None
    if effect is None:
        return None, "", uplift
    return effect.save_rate, effect.campaign_id, uplift
