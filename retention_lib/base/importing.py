"""A foreign export in, a checked table out; every row accounted for.

The steps are the ones a careful person would take: read everything as text, match the headings,
decide from the whole of each column how it is written, type it, and set aside, with a reason,
what cannot be used. Reading is :mod:`sources`, deciding is :mod:`values`, headings are
:mod:`matching`; this module puts them in order and keeps the account.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from retention_lib import progress
from retention_lib.base import contract, workbooks
from retention_lib.base._typed import is_database_url
from retention_lib.base.deciding import Answers, DateOrder, DecimalMark, DuplicateLines
from retention_lib.base.imported import Import
from retention_lib.base.judging import Reader
from retention_lib.base.matching import Matching
from retention_lib.base.matching import propose_matching as match_headings
from retention_lib.base.sources import RawTable, plain_text, read_raw
from retention_lib.errors import ChoiceError, DataWarning, InputError, QuestionError
from retention_lib.wording import Language, Wording, spoken

_ANSWERS = {field.name for field in fields(Answers)}


def propose_matching(
    path: str | Path,
    table: str = "transactions",
    *,
    encoding: str | None = None,
    separator: str | None = None,
    sheet: str | None = None,
    header_row: int | None = None,
    language: Language | None = None,
) -> Matching:
    """How the columns of a file would be matched to the contract, before anything is imported.

    One row a column of the contract: the export's column, how sure, a sample of its values.
    Answer what is doubtful with ``import_export(path, matching={"customer_id": "Code client"})``.
    ``encoding``, ``separator``, ``sheet``, ``header_row`` and ``language`` as in
    :func:`import_export`.

    >>> proposed = propose_matching("data/sample/cdnow/raw/cdnow_sample.csv")
    >>> proposed.accepted["customer_id"]
    'customer_id'
    """
    contract.table(table)
    _check_kinds(path, encoding=encoding, separator=separator, sheet=sheet, header_row=header_row)
    raw = read_raw(path, encoding=encoding, separator=separator, sheet=sheet, header_row=header_row)
    wording = Wording(language or spoken())
    return match_headings(raw.header, table, samples=_samples(raw), wording=wording)


def import_export(
    path: str | Path,
    table: str = "transactions",
    *,
    matching: Matching | Mapping[str, str | None] | str | Path | None = None,
    encoding: str | None = None,
    separator: str | None = None,
    decimal: DecimalMark | None = None,
    date_order: DateOrder | None = None,
    sheet: str | None = None,
    header_row: int | None = None,
    duplicates: DuplicateLines = "keep",
    leave_out: Mapping[str, Sequence[str]] | None = None,
    currency: str | None = None,
    language: Language | None = None,
) -> Import:
    """Read a foreign export (CSV, Excel, Parquet, a folder of them, a database URL).

    ``matching`` answers for headings: contract column to the export's column (``None`` leaves a
    column out), or the folder of a workbook whose last import is to be repeated, answers and
    all. The other arguments answer what a file cannot say by itself; each is asked for by name
    where it is needed. ``duplicates="set_aside"`` sets exact copies of a line aside (default:
    ``"keep"``, because two equal lines may be two sales). ``leave_out`` sets rows aside by
    value: ``{"product": ["POSTAGE"]}``. ``encoding`` (such as ``cp1252``), ``separator``,
    ``decimal`` (``,`` or ``.``), ``date_order`` (``day_first``, ``month_first``), ``sheet`` (of an
    Excel file, or the table of a database) and ``header_row`` (line of the headings) say what the
    file leaves open. ``currency`` (such as ``EUR``) is otherwise read off the amounts, and where
    they carry no sign, amounts are shown without one. ``language`` is that of the result's words,
    ``en`` or ``fr``.

    Raises ``InputError`` where the file cannot be used, ``QuestionError`` where it can be read
    in more than one way; nothing doubtful is taken silently.

    >>> done = import_export("data/sample/cdnow/raw/cdnow_sample.csv")
    >>> done.rows_read, done.rows_kept
    (6919, 6919)
    """
    contract.table(table)
    _check_kinds(path, encoding=encoding, separator=separator, sheet=sheet, header_row=header_row)
    if duplicates not in ("keep", "set_aside"):
        raise ChoiceError("duplicates", duplicates, ("keep", "set_aside"))
    answers = Answers(
        encoding=encoding,
        separator=separator,
        decimal=decimal,
        date_order=date_order,
        sheet=sheet,
        header_row=header_row,
        duplicates=duplicates,
        leave_out=leave_out or {},
    )
    told = language is not None
    remembered: dict[str, dict[str, str]] = {}
    usual = ""
    known: tuple[str, ...] = ()
    if isinstance(matching, str | Path):
        book = workbooks.read_workbook(workbooks.from_here(matching))
        matching, answers, remembered = _remembered(book, table, answers)
        language = language or _language(book)
        usual = book.settings.currency
        known = tuple(book.tables[table].reading.get("currencies", ()))
    wording = Wording(language or spoken(), "")
    with progress.steps(wording, "import", total=3) as step:
        step("read")
        raw = read_raw(
            path,
            encoding=answers.encoding,
            separator=answers.separator,
            sheet=answers.sheet,
            header_row=answers.header_row,
        )
        step("match")
        matched = _matched(raw, table, matching, wording)
        step("judge")
        reader = Reader(raw, matched, contract.TABLES[table], answers, remembered)
        return Import.of(
            reader,
            wording,
            currency=currency,
            usual=usual,
            known=known,
            path=_kept_path(path),
            language_told=told,
        )


def import_raw(table: str = "transactions", *, path: str | Path | None = None) -> Import:
    """Import, live, the raw export behind the loaded workbook (or the workbook at ``path``).

    Where the workbook has no export on file, its own table is read the same way, so that the
    chapter on the raw file runs on any base.
    """
    place = workbooks.loaded_path() if path is None else Path(path)
    if workbooks.is_workbook(place):
        book = workbooks.read_workbook(place)
        entry = book.tables.get(table)
        if entry is None:
            raise ChoiceError("table", table, book.tables)
        source = entry.raw if entry.raw is not None and entry.raw.exists() else entry.file
        known = book.folder if entry.reading and source == entry.raw else None
        done = import_export(
            source,
            table,
            matching=known,
            currency=book.settings.currency,
            language=_language(book),
        )
        # A table of several months has no one export behind it; what those lost is still told.
        told = {} if known is not None else entry.reading.get("outcome", {})
        return replace(done, taken_in=told)
    return import_export(place, table)


def _language(book: workbooks.Workbook) -> Language:
    return spoken(book.settings.language)


def _check_kinds(path: object, **told: object) -> None:
    """Refuse arguments of the wrong kind in words, before anything stumbles over them."""
    if not isinstance(path, str | Path):
        raise InputError(
            f"Give the path of an export, such as 'data/mine/my_export.csv'; got "
            f"{type(path).__name__}. A table that is in memory already goes to "
            f"rl.CustomerBase.from_tables(table)."
        )
    for name, value in told.items():
        kind = int if name == "header_row" else str
        if value is not None and (isinstance(value, bool) or not isinstance(value, kind)):
            wanted = "a whole number" if kind is int else "a text"
            raise InputError(f"{name} is {wanted}; got {value!r}.")


def _kept_path(path: str | Path) -> str:
    """Where the export is, for ``workbook.toml``; empty for a database, which has no file."""
    if is_database_url(str(path)):
        return ""
    place = workbooks.from_here(str(path))
    return place.resolve().as_posix() if place.exists() else ""


def _remembered(
    book: workbooks.Workbook, table: str, answers: Answers
) -> tuple[Matching, Answers, dict[str, dict[str, str]]]:
    """What a workbook's last import was told and proved; answers given now go before."""
    reading = dict(book.tables[table].reading) if table in book.tables else {}
    if "matching" not in reading:
        raise InputError(
            f"The workbook in {book.folder} remembers no import of {table}; import the file once "
            f"with its own matching and .save() it there."
        )
    told = {name: told for name, told in reading.get("answers", {}).items() if name in _ANSWERS}
    answers = Answers(**{**told, **answers.given()})
    return Matching.from_dict(reading["matching"]), answers, reading.get("decided", {})


