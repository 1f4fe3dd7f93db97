"""Snapshots over tables that a person can check by hand: features, labels, what may be asked."""

import numpy as np
import pandas as pd
import polars as pl
import pytest

import retention_lib as rl
from retention_lib.base.customer_base import CustomerBase
from retention_lib.errors import InputError
from retention_lib.scoring import _snapshot_model, snapshots
from retention_lib.scoring.features import BY_NAME, FEATURES
from retention_lib.scoring.snapshots import snapshot_batches, take_snapshots

# Two years of three customers; the date looked from is 31 December 2023, the horizon 30 days.
AT = "2023-12-31"
LINES = (
    ("steady", "2023-01-10", 100.0),
    ("steady", "2023-04-10", 100.0),
    ("steady", "2023-10-07", 100.0),
    ("steady", "2023-12-21", 60.0),
    ("steady", "2023-12-21", 40.0),
    ("steady", "2023-12-28", -20.0),
    ("steady", "2024-01-30", 50.0),
    ("once", "2023-12-01", 30.0),
    ("later", "2024-01-15", 10.0),
    ("gone", "2022-06-01", 70.0),
    ("steady", "2024-12-31", 10.0),
)


def lines(*rows):
    frame = pd.DataFrame(rows, columns=["customer_id", "date", "amount"])
    return frame.assign(date=pd.to_datetime(frame["date"]))


def known(*rows, columns=("customer_id", "closed_on", "is_contract")):
    frame = pd.DataFrame(rows, columns=list(columns))
    return frame.assign(closed_on=pd.to_datetime(frame["closed_on"]))


def seen(base, date=AT, **asked):
    asked = {"horizon_days": 30, **asked}
    return take_snapshots(base, date, **asked).to_frame().set_index("customer_id")


@pytest.fixture(scope="module")
def plain():
    return CustomerBase.from_tables(lines(*LINES))


@pytest.fixture(scope="module")
def simulated():
    return rl.simulate_base(1_000, seed=8, language="en")[0]


# --- Who has a row, and what stands in it --------------------------------------------------------


def test_who_has_not_bought_by_the_date_has_no_row(plain):
    assert seen(plain).index.tolist() == ["gone", "once", "steady"]


def test_rows_are_in_the_order_of_dates_and_customers(plain):
    table = take_snapshots(plain, ["2024-06-30", AT], horizon_days=30).to_frame()
    assert list(zip(table["date"].dt.year, table["customer_id"], strict=True)) == [
        *((2023, who) for who in ("gone", "once", "steady")),
        *((2024, who) for who in ("gone", "later", "once", "steady")),
    ]


def test_columns_are_numbers_between_the_keys_and_the_label(plain):
    result = take_snapshots(plain, AT)
    table = result.to_frame()
    assert list(table) == ["customer_id", "date", "eligible", *result.features, "churned"]
    assert set(table.dtypes.iloc[3:].astype(str)) == {"float64"}
    assert pd.api.types.is_string_dtype(table["customer_id"])
    assert pd.api.types.is_datetime64_any_dtype(table["date"])


def test_purchases_are_days_and_windows_hold_their_last_day(plain):
    row = seen(plain).loc["steady"]
    assert row[["purchases_30", "purchases_90", "purchases_180", "purchases_365"]].tolist() == [
        1,
        2,
        2,
        4,
    ]
    assert row["purchases_total"] == 4
    assert row["recency_days"] == 10
    assert row["tenure_days"] == 355


def test_a_window_leaves_out_the_day_it_does_not_reach(plain):
    # 365 days up to 9 January 2024 begin on 10 January 2023; a day later that purchase is out.
    assert seen(plain, "2024-01-09").loc["steady", "purchases_365"] == 4
    assert seen(plain, "2024-01-10").loc["steady", "purchases_365"] == 3


def test_spend_is_net_of_refunds_and_a_refund_is_a_day_below_zero(plain):
    row = seen(plain).loc["steady"]
    assert row[["spend_30", "spend_365", "refunds_30", "refunds_365"]].tolist() == [80, 380, 20, 20]
    assert row["refund_share"] == 20 / 400
    assert row["basket"] == 100


def test_a_return_on_the_day_of_a_larger_purchase_lowers_it_and_is_no_refund():
    base = CustomerBase.from_tables(
        lines(("a", "2024-01-01", 50.0), ("a", "2024-01-01", -20.0), ("a", "2024-01-09", 5.0))
    )
    row = seen(base, None).loc["a"]
    assert row[["refunds_365", "spend_365", "purchases_365"]].tolist() == [0, 35, 2]


