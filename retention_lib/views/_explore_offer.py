"""Try an offer with sliders: whom it pays to contact, what it may earn, what it gives away."""

from __future__ import annotations

import html
from dataclasses import dataclass, replace

from retention_lib.base.customer_base import CustomerBase, require_base
from retention_lib.decisions.offers import (
    Offer,
    OfferFacts,
    OfferResult,
    gather_facts,
    weigh_offer,
)
from retention_lib.decisions.ranges import Range
from retention_lib.errors import InputError
from retention_lib.scoring._lifetime_results import about
from retention_lib.views import theme
from retention_lib.views._explorer_picture import Band, Dot, Line, draw_lines
from retention_lib.views.widgets import (
    Control,
    Explorer,
    Figure,
    Slider,
    Span,
    View,
    distinct_steps,
    growing_steps,
    make_steps,
)
from retention_lib.wording import Wording, with_minus

_HIGHEST_RATE = 0.6
_ORDERS = (
    ("ours", theme.KEPT, ""),
    ("riskiest", theme.LOSS, "9 4"),
    ("most_valuable", "#6F4A66", "2 4"),
    ("at_random", theme.NEUTRAL, "9 4 2 4"),
)
"""Each order of contacting: its column, its colour, how its line is broken."""


@dataclass(frozen=True)
class OfferSettings:
    """What the sliders of the offer say: money in the base's currency, shares of 1."""

    contact_cost: float
    incentive: float
    taken_by_stayers: float
    fixed_cost: float
    save_rate: float
    save_range: tuple[float, float]


def explore_offer(
    base: CustomerBase | None = None, *, facts: OfferFacts | None = None
) -> OfferExplorer:
    """Sliders for an offer: its costs, who takes it, how many it keeps.

    It shows whom to contact, the expected profit with its 90 % range, the money that goes to
    people who would have stayed anyway, and the profit curve beside the naive choices. The
    customers' chances of leaving and their values are worked out once, which takes some seconds.
    The save rate starts at what a randomised campaign has measured, where one is on file;
    otherwise it is an assumption and called one.

    Parameters
    ----------
    base
        The customer base; nothing after its ``as_of`` is looked at.
    facts
        What :func:`retention_lib.decisions.offers.gather_facts` gave, to be spared the wait.

    Raises
    ------
    InputError
        Where neither a base nor facts are given.

    Examples
    --------
    >>> import numpy as np
    >>> from retention_lib.decisions.offers import OfferFacts
    >>> facts = OfferFacts(customer_id=np.array(["a", "b"]), probability=np.array([0.5, 0.1]),
    ...     value=np.array([100.0, 100.0]), horizon_days=365)
    >>> explorer = explore_offer(facts=facts)
    >>> explorer.set(contact_cost=5, incentive=0, save_rate=0.2, save_range=(0.2, 0.2))
    >>> explorer.offer
    Offer(contact_cost=5.0, save_rate=0.2)
    >>> explorer.result().treated
    1
    """
    if facts is None:
        if base is None:
            raise InputError("explore_offer needs a base; pass rl.open_base(), or facts=...")
        require_base(base)
        facts = gather_facts(base)
    if not isinstance(facts, OfferFacts):
        raise InputError(
            f"facts must be what gather_facts(base) gives; got {type(facts).__name__}."
        )
    return OfferExplorer(facts)


class OfferExplorer(Explorer[OfferSettings]):
    """An explorer of an offer: ``.offer`` and ``.result()`` besides."""

    def __init__(self, facts: OfferFacts) -> None:
        self.facts = facts
        w = facts.wording
        untold = facts.untold or w.say("offers.nobody")
        super().__init__(
            w.say("explorer.offer.title"),
            _controls(facts) if len(facts) else [],
            OfferSettings if len(facts) else (lambda: _start(facts)),
            self._look_at if len(facts) else (lambda _: View(untold)),
            wording=w,
        )

    @property
    def offer(self) -> Offer:
        """The offer as the sliders say."""
        return offer_of(self.facts, self.settings)

    def result(self) -> OfferResult:
        """That offer weighed: one row a customer."""
        return weigh_offer(self.facts, self.offer)

    def _look_at(self, settings: OfferSettings) -> View:
        return look_at_offer(self.facts, settings)


def offer_of(facts: OfferFacts, settings: OfferSettings) -> Offer:
    """The offer that the sliders say; the save rate is left open while it is where it started."""
    start = facts.starting_offer()
    low, high = settings.save_range
    likely = settings.save_rate
    rate: float | Range | None = Range(min(low, likely), likely, max(high, likely))
    if low == high == likely:
        rate = likely
    if (likely, low, high) == _start_rate(facts):
        rate = start.save_rate
    return replace(
        start,
        contact_cost=settings.contact_cost,
        incentive=settings.incentive,
        taken_by_stayers=settings.taken_by_stayers,
        fixed_cost=settings.fixed_cost,
        save_rate=rate,
    )


def _start(facts: OfferFacts) -> OfferSettings:
    """What the sliders begin with."""
    offer, (likely, low, high) = facts.starting_offer(), _start_rate(facts)
    return OfferSettings(
        contact_cost=offer.contact_cost,
        incentive=offer.incentive,
        taken_by_stayers=offer.taken_by_stayers,
        fixed_cost=offer.fixed_cost,
        save_rate=likely,
        save_range=(low, high),
    )


