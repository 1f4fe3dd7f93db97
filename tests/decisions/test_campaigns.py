"""What a campaign earned: counted by hand, with known truth, on both engines."""

import dataclasses
import math

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import retention_lib as rl
from retention_lib.base.customer_base import CustomerBase
from retention_lib.decisions import _campaign_statistics as statistics
from retention_lib.decisions._campaign_facts import campaign_customers, value_bands
from retention_lib.decisions._campaign_money import count_money, further_customers
from retention_lib.decisions.campaigns import measure_campaign
from retention_lib.errors import ChoiceError, InputError
from retention_lib.wording import Wording

DATE = pd.Timestamp("2024-06-01")
NUMBERS = ["effect", "low", "high", "error", "mean_treated", "mean_control"]


def day(number):
    return DATE + pd.Timedelta(days=number)


def tables(gain=0.0, *, of=40, cost=2.0, amount=10.0):
    """Two groups alike before; each buys for 10 to 49 afterwards, the treated for ``gain`` more."""
    names = [f"{group}{i:03}" for group in "tc" for i in range(of)]
    place = np.arange(2 * of) % of
    before = pd.DataFrame({"customer_id": names, "amount": amount * (1.0 + place)})
    before["date"] = DATE - pd.to_timedelta(20 + place, unit="D")
    spent = 10.0 + (place * 7) % of + np.where(np.arange(2 * of) < of, gain, 0.0)
    after = pd.DataFrame({"customer_id": names, "date": day(10), "amount": spent})
    end = pd.DataFrame({"customer_id": ["later"], "date": [day(120)], "amount": 5.0})
    lines = pd.concat([before, after, end], ignore_index=True)
    groups = pd.DataFrame(
        {
            "campaign_id": "MAY",
            "customer_id": names,
            "date": DATE,
            "group": ["treated"] * of + ["control"] * of,
            "cost": [cost] * of + [0.0] * of,
        }
    )
    return lines, groups


def base_of(lines, groups, *, margin_rate=0.5, **options):
    return CustomerBase.from_tables(lines, campaigns=groups, margin_rate=margin_rate, **options)


def measured(gain=0.0, *, margin_rate=0.5, days=None, **options):
    lines, groups = tables(gain, **options)
    return measure_campaign(base_of(lines, groups, margin_rate=margin_rate), "MAY", days=days)


def test_the_facts_of_each_customer_are_those_one_counts_by_hand():
    lines = pd.DataFrame(
        [
            ("a", day(-400), 5.0), ("a", day(-365), 7.0), ("a", day(-1), 3.0),
            ("a", day(0), 100.0), ("a", day(1), 4.0), ("a", day(30), 6.0), ("a", day(31), 9.0),
            ("b", day(-10), 8.0), ("b", day(5), 2.0), ("b", day(5), -2.0), ("b", day(6), -1.0),
            ("z", day(200), 1.0),
        ],
        columns=["customer_id", "date", "amount"],
    )  # fmt: skip
    groups = pd.DataFrame(
        {
            "campaign_id": "MAY",
            "customer_id": ["a", "b", "c", "d", "d"],
            "date": DATE,
            "group": ["treated", "control", "control", "treated", "control"],
            "cost": [2.0, np.nan, np.nan, 1.0, np.nan],
        }
    )
    found = campaign_customers(base_of(lines, groups), "MAY", days=30).set_index("customer_id")
    assert found["group"].to_dict() == {
        "a": "treated", "b": "control", "c": "control", "d": "left_out",
    }  # fmt: skip
    # Day 0 itself is neither before nor after; day 31 is too late, day -400 too early.
    a = found.loc["a"]
    assert (a["bought"], a["revenue"], a["margin"]) == (1, 10.0, 5.0)
    assert (a["purchases_before"], a["revenue_before"], a["margin_before"]) == (2, 10.0, 5.0)
    assert (a["silence_before"], a["tenure_before"], a["cost"]) == (1, 400, 2.0)
    # A day that nets to nothing is no purchase; a refund alone lowers revenue.
    assert (found.loc["b", "bought"], found.loc["b", "revenue"]) == (0, -1.0)
    assert math.isnan(found.loc["b", "cost"])
    c = found.loc["c"]
    assert (c["bought"], c["revenue"], c["bought_before"]) == (0, 0.0, 0)
    assert math.isnan(c["silence_before"])