def test_the_own_rhythm_is_the_mean_of_the_gaps_and_their_spread(plain):
    row = seen(plain).loc["steady"]
    # Gaps of 90, 180 and 75 days.
    assert row["mean_gap_days"] == 115
    assert row["gap_spread"] == pytest.approx(pd.Series([90, 180, 75]).std() / 115)


def test_a_customer_of_one_purchase_is_overdue_by_the_gap_of_the_base(plain):
    row = seen(plain).loc["once"]
    assert pd.isna(row["mean_gap_days"])
    assert pd.isna(row["gap_spread"])
    assert row["overdue_ratio"] == 30 / 115


def test_few_gaps_of_one_s_own_are_drawn_to_those_of_the_base(plain):
    base = CustomerBase.from_tables(
        lines(
            ("often", "2024-01-01", 5.0),
            ("often", "2024-01-11", 5.0),
            ("rarely", "2024-01-01", 5.0),
            ("rarely", "2024-04-10", 5.0),
        )
    )
    rows = seen(base, None)
    # The typical gap is (10 + 100) / 2 = 55 and counts twice; "often" has been silent for 90 days.
    assert rows.loc["often", "overdue_ratio"] == pytest.approx(90 / ((10 + 2 * 55) / 3))
    assert rows.loc["rarely", "overdue_ratio"] == 0


def test_a_basket_with_no_purchase_in_the_year_is_that_of_all_purchases(plain):
    assert seen(plain).loc["gone", "basket"] == 70


def test_trends_set_the_last_90_days_against_the_rest_of_the_year(plain):
    row = seen(plain).loc["steady"]
    # 2 purchases in 90 days, 2 in the 266 days before them since the first one.
    now, before = 2 / 90, 2 / 266
    assert row["purchases_trend"] == pytest.approx((now - before) / (now + before))
    now, before = 180 / 90, 200 / 266
    assert row["spend_trend"] == pytest.approx((now - before) / (now + before))
    assert row["basket_trend"] == 0


def test_who_is_new_or_silent_for_a_year_has_no_trend(plain):
    rows = seen(plain)
    trends = ["purchases_trend", "spend_trend", "basket_trend"]
    assert rows.loc[["once", "gone"], trends].isna().all(axis=None)


def test_the_same_season_is_the_stretch_of_last_year_that_the_horizon_covers_now(plain):
    # 30 days from 1 January 2023 on hold the purchase of 10 January.
    assert seen(plain).loc["steady", "purchases_same_season"] == 1
    assert seen(plain, horizon_days=9).loc["steady", "purchases_same_season"] == 0


def test_tenure_begins_with_the_acquisition_where_that_is_earlier():
    base = CustomerBase.from_tables(
        lines(("a", "2024-01-11", 5.0), ("b", "2024-01-11", 5.0), ("b", "2024-01-31", 5.0)),
        customers=pd.DataFrame(
            {"customer_id": ["a", "b"], "acquired_on": pd.to_datetime(["2024-01-01", "2024-01-21"])}
        ),
    )
    assert seen(base, None)["tenure_days"].to_dict() == {"a": 30, "b": 20}


# --- The label -----------------------------------------------------------------------------------


def test_churned_is_no_purchase_in_the_horizon_and_its_last_day_counts(plain):
    # The next purchase comes 30 days after the date.
    assert seen(plain).loc["steady", "churned"] == 0
    assert seen(plain, horizon_days=29).loc["steady", "churned"] == 1
    assert seen(plain).loc["once", "churned"] == 1


def test_a_refund_in_the_horizon_is_no_purchase():
    base = CustomerBase.from_tables(
        lines(("a", "2024-01-01", 50.0), ("a", "2024-01-10", -5.0), ("b", "2024-03-01", 1.0))
    )
    assert seen(base, "2024-01-05").loc["a", "churned"] == 1


def test_who_is_not_active_has_no_label(plain):
    row = seen(plain).loc["gone"]
    assert not row["eligible"]
    assert pd.isna(row["churned"])


def test_active_is_a_purchase_in_the_365_days_up_to_the_date():
    rows = (("in", "2023-01-01", 5.0), ("out", "2022-12-31", 5.0), ("in", "2023-01-01", 5.0))
    rows = seen(CustomerBase.from_tables(lines(*rows), as_of=AT))
    assert rows["eligible"].to_dict() == {"in": True, "out": False}


