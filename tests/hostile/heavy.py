"""The heavy dozen, in a process of its own with bounded memory and time.

    python tests/hostile/heavy.py FOLDER

Bombs are made piece by piece, so that making them takes no memory either. Each must be refused
or read right within seconds of work; the process may hold 4 GB in all, addresses included.
"""

from __future__ import annotations

import gzip
import resource
import sys
import time
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

BYTES = 4 << 30
SECONDS = 20
MEGABYTE = 1 << 20


def packed(file: Path, unit: bytes, times: int) -> Path:
    """A gzip of one piece again and again."""
    with gzip.open(file, "wb", compresslevel=6) as stream:
        for _ in range(times):
            stream.write(unit)
    return file


def workbook(
    file: Path, member: str, unit: str, times: int, head: str = "", foot: str = ""
) -> Path:
    """A workbook one member of which is one piece again and again."""
    from tests.hostile import books

    whole = books.xlsx(leave_out=member)
    file.write_bytes(whole)
    with (
        zipfile.ZipFile(file, "a", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open(member, "w", force_zip64=True) as stream,
    ):
        stream.write(head.encode())
        for _ in range(times):
            stream.write(unit.encode())
        stream.write(foot.encode())
    return file


def nested(file: Path) -> Path:
    """A zip in a zip in a zip."""
    data = b"0" * MEGABYTE
    for depth in range(5):
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(f"{depth}.zip" if depth else "a.csv", data)
        data = file.read_bytes()
    return file


def bombs(folder: Path) -> dict[str, Callable[[], Path]]:
    """Name to maker."""
    from tests.hostile import books

    head = "Customer ID;Date;Amount;Note\n"
    row = "C1;2024-01-28;10.50;"
    sheet = "xl/worksheets/sheet1.xml"
    cells = '<row r="{}"><c r="XFD{}"><v>1</v></c></row>'
    wide = books.sheet_xml(cells=cells.format(1, 1) + cells.format(1_048_576, 1_048_576))
    bare = books.sheet_xml(cells="<row>" + "<c/>" * 16_000 + '</row><row r="1048576"><c/></row>')

    def written(name: str, data: bytes) -> Callable[[], Path]:
        def make() -> Path:
            (folder / name).write_bytes(data)
            return folder / name

        return make

    def field() -> Path:
        with (folder / "field.csv").open("w", encoding="utf-8") as file:
            file.write(head + f"{row}y\n" * 150 + row)
            for _ in range(100):
                file.write("x" * MEGABYTE)
            file.write("\n")
        return folder / "field.csv"

    return {
        "gzip of noughts": lambda: packed(folder / "a.csv.gz", b"0" * MEGABYTE, 200),
        "gzip of rows": lambda: packed(folder / "b.csv.gz", b"1;2;3\n" * 200_000, 80),
        "zip of zips": lambda: nested(folder / "c.zip"),
        "huge sheet": lambda: workbook(folder / "d.xlsx", sheet, "0" * MEGABYTE, 80),
        "shared texts": lambda: workbook(
            folder / "e.xlsx",
            "xl/sharedStrings.xml",
            "<si><t></t></si>" * 65_536,
            20,
            "<sst>",
            "</sst>",
        ),
        "styles": lambda: workbook(folder / "f.xlsx", "xl/styles.xml", " " * MEGABYTE, 80),
        "far corners": written("g.xlsx", books.xlsx(wide)),
        "cells without an address": written("h.xlsx", books.xlsx(bare)),
        "a field of 100 MB": field,
        "a million columns": written("j.csv", b"c;" * 999_999 + b"c\n" + b"1;" * 999_999 + b"1\n"),
        "a thousand columns": written(
            "k.csv",
            (
                head[:-1]
                + "".join(f";c{i}" for i in range(1_000))
                + "\n"
                + (row + ";1" * 1_000 + "\n") * 3
            ).encode(),
        ),
        "quotes and quotes": written(
            "l.csv", (head + f"{row}\n" * 20 + row + '"' * 999_999 + "\n").encode()
        ),
        "a cell in the last corner of xls": written(
            "m.xls",
            books.compound(
                {
                    "Workbook": books.xls([("a", "b")]).replace(
                        b"\x01\x00\x00\x00\x01", b"\xff\xff\xff\xff\x01"
                    )
                    + _far_cell()
                }
            ),
        ),
        "opening brackets": written("n.csv", b"(" * 900_000 + b"\n" + b"[" * 900_000),
    }


def _far_cell() -> bytes:
    import struct

    return struct.pack("<HHHHHd", 0x203, 14, 65_535, 65_535, 0, 1.0)


def tried(make: Callable[[], Path]) -> str:
    """How the import of one of them ended."""
    import retention_lib as rl
    from retention_lib.errors import RetentionError

    file = make()
    began = time.process_time()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            done = rl.import_export(file)
        said = f"right: {done.rows_kept} kept, {len(done.set_aside)} aside"
    except RetentionError as error:
        said = f"refused: {str(error.args[0])[:90]!r}"
    worked = time.process_time() - began
    file.unlink()
    return said if worked < SECONDS else f"TOOK {worked:.0f} seconds, {said}"


def main(folder: Path) -> int:
    """Try them all; 1 where one takes too long, a traceback where one ends otherwise."""
    import duckdb
    import pandas

    assert duckdb and pandas  # their own memory comes before the bound
    resource.setrlimit(resource.RLIMIT_AS, (BYTES, BYTES))
    said = {name: tried(make) for name, make in bombs(folder).items()}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(*(f"{name}: {how}" for name, how in said.items()), f"peak {peak} MB", sep="\n")
    return int(any(how.startswith("TOOK") for how in said.values()))


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