def test_effect_and_money_are_those_one_computes_by_hand():
    result = measured(20.0)
    # Each treated customer spent exactly 20 more; half of it is margin; a contact cost 2.
    assert result.effect("revenue", method="plain").value == pytest.approx(20.0)
    assert result.effect("margin", method="plain").value == pytest.approx(10.0)
    assert result.effect("buyers").value == 0.0
    assert result.money.cost == 80.0
    assert result.money.extra.value == pytest.approx(40 * result.effect("margin").value)
    assert result.money.net.value == pytest.approx(result.money.extra.value - 80)
    assert result.money.roi.value == pytest.approx(result.money.net.value / 80)
    assert (result.treated, result.control, result.days) == (40, 40, 90)
    assert result.verdict_code == "earned"
    assert "earned its cost" in result.sentence()


def test_a_costly_campaign_loses_and_a_weak_one_is_not_proved():
    lost = measured(20.0, cost=50.0)
    assert lost.verdict_code == "lost"
    assert lost.money.net.high < 0
    assert math.isnan(lost.needed)
    open_one = measured(3.0, cost=0.5)
    assert open_one.verdict_code == "not_proved"
    assert open_one.money.net.low < 0 < open_one.money.net.high
    assert "no profit is proved" in open_one.sentence()
    assert open_one.needed > 80
    assert f"{80}" in open_one.verdict()


def test_so_many_customers_would_prove_it_four_times_in_five():
    result = measured(3.0, cost=0.5)
    # By hand: sides equal, so n = 2 * ((z + z) * sd / effect)^2 a side, in all twice that.
    net = result.money.net
    deviation = net.error / 40 / math.sqrt(2 / 40)
    side = 2 * ((1.959964 + 0.841621) * deviation / (net.value / 40)) ** 2
    assert result.needed == pytest.approx(2 * math.ceil(side))


def test_without_a_cost_no_return_is_told_but_what_a_contact_may_cost():
    lines, groups = tables(20.0)
    for without in (groups.drop(columns="cost"), groups.assign(cost=np.nan)):
        result = measure_campaign(base_of(lines, without), "MAY")
        assert (result.verdict_code, result.reason_code) == ("cannot_tell", "no_cost")
        assert math.isnan(result.money.roi.value)
        assert result.effect().value == pytest.approx(10.0, abs=0.5)
        assert "not on file" in result.sentence()
    weak = measure_campaign(base_of(*[t.drop(columns="cost", errors="ignore")
                                      for t in tables(1.0)]), "MAY")  # fmt: skip
    assert weak.verdict_code == "not_proved"


def test_a_cost_known_for_some_stands_for_all():
    lines, groups = tables(20.0)
    groups.loc[groups.index[:20], "cost"] = np.nan
    result = measure_campaign(base_of(lines, groups), "MAY")
    assert (result.money.cost, result.money.costs_known) == (80.0, 20)
    assert "20 of 40" in result.assumptions["campaign_cost"]


def test_revenue_above_the_cost_is_no_profit_where_nobody_knows_margins():
    result = measured(20.0, margin_rate=None)
    assert (result.verdict_code, result.reason_code) == ("cannot_tell", "no_margin")
    assert result.outcome == "revenue"
    assert set(result.to_frame()["outcome_code"]) == {"buyers", "revenue"}
    # A contact brought about 20 of revenue for 2: it pays above a tenth of margin.
    assert "10 %" in result.sentence()
    assert measured(20.0, margin_rate=None, cost=90.0).verdict_code == "lost"


