"""The import form without a screen: what it knows, and what each step makes of it.

Every function here takes a :class:`FormState` and gives the next one. A person's mistake is never
an error here but a state with a ``problem`` in words.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import wraps
from pathlib import Path
from typing import Any

from retention_lib import filing
from retention_lib.base import contract, intake, workbooks
from retention_lib.base.imported import Import
from retention_lib.base.importing import import_export, propose_matching
from retention_lib.base.intake import TakenIn
from retention_lib.base.matching import UNIT_PRICE, Matching
from retention_lib.base.sources import SUFFIXES
from retention_lib.errors import InputError, QuestionError, RetentionError
from retention_lib.views._import_form_questions import (
    ARGUMENTS,
    READING,
    Question,
    asked,
    assumed,
    currency_of,
    dates_note,
    notes_of,
    typed,
)
from retention_lib.wording import LANGUAGES, Language, Wording, spoken

PRODUCT = "×"
"""The choice of quantity × unit price for the amount."""

LEFT_OUT = "–"
"""The choice to leave a column out."""

LARGEST_UPLOAD = 10_000_000
"""Bytes: a notebook hands over nothing larger."""


@dataclass(frozen=True)
class FormState:
    """What the form knows at one moment.

    ``step``: ``choose`` (which file), ``confirm`` (what was proposed), ``done`` (imported).
    ``chosen``: what a person said about columns, contract column to heading, :data:`PRODUCT` or
    :data:`LEFT_OUT`. ``answers``: what was said about the file. ``imported``: the file as it would
    come in, where no question is open. ``taken``: what became of it.
    """

    language: Language = "en"
    folder: Path | None = None
    step: str = "choose"
    path: Path | None = None
    table: str = "transactions"
    chosen: Mapping[str, str] = field(default_factory=dict)
    answers: Mapping[str, str] = field(default_factory=dict)
    name: str = ""
    into: Path | None = None
    margin_percent: str = ""
    matching: Matching | None = None
    questions: tuple[Question, ...] = ()
    asked: Mapping[str, Question] = field(default_factory=dict)
    imported: Import | None = None
    taken: TakenIn | None = None
    notes: tuple[str, ...] = ()
    problem: str = ""
    said: str = ""

    @property
    def wording(self) -> Wording:
        """The form's words, in its language."""
        return Wording(self.language, "")

    @property
    def exports(self) -> tuple[Path, ...]:
        """The files to choose from, the newest first."""
        try:
            return tuple(intake.find_exports(self.folder))
        except RetentionError:
            return ()

    @property
    def ready(self) -> bool:
        """Whether everything that needs an answer has one."""
        return self.imported is not None and not any(q.open for q in self.questions)

    @property
    def open_columns(self) -> tuple[str, ...]:
        """Columns that need an answer before the file can be read."""
        return self.matching.open_columns if self.matching is not None else ()


Step = Callable[..., FormState]


def _kindly(step: Step) -> Step:
    """Have what cannot be done come back as words in the form, not as an error."""

    @wraps(step)
    def stepped(state: FormState, *given: Any, **told: Any) -> FormState:
        try:
            return step(replace(state, problem="", said=""), *given, **told)
        except RetentionError as error:
            return replace(state, problem=str(error), said="")
        except OSError as error:
            what = error.strerror or str(error)
            return replace(state, problem=state.wording.say("form.problem.file", what=what))

    return stepped


def begin(folder: str | Path | None = None, language: Language | None = None) -> FormState:
    """The form before anything was chosen; ``folder`` is where exports are looked for."""
    place = None if folder is None else workbooks.from_here(folder)
    return FormState(language=language or spoken(), folder=place)


# ------------------------------------------------------------------------ which file


@_kindly
def propose(state: FormState, path: str | Path, table: str | None = None) -> FormState:
    """Choose a file (and the table it holds): its matching is proposed, the doubts are asked."""
    if isinstance(path, str) and not path.strip():
        return replace(state, problem=state.wording.say("form.problem.no_path"))
    source = workbooks.from_here(path.strip().strip("\"'") if isinstance(path, str) else path)
    table = table or state.table
    contract.table(table)
    fresh = replace(begin(state.folder, state.language), path=source, table=table, step="confirm")
    fresh = replace(_like_last_time(fresh, source), table=table)
    checked = _checked(fresh)
    if checked.problem:
        # Nothing to confirm about a file that cannot be read: choose another one.
        return replace(state, path=source, table=table, step="choose", problem=checked.problem)
    return checked


