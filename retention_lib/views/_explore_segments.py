"""The explorer of the segments: who is in each, who stays, what keeping more would be worth."""

from __future__ import annotations

import html
import math

from retention_lib.base.customer_base import CustomerBase
from retention_lib.decisions.ranges import between, likely
from retention_lib.decisions.segment_what_if import (
    DISCOUNT_RATE,
    YEARS,
    SegmentFacts,
    SegmentSettings,
    SegmentsFacts,
    SegmentWorth,
    gather_segments,
    what_if,
)
from retention_lib.portfolio.rfm import SKETCH_BELOW
from retention_lib.scoring._lifetime_results import about
from retention_lib.views import theme
from retention_lib.views._explorer_parts import Control
from retention_lib.views._explorer_picture import Bar, draw_bars
from retention_lib.views.widgets import (
    Choice,
    Explorer,
    Figure,
    Slider,
    View,
    distinct_steps,
    make_steps,
)
from retention_lib.wording import Wording

_MOST_POINTS = 20
_USUAL_POINTS = 5.0
_DEAREST = 0.5
"""The cost slider ends at this share of what an active customer of the base brings a year."""


class SegmentExplorer(Explorer[SegmentSettings]):
    """What keeping more of a segment would be worth; made by :func:`explore_segments`."""

    facts: SegmentsFacts

    def worth(self) -> SegmentWorth:
        """What the controls say, in numbers, with both scenarios behind it."""
        return what_if(self.facts, self.settings)


def explore_segments(base: CustomerBase) -> SegmentExplorer:
    """Try what keeping more customers of one segment would be worth, at what cost.

    The segments are those of :func:`retention_lib.score_rfm`, under both schemes that ship. A
    segment's customers, revenue, margin and chance to be still there a year later are measured
    on the base; how many more are kept is an assumption and is called one. The money is the
    difference of two :class:`retention_lib.Scenario` of the segment alone, a year on average of
    five, with the range that holds nine times in ten. Where nobody is active there is nothing to
    try, and the sentence says so.

    Parameters
    ----------
    base
        The customer base; nothing after its ``as_of`` is looked at.

    Raises
    ------
    InputError
        Where ``base`` is no customer base.

    Examples
    --------
    >>> import pandas as pd
    >>> lines = pd.DataFrame({"customer_id": ["a", "a", "b"], "amount": [10.0, 20.0, 5.0],
    ...     "date": pd.to_datetime(["2024-01-05", "2024-03-05", "2024-02-01"])})
    >>> explorer = explore_segments(CustomerBase.from_tables(lines))
    >>> explorer.settings.points
    5.0
    """
    facts = gather_segments(base)
    w = base.wording
    explorer = SegmentExplorer(
        w.say("segwhat.title"),
        _controls(facts) if facts.active else [],
        SegmentSettings if facts.active else lambda: SegmentSettings(""),
        (lambda settings: _look(facts, settings))
        if facts.active
        else (lambda _: View(said=w.say("segwhat.nobody", date=w.date(base.as_of)))),
        wording=w,
    )
    explorer.facts = facts
    return explorer


def _controls(facts: SegmentsFacts) -> list[Control]:
    w = facts.wording
    first = [one for one in facts.segments if one.scheme == facts.segments[0].scheme]
    brought = sum(one.active * likely(one.margin) for one in first) / facts.active
    cost_steps = make_steps(0.0, max(math.ceil(brought * _DEAREST), 1.0), 0.0, most=40)
    currency = f", {w.currency_symbol}" if w.currency_symbol else ""
    names = {
        one.code: w.say(f"segwhat.option.{one.scheme}", name=one.name) for one in facts.segments
    }
    return [
        Choice(
            "segment",
            w.say("segwhat.segment"),
            tuple(names),
            # The one that loses most money a year: where there is most to keep.
            max(first, key=lambda one: (one.at_risk, one.active)).code,
            names.__getitem__,
        ),
        Slider(
            "points",
            w.say("segwhat.points"),
            make_steps(0.0, _MOST_POINTS, _USUAL_POINTS, most=_MOST_POINTS + 1),
            _USUAL_POINTS,
            lambda points: _points(w, points),
        ),
        Slider(
            "cost",
            w.say("segwhat.cost", currency=currency),
            distinct_steps(cost_steps, 0.0, lambda cost: _cost(w, cost)),
            0.0,
            lambda cost: _cost(w, cost),
        ),
    ]


