"""Offers, customer by customer: the sums, the plan, its range, and what is said of them."""

from __future__ import annotations

import dataclasses
import math
from datetime import date
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import retention_lib as rl
from retention_lib.base import engine
from retention_lib.decisions._offer_value import _left_in_past, _pace_of_leavers
from retention_lib.decisions.offers import OfferFacts, gather_facts, weigh_offer
from retention_lib.decisions.past_campaigns import PastEffect
from retention_lib.decisions.ranges import Range
from retention_lib.errors import InputError
from retention_lib.portfolio.activity import standing
from retention_lib.results import Result
from retention_lib.scoring._churn_refusal import TooLittleError
from retention_lib.wording import Wording


def facts_of(chances: Any, values: Any, **more: Any) -> OfferFacts:
    ids = np.array([f"c{place}" for place in range(len(chances))], dtype=object)
    return OfferFacts(
        customer_id=ids,
        probability=np.asarray(chances, dtype=float),
        value=np.asarray(values, dtype=float),
        horizon_days=365,
        **more,
    )


THREE = facts_of([0.5, 0.1, 0.9], [100.0, 1_000.0, 20.0])
"""Somebody in between, a valuable stayer, a leaver worth little."""


# --- the sums --------------------------------------------------------------------------------


def test_the_expected_profit_is_the_sum_written_on_the_tin() -> None:
    offer = rl.Offer(contact_cost=1, incentive=10, save_rate=0.2, taken_by_stayers=0.5)
    table = weigh_offer(THREE, offer).to_frame().set_index("customer_id")
    # p g (V - I) - (1 - p) I / 2 - c
    assert table.loc["c0", "expected_profit"] == pytest.approx(0.5 * 0.2 * 90 - 0.5 * 5 - 1)
    assert table.loc["c1", "expected_profit"] == pytest.approx(0.1 * 0.2 * 990 - 0.9 * 5 - 1)
    assert table.loc["c2", "expected_profit"] == pytest.approx(0.9 * 0.2 * 10 - 0.1 * 5 - 1)
    assert table["treat"].to_dict() == {"c1": True, "c0": True, "c2": True}


def test_a_save_rate_below_nothing_loses_who_would_have_stayed_a_customer() -> None:
    offer = rl.Offer(contact_cost=1, save_rate=-0.1)
    result = weigh_offer(THREE, offer)
    assert result.to_frame()["expected_profit"].max() == pytest.approx(-0.9 * 0.1 * 20 - 1)
    assert result.treated == 0


def test_at_its_own_break_even_a_customer_earns_nothing() -> None:
    offer = rl.Offer(contact_cost=3, incentive=5, save_rate=0.2, taken_by_saved=0.5)
    for row in weigh_offer(THREE, offer).to_frame().itertuples():
        again = dataclasses.replace(offer, save_rate=float(row.break_even_save_rate))
        profit = weigh_offer(THREE, again).to_frame().set_index("customer_id")["expected_profit"]
        assert profit[row.customer_id] == pytest.approx(0, abs=1e-9)


def test_who_is_worth_less_than_the_incentive_never_breaks_even() -> None:
    offer = rl.Offer(contact_cost=1, incentive=50, save_rate=0.2)
    table = weigh_offer(THREE, offer).to_frame().set_index("customer_id")
    assert math.isnan(table.loc["c2", "break_even_save_rate"])


def test_at_its_break_even_the_plan_earns_nothing() -> None:
    offer = rl.Offer(contact_cost=2, incentive=5, save_rate=0.3, fixed_cost=4)
    result = weigh_offer(THREE, offer)
    plan = result.weighing.lists(result.weighing.order, np.array([result.treated]))
    again = weigh_offer(THREE, dataclasses.replace(offer, save_rate=result.break_even)).weighing
    same = again.lists(result.weighing.order, np.array([result.treated]))
    assert float(plan.profit[0]) == pytest.approx(result.total) and result.total > 0
    assert float(same.profit[0]) == pytest.approx(0, abs=1e-9)


