"""JupyterLab and a browser for tests that look at a page as a reader does.

Fixtures (``conftest.py`` hands them to every test in this folder, nothing need be imported):

``browser``
    Chromium, started once a file. Skips with the reason where it is missing.
``page``
    A new page in a profile of its own, so that no test sees what another left behind.
``watched``
    What that page said and asked for, from its beginning: ``errors`` and ``outside``.
``lab``
    JupyterLab on a copy of the chapters, with the b2b sample loaded, started once a worker.

Files whose name begins with ``test_browser`` run on one worker, one after the other (see the
scheduler in the root's ``conftest.py``), so that they share that JupyterLab.
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
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
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
INSIDE = ("data:", "blob:", "about:", "file:")
"""Addresses that ask no computer for anything."""

IN_A_BROWSER = (
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(
        not CHROMIUM.is_file(),
        reason=f"no Chromium at {CHROMIUM}; install it or name one in CHROMIUM_PATH",
    ),
)
"""The marks of a test that needs the browser: ``pytestmark = [*IN_A_BROWSER]``."""


# ---------------------------------------------------------------- servers


def free_port() -> int:
    """A port on which nobody listens at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def first_visit(state: Path, workbook: Path | str | None = SAMPLE) -> dict[str, str]:
    """The variables of a first visit: no settings, no history, this workbook loaded."""
    own = {
        name: str(state / name.lower())
        for name in (
            "JUPYTER_CONFIG_DIR",
            "JUPYTER_DATA_DIR",
            "JUPYTER_RUNTIME_DIR",
            "JUPYTERLAB_SETTINGS_DIR",
            "JUPYTERLAB_WORKSPACES_DIR",
            "IPYTHONDIR",
        )
    }
    left_out = {"MPLBACKEND", "JUPYTER_TOKEN", "RETENTION_WORKBOOK", "RETENTION_LANGUAGE"}
    kept = {name: value for name, value in os.environ.items() if name not in left_out}
    loaded = {} if workbook is None else {"RETENTION_WORKBOOK": str(workbook)}
    return kept | own | loaded | {"JUPYTER_PREFER_ENV_PATH": "1"}


