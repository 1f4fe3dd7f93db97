"""The leaky tank: the ledger closes, nobody is lost from sight, the past stays what it was."""

from collections import Counter, defaultdict
from dataclasses import replace
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from retention_lib.base import engine
from retention_lib.base.customer_base import CustomerBase
from retention_lib.base.simulate import simulate_base
from retention_lib.errors import ChoiceError, InputError
from retention_lib.portfolio._flows_periods import Span
from retention_lib.portfolio._flows_tank import HALF_IN_FIVE
from retention_lib.portfolio._flows_trend import annual_rate, difference_interval, judge
from retention_lib.portfolio.activity import standing
from retention_lib.portfolio.flows import REVENUES, FlowsResult, measure_flows

CDNOW = Path(__file__).parents[2] / "data/sample/cdnow/transactions.parquet"
COUNTS = ["opening", "new", "won_back", "lost", "closing", "passed_through"]
FLOW_COLUMNS = ["period", *COUNTS, *REVENUES, "passed_through_revenue"]


def plain(text):
    return text.replace("\u202f", " ").replace("\xa0", " ")


def table_of(rows, *columns):
    frame = pd.DataFrame(rows, columns=list(columns))
    for column in frame:
        if column in ("date", "closed_on", "acquired_on"):
            frame[column] = pd.to_datetime(frame[column])
    return frame


def base_of(rows, *, customers=None, **options):
    lines = table_of(rows, "customer_id", "date", "amount")
    return CustomerBase.from_tables(
        lines, customers=customers, **{"currency": "EUR", "activity_window_days": 90, **options}
    )


def customers_of(*rows):
    return table_of(rows, "customer_id", "acquired_on", "closed_on", "is_contract")


def only(result):
    assert len(result.table) == 1
    return result.table.iloc[0]


def cents(value):
    return int(Decimal(str(value)).scaleb(2).quantize(Decimal(1), ROUND_HALF_UP))


# A window of 90 days seen from 30 June 2024. The first quarter is not observed: its opening would
# need purchases of October on. At the opening of the second, 31 March, the window begins on
# 2 January.
SECOND_QUARTER = (
    ("old", "2024-01-01", 7.0),  # the first day of the table; no longer active on 31 March
    ("stays", "2024-02-01", 10.0),
    ("stays", "2024-05-01", 25.0),  # grows from 10 to 25
    ("less", "2024-03-01", 40.0),
    ("less", "2024-05-02", 30.0),
    ("less", "2024-05-03", -5.0),  # shrinks from 40 to 25
    ("lost", "2024-01-02", 12.5),  # the last day of the window of 31 March
    ("back", "2024-01-01", 3.0),
    ("back", "2024-06-30", 8.0),
    ("new", "2024-04-01", 1.0),
    ("new", "2024-04-02", 6.0),
)


def test_one_quarter_by_hand():
    row = only(measure_flows(base_of(SECOND_QUARTER), period="quarter"))
    assert row["period"] == "2024-Q2"
    assert row[COUNTS].tolist() == [3, 1, 1, 1, 4, 0]
    # opening 10 + 40 + 12.5; 1 April has left the window of 30 June, so the new one brings 6
    assert row[list(REVENUES)].tolist() == [62.5, 6.0, 8.0, 15.0, 15.0, 12.5, 64.0]
    assert (row["period_start"], row["period_end"]) == (date(2024, 4, 1), date(2024, 6, 30))
    assert row["attrition"] == pytest.approx(1 / 3)
    assert row["retention"] == pytest.approx(2 / 3)
    assert row["net_growth"] == pytest.approx(1 / 3)
    assert row["annual_attrition"] == pytest.approx(1 - (2 / 3) ** 4)


@pytest.mark.parametrize("period", ["year", "quarter", "month"])
def test_duckdb_and_polars_keep_the_same_ledger(period):
    base, _ = simulate_base(200, seed=5, contracts_share=0.3, years=2.5)
    tables = {name: base.to_pandas(name) for name in ("transactions", "customers")}
    there = {name: pl.from_pandas(frame) for name, frame in tables.items()}
    kept = [
        measure_flows(CustomerBase.from_tables(**made, as_of=base.as_of), period=period).table
        for made in (tables, there)
    ]
    assert len(kept[0])
    pd.testing.assert_frame_equal(*kept, check_exact=True)


# --- what counts as active ------------------------------------------------------------------------


def test_a_purchase_counts_on_the_last_day_of_its_window_and_not_the_day_after():
    rows = [("a", "2024-01-01", 1.0), ("b", "2024-01-02", 1.0), ("c", "2024-06-30", 1.0)]
    row = only(measure_flows(base_of(rows), period="quarter"))
    assert row["opening"] == 1  # b: 2 January to 31 March are 90 days


