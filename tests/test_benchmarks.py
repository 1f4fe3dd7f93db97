"""The benchmarks compare like with like: by hand and by us, the same figures on a small base.

Speed is not tested here; ``python -m benchmarks`` measures it.
"""

import importlib
import json
import sys
from types import SimpleNamespace

import pytest

from retention_lib.base.workbooks import project_folder

FOLDER = project_folder() / "benchmarks"
ROWS = 3_000
TASKS = ("rfm", "summary", "cohorts", "snapshots")
BY_HAND = ("duckdb_sql", "polars_by_hand", "pandas_by_hand")


@pytest.fixture(scope="module", autouse=True)
def on_the_path():
    """The benchmarks are no package of the library: they are found in their folder."""
    sys.path.insert(0, str(FOLDER))
    before = set(sys.modules)
    yield
    sys.path.remove(str(FOLDER))
    for name in set(sys.modules) - before:
        if name.split(".")[0] in (
            "peers",
            "_child",
            "_data",
            "_environments",
            "_measured",
            "_page",
        ):
            del sys.modules[name]


@pytest.fixture(scope="module")
def given(tmp_path_factory):
    """What the processes of a benchmark are told: where the lines are."""
    data = importlib.import_module("_data")
    folder = tmp_path_factory.mktemp("benchmarks")
    lines, cells = folder / "lines.parquet", folder / "cells.parquet"
    data.make_lines(lines, ROWS)
    data.make_cells(cells)
    # Two years in: with labels, and with customers who have not bought yet.
    dates = ["2023-12-31"]
    return SimpleNamespace(lines=str(lines), cells=str(cells), dates=dates, horizon=90)


def figures(peer, task, given):
    clock = importlib.import_module("_child").Clock()
    return getattr(importlib.import_module(f"peers.{peer}"), task)(given, clock)


@pytest.mark.parametrize("task", TASKS)
def test_the_versions_by_hand_give_the_figures_of_the_workbook(task, given):
    agree = importlib.import_module("_page").agree
    ours = figures("ours", task, given)
    assert ours["customers" if "customers" in ours else "rows"] > 50
    for peer in BY_HAND:
        if peer == "polars_by_hand":
            pytest.importorskip("polars", reason="the Polars extra is not installed")
        theirs = figures(peer, task, given)
        assert theirs.keys() == ours.keys(), peer
        assert not {
            name: (ours[name], theirs[name])
            for name in ours
            if not agree(name, ours[name], theirs[name])
        }, peer


def noted(path, *lines):
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return importlib.import_module("_measured").Notes(path)


def took(task, way, seconds, **figures):
    run = {"wall": {"question": seconds}, "processor": {}, "peak": 1.0, "figures": figures}
    return {"task": task, "way": way, "run": run}


def test_the_table_shows_medians_ratios_and_what_does_not_agree(tmp_path):
    task_module, page = (importlib.import_module(name) for name in ("_tasks", "_page"))
    block = task_module.Block("RFM", ("question",))
    ways = ("ours", "duckdb_sql", "clvkit")
    task = task_module.Task("rfm", "rfm", "9 lines", ways, (block,))
    notes = noted(
        tmp_path / "measured.jsonl",
        *(took("rfm", "ours", seconds, customers=5.0) for seconds in (2.0, 9.0, 1.0)),
        took("rfm", "duckdb_sql", 1.0, customers=4.0),
        {"task": "rfm", "way": "clvkit", "trouble": "could not be installed: no wheel"},
    )

    ours, by_hand, missing = page.block_rows(task, block, notes)

    assert ours[:4] == ["**RFM**", "9 lines", "this workbook", "2.00"]
    assert by_hand[3:5] == ["1.00", "0.50"]
    assert "1 of 1 differ" in by_hand[6]
    assert missing[3] == "not measured" and "no wheel" in missing[6]


@pytest.mark.parametrize(("theirs", "met"), [(1.8, True), (1.7, False)])
def test_a_goal_is_met_or_not_by_what_was_measured(tmp_path, theirs, met):
    task_module, page = (importlib.import_module(name) for name in ("_tasks", "_page"))
    block = task_module.Block("RFM", ("question",))
    task = task_module.Task("rfm", "rfm", "9 lines", ("ours", "duckdb_sql"), (block,))
    goal = task_module.Goal("within 1.15 times", "rfm", 0, "duckdb_sql", at_most=1.15)
    runs = took("rfm", "ours", 2.0), took("rfm", "duckdb_sql", theirs)

    said, judged = page.judged(goal, task, noted(tmp_path / "measured.jsonl", *runs))

    assert judged is met
    assert f"{2 / theirs:.2f} times" in said


def test_an_interrupted_run_goes_on_where_it_stopped(tmp_path):
    path = tmp_path / "measured.jsonl"
    notes = noted(path, took("rfm", "ours", 2.0))
    path.write_text(path.read_text(encoding="utf-8") + '{"task": "rfm", "wa', encoding="utf-8")

    again = importlib.import_module("_measured").Notes(path)

    assert len(again.of("rfm", "ours").runs) == len(notes.of("rfm", "ours").runs) == 1
    assert not again.of("rfm", "duckdb_sql").runs


def test_every_goal_and_every_way_has_its_task_its_function_and_its_environment():
    task_module, page = (importlib.import_module(name) for name in ("_tasks", "_page"))
    environments = importlib.import_module("_environments")
    tasks = {task.key: task for task in task_module.tasks(10_000_000, ["00_start_here.ipynb"])}
    for goal in task_module.goals():
        task = tasks[goal.task]
        assert goal.against is None or goal.against in task.ways
        assert goal.at_size in ("", task.size)
        assert task.blocks[goal.block].phases
    for task in tasks.values():
        for way in task.ways:
            words = page.docstrings(FOLDER / "peers" / f"{way}.py")
            assert task.statements or way == "duckdb_from_file" or task.function in words
    pins = environments.read_pins((FOLDER / "peers.txt").read_text(encoding="utf-8"))
    assert set(pins) == set(task_module.PEERS)
    assert all("==" in pin for pinned in pins.values() for pin in pinned)
