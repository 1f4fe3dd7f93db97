"""A workbook is a folder with workbook.toml; which one is loaded is never a surprise."""

import os
from datetime import date
from pathlib import Path

import pytest

from retention_lib.base import workbooks
from retention_lib.errors import InputError


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project folder of its own, so that nothing here touches the person's pointer."""
    (tmp_path / "data" / "sample" / "b2b").mkdir(parents=True)
    monkeypatch.setattr(workbooks, "project_folder", lambda: tmp_path)
    monkeypatch.delenv(workbooks.ENVIRONMENT, raising=False)
    return tmp_path


def workbook(folder: Path, text: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "workbook.toml").write_text(text, encoding="utf-8")
    (folder / "t.parquet").write_bytes(b"")
    return folder


TABLES = '\n[tables.transactions]\nfile = "t.parquet"\n'


def test_at_first_the_b2b_sample_is_loaded(project):
    assert workbooks.loaded_path() == project / "data" / "sample" / "b2b"


def test_a_loaded_workbook_stays_loaded(project):
    mine = workbook(project / "data" / "mine", TABLES)
    workbooks.load_workbook(mine)
    assert workbooks.loaded_path() == mine.resolve()


def test_the_session_goes_before_what_was_loaded_last(project, monkeypatch):
    workbooks.load_workbook(workbook(project / "data" / "mine", TABLES))
    other = workbook(project / "other", TABLES)
    monkeypatch.setenv(workbooks.ENVIRONMENT, str(other))
    assert workbooks.loaded_path() == other


def test_a_choice_just_made_goes_before_the_session(project, monkeypatch):
    monkeypatch.setenv(workbooks.ENVIRONMENT, str(workbook(project / "other", TABLES)))
    mine = workbook(project / "data" / "mine", TABLES)
    workbooks.load_workbook(mine)
    assert workbooks.loaded_path() == mine.resolve()
    assert workbooks.ENVIRONMENT not in os.environ


def test_a_path_from_the_projects_folder_is_found_from_anywhere(project, monkeypatch, tmp_path):
    workbook(project / "data" / "mine", TABLES)
    elsewhere = tmp_path / "notebooks"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    assert workbooks.load_workbook("data/mine") == (project / "data" / "mine").resolve()


def test_loading_what_is_not_there_says_so(project):
    with pytest.raises(InputError, match="nothing at 'data/nowhere'"):
        workbooks.load_workbook("data/nowhere")


def test_settings_are_read(tmp_path):
    folder = workbook(
        tmp_path,
        'name = "Shop"\ncurrency = "CHF"\nas_of = 2024-12-31\nmargin_rate = 0.4\n' + TABLES,
    )
    settings = workbooks.read_workbook(folder).settings
    assert settings == workbooks.Settings("Shop", "CHF", "en", 0.4, date(2024, 12, 31), 365)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name = 3\n" + TABLES, "name = 3 should be str"),
        ('as_of = "31/12/2024"\n' + TABLES, "2025-12-31"),
        ("colour = 1\n" + TABLES, "'colour' is not a setting"),
        ("name = \n", "not readable as TOML"),
        ('name = "x"\n', "names no transactions table"),
        ('[tables.transactions]\nfile = "gone.parquet"\n', "gone.parquet"),
        ("[tables.transactions]\n", "names no file"),
        ('tables = "x"\n', r"write \[tables.transactions\]"),
        ('[tables]\ntransactions = "x"\n', r"write \[tables.transactions\]"),
        ("[tables.transactions]\nfile = 3\n", "file = 3.*path in quotation marks"),
        (TABLES + "raw = 3\n", "raw = 3.*path in quotation marks"),
        (TABLES + "reading = 4\n", "reading = 4.*import_export"),
        ("margin_rate = true\n" + TABLES, "margin_rate = True should be int or float"),
    ],
)
def test_a_bad_workbook_file_says_what_is_wrong(tmp_path, text, said):
    with pytest.raises(InputError, match=said):
        workbooks.read_workbook(workbook(tmp_path, text))


def test_all_problems_of_the_settings_are_said_at_once(tmp_path):
    text = 'name = 3\ncurrency = 4\nactivity_window_days = "x"\n' + TABLES
    with pytest.raises(InputError, match=r"3 problem.*name.*currency.*activity_window_days"):
        workbooks.read_workbook(workbook(tmp_path, text))


def test_what_a_person_wrote_into_the_file_survives_a_save(tmp_path):
    workbook(tmp_path, "# our shop\ncurrency = 'CHF' # not euros\n" + TABLES)
    entry = {"file": "t.parquet", "reading": {"decimal": ",", "sheet": None}}
    workbooks.write_table_entry(tmp_path, "customers", entry, {"name": "Shop", "as_of": None})
    text = (tmp_path / "workbook.toml").read_text("utf-8")
    assert "# our shop" in text
    assert "# not euros" in text
    read = workbooks.read_workbook(tmp_path)
    assert read.tables["customers"].reading == {"decimal": ","}
    assert set(read.tables) == {"transactions", "customers"}


def test_an_interrupted_write_leaves_the_old_file(tmp_path, monkeypatch):
    file = tmp_path / "workbook.toml"
    workbooks.write_text(file, "old")

    def fails(self, target):
        raise OSError("disk full")

    monkeypatch.setattr(Path, "replace", fails)
    with pytest.raises(InputError, match="disk full"):
        workbooks.write_text(file, "new")
    assert file.read_text("utf-8") == "old"


@pytest.mark.parametrize(
    "as_of", ["2024-01-15T00:00:00", "2024-01-15T23:59:59Z", '"2024-01-15T10:00:00"']
)
def test_a_moment_as_the_date_of_a_workbook_is_its_day(tmp_path, as_of):
    settings = workbooks.read_workbook(workbook(tmp_path, f"as_of = {as_of}\n" + TABLES)).settings
    assert type(settings.as_of) is date
    assert settings.as_of == date(2024, 1, 15)


@pytest.mark.parametrize("text", ["workbook = \n", "workbook = 3\n", "", "other = 'x'\n"])
def test_a_damaged_note_of_what_is_loaded_says_how_to_load_again(project, text):
    (project / "data" / "loaded.toml").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=r"loaded\.toml.*rl\.load_workbook\(path\)"):
        workbooks.loaded_path()


@pytest.mark.parametrize("wrong", [3, ["a"], {"a": 1}])
def test_a_path_to_load_has_to_be_a_path(project, wrong):
    with pytest.raises(InputError, match="Give the path of a workbook folder"):
        workbooks.load_workbook(wrong)


def test_a_workbook_may_be_called_otherwise_in_french():
    named = workbooks.Settings(name="Office supplies", name_fr="Fournitures de bureau")
    assert (named.called("en"), named.called("fr")) == ("Office supplies", "Fournitures de bureau")
    assert workbooks.Settings(name="Shop").called("fr") == "Shop"


@pytest.mark.parametrize("given", ["{}", "'{}'", " {}", Path])
def test_the_address_of_a_database_is_no_folder_and_its_password_is_not_repeated(project, given):
    address = "postgresql://ann:s3cr3t@db.example/shop?password=s3cr3t"
    given = given(address) if given is Path else given.format(address)
    for ask in (workbooks.load_workbook, workbooks.as_path, workbooks.from_here):
        with pytest.raises(InputError, match="is an address, not a folder") as said:
            ask(given)
        assert "s3cr3t" not in str(said.value) and "db.example" in str(said.value)
