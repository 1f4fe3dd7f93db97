"""Nothing after a date reaches a feature of that date, for every feature and on both engines.

The bases are generated; every table is there. The features are also worked out a second time
here, customer by customer in plain Python, from what the base itself shows on the date.
"""

import math
from datetime import date, timedelta

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

import retention_lib as rl
from retention_lib.base import engine
from retention_lib.base.customer_base import CustomerBase
from retention_lib.portfolio.activity import standing
from retention_lib.scoring.features import FEATURES
from retention_lib.scoring.purchase_models import fit_purchase_model
from retention_lib.scoring.snapshots import snapshot_batches, take_snapshots

DAYS = 800
FIRST = date(2022, 3, 1)
LAST = FIRST + timedelta(days=DAYS - 1)
NATIVES = {"duckdb": pd.DataFrame, "polars": pl.from_pandas}
LEARNT = [feature.name for feature in FEATURES if feature.dated]

# A seed that fails is as telling as a smaller one.
TRIED = (Phase.explicit, Phase.reuse, Phase.generate)

seeds = st.integers(0, 2**32 - 1)
cuts = st.integers(0, DAYS - 1)
KINDS = ["newsletter", "follow_up", "cancellation_request", None]


def few(examples):
    return settings(max_examples=examples, deadline=None, phases=TRIED)


def on(day):
    return pd.Timestamp(FIRST + timedelta(days=int(day)))


def maybe(random, days, share):
    """Dates, or none where chance says so."""
    kept = random.random(len(days)) < share
    return pd.Series(
        [on(d) if k else None for d, k in zip(days, kept, strict=True)], dtype="datetime64[s]"
    )


def tables_of(seed, customers=45):
    """Random tables, rows over all days; who buys how often differs a lot."""
    random = np.random.default_rng(seed)
    ids = np.array([f"C{n:03}" for n in random.permutation(customers)])

    def rows(count):
        who = (random.random(count) ** 2 * customers).astype(int)
        return ids[who], random.integers(0, DAYS, count)

    who, day = rows(500)
    transactions = pd.DataFrame({"customer_id": who, "date": [on(d) for d in day]})
    transactions["amount"] = random.integers(-3_000, 12_000, 500) / 100
    transactions["product_range"] = random.choice(["A", "B", "C", None], 500)
    # Somebody has to have bought on the first day and on the last, so that the span is fixed.
    ends = pd.DataFrame({"customer_id": ids[:2], "date": [on(0), on(DAYS - 1)], "amount": 9.0})
    transactions = pd.concat([transactions, ends], ignore_index=True)
    known = pd.DataFrame({"customer_id": ids[: customers - 5]})
    known = pd.concat([known, known.head(3)], ignore_index=True)
    spread = random.integers(-300, DAYS, len(known))
    known["acquired_on"] = maybe(random, spread, 0.7)
    known["closed_on"] = maybe(random, random.integers(0, DAYS, len(known)), 0.4)
    known["is_contract"] = random.random(len(known)) < 0.3
    who, day = rows(150)
    interactions = pd.DataFrame({"customer_id": who, "date": [on(d) for d in day]})
    interactions["kind"] = random.choice(KINDS, 150)
    interactions["direction"] = random.choice(["out", "out", "in"], 150)
    who, day = rows(120)
    feedback = pd.DataFrame({"customer_id": who, "date": [on(d) for d in day]})
    feedback["kind"] = random.choice(["complaint", "survey"], 120)
    feedback["score"] = np.where(random.random(120) < 0.6, random.integers(0, 21, 120) / 2, np.nan)
    feedback["resolved_on"] = maybe(random, np.minimum(day + random.integers(0, 90, 120), 999), 0.7)
    people = pd.DataFrame({"customer_id": rows(60)[0], "person_id": [f"P{n}" for n in range(60)]})
    return {
        "transactions": transactions,
        "customers": known,
        "interactions": interactions,
        "feedback": feedback,
        "people": people,
    }


def base_of(tables, native="duckdb", as_of=LAST):
    given_ = {name: NATIVES[native](frame) for name, frame in tables.items()}
    return CustomerBase.from_tables(given_.pop("transactions"), as_of=as_of, **given_)


