"""Warning signs against what was really behind simulated bases.

How planted events are counted as found: the sign that belongs to the event fires for the customer
on one of the month ends after the event, or on ``as_of``, while the customer is active. For the
three events of the design (dried up, falling basket, abandoned range) it fires on ``as_of`` itself.
"""

from datetime import date
from functools import cache

import pandas as pd
import pytest

import retention_lib as rl
from retention_lib.base import engine
from retention_lib.portfolio.signals import SignalSettings, find_signals, signal_history

SIGN_OF = {
    "dried_up": "silent",
    "falling_basket": "falling_orders",
    "abandoned_range": "range_abandoned",
    "slowing": "slowing",
}
MONTH_ENDS = [engine.day_number(date(2025, month, 1)) - 1 for month in range(6, 13)]
TODAY = engine.day_number(date(2025, 12, 31))
SEEDS = (1, 2)
CALM_SEEDS = (21, 22)


@cache
def planted_base(seed):
    return rl.simulate_base(1200, seed=seed, planted_share=0.05)


@cache
def seen_events():
    """Planted events of two bases: whether their sign fires today, and at any month end after."""
    rows = []
    for seed in SEEDS:
        base, truth = planted_base(seed)
        planted = truth.planted_events
        history = signal_history(
            base, [*MONTH_ENDS, TODAY], customers=planted["customer_id"].tolist()
        )
        fired = history.groupby(["customer_id", "signal"])["day"].agg(set)
        for event in planted.itertuples():
            on = fired.get((event.customer_id, SIGN_OF[event.event]), set())
            begun = engine.day_number(event.date.date())
            rows.append((seed, event.event, TODAY in on, any(day >= begun for day in on)))
    return pd.DataFrame(rows, columns=["seed", "event", "today", "ever"])


@pytest.mark.parametrize("event", ["dried_up", "falling_basket", "abandoned_range"])
def test_at_least_four_of_five_planted_events_show_today(event):
    by_seed = seen_events().query("event == @event").groupby("seed")["today"].agg(["size", "mean"])
    assert (by_seed["size"] >= 20).all()
    assert (by_seed["mean"] >= 0.8).all(), by_seed


def test_at_least_four_of_five_slowing_customers_are_seen_while_they_slow():
    # On a single day some of them have been silent for so long that they show as silent instead.
    slowing = seen_events().query("event == 'slowing'")
    assert len(slowing) >= 20
    assert slowing["ever"].mean() >= 0.8


def test_planted_events_are_on_the_default_list_where_there_are_many_more_than_before():
    # No customer of the simulator abandons a range but the planted ones: in the past that sign
    # was wrong. It fires more often now than it ever did, so its past does not switch it off.
    base, truth = planted_base(SEEDS[0])
    listed = find_signals(base).to_frame()
    shown = set(zip(listed["customer_id"], listed["signal_code"], strict=True))
    planted = truth.planted_events[truth.planted_events["event"] != "slowing"]
    found = [(e.customer_id, SIGN_OF[e.event]) in shown for e in planted.itertuples()]
    assert sum(found) / len(found) >= 0.8


@cache
def lived_on(signal, seed):
    """What the record said at the end of 2024, and what came true on month ends of 2025."""
    base, _ = rl.simulate_base(1200, seed=seed, years=4, signal=signal, planted_share=0.0)
    told = find_signals(base.at("2024-12-31")).track_record.table.set_index("signal_code")
    later = find_signals(base, settings=SignalSettings(past_dates=6)).track_record.table
    return told, later.set_index("signal_code")


def test_the_stated_false_alarm_rates_agree_with_what_happens_in_the_next_half_year():
    inside, widths, outside = [], [], []
    for signal, seed in [(True, seed) for seed in CALM_SEEDS] + [(False, CALM_SEEDS[0])]:
        told, later = lived_on(signal, seed)
        for code in told.index:
            stated, realised = told.loc[code], later.loc[code]
            if min(stated["fired_customers"], realised["fired_customers"]) < 10:
                continue
            widths.append(stated["false_high"] - stated["false_low"])
            inside.append(
                stated["false_low"] - 1e-9
                <= realised["false_alarms"]
                <= stated["false_high"] + 1e-9
            )
            if not inside[-1]:
                outside.append((signal, seed, code))
    assert len(inside) >= 18
    # 19 in 20 is what is said of each.
    assert sum(inside) >= 0.9 * len(inside), outside
    # And the ranges say something: half of them are narrower than 30 points.
    assert pd.Series(widths).median() < 0.3


def test_where_nothing_predicts_no_sign_is_called_better_than_chance():
    others = [rl.simulate_base(1000, seed=seed, signal=False)[0] for seed in (22, 23)]
    told = [find_signals(base).track_record.table.set_index("signal_code") for base in others]
    told.append(lived_on(False, CALM_SEEDS[0])[0])
    verdicts = pd.concat([table["verdict_code"] for table in told], axis=1)
    for code in ("unhappy", "neglected"):
        assert (verdicts.loc[code] == "no_better").sum() >= 2, verdicts.loc[code]
    # Each of the 24 may be wrong with one chance in forty.
    assert (verdicts == "proven").sum().sum() <= 2


def test_where_customers_leave_for_causes_silence_is_called_better_than_chance():
    for seed in CALM_SEEDS:
        told, _ = lived_on(True, seed)
        assert told.loc["silent", "verdict_code"] == "proven"
        assert told.loc["silent", "times_as_often"] > 2


def test_on_a_base_large_enough_neglect_is_called_better_than_chance():
    base, _ = rl.simulate_base(4000, seed=13)
    told = find_signals(base).track_record.table.set_index("signal_code").loc["neglected"]
    assert told["verdict_code"] == "proven"
    assert told["hit_low"] > told["base_rate"]
