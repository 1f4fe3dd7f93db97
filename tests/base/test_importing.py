"""An export comes in whole: rows in are rows kept and rows set aside, each with its reason."""

from datetime import date
from pathlib import Path

import openpyxl
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import retention_lib as rl
from retention_lib.base.imported import Import
from retention_lib.errors import ChoiceError, InputError, QuestionError

FRENCH = """Gestion commerciale - export du 31/12/2024;;;
;;;
Code client;Date facture;Famille;Montant HT
007;15/01/2024;Papier;1 234,50
01000;28/02/2024;Encre;-20,00
;03/03/2024;Papier;10,00
B12;31/02/2024;Papier;10,00
B12;hier;Papier;10,00
B12;04/04/2024;Papier;dix
007;05/05/2024;Papier;
007;06/06/2024;Encre;99,90
007;06/06/2024;Encre;99,90
Total;;;1 434,30
"""


@pytest.fixture
def french(tmp_path: Path) -> Path:
    file = tmp_path / "ventes.csv"
    file.write_text(FRENCH, encoding="cp1252")
    return file


def reasons(done: Import) -> dict[str, int]:
    rows = done.to_frame()
    return dict(zip(rows["reason"], rows["rows"], strict=True))


def test_every_row_is_kept_or_set_aside_with_its_reason(french):
    done = rl.import_export(french)
    assert done.rows_read == 10
    assert done.rows_kept == 4
    assert reasons(done) == {
        "": 4,
        "missing_customer": 1,
        "impossible_date": 1,
        "unreadable_date": 1,
        "unreadable_amount": 1,
        "missing_amount": 1,
        "totals_line": 1,
    }
    assert len(done.set_aside) == done.rows_read - done.rows_kept


def test_what_is_kept_is_typed_and_ids_keep_their_zeros(french):
    kept = rl.import_export(french).to_pandas()
    assert kept["customer_id"].tolist() == ["007", "01000", "007", "007"]
    assert kept["amount"].tolist() == [1234.5, -20.0, 99.9, 99.9]
    assert [d.date() for d in pd.to_datetime(kept["date"])][:2] == [
        date(2024, 1, 15),
        date(2024, 2, 28),
    ]


def test_a_row_set_aside_names_its_row_in_the_file_and_its_reason(french):
    aside = rl.import_export(french).set_aside.set_index("row")
    assert aside.loc[6, "reason"] == "no customer"
    assert aside.loc[7, "Date facture"] == "31/02/2024"
    assert aside.loc[13, "reason_code"] == "totals_line"


def test_the_careless_total_is_said_beside_the_true_one(french):
    said = rl.import_export(french, currency="EUR").careless_sentence()
    assert "€1,414" in said  # 1,234.50 - 20 + 99.90 + 99.90
    assert "€2,879" in said  # and 10 + 10 + 10 that are no one's or no day's, and the total


def test_exact_copies_are_set_aside_only_on_request(french):
    done = rl.import_export(french, duplicates="set_aside")
    assert reasons(done)["exact_duplicate"] == 1
    assert done.set_aside.set_index("row").loc[12, "reason_code"] == "exact_duplicate"
    with pytest.raises(ChoiceError, match="'keep', 'set_aside'"):
        rl.import_export(french, duplicates="drop")


def test_rows_can_be_left_out_by_value(french):
    done = rl.import_export(french, leave_out={"product_range": ["Encre"]})
    assert reasons(done)["left_out"] == 3
    with pytest.raises(ChoiceError, match="leave_out"):
        rl.import_export(french, leave_out={"colour": ["red"]})


def test_saved_opened_and_the_same(french, tmp_path):
    done = rl.import_export(french)
    folder = done.save(tmp_path / "shop", name="Shop", currency="CHF")
    base = rl.open_base(folder)
    assert (base.name, base.wording.currency) == ("Shop", "CHF")
    pd.testing.assert_frame_equal(
        base.to_pandas().astype({"date": "datetime64[us]"}),
        done.to_pandas().astype({"date": "datetime64[us]"}),
        check_like=True,
    )
    assert base.made_from["import"]["set_aside"]["missing_customer"] == 1


