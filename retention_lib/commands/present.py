"""``retention present``: the what-if pages as an app on this computer, or a chapter as slides."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import urllib.parse
import webbrowser
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from retention_lib.commands import console
from retention_lib.commands.parsing import Parser, add_common
from retention_lib.errors import ChoiceError, InputError
from retention_lib.wording import LANGUAGE_VARIABLE, Wording

if TYPE_CHECKING:
    from retention_lib.base.customer_base import CustomerBase

EXAMPLES = (
    ("present.example.app", ""),
    ("present.example.masked", "--mask --language fr"),
    ("present.example.slides", "--slides workshop.html"),
)
_PORTS = range(1, 65_536)
_FIRST_PORT = 8866
_WORKSHOP = "10"
"""The chapter that is shown to a room."""


def add_arguments(parser: Parser, wording: Wording) -> None:
    """What is shown, where, and to whom."""
    file, number = wording.say("cli.word.file"), "N"
    parser.explain(
        "--port", key="present.help.port", type=int, metavar=number,
        values={"port": str(_FIRST_PORT)},
    )  # fmt: skip
    parser.explain("--no-browser", key="present.help.no_browser", action="store_true")
    parser.explain("--slides", key="present.help.slides", metavar=file)
    parser.explain(
        "--chapter", key="present.help.chapter", action="append", metavar=number, default=None
    )
    parser.explain("--notes", key="present.help.notes", action="store_true")
    add_common(parser, mask=True)


def run(options: argparse.Namespace) -> int:
    """Serve the app until it is stopped, or write slides."""
    if options.port is not None and options.port not in _PORTS:
        raise InputError(f"--port takes a number from 1 to 65535; got {options.port}.")
    if options.slides is None and (options.chapter or options.notes):
        raise InputError(
            "--chapter and --notes belong to slides; add --slides FILE, such as "
            "--slides workshop.html."
        )
    from retention_lib.base.opening import open_base
    from retention_lib.base.workbooks import loaded_path

    place = Path(options.data).expanduser() if options.data else loaded_path()
    base = open_base(place)
    with _session(place.resolve(), options, base.wording):
        return _slides(options, base) if options.slides else _app(options, base)


@contextmanager
def _session(place: Path, options: argparse.Namespace, wording: Wording) -> Iterator[None]:
    """What the kernels are told: which base, whether masked, which language; forgotten after."""
    told = {"RETENTION_WORKBOOK": str(place), LANGUAGE_VARIABLE: wording.language}
    if options.mask:
        told["RETENTION_MASK"] = "1"
    before = {name: os.environ.get(name) for name in (*told, "JUPYTER_PATH")}
    os.environ.update(told)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


# --- the app ---------------------------------------------------------------------------------


def _app(options: argparse.Namespace, base: CustomerBase) -> int:
    import nbformat

    from retention_lib.masking import masks
    from retention_lib.views import _app_server, app

    w = base.wording
    pages = app.find_pages(app.read_chapters(app.chapters(w.language)), w)
    notebook = app.app_notebook(pages, w, base_said=app.base_said(base), masked=masks(options.mask))
    del base  # the kernels open it themselves
    bar = _Bar(w, "present.command.preparing", "present.command.step")

    def ready(address: str) -> None:
        bar.close()
        _announce(address, options, w)

    with _folder() as folder:
        document = folder / "app.ipynb"
        nbformat.write(notebook, document)  # type: ignore[no-untyped-call]
        try:
            _app_server.serve(
                document, port=options.port or _FIRST_PORT, on_ready=ready, on_move=bar.move
            )
        except KeyboardInterrupt:
            bar.close()
            console.say()
            console.say(w.say("present.command.stopped"))
    return 0


def _announce(address: str, options: argparse.Namespace, w: Wording) -> None:
    port = urllib.parse.urlsplit(address).port
    if options.port is not None and port != options.port:
        said = {"port": str(options.port), "other": str(port)}
        console.complain(w.say("present.command.other_port", **said))
    console.say(w.say("present.command.ready"))
    # In one piece, whatever the width: it is clicked on, or copied.
    print(f"\n  {address}\n", flush=True)
    console.say(w.say("present.command.stop"))
    if not options.no_browser:
        webbrowser.open(address)


@contextmanager
def _folder() -> Iterator[Path]:
    """A folder for the pages, gone afterwards; on Windows a kernel may still be leaving it."""
    folder = Path(tempfile.mkdtemp(prefix="retention-app-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


# --- slides ----------------------------------------------------------------------------------


def _slides(options: argparse.Namespace, base: CustomerBase) -> int:
    from retention_lib.views import _app_slides, app

    w = base.wording
    out = Path(options.slides).expanduser()
    _app_slides.check_place(out)
    wanted = [
        _chapter(number, app.chapters(w.language)) for number in options.chapter or [_WORKSHOP]
    ]
    said = app.base_said(base)
    del base
    shown: list[_app_slides.Slide] = []
    for path, chapter in zip(wanted, app.read_chapters(wanted), strict=True):
        bar = _Bar(w, "present.command.running", "present.command.cell")
        try:
            ran = _app_slides.run_chapter(
                chapter, path.parent, language=w.language, on_move=bar.move
            )
        finally:
            bar.close()
        shown += _app_slides.split_slides(ran)
    text = _app_slides.slides_html(shown, w, said=said, with_notes=options.notes)
    written = _app_slides.write_slides(text, out)
    console.say(w.say("present.command.slides", count=len(shown), path=str(written)))
    problems = _app_slides.problems(shown)
    for problem in problems:
        console.complain(problem, first="  - ")
    return 1 if problems else 0


def _chapter(number: str, paths: Sequence[Path]) -> Path:
    for path in paths:
        if path.name[:2] == number.strip().zfill(2):
            return path
    raise ChoiceError("--chapter", number, [path.name[:2] for path in paths])


# --- progress --------------------------------------------------------------------------------


class _Bar:
    """How far it is: one line on a terminal, one sentence elsewhere."""

    def __init__(self, w: Wording, task: str, step: str) -> None:
        self._w, self._task, self._step = w, w.say(task), step
        self._shown: console.TerminalBar | None = None
        if sys.stderr is not None and sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
            self._shown = console.TerminalBar(self._task, sys.stderr)
        else:
            console.complain(f"{self._task}...")

    def move(self, done: int, total: int) -> None:
        """Say which part is being done."""
        if self._shown is not None:
            said = self._w.say(self._step, done=min(done + 1, total), total=total)
            self._shown.show(done / max(total, 1), f"{self._task}: {said}")

    def close(self) -> None:
        """Take the line away."""
        if self._shown is not None:
            self._shown.close()
            self._shown = None
