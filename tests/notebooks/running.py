"""Run a notebook in a kernel of its own, as a reader would, and say what went wrong."""

from __future__ import annotations

import os
import re
from pathlib import Path

import nbformat
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
    notebook: nbformat.NotebookNode, folder: Path, workbook: Path | str | None = None
) -> nbformat.NotebookNode:
    """Run a notebook from top to bottom, as if it lay in ``folder``; stops at the first error."""
    quiet = Config()
    quiet.KernelManager.transport_encryption = "auto"
    client = NotebookClient(
        notebook,
        timeout=TIMEOUT_SECONDS,
        # The kernel of this Python, whatever kernels the machine knows.
        kernel_name=CURRENT_ENV_KERNEL_NAME,
        resources={"metadata": {"path": str(folder)}},
        record_timing=False,
        config=quiet,
    )
    client.create_kernel_manager().kernel_spec_manager = NbvalKernelspecManager()
    ran: nbformat.NotebookNode = client.execute(env=environment(workbook))
    return ran


def problems_of_running(path: Path, workbook: Path | str | None = None) -> list[str]:
    """Run a notebook's file on a workbook; the errors and the warnings it shows."""
    notebook = nbformat.read(path, as_version=4)
    try:
        run(notebook, path.parent, workbook)
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
        plain = re.sub(r"\x1b\[[0-9;]*m", "", str(error))
        return [f"{path.name} did not run to its end: {plain}"]
    return [
        f"{path.name}, cell {place}: {output.get('evalue') or output.get('text', '')}"
        for place, cell in enumerate(notebook.cells)
        for output in cell.get("outputs", [])
        if output.output_type == "error" or output.get("name") == "stderr"
    ]
