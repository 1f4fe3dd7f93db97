"""Cohorts: who came in which period, who still buys, and what nobody can know yet."""

import math
from datetime import date, timedelta
from functools import cache

import narwhals as nw
import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import retention_lib as rl
from retention_lib.base import engine
from retention_lib.base.customer_base import CustomerBase
from retention_lib.errors import ChoiceError, InputError
from retention_lib.portfolio._cohort_findings import Milestone, difference_interval
from retention_lib.portfolio.calendar_periods import (
    MONTHS,
    period_end,
    period_index,
    period_label,
    period_of,
    period_start,
)
from retention_lib.portfolio.cohorts import retention_cohorts


def lines(*rows):
    frame = pd.DataFrame(rows, columns=["customer_id", "date", "amount"])
    return frame.assign(date=pd.to_datetime(frame["date"]))


def base_of(*rows, **options):
    return CustomerBase.from_tables(lines(*rows), **{"currency": "EUR", **options})


def acquired(**days):
    days = {name: pd.Timestamp(day) for name, day in days.items()}
    return pd.DataFrame({"customer_id": list(days), "acquired_on": list(days.values())})


# --- the calendar ----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["duckdb", "polars"])
def test_every_day_from_1900_to_2100_falls_into_its_month_quarter_and_year(kind):
    days = list(
        range(engine.day_number(date(1900, 1, 1)), engine.day_number(date(2100, 12, 31)) + 1)
    )
    table = pd.DataFrame({"day": days})
    native = pl.from_pandas(table) if kind == "polars" else table
    frame = engine.as_lazy(native, "days", engine.connect())
    found = engine.collect(
        frame.select("day", *[period_index(nw.col("day"), p).alias(p) for p in MONTHS])
    )
    assert len(found) == 73_414
    for day, month, quarter, year in found.itertuples(index=False):
        when = engine.day_of(day)
        assert month == when.year * 12 + when.month - 1
        assert quarter == when.year * 4 + (when.month - 1) // 3
        assert year == when.year


@pytest.mark.parametrize("period", list(MONTHS))
def test_periods_follow_one_another_without_gap_or_overlap(period):
    for index in range(period_of(date(1900, 1, 1), period), period_of(date(2100, 1, 1), period)):
        assert period_end(index, period) + timedelta(days=1) == period_start(index + 1, period)
        assert period_of(period_start(index, period), period) == index
        assert period_of(period_end(index, period), period) == index
        assert period_label(index, period) < period_label(index + 1, period)


# --- the triangle ----------------------------------------------------------------------------

# Seen from 20 April 2024: January to March are over, April is not.
#   ann   January (twice), March          60 - 10 in January, 5 in March
#   bob   January, February               20, 30
#   cid   February, refund in March       8, -3
#   dee   March                           7
#   eve   April                           9    left out: April is not over
#   fay   a refund only                  -4    left out: never bought
HAND = (
    ("ann", "2024-01-01", 20.0),
    ("ann", "2024-01-31", 40.0),
    ("ann", "2024-01-31", -10.0),
    ("ann", "2024-03-01", 5.0),
    ("bob", "2024-01-15", 20.0),
    ("bob", "2024-02-29", 30.0),
    ("cid", "2024-02-01", 8.0),
    ("cid", "2024-03-31", -3.0),
    ("dee", "2024-03-31", 7.0),
    ("eve", "2024-04-02", 9.0),
    ("fay", "2024-02-02", -4.0),
)
NONE = float("nan")
BY_HAND = pd.DataFrame(
    [
        ("2024-01", 2, 0, 2, 1.0, 1, 70.0, 35.0, 1.0),
        ("2024-01", 2, 1, 1, 0.5, 2, 30.0, 15.0, 30 / 70),
        ("2024-01", 2, 2, 1, 0.5, 2, 5.0, 2.5, 5 / 70),
        ("2024-02", 1, 0, 1, 1.0, 0, 8.0, 8.0, 1.0),
        ("2024-02", 1, 1, 0, 0.0, 0, -3.0, -3.0, -3 / 8),
        ("2024-02", 1, 2, None, NONE, None, NONE, NONE, NONE),
        ("2024-03", 1, 0, 1, 1.0, 0, 7.0, 7.0, 1.0),
        ("2024-03", 1, 1, None, NONE, None, NONE, NONE, NONE),
        ("2024-03", 1, 2, None, NONE, None, NONE, NONE, NONE),
    ],
    columns=[
        *("cohort", "size", "age", "customers", "share", "returned"),
        *("revenue", "revenue_per_customer", "revenue_share"),
    ],
)


