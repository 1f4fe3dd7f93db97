"""Chapters in JupyterLab, in a browser, as a reader meets them: run all, and no error.

Needs Chromium (``/usr/bin/chromium``, or what ``CHROMIUM_PATH`` names) and playwright. With
``RETENTION_SCREENSHOTS`` naming a folder, each chapter leaves a picture of its beginning and its
end there.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import pytest

from tests.notebooks.running import run

ROOT = Path(__file__).resolve().parents[2]
SHOWN_IN_THE_BROWSER = ("00_start_here", "03_your_portfolio", "07_what_retention_pays")
"""Run in the browser too: a first visit, the most pictures and tables, and live sliders.

Strict nbval already runs every chapter and compares what it shows; the browser adds only how
JupyterLab puts on the page what such cells give, and takes some twenty seconds a chapter.
"""
CHAPTERS = [
    path
    for path in sorted((ROOT / "notebooks").glob("*.ipynb"))
    if path.stem in SHOWN_IN_THE_BROWSER
]
SAMPLE = ROOT / "data" / "sample" / "b2b"
CHROMIUM = Path(os.environ.get("CHROMIUM_PATH", "/usr/bin/chromium"))
SCREENSHOTS = os.environ.get("RETENTION_SCREENSHOTS")
STARTING_SECONDS = 90
RUNNING_SECONDS = 180
MOST_SCREENS = 100
# Without a sandbox it runs in a container; the rest keeps it from calling home.
BROWSER_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(not CHAPTERS, reason="notebooks/ holds no notebook yet"),
    pytest.mark.skipif(
        not CHROMIUM.is_file(),
        reason=f"no Chromium at {CHROMIUM}; install it or name one in CHROMIUM_PATH",
    ),
]

# What the open notebook holds. Asked of JupyterLab's own model, because cells that are out of
# sight need not be on the page.
STATE = """() => {
  const panel = window.jupyterapp?.shell?.currentWidget;
  const kernel = panel?.sessionContext?.session?.kernel;
  if (!panel?.content?.model?.sharedModel || !kernel) return null;
  const cells = panel.content.model.sharedModel.toJSON().cells;
  return {status: kernel.status, cells: cells.filter(cell => cell.cell_type === 'code')};
}"""
READY = f"() => {{ const now = ({STATE})(); return now !== null && now.status === 'idle'; }}"
FINISHED = f"""() => {{
  const now = ({STATE})();
  if (now === null || now.status !== 'idle' || now.cells.length === 0) return false;
  const failed = now.cells.some(cell => cell.outputs.some(out => out.output_type === 'error'));
  return failed || now.cells.at(-1).execution_count !== null;
}}"""


@dataclass(frozen=True)
class Lab:
    """A JupyterLab that is running, with its address and its key."""

    address: str
    token: str
    folder: Path

    def page_of(self, path: Path) -> str:
        return f"{self.address}/lab/tree/notebooks/{path.name}?token={self.token}&reset"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def command(folder: Path, port: int, token: str) -> list[str]:
    return [
        *(sys.executable, "-m", "jupyterlab", "--no-browser", "--ip=127.0.0.1", f"--port={port}"),
        "--ServerApp.port_retries=0",
        f"--IdentityProvider.token={token}",
        f"--ServerApp.root_dir={folder}",
        "--ServerApp.allow_root=True",
        "--KernelManager.transport_encryption=auto",
        "--LabApp.expose_app_in_browser=True",
    ]


def environment(folder: Path) -> dict[str, str]:
    """The variables of a first visit: no settings, no history, the sample loaded."""
    own = {
        name: str(folder / name.lower())
        for name in (
            "JUPYTER_CONFIG_DIR",
            "JUPYTER_DATA_DIR",
            "JUPYTER_RUNTIME_DIR",
            "JUPYTERLAB_SETTINGS_DIR",
            "JUPYTERLAB_WORKSPACES_DIR",
            "IPYTHONDIR",
        )
    }
    kept = {k: v for k, v in os.environ.items() if k not in {"MPLBACKEND", "JUPYTER_TOKEN"}}
    return kept | own | {"RETENTION_WORKBOOK": str(SAMPLE), "JUPYTER_PREFER_ENV_PATH": "1"}


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    folder, state = tmp_path_factory.mktemp("lab"), tmp_path_factory.mktemp("state")
    shutil.copytree(ROOT / "notebooks", folder / "notebooks")
    port, token = free_port(), secrets.token_hex(16)
    log = state / "lab.log"
    with log.open("wb") as said:
        process = subprocess.Popen(
            command(folder, port, token),
            env=environment(state),
            cwd=folder,
            stdout=said,
            stderr=subprocess.STDOUT,
        )
    try:
        found = Lab(f"http://127.0.0.1:{port}", token, folder)
        wait_until_it_answers(found, process, log)
        yield found
    finally:
        stop(process)


def wait_until_it_answers(lab: Lab, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + STARTING_SECONDS
    while time.monotonic() < end:
        if process.poll() is not None:
            break
        try:
            with urllib.request.urlopen(f"{lab.address}/api?token={lab.token}", timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.3)
    pytest.fail(f"JupyterLab did not start:\n{log.read_text('utf-8', 'replace')[-3000:]}")


def stop(process: subprocess.Popen[bytes]) -> None:
    """End the server the polite way first: it then ends its kernels."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    try:
        process.wait(timeout=20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Any]:
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with api.sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            str(tmp_path / "browser"),
            executable_path=str(CHROMIUM),
            headless=True,
            args=list(BROWSER_FLAGS),
            viewport={"width": 1280, "height": 900},
        )
        try:
            yield context.new_page()
        finally:
            context.close()


