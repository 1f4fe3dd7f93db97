"""What replaces the customers lost: how many new ones, and what winning them costs."""

from functools import cache

import numpy as np
import pandas as pd
import polars as pl
import pytest

from retention_lib.base.customer_base import CustomerBase
from retention_lib.base.simulate import simulate_base, simulate_tables
from retention_lib.errors import InputError
from retention_lib.portfolio.replacement import measure_replacement


def lines(*rows):
    frame = pd.DataFrame(rows, columns=["customer_id", "date", "amount"])
    return frame.assign(date=pd.to_datetime(frame["date"]))


# As of 31 December 2025. The file begins on 1 January 2022; a window later new is new.
SHOP = (
    ("old", "2022-01-01", 500.0),  # first seen on the first day: nobody knows since when
    ("gone", "2023-06-01", 7.0),
    ("gone", "2024-06-01", 60.0),
    ("gone", "2024-07-01", 60.0),
    ("new1", "2024-03-01", 30.0),
    ("new1", "2025-02-28", 20.0),  # the 365th day
    ("new1", "2025-03-01", 99.0),  # the 366th
    ("new2", "2024-05-01", 10.0),
    ("new2", "2025-05-01", 40.0),
    ("late", "2025-06-01", 80.0),  # its first year is not over
)
FACTS = pd.DataFrame(
    {
        "customer_id": ["new1", "new2", "late", "gone"],
        "acquired_on": pd.to_datetime(["2024-03-01", "2024-05-01", "2025-06-01", "2019-01-01"]),
        "acquisition_cost": [100.0, 200.0, 300.0, None],
    }
)


def shop(rows=SHOP, **options):
    options = {"as_of": "2025-12-31", "currency": "EUR", **options}
    return CustomerBase.from_tables(pl.from_pandas(lines(*rows)), **options)


def figures(result):
    return result.to_frame().set_index("code")["value"].to_dict()


@pytest.mark.parametrize("kind", ["pandas", "polars"])
def test_a_small_shop_by_hand_on_both_engines(kind):
    table = lines(*SHOP)
    facts = FACTS
    if kind == "polars":
        table, facts = pl.from_pandas(table), pl.from_pandas(facts)
    base = CustomerBase.from_tables(table, customers=facts, as_of="2025-12-31", currency="EUR")
    result = measure_replacement(base)
    # Lost: gone, who bought 120 in its last year. New: new1 with 50, new2 with 10.
    told = figures(result)
    assert told["lost"] == 1
    assert told["value_lost"] == told["value_each"] == 120.0
    assert told["value_new"] == 30.0
    assert told["new_needed"] == told["new_each"] == 4.0
    assert told["new_won"] == 1
    assert told["cost_each"] == 200.0
    assert told["cost_total"] == 800.0
    assert result.to_frame()["measure"].is_unique


def test_without_a_customers_table_new_is_who_comes_a_window_after_the_file_begins():
    told = figures(measure_replacement(shop()))
    # Gone first bought within the file too, in 2023: not in the last complete year, but with so
    # few new customers every complete year counts. Its first year is 7 + 60.
    assert told["value_new"] == pytest.approx((50 + 10 + 7) / 3)
    assert np.isnan(told["cost_total"])


def test_who_was_acquired_before_the_file_began_is_not_new():
    assert figures(measure_replacement(shop(customers=FACTS)))["value_new"] == 30.0
    younger = FACTS.assign(acquired_on=FACTS["acquired_on"].where(FACTS.index != 3, "2023-06-01"))
    told = figures(measure_replacement(shop(customers=younger)))
    assert told["value_new"] == pytest.approx((50 + 10 + 7) / 3)


def test_your_own_cost_comes_before_the_tables_and_is_called_an_assumption():
    result = measure_replacement(shop(customers=FACTS), acquisition_cost=50)
    assert figures(result)["cost_total"] == 200.0
    assert result.assumptions["acquisition_cost"] == "€50 each, your assumption"
    assert np.isnan(result.to_frame().set_index("code").loc["cost_each", "low"])
    assert "winning them costs €200" in result.sentence()


