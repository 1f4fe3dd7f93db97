"""What a plan's files hold, opened the way Excel and a CRM open them."""

from __future__ import annotations

import csv
import zipfile
from datetime import datetime

import openpyxl
import pandas as pd
import pytest

from retention_lib.base.customer_base import CustomerBase
from retention_lib.decisions._plan_files_sheets import SheetNames
from retention_lib.decisions.outcomes import read_outcomes
from retention_lib.decisions.plan_files import write_csv, write_excel
from retention_lib.errors import InputError
from tests.decisions.plan_stand_in import PLAN, action, stand_in

NASTY = '=HYPERLINK("http://evil","x")'
ACTIONS = [
    action("C2", 6, name=NASTY),
    action("007", 5, "task", expected_profit=0.0),
    action("007", 5),
    action("C3", 12, "email", owner=None, message="@SUM(1)"),
    action("C4", 13, owner="Équipe: Nord/Sud [42] et un nom beaucoup trop long"),
]


def sheet_rows(sheet):
    return [list(row) for row in sheet.iter_rows(values_only=True)]


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    place = write_excel(stand_in(ACTIONS), tmp_path_factory.mktemp("plan") / "plan.xlsx")
    return openpyxl.load_workbook(place)


def test_there_is_a_sheet_for_everybody_and_one_for_everything_else(book):
    assert book.sheetnames == [
        "Summary",
        "Calendar",
        "Béa Villeneuve",
        "Équipe Nord Sud 42 et un nom be",
        "marketing",
        "Do not contact",
        "Left out",
    ]


def test_a_sheet_is_in_the_order_of_the_days_a_task_before_its_contact(book):
    head, *rows = sheet_rows(book["Béa Villeneuve"])
    where = {name: place for place, name in enumerate(head)}
    seen = [
        (row[where["Planned for"]], row[where["Customer"]], row[where["Channel"]]) for row in rows
    ]
    assert seen == [
        (datetime(2026, 1, 5), "007", "task"),
        (datetime(2026, 1, 5), "007", "call"),
        (datetime(2026, 1, 6), "C2", "call"),
    ]


def test_every_text_is_text_and_no_cell_is_a_formula_or_a_link(book):
    for sheet in book:
        for row in sheet.iter_rows():
            for cell in row:
                assert cell.data_type != "f", f"{sheet.title}!{cell.coordinate}"
                assert cell.hyperlink is None
    row = next(r for r in book["Béa Villeneuve"].iter_rows(min_row=2) if r[1].value == "C2")
    assert (row[2].value, row[2].data_type, row[2].number_format) == (NASTY, "s", "@")


def test_dates_are_dates_and_money_has_its_currency(book):
    head, first = list(book["Béa Villeneuve"].iter_rows(max_row=2))
    cell = {name.value: cell for name, cell in zip(head, first, strict=True)}
    assert cell["Planned for"].is_date
    assert cell["Cost"].value == 12.5
    assert cell["Cost"].number_format == '"€"#,##0.00'


def test_headings_stay_in_sight_and_what_is_filled_in_has_its_list(book):
    sheet = book["Béa Villeneuve"]
    assert sheet.freeze_panes == "D2"
    lists = {str(rule.sqref): rule.formula1 for rule in sheet.data_validations.dataValidation}
    head = [cell.value for cell in sheet[1]]
    done = openpyxl.utils.get_column_letter(head.index("Done") + 1)
    assert lists[f"{done}2:{done}4"] == '"yes,no"'
    assert any("no more contact" in words for words in lists.values())
    assert all(len(words) <= 257 for words in lists.values())


def test_columns_are_wide_enough_for_what_they_hold_and_codes_are_hidden(book):
    sheet = book["Béa Villeneuve"]
    head = [cell.value for cell in sheet[1]]
    letters = {name: openpyxl.utils.get_column_letter(n + 1) for n, name in enumerate(head)}
    assert sheet.column_dimensions[letters["Name"]].width >= len(NASTY)
    hidden = {
        letter
        for letter, width in sheet.column_dimensions.items()
        if width.hidden
        for letter in [letter]
    }
    assert letters["Plan"] in hidden
    assert letters["Customer"] not in hidden


def test_the_control_group_stands_under_do_not_contact(book):
    rows = sheet_rows(book["Do not contact"])
    assert rows[0][0] == "Do not contact: control group"
    assert [row[0] for row in rows[4:]] == ["H1", "H2"]


