"""Text files: encodings, marks, separators, line ends, quotes, cuts, what is no table at all."""

from __future__ import annotations

import itertools
import random

from tests.hostile.corpus import (
    FRENCH,
    HEADINGS,
    SEED,
    Case,
    Right,
    lines,
    money,
    refused,
    right,
    sales,
    text_of,
    truth,
)

ENCODINGS = ("utf-8", "utf-8-sig", "cp1252", "utf-16", "utf-16-le", "utf-16-be", "utf-32")
SEPARATORS = (";", ",", "\t", "|")
ENDS = ("\n", "\r\n", "\r")
DAYS = ("%Y-%m-%d", "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%y", "%Y%m%d", "%d %B %Y")


def cases() -> list[Case]:
    return [
        *_written_in_every_way(),
        *_cut_short(),
        *_encodings(),
        *_quotes(),
        *_lines(),
        *_headings(),
        *_no_table(),
        *_wide_and_long(),
    ]


def _written_in_every_way() -> list[Case]:
    """A sample of all combinations of encoding, separator, line end, decimal mark and dates."""
    ways = [
        way
        for way in itertools.product(ENCODINGS, SEPARATORS, ENDS, ".,", DAYS, (HEADINGS, FRENCH))
        if not (way[1] == "," and way[3] == ",")
    ]
    chosen = random.Random(SEED).sample(ways, 24)
    made = []
    for number, (encoding, separator, end, mark, day, heads) in enumerate(chosen):
        sold = sales(SEED + number)
        text = text_of(sold, end, separator=separator, mark=mark, day=day, heads=heads)
        name = f"written: {number} {encoding} {separator!r} {end!r} {mark} {day}"
        made.append(right(name, text.encode(encoding), truth(sold)))
    return made


def _cut_short() -> list[Case]:
    """A file cut anywhere gives the lines before the cut, and never a piece of a number."""
    sold = sales()
    text = text_of(sold)
    whole = text.rstrip("\n")
    last = whole.rindex("\n") + 1
    cut = truth(sold[:-1], {"too_few_fields": 1})
    return [
        right("cut: the last line end", whole, truth(sold)),
        right("cut: within the last customer", text[: last + 2], cut),
        right("cut: within the last date", text[: last + 9], cut),
        right(
            "cut: before the last amount",
            text[: last + 16],
            truth(sold[:-1], {"missing_amount": 1}),
        ),
        right(
            "cut: within the last cents", text[: len(whole) - 1], truth(sold[:-1], {"cut_short": 1})
        ),
        right(
            "cut: at the last decimal mark",
            text[: len(whole) - 3],
            truth(sold[:-1], {"cut_short": 1}),
        ),
        right("cut: after the first line", "\n".join(lines(sold)[:2]), truth(sold[:1])),
        refused(
            "cut: within the headings",
            "Customer ID;Da",
            "no rows|no headings|cannot|one column|nothing",
        ),
        right(
            "cut: within a quote", text + 'C001;2024-02-02;"12', truth(sold, {"unclosed_quote": 1})
        ),
        right("cut: within the last wide line end", text.encode("utf-16")[:-1], truth(sold)),
        right(
            "cut: within an accent",
            text.encode() + "C9;2024-01-01;1;é".encode()[:-1],
            truth(sold, {"too_many_fields": 1}),
        ),
    ]


