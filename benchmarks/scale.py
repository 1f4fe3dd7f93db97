"""How seconds and peak memory grow: 1, 10 and 100 million transactions.

``python benchmarks/scale.py [MILLIONS ...] [--memory 4GB] [--keep FOLDER]``. The lines are made in
DuckDB and written to Parquet, never through pandas, and removed at the end. Every question is
asked in a process of its own, which opens the file first, so that its peak memory is its own. The
answer is a table in Markdown for ``docs/scale.md``.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks._child import peak_gigabytes
from benchmarks._data import LINES_A_CUSTOMER, make_lines


def questions() -> dict[str, Callable[[Any, Path], Any]]:
    """What is asked of the open base; ``beside`` is a folder for what is written."""
    import retention_lib as rl

    def histories(base: Any, beside: Path) -> int:
        from retention_lib.portfolio.money import margin_basis
        from retention_lib.scoring._lifetime_facts import kept_days

        with kept_days(base, margin_basis(base)) as days:
            return len(days.facts(base.as_of_day)) if days else 0

    return {
        "opening": lambda base, beside: None,
        "quality": lambda base, beside: rl.check_quality(base),
        "rfm": lambda base, beside: rl.score_rfm(base),
        "flows, months": lambda base, beside: rl.measure_flows(base, period="month"),
        "cohorts": lambda base, beside: rl.retention_cohorts(base),
        "value": lambda base, beside: rl.measure_value(base),
        "lost": lambda base, beside: rl.list_lost(base),
        "signals": lambda base, beside: rl.find_signals(base),
        "snapshots, one date": lambda base, beside: rl.take_snapshots(base, [base.as_of]),
        "purchase histories": histories,
        "churn, fitted and scored to a file": lambda base, beside: rl.fit_churn(base).score_to(
            base, beside / "scores.parquet"
        ),
    }


def child(name: str, lines: Path) -> dict[str, float]:
    """Open and ask, in this process; seconds of each, and the peak in gigabytes."""
    import retention_lib as rl

    begun = time.perf_counter()
    base = rl.CustomerBase.from_tables(lines)
    opened = time.perf_counter()
    questions()[name](base, lines.parent)
    done = time.perf_counter()
    return {"opening": opened - begun, "asking": done - opened, "peak": peak_gigabytes()}


def measured(name: str, lines: Path, memory: str) -> dict[str, Any]:
    """The same in a process of its own; what went wrong instead of figures where it did."""
    surroundings = {**os.environ, **({"RETENTION_MEMORY": memory} if memory else {})}
    run = [sys.executable, str(Path(__file__).resolve()), "--ask", name, str(lines)]
    done = subprocess.run(run, capture_output=True, text=True, env=surroundings)
    if done.returncode:
        said = done.stderr.strip().splitlines() or [f"ended with {done.returncode}"]
        return {"failed": said[-1][:200]}
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def main(millions: list[float], memory: str, keep: str) -> None:
    """Print one table a size, line by line as it is measured."""
    with tempfile.TemporaryDirectory(prefix="retention-scale-") as made:
        folder = Path(keep or made)
        for million in millions:
            rows = int(million * 1_000_000)
            lines = folder / f"lines_{rows}.parquet"
            if not lines.is_file():
                make_lines(lines, rows)
            size = lines.stat().st_size / 2**30
            customers = rows // LINES_A_CUSTOMER
            print(f"\n{rows:,} transactions, {customers:,} customers, {size:.2f} GB of Parquet\n")
            print("| question | seconds | peak memory, GB |\n|---|---:|---:|", flush=True)
            for name in questions():
                found = measured(name, lines, memory)
                if "failed" in found:
                    print(f"| {name} | failed: {found['failed']} | |", flush=True)
                    continue
                took = found["opening" if name == "opening" else "asking"]
                print(f"| {name} | {took:.1f} | {found['peak']:.2f} |", flush=True)
            if not keep:
                lines.unlink()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--ask"]:
        print(json.dumps(child(sys.argv[2], Path(sys.argv[3]))))
    else:
        given = argparse.ArgumentParser(description=__doc__)
        given.add_argument("millions", type=float, nargs="*", default=[1, 10, 100])
        given.add_argument("--memory", default="")
        given.add_argument("--keep", default="")
        asked = given.parse_args()
        main(asked.millions, asked.memory, asked.keep)
