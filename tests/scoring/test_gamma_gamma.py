"""The Gamma-Gamma spend model: published figures, truth of its own, and bases that say little."""

from functools import cache, partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retention_lib.errors import InputError
from retention_lib.scoring import gamma_gamma
from retention_lib.scoring._fitting import maximise
from retention_lib.scoring.gamma_gamma import GammaGamma

CDNOW = Path(__file__).parents[2] / "data/sample/cdnow/transactions.parquet"


def spend(repeats, value):
    return pd.DataFrame({"repeat_purchases": repeats, "mean_repeat_value": value})


@cache
def cdnow():
    """Repeat purchases of the first 39 weeks of 1997 and what they brought on average."""
    lines = pd.read_parquet(CDNOW)
    lines["date"] = pd.to_datetime(lines["date"])
    lines = lines[lines["date"] <= "1997-09-30"]
    days = lines.groupby(["customer_id", "date"], as_index=False)["amount"].sum()
    first = days.groupby("customer_id")["date"].transform("min")
    again = days[days["date"] > first].groupby("customer_id")["amount"].agg(["size", "mean"])
    table = again.reindex(days["customer_id"].unique())
    return spend(table["size"].fillna(0).to_numpy(), table["mean"].to_numpy())


@cache
def on_cdnow():
    return GammaGamma().fit(cdnow())


def objective(X):
    used = X[X["repeat_purchases"] > 0]
    columns = (used["repeat_purchases"].to_numpy(float), used["mean_repeat_value"].to_numpy(float))
    return gamma_gamma._Spend.of(*columns, np.ones(len(used)))


def test_cdnow_gives_the_published_parameters():
    model = on_cdnow()
    assert (cdnow()["repeat_purchases"] > 0).sum() == 946
    known = model.parameters_
    assert [known["p"], known["q"], known["gamma"]] == pytest.approx([6.25, 3.74, 15.44], abs=0.005)
    assert model.converged_ and all(model.identified_.values())


def test_the_first_customers_of_cdnow_are_expected_to_spend_what_was_published():
    # Fader and Hardie's spreadsheet: 24.65 (2 purchases of 22.35), 18.91, and 35.17 without any.
    X = spend([2, 1, 0], [22.35, 11.77, np.nan])
    assert on_cdnow().expected_value(X) == pytest.approx([24.65, 18.91, 35.17], abs=0.015)


def test_gradient_and_hessian_agree_with_differences():
    data = objective(cdnow().dropna().head(40))
    for point in np.random.default_rng(0).normal(size=(10, 3)):
        _, slope, curvature = gamma_gamma._likelihood(data, point)
        moved = [
            (gamma_gamma._likelihood(data, point + h), gamma_gamma._likelihood(data, point - h))
            for h in 1e-5 * np.eye(3)
        ]
        slopes = np.array([(up[0] - down[0]) / 2e-5 for up, down in moved])
        curvatures = np.array([(up[1] - down[1]) / 2e-5 for up, down in moved])
        assert slope == pytest.approx(slopes, rel=1e-6, abs=1e-5)
        assert curvature == pytest.approx(curvatures, rel=1e-6, abs=1e-5)


def test_every_start_leads_to_the_same_maximum_on_cdnow():
    data, rng = objective(cdnow()), np.random.default_rng(2)
    walls = data.walls()
    for _ in range(15):
        start = rng.uniform(walls.low, walls.high)
        found = maximise(partial(gamma_gamma._likelihood, data), walls, start)
        assert found.converged
        assert found.point == pytest.approx(on_cdnow()._optimum.point, abs=1e-3)


@cache
def made():
    truth = GammaGamma().with_parameters(p=4.0, q=3.5, gamma=60.0)
    repeats = np.random.default_rng(1).poisson(1.5, 100_000)
    return truth, truth.simulate(repeats, seed=2)


def test_the_fit_finds_the_parameters_the_customers_were_made_with():
    truth, base = made()
    model = GammaGamma().fit(base.head(40_000))
    gap = np.log(list(model.parameters_.values())) - np.log(list(truth.parameters_.values()))
    assert gap @ np.linalg.solve(model.covariance_, gap) < 16.3
    assert np.sqrt(np.diag(model.covariance_)).max() < 0.1


def test_the_expected_value_is_what_customers_of_that_history_spend():
    truth, base = made()
    expected = truth.expected_value(base)
    band = pd.qcut(base["mean_repeat_value"], 4, labels=False).fillna(-1)
    gaps = (base["true_mean"] - expected).groupby([base["repeat_purchases"].clip(upper=3), band])
    table = gaps.agg(["mean", "std", "count"])
    assert len(table) == 13
    assert (table["mean"].abs() < 4 * table["std"] / np.sqrt(table["count"])).all()


def test_the_posterior_holds_the_true_mean_as_often_as_it_says():
    truth, base = made()
    known = truth.posterior(base)
    drawn = np.random.default_rng(4).gamma(known.shape)
    below = (known.scale / drawn < base["true_mean"]).mean()
    # A draw of the posterior lies below the truth half of the time.
    assert below == pytest.approx(0.5, abs=4 * 0.5 / np.sqrt(len(base)))


def test_money_in_cents_gives_the_same_model_in_cents():
    X = cdnow()
    cents = GammaGamma().fit(X.assign(mean_repeat_value=X["mean_repeat_value"] * 100))
    known = on_cdnow().parameters_
    assert cents.parameters_ == pytest.approx({**known, "gamma": known["gamma"] * 100}, rel=1e-5)
    assert cents.expected_value(
        X.assign(mean_repeat_value=X["mean_repeat_value"] * 100)
    ) == pytest.approx(100 * on_cdnow().expected_value(X), rel=1e-6)


