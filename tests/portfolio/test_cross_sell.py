"""Cross-sell and up-sell: rules by hand and by brute force, what chance does, who is listed."""

from functools import cache
from itertools import combinations

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import retention_lib as rl
from retention_lib.base.customer_base import CustomerBase
from retention_lib.errors import InputError
from retention_lib.portfolio._cross_chance import expected_together
from retention_lib.portfolio._cross_rules import count_pairs, level_of, lift_alike, lift_with_range
from retention_lib.portfolio.cross_sell import find_cross_sell


def lines(bought, *, amount=10.0, date="2025-03-01"):
    """One line a customer and range, as ``{customer: "range range"}`` or rows of four."""
    rows = [(who, what, date, amount) for who, ranges in bought.items() for what in ranges.split()]
    return table(*rows)


def table(*rows):
    frame = pd.DataFrame(rows, columns=["customer_id", "product_range", "date", "amount"])
    return frame.assign(date=pd.to_datetime(frame["date"]))


def offices(pens=60, *, alone=("lacks",)):
    """Buyers of ink and pens beside as many of tea and cups; some buy ink alone."""
    bought = {f"o{i:02}": "ink pens" for i in range(pens)}
    bought |= {f"k{i:02}": "tea cups" for i in range(60)}
    return bought | dict.fromkeys(alone, "ink")


def base_of(bought=None, **options):
    frame = lines(bought) if isinstance(bought, dict) else bought
    return CustomerBase.from_tables(frame, **{"currency": "EUR", **options})


@cache
def shop():
    """The base of ``offices()``."""
    return base_of(offices())


def one(result, customer):
    return result.to_frame().set_index("customer_id").loc[customer]


# --- the arithmetic ------------------------------------------------------------------------------


def test_support_confidence_and_lift_agree_with_counting_by_hand():
    # 121 customers: 61 buy ink, 60 of them pens; 60 buy pens, all of them ink.
    rules = find_cross_sell(shop()).rules().to_frame()
    rule = rules[(rules["value"] == "ink") & (rules["also_bought"] == "pens")].iloc[0]
    assert (rule["cases"], rule["both"]) == (61, 60)
    assert rule["support"] == pytest.approx(60 / 121)
    assert rule["confidence"] == pytest.approx(60 / 61)
    assert rule["share_of_all"] == pytest.approx(60 / 121)
    assert rule["lift"] == pytest.approx((60 / 61) / (60 / 121))


def test_rules_agree_with_brute_force_over_every_pair():
    rng = np.random.default_rng(5)
    taste = rng.random((400, 2)) < 0.5
    chance = np.where(taste[:, :1], [0.7, 0.7, 0.1, 0.1, 0.4], [0.2, 0.2, 0.6, 0.6, 0.4])
    bought = {
        f"c{i:03}": " ".join(name for name, there in zip("abcde", row, strict=True) if there)
        for i, row in enumerate(rng.random(chance.shape) < chance)
    }
    bought = {who: what for who, what in bought.items() if what}
    rules = find_cross_sell(base_of(bought), min_support=0.0).rules().to_frame()
    assert {(rule.value, rule.also_bought) for rule in rules.itertuples()} == {
        *(("a", "b"), ("b", "a"), ("c", "d"), ("d", "c"))
    }
    for rule in rules.itertuples():
        ones = [set(what.split()) for what in bought.values()]
        both = sum({rule.value, rule.also_bought} <= basket for basket in ones)
        cases = sum(rule.value in basket for basket in ones)
        others = sum(rule.also_bought in basket for basket in ones)
        assert (rule.both, rule.cases) == (both, cases)
        assert rule.lift == pytest.approx(both * len(ones) / cases / others)


def test_tea_and_coffee_of_the_textbook_have_its_lift():
    # Tan, Steinbach and Kumar 2005, table 6.8: support 15 %, confidence 75 %, lift 0.9375.
    tea, coffee = np.zeros(1000, bool), np.zeros(1000, bool)
    tea[:200], coffee[:150], coffee[200:850] = True, True, True
    both, customers, _ = count_pairs(np.column_stack([tea, coffee]), np.zeros(1000, int))
    assert both[0, 0, 1] / 1000 == 0.15
    assert both[0, 0, 1] / both[0, 0, 0] == 0.75
    lift, low, high = lift_with_range(both, customers, 1.96)
    assert lift[0, 1] == 0.9375
    assert low[0, 1] < 0.9375 < high[0, 1]


