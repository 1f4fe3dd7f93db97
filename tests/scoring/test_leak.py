"""The leak shown on purpose: perfect on paper, poor in use, and honest about where it cannot be."""

from functools import cache

import numpy as np
import pandas as pd
import polars as pl
import pytest

import retention_lib as rl
from retention_lib.base.customer_base import CustomerBase
from retention_lib.errors import InputError
from retention_lib.scoring.leak import CASES, see_the_future


@cache
def lines():
    base, _ = rl.simulate_base(500, seed=3, years=2)
    return base.to_pandas("transactions")[["customer_id", "date", "amount"]], base.as_of


def base_of(frame, **options):
    return CustomerBase.from_tables(frame, as_of=lines()[1], currency="EUR", **options)


@cache
def shown():
    return see_the_future(base_of(lines()[0]))


def test_the_leaking_model_shines_on_paper_and_loses_it_in_use():
    found = shown()
    assert found.to_frame()["case_code"].tolist() == list(CASES)
    assert found.of("leak_seen")["auc"] > 0.97
    assert found.of("leak_used")["auc_high"] < found.of("leak_seen")["auc_low"]
    # Without the leak paper and use tell the same story.
    paper, use = found.of("honest_seen"), found.of("honest_used")
    assert paper["auc_low"] <= use["auc_high"]
    assert use["auc_low"] <= paper["auc_high"]
    assert use["auc"] > found.of("leak_used")["auc"]


def test_the_money_promised_is_not_found():
    found = shown()
    promised, kept = (found.of(case)["revenue_found"] for case in ("leak_seen", "leak_used"))
    missed, low, high = found.missed
    assert missed == pytest.approx(promised - kept)
    assert 0 < low < missed < high
    behind, low, high = found.behind
    assert behind == pytest.approx(found.of("honest_used")["revenue_found"] - kept)
    assert low <= behind <= high


def test_money_is_the_share_of_the_revenue_of_those_who_left_in_use():
    table = shown().to_frame()
    totals = table["revenue_found"] / table["revenue_caught_by_value"]
    assert totals.nunique() == 1 or np.ptp(totals) < 1e-6 * totals.max()
    assert totals.iloc[0] > 0


def test_adding_the_future_changes_nothing():
    frame, as_of = lines()
    later = frame.tail(200).assign(date=pd.Timestamp(as_of) + pd.Timedelta(days=30))
    again = see_the_future(base_of(pd.concat([frame, later])))
    pd.testing.assert_frame_equal(again.to_frame(), shown().to_frame())


def test_duckdb_and_polars_agree():
    other = see_the_future(base_of(pl.from_pandas(lines()[0])))
    pd.testing.assert_frame_equal(other.to_frame(), shown().to_frame(), rtol=0.02)


def test_a_short_history_gets_an_empty_result_that_says_what_is_missing():
    frame = pd.DataFrame(
        {
            "customer_id": ["a", "b"],
            "amount": 5.0,
            "date": pd.to_datetime(["2024-01-01", "2024-03-01"]),
        }
    )
    found = see_the_future(CustomerBase.from_tables(frame))
    assert found.to_frame().empty
    assert found.sentence().endswith("it takes 270 days of history, and there are 60.")
    assert found.money_sentence() == found.sentence()
    assert "Days" not in found._repr_html_()


def test_few_leavers_get_an_empty_result_that_counts_them():
    days = pd.date_range("2023-01-01", periods=24, freq="30D")
    frame = pd.concat(
        pd.DataFrame({"customer_id": f"c{i}", "amount": 5.0, "date": days}) for i in range(40)
    )
    found = see_the_future(CustomerBase.from_tables(frame))
    assert found.to_frame().empty
    assert "and here it is 0" in found.sentence()


@pytest.mark.parametrize("wrong", [0, -1, 1.5, True, "90", None, 1_096, 10**9])
def test_a_horizon_that_cannot_be_is_refused(wrong):
    with pytest.raises(InputError, match="horizon_days must be a whole number of days"):
        see_the_future(base_of(lines()[0]), horizon_days=wrong)


def test_something_else_than_a_base_is_refused():
    with pytest.raises(InputError, match="CustomerBase"):
        see_the_future(lines()[0])


def test_the_sentences_are_french_on_a_french_base():
    found = see_the_future(base_of(lines()[0], language="fr"))
    assert found.sentence().startswith("Quand les jours depuis le dernier achat")
    assert found.finding().startswith("Un modèle qui voit l'avenir promet")
    assert "le modèle faussé promet" in found.money_sentence()
