"""The churn model: who leaves next, how likely, and why.

It learns from what customers looked like on past dates and did afterwards, is judged on a later
date that it has not seen, beside rules of thumb, and is then fitted again on all that is known.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeAlias, get_args, overload

import numpy as np

from retention_lib import progress
from retention_lib.base import engine
from retention_lib.base._remembered import first_of, recall, remembering
from retention_lib.base.customer_base import CustomerBase, require_base
from retention_lib.errors import ChoiceError
from retention_lib.results import Listing, Result
from retention_lib.scoring._churn_combined import CombinedClassifier, day_numbers
from retention_lib.scoring._churn_dates import (
    Dates,
    check_horizon,
    first_purchase,
    plan_dates,
    sampled_customers,
)
from retention_lib.scoring._churn_fitting import date_offsets, fit_classifier
from retention_lib.scoring._churn_learners import log_odds_of
from retention_lib.scoring._churn_needs import endings_of
from retention_lib.scoring._churn_refusal import NoForecast, TooLittleError, no_forecast
from retention_lib.scoring._churn_scores import ChurnScores, score_customers
from retention_lib.scoring._rules_of_thumb import rules_of_thumb
from retention_lib.scoring.drift import Profile, training_profile
from retention_lib.scoring.evaluation import Scorecard, make_scorecard
from retention_lib.scoring.snapshots import take_snapshots

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

TooLittle: TypeAlias = Literal["raise", "say"]

FEWEST = 30
"""Fewer customers who left, or who stayed, teach nothing that would hold for others."""

SMALLEST_SPREAD = 0.05
"""No base is so steady that its level of leaving moves by less, in log-odds."""

TRAINED_ON = (
    "customers",
    "rows",
    "share_left",
    "dates",
    "judged_on",
    "sampled_from",
    "spread",
    "endings",
)


@overload
def fit_churn(
    base: CustomerBase, *, horizon_days: int = ..., too_little: Literal["raise"] = ...
) -> ChurnModel: ...


@overload
def fit_churn(
    base: CustomerBase, *, horizon_days: int = ..., too_little: TooLittle
) -> ChurnModel | NoForecast: ...


def fit_churn(
    base: CustomerBase, *, horizon_days: int = 90, too_little: TooLittle = "raise"
) -> ChurnModel | NoForecast:
    """Learn who leaves within a horizon, and how well that could be told on a date gone by.

    Who leaves is what :func:`retention_lib.take_snapshots` says: an active customer who buys
    nothing in the ``horizon_days`` days after a date (with a contract: closes it in them).
    Training takes dates 30 days apart, 14 at most and one more for every 30 days of the horizon
    (17 over 16 months with 90 days), so that a year of them lies before the date that the model
    is judged on; the scorecard is that of a model whose labels all end before the date it is
    judged on, ``as_of`` less one horizon. The model that scores is then fitted on all dates up to
    that one. The trap: the scorecard speaks of customers active on a date, so a base of which
    half has been silent for years is judged, and scored, without that half.

    Parameters
    ----------
    base
        The customer base; nothing after its ``as_of`` is looked at.
    horizon_days
        How many days ahead the model looks, 1 to 1,095.
    too_little
        What to do where there is too little to learn from: ``raise`` an error, or ``say`` it in a
        result that can be asked like a model and answers everything with the reason, so that a
        chapter runs to its end.

    Raises
    ------
    InputError
        Where there is too little to learn from: a history shorter than two horizons and 30 days,
        or fewer than 30 customers who left or who stayed. The message says how much is missing.

    Notes
    -----
    Gradient boosting with trees of one feature each, a regularised logistic regression on
    logarithms of all features, one on recency, frequency and spend alone, and the purchase
    model's chance of no purchase, added on the scale of log-odds with weights of 0.40, 0.35, 0.15
    and 0.10 that the record on an unseen date may move. All are sums over features, so reasons
    are exact. At most 200,000 rows are learnt from; of a larger
    base whole customers are drawn by a number made of their id.

    Examples
    --------
    >>> from retention_lib import simulate_base
    >>> base, truth = simulate_base(100, seed=1, years=1)
    >>> model = fit_churn(base, horizon_days=30)
    >>> scores = model.score(base).to_frame()
    >>> bool(scores["churn_probability"].between(0, 1).all())
    True
    """
    require_base(base)
    if not isinstance(too_little, str) or too_little not in get_args(TooLittle):
        raise ChoiceError("too_little", too_little, get_args(TooLittle))
    horizon = check_horizon(horizon_days)
    found: ChurnModel | TooLittleError | None = recall(base, "fit_churn", horizon)
    if found is None:
        with remembering(base, "fit_churn", horizon) as kept:
            found = kept.value = _fitted_or_refused(base, horizon)
    if isinstance(found, ChurnModel):
        return found
    if too_little == "raise":
        raise found.with_traceback(None)
    return no_forecast(base, found)


def _fitted_or_refused(base: CustomerBase, horizon: int) -> ChurnModel | TooLittleError:
    """The model, or why there is none: that is worth remembering as well."""
    try:
        with progress.steps(base.wording, "churn", total=3) as step:
            return _fitted(base, horizon, step)
    except TooLittleError as refused:
        return refused


def _fitted(base: CustomerBase, horizon: int, step: progress.Step) -> ChurnModel:
    step("past")
    first = first_purchase(base)
    dates = plan_dates(first, base.as_of_day, horizon)
    drawn = sampled_customers(base, dates)
    days = [engine.day_of(day) for day in dates.days]
    seen = take_snapshots(base, days, horizon_days=horizon, customers=drawn.ids)
    panel, names = seen.labelled(), seen.features
    _check_enough(panel, dates)
    days_of = day_numbers(panel)
    before = panel[np.isin(days_of, dates.training)].reset_index(drop=True)
    test = panel[days_of == dates.test].reset_index(drop=True)
    step("try")
    earlier = fit_classifier(before, names, horizon_days=horizon, first_day=first)
    card = _judged(base, earlier, before, test, dates)
    step("learn")
    classifier = fit_classifier(
        panel, names, horizon_days=horizon, first_day=first, earlier=earlier
    )
    facts = _facts(panel, classifier, dates, drawn.out_of, card)
    facts["endings"] = endings_of(base)
    return ChurnModel(
        card.table,
        wording=base.wording,
        assumptions=_assumptions(base, classifier, dates, facts),
        horizon_days=horizon,
        features=classifier.features,
        classifier=classifier,
        profile=training_profile(panel, classifier.features),
        scorecard=card,
        trained_on=facts,
    )


@dataclass(frozen=True, repr=False, eq=False)
class ChurnModel(Result):
    """A churn model and how well it does; made by :func:`fit_churn`.

    The table is that of ``scorecard``: one row a method. ``features`` are the names of those it
    needs, ``classifier`` turns them into probabilities, ``profile`` is what the training looked
    like, ``trained_on`` tells ``customers, rows, share_left, dates, judged_on, sampled_from``
    (customers there were, where not all were learnt from), ``spread`` (by how much the level of
    leaving strayed from date to date, in log-odds) and ``endings`` (which columns told of the end
    of accounts).
    """

    chart: ClassVar[str] = "churn_charts.plot_gains"
    hidden: ClassVar[tuple[str, ...]] = Scorecard.hidden
    formats: ClassVar[Mapping[str, str]] = Scorecard.formats

    horizon_days: int = field(kw_only=True)
    features: tuple[str, ...] = field(kw_only=True)
    classifier: CombinedClassifier = field(kw_only=True)
    profile: Profile = field(kw_only=True)
    scorecard: Scorecard = field(kw_only=True)
    trained_on: Mapping[str, Any] = field(kw_only=True)

    @property
    def card(self) -> Scorecard:
        """The scorecard, under the name by which charts ask for it."""
        return self.scorecard

    def sentence(self) -> str:
        """Whether the model beats the best rule of thumb on this base, and what to use."""
        return self.scorecard.sentence()

    def score(self, base: CustomerBase) -> ChurnScores:
        """The probability of leaving of every customer active on ``base.as_of``, with reasons.

        The base may be a later day of the same one, or another with the same tables. Warns with
        a ``DataWarning`` where its customers no longer look like those of the training.

        Raises
        ------
        InputError
            Where the base lacks a table or column that the model learnt from, or that told it
            which accounts are closed or under contract.
        """
        require_base(base)
        known: ChurnScores | None = recall(base, "score", first_of(self))
        if known is not None:
            return known
        with remembering(base, "score", first_of(self)) as kept:
            kept.value = scores = score_customers(self, base)
        return scores

    def score_to(self, base: CustomerBase, path: str | Path, *, batch_rows: int = 100_000) -> int:
        """Score a base of any size into a Parquet or CSV file, in bounded memory.

        Gives the number of rows; see :func:`retention_lib.scoring.streaming.score_to_file`.
        """
        from retention_lib.scoring.streaming import score_to_file

        return score_to_file(self, base, path, batch_rows=batch_rows)

    def training(self) -> Listing:
        """The dates that the model learnt from: how many customers, how many of them left."""
        import pandas as pd

        rows = [
            {
                "date": pd.Timestamp(day["date"]),
                "customers": day["customers"],
                "leavers": day["leavers"],
                "share_left": day["leavers"] / day["customers"],
            }
            for day in self.trained_on["dates"]
        ]
        said = self.wording.say(
            "churn.training",
            customers=self.trained_on["customers"],
            dates=len(rows),
            share=self.wording.percent(self.trained_on["share_left"]),
            horizon=self.horizon_days,
        )
        return _Training(pd.DataFrame(rows), wording=self.wording, said=said)

    def save(self, path: str | Path) -> Path:
        """Write the model into one file, without pickle; read it with ``rl.load_churn(path)``."""
        from retention_lib.scoring.churn_files import save_churn

        return save_churn(self, path)

    def _repr_html_(self) -> str:
        return self.scorecard._repr_html_()


@dataclass(frozen=True, repr=False, eq=False)
class _Training(Listing):
    formats: ClassVar[Mapping[str, str]] = {
        "customers": "count",
        "leavers": "count",
        "share_left": "percent",
    }


def _check_enough(panel: pd.DataFrame, dates: Dates) -> None:
    """Refuse where the dates before the test date hold too few who left or stayed."""
    before = panel[np.isin(day_numbers(panel), dates.training)]
    counts = {
        word: int(before.loc[before["churned"] == side, "customer_id"].nunique())
        for side, word in ((1.0, "left"), (0.0, "stayed"))
    }
    short = [word for word, count in counts.items() if count < FEWEST]
    if short:
        bound = "is_contract" in before and bool((before["is_contract"] == 1).all())
        key = "few_both" if len(short) == 2 else f"few_{short[0]}"
        raise TooLittleError(
            f"refusal.{key}_contracts" if bound and key == "few_left" else f"refusal.{key}",
            **counts,
            horizon=dates.horizon_days,
            dates=len(dates.training),
            customers=int(before["customer_id"].nunique()),
            fewest=FEWEST,
        )
    if not len(panel) or not (day_numbers(panel) == dates.test).any():
        day = engine.day_of(dates.test)
        raise TooLittleError("refusal.inactive", date=day, iso=str(day))


def _judged(
    base: CustomerBase,
    model: CombinedClassifier,
    before: pd.DataFrame,
    test: pd.DataFrame,
    dates: Dates,
) -> Scorecard:
    """The scorecard: a model that knows no label of the test date's stretch, judged on it."""
    methods = {
        "model": model.predict_proba(test),
        **model.by_learner(test),
        # Two learners are rules of thumb as well, and judged as such.
        **rules_of_thumb(before, test),
    }
    w = base.wording
    return make_scorecard(
        methods,
        test["churned"].to_numpy(dtype=float),
        test["spend_365"].to_numpy(dtype=float),
        wording=w,
        assumptions={
            "churn_test": w.date(engine.day_of(dates.test)),
            "churn_learnt": w.say(
                "churn.learnt",
                dates=len(dates.training),
                first=w.date(engine.day_of(dates.training[0])),
                last=w.date(engine.day_of(dates.training[-1])),
            ),
            "churn_horizon": w.say("churn.days", days=dates.horizon_days),
        },
    )