def test_what_is_too_small_too_recent_or_silent_cannot_be_told():
    lines, groups = tables(20.0)
    silent = lines[(lines["date"] < DATE) | (lines["customer_id"] == "later")]
    bases = {
        "too_few": base_of(*tables(20.0, of=20)),
        "too_recent": base_of(lines, groups).at(day(12).date()),
        "no_control": base_of(lines, groups[groups["group"] == "treated"]),
        "nobody_bought": base_of(silent, groups),
    }
    for reason, base in bases.items():
        result = measure_campaign(base, "MAY")
        assert (result.verdict_code, result.reason_code) == ("cannot_tell", reason)
        assert result.to_frame().empty
        assert math.isnan(result.effect().value)
        assert result.sentence().endswith(".")
        assert result._repr_html_() and result.checks()._repr_html_()
        assert result.segments().sentence().endswith(".")
        assert result.plot().get_title(loc="left")


def test_a_shorter_follow_up_is_used_and_said():
    lines, groups = tables(20.0)
    result = measure_campaign(base_of(lines, groups).at(day(40).date()), "MAY")
    assert result.days == 40
    assert "40 days" in result.assumptions["campaign_days"]
    assert result.verdict_code == "earned"


def test_rows_after_as_of_change_nothing():
    lines, groups = tables(20.0)
    future = pd.DataFrame({"customer_id": ["t000", "c000"], "date": day(60), "amount": [9e6, 1.0]})
    late = groups.assign(campaign_id="JUNE", date=day(61))
    one, other = (
        measure_campaign(base_of(a, b).at(day(50).date()), "MAY")
        for a, b in (
            (lines, groups),
            (pd.concat([lines, future]), pd.concat([groups, late])),
        )
    )
    pd.testing.assert_frame_equal(one.to_frame(), other.to_frame())
    assert one.sentence() == other.sentence()


def test_both_engines_measure_alike():
    lines, groups = tables(5.0)
    duck = measure_campaign(base_of(lines, groups), "MAY")
    pola = measure_campaign(base_of(pl.from_pandas(lines), pl.from_pandas(groups)), "MAY")
    pd.testing.assert_frame_equal(duck.to_frame(), pola.to_frame())
    assert duck.sentence() == pola.sentence()
    pd.testing.assert_frame_equal(
        duck.segments("value").to_frame(), pola.segments("value").to_frame()
    )


def test_groups_that_no_lot_drew_get_no_effect_and_no_return():
    lines, groups = tables(20.0)
    invited = lines["customer_id"].str.startswith("t") & (lines["date"] < DATE)
    lines.loc[invited, "amount"] *= 100
    result = measure_campaign(base_of(lines, groups), "MAY")
    assert result.verdict_code == "not_randomised"
    assert "earned" not in result.sentence()


def test_group_sizes_far_from_the_plan_mean_that_customers_went_missing():
    lines, groups = tables(20.0)
    base = base_of(lines, groups)
    assert measure_campaign(base, "MAY", planned_share=0.5).verdict_code == "earned"
    assert measure_campaign(base, "MAY", planned_share=0.1).verdict_code == "not_randomised"


def test_groups_of_unlike_segments_were_not_drawn_by_lot():
    lines, groups = tables(20.0)
    names = groups["customer_id"]
    sizes = np.where(names.str.startswith("t"), "large", "small")
    sizes = np.where(np.arange(80) % 4 == 0, "middle", sizes)
    customers = pd.DataFrame({"customer_id": names, "size": sizes})
    base = base_of(lines, groups, customers=customers)
    result = measure_campaign(base, "MAY")
    assert result.verdict_code == "not_randomised"
    assert not result.checks().table.set_index("check_code").loc["segment", "fine"]


