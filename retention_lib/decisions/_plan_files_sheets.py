"""Sheets of an Excel workbook: every text a text, every date a date, every amount a number."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from retention_lib.decisions._plan_files_layout import FILLED, MONEY, RESULTS, heading, result_word
from retention_lib.wording import Wording

if TYPE_CHECKING:
    import pandas as pd
    from xlsxwriter.format import Format
    from xlsxwriter.workbook import Workbook
    from xlsxwriter.worksheet import Worksheet

ROWS = 1_048_000
"""What one sheet holds, with room for its headings; more go on in another."""

_LONGEST = 32_767
_WIDEST, _NARROWEST = 46, 8
_NAME = 31
_FORBIDDEN = re.compile(r"[\[\]:*?/\\\x00-\x1f]")
# Characters that no XML file may hold.
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]|[\ud800-\udfff]")
_NUMBERS = ("money", "number", "decimal", "percent")
_WIDTHS = {"date": 17.0, "done_on": 13.0, "done": 8.0, "reached": 9.0, "result": 18.0, "note": 34.0}
_HIDDEN = re.compile(r"_code$|^(option|week|purpose|plan_id|profit_low|profit_high)$")


@dataclass
class SheetNames:
    """Names of sheets that Excel accepts, no two alike."""

    nameless: str
    taken: set[str] = field(default_factory=set)

    def free(self, wanted: str) -> str:
        """The name as near to the one wanted as Excel allows.

        >>> names = SheetNames("Sheet")
        >>> names.free("Dupont / Nord"), names.free("dupont   Nord"), names.free("")
        ('Dupont Nord', 'dupont Nord (2)', 'Sheet')
        """
        plain = " ".join(_FORBIDDEN.sub(" ", wanted).split()).strip("' ")
        if not plain or plain.casefold() in ("history", "historique"):
            plain = f"{self.nameless} {plain}".strip()
        name, number = _cut(plain, _NAME), 1
        while name.casefold() in self.taken:
            number += 1
            end = f" ({number})"
            name = _cut(plain, _NAME - len(end)) + end
        self.taken.add(name.casefold())
        return name


def _cut(text: str, units: int) -> str:
    """The first letters of a text that fit into so many units of Excel's: 😀 takes two."""
    while len(text.encode("utf-16-le")) > 2 * units:
        text = text[:-1]
    return text.strip("' ")


class Sheets:
    """An Excel workbook under way, with the formats that its sheets share."""

    def __init__(self, book: Workbook, wording: Wording) -> None:
        self.book, self.wording = book, wording
        self.names = SheetNames(wording.say("plan_files.sheet.nameless"))
        symbol = wording.currency_symbol.replace('"', "")
        amount = "#,##0.00" if not symbol else ""
        if symbol:
            french = wording.language == "fr"
            amount = f'#,##0.00 "{symbol}"' if french else f'"{symbol}"#,##0.00'
        top = {"valign": "top", "border": 1, "border_color": "#D9D9D9"}
        fill = {**top, "bg_color": "#FFF8DC"}
        self.formats: dict[str, Format] = {
            "title": book.add_format({"bold": True, "font_size": 16}),
            "bold": book.add_format({"bold": True, "text_wrap": True, "valign": "top"}),
            "plain": book.add_format({"text_wrap": True, "valign": "top"}),
            "loose": book.add_format({"bold": True}),
            "warning": book.add_format({"bold": True, "font_size": 16, "font_color": "#9C0006"}),
            "heading": book.add_format(
                {
                    "bold": True,
                    "text_wrap": True,
                    "valign": "vcenter",
                    "bg_color": "#1F3A5F",
                    "font_color": "#FFFFFF",
                    "border": 1,
                    "border_color": "#D9D9D9",
                }
            ),
            "text": book.add_format({**top, "num_format": "@", "text_wrap": True}),
            "number": book.add_format({**top, "num_format": "#,##0"}),
            "decimal": book.add_format({**top, "num_format": "#,##0.0"}),
            "percent": book.add_format({**top, "num_format": "0.0%"}),
            "money": book.add_format({**top, "num_format": amount}),
            "date": book.add_format({**top, "num_format": "ddd d mmm yyyy", "align": "left"}),
            "fill": book.add_format({**fill, "num_format": "@", "text_wrap": True}),
            "fill_date": book.add_format({**fill, "num_format": "dd/mm/yyyy", "align": "left"}),
        }

    def add(self, wanted: str) -> Worksheet:
        """A new sheet, to be printed across the page."""
        sheet = self.book.add_worksheet(self.names.free(wanted))
        sheet.set_landscape()
        sheet.set_paper(9)
        sheet.fit_to_pages(1, 0)
        sheet.hide_gridlines(2)
        return sheet

    def text(self, sheet: Worksheet, row: int, column: int, value: object, look: str) -> None:
        """A cell of text, never run as a formula."""
        said = _CONTROL.sub(" ", str(value))[:_LONGEST]
        sheet.write_string(row, column, said, self.formats[look])

    def cell(self, sheet: Worksheet, row: int, column: int, value: Any, kind: str) -> None:
        """A number or a moment outside a table."""
        write = sheet.write_datetime if kind == "date" else sheet.write_number
        write(row, column, value, self.formats[kind])

    def table(
        self,
        sheet: Worksheet,
        frame: pd.DataFrame,
        *,
        row: int = 0,
        kinds: Mapping[str, str] | None = None,
        hidden: Sequence[str] = (),
        widths: bool = True,
    ) -> int:
        """A table with its headings from ``row`` on; gives the row after it."""
        names = [str(name) for name in frame.columns]
        forms = {name: (kinds or {}).get(name) or kind_of(name, frame[name]) for name in names}
        if widths:
            for place, name in enumerate(names):
                concealed = {"hidden": True} if name in hidden else {}
                width = _width(name, frame[name], heading(self.wording, name), forms[name])
                sheet.set_column(place, place, width, None, concealed)
        for place, name in enumerate(names):
            self.text(sheet, row, place, heading(self.wording, name), "heading")
        columns = [_cells(frame[name], forms[name]) for name in names]
        looks = [self.formats[forms[name]] for name in names]
        for number, cells in enumerate(zip(*columns, strict=True), start=row + 1):
            for place, value in enumerate(cells):
                if value is None:
                    sheet.write_blank(number, place, None, looks[place])
                elif isinstance(value, str):
                    sheet.write_string(number, place, value, looks[place])
                elif isinstance(value, datetime):
                    sheet.write_datetime(number, place, value, looks[place])
                else:
                    sheet.write_number(number, place, value, looks[place])
        return row + 1 + len(frame)

    def choices(self, sheet: Worksheet, names: Sequence[str], rows: int) -> None:
        """The lists to choose from, in the columns to fill in."""
        w = self.wording
        yes_no = [w.say("table.yes"), w.say("table.no")]
        lists = {"done": yes_no, "reached": yes_no}
        lists["result"] = [result_word(w, code) for code in RESULTS]
        for place, name in enumerate(names):
            if name in lists and rows:
                allowed = {"validate": "list", "source": lists[name], "error_type": "warning"}
                sheet.data_validation(1, place, rows, place, allowed)