def test_a_contract_is_known_from_the_day_of_acquisition_on():
    people = known(("gone", None, True)).assign(acquired_on=pd.Timestamp("2024-01-01"))
    base = CustomerBase.from_tables(lines(*LINES), customers=people)
    columns = ["eligible", "is_contract"]
    assert seen(base).loc["gone", columns].tolist() == [False, 0]
    assert seen(base, "2024-01-01").loc["gone", columns].tolist() == [True, 1]


def test_while_the_horizon_is_not_over_nobody_has_a_label(plain):
    assert seen(plain, "2024-12-01").loc["steady", "churned"] == 0
    assert seen(plain, "2024-12-02")["churned"].isna().all()


def test_closing_in_the_horizon_is_leaving_even_after_a_purchase(plain):
    for closed, churned in (("2024-01-30", 1), ("2024-01-31", 0)):
        base = CustomerBase.from_tables(lines(*LINES), customers=known(("steady", closed, False)))
        assert seen(base).loc["steady", "churned"] == churned


def test_a_contract_leaves_by_its_end_and_not_by_silence():
    people = known(("gone", None, True), ("once", "2024-01-05", True))
    rows = seen(CustomerBase.from_tables(lines(*LINES), customers=people))
    assert rows["is_contract"].to_dict() == {"gone": 1, "once": 1, "steady": 0}
    assert rows.loc["gone", ["eligible", "churned"]].tolist() == [True, 0]
    assert rows.loc["once", "churned"] == 1


def test_who_has_closed_by_the_date_is_not_eligible():
    base = CustomerBase.from_tables(lines(*LINES), customers=known(("steady", AT, False)))
    assert not seen(base).loc["steady", "eligible"]
    assert seen(base, "2023-12-30").loc["steady", "eligible"]


# --- The other tables ----------------------------------------------------------------------------


def test_features_of_tables_that_are_missing_are_not_there(plain):
    features = take_snapshots(plain, AT).features
    assert set(features) == {f.name for f in FEATURES if not f.needs}


def told(table, **columns):
    frame = pd.DataFrame(columns)
    for name in {"date", "resolved_on"} & set(frame):
        frame[name] = pd.to_datetime(frame[name])
    return CustomerBase.from_tables(lines(*LINES), **{table: frame})


def test_newsletters_are_contacts_but_do_not_break_a_silence():
    base = told(
        "interactions",
        customer_id=["steady"] * 4,
        date=["2023-11-01", "2023-12-20", "2023-12-30", "2024-01-01"],
        kind=["follow_up", "newsletter", "follow_up", "follow_up"],
        direction=["out", "out", "in", "out"],
    )
    rows = seen(base)
    contacts = ["contacts_30", "contacts_365", "days_since_contact", "asked_to_leave"]
    assert rows.loc["steady", contacts].tolist() == [1, 2, 60, 0]
    assert rows.loc["once", contacts[:2]].tolist() == [0, 0]
    assert pd.isna(rows.loc["once", "days_since_contact"])


def test_before_the_first_contact_on_file_nobody_knows_of_contacts():
    base = told("interactions", customer_id=["once"], date=["2023-12-01"])
    assert seen(base).loc["steady", "contacts_365"] == 0
    assert pd.isna(seen(base, "2023-11-30").loc["steady", "contacts_365"])


def test_a_request_to_leave_is_a_request_of_the_customer():
    base = told(
        "interactions",
        customer_id=["steady", "once"],
        date=["2023-12-20", "2023-12-20"],
        kind=["cancellation_request"] * 2,
        direction=["in", "out"],
    )
    assert seen(base)["asked_to_leave"].to_dict() == {"gone": 0, "once": 0, "steady": 1}


def test_a_complaint_is_open_until_the_day_it_is_resolved():
    base = told(
        "feedback",
        customer_id=["steady", "once"],
        date=["2023-12-21", "2023-12-21"],
        kind=["complaint", "complaint"],
        resolved_on=["2023-12-31", "2024-01-01"],
    )
    columns = ["complaints_365", "complaints_open", "days_since_complaint"]
    rows = seen(base)[columns]
    assert rows.loc["steady"].tolist() == [1, 0, 10]
    assert rows.loc["once"].tolist() == [1, 1, 10]


def test_satisfaction_is_the_last_score_and_of_one_day_the_worst():
    base = told(
        "feedback",
        customer_id=["steady"] * 4,
        date=["2023-12-01", "2023-12-20", "2023-12-20", "2024-01-01"],
        score=[9.0, 6.5, 3.0, 10.0],
    )
    assert seen(base).loc["steady", "satisfaction"] == 3


