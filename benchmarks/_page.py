"""``docs/performance.md``, written from what was measured."""

from __future__ import annotations

import ast
import math
import os
import platform
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from _environments import PINS, read_pins
from _measured import Measured, Notes
from _tasks import NAMES, OURS, PEERS, WHY, Block, Goal, Task

CLOSE = 1e-9
FITTED_CLOSE = 1e-5
"""Fitted models stop at slightly different places."""
OWN_VERSIONS = ("duckdb", "polars", "pandas", "numpy", "narwhals", "scikit-learn", "pyarrow")

INTRODUCTION = """# How fast it is, beside its peers

Written by `python -m benchmarks`; edit nothing here by hand.

    .venv/bin/python -m benchmarks                      1 million lines
    .venv/bin/python -m benchmarks --rows 10000000      10 million, as below where it says so
    .venv/bin/python -m benchmarks --quick              a minute, to see that it works
    .venv/bin/python -m benchmarks --only rfm,summary   some of it

(On Windows `.venv\\Scripts\\python`.) An interrupted run goes on where it stopped. The peers are
set up in `.venv-peers/`, one environment each, with the versions of `benchmarks/peers.txt`;
`--peers PYTHON` takes one that is there already. Each way runs in a process of its own, in turns
(ours, a peer, the next, ours again), after it has done the same on a few lines, so that imports and
compiling are not in the figures. Seconds are medians on the clock, gigabytes the median peak of the
whole process, Python and libraries included. All read the same Parquet file, which is in the memory
of the system, and all end with one pandas table. «Same figures» compares sums of every column with
ours: the by-hand versions must agree, and where a library counts otherwise by design, the notes
below say how. «Against ours» above 1 is slower than ours. A way that took longer than
{most:.0f} s was not run again.

With the table loaded beforehand, DuckDB and the workbook (which also checks each line when it opens
a file) answer the same question; the goals of 1.15 are held against that, and the cost of opening
is in the rows above it."""


def write_page(path: Path, tasks: Sequence[Task], notes: Notes, goals: Sequence[Goal]) -> None:
    """The whole page: machine, goals, table, notes; put in place in one step."""
    from _measured import MOST_SECONDS_A_WAY

    parts = [
        INTRODUCTION.format(most=MOST_SECONDS_A_WAY),
        "## The machine\n\n" + machine(),
        "## Goals\n\n" + goal_table(tasks, notes, goals),
        "## The table\n\n" + whole_table(tasks, notes),
    ]
    sliders = slider_table(tasks, notes)
    parts += ["## What a slider waits for\n\n" + sliders] if sliders else []
    parts.append("## How each did it\n\n" + how_each(tasks))
    beside = path.with_name(path.name + ".part")
    beside.write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    beside.replace(path)


# --- The table ------------------------------------------------------------------------------------


def whole_table(tasks: Sequence[Task], notes: Notes) -> str:
    """One row a way, comparison by comparison."""
    rows = []
    for task in tasks:
        for block in task.blocks:
            rows += block_rows(task, block, notes)
    return table(
        ["task", "size", "way", "seconds", "against ours", "GB", "same figures", "runs"],
        rows,
        numbers=(3, 4, 5, 7),
    )


def block_rows(task: Task, block: Block, notes: Notes) -> list[list[str]]:
    """The ways of one comparison, ours first, the others by their seconds."""
    ours = notes.of(task.key, OURS)
    first = ours.seconds(block.phases)
    known, unknown = [], []
    for way in task.ways:
        found = notes.of(task.key, way)
        seconds = found.seconds(block.phases)
        # With the base opened before: only those that opened something before.
        apart = any(all(part not in run["wall"] for part in block.only) for run in found.runs)
        if block.only and (apart or not found.runs):
            continue
        if seconds is None:
            why = found.trouble or "not run"
            unknown.append(["", "", NAMES[way], "not measured", "", "", why.replace("|", "/"), ""])
            continue
        times = f"{seconds / first:.2f}" if first and way != OURS else ""
        same = "" if way == OURS or task.statements else same_figures(ours, found)
        cells = [NAMES[way], seconds_said(seconds), times, f"{found.peak:.2f}", same]
        known.append((way != OURS, seconds, ["", "", *cells, str(len(found.runs))]))
    rows = [cells for _, _, cells in sorted(known, key=lambda each: each[:2])] + unknown
    if rows:
        rows[0][:2] = [f"**{block.title}**", task.size]
    return rows


def same_figures(ours: Measured, theirs: Measured) -> str:
    """Whether the figures that both give agree; where not, how many differ and the first."""
    mine, other = ours.figures, theirs.figures
    shared = [name for name in other if name in mine]
    if not shared:
        return "counts otherwise, see below"
    apart = [name for name in shared if not agree(name, mine[name], other[name])]
    if apart:
        name = apart[0]
        said = f"{name}: {mine[name]:,.6g} ours, {other[name]:,.6g} theirs"
        return f"{len(apart)} of {len(shared)} differ ({said})"
    of_models = [name for name in shared if name.startswith("auc")]
    if of_models:
        name = of_models[0]
        return f"two models, {name}: {mine[name]:.3f} ours, {other[name]:.3f} theirs"
    return f"all {len(shared)}" if len(shared) > 1 else f"only {shared[0]} comparable: same"


