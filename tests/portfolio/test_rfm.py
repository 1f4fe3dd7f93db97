"""RFM: measures, cut points, scores, segments, and what is said about them."""

from datetime import timedelta
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retention_lib.base.customer_base import CustomerBase
from retention_lib.errors import ChoiceError, InputError
from retention_lib.portfolio.rfm import cut_points, score_levels, score_rfm
from retention_lib.portfolio.schemes import SegmentScheme

CDNOW = Path(__file__).parents[2] / "data/sample/cdnow/transactions.parquet"


def lines(*rows):
    frame = pd.DataFrame(rows, columns=["customer_id", "date", "amount"])
    return frame.assign(date=pd.to_datetime(frame["date"]))


def base_of(*rows, **options):
    return CustomerBase.from_tables(lines(*rows), **{"currency": "EUR", **options})


def one(result, customer):
    return result.to_frame().set_index("customer_id").loc[customer]


# Five customers, two levels a measure, as of 11 January 2024:
#           recency  frequency  monetary   median: recency 4, frequency 1, monetary 20
#   ann        0         3         60
#   bob        1         1         20
#   cid        4         1         10
#   dee        8         2         90
#   eve       10         1          5
FIVE = (
    ("ann", "2024-01-01", 10.0),
    ("ann", "2024-01-05", 20.0),
    ("ann", "2024-01-11", 30.0),
    ("bob", "2024-01-10", 20.0),
    ("cid", "2024-01-07", 10.0),
    ("dee", "2024-01-02", 40.0),
    ("dee", "2024-01-03", 50.0),
    ("eve", "2024-01-01", 5.0),
)
BY_HAND = pd.DataFrame(
    {
        "customer_id": ["ann", "bob", "cid", "dee", "eve"],
        "recency_days": [0, 1, 4, 8, 10],
        "frequency": [3, 1, 1, 2, 1],
        "monetary": [60.0, 20.0, 10.0, 90.0, 5.0],
        "r": [2, 2, 2, 1, 1],
        "f": [2, 1, 1, 2, 1],
        "m": [2, 1, 1, 2, 1],
    }
)


@pytest.mark.parametrize("kind", ["pandas", "polars", "duckdb"])
def test_five_customers_scored_by_hand_on_every_engine(kind):
    table = lines(*FIVE)
    if kind == "polars":
        table = pl.from_pandas(table)
    if kind == "duckdb":
        import duckdb

        connection = duckdb.connect()
        connection.register("lines", table.sample(frac=1, random_state=1))
        table = connection.sql("SELECT * FROM lines")
    result = score_rfm(CustomerBase.from_tables(table), bins=2)
    scored = result.to_frame()
    assert list(scored.columns) == [*BY_HAND.columns, "segment", "segment_code"]
    pd.testing.assert_frame_equal(scored[BY_HAND.columns], BY_HAND, check_dtype=False)


def test_five_customers_in_a_teams_own_segments_by_hand():
    own = SegmentScheme.from_table(
        pd.DataFrame(
            {"r": [2, 2, 1], "fm": ["2", "1", "1-2"], "segment": ["Stars", "Fresh", "Away"]}
        )
    )
    result = score_rfm(base_of(*FIVE), bins=2, scheme=own)
    assert result.to_frame()["segment"].tolist() == ["Stars", "Fresh", "Fresh", "Away", "Away"]


def test_lines_of_one_day_are_one_purchase():
    result = score_rfm(base_of(("a", "2024-01-01", 5.0), ("a", "2024-01-01", 7.0)))
    assert one(result, "a")[["frequency", "monetary"]].tolist() == [1, 12.0]


def test_a_refund_only_day_is_not_a_purchase_but_lowers_spend():
    result = score_rfm(base_of(("a", "2024-01-01", 100.0), ("a", "2024-01-31", -30.0)))
    assert one(result, "a")[["recency_days", "frequency", "monetary"]].tolist() == [30, 1, 70.0]


