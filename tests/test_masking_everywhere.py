"""Behind pseudonyms nobody is named anywhere, hostile names do no harm, a no to contact holds."""

from __future__ import annotations

import os
import re
import warnings
from contextlib import suppress

import openpyxl
import pandas as pd
import pytest
from matplotlib import pyplot

import retention_lib as rl
from retention_lib.base.customer_base import CustomerBase
from retention_lib.decisions.plan import make_plan
from tests.decisions.planning import facts as facts_of_plan
from tests.french_sweep import Said, Sweep, roots, written_in

MARK = "Zqx"
"""Stands in every name and code of the base, and nowhere else in the world."""
HOSTILE = (
    f"<script>{MARK}(1)</script>",
    f'=HYPERLINK("http://{MARK}")',
    rf"$\frac{{{MARK}",
    f"**{MARK}**",
    f"_{MARK}_ $a$ & 'b' \"c\"",
    f"{MARK} " + "very long " * 25,
    f"\u202e{MARK} \u05d0\u05d1",
    f"{{{MARK}}} %s {{0}}",
)
NAMING = ("name", "email", "phone", "siret", "vat", "person_id", "account_manager", "prospect")
EVERYTHING = "RETENTION_SWEEP_MASK"
"""Set to 1 to ask the base for everything, models too (two minutes)."""
HARMFUL = re.compile(rf"<script>{MARK}|<[^>]*\"c\"|'b' \"c\"")


class Raw(Sweep):
    """Keeps what is said as it is, marks for a browser too; draws what may name somebody."""

    unmasked: list[Said]

    def note(self, where, text):
        self.said.append(Said(where, str(text)))

    def show(self, result):
        """A result as a notebook shows it: behind the mask, and without it."""
        self.note(type(result).__name__, f"{result.sentence()} {result._repr_html_()}")
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("RETENTION_MASK", "0")
            self.unmasked.append(Said(type(result).__name__, result._repr_html_()))

    def _result(self, where, result):
        self.show(result)
        super()._result(where, result)

    def _picture(self, where, axes):
        self.note(f"{where} alt", getattr(axes.figure, "alt_text", ""))
        self.note(f"{where} letters", " ¶ ".join(sorted(written_in(axes.figure))))
        pyplot.close(axes.figure)


def renamed(column: pd.Series) -> pd.Series:
    """Every text replaced by a hostile one of its own."""
    texts = sorted(column.dropna().unique())
    new = {text: f"{HOSTILE[place % len(HOSTILE)]} {place}" for place, text in enumerate(texts)}
    return column.map(new)


@pytest.fixture(scope="module")
def tables():
    base, _ = rl.simulate_base(90, seed=15, years=2, language="en")
    tables = {name: base.to_pandas(name) for name in base.tables}
    codes = renamed(pd.Series(tables["customers"]["customer_id"].unique()))
    known = dict(zip(sorted(tables["customers"]["customer_id"].unique()), codes, strict=True))
    for frame in tables.values():
        if "customer_id" in frame:
            frame["customer_id"] = frame["customer_id"].map(known)
        for name in set(NAMING) & set(frame.columns):
            frame[name] = renamed(frame[name])
    return tables


@pytest.fixture(scope="module")
def base(tables):
    return CustomerBase.from_tables(**tables, language="en", margin_rate=0.4, as_of="2025-12-31")


