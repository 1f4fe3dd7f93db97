"""Plan, carry out, play, measure: does what is measured hold what was true? Known worlds.

``python -m benchmarks.closed_loop [RUNS] [FIRST_WORLD] [FILE.csv ...]`` prints the tables of
``docs/campaign-coverage.md``. A file that is not there gets the rows of each run as they come; of
files that are there nothing is run, and their rows are summed up together.

Each world is a simulated base of three years (b2b and b2c in turn, 2,500 customers ever) with one
plan for everybody whom contacting pays; 50 runs draw its control group anew, write the plan to a
file, fill it in (nine actions in ten are done), read it back, play the 90 days after it with the
simulator's truth, and measure. Beside it run campaigns among everybody who may be contacted, both
again without any effect, and campaigns without effect that went to the better customers. In half
of the worlds contact does good to everybody, in the others to small customers only.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.campaign_truth import SELECTIONS, known_world, runs
from retention_lib.portfolio.intervals import share_interval

RUNS_A_WORLD = 50
DRAWN = ("plan", "plan without effect", "everybody", "everybody without effect")
OUTCOMES = ("buyers", "revenue", "margin")
METHODS = ("plain", "adjusted", "used")


def run_all(count: int, first: int, file: Path | None) -> pd.DataFrame:
    """So many runs, their rows written to a file after each world."""
    rows: list[dict[str, object]] = []
    for world in range(first, first + -(-count // RUNS_A_WORLD)):
        began = time.perf_counter()
        known = known_world(world)
        for seed in range(world * 1_000, world * 1_000 + min(RUNS_A_WORLD, count)):
            rows += runs(known, seed, 1)
            if file:
                pd.DataFrame(rows).to_csv(file, index=False)
        print(f"world {world}: {time.perf_counter() - began:.0f} s", file=sys.stderr, flush=True)
    return pd.DataFrame(rows)


def said(part: float, of: int) -> str:
    """A share with its range, 95 % sure."""
    if not of:
        return "–"
    low, high = share_interval(part, of)
    return f"{100 * part / of:.1f} % ({100 * low:.0f} to {100 * high:.0f})"


def coverage(rows: pd.DataFrame) -> str:
    """How often the interval holds what is true, by kind of campaign, outcome and way."""
    lines = [
        "| campaign | outcome | comparison | told | held (95 % sure) | true lay above | below | "
        "width against plain |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for kind in DRAWN:
        for outcome in OUTCOMES:
            for method in METHODS:
                of = rows[rows["kind"] == kind]
                true, name = of[f"{outcome}_true"], f"{outcome}_{method}"
                told = of[f"{name}_low"].notna() & true.notna()
                above = int((true > of[f"{name}_high"])[told].sum())
                below = int((true < of[f"{name}_low"])[told].sum())
                count = int(told.sum())
                widths = of[f"{name}_high"] - of[f"{name}_low"]
                plain = of[f"{outcome}_plain_high"] - of[f"{outcome}_plain_low"]
                lines.append(
                    f"| {kind} | {outcome} | {method} | {count} | "
                    f"{said(count - above - below, count)} | {above} | {below} | "
                    f"{np.nanmedian(widths / plain):.2f} |"
                )
    return "\n".join(lines)


def verdicts(rows: pd.DataFrame) -> str:
    """How often each verdict was given, and what was true."""
    names = ("earned", "not_proved", "lost", "cannot_tell", "not_randomised")
    sure = rows["true_net"] > 0
    rows = pd.concat([rows, rows[sure].assign(kind=rows["kind"] + ", really profitable")])
    kinds = [*DRAWN, *SELECTIONS, *(f"{kind}, really profitable" for kind in DRAWN[::2])]
    lines = [
        f"| campaign | runs | really profitable | {' | '.join(names)} |",
        "|---" * (3 + len(names)) + "|",
    ]
    for kind in kinds:
        of = rows[rows["kind"] == kind]
        counts = [said(int((of["verdict"] == name).sum()), len(of)) for name in names]
        profitable = f"{100 * (of['true_net'] > 0).mean():.0f} %" if len(of) else "–"
        lines.append(f"| {kind} | {len(of)} | {profitable} | {' | '.join(counts)} |")
    return "\n".join(lines)


def main(arguments: list[str]) -> None:
    """Run or read, and print."""
    numbers = [int(text) for text in arguments if text.isdigit()]
    files = [Path(text) for text in arguments if not text.isdigit()]
    there = [file for file in files if file.is_file()]
    if there:
        rows = pd.concat([pd.read_csv(file) for file in there], ignore_index=True)
    else:
        count, first = (*numbers, 400, 6_000)[:2] if len(numbers) != 1 else (numbers[0], 6_000)
        rows = run_all(count, first, files[0] if files else None)
    print(f"{rows['seed'].nunique()} runs in {rows['world'].nunique()} worlds\n")
    print(coverage(rows), "\n")
    print(verdicts(rows))


if __name__ == "__main__":
    main(sys.argv[1:])