def _samples(raw: RawTable, rows: int = 1000) -> dict[str, list[str]]:
    """The first texts that say something, of each column of the whole file.

    A number that never repeats tells a line from a customer, but only the whole file can say so:
    a busy shop sees a thousand different customers in a row. A column that repeats anywhere
    repeats in its sample, too.
    """
    samples = {}
    for name in raw.header:
        # Closing dates are rare: their sample is looked for in the whole file.
        column = raw.table.column(name)
        says_something = pc.fill_null(pc.not_equal(pc.utf8_trim_whitespace(column), ""), False)
        texts = [plain_text(t) for t in column.filter(says_something).slice(0, rows).to_pylist()]
        if len(set(texts)) == len(texts) == rows and _repeats(column):
            texts.append(texts[0])
        samples[name] = texts
    return samples


def _repeats(column: pa.ChunkedArray) -> bool:
    return bool(pc.count_distinct(column).as_py() < len(column))


def _matched(
    raw: RawTable,
    table: str,
    matching: Matching | Mapping[str, str | None] | None,
    wording: Wording,
) -> Matching:
    if isinstance(matching, Matching):
        fit = matching.applies_to(raw.header)
        if not fit.fits:
            raise QuestionError([fit.sentence(), *fit.matching.questions()])
        if fit.missing:
            warnings.warn(fit.sentence(), DataWarning, stacklevel=3)
        return fit.matching
    proposed = match_headings(raw.header, table, samples=_samples(raw), wording=wording)
    if matching:
        proposed = proposed.resolve(matching)
    questions = proposed.questions()
    if questions:
        raise QuestionError(questions)
    if proposed.doubtful:
        warnings.warn(proposed.sentence(), DataWarning, stacklevel=3)
    return proposed
