"""From a plan to what it was worth, on bases whose truth is known: the circle closes."""

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from retention_lib import make_plan, measure_campaign, read_outcomes, simulate_base
from retention_lib.base import simulate_played
from retention_lib.base.simulate_played import played
from retention_lib.base.simulate_world import Streams
from retention_lib.decisions import _campaign_statistics as statistics
from retention_lib.decisions._lots import held_by_lot
from retention_lib.decisions._plan_facts import facts_of
from retention_lib.decisions._pressure_contacts import past_contacts
from tests.decisions.planning import journeys


@pytest.fixture(scope="module")
def world():
    """A simulated base that contact does much good, and its truth."""
    return simulate_base(
        600,
        seed=5,
        years=2,
        language="en",
        campaign_persuaded=(0.6, 0.6, 0.6, 0.6),
        campaign_save_rates=(0.4, 0.4, 0.4, 0.4),
    )


@pytest.fixture(scope="module")
def everybody(world):
    return sorted(world[1].contact_effects["customer_id"])


# --- what is played -----------------------------------------------------------------------------


def test_customers_buy_as_often_and_for_as_much_as_the_truth_expects(world, everybody):
    _, truth = world
    treated = everybody[::2]
    expected = simulate_played._expected(truth, treated, 1.0)
    start, days, times = pd.Timestamp("2026-01-01").date(), 90, 200
    orders = pd.concat(
        [simulate_played._orders(expected, start, days, Streams(seed)) for seed in range(times)],
        keys=range(times),
        names=["run"],
    )
    buyers = orders.reset_index().groupby("customer_id")["run"].nunique() / times
    known = expected.set_index("customer_id")
    reached = known["contacted"]
    for name, measured in (
        ("p_buy", buyers),
        ("revenue", orders.groupby("customer_id")["amount"].sum() / times),
        ("margin", orders.groupby("customer_id")["margin"].sum() / times),
    ):
        true = known[f"{name}_with"].where(reached, known[f"{name}_without"])
        came = measured.reindex(known.index).fillna(0.0)
        for group in (reached, ~reached):
            # The mean of 200 plays of over 150 customers each is within 3 % for any of them.
            assert came[group].mean() == pytest.approx(true[group].mean(), rel=0.03)
    assert orders["date"].min() == start + timedelta(days=1)
    assert orders["date"].max() == start + timedelta(days=days)


def test_playing_changes_nothing_of_the_past_and_contact_only_those_contacted(world, everybody):
    base, truth = world
    treated, control = everybody[:60], everybody[60:120]
    one = played(base, truth, treated, control, seed=3, campaign_id="MAY", cost=2.0)
    none = played(base, truth, [], control, seed=3)
    assert one.base.as_of == base.as_of + timedelta(days=91)
    before = one.base.at(base.as_of).to_pandas().sort_values(["date", "order_id", "product"])
    was = base.to_pandas().sort_values(["date", "order_id", "product"])
    assert before["amount"].tolist() == was["amount"].tolist()
    assert not one.base.at(base.as_of).to_pandas("campaigns")["campaign_id"].eq("MAY").any()
    frames = [later.base.to_pandas() for later in (one, none)]
    new = [frame[pd.to_datetime(frame["date"]) > pd.Timestamp(base.as_of)] for frame in frames]
    orders = [frame.groupby("customer_id").size() for frame in new]
    others = [count[~count.index.isin(treated)] for count in orders]
    assert others[0].to_dict() == others[1].to_dict()
    assert orders[0].reindex(treated).fillna(0).gt(orders[1].reindex(treated).fillna(0)).any()


def test_a_campaign_without_effect_truly_adds_nothing_and_those_gone_count_for_nothing(
    world, everybody
):
    base, truth = world
    nothing = played(base, truth, everybody, seed=1, effect=0.0)
    assert nothing.effect(everybody) == 0.0
    some = played(base, truth, everybody, seed=1)
    gains = truth.contact_effects.set_index("customer_id")["uplift"]
    pair = everybody[:2]
    assert some.effect(pair, "buyers") == pytest.approx(gains[pair].mean(), abs=1e-4)
    assert some.effect([*pair, "gone", "gone too"]) == pytest.approx(some.effect(pair) / 2)


# --- from the plan to the verdict ---------------------------------------------------------------