def _like_last_time(state: FormState, source: Path) -> FormState:
    """The name and the columns of the loaded workbook where the file looks like its next month."""
    own = intake.own_workbook()
    how = {key: typed(key, state.answers[key]) for key in READING if state.answers.get(key)}
    if own is None or not intake.remembers(own, state.table, source, how):
        return replace(state, name="" if state.table != "transactions" else _plain_name(source))
    book = workbooks.read_workbook(own)
    reading = book.tables[state.table].reading
    last = Matching.from_dict(reading["matching"])
    chosen = dict(last.accepted)
    if last.amount_rule != "amount":
        chosen = {k: v for k, v in chosen.items() if k not in ("quantity", UNIT_PRICE)}
        chosen["amount"] = PRODUCT
    told = {k: str(v) for k, v in reading.get("answers", {}).items() if k in ARGUMENTS}
    name = book.settings.name or own.name
    return replace(state, name=name, into=own, chosen=chosen, answers={**told, **state.answers})


def _plain_name(path: Path) -> str:
    return path.name.split(".")[0].replace("_", " ")


def choose_table(state: FormState, table: str) -> FormState:
    """Say what the file holds, before it is looked at."""
    return replace(state, table=table)


@_kindly
def receive(state: FormState, name: str, content: bytes, size: int | None = None) -> FormState:
    """Keep a file that was uploaded in ``data/mine`` and choose it.

    An upload too large for a notebook comes without content, and is to be copied instead. Another
    file of that name stays: the new one gets a number.
    """
    say, mine = state.wording.say, intake.mine()
    if not content and (size or 0) > 0:
        return replace(state, problem=say("form.problem.too_large", file=name, folder=mine))
    if not content:
        return replace(state, problem=say("form.problem.empty", file=name))
    safe = filing.safe_name(name, "")
    if Path(name.replace("\\", "/")).name != name or not safe:
        return replace(state, problem=say("form.problem.path_trick", file=name))
    if not safe.lower().endswith(SUFFIXES):
        kinds = ", ".join(SUFFIXES)
        return replace(state, problem=say("form.problem.kind", file=name, kinds=kinds))
    place, stem, suffix, number = mine / safe, Path(safe).stem, Path(safe).suffix, 1
    while (taken := filing.taken_by(mine, place.name)) is not None:
        if taken.is_file() and taken.read_bytes() == content:
            return propose(replace(state, folder=None), taken)
        number += 1
        place = mine / f"{stem} ({number}){suffix}"
    with filing.written(place) as beside:
        beside.write_bytes(content)
    proposed = propose(replace(state, folder=None), place)
    note = say("form.note.kept_as", file=place.name, folder=mine.as_posix())
    return replace(proposed, notes=(note, *proposed.notes))


# ------------------------------------------------------------------------ answers


@_kindly
def answer(state: FormState, **said: str) -> FormState:
    """Answer a question about the file: ``decimal=","``, ``currency="EUR"``, ``language="fr"``."""
    told = dict(said)
    language = told.pop("language", state.language)
    if language not in LANGUAGES:
        return state
    name = told.pop("name", None)
    margin = told.pop("margin_percent", state.margin_percent)
    changed = replace(state, language=language, margin_percent=margin)
    changed = replace(changed, answers={**state.answers, **told})
    if name is not None:
        changed = replace(changed, name=name, into=None)
        if any(question.argument == "name" for question in state.questions):
            changed = replace(changed, answers={**changed.answers, "name": name})
    if set(told) & set(READING) and changed.path is not None and name is None and not state.chosen:
        # Only now can the headings be read, and compared with those of the loaded workbook.
        changed = _like_last_time(changed, changed.path)
    reads_anew = bool(told) or language != state.language
    reads_anew = reads_anew and set(told) != {"mode"}
    if state.step != "confirm" or changed.path is None or not reads_anew:
        return _without_answered(changed)
    return _checked(changed)


def _without_answered(state: FormState) -> FormState:
    kept = tuple(q for q in state.questions if q.argument not in state.answers or not q.open)
    return replace(state, questions=kept)