def test_the_range_of_the_lift_holds_what_it_promises():
    # Cells of a known table, drawn 1,500 times: the true lift lies inside in 95 % of them.
    rng, cells = np.random.default_rng(1), np.array([0.15, 0.10, 0.20, 0.55])
    true, inside = 0.15 / (0.25 * 0.35), 0
    for both, one_only, other_only, _ in rng.multinomial(400, cells, size=1500).astype(float):
        pairs = np.array([[[both + one_only, both], [both, both + other_only]]])
        _, low, high = lift_with_range(pairs, np.array([400.0]), level_of(1))
        inside += low[0, 1] <= true <= high[0, 1]
    assert 0.935 <= inside / 1500 <= 0.965


def test_strata_are_summed_before_they_are_compared():
    # Two strata with no relation inside, but one buys much and one little: together a lift.
    heavy, light = np.array([[90.0, 81.0], [81.0, 90.0]]), np.array([[10.0, 1.0], [1.0, 10.0]])
    both, customers = np.array([heavy, light]), np.array([100.0, 100.0])
    assert lift_with_range(both, customers, 1.96)[0][0, 1] == pytest.approx(1.0)
    pooled = lift_with_range(both.sum(0)[None], np.array([200.0]), 1.96)[0]
    assert pooled[0, 1] == pytest.approx(82 * 200 / 100 / 100)


def by_enumeration(pulls, customers):
    """Buyers of each range and of each pair among customers of two and more, set by set."""
    ranges, weights = range(len(pulls)), {}
    for number in range(2, len(pulls) + 1):
        sets = list(combinations(ranges, number))
        ways = [float(np.prod([pulls[j] for j in chosen])) for chosen in sets]
        for chosen, way in zip(sets, ways, strict=True):
            weights[chosen] = customers[number] * way / sum(ways)
    alone = [sum(w for chosen, w in weights.items() if j in chosen) for j in ranges]
    pairs = {
        (i, j): sum(w for chosen, w in weights.items() if {i, j} <= set(chosen))
        for i, j in combinations(ranges, 2)
    }
    return np.array(alone), pairs


def test_chance_at_equal_appetite_agrees_with_counting_every_set_of_ranges():
    pulls, customers = [0.3, 1.0, 2.5, 0.8, 1.4], np.array([7.0, 50.0, 40.0, 25.0, 10.0, 5.0])
    alone, pairs = by_enumeration(pulls, customers)
    expected = expected_together(customers, alone)
    for (i, j), number in pairs.items():
        assert expected[i, j] == pytest.approx(number, rel=1e-5)


def test_chance_shares_out_the_pairs_that_customers_do_buy():
    customers = np.array([0.0, 9.0, 30.0, 20.0, 10.0])
    buyers = np.array([50.0, 35.0, 40.0, 35.0])  # 160 = 2 x 30 + 3 x 20 + 4 x 10
    expected = expected_together(customers, buyers)
    assert np.triu(expected).sum() == pytest.approx(30 * 1 + 20 * 3 + 10 * 6)
    assert (expected == expected.T).all()


def appetites(rng, customers=1500):
    """Ranges bought independently by customers of very different appetite."""
    appetite = 1.5 * rng.standard_normal((customers, 1))
    return rng.random((customers, 9)) < 1 / (1 + np.exp(-(np.linspace(-2, 1, 9) + appetite)))


def test_who_buys_much_of_everything_makes_no_rule():
    rng, pairs = np.random.default_rng(2), np.triu_indices(9, 1)
    fooled, alike = 0, 0
    for _ in range(20):
        bought = appetites(rng)
        both, customers, numbers = count_pairs(bought, bought.sum(axis=1))
        textbook = lift_with_range(both.sum(0)[None], np.array([customers.sum()]), 1.96)[1]
        low = lift_alike(both, customers, numbers, 9, 1.96)[1]
        fooled += (textbook[pairs] > 1).sum()
        alike += (low[pairs] > 1).sum()
    assert fooled == 20 * 36  # the textbook's lift finds every pair related
    assert alike / (20 * 36) <= 0.025  # no more than the promised share


