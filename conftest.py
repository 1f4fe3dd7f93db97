"""How tests and notebooks are run: alike on every machine, and pictures compared as well.

nbval runs cells without history (which breaks a trailing ``;``), warns about unencrypted kernels
and never looks at pictures: a plot with its axes swapped would pass. All three are mended here.
"""

from __future__ import annotations

import base64
import functools
import gc
import io
import os
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent
# Tests import their helpers by the path from the root.
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

PICTURES = ("image/png", "image/jpeg")
# Letters are drawn a shade differently by another version of a library; a bar that moved, a
# digit that changed or axes that were swapped touch far more than two pixels in a thousand.
MOST_DIFFERING_PIXELS = 0.002
LEAST_DIFFERENCE = 16

_ipython_folder = pytest.StashKey[str]()


def pytest_configure(config: pytest.Config) -> None:
    notebooks = bool(getattr(config.option, "nbval", False))
    # Nothing of the person who runs the tests may show: history, start-up files, loaded data.
    config.stash[_ipython_folder] = tempfile.mkdtemp(prefix="ipython-")
    os.environ["IPYTHONDIR"] = config.stash[_ipython_folder]
    os.environ["PYTHONHASHSEED"] = "0"
    os.environ.pop("RETENTION_WORKBOOK", None)
    if notebooks:
        os.environ["MPLBACKEND"] = "module://matplotlib_inline.backend_inline"
        os.environ["RETENTION_WORKBOOK"] = str(ROOT / "data" / "sample" / "b2b")
        _mend_nbval()
    else:
        os.environ["MPLBACKEND"] = "agg"


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Files of browser tests run on one worker, so that they share one JupyterLab."""
    if config.getoption("dist") != "loadfile":
        return None
    from xdist.scheduler import LoadFileScheduling

    class BrowserFilesTogether(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = super()._split_scope(nodeid)
            folder, named, _ = file.partition("/test_browser")
            return folder + named if named else file

    return BrowserFilesTogether(config, log)


def pytest_collection_finish() -> None:
    # Looking for rubbish among all that was imported took every tenth second of the tests.
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


@pytest.fixture(autouse=True)
def _nothing_remembered() -> None:
    # What one test opened or learnt, perhaps with a part of the library replaced, is its own.
    remembered = sys.modules.get("retention_lib.base._remembered")
    if remembered is not None:
        remembered.forget()


@pytest.fixture(autouse=True)
def _messages_forget_the_last_base() -> Iterator[None]:
    """A French workbook opened by one test must not make the messages of the next one French."""
    yield
    if messages := sys.modules.get("retention_lib.messages"):
        messages._heard.clear()


def pytest_unconfigure(config: pytest.Config) -> None:
    shutil.rmtree(config.stash.get(_ipython_folder, ""), ignore_errors=True)


def _mend_nbval() -> None:
    import nbval.kernel
    from nbval.plugin import IPyNbCell

    if getattr(IPyNbCell.compare_outputs, "looks_at_pictures", False):
        return
    nbval.kernel.start_new_kernel = functools.partial(
        nbval.kernel.start_new_kernel, transport_encryption="auto"
    )
    nbval.kernel.RunningKernel.execute_cell_input = _execute_with_history
    IPyNbCell.compare_outputs = _also_comparing_pictures(IPyNbCell.compare_outputs)


def _execute_with_history(self: Any, cell_input: str, allow_stdin: bool | None = None) -> Any:
    # A trailing ; hides a result by way of the history: without one it hides nothing.
    return self.kc.execute(
        cell_input, store_history=True, allow_stdin=allow_stdin, stop_on_error=False
    )


def _also_comparing_pictures(compare_the_rest: Any) -> Any:
    def compare_outputs(
        self: Any, test: Sequence[Any], ref: Sequence[Any], skip_compare: Any = None
    ) -> bool:
        if not compare_the_rest(self, test, ref, skip_compare):
            return False
        problem = picture_difference(ref, test)
        if problem:
            self.comparison_traceback.append(problem)
        return not problem

    compare_outputs.looks_at_pictures = True  # type: ignore[attr-defined]
    return compare_outputs


def picture_difference(reference: Iterable[Any], test: Iterable[Any]) -> str:
    """In what the pictures of two runs differ, in words; empty where they are the same."""
    before, after = list(_pictures(reference)), list(_pictures(test))
    if len(before) != len(after):
        return f"{len(before)} pictures in the notebook, {len(after)} when run again"
    for place, (old, new) in enumerate(zip(before, after, strict=True), start=1):
        if old[0] != new[0]:
            return f"picture {place} was {old[0]} and is {new[0]}"
        if old[1] != new[1]:
            return f"the text alternative of picture {place} was {old[1]!r} and is {new[1]!r}"
        if difference := _pixel_difference(old[2], new[2]):
            return f"picture {place} {difference}"
    return ""


def _pictures(outputs: Iterable[Any]) -> Iterator[tuple[str, str, str]]:
    """Type, text alternative and content of each picture among the outputs of a cell."""
    for output in outputs:
        for mime in PICTURES:
            if mime in output.get("data", {}):
                about = output.get("metadata", {}).get(mime, {})
                yield mime, str(about.get("alt", "")), "".join(output["data"][mime])


def _pixel_difference(before: str, after: str) -> str:
    import numpy as np
    from PIL import Image

    old, new = (
        np.asarray(Image.open(io.BytesIO(base64.b64decode(text))).convert("RGBA"), dtype=np.int16)
        for text in (before, after)
    )
    if old.shape != new.shape:
        sizes = [f"{shape[1]} by {shape[0]}" for shape in (old.shape, new.shape)]
        return f"was {sizes[0]} pixels and is {sizes[1]}"
    share = float((np.abs(old - new).max(axis=2) > LEAST_DIFFERENCE).mean())
    if share <= MOST_DIFFERING_PIXELS:
        return ""
    return f"differs in {share:.2%} of its pixels; up to {MOST_DIFFERING_PIXELS:.1%} is chance"
