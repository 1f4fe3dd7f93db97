"""BG/NBD and its modified form: published figures, another library, and the models themselves."""

from functools import cache, partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import hyp2f1
from sklearn.base import clone

from retention_lib.errors import ChoiceError, InputError
from retention_lib.scoring._fitting import maximise
from retention_lib.scoring._purchase_future import expected_while_alive
from retention_lib.scoring._purchase_likelihood import likelihood, summarise, to_parameters
from retention_lib.scoring.purchase_models import BGNBD, ModifiedBGNBD, fit_purchase_model

CDNOW = Path(__file__).parents[2] / "data/sample/cdnow/transactions.parquet"
HISTORY = ["repeat_purchases", "purchase_span_days", "age_days"]
BOTH = pytest.mark.parametrize("Model", [BGNBD, ModifiedBGNBD])


def histories(repeats, span, age):
    columns = np.broadcast_arrays(*(np.asarray(c, dtype=float) for c in (repeats, span, age)))
    return pd.DataFrame(dict(zip(HISTORY, map(np.array, columns), strict=True)))


@cache
def cdnow():
    """The first 39 weeks of 1997 as published: days with an order, also the eight of 0 dollars."""
    lines = pd.read_parquet(CDNOW)
    lines["date"] = pd.to_datetime(lines["date"])
    lines = lines[lines["date"] <= "1997-09-30"]
    days = lines.groupby("customer_id")["date"].agg(["min", "max", "nunique"])
    span = (days["max"] - days["min"]).dt.days
    age = (pd.Timestamp("1997-09-30") - days["min"]).dt.days
    return histories(days["nunique"] - 1, span, age)


@cache
def on_cdnow(Model):
    return Model().fit(cdnow())


def statistics(X, Model, weight=None):
    weight = np.ones(len(X)) if weight is None else np.asarray(weight, dtype=float)
    return summarise(*(X[name].to_numpy() for name in HISTORY), weight, Model._first_chance)[0]


@cache
def made(Model):
    """200,000 customers of the model itself, seen for 30 to 600 days, and the model."""
    model = Model().with_parameters(r=0.8, alpha=40.0, a=0.7, b=2.5)
    age = np.random.default_rng(1).integers(30, 600, 200_000)
    return model, model.simulate(200_000, age, horizon_days=180, seed=3)


# ---- published figures ----


def test_cdnow_gives_the_parameters_of_fader_hardie_and_lee():
    X, model = cdnow(), on_cdnow(BGNBD)
    known = model.parameters_
    in_weeks = [known["r"], known["alpha"] / 7, known["a"], known["b"]]
    assert len(X) == 2357
    assert in_weeks == pytest.approx([0.243, 4.414, 0.793, 2.426], abs=0.0005)
    # A density per week is seven times one per day, once for each repeat purchase.
    per_week = model.log_likelihood_ + X["repeat_purchases"].sum() * np.log(7)
    assert per_week == pytest.approx(-9582.4, abs=0.05)
    assert model.converged_ and all(model.identified_.values())


def test_the_customer_of_the_published_example_is_expected_to_buy_1_226_times():
    model = BGNBD().with_parameters(r=0.243, alpha=4.414 * 7, a=0.793, b=2.426)
    known = histories([2], 30.43 * 7, 38.86 * 7)
    assert model.expected_purchases(known, 39 * 7) == pytest.approx([1.226], abs=0.0005)


# ---- another library ----
# lifetimes 0.11.3 (numpy 1.26, pandas 2.2) fitted to its own CDNOW summary, which is in weeks with
# fractions; here the same 39 weeks in whole days. Then the same predictions from given parameters.


def test_the_modified_model_agrees_with_lifetimes_on_cdnow():
    known = on_cdnow(ModifiedBGNBD).parameters_
    in_weeks = [known["r"], known["alpha"] / 7, known["a"], known["b"]]
    assert in_weeks == pytest.approx([0.524838, 6.182988, 0.891356, 1.614000], rel=0.0005)


