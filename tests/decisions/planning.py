"""Small bases with journeys that a person can check by hand, and the rules read from a plan."""

from dataclasses import replace
from datetime import date, timedelta
from functools import cache

import numpy as np
import pandas as pd

from retention_lib.base.customer_base import CustomerBase
from retention_lib.decisions._journey_steps import CHANNELS, JOURNEYS
from retention_lib.decisions._plan_facts import BANDS, facts_of

AS_OF = date(2025, 12, 31)


def journeys(rows):
    """The table of ``assign_journeys`` for customers described by dictionaries."""
    usual = {
        "name": "Someone",
        "journey": "Cold retention",
        "why": "41 % likely to leave",
        "at_stake": 100.0,
        "journey_code": "cold",
        "reason_code": "likely_to_leave",
        "contactable": True,
        "account_manager": "Julie",
        "open_complaint": False,
        "churn_probability": 0.5,
        "value": 200.0,
        "value_band": "high",
        "lacking_range": None,
        "horizon_days": 365,
    }
    return pd.DataFrame(
        [{"customer_id": f"C{number:03}", **usual, **row} for number, row in enumerate(rows)]
    )


def base_of(table, contacts=(), *, language="en", columns=True, later=()):
    """A base of those customers; ``contacts``: pairs of a customer's code and days before as_of."""
    ids = table["customer_id"]
    lines = pd.DataFrame({"customer_id": ids, "date": pd.Timestamp(AS_OF), "amount": 50.0})
    lines = pd.concat([lines, pd.DataFrame(later)]) if len(later) else lines
    sent = pd.DataFrame(
        {
            "customer_id": [one for one, _ in contacts],
            "date": pd.to_datetime([AS_OF - timedelta(days=days) for _, days in contacts]),
            "channel": "email",
            "kind": "newsletter",
            "direction": "out",
        }
    )
    known = table[["customer_id", "account_manager", "contactable"]].copy()
    for name, value in (("email", "a@example.org"), ("phone", "0102030405")):
        if columns:
            # "" in a row is nothing on file; what a row does not say, everybody has.
            given = table[name] if name in table else pd.Series(value, index=table.index)
            known[name] = given.fillna(value).replace("", None)
    return CustomerBase.from_tables(
        lines,
        customers=known,
        interactions=sent if len(sent) else None,
        as_of=AS_OF,
        language=language,
        currency="EUR",
    )


def facts(rows, contacts=(), **options):
    table = journeys(rows)
    return facts_of(base_of(table, contacts, **options), table)


@cache
def _plain():
    return facts([{"account_manager": one} for one in ["Julie", "Marc", None] * 9])


def quick_facts(rows, contacts=()):
    """The same as :func:`facts` without a base of their own: for very many."""
    plain, table = _plain(), journeys(rows)
    on_file = [one["account_manager"] for one in rows]
    owner = np.array([("Julie", "Marc").index(one) if one else -1 for one in on_file])
    zero = plain.base.as_of_day
    past = sorted((int(one[1:]), zero - days) for one, days in contacts)
    recent = [(who, day) for who, day in past if day > zero - 90]
    numbers = {band: place for place, band in enumerate(BANDS)}
    return replace(
        plain,
        customer_id=table["customer_id"],
        name=table["name"],
        journey=np.array([JOURNEYS.index(one["journey_code"]) for one in rows]),
        journey_words=table["journey"],
        why=table["why"],
        reason_code=table["reason_code"],
        at_stake=table["at_stake"].to_numpy(),
        value=table["value"].to_numpy(),
        chance=table["churn_probability"].to_numpy(),
        band=np.array([numbers.get(one["value_band"], 3) for one in rows]),
        contactable=table["contactable"].to_numpy(),
        open_complaint=table["open_complaint"].to_numpy(),
        owner=owner,
        reach={
            **{name: np.ones(len(rows), dtype=bool) for name in CHANNELS},
            "email": np.array([one["email"] != "" for one in rows]),
            "call": np.array([one["phone"] != "" for one in rows]),
            "visit": owner >= 0,
        },
        contact_customer=np.array([who for who, _ in recent], dtype=np.int64),
        contact_day=np.array([day for _, day in recent], dtype=np.int64),
        counting=lambda since: np.bincount(
            np.array([who for who, day in past if day > since], dtype=np.int64),
            minlength=len(rows),
        ),
    )


def days_of(dates):
    return (pd.to_datetime(dates) - pd.Timestamp("1970-01-01")).dt.days.to_numpy()


def broken(plan, contacts=()):
    """Every rule that the table of actions breaks, read from it and the base alone."""
    table, settings, known = plan.to_frame(), plan.draft.settings, plan.facts
    wrong = []
    if table["cost"].sum() > settings.budget * (1 + 1e-9) + 1e-6:
        wrong.append("budget")
    hours = settings.hours
    managed = table[table["minutes"] > 0].groupby(["owner", "week"])["minutes"].sum()
    for (owner, _week), minutes in managed.items():
        most = hours.get(owner, 5.0) if isinstance(hours, dict) else hours
        if minutes > 60 * most * (1 + 1e-9):
            wrong.append(f"time of {owner}")
    place = {one: number for number, one in enumerate(known.customer_id)}
    sent = table[table["channel_code"] != "task"]
    start = pd.Timestamp(settings.start)
    agreed = known.customer_id[known.contactable]
    wrong += [f"{one} without consent" for one in table["customer_id"] if one not in set(agreed)]
    for customer, own in sent.groupby("customer_id"):
        number = place[customer]
        if own["journey_code"].nunique() > 1:
            wrong.append(f"{customer} in two journeys")
        for channel in own["channel_code"]:
            if not known.reach[channel][number]:
                wrong.append(f"{customer} by {channel}")
        promotions = {step.code for step in settings.steps if step.promotion}
        if known.open_complaint[number] and promotions & set(own["step_code"]):
            wrong.append(f"promotion to {customer}")
        day_zero = (pd.Timestamp(AS_OF) - pd.Timestamp("1970-01-01")).days
        past = [day_zero - days for one, days in contacts if one == customer]
        planned = list(days_of(own["date"]))
        every = sorted(past + planned)
        for day in planned:
            window = [one for one in every if day - 30 < one <= day]
            if len(window) > settings.rules.most_in_30_days:
                wrong.append(f"{customer} more than {settings.rules.most_in_30_days}")
            if any(0 <= day - one < settings.rules.rest_days for one in past):
                wrong.append(f"{customer} without rest")
        gaps = np.diff(sorted(planned))
        if (gaps < settings.rules.rest_days).any():
            wrong.append(f"{customer} without rest")
    dates = pd.to_datetime(table["date"])
    end = start + pd.Timedelta(weeks=settings.weeks)
    if ((dates < start) | (dates >= end)).any():
        wrong.append("outside the plan")
    if (dates.dt.day_of_week > 4).any():
        wrong.append("weekend")
    if ((dates - start).dt.days // 7 + 1 != table["week"]).any():
        wrong.append("week")
    done, held, left = (set(f["customer_id"]) for f in (table, plan.held_out, plan.left_out))
    if done & held or done & left or held & left or (done | held | left) != set(known.customer_id):
        wrong.append("customers lost or twice")
    if not plan.held_out["customer_id"].is_unique or not plan.left_out["customer_id"].is_unique:
        wrong.append("customers twice")
    if set(table.loc[table["channel_code"] == "task", "customer_id"]) - set(sent["customer_id"]):
        wrong.append("a task without a contact")
    return wrong
