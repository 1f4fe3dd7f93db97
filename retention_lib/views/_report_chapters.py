"""What of a chapter goes into the report: which cells run, which show, which words stay.

The report is for people who will never open a notebook. Left out is what only makes sense in one:
how to run a cell, exercises and their solutions, the presenter's notes, sliders to move, code.
What is left out is decided on the English chapter, heading by heading; a French chapter has the
same cells and headings, so that it follows without a list of its own.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from retention_lib.errors import ChoiceError, InputError

if TYPE_CHECKING:
    from nbformat import NotebookNode

LEFT_OUT_TAGS = frozenset({"solution", "presenter", "exercise", "report-skip"})
"""Tags of cells that are for the notebook only."""

LEFT_OUT_HEADINGS = (
    "How to read a chapter",
    "What one line looks like",
    "Which chapter answers which question?",
    "Where your data go",
    "Loading your own customers",
    "Your own segments",
    "Turning the screws",
    "Try it",
    "Take it along",
    "Before you run the next cell",
    "Ideas of the room",  # three examples, which are nobody's ideas here
    "The board that stays",
    "What would prove it",
    "Say this in the meeting",  # the sentences themselves stand at the chapter's beginning
    "Exercise",
    "Agenda",
    "Next",
)
"""Beginnings of English headings whose section is for the notebook only."""

LEFT_OUT_CODE = ("rl.undo_merge(", "rl.explore_offer(", "rl.import_form(", "rl.idea_board(")
"""Parts of cells that only try something, or say again what stands above with sliders."""

SAID = {
    "01": ("imported", "scorecard"),
    "02": ("flows", "lost"),
    "03": ("profile", "migration.movers()"),
    "04": ("record", "rl.find_signals(base)"),
    "05": ("model.scorecard", "scores"),
    "06": ("value", "risk"),
    "07": ("gain", "risk.break_even()"),
    "08": ("plan", "plan.proof()"),
    "09": ("ledger",),
    "10": ("claims",),
}
"""Chapter to the cells whose sentence is the one to say in the meeting."""

_HEADING = re.compile(r"^(#{1,6})\s+(.*?)\s*#*\s*$", re.MULTILINE)


@dataclass(frozen=True)
class Chapter:
    """One chapter: its number, the file with its prose, and the English one beside it."""

    number: str
    path: Path
    english: Path

    @property
    def translated(self) -> bool:
        """Whether the prose is in another language than English."""
        return self.path != self.english


@dataclass(frozen=True)
class Piece:
    """One thing that the report may show: a section of prose, or what a cell put out.

    ``cell`` is its place in the chapter; ``heading`` and ``text`` are those of a section (level 0
    is a section that goes on from the cell before), ``code`` that of a code cell.
    """

    cell: int
    shown: bool
    level: int = 0
    heading: str = ""
    text: str = ""
    code: str = ""
    runs: bool = False


def find_chapters(folder: Path, language: str, wanted: Sequence[object] | None) -> list[Chapter]:
    """The chapters of ``notebooks/``, in French from ``notebooks/fr/`` where they are there."""
    english = {path.name[:2]: path for path in sorted(folder.glob("[0-9][0-9]_*.ipynb"))}
    if not english:
        raise InputError(
            f"There is no chapter in {folder}. The report is made from the notebooks of the "
            f"workbook: run it in the folder that you cloned or unpacked."
        )
    french: dict[str, Path] = {}
    if language != "en":
        french = {path.name[:2]: path for path in sorted((folder / language).glob("*.ipynb"))}
    numbers = list(english) if wanted is None else [_number(item, english) for item in wanted]
    if not numbers:
        raise InputError(
            "chapters names no chapter. Give numbers such as chapters=[2, 8], or leave it out "
            "for all of them."
        )
    return [
        Chapter(number, french.get(number, english[number]), english[number])
        for number in sorted(set(numbers))
    ]


def _number(item: object, known: Iterable[str]) -> str:
    text = f"{item:02d}" if isinstance(item, int) and not isinstance(item, bool) else str(item)
    number = text.strip()[:2].rjust(2, "0")
    if number not in known:
        raise ChoiceError("chapters", item, list(known))
    return number


def read(path: Path) -> NotebookNode:
    """Read a notebook as format 4."""
    import nbformat

    try:
        found: NotebookNode = nbformat.reads(  # type: ignore[no-untyped-call]
            path.read_text(encoding="utf-8"), as_version=4
        )
    except (OSError, ValueError, nbformat.reader.NotJSONError) as error:
        raise InputError(
            f"The chapter {path.name} cannot be read ({error}). Get it back from the workbook "
            f"you downloaded."
        ) from error
    return found


def cut(chapter: Chapter) -> list[Piece]:
    """The pieces of a chapter in their order, each marked: shown or not, run or not."""
    english = read(chapter.english).cells
    told = read(chapter.path).cells if chapter.translated else english
    aligned = [cell.cell_type for cell in told] == [cell.cell_type for cell in english]
    lead = english if aligned else told
    pieces: list[Piece] = []
    showing = True
    for place, cell in enumerate(told):
        left_out = bool(LEFT_OUT_TAGS & {*cell.metadata.get("tags", []), *_tags(lead[place])})
        if cell.cell_type == "code":
            tries = any(call in cell.source for call in LEFT_OUT_CODE)
            pieces.append(Piece(place, showing and not left_out and not tries, code=cell.source))
        elif cell.cell_type == "markdown":
            sections = split(cell.source)
            leading = split(lead[place].source)
            if len(leading) != len(sections):
                leading = sections
            for (level, heading, text), (_, deciding, _) in zip(sections, leading, strict=True):
                if level:
                    showing = not deciding.startswith(LEFT_OUT_HEADINGS)
                shown = showing and not left_out
                pieces.append(Piece(place, shown, level=level, heading=heading, text=text))
    return _that_run(pieces)


def _tags(cell: NotebookNode) -> list[str]:
    return list(cell.metadata.get("tags", []))


def split(markdown: str) -> list[tuple[int, str, str]]:
    r"""A markdown cell as sections: level, heading, text; level 0 before the first heading.

    >>> split("words\n## One\nmore")
    [(0, '', 'words'), (2, 'One', 'more')]
    """
    # A comment line of Python in a fence is no heading.
    hidden = re.sub(
        r"^(```|~~~).*?^\1", lambda m: m.group().replace("#", "\0"), markdown, flags=re.M | re.S
    )
    found = list(_HEADING.finditer(hidden))
    start = found[0].start() if found else len(markdown)
    sections = [(0, "", markdown[:start].strip())] if markdown[:start].strip() else []
    for one, following in zip(found, [*found[1:], None], strict=False):
        end = following.start() if following is not None else len(markdown)
        sections.append((len(one[1]), one[2], markdown[one.end() : end].strip()))
    return sections


def _that_run(pieces: list[Piece]) -> list[Piece]:
    """Mark the cells to run: those that show, and those whose names a later one needs."""
    needed: set[str] = set()
    marked: list[Piece] = []
    for piece in reversed(pieces):
        if not piece.code:
            marked.append(piece)
            continue
        made, used = _names(piece.code)
        runs = piece.shown or bool(made & needed)
        if runs:
            needed |= used
        marked.append(Piece(piece.cell, piece.shown and runs, code=piece.code, runs=runs))
    return marked[::-1]


def _names(code: str) -> tuple[set[str], set[str]]:
    """The names that a cell makes, and those that it uses."""
    made: set[str] = set()
    used: set[str] = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Name):
            (made if isinstance(node.ctx, ast.Store) else used).add(node.id)
        elif isinstance(node, ast.alias):
            made.add((node.asname or node.name).split(".")[0])
    # A cell that changes something in place counts as making it.
    return made, used


def expression_of(code: str) -> str:
    r"""What a cell shows: its last line, where that is an expression.

    >>> expression_of("a = 1\na.plot()")
    'a.plot()'
    """
    body = ast.parse(code).body
    return ast.unparse(body[-1]) if body and isinstance(body[-1], ast.Expr) else ""
