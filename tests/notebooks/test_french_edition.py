"""The French chapters: the code of the English ones, prose that is not behind, figures that hold.

nbval runs the English chapters; running every one a second time would cost a minute and tell
little. So each figure that a French chapter shows must be the one that the English cell shows,
which nbval has checked, and the chapters that are quick run again here, word for word and picture
for picture. ``RETENTION_ALL_CHAPTERS=1`` runs them all.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import nbformat
import pytest
from jupyter_client.manager import KernelManager

from conftest import picture_difference
from tests.notebooks import prose
from tests.notebooks.running import run, shared_kernel
from tests.notebooks.test_prose import DEFINITIONS
from tools import notebooks as tool

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "data" / "sample" / "b2b"
ENGLISH = sorted((ROOT / "notebooks").glob("*.ipynb"))
FRENCH = sorted((ROOT / "notebooks" / "fr").glob("*.ipynb"))

needs_chapters = pytest.mark.skipif(not FRENCH, reason="notebooks/fr holds no notebook yet")
each_chapter = pytest.mark.parametrize("path", FRENCH, ids=lambda path: path.stem)


def read(path: Path) -> prose.Notebook:
    notebook: prose.Notebook = json.loads(path.read_text("utf-8"))
    return notebook


def texts(path: Path) -> Iterator[tuple[int, str]]:
    for place, cell in enumerate(read(path)["cells"]):
        if cell["cell_type"] == "markdown":
            yield place, prose.source(cell)


@needs_chapters
def test_every_chapter_has_its_french_one() -> None:
    assert [path.name[:2] for path in FRENCH] == [path.name[:2] for path in ENGLISH]


@needs_chapters
@each_chapter
def test_a_french_chapter_runs_the_code_of_the_english_one(path: Path) -> None:
    assert path.read_bytes() == tool.normalise(tool.read_to_run(path), path.stem).encode(), (
        f"run python workbook.py notebooks {path.name[:2]}"
    )


@needs_chapters
@each_chapter
def test_no_french_text_is_behind_the_english_one(path: Path) -> None:
    problems = tool.behind(path)
    assert not problems, "\n".join(
        [*problems, f"Translate it; then python tools/notebooks.py --translated {path.name[:2]}"]
    )


@needs_chapters
@each_chapter
def test_every_number_of_the_french_prose_stands_in_a_checked_output_above_it(path: Path) -> None:
    problems = prose.stale_numbers(read(path), DEFINITIONS, "fr")
    assert not problems, "\n".join(problems)


@needs_chapters
@each_chapter
def test_a_french_chapter_has_the_form_of_the_house(path: Path) -> None:
    assert prose.file_problems(path) == []
    problems = prose.structure_problems(read(path), "fr")
    assert not problems, "\n".join(problems)


# A line must not end before a mark that belongs to the word before it.
LOOSE_MARK = re.compile(r"\S? [:;?!%»€]|« \S|[^\s\u00a0\u202f|`*_(\[]»|«[^\s\u00a0\u202f]")


@needs_chapters
@each_chapter
def test_french_marks_never_stand_alone_at_the_start_of_a_line(path: Path) -> None:
    loose = [
        f"cell {place}: {match.group()!r} in {text[max(0, match.start() - 30) : match.end() + 5]!r}"
        for place, markdown in texts(path)
        for text in [prose.prose_of(markdown)]
        for match in LOOSE_MARK.finditer(text)
    ]
    assert not loose, "\n".join(loose)


def title(path: Path) -> str:
    return next(text for _, text in texts(path)).splitlines()[0].removeprefix("# ")


@needs_chapters
@each_chapter
def test_french_chapters_lead_to_french_chapters_by_their_names(path: Path) -> None:
    titles = {other.name: title(other) for other in FRENCH}
    chapters = {other.name for other in ENGLISH}
    for place, text in texts(path):
        for said, target in re.findall(r"\[([^\]]*)\]\(([^)]*\.ipynb)\)", text):
            if target.startswith("../"):
                assert target.removeprefix("../") in chapters, f"cell {place}: no {target}"
                continue
            assert target in titles, f"cell {place}: there is no {target}"
            assert re.sub(r"^\d\d ", "", said) == titles[target], f"cell {place}: {said}"


@needs_chapters
@each_chapter
def test_french_chapters_lead_where_the_english_ones_do(path: Path) -> None:
    links = re.compile(r"\]\((\d\d)_[^)]*\.ipynb\)")
    english = dict(texts(tool.english_of(path)))
    assert {place: links.findall(text) for place, text in texts(path)} == {
        place: links.findall(text) for place, text in english.items()
    }


@needs_chapters
@each_chapter
def test_french_chapters_are_cut_into_sections_as_the_english_ones_are(path: Path) -> None:
    # The report finds the sections that it leaves out by their place in the English chapter.
    headings = re.compile(r"^(#+) ", re.MULTILINE)
    english = dict(texts(tool.english_of(path)))
    assert {place: headings.findall(text) for place, text in texts(path)} == {
        place: headings.findall(text) for place, text in english.items()
    }


# --------------------------------------------------------------- what the chapters print

# Said in figures in one language and in a word in the other: the top tenth, une cinquantaine.
SAID_IN_WORDS = {Decimal(10), Decimal(50)}


def figures(cell: prose.Cell, language: str) -> set[Decimal]:
    text = prose.checked_text(cell)
    for escaped in ("\\u202f", "\\xa0", "\\n"):  # as Python prints the title of a picture
        text = text.replace(escaped, " ")
    return {figure.value for figure in prose.figures(text, language)}


@needs_chapters
@each_chapter
def test_every_figure_is_the_one_that_the_english_chapter_shows(path: Path) -> None:
    cells = zip(read(tool.english_of(path))["cells"], read(path)["cells"], strict=True)
    problems = [
        f"cell {place}: English only {sorted(english - french)}, French only "
        f"{sorted(french - english)}"
        for place, (theirs, own) in enumerate(cells)
        if own["cell_type"] == "code"
        for english, french in [(figures(theirs, "en"), figures(own, "fr"))]
        if (english ^ french) - SAID_IN_WORDS
    ]
    assert not problems, "\n".join([*problems, f"python workbook.py notebooks {path.name[:2]}"])


@pytest.fixture(scope="module")
def kernel() -> Iterator[KernelManager]:
    with shared_kernel() as manager:
        yield manager


def printed(cell: nbformat.NotebookNode) -> list[str]:
    """What a cell shows besides pictures."""
    return [
        output.get("text")
        or "\n".join(text for mime, text in sorted(output.data.items()) if mime[:5] == "text/")
        for output in cell.get("outputs", [])
    ]


# Most of the time of all chapters goes into these: a ledger's pictures, types and chance, signs and
# how often they were right, models of churn and of worth, ten thousand futures, a plan, campaigns.
LONG_ONES = {"01", "02", "03", "04", "05", "06", "07", "08", "09"}


@pytest.mark.slow
@needs_chapters
@each_chapter
def test_a_french_chapter_prints_what_it_shows(path: Path, kernel: KernelManager) -> None:
    if path.name[:2] in LONG_ONES and not os.environ.get("RETENTION_ALL_CHAPTERS"):
        pytest.skip("long: set RETENTION_ALL_CHAPTERS=1 to run it; its figures are checked above")
    stored = tool.read(path)
    ran = run(tool.read_to_run(path), path.parent, SAMPLE, kernel)
    again = nbformat.reads(tool.normalise(ran, path.stem), as_version=4)
    for place, (was, now) in enumerate(zip(stored.cells, again.cells, strict=True)):
        if was.cell_type == "code":
            assert printed(now) == printed(was), f"cell {place}"
            difference = picture_difference(was.outputs, now.outputs)
            assert not difference, f"cell {place}: {difference}"


# ------------------------------------------------------------------- the tool itself


def notebook(*cells: tuple[str, str]) -> nbformat.NotebookNode:
    made = {"code": nbformat.v4.new_code_cell, "markdown": nbformat.v4.new_markdown_cell}
    return nbformat.v4.new_notebook(cells=[made[kind](text) for kind, text in cells])


FIRST = "import retention_lib as rl\n\nbase = rl.open_base()"


def test_the_first_code_cell_says_the_language_and_the_others_are_the_same() -> None:
    english = notebook(("markdown", "# One"), ("code", FIRST), ("code", "base"))
    english.cells[1].metadata.tags = ["silent"]
    french = notebook(("markdown", "# Un"), ("code", "old"), ("code", "older"))
    followed = tool.following(french, english, "01_un.ipynb")
    assert [cell.source for cell in followed.cells] == [
        "# Un",
        'import retention_lib as rl\n\nrl.speak("fr")\nbase = rl.open_base()',
        "base",
    ]
    assert followed.cells[1].metadata.tags == ["silent"]


def test_an_import_alone_is_followed_by_the_language() -> None:
    assert tool.in_french("import retention_lib as rl", first=True).endswith('rl\n\nrl.speak("fr")')


def test_only_words_that_are_shown_differ_in_the_code() -> None:
    code = 'board.add("Win back", "Win back all", by="size")'
    assert (
        tool.in_french(code, first=False) == 'board.add("À reconquérir", "Win back all", by="size")'
    )


def test_a_chapter_that_is_cut_otherwise_is_refused_and_told_where() -> None:
    english = notebook(("markdown", "# One"), ("code", FIRST), ("markdown", "Next"))
    with pytest.raises(tool.Mismatch, match=r"01\.ipynb, cell 1: is markdown where .* code"):
        tool.following(notebook(("markdown", "# Un"), ("markdown", "?")), english, "01.ipynb")
    with pytest.raises(tool.Mismatch, match="has 2 cells, the English chapter 3"):
        tool.following(notebook(("markdown", "# Un"), ("code", "")), english, "01.ipynb")


def test_another_english_text_leaves_the_french_one_behind() -> None:
    before = notebook(("markdown", "# One"), ("code", FIRST), ("markdown", "They left."))
    after = notebook(("markdown", "# One"), ("code", "other"), ("markdown", "They stayed."))
    old, new = tool.prose_marks(before), tool.prose_marks(after)
    assert [was == now for was, now in zip(old, new, strict=True)] == [True, False]


def test_in_french_a_comma_is_a_decimal_one() -> None:
    cells = [
        {
            "cell_type": "code",
            "metadata": {},
            "source": "x",
            "outputs": [shown("1\u202f234 et 0,5")],
        },
        {
            "cell_type": "markdown",
            "metadata": {},
            "source": "Soit 1\u00a0234 clients, ou 1,234\u00a0!",
        },
    ]
    (problem,) = prose.stale_numbers({"cells": cells}, language="fr")
    assert "1,234" in problem
    assert prose.stale_numbers({"cells": cells}) == []


def shown(text: str) -> prose.Cell:
    return {"output_type": "stream", "name": "stdout", "text": text}
