"""Who carries the value: shares, classes, concentration and dependency, by hand and by formula."""

from datetime import timedelta
from itertools import product
from math import erf

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retention_lib.base.customer_base import CustomerBase
from retention_lib.errors import ChoiceError, InputError
from retention_lib.portfolio._value_curve import gini, ranges, top_count
from retention_lib.portfolio.value import measure_value


def lines(*rows):
    frame = pd.DataFrame(rows, columns=["customer_id", "date", "amount"])
    return frame.assign(date=pd.to_datetime(frame["date"]))


def base_of(*rows, **options):
    return CustomerBase.from_tables(lines(*rows), **{"currency": "EUR", **options})


def spending(*amounts, **options):
    """One customer an amount, all on one day."""
    rows = [(f"c{i:03}", "2024-01-01", float(a)) for i, a in enumerate(amounts)]
    return base_of(*rows, **options)


def classes(*amounts, **options):
    table = measure_value(spending(*amounts), **options).to_frame()
    return dict(zip(table["customer_id"], table["abc"], strict=True))


# --- the curve and the classes ---------------------------------------------------------------


def test_shares_and_classes_of_four_customers_by_hand():
    table = measure_value(spending(5, 50, 15, 30)).to_frame()
    assert table["customer_id"].tolist() == ["c001", "c003", "c002", "c000"]
    assert table["share"].tolist() == [0.5, 0.3, 0.15, 0.05]
    assert table["cumulative_share"].tolist() == [0.5, 0.8, 0.95, 1.0]
    assert table["abc"].tolist() == ["A", "A", "B", "C"]


def test_the_customer_that_crosses_a_cut_belongs_to_the_better_class():
    assert list(classes(90, 6, 4).values()) == ["A", "B", "C"]
    assert list(classes(79, 19, 2).values()) == ["A", "A", "C"]


def test_one_customer_is_class_a_and_brings_everything():
    result = measure_value(spending(7))
    assert result.to_frame()["abc"].tolist() == ["A"]
    assert result.sentence() == (
        "One customer brings all of revenue: there is nothing to compare it to."
    )


def test_equal_values_share_the_class_of_the_first_of_them():
    assert list(classes(40, 20, 20, 20).values()) == ["A"] * 4
    assert list(classes(80, 5, 5, 5, 5).values()) == ["A", "B", "B", "B", "B"]


def test_a_share_that_reaches_a_cut_exactly_is_not_moved_by_a_last_digit():
    # 0.1 + 0.7 is 0.7999999999999999 as a floating number.
    assert list(classes(0.7, 0.1, 0.08, 0.07, 0.05).values()) == ["A", "A", "B", "B", "C"]
    assert list(classes(*[0.1] * 10).values()) == ["A"] * 10


def test_other_cuts_give_other_classes():
    assert list(classes(50, 30, 15, 5, cuts=(0.5, 0.8)).values()) == ["A", "B", "C", "C"]
    assert list(classes(50, 30, 15, 5, cuts=[0.5, 1]).values()) == ["A", "B", "B", "B"]


def test_who_brought_nothing_or_less_is_c_and_noted():
    base = base_of(
        ("a", "2024-01-01", 100.0),
        ("b", "2024-01-01", -20.0),
        ("c", "2024-01-01", 5.0),
        ("c", "2024-01-02", -5.0),
    )
    result = measure_value(base, cuts=(0.9, 1.0))
    table = result.to_frame().set_index("customer_id")
    assert table["abc"].to_dict() == {"a": "A", "c": "C", "b": "C"}
    assert table["note"].map(bool).to_dict() == {"a": False, "c": True, "b": True}
    assert table["cumulative_share"].tolist() == [1.25, 1.25, 1.0]
    assert result.assumptions["brought_nothing"] == 2


def test_where_refunds_outweigh_sales_no_share_and_no_class_is_claimed():
    result = measure_value(spending(10, -50))
    table = result.to_frame()
    assert table[["share", "cumulative_share", "abc"]].isna().all().all()
    assert result.sentence() == (
        "The net total of revenue is -€40: shares of it mean something only above zero."
    )
    for other in (result.classes(), result.concentration(), result.dependency()):
        assert other.to_frame().empty
        assert "shares of it mean something only above zero" in other.sentence()


def test_only_refunds_say_so_and_break_nothing():
    result = measure_value(spending(-10, -50))
    assert len(result.to_frame()) == 2
    assert "-€60" in result.sentence()


def test_the_largest_can_bring_more_than_all_of_the_net_total():
    amounts = [100.0] * 8 + [1.0] * 22 + [-10.0] * 10
    result = measure_value(spending(*amounts))
    assert result.finding() == (
        "20 % of customers bring 111 % of revenue, net: more than all of it, because refunds "
        "outweigh sales elsewhere"
    )


