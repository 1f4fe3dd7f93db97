"""Drift: a changed base is noticed, chance and season and growth are not."""

import json
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

import retention_lib as rl
from retention_lib.scoring.drift import Profile, check_drift, training_profile
from retention_lib.scoring.features import FEATURES as ALL
from retention_lib.wording import Wording

EN = Wording("en", "EUR")
FEATURES = ["recency_days", "purchases_365", "spend_365", "satisfaction", "season_sine"]


def panel(customers=800, *, dates=("2024-03-01", "2024-06-01", "2024-09-01"), seed=1, **scale):
    """Snapshots of a base that is the same on every date."""
    rng = np.random.default_rng(seed)
    parts = []
    for date in dates:
        frame = pd.DataFrame(
            {
                "customer_id": [f"c{number}" for number in range(customers)],
                "date": pd.Timestamp(date),
                "recency_days": np.floor(rng.exponential(40, customers)),
                "purchases_365": rng.poisson(6, customers).astype(float) + 1,
                "spend_365": np.round(rng.lognormal(6, 1, customers), 2),
                "satisfaction": np.where(rng.random(customers) < 0.3, 7.0, np.nan),
                "season_sine": np.sin(pd.Timestamp(date).day_of_year / 58),
                "churned": (rng.random(customers) < 0.2).astype(float),
            }
        )
        for name, factor in scale.items():
            frame[name] = frame[name] * factor
        parts.append(frame)
    return pd.concat(parts, ignore_index=True)


@pytest.fixture(scope="module")
def profile():
    return training_profile(panel(), FEATURES)


def now(seed=2, customers=800, **scale):
    return panel(customers, dates=["2024-12-01"], seed=seed, **scale)


def test_the_profile_says_what_the_training_was_like():
    frame = pd.DataFrame(
        {
            "customer_id": list("abcdefghijk"),
            "date": pd.Timestamp("2024-06-01"),
            "churned": [1.0] + [0.0] * 10,
            "recency_days": [*range(10, 110, 10), np.nan],
        }
    )
    known = training_profile(frame, ["recency_days"])
    assert (known.rows, known.customers, known.dates) == (11, 11, ("2024-06-01",))
    assert known.base_rate == pytest.approx(1 / 11)
    feature = known.features[0]
    assert feature.cuts == pytest.approx([19, 28, 37, 46, 55, 64, 73, 82, 91])
    assert feature.shares == pytest.approx([1 / 11] * 11)
    assert feature.middle == 55.0
    assert known.typical["recency_days"][0] == 55.0


def test_what_is_usual_is_told_apart_for_contracts():
    frame = panel().assign(is_contract=0.0)
    frame.loc[::2, "is_contract"] = 1.0
    frame.loc[::2, "purchases_365"] = 12.0
    known = training_profile(frame, ["purchases_365", "is_contract"])
    others, bound = known.typical["purchases_365"]
    assert (bound, others) == (12.0, frame.loc[1::2, "purchases_365"].median())


def test_the_shift_is_the_population_stability_index():
    # Of 10,000 one half lies below the cut; then 10,000 of whom 70 % do.
    then = pd.DataFrame(
        {"customer_id": range(10_000), "date": pd.Timestamp("2024-06-01"), "churned": 0.0,
         "is_contract": [0.0] * 5_000 + [1.0] * 5_000}
    )  # fmt: skip
    later = pd.DataFrame({"is_contract": [0.0] * 7_000 + [1.0] * 3_000})
    result = check_drift(training_profile(then, ["is_contract"]), later, EN)
    by_hand = (0.7 - 0.5) * np.log(0.7 / 0.5) + (0.3 - 0.5) * np.log(0.3 / 0.5)
    assert result.to_frame()["shift"].iloc[0] == pytest.approx(by_hand, rel=1e-3)


