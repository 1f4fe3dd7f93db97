"""The prose of the chapters against their outputs, and the checker against small notebooks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.notebooks import prose

ROOT = Path(__file__).resolve().parents[2]
CHAPTERS = sorted((ROOT / "notebooks").glob("*.ipynb"))

# Numbers that a text may state because they are so by definition, in every base. A figure that
# was measured has no place here: print it, and let the text repeat it.
DEFINITIONS = {
    "365": "days in a year, the default activity window",
    "12": "months in a year",
    "100": "the whole, in percent",
    "7": "days in a week",
    "5": "the best score, and the levels of a measure",
    "4": "a score",
    "3": "a score",
    "2": "a score",
    "1": "the lowest score",
    "14": "digits of a SIRET number",
}

needs_chapters = pytest.mark.skipif(not CHAPTERS, reason="notebooks/ holds no notebook yet")
each_chapter = pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)


def read(path: Path) -> prose.Notebook:
    notebook: prose.Notebook = json.loads(path.read_text("utf-8"))
    return notebook


@needs_chapters
@each_chapter
def test_every_number_of_the_prose_stands_in_a_checked_output_above_it(path: Path) -> None:
    problems = prose.stale_numbers(read(path), DEFINITIONS)
    assert not problems, "\n".join(problems)


@needs_chapters
@each_chapter
def test_a_chapter_has_the_form_of_the_house(path: Path) -> None:
    assert prose.file_problems(path) == []
    problems = prose.structure_problems(read(path))
    assert not problems, "\n".join(problems)


# ------------------------------------------------------------------ the checker checked


def markdown(text: str) -> prose.Cell:
    return {"cell_type": "markdown", "metadata": {}, "source": text}


def code(text: str, *outputs: dict[str, Any], count: int = 1, **metadata: Any) -> prose.Cell:
    return {
        "cell_type": "code",
        "metadata": metadata,
        "source": text,
        "execution_count": count,
        "outputs": list(outputs),
    }


def printed(text: str) -> dict[str, Any]:
    return {"output_type": "stream", "name": "stdout", "text": text}


def shown(**data: str) -> dict[str, Any]:
    named = {{"plain": "text/plain", "html": "text/html"}[k]: v for k, v in data.items()}
    return {"output_type": "display_data", "metadata": {}, "data": named}


def stale(text: str, output: str = "", constants: tuple[str, ...] = ()) -> list[str]:
    cells = [code("x", printed(output)), markdown(text)]
    return prose.stale_numbers({"cells": cells}, constants)


def test_a_number_that_was_printed_above_passes() -> None:
    assert stale("We lost 127 customers.", "127 of 1,500 customers were lost.") == []


def test_a_stale_number_is_caught_and_named() -> None:
    (problem,) = stale("We lost 128 customers.", "127 of 1,500 customers were lost.")
    assert "'128'" in problem
    assert "We lost" in problem


@pytest.mark.parametrize("digit", range(10))
def test_any_changed_digit_is_caught(digit: int) -> None:
    assert (stale("They bring 38.4 %.", f"They bring 3{digit}.4 %.") == []) == (digit == 8)


def test_a_number_printed_below_does_not_count() -> None:
    cells = [markdown("We lost 127."), code("x", printed("127"))]
    assert len(prose.stale_numbers({"cells": cells})) == 1


@pytest.mark.parametrize(
    ("text", "output"),
    [
        ("1,234", "1234"),
        ("1 234", "1,234"),
        ("1\u202f234 €", "€1,234"),
        ("1234", "1 234"),
        ("12.5 %", "12,5 %"),
        ("12,5 %", "12.5%"),
        ("12.50", "12.5"),
        ("1,234,567.89", "1 234 567,89"),
        ("31 December 2025", "2025-12-31"),
        ("345", "12 345"),
        ("5 120", "of the 5 120 came back"),
        ("0.243", "0,243"),
        ("4.414", "4,414"),
        ("-12", "\u221212"),
        ("$1,000", "1'000"),
    ],
)
def test_one_number_written_in_two_ways_is_one_number(text: str, output: str) -> None:
    assert stale(text, output) == []


@pytest.mark.parametrize(
    ("text", "output"),
    [
        ("1,234", "1235"),
        ("12.5 %", "12.5"),
        ("12.5 %", "12.6 %"),
        ("1.234", "1234"),
        ("12", "112"),
        ("12", "0.12"),
        ("12", "12.5"),
        ("12", "C12"),
    ],
)
def test_numbers_that_only_look_alike_are_different(text: str, output: str) -> None:
    assert len(stale(text, output)) == 1


@pytest.mark.parametrize(
    "text",
    [
        "The call `score_rfm(base, bins=5)` does it.",
        "```python\nwindow_days = 90\n```",
        "See [the next chapter](02_leaky_tank.ipynb#part-3).",
        "| [03 Your portfolio](03_your_portfolio.ipynb) | 04, being written |",
        "See chapter 10, and chapters 05 and 06.",
        "# 03_your_portfolio",
        "Open customers_2025.csv or data/mine/export-12.xlsx.",
        "<https://doi.org/10.1509/jmkr.43.2.204>",
        "1. First do this.\n2. Then do that.",
        "A B2B base, in three or four words.",
        "**Minutes.** About 20.",
        "<!-- 12 is not read by anybody -->",
    ],
)
def test_what_is_not_a_figure_of_the_story_is_left_alone(text: str) -> None:
    assert stale(text) == []


def test_styled_tables_count_without_their_markup() -> None:
    table = "<style>td {width: 77px}</style><table><tr><td>12</td><td>345</td></tr></table>"
    cells = [code("x", shown(html=table)), markdown("12 and 345")]
    assert prose.stale_numbers({"cells": cells}) == []
    cells[1] = markdown("77 and 12345")
    assert len(prose.stale_numbers({"cells": cells})) == 2


@pytest.mark.parametrize("tag", sorted(prose.UNCHECKED_TAGS))
def test_an_output_that_is_not_checked_proves_nothing(tag: str) -> None:
    cells = [code("x", printed("127"), tags=[tag]), markdown("127")]
    assert len(prose.stale_numbers({"cells": cells})) == 1
    cells[0] = code("# NBVAL_IGNORE_OUTPUT\nx", printed("127"))
    assert len(prose.stale_numbers({"cells": cells})) == 1


def test_stderr_and_pictures_prove_nothing() -> None:
    stderr = {"output_type": "stream", "name": "stderr", "text": "127"}
    picture = {"output_type": "display_data", "metadata": {}, "data": {"image/png": "127"}}
    cells = [code("x", stderr, picture), markdown("127")]
    assert len(prose.stale_numbers({"cells": cells})) == 1


def test_a_definition_may_be_stated_where_the_list_knows_it() -> None:
    text = "A year has 365 days. <!-- constants: 365 -->"
    assert stale(text, constants=("365",)) == []
    assert len(stale("A year has 365 days.", constants=("365",))) == 1
    unknown = stale("We lost 127. <!-- constants: 127 -->", constants=("365",))
    assert any("not in the list of definitions" in problem for problem in unknown)
    assert len(stale(f"{text} We lost 127.", constants=("365",))) == 1


def test_several_definitions_are_listed_with_commas() -> None:
    text = "365 days, 5 levels, 1,000 draws. <!-- constants: 365, 5, 1,000 -->"
    assert stale(text, constants=("365", "5", "1,000")) == []


def a_chapter(**changes: Any) -> prose.Notebook:
    opening = "\n\n".join(f"**{label}.** Some words." for label in prose.OPENING)
    closing = "\n\n".join(f"## {label}\n\nSome words." for label in prose.CLOSING)
    middle = [
        cell
        for count in range(1, 7)
        for cell in (markdown("More words than code."), code("x", printed("1"), count=count))
    ]
    return {"cells": [markdown(opening), *middle, markdown(closing)]} | changes


def test_a_chapter_in_the_form_of_the_house_has_no_problem() -> None:
    assert prose.structure_problems(a_chapter()) == []


@pytest.mark.parametrize("label", [*prose.OPENING, *prose.CLOSING])
def test_a_missing_part_is_named(label: str) -> None:
    chapter = a_chapter()
    for cell in chapter["cells"]:
        cell["source"] = cell["source"].replace(label, "Something")
    (problem,) = prose.structure_problems(chapter)
    assert repr(label) in problem


def replaced(**changes: Any) -> list[str]:
    chapter = a_chapter()
    chapter["cells"][2] |= changes
    return prose.structure_problems(chapter)


PICTURE = {"output_type": "display_data", "data": {"image/png": "aGk="}}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"source": "def f():\n    return 1"}, "defines something"),
        ({"source": "class A:\n    pass"}, "defines something"),
        ({"source": "f = lambda x: x"}, "defines something"),
        ({"source": "import pandas as pd"}, "imports pandas"),
        ({"source": "from numpy import *"}, "imports numpy"),
        ({"source": "%matplotlib inline"}, "not plain Python"),
        ({"source": "x\n" * 13}, "13 lines"),
        ({"source": ""}, "empty"),
        ({"source": "x = 1 #" + "y" * 2000}, "less prose"),
        ({"outputs": []}, "shows nothing"),
        ({"execution_count": None}, "not run once each"),
        ({"execution_count": 7}, "not run once each"),
        ({"metadata": {"collapsed": True}}, "'collapsed'"),
        ({"outputs": [{"output_type": "error", "ename": "E", "evalue": "v"}]}, "error"),
        ({"outputs": [printed("") | {"name": "stderr", "text": "careful"}]}, "stderr"),
        ({"outputs": [printed("/home/anna/data.csv")]}, "'/home/anna/data.csv'"),
        ({"outputs": [printed("C:\\Users\\anna")]}, "path on one machine"),
        ({"outputs": [shown(plain="~/data.csv")]}, "path on one machine"),
        ({"outputs": [printed("Lef\u00c3\u00a8vre")]}, "wrong encoding"),
        ({"outputs": [printed("Lef\ufffdvre")]}, "wrong encoding"),
        ({"outputs": [printed("x" * 1_500_000)]}, "bytes"),
        ({"outputs": [PICTURE | {"metadata": {}}]}, "no text alternative"),
        ({"outputs": [PICTURE | {"metadata": {"image/png": {"alt": " "}}}]}, "no text alternative"),
    ],
)
def test_a_departure_from_the_form_is_named(changes: dict[str, Any], said: str) -> None:
    problems = replaced(**changes)
    assert len(problems) == 1
    assert said in problems[0]


@pytest.mark.parametrize(
    "changes",
    [
        {"outputs": [], "metadata": {"tags": ["silent"]}},
        {"source": "import retention_lib as rl"},
        {"source": "from retention_lib import Offer"},
        {"outputs": [PICTURE | {"metadata": {"image/png": {"alt": "Three bars."}}}]},
        {"outputs": [printed("data/mine/shop and 3/4 and https://example.org/home/x")]},
        {"metadata": {"slideshow": {"slide_type": "slide"}}},
    ],
)
def test_what_the_form_allows_is_no_problem(changes: dict[str, Any]) -> None:
    assert replaced(**changes) == []


def test_a_chapter_has_12_to_40_cells() -> None:
    chapter = a_chapter()
    few = {"cells": [chapter["cells"][0], *chapter["cells"][1:3], chapter["cells"][-1]]}
    assert any("4 cells" in problem for problem in prose.structure_problems(few))
    filler = [markdown("Words.")] * 30
    many = {"cells": [chapter["cells"][0], *filler, *chapter["cells"][1:]]}
    assert any("44 cells" in problem for problem in prose.structure_problems(many))


def test_a_file_in_another_encoding_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.ipynb"
    path.write_bytes('{"cells": "é"}'.encode("cp1252"))
    assert "not UTF-8" in prose.file_problems(path)[0]
    path.write_bytes(b"\xef\xbb\xbf{}")
    assert "byte-order mark" in prose.file_problems(path)[0]