def with_another_future(tables, other, cut):
    """The same tables up to a day, and from the day after on those of another history."""
    t = on(cut)
    begins = dict.fromkeys(("transactions", "interactions", "feedback"), "date")
    begins["customers"] = "acquired_on"
    mixed = {}
    for name, column in begins.items():
        past, future = tables[name], other[name]
        past = past[past[column].isna() | (past[column] <= t)].copy()
        later = future[future[column] > t]
        for ends in {"closed_on", "resolved_on"} & set(past):
            # What had not ended by then may end later, or never.
            open_ = ~(past[ends] <= t)
            past.loc[open_, ends] = pd.NaT
            past.loc[open_ & (np.arange(len(past)) % 2 == 0), ends] = t + pd.Timedelta(days=3)
        mixed[name] = pd.concat([past, later], ignore_index=True)
    newcomer = {"customer_id": "A-new", "date": on(DAYS - 1), "amount": 5.0}
    lines = [mixed["transactions"], pd.DataFrame([newcomer])] if cut < DAYS - 1 else []
    if lines:
        mixed["transactions"] = pd.concat(lines, ignore_index=True)
    mixed["people"] = other["people"]
    return mixed


def same(one, two, columns):
    pd.testing.assert_frame_equal(
        one[columns].reset_index(drop=True), two[columns].reset_index(drop=True), rtol=1e-9
    )


@pytest.mark.parametrize("native", NATIVES)
@few(3)
@given(seed=seeds, other=seeds, cut=cuts)
def test_another_future_changes_no_feature_of_the_past(native, seed, other, cut):
    tables = tables_of(seed)
    changed = with_another_future(tables, tables_of(other), cut)
    dates = [FIRST + timedelta(days=cut), LAST]
    seen, otherwise = (
        take_snapshots(base_of(t, native), dates, horizon_days=60).to_frame()
        for t in (tables, changed)
    )
    past = on(cut)
    keys = ["customer_id", "date", "eligible"]
    same(seen[seen.date == past], otherwise[otherwise.date == past], [*keys, *LEARNT])


def test_the_property_would_see_a_leak():
    tables, cut = tables_of(1), 400
    changed = with_another_future(tables, tables_of(2), cut)
    seen, otherwise = (
        take_snapshots(base_of(t), on(cut), horizon_days=60).to_frame() for t in (tables, changed)
    )
    assert not seen["churned"].equals(otherwise["churned"])
    assert seen[LEARNT].notna().any().all(), "every feature is told for somebody"
    assert (seen[LEARNT].nunique() > 1).sum() == len(LEARNT) - 2, "all but the season differ"


@few(4)
@given(seed=seeds, cut=cuts)
def test_one_pass_gives_what_the_base_seen_from_that_day_gives(seed, cut):
    base = base_of(tables_of(seed), "polars")
    days = [date(2023, 1, 1), FIRST + timedelta(days=cut), LAST]
    panel = take_snapshots(base, days).to_frame()
    for day in days:
        then = take_snapshots(base.at(day)).to_frame()
        now = panel[panel.date == pd.Timestamp(day)].reset_index(drop=True)
        pd.testing.assert_frame_equal(now.drop(columns="churned"), then.drop(columns="churned"))


@few(4)
@given(seed=seeds, cut=cuts)
def test_both_engines_give_equal_figures(seed, cut):
    tables = tables_of(seed)
    days = [FIRST + timedelta(days=cut), LAST]
    duck, polars = (take_snapshots(base_of(tables, n), days).to_frame() for n in NATIVES)
    same(duck, polars, list(duck))


@few(4)
@given(seed=seeds, cut=cuts, every=st.integers(2, 9))
def test_a_customer_looks_the_same_whoever_else_is_returned(seed, cut, every):
    base = base_of(tables_of(seed), "polars")
    days = [FIRST + timedelta(days=cut), LAST]
    full = take_snapshots(base, days).to_frame()
    some = full["customer_id"].unique()[::every]
    part = take_snapshots(base, days, customers=some).to_frame()
    same(full[full["customer_id"].isin(some)], part, list(full))


@pytest.mark.parametrize("native", NATIVES)
def test_batches_together_are_the_whole(native):
    base = base_of(tables_of(5), native)
    whole = take_snapshots(base, horizon_days=60).eligible()
    batches = list(snapshot_batches(base, horizon_days=60, batch_rows=7))
    assert max(map(len, batches)) <= 7
    assert len(batches) > 3
    same(pd.concat(batches), whole, list(whole))


