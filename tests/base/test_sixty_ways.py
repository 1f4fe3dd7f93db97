"""One table written in more than sixty foreign ways comes back as the same rows, or a question.

Each way is a test of its own: an encoding, a separator, a way to write amounts, one to write
dates, noise above and below, quotes, or another kind of file. Those that are expected to ask
say which argument answers, and with the answer give the same rows too.
"""

from __future__ import annotations

import gzip
import io
import random
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from retention_lib.base.importing import import_export
from retention_lib.base.sources import RawTable, read_raw
from retention_lib.base.values import (
    amount_sql,
    clean_text_sql,
    date_sql,
    decide_amount_formats,
    decide_date_format,
    quoted,
)
from retention_lib.errors import QuestionError

HEADINGS = (
    "Code client",
    "Raison sociale",
    "Code postal",
    "SIRET",
    "Date",
    "Montant HT",
    "Qté",
    "Note",
)
NAMES = (
    "Lefèvre & Fils",
    "Société Générale d'Étanchéité",
    "Café de l'Île",
    "Bœuf d'Or",
    "Hôtel Bellevue",
    "Crêperie Ty Breizh",
    "Noël Façades",
    "Müller Bürobedarf",
    "Peña Hermanos",
    "Garage Châtelet",
    "À la Forêt",
    "Cœur de Ville",
    "Dupont",
    "Énergie Août",
    "L'Été Indien",
    "Maçonnerie Rançon",
    "Où Aller",
    "Œuvres Réunies",
    "Chaîne Hôtelière",
    "Marché à 10 €",
)


@dataclass(frozen=True)
class Row:
    client: str
    name: str
    postcode: str
    siret: str
    day: date
    cents: int
    quantity: int
    note: str

    @property
    def amount(self) -> Decimal:
        return Decimal(self.cents) / 100


def _rows() -> list[Row]:
    chance = random.Random(20241231)
    rows = []
    for i in range(400):
        cents = chance.choice([chance.randrange(100, 100_00), chance.randrange(100_00, 12_345_68)])
        if i % 17 == 0:
            cents = -cents
        rows.append(
            Row(
                client=f"{chance.randrange(1, 120):03d}",
                name=NAMES[i % len(NAMES)],
                postcode=chance.choice(["01000", "75011", "06400", "2A004"]),
                siret=f"{chance.randrange(10**13, 10**14)}",
                day=date(2023, 1, 1) + timedelta(days=chance.randrange(730)),
                cents=1_234_567 if i == 5 else cents,
                quantity=chance.randrange(1, 40),
                note=chance.choice(["", "livré", "à rappeler"]),
            )
        )
    return rows


ROWS = _rows()

# -- ways to write an amount ------------------------------------------------------------------


def _grouped(value: Decimal, thousands: str, mark: str) -> str:
    whole, cents = f"{abs(value):,.2f}".split(".")
    return whole.replace(",", thousands) + mark + cents


def money(
    mark: str = ",", thousands: str = "", form: str = "-{}", plain: str = "{}"
) -> Callable[[Decimal], str]:
    def write(value: Decimal) -> str:
        digits = _grouped(value, thousands, mark)
        return (form if value < 0 else plain).format(digits)

    return write


def shortest(mark: str) -> Callable[[Decimal], str]:
    return lambda value: f"{value.normalize():f}".replace(".", mark)


def scientific(value: Decimal) -> str:
    return f"{value:.6E}".replace(".", ",")


# -- ways to write a date ---------------------------------------------------------------------

MOIS = (
    "janvier",
    "février",
    "mars",
    "avril",
    "mai",
    "juin",
    "juillet",
    "août",
    "septembre",
    "octobre",
    "novembre",
    "décembre",
)
MOIS_COURTS = (
    "janv.",
    "févr.",
    "mars",
    "avr.",
    "mai",
    "juin",
    "juil.",
    "août",
    "sept.",
    "oct.",
    "nov.",
    "déc.",
)
JOURS = ("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche")
MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)


def stamp(pattern: str) -> Callable[[date], str]:
    return lambda day: datetime(day.year, day.month, day.day, 22, 5, 9).strftime(pattern)


def serial(day: date) -> str:
    return str((day - date(1899, 12, 30)).days)


def long_french(day: date) -> str:
    return f"{JOURS[day.weekday()]} {day.day} {MOIS[day.month - 1]} {day.year}"


def short_french(day: date) -> str:
    return f"{day.day} {MOIS_COURTS[day.month - 1]} {day.year}"


def english(day: date) -> str:
    return f"{MONTHS[day.month - 1]} {day.day}, {day.year}"