def test_a_day_that_nets_to_nothing_is_not_a_purchase():
    base = base_of(
        ("a", "2024-01-01", 9.0),
        ("a", "2024-01-05", 0.1),
        ("a", "2024-01-05", 0.2),
        ("a", "2024-01-05", -0.3),
    )
    assert one(score_rfm(base), "a")["frequency"] == 1


def test_a_customer_with_refunds_only_is_left_out_and_counted():
    result = score_rfm(base_of(("a", "2024-01-01", 9.0), ("b", "2024-01-02", -4.0)))
    assert result.to_frame()["customer_id"].tolist() == ["a"]
    assert result.left_out["customer_id"].tolist() == ["b"]
    assert result.left_out["monetary"].tolist() == [-4.0]
    assert "refunds or free lines only" in result.left_out["reason"][0]
    assert result.assumptions["left_out"] == 1


def test_nobody_with_a_purchase_is_an_error_that_says_so():
    with pytest.raises(InputError, match="None of the 1 customers has a purchase"):
        score_rfm(base_of(("b", "2024-01-02", -4.0)))


def test_the_window_counts_its_last_days_and_keeps_who_bought_before():
    base = base_of(
        ("a", "2024-01-01", 10.0),
        ("a", "2024-01-29", 1.0),
        ("b", "2024-01-28", 3.0),
        ("b", "2024-01-31", 4.0),
    )
    result = score_rfm(base, window_days=3)  # 29 to 31 January
    assert one(result, "a")[["recency_days", "frequency", "monetary"]].tolist() == [2, 1, 1.0]
    assert one(result, "b")[["recency_days", "frequency", "monetary"]].tolist() == [0, 1, 4.0]
    silent = score_rfm(base, window_days=1)
    assert one(silent, "a")[["recency_days", "frequency", "monetary"]].tolist() == [2, 0, 0.0]
    assert "1 day up to 31 January 2024" in str(silent.assumptions["window"])


def test_customer_numbers_stay_texts_in_the_order_of_texts():
    base = base_of(("10", "2024-01-01", 1.0), ("007", "2024-01-02", 1.0), ("9", "2024-01-02", 1.0))
    assert score_rfm(base).to_frame()["customer_id"].tolist() == ["007", "10", "9"]


def test_cut_points_are_those_of_numpy_and_of_percentile_inc():
    values = np.array([3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8])
    for bins in range(2, 11):
        wanted = np.quantile(values, np.arange(1, bins) / bins)
        assert cut_points(values, bins) == pytest.approx(wanted, rel=1e-12)


def test_a_cut_point_that_falls_on_a_value_equals_it_exactly():
    # 0.7 of 10 steps is 7.000000000000001 in floating point, a hair beyond the eighth value.
    values = np.arange(11) * 1.1
    assert set(cut_points(values, 10)) <= set(values)


def test_recency_scores_are_reversed_best_first():
    cuts = np.array([10.0, 20.0])
    assert score_levels("recency_days", np.array([5, 10, 11, 99]), cuts).tolist() == [3, 3, 2, 1]
    assert score_levels("monetary", np.array([5, 10, 11, 99]), cuts).tolist() == [1, 1, 2, 3]


def test_the_cut_points_say_days_purchases_and_money():
    cuts = score_rfm(base_of(*FIVE), bins=2).cut_points
    assert list(cuts.columns) == [
        *("measure", "score", "from", "to", "customers", "unit", "threshold", "range")
    ]
    assert cuts["range"].tolist() == [
        *("0 to 4 days", "8 to 10 days"),
        *("2 to 3 purchases", "1 purchase"),
        *("€60.00 to €90.00", "€5.00 to €20.00"),
    ]
    assert cuts["threshold"].dropna().tolist() == [4, 1, 20]
    assert cuts["score"].tolist() == [2, 1, 2, 1, 2, 1]
    assert cuts["unit"].unique().tolist() == ["days", "purchases", "EUR"]
    assert cuts.groupby("measure")["customers"].sum().eq(5).all()