def test_a_refund_only_day_keeps_nobody_active_but_lowers_revenue():
    rows = [
        ("a", "2024-01-01", 1.0),
        ("b", "2024-03-01", 50.0),
        ("b", "2024-05-15", -20.0),
        ("b", "2024-05-20", 30.0),
        ("c", "2024-03-01", 9.0),
        ("c", "2024-06-01", -9.0),
        ("d", "2024-06-30", 2.0),
    ]
    row = only(measure_flows(base_of(rows), period="quarter"))
    assert row[COUNTS].tolist() == [2, 1, 0, 1, 2, 0]
    assert row["shrunk_revenue"] == 40.0  # b from 50 to 10
    assert row["lost_revenue"] == 9.0


def test_a_closed_account_is_lost_on_its_day_and_purchases_afterwards_do_not_reopen_it():
    customers = customers_of(("a", None, "2024-06-30", None), ("b", None, "2024-05-01", None))
    rows = [
        ("z", "2024-01-01", 1.0),
        ("a", "2024-03-01", 10.0),
        ("a", "2024-06-29", 10.0),
        ("b", "2024-03-02", 5.0),
        ("b", "2024-05-01", 5.0),
        ("b", "2024-06-01", 5.0),
        ("b", "2024-06-02", 5.0),
        ("c", "2024-06-30", 3.0),
    ]
    flows = measure_flows(base_of(rows, customers=customers), period="quarter")
    assert only(flows)[COUNTS].tolist() == [2, 1, 0, 2, 1, 0]
    assert flows.assumptions["after_closing"] == (
        "2 purchases of 1 customer after the account was closed do not open it again"
    )


def test_a_contract_is_active_from_its_first_purchase_until_it_is_closed():
    customers = customers_of(
        ("a", None, None, True), ("b", None, "2024-05-01", True), ("never", None, None, True)
    )
    rows = [
        ("a", "2023-06-01", 10.0),  # nothing for a year, and still there
        ("b", "2023-06-02", 5.0),
        ("c", "2023-06-03", 5.0),  # no contract: gone by March
        ("c", "2024-06-30", 3.0),
    ]
    flows = measure_flows(base_of(rows, customers=customers), period="quarter")
    row = flows.table.set_index("period").loc["2024-Q2"]
    assert row[COUNTS].tolist() == [2, 0, 1, 1, 2, 0]
    assert row["opening_revenue"] == 0  # nothing in the 90 days before


def test_a_customer_who_comes_and_goes_inside_a_period_is_counted_apart():
    rows = [
        ("z", "2023-01-01", 1.0),
        ("s", "2023-12-01", 1.0),
        ("p", "2024-03-01", 20.0),
        ("p", "2024-03-05", -4.0),
        ("s", "2024-12-31", 1.0),
    ]
    row = only(measure_flows(base_of(rows)))
    assert row[COUNTS].tolist() == [1, 0, 0, 0, 1, 1]
    assert row["passed_through_revenue"] == 16.0


def test_a_customer_closed_before_buying_at_all_passes_through():
    customers = customers_of(("p", None, "2024-04-10", None))
    rows = [("z", "2024-01-01", 1.0), ("s", "2024-03-30", 1.0), ("p", "2024-05-01", 2.0)]
    rows += [("s", "2024-06-30", 1.0)]
    row = only(measure_flows(base_of(rows, customers=customers), period="quarter"))
    assert (row["new"], row["passed_through"]) == (0, 1)


def test_who_was_acquired_before_the_table_begins_comes_back_and_is_not_new():
    customers = customers_of(("old", "2019-05-01", None, None), ("first", "2024-01-01", None, None))
    rows = [("z", "2024-01-01", 1.0), ("old", "2024-05-01", 2.0), ("first", "2024-05-01", 3.0)]
    rows += [("z", "2024-06-30", 1.0)]
    flows = measure_flows(base_of(rows, customers=customers), period="quarter")
    assert only(flows)[["new", "won_back"]].tolist() == [1, 2]  # z and old
    assert "1 customer acquired before the table begins counts as won back" in str(
        flows.assumptions["reappeared"]
    )


def test_a_customer_listed_twice_counts_once_with_the_earliest_end():
    customers = customers_of(
        ("a", None, "2024-05-01", None), ("a", None, "2024-06-01", None), ("a", None, None, None)
    )
    rows = [("z", "2024-01-01", 1.0), ("a", "2024-03-01", 10.0), ("z", "2024-06-30", 1.0)]
    row = only(measure_flows(base_of(rows, customers=customers), period="quarter"))
    assert row[COUNTS].tolist() == [1, 0, 1, 1, 1, 0]


