"""Segment profiles: groups, pooling, differences beyond chance, and attrition by description."""

from datetime import timedelta
from math import comb

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import retention_lib as rl
from retention_lib.base.customer_base import CustomerBase
from retention_lib.errors import ChoiceError, InputError
from retention_lib.portfolio._value_groups import groups_of, pooled
from retention_lib.portfolio._value_tests import holm, two_sided
from retention_lib.portfolio.profiles import AT_RISK, GOOD, _cells, profile_segments
from retention_lib.portfolio.schemes import SegmentScheme
from retention_lib.wording import Wording


def lines(*rows, names=("customer_id", "date", "amount")):
    frame = pd.DataFrame(rows, columns=list(names))
    return frame.assign(date=pd.to_datetime(frame["date"]))


def with_channel(*rows):
    return CustomerBase.from_tables(
        lines(*rows, names=("customer_id", "date", "amount", "channel")), currency="EUR"
    )


def shop(groups, *, column="sector", later=()):
    """Customers of the given groups who buy alike, except that those ``later`` bought last."""
    rows, about = [], []
    for i, group in enumerate(groups):
        day = "2024-12-30" if group in later else f"2024-0{1 + i % 5}-01"
        rows += [(f"c{i:03}", day, 10.0 + i % 7)] * (1 + i % 3)
        about.append((f"c{i:03}", group))
    rows.append(("c000", "2024-12-31", 1.0))
    customers = pd.DataFrame(about, columns=["customer_id", column])
    return CustomerBase.from_tables(lines(*rows), customers=customers, currency="EUR")


# --- groups ----------------------------------------------------------------------------------


def test_a_customer_belongs_to_the_channel_with_most_of_its_revenue():
    base = with_channel(
        ("a", "2024-01-01", 5.0, "web"),
        ("a", "2024-01-02", 5.0, "web"),
        ("a", "2024-01-03", 9.0, "shop"),
        ("b", "2024-01-01", 50.0, "web"),
        ("b", "2024-01-02", -45.0, "web"),
        ("b", "2024-01-02", 6.0, "shop"),
        ("c", "2024-01-01", 3.0, "web"),
        ("c", "2024-01-02", 3.0, "shop"),
        ("d", "2024-01-01", 100.0, None),
        ("d", "2024-01-01", 1.0, " web "),
        ("e", "2024-01-01", 7.0, ""),
    )
    groups = groups_of(base, "channel", "transactions")
    assert groups.to_dict() == {"a": "web", "b": "shop", "c": "shop", "d": "web"}
    rows = profile_segments(base, by="channel").to_frame().set_index("channel")
    assert rows["customers"].to_dict() == {"shop": 2, "web": 2, "not known": 1}
    assert rows["revenue"].to_dict() == {"shop": 17.0, "web": 120.0, "not known": 7.0}
    assert rows["share_of_revenue"].sum() == pytest.approx(1, abs=1e-12)


def test_groups_beyond_the_twelve_largest_are_pooled_under_a_label_nobody_has():
    names = [f"g{i:02}" for i in range(15) for _ in range(20 - i)] + ["others (3 groups)"] * 50
    labels, order = pooled(pd.Series([*names, None]), Wording("en"))
    assert order[0] == "others (3 groups)"
    assert order[-2:] == ["others (4 groups)", "not known"]
    assert (labels == "others (4 groups)").sum() == sum(20 - i for i in range(11, 15))
    clash = pd.Series([*names, "others (4 groups)", *["not known"] * 60, None])
    order = pooled(clash, Wording("en"))[1]
    assert order[0] == "not known"
    assert order[-1] == "(not known)"
    assert len(set(order)) == len(order) == 14


def test_a_real_value_called_like_the_pool_stays_itself():
    names = [f"g{i:02}" for i in range(13) for _ in range(20 - i)] + ["others (2 groups)"] * 50
    order = pooled(pd.Series(names), Wording("en"))[1]
    assert order[0] == "others (2 groups)"
    assert order[-1] == "(others (2 groups))"


