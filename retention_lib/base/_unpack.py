"""The bytes of a file: unpacked, bounded, and told apart by their content, not their name."""

from __future__ import annotations

import gzip
import io
import lzma
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from retention_lib.base._raw import example
from retention_lib.base._sheet_size import (
    check_binary_sheet,
    check_open_sheets,
    check_xml_sheet,
)
from retention_lib.errors import InputError

Content = Literal["text", "excel", "parquet", "sqlite", "duckdb"]

MAX_UNPACKED = 8 << 30
"""Bytes a packed file may unpack to."""
MAX_RATIO = 250
"""How many times its packed size a file may grow; real exports stay below 50."""
_ALWAYS_FINE = 64 << 20
_BLOCK = 4 << 20

_REMEDIES: tuple[tuple[bytes, str, str], ...] = (
    (b"%PDF", "a PDF", "Export the table as CSV or Excel instead"),
    (b"\x89PNG", "a picture", "Export the table as CSV or Excel instead"),
    (b"\xff\xd8\xff", "a picture", "Export the table as CSV or Excel instead"),
    (b"Rar!", "a RAR archive", "Unpack it first"),
    (b"7z\xbc\xaf", "a 7-Zip archive", "Unpack it first"),
    (b"BZh", "a bzip2 archive", "Unpack it first"),
    (b"\xfd7zXZ", "an xz archive", "Unpack it first"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard archive", "Unpack it first"),
    (b"\x7fELF", "a program", "Choose the export itself"),
    (b"MZ\x90", "a program", "Choose the export itself"),
)


# What unpacking stumbles over; the archive's own words about itself may be anything.
_DAMAGED = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
    OverflowError,
    struct.error,
    IndexError,
)


class _Stream(Protocol):
    def read(self, size: int, /) -> bytes: ...


@dataclass(frozen=True)
class Unpacked:
    """The content of a file, and what it is; ``path`` where it can be read in place."""

    name: str
    content: Content
    data: bytes
    path: Path | None = None


def unpack(path: Path) -> Unpacked:
    """Read a file whole, out of its ``.gz`` or one-file ``.zip`` if it is packed."""
    name = path.name
    try:
        with path.open("rb") as file:
            head = file.read(16)
            if head[:4] == b"PAR1":
                return Unpacked(name, "parquet", b"", path)
            if head[:2] == b"\x1f\x8b":
                return _inner(name, _gunzip(path))
            if head[:4] == b"PK\x03\x04":
                return _open_zip(path)
            return _inner(name, head + file.read(), path)
    except OSError as error:
        raise InputError(
            f"{name} cannot be read: {error.strerror or error}. "
            "Check that the file is there, not locked by another program, and readable."
        ) from error


def _inner(name: str, data: bytes, path: Path | None = None) -> Unpacked:
    if not data:
        raise InputError(f"{name} is empty (0 bytes). Export it again.")
    if data[:4] == b"PAR1":
        return Unpacked(name, "parquet", data)
    if data[:4] == b"\xd0\xcf\x11\xe0":
        return Unpacked(name, "excel", data)
    is_sqlite, is_duckdb = data[:16] == b"SQLite format 3\x00", data[8:12] == b"DUCK"
    if path is None and (is_sqlite or is_duckdb):
        raise InputError(f"{name} holds a database in an archive. Unpack it first.")
    if is_sqlite:
        return Unpacked(name, "sqlite", b"", path)
    if is_duckdb:
        return Unpacked(name, "duckdb", b"", path)
    if data[:4] == b"PK\x03\x04":
        try:
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                if _is_workbook(archive):
                    check_archive(archive, name)
                    return Unpacked(name, "excel", data)
        except InputError:
            raise
        except _DAMAGED as error:
            raise InputError(_cut_short(name, error)) from error
        raise InputError(f"{name} is an archive inside an archive. Unpack it first.")
    for magic, what, remedy in _REMEDIES:
        if data.startswith(magic):
            raise InputError(f"{name} is {what}, not a table. {remedy}.")
    return Unpacked(name, "text", data)


def _gunzip(path: Path) -> bytes:
    packed = path.stat().st_size
    try:
        with gzip.open(path, "rb") as stream:
            return _read_bounded(stream, packed, path.name)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise InputError(_cut_short(path.name, error)) from error


def _cut_short(name: str, error: BaseException) -> str:
    why = example(str(error) or type(error).__name__, 150)
    return f"{name} is cut short or damaged ({why}). Copy or download it again."


