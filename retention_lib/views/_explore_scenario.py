"""Try a scenario with sliders: what keeping more customers would be worth, and what it may cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from retention_lib.base.customer_base import CustomerBase, require_base
from retention_lib.decisions._risk import RiskByYear, risk_by_year
from retention_lib.decisions._risk_inputs import reference
from retention_lib.decisions._scenario_compared import Comparison, signed
from retention_lib.decisions._scenario_core import numbers_of
from retention_lib.decisions._scenario_results import DRAWS, has_ranges
from retention_lib.decisions._scenario_words import say_number
from retention_lib.decisions.ranges import Range, likely
from retention_lib.decisions.scenarios import Scenario, compare
from retention_lib.errors import InputError
from retention_lib.scoring._lifetime_results import about
from retention_lib.views import theme
from retention_lib.views._explorer_parts import nice_step
from retention_lib.views._explorer_picture import Band, Dot, Line, draw_lines
from retention_lib.views.drawing import unbroken
from retention_lib.views.widgets import (
    Control,
    Explorer,
    Figure,
    Slider,
    View,
    distinct_steps,
    growing_steps,
    make_steps,
)
from retention_lib.wording import Wording, with_minus

_MOST_POINTS, _LEAST_POINTS = 30.0, -5.0
_START_POINTS = 2.0
_MOST_YEARS = 20
_SHARED = ("acquisition_cost", "discount_rate", "years")
"""What holds before and after: a fact of the company, not the change that is tried."""


@dataclass(frozen=True)
class ScenarioSettings:
    """What the sliders of the scenario say; ``newcomers`` is a number a year, or a share."""

    points: float
    newcomers: float
    margin_per_customer: float
    programme_cost: float
    programme_cost_per_customer: float
    acquisition_cost: float
    years: float
    discount_rate: float


def explore_scenario(
    base: CustomerBase | None = None, *, scenario: Scenario | None = None
) -> ScenarioExplorer:
    """Sliders for a scenario: points of attrition less, newcomers, margin, costs, years.

    It compares the base as it goes on today with the base as the sliders say, and shows the extra
    profit with its 90 % range, the chance of losing money and when the change has paid for itself.
    That the change comes about as set is your assumption; nothing here measures an effect.

    Parameters
    ----------
    base
        The customer base whose measured values the sliders start from.
    scenario
        The scenario to start from instead of the one measured on ``base``.

    Raises
    ------
    InputError
        Where neither a base nor a scenario is given.

    Examples
    --------
    >>> from retention_lib.decisions.scenarios import Scenario
    >>> today = Scenario(customers=1000, attrition=0.15, margin_per_customer=100)
    >>> explorer = explore_scenario(scenario=today)
    >>> explorer.set(points=5, programme_cost=8_000, years=3)
    >>> explorer.scenario
    Scenario(customers=1000, attrition=0.1, margin_per_customer=100, programme_cost=8000.0, years=3)
    """
    if base is None and scenario is None:
        raise InputError(
            "explore_scenario needs a base or a scenario; pass rl.open_base(), or "
            "scenario=rl.Scenario(customers=1000, attrition=0.15, margin_per_customer=100)."
        )
    if base is not None:
        require_base(base)
    if scenario is not None and not isinstance(scenario, Scenario):
        raise InputError(
            f"scenario must be a Scenario, such as rl.Scenario.from_base(base); "
            f"got {type(scenario).__name__}."
        )
    today = scenario if scenario is not None else Scenario.from_base(base)  # type: ignore[arg-type]
    return ScenarioExplorer(today, measured_on_base=scenario is None)


class ScenarioExplorer(Explorer[ScenarioSettings]):
    """An explorer of a scenario: ``.before``, ``.scenario`` and ``.comparison()`` besides."""

    def __init__(self, today: Scenario, *, measured_on_base: bool) -> None:
        self.today, self._from_base = today, measured_on_base
        w = today.wording
        lost = max((likely(v) for k, v in numbers_of(today).items() if k[0] == "attrition"))
        nobody = reference(today, "customers", likely) <= 0 and not _newcomers(today)[1]
        super().__init__(
            w.say("explorer.scenario.title"),
            [] if nobody else _controls(today, lost),
            (lambda: _start(today)) if nobody else ScenarioSettings,
            (lambda _: View(w.say("explorer.scenario.nobody"))) if nobody else self._look_at,
            wording=w,
            start={} if nobody else {"points": min(_START_POINTS, 100 * lost)},
        )

    @property
    def before(self) -> Scenario:
        """The base as it goes on, over the years and at the discount rate of the sliders."""
        return _before(self.today, self.settings)

    @property
    def scenario(self) -> Scenario:
        """The base as the sliders say."""
        return _after(self.today, self.settings)

    def comparison(self) -> Comparison:
        """Both compared, year by year."""
        return compare(self.before, self.scenario)

    def _look_at(self, settings: ScenarioSettings) -> View:
        return look_at_scenario(self.today, settings, from_base=self._from_base)


# --- from sliders to scenarios ---------------------------------------------------------------


def _newcomers(today: Scenario) -> tuple[str, float]:
    """How newcomers are told, as a share or a number a year; and how many."""
    if today.new_per_year is None and today.new_share is not None:
        return "new_share", likely(today.new_share)
    return "new_per_year", likely(today.new_per_year or 0.0)


def _start(today: Scenario) -> ScenarioSettings:
    return ScenarioSettings(
        points=0.0,
        newcomers=_newcomers(today)[1],
        margin_per_customer=reference(today, "margin_per_customer", likely),
        programme_cost=likely(today.programme_cost),
        programme_cost_per_customer=likely(today.programme_cost_per_customer),
        acquisition_cost=likely(today.acquisition_cost),
        years=today.years,
        discount_rate=likely(today.discount_rate),
    )


def _before_changes(today: Scenario, settings: ScenarioSettings) -> dict[str, Any]:
    start = _start(today)
    return {
        name: _moved(getattr(today, name), getattr(start, name), getattr(settings, name), name)
        for name in _SHARED
        if getattr(settings, name) != getattr(start, name)
    }


def _after_changes(today: Scenario, settings: ScenarioSettings) -> dict[str, Any]:
    start, changes = _start(today), {}
    for name in ("newcomers", "margin_per_customer", "programme_cost",
                 "programme_cost_per_customer"):  # fmt: skip
        old, new = getattr(start, name), getattr(settings, name)
        if new != old:
            field = _newcomers(today)[0] if name == "newcomers" else name
            changes[field] = _moved(getattr(today, field), old, new, field)
    return changes


def _moved(value: Any, old: float, new: float, name: str) -> Any:
    """A field at its new level; a range, or one value a group, keeps its proportions."""
    if name == "years":
        return int(new)
    if isinstance(value, Mapping):
        return {group: _moved(one, old, new, name) for group, one in value.items()}
    if isinstance(value, tuple):
        return tuple(_moved(one, old, new, name) for one in value)
    if isinstance(value, Range):
        times = new / old if old > 0 else -1.0
        return new if times < 0 else Range(*(_short(v * times) for v in _three(value)))
    is_alone = value is None or float(value) == old
    return float(new) if is_alone or old == 0 else _short(float(value) * new / old)


def _three(value: Range) -> tuple[float, float, float]:
    return value.low, value.likely, value.high


def _short(value: float) -> float:
    """Six figures are plenty, and make code that a person reads."""
    return float(f"{value:.6g}")


def _before(today: Scenario, settings: ScenarioSettings) -> Scenario:
    changes = _before_changes(today, settings)
    return today.change(**changes) if changes else today


def _after(today: Scenario, settings: ScenarioSettings) -> Scenario:
    before = _before(today, settings)
    kept = before.keep_more(settings.points) if settings.points else before
    changes = _after_changes(today, settings)
    return kept.change(**changes) if changes else kept


def _code(today: Scenario, settings: ScenarioSettings, *, from_base: bool) -> str:
    given = _written(_before_changes(today, settings))
    if from_base:
        first = f"rl.Scenario.from_base(base{', ' + given if given else ''})"
    else:
        first = _before(today, settings).code()
    changes = _written(_after_changes(today, settings))
    kept = f".keep_more({settings.points:g})" if settings.points else ""
    changed = f".change({changes})" if changes else ""
    return f"before = {first}\nafter = before{kept}{changed}\nrl.compare(before, after)"


def _written(changes: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in changes.items()).replace(
        "Range(", "rl.Range("
    )


# --- the sliders -----------------------------------------------------------------------------


def _controls(today: Scenario, lost: float) -> list[Control]:
    w, start = today.wording, _start(today)
    margin, heads = abs(start.margin_per_customer), reference(today, "customers", likely)
    field, newcomers = _newcomers(today)
    whole_margin = max(margin * max(heads, newcomers, 1.0), 1.0)
    measured = "revenue" if today.measure == "revenue" else "margin"

    def slider(name: str, unit: str, high: float, *, low: float = 0.0, whole: bool = False,
               label: str = "", section: str = "") -> Slider:  # fmt: skip
        value = getattr(start, name)

        def say(number: float) -> str:
            return say_number(number, unit, w)

        made = (
            growing_steps(high, value)
            if unit.endswith(("cost", "cost_per_customer"))
            else make_steps(low, high, value, whole=whole)
        )
        steps = distinct_steps(made, value, say)
        said = label or w.say(f"explorer.scenario.{name}")
        return Slider(name, said, steps, value, say, w.say(section) if section else "")

    most = min(_MOST_POINTS, max(0.5, np.floor(200 * lost) / 2))
    points = Slider(
        "points",
        w.say("explorer.scenario.points", now=unbroken(w.percent(_mean_attrition(today)))),
        tuple(float(p) / 2 for p in range(int(2 * _LEAST_POINTS), int(2 * most) + 1)),
        0.0,
        lambda number: _say_points(number, w),
        w.say("explorer.scenario.changed"),
    )
    return [
        points,
        slider(
            "newcomers",
            field,
            1.0 if field == "new_share" else _round_up(max(2.5 * newcomers, 20.0)),
            whole=field == "new_per_year",
            label=w.say(f"explorer.scenario.{field}"),
        ),
        slider(
            "margin_per_customer",
            "margin_per_customer",
            _round_up(max(2 * margin, 1.0)),
            low=min(2 * start.margin_per_customer, 0.0),
            label=w.say(f"explorer.scenario.{measured}"),
        ),
        slider("programme_cost", "programme_cost", 0.25 * whole_margin),
        slider(
            "programme_cost_per_customer", "programme_cost_per_customer", max(0.5 * margin, 1.0)
        ),
        slider(
            "acquisition_cost",
            "acquisition_cost",
            max(2.5 * start.acquisition_cost, 2 * margin, 1.0),
            section="explorer.scenario.shared",
        ),
        slider("years", "years", _MOST_YEARS, low=1, whole=True),
        slider("discount_rate", "discount_rate", 0.30),
    ]


def _round_up(value: float) -> float:
    """The next number of two figures at most."""
    step = nice_step(value / 20)
    return float(np.ceil(value / step - 1e-9) * step)


def _mean_attrition(scenario: Scenario) -> float:
    return reference(scenario, "attrition", likely)


def _say_points(points: float, w: Wording) -> str:
    key = "less" if points > 0 else "more" if points < 0 else "same"
    size = abs(points)
    said = w.number(size, decimals=0 if size == round(size) else 1)
    return w.say(f"explorer.scenario.points_{key}", size=size, said=said)


# --- what they lead to -----------------------------------------------------------------------


def look_at_scenario(today: Scenario, settings: ScenarioSettings, *, from_base: bool) -> View:
    """What the explorer shows for one state: a pure function."""
    w = today.wording
    comparison = compare(_before(today, settings), _after(today, settings))
    code = _code(today, settings, from_base=from_base)
    if not comparison.changed():
        return _unchanged(comparison, code, w)
    said, payback = comparison.sentence(), _payback(comparison, w)
    risk = risk_by_year(comparison.before.scenario, comparison.after.scenario)
    low, high = (_signed(float(end[-1]), w) for end in (risk.low, risk.high))
    certain = not any(has_ranges(one.scenario) for one in (comparison.before, comparison.after))
    figures = (
        Figure(
            w.say("explorer.scenario.extra", years=len(comparison.table)),
            _signed(comparison.difference, w),
            "" if certain else w.say(
                "explorer.range", low=low, high=high
            ),
            "gain" if comparison.difference > 0 else "loss",
        ),
        Figure(
            w.say("explorer.scenario.loss"),
            _chance(risk.chance_of_loss, w),
            w.say("explorer.scenario.loss_note", cases=DRAWS),
        ),
        Figure(w.say("explorer.scenario.payback"), payback),
        _customers(comparison, w),
    )  # fmt: skip
    alt = w.say(
        "explorer.scenario.alt",
        sentence=said,
        payback=payback,
        low=low,
        high=high,
    )
    picture = _draw(comparison, risk, alt, w)
    return View(said, figures, picture, alt, code=code)


def _unchanged(comparison: Comparison, code: str, w: Wording) -> View:
    """The base as it goes on: how many customers there will be."""
    course = comparison.before
    opening = reference(course.scenario, "customers", likely)
    levels = [opening, *course.table["customers"]]
    title = w.say(
        "explorer.scenario.title_same",
        opening=round(opening),
        closing=round(levels[-1]),
        years=len(course.table),
    )
    picture = draw_lines(
        [Line(w.number(levels[-1]), range(len(levels)), levels, theme.STOCK)],
        title=title,
        alt=title,
        x_said=w.say("explorer.scenario.x"),
        y_said=w.say("explorer.scenario.y_customers"),
        say_x=lambda year: w.number(year, decimals=0 if year == round(year) else 1),
        say_y=lambda count: w.number(count, decimals=0 if count == round(count) else 1),
    )
    figures = (
        _customers(comparison, w),
        Figure(
            w.say("explorer.scenario.profit", years=len(course.table)),
            about(course.total_profit, w),
            w.say("explorer.scenario.profit_note"),
        ),
    )
    return View(w.say("explorer.scenario.unchanged"), figures, picture, title, code=code)


def _customers(comparison: Comparison, w: Wording) -> Figure:
    both = (comparison.before, comparison.after)
    before, after = (round(one.table["customers"].iloc[-1]) for one in both)
    note = ""
    if comparison.changed():
        note = w.say("explorer.scenario.instead", before=before)
    label = w.say("explorer.scenario.customers", years=len(comparison.table))
    return Figure(label, w.number(after), note)


def _payback(comparison: Comparison, w: Wording) -> str:
    month = comparison.payback_month
    if month is None:
        return w.say("explorer.scenario.never", years=len(comparison.table))
    return w.say("explorer.scenario.month" if month else "explorer.scenario.at_once", month=month)


def _chance(share: float, w: Wording) -> str:
    return w.percent(share, decimals=0 if 0.01 <= share <= 0.99 or share in (0.0, 1.0) else 1)


def _signed(amount: float, w: Wording) -> str:
    return signed(about(abs(amount), w), amount)


def _draw(comparison: Comparison, risk: RiskByYear, alt: str, w: Wording) -> str:
    course = [0.0, *comparison.by_month()["cumulated"]]
    years = np.arange(len(course)) / 12
    colour = theme.GAIN if course[-1] >= 0 else theme.LOSS
    total = _signed(course[-1], w)
    month = comparison.payback_month
    dots = [Dot(month / 12, course[month], w.say("explorer.scenario.dot", month=month))] if (
        month) else []  # fmt: skip
    return draw_lines(
        [
            Line(total, years.tolist(), course, colour),
        ],
        title=_title(comparison, w),
        alt=alt,
        x_said=w.say("explorer.scenario.x"),
        y_said=w.say("explorer.scenario.y"),
        say_x=lambda year: w.number(year, decimals=0 if year == round(year) else 1),
        say_y=lambda amount: with_minus(w.money(amount)),
        bands=[Band(range(len(risk.low) + 1), [0.0, *risk.low], [0.0, *risk.high], colour)],
        dots=dots,
    )


def _title(comparison: Comparison, w: Wording) -> str:
    key = "gain" if comparison.difference >= 0 else "loss"
    money = about(abs(comparison.difference), w)
    years = len(comparison.table)
    return w.say(f"explorer.scenario.title_{key}", money=money, years=years)