def test_people_are_shown_on_the_last_day_and_nothing_learns_from_them():
    base = told("people", customer_id=["steady", "steady"], person_id=["P1", "P2"])
    result = take_snapshots(base, [AT, "2024-12-31"])
    assert "people_known" not in result.features
    table = result.to_frame().query("customer_id == 'steady'")
    assert pd.isna(table["people_known"].iloc[0])
    assert table["people_known"].iloc[1] == 2
    assert not BY_NAME["people_known"].dated


# --- The purchase model --------------------------------------------------------------------------


def test_without_enough_customers_there_is_no_purchase_model(plain):
    assert seen(plain)[["expected_purchases", "no_purchase_probability"]].isna().all(axis=None)


def test_what_the_purchase_model_expects_comes_true_on_average(simulated):
    labelled = take_snapshots(simulated, "2025-06-30").labelled()
    silent = labelled["no_purchase_probability"].mean()
    assert silent == pytest.approx(labelled["churned"].mean(), abs=0.08)
    assert labelled["expected_purchases"].corr(labelled["purchases_365"]) > 0.8


def test_of_very_many_histories_some_are_enough(simulated, monkeypatch):
    base = simulated.at("2025-06-30")
    columns = ["expected_purchases", "no_purchase_probability"]
    whole = take_snapshots(base).to_frame()[columns]
    monkeypatch.setattr(_snapshot_model, "HISTORIES", 300)
    some = take_snapshots(base).to_frame()[columns]
    assert not some.equals(whole)
    assert (some - whole).abs().mean().max() < 0.1


# --- Asking --------------------------------------------------------------------------------------


def test_by_default_the_date_is_that_of_the_base(plain):
    assert set(take_snapshots(plain.at(AT)).to_frame()["date"]) == {pd.Timestamp(AT)}


def test_dates_may_come_in_any_form_and_count_once(plain):
    forms = [AT, pd.Timestamp(AT), pd.Timestamp(AT).date(), pd.Timestamp(AT).to_datetime64()]
    assert len(take_snapshots(plain, forms).to_frame()) == 3
    assert len(take_snapshots(plain, pd.DatetimeIndex([AT])).to_frame()) == 3


