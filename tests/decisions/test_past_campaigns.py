"""What past campaigns have changed: counted by hand, with known truth, on both engines."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retention_lib.base.customer_base import CustomerBase
from retention_lib.base.simulate import simulate_base
from retention_lib.decisions.past_campaigns import (
    difference_interval,
    past_effects,
    save_range,
)
from retention_lib.errors import ChoiceError, InputError

DATE = pd.Timestamp("2024-06-01")


def day(number):
    return DATE + pd.Timedelta(days=number)


def tables(treated_buyers=30, control_buyers=20, *, of=40, date=DATE, campaign="MAY"):
    """Two groups of ``of`` alike before the date; so many of each buy on the tenth day after."""
    names = [f"{group}{i:03}" for group in "tc" for i in range(of)]
    before = pd.DataFrame({"customer_id": names, "amount": 10.0 * (1 + np.arange(2 * of) % of)})
    before["date"] = date - pd.to_timedelta(20 + np.arange(2 * of) % of, unit="D")
    bought = names[:treated_buyers] + names[of : of + control_buyers]
    after = pd.DataFrame({"customer_id": bought, "date": date + pd.Timedelta(days=10)})
    end = pd.DataFrame({"customer_id": ["later"], "date": [date + pd.Timedelta(days=120)]})
    lines = pd.concat([before, after.assign(amount=5.0), end.assign(amount=5.0)])
    groups = pd.DataFrame(
        {
            "campaign_id": campaign,
            "customer_id": names,
            "date": date,
            "group": ["treated"] * of + ["control"] * of,
            "cost": [2.0] * of + [0.0] * of,
            "offer": "Free delivery",
        }
    )
    return lines, groups


def base_of(lines, groups, **options):
    return CustomerBase.from_tables(lines, campaigns=groups, **options)


def one(result):
    return dict(result.to_frame().iloc[0])


def test_the_effect_is_counted_as_one_would_by_hand():
    row = one(past_effects(base_of(*tables()), horizon_days=30))
    assert (row["treated"], row["control"], row["days"]) == (40, 40, 30)
    assert (row["buyers_treated"], row["buyers_control"]) == (0.75, 0.5)
    assert row["buyers_difference"] == 0.25
    # 20 of 40 held back were silent, 10 of 40 contacted: half of the silent were won.
    assert row["save_rate"] == 0.5
    assert row["contact_cost"] == 2
    assert row["reading_code"] == "effect"


def test_only_purchases_after_the_date_and_within_the_days_count():
    lines, groups = tables(0, 0)
    extra = pd.DataFrame(
        {
            "customer_id": ["t000", "t001", "t002", "t003", "t004", "t004"],
            "date": [day(0), day(1), day(30), day(31), day(5), day(5)],
            "amount": [9.0, 9.0, 9.0, 9.0, 9.0, -9.0],
        }
    )
    row = one(past_effects(base_of(pd.concat([lines, extra]), groups), horizon_days=30))
    # On the day itself no; days 1 and 30 yes; day 31 no; a day that nets to nothing no.
    assert row["buyers_treated"] == 2 / 40


def test_the_interval_of_the_difference_is_the_published_one():
    # Newcombe 1998, table II, method 10: 56/70 - 48/80 and 9/10 - 3/10, 10/10 - 0/10.
    assert difference_interval(56, 70, 48, 80) == pytest.approx((0.0524, 0.3339), abs=5e-5)
    assert difference_interval(9, 10, 3, 10) == pytest.approx((0.1705, 0.8090), abs=5e-5)
    assert difference_interval(10, 10, 0, 10) == pytest.approx((0.6075, 1.0), abs=5e-5)


def test_the_range_of_the_save_rate_is_one_minus_that_of_a_ratio():
    # Katz and others 1978, by hand: 10 of 40 were silent against 20 of 40, a ratio of 0.5.
    spread = np.exp(1.6448536 * np.sqrt(1 / 10 - 1 / 40 + 1 / 20 - 1 / 40))
    found = save_range(30, 40, 20, 40)
    assert found.likely == 0.5
    assert found.low == pytest.approx(1 - 0.5 * spread, abs=1e-6)
    assert found.high == pytest.approx(1 - 0.5 / spread, abs=1e-6)


def test_the_range_of_the_save_rate_holds_ninety_percent_of_the_time():
    rng = np.random.default_rng(3)
    true, hits, runs = 0.2, 0, 2000
    for bought, other in zip(
        rng.binomial(300, 1 - 0.3 * 0.8, runs), rng.binomial(200, 0.7, runs), strict=True
    ):
        found = save_range(int(bought), 300, int(other), 200)
        hits += found.low <= true <= found.high
    # Two thousand draws of a probability of 0.9 lie within two points of it.
    assert abs(hits / runs - 0.9) < 0.02


@given(st.integers(1, 300), st.integers(1, 300), st.data())
def test_a_save_rate_is_never_above_one_and_lies_in_its_range(treated, control, data):
    bought = data.draw(st.integers(0, treated))
    other = data.draw(st.integers(0, control))
    found = save_range(bought, treated, other, control)
    if other == control:
        assert found is None
        return
    assert found.low <= found.likely <= found.high <= 1
    assert found.likely == pytest.approx(
        (bought / treated - other / control) / (1 - other / control), abs=1e-9
    )


def test_a_club_of_the_best_customers_has_no_control_group():
    lines, groups = tables(40, 20)
    # Those invited had bought a hundred times as much.
    invited = lines["customer_id"].str.startswith("t") & (lines["date"] < DATE)
    lines.loc[invited, "amount"] *= 100
    result = past_effects(base_of(lines, groups))
    row = one(result)
    assert row["reading_code"] == "not_drawn"
    assert (
        pd.isna(row["buyers_difference"])
        and pd.isna(row["save_rate"])
        and pd.isna(row["buyers_treated"])
    )
    assert result.default() is None
    assert result.effect("MAY") is None
    assert "already differed" in result.sentence()
    balance = result.balance().to_frame().set_index("measure")
    assert balance.loc["net spend in the year before", "chance"] < 1e-6
    assert balance.loc["purchases in the year before", "chance"] > 0.999


def test_waves_with_unlike_shares_contacted_are_not_compared():
    lines, groups = tables(of=60)
    # Nearly all contacted in the first wave, nearly all held back in the second.
    place = np.arange(60)
    groups["date"] = [*np.where(place < 50, day(0), day(7)), *np.where(place < 10, day(0), day(7))]
    result = past_effects(base_of(lines, groups))
    assert one(result)["reading_code"] == "not_drawn"
    even = groups.assign(date=[*np.where(place < 30, day(0), day(7))] * 2)
    assert one(past_effects(base_of(lines, even)))["reading_code"] == "effect"


def test_what_is_too_small_too_recent_or_has_no_control_is_only_said():
    lines, groups = tables()
    codes = {
        "too_few": base_of(*tables(10, 5, of=20)),
        "too_recent": base_of(lines, groups).at(day(12).date()),
        "no_control": base_of(lines, groups[groups["group"] == "treated"]),
        "all_bought": base_of(*tables(40, 40)),
    }
    for code, base in codes.items():
        result = past_effects(base)
        assert one(result)["reading_code"] == code
        assert pd.isna(one(result)["save_rate"])
        assert result.default() is None
        assert result._repr_html_()


def test_who_is_listed_in_both_groups_or_in_none_is_left_out():
    lines, groups = tables()
    both = groups[groups["customer_id"] == "t000"].assign(group="control")
    none = groups[groups["customer_id"] == "c000"].assign(customer_id="x", group="planned")
    row = one(
        past_effects(base_of(lines, pd.concat([groups, both, none, groups])), horizon_days=30)
    )
    assert (row["treated"], row["control"], row["left_out"]) == (39, 40, 2)
    assert row["buyers_treated"] == 29 / 39


def test_without_campaigns_the_result_says_what_they_would_show():
    lines, groups = tables()
    for base in (CustomerBase.from_tables(lines), base_of(lines, groups).at(day(-5).date())):
        result = past_effects(base)
        assert result.to_frame().empty
        assert result.default() is None
        assert result.balance().to_frame().empty
        assert result.sentence().endswith(".")
        assert result._repr_html_()
    assert "held back by lot" in past_effects(CustomerBase.from_tables(lines)).sentence()


def test_the_latest_campaign_that_tells_an_effect_is_the_default():
    lines, groups = tables()
    later, later_groups = tables(35, 20, date=day(40), campaign="JULY")
    few = later_groups.groupby("group").head(5).assign(campaign_id="LAST", date=day(60))
    base = base_of(pd.concat([lines, later]), pd.concat([few, later_groups, groups]))
    result = past_effects(base)
    assert result.to_frame()["campaign_id"].tolist() == ["MAY", "JULY", "LAST"]
    default = result.default()
    assert (default.campaign_id, default.date) == ("JULY", day(40).date())
    assert default == result.effect("JULY") != result.effect("MAY")
    assert default.contact_cost == 2 and default.offer == "Free delivery"
    with pytest.raises(ChoiceError, match="JUNE"):
        result.effect("JUNE")


def test_what_is_known_later_changes_nothing_seen_from_before():
    lines, groups = tables()
    seen = past_effects(base_of(lines, groups, as_of="2024-08-01")).to_frame()
    future = lines.assign(date=day(70))
    more = pd.concat([groups, groups.assign(campaign_id="LATER", date=day(65))])
    again = past_effects(base_of(pd.concat([lines, future]), more, as_of="2024-08-01"))
    pd.testing.assert_frame_equal(again.to_frame(), seen)


def test_polars_and_duckdb_agree():
    lines, groups = tables()
    duck = past_effects(base_of(lines, groups), horizon_days=60)
    frame = base_of(pl.from_pandas(lines), pl.from_pandas(groups))
    assert frame.engine == "polars"
    polars = past_effects(frame, horizon_days=60)
    pd.testing.assert_frame_equal(polars.to_frame(), duck.to_frame())
    pd.testing.assert_frame_equal(polars.balance().to_frame(), duck.balance().to_frame())


@pytest.mark.parametrize("wrong", [0, -3, 1.5, True, "90", float("nan")])
def test_a_wrong_horizon_is_said(wrong):
    with pytest.raises(InputError, match="whole number of days, 1 or more, such as 90"):
        past_effects(base_of(*tables()), horizon_days=wrong)


def test_the_sentence_tells_effect_range_and_doubt():
    sure = past_effects(base_of(*tables(36, 16)), horizon_days=30)
    assert sure.sentence() == (
        "Campaign MAY of 1 June 2024: in the 30 days after it 90.0 % of those contacted bought, "
        "and 40.0 % of those held back (29.8 to 64.9 points apart, 95 % sure); of those who would "
        "have bought nothing, contact won 83.3 % (between 62.6 % and 92.6 %, 90 % sure)."
    )
    unsure = past_effects(base_of(*tables(21, 20), language="fr"), horizon_days=30)
    assert "aucun effet que le hasard n'aurait pu produire" in unsure.sentence()


@pytest.fixture(scope="module")
def simulated():
    return [simulate_base(1500, seed=seed, years=3) for seed in (4, 5)]


def test_the_randomised_campaign_of_the_simulator_is_told_from_the_club(simulated):
    for base, _ in simulated:
        codes = past_effects(base).to_frame().set_index("campaign_id")["reading_code"]
        assert codes.to_dict() == {"CLUB-01": "not_drawn", "PREUVE-01": "effect"}


def test_the_measured_effect_is_the_true_one_within_its_range(simulated):
    for base, truth in simulated:
        effect = past_effects(base, horizon_days=90).effect("PREUVE-01")
        known = truth.campaign_effects
        silent = 1 - known["p_buy_without"].mean()
        true = known["uplift"].mean() / silent
        assert effect.save_rate.low <= true <= effect.save_rate.high
        # The range says something: contact works, and not on everybody.
        assert 0 < effect.save_rate.low < effect.save_rate.high < 0.6