def test_who_is_left_out_stands_there_with_the_reason(book):
    head, *rows = sheet_rows(book["Left out"])
    assert head[:3] == ["Customer", "Name", "Reason"]
    assert rows[1][:3] == ["L2", "Laissé", "no time left with Béa Villeneuve"]


def test_the_calendar_counts_every_action_once(book):
    rows = sheet_rows(book["Calendar"])
    total = rows[1].index("Total")
    weeks = {row[0]: row[total] for row in rows[2:4]}
    assert weeks == {datetime(2026, 1, 5): 3, datetime(2026, 1, 12): 2}


def test_a_french_workbook_is_french(tmp_path):
    file = write_excel(stand_in(ACTIONS, language="fr"), tmp_path / "plan.xlsx")
    book = openpyxl.load_workbook(file)
    assert {"Synthèse", "Calendrier", "Ne pas contacter", "Non retenus"} <= set(book.sheetnames)
    sheet = book["Béa Villeneuve"]
    assert [cell.value for cell in sheet[1]][:2] == ["Prévu le", "Client"]
    lists = [rule.formula1 for rule in sheet.data_validations.dataValidation]
    assert '"oui,non"' in lists
    cost = [cell.value for cell in sheet[1]].index("Coût")
    assert sheet[2][cost].number_format == '#,##0.00 "€"'


def test_sheet_names_are_short_unlike_and_free_of_what_excel_forbids():
    names = SheetNames("Sheet")
    long = "Jean-Christophe de la Villardière-Montaigu"
    wanted = [long, long, "a/b", "A:B", "'History'", "", "History", "😀" * 20]
    given = [names.free(name) for name in wanted]
    assert len({name.casefold() for name in given}) == len(given)
    for name in given:
        assert 1 <= len(name.encode("utf-16-le")) // 2 <= 31
        assert not set(name) & set("[]:*?/\\")
        assert name.casefold() != "history"


def test_the_phone_is_that_of_who_decides_where_the_customer_has_none(tmp_path):
    lines = pd.DataFrame({"customer_id": ["C2"], "date": ["2025-12-31"], "amount": [1.0]})
    people = pd.DataFrame(
        {
            "customer_id": ["C2", "C2", "C4"],
            "person_id": ["a", "b", "c"],
            "phone": ["01", "02", "04"],
            "is_decision_maker": [False, True, False],
        }
    )
    customers = pd.DataFrame({"customer_id": ["C4"], "phone": ["03"]})
    base = CustomerBase.from_tables(lines, people=people, customers=customers)
    file = write_csv(stand_in(ACTIONS, base=base), tmp_path / "plan.csv")
    table = pd.read_csv(file, dtype=str).set_index("customer_id")
    assert table.loc["C2", "phone"] == "02"
    assert table.loc["C4", "phone"] == "03"


# --- masked ------------------------------------------------------------------------------------


def test_a_masked_file_names_nobody_anywhere(tmp_path, monkeypatch):
    monkeypatch.setenv("RETENTION_MASK", "1")
    plan = stand_in(ACTIONS, held_out=["HELD-1"], left_out=[("OUT-1", "no_time")])
    excel = write_excel(plan, tmp_path / "plan.xlsx")
    text = write_csv(plan, tmp_path / "plan.csv")
    with zipfile.ZipFile(excel) as parts:
        written = " ".join(parts.read(name).decode("utf-8", "replace") for name in parts.namelist())
    written += text.read_text("utf-8") + (tmp_path / "plan_held_out.csv").read_text("utf-8")
    for secret in (
        "Villeneuve",
        "Société",
        "007",
        "Tenu",
        "HELD-1",
        "OUT-1",
        "42 % likely",
        "HYPERLINK",
    ):
        assert secret not in written, secret
    assert "masked" in written
    assert "marketing" in openpyxl.load_workbook(excel).sheetnames


def test_the_same_customer_has_the_same_pseudonym_on_every_sheet(tmp_path):
    plan = stand_in([action("H1", 5)], held_out=["H1"], left_out=[])
    book = openpyxl.load_workbook(write_excel(plan, tmp_path / "p.xlsx", masked=True))
    owner = next(s for s in book if s["A1"].value == "Planned for")
    assert owner["B2"].value == book["Do not contact"]["A5"].value != "H1"