def test_more_pairs_need_more_proof():
    assert level_of(1) == pytest.approx(1.959964, abs=1e-6)
    assert level_of(1000) == pytest.approx(4.055627, abs=1e-6)  # tables of the normal: 0.000025


# --- whole bases ---------------------------------------------------------------------------------


def test_shuffled_ranges_and_sectors_make_no_rule():
    sample, rng = rl.open_base(), np.random.default_rng(3)
    sold, who = sample.to_pandas(), sample.to_pandas("customers")
    assert len(find_cross_sell(sample).rules().table)
    sold["product_range"] = rng.permutation(sold["product_range"].to_numpy())
    who["sector"] = rng.permutation(who["sector"].to_numpy())
    shuffled = find_cross_sell(CustomerBase.from_tables(sold, customers=who))
    assert shuffled.rules().table.empty
    assert shuffled.table.empty
    assert "No two ranges are bought together more often than chance" in shuffled.sentence()


def test_in_the_sample_only_sectors_make_rules_as_it_was_simulated():
    # The simulator gives every sector leanings of its own and draws ranges independently in it.
    rules = find_cross_sell(rl.open_base()).rules().table
    assert set(rules["kind"]) == {"sector"}
    assert len(rules) >= 5


def test_a_sector_that_buys_a_range_more_than_others_makes_a_rule():
    rng = np.random.default_rng(4)
    bought = {
        f"c{i:03}": " ".join(
            n for n in "abcd" if rng.random() < (0.9 if n + str(i % 3) == "a0" else 0.4)
        )
        or "b"
        for i in range(600)
    }
    sector = [f"s{i % 3}" for i in range(600)]
    who = pd.DataFrame({"customer_id": list(bought), "sector": sector})
    found = find_cross_sell(base_of(bought, customers=who))
    assert [(r.kind, r.value, r.also_bought) for r in found.rules().table.itertuples()] == [
        ("sector", "s0", "a")
    ]
    lacking = {c for i, (c, what) in enumerate(bought.items()) if i % 3 == 0 and "a" not in what}
    assert set(found.table["customer_id"]) == lacking
    assert found.table["because"].str.startswith("is in s0; ").all()


def test_a_customer_is_told_what_it_lacks_and_why():
    row = one(find_cross_sell(shop()), "lacks")
    assert row["range_lacking"] == "pens"
    assert row["because"] == "buys ink; 60 of 61 who buy it also buy pens"
    assert row["typical_annual_spend"] == 10


def test_nobody_is_told_to_buy_what_it_buys():
    found = find_cross_sell(shop()).to_frame()
    assert found["customer_id"].tolist() == ["lacks"]


def test_never_from_fewer_cases_than_stated():
    enough, too_few = base_of(offices(pens=30)), base_of(offices(pens=29))
    assert not find_cross_sell(enough).rules().table.empty
    rules = find_cross_sell(too_few).rules().table
    assert not {"ink", "pens"} & {*rules["value"], *rules["also_bought"]}
    assert not find_cross_sell(too_few, min_cases=29).rules().table.query("value == 'pens'").empty


def test_a_rule_that_concerns_too_few_is_not_made():
    base = base_of(offices(pens=40))  # 40 of 101
    assert "pens" in find_cross_sell(base, min_support=0.39).rules().table["value"].tolist()
    assert "pens" not in find_cross_sell(base, min_support=0.40).rules().table["value"].tolist()


def test_who_must_not_be_contacted_counts_but_is_not_listed():
    who = pd.DataFrame(
        {
            "customer_id": ["lacks", "banned", "silent", "o01"],
            "contactable": pd.array([True, False, None, False], dtype="boolean"),
        }
    )
    base = base_of(offices(alone=("lacks", "banned", "silent")), customers=who)
    found = find_cross_sell(base)
    assert sorted(found.to_frame()["customer_id"]) == ["lacks", "silent"]
    assert one(found, "lacks")["because"].endswith("60 of 63 who buy it also buy pens")
    assert str(found.assumptions["consent"]).startswith("2 customers who must not be contacted")
    assert "banned" not in set(found.up_sell().table["customer_id"])


