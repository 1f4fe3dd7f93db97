"""Excel and OpenDocument workbooks to tables of text, through python-calamine.

Text cells stay as they are, so that 007 and 01000 survive where the workbook kept them.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from retention_lib.base._header import Header, find_header
from retention_lib.base._layout import no_headings, no_rows
from retention_lib.base._old_excel import check_old_workbook
from retention_lib.base._raw import (
    ROW,
    RawTable,
    Reading,
    check_width,
    headings,
    rejected_table,
    trim,
)
from retention_lib.base._sheet_size import check_size
from retention_lib.base._typed import are_numbers, cells_as_text
from retention_lib.errors import InputError, QuestionError

if TYPE_CHECKING:
    import pyarrow as pa
    from python_calamine import CalamineWorkbook

_SAMPLE_ROWS = 400

Rows = list[list[Any]]


def read_excel(
    data: bytes, name: str, *, sheet: str | None = None, header_row: int | None = None
) -> RawTable:
    """Read one sheet of a workbook as a table of text."""
    workbook = _open(data, name)
    names = list(workbook.sheet_names)
    if sheet is not None:
        if sheet not in names:
            raise InputError(f"{name} has no sheet {sheet!r}; it has {', '.join(names)}.")
        rows = _rows(workbook, sheet, name)
    else:
        sheet, rows = _only_table(workbook, name)
    if not any(any(cell != "" for cell in row) for row in rows):
        raise InputError(f"Sheet {sheet!r} of {name} is empty.")
    return _table(rows, name, sheet, tuple(names), header_row)


def _open(data: bytes, name: str) -> CalamineWorkbook:
    import python_calamine

    if data[:4] == b"\xd0\xcf\x11\xe0":
        check_old_workbook(data, name)
    try:
        with _no_panic():
            return python_calamine.load_workbook(io.BytesIO(data))
    except python_calamine.PasswordError as error:
        raise InputError(
            f"{name} is protected by a password. Open it in Excel, remove the password and save."
        ) from error
    except (python_calamine.CalamineError, OSError, ValueError) as error:
        raise InputError(
            f"{name} cannot be read as an Excel workbook ({str(error)[:150]}). "
            "Open it in Excel and save it again as xlsx or CSV."
        ) from error


@contextmanager
def _no_panic() -> Iterator[None]:
    """What the reader stumbles over as an exception like others.

    Its own is none of Python's ``Exception``, so that it would end a notebook's cell, or a
    command, with a page of addresses.
    """
    try:
        yield
    except BaseException as error:
        if type(error).__name__ != "PanicException":
            raise
        raise ValueError(str(error)) from error


def _rows(workbook: CalamineWorkbook, sheet: str, name: str) -> Rows:
    import python_calamine

    try:
        with _no_panic():
            found = workbook.get_sheet_by_name(sheet)
            last_row, last_column = found.end or (0, 0)
            check_size(last_row + 1, last_column + 1, name)
            # Empty rows at the top count, so that row numbers are those Excel shows.
            return found.to_python(skip_empty_area=False)
    except InputError:
        raise
    except (python_calamine.CalamineError, OSError, ValueError, MemoryError) as error:
        raise InputError(
            f"Sheet {sheet!r} of {name} cannot be read ({str(error)[:150]}). "
            "Open it in Excel and save it again as xlsx or CSV."
        ) from error


def _only_table(workbook: CalamineWorkbook, name: str) -> tuple[str, Rows]:
    """The one sheet with a table: of the visible ones, or where they have none of the hidden."""
    from python_calamine import SheetTypeEnum, SheetVisibleEnum

    sheets = [s for s in workbook.sheets_metadata if s.typ == SheetTypeEnum.WorkSheet]
    visible = [s.name for s in sheets if s.visible == SheetVisibleEnum.Visible]
    hidden = [s.name for s in sheets if s.visible != SheetVisibleEnum.Visible]
    described: list[str] = []
    for group in (visible, hidden):
        tables: list[tuple[str, Rows]] = []
        for sheet in group:
            rows = _rows(workbook, sheet, name)
            if size := _table_size(rows):
                tables.append((sheet, rows))
                described.append(f"{sheet!r} ({size[0]:,} rows, {size[1]} columns)")
        if len(tables) == 1:
            return tables[0]
        if tables:
            raise QuestionError(
                [
                    f"{name} has {len(tables)} sheets with a table: {', '.join(described)}. "
                    f"Which one? Pass sheet={tables[0][0]!r}, for instance."
                ]
            )
    if len(visible) == 1:
        return visible[0], _rows(workbook, visible[0], name)
    raise InputError(
        f"No sheet of {name} holds a table ({', '.join(visible + hidden) or 'no sheet'}). "
        "Pass sheet= and header_row= if one does."
    )


def _table_size(rows: Rows) -> tuple[int, int] | None:
    """Rows and columns of the table in a sheet; ``None`` where it has none."""
    filled = [row for row in rows if sum(cell != "" for cell in row) >= 2]
    if len(filled) < 2:
        return None
    return len(filled) - 1, max(sum(cell != "" for cell in row) for row in filled)


def _table(
    rows: Rows, name: str, sheet: str, sheets: tuple[str, ...], header_row: int | None
) -> RawTable:
    width = max(len(row) for row in rows)
    check_width(width, name)
    header, first = _header(rows, width, f"Sheet {sheet!r} of {name}", header_row)
    texts = [text or "" for text in cells_as_text(header)] if header else [""] * width
    repeated = [trim(text) for text in texts]
    kept: list[int] = []
    rejected: list[tuple[int, str, str]] = []
    blank = 0
    for i in range(first, len(rows)):
        row = rows[i]
        if not any(cell != "" for cell in row):
            blank += 1
        elif header and row[0] == header[0] and [trim(str(c)) for c in row] == repeated:
            rejected.append((i + 1, " | ".join(map(str, row)), "repeated_header"))
        else:
            kept.append(i)
    if not kept:
        raise InputError(no_rows(f"Sheet {sheet!r} of {name}", texts))
    columns = list(zip(*(rows[i] for i in kept), strict=True))
    table, names, numbers = _text_table(columns, texts, [i + 1 for i in kept])
    before = (" ".join(str(c) for c in row if c != "") for row in rows[: max(first - 1, 0)])
    return RawTable(
        table=table,
        header=names,
        rejected=rejected_table(rejected),
        reading=Reading(
            source=name,
            kind="excel",
            header_row=first if header else 0,
            lines_before_header=tuple(line for line in before if line),
            blank_lines=blank,
            sheet=sheet,
            sheets=sheets,
        ),
        number_columns=numbers,
    )


def _header(
    rows: Rows, width: int, shown: str, header_row: int | None
) -> tuple[list[Any] | None, int]:
    """The row of headings and the index of the first row below it."""
    if header_row == 0:
        return None, 0
    if header_row is not None:
        if header_row > len(rows) or not any(cell != "" for cell in rows[header_row - 1]):
            raise InputError(f"header_row={header_row}, but that row of {shown} is empty.")
        return rows[header_row - 1], header_row
    numbers = [i for i, row in enumerate(rows[:_SAMPLE_ROWS]) if any(cell != "" for cell in row)]
    sample = [[text or "" for text in cells_as_text(rows[i])] for i in numbers]
    # Cells beside the table do not make it wider: columns without a single heading-like row.
    found: Header = find_header(sample, width)
    if found.index is None:
        if len(sample) == 1 and all(kind in ("text", "blank") for kind in found.kinds):
            raise InputError(no_rows(shown, sample[0]))
        raise QuestionError([no_headings(shown, sample[0], width)])
    index = numbers[found.index]
    return rows[index], index + 1


def _text_table(
    columns: Sequence[tuple[Any, ...]], texts: Sequence[str], row_numbers: Sequence[int]
) -> tuple[pa.Table, list[str], tuple[str, ...]]:
    import pyarrow as pa

    arrays = {ROW: pa.array(row_numbers, pa.int64())}
    numbers = []
    header = []
    for name, text, column in zip(headings(texts), texts, columns, strict=True):
        if not trim(text) and all(cell == "" for cell in column):
            continue
        header.append(name)
        arrays[name] = pa.array(cells_as_text(column), pa.string())
        if are_numbers(column):
            numbers.append(name)
    return pa.table(arrays), header, tuple(numbers)