# --- which periods are shown ----------------------------------------------------------------------


def test_a_period_is_shown_only_when_over_and_when_its_opening_is_fully_observed():
    rows = [("a", "2024-01-01", 1.0), ("a", "2024-12-30", 1.0)]
    told = measure_flows(base_of(rows), period="quarter").table["period"]
    assert told.tolist() == ["2024-Q2", "2024-Q3"]  # the fourth lacks its last day
    later = base_of([*rows, ("a", "2024-12-31", 1.0)])
    assert measure_flows(later, period="quarter").table["period"].tolist()[-1] == "2024-Q4"
    # With one day more in the window the opening of 31 March is not fully observed.
    wider = measure_flows(later.with_window(92), period="quarter").table["period"]
    assert wider.tolist() == ["2024-Q3", "2024-Q4"]


@pytest.mark.parametrize(("first", "shown"), [("2023-01-04", ["2024"]), ("2023-01-05", [])])
def test_a_table_that_starts_after_the_new_years_holiday_still_shows_its_year(first, shown):
    base = base_of([("a", first, 1.0), ("a", "2024-12-31", 1.0)], activity_window_days=365)
    assert measure_flows(base).table["period"].tolist() == shown


def test_months_are_those_of_the_calendar_leap_day_included():
    rows = [("a", "2023-01-01", 1.0), ("b", "2024-02-29", 1.0), ("a", "2024-03-31", 1.0)]
    table = measure_flows(base_of(rows, activity_window_days=30), period="month").table
    assert table["period"].tolist()[:1] + table["period"].tolist()[-2:] == [
        *("2023-02", "2024-02", "2024-03")
    ]
    assert table.set_index("period").loc["2024-02", "new"] == 1
    assert table["period_end"].iloc[-2] == date(2024, 2, 29)


def test_where_no_period_is_complete_the_sentence_says_what_is_there_and_what_to_try():
    rows = [("a", "2024-01-01", 1.0), ("a", "2024-07-15", 1.0)]
    empty = measure_flows(base_of(rows))
    assert empty.table.empty
    assert list(empty.table.columns) == list(measure_flows(base_of(SECOND_QUARTER)).table.columns)
    assert empty.sentence() == (
        "No calendar year can be shown in full yet: the transactions run from 1 January 2024 to "
        "15 July 2024, and with a window of 90 days the first that can be told, 2025, ends on "
        '31 December 2025. Try measure_flows(base, period="quarter"), or let '
        "rl.measure_window(base) propose a window."
    )
    assert "propose a shorter window" in measure_flows(base_of(rows[:1])).sentence()
    for further in (empty.trend(), empty.year_before(), empty.tank()):
        assert further.table.empty
        assert further.sentence() == empty.sentence()
    assert empty.half_sentence() == empty.sentence()
    assert empty.in_money().sentence().startswith("There is no complete period")


@pytest.mark.parametrize(
    "rows",
    [
        [("a", "2024-01-01", 1.0)],
        [("a", "2023-01-01", -1.0), ("b", "2024-12-31", -2.0)],
        [("a", "2023-01-01", 1.0), ("b", "2024-12-31", -2.0)],
        [("a", "2023-01-01", -3.0), ("b", "2024-12-31", 1e17)],
    ],
)
@pytest.mark.parametrize("period", ["year", "month"])
def test_small_and_odd_bases_give_sentences_and_no_error(rows, period):
    flows = measure_flows(base_of(rows), period=period, trade_attrition=0.1)
    told = [flows, flows.in_money(), flows.trend(), flows.year_before(), flows.tank()]
    assert all(len(result.sentence()) > 20 for result in told)
    assert "nan" not in " ".join(result.sentence() for result in told)
    assert all("<table" in r._repr_html_() or r.table.empty for r in told)


def test_a_window_longer_than_the_calendar_is_no_error():
    base = base_of(SECOND_QUARTER).with_window(10**9)
    assert measure_flows(base, period="month").table.empty


# --- properties -----------------------------------------------------------------------------------


def active_by_standing(base, day):
    """Customers active on a day and their cents, as the common ground of the room counts them."""
    seen = engine.collect(standing(base.at(engine.day_of(day))))
    held = seen[seen["active"]]
    return {row.customer_id: cents(round(row.revenue, 4)) for row in held.itertuples()}


