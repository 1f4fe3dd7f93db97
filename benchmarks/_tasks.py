"""What is measured, who does it, and what was aimed at."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

OURS = "ours"
NAMES = {
    OURS: "this workbook",
    "duckdb_sql": "DuckDB SQL by hand, table loaded",
    "duckdb_from_file": "DuckDB SQL by hand, from the file",
    "polars_by_hand": "Polars by hand",
    "pandas_by_hand": "pandas by hand",
    "lifetimes": "lifetimes",
    "clvkit": "clvkit",
    "openretailscience": "openretailscience",
    "pymc_marketing": "pymc-marketing",
}
PEERS = ("lifetimes", "clvkit", "openretailscience", "pymc_marketing")
"""Those that need an environment of their own."""

BY_HAND = ("duckdb_sql", "duckdb_from_file", "polars_by_hand", "pandas_by_hand")
HORIZON = 90
MOST_LINES_IMPORTED = 1_000_000
MOST_LINES_TRAINED = 1_000_000
FITTED = 500_000
FITTED_FEW = 5_000


@dataclass(frozen=True)
class Block:
    """One comparison of the table: a title and the phases whose seconds are added up."""

    title: str
    phases: tuple[str, ...]
    only: tuple[str, ...] = ()
    """Where not empty, a way must have spent time in these phases too, to be comparable."""


@dataclass(frozen=True)
class Task:
    """One task: the function of that name in each peer's module, on these data."""

    key: str
    function: str
    size: str
    ways: tuple[str, ...]
    blocks: tuple[Block, ...]
    given: dict[str, Any] = field(default_factory=dict)
    statements: dict[str, str] = field(default_factory=dict)
    """For start-up: what is imported, way by way, in place of a function."""


def _whole(title: str) -> tuple[Block, ...]:
    alone = Block(f"{title}: the question alone", ("question",), ("opening",))
    return (Block(f"{title}: opening the file and the question", ("opening", "question")), alone)


def _dates(count: int) -> list[str]:
    return [str(date(2024, 12, 31) - timedelta(days=30 * back)) for back in range(count)][::-1]


def tasks(rows: int, chapters: list[str], *, quick: bool = False) -> list[Task]:
    """Everything, in the order of the table."""
    lines = f"{rows:,} lines"
    imported, trained = min(rows, MOST_LINES_IMPORTED), min(rows, MOST_LINES_TRAINED)
    fitted, few = (20_000, 500) if quick else (FITTED, FITTED_FEW)
    all_ways = (OURS, *BY_HAND)
    question = ("question",)
    found = [
        Task(
            "import",
            "import_csv",
            f"{imported:,} lines of CSV",
            (OURS, "duckdb_sql", "polars_by_hand", "pandas_by_hand"),
            (Block("Import of a French CSV export", question),),
            {"export": ("export", imported)},
        ),
        Task("rfm", "rfm", lines, (*all_ways, "openretailscience"), _whole("RFM")),
        Task(
            "summary",
            "summary",
            lines,
            (*all_ways, "lifetimes", "clvkit", "pymc_marketing"),
            _whole("Purchase-model summary"),
        ),
        Task(
            "cohorts",
            "cohorts",
            lines,
            (*all_ways, "clvkit", "openretailscience"),
            _whole("Cohorts by month"),
        ),
    ]
    for count in (1, 12):
        found.append(
            Task(
                f"snapshots_{count}",
                "snapshots",
                lines,
                all_ways,
                _whole(f"Snapshots at {count} date{'s' if count > 1 else ''}"),
                {"dates": _dates(count)},
            )
        )
    models = (OURS, "lifetimes", "clvkit")
    both = (Block("BG/NBD: fit", question), Block("BG/NBD: a year's purchases", ("prediction",)))
    found += [
        Task(
            "fit",
            "fit",
            f"{fitted:,} customers",
            models,
            both,
            {"histories": ("histories", fitted)},
        ),
        Task(
            "fit_few",
            "fit",
            f"{few:,} customers",
            (*models, "pymc_marketing"),
            (Block("BG/NBD: fit, few customers", question),),
            {"histories": ("histories", few)},
        ),
        Task(
            "churn",
            "churn",
            f"{trained:,} lines",
            (OURS, "pandas_by_hand"),
            (
                Block("Churn model: training", ("training",)),
                Block("Churn model: scoring", ("scoring",)),
            ),
            {"lines": ("lines", trained)},
        ),
        Task("sliders", "sliders", "", (OURS,), ()),
    ]
    for chapter in chapters:
        block = Block(f"Chapter {chapter.split('_')[0]}, every cell", question)
        given = {"notebook": chapter, "few": None}
        found.append(Task(f"chapter_{chapter[:2]}", "notebook", "b2b", (OURS,), (block,), given))
    return [*found, starting(), starting_to_work()]