@pytest.mark.parametrize("kind", ["pandas", "polars"])
def test_a_triangle_worked_out_by_hand_on_both_engines(kind):
    table = lines(*HAND)
    native = pl.from_pandas(table) if kind == "polars" else table
    result = retention_cohorts(CustomerBase.from_tables(native))
    found = result.to_frame()[BY_HAND.columns]
    pd.testing.assert_frame_equal(found, BY_HAND, check_dtype=False)
    assert result.left_out[["customers", "revenue", "code"]].values.tolist() == [
        [1, 9.0, "running"],
        [1, -4.0, "never"],
    ]


def test_half_a_cent_is_rounded_alike_in_whatever_order_an_engine_adds():
    amounts = [187.895, 137.615, 145.44, 152.985]
    table = lines(
        *((name, "2024-01-05", amount) for name, amount in zip("abcd", amounts, strict=True))
    )
    table = pd.concat([table, lines(("a", "2024-03-01", 1.0))], ignore_index=True)
    orders = (table, table[::-1], pl.from_pandas(table), pl.from_pandas(table[::-1]))
    found = {
        retention_cohorts(CustomerBase.from_tables(one)).to_frame()["revenue"][0] for one in orders
    }
    assert len(found) == 1


def test_the_same_by_quarter_and_by_year():
    base = base_of(*HAND, as_of="2024-12-31")
    quarters = retention_cohorts(base, period="quarter").to_frame()
    assert quarters["cohort"].unique().tolist() == ["2024-Q1", "2024-Q2"]
    assert quarters["size"].tolist() == [4] * 4 + [1] * 4
    assert quarters["revenue"].tolist()[:4] == [117.0, 0.0, 0.0, 0.0]
    years = retention_cohorts(base, period="year").to_frame()
    assert years[["cohort", "size", "age", "customers", "revenue"]].values.tolist() == [
        ["2024", 5, 0, 5, 126.0]
    ]
    assert years["start"].tolist() == [date(2024, 1, 1)]


def test_a_cell_is_seen_from_the_last_day_of_its_period_on():
    rows = [("ann", "2024-01-05", 1.0), ("ann", "2024-03-30", 1.0)]
    before = retention_cohorts(base_of(*rows, as_of="2024-03-30")).triangle("customers")
    after = retention_cohorts(base_of(*rows, as_of="2024-03-31")).triangle("customers")
    assert before.to_frame().columns.tolist() == ["cohort", "size", "doubtful", "0", "1"]
    assert after.to_frame()[["0", "1", "2"]].values.tolist() == [[1, 0, 1]]


def test_the_triangle_is_one_row_a_cohort_and_one_column_an_age():
    result = retention_cohorts(base_of(*HAND))
    wide = result.triangle("revenue").to_frame()
    assert wide["cohort"].tolist() == ["2024-01", "2024-02", "2024-03"]
    assert wide["0"].tolist() == [70.0, 8.0, 7.0]
    assert wide["2"].tolist()[0] == 5.0
    assert wide["2"].isna().tolist() == [False, True, True]
    assert result.triangle().measure == "share"
    assert result.revenue().to_frame()["revenue"].dropna().sum() == 117.0


