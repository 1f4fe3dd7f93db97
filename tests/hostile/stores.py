"""What is packed or stored: gzip, zip, Parquet, SQLite, DuckDB."""

from __future__ import annotations

import gzip
import io
import sqlite3
import zipfile
from collections.abc import Callable, Mapping
from contextlib import closing
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.hostile.corpus import (
    HEADINGS,
    Case,
    Refused,
    Right,
    refused,
    right,
    sales,
    text_of,
    truth,
)

MATCHING = {"customer_id": "Customer ID", "date": "Date", "amount": "Amount"}
GOOD = Right(3, 125_175, 3)
COLUMNS: dict[str, list[Any]] = {
    "Customer ID": ["A", "B", "C"],
    "Date": ["2024-01-28", "2024-02-14", "2024-03-15"],
    "Amount": [10.5, 1234.25, 7.0],
}


def cases() -> list[Case]:
    return [*_packed(), *_parquet(), *_sqlite(), *_duckdb()]


def zipped(members: Mapping[str, bytes | str], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """An archive of these members."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return held.getvalue()


def _packed() -> list[Case]:
    sold = sales(21)
    text = text_of(sold).encode()
    packed = gzip.compress(text)
    one = zipped({"export.csv": text})
    damaged = bytearray(packed)
    damaged[len(packed) // 2] ^= 0xFF
    crc = bytearray(packed)
    crc[-6] ^= 0xFF
    locked = bytearray(one)
    locked[6] |= 1
    locked[one.rindex(b"PK\x01\x02") + 8] |= 1
    unknown = bytearray(one)
    unknown[8] = unknown[one.rindex(b"PK\x01\x02") + 10] = 99
    gz = "export.csv.gz"
    return [
        right("packed: gzip", packed, truth(sold), gz),
        right("packed: gzip named csv", packed, truth(sold)),
        right(
            "packed: two gzips in one",
            gzip.compress(text) + gzip.compress(b"Z;2024-05-05;1.00\n"),
            Right(13, truth(sold).cents + 100, truth(sold).customers + 1),
            gz,
        ),
        refused("packed: gzip cut", packed[:-12], "cut short|damaged", gz),
        refused("packed: gzip of its head only", packed[:10], "cut short|damaged", gz),
        refused("packed: gzip damaged", bytes(damaged), "cut short|damaged", gz),
        refused("packed: gzip with a wrong sum", bytes(crc), "cut short|damaged", gz),
        refused("packed: gzip with noise behind", packed + b"noise", "cut short|damaged", gz),
        refused("packed: gzip of nothing", gzip.compress(b""), "empty", gz),
        refused(
            "packed: gzip of a gzip", gzip.compress(packed), "archive|packed|not a text|gzip", gz
        ),
        refused("packed: gzip of a PDF", gzip.compress(b"%PDF-1.4"), "PDF", gz),
        refused(
            "packed: gzip of SQLite",
            gzip.compress(b"SQLite format 3\0" + b"\0" * 100),
            "SQLite|[Uu]npack",
            "export.db.gz",
        ),
        right("packed: zip", one, truth(sold), "export.zip"),
        right(
            "packed: zip stored",
            zipped({"a.csv": text}, zipfile.ZIP_STORED),
            truth(sold),
            "export.zip",
        ),
        right(
            "packed: zip of bzip2",
            zipped({"a.csv": text}, zipfile.ZIP_BZIP2),
            truth(sold),
            "export.zip",
        ),
        right(
            "packed: zip with rubbish of macOS",
            zipped({"a.csv": text, "__MACOSX/._a.csv": b"x"}),
            truth(sold),
            "export.zip",
        ),
        right(
            "packed: zip member that climbs",
            zipped({"../../a.csv": text}),
            truth(sold),
            "export.zip",
        ),
        right(
            "packed: zip member that is absolute",
            zipped({"/etc/a.csv": text}),
            truth(sold),
            "export.zip",
        ),
        refused(
            "packed: zip of two", zipped({"a.csv": text, "b.csv": text}), "2 files", "export.zip"
        ),
        refused(
            "packed: zip of none",
            zipped({}),
            "cut short|damaged|none|not a text|control",
            "export.zip",
        ),
        refused("packed: zip of a zip", zipped({"a.zip": one}), "archive inside", "export.zip"),
        refused(
            "packed: zip of a damaged zip",
            zipped({"a.zip": one[:60]}),
            "archive|cut short|damaged",
            "export.zip",
        ),
        refused("packed: zip with a password", bytes(locked), "password", "export.zip"),
        refused(
            "packed: zip of an unknown method",
            bytes(unknown),
            "cut short|damaged|cannot",
            "export.zip",
        ),
        refused("packed: zip cut", one[:-30], "cut short|damaged", "export.zip"),
        refused(
            "packed: zip of SQLite",
            zipped({"a.db": b"SQLite format 3\0" + b"\0" * 100}),
            "SQLite|[Uu]npack",
            "export.zip",
        ),
    ]


def parquet(columns: Mapping[str, Any], **options: Any) -> bytes:
    """A Parquet file of these columns."""
    import pyarrow as pa
    from pyarrow import parquet as writer

    held = io.BytesIO()
    writer.write_table(pa.table(dict(columns)), held, **options)
    return held.getvalue()


def _parquet() -> list[Case]:
    import pyarrow as pa

    whole = parquet(COLUMNS)
    turned = bytearray(whole)
    for place in range(len(whole) - 60, len(whole) - 20):
        turned[place] ^= 0xFF
    data = bytearray(whole)
    for place in range(20, 60):
        data[place] ^= 0xA5
    file = "export.parquet"
    days = [date(2024, 1, 28), date(2024, 2, 14), date(2024, 3, 15)]
    infinite = [float("inf"), 1234.25, float("nan")]

    def good(name: str, verdict: Right = GOOD, told: Any = None, **changed: Any) -> Case:
        data = parquet({**COLUMNS, **changed})
        return right(f"parquet: {name}", data, verdict, file, **(told or {}))

    return [
        right("parquet: plain", whole, GOOD, file),
        right("parquet: named csv", whole, GOOD),
        right("parquet: packed", gzip.compress(whole), GOOD, file),
        good("dates", Date=days),
        good(
            "moments",
            Date=[datetime(2024, 1, 28, 23, 59), datetime(2024, 2, 14), datetime(2024, 3, 15)],
        ),
        good("decimals", Amount=[Decimal("10.50"), Decimal("1234.25"), Decimal("7.00")]),
        good(
            "wide decimals",
            Amount=pa.array(
                [Decimal("10.50"), Decimal("1234.25"), Decimal("7")], pa.decimal256(60, 20)
            ),
        ),
        good("float32", Amount=pa.array([10.5, 1234.25, 7.0], pa.float32())),
        good(
            "float16",
            Amount=pa.array([10.5, 1234.25, 7.0], pa.float32()).cast(pa.float16()),
            verdict=Right(3, 125_150, 3),
        ),
        good(
            "infinite and no number",
            Right(1, 123_425, 1, {"unreadable_amount": 1, "missing_amount": 1}),
            {"matching": MATCHING},
            Amount=infinite,
        ),
        good("nulls", Right(2, 1_750, 2, {"missing_amount": 1}), Amount=[10.5, None, 7.0]),
        good("whole numbers as customers", **{"Customer ID": [1, 2, 3]}),
        good("huge whole numbers", **{"Customer ID": pa.array([2**63, 2**64 - 1, 1], pa.uint64())}),
        good("floats as customers", **{"Customer ID": [1.0, 2.0, 3.0]}),
        good("a dictionary", **{"Customer ID": pa.array(["A", "B", "C"]).dictionary_encode()}),
        good("bytes", **{"Customer ID": [b"A", b"B", b"C"]}),
        good("bytes of no text", **{"Customer ID": [b"\xff\xfe", b"B", b"C"]}),
        good("a list beside", Note=[[1, 2], [], None]),
        good("a struct beside", Note=[{"a": 1}, {"a": None}, None]),
        good(
            "a map beside", Note=pa.array([[("k", 1)], [], None], pa.map_(pa.string(), pa.int64()))
        ),
        good("nested far down", Note=pa.array([[[[[1]]]], None, [[[[2]]]]])),
        good("a time beside", Note=pa.array([1, 2, None], pa.time64("us"))),
        good("a duration beside", Note=pa.array([1, 2, None], pa.duration("s"))),
        good("nothing beside", Note=pa.nulls(3)),
        good(
            "views of text",
            **{"Customer ID": pa.array(["A", "B", "C"], pa.string())},
            Note=pa.array(["x", "y", None], pa.large_string()),
        ),
        right(
            "parquet: a list for a customer",
            parquet({**COLUMNS, "Customer ID": [["A"], ["B"], ["C"]]}),
            GOOD,
            file,
        ),
        refused(
            "parquet: a struct for an amount",
            parquet({**COLUMNS, "Amount": [{"x": 1}] * 3}),
            "No row|match",
            file,
        ),
        refused(
            "parquet: no rows",
            parquet({name: pa.array([], pa.string()) for name in COLUMNS}),
            "no rows",
            file,
        ),
        refused("parquet: no columns", parquet({}), "no rows", file),
        refused("parquet: cut", whole[:-20], "cut short|damaged", file),
        refused("parquet: its mark only", b"PAR1", "cut short|damaged", file),
        refused("parquet: two marks", b"PAR1PAR1", "cut short|damaged", file),
        refused("parquet: a foot of noise", bytes(turned), "cut short|damaged", file),
        refused("parquet: a body of noise", bytes(data), "cut short|damaged", file),
        refused(
            "parquet: a foot of four gigabytes",
            b"PAR1" + b"\0" * 50 + b"\xff\xff\xff\xff" + b"PAR1",
            "cut short|damaged",
            file,
        ),
        refused("parquet: encrypted foot", whole[:-4] + b"PARE", "cut short|damaged|encrypt", file),
    ]


def _made(
    name: str, file: str, build: Callable[[Path], object], verdict: Right | Refused, **told: Any
) -> Case:
    def make(folder: Path) -> Path:
        place = folder / file
        build(place)
        return place

    return Case(name, make, verdict, told)


def _sqlite() -> list[Case]:
    rows = list(zip(*COLUMNS.values(), strict=True))
    create = 'CREATE TABLE sales ("Customer ID", "Date", "Amount")'

    def base(*statements: str, fill: bool = True) -> Callable[[Path], None]:
        def build(file: Path) -> None:
            with closing(sqlite3.connect(file)) as connection:
                connection.execute(create)
                if fill:
                    connection.executemany("INSERT INTO sales VALUES (?, ?, ?)", rows)
                for statement in statements:
                    connection.execute(statement)
                connection.commit()

        return build

    def cut(file: Path) -> None:
        base()(file)
        file.write_bytes(file.read_bytes()[:3000])

    def noise(file: Path) -> None:
        file.write_bytes(b"SQLite format 3\0" + b"\xa5" * 5000)

    f = "export.db"
    counting = "n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"
    endless = f"CREATE VIEW v AS WITH RECURSIVE {counting} SELECT i FROM n"
    mixed = "INSERT INTO sales VALUES ('D', 20240131, x'00ff'), ('E', '2024-02-02', 'ten')"
    odd = "INSERT INTO sales VALUES ('D', '2024-02-02', 9e999)"
    return [
        _made("sqlite: plain", f, base(), GOOD),
        _made("sqlite: named csv", "export.csv", base(), GOOD),
        _made(
            "sqlite: cells of all kinds",
            f,
            base(mixed),
            Right(3, 125_175, 3, {"unreadable_amount": 2}),
            matching=MATCHING,
        ),
        _made(
            "sqlite: infinite",
            f,
            base(odd),
            Right(3, 125_175, 3, {"unreadable_amount": 1}),
            matching=MATCHING,
        ),
        _made("sqlite: no rows", f, base(fill=False), Refused("no rows")),
        _made(
            "sqlite: a view beside",
            f,
            base("CREATE VIEW v AS SELECT * FROM sales"),
            Refused("sheet="),
        ),
        _made(
            "sqlite: a view told", f, base("CREATE VIEW v AS SELECT * FROM sales"), GOOD, sheet="v"
        ),
        _made(
            "sqlite: a view without its table",
            f,
            base("CREATE VIEW v AS SELECT * FROM gone"),
            Refused("cannot be read"),
            sheet="v",
        ),
        _made("sqlite: a view without end", f, base(endless), Refused("rows"), sheet="v"),
        _made(
            "sqlite: a table with quotes in its name",
            f,
            base("DROP TABLE sales", 'CREATE TABLE "a""; DROP TABLE x; --" AS SELECT 1'),
            Refused("."),
        ),
        _made("sqlite: a table that is not there", f, base(), Refused("no table"), sheet="x'; --"),
        _made("sqlite: cut", f, cut, Refused("cannot be read|malformed")),
        _made("sqlite: noise", f, noise, Refused("cannot be read")),
    ]


def _duckdb() -> list[Case]:
    import duckdb

    def base(*statements: str) -> Callable[[Path], None]:
        def build(file: Path) -> None:
            with duckdb.connect(str(file)) as connection:
                connection.execute(
                    'CREATE TABLE sales ("Customer ID" VARCHAR, "Date" DATE, "Amount" DOUBLE)'
                )
                connection.executemany(
                    "INSERT INTO sales VALUES (?, ?, ?)", list(zip(*COLUMNS.values(), strict=True))
                )
                for statement in statements:
                    connection.execute(statement)

        return build

    def cut(file: Path) -> None:
        base()(file)
        file.write_bytes(file.read_bytes()[:5000])

    def noise(file: Path) -> None:
        file.write_bytes(b"\0" * 8 + b"DUCK" + b"\xa5" * 9000)

    f = "export.duckdb"
    outside = "CREATE VIEW v AS SELECT * FROM read_csv('/etc/passwd', header = false)"
    written = "CREATE MACRO m() AS (SELECT 1)"
    odd = "{'a': [1, 2]} AS s, MAP {'k': 1} AS m, NULL AS n, 'x'::ENUM ('x') AS e"
    nested = f"CREATE TABLE odd AS SELECT {odd}"
    endless = "CREATE VIEW v AS SELECT i FROM range(100000000000) t(i)"
    return [
        _made("duckdb: plain", f, base(), GOOD),
        _made("duckdb: a macro beside", f, base(written), GOOD),
        _made("duckdb: two tables", f, base(nested), Refused("sheet=")),
        _made("duckdb: nested types", f, base(nested), Refused("match|column"), sheet="odd"),
        _made(
            "duckdb: a view of another file", f, base(outside), Refused("cannot be read"), sheet="v"
        ),
        _made("duckdb: a view without end", f, base(endless), Refused("rows"), sheet="v"),
        _made("duckdb: cut", f, cut, Refused("cannot be read")),
        _made("duckdb: noise", f, noise, Refused("cannot be read")),
    ]


__all__ = ["HEADINGS", "cases", "parquet", "zipped"]
