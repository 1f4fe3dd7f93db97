"""Workbooks of Excel and LibreOffice: bombs, entities, links, macros, locks, odd sheets."""

from __future__ import annotations

import io
import re
import struct
import zipfile
from collections.abc import Callable, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any

from tests.hostile.corpus import HEADINGS, Case, Refused, Right, refused, right, sales, truth

_TYPES = (
    '<?xml version="1.0"?>'
    '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="rels" ContentType='
    '"application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Default Extension="xml" ContentType="application/xml"/>'
    '<Override PartName="/xl/workbook.xml" ContentType='
    '"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/></Types>'
)
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"
_MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
_ROOT = (
    f'<Relationships xmlns="{_RELATIONS}"><Relationship Id="rId1" Type="{_OFFICE}/officeDocument" '
    'Target="xl/workbook.xml"/></Relationships>'
)
_BOOK = (
    f'<workbook {_MAIN} xmlns:r="{_OFFICE}"><sheets>'
    '<sheet name="Sales" sheetId="1" r:id="rId1"/></sheets></workbook>'
)
_LINKS = (
    f'<Relationships xmlns="{_RELATIONS}"><Relationship Id="rId1" Type="{_OFFICE}/worksheet" '
    f'Target="worksheets/sheet1.xml"/><Relationship Id="rId2" Type="{_OFFICE}/sharedStrings" '
    'Target="sharedStrings.xml"/></Relationships>'
)
SOLD = [("A", "2024-01-28", 10.5), ("B", "2024-02-14", 1234.25), ("C", "2024-03-15", 7.0)]
MATCHING = {"customer_id": "Customer ID", "date": "Date", "amount": "Amount"}
GOOD = Right(3, 125_175, 3)


def sheet_xml(rows: list[tuple[Any, ...]] | None = None, head: str = "", cells: str = "") -> str:
    """A sheet of texts and numbers; ``cells`` stands for all rows."""
    if not cells:
        given = [HEADINGS, *(rows if rows is not None else SOLD)]
        cells = "".join(
            f'<row r="{n}">'
            + "".join(_cell(f"{'ABCDEFG'[i]}{n}", v) for i, v in enumerate(row))
            + "</row>"
            for n, row in enumerate(given, 1)
        )
    return f"{head}<worksheet {_MAIN}><sheetData>{cells}</sheetData></worksheet>"


def _cell(address: str, value: Any) -> str:
    if isinstance(value, str):
        return f'<c r="{address}" t="inlineStr"><is><t>{value}</t></is></c>'
    return f'<c r="{address}"><v>{value}</v></c>'


def xlsx(
    sheet: str | None = None,
    members: Mapping[str, str | bytes] | None = None,
    *,
    leave_out: str = "",
) -> bytes:
    """A workbook put together by hand, so that any part of it can be wrong."""
    parts: dict[str, str | bytes] = {
        "[Content_Types].xml": _TYPES,
        "_rels/.rels": _ROOT,
        "xl/workbook.xml": _BOOK,
        "xl/_rels/workbook.xml.rels": _LINKS,
        "xl/worksheets/sheet1.xml": sheet if sheet is not None else sheet_xml(),
        **(members or {}),
    }
    parts.pop(leave_out, None)
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return held.getvalue()


def drawn(fill: Callable[[Any, Any], object], *sheets: str) -> bytes:
    """A workbook as Excel would write it."""
    import xlsxwriter

    held = io.BytesIO()
    with xlsxwriter.Workbook(held, {"in_memory": True}) as book:
        for name in sheets or ("Sales",):
            fill(book, book.add_worksheet(name))
    return held.getvalue()


def table(rows: list[tuple[Any, ...]], at: int = 0, **options: Any) -> bytes:
    """A workbook of one table."""

    def fill(book: Any, sheet: Any) -> None:
        day = book.add_format({"num_format": "yyyy-mm-dd"})
        for number, row in enumerate(rows, at):
            for column, value in enumerate(row):
                if isinstance(value, date | datetime):
                    sheet.write_datetime(number, column, value, day)
                elif isinstance(value, str) and value.startswith("="):
                    sheet.write_formula(number, column, value, None, options.get("result", 0))
                else:
                    sheet.write(number, column, value)

    return drawn(fill)


def cases() -> list[Case]:
    return [*_readable(), *_damaged(), *_attacks(), *_old(), *_open_document()]


