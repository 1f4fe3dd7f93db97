"""Serve the app through Voilà, to this computer only.

What is shut: other computers (127.0.0.1, and a host name that is not local is refused), strangers
on this computer (a secret in the address), code (the kernel takes the messages of widgets and no
others), files (nothing is served but the page and Voilà's own scripts), the internet (the page may
ask nobody else). Which addresses there are is decided in :mod:`._app_doors`.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
from jupyter_client.kernelspec import NATIVE_KERNEL_NAME, KernelSpecManager
from traitlets.config import Config
from voila.app import Voila  # type: ignore[import-untyped]

from retention_lib.views import _app_doors
from retention_lib.wording import Wording

ADDRESS = "127.0.0.1"
FIRST_PORT = 8866
"""Where Voilà serves by custom; the next free one is taken where it is in use."""
TEMPLATES = Path(__file__).parent / "templates"

# The first knows how to reach the kernel, the second what a slider is; nothing else is loaded.
_EXTENSIONS = ["@voila-dashboards/widgets-manager8", "@jupyter-widgets/jupyterlab-manager"]
_IDLE_SECONDS = 300
_CHECK_SECONDS = 30
# Nothing from outside: a page on a projector must not wait for, or tell, another computer.
_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; "
    "connect-src 'self' ws://{host}; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)

Ready = Callable[[str], None]
Moved = Callable[[int, int], None]


class OwnKernels(KernelSpecManager):
    """The Python that runs this, and no other kernel that the machine may know."""

    def find_kernel_specs(self) -> dict[str, str]:
        """The one kernel there is."""
        from ipykernel.kernelspec import RESOURCES

        return {NATIVE_KERNEL_NAME: RESOURCES}


class AppServer(Voila):  # type: ignore[misc]
    """Voilà with one document, no settings of the machine, and fewer doors."""

    # Set by serve(): what to call when the pages are ready, and as they come.
    on_ready: Ready | None = None
    on_move: Moved | None = None
    # Why the pages could not be made at all: the kernel did not start, say.
    problem: Exception | None = None

    def init_settings(self) -> dict[str, Any]:
        """Voilà's settings, with the check of the host name switched on."""
        settings: dict[str, Any] = super().init_settings()
        settings["allow_remote_access"] = False
        settings["local_hostnames"] = list(_app_doors.HOSTS)
        # Its own default is longer than what Tornado allows, which says so on the terminal.
        settings["ws_ping_timeout"] = 30_000
        return settings

    def init_handlers(self) -> list[Any]:
        """Voilà's addresses without those that hand out files or ask for a password."""
        return _app_doors.open_doors(super().init_handlers(), _said("stranger"))

    def listen(self) -> None:
        """Serve until stopped; where the port is taken the next free one is used."""
        wanted: int = self.port  # type: ignore[has-type]
        self.port = free_port(wanted)
        host = f"{ADDRESS}:{self.port}"
        headers = {
            "Content-Security-Policy": _POLICY.format(host=host),
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Cross-Origin-Resource-Policy": "same-origin",
        }
        self.app.settings["headers"] = headers
        import tornado.httpserver
        import tornado.ioloop

        self.ioloop = tornado.ioloop.IOLoop.current()
        guarded = _app_doors.guarded(self.app, headers, _said("foreign"))
        # Uploads go through the kernel's messages: nothing large is ever sent here.
        tornado.httpserver.HTTPServer(guarded, max_buffer_size=10**8).listen(self.port, ADDRESS)
        self.ioloop.add_callback(self._tell_when_ready)
        try:
            self.ioloop.start()
        finally:
            self.stop()

    async def _tell_when_ready(self) -> None:
        """Wait for the pages and say so; where they cannot be made, stop and keep the reason."""
        try:
            await self._wait_for_pages()
        except Exception as error:
            self.problem = error
            self.ioloop.stop()
            return
        if self.on_ready is not None:
            self.on_ready(f"http://{ADDRESS}:{self.port}/?token={self.token}")

    async def _wait_for_pages(self) -> None:
        """Until every cell of the document has run, say how far it is."""
        name = os.path.relpath(self.notebook_path, self.root_dir)
        document = nbformat.read(self.notebook_path, as_version=4)  # type: ignore[no-untyped-call]
        total = len(document.cells)
        pooled = self.kernel_manager._pools.get(name, [])
        if pooled:
            content = await asyncio.shield(pooled[0])
            task, done = content["task"], -1
            while not task.done():
                ran = sum(cell.execution_count is not None for cell in _cells(content["renderer"]))
                if ran != done and self.on_move is not None:
                    done = ran
                    self.on_move(done, total)
                await asyncio.wait({task}, timeout=0.2)
            task.result()


