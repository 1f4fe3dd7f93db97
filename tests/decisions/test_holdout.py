"""What a campaign will be able to prove: published figures, the base's own past, the lots."""

import dataclasses
import math

import numpy as np
import pandas as pd
import polars as pl
import pytest

import retention_lib as rl
from retention_lib.base.customer_base import CustomerBase
from retention_lib.decisions._holdout_power import (
    detectable,
    detectable_mean,
    needed,
    needed_mean,
)
from retention_lib.decisions.holdout import ASSUMED_EFFECT, design_holdout
from retention_lib.decisions.ranges import Range
from retention_lib.errors import InputError
from retention_lib.wording import Wording


def lines_of(count=120, days=700, seed=1):
    """Customers who buy at a rate of their own, for an amount of their own."""
    rng = np.random.default_rng(seed)
    rows = rng.poisson(np.linspace(1, 12, count))
    ids = np.repeat([f"C{i:03}" for i in range(count)], rows)
    dates = pd.Timestamp("2023-01-01") + pd.to_timedelta(rng.integers(0, days, len(ids)), unit="D")
    amounts = np.repeat(rng.lognormal(3, 1, count), rows) * rng.lognormal(0, 0.3, len(ids))
    return pd.DataFrame({"customer_id": ids, "date": dates, "amount": amounts.round(2)})


@pytest.fixture(scope="module")
def lines():
    return lines_of()


@pytest.fixture(scope="module")
def base(lines):
    return CustomerBase.from_tables(lines, margin_rate=0.4)


@pytest.fixture(scope="module")
def design(base):
    return design_holdout(base, customers=2000)


def test_the_published_sizes_come_out():
    # Fleiss: 12 % against 10 % at 5 % two-sided and 80 % power, 3,841 a side; 21,860 at 1 to 9.
    assert needed(0.10, 0.02) == 2 * 3841
    assert needed(0.10, 0.02, control_share=0.1) == 21_860
    # Cohen's textbook case: half a standard deviation takes 63 a side (64 with Student's t).
    assert needed_mean(1.0, 0.5) == 2 * 63


def test_shares_agree_with_statsmodels():
    from statsmodels.stats.proportion import samplesize_proportions_2indep_onetail

    for ratio in (1.0, 1 / 9):
        treated = samplesize_proportions_2indep_onetail(
            0.02, 0.10, 0.8, ratio=ratio, alpha=0.05, alternative="two-sided"
        )
        ours = needed(0.10, 0.02, control_share=ratio / (1 + ratio))
        # statsmodels gives those contacted and does not round up the smaller group.
        assert ours == pytest.approx(treated * (1 + ratio), abs=1 + 1 / ratio)


def test_means_agree_with_statsmodels():
    from statsmodels.stats.power import NormalIndPower

    there = NormalIndPower().solve_power(nobs1=100, alpha=0.05, power=0.8, ratio=4.0)
    assert detectable_mean(400, 100, 7.0) == pytest.approx(7.0 * there, rel=1e-5)


def test_what_is_detectable_is_what_so_many_are_needed_for():
    for share, control_share in ((0.1, 0.5), (0.6, 0.1), (0.0, 0.2)):
        effect = detectable(4000 * (1 - control_share), 4000 * control_share, share)
        assert needed(share, effect, control_share) == pytest.approx(4000, rel=0.003)
    effect = detectable_mean(900, 100, 5.0, explained=0.36)
    assert needed_mean(5.0, effect, 0.1, explained=0.36) == pytest.approx(1000, abs=10)
    # What the past explains counts like further customers.
    assert effect == pytest.approx(detectable_mean(900, 100, 4.0))


def test_such_a_test_proves_the_detectable_effect_four_times_in_five():
    rng = np.random.default_rng(3)
    treated, control, share = 900, 300, 0.4
    effect = detectable(treated, control, share)
    one = rng.binomial(treated, share + effect, 20_000) / treated
    other = rng.binomial(control, share, 20_000) / control
    pooled = (one * treated + other * control) / (treated + control)
    error = np.sqrt(pooled * (1 - pooled) * (1 / treated + 1 / control))
    # 20,000 draws of 0.8: a standard deviation of 0.003; the bell curve is off by about 0.01.
    assert np.mean(np.abs(one - other) > 1.96 * error) == pytest.approx(0.8, abs=0.015)