def _facts(
    panel: pd.DataFrame,
    classifier: CombinedClassifier,
    dates: Dates,
    out_of: int,
    card: Scorecard,
) -> dict[str, Any]:
    """What the training was, in plain texts and numbers."""
    left, days = panel["churned"].to_numpy(dtype=float), day_numbers(panel)
    odds = log_odds_of(classifier.predict_proba(panel))
    _, strayed = date_offsets(odds, left, days)
    within = float((strayed**2).mean())
    # The one date that a model had not seen says more of the next than dates it learnt from.
    unseen = card.value_of("model", "calibration_intercept")
    spread = np.sqrt(max(within, (within + unseen**2) / 2) if np.isfinite(unseen) else within)
    by_day = [
        {
            "date": str(engine.day_of(day)),
            "customers": int((days == day).sum()),
            "leavers": int(left[days == day].sum()),
        }
        for day in dates.days
        if (days == day).any()
    ]
    return {
        "customers": int(panel["customer_id"].nunique()),
        "rows": len(panel),
        "share_left": float(left.mean()),
        "dates": by_day,
        "judged_on": str(engine.day_of(dates.test)),
        "sampled_from": out_of,
        "spread": max(float(spread), SMALLEST_SPREAD),
    }


def _assumptions(
    base: CustomerBase, classifier: CombinedClassifier, dates: Dates, facts: Mapping[str, Any]
) -> dict[str, object]:
    w = base.wording
    weights = classifier.shares()
    shares = [
        w.say(f"churn.share.{kind}", share=w.percent(share, decimals=0))
        for kind, share in zip(weights, whole_percents(list(weights.values())), strict=True)
    ]
    said: dict[str, object] = {
        "as_of": base.as_of,
        "churn_horizon": w.say("churn.days", days=dates.horizon_days),
        "churn_learnt": w.say(
            "churn.learnt",
            dates=len(dates.days),
            first=w.date(engine.day_of(dates.days[0])),
            last=w.date(engine.day_of(dates.days[-1])),
        ),
        "churn_test": w.date(engine.day_of(dates.test)),
        "churn_made_of": w.listing(shares),
        "churn_kinds": w.say(f"churn.kinds.{'two' if len(classifier.formulas) > 1 else 'one'}"),
    }
    if facts["sampled_from"]:
        said["churn_sampled"] = w.say(
            "churn.sampled", customers=facts["customers"], of=facts["sampled_from"]
        )
    return said


def whole_percents(shares: Sequence[float]) -> list[float]:
    """Shares of a whole in full percent that add up to it: the largest remainders are rounded up.

    >>> whole_percents([0.435, 0.369, 0.08, 0.116])
    [0.43, 0.37, 0.08, 0.12]
    """
    exact = 100 * np.asarray(shares, dtype=float)
    whole = np.floor(exact)
    short = round(float(exact.sum())) - int(whole.sum())
    whole[np.argsort(whole - exact, kind="stable")[:short]] += 1
    return [float(each) for each in whole / 100]