def test_where_nobody_is_contacted_the_break_even_is_where_some_plan_begins_to_earn() -> None:
    offer = rl.Offer(contact_cost=40, save_rate=0.1, fixed_cost=10)
    result = weigh_offer(THREE, offer)
    assert result.treated == 0
    for step, earns in ((0.999, False), (1.001, True)):
        there = weigh_offer(THREE, dataclasses.replace(offer, save_rate=result.break_even * step))
        assert (there.treated > 0) == earns


def test_a_fixed_cost_that_the_contacts_do_not_earn_means_contacting_nobody() -> None:
    offer = rl.Offer(contact_cost=1, save_rate=0.2)
    earned = weigh_offer(THREE, offer).total
    just = weigh_offer(THREE, dataclasses.replace(offer, fixed_cost=earned - 0.01))
    much = weigh_offer(THREE, dataclasses.replace(offer, fixed_cost=earned + 0.01))
    assert just.total == pytest.approx(0.01) and just.treated == 3
    assert (much.treated, much.total, much.low, much.high) == (0, 0, 0, 0)
    assert (much.given_away, much.spent, much.chance_of_loss, much.best_share) == (0, 0, 0, 0)
    assert "Contact nobody" in much.sentence()


def test_the_money_given_away_goes_to_who_would_have_stayed() -> None:
    offer = rl.Offer(contact_cost=1, incentive=2, save_rate=0.5, taken_by_stayers=0.5)
    result = weigh_offer(THREE, offer)
    stayers = 0.5 + 0.9 + 0.1
    assert result.treated == 3
    assert result.given_away == pytest.approx(stayers * (1 + 2 * 0.5))
    assert result.spent == pytest.approx(3 * 1 + stayers * 1 + 1.5 * 0.5 * 2)


def test_a_margin_rate_of_ones_own_is_taken_of_revenue() -> None:
    both = dataclasses.replace(THREE, revenue=np.array([200.0, 4_000.0, 40.0]))
    offer = rl.Offer(contact_cost=1, save_rate=0.2, margin_rate=0.25)
    table = weigh_offer(both, offer).to_frame().set_index("customer_id")
    assert table["value_if_kept"].to_dict() == {"c0": 50.0, "c1": 1_000.0, "c2": 10.0}
    unknown = dataclasses.replace(THREE, measure="revenue")
    said = weigh_offer(unknown, rl.Offer(contact_cost=1, save_rate=0.2)).sentence()
    assert "No margin is known" in said and "margin_rate" in said
    assert "No margin is known" not in weigh_offer(unknown, offer).sentence()


# --- the plan and the naive choices -----------------------------------------------------------

customers = st.integers(1, 60).flatmap(
    lambda count: st.tuples(
        st.lists(st.floats(0, 1), min_size=count, max_size=count),
        st.lists(st.floats(0, 1e4), min_size=count, max_size=count),
    )
)
offers = st.builds(
    rl.Offer,
    contact_cost=st.floats(0, 50),
    incentive=st.floats(0, 100),
    save_rate=st.floats(-1, 1) | st.just(Range(0.05, 0.15, 0.3)) | st.none(),
    taken_by_stayers=st.floats(0, 1),
    taken_by_saved=st.floats(0, 1),
    fixed_cost=st.floats(0, 500),
)


@settings(max_examples=20, deadline=None)
@given(customers, offers)
def test_no_naive_choice_is_expected_to_earn_more_than_the_plan(base: Any, offer: Any) -> None:
    result = weigh_offer(facts_of(*base, spread=0.2, systematic=0.01), offer)
    naive = result.naive().to_frame()
    slack = 1e-6 * (1 + naive["plan_profit"].abs().max())
    assert (naive["plan_profit"] <= result.total + slack).all()
    assert result.low <= result.total + slack and result.total <= result.high + slack
    assert (naive["profit_low"] <= naive["plan_profit"] + slack).all()
    assert (naive["profit_high"] >= naive["plan_profit"] - slack).all()
    assert 0 <= result.chance_of_loss <= 1


