"""What weighing an offer gives: whom to contact, the profit curve, the naive choices beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from retention_lib.decisions._offer_facts import OfferFacts, say_days
from retention_lib.decisions._offer_inputs import Offer
from retention_lib.decisions._offer_weighing import Lists, Weighing, curve_sizes
from retention_lib.decisions.ranges import Range, Z
from retention_lib.portfolio.rfm import SKETCH_BELOW
from retention_lib.results import Result
from retention_lib.scoring._lifetime_results import about
from retention_lib.wording import Wording

_A_TENTH = 10
NAIVE = ("ours", "nobody", "everybody", "riskiest", "most_valuable", "at_random")


@dataclass(frozen=True, repr=False, eq=False)
class OfferResult(Result):
    """Whom to contact with an offer, one row a customer, the highest expected profit first.

    Columns: see :func:`retention_lib.evaluate_offer`. ``total, low, high`` are the expected
    profit of the recommended plan, its fixed cost taken off, with the 90 % range of what it will
    bring, and ``chance_of_loss`` the probability that it loses money. Where no plan is expected
    to earn anything the recommendation is to contact nobody, ``total`` is 0.
    """

    chart: ClassVar[str] = "offer_charts.plot_offer"
    formats: ClassVar[Mapping[str, str]] = {
        "churn_probability": "percent",
        "value_if_kept": "money",
        "expected_profit": "money",
        "profit_low": "money",
        "profit_high": "money",
        "break_even_save_rate": "percent",
    }

    offer: Offer = field(kw_only=True)
    facts: OfferFacts = field(kw_only=True)
    weighing: Weighing = field(kw_only=True)
    save_rate: Range = field(kw_only=True)
    """The save rate that was reckoned with."""
    effect_source: str = field(kw_only=True)
    """Where it is from: ``measured``, ``assumed`` or ``yours``; the last two are assumptions."""

    # --- figures -----------------------------------------------------------------------------

    @property
    def treated(self) -> int:
        """How many customers to contact."""
        return self.weighing.treated

    @property
    def best_share(self) -> float:
        """Share of the customers to contact; 0 is nobody, missing where there is nobody at all."""
        return self.treated / len(self.table) if len(self.table) else float("nan")

    @cached_property
    def _plan(self) -> Lists:
        return self.weighing.lists(self.weighing.order, np.array([self.treated]))

    @property
    def total(self) -> float:
        """Expected profit of the recommended plan."""
        return float(self._plan.profit[0]) if self.treated else 0.0

    @property
    def low(self) -> float:
        """The lower end of its 90 % range."""
        return float(self._plan.ends[0][0]) if self.treated else 0.0

    @property
    def high(self) -> float:
        """The upper end of its 90 % range."""
        return float(self._plan.ends[1][0]) if self.treated else 0.0

    @property
    def chance_of_loss(self) -> float:
        """The probability that the recommended plan loses money."""
        return float(self._plan.chance_of_loss[0]) if self.treated else 0.0

    @cached_property
    def break_even(self) -> float:
        """The save rate at which the recommended plan earns nothing.

        Where the plan is to contact nobody: the rate from which on some plan would earn
        something. Missing where none ever would.
        """
        return self.weighing.plan_break_even()

    @cached_property
    def given_away(self) -> float:
        """Money that goes to people who would have stayed: their contacts and incentives."""
        if not self.treated:
            return 0.0
        stayers = float((1 - self.table["churn_probability"][: self.treated]).sum())
        return stayers * (self.weighing.stayer_cost + self.offer.contact_cost)

    @cached_property
    def spent(self) -> float:
        """All that the plan is expected to cost: contacts, incentives taken, the fixed cost."""
        if not self.treated:
            return 0.0
        leavers = float(self.table["churn_probability"][: self.treated].sum())
        rate = max(self.save_rate.likely, 0.0)
        saved = leavers * rate * self.offer.incentive * self.offer.taken_by_saved
        lost = leavers * self.offer.contact_cost
        return self.given_away + saved + lost + self.offer.fixed_cost

    # --- further results ---------------------------------------------------------------------

    @cached_property
    def profit_curve(self) -> ProfitCurve:
        """Profit over the share of customers contacted, ours beside the naive orders."""
        weighing, customers = self.weighing, len(self.table)
        sizes = curve_sizes(customers, self.treated)
        ours = weighing.lists(weighing.order, sizes)
        low, high = ours.ends
        columns: dict[str, Any] = {
            "share": sizes / max(customers, 1),
            "contacted": sizes,
            "profit_ours": ours.profit,
            "profit_low": low,
            "profit_high": high,
            "profit_riskiest": weighing.lists(self.facts.riskiest, sizes).profit,
            "profit_most_valuable": weighing.lists(self.facts.most_valuable, sizes).profit,
            "profit_at_random": weighing.at_random(sizes).profit,
        }
        return ProfitCurve(
            pd.DataFrame(columns), wording=self.wording, assumptions=self.assumptions, of=self
        )

    def naive(self) -> Naive:
        """The recommended plan beside what one would do without it."""
        weighing, customers = self.weighing, len(self.table)
        same = self.treated or min(max(customers // _A_TENTH, 1), customers)
        chosen: dict[str, Lists] = {
            "ours": self._plan,
            "nobody": weighing.lists(weighing.order, np.array([0])),
            "everybody": weighing.lists(weighing.order, np.array([customers])),
            "riskiest": weighing.lists(self.facts.riskiest, np.array([same])),
            "most_valuable": weighing.lists(self.facts.most_valuable, np.array([same])),
            "at_random": weighing.at_random(np.array([same])),
        }
        if not customers:
            chosen = {}
        table = pd.DataFrame(
            {
                "plan": [self.wording.say(f"offers.naive.{code}") for code in chosen],
                "contacted": [int(lists.sizes[0]) for lists in chosen.values()],
                "plan_profit": [float(lists.profit[0]) for lists in chosen.values()],
                "profit_low": [float(lists.ends[0][0]) for lists in chosen.values()],
                "profit_high": [float(lists.ends[1][0]) for lists in chosen.values()],
                "chance_of_loss": [float(lists.chance_of_loss[0]) for lists in chosen.values()],
                "plan_code": list(chosen),
            }
        )
        return Naive(table, wording=self.wording, assumptions=self.assumptions, of=self)

    # --- words -------------------------------------------------------------------------------

    def sentence(self) -> str:
        """Whom to contact, what it may earn, what is given away, and how far that is known."""
        w = self.wording
        if self.table.empty:
            return self.facts.untold or w.say("offers.nobody")
        said = [self.finding() + ".", self.say_effect()]
        if self.treated:
            said += [self._say_given_away(), self.say_break_even()]
        else:
            said += [self.say_break_even()]
        said += [self._say_measure(), *self.facts.notes_for(self.effect_source)]
        return " ".join(filter(None, said))

    def finding(self) -> str:
        """The sentence in short, for a title."""
        w, told = self.wording, self._told()
        if self.table.empty:
            return self.facts.untold or w.say("offers.nobody")
        said = w.say("offers.finding" if self.treated else "offers.contact_nobody", **told)
        return self.sketched(said)

    def sketched(self, said: str) -> str:
        """Those words, called a sketch where customers are few."""
        if len(self.table) >= SKETCH_BELOW:
            return said
        return self.wording.say("offers.sketch", customers=len(self.table), finding=said)

    def title(self, finding: str = "") -> str:
        """A finding (by default what the plan earns) and, beside it, what it hangs on."""
        w = self.wording
        if self.table.empty:
            return self.sentence()
        key = "plan" if self.treated else "nobody"
        finding = finding or w.say(f"offers.title.{key}", **self._told())
        kind = "measured" if self.effect_source == "measured" else "assumed"
        rate = say_rate(self.save_rate, w, short=True)
        return self.sketched(w.say(f"offers.title.{kind}", finding=finding, rate=rate))

    def say_effect(self) -> str:
        """The save rate and whether it was measured or is an assumption."""
        return say_effect(self.facts, self.save_rate, self.effect_source)

    def say_break_even(self) -> str:
        """From which save rate on it pays."""
        w = self.wording
        if not self.break_even <= 1:
            return w.say("offers.break_even.never")
        key = "plan" if self.treated else "nobody"
        return w.say(f"offers.break_even.{key}", rate=w.percent(self.break_even))

    def _say_given_away(self) -> str:
        w = self.wording
        return w.say(
            "offers.given_away",
            given=about(self.given_away, w),
            spent=about(self.spent, w),
            share=w.percent(self.given_away / self.spent if self.spent else 0.0, decimals=0),
        )

    def _say_measure(self) -> str:
        if self.facts.measure == "margin" or self.offer.margin_rate is not None:
            return ""
        return self.wording.say("offers.revenue")

    def _told(self) -> dict[str, object]:
        w = self.wording
        return {
            "customers": len(self.table),
            "treated": self.treated,
            "share": w.percent(self.best_share, decimals=0) if len(self.table) else "",
            "total": about(self.total, w),
            "low": about(self.low, w),
            "high": about(self.high, w),
            "loss": w.percent(self.chance_of_loss, decimals=0),
            "horizon": say_days(self.facts.horizon_days, w),
        }

    def code(self) -> str:
        """The call that gives this result, to paste into a notebook."""
        made = self.offer
        if self.facts.effect is not None and self.effect_source == "yours":
            # These facts look as far as the effect was followed; a call of its own looks further.
            made = replace(made, horizon_days=self.facts.horizon_days)
        offer = repr(made).replace("Offer(", "rl.Offer(", 1).replace("Range(", "rl.Range(")
        return f"rl.evaluate_offer(base, {offer})"


def say_effect(facts: OfferFacts, rate: Range, source: str) -> str:
    """The save rate in words: measured, or an assumption."""
    w, effect, said = facts.wording, facts.effect, say_rate(rate, facts.wording)
    if source == "measured" and effect is not None:
        told = w.say(
            "offers.effect.measured", rate=said, campaign=effect.campaign_id, days=effect.days
        )
    else:
        told = w.say(f"offers.effect.{source}", rate=said)
    return f"{told} {w.say('offers.effect.below_zero')}" if rate.likely < 0 else told


def say_rate(rate: Range, wording: Wording, *, short: bool = False) -> str:
    """A save rate in words: 15 % (90 % sure: 5 % to 30 %)."""
    likely, low, high = (_percent(one, wording) for one in (rate.likely, rate.low, rate.high))
    if rate.low == rate.high:
        return likely
    key = "offers.rate_short" if short else "offers.rate"
    return wording.say(key, likely=likely, low=low, high=high)


def _percent(share: float, wording: Wording) -> str:
    """A share without decimals where it has none to show."""
    return wording.percent(share, decimals=0 if abs(100 * share - round(100 * share)) < 1e-9 else 1)


@dataclass(frozen=True, repr=False, eq=False)
class ProfitCurve(Result):
    """Profit over the share of customers contacted, one row a point of the curve.

    Columns: ``share`` (of the customers, 0 to 1), ``contacted``, ``profit_ours`` (highest
    expected profit first) with its 90 % range ``profit_low, profit_high``,
    ``profit_riskiest``, ``profit_most_valuable`` and ``profit_at_random``: expected profit, fixed
    cost taken off. ``of`` is the offer's result.
    """

    chart: ClassVar[str] = "offer_charts.plot_profit_curve"
    formats: ClassVar[Mapping[str, str]] = {
        "share": "percent",
        "contacted": "count",
        "profit_ours": "money",
        "profit_low": "money",
        "profit_high": "money",
        "profit_riskiest": "money",
        "profit_most_valuable": "money",
        "profit_at_random": "money",
    }

    of: OfferResult = field(kw_only=True)

    def sentence(self) -> str:
        """Where the curve is highest, and what contacting everybody would bring instead."""
        w, of = self.wording, self.of
        if self.table.empty or of.table.empty:
            return of.sentence()
        last = self.table.iloc[-1]
        ends = (last["profit_ours"], last["profit_low"], last["profit_high"])
        key = "offers.curve.best" if of.treated else "offers.curve.nobody"
        said = w.say(
            key,
            treated=of.treated,
            share=w.percent(of.best_share, decimals=0),
            total=_with_range((of.total, of.low, of.high), w, short=False),
            everybody=_with_range(ends, w, short=of.treated > 0),
            effect=of.say_effect(),
        )
        return of.sketched(said)


@dataclass(frozen=True, repr=False, eq=False)
class Naive(Result):
    """The recommended plan beside the naive choices, one row each.

    Columns: ``plan`` in words, ``contacted`` (customers), ``plan_profit`` (expected, fixed cost
    taken off) with its 90 % range ``profit_low, profit_high``, ``chance_of_loss`` and
    ``plan_code`` (``ours, nobody, everybody, riskiest, most_valuable, at_random``). The last
    three contact as many as the plan does; where it contacts nobody, a tenth of the customers.
    """

    chart: ClassVar[str] = "offer_charts.plot_naive"
    formats: ClassVar[Mapping[str, str]] = {
        "contacted": "count",
        "plan_profit": "money",
        "profit_low": "money",
        "profit_high": "money",
        "chance_of_loss": "percent",
    }
    hidden: ClassVar[tuple[str, ...]] = ("plan_code",)

    of: OfferResult = field(kw_only=True)

    def sentence(self) -> str:
        """How much more the plan earns than the best of the naive choices."""
        w, of = self.wording, self.of
        if self.table.empty:
            return of.sentence()
        key = "offers.naive_best" if of.treated else "offers.naive_nobody"
        return of.sketched(w.say(key, **self._told(ranges=True), effect=of.say_effect()))

    def finding(self) -> str:
        """The sentence in short, for a title."""
        if self.table.empty:
            return self.of.sentence()
        key = "naive_title" if self.of.treated else "naive_title_nobody"
        return self.wording.say(f"offers.chart.{key}", **self._told())

    def _told(self, *, ranges: bool = False) -> dict[str, str]:
        w, plans = self.wording, self.table.set_index("plan_code")
        best = str(plans["plan_profit"].drop(["ours", "nobody"]).idxmax())

        def said(plan: str, *, short: bool) -> str:
            profit, low, high = plans.loc[plan, ["plan_profit", "profit_low", "profit_high"]]
            return _with_range((profit, low, high), w, short=short) if ranges else about(profit, w)

        return {
            "ours": said("ours", short=False),
            "best": w.say(f"offers.naive.{best}"),
            "naive": said(best, short=self.of.treated > 0),
        }


def _with_range(ends: tuple[float, float, float], w: Wording, *, short: bool) -> str:
    """A profit with its range in words; ``short`` where another has said what a range is."""
    likely, low, high = (about(float(one), w) for one in ends)
    key = "offers.rate_short" if short else "offers.rate"
    return w.say(key, likely=likely, low=low, high=high)


def assumptions_of(facts: OfferFacts, offer: Offer, rate: Range, source: str) -> dict[str, object]:
    """What the plan is made under, offer and facts."""
    w = facts.wording
    made: dict[str, object] = {
        **facts.made_under,
        "offer_effect": say_effect(facts, rate, source),
        "offer_contact_cost": w.money(offer.contact_cost, decimals=2),
        "offer_incentive": w.money(offer.incentive, decimals=2),
        "offer_taken": w.say(
            "offers.taken",
            stayers=w.percent(offer.taken_by_stayers, decimals=0),
            saved=w.percent(offer.taken_by_saved, decimals=0),
        ),
        "offer_fixed_cost": w.money(offer.fixed_cost),
        "offer_margin": w.say(f"offers.measure.{facts.measure}"),
        "offer_spread": w.say(
            "offers.spread",
            leaving=w.percent(float(np.expm1(Z * facts.spread)), decimals=0),
            value=w.percent(float(np.expm1(Z * np.sqrt(facts.systematic))), decimals=0),
        ),
    }
    if offer.margin_rate is not None:
        made["offer_margin"] = w.say("offers.measure.yours", rate=w.percent(offer.margin_rate))
    if facts.refused:
        made["offer_refused"] = facts.refused
    if facts.unvalued:
        made["offer_unvalued"] = facts.unvalued
    notes = facts.notes_for(source)
    if notes:
        made["offer_note"] = " ".join(notes)
    return made
