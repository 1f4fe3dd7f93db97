"""Rows that were set aside, mended by a person and taken back; the account stays whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from retention_lib.base.judging import Reader
from retention_lib.base.sources import FILE, ROW, RawTable, plain_text, read_raw
from retention_lib.errors import InputError
from retention_lib.wording import LANGUAGES
from retention_lib.wording import texts as all_texts

_OWN = ("row", "file", "reason", "reason_code", "line")


def shown_headings(header: Sequence[str]) -> dict[str, str]:
    """The headings of an export as the file of rows set aside has them.

    That file has columns of its own, and an export may call one of its columns ``Reason``.
    """
    taken, shown = set(_OWN), {}
    for name in header:
        free = name
        while free.lower() in taken:
            free = f"{free} (export)"
        taken.add(free.lower())
        shown[name] = free
    return shown


def mended_reader(reader: Reader, set_aside: pd.DataFrame, path: str | Path) -> Reader:
    """A reader of the export in which the mended rows stand in the place of the old ones.

    Raises ``InputError`` where a row of the file was never set aside, comes twice, or has lost
    its number.
    """
    raw, name = reader.raw, Path(path).name
    if FILE in raw.table.column_names:
        raise InputError("Mend the files of a folder themselves and import the folder again.")
    mended = read_raw(path)
    column = _row_column(mended.header)
    if column is None:
        raise InputError(
            f"{name} has no column 'row', by which mended rows are recognised; use the file that "
            f".save() wrote."
        )
    numbers = _row_numbers(mended, name, column)
    _must_be_set_aside(numbers, set_aside, name, column)
    columns: dict[str, object] = {ROW: pa.array(numbers, pa.int64())}
    before = _rows_of(raw, numbers)
    for heading, shown in shown_headings(raw.header).items():
        known = shown in mended.header
        texts = mended.table.column(shown).to_pylist() if known else [None] * len(numbers)
        columns[heading] = pa.array(_untouched(texts, before[heading]), pa.string())
    replacing = pa.table(columns).select(raw.table.column_names)
    # A line that was no row at all and still has nothing in its columns has not been mended.
    replacing = replacing.filter(pa.array(_filled(replacing, raw.header)))
    return Reader(
        _with_rows(raw, replacing),
        reader.matching,
        reader.contract,
        reader.answers,
        reader.decisions.remembered(reader.source_of),
    )


def _row_column(header: Sequence[str]) -> str | None:
    """The column with the numbers of the rows, in whichever language the file was written."""
    words = all_texts()["name.set_aside.row"]
    return next((words[language] for language in LANGUAGES if words[language] in header), None)


def _row_numbers(mended: RawTable, name: str, column: str) -> list[int]:
    texts = mended.table.column(column).to_pylist()
    odd = [text for text in texts if not (text or "").strip().isdecimal()]
    if odd:
        raise InputError(
            f"{len(odd)} row(s) of {name} have no row number of the export in their column "
            f"{column!r} (first: {odd[0]!r}). New rows belong into the export itself."
        )
    return [int(text) for text in texts]


def _must_be_set_aside(numbers: list[int], set_aside: pd.DataFrame, name: str, column: str) -> None:
    known = set(set_aside["row"])
    strange = [number for number in numbers if number not in known]
    if strange:
        raise InputError(
            f"{len(strange)} row(s) of {name} were never set aside (first: row {strange[0]}); "
            f"keep the numbers of the column {column!r} as they are."
        )
    twice = sorted({number for number in numbers if numbers.count(number) > 1})[:1]
    if twice:
        raise InputError(
            f"Row {twice[0]} stands in {name} more than once; a row can be mended only once."
        )


def _rows_of(raw: RawTable, numbers: list[int]) -> dict[str, list[str | None]]:
    """The texts of those rows as the export had them; nothing for lines that were no rows."""
    places = pc.index_in(pa.array(numbers, pa.int64()), raw.table.column(ROW).combine_chunks())
    return {name: raw.table.column(name).take(places).to_pylist() for name in raw.header}


def _untouched(texts: list[str | None], before: list[str | None]) -> list[str | None]:
    """Cells nobody has changed, as the export had them: a number of Excel stays a number."""
    return [
        old if old is not None and plain_text(old) == plain_text(text or "") else text
        for text, old in zip(texts, before, strict=True)
    ]


def _filled(table: pa.Table, header: Sequence[str]) -> list[bool]:
    frame = table.to_pandas()
    texts = frame[list(header)].fillna("").apply(lambda column: column.str.strip())
    return [bool(filled) for filled in (texts != "").any(axis=1)]


def _with_rows(raw: RawTable, replacing: pa.Table) -> RawTable:
    rows = replacing.column(ROW).combine_chunks()
    table = raw.table.filter(pc.invert(pc.is_in(raw.table.column(ROW), rows)))
    rejected = raw.rejected.filter(pc.invert(pc.is_in(raw.rejected.column(ROW), rows)))
    whole = pa.concat_tables([table, replacing.cast(table.schema)]).sort_by(ROW)
    # Texts may have been typed into columns of numbers; a number shows by itself that it is one.
    return replace(raw, table=whole, rejected=rejected, number_columns=())
