"""The activity window: what it covers, what it calls lost, and which base to go on with."""

from dataclasses import replace
from datetime import date, timedelta
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from retention_lib.base.customer_base import CustomerBase
from retention_lib.base.simulate import simulate_base
from retention_lib.errors import ChoiceError, InputError
from retention_lib.portfolio._flows_gaps import Gaps
from retention_lib.portfolio.flows import measure_flows
from retention_lib.portfolio.window import CANDIDATES, measure_window

CDNOW = Path(__file__).parents[2] / "data/sample/cdnow/transactions.parquet"


def base_of(rows, *, customers=None, **options):
    frame = pd.DataFrame(rows, columns=["customer_id", "date", "amount"])
    frame["date"] = pd.to_datetime(frame["date"])
    return CustomerBase.from_tables(
        frame, customers=customers, **{"as_of": None, "currency": "EUR", **options}
    )


def every(days, times, customer, start="2022-01-01"):
    first = date.fromisoformat(start)
    return [(customer, first + timedelta(days=days * n), 10.0) for n in range(times)]


def gaps_of(ended, still_open, longest):
    def counted(lengths):
        return np.bincount(lengths, minlength=longest + 1)

    return Gaps(counted(ended), counted(still_open))


@cache
def cdnow():
    return measure_window(CustomerBase.from_tables(CDNOW, currency="USD"))


@cache
def simulated(seed=7, contracts_share=0.0):
    return simulate_base(300, seed=seed, contracts_share=contracts_share, language="en")[0]


# --- gaps -----------------------------------------------------------------------------------------


def test_long_gaps_are_under_observed_and_that_is_mended_by_hand():
    # Ten gaps of 10 days; of the nine that reached 40 days two were still open before 90, so that
    # only seven could be seen to end there, and all did.
    gaps = gaps_of([10] * 10 + [90] * 7, [40, 50], longest=90)
    curve = gaps.covered()
    assert curve[9] == 0
    assert curve[10] == pytest.approx(10 / 19)
    assert curve[89] == pytest.approx(10 / 19)
    assert curve[90] == 1
    naive = 10 / 17  # what counting finished gaps would say
    assert curve[10] < naive


def test_the_curve_is_that_of_kaplan_and_meier():
    # Freireich's remission times under 6-MP, as in Cox and Oakes 1984; S ends at .448.
    ended = [6, 6, 6, 7, 10, 13, 16, 22, 23]
    still_open = [6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35]
    gaps = gaps_of(ended, still_open, longest=35)
    survived = {6: 0.857, 7: 0.807, 10: 0.753, 13: 0.690, 16: 0.627, 22: 0.538}
    for days, share in survived.items():
        assert gaps.covered_by(days) == pytest.approx((1 - share) / (1 - 0.448), abs=2e-3)
    assert gaps.covered_by(23) == 1


def test_gaps_beyond_what_enough_customers_have_reached_are_not_told():
    gaps = gaps_of([5] * 40 + [100], [20] * 30, longest=100)
    assert gaps.horizon == 20
    assert gaps.covered_by(50) == 1
    assert gaps.covered_by(4) == 0


def test_a_silence_counts_as_lost_once_it_has_outlasted_the_window():
    gaps = gaps_of([5, 30, 31, 200], [29, 30, 31], longest=200)
    assert gaps.called_lost(30) == (4, 2)  # 31 and 200 ended; 30 and 31 are still open
    assert gaps.called_lost(500) == (0, 0)


def test_gaps_are_counted_between_purchase_days_and_refunds_do_not_end_them():
    rows = [("a", "2024-01-01", 10.0), ("a", "2024-01-05", -3.0), ("a", "2024-01-11", 5.0)]
    rows += [("a", "2024-01-11", 5.0), ("b", "2024-01-06", 5.0), ("b", "2024-01-21", -1.0)]
    gaps = measure_window(base_of(rows)).gaps
    assert np.flatnonzero(gaps.ended).tolist() == [10]
    assert np.flatnonzero(gaps.still_open).tolist() == [10, 15]
    assert gaps.count == 1


def test_customers_with_a_contract_have_no_say_in_the_gaps():
    customers = pd.DataFrame({"customer_id": ["a", "b"], "is_contract": [True, False]})
    rows = every(30, 12, "a") + every(100, 4, "b")
    window = measure_window(base_of(rows, customers=customers))
    assert np.flatnonzero(window.gaps.ended).tolist() == [100]
    assert "when the account is closed" in str(window.assumptions["contracts"])


# --- what is proposed -----------------------------------------------------------------------------


def test_the_shortest_window_that_covers_enough_is_proposed():
    rows = every(28, 40, "a") + every(100, 11, "b") + every(28, 40, "c")
    window = measure_window(base_of(rows))
    assert window.table["window_days"].tolist() == [days for days in CANDIDATES if days <= 40 * 28]
    by_window = window.table.set_index("window_days")["covered"]
    assert by_window[30] == pytest.approx(78 / 88, abs=0.02)
    assert window.proposed_days == 120
    assert measure_window(base_of(rows), coverage=0.8).proposed_days == 30


