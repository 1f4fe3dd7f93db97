"""How well ``value_customers`` forecasts revenue, beside BG/NBD and Gamma-Gamma, and naively.

``python benchmarks/value_accuracy.py [FOLDER_OR_FILE …]`` cuts each base on earlier days, forecasts
what came after with the defaults, and prints a table: error of the total, rank correlation, Gini
of the revenue that came when customers are lined up by the forecast (1 is perfect), and decile
error (the ten tenths' absolute errors, added up, over what came). Without arguments: the samples
and simulated bases.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd

import retention_lib as rl
from retention_lib.base import engine
from retention_lib.portfolio.money import margin_basis
from retention_lib.scoring._lifetime_facts import Days, kept_days
from retention_lib.scoring._lifetime_models import Histories, trailing
from retention_lib.scoring.gamma_gamma import GammaGamma
from retention_lib.scoring.purchase_models import BGNBD

Values = np.ndarray[Any, np.dtype[Any]]


def bases() -> Iterator[tuple[str, rl.CustomerBase]]:
    """The bases asked for, by name."""
    if len(sys.argv) > 1:
        for path in sys.argv[1:]:
            yield path, rl.open_base(path)
        return
    yield "b2b sample", rl.open_base("data/sample/b2b")
    yield "CDNOW sample", rl.open_base("data/sample/cdnow")
    for seed in (21, 23):
        yield f"simulated b2b {seed}", rl.simulate_base(2000, seed=seed)[0]
        yield f"simulated b2c {seed + 1}", rl.simulate_base(2000, seed=seed + 1, kind="b2c")[0]


def cuts(days: Days) -> Iterator[tuple[int, int]]:
    """Days to forecast from, and how far: half of a short history, the last year of a long one."""
    as_of = days.base.as_of_day
    history = as_of - days.begins + 1
    if history >= 3 * 365:
        yield from ((as_of - 365, 365), (as_of - 365, 180), (as_of - 365, 90))
    else:
        yield from ((as_of - history // 2, history // 2), (as_of - history // 3, history // 3))


def classic(days: Days, day: int, ahead: int) -> pd.DataFrame:
    """BG/NBD with Gamma-Gamma on repeat purchases, as everybody does it; and the naive rate."""
    facts = days.facts(day)
    bought = days.frame.filter(nw.col("net") > 0)
    first = bought.group_by("customer_id").agg(nw.col("day").min())
    firsts = engine.collect(bought.join(first, on=["customer_id", "day"], how="inner"))
    firsts = firsts.rename(columns={"net": "first_value"})[["customer_id", "first_value"]]
    facts = facts.merge(firsts, on="customer_id")
    histories = Histories.of(facts, day)
    fitted = BGNBD().fit(histories.distinct, histories.counts)
    often = fitted.expected_purchases(histories.distinct, ahead)[histories.place]
    repeats = facts["purchases"] - 1
    spend = pd.DataFrame(
        {
            "repeat_purchases": repeats,
            "mean_repeat_value": ((facts["gross"] - facts["first_value"]) / repeats.clip(lower=1))
            .where(repeats > 0, 1.0)
            .clip(lower=1e-6),
        }
    )
    value = GammaGamma().fit(spend).expected_value(spend)
    open_ = facts["closed_day"].isna().to_numpy(dtype=float)
    net = facts["revenue"].sum() / facts["gross"].sum()
    return pd.DataFrame(
        {
            "customer_id": facts["customer_id"],
            "BG/NBD + Gamma-Gamma": often * value * net * open_,
            "naive rate": trailing(facts, days.begins, day, ahead)[1],
        }
    )


def measures(forecast: Values, came: Values) -> str:
    """The four figures of a forecast, as cells of a table."""
    ranks = pd.Series(forecast).rank().corr(pd.Series(came).rank())
    order, ideal = (np.argsort(-values, kind="stable") for values in (forecast, came))

    def above_chance(lined_up: Values) -> float:
        return float(np.cumsum(came[lined_up]).sum() / came.sum() - (len(came) + 1) / 2)

    gini = above_chance(order) / above_chance(ideal)
    tenths = np.array_split(order, 10)
    off = sum(abs(float(forecast[t].sum() - came[t].sum())) for t in tenths) / came.sum()
    total = forecast.sum() / came.sum() - 1
    return f"{total:+.1%} | {ranks:.3f} | {gini:.3f} | {off:.3f}"


def main() -> None:
    """Print one table row a base, cut and method."""
    warnings.simplefilter("ignore")
    print("| base | from | days | method | total | rank correlation | Gini | decile error |")
    print("|---|---|---|---|---|---|---|---|")
    for name, base in bases():
        with kept_days(base, margin_basis(base)) as days:
            if days is None:
                continue
            for day, ahead in cuts(days):
                table = classic(days, day, ahead)
                seen = base.at(engine.day_of(day))
                ours = rl.value_customers(seen, horizon_days=ahead).to_frame()
                ours["value_customers"] = ours["expected_purchases"] * ours["expected_spend"]
                came = days.bought_between(day, day + ahead)[["customer_id", "revenue"]]
                table = table.merge(ours[["customer_id", "value_customers"]], on="customer_id")
                table = table.merge(came, on="customer_id", how="left").fillna(0.0)
                began = base.as_of - timedelta(days=base.as_of_day - day)
                for method in ("value_customers", "BG/NBD + Gamma-Gamma", "naive rate"):
                    told = measures(table[method].to_numpy(), table["revenue"].to_numpy())
                    print(f"| {name} | {began} | {ahead} | {method} | {told} |", flush=True)


if __name__ == "__main__":
    main()
