"""What a base says of losing: a year's losses, five years, five points, and the reasons."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from retention_lib.base import engine
from retention_lib.decisions._claims_list import Evidence
from retention_lib.decisions.scenarios import margin_multiple
from retention_lib.portfolio import _lost_causes as causes
from retention_lib.portfolio._lost_found import Losses, find_losses
from retention_lib.portfolio.intervals import Values, share_interval
from retention_lib.portfolio.rfm import SKETCH_BELOW

if TYPE_CHECKING:
    from retention_lib.base.customer_base import CustomerBase
    from retention_lib.portfolio.flows import FlowsResult
    from retention_lib.wording import Wording

YEARS = 5
POINTS = 0.05
DISCOUNT_RATE = 0.10
_TEN = 0.10


@dataclass(frozen=True)
class YearLoss:
    """Customers lost in a year: how many of how many, and what the share could be, 95 % sure.

    ``said`` tells it in words. ``whole`` is false where the file begins too late to show all who
    were there, so that the share is a floor and nobody knows its upper end.
    """

    lost: int
    opening: int
    low: float
    high: float
    said: str
    whole: bool = True

    @property
    def share(self) -> float:
        """The share lost; missing where nobody was there."""
        return self.lost / self.opening if self.opening else float("nan")

    @property
    def few(self) -> bool:
        """Whether too few were there for a share to say anything."""
        return self.opening < SKETCH_BELOW


def lost_in_a_year(flows: FlowsResult, losses: Losses, wording: Wording) -> YearLoss:
    """The losses of the latest complete year; else of the twelve months up to the base's date."""
    if len(flows.table) and int(flows.table["opening"].iloc[-1]):
        latest = flows.table.iloc[-1]
        lost, opening, whole = int(latest["lost"]), int(latest["opening"]), True
        when = wording.say("claims.in_year", year=str(latest["period"]))
    else:
        lost, opening, whole = len(losses.lost), losses.opening, losses.whole
        when = wording.say("claims.in_months", start=wording.date(losses.start))
    low, high = share_interval(lost, opening)
    words = {"lost": lost, "opening": opening, "when": when}
    if not opening:
        said = wording.say("claims.loss.nobody", start=wording.date(losses.start))
    elif opening < SKETCH_BELOW:
        said = wording.say("claims.loss.few", **words)
    else:
        key = "claims.loss.share" if whole else "claims.loss.floor"
        said = wording.say(
            key,
            share=wording.percent(lost / opening),
            low=wording.percent(low),
            high=wording.percent(high),
            begins=wording.date(engine.day_of(losses.first_day)),
            **words,
        )
    return YearLoss(lost, opening, low, high if whole else 1.0, said, whole)


def ten_a_year(loss: YearLoss) -> Evidence:
    """A year's losses themselves."""
    if not loss.opening:
        return Evidence(loss.said)
    return Evidence(loss.said, loss.share, loss.low, loss.high, sure=not loss.few)


def half_in_five(base: CustomerBase, loss: YearLoss, losses: Losses) -> Evidence:
    """Five years' losses: seen where the file is long enough, else bounded by one year's.

    A year's rate kept up for five years is the most there can be of those there at its start:
    those who stay longer leave less, and some come back. One year's losses are the least.
    """
    w = base.wording
    if _is_long(base, losses):
        five = find_losses(base, 12 * YEARS)
        lost, opening = len(five.lost), five.opening
        if opening >= SKETCH_BELOW:
            low, high = share_interval(lost, opening)
            said = w.say(
                "claims.half.seen",
                lost=lost,
                opening=opening,
                start=w.date(five.start),
                share=w.percent(lost / opening),
                low=w.percent(low),
                high=w.percent(high),
            )
            return Evidence(said, lost / opening, low, high)
    if not loss.opening or loss.few:
        return Evidence(loss.said)
    if not loss.whole:
        said = w.say("claims.half.floor", low=w.percent(loss.low))
        return Evidence(said, low=loss.low, high=1.0)
    value, most = (1 - (1 - rate) ** YEARS for rate in (loss.share, loss.high))
    said = w.say(
        "claims.half.bounds",
        rate=w.percent(loss.share),
        share=w.percent(value, decimals=0),
        low=w.percent(loss.low, decimals=0),
        high=w.percent(most, decimals=0),
    )
    return Evidence(said, value, loss.low, most)


