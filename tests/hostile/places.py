"""Places: folders, links, pipes, names with tricks, addresses, and hostile workbook.toml."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.hostile.corpus import Case, Refused, Right, sales, text_of, truth, writes

_SOLD = sales(31)
_TEXT = text_of(_SOLD)
_GOOD = truth(_SOLD)
POSIX = sys.platform != "win32"


def cases() -> list[Case]:
    return [*_names(), *_folders(), *_things(), *_addresses(), *_workbooks()]


def _names() -> list[Case]:
    names = [
        "with blank .csv",
        "-rf.csv",
        "--help",
        "~",
        "$(touch evil).csv",
        "`id`.csv",
        "'; DROP TABLE x; --.csv",
        "%2e%2e%2fpasswd.csv",
        "{0} {x}.csv",
        "é\u0301ü.csv",
        "🎉.csv",
        "\u202egpj.csv",
        "con.csv",
        "n" * 240 + ".csv",
        "a.csv.exe",
        "export.parquet",
        "export.xlsx",
    ]
    if POSIX:
        names += [
            "<script>alert(1)<.csv",
            'quote".csv',
            "new\nline.csv",
            "back\\slash.csv",
            "a*?.csv",
            "tab\t.csv",
        ]
    return [Case(f"name: {name[:40]!r}", writes(_TEXT, name), _GOOD) for name in names]


def _folders() -> list[Case]:
    def folder(*files: tuple[str, str | bytes]) -> Callable[[Path], Path]:
        def make(place: Path) -> Path:
            inside = place / "months"
            inside.mkdir()
            for name, content in files:
                (inside / name).write_bytes(
                    content.encode() if isinstance(content, str) else content
                )
            return inside

        return make

    def with_circle(place: Path) -> Path:
        inside = folder(("a.csv", _TEXT))(place)
        (inside / "again").symlink_to(inside)
        (inside / "gone.csv").symlink_to(place / "nowhere")
        return inside

    def deep(place: Path) -> Path:
        (place / "outer" / "inner.csv").mkdir(parents=True)
        return place / "outer"

    other = "Product;Price\nA;1\nB;2\n"
    twice = Right(_GOOD.kept * 2, _GOOD.cents * 2, _GOOD.customers)
    made = [
        Case("folder: two months", folder(("a.csv", _TEXT), ("b.csv", _TEXT)), twice),
        Case(
            "folder: files that are none of it",
            folder(
                ("a.csv", _TEXT), (".hidden.csv", other), ("~$a.xlsx", b"x"), ("read.me", other)
            ),
            _GOOD,
        ),
        Case(
            "folder: one of another kind",
            folder(("a.csv", _TEXT), ("b.csv", other)),
            Refused("same headings"),
        ),
        Case(
            "folder: one empty", folder(("a.csv", _TEXT), ("b.csv", "")), Refused("b.csv is empty")
        ),
        Case(
            "folder: one broken",
            folder(("a.csv", _TEXT), ("b.xlsx", b"PK\3\4broken")),
            Refused("b.xlsx"),
        ),
        Case("folder: nothing", folder(), Refused("holds no table")),
        Case("folder: of folders", deep, Refused("holds no table")),
    ]
    return [*made, Case("folder: links in a circle", with_circle, _GOOD)] if POSIX else made


def _things() -> list[Case]:
    def here(name: str) -> Callable[[Path], Path]:
        return lambda folder: folder / name

    def pipe(folder: Path) -> Path:
        os.mkfifo(folder / "pipe.csv")
        return folder / "pipe.csv"

    def link(target: str) -> Callable[[Path], Path]:
        def make(folder: Path) -> Path:
            (folder / "real.csv").write_text(_TEXT, "utf-8")
            (folder / "link.csv").symlink_to(folder / target)
            return folder / "link.csv"

        return make

    def circle(folder: Path) -> Path:
        (folder / "one.csv").symlink_to(folder / "two.csv")
        (folder / "two.csv").symlink_to(folder / "one.csv")
        return folder / "one.csv"

    def told(path: str) -> Callable[[Path], str]:
        return lambda folder: path

    made = [
        Case("thing: missing", here("nothing.csv"), Refused("no file")),
        Case("thing: empty path", told(""), Refused(".")),
        Case("thing: blank path", told("   "), Refused(".")),
        Case("thing: null byte", told("a\0b.csv"), Refused("not a path|no file")),
        Case("thing: too long", told("a" * 5000), Refused("not a path|no file")),
        Case("thing: half a surrogate", told("\ud800.csv"), Refused("not a path|no file")),
    ]
    if not POSIX:
        return made
    return [
        *made,
        Case("thing: a pipe", pipe, Refused("neither a file nor a folder")),
        Case("thing: a device", told("/dev/zero"), Refused("neither a file nor a folder")),
        Case("thing: a link", link("real.csv"), _GOOD),
        Case("thing: a link to nothing", link("gone.csv"), Refused("no file")),
        Case(
            "thing: a link to a device", link("/dev/zero"), Refused("neither a file nor a folder")
        ),
        Case("thing: links in a circle", circle, Refused("no file|not a path|cannot be read")),
        Case(
            "thing: a system file without an end",
            told("/proc/self/mem"),
            Refused("cannot be read|empty"),
        ),
        Case("thing: a file of passwords", told("/etc/passwd"), Refused(".")),
    ]


def _addresses() -> list[Case]:
    def told(address: str, says: str, **more: Any) -> Case:
        return Case(f"address: {address[:50]!r}", lambda folder: address, Refused(says), more)

    return [
        told("sqlite:///nowhere/at/all.db", "no file"),
        told("sqlite://", "no file"),
        told("duckdb:///nowhere.duckdb", "no file"),
        told("duckdb:///:memory:", "no file"),
        told("file:///etc/passwd", "."),
        told("http://127.0.0.1:9/export.csv", "."),
        told("javascript://x", "."),
        told("nonsense://user:secret@host/db", "."),
    ]


def _workbooks() -> list[Case]:
    def book(text: str | bytes, name: str, says: str) -> Case:
        def make(folder: Path) -> Path:
            content = text.encode() if isinstance(text, str) else text
            (folder / "workbook.toml").write_bytes(content)
            (folder / "sales.csv").write_text(_TEXT, "utf-8")
            return folder

        return Case(f"workbook: {name}", make, Refused(says), way="open")

    def table(file: str) -> str:
        return f"[tables.transactions]\nfile = {file}\n"

    deep = "a = " + "[" * 100_000 + "]" * 100_000
    return [
        book("", "empty", "names no transactions"),
        book("\0\0\0", "null bytes", "TOML"),
        book(b"\xff\xfe\x00", "no UTF-8", "TOML|UTF|utf"),
        book("tables = 3", "tables that are none", "is no table"),
        book("[tables]\ntransactions = 3", "a table that is none", "write"),
        book("[tables.transactions]\n", "a table without file", "names no file"),
        book(table("3"), "a file that is a number", "path in"),
        book(table('"gone.parquet"'), "a file that is gone", "not there"),
        book(table('"/dev/zero"'), "a device", "not there|cannot be read"),
        book(table('"../../../../../../etc/passwd"'), "a file far above", "."),
        book(table('"\\u0000"'), "a null byte for a name", "."),
        book(table('"."'), "a folder for a file", "not there"),
        book(table('"' + "a" * 5000 + '"'), "a name too long", "."),
        book(table('"sales.csv"') + 'reading = "x"', "reading that is none", "reading"),
        book('as_of = "31/02/2024"\n' + table('"sales.csv"'), "a day that is none", "not a date"),
        book("as_of = 1e400\n" + table('"sales.csv"'), "a number for a day", "should be"),
        book("activity_window_days = -5\n" + table('"sales.csv"'), "a window below zero", "."),
        book(
            "activity_window_days = 99999999999999999999999\n" + table('"sales.csv"'),
            "a window of ages",
            ".",
        ),
        book("margin_rate = nan\n" + table('"sales.csv"'), "a rate that is no number", "."),
        book('language = "klingon"\n' + table('"sales.csv"'), "an unknown language", "."),
        book('evil = "x"\n' + table('"sales.csv"'), "an unknown setting", "not a setting"),
        book(deep, "brackets without end", "TOML|deep"),
        book(
            "[tables.transactions]\nfile='a'\n[tables.transactions]\nfile='b'",
            "a table twice",
            "TOML",
        ),
    ]
