"""The simulator does what its assumptions say, keeps the contract, and never looks ahead."""

import re
import warnings
from dataclasses import fields
from datetime import date
from functools import cache

import numpy as np
import pandas as pd
import pytest
from email_validator import validate_email
from stdnum.fr import siret, tva

import retention_lib as rl
from retention_lib.base.contract import TABLES
from retention_lib.base.simulate import (
    Dirt,
    Truth,
    World,
    simulate_base,
    simulate_tables,
    write_raw_export,
)
from retention_lib.errors import ChoiceError, InputError

START, END = pd.Timestamp("2023-01-01"), pd.Timestamp("2025-12-31")
FICTION = ("01 99 00", "02 61 91", "03 53 01", "04 65 71", "05 36 49", "06 39 98")


@cache
def small() -> tuple[dict[str, pd.DataFrame], Truth]:
    return simulate_tables(1500, seed=11, contracts_share=0.1)


@cache
def large() -> tuple[dict[str, pd.DataFrame], Truth]:
    return simulate_tables(8000, seed=12)


def leave_days(table: pd.DataFrame, truth: Truth) -> pd.Series:
    """Of each row of a table, the day on which its customer is gone."""
    return table["customer_id"].map(truth.customers.set_index("customer_id")["leave_day"])


def test_the_same_seed_gives_the_same_base_and_another_seed_another():
    one, truth = simulate_tables(200, seed=3, dirt=True)
    two, again = simulate_tables(200, seed=3, dirt=True)
    other, _ = simulate_tables(200, seed=4, dirt=True)
    for name, frame in one.items():
        pd.testing.assert_frame_equal(frame, two[name])
    pd.testing.assert_frame_equal(truth.customers, again.customers)
    assert not one["transactions"].equals(other["transactions"])


def test_an_assumption_about_names_leaves_the_purchases_as_they_were():
    plain, _ = simulate_tables(200, seed=3)
    named, _ = simulate_tables(200, seed=3, group_share=0.5)
    pd.testing.assert_frame_equal(plain["transactions"], named["transactions"])
    assert (plain["customers"]["name"] != named["customers"]["name"]).any()


@pytest.mark.parametrize("kind", ["b2b", "b2c"])
@pytest.mark.parametrize("language", ["fr", "en"])
def test_every_table_keeps_the_contract(kind, language):
    tables, _ = simulate_tables(300, seed=5, kind=kind, language=language)
    assert list(tables) == list(TABLES)
    wanted = {"text": "str", "date": "datetime64[ms]", "amount": "float64", "number": "float64",
              "flag": "boolean"}  # fmt: skip
    for name, frame in tables.items():
        columns = TABLES[name].columns
        assert [c.name for c in columns if c.name not in frame] == []
        for column in columns:
            assert str(frame[column.name].dtype) == wanted[column.kind], (name, column.name)
            if column.required:
                assert frame[column.name].notna().all()


def test_the_tables_agree_with_each_other():
    tables, _ = small()
    known = set(tables["customers"]["customer_id"])
    for name, frame in tables.items():
        ids = frame["customer_id"].dropna()
        assert set(ids) <= known, name
    assert tables["customers"]["customer_id"].is_unique
    assert tables["people"]["person_id"].is_unique
    quotes = tables["opportunities"]
    assert (quotes["customer_id"].isna() == quotes["prospect"].notna()).all()
    assert (quotes["closed_on"].isna() == quotes["won"].isna()).all()
    sales = tables["transactions"].groupby(["customer_id", "date"])["amount"].sum()
    won = quotes[quotes["won"].fillna(False)]
    assert all((row.customer_id, row.closed_on) in sales.index for row in won.itertuples())


def test_amounts_are_whole_cents_and_one_document_has_one_customer_and_day():
    lines = small()[0]["transactions"]
    for column in ("amount", "margin"):
        assert np.array_equal(lines[column].round(2), lines[column])
    assert (lines.groupby("order_id")[["customer_id", "date"]].nunique() == 1).all(axis=None)
    assert (lines["amount"] * lines["quantity"] > 0).all()
    assert lines["date"].is_monotonic_increasing