def _is_long(base: CustomerBase, losses: Losses) -> bool:
    """Whether all who were active five years ago can be seen."""
    start = base.as_of_day - round(365.25 * YEARS)
    return losses.first_day <= start - losses.window


def same_rate(losses: Losses, wording: Wording) -> Evidence:
    """Arithmetic, with what the mistake amounts to on this base."""
    lost = 1 - (1 - _TEN) ** YEARS
    active = int(losses.people["active"].sum())
    said = wording.say(
        "claims.same_rate.here" if active else "claims.same_rate.nobody",
        rate=wording.percent(_TEN, decimals=0),
        lost=wording.percent(lost),
        half=wording.percent(1 - 0.5 ** (1 / YEARS)),
        active=active,
        apart=round(active * (0.5 - lost)),
    )
    return Evidence(said, lost, lost, lost)


def five_points_worth(loss: YearLoss, wording: Wording) -> Evidence:
    """What five points more retention add to the worth of a customer's years.

    The margin multiple of Gupta, Lehmann and Stuart 2004, over all the retention could be.
    """
    if not loss.opening or loss.few or not loss.whole:
        return Evidence(wording.say("claims.five_points.unknown"))
    if loss.low < POINTS:
        words = {"share": loss.share, "low": loss.low, "high": loss.high}
        told = {name: wording.percent(share) for name, share in words.items()}
        return Evidence(wording.say("claims.five_points.less", **told))
    if loss.lost == loss.opening:
        return Evidence(wording.say("claims.five_points.all_lost", lost=loss.lost))
    value = float(_gain(np.array([1 - loss.share]))[0])
    # Not monotone: the gain is least where about half of the customers stay.
    could = _gain(np.linspace(max(1 - loss.high, 0.01), 1 - loss.low, 201))
    low, high = float(could.min()), float(could.max())
    said = wording.say(
        "claims.five_points.worth",
        before=wording.percent(1 - loss.share),
        after=wording.percent(1 - loss.share + POINTS),
        gain=wording.percent(value, decimals=0),
        low=wording.percent(low, decimals=0),
        high=wording.percent(high, decimals=0),
        rate=wording.percent(DISCOUNT_RATE, decimals=0),
    )
    return Evidence(said, value, low, high)


def _gain(retention: Values) -> Values:
    def worth(kept: float) -> float:
        return margin_multiple(kept, DISCOUNT_RATE)

    return np.array([worth(kept + POINTS) / worth(kept) - 1 for kept in retention.tolist()])


def want_of_contact(losses: Losses, wording: Wording) -> Evidence:
    """Of those lost, who is on file as having left for want of contact.

    The range holds whatever the unrecorded reasons were: from none of them to all of them.
    """
    lost = losses.lost
    total = len(lost)
    if not total:
        return Evidence(wording.say("claims.contact.nobody", start=wording.date(losses.start)))
    reasons = lost["closure_reason"] if "closure_reason" in lost else [None] * total
    read = [causes.read_cause(text)[0] for text in reasons]
    unknown = sum(cause in (causes.NONE, causes.OTHER, causes.SEVERAL) for cause in read)
    neglected, known = read.count("neglect"), total - unknown
    if not known:
        return Evidence(wording.say("claims.contact.unrecorded", lost=total))
    words = {"lost": total, "known": known, "neglected": neglected, "unknown": unknown}
    if total < SKETCH_BELOW:
        return Evidence(wording.say("claims.contact.few", **words))
    low = share_interval(neglected, total)[0]
    high = share_interval(neglected + unknown, total)[1]
    said = wording.say(
        "claims.contact.here",
        share=wording.percent(neglected / known, decimals=0),
        most=wording.percent((neglected + unknown) / total, decimals=0),
        **words,
    )
    return Evidence(said, neglected / known, low, high)