def _look(facts: SegmentsFacts, settings: SegmentSettings) -> View:
    w, segment = facts.wording, facts.segment(settings.segment)
    if not segment.active:
        key = "inactive" if segment.customers else "empty"
        said = w.say(f"segwhat.said.{key}", name=segment.name, customers=segment.customers)
        return View(said=said, figures=_figures_of(facts, segment), below=_assumed(facts))
    worth = what_if(facts, settings)
    said = _said(worth, settings, w)
    if facts.active < SKETCH_BELOW:
        said += " " + w.say("segwhat.sketch", active=facts.active)
    return View(
        said=said,
        figures=(*_figures_of(facts, segment), *_figures_of_worth(facts, worth)),
        chart=_draw(facts, worth, settings),
        alt=_alt(facts, worth),
        below=_assumed(facts),
        code=_code(settings, worth),
    )


# --- in words --------------------------------------------------------------------------------


def _said(worth: SegmentWorth, settings: SegmentSettings, w: Wording) -> str:
    segment, share = worth.segment, worth.segment.revenue_share
    counts = {"customers": segment.customers, "active": segment.active}
    who = w.say("segwhat.who", **counts)
    if share == share:
        who = w.say("segwhat.who_share", **counts, share=w.percent(share, decimals=0))
    money = {name: _a_year(getattr(worth, name), w) for name in ("low", "high")}
    told = {
        **money,
        "name": segment.name,
        "who": who,
        "worth": _a_year(worth.likely, w),
        "years": YEARS,
    }
    if not worth.points:
        key = "nobody_leaves" if settings.points else "only_cost" if settings.cost else "none"
        return w.say(f"segwhat.said.{key}", **told)
    said = w.say(
        "segwhat.said.loss" if worth.likely < 0 else "segwhat.said.full",
        **told,
        points=_points(w, worth.points),
        kept=_kept(worth.kept, w),
        active=segment.active,
    )
    if worth.points < settings.points:
        said += " " + w.say("segwhat.not_enough", points=_points(w, worth.points))
    return said


def _figures_of(facts: SegmentsFacts, segment: SegmentFacts) -> tuple[Figure, ...]:
    """What is known of the segment, whatever is tried."""
    w, share = facts.wording, segment.revenue_share
    figures = [
        Figure(
            w.say("segwhat.figure.customers"),
            w.number(segment.customers),
            w.say("segwhat.figure.active", active=segment.active),
        ),
        Figure(
            w.say("segwhat.figure.share"),
            w.percent(share) if share == share else "–",
            w.say("segwhat.figure.share_note" if share == share else "segwhat.figure.share_none"),
        ),
    ]
    if not segment.active:
        return tuple(figures)
    low, high = (1 - end for end in reversed(between(segment.attrition)))
    key = "own" if segment.own_rate else "all" if facts.looked_back else "short"
    there = w.say(
        f"segwhat.figure.there_{key}",
        **({"then": segment.then} if key != "short" else {}),
        **(
            {
                "stayed": segment.then - segment.gone,
                "low": w.percent(low, decimals=0),
                "high": w.percent(high, decimals=0),
            }
            if key == "own"
            else {}
        ),
    )
    stays = w.percent(1 - likely(segment.attrition), decimals=0)
    least, most = between(segment.margin)
    measure = _measure(facts)
    brings = w.say("segwhat.figure.margin_all", measure=measure)
    if segment.own_margin:
        brings = w.say(
            "segwhat.figure.margin_own", measure=measure, low=w.money(least), high=w.money(most)
        )
    return (
        *figures,
        Figure(w.say("segwhat.figure.there"), stays, there),
        Figure(w.say("segwhat.figure.margin"), w.money(likely(segment.margin)), brings),
    )


