"""The chapters as they are handed out, three editions from one source.

Cells tagged ``solution`` are for the editions with solutions, those tagged ``presenter`` for
whoever stands in front of the room; everything else is for everybody. So an exercise and its
solution cannot drift apart: they stand side by side in the chapter, and run together.
"""

from __future__ import annotations

import html
import os
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from retention_lib import progress
from retention_lib.base.opening import open_base
from retention_lib.base.workbooks import (
    ENVIRONMENT,
    as_path,
    is_workbook,
    loaded_path,
    project_folder,
    read_workbook,
)
from retention_lib.errors import ChoiceError, InputError
from retention_lib.filing import together
from retention_lib.masking import MASK_VARIABLE, masks
from retention_lib.views import _edition_page as page_of
from retention_lib.views import _report_chapters as chapters_of
from retention_lib.views import _report_run as running
from retention_lib.views._report_outputs import error_said
from retention_lib.views.widgets import WIDGET_VIEW
from retention_lib.wording import LANGUAGE_VARIABLE, LANGUAGES, Language, Wording, spoken

if TYPE_CHECKING:
    from nbformat import NotebookNode

Edition = Literal["reader", "solution", "presenter"]
EDITIONS: tuple[Edition, ...] = get_args(Edition)
LEFT_OUT: Mapping[Edition, frozenset[str]] = {
    "reader": frozenset({"solution", "presenter"}),
    "solution": frozenset({"presenter"}),
    "presenter": frozenset(),
}
"""Edition to the tags of the cells that it leaves out."""

_INDEX = "index.html"


@dataclass(frozen=True)
class EditionFiles:
    """What was written: ``files`` are the first page of each edition, ``all_files`` all of them.

    ``problems``: sentences about chapters that stopped, or that are not there in the language.
    """

    folder: Path
    files: tuple[Path, ...]
    all_files: tuple[Path, ...]
    chapters: int
    problems: tuple[str, ...]
    wording: Wording

    def sentence(self) -> str:
        """What was written where, and what did not work."""
        said = self.wording.say("editions.done", chapters=self.chapters, folder=self.folder)
        return " ".join([said, *self.problems])

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.sentence()}>"


def write_editions(
    out: str | Path,
    *,
    chapters: Sequence[object] | None = None,
    language: Language | None = None,
    path: str | Path | None = None,
    masked: bool | None = None,
) -> EditionFiles:
    """Write the chapters three times: for readers, with solutions, and for the presenter.

    Each edition is a folder with a page (HTML, opens offline, prints well) and a notebook for
    every chapter. The trap: for the sample as it ships the outputs stored in the chapters are
    taken; any other base, or masked names, means that the chapters run, which takes minutes.

    Parameters
    ----------
    out
        The folder to write into, made where it is not there; ``reader``, ``solution`` and
        ``presenter`` come to lie in it.
    chapters
        Numbers of chapters, such as ``[7, 10]``; ``None`` is all of them.
    language
        ``en`` or ``fr``; ``None`` is the one spoken, else the workbook's.
    path
        The workbook or file that the chapters run on; ``None`` is the loaded one.
    masked
        Whether names are masked; ``None``: where ``RETENTION_MASK`` is 1.

    Returns
    -------
    EditionFiles
        ``files``, the first page of each edition, and ``sentence()``.

    Raises
    ------
    InputError
        Where ``out`` cannot be written to, or there is no such workbook.
    ChoiceError
        Where a chapter or a language is not there.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     done = write_editions(
    ...         folder, chapters=[10], path="data/sample/b2b", language="en", masked=False)
    >>> [file.parent.name for file in done.files]
    ['reader', 'solution', 'presenter']
    """
    if language is not None and language not in LANGUAGES:
        raise ChoiceError("language", language, LANGUAGES)
    place = loaded_path() if path is None else as_path(path)
    if not place.exists():
        raise InputError(f"There is nothing at {place}. Give a workbook folder or a file.")
    folder = _folder(out)
    w = _wording(place, language)
    notebooks = project_folder() / "notebooks"
    found = chapters_of.find_chapters(notebooks, w.language, chapters)
    told = {one.number: chapters_of.read(one.path) for one in found}
    hidden, problems = masks(masked), _untranslated(found, w)
    stored = not hidden and _is_shipped(place)
    total = (0 if stored else len(found)) + len(EDITIONS)
    with progress.steps(w, "editions", total=total) as step:
        if not stored:
            problems += _run(told, notebooks, place, w, hidden, step)
        all_files: list[Path] = []
        for edition in EDITIONS:
            step("edition_write", edition=w.say(f"editions.name.{edition}"))
            about = html.escape(_about(place, w, hidden))
            all_files += _write(folder / edition, edition, found, told, about, w)
    return EditionFiles(
        folder=folder,
        files=tuple(file for file in all_files if file.name == _INDEX),
        all_files=tuple(all_files),
        chapters=len(found),
        problems=tuple(problems),
        wording=w,
    )


