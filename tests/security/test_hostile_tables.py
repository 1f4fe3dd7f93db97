"""Tables of words from somebody else: each is refused in one message, none in a traceback."""

from __future__ import annotations

import duckdb
import pandas as pd
import pytest

import retention_lib as rl
from retention_lib.base import engine, workbooks
from retention_lib.decisions._ideas_file import read_ideas
from retention_lib.decisions._journey_steps import load_steps

HOSTILE = {
    "brackets": "a=" + "[" * 20_000 + "]" * 20_000,
    "tables": "a=" + "{a=" * 5_000 + "1" + "}" * 5_000,
    "number": "a=" + "9" * 5_000,
    "zero": "a=\x00",
    "bytes": b"\xff\xfe\x00",
}


@pytest.mark.parametrize("kind", HOSTILE)
@pytest.mark.parametrize(
    "read",
    [read_ideas, lambda file: load_steps("en", file), workbooks._pointed_at, workbooks._parsed],
    ids=["ideas", "steps", "pointer", "workbook"],
)
def test_a_file_made_to_break_its_reader_is_refused_in_a_message(kind, read, tmp_path):
    file, content = tmp_path / "hostile.toml", HOSTILE[kind]
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(rl.InputError, match=r"hostile\.toml") as refused:
        read(file)
    assert len(str(refused.value)) < 1_000


def test_thousands_of_faults_are_counted_and_the_first_of_them_told(tmp_path):
    file = tmp_path / "ideas.toml"
    file.write_text("[[ideas]]\nnumber=1\nidea=''\n" * 900, encoding="utf-8")
    with pytest.raises(rl.InputError, match=r"has 900 problem.*idea 20.*…") as refused:
        read_ideas(file)
    assert len(str(refused.value)) < 3_000


@pytest.mark.parametrize("ask", [engine.collect, engine.one_row], ids=["collect", "one_row"])
def test_a_disk_that_fills_up_while_a_notebook_reckons_is_one_message(ask):
    class Spilling:
        def collect(self, _):
            raise duckdb.OutOfMemoryException("failed to offload (max_temp_directory_size)")

    with pytest.raises(rl.InputError, match="The disk is full"):
        ask(Spilling())


def test_another_fault_of_the_engine_stays_what_it_is():
    frame = engine.as_lazy(pd.DataFrame({"n": ["x"]}), "t", engine.connect())
    wrong = frame.to_native().project("CAST(n AS INT) AS n")
    with pytest.raises(duckdb.ConversionException):
        engine.collect(engine.nw.from_native(wrong).lazy())
