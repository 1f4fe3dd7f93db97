"""A person's own export goes into a workbook of their own, this month and the next."""

import os
import shutil
from dataclasses import replace
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

import retention_lib as rl
from retention_lib.base import intake, workbooks
from retention_lib.errors import ChoiceError, InputError, QuestionError

JANUARY = """Code client;Date facture;Montant HT
C1;15/01/2024;100,50
C2;20/01/2024;200,00
C1;31/01/2024;50,00
;31/01/2024;10,00
"""
FEBRUARY = """Code client;Date facture;Montant HT
C1;31/01/2024;55,00
C3;28/02/2024;300,00
"""
WHOLE = """Code client;Date facture;Montant HT
C1;01/01/2024;100,50
C3;31/03/2024;300,00
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project of its own: nothing here touches the tree's data/mine or what is loaded."""
    (tmp_path / "data" / "sample" / "b2b").mkdir(parents=True)
    monkeypatch.setattr(workbooks, "project_folder", lambda: tmp_path)
    monkeypatch.delenv(workbooks.ENVIRONMENT, raising=False)
    return tmp_path


@pytest.fixture(scope="module")
def january(tmp_path_factory):
    """The workbook that the first month gives, made once for the tests of the second."""
    folder = tmp_path_factory.mktemp("january")
    (folder / "data" / "sample" / "b2b").mkdir(parents=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(workbooks, "project_folder", lambda: folder)
        patch.delenv(workbooks.ENVIRONMENT, raising=False)
        intake.take_in(put(folder, "v.csv", JANUARY))
    return folder / "data"


@pytest.fixture
def begun(project, january):
    """A project in which the first month has been taken in and is loaded."""
    shutil.copytree(january / "mine", project / "data" / "mine")
    workbooks.load_workbook(project / "data" / "mine" / "v")
    return project


def put(project: Path, name: str, text: str) -> Path:
    file = intake.mine() / name
    file.write_text(text, encoding="cp1252")
    return file


def reasons(file: Path) -> list[str]:
    return pd.read_excel(file, engine="openpyxl")["reason"].tolist()


def amounts(folder: Path) -> list[float]:
    return pd.read_parquet(folder / "transactions.parquet")["amount"].tolist()


def test_an_export_becomes_a_workbook_with_its_rows_set_aside_that_every_chapter_opens(project):
    taken = intake.take_in(put(project, "ventes_2024.csv", JANUARY), currency="EUR")
    assert (taken.mode, taken.rows_before, taken.rows_after) == ("new", 0, 3)
    assert taken.imported.rows_read == 4
    assert taken.set_aside_path == taken.folder / "set_aside_transactions.xlsx"
    assert reasons(taken.set_aside_path) == ["no customer"]
    assert taken.folder == project / "data" / "mine" / "ventes 2024"
    base = rl.open_base()
    assert (base.name, base.wording.currency, base.as_of) == (
        "ventes 2024",
        "EUR",
        date(2024, 1, 31),
    )


def test_next_month_is_added_and_replaces_only_the_days_it_covers(begun):
    first = begun / "data" / "mine" / "v"
    taken = intake.take_in(put(begun, "v02.csv", FEBRUARY))
    assert taken.folder == first
    assert (taken.mode, taken.again) == ("added", True)
    assert (taken.rows_before, taken.rows_stayed, taken.rows_replaced) == (3, 2, 1)
    assert taken.rows_after == 4
    assert amounts(taken.folder) == [100.5, 200.0, 55.0, 300.0]
    assert "3 rows" in taken.sentence()
    assert "2 stay" in taken.sentence()


def test_the_chapter_on_the_file_still_tells_what_the_months_set_aside(begun):
    intake.take_in(put(begun, "v02.csv", FEBRUARY))
    said = rl.import_raw().sentence()
    assert "0 set aside" in said
    assert "1 of 5 rows had been set aside" in said


def test_a_save_that_fails_leaves_the_rows_set_aside_under_their_name(begun, monkeypatch):
    def full(*_, **__):
        raise InputError("the disk is full")

    monkeypatch.setattr(intake, "_save", full)
    with pytest.raises(InputError, match="full"):
        intake.take_in(put(begun, "v02.csv", FEBRUARY))
    files = sorted(file.name for file in (begun / "data" / "mine" / "v").iterdir())
    assert files == ["set_aside_transactions.xlsx", "transactions.parquet", "workbook.toml"]


def test_taken_in_twice_a_month_stands_there_once(begun):
    february = put(begun, "v02.csv", FEBRUARY)
    intake.take_in(february)
    again = intake.take_in(february)
    assert again.rows_after == 4
    assert amounts(again.folder) == [100.5, 200.0, 55.0, 300.0]


def test_what_earlier_files_had_set_aside_is_kept(begun):
    folder = begun / "data" / "mine" / "v"
    intake.take_in(put(begun, "v02.csv", FEBRUARY))
    kept = folder / "set_aside_transactions_until_2024-01-31.xlsx"
    assert reasons(kept) == ["no customer"]
    assert not (folder / "set_aside_transactions.xlsx").exists()


def test_the_account_of_the_workbook_holds_for_old_and_new_rows_together(begun):
    folder = begun / "data" / "mine" / "v"
    intake.take_in(put(begun, "v02.csv", FEBRUARY))
    entry = workbooks.read_workbook(folder).tables["transactions"]
    outcome = entry.reading["outcome"]
    assert (outcome["rows_kept"], outcome["rows_read"], outcome["set_aside"]) == (
        4,
        5,
        {"missing_customer": 1},
    )
    assert entry.raw is None  # one month's export is not where the whole table came from
    rl.import_raw(path=folder)  # and chapter 01 still has something to read


def mend(taken: intake.TakenIn, row: int, column: str, value: str) -> None:
    import openpyxl

    book = openpyxl.load_workbook(taken.set_aside_path)
    headings = [cell.value for cell in book.active[1]]
    book.active.cell(row + 1, headings.index(column) + 1).value = value
    book.save(taken.set_aside_path)


def test_a_row_mended_to_an_older_day_leaves_the_old_rows_of_that_time_where_they_are(begun):
    lines = FEBRUARY + "C8;bad;7,00\nC9;worse;8,00\n"
    taken = intake.take_in(put(begun, "v02.csv", lines), mode="added")
    assert taken.rows_after == 4
    for rows, date_meant in ((5, "02/01/2024"), (6, "03/01/2024")):
        mend(taken, 1, "Date facture", date_meant)
        taken = intake.take_back(taken)
        assert (taken.mode, taken.rows_after, len(amounts(taken.folder))) == ("added", rows, rows)
    assert sorted(amounts(taken.folder)) == [7.0, 8.0, 55.0, 100.5, 200.0, 300.0]


def test_a_full_disk_is_said_and_leaves_the_workbook_as_it_was(begun, monkeypatch):
    import duckdb

    class Full:
        def write_parquet(self, *_, **__):
            raise duckdb.IOException("Could not write all bytes: No space left on device")

    folder = begun / "data" / "mine" / "v"
    before = amounts(folder)
    real = intake.join
    monkeypatch.setattr(intake, "join", lambda *a, **k: replace(real(*a, **k), rows=Full()))
    with pytest.raises(InputError, match="the disk is full"):
        intake.take_in(put(begun, "v02.csv", FEBRUARY))
    assert amounts(folder) == before
    assert not list(folder.glob("*.new"))


def test_a_file_that_covers_the_whole_period_replaces_it(begun):
    taken = intake.take_in(put(begun, "all.csv", WHOLE))
    assert (taken.mode, taken.rows_before, taken.rows_after) == ("replaced", 3, 2)
    assert amounts(taken.folder) == [100.5, 300.0]


def test_a_file_inside_the_old_days_asks_what_it_is(project):
    intake.take_in(put(project, "all.csv", WHOLE))
    january = put(project, "v.csv", JANUARY)
    with pytest.raises(QuestionError, match='mode="replaced" or mode="added"'):
        intake.take_in(january)
    taken = intake.take_in(january, mode="added")
    assert taken.rows_after == 2 + 3


def test_an_earlier_year_is_added_before_what_is_there(begun):
    earlier = JANUARY.replace("2024", "2023")
    taken = intake.take_in(put(begun, "v2023.csv", earlier))
    assert (taken.mode, taken.rows_stayed, taken.rows_after) == ("added", 3, 6)
    assert taken.gap_days == 348
    assert "348 days" in taken.sentence()


def test_a_file_of_another_kind_gets_a_workbook_of_its_own(begun):
    other = "Customer ID,Invoice date,Net amount\nA,2024-01-05,1.50\nB,2024-01-25,2.50\n"
    taken = intake.take_in(put(begun, "shop_us.csv", other))
    assert (taken.mode, taken.folder.name) == ("new", "shop us")


def test_headings_alike_but_no_customer_known_is_asked_about(project):
    lines = [f"C{n};{n % 28 + 1:02}/01/2024;10,00" for n in range(30)]
    head = "Code client;Date facture;Montant HT"
    intake.take_in(put(project, "v.csv", "\n".join([head, *lines])))
    others = [line.replace("C", "Z").replace("/01/", "/02/") for line in lines]
    file = put(project, "autre.csv", "\n".join([head, *others]))
    with pytest.raises(QuestionError, match='name="autre"'):
        intake.take_in(file)
    assert intake.take_in(file, name="autre").mode == "new"


def test_a_month_in_another_currency_is_asked_about_and_never_added_up(project):
    in_euros = JANUARY.replace(",50\n", ",50 €\n").replace(",00\n", ",00 €\n")
    intake.take_in(put(project, "v.csv", in_euros))
    mixed = put(project, "v02.csv", FEBRUARY.replace(",00\n", ",00 £\n"))
    with pytest.raises(QuestionError, match="EUR, GBP"):
        intake.take_in(mixed)
    with pytest.raises(QuestionError, match="EUR, GBP"):
        intake.take_in(put(project, "m.csv", FEBRUARY.replace("300,00", "300,00 £")))
    with pytest.raises(QuestionError, match="in GBP, those of the workbook in EUR"):
        intake.take_in(mixed, matching={}, into=intake.mine() / "v")
    taken = intake.take_in(mixed, currency="EUR")
    assert rl.open_base().wording.currency == "EUR"
    # Said once to be converted, it is not asked next month.
    april = put(project, "v04.csv", FEBRUARY.replace("/0", "/1").replace(",00\n", ",00 £\n"))
    assert intake.take_in(april).rows_before == taken.rows_after


def test_a_few_rows_in_the_place_of_many_are_asked_about(project):
    days = "".join(f"C{n};{n % 28 + 1:02}/0{n % 3 + 1}/2024;10,00\n" for n in range(60))
    head = "Code client;Date facture;Montant HT\n"
    intake.take_in(put(project, "v.csv", head + days))
    part = put(project, "part.csv", head + "C1;01/01/2024;5,00\nC2;31/03/2024;5,00\n")
    with pytest.raises(QuestionError, match="1 rows where the workbook has 60"):
        intake.take_in(part)
    assert intake.take_in(part, mode="replaced").rows_after == 2


def test_customers_join_the_workbook_that_is_loaded(begun):
    clients = put(begun, "clients.csv", "Code client;Nom\nC1;Café Noël\nC2;Lefèvre\n")
    taken = intake.take_in(clients, table="customers")
    assert (taken.mode, taken.rows_after) == ("new", 2)
    assert rl.open_base().to_pandas("customers")["name"].tolist() == ["Café Noël", "Lefèvre"]


def test_a_list_that_lacks_many_customers_asks_and_the_whole_list_does_not(begun):
    old = put(begun, "c1.csv", "Code client;Nom\nC1;Un\nC2;Deux\nC3;Trois\n")
    intake.take_in(old, table="customers")
    fewer = put(begun, "c2.csv", "Code client;Nom\nC1;Un\nC4;Quatre\n")
    with pytest.raises(QuestionError, match="lacks 2 of the 3 rows"):
        intake.take_in(fewer, table="customers")
    added = intake.take_in(fewer, table="customers", mode="added")
    assert (added.rows_stayed, added.rows_replaced, added.rows_after) == (2, 1, 4)


def test_another_table_first_is_told_what_comes_first(project):
    clients = put(project, "clients.csv", "Code client;Nom\nC1;Un\nC2;Deux\n")
    with pytest.raises(InputError, match="begins with its transactions"):
        intake.take_in(clients, table="customers")


def test_what_is_answered_once_is_not_asked_again(project):
    doubtful = "Code client;Date facture;Total TTC\nC1;15/01/2024;1,50\nC2;16/01/2024;2,50\n"
    with pytest.raises(QuestionError):
        intake.take_in(put(project, "v.csv", doubtful))
    answered = {"customer_id": "Code client", "amount": "Total TTC"}
    intake.take_in(put(project, "v.csv", doubtful), matching=answered)
    taken = intake.take_in(put(project, "v02.csv", doubtful.replace("/01/", "/02/")))
    assert (taken.mode, taken.again) == ("added", True)


def test_nothing_is_ever_written_among_the_samples(project):
    file = put(project, "v.csv", JANUARY)
    sample = project / "data" / "sample" / "b2b"
    for place in (sample, sample / "mine", sample / ".." / "cdnow"):
        with pytest.raises(InputError, match="never changed"):
            intake.take_in(file, into=place)
    assert list(sample.iterdir()) == []


def test_a_name_cannot_lead_out_of_the_folder(project):
    for name in ("../../sample/b2b", "..\\..", "CON", "a/b", "~", "."):
        folder = intake.folder_for("v.csv", name)
        assert folder.parent == project / "data" / "mine"


def test_a_workbook_whose_name_differs_by_capitals_is_the_same(project):
    first = intake.take_in(put(project, "v.csv", JANUARY), name="Shop")
    assert intake.folder_for("x.csv", "SHOP") == first.folder


def test_exports_are_found_newest_first_and_nothing_else(project):
    for age, name in enumerate(("b.csv", "a.XLSX", "c.parquet", "d.txt")):
        file = put(project, name, "x")
        os.utime(file, (1_700_000_000 - age, 1_700_000_000 - age))
    for name in ("README.md", ".hidden.csv", "~$a.xlsx", "notes.docx", "set_aside_people.xlsx"):
        put(project, name, "x")
    (intake.mine() / "folder.csv").mkdir()
    names = [path.name for path in intake.find_exports()]
    assert names == ["b.csv", "a.XLSX", "c.parquet", "d.txt"]


def test_the_next_export_is_offered_until_it_is_taken_in(begun):
    assert intake.next_export() is None
    put(begun, "clients.csv", "Code client;Nom\nC1;Un\nC2;Deux\n")
    assert intake.next_export() is None  # neither the one taken in nor one of another kind
    february = put(begun, "v02.csv", FEBRUARY)
    assert intake.next_export() == february
    intake.take_in(february)
    assert intake.next_export() is None


def test_a_save_that_fails_leaves_the_old_workbook_whole(begun, monkeypatch):
    folder = begun / "data" / "mine" / "v"
    before = {path.name: path.read_bytes() for path in folder.iterdir()}

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("retention_lib.base.saving._write_set_aside", full)
    with pytest.raises(InputError, match="disk is full"):
        intake.take_in(put(begun, "v.csv", JANUARY.replace("100,50", "1,00")))
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_a_path_is_seen_from_the_project_too(project, monkeypatch):
    put(project, "v.csv", JANUARY)
    (project / "notebooks").mkdir()
    monkeypatch.chdir(project / "notebooks")
    imported = rl.import_export("data/mine/v.csv")
    assert imported.rows_kept == 3
    folder = imported.save("data/mine/shop")
    assert folder == project / "data" / "mine" / "shop"


@pytest.mark.parametrize("margin_rate", [35, -0.1])
def test_a_margin_that_is_no_share_is_refused(project, margin_rate):
    with pytest.raises(InputError, match="from 0 to 1"):
        intake.take_in("v.csv", margin_rate=margin_rate)


def test_what_is_no_answer_is_refused_with_the_choices(begun):
    with pytest.raises(ChoiceError, match="replaced"):
        intake.take_in("v.csv", mode="new")
    with pytest.raises(InputError, match="workbook already"):
        intake.take_in("data/mine/v")


def test_left_as_it_is_nothing_is_loaded(project):
    taken = intake.take_in(put(project, "v.csv", JANUARY), load=False)
    assert not taken.loaded
    assert intake.own_workbook() is None


def test_the_account_is_said_in_the_language_told(project):
    intake.take_in(put(project, "v.csv", JANUARY), language="fr")
    said = intake.take_in(put(project, "v02.csv", FEBRUARY)).sentence()
    assert "2 restent" in said
    assert rl.open_base().wording.language == "fr"
