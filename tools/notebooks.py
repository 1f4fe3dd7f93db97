"""Run the notebooks again, and write them so that only what changed shows in a diff.

Called by ``python workbook.py notebooks [--check]``. What a run adds by chance (cell ids, memory
addresses, how a print was cut in pieces) is replaced by what depends on the content alone, so that
two runs of the same notebook give the same bytes. Sliders need a kernel behind them: of an explorer
the saved notebook keeps its still page, of a progress bar nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import re
import sys
from collections.abc import Iterable
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode
from traitlets.config import Config

ROOT = Path(__file__).resolve().parent.parent
KERNELSPEC = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}
KEPT_CELL_METADATA = ("slideshow", "tags")
TIMEOUT_SECONDS = 120
AT_ONCE = 2

MEMORY_ADDRESS = re.compile(r"\b0x[0-9a-fA-F]{6,16}\b")
STYLER_ID = re.compile(r"\bT_[0-9a-f]{5}(?![0-9a-f])")
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"


def find_notebooks(names: Iterable[str]) -> list[Path]:
    """Give the notebooks that were named (a path, or part of the file name), or all of them."""
    every = sorted((ROOT / "notebooks").glob("*.ipynb"))
    wanted = [Path(name).name for name in names]
    if not wanted:
        return every
    return [path for path in every if any(name in path.name for name in wanted)]


def read(path: Path) -> NotebookNode:
    """Read a notebook as format 4, whatever it was written in."""
    return nbformat.reads(path.read_text(encoding="utf-8"), as_version=4)


async def execute(path: Path, turn: asyncio.Semaphore) -> NotebookNode:
    """Run a notebook from top to bottom in a new kernel, in its own folder."""
    async with turn:
        notebook = read(path)
        quiet = Config()
        quiet.KernelManager.transport_encryption = "auto"  # else a warning in red in the output
        client = NotebookClient(
            notebook,
            timeout=TIMEOUT_SECONDS,
            kernel_name="python3",
            record_timing=False,
            resources={"metadata": {"path": str(path.parent)}},
            config=quiet,
        )
        await client.async_execute()
        return notebook


def normalise(notebook: NotebookNode, name: str) -> str:
    """Give the text of a notebook, the same for the same content."""
    notebook = nbformat.from_dict(notebook)
    notebook.metadata = nbformat.from_dict(
        {"kernelspec": KERNELSPEC, "language_info": {"name": "python"}}
    )
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    seen: dict[str, int] = {}
    count = 0
    for cell in notebook.cells:
        cell.id = _cell_id(cell, name, seen)
        cell.metadata = nbformat.from_dict(
            {key: cell.metadata[key] for key in KEPT_CELL_METADATA if cell.metadata.get(key)}
        )
        if cell.cell_type != "code":
            continue
        if cell.execution_count is not None:
            count += 1
            cell.execution_count = count
        cell.outputs = _joined_streams(_still(cell.outputs))
        for output in cell.outputs:
            if output.output_type == "execute_result":
                output.execution_count = cell.execution_count
    _steady_names(notebook)
    nbformat.validate(notebook)
    return nbformat.writes(notebook) + "\n"


def _cell_id(cell: NotebookNode, name: str, seen: dict[str, int]) -> str:
    """Make an id from the content, so that inserting a cell leaves the others' ids alone."""
    content = f"{name}\n{cell.cell_type}\n{cell.source}"
    seen[content] = seen.get(content, 0) + 1
    return hashlib.sha256(f"{content}\n{seen[content]}".encode()).hexdigest()[:8]


def _still(outputs: list[NotebookNode]) -> list[NotebookNode]:
    """Drop live widgets; what shows beside them in the same output stays."""
    kept = []
    for output in outputs:
        if WIDGET_VIEW in output.get("data", {}):
            del output.data[WIDGET_VIEW]
            output.get("metadata", {}).pop(WIDGET_VIEW, None)
            if not output.data:
                continue
        kept.append(output)
    return kept


def _joined_streams(outputs: list[NotebookNode]) -> list[NotebookNode]:
    """Join the pieces of one print: where they are cut depends on the moment."""
    joined: list[NotebookNode] = []
    for output in outputs:
        before = joined[-1] if joined else None
        if (
            before is not None
            and output.output_type == before.output_type == "stream"
            and output.name == before.name
        ):
            before.text += output.text
        else:
            joined.append(output)
    return joined


def _steady_names(notebook: NotebookNode) -> None:
    """Replace memory addresses and the ids of styled tables, which differ from run to run."""
    styler_ids: dict[str, str] = {}

    def steady_id(match: re.Match[str]) -> str:
        return styler_ids.setdefault(match.group(), f"T_{len(styler_ids):05x}")

    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if "text" in output:
                output.text = MEMORY_ADDRESS.sub("0x000000", output.text)
            data = output.get("data", {})
            for mime in ("text/plain", "text/html"):
                if mime in data:
                    data[mime] = STYLER_ID.sub(
                        steady_id, MEMORY_ADDRESS.sub("0x000000", data[mime])
                    )


def write_if_changed(path: Path, text: str) -> bool:
    """Write a notebook whole or not at all, and only where something changed."""
    if path.read_bytes() == text.encode():
        return False
    draft = path.with_suffix(".ipynb.draft")
    draft.write_bytes(text.encode())
    draft.replace(path)
    return True


def check(paths: list[Path]) -> int:
    """Say which notebooks are not written as a run would write them."""
    untidy = [p for p in paths if p.read_bytes() != normalise(read(p), p.stem).encode()]
    for path in untidy:
        print(f"{path.name} is not tidy: run python workbook.py notebooks {path.stem}")
    print(f"{len(paths) - len(untidy)} of {len(paths)} notebooks are tidy.")
    return 1 if untidy else 0


async def run_all(paths: list[Path]) -> int:
    """Run notebooks, two at a time, and write those that ran to their end."""
    turn = asyncio.Semaphore(AT_ONCE)
    failed = 0

    async def run_one(path: Path) -> None:
        nonlocal failed
        began = asyncio.get_running_loop().time()
        try:
            notebook = await execute(path, turn)
        except Exception as error:
            failed += 1
            print(f"{path.name} did not run to its end:\n{error}", flush=True)
            return
        changed = write_if_changed(path, normalise(notebook, path.stem))
        seconds = asyncio.get_running_loop().time() - began
        print(f"{path.name}  {seconds:.0f} s  {'written' if changed else 'as before'}", flush=True)

    await asyncio.gather(*(run_one(path) for path in paths))
    return 1 if failed else 0


def main(arguments: list[str]) -> int:
    """Read the command line and do it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args(arguments)
    paths = find_notebooks(options.names)
    if not paths:
        print(f"No notebook in notebooks/ fits {' '.join(options.names) or '*.ipynb'}.")
        return 1
    return check(paths) if options.check else asyncio.run(run_all(paths))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