def _encodings() -> list[Case]:
    sold = sales(3)
    text = text_of(sold, heads=(*HEADINGS, "Name"))
    named = "\n".join(
        [lines(sold)[0] + ";Name", *(f"{line};Société Générale" for line in lines(sold)[1:])]
    )
    mixed = b"\n".join(
        line.encode("cp1252" if number % 2 else "utf-8")
        for number, line in enumerate(named.split("\n"))
    )
    polish = named.replace("Société Générale", "Zażółć gęślą jaźń").encode("cp1250")
    return [
        right("encoding: lines in two encodings", mixed, truth(sold)),
        right(
            "encoding: a mark twice",
            b"\xef\xbb\xbf\xef\xbb\xbf" + text_of(sold).encode(),
            truth(sold),
        ),
        right(
            "encoding: utf-16 mark and carriage returns",
            text_of(sold, "\r\n").encode("utf-16"),
            truth(sold),
        ),
        right("encoding: cp850", named.encode("cp850"), truth(sold)),
        right("encoding: mac roman", named.encode("mac_roman"), truth(sold)),
        right(
            "encoding: told utf-16 without mark",
            text_of(sold).encode("utf-16-le"),
            truth(sold),
            encoding="utf-16-le",
        ),
        refused("encoding: polish", polish, "encoding="),
        refused("encoding: unknown one told", text, "is not an encoding", encoding="klingon"),
        refused("encoding: no text encoding told", text, "is not an encoding", encoding="rot13"),
        refused("encoding: base64 told", text, "is not an encoding", encoding="base64"),
        refused("encoding: ascii told wrongly", named, "encoding", encoding="ascii"),
        refused("encoding: idna told", named, "encoding", encoding="idna"),
        refused("encoding: undefined told", text, "encoding", encoding="undefined"),
        refused("encoding: null in its name", text, "encoding", encoding="utf\x008"),
        refused("encoding: utf-7 lies", b"+AGE\xff;" + text.encode(), "encoding", encoding="utf-7"),
        refused(
            "encoding: half a surrogate",
            text.encode("utf-16-le") + b"\x00\xd8\n\x00",
            "cut short|encoding|damaged|UTF-16|utf-16",
            encoding="utf-16-le",
        ),
    ]


def _quotes() -> list[Case]:
    two = ["C001;2024-01-28;10.50", "C002;2024-02-14;1234.25"]
    head = "Customer ID;Date;Amount;Note"
    good = Right(3, 124_575, 3)

    def noted(note: str, verdict: Right = good, name: str = "") -> Case:
        rows = [head, f"{two[0]};", f"C003;2024-03-03;1.00;{note}", f"{two[1]};"]
        return right(f"quotes: {name or note!r}", "\n".join(rows) + "\n", verdict)

    short = Right(2, 124_475, 2, {"unclosed_quote": 1})
    return [
        noted('"a;b"'),
        noted('"a ""b"" c"'),
        noted('"line one\nline two"'),
        noted('"line one\r\n\r\nline two"'),
        noted('""'),
        noted('""""'),
        noted('a "b" c'),
        noted('5" pipe'),
        noted("'a;b'", Right(2, 124_475, 2, {"too_many_fields": 1})),
        noted('"never closed', short),
        noted('"closed" and more'),
        noted('"a\0b"', Right(2, 124_475, 2, {"null_bytes": 1})),
        noted('"C009;2024-01-01;99.00;x"'),
        noted("“typographic”; quotes", Right(2, 124_475, 2, {"too_many_fields": 1})),
        right(
            "quotes: a row hidden in a note",
            f'{head}\n{two[0]};"\nC666;2024-01-01;66.00;\n"\n{two[1]};\n',
            Right(2, 130_025, 2, {"unclosed_quote": 2}),
        ),
        right(
            "quotes: around everything",
            "\n".join(
                '"' + line.replace(";", '";"') + '"' for line in [head, *(f"{r};x" for r in two)]
            ),
            Right(2, 124_475, 2),
        ),
        right(
            "quotes: single around everything",
            "\n".join(
                "'" + line.replace(";", "';'") + "'" for line in [head, *(f"{r};x" for r in two)]
            ),
            Right(2, 124_475, 2),
        ),
        right(
            "quotes: a blank before them",
            f'{head}\n{two[0]}; "a;b"\n{two[1]}; "c"\n',
            Right(2, 124_475, 2),
        ),
    ]