@contextmanager
def serving(
    command: Sequence[str], asked: str, *, folder: Path, state: Path, env: Mapping[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server until it answers at ``asked`` (an address), and end it afterwards.

    What it says goes to ``state/server.log``, and into the failure where it does not start.
    """
    state.mkdir(parents=True, exist_ok=True)
    log = state / "server.log"
    with log.open("wb") as said:
        process = subprocess.Popen(
            list(command), env=dict(env), cwd=folder, stdout=said, stderr=subprocess.STDOUT
        )
    try:
        if not _answers(asked, process):
            pytest.fail(f"The server did not start:\n{log.read_text('utf-8', 'replace')[-3000:]}")
        yield process
    finally:
        _stop(process)


def _answers(asked: str, process: subprocess.Popen[bytes]) -> bool:
    end = time.monotonic() + STARTING_SECONDS
    while time.monotonic() < end and process.poll() is None:
        try:
            with urllib.request.urlopen(asked, timeout=5):
                return True
        except urllib.error.HTTPError:
            return True  # it answers, be it with a refusal
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    return False


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End a server the polite way first: it then ends its kernels."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    try:
        process.wait(timeout=20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@dataclass(frozen=True)
class Lab:
    """A JupyterLab that is running: its address, its key, and the folder it shows."""

    address: str
    token: str
    folder: Path

    def page_of(self, path: Path | str) -> str:
        """The address of a notebook, given by its path or by its name in ``notebooks/``."""
        place = Path(path)
        inside = place.relative_to(self.folder) if place.is_relative_to(self.folder) else None
        shown = (inside or Path("notebooks") / place.name).as_posix()
        return f"{self.address}/lab/tree/{shown}?token={self.token}&reset"


@contextmanager
def serving_lab(
    folder: Path,
    state: Path,
    *,
    workbook: Path | str | None = SAMPLE,
    env: Mapping[str, str] | None = None,
) -> Iterator[Lab]:
    """JupyterLab on a folder, with a workbook loaded and ``env`` added to its variables."""
    port, token = free_port(), secrets.token_hex(16)
    command = [
        *(sys.executable, "-m", "jupyterlab", "--no-browser", "--ip=127.0.0.1", f"--port={port}"),
        "--ServerApp.port_retries=0",
        f"--IdentityProvider.token={token}",
        f"--ServerApp.root_dir={folder}",
        "--ServerApp.allow_root=True",
        "--KernelManager.transport_encryption=auto",
        "--LabApp.expose_app_in_browser=True",
    ]
    found = Lab(f"http://127.0.0.1:{port}", token, folder)
    asked = f"{found.address}/api?token={token}"
    variables = first_visit(state, workbook) | dict(env or {})
    with serving(command, asked, folder=folder, state=state, env=variables):
        yield found


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """JupyterLab on a copy of the chapters, with the sample loaded."""
    folder, state = tmp_path_factory.mktemp("lab"), tmp_path_factory.mktemp("state")
    shutil.copytree(ROOT / "notebooks", folder / "notebooks")
    with serving_lab(folder, state) as found:
        yield found


# ---------------------------------------------------------------- the browser


@dataclass(frozen=True)
class Watched:
    """What a page did that a reader should not have to know of."""

    errors: list[str] = field(default_factory=list)
    """Errors said in the console, and those that no script caught."""
    outside: list[str] = field(default_factory=list)
    """Addresses asked for that lie on another computer."""

    def watch(self, page: Any) -> None:
        """Take down what this page says and asks for from now on."""
        page.on("console", lambda message: self._hear(message))
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", lambda sent: self._note(sent.url))
        page.on("websocket", lambda opened: self._note(opened.url))

    def _hear(self, message: Any) -> None:
        if message.type == "error":
            self.errors.append(f"{message.text} ({message.location.get('url', '')})")

    def _note(self, url: str) -> None:
        if not url.startswith(INSIDE) and "://127.0.0.1:" not in url:
            self.outside.append(url)


# Once a file, not once a session: as long as it is open, its loop stands in the way of asyncio.
@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium, without a window."""
    if not CHROMIUM.is_file():
        pytest.skip(f"no Chromium at {CHROMIUM}; install it or name one in CHROMIUM_PATH")
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with api.sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=str(CHROMIUM), headless=True, args=list(BROWSER_FLAGS)
        )
        try:
            yield started
        finally:
            started.close()


@pytest.fixture
def watched() -> Watched:
    """What the ``page`` of this test says and asks for."""
    return Watched()


@pytest.fixture
def page(browser: Any, watched: Watched) -> Iterator[Any]:
    """A new page, in a profile of its own."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    try:
        opened = context.new_page()
        watched.watch(opened)
        yield opened
    finally:
        context.close()


def take_picture(page: Any, name: str, **how: Any) -> None:
    """Keep a picture of the page, where ``RETENTION_SCREENSHOTS`` names a folder for them."""
    if SCREENSHOTS:
        folder = Path(SCREENSHOTS)
        folder.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=str(folder / f"{name}.png"), **how)


# ---------------------------------------------------------------- a notebook in JupyterLab

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
# What was scrolled into sight is drawn two frames later.
DRAWN = """() => new Promise(
  done => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done)))
)"""
FINISHED = f"""() => {{
  const now = ({STATE})();
  if (now === null || now.status !== 'idle' || now.cells.length === 0) return false;
  const failed = now.cells.some(cell => cell.outputs.some(out => out.output_type === 'error'));
  return failed || now.cells.at(-1).execution_count !== null;
}}"""


def wait_for(page: Any, condition: str, seconds: int, otherwise: str) -> None:
    """Wait for a condition in the page's script; where it takes too long, say what is there."""
    from playwright.sync_api import TimeoutError as TooLong

    try:
        page.wait_for_function(condition, timeout=seconds * 1000)
    except TooLong:
        take_picture(page, "waiting")
        found = problems_on_the_page(page) or page.evaluate(STATE)
        pytest.fail(f"{otherwise}: {found}")


def run_all(page: Any, lab: Lab, path: Path | str) -> list[dict[str, Any]]:
    """Open a notebook, choose Run → Run All Cells, and wait: its code cells afterwards."""
    page.goto(lab.page_of(path))
    wait_for(page, READY, STARTING_SECONDS, "the kernel is not ready")
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    wait_for(page, FINISHED, RUNNING_SECONDS, "the cells do not come to an end")
    cells: list[dict[str, Any]] = page.evaluate(STATE)["cells"]
    return cells


def errors_of(cells: Sequence[Mapping[str, Any]]) -> list[str]:
    """What code cells printed in red: errors and warnings."""
    return [
        f"{output.get('ename', 'stderr')}: {output.get('evalue', output.get('text', ''))}"
        for cell in cells
        for output in cell["outputs"]
        if output["output_type"] == "error" or output.get("name") == "stderr"
    ]


def problems_on_the_page(page: Any) -> list[str]:
    """Errors, warnings and pop-ups that a reader would see, looked for at every height."""
    problems: dict[str, None] = {}
    notebook = page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-WindowedPanel-outer")
    if notebook.count() == 0:
        return ["no notebook is open"]
    notebook.evaluate("panel => panel.scrollTo(0, 0)")
    page.evaluate(DRAWN)
    for _ in range(MOST_SCREENS):
        for what in ("stderr", "error"):
            for text in page.locator(f'.jp-RenderedText[data-mime-type*="{what}"]').all():
                problems[f"{what}: {text.inner_text()[:200]}"] = None
        before = notebook.evaluate("panel => panel.scrollTop")
        notebook.evaluate("panel => panel.scrollBy(0, 800)")
        page.evaluate(DRAWN)
        if notebook.evaluate("panel => panel.scrollTop") == before:
            break
    for pop_up in page.locator(".Toastify__toast, .jp-Dialog").all():
        problems[f"a pop-up: {pop_up.inner_text()[:200]}"] = None
    return list(problems)