def test_cut_points_are_said_in_french_for_a_french_base():
    cuts = score_rfm(base_of(*FIVE, language="fr"), bins=2).cut_points
    assert cuts["range"][0] == "0 à 4 jours"
    assert cuts["range"][3] == "1 achat"


def test_levels_swallowed_by_ties_are_reported_with_the_reason():
    rows = [(f"c{i}", f"2024-01-{i + 1:02}", 10.0 + i) for i in range(10)]
    rows += [("c0", "2024-01-20", 1.0), ("c1", "2024-01-21", 1.0)]
    result = score_rfm(base_of(*rows))
    assert result.ties == (
        "frequency keeps 2 of 5 levels because 8 of 10 customers bought exactly once"
    )
    assert result.sentence().endswith(result.ties + ".")
    empty = result.cut_points.query("measure == 'frequency' and customers == 0")
    assert set(empty["range"]) == {"nobody"}


def test_ties_of_spend_and_recency_are_explained_too():
    rows = [(f"c{i}", "2024-01-01" if i < 8 else "2024-01-09", 10.0) for i in range(10)]
    ties = score_rfm(base_of(*rows)).ties
    assert "8 of 10 customers last bought on the same day, 8 days before 9 January 2024" in ties
    assert "spend keeps 1 of 5 levels because 10 of 10 customers spent exactly €10.00" in ties


def test_too_few_different_values_are_named_as_such():
    rows = [(f"c{i}", f"2024-01-{1 + i % 5:02}", 10.0 + i) for i in range(20)]
    result = score_rfm(base_of(*rows), bins=8)
    assert "recency keeps 5 of 8 levels because it takes only 5 different values" in result.ties


def test_ranking_would_let_the_order_of_the_file_decide_and_the_sentence_counts_whom():
    # Ten equal customers: ranked, five would be above the median, which five is chance.
    own = SegmentScheme.from_table(
        [{"r": "1-2", "fm": 1, "segment": "Low"}, {"r": "1-2", "fm": 2, "segment": "High"}]
    )
    alike = base_of(*[(f"c{i}", "2024-01-01", 9.0) for i in range(10)])
    assert score_rfm(alike, bins=2, scheme=own).careless_sentence() == (
        "Ranked instead of cut, 10 of 10 customers, who brought €90, would be in another "
        "segment if the same file were sorted the other way round."
    )


def test_where_nobody_is_alike_ranking_does_no_harm_and_that_is_said():
    base = base_of(("a", "2024-01-01", 1.0), ("b", "2024-01-02", 2.0), ("b", "2024-01-03", 2.0))
    assert "ranking would do no harm" in score_rfm(base).careless_sentence()


def test_no_ties_are_not_spoken_of():
    rows = [(f"c{i}", f"2024-01-{i + 1:02}", 10.0 + i) for i in range(5) for _ in range(1)] + [
        (f"c{i}", f"2023-01-{d + 1:02}", 1.0) for i in range(5) for d in range(i)
    ]
    result = score_rfm(base_of(*rows))
    assert result.ties == ""
    assert result.assumptions["ties"] == "every measure keeps all its levels"


def test_six_takes_cut_points_of_its_own_and_leaves_the_scores_at_five_levels():
    rows = [(f"c{i}", f"2024-01-{i + 1:02}", 10.0 + i) for i in range(15)]
    result = score_rfm(base_of(*rows), scheme="six")
    assert result.to_frame()["r"].max() == 5
    assert result.segment_cut_points["score"].max() == 3
    assert "from cut points of their own" in str(result.assumptions["scheme"])
    assert score_rfm(base_of(*rows), bins=3).segment_cut_points["score"].max() == 5


def test_bins_never_change_the_segments():
    rows = [(f"c{i}", f"2024-01-{i % 28 + 1:02}", 10.0 + i) for i in range(40)]
    by_five, by_ten = (score_rfm(base_of(*rows), bins=bins).to_frame() for bins in (5, 10))
    assert by_five["segment"].equals(by_ten["segment"])
    assert by_ten["m"].max() == 10


