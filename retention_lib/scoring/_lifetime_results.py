"""What stands beside the values: the record of the forecast, the total, the simple sum."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import NormalDist
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import pandas as pd

from retention_lib.base import engine
from retention_lib.portfolio.intervals import Values
from retention_lib.portfolio.rfm import SKETCH_BELOW
from retention_lib.results import Result
from retention_lib.scoring._lifetime_draws import LEVEL
from retention_lib.scoring._lifetime_facts import YEAR
from retention_lib.scoring._lifetime_models import KINDS
from retention_lib.scoring._lifetime_record import FEWEST_DAYS, NAIVE, TrackRecord, Trial
from retention_lib.wording import Wording, with_minus

if TYPE_CHECKING:
    from retention_lib.scoring.lifetime import LifetimeResult

_CANDIDATES = (*KINDS, NAIVE)
_TENTHS = 10
_A_MONTH = 30
_Z = NormalDist().inv_cdf((1 + LEVEL) / 2)


def say_horizon(days: int, wording: Wording) -> str:
    """A number of days as one says it: in years where they are whole."""
    years, rest = divmod(days, YEAR)
    if rest:
        return wording.say("lifetime.days", days=days)
    return wording.say("lifetime.years", years=years)


def about(value: float, wording: Wording) -> str:
    """An estimated amount to three figures: more would be a precision that nobody has.

    >>> about(924_839, Wording("en", "EUR"))
    '€925,000'
    """
    if value != value or not value:
        return wording.money(value)
    step = 10.0 ** max(math.floor(math.log10(abs(value))) - 2, 0)
    return with_minus(wording.money(round(value / step) * step))


# --- the total -------------------------------------------------------------------------------


@dataclass(frozen=True, repr=False, eq=False)
class TotalResult(Result):
    """What all customers are worth together, and those who are active.

    Columns: ``group`` in words, ``customers`` (whose value can be told; all of them where
    nobody's can), ``clv, clv_low, clv_high`` (90 % range), ``untold`` (customers left out) and
    ``group_code`` (``all``, ``active``). ``clv, low, high`` are those of the whole base. The
    range is narrower than the ranges of the customers added up: their luck evens out.
    """

    formats: ClassVar[Mapping[str, str]] = {
        "customers": "count",
        "clv": "money",
        "clv_low": "money",
        "clv_high": "money",
    }
    hidden: ClassVar[tuple[str, ...]] = ("untold", "group_code")

    systematic: float = field(kw_only=True)
    """The variance that all customers share, as a share of the square of the total."""

    @property
    def clv(self) -> float:
        """What the whole base is worth."""
        return self.range_of("all")[0]

    @property
    def low(self) -> float:
        """The lower end of its range."""
        return self.range_of("all")[1]

    @property
    def high(self) -> float:
        """The upper end of its range."""
        return self.range_of("all")[2]

    def range_of(self, group: str) -> tuple[float, float, float]:
        """The total of a group (``all`` or ``active``) and the two ends of its range."""
        row = self.table.set_index("group_code").loc[group]
        return float(row["clv"]), float(row["clv_low"]), float(row["clv_high"])

    def sentence(self) -> str:
        """What the whole base is worth, and between what it lies."""
        w, customers = self.wording, int(self.table["customers"].iloc[0])
        if not customers:
            return w.say("lifetime.nobody") + "."
        key = "lifetime.total" if self.clv == self.clv else "lifetime.total_untold"
        said = w.say(
            key,
            customers=customers,
            clv=about(self.clv, w),
            low=about(self.low, w),
            high=about(self.high, w),
        )
        return f"{said} {self.say_untold('all')}".rstrip()

    def say_untold(self, group: str) -> str:
        """How many of a group are left out of its total; nothing where nobody is."""
        row = self.table.set_index("group_code").loc[group]
        if not row["untold"] or row["clv"] != row["clv"]:
            return ""
        return self.wording.say("lifetime.left_out", untold=int(row["untold"]))


def total_of(table: pd.DataFrame, totals: Values, wording: Wording) -> TotalResult:
    """The totals of the table, with the ranges that the draws give them."""
    active = table["active"].to_numpy(dtype=bool)
    members = {"all": np.ones(len(table), dtype=bool), "active": active}
    known = table["clv"].notna().to_numpy()
    # Closed accounts are worth nothing for certain: that alone tells nothing of the others.
    telling = known & (table["p_alive"] > 0).to_numpy()
    clv, counts, untold = [], [], []
    for held in members.values():
        missing = int((held & ~known).sum())
        told = not missing or bool((held & telling).any())
        clv.append(float(table.loc[held & known, "clv"].sum()) if told else float("nan"))
        counts.append(int((held & known).sum()) if told else int(held.sum()))
        untold.append(missing)
    of_all = total_range(clv[0], totals.sum(axis=1))
    ends = [of_all, _inside(total_range(clv[1], totals[:, 0]), clv[1], of_all, clv[0])]
    return TotalResult(
        pd.DataFrame(
            {
                "group": [wording.say(f"lifetime.group.{code}") for code in members],
                "customers": counts,
                "clv": clv,
                "clv_low": [low for low, _ in ends],
                "clv_high": [high for _, high in ends],
                "untold": untold,
                "group_code": list(members),
            }
        ),
        wording=wording,
        systematic=_shared(table, clv[0], totals.sum(axis=1)),
    )


def _inside(
    part: tuple[float, float], clv: float, whole: tuple[float, float], total: float
) -> tuple[float, float]:
    """The range of a part, no further from its value than that of the whole, which holds it.

    The two are fitted to the draws apart, and a fit may be a little wide.
    """
    if clv != clv or total != total:
        return part
    return max(part[0], clv - (total - whole[0])), min(part[1], clv + (whole[1] - total))


def variance_of(table: pd.DataFrame) -> Values:
    """The variance of what each customer is worth, from its range as if it were normal."""
    width = (table["clv_high"] - table["clv_low"]).to_numpy(dtype=float)
    variance: Values = np.nan_to_num(width / (2 * _Z)) ** 2
    return variance


def _shared(table: pd.DataFrame, total: float, drawn: Values) -> float:
    """What of the variance of the total, as a share of its square, all customers share."""
    if not total > 0 or not (drawn > 0).all():
        return 0.0
    own = float(variance_of(table).sum())
    return max(float(np.log(drawn).var(ddof=1)) - own / total**2, 0.0)


def total_range(total: float, drawn: Values) -> tuple[float, float]:
    """The 90 % range of a total, taken as lognormal: steadier than the few outermost draws."""
    if not total > 0:
        return total, total
    if not (drawn > 0).all():
        low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
        return min(float(low), total), max(float(high), total)
    half = _Z * float(np.log(drawn).std(ddof=1))
    return float(total * np.exp(-half)), float(total * np.exp(half))


# --- the record ------------------------------------------------------------------------------


@dataclass(frozen=True, repr=False, eq=False)
class LifetimeRecord(Result):
    """How the models did on this base's own past, one row a candidate.

    Columns: ``candidate``, ``chosen`` in words, ``forecast_purchases``, ``came_purchases``,
    ``purchases_error`` (forecast over what came, minus 1), ``forecast_revenue``,
    ``came_revenue``, ``revenue_error``, ``ranking`` (rank correlation of the revenue that came
    with the forecast, 1 is perfect), ``top_tenth`` (share of the revenue that came from the
    tenth of customers ranked first) and ``candidate_code``. The latest stretch tested is shown;
    the choice is made on all of ``.trials``. ``tenths``: forecast and revenue by tenth of the
    customers, as ranked by the model used. Empty where the history is too short to test on.
    """

    chart: ClassVar[str] = "worth_charts.plot_record"
    formats: ClassVar[Mapping[str, str]] = {
        "forecast_purchases": "count",
        "came_purchases": "count",
        "purchases_error": "percent",
        "forecast_revenue": "money",
        "came_revenue": "money",
        "revenue_error": "percent",
        "ranking": "decimal",
        "top_tenth": "percent",
    }
    hidden: ClassVar[tuple[str, ...]] = ("candidate_code",)

    tested: bool = field(kw_only=True)
    trials: pd.DataFrame = field(kw_only=True)
    tenths: pd.DataFrame = field(kw_only=True)
    levels: tuple[float, float] = field(kw_only=True)
    """What the forecast of purchases, and of spend, is multiplied by for what it missed then."""
    spread: float = field(kw_only=True)
    untold: str = field(default="", kw_only=True)

    def sentence(self) -> str:
        """What was forecast, what came, and whether the naive rate would have done as well."""
        w = self.wording
        if not self.tested:
            return self.untold
        rows = self.table.set_index("candidate_code")
        used, naive = rows[rows["chosen"] != ""].iloc[0], rows.loc[NAIVE]
        trial = self.trials.iloc[0]
        if not used["came_revenue"] > 0:
            return self._say_refunded() + "."
        better = float(used["ranking"]) - float(naive["ranking"])
        ranks = "better" if better > 0.01 else "worse" if better < -0.01 else "same"
        return w.say(
            "lifetime.record.sentence",
            day=w.date(trial["from"]),
            days=int(trial["days"]),
            forecast=about(used["forecast_revenue"], w),
            came=w.money(used["came_revenue"]),
            error=self._say_error(float(used["revenue_error"])),
            naive=self._say_error(float(naive["revenue_error"])),
            ranks=w.say(f"lifetime.record.ranks_{ranks}"),
            top=w.percent(used["top_tenth"], decimals=0),
            naive_top=w.percent(naive["top_tenth"], decimals=0),
        )

    def finding(self) -> str:
        """The sentence in short, for a title."""
        w = self.wording
        if not self.tested:
            return self.untold
        rows = self.table.set_index("candidate_code")
        used = rows[rows["chosen"] != ""].iloc[0]
        if not used["came_revenue"] > 0:
            return self._say_refunded()
        return w.say(
            "lifetime.record.title",
            top=w.percent(used["top_tenth"], decimals=0),
            error=self._say_error(float(used["revenue_error"])),
        )

    def _say_refunded(self) -> str:
        """Where refunds took all that came, nothing can be a share of it."""
        w, rows, trial = self.wording, self.table, self.trials.iloc[0]
        used = rows[rows["chosen"] != ""].iloc[0]
        return w.say(
            "lifetime.record.refunded",
            day=w.date(trial["from"]),
            days=int(trial["days"]),
            forecast=about(used["forecast_revenue"], w),
            came=w.money(used["came_revenue"]),
        )

    def _say_error(self, error: float) -> str:
        w = self.wording
        if abs(error) < 0.005:
            return w.say("lifetime.record.exact")
        way = "above" if error > 0 else "below"
        return w.say(f"lifetime.record.{way}", share=w.percent(abs(error), decimals=0))


def record_of(tested: TrackRecord, wording: Wording, begins: int, as_of: int) -> LifetimeRecord:
    """The record in words; empty where nothing could be tested."""
    rows = [_candidate(tested, code, wording) for code in _CANDIDATES] if tested.trials else []
    names = list(LifetimeRecord.formats)
    table = pd.DataFrame(rows, columns=["candidate", "chosen", *names, "candidate_code"])
    trials = pd.DataFrame(
        [
            {
                "from": engine.day_of(trial.stretch.after),
                "days": trial.stretch.length,
                "same_season": trial.stretch.aligned,
                "customers": len(trial.purchases),
                **{f"deviance_{kind}": trial.deviance(kind) for kind in KINDS},
            }
            for trial in tested.trials
        ]
    )
    history = as_of - begins + 1
    short = "short" if history < FEWEST_DAYS else "few"
    return LifetimeRecord(
        table,
        wording=wording,
        assumptions={"lifetime_tested": _say_trials(tested, wording)} if tested.trials else {},
        tested=bool(tested.trials),
        trials=trials,
        tenths=_tenths(tested.trials[0], tested.chosen) if tested.trials else pd.DataFrame(),
        levels=(tested.purchase_level, tested.spend_level),
        spread=tested.spread,
        untold=wording.say(f"lifetime.record.{short}", days=max(history, 0), least=FEWEST_DAYS),
    )


def _say_trials(tested: TrackRecord, wording: Wording) -> str:
    aligned = "same_season" if tested.trials[0].stretch.aligned else "any_season"
    dates = [wording.date(engine.day_of(trial.stretch.after)) for trial in tested.trials]
    days = [wording.say("lifetime.record.day", day=day) for day in dates]
    return wording.say(
        f"lifetime.record.{aligned}",
        trials=len(days),
        days=wording.listing(days),
        length=tested.length,
    )


def _candidate(tested: TrackRecord, code: str, wording: Wording) -> dict[str, object]:
    trial = tested.trials[0]
    forecast, worth, came = trial.forecasts[code], trial.worths[code], trial.revenue
    return {
        "candidate": wording.say(f"lifetime.candidate.{code}"),
        "chosen": wording.say("lifetime.record.used") if code == tested.chosen else "",
        "forecast_purchases": float(forecast.sum()),
        "came_purchases": int(trial.purchases.sum()),
        "purchases_error": _over(forecast.sum(), trial.purchases.sum()),
        "forecast_revenue": float(worth.sum()),
        "came_revenue": float(came.sum()),
        "revenue_error": _over(worth.sum(), came.sum()),
        "ranking": float(pd.Series(worth).rank().corr(pd.Series(came).rank())),
        "top_tenth": _carried_by_top(worth, came),
        "candidate_code": code,
    }


def _over(forecast: float, came: float) -> float:
    return float(forecast / came - 1) if came > 0 else float("nan")


def _carried_by_top(worth: Values, came: Values) -> float:
    order = np.argsort(-worth, kind="stable")
    total = float(came.sum())
    return float(came[order[: -(-len(order) // _TENTHS)]].sum()) / total if total > 0 else np.nan


def _tenths(trial: Trial, chosen: str) -> pd.DataFrame:
    """Customers by tenth of the forecast, the most valuable first: what was said, what came."""
    order = np.argsort(-trial.worths[chosen], kind="stable")
    parts = np.array_split(order, _TENTHS)
    return pd.DataFrame(
        {
            "tenth": np.arange(1, _TENTHS + 1),
            "customers": [len(part) for part in parts],
            "forecast_revenue": [float(trial.worths[chosen][part].sum()) for part in parts],
            "came_revenue": [float(trial.revenue[part].sum()) for part in parts],
        }
    )


# --- the simple sum --------------------------------------------------------------------------


@dataclass(frozen=True, repr=False, eq=False)
class SimpleResult(Result):
    """The simple sum, amount a month times months, beside the value, one row each.

    Columns: ``whose`` in words, ``customer_id`` (of the example), ``amount_a_month`` (average of
    the last 365 days, or of a shorter history; with a contract that of the time its invoices
    cover), ``months_ahead``, ``simple_value``, ``clv, clv_low,
    clv_high`` and ``whose_code`` (``active``, ``example``: the active customer in the middle of
    them all). The sum assumes that nobody leaves, that nothing changes and that a euro in ten
    years is worth a euro today.
    """

    formats: ClassVar[Mapping[str, str]] = {
        "amount_a_month": "money",
        "months_ahead": "decimal",
        "simple_value": "money",
        "clv": "money",
        "clv_low": "money",
        "clv_high": "money",
    }
    hidden: ClassVar[tuple[str, ...]] = ("whose_code",)

    horizon_days: int = field(kw_only=True)
    measure: str = field(kw_only=True)
    purchases: int = field(kw_only=True)
    """How often the active customers have bought in all."""

    def sentence(self) -> str:
        """The two figures for the whole base, and what the simple one leaves out."""
        w = self.wording
        if self.table.empty:
            return w.say("lifetime.simple.empty", classic=w.money(240_000))
        row = self.table.iloc[0]
        simple, clv = float(row["simple_value"]), float(row["clv"])
        if not simple > 0:
            return w.say(
                "lifetime.simple.no_gain" if self.purchases else "lifetime.simple.empty",
                a_year=w.money(12 * float(row["amount_a_month"])),
                what=w.say(f"lifetime.what.{self.measure}"),
                classic=w.money(240_000),
            )
        return w.say(
            "lifetime.simple.sentence" if clv == clv else "lifetime.simple.untold",
            product=self._say_product(float(row["amount_a_month"]), float(row["months_ahead"])),
            simple=w.money(simple),
            clv=about(clv, w),
            low=about(row["clv_low"], w),
            high=about(row["clv_high"], w),
            share=w.percent(clv / simple, decimals=0),
            thousand=w.money(1_000),
            classic=w.money(240_000),
        )

    def _say_product(self, monthly: float, months: float) -> str:
        """What is multiplied with what: in months where they are whole, else in days of a year."""
        w = self.wording
        if months % 1 == 0:
            return w.say("lifetime.simple.months", monthly=w.money(monthly), months=int(months))
        yearly = w.money(12 * monthly)
        return w.say("lifetime.simple.part_year", yearly=yearly, days=self.horizon_days)


def simple_of(result: LifetimeResult) -> SimpleResult:
    """The simple sum for the active customers together, and for the one in their middle."""
    w = result.wording
    now = result.table[result.table["active"]]
    if now["clv"].notna().any():
        # The sum and the forecast speak of the same customers.
        now = now[now["clv"].notna()]
    brought_in = min(YEAR, max(result.history_days, _A_MONTH))
    months, seen = (12 * days / YEAR for days in (result.horizon_days, brought_in))
    monthly = now["monthly_value"].fillna(now["annual_value"] / seen)
    rows = []
    if len(now):
        clv, low, high = result.total.range_of("active")
        rows.append(("active", "", float(monthly.sum()), clv, low, high))
        one = now.iloc[(len(now) - 1) // 2]
        clv, low, high = (float(one[name]) for name in ("clv", "clv_low", "clv_high"))
        rows.append(
            ("example", str(one["customer_id"]), float(monthly.loc[one.name]), clv, low, high)
        )
    table = pd.DataFrame(
        [
            {
                "whose": w.say(f"lifetime.simple.{code}"),
                "customer_id": who,
                "amount_a_month": brought,
                "months_ahead": months,
                "simple_value": brought * months,
                "clv": clv,
                "clv_low": low,
                "clv_high": high,
                "whose_code": code,
            }
            for code, who, brought, clv, low, high in rows
        ],
        columns=["whose", "customer_id", *SimpleResult.formats, "whose_code"],
    )
    return SimpleResult(
        table,
        wording=w,
        assumptions={
            "simple_sum": w.say(
                "lifetime.simple.assumes", classic=w.money(240_000), thousand=w.money(1_000)
            )
        },
        horizon_days=result.horizon_days,
        measure=result.measure,
        purchases=int(now["purchases"].sum()),
    )


def is_sketch(customers: int) -> bool:
    """Whether so few customers are told as counts only."""
    return customers < SKETCH_BELOW