def test_a_refund_follows_its_purchase():
    lines = small()[0]["transactions"]
    refunds = lines[lines["amount"] < 0]
    assert 0.01 < len(refunds) / len(lines) < 0.03
    sales = lines[lines["amount"] > 0].assign(amount=lambda frame: -frame["amount"])
    pairs = refunds.merge(sales, on=["customer_id", "product", "amount"], suffixes=("", "_sale"))
    first = pairs.groupby("order_id")["date_sale"].min()
    assert len(first) == len(refunds)
    assert (first < refunds.set_index("order_id")["date"].loc[first.index]).all()


def test_whatever_a_customer_does_it_does_before_it_is_gone():
    for tables, truth in (small(), large()):
        own = {
            "transactions": tables["transactions"],
            "feedback": tables["feedback"],
            "interactions": tables["interactions"].query("direction == 'in'"),
        }
        for name, frame in own.items():
            late = frame["date"] >= leave_days(frame, truth)
            assert not late.any(), name
        won = tables["opportunities"].dropna(subset=["customer_id"])
        won = won[won["won"].fillna(False)]
        assert not (won["closed_on"] >= leave_days(won, truth)).any()


def test_nothing_happens_after_an_account_is_closed_or_after_the_end():
    tables, truth = large()
    closed = tables["customers"].set_index("customer_id")["closed_on"]
    assert closed.max() <= END
    for name in ("transactions", "interactions", "feedback"):
        frame = tables[name]
        assert frame["date"].between(START, END).all()
        assert not (frame["date"] > frame["customer_id"].map(closed)).any()
    gone = truth.customers.set_index("customer_id")["leave_day"]
    assert (closed.dropna() >= gone[closed.dropna().index]).all()


def test_causes_come_before_the_decision_they_cause():
    tables, truth = large()
    left = truth.customers.dropna(subset=["decided_on"]).set_index("customer_id")
    blamed = left[left["leave_cause"] == "complaint"]
    complaints = tables["feedback"].query("kind == 'complaint'")
    complaints = complaints.assign(decided=complaints["customer_id"].map(left["decided_on"]))
    before = complaints[complaints["date"] < complaints["decided"]].groupby("customer_id")
    since = (blamed["decided_on"] - before["date"].max().reindex(blamed.index)).dt.days
    # Complaints of before the period are not on file, so look at decisions half a year into it.
    since = since[blamed["decided_on"] > START + pd.Timedelta(days=190)]
    assert len(since) > 100
    assert since.between(1, World().complaint_memory_days + 7).all()


def test_who_said_no_is_never_contacted():
    tables, truth = large()
    out = tables["interactions"].query("direction == 'out'")
    withdrawn = truth.customers.set_index("customer_id")["consent_withdrawn_on"]
    assert not (out["date"] > out["customer_id"].map(withdrawn)).any()
    customers = tables["customers"].set_index("customer_id")
    never = customers.index[~customers["contactable"] & withdrawn[customers.index].isna()]
    assert len(never) > 300
    assert not out["customer_id"].isin(never).any()
    treated = tables["campaigns"].query("group == 'treated'")
    assert not treated["customer_id"].isin(never).any()
    assert set(withdrawn.dropna().index) <= set(customers.index[~customers["contactable"]])


def rate_ratio_after_complaints(tables: dict[str, pd.DataFrame], truth: Truth) -> tuple[float, ...]:
    """Leaving per day within 180 days of a complaint against other days, with 99 % interval."""
    facts = truth.customers[truth.customers["leave_cause"] != "one_time"]
    facts = facts.set_index("customer_id")
    begin = facts["acquired_on"].clip(lower=START) + pd.Timedelta(days=180)
    until = facts["decided_on"].fillna(END)
    facts, begin, until = (frame[until > begin] for frame in (facts, begin, until))
    days = pd.DataFrame({"begin": begin, "until": until})
    complaints = tables["feedback"].query("kind == 'complaint'").set_index("customer_id")["date"]
    spans = days.join(complaints.rename("date"), how="inner")
    # Complaints overlap seldom; where they do, their days count from the later one.
    spans["next"] = spans.groupby(level=0)["date"].shift(-1).fillna(pd.Timestamp.max.floor("D"))
    low = spans[["begin", "date"]].max(axis=1)
    high = spans["date"] + pd.Timedelta(days=180)
    high = pd.concat([spans["until"], high, spans["next"]], axis=1).min(axis=1)
    exposed = (high - low).dt.days.clip(lower=0)
    left = facts["decided_on"].notna()
    left_exposed = ((spans["until"] == high) & (exposed > 0)).groupby(level=0).any()
    events = int((left_exposed & left.reindex(left_exposed.index)).sum())
    others = int(left.sum()) - events
    free = (days["until"] - days["begin"]).dt.days.sum() - exposed.sum()
    ratio = (events / exposed.sum()) / (others / free)
    spread = 2.576 * np.sqrt(1 / events + 1 / others)
    return ratio, ratio * np.exp(-spread), ratio * np.exp(spread)