@settings(max_examples=20, deadline=None)
@given(customers, offers)
def test_the_curve_begins_with_nobody_and_all_orders_end_with_everybody(
    base: Any, offer: Any
) -> None:
    result = weigh_offer(facts_of(*base), offer)
    curve = result.profit_curve.to_frame()
    ways = curve[["profit_ours", "profit_riskiest", "profit_most_valuable", "profit_at_random"]]
    assert (ways.iloc[0] == 0).all() and curve["share"].iloc[0] == 0
    end = ways.iloc[-1].to_numpy()
    assert np.allclose(end, end[0], rtol=1e-9, atol=1e-6) and curve["share"].iloc[-1] == 1
    assert result.treated in curve["contacted"].tolist()
    assert (ways["profit_ours"] <= result.total + 1e-6 * (1 + abs(result.total))).all()


def test_drawn_by_lot_a_list_earns_its_share_of_what_everybody_does() -> None:
    result = weigh_offer(THREE, rl.Offer(contact_cost=1, save_rate=0.2))
    curve = result.profit_curve.to_frame().set_index("contacted")["profit_at_random"]
    assert curve[1] == pytest.approx(curve[3] / 3) and curve[2] == pytest.approx(curve[3] * 2 / 3)


def test_grouping_customers_by_probability_changes_no_sum() -> None:
    rng = np.random.default_rng(3)
    facts = facts_of(rng.beta(0.6, 2.0, 5_000), rng.lognormal(4, 1.5, 5_000))
    result = weigh_offer(facts, rl.Offer(contact_cost=2, incentive=5, save_rate=0.15))
    table = result.to_frame()
    assert result.total == pytest.approx(table.loc[table["treat"], "expected_profit"].sum())
    everybody = result.naive().to_frame().set_index("plan_code").loc["everybody", "plan_profit"]
    assert everybody == pytest.approx(table["expected_profit"].sum())


# --- ranges ----------------------------------------------------------------------------------


def test_the_range_holds_what_the_save_rate_alone_leaves_open() -> None:
    # Ten thousand alike: luck evens out, and only the save rate is left.
    facts = facts_of(np.full(10_000, 0.5), np.full(10_000, 100.0))
    result = weigh_offer(facts, rl.Offer(contact_cost=5, save_rate=Range(0.05, 0.15, 0.30)))
    assert result.total == pytest.approx(10_000 * (0.5 * 0.15 * 100 - 5))
    assert result.low == pytest.approx(10_000 * (0.5 * 0.05 * 100 - 5), rel=0.08)
    assert result.high == pytest.approx(10_000 * (0.5 * 0.30 * 100 - 5), rel=0.08)
    # The rate that loses nothing is 10 %: half a standard deviation below the likely one.
    below = 0.5 * math.erfc(0.05 / (0.10 / 1.6448536) / math.sqrt(2))
    assert result.chance_of_loss == pytest.approx(below, abs=0.03)


def test_with_everything_known_the_range_is_that_of_luck() -> None:
    facts = facts_of(np.full(400, 0.5), np.full(400, 100.0))
    result = weigh_offer(facts, rl.Offer(contact_cost=2, save_rate=0.2))
    # Saves are binomial of 400 and 0.1: variance 36, 100 each.
    half = 1.6448536 * 6 * 100
    assert (result.high - result.low) / 2 == pytest.approx(half, rel=0.06)


def test_the_range_of_a_customer_grows_with_what_is_not_known() -> None:
    offer = rl.Offer(contact_cost=1, save_rate=0.2)
    known = weigh_offer(THREE, offer).to_frame()
    assert known["profit_low"].tolist() == pytest.approx(known["expected_profit"].tolist())
    for more in (
        {"spread": 0.3},
        {"systematic": 0.04},
        {"variation": np.array([0.5, 0.5, 0.5])},
    ):
        wider = weigh_offer(dataclasses.replace(THREE, **more), offer).to_frame()
        assert (wider["profit_low"] < wider["expected_profit"]).all()
        assert (wider["profit_high"] > wider["expected_profit"]).all()


# --- where the effect comes from --------------------------------------------------------------


MEASURED = Range(0.02, 0.12, 0.22)


@dataclasses.dataclass(frozen=True)
class _Effect:
    """What past_effects gives of a campaign, as far as offers read it."""

    campaign_id: str = "SPRING"
    days: int = 365
    follow_up_days: int = 400
    save_rate: Range = MEASURED
    contact_cost: float = 2.5