def test_the_cells_of_the_map_add_up_to_the_customers_and_the_revenue():
    for scheme in ("classic", "six"):
        result = score_rfm(base_of(*FIVE), scheme=scheme)
        assert len(result.cells) == len(result.scheme.cells)
        assert result.cells["customers"].sum() == 5
        assert result.cells["revenue"].sum() == pytest.approx(185.0)


def test_the_profile_adds_up_and_measures_each_segment():
    profile = score_rfm(base_of(*FIVE)).profile()
    table = profile.to_frame()
    assert table["customers"].sum() == 5
    assert len(table) == 11  # empty segments are there
    assert table["share_of_customers"].sum() == pytest.approx(1)
    assert table["share_of_revenue"].sum() == pytest.approx(1)
    ann = table.set_index("segment").loc["Champions"]
    assert ann["revenue"] == 60
    assert ann["average_basket"] == 20
    assert ann["median_recency_days"] == 0
    assert ann["purchases_per_customer"] == 3
    assert table["revenue"].is_monotonic_decreasing


def test_without_sectors_the_profile_has_no_such_column_and_says_so():
    profile = score_rfm(base_of(*FIVE)).profile()
    assert not [name for name in profile.to_frame() if name.startswith("typical")]
    assert profile.assumptions["missing"] == "not known in this base: sector and size"


def test_the_commonest_sector_is_named_with_its_share_of_those_known():
    rows = [(c, "2024-01-01", 10.0) for c in "abcde"]
    customers = pd.DataFrame(
        {"customer_id": [*"abcdea"], "sector": ["Bakery", "Bakery", "Garage", None, "Bar", "Zoo"]}
    )
    profile = score_rfm(base_of(*rows, customers=customers)).profile()
    row = profile.to_frame().iloc[0]
    assert row["typical_sector"] == "Bakery"
    assert row["typical_sector_share"] == 0.5
    assert "typical_size" not in profile.to_frame()
    assert profile.assumptions["missing"] == "not known in this base: size"


def test_equally_common_sectors_are_settled_by_the_alphabet():
    customers = pd.DataFrame({"customer_id": ["a", "b"], "sector": ["Zoo", "Bar"]})
    base = base_of(("a", "2024-01-01", 1.0), ("b", "2024-01-01", 1.0), customers=customers)
    assert score_rfm(base).profile().to_frame()["typical_sector"][0] == "Bar"


def forty(**options):
    """Four big, regular customers and thirty-six small, silent ones; 400 of 436 in all."""
    big = [(f"b{i}", f"2024-0{m}-01", 25.0) for i in range(4) for m in range(3, 7)]
    small = [(f"s{i:02}", f"2023-{1 + i // 9:02}-{1 + i % 9:02}", 1.0) for i in range(36)]
    return base_of(*big, *small, **options)


def test_the_sentence_says_who_brings_the_revenue():
    finding = score_rfm(forty()).finding()
    assert finding == "Champions are 10 % of customers and bring 92 % of revenue"


def test_the_sentence_speaks_french():
    finding = score_rfm(forty(language="fr")).finding().replace("\xa0", " ")
    assert finding == (
        "Les champions représentent 10 % des clients et apportent 92 % du chiffre d'affaires"
    )


def test_the_profile_sets_who_brings_revenue_against_who_is_many():
    assert score_rfm(forty()).profile().sentence() == (
        "Champions bring 92 % of revenue with 10 % of customers; "
        "promising customers bring 1.8 % with 20 %."
    )


def test_a_single_customer_is_scored_and_the_sentence_claims_nothing():
    result = score_rfm(base_of(("a", "2024-01-01", 9.0)))
    assert result.sentence() == (
        "Only one customer is scored: scores compare customers with one another, so New "
        "customers says nothing yet; 1 customer cannot fill 5 levels."
    )


