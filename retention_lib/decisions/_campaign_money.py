"""What a campaign brought, cost and left over, and what that is called."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from retention_lib.decisions._campaign_statistics import Estimate
from retention_lib.decisions._campaign_words import say_money
from retention_lib.decisions._holdout_power import needed_mean
from retention_lib.results import Listing
from retention_lib.wording import with_minus

if TYPE_CHECKING:
    import pandas as pd

    from retention_lib.wording import Wording

Measure = Literal["margin", "revenue"]
_MISSING = float("nan")


@dataclass(frozen=True)
class Money:
    """All customers contacted together: ``extra`` margin, ``cost``, ``net`` and ``roi``.

    ``measure`` is ``margin``, or ``revenue`` where the base knows no margins. ``cost`` is in the
    base's currency, that of contacts whose cost is not on file taken for the mean of the others;
    missing (NaN) where none is on file, and then so are ``net`` and ``roi`` (net over cost).
    """

    measure: Measure
    treated: int
    extra: Estimate
    cost: float
    costs_known: int

    @property
    def net(self) -> Estimate:
        """What is left of the extra margin after the cost."""
        return self.extra.less(self.cost)

    @property
    def roi(self) -> Estimate:
        """What is left over for each unit of cost; missing where it cost nothing."""
        return self.net.scaled(1 / self.cost if self.cost > 0 else _MISSING)

    @property
    def each(self) -> Estimate:
        """The extra margin a customer contacted."""
        return self.extra.scaled(1 / max(self.treated, 1))

    def verdict(self) -> tuple[str, str]:
        """``earned``, ``lost``, ``not_proved`` or ``cannot_tell``, and why it cannot."""
        if math.isnan(self.extra.low):
            return "cannot_tell", "nobody_bought"
        if math.isnan(self.cost):
            if self.extra.high < 0:
                return "lost", ""
            return ("cannot_tell", "no_cost") if self.extra.low > 0 else ("not_proved", "")
        if self.net.high < 0:
            return "lost", ""
        if self.net.low <= 0:
            return "not_proved", ""
        # Extra revenue above the cost is no profit yet.
        return ("earned", "") if self.measure == "margin" else ("cannot_tell", "no_margin")

    def words(self, wording: Wording) -> dict[str, str]:
        """Every figure as a sentence says it."""
        w, roi = wording, self.roi
        known = not math.isnan(self.cost)
        left = self.net if known else self.extra
        key = "campaigns.cost_known" if known else "campaigns.cost_unknown"
        rates = [min(self.cost / x, 9.99) if x > 0 else _MISSING for x in _ends(self.extra)]
        return {
            "measure": w.say(f"campaigns.measure.{self.measure}"),
            "extra": say_money(self.extra.value, w),
            "cost": w.say(key, cost=say_money(self.cost, w)),
            "net": say_money(left.value, w),
            "net_low": say_money(left.low, w),
            "net_high": say_money(left.high, w),
            "roi": w.say(
                "campaigns.roi",
                **{
                    name: with_minus(w.percent(value, decimals=0))
                    for name, value in zip(("low", "roi", "high"), _ends(roi), strict=True)
                },
            )
            if roi.value == roi.value
            else "",
            "each": with_minus(w.money(self.each.value, decimals=2)),
            "each_low": with_minus(w.money(self.each.low, decimals=2)),
            "each_high": with_minus(w.money(self.each.high, decimals=2)),
            "rate": w.percent(rates[1], decimals=0),
            "rate_high": w.percent(rates[0], decimals=0),
            "rate_low": w.percent(rates[2], decimals=0),
        }

    def say_cost(self, wording: Wording) -> str:
        """Where the cost comes from."""
        if math.isnan(self.cost):
            return wording.say("campaigns.cost_from.nowhere")
        key = "all" if self.costs_known == self.treated else "some"
        return wording.say(
            f"campaigns.cost_from.{key}",
            cost=wording.money(self.cost / max(self.treated, 1), decimals=2),
            known=self.costs_known,
            treated=self.treated,
        )

    def listing(self, said: str, wording: Wording, assumptions: Mapping[str, object]) -> Listing:
        """Extra margin, cost, what is left and the return, one row each."""
        import pandas as pd

        cost = Estimate(self.cost, self.cost, self.cost, 0.0)
        figures = {"extra": self.extra, "cost": cost, "net": self.net, "roi": self.roi}
        rows = []
        for code, estimate in figures.items():
            low, likely, high = _ends(estimate)
            key = f"extra_{self.measure}" if code == "extra" else code
            row: dict[str, Any] = {"earning": wording.say(f"campaigns.figure.{key}")}
            for name, value in (("likely", likely), ("low", low), ("high", high)):
                row[f"said_{name}"] = _said(value, code == "roi", wording)
            rows.append(row | {"earning_code": code, "likely": likely, "low": low, "high": high})
        return _Earnings(pd.DataFrame(rows), wording=wording, assumptions=assumptions, said=said)


class _Earnings(Listing):
    hidden: ClassVar[tuple[str, ...]] = ("earning_code", "likely", "low", "high")


def count_money(effect: Estimate, costs: pd.Series[Any], measure: Measure) -> Money:
    """The money of a campaign from its effect a customer and the cost of each contacted."""
    known = costs.dropna()
    cost = float(known.mean() * len(costs)) if len(known) else _MISSING
    return Money(measure, len(costs), effect.scaled(len(costs)), cost, len(known))


def further_customers(money: Money, treated: int, control: int) -> float:
    """How many customers in all would prove what is left over, were it as large as it looks.

    Missing where it is proved, or nothing is told; infinite where nothing is left either way.
    """
    if money.verdict()[0] != "not_proved" or min(treated, control) < 1:
        return _MISSING
    left = money.extra if math.isnan(money.cost) else money.net
    deviation = left.error / treated / math.sqrt(1 / treated + 1 / control)
    return needed_mean(deviation, left.value / treated, control / (treated + control))


def _ends(estimate: Estimate) -> tuple[float, float, float]:
    return estimate.low, estimate.value, estimate.high


def _said(value: float, share: bool, wording: Wording) -> str:
    if value != value:
        return "–"
    return with_minus(wording.percent(value, decimals=0)) if share else say_money(value, wording)