def _lines() -> list[Case]:
    sold = sales(5)
    head, *rows = lines(sold)
    good = truth(sold)
    total = money(sum(s.cents for s in sold))
    customers = good.customers
    return [
        right("lines: blank ones between", "\n\n".join([head, *rows]) + "\n\n\n", good),
        right("lines: blanks and separators only", "\n;;\n ; ; \n".join([head, *rows]), good),
        right(
            "lines: three kinds of end",
            head + "\r\n" + "\n".join(rows[:5]) + "\r\n" + "\n".join(rows[5:]),
            good,
        ),
        right(
            "lines: a carriage return inside one",
            "\n".join([head, *rows, "C\r001;2024-01-05;1.00"]),
            Right(good.kept + 1, good.cents + 100, customers + 1),
        ),
        right(
            "lines: headings on every page",
            "\n".join([head, *rows[:4], head, *rows[4:8], head, *rows[8:]]),
            truth(sold, {"repeated_header": 2}),
        ),
        right("lines: a title above", "\n".join(["Export of 24/11/2024", "", head, *rows]), good),
        right(
            "lines: a remark below",
            "\n".join([head, *rows, "Exported on 24/11/2024 by X"]),
            truth(sold, {"too_few_fields": 1}),
        ),
        right(
            "lines: a total below",
            "\n".join([head, *rows, f"TOTAL;;{total}"]),
            truth(sold, {"totals_line": 1}),
        ),
        right(
            "lines: a dated total below",
            "\n".join([head, *rows, f"Total;2024-12-31;{total}"]),
            truth(sold, {"totals_line": 1}),
        ),
        right(
            "lines: a total in the last column of words",
            "\n".join([head, *rows, f";Total général;{total}"]),
            truth(sold, {"totals_line": 1}),
        ),
        right("lines: sep= first", "\n".join(["sep=;", head, *rows]), good),
        right("lines: an end-of-file mark of DOS", "\n".join([head, *rows]) + "\n\x1a", good),
        right(
            "lines: a null byte in one of them",
            "\n".join([head, *rows, "C0\x0009;2024-05-05;5.00"] + rows * 3),
            Right(4 * good.kept, 4 * good.cents, customers, {"null_bytes": 1}),
        ),
        right(
            "lines: one too short, one too long",
            "\n".join([head, *rows[:3], "C001;2024-01-01", "C001;2024-01-01;5;6;7", *rows[3:]]),
            truth(sold, {"too_few_fields": 1, "too_many_fields": 1}),
        ),
        right("lines: form feeds", "\n".join([head, *rows[:3], "\x0c", *rows[3:]]), good),
        right(
            "lines: a unicode line separator in a name",
            "\n".join([head + ";Name", *(r + ";a\u2028b" for r in rows)]),
            good,
        ),
        right(
            "lines: next line of unicode in a name",
            "\n".join([head + ";Name", *(r + ";a\x85b" for r in rows)]),
            good,
        ),
        right("lines: one row", f"{head}\n{rows[0]}\n", truth(sold[:1])),
        right(
            "lines: one customer",
            "\n".join([head, "A;2024-01-15;1.00", "A;2024-01-16;2.00"]),
            Right(2, 300, 1),
        ),
        right(
            "lines: one day",
            "\n".join([head, "A;2024-01-15;1.00", "B;2024-01-15;2.00"]),
            Right(2, 300, 2),
        ),
        right(
            "lines: all refunds",
            "\n".join([head, "A;2024-01-15;-1.00", "B;2024-01-16;-2.00"]),
            Right(2, -300, 2),
        ),
        right(
            "lines: all zero",
            "\n".join([head, "A;2024-01-15;0.00", "B;2024-01-16;0"]),
            Right(2, 0, 2),
        ),
        right("lines: trailing separators", "\n".join(line + ";;" for line in [head, *rows]), good),
        right(
            "lines: spaces around everything",
            "\n".join(" " + line.replace(";", " ; ") + " " for line in [head, *rows]),
            good,
        ),
    ]