def test_a_range_given_back_is_not_bought():
    frame = pd.concat([lines(offices()), table(("o05", "pens", "2025-03-01", -10.0))])
    found = find_cross_sell(base_of(frame))
    assert sorted(found.to_frame()["customer_id"]) == ["lacks", "o05"]
    assert "59 of 61" in one(found, "lacks")["because"]


def test_lines_before_the_window_do_not_count():
    old = table(("lacks", "pens", "2024-02-01", 10.0))
    frame = pd.concat([lines(offices()), old])
    assert "lacks" in set(find_cross_sell(base_of(frame)).table["customer_id"])
    assert find_cross_sell(base_of(frame), days=500).table.empty


def test_spend_of_another_window_is_told_by_the_year():
    frame = pd.concat([lines(offices()), table(("old", "ink", "2024-01-01", 10.0))])
    found = find_cross_sell(base_of(frame), days=73)  # a fifth of a year
    assert one(found, "lacks")["typical_annual_spend"] == 50
    assert "spend €50 on it a year" in found.sentence()


def test_days_before_the_history_began_do_not_thin_out_the_spend():
    frame = pd.concat([lines(offices()), table(("old", "ink", "2023-03-03", 10.0))])
    found = find_cross_sell(base_of(frame), days=3650)  # 730 days are on file
    assert one(found, "lacks")["typical_annual_spend"] == 5


def test_a_history_of_less_than_a_year_is_not_called_a_year():
    found = find_cross_sell(shop(), days=100)
    assert one(found, "lacks")["typical_annual_spend"] == 10
    assert found.assumptions["spend_of"] == "in 1 day"


def test_counts_are_set_against_those_who_may_be_contacted():
    who = pd.DataFrame({"customer_id": [f"o{i:02}" for i in range(20)], "contactable": False})
    found = find_cross_sell(base_of(offices(), customers=who))
    assert found.sentence().startswith("1 of 101 active customers who may be contacted lacks")
    banned = pd.DataFrame({"customer_id": [f"c{i:02}" for i in range(20, 30)]})
    up = find_cross_sell(base_of(spenders(), customers=banned.assign(contactable=False))).up_sell()
    assert up.sentence().startswith("10 of 31 customers compared who may be contacted spend less")


def test_closed_and_silent_customers_take_no_part():
    frame = pd.concat([lines(offices()), lines({"gone": "ink", "old": "ink"}, date="2023-01-01")])
    who = pd.DataFrame({"customer_id": ["lacks"], "closed_on": pd.to_datetime(["2025-02-01"])})
    found = find_cross_sell(base_of(frame, customers=who))
    assert found.table.empty
    assert found.baskets.active == 120


def test_spend_is_that_of_buyers_of_the_same_size():
    bought = offices(pens=200, alone=("small", "large"))
    bought |= {f"k{i:03}": "tea cups" for i in range(200)}
    frame = lines(bought)
    large = {f"o{i:02}" for i in range(100)} | {"large"}
    frame.loc[frame["customer_id"].isin(large), "amount"] = 500.0
    size = ["L" if c in large else "S" for c in bought]
    found = find_cross_sell(
        base_of(frame, customers=pd.DataFrame({"customer_id": list(bought), "size": size})),
        min_cases=20,
    )
    assert one(found, "large")[["like", "typical_annual_spend"]].tolist() == ["L", 500]
    assert one(found, "small")[["like", "typical_annual_spend"]].tolist() == ["S", 10]
    # The best customers come first: what their like spend is more.
    assert found.table["customer_id"].tolist() == ["large", "small"]


def test_a_size_of_few_customers_is_compared_with_all():
    who = pd.DataFrame({"customer_id": list(offices()), "size": "S"})
    found = find_cross_sell(base_of(offices(), customers=who))
    assert one(found, "lacks")["like"] == "all customers"


def test_at_most_three_ranges_a_customer():
    bought = {f"c{i:02}": "a b c d e" for i in range(60)} | {
        f"k{i:02}": "v w x y z" for i in range(60)
    }
    found = find_cross_sell(base_of(bought | {"lacks": "a"})).to_frame()
    assert found["customer_id"].tolist() == ["lacks"] * 3


