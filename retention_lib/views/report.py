"""The report: every chapter on the loaded base as one page, and the files that go with it.

``write_report`` runs the chapters in kernels of their own, so that the notebooks stay the one
source of what is said; what only makes sense in a notebook is left out.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retention_lib import filing, progress, turns
from retention_lib.base.known_names import shown_name
from retention_lib.base.opening import describe_base, open_base
from retention_lib.base.workbooks import (
    ENVIRONMENT,
    as_path,
    is_workbook,
    loaded_path,
    project_folder,
)
from retention_lib.errors import ChoiceError, InputError
from retention_lib.masking import MASK_VARIABLE, masks
from retention_lib.views import _report_chapters as chapters_of
from retention_lib.views._report_outputs import Tables, chapter_page, error_said
from retention_lib.views._report_page import ChapterPage, Frame, page
from retention_lib.views._report_run import Job, Queue, Ran, kernels, run_jobs
from retention_lib.wording import LANGUAGE_VARIABLE, LANGUAGES, Language, Wording

if TYPE_CHECKING:
    from retention_lib.base.customer_base import CustomerBase

__all__ = ["ReportFiles", "write_report"]

PAGE = "report.html"
FILES = ("customers.csv", "customers.xlsx", "actions.xlsx", "metrics.json")
_FILES_JOB = "files"
_SCRATCH = ".report-"


@dataclass(frozen=True)
class ReportFiles:
    """A report that was written: where it is, and what could not be made.

    ``html`` is the page, ``files`` are those beside it. ``problems`` are sentences, empty where
    all went well; each also stands in the page.
    """

    folder: Path
    html: Path
    files: tuple[Path, ...]
    seconds: float
    problems: tuple[str, ...] = ()
    name: str = ""
    wording: Wording = field(default_factory=Wording, repr=False)

    def sentence(self) -> str:
        """Where the report is, and how many things could not be made."""
        w = self.wording
        seconds = max(round(self.seconds), 1)
        took = w.say("report.seconds", seconds=seconds)
        if seconds >= 60:
            took = w.say("report.minutes", minutes=seconds // 60, seconds=seconds % 60)
        done = w.say(
            "report.done", name=self.name, folder=self.folder, files=1 + len(self.files), time=took
        )
        if not self.problems:
            return done
        return w.say("report.done_but", done=done, problems=len(self.problems))


def write_report(
    path: str | Path | None = None,
    *,
    out: str | Path | None = None,
    language: Language | None = None,
    masked: bool | None = None,
    chapters: Sequence[int | str] | None = None,
) -> ReportFiles:
    """Run the chapters on a base and write them as one page, with the files that go with it.

    ``path`` is a workbook folder or a file; without it the loaded base. ``out`` is the folder to
    write into: without it ``report-<as of>`` inside a workbook of ``data/mine``, else ``report``
    in the folder you are in. ``language`` (``en`` or ``fr``) goes before the workbook's own;
    chapters that have no French edition are told in English, and the report says so. ``masked``
    puts pseudonyms in place of names everywhere (without it: where ``RETENTION_MASK`` is 1).
    ``chapters`` are the numbers of those wanted; without it all.

    ``report.html`` opens from a file without a network. A chapter that this base does not allow
    says why, and the others go on. The trap: it takes a minute or two, for every chapter runs.

    Raises ``InputError`` where there is nothing to open or nowhere to write, ``QuestionError``
    where a file can be read in more than one way, ``ChoiceError`` for an unknown language or
    chapter.

    >>> write_report(language="de")
    Traceback (most recent call last):
    ...
    retention_lib.errors.ChoiceError: language must be one of 'en', 'fr'; got 'de'.
    """
    began = time.monotonic()
    if language is not None and language not in LANGUAGES:
        raise ChoiceError("language", language, LANGUAGES)
    place = (loaded_path() if path is None else as_path(path)).resolve()
    base = _in_language(place, language)
    wording = base.wording
    notebooks = project_folder() / "notebooks"
    found = chapters_of.find_chapters(notebooks, wording.language, chapters)
    pieces = {chapter.number: chapters_of.cut(chapter) for chapter in found}
    folder = _folder(place, out, base)
    masked = masks(masked)
    jobs = [_job(number, cut) for number, cut in pieces.items()]
    total = len(jobs) + 3
    with (
        turns.alone(folder),
        progress.steps(wording, "report", total=total) as step,
        _beside(folder) as scratch,
    ):
        step("report_start")
        done = 0

        def ended() -> None:
            nonlocal done
            done += 1
            step("report_run", done=done, parts=len(jobs) + 1)

        environment = {
            ENVIRONMENT: str(place),
            LANGUAGE_VARIABLE: wording.language,
            MASK_VARIABLE: "1" if masked else "0",
        }
        count = 1 if len(jobs) < 3 or (os.cpu_count() or 1) < 2 else 2
        with kernels(count, notebooks, environment) as managers:
            queue = Queue.of(jobs, _files_job(scratch, masked))
            ran = run_jobs(queue, managers, ended)
        step("report_write")
        tables = Tables(wording)
        known = set(pieces)
        pages = [
            chapter_page(chapter, pieces[chapter.number], ran[chapter.number], tables, known)
            for chapter in found
        ]
        written, problems = _files_of(ran[_FILES_JOB], wording)
        problems = [*_chapter_problems(found, pages, ran, wording), *problems]
        # What takes time comes before: a page and its files are of one run, unless killed here.
        around = _frame(base, masked)
        # The page comes last; where it cannot be written, the old files come back.
        with filing.Swap() as swap:
            files, refused = _move(scratch, folder, written, wording, swap)
            problems += refused
            said = [(file.name, _about_file(file.name, wording)) for file in files]
            frame = replace(around, files=said, problems=problems)
            made = Path(scratch, PAGE)
            with filing.explained([(folder / PAGE, made)]):
                made.write_text(page(frame, pages, wording), encoding="utf-8", newline="\n")
            swap.put(made, folder / PAGE)
    return ReportFiles(
        folder=folder,
        html=folder / PAGE,
        files=tuple(files),
        seconds=time.monotonic() - began,
        problems=tuple(problems),
        name=frame_name(base, masked),
        wording=wording,
    )


def _in_language(place: Path, language: Language | None) -> CustomerBase:
    base = open_base(place)
    if language is None or language == base.wording.language:
        return base
    return replace(base, wording=replace(base.wording, language=language))


def frame_name(base: CustomerBase, masked: bool = False) -> str:
    """What the base is called in the report."""
    return shown_name(base, masked) or base.wording.say("report.nameless")


# --- where it is written -----------------------------------------------------------------------


def _folder(place: Path, out: str | Path | None, base: CustomerBase) -> Path:
    """The folder of the report, made; never inside the samples."""
    data = (project_folder() / "data").resolve()
    if out is not None:
        folder = as_path(out).resolve()
    else:
        own = place.parent if place.is_file() else place
        mine = is_workbook(place) and own.is_relative_to(data / "mine")
        folder = own / f"report-{base.as_of.isoformat()}" if mine else Path.cwd() / "report"
    if folder.is_relative_to(data / "sample"):
        raise InputError(
            f"The report cannot be written into {folder}: the samples stay as they are. Give "
            f"another folder, such as out='report'."
        )
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file. Give a folder for the report, such as out='report'.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"The folder {folder} cannot be made ({error}). Give another one, such as out='report'."
        ) from error
    return folder


def _beside(folder: Path) -> _Scratch:
    # Nobody else writes a report here now: what lies there was left by one that was killed.
    for left in folder.glob(f"{_SCRATCH}*"):
        shutil.rmtree(left, ignore_errors=True)
    filing.clear_away(*(folder / name for name in (*FILES, PAGE)))
    try:
        return _Scratch(prefix=_SCRATCH, dir=folder, ignore_cleanup_errors=True)
    except OSError as error:
        raise InputError(
            f"Nothing can be written into {folder} ({error}). Give another folder, such as "
            f"out='report'."
        ) from error


class _Scratch(tempfile.TemporaryDirectory[str]):
    """Where files are made before they get their place, on the same disk."""


def _move(
    scratch: str, folder: Path, names: Sequence[str], w: Wording, swap: filing.Swap
) -> tuple[list[Path], list[str]]:
    """Put finished files into their place; those that another program holds are told."""
    from retention_lib.decisions._outcomes_files import filled_rows

    moved, problems = list[Path](), list[str]()
    for name in names:
        place = folder / name
        # Never over an action list in which somebody noted what was done.
        filled = filled_rows(place) if name == FILES[2] and place.exists() else 0
        if filled:
            problems.append(w.say("report.filled", file=name, rows=filled))
            continue
        try:
            swap.put(Path(scratch) / name, place)
        except InputError as refused:
            error = refused.__cause__
            why = error.strerror if isinstance(error, OSError) else None
            problems.append(w.say("report.held", file=name, error=why or str(error)))
        else:
            moved.append(place)
    return moved, problems


# --- what is run -------------------------------------------------------------------------------


def _job(number: str, pieces: Sequence[chapters_of.Piece]) -> Job:
    return Job(number, [piece.code for piece in pieces if piece.runs])


def _files_job(scratch: str, masked: bool) -> Job:
    code = (
        "from retention_lib.views._report_files import write_files\n"
        f"print(write_files({scratch!r}, masked={masked!r}))"
    )
    return Job(_FILES_JOB, [code], keeps=False)


def _files_of(ran: Ran, wording: Wording) -> tuple[list[str], list[str]]:
    """What the kernel says of the files that it wrote."""
    if ran.error is not None:
        return [], [error_said(ran, wording)]
    said = "".join(
        str(output.get("text", "")) for output in ran.outputs[0] if output.get("name") == "stdout"
    )
    told: dict[str, Any] = json.loads(said.strip().splitlines()[-1])
    return list(told["written"]), list(told["problems"])


def _chapter_problems(
    found: Sequence[chapters_of.Chapter],
    pages: Sequence[ChapterPage],
    ran: dict[str, Ran],
    w: Wording,
) -> list[str]:
    problems = [
        w.say(
            "report.chapter_problem",
            chapter=chapter.number,
            problem=error_said(ran[chapter.number], w),
        )
        for chapter in found
        if ran[chapter.number].error is not None
    ]
    foreign = [chapter.number for chapter in pages if chapter.prose_language != w.language]
    if foreign:
        problems.append(w.say("report.in_english_problem", chapters=w.listing(foreign)))
    return problems


# --- the front page ----------------------------------------------------------------------------


def _about_file(name: str, w: Wording) -> str:
    return w.say(f"report.file.{name.replace('.', '_')}")


def _frame(base: CustomerBase, masked: bool) -> Frame:
    """The front page, but for the files and what could not be made."""
    from retention_lib import __version__

    w = base.wording
    name = frame_name(base, masked)
    described = replace(describe_base(base), name=shown_name(base, masked))
    if base.has("transactions", "margin"):
        margin = w.say("report.fact.margin_lines")
    elif base.margin_rate is not None:
        margin = w.say("report.fact.margin_rate", rate=w.percent(base.margin_rate))
    else:
        margin = w.say("report.fact.margin_none")
    window = w.say("report.fact.window_is", days=base.activity_window_days)
    facts = [
        ("base", name),
        ("as_of", w.date(base.as_of)),
        ("window", window),
        ("margin", margin),
        ("currency", w.currency or w.say("report.fact.currency_none")),
        ("made_on", w.date(date.today())),
    ]
    if masked:
        facts.append(("masked", w.say("table.masked")))
    return Frame(
        title=w.say("report.title", name=name),
        lead=[described.sentence(), str(described.active_sentence())],
        facts=[(w.say(f"report.fact.{key}"), value) for key, value in facts],
        files=(),
        problems=(),
        version=__version__,
    )
