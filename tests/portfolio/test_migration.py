"""From segment to segment: who moved, what it brought, and what is mere chance."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retention_lib.base.customer_base import CustomerBase
from retention_lib.base.simulate import simulate_base
from retention_lib.errors import ChoiceError, InputError
from retention_lib.portfolio import _migration_chance as chance
from retention_lib.portfolio._migration_tables import good_segments
from retention_lib.portfolio.migration import segment_migration
from retention_lib.portfolio.rfm import score_like, score_rfm
from retention_lib.portfolio.schemes import SegmentScheme

END = np.datetime64("2025-12-31")


def lines(*rows):
    frame = pd.DataFrame(rows, columns=["customer_id", "date", "amount"])
    return frame.assign(date=pd.to_datetime(frame["date"]))


def base_of(*rows, **options):
    return CustomerBase.from_tables(lines(*rows), **{"currency": "EUR", **options})


def steady(seed, *, customers=800, rate=8.0, shape=1.0, spread=0.6):
    """Customers who buy for three years at rates of their own that never change."""
    rng = np.random.default_rng(seed)
    own = rate * rng.gamma(2.0, 0.5, customers)
    gaps = rng.gamma(shape, 365 / shape, (customers, 160)) / own[:, None]
    days = np.cumsum(gaps, axis=1) - 400
    who, place = np.nonzero((days >= 0) & (days < 3 * 365))
    basket = 80 * np.exp(spread * rng.normal(size=customers))
    amount = basket[who] * np.exp(0.5 * rng.normal(size=len(who)))
    return pd.DataFrame(
        {
            "customer_id": np.char.mod("%05d", who),
            "date": END - (3 * 365 - 1 - days[who, place].astype(int)),
            "amount": np.round(amount, 2),
        }
    )


# Two levels, two segments. As of 10 January (window 10 days): ann bought twice, bob and cid once;
# as of 20 January: ann not at all since, bob three times, dee is new.
HAND = (
    ("ann", "2024-01-01", 10.0),
    ("ann", "2024-01-09", 50.0),
    ("bob", "2024-01-02", 10.0),
    ("cid", "2024-01-10", 5.0),
    ("bob", "2024-01-18", 70.0),
    ("bob", "2024-01-19", 10.0),
    ("bob", "2024-01-20", 10.0),
    ("dee", "2024-01-20", 7.0),
)
TWO = SegmentScheme.from_table(
    [{"r": "1-2", "fm": 2, "segment": "High"}, {"r": "1-2", "fm": 1, "segment": "Low"}]
)


def by_hand(**options):
    base = base_of(*HAND, activity_window_days=10, **options)
    return segment_migration(base, since="2024-01-10", scheme=TWO)


def test_four_customers_followed_by_hand():
    moved = by_hand().moves.set_index("customer_id")
    # Cut points of the first date: one purchase, 10.00. ann 2 and 60 is high, bob and cid low.
    assert moved["from_code"].to_dict() == {
        "ann": "high",
        "bob": "low",
        "cid": "low",
        "dee": "not_yet",
    }
    assert moved["to_code"].to_dict() == {"ann": "low", "bob": "high", "cid": "low", "dee": "low"}
    assert moved["direction"].to_dict() == {"ann": "down", "bob": "up", "cid": "same", "dee": "new"}
    assert moved["revenue_before"].to_dict() == {"ann": 60.0, "bob": 10.0, "cid": 5.0, "dee": 0.0}
    assert moved["revenue_now"].to_dict() == {"ann": 0.0, "bob": 90.0, "cid": 0.0, "dee": 7.0}


def test_the_pairs_come_in_the_order_of_the_scheme_newcomers_last():
    table = by_hand().to_frame()
    pairs = list(zip(table["from_segment"], table["to_segment"], table["customers"], strict=True))
    assert pairs == [
        ("High", "Low", 1),
        ("Low", "High", 1),
        ("Low", "Low", 1),
        ("Not yet a customer", "Low", 1),
    ]
    assert table["share"].tolist() == [1.0, 0.5, 0.5, 1.0]
    assert table["revenue_moved"].tolist() == [-60.0, 80.0, -5.0, 7.0]


def test_a_tiny_base_is_called_a_sketch_and_told_in_counts():
    assert by_hand().sentence() == (
        "With only 3 customers on 10 January 2024 this is a sketch, not a finding: "
        "2 of them are in another segment now."
    )


def test_what_moving_brought_is_told_by_direction():
    moved = by_hand().revenue()
    assert moved.to_frame().set_index("direction")["revenue_moved"].to_dict() == {
        "down": -60.0,
        "same": -5.0,
        "up": 80.0,
        "new": 7.0,
    }
    assert moved.sentence() == (
        "Since 10 January 2024, 1 customer moved down (−€60 of revenue), 1 moved up (+€80) "
        "and 1 came new (+€7)."
    )


def test_who_fell_out_of_the_best_segments_is_listed_with_its_name():
    customers = pd.DataFrame({"customer_id": ["ann"], "name": ["Ann Lee"]})
    fell = by_hand(customers=customers).movers()
    assert fell.to_frame().to_dict("records") == [
        {
            "customer_id": "ann",
            "name": "Ann Lee",
            "from_segment": "High",
            "to_segment": "Low",
            "revenue_before": 60.0,
            "revenue_now": 0.0,
            "revenue_moved": -60.0,
        }
    ]
    assert fell.sentence() == (
        "1 customer fell out of High since 10 January 2024: they brought €60 before and bring "
        "€0 now."
    )


def test_the_best_segments_are_the_first_quarter_of_the_scheme():
    assert good_segments(SegmentScheme.six()) == ("champions", "loyal_customers")
    assert good_segments(TWO) == ("high",)


def test_both_dates_are_scored_with_the_cut_points_of_the_first():
    # Everybody doubles: with thresholds that move along nobody would have moved.
    rows = [(f"c{i}", f"2024-01-{d:02}", 1.0 + i) for i in range(40) for d in range(1, 2 + i % 5)]
    rows += [(c, f"2024-02-{int(d[-2:]):02}", 2 * a) for c, d, a in rows]
    rows += [(c, f"2024-02-{int(d[-2:]) + 14:02}", a) for c, d, a in rows[: len(rows) // 2]]
    base = base_of(*rows, as_of="2024-02-29", activity_window_days=29)
    first = base.at("2024-01-31")
    reference = score_rfm(first, window_days=29)
    now = score_like(base, reference).set_index("customer_id")
    then = reference.to_frame().set_index("customer_id")
    assert (now["f"] >= then["f"]).all()
    assert (now["f"] > then["f"]).sum() >= 20
    same = score_like(first, reference).set_index("customer_id")
    pd.testing.assert_frame_equal(same[["r", "f", "m"]], then[["r", "f", "m"]])


def test_customers_and_revenue_add_up_to_both_dates():
    base, _ = simulate_base(400, seed=5)
    moved = segment_migration(base, since="2024-12-31", draws=10)
    table = moved.to_frame()
    now = score_rfm(base, window_days=365).to_frame()
    then = score_rfm(base.at("2024-12-31"), window_days=365).to_frame()
    old = table[table["direction"] != "new"]
    assert table["customers"].sum() == len(now)
    assert old["customers"].sum() == len(then)
    assert table["revenue_now"].sum() == pytest.approx(now["monetary"].sum(), abs=0.05)
    assert table["revenue_before"].sum() == pytest.approx(then["monetary"].sum(), abs=0.05)
    by_segment = old.groupby("from_code")["customers"].sum().to_dict()
    assert by_segment == then["segment_code"].value_counts().to_dict()
    shares = moved.matrix().to_frame()
    assert shares.iloc[:, 2:].sum(axis=1).to_numpy() == pytest.approx(1.0)
    assert shares["customers"].sum() == len(now)
    assert moved.revenue().to_frame()["customers"].sum() == len(now)


def test_from_a_date_to_the_same_date_nobody_moves():
    base = CustomerBase.from_tables(steady(1, customers=60))
    moved = segment_migration(base, since=base.as_of)
    assert set(moved.moves["direction"]) == {"same"}
    assert moved.noise["by_chance"].tolist() == [0.0, 0.0, 0.0]
    assert moved.sentence() == (
        f"None of the {len(moved.moves)} customers of 31 December 2025 is in another segment now."
    )


def test_the_window_shrinks_to_the_history_there_is_and_the_result_says_so():
    base = base_of(*HAND, activity_window_days=365)
    moved = segment_migration(base, since="2024-01-10", scheme=TWO)
    assert "of the 10 days up to each date, not 365" in moved.assumptions["window"]


@pytest.mark.parametrize(
    ("since", "said"),
    [
        ("2023-12-31", "The first transaction is of 2024-01-01"),
        ("last year", "since must be a date such as"),
        (12, "since must be a date such as"),
        ("2024-01-21", "since must not lie after 2024-01-20"),
    ],
)
def test_dates_that_cannot_be_are_refused_in_words(since, said):
    with pytest.raises(InputError, match=said):
        segment_migration(base_of(*HAND), since=since)


@pytest.mark.parametrize("draws", [0, 9, 1001, 2.5, "40", True, None])
def test_draws_that_cannot_be_are_refused(draws):
    with pytest.raises(InputError, match="draws must be a whole number from 10 to 1,000"):
        segment_migration(base_of(*HAND), since="2024-01-10", draws=draws)


def test_something_else_than_a_base_or_a_scheme_is_refused():
    with pytest.raises(InputError, match="Pass a CustomerBase"):
        segment_migration(lines(*HAND), since="2024-01-10")
    with pytest.raises(ChoiceError, match="scheme must be one of"):
        segment_migration(base_of(*HAND), since="2024-01-10", scheme="seven")


def test_refunds_only_say_that_nobody_had_bought():
    base = base_of(("a", "2024-01-01", -5.0), ("b", "2024-01-09", -4.0))
    moved = segment_migration(base, since="2024-01-05")
    assert moved.sentence() == (
        "Nobody had bought anything by 5 January 2024, so there is no movement to follow."
    )
    for view in (moved.matrix(), moved.chance(), moved.revenue(), moved.movers()):
        assert view.sentence().endswith(".")
        assert view._repr_html_()


def test_who_only_returned_goods_before_counts_as_new():
    base = base_of(("a", "2024-01-01", -5.0), ("a", "2024-01-09", 40.0))
    moved = segment_migration(base, since="2024-01-05")
    assert moved.moves["direction"].tolist() == ["new"]
    # The window is the five days that were known then: the refund lies before it.
    assert moved.to_frame()["revenue_now"].tolist() == [40.0]


def test_one_customer_on_one_day_is_followed():
    base = base_of(("a", "2024-01-01", 5.0))
    moved = segment_migration(base, since="2024-01-01")
    assert moved.moves["direction"].tolist() == ["same"]


def test_duckdb_and_polars_agree():
    table = steady(2, customers=120)
    here = segment_migration(CustomerBase.from_tables(table), since="2024-12-31", draws=10)
    other = CustomerBase.from_tables(pl.from_pandas(table))
    there = segment_migration(other, since="2024-12-31", draws=10)
    pd.testing.assert_frame_equal(here.to_frame(), there.to_frame())
    pd.testing.assert_frame_equal(here.noise, there.noise)


bought = st.tuples(
    st.sampled_from([f"c{i}" for i in range(8)]),
    st.integers(0, 60).map(lambda day: pd.Timestamp("2024-01-01") + pd.Timedelta(days=day)),
    st.integers(-3000, 9000).map(lambda cents: cents / 100),
)


@settings(max_examples=5, deadline=None)
@given(st.lists(bought, min_size=1, max_size=40))
def test_everybody_lands_somewhere_and_what_comes_later_changes_nothing(rows):
    rows = [("c0", pd.Timestamp("2024-01-01"), 10.0), *rows]
    as_of = max(row[1] for row in rows).date()
    base = base_of(*rows, as_of=as_of, activity_window_days=20)
    later = [(c, pd.Timestamp("2024-06-01"), 99.0) for c, _, _ in rows]
    longer = base_of(*rows, *later, as_of=as_of, activity_window_days=20)
    since = min(as_of, pd.Timestamp("2024-01-15").date())
    moved = segment_migration(base, since=since, draws=10)
    again = segment_migration(longer, since=since, draws=10)
    pd.testing.assert_frame_equal(moved.to_frame(), again.to_frame())
    pd.testing.assert_frame_equal(moved.noise, again.noise)
    then = score_rfm(base.at(since), window_days=20).to_frame()
    known = moved.moves[moved.moves["direction"] != "new"]
    assert set(known["customer_id"]) == set(then["customer_id"])
    assert moved.to_frame()["customers"].sum() == len(score_rfm(base).to_frame())


# --- chance ----------------------------------------------------------------------------------


def test_evenness_is_found_again_whatever_the_customers_own_rhythm():
    rng = np.random.default_rng(3)
    counts = rng.integers(2, 20, 4000)
    for shape in (0.7, 1.0, 4.0):
        pieces = [rng.gamma(shape, rng.uniform(1, 90), count) for count in counts]
        sums = np.array([piece.sum() for piece in pieces])
        squares = np.array([(piece**2).sum() for piece in pieces])
        found = chance.evenness(counts.astype(float), sums, squares)
        assert found == pytest.approx(shape, rel=0.05)


def world_of(table, *, since="2024-12-31"):
    base = CustomerBase.from_tables(table)
    first = base.at(since)
    span = chance.Span(first.as_of_day, base.as_of_day, 365)
    return chance.NoChange(chance.sum_up(base, span), span)


def test_a_world_without_change_keeps_everybodys_purchases_and_revenue():
    # Windows that touch: what falls into one and the other is all there was.
    world = world_of(steady(4, customers=200), since="2024-12-31")
    who = np.arange(len(world.first))
    dealt = world.deal(who, np.random.default_rng(1))
    assert (dealt.then[1] + dealt.now[1]).tolist() == world.purchases.tolist()
    assert dealt.then[2] + dealt.now[2] == pytest.approx(world.revenue)
    assert (dealt.then[0] >= 0).all()
    assert (dealt.now[0] >= 0).all()


def test_nobody_is_dealt_a_purchase_before_it_became_a_customer():
    table = steady(4, customers=200)
    late = table[(table["customer_id"] > "00100") | (table["date"] >= "2024-10-01")]
    world = world_of(late)
    joined = world.first > world.span.start
    assert 60 < joined.sum() < 140
    dealt = world.deal(np.arange(len(world.first)), np.random.default_rng(1))
    longest = world.span.since - world.first[joined]
    assert (dealt.then[0][joined] <= longest).all()
    assert (dealt.then[1][joined] >= 1).all()


def beyond_chance(**options):
    """The change beyond chance in five bases in which nothing changes: value, low, high."""
    found = [
        segment_migration(
            CustomerBase.from_tables(steady(seed, customers=600, **options)), since="2024-12-31"
        ).noise.iloc[0]
        for seed in range(5)
    ]
    return [(row["beyond"], row["beyond_low"], row["beyond_high"]) for row in found]


def test_where_nothing_changes_the_movement_beyond_chance_includes_nothing():
    found = beyond_chance()
    # Of five intervals of 95 % one may miss; and on average a point of a movement of seventy.
    assert sum(low <= 0 <= high for _, low, high in found) >= 4
    assert abs(np.mean([value for value, _, _ in found])) < 0.015


def test_of_regular_buyers_no_change_is_invented():
    # Gaps a third as uneven as by chance. Chance comes out a point too high: on the safe side.
    found = beyond_chance(shape=3.0)
    assert not any(low > 0 for _, low, _ in found)
    assert -0.03 < np.mean([value for value, _, _ in found]) < 0.01


@pytest.mark.parametrize("seed", [3, 4])
def test_a_simulated_base_without_causes_shows_no_change_of_habits(seed):
    base, _ = simulate_base(900, seed=seed, signal=False, hazard_per_year=0.0, season_strength=0)
    moved = segment_migration(base, since="2024-12-31")
    row = moved.noise.iloc[0]
    assert row["share"] > 0.7
    assert row["beyond_low"] < 0 < row["beyond_high"] + 0.005
    assert "pas plus que le temps et le hasard" in moved.sentence()


def test_a_planted_shift_is_found_and_said():
    table = steady(7)
    fades = (table["customer_id"] < "00300") & (table["date"] > "2025-01-01")
    rng = np.random.default_rng(1)
    shifted = table[~(fades & (rng.random(len(table)) < 0.85))]
    moved = segment_migration(CustomerBase.from_tables(shifted), since="2024-12-31")
    noise = moved.noise.set_index("move")
    assert noise.loc["down", "beyond_low"] > 0.05
    assert noise.loc["up", "beyond_high"] < 0
    fell = moved.moves[moved.moves["direction"] == "down"]["customer_id"]
    assert (fell < "00300").mean() > 0.5


def test_the_sentence_tells_habits_from_chance():
    table = steady(7)
    gone = (table["customer_id"] < "00200") & (table["date"] > "2025-01-01")
    base = CustomerBase.from_tables(table[~gone], currency="EUR")
    moved = segment_migration(base, since="2024-12-31")
    said = moved.sentence()
    assert said.startswith("7")
    assert "time and chance alone would move" in said
    assert "are a change of habits." in said
    assert "went down; with nobody changing habits" in moved.chance().sentence()


def test_the_same_base_gives_the_same_chance_in_any_order():
    table = steady(2, customers=100)
    one = segment_migration(CustomerBase.from_tables(table), since="2024-12-31", draws=10)
    mixed = CustomerBase.from_tables(table.sample(frac=1, random_state=1))
    other = segment_migration(mixed, since="2024-12-31", draws=10)
    pd.testing.assert_frame_equal(one.noise, other.noise)


def test_the_words_are_french_for_a_french_base():
    table = steady(2, customers=100)
    moved = segment_migration(
        CustomerBase.from_tables(table, language="fr"), since="2024-12-31", draws=10
    )
    assert "clients du 31 décembre 2024" in moved.sentence()
    words = {"en recul", "en progrès", "sans changement", "nouveaux depuis"}
    assert set(moved.to_frame()["movement"]) == words
    assert "sans aucun changement d'habitudes" in moved.chance().sentence()


@pytest.mark.parametrize(
    ("first", "since"), [("2020-01-01", "2023-12-31"), ("2024-06-13", "2024-09-21")]
)
def test_without_a_date_it_looks_back_a_year_or_to_the_middle_of_the_history(first, since):
    result = segment_migration(base_of(("a", first, 5.0), ("a", "2024-12-30", 5.0)))
    assert str(result.since) == since


def test_who_must_not_be_contacted_or_is_gone_is_counted_and_not_listed():
    day = pd.Timestamp("2024-01-05")
    for facts in ({"contactable": [False]}, {"closed_on": [day]}):
        fell = by_hand(customers=pd.DataFrame({"customer_id": ["ann"], **facts})).movers()
        assert fell.to_frame().empty
        assert fell.sentence().startswith("Nobody who may be contacted fell out of High")
        assert str(fell.assumptions["movers_left_out"]).startswith("1 customer who must not")


def test_the_segment_said_to_keep_fewest_is_the_one_the_table_shows():
    base, _ = simulate_base(900, seed=5, language="en")
    matrix = segment_migration(base, since="2024-12-31", draws=10).matrix()
    table = matrix.to_frame()
    table = table[(table["customers"] >= 30) & (table["from_segment"] != "New customers")]
    table = table[table["from_segment"].isin(table.columns)]
    kept = {row["from_segment"]: row[row["from_segment"]] for _, row in table.iterrows()}
    assert f"“{min(kept, key=kept.get)}” kept fewest" in matrix.sentence()


def test_between_a_date_and_itself_there_is_no_range(recwarn):
    base = CustomerBase.from_tables(steady(1, customers=60))
    chance = segment_migration(base, since=base.as_of).chance()
    assert chance.sentence() == "0 % went down; with nobody changing habits 0 % would have."
    chance.plot()
    assert not [w for w in recwarn if "xlim" in str(w.message)]
