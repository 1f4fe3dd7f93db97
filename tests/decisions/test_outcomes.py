"""What comes back is understood however it was saved, every row accounted for, added once."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import openpyxl
import pandas as pd
import polars as pl
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

import retention_lib as rl
from retention_lib.base.customer_base import CustomerBase
from retention_lib.decisions._pressure_contacts import past_contacts
from retention_lib.decisions.outcomes import read_outcomes
from retention_lib.decisions.plan_files import write_csv, write_excel
from retention_lib.errors import ChoiceError, InputError
from tests.decisions.plan_stand_in import PLAN, action, stand_in

ACTIONS = [
    action("C1", 5),
    action("C2", 6, "visit"),
    action("C3", 7, "email", owner=None),
    action("C4", 12),
    action("C5", 13, journey="Hot retention", journey_code="hot"),
    action("C6", 14, purpose="explore"),
]


def fill(file: Path, answers: dict[str, dict[str, object]]) -> Path:
    """Fill the cells of customers in, as a person does in Excel."""
    book = openpyxl.load_workbook(file)
    for sheet in book:
        head = [cell.value for cell in sheet[1]]
        if "Done" in head:
            for row in sheet.iter_rows(min_row=2):
                for name, said in answers.get(str(row[1].value), {}).items():
                    row[head.index(name)].value = said
    book.save(file)
    return file


@pytest.fixture(scope="module")
def plan():
    return stand_in(ACTIONS)


@pytest.fixture(scope="module")
def returned(plan, tmp_path_factory):
    file = write_excel(plan, tmp_path_factory.mktemp("back") / "plan.xlsx")
    return fill(
        file,
        {
            "C1": {"Done": "yes", "Reached": "yes", "Result": "accepted", "Note": "nice"},
            "C2": {"Result": "no more contact"},
            "C3": {"Done": "x", "Done on": date(2026, 1, 9)},
            "C5": {"Done": "yes", "Result": "leaving"},
            "C6": {"Done": "yes", "Result": "on holiday", "Note": "until May"},
        },
    )


@pytest.fixture(scope="module")
def outcomes(returned):
    return read_outcomes(returned)


def csv_of(tmp_path: Path, *rows: str, name: str = "back.csv", encoding: str = "cp1252") -> Path:
    head = "plan_id;customer_id;date;channel_code;step_code;done;done_on;reached;result;note"
    file = tmp_path / name
    file.write_text("\r\n".join([head, *rows]) + "\r\n", encoding=encoding)
    return file


# --- reading -----------------------------------------------------------------------------------


def test_what_was_filled_in_comes_back(outcomes):
    table = outcomes.to_frame().set_index("customer_id")
    assert len(table) == len(ACTIONS)
    assert table["done"].to_dict() == {
        "C1": True, "C2": True, "C3": True, "C4": False, "C5": True, "C6": True,
    }  # fmt: skip
    assert table.loc["C1", ["result_code", "note", "cost"]].tolist() == ["accepted", "nice", 12.5]
    assert table.loc["C3", "date"] == date(2026, 1, 9)
    assert table.loc["C3", "planned_on"] == date(2026, 1, 7)
    assert table.loc["C4", "date"] == date(2026, 1, 12)


def test_who_gives_an_answer_was_reached_and_of_an_email_nobody_knows(outcomes):
    reached = outcomes.to_frame().set_index("customer_id")["reached"]
    assert reached["C2"]
    assert pd.isna(reached["C3"])
    assert not reached["C4"]


def test_a_result_in_other_words_is_kept_as_other_with_its_words(outcomes):
    row = outcomes.to_frame().set_index("customer_id").loc["C6"]
    assert (row["result_code"], row["note"]) == ("other", "on holiday – until May")


def test_the_sentence_counts_what_was_done(outcomes):
    said = outcomes.sentence()
    assert said.startswith(f"{PLAN}: 5 of 6 planned actions were carried out")
    assert "1 accepted" in said
    assert "1 no longer to be contacted" in said


def test_the_control_group_comes_along_with_the_workbook(outcomes):
    assert outcomes.held_out["customer_id"].tolist() == ["H1", "H2"]


def test_counts_add_up_to_the_plan(outcomes):
    for by in ("channel", "owner", "journey"):
        assert outcomes.counts(by=by).to_frame()["planned"].sum() == len(ACTIONS)
    with pytest.raises(ChoiceError):
        outcomes.counts(by="weather")


def test_a_csv_saved_by_a_french_excel_is_understood(tmp_path):
    file = csv_of(
        tmp_path,
        f"{PLAN};C1;05/01/2026;call;s;Fait;06/01/26;oui;Accepté;très bien",
        f"{PLAN};C2;13/01/2026;call;s;VRAI;;NON;Sans réponse;",
        f"{PLAN};C3;14/01/2026;call;s;x;;;refusée;'=1+1",
    )
    table = read_outcomes(file).to_frame()
    assert table["date"].tolist() == [date(2026, 1, 6), date(2026, 1, 13), date(2026, 1, 14)]
    assert table["result_code"].tolist() == ["accepted", "no_answer", "declined"]
    assert table["reached"].tolist() == [True, False, True]
    assert table["note"].tolist() == ["très bien", "", "=1+1"]


def test_of_two_ways_to_read_its_days_a_plan_has_the_shorter(tmp_path):
    # All days are 12 or below: as months they would spread over the year.
    rows = [f"{PLAN};C{n};0{n}/01/2026;call;s;oui;;;;" for n in range(5, 10)]
    assert read_outcomes(csv_of(tmp_path, *rows)).to_frame()["date"].max() == date(2026, 1, 9)
    rows = [f"{PLAN};C{n};01/0{n}/2026;call;s;yes;;;;" for n in range(5, 10)]
    assert read_outcomes(csv_of(tmp_path, *rows)).to_frame()["date"].max() == date(2026, 1, 9)


def test_the_plans_own_csv_comes_back_in_both_languages(tmp_path):
    for language in ("en", "fr"):
        file = write_csv(stand_in(ACTIONS, language=language), tmp_path / f"{language}.csv")
        back = read_outcomes(file)
        assert back.to_frame()["cost"].sum() == 75.0
        assert len(back.held_out) == 2
        assert (back.rows_read, back.rows_kept) == (6, 6)


def test_every_row_is_kept_or_set_aside_with_its_reason(tmp_path):
    file = csv_of(
        tmp_path,
        f"{PLAN};C1;05/01/2026;call;s;oui;;;;",
        f"{PLAN};;05/01/2026;call;s;oui;;;;",
        ";C3;05/01/2026;call;s;oui;;;;",
        f"{PLAN};C4;05/01/2026;call;s;peut-être;;;;",
        f"{PLAN};C5;05/01/2026;call;s;oui;bientôt;;;",
        f"{PLAN};C6;05/01/2026;call;s;oui;05/01/2025;;;",
        f"{PLAN};C7;05/01/2026;call;s;non;;oui;;",
        f"{PLAN};C8;05/01/2026;call;s;non;;;accepté;",
        f"{PLAN};C9;05/01/2026;call;s;oui;;non;accepté;",
        f"{PLAN};C10;05/01/2026;call;s;oui;;oui;sans réponse;",
        f"{PLAN};C11;19/01/2026;call;s;oui;;bof;;",
    )
    back = read_outcomes(file)
    assert back.rows_read == back.rows_kept + len(back.set_aside) == 11
    assert back.set_aside["reason_code"].tolist() == [
        "no_customer",
        "no_plan",
        "done_word",
        "date",
        "outside",
        "not_done",
        "not_done",
        "not_reached",
        "reached_nobody",
        "reached_word",
    ]
    assert back.set_aside["row"].tolist() == list(range(3, 13))
    assert "peut-être" in back.reasons().to_frame()["reason"].iloc[2]
    assert "10 rows were set aside" in back.sentence()


def test_a_refusal_is_heeded_even_in_a_row_set_aside(tmp_path):
    file = csv_of(
        tmp_path,
        f"{PLAN};C1;05/01/2026;call;s;oui;31/02/2026;;ne plus contacter;",
        f"{PLAN};C2;06/01/2026;call;s;non;;;désinscrit;",
    )
    back = read_outcomes(file)
    assert back.refused == ("C1", "C2")
    assert back.to_frame()["customer_id"].tolist() == ["C2"]


def test_two_files_of_the_same_action_count_once_and_the_last_one_filled_in_stands(tmp_path):
    first = csv_of(
        tmp_path,
        f"{PLAN};C1;05/01/2026;call;s;oui;;;sans réponse;",
        f"{PLAN};C2;19/01/2026;call;s;oui;;;accepté;",
        name="a.csv",
    )
    second = csv_of(
        tmp_path,
        f"{PLAN};C1;05/01/2026;call;s;oui;;;accepté;",
        f"{PLAN};C2;19/01/2026;call;s;;;;;",
        name="b.csv",
    )
    both = read_outcomes([first, second])
    assert both.to_frame()["result_code"].tolist() == ["accepted", "accepted"]
    assert sorted(both.set_aside["reason_code"]) == ["later", "twice"]
    assert read_outcomes(tmp_path).rows_kept == 2
    again = read_outcomes([first, first])
    assert again.to_frame().equals(read_outcomes(first).to_frame())
    assert set(again.set_aside["reason_code"]) == {"twice"}


def test_with_the_plan_what_did_not_come_back_is_known(plan, tmp_path):
    file = csv_of(
        tmp_path,
        f"{PLAN};C1;05/01/2026;call;cold_call;oui;;;;",
        f"{PLAN};X9;19/01/2026;call;cold_call;oui;;;;",
        "PLAN-2025-12-01;C2;19/01/2026;call;cold_call;oui;;;;",
    )
    back = read_outcomes(file, plan=plan)
    assert back.missing == 5
    assert back.set_aside["reason_code"].tolist() == ["not_in_plan", "other_plan"]
    assert len(back.held_out) == 2
    assert "5 planned actions have not come back" in back.sentence()


def test_a_code_that_excel_shortened_is_the_customer_of_the_plan(tmp_path):
    plan = stand_in([action("007", 5), action("70", 6)])
    file = csv_of(tmp_path, f"{PLAN};7;05/01/2026;call;cold_call;oui;;;;")
    assert read_outcomes(file, plan=plan).to_frame()["customer_id"].tolist() == ["007"]


def test_without_a_control_group_the_sentence_says_so(tmp_path):
    back = read_outcomes(csv_of(tmp_path, f"{PLAN};C1;19/01/2026;call;s;oui;;;;"))
    assert "No control group" in back.sentence()


@pytest.mark.parametrize("given_path", [3, True, [4], [], "nowhere.xlsx"])
def test_what_is_no_path_is_said_in_words(given_path):
    with pytest.raises(InputError):
        read_outcomes(given_path)


def test_a_file_of_something_else_is_refused(tmp_path):
    (tmp_path / "sales.csv").write_text("date;amount\n2026-01-05;3\n2026-01-06;4\n")
    with pytest.raises(InputError, match="no list of a plan"):
        read_outcomes(tmp_path / "sales.csv")
    write_csv(stand_in(ACTIONS), tmp_path / "plan.csv")
    with pytest.raises(InputError, match="only the control group"):
        read_outcomes(tmp_path / "plan_held_out.csv")


WORDS = st.sampled_from(["", "oui", "non", "x", "?", "yes", "Fait"])
DAYS = st.sampled_from(["", "06/01/2026", "2026-01-07", "46030", "hier"])
RESULT = st.sampled_from(["", "accepté", "declined", "no answer", "parti", "stop", "autre chose"])
ROW = st.tuples(st.sampled_from(["", "C1", "C2", "C3"]), WORDS, DAYS, WORDS, RESULT)


@given(st.lists(ROW, min_size=1, max_size=8))
@settings(max_examples=4, deadline=None, phases=(Phase.explicit, Phase.generate))
def test_whatever_is_written_no_row_is_lost(tmp_path_factory, rows):
    lines = [f"{PLAN};{c};19/01/2026;call;s;{d};{on};{r};{said};" for c, d, on, r, said in rows]
    back = read_outcomes(csv_of(tmp_path_factory.mktemp("any"), *lines))
    assert back.rows_read == back.rows_kept + len(back.set_aside) == len(rows)
    assert not back.to_frame()["customer_id"].duplicated().any()
    told = back.to_frame()
    assert told.loc[told["result_code"].isin(["accepted", "declined"]), "done"].all()
    assert (back.set_aside["reason"] != "").all()


# --- adding to a base --------------------------------------------------------------------------


def lines_of(*customers: str) -> pd.DataFrame:
    return pd.DataFrame({"customer_id": customers, "date": ["2025-12-31"] * len(customers)}).assign(
        amount=10.0
    )


def small_base(make=lambda frame: frame, **tables) -> CustomerBase:
    given_tables = {name: make(frame) for name, frame in tables.items()}
    return CustomerBase.from_tables(make(lines_of("C1", "C2", "C3", "H1")), **given_tables)


INTERACTIONS = pd.DataFrame(
    {
        "customer_id": ["C1", "C1", "C4"],
        "date": ["2025-06-01", "2026-01-05", "2025-05-05"],
        "channel": ["email", "call", "call"],
        "kind": ["newsletter", "follow_up", "follow_up"],
        "direction": ["out", "out", "out"],
    }
)
CUSTOMERS = pd.DataFrame({"customer_id": ["C1", "C2"], "contactable": [True, True]})


@pytest.mark.parametrize("make", [lambda frame: frame, pl.from_pandas], ids=["duckdb", "polars"])
def test_next_month_knows_what_was_done(outcomes, make):
    base = small_base(make, interactions=INTERACTIONS, customers=CUSTOMERS)
    later = outcomes.add_to(base).at("2026-01-31")
    new = later.to_pandas("interactions")
    new = new[new["campaign_id"] == PLAN]
    out = new[new["direction"] == "out"].set_index("customer_id")
    # The call to C1 was on file already.
    assert sorted(out.index) == ["C2", "C3", "C5", "C6"]
    assert out.loc["C3", "date"] == date(2026, 1, 9)
    said = new[new["direction"] == "in"].set_index("customer_id")["kind"].to_dict()
    assert said == {"C2": "unsubscribe", "C5": "cancellation_request"}
    consent = later.to_pandas("customers").set_index("customer_id")["contactable"]
    assert consent.astype(bool).to_dict() == {"C1": True, "C2": False}
    counted = past_contacts(later).set_index("customer_id")["contacts_30"].to_dict()
    assert counted == {"C1": 1, "C2": 1, "C3": 1, "C4": 0, "C5": 1, "C6": 1}


@pytest.mark.parametrize("make", [lambda frame: frame, pl.from_pandas], ids=["duckdb", "polars"])
def test_the_campaign_has_who_was_in_the_draw_done_or_not(outcomes, make):
    later = outcomes.add_to(small_base(make)).at("2026-01-31")
    groups = later.to_pandas("campaigns").set_index("customer_id")
    # C5 is hot and never held back, C6 was drawn to learn: no lot decided between the groups.
    assert groups["group"].to_dict() == {
        "C1": "treated", "C2": "treated", "C3": "treated", "C4": "treated",
        "H1": "control", "H2": "control",
    }  # fmt: skip
    assert set(groups["date"]) == {date(2026, 1, 5)}
    assert groups["cost"].to_dict() == {
        "C1": 12.5, "C2": 12.5, "C3": 12.5, "C4": 0.0, "H1": 0.0, "H2": 0.0,
    }  # fmt: skip


def test_adding_twice_changes_nothing(outcomes):
    base = small_base(interactions=INTERACTIONS, customers=CUSTOMERS)
    once = outcomes.add_to(base).at("2026-01-31")
    twice = outcomes.add_to(once)
    for name in ("interactions", "campaigns", "customers"):
        first, second = (
            b.to_pandas(name).sort_values(["customer_id"], kind="stable").astype(str).to_numpy()
            for b in (once, twice)
        )
        assert sorted(map(tuple, first)) == sorted(map(tuple, second))


def test_a_result_that_came_in_later_takes_the_place_of_the_first(plan, tmp_path):
    base = small_base()
    none = csv_of(tmp_path, f"{PLAN};C1;05/01/2026;call;cold_call;oui;;;;", name="1.csv")
    more = csv_of(tmp_path, f"{PLAN};C4;12/01/2026;call;cold_call;oui;;;;", name="2.csv")
    after = read_outcomes(none, plan=plan).add_to(base)
    after = read_outcomes([none, more], plan=plan).add_to(after).at("2026-01-31")
    assert sorted(after.to_pandas("interactions")["customer_id"]) == ["C1", "C4"]
    costs = after.to_pandas("campaigns").set_index("customer_id")["cost"]
    assert (costs["C1"], costs["C4"], costs["C2"]) == (12.5, 12.5, 0.0)


def test_nothing_after_as_of_is_seen_and_the_base_itself_stays(outcomes):
    base = small_base(interactions=INTERACTIONS)
    added = outcomes.add_to(base)
    assert added.as_of == base.as_of
    assert len(added.to_pandas("interactions")) == len(base.to_pandas("interactions")) == 2
    assert "campaigns" not in base.tables


def test_a_plan_of_which_nothing_was_done_is_no_campaign(plan, tmp_path):
    back = read_outcomes(write_excel(plan, tmp_path / "plan.xlsx"))
    later = back.add_to(small_base()).at("2026-01-31")
    assert set(later.tables) == {"transactions"}
    assert "none of 6 planned actions" in back.sentence()


def test_a_plan_of_which_only_tasks_were_done_counts_as_no_contact(tmp_path):
    plan = stand_in([action("C1", 5, "task"), action("C1", 6), action("C4", 12)])
    file = fill(write_excel(plan, tmp_path / "plan.xlsx"), {"C1": {}})
    book = openpyxl.load_workbook(file)
    for sheet in book:
        head = [cell.value for cell in sheet[1]]
        for row in sheet.iter_rows(min_row=2) if "Done" in head else []:
            if row[head.index("Channel code")].value == "task":
                row[head.index("Done")].value = "yes"
    book.save(file)
    outcomes = read_outcomes(file)
    assert int(outcomes.table["done"].sum()) == 1
    later = outcomes.add_to(small_base()).at(date(2026, 2, 1))
    assert later.has("campaigns", "group")
    assert past_contacts(later).empty


def test_a_table_that_tells_less_stays_as_it_was(outcomes):
    told = pd.DataFrame({"customer_id": ["C9"], "date": ["2025-06-01"], "kind": ["newsletter"]})
    base = outcomes.add_to(small_base(interactions=told)).at("2026-01-31")
    assert base.columns("interactions") == ("customer_id", "date", "kind", "campaign_id")
    counted = past_contacts(base).set_index("customer_id")["contacts_365"]
    assert (counted["C9"], counted["C1"]) == (1, 1)


def test_what_is_no_base_is_said_in_words(outcomes):
    with pytest.raises(InputError, match="CustomerBase"):
        outcomes.add_to("base")


# --- saving ------------------------------------------------------------------------------------


@pytest.fixture
def workbook(tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    base = small_base(interactions=INTERACTIONS, customers=CUSTOMERS)
    entries = []
    for name in ("transactions", "interactions", "customers"):
        base.to_pandas(name).to_parquet(folder / f"{name}.parquet")
        entries.append(f'[tables.{name}]\nfile = "{name}.parquet"\n')
    (folder / "workbook.toml").write_text('name = "Mine"\n' + "\n".join(entries))
    return folder


def test_what_is_saved_is_there_when_the_workbook_is_opened_again(outcomes, workbook):
    assert outcomes.save(workbook) == workbook
    opened = rl.open_base(workbook).at("2026-01-31")
    assert len(opened.to_pandas("campaigns")) == 6
    assert (opened.to_pandas("interactions")["campaign_id"] == PLAN).sum() == 7
    assert not opened.to_pandas("customers").set_index("customer_id").loc["C2", "contactable"]
    before = {f.name: f.read_bytes() for f in workbook.iterdir() if f.suffix == ".toml"}
    outcomes.save(workbook)
    again = rl.open_base(workbook).at("2026-01-31")
    for name in ("interactions", "campaigns", "customers"):
        assert len(again.to_pandas(name)) == len(opened.to_pandas(name))
    assert before == {f.name: f.read_bytes() for f in workbook.iterdir() if f.suffix == ".toml"}
    assert not [f for f in workbook.iterdir() if f.name.endswith(".new")]


def test_a_row_that_the_base_would_set_aside_is_not_lost_from_the_file(outcomes, workbook):
    odd = pd.concat([INTERACTIONS, pd.DataFrame({"customer_id": [None], "date": ["2025-01-01"]})])
    odd.to_parquet(workbook / "interactions.parquet")
    outcomes.save(workbook)
    assert pd.read_parquet(workbook / "interactions.parquet")["customer_id"].isna().sum() == 1


def test_the_samples_stay_as_they_are(outcomes):
    root = Path(__file__).parents[2] / "data" / "sample"
    for folder in (root / "b2b", root / "cdnow" / "workbook.toml"):
        with pytest.raises(InputError, match="stays as it is"):
            outcomes.save(folder)


def test_a_folder_without_a_workbook_is_refused(outcomes, tmp_path):
    with pytest.raises(InputError, match="no workbook"):
        outcomes.save(tmp_path)
    with pytest.raises(InputError, match="folder of your workbook"):
        outcomes.save(3)


def test_an_interrupted_save_leaves_the_old_table(outcomes, workbook, monkeypatch):
    before = (workbook / "interactions.parquet").read_bytes()

    def fails(*_: object) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr(Path, "replace", fails)
    with pytest.raises(InputError, match="disk is full"):
        outcomes.save(workbook)
    assert (workbook / "interactions.parquet").read_bytes() == before
