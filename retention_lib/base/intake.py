"""A person's own export into a workbook of their own, the first time and every month after.

``data/mine`` is where exports lie and where their workbooks are kept. :func:`take_in` imports an
export, decides whether it begins a workbook, goes on with one or replaces what is there, and
accounts for old and new rows alike. The form of the notebook and the command line both stand on
it. The samples are never written to.
"""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from retention_lib import turns
from retention_lib.base import contract, workbooks
from retention_lib.base._intake_joining import (
    Days,
    Joined,
    Mode,
    earlier_set_aside_name,
    join,
    join_mended,
)
from retention_lib.base._intake_places import find_exports as find_exports
from retention_lib.base._intake_places import folder_for as folder_for
from retention_lib.base._intake_places import mine as mine
from retention_lib.base._intake_places import modified, not_the_sample
from retention_lib.base._intake_places import own_workbook as own_workbook
from retention_lib.base._typed import is_database_url, without_secrets
from retention_lib.base.imported import Import
from retention_lib.base.importing import import_export
from retention_lib.base.matching import Matching
from retention_lib.base.saving import save_table, set_aside_file
from retention_lib.base.sources import read_raw
from retention_lib.errors import ChoiceError, InputError, QuestionError
from retention_lib.wording import Language, spoken

MODES: tuple[Mode, ...] = ("new", "replaced", "added")
_READING = ("encoding", "separator", "sheet", "header_row")


@dataclass(frozen=True, repr=False)
class TakenIn:
    """What became of an export that was taken into a workbook.

    ``mode``: ``new`` (the workbook did not have the table), ``added`` (the old rows outside the
    days of the new file stay) or ``replaced`` (none of them stays). ``rows_before`` and
    ``rows_after`` count the table's rows in the workbook; ``rows_after`` are those that stayed
    and ``imported.rows_kept``. ``again``: read as the last import was. ``loaded``: every chapter
    runs on it now. ``days``: the first and the last day of the file, before rows were mended.
    ``reading``: what the workbook remembers of it, by which is seen whether it took in more since.
    """

    imported: Import
    folder: Path
    mode: str
    rows_before: int
    rows_after: int
    again: bool = False
    loaded: bool = False
    gap_days: int = 0
    days: Days | None = None
    reading: Mapping[str, Any] = field(default_factory=dict)

    @property
    def table(self) -> str:
        """Which table it was."""
        return self.imported.reader.contract.name

    @property
    def rows_stayed(self) -> int:
        """Old rows that the new file does not speak of, and that stay."""
        return self.rows_after - self.imported.rows_kept

    @property
    def rows_replaced(self) -> int:
        """Old rows that went, the new file having its own for the same days or keys."""
        return self.rows_before - self.rows_stayed

    @property
    def set_aside_path(self) -> Path | None:
        """The Excel file with the rows set aside, to open and mend; ``None`` without any."""
        file = set_aside_file(self.folder, self.table)
        return file if self.imported.rows_read > self.imported.rows_kept else None

    def sentence(self) -> str:
        """What was read, kept and set aside, and what became of the rows that were there."""
        return " ".join((self.imported.sentence(), self.about_old_rows())).rstrip()

    def about_old_rows(self) -> str:
        """What became of the rows that were there; empty where there were none."""
        w, said = self.imported.wording, []
        if self.mode != "new":
            untouched = self.mode == "added" and not self.rows_replaced
            said.append(
                w.say(
                    f"intake.account.{'joined' if untouched else self.mode}",
                    before=self.rows_before,
                    stayed=self.rows_stayed,
                    replaced=self.rows_replaced,
                    came=self.imported.rows_kept,
                    after=self.rows_after,
                )
            )
        if self.gap_days:
            said.append(w.say("intake.account.gap", days=self.gap_days))
        return " ".join(said)

    def __repr__(self) -> str:
        return f"<TakenIn: {self.sentence()}>"

    def _repr_html_(self) -> str:
        return f"<p><strong>{html.escape(self.sentence())}</strong></p>"


def next_export(folder: Path | None = None) -> Path | None:
    """A newer export in ``data/mine`` that the workbook can take in as the last one.

    ``folder``: the workbook (default: the loaded one, where it is the person's own). ``None``
    where nothing newer lies there whose headings fit.
    """
    folder = folder or own_workbook()
    if folder is None:
        return None
    entry = workbooks.read_workbook(folder).tables["transactions"]
    taken = dict(entry.reading.get("taken", {}))
    saved = modified(folder / workbooks.FILE_NAME)
    for path in find_exports():
        size = path.stat().st_size
        if modified(path) < saved and path.name in taken:
            continue
        if taken.get(path.name) != size and remembers(folder, "transactions", path):
            return path
    return None


# ------------------------------------------------------------------------ taking in