def test_who_is_in_both_groups_is_left_out_and_said():
    lines, groups = tables(20.0)
    both = groups[groups["customer_id"] == "t000"].assign(group="control")
    result = measure_campaign(base_of(lines, pd.concat([groups, both])), "MAY")
    assert (result.treated, result.control) == (39, 40)
    assert result.checks().table.loc[0, "found"].startswith("1 customer ")


def test_wrong_arguments_get_an_answer_that_helps():
    base = base_of(*tables())
    with pytest.raises(ChoiceError, match="MAY"):
        measure_campaign(base, "JUNE")
    with pytest.raises(ChoiceError, match="margin"):
        measure_campaign(base, "MAY", outcome="clicks")
    with pytest.raises(ChoiceError, match="value"):
        measure_campaign(base, "MAY", by="name")
    for days in (0, True, "90", 1.5):
        with pytest.raises(InputError, match="such as 90"):
            measure_campaign(base, "MAY", days=days)
    for share in (0, 1, True, "half"):
        with pytest.raises(InputError, match=r"such as 0\.1"):
            measure_campaign(base, "MAY", planned_share=share)
    with pytest.raises(InputError, match="campaigns table"):
        measure_campaign(CustomerBase.from_tables(tables()[0]), "MAY")


# --- statistics ------------------------------------------------------------------------------


def test_the_standard_errors_are_those_of_statsmodels():
    from statsmodels.api import OLS
    from statsmodels.stats.weightstats import CompareMeans, DescrStatsW

    rng = np.random.default_rng(1)
    past, treated = rng.normal(size=(90, 2)), np.arange(90) < 60
    values = past @ [2.0, -1.0] + 0.7 * treated + rng.normal(size=90)
    plain = statistics.plain_means(values, treated)
    compared = CompareMeans(DescrStatsW(values[treated]), DescrStatsW(values[~treated]))
    assert plain.error == pytest.approx(compared.std_meandiff_separatevar)
    other = statistics.adjusted(values, treated, past)
    columns = np.column_stack([np.ones(90), treated, past])
    fitted = OLS(values, columns).fit(cov_type="HC3")
    assert other.value == pytest.approx(fitted.params[1])
    assert other.error == pytest.approx(fitted.bse[1])
    assert other.error < plain.error
    # In such bell curves drawing the lots again gives what Welch's interval gives.
    low, high = compared.tconfint_diff(usevar="unequal")
    assert plain.low == pytest.approx(low, abs=0.15 * plain.error)
    assert plain.high == pytest.approx(high, abs=0.15 * plain.error)


@pytest.fixture(scope="module")
def drawn():
    """Four hundred campaigns without effect: 15 % of 200 held back, a few large customers."""
    rng = np.random.default_rng(11)
    usual = rng.lognormal(3, 1.1, 200)
    values = usual * rng.lognormal(0, 0.5, 200) * (rng.random(200) < 0.7)
    past = np.column_stack([usual, np.log1p(usual)])
    found = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(statistics, "DRAWS", 400)
        for _ in range(400):
            treated = np.ones(200, dtype=bool)
            treated[rng.permutation(200)[:30]] = False
            lots = statistics.draw_again(treated)
            found.append((statistics.plain_means(values, treated, lots),
                          statistics.adjusted(values, treated, past, lots)))  # fmt: skip
    return found


@pytest.mark.parametrize("place", [0, 1])
def test_the_interval_holds_ninety_five_percent_and_no_gain_is_seen_where_there_is_none(
    drawn, place
):
    estimates = [pair[place] for pair in drawn]
    held = np.mean([one.low <= 0 <= one.high for one in estimates])
    # Of 400 at 95 %, two standard deviations are 2.2 points.
    assert 0.928 <= held <= 0.975
    assert np.mean([one.low > 0 for one in estimates]) <= 0.05
    if place:
        assert np.mean([b.error for _, b in drawn]) < 0.9 * np.mean([a.error for a, _ in drawn])