@few(4)
@given(seed=seeds, cut=cuts)
def test_eligible_is_what_the_portfolio_calls_active(seed, cut):
    base = base_of(tables_of(seed), "polars").at(FIRST + timedelta(days=cut))
    seen = take_snapshots(base).to_frame().set_index("customer_id")["eligible"]
    active = engine.collect(standing(base)).set_index("customer_id")["active"].sort_index()
    assert seen.to_dict() == active.to_dict()


# --- The same features, worked out customer by customer -------------------------------------------


def by_hand(base, horizon):
    """Features of ``base.as_of`` in plain Python, from what the base shows on that day."""
    t = pd.Timestamp(base.as_of)
    shown = {name: base.to_pandas(name) for name in base.tables}
    lines = shown["transactions"]
    days = lines.groupby(["customer_id", "date"])["amount"].sum().round(4).reset_index()
    histories = {}
    for who, rows in days.groupby("customer_id"):
        bought = rows[rows["amount"] > 0].set_index("date")["amount"].sort_index()
        if len(bought):
            histories[who] = (bought, rows[rows["amount"] < 0].set_index("date")["amount"])
    span = {w: (b.index[-1] - b.index[0]).days for w, (b, _) in histories.items()}
    own = [span[w] / (len(b) - 1) for w, (b, _) in histories.items() if len(b) > 1]
    model = model_of(histories, t)
    found = []
    for who, (bought, refunds) in sorted(histories.items()):
        row = one_customer(who, bought, refunds, t, shown, horizon)
        weight = (span[who] + 2 * np.mean(own)) / (len(bought) + 1)
        row["overdue_ratio"] = row["recency_days"] / weight
        if model:
            history = history_of([bought], t)
            row["expected_purchases"] = model.expected_purchases(history, horizon)[0]
            row["no_purchase_probability"] = model.no_purchase_probability(history, horizon)[0]
        found.append(row)
    return pd.DataFrame(found).astype({"eligible": bool})


def history_of(bought, t):
    rows = [(len(b) - 1, (b.index[-1] - b.index[0]).days, (t - b.index[0]).days) for b in bought]
    return pd.DataFrame(rows, columns=["repeat_purchases", "purchase_span_days", "age_days"])


def model_of(histories, t):
    frame = history_of([b for b, _ in histories.values()], t)
    if len(frame) < 30 or (frame["repeat_purchases"] > 0).sum() < 10:
        return None
    return fit_purchase_model(frame.sort_values(list(frame), ignore_index=True))


def change(now, before):
    return (now - before) / (now + before) if now + before > 0 else math.nan


def one_customer(who, bought, refunds, t, shown, horizon):
    def within(days, rows):
        return rows[rows.index > t - pd.Timedelta(days=days)]

    def mine(table):
        return shown[table][shown[table]["customer_id"] == who]

    row = {"customer_id": who, "recency_days": (t - bought.index[-1]).days}
    row["purchases_total"] = len(bought)
    gross, back = {}, {}
    lines = mine("transactions").groupby(["date", "product_range"])["amount"].sum().round(4)
    by_range = lines[lines > 0].reset_index("product_range")["product_range"]
    by_range = by_range[by_range.index.isin(bought.index)]
    for days in (30, 90, 180, 365):
        row[f"purchases_{days}"] = len(within(days, bought))
        gross[days], back[days] = within(days, bought).sum(), -within(days, refunds).sum()
        row[f"spend_{days}"], row[f"refunds_{days}"] = gross[days] - back[days], back[days]
        row[f"ranges_{days}"] = within(days, by_range).nunique()
    in_year = row["purchases_365"]
    row["refund_share"] = back[365] / gross[365] if in_year else math.nan
    row["basket"] = gross[365] / in_year if in_year else bought.mean()
    gaps = np.diff(bought.index.to_numpy()) / np.timedelta64(1, "D")
    row["mean_gap_days"] = gaps.mean() if len(gaps) else math.nan
    row["gap_spread"] = gaps.std(ddof=1) / gaps.mean() if len(gaps) > 1 else math.nan
    before = min((t - bought.index[0]).days + 1, 365) - 90
    row |= dict.fromkeys(("purchases_trend", "spend_trend", "basket_trend"), math.nan)
    if before >= 30:
        lately = row["purchases_90"]
        row["purchases_trend"] = change(lately / 90, (in_year - lately) / before)
        spent = max(row["spend_365"] - row["spend_90"], 0)
        row["spend_trend"] = change(max(row["spend_90"], 0) / 90, spent / before)
    if 0 < row["purchases_90"] < in_year:
        now = gross[90] / row["purchases_90"]
        row["basket_trend"] = change(
            now, (gross[365] - gross[90]) / (in_year - row["purchases_90"])
        )
    season = within(365, bought)
    start = t - pd.Timedelta(days=365)
    row["purchases_same_season"] = (season.index <= start + pd.Timedelta(days=horizon)).sum()
    angle = 2 * math.pi * t.day_of_year / 365.25
    row["season_sine"], row["season_cosine"] = math.sin(angle), math.cos(angle)
    return row | told_of(who, bought, t, shown)