def test_complaints_raise_leaving_and_do_not_where_the_world_says_so():
    _, low, _ = rate_ratio_after_complaints(*large())
    assert low > 1.5
    calm = simulate_tables(8000, seed=12, complaint_excess=0, dissatisfaction_excess=0)
    _, low, high = rate_ratio_after_complaints(*calm)
    assert low < 1 < high


def test_the_parts_of_the_hazard_agree_with_the_causes_drawn():
    truth = large()[1].customers
    left = truth[truth["decided_on"].notna() & ~truth["leave_cause"].isin(["one_time", "planted"])]
    parts = left.filter(like="hazard_")
    shares = parts.div(parts.sum(axis=1), axis=0)
    for cause in ("complaint", "neglect", "dissatisfaction", "fatigue", "single_contact"):
        expected = shares[f"hazard_{cause}"]
        spread = np.sqrt((expected * (1 - expected)).sum())
        assert abs((left["leave_cause"] == cause).sum() - expected.sum()) < 3 * spread


def test_the_hazard_falls_with_tenure():
    truth = large()[1].customers
    tenure = (END - truth["acquired_on"]).dt.days
    stays = truth[truth["decided_on"].isna()].assign(tenure=tenure)
    young, old = stays.query("tenure < 365"), stays.query("tenure > 3650")
    assert young["hazard_base"].mean() > 1.5 * old["hazard_base"].mean()


def test_buying_rates_are_recovered():
    tables, truth = simulate_tables(6000, seed=13, one_time_share=0, pause_rate=0, planted_share=0,
                                    campaign_persuaded=(0, 0, 0, 0))  # fmt: skip
    facts = truth.customers.set_index("customer_id")
    there = facts[facts["decided_on"].isna() & (facts["acquired_on"] < START)]
    lines = tables["transactions"].query("amount > 0")
    bought = lines.groupby("customer_id")["order_id"].nunique().reindex(there.index, fill_value=0)
    expected = there["buying_rate"] * 1096 / 365.25
    # 63,000 purchases: the ratio errs by 0.003.
    assert bought.sum() / expected.sum() == pytest.approx(1, abs=0.006)
    for _, group in expected.groupby(pd.qcut(expected, 5)):
        assert bought[group.index].sum() / group.sum() == pytest.approx(1, abs=0.05)
    # Gamma gaps of shape 1.8: counts spread less than a Poisson process would make them.
    busy = expected > 20
    spread = (((bought - expected) ** 2 / expected)[busy]).mean()
    assert 0.45 < spread < 0.75


def test_the_expected_revenue_is_what_customers_bring():
    tables, truth = large()
    facts = truth.customers.set_index("customer_id")
    untouched = ~facts.index.isin(truth.planted_events["customer_id"])
    stays = facts[
        untouched
        & facts["decided_on"].isna()
        & facts["paused_from"].isna()
        & (facts["acquired_on"] < "2024-12-01")
    ]
    lines = tables["transactions"].query("date >= '2025-01-01'")
    brought = lines.groupby("customer_id")[["amount", "margin"]].sum().reindex(stays.index).sum()
    assert brought["amount"] / stays["expected_annual_revenue"].sum() == pytest.approx(1, abs=0.04)
    assert brought["margin"] / stays["expected_annual_margin"].sum() == pytest.approx(1, abs=0.04)