def short_english(day: date) -> str:
    return f"{day.day:02d}-{MONTHS[day.month - 1][:3]}-{day:%y}"


FRENCH_MONEY = money()
DAY_FIRST = stamp("%d/%m/%Y")

# -- ways to write a file ---------------------------------------------------------------------


@dataclass(frozen=True)
class Way:
    name: str
    encoding: str = "utf-8"
    separator: str = ";"
    amount: Callable[[Decimal], str] = FRENCH_MONEY
    day: Callable[[date], str] = DAY_FIRST
    quote: str = "minimal"
    newline: str = "\r\n"
    above: tuple[str, ...] = ()
    below: tuple[str, ...] = ()
    trailing: bool = False
    repeat_header: int = 0
    header: bool = True
    headings: tuple[str, ...] = HEADINGS
    note: Callable[[str], str] = str
    suffix: str = ".csv"
    write: Callable[[Way, Path], Path] | None = None
    rows: Callable[[list[Row]], list[Row]] = list
    asks: str = ""
    answer: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.name


def _quoted(value: str, way: Way) -> str:
    needs = way.quote == "all" or any(c in value for c in (way.separator, '"', "\n", "\r"))
    return '"' + value.replace('"', '""') + '"' if needs and way.quote != "none" else value


def _cells(row: Row, way: Way) -> list[str]:
    return [
        row.client,
        row.name,
        row.postcode,
        row.siret,
        way.day(row.day),
        way.amount(row.amount),
        str(row.quantity),
        way.note(row.note),
    ]


def _written(way: Way) -> bytes:
    def line(cells: list[str]) -> str:
        return way.separator.join(_quoted(c, way) for c in cells) + way.separator * way.trailing

    lines = list(way.above)
    for i, row in enumerate(_truth(way)):
        if way.header and (i == 0 or (way.repeat_header and i % way.repeat_header == 0)):
            lines.append(line(list(way.headings)))
        lines.append(line(_cells(row, way)))
    text = way.newline.join([*lines, *way.below]) + way.newline
    return text.encode(way.encoding)


def _truth(way: Way) -> list[Row]:
    """The rows, with what the encoding lacks written as people do then."""
    rows = way.rows(ROWS)
    try:
        "œ€".encode(way.encoding)
    except UnicodeEncodeError:
        return [Row(**{**vars(r), "name": _plain(r.name)}) for r in rows]
    return rows


def _plain(name: str) -> str:
    return name.replace("œ", "oe").replace("Œ", "OE").replace("€", "EUR")


def _to_text(way: Way, folder: Path) -> Path:
    data = _written(way)
    path = folder / f"export{way.suffix}"
    if way.suffix == ".csv.gz":
        data = gzip.compress(data)
    if way.suffix == ".zip":
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("export.csv", data)
        data = packed.getvalue()
    path.write_bytes(data)
    return path


def _typed_cells(row: Row) -> list[Any]:
    return [
        row.client,
        row.name,
        row.postcode,
        row.siret,
        row.day,
        float(row.amount),
        row.quantity,
        row.note,
    ]


def _to_excel(
    cells: Callable[[Row], list[Any]], *, above: int = 0, tables: int = 1
) -> Callable[[Way, Path], Path]:
    def write(way: Way, folder: Path) -> Path:
        book = openpyxl.Workbook()
        book.active.title = "Notes"
        book.active["A1"] = "Extraction du logiciel"
        for number in range(tables):
            sheet = book.create_sheet(f"Ventes {number + 1}")
            for i in range(above):
                sheet.append([f"Titre {i}"])
            sheet.append(HEADINGS)
            for row in _truth(way):
                sheet.append(cells(row))
        path = folder / "export.xlsx"
        book.save(path)
        return path

    return write


def _to_parquet(way: Way, folder: Path) -> Path:
    columns = list(zip(*(_typed_cells(row) for row in _truth(way)), strict=True))
    table = pa.table(dict(zip(HEADINGS, map(list, columns), strict=True)))
    pq.write_table(table, folder / "export.parquet")
    return folder / "export.parquet"


def _to_decimal_parquet(way: Way, folder: Path) -> Path:
    rows = _truth(way)
    columns: dict[str, Any] = {
        heading: list(column)
        for heading, column in zip(
            HEADINGS, zip(*(_typed_cells(r) for r in rows), strict=True), strict=True
        )
    }
    columns["Montant HT"] = pa.array([r.amount for r in rows], pa.decimal128(12, 2))
    columns["Date"] = pa.array([datetime(r.day.year, r.day.month, r.day.day, 9) for r in rows])
    columns["Raison sociale"] = pa.array(columns["Raison sociale"]).dictionary_encode()
    pq.write_table(pa.table(columns), folder / "export.parquet")
    return folder / "export.parquet"