def told_of(who, bought, t, shown):
    def mine(table):
        return shown[table][shown[table]["customer_id"] == who]

    def days_since(dates):
        return (t - dates.max()).days if len(dates) else math.nan

    known, feedback, contacts = (mine(n) for n in ("customers", "feedback", "interactions"))
    year = t - pd.Timedelta(days=365)
    out = contacts[(contacts["direction"] == "out") & (contacts["kind"] != "cancellation_request")]
    asked = contacts[(contacts["direction"] == "in") & (contacts["kind"] == "cancellation_request")]
    complaints = feedback[feedback["kind"] == "complaint"]
    answers = feedback[(feedback["kind"] == "survey") & feedback["score"].notna()]
    first = min([bought.index[0], *known["acquired_on"].dropna()])
    contract = bool(known["is_contract"].any())
    active = bought.index[-1] > year or contract
    row = {
        "eligible": active and not known["closed_on"].notna().any(),
        "tenure_days": (t - first).days,
        "is_contract": float(contract),
        "contacts_30": (out["date"] > t - pd.Timedelta(days=30)).sum(),
        "contacts_365": (out["date"] > year).sum(),
        "days_since_contact": days_since(out.loc[out["kind"] != "newsletter", "date"]),
        "asked_to_leave": float((asked["date"] > year).any()),
        "complaints_365": (complaints["date"] > year).sum(),
        "complaints_open": complaints["resolved_on"].isna().sum(),
        "days_since_complaint": days_since(complaints["date"]),
    }
    latest = answers[answers["date"] == answers["date"].max()]
    row["satisfaction"] = latest["score"].min() if len(latest) else math.nan
    for table, names in (
        ("interactions", ("contacts_30", "contacts_365", "asked_to_leave")),
        ("feedback", ("complaints_365", "complaints_open")),
    ):
        if shown[table].empty:
            row |= dict.fromkeys(names, math.nan)
    return row


@few(3)
@given(seed=seeds, cut=st.integers(200, DAYS - 1))
def test_every_feature_is_what_its_definition_says(seed, cut):
    base = base_of(tables_of(seed))
    day = FIRST + timedelta(days=cut)
    seen = take_snapshots(base, [day, LAST], horizon_days=60).to_frame()
    expected = by_hand(base.at(day), 60)
    columns = ["customer_id", "eligible", *LEARNT]
    seen = seen[seen["date"] == pd.Timestamp(day)].reset_index(drop=True)
    pd.testing.assert_frame_equal(
        seen[columns], expected[columns], check_dtype=False, rtol=1e-7, atol=1e-9
    )


def test_the_simulated_base_seen_in_one_pass_is_the_base_seen_from_each_day():
    base = rl.simulate_base(60, seed=3)[0]
    days = [date(2024, 2, 29), date(2024, 12, 31), date(2025, 7, 1)]
    panel = take_snapshots(base, days).to_frame()
    for day in days:
        then = take_snapshots(base.at(day)).to_frame()
        now = panel[panel.date == pd.Timestamp(day)].reset_index(drop=True)
        pd.testing.assert_frame_equal(now.drop(columns="churned"), then.drop(columns="churned"))
