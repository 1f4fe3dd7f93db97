"""A displayed figure that changes fails the notebook check, and chance differences do not.

A check that cannot fail is worth nothing, so a notebook is damaged in every way that matters and
handed to the very command that checks the chapters.
"""

from __future__ import annotations

import base64
import copy
import io
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pytest
from nbformat.v4 import new_code_cell, new_notebook
from PIL import Image

from tests.notebooks.running import run

ROOT = Path(__file__).resolve().parents[2]
START = ROOT / "notebooks" / "00_start_here.ipynb"
SAMPLE = ROOT / "data" / "sample" / "b2b"
SHOWS_FIGURES = START.is_file() and SAMPLE.is_dir()

pytestmark = pytest.mark.slow

PICTURE = """
import io
from IPython.display import Image
from PIL import Image as Pixels
canvas = Pixels.new("RGB", (200, 100), "white")
canvas.paste("navy", (20, 30, 60, 100))
file = io.BytesIO()
canvas.save(file, "png")
Image(data=file.getvalue(), alt="One bar of 70.")
"""

CELLS = (
    "print('We lost 127 of 1,500 customers.')",
    "import pandas as pd\npd.DataFrame({'segment': ['Champions'], 'customers': [412]})",
    "'this result is hidden';",
    "object()",
    PICTURE,
)


def executed(tmp_path: Path) -> nbformat.NotebookNode:
    return run(new_notebook(cells=[new_code_cell(text) for text in CELLS]), tmp_path)


def first_output(notebook: nbformat.NotebookNode, cell: int) -> Any:
    return notebook.cells[cell].outputs[0]


def nothing(notebook: nbformat.NotebookNode) -> None:
    pass


def change_a_printed_digit(notebook: nbformat.NotebookNode) -> None:
    output = first_output(notebook, 0)
    output.text = output.text.replace("127", "128")


def change_a_digit_of_a_table(notebook: nbformat.NotebookNode) -> None:
    data = first_output(notebook, 1).data
    data["text/html"] = data["text/html"].replace("412", "413")


def change_a_digit_of_a_plain_table(notebook: nbformat.NotebookNode) -> None:
    data = first_output(notebook, 1).data
    data["text/plain"] = data["text/plain"].replace("412", "413")


def change_an_address(notebook: nbformat.NotebookNode) -> None:
    data = first_output(notebook, 3).data
    data["text/plain"] = re.sub("0x[0-9a-f]+", "0x7f0000000000", data["text/plain"])


def _redraw(notebook: nbformat.NotebookNode, change: Callable[[Any], Any]) -> None:
    data = first_output(notebook, 4).data
    pixels = np.array(Image.open(io.BytesIO(base64.b64decode(data["image/png"]))))
    drawn = io.BytesIO()
    Image.fromarray(change(pixels)).save(drawn, "png")
    data["image/png"] = base64.b64encode(drawn.getvalue()).decode()


def raise_the_bar(notebook: nbformat.NotebookNode) -> None:
    def higher(pixels: Any) -> Any:
        pixels[28:30, 20:60] = pixels[50, 30]
        return pixels

    _redraw(notebook, higher)


def swap_the_axes(notebook: nbformat.NotebookNode) -> None:
    _redraw(notebook, lambda pixels: pixels.transpose(1, 0, 2))


def shade_the_edges(notebook: nbformat.NotebookNode) -> None:
    def shaded(pixels: Any) -> Any:
        pixels[30, 20:60] += 12  # another library's idea of a smooth edge
        pixels[99, :30] = 128  # and a speck of 30 pixels in 20,000
        return pixels

    _redraw(notebook, shaded)


def change_the_text_alternative(notebook: nbformat.NotebookNode) -> None:
    first_output(notebook, 4).metadata["image/png"]["alt"] = "One bar of 71."


def drop_the_picture(notebook: nbformat.NotebookNode) -> None:
    del first_output(notebook, 4).data["image/png"]


HARMLESS = (nothing, change_an_address, shade_the_edges)
HARMFUL = (
    change_a_printed_digit,
    change_a_digit_of_a_table,
    change_a_digit_of_a_plain_table,
    raise_the_bar,
    swap_the_axes,
    change_the_text_alternative,
    drop_the_picture,
)