def test_the_sentence_says_what_the_largest_fifth_brings():
    result = measure_value(spending(*[60] * 10, *[10] * 40))
    assert result.sentence() == (
        "20 % of customers bring 60 % of revenue: 10 of 50 customers, €600 of €1,000 in "
        "the whole history, from 1 January 2024 to 1 January 2024."
    )


def test_a_tiny_base_is_called_a_sketch():
    assert measure_value(spending(60, 40)).sentence() == (
        "With only 2 customers this is a sketch, not a finding: the largest brings 60 % of revenue."
    )


def test_the_period_is_the_window_a_number_of_days_or_the_whole_history():
    rows = [("a", "2020-01-01", 5.0), ("a", "2024-01-31", 10.0), ("b", "2024-01-21", 1.0)]
    assert measure_value(base_of(*rows)).to_frame()["revenue"].tolist() == [10.0, 1.0]
    assert measure_value(base_of(*rows), days=10).to_frame()["customer_id"].tolist() == ["a"]
    assert measure_value(base_of(*rows), days=11).to_frame()["revenue"].tolist() == [10.0, 1.0]
    assert measure_value(base_of(*rows), days=10**9).to_frame()["revenue"].tolist() == [15.0, 1.0]


def test_a_period_without_a_line_says_so():
    base = base_of(("a", "2020-01-01", 5.0), ("b", "2024-01-31", 5.0)).at("2022-01-01")
    result = measure_value(base)
    assert result.to_frame().empty
    assert result.sentence() == (
        "No customer has a transaction in the 365 days up to 1 January 2022."
    )
    assert result.concentration().to_frame().empty
    assert result.dependency().to_frame().empty


# --- margin, names, sectors ------------------------------------------------------------------


def test_margin_ranks_differently_from_revenue():
    frame = lines(("a", "2024-01-01", 100.0), ("b", "2024-01-01", 50.0)).assign(margin=[10.0, 30.0])
    base = CustomerBase.from_tables(frame)
    result = measure_value(base, by="margin")
    assert result.to_frame()["customer_id"].tolist() == ["b", "a"]
    assert result.to_frame()["share"].tolist() == [0.75, 0.25]
    assert measure_value(base).to_frame()["margin"].tolist() == [10.0, 30.0]


def test_a_margin_rate_of_the_workbook_is_used_and_named():
    result = measure_value(spending(100, 50, margin_rate=0.3), by="margin")
    assert result.to_frame()["margin"].tolist() == [30.0, 15.0]
    assert result.assumptions["margin_from"] == "the workbook's margin rate of 30.0 %"


def test_without_a_margin_nothing_is_called_one_and_the_sentence_says_what_it_takes():
    result = measure_value(spending(100, 50), by="margin")
    assert result.to_frame()["margin"].isna().all()
    assert result.to_frame()["share"].isna().all()
    assert "margin_rate in workbook.toml" in result.sentence()


def described(*rows):
    amounts = lines(*((row[0], "2024-01-01", row[1]) for row in rows))
    about = pd.DataFrame([(r[0], r[2], r[3]) for r in rows], columns=["customer_id", "name", "s"])
    return CustomerBase.from_tables(
        amounts, customers=about.rename(columns={"s": "sector"}), currency="EUR"
    )


def test_names_and_the_largest_sector_are_told_where_known():
    base = described(
        ("1", 60.0, "Ann", "trade"), ("2", 30.0, "Bob", "trade"), ("3", 10.0, "Cy", "it")
    )
    result = measure_value(base)
    assert result.to_frame()["name"].tolist() == ["Ann", "Bob", "Cy"]
    assert result.sectors["share"].tolist() == [0.9, 0.1]
    assert (
        result.dependency(top=2)
        .sentence()
        .endswith("The largest sector, trade, brought 90 % of revenue.")
    )


def test_a_customer_listed_twice_counts_once():
    base = described(("1", 60.0, "Ann", "trade"), ("2", 30.0, "Bob", "it"))
    twice = pd.concat([base.to_pandas("customers")] * 2)
    base = CustomerBase.from_tables(base.to_pandas(), customers=twice)
    assert measure_value(base).to_frame()["revenue"].tolist() == [60.0, 30.0]


# --- classes, concentration, dependency ------------------------------------------------------


def test_the_class_table_adds_up_to_the_whole():
    rows = measure_value(spending(50, 30, 15, 5)).classes().to_frame().set_index("abc")
    assert rows["customers"].tolist() == [2, 1, 1]
    assert rows["revenue"].tolist() == [80.0, 15.0, 5.0]
    assert rows["per_customer"].tolist() == [40.0, 15.0, 5.0]
    assert rows["at_least"].tolist() == [30.0, 15.0, 5.0]
    assert rows["share_of_revenue"].sum() == pytest.approx(1, abs=1e-12)


