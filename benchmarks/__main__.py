"""Everything measured beside its peers, into one table.

``python -m benchmarks [--rows N] [--runs N] [--only TASKS] [--quick] [--peers PYTHON]`` from the
folder of the workbook, with its own Python. See docs/performance.md, which this writes.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import _data
from _environments import find_pythons
from _measured import ROOT, Notes, measure, saying, warm
from _page import write_page
from _tasks import BY_HAND, HORIZON, OURS, PEERS, Task, goals, tasks

FEW = 2_000
FEWER = {"fit": 500, "churn": 20_000}
"""What a way is warmed up on: lines or customers; a churn model wants a few hundred of these."""


def parsed(given: list[str] | None = None) -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000, help="lines of transactions")
    parser.add_argument("--runs", type=int, default=3, help="how often each way runs")
    parser.add_argument("--only", default="", help="tasks, with commas: rfm,summary,…")
    parser.add_argument("--quick", action="store_true", help="once, on 100,000 lines")
    parser.add_argument("--peers", action="append", default=[], help="a Python that has peers")
    parser.add_argument("--out", type=Path, help="default: docs/performance.md")
    parser.add_argument("--folder", type=Path, help="for data and notes, kept if interrupted")
    parser.add_argument("--fresh", action="store_true", help="forget an interrupted run")
    parser.add_argument("--keep", action="store_true", help="keep data and notes")
    asked = parser.parse_args(given)
    if asked.rows < 10_000 or asked.runs < 1:
        parser.error("--rows must be at least 10000 and --runs at least 1")
    if asked.quick:
        asked.rows, asked.runs = 100_000, 1
    kind = "quick" if asked.quick else str(asked.rows)
    asked.folder = asked.folder or Path(tempfile.gettempdir()) / f"retention-benchmarks-{kind}"
    partial = asked.quick or asked.only
    own = asked.folder.with_suffix(".md") if partial else ROOT / "docs" / "performance.md"
    asked.out = asked.out or own
    return asked


def chosen(asked: argparse.Namespace) -> list[Task]:
    """The tasks asked for, or a word about those there are."""
    chapters = sorted(path.name for path in (ROOT / "notebooks").glob("[0-9]*.ipynb"))
    everything = tasks(asked.rows, chapters[:1] if asked.quick else chapters, quick=asked.quick)
    wanted = [name.strip() for name in asked.only.split(",") if name.strip()]
    found = [task for task in everything if not wanted or task.key in wanted]
    missing = sorted(set(wanted) - {task.key for task in everything})
    if missing:
        there = ", ".join(task.key for task in everything)
        sys.exit(f"There is no task {', '.join(missing)}. There are: {there}.")
    return found


class Files:
    """The data, made when they are first asked for."""

    def __init__(self, folder: Path, rows: int, say: Callable[[str], None]) -> None:
        self.folder, self.rows, self.say = folder, rows, say

    def of(self, kind: str, size: int) -> str:
        """The path of ``lines``, ``export``, ``histories`` or ``cells`` of that size."""
        path = self.folder / f"{kind}_{size}.{'csv' if kind == 'export' else 'parquet'}"
        if not path.exists():
            self.say(f"making {path.name}")
            if kind == "lines":
                _data.make_lines(path, size)
            elif kind == "export":
                _data.make_export(path, Path(self.of("lines", size)), size)
            elif kind == "histories":
                _data.make_histories(path, size)
            else:
                _data.make_cells(path)
        warm(path)
        return str(path)

    def given(self, task: Task) -> Path:
        """What the processes of a task are told, as a file: one set to measure, one to warm up."""
        told: dict[str, object] = {"horizon": HORIZON, "dates": [_data.LAST], **task.given}
        few: dict[str, str] = {}
        needed = {"cells": ("cells", 125), "lines": ("lines", self.rows)}
        if task.function in ("fit", "sliders", "notebook", "import_csv"):
            needed = {}
        for name, (kind, size) in {
            **needed,
            **{name: each for name, each in task.given.items() if isinstance(each, tuple)},
        }.items():
            told[name] = self.of(kind, size)
            if kind != "cells":
                few[name] = self.of(kind, FEWER.get(task.function, FEW))
        if "notebook" in task.given:
            told["notebook"] = str(ROOT / "notebooks" / str(task.given["notebook"]))
        # Sliders and chapters warm themselves up.
        told["few"] = few or None
        path = self.folder / f"{task.key}.json"
        path.write_text(json.dumps(told), encoding="utf-8")
        return path


def main(given: list[str] | None = None) -> int:
    """Measure, write the page, say where it is."""
    asked = parsed(given)
    wanted, say = chosen(asked), saying()
    if asked.fresh:
        shutil.rmtree(asked.folder, ignore_errors=True)
    asked.folder.mkdir(parents=True, exist_ok=True)
    notes = Notes(asked.folder / "measured.jsonl")
    pythons = dict.fromkeys((OURS, *BY_HAND), sys.executable)
    ways = {way for task in wanted for way in task.ways}
    pythons |= find_pythons([peer for peer in PEERS if peer in ways], asked.peers, say)
    files = Files(asked.folder, asked.rows, say)
    for task in wanted:
        path = asked.folder if task.statements else files.given(task)
        # Chapters are long and have nobody beside them; sliders time themselves many times over.
        once = task.function in ("notebook", "sliders")
        measure(task, pythons, path, notes, 1 if once else asked.runs, say)
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    write_page(asked.out, wanted, notes, goals())
    say(f"written: {asked.out}")
    if not asked.keep:
        shutil.rmtree(asked.folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
