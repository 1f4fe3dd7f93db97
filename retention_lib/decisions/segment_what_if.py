"""What keeping more of one segment would be worth, for every segment of a base.

What the base has to tell is measured once, for both segment schemes that ship; what a control
asks is then a pure function of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from retention_lib import progress
from retention_lib.base import engine
from retention_lib.base.customer_base import CustomerBase, require_base
from retention_lib.decisions._risk_inputs import at_likely
from retention_lib.decisions._scenario_facts import YEAR, Facts, gather_facts
from retention_lib.decisions._scenario_ranges import mean_range, share_range
from retention_lib.decisions.ranges import Number, likely
from retention_lib.decisions.scenarios import Scenario, compare
from retention_lib.errors import InputError
from retention_lib.portfolio._beginnings import first_day, seen_from
from retention_lib.portfolio.rfm import SKETCH_BELOW, RfmResult, score_rfm
from retention_lib.wording import Wording

if TYPE_CHECKING:
    import pandas as pd

SCHEMES = ("classic", "six")
YEARS = 5
"""How many years a segment is looked ahead."""
DISCOUNT_RATE = 0.10
DRAWS = 2_000
"""Enough for the ends of a range to hold still, and quick enough for a slider."""


@dataclass(frozen=True)
class SegmentSettings:
    """What is tried: ``points`` more kept of a segment, for so much a customer of it.

    ``segment``: scheme and code, such as ``"classic:champions"``. ``points``: percentage points
    a year by which its attrition is assumed to fall. ``cost``: what that costs a year for each
    customer of the segment, in the base's currency.
    """

    segment: str
    points: float = 5.0
    cost: float = 0.0


@dataclass(frozen=True)
class SegmentFacts:
    """What is known of one segment.

    ``code``: with the scheme before it. ``customers``: all of them; ``active``: those who can
    still be lost. ``revenue_share``: of all revenue on file, missing where there is none above
    zero. ``then, gone``: who was active in the segment a year ago, and how many of them are not
    today. ``attrition`` a year; where ``own_rate`` is false they were too few, or a year cannot
    be looked back on, and it is that of all customers. ``margin`` of an active customer a year;
    of all customers where ``own_margin`` is false.
    """

    code: str
    name: str
    customers: int
    active: int
    revenue_share: float
    then: int
    gone: int
    attrition: Number
    margin: Number
    own_rate: bool
    own_margin: bool

    @property
    def scheme(self) -> str:
        """The name of its scheme."""
        return self.code.partition(":")[0]

    @property
    def segment_code(self) -> str:
        """The segment's code without its scheme."""
        return self.code.partition(":")[2]

    @property
    def at_risk(self) -> float:
        """The margin of a year that leaves with those who leave."""
        return self.active * likely(self.attrition) * likely(self.margin)


@dataclass(frozen=True)
class SegmentsFacts:
    """The segments of a base under both schemes, and what their figures rest on.

    ``rate_source`` says where the attrition of all customers comes from. ``measure``: ``margin``,
    or ``revenue`` where the base knows no margin. ``whole_year``: whether the file holds a year.
    """

    segments: tuple[SegmentFacts, ...]
    active: int
    rate: Number
    rate_source: str
    looked_back: bool
    measure: str
    whole_year: bool
    wording: Wording

    def segment(self, code: str) -> SegmentFacts:
        """The segment of that code, scheme included."""
        return next(one for one in self.segments if one.code == code)


@dataclass(frozen=True)
class SegmentWorth:
    """What the settings are worth: the discounted difference over ``YEARS`` years.

    ``low, likely, high``: nine times in ten between the two. ``points``: as many as there are to
    keep. ``kept``: customers kept in the first year. ``by_segment``: the likely worth of the same
    settings in every segment of the scheme, by code.
    """

    segment: SegmentFacts
    before: Scenario
    after: Scenario
    points: float
    kept: float
    low: float
    likely: float
    high: float
    chance_of_loss: float
    by_segment: dict[str, float]


