"""Whenever work is cut short, what was there is whole: all of it old, or all of it new."""

import errno
import os
import shutil
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import pandas as pd
import pytest

import retention_lib as rl
from retention_lib import filing, turns
from retention_lib.base import intake, placing, saving, workbooks
from retention_lib.decisions import _ideas_file
from retention_lib.errors import InputError
from retention_lib.views import report
from tests.crash.dying import Killed, every_death, step

JANUARY = """Code client;Date facture;Montant HT
C1;15/01/2024;100,50
C2;20/01/2024;200,00
;31/01/2024;10,00
"""
FEBRUARY = """Code client;Date facture;Montant HT
C3;28/02/2024;300,00
;29/02/2024;7,00
"""


def full():
    return OSError(errno.ENOSPC, "No space left on device")


def broken():
    return OSError(errno.EIO, "Input/output error")


@pytest.fixture
def project(tmp_path, monkeypatch):
    (tmp_path / "data" / "sample" / "b2b").mkdir(parents=True)
    monkeypatch.setattr(workbooks, "project_folder", lambda: tmp_path)
    monkeypatch.delenv(workbooks.ENVIRONMENT, raising=False)
    real = saving.write_parquet

    def write_parquet(rows, file):
        step()
        real(rows, file)
        step()

    monkeypatch.setattr(saving, "write_parquet", write_parquet)
    return tmp_path


def put(project, name, text):
    file = project / name
    file.write_text(text, encoding="cp1252")
    return file


def restoring(folder: Path):
    """Puts a folder back as it is now."""
    kept = folder.with_name(f"{folder.name}-kept")
    shutil.copytree(folder, kept)

    def restore():
        shutil.rmtree(folder)
        shutil.copytree(kept, folder)

    return restore


def files_of(folder):
    """What lies in a folder: sheets of Excel files, rows of Parquet, the bytes of all others."""
    found = {}
    for path in sorted(folder.iterdir()):
        if path.suffix == ".xlsx":
            with zipfile.ZipFile(path) as book:  # the rest says when it was written
                found[path.name] = book.read("xl/worksheets/sheet1.xml")
        elif path.suffix == ".parquet":
            found[path.name] = pd.read_parquet(path).astype(str).to_numpy().tolist()
        else:
            found[path.name] = path.read_bytes()
    return found


def opened(folder):
    """The folder after somebody opened the workbook, which finishes what was begun."""
    workbooks.read_workbook(folder)
    return files_of(folder)


def test_a_month_taken_in_is_there_with_its_account_or_not_at_all(project):
    folder = intake.take_in(put(project, "v01.csv", JANUARY), name="shop").folder
    raw = put(project, "v02.csv", FEBRUARY)
    imported = rl.import_export(raw, matching=folder)
    old, restore = files_of(folder), restoring(folder)
    intake.put_in(imported, folder, load=False)
    new, seen = files_of(folder), []
    assert "set_aside_transactions_until_2024-01-20.xlsx" in new
    for at, said in every_death(
        folder,
        lambda: intake.put_in(imported, folder, load=False),
        restore,
        (Killed, full, Killed, broken, KeyboardInterrupt),
    ):
        assert said is None or isinstance(said, InputError), f"step {at}: {said!r}"
        now = opened(folder)
        left = {name for name in now if name not in old and name not in new}
        whole = {name: content for name, content in now.items() if name not in left}
        assert whole in (old, new), f"step {at}: neither old nor new but {sorted(now)}"
        assert all(name.endswith((".new", ".lock")) for name in left)
        assert not {path.name for path in intake.find_exports(folder)} - {"workbook.toml"}
        seen.append(whole == new)
    assert raw.read_text("cp1252") == FEBRUARY
    assert seen.count(False) > 10
    assert seen.count(True) > 3
    # The next save clears away what those that were killed left.
    restore()
    (folder / "transactions.parquet.1-1.new").write_bytes(b"half")
    (folder / "workbook.toml.1-2.new").write_bytes(b"half")
    intake.put_in(imported, folder, load=False)
    assert files_of(folder) == new


