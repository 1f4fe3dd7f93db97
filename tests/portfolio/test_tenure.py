"""Value by tenure: what later years bring, of those who stay and of all who were won."""

from functools import cache

import numpy as np
import pandas as pd
import polars as pl
import pytest

import retention_lib as rl
from retention_lib.base.customer_base import CustomerBase
from retention_lib.errors import ChoiceError, InputError
from retention_lib.portfolio.tenure import value_by_tenure


def lines(*rows):
    frame = pd.DataFrame(rows, columns=["customer_id", "date", "amount"])
    return frame.assign(date=pd.to_datetime(frame["date"]))


def acquired(**days):
    days = {name: pd.Timestamp(day) for name, day in days.items()}
    return pd.DataFrame({"customer_id": list(days), "acquired_on": list(days.values())})


def base_of(*rows, **options):
    return CustomerBase.from_tables(lines(*rows), **{"currency": "EUR", **options})


# A file from 1 January 2021 to 31 December 2024.
#   ann   won 1 March 2021: years 1, 2 and 3 are whole      100, 60 - 10, nothing
#   bob   won 1 March 2021                                   20, nothing, 40
#   old   won 1 July 2018: years 4, 5 and 6 are whole        30 in the 4th, 90 in the 5th
#   cid   won 1 June 2024: no year is whole
HAND = (
    ("old", "2021-01-01", 7.0),  # still in the third year, half of which the file holds
    ("ann", "2021-03-01", 70.0),
    ("ann", "2022-02-28", 30.0),  # the last day of the first year
    ("ann", "2022-03-01", 60.0),
    ("ann", "2022-05-01", -10.0),
    ("bob", "2021-03-01", 20.0),
    ("bob", "2023-04-01", 40.0),
    ("old", "2021-08-01", 30.0),
    ("old", "2022-08-01", 90.0),
    ("cid", "2024-06-01", 5.0),
)
PEOPLE = acquired(ann="2021-03-01", bob="2021-03-01", old="2018-07-01", cid="2024-06-01")


@pytest.mark.parametrize("kind", ["pandas", "polars"])
def test_years_of_tenure_worked_out_by_hand_on_both_engines(kind):
    tables = [lines(*HAND), PEOPLE]
    if kind == "polars":
        tables = [pl.from_pandas(table) for table in tables]
    base = CustomerBase.from_tables(tables[0], customers=tables[1], as_of="2024-12-31")
    result = value_by_tenure(base)
    found = result.to_frame().set_index("tenure_year")
    assert found["customers"].tolist() == [2, 1, 1, 1, 1]
    assert found["revenue_per_survivor"].tolist() == [60.0, 50.0, 40.0, 30.0, 90.0]
    # Two were won and followed for three years; beyond that nobody bought two years running.
    assert found["revenue_per_won"].tolist()[:3] == [60.0, 25.0, 20.0]
    assert found["revenue_per_won"].isna().tolist() == [False] * 3 + [True] * 2
    assert found["left_of_won"].tolist()[:3] == [1.0, 0.5, 0.5]
    assert found["buy_next_year"].fillna(-1).tolist() == [0.5, 0.0, -1, 1.0, 0.0]
    assert found["margin_per_survivor"].isna().all()
    assert "1 customer without a complete year" in str(result.assumptions["left_out"])


def test_a_year_begins_on_its_anniversary_leap_years_included():
    people = acquired(leap="2020-02-29", x="2020-01-01")
    rows = [("x", "2020-01-01", 1.0), ("leap", "2020-02-29", 1.0), ("leap", "2024-02-28", 4.0)]
    rows += [("leap", "2024-02-29", 5.0)]
    base = base_of(*rows, customers=people, as_of="2025-12-31")
    years = value_by_tenure(base).to_frame().set_index("tenure_year")["revenue_per_survivor"]
    assert years[4] == 4.0
    assert years[5] == 5.0


def test_margins_are_told_where_they_are_known():
    rate = value_by_tenure(base_of(*HAND, customers=PEOPLE, as_of="2024-12-31", margin_rate=0.25))
    assert rate.to_frame()["margin_per_survivor"].tolist() == [15.0, 12.5, 10.0, 7.5, 22.5]
    said = lines(*HAND).assign(margin=lambda frame: frame["amount"] * 0.5)
    base = CustomerBase.from_tables(said, customers=PEOPLE, as_of="2024-12-31")
    assert value_by_tenure(base).to_frame()["margin_per_survivor"].tolist()[0] == 30.0


