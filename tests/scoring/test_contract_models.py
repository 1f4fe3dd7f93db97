"""The shifted-beta-geometric model: published figures, another library, truth of its own."""

from functools import partial

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import hyp2f1

from retention_lib.errors import InputError
from retention_lib.scoring import contract_models
from retention_lib.scoring._fitting import maximise
from retention_lib.scoring.contract_models import ShiftedBetaGeometric

# Fader and Hardie (2007): percent of a cohort still there after 0 to 7 renewals.
REGULAR = [100, 63.1, 46.8, 38.2, 32.6, 28.9, 26.2, 24.1]
HIGH_END = [100, 86.9, 74.3, 65.3, 59.3, 55.1, 51.7, 49.1]


def cohort(percent):
    """A thousand customers: who left after how many renewals, and who is still there."""
    left = 10 * -np.diff(percent)
    survived = [*range(len(left)), len(left)]
    X = pd.DataFrame({"periods_survived": survived, "ended": [True] * len(left) + [False]})
    return X, np.array([*left, 10 * percent[-1]])


@pytest.mark.parametrize(
    ("percent", "alpha", "beta"), [(REGULAR, 0.704, 1.182), (HIGH_END, 0.668, 3.806)]
)
def test_the_published_cohorts_give_the_published_parameters(percent, alpha, beta):
    model = ShiftedBetaGeometric().fit(*cohort(percent))
    assert list(model.parameters_.values()) == pytest.approx([alpha, beta], abs=0.0005)
    assert model.converged_ and all(model.identified_.values())


def test_projection_and_residual_lifetime_agree_with_another_implementation():
    # The README of jdmaturen/shifted_beta_geometric_py, on the High End cohort: five years more,
    # and the lifetime left after seven renewals at 10 % a year.
    model = ShiftedBetaGeometric().fit(*cohort(HIGH_END))
    projected = [0.460, 0.436, 0.414, 0.395, 0.378]
    assert model.survival(range(8, 13)) == pytest.approx(projected, abs=0.0005)
    assert model.expected_remaining(7, discount_rate=0.10) == pytest.approx(7.530, abs=0.0005)


@settings(max_examples=60, deadline=None)
@given(
    st.floats(0.05, 50), st.floats(0.05, 50), st.integers(0, 60), st.floats(0.02, 0.5),
    st.integers(1, 120),
)  # fmt: skip
def test_the_lifetime_left_is_the_sum_of_what_survives(alpha, beta, survived, rate, horizon):
    model = ShiftedBetaGeometric().with_parameters(alpha=alpha, beta=beta)
    ahead = np.arange(1, horizon + 1)
    shares = model.survival(survived + ahead) / model.survival(survived)
    summed = np.sum(shares / (1 + rate) ** (ahead - 1))
    found = model.expected_remaining(survived, horizon, rate)
    assert found == pytest.approx(summed, rel=1e-8)
    assert model.expected_remaining(survived, horizon) == pytest.approx(shares.sum(), rel=1e-8)
    # Without a horizon: equation 6 of Fader and Hardie (2010).
    b = beta + survived
    closed = b / (alpha + b) * hyp2f1(1, b + 1, alpha + b + 1, 1 / (1 + rate))
    assert model.expected_remaining(survived, discount_rate=rate) == pytest.approx(closed, rel=1e-7)


def test_retention_is_the_ratio_of_survivals_and_rises_with_time():
    model = ShiftedBetaGeometric().with_parameters(alpha=0.668, beta=3.806)
    survival, retention = model.survival(range(9)), model.retention(range(1, 9))
    assert retention == pytest.approx(survival[1:] / survival[:-1])
    assert (np.diff(retention) > 0).all()
    assert survival[0] == 1


def test_the_shape_of_the_question_is_the_shape_of_the_answer():
    model = ShiftedBetaGeometric().with_parameters(alpha=1, beta=1)
    assert model.survival(1).shape == ()
    assert float(model.survival(1)) == pytest.approx(0.5)
    assert model.expected_remaining([0, 3, 0], 5).shape == (3,)
    assert model.expected_remaining(0, 1) == pytest.approx(0.5)


def test_gradient_and_hessian_agree_with_differences():
    data = contract_models._Contracts.of(
        np.array([0.0, 1, 2, 5, 9]), np.array([1.0, 0, 1, 1, 0]), np.array([3.0, 1, 2, 0.5, 4])
    )
    for point in np.random.default_rng(0).normal(size=(10, 2)):
        _, slope, curvature = contract_models._likelihood(data, point)
        moved = [
            (
                contract_models._likelihood(data, point + h),
                contract_models._likelihood(data, point - h),
            )
            for h in 1e-5 * np.eye(2)
        ]
        slopes = np.array([(up[0] - down[0]) / 2e-5 for up, down in moved])
        curvatures = np.array([(up[1] - down[1]) / 2e-5 for up, down in moved])
        assert slope == pytest.approx(slopes, rel=1e-6, abs=1e-7)
        assert curvature == pytest.approx(curvatures, rel=1e-6, abs=1e-7)


def made(alpha, beta, n, seed):
    """Contracts begun at different times, watched until now."""
    rng = np.random.default_rng(seed)
    watched, lasts = rng.integers(0, 30, n), rng.geometric(rng.beta(alpha, beta, n)) - 1
    survived, ended = np.minimum(watched, lasts), lasts < watched
    return pd.DataFrame({"periods_survived": survived, "ended": ended})