def _book(
    name: str, data: bytes, verdict: Right = GOOD, file: str = "export.xlsx", **told: Any
) -> Case:
    return right(f"excel: {name}", data, verdict, file, **told)


def _bad(name: str, data: bytes, says: str, file: str = "export.xlsx", **told: Any) -> Case:
    return refused(f"excel: {name}", data, says, file, **told)


def _readable() -> list[Case]:
    sold = sales(9)
    rows = [(s.customer, s.day, s.cents / 100) for s in sold]
    serial = [("A", 45_319, 10.5), ("B", 45_336, 1234.25), ("C", 45_366, 7)]
    typed = [("A", "28/01/2024", "10,50"), ("B", "14/02/2024", "1 234,25"), ("C", "15/03/2024", 7)]
    ids = [("007", date(2024, 1, 28), 1), (7, date(2024, 2, 14), 2), ("7", date(2024, 3, 3), 4)]
    errors = [*SOLD, ("D", "2024-02-01", "#DIV/0!"), ("E", "2024-02-01", "#REF!")]
    noise = [*SOLD, ("Total", None, 1251.75)]
    moments = [("A", datetime(2024, 1, 28, 23, 59, 59), 1), ("B", datetime(2024, 2, 14), 2)]

    def many(book: Any, sheet: Any) -> None:
        if sheet.name != "Notes":
            for n, row in enumerate([HEADINGS, *SOLD]):
                sheet.write_row(n, 0, row)

    def hidden(book: Any, sheet: Any) -> None:
        many(book, sheet)
        if sheet.name == "Copy":
            sheet.hide()

    return [
        _book("dates and numbers", table([HEADINGS, *rows]), truth(sold)),
        _book("day numbers", table([HEADINGS, *serial])),
        _book("all texts", table([HEADINGS, *typed])),
        _book("named csv", table([HEADINGS, *SOLD]), file="export.csv"),
        _book("without ending", table([HEADINGS, *SOLD]), file="export"),
        _book("titles above", table([("Sales 2024",), (), HEADINGS, *SOLD])),
        _book("far from the corner", table([HEADINGS, *SOLD], at=40)),
        _book("total below", table([HEADINGS, *noise]), Right(3, 125_175, 3, {"totals_line": 1})),
        _book("ids as text and number", table([HEADINGS, *ids]), Right(3, 700, 2)),
        _book("moments", table([HEADINGS, *moments]), Right(2, 300, 2)),
        _book(
            "errors in cells",
            table([HEADINGS, *errors]),
            Right(3, 125_175, 3, {"unreadable_amount": 1, "missing_amount": 1}),
            matching=MATCHING,
        ),
        _book(
            "formulas with results",
            table([HEADINGS, *SOLD, ("D", "2024-02-01", "=1+1")], result=2),
            Right(4, 125_375, 4),
        ),
        _book("an empty sheet beside", drawn(many, "Sales", "Notes")),
        _book("a hidden copy beside", drawn(hidden, "Sales", "Copy")),
        _bad("two sheets", drawn(many, "Sales", "More"), "sheet="),
        _book("two sheets, one told", drawn(many, "Sales", "More"), sheet="More"),
        _bad("a sheet that is not there", drawn(many, "Sales", "More"), "no sheet", sheet="../x"),
        _bad("no rows", table([HEADINGS]), "no rows"),
        _bad("nothing", table([]), "No sheet|empty"),
        _bad("one cell", table([("hello",)]), "No sheet|no rows|heading"),
        _bad("no headings", table(list(SOLD)), "headings"),
        _book("by hand", xlsx()),
        _book(
            "not a number",
            xlsx(sheet_xml(cells=_raw_amount("NaN"))),
            Right(1, 700, 1, {"missing_amount": 1}),
            matching=MATCHING,
        ),
        _book(
            "infinite",
            xlsx(sheet_xml(cells=_raw_amount("1e400"))),
            Right(1, 700, 1, {"unreadable_amount": 1}),
            matching=MATCHING,
        ),
        _book("negative zero", xlsx(sheet_xml(cells=_raw_amount("-0"))), Right(2, 700, 2)),
        _book(
            "seventeen digits",
            xlsx(sheet_xml(cells=_raw_amount("0.30000000000000004"))),
            Right(2, 730, 2),
        ),
    ]


