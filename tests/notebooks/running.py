"""Run a notebook in a kernel of its own, as a reader would, and say what went wrong."""

from __future__ import annotations

import os
import re
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import nbformat
from jupyter_client.manager import KernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbval.kernel import CURRENT_ENV_KERNEL_NAME, NbvalKernelspecManager
from traitlets.config import Config

TIMEOUT_SECONDS = 120


def environment(workbook: Path | str | None) -> dict[str, str]:
    """The variables of a kernel that has this workbook loaded."""
    given = {} if workbook is None else {"RETENTION_WORKBOOK": str(workbook)}
    inline = "module://matplotlib_inline.backend_inline"
    return os.environ | {"PYTHONHASHSEED": "0", "MPLBACKEND": inline} | given


def run(
    notebook: nbformat.NotebookNode,
    folder: Path,
    workbook: Path | str | None = None,
    kernel: KernelManager | None = None,
) -> nbformat.NotebookNode:
    """Run a notebook from top to bottom, as if it lay in ``folder``; stops at the first error.

    In a kernel of its own, or in a ``kernel`` that others use after it: then nothing they named
    is left, but what they imported need not be read again.
    """
    quiet = Config()
    quiet.KernelManager.transport_encryption = "auto"
    client = NotebookClient(
        notebook,
        km=kernel,
        timeout=TIMEOUT_SECONDS,
        # The kernel of this Python, whatever kernels the machine knows.
        kernel_name=CURRENT_ENV_KERNEL_NAME,
        resources={"metadata": {"path": str(folder)}},
        record_timing=False,
        config=quiet,
    )
    if kernel is None:
        client.create_kernel_manager().kernel_spec_manager = NbvalKernelspecManager()
        ran: nbformat.NotebookNode = client.execute(env=environment(workbook))
        return ran
    begin_anew(kernel, folder, workbook)
    try:
        ran = client.execute()
    finally:
        client.kc.stop_channels()
    return ran


@contextmanager
def shared_kernel() -> Iterator[KernelManager]:
    """A kernel in which one notebook after the other can run: each start takes three seconds."""
    manager = KernelManager(kernel_name=CURRENT_ENV_KERNEL_NAME, transport_encryption="auto")
    manager.kernel_spec_manager = NbvalKernelspecManager()
    manager.start_kernel(env=environment(None))
    try:
        yield manager
    finally:
        manager.shutdown_kernel(now=True)


def begin_anew(kernel: KernelManager, folder: Path, workbook: Path | str | None) -> None:
    """Make a used kernel like a new one: no names, no pictures, this folder, this workbook."""
    loaded = environment(workbook).get("RETENTION_WORKBOOK")
    code = f"""
        import os, sys, warnings
        get_ipython().run_line_magic("reset", "-f")
        import os, sys, warnings
        os.chdir({str(folder)!r})
        os.environ.pop("RETENTION_WORKBOOK", None)
        os.environ.update({{"RETENTION_WORKBOOK": {loaded!r}}} if {loaded!r} else {{}})
        warnings.filterwarnings("default", module="__main__")  # forgets what was warned of
        if "matplotlib" in sys.modules:
            import matplotlib.pyplot
            matplotlib.pyplot.close("all")
            matplotlib.rcdefaults()
        if "retention_lib" in sys.modules:
            sys.modules["retention_lib"].speak(None)  # a French chapter may have run before
        get_ipython().run_line_magic("reset", "-f")
    """
    client = kernel.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=TIMEOUT_SECONDS)
        reply = client.execute(textwrap.dedent(code), reply=True, timeout=TIMEOUT_SECONDS)
    finally:
        client.stop_channels()
    if reply["content"]["status"] != "ok":
        raise RuntimeError(f"The kernel could not begin anew: {reply['content']}")


def problems_of_running(
    path: Path, workbook: Path | str | None = None, kernel: KernelManager | None = None
) -> list[str]:
    """Run a notebook's file on a workbook; the errors and the warnings it shows."""
    notebook = nbformat.read(path, as_version=4)
    try:
        run(notebook, path.parent, workbook, kernel)
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
        plain = re.sub(r"\x1b\[[0-9;]*m", "", str(error))
        return [f"{path.name} did not run to its end: {plain}"]
    return [
        f"{path.name}, cell {place}: {output.get('evalue') or output.get('text', '')}"
        for place, cell in enumerate(notebook.cells)
        for output in cell.get("outputs", [])
        if output.output_type == "error" or output.get("name") == "stderr"
    ]