def test_the_randomised_campaign_shows_its_planted_effect():
    tables, truth = large()
    effects = truth.campaign_effects.set_index("customer_id")
    campaign = tables["campaigns"].query("campaign_id == 'PREUVE-01'").set_index("customer_id")
    assert (effects["treated"] == (campaign["group"] == "treated")[effects.index]).all()
    day = campaign["date"].iloc[0]
    lines = tables["transactions"].query("amount > 0")
    inside = lines[(lines["date"] > day) & (lines["date"] <= day + pd.Timedelta(days=90))]
    bought = pd.Series(effects.index.isin(inside["customer_id"]), index=effects.index)
    untouched = ~effects.index.isin(truth.planted_events["customer_id"])
    came = effects["bought_with"].where(effects["treated"], effects["bought_without"])
    assert (bought == came)[untouched].all()

    def measured(rows: pd.DataFrame) -> tuple[float, float]:
        yes, no = (bought[rows.index[rows["treated"] == arm]] for arm in (True, False))
        return yes.mean() - no.mean(), np.sqrt(yes.var() / len(yes) + no.var() / len(no))

    effect, error = measured(effects)
    assert abs(effect - effects["uplift"].mean()) < 2.6 * error
    assert effect > 5 * error
    for _, segment in effects.groupby("segment"):
        effect, error = measured(segment)
        assert abs(effect - segment["uplift"].mean()) < 2.6 * error
    hurt = effects[effects["segment"].isin(["ETI", "GE"])]
    assert hurt["uplift"].mean() < -0.05
    assert effects.query("segment == 'TPE'")["uplift"].mean() > 0.1


def test_the_stated_probabilities_are_those_of_what_happens():
    effects = large()[1].campaign_effects
    for stated, happened in (("p_buy_without", "bought_without"), ("p_buy_with", "bought_with")):
        p, came = effects[stated], effects[happened].astype(float)
        error = np.sqrt((p * (1 - p)).sum()) / len(p)
        assert abs(p.mean() - came.mean()) < 3 * error + 0.005
        calm = p < p.median()
        assert abs(p[calm].mean() - came[calm].mean()) < 0.03
    assert (effects["p_leave_with"] <= 1).all()


def test_the_club_went_to_the_best_and_did_nothing():
    tables, _ = large()
    club = tables["campaigns"].query("campaign_id == 'CLUB-01'").set_index("customer_id")
    day = club["date"].iloc[0]
    lines = tables["transactions"]
    before = lines[(lines["date"] <= day) & (lines["date"] > day - pd.Timedelta(days=365))]
    spent = before.groupby("customer_id")["amount"].sum().reindex(club.index, fill_value=0)
    treated = club["group"] == "treated"
    assert spent[treated].median() > 3 * spent[~treated].median()


def test_contacts_played_forward_follow_the_stated_effects():
    truth = large()[1]
    effects = truth.contact_effects
    nobody = truth.simulate_contacts([], seed=1)
    everybody = truth.simulate_contacts(list(effects["customer_id"]), seed=1)
    assert not nobody["contacted"].any()
    assert everybody["contacted"].all()
    gain = everybody["bought"].mean() - nobody["bought"].mean()
    assert gain == pytest.approx(effects["uplift"].mean(), abs=0.02)
    untouched = effects["uplift"].abs().to_numpy() < 1e-12
    assert (everybody["bought"] == nobody["bought"])[untouched].all()


def test_planted_events_are_there_to_be_found():
    tables, truth = large()
    lines = tables["transactions"].query("amount > 0")
    lines = lines[lines["customer_id"].isin(truth.planted_events["customer_id"])]
    of_customer = dict(list(lines.groupby("customer_id")))
    assert truth.planted_events["event"].value_counts().eq(80).all()
    for event in truth.planted_events.itertuples():
        mine = of_customer.get(event.customer_id, lines.iloc[:0])
        since = mine["date"] >= event.date
        days = mine.drop_duplicates("date")
        after = (days["date"] >= event.date).sum() / max((END - event.date).days + 1, 1)
        year = days["date"].between(event.date - pd.Timedelta(days=365), event.date, "left")
        before = year.sum() / 365
        if event.event == "dried_up":
            assert not since.any()
            assert year.sum() >= 3
        if event.event == "abandoned_range":
            assert not (mine["product_range"] == event.product_range)[since].any()
            assert (mine["product_range"] == event.product_range).sum() >= 8
        if event.event == "slowing":
            assert 0 < after < 0.6 * before
    falling = truth.planted_events.query("event == 'falling_basket'").set_index("customer_id")
    baskets = lines.groupby(["customer_id", "date"])["amount"].sum().reset_index()
    baskets = baskets[baskets["customer_id"].isin(falling.index)]
    since = baskets["date"] >= baskets["customer_id"].map(falling["date"])
    median = baskets.groupby(["customer_id", since])["amount"].median().unstack()
    assert (median[True] / median[False]).median() < 0.5


