"""What a model that sees the future seems to be worth, and what it is worth once it is used.

The commonest mistake of churn modelling, made on purpose: one column is measured at the end of the
file instead of at the date of the forecast, and so holds the outcome. The evaluation shines; in
use, where the future is not in the file yet, nothing is left of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, ClassVar

import narwhals as nw
import numpy as np

from retention_lib import progress
from retention_lib.base import engine
from retention_lib.base.customer_base import CustomerBase, require_base
from retention_lib.portfolio.intervals import SEED, Values, middle
from retention_lib.results import Result
from retention_lib.scoring._churn_dates import check_horizon
from retention_lib.scoring._evaluation_measured import Drawn, draw_measures
from retention_lib.scoring._evaluation_metrics import Ranked, auc_table, on_log_odds
from retention_lib.scoring._evaluation_verdict import ENOUGH
from retention_lib.scoring._evaluation_words import percent
from retention_lib.scoring.snapshots import take_snapshots
from retention_lib.wording import Sentence, Wording, with_minus

if TYPE_CHECKING:
    import pandas as pd

LEAK = "days_since_last_at_the_end"
"""The column that sees the future: days since the last purchase, counted from the end of the file
on which the model was made; at the date of the forecast itself it is ``recency_days``."""

CASES = ("leak_seen", "leak_used", "honest_seen", "honest_used")
_MOST_CUSTOMERS = 15_000
_FOLDS = 4
_BY_VALUE = 2  # of what draw_measures draws: revenue caught, ranked by risk times revenue


def see_the_future(base: CustomerBase, *, horizon_days: int = 90) -> LeakResult:
    """Make the mistake of a leaking column, and show what it seems to give and what it gives.

    Two models are made at the date ``as_of`` - 2 horizons from a file that ends one horizon
    later, alike but for one column: the leaking one has the days since the last purchase counted
    back from the end of that file, the honest one from the date itself. Each is judged twice: on
    customers of the same date that were held back, as a careless evaluation does, and in use at
    ``as_of`` - 1 horizon, where the file ends on the day of the forecast.

    One row a case: see :class:`LeakResult`. Where history is shorter than three horizons, or
    fewer than 30 customers left or stayed at either date, the result is empty and says so.

    Parameters
    ----------
    base
        The customer base; nothing after its ``as_of`` is looked at.
    horizon_days
        Within how many days without a purchase a customer counts as having left, 1 to 1,095.

    Raises
    ------
    InputError
        Where ``horizon_days`` is not a whole number from 1 to 1,095.

    Examples
    --------
    >>> import pandas as pd
    >>> lines = pd.DataFrame({"customer_id": ["a"], "amount": [10.0],
    ...     "date": pd.to_datetime(["2024-01-05"])})
    >>> see_the_future(CustomerBase.from_tables(lines)).too_little
    'it takes 270 days of history, and there are 0'
    """
    require_base(base)
    horizon_days = check_horizon(horizon_days)
    made, used = (base.as_of - timedelta(days=n * horizon_days) for n in (2, 1))
    days = base.as_of_day - _first_day(base)
    if days < 3 * horizon_days:
        short = base.wording.say("leak.short", needed=3 * horizon_days, days=days)
        return _nothing(base, short, horizon_days)
    with progress.steps(base.wording, "leak", total=2) as step:
        step("past")
        past, now, features = _two_dates(base, made, used, horizon_days)
        fewest = min(
            min(rows["churned"].sum(), (1 - rows["churned"]).sum(), len(rows))
            for rows in (past, now)
        )
        if fewest < ENOUGH:
            few = base.wording.say("leak.few", fewest=int(fewest), enough=ENOUGH)
            return _nothing(base, few, horizon_days)
        honest = [name for name in features if past[name].notna().any()]
        leaking = [LEAK, *(name for name in honest if name != "recency_days")]
        step("leak")
        seen, in_use = _judged(past, now, {"leak": leaking, "honest": honest})
        return LeakResult(
            _table(seen, in_use, base.wording),
            wording=base.wording,
            assumptions=_assumptions(base, made, used, horizon_days, len(past), len(now)),
            horizon_days=horizon_days,
            missed=_missed(seen, in_use),
            behind=_behind(in_use),
        )


@dataclass(frozen=True, repr=False, eq=False)
class LeakResult(Result):
    """What a leaking model promises and what it keeps, beside the same learner without the leak.

    One row a case (``case_code``): ``leak_seen`` and ``honest_seen`` (judged on held-back
    customers of the date the models were made at), ``leak_used`` and ``honest_used`` (in use one
    horizon later). Columns: ``case_code, case, auc`` and ``revenue_caught_by_value`` (share of
    the leavers' annual revenue in the riskiest tenth, ranked by risk times revenue), each with
    ``_low`` and ``_high`` (95 %), and ``revenue_found``, that share of the annual revenue of those
    who left in use, with ``_low`` and ``_high``.

    ``missed``: revenue that the leaking model promised and did not find, with its range;
    ``behind``: what it found less than the honest one in use. ``too_little`` says why the result
    is empty.
    """

    chart: ClassVar[str] = "churn_charts.plot_leak"
    hidden: ClassVar[tuple[str, ...]] = ("case_code",)
    formats: ClassVar[Mapping[str, str]] = {
        "auc": "percent",
        "auc_low": "percent",
        "auc_high": "percent",
        "revenue_caught_by_value": "percent",
        "revenue_caught_by_value_low": "percent",
        "revenue_caught_by_value_high": "percent",
        "revenue_found": "money",
        "revenue_found_low": "money",
        "revenue_found_high": "money",
    }

    horizon_days: int = field(kw_only=True)
    missed: tuple[float, float, float] = field(kw_only=True)
    behind: tuple[float, float, float] = field(kw_only=True)
    too_little: str = field(default="", kw_only=True)

    def of(self, case: str) -> pd.Series[Any]:
        """The row of a case."""
        row: pd.Series[Any] = self.table.set_index("case_code").loc[case]
        return row

    def sentence(self) -> str:
        """What the leaking model seems to do, what it does, and the same without the leak."""
        w = self.wording
        if self.too_little:
            return w.say("leak.nothing", reason=self.too_little)
        return w.say(
            "leak.sentence",
            seems=percent(w, self.of("leak_seen")["auc"]),
            gives=percent(w, self.of("leak_used")["auc"]),
            honest=percent(w, self.of("honest_used")["auc"]),
            horizon=self.horizon_days,
        )

    def finding(self) -> str:
        """The sentence in short, for a title."""
        w = self.wording
        if self.too_little:
            return self.sentence()
        return w.say(
            "leak.finding",
            seems=percent(w, self.of("leak_seen")["auc"]),
            gives=percent(w, self.of("leak_used")["auc"]),
            promised=w.money(self.of("leak_seen")["revenue_found"]),
            found=w.money(self.of("leak_used")["revenue_found"]),
        )

    def money_sentence(self) -> Sentence:
        """The money it would lose: promised, found, and found by the honest model."""
        w = self.wording
        if self.too_little:
            return Sentence(self.sentence())
        missed, missed_low, missed_high = self.missed
        behind, behind_low, behind_high = self.behind
        key = "less" if behind_low > 0 else "more" if behind_high < 0 else "alike"
        said = w.say(
            f"leak.money.{key}",
            promised=w.money(self.of("leak_seen")["revenue_found"]),
            found=w.money(self.of("leak_used")["revenue_found"]),
            missed=w.money(missed),
            missed_low=with_minus(w.money(missed_low)),
            missed_high=with_minus(w.money(missed_high)),
            honest=w.money(self.of("honest_used")["revenue_found"]),
            behind=w.money(abs(behind)),
            behind_low=with_minus(w.money(behind_low)),
            behind_high=with_minus(w.money(behind_high)),
        )
        return Sentence(said)


def _first_day(base: CustomerBase) -> int:
    found = engine.one_row(base.visible("transactions").select(nw.col("day").min()))
    return int(found["day"])


def _two_dates(
    base: CustomerBase, made: date, used: date, horizon_days: int
) -> tuple[pd.DataFrame, pd.DataFrame, tuple[str, ...]]:
    """Labelled customers of both dates with the leaking column, a sample where they are many."""
    # At the date of use the file ends: counted from its end and from that date is the same.
    last = engine.collect(
        base.at(used).purchases().group_by("customer_id").agg(nw.col("day").max().alias("last_day"))
    ).sort_values("customer_id", ignore_index=True)
    some = None
    if len(last) > _MOST_CUSTOMERS:
        last = last.sample(_MOST_CUSTOMERS, random_state=SEED)
        some = last["customer_id"].tolist()
    snapshots = take_snapshots(base, [made, used], horizon_days=horizon_days, customers=some)
    rows = snapshots.to_frame()
    rows = rows[rows["churned"].notna()].merge(last, on="customer_id", how="left")
    rows[LEAK] = (engine.day_number(used) - rows["last_day"]).astype(float)
    rows = rows.sort_values(["date", "customer_id"], ignore_index=True)
    past, now = (rows[rows["date"].dt.date == day] for day in (made, used))
    return past, now, snapshots.features


@dataclass(frozen=True)
class _Judged:
    """Leaking and honest model on the same customers: AUC with covariance, figures drawn."""

    auc: Values
    errors: Values
    drawn: Drawn
    fewest: float
    leavers_revenue: float


def _judged(
    past: pd.DataFrame, now: pd.DataFrame, columns: Mapping[str, list[str]]
) -> tuple[_Judged, _Judged]:
    """Both models on held-back customers of the date they were made at, and in use."""
    from sklearn.model_selection import StratifiedKFold, cross_val_predict
    from threadpoolctl import threadpool_limits

    folds = StratifiedKFold(_FOLDS, shuffle=True, random_state=SEED)
    left = past["churned"].to_numpy()
    seen, used = [], []
    # So small a fit is quicker on one thread, and many times so on a machine that is busy.
    with threadpool_limits(1):
        for names in columns.values():
            known = past[names].to_numpy(dtype=float)
            said = cross_val_predict(_learner(), known, left, cv=folds, method="predict_proba")
            seen.append(said[:, 1])
            model = _learner().fit(known, left)
            used.append(model.predict_proba(now[names].to_numpy(dtype=float))[:, 1])
    return _judge(np.array(seen), past), _judge(np.array(used), now)


def _learner() -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(
        max_iter=80,
        learning_rate=0.05,
        max_leaf_nodes=8,
        early_stopping=False,
        random_state=0,
    )


def _judge(scores: Values, rows: pd.DataFrame) -> _Judged:
    left = rows["churned"].to_numpy(dtype=float)
    worth = np.maximum(np.nan_to_num(rows["spend_365"].to_numpy(dtype=float)), 0.0)
    auc, covariance = auc_table(scores, left)
    drawn = draw_measures([Ranked(row) for row in scores], left, worth)
    fewest = min(float(left.sum()), float((1 - left).sum()))
    return _Judged(auc, np.sqrt(np.diag(covariance)), drawn, fewest, float((left * worth).sum()))


def _table(seen: _Judged, used: _Judged, wording: Wording) -> pd.DataFrame:
    import pandas as pd

    rows = []
    for place, model in enumerate(("leak", "honest")):
        for judged, when in ((seen, "seen"), (used, "used")):
            auc = float(judged.auc[place])
            auc_low, auc_high = on_log_odds(auc, float(judged.errors[place]), judged.fewest)
            share = float(judged.drawn.point[_BY_VALUE][0, place])
            low, high = middle(judged.drawn.draws[_BY_VALUE][:, place])
            rows.append(
                {
                    "case_code": f"{model}_{when}",
                    "case": wording.say(f"leak.case.{model}_{when}"),
                    "auc": auc,
                    "auc_low": auc_low,
                    "auc_high": auc_high,
                    "revenue_caught_by_value": share,
                    "revenue_caught_by_value_low": low,
                    "revenue_caught_by_value_high": high,
                    "revenue_found": share * used.leavers_revenue,
                    "revenue_found_low": low * used.leavers_revenue,
                    "revenue_found_high": high * used.leavers_revenue,
                }
            )
    return pd.DataFrame(rows)


def _missed(seen: _Judged, used: _Judged) -> tuple[float, float, float]:
    """Revenue that the leaking model promised and did not find, with its range."""
    promised, found = (judged.drawn.draws[_BY_VALUE][:, 0] for judged in (seen, used))
    draws = min(len(promised), len(found))
    # Customers of two dates are drawn apart; the second order is turned round to keep them so.
    low, high = middle(promised[:draws] - found[:draws][::-1])
    gap = float(seen.drawn.point[_BY_VALUE][0, 0] - used.drawn.point[_BY_VALUE][0, 0])
    total = used.leavers_revenue
    return gap * total, low * total, high * total


def _behind(used: _Judged) -> tuple[float, float, float]:
    """What the leaking model finds less than the honest one, of the same customers."""
    draws, point = used.drawn.draws[_BY_VALUE], used.drawn.point[_BY_VALUE][0]
    low, high = middle(draws[:, 1] - draws[:, 0])
    total = used.leavers_revenue
    return float(point[1] - point[0]) * total, low * total, high * total


def _assumptions(
    base: CustomerBase, made: date, used: date, horizon_days: int, past: int, now: int
) -> dict[str, object]:
    w = base.wording
    return {
        "as_of": w.date(base.as_of),
        "leak_horizon": w.say("leak.days", days=horizon_days),
        "leak_column": w.say("leak.column"),
        "leak_made": w.say("leak.on", date=w.date(made), customers=past),
        "leak_used": w.say("leak.on", date=w.date(used), customers=now),
        "leak_promise": w.say("leak.promise"),
        "card_ranges": w.say("scorecard.ranges"),
    }


def _nothing(base: CustomerBase, reason: str, horizon_days: int) -> LeakResult:
    import pandas as pd

    w, unknown = base.wording, (float("nan"),) * 3
    columns = ["case_code", "case", *LeakResult.formats]
    return LeakResult(
        pd.DataFrame(
            {name: pd.Series(dtype=object if "case" in name else float) for name in columns}
        ),
        wording=w,
        assumptions={
            "as_of": w.date(base.as_of),
            "leak_horizon": w.say("leak.days", days=horizon_days),
        },
        horizon_days=horizon_days,
        missed=unknown,
        behind=unknown,
        too_little=reason,
    )