@pytest.mark.parametrize(
    ("Model", "alive", "expected", "new", "log_likelihood"),
    [
        (
            BGNBD,
            [1.0, 0.16579472, 0.70672279, 0.97553465],
            [0.62336197, 0.22749746, 3.01871771, 17.60075857],
            6.533707215834806,
            -49.226253588132025,
        ),
        (
            ModifiedBGNBD,
            [0.30445339, 0.20948259, 0.73361693, 0.97609],
            [0.1938983, 0.29348262, 3.18001028, 17.65298541],
            6.019153664567189,
            -49.098961532817135,
        ),
    ],
)
def test_predictions_agree_with_lifetimes(Model, alive, expected, new, log_likelihood):
    model = Model().with_parameters(r=0.8, alpha=20.0, a=0.6, b=3.0)
    X = histories([0, 1, 5, 40], [0, 50, 300, 700], [400, 400, 400, 710])
    assert model.p_alive(X) == pytest.approx(alive, abs=1e-8)
    assert model.expected_purchases(X, 365) == pytest.approx(expected, abs=1e-8)
    assert model.expected_new(365) == pytest.approx(new, rel=1e-9)
    data = statistics(X, Model)
    point = np.log([0.8, 0.8 / (20 / data.unit), 0.6 / 3, 3.6])
    value = likelihood(data, point)[0] - X["repeat_purchases"].sum() * np.log(data.unit)
    assert value / 4 == pytest.approx(log_likelihood, rel=1e-9)


# E[purchases | alive] with mpmath 1.4.1 at 50 digits: (a+b-1)/(a-1) times
# 1 - (1-z)^(a-1) 2F1(a+b-1-k, a-1; a+b-1; z), where z = h/(days+h), the rate is Gamma(k, days) and
# the dropout Beta(a, b). Heavy buyers, a at and beside 1, hardly any dropout, a century ahead.
HARD = [
    (5.18771896465, 142.364899682, 1, 5.0349790864, 3650, 16.6858548458),
    (5008.11928915, 1066.54856589, 1, 5006.64101049, 1, 4.69343113636),
    (5073.6642929, 1176.91603694, 1.00000229926, 5001.17915256, 30, 127.685536191),
    (84.3548011114, 2573.37045047, 0.999999744858, 3.58394347875, 90, 2.2454342141),
    (20038.8205593, 1068.92071529, 2, 20003.5875754, 365, 5098.59779301),
    (20000.0709045, 1037.65814745, 2, 20000.1275441, 30, 561.980460874),
    (20000.7572335, 1042.10758487, 0.00686585153942, 20000.3403558, 36500, 687736.675607),
    (20000.6753713, 161.556091155, 0.000341975374906, 20422.4917651, 36500, 4511869.44525),
    (3.87751066514, 3138.77280767, 2, 0.0690038108646, 3650, 0.992633098952),
    (0.755516549784, 1007.89377764, 0.996610114353, 0.0148698868576, 90, 0.0626454215679),
    (5010.45397374, 5731.92861685, 762.812916103, 5037.50785771, 3650, 7.61252618751),
    (16.8529462338, 1006.487346, 392.054523264, 539.683832802, 1, 0.0166819968308),
]


@pytest.mark.parametrize(("shape", "days", "a", "b", "ahead", "exact"), HARD)
def test_heavy_buyers_and_long_horizons_agree_with_fifty_digits(shape, days, a, b, ahead, exact):
    found = expected_while_alive(*(np.array([v]) for v in (shape, days, a, b)), ahead)
    assert found == pytest.approx([exact], rel=2e-9)


@settings(max_examples=60, deadline=None)
@given(
    st.floats(0.05, 20), st.floats(100, 2000), st.floats(0.1, 4), st.floats(0.2, 20),
    st.sampled_from([1, 30, 365]),
)  # fmt: skip
def test_where_the_closed_form_is_sound_it_is_met(shape, days, a, b, ahead):
    e, z = a - 1, ahead / (days + ahead)
    if abs(e) < 0.01:
        e = 0.01
    whole = e + b
    closed = whole / e * (1 - (1 - z) ** e * hyp2f1(whole - shape, e, whole, z))
    found = expected_while_alive(*(np.array([v]) for v in (shape, days, e + 1, b)), ahead)
    assert found == pytest.approx([closed], rel=1e-6)


# ---- the likelihood ----


@BOTH
def test_gradient_and_hessian_agree_with_differences(Model):
    X = histories([0, 0, 1, 3, 12], [0, 0, 40, 200, 350], [0, 300, 210, 220, 700])
    data = statistics(X, Model, weight=[3, 1, 2, 0.5, 1])
    for point in np.random.default_rng(0).normal(size=(10, 4)):
        _, slope, curvature = likelihood(data, point)
        moved = [
            (likelihood(data, point + h), likelihood(data, point - h)) for h in 1e-5 * np.eye(4)
        ]
        slopes = [(up[0] - down[0]) / 2e-5 for up, down in moved]
        curvatures = [(up[1] - down[1]) / 2e-5 for up, down in moved]
        assert slope == pytest.approx(np.array(slopes), rel=1e-6, abs=1e-6)
        assert curvature == pytest.approx(np.array(curvatures), rel=1e-6, abs=1e-6)