def kind_of(name: str, column: pd.Series[Any]) -> str:
    """How the cells of a column are written."""
    import pandas as pd

    if name in FILLED:
        return "fill_date" if name == "done_on" else "fill"
    if pd.api.types.is_datetime64_any_dtype(column) or name == "date":
        return "date"
    if pd.api.types.is_bool_dtype(column) or not pd.api.types.is_numeric_dtype(column):
        present = column.dropna()
        dates = len(present) and present.map(lambda cell: isinstance(cell, date)).all()
        return "date" if dates else "text"
    if MONEY.search(name):
        return "money"
    return "number" if pd.api.types.is_integer_dtype(column) or name == "minutes" else "decimal"


def hidden_columns(frame: pd.DataFrame) -> list[str]:
    """Columns that are there to be read back, not to be read."""
    return [str(name) for name in frame.columns if _HIDDEN.search(str(name))]


def _cells(column: pd.Series[Any], kind: str) -> list[Any]:
    """The cells of a column as they are written: texts, moments, numbers, or nothing."""
    import pandas as pd

    present = column.notna()
    if kind in ("date", "fill_date") and pd.api.types.is_datetime64_any_dtype(column):
        moments = column.dt.to_pydatetime()
        return [m if there else None for m, there in zip(moments, present, strict=True)]
    if kind in _NUMBERS:
        numbers = column.astype(float).tolist()
        return [n if there else None for n, there in zip(numbers, present, strict=True)]
    said = {cell: _text_of(cell) for cell in column[present].unique()}
    return [said[c] if there else None for c, there in zip(column, present, strict=True)]


def _text_of(cell: object) -> object:
    if isinstance(cell, date):
        return datetime(cell.year, cell.month, cell.day)
    return _CONTROL.sub(" ", str(cell))[:_LONGEST] or None


def _width(name: str, column: pd.Series[Any], head: str, kind: str) -> float:
    if name in _WIDTHS:
        return _WIDTHS[name]
    if kind == "date":
        return _WIDTHS["date"]
    # The first rows tell how wide a column must be; a longer one wraps.
    longest = max((len(str(cell)) for cell in column.head(2000).dropna()), default=0)
    if kind in ("money", "decimal", "number"):
        longest = 11
    words = max((len(word) for word in head.split()), default=0) + 2
    return float(min(max(longest + 1, words, _NARROWEST), _WIDEST))