def _to_folder(way: Way, folder: Path) -> Path:
    parts = folder / "parts"
    parts.mkdir()
    for year in (2023, 2024):
        part = Way(**{**vars(way), "write": None, "rows": _in_year(year)})
        (parts / f"{year}.csv").write_bytes(_written(part))
    return parts


def _in_year(year: int) -> Callable[[list[Row]], list[Row]]:
    return lambda rows: [row for row in rows if row.day.year == year]


def _by_year(rows: list[Row]) -> list[Row]:
    return sorted(rows, key=lambda row: row.day.year)


def _to_sqlite(way: Way, folder: Path) -> str:
    import sqlite3

    path = folder / "export.db"
    columns = ", ".join(quoted(heading) for heading in HEADINGS)
    with sqlite3.connect(path) as connection:
        connection.execute(f"CREATE TABLE ventes ({columns})")
        connection.executemany(
            f"INSERT INTO ventes VALUES ({', '.join('?' * len(HEADINGS))})",
            [[*_typed_cells(r)[:4], r.day.isoformat(), *_typed_cells(r)[5:]] for r in _truth(way)],
        )
    connection.close()
    return f"sqlite:///{path}"


def _to_duckdb(way: Way, folder: Path) -> str:
    path = folder / "export.duckdb"
    with duckdb.connect(str(path)) as connection:
        source = pa.table(
            dict(
                zip(
                    HEADINGS,
                    map(list, zip(*(_typed_cells(r) for r in _truth(way)), strict=True)),
                    strict=True,
                )
            )
        )
        connection.register("source", source)
        connection.execute("CREATE TABLE ventes AS SELECT * FROM source")
    return f"duckdb:///{path}"


TITLES = ("Extraction des ventes", "Période : 2023-2024")
FOOT = ("Exporté le 02/01/2025 à 10:15", "400 lignes")
TOTAL = ("Total;;;;;1 234 567,00;;",)
NBSP, NARROW = "\xa0", "\u202f"


def rich(note: str) -> str:
    return f'{note} 5" x 7"; voir\r\n"annexe"' if note else note


def flat(note: str) -> str:
    return note.replace("é", "e").replace("à", "a")


