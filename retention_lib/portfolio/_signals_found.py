"""The signs that fire on one day: since when, in which figures, with how much at stake."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import narwhals as nw

from retention_lib.base import engine
from retention_lib.portfolio._signals_facts import Facts, Frame
from retention_lib.portfolio._signals_state import (
    YEAR,
    Days,
    active_on,
    column,
    days_of,
    habits,
    states,
)

if TYPE_CHECKING:
    import pandas as pd

_STEP_DAYS, _STEPS = 7, 26
_COMPARING = ("falling_orders", "slowing")
"""Signs that compare stretches of time: since when is found by looking back week by week."""


def firing(facts: Facts, flagged: Frame, day: int) -> pd.DataFrame:
    """One row a customer for whom a sign fires on the day, with all that the signs looked at.

    ``worth`` is what the customer brought in the year up to the day.
    """
    rows = flagged.filter(column("at") == day)
    anything = nw.any_horizontal(
        *(column(f"fires_{code}") == 1 for code in facts.codes), ignore_nulls=False
    )
    year = facts.lines.filter(column("day") <= day, column("day") > day - YEAR)
    worth = year.group_by("code").agg(column("worth").sum())
    found = engine.collect(rows.filter(anything).join(worth, on="code", how="left"))
    return found.assign(worth=found["worth"].fillna(0.0)).sort_values(
        "customer_id", ignore_index=True
    )


def given_up(facts: Facts, day: int) -> pd.DataFrame:
    """One row a customer and range given up, the range that brought most in the year first.

    ``since`` is the day from which enough purchases without the range had been made.
    """
    if facts.ranges is None:
        raise ValueError("given_up needs the ranges")
    settings = facts.settings
    held = habits(facts, Days((day,), None)).filter(column("given_up") == 1)
    year = facts.lines.filter(column("day") <= day, column("day") > day - YEAR)
    worth = year.group_by("code", "product_range").agg(column("worth").sum())
    needed = math.log(settings.range_chance) / (1.0 - column("range_share")).log()
    told = facts.purchases.filter(column("day") <= day).select(
        "code", column("day").alias("told_day"), "place"
    )
    later = held.select("code", "product_range", "last_place", needed.alias("needed")).join(
        told, on="code", how="inner"
    )
    enough = later.filter(column("place") - column("last_place") >= column("needed"))
    since = enough.group_by("code", "product_range").agg(column("told_day").min())
    keys = ["code", "product_range"]
    found = engine.collect(held.join(since, on=keys, how="left").join(worth, on=keys, how="left"))
    found = found.assign(worth=found["worth"].fillna(0.0))
    found["since"] = found["told_day"].clip(lower=found["range_day"] + settings.range_days + 1)
    return found.sort_values(
        ["code", "worth", "product_range"], ascending=[True, False, True], ignore_index=True
    )


def compared_since(
    facts: Facts, flagged: Frame, yardsticks: Frame, day: int, found: pd.DataFrame
) -> dict[str, pd.Series]:
    """For signs that compare: code to the first of the weekly looks back since which it fires.

    Looked at with the base's figures of today, half a year back at most. Weeks in which a customer
    who buys less often was silent altogether do not break the spell. ``found`` is what fires.
    """
    wanted = [f"fires_{code}" for code in _COMPARING]
    if not found[wanted].to_numpy().any():
        return {}
    some = nw.any_horizontal(*(column(name) == 1 for name in wanted), ignore_nulls=False)
    with facts.kept(flagged.filter(column("at") == day).filter(some).select("code")) as codes:
        few = facts.limited(lambda frame: frame.join(codes, on="code", how="semi"))
        back = [day - _STEP_DAYS * step for step in range(1, _STEPS + 1)]
        with _looking_back(few, yardsticks, back, day) as seen:
            looked = engine.collect(seen.select("code", "at", *wanted, "fires_silent"))
    looked["fires_slowing"] = looked["fires_slowing"].clip(lower=looked["fires_silent"])
    return {code: _unbroken(looked, f"fires_{code}", day) for code in _COMPARING}


@contextmanager
def _looking_back(facts: Facts, yardsticks: Frame, back: list[int], day: int) -> Iterator[Frame]:
    with days_of(facts, back) as days:
        today = yardsticks.filter(column("at") == day).drop("at")
        # Only the signs that compare are asked for: the other tables need not be read.
        plain = facts.only(("silent", *_COMPARING))
        figures = days.on_each(today)
        with states(plain, active_on(plain, days), days, figures) as looked:
            yield looked


def _unbroken(looked: pd.DataFrame, fires: str, day: int) -> pd.Series:
    """Customer's code to the earliest of the looks back at which the sign fired ever since."""
    held = looked[looked[fires] == 1]
    steps = ((day - held["at"]) // _STEP_DAYS).sort_values()
    place = steps.groupby(held["code"]).cumcount() + 1
    whole = steps[steps == place]
    weeks = whole.groupby(held["code"]).max()
    days: pd.Series = day - _STEP_DAYS * weeks
    return days