def test_beyond_ten_thousand_customers_a_formula_takes_the_place_of_the_draws(monkeypatch):
    rng = np.random.default_rng(5)
    values, treated = rng.lognormal(0, 1, 4000), np.arange(4000) >= 400
    by_draws = statistics.plain_means(values, treated)
    monkeypatch.setattr(statistics, "_FORMULA_ABOVE", 1000)
    assert statistics.draw_again(treated) is None
    by_formula = statistics.plain_means(values, treated)
    lopsided = []
    for found in (by_draws, by_formula):
        lopsided.append((found.high + found.low - 2 * found.value) / found.error)
        assert found.low < 0 < found.high
    # Few held back seldom have a large one among them, and then it looks like profit: the lower
    # end lies further away.
    assert max(lopsided) < -0.2
    assert abs(lopsided[0] - lopsided[1]) < 0.25


def test_drawing_together_is_that_of_dersimonian_and_laird():
    values, errors = np.array([1.0, 3.0, 5.0]), np.array([1.0, 1.0, 1.0])
    found = statistics.shrink(values, errors)
    # By hand: Q = 8, 2 degrees of freedom, tau^2 = (8 - 2) / (3 - 3 / 3) = 3; 3/4 of each stays.
    assert found.spread == pytest.approx(math.sqrt(3))
    assert found.values.tolist() == pytest.approx([1.5, 3.0, 4.5])
    assert found.chance == pytest.approx(math.exp(-4))
    alone = statistics.shrink(np.array([2.0]), np.array([0.5]))
    assert alone.values.tolist() == [2.0]


def test_values_that_are_all_alike_leave_the_range_open():
    same = statistics.plain_means(np.zeros(80), np.arange(80) < 40)
    assert same.value == 0.0
    assert math.isnan(same.low)
    assert statistics.chance_of(same) == 1.0


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.floats(1, 1000), st.floats(-5, 5))
def test_another_currency_scales_and_a_gain_shifts_every_end(seed, factor, gain):
    rng = np.random.default_rng(seed)
    values, treated = rng.gamma(1.0, 10.0, 70), np.arange(70) < 40
    lots = statistics.draw_again(treated)
    one = statistics.plain_means(values, treated, lots)
    scaled = statistics.plain_means(values * factor, treated, lots)
    shifted = statistics.plain_means(values + gain * treated, treated, lots)
    assert one.low <= one.value <= one.high
    for end in ("value", "low", "high"):
        assert getattr(scaled, end) == pytest.approx(factor * getattr(one, end), rel=1e-6)
        assert getattr(shifted, end) == pytest.approx(getattr(one, end) + gain, abs=1e-6)


def test_money_needs_a_cost_to_be_left_over():
    effect = statistics.Estimate(10.0, 4.0, 16.0, 3.0)
    money = count_money(effect, pd.Series([2.0, np.nan, 4.0]), "margin")
    assert (money.cost, money.extra.low, money.net.high) == (9.0, 12.0, 39.0)
    assert money.roi.low == pytest.approx(3 / 9)
    assert math.isnan(further_customers(money, 3, 3))
    free = count_money(effect, pd.Series([0.0, 0.0]), "margin")
    assert free.verdict() == ("earned", "")
    assert math.isnan(free.roi.value)


def test_bands_are_thirds_of_those_who_spent():
    assert value_bands([0.0, 0.0]) == ["none", "none"]
    assert value_bands([5, 1, 3, 0, -2]) == ["high", "low", "middle", "none", "none"]


# --- segments --------------------------------------------------------------------------------


def segmented(gains):
    lines, groups = tables(0.0, of=120)
    names = groups["customer_id"]
    sizes = np.array(list(gains))[np.arange(240) % len(gains)]
    customers = pd.DataFrame({"customer_id": names, "size": sizes})
    of = dict(zip(names, sizes, strict=True))
    after = (lines["date"] == day(10)) & lines["customer_id"].str.startswith("t")
    lines.loc[after, "amount"] += lines.loc[after, "customer_id"].map(of).map(gains)
    return measure_campaign(base_of(lines, groups, customers=customers), "MAY")