def test_a_thirteenth_group_is_not_pooled_alone():
    names = [f"g{i:02}" for i in range(13) for _ in range(20 - i)]
    assert pooled(pd.Series(names), Wording("en"))[1] == sorted(set(names))


def test_a_customers_own_column_called_segment_does_not_clash():
    result = profile_segments(shop(["x", "y"] * 20, column="segment"), by="segment")
    assert result.to_frame().columns[0] == "own_segment"
    assert result.crosstab().to_frame()["own_segment"].tolist() == ["x", "y"]


# --- differences -----------------------------------------------------------------------------


def test_chances_are_those_of_counting_all_tables():
    def chance(hits, row, column, total):
        ways = [comb(column, k) * comb(total - column, row - k) for k in range(row + 1)]
        above, below = sum(ways[hits:]), sum(ways[: hits + 1])
        return min(1.0, 2 * min(above, below) / comb(total, row))

    cases = [(3, 4, 4, 8), (0, 5, 3, 12), (2, 6, 7, 20), (5, 5, 5, 10)]
    found = two_sided(*(np.array(column) for column in list(zip(*cases, strict=True))[:3]), 8)[:1]
    assert found[0] == pytest.approx(chance(3, 4, 4, 8), abs=1e-12)
    for case in cases:
        got = two_sided(*(np.array([number]) for number in case[:3]), case[3])
        assert got[0] == pytest.approx(chance(*case), abs=1e-12)


def test_holm_of_a_worked_example():
    # Four tests, each of the sorted chances times 4, 3, 2, 1, never falling.
    assert holm(np.array([0.01, 0.04, 0.03, 0.005])) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm(np.array([0.9, 0.8])).max() <= 1


def test_a_group_that_bought_last_stands_out_with_its_share():
    result = profile_segments(shop(["x"] * 60 + ["late"] * 40, later=("late",)))
    rows = result.to_frame().set_index("sector")
    assert isinstance(rows.loc["late", "stands_out"], str)
    wide = result.crosstab().to_frame().set_index("sector")[rows.loc["late", "stands_out"]]
    assert rows.loc["late", "lift"] == pytest.approx((wide["late"] / 40) / (wide.sum() / 100))
    assert "stands out in “late”" in result.sentence()
    assert "more than chance would make" in result.sentence()


def test_groups_alike_are_not_told_apart():
    result = profile_segments(shop(["x", "y"] * 60))
    assert result.to_frame()["stands_out"].isna().all()
    assert result.finding().startswith("By sector, no difference beyond chance")


def test_chance_alone_seldom_makes_a_difference():
    rng, scheme = np.random.default_rng(4), SegmentScheme.classic()
    codes = np.array([segment.code for segment in scheme.segments])
    found = 0
    for _ in range(100):
        table = pd.DataFrame(
            {"group": rng.choice(list("abcde"), 300), "segment_code": rng.choice(codes, 300)}
        )
        cells = _cells(table, list("abcde"), scheme, "sector", Wording())
        found += bool(cells["beyond_chance"].any())
    # At most one in twenty is meant: 5 of 100. Uncorrected, nearly every one would have some.
    assert found <= 9


def test_a_group_of_few_customers_is_told_in_counts():
    result = profile_segments(shop(["x"] * 80 + ["late"] * 20, later=("late",)))
    assert "of its 20 customers" in result.finding()
    rows = result.to_frame().set_index("sector")
    assert rows[["good_share", "at_risk_share"]].notna().all(axis=1).to_dict() == {
        "x": True,
        "late": False,
    }


