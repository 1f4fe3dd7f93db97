"""What works here works on Windows and macOS: file names, locks, encodings, consoles."""

import ast
import os
import re
import subprocess
import sys
import unicodedata
from pathlib import Path

import pandas as pd
import pytest

import retention_lib as rl
from retention_lib import filing
from retention_lib.base import workbooks
from retention_lib.errors import InputError

ROOT = Path(__file__).resolve().parent.parent
SOURCES = sorted(
    [*(ROOT / "retention_lib").rglob("*.py"), *(ROOT / "tools").glob("*.py"), ROOT / "workbook.py"]
)
LINES = pd.DataFrame(
    {"customer_id": ["1", "2"], "date": pd.to_datetime(["2025-01-05", "2025-03-05"]), "amount": 5.0}
)


# ---------------------------------------------------------------- written so that it can be read

OPENING = re.compile(r"\b(open|read_text|write_text)\(")
ONLY_HERE = re.compile(r"^\s*(?:import|from) (fcntl|pwd|grp|resource|termios|pty)\b", re.MULTILINE)
# No text files: descriptors, archives, browsers, pictures, and our own writer, which is UTF-8.
OTHERS = {"os", "webbrowser", "archive", "Image", "zipfile", "tarfile", "workbooks", "self"}


def says_its_encoding(call):
    texts = [a.value for a in [*call.args, *(k.value for k in call.keywords if k.arg == "mode")]
             if isinstance(a, ast.Constant) and isinstance(a.value, str)]  # fmt: skip
    binary = any("b" in text and set(text) <= set("rwaxb+") for text in texts)
    told = any(keyword.arg == "encoding" for keyword in call.keywords)
    return told or binary or any(text.startswith(("utf-8", "ascii")) for text in texts)


def opens_text(call):
    if isinstance(call.func, ast.Name):
        return call.func.id == "open"
    if not isinstance(call.func, ast.Attribute):
        return False
    owner = call.func.value
    return call.func.attr in {"open", "read_text", "write_text"} and not (
        isinstance(owner, ast.Name) and owner.id in OTHERS
    )


def without_encoding(source):
    if not OPENING.search(source):
        return []
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    return [c.lineno for c in calls if opens_text(c) and not says_its_encoding(c)]


def test_every_text_file_is_opened_in_an_encoding_that_is_named():
    wrong = [f"{p.name}:{n}" for p in SOURCES for n in without_encoding(p.read_text("utf-8"))]
    assert not wrong


def test_the_test_would_see_a_forgotten_encoding():
    assert without_encoding("p.read_text()\nopen(p)\np.open('w')\np.write_text(t)") == [1, 2, 3, 4]
    assert not without_encoding("p.read_text('utf-8')\nopen(p, 'rb')\np.open(encoding='utf-8')")


def test_nothing_is_imported_that_only_unix_has():
    wrong = [p.name for p in SOURCES if ONLY_HERE.search(p.read_text("utf-8"))]
    assert not wrong
    assert ONLY_HERE.search("x = 1\n    import fcntl\n")


@pytest.mark.parametrize(
    "only_here", ["%-d", "%-m", "%#d", '"/tmp', "os.fork", "os.getuid", "shell=True"]
)
def test_nothing_is_written_that_only_one_system_knows(only_here):
    assert [p.name for p in SOURCES if only_here in p.read_text("utf-8")] == []


# ---------------------------------------------------------------- files that others hold open


class Held(PermissionError):
    """What Windows says of a file that Excel has open."""

    winerror = 32


def holding(monkeypatch, times):
    """Refuse to replace a file that many times, as Windows does while somebody has it open."""
    real, refused = Path.replace, []

    def replace(self, target):
        if len(refused) < times:
            refused.append(target)
            raise Held(13, "The process cannot access the file")
        return real(self, target)

    monkeypatch.setattr(Path, "replace", replace)
    monkeypatch.setattr(filing.time, "sleep", lambda seconds: None)
    return refused


def test_a_file_that_a_virus_scanner_holds_for_a_moment_is_written_all_the_same(
    tmp_path, monkeypatch
):
    refused = holding(monkeypatch, times=2)
    workbooks.write_text(tmp_path / "workbook.toml", "new")
    assert len(refused) == 2
    assert (tmp_path / "workbook.toml").read_text("utf-8") == "new"