def test_only_the_most_bought_ranges_are_compared_and_that_is_said():
    found = find_cross_sell(shop(), max_ranges=2)
    assert found.baskets.ranges == ("ink", "cups")
    assert found.assumptions["max_ranges"] == "2 compared, the most bought of 4"


def test_without_ranges_products_take_their_place():
    frame = lines(offices()).rename(columns={"product_range": "product"})
    found = find_cross_sell(base_of(frame))
    assert one(found, "lacks")["range_lacking"] == "pens"
    assert "lacks a product" in found.sentence()
    assert "4 products compared in their place" in str(found.assumptions["max_ranges"])


def test_an_empty_column_of_ranges_is_none():
    frame = lines(offices()).rename(columns={"product_range": "product"})
    found = find_cross_sell(base_of(frame.assign(product_range=None)))
    assert found.baskets.column == "product"


@pytest.mark.parametrize(
    ("frame", "said"),
    [
        (lines({"a": "x"}).drop(columns="product_range"), "neither product ranges nor products"),
        (lines({"a": "x", "b": "x"}), "with a single range nothing can be lacking"),
        (lines({"a": "x y", "b": "x"}), "no two ranges have 30 buyers each among the 2 active"),
        (lines({"a": "x"}, amount=-1.0), "No active customer bought anything of a known range"),
        (lines({f"c{i:02}": "x y" for i in range(99)}), "1 pair was looked at"),
        (
            lines({c: w for c, w in offices().items() if c != "lacks"}),
            "Nobody who may be contacted",
        ),
    ],
)
def test_a_base_that_cannot_tell_says_so(frame, said):
    found = find_cross_sell(base_of(frame))
    assert said in found.sentence()
    assert found.to_frame().empty
    assert list(found.to_frame()) == list(find_cross_sell(shop()).to_frame())
    for result in (found, found.rules(), found.up_sell()):
        assert result.sentence().endswith(".")
        assert result._repr_html_()


def test_the_sentence_says_who_what_and_for_how_much():
    assert find_cross_sell(base_of(offices(alone=("lacks", "too")))).sentence() == (
        "2 of 122 active customers lack a range that others like them buy, most often pens "
        "(2 of them); its buyers spend €10 on it in 1 day."
    )


def test_the_sentences_speak_french():
    found = find_cross_sell(base_of(offices(), language="fr"))
    assert found.sentence().startswith("Il manque à 1 client actif sur 121 une gamme")
    assert one(found, "lacks")["because"] == (
        "achète ink ; 60 de ses acheteurs sur 61 prennent aussi pens"
    )
    assert "fois la part de l'ensemble" in found.rules().sentence()


def test_the_rules_say_how_sure_they_are():
    said = find_cross_sell(shop()).rules().sentence()
    assert said.startswith("60 of 60 customers who buy cups buy tea: 2.0 times the share among all")
    assert "95 % sure" in said


def test_duckdb_and_polars_agree():
    sample = rl.open_base()
    tables = {name: sample.to_pandas(name) for name in ("transactions", "customers")}
    other = {name: pl.from_pandas(frame) for name, frame in tables.items()}
    mine = find_cross_sell(CustomerBase.from_tables(**tables))
    theirs = find_cross_sell(CustomerBase.from_tables(**other))
    for one_, two in (
        (mine, theirs),
        (mine.rules(), theirs.rules()),
        (mine.up_sell(), theirs.up_sell()),
    ):
        pd.testing.assert_frame_equal(one_.to_frame(), two.to_frame(), check_dtype=False)


def test_what_came_later_changes_nothing():
    frame = lines(offices())
    later = lines({"lacks": "pens", "new": "ink", "o01": "cups"}, date="2025-06-01")
    then = find_cross_sell(base_of(pd.concat([frame, later]), as_of="2025-03-01"))
    now = find_cross_sell(base_of(frame))
    pd.testing.assert_frame_equal(then.to_frame(), now.to_frame())
    pd.testing.assert_frame_equal(then.up_sell().to_frame(), now.up_sell().to_frame())


