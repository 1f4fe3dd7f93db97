"""Types of customers: planted ones are found, none are invented, each is told in words."""

from functools import cache

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.metrics import adjusted_rand_score, cohen_kappa_score

from retention_lib.base.customer_base import CustomerBase
from retention_lib.base.opening import open_base
from retention_lib.errors import InputError
from retention_lib.portfolio import _types_choice as choice
from retention_lib.portfolio._types_features import measure_habits
from retention_lib.portfolio._types_space import fit_space
from retention_lib.portfolio._types_words import measure_differences, name_types
from retention_lib.portfolio.typology import find_types
from retention_lib.wording import LANGUAGES, Wording

END = pd.Timestamp("2025-12-31")
KINDS = (
    ("a", 40, 25, "Paper", "Small"),
    ("b", 10, 400, "Chairs", "Large"),
    ("c", 3, 90, "Ink", "Small"),
    ("d", 20, 1500, "Copiers", "Large"),
)


def planted(seed=0, *, each=100, kinds=3, years=2):
    """Customers of kinds that differ in rhythm, basket, range and size: lines, customers, truth."""
    rng = np.random.default_rng(seed)
    rows, people, truth = [], [], {}
    for code, rate, basket, product_range, size in KINDS[:kinds]:
        for _ in range(each):
            customer = f"{rng.integers(10**9):09d}{code}"
            truth[customer] = code
            count = max(2, rng.poisson(rate * years))
            days = rng.choice(years * 365, count, replace=False)
            days[0] = rng.integers(60)
            bought = np.where(rng.random(count) < 0.85, product_range, "Other")
            amounts = np.round(basket * np.exp(0.3 * rng.normal(size=count)), 2)
            rows += [
                (customer, END - pd.Timedelta(days=int(day)), amount, what)
                for day, amount, what in zip(days, amounts, bought, strict=True)
            ]
            known = size if rng.random() < 0.8 else "Medium"
            people.append((customer, known, rng.choice(["North", "South"])))
    lines = pd.DataFrame(rows, columns=["customer_id", "date", "amount", "product_range"])
    described = pd.DataFrame(people, columns=["customer_id", "size", "region"])
    return lines, described, truth


@cache
def found(kinds=3, seed=0, **options):
    lines, described, truth = planted(seed, kinds=kinds)
    base = CustomerBase.from_tables(lines, customers=described, currency="EUR", **options)
    return find_types(base), truth


@cache
def alike(seed=0, *, rate=8, customers=300, years=2):
    """Customers who all buy alike, at random: what sets them apart is luck."""
    rng = np.random.default_rng(seed)
    count = np.maximum(rng.poisson(rate * years, customers), 1)
    who = np.repeat(np.arange(customers), count)
    days = rng.integers(0, years * 365, len(who))
    lines = pd.DataFrame(
        {
            "customer_id": np.char.mod("%05d", who),
            "date": END - pd.to_timedelta(days, unit="D"),
            "amount": np.round(100 * np.exp(0.4 * rng.normal(size=len(who))), 2),
            "product_range": rng.choice(["Paper", "Ink", "Chairs"], len(who)),
        }
    )
    return find_types(CustomerBase.from_tables(lines))


@pytest.fixture
def few_numbers(monkeypatch):
    """Where the number of types is not the question, only two and three are tried."""
    monkeypatch.setattr(choice, "NUMBERS", range(2, 4))


@pytest.mark.parametrize(("kinds", "seed"), [(2, 1), (3, 0), (4, 1)])
def test_planted_types_are_found_in_their_number(kinds, seed):
    result, truth = found(kinds, seed)
    assert result.k == kinds
    told = result.to_frame()
    true = [truth[customer] for customer in told["customer_id"]]
    assert adjusted_rand_score(true, told["type_code"]) > 0.9


@pytest.mark.parametrize(("seed", "rate"), [(0, 8), (2, 1.5)])
def test_customers_who_differ_by_luck_only_are_one_type_and_the_sentence_says_so(seed, rate):
    result = alike(seed, rate=rate)
    assert result.k == 1
    assert "do not fall into distinct types: " in result.sentence()
    assert set(result.to_frame()["type"]) == {"All customers"}
    assert result.types().to_frame()["customers"].tolist() == [len(result.to_frame())]


def test_what_lasts_is_the_test_that_luck_fails():
    stability = alike(2, rate=1.5).stability
    assert (stability["lasting_low"] < 0).all()
    assert (found()[0].stability.set_index("types").loc[3, "lasting"]) > 0.9