def by_hand(base, period):
    """The ledger the long way round: everybody at every boundary, one by one."""
    span = Span(
        period,
        min(engine.day_number(day.date()) for day in base.to_pandas("transactions")["date"]),
        base.as_of_day,
        base.activity_window_days,
    )
    bought = engine.collect(base.purchases())
    first = bought.groupby("customer_id")["day"].min().to_dict() if len(bought) else {}
    acquired = {}
    if base.has("customers", "acquired_on"):
        listed = base.to_pandas("customers").dropna(subset=["acquired_on"])
        for row in listed.itertuples():
            day = engine.day_number(row.acquired_on.date())
            acquired[row.customer_id] = min(day, acquired.get(row.customer_id, day))
    days = engine.collect(base.customer_days())
    told = []
    ends = span.boundaries if span.count else []
    states = [active_by_standing(base, day) for day in ends]
    for (start, end), (was, now) in zip(pairwise(ends), pairwise(states), strict=True):
        row = Counter(opening=len(was), closing=len(now))
        row["opening_cents"], row["closing_cents"] = sum(was.values()), sum(now.values())
        for who in set(was) | set(now) | set(first):
            comes_first = start < first[who] <= end
            seen_before = acquired.get(who, span.seen_from) < span.seen_from
            if who in was and who in now:
                change = now[who] - was[who]
                row["grown_cents" if change > 0 else "shrunk_cents"] += abs(change)
            elif who in was:
                row["lost"] += 1
                row["lost_cents"] += was[who]
            elif who in now:
                kind = "new" if comes_first and not seen_before else "won_back"
                row[kind] += 1
                row[f"{kind}_cents"] += now[who]
            elif comes_first:
                row["passed_through"] += 1
                inside = days[(days["customer_id"] == who) & days["day"].between(start + 1, end)]
                row["passed_through_cents"] += cents(round(inside["net"].sum(), 4))
        told.append(row)
    return told


def check_ledger(base, period):
    """The ledger closes and says what counting one by one says; gives back how many periods."""
    table = measure_flows(base, period=period).table
    amounts = {name: [cents(v) for v in table[name]] for name in REVENUES}
    for place, wanted in enumerate(by_hand(base, period)):
        row = table.iloc[place]
        assert {name: row[name] for name in COUNTS} == {name: wanted[name] for name in COUNTS}
        for name in REVENUES:
            assert amounts[name][place] == wanted[name.replace("_revenue", "_cents")], name
        assert cents(row["passed_through_revenue"]) == wanted["passed_through_cents"]
        assert row["opening"] + row["new"] + row["won_back"] - row["lost"] == row["closing"]
    money = {name: np.array(values, dtype=np.int64) for name, values in amounts.items()}
    came = money["new_revenue"] + money["won_back_revenue"] + money["grown_revenue"]
    gone = money["shrunk_revenue"] + money["lost_revenue"]
    assert (money["opening_revenue"] + came - gone == money["closing_revenue"]).all()
    assert (money["closing_revenue"][:-1] == money["opening_revenue"][1:]).all()
    assert (table["closing"].to_numpy()[:-1] == table["opening"].to_numpy()[1:]).all()
    assert ((table["attrition"] + table["retention"]).dropna() == 1).all()
    return table


FIRST_DAY = date(2023, 1, 1)


@st.composite
def histories(draw):
    """Few customers, many kinds: refunds, fractions of cents, gaps, closures, contracts, copies."""
    names = "abcdef"
    day = st.integers(0, 560).map(lambda n: FIRST_DAY + timedelta(days=n))
    amount = st.one_of(
        st.integers(-9_999, 20_000).map(lambda n: n / 100),
        st.integers(-99, 99).map(lambda n: n / 10_000),
        st.just(0.0),
    )
    lines = draw(st.lists(st.tuples(st.sampled_from(names), day, amount), min_size=1, max_size=40))
    listed = st.tuples(
        st.sampled_from(names),
        st.none() | day | st.just(date(2020, 1, 1)),
        st.none() | day,
        st.none() | st.booleans(),
    )
    customers = draw(st.none() | st.lists(listed, min_size=1, max_size=8))
    return lines, customers


def history_base(history, window, **options):
    lines, customers = history
    frame = None
    if customers is not None:
        frame = customers_of(*customers)
        frame["is_contract"] = frame["is_contract"].astype("boolean")
    return base_of(lines, customers=frame, activity_window_days=window, **options)


@settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck))
@given(histories(), st.sampled_from([1, 30, 45, 90, 365]), st.sampled_from(["quarter", "month"]))
def test_the_ledger_closes_and_agrees_with_counting_one_by_one(history, window, period):
    check_ledger(history_base(history, window), period)


@settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    histories(),
    st.sampled_from([30, 90]),
    st.sampled_from(["quarter", "month"]),
    st.integers(60, 500),
)
def test_rows_that_come_later_change_no_earlier_period(history, window, period, cut):
    base = history_base(history, window, as_of=FIRST_DAY + timedelta(days=700))
    first = min(day for _, day, _ in history[0])
    seen_from = max(first, FIRST_DAY + timedelta(days=cut))
    before = measure_flows(base.at(seen_from), period=period).table
    after = measure_flows(base, period=period).table.head(len(before))
    pd.testing.assert_frame_equal(before, after)


@settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck))
@given(histories(), st.sampled_from([20, 90]), st.sampled_from(["quarter", "month"]))
def test_every_first_purchase_is_in_one_flow_of_one_period(history, window, period):
    base = history_base(history, window)
    table = measure_flows(base, period=period).table
    bought = engine.collect(base.purchases())
    first = bought.groupby("customer_id")["day"].min()
    known = defaultdict(int)
    if base.has("customers", "acquired_on"):
        start = engine.day_number(base.to_pandas("transactions")["date"].min().date())
        listed = engine.collect(base.visible("customers").select("customer_id", "acquired_on_day"))
        known |= {who: 1 for who, day in listed.to_numpy() if day == day and day < start}
    for row in table.itertuples():
        low, high = (engine.day_number(d) for d in (row.period_start, row.period_end))
        came = [who for who, day in first.items() if low <= day <= high]
        fresh = sum(not known[who] for who in came)
        assert row.new <= fresh
        assert row.new + row.passed_through >= fresh
        assert row.new + row.passed_through <= len(came)


@pytest.mark.parametrize(
    ("seed", "options", "period", "window"),
    [
        (1, {}, "year", 365),
        (2, {"contracts_share": 0.4}, "quarter", 100),
        (3, {"kind": "b2c"}, "year", 180),
        (4, {"contracts_share": 1.0, "years": 2.2}, "year", 365),
        (5, {"signal": False, "end": date(2024, 11, 13)}, "quarter", 365),
    ],
)
def test_the_ledger_of_simulated_bases_closes_and_agrees_with_who_is_active(
    seed, options, period, window
):
    base, _ = simulate_base(100, seed=seed, **options)
    assert len(check_ledger(base.with_window(window), period))


@pytest.mark.filterwarnings("ignore")
def test_the_ledger_of_a_dirty_base_closes():
    base, _ = simulate_base(100, seed=8, dirt=True, years=2)
    lines, customers = (base.to_pandas(name) for name in ("transactions", "customers"))
    dirty = CustomerBase.from_tables(lines, customers=customers, as_of=base.as_of)
    assert len(check_ledger(dirty.with_window(300), "quarter"))


def test_contracts_that_ended_in_a_year_are_its_losses_and_nobody_else():
    base, _ = simulate_base(200, seed=11, contracts_share=1.0)
    row = measure_flows(base).table.set_index("period").loc["2025"]
    customers = base.to_pandas("customers").set_index("customer_id")
    first = base.to_pandas("transactions").groupby("customer_id")["date"].min()
    ended = customers.loc[customers["closed_on"].dt.year == 2025].index.intersection(first.index)
    before = first[ended].dt.year < 2025
    assert before.sum() > 10
    assert (row["lost"], row["passed_through"]) == (before.sum(), (~before).sum())
    assert row["won_back"] == 0


# --- CDNOW ----------------------------------------------------------------------------------------


@cache
def cdnow():
    return CustomerBase.from_tables(CDNOW, currency="USD")


def test_cdnow_by_a_count_in_pandas():
    lines = cdnow().to_pandas("transactions")
    lines["date"] = pd.to_datetime(lines["date"])
    days = lines.groupby(["customer_id", "date"], as_index=False)["amount"].sum()

    def stock(day):
        end = pd.Timestamp(day)
        inside = days[(days["date"] > end - pd.Timedelta(days=365)) & (days["date"] <= end)]
        who = inside[inside["amount"] > 0]["customer_id"].unique()
        spent = inside[inside["customer_id"].isin(who)]["amount"].sum()
        return set(who), round(spent, 2)

    (was, had), (now, has) = stock("1998-03-31"), stock("1998-06-30")
    row = measure_flows(cdnow(), period="quarter").table.set_index("period").loc["1998-Q2"]
    assert (row["opening"], row["closing"]) == (len(was), len(now)) == (934, 812)
    assert (row["lost"], row["won_back"], row["new"]) == (len(was - now), len(now - was), 0)
    assert (row["opening_revenue"], row["closing_revenue"]) == (had, has)


# --- arguments ------------------------------------------------------------------------------------