@BOTH
def test_at_the_fit_no_parameter_can_be_moved_for_the_better(Model):
    model, X = on_cdnow(Model), cdnow()
    data = statistics(X, Model)
    spread = np.sqrt(np.diag(model.covariance_))
    r, alpha, a, b = np.log(list(model.parameters_.values()))
    logs = np.array([r, alpha - np.log(data.unit), a, b])

    def height(logs):
        r, alpha, a, b = logs
        total = np.logaddexp(a, b)
        return likelihood(data, np.array([r, r - alpha, a - b, total]))[0]

    for axis in np.eye(4):
        for step in (-0.2, 0.2):
            assert height(logs + step * spread * axis) < height(logs)


def test_weights_count_customers_and_the_order_of_rows_does_not_matter():
    X = cdnow().head(300)
    weights = np.arange(len(X)) % 3
    repeated = X.loc[X.index.repeat(weights)].sample(frac=1, random_state=1)
    weighted, long = ModifiedBGNBD().fit(X, weights), ModifiedBGNBD().fit(repeated)
    assert weighted.parameters_ == pytest.approx(long.parameters_, rel=1e-6)
    assert weighted.log_likelihood_ == pytest.approx(long.log_likelihood_, rel=1e-12)


@BOTH
def test_a_base_in_hours_gives_the_same_model_in_hours(Model):
    X = cdnow().copy()
    X[HISTORY[1:]] = X[HISTORY[1:]] * 24.0
    in_days, in_hours = on_cdnow(Model), Model().fit(X)
    scaled = {**in_days.parameters_, "alpha": in_days.parameters_["alpha"] * 24}
    assert in_hours.parameters_ == pytest.approx(scaled, rel=1e-6)
    assert in_hours.p_alive(X) == pytest.approx(in_days.p_alive(cdnow()), abs=1e-6)


def test_fractions_of_days_and_whole_days_take_the_same_road_to_the_same_figures():
    X = cdnow()
    hair = X.assign(age_days=X["age_days"] + 1e-7)
    assert BGNBD().fit(hair).parameters_ == pytest.approx(on_cdnow(BGNBD).parameters_, rel=1e-5)


# ---- converging from anywhere, on anything ----


@BOTH
def test_every_start_leads_to_the_same_maximum_on_cdnow(Model):
    data = statistics(cdnow(), Model)
    walls, rng = data.walls(), np.random.default_rng(7)
    best = on_cdnow(Model)._optimum.point
    for _ in range(15):
        found = maximise(partial(likelihood, data), walls, rng.uniform(walls.low, walls.high))
        assert found.converged
        assert found.point == pytest.approx(best, abs=1e-3)


def _strange_bases():
    rng = np.random.default_rng(0)
    ages = rng.integers(30, 700, 400).astype(float)

    def active(rate):
        x = rng.poisson(rate * ages)
        return histories(x, np.where(x > 0, ages * rng.beta(np.maximum(x, 1), 1), 0), ages)

    some = active(rng.gamma(1, 1 / 30, 400))
    return {
        "nobody drops out": some,
        "several purchases a day": active(rng.gamma(2, 2, 400)),
        "one-time buyers only": histories(0, 0, ages),
        "one-time buyers of one day": histories(np.zeros(500), 0, 365),
        "first purchase today": histories(np.zeros(10), 0, 0),
        "everybody bought twice": histories(1, rng.integers(1, 30, 400), ages),
        "everybody alike": histories(np.full(50, 3), 40, 100),
        "everybody alike, last purchase today": histories(np.full(50, 3), 100, 100),
        "all gone early": histories(np.full(2000, 10), 100, 1000),
        "one customer, once": histories([0], 0, 100),
        "one customer, six times": histories([5], 80, 100),
        "one customer, a first purchase today": histories([0], 0, 0),
        "a million purchases": histories([1e6, 5e5, 3], [1000, 900, 2], 1000),
        "half gone, half daily": histories([0, 1000] * 300, [0, 1000] * 300, 1000),
        "time in centuries": some.assign(**{n: some[n] / 36500 for n in HISTORY[1:]}),
        "time in nanoseconds": some.assign(**{n: some[n] * 8.64e13 for n in HISTORY[1:]}),
    }


STRANGE = _strange_bases()