def _start_rate(facts: OfferFacts) -> tuple[float, float, float]:
    """Likely, low and high save rate to begin with, as finely as one would set them."""
    rate = facts.save_rate_of(facts.starting_offer())[0]
    return round(rate.likely, 3), round(rate.low, 3), round(rate.high, 3)


def _controls(facts: OfferFacts) -> list[Control]:
    w, start = facts.wording, facts.starting_offer()
    source = facts.save_rate_of(start)[1]
    likely, low, high = _start_rate(facts)
    dearest = max(20 * start.contact_cost, 4 * start.incentive, 1.0)

    def money(amount: float) -> str:
        return w.money(amount, decimals=2 if amount != round(amount) else 0)

    def share(value: float) -> str:
        fine = 1 if round(100 * value, 6) != round(100 * value) else 0
        return with_minus(w.percent(value, decimals=fine))

    def cost(name: str, high: float) -> Slider:
        value = float(getattr(start, name))
        steps = distinct_steps(growing_steps(high, value), value, money)
        return Slider(name, w.say(f"explorer.offer.{name}"), steps, value, money)

    highest = min(max(_HIGHEST_RATE, high), 1.0)
    rates = {low, high, *make_steps(min(0.0, low), highest, likely, most=61)}
    steps = tuple(sorted(rates))
    known = w.say(f"explorer.offer.{'measured' if source == 'measured' else 'assumed'}")
    return [
        cost("contact_cost", dearest),
        cost("incentive", 2 * dearest),
        Slider(
            "taken_by_stayers",
            w.say("explorer.offer.taken_by_stayers"),
            make_steps(0.0, 1.0, start.taken_by_stayers, most=21),
            start.taken_by_stayers,
            share,
        ),
        cost("fixed_cost", max(dearest * len(facts) / 4, 100.0)),
        Slider("save_rate", w.say("explorer.offer.save_rate"), steps, likely, share, known),
        Span("save_range", w.say("explorer.offer.save_range"), steps, (low, high), share),
    ]


def look_at_offer(facts: OfferFacts, settings: OfferSettings) -> View:
    """What the explorer shows for one state: a pure function."""
    w = facts.wording
    result = weigh_offer(facts, offer_of(facts, settings))
    said = f"{result.finding()}. {result.say_effect()}"
    picture, alt = _draw(result, w)
    notes = [w.say("offers.revenue")] if facts.measure == "revenue" else []
    below = "".join(
        f"<p>{html.escape(note)}</p>" for note in (*notes, *facts.notes_for(result.effect_source))
    )
    return View(said, _figures(result, w), picture, alt, below, result.code())


def _figures(result: OfferResult, w: Wording) -> tuple[Figure, ...]:
    rate = result.break_even
    tells = rate == rate and rate <= 1
    return (
        Figure(
            w.say("explorer.offer.contact"),
            w.number(result.treated) if result.treated else w.say("explorer.offer.nobody"),
            w.say("explorer.offer.of", customers=len(result.table),
                  share=w.percent(result.best_share, decimals=0)),
        ),
        Figure(
            w.say("explorer.offer.profit"),
            about(result.total, w),
            w.say(
                "explorer.offer.profit_range",
                low=about(result.low, w),
                high=about(result.high, w),
                loss=w.percent(result.chance_of_loss, decimals=0),
            ) if result.treated else w.say("explorer.offer.nothing_spent"),
            "gain" if result.total > 0 else "",
        ),
        Figure(
            w.say("explorer.offer.given_away"),
            about(result.given_away, w),
            w.say("explorer.offer.of_spent", spent=about(result.spent, w)),
        ),
        Figure(
            w.say("explorer.offer.break_even"),
            w.percent(rate) if tells else w.say("explorer.offer.none"),
            w.say("explorer.offer.rate_now", rate=w.percent(result.save_rate.likely)),
        ),
    )  # fmt: skip


def _draw(result: OfferResult, w: Wording) -> tuple[str, str]:
    curve = result.profit_curve
    table = curve.table
    shares = table["share"].tolist()
    lines = [
        Line(
            w.say(f"explorer.offer.order.{name}"),
            shares,
            table[f"profit_{name}"].tolist(),
            colour,
            dashes=dashes,
        )
        for name, colour, dashes in _ORDERS
    ]
    best = Dot(
        result.best_share,
        result.total,
        w.say("explorer.offer.best", share=w.percent(result.best_share, decimals=0)),
    )
    title = w.say(
        "explorer.offer.title_best" if result.treated else "explorer.offer.title_nobody",
        share=w.percent(result.best_share, decimals=0),
        total=about(result.total, w),
    )
    alt = w.say("explorer.offer.alt", title=title, sentence=curve.sentence())
    band = Band(shares, table["profit_low"].tolist(), table["profit_high"].tolist(), theme.KEPT)
    picture = draw_lines(
        lines,
        title=title,
        alt=alt,
        x_said=w.say("explorer.offer.x"),
        y_said=w.say("explorer.offer.y"),
        say_x=lambda share: w.percent(share, decimals=0),
        say_y=lambda amount: with_minus(w.money(amount)),
        bands=[band],
        dots=[best],
        key=True,
    )
    return picture, alt