KILLS = """
import os, signal, sys
from pathlib import Path
from retention_lib.base import intake, workbooks
import retention_lib as rl
root, moment = Path(sys.argv[1]), sys.argv[2]
workbooks.project_folder = lambda: root
def hear(event, arguments):
    if event == "os.rename" and str(arguments[1]).endswith(moment):
        os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(hear)
intake.take_in(root / "v02.csv", into=root / "data" / "mine" / "shop")
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows knows no SIGKILL")
def test_a_process_killed_around_the_decisive_moment_leaves_the_old_or_the_new(project):
    folder = intake.take_in(put(project, "v01.csv", JANUARY), name="shop").folder
    put(project, "v02.csv", FEBRUARY)
    kept, old = project / "kept", files_of(folder)
    shutil.copytree(project / "data", kept)
    roots = {}
    for moment in ("workbook.toml", "transactions.parquet"):
        root = project / moment
        shutil.copytree(kept, root / "data")
        shutil.copy(project / "v02.csv", root)
        command = [sys.executable, "-c", KILLS, str(root), moment]
        roots[moment] = root, subprocess.Popen(command, stderr=subprocess.DEVNULL)
    for moment, (root, process) in roots.items():
        assert process.wait(timeout=120) == -signal.SIGKILL
        shop = root / "data" / "mine" / "shop"
        now = {n: c for n, c in opened(shop).items() if not n.endswith((".new", ".lock"))}
        if moment == "workbook.toml":
            assert now == old
        assert len(now["transactions.parquet"]) == (2 if moment == "workbook.toml" else 3)
        # Nobody is locked out, and nothing is left but what was asked for.
        february = rl.import_export(root / "v02.csv", matching=shop)
        intake.put_in(february, shop, mode="added", load=False)
        assert not [path for path in shop.iterdir() if path.name.endswith((".new", ".lock"))]
        assert len(pd.read_parquet(shop / "transactions.parquet")) == 3


def test_what_waits_for_its_place_is_read_where_nobody_may_move_it(project, monkeypatch):
    folder = intake.take_in(put(project, "v01.csv", JANUARY), name="shop").folder
    written = folder / "transactions.parquet.7-7.new"
    (folder / "transactions.parquet").rename(written)
    text = (folder / "workbook.toml").read_text("utf-8")
    line = (
        '[tables.transactions.placing]\n"transactions.parquet" = "transactions.parquet.7-7.new"\n'
    )
    (folder / "workbook.toml").write_text(text + line, encoding="utf-8")
    with monkeypatch.context() as patch:
        patch.setattr(placing, "settle", lambda file: None)
        assert workbooks.read_workbook(folder).tables["transactions"].file == written
    read = workbooks.read_workbook(folder).tables["transactions"].file
    assert read == folder / "transactions.parquet"
    assert "placing" not in (folder / "workbook.toml").read_text("utf-8")


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("../victim.xlsx", ""),
        ("set_aside_transactions/../../victim.xlsx", ""),
        ("transactions.parquet", "../victim.xlsx"),
        ("transactions.parquet", "victim.xlsx"),
        ("notes.xlsx", ""),
    ],
)
def test_a_workbook_from_somebody_else_moves_and_removes_no_other_file(tmp_path, name, written):
    folder = tmp_path / "shop"
    folder.mkdir()
    for victim in (tmp_path / "victim.xlsx", folder / "victim.xlsx", folder / "notes.xlsx"):
        victim.write_bytes(b"mine")
    (folder / "transactions.parquet").write_bytes(b"old")
    (folder / "workbook.toml").write_text(
        '[tables.transactions]\nfile = "transactions.parquet"\n'
        f"[tables.transactions.placing]\n'{name}' = '{written}'\n",
        encoding="utf-8",
    )
    workbooks.read_workbook(folder)
    assert (tmp_path / "victim.xlsx").read_bytes() == b"mine"
    assert (folder / "victim.xlsx").read_bytes() == b"mine"
    assert (folder / "notes.xlsx").read_bytes() == b"mine"
    assert (folder / "transactions.parquet").read_bytes() == b"old"


def test_outcomes_change_all_tables_of_a_workbook_or_none(project):
    import duckdb

    folder = project / "mine"
    folder.mkdir()
    connection, entries = duckdb.connect(), []
    for table in ("transactions", "interactions", "campaigns"):
        connection.sql("SELECT 1 AS old").write_parquet(str(folder / f"{table}.parquet"))
        entries.append(f'[tables.{table}]\nfile = "{table}.parquet"\n')
    (folder / "workbook.toml").write_text("\n".join(entries), encoding="utf-8")
    old, restore = files_of(folder), restoring(folder)
    rows = {name: connection.sql("SELECT 2 AS new") for name in ("interactions", "campaigns")}
    saving.save_tables(folder, rows)
    new = files_of(folder)
    done = []
    for at, _ in every_death(
        folder, lambda: saving.save_tables(folder, rows), restore, (Killed, full, KeyboardInterrupt)
    ):
        now = opened(folder)
        whole = {name: content for name, content in now.items() if name in new}
        assert whole in (old, new), f"step {at}"
        done.append(whole == new)
    assert done.count(False) > 5
    assert done.count(True) > 2


def test_files_that_belong_together_all_change_or_none_unless_the_power_goes(tmp_path):
    folder = tmp_path / "plan"
    folder.mkdir()
    files = [folder / "plan_held_out.csv", folder / "plan.csv", folder / "new.csv"]
    for file in files[:2]:
        file.write_text("old", encoding="utf-8")
    restore, seen = restoring(folder), []

    def write():
        with filing.together(*files) as paths:
            for path in paths:
                path.write_text("new", encoding="utf-8")

    for _, said in every_death(folder, write, restore, (full, KeyboardInterrupt, broken)):
        now = {path.name: path.read_text("utf-8") for path in folder.iterdir()}
        named = {name: text for name, text in now.items() if name.endswith(".csv")}
        assert named in (
            {"plan_held_out.csv": "old", "plan.csv": "old"},
            dict.fromkeys(("plan_held_out.csv", "plan.csv", "new.csv"), "new"),
        )
        seen.append((said is None, len(named)))
    assert {2, 3} == {count for _, count in seen}
    # Killed, each file is still the old or the new one, whole.
    for _ in every_death(folder, write, restore, (Killed,)):
        assert {p.read_text("utf-8") for p in folder.glob("*.csv")} <= {"old", "new"}


def test_a_board_of_ideas_and_what_is_loaded_are_old_or_new(project):
    folder = project / "data"
    file = folder / "mine" / "ideas.toml"
    ideas = [_ideas_file.Idea(number=n, idea=f"Idea {n}") for n in (1, 2)]
    read = _ideas_file.write_ideas(file, ideas[:1], read="")
    for name in ("one", "two"):
        (folder / "mine" / name).mkdir()
    workbooks.load_workbook(folder / "mine" / "one")
    restore, seen = restoring(folder), set()

    def work():
        _ideas_file.write_ideas(file, ideas, read=read)
        workbooks.load_workbook(folder / "mine" / "two")

    for _ in every_death(folder, work, restore, (Killed, full, KeyboardInterrupt)):
        seen.add((len(_ideas_file.read_ideas(file)[0]), workbooks.loaded_path().name))
    assert seen == {(1, "one"), (2, "one"), (2, "two")}


def test_rows_of_an_earlier_file_are_not_taken_back_by_the_numbers_of_a_later_one(project):
    january = intake.take_in(put(project, "v01.csv", JANUARY), name="shop")
    february = intake.take_in(put(project, "v02.csv", FEBRUARY), into=january.folder)
    before = files_of(january.folder)
    with pytest.raises(
        InputError, match=r"something else since v01\.csv.*Correct those rows in v01"
    ):
        intake.take_back(january)
    assert files_of(january.folder) == before
    assert intake.take_back(february).rows_after == february.rows_after


def test_an_export_is_never_written_over_by_its_own_table(tmp_path):
    raw = tmp_path / "transactions.parquet"
    lines = {"customer_id": ["C1", "C2"], "date": ["2024-01-15", "2024-02-20"], "amount": [1.5, 2]}
    pd.DataFrame(lines).to_parquet(raw)
    before = raw.read_bytes()
    with pytest.raises(InputError, match="the export itself"):
        rl.import_export(raw).save(tmp_path)
    assert raw.read_bytes() == before


def test_what_a_killed_report_left_beside_its_files_goes_with_the_next_one(tmp_path):
    for name in ("report.html", "report.html.77-5.old", "actions.xlsx.77-3.old", "my.old"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / ".report-77").mkdir()
    with report._beside(tmp_path) as scratch:
        left = {path.name for path in tmp_path.iterdir()} - {Path(scratch).name}
    assert left == {"report.html", "my.old"}


PASSING = """
import sys
from retention_lib import turns
place = turns.own_place("trial")
place.mkdir()
(place / "customers").write_bytes(b"x")
print(place, flush=True)
sys.stdin.read()
"""


def test_what_a_killed_process_put_aside_goes_with_the_next_and_of_a_living_one_stays(
    tmp_path, monkeypatch
):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    surroundings = {**os.environ, "TMPDIR": str(tmp_path), "TEMP": str(tmp_path)}
    start = [sys.executable, "-c", PASSING]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with (
        subprocess.Popen(start, env=surroundings, **pipes) as dead,
        subprocess.Popen(start, env=surroundings, **pipes) as living,
    ):
        places = [Path(process.stdout.readline().strip()) for process in (dead, living)]
        dead.kill()
        dead.wait()
        turns.own_place("trial")
        assert [place.exists() for place in places] == [False, True]