def test_without_signal_nothing_predicts_who_leaves():
    from sklearn.metrics import roc_auc_score

    found, cut = [], pd.Timestamp("2025-09-30")
    for seed in range(4):
        tables, truth = simulate_tables(1500, seed=seed, signal=False)
        lines = tables["transactions"].query("amount > 0")
        closed = tables["customers"].set_index("customer_id")["closed_on"]
        past = lines[(lines["date"] <= cut) & (lines["date"] > cut - pd.Timedelta(days=365))]
        seen = past.groupby("customer_id").agg(
            last=("date", "max"), orders=("order_id", "nunique"), spent=("amount", "sum")
        )
        seen = seen[~(closed[seen.index] <= cut)]
        left = ~seen.index.isin(lines[lines["date"] > cut]["customer_id"])
        rules = ((cut - seen["last"]).dt.days, -seen["orders"], -seen["spent"])
        found.append([roc_auc_score(left, rule) for rule in rules])
        assert truth.planted_events.empty
    # About 110 leavers a base: one AUC errs by 0.028, the mean of four by 0.014.
    assert np.abs(np.mean(found, axis=0) - 0.5).max() < 3 * 0.014


def test_identifiers_are_valid_and_nobodys():
    customers = small()[0]["customers"]
    assert customers["siret"].map(siret.is_valid).all()
    assert customers["vat"].map(tva.is_valid).all()
    assert customers["siret"].is_unique
    assert (customers["vat"].str[4:] == customers["siret"].str[:9]).all()
    assert customers["phone"].str.startswith(FICTION).all()
    people = small()[0]["people"]
    assert people["phone"].dropna().str.startswith(FICTION).all()
    for address in pd.concat([customers["email"], people["email"]]):
        assert re.search(r"[@.]example\.(fr|com|net|org)$", address)
        validate_email(address, check_deliverability=False)


def test_names_are_distinct_but_for_groups():
    tables, truth = large()
    customers = tables["customers"].set_index("customer_id")
    assert customers["name"].duplicated().mean() < 0.025
    assert customers["name"].str.contains("[àâéèêëîïôûç]", case=False, regex=True).mean() > 0.4
    groups = truth.lookalikes.query("why == 'establishment'")
    assert len(groups) > 100
    one = customers.loc[groups["customer_id"]].reset_index()
    other = customers.loc[groups["resembles"]].reset_index()
    assert (one["name"] == other["name"]).all()
    assert (one["siret"] != other["siret"]).all()
    assert (one["vat"] == other["vat"]).all()
    assert (one["city"] != other["city"]).all()
    sons = truth.lookalikes.query("why == 'family'")
    assert len(sons) > 10
    pair = customers["name"].loc[sons["customer_id"]].to_numpy(), customers["name"].loc[
        sons["resembles"]].to_numpy()  # fmt: skip
    assert (pair[0] != pair[1]).all()


def test_dirt_is_listed_to_the_last_cell():
    clean, _ = simulate_tables(600, seed=8)
    dirty, truth = simulate_tables(600, seed=8, dirt=True)
    mended = {name: frame.copy() for name, frame in dirty.items()}
    faults = truth.dirt
    for fault in faults[faults["original"].notna() & faults["column"].notna()].itertuples():
        place = mended[fault.table].columns.get_loc(fault.column)
        kind = clean[fault.table][fault.column].dtype
        is_flag = fault.column == "contactable"
        value = fault.original == "True" if is_flag else pd.Series([fault.original]).astype(kind)[0]
        mended[fault.table].iloc[fault.row, place] = value
    slipped_in = faults[faults["column"].isna()]
    for name in ("transactions", "customers"):
        rows = slipped_in[slipped_in["table"] == name]["row"]
        frame = mended[name].drop(index=rows).reset_index(drop=True)
        pd.testing.assert_frame_equal(frame, clean[name])
    assert set(faults["kind"]) >= {f.name for f in fields(Dirt)} - {
        "duplicate_customers", "broken_rows", "page_breaks"}  # fmt: skip


def test_every_planted_duplicate_leaves_something_to_tell_it_by():
    dirty, truth = simulate_tables(1500, seed=9, dirt=True)
    customers = dirty["customers"].set_index("customer_id")
    bought = set(dirty["transactions"]["customer_id"])
    assert len(truth.duplicates) == 45
    for twin, original, _ in truth.duplicates.itertuples(index=False):
        one, other = customers.loc[twin], customers.loc[original]
        left = [one[name] for name in ("email", "phone", "siret") if isinstance(one[name], str)]
        assert left
        assert (one["name"], one["email"], one["phone"], one["siret"]) != tuple(
            other[["name", "email", "phone", "siret"]]
        )
        assert {twin, original} <= bought


