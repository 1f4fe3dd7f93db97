"""How long BG/NBD takes to fit and to predict, beside lifetimes and clvkit on the same customers.

``python benchmarks/purchase_model_speed.py [CUSTOMERS] [--peers PYTHON]``, 50,000 customers where
not said. PYTHON is an interpreter that has lifetimes or clvkit, neither of which this project
needs; without it those importable here are measured. Medians of three runs, prediction a year
ahead; ``log-likelihood`` is per day, the same for who finds the maximum.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pandas as pd

RUNS = 3
YEAR = 365
PEERS = ("lifetimes", "clvkit")
Method = Callable[[pd.DataFrame], tuple[Callable[[], Any], Callable[[Any], Any]]]


def histories(customers: int) -> pd.DataFrame:
    """Customers made by the model, in whole days, as old as a base of three years has them."""
    from retention_lib.scoring.purchase_models import BGNBD

    age = np.random.default_rng(0).integers(1, 1096, customers)
    model = BGNBD().with_parameters(r=0.243, alpha=30.9, a=0.793, b=2.426)
    made = model.simulate(customers, age, 0, seed=1)
    again = made["repeat_purchases"] > 0
    made["purchase_span_days"] = np.where(again, np.ceil(made["purchase_span_days"]), 0)
    return made[["repeat_purchases", "purchase_span_days", "age_days"]]


def ours(kind: str) -> Method:
    """This project's model of that kind."""

    def method(X: pd.DataFrame) -> tuple[Callable[[], Any], Callable[[Any], Any]]:
        from retention_lib.scoring.purchase_models import fit_purchase_model

        def summary(model: Any) -> Any:
            return model.log_likelihood_, model.expected_purchases(X, YEAR)

        return lambda: fit_purchase_model(X, kind=kind), summary

    return method


def lifetimes(X: pd.DataFrame) -> tuple[Callable[[], Any], Callable[[Any], Any]]:
    """Lifetimes 0.11: frequency, recency, T."""
    from lifetimes import BetaGeoFitter

    columns = [X[name].to_numpy() for name in X]

    def summary(model: Any) -> Any:
        predicted = model.conditional_expected_number_of_purchases_up_to_time(YEAR, *columns)
        # What it keeps is divided by the customers and by its scale of time.
        scale = model._scale
        height = -model._negative_log_likelihood_ * len(X) + columns[0].sum() * np.log(scale)
        return height, np.asarray(predicted)

    return lambda: BetaGeoFitter().fit(*columns), summary


def clvkit(X: pd.DataFrame) -> tuple[Callable[[], Any], Callable[[Any], Any]]:
    """Clvkit 0.2: its own customer base around the same columns."""
    from clvkit import BGNBD, CustomerBase

    base = CustomerBase(
        X.set_axis(["frequency", "recency", "T"], axis=1),
        time_unit="D",
        observation_period_end=pd.Timestamp("2025-12-31"),
        has_monetary=False,
        on_negative="net",
    )

    def summary(model: Any) -> Any:
        return model.log_likelihood_, model.predict(YEAR).to_pandas().to_numpy()

    return lambda: BGNBD().fit(base), summary


METHODS: dict[str, Method] = {
    "ours, BG/NBD": ours("bgnbd"),
    "ours, modified": ours("mbgnbd"),
    "lifetimes": lifetimes,
    "clvkit": clvkit,
}


def measure(name: str, X: pd.DataFrame) -> dict[str, Any]:
    """Seconds to fit and to predict, the likelihood reached, how many predictions are numbers."""
    fit, summary = METHODS[name](X)
    fits, predictions = [], []
    for _ in range(RUNS):
        begun = time.perf_counter()
        model = fit()
        fitted = time.perf_counter()
        height, predicted = summary(model)
        fits.append(fitted - begun)
        predictions.append(time.perf_counter() - fitted)
    finite = int(np.isfinite(np.asarray(predicted, dtype=float)).sum())
    return {
        "fit": median(fits),
        "predict": median(predictions),
        "height": float(height),
        "finite": finite,
    }


def elsewhere(python: str, name: str, X: pd.DataFrame) -> dict[str, Any] | str:
    """The same measured by another interpreter, or what it said instead."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "histories.csv"
        X.to_csv(path, index=False)
        command = [python, __file__, "--measure", name, str(path)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    lines = (done.stdout if done.returncode == 0 else done.stderr).strip().splitlines()
    said = lines[-1] if lines else "nothing was printed"
    return json.loads(said) if done.returncode == 0 else said


def main(customers: int, peers: str) -> None:
    """One table, one row a method."""
    X = histories(customers)
    again = int((X["repeat_purchases"] > 0).sum())
    print(f"{customers:,} customers, {again:,} of whom bought again; median of {RUNS} runs")
    print(f"{'':16}{'fit':>10}{'predict':>10}{'log-likelihood':>18}{'finite':>10}")
    for name in METHODS:
        here = name not in PEERS
        found: Any = measure(name, X) if here else elsewhere(peers, name, X)
        if isinstance(found, str):
            print(f"{name:16}not measured: {found[:80]}")
            continue
        row = f"{found['fit']:8.3f} s{found['predict']:8.3f} s{found['height']:18,.1f}"
        print(f"{name:16}{row}{found['finite']:10,}", flush=True)


if __name__ == "__main__":
    given = sys.argv[1:]
    if given[:1] == ["--measure"]:
        print(json.dumps(measure(given[1], pd.read_csv(given[2]))))
    else:
        python = sys.executable
        if "--peers" in given:
            place = given.index("--peers")
            python = given[place + 1]
            del given[place : place + 2]
        main(int(given[0]) if given else 50_000, python)
