"""The import form in JupyterLab: a foreign file from the folder becomes the base that is open."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest

from tests.notebooks.browsing import (
    IN_A_BROWSER,
    ROOT,
    Lab,
    Watched,
    errors_of,
    run_all,
    serving_lab,
    take_picture,
)

pytestmark = [*IN_A_BROWSER]

CELLS = ("import retention_lib as rl", "rl.import_form()", "rl.describe_base(rl.open_base())")
WAITING_MS = 60_000


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    """JupyterLab on a project of its own, so that data/mine of this one stays as it is."""
    project = tmp_path / "projet d'été"
    forgotten = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "retention_lib", project / "retention_lib", ignore=forgotten)
    shutil.copytree(ROOT / "data" / "sample" / "b2b", project / "data" / "sample" / "b2b")
    (project / "data" / "mine").mkdir()
    (project / "data" / "mine" / "Ventes août.csv").write_bytes(sales().encode("cp1252"))
    (project / "notebooks").mkdir()
    kernel = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in CELLS])
    notebook.metadata["kernelspec"] = kernel
    nbformat.write(notebook, project / "notebooks" / "mine.ipynb")
    env = {"PYTHONPATH": str(project)}
    with serving_lab(project, tmp_path / "state", workbook=None, env=env) as found:
        yield found


def sales() -> str:
    """An export as French accounting programs write it: semicolons, commas, accents of cp1252."""
    head = "Code client;Libellé client;Date facture;Montant TTC\n"
    rows = (
        f"C{n % 12:03};Société Lefèvre {n % 12};{n % 27 + 1:02}/{n % 8 + 1:02}/2025;1 {n:03},50\n"
        for n in range(120)
    )
    return head + "".join(rows) + ";Société inconnue;03/08/2025;10,00\n"


def test_a_foreign_file_goes_through_the_form_and_is_the_base_opened_afterwards(
    lab: Lab, page: Any, watched: Watched
) -> None:
    cells = run_all(page, lab, "mine.ipynb")
    assert errors_of(cells) == []
    assert "Office supplies" in shown(cells[-1])
    form = page.locator(".rw-form")
    form.get_by_role("button", name="Look at this file").click()
    amount = form.locator(".rw-line").filter(has_text="includes tax")
    amount.wait_for(timeout=WAITING_MS)
    take_picture(page, "import_confirm")
    amount.locator("select").select_option("Montant TTC")
    form.get_by_role("button", name="Import", exact=True).click()
    form.get_by_text("Saved in data/mine/Ventes août").wait_for(timeout=WAITING_MS)
    assert "121 rows read, 120 kept, 1 set aside" in form.inner_text()
    take_picture(page, "import_done")
    form.get_by_role("button", name="Use it in every chapter").click()
    form.get_by_text("From now on every chapter shows Ventes août").wait_for(timeout=WAITING_MS)
    page.keyboard.press("Escape")
    again = run_all(page, lab, "mine.ipynb")
    assert errors_of(again) == []
    assert "Ventes août: 12 customers" in shown(again[-1])
    assert watched.outside == []


def shown(cell: dict[str, Any]) -> str:
    return "".join(
        "".join(output["data"].get("text/html", ""))
        for output in cell["outputs"]
        if "data" in output
    )
