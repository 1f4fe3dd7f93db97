"""What is read is what stood in the file, and every line is accounted for."""

from __future__ import annotations

import gzip
import os
import sqlite3
import struct
import subprocess
import sys
import tracemalloc
import zipfile
from datetime import date, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import duckdb
import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retention_lib.base import _unpack
from retention_lib.base._delimited import read_text
from retention_lib.base._sheet_size import check_binary_sheet
from retention_lib.base.sources import FILE, NUMBER_MARK, ROW, RawTable, plain_text, read_raw
from retention_lib.base.values import (
    DateFormat,
    amount_sql,
    date_sql,
    decide_amount_formats,
    quoted,
)
from retention_lib.errors import InputError, MissingPackageError, QuestionError, RetentionError

TABLE = "id;date;montant\n007;31/12/2023;1 234,50\n008;01/02/2024;12,00\n009;02/02/2024;-3,20\n"


def read(text: str | bytes, **told: Any) -> RawTable:
    return read_text(text.encode() if isinstance(text, str) else text, "export.csv", **told)


def cells(raw: RawTable) -> list[list[Any]]:
    return [
        [plain_text(cell) if isinstance(cell, str) else cell for cell in row.values()]
        for row in raw.table.to_pylist()
    ]


def amounts(raw: RawTable, column: str, **told: Any) -> list[float | None]:
    """What the import makes of a column of amounts."""
    with duckdb.connect() as connection:
        connection.register("raw", raw.table)
        typed = raw.number_columns
        found = decide_amount_formats(connection, "raw", [column], typed=typed, **told)
        sql = f'SELECT {amount_sql(quoted(column), found[column])} FROM raw ORDER BY "{ROW}"'
        return [amount for (amount,) in connection.execute(sql).fetchall()]


def rejected(raw: RawTable) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in raw.rejected.to_pylist()]


# -- encodings --------------------------------------------------------------------------------

NAMES = "id;nom\n1;Lefèvre\n2;Société Générale\n3;Hôtel de la Forêt\n4;Garçon Noël\n"


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252", "cp850", "mac_roman", "iso-8859-15"])
def test_accents_come_back_whatever_the_encoding(encoding):
    raw = read(NAMES.encode(encoding))
    assert raw.table["nom"].to_pylist() == [
        "Lefèvre",
        "Société Générale",
        "Hôtel de la Forêt",
        "Garçon Noël",
    ]


def test_the_evidence_shows_words_and_what_they_would_be_otherwise():
    evidence = read(NAMES.encode("cp1252")).reading.encoding_evidence
    assert "“Lefèvre”" in evidence or "“Société”" in evidence
    assert " these would be " in evidence


def test_the_euro_tells_cp1252_from_its_successor():
    text = NAMES + "5;Marché à 10 €\n6;Bœuf d'Or\n7;Cœur\n"
    assert read(text.encode("iso-8859-15")).reading.encoding == "iso-8859-15"
    assert read(text.encode("cp1252")).reading.encoding == "cp1252"


def test_two_encodings_that_read_a_file_alike_are_no_question():
    assert read(NAMES.encode("iso-8859-15")).reading.encoding == "cp1252"


def test_an_encoding_that_cannot_be_known_is_asked_with_the_words_each_way():
    data = "id;nom\n1;CRÈPERIE\n2;GENÈVE\n".encode("cp850")
    with pytest.raises(QuestionError) as caught:
        read(data)
    (question,) = caught.value.questions
    assert 'encoding="cp850"' in question and "“CRÈPERIE”" in question
    assert 'encoding="cp1252"' in question and "“CRÔPERIE”" in question
    assert read(data, encoding="cp850").table["nom"].to_pylist() == ["CRÈPERIE", "GENÈVE"]


def test_polish_is_not_taken_for_french():
    with pytest.raises(QuestionError, match="cp1250"):
        read("id;nom\n1;Łódź\n2;Gdańsk\n".encode("cp1250"))


def test_lines_in_two_encodings_are_each_read_in_their_own():
    lines = [NAMES.encode(), "5;Hélène Crédit\n6;Lefèvre\n".encode("cp1252")]
    raw = read(b"".join(lines))
    assert raw.table["nom"].to_pylist()[-2:] == ["Hélène Crédit", "Lefèvre"]
    assert raw.reading.encoding == "utf-8+cp1252"
    assert raw.reading.assumptions[0].startswith("The file mixes encodings: of 6 lines")


