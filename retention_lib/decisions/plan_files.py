"""The files a plan is carried out with: an Excel workbook for people, CSV files for a CRM."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retention_lib import filing
from retention_lib.decisions._plan_files_frames import (
    actions_frame,
    held_out_frame,
    masked_frame,
    masked_text,
    owner_masks,
)
from retention_lib.decisions._plan_files_layout import (
    CODES,
    PlanLike,
    frame_of,
    result_word,
)
from retention_lib.decisions._plan_files_sheets import ROWS, Sheets, hidden_columns
from retention_lib.errors import InputError
from retention_lib.masking import is_missing, masks
from retention_lib.wording import Wording, safe_cell

if TYPE_CHECKING:
    import pandas as pd

HELD_OUT = "_held_out"
"""Ends the name of the file beside a CSV that lists the control group."""


def write_excel(plan: PlanLike, path: str | Path, *, masked: bool | None = None) -> Path:
    """Write a plan as an Excel workbook to carry it out with; gives its path.

    Sheets: a summary, a calendar, one for each account manager (in the order of the days, with
    yellow columns to fill in), the control group that nobody contacts, and who is left out and
    why. Every text is text, dates are dates, amounts numbers in the base's currency. ``masked``
    puts pseudonyms in place of names and identifiers (``None``: where ``RETENTION_MASK`` is 1);
    the trap: such a file is for showing, it cannot be read back.

    Raises ``InputError`` where ``path`` does not end in .xlsx, cannot be written, or holds a plan
    that somebody filled in already: read it first.
    """
    place = _target(path, ".xlsx")
    _keep_filled(place)
    parts = _parts(plan, masked)
    with filing.written(place) as beside, filing.excel_book(beside) as book:
        book.set_properties({"title": plan.plan_id})
        sheets = Sheets(book, plan.wording)
        _summary_sheet(sheets, plan, parts)
        _calendar_sheet(sheets, parts["actions"])
        _owner_sheets(sheets, parts["actions"])
        _held_out_sheet(sheets, parts["held_out"])
        _left_out_sheet(sheets, parts["left_out"])
    return place


def write_csv(plan: PlanLike, path: str | Path, *, masked: bool | None = None) -> Path:
    """Write a plan as CSV for a CRM, and ``…_held_out.csv`` beside it; gives the first one's path.

    UTF-8 with a byte-order mark, which Excel needs for accents; a comma and a decimal point, in
    French a semicolon and a decimal comma; dates as 2026-01-05; headings are the columns' names
    (``plan_id, customer_id, date, channel_code, …``), the same every month, so that the matching
    set up in the CRM stays. Texts that a spreadsheet would run as a formula get an apostrophe.
    The trap: opened in Excel a customer 007 becomes 7, so fill the Excel file in, not this one.

    Raises ``InputError`` as :func:`write_excel` does.
    """
    place = _target(path, ".csv")
    _keep_filled(place)
    parts = _parts(plan, masked)
    other = place.with_name(f"{place.stem}{HELD_OUT}{place.suffix}")
    with filing.together(other, place) as files:
        for file, frame in zip(files, (parts["held_out"], parts["actions"]), strict=True):
            frame = frame[["plan_id", *(name for name in frame.columns if name != "plan_id")]]
            _write_text(frame, file, plan.wording)
    return place


def _parts(plan: PlanLike, masked: bool | None) -> dict[str, Any]:
    """What is written, masked where it must be."""
    actions, held_out = actions_frame(plan), held_out_frame(plan)
    parts: dict[str, Any] = {
        "actions": actions,
        "held_out": held_out,
        "left_out": frame_of(plan.left_out),
        "owners": None,
    }
    if masks(masked):
        owners = owner_masks(_owners(plan, actions), plan.wording)
        for name in ("actions", "held_out", "left_out"):
            parts[name] = masked_frame(parts[name], owners, plan.wording)
        parts["owners"] = owners
    return parts


def _owners(plan: Any, actions: pd.DataFrame) -> pd.Series[Any]:
    """Everybody whom a text of the plan may name, with or without an action."""
    import pandas as pd

    known = getattr(getattr(plan, "facts", None), "owners", ())
    return pd.concat([actions["owner"], pd.Series(list(known), dtype=object)]).astype(str)


# --- the Excel workbook ----------------------------------------------------------------------


def _summary_sheet(sheets: Sheets, plan: PlanLike, parts: Mapping[str, Any]) -> None:
    w, owners = plan.wording, parts["owners"]
    sheet = sheets.add(w.say("plan_files.sheet.summary"))
    said = [plan.sentence()]
    summary = plan.summary()
    if summary.sentence() not in said:
        said.append(summary.sentence())
    table = summary.table.drop(columns=[name for name in summary.hidden if name in summary.table])
    made = [(_assumption(w, name), value) for name, value in plan.assumptions.items()]
    if owners is not None:
        said = [masked_text(text, owners) for text in said]
        table = masked_frame(table, owners, w)
        made = [(name, masked_text(str(value), owners)) for name, value in made]
    sheet.set_column(0, 0, 44)
    sheet.set_column(1, 8, 22)
    sheets.text(sheet, 0, 0, w.say("plan_files.title", plan=plan.plan_id), "title")
    row = 2
    if owners is not None:
        row = _across(sheets, sheet, row, w.say("plan_files.masked"), "bold")
    for text in said:
        row = _across(sheets, sheet, row, text, "plain")
    kinds = {name: _form(form) for name, form in summary.formats.items()}
    row = sheets.table(sheet, table, row=row + 1, kinds=kinds, widths=False) + 1
    sheets.text(sheet, row, 0, w.say("plan_files.how_title"), "bold")
    for text in _how(w):
        row = _across(sheets, sheet, row + 1, text, "plain") - 1
    sheets.text(sheet, row + 2, 0, w.say("plan_files.made_under"), "bold")
    row += 3
    for name, value in made:
        if is_missing(value):
            continue
        sheets.text(sheet, row, 0, name, "plain")
        row = _across(sheets, sheet, row, _plain(value, w), "plain", first=1)


def _how(w: Wording) -> list[str]:
    words = {code: result_word(w, code) for code in ("unsubscribed", "left")}
    return [
        w.say("plan_files.how.own"),
        w.say("plan_files.how.done"),
        w.say("plan_files.how.result", **words),
        w.say("plan_files.how.held_out", sheet=w.say("plan_files.sheet.held_out")),
        w.say("plan_files.how.back"),
    ]


def _across(sheets: Sheets, sheet: Any, row: int, text: str, look: str, *, first: int = 0) -> int:
    """A text over the width of the page, in a row as high as it needs; gives the next row."""
    across = 130 - 40 * min(first, 1)
    lines = sum(max(-(-len(line) // across), 1) for line in text.split("\n"))
    sheet.set_row(row, 15.5 * lines)
    sheet.merge_range(row, first, row, 4, "", sheets.formats[look])
    sheets.text(sheet, row, first, text, look)
    return row + 1


def _calendar_sheet(sheets: Sheets, actions: pd.DataFrame) -> None:
    """How much is done when: weeks by days, then every day with its channels and hours."""
    import pandas as pd

    w = sheets.wording
    sheet = sheets.add(w.say("plan_files.sheet.calendar"))
    sheet.set_column(0, 0, 20)
    sheet.set_column(1, 12, 11)
    if actions.empty:
        sheets.text(sheet, 0, 0, w.say("plan_files.no_action"), "bold")
        return
    day = actions["date"]
    monday = day - pd.to_timedelta(day.dt.day_of_week, unit="D")
    grid = pd.crosstab(monday, day.dt.day_of_week)
    grid = grid.reindex(columns=sorted({*range(5), *grid.columns}), fill_value=0)
    sheets.text(sheet, 0, 0, w.say("plan_files.grid_title"), "bold")
    sheets.text(sheet, 1, 0, w.say("plan_files.week_of"), "heading")
    names = [_weekday(w, int(number)) for number in grid.columns]
    for place, name in enumerate([*names, w.say("plan_files.total")], start=1):
        sheets.text(sheet, 1, place, name, "heading")
    row = 2
    for start, counts in grid.iterrows():
        sheets.cell(sheet, row, 0, start.to_pydatetime(), "date")
        for place, count in enumerate([*counts, counts.sum()], start=1):
            sheets.cell(sheet, row, place, int(count), "number")
        row += 1
    sheets.text(sheet, row + 1, 0, w.say("plan_files.days_title"), "bold")
    sheets.table(sheet, _days(actions, w), row=row + 2, widths=False)


def _days(actions: pd.DataFrame, w: Wording) -> pd.DataFrame:
    """One row a day with anything to do: its actions by channel, hours and cost."""
    import pandas as pd

    channels = pd.crosstab(actions["date"], actions["channel"])
    by_day = actions.groupby("date")
    table = pd.DataFrame({"actions": by_day.size()}).join(channels)
    if "minutes" in actions:
        table["hours"] = by_day["minutes"].sum() / 60
    if "cost" in actions:
        table["cost"] = by_day["cost"].sum()
    return table.rename_axis("date").reset_index()


def _owner_sheets(sheets: Sheets, actions: pd.DataFrame) -> None:
    """A list to work through for each account manager, marketing's last."""
    nobody = sheets.wording.say("plan.marketing")
    owners = sorted(actions["owner"].unique(), key=lambda name: (name == nobody, str(name)))
    for owner in owners:
        own = actions[actions["owner"] == owner]
        for start in range(0, len(own), ROWS):
            part = own.iloc[start : start + ROWS]
            sheet = sheets.add(str(owner))
            sheets.table(sheet, part, hidden=list(CODES))
            names = [str(name) for name in part.columns]
            sheets.choices(sheet, names, len(part))
            sheet.freeze_panes(1, 3 if "name" in part else 2)
            sheet.autofilter(0, 0, len(part), len(names) - 1)
            sheet.repeat_rows(0)