def _raw_amount(text: str) -> str:
    head = "".join(_cell(f"{'ABC'[i]}1", h) for i, h in enumerate(HEADINGS))
    one = f'{_cell("A2", "A")}{_cell("B2", "2024-01-28")}<c r="C2"><v>{text}</v></c>'
    two = f'{_cell("A3", "B")}{_cell("B3", "2024-01-29")}<c r="C3"><v>7</v></c>'
    return f'<row r="1">{head}</row><row r="2">{one}</row><row r="3">{two}</row>'


def _damaged() -> list[Case]:
    whole = table([HEADINGS, *SOLD])
    flipped = bytearray(whole)
    for place in range(200, 260):
        flipped[place] ^= 0xFF
    cuts = [
        _bad(
            f"cut to {share} %",
            whole[: len(whole) * share // 100],
            "cut short|damaged|cannot be read",
        )
        for share in (1, 10, 50, 90, 99)
    ]
    parts = (
        "[Content_Types].xml",
        "_rels/.rels",
        "xl/workbook.xml",
        "xl/_rels/workbook.xml.rels",
        "xl/worksheets/sheet1.xml",
    )
    missing: list[Case] = []
    for part in parts:
        data = xlsx(leave_out=part)
        missing.append(_bad(f"without {part}", data, "cannot be read|holds .* files|No sheet"))
    return [
        *cuts,
        *missing,
        _bad("bytes turned over", bytes(flipped), "cut short|damaged|cannot be read"),
        _bad("sheet is no XML", xlsx("this is no XML"), "cannot be read|No sheet"),
        _bad("sheet cut short", xlsx(sheet_xml()[:-60]), "cannot be read|cut"),
        _bad("sheet is empty", xlsx(""), "cannot be read|No sheet"),
        _bad(
            "text number beyond the texts",
            xlsx(
                sheet_xml(
                    cells='<row r="1"><c r="A1" t="s"><v>99</v></c><c r="B1" t="s"/></row>' * 3
                )
            ),
            "cannot be read|No sheet",
        ),
        _bad(
            "address of nonsense",
            xlsx(sheet_xml(cells='<row r="0"><c r="ZZZZZZ9"><v>1</v></c></row>')),
            "a sheet ends at",
        ),
        _bad(
            "row number too large",
            xlsx(sheet_xml(cells='<row r="99999999999"><c r="A99999999999"><v>1</v></c></row>')),
            "a sheet ends at",
        ),
        _bad("trailing noise only", b"PK\x03\x04" + b"\0" * 500, "cut short|damaged"),
        _bad(
            "a zip with an absurd member count",
            b"PK\x05\x06" + b"\xff" * 18,
            "no rows|cut short|damaged|not a text|control",
        ),
    ]


_LAUGHS = (
    '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">'
    '<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">'
    '<!ENTITY d "&c;&c;&c;&c;&c;&c;&c;&c;"><!ENTITY e "&d;&d;&d;&d;&d;&d;&d;&d;">]>'
)
_FILE = '<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]>'


def _attacks() -> list[Case]:
    outside = (
        f'<Relationships xmlns="{_RELATIONS}">'
        f'<Relationship Id="rId1" Type="{_OFFICE}/externalLinkPath" '
        'Target="http://127.0.0.1:9/evil.xlsx" TargetMode="External"/></Relationships>'
    )
    named = sheet_xml([("&lt;script&gt;alert(1)&lt;/script&gt;", "2024-01-28", 10.5), *SOLD[1:]])
    climbing = _LINKS.replace("worksheets/sheet1.xml", "../../../../etc/passwd")
    return [
        _bad(
            "entities that multiply",
            xlsx(sheet_xml([("&e;", "2024-01-28", 10.5), *SOLD[1:]], _LAUGHS)),
            "unrecognized entity",
        ),
        _bad(
            "an entity that is a file",
            xlsx(sheet_xml([("&f;", "2024-01-28", 10.5), *SOLD[1:]], _FILE)),
            "unrecognized entity",
        ),
        _book(
            "links to elsewhere",
            xlsx(members={"xl/externalLinks/_rels/externalLink1.xml.rels": outside}),
        ),
        _book(
            "macros",
            xlsx(members={"xl/vbaProject.bin": b"\xd0\xcf\x11\xe0" + b"\0" * 600}),
            file="export.xlsm",
        ),
        _book("script in a name", xlsx(named)),
        _book("a member that climbs", xlsx(members={"../../../tmp/evil.txt": "x"})),
        _book("a member with an absolute name", xlsx(members={"/tmp/evil.txt": "x"})),
        _bad(
            "a sheet that is another file",
            xlsx(members={"xl/_rels/workbook.xml.rels": climbing}),
            "cannot be read|No sheet",
        ),
        _bad("a stray cell in the last corner", _stray(), "most of it empty"),
        _bad("two thousand million texts", _claiming(2**31), "different texts"),
        _book("as many texts as there are", _claiming(7)),
        _book(
            "a dimension that lies",
            xlsx(sheet_xml().replace("<sheetData>", '<dimension ref="A1:XFD1048576"/><sheetData>')),
        ),
        _bad(
            "encrypted",
            compound(
                {"EncryptionInfo": b"\4\0\4\0" + b"\0" * 300, "EncryptedPackage": b"\x10" * 5000}
            ),
            "password",
        ),
    ]


def _stray() -> bytes:
    def fill(book: Any, sheet: Any) -> None:
        for n, row in enumerate([HEADINGS, *SOLD]):
            sheet.write_row(n, 0, row)
        sheet.write(1_048_575, 16_383, "x")

    return drawn(fill)


def _claiming(texts: int) -> bytes:
    """A workbook whose list of texts says how long it is: readers make room for that."""
    whole = zipfile.ZipFile(io.BytesIO(table([HEADINGS, *SOLD])))
    parts = {name: whole.read(name) for name in whole.namelist()}
    told, named = parts["xl/sharedStrings.xml"], "xl/sharedStrings.xml"
    parts[named] = re.sub(rb'uniqueCount="\d+"', f'uniqueCount="{texts}"'.encode(), told)
    return xlsx(parts.pop("xl/worksheets/sheet1.xml").decode(), parts)


# -- the old format: a file system inside a file ------------------------------------------------


def compound(streams: Mapping[str, bytes]) -> bytes:
    """A compound file of Microsoft with these streams, each of whole sectors."""
    sector, end, free = 512, 0xFFFFFFFE, 0xFFFFFFFF
    padded = {
        n: d.ljust(max(4096, -(-len(d) // sector) * sector), b"\0") for n, d in streams.items()
    }
    table_of: list[int] = []
    starts, body = [], b""
    for data in padded.values():
        starts.append(len(table_of) + 2)
        count = len(data) // sector
        first = starts[-1]
        table_of += [*range(first + 1, first + count), end]
        body += data
    fat = [0xFFFFFFFD, end, *table_of]
    entries = [_entry("Root Entry", 5, end, 0, child=1)]
    for number, (name, start) in enumerate(zip(padded, starts, strict=True), 1):
        right_of = number + 1 if number < len(padded) else free
        entries.append(_entry(name, 2, start, len(padded[name]), right=right_of))
    entries += [b"\0" * 128] * (4 - len(entries))
    head = struct.pack(
        "<8s16sHHHHH6sIIIIIIIII",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        b"",
        0x3E,
        3,
        0xFFFE,
        9,
        6,
        b"",
        0,
        1,
        1,
        0,
        4096,
        end,
        0,
        end,
        0,
    )
    head += struct.pack("<109I", 0, *[free] * 108)
    allocation = struct.pack(f"<{128}I", *(fat + [free] * (128 - len(fat))))
    return head + allocation + b"".join(entries) + body


def _entry(
    name: str, kind: int, start: int, size: int, child: int = 0xFFFFFFFF, right: int = 0xFFFFFFFF
) -> bytes:
    raw = name.encode("utf-16-le")
    return struct.pack(
        "<64sHBBIII16sIQQIQ",
        raw,
        len(raw) + 2,
        kind,
        1,
        0xFFFFFFFF,
        right,
        child,
        b"",
        0,
        0,
        0,
        start,
        size,
    )


def xls(rows: list[tuple[Any, ...]], texts: tuple[int, int] = (0, 0)) -> bytes:
    """The stream of an Excel 97 workbook of one sheet, with a list of no texts that claims more."""

    def record(kind: int, data: bytes) -> bytes:
        return struct.pack("<HH", kind, len(data)) + data

    def begin(kind: int) -> bytes:
        return record(0x809, struct.pack("<HHHHII", 0x600, kind, 0x0DBB, 0x07CC, 0, 6))

    cells = b""
    for r, row in enumerate(rows):
        for c, value in enumerate(row):
            if isinstance(value, str):
                cells += record(
                    0x204, struct.pack("<HHHHB", r, c, 0, len(value), 0) + value.encode("latin-1")
                )
            else:
                cells += record(0x203, struct.pack("<HHHd", r, c, 0, value))
    name = b"Sales"
    first = begin(5) + record(0x42, struct.pack("<H", 1200))
    listed = record(0xFC, struct.pack("<II", *texts))
    length = len(first) + 4 + 8 + len(name) + len(listed) + 4
    bound = record(0x85, struct.pack("<IBBBB", length, 0, 0, len(name), 0) + name)
    return first + bound + listed + record(0x0A, b"") + begin(0x10) + cells + record(0x0A, b"")


def _old() -> list[Case]:
    stream = xls([HEADINGS, *SOLD])
    whole = compound({"Workbook": stream})
    return [
        _book("xls", whole, file="export.xls"),
        _book(
            "xls of two thousand million texts",
            compound({"Workbook": xls([HEADINGS, *SOLD], (2**31 - 1, 2**31 - 1))}),
            file="export.xls",
        ),
        _book(
            "xls with macros",
            compound({"Workbook": stream, "_VBA_PROJECT_CUR": b"Attribute VB_Name"}),
            file="export.xls",
        ),
        _bad("xls cut", whole[:1500], "cannot be read", file="export.xls"),
        _bad("xls of a head only", whole[:512], "cannot be read", file="export.xls"),
        _bad(
            "xls without a workbook",
            compound({"WordDocument": b"Dear Sir"}),
            "cannot be read",
            file="letter.doc",
        ),
        _bad(
            "xls of null bytes",
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 4096,
            "cannot be read",
            file="export.xls",
        ),
        _book("xls whose sectors go in a circle", _circle(whole), file="export.xls"),
    ]


def _circle(whole: bytes) -> bytes:
    """A compound file whose chain of sectors comes back to its beginning."""
    data = bytearray(whole)
    struct.pack_into("<I", data, 512 + 4 * 9, 2)
    return bytes(data)


def _open_document() -> list[Case]:
    manifest = (
        '<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0">'
        '<manifest:file-entry manifest:full-path="/" manifest:media-type='
        '"application/vnd.oasis.opendocument.spreadsheet"/></manifest:manifest>'
    )

    def ods(content: str) -> bytes:
        held = io.BytesIO()
        with zipfile.ZipFile(held, "w") as archive:
            archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
            archive.writestr("content.xml", content)
            archive.writestr("META-INF/manifest.xml", manifest)
        return held.getvalue()

    def content(rows: list[tuple[Any, ...]], more: str = "") -> str:
        cells = "".join(
            "<table:table-row>"
            + "".join(
                f'<table:table-cell office:value-type="float" office:value="{v}"/>'
                if isinstance(v, float)
                else '<table:table-cell office:value-type="string">'
                f"<text:p>{v}</text:p></table:table-cell>"
                for v in row
            )
            + "</table:table-row>"
            for row in rows
        )
        return (
            "<office:document-content "
            'xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" '
            'xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" '
            'xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"><office:body>'
            f'<office:spreadsheet><table:table table:name="Sales">{cells}{more}</table:table>'
            "</office:spreadsheet></office:body></office:document-content>"
        )

    rows = '<table:table-row table:number-rows-repeated="1048000">'
    bomb = (
        f'{rows}<table:table-cell table:number-columns-repeated="16000" '
        'office:value-type="float" office:value="1"/></table:table-row>'
    )
    padding = f'{rows}<table:table-cell table:number-columns-repeated="16384"/></table:table-row>'
    file = "export.ods"
    return [
        _book("ods", ods(content([HEADINGS, *SOLD])), file=file),
        _book("ods with the usual empty rows", ods(content([HEADINGS, *SOLD], padding)), file=file),
        _bad(
            "ods with a cell repeated billions of times",
            ods(content([HEADINGS, *SOLD], bomb)),
            "most of it empty|cells can be read",
            file=file,
        ),
        _bad("ods without a sheet", ods("<x/>"), "cannot be read|No sheet", file=file),
        _bad("ods that is no XML", ods("hello"), "cannot be read|No sheet", file=file),
    ]


def make(folder: Path, data: bytes, name: str) -> Path:
    """A workbook on disk."""
    file = folder / name
    file.write_bytes(data)
    return file


__all__ = ["Refused", "cases", "compound", "drawn", "make", "sheet_xml", "table", "xls", "xlsx"]