def test_classes_are_told_in_counts_where_customers_are_few():
    assert measure_value(spending(50, 30, 15, 5)).classes().sentence() == (
        "With only 4 customers this is a sketch: 2 in class A, 1 in class B, 1 in class C."
    )


def test_gini_of_incomes_is_the_one_published_with_r_package_ineq():
    incomes = [541, 1463, 2445, 3438, 4437, 5401, 6392, 8304, 11904, 22261]
    assert round(gini(np.array(incomes, dtype=float)), 7) == 0.4620911


def test_gini_of_a_lognormal_is_that_of_the_closed_form():
    values = np.random.default_rng(5).lognormal(3, 1.0, 200_000)
    # 2 * normal(sigma / sqrt 2) - 1, Aitchison and Brown 1957.
    assert gini(values) == pytest.approx(erf(0.5), abs=0.005)


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=25).filter(any))
def test_gini_is_half_the_relative_mean_difference(amounts):
    values = np.array(amounts, dtype=float)
    apart = np.mean([abs(one - other) for one, other in product(amounts, repeat=2)])
    assert gini(values) == pytest.approx(apart / (2 * values.mean()), abs=1e-9)


def test_gini_counts_values_below_zero_as_zero_and_says_how_many():
    assert gini(np.array([-5.0, 1.0, 1.0])) == gini(np.array([0.0, 1.0, 1.0]))
    result = measure_value(spending(*range(1, 40), -1, -2)).concentration()
    assert "2 customers who brought less than nothing count as zero" in result.sentence()


def test_gini_of_nothing_is_missing():
    assert np.isnan(gini(np.array([0.0, -1.0])))


def test_the_largest_are_counted_in_whole_customers():
    assert [top_count(0.2, n) for n in (4, 5, 7, 8, 100)] == [0, 1, 1, 2, 20]


def test_shares_of_the_largest_are_read_off_the_curve():
    result = measure_value(spending(*[1] * 60, *range(11, 51))).concentration()
    rows = result.to_frame().set_index("measure_code")
    assert rows["customers"].tolist() == [100, 1, 5, 10, 20]
    total = 60 + sum(range(11, 51))
    assert rows.loc["top_20", "figure"] == pytest.approx(sum(range(31, 51)) / total, abs=1e-12)
    assert rows.loc["top_1", "figure"] == pytest.approx(50 / total, abs=1e-12)
    assert (rows["low"] < rows["figure"]).all()
    assert (rows["figure"] < rows["high"]).all()


def test_the_ranges_are_those_of_plain_resampling():
    values = np.sort(np.random.default_rng(2).lognormal(2, 1, 60))[::-1]
    rng = np.random.default_rng(20260101)
    drawn = [values[rng.integers(0, 60, 60)] for _ in range(400)]
    found = ranges(values)
    expected = [gini(draw) for draw in drawn]
    assert found[0] == pytest.approx(tuple(np.quantile(expected, [0.025, 0.975])), abs=1e-9)
    tops = [np.sort(draw)[::-1][:12].sum() / draw.sum() for draw in drawn]
    assert found[4] == pytest.approx(tuple(np.quantile(tops, [0.025, 0.975])), abs=1e-9)


def test_the_range_of_gini_holds_the_truth_about_as_often_as_it_says():
    rng = np.random.default_rng(11)
    held = 0
    for _ in range(60):
        low, high = ranges(rng.lognormal(2, 0.7, 200))[0]
        held += low <= erf(0.35) <= high
    # 95 % of 60 are 57; a range without its tails would hold 41 or fewer.
    assert held >= 50


def test_few_customers_are_not_called_concentrated():
    result = measure_value(spending(90, 10)).concentration()
    assert result.sentence() == (
        "With only 2 customers, how concentrated the value is cannot be told; "
        "the list of the largest says more."
    )


def test_the_dependency_lists_the_largest_and_what_they_brought():
    result = measure_value(spending(*[1] * 30, 30, 40)).dependency(top=2)
    rows = result.to_frame()
    assert rows["rank"].tolist() == [1, 2]
    assert rows["revenue"].tolist() == [40.0, 30.0]
    assert rows["share"].tolist() == [0.4, 0.3]
    assert result.finding() == "The largest customer brought 40 % of revenue, the 2 largest 70 %"
    assert "without them €30 of €100 would have been left" in result.sentence()


def test_a_top_of_all_customers_is_a_sketch():
    result = measure_value(spending(60, 40)).dependency()
    assert result.finding() == (
        "With only 2 customers this is a sketch: the largest brought 60 % of revenue"
    )


