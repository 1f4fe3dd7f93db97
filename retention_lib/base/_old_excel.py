"""How far the cells of an Excel 97 file reach, before a reader makes room for them.

The file is a small file system: sectors of 512 bytes (or 4,096), chained by a table. The workbook
in it is a list of records, those of a cell with its row and column.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from retention_lib.errors import InputError

_MAX_COLUMNS = 256
_CELLS = frozenset((0x06, 0x7E, 0xBD, 0xBE, 0xD6, 0xFD, 0x201, 0x203, 0x204, 0x205, 0x27E))
_SEVERAL = frozenset((0xBD, 0xBE))
_LAST = 0xFFFFFFFA
"""Sector numbers from here on are no sectors: end of a chain, free, or of the table itself."""


class LockedError(Exception):
    """A workbook that is encrypted."""


def check_old_workbook(data: bytes, name: str) -> None:
    """Refuse a workbook with a cell where the format has none, and one that cannot be followed."""
    try:
        streams = list(_workbooks(data))
    except LockedError:
        raise InputError(
            f"{name} is protected by a password. Open it in Excel, remove the password and save."
        ) from None
    except (struct.error, IndexError, ValueError, OverflowError):
        raise InputError(
            f"{name} cannot be read as an Excel workbook (its parts do not hang together). "
            "Open it in Excel and save it again as xlsx or CSV."
        ) from None
    for stream in streams:
        columns = _widest(stream)
        if columns > _MAX_COLUMNS:
            raise InputError(
                f"{name} has a cell in column {columns:,}, and an xls file has {_MAX_COLUMNS} "
                "columns. It is damaged; save it again as xlsx or CSV."
            )


def _workbooks(data: bytes) -> Iterator[bytes]:
    """The streams called Workbook or Book."""
    size = 1 << struct.unpack_from("<H", data, 30)[0]
    if size not in (512, 4096):
        raise ValueError(size)
    table = _table(data, size)
    first, cutoff = struct.unpack_from("<I", data, 48)[0], struct.unpack_from("<I", data, 56)[0]
    entries = _chain(data, table, first, size)
    # What is shorter than the cut-off lies in small sectors, inside a stream of their own.
    small = _chain(data, table, struct.unpack_from("<I", entries, 116)[0], size)
    chained = _chain(data, table, struct.unpack_from("<I", data, 60)[0], size)
    small_table = [number for (number,) in struct.iter_unpack("<I", chained)]
    for place in range(0, len(entries) - 127, 128):
        entry = entries[place : place + 128]
        called = _called(entry)
        if called == "encryptedpackage":
            raise LockedError
        if called in ("workbook", "book"):
            start, count = struct.unpack_from("<II", entry, 116)
            if count < cutoff:
                yield _chain(small, small_table, start, 64, head=0)
            else:
                yield _chain(data, table, start, size)


def _called(entry: bytes) -> str:
    length = min(max(struct.unpack_from("<H", entry, 64)[0] - 2, 0), 64)
    return entry[:length].decode("utf-16-le", "replace").lower()


def _table(data: bytes, size: int) -> list[int]:
    """Which sector follows which."""
    sectors = list(struct.unpack_from("<109I", data, 76))
    more, left = struct.unpack_from("<I", data, 68)[0], len(data) // size + 1
    while more < _LAST and left:
        *others, more = struct.unpack_from(f"<{size // 4}I", data, (more + 1) * size)
        sectors += others
        left -= 1
    table: list[int] = []
    for sector in sectors:
        if sector < _LAST:
            table += struct.unpack_from(f"<{size // 4}I", data, (sector + 1) * size)
    return table


def _chain(data: bytes, table: list[int], sector: int, size: int, head: int = 1) -> bytes:
    """Sectors one after the other; ``head``: how many lie before the first of them."""
    found: list[bytes] = []
    while sector < _LAST and len(found) <= len(data) // size:
        found.append(data[(sector + head) * size : (sector + head + 1) * size])
        sector = table[sector] if sector < len(table) else _LAST
    return b"".join(found)


def _widest(stream: bytes) -> int:
    widest = place = 0
    while place + 4 <= len(stream):
        kind, length = struct.unpack_from("<HH", stream, place)
        place += 4
        if kind in _CELLS and length >= 4 and place + length <= len(stream):
            at = place + length - 2 if kind in _SEVERAL else place + 2
            widest = max(widest, struct.unpack_from("<H", stream, at)[0] + 1)
        place += length
    return widest
