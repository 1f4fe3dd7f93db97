"""The arithmetic of a scenario, for one set of values or ten thousand at once.

Everything is an array: fields that differ by tenure year or segment are ``(draws, groups)``, the
others ``(draws,)``; where a field is not drawn its first axis is 1 and numpy stretches it.

Within a year customers fall geometrically and newcomers arrive evenly, so that a month's mean
is known in closed form and twelve months are one weight for each group.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

import numpy as np

from retention_lib.decisions.ranges import Number, likely

if TYPE_CHECKING:
    from retention_lib.decisions.scenarios import Scenario

Values: TypeAlias = np.ndarray[Any, np.dtype[Any]]
Kind = Literal["one", "tenure", "segment"]
Key: TypeAlias = tuple[str, "int | str | None"]
"""A field, and the tenure year (from 1) or segment of it; ``None`` for a field of one value."""
Pick: TypeAlias = Callable[[Key, Number], "float | Values"]
"""What stands for an input: one number, or an array of one number a draw."""

MONTHS = 12
GROUPED = ("customers", "attrition", "margin_per_customer", "revenue_per_customer")
SINGLE = (
    *("points_kept", "new_per_year", "new_share", "won_back_per_year"),
    *("acquisition_cost", "programme_cost"),
    *("programme_cost_per_customer", "discount_rate", "word_of_mouth"),
)
SINGLE_VALUES = tuple(name for name in SINGLE if name != "points_kept")
"""What of these is an array of its own in :class:`ScenarioValues`."""
_ARRIVING = (2 * np.arange(MONTHS) + 1) / (2 * MONTHS)
"""Mean share of a year's newcomers who are there in each month of it."""


@dataclass(frozen=True)
class ScenarioValues:
    """The numbers of a scenario as arrays; ``new_share`` is 0 where newcomers are a number.

    ``points_kept`` is in ``attrition`` already.
    """

    kind: Kind
    years: int
    customers: Values
    attrition: Values
    margin_per_customer: Values
    revenue_per_customer: Values
    new_per_year: Values
    new_share: Values
    won_back_per_year: Values
    acquisition_cost: Values
    programme_cost: Values
    programme_cost_per_customer: Values
    discount_rate: Values
    word_of_mouth: Values


class Year(NamedTuple):
    """One year: customers at its opening by group, and who comes in it."""

    opening: Values
    new: Values
    """Newcomers that had to be won."""
    others: Values
    """Those who come back by themselves, and those whom customers bring."""


def group_names(scenario: Scenario) -> tuple[int | str | None, ...]:
    """The tenure years (from 1) or segments of a scenario; one ``None`` where it has no groups."""
    given = [getattr(scenario, name) for name in GROUPED]
    for value in given:
        if isinstance(value, dict):
            return tuple(value)
    longest = max((len(value) for value in given if isinstance(value, tuple)), default=0)
    return tuple(range(1, longest + 1)) if longest else (None,)


def kind_of(scenario: Scenario) -> Kind:
    """Whether a scenario goes by one number, by tenure year or by segment."""
    first = group_names(scenario)[0]
    return "one" if first is None else "tenure" if isinstance(first, int) else "segment"


def numbers_of(scenario: Scenario) -> dict[Key, Number]:
    """Every number a scenario is made of, by field and group; fields left out are not there."""
    found: dict[Key, Number] = {}
    for name in (*GROUPED, *SINGLE):
        value = getattr(scenario, name)
        if isinstance(value, dict):
            found.update({(name, group): one for group, one in value.items()})
        elif isinstance(value, tuple):
            found.update({(name, place): one for place, one in enumerate(value, start=1)})
        elif value is not None:
            found[name, None] = value
    return found


def values_of(
    scenario: Scenario,
    pick: Pick | None = None,
    *,
    groups: tuple[int | str | None, ...] | None = None,
) -> ScenarioValues:
    """A scenario as arrays: its likely values, or whatever ``pick`` says for each number.

    ``pick`` gets the field with its group and the number or range that stands there; it gives
    one number, or an array of one number a draw. Shares are kept between 0 and 1, what cannot be
    negative at 0 or above. ``groups`` are those to spread the fields over where another
    scenario, to be mixed with this one, has more of them.
    """
    picked = {
        key: np.atleast_1d(np.asarray(likely(value) if pick is None else pick(key, value), float))
        for key, value in numbers_of(scenario).items()
    }
    groups = groups or group_names(scenario)
    grouped = {name: _grouped(name, picked, groups) for name in GROUPED}
    single = {name: picked.get((name, None), np.zeros(1)) for name in SINGLE}
    less = single.pop("points_kept")[:, None] / 100
    grouped["attrition"] = np.clip(grouped["attrition"] - less, 0.0, 1.0)
    grouped["customers"] = np.maximum(grouped["customers"], 0.0)
    single = {name: np.maximum(value, 0.0) for name, value in single.items()}
    return ScenarioValues(kind=kind_of(scenario), years=scenario.years, **grouped, **single)


def _grouped(name: str, picked: dict[Key, Values], groups: tuple[int | str | None, ...]) -> Values:
    """One field as ``(draws, groups)``."""
    own = [picked[name, group] for group in groups if (name, group) in picked]
    alone = picked.get((name, None))
    if alone is not None:
        rest = [np.zeros(1)] if name == "customers" else [alone]
        own = [alone, *rest * (len(groups) - 1)]
    if not own:
        return np.full((1, len(groups)), np.nan)
    # The last tenure year given holds for all later ones; nobody is in those yet.
    rest = [np.zeros(1)] if name == "customers" else [own[-1]]
    own += rest * (len(groups) - len(own))
    return np.stack(np.broadcast_arrays(*own), axis=1)


