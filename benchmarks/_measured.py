"""Running the ways one after the other, each in a process of its own, and keeping what they took.

Interleaved: each way once, then each way again, so that a machine that grows slower or warmer does
so for all of them. What was measured is written down at once: a run that was interrupted goes on
where it stopped.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
CHILD = Path(__file__).with_name("_child.py")
MOST_SECONDS_A_WAY = 30.0
"""After so many seconds in all, a way is not run again: it is slow enough to be measured once."""
GIVEN_UP_AFTER = 600

# The child times itself; what it imports has not been imported before.
STARTING = """
import sys, time
begun = time.perf_counter()
{statement}
took = time.perf_counter() - begun
import json
from importlib.machinery import SourceFileLoader
peak = SourceFileLoader("child", {child!r}).load_module().peak_gigabytes()
found = {{"wall": {{"question": took}}, "processor": {{}}, "peak": peak, "figures": {{}}}}
print(json.dumps(found))
"""


@dataclass
class Measured:
    """What one way of one task took, run by run; or why it was not measured."""

    runs: list[dict[str, Any]] = field(default_factory=list)
    trouble: str = ""

    def seconds(self, phases: tuple[str, ...]) -> float | None:
        """Median seconds of those phases together; none where none of them was timed."""
        timed = [
            sum(run["wall"].get(phase, 0.0) for phase in phases)
            for run in self.runs
            if any(phase in run["wall"] for phase in phases)
        ]
        return median(timed) if timed else None

    @property
    def peak(self) -> float:
        """Median peak memory of the process, in gigabytes."""
        return median(run["peak"] for run in self.runs)

    @property
    def figures(self) -> dict[str, float]:
        """The figures by which the ways are compared."""
        return dict(self.runs[-1]["figures"]) if self.runs else {}

    def spent(self) -> float:
        """Seconds spent on it in all."""
        return sum(sum(run["wall"].values()) for run in self.runs)


class Notes:
    """What was measured, one line of JSON each, read again by the next run."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.found: dict[tuple[str, str], Measured] = {}
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        for line in lines:
            try:
                said = json.loads(line)
            except json.JSONDecodeError:  # the run was interrupted while it wrote
                continue
            self._take(said)

    def of(self, task: str, way: str) -> Measured:
        """What is known of one way of a task."""
        return self.found.setdefault((task, way), Measured())

    def add(self, task: str, way: str, **said: Any) -> None:
        """Note a run, or trouble."""
        noted = {"task": task, "way": way, **said}
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(noted) + "\n")
        self._take(noted)

    def _take(self, said: Mapping[str, Any]) -> None:
        known = self.of(said["task"], said["way"])
        if "run" in said:
            known.runs.append(said["run"])
        known.trouble = said.get("trouble", "")


def measure(
    task: Any,
    pythons: Mapping[str, str],
    given: Path,
    notes: Notes,
    runs: int,
    say: Callable[[str], None],
) -> None:
    """Run every way of a task until each has its runs; ``pythons`` says by which interpreter."""
    for number in range(1, runs + 1):
        for way in task.ways:
            known = notes.of(task.key, way)
            slow = known.runs and known.spent() > MOST_SECONDS_A_WAY
            if known.trouble or slow or len(known.runs) >= number:
                continue
            python = pythons.get(way, "")
            if not Path(python).exists():
                notes.add(task.key, way, trouble=python or "no environment for it")
                continue
            say(f"{task.key}, {way}, run {number}")
            notes.add(task.key, way, **run_once(task, way, python, given))


def run_once(task: Any, way: str, python: str, given: Path) -> dict[str, Any]:
    """One run in a process of its own: ``{"run": …}``, or ``{"trouble": …}``."""
    if task.statements:
        code = STARTING.format(statement=task.statements[way], child=str(CHILD))
        command = [python, "-W", "ignore", "-c", code]
    else:
        command = [python, "-W", "ignore", str(CHILD), way, task.function, str(given)]
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=False,
            cwd=ROOT,
            env=environment(python),
            timeout=GIVEN_UP_AFTER,
        )
    except subprocess.TimeoutExpired:
        return {"trouble": f"not finished after {GIVEN_UP_AFTER} s"}
    lines = (done.stdout if done.returncode == 0 else done.stderr).strip().splitlines()
    said = lines[-1] if lines else f"ended with {done.returncode} and said nothing"
    return {"run": json.loads(said)} if done.returncode == 0 else {"trouble": said[:200]}


def environment(python: str) -> dict[str, str]:
    """The variables of a child; only our own Python is shown where this project is."""
    kept = {name: text for name, text in os.environ.items() if name != "PYTHONPATH"}
    kept["PYTHONUTF8"] = "1"
    if Path(python) == Path(sys.executable):
        kept["PYTHONPATH"] = str(ROOT)
    return kept


def warm(path: Path) -> None:
    """Read a file through once, so that every way finds it in the memory of the system."""
    with path.open("rb") as file:
        while file.read(1 << 24):
            pass


def saying(quiet: bool = False) -> Callable[[str], None]:
    """A voice that says how long it has been going on."""
    begun = time.monotonic()

    def say(text: str) -> None:
        if not quiet:
            print(f"{time.monotonic() - begun:7.0f} s  {text}", flush=True)

    return say