def _headings() -> list[Case]:
    rows = ["C1;2024-01-28;10.50", "C2;2024-02-14;1234.25"]
    good = Right(2, 124_475, 2)
    body = "\n".join(rows) + "\n"
    fourth = "\n".join(r + ";x" for r in rows) + "\n"
    return [
        refused("headings: none", body, "has no headings"),
        refused("headings: none, told so", body, "match|customer|column", header_row=0),
        refused("headings: only", "Customer ID;Date;Amount\n", "no rows"),
        refused("headings: only, two lines", "Customer ID;Date;Amount\n\n\n", "no rows"),
        refused("headings: fewer than fields", "Customer ID;Date\n" + body, "headings"),
        refused(
            "headings: row told beyond the file",
            "Customer ID;Date;Amount\n" + body,
            "header_row",
            header_row=99,
        ),
        refused(
            "headings: row told negative",
            "Customer ID;Date;Amount\n" + body,
            "header_row",
            header_row=-1,
        ),
        right(
            "headings: differ by case only",
            "Customer ID;Date;Amount;amount\n" + fourth.replace(";x", ";7.00"),
            good,
            matching={"amount": "Amount"},
        ),
        refused(
            "headings: the same twice",
            "Customer ID;Date;Amount;Amount\n" + fourth.replace(";x", ";7.00"),
            "Amount",
        ),
        right("headings: empty ones", "Customer ID;Date;Amount;\n" + fourth, good),
        right("headings: of one blank", "Customer ID;Date;Amount; \n" + fourth, good),
        right("headings: a mark inside", "\ufeffCustomer ID;Date;Amount\n" + body, good),
        right("headings: zero-width", "Customer ID\u200b;\u200bDate;Amount\n" + body, good),
        right("headings: over two lines", '"Customer\nID";Date;Amount\n' + body, good),
        right("headings: our own names", "Customer ID;Date;Amount;__row__\n" + fourth, good),
        right("headings: file mark", "Customer ID;Date;Amount;__file__\n" + fourth, good),
        right("headings: reason mark", "Customer ID;Date;Amount;__reason__\n" + fourth, good),
        right(
            "headings: SQL", 'Customer ID;Date;Amount;"x""; DROP TABLE judged; --"\n' + fourth, good
        ),
        right(
            "headings: script", "Customer ID;Date;Amount;<script>alert(1)</script>\n" + fourth, good
        ),
        right(
            "headings: formula",
            "Customer ID;Date;Amount;=cmd|' /C calc'!A0\n" + fourth.replace(";x", ";=1+1"),
            good,
        ),
        right("headings: very long", f"Customer ID;Date;Amount;{'n' * 5000}\n" + fourth, good),
        right("headings: a dot and a bracket", "Customer ID;Date;Amount;a.b[0]\n" + fourth, good),
        right("headings: a percent", "Customer ID;Date;Amount;%s %(x)s {0}\n" + fourth, good),
        right(
            "headings: accents taken apart", "Customer ID;Date;Amount;Re\u0301gion\n" + fourth, good
        ),
        right(
            "headings: both ways of one accent",
            "Customer ID;Date;Amount;Re\u0301gion;Région\n" + fourth.replace(";x", ";x;y"),
            good,
        ),
        right("headings: emoji", "Customer ID;Date;Amount;🎉\n" + fourth, good),
        right("headings: right to left", "Customer ID;Date;Amount;\u202egnp.exe\n" + fourth, good),
        right(
            "headings: sharp s twice",
            "Customer ID;Date;Amount;straße;STRASSE\n" + fourth.replace(";x", ";x;y"),
            good,
        ),
        right(
            "headings: dotted capital I",
            "Customer ID;Date;Amount;İ;i̇\n" + fourth.replace(";x", ";x;y"),
            good,
        ),
    ]