def each_year(values: ScenarioValues) -> Iterator[Year]:
    """Year by year: who is there at the opening, and who comes."""
    there = values.customers
    total = there.sum(axis=1)
    mix = _shares(there, total)
    for _ in range(values.years):
        new = values.new_per_year + values.new_share * total
        others = values.won_back_per_year + values.word_of_mouth * total
        yield Year(there, new, others)
        kept, came = there * (1 - values.attrition), new + others
        if values.kind == "tenure":
            there = _a_year_older(kept, came)
        else:
            # Customers move between segments every year: the mix is kept, not the persons.
            there = (kept.sum(axis=1) + came)[:, None] * mix
        total = there.sum(axis=1)


def _shares(there: Values, total: Values) -> Values:
    even = np.full(there.shape, 1.0 / there.shape[1])
    held = total[:, None] > 0
    return np.where(held, there / np.where(held, total[:, None], 1.0), even)


def _a_year_older(kept: Values, came: Values) -> Values:
    """Everybody one tenure year on, the last one holding all older; newcomers in the first."""
    kept, came = np.broadcast_arrays(kept, came[:, None])
    older = np.empty_like(kept)
    older[:, 1:] = kept[:, :-1]
    older[:, 0] = came[:, 0]
    if older.shape[1] == 1:
        older[:, 0] += kept[:, 0]
    else:
        older[:, -1] += kept[:, -1]
    return older


def newcomer_shares(values: ScenarioValues) -> Values:
    """How newcomers spread over the groups: all in the first tenure year, or as the mix is."""
    if values.kind == "tenure":
        first = np.zeros((1, values.attrition.shape[1]))
        first[0, 0] = 1.0
        return first
    return _shares(values.customers, values.customers.sum(axis=1))


def discount_factors(rate: Values) -> Values:
    """What money of each month's middle in the first year is worth today: ``(draws, 12)``."""
    middle = (np.arange(MONTHS) + 0.5) / MONTHS
    factors: Values = (1 + rate)[:, None] ** -middle
    return factors


def stocks(attrition: Values) -> list[Values]:
    """The share of the opening customers who are there on average in each month of the year."""
    step = (1 - attrition) ** (1 / MONTHS)
    start, means = np.ones_like(step), []
    for _ in range(MONTHS):
        end = start * step
        means.append((start + end) / 2)
        start = end
    return means


def draw_profits(values: ScenarioValues) -> Values:
    """Discounted profit of each draw and year: an array of ``(draws, years)``.

    >>> import numpy as np
    >>> from retention_lib.decisions.scenarios import Scenario
    >>> plain = Scenario(customers=1, attrition=0, margin_per_customer=12_000, years=20,
    ...     discount_rate=0)
    >>> float(draw_profits(values_of(plain)).sum())
    240000.0
    """
    factors = discount_factors(values.discount_rate)
    earned = values.margin_per_customer - values.programme_cost_per_customer[:, None]
    weights = sum(
        share * factors[:, month, None] for month, share in enumerate(stocks(values.attrition))
    )
    a_head = earned * weights / MONTHS
    of_newcomer = (newcomer_shares(values) * earned).sum(axis=1) * (factors @ _ARRIVING) / MONTHS
    evenly = factors.mean(axis=1)
    profits = []
    for number, year in enumerate(each_year(values)):
        profit = (
            (year.opening * a_head).sum(axis=1)
            + (year.new + year.others) * of_newcomer
            - (year.new * values.acquisition_cost + values.programme_cost) * evenly
        )
        profits.append(profit * (1 + values.discount_rate) ** -number)
    return np.stack(np.broadcast_arrays(*profits), axis=1)


def month_by_month(values: ScenarioValues) -> dict[str, Values]:
    """The likely course, month by month: columns of ``12 x years`` values, for a single draw."""
    shares = np.stack([share[0] for share in stocks(values.attrition)])
    ends = (1 - values.attrition[0]) ** (np.arange(1, MONTHS + 1)[:, None] / MONTHS)
    arrived = np.arange(1, MONTHS + 1) / MONTHS
    spread = newcomer_shares(values)[0]
    cost = {name: float(getattr(values, name)[0]) for name in SINGLE_VALUES}
    factors = discount_factors(values.discount_rate)[0]
    years = []
    for number, year in enumerate(each_year(values)):
        opening, new = year.opening[0], float(year.new[0])
        came = new + float(year.others[0])
        mean = opening * shares + came * spread * _ARRIVING[:, None]
        left = (opening * ends).sum(axis=1)
        margin = (mean * values.margin_per_customer[0]).sum(axis=1) / MONTHS
        revenue = (mean * values.revenue_per_customer[0]).sum(axis=1) / MONTHS
        won = np.full(MONTHS, new * cost["acquisition_cost"] / MONTHS)
        programme = (
            cost["programme_cost"] + cost["programme_cost_per_customer"] * mean.sum(axis=1)
        ) / MONTHS
        profit = margin - won - programme
        years.append(
            {
                "customers": left + came * arrived,
                "gained": np.full(MONTHS, came / MONTHS),
                "lost": -np.diff(left, prepend=opening.sum()),
                "revenue": revenue,
                "margin": margin,
                "acquisition_costs": won,
                "programme_costs": programme,
                "costs": won + programme,
                "profit": profit,
                "discounted_profit": profit * factors * (1 + cost["discount_rate"]) ** -number,
            }
        )
    return {name: np.concatenate([year[name] for year in years]) for name in years[0]}