def gather_segments(base: CustomerBase) -> SegmentsFacts:
    """Measure every segment: customers, revenue, who left in the last year, yearly margin.

    The trap: the segments of the best customers lose fewest, so the same points are easier said
    than kept there; the points are an assumption in every segment.

    >>> import pandas as pd
    >>> lines = pd.DataFrame({"customer_id": ["a", "a", "b"], "amount": [10.0, 20.0, 5.0],
    ...     "date": pd.to_datetime(["2024-01-05", "2024-03-05", "2024-02-01"])})
    >>> facts = gather_segments(CustomerBase.from_tables(lines))
    >>> facts.active, facts.looked_back
    (2, False)
    """
    require_base(base)
    people = gather_facts(base)
    day = base.as_of_day - YEAR
    reaches = people.customers and day >= seen_from(first_day(base)) + base.activity_window_days - 1
    earlier = base.at(engine.day_of(day)) if reaches else None
    before = set(gather_facts(earlier).people["customer_id"]) if earlier is not None else set()
    gone = before - set(people.people["customer_id"])
    w = base.wording
    if before:
        rate: Number = share_range(len(gone), len(before))
        source = w.say("segwhat.rate_all", gone=len(gone), customers=len(before))
    else:
        start = Scenario.from_base(base)
        rate, source = cast("Number", start.attrition), start.sources["attrition"].said
    segments: list[SegmentFacts] = []
    with progress.steps(w, "segments", total=len(SCHEMES)) as step:
        for scheme in SCHEMES:
            step("scheme")
            now = _scored(base, scheme)
            then = _scored(earlier, scheme) if earlier is not None and before else None
            if now is not None:
                segments += _measured(now, then, people, before, gone, rate, w)
    return SegmentsFacts(
        segments=tuple(segments),
        active=people.customers,
        rate=rate,
        rate_source=source,
        looked_back=bool(before),
        measure="margin" if people.basis.known else "revenue",
        whole_year=people.whole_year,
        wording=w,
    )


def what_if(facts: SegmentsFacts, settings: SegmentSettings) -> SegmentWorth:
    """What the settings are worth; a pure function of the facts, in milliseconds.

    The segment is taken to be refilled every year by as many as leave it today. Those kept stay
    what the segment is: they bring its margin and leave at its rate.
    """
    segment = facts.segment(settings.segment)
    before, after = _both(facts, segment, settings)
    points = min(settings.points, likely(segment.attrition) * 100)
    risk = compare(before, after).risk(draws=DRAWS)
    same = [one for one in facts.segments if one.scheme == segment.scheme]
    return SegmentWorth(
        segment=segment,
        before=before,
        after=after,
        points=points,
        kept=segment.active * points / 100,
        # Where no more can be kept than leave, the likely course is among the best there are.
        low=min(risk.low, risk.likely),
        likely=risk.likely,
        high=max(risk.high, risk.likely),
        chance_of_loss=risk.chance_of_loss,
        by_segment={one.code: at_likely(*_both(facts, one, settings)) for one in same},
    )


def _both(
    facts: SegmentsFacts, segment: SegmentFacts, settings: SegmentSettings
) -> tuple[Scenario, Scenario]:
    """The segment as it goes on, and with more of it kept."""
    before = Scenario(
        customers=segment.active,
        attrition=segment.attrition,
        margin_per_customer=segment.margin,
        new_per_year=round(segment.active * likely(segment.attrition), 1),
        discount_rate=DISCOUNT_RATE,
        years=YEARS,
        wording=facts.wording,
        measure=facts.measure,
    )
    after = before.keep_more(settings.points)
    return before, after.change(programme_cost_per_customer=settings.cost)


def _scored(base: CustomerBase, scheme: str) -> RfmResult | None:
    """The segments of a day; none where nobody bought yet."""
    try:
        return score_rfm(base, bins=5 if scheme == "classic" else 3, scheme=scheme)
    except InputError:
        return None


def _measured(
    now: RfmResult,
    then: RfmResult | None,
    people: Facts,
    before: set[str],
    gone: set[str],
    rate: Number,
    wording: Wording,
) -> list[SegmentFacts]:
    """The segments of one scheme, in its order."""
    brought = "margin" if people.basis.known else "revenue"
    active = people.people.merge(now.table[["customer_id", "segment_code"]], on="customer_id")
    shares = now.profile().table.set_index("segment_code")["share_of_revenue"]
    sizes = now.table["segment_code"].value_counts()
    opening, left = _a_year_before(then, before), _a_year_before(then, gone)
    everybody = mean_range(people.people[brought].to_numpy()) if people.customers else 0.0
    found = []
    for segment in now.scheme.segments:
        money = active.loc[active["segment_code"] == segment.code, brought].to_numpy()
        counted, lost = opening(segment.code), left(segment.code)
        enough = counted >= SKETCH_BELOW
        found.append(
            SegmentFacts(
                code=f"{now.scheme.name}:{segment.code}",
                name=segment.name(wording.language),
                customers=int(sizes.get(segment.code, 0)),
                active=len(money),
                revenue_share=float(shares.get(segment.code, float("nan"))),
                then=counted,
                gone=lost,
                attrition=share_range(lost, counted) if enough else rate,
                margin=mean_range(money) if len(money) >= SKETCH_BELOW else everybody,
                own_rate=enough,
                own_margin=len(money) >= SKETCH_BELOW,
            )
        )
    return found


def _a_year_before(then: RfmResult | None, who: set[str]) -> Callable[[str], int]:
    """How many of ``who`` were in a segment on the earlier day."""
    if then is None:
        return lambda _: 0
    counts: pd.Series[int] = then.table.loc[
        then.table["customer_id"].isin(who), "segment_code"
    ].value_counts()
    return lambda code: int(counts.get(code, 0))