def agree(name: str, mine: float, other: float) -> bool:
    """Equal but for rounding; the figures of a fit but for where the search stopped."""
    if name.startswith("auc"):
        return True  # of two models: shown, not held against each other
    tolerance = FITTED_CLOSE if name in ("log_likelihood", "expected purchases") else CLOSE
    return math.isclose(mine, other, rel_tol=tolerance, abs_tol=1e-6)


def slider_table(tasks: Sequence[Task], notes: Notes) -> str:
    """The pure functions behind the sliders, in milliseconds."""
    for task in tasks:
        runs = notes.of(task.key, OURS).runs
        if task.key == "sliders" and runs:
            names = runs[0]["wall"]
            found = notes.of(task.key, OURS)
            rows = [[name, f"{1000 * (found.seconds((name,)) or 0):.1f}"] for name in names]
            return table(["function", "milliseconds"], rows, numbers=(1,))
    return ""


# --- The goals ------------------------------------------------------------------------------------


def goal_table(tasks: Sequence[Task], notes: Notes, goals: Sequence[Goal]) -> str:
    """Each goal, what was measured, met or not."""
    by_key = {task.key: task for task in tasks}
    rows = []
    for goal in goals:
        task = by_key.get(goal.task)
        said, met = judged(goal, task, notes) if task else ("not measured in this run", None)
        why = f": {WHY[goal.said]}" if goal.said in WHY else ""
        verdict = "—" if met is None else "met" if met else f"**not met**{why}"
        rows.append([goal.said, said, verdict])
    return table(["goal", "measured", ""], rows)


def judged(goal: Goal, task: Task, notes: Notes) -> tuple[str, bool | None]:
    """What was measured for a goal, in words, and whether that meets it."""
    phases = task.blocks[goal.block].phases
    ours = notes.of(task.key, OURS)
    mine = ours.seconds(phases)
    other = notes.of(task.key, goal.against) if goal.against else None
    theirs = other.seconds(phases) if other else None
    if mine is None or (other is not None and theirs is None):
        return "not measured" + (f": {other.trouble}" if other and other.trouble else ""), None
    elsewhere = goal.at_size not in ("", task.size)
    at = f" at {task.size} (the goal is for {goal.at_size})" if elsewhere else ""
    if other is None or theirs is None:
        said, met = f"{mine:.2f} s", goal.at_most is None or mine <= goal.at_most
    elif goal.memory is not None:
        share = ours.peak / other.peak
        said, met = f"{ours.peak:.2f} of {other.peak:.2f} GB, {share:.0%}", share < goal.memory
    else:
        pair = f"{seconds_said(mine)} s against {seconds_said(theirs)} s"
        if goal.faster is not None:
            said, met = f"{theirs / mine:.1f} times faster, {pair}", theirs / mine >= goal.faster
        else:
            times = mine / theirs
            said = f"{times:.2f} times, {pair}"
            met = goal.at_most is None or times <= goal.at_most
    return said + at, None if elsewhere else met


# --- The machine and the notes --------------------------------------------------------------------


def machine() -> str:
    """Cores, memory, processor, system and versions."""
    own = ", ".join(f"{name} {_version(name)}" for name in OWN_VERSIONS)
    pins = read_pins(PINS.read_text(encoding="utf-8"))
    peers = ", ".join(pins[peer][0].replace("==", " ") for peer in PEERS)
    load = f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "not known"
    return "\n".join(
        [
            f"- {os.cpu_count()} cores, {_processor()}, {_memory()}; {platform.system()}, "
            f"Python {sys.version.split()[0]}",
            f"- {own}",
            f"- peers: {peers}",
            f"- load of the machine when this was written: {load} (a quiet one is below its cores)",
        ]
    )


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "missing"


def _processor() -> str:
    told = Path("/proc/cpuinfo")
    if told.exists():
        for line in told.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def _memory() -> str:
    try:
        size = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # Windows
        return "memory not told"
    return f"{size / 2**30:.0f} GB of memory"


def how_each(tasks: Sequence[Task]) -> str:
    """What each way of doing a task is, from the words of its own file."""
    folder = Path(__file__).with_name("peers")
    said: dict[str, Mapping[str, str]] = {}
    for way in NAMES:
        said[way] = docstrings(folder / f"{way}.py")
    lines = []
    for way, words in said.items():
        used = {task.function for task in tasks if way in task.ways and task.function}
        shown = [f"  - {name}: {words[name]}" for name in words if name in used]
        lines.append(f"- **{NAMES[way]}** (`benchmarks/peers/{way}.py`): {words['']}")
        lines += shown
    return "\n".join(lines)


def docstrings(path: Path) -> dict[str, str]:
    """The first paragraph of a file and of its public functions, without importing it."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = {"": ast.get_docstring(tree) or ""}
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            found[node.name] = ast.get_docstring(node) or ""
    return {name: " ".join(text.split("\n\n")[0].split()) for name, text in found.items()}


def seconds_said(seconds: float) -> str:
    """Three figures that count.

    >>> seconds_said(0.01234), seconds_said(1.234), seconds_said(123.4)
    ('0.012', '1.23', '123')
    """
    return (
        f"{seconds:.3f}" if seconds < 1 else f"{seconds:.2f}" if seconds < 100 else f"{seconds:.0f}"
    )


def table(header: Sequence[str], rows: Sequence[Sequence[Any]], *, numbers: Any = ()) -> str:
    """A table of Markdown; the columns of ``numbers`` stand to the right."""
    marks = ["--:" if place in numbers else "---" for place in range(len(header))]
    lines = [list(header), marks, *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)