def by_brute_force(base):
    """Revenue of those who buy, year by year of tenure, customer by customer."""
    table = base.to_pandas().assign(date=lambda f: pd.to_datetime(f["date"]))
    days = table.groupby(["customer_id", "date"])["amount"].sum().reset_index()
    people = base.to_pandas("customers").set_index("customer_id")["acquired_on"]
    origin, as_of = pd.Timestamp("2023-01-01"), pd.Timestamp(base.as_of)
    found: dict[int, list[float]] = {}
    for name, mine in days.groupby("customer_id"):
        bought = mine.loc[mine["amount"] > 0, "date"]
        if bought.empty:
            continue
        start = min(pd.Timestamp(people[name]), bought.min())
        for year in range(1, 11):
            begin, end = (start + pd.Timedelta(days=1461 * k // 4) for k in (year - 1, year))
            if begin < origin or end > as_of + pd.Timedelta(days=1):
                continue
            inside = mine[(mine["date"] >= begin) & (mine["date"] < end)]
            if (inside["amount"] > 0).any():
                found.setdefault(year, []).append(inside["amount"].sum())
    return pd.DataFrame({year: (len(v), np.mean(v)) for year, v in sorted(found.items())}).T


@cache
def sample(size=300):
    """Some customers of the sample, with all their purchases."""
    base = rl.open_base("data/sample/b2b")
    people = base.to_pandas("customers").iloc[:: 1500 // size]
    table = base.to_pandas()
    table = table[table["customer_id"].isin(people["customer_id"])]
    return CustomerBase.from_tables(table, customers=people, as_of=base.as_of)


def test_the_sample_agrees_with_counting_customer_by_customer():
    found, wanted = value_by_tenure(sample()).to_frame(), by_brute_force(sample())
    assert found["tenure_year"].tolist() == wanted.index.tolist() == list(range(1, 11))
    assert found["customers"].tolist() == wanted[0].tolist()
    assert found["revenue_per_survivor"].tolist() == pytest.approx(wanted[1].tolist(), abs=0.006)


def test_who_may_be_older_than_the_file_is_left_out_and_counted():
    rows = [(f"o{i}", f"2021-01-{5 + i:02}", 50.0) for i in range(10)]
    rows += [(f"o{i}", "2021-02-20", 50.0) for i in range(10)]
    rows += [("new", "2021-06-01", 9.0)]
    result = value_by_tenure(base_of(*rows, as_of="2022-12-31"))
    assert result.to_frame()["customers"].tolist() == [1]
    assert result.to_frame()["revenue_per_survivor"].tolist() == [9.0]
    assert "10 customers first seen in the first" in str(result.assumptions["left_out"])


def test_a_group_chosen_by_its_beginning_is_taken_as_new_and_said_so():
    result = value_by_tenure(rl.open_base("data/sample/cdnow"))
    assert result.to_frame()["customers"].tolist() == [2349]
    assert result.sentence().startswith("In its first year a customer brings US$91 (between US$83")
    assert "nobody can tell from this file" in result.sentence()
    assert result.compared_year is None
    assert result.verdict() == "cannot_tell"


@cache
def five_years(times, customers=60, stay=1.0):
    """Customers who bring 10 in each of four years and ``times`` as much in their fifth."""
    rows, people = [], {}
    for i in range(customers):
        start = pd.Timestamp("2018-01-01") + pd.Timedelta(days=i)
        people[f"c{i}"] = start
        spread = 1 + 0.2 * (-1) ** i
        for year in range(5 if i < stay * customers else 1):
            amount = (10.0 * times if year == 4 else 10.0) * spread
            rows.append((f"c{i}", start + pd.Timedelta(days=366 * year), amount))
    return base_of(*rows, customers=acquired(**people), as_of="2024-12-31")


def test_the_claim_of_the_trade_is_judged_against_the_range():
    confirmed = value_by_tenure(five_years(9.0))
    assert confirmed.verdict() == "confirmed"
    assert "holds here" in confirmed.sentence()
    assert value_by_tenure(five_years(1.5)).verdict() == "contradicted"
    assert value_by_tenure(five_years(8.0)).verdict() == "cannot_tell"
    short = value_by_tenure(five_years(9.0).at("2022-06-30"))
    assert short.verdict() == "cannot_tell"
    assert "the 4th year is the oldest with customers enough" in short.sentence()


def test_survivors_look_better_than_all_who_were_won():
    result = value_by_tenure(five_years(2.0, 80, 0.5))
    assert result.ratio()[0] == pytest.approx(2.0)
    assert result.ratio("won")[0] == pytest.approx(1.0)
    assert "only 50 of 100 customers won still buy" in result.sentence()
    assert result.finding().startswith(
        "In its 5th year a customer who still buys brings 2.0 times a first-year customer; "
        "a customer won, 1.0 times"
    )


def test_the_range_of_a_mean_and_of_a_ratio_by_hand():
    result = value_by_tenure(five_years(2.0))
    row = result.to_frame().iloc[0]
    # Thirty bring 12 and thirty 8: mean 10, standard error 2 / sqrt(59).
    half = 1.959964 * 2 / np.sqrt(59)
    assert row["revenue_per_survivor"] == 10.0
    assert row["revenue_per_survivor_low"] == pytest.approx(10 - half, abs=0.006)
    _, low, high = result.ratio()
    relative = 1.959964 * np.sqrt(2) * 0.2 / np.sqrt(59)
    assert (low, high) == pytest.approx((2 * np.exp(-relative), 2 * np.exp(relative)), rel=1e-6)


def test_chained_shares_agree_with_customers_followed_from_their_first_day():
    rng = np.random.default_rng(5)
    rows, people = [], {}
    for i in range(1500):
        start = pd.Timestamp("2018-01-01") + pd.Timedelta(days=int(rng.integers(0, 2500)))
        people[f"c{i}"] = start
        for year in range(8):
            rows.append((f"c{i}", start + pd.Timedelta(days=366 * year), 10.0 + 5 * year))
            if rng.random() < 0.3:
                break
    rows = [row for row in rows if row[1] <= pd.Timestamp("2024-12-31")]
    # The last three years alone follow nobody beyond a second year.
    recent = [row for row in rows if row[1] >= pd.Timestamp("2022-01-01")]
    known = acquired(**people)
    whole, short = (
        value_by_tenure(base_of(*some, customers=known, as_of="2024-12-31"), years=4)
        for some in (rows, recent)
    )
    assert whole.to_frame()["followed"].tolist() == [True] * 4
    assert short.to_frame()["followed"].tolist() == [True, True, False, False]
    assert "from the 3rd year on chained" in str(short.assumptions["tenure_won"])
    for result in (whole, short):
        table = result.to_frame()
        truth = 0.7 ** np.arange(4)
        assert table["left_of_won"].tolist() == pytest.approx(truth.tolist(), abs=0.06)
        wanted = truth * (10.0 + 5 * np.arange(4))
        assert (table["revenue_per_won_low"] - 0.01 <= wanted).all()
        assert (table["revenue_per_won_high"] + 0.01 >= wanted).all()


@pytest.mark.parametrize(("seed", "growth"), [(1, 0.25), (2, 0.0)])
def test_the_growth_of_the_same_customers_is_that_of_the_simulation(seed, growth):
    base, _ = rl.simulate_base(
        1000,
        seed=seed,
        tenure_growth=growth,
        inflation=0.0,
        size_baskets=(30.0,) * 4,  # so large that the one piece every line has does not matter
        language="en",
    )
    whole = value_by_tenure(base)
    result = whole.same_customers()
    pairs = whole.counted.pairs.query("tenure_year > 2")
    year, before = pairs["tenure_year"], pairs["before"]
    # In the middle of its k-th year a customer has a tenure of k - 0.5 years.
    truth = (1 + growth * (year - 0.5)) / (1 + growth * (year - 1.5)) - 1
    _, low, high = result.pooled
    assert low < (before * truth).sum() / before.sum() < high
    assert (low > 0) == (growth > 0)
    assert high - low < 0.2
    assert ("neither grow nor shrink" in result.sentence()) == (growth == 0)


def test_the_same_customers_by_hand():
    # Forty buy 10, 20 and 30 in three years and once more; others leave and count for nothing.
    rows, people = [], {}
    for i in range(40):
        start = pd.Timestamp("2020-01-01") + pd.Timedelta(days=i)
        people[f"c{i}"] = start
        for year, amount in enumerate((10.0, 20.0, 30.0, 1.0)):
            rows.append((f"c{i}", start + pd.Timedelta(days=366 * year), amount))
        rows.append((f"gone{i}", start, 500.0))
        rows.append((f"gone{i}", start + pd.Timedelta(days=366), 1.0))
        people[f"gone{i}"] = start
    base = base_of(*rows, customers=acquired(**people), as_of="2023-12-31")
    growth = value_by_tenure(base).same_customers()
    assert growth.to_frame()[["tenure_year", "customers"]].values.tolist() == [[2, 40], [3, 40]]
    assert growth.to_frame()["growth"].tolist() == [1.0, 0.5]
    assert "bring 50.0 % more each year" in growth.sentence()


def test_what_happens_after_as_of_changes_nothing():
    base = five_years(9.0)
    past = value_by_tenure(base.at("2021-06-30")).to_frame()
    table = base.to_pandas().assign(date=lambda f: pd.to_datetime(f["date"]))
    cut = table[table["date"] <= "2021-06-30"]
    known = CustomerBase.from_tables(cut, customers=base.to_pandas("customers"), as_of="2021-06-30")
    pd.testing.assert_frame_equal(past, value_by_tenure(known).to_frame())


def test_both_engines_give_the_same_figures():
    base = sample()
    tables = {name: base.to_pandas(name) for name in ("transactions", "customers")}
    tables = {name: pl.from_pandas(table) for name, table in tables.items()}
    polars = CustomerBase.from_tables(**tables, as_of=base.as_of)
    one, other = value_by_tenure(base), value_by_tenure(polars)
    pd.testing.assert_frame_equal(one.to_frame(), other.to_frame())
    pd.testing.assert_frame_equal(
        one.same_customers().to_frame(), other.same_customers().to_frame()
    )


def test_a_stray_date_of_1900_makes_nobody_a_hundred_years_old():
    rows = [(f"c{i}", "2022-03-10", 10.0) for i in range(150)] + [("c1", "1900-01-01", 4.0)]
    people = acquired(**{f"c{i}": "2022-03-10" for i in range(150)})
    result = value_by_tenure(base_of(*rows, customers=people, as_of="2024-12-31"))
    assert result.to_frame()["customers"].tolist() == [150]


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize(
    "rows",
    [
        [("a", "2024-01-05", 3.0)],
        [("a", "2022-01-05", 3.0), ("a", "2024-01-05", 3.0)],
        [("a", "2024-01-05", -3.0)],
        [("a", "2022-01-31", 3.0), ("b", "2024-01-31", -1.0)],
    ],
)
def test_a_tiny_file_is_said_in_words(rows, language):
    result = value_by_tenure(base_of(*rows, language=language))
    assert result.sentence().endswith(".")
    assert result.same_customers().sentence().endswith(".")
    assert result.verdict() == "cannot_tell"


def test_a_short_history_says_what_is_missing():
    rows = [(f"c{i}", f"2024-{1 + i % 6:02}-10", 5.0) for i in range(60)]
    said = value_by_tenure(base_of(*rows)).sentence()
    assert "cannot be told" in said
    assert "a longer history, or an acquired_on for each customer" in said


def test_only_as_many_years_as_asked_for():
    base = sample()
    assert value_by_tenure(base, years=3).to_frame()["tenure_year"].tolist() == [1, 2, 3]
    for wrong in (0, 51, 2.5, True, "five", None):
        with pytest.raises(InputError, match="years is the last year of tenure"):
            value_by_tenure(base, years=wrong)
    with pytest.raises(InputError, match="CustomerBase"):
        value_by_tenure(lines(*HAND))


@pytest.mark.parametrize("of", ["nonsense", pd.NA])
def test_a_ratio_of_something_else_is_refused(of):
    with pytest.raises(ChoiceError, match="survivor"):
        value_by_tenure(base_of(*HAND)).ratio(of)


@pytest.mark.parametrize("language", ["en", "fr"])
def test_where_all_stay_alike_there_is_no_only_and_no_range(language):
    days = [f"{year}-03-0{day}" for year in range(2019, 2026) for day in (1, 2)]
    rows = [(f"c{n}", day, 10.0) for n in range(40) for day in days]
    first = [("old", "2018-01-01", 1.0), ("old", "2018-01-02", 1.0)]
    said = value_by_tenure(base_of(*first, *rows, language=language)).sentence()
    for word in ("only", "seulement", "(between", "(entre"):
        assert word not in said
    assert "100" in said