def test_customers_all_alike_are_in_one_segment_and_the_sentence_says_so():
    result = score_rfm(base_of(*[(f"c{i}", "2024-01-01", 9.0) for i in range(7)]))
    assert result.finding() == (
        "All 7 customers are in one segment, New customers: their scores do not tell them apart"
    )
    assert "recency keeps 1 of 5 levels" in result.ties


def test_a_tiny_base_is_called_a_sketch_and_told_in_counts():
    finding = score_rfm(base_of(*FIVE)).finding()
    assert finding.startswith("With only 5 customers this is a sketch, not a finding: ")
    assert "% of customers" not in finding


def test_refunds_elsewhere_are_named_where_one_segment_brings_more_than_all():
    rows = [(f"s{i:02}", "2023-01-01", 1.0) for i in range(36)]
    rows += [(f"s{i:02}", "2023-02-01", -2.0) for i in range(36)]
    rows += [(f"b{i}", f"2024-0{m}-01", 25.0) for i in range(4) for m in range(3, 7)]
    result = score_rfm(base_of(*rows))
    assert result.finding().endswith(
        "bring 110 % of net revenue: more than all of it, because refunds outweigh sales elsewhere"
    )
    assert result.to_frame()["monetary"].min() == -1


def test_where_refunds_outweigh_sales_no_share_is_claimed():
    rows = [("a", "2024-01-01", 5.0), ("a", "2024-01-02", -50.0), ("b", "2024-01-03", 5.0)]
    result = score_rfm(base_of(*rows))
    assert "Net revenue is -€40, so shares of it mean nothing" in result.sentence()
    assert result.profile().to_frame()["share_of_revenue"].isna().all()


@pytest.mark.parametrize("bins", [1, 11, 2.5, "5", None, True])
def test_bins_that_cannot_be_are_refused(bins):
    with pytest.raises(InputError, match="bins must"):
        score_rfm(base_of(*FIVE), bins=bins)


@pytest.mark.parametrize("window", [0, -3, 1.5, "90", True])
def test_windows_that_cannot_be_are_refused(window):
    with pytest.raises(InputError, match="window_days must"):
        score_rfm(base_of(*FIVE), window_days=window)


def test_an_unknown_scheme_is_refused():
    with pytest.raises(ChoiceError, match="scheme must be one of 'classic', 'six'"):
        score_rfm(base_of(*FIVE), scheme="seven")


def test_changing_the_frame_handed_out_does_not_change_the_result():
    result = score_rfm(base_of(*FIVE))
    frame = result.to_frame()
    frame.loc[0, "monetary"] = 999.0
    assert result.to_frame()["monetary"][0] == 60.0


# --- properties ------------------------------------------------------------------------------

DAY0 = pd.Timestamp("2024-01-01")
bought = st.tuples(
    st.sampled_from([f"c{i}" for i in range(8)]),
    st.integers(0, 30).map(lambda day: DAY0 + timedelta(days=day)),
    st.integers(-3000, 5000).map(lambda cents: cents / 100),
)
histories = st.lists(bought, min_size=1, max_size=40).map(lambda rows: [("c0", DAY0, 10.0), *rows])
few = settings(max_examples=10, deadline=None)


@few
@given(histories, st.integers(2, 10), st.sampled_from(["classic", "six"]))
def test_equal_values_share_a_score_and_better_values_never_score_less(rows, bins, scheme):
    scored = score_rfm(base_of(*rows), bins=bins, scheme=scheme).to_frame()
    for measure, score, sign in (
        *(("recency_days", "r", -1), ("frequency", "f", 1), ("monetary", "m", 1)),
    ):
        ordered = scored.assign(value=sign * scored[measure]).sort_values("value")
        assert ordered.groupby("value")[score].nunique().max() == 1
        assert ordered[score].is_monotonic_increasing
        assert scored[score].between(1, bins).all()


