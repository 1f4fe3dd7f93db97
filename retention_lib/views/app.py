"""The app: what-if pages for a room, made from the chapters' own cells, without any code to see.

One source: a chapter's code cell tagged ``app`` is shown as a page, one tagged ``app-quiet`` runs
before it and shows nothing, and the chapter's set-up cell runs first. All pages live in one
document and one kernel, so that the base is opened and the models are learnt once and going from
page to page costs nothing.

Nothing here knows Voilà: :mod:`retention_lib.views._app_server` serves what is made here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retention_lib.base.known_names import shown_name
from retention_lib.base.workbooks import project_folder
from retention_lib.errors import InputError

if TYPE_CHECKING:
    from nbformat import NotebookNode

    from retention_lib.base.customer_base import CustomerBase
    from retention_lib.wording import Wording

SHOWN, QUIET, SETUP = "app", "app-quiet", "silent"
"""Tags of a chapter's cells: shown as a page, run and not shown, the set-up of the chapter."""

_EXPLORER = "explore_"
_CALL = re.compile(r"\brl\.([a-z_]+)\(")
_PRELUDE = "import retention_lib as rl\nrl.speak({language!r})"


@dataclass(frozen=True)
class Page:
    """One page of the app: its address, its title, one sentence, and the code behind it.

    ``sources`` are the cells that it shows, in order; ``before`` those that run first and show
    nothing.
    """

    slug: str
    title: str
    intro: str
    sources: tuple[str, ...]
    before: tuple[str, ...] = ()


def chapters(language: str = "en", folder: Path | None = None) -> list[Path]:
    """The chapters' files in that language, in order; the English one where French has none.

    Raises ``InputError`` where there are no chapters at all.
    """
    root = folder or project_folder() / "notebooks"
    found = {path.name[:2]: path for path in sorted(root.glob("[0-9][0-9]_*.ipynb"))}
    if language != "en":
        found |= {p.name[:2]: p for p in sorted((root / language).glob("[0-9][0-9]_*.ipynb"))}
    if not found:
        raise InputError(
            f"There are no chapters in {root}; run this from the folder of the workbook, the one "
            f"that holds notebooks/."
        )
    return [found[number] for number in sorted(found)]


def read_chapters(paths: Iterable[Path]) -> list[NotebookNode]:
    """Read chapters from their files."""
    import nbformat

    return [nbformat.read(path, as_version=4) for path in paths]  # type: ignore[no-untyped-call]


def find_pages(notebooks: Iterable[NotebookNode], wording: Wording) -> list[Page]:
    """The pages that the chapters' tagged cells make, in the order of the explorers.

    A page is named after the call that it shows, ``rl.explore_offer`` makes ``offer``; cells of
    one chapter that follow one another under one heading without such a call join one page.

    >>> import nbformat
    >>> from retention_lib.wording import Wording
    >>> cell = nbformat.v4.new_code_cell("rl.explore_offer(base)", metadata={"tags": ["app"]})
    >>> [page.slug for page in find_pages([nbformat.v4.new_notebook(cells=[cell])], Wording("en"))]
    ['offer']
    """
    pages: list[Page] = []
    for notebook in notebooks:
        pages += _pages_of(notebook, wording)
    # The explorers first: they are what a room came for.
    return _numbered(sorted(pages, key=lambda page: not page.slug.startswith(_EXPLORER)))


def _pages_of(notebook: NotebookNode, w: Wording) -> list[Page]:
    pages: list[Page] = []
    setup: list[str] = []
    waiting: list[str] = []
    heading, joined = "", False
    for cell in notebook.cells:
        tags = set(cell.metadata.get("tags", ()))
        if cell.cell_type == "markdown":
            titles = re.findall(r"^##? +(.+)$", cell.source, re.MULTILINE)
            heading, joined = (titles[-1], False) if titles else (heading, joined)
        elif cell.cell_type != "code":
            continue
        elif SHOWN in tags:
            name = _name(cell.source)
            if joined and not name:
                pages[-1] = replace(pages[-1], sources=(*pages[-1].sources, cell.source))
                continue
            before = tuple(([] if pages else setup) + waiting)
            pages.append(_page(name, heading, cell.source, before, w))
            waiting, joined = [], True
        elif QUIET in tags:
            waiting.append(cell.source)
        elif SETUP in tags:
            setup.append(cell.source)
    return pages


def _name(source: str) -> str:
    """What a page is called: the first call of the library in it."""
    called = _CALL.search(source)
    return called[1] if called else ""


def _page(name: str, heading: str, source: str, before: tuple[str, ...], w: Wording) -> Page:
    known = bool(name) and w.has(f"present.page.{name}.title")
    title = w.say(f"present.page.{name}.title") if known else heading or name.replace("_", " ")
    intro = w.say(f"present.page.{name}.intro") if known else ""
    return Page(name or "page", title, intro, (source,), before)


def _numbered(pages: Sequence[Page]) -> list[Page]:
    """Two pages never share an address."""
    made: list[Page] = []
    for page in pages:
        name = page.slug.removeprefix(_EXPLORER).replace("_", "-")
        slug, again = name, 1
        while slug in {one.slug for one in made}:
            again += 1
            slug = f"{name}-{again}"
        made.append(replace(page, slug=slug))
    return made


def app_notebook(
    pages: Sequence[Page], wording: Wording, *, base_said: str = "", masked: bool = False
) -> NotebookNode:
    """The notebook that the server runs and shows: quiet cells first, then one page after another.

    ``base_said`` is said under the title: whose customers these are, seen from which day.

    Raises ``InputError`` where there is no page.
    """
    import nbformat

    if not pages:
        raise InputError(
            f"No cell of the chapters is tagged {SHOWN!r}, so there is nothing to show; fetch the "
            f"notebooks of the workbook again."
        )
    cells: list[Any] = [_cell(_PRELUDE.format(language=wording.language))]
    for page in pages:
        cells += [_cell(source) for source in page.before]
        cells += [_cell(source, page.slug, n) for n, source in enumerate(page.sources)]
    shown = [{"slug": p.slug, "title": p.title, "intro": p.intro} for p in pages]
    notebook: NotebookNode = nbformat.v4.new_notebook(cells=cells)  # type: ignore[no-untyped-call]
    notebook.metadata["kernelspec"] = {
        "name": "python3",
        "display_name": "Python 3",
        "language": "python",
    }
    notebook.metadata["retention"] = {
        "language": wording.language,
        "pages": shown,
        "base": base_said,
        "masked": masked,
        "words": words(wording),
    }
    return notebook


def _cell(source: str, slug: str = "", place: int = 0) -> Any:
    import nbformat

    # What a quiet cell would show is not shown: the template leaves out cells without a page.
    cell = nbformat.v4.new_code_cell(source)  # type: ignore[no-untyped-call]
    cell.metadata["retention"] = {"page": slug, "first": place == 0}
    return cell


def base_said(base: CustomerBase) -> str:
    """Whose customers these are, and from which day they are seen."""
    day = base.wording.date(base.as_of)
    return base.wording.say("present.app.base", name=shown_name(base), day=day)


def words(wording: Wording) -> dict[str, str]:
    """What the frame of the app says, by key; see ``texts/present.toml``."""
    keys = (
        "title", "skip", "home", "choose", "pages", "loading", "step", "gone", "low", "high",
        "table", "masked", "noscript", "failed",
    )  # fmt: skip
    # The page itself counts its steps.
    later = {"done": "{done}", "total": "{total}"}
    return {key: wording.say(f"present.app.{key}", **later) for key in keys}