def test_cells_and_the_crosstab_hold_every_customer():
    result = profile_segments(shop(["x", "y", None] * 20))
    wide = result.crosstab().to_frame().set_index("sector")
    assert wide.to_numpy().sum() == 60 == result.cells["customers"].sum()
    assert wide.sum(axis=1).to_dict() == {"x": 20, "y": 20, "not known": 20}
    assert result.cells.groupby("sector")["share_of_group"].sum().tolist() == pytest.approx([1] * 3)
    assert result.cells["expected"].sum() == pytest.approx(60)
    assert next(iter(wide.columns)) == "Champions"


def test_good_and_at_risk_segments_are_segments_of_their_scheme_and_do_not_overlap():
    for name, scheme in (("classic", SegmentScheme.classic()), ("six", SegmentScheme.six())):
        codes = {segment.code for segment in scheme.segments}
        assert GOOD[name] | AT_RISK[name] <= codes
        assert not GOOD[name] & AT_RISK[name]


def test_of_a_teams_own_scheme_nobody_knows_which_segments_are_good():
    own = SegmentScheme.from_table([{"r": 2, "fm": "1-2", "segment": "On"},
                                    {"r": 1, "fm": "1-2", "segment": "Off"}])  # fmt: skip
    result = profile_segments(shop(["x", "y"] * 20), scheme=own)
    assert result.to_frame()[["good_share", "at_risk_share"]].isna().all().all()
    assert list(result.crosstab().to_frame().columns) == ["sector", "On", "Off"]


# --- attrition -------------------------------------------------------------------------------


def years(*, lost_x, lost_y, size=60):
    """Customers of two sectors who bought in 2022; some did not in 2023."""
    rows, about = [("x0", "2021-12-31", 10.0), (f"x{size - 1}", "2023-12-31", 1.0)], []
    for sector, lost in (("x", lost_x), ("y", lost_y)):
        for i in range(size):
            about.append((f"{sector}{i}", sector))
            rows.append((f"{sector}{i}", "2022-06-01", 10.0))
            if i >= lost:
                rows.append((f"{sector}{i}", "2023-06-01", 10.0))
    customers = pd.DataFrame(about, columns=["customer_id", "sector"])
    return CustomerBase.from_tables(lines(*rows), customers=customers, currency="EUR")


def test_attrition_is_that_of_who_was_active_a_year_ago():
    result = profile_segments(years(lost_x=6, lost_y=30))
    rows = result.to_frame().set_index("sector")
    assert rows["opening_customers"].tolist() == [60, 60]
    assert rows["attrition"].to_dict() == {"x": 0.1, "y": 0.5}
    assert rows["attrition_differs"].all()
    assert rows.loc["y", "attrition_low"] == pytest.approx(0.3773502, abs=1e-6)
    assert "of the customers active 12 months ago no longer are" in result.sentence()


def test_an_attrition_that_chance_explains_is_not_called_different():
    result = profile_segments(years(lost_x=12, lost_y=15))
    assert not result.to_frame()["attrition_differs"].any()
    assert "does not differ between groups beyond chance" in result.sentence()


def test_attrition_of_few_customers_is_missing_but_counted():
    rows = profile_segments(years(lost_x=6, lost_y=20, size=25)).to_frame().set_index("sector")
    assert rows["attrition"].isna().all()
    assert rows["lost_customers"].to_dict() == {"x": 6, "y": 20}


def test_a_short_history_says_that_attrition_cannot_be_told():
    result = profile_segments(shop(["x", "y"] * 30))
    assert result.to_frame()["attrition"].isna().all()
    assert "Who was lost in the last 12 months cannot be told" in result.sentence()


# --- what cannot be told ---------------------------------------------------------------------


def test_a_missing_column_is_named_with_its_table():
    base = CustomerBase.from_tables(lines(("a", "2024-01-01", 5.0)))
    for by, table in (("sector", "customers"), ("channel", "transactions")):
        result = profile_segments(base, by=by)
        assert result.to_frame().empty
        assert result.crosstab().to_frame().empty
        assert result.sentence() == (
            f"The segments cannot be shown this way: it takes a column “{by}” in the table {table}."
        )