@BOTH
@pytest.mark.parametrize("name", STRANGE)
def test_a_strange_base_gives_a_finite_model(name, Model):
    X = STRANGE[name]
    with np.errstate(all="raise", under="ignore"):
        model = Model().fit(X)
        known = X.head(50)
        alive, horizon = model.p_alive(known), float(X["age_days"].max() + 1)
        expected = model.expected_purchases(known, horizon)
        nothing = model.no_purchase_probability(known, horizon)
        drawn = model.draw_parameters(100, seed=1)
    assert model.converged_
    assert np.isfinite(list(model.parameters_.values())).all()
    assert np.isfinite(model.log_likelihood_) and np.isfinite(model.covariance_).all()
    assert ((alive >= 0) & (alive <= 1) & (nothing >= 0) & (nothing <= 1)).all()
    assert (expected >= 0).all() and np.isfinite(expected).all()
    assert (drawn > 0).all() and np.isfinite(drawn).all()


@BOTH
@pytest.mark.parametrize("name", STRANGE)
def test_no_other_start_finds_a_higher_maximum(name, Model):
    X, rng = STRANGE[name], np.random.default_rng(3)
    data = statistics(X, Model)
    walls, objective = data.walls(), partial(likelihood, data)
    lowest = Model().fit(X)._optimum.reached
    for _ in range(4):
        found = maximise(objective, walls, rng.uniform(walls.low, walls.high))
        assert found.converged
        assert found.reached > lowest - 1e-6 * max(1.0, abs(lowest) * 1e-5)


_HISTORIES = st.lists(
    st.tuples(st.integers(0, 40), st.floats(0.01, 1), st.integers(1, 900)), min_size=1, max_size=25
)


@BOTH
@settings(max_examples=20, deadline=None)
@given(_HISTORIES)
def test_any_base_gives_probabilities_and_more_days_more_purchases(Model, rows):
    x, share, age = (np.array(c, dtype=float) for c in zip(*rows, strict=True))
    X = histories(x, np.where(x > 0, share * age, 0), age)
    model = Model().fit(X)
    assert model.converged_
    alive = model.p_alive(X)
    some, more = (model.expected_purchases(X, h) for h in (90, 3650))
    nothing, still_nothing = (model.no_purchase_probability(X, h) for h in (90, 3650))
    known = model.posterior(X)
    slack = 1 + 1e-9
    assert ((alive >= 0) & (alive <= 1)).all()
    assert (some <= more * slack).all()
    assert (more <= alive * known.rate_shape / known.rate_days * 3650 * slack).all()
    assert (still_nothing <= nothing + 1e-12).all()
    assert (nothing >= 1 - alive - 1e-12).all()
    # Who can be expected to buy n times does so with a probability of at most n.
    assert (1 - nothing <= some * slack + 1e-12).all()


# ---- what the data do not tell ----


def test_where_nobody_drops_out_dropout_is_not_identified_and_everybody_is_alive():
    rng = np.random.default_rng(0)
    age = rng.integers(200, 700, 3000).astype(float)
    x = rng.poisson(age * rng.gamma(3, 1 / 60, 3000)) + 1
    X = histories(x, age * rng.beta(x, 1), age)
    model = BGNBD().fit(X)
    assert not model.identified_["dropout"]
    assert model.identified_["rate"] and model.identified_["rate_spread"]
    assert model.p_alive(X).min() > 0.98
    # Nor do the drawn parameters kill anybody.
    drawn = model.draw_parameters(200, seed=1)
    assert (drawn[:, 2] / (drawn[:, 2] + drawn[:, 3])).max() < 0.001


@BOTH
def test_where_nobody_comes_back_the_rate_is_not_identified_and_hardly_anything_is_expected(Model):
    X = histories(0, 0, np.arange(1, 401))
    model = Model().fit(X)
    assert not any(model.identified_.values())
    assert model.expected_purchases(X, 365).sum() < 0.5
    assert model.no_purchase_probability(X, 365).min() > 0.99


def test_a_one_time_buyer_is_never_gone_in_bgnbd_and_can_be_in_the_modified_form():
    X = histories([0, 0, 0], 0, [10, 300, 3000])
    assert on_cdnow(BGNBD).p_alive(X).tolist() == [1.0, 1.0, 1.0]
    alive = on_cdnow(ModifiedBGNBD).p_alive(X)
    assert alive[0] > alive[1] > alive[2]
    assert alive[2] < 0.25


# ---- the models against customers made by themselves ----


@BOTH
def test_expectations_are_what_the_simulated_customers_do(Model):
    model, base = made(Model)
    X = base[HISTORY]
    checks = {
        "alive": (model.p_alive(X), base["alive"]),
        "horizon_purchases": (model.expected_purchases(X, 180), base["horizon_purchases"]),
        "nothing": (model.no_purchase_probability(X, 180), base["horizon_purchases"] == 0),
    }
    silence = pd.cut(base["age_days"] - base["purchase_span_days"], [-1, 60, 150, 300, 600])
    bought = base["repeat_purchases"].clip(upper=4)
    for name, (expected, real) in checks.items():
        gap = pd.Series(real.to_numpy(dtype=float) - expected)
        groups = gap.groupby([bought.to_numpy(), silence.to_numpy()], observed=True)
        table = groups.agg(["mean", "std", "count"])
        table = table[table["count"] > 300]
        error = (table["std"] / np.sqrt(table["count"])).clip(lower=1e-9)
        assert len(table) >= 15, name
        assert ((table["mean"].abs() / error) < 4).all(), name


@BOTH
def test_rate_and_dropout_of_the_living_follow_the_posterior(Model):
    model, base = made(Model)
    known = model.posterior(base[HISTORY])
    alive = base["alive"].to_numpy()
    for count in (0, 1, 3):
        some = alive & (base["repeat_purchases"] == count).to_numpy()
        a, b = known.dropout_a[some][0], known.dropout_b[some][0]
        rate = (base["rate"] - known.rate_shape / known.rate_days)[some]
        dropout = base["dropout"][some] - a / (a + b)
        # Not the mean alone: the spread of Beta(a, b + m) too.
        spread = dropout**2 - a * b / (a + b) ** 2 / (a + b + 1)
        for gap in (rate, dropout, spread):
            assert abs(gap.mean()) < 4 * gap.std() / np.sqrt(some.sum())


@BOTH
def test_a_new_customer_buys_as_often_as_expected(Model):
    model, _ = made(Model)
    base = model.simulate(200_000, 365, 0, seed=5)
    bought = base["repeat_purchases"]
    assert abs(bought.mean() - model.expected_new(365)) < 4 * bought.std() / np.sqrt(len(bought))


@BOTH
def test_the_fit_finds_the_parameters_the_customers_were_made_with(Model):
    truth, base = made(Model)
    model = Model().fit(base[HISTORY].head(60_000))
    gap = np.log(list(model.parameters_.values())) - np.log(list(truth.parameters_.values()))
    # Four errors, correlated: their Mahalanobis distance is chi-squared with four degrees.
    assert gap @ np.linalg.solve(model.covariance_, gap) < 18.5
    assert np.sqrt(np.diag(model.covariance_)).max() < 0.1


@BOTH
def test_a_sample_of_the_histories_is_a_start_and_never_the_answer(Model):
    base = made(Model)[1][HISTORY]
    data = statistics(base, Model)
    straight = maximise(partial(likelihood, data), data.walls())
    r, alpha, a, b = to_parameters(straight.point)
    expected = {"r": r, "alpha": alpha * data.unit, "a": a, "b": b}
    assert Model().fit(base).parameters_ == pytest.approx(expected, rel=1e-4)


# ---- drawn parameters ----


@BOTH
def test_drawn_parameters_spread_as_the_covariance_says(Model):
    model = on_cdnow(Model)
    logs = np.log(model.draw_parameters(40_000, seed=3))
    assert logs.mean(axis=0) == pytest.approx(np.log(list(model.parameters_.values())), abs=0.03)
    assert np.cov(logs.T)[:2, :2] == pytest.approx(model.covariance_[:2, :2], rel=0.05)
    spread = np.sqrt(np.diag(np.cov(logs.T)))
    assert spread == pytest.approx(np.sqrt(np.diag(model.covariance_)), rel=0.1)


def test_the_same_seed_draws_the_same_and_another_seed_others():
    model = on_cdnow(BGNBD)
    first, again, other = (model.draw_parameters(5, seed=s) for s in (1, 1, 2))
    assert (first == again).all() and (first != other).all()
    assert (model.simulate(9, 100, 30, seed=1) == model.simulate(9, 100, 30, seed=1)).all(axis=None)


def test_a_drawn_row_makes_a_model():
    model = on_cdnow(BGNBD)
    r, alpha, a, b = model.draw_parameters(1, seed=1)[0]
    other = model.with_parameters(r=r, alpha=alpha, a=a, b=b)
    assert type(other) is BGNBD
    assert other.p_alive(histories([2], 200, 270)) != model.p_alive(histories([2], 200, 270))
    with pytest.raises(InputError, match="fitted model only"):
        other.draw_parameters(5, seed=1)