@pytest.mark.parametrize("bad", ["week", "Year", None, 12, True])
def test_an_unknown_period_is_refused_with_the_list(bad):
    with pytest.raises(ChoiceError, match="period must be one of"):
        measure_flows(base_of(SECOND_QUARTER), period=bad)


@pytest.mark.parametrize("bad", [12, -0.1, "0.12", True, float("nan")])
def test_a_rate_of_the_trade_that_is_no_share_is_refused_with_an_example(bad):
    with pytest.raises(InputError, match=r"such as 0\.12 for 12 %"):
        measure_flows(base_of(SECOND_QUARTER), trade_attrition=bad)


@pytest.mark.parametrize("bad", [0, 21, 3.0, "3", True, None])
def test_years_ahead_are_a_whole_number(bad):
    flows = measure_flows(base_of(SECOND_QUARTER), period="quarter")
    with pytest.raises(InputError, match="whole number from 1 to 20"):
        flows.tank(years=bad)


def test_something_else_than_a_base_is_refused():
    with pytest.raises(InputError, match="Pass a CustomerBase"):
        measure_flows(pd.DataFrame())


# --- what is said ---------------------------------------------------------------------------------


def shop(lost=12, kept=60, new=20, language="en", **options):
    """One complete year, 2024, with a window of a year: as many lost, kept and new as asked."""
    rows = [("first", "2023-01-01", 5.0)]
    rows += [(f"l{i}", "2023-05-05", 10.0) for i in range(lost)]
    rows += [(f"k{i}", "2023-05-05", 10.0) for i in range(kept)]
    rows += [(f"k{i}", "2024-05-05", 10.0) for i in range(kept)]
    rows += [(f"n{i}", "2024-06-05", 20.0) for i in range(new)]
    rows += [("first", "2024-01-01", 5.0), ("first", "2024-12-31", 5.0)]
    return measure_flows(base_of(rows, activity_window_days=365, language=language), **options)


def test_the_sentence_says_how_many_of_how_many_with_a_range_and_what_they_had_bought():
    assert shop().sentence() == (
        "In 2024, 12 of 73 customers were lost, 16.4 % (between 9.7 % and 26.6 %, 95 % sure); "
        "they had bought for €120 in the 365 days before; 20 new customers and 0 won back came "
        "in, so the base grew by 11.0 %."
    )


def test_the_sentence_speaks_french():
    assert plain(shop(language="fr").sentence()) == (
        "En 2024, 12 clients sur 73 ont été perdus, soit 16,4 % (entre 9,7 % et 26,6 %, à 95 % de "
        "certitude) ; ils avaient acheté pour 120 € dans les 365 jours précédents ; 20 nouveaux "
        "clients sont arrivés et 0 a été reconquis, la base a donc grandi de 11,0 %."
    )


def test_few_customers_are_told_in_counts_and_called_a_sketch():
    said = measure_flows(base_of(SECOND_QUARTER), period="quarter").sentence()
    assert said.startswith("With only 3 customers at the start this is a sketch, not a finding:")
    assert "%" not in said


def test_nobody_lost_is_said_with_what_chance_could_hide():
    said = shop(lost=0).sentence()
    assert "none of 61 customers was lost (chance alone could hide up to 5.9 %)" in said


def test_shorter_periods_are_annualised_in_the_sentence():
    rows = [(f"c{i:02}", "2024-01-02", 1.0) for i in range(50)] + [("z", "2024-01-01", 1.0)]
    rows += [(f"c{i:02}", "2024-06-30", 1.0) for i in range(40)]
    flows = measure_flows(base_of(rows), period="quarter")
    assert "20.0 % (between 11.2 % and 33.0 %, 95 % sure), which makes 59.0 % a year" in (
        flows.sentence()
    )
    assert only(flows)["annual_attrition"] == pytest.approx(1 - 0.8**4)


def test_money_is_said_to_the_cent():
    assert shop().in_money().sentence() == (
        "2024 closes to the cent: €725.00 + €400.00 new + €0.00 won back + €0.00 grown − €0.00 "
        "shrunk − €120.00 lost = €1,005.00."
    )


def test_losing_half_in_five_years_is_129_a_year():
    assert pytest.approx(0.1294, abs=5e-5) == HALF_IN_FIVE
    assert float((1 - HALF_IN_FIVE) ** 5) == pytest.approx(0.5)
    said = shop().half_sentence()
    assert said.startswith("Losing half in five years is 12.9 % a year, not 10 %; at the 16.4 %")
    assert f"{np.log(0.5) / np.log(61 / 73):.1f} years" in said
    assert "cannot be told" in shop(lost=0).half_sentence()