def test_the_fit_finds_the_parameters_contracts_were_made_with_though_many_still_run():
    X = made(0.9, 6.0, 40_000, seed=1)
    assert (~X["ended"]).mean() > 0.3
    model = ShiftedBetaGeometric().fit(X)
    gap = np.log(list(model.parameters_.values())) - np.log([0.9, 6.0])
    assert gap @ np.linalg.solve(model.covariance_, gap) < 13.8
    assert np.sqrt(np.diag(model.covariance_)).max() < 0.1
    drawn = np.log(model.draw_parameters(40_000, seed=2))
    assert np.cov(drawn.T) == pytest.approx(model.covariance_, rel=0.05)


def test_groups_with_weights_are_the_customers_they_stand_for():
    X = made(0.9, 6.0, 500, seed=2)
    grouped = X.value_counts().reset_index(name="customers")
    whole, counted = (
        ShiftedBetaGeometric().fit(X),
        ShiftedBetaGeometric().fit(grouped, grouped["customers"]),
    )
    assert counted.parameters_ == pytest.approx(whole.parameters_, rel=1e-6)
    assert counted.log_likelihood_ == pytest.approx(whole.log_likelihood_)


STRANGE = {
    "nobody left": ([3, 4, 5] * 50, [0] * 150),
    "all left at once": ([0] * 200, [1] * 200),
    "one period seen": ([0] * 60 + [1] * 140, [1] * 60 + [0] * 140),
    "not one renewal due yet": ([0] * 20, [0] * 20),
    "one contract, running": ([7], [0]),
    "one contract, ended": ([7], [1]),
    "all left at the same renewal": ([12] * 500, [1] * 500),
    "half leave at once, half never": ([0] * 300 + [500] * 300, [1] * 300 + [0] * 300),
}


@pytest.mark.parametrize("name", STRANGE)
def test_a_strange_base_gives_a_finite_model_from_every_start(name):
    survived, ended = STRANGE[name]
    X = pd.DataFrame({"periods_survived": survived, "ended": ended})
    with np.errstate(all="raise", under="ignore"):
        model = ShiftedBetaGeometric().fit(X)
        left = model.expected_remaining([0, 12, 500], discount_rate=0.01)
        drawn = model.draw_parameters(100, seed=1)
    assert model.converged_
    assert np.isfinite([*model.parameters_.values(), *model.covariance_.ravel()]).all()
    assert (left >= 0).all() and (left <= 101).all() and np.isfinite(drawn).all()
    columns = (np.array(c, dtype=float) for c in (survived, ended))
    data = contract_models._Contracts.of(*columns, np.ones(len(X)))
    walls, rng = data.walls(), np.random.default_rng(1)
    for _ in range(10):
        start = rng.uniform(walls.low, walls.high)
        found = maximise(partial(contract_models._likelihood, data), walls, start)
        assert found.converged
        assert found.reached > model._optimum.reached - 1e-6


def test_what_one_period_or_no_loss_cannot_tell_is_said():
    one = pd.DataFrame({"periods_survived": [0] * 60 + [1] * 140, "ended": [1] * 60 + [0] * 140})
    model = ShiftedBetaGeometric().fit(one)
    assert model.identified_ == {"churn": True, "churn_spread": False}
    assert model.survival(1) == pytest.approx(0.7, abs=0.001)
    nobody = pd.DataFrame({"periods_survived": [3, 4, 5] * 50, "ended": False})
    model = ShiftedBetaGeometric().fit(nobody)
    assert model.identified_ == {"churn": False, "churn_spread": False}
    assert model.survival(12) > 0.98


@pytest.mark.parametrize(
    ("survived", "ended", "says"),
    [
        ([1, -1], [0, 1], "periods_survived is negative in 1 of 2 rows .first: row 1, -1"),
        ([1, 1.5], [0, 1], "periods_survived is not a whole number in 1 of 2"),
        ([1, 2], [0, 2], "ended is neither True nor False in 1 of 2 rows .first: row 1, 2"),
        ([1, 2], ["yes", "no"], "ended must hold numbers"),
        ([1, np.nan], [0, 1], "periods_survived is missing"),
        ([], [], "X has no rows"),
    ],
)
def test_a_table_that_cannot_be_says_what_is_wrong_and_where(survived, ended, says):
    with pytest.raises(InputError, match=says):
        ShiftedBetaGeometric().fit(pd.DataFrame({"periods_survived": survived, "ended": ended}))


@pytest.mark.parametrize(
    ("ask", "says"),
    [
        (lambda m: m.survival(-1), "periods is below 0 in 1 of 1 rows"),
        (lambda m: m.survival("3"), "periods must be a number or a list of numbers"),
        (lambda m: m.survival(True), "periods must be a number or a list of numbers"),
        (lambda m: m.retention(0), "periods is below 1"),
        (lambda m: m.expected_remaining(3), "Without a horizon a discount_rate above 0"),
        (lambda m: m.expected_remaining(3, 12, -0.1), "discount_rate must be a number of at least"),
        (lambda m: m.expected_remaining(3, 12.5), "horizon_periods must be a whole number"),
        (lambda m: m.draw_parameters(3, seed=1), "fitted model only"),
        (lambda m: m.with_parameters(alpha=0, beta=1), "alpha must be a number above 0"),
        (lambda m: ShiftedBetaGeometric().survival(1), "not fitted yet"),
    ],
)
def test_other_arguments_are_refused_with_a_remedy(ask, says):
    with pytest.raises(InputError, match=says):
        ask(ShiftedBetaGeometric().with_parameters(alpha=1, beta=2))