def test_next_months_export_needs_no_questions(tmp_path):
    odd = "Ref;Jour;Val\nA;2024-01-05;10,5\nB;2024-01-06;11,5\nA;2024-01-07;3,25\n"
    first = tmp_path / "january.csv"
    first.write_text(odd, encoding="utf-8")
    answers = {"customer_id": "Ref", "date": "Jour", "amount": "Val"}
    folder = rl.import_export(first, matching=answers).save(tmp_path / "shop")
    second = tmp_path / "february.csv"
    second.write_text(odd.replace("2024-01", "2024-02"), encoding="utf-8")
    done = rl.import_export(second, matching=folder)
    assert done.rows_kept == 3
    assert rl.import_export(second, matching=folder).matching.accepted == first_accepted(first)


def first_accepted(file: Path) -> dict[str, str]:
    answers = {"customer_id": "Ref", "date": "Jour", "amount": "Val"}
    return dict(rl.import_export(file, matching=answers).matching.accepted)


def test_next_months_export_with_a_lost_column_asks(tmp_path, french):
    folder = rl.import_export(french).save(tmp_path / "shop")
    other = tmp_path / "other.csv"
    other.write_text(FRENCH.replace("Code client", "Colonne"), encoding="cp1252")
    with pytest.raises(QuestionError, match="customer_id"):
        rl.import_export(other, matching=folder)


def test_a_doubtful_required_column_is_asked_not_taken(tmp_path):
    file = tmp_path / "x.csv"
    file.write_text("aaa;bbb;ccc\n1;05/01/2024;10,5\n2;16/01/2024;11,5\n", encoding="utf-8")
    with pytest.raises(QuestionError) as asked:
        rl.import_export(file)
    assert len(asked.value.questions) >= 2


def test_a_decimal_mark_that_cannot_be_decided_is_asked(tmp_path):
    file = tmp_path / "x.csv"
    rows = "customer_id;date;amount\n1;2024-01-05;1.234\n2;2024-01-06;2.345\n"
    file.write_text(rows, encoding="utf-8")
    with pytest.raises(QuestionError, match="decimal="):
        rl.import_export(file)
    assert rl.import_export(file, decimal=".").to_pandas()["amount"].tolist() == [1.234, 2.345]
    assert rl.import_export(file, decimal=",").to_pandas()["amount"].tolist() == [1234.0, 2345.0]


def test_an_assumed_date_order_is_said_with_the_argument_that_changes_it(tmp_path):
    file = tmp_path / "x.csv"
    rows = "customer_id;date;amount\n1;05/01/2024;1,5\n2;03/04/2024;2,5\n1;02/02/2024;1,5\n"
    file.write_text(rows, encoding="utf-8")
    done = rl.import_export(file)
    steps = done.what_was_done().to_frame().set_index("step")
    assert "date_order" in steps.loc["dates in 'date'", "why"]
    other = rl.import_export(file, date_order="month_first")
    assert pd.Timestamp(other.to_pandas()["date"].iloc[0]).date() == date(2024, 5, 1)


def test_a_lone_date_far_after_the_others_does_not_become_as_of(tmp_path):
    rows = [f"{n % 7};{1 + n % 28:02d}/{1 + n % 12:02d}/2024;10,50" for n in range(300)]
    rows.insert(50, "3;15/06/2042;10,50")
    file = tmp_path / "x.csv"
    file.write_text("\n".join(["customer_id;date;amount", *rows]) + "\n", encoding="utf-8")
    done = rl.import_export(file)
    assert reasons(done)["isolated_date"] == 1
    assert done.to_base().as_of.year == 2024


def test_a_quiet_half_year_before_a_real_season_is_not_isolated(tmp_path):
    early = [f"{n % 7};{1 + n % 28:02d}/01/2024;10,50" for n in range(60)]
    late = [f"{n % 7};{1 + n % 28:02d}/12/2024;10,50" for n in range(60)]
    file = tmp_path / "x.csv"
    file.write_text("\n".join(["customer_id;date;amount", *early, *late]), encoding="utf-8")
    assert rl.import_export(file).rows_kept == 120


