"""Segment schemes: from score cells to named segments, a partition by construction.

The segment tables that people copy from one another leave cells without a name or give them
two. A scheme here is checked when it is built: every cell lies in exactly one segment, or the
error names the cells that do not.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np

from retention_lib.errors import ChoiceError, InputError
from retention_lib.wording import LANGUAGES, Language, spoken, texts

if TYPE_CHECKING:
    import pandas as pd

Cell = tuple[int, ...]
"""Scores of one cell: ``(r, fm)`` or ``(r, f, m)``, each from 1 to the scheme's levels."""

On = Literal["r_fm", "r_f_m"]
"""What a scheme looks at: R with the rounded mean of F and M, or all three scores."""

_AXES: dict[str, tuple[str, ...]] = {"r_fm": ("r", "fm"), "r_f_m": ("r", "f", "m")}
MOST_LEVELS = 10
"""No scheme, and no score, has more levels than this."""


@dataclass(frozen=True)
class Segment:
    """One named segment: its stable code, its cells, and what is said about it.

    ``words`` maps ``name``, ``meaning`` and ``action`` to a text per language; a language that
    is missing is said in the other one. Without a language they are said in the one spoken. The
    code is also the key of the segment's colour.
    """

    code: str
    cells: tuple[Cell, ...]
    words: Mapping[str, Mapping[str, str]] = field(default_factory=dict, hash=False)

    def name(self, language: Language | None = None) -> str:
        """The segment's name; its code where it has none."""
        return self._word("name", language) or self.code

    def meaning(self, language: Language | None = None) -> str:
        """Who these customers are, in plain words; empty where a team's table says nothing."""
        return self._word("meaning", language)

    def action(self, language: Language | None = None) -> str:
        """What to do about them; empty where a team's table says nothing."""
        return self._word("action", language)

    def subject(self, language: Language | None = None) -> str:
        """The segment as the subject of a sentence: ``Customers at risk``, in the plural."""
        said = self._word("subject", language)
        own = texts()["rfm.own_subject"][language or spoken()]
        return said or own.format(name=self.name(language))

    def _word(self, what: str, language: Language | None) -> str:
        said = self.words.get(what, {})
        return next((said[key] for key in (language or spoken(), *LANGUAGES) if said.get(key)), "")