def take_in(
    path: str | Path,
    *,
    table: str = "transactions",
    name: str = "",
    into: str | Path | None = None,
    again: bool | str | Path | None = None,
    mode: Literal["replaced", "added"] | None = None,
    load: bool = True,
    language: Language | None = None,
    currency: str | None = None,
    margin_rate: float | None = None,
    **answers: Any,
) -> TakenIn:
    """Take an export into a workbook under ``data/mine``, and have every chapter run on it.

    ``table`` is what the export holds (default: ``"transactions"``). ``name`` is what the
    workbook is called and where it is kept; without it the file's own name. ``into`` is another
    folder to keep it in. ``again`` repeats the last import of a workbook, matching, answers and
    all: its folder, or ``True`` for the one it goes into; without it that is done where the
    headings fit, and ``False`` never does it. ``mode`` says what becomes of rows that are there:
    ``added`` keeps those outside the days of the new file, ``replaced`` none; without it the
    dates decide. ``load=False`` leaves loaded what is (default: ``True``). ``language`` (``en``
    or ``fr``), ``currency`` and ``margin_rate`` (a share, 0 to 1) are kept with the workbook.
    Further answers (``matching``, ``decimal``, ``date_order``, ``encoding``, …) as in
    :func:`retention_lib.import_export`.

    Raises ``InputError`` where the file cannot be used, ``QuestionError`` where it can be read,
    or joined to what is there, in more than one way.
    """
    contract.table(table)
    _check(mode, margin_rate)
    source = _source(path)
    folder, guessed = _place(source, table, name, into, again)
    repeat = _repeated(folder, table, source, again, answers)
    if guessed and not repeat:
        # Headings unlike those of the loaded workbook: an export of something else.
        folder, guessed = folder_for(source, name), False
        repeat = again is not False and "matching" not in answers
        repeat = repeat and remembers(folder, table, source, answers)
    is_new = not workbooks.is_workbook(folder)
    _check_beginning(folder, table, is_new)
    told = language or (spoken() if is_new else None)
    if repeat:
        answers = {**answers, "matching": again if isinstance(again, str | Path) else folder}
    imported = import_export(source, table, language=told, currency=currency, **answers)
    return put_in(
        imported,
        folder,
        mode=mode,
        name=_called(name, source, is_new),
        load=load,
        currency=currency,
        margin_rate=margin_rate,
        guessed=guessed,
        again=repeat,
    )


def put_in(
    imported: Import,
    folder: Path,
    *,
    mode: Mode | None = None,
    name: str | None = None,
    load: bool = True,
    currency: str | None = None,
    margin_rate: float | None = None,
    guessed: bool = False,
    again: bool = False,
    mended: TakenIn | None = None,
) -> TakenIn:
    """Put what was imported into the workbook in ``folder``; :func:`take_in` without the reading.

    ``guessed``: nobody said that it belongs there; ``mended``: it was put there before, with that
    account, and comes again with rows that have been mended.
    """
    _check(mode, margin_rate)
    not_the_sample(folder)
    table = imported.reader.contract.name
    _check_beginning(folder, table, not workbooks.is_workbook(folder))
    # From reading the old rows until the new ones are saved, nobody else may save.
    with turns.alone(folder):
        if mended is None:
            joined = join(folder, imported, mode, guessed=guessed)
        else:
            _must_be_as_it_was(mended)
            joined = join_mended(folder, imported, mended.imported, mended.days, mode or "added")
        _save(folder, imported, joined, name, currency, margin_rate, mended=mended is not None)
        reading = workbooks.read_workbook(folder).tables[table].reading
    if load:
        workbooks.load_workbook(folder)
    return TakenIn(
        imported=imported,
        folder=folder,
        mode=joined.mode,
        rows_before=joined.before,
        rows_after=joined.stayed + imported.rows_kept,
        again=again,
        loaded=load,
        gap_days=joined.gap_days,
        days=joined.days,
        reading=reading,
    )


def take_back(taken: TakenIn) -> TakenIn:
    """Take the rows back in that were set aside and have been mended in their Excel file.

    Raises ``InputError`` where nothing was set aside or the file cannot be used.
    """
    file = set_aside_file(taken.folder, taken.table)
    if not file.is_file():
        raise InputError(f"No row is set aside in {taken.folder}: there is nothing to take back.")
    _must_be_as_it_was(taken)
    mended = taken.imported.add_mended(file)
    mode: Mode = "added" if taken.mode == "added" else "replaced"
    return put_in(mended, taken.folder, mode=mode, load=taken.loaded, mended=taken)


def _must_be_as_it_was(taken: TakenIn) -> None:
    """Rows set aside are known by their numbers, which are those of one file."""
    entry = workbooks.read_workbook(taken.folder).tables.get(taken.table)
    if entry is None or entry.reading != taken.reading:
        raise InputError(
            f"{taken.folder.name} has taken in something else since {taken.imported.file}, so the "
            f"numbers of its rows set aside no longer hold. Correct those rows in "
            f"{taken.imported.file} itself and take that file in again."
        )


