"""Slides from chapters: one HTML file that shows, prints and reads aloud without the internet.

A slide begins at a cell whose ``slideshow`` metadata says so (``slide`` or ``subslide``) and, in
prose that says nothing, at every heading of the first or second level. ``skip`` leaves a cell out,
``notes`` and the tag ``presenter`` make it a presenter's note. Code is never shown.
"""

from __future__ import annotations

import html
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retention_lib.base.workbooks import write_text
from retention_lib.errors import InputError
from retention_lib.views.plain_words import with_kept_spaces

if TYPE_CHECKING:
    from nbformat import NotebookNode

    from retention_lib.wording import Wording

TEMPLATES = Path(__file__).parent / "templates" / "slides"
PRESENTER = "presenter"
_STARTS = {"slide", "subslide"}
_LEFT_OUT = {"skip"}
_HEADING = re.compile(r"^(?P<marks>#{1,6}) +(?P<text>.+?)\s*#*$")
_TIMEOUT_SECONDS = 600


@dataclass(frozen=True)
class Slide:
    """One slide: its title in plain words, the cells on it, and what the presenter reads."""

    title: str
    cells: tuple[Any, ...]
    notes: tuple[str, ...] = ()


def split_slides(notebook: NotebookNode) -> list[Slide]:
    r"""The slides of an executed chapter, none of them empty.

    >>> import nbformat
    >>> prose = nbformat.v4.new_markdown_cell("# One\n\nText.\n\n## Two\n\nMore.")
    >>> [slide.title for slide in split_slides(nbformat.v4.new_notebook(cells=[prose]))]
    ['One', 'Two']
    """
    slides: list[Slide] = []
    for cell in notebook.cells:
        kind = cell.metadata.get("slideshow", {}).get("slide_type", "-")
        if kind in _LEFT_OUT:
            continue
        if kind == "notes" or PRESENTER in cell.metadata.get("tags", ()):
            _note(slides, cell.source)
            continue
        for part, starts in _parts(cell, kind):
            title = _title(part.source) if part.cell_type == "markdown" else ""
            if starts or not slides:
                slides.append(Slide(title, (part,)))
            else:
                last = slides[-1]
                slides[-1] = replace(last, title=last.title or title, cells=(*last.cells, part))
    return [slide for slide in slides if slide.notes or any(_shows(cell) for cell in slide.cells)]


def _note(slides: list[Slide], text: str) -> None:
    if not slides:
        slides.append(Slide("", ()))
    slides[-1] = replace(slides[-1], notes=(*slides[-1].notes, text))


def _parts(cell: Any, kind: str) -> Iterable[tuple[Any, bool]]:
    """A cell in the pieces that headings cut it into, and whether each begins a slide."""
    if cell.cell_type != "markdown" or kind == "fragment":
        yield cell, kind in _STARTS
        return
    for place, text in enumerate(_cut(cell.source)):
        begins = bool(re.match(r"##? ", text))
        piece = type(cell)(cell_type="markdown", metadata={}, source=text)
        # Metadata speaks for the beginning of the cell, headings for what is inside it.
        yield piece, (kind in _STARTS or begins) if place == 0 else True


def _cut(source: str) -> list[str]:
    """Prose cut before each heading of the first two levels, but not inside a code fence."""
    pieces: list[list[str]] = [[]]
    fenced = False
    for line in source.split("\n"):
        fenced ^= line.lstrip().startswith("```")
        if not fenced and re.match(r"##? ", line) and any(piece.strip() for piece in pieces[-1]):
            pieces.append([])
        pieces[-1].append(line)
    return ["\n".join(piece).strip() for piece in pieces if "".join(piece).strip()]


def _title(source: str) -> str:
    for line in source.split("\n"):
        found = _HEADING.match(line)
        if found:
            return re.sub(r"[*_`]|\[([^\]]*)\]\([^)]*\)", r"\1", found["text"])
    return ""


def _shows(cell: Any) -> bool:
    if cell.cell_type == "markdown":
        return bool(cell.source.strip())
    return cell.cell_type == "code" and any(_visible(out) for out in cell.get("outputs", ()))


def _visible(output: Mapping[str, Any]) -> bool:
    kind = output["output_type"]
    return kind in ("display_data", "execute_result", "error") or (
        kind == "stream" and output["name"] == "stdout" and bool(output["text"].strip())
    )


# --- from a chapter to the file --------------------------------------------------------------