@pytest.fixture(scope="module")
def calls(base):
    """The explorer of the watch list, made behind the mask."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RETENTION_MASK", "1")
        return rl.explore_watch_list(base)


@pytest.fixture(scope="module")
def plan_facts():
    """Customers with somebody to look after each; too little time for all of them."""
    rows = [
        {
            "customer_id": f"{HOSTILE[place % 8]} {place}",
            "name": f"{HOSTILE[(place + 3) % 8]} {place}",
            "account_manager": f"{HOSTILE[place % 2]} {place % 2}",
            "contactable": place % 5 != 0,
            "why": f"like {HOSTILE[0]}",
            "email": "",
            "value": 20_000.0,
            "at_stake": 2_000.0,
        }
        for place in range(40)
    ]
    return facts_of_plan(rows)


@pytest.fixture
def masked(monkeypatch):
    monkeypatch.setenv("RETENTION_MASK", "1")


def raw(base: CustomerBase) -> Raw:
    swept = Raw(base)
    swept.unmasked = []
    return swept


def named_in(said: list[Said]) -> list[str]:
    return [f"{one.where}: {one.text[:200]}" for one in said if MARK in one.text]


def refusal(call) -> str:
    with pytest.raises(rl.RetentionError) as refused:
        call()
    return str(refused.value)


def test_no_result_picture_or_explorer_names_anybody_and_every_name_is_escaped(base, calls, masked):
    swept = raw(base)
    for call in (
        rl.check_quality,
        rl.list_lost,
        rl.check_people,
        rl.check_opportunities,
        rl.find_signals,
        lambda base: rl.profile_segments(base, by="account_manager"),
        lambda base: rl.measure_value(base).dependency(),
    ):
        swept.show(call(base))
    swept.attempt("largest", rl.measure_value(base).dependency().plot)
    swept.look("calls", calls)
    assert not named_in(swept.said)
    assert len(named_in(swept.unmasked)) > 4, "the names are there where nobody asks for the mask"
    assert not [said.where for said in swept.unmasked if HARMFUL.search(said.text)]


@pytest.mark.skipif(not os.environ.get(EVERYTHING), reason=f"set {EVERYTHING} to ask for all")
def test_nothing_that_can_be_asked_of_a_base_names_anybody(base, masked):
    swept = raw(base)
    for name, call in roots(base):
        swept.attempt(name, call)
    assert not named_in(swept.said)
    assert not [said.where for said in swept.unmasked if HARMFUL.search(said.text)]


def test_a_name_is_no_formula_of_a_picture(base):
    axes = rl.measure_value(base).dependency(top=9).plot()
    axes.figure.canvas.draw()
    assert MARK in axes.figure.alt_text
    pyplot.close(axes.figure)


def test_a_plan_and_all_that_is_made_of_it_name_nobody(plan_facts, masked, tmp_path):
    managers = dict.fromkeys(plan_facts.owners, 0.5)
    plan = make_plan(plan_facts.base, facts=plan_facts, budget=500, hours_per_week=managers)
    assert "no_time" in set(plan.left_out["reason_code"])
    time = plan.sales_time()
    swept = raw(plan_facts.base)
    calls = time.calling_order(owner=plan_facts.owners[0])
    for result in (plan, plan.prices(), time, calls):
        swept.note("shown", f"{result.sentence()} {result._repr_html_()}")
    swept.attempt("prices", plan.prices().plot)
    swept.attempt("time", time.plot)
    swept.note("left out", plan.reasons().sentence() + " ".join(plan.left_out["reason"]))
    swept.note("csv", plan.to_csv(tmp_path / "plan.csv").read_text("utf-8-sig"))
    time_calls = refusal(lambda: time.calling_order(owner="nobody"))
    swept.note("refused", time_calls)
    for sheet in openpyxl.load_workbook(plan.to_excel(tmp_path / "plan.xlsx")):
        swept.note(f"sheet {sheet.title}", list(sheet.iter_rows(values_only=True)))
    assert not named_in(swept.said)
    assert "Marketing" in time._repr_html_() or "Marketing" not in set(time.owners["owner"])


def test_messages_quote_no_customer_and_no_account_manager(base, tables, plan_facts, masked):
    ids = list(tables["customers"]["customer_id"])
    said = [
        refusal(lambda: rl.design_holdout(base, customers=ids[:3]).draw([ids[0]] * 3)),
        refusal(lambda: rl.take_snapshots(base, customers=["nobody", f"{MARK} no"])),
        refusal(
            lambda: make_plan(
                plan_facts.base, facts=plan_facts, budget=500, hours_per_week={"nobody": 1}
            )
        ),
        refusal(lambda: rl.merge_duplicates(base, {f"{MARK} a": f"{MARK} b"})),
    ]
    assert len(said) == 4
    assert not [text for text in said if MARK in text]


def test_an_export_that_cannot_be_read_is_not_quoted_either(tmp_path, masked):
    file = tmp_path / "export.csv"
    lines = [f"C{n};{MARK}é {n};{n % 28 + 1:02}/01/2024;{n},50" for n in range(1, 40)]
    lines.append(f"C9;x;{MARK};{MARK}")
    file.write_bytes("\n".join(["Client;Nom;Date;Montant", *lines]).encode("cp1252"))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        done = rl.import_export(file)
    said = [str(one.message) for one in caught] + [done.what_was_done()._repr_html_()]
    assert not [text for text in said if MARK in text]


def test_the_mask_of_a_command_covers_all_it_does_and_is_taken_off_again(monkeypatch, capsys):
    from retention_lib.commands import checking, line
    from retention_lib.masking import masks

    monkeypatch.delenv("RETENTION_MASK", raising=False)
    seen = []
    monkeypatch.setattr(checking, "run", lambda options: seen.append(masks()) or 0)
    with suppress(SystemExit):
        assert line.run(["check", "--mask"]) == line.run(["check"]) == 0
    assert seen == [True, False]
    assert not masks()


def test_who_said_no_is_on_no_list_of_people_to_contact(base, calls, tables, plan_facts):
    customers = tables["customers"]
    refused = set(customers.loc[customers["contactable"].eq(False), "customer_id"])
    assert len(refused) > 3
    lists = [
        calls.calls().to_frame(),
        rl.find_cross_sell(base).to_frame(),
    ]
    assert any(map(len, lists))
    assert not refused & {one for frame in lists for one in frame["customer_id"]}
    plan = make_plan(plan_facts.base, facts=plan_facts, budget=5_000)
    no = set(plan_facts.customer_id[~plan_facts.contactable])
    assert len(plan.table) and no
    assert not no & (set(plan.table["customer_id"]) | set(plan.held_out["customer_id"]))


def test_the_name_of_the_base_names_no_customer(monkeypatch):
    base = CustomerBase.from_tables(
        pd.DataFrame({"customer_id": ["C1"], "date": ["2025-01-01"], "amount": [1.0]}),
        customers=pd.DataFrame({"customer_id": ["C1"], "name": [f"{MARK} SARL"]}),
        name=f"Ventes {MARK.lower()} sarl",
    )
    assert MARK.lower() in rl.describe_base(base).sentence()
    monkeypatch.setenv("RETENTION_MASK", "1")
    said = rl.describe_base(base).sentence()
    assert said.startswith("Ventes Customer ")
    assert MARK.lower() not in said.lower()
