"""Contact pressure: what counts as a contact, what followed, and how many are too many."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import retention_lib as rl
from retention_lib.decisions import _pressure_facts as facts
from retention_lib.decisions import _pressure_rates as rates
from retention_lib.decisions._pressure_contacts import (
    contacts,
    opt_outs,
    past_contacts,
    recent_contacts,
)
from retention_lib.decisions.contact_rules import ContactRules
from retention_lib.decisions.pressure import measure_pressure
from retention_lib.errors import ChoiceError, InputError
from retention_lib.portfolio.intervals import share_interval

AS_OF = "2024-12-31"


def frame(columns, *rows):
    table = pd.DataFrame(list(rows), columns=columns.split())
    return table.assign(date=pd.to_datetime(table["date"]))


def base_of(sales, *, polars=False, **tables):
    """A base of pandas tables, or of the same in Polars; a sale is a customer and a date."""
    lines = frame("customer_id date", *sales).assign(amount=10.0)
    options = {name: tables.pop(name) for name in ("as_of", "language") if name in tables}
    given = {"transactions": lines, **tables}
    if polars:
        given = {name: pl.from_pandas(table) for name, table in given.items()}
    return rl.CustomerBase.from_tables(**given, **({"as_of": AS_OF} | options))


SOLD = [("ann", "2024-01-10"), ("bob", "2024-01-10"), ("cid", "2024-12-31")]
TOLD = "customer_id date channel kind direction campaign_id"
SENT = frame(
    TOLD,
    ("ann", "2024-12-31", "email", "newsletter", "out", None),
    ("ann", "2024-12-31", "call", "follow_up", "out", None),  # another channel: another contact
    ("ann", "2024-12-31", "call", "follow_up", "out", None),  # the same twice: one
    ("ann", "2024-12-02", "visit", "follow_up", "sortant", None),  # 30 days counting both ends
    ("ann", "2024-12-01", "email", "newsletter", "out", None),  # one day too early
    ("ann", "2023-12-31", "email", "newsletter", "out", None),  # over a year ago
    ("ann", "2024-12-30", "email", "question", "in", None),  # came in
    ("ann", "2024-12-29", "email", "newsletter opened", "out", None),  # was sent before
    ("bob", "2024-06-01", "email", "unsubscribe", "in", None),
    ("bob", "2024-05-31", "email", "complaint_reply", None, None),  # no direction, goes out
    ("bob", "2024-05-30", "letter", "cancellation_request", None, None),
    ("bob", "2024-05-29", "letter", "complaint", None, None),
    ("bob", "2024-05-28", "email", "campaign", "out", "LOGGED"),
)
CAMPAIGNS = frame(
    "campaign_id customer_id date group",
    ("LOGGED", "bob", "2024-05-28", "treated"),
    ("LOGGED", "cid", "2024-05-28", "treated"),  # the calls of this campaign are on file: not made
    ("QUIET", "cid", "2024-12-15", "Treated"),
    ("QUIET", "bob", "2024-12-15", "control"),
    ("QUIET", "ann", "2024-12-31", "treated"),  # already counted that day
)


@pytest.mark.parametrize("polars", [False, True])
def test_contacts_are_what_went_out_counted_by_hand(polars):
    base = base_of(SOLD, interactions=SENT, campaigns=CAMPAIGNS, polars=polars)
    found = past_contacts(base).set_index("customer_id")
    assert found[["contacts_30", "contacts_365"]].to_dict("index") == {
        "ann": {"contacts_30": 3, "contacts_365": 4},
        "bob": {"contacts_30": 0, "contacts_365": 2},
        "cid": {"contacts_30": 1, "contacts_365": 1},
    }
    assert found["last_contact_day"].tolist() == [
        (pd.Timestamp(day) - pd.Timestamp("1970-01-01")).days
        for day in ("2024-12-31", "2024-05-31", "2024-12-15")
    ]
    recent = recent_contacts(base, 30)
    assert recent["customer_id"].tolist() == ["ann"] * 3 + ["cid"]
    assert (base.as_of_day - recent["day"]).tolist() == [29, 0, 0, 16]


def test_without_directions_requests_opt_outs_and_complaints_are_no_contacts():
    undirected = SENT.drop(columns=["direction"])
    found = past_contacts(base_of(SOLD, interactions=undirected)).set_index("customer_id")
    # ann's question cannot be told from what went out any more; the opened e-mail can.
    assert found["contacts_365"].to_dict() == {"ann": 5, "bob": 2}


def test_interactions_with_nothing_but_a_date_are_contacts_one_a_day():
    bare = SENT[["customer_id", "date"]]
    found = past_contacts(base_of(SOLD, interactions=bare)).set_index("customer_id")
    assert found.loc["ann", "contacts_30"] == 4


def test_a_base_with_campaigns_only_counts_who_was_treated():
    found = past_contacts(base_of(SOLD, campaigns=CAMPAIGNS)).set_index("customer_id")
    assert found["contacts_365"].to_dict() == {"ann": 1, "bob": 1, "cid": 2}


def test_a_base_without_both_tables_has_no_contacts():
    base = base_of(SOLD)
    assert contacts(base) is None
    assert opt_outs(base) is None
    assert past_contacts(base).columns.tolist() == [
        "customer_id",
        "contacts_30",
        "contacts_365",
        "last_contact_day",
    ]
    assert len(past_contacts(base)) == len(recent_contacts(base, 30)) == 0


def test_contacts_of_tomorrow_are_not_counted():
    base = base_of(SOLD, interactions=SENT, campaigns=CAMPAIGNS).at("2024-12-30")
    found = past_contacts(base).set_index("customer_id")
    assert found.loc["ann", "contacts_30"] == 2  # of 1 and of 2 December


# --- What followed, by hand -----------------------------------------------------------------

# As of 31 December 2024 the latest look is from 2 October, the one before from 2 September.
LOOKED = frame(
    TOLD,
    ("ann", "2024-08-01", "email", "newsletter", "out", None),
    ("ann", "2024-09-10", "email", "newsletter", "out", None),
    ("ann", "2024-10-02", "email", "newsletter", "out", None),
    ("bob", "2024-09-20", "email", "newsletter", "out", None),
    ("bob", "2024-09-21", "email", "unsubscribe", "in", None),
    ("cid", "2024-09-15", "email", "newsletter", "out", None),
)
BOUGHT = [
    ("ann", "2024-01-10"),
    ("ann", "2024-10-20"),  # 18 days after the look of 2 October, 48 after that of 2 September
    ("bob", "2024-01-10"),
    ("cid", "2024-01-10"),
    ("dee", "2023-01-01"),  # not active
]


@pytest.fixture(scope="module", params=["duckdb", "polars"])
def by_hand(request):
    base = base_of(BOUGHT, interactions=LOOKED, polars=request.param == "polars")
    sent = contacts(base)
    dates = facts.dates_of(base, *facts.first_days(base, sent))
    assert [base.as_of_day - day for day in dates] == [90, 120]
    return facts.gather(base, "value", dates, sent)


def cell(sums, name):
    everybody = sums[sums["segment"] == facts.EVERYBODY].set_index("cell")
    return everybody.loc[name]


def test_each_look_is_counted_with_its_contacts_and_what_followed(by_hand):
    # 2 September: three customers without contact; ann buys within 90 days, not within 30.
    assert cell(by_hand.looks, "=0")[["looks", "bought_30", "bought_90"]].tolist() == [3, 0, 1]
    # 2 October: bob has opted out; cid had one contact, ann two, and ann buys.
    assert cell(by_hand.looks, "=1")[["looks", "bought_30", "bought_90"]].tolist() == [1, 0, 0]
    assert cell(by_hand.looks, "=2")[["looks", "bought_30", "bought_90"]].tolist() == [1, 1, 1]
    # A year has not passed since: nobody can be told lost.
    assert by_hand.looks["looks_lost"].sum() == 0
    assert by_hand.dates_lost == 0


def test_an_opt_out_answers_the_contact_before_it(by_hand):
    assert cell(by_hand.sent, "=1")[["contacts", "opt_outs"]].tolist() == [3, 1]
    assert cell(by_hand.sent, "=2")[["contacts", "opt_outs"]].tolist() == [1, 0]


def test_who_complained_in_those_days_is_not_looked_at():
    complaints = frame("customer_id date kind", ("ann", "2024-09-11", "complaint"))
    base = base_of(BOUGHT, interactions=LOOKED, feedback=complaints)
    sent = contacts(base)
    counted = facts.gather(base, "value", facts.dates_of(base, *facts.first_days(base, sent)), sent)
    assert "=2" not in set(counted.looks["cell"])
    assert counted.without_troubled


def test_a_customer_is_lost_when_its_window_passes_without_a_purchase():
    base = base_of(
        [("ann", "2022-12-01"), ("bob", "2022-12-01"), ("bob", "2023-12-20"), ("z", "2024-12-31")],
        interactions=frame("customer_id date", ("ann", "2022-11-01"), ("ann", "2022-12-20")),
    )
    sent = contacts(base)
    dates = facts.dates_of(base, *facts.first_days(base, sent))
    sums = facts.gather(base, "value", dates, sent).looks
    own = sums[(sums["segment"] == "") & sums["cell"].str.startswith("=")]
    known = [day for day in dates if day + 365 <= base.as_of_day]
    day = {name: (pd.Timestamp(name) - pd.Timestamp("1970-01-01")).days for name in
           ("2022-12-01", "2023-12-20")}  # fmt: skip
    ann = [d for d in known if day["2022-12-01"] <= d < day["2022-12-01"] + 365]
    bob_lost = [d for d in ann if d + 365 < day["2023-12-20"]]
    later = [d for d in known if day["2023-12-20"] <= d < day["2023-12-20"] + 365]
    assert own["lost"].sum() == len(ann) + len(bob_lost) + len(later)
    assert own["looks_lost"].sum() == 2 * len(ann) + len(later)


# --- Shares and their ranges ------------------------------------------------------------------


def sums_of(segment, name, values):
    """One cell from (looks, hits) of each customer, as the engine sums it."""
    n, y = (np.array(column, dtype=float) for column in zip(*values, strict=True))
    row = {"segment": segment, "cell": name, "looks": n.sum(), "lost": y.sum()}
    row |= {"lost_nn": (n * n).sum(), "lost_ny": (n * y).sum(), "lost_yy": (y * y).sum()}
    row |= {"looks_lost": n.sum(), "looks_lost_customers": len(n)}
    return row


def test_looks_of_different_customers_are_independent_cases():
    share = rates.share_of(pd.Series(sums_of("", "=1", [(1, 1)] * 8 + [(1, 0)] * 32)), "lost")
    assert share.value == 0.2
    assert share.worth == pytest.approx(40 * 39 / 40)
    whole = rates.Share(8, 40, 40, 40)
    assert whole.between() == pytest.approx(share_interval(8, 40))


def test_ten_looks_at_each_customer_that_all_tell_the_same_count_once():
    once = rates.share_of(pd.Series(sums_of("", "=1", [(1, 1)] * 8 + [(1, 0)] * 32)), "lost")
    often = rates.share_of(pd.Series(sums_of("", "=1", [(10, 10)] * 8 + [(10, 0)] * 32)), "lost")
    assert often.n == 400
    assert often.worth == pytest.approx(once.worth)
    nobody = rates.share_of(pd.Series(sums_of("", "=1", [(10, 0)] * 40)), "lost")
    assert nobody.worth == 40


def test_the_spread_between_customers_is_that_of_a_cluster_robust_regression():
    # Looks of 5 customers on a constant, statsmodels 0.15 OLS with cov_type="cluster" and
    # use_correction=False: a standard error of 0.16107519, before the usual 5 / 4 for 5 customers.
    values = [(4, 1), (2, 2), (3, 0), (1, 1), (2, 1)]
    share = rates.share_of(pd.Series(sums_of("", "=1", values)), "lost")
    p = 5 / 12
    assert np.sqrt(p * (1 - p) / share.worth) == pytest.approx(0.16107519 * np.sqrt(5 / 4))


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 400), st.data())
def test_a_range_holds_its_share_and_lies_between_none_and_all(n, data):
    hits = data.draw(st.integers(0, n))
    worth = data.draw(st.floats(1, n)) if n > 1 else 1.0
    low, high = rates.Share(hits, n, worth, n).between()
    assert 0 <= low <= hits / n <= high <= 1


# --- From how many on it is too much ----------------------------------------------------------


def facts_of(rng, shares, customers):
    """Facts whose customers are lost with the probability of their level, looked at once."""
    rows = []
    for segment in ("", "small", "large"):
        drawn = {level: rng.random(customers) < share for level, share in shares.items()}
        levels = {f"={level}": [level] for level in shares}
        levels |= {f"<{level}": [low for low in shares if 1 <= low < level] for level in shares}
        for name, inside in levels.items():
            if inside:
                lost = np.concatenate([drawn[level] for level in inside]).astype(float)
                rows.append(sums_of(segment, name, [(1, hit) for hit in lost]))
    looks = pd.DataFrame(rows)
    return facts.PressureFacts(looks, None, (0,), 1, 1, False)


def verdict_of(found, segment=""):
    return next(one for one in found if one.segment == segment and one.measure == "lost")


def test_a_rise_beyond_three_contacts_is_found():
    shares = {1: 0.1, 2: 0.1, 3: 0.1, 4: 0.3, 5: 0.3, 6: 0.3}
    found = rates.judge(facts_of(np.random.default_rng(1), shares, 1500), ["", "small", "large"])
    verdict = verdict_of(found)
    assert (verdict.code, verdict.acceptable) == ("rises", 3)
    assert verdict.before.value == pytest.approx(0.1, abs=0.02)
    assert verdict.beyond.value == pytest.approx(0.3, abs=0.04)


def test_where_nothing_rises_a_rise_is_found_in_at_most_one_base_of_twenty():
    shares, rng = dict.fromkeys(range(1, 7), 0.12), np.random.default_rng(2)
    segments = ["", "small", "large"]
    runs = [rates.judge(facts_of(rng, shares, 120), segments) for _ in range(100)]
    false = [any(one.code == "rises" for one in found) for found in runs]
    assert sum(false) <= 5


def test_many_customers_without_a_rise_say_so_and_few_cannot_tell():
    shares, rng = dict.fromkeys(range(1, 7), 0.12), np.random.default_rng(3)
    many = verdict_of(rates.judge(facts_of(rng, shares, 2000), [""]))
    assert (many.code, many.acceptable) == ("no_rise_seen", 6)
    few = verdict_of(rates.judge(facts_of(rng, shares, 29), [""]))
    assert (few.code, few.acceptable) == ("cannot_tell", 0)


def test_a_small_rise_is_not_called_one_however_sure_it_is():
    lower, upper = rates.Share(20_000, 200_000, 200_000, 9), rates.Share(24_000, 200_000, 2e5, 9)
    assert not rates.rising(lower, upper, 3.0)
    assert rates.rising(lower, rates.Share(26_000, 200_000, 200_000, 9), 3.0)


# --- Known truth ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def tired():
    """In this world the fourth contact in 28 days tires, and tired customers leave."""
    base, _ = rl.simulate_base(
        800,
        seed=1,
        language="en",
        overcontacted_share=0.4,
        opt_out_share=0.003,
        fatigue_contacts=3,
        fatigue_excess=30.0,
    )
    return base, measure_pressure(base)


def everybody(result):
    return {one.measure: (one.code, one.acceptable) for one in result.verdicts if not one.segment}


def test_the_number_of_contacts_that_tires_in_the_simulated_world_is_found(tired):
    _, result = tired
    # Opt-outs are six times as frequent from the fourth contact on; from three contacts in a
    # month on, customers leave.
    assert everybody(result) == {"opt_outs": ("rises", 3), "lost": ("rises", 2)}
    assert result.rules() == ContactRules(most_in_30_days=2)
    assert "This is no proof" in result.sentence()


def test_in_a_world_without_fatigue_no_limit_is_found():
    base, _ = rl.simulate_base(
        800, seed=1, language="en", overcontacted_share=0.4, opt_out_share=0.003,
        fatigue_contacts=10_000,
    )  # fmt: skip
    result = measure_pressure(base)
    assert {one.code for one in result.verdicts} <= {"no_rise_seen", "cannot_tell"}
    assert result.rules() == ContactRules()
    assert "no clear limit" in result.rules_sentence()


def test_polars_counts_what_duckdb_counts(tired):
    base, result = tired
    given = {name: pl.from_pandas(base.to_pandas(name)) for name in
             ("transactions", "customers", "interactions", "feedback", "campaigns")}  # fmt: skip
    other = rl.CustomerBase.from_tables(**given, as_of=base.as_of)
    again = measure_pressure(other)
    pd.testing.assert_frame_equal(result.table, again.table)
    pd.testing.assert_frame_equal(result.customers, again.customers)


def test_rows_after_the_date_change_nothing():
    later = frame(
        TOLD,
        ("ann", "2025-01-01", "email", "newsletter", "out", None),
        ("cid", "2025-01-01", "email", "unsubscribe", "in", None),
    )
    campaign = frame("campaign_id customer_id date group", ("NEXT", "ann", "2025-01-02", "treated"))
    complaint = frame("customer_id date kind", ("ann", "2025-01-03", "complaint"))
    known = base_of(BOUGHT, interactions=LOOKED, campaigns=CAMPAIGNS, feedback=complaint[:0])
    ahead = base_of(
        [*BOUGHT, ("ann", "2025-01-05"), ("cid", "2025-02-01")],
        interactions=pd.concat([LOOKED, later]),
        campaigns=pd.concat([CAMPAIGNS, campaign]),
        feedback=complaint,
    )
    seen, told = measure_pressure(known), measure_pressure(ahead)
    pd.testing.assert_frame_equal(seen.table, told.table)
    pd.testing.assert_frame_equal(seen.customers, told.customers)
    assert seen.table["looks"].sum() > 0


def test_the_looks_of_the_segments_add_up_to_those_of_everybody(tired):
    _, result = tired
    table = result.table
    for level, rows in table.groupby("level"):
        own = rows["segment_code"] == ""
        for name in ("looks", "contacts", "opt_outs"):
            assert rows.loc[own, name].sum() == rows.loc[~own, name].sum(), (level, name)
    shares = table[table["lost_later"].notna()]
    assert (shares["lost_later_low"] <= shares["lost_later"]).all()
    assert (shares["lost_later"] <= shares["lost_later_high"]).all()


# --- Today's pressure -------------------------------------------------------------------------


def test_todays_pressure_is_counted_beside_the_rules_by_hand():
    sold = [(name, day) for name in ("ann", "bob", "cid") for day in ("2023-06-01", "2024-12-01")]
    sold += [("bob", "2024-12-02"), ("ann", "2024-12-02"), ("ann", "2024-12-03")]
    customers = pd.DataFrame(
        {"customer_id": ["ann", "bob", "cid", "dee"], "contactable": [True, True, True, False]}
    )
    base = base_of([*sold, ("dee", "2024-12-01")], interactions=SENT.iloc[:8], customers=customers)
    result = measure_pressure(base)
    now = result.now()
    assert now.table["customers"].tolist() == [2, 0, 0, 1, 0, 0, 0]  # dee must not be contacted
    assert now.table["above_rule"].tolist() == [0, 0, 0, 1, 0, 0, 0]
    # ann had four in the year, bob none; cid is in the lowest third.
    assert (now.above, now.worth_it, now.below) == (1, 2, 1)
    assert now.sentence().startswith("A sketch: 1 of 3 active customers")
    loose = result.now(rules=ContactRules(most_in_30_days=3, least_a_year=5))
    assert (loose.above, loose.below) == (0, 2)
    with pytest.raises(InputError, match="ContactRules"):
        result.now(rules=3)


# --- What is missing is said ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tables", "language", "says"),
    [
        ({}, "en", "a table of interactions"),
        ({}, "fr", "une table des interactions"),
        ({"interactions": SENT[1:2]}, "en", "since 31 December 2024"),
        ({"interactions": SENT[4:5]}, "fr", "depuis le 1er décembre 2024"),
        ({"interactions": SENT[8:9]}, "en", "No contact with an active customer"),
        ({"interactions": LOOKED}, "fr", "Vos données ne permettent pas"),
    ],
)
def test_what_cannot_be_told_is_said_with_what_is_missing(tables, language, says):
    result = measure_pressure(base_of(SOLD, **tables, language=language))
    assert says in result.sentence()
    assert "proof" not in result.sentence()
    assert "preuve" not in result.sentence()
    assert result.rules() == ContactRules()
    assert len(result._repr_html_()) > 100
    assert result.now().sentence().endswith(".")
    assert result.acceptable.sentence() == result.sentence()


def test_refunds_only_one_day_and_closed_accounts_are_no_errors():
    sent = frame("customer_id date", ("ann", "2024-01-01"), ("ann", "2024-07-01"))
    refunds = frame("customer_id date", ("ann", "2024-01-10")).assign(amount=-5.0)
    base = rl.CustomerBase.from_tables(refunds, interactions=sent, as_of=AS_OF)
    assert "No customer was active" in measure_pressure(base).sentence()
    one_day = base_of([("ann", "2024-01-10")], interactions=sent, as_of="2024-01-10")
    assert "Too early" in measure_pressure(one_day).sentence()
    shut = pd.DataFrame({"customer_id": ["ann"], "closed_on": pd.to_datetime(["2024-02-01"])})
    closed = base_of([("ann", "2024-01-10")], interactions=sent, customers=shut)
    assert measure_pressure(closed).rules() == ContactRules()


def test_wrong_arguments_are_answered_with_what_can_be_asked():
    base = base_of(SOLD, interactions=LOOKED)
    with pytest.raises(ChoiceError, match="'value'"):
        measure_pressure(base, by="size")
    with pytest.raises(ChoiceError, match="got True"):
        measure_pressure(base, by=True)
    with pytest.raises(InputError, match="CustomerBase"):
        measure_pressure(SENT)
