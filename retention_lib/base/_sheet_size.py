"""How large the sheets of a workbook are, before a reader makes room for them.

Readers of Excel files make room for every cell of the rectangle that the cells span: one stray
cell in the last corner, or one cell that says it stands for a billion, would need hundreds of
gigabytes and end the whole program. So the extent is counted in the bytes, block by block.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from retention_lib.errors import InputError

MAX_ROWS = 1_048_576
"""Rows of an Excel sheet."""
MAX_WIDTH = 16_384
"""Columns of an Excel sheet."""
MAX_CELLS = 100_000_000
"""Cells of a sheet, empty ones included."""
_LONGEST_TAG = 1 << 20
_TEXTS = re.compile(rb"\buniqueCount\s*=\s*.\s*([0-9]+)")
_COLUMN = re.compile(rb"\sr\s*=\s*.([A-Za-z]+)")
_ROW = re.compile(rb"\sr\s*=\s*.[A-Za-z]*([0-9]+)")
_CELL = re.compile(rb"<c[\s/>]")
_TAG = re.compile(
    rb"<(/?)table:(table|table-row|table-cell|covered-table-cell)(?=[\s/>])"
    rb"((?:[^>\"']|\"[^\"]*\"|'[^']*')*)>"
)
_REPEATED = re.compile(rb"table:number-(rows|columns)-repeated\s*=\s*.\s*([0-9]+)")


def check_size(rows: int, columns: int, name: str) -> None:
    """Refuse a sheet that spans more cells than can be read."""
    if rows * columns > MAX_CELLS:
        raise InputError(
            f"{name} has a sheet of {rows:,} rows by {columns:,} columns, most of it empty; at "
            f"most {MAX_CELLS:,} cells can be read. Delete the stray cells far from the table, "
            "or save the sheet as CSV."
        )


def check_xml_sheet(blocks: Iterator[bytes], name: str) -> int:
    """Refuse an xlsx sheet that spans too much; gives the bytes that it unpacked to."""
    size = rows = columns = counted = unaddressed = texts = 0
    for whole, block in _whole_tags(blocks):
        size += block
        texts = max(texts, max((int(n[:12]) for n in _TEXTS.findall(whole)), default=0))
        addresses = _COLUMN.findall(whole)
        columns = max(columns, max(map(_column_number, set(addresses)), default=0))
        rows = max(rows, max((int(n[:12]) for n in set(_ROW.findall(whole))), default=0))
        counted += whole.count(b"<row")
        # A cell need not say where it is: then it is the next one of its row.
        pieces = whole.split(b"<row")
        if len(_CELL.findall(whole)) > len(addresses):
            here = [len(_CELL.findall(piece)) for piece in pieces]
            columns = max(columns, unaddressed + here[0], *here)
            unaddressed = here[-1] + (unaddressed if len(here) == 1 else 0)
        else:
            unaddressed = 0
    if columns > MAX_WIDTH or rows > MAX_ROWS:
        raise InputError(
            f"{name} has a cell in row {rows:,} or column {columns:,}, and a sheet ends at row "
            f"{MAX_ROWS:,} and column {MAX_WIDTH:,}. It is damaged; save it again as xlsx or CSV."
        )
    check_size(max(rows, counted), columns, name)
    check_texts(texts, size, name)
    return size


def check_texts(texts: int, size: int, name: str) -> None:
    """Refuse a list of texts that says it is longer than its bytes: readers make room for it."""
    if texts > size:
        raise InputError(
            f"{name} says that it holds {texts:,} different texts, and they have {size:,} bytes. "
            "It is damaged; open it in Excel and save it again as xlsx or CSV."
        )


def check_binary_sheet(blocks: Iterator[bytes], name: str) -> int:
    """Refuse an xlsb sheet, or list of texts, too large; gives the bytes it unpacked to."""
    data = b"".join(blocks)
    rows = columns = place = texts = 0
    while place < len(data):
        kind, place = _number(data, place, 2)
        length, place = _number(data, place, 4)
        if kind == 0:  # the beginning of a row, and which
            rows = max(rows, int.from_bytes(data[place : place + 4], "little") + 1)
        elif kind <= 11 or kind == 62:  # a cell, and its column
            columns = max(columns, int.from_bytes(data[place : place + 4], "little") + 1)
        elif kind == 159:  # the list of texts: how often they are used, how many there are
            texts = max(texts, int.from_bytes(data[place + 4 : place + 8], "little"))
        place += length
    check_size(rows, columns, name)
    check_texts(texts, len(data), name)
    return len(data)


def _number(data: bytes, place: int, longest: int) -> tuple[int, int]:
    """A number written in groups of seven bits, and the place behind it."""
    value = 0
    for shift, byte in enumerate(data[place : place + longest]):
        value |= (byte & 0x7F) << (7 * shift)
        place += 1
        if not byte & 0x80:
            break
    return value, max(place, 1)


def check_open_sheets(blocks: Iterator[bytes], name: str) -> int:
    """Refuse OpenDocument sheets that repeat cells without end; gives the unpacked bytes."""
    size = rows = columns = width = across = repeats = empty_rows = 0
    for whole, block in _whole_tags(blocks):
        size += block
        for closing, tag, said in _TAG.findall(whole):
            told = {what: int(times[:12]) for what, times in _REPEATED.findall(said)}
            if tag == b"table" and not closing:
                rows = columns = empty_rows = 0
            elif tag == b"table-row" and not closing:
                across = width = 0
                repeats = told.get(b"rows", 1)
            elif tag == b"table-row":
                # Empty rows count only where a row with something stands below them.
                rows, empty_rows = (rows + empty_rows + repeats, 0) if width else (rows, empty_rows)
                empty_rows += 0 if width else repeats
                columns = max(columns, width)
                check_size(rows, columns, name)
            elif not closing:
                across += told.get(b"columns", 1)
                if not said.endswith(b"/") or b"value" in said:
                    width = across
    return size


def _whole_tags(blocks: Iterator[bytes]) -> Iterator[tuple[bytes, int]]:
    """Blocks cut before a tag that goes on in the next one, with how many bytes came."""
    tail = b""
    for block in blocks:
        joined = tail + block
        cut = joined.rfind(b"<")
        if cut < 0 or len(joined) - cut > _LONGEST_TAG:
            cut = len(joined)
        tail = joined[cut:]
        yield joined[:cut], len(block)
    yield tail, 0


def _column_number(letters: bytes) -> int:
    number = 0
    for letter in letters[:8].upper():
        number = number * 26 + letter - 64
    return number
