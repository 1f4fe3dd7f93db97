"""Run the notebooks again, and write them so that only what changed shows in a diff.

Called by ``python workbook.py notebooks [--check]``. What a run adds by chance (cell ids, memory
addresses, how a print was cut in pieces) is replaced by what depends on the content alone, so that
two runs of the same notebook give the same bytes. Sliders need a kernel behind them: of an explorer
the saved notebook keeps its still page, of a progress bar nothing.

The French chapters in ``notebooks/fr`` are prose only: their code and tags are copied from the
English chapter of the same number before they run. ``translated.json`` beside them remembers which
English prose each of their texts was made from, so that a text that is behind shows. When it has
been looked at: ``python tools/notebooks.py --translated 03``.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import re
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode
from traitlets.config import Config

ROOT = Path(__file__).resolve().parent.parent
ENGLISH = ROOT / "notebooks"
FRENCH = ENGLISH / "fr"
TRANSLATED = FRENCH / "translated.json"
KERNELSPEC = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}
KEPT_CELL_METADATA = ("slideshow", "tags")
TIMEOUT_SECONDS = 120
AT_ONCE = 2

MEMORY_ADDRESS = re.compile(r"\b0x[0-9a-fA-F]{6,16}\b")
STYLER_ID = re.compile(r"\bT_[0-9a-f]{5}(?![0-9a-f])")
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"

# The texts in the code that a reader sees, and only those; all else in a code cell is the same.
FRENCH_WORDS = {
    "Call this week": "À appeler cette semaine",
    "Win back": "À reconquérir",
    "Make them come again": "À faire revenir",
    "Newsletter only": "Lettre d'information seulement",
    "Call regulars who fell silent": "Appeler les habitués silencieux",
    "A second contact person everywhere": "Un deuxième contact partout",
    "A gift to the best": "Un cadeau aux meilleurs",
    "Sales": "Ventes",
    "Service": "Service client",
}
SPEAK = 'rl.speak("fr")'


class Mismatch(ValueError):
    """A French chapter that is not cut as its English one."""


def find_notebooks(names: Iterable[str]) -> list[Path]:
    """Give the notebooks that were named, or all of them, in both languages.

    A name is a path, a part of the file name such as ``03``, or ``fr`` for the French ones.
    """
    every = sorted(ENGLISH.glob("*.ipynb")) + sorted(FRENCH.glob("*.ipynb"))
    wanted = [Path(name) for name in names]
    if not wanted:
        return every
    return [path for path in every if any(_is_named(path, name) for name in wanted)]


def _is_named(path: Path, name: Path) -> bool:
    if name.suffix == ".ipynb" and name.is_absolute():
        return path == name
    return name.name in path.name or name.name == path.parent.name == FRENCH.name


def english_of(path: Path, folder: Path = ENGLISH) -> Path:
    """The English chapter that a French one translates: the one of the same number."""
    found = sorted(folder.glob(f"{path.name[:2]}_*.ipynb"))
    if len(found) != 1:
        raise Mismatch(f"{path.name}: there is no English chapter {path.name[:2]} to follow.")
    return found[0]


def in_french(code: str, first: bool) -> str:
    """The code of an English cell as the French chapter has it; the first one says the language."""
    for english, french in FRENCH_WORDS.items():
        code = code.replace(f'"{english}"', f'"{french}"')
    if not first:
        return code
    imports, _, rest = code.partition("\n\n")
    return f"{imports}\n\n{SPEAK}" + (f"\n{rest}" if rest else "")


def following(french: NotebookNode, english: NotebookNode, name: str) -> NotebookNode:
    """A French chapter with the code, the tags and the slides of the English one."""
    kinds = [[cell.cell_type for cell in notebook.cells] for notebook in (french, english)]
    for place, (own, theirs) in enumerate(zip(*kinds, strict=False)):
        if own != theirs:
            raise Mismatch(f"{name}, cell {place}: is {own} where the English chapter has {theirs}")
    if len(kinds[0]) != len(kinds[1]):
        raise Mismatch(f"{name} has {len(kinds[0])} cells, the English chapter {len(kinds[1])}.")
    first = kinds[1].index("code") if "code" in kinds[1] else -1
    for place, (own, theirs) in enumerate(zip(french.cells, english.cells, strict=True)):
        own.metadata = theirs.metadata
        if own.cell_type == "code":
            own.source = in_french(theirs.source, first=place == first)
        elif own.cell_type == "raw":
            own.source = theirs.source
    return french


def prose_marks(english: NotebookNode) -> list[str]:
    """A short mark for each text of an English chapter, that changes when the text does."""
    return [
        hashlib.sha256(cell.source.strip().encode()).hexdigest()[:8]
        for cell in english.cells
        if cell.cell_type == "markdown"
    ]


def behind(path: Path) -> list[str]:
    """Which texts of a French chapter were made from another English text than there is now."""
    marks = json.loads(TRANSLATED.read_text("utf-8")) if TRANSLATED.exists() else {}
    known = marks.get(path.stem, [])
    english = read(english_of(path))
    texts = [n for n, cell in enumerate(english.cells) if cell.cell_type == "markdown"]
    now = prose_marks(english)
    if len(known) != len(now):
        return [f"{path.name}: {len(known)} texts were translated, the English has {len(now)}"]
    return [
        f"{path.name}, cell {place}: the English text has changed since it was translated"
        for place, old, new in zip(texts, known, now, strict=True)
        if old != new
    ]


def remember_translated(paths: Sequence[Path]) -> None:
    """Note that the French texts of these chapters say what the English ones say now."""
    marks = json.loads(TRANSLATED.read_text("utf-8")) if TRANSLATED.exists() else {}
    marks |= {path.stem: prose_marks(read(english_of(path))) for path in paths}
    kept = {path.stem for path in FRENCH.glob("*.ipynb")}
    lines = [f"  {json.dumps(k)}: {json.dumps(v)}" for k, v in sorted(marks.items()) if k in kept]
    TRANSLATED.write_bytes(("{\n" + ",\n".join(lines) + "\n}\n").encode())


def read(path: Path) -> NotebookNode:
    """Read a notebook as format 4, whatever it was written in."""
    return nbformat.reads(path.read_text(encoding="utf-8"), as_version=4)


def read_to_run(path: Path) -> NotebookNode:
    """Read a notebook; a French one with the code that its English chapter has now."""
    notebook = read(path)
    if path.parent != FRENCH:
        return notebook
    return following(notebook, read(english_of(path)), path.name)


async def execute(path: Path, turn: asyncio.Semaphore) -> NotebookNode:
    """Run a notebook from top to bottom in a new kernel, in its own folder."""
    async with turn:
        notebook = read_to_run(path)
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
    untidy = 0
    for path in paths:
        try:
            tidy = path.read_bytes() == normalise(read_to_run(path), path.stem).encode()
            late = behind(path) if path.parent == FRENCH else []
        except Mismatch as mismatch:
            tidy, late = True, [str(mismatch)]
        if not tidy:
            print(f"{path.name} is not tidy: run python workbook.py notebooks {path.stem}")
        for problem in late:
            print(problem)
        untidy += not tidy or bool(late)
    print(f"{len(paths) - untidy} of {len(paths)} notebooks are tidy.")
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
        for problem in behind(path) if path.parent == FRENCH else []:
            print(problem, flush=True)

    await asyncio.gather(*(run_one(path) for path in paths))
    return 1 if failed else 0


def main(arguments: list[str]) -> int:
    """Read the command line and do it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--translated", action="store_true")
    options = parser.parse_args(arguments)
    paths = find_notebooks(options.names)
    if not paths:
        print(f"No notebook in notebooks/ fits {' '.join(options.names) or '*.ipynb'}.")
        return 1
    if options.translated:
        remember_translated([path for path in paths if path.parent == FRENCH])
        return 0
    return check(paths) if options.check else asyncio.run(run_all(paths))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