def _held_out_sheet(sheets: Sheets, held_out: pd.DataFrame) -> None:
    w = sheets.wording
    sheet = sheets.add(w.say("plan_files.sheet.held_out"))
    sheet.set_tab_color("#9C0006")
    sheets.text(sheet, 0, 0, w.say("plan_files.held_out_title"), "warning")
    key = "plan_files.held_out_why" if len(held_out) else "plan_files.held_out_none"
    sheets.text(sheet, 1, 0, w.say(key), "bold" if held_out.empty else "loose")
    if len(held_out):
        sheets.table(sheet, held_out, row=3, hidden=hidden_columns(held_out))
        sheet.freeze_panes(4, 0)


def _left_out_sheet(sheets: Sheets, left_out: pd.DataFrame) -> None:
    w = sheets.wording
    if left_out.empty:
        sheet = sheets.add(w.say("plan_files.sheet.left_out"))
        sheets.text(sheet, 0, 0, w.say("plan_files.left_out_none"), "bold")
    for start in range(0, len(left_out), ROWS):
        part = left_out.iloc[start : start + ROWS]
        sheet = sheets.add(w.say("plan_files.sheet.left_out"))
        sheets.table(sheet, part, hidden=hidden_columns(part))
        sheet.freeze_panes(1, 0)
        sheet.autofilter(0, 0, len(part), len(part.columns) - 1)


