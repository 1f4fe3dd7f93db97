"""What-ifs on the whole base: a scenario of plain numbers, its projection, before and after.

A scenario is a frozen dataclass and everything made of it a pure function, so that what a slider
asks can be tested without a browser.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, Self, TypeAlias

from retention_lib.base.customer_base import CustomerBase, require_base
from retention_lib.decisions._scenario_checks import check_scenario, is_between, tidy
from retention_lib.decisions._scenario_compared import Comparison, compare_scenarios
from retention_lib.decisions._scenario_core import GROUPED, group_names, kind_of
from retention_lib.decisions._scenario_results import (
    Projection,
    StartingValues,
    list_starting_values,
    project_scenario,
)
from retention_lib.decisions._scenario_start import Retention, measure_start
from retention_lib.decisions._scenario_words import DEFAULTS, Source, yours
from retention_lib.decisions.ranges import Number, Range
from retention_lib.errors import ChoiceError, InputError
from retention_lib.wording import Wording

if TYPE_CHECKING:
    from retention_lib.decisions._scenario_core import Kind

Grouped: TypeAlias = "Number | tuple[Number, ...] | Mapping[str, Number]"
"""One number, or one for each tenure year (1st, 2nd, ... and older), or one for each segment."""

_NOT_NUMBERS = ("wording", "sources", "measure")


@dataclass(frozen=True, kw_only=True, repr=False)
class Scenario:
    """A customer base in numbers, as it is or as it could be: what a what-if is asked of.

    Each year opens with the customers of the year before. Of these ``attrition`` are gone at its
    end, those who come are counted at its end and cannot leave in it, as in the ledger of
    :func:`retention_lib.measure_flows`. Within a year customers fall by the same share every
    month and newcomers arrive evenly. Any number may be a :class:`Range`; everything uses its
    likely value unless it asks for uncertainty.

    ``customers``, ``attrition``, ``margin_per_customer`` and ``revenue_per_customer`` are one
    number, a tuple by tenure year (1st, 2nd, ...; the last holds for that year and older) or a
    mapping by segment. By tenure year, customers grow a year older every year and newcomers
    begin in the first. By segment, the mix stays that of the opening: persons change segments
    every year, and a mix left to itself would look more faithful from year to year.

    Parameters
    ----------
    customers
        How many there are at the opening. One number where the rest goes by tenure year: all of
        them begin in their first.
    attrition
        The share of those there at a year's opening who are gone at its end (0 to 1).
    margin_per_customer
        What a customer leaves a year, in the base's currency, before the costs below.
    revenue_per_customer
        What a customer buys for in a year; ``None`` where nobody knows. It changes no profit.
    points_kept
        Percentage points less attrition than that, in every tenure year or segment, never below
        0; the unsure effect of a programme as a range, apart from how unsure attrition itself is.
    new_per_year
        How many new customers are won a year; or
    new_share
        the same as a share of each year's opening customers. One of the two, or neither.
    won_back_per_year
        How many lost customers come back a year; winning them costs nothing.
    acquisition_cost
        What winning one new customer costs.
    programme_cost
        What a retention programme costs a year, whoever is there.
    programme_cost_per_customer
        What it costs a year for each customer there.
    discount_rate
        What money is worth less in a year (0.10 is 10 %), from the middle of each month.
    years
        How many years to look ahead (1 to 50).
    word_of_mouth
        New customers whom each customer there at a year's opening brings in it, at no cost.
    wording, sources, measure
        Set by :meth:`from_base`: the language and currency it speaks, where each value comes
        from, and ``revenue`` where no margin is known. They change no figure.

    Raises
    ------
    InputError
        Where a value cannot be; all that is wrong is said at once.

    Examples
    --------
    >>> base = Scenario(customers=1000, attrition=0.15, new_share=0.20, margin_per_customer=100)
    >>> [round(level) for level in project(base).to_frame()["customers"]]
    [1050, 1102, 1158, 1216, 1276]
    >>> base.keep_more(5)
    Scenario(customers=1000, attrition=0.1, margin_per_customer=100, new_share=0.2)
    """

    customers: Grouped
    attrition: Grouped
    margin_per_customer: Grouped
    revenue_per_customer: Grouped | None = None
    points_kept: Number = 0.0
    new_per_year: Number | None = None
    new_share: Number | None = None
    won_back_per_year: Number = 0.0
    acquisition_cost: Number = 0.0
    programme_cost: Number = 0.0
    programme_cost_per_customer: Number = 0.0
    discount_rate: Number = 0.10
    years: int = 5
    word_of_mouth: Number = 0.0
    wording: Wording = field(default_factory=lambda: Wording("en", ""), compare=False)
    sources: Mapping[str, Source] = field(default_factory=dict, compare=False)
    measure: str = field(default="margin", compare=False)
    """What ``margin_per_customer`` holds: ``revenue`` where the base knows no margin."""

    def __post_init__(self) -> None:
        check_scenario(self)
        for each in fields(self):
            if each.name not in _NOT_NUMBERS:
                object.__setattr__(self, each.name, tidy(getattr(self, each.name)))

    @classmethod
    def from_base(
        cls,
        base: CustomerBase,
        *,
        retention: Retention = "one",
        years: int = 5,
        discount_rate: Number = 0.10,
        **own: Any,
    ) -> Self:
        """The scenario of a base that goes on as it is: starting values measured on it.

        The trap: with ``one`` rate a customer who leaves counts like the mean customer, though
        those who leave usually bring less, so that keeping them looks worth too much; by
        ``segment`` each brings what its segment does.

        Parameters
        ----------
        base
            The customer base; nothing after its ``as_of`` is looked at.
        retention
            ``one`` rate for all, by ``tenure`` year, or by ``segment`` (those of ``score_rfm``).
        years
            How many years to look ahead (1 to 50).
        discount_rate
            What money is worth less in a year.
        own
            Any field of a scenario, to put your figure in the place of the measured one.

        Raises ``ChoiceError`` where ``retention`` is none of the three or there is no such field,
        and ``InputError`` where a value cannot be. What the base cannot tell gets a neutral value
        that :meth:`starting_values` names as such.
        """
        require_base(base)
        _check_fields(own)
        measured, sources, measure = measure_start(base, retention)
        for each in fields(cls):
            if each.name in DEFAULTS:
                said = base.wording.say(f"scenario.source.{each.name}.default")
                sources[each.name] = Source(each.default, said, "assumed")
        start = cls(**measured, wording=base.wording, sources=sources, measure=measure)
        return start.change(years=years, discount_rate=discount_rate, **own)

    def change(self, **changes: Any) -> Self:
        """The same scenario with other values; whatever is changed is called yours.

        >>> Scenario(customers=10, attrition=0.1, margin_per_customer=5).change(years=2).years
        2
        """
        _check_fields(changes)
        sources = dict(self.sources)
        for name, value in changes.items():
            sources[name] = yours(tidy(value), name, self.sources.get(name), self.wording)
        given = dict(changes)
        if "new_share" in given and given["new_share"] is not None:
            given.setdefault("new_per_year", None)
        elif "new_per_year" in given and given["new_per_year"] is not None:
            given.setdefault("new_share", None)
        return replace(self, **given, sources=sources)

    def keep_more(self, points: Number, *, where: str | int | None = None) -> Self:
        """That many percentage points less attrition, never below 0; fewer where negative.

        ``where`` names one segment or tenure year; without it all of them. So 5 turns 15 % into
        10 %, and 3 % into 0. A :class:`Range` is kept apart, as ``points_kept``, so that
        ``.risk()`` draws the effect and the attrition of today each for itself; it goes for
        everybody, and a later range takes the place of an earlier one.

        Raises ``InputError`` where ``points`` is no number from -100 to 100 nor a range of such,
        ``ChoiceError`` where there is no such segment or tenure year.
        """
        if isinstance(points, Range):
            if where is not None:
                raise InputError(
                    f"A range of points goes for everybody; for where={where!r} give one number "
                    f"such as {points.likely:g}."
                )
            return self.change(points_kept=points)
        if not is_between(points, -100, 100):
            raise InputError(
                f"points is how many percentage points less attrition, a number from -100 to 100 "
                f"such as 5; got {points!r}."
            )
        value: Any = self.attrition
        names = group_names(self)
        if where is not None and where not in names:
            raise ChoiceError("where", where, [name for name in names if name is not None])
        if where is None:
            return self.change(attrition=_each(value, lambda _, one: _less(one, points)))
        if not isinstance(value, tuple | dict):
            value = dict.fromkeys(names, value) if self.kind == "segment" else (value,)
        if isinstance(value, tuple):
            value = value + (value[-1],) * (len(names) - len(value))
        return self.change(
            attrition=_each(value, lambda n, one: _less(one, points) if n == where else one)
        )

    @property
    def kind(self) -> Kind:
        """How retention is told: ``one`` number, by ``tenure`` year or by ``segment``."""
        return kind_of(self)

    def starting_values(self) -> StartingValues:
        """Every value with its range and where it comes from: measured, yours, or not told."""
        return list_starting_values(self)

    def code(self) -> str:
        """Python that makes this scenario again, to paste into a notebook."""
        given = ",\n    ".join(self._given("rl."))
        return f"rl.Scenario(\n    {given},\n)"

    def __repr__(self) -> str:
        return f"Scenario({', '.join(self._given(''))})"

    def __hash__(self) -> int:
        return hash(repr(self))

    def _given(self, prefix: str) -> list[str]:
        """The fields that are not left at their default, as code."""
        said = []
        for each in fields(self):
            value = getattr(self, each.name)
            if each.name not in _NOT_NUMBERS and (each.default is MISSING or value != each.default):
                said.append(f"{each.name}={_written(value, prefix)}")
        return said


def project(scenario: Scenario) -> Projection:
    """Run a scenario: customers, gained, lost, revenue, margin, costs and profit, year by year.

    One row a year; ``.months()`` is the same by month and adds up to the same. Ranges stand for
    their likely value; ``.risk()`` draws them.

    Raises
    ------
    InputError
        Where ``scenario`` is no scenario.

    Examples
    --------
    >>> plain = Scenario(customers=100, attrition=0.5, margin_per_customer=12, years=2)
    >>> project(plain).to_frame()[["year", "customers", "lost"]].round(1)
       year  customers  lost
    0     1       50.0  50.0
    1     2       25.0  25.0
    """
    _require_scenario("scenario", scenario)
    return project_scenario(scenario)


def compare(before: Scenario, after: Scenario) -> Comparison:
    """Compare two scenarios year by year: both profits, their difference, and what it consists of.

    The difference is what changes against leaving things as they are, discounted: never the
    profit of ``after`` alone, most of which comes in either way.

    Raises
    ------
    InputError
        Where one is no scenario, or the two look at other numbers of years or other segments.

    Examples
    --------
    >>> base = Scenario(customers=1000, attrition=0.15, new_per_year=150, margin_per_customer=100)
    >>> better = compare(base, base.keep_more(5).change(programme_cost=8_000))
    >>> round(better.difference), better.payback_month
    (9520, 44)
    """
    _require_scenario("before", before)
    _require_scenario("after", after)
    return compare_scenarios(before, after)


def margin_multiple(retention: float, discount_rate: float) -> float:
    """How many yearly margins a customer is worth: r / (1 + i - r), the first a year from now.

    ``retention`` and ``discount_rate`` are shares a year (0 to 1). The trap: it takes one
    retention rate for ever; customers who stay become more faithful, so that it says too little
    for them. Gupta, Lehmann and Stuart 2004, doi 10.1509/jmkr.41.1.7.25084.

    Raises ``InputError`` where one is no share, or nothing is ever lost nor discounted.

    >>> round(margin_multiple(0.85, 0.12), 2), round(margin_multiple(0.90, 0.12), 2)
    (3.15, 4.09)
    """
    for name, value in (("retention", retention), ("discount_rate", discount_rate)):
        if not is_between(value, 0, 1):
            raise InputError(
                f"{name} is a share a year, a number from 0 to 1 such as 0.12 for 12 %; "
                f"got {value!r}."
            )
    if 1 + discount_rate - retention <= 0:
        raise InputError(
            "With a retention of 1 and no discount rate a customer pays for ever, which has no "
            "sum; pass a retention below 1 or a discount rate above 0."
        )
    return float(retention / (1 + discount_rate - retention))


def _require_scenario(name: str, value: object) -> None:
    if not isinstance(value, Scenario):
        raise InputError(
            f"{name} must be a Scenario, such as rl.Scenario.from_base(base); "
            f"got {type(value).__name__}."
        )


def _check_fields(given: Mapping[str, Any]) -> None:
    known = [each.name for each in fields(Scenario) if each.name not in _NOT_NUMBERS]
    for name in given:
        if name not in known:
            raise ChoiceError("a field of a Scenario", name, known)


def _each(value: Any, change: Any) -> Any:
    """The value of a grouped field with something done to each of its numbers."""
    if isinstance(value, tuple):
        return tuple(change(place, one) for place, one in enumerate(value, start=1))
    if isinstance(value, Mapping):
        return {name: change(name, one) for name, one in value.items()}
    return change(None, value)


def _less(value: Number, points: float) -> Number:
    def moved(share: float) -> float:
        # Rounded where floating numbers err, so that 0.15 less 5 points is 0.1.
        return min(max(round(float(share) - points / 100, 12), 0.0), 1.0)

    if isinstance(value, Range):
        return Range(moved(value.low), moved(value.likely), moved(value.high))
    return moved(value)


def _written(value: Any, prefix: str) -> str:
    if isinstance(value, Range):
        return f"{prefix}Range({value.low!r}, {value.likely!r}, {value.high!r})"
    if isinstance(value, tuple):
        inner = ", ".join(_written(one, prefix) for one in value)
        return f"({inner},)" if len(value) == 1 else f"({inner})"
    if isinstance(value, dict):
        inner = ", ".join(f"{name!r}: {_written(one, prefix)}" for name, one in value.items())
        return f"{{{inner}}}"
    return repr(value)


__all__ = [
    "GROUPED",
    "Comparison",
    "Grouped",
    "Projection",
    "Scenario",
    "Source",
    "StartingValues",
    "compare",
    "margin_multiple",
    "project",
]