def test_what_cannot_be_proved_is_missing_or_infinite():
    assert math.isnan(detectable(10, 0, 0.1))
    assert math.isnan(detectable(5, 5, 0.99))
    assert needed(0.1, 0.0) == needed(0.9, 0.2) == needed_mean(1.0, 0.0) == math.inf


def test_levels_are_counted_on_the_past_of_the_base(base, lines, design):
    # By hand: who bought in the 365 days before, and bought again in the 90 days after.
    end = lines["date"].max()
    at = end - pd.Timedelta(days=90)
    before = lines[(lines["date"] < at) & (lines["date"] >= at - pd.Timedelta(days=365))]
    after = lines[(lines["date"] > at) & lines["customer_id"].isin(before["customer_id"])]
    there = before["customer_id"].nunique()
    rows = design.to_frame()
    row = rows[(rows["outcome_code"] == "buyers") & (rows["days"] == 90)].iloc[0]
    assert row["level"] == pytest.approx(after["customer_id"].nunique() / there)
    money = rows[(rows["outcome_code"] == "revenue") & (rows["days"] == 90)].iloc[0]
    assert money["level"] == pytest.approx(after["amount"].sum() / there)
    margin = rows[(rows["outcome_code"] == "margin") & (rows["days"] == 90)].iloc[0]
    assert margin["level"] == pytest.approx(0.4 * after["amount"].sum() / there)
    assert money["points"] == pytest.approx(money["adjusted"] / money["each_buyer"])


def test_a_larger_control_group_and_the_past_prove_more(design):
    rows = design.to_frame()
    for _, part in rows.groupby(["outcome_code", "days"]):
        assert part["detectable"].is_monotonic_decreasing
    assert (rows["adjusted"] <= rows["detectable"]).all()
    assert (rows["treated"] + rows["control"] == 2000).all()
    assert rows["share_held"].unique().tolist() == [0.05, 0.1, 0.2, 0.5]


def test_repurchase_proves_it_before_money(design):
    best = design.soonest()
    assert best["outcome_code"] == "buyers"
    assert best["share_held"] == 0.1
    assert "repurchase proves an effect" in design.sentence()
    assert "a few large orders" in design.sentence()


def test_the_soonest_row_is_the_shortest_wait_that_proves_the_effect(base):
    for effect in (0.9, 0.06, 0.0001):
        design = design_holdout(base, customers=2000, effect=effect)
        rows = design.to_frame()
        rows = rows[rows["share_held"] == 0.1]
        best, enough = design.soonest(), rows[rows["points"] <= effect]
        if len(enough):
            assert best["days"] == enough["days"].min()
            assert "would be proved" in design.sentence()
        else:
            assert best["points"] == rows["points"].min()
            assert "would not" in design.sentence()


def test_holding_back_costs_what_those_held_back_would_have_brought(design):
    sizes = design.sizes().to_frame()
    best = design.soonest()
    rows = design.to_frame()
    money = rows[(rows["outcome_code"] == "margin") & (rows["days"] == best["days"])]
    each = money["each_buyer"].iloc[0]
    assert sizes["forgone"].tolist() == pytest.approx((sizes["control"] * 0.05 * each).tolist())
    assert (sizes["forgone_low"] < sizes["forgone"]).all()
    assert (sizes["forgone"] < sizes["forgone_high"]).all()
    assert "Holding back 5 %" in design.sizes().sentence()


def test_the_effect_hoped_for_is_given_measured_or_assumed(base):
    assert design_holdout(base, customers=500).effect == ASSUMED_EFFECT
    assert design_holdout(base, customers=500).effect_source == "assumed"
    given = design_holdout(base, customers=500, effect=Range(0.01, 0.03, 0.04))
    assert (given.effect.likely, given.effect_source) == (0.03, "given")
    french = dataclasses.replace(rl.open_base(), wording=Wording("fr", "EUR"))
    sample = design_holdout(french, days=90)
    assert sample.effect_source == "measured"
    # Of the sample's PREUVE-01: 78.8 % against 67.7 %.
    assert sample.effect.likely == pytest.approx(0.1116, abs=0.0001)
    assert "mis à l'écart" in sample.sentence()


