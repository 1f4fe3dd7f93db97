"""Which journey each customer is in: one rule after another, the first that holds decides."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from retention_lib.decisions._journey_facts import JourneyFacts
from retention_lib.decisions._journey_settings import JourneySettings

if TYPE_CHECKING:
    import pandas as pd

Flags = np.ndarray[Any, np.dtype[np.bool_]]
Values = np.ndarray[Any, np.dtype[np.float64]]

REASONS: dict[str, str] = {
    "no_consent": "rest",
    "request": "hot",
    "complaint_many": "hot",
    "complaint_long": "hot",
    "answer_bad": "hot",
    "never_bought": "rest",
    "closed_for_good": "rest",
    "lost_long_ago": "rest",
    "lost_small": "rest",
    "lost": "win_back",
    "new": "welcome",
    "likely_to_leave": "cold",
    "silent": "cold",
    "complaint_open": "prevention",
    "answer_unhappy": "prevention",
    "sign": "prevention",
    "contacted_enough": "rest",
    "nothing_there": "rest",
    "lacks_range": "develop",
    "little_of_range": "develop",
    "kept_in_touch": "nurture",
}
"""Codes of the reasons in the order in which they are looked at, and the journey of each."""

BANDS = ("high", "middle", "low")


def choose(facts: JourneyFacts, settings: JourneySettings) -> Any:
    """The code of the reason of each customer, the first in ``REASONS`` that holds."""
    holds = rules(facts, settings)
    assert tuple(holds) == tuple(REASONS)
    codes = np.array(list(REASONS), dtype=object)
    place = np.select(list(holds.values()), list(range(len(codes))), default=len(codes) - 1)
    return codes[place]


def rules(facts: JourneyFacts, settings: JourneySettings) -> dict[str, Flags]:
    """For each reason who it would hold for, in the order in which they are looked at."""
    table, now = facts.customers, facts.as_of_day
    active = table["active"].to_numpy(dtype=bool)
    said = _said(table, now, settings) if len(table) else {}
    never = (table["lifetime_purchases"] == 0).to_numpy() & ~active
    gone = ~active & ~never
    ago = now - _days(table, "lost_day")
    small = table["annual_value"].to_numpy(dtype=float) < least_to_win_back(facts, settings)
    loyal = _loyal(table, now, settings)
    kind = table["lacking_kind"].astype(object).to_numpy()
    nothing = np.zeros(len(table), dtype=bool)
    everybody = ~nothing
    cold, silent = _cold(facts, settings)
    return {
        "no_consent": ~table["contactable"].to_numpy(dtype=bool),
        **{
            code: active & said.get(code, nothing)
            for code in ("request", "complaint_many", "complaint_long", "answer_bad")
        },
        "never_bought": never,
        "closed_for_good": gone & table["for_good"].to_numpy(dtype=bool),
        "lost_long_ago": gone & (ago > settings.win_back_days),
        "lost_small": gone & small,
        "lost": gone,
        "new": active & _new(facts, settings),
        "likely_to_leave": active & cold,
        "silent": active & silent,
        "complaint_open": active & said.get("complaint_open", nothing),
        "answer_unhappy": active & said.get("answer_unhappy", nothing),
        "sign": active & (table["signs"] > 0).to_numpy(),
        "contacted_enough": (table["contacts_30"] >= settings.most_in_30_days).to_numpy(),
        "nothing_there": (table["annual_value"] <= 0).to_numpy(),
        "lacks_range": active & loyal & (kind == "lacks"),
        "little_of_range": active & loyal & (kind == "little"),
        "kept_in_touch": everybody,
    }


def _days(table: pd.DataFrame, name: str) -> Values:
    days: Values = table[name].to_numpy(dtype=float)
    return days


def _said(table: pd.DataFrame, now: int, settings: JourneySettings) -> dict[str, Flags]:
    """What customers said themselves: asked to leave, complained, answered badly."""
    asked, last = _days(table, "request_day"), _days(table, "last_day")
    # A contract goes on being billed while its end is near: no purchase takes that back.
    bound = table["is_contract"].to_numpy(dtype=bool)
    some, age = table["open_complaints"].to_numpy() > 0, now - _days(table, "complaint_day")
    until = settings.complaint_until_days
    score, fresh = _days(table, "score"), now - _days(table, "score_day") < settings.score_days
    with np.errstate(invalid="ignore"):
        return {
            "request": (now - asked < settings.request_days) & (bound | ~(last > asked)),
            "complaint_many": some
            & (age <= until)
            & (table["complaints_year"].to_numpy() >= settings.complaints_many),
            "complaint_long": some & (age > settings.complaint_days) & (age <= until),
            "answer_bad": fresh & (score <= settings.bad_score),
            "complaint_open": some,
            "answer_unhappy": fresh & (score <= settings.unhappy_score),
        }


def _new(facts: JourneyFacts, settings: JourneySettings) -> Flags:
    """Whose first purchase is recent, and is known to be the first.

    Where the file begins less than ``welcome_days`` before it, an earlier purchase may simply
    not be on file; who is known to have come then (``acquired_on``) is new all the same.
    """
    table = facts.customers
    first, came = _days(table, "first_day"), _days(table, "acquired_day")
    with np.errstate(invalid="ignore"):
        recent = facts.as_of_day - first < settings.welcome_days
        known = (first - facts.seen_from >= settings.welcome_days) | (came >= first)
    return np.asarray(recent & known)


def _cold(facts: JourneyFacts, settings: JourneySettings) -> tuple[Flags, Flags]:
    """Whose forecast is bad; and, of who has no forecast, who is silent beyond its habit."""
    table = facts.customers
    chance = table["churn_probability"].to_numpy(dtype=float)
    known = np.isfinite(chance)
    bad = known & (np.nan_to_num(chance) >= settings.cold_from(facts.average_risk))
    return bad, ~known & (table["sign_code"].astype(object) == "silent").to_numpy(dtype=bool)


def _loyal(table: pd.DataFrame, now: int, settings: JourneySettings) -> Flags:
    often = (table["purchases"] >= settings.loyal_purchases).to_numpy()
    with np.errstate(invalid="ignore"):
        long = now - _days(table, "first_day") >= settings.loyal_days
    return np.asarray(long & (often | table["is_contract"].to_numpy(dtype=bool)))


def least_to_win_back(facts: JourneyFacts, settings: JourneySettings) -> float:
    """What the last year of a lost customer must have been worth to win it back."""
    table = facts.customers
    active = table["active"].to_numpy(dtype=bool)
    of = table["annual_value"].to_numpy(dtype=float)
    of = of[active] if active.any() else of[of > 0]
    typical = float(np.median(of)) if len(of) else 0.0
    # Never zero: who brought nothing is not won back.
    return max(settings.win_back_share * max(typical, 0.0), 0.01)


def weigh(facts: JourneyFacts, journey: Any) -> pd.DataFrame:
    """What each journey acts on: ``churn_probability, value, at_stake, value_band``.

    Saves: the chance of leaving times what keeping the customer adds in the horizon. Returns:
    what a customer won back brings in its first year. Sells: the share of those alike who buy
    the range times what it typically brings a year.
    """
    import pandas as pd

    table = facts.customers
    risk = table["at_risk"].to_numpy(dtype=float)
    told = table["churn_probability"].to_numpy(dtype=float)
    asked = (journey == "hot") & np.isfinite(_days(table, "request_day"))
    if np.isfinite(facts.request_rate):
        # Who asks to leave leaves more often than the model, which cannot know, expects.
        risk = np.where(asked, np.fmax(risk, facts.request_rate), risk)
        told = np.where(asked & np.isfinite(told), risk, told)
    kept = np.nan_to_num(table["value_if_kept"].to_numpy(dtype=float))
    annual = table["annual_value"].to_numpy(dtype=float)
    value = kept.copy()
    value[journey == "win_back"] = (facts.returns.share.likely * annual)[journey == "win_back"]
    sells = journey == "develop"
    value[sells] = table["lacking_value"].to_numpy(dtype=float)[sells]
    stake = np.nan_to_num(risk) * value
    stake = np.where(journey == "win_back", value, stake)
    chance = table["lacking_chance"].to_numpy(dtype=float)
    stake = np.where(sells, value * np.nan_to_num(chance), stake)
    stake = np.where(journey == "rest", 0.0, np.maximum(stake, 0.0))
    return pd.DataFrame(
        {
            "churn_probability": told,
            "value": np.round(np.where(journey == "rest", 0.0, value), 2),
            "at_stake": np.round(stake, 2),
            "value_band": value_bands(annual, table["active"].to_numpy(dtype=bool)),
        }
    )


def value_bands(annual: Values, active: Flags) -> Any:
    """High, middle or low: thirds of the active customers by what they bring a year.

    Lost ones are held against the same two bounds. Equal values share a band, the lower one.

    >>> value_bands(np.array([1.0, 2.0, 3.0, 9.0]), np.array([True, True, True, False])).tolist()
    ['low', 'middle', 'high', 'high']
    """
    of = annual[active] if active.any() else annual
    if not len(of):
        return np.array([], dtype=object)
    lower, upper = np.quantile(of, [1 / 3, 2 / 3])
    return np.where(annual > upper, "high", np.where(annual > lower, "middle", "low")).astype(
        object
    )
