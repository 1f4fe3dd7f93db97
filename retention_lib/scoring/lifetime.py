"""What each customer is worth: purchases to come, times what one brings, discounted, with a range.

The purchase model is chosen by its record on stretches of the base's own past, and what it missed
there is carried over; see :mod:`retention_lib.scoring._lifetime_record`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, ClassVar

import narwhals as nw
import numpy as np

from retention_lib import progress
from retention_lib.base import engine
from retention_lib.base._remembered import recall, remembering
from retention_lib.base.customer_base import CustomerBase, require_base
from retention_lib.errors import InputError
from retention_lib.portfolio.intervals import Values
from retention_lib.portfolio.money import MarginBasis, margin_basis
from retention_lib.portfolio.rfm import SKETCH_BELOW
from retention_lib.results import Result
from retention_lib.scoring._lifetime_contracts import contract_days
from retention_lib.scoring._lifetime_decay import DecayResult, ages_seen, decay_of
from retention_lib.scoring._lifetime_draws import DRAWS, Ahead
from retention_lib.scoring._lifetime_facts import YEAR, kept_days
from retention_lib.scoring._lifetime_models import (
    FEWEST_REPEATERS,
    Spend,
)
from retention_lib.scoring._lifetime_record import TrackRecord, try_out, untested
from retention_lib.scoring._lifetime_results import (
    LifetimeRecord,
    SimpleResult,
    TotalResult,
    about,
    record_of,
    say_horizon,
    simple_of,
    total_of,
)
from retention_lib.scoring._lifetime_risk import AtRiskResult, risk_of
from retention_lib.scoring._lifetime_valuing import (
    COLUMNS,
    FEWEST_AGAIN,
    GROUPS,
    Valued,
    value_all,
)
from retention_lib.wording import Sentence, Wording

if TYPE_CHECKING:
    import pandas as pd

_LONGEST_DAYS = 100 * YEAR
# A rank correlation of frequency and value from which on it is said.
_DEPENDENT = 0.1
# From so many customers on a tenth of them is called a tenth, below by its count.
_TENTH_FROM = 100


def value_customers(
    base: CustomerBase, *, horizon_days: int = 1095, discount_rate: float = 0.10
) -> LifetimeResult:
    """Value every customer: what it will still bring, in margin where one is known.

    One row a customer who ever bought, the most valuable first; accounts that are closed are
    there with nothing to come. Value is expected purchases, each discounted from its day back to
    ``base.as_of``, times what one brings net of refunds, times the margin rate. The trap: it is
    what is to come, not what was; a large customer that fell silent is worth little.

    Parameters
    ----------
    base
        The customer base; nothing after its ``as_of`` is looked at.
    horizon_days
        How many days ahead, counted exactly (1 to 36,500).
    discount_rate
        What money costs a year, as a share: at 0.10 a euro in a year is worth 1 / 1.10 today.

    Returns
    -------
    LifetimeResult
        ``customer_id``, ``name`` where known, ``p_alive`` (0 to 1), ``expected_purchases`` (over
        the horizon, not discounted), ``expected_spend`` (per purchase, net revenue), ``clv`` and
        its 90 % range ``clv_low, clv_high`` (currency). ``.record`` is how the forecast did on
        this base's own past, ``.total`` what all are worth together. Where customers without a
        contract made fewer than ten repeat purchases in all, their figures are missing.

    Raises
    ------
    InputError
        Where ``horizon_days`` or ``discount_rate`` cannot be.

    References
    ----------
    Fader, Hardie and Lee (2005), doi 10.1287/mksc.1040.0098; Batislam, Denizel and Filiztekin
    (2007), doi 10.1016/j.ijresmar.2006.12.005; Fader and Hardie (2013), the Gamma-Gamma model.

    Examples
    --------
    >>> import pandas as pd
    >>> lines = pd.DataFrame({"customer_id": ["a"] * 12 + ["b"], "amount": 10.0,
    ...     "date": [*pd.date_range("2024-01-05", periods=12, freq="30D"), "2024-01-09"]})
    >>> worth = value_customers(CustomerBase.from_tables(lines.astype({"date": "datetime64[s]"})))
    >>> worth.to_frame()["customer_id"].tolist()
    ['a', 'b']
    """
    require_base(base)
    ahead = Ahead(_check_horizon(horizon_days), _check_rate(discount_rate))
    known: LifetimeResult | None = recall(base, "value_customers", ahead.days, discount_rate)
    if known is not None:
        return known
    with remembering(base, "value_customers", ahead.days, discount_rate) as kept:
        kept.value = worth = _valued(base, ahead, discount_rate)
    return worth


def _valued(base: CustomerBase, ahead: Ahead, discount_rate: float) -> LifetimeResult:
    basis = margin_basis(base)
    with progress.steps(base.wording, "worth", total=3) as step:
        step("purchases")
        with kept_days(base, basis) as days:
            if days is None:
                return _nobody(base, ahead, basis, discount_rate)
            facts = days.facts(base.as_of_day)
            if facts["is_contract"].any():
                facts = facts.merge(days.invoices(), on="customer_id", how="left")
            step("record")
            tested = try_out(days, base.as_of_day, int(ahead.days))
            ages = days.ages()
        facts = _named(base, facts)
        facts["active"] = _active(base, facts)
        step("value")
        valued = value_all(facts, base.as_of_day, tested, ahead, basis)
    table = valued.table.sort_values(
        ["clv", "customer_id"], ascending=[False, True], ignore_index=True
    )
    return LifetimeResult(
        table,
        wording=base.wording,
        assumptions=_assumptions(base, basis, tested, valued, ahead, discount_rate),
        horizon_days=int(ahead.days),
        measure="margin" if basis.known else "revenue",
        history_days=base.as_of_day - days.begins + 1,
        total=total_of(table, valued.totals, base.wording),
        record=record_of(tested, base.wording, days.begins, base.as_of_day),
        cohort=decay_of(
            valued.purchases,
            valued.contracts,
            ages_seen(facts, ages, base.as_of_day),
            base.wording,
            lasted=contract_days(facts[facts["is_contract"]], base.as_of_day),
        ),
    )


@dataclass(frozen=True, repr=False, eq=False)
class LifetimeResult(Result):
    """What each customer is worth, one row a customer who ever bought, the most valuable first.

    Columns: see :func:`value_customers`; kept for code: ``active``, ``is_contract``,
    ``purchases`` (so far), ``annual_value`` (of the last 365 days, in the measure of ``clv``) and
    ``monthly_value`` (what a month of a running contract brings; missing without one).
    ``measure`` is ``margin`` or, where nobody knows one, ``revenue``.
    """

    chart: ClassVar[str] = "worth_charts.plot_worth"
    formats: ClassVar[Mapping[str, str]] = {
        "p_alive": "percent",
        "expected_purchases": "decimal",
        "expected_spend": "money",
        "clv": "money",
        "clv_low": "money",
        "clv_high": "money",
    }
    hidden: ClassVar[tuple[str, ...]] = (
        "active",
        "is_contract",
        "purchases",
        "annual_value",
        "monthly_value",
    )

    horizon_days: int = field(kw_only=True)
    measure: str = field(kw_only=True)
    history_days: int = field(kw_only=True)
    total: TotalResult = field(kw_only=True)
    record: LifetimeRecord = field(kw_only=True)
    cohort: DecayResult = field(kw_only=True)

    def sentence(self) -> str:
        """What the active customers are worth, with the range, and how much the top tenth has."""
        w, said = self.wording, [self.finding() + "."]
        if self.table.empty or self.total.clv != self.total.clv:
            return said[0]
        said.extend(filter(None, [self.total.say_untold("active")]))
        if self.horizon_days > self.history_days:
            horizon = say_horizon(self.horizon_days, w)
            said.append(w.say("lifetime.far", horizon=horizon, days=self.history_days))
        if not self.record.tested:
            said.append(w.say("lifetime.untested"))
        return " ".join(said)

    def finding(self) -> str:
        """The sentence without its full stop and without its caveat, for a title."""
        w, now = self.wording, self.table[self.table["active"]]
        if self.table.empty:
            return w.say("lifetime.nobody")
        if now.empty:
            return w.say("lifetime.nobody_active", customers=len(self.table))
        if now["clv"].isna().all():
            return self._say_untold()
        clv, low, high = self.total.range_of("active")
        valued = int(now["clv"].notna().sum())
        told = {
            "customers": valued,
            "what": w.say(f"lifetime.what.{self.measure}"),
            "clv": about(clv, w),
            "low": about(low, w),
            "high": about(high, w),
            "horizon": say_horizon(self.horizon_days, w),
        }
        if valued < SKETCH_BELOW:
            return w.say("lifetime.sketch", **told)
        if not now["clv"].sum() > 0:
            return w.say("lifetime.nothing", **told)
        share = w.percent(self.top_share(), decimals=0)
        return w.say("lifetime.finding", **told, top=self.say_top("subject"), share=share)

    def say_top(self, place: str) -> str:
        """The tenth on top, in words; by count where a tenth is no whole number of customers."""
        valued = int(self.table.loc[self.table["active"], "clv"].notna().sum())
        key = "tenth" if valued >= _TENTH_FROM else "largest"
        return self.wording.say(f"lifetime.top.{place}.{key}", count=tenth_of(valued))

    def _say_untold(self) -> str:
        again = int((self.table["purchases"] - 1).sum())
        return self.wording.say(
            "lifetime.untold", customers=len(self.table), again=again, least=FEWEST_AGAIN
        )

    def top_share(self, share: float = 0.1) -> float:
        """What the most valuable tenth (or another share) of the active carries of their value."""
        worth = self.ranked()
        total = float(worth.sum())
        if not total > 0:
            return float("nan")
        return float(worth[: tenth_of(len(worth), share)].sum()) / total

    def ranked(self) -> Values:
        """The values of the active customers that can be told, the largest first."""
        worth = self.table.loc[self.table["active"], "clv"].dropna().to_numpy(dtype=float)
        ranked: Values = np.sort(worth)[::-1]
        return ranked

    @property
    def first_purchase_only(self) -> float:
        """The share of customers who bought once only; missing where nobody bought."""
        return float((self.table["purchases"] == 1).mean()) if len(self.table) else float("nan")

    def first_purchase_sentence(self) -> Sentence:
        """How many bought once only, and what they are worth all the same."""
        w, once = self.wording, self.table[self.table["purchases"] == 1]
        if self.table.empty:
            return Sentence(w.say("lifetime.nobody") + ".")
        if once.empty:
            return Sentence(w.say("lifetime.once_none", customers=len(self.table)))
        whole, brought = float(self.total.clv), float(once["clv"].sum())
        told = int(once["clv"].notna().sum())
        key = "once" if whole > 0 else "once_nothing"
        if not told or whole != whole:
            key = "once_untold"
        said = w.say(
            f"lifetime.{key}",
            once=len(once),
            customers=len(self.table),
            share=w.percent(self.first_purchase_only, decimals=0),
            clv=about(brought, w),
            of_value=w.percent(brought / whole, decimals=0) if whole > 0 else "",
            each=about(brought / max(told, 1), w),
        )
        if key == "once" and told < len(once):
            said += " " + w.say("lifetime.left_out", untold=len(once) - told)
        return Sentence(said)

    def simple(self) -> SimpleResult:
        """The simple sum beside it: amount a month, times twelve, times years."""
        return simple_of(self)

    def decay(self) -> DecayResult:
        """Of 100 customers won, how many are still there and still buying, quarter by quarter."""
        return self.cohort

    def at_risk(self, scores: Any) -> AtRiskResult:
        """The value at risk: what each customer is worth times its probability to leave.

        ``scores`` is a result or a DataFrame with ``customer_id`` and ``churn_probability`` (0
        to 1), one row a customer. Customers without a score are left out and counted.
        """
        return risk_of(self, scores)


def tenth_of(customers: int, share: float = 0.1) -> int:
    """How many customers a tenth (or another share) of them is, rounded up."""
    return math.ceil(share * customers - 1e-9)


def _active(base: CustomerBase, facts: pd.DataFrame) -> Values:
    """Who is active on ``as_of``, as :func:`retention_lib.portfolio.activity.standing` says."""
    recent = facts["last_day"] > base.as_of_day - base.activity_window_days
    active: Values = ((recent | facts["is_contract"]) & facts["closed_day"].isna()).to_numpy()
    return active


def _named(base: CustomerBase, facts: pd.DataFrame) -> pd.DataFrame:
    if not base.has("customers", "name"):
        return facts
    known = base.visible("customers").group_by("customer_id").agg(nw.col("name").max())
    return facts.merge(engine.collect(known), on="customer_id", how="left")


def _check_horizon(horizon_days: object) -> float:
    whole = isinstance(horizon_days, Integral) and not isinstance(horizon_days, bool)
    days = int(horizon_days) if isinstance(horizon_days, Integral) else 0
    if not whole or not 1 <= days <= _LONGEST_DAYS:
        raise InputError(
            f"horizon_days must be a whole number of days from 1 to {_LONGEST_DAYS:,}, such as "
            f"365 for a year; got {horizon_days!r}."
        )
    return float(days)


def _check_rate(discount_rate: object) -> float:
    """The logarithm of the discount factor a day."""
    number = isinstance(discount_rate, Real) and not isinstance(discount_rate, bool | np.bool_)
    rate = float(discount_rate) if isinstance(discount_rate, Real) else -1.0
    if not number or not 0 <= rate <= 1:
        hint = f" A percentage is divided by 100: {rate / 100:g}." if number and rate > 1 else ""
        raise InputError(
            f"discount_rate is what money costs a year, as a share from 0 to 1, such as 0.10 for "
            f"10 %; got {discount_rate!r}.{hint}"
        )
    return math.log1p(rate) / YEAR


def _nobody(
    base: CustomerBase, ahead: Ahead, basis: MarginBasis, discount_rate: float
) -> LifetimeResult:
    """The result of a base in which nobody ever bought."""
    import pandas as pd

    table = pd.DataFrame({name: pd.Series(dtype=float) for name in COLUMNS if name != "name"})
    table = table.astype({"customer_id": str, "active": bool, "is_contract": bool})
    tested = untested(int(ahead.days))
    valued = Valued(table, np.zeros((DRAWS, GROUPS)), None, None, None, float("nan"))
    return LifetimeResult(
        table,
        wording=base.wording,
        assumptions=_assumptions(base, basis, tested, valued, ahead, discount_rate),
        horizon_days=int(ahead.days),
        measure="margin" if basis.known else "revenue",
        history_days=0,
        total=total_of(table, valued.totals, base.wording),
        record=record_of(tested, base.wording, 0, base.as_of_day),
        cohort=decay_of(None, None, ages_seen(None, None, base.as_of_day), base.wording),
    )


def _assumptions(
    base: CustomerBase,
    basis: MarginBasis,
    tested: TrackRecord,
    valued: Valued,
    ahead: Ahead,
    discount_rate: float,
) -> dict[str, object]:
    w = base.wording
    made: dict[str, object] = {
        "as_of": base.as_of,
        "lifetime_horizon": say_horizon(int(ahead.days), w),
        "discount_rate": w.percent(float(discount_rate)),
        "lifetime_measure": w.say(f"lifetime.measure.{basis.source}"),
        "lifetime_range": w.say("lifetime.range"),
    }
    below, above = valued.limited
    if below or above:
        made["lifetime_margin_limited"] = w.say("lifetime.margin_limited", below=below, above=above)
    if valued.purchases is not None:
        made["purchase_model"] = w.say(f"lifetime.candidate.{tested.chosen}")
        if not valued.purchases.model.identified_["dropout"]:
            made["dropout_untold"] = w.say("lifetime.dropout_untold")
        made["lifetime_carried_over"] = _say_carried_over(tested, w)
    if valued.spend is not None:
        made["lifetime_spend"] = _say_spend(valued.spend, w)
        if abs(valued.independence) > _DEPENDENT:
            way = "more" if valued.independence > 0 else "less"
            made["lifetime_dependence"] = w.say(
                f"lifetime.dependence.{way}",
                correlation=w.number(valued.independence, decimals=2),
            )
    if valued.contracts is not None:
        known = "own" if valued.contracts.alpha is not None else "one"
        made["lifetime_contracts"] = w.say(
            f"lifetime.contracts.{known}",
            contracts=valued.contracts.contracts,
            closed=valued.contracts.closed,
            rate=w.percent(valued.contracts.rate),
        )
    return made


def _say_carried_over(tested: TrackRecord, wording: Wording) -> str:
    if not tested.trials:
        return wording.say("lifetime.carried_none")
    return wording.say(
        "lifetime.carried_over",
        purchases=wording.number(tested.purchase_level, decimals=2),
        spend=wording.number(tested.spend_level, decimals=2),
    )


def _say_spend(spend: Spend, wording: Wording) -> str:
    key = "lifetime.spend.mean" if spend.parameters is None else "lifetime.spend.own"
    return wording.say(
        key,
        least=FEWEST_REPEATERS,
        refunds=wording.percent(1 - spend.net_share),
    )