def edition_of(notebook: NotebookNode, edition: Edition) -> NotebookNode:
    """A chapter as one edition has it: a copy without the cells that are not for its readers.

    Live widgets go, what shows beside them stays. Raises ``ChoiceError`` for an unknown edition.
    """
    if edition not in LEFT_OUT:
        raise ChoiceError("edition", edition, EDITIONS)
    copy = deepcopy(notebook)
    copy.cells = [
        cell
        for cell in copy.cells
        if not LEFT_OUT[edition].intersection(cell.metadata.get("tags", []))
    ]
    for cell in copy.cells:
        if cell.cell_type == "code":
            cell.outputs = [_still(output) for output in cell.outputs]
            cell.outputs = [output for output in cell.outputs if output is not None]
    return copy


def _still(output: Any) -> Any:
    """An output without a live widget; nothing where there is nothing beside it."""
    data = output.get("data")
    if data is None or WIDGET_VIEW not in data:
        return output
    del data[WIDGET_VIEW]
    return output if data else None


# --- where and what ----------------------------------------------------------------------------


def _folder(out: object) -> Path:
    folder = as_path(out).resolve()
    root = project_folder()
    for kept in (root / "data" / "sample", root / "notebooks"):
        if folder.is_relative_to(kept.resolve()):
            raise InputError(
                f"The editions cannot be written into {kept.name}, whose files they are made of. "
                f"Give another folder, such as 'workshop'."
            )
    if folder.is_file():
        raise InputError(f"{folder} is a file. Give the name of a folder, such as 'workshop'.")
    return folder


def _wording(place: Path, language: Language | None) -> Wording:
    if is_workbook(place):
        settings = read_workbook(place).settings
        return Wording(language or spoken(settings.language), settings.currency)
    own = open_base(place).wording
    return Wording(language or own.language, own.currency)


def _is_shipped(place: Path) -> bool:
    """Whether the chapters' stored outputs are those of this base."""
    sample = project_folder() / "data" / "sample" / "b2b"
    own = place.parent if place.is_file() else place
    return own.resolve() == sample.resolve() and is_workbook(place)


def _about(place: Path, w: Wording, hidden: bool) -> str:
    own = place.parent if is_workbook(place) and place.is_file() else place
    name = (read_workbook(own).settings.called(w.language) if is_workbook(own) else "") or own.stem
    return f"{name}. {w.say('editions.masked')}" if hidden else name


def _untranslated(found: Sequence[chapters_of.Chapter], w: Wording) -> list[str]:
    if w.language == "en":
        return []
    english = [one.number for one in found if not one.translated]
    return [w.say("editions.not_french", chapters=w.listing(english))] if english else []


# --- running -----------------------------------------------------------------------------------


def _run(
    told: Mapping[str, NotebookNode],
    notebooks: Path,
    place: Path,
    w: Wording,
    hidden: bool,
    step: Any,
) -> list[str]:
    """Run the chapters and put their outputs in; gives sentences about those that stopped."""
    jobs = [
        running.Job(number, [c.source for c in notebook.cells if c.cell_type == "code"])
        for number, notebook in told.items()
    ]
    done = 0

    def ended() -> None:
        nonlocal done
        done += 1
        step("edition_run", done=done, parts=len(jobs))

    environment = {
        ENVIRONMENT: str(place.resolve()),
        LANGUAGE_VARIABLE: w.language,
        MASK_VARIABLE: "1" if hidden else "0",
    }
    count = 1 if len(jobs) < 3 or (os.cpu_count() or 1) < 2 else 2
    with running.kernels(count, notebooks, environment) as managers:
        ran = running.run_jobs(running.Queue.of(jobs, None), managers, ended)
    for number, notebook in told.items():
        _put_in(notebook, ran[number], w)
    stopped = [number for number in told if ran[number].error is not None]
    if not stopped:
        return []
    return [w.say("editions.problems", chapters=len(stopped), names=w.listing(stopped))]


