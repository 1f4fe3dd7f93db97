"""What an idea concerns, what stands at stake there, and what it must bring to pay.

The same economics as the segments' what-if: the customers of a segment as they go on, against
the same with so many points more of them kept every year. Here the question is turned round: how
many points bring back just what the idea costs?
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from retention_lib.base.customer_base import CustomerBase
from retention_lib.decisions._risk_inputs import drawn_from, worth
from retention_lib.decisions._scenario_core import Pick
from retention_lib.decisions._scenario_facts import gather_facts
from retention_lib.decisions._scenario_ranges import mean_range
from retention_lib.decisions.ranges import LEVEL, Number, between, likely
from retention_lib.decisions.scenarios import Scenario
from retention_lib.decisions.segment_what_if import (
    DISCOUNT_RATE,
    YEARS,
    SegmentFacts,
    SegmentsFacts,
    gather_segments,
)
from retention_lib.errors import ChoiceError
from retention_lib.portfolio.schemes import shipped_schemes
from retention_lib.wording import LANGUAGES, Wording

if TYPE_CHECKING:
    from retention_lib.portfolio.intervals import Values

EVERYBODY = "all"
"""The segment of an idea that is for every active customer."""
DRAWS = 1_000
"""Enough for whole customers; an idea is no budget."""
_STEPS = 41
_NEVER = float("inf")


@dataclass(frozen=True)
class Needed:
    """What an idea must bring to pay: points of customers kept more, every year.

    ``likely`` (percentage points) and its range ``low, high``, nine times in ten; infinite where
    keeping everybody would not bring the cost back. ``kept``: the same as customers a year.
    ``each``: margin more a customer concerned and year that would pay as well.
    """

    low: float
    likely: float
    high: float
    kept_low: float
    kept: float
    kept_high: float
    each: float


@dataclass(frozen=True, eq=False)
class Concerned:
    """The customers that ideas may be for, measured once for a base."""

    base: CustomerBase

    @cached_property
    def facts(self) -> SegmentsFacts:
        """Every segment of the base, under both schemes that ship."""
        return gather_segments(self.base)

    @cached_property
    def segments(self) -> dict[str, SegmentFacts]:
        """Code to segment; everybody first."""
        return {EVERYBODY: self._everybody(), **{one.code: one for one in self.facts.segments}}

    def segment(self, code: str) -> SegmentFacts | None:
        """The segment of that code; none where this base has no such segment any more."""
        return self.segments.get(code)

    def code_of(self, asked: object) -> str:
        """The code of a segment given by its code or by its name in either language.

        Raises ``ChoiceError`` where there is none.
        """
        wanted = " ".join(str(asked or EVERYBODY).split())
        folded = wanted.casefold()
        for code, names in self._names().items():
            if folded in names:
                return code
        raise ChoiceError("segment", wanted, list(self._names()))

    def _names(self) -> dict[str, set[str]]:
        """Code to what it may be called; also of segments that nobody is in today."""
        words = {Wording(spoken).say("ideas.everybody").casefold() for spoken in LANGUAGES}
        names = {EVERYBODY: {EVERYBODY, *words}}
        taken: set[str] = set(names[EVERYBODY])
        for scheme in shipped_schemes().values():
            for one in scheme.segments:
                own = {one.name(spoken).casefold() for spoken in LANGUAGES} | {one.code.casefold()}
                code = f"{scheme.name}:{one.code}"
                # A name that two schemes share means the first of them.
                names[code] = {code.casefold()} | (own - taken)
                taken |= own
        return names

    def _everybody(self) -> SegmentFacts:
        people = gather_facts(self.base)
        brought = "margin" if people.basis.known else "revenue"
        margin: Number = mean_range(people.people[brought].to_numpy()) if people.customers else 0.0
        return SegmentFacts(
            code=EVERYBODY,
            name=self.base.wording.say("ideas.everybody"),
            customers=people.customers,
            active=people.customers,
            revenue_share=1.0,
            then=0,
            gone=0,
            attrition=self.facts.rate,
            margin=margin,
            own_rate=True,
            own_margin=True,
        )


def needed_gain(segment: SegmentFacts, cost: float, wording: Wording, measure: str) -> Needed:
    """The points to keep more every year, for so many years, that bring back ``cost`` a year.

    >>> shop = SegmentFacts("all", "all", 100, 100, 1.0, 0, 0, 0.2, 50.0, True, True)
    >>> found = needed_gain(shop, 0.0, Wording("en"), "margin")
    >>> found.likely, found.each
    (0.0, 0.0)
    """
    active = segment.active
    if not active:
        return Needed(_NEVER, _NEVER, _NEVER, _NEVER, _NEVER, _NEVER, each=_NEVER)
    if cost <= 0:
        return Needed(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, each=0.0)
    before = Scenario(
        customers=active,
        attrition=segment.attrition,
        margin_per_customer=segment.margin,
        new_per_year=round(active * likely(segment.attrition), 1),
        discount_rate=DISCOUNT_RATE,
        years=YEARS,
        wording=wording,
        measure=measure,
    )
    most = 100 * between(segment.attrition)[1]
    grid = np.linspace(0.0, most, _STEPS)
    pick = drawn_from((before,), DRAWS, seed=0)
    drawn = np.stack([worth(before, before.keep_more(points), pick) for points in grid])
    middle = np.stack([worth(before, before.keep_more(points), _as_likely) for points in grid])
    # The cost is paid every year, whoever stays.
    paid = -float(worth(before, before.change(programme_cost=cost), _as_likely)[0])
    roots = _crossings(grid, np.atleast_2d(drawn), paid)
    sides = (1 - LEVEL) / 2
    low, high = (float(np.quantile(roots, end, method="nearest")) for end in (sides, 1 - sides))
    mid = float(_crossings(grid, middle.reshape(len(grid), -1), paid)[0])
    low, high = min(low, mid), max(high, mid)
    one = active / 100
    return Needed(low, mid, high, low * one, mid * one, high * one, each=cost / active)


def _as_likely(_: Scenario) -> Pick:
    return lambda key, value: likely(value)


def _crossings(grid: Values, gains: Values, paid: float) -> Values:
    """Where each column of gains first reaches what is paid; infinite where it never does.

    ``grid`` are the points of the rows, ``gains`` has a column a draw.

    >>> _crossings(np.array([0.0, 1.0, 2.0]), np.array([[0.0, 0.0], [4.0, 1.0], [8.0, 2.0]]), 6.0)
    array([1.5, inf])
    """
    reached = gains >= paid
    first = np.argmax(reached, axis=0)
    never = ~reached.any(axis=0)
    after = np.clip(first, 1, None)
    columns = np.arange(gains.shape[1])
    low, high = gains[after - 1, columns], gains[after, columns]
    rise = np.where(high > low, high - low, 1.0)
    share = np.clip((paid - low) / rise, 0.0, 1.0)
    found: Values = grid[after - 1] + share * (grid[after] - grid[after - 1])
    return np.where(never, _NEVER, found)