def test_a_monthly_one_per_cent_is_114_a_year_and_not_12():
    assert float(annual_rate(np.array([0.01]), 1)[0]) == pytest.approx(0.1136, abs=5e-5)
    assert float(annual_rate(np.array([0.3]), 12)[0]) == pytest.approx(0.3)


# --- the trend ------------------------------------------------------------------------------------


def test_a_straight_rise_is_told_from_scatter_and_from_chance():
    hundred = np.full(6, 400)
    assert judge(np.array([20, 30, 40, 50, 60, 70]), hundred) == "risen"
    assert judge(np.array([70, 60, 50, 40, 30, 20]), hundred) == "fallen"
    assert judge(np.array([20, 80, 20, 20, 80, 20]), hundred) == "uneven"
    assert judge(np.array([40, 42, 38, 41, 39, 40]), hundred) == "steady"
    assert judge(np.array([1, 2]), np.array([400, 400])) == "too_few"
    assert judge(np.array([9]), np.array([400])) == "one"
    assert judge(np.array([0]), np.array([0])) == "none"


def test_a_single_spike_is_no_direction_and_all_lost_is_steady():
    quarters = np.full(12, 100)
    spike = np.zeros(12, dtype=int)
    spike[9] = 60
    assert judge(spike, quarters) == "uneven"
    spike[11] = 1
    assert judge(spike, quarters) == "uneven"
    assert judge(np.array([40, 30]), np.array([40, 30])) == "steady"


def test_a_stray_line_a_century_before_makes_nobody_new():
    rows = [(f"c{n}", date(2023, 1, 1) + timedelta(days=7 * n), 5.0) for n in range(120)]
    stray = measure_flows(base_of([("x", date(1900, 1, 1), 5.0), *rows]))
    assert stray.to_frame()["period"].tolist() == ["2024"]
    assert stray.to_frame().equals(measure_flows(base_of(rows)).to_frame())


@pytest.mark.parametrize("language", ["en", "fr"])
def test_where_nobody_was_a_customer_it_is_said(language):
    rows = [("a", "2022-01-01", -5.0), ("a", "2023-12-31", -5.0)]
    flows = measure_flows(base_of(rows, language=language))
    said = {"en": "nobody was a customer", "fr": "personne n'était client"}[language]
    for text in (flows.sentence(), flows.finding(), str(flows.careless_sentence())):
        assert said in text


def test_the_share_that_leaks_is_the_ledgers_and_never_more_than_all():
    rows = [(f"c{n}", date(2022, 1, 1) + timedelta(days=3 * n), 5.0) for n in range(360)]
    flows = measure_flows(base_of(rows), period="month")
    tank = flows.tank(years=np.int64(2)).to_frame()
    assert (tank["leak"] > flows.to_frame()["closing"].iloc[-1]).all()
    assert (tank["leak_share"] <= 1).all()


def test_the_trend_test_agrees_with_scipys_chi_square_for_two_periods():
    # With two groups Cochran and Armitage's test is the chi-square test without correction.
    from scipy.stats import chi2_contingency

    for hits in ([30, 45], [30, 52], [30, 49]):
        table = np.array([hits, [200 - hits[0], 200 - hits[1]]])
        chance = chi2_contingency(table, correction=False).pvalue
        verdict = judge(np.array(hits), np.array([200, 200]))
        assert (verdict == "risen") == (chance < 0.05)


def test_chance_alone_is_called_a_movement_about_once_in_ten():
    rng = np.random.default_rng(3)
    verdicts = [judge(rng.binomial(300, 0.15, 8), np.full(8, 300)) for _ in range(600)]
    moved = sum(verdict != "steady" for verdict in verdicts) / 600
    assert 0.05 < moved < 0.13  # two tests of 5 % each


def test_the_trade_is_compared_honestly_and_only_when_given():
    assert "trade" not in shop().trend().sentence()
    assert "trade_attrition" not in shop().trend().table
    for trade, said in ((0.02, "you lose more"), (0.5, "you lose less"), (0.2, "cannot be told")):
        trend = shop(trade_attrition=trade).trend()
        assert said in trend.sentence()
        assert trend.table["trade_attrition"].tolist() == [trade]
    assert "One period does not make a trend" in trend.sentence()