def test_a_thousand_different_customers_in_a_row_are_still_customers(tmp_path):
    rows = [f"C{n % 1500:05d};{1 + n % 28:02d}/01/2024;10,50" for n in range(3000)]
    file = tmp_path / "x.csv"
    file.write_text("\n".join(["Code client;Date;Montant HT", *rows]), encoding="utf-8")
    assert rl.import_export(file).rows_kept == 3000


def test_a_number_that_never_repeats_in_the_whole_file_is_asked_about(tmp_path):
    rows = [f"C{n:05d};{1 + n % 28:02d}/01/2024;10,50" for n in range(3000)]
    file = tmp_path / "x.csv"
    file.write_text("\n".join(["Code client;Date;Montant HT", *rows]), encoding="utf-8")
    with pytest.raises(QuestionError, match="customer_id"):
        rl.import_export(file)


def test_quantity_times_price_stands_in_for_the_amount(tmp_path):
    file = tmp_path / "x.csv"
    rows = "Customer ID,InvoiceDate,Quantity,Price\n13085.0,2024-01-05,12,6.95\n"
    file.write_text(rows + "13086.0,2024-01-06,-2,1.5\n", encoding="utf-8")
    kept = rl.import_export(file).to_pandas()
    assert kept["customer_id"].tolist() == ["13085", "13086"]
    assert kept["amount"].tolist() == [83.4, -3.0]
    assert kept["quantity"].tolist() == [12.0, -2.0]


@pytest.mark.parametrize(
    ("amounts", "shown"),
    [(("1,50 €", "2,50"), "€4"), (("1,50", "2,50"), "; 4 in"), (("1,50 £", "2,50 £"), "£4")],
)
def test_the_currency_is_read_off_the_amounts_or_not_shown_at_all(tmp_path, amounts, shown):
    file = tmp_path / "x.csv"
    rows = [f"007;2024-01-05;{amounts[0]}", f"008;2024-01-06;{amounts[1]}"]
    file.write_text("\n".join(["customer_id;date;amount", *rows]), encoding="utf-8")
    assert shown in rl.import_export(file).sentence()


def test_unknown_columns_are_kept_under_their_own_names(tmp_path, french):
    file = tmp_path / "x.csv"
    file.write_text("customer_id;date;amount;Colour\n1;2024-01-05;1,5;red\n", encoding="utf-8")
    assert rl.import_export(file).to_pandas()["Colour"].tolist() == ["red"]


def test_mended_rows_come_back_and_the_account_stays_whole(french, tmp_path):
    done = rl.import_export(french)
    folder = done.save(tmp_path / "shop")
    file = folder / "set_aside_transactions.xlsx"
    book = openpyxl.load_workbook(file)
    sheet = book.active
    columns = {cell.value: cell.column for cell in sheet[1]}
    for row in range(2, sheet.max_row + 1):
        if sheet.cell(row, columns["row"]).value == "6":
            sheet.cell(row, columns["Code client"]).value = "007"
        if sheet.cell(row, columns["row"]).value == "9":
            sheet.cell(row, columns["Montant HT"]).value = "10,00"
    book.save(file)
    mended = done.add_mended(file)
    assert mended.rows_read == done.rows_read
    assert mended.rows_kept == done.rows_kept + 2
    assert mended.base_revenue == pytest.approx(done.base_revenue + 20)


def test_a_mended_file_with_a_foreign_row_is_refused(french, tmp_path):
    done = rl.import_export(french)
    file = done.save(tmp_path / "shop") / "set_aside_transactions.xlsx"
    book = openpyxl.load_workbook(file)
    book.active.cell(2, 1).value = "4"
    book.save(file)
    with pytest.raises(InputError, match="never set aside"):
        done.add_mended(file)