def test_a_profile_comes_back_from_plain_text_as_it_was(profile):
    text = json.dumps(profile.to_dict())
    again = Profile.from_dict(json.loads(text))
    assert json.dumps(again.to_dict()) == text
    assert again.features[0].cuts == profile.features[0].cuts


def test_the_same_base_later_has_not_drifted(profile):
    result = check_drift(profile, now(), EN)
    assert not result.drifted
    assert result.sentence() == (
        "The 800 customers to be scored still look like those that the model learnt from."
    )


def test_amounts_in_cents_are_noticed(profile):
    result = check_drift(profile, now(spend_365=100), EN)
    assert result.drifted
    first = result.to_frame().iloc[0]
    assert (first["feature_code"], bool(first["drifted"])) == ("spend_365", True)
    assert "no longer looks like" in result.sentence()
    assert f"was {first['was']} and is now {first['now']}" in result.sentence()


def test_purchases_half_as_frequent_are_noticed(profile):
    frame = now()
    frame["purchases_365"] = np.ceil(frame["purchases_365"] / 2)
    assert check_drift(profile, frame, EN).drifted


def test_a_table_that_vanished_is_noticed(profile):
    for frame in (now().drop(columns="satisfaction"), now().assign(satisfaction=np.nan)):
        result = check_drift(profile, frame, EN)
        first = result.to_frame().iloc[0]
        assert result.drifted and first["feature_code"] == "satisfaction"
        assert (first["was"], first["now"]) == (
            f"known for {100 - round(100 * profile.features[3].shares[-1])} % of customers",
            "known for 0 % of customers",
        )


def test_the_calendar_and_growing_older_are_no_drift():
    names = ["season_sine", "tenure_days", "purchases_total"]
    rng = np.random.default_rng(3)
    then = panel().assign(tenure_days=rng.uniform(100, 500, 2400), purchases_total=5.0)
    later = now().assign(tenure_days=4000.0, purchases_total=90.0)
    later["season_sine"] = 0.99
    known = training_profile(then, names)
    assert not check_drift(known, later, EN).drifted
    assert check_drift(known, later.drop(columns="tenure_days"), EN).drifted


def test_what_moved_as_much_between_the_training_dates_is_no_drift():
    dates = ("2024-03-01", "2024-06-01", "2024-09-01")
    growing = pd.concat(
        panel(dates=[date], seed=seed, recency_days=1 + seed / 2) for seed, date in enumerate(dates)
    )
    later = now(recency_days=2.5)
    assert not check_drift(training_profile(growing, FEATURES), later, EN).drifted
    assert check_drift(training_profile(panel(), FEATURES), later, EN).drifted


@pytest.mark.parametrize("customers", [1, 5, 20, 60])
def test_chance_in_a_small_base_is_no_drift(profile, customers):
    alarms = [check_drift(profile, now(seed, customers), EN).drifted for seed in range(40)]
    assert sum(alarms) <= 2


def test_with_few_customers_nobody_can_tell(profile):
    assert check_drift(profile, now(customers=5), EN).sentence().startswith("With only 5 customers")


def test_nobody_to_score_is_no_drift(profile):
    result = check_drift(profile, now().iloc[:0], EN)
    assert not result.drifted and "0 customers" in result.sentence()


def test_only_customers_who_count_are_compared(profile):
    mixed = pd.concat([now().assign(eligible=True), now(spend_365=1000).assign(eligible=False)])
    assert not check_drift(profile, mixed, EN).drifted


def test_it_can_be_said_in_french(profile):
    said = check_drift(profile, now(spend_365=100), Wording("fr", "EUR")).sentence()
    assert said.startswith(
        "La base ne ressemble plus à celle sur laquelle le modèle a été construit"
    )


def snapshots_of(base, count, horizon=90):
    first = pd.Timestamp(rl.CustomerBase.to_pandas(base)["date"].min())
    dates = [base.as_of - timedelta(days=horizon * (back + 1)) for back in range(count)]
    dates = [date for date in dates if (pd.Timestamp(date) - first).days > 180]
    return rl.take_snapshots(base, [*dates, base.as_of], horizon_days=horizon)


