"""How well the churn model does on dates gone by, beside seven methods, without any tuning.

    python benchmarks/churn_accuracy.py [FILE …]

Each base is put back to several dates; the model is fitted on what was known then and scores the
customers of that day, and what they did in the days after is the judge. Without files: the
samples that ship and simulated bases; a file is a table of transactions or a workbook. The seven
methods see the same dates: the five rules of thumb, boosting on all features, and the purchase
model's own probability as it stands.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier

import retention_lib as rl
from retention_lib.base import engine
from retention_lib.base.customer_base import CustomerBase
from retention_lib.errors import RetentionError
from retention_lib.scoring._churn_dates import first_purchase, plan_dates, sampled_customers
from retention_lib.scoring._evaluation_metrics import fit_line, log_odds
from retention_lib.scoring._rules_of_thumb import rules_of_thumb
from retention_lib.scoring.features import BY_NAME

HORIZONS = (30, 60, 90, 180)


def bases(files: list[str]) -> Iterator[tuple[str, CustomerBase]]:
    """The bases to try."""
    if files:
        for file in files:
            yield file.rsplit("/", 1)[-1], rl.open_base(file)
        return
    yield "b2b sample", rl.open_base("data/sample/b2b")
    yield "CDNOW sample", rl.open_base("data/sample/cdnow")
    yield "simulated b2b", rl.simulate_base(3000, seed=11)[0]
    yield "simulated b2c", rl.simulate_base(6000, seed=12, kind="b2c")[0]
    yield "simulated contracts", rl.simulate_base(3000, seed=13, contracts_share=0.5)[0]
    yield "simulated no signal", rl.simulate_base(3000, seed=14, signal=False)[0]


def measured(left: np.ndarray[Any, Any], said: np.ndarray[Any, Any]) -> dict[str, float]:
    """AUC, Brier, calibration error over tenths and calibration slope."""
    ranks = pd.Series(said).rank().to_numpy()
    leavers = left.sum()
    auc = (ranks[left == 1].sum() - leavers * (leavers + 1) / 2) / (leavers * (len(left) - leavers))
    tenths = np.array_split(np.argsort(said, kind="stable"), 10)
    error = sum(len(t) * abs(left[t].mean() - said[t].mean()) for t in tenths if len(t)) / len(left)
    probable = said.min() >= 0 and said.max() <= 1
    slope = fit_line(log_odds(said), left)[1] if probable else np.nan
    return {
        "auc": float(auc),
        "brier": float(((said - left) ** 2).mean()),
        "ece": float(error),
        "slope": float(slope),
    }


def boosted(train: pd.DataFrame, test: pd.DataFrame) -> np.ndarray[Any, Any]:
    """Gradient boosting as it comes, on all features that differ."""
    names = [name for name in train if name in BY_NAME and train[name].nunique() > 1]
    fitted = HistGradientBoostingClassifier(random_state=0).fit(train[names], train["churned"])
    said: np.ndarray[Any, Any] = fitted.predict_proba(test[names])[:, 1]
    return said


def one_case(base: CustomerBase, day: int, horizon: int) -> list[dict[str, Any]]:
    """All methods on one date of one base."""
    then = base.at(engine.day_of(day))
    model = rl.fit_churn(then, horizon_days=horizon)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scores = model.score(then)
    dates = plan_dates(first_purchase(then), day, horizon)
    known = rl.take_snapshots(
        then,
        [engine.day_of(each) for each in dates.days],
        horizon_days=horizon,
        customers=sampled_customers(then, dates).ids,
    )
    train = known.labelled()
    later = base.at(engine.day_of(day + horizon))
    test = rl.take_snapshots(later, engine.day_of(day), horizon_days=horizon).labelled()
    left = test["churned"].to_numpy(dtype=float)
    by_id = scores.to_frame().set_index("customer_id")["churn_probability"]
    latest = train[train["date"] == train["date"].max()]
    said = {
        "model": by_id.reindex(test["customer_id"]).to_numpy(dtype=float),
        **rules_of_thumb(train, test),
        "boosting": boosted(train, test),
        "boosting_latest": boosted(latest, test),
        "purchase_as_is": test["no_purchase_probability"].fillna(0.5).to_numpy(dtype=float),
    }
    _, low, high = scores.expected()
    facts = {
        "customers": len(test),
        "left": left.mean(),
        "inside": float(low <= left.sum() <= high),
        "verdict": model.scorecard.verdict,
    }
    return [{"method": name, **facts, **measured(left, each)} for name, each in said.items()]


def cases(base: CustomerBase) -> Iterator[tuple[int, int]]:
    """Dates and horizons to try: the last possible one and one halfway back."""
    first = first_purchase(base)
    for horizon in HORIZONS:
        last, earliest = base.as_of_day - horizon, first + 2 * horizon + 45
        for day in (last, last - int(0.35 * (last - first - 2 * horizon))):
            if day >= earliest:
                yield day, horizon


def main(files: list[str]) -> None:
    """Print a line a case, and what the judge asks of all of them."""
    rows: list[dict[str, Any]] = []
    for name, base in bases(files):
        for day, horizon in cases(base):
            about = {"base": name, "day": engine.day_of(day), "horizon": horizon}
            try:
                rows += [{**about, **each} for each in one_case(base, day, horizon)]
            except RetentionError as error:
                print(f"{name}, {about['day']}, {horizon} days: {error}")
                continue
            print(told(pd.DataFrame(rows[-9:])), flush=True)
    print_summary(pd.DataFrame(rows))


def told(case: pd.DataFrame) -> str:
    """One case in a line."""
    model = case.iloc[0]
    others = case.iloc[1:]
    best = others.loc[others["auc"].idxmax()]
    boosting = case[case["method"] == "boosting"].iloc[0]
    return (
        f"{model['base']:20} {model['day']} {model['horizon']:4} d  left {model['left']:.2f}  "
        f"AUC {model['auc']:.3f} (best other {best['auc']:.3f} {best['method']:15})  "
        f"Brier {model['brier']:.4f} (boosting {boosting['brier']:.4f})  "
        f"error {model['ece']:.3f}  slope {model['slope']:.2f}  {model['verdict']}"
    )


def print_summary(rows: pd.DataFrame) -> None:
    """How often the model holds what is asked of it."""
    if rows.empty:
        return
    wide = rows.pivot(index=["base", "day", "horizon"], columns="method", values=["auc", "brier"])
    auc, brier = wide["auc"], wide["brier"]
    model = rows[rows["method"] == "model"]
    gap = auc["model"] - auc.drop(columns="model").max(axis=1)
    print(f"\n{len(model)} cases")
    print(f"AUC at least the best other's - 0.005: {(gap >= -0.005).mean():.0%}; {gap.mean():+.4f}")
    worse = brier["model"] - brier["boosting"]
    print(
        f"Brier at most boosting's plus 0.002: {(worse <= 0.002).mean():.0%}; {worse.mean():+.4f}"
    )
    print(f"calibration error at most 0.05: {(model['ece'] <= 0.05).mean():.0%}")
    print(f"calibration slope 0.85 to 1.2: {model['slope'].between(0.85, 1.2).mean():.0%}")
    print(f"leavers inside the range that was given: {model['inside'].mean():.0%}")
    print(rows.groupby("method")[["auc", "brier", "ece", "slope"]].mean().round(4).to_string())


if __name__ == "__main__":
    main(sys.argv[1:])