def check_notebooks(folder: Path) -> dict[tuple[str, int], bool]:
    """Run the command of ``workbook.py test`` on a folder: which cells of a notebook passed."""
    report = folder / "report.xml"
    sanitize = ROOT / "tests" / "notebooks" / "sanitize.cfg"
    command = [sys.executable, "-m", "pytest", "-p", "conftest", "-p", "no:cacheprovider"]
    command += ["--nbval", "--nbval-current-env", "--nbval-sanitize-with", str(sanitize)]
    # On this worker: which of two workers looks at a notebook is nothing to its cells.
    command += ["-n", "0", f"--junitxml={report}", str(folder)]
    # What this session's own pytest put there is not the business of another.
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")}
    ran = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300
    )
    assert report.is_file(), ran.stdout + ran.stderr
    passed: dict[tuple[str, int], bool] = {}
    for case in ElementTree.parse(report).iter("testcase"):
        ((name, cell),) = re.findall(r"(\w+)(?:\.ipynb)?::Cell (\d+)", f"{case.get('name')}") or [
            (
                re.sub(r"\.ipynb$", "", case.get("classname", "")).rpartition(".")[2],
                re.findall(r"\d+", f"{case.get('name')}")[-1],
            )
        ]
        fine = case.find("failure") is None and case.find("error") is None
        passed[name, int(cell)] = fine
    return passed


def damaged_every_way(original: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """One notebook that holds the cells once for every change, and so needs one kernel only."""
    cells = []
    for change in (*HARMLESS, *HARMFUL):
        damaged = copy.deepcopy(original)
        change(damaged)
        assert change is nothing or damaged != original
        for cell in damaged.cells:
            cells.append(cell)
            cell["id"] = f"cell-{len(cells)}"
    return new_notebook(cells=cells, metadata=original.metadata)


@pytest.fixture(scope="module")
def checked(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[bool]]:
    """What the check says of every cell of two notebooks, checked together."""
    folder = tmp_path_factory.mktemp("damaged")
    nbformat.write(damaged_every_way(executed(folder)), folder / "every_way.ipynb")
    if SHOWS_FIGURES:
        chapter = nbformat.read(START, as_version=4)
        assert change_first_digit(chapter), "the chapter shows no digit to change"
        nbformat.write(chapter, folder / "changed.ipynb")
    passed = check_notebooks(folder)
    names = {name for name, _ in passed}
    return {name: [passed[key] for key in sorted(passed) if key[0] == name] for name in names}


def test_a_changed_figure_fails_and_chance_does_not(checked: dict[str, list[bool]]) -> None:
    cells = checked["every_way"]
    changes = (*HARMLESS, *HARMFUL)
    assert len(cells) == len(changes) * len(CELLS)
    passed = {
        change: all(cells[at * len(CELLS) : (at + 1) * len(CELLS)])
        for at, change in enumerate(changes)
    }
    assert passed == {change: change in HARMLESS for change in changes}


@pytest.mark.skipif(not SHOWS_FIGURES, reason="the first chapter or its sample is not there yet")
def test_one_changed_digit_in_the_first_chapter_fails(checked: dict[str, list[bool]]) -> None:
    chapter = nbformat.read(START, as_version=4)
    cells = sum(cell.cell_type == "code" for cell in chapter.cells)
    # That none fails where nothing was changed, the check of the chapters itself shows.
    assert len(checked["changed"]) == cells
    assert checked["changed"].count(False) == 1


def change_first_digit(notebook: nbformat.NotebookNode) -> bool:
    """Change the first digit that a cell shows in words."""
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if output.output_type == "stream" and re.search(r"\d", output.text):
                output.text = re.sub(r"\d", _other_digit, output.text, count=1)
                return True
            plain = output.get("data", {}).get("text/plain", "")
            if re.search(r"\d", plain):
                output.data["text/plain"] = re.sub(r"\d", _other_digit, plain, count=1)
                return True
    return False


def _other_digit(match: re.Match[str]) -> str:
    return str((int(match.group()) + 1) % 10)