@few
@given(histories)
def test_adding_rows_after_as_of_changes_nothing(rows):
    as_of = max(row[1] for row in rows)
    later = [(customer, as_of + timedelta(days=5), 100.0) for customer, _, _ in rows]
    now = score_rfm(base_of(*rows, as_of=as_of.date()))
    then = score_rfm(base_of(*rows, *later, as_of=as_of.date()))
    pd.testing.assert_frame_equal(now.to_frame(), then.to_frame())
    pd.testing.assert_frame_equal(now.left_out, then.left_out)
    assert now.sentence() == then.sentence()


@few
@given(histories, st.randoms())
def test_the_order_of_the_rows_changes_nothing(rows, random):
    shuffled = random.sample(rows, len(rows))
    one_way, other = score_rfm(base_of(*rows)), score_rfm(base_of(*shuffled))
    pd.testing.assert_frame_equal(one_way.to_frame(), other.to_frame())
    pd.testing.assert_frame_equal(one_way.cut_points, other.cut_points)


@few
@given(histories, st.one_of(st.none(), st.integers(1, 40)))
def test_duckdb_and_polars_agree_and_every_customer_is_accounted_for(rows, window):
    here = score_rfm(base_of(*rows), window_days=window)
    other = CustomerBase.from_tables(pl.from_pandas(lines(*rows)), currency="EUR")
    there = score_rfm(other, window_days=window)
    pd.testing.assert_frame_equal(here.to_frame(), there.to_frame())
    assert here.sentence() == there.sentence()
    seen = {*here.to_frame()["customer_id"], *here.left_out["customer_id"]}
    assert seen == {row[0] for row in rows}
    assert len(seen) == len(here.to_frame()) + len(here.left_out)


# --- CDNOW: 2,357 customers of a music shop, 1 January 1997 to 30 June 1998 --------------------


@cache
def cdnow():
    if not CDNOW.is_file():
        pytest.skip("the CDNOW sample has not been made yet")
    return CustomerBase.from_tables(CDNOW, currency="USD")


def test_cdnow_has_the_purchases_and_customers_known_of_it():
    result = score_rfm(cdnow())
    assert result.to_frame()["frequency"].sum() == 6688
    assert (len(result.to_frame()), len(result.left_out)) == (2349, 8)


def test_cdnow_cut_points_are_the_quintiles_known_of_it():
    cuts = score_rfm(cdnow()).cut_points.dropna(subset=["threshold"]).sort_values("threshold")
    assert cuts.query("measure == 'frequency'")["threshold"].tolist() == [1, 1, 2, 4]
    assert cuts.query("measure == 'recency_days'")["threshold"].tolist() == [150, 441, 486, 512]


def test_cdnow_frequency_keeps_four_of_five_levels_and_the_result_says_why():
    result = score_rfm(cdnow())
    assert sorted(result.to_frame()["f"].unique()) == [1, 3, 4, 5]
    assert result.ties == (
        "frequency keeps 4 of 5 levels because 1,210 of 2,349 customers bought exactly once"
    )


def test_cdnow_champions_are_a_quarter_and_bring_two_thirds():
    assert score_rfm(cdnow()).finding() == (
        "Champions are 25 % of customers and bring 66 % of revenue"
    )


def test_the_thresholds_say_what_the_best_level_takes():
    rows = [(f"c{n}", f"2024-01-{n + 1:02d}", 10.0 * (n + 1)) for n in range(10)]
    listing = score_rfm(base_of(*rows)).thresholds()
    assert listing.sentence() == (
        "The best level means: bought within the last 1 day, at least 1 time, for at least €90."
    )
    assert listing.to_frame()["measure"].iloc[0] == "Days since last purchase"


def test_ties_are_told_in_a_sentence_of_their_own():
    rows = [(f"c{n}", f"2024-01-{n + 1:02d}", 10.0 * (n + 1)) for n in range(10)]
    said = score_rfm(base_of(*rows)).ties_sentence()
    assert said.startswith("Frequency keeps 1 of 5 levels")
    assert said.endswith(".")