def test_windows_longer_than_the_history_are_left_out_but_for_the_bases_own():
    window = measure_window(base_of(every(20, 8, "a"), activity_window_days=400))
    assert window.table["window_days"].tolist() == [30, 60, 90, 120, 400]
    assert window.table["months"].iloc[-1] == 0
    assert np.isnan(window.table["annual_attrition"].iloc[-1])


def test_the_own_window_is_kept_wherever_it_shows_a_complete_period():
    window = measure_window(simulated())
    assert window.base is simulated() or window.base.activity_window_days == 365
    assert window.period == "year"
    assert "The base keeps its own window of 365 days" in window.sentence()


def test_another_window_is_taken_and_said_where_the_own_shows_nothing():
    base = simulated().at("2023-11-20")
    assert measure_flows(base, period="month").table.empty
    window = measure_window(base)
    assert window.base.activity_window_days == window.proposed_days < 365
    assert len(measure_flows(window.base, period=window.period).table)
    assert (
        "own window of 365 days leaves no period with a known opening in this history, so "
        f"{window.proposed_days} days are used instead" in window.sentence()
    )


def test_the_longest_possible_window_is_taken_where_the_proposed_shows_nothing_either():
    # Gaps of 110 days in 130 days of history: 120 is proposed, but only 90 leaves a month.
    rows = [(f"c{n:02}", f"2024-01-{1 + n % 9:02}", 1.0) for n in range(40)]
    rows += [(f"c{n:02}", f"2024-04-{20 + n % 9:02}", 1.0) for n in range(40)]
    window = measure_window(base_of([*rows, ("z", "2024-05-10", 1.0)]))
    assert (window.proposed_days, window.base.activity_window_days) == (120, 90)
    assert window.period == "month"
    assert measure_flows(window.base, period="month").table["period"].tolist() == ["2024-04"]


@pytest.mark.parametrize("period", ["year", "quarter", "month"])
def test_the_period_is_the_longest_that_is_complete(period):
    until = {"year": "2025-12-31", "quarter": "2024-06-30", "month": "2024-02-29"}[period]
    window = measure_window(simulated().at(until))
    assert window.period == period
    assert len(measure_flows(window.base, period=period).table)


@pytest.mark.parametrize(
    "rows",
    [
        [("a", "2024-01-05", 1.0)],
        [("a", "2024-01-05", -1.0)],
        [("a", "2024-01-05", 1.0), ("b", "2024-01-09", -1.0)],
        [("a", "2022-01-05", 1.0), ("b", "2024-01-09", 1.0)],
    ],
)
@pytest.mark.parametrize("language", ["en", "fr"])
def test_where_nobody_bought_twice_that_is_said(rows, language):
    window = measure_window(base_of(rows, language=language))
    said = {"en": "there is no gap to learn a window from", "fr": "aucun intervalle d'où tirer"}
    assert said[language] in window.sentence()
    assert window.table["covered"].isna().all()
    assert window.base.activity_window_days == 365
    assert "nan" not in window.sentence()
    assert "<table" in window._repr_html_()


def test_few_gaps_are_called_a_sketch():
    said = measure_window(base_of(every(20, 8, "a"))).sentence()
    assert said.startswith("With only 7 gaps between two purchases this is a sketch")


@pytest.mark.parametrize("bad", [0, 1.5, -1, 95, "0.95", True, None, float("nan")])
def test_a_coverage_that_is_no_share_is_refused_with_an_example(bad):
    with pytest.raises(InputError, match=r"such as 0\.95"):
        measure_window(base_of(every(20, 8, "a")), coverage=bad)


def test_something_else_than_a_base_is_refused():
    with pytest.raises(InputError, match="Pass a CustomerBase"):
        measure_window("base")


# --- what it does to attrition --------------------------------------------------------------------


def test_attrition_under_each_window_is_that_of_the_ledger():
    base = simulated(contracts_share=0.5)
    table = measure_window(base).table
    assert (table["months"] == 12).all()
    for row in table.iloc[[0, 4, 6, 8]].itertuples():
        there = base.with_window(int(row.window_days))
        year = measure_flows(there).table.iloc[-1]
        assert year["period"] == "2025"
        assert row.annual_attrition == pytest.approx(year["attrition"], abs=1e-12)
        assert row.annual_low == pytest.approx(year["attrition_low"], abs=1e-12)
        assert row.active == year["closing"]
        assert row.shows == "year"


def test_a_short_history_is_measured_over_the_months_it_has_and_annualised():
    base = simulated().at("2024-05-15")
    row = measure_window(base).row(365)
    assert row["months"] == 4  # the end of 2023 to the end of April
    lost = measure_flows(base, period="month").table
    assert lost["period"].tolist() == ["2024-01", "2024-02", "2024-03", "2024-04"]
    opening, net = lost["opening"].iloc[0], 1 - (1 - row["annual_attrition"]) ** (4 / 12)
    # Over four months at once, who left and came back inside them is not lost.
    assert net * opening <= lost["lost"].sum() + 1e-9
    assert net * opening == pytest.approx(round(net * opening))