def test_a_file_that_excel_holds_open_is_said_and_stays_as_it_was(tmp_path, monkeypatch):
    file = tmp_path / "plan.xlsx"
    file.write_bytes(b"old")
    holding(monkeypatch, times=99)
    with (
        pytest.raises(InputError, match=r"open in another program, probably Excel\. Close it"),
        filing.written(file) as beside,
    ):
        beside.write_bytes(b"new")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"plan.xlsx": b"old"}


def test_a_file_that_is_held_cannot_be_removed_and_that_is_said(tmp_path, monkeypatch):
    def held(self, missing_ok=False):
        raise Held(13, "The process cannot access the file")

    monkeypatch.setattr(Path, "unlink", held)
    monkeypatch.setattr(filing.time, "sleep", lambda seconds: None)
    with pytest.raises(InputError, match="probably Excel"):
        filing.remove(tmp_path / "set_aside.xlsx")


@pytest.mark.parametrize("on_windows", [True, False])
def test_windows_refuses_to_open_what_excel_holds_without_saying_why(
    on_windows, tmp_path, monkeypatch
):
    file = tmp_path / "set_aside.xlsx"
    file.write_bytes(b"old")

    def refused(path, flags):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(filing, "_ON_WINDOWS", on_windows)
    monkeypatch.setattr(filing.os, "open", refused)
    if on_windows:
        with pytest.raises(PermissionError):
            filing.must_be_free(file)
    else:
        filing.must_be_free(file)


def test_a_place_without_the_right_to_write_is_said_at_once(tmp_path, monkeypatch):
    tried = []

    def refuse(self, target):
        tried.append(target)
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(InputError, match="Permission denied"):
        workbooks.write_text(tmp_path / "workbook.toml", "new")
    assert len(tried) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_folder_in_the_place_of_a_file_is_said(tmp_path):
    (tmp_path / "plan.xlsx" / "in it").mkdir(parents=True)
    with (
        pytest.raises(InputError, match="it is a folder"),
        filing.written(tmp_path / "plan.xlsx") as beside,
    ):
        beside.write_bytes(b"new")


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="only Linux tells what is open")
def test_a_base_holds_no_file_open_so_that_windows_can_replace_it(tmp_path):
    LINES.to_parquet(tmp_path / "lines.parquet")
    base = rl.open_base(tmp_path / "lines.parquet")
    rl.describe_base(base)
    held = []
    for link in Path("/proc/self/fd").iterdir():
        try:
            held.append(str(link.readlink()))
        except OSError:
            continue
    assert [path for path in held if str(tmp_path) in path] == []


# ---------------------------------------------------------------- names


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("Ventes: T1/T2 2025 ", "Ventes T1 T2 2025"),
        ("CON", "CON_"),
        ("nul.csv", "nul_.csv"),
        ("com1", "com1_"),
        ("Conrad", "Conrad"),
        ("ends in dots...", "ends in dots"),
        ("..", "workbook"),
        ("../../etc/passwd", "etc passwd"),
        ("C:\\Users\\me", "C Users me"),
        ('a<b>c"d|e?f*g', "a b c d e f g"),
        ("tab\there\x00\x1f", "tab here"),
        ("~$open.xlsx", "$open.xlsx"),
        (".hidden", "hidden"),
        ("e\u0301te\u0301", "été"),
        ("right\u202eto left", "rightto left"),
        ("", "workbook"),
        ("  ", "workbook"),
    ],
)
def test_a_name_is_made_one_that_every_system_takes(said, name):
    assert filing.safe_name(said) == name


def test_a_long_name_is_shortened_and_does_not_end_in_a_space():
    name = filing.safe_name("word " * 60)
    assert 70 <= len(name) <= filing.LONGEST_NAME
    assert name == name.strip()


def test_a_long_name_in_letters_of_many_bytes_leaves_room_for_what_is_written_beside(tmp_path):
    file = tmp_path / f"{filing.safe_name(chr(0x6F22) * 100)}.xlsx"
    with filing.written(file) as beside:
        beside.write_bytes(b"new")
    assert file.read_bytes() == b"new"


def test_names_that_windows_or_macos_take_for_one_are_one(tmp_path):
    assert filing.same_name("Été", unicodedata.normalize("NFD", "ÉTÉ"))
    assert not filing.same_name("Shop", "Shop 2")
    (tmp_path / "Shop").mkdir()
    assert filing.taken_by(tmp_path, "shop") == tmp_path / "Shop"
    assert filing.taken_by(tmp_path, "other") is None
    assert filing.taken_by(tmp_path / "nowhere", "shop") is None