def test_only_the_customers_asked_for_are_returned(plain):
    assert seen(plain, customers=["steady", "later"]).index.tolist() == ["steady"]
    assert take_snapshots(plain, AT, customers=[]).to_frame().empty


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"dates": "2025-01-01"}, "1 of 1 dates lie outside of the base, such as 2025-01-01"),
        ({"dates": [AT, "2022-05-31"]}, "1 of 2 dates lie outside of the base, such as 2022-05-31"),
        ({"dates": "soon"}, "dates must be dates such as '2025-06-30'; got 'soon'"),
        ({"dates": 20}, "got 20"),
        ({"dates": pd.NaT}, "got NaT"),
        ({"dates": np.datetime64("NaT")}, "got np.datetime64('NaT'"),
        ({"dates": "2024-01-01garbage"}, "got '2024-01-01garbage'"),
        ({"dates": []}, "dates is empty"),
        ({"horizon_days": 0}, "whole number of days from 1 to 3,650, such as 90; got 0"),
        ({"horizon_days": True}, "got True"),
        ({"horizon_days": "90"}, "got '90'"),
        ({"horizon_days": 30.5}, "got 30.5"),
        ({"horizon_days": 3_651}, "got 3651"),
        ({"customers": "steady"}, "customers must be a list of customer ids"),
        ({"customers": 7}, "got 7"),
        ({"customers": ["x", "y"]}, "None of the 2 customers is in this base (the first is 'x')"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_the_remedy(plain, asked, said):
    with pytest.raises(InputError) as refused:
        take_snapshots(plain, **asked)
    assert said in str(refused.value)


def test_something_else_than_a_base_is_refused():
    for call in (take_snapshots, snapshot_batches):
        with pytest.raises(InputError, match="Pass a CustomerBase"):
            call(lines(*LINES))


# --- Batches -------------------------------------------------------------------------------------


@pytest.mark.parametrize("native", [pd.DataFrame, pl.from_pandas])
def test_a_thousand_customers_in_batches_of_a_hundred_are_the_whole(simulated, native, monkeypatch):
    monkeypatch.setattr(snapshots, "_BLOCK", 350)
    shown = {name: native(simulated.to_pandas(name)) for name in ("transactions", "feedback")}
    base = CustomerBase.from_tables(shown["transactions"], feedback=shown["feedback"])
    whole = take_snapshots(base, horizon_days=60).eligible()
    batches = list(snapshot_batches(base, horizon_days=60, batch_rows=100))
    assert max(map(len, batches)) <= 100
    assert len(batches) == 10
    pd.testing.assert_frame_equal(pd.concat(batches, ignore_index=True), whole, rtol=1e-9)


def test_batches_have_the_features_asked_for(plain):
    (frame,) = snapshot_batches(plain, ["basket", "recency_days"])
    assert list(frame)[3:-1] == ["basket", "recency_days"]


def test_a_feature_that_the_base_cannot_tell_is_refused_with_what_it_needs(plain):
    with pytest.raises(InputError) as refused:
        snapshot_batches(plain, ["basket", "satisfaction"])
    assert "cannot tell 1 of 2 features: satisfaction" in str(refused.value)
    assert "feedback (score)" in str(refused.value)


@pytest.mark.parametrize("rows", [0, True, "many", 2.5])
def test_a_batch_has_a_whole_number_of_rows(plain, rows):
    with pytest.raises(InputError, match="batch_rows must be a whole number"):
        snapshot_batches(plain, batch_rows=rows)


# --- Small and odd bases -------------------------------------------------------------------------


def test_refunds_only_give_no_row_and_a_sentence():
    result = take_snapshots(CustomerBase.from_tables(lines(("a", "2024-01-01", -5.0))))
    assert result.to_frame().empty
    assert result.sentence().startswith("Nobody to see")


def test_one_customer_on_one_day_has_a_row():
    row = seen(CustomerBase.from_tables(lines(("a", "2024-01-01", 5.0))), None).loc["a"]
    assert row[["recency_days", "tenure_days", "purchases_365", "spend_365"]].tolist() == [
        0,
        0,
        1,
        5,
    ]
    assert pd.isna(row["overdue_ratio"])


def test_nothing_is_left_in_the_engine(plain):
    native = plain.tables["transactions"].to_native()

    def tables():
        return native.query(
            "t", "SELECT table_name FROM duckdb_tables() WHERE temporary"
        ).fetchall()

    own = tables()
    take_snapshots(plain, AT, customers=["steady"])
    list(snapshot_batches(plain))
    assert tables() == own == [("rl_transactions",)]


# --- What is said --------------------------------------------------------------------------------


def test_the_sentence_says_how_many_of_the_active_were_gone(simulated):
    result = take_snapshots(simulated, ["2025-03-31", "2025-06-30"])
    labelled = result.labelled()
    share = f"{100 * labelled['churned'].mean():.1f} %"
    assert f"Of the active customers, {share} were gone 90 days later" in result.sentence()
    assert f"of {len(labelled):,} cases" in result.sentence()
    assert "seen on 2 dates from 31 March 2025 to 30 June 2025" in result.sentence()


def test_few_cases_are_counted_and_called_a_sketch(plain):
    said = take_snapshots(plain, AT, horizon_days=30).sentence()
    assert said.startswith("With only 2 cases this is a sketch: 1 of 2 were gone 30 days later")


def test_while_nobody_knows_who_left_the_sentence_says_so(plain):
    said = take_snapshots(plain).sentence()
    assert "4 customers seen on 31 December 2024, 2 of 4 active" in said
    assert "not known yet" in said


def test_the_sentence_is_french_where_the_base_is():
    base = CustomerBase.from_tables(lines(*LINES), language="fr")
    assert "on ne le sait pas encore" in take_snapshots(base).sentence()
    assert "c'est une esquisse" in take_snapshots(base, AT, horizon_days=30).sentence()


def test_a_notebook_shows_a_few_columns(plain):
    shown = take_snapshots(plain, AT)._repr_html_()
    assert "purchases in 365 days" in shown
    assert "season" not in shown


def test_dates_asked_about_together_or_one_by_one_give_the_same_to_the_last_bit(
    simulated, monkeypatch
):
    dates = [simulated.as_of - pd.Timedelta(days=days) for days in (0, 180, 500)]
    dates = [pd.Timestamp(day).date() for day in dates]
    portions, panels = [], []
    in_turn = snapshots._in_turn

    def counted(base, moments):
        for several in in_turn(base, moments):
            portions.append(len(several))
            yield several

    monkeypatch.setattr(snapshots, "_in_turn", counted)
    for rows_at_once in (1, 10**9):
        monkeypatch.setattr(snapshots, "_TOGETHER", rows_at_once)
        panels.append(take_snapshots(simulated, dates, horizon_days=90).to_frame())
    assert portions == [1, 1, 1, 3]
    assert panels[0]["date"].nunique() == 3
    pd.testing.assert_frame_equal(*panels, check_exact=True)