def by_brute_force(table, as_of, period):
    """The same table in plain pandas, customer by customer."""
    code = {"month": "M", "quarter": "Q", "year": "Y"}[period]
    table = table[table["date"] <= as_of]
    days = table.groupby(["customer_id", "date"])["amount"].sum().round(4).reset_index()
    bought = days[days["amount"] > 0]
    last = (pd.Timestamp(as_of) + pd.Timedelta(days=1)).to_period(code) - 1
    firsts = bought.groupby("customer_id")["date"].min().dt.to_period(code)
    firsts = firsts[firsts <= last]
    rows = []
    for cohort in sorted(firsts.unique()):
        members = set(firsts.index[firsts == cohort])
        for age in range((last - min(firsts)).n + 1):
            at = cohort + age
            inside = days["customer_id"].isin(members) & (days["date"].dt.to_period(code) == at)
            upto = bought["customer_id"].isin(members) & (bought["date"].dt.to_period(code) <= at)
            purchases = bought[upto].groupby("customer_id").size()
            cells = days[inside]
            buyers = cells.loc[cells["amount"] > 0, "customer_id"].nunique()
            seen = at <= last
            rows.append(
                (
                    *(len(members), age, buyers if seen else None),
                    round(cells["amount"].sum(), 2) if seen else NONE,
                    int((purchases > 1).sum()) if seen else None,
                )
            )
    return pd.DataFrame(rows, columns=["size", "age", "customers", "revenue", "returned"])


PURCHASES = st.lists(
    st.tuples(
        st.sampled_from("abcdef"),
        st.dates(date(2023, 11, 1), date(2025, 2, 28)),
        st.integers(-3, 9),
    ),
    min_size=1,
    max_size=25,
)


@settings(max_examples=6, deadline=None)
@given(rows=PURCHASES, period=st.sampled_from(list(MONTHS)), polars=st.booleans())
def test_any_small_base_agrees_with_plain_pandas_and_loses_nobody(rows, period, polars):
    table = lines(*[(who, day, float(amount)) for who, day, amount in rows])
    as_of = "2025-02-28"
    native = pl.from_pandas(table) if polars else table
    result = retention_cohorts(CustomerBase.from_tables(native, as_of=as_of), period=period)
    found, wanted = result.to_frame(), by_brute_force(table, as_of, period)
    for name in wanted.columns:
        assert np.array_equal(
            found[name].to_numpy(dtype=float, na_value=NONE),
            wanted[name].to_numpy(dtype=float, na_value=NONE),
            equal_nan=True,
        ), name
    sizes = found.drop_duplicates("cohort")["size"].sum()
    assert sizes + result.left_out["customers"].sum() == table["customer_id"].nunique()
    assert result.sentence()
    assert result.revenue().sentence()


@settings(max_examples=4, deadline=None)
@given(rows=PURCHASES, later=PURCHASES)
def test_what_happens_after_as_of_changes_nothing(rows, later):
    now = [(who, day, float(amount)) for who, day, amount in rows]
    future = [(who, day + timedelta(days=800), float(n)) for who, day, n in later]
    as_of = "2025-02-28"
    one = retention_cohorts(base_of(*now, as_of=as_of))
    other = retention_cohorts(base_of(*now, *future, as_of=as_of))
    pd.testing.assert_frame_equal(one.to_frame(), other.to_frame())
    assert one.sentence() == other.sentence()


# --- beginnings ------------------------------------------------------------------------------


def test_customers_acquired_before_the_file_are_in_no_cohort_and_counted():
    people = acquired(old="2019-05-01", new="2024-01-09")
    rows = [("old", "2024-01-03", 5.0), ("new", "2024-01-09", 7.0), ("who", "2024-02-01", 1.0)]
    result = retention_cohorts(base_of(*rows, customers=people, as_of="2024-02-29"))
    assert result.to_frame().drop_duplicates("cohort")["size"].tolist() == [1, 1]
    assert result.left_out[["customers", "revenue", "code"]].values.tolist() == [[1, 5.0, "older"]]
    assert "a customer before 1 January 2024" in str(result.assumptions["left_out"])


def test_a_stray_date_of_1900_does_not_begin_the_file():
    rows = [(f"c{i}", f"2024-{1 + i % 4:02}-10", 1.0) for i in range(150)]
    rows += [("c1", "1900-01-01", 4.0)]
    people = acquired(**{f"c{i}": f"2024-{1 + i % 4:02}-10" for i in range(150)})
    result = retention_cohorts(base_of(*rows, customers=people, as_of="2024-05-31"))
    assert result.to_frame()["cohort"].unique().tolist() == [f"2024-0{m}" for m in range(1, 5)]
    assert result.left_out[["customers", "code"]].values.tolist() == [[1, "older"]]


