"""How long the churn model takes: training on 200,000 rows, a whole fit, and scoring.

    python benchmarks/churn_speed.py [CUSTOMERS]

First the learners, the record and the calibration alone, on 200,000 made-up snapshot rows of
forty features; then ``fit_churn`` and ``.score`` on a simulated base (45,000 customers are about
a million transactions). One run a figure: use a quiet machine.
"""

from __future__ import annotations

import sys
import time

import numpy as np
import pandas as pd

import retention_lib as rl
from retention_lib.scoring._churn_fitting import fit_classifier
from retention_lib.scoring.features import FEATURES


def made_up(rows: int, dates: int = 12) -> pd.DataFrame:
    """Snapshot rows of customers whose features all matter a little."""
    random = np.random.default_rng(0)
    customers = rows // dates
    common = random.normal(0, 1, (customers, len(FEATURES)))
    frames = []
    for number in range(dates):
        values = common + random.normal(0, 0.5, common.shape)
        table = {
            feature.name: np.exp(values[:, place])
            for place, feature in enumerate(FEATURES)
            if feature.unit not in ("share", "flag")
        }
        table["no_purchase_probability"] = 1 / (1 + np.exp(-values[:, 0]))
        odds = values @ np.linspace(0.5, 0.0, len(FEATURES))
        frames.append(
            pd.DataFrame(
                {
                    "customer_id": [f"C{n:07}" for n in range(customers)],
                    "date": pd.Timestamp("2024-01-01") + pd.Timedelta(days=30 * number),
                    **table,
                    "churned": (random.random(customers) < 1 / (1 + np.exp(-odds))).astype(float),
                }
            )
        )
    return pd.concat(frames, ignore_index=True)


def timed(what: str, start: float) -> None:
    print(f"{what:62} {time.perf_counter() - start:7.1f} s", flush=True)


def main(customers: int = 45_000) -> None:
    """Print seconds."""
    panel = made_up(200_000)
    names = [feature.name for feature in FEATURES if feature.name in panel]
    start = time.perf_counter()
    fit_classifier(panel, names, horizon_days=90, first_day=18_000)
    timed(f"training and calibration, {len(panel):,} rows, {len(names)} features", start)
    base, _ = rl.simulate_base(customers, seed=1, years=3)
    rows = base.made_from["tables"]["transactions"]["rows_kept"]
    start = time.perf_counter()
    model = rl.fit_churn(base)
    timed(f"fit_churn, {rows:,} transactions, {customers:,} customers", start)
    start = time.perf_counter()
    scores = model.score(base)
    timed(f".score, {len(scores.to_frame()):,} active customers", start)
    print(model.sentence())
    print(scores.sentence())


if __name__ == "__main__":
    main(*[int(given) for given in sys.argv[1:2]])
