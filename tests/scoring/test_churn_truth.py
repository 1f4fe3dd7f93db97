"""Against what is known of simulated customers: signal is found, its absence admitted."""

import numpy as np
import pandas as pd
import pytest

import retention_lib as rl
from retention_lib.base import engine
from retention_lib.scoring.churn import fit_churn

HORIZON = 60


def split(base):
    """The base one horizon ago, and who left since of those active then."""
    then = base.at(engine.day_of(base.as_of_day - HORIZON))
    known = rl.take_snapshots(base, then.as_of, horizon_days=HORIZON).labelled()
    return then, known.set_index("customer_id")["churned"]


def auc_of(risk, left):
    ranks = pd.Series(risk).rank()
    leavers = left.sum()
    won = ranks[left.to_numpy() == 1].sum() - leavers * (leavers + 1) / 2
    return won / (leavers * (len(left) - leavers))


def test_the_model_says_who_left_afterwards_and_how_many():
    base, _ = rl.simulate_base(700, seed=21, years=1.6)
    then, left = split(base)
    model = fit_churn(then, horizon_days=HORIZON)
    scores = model.score(then)
    table = scores.to_frame().set_index("customer_id").loc[left.index]
    risk = table["churn_probability"].to_numpy()
    seen = scores.seen.set_index("customer_id").loc[left.index]
    auc = auc_of(risk, left)
    assert auc > auc_of(seen["recency_days"].to_numpy(), left) + 0.03
    # What the scorecard promised on the date before.
    card = model.scorecard
    assert (
        card.value_of("model", "auc_low") - 0.03 < auc < card.value_of("model", "auc_high") + 0.03
    )
    _, low, high = scores.expected()
    assert low <= left.sum() <= high
    safest, riskiest = left[risk < np.quantile(risk, 0.2)], left[risk > np.quantile(risk, 0.8)]
    assert safest.mean() < 0.2 < 0.6 < riskiest.mean()


@pytest.mark.parametrize("seed", range(2))
def test_where_customers_leave_at_random_no_skill_is_claimed(seed):
    base, _ = rl.simulate_base(400, seed=seed, years=1.5, signal=False)
    model = fit_churn(base, horizon_days=HORIZON)
    assert model.scorecard.verdict == "no_skill"
    risk = model.score(base).to_frame()["churn_probability"]
    assert risk.std() < 0.1