def test_accents_far_down_the_file_are_seen():
    data = b"id;nom\n" + b"1;plain\n" * 200_000 + "2;Lefèvre\n".encode("cp1252")
    assert read(data).table["nom"][-1].as_py() == "Lefèvre"


def test_a_file_cut_inside_a_letter_says_so():
    raw = read(NAMES.encode()[:-4] + "é".encode()[:1])
    assert "cut short" in raw.reading.assumptions[0]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le"])
def test_a_wide_file_cut_inside_a_letter_says_so(encoding):
    raw = read(NAMES.encode(encoding)[:-5])
    assert raw.table["nom"].to_pylist()[-1] == "Garçon No"
    assert "cut short" in raw.reading.assumptions[0]


@pytest.mark.parametrize(
    ("encoding", "message"), [("utf-8", "0xE8 at line 2"), ("klingon", "not an encoding")]
)
def test_an_encoding_told_wrongly_is_refused(encoding, message):
    with pytest.raises(InputError, match=message):
        read(NAMES.encode("cp1252"), encoding=encoding)


# -- layout -----------------------------------------------------------------------------------


def test_texts_stay_as_they_stood_and_rows_know_their_line():
    raw = read("\n" + TABLE)
    assert cells(raw)[0] == [3, "007", "31/12/2023", "1 234,50"]
    assert raw.reading.header_row == 2
    assert raw.reading.blank_lines == 0


def test_titles_above_and_remarks_below_are_no_rows():
    raw = read(f"Export des ventes\nPériode 2023\n\n{TABLE}\nTotal;;1243,30\nExporté le 12/03/24\n")
    assert raw.reading.lines_before_header == ("Export des ventes", "Période 2023")
    assert raw.reading.header_row == 4
    assert cells(raw)[-1] == [9, "Total", "", "1243,30"]
    assert rejected(raw) == [(10, "Exporté le 12/03/24", "footer")]


def test_headings_repeated_on_each_page_are_set_aside():
    raw = read(TABLE + "Page 2\n" + TABLE)
    assert raw.table.num_rows == 6
    assert rejected(raw) == [
        (5, "Page 2", "too_few_fields"),
        (6, "id;date;montant", "repeated_header"),
    ]


def test_a_title_repeated_on_each_page_is_set_aside():
    raw = read("Ventes\n" + TABLE + "Ventes\n" + TABLE)
    assert [reason for *_, reason in rejected(raw)] == ["repeated_title", "repeated_header"]


def test_lines_with_too_few_or_too_many_fields_are_set_aside_never_padded():
    raw = read(TABLE + "010;1/1/2024\n011;1/1/2024;5,00;x;y\n012;2/1/2024;6,00\n")
    assert raw.table["id"].to_pylist() == ["007", "008", "009", "012"]
    assert rejected(raw) == [
        (5, "010;1/1/2024", "too_few_fields"),
        (6, "011;1/1/2024;5,00;x;y", "too_many_fields"),
    ]


def test_a_last_line_cut_short_is_no_footer():
    assert rejected(read(TABLE + "010;1/1/20")) == [(5, "010;1/1/20", "too_few_fields")]


def test_trailing_separators_make_no_column():
    raw = read(TABLE.replace("\n", ";\n"))
    assert raw.header == ["id", "date", "montant"]
    raw = read("id;date;montant;\n" + TABLE.split("\n", 1)[1])
    assert raw.header == ["id", "date", "montant"]


def test_a_last_column_that_no_row_has_is_empty_and_said():
    raw = read("id;date;montant;note\n" + TABLE.split("\n", 1)[1])
    assert raw.table["note"].to_pylist() == ["", "", ""]
    assert "note" in raw.reading.assumptions[0]


def test_fewer_headings_than_fields_are_refused():
    with pytest.raises(InputError, match="2 headings, but its rows have 3 fields"):
        read(TABLE.replace("id;date;montant", "date;montant"), header_row=1)