def test_without_acquired_on_the_first_cohorts_are_marked_as_long_as_people_take_to_return():
    # Nine in ten of those who return take at most 45 days, so the first two months are in doubt.
    rows = [(f"c{i}", "2024-01-10", 1.0) for i in range(10)]
    rows += [(f"c{i}", "2024-02-24", 1.0) for i in range(10)]
    rows += [("d", "2024-02-20", 1.0), ("e", "2024-03-02", 1.0)]
    result = retention_cohorts(base_of(*rows, as_of="2024-04-30"))
    once = result.to_frame().drop_duplicates("cohort")
    assert once["doubtful"].tolist() == [True, True, False]
    assert "up to 45 days" in str(result.assumptions["cohorts_doubtful"])
    known = acquired(**{f"c{i}": "2024-01-10" for i in range(10)}, d="2024-02-20", e="2024-03-02")
    sure = retention_cohorts(base_of(*rows, customers=known, as_of="2024-04-30"))
    assert not sure.to_frame()["doubtful"].any()
    assert "cohorts_doubtful" not in sure.assumptions


def test_findings_leave_out_the_cohorts_in_doubt_where_others_can_tell():
    # Forty old regulars at the beginning, forty new ones later who never return.
    rows = [(f"o{i}", f"2024-{m:02}-10", 1.0) for i in range(40) for m in range(1, 13)]
    rows += [(f"n{i}", "2024-06-15", 1.0) for i in range(40)]
    result = retention_cohorts(base_of(*rows, as_of="2024-12-31"))
    assert result.sentence().startswith("Of 100 customers won, 0 (between 0 and 9) bought again")
    assert result.curve().to_frame()["size"].max() == 40


# --- findings --------------------------------------------------------------------------------


@cache
def two_years(new_share, old_share, seed=1, customers=60):
    """Customers won each month of 2023 and 2024, of whom a share returns the month after."""
    rng = np.random.default_rng(seed)
    rows, people = [], {}
    for year, share in ((2023, old_share), (2024, new_share)):
        for month in range(1, 13):
            for i in range(customers):
                name, day = f"c{year}{month:02}{i:03}", pd.Timestamp(year, month, 10)
                people[name] = day
                rows.append((name, day, 10.0))
                if rng.random() < share:
                    rows.append((name, day + pd.DateOffset(months=1), 10.0))
    return base_of(*rows, customers=acquired(**people), as_of="2025-03-31")


def test_newer_cohorts_are_called_better_or_worse_only_beyond_chance():
    less = retention_cohorts(two_years(0.3, 0.5)).newer_and_older()
    assert "came back less often" in less.sentence()
    assert less.to_frame()["cohorts"].tolist() == [
        "January 2024 to December 2024",
        "January 2023 to December 2023",
    ]
    assert "came back more often" in retention_cohorts(two_years(0.5, 0.3)).sentence()


def test_equal_cohorts_are_called_different_five_times_in_a_hundred():
    # Every outcome of two groups of 80 who come back alike, weighed by how likely it is.
    won, share = 80, 0.4
    hits = np.arange(won + 1)
    ways = np.array([math.comb(won, int(k)) for k in hits], dtype=float)
    weights = ways * share**hits * (1 - share) ** (won - hits)
    alarms = 0.0
    for one in hits[weights > 1e-6]:
        for other in hits[weights > 1e-6]:
            low, high = difference_interval(Milestone(1, one, won), Milestone(1, other, won))
            alarms += weights[one] * weights[other] * (low > 0 or high < 0)
    assert 0.03 < alarms < 0.06
    assert "no difference beyond chance" in retention_cohorts(two_years(0.4, 0.4)).sentence()


def test_a_history_without_a_year_before_compares_nothing():
    listing = retention_cohorts(base_of(*HAND)).newer_and_older()
    assert listing.to_frame().empty
    assert "cannot be compared" in listing.sentence()


def test_the_interval_of_a_difference_is_that_of_newcombe():
    # Newcombe 1998, table II, comparison (a), method 10.
    low, high = difference_interval(Milestone(1, 56, 70), Milestone(1, 48, 80))
    assert (round(low, 4), round(high, 4)) == (0.0524, 0.3339)