# --- arguments -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "cuts", [0.8, (0.8,), (0.95, 0.8), (0, 0.5), (0.5, 1.1), ("a", "b"), (True, 2), None, "AB"]
)
def test_cuts_that_cannot_be_are_refused(cuts):
    with pytest.raises(InputError, match=r"cuts must be two rising shares .* \(0\.8, 0\.95\)"):
        measure_value(spending(1), cuts=cuts)


@pytest.mark.parametrize("days", [0, -3, 1.5, "90", True])
def test_days_that_cannot_be_are_refused(days):
    with pytest.raises(InputError, match="days must be a whole number"):
        measure_value(spending(1), days=days)


@pytest.mark.parametrize("top", [0, 2.5, "10", True, None])
def test_a_top_that_cannot_be_is_refused(top):
    with pytest.raises(InputError, match="top must be a whole number"):
        measure_value(spending(1)).dependency(top=top)


def test_an_unknown_measure_and_a_frame_for_a_base_are_refused():
    with pytest.raises(ChoiceError, match="'revenue', 'margin'"):
        measure_value(spending(1), by="profit")
    with pytest.raises(InputError, match="Pass a CustomerBase"):
        measure_value(lines(("a", "2024-01-01", 1.0)))


def test_french_is_said_in_french():
    said = measure_value(spending(*[60] * 10, *[10] * 40, language="fr")).sentence()
    assert said.replace("\xa0", " ").startswith("20 % des clients apportent 60 %")


# --- properties ------------------------------------------------------------------------------

DAY0 = pd.Timestamp("2024-01-01")
bought = st.tuples(
    st.sampled_from([f"c{i}" for i in range(8)]),
    st.integers(0, 400).map(lambda day: DAY0 + timedelta(days=day)),
    st.integers(-3000, 5000).map(lambda cents: cents / 100),
)
histories = st.lists(bought, min_size=1, max_size=40)
few = settings(max_examples=8, deadline=None)


@few
@given(histories)
def test_classes_never_improve_down_the_list_and_the_future_changes_nothing(rows):
    as_of = max(row[1] for row in rows)
    later = [(customer, as_of + timedelta(days=5), 100.0) for customer, _, _ in rows]
    result = measure_value(base_of(*rows))
    then = measure_value(base_of(*rows, *later, as_of=as_of.date()))
    pd.testing.assert_frame_equal(result.to_frame(), then.to_frame())
    assert result.sentence() == then.sentence()
    table = result.to_frame()
    assert table["revenue"].is_monotonic_decreasing
    if result.total > 0:
        assert table["abc"].is_monotonic_increasing
        assert table.groupby("revenue")["abc"].nunique().max() == 1
        assert (table.loc[table["revenue"] <= 0, "abc"] == "C").all()
        assert table["cumulative_share"].iloc[-1] == pytest.approx(1, abs=1e-9)
        assert result.classes().to_frame()["customers"].sum() == len(table)


@few
@given(histories)
def test_duckdb_and_polars_agree(rows):
    here = measure_value(base_of(*rows))
    there = measure_value(CustomerBase.from_tables(pl.from_pandas(lines(*rows)), currency="EUR"))
    pd.testing.assert_frame_equal(here.to_frame(), there.to_frame())
    pd.testing.assert_frame_equal(here.concentration().to_frame(), there.concentration().to_frame())
    assert here.dependency().sentence() == there.dependency().sentence()


def test_a_choice_that_is_no_text_is_refused_and_a_column_of_cuts_is_taken():
    for by in (pd.NA, np.array([1, 2])):
        with pytest.raises(ChoiceError, match="by must be one of"):
            measure_value(spending(1, 2), by=by)
    assert measure_value(spending(1, 2), cuts=pd.Series([0.5, 0.9])).cuts == (0.5, 0.9)


def test_all_the_customers_are_no_sketch_and_nothing_is_left_without_them():
    said = measure_value(spending(*[10] * 40)).dependency(top=50).sentence()
    assert said.startswith("The largest of the 40 customers brought 2.5 % of revenue: €10 of €400")
    assert "without" not in said


def test_a_total_of_nothing_is_not_blamed_on_refunds():
    said = measure_value(spending(0, 0)).sentence()
    assert said == "The net total of revenue is €0: shares of it mean something only above zero."


def test_the_largest_sector_is_told_among_those_known_and_only_of_most_revenue():
    def said(known):
        who = pd.DataFrame({"customer_id": known, "sector": "Tiny"})
        return measure_value(spending(*[10] * 40, customers=who)).dependency().sentence()

    assert "Tiny" not in said(["c000"])
    assert "Where the sector is known, the largest, Tiny, brought 100 %" in said(
        [f"c{i:03}" for i in range(30)]
    )