def test_headings_are_made_unique_and_blank_ones_numbered():
    raw = read("Date;date;;Montant\n1/1/24;2/1/24;x;5\n3/1/24;4/1/24;y;6\n")
    assert raw.header == ["Date", "date_2", "column_3", "Montant"]


def test_a_file_without_headings_is_asked_about():
    data = TABLE.split("\n", 1)[1]
    with pytest.raises(QuestionError, match="header_row=0"):
        read(data)
    raw = read(data, header_row=0)
    assert raw.header == ["column_1", "column_2", "column_3"]
    assert cells(raw)[0] == [1, "007", "31/12/2023", "1 234,50"]
    assert raw.reading.header_row == 0


def test_a_first_row_without_its_figures_is_not_taken_for_the_headings():
    rows = "C002;31/12/2023;12,50\nC003;01/01/2024;13,50\n"
    with pytest.raises(QuestionError, match="header_row=0"):
        read("C001;n/a;n/a\n" + rows)
    raw = read("code;jour;total\nC001;n/a;n/a\n" + rows)
    assert raw.header == ["code", "jour", "total"]
    assert raw.table.num_rows == 3
    assert read("nom;ville;total\nDupont;Paris;inconnu\nDurand;Lyon;5\nX;Y;6\n").header[0] == "nom"


def test_headings_may_hold_digits_where_the_column_holds_codes():
    raw = read("Réf1;Réf2;Date\nC001;A-12;31/12/2023\nC002;A-13;01/01/2024\n")
    assert raw.header == ["Réf1", "Réf2", "Date"]


def test_headings_over_words_only_are_an_assumption_that_is_said():
    raw = read("nom;ville\nDupont;Paris\nDurand;Lyon\n")
    assert raw.header == ["nom", "ville"]
    assert "header_row=0" in raw.reading.assumptions[0]


def test_columns_set_apart_by_runs_of_blanks():
    raw = read(" 00001  19970101  1   11.77\n 00002  19970112  12  12.00\n", header_row=0)
    assert cells(raw)[1] == [2, "00002", "19970112", "12", "12.00"]


def test_decimal_commas_are_not_taken_for_separators():
    assert read("a;b;c\n1;2,5;3,5\n2;3,5;4,5\n3;4,5;1,5\n").reading.separator == ";"


def test_the_separator_that_excel_is_told_is_used():
    assert read("sep=|\na|b;c\n1|2;3\n").header == ["a", "b;c"]


# -- quotes -----------------------------------------------------------------------------------


def test_quotes_line_breaks_and_row_numbers():
    raw = read('id;note;n\n1;"a\r\nb";2\n2;"c;""d""";3\n3;5" pipe;4\n')
    assert cells(raw) == [[2, "1", "a\r\nb", "2"], [4, "2", 'c;"d"', "3"], [5, "3", '5" pipe', "4"]]


def test_a_blank_before_a_quote_is_no_part_of_the_field():
    raw = read('id, nom, n\n1, "Dupont, Jean", 2\n2, "Durand, Paul", 3\n')
    assert raw.header == ["id", "nom", "n"]
    assert cells(raw)[0] == [2, "1", "Dupont, Jean", " 2"]


def test_a_quote_that_never_closes_takes_its_own_line_only():
    lines = [f"{i};x{i};{i},50" for i in range(1000)]
    lines[500] = '500;"x500;500,50'
    raw = read("id;note;montant\n" + "\n".join(lines) + "\n")
    assert raw.table.num_rows == 999
    assert rejected(raw) == [(502, '500;"x500;500,50', "unclosed_quote")]
    assert raw.table[ROW].to_pylist()[-1] == 1001


def test_a_quote_closed_by_another_line_does_not_swallow_it():
    raw = read('id;note;n\n1;"abc;2\n2;def";3\n3;x;4\n4;y;5\n')
    assert raw.table["id"].to_pylist() == ["2", "3", "4"]
    assert rejected(raw) == [(2, '1;"abc;2', "unclosed_quote")]


def test_many_lines_after_an_open_quote_are_no_hang():
    opened = "1;2;3\n" * 50 + '1;"' + "x\n" * 100_000
    raw = read("a;b;c\n" + opened + "1;2;3\n" * 100_100)
    assert raw.table.num_rows + raw.rejected.num_rows == 200_150