def test_each_type_is_told_by_what_sets_it_apart_with_figures():
    table = found()[0].types().to_frame().set_index("type")
    assert list(table.index) == [
        "Big baskets, mostly Chairs",
        "Frequent, mostly Paper",
        "Occasional, mostly Ink",
    ]
    said = table.loc["Frequent, mostly Paper", "set_apart"]
    assert said.startswith("Buy mostly “Paper”, 100 % of them against 0 %; buy often, ")
    assert " purchases a year against " in said


def test_the_sentence_says_how_many_types_and_who_brings_the_revenue():
    assert found()[0].sentence() == (
        "Your 300 active customers fall into 3 types; “Big baskets, mostly Chairs” are 33 % "
        "of them and bring 77 % of revenue."
    )


def test_names_are_unique_in_both_languages_even_where_types_are_alike():
    lines, described, _ = planted(0, each=60)
    habits = measure_habits(CustomerBase.from_tables(lines, customers=described))
    for language in LANGUAGES:
        codes = pd.Series([f"type_{i % 6:02}" for i in range(len(habits))])
        differences = measure_differences(habits, codes)
        names = name_types(differences, sorted(codes.unique()), Wording(language)).values()
        assert len(set(names)) == 6
        assert all(name[0].isupper() for name in names)
    rows = [(f"type_0{n}", "basket", "", 1.0, 2.0, -1.0) for n in (1, 2, 3)]
    columns = ["type_code", "feature", "level", "own", "others", "difference"]
    same = name_types(pd.DataFrame(rows, columns=columns), [r[0] for r in rows], Wording())
    assert list(same.values()) == ["Small baskets", "Small baskets (2)", "Small baskets (3)"]


def test_customers_shares_and_revenue_of_the_types_add_up():
    result, _ = found()
    table = result.types().to_frame()
    assert table["customers"].sum() == len(result.to_frame()) == 300
    assert table["share_of_customers"].sum() == pytest.approx(1)
    assert table["share_of_revenue"].sum() == pytest.approx(1)
    assert table["revenue_per_customer"].is_monotonic_decreasing
    counts = result.to_frame()["type"].value_counts().to_dict()
    assert counts == table.set_index("type")["customers"].to_dict()


def test_attrition_is_who_of_a_type_a_year_ago_is_no_longer_active(few_numbers):
    lines, described, truth = planted(3, each=80)
    # Forty of the eighty occasional ones stop a year ago.
    leaving = [c for c in sorted(truth) if truth[c] == "c"][:40]
    gone = lines["customer_id"].isin(leaving) & (lines["date"] > "2024-12-31")
    result = find_types(CustomerBase.from_tables(lines[~gone], customers=described))
    assert result.k == 3
    table = result.types().to_frame().set_index("type_code")
    told = result.to_frame().assign(true=[truth[c] for c in result.to_frame()["customer_id"]])
    code = told.groupby("type_code")["true"].agg(lambda true: true.mode()[0])
    occasional = table.loc[code[code == "c"].index[0]]
    active_then = lines[(lines["date"] <= "2024-12-31")]["customer_id"].unique()
    expected = len(set(leaving) & set(active_then))
    assert occasional["gone"] == pytest.approx(expected, abs=3)
    assert occasional["attrition_low"] < occasional["attrition"] < occasional["attrition_high"]
    assert occasional["attrition"] == occasional["gone"] / occasional["customers_before"]
    frequent = table.loc[code[code == "a"].index[0]]
    assert frequent["attrition"] == 0
    assert "a year ago" in result.types().sentence()


def test_with_too_short_a_history_attrition_is_missing_and_the_result_says_why(few_numbers):
    lines, described, _ = planted(0, each=60, years=1)
    result = find_types(CustomerBase.from_tables(lines, customers=described))
    assert result.types().to_frame()["attrition"].isna().all()
    assert "it takes 730 days of history" in str(result.assumptions["type_attrition"])
    # How long they have been customers is then how long the file goes back.
    assert "tenure_years" not in set(result.differences["feature"])


def test_types_asked_for_are_given_with_the_verdict(few_numbers):
    lines, described, _ = planted(0, each=60)
    base = CustomerBase.from_tables(lines, customers=described)
    result = find_types(base, k=10)
    assert result.k == 10
    assert 10 in set(result.stability["types"])
    assert result.verdict in ("unstable", "passing")
    assert "Cut into 10 types as you asked" in result.sentence()
    assert find_types(base, k=3).sentence().endswith("when the customers are drawn anew.")


@pytest.mark.parametrize("k", [0, 1, 13, -2, 2.5, "3", True])
def test_numbers_of_types_that_cannot_be_are_refused(k):
    with pytest.raises(InputError, match="k must"):
        find_types(open_base(), k=k)