def test_masked_false_goes_before_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("RETENTION_MASK", "1")
    write_csv(stand_in(ACTIONS), tmp_path / "plan.csv", masked=False)
    assert "Société C4" in (tmp_path / "plan.csv").read_text("utf-8-sig")


def test_a_masked_file_is_refused_when_it_comes_back(tmp_path):
    file = write_excel(stand_in(ACTIONS), tmp_path / "plan.xlsx", masked=True)
    with pytest.raises(InputError, match="masked copy"):
        read_outcomes(file)


# --- CSV ---------------------------------------------------------------------------------------


def test_an_english_csv_has_commas_points_and_a_mark_for_excel(tmp_path):
    file = write_csv(stand_in(ACTIONS), tmp_path / "plan.csv")
    assert file.read_bytes().startswith(b"\xef\xbb\xbf")
    rows = list(csv.DictReader(file.read_text("utf-8-sig").splitlines()))
    assert len(rows) == len(ACTIONS)
    assert rows[0]["plan_id"] == PLAN
    assert (rows[0]["customer_id"], rows[0]["date"], rows[0]["cost"]) == (
        "007",
        "2026-01-05",
        "12.5",
    )


def test_a_french_csv_has_semicolons_and_decimal_commas(tmp_path):
    file = write_csv(stand_in(ACTIONS, language="fr"), tmp_path / "plan.csv")
    rows = list(csv.DictReader(file.read_text("utf-8-sig").splitlines(), delimiter=";"))
    assert (rows[0]["cost"], rows[0]["date"]) == ("12,5", "2026-01-05")
    assert {row["channel_code"] for row in rows} == {"call", "task", "email"}


def test_what_a_spreadsheet_would_run_gets_an_apostrophe_in_a_csv(tmp_path):
    file = write_csv(stand_in(ACTIONS), tmp_path / "plan.csv")
    rows = list(csv.DictReader(file.read_text("utf-8-sig").splitlines()))
    cells = {cell for row in rows for cell in row.values()}
    assert "'" + NASTY in cells
    assert "'@SUM(1)" in cells
    assert not any(cell.startswith(("=", "@", "+")) for cell in cells)


def test_the_control_group_is_in_a_file_beside(tmp_path):
    write_csv(stand_in(ACTIONS), tmp_path / "plan.csv")
    held = pd.read_csv(tmp_path / "plan_held_out.csv")
    assert held["customer_id"].tolist() == ["H1", "H2"]
    assert set(held["group"]) == {"control"}


# --- what cannot be ----------------------------------------------------------------------------


def test_a_plan_without_anything_to_do_is_written_all_the_same(tmp_path):
    plan = stand_in([], held_out=[], left_out=[])
    book = openpyxl.load_workbook(write_excel(plan, tmp_path / "plan.xlsx"))
    assert book["Calendar"]["A1"].value == "This plan has no action."
    assert book["Do not contact"]["A2"].value == "Nobody is held out of this plan."
    assert write_csv(plan, tmp_path / "plan.csv").read_text("utf-8-sig").count("\n") == 1


def test_letters_that_no_file_may_hold_do_not_break_it(tmp_path):
    plan = stand_in([action("C1", 5, name="bad\x00\x0bletters here", owner="a\x01b")])
    book = openpyxl.load_workbook(write_excel(plan, tmp_path / "plan.xlsx"))
    assert book["a b"]["C2"].value == "bad  letters here"


@pytest.mark.parametrize("path", ["plan.xls", "plan", 3, None])
def test_another_ending_is_refused_with_the_right_one(tmp_path, path):
    given = tmp_path / path if isinstance(path, str) else path
    with pytest.raises(InputError, match=r"\.xlsx"):
        write_excel(stand_in(ACTIONS), given)


def test_a_file_that_somebody_filled_in_is_not_written_over(tmp_path):
    file = write_excel(stand_in(ACTIONS), tmp_path / "plan.xlsx")
    write_excel(stand_in(ACTIONS), file)  # nothing is lost
    book = openpyxl.load_workbook(file)
    sheet = book["marketing"]
    sheet.cell(2, [cell.value for cell in sheet[1]].index("Done") + 1).value = "yes"
    book.save(file)
    before = file.read_bytes()
    with pytest.raises(InputError, match=r"1 row\(s\) that somebody filled in"):
        write_excel(stand_in(ACTIONS), file)
    assert file.read_bytes() == before
    assert [one.name for one in tmp_path.iterdir()] == ["plan.xlsx"]