def test_single_quotes_around_every_field():
    raw = read("'id';'nom';'n'\n'1';'L''Été; Paris';'2'\n'2';'b';'3'\n")
    assert cells(raw)[0] == [2, "1", "L'Été; Paris", "2"]


# -- broken and hostile files -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "nothing but blank|is empty"),
        (b"\xef\xbb\xbf", "nothing but blank"),
        (b"\n \n\n", "nothing but blank"),
        (b"id;date;montant\n", "headings .* but no rows"),
        (bytes(range(256)) * 20, "not a text file"),
        (b"id;n\n" + b"1;a\0b\n" * 50, "control codes"),
        (b"id;n\n" + b"1;a\0b\n" * 20 + b"2;" + b"y" * 5000 + b"\n", "null bytes"),
        (b"<html><table><tr><td>1</td></tr></table></html>", "web page"),
        (b'[{"id": 1}, {"id": 2}]', "JSON"),
        (b"x" * 3_000_000, "damaged"),
        (b"a;" * 20_000 + b"a\n" + (b"1;" * 20_000 + b"1\n") * 2, "20,001 columns"),
    ],
    ids=lambda value: "" if isinstance(value, bytes) else str(value)[:20],
)
def test_what_is_no_table_is_refused_with_one_message(data, message):
    with pytest.raises(InputError, match=message):
        read(data)


def test_a_line_with_null_bytes_or_without_end_is_set_aside():
    raw = read(TABLE.encode() * 30 + b"010;1/1/2024;a\0b\n" + b"011;1/1/2024;" + b"x" * 1_500_000)
    reasons = {reason for *_, reason in rejected(raw)}
    assert reasons == {"repeated_header", "null_bytes", "too_long"}
    assert max(len(text) for _, text, _ in rejected(raw)) <= 10_000


def test_a_wrong_separator_is_refused_rather_than_half_the_file_set_aside():
    with pytest.raises(InputError, match="separator="):
        read("a;b\n" + "1;2\n" * 5, separator="|")


def test_a_truncated_gzip_is_said_to_be_cut_short(tmp_path):
    path = tmp_path / "export.csv.gz"
    path.write_bytes(gzip.compress(TABLE.encode() * 100)[:-20])
    with pytest.raises(InputError, match="cut short"):
        read_raw(path)


def test_a_gzip_bomb_is_not_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr(_unpack, "_ALWAYS_FINE", 1 << 20)
    path = tmp_path / "export.csv.gz"
    path.write_bytes(gzip.compress(b"0" * (64 << 20)))
    tracemalloc.start()
    with pytest.raises(InputError, match="unpacks from"):
        read_raw(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 40 << 20


def test_a_workbook_that_is_a_bomb_is_not_opened(tmp_path, monkeypatch):
    monkeypatch.setattr(_unpack, "_ALWAYS_FINE", 1 << 20)
    path = tmp_path / "export.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<x/>")
        archive.writestr("xl/worksheets/sheet1.xml", b"0" * (64 << 20))
    with pytest.raises(InputError, match="unpacks from"):
        read_raw(path)


def test_a_stray_cell_in_the_last_corner_is_refused(tmp_path):
    book = openpyxl.Workbook()
    book.active.append(["id", "montant"])
    book.active.append([1, 2.5])
    book.active["XFD1048576"] = "x"
    book.save(tmp_path / "export.xlsx")
    with pytest.raises(InputError, match="most of it empty"):
        read_raw(tmp_path / "export.xlsx")


@pytest.mark.parametrize("name", ["a\0b", "missing.csv", "/dev/null"])
def test_what_is_no_file_is_refused(name):
    with pytest.raises(InputError):
        read_raw(name)


def test_a_misspelt_name_is_corrected(tmp_path):
    (tmp_path / "ventes.csv").write_text(TABLE)
    with pytest.raises(InputError, match=r"Did you mean ventes\.csv"):
        read_raw(tmp_path / "vente.csv")


PIECES = st.sampled_from(
    [";", ",", "\t", '"', '""', "\n", "\r\n", "\r", "\0", "é", "1,50", "31/12/2023", "a", " ", "=1"]
)