@pytest.mark.parametrize("seed", [-1, 1.5, "1", None, True])
def test_seeds_that_cannot_be_are_refused(seed):
    with pytest.raises(InputError, match="seed must"):
        find_types(open_base(), seed=seed)


def test_something_else_than_a_base_is_refused():
    with pytest.raises(InputError, match="Pass a CustomerBase"):
        find_types(planted()[0])


def test_few_customers_are_too_few_and_it_is_said():
    lines = pd.DataFrame({"customer_id": ["a"], "date": [END], "amount": [5.0]})
    result = find_types(CustomerBase.from_tables(lines))
    assert result.sentence() == (
        "1 active customer is too few to look for types; it takes at least 50."
    )
    assert find_types(CustomerBase.from_tables(lines), k=2).k == 1
    assert result.types()._repr_html_()
    assert result.tests().sentence() == "None of the numbers tried passes all three tests."


def test_nobody_active_is_said_too():
    lines = pd.DataFrame({"customer_id": ["a"], "date": [END], "amount": [-5.0]})
    result = find_types(CustomerBase.from_tables(lines))
    assert result.sentence().startswith("0 active customers are too few")
    assert len(result.to_frame()) == 0
    assert result.types()._repr_html_()


def test_customers_all_the_same_are_one_type():
    lines = pd.DataFrame({"customer_id": [f"{i}" for i in range(60)], "amount": 5.0})
    result = find_types(CustomerBase.from_tables(lines.assign(date=END)))
    assert result.sentence() == (
        "Your 60 active customers do not fall into distinct types: they all buy alike."
    )


def test_what_comes_after_as_of_and_the_order_of_the_rows_change_nothing(few_numbers):
    lines, described, _ = planted(0, each=50)
    as_of = "2025-12-31"
    one = find_types(CustomerBase.from_tables(lines, customers=described, as_of=as_of))
    later = lines.assign(date=END + pd.Timedelta(days=9), amount=9999.0)
    mixed = pd.concat([lines, later]).sample(frac=1, random_state=1)
    other = find_types(CustomerBase.from_tables(mixed, customers=described, as_of=as_of))
    pd.testing.assert_frame_equal(one.to_frame(), other.to_frame())
    pd.testing.assert_frame_equal(one.summary, other.summary)
    pd.testing.assert_frame_equal(one.stability, other.stability)


def test_duckdb_and_polars_agree(few_numbers):
    lines, described, _ = planted(0, each=50)
    refunds = lines.iloc[::17].assign(amount=-3.0)
    lines = pd.concat([lines, refunds], ignore_index=True).assign(channel="Shop")
    lines.loc[::3, "channel"] = "Web"
    here = find_types(CustomerBase.from_tables(lines, customers=described))
    there = find_types(
        CustomerBase.from_tables(pl.from_pandas(lines), customers=pl.from_pandas(described))
    )
    pd.testing.assert_frame_equal(here.to_frame(), there.to_frame())
    pd.testing.assert_frame_equal(here.summary, there.summary)
    pd.testing.assert_frame_equal(here.differences, there.differences)


# Two customers on a window of 365 days up to 31 December 2024.
BY_HAND = pd.DataFrame(
    [
        ("a", "2023-06-01", 10.0, "Ink", "Shop"),
        ("a", "2024-01-06", 30.0, "Ink", "Shop"),  # a Saturday, 360 days before the end
        ("a", "2024-01-16", 50.0, "Paper", "Web"),
        ("a", "2024-02-05", 40.0, "Paper", "Web"),
        ("a", "2024-03-01", -12.0, "Ink", "Shop"),
        ("b", "2024-12-31", 7.0, None, None),
    ],
    columns=["customer_id", "date", "amount", "product_range", "channel"],
)


def test_habits_are_measured_in_the_window_by_hand():
    lines = BY_HAND.assign(date=pd.to_datetime(BY_HAND["date"]))
    habits = measure_habits(CustomerBase.from_tables(lines)).set_index("customer_id")
    a, b = habits.loc["a"], habits.loc["b"]
    assert (a["purchases_per_year"], b["purchases_per_year"]) == (3, 1)
    assert (a["basket"], b["basket"]) == (36.0, 7.0)  # refunds taken off: 108 of 3
    assert a["refund_share"] == pytest.approx(12 / 120)
    # Gaps of 10 and 20 days, and one more of the base's own mean, 15: 45 days in 3 gaps.
    assert a["silence"] == pytest.approx(330 / 15)
    assert a["tenure_years"] == pytest.approx(579 / 365)
    assert (a["ranges"], a["main_range"], a["main_channel"]) == (2, "Paper", "Web")
    assert a["main_range_share"] == pytest.approx(90 / 120)
    assert np.isnan(b["main_range_share"])
    # One of four purchases is at a weekend; three of the base's own are borrowed.
    assert a["weekend_share"] == pytest.approx((1 + 3 / 4) / 6)
    # Squares of the gaps about their mean, 50 of 225, one degree of freedom, three borrowed.
    assert a["unevenness"] == pytest.approx(np.sqrt(50 / 225))