def test_the_file_to_mend_holds_text_only_and_no_formula(tmp_path):
    file = tmp_path / "x.csv"
    rows = "customer_id;date;amount;note\n;2024-01-05;-1,50;=1+1\n007;2024-01-05;1,50;ok\n"
    file.write_text(rows, encoding="utf-8")
    folder = rl.import_export(file).save(tmp_path / "shop")
    sheet = openpyxl.load_workbook(folder / "set_aside_transactions.xlsx").active
    kinds = {cell.data_type for row in sheet.iter_rows() for cell in row if cell.value is not None}
    assert kinds == {"s"}


def test_customers_are_imported_into_the_same_folder(french, tmp_path):
    folder = rl.import_export(french).save(tmp_path / "shop")
    file = tmp_path / "clients.csv"
    text = "Code client;Raison sociale;Prospection autorisée\n007;Société Générale d'Œufs;oui\n"
    file.write_text(text, encoding="cp1252")
    done = rl.import_export(
        file, table="customers", matching={"contactable": "Prospection autorisée"}
    )
    done.save(folder)
    customers = rl.open_base(folder).to_pandas("customers")
    assert customers["name"].tolist() == ["Société Générale d'Œufs"]
    assert customers["contactable"].tolist() == [True]


def test_a_base_wants_transactions(tmp_path):
    file = tmp_path / "clients.csv"
    file.write_text("Code client;Nom\n007;Bond\n008;Bill\n", encoding="utf-8")
    with pytest.raises(InputError, match="needs transactions"):
        rl.import_export(file, table="customers").to_base()


def test_a_file_of_which_nothing_can_be_used_says_why(tmp_path):
    file = tmp_path / "x.csv"
    file.write_text("customer_id;date;amount\n;2024-01-05;1,5\n;2024-01-05;2,5\n")
    with pytest.raises(InputError, match="No row of"):
        rl.import_export(file, matching={"customer_id": "customer_id"})


@settings(max_examples=10, deadline=None)
@example(rows=[(name, "15/01/2024", "1,50") for name in ("Total", "007", "Total")])
@given(
    rows=st.lists(
        st.tuples(
            st.sampled_from(["007", "B", "", "Total", "œuf"]),
            st.sampled_from(["15/01/2024", "31/02/2024", "", "soon", "01/12/2024"]),
            st.sampled_from(["1,50", "-3,00", "", "x", "1 000,00"]),
        ),
        min_size=3,
        max_size=60,
    )
)
def test_rows_in_are_rows_kept_and_rows_set_aside(rows, tmp_path_factory):
    file = tmp_path_factory.mktemp("import") / "x.csv"
    sure = [("007", "28/01/2024", "12,34"), ("B", "29/01/2024", "0,55")]
    lines = [";".join(row) for row in [*sure, *rows]]
    file.write_text("\n".join(["Code client;Date;Montant HT", *lines]) + "\n", encoding="cp1252")
    # Told outright what a handful of lines may leave in doubt; the account is what is tested.
    answers = {"customer_id": "Code client", "date": "Date", "amount": "Montant HT"}
    done = rl.import_export(file, matching=answers, encoding="cp1252")
    table = done.to_frame()
    blank = done.reader.raw.reading.blank_lines
    assert int(table["rows"].sum()) == done.rows_read == len(lines) - blank
    assert blank <= sum(row == ("", "", "") for row in rows)
    assert len(done.set_aside) == done.rows_read - done.rows_kept
    assert len(done.to_pandas()) == done.rows_kept
    good = {"007", "B", "œuf", "Total"}
    days = {"15/01/2024", "01/12/2024", "28/01/2024", "29/01/2024"}
    amounts = {"1,50", "-3,00", "1 000,00", "12,34", "0,55"}
    kept = [
        row for row in [*sure, *rows] if row[0] in good and row[1] in days and row[2] in amounts
    ]
    # Chance may give a "Total" the sum of the lines before it: then it is one.
    totals = done.set_aside[done.set_aside["reason_code"] == "totals_line"]
    assert set(totals["Code client"]) <= {"Total"}
    full = totals["Date"].isin(days) & totals["Montant HT"].isin(amounts)
    assert done.rows_kept == len(kept) - int(full.sum())