def test_an_effect_that_was_measured_is_used_and_named() -> None:
    measured = dataclasses.replace(THREE, effect=_Effect())  # type: ignore[arg-type]
    result = weigh_offer(measured, rl.Offer(contact_cost=1))
    assert result.effect_source == "measured" and result.save_rate == MEASURED
    assert "randomised campaign SPRING measured it" in result.sentence()
    assert "ssumption" not in result.sentence() + result.title()
    assert measured.starting_offer().contact_cost == 2.5


@pytest.mark.parametrize("language, word", [("en", "ssumption"), ("fr", "ypothèse")])
@pytest.mark.parametrize("rate", [None, 0.2, Range(0.1, 0.2, 0.3)])
def test_an_effect_that_was_not_measured_is_called_an_assumption_everywhere(
    language: Any, word: str, rate: Any
) -> None:
    facts = dataclasses.replace(THREE, wording=Wording(language, "EUR"))
    result = weigh_offer(facts, rl.Offer(contact_cost=1, save_rate=rate))
    curve, naive = result.profit_curve, result.naive()
    for said in (result.sentence(), result.title(), curve.sentence(), naive.sentence()):
        assert word in said
    for shown in (result, curve, naive):
        assert word in str(shown.assumptions["offer_effect"])


def test_ones_own_rate_overrules_what_was_measured() -> None:
    measured = dataclasses.replace(THREE, effect=_Effect())  # type: ignore[arg-type]
    result = weigh_offer(measured, rl.Offer(contact_cost=1, save_rate=0.2))
    assert result.effect_source == "yours" and "your assumption" in result.sentence()


# --- the offer -------------------------------------------------------------------------------


def test_an_offer_is_shown_as_the_code_that_makes_it_again() -> None:
    offer = rl.Offer(contact_cost=1.5, incentive=10, save_rate=Range(0.05, 0.1, 0.2), fixed_cost=9)
    assert eval(repr(offer), {"Offer": rl.Offer, "Range": Range}) == offer
    code = weigh_offer(THREE, offer).code()
    asked = {}
    eval(code, {"rl": _Asked(asked), "base": "a base"})
    assert asked == {"base": "a base", "offer": offer}


class _Asked:
    """Stands for the library, and remembers what it was asked."""

    def __init__(self, asked: dict[str, object]) -> None:
        self.asked, self.Offer, self.Range = asked, rl.Offer, Range

    def evaluate_offer(self, base: object, offer: object) -> None:
        self.asked.update(base=base, offer=offer)


@pytest.mark.parametrize(
    "wrong",
    [
        {"contact_cost": -1},
        {"contact_cost": True},
        {"contact_cost": "2"},
        {"contact_cost": float("nan")},
        {"incentive": None},
        {"save_rate": 15},
        {"save_rate": Range(0.5, 1, 1.5)},
        {"save_rate": True},
        {"taken_by_stayers": 1.2},
        {"taken_by_saved": -0.1},
        {"fixed_cost": math.inf},
        {"margin_rate": 0},
        {"margin_rate": 40},
        {"horizon_days": 0},
        {"horizon_days": 90.0},
        {"horizon_days": True},
    ],
)
def test_a_figure_that_cannot_be_is_refused_with_an_example(wrong: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=rf"{next(iter(wrong))} .*such as .*got"):
        rl.Offer(**{"contact_cost": 1.0, **wrong})


def test_all_wrong_figures_are_told_at_once() -> None:
    with pytest.raises(InputError, match=r"contact_cost.*incentive.*save_rate"):
        rl.Offer(contact_cost=-1, incentive=-1, save_rate=20)


def test_facts_of_another_horizon_are_refused() -> None:
    with pytest.raises(InputError, match="90 days ahead and the facts 365"):
        weigh_offer(THREE, rl.Offer(contact_cost=1, horizon_days=90))


# --- what keeping a leaver adds ---------------------------------------------------------------