@settings(max_examples=100, deadline=None)
@given(st.lists(PIECES, max_size=40), st.integers(0, len(TABLE)))
def test_whatever_is_put_in_a_file_every_line_is_a_row_or_rejected_once(pieces, position):
    text = TABLE[:position] + "".join(pieces) + TABLE[position:]
    try:
        raw = read(text)
    except RetentionError:
        return
    lines = raw.table[ROW].to_pylist() + raw.rejected[ROW].to_pylist()
    assert len(lines) == len(set(lines))
    assert raw.table.column_names == [ROW, *raw.header]


# -- Excel ------------------------------------------------------------------------------------


def workbook(path: Path, **sheets: list[list[Any]]) -> Path:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for title, rows in sheets.items():
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(row)
    book.save(path)
    return path


SALES = [
    ["id", "date", "montant", "payé"],
    ["007", date(2023, 12, 31), 12.5, True],
    ["01000", datetime(2024, 2, 1, 10, 30), 13.0, False],
]


def test_cells_of_excel_become_texts_that_mean_one_thing(tmp_path):
    raw = read_raw(workbook(tmp_path / "a.xlsx", Ventes=SALES))
    assert cells(raw) == [
        [2, "007", "2023-12-31", "12.5", "true"],
        [3, "01000", "2024-02-01 10:30:00", "13", "false"],
    ]
    assert raw.number_columns == ("montant",)
    assert (raw.reading.sheet, raw.reading.sheets) == ("Ventes", ("Ventes",))


AMONG_TEXTS = [["client", "ht"], ["a", 1.234], ["b", "12,50-"], ["c", 250], ["d", -0.005]]


def test_a_real_number_among_texts_is_never_read_a_thousand_times_too_large(tmp_path):
    raw = read_raw(workbook(tmp_path / "a.xlsx", Ventes=AMONG_TEXTS))
    assert raw.number_columns == ()
    assert amounts(raw, "ht") == [1.234, -12.5, 250, -0.005]
    assert amounts(raw, "ht", decimal=",") == [1.234, -12.5, 250, -0.005]
    assert amounts(raw, "ht", decimal=".") == [1.234, None, 250, -0.005]


def test_a_real_number_says_nothing_about_the_texts_beside_it(tmp_path):
    rows = [["client", "ht"], ["a", 1.5], ["b", "1.234"], ["c", 12.25]]
    raw = read_raw(workbook(tmp_path / "a.xlsx", Ventes=rows))
    with pytest.raises(QuestionError, match=r"“1\.234” can be 1234 or 1\.234"):
        amounts(raw, "ht")
    assert amounts(raw, "ht", decimal=",") == [1.5, 1234, 12.25]


def test_a_number_as_text_in_excel_is_no_real_number_even_with_the_mark_of_one(tmp_path):
    rows = [["client", "ht"], ["a", "1.234" + NUMBER_MARK], ["b", "12,50"]]
    raw = read_raw(workbook(tmp_path / "a.xlsx", Ventes=rows))
    assert amounts(raw, "ht") == [1234, 12.5]
    raw = read(f"client;ht\na;1.234{NUMBER_MARK}\nb;12,50\n")
    assert amounts(raw, "ht") == [1234, 12.5]
    pq.write_table(pa.table({"ht": ["1.234" + NUMBER_MARK, "12,50"]}), tmp_path / "a.parquet")
    assert amounts(read_raw(tmp_path / "a.parquet"), "ht") == [1234, 12.5]


def test_only_the_texts_of_numbers_with_a_fraction_are_marked(tmp_path):
    raw = read_raw(workbook(tmp_path / "a.xlsx", Ventes=AMONG_TEXTS))
    texts = raw.table["ht"].to_pylist()
    assert [text.endswith(NUMBER_MARK) for text in texts] == [True, False, False, True]
    assert [plain_text(text) for text in texts] == ["1.234", "12,50-", "250", "-0.005"]


def test_a_question_about_a_sheet_shows_its_numbers_without_their_mark(tmp_path):
    path = workbook(tmp_path / "a.xlsx", V=[["a", 1.234, 5], ["b", 2.345, 6], ["c", 3.4, 7]])
    with pytest.raises(QuestionError, match=r"a \| 1\.234 \| 5\)"):
        read_raw(path)