def _weekday(w: Wording, number: int) -> str:
    from babel.dates import get_day_names

    return str(get_day_names("abbreviated", locale=w.language)[number])


def _assumption(w: Wording, name: str) -> str:
    key = f"assumption.{name}"
    return w.say(key) if w.has(key) else w.label(name)


def _form(form: str) -> str:
    return {"count": "number"}.get(form, form)


def _plain(value: object, w: Wording) -> str:
    from datetime import date

    if isinstance(value, bool):
        return w.say("table.yes" if value else "table.no")
    if isinstance(value, date):
        return w.date(value)
    if isinstance(value, int | float):
        return w.number(value, decimals=0 if isinstance(value, int) else 2)
    return str(value)


# --- CSV ---------------------------------------------------------------------------------------


def _write_text(frame: pd.DataFrame, file: Path, wording: Wording) -> None:
    import pandas as pd

    table = frame.copy()
    for name in table.columns:
        column = table[name]
        if pd.api.types.is_datetime64_any_dtype(column):
            table[name] = column.dt.strftime("%Y-%m-%d")
        elif pd.api.types.is_float_dtype(column):
            table[name] = column.round(2)
        elif not pd.api.types.is_numeric_dtype(column):
            table[name] = column.astype(object).map(safe_cell)
    table.columns = [safe_cell(str(name)) for name in table.columns]
    table.to_csv(file, **filing.csv_form(wording.language))


# --- where files go ----------------------------------------------------------------------------


def _target(path: object, suffix: str) -> Path:
    """The path to write to; its folder is made."""
    if not isinstance(path, str | os.PathLike):
        raise InputError(
            f"Give the path of the file to write, such as 'plan{suffix}'; got "
            f"{type(path).__name__}."
        )
    place = Path(path).expanduser()
    if place.suffix.lower() != suffix:
        raise InputError(
            f"The file's name must end in {suffix}, such as {place.stem or 'plan'}{suffix}; got "
            f"{place.name!r}."
        )
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"The folder {place.parent} cannot be made ({error}).") from error
    return place


def _keep_filled(place: Path) -> None:
    """Refuse to write over a file in which somebody noted what was done."""
    from retention_lib.decisions._outcomes_files import filled_rows

    filled = filled_rows(place) if place.exists() else 0
    if filled:
        raise InputError(
            f"{place.name} holds {filled:,} row(s) that somebody filled in; writing would lose "
            f"them. Read them with rl.read_outcomes({place.name!r}), or give another name."
        )
