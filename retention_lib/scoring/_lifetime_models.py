"""The models of one day: how often each customer will buy, and what a purchase will bring."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from retention_lib.portfolio.intervals import Values
from retention_lib.scoring._lifetime_facts import YEAR
from retention_lib.scoring._lifetime_integral import NOTHING_LEFT, nodes, steps

if TYPE_CHECKING:
    import pandas as pd

    from retention_lib.scoring.purchase_models import BGNBD, ModifiedBGNBD

Kind: TypeAlias = Literal["mbgnbd", "bgnbd"]
KINDS: tuple[Kind, ...] = ("mbgnbd", "bgnbd")

FEWEST_REPEATERS = 30
"""With fewer customers who bought again than this, spends are not told apart: all get the mean."""

_FIRST_STEP = 180.0


@dataclass(frozen=True, eq=False)
class Histories:
    """What the purchase models read, each distinct history once."""

    distinct: pd.DataFrame
    place: Values
    """For each customer the row of its history in ``distinct``."""
    counts: Values

    @classmethod
    def of(cls, facts: pd.DataFrame, day: int) -> Histories:
        """The histories of these customers, seen from a day."""
        import pandas as pd

        repeats = facts["purchases"].to_numpy(dtype=np.int64) - 1
        first, last = (facts[name].to_numpy(dtype=np.int64) for name in ("first_day", "last_day"))
        span, age = last - first, day - first
        wide = int(age.max(initial=0)) + 1
        _, where, place, counts = np.unique(
            (repeats * wide + span) * wide + age,
            return_index=True,
            return_inverse=True,
            return_counts=True,
        )
        distinct = pd.DataFrame(
            {
                "repeat_purchases": repeats[where],
                "purchase_span_days": span[where],
                "age_days": age[where],
            }
        )
        return cls(distinct, place, counts)


@dataclass(frozen=True, eq=False)
class PurchaseForecast:
    """A fitted purchase model and the histories of the customers it forecasts."""

    kind: Kind
    model: BGNBD | ModifiedBGNBD
    histories: Histories

    @property
    def first_can_be_last(self) -> bool:
        """Whether a customer may stop after the first purchase already."""
        return self.kind == "mbgnbd"

    def expected(self, days: float) -> Values:
        """Purchases expected in so many days, one a customer."""
        expected: Values = self.model.expected_purchases(self.histories.distinct, days)
        return np.maximum(expected, 0.0)[self.histories.place]

    def p_alive(self) -> Values:
        """The probability of each customer that it has not stopped for good."""
        alive: Values = self.model.p_alive(self.histories.distinct)[self.histories.place]
        return alive

    def discounted(self, days: float, force: float) -> Values:
        """Expected purchases, each counted at what it is worth today, one a customer.

        ``force`` is the logarithm of the discount factor a day. The integral of
        ``exp(-force s) dE(s)``, by parts, by Gauss and Legendre step by step.
        """
        if not force:
            return self.expected(days)
        days = min(days, NOTHING_LEFT / force)
        whole: Values = np.exp(-force * days) * self.expected(days)
        for start, end in steps(days, force, _FIRST_STEP):
            for day, counts in nodes(start, end):
                whole = whole + counts * force * np.exp(-force * day) * self.expected(day)
        return whole


def fit_purchases(facts: pd.DataFrame, day: int, kind: Kind) -> PurchaseForecast:
    """The model of that kind, fitted on these customers as they stood on a day."""
    from retention_lib.scoring.purchase_models import fit_purchase_model

    known = Histories.of(facts, day)
    model = fit_purchase_model(known.distinct, kind=kind, sample_weight=known.counts)
    return PurchaseForecast(kind, model, known)


def trailing(facts: pd.DataFrame, begins: int, day: int, days: float) -> tuple[Values, Values]:
    """Purchases and net revenue of the last year (or of a shorter history) carried on."""
    seen = min(YEAR, day - begins + 1)
    purchases, revenue = (
        facts[name].to_numpy(dtype=float) * days / seen
        for name in ("year_purchases", "year_revenue")
    )
    return purchases, revenue


@dataclass(frozen=True, eq=False)
class Spend:
    """What a purchase of each customer is expected to bring, net of refunds.

    ``parameters`` are p, q and gamma of the Gamma-Gamma model, or ``None`` where too few
    customers bought again to tell one customer's spend from another's.
    """

    parameters: tuple[float, float, float] | None
    mean: float
    net_share: float
    draws: Values | None = None

    def expected(self, facts: pd.DataFrame) -> Values:
        """Per purchase and customer, refunds taken off."""
        count, value = bought(facts)
        flat = np.full(len(facts), self.mean)
        if self.parameters is None:
            return flat * self.net_share
        p, q, gamma = self.parameters
        with np.errstate(divide="ignore", invalid="ignore"):
            own = p * (gamma + count * value) / (p * count + q - 1)
        return np.where(p * count + q > 1.0, own, flat) * self.net_share


def bought(facts: pd.DataFrame) -> tuple[Values, Values]:
    """How often each customer bought, and what a purchase brought on average.

    The first purchase counts. Leaving it out, as is often done, throws away all that is known of
    the one-time buyers; on the four bases tried, ranking was better with it.
    """
    count = facts["purchases"].to_numpy(dtype=float)
    return count, facts["gross"].to_numpy(dtype=float) / count


def fit_spend(facts: pd.DataFrame, *, draws: int = 0, seed: int = 0) -> Spend:
    """The spend model of these customers."""
    gross, revenue = float(facts["gross"].sum()), float(facts["revenue"].sum())
    net_share = min(max(revenue / gross, 0.0), 1.0) if gross > 0 else 1.0
    mean = gross / max(int(facts["purchases"].sum()), 1)
    again = facts["purchases"] > 1
    if int(again.sum()) < FEWEST_REPEATERS:
        return Spend(None, mean, net_share)
    import pandas as pd

    from retention_lib.scoring.gamma_gamma import GammaGamma

    count, value = bought(facts)
    model = GammaGamma().fit(pd.DataFrame({"repeat_purchases": count, "mean_repeat_value": value}))
    known = model.parameters_
    drawn = model.draw_parameters(draws, seed) if draws else None
    return Spend((known["p"], known["q"], known["gamma"]), mean, net_share, drawn)
