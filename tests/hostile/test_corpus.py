"""Every hostile file is imported right or refused with one message; none hangs or fills memory."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from tests.hostile.corpus import Case, Right, every_case
from tests.hostile.judged import outcome

# Named here, so that only the worker that runs them makes them.
CATEGORIES = (
    *("address", "amount", "customer", "cut", "date", "duckdb", "encoding", "excel", "folder"),
    *("headings", "lines", "marks", "name", "no table", "packed", "parquet", "quotes", "sqlite"),
    *("thing", "wide", "workbook", "written"),
)
# Many that differ in one cell take a tenth of a second each: a third of them, unless all are asked
# for with RETENTION_HOSTILE=all.
_MANY = ("amount", "date", "name", "written", "parquet", "customer", "lines", "headings")


@cache
def asked() -> list[Case]:
    everything = os.environ.get("RETENTION_HOSTILE") == "all"
    return [
        case
        for number, case in enumerate(every_case())
        if everything or case.category not in _MANY or number % 3 == 0
    ]


HEAVY = Path(__file__).with_name("heavy.py")


@pytest.mark.parametrize("category", CATEGORIES)
def test_every_file_is_imported_right_or_refused_in_words(tmp_path, category):
    wrong = {}
    for number, case in enumerate(case for case in asked() if case.category == category):
        folder = tmp_path / str(number)
        folder.mkdir()
        if said := outcome(case, folder):
            wrong[case.name] = said
    assert not wrong, "\n".join(f"{name}: {said}" for name, said in wrong.items())


def test_the_corpus_is_large_and_of_every_kind():
    verdicts = Counter(isinstance(case.verdict, Right) for case in asked())
    kinds = Counter(case.category for case in asked())
    assert kinds.total() >= 300
    assert min(verdicts.values()) >= 100
    assert tuple(sorted(kinds)) == CATEGORIES
    assert min(kinds.values()) >= 4


def test_what_is_read_writes_nothing_beside_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    inside = tmp_path / "inside"
    inside.mkdir()
    climbing = [case for case in asked() if "climbs" in case.name or "absolute" in case.name]
    assert len(climbing) == 4
    for case in climbing:
        assert not outcome(case, inside)
    left = {path.name for path in tmp_path.rglob("*") if path != inside}
    assert left == {"export.xlsx", "export.zip"}
    assert not Path("/tmp/evil.txt").exists()


def test_a_case_that_ends_otherwise_is_noticed(tmp_path):
    """The judge itself: a wrong sum, a wrong reason and a wrong verdict are all seen."""
    from tests.hostile.corpus import refused, right, sales, text_of, truth

    sold = sales()
    good = truth(sold)
    wrong = [
        right("x: sum", text_of(sold), Right(good.kept, good.cents + 1, good.customers)),
        right(
            "x: aside", text_of(sold), Right(good.kept, good.cents, good.customers, {"footer": 1})
        ),
        right("x: customers", text_of(sold), Right(good.kept, good.cents, good.customers + 1)),
        refused("x: not refused", text_of(sold), "."),
        refused("x: other words", b"", "gibberish"),
        right("x: refused", b"", good),
    ]
    assert all(outcome(case, tmp_path) for case in wrong)
    assert not outcome(right("x: right", text_of(sold), good), tmp_path)


@pytest.mark.skipif(sys.platform != "linux", reason="bounded memory is set the way of Linux")
def test_bombs_are_refused_within_bounded_memory_and_time(tmp_path):
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(HEAVY), str(tmp_path)]
    ran = subprocess.run(
        command, capture_output=True, text=True, timeout=300, env=environment, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr[-2000:]
    assert ran.stdout.count("refused") + ran.stdout.count("right") >= 12, ran.stdout


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_refused(tmp_path):
    from tests.hostile.corpus import refused

    case = refused("x: no right to read", "a;b\n1;2\n", "cannot be read")
    assert isinstance(case, Case)
    file = case.make(tmp_path)
    Path(file).chmod(0)
    assert not outcome(Case("x", lambda folder: file, case.verdict), tmp_path)