def test_an_unknown_cost_is_said_with_the_remedy():
    said = measure_replacement(shop(customers=FACTS.drop(columns="acquisition_cost"))).sentence()
    assert "put acquisition_cost in the customers table, or pass acquisition_cost=" in said


def test_few_cases_are_called_a_sketch():
    said = measure_replacement(shop(customers=FACTS)).sentence()
    assert said.startswith("A sketch, with only 1 lost and 2 new customers to go by: replacing")


def test_margins_are_compared_with_margins():
    result = measure_replacement(shop(customers=FACTS, margin_rate=0.1))
    assert result.unit == "margin"
    assert figures(result)["value_new"] == pytest.approx(3.0)
    assert figures(result)["new_needed"] == pytest.approx(4.0)


def test_the_range_of_a_mean_is_drawn_from_the_new_customers():
    told = measure_replacement(shop(customers=FACTS)).to_frame().set_index("code")
    # Of two customers worth 50 and 10 every draw is one of 10, 30 and 50.
    assert (told.loc["value_new", "low"], told.loc["value_new", "high"]) == (10.0, 50.0)
    assert (told.loc["new_needed", "low"], told.loc["new_needed", "high"]) == (2.4, 12.0)


def test_a_file_that_begins_too_late_gives_at_least_so_many():
    # First purchases of 120 days, a year before the end; the file begins with them.
    news = [(f"n{i:02}", pd.Timestamp("2024-09-01") + pd.Timedelta(days=3 * i), 50.0)
            for i in range(40)]  # fmt: skip
    result = measure_replacement(shop(news))
    assert result.finding().startswith("Replacing the 40 customers known to be lost takes at least")
    assert "new one from an old" in str(result.assumptions["new_unsure"]).replace("customer", "one")
    assert figures(result)["new_needed"] == 40.0


def test_the_first_days_of_a_file_tell_nothing_about_new_customers():
    rows = [("a", "2024-12-01", 5.0), ("b", "2024-12-20", 9.0), ("b", "2025-06-01", 9.0)]
    result = measure_replacement(shop(rows))
    assert np.isnan(figures(result)["new_needed"])
    assert "so early, new ones cannot be told from old ones" in result.sentence()


def test_nobody_lost_leaves_nothing_to_replace():
    rows = [("a", f"202{year}-06-01", 5.0) for year in (2, 3, 4, 5)]
    result = measure_replacement(shop(rows))
    assert figures(result)["lost"] == 0
    assert result.missing
    assert "None of the 1 customer active on 31 December 2024 was lost" in result.sentence()


def test_a_file_that_begins_after_the_start_leaves_the_count_open():
    result = measure_replacement(shop([("a", "2025-03-01", 5.0)]))
    assert np.isnan(figures(result)["lost"])
    assert "the file begins on 1 March 2025" in result.sentence()


def test_nobody_new_is_said():
    rows = [("old", "2022-01-01", 500.0), ("old", "2024-07-01", 60.0)]
    facts = pd.DataFrame({"customer_id": ["old"], "acquired_on": pd.to_datetime(["2019-01-01"])})
    result = measure_replacement(shop(rows, customers=facts))
    assert figures(result)["lost"] == 1
    assert "Nobody is known to have first bought between" in result.sentence()


def test_new_customers_who_brought_nothing_replace_nobody():
    rows = [*SHOP[:4], ("new1", "2024-03-01", 30.0), ("new1", "2024-03-09", -30.0)]
    result = measure_replacement(shop(rows, customers=FACTS))
    assert np.isnan(figures(result)["new_needed"])
    assert "brought nothing in their first year" in result.sentence()


def test_losses_worth_nothing_need_no_replacement():
    rows = [("gone", "2024-07-01", 60.0), ("gone", "2024-07-09", -60.0), *SHOP[4:], SHOP[0]]
    result = measure_replacement(shop(rows))
    assert np.isnan(figures(result)["new_needed"])
    assert "What was lost was worth nothing" in result.sentence()


@pytest.mark.parametrize("cost", [-1, True, "250", float("nan"), float("inf")])
def test_a_cost_must_be_a_number_from_0_on(cost):
    with pytest.raises(InputError, match="acquisition_cost must be"):
        measure_replacement(shop(), acquisition_cost=cost)


def test_months_are_checked():
    with pytest.raises(InputError, match="months must be a whole number"):
        measure_replacement(shop(), months=True)


# --- against the known truth -----------------------------------------------------------------


@cache
def simulated(**options):
    return simulate_base(600, seed=11, language="en", **options)


def test_the_new_customers_are_those_who_really_came_in_that_year():
    base, truth = simulated()
    result = measure_replacement(base)
    first = pd.Timestamp("1970-01-01") + pd.Timedelta(days=result.new.first)
    last = pd.Timestamp("1970-01-01") + pd.Timedelta(days=result.new.last)
    came = truth.customers["acquired_on"].between(first, last)
    assert len(result.new.values) == pytest.approx(came.sum(), rel=0.05)
    # What they would bring in a year if all stayed all of it is more than what they brought.
    expected = truth.customers.loc[came, "expected_annual_margin"].mean()
    assert 0.5 * expected < result.value("value_new") < 1.1 * expected


def test_every_figure_lies_in_its_range():
    told = measure_replacement(simulated()[0]).to_frame().dropna(subset=["low"])
    assert told["code"].tolist() == ["value_lost", "value_each", "value_new", "new_needed",
                                     "new_each", "cost_each", "cost_total"]  # fmt: skip
    assert ((told["low"] < told["value"]) & (told["value"] < told["high"])).all()
    assert told["range"].str.startswith("between ").all()


def test_the_mean_cost_is_that_of_the_table():
    base, _ = simulated()
    facts = base.to_pandas("customers")
    first = base.to_pandas().groupby("customer_id")["date"].min()
    recent = facts[facts["customer_id"].map(first) > "2024-01-01"]
    costs = recent["acquisition_cost"].dropna()
    result = measure_replacement(base)
    assert result.costs_known == pytest.approx(len(costs), abs=1)
    assert result.value("cost_each") == pytest.approx(costs.mean(), rel=0.01)


def test_contracts_and_closed_accounts_are_replaced_too():
    base, _ = simulated(contracts_share=0.6)
    result = measure_replacement(base)
    assert result.value("new_needed") > 0
    assert not result.missing


def test_what_happens_after_as_of_changes_nothing():
    tables, _ = simulate_tables(300, seed=4)
    filled = {name: table for name, table in tables.items() if len(table)}
    kept = filled["transactions"]["date"] <= "2025-06-30"
    cut = {**filled, "transactions": filled["transactions"][kept]}
    late = measure_replacement(CustomerBase.from_tables(**filled).at("2025-06-30"))
    early = measure_replacement(CustomerBase.from_tables(**cut, as_of="2025-06-30"))
    pd.testing.assert_frame_equal(late.to_frame(), early.to_frame())
    assert late.sentence() == early.sentence()


def test_duckdb_and_polars_tell_the_same():
    tables, _ = simulate_tables(300, seed=5)
    filled = {name: table for name, table in tables.items() if len(table)}
    one = measure_replacement(CustomerBase.from_tables(**filled, language="fr"))
    other = {name: pl.from_pandas(table) for name, table in filled.items()}
    two = measure_replacement(CustomerBase.from_tables(**other, language="fr"))
    pd.testing.assert_frame_equal(one.to_frame(), two.to_frame(), check_dtype=False)
    assert one.sentence() == two.sentence()
    assert one.sentence().startswith("Une esquisse, faite sur 17 clients perdus et 33 nouveaux")


def test_where_the_losses_are_whole_but_the_new_are_not_sure_only_the_number_is_a_floor():
    early = [(f"c{n}", f"2023-01-{n % 9 + 2:02d}", 10.0) for n in range(40)]
    late = [(f"c{n}", f"2024-06-{n % 9 + 2:02d}", 10.0) for n in range(35)]
    result = measure_replacement(shop([*early, *late, ("c39", "2025-06-30", 9.0)]))
    assert result.losses.whole
    assert not result.new.sure
    assert "known to be lost" not in result.sentence()
    assert "takes at least 35 average new ones:" in result.sentence()  # all alike: no range