@pytest.mark.parametrize(
    "wrong",
    [
        {"min_support": "1%"},
        {"min_support": 1},
        {"min_support": -0.1},
        {"min_support": True},
        {"min_support": float("nan")},
        {"min_cases": 1},
        {"min_cases": 2.5},
        {"min_cases": True},
        {"days": 0},
        {"days": "365"},
        {"max_ranges": 1},
        {"max_ranges": 101},
        {"max_ranges": None},
    ],
)
def test_an_argument_that_cannot_be_is_refused_in_words(wrong):
    ((name, value),) = wrong.items()
    with pytest.raises(InputError, match=f"{name} .*got {value!r}"):
        find_cross_sell(shop(), **wrong)


def test_something_else_than_a_base_is_refused():
    with pytest.raises(InputError, match="Pass a CustomerBase"):
        find_cross_sell(lines(offices()))


@settings(max_examples=5, deadline=None)
@given(st.lists(st.sets(st.sampled_from("abcde"), min_size=1), min_size=1, max_size=60))
def test_whatever_is_bought_the_figures_of_a_rule_fit_together(baskets):
    bought = {f"c{i:02}": " ".join(sorted(basket)) for i, basket in enumerate(baskets)}
    found = find_cross_sell(base_of(bought), min_cases=3)
    for rule in found.rules().table.itertuples():
        assert rule.both <= rule.cases <= len(baskets)
        assert rule.confidence * rule.cases == pytest.approx(rule.both)
        assert 1 < rule.lift_low <= rule.lift <= rule.lift_high
        assert rule.cases >= 3
    for row in found.table.itertuples():
        assert row.range_lacking not in bought[row.customer_id]
        assert row.spend_low <= row.typical_annual_spend <= row.spend_high


# --- up-sell -------------------------------------------------------------------------------------


def spenders(*, low=4.0, customers=40):
    """Forty buyers of ink: they spend 11, 12, … 50; and one who spends little."""
    rows = [(f"c{i:02}", "ink", "2025-03-01", 11.0 + i) for i in range(customers)]
    return table(*rows, ("little", "ink", "2025-03-01", low))


def test_who_spends_less_than_three_in_four_is_listed_with_the_gap():
    up = find_cross_sell(base_of(spenders())).up_sell()
    # 41 values: 4, 11 … 50; the quarter is the 11th (20), the middle the 21st (30).
    row = one(up, "little")
    assert row[["annual_spend", "spend_low", "typical_annual_spend", "spend_high"]].tolist() == [
        *(4, 20, 30, 40)
    ]
    assert row["gap_to_typical"] == 26
    assert row["comparables"] == 41
    assert up.table["customer_id"].tolist() == ["little", *[f"c{i:02}" for i in range(9)]]
    assert up.by_range().iloc[0].tolist() == ["ink", 10, 26 + sum(30 - (11 + i) for i in range(9))]


def test_up_sell_calls_itself_a_comparison():
    up = find_cross_sell(base_of(spenders())).up_sell()
    assert up.sentence() == (
        "10 of 41 customers compared spend less in a range they buy than three in four comparable "
        "buyers, with the widest gaps in ink: €161 below the middle in 1 day, summed over 10 "
        "customers; a comparison, not a forecast."
    )
    assert "a quarter of them always lies below" in str(up.assumptions["comparables"])


def test_up_sell_never_compares_with_fewer_than_the_stated_cases():
    base = base_of(spenders(customers=28))  # 29 with the one who spends little
    assert find_cross_sell(base).up_sell().table.empty
    assert find_cross_sell(base).up_sell().sentence().startswith("Cannot tell from your data")
    assert "little" in set(find_cross_sell(base, min_cases=29).up_sell().table["customer_id"])


def test_who_purchases_seldom_is_compared_with_those_who_do_so_too():
    often = [
        (f"f{i:02}", "ink", f"2025-{month:02}-05", 100.0)
        for i in range(40)
        for month in range(1, 9)
    ]
    up = find_cross_sell(base_of(pd.concat([spenders(), table(*often)]))).up_sell()
    assert one(up, "little")["typical_annual_spend"] == 30


def test_equal_spenders_lie_below_nobody():
    up = find_cross_sell(base_of({f"c{i:02}": "ink" for i in range(50)})).up_sell()
    assert up.table.empty
    assert "none who may be contacted spends less" in up.sentence()