def test_lots_are_the_same_for_ever_and_alike_in_every_stratum(base):
    design = design_holdout(base)
    drawn = design.draw(share=0.25, seed="MAY").to_frame()
    again = design.draw(list(reversed(drawn["customer_id"])), share=0.25, seed="MAY").to_frame()
    both = drawn.merge(again, on="customer_id")
    assert (both["group_x"] == both["group_y"]).all()
    assert set(drawn["customer_id"]) == set(design.customer_ids)
    for _, part in drawn.groupby("stratum"):
        held = (part["group"] == "control").sum()
        assert abs(held - 0.25 * len(part)) < 1
    other = design.draw(share=0.25, seed="JUNE").to_frame()
    assert (other["group"] != drawn["group"]).any()
    assert "do not contact" in drawn.loc[drawn["group"] == "control", "drawn_group"].iloc[0]


def test_who_refuses_contact_is_not_in_the_campaign(lines):
    ids = lines["customer_id"].unique()
    customers = pd.DataFrame({"customer_id": ids, "contactable": ids != "C100"})
    refused = design_holdout(CustomerBase.from_tables(lines, customers=customers))
    assert "C100" in design_holdout(CustomerBase.from_tables(lines)).customer_ids
    assert "C100" not in refused.customer_ids


def test_codes_say_whose_past_is_looked_at(base, lines):
    few = sorted(lines["customer_id"].unique())[-60:]
    design = design_holdout(base, customers=few, share=0.5, days=90)
    assert design.customers == len(design.customer_ids) == 60
    everybody = design_holdout(base, customers=60, share=0.5, days=90)
    # The last codes are those who buy most often.
    assert design.to_frame()["level"].iloc[0] > everybody.to_frame()["level"].iloc[0]


def test_both_engines_and_rows_after_as_of_give_the_same(lines):
    cut = lines["date"].max() - pd.Timedelta(days=60)
    past = lines[lines["date"] <= cut]
    one = design_holdout(CustomerBase.from_tables(past, as_of=cut.date()), customers=900)
    two = design_holdout(CustomerBase.from_tables(lines).at(cut.date()), customers=900)
    three = design_holdout(
        CustomerBase.from_tables(pl.from_pandas(past), as_of=cut.date()), customers=900
    )
    for other in (two, three):
        pd.testing.assert_frame_equal(one.to_frame(), other.to_frame())


def test_small_short_and_silent_bases_get_words_instead_of_figures(lines):
    refund = pd.DataFrame({"customer_id": ["a"], "date": ["2024-01-05"], "amount": [-5.0]})
    refund["date"] = pd.to_datetime(refund["date"])
    one_day = lines.assign(date=pd.Timestamp("2024-01-05"))
    for table, said in ((refund, "Cannot tell"), (one_day, "Cannot tell")):
        design = design_holdout(CustomerBase.from_tables(table))
        assert said in design.sentence()
        assert design.to_frame().empty
        assert design.sizes().to_frame().empty
        assert design._repr_html_() and design.sizes()._repr_html_()
        assert design.plot().get_title(loc="left") and design.sizes().plot()
    small = design_holdout(CustomerBase.from_tables(lines), customers=40)
    assert "nothing can be proved" in small.sentence()
    assert small.to_frame()["points"].isna().all()
    short = design_holdout(CustomerBase.from_tables(lines), customers=900, days=(90, 3000))
    assert "3,000" in short.assumptions["holdout_short"]


def test_wrong_arguments_get_an_answer_that_helps(base):
    for share in (0, 1, True, "half", (), (0.1, 2), ("a",)):
        with pytest.raises(InputError, match=r"such as 0\.1"):
            design_holdout(base, share=share)
    for days in (0, True, "90", (30, 0)):
        with pytest.raises(InputError, match="such as 90"):
            design_holdout(base, days=days)
    for effect in (0, 1, True, "x", Range(-0.1, 0.1, 0.2)):
        with pytest.raises(InputError, match=r"such as 0\.05"):
            design_holdout(base, effect=effect)
    for customers in (0, 1, True, 2.5, "C1", ["C1"]):
        with pytest.raises(InputError, match="such as 500"):
            design_holdout(base, customers=customers)
    with pytest.raises(InputError, match="codes"):
        design_holdout(base, customers=500).draw()
    with pytest.raises(InputError, match="more than once"):
        design_holdout(base).draw(["C1", "C1"])