def test_the_sentence_tells_the_figures_of_the_table():
    result = retention_cohorts(two_years(0.5, 0.5))
    table = result.to_frame()
    back = table[(table["age"] == 3)].dropna(subset=["returned"])
    assert len(back) == 24
    share = 100 * back["returned"].sum() / back["size"].sum()
    assert result.sentence().startswith(f"Of 100 customers won, {share:.0f} (between ")
    assert "; 12 months on, 0.0 (between 0.0 and 0.4) buy in that month." in result.sentence()


def test_the_curve_pools_only_cells_that_are_seen():
    curve = retention_cohorts(two_years(0.5, 0.5)).curve().to_frame().set_index("age")
    assert curve.loc[0, ["size", "share"]].tolist() == [1440, 1.0]
    assert curve.loc[14, "cohorts"] == 13
    assert curve.loc[14, "size"] == 13 * 60
    assert (curve["share_low"] < curve["share"] + 1e-12).all()
    assert (curve["share"] < curve["share_high"] + 1e-12).all()


def test_the_money_of_a_customer_won_by_hand():
    # Forty customers won in January bring 10 each; half of them 20 more in February.
    rows = [(f"c{i:02}", "2024-01-10", 10.0) for i in range(40)]
    rows += [(f"c{i:02}", "2024-02-10", 20.0) for i in range(20)]
    people = acquired(**{f"c{i:02}": "2024-01-10" for i in range(40)})
    said = retention_cohorts(base_of(*rows, customers=people, as_of="2024-02-29")).revenue()
    # Mean 10, standard error sqrt(100 / 39) = 1.60, so 10 -+ 3.14.
    assert said.sentence() == (
        "A customer won brings €10 in the month of its first purchase, and €10 (between €7 and "
        "€13) over the 1 month after it."
    )


def test_fewer_than_thirty_customers_are_told_in_counts():
    assert retention_cohorts(base_of(*HAND)).sentence() == (
        "With only 2 customers to follow this is a sketch, not a finding: 2 of 2 bought again in "
        "the month they came or the next 2."
    )


def test_cdnow_is_three_cohorts_of_2357_customers():
    result = retention_cohorts(rl.open_base("data/sample/cdnow"))
    once = result.to_frame().drop_duplicates("cohort")
    assert once["cohort"].tolist() == ["1997-01", "1997-02", "1997-03"]
    # 2,357 in all (Fader and Hardie); eight never paid for anything.
    assert once["size"].sum() + result.left_out["customers"].sum() == 2357
    assert result.left_out["customers"].tolist() == [8]
    assert result.table["age"].max() == 17
    assert result.table["revenue"].isna().sum() == 3
    assert "nobody can tell from this file" in result.sentence()


@pytest.mark.parametrize(
    "rows",
    [
        [("a", "2024-01-05", 3.0)],
        [("a", "2024-01-05", -3.0)],
        [("a", "2024-01-31", 3.0), ("b", "2024-01-31", -1.0)],
    ],
)
@pytest.mark.parametrize("language", ["en", "fr"])
def test_one_customer_one_day_or_refunds_only_are_said_in_words(rows, language):
    result = retention_cohorts(base_of(*rows, language=language))
    for said in (result, result.curve(), result.revenue(), result.newer_and_older()):
        assert said.sentence().endswith(".")
    assert result.triangle().to_frame().shape[0] == result.table["cohort"].nunique()


def test_the_past_is_seen_as_it_was():
    whole = two_years(0.5, 0.5)
    past = retention_cohorts(whole.at("2023-12-31")).to_frame()
    now = retention_cohorts(whole).to_frame()
    seen = past.dropna(subset=["revenue"])
    both = seen.merge(now, on=["cohort", "age"], suffixes=("", "_now"))
    assert len(both) == len(seen) == 78
    assert (both["customers"] == both["customers_now"]).all()


def test_what_cannot_be_asked_is_refused_in_words():
    with pytest.raises(ChoiceError, match="period"):
        retention_cohorts(base_of(*HAND), period="week")
    with pytest.raises(ChoiceError, match="period"):
        retention_cohorts(base_of(*HAND), period=True)
    with pytest.raises(ChoiceError, match="measure"):
        retention_cohorts(base_of(*HAND)).triangle("margin")
    with pytest.raises(ChoiceError, match="measure"):
        retention_cohorts(base_of(*HAND)).triangle(pd.NA)
    with pytest.raises(InputError, match="CustomerBase"):
        retention_cohorts(lines(*HAND))