def starting() -> Task:
    """What the first import of each costs, in a new process."""
    statements = {
        OURS: "import retention_lib",
        "duckdb_sql": "import duckdb",
        "polars_by_hand": "import polars",
        "pandas_by_hand": "import pandas",
        "lifetimes": "import lifetimes",
        "clvkit": "import clvkit",
        "openretailscience": "import openretailscience.segmentation.rfm",
        "pymc_marketing": "import pymc_marketing.clv",
    }
    block = Block("Start-up: import", ("question",))
    return Task("start", "", "", tuple(statements), (block,), statements=statements)


def starting_to_work() -> Task:
    """What a reader waits for before the first answer."""
    statements = {OURS: "import retention_lib as rl; rl.measure_flows(rl.open_base()).sentence()"}
    block = Block("Start-up: import, open the sample, first answer", ("question",))
    return Task("first_answer", "", "b2b", (OURS,), (block,), statements=statements)


@dataclass(frozen=True)
class Goal:
    """An aim of the project: ours against another way, in one comparison of the table."""

    said: str
    task: str
    block: int
    against: str | None
    at_most: float | None = None
    """Ours takes at most so many times as long; without ``against``, so many seconds."""
    faster: float | None = None
    """Ours is at least so many times faster."""
    memory: float | None = None
    """Ours peaks at less than this share of the other's gigabytes."""
    at_size: str = ""
    """The goal was set for that size; on another the table says so, and judges nothing."""


WHY: dict[str, str] = {
    "Purchase-model summary within 1.15 times DuckDB SQL by hand": (
        "the days of each customer are kept for the questions that follow (contracts, ages, a "
        "test on held-back months), which the SQL does not do; quiet runs gave 1.15 to 1.20"
    ),
    "Purchase-model summary in less than half the memory of lifetimes": (
        "the cleaned lines stay in memory, so that later questions need not read them again: "
        "0.46 GB; DuckDB by hand, straight from the file, takes half of lifetimes by itself. "
        "`RETENTION_MEMORY` sets a limit"
    ),
}
"""Why a goal (by its words) is not met, for the page to say; looked at only where it is not."""


def goals() -> list[Goal]:
    """The goals of the project, as they were set."""
    sql = [
        ("rfm", "RFM"),
        ("summary", "Purchase-model summary"),
        ("snapshots_1", "Snapshots, one date,"),
        ("snapshots_12", "Snapshots, twelve dates,"),
    ]
    at = "10,000,000 lines"
    found = [
        Goal(
            f"{name} within 1.15 times DuckDB SQL by hand",
            key,
            1,
            "duckdb_sql",
            at_most=1.15,
            at_size=at,
        )
        for key, name in sql
    ]
    for peer, times in (("clvkit", 8.0), ("lifetimes", 4.0)):
        found.append(
            Goal(
                f"Purchase-model summary at least {times:g} times faster than {peer}",
                "summary",
                0,
                peer,
                faster=times,
                at_size=at,
            )
        )
        said = f"Purchase-model summary in less than half the memory of {peer}"
        found.append(Goal(said, "summary", 0, peer, memory=0.5, at_size=at))
    for peer, times in (("lifetimes", 15.0), ("clvkit", 150.0)):
        said = f"Purchase-model fit at least {times:g} times faster than {peer}"
        at_fit = f"{FITTED:,} customers"
        found.append(Goal(said, "fit", 0, peer, faster=times, at_size=at_fit))
    return [*found, Goal("import retention_lib under 0.3 s", "start", 0, None, at_most=0.3)]