def test_cdnow_by_a_count_in_pandas():
    lines = CustomerBase.from_tables(CDNOW).to_pandas("transactions")
    lines["date"] = pd.to_datetime(lines["date"])
    days = lines.groupby(["customer_id", "date"], as_index=False)["amount"].sum()
    days = days[days["amount"] > 0].sort_values(["customer_id", "date"])
    gaps = days.groupby("customer_id")["date"].diff().dt.days.dropna()
    window = cdnow()
    assert window.gaps.count == len(gaps)
    assert (
        window.gaps.ended == np.bincount(gaps.astype(int), minlength=len(window.gaps.ended))
    ).all()
    silence = (pd.Timestamp("1998-06-30") - days.groupby("customer_id")["date"].max()).dt.days
    row = window.row(180)
    called = int((gaps > 180).sum() + (silence >= 180).sum())
    assert (row["called_lost"], row["came_back"]) == (called, (gaps > 180).sum() / called)
    assert row["active"] == (silence < 180).sum()
    was, now = (
        set(
            days[(days["date"] > end - pd.Timedelta(days=180)) & (days["date"] <= end)][
                "customer_id"
            ]
        )
        for end in (pd.Timestamp("1997-06-30"), pd.Timestamp("1998-06-30"))
    )
    assert row["months"] == 12
    assert row["annual_attrition"] == pytest.approx(len(was - now) / len(was))


def test_cdnow_says_something_useful_and_true():
    window = cdnow()
    assert (window.proposed_days, window.period) == (365, "quarter")
    assert window.sentence() == (
        "A window of 365 days covers 97 % of the gaps between two purchases (4,339 gaps, seen over "
        "up to 543 days). “Lost” hangs on the window: under 90 days 70 % of customers count as "
        "lost in a year, under 365 days 88 %. That is the window the base has."
    )


@pytest.mark.parametrize("days", [45, pd.NA, None])
def test_a_window_that_was_not_tried_is_refused_with_the_list(days):
    with pytest.raises(ChoiceError, match="365"):
        cdnow().row(days)


def test_the_choice_is_said_to_change_little_only_of_windows_that_can_be_compared():
    rows = pd.DataFrame({"window_days": [30, 60, 90], "annual_attrition": [0.5, 0.52, 0.3],
                         "months": [12, 12, 3]})  # fmt: skip
    alike = replace(cdnow(), table=rows, own_days=60)
    assert "changes little" in alike.finding()
    apart = replace(alike, own_days=90).finding()
    assert "changes little" not in apart
    assert "90 days cannot be compared" in apart


def test_what_lost_hangs_on_is_said_in_both_languages():
    assert "“Lost” hangs on the window: under 30 days" in measure_window(simulated()).finding()
    french = CustomerBase.from_tables(simulated().to_pandas("transactions"), language="fr")
    assert "« Perdu » dépend de la fenêtre : avec 30 jours" in measure_window(french).finding()


# --- properties -----------------------------------------------------------------------------------


def test_duckdb_and_polars_measure_the_same():
    base = simulated(contracts_share=0.5)
    tables = {name: base.to_pandas(name) for name in ("transactions", "customers")}
    there = {name: pl.from_pandas(frame) for name, frame in tables.items()}
    one, other = (
        measure_window(CustomerBase.from_tables(**made, as_of=base.as_of))
        for made in (tables, there)
    )
    pd.testing.assert_frame_equal(one.table, other.table, check_exact=True)
    assert one.proposed_days == other.proposed_days


FIRST_DAY = date(2023, 1, 1)
LINES = st.lists(
    st.tuples(
        st.sampled_from("abcd"),
        st.integers(0, 500).map(lambda n: FIRST_DAY + timedelta(days=n)),
        st.integers(-20, 50).map(float),
    ),
    min_size=1,
    max_size=40,
)


@settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck))
@given(LINES, st.integers(0, 500), st.sampled_from([1, 45, 365]))
def test_rows_after_as_of_change_nothing_and_every_share_is_one(rows, cut, window_days):
    as_of = FIRST_DAY + timedelta(days=cut)
    known = [row for row in rows if row[1] <= as_of]
    if not known:
        return
    options = {"as_of": as_of, "activity_window_days": window_days}
    window = measure_window(base_of(rows, **options))
    pd.testing.assert_frame_equal(window.table, measure_window(base_of(known, **options)).table)
    covered = window.table["covered"].dropna()
    assert covered.between(0, 1).all()
    assert covered.is_monotonic_increasing
    assert window.table["active"].is_monotonic_increasing
    assert window.table["called_lost"].is_monotonic_decreasing
    assert window.table["came_back"].dropna().between(0, 1).all()
    shows = window.table["shows"] != ""
    assert bool(len(measure_flows(window.base, period=window.period).table)) == shows.any()
