"""What a careless import gets wrong without a word; each of these was got wrong here once."""

import warnings
from pathlib import Path

import openpyxl
import pandas as pd
import pytest

import retention_lib as rl
from retention_lib.base.imported import Import
from retention_lib.errors import DataWarning, InputError, QuestionError


def write(folder: Path, name: str, text: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / name
    file.write_text(text.replace("|", "\n") + "\n", encoding="utf-8")
    return file


def reasons(done: Import) -> dict[str, int]:
    rows = done.to_frame()
    return dict(zip(rows["reason"], rows["rows"], strict=True))


@pytest.mark.parametrize(
    "heading", ["Reason", "reason", "Line", "row", "File", "rowid", "text Date", "k0", "__reason__"]
)
def test_a_column_may_be_called_anything(tmp_path, heading):
    text = (
        f"Customer ID;Date;Amount;{heading}|C1;2024-01-13;10.00;footer|C2;2024-01-14;5.00;|"
        f";2024-01-14;5.00;x|C2;2024-01-14;5.00;"
    )
    done = rl.import_export(write(tmp_path, "x.csv", text), duplicates="set_aside")
    assert reasons(done) == {"": 2, "missing_customer": 1, "exact_duplicate": 1}
    assert done.to_pandas()[heading].tolist()[0] == "footer"
    assert len(done.set_aside) == 2
    done.save(tmp_path / "shop")
    assert len(done.to_base().to_pandas()) == 2


def test_an_unknown_column_never_takes_the_name_of_a_known_one(tmp_path):
    text = "Customer ID;Date;Invoice date;Amount|C1;2024-01-13;2024-01-15;10.00"
    file = write(tmp_path, "x.csv", text)
    kept = rl.import_export(file, matching={"date": "Invoice date"}).to_pandas()
    assert str(kept["date"].iloc[0])[:10] == "2024-01-15"
    assert kept["Date (export)"].tolist() == ["2024-01-13"]


def test_files_written_in_different_ways_decide_for_themselves(tmp_path):
    french = "Code client;Date;Montant HT|C1;13/01/2024;10,00|C2;14/01/2024;1 010,50"
    english = "Code client,Date,Montant HT|C1,2024-02-15,1.5|C1,2024-02-16,20.25"
    write(tmp_path / "f", "jan.csv", french)
    write(tmp_path / "f", "feb.csv", english)
    amounts = rl.import_export(tmp_path / "f").to_pandas()["amount"]
    assert sorted(amounts) == [1.5, 10.0, 20.25, 1010.5]


def test_one_file_does_not_decide_for_another_written_differently(tmp_path):
    write(tmp_path / "f", "jan.csv", "Code client;Date;Montant HT|C1;13/01/2024;10,50")
    write(
        tmp_path / "f",
        "feb.csv",
        "Code client,Date,Montant HT|C1,2024-02-15,1.234|C2,2024-02-16,2.345",
    )
    with pytest.raises(QuestionError, match=r"feb\.csv.*decimal="):
        rl.import_export(tmp_path / "f")


def test_what_last_month_proved_decides_where_this_month_cannot(tmp_path):
    january = "Customer ID;Date;Amount|A;01/31/2024;10.5|B;01/13/2024;1,234.5"
    folder = rl.import_export(write(tmp_path, "jan.csv", january)).save(tmp_path / "shop")
    february = "Customer ID;Date;Amount|A;02/08/2024;1.234|B;02/03/2024;2.345"
    with warnings.catch_warnings():
        warnings.simplefilter("error", DataWarning)
        done = rl.import_export(write(tmp_path, "feb.csv", february), matching=folder)
    kept = done.to_pandas()
    assert [str(day)[:10] for day in kept["date"]] == ["2024-02-08", "2024-02-03"]
    assert kept["amount"].tolist() == [1.234, 2.345]


def test_this_months_own_proof_goes_before_last_months(tmp_path):
    january = "Customer ID;Date;Amount|A;01/31/2024;10.5|B;01/13/2024;1.5"
    folder = rl.import_export(write(tmp_path, "jan.csv", january)).save(tmp_path / "shop")
    february = "Customer ID;Date;Amount|A;28/02/2024;1,5|B;03/02/2024;2,5"
    kept = rl.import_export(write(tmp_path, "feb.csv", february), matching=folder).to_pandas()
    assert [str(day)[:10] for day in kept["date"]] == ["2024-02-28", "2024-02-03"]


def test_an_assumed_order_warns_and_is_not_passed_on_as_proved(tmp_path):
    text = "Customer ID;Date;Amount|A;05/01/2024;1,5|B;03/04/2024;2,5|A;02/02/2024;3,5"
    with pytest.warns(DataWarning, match="date_order"):
        done = rl.import_export(write(tmp_path, "x.csv", text))
    assert done.reader.decisions.remembered(done.reader.source_of)["date_order"] == {}


def test_values_that_cannot_be_read_in_optional_columns_are_said(tmp_path):
    text = "Code client;Nom;Date clôture|1;A;31/01/2024|2;B;clos|3;C;|4;D;28/02/2024|5;E;13/03/2024"
    file = write(tmp_path, "x.csv", text)
    answers = {"closed_on": "Date clôture"}
    with pytest.warns(DataWarning, match=r"1 value\(s\) of closed_on.*'clos'"):
        done = rl.import_export(file, "customers", matching=answers)
    assert done.outcome()["unread"] == {"closed_on": [1, "clos"]}
    assert "could not be read" in done.what_was_done().to_frame()["why"].str.cat(sep=" ")


def test_amounts_in_several_currencies_are_not_added_up(tmp_path):
    text = "Customer ID;Date;Amount|A;2024-01-13;10,00 €|B;2024-01-14;5,00 £"
    file = write(tmp_path, "x.csv", text)
    with pytest.raises(QuestionError, match="EUR, GBP"):
        rl.import_export(file)
    assert rl.import_export(file, currency="EUR").base_revenue == 15.0


def test_rows_in_other_currencies_can_be_left_out_whichever_way_they_say_so(tmp_path):
    text = (
        "Customer ID;Date;Amount;Devise|A;2024-01-13;10,00 €;|B;2024-01-14;5,00 £;|"
        "C;2024-01-15;7,00;EUR|D;2024-01-16;9,00;GBP"
    )
    file = write(tmp_path, "x.csv", text)
    done = rl.import_export(file, leave_out={"currency": ["GBP"]})
    assert (done.base_revenue, done.wording.currency) == (17.0, "EUR")
    assert done.outcome()["set_aside"] == {"left_out": 2}


def test_a_column_of_currencies_is_asked_about_unless_one_is_left(tmp_path):
    text = "Customer ID;Date;Amount;Devise|A;2024-01-13;10,50;EUR|B;2024-01-14;5,50;USD"
    file = write(tmp_path, "x.csv", text)
    with pytest.raises(QuestionError, match="EUR, USD"):
        rl.import_export(file)
    done = rl.import_export(file, leave_out={"Devise": "USD"})
    assert (done.base_revenue, done.wording.currency) == (10.5, "EUR")


def test_dated_subtotals_are_not_customers_and_total_energies_is_one(tmp_path):
    text = (
        "Code client;Date;Montant HT|C1;13/01/2024;10,00|C2;14/01/2024;5,00|"
        "Sous-total janvier;31/01/2024;15,00|C1;13/02/2024;10,00|Total Énergies;14/02/2024;7,00|"
        "Total général;29/02/2024;32,00"
    )
    done = rl.import_export(write(tmp_path, "x.csv", text))
    assert reasons(done) == {"": 4, "totals_line": 2}
    assert "Total Énergies" in set(done.to_pandas()["customer_id"])


def test_leaving_out_one_value_leaves_out_that_value(tmp_path):
    text = "Customer ID;Date;Amount;Product|A;2024-01-13;10.5;POST|B;2024-01-14;5.5;P"
    done = rl.import_export(write(tmp_path, "x.csv", text), leave_out={"product": "POST"})
    assert done.to_pandas()["product"].tolist() == ["P"]


def test_the_first_chapter_shows_the_account_of_my_own_export(tmp_path):
    text = "Customer ID;Date;Amount|A;2024-01-13;10.5|;2024-01-14;5.5|;2024-01-15;6.5"
    folder = rl.import_export(write(tmp_path, "x.csv", text)).save(tmp_path / "shop")
    again = rl.import_raw(path=folder)
    assert (again.rows_read, again.rows_kept) == (3, 1)
    assert rl.open_raw_base(folder).made_from["import"]["rows_read"] == 3


def test_a_second_import_does_not_reset_the_language(tmp_path):
    text = "Customer ID;Date;Amount|A;2024-01-13;10.5"
    folder = tmp_path / "shop"
    rl.import_export(write(tmp_path, "x.csv", text), language="fr").save(folder)
    clients = write(tmp_path, "c.csv", "Code client;Nom|A;Bond")
    rl.import_export(clients, "customers").save(folder)
    assert rl.open_base(folder).wording.language == "fr"


@pytest.fixture
def mendable(tmp_path) -> tuple[Import, Path]:
    text = "Code client;Date;Montant HT|007;13/01/2024;10,50|;14/01/2024;5,50|;15/01/2024;6,50"
    done = rl.import_export(write(tmp_path, "x.csv", text))
    return done, done.save(tmp_path / "shop") / "set_aside_transactions.xlsx"


def edit(file: Path, change: object) -> None:
    book = openpyxl.load_workbook(file)
    change(book.active)  # type: ignore[operator]
    book.save(file)


def test_a_mended_row_that_comes_twice_is_refused(mendable):
    done, file = mendable
    edit(file, lambda sheet: sheet.append([cell.value for cell in sheet[2]]))
    with pytest.raises(InputError, match="more than once"):
        done.add_mended(file)


def test_a_row_added_to_the_mended_file_is_refused(mendable):
    done, file = mendable
    edit(file, lambda sheet: sheet.append([None, "", "", "008", "16/01/2024", "7,50"]))
    with pytest.raises(InputError, match="have no row number"):
        done.add_mended(file)


def test_a_number_typed_into_the_mended_file_is_that_number(mendable):
    done, file = mendable

    def fill(sheet):
        columns = {cell.value: cell.column for cell in sheet[1]}
        sheet.cell(2, columns["Code client"]).value = "008"
        sheet.cell(2, columns["Montant HT"]).value = 1.234

    edit(file, fill)
    assert done.add_mended(file).to_pandas()["amount"].tolist() == [10.5, 1.234]


def test_a_currency_is_a_code_of_three_letters(tmp_path):
    text = "Customer ID;Date;Amount|A;2024-01-13;10.5"
    with pytest.raises(InputError, match="three letters"):
        rl.import_export(write(tmp_path, "x.csv", text), currency="euros")


def test_the_kept_rows_of_a_folder_know_their_files_apart(tmp_path):
    for month in (1, 2):
        text = f"Code client;Date;Montant HT|A;2024-0{month}-13;10,5|;2024-0{month}-14;1,5"
        write(tmp_path / "f", f"{month}.csv", text)
    done = rl.import_export(tmp_path / "f")
    assert reasons(done) == {"": 2, "missing_customer": 2}
    assert set(done.set_aside["file"]) == {"1.csv", "2.csv"}
    assert pd.notna(done.set_aside["row"]).all()


def test_credit_notes_and_quotes_among_the_sales_are_pointed_out(tmp_path):
    text = (
        "Code client;Date;Montant HT;Type pièce|A;13/01/2024;10,50;Facture|"
        "A;14/01/2024;5,50;Avoir|B;15/01/2024;6,50;Facture"
    )
    file = write(tmp_path, "x.csv", text)
    with pytest.warns(DataWarning, match=r"'Type pièce'.*Avoir \(1\)"):
        assert rl.import_export(file).rows_kept == 3
    assert rl.import_export(file, leave_out={"Type pièce": "Avoir"}).rows_kept == 2


def test_doubtful_consent_is_asked_about(tmp_path):
    text = "Code client;Nom;Opt-in|1;A;1|2;B;0|3;C;2|4;D;ja"
    with pytest.raises(QuestionError, match="contactable"):
        rl.import_export(write(tmp_path, "x.csv", text), "customers")


def test_a_rare_closing_date_is_found_far_down_the_file(tmp_path):
    rows = [f"{n};Client {n};" for n in range(1500)] + ["9998;Y;13/01/2024", "9999;Z;31/01/2024"]
    file = write(tmp_path, "x.csv", "|".join(["Code client;Nom;Date clôture", *rows]))
    done = rl.import_export(file, "customers")
    assert done.to_pandas()["closed_on"].notna().sum() == 2


def excel(file: Path, *rows: tuple[object, ...]) -> Path:
    book = openpyxl.Workbook()
    for row in (("Code client", "Date", "Montant HT"), *rows):
        book.active.append(row)
    book.save(file)
    return file


def test_a_number_of_excel_is_that_number_beside_any_text(tmp_path):
    rows = [("A", "13/01/2024", 1.234), ("B", "14/01/2024", "12,50-"), ("C", "15/01/2024", 250)]
    done = rl.import_export(excel(tmp_path / "x.xlsx", *rows))
    assert done.to_pandas()["amount"].tolist() == [1.234, -12.5, 250.0]


def test_a_number_of_excel_stays_one_when_another_cell_of_its_row_is_mended(tmp_path):
    rows = [("A", "13/01/2024", "10,50"), ("B", "no day", 1.234), ("C", "15/01/2024", "7,25")]
    answers = {"date": "Date"}
    done = rl.import_export(excel(tmp_path / "x.xlsx", *rows), matching=answers)
    file = done.save(tmp_path / "shop") / "set_aside_transactions.xlsx"
    columns = {"Date": "14/01/2024"}

    def mend(sheet):
        headings = {cell.value: cell.column for cell in sheet[1]}
        for name, value in columns.items():
            sheet.cell(2, headings[name]).value = value

    edit(file, mend)
    assert done.add_mended(file).to_pandas()["amount"].tolist() == [10.5, 1.234, 7.25]


def test_where_nothing_was_set_aside_no_first_rows_are_announced(tmp_path):
    done = rl.import_export(write(tmp_path, "x.csv", "Customer ID;Date;Amount|A;2024-01-13;10.5"))
    assert done.first_set_aside().sentence() == "Not a single row had to be set aside."


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"path": None}, "Give the path"),
        ({"path": pd.DataFrame()}, "from_tables"),
        ({"header_row": "1"}, "header_row is a whole number"),
        ({"separator": 5}, "separator is a text"),
    ],
)
def test_an_argument_of_the_wrong_kind_is_refused_in_words(tmp_path, arguments, said):
    file = write(tmp_path, "x.csv", "Customer ID;Date;Amount|A;2024-01-13;10.5")
    with pytest.raises(InputError, match=said):
        rl.import_export(**{"path": file, **arguments})


def test_customer_numbers_that_a_spreadsheet_rounded_are_told(tmp_path):
    lines = ("Customer ID;Date;Amount", "1,23457E+12;2024-01-13;10", "1,23457E+12;2024-01-14;5")
    text = "|".join((*lines, "12E5;2024-01-15;1"))
    with pytest.warns(DataWarning, match=r"2 line\(s\).*spreadsheet rounded.*'1,23457E\+12'"):
        rl.import_export(write(tmp_path, "x.csv", text))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        rl.import_export(write(tmp_path, "y.csv", text.replace("1,23457E+12", "1E12")))