def _put_in(notebook: NotebookNode, ran: running.Ran, w: Wording) -> None:
    """The outputs of a run in place of those stored; where it stopped, the reason in words."""
    import nbformat

    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for count, cell in enumerate(code):
        outputs = ran.outputs[count] if count < len(ran.outputs) else ()
        cell.outputs = [one for one in outputs if one.output_type != "error"]
        cell.execution_count = count + 1 if outputs else None
        if any(one.output_type == "error" for one in outputs):
            said = w.say("editions.stopped", said=error_said(ran, w))
            data = {"text/plain": said}
            note = {"output_type": "display_data", "data": data, "metadata": {}}
            cell.outputs.append(nbformat.from_dict(note))  # type: ignore[no-untyped-call]


# --- writing -----------------------------------------------------------------------------------


def _write(
    folder: Path,
    edition: Edition,
    found: Sequence[chapters_of.Chapter],
    told: Mapping[str, NotebookNode],
    about: str,
    w: Wording,
) -> list[Path]:
    """One edition of every chapter: its notebook, its page, and the page that lists them."""
    import nbformat

    links = {one.number: f"{one.path.stem}.html" for one in found}
    titles = {number: title_of(notebook) for number, notebook in told.items()}
    texts: dict[Path, str] = {}
    numbers = [one.number for one in found]
    for place, chapter in enumerate(found):
        made = edition_of(told[chapter.number], edition)
        notebook = folder / f"{chapter.path.stem}.ipynb"
        text: str = nbformat.writes(made)  # type: ignore[no-untyped-call]
        texts[notebook] = text + "\n"
        around = (
            _link("before", numbers, place - 1, links, titles, w) if place else "",
            _link("after", numbers, place + 1, links, titles, w),
        )
        texts[folder / links[chapter.number]] = page_of.chapter_page(
            made.cells,
            edition,
            title=titles[chapter.number],
            about=about,
            links=links,
            around=around,
            lang=w.language if chapter.translated else "en",
            wording=w,
        )
    texts[folder / _INDEX] = _index(edition, found, titles, about, w)
    # Chapters link to one another: all of them are of one run.
    with together(*texts) as files:
        for file, text in zip(files, texts.values(), strict=True):
            file.write_text(text, encoding="utf-8", newline="\n")
    return list(texts)


def _link(
    key: str,
    numbers: Sequence[str],
    place: int,
    links: Mapping[str, str],
    titles: Mapping[str, str],
    w: Wording,
) -> str:
    if place >= len(numbers):
        return ""
    said = html.escape(w.say(f"editions.{key}", title=titles[numbers[place]]))
    return f'<a href="{links[numbers[place]]}">{said}</a>'


def _index(
    edition: Edition,
    found: Sequence[chapters_of.Chapter],
    titles: Mapping[str, str],
    about: str,
    w: Wording,
) -> str:
    notebook = html.escape(w.say("editions.file"))
    rows = "".join(
        f'<li><a href="{one.path.stem}.html">{one.number} {html.escape(titles[one.number])}</a> '
        f'(<a href="{one.path.stem}.ipynb">{notebook}'
        f'<span class="skip"> {html.escape(titles[one.number])}</span></a>)</li>'
        for one in found
    )
    name = w.say(f"editions.name.{edition}")
    head = f"<h1>{html.escape(name)}</h1><p>{html.escape(w.say(f'editions.about.{edition}'))}</p>"
    label = html.escape(w.say("editions.chapters"))
    body = f'{head}<nav aria-label="{label}"><ul>{rows}</ul></nav>'
    return page_of.frame(w.say("editions.chapters"), edition, about, body, w)


def title_of(notebook: NotebookNode) -> str:
    """The first heading of a chapter; empty where it has none."""
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            for level, heading, _ in chapters_of.split(cell.source):
                if level == 1:
                    return str(heading)
    return ""