@dataclass(frozen=True)
class SegmentScheme:
    """A table from score cells to segments, checked to be a partition when it is built.

    Parameters
    ----------
    name
        How the scheme is called: ``classic``, ``six`` or a team's own word.
    on
        ``r_fm``: cells are ``(r, fm)``, where fm is the mean of the F and M scores, halves
        rounded up (3 and 4 make 4). ``r_f_m``: cells are ``(r, f, m)``.
    levels
        Scores of this scheme run from 1 to ``levels``, the highest being the best (2 to 10).
    segments
        The segments, best first.

    Raises
    ------
    InputError
        Where a cell is in no segment or in two; the message counts them, with examples.

    Examples
    --------
    >>> SegmentScheme.classic()
    <SegmentScheme 'classic': 11 segments on r_fm, 25 cells>
    >>> SegmentScheme.classic().segment(5, 5, 5).name()
    'Champions'
    """

    name: str
    on: On
    levels: int
    segments: tuple[Segment, ...]

    def __post_init__(self) -> None:
        if self.on not in _AXES:
            raise ChoiceError("on", self.on, _AXES)
        check_levels("levels", self.levels)
        object.__setattr__(self, "segments", tuple(self.segments))
        problems = [*_naming_problems(self.segments), *self._cell_problems()]
        if problems:
            listed = "\n".join(f"- {problem}" for problem in problems)
            raise InputError(
                f"The scheme {self.name!r} does not put every cell into exactly one segment:\n"
                f"{listed}\nMend the table; each of the {len(self.cells)} cells "
                f"({' by '.join(self.axes)}, 1 to {self.levels}) must appear once."
            )

    @classmethod
    def classic(cls) -> Self:
        """Eleven segments on R and the rounded mean of F and M, five levels each: 25 cells."""
        pairs = (
            ((r, fm), code)
            for r, codes in _CLASSIC.items()
            for fm, code in enumerate(codes, start=1)
        )
        return cls("classic", "r_fm", 5, _shipped_segments("classic", pairs))

    @classmethod
    def six(cls) -> Self:
        """Six segments on R, F and M, three levels each: 27 cells."""
        pairs = (
            ((r, f, m), code)
            for r, by_f in _SIX.items()
            for f, codes in by_f.items()
            for m, code in enumerate(codes, start=1)
        )
        return cls("six", "r_f_m", 3, _shipped_segments("six", pairs))

    @classmethod
    def from_table(
        cls,
        table: pd.DataFrame | Sequence[Mapping[str, object]] | str | Path,
        *,
        name: str = "own",
        levels: int | None = None,
    ) -> Self:
        """A team's own scheme, from a DataFrame, a list of rows or a CSV file.

        Columns ``r``, ``f``, ``m`` (or ``r``, ``fm``) and ``segment``; optional ``segment_fr``,
        ``meaning``, ``meaning_fr``, ``action``, ``action_fr``. A score is a number, a range
        (``4-5``, or ``4 to 5`` where a spreadsheet would make a date of it) or a list
        (``1,3``). A segment may take several rows. ``levels`` defaults to the highest score of
        the table.

        Raises ``InputError`` where a column is missing, a score cannot be read, or the table is
        not a partition.

        >>> own = [{"r": 2, "fm": "1-2", "segment": "Active"},
        ...        {"r": 1, "fm": 2, "segment": "Win back"},
        ...        {"r": 1, "fm": 1, "segment": "Let go"}]
        >>> SegmentScheme.from_table(own, name="simple")
        <SegmentScheme 'simple': 3 segments on r_fm, 4 cells>
        """
        rows = _read_rows(table)
        on = _scores_named(rows[0])
        cells, words = _own_segments(rows, _AXES[on])
        given = (score for listed in cells.values() for cell in listed for score in cell)
        top = max(given) if levels is None else levels
        codes = _codes(cells)
        segments = tuple(Segment(codes[own], tuple(cells[own]), words[own]) for own in cells)
        return cls(name, on, top, segments)

    @property
    def axes(self) -> tuple[str, ...]:
        """Names of a cell's scores: ``("r", "fm")`` or ``("r", "f", "m")``."""
        return _AXES[self.on]

    @cached_property
    def cells(self) -> tuple[Cell, ...]:
        """Every cell that the scores can make."""
        return tuple(product(range(1, self.levels + 1), repeat=len(self.axes)))

    def cell_scores(self, r: Any, f: Any, m: Any) -> tuple[Any, ...]:
        """The scores a cell is made of, from whole R, F and M scores (numbers or arrays).

        The mean of F and M rounds halves up: Python's own rounding takes 2.5 to 2 but 3.5 to 4.
        """
        return (r, (f + m + 1) // 2) if self.on == "r_fm" else (r, f, m)

    def positions(self, r: Any, f: Any, m: Any) -> np.ndarray[Any, np.dtype[np.int64]]:
        """For arrays of scores, the position of each one's segment in ``segments``."""
        scores = [np.asarray(score) - 1 for score in self.cell_scores(r, f, m)]
        found: np.ndarray[Any, np.dtype[np.int64]] = self._lookup[tuple(scores)]
        return found

    def segment(self, r: int, f: int, m: int) -> Segment:
        """The segment of one customer's scores."""
        return self.segments[int(self.positions(r, f, m))]

    def to_frame(self, language: Language | None = None) -> pd.DataFrame:
        """One row a segment: code, name, meaning, what to do, and its cells in words."""
        import pandas as pd

        rows = [
            (s.code, s.name(language), s.meaning(language), s.action(language), self._said(s.cells))
            for s in self.segments
        ]
        return pd.DataFrame(rows, columns=["segment_code", "segment", "meaning", "action", "cells"])

    @cached_property
    def _lookup(self) -> np.ndarray[Any, np.dtype[np.int64]]:
        lookup = np.zeros((self.levels,) * len(self.axes), dtype=np.int64)
        for position, segment in enumerate(self.segments):
            for cell in segment.cells:
                lookup[tuple(score - 1 for score in cell)] = position
        return lookup

    def _cell_problems(self) -> Iterator[str]:
        owners: dict[Cell, list[Segment]] = defaultdict(list)
        for segment in self.segments:
            for cell in segment.cells:
                owners[cell].append(segment)
        every = set(self.cells)
        outside = [cell for cell in owners if cell not in every]
        if outside:
            yield f"{len(outside)} outside 1 to {self.levels}, for example {self._said(outside)}"
        missing = [cell for cell in self.cells if cell not in owners]
        if missing:
            yield (
                f"{len(missing)} of {len(every)} cells in no segment, for example "
                f"{self._said(missing[:3])}"
            )
        twice = [cell for cell in self.cells if len(owners.get(cell, ())) > 1]
        if twice:
            both = " and ".join(repr(segment.name()) for segment in owners[twice[0]])
            yield (
                f"{len(twice)} of {len(every)} cells named more than once, for example "
                f"{self._said(twice[:1])}: {both}"
            )

    def _said(self, cells: Iterable[Cell]) -> str:
        return "; ".join(
            " ".join(f"{axis}{score}" for axis, score in zip(self.axes, cell, strict=False))
            for cell in cells
        )

    def __repr__(self) -> str:
        return (
            f"<SegmentScheme {self.name!r}: {len(self.segments)} segments on {self.on}, "
            f"{len(self.cells)} cells>"
        )


# Rows: how lately they bought, 5 the latest. Columns: fm from 1 to 5, how often and how much.
_CLASSIC: dict[int, tuple[str, ...]] = {
    5: ("new_customers", "potential_loyalists", "potential_loyalists", "champions", "champions"),
    4: ("promising", "promising", "potential_loyalists", "loyal_customers", "champions"),
    3: ("about_to_sleep", "about_to_sleep", "need_attention", "loyal_customers", "loyal_customers"),
    2: ("hibernating", "hibernating", "at_risk", "at_risk", "cannot_lose"),
    1: ("lost", "hibernating", "at_risk", "at_risk", "cannot_lose"),
}
# By r, then f; in each tuple m from 1 to 3.
_SIX: dict[int, dict[int, tuple[str, str, str]]] = {
    3: {
        3: ("loyal_customers", "champions", "champions"),
        2: ("loyal_customers", "loyal_customers", "champions"),
        1: ("new_customers", "new_customers", "new_customers"),
    },
    2: {
        3: ("loyal_customers", "loyal_customers", "loyal_customers"),
        2: ("need_attention", "need_attention", "loyal_customers"),
        1: ("need_attention", "need_attention", "need_attention"),
    },
    1: {
        3: ("at_risk", "at_risk", "at_risk"),
        2: ("lost", "at_risk", "at_risk"),
        1: ("lost", "lost", "at_risk"),
    },
}
# Best first, as a person would list them.
SEGMENT_CODES = (
    "champions",
    "loyal_customers",
    "potential_loyalists",
    "new_customers",
    "promising",
    "need_attention",
    "about_to_sleep",
    "at_risk",
    "cannot_lose",
    "hibernating",
    "lost",
)
_WORDS = ("name", "subject", "meaning", "action")


@cache
def shipped_schemes() -> dict[str, SegmentScheme]:
    """The schemes that come with the workbook, by name."""
    return {scheme.name: scheme for scheme in (SegmentScheme.classic(), SegmentScheme.six())}


def find_scheme(scheme: str | SegmentScheme) -> SegmentScheme:
    """A shipped scheme by its name, or the scheme itself."""
    if isinstance(scheme, SegmentScheme):
        return scheme
    if not isinstance(scheme, str) or scheme not in shipped_schemes():
        raise ChoiceError(
            "scheme", scheme, [*shipped_schemes(), "a SegmentScheme (SegmentScheme.from_table)"]
        )
    return shipped_schemes()[scheme]


def check_levels(argument: str, levels: object) -> int:
    """A number of levels, or ``InputError``: a whole number from 2 to 10."""
    if isinstance(levels, bool) or not isinstance(levels, int | np.integer):
        raise InputError(f"{argument} must be a whole number from 2 to 10; got {levels!r}.")
    if not 2 <= levels <= MOST_LEVELS:
        raise InputError(f"{argument} must lie between 2 and {MOST_LEVELS}; got {levels}.")
    return int(levels)


def _shipped_segments(scheme: str, pairs: Iterable[tuple[Cell, str]]) -> tuple[Segment, ...]:
    cells: dict[str, list[Cell]] = defaultdict(list)
    for cell, code in pairs:
        cells[code].append(cell)
    return tuple(
        Segment(
            code,
            tuple(cells[code]),
            {word: texts()[f"segment.{scheme}.{code}.{word}"] for word in _WORDS},
        )
        for code in SEGMENT_CODES
        if code in cells
    )


def _naming_problems(segments: Sequence[Segment]) -> Iterator[str]:
    for what, named in (
        ("code", [segment.code for segment in segments]),
        *((f"name ({lang})", [segment.name(lang) for segment in segments]) for lang in LANGUAGES),
    ):
        twice = {word for word in named if named.count(word) > 1}
        if twice:
            yield f"the {what} {min(twice)!r} stands for two segments"
    empty = [segment.name() for segment in segments if not segment.cells]
    if empty:
        yield f"{len(empty)} segments without a cell, for example {empty[0]!r}"


def _read_rows(table: Any) -> list[dict[str, str]]:
    """The rows of a team's table as texts, its headings in lower case."""
    import pandas as pd

    frame = _read_csv(Path(table)) if isinstance(table, str | Path) else table
    if isinstance(table, list | tuple) and all(isinstance(row, Mapping) for row in table):
        frame = pd.DataFrame(list(table))
    if not isinstance(frame, pd.DataFrame):
        raise InputError(
            f"A scheme needs a DataFrame, a list of rows ({{'r': 5, 'fm': '4-5', 'segment': …}}) "
            f"or a CSV file; got {type(table).__name__}."
        )
    frame = frame.rename(columns=lambda heading: str(heading).strip().lower())
    if frame.empty:
        raise InputError("The scheme's table has no row.")
    # Whole-number columns with gaps become 4.0 in pandas; the score is 4.
    shown = frame.astype(object).where(frame.notna(), "")
    return [
        {key: re.sub(r"^(\d+)\.0$", r"\1", str(value).strip()) for key, value in row.items()}
        for row in shown.to_dict("records")
    ]


def _read_csv(path: Path) -> pd.DataFrame:
    import pandas as pd

    if not path.is_file():
        raise InputError(f"There is no file {path}.")
    raw = path.read_bytes()
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = raw.decode("cp1252")  # what a French Excel writes as CSV
    from io import StringIO

    # The heading decides the separator: a list such as 1,3 in a cell must not make a comma of it.
    heading = text.split("\n", 1)[0]
    separator = max(";\t,", key=heading.count)
    return pd.read_csv(StringIO(text), sep=separator, dtype=str, keep_default_na=False)


def _scores_named(row: Mapping[str, str]) -> On:
    has_f_and_m = {"f", "m"} <= set(row)
    if "segment" not in row or "r" not in row or not (has_f_and_m or "fm" in row):
        raise InputError(
            "A scheme's table needs the columns r, f, m and segment (or r, fm and segment); "
            f"it has {', '.join(row)}."
        )
    if "fm" in row and has_f_and_m:
        raise InputError("A scheme's table has either fm, or f and m; this one has all three.")
    return "r_f_m" if has_f_and_m else "r_fm"


def _own_segments(
    rows: list[dict[str, str]], axes: tuple[str, ...]
) -> tuple[dict[str, list[Cell]], dict[str, dict[str, dict[str, str]]]]:
    cells: dict[str, list[Cell]] = defaultdict(list)
    words: dict[str, dict[str, dict[str, str]]] = defaultdict(dict)
    for number, row in enumerate(rows, start=1):
        own = row["segment"]
        if not own:
            raise InputError(f"Row {number} of the scheme's table has no segment.")
        cells[own] += product(*(_scores(row[axis], axis, number) for axis in axes))
        for word, column in (("name", "segment"), ("meaning", "meaning"), ("action", "action")):
            said = words[own].setdefault(word, {})
            for language, heading in (("en", column), ("fr", f"{column}_fr")):
                if row.get(heading):
                    said.setdefault(language, row[heading])
    return cells, words


def _scores(text: str, axis: str, row: int) -> list[int]:
    """The scores that ``4``, ``4-5``, ``4 to 5`` or ``1,3`` stand for."""
    scores: list[int] = []
    for part in text.split(","):
        found = re.fullmatch(
            r"(\d{1,2})(?:\s*(?:[-\u2013\u2014]|\.\.|to|à)\s*(\d{1,2}))?", part.strip()
        )
        low, high = (int(found[1]), int(found[2] or found[1])) if found else (1, 0)
        if low > high:
            raise InputError(
                f"Row {row} of the scheme's table: {axis} is {text!r}; write a score (4), a range "
                f"(4-5) or a list (1,3). If a spreadsheet made a date of 4-5, write 4 to 5."
            )
        scores += range(low, high + 1)
    return scores


def _codes(names: Iterable[str]) -> dict[str, str]:
    """A stable code for each name: ``À relancer !`` becomes ``a_relancer``."""
    codes = {}
    for name in names:
        plain = unicodedata.normalize("NFKD", name.lower()).encode("ascii", "ignore").decode()
        codes[name] = re.sub(r"[^a-z0-9]+", "_", plain).strip("_") or name
    return codes