@_kindly
def match(state: FormState, column: str, heading: str) -> FormState:
    """Say which heading of the file a column is, or :data:`LEFT_OUT`, or :data:`PRODUCT`."""
    return _checked(replace(state, chosen={**state.chosen, column: heading}))


@_kindly
def confirm_proposals(state: FormState) -> FormState:
    """Say yes to every heading that was proposed and is to be confirmed."""
    if state.matching is None:
        return state
    said = {
        entry.column: entry.export_column
        for entry in state.matching.entries
        if entry.status == "doubtful" and entry.export_column is not None
    }
    return _checked(replace(state, chosen={**state.chosen, **said}))


def _reading(state: FormState) -> dict[str, Any]:
    return {name: typed(name, state.answers[name]) for name in READING if name in state.answers}


def _told(chosen: Mapping[str, str], proposed: Matching) -> dict[str, str | None]:
    """The choices as a matching takes them."""
    told: dict[str, str | None] = {}
    for column, heading in chosen.items():
        if heading == PRODUCT:
            by_column = {entry.column: entry.export_column for entry in proposed.proposed}
            told[column] = None
            told |= {name: by_column.get(name) for name in ("quantity", UNIT_PRICE)}
        else:
            told[column] = None if heading == LEFT_OUT else heading
    return told


def _still_there(chosen: Mapping[str, str], proposed: Matching) -> dict[str, str]:
    """The choices whose headings the file has; after another sheet is chosen they may be gone."""
    known = {*proposed.header, PRODUCT, LEFT_OUT}
    return {column: heading for column, heading in chosen.items() if heading in known}


def can_multiply(matching: Matching) -> bool:
    """Whether the amount can be quantity × unit price in this file."""
    found = {entry.column for entry in matching.proposed if entry.export_column}
    return {"quantity", UNIT_PRICE} <= found


def _checked(state: FormState) -> FormState:
    """Read the file with what is known: the matching, what is open, how it would come in."""
    if state.path is None:
        return state
    after = replace(state, questions=(), imported=None, notes=(), problem="")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            after = replace(after, matching=_proposed(after, state.path))
            if not after.open_columns:
                imported = _imported(after, state.path)
                after = replace(after, imported=imported, questions=_assumed(imported, after))
        except QuestionError as error:
            questions = asked(error.questions, state.path, state.wording)
            # What the form cannot ask is said as it is.
            problem = "" if questions else str(error)
            after = replace(after, questions=questions, problem=problem)
        except RetentionError as error:
            after = replace(after, problem=str(error))
    said = notes_of(caught)
    return _with_earlier(replace(after, notes=said if after.imported else ()), dates_note(caught))


def _with_earlier(state: FormState, dates: str) -> FormState:
    """Put the evidence before the question of dates; what was answered can be answered anew."""
    questions = tuple(
        replace(q, text=f"{dates}. {q.text}") if q.argument == "date_order" and dates else q
        for q in state.questions
    )
    asked_so_far = {**state.asked, **{q.argument: q for q in questions}}
    current = {question.argument for question in questions}
    earlier = tuple(
        replace(question, open=False, answered=True, assumed=state.answers[name])
        for name, question in asked_so_far.items()
        if name in state.answers and name not in current and name not in ("mode", "name")
    )
    return replace(state, questions=(*questions, *earlier), asked=asked_so_far)


def _proposed(state: FormState, path: Path) -> Matching:
    """The headings as they are proposed, with what was said about them."""
    proposed = propose_matching(path, state.table, language=state.language, **_reading(state))
    return proposed.resolve(_told(_still_there(state.chosen, proposed), proposed))


def _imported(state: FormState, path: Path) -> Import:
    """The file as it would come in; nothing is written."""
    others: dict[str, Any] = {
        name: typed(name, state.answers[name])
        for name in ("decimal", "date_order")
        if state.answers.get(name)
    }
    currency, left_out = currency_of(state.answers.get("currency", ""))
    imported = import_export(
        path,
        state.table,
        matching=state.matching,
        language=state.language,
        currency=currency or None,
        leave_out=left_out,
        **_reading(state),
        **others,
    )
    if imported.wording.currency or state.into is None or "currency" in state.answers:
        return imported
    usual = workbooks.read_workbook(state.into).settings.currency
    return replace(imported, wording=replace(imported.wording, currency=usual))


