"""Do the 90 % ranges of ``value_customers`` hold the truth? 200 simulated bases of each world.

``python benchmarks/value_coverage.py [BASES]`` prints the tables of ``docs/value-coverage.md``.

Worlds:

- ``model``: customers drawn from the models themselves (MBG/NBD purchases, Gamma-Gamma spend),
  three years of history, one year ahead. What each customer is worth is known exactly.
- ``model, short``: the same with ten months of history.
- ``simulated``: ``rl.simulate_base`` (season, price rises, complaints, neglect, closures: nothing
  that the models know of), b2b and b2c in turn, seen one year before its end; the truth is the
  margin that came in that year from those who were customers.

The total is held against what came, and, where it is known, against what was to be expected.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd

import retention_lib as rl
from retention_lib.portfolio.intervals import share_interval

AHEAD = 365
RATE = 0.10
START = date(2020, 1, 1)
Values = np.ndarray[Any, np.dtype[Any]]


@dataclass
class Tally:
    """What was held, base by base."""

    came: list[bool] = field(default_factory=list)
    expected: list[bool] = field(default_factory=list)
    customers: list[float] = field(default_factory=list)
    error: list[float] = field(default_factory=list)
    width: list[float] = field(default_factory=list)


def model_world(seed: int, days: int) -> tuple[rl.CustomerBase, pd.DataFrame, float]:
    """A base drawn from the models: the base, what each customer is worth, what came of it."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(500, 1500))
    r, alpha = rng.uniform(0.6, 2.0), rng.uniform(40, 120)
    a, b = rng.uniform(0.4, 1.2), rng.uniform(2.0, 6.0)
    p, q, gamma = rng.uniform(2, 6), rng.uniform(3, 5), rng.uniform(50, 150)
    rate, stop = rng.gamma(r, 1 / alpha, n), rng.beta(a, b, n)
    mean = p * gamma / rng.gamma(q, 1, n)
    first = rng.integers(0, int(days * 0.7), n)
    rows: list[tuple[int, int, float]] = []
    alive = np.ones(n, dtype=bool)
    for who in range(n):
        day, last = float(first[who]), False
        while day < days + AHEAD:
            rows.append((who, int(day), float(rng.gamma(p) * mean[who] / p)))
            last = rng.random() < stop[who]
            if last:
                break
            day += rng.exponential(1 / rate[who])
        alive[who] = not (last and day < days)
    lines = pd.DataFrame(rows, columns=["customer_id", "day", "amount"])
    ahead = lines["day"] - (days - 1)
    later = lines[(ahead > 0) & (first[lines["customer_id"]] < days)]
    came = float((later["amount"] * (1 + RATE) ** (-ahead[later.index] / 365)).sum())
    known = lines[ahead <= 0].assign(
        customer_id=lambda f: f["customer_id"].map("{:05}".format),
        date=lambda f: pd.to_datetime([START + timedelta(days=int(d)) for d in f["day"]]),
    )
    base = rl.CustomerBase.from_tables(
        known[["customer_id", "date", "amount"]], as_of=START + timedelta(days=days - 1)
    )
    fading = rate * stop + np.log1p(RATE) / 365
    worth = alive * mean * rate * -np.expm1(-fading * AHEAD) / fading
    truth = pd.DataFrame({"customer_id": [f"{who:05}" for who in range(n)], "worth": worth})
    return base, truth, came


def simulated_world(seed: int) -> tuple[rl.CustomerBase, None, float]:
    """A simulated base seen a year before its end, and the margin that came of its customers."""
    whole, _ = rl.simulate_base(700 + seed % 5 * 200, seed=seed, kind=("b2b", "b2c")[seed % 2])
    base = whole.at(whole.as_of - timedelta(days=AHEAD))
    lines = whole.to_pandas("transactions")
    ahead = (lines["date"] - pd.Timestamp(base.as_of)).dt.days
    known = set(lines.loc[ahead <= 0, "customer_id"])
    later = lines[(ahead > 0) & lines["customer_id"].isin(known)]
    came = float((later["margin"] * (1 + RATE) ** (-ahead[later.index] / 365)).sum())
    return base, None, came


def tally(world: str, bases: int) -> Tally:
    """Value the bases of a world and count what the ranges hold."""
    made = Tally()
    for seed in range(bases):
        if world == "simulated":
            base, truth, came = simulated_world(seed)
        else:
            base, truth, came = model_world(seed, 300 if "short" in world else 1095)
        worth = rl.value_customers(base, horizon_days=AHEAD, discount_rate=RATE)
        total = worth.total
        made.came.append(total.low <= came <= total.high)
        made.error.append(total.clv / came - 1)
        made.width.append((total.high - total.low) / total.clv)
        if truth is not None:
            both = worth.to_frame().merge(truth, on="customer_id")
            made.expected.append(total.low <= float(both["worth"].sum()) <= total.high)
            held = both["worth"].between(both["clv_low"] - 1e-9, both["clv_high"] + 1e-9)
            made.customers.append(float(held.mean()))
    return made


def main() -> None:
    """Print one table row a world."""
    bases = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    worlds = sys.argv[2:] or ["model", "model, short", "simulated"]
    print(
        "| world | bases | total holds what came | total holds what was expected "
        "| customers inside their range | typical error of the total | width of the range |"
    )
    print("|---|---|---|---|---|---|---|")
    for world in worlds:
        started = time.perf_counter()
        made = tally(world, bases)
        low, high = share_interval(sum(made.came), bases)
        expected = f"{np.mean(made.expected):.1%}" if made.expected else "not known"
        inside = f"{np.mean(made.customers):.1%}" if made.customers else "not known"
        print(
            f"| {world} | {bases} | {np.mean(made.came):.1%} ({low:.0%} to {high:.0%}) "
            f"| {expected} | {inside} | {np.median(np.abs(made.error)):.1%} "
            f"(mean {np.mean(made.error):+.1%}) | {np.median(made.width):.1%} |",
            flush=True,
        )
        print(f"{time.perf_counter() - started:.0f} s", file=sys.stderr)


if __name__ == "__main__":
    main()