@pytest.fixture(scope="module")
def loop(world, tmp_path_factory):
    """Plan for everybody, four in five actions done, read back, played, measured."""
    base, truth = world
    known = base.to_pandas("customers")
    table = journeys([{"account_manager": one} for one in known["account_manager"]])
    table = table.assign(customer_id=known["customer_id"], contactable=known["contactable"])
    plan = make_plan(
        base,
        budget=1e6,
        hold_out=0.4,
        hours_per_week=500.0,
        facts=facts_of(base, table),
    )
    file = tmp_path_factory.mktemp("plan") / "plan.csv"
    plan.to_csv(file)
    rows = pd.read_csv(file, dtype=str, encoding="utf-8-sig")
    done = rows["customer_id"].isin(sorted(set(rows["customer_id"]))[::5])
    rows.assign(done=np.where(done, "no", "yes")).to_csv(file, index=False)
    outcomes = read_outcomes(file, plan=plan)
    told = outcomes.add_to(base)
    busy = set(rows.loc[~done, "customer_id"])
    start = min(outcomes.planned["date"]).date()
    later = played(told, truth, sorted(busy), seed=9, start=start)
    return plan, outcomes, busy, later, measure_campaign(later.base, plan.plan_id)


def test_everybody_planned_counts_whether_reached_or_not(loop):
    plan, outcomes, busy, later, found = loop
    planned = set(plan.to_frame()["customer_id"])
    assert len(outcomes.set_aside) == 0
    assert busy < planned
    assert (found.treated, found.control) == (len(planned), len(plan.held_out))
    groups = later.base.to_pandas("campaigns")
    groups = groups[groups["campaign_id"] == plan.plan_id].set_index("customer_id")["group"]
    assert set(groups.index[groups == "treated"]) == planned
    assert set(groups.index[groups == "control"]) == set(plan.held_out["customer_id"])


def test_what_was_done_counts_as_contact_next_month(loop, world):
    plan, _, busy, later, _ = loop
    after = later.base.at(later.start + timedelta(days=29))
    now = past_contacts(after).set_index("customer_id")["contacts_30"]
    sent = plan.to_frame()
    sent = sent[(sent["channel_code"] != "task") & sent["customer_id"].isin(busy)]
    held = set(plan.held_out["customer_id"])
    assert (now.reindex(sorted(set(sent["customer_id"]))) >= 1).all()
    assert not now.reindex(sorted(held)).fillna(0).any()


def test_what_is_measured_lies_around_what_is_true(loop, world):
    base, truth = world
    plan, *_ = loop
    drawn = sorted(set(plan.to_frame()["customer_id"]) | set(plan.held_out["customer_id"]))
    told, true = [], {}
    for seed in range(4):
        control = set(np.array(drawn)[held_by_lot(drawn, 0.4, seed=seed)])
        treated = [one for one in drawn if one not in control]
        later = played(base, truth, treated, sorted(control), seed=seed, campaign_id="AGAIN")
        found = measure_campaign(later.base, "AGAIN")
        told.append({name: found.effect(name) for name in ("buyers", "margin")})
        true = {name: later.effect(drawn, name) for name in ("buyers", "margin")}
    assert true["buyers"] > 0.1 and true["margin"] > 0
    for name, value in true.items():
        estimates = [one[name] for one in told]
        assert sum(one.low <= value <= one.high for one in estimates) >= 3
        error = np.sqrt(np.mean([one.error**2 for one in estimates]) / len(estimates))
        assert abs(np.mean([one.value for one in estimates]) - value) < 2.5 * error
    # And it is told from nothing: an interval that held anything would be no measurement.
    assert sum(one["buyers"].low > 0 for one in told) >= 3


def test_of_four_hundred_draws_the_share_of_buyers_is_held_in_ninety_five_percent(world, everybody):
    """The lots drawn anew and the months lived anew each time; customers differ in their effect."""
    _, truth = world
    effects = truth.contact_effects.set_index("customer_id").loc[everybody]
    rng = np.random.default_rng(17)
    held, null = [], []
    for seed in range(400):
        treated = ~held_by_lot(everybody, 0.3, seed=seed)
        luck = rng.random(len(everybody))
        alone, reached = effects["p_buy_without"].to_numpy(), effects["p_buy_with"].to_numpy()
        bought = (luck < np.where(treated, reached, alone)).astype(int)
        told = statistics.plain_shares(bought, treated)
        held.append(told.low <= (reached - alone).mean() <= told.high)
        null.append(statistics.plain_shares((luck < alone).astype(int), treated).low > 0)
    # Two standard deviations of 400 are 2.2 points.
    assert 0.928 <= np.mean(held) <= 0.98
    assert np.mean(null) <= 0.05