def test_a_customer_listed_twice_is_described_once():
    lines = BY_HAND.assign(date=pd.to_datetime(BY_HAND["date"]))
    customers = pd.DataFrame({"customer_id": ["a", "a"], "sector": ["Zoo", "Bar"]})
    habits = measure_habits(CustomerBase.from_tables(lines, customers=customers))
    assert habits["customer_id"].tolist() == ["a", "b"]
    assert habits["sector"].tolist()[0] == "Bar"


def test_features_that_move_by_themselves_do_not_make_the_space():
    lines, described, _ = planted(0)
    habits = measure_habits(CustomerBase.from_tables(lines, customers=described))
    plain = fit_space(habits, seed=1)
    noisy = habits.assign(region=np.random.default_rng(1).choice(list("ABCDE"), len(habits)))
    assert fit_space(noisy, seed=1).axes.shape[1] == plain.axes.shape[1]


def test_kappa_agrees_with_scikit_learn():
    rng = np.random.default_rng(1)
    one = rng.integers(0, 4, 500)
    other = np.where(rng.random(500) < 0.6, one, rng.integers(0, 4, 500))
    assert choice.kappa(one, other)[0] == pytest.approx(cohen_kappa_score(one, other))


def tried(*rows):
    columns = ["types", "stability", "lasting", "passes"]
    return pd.DataFrame(rows, columns=columns)


def test_the_largest_of_the_best_numbers_is_chosen_and_one_where_none_passes():
    assert choice.choose_number(tried((2, 0.9, 0.5, False), (3, 0.9, 0.5, False))) == 1
    assert choice.choose_number(tried((2, 0.98, 0.5, True), (3, 0.95, 0.5, True))) == 3
    assert choice.choose_number(tried((2, 0.98, 0.5, True), (3, 0.85, 0.5, True))) == 2
    assert choice.choose_number(tried((2, 0.98, 0.9, True), (3, 0.96, 0.6, True))) == 2


def test_without_two_periods_to_compare_no_types_are_claimed(few_numbers):
    rng = np.random.default_rng(1)
    amounts = np.where(rng.random(200) < 0.5, 10.0, 1000.0) * np.exp(0.1 * rng.normal(size=200))
    lines = pd.DataFrame({"customer_id": np.arange(200).astype(str), "amount": amounts})
    base = CustomerBase.from_tables(lines.assign(date=END))
    assert "too few of them bought in both halves" in find_types(base).sentence()
    assert "to tell whether these types last" in find_types(base, k=2).sentence()


def test_differences_are_in_standard_deviations_of_all_customers():
    habits = pd.DataFrame({"weekend_share": [0.0, 0.0, 1.0, 1.0], "size": ["S", "S", "S", "L"]})
    codes = pd.Series(["x", "x", "y", "y"])
    rows = measure_differences(habits, codes).set_index(["type_code", "feature", "level"])
    assert rows.loc[("y", "weekend_share", ""), "difference"] == pytest.approx(2.0)
    large = rows.loc[("y", "size", "L")]
    assert (large["own"], large["others"]) == (0.5, 0.0)
    assert large["difference"] == pytest.approx(0.5 / np.std([0, 0, 0, 1]))


def test_a_large_base_is_fitted_on_a_sample_and_everybody_is_assigned(monkeypatch, few_numbers):
    lines, described, truth = planted(0, each=60)
    monkeypatch.setattr(choice, "FITTED_ON", 90)
    monkeypatch.setattr(choice, "DRAWN_FROM", 80)
    result = find_types(CustomerBase.from_tables(lines, customers=described), k=3)
    told = result.to_frame()
    assert len(told) == 180
    assert adjusted_rand_score([truth[c] for c in told["customer_id"]], told["type"]) > 0.9
    assert result.assumptions["fitted"].startswith("fitted on 90 customers")


def test_bases_with_mostly_one_time_buyers_work():
    base = open_base("data/sample/cdnow")
    result = find_types(base)
    assert len(result.to_frame()) == 812
    assert result.sentence().endswith(".")
    assert result.types().to_frame()["customers"].sum() == 812
