"""A full disk is one message: what was not written, that the old is whole, how much it takes."""

import errno
import os
import signal
import subprocess
import sys

import pytest

from retention_lib import filing
from retention_lib.commands import line
from retention_lib.errors import InputError
from retention_lib.wording import speak

NO_ROOM = OSError(errno.ENOSPC, "No space left on device")
QUOTA = OSError(getattr(errno, "EDQUOT", errno.ENOSPC), "Disk quota exceeded")


def windows(code):
    error = OSError(errno.EINVAL, "There is not enough space on the disk")
    error.winerror = code
    return error


def of_duckdb():
    import duckdb

    return duckdb.IOException('Could not write file "a.tmp": No space left on device')


def of_spilling():
    import duckdb

    return duckdb.OutOfMemoryException("failed to offload data block (max_temp_directory_size)")


@pytest.mark.parametrize(
    "error", [NO_ROOM, QUOTA, windows(112), windows(39), of_duckdb(), of_spilling()], ids=repr
)
def test_whoever_meets_the_full_disk_it_is_said_alike(tmp_path, error):
    file = tmp_path / "plan.xlsx"
    file.write_bytes(b"x" * 30_000_000)
    with pytest.raises(InputError) as said, filing.written(file) as beside:
        beside.write_bytes(b"half")
        raise error
    assert str(said.value) == (
        f"{file} cannot be written: the disk is full. What was there is still as it was. Free "
        f"60 MB or more and run this again."
    )
    assert [path.name for path in tmp_path.iterdir()] == ["plan.xlsx"]


def test_another_fault_is_not_taken_for_a_full_disk(tmp_path):
    assert not filing.is_full(OSError(errno.EACCES, "no space left"))
    assert not filing.is_full(ValueError("no space left"))
    with pytest.raises(ValueError, match="mine"), filing.written(tmp_path / "a") as beside:
        beside.write_bytes(b"half")
        raise ValueError("mine")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("language", "said"), [("en", "The disk is full"), ("fr", "est plein")])
def test_a_disk_that_fills_up_while_a_command_reckons_is_one_sentence(
    monkeypatch, capsys, language, said
):
    def fails(*_):
        raise of_spilling()

    monkeypatch.setattr(line, "_dispatch", fails)
    monkeypatch.delenv("RETENTION_LANGUAGE", raising=False)
    try:
        assert line.run(["check", "--language", language]) == 1
    finally:
        speak(None)
    shown = capsys.readouterr().err
    assert said in " ".join(shown.split())
    assert "Traceback" not in shown


INTERRUPTED = """
import sys
from retention_lib.commands import line
line.stop_when_told()
def wait(*_):
    print("begun", flush=True)
    import time
    time.sleep(60)
line._dispatch = wait
sys.exit(line.leave(line.run(["check", "--language", "en"])))
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows sends Ctrl+C to the whole console")
@pytest.mark.parametrize("told", [signal.SIGINT, signal.SIGTERM])
def test_a_command_that_is_stopped_ends_with_130_and_one_line(told):
    process = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "begun\n"
    process.send_signal(told)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 130
    assert len(said.strip().splitlines()) == 1