def compare(base, count=6):
    taken = snapshots_of(base, count)
    rows = taken.to_frame()
    known = training_profile(taken.labelled(), taken.features)
    later = rows[rows["eligible"] & (rows["date"] == pd.Timestamp(base.as_of))]
    return check_drift(known, later, base.wording), known, later


@pytest.mark.parametrize(("kind", "seed"), [("b2b", 0), ("b2c", 1)])
def test_a_simulated_base_that_goes_on_as_before_raises_no_alarm(kind, seed):
    base, _ = rl.simulate_base(400, seed=500 + seed, years=2 + seed % 2, kind=kind)
    result, _, _ = compare(base)
    assert not result.drifted, result.sentence()


def test_a_young_base_that_grows_and_a_season_raise_no_alarm():
    base = rl.open_base("data/sample/cdnow")
    result, _, _ = compare(base)
    assert not result.drifted, result.sentence()


def test_a_base_of_another_trade_is_noticed():
    _, known, _ = compare(rl.open_base("data/sample/cdnow"))
    other, _ = rl.simulate_base(400, seed=7, years=2)
    later = rl.take_snapshots(other).eligible()
    assert check_drift(known, later, other.wording).drifted


def test_customers_of_whom_half_the_purchases_are_missing_are_noticed():
    base, _ = rl.simulate_base(1000, seed=8, years=2)
    _, known, _ = compare(base)
    lines = base.to_pandas("transactions")
    days = lines[["customer_id", "date"]].drop_duplicates()
    kept = days[np.random.default_rng(0).random(len(days)) < 0.5]
    half = rl.CustomerBase.from_tables(
        lines.merge(kept),
        as_of=base.as_of,
        **{name: base.to_pandas(name) for name in base.tables if name != "transactions"},
    )
    result = check_drift(known, rl.take_snapshots(half).eligible(), base.wording)
    shifted = set(result.to_frame().query("drifted")["feature_code"])
    assert {"purchases_90", "purchases_180"} <= shifted
    assert not shifted & {"satisfaction", "complaints_open", "contacts_365"}


def test_every_feature_has_a_heading_in_both_languages():
    assert [f.name for f in ALL if not EN.has(f"column.{f.name}")] == []


def shift_said(then, later, name):
    """What is said to have been and to be now, of a feature that the most of a base have alike."""
    days = {"customer_id": [f"c{n}" for n in range(len(then))], "date": pd.Timestamp("2024-06-01")}
    known = training_profile(pd.DataFrame({**days, name: then, "churned": 0.0}), [name])
    row = check_drift(known, pd.DataFrame({name: later}), EN).to_frame().iloc[0]
    assert row["drifted"]
    return row["was"], row["now"]


def test_middles_that_read_the_same_are_told_by_what_differs():
    few, many = np.repeat([0.0, 1.0], [90, 10]), np.repeat([0.0, 1.0], [60, 40])
    few, many = np.tile(few, 20), np.tile(many, 20)
    assert shift_said(1 - many, 1 - few, "is_contract") == ("60 %", "90 %")
    assert shift_said(many, few, "refund_share") == (
        "other than zero for 40 % of customers",
        "other than zero for 10 % of customers",
    )
    assert shift_said(5 + 3 * many, 5 + 3 * few, "purchases_90") == (
        "6.2 on average",
        "5.3 on average",
    )


@pytest.mark.parametrize("customers", [1, 3, 10])
def test_few_customers_who_are_all_known_as_before_have_not_drifted(customers):
    known = training_profile(panel().assign(tenure_days=400.0), ["tenure_days"])
    later = now(customers=customers).assign(tenure_days=900.0)
    assert not check_drift(known, later, EN).drifted