def test_the_pace_of_a_leaver_is_that_until_it_stopped_or_slower_than_its_history() -> None:
    table = pd.DataFrame(
        {
            "rate_shape": [5.0, 5.0, 5.0],
            "rate_days": [400.0, 400.0, 400.0],
            "there": [0.0, 1.0, 1.0],
            "last_day": [900.0, 900.0, 1_000.0],
            "churn_probability": [0.9, 0.01, 0.5],
        }
    )
    gone, slow, mixed = _pace_of_leavers(table, 1_000, 100)
    # One half stopped with the last purchase, the other on some day of the 100 of silence, each
    # as likely as the silence up to it.
    stops = np.linspace(300, 400, 100_001)
    later = np.average(5 / stops, weights=stops**-5.0)
    assert gone == pytest.approx((5 / 300 + later) / 2, rel=1e-4)
    # Less likely to leave than to be merely slow, (400 / 500) ** 5: all of it is slowness.
    assert slow == pytest.approx(5 / 500)
    share = 0.8**5 / 0.5
    assert mixed == pytest.approx((1 - share) * 5 / 400 + share * 5 / 500)


def closers() -> rl.CustomerBase:
    """Seen on 31 December: one silent since May, one that closed in September, one that buys on."""
    days = {
        "silent": ["2024-01-10", "2024-05-10"],
        "closed": ["2024-01-10", "2024-05-10", "2024-08-01"],
        "buys": ["2024-01-10", "2024-05-10", "2024-12-31"],
    }
    rows = [(who, day) for who, dates in days.items() for day in dates]
    lines = pd.DataFrame(rows, columns=["customer_id", "date"]).assign(amount=10.0)
    lines["date"] = pd.to_datetime(lines["date"]).astype("datetime64[s]")
    known = pd.DataFrame({"customer_id": list(days)})
    known["closed_on"] = pd.to_datetime(pd.Series([None, "2024-09-22", None]))
    return rl.CustomerBase.from_tables(lines, customers=known)


def test_who_closes_the_account_on_the_way_leaves_only_the_rest_of_the_horizon_to_win() -> None:
    left = _left_in_past(closers(), 200)  # from 14 June on; the account closed 100 days later
    assert left is not None
    assert left.set_index("customer_id")["rest"].to_dict() == {"silent": 1.0, "closed": 0.5}


# --- from a base -----------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True, repr=False, eq=False)
class _Scores(Result):
    """Churn scores as far as offers read them: fitting a model takes seconds."""

    horizon_days: int = 120
    spread: float = 0.2

    def sentence(self) -> str:
        return ""


@pytest.fixture(scope="module")
def base() -> rl.CustomerBase:
    made, _ = rl.simulate_base(200, seed=3, years=2, language="en")
    return made


@pytest.fixture(scope="module")
def scores(base: rl.CustomerBase) -> Any:
    known = engine.collect(standing(base).filter(nw.col("active")).select("customer_id"))
    chances = np.random.default_rng(1).beta(0.8, 3.0, len(known))
    known = known.sort_values("customer_id", ignore_index=True)
    return _Scores(known.assign(churn_probability=chances), wording=base.wording)


@pytest.fixture(scope="module")
def worth(base: rl.CustomerBase) -> Any:
    return rl.value_customers(base, horizon_days=120)


def test_leaving_and_value_look_equally_far_ahead(base: Any, scores: Any, worth: Any) -> None:
    facts = gather_facts(base, scores=scores, worth=worth)
    assert facts.horizon_days == 120 and not facts.notes
    assert facts.effect is not None and facts.effect.days == 120
    longer = gather_facts(base, scores=scores, worth=rl.value_customers(base, horizon_days=730))
    assert longer.horizon_days == 120
    # The same customers, the same horizon: only what fades within the two valuations differs.
    assert longer.value.sum() == pytest.approx(facts.value.sum(), rel=0.1)
    assert any("2 years" in note for note in longer.notes)
    assert longer.notes[0] in weigh_offer(longer, longer.starting_offer()).sentence()
    apart = gather_facts(base, scores=scores, worth=worth, horizon_days=365)
    assert any("do not look equally far ahead" in note for note in apart.notes)


def test_who_refused_contact_is_left_out_and_counted(base: Any, scores: Any, worth: Any) -> None:
    result = rl.evaluate_offer(base, rl.Offer(contact_cost=1), scores=scores, worth=worth)
    customers = base.to_pandas("customers").set_index("customer_id")["contactable"]
    refused = set(customers[customers == False].index)  # noqa: E712
    scored = set(scores.to_frame()["customer_id"])
    assert set(result.to_frame()["customer_id"]) == scored - refused
    assert result.assumptions["offer_refused"] == len(scored & refused) > 0


