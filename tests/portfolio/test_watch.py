"""The watch list: what is new, what is gone, and why, over a base that a person can check."""

from datetime import date
from functools import cache

import pandas as pd
import pytest

import retention_lib as rl
from retention_lib.base.customer_base import CustomerBase
from retention_lib.errors import InputError
from retention_lib.portfolio.signals import find_signals
from retention_lib.portfolio.watch import months_back, watch_list

END = pd.Timestamp("2025-12-31")


def bought(customer, ago):
    dates = [END - pd.Timedelta(days=int(number)) for number in ago]
    return pd.DataFrame({"customer_id": customer, "date": dates, "amount": 100.0})


def town(language="en"):
    """Everybody buys every 20 days; the month before was that up to 30 November, 31 days ago."""
    lines = pd.concat(
        [
            *[bought(f"regular{i}", range(0, 700, 20)) for i in range(5)],
            bought("fresh", range(50, 700, 20)),
            bought("long", range(150, 700, 20)),
            bought("back", [2, 10, 18, *range(95, 700, 20)]),
            bought("closed", range(150, 700, 20)),
            bought("lost", range(380, 700, 20)),
        ]
    )
    customers = pd.DataFrame({"customer_id": ["closed"], "closed_on": [END]})
    return CustomerBase.from_tables(
        lines, customers=customers, as_of="2025-12-31", currency="EUR", language=language
    )


@cache
def watched(language="en"):
    return watch_list(town(language))


def test_every_sign_is_new_still_there_or_gone_with_the_reason():
    frame = watched().to_frame()
    assert set(frame["signal_code"]) == {"silent"}
    told = frame.set_index("customer_id")[["status_code", "reason_code"]].to_dict("index")
    assert told == {
        "fresh": {"status_code": "new", "reason_code": ""},
        "long": {"status_code": "still", "reason_code": ""},
        "back": {"status_code": "gone", "reason_code": "bought"},
        "closed": {"status_code": "gone", "reason_code": "closed"},
        "lost": {"status_code": "gone", "reason_code": "lost"},
    }
    assert list(frame["status_code"]) == ["new", "still", "gone", "gone", "gone"]


def test_the_sentence_counts_the_new_their_money_and_why_the_others_are_gone():
    assert watched().finding() == (
        "1 new since 30 November 2025, worth €1,600 of revenue a year; 3 gone: 1 bought again, "
        "1 closed the account and 1 was lost"
    )
    french = watched("fr").finding().replace("\u202f", " ").replace("\xa0", " ")
    assert french == (
        "1 nouveau depuis le 30 novembre 2025, pour 1 600 € de chiffre d'affaires par an ; "
        "3 disparus : 1 a racheté, 1 a clos son compte et 1 est perdu"
    )


def test_a_sign_of_the_day_before_is_told_as_it_was_seen_that_day():
    base = rl.simulate_base(400, seed=4, language="en")[0]
    watch = watch_list(base)
    since = months_back(base.as_of, 1)
    then = find_signals(base.at(since), include="all").to_frame()
    frame = watch.to_frame()
    gone = frame[frame["status_code"] == "gone"]
    assert len(gone) > 5
    both = gone.merge(then, on=["customer_id", "signal_code"], suffixes=("", "_then"))
    assert len(both) == len(gone)
    for name in ("since", "evidence", "value_at_stake"):
        assert both[name].tolist() == both[f"{name}_then"].tolist()
    now = frame[frame["status_code"] != "gone"]
    listed = find_signals(base).to_frame()
    keys = ["customer_id", "signal_code"]
    assert sorted(map(tuple, now[keys].to_numpy())) == sorted(map(tuple, listed[keys].to_numpy()))
    counted = watch.by_sign[["new", "still", "gone"]].to_numpy().sum()
    assert counted == len(frame)


def test_without_a_history_so_far_back_everything_is_new_and_it_says_so():
    watch = watch_list(town(), months=30)
    assert set(watch.to_frame()["status_code"]) == {"new"}
    assert "no history 30 months back" in watch.sentence()


@pytest.mark.parametrize("language", ["en", "fr"])
def test_a_base_with_nothing_to_watch_says_so(language):
    base = CustomerBase.from_tables(bought("a", [10]), language=language)
    watch = watch_list(base)
    assert watch.to_frame().empty
    assert watch.sentence().endswith(".")


@pytest.mark.parametrize(
    ("day", "months", "before"),
    [
        (date(2025, 12, 31), 1, date(2025, 11, 30)),
        (date(2025, 1, 15), 1, date(2024, 12, 15)),
        (date(2024, 3, 31), 13, date(2023, 2, 28)),
    ],
)
def test_a_month_back_is_the_same_day_or_the_last_of_the_month(day, months, before):
    assert months_back(day, months) == before


@pytest.mark.parametrize("months", [0, True, 1.5, "1", 999])
def test_impossible_months_are_refused(months):
    with pytest.raises(InputError, match="months must be a whole number"):
        watch_list(town(), months=months)