def take_picture(page: Any, name: str) -> None:
    if SCREENSHOTS:
        folder = Path(SCREENSHOTS)
        folder.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=str(folder / f"{name}.png"))


def wait_for(page: Any, condition: str, seconds: int, otherwise: str) -> None:
    """Wait for the page; where it takes too long, say what stands in the way."""
    from playwright.sync_api import TimeoutError as TooLong

    try:
        page.wait_for_function(condition, timeout=seconds * 1000)
    except TooLong:
        found = problems_on_the_page(page, "waiting") or page.evaluate(STATE)
        pytest.fail(f"{otherwise}: {found}")


def run_all(page: Any, lab: Lab, path: Path) -> list[dict[str, Any]]:
    """Open a chapter, choose Run → Run All Cells, and wait: its code cells afterwards."""
    page.goto(lab.page_of(path))
    wait_for(page, READY, STARTING_SECONDS, "the kernel is not ready")
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    wait_for(page, FINISHED, RUNNING_SECONDS, "the cells do not come to an end")
    cells: list[dict[str, Any]] = page.evaluate(STATE)["cells"]
    return cells


def problems_on_the_page(page: Any, name: str) -> list[str]:
    """Errors, warnings and pop-ups that a reader would see, looked for at every height."""
    problems: dict[str, None] = {}
    notebook = page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-WindowedPanel-outer")
    if notebook.count() == 0:
        return ["no notebook is open"]
    notebook.evaluate("panel => panel.scrollTo(0, 0)")
    page.wait_for_timeout(300)
    take_picture(page, name)
    for _ in range(MOST_SCREENS):
        for what in ("stderr", "error"):
            for text in page.locator(f'.jp-RenderedText[data-mime-type*="{what}"]').all():
                problems[f"{what}: {text.inner_text()[:200]}"] = None
        before = notebook.evaluate("panel => panel.scrollTop")
        notebook.evaluate("panel => panel.scrollBy(0, 700)")
        page.wait_for_timeout(150)
        if notebook.evaluate("panel => panel.scrollTop") == before:
            break
    for pop_up in page.locator(".Toastify__toast, .jp-Dialog").all():
        problems[f"a pop-up: {pop_up.inner_text()[:200]}"] = None
    return list(problems)


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_a_chapter_opens_in_the_browser_and_runs_to_its_end(
    path: Path, lab: Lab, page: Any
) -> None:
    outside: list[str] = []
    page.on("request", lambda sent: _note_outside(sent.url, lab, outside))
    cells = run_all(page, lab, path)
    said = [
        f"{output.get('ename', 'stderr')}: {output.get('evalue', output.get('text', ''))}"
        for cell in cells
        for output in cell["outputs"]
        if output["output_type"] == "error" or output.get("name") == "stderr"
    ]
    assert not said, "\n".join(said)
    assert all(cell["execution_count"] for cell in cells)
    problems = problems_on_the_page(page, path.stem)
    take_picture(page, f"{path.stem}_end")
    assert not problems, "\n".join(problems)
    # "No cell contacts another computer" holds for the page as well.
    assert outside == []