def test_a_result_has_the_columns_that_others_rely_on(base: Any, scores: Any, worth: Any) -> None:
    result = rl.evaluate_offer(base, scores=scores, worth=worth)
    assert list(result.to_frame()) == [
        "customer_id",
        "name",
        "churn_probability",
        "value_if_kept",
        "expected_profit",
        "profit_low",
        "profit_high",
        "break_even_save_rate",
        "treat",
    ]
    assert result.to_frame()["expected_profit"].is_monotonic_decreasing
    assert result.best_share == result.to_frame()["treat"].mean()
    assert f"{result.treated:,} of {len(result.to_frame()):,}" in result.sentence()


def test_duckdb_and_polars_agree_and_the_future_changes_nothing(
    base: Any, scores: Any, worth: Any
) -> None:
    tables = {name: base.to_pandas(name) for name in ("transactions", "customers", "campaigns")}
    later = tables["transactions"].tail(50).assign(date=pd.Timestamp("2027-01-15"))
    more = pd.concat([tables["transactions"], later], ignore_index=True)
    rest = {name: table for name, table in tables.items() if name != "transactions"}
    offer = rl.Offer(contact_cost=1, incentive=3)
    here = rl.evaluate_offer(base, offer, scores=scores, worth=worth).to_frame()
    for read in (lambda table: table, pl.from_pandas):
        other = rl.CustomerBase.from_tables(
            read(more), **{name: read(table) for name, table in rest.items()}, as_of=base.as_of
        )
        there = rl.evaluate_offer(other, offer, scores=scores, worth=worth).to_frame()
        pd.testing.assert_frame_equal(here, there, rtol=1e-9, check_dtype=False)


def test_scores_of_ones_own_are_taken_and_their_horizon_is_told(base: Any, worth: Any) -> None:
    own = pd.DataFrame(
        {"customer_id": worth.to_frame()["customer_id"].head(50), "churn_probability": 0.4}
    )
    values = own[["customer_id"]].assign(value=120.0)
    facts = gather_facts(base, scores=own, worth=values)
    assert (facts.horizon_days, set(facts.value), set(facts.probability)) == (90, {120.0}, {0.4})
    assert "does not say for how long" in facts.notes[0]
    with pytest.raises(InputError, match="customer_id and value"):
        gather_facts(base, scores=own, worth=own)
    with pytest.raises(InputError, match="must be an Offer"):
        rl.evaluate_offer(base, 2.5)  # type: ignore[arg-type]


def test_what_cannot_be_told_is_said_and_is_no_error() -> None:
    one = pd.DataFrame({"customer_id": ["a", "a"], "amount": [10.0, -10.0]})
    one["date"] = pd.to_datetime(["2024-01-05", "2024-03-05"])
    for lines in (one, one.head(1), one.tail(1)):
        result = rl.evaluate_offer(rl.CustomerBase.from_tables(lines))
        assert result.to_frame().empty and result.treated == 0 and result.total == 0
        assert math.isnan(result.best_share) and math.isnan(result.break_even)
        said = result.sentence()
        assert said.startswith(("There is no forecast: ", "There is no active customer"))
        assert result.naive().to_frame().empty
        assert result.profit_curve.sentence() == result.naive().sentence() == result.sentence()


def test_money_of_plans_is_said_with_its_range_and_few_customers_as_a_sketch() -> None:
    for facts, sketch in ((THREE, True), (facts_of([0.5] * 40, [100.0] * 40), False)):
        result = weigh_offer(facts, rl.Offer(contact_cost=1))
        for said in (result.profit_curve.sentence(), result.naive().sentence()):
            assert said.count(" to ") >= 3 and "(90 % sure: " in said
            assert said.startswith("A sketch, not a finding") == sketch
        assert result.title().startswith("A sketch, not a finding") == sketch


