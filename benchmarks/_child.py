"""One way of doing one task once, in a process of its own: what it took, as a line of JSON.

``python benchmarks/_child.py PEER TASK FILE``: FILE says where the data are. The task is done on a
few rows first, so that what is imported or compiled once is not in the figures (start-up is
measured by itself). Works under any Python that has the peer; imports nothing of ours.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import sys
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace


class Clock:
    """Seconds by phase, on the clock and of the processor."""

    def __init__(self) -> None:
        self.wall: dict[str, float] = {}
        self.processor: dict[str, float] = {}

    @contextlib.contextmanager
    def __call__(self, phase: str) -> Iterator[None]:
        """Add what happens in the block to a phase."""
        wall, processor = time.perf_counter(), time.process_time()
        yield
        self.wall[phase] = self.wall.get(phase, 0.0) + time.perf_counter() - wall
        spent = time.process_time() - processor
        self.processor[phase] = self.processor.get(phase, 0.0) + spent


def peak_gigabytes() -> float:
    """Peak memory of this process so far; not a number where the system does not tell.

    Linux hands the peak of the parent on to ``ru_maxrss``, so its own account goes first.
    """
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text(encoding="utf-8").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 2**20
    try:
        import resource
    except ImportError:  # Windows
        return float("nan")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**30 if sys.platform == "darwin" else peak / 2**20


def run(peer: str, task: str, given: dict) -> dict:
    """Do it on a few rows, then for good; the figures found, seconds by phase and gigabytes."""
    warnings.simplefilter("ignore")
    do = getattr(importlib.import_module(f"peers.{peer}"), task)
    if given.get("few"):
        do(SimpleNamespace(**{**given, **given["few"]}), Clock())
    before, clock = peak_gigabytes(), Clock()
    figures = do(SimpleNamespace(**given), clock)
    return {
        "wall": clock.wall,
        "processor": clock.processor,
        "peak": peak_gigabytes(),
        "before": before,
        "figures": figures,
    }


if __name__ == "__main__":
    # What a library prints goes to the other stream: the last line here is the result.
    with contextlib.redirect_stdout(sys.stderr):
        found = run(sys.argv[1], sys.argv[2], json.loads(Path(sys.argv[3]).read_text("utf-8")))
    print(json.dumps(found))
