"""The first chapter in JupyterLab, in a browser, as a reader meets it: run all, and no error.

Strict nbval already runs every chapter and compares what it shows; the browser adds how JupyterLab
puts on the page what cells give. For that one chapter is enough: tables, pictures, and, in a cell
added at its end, an explorer, which is what needs a kernel behind the page. That explorers do
what they should when moved is for the app's own tests to say (``test_browser_app.py``).

Needs Chromium (``/usr/bin/chromium``, or what ``CHROMIUM_PATH`` names) and playwright. With
``RETENTION_SCREENSHOTS`` naming a folder, pictures of what was looked at are left there.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import nbformat
import pytest

from tests.notebooks.browsing import (
    IN_A_BROWSER,
    ROOT,
    SAMPLE,
    Lab,
    Watched,
    errors_of,
    problems_on_the_page,
    run_all,
    take_picture,
)

CHAPTERS = sorted((ROOT / "notebooks").glob("*.ipynb"))
START = ROOT / "notebooks" / "00_start_here.ipynb"
WITH_SLIDERS = ROOT / "notebooks" / "07_what_retention_pays.ipynb"

pytestmark = [
    *IN_A_BROWSER,
    pytest.mark.skipif(not CHAPTERS, reason="notebooks/ holds no notebook yet"),
]

EXPLORING = "explorer = rl.explore_scenario(rl.open_base())\nexplorer"
SLIDERS = ".rw-explorer .noUi-handle"
RESULTS = ".rw-explorer .rw-results"


@cache
def base() -> Any:
    from retention_lib import open_base

    return open_base(SAMPLE)


def explorer() -> Any:
    """The one of the page, in this process: what it should say."""
    from retention_lib import explore_scenario

    return explore_scenario(base())


def said_by(shown: Any) -> list[str]:
    view = shown.view()
    return [view.said, *(figure.value for figure in view.figures)]


def wait_until_shown(page: Any, texts: list[str]) -> None:
    for text in texts:
        page.locator(RESULTS).get_by_text(text, exact=True).first.wait_for(timeout=20_000)


def first_chapter_and_an_explorer(lab: Lab) -> Path:
    chapter = nbformat.read(START, as_version=4)
    # As it is on a first visit: nothing has been run.
    for cell in chapter.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    chapter.cells.append(nbformat.v4.new_code_cell(EXPLORING))
    path = lab.folder / "notebooks" / "00_and_an_explorer.ipynb"
    nbformat.write(chapter, path)
    return path


def test_the_first_chapter_opens_and_runs_to_its_end_and_a_slider_moves_by_keyboard(
    lab: Lab, page: Any, watched: Watched
) -> None:
    cells = run_all(page, lab, first_chapter_and_an_explorer(lab))
    assert not errors_of(cells), "\n".join(errors_of(cells))
    assert all(cell["execution_count"] for cell in cells)
    expected = explorer()
    wait_until_shown(page, said_by(expected))
    slider = page.locator(SLIDERS).first
    slider.focus()
    for _ in range(2):
        page.keyboard.press("ArrowRight")
    expected.set(points=expected.settings.points + 1)
    wait_until_shown(page, said_by(expected))
    take_picture(page, "explorer_moved")
    # Every slider at its end, and back by the button, whose words can be read.
    for place in range(page.locator(SLIDERS).count()):
        page.locator(SLIDERS).nth(place).press("End")
    expected.set(**{control.name: control.trials()[-1] for control in expected.controls})
    wait_until_shown(page, said_by(expected))
    page.get_by_role("button", name="Back to the measured values").click()
    expected.reset()
    wait_until_shown(page, said_by(expected))
    problems = problems_on_the_page(page)
    take_picture(page, "00_start_here_end")
    assert not problems, "\n".join(problems)
    # "No cell contacts another computer" holds for the page as well.
    assert watched.outside == []


def test_an_exported_explorer_is_a_still_page_that_asks_nobody_for_anything(
    page: Any, tmp_path: Path
) -> None:
    from nbconvert import HTMLExporter

    # The saved chapter: what its cells gave was compared with a fresh run by nbval.
    saved = nbformat.read(WITH_SLIDERS, as_version=4)
    assert "widget" not in nbformat.writes(saved)
    exporter = HTMLExporter(require_js_url="", mathjax_url="", jquery_url="")
    exported = tmp_path / "exploring.html"
    exported.write_text(exporter.from_notebook_node(saved)[0], encoding="utf-8")
    asked: list[str] = []
    page.on("request", lambda sent: asked.append(sent.url))
    page.goto(exported.as_uri())
    expected = explorer()
    for text in said_by(expected):
        assert page.get_by_text(text, exact=True).count() > 0, text
    picture = page.get_by_alt_text(expected.view().alt, exact=True)
    drawn = picture.evaluate("image => image.complete && image.naturalWidth > 100")
    assert drawn
    assert picture.get_attribute("src").startswith("data:image/svg+xml")
    assert not page.locator(".jp-OutputArea script").count()
    assert not [url for url in asked if not url.startswith(("file:", "data:"))]
    take_picture(page, "explorer_exported")