def _figures_of_worth(facts: SegmentsFacts, worth: SegmentWorth) -> tuple[Figure, ...]:
    """What the settings come to."""
    w = facts.wording
    tone = "gain" if worth.likely > 0 else "loss" if worth.likely < 0 else ""
    note = w.say(
        "segwhat.figure.worth_note",
        low=_a_year(worth.low, w),
        high=_a_year(worth.high, w),
        years=YEARS,
    )
    figures = [
        Figure(
            w.say("segwhat.figure.worth", measure=_measure(facts)),
            _a_year(worth.likely, w),
            note,
            tone,
        )
    ]
    if worth.points:
        figures.append(
            Figure(
                w.say("segwhat.figure.loss"),
                w.percent(worth.chance_of_loss, decimals=0),
                w.say("segwhat.figure.loss_note", points=_points(w, worth.points)),
            )
        )
    return tuple(figures)


def _assumed(facts: SegmentsFacts) -> str:
    """What the figures rest on, as HTML."""
    w = facts.wording
    said = [
        w.say(
            "segwhat.assumed",
            years=YEARS,
            rate=w.percent(DISCOUNT_RATE, decimals=0),
            source=facts.rate_source.rstrip("."),
        )
    ]
    if facts.measure == "revenue":
        said.append(w.say("segwhat.no_margin", measure=_measure(facts)))
    if not facts.whole_year:
        said.append(w.say("segwhat.short"))
    return f'<p style="font-size:.9em;opacity:.85;max-width:60em">{html.escape(" ".join(said))}</p>'


# --- the picture -----------------------------------------------------------------------------


def _draw(facts: SegmentsFacts, worth: SegmentWorth, settings: SegmentSettings) -> str:
    """What the same settings would be worth in each segment, the chosen one with its range."""
    w = facts.wording
    same = [facts.segment(code) for code in worth.by_segment]
    colours = theme.segment_colours([one.segment_code for one in same])
    bars = []
    for one in same:
        chosen, a_year = one.code == worth.segment.code, worth.by_segment[one.code] / YEARS
        ends = {"low": worth.low / YEARS, "high": worth.high / YEARS} if chosen else {}
        bars.append(
            Bar(
                one.name,
                a_year,
                about(a_year, w),
                colours[one.segment_code],
                strong=chosen,
                **ends,
            )
        )
    currency = f", {w.currency_symbol}" if w.currency_symbol else ""
    return draw_bars(
        bars,
        title=_title(facts, worth, settings),
        alt=_alt(facts, worth),
        axis=w.say("segwhat.chart.axis", measure=_measure(facts), currency=currency),
    )


def _title(facts: SegmentsFacts, worth: SegmentWorth, settings: SegmentSettings) -> str:
    w = facts.wording
    best = max(worth.by_segment, key=worth.by_segment.__getitem__)
    points = _points(w, settings.points)
    if not any(worth.by_segment.values()):
        return w.say("segwhat.chart.title_nothing")
    if not worth.by_segment[best] > 0:
        return w.say("segwhat.chart.title_none", points=points)
    return w.say(
        "segwhat.chart.title",
        points=points,
        name=facts.segment(best).name,
        worth=_a_year(worth.by_segment[best], w),
    )


def _alt(facts: SegmentsFacts, worth: SegmentWorth) -> str:
    w = facts.wording
    told = [
        f"{facts.segment(code).name} {_a_year(value, w)}"
        for code, value in worth.by_segment.items()
    ]
    return w.say("segwhat.chart.alt", bars=", ".join(told))


# --- figures in words ------------------------------------------------------------------------


def _a_year(total: float, w: Wording) -> str:
    return about(total / YEARS, w)


def _points(w: Wording, points: float) -> str:
    said = w.number(points, decimals=0 if float(points).is_integer() else 1)
    return w.say("segwhat.points_said", points=said, count=float(points))


def _cost(w: Wording, cost: float) -> str:
    return w.money(cost, decimals=0 if float(cost).is_integer() else 2)


def _kept(kept: float, w: Wording) -> str:
    return w.number(kept) if kept >= 1 else w.say("segwhat.under_one")


def _measure(facts: SegmentsFacts) -> str:
    return facts.wording.say(f"signals.{facts.measure}")


def _code(settings: SegmentSettings, worth: SegmentWorth) -> str:
    """Both scenarios and their comparison, to paste."""
    change = f"before.keep_more({settings.points:g})"
    if settings.cost:
        change += f".change(programme_cost_per_customer={settings.cost:g})"
    return f"before = {worth.before.code()}\nafter = {change}\nrl.compare(before, after).risk()"