def test_weights_count_customers_and_customers_without_repeat_purchases_are_passed_over():
    X = cdnow().dropna().head(200)
    weights = np.arange(len(X)) % 3
    weighted = GammaGamma().fit(X, weights)
    long = GammaGamma().fit(X.loc[X.index.repeat(weights)])
    with_others = GammaGamma().fit(pd.concat([X, spend([0, 0], [0.0, np.nan])]), [*weights, 9, 9])
    for other in (long, with_others):
        assert other.parameters_ == pytest.approx(weighted.parameters_, rel=1e-6)


STRANGE = {
    "one customer": spend([3], [20.0]),
    "one customer, one purchase": spend([1], [0.01]),
    "all spend the same": spend(np.full(300, 4), np.full(300, 9.9)),
    "means without end": spend(
        np.full(400, 2), 10 / np.random.default_rng(0).pareto(0.6, 400).clip(1e-6)
    ),
    "means with a tail": spend(np.full(400, 1), np.random.default_rng(0).pareto(0.7, 400) + 0.01),
    "millions and cents": spend([1, 1, 2, 5], [1e9, 0.01, 1e6, 50.0]),
    "a hundred thousand purchases": spend([100_000, 3, 1], [12.0, 15.0, 9.0]),
}


@pytest.mark.parametrize("name", STRANGE)
def test_a_strange_base_gives_a_finite_model(name):
    X = STRANGE[name]
    with np.errstate(all="raise", under="ignore"):
        model = GammaGamma().fit(X)
        expected = model.expected_value(pd.concat([X, spend([0], [np.nan])]))
        drawn = model.draw_parameters(100, seed=1)
    assert model.converged_
    assert np.isfinite(list(model.parameters_.values())).all()
    assert np.isfinite(model.covariance_).all() and np.isfinite(drawn).all()
    assert (drawn[:, 1] > 1).all()
    assert (expected > 0).all() and np.isfinite(expected).all()


@pytest.mark.parametrize("name", ["means without end", "means with a tail"])
def test_where_no_mean_exists_it_says_so_and_gives_the_mean_observed(name):
    X = STRANGE[name]
    model = GammaGamma().fit(X)
    assert model.parameters_["q"] == pytest.approx(1.05, abs=0.01)
    assert not model.identified_["mean"] and not model.identified_["spread_between"]
    alone = model.expected_value(spend([0], [np.nan]))
    assert alone == pytest.approx([X["mean_repeat_value"].mean()])


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 60), st.floats(0.01, 1e5)), min_size=1, max_size=20))
def test_the_expected_value_lies_between_the_own_mean_and_the_populations(rows):
    X = spend(*(list(c) for c in zip(*rows, strict=True)))
    model = GammaGamma().fit(X)
    assert model.converged_
    p, q, gamma = model.parameters_.values()
    own, population = X["mean_repeat_value"].to_numpy(), p * gamma / (q - 1)
    found = model.expected_value(X)
    assert (found >= np.minimum(own, population) * (1 - 1e-9)).all()
    assert (found <= np.maximum(own, population) * (1 + 1e-9)).all()


def test_drawn_parameters_spread_as_the_covariance_says():
    model = on_cdnow()
    logs = np.log(model.draw_parameters(40_000, seed=3))
    assert np.cov(logs.T) == pytest.approx(model.covariance_, rel=0.1)
    assert (model.draw_parameters(3, seed=1) == model.draw_parameters(3, seed=1)).all()


@pytest.mark.parametrize(
    ("X", "says"),
    [
        (spend([0, 0], [0.0, 0.0]), "None of the 2 customers has a repeat purchase"),
        (spend([1, 2], [5.0, -1.0]), "mean_repeat_value is negative in 1 of 2 rows .first: row 1"),
        (spend([1, 2], [5.0, 0.0]), "0 although there are repeat purchases in 1 of 2 rows"),
        (spend([1, 2], [5.0, np.nan]), "mean_repeat_value is missing or infinite in 1 of 2"),
        (spend([1, np.nan], [5.0, 5.0]), "repeat_purchases is missing or infinite in 1 of 2"),
        (spend([1, 1.5], [5.0, 5.0]), "repeat_purchases is not a whole number in 1 of 2"),
        (spend(["1", "2"], [5.0, 5.0]), "repeat_purchases must hold numbers"),
        (spend([1, 2], ["5", "6"]), "mean_repeat_value must hold numbers"),
        (spend([1], [5.0]).drop(columns="repeat_purchases"), "no column repeat_purchases"),
        (spend([1], [5.0]).drop(columns="mean_repeat_value"), "no column mean_repeat_value"),
        (spend([], []), "X has no rows"),
        ([1, 2], "X must be a DataFrame"),
    ],
)
def test_a_table_that_cannot_be_says_what_is_wrong_and_where(X, says):
    with pytest.raises(InputError, match=says):
        GammaGamma().fit(X)


def test_other_arguments_are_refused_with_a_remedy():
    with pytest.raises(InputError, match="not fitted yet"):
        GammaGamma().expected_value(spend([1], [5.0]))
    with pytest.raises(InputError, match=r"q must be a number above 1, such as 3\.74; got 1"):
        GammaGamma().with_parameters(p=6, q=1, gamma=15)
    with pytest.raises(InputError, match="fitted model only"):
        GammaGamma().with_parameters(p=6, q=3, gamma=15).draw_parameters(5, seed=1)