def _read_bounded(stream: _Stream, packed: int, name: str) -> bytes:
    """Unpack at most what a real export could hold, so that no file can fill the memory."""
    blocks: list[bytes] = []
    size = 0
    limit = min(MAX_UNPACKED, max(_ALWAYS_FINE, packed * MAX_RATIO))
    while block := stream.read(_BLOCK):
        size += len(block)
        if size > limit:
            raise InputError(_bomb(name, packed, size))
        blocks.append(block)
    return b"".join(blocks)


def _bomb(name: str, packed: int, size: int) -> str:
    return (
        f"{name} unpacks from {packed:,} bytes to more than {size - 1:,}: no export does. "
        "It was not read. If it is genuine, unpack it yourself and give the unpacked file."
    )


def _open_zip(path: Path) -> Unpacked:
    try:
        with zipfile.ZipFile(path) as archive:
            if _is_workbook(archive):
                check_archive(archive, path.name)
                return Unpacked(path.name, "excel", path.read_bytes())
            return _single_member(archive, path.name)
    except InputError:
        raise
    except _DAMAGED as error:
        raise InputError(_cut_short(path.name, error)) from error


def _is_workbook(archive: zipfile.ZipFile) -> bool:
    names = set(archive.namelist())
    if "[Content_Types].xml" in names and any(n.startswith("xl/") for n in names):
        return True
    return "content.xml" in names and "mimetype" in names


def _single_member(archive: zipfile.ZipFile, name: str) -> Unpacked:
    members = [
        member
        for member in archive.infolist()
        if not member.is_dir() and not member.filename.startswith("__MACOSX/")
    ]
    if len(members) != 1:
        listed = ", ".join(m.filename for m in members[:5]) or "none"
        raise InputError(
            f"{name} holds {len(members):,} files ({listed}), and one was expected. "
            "Unpack it into a folder and give the file, or the folder to read them all."
        )
    member = members[0]
    if member.flag_bits & 1:
        raise InputError(f"{name} is protected by a password. Unpack it first.")
    with archive.open(member) as stream:
        data = _read_bounded(stream, max(member.compress_size, 1), name)
    return _inner(name, data)


def check_archive(archive: zipfile.ZipFile, name: str) -> None:
    """Refuse a workbook that unpacks to more than a workbook can hold, or lies about it.

    The sizes an archive declares are the attacker's word; unpacking, and counting, is ours.
    """
    limit = MAX_UNPACKED // 2
    for member in archive.infolist():
        if member.flag_bits & 1:
            raise InputError(f"{name} is protected by a password. Remove it in Excel and save.")
        packed = max(member.compress_size, 1)
        member_limit = min(limit, max(_ALWAYS_FINE, packed * MAX_RATIO))
        blocks = _bounded(_blocks(archive, member, member_limit), packed, member_limit, name)
        limit -= _counted(member.filename)(blocks, name)


def _counted(member: str) -> Callable[[Iterator[bytes], str], int]:
    """How a member of a workbook is looked through; each way gives its unpacked size."""
    if member.endswith(".bin") and ("worksheets/" in member or "sharedStrings" in member):
        return check_binary_sheet
    if member == "content.xml":
        return check_open_sheets
    # Which members are sheets is the attacker's word as well: any may be one.
    return check_xml_sheet if member.endswith((".xml", ".XML")) or "sheet" in member else _size


def _size(blocks: Iterator[bytes], name: str) -> int:
    return sum(len(block) for block in blocks)


def _bounded(blocks: Iterator[bytes], packed: int, limit: int, name: str) -> Iterator[bytes]:
    size = 0
    for block in blocks:
        size += len(block)
        if size > limit:
            raise InputError(_bomb(name, packed, size))
        yield block


def _blocks(archive: zipfile.ZipFile, member: zipfile.ZipInfo, limit: int) -> Iterator[bytes]:
    """Blocks of a member as they really unpack.

    Python stops at the declared size and other readers do not, so the entry is opened without
    one.
    """
    undeclared = zipfile.ZipInfo(member.filename)
    undeclared.orig_filename, undeclared.header_offset = member.orig_filename, member.header_offset
    undeclared.compress_type, undeclared.compress_size = member.compress_type, member.compress_size
    undeclared.flag_bits, undeclared.file_size = member.flag_bits, limit + 1
    with archive.open(undeclared) as stream:
        while block := stream.read(_BLOCK):
            yield block
