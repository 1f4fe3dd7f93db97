"""The chapters in JupyterLab, in a browser, as a reader meets them: run all, and no error.

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

import pytest

ROOT = Path(__file__).resolve().parents[2]
CHAPTERS = sorted((ROOT / "notebooks").glob("*.ipynb"))
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
        found = Lab(f"http://127.0.0.1:{port}", token)
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


def _note_outside(url: str, lab: Lab, outside: list[str]) -> None:
    inside = (lab.address, lab.address.replace("http", "ws", 1), "data:", "blob:", "about:")
    if not url.startswith(inside):
        outside.append(url)