def test_the_estimators_are_those_of_scikit_learn():
    model = clone(on_cdnow(BGNBD))
    assert not hasattr(model, "parameters_")
    assert model.get_params() == {}
    assert type(fit_purchase_model(cdnow(), kind="bgnbd")) is BGNBD
    assert type(fit_purchase_model(cdnow())) is ModifiedBGNBD


# ---- what cannot be fitted says so ----

GOOD = histories([0, 2], [0, 50], [100, 90])


@pytest.mark.parametrize(
    ("X", "says"),
    [
        (
            GOOD.assign(age_days=[100, -5.0]),
            "age_days is negative in 1 of 2 rows .first: row 1, -5",
        ),
        (GOOD.assign(age_days=[np.nan, 90]), "age_days is missing or infinite in 1 of 2 rows"),
        (GOOD.assign(age_days=[np.inf, 90]), "age_days is missing or infinite in 1 of 2 rows"),
        (GOOD.assign(age_days=[100, 20.0]), "longer than age_days in 1 of 2 .*row 1, 50"),
        (GOOD.assign(purchase_span_days=[9.0, 50]), "above 0 without a repeat purchase in 1"),
        (GOOD.assign(purchase_span_days=[0.0, 0]), "first and last purchase are the same day"),
        (GOOD.assign(repeat_purchases=[0, 1.5]), "not a whole number in 1 of 2 .*row 1, 1.5"),
        (GOOD.assign(age_days=["100", "90"]), "age_days must hold numbers; .*first: '100'"),
        (GOOD.assign(age_days=[True, True]), "age_days must hold numbers; it holds bool"),
        (GOOD.drop(columns="age_days"), "X has no column age_days. It needs repeat_purchases, "),
        (GOOD.head(0), "X has no rows"),
        (GOOD.to_numpy(), "X must be a DataFrame .* got a ndarray"),
        (None, "X must be a DataFrame .* got a NoneType"),
    ],
)
def test_a_table_that_cannot_be_says_what_is_wrong_and_where(X, says):
    with pytest.raises(InputError, match=says):
        BGNBD().fit(X)


@pytest.mark.parametrize(
    ("weights", "says"),
    [
        ([1], "one number for each of the 2 rows of X; its shape is"),
        ([1, -2], "sample_weight is negative in 1 of 2 rows .first: row 1, -2"),
        ([1, np.nan], "sample_weight is missing or infinite"),
        ([0, 0], "sample_weight is 0 in every row"),
        (["a", "b"], "sample_weight must hold one number a row"),
    ],
)
def test_weights_that_cannot_be_are_refused(weights, says):
    with pytest.raises(InputError, match=says):
        BGNBD().fit(GOOD, weights)


@pytest.mark.parametrize("horizon", ["90", True, None, -1, np.nan, np.inf])
def test_a_horizon_that_is_no_number_of_days_is_refused(horizon):
    with pytest.raises(InputError, match=r"horizon_days must be a number of at least 0"):
        on_cdnow(BGNBD).expected_purchases(GOOD, horizon)


def test_no_days_ahead_bring_no_purchase_and_no_customers_no_answer():
    model = on_cdnow(BGNBD)
    assert model.expected_purchases(GOOD, 0).tolist() == [0.0, 0.0]
    assert model.no_purchase_probability(GOOD, 0).tolist() == [1.0, 1.0]
    assert len(model.expected_purchases(GOOD.head(0), 90)) == 0
    assert len(model.p_alive(GOOD.head(0))) == 0


def test_other_arguments_are_refused_with_a_remedy():
    with pytest.raises(ChoiceError, match="kind must be one of 'mbgnbd', 'bgnbd'; got 'mbgnb'"):
        fit_purchase_model(GOOD, kind="mbgnb")
    with pytest.raises(InputError, match="not fitted yet"):
        BGNBD().p_alive(GOOD)
    with pytest.raises(InputError, match="alpha must be a number above 0"):
        BGNBD().with_parameters(r=1, alpha=0, a=1, b=1)
    with pytest.raises(InputError, match="n must be a whole number of at least 1"):
        on_cdnow(BGNBD).draw_parameters(2.5, seed=1)
    with pytest.raises(InputError, match="seed must be a whole number"):
        on_cdnow(BGNBD).simulate(5, 100, 30, seed=None)