WAYS = [
    # the everyday exports
    Way("utf8-semicolon-comma-dayfirst"),
    Way("utf8bom-semicolon-spaces", "utf-8-sig", amount=money(thousands=" ")),
    Way("utf8-comma-point-iso", separator=",", amount=money("."), day=stamp("%Y-%m-%d")),
    Way("utf8-tab-nbsp", separator="\t", amount=money(thousands=NBSP)),
    Way("utf8-pipe-narrow", separator="|", amount=money(thousands=NARROW)),
    Way("utf8-caret", separator="^", amount=money(thousands="'", mark=".")),
    Way("utf8-tilde", separator="~", amount=money(thousands=".")),
    Way("utf8-euro-after", amount=money(thousands=NARROW, plain="{} €", form="-{} €")),
    Way(
        "utf8-euro-before-us",
        separator=",",
        amount=money(".", ",", "-€{}", "€{}"),
        day=stamp("%m/%d/%Y"),
    ),
    Way("utf8-accounting", separator="\t", amount=money(".", ",", "({})"), day=stamp("%m/%d/%Y")),
    Way("utf8-trailing-minus", amount=money(thousands=".", form="{}-")),
    Way("utf8-unicode-minus", amount=money(thousands=NBSP, form="\u2212{}")),
    Way("utf8-credit", amount=money(thousands=" ", form="{} CR", plain="{} DR")),
    Way("utf8-eur-code", amount=money(thousands=" ", form="-{} EUR", plain="{} EUR")),
    Way("utf8-swiss", amount=money(".", "\u2019", "CHF -{}", "CHF {}"), day=stamp("%d.%m.%Y")),
    Way("utf8-scientific", amount=scientific),
    Way("utf8-shortest-comma", amount=shortest(",")),
    Way("utf8-shortest-point", separator=",", amount=shortest("."), day=stamp("%Y-%m-%d %H:%M:%S")),
    # old encodings
    Way("cp1252-semicolon", "cp1252"),
    Way("cp1252-nbsp-euro", "cp1252", amount=money(thousands=NBSP, plain="{} €", form="-{} €")),
    Way("cp1252-comma-quoted", "cp1252", separator=",", quote="all"),
    Way("cp1252-tab-us", "cp1252", separator="\t", amount=money(".", ","), day=stamp("%m/%d/%Y")),
    Way("cp1252-noise", "cp1252", above=TITLES, below=(*TOTAL, *FOOT)),
    Way("latin9-semicolon", "iso-8859-15"),
    Way("latin9-pipe-euro", "iso-8859-15", separator="|", amount=money(plain="{} €", form="{}- €")),
    Way("latin9-tab-spaces", "iso-8859-15", separator="\t", amount=money(thousands=" ")),
    Way("latin1-semicolon", "iso-8859-1"),
    Way("cp850-semicolon", "cp850"),
    Way("cp850-noise-spaces", "cp850", amount=money(thousands=" "), above=TITLES, below=FOOT),
    Way("cp850-comma-quoted-iso", "cp850", separator=",", quote="all", day=stamp("%Y%m%d")),
    Way("cp858-euro", "cp858", amount=money(plain="{} €", form="-{} €")),
    Way("macroman-semicolon", "mac_roman", newline="\r"),
    Way("macroman-tab", "mac_roman", separator="\t", amount=money(thousands=NBSP)),
    Way("utf16-bom-tab", "utf-16", separator="\t"),
    Way("utf16le-no-bom", "utf-16-le", separator="\t", amount=money(thousands=NARROW)),
    Way("utf16be-no-bom", "utf-16-be"),
    Way("utf32", "utf-32"),
    # dates
    Way("date-dots", day=stamp("%d.%m.%Y")),
    Way("date-dashes-short", day=stamp("%d-%m-%y")),
    Way("date-blanks", day=stamp("%d %m %Y")),
    Way("date-time-seconds", day=stamp("%d/%m/%Y %H:%M:%S")),
    Way("date-time-french", day=stamp("%d/%m/%Y à %Hh%M")),
    Way("date-us-ampm", day=stamp("%m/%d/%Y %I:%M %p"), amount=money(".")),
    Way("date-us-short", day=stamp("%m/%d/%y"), amount=money(".")),
    Way("date-iso-t-zone", day=stamp("%Y-%m-%dT%H:%M:%S+01:00")),
    Way("date-iso-fraction-z", day=stamp("%Y-%m-%dT%H:%M:%S.123Z")),
    Way("date-year-slash", day=stamp("%Y/%m/%d")),
    Way("date-year-first-short", day=stamp("%y-%m-%d")),
    Way("date-compact", day=stamp("%Y%m%d")),
    Way("date-serial", day=serial),
    Way("date-long-french", "cp1252", day=long_french),
    Way("date-short-french", day=short_french),
    Way("date-english", day=english),
    Way("date-english-quoted-comma", separator=",", amount=money("."), day=english),
    Way("date-short-english", day=short_english),
    # noise and layout
    Way("titles-and-blank-lines", above=(*TITLES, "", "")),
    Way("titles-padded", above=("Extraction des ventes;;;;;;;", ";;;;;;;"), below=TOTAL),
    Way("footer", below=("", *TOTAL, *FOOT)),
    Way("page-breaks", above=TITLES, repeat_header=90, below=FOOT),
    Way("excel-separator-hint", above=("sep=;",)),
    Way("trailing-separators", trailing=True),
    Way("everything-quoted-unix", quote="all", newline="\n"),
    Way("line-breaks-in-quotes", quote="all", note=rich),
    Way("line-breaks-where-needed", "cp1252", separator=",", note=rich, amount=money(".")),
    Way("old-mac-line-ends", newline="\r"),
    Way(
        "inches-unquoted", separator="\t", quote="none", note=lambda n: f'{n} 24" écran' if n else n
    ),
    # other files
    Way("gzip", "cp1252", suffix=".csv.gz", above=TITLES),
    Way("zip", suffix=".zip", separator=","),
    Way("folder", "cp1252", write=_to_folder, rows=_by_year),
    Way("xlsx-typed", write=_to_excel(_typed_cells)),
    Way("xlsx-typed-titles", write=_to_excel(_typed_cells, above=3)),
    Way(
        "xlsx-texts", write=_to_excel(lambda row: _cells(row, Way("", amount=money(thousands=" "))))
    ),
    Way("parquet-typed", write=_to_parquet),
    Way("parquet-decimals-timestamps", write=_to_decimal_parquet),
    Way("sqlite", write=_to_sqlite),
    Way("duckdb", write=_to_duckdb),
    # what the file cannot decide
    Way("asks-headings", header=False, asks="header_row=0", answer={"header_row": 0}),
    Way(
        "asks-sheet",
        write=_to_excel(_typed_cells, tables=2),
        asks="sheet=",
        answer={"sheet": "Ventes 2"},
    ),
    Way(
        "asks-decimal",
        amount=lambda value: f"{value:.3f}".replace(".", ","),
        rows=lambda rows: [row for row in rows if 100_00 <= row.cents < 1000_00],
        asks="decimal=",
        answer={"decimal": ","},
    ),
    Way(
        "asks-date-order",
        day=lambda day: day.strftime("%d/%m/%Y" if day.year == 2023 else "%m/%d/%Y"),
        rows=lambda rows: [r for r in rows if r.day.year == 2023 or r.day.day > 12],
        asks="date_order=",
        answer={"date_order": "day_first"},
    ),
    Way(
        "asks-encoding",
        "cp850",
        headings=tuple(heading.replace("é", "e") for heading in HEADINGS),
        rows=lambda rows: [Row(**{**vars(r), "name": "CRÈPERIE", "note": ""}) for r in rows],
        asks="encoding=",
        answer={"encoding": "cp850"},
    ),
]
CONNECTION = duckdb.connect()
ARGUMENTS_OF_READING = ("encoding", "separator", "sheet", "header_row")