def test_segments_that_do_not_differ_are_not_said_to():
    found = segmented({"large": 0.0, "middle": 0.0, "small": 0.0}).segments()
    assert not found.differs
    assert "no difference between the 3 segments" in found.sentence()
    assert (found.to_frame()["corrected"] > 0.05).all()
    assert found.to_frame()["treated"].sum() == 120


def test_a_segment_that_truly_differs_is_named_and_drawn_to_the_others():
    found = segmented({"large": 200.0, "middle": 0.0, "small": 0.0}).segments()
    assert found.differs
    assert "(large)" in found.sentence()
    rows = found.to_frame().set_index("segment")
    assert rows.loc["large", "shrunk"] < rows.loc["large", "effect"]
    assert rows.loc["large", "corrected"] < 0.05 <= rows.loc["small", "corrected"]
    # Three looks: the smallest chance counts three times.
    assert rows["corrected"].min() == pytest.approx(3 * rows["chance"].min())


def test_small_segments_are_listed_without_an_effect():
    lines, groups = tables(20.0)
    sizes = np.where(np.arange(80) % 40 < 5, "few", "many")
    customers = pd.DataFrame({"customer_id": groups["customer_id"], "size": sizes})
    result = measure_campaign(base_of(lines, groups, customers=customers), "MAY")
    rows = result.segments().to_frame().set_index("segment")
    assert (rows.loc["few", "treated"], rows.loc["few", "said_effect"]) == (5, "–")
    assert math.isnan(rows.loc["few", "effect"])
    assert "cannot tell" in result.segments().sentence()


def test_the_sample_shows_more_buyers_and_no_proved_profit():
    base = dataclasses.replace(rl.open_base(), wording=Wording("fr", "EUR"))
    result = measure_campaign(base, "PREUVE-01")
    assert result.verdict_code == "not_proved"
    # The planted campaign truly makes customers buy; its effect on margin drowns in large orders.
    assert result.effect("buyers").low > 0
    assert result.effect("margin").low < 0 < result.effect("margin").high
    assert result.checks().table["fine"].all()
    assert measure_campaign(base, "CLUB-01").verdict_code == "not_randomised"
    assert "aucun gain n'est prouvé" in result.sentence()


def test_no_campaign_on_file_is_a_result_that_says_so():
    lines, groups = tables()
    for base, said in (
        (base_of(lines, None), "No campaigns are on file"),
        (base_of(lines, groups).at(day(-1).date()), "No campaign had gone out yet"),
    ):
        result = measure_campaign(base)
        assert (result.verdict_code, result.reason_code) == ("cannot_tell", "no_campaign")
        assert result.sentence().startswith(said)
        for part in (result, result.checks(), result.earnings(), result.segments("size")):
            assert said in part._repr_html_()
        assert result.plot().get_title(loc="left")


def test_without_a_code_the_latest_campaign_drawn_by_lot_is_measured():
    lines, groups = tables(20.0)
    club = groups[groups["group"] == "treated"].assign(campaign_id="CLUB", date=day(20))
    both = base_of(lines, pd.concat([groups, club]))
    assert measure_campaign(both).campaign_id == "MAY"
    assert measure_campaign(base_of(lines, club)).campaign_id == "CLUB"


def test_an_adjusted_figure_is_said_to_be_one():
    result = measure_campaign(rl.open_base(), "PREUVE-01")
    assert result._row("buyers")["method_code"] == "adjusted"
    assert "points, adjusted by the past; " in result.sentence()
    plain = result.table["method_code"] == "plain"
    shown = dataclasses.replace(result, table=result.table.assign(used=plain))
    assert "adjusted" not in shown.sentence()