def test_the_one_sheet_with_a_table_is_found_below_its_title(tmp_path):
    rows = [["Ventes 2023"], [], *SALES, [], ["Total", None, 25.5]]
    raw = read_raw(workbook(tmp_path / "a.xlsx", Lisezmoi=[["Bonjour"], ["à tous"]], V=rows))
    assert raw.reading.sheet == "V"
    assert raw.reading.header_row == 3
    assert raw.table[ROW].to_pylist() == [4, 5, 7]
    assert raw.reading.blank_lines == 1
    assert raw.reading.lines_before_header == ("Ventes 2023",)


def test_two_sheets_with_a_table_are_asked_about(tmp_path):
    path = workbook(tmp_path / "a.xlsx", Mars=SALES, Avril=SALES)
    with pytest.raises(QuestionError, match=r"'Mars' \(2 rows, 4 columns\), 'Avril'"):
        read_raw(path)
    assert read_raw(path, sheet="Avril").reading.sheet == "Avril"
    with pytest.raises(InputError, match="no sheet 'Mai'"):
        read_raw(path, sheet="Mai")


def test_a_workbook_named_csv_is_read_as_what_it_is(tmp_path):
    path = workbook(tmp_path / "a.xlsx", Ventes=SALES).rename(tmp_path / "a.csv")
    assert read_raw(path).reading.kind == "excel"


def test_a_damaged_workbook_is_refused(tmp_path):
    path = workbook(tmp_path / "a.xlsx", Ventes=SALES)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(InputError, match=r"damaged|cannot be read"):
        read_raw(path)


# -- Parquet, folders, archives, databases ----------------------------------------------------


def test_typed_columns_of_parquet_lose_nothing(tmp_path):
    table = pa.table(
        {
            "id": ["007", None],
            "ref": pa.array([13085.0, 2.0]),
            "small": pa.array([0.1, 2.5], pa.float32()),
            "exact": pa.array([1, 2], pa.decimal128(5, 2)),
            "day": [date(2024, 1, 2), None],
            "moment": pa.array([datetime(2024, 1, 2), datetime(2024, 1, 2, 3, 4, 5, 600000)]),
            "list": [[1], [2, 3]],
        }
    )
    pq.write_table(table, tmp_path / "a.parquet")
    raw = read_raw(tmp_path / "a.parquet")
    assert cells(raw) == [
        [1, "007", "13085", "0.1", "1.00", "2024-01-02", "2024-01-02", "[1]"],
        [2, None, "2", "2.5", "2.00", None, "2024-01-02 03:04:05.6", "[2, 3]"],
    ]
    assert raw.number_columns == ("ref", "small", "exact")


def test_a_damaged_parquet_file_is_refused(tmp_path):
    (tmp_path / "a.parquet").write_bytes(b"PAR1" + b"\0" * 100)
    with pytest.raises(InputError, match="damaged"):
        read_raw(tmp_path / "a.parquet")


def test_the_files_of_a_folder_are_one_table(tmp_path):
    (tmp_path / "2023.csv").write_text(TABLE)
    (tmp_path / "2024.csv").write_text("id;date;montant;canal\n010;1/1/2024;5,00;web\n" * 1)
    (tmp_path / "~$2024.csv").write_text("lock")
    (tmp_path / "lisezmoi.md").write_text("no table")
    raw = read_raw(tmp_path)
    assert raw.header == ["id", "date", "montant", "canal"]
    assert raw.table[FILE].to_pylist() == ["2023.csv"] * 3 + ["2024.csv"]
    assert raw.table["canal"].to_pylist() == [None, None, None, "web"]
    assert raw.reading.assumptions == ("2023.csv has no canal; it was left empty.",)
    assert [part.source for part in raw.reading.parts] == ["2023.csv", "2024.csv"]