def _source(path: str | Path) -> Path:
    """The export as a path; a workbook is none, and is loaded instead."""
    if isinstance(path, str) and is_database_url(path):
        shown = without_secrets(path)
        raise InputError(
            f"{shown} is a database. Read it with rl.import_export({shown!r}) and keep it with "
            f".save(); taking in is for files."
        )
    source = workbooks.from_here(path)
    if workbooks.is_workbook(source):
        raise InputError(
            f"{source} is a workbook already, no export. Use it in every chapter with "
            f"rl.load_workbook({source.as_posix()!r})."
        )
    return source


def _check(mode: object, margin_rate: float | None) -> None:
    if mode not in (None, "replaced", "added"):
        raise ChoiceError("mode", mode, ("replaced", "added"))
    if margin_rate is not None and not (
        isinstance(margin_rate, int | float) and 0 <= margin_rate <= 1
    ):
        raise InputError(
            f"margin_rate is the share of sales that is margin, from 0 to 1, such as 0.35 for "
            f"35 %; got {margin_rate!r}."
        )


def _check_beginning(folder: Path, table: str, is_new: bool) -> None:
    if is_new and table != "transactions":
        raise InputError(
            f"A workbook begins with its transactions; {folder.name} has none yet. Take those in "
            f"first, then the {table}."
        )


def _place(
    source: Path,
    table: str,
    name: str,
    into: str | Path | None,
    again: bool | str | Path | None,
) -> tuple[Path, bool]:
    """The folder of the workbook, and whether it was guessed rather than told."""
    if into is not None:
        folder = workbooks.from_here(into)
        folder = folder.parent if folder.name == workbooks.FILE_NAME else folder
        return not_the_sample(folder), False
    if isinstance(again, str | Path):
        return not_the_sample(workbooks.from_here(again)), False
    if name:
        return folder_for(source, name), False
    loaded = own_workbook()
    if loaded is not None and again is not False:
        # Any other table belongs to the customers that are loaded; sales may be another shop's.
        return loaded, table == "transactions"
    if table != "transactions" and loaded is not None:
        return loaded, False
    return folder_for(source), False


def _repeated(
    folder: Path,
    table: str,
    source: Path,
    again: bool | str | Path | None,
    answers: dict[str, Any],
) -> bool:
    if again is False or "matching" in answers:
        return False
    return again is not None or remembers(folder, table, source, answers)


def remembers(
    folder: Path, table: str, source: Path, answers: dict[str, Any] | None = None
) -> bool:
    """Whether a workbook remembers an import of that table whose headings fit the file."""
    if not workbooks.is_workbook(folder):
        return False
    entry = workbooks.read_workbook(folder).tables.get(table)
    if entry is None or "matching" not in entry.reading:
        return False
    told = dict(entry.reading.get("answers", {})) | (answers or {})
    how = {key: told[key] for key in _READING if told.get(key) is not None}
    try:
        header = read_raw(source, **how).header
        return Matching.from_dict(entry.reading["matching"]).applies_to(header).fits
    except QuestionError:
        # What cannot be read without an answer is no file of the kind that was answered for.
        return False
    except InputError:
        return False


def _called(name: str, source: Path, is_new: bool) -> str | None:
    """What the workbook is called from now on; ``None`` leaves its name alone."""
    if name or not is_new:
        return name or None
    return source.name.split(".")[0].replace("_", " ")


def _save(
    folder: Path,
    imported: Import,
    joined: Joined,
    name: str | None,
    currency: str | None,
    margin_rate: float | None,
    *,
    mended: bool,
) -> None:
    table = imported.reader.contract.name
    settings = {
        "name": name,
        "currency": currency or imported.wording.currency or None,
        "language": imported.wording.language if imported.language_told else None,
        "margin_rate": margin_rate,
    }
    reading = {**imported.reading(), "taken": _taken(folder, table, imported)}
    if joined.mode == "added":
        before = workbooks.read_workbook(folder).tables[table].reading
        is_again = mended and "earlier" in before
        outcome = before.get("outcome", {"set_aside": {}})
        earlier = before["earlier"] if is_again else joined.still_aside(outcome)
        reading["earlier"] = dict(earlier)
        reading["outcome"] = joined.account(reading["outcome"], earlier)
    # The export of one month is not where the whole table came from.
    raw = imported.path or None if joined.mode != "added" else None
    entry = {"raw": raw, "reading": reading}
    beside_others = joined.mode == "added" and not mended
    save_table(
        folder,
        table,
        joined.rows,
        imported.set_aside,
        entry,
        settings,
        imported.wording,
        earlier=earlier_set_aside_name(folder, table, joined.last_before) if beside_others else "",
    )


def _taken(folder: Path, table: str, imported: Import) -> dict[str, int]:
    """Names and sizes of the exports taken in so far, so that none is offered a second time."""
    before: dict[str, int] = {}
    if workbooks.is_workbook(folder):
        entry = workbooks.read_workbook(folder).tables.get(table)
        before = dict(entry.reading.get("taken", {})) if entry is not None else {}
    path = Path(imported.path) if imported.path else None
    if path is None or not path.is_file():
        return before
    return before | {path.name: path.stat().st_size}
