"""Reasons against what is known of simulated customers: planted causes come out on top."""

from functools import cache

import pytest

import retention_lib as rl

CALM = {
    "complaint_excess": 0.0,
    "neglect_excess": 0.0,
    "dissatisfaction_excess": 0.0,
    "fatigue_excess": 0.0,
    "single_contact_excess": 0.0,
}
WORLDS = {
    "complaint": {**CALM, "complaint_excess": 25.0, "unresolved_share": 0.6},
    "contact": {**CALM, "neglect_excess": 20.0, "neglected_share": 0.4},
    "none": {**CALM, "unresolved_share": 0.6, "neglected_share": 0.4, "closure_share": 0.0},
}


@cache
def told(world):
    """Of each customer scored: what is known of it, what was told, what was true."""
    base, truth = rl.simulate_base(
        700,
        seed=33,
        years=2.5,
        language="en",
        hazard_per_year=0.08,
        complaints_per_year=0.6,
        **WORLDS[world],
    )
    scores = rl.fit_churn(base).score(base)
    reasons = scores.reasons().to_frame()
    seen = scores.seen.set_index("customer_id")
    true = truth.customers.set_index("customer_id").reindex(seen.index)
    return seen, reasons[reasons["direction"] == "raises"], true


def share_told(family, world, these):
    """How often a family is told as raising the risk, of some customers."""
    seen, raising, _ = told(world)
    named = seen.index.isin(raising.loc[raising["family_code"] == family, "customer_id"])
    assert these.sum() >= 30
    return named[these.to_numpy()].mean()


def open_complaint(world):
    return told(world)[0]["complaints_open"] > 0


def neglected(world):
    return told(world)[0]["days_since_contact"] > 91


@pytest.mark.parametrize(
    ("family", "affected", "hazard"),
    [
        ("complaint", open_complaint, "hazard_complaint"),
        ("contact", neglected, "hazard_neglect"),
    ],
)
def test_a_planted_cause_is_told_for_those_it_endangers(family, affected, hazard):
    concerned = affected(family)
    named, others = (share_told(family, family, these) for these in (concerned, ~concerned))
    assert named > 0.3 and named > 3 * others
    # Of those who are still undecided, the cause truly raises the hazard of some.
    true = told(family)[2]
    undecided = true["decided_on"].isna()
    endangered = undecided & (true[hazard] > 0)
    named, others = (
        share_told(family, family, these) for these in (endangered, undecided & ~endangered)
    )
    assert named > 0.3 and named > 3 * others


@pytest.mark.parametrize(
    ("family", "affected"), [("complaint", open_complaint), ("contact", neglected)]
)
def test_what_does_no_harm_is_hardly_ever_told(family, affected):
    assert share_told(family, "none", affected("none")) < 0.1


@pytest.mark.parametrize(
    ("family", "affected", "words"),
    [
        ("complaint", open_complaint, "complaints? still open"),
        ("contact", neglected, "No personal contact for"),
    ],
)
def test_a_planted_cause_is_told_in_its_own_words(family, affected, words):
    concerned = affected(family)
    _, raising, _ = told(family)
    own = raising[raising["family_code"] == family]
    own = own[own["customer_id"].isin(concerned.index[concerned])]
    assert own["sentence"].str.contains(words).mean() > 0.9


def test_who_has_truly_gone_silent_is_told_so():
    seen, raising, true = told("none")
    as_of = seen["date"].iloc[0]
    gone = (as_of - true["leave_day"]).dt.days > 60
    first = raising[(raising["rank"] == 1) & raising["family_code"].isin(["silence", "rhythm"])]
    named = seen.index.isin(first["customer_id"])
    assert gone.sum() >= 30
    assert named[gone].mean() > 0.9
    assert named[~gone].mean() < 0.5