def test_real_numbers_and_texts_of_a_folder_are_each_read_as_what_they_are(tmp_path):
    (tmp_path / "1_jan.csv").write_text("client;ht\na;10,50\n")
    workbook(tmp_path / "2_feb.xlsx", V=[["client", "ht"], ["b", 1.234]])
    pq.write_table(pa.table({"client": ["c"], "ht": [2.345]}), tmp_path / "3_mar.parquet")
    assert sorted(amounts(read_raw(tmp_path), "ht")) == [1.234, 2.345, 10.5]


def test_headings_of_a_folder_that_differ_in_case_or_blanks_are_one_column(tmp_path):
    (tmp_path / "1.csv").write_text("client;Montant HT;Canal\na;10,50;web\n")
    (tmp_path / "2.csv").write_text("Client; MONTANT  HT ;canal\nb;11,50;shop\n")
    workbook(tmp_path / "3.xlsx", V=[["client", "montant ht", "CANAL"], ["c", 1.234, "tel"]])
    raw = read_raw(tmp_path)
    assert raw.header == ["client", "Montant HT", "Canal"]
    assert raw.table["Canal"].to_pylist() == ["web", "shop", "tel"]
    assert raw.table["client"].to_pylist() == ["a", "b", "c"]
    assert sorted(amounts(raw, "Montant HT")) == [1.234, 10.5, 11.5]
    assert "2.csv has canal for Canal; they are one column." in raw.reading.assumptions
    with duckdb.connect() as connection:
        connection.register("raw", raw.table)
        found = connection.execute('SELECT "canal" FROM raw ORDER BY 1').fetchall()
    assert found == [("shop",), ("tel",), ("web",)]


def test_a_column_of_numbers_in_every_file_of_a_folder_stays_one_in_any_spelling(tmp_path):
    workbook(tmp_path / "1.xlsx", V=[["client", "HT"], ["a", 1.5]])
    workbook(tmp_path / "2.xlsx", V=[["client", "ht"], ["b", 1.234]])
    assert read_raw(tmp_path).number_columns == ("HT",)


def test_headings_of_a_file_that_differ_in_case_only_are_told_apart():
    raw = read("Canal;canal;CANAL;date;ht;tva\nweb;shop;tel;01/02/2024;5;1\n")
    assert raw.header == ["Canal", "canal_2", "CANAL_3", "date", "ht", "tva"]
    with duckdb.connect() as connection:
        connection.register("raw", raw.table)
        found = connection.execute("SELECT canal, canal_2, canal_3 FROM raw").fetchall()
    assert found == [("web", "shop", "tel")]


MOMENTS = """
import sys
from retention_lib.base.sources import read_raw
for source in sys.argv[1:]:
    raw = read_raw(source)
    print(*raw.table["moment"].to_pylist(), *raw.reading.assumptions, sep="|")
"""


@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Tokyo"])
def test_the_day_of_a_moment_does_not_depend_on_the_time_zone_of_the_machine(tmp_path, zone):
    with duckdb.connect(str(tmp_path / "crm.duckdb")) as connection:
        connection.execute("CREATE TABLE ventes (moment TIMESTAMPTZ)")
        moments = "('2024-01-01 00:30:00+00'), ('2024-01-01 23:30:00+00')"
        connection.execute(f"INSERT INTO ventes VALUES {moments}")
        copied = f"COPY ventes TO '{tmp_path / 'utc.parquet'}' (FORMAT parquet)"
        connection.execute(copied)
    paris = pa.array([datetime(2023, 12, 31, 23, 30)], pa.timestamp("us", "Europe/Paris"))
    pq.write_table(pa.table({"moment": paris}), tmp_path / "paris.parquet")
    sources = [f"duckdb:///{tmp_path / 'crm.duckdb'}", str(tmp_path / "utc.parquet")]
    told = [sys.executable, "-c", MOMENTS, *sources, str(tmp_path / "paris.parquet")]
    environment = {**os.environ, "TZ": zone}
    done = subprocess.run(told, env=environment, capture_output=True, text=True, check=True)
    printed = [line.split("|") for line in done.stdout.splitlines()]
    days = [[one_day(text) for text in line[:-1]] for line in printed]
    assert days == [[date(2024, 1, 1)] * 2, [date(2024, 1, 1)] * 2, [date(2024, 1, 1)]]
    zones = [line[-1].removesuffix(".").split()[-1] for line in printed]
    assert zones == ["UTC", "UTC", "Europe/Paris"]