def _said(key: str) -> str:
    """A refusal in both languages: who is refused has not said which one is theirs."""
    return "\n".join(Wording(language).say(f"present.app.{key}") for language in ("en", "fr"))


def _cells(renderer: Any) -> list[Any]:
    executor = getattr(renderer, "executor", None)
    return [c for c in executor.nb.cells if c.cell_type == "code"] if executor is not None else []


def free_port(first: int, tries: int = 50) -> int:
    """The first free port from ``first`` on; any free one where these are all taken."""
    for port in range(first, min(first + tries, 65_536)):
        with socket.socket() as probe:
            if sys.platform != "win32":  # there the option lets two programs share a port
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((ADDRESS, port))
            except OSError:
                continue
            return port
    with socket.socket() as probe:
        probe.bind((ADDRESS, 0))
        chosen: int = probe.getsockname()[1]
        return chosen


def configuration(token: str) -> Config:
    """Everything that Voilà is told; a test reads it."""
    config = Config()
    config.Voila.ip = ADDRESS
    config.Voila.open_browser = False
    config.Voila.token = token
    config.Voila.config_file_paths = []
    config.Voila.log_level = logging.CRITICAL
    config.VoilaConfiguration.template = "retention"
    config.VoilaConfiguration.allow_template_override = "NO"
    config.VoilaConfiguration.allow_theme_override = "NO"
    config.VoilaConfiguration.strip_sources = True
    config.VoilaConfiguration.show_tracebacks = True  # keeps the message; the page shows no trace
    config.VoilaConfiguration.extension_allowlist = _EXTENSIONS
    config.VoilaConfiguration.file_allowlist = []
    config.VoilaConfiguration.preheat_kernel = True
    config.VoilaConfiguration.default_pool_size = 1
    config.VoilaConfiguration.kernel_spec_manager_class = OwnKernels
    config.VoilaExecutor.allow_errors = True
    config.KernelManager.transport_encryption = "auto"
    # A page that was closed without a word (a laptop shut) leaves no kernel behind for long.
    config.MappingKernelManager.cull_idle_timeout = _IDLE_SECONDS
    config.MappingKernelManager.cull_interval = _CHECK_SECONDS
    return config


def serve(
    notebook: Path, *, port: int = FIRST_PORT, on_ready: Ready, on_move: Moved | None = None
) -> None:
    """Serve one document until interrupted; ``on_ready`` gets its address once it has run."""
    # Voilà finds templates through this; the folder's own files come before all others.
    known = [one for one in os.environ.get("JUPYTER_PATH", "").split(os.pathsep) if one]
    os.environ["JUPYTER_PATH"] = os.pathsep.join([str(TEMPLATES), *known])
    _use_own_loop()
    # Who knocks at a shut door is answered, and not written about on the presenter's terminal.
    for name in ("tornado.access", "tornado.application", "tornado.general"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    server = AppServer(config=configuration(secrets.token_urlsafe(24)))
    server.on_ready, server.on_move = on_ready, on_move
    server.notebook_path = str(notebook)
    server.initialize([])
    server.port = port
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _interrupt)
    server.start()
    if server.problem is not None:
        raise server.problem


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def _use_own_loop() -> None:
    """A loop for this thread: from Python 3.14 on nobody makes one unasked."""
    if sys.platform == "win32":
        asyncio.set_event_loop(asyncio.SelectorEventLoop())
        return
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        asyncio.set_event_loop(asyncio.new_event_loop())