@pytest.mark.parametrize("folder", ["[ab]", "a*b", "l'été", "100%", "a{b}", "x;y", "$HOME"])
def test_a_base_is_read_from_its_own_folder_whatever_the_name(folder, tmp_path):
    # DuckDB takes [ab] and a*b for patterns: these neighbours would be read instead, in silence.
    for name, rows in (("a", 1), ("aXb", 1), (folder, 2)):
        (tmp_path / name).mkdir()
        LINES.head(rows).to_parquet(tmp_path / name / "lines.parquet")
    base = rl.open_base(tmp_path / folder / "lines.parquet")
    assert len(base.to_pandas("transactions")) == 2


@pytest.mark.parametrize("file", ["tables\\\\lines.parquet", "tables/lines.parquet"])
def test_a_workbook_written_on_windows_opens_elsewhere(file, tmp_path):
    (tmp_path / "tables").mkdir()
    LINES.to_parquet(tmp_path / "tables" / "lines.parquet")
    text = f'[tables.transactions]\nfile = "{file}"\n'
    (tmp_path / "workbook.toml").write_bytes(("\ufeff" + text.replace("\n", "\r\n")).encode())
    assert len(rl.open_base(tmp_path).to_pandas("transactions")) == 2


def test_a_windows_path_that_toml_cannot_read_gets_the_remedy(tmp_path):
    text = '[tables.transactions]\nfile = "lines.parquet"\nraw = "C:\\Users\\me\\sales.csv"\n'
    (tmp_path / "workbook.toml").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match="Write paths with / instead of"):
        rl.open_base(tmp_path)


def test_a_name_that_macos_took_apart_is_found_again(tmp_path, monkeypatch):
    monkeypatch.setattr(workbooks, "project_folder", lambda: tmp_path)
    (tmp_path / unicodedata.normalize("NFD", "Été")).mkdir()
    monkeypatch.setenv(workbooks.ENVIRONMENT, str(tmp_path / "Été"))
    assert workbooks.loaded_path().is_dir()


def test_a_path_copied_with_its_quotation_marks_is_understood(tmp_path):
    LINES.to_parquet(tmp_path / "my lines.parquet")
    for typed in (f'"{tmp_path}/my lines.parquet"', f" '{tmp_path}/my lines.parquet' "):
        assert len(rl.open_base(typed).to_pandas("transactions")) == 2
    (tmp_path / '"odd"').mkdir()
    assert workbooks.as_path(tmp_path / '"odd"') == tmp_path / '"odd"'


@pytest.mark.parametrize("path", ["C:\\data\\sales.csv", "C:/data/sales.csv", "\\\\server\\x.csv"])
def test_a_path_of_windows_is_no_address_of_a_database(path):
    from retention_lib.base._typed import is_database_url

    assert not is_database_url(path)


# ---------------------------------------------------------------- consoles and locales


def test_a_command_runs_from_a_folder_with_accents_on_an_old_console(tmp_path):
    folder = tmp_path / "l'été des données"
    folder.mkdir()
    LINES.to_parquet(folder / "l'été.parquet")
    machine = {"PYTHONIOENCODING": "cp1252", "LC_ALL": "C", "PYTHONPATH": str(ROOT)}
    command = ["doctor", "--data", "l'été.parquet", "--language", "fr"]
    done = subprocess.run(
        [sys.executable, "-P", "-m", "retention_lib", *command],
        cwd=folder,
        env={**os.environ, **machine},
        capture_output=True,
        timeout=120,
    )
    said = done.stdout.decode("cp1252").replace("\xa0", " ")
    assert done.returncode == 0, done.stderr
    # DuckDB's module would say at the end of each command that it leaks.
    assert done.stderr == b""
    assert "Prêt : il n'y a rien à réparer." in said
    assert "2 achats" in said


def test_an_excel_file_that_has_no_place_is_told_and_no_fault_of_ours(tmp_path):
    file = tmp_path / "gone" / "plan.xlsx"
    with pytest.raises(InputError, match="cannot be written"), filing.written(file) as beside:
        beside.parent.rmdir()  # taken away by somebody in between
        with filing.excel_book(beside) as book:
            book.add_worksheet()