@pytest.mark.filterwarnings("ignore:.*set aside:UserWarning")
def test_a_base_opens_clean_or_dirty_and_is_seen_from_the_end():
    base, truth = rl.simulate_base(300, seed=2)
    assert base.as_of == date(2025, 12, 31)
    assert base.made_from["tables"]["transactions"]["set_aside"] == 0
    assert len(truth.to_frame()) == 300
    dirty, _ = simulate_base(300, seed=2, dirt=True)
    assert dirty.as_of == date(2025, 12, 31)
    assert dirty.made_from["tables"]["transactions"]["set_aside"] > 0


@pytest.mark.parametrize(
    "options",
    [
        {"n_customers": 10},
        {"years": 0.5},
        {"years": 8, "end": date(2024, 2, 29)},
        {"contracts_share": 1.0},
        {"kind": "b2c", "language": "en"},
        {"kind": "b2c", "dirt": True},
        {"signal": False, "years": 1},
        {"n_customers": 40, "dirt": Dirt(duplicate_customers=0.5)},
        {"newsletter_share": 0.0, "contacts_per_year": 0.0, "consent_share": 0.0},
        {"complaints_per_year": 0.0, "surveys_per_year": 0.0, "opportunities_per_year": 0.0},
        {"hazard_per_year": 5.0},
    ],
)
def test_unusual_worlds_run_without_a_warning(options):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tables, truth = simulate_tables(**{"n_customers": 60, "seed": 1, **options})
    assert len(tables["transactions"])
    assert len(truth.customers) == options.get("n_customers", 60)


def test_contracts_are_invoiced_monthly_until_they_are_closed():
    tables, truth = small()
    facts = truth.customers.set_index("customer_id")
    contracts = facts.index[facts["is_contract"]]
    lines = tables["transactions"]
    lines = lines[lines["customer_id"].isin(contracts)]
    assert lines["date"].dt.to_period("M").groupby(lines["customer_id"]).value_counts().eq(1).all()
    closed = tables["customers"].set_index("customer_id")["closed_on"]
    left = facts.loc[contracts, "leave_day"]
    left = left[left <= END]
    assert (closed[left.index] == left).all()
    assert len(left) > 10


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"n_customers": 3}, InputError, "10 or more"),
        ({"seed": -1}, InputError, "seed"),
        ({"years": 0.1}, InputError, "years"),
        ({"contracts_share": 2}, InputError, "contracts_share"),
        ({"signal": False, "contracts_share": 0.5}, InputError, "contracts_share=0"),
        ({"kind": "b2g"}, ChoiceError, "Did you mean"),
        ({"language": "de"}, ChoiceError, "'fr'"),
        ({"complaint_exces": 1}, ChoiceError, "Did you mean 'complaint_excess'"),
        ({"dirt": Dirt, "n_customers": 2}, InputError, "n_customers"),
    ],
)
def test_a_bad_argument_says_what_is_wanted(options, error, said):
    with pytest.raises(error, match=said):
        simulate_tables(**{"seed": 1, **options})
    with pytest.raises(InputError, match="bad_vat"):
        Dirt(bad_vat=3)


@pytest.mark.parametrize("described", [World, Dirt])
def test_documented_defaults_are_the_real_ones(described):
    text = re.sub(r"\s+", " ", described.__doc__)
    said = dict[str, str]()
    for item in re.split(r"(?= - ``)", text)[1:]:
        names = re.findall(r"``(\w+)``", item.split(":")[0])
        default = re.search(r"default (\([^)]*\)|[-\d.]+\d|\d)", item)
        assert default, item
        said.update(dict.fromkeys(names, default.group(1)))
    assert {name: eval(value) for name, value in said.items()} == {
        field.name: field.default for field in fields(described)
    }


def test_the_export_names_a_letter_its_encoding_cannot_write(tmp_path):
    tables, _ = simulate_tables(50, seed=1)
    tables["customers"].loc[0, "name"] = "Łódź"
    with pytest.raises(InputError, match="'Ł'"):
        write_raw_export(tables, tmp_path, seed=1)