def _assumed(imported: Import, state: FormState) -> tuple[Question, ...]:
    """What was taken for granted, and what was answered before and can be answered anew."""
    taken = list(assumed(imported))
    currency = next((q for q in taken if q.argument == "currency"), None)
    if currency is not None and "currency" in state.answers:
        taken[taken.index(currency)] = replace(currency, assumed=state.answers["currency"])
    return tuple(taken)


# ------------------------------------------------------------------------ importing


@_kindly
def take(state: FormState) -> FormState:
    """Import: save the file as a workbook, and account for its rows."""
    if not state.ready or state.imported is None or state.path is None:
        return replace(state, problem=state.wording.say("form.problem.not_ready"))
    margin = _margin(state)
    folder, is_named = _folder(state, state.path)
    mode: Any = state.answers.get("mode") or None
    try:
        taken = intake.put_in(
            state.imported,
            folder,
            mode=mode,
            name=(state.name or None) if state.table == "transactions" else None,
            load=False,
            currency=currency_of(state.answers.get("currency", ""))[0] or None,
            margin_rate=margin,
            guessed=not is_named,
        )
    except QuestionError as error:
        return replace(state, questions=asked(error.questions, state.path, state.wording))
    return replace(state, taken=taken, step="done")


def _folder(state: FormState, path: Path) -> tuple[Path, bool]:
    own = intake.own_workbook()
    if state.table != "transactions" and own is not None:
        return own, True
    if state.into is not None:
        return state.into, False
    return intake.folder_for(path, state.name), "name" in state.answers


def _margin(state: FormState) -> float | None:
    """The margin rate from what was typed as a percentage; ``None`` for nothing."""
    text = state.margin_percent.replace("%", "").replace(",", ".").strip()
    if not text:
        return None
    try:
        percent = float(text)
    except ValueError:
        percent = -1.0
    if not 0 <= percent <= 100:
        raise InputError(state.wording.say("form.problem.margin", got=state.margin_percent))
    return percent / 100


@_kindly
def take_back(state: FormState) -> FormState:
    """Take back the rows that were set aside and have been mended in Excel."""
    if state.taken is None:
        return state
    taken = intake.take_back(state.taken)
    return replace(state, taken=taken, said=taken.imported.sentence())


@_kindly
def use(state: FormState) -> FormState:
    """Have every chapter run on what was imported."""
    if state.taken is None:
        return state
    workbooks.load_workbook(state.taken.folder)
    name = workbooks.read_workbook(state.taken.folder).settings.name or state.taken.folder.name
    said = state.wording.say("form.used", name=name)
    return replace(state, taken=replace(state.taken, loaded=True), said=said)


@_kindly
def take_next(state: FormState, path: Path) -> FormState:
    """Next month: take a file in as the last one was; where that fails, ask as the first time."""
    own = intake.own_workbook()
    if own is None:
        return propose(state, path)
    notes: tuple[str, ...]
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            # Not told that it belongs there, so that another company's file is asked about.
            taken = intake.take_in(path)
        notes = notes_of(caught)
    except QuestionError as error:
        proposed = propose(state, path, "transactions")
        questions = asked(error.questions, path, state.wording)
        later = tuple(q for q in questions if q.argument in ("mode", "name", "currency"))
        if not proposed.ready:
            return proposed
        return replace(proposed, questions=(*later, *proposed.questions))
    done = replace(state, path=path, step="done", taken=taken, notes=notes)
    name = workbooks.read_workbook(own).settings.name or own.name
    return replace(done, said=state.wording.say("form.used", name=name))


def others_of_mine(state: FormState) -> tuple[str, ...]:
    """Names of the person's workbooks that the file could join, where it makes a new one."""
    if state.into is not None or state.table != "transactions":
        return ()
    try:
        places = sorted(place for place in intake.mine().iterdir() if workbooks.is_workbook(place))
        return tuple(place.name for place in places)
    except (OSError, RetentionError):
        return ()


@_kindly
def back_to_sample(state: FormState) -> FormState:
    """Have the chapters run on the sample again; the person's workbooks stay where they are."""
    workbooks.load_workbook(workbooks.project_folder() / "data" / "sample" / "b2b")
    return replace(begin(state.folder, state.language), said=state.wording.say("form.sample_back"))


def start_over(state: FormState) -> FormState:
    """Back to the choice of a file."""
    return replace(begin(state.folder, state.language), table=state.table)