def one_day(text: str) -> date | None:
    with duckdb.connect() as connection:
        sql = f"SELECT {date_sql('v', DateFormat(None, False, 'told'))} FROM (SELECT ? AS v)"
        return connection.execute(sql, [text]).fetchall()[0][0]


def test_a_folder_of_different_tables_is_refused(tmp_path):
    (tmp_path / "clients.csv").write_text("id;nom;ville\n1;a;b1\n")
    (tmp_path / "ventes.csv").write_text("facture;jour;total\n1;2/1/24;5\n")
    with pytest.raises(InputError, match="same headings"):
        read_raw(tmp_path)


def test_an_archive_of_one_file_is_opened_and_of_two_refused(tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("../../ventes.csv", TABLE)
    assert read_raw(path).table.num_rows == 3
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("autre.csv", TABLE)
    with pytest.raises(InputError, match="holds 2 files"):
        read_raw(path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.zip"]


def test_a_database_with_several_tables_is_asked_about(tmp_path):
    path = tmp_path / "crm.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE clients (id TEXT, ca REAL)")
        connection.execute("INSERT INTO clients VALUES ('007', 12.5), ('008', 13.0)")
        connection.execute("CREATE TABLE ventes (id TEXT)")
    connection.close()
    with pytest.raises(QuestionError, match="clients, ventes"):
        read_raw(f"sqlite:///{path}")
    raw = read_raw(f"sqlite:///{path}", sheet="clients")
    assert cells(raw) == [[1, "007", "12.5"], [2, "008", "13"]]
    assert raw.number_columns == ("ca",)
    assert read_raw(path, sheet="clients").table.equals(raw.table)
    with pytest.raises(InputError, match=r"has no table 'x"):
        read_raw(f"sqlite:///{path}", sheet="x; DROP TABLE clients")


def test_a_real_number_among_texts_of_a_database_stays_what_it_is(tmp_path):
    with sqlite3.connect(tmp_path / "crm.db") as connection:
        connection.execute("CREATE TABLE ventes (ht)")
        connection.execute("INSERT INTO ventes VALUES (1.234), ('12,50'), (NULL), (250)")
    connection.close()
    raw = read_raw(f"sqlite:///{tmp_path / 'crm.db'}")
    assert amounts(raw, "ht") == [1.234, 12.5, None, 250]


class Warehouse:
    """What the library asks of an Ibis connection; a real server is tried elsewhere."""

    tables: ClassVar = {"clients": pa.table({"id": ["007"], "ca": [12.5]}), "ventes": None}

    def list_tables(self) -> list[str]:
        return list(self.tables)

    def table(self, name: str) -> Warehouse:
        self.name = name
        return self

    def to_pyarrow(self) -> pa.Table:
        return self.tables[self.name]


def test_any_other_database_is_read_through_ibis(monkeypatch):
    monkeypatch.setitem(sys.modules, "ibis", SimpleNamespace(connect=lambda url: Warehouse()))
    with pytest.raises(QuestionError, match="clients, ventes"):
        read_raw("postgresql://server/crm")
    raw = read_raw("postgresql://server/crm", sheet="clients")
    assert cells(raw) == [[1, "007", "12.5"]]
    assert (raw.reading.kind, raw.reading.sheet) == ("database", "clients")


def test_without_ibis_the_message_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "ibis", None)
    with pytest.raises(MissingPackageError, match="warehouse"):
        read_raw("postgresql://server/crm")


def test_an_address_never_shows_its_password():
    with pytest.raises((InputError, MissingPackageError)) as caught:
        read_raw("postgresql://marie:secret@localhost:1/crm")
    assert "secret" not in str(caught.value)


def test_a_list_of_texts_may_not_claim_more_texts_than_it_has_bytes():
    claimed = b"\x9f\x01\x08" + struct.pack("<II", 9, 2**31)  # the record that begins the list
    with pytest.raises(InputError, match=r"2,147,483,648 different texts.* save it again"):
        check_binary_sheet(iter([claimed]), "export.xlsb")
    assert check_binary_sheet(iter([b"\x9f\x01\x08" + struct.pack("<II", 9, 3)]), "export.xlsb")
