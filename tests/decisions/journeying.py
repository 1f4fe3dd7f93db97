"""Facts of journeys made by hand: a sound customer, and what makes another one of it."""

from __future__ import annotations

from datetime import date
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from retention_lib.base import engine
from retention_lib.base.customer_base import CustomerBase
from retention_lib.decisions.journeys import JourneyFacts, JourneysResult, assign_journeys
from retention_lib.decisions.offers import OfferFacts
from retention_lib.wording import Language, Wording

TODAY = date(2025, 6, 30)
NOW = engine.day_number(TODAY)

SOUND: dict[str, Any] = {
    "name": None,
    "account_manager": None,
    "contactable": True,
    "is_contract": False,
    "active": True,
    "first_day": NOW - 900.0,
    "acquired_day": np.nan,
    "last_day": NOW - 20.0,
    "closed_day": np.nan,
    "lost_day": np.nan,
    "for_good": False,
    "cause": None,
    "annual_value": 300.0,
    "purchases": 6,
    "lifetime_purchases": 15,
    "churn_probability": 0.1,
    "at_risk": 0.1,
    "value_if_kept": 150.0,
    "request_day": np.nan,
    "complaint_day": np.nan,
    "open_complaints": 0,
    "complaints_year": 0,
    "open_ever": 0,
    "score": np.nan,
    "score_day": np.nan,
    "sign_code": None,
    "sign_evidence": None,
    "signs": 0,
    "lacking_range": None,
    "lacking_kind": None,
    "lacking_because": None,
    "lacking_value": np.nan,
    "lacking_chance": np.nan,
    "own_spend": np.nan,
    "typical_spend": np.nan,
    "contacts_30": 0,
    "contacts_365": 6,
    "last_contact_day": NOW - 40.0,
}
"""An active customer of 900 days with nothing to report."""

GONE: dict[str, Any] = {
    "active": False,
    "last_day": NOW - 400.0,
    "lost_day": NOW - 35.0,
    "purchases": 0,
    "churn_probability": np.nan,
    "at_risk": np.nan,
    "value_if_kept": np.nan,
}
"""What makes a lost customer of it."""


def table_of(*customers: dict[str, Any]) -> pd.DataFrame:
    """One row a customer: the sound one, changed."""
    rows = [{"customer_id": f"c{place}", **SOUND, **own} for place, own in enumerate(customers)]
    return pd.DataFrame(rows, columns=["customer_id", *SOUND])


def facts_of(*customers: dict[str, Any], language: Language = "en", **given: Any) -> JourneyFacts:
    """Facts of those customers, as of 30 June 2025, over 180 days, in margin."""
    how: dict[str, Any] = {
        "as_of": TODAY,
        "as_of_day": NOW,
        "horizon_days": 180,
        "measure": "margin",
        "average_risk": 0.1,
        "seen_from": NOW - 1500,
        "window": 365,
        "wording": Wording(language, "EUR"),
        **given,
    }
    return JourneyFacts(customers=table_of(*customers), **how)


@cache
def base_of(language: Language = "en") -> CustomerBase:
    """A base seen on the same day: what is asked of it is in the facts."""
    lines = pd.DataFrame({"customer_id": ["c0"], "date": pd.Timestamp(TODAY), "amount": 10.0})
    return CustomerBase.from_tables(lines, as_of=TODAY, language=language)


def journeys_of(*customers: dict[str, Any], settings: Any = None, **given: Any) -> JourneysResult:
    """The journeys of customers made by hand."""
    facts = facts_of(*customers, **given)
    base = base_of(given.get("language", "en"))
    return assign_journeys(base, settings=settings, facts=facts)


def offers_of(chances: dict[str, float], values: float = 100.0) -> OfferFacts:
    """A forecast made by hand, so that no model is fitted."""
    return OfferFacts(
        customer_id=np.array(list(chances), dtype=object),
        probability=np.array(list(chances.values()), dtype=float),
        value=np.full(len(chances), values),
        horizon_days=180,
    )