def test_refunds_only_leave_nobody_to_describe():
    result = profile_segments(with_channel(("a", "2024-01-01", -5.0, "web")), by="channel")
    assert result.sentence() == (
        "There are no segments to describe: no customer has a purchase up to 1 January 2024."
    )


def test_one_customer_is_a_sketch():
    result = profile_segments(with_channel(("a", "2024-01-01", 5.0, "web")), by="channel")
    assert result.sentence().startswith("With only 1 customer this is a sketch")


def test_negative_total_revenue_has_no_shares():
    base = with_channel(
        ("a", "2024-01-01", 5.0, "web"),
        ("a", "2024-01-02", -50.0, "web"),
        ("b", "2024-01-02", 5.0, "w"),
    )
    assert profile_segments(base, by="channel").to_frame()["share_of_revenue"].isna().all()


@pytest.mark.parametrize("by", ["sectr", "customer_id", "amount", 3, None])
def test_an_unknown_description_is_refused_with_those_there_are(by):
    with pytest.raises(ChoiceError, match="by must be one of 'channel'"):
        profile_segments(with_channel(("a", "2024-01-01", 5.0, "web")), by=by)


def test_a_wrong_scheme_and_a_frame_for_a_base_are_refused():
    with pytest.raises(ChoiceError, match="scheme must be"):
        profile_segments(shop(["x", "y"]), scheme="seven")
    with pytest.raises(InputError, match="Pass a CustomerBase"):
        profile_segments(lines(("a", "2024-01-01", 1.0)))


# --- properties and the simulator ------------------------------------------------------------


def test_the_simulators_large_companies_are_champions_more_often():
    base, _ = rl.simulate_base(1500, seed=7, language="en")
    result = profile_segments(base, by="size")
    cells = result.cells[result.cells["segment_code"] == "champions"]
    assert cells["beyond_chance"].any()
    assert cells.loc[cells["lift"].idxmax(), "size"] == "Large"


DAY0 = pd.Timestamp("2024-01-01")
bought = st.tuples(
    st.sampled_from([f"c{i}" for i in range(8)]),
    st.integers(0, 800).map(lambda day: DAY0 + timedelta(days=day)),
    st.integers(-3000, 5000).map(lambda cents: cents / 100),
    st.sampled_from(["web", "shop", None, ""]),
)
histories = st.lists(bought, min_size=1, max_size=40)


@settings(max_examples=5, deadline=None)
@given(histories)
def test_engines_agree_and_the_future_changes_nothing(rows):
    as_of = max(row[1] for row in rows)
    later = [(customer, as_of + timedelta(days=5), 100.0, "later") for customer, *_ in rows]
    names = ("customer_id", "date", "amount", "channel")
    frame = lines(*rows, names=names)
    now = profile_segments(CustomerBase.from_tables(frame), by="channel")
    other = profile_segments(CustomerBase.from_tables(pl.from_pandas(frame)), by="channel")
    past = CustomerBase.from_tables(lines(*rows, *later, names=names), as_of=as_of.date())
    for result in (other, profile_segments(past, by="channel")):
        pd.testing.assert_frame_equal(now.to_frame(), result.to_frame())
        pd.testing.assert_frame_equal(now.cells, result.cells)
        assert now.sentence() == result.sentence()


def test_a_description_that_is_no_text_is_refused_in_words():
    for by in (pd.NA, np.array([1, 2])):
        with pytest.raises(ChoiceError, match="by must be one of"):
            profile_segments(shop(["a"] * 9), by=by)


def test_a_chart_of_a_missing_column_says_that_there_is_nothing_to_draw():
    result = profile_segments(shop(["a"] * 9), by="region")
    for drawn in (result.plot(), result.crosstab().plot()):
        assert "nothing to draw" in [text.get_text() for text in drawn.texts]