def _read(source: Path | str, answer: dict[str, Any]) -> tuple[RawTable, list[tuple[Any, ...]]]:
    raw = read_raw(source, **{k: v for k, v in answer.items() if k in ARGUMENTS_OF_READING})
    columns = [quoted(heading) for heading in raw.header]
    with CONNECTION.cursor() as connection:
        connection.register("raw", raw.table)
        amounts = decide_amount_formats(
            connection,
            "raw",
            [raw.header[5], raw.header[6]],
            decimal=answer.get("decimal"),
            typed=raw.number_columns,
        )
        dates = decide_date_format(connection, "raw", raw.header[4], order=answer.get("date_order"))
        assert not dates.assumed
        rows = connection.execute(
            f"""
            SELECT * FROM (
                SELECT {", ".join(clean_text_sql(column) for column in columns[:4])},
                    {date_sql(columns[4], dates)} AS day,
                    round({amount_sql(columns[5], amounts[raw.header[5]])} * 100)::BIGINT,
                    {amount_sql(columns[6], amounts[raw.header[6]])}::BIGINT,
                    coalesce({clean_text_sql(columns[7])}, '')
                FROM raw
            ) WHERE day IS NOT NULL ORDER BY ALL
            """
        ).fetchall()
    return raw, rows


def _expected(way: Way) -> list[tuple[Any, ...]]:
    written = way.note if way.write is None else str
    return sorted(
        (r.client, r.name, r.postcode, r.siret, r.day, r.cents, r.quantity, written(r.note).strip())
        for r in _truth(way)
    )


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_the_same_rows_come_back_or_a_question(way: Way, tmp_path: Path) -> None:
    source = (way.write or _to_text)(way, tmp_path)
    if way.asks:
        with pytest.raises(QuestionError, match=way.asks):
            _read(source, {})
    raw, rows = _read(source, way.answer)
    expected = _expected(way)
    if way.asks == "date_order=":
        # What contradicts the answer is left out, never read the other way.
        assert rows == [row for row in expected if row[4].year == 2023]
        return
    assert rows == expected
    totals = sum(line in TOTAL for line in way.below)
    assert raw.table.num_rows == len(rows) + totals
    if way.header and way.write is None:
        assert raw.header == list(way.headings)
    if way.repeat_header:
        assert raw.rejected["reason"].to_pylist().count("repeated_header") == 4


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_the_import_gives_the_same_rows_too(way: Way, tmp_path: Path) -> None:
    source = (way.write or _to_text)(way, tmp_path)
    told = {k: v for k, v in way.answer.items() if k in ARGUMENTS_OF_READING}
    headings = read_raw(source, **told).header
    places = {"customer_id": 0, "date": 4, "amount": 5, "quantity": 6}
    matching = {name: headings[place] for name, place in places.items()}
    done = import_export(source, matching=matching, currency="EUR", **way.answer)
    kept = done.to_pandas()
    rows = sorted(
        (client, pd.Timestamp(day).date(), round(amount * 100), int(quantity))
        for client, day, amount, quantity in kept[list(places)].itertuples(index=False)
    )
    expected = sorted((row[0], row[4], row[5], row[6]) for row in _expected(way))
    if way.asks == "date_order=":
        expected = [row for row in expected if row[1].year == 2023]
    assert rows == expected
    assert done.rows_read == done.rows_kept + len(done.set_aside)


def test_there_are_sixty_ways_and_few_of_them_ask() -> None:
    assert len({way.name for way in WAYS}) == len(WAYS) >= 65
    assert sum(bool(way.asks) for way in WAYS) == 5