def _no_table() -> list[Case]:
    chance = random.Random(SEED)
    noise = bytes(chance.randrange(256) for _ in range(4000))
    return [
        refused("no table: empty", b"", "empty"),
        refused("no table: a mark", b"\xef\xbb\xbf", "blank"),
        refused("no table: utf-16 mark", b"\xff\xfe", "blank|empty"),
        refused("no table: blank lines", b"\n \n\t\n", "blank"),
        refused("no table: null bytes", b"\0" * 5000, "not a text|damaged|control"),
        refused("no table: noise", noise, "not a text|damaged|control"),
        refused(
            "no table: noise named xlsx", noise, "not a text|damaged|control", file="export.xlsx"
        ),
        refused("no table: PDF", b"%PDF-1.7\n" + noise, "PDF"),
        refused("no table: PNG", b"\x89PNG\r\n\x1a\n" + noise, "picture"),
        refused("no table: JPEG", b"\xff\xd8\xff\xe0" + noise, "picture"),
        refused("no table: program", b"MZ\x90\0" + noise, "program"),
        refused("no table: ELF", b"\x7fELF\x02" + noise, "program"),
        refused("no table: RAR", b"Rar!\x1a\x07" + noise, "RAR"),
        refused("no table: 7z", b"7z\xbc\xaf\x27\x1c" + noise, "7-Zip"),
        refused("no table: bzip2", b"BZh91AY" + noise, "bzip2"),
        refused("no table: xz", b"\xfd7zXZ\0" + noise, "xz"),
        refused("no table: zstd", b"\x28\xb5\x2f\xfd" + noise, "Zstandard"),
        refused(
            "no table: HTML named xls",
            b"<html><table><tr><td>1</td></tr></table>",
            "web page",
            file="export.xls",
        ),
        refused(
            "no table: XML", b"<?xml version='1.0'?><rows><r a='1'/></rows>", "web page or XML"
        ),
        refused("no table: JSON", b'[{"customer": 1, "amount": 2}]', "JSON"),
        refused("no table: JSON lines", b'{"customer": 1}\n{"customer": 2}\n', "JSON"),
        refused(
            "no table: pickle",
            b"\x80\x04\x95\x0b\0\0\0\0\0\0\0cposix\nsystem\n.",
            "not a text|damaged|control|match",
        ),
        refused(
            "no table: a letter",
            "Dear Sir,\n\nplease find enclosed nothing.\n\nYours\n",
            "match|column|heading",
        ),
        refused("no table: one word", "hello", "match|column|no rows|heading"),
        refused("no table: RTF", r"{\rtf1\ansi Customer;Date;Amount\par}", "."),
        refused("no table: a script", "#!/bin/sh\nrm -rf /\n", "."),
    ]


def _wide_and_long() -> list[Case]:
    head, row = "Customer ID;Date;Amount;Note", "C1;2024-01-28;10.50;"
    many = 30_000
    return [
        right(
            "wide: a field of 900 kB", f"{head}\n{row}{'x' * 900_000}\n{row}y\n", Right(2, 2_100, 1)
        ),
        right(
            "wide: a field of 2 MB",
            f"{head}\n" + f"{row}y\n" * 40 + f"{row}{'x' * 2_000_000}\n",
            Right(40, 42_000, 1, {"too_long": 1}),
        ),
        refused(
            "wide: a quoted field without end",
            f"{head}\n" + f"{row}y\n" * 500 + f'{row}"' + "x\n" * 100_000,
            "do not have the 4 fields",
        ),
        refused(
            "wide: thirty thousand columns",
            ";".join(f"c{i}" for i in range(many)) + "\n" + "1;" * (many - 1) + "1\n",
            "columns",
        ),
        right(
            "wide: five hundred columns",
            head + "".join(f";c{i}" for i in range(500)) + "\n" + (row + ";1" * 500 + "\n") * 3,
            Right(3, 3_150, 1),
        ),
        right(
            "wide: a customer of 10,000 letters",
            f"{head}\n{'A' * 10_000};2024-01-28;1.00;x\n{row}\n",
            Right(2, 1_150, 2),
        ),
    ]
