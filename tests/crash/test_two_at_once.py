"""Two windows that save at the same moment: one waits, and nothing of either is lost."""

import subprocess
import sys
import threading
from pathlib import Path

import pandas as pd
import pytest

import retention_lib as rl
from retention_lib import turns
from retention_lib.base import intake, workbooks
from retention_lib.decisions import _ideas_file
from retention_lib.errors import InputError

HOLDS = """
import sys
from pathlib import Path
from retention_lib import turns
with turns.alone(Path(sys.argv[1])):
    print("mine", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def elsewhere(tmp_path):
    """Another process that saves into the folder until it is ended."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDS, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "mine\n"
    yield process
    process.kill()
    process.communicate()


def test_who_comes_second_is_told_and_a_process_that_was_killed_locks_nobody_out(
    tmp_path, elsewhere, monkeypatch
):
    monkeypatch.setattr(turns, "PATIENCE_SECONDS", 0.1)
    with pytest.raises(InputError, match="Another window or command is saving into"):
        _ideas_file.write_ideas(tmp_path / "ideas.toml", [], read="")
    with turns.alone_at_once(tmp_path) as ours:
        assert not ours
    assert not (tmp_path / "ideas.toml").exists()
    elsewhere.kill()
    elsewhere.wait()
    _ideas_file.write_ideas(tmp_path / "ideas.toml", [], read="")
    assert [path.name for path in tmp_path.iterdir()] == ["ideas.toml"]


def test_two_months_taken_in_at_the_same_moment_are_both_there(tmp_path, monkeypatch):
    (tmp_path / "data" / "sample" / "b2b").mkdir(parents=True)
    monkeypatch.setattr(workbooks, "project_folder", lambda: tmp_path)
    monkeypatch.delenv(workbooks.ENVIRONMENT, raising=False)

    def put(month: int) -> Path:
        file = tmp_path / f"v{month}.csv"
        text = f"customer_id,date,amount\nC{month},2024-{month:02d}-15,{month}.50\n"
        file.write_text(text, encoding="utf-8")
        return file

    folder = intake.take_in(put(1), name="shop").folder
    imports = [rl.import_export(put(month), matching=folder) for month in (2, 3, 4)]
    failed: list[BaseException] = []
    together = threading.Barrier(len(imports))

    def take(imported) -> None:
        try:
            together.wait()
            intake.put_in(imported, folder, mode="added", load=False)
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=take, args=(one,)) for one in imports]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert sorted(pd.read_parquet(folder / "transactions.parquet")["amount"]) == [
        1.5,
        2.5,
        3.5,
        4.5,
    ]
    assert sorted(path.name for path in folder.iterdir()) == [
        "transactions.parquet",
        "workbook.toml",
    ]


def test_ideas_of_two_windows_are_not_lost(tmp_path):
    file = tmp_path / "ideas.toml"
    read = _ideas_file.write_ideas(file, [_ideas_file.Idea(number=1, idea="One")], read="")
    ours = [*_ideas_file.read_ideas(file)[0], _ideas_file.Idea(number=2, idea="Ours")]
    _ideas_file.write_ideas(file, ours, read=read)
    with pytest.raises(InputError, match="changed meanwhile, in another window"):
        _ideas_file.write_ideas(file, ours[:1], read=read)
    assert len(_ideas_file.read_ideas(file)[0]) == 2


def test_the_same_window_may_save_within_its_own_turn(tmp_path):
    with turns.alone(tmp_path), turns.alone(tmp_path), turns.alone_at_once(tmp_path) as ours:
        assert ours
    assert list(tmp_path.iterdir()) == []


def test_a_folder_made_for_nothing_is_gone_again(tmp_path):
    with pytest.raises(ZeroDivisionError), turns.alone(tmp_path / "new"):
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []
