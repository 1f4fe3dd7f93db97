"""What every hostile file says of itself: how it is made, and what must become of it.

A case is either *right* (how many rows are kept, how many set aside for which reason, the money
to the cent, the customers) or *refused* (a pattern of the one message). Nothing in between: a
file is never half read in silence. Everything is made by code from a seed; no file is kept.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Literal

SEED = 20_261_123
HEADINGS = ("Customer ID", "Date", "Amount")
FRENCH = ("Code client", "Date", "Montant HT")


@dataclass(frozen=True)
class Right:
    """What must come out: rows kept, rows set aside by reason, the money kept, the customers."""

    kept: int
    cents: int
    customers: int
    aside: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Refused:
    """A pattern of the message with which the file is refused."""

    says: str


Way = Literal["import", "open"]


@dataclass(frozen=True)
class Case:
    """One file (or folder, or address), and what must become of it."""

    name: str
    make: Callable[[Path], Path | str]
    verdict: Right | Refused
    told: Mapping[str, Any] = field(default_factory=dict)
    way: Way = "import"

    @property
    def category(self) -> str:
        return self.name.split(":")[0]


@dataclass(frozen=True)
class Sale:
    """A line of an export whose truth is known."""

    customer: str
    day: date
    cents: int


def sales(seed: int = SEED, rows: int = 12) -> list[Sale]:
    """Sales of five customers over 2024, one of them taken back."""
    chance = random.Random(seed)
    made = [
        Sale(
            f"C{chance.randrange(1, 6):03d}",
            date(2024, 1, 13) + timedelta(days=chance.randrange(0, 300)),
            chance.randrange(100, 400_000),
        )
        for _ in range(rows)
    ]
    made[-2] = Sale(made[-2].customer, made[-2].day, -made[-2].cents)
    # A day after the twelfth and a thousand prove how dates and amounts are written.
    made[0] = Sale(made[0].customer, date(2024, 3, 28), 123_456)
    return made


def truth(made: Sequence[Sale], aside: Mapping[str, int] | None = None) -> Right:
    """What must come of sales that are all kept."""
    return Right(
        kept=len(made),
        cents=sum(sale.cents for sale in made),
        customers=len({sale.customer for sale in made}),
        aside=aside or {},
    )


def money(cents: int, mark: str = ".") -> str:
    """Cents as a decimal number."""
    return f"{'-' if cents < 0 else ''}{abs(cents) // 100}{mark}{abs(cents) % 100:02d}"


def lines(
    made: Sequence[Sale],
    *,
    separator: str = ";",
    mark: str = ".",
    day: str = "%Y-%m-%d",
    heads: Sequence[str] = HEADINGS,
) -> list[str]:
    """The lines of an export, headings first."""
    rows = [(s.customer, s.day.strftime(day), money(s.cents, mark)) for s in made]
    return [separator.join(row) for row in (tuple(heads), *rows)]


def text_of(made: Sequence[Sale], newline: str = "\n", **how: Any) -> str:
    """The text of an export, its last line ended."""
    return newline.join(lines(made, **how)) + newline


def writes(content: bytes | str, name: str = "export.csv") -> Callable[[Path], Path]:
    """A maker of one file."""
    data = content.encode() if isinstance(content, str) else content

    def make(folder: Path) -> Path:
        file = folder / name
        file.write_bytes(data)
        return file

    return make


def right(
    name: str, content: bytes | str, verdict: Right, file: str = "export.csv", **told: Any
) -> Case:
    """A file that must be imported right."""
    return Case(name, writes(content, file), verdict, told)


def refused(
    name: str, content: bytes | str, says: str, file: str = "export.csv", **told: Any
) -> Case:
    """A file that must be refused."""
    return Case(name, writes(content, file), Refused(says), told)


def every_case() -> list[Case]:
    """The whole corpus, each name once."""
    from tests.hostile import books, cells, places, stores, texts

    cases = [*texts.cases(), *cells.cases(), *books.cases(), *stores.cases(), *places.cases()]
    names = [case.name for case in cases]
    repeated = {name for name in names if names.count(name) > 1}
    if repeated:
        raise AssertionError(f"Cases with one name: {sorted(repeated)}")
    return cases