# ---------------------------------------------------------------- from a slider to the screen

EXPLORING = (
    "import retention_lib as rl\nbase = rl.open_base()",
    "explorer = rl.explore_scenario(base)\nexplorer",
)
SLIDERS = ".rw-explorer .noUi-handle"
RESULTS = ".rw-explorer .rw-results"


def exploring() -> nbformat.NotebookNode:
    return nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(text) for text in EXPLORING],
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3 (ipykernel)"}},
    )


def said_by(explorer: Any) -> list[str]:
    view = explorer.view()
    return [view.said, *(figure.value for figure in view.figures)]


def wait_until_shown(page: Any, texts: list[str]) -> None:
    for text in texts:
        page.locator(RESULTS).get_by_text(text, exact=True).first.wait_for(timeout=20_000)


def test_a_slider_moved_by_keyboard_shows_what_the_pure_function_says(lab: Lab, page: Any) -> None:
    from retention_lib import explore_scenario, open_base

    path = lab.folder / "notebooks" / "exploring.ipynb"
    nbformat.write(exploring(), path)
    cells = run_all(page, lab, path)
    assert not [out for cell in cells for out in cell["outputs"] if out["output_type"] == "error"]
    expected = explore_scenario(open_base(SAMPLE))
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
        page.locator(SLIDERS).nth(place).focus()
        page.keyboard.press("End")
        page.wait_for_timeout(200)
    expected.set(**{control.name: control.trials()[-1] for control in expected.controls})
    wait_until_shown(page, said_by(expected))
    take_picture(page, "explorer_end")
    page.get_by_role("button", name="Back to the measured values").click()
    expected.reset()
    wait_until_shown(page, said_by(expected))
    assert not problems_on_the_page(page, "explorer")


def test_an_exported_explorer_is_a_still_page_that_asks_nobody_for_anything(
    page: Any, tmp_path: Path
) -> None:
    from nbconvert import HTMLExporter

    from retention_lib import explore_scenario, open_base
    from tools import notebooks

    ran = run(exploring(), tmp_path, SAMPLE)
    saved = nbformat.reads(notebooks.normalise(ran, "exploring"), as_version=4)
    assert "widget" not in nbformat.writes(saved)
    exporter = HTMLExporter(require_js_url="", mathjax_url="", jquery_url="")
    exported = tmp_path / "exploring.html"
    exported.write_text(exporter.from_notebook_node(saved)[0], encoding="utf-8")
    asked: list[str] = []
    page.on("request", lambda sent: asked.append(sent.url))
    page.goto(exported.as_uri())
    expected = explore_scenario(open_base(SAMPLE))
    for text in said_by(expected):
        assert page.get_by_text(text, exact=True).count() > 0, text
    picture = page.get_by_alt_text(expected.view().alt, exact=True)
    drawn = picture.evaluate("image => image.complete && image.naturalWidth > 100")
    assert drawn
    assert picture.get_attribute("src").startswith("data:image/svg+xml")
    assert not page.locator(".jp-OutputArea script").count()
    assert not [url for url in asked if not url.startswith(("file:", "data:"))]
    take_picture(page, "explorer_exported")


def _note_outside(url: str, lab: Lab, outside: list[str]) -> None:
    inside = (lab.address, lab.address.replace("http", "ws", 1), "data:", "blob:", "about:")
    if not url.startswith(inside):
        outside.append(url)