def test_a_year_is_said_with_its_article() -> None:
    said = weigh_offer(THREE, rl.Offer(contact_cost=1)).sentence()
    assert " in one year " in said
    french = dataclasses.replace(THREE, wording=Wording("fr", "EUR"))
    assert " sur un an " in weigh_offer(french, rl.Offer(contact_cost=1)).sentence()


EFFECT = PastEffect(
    campaign_id="MAY", offer="", date=date(2025, 5, 1), treated=900, control=100, days=90,
    follow_up_days=90, save_rate=Range(0.1, 0.2, 0.3), contact_cost=2.0,
)  # fmt: skip


def test_how_long_an_effect_was_measured_is_said_only_where_it_is_reckoned_with() -> None:
    noted = dataclasses.replace(THREE, effect=EFFECT, effect_note="Measured over 90 days.")
    measured = weigh_offer(noted, rl.Offer(contact_cost=1))
    own = weigh_offer(noted, rl.Offer(contact_cost=1, save_rate=0.2))
    assert "Measured over 90 days." in measured.sentence()
    assert measured.assumptions["offer_note"] == "Measured over 90 days."
    assert "Measured over" not in own.sentence() and "offer_note" not in own.assumptions


def test_the_code_looks_as_far_ahead_as_the_figures_do() -> None:
    """A call with a save rate of one's own heeds no effect on file and may look further ahead."""
    with_effect = dataclasses.replace(THREE, effect=EFFECT, horizon_days=90)
    own = rl.Offer(contact_cost=1, save_rate=0.2)
    assert "horizon_days=90)" in weigh_offer(with_effect, own).code()
    assert "horizon_days" not in weigh_offer(with_effect, rl.Offer(contact_cost=1)).code()
    assert "horizon_days" not in weigh_offer(THREE, own).code()


def test_a_save_rate_below_nothing_is_put_into_words() -> None:
    said = weigh_offer(THREE, rl.Offer(contact_cost=1, save_rate=-0.1)).sentence()
    assert "more are driven away than kept" in said
    assert "driven away" not in weigh_offer(THREE, rl.Offer(contact_cost=1)).sentence()


def test_no_model_is_fitted_where_nobody_is_left_to_go(monkeypatch: Any) -> None:
    def fitted(*_: Any, **__: Any) -> None:
        raise AssertionError("fitted")

    monkeypatch.setattr("retention_lib.scoring.churn.fit_churn", fitted)
    lines = pd.DataFrame({"customer_id": ["a", "b"], "amount": 10.0})
    lines["date"] = pd.to_datetime(["2024-01-05", "2024-03-05"])
    closed = pd.DataFrame({"customer_id": ["a", "b"], "closed_on": pd.to_datetime("2024-03-05")})
    result = rl.evaluate_offer(rl.CustomerBase.from_tables(lines, customers=closed))
    assert result.sentence() == "There is no active customer to weigh an offer on."


@pytest.mark.parametrize(("early", "tried"), [(29, [30]), (30, [180, 150, 120, 90, 60, 30])])
def test_no_model_is_fitted_for_horizons_too_few_had_bought_in_time_for(
    monkeypatch: Any, early: int, tried: list[int]
) -> None:
    """29 of 40 customers, or 30, had bought 2 x 180 days before the last day; none before."""
    asked: list[int] = []

    def fitted(base: Any, *, horizon_days: int) -> None:
        asked.append(horizon_days)
        raise TooLittleError("refusal.nobody", as_of=base.as_of)

    monkeypatch.setattr("retention_lib.scoring.churn.fit_churn", fitted)
    last = pd.Timestamp("2024-12-31")
    days = [last - pd.Timedelta(days=360)] * early + [last] * (40 - early)
    ids = [f"c{number}" for number in range(40)]
    lines = pd.DataFrame({"customer_id": ids, "date": days, "amount": 10.0})
    facts = gather_facts(rl.CustomerBase.from_tables(lines))
    assert asked == tried
    assert facts.untold


def test_few_customers_are_called_a_sketch() -> None:
    assert weigh_offer(THREE, rl.Offer(contact_cost=1)).sentence().startswith("A sketch")
    many = facts_of([0.5] * 40, [100.0] * 40)
    assert weigh_offer(many, rl.Offer(contact_cost=1)).sentence().startswith("Contact 40 of 40")