def test_the_same_period_a_year_before_stands_beside_each():
    base, _ = simulate_base(150, seed=2, language="en")
    flows = measure_flows(base, period="quarter")
    compared = flows.year_before().table.set_index("period")
    own = flows.table.set_index("period")
    assert compared.loc["2024-Q1":"2024-Q4", "lost_before"].isna().all()
    for quarter in range(1, 5):
        now, then = f"2025-Q{quarter}", f"2024-Q{quarter}"
        assert compared.loc[now, "lost_before"] == own.loc[then, "lost"]
        assert compared.loc[now, "attrition_before"] == own.loc[then, "attrition"]
        assert compared.loc[now, "net_growth_before"] == own.loc[then, "net_growth"]
    one_year = measure_flows(base.at("2025-03-31"), period="quarter").year_before()
    assert one_year.table["beyond_chance"].notna().sum() == 1
    alone = measure_flows(base.at("2024-12-31")).year_before()
    assert alone.sentence().startswith("No comparison for 2024")


def test_newcombes_published_difference():
    # Newcombe 1998, method 10, example (a): 56/70 against 48/80.
    low, high = difference_interval((56, 70), (48, 80))
    assert (round(low, 4), round(high, 4)) == (0.0524, 0.3339)


# --- the tank -------------------------------------------------------------------------------------


def test_twenty_per_cent_new_and_85_kept_is_five_per_cent_a_year():
    flows = shop(lost=15, kept=84, new=20)  # 100 at the opening, 105 at the closing
    tank = flows.tank()
    assert flows.table["net_growth"].iloc[0] == pytest.approx(0.05)
    level = 105.0
    for row in tank.table.itertuples():
        assert row.leak == pytest.approx(level * 0.15)
        level = level * 0.85 + 20
        assert row.level == pytest.approx(level)
        assert row.inflow == 20
        assert row.level_low < row.level < row.level_high
    assert tank.levels_off == pytest.approx(20 / 0.15)
    assert tank.annual_leak == pytest.approx(0.15)
    assert len(flows.tank(years=7).table) == 7


def test_monthly_steps_come_to_the_years_own_rate():
    base, _ = simulate_base(400, seed=6)
    tank = measure_flows(base, period="month").tank()
    monthly = tank.measured.leak
    assert tank.annual_leak == pytest.approx(1 - (1 - monthly) ** 12)
    level = float(tank.level_now)
    for _ in range(12):
        level = level * (1 - monthly) + tank.measured.inflow
    assert tank.table["level"].iloc[0] == pytest.approx(level)
    assert tank.measured.months == 12


def test_the_range_of_the_tank_holds_what_comes_where_nothing_changes():
    rng, held, trials, seen = np.random.default_rng(4), 0, 200, shop()
    for _ in range(trials):
        lost, new = int(rng.binomial(300, 0.2)), int(rng.poisson(60))
        level = 300 - lost + new
        counted = {"opening": 300, "lost": lost, "new": new, "closing": level}
        row = replace(seen, table=seen.table.assign(**counted)).tank(years=2).table.iloc[-1]
        for _ in range(2):
            level = level - rng.binomial(level, 0.2) + rng.poisson(60)
        held += row["level_low"] <= level <= row["level_high"]
    assert 0.90 * trials <= held < trials  # 95 % in the long run


def test_the_tank_says_where_its_rates_come_from_and_what_to_doubt():
    flows = measure_flows(cdnow(), period="quarter")
    said = flows.tank().sentence()
    assert "The rates come from 6 months only" in said
    assert "No first purchase falls into the periods measured" in said
    full = shop().tank()
    assert "only" not in full.sentence()
    assert "16.4 % leak a year, 20 come in a year" in str(full.assumptions["measured_over"])
    assert flows.tank().table.equals(flows.tank().table)  # seeded


def test_results_show_in_a_notebook_in_both_languages():
    for language in ("en", "fr"):
        flows = shop(language=language)
        results = [flows, flows.in_money(), flows.trend(), flows.year_before(), flows.tank()]
        assert all("<table" in result._repr_html_() for result in results)
        assert isinstance(flows, FlowsResult)
        assert flows.to_frame() is not flows.table


def test_counting_heads_is_said_with_what_it_hides():
    rows = [(f"stays{i}", day, 10.0) for i in range(4) for day in ("2023-06-01", "2024-06-01")]
    rows += [("gone", "2023-06-01", 70.0), ("came", "2024-06-01", 5.0)]
    rows += [("frame", "2022-01-01", 1.0), ("frame", "2023-06-01", 1.0), ("frame", "2024-12-31", 1)]
    flows = measure_flows(base_of(rows, activity_window_days=365))
    said = plain(flows.careless_sentence())
    assert said == (
        "6 then, 6 now: no change. That is all the heads tell. Behind it 1 customer was lost, "
        "who had bought for €70, and 1 had to be won or won back."
    )
    nothing = measure_flows(base_of(rows[:2], activity_window_days=365))
    assert nothing.careless_sentence() == nothing.sentence()