def run_chapter(
    notebook: NotebookNode,
    folder: Path,
    *,
    language: str,
    on_move: Callable[[int, int], None] | None = None,
) -> NotebookNode:
    """Run a chapter on the loaded base, in a kernel of its own; an error stays on its cell."""
    import nbformat
    from nbclient import NotebookClient
    from traitlets.config import Config

    from retention_lib.views._app_server import OwnKernels

    quiet = Config()
    quiet.KernelManager.transport_encryption = "auto"
    source = f"import retention_lib as rl\nrl.speak({language!r})"
    speak = nbformat.v4.new_code_cell(source)  # type: ignore[no-untyped-call]
    # It goes before the chapter's own cells and shows nothing.
    cells = [speak, *notebook.cells]
    made = nbformat.v4.new_notebook(cells=cells, metadata=notebook.metadata)  # type: ignore[no-untyped-call]
    total = sum(cell.cell_type == "code" for cell in made.cells)
    done = 0

    def moved(**_: object) -> None:
        nonlocal done
        done += 1
        if on_move is not None:
            on_move(done, total)

    client = NotebookClient(
        made,
        timeout=_TIMEOUT_SECONDS,
        kernel_name="python3",
        resources={"metadata": {"path": str(folder)}},
        record_timing=False,
        allow_errors=True,
        config=quiet,
        on_cell_executed=moved,
    )
    client.create_kernel_manager().kernel_spec_manager = OwnKernels()
    ran: NotebookNode = client.execute(env=dict(os.environ))
    ran.cells = ran.cells[1:]
    return ran


def slides_html(
    slides: Sequence[Slide], wording: Wording, *, said: str = "", with_notes: bool = False
) -> str:
    """One page that holds the slides: no address in it is asked for, no other file needed.

    Raises ``InputError`` where there is nothing to show.
    """
    import jinja2

    if not slides:
        raise InputError("The chapter has nothing to put on a slide; choose another one.")
    shown = [
        _as_shown(slide, title)
        for slide, title in zip(slides, _titles(slides, wording), strict=True)
    ]
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True, trim_blocks=True
    )
    made = environment.get_template("slides.html.j2").render(
        language=wording.language,
        title=slides[0].title or wording.say("present.app.title"),
        said=said,
        slides=shown,
        with_notes=with_notes,
        say=wording.say,
        css=(TEMPLATES / "slides.css").read_text("utf-8"),
        js=(TEMPLATES / "slides.js").read_text("utf-8"),
    )
    return with_kept_spaces(made) if wording.language == "fr" else made


def _titles(slides: Sequence[Slide], wording: Wording) -> list[str]:
    """A title for every slide; one without its own goes on with that of the slide before."""
    titles: list[str] = []
    heading, again = "", 1
    for number, slide in enumerate(slides, 1):
        heading, again = (slide.title, 1) if slide.title else (heading, again + 1)
        if not heading:
            titles.append(wording.say("present.slides.untitled", number=number))
        else:
            titles.append(heading if again == 1 else f"{heading} ({again})")
    return titles


def _as_shown(slide: Slide, title: str) -> dict[str, str]:
    return {
        "title": title,
        "body": "\n".join(_cell_html(cell) for cell in slide.cells),
        "notes": "\n".join(_prose(text) for text in slide.notes),
    }


def _cell_html(cell: Any) -> str:
    if cell.cell_type == "markdown":
        return _prose(cell.source)
    if cell.cell_type != "code":
        return ""
    return "\n".join(_output_html(output) for output in cell.outputs if _visible(output))


def _prose(source: str) -> str:
    """Markdown as HTML, by nbconvert; links to other chapters are words only on a slide."""
    from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

    renderer = IPythonRenderer(escape=False, exclude_anchor_links=True)
    made = str(MarkdownWithMath(renderer=renderer).render(source))
    # Two slides may have one heading, and no address may stand in a page twice.
    made = re.sub(r'(<h[1-6]) id="[^"]*"', r"\1", made)
    return re.sub(r'<a href="(?!https?:|#)[^"]*"[^>]*>(.*?)</a>', r"\1", made, flags=re.DOTALL)


def _output_html(output: Mapping[str, Any]) -> str:
    if output["output_type"] == "error":
        return f'<p class="problem">{html.escape(output["evalue"] or output["ename"])}</p>'
    if output["output_type"] == "stream":
        return f"<pre>{html.escape(output['text'])}</pre>"
    data = output["data"]
    if "image/png" in data:
        alt = html.escape(output.get("metadata", {}).get("image/png", {}).get("alt", ""))
        coded = data["image/png"].replace("\n", "")
        return f'<img alt="{alt}" src="data:image/png;base64,{coded}">'
    if "text/html" in data:
        return f'<div class="table">{data["text/html"]}</div>'
    return f"<p>{html.escape(data.get('text/plain', ''))}</p>"


def problems(slides: Iterable[Slide]) -> list[str]:
    """What the chapters could not work out on this base, each said once."""
    found = {
        str(output["evalue"] or output["ename"]): None
        for slide in slides
        for cell in slide.cells
        for output in cell.get("outputs", ())
        if output["output_type"] == "error"
    }
    return list(found)


def check_place(path: Path) -> None:
    """Refuse, before any work, a place where no slides can be written.

    Raises ``InputError`` where it is no HTML file, or a folder.
    """
    if path.is_dir():
        raise InputError(f"{path} is a folder; give the name of a file in it, slides.html say.")
    if path.suffix.lower() not in (".html", ".htm"):
        raise InputError(
            f"Slides are one HTML file; give a name that ends in .html, such as "
            f"{path.stem or 'slides'}.html; got {path.name!r}."
        )


def write_slides(text: str, path: Path) -> Path:
    """Write the page, beside its place first and then renamed."""
    check_place(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, text)
    return path
