"""What the import form shows, as HTML: every text from the file is escaped."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path

from retention_lib.base import contract, intake, workbooks
from retention_lib.base.imported import Import
from retention_lib.base.matching import UNIT_PRICE, ColumnMatch
from retention_lib.errors import RetentionError
from retention_lib.masking import masks
from retention_lib.views._import_form_state import LEFT_OUT, PRODUCT, FormState, can_multiply
from retention_lib.wording import Wording

# Dark enough on their pale ground for the contrast of AA, and never without the word.
_BADGES = {
    "sure": ("#0B5A3E", "#E3F4EC"),
    "confirm": ("#7A3400", "#FFF0DC"),
    "left_out": ("#4A4A4A", "#EDEDED"),
}
_SHOWN_LETTERS = 40


def paragraph(text: str, *, strong: bool = False) -> str:
    """A text as a paragraph; nothing for nothing."""
    if not text:
        return ""
    said = f"<strong>{escape(text)}</strong>" if strong else escape(text)
    return f'<p style="margin:.3em 0;white-space:normal">{said}</p>'


def heading(text: str) -> str:
    """The heading of a step."""
    return f'<h4 class="rw-step" style="margin:.8em 0 .2em">{escape(text)}</h4>'


def box(text: str, kind: str) -> str:
    """A text in a coloured box: ``confirm`` for what needs a person, ``sure`` for good news."""
    if not text:
        return ""
    ink, ground = _BADGES[kind]
    role = "alert" if kind == "confirm" else "status"
    lines = "<br>".join(escape(line) for line in text.splitlines())
    return (
        f'<div role="{role}" style="color:{ink};background:{ground};border-left:4px solid {ink};'
        f'padding:.5em .8em;margin:.4em 0;white-space:normal;line-height:1.4">{lines}</div>'
    )


def badge(kind: str, wording: Wording) -> str:
    """How sure a line is: a colour and the word."""
    ink, ground = _BADGES[kind]
    return (
        f'<span style="color:{ink};background:{ground};border:1px solid {ink};'
        f'border-radius:3px;padding:.05em .5em;font-weight:600;white-space:nowrap">'
        f"{escape(wording.say(f'form.badge.{kind}'))}</span>"
    )


def kind_of(entry: ColumnMatch) -> str:
    """Which badge a line of the matching has."""
    if entry.status == "sure":
        return "sure"
    return "confirm" if entry.status == "doubtful" else "left_out"


def badge_of(entry: ColumnMatch, state: FormState) -> str:
    """The badge of a line; a column that must have an answer is never merely left out."""
    return "confirm" if entry.column in state.open_columns else kind_of(entry)


def column_label(entry: ColumnMatch, wording: Wording) -> str:
    """What a column of the contract is called, with a capital letter as the others."""
    key = f"form.column.{entry.column}"
    label = wording.say(key) if wording.has(key) else wording.label(entry.column)
    return label[:1].upper() + label[1:]


def line(entry: ColumnMatch, state: FormState) -> str:
    """What is known of one column: badge, what it should hold, samples, why it is doubtful."""
    w, kind = state.wording, badge_of(entry, state)
    table = contract.TABLES[state.table]
    known = entry.column in table.column_names
    column = table.column(entry.column) if known else None
    meaning = (column.french if w.language == "fr" else column.english) if column else ""
    said = [f"{badge(kind, w)} {escape(meaning)}"]
    if entry.export_column and entry.samples and not masks():
        shown = ", ".join(_quoted(_short(text), w) for text in entry.samples)
        said.append(escape(w.say("form.hint.samples", listed=shown)))
    if kind == "confirm" and entry.why:
        said.append(escape(_why(entry, w)))
    return f'<div style="white-space:normal;line-height:1.5">{" · ".join(said)}</div>'


def _why(entry: ColumnMatch, wording: Wording) -> str:
    """What speaks against a heading, after its name where there is one."""
    if not entry.export_column:
        return entry.why
    return wording.say("matching.question.about", heading=entry.export_column, why=entry.why)


def _quoted(text: str, wording: Wording) -> str:
    return f"«\u00a0{text}\u00a0»" if wording.language == "fr" else f"“{text}”"


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN_LETTERS else text[: _SHOWN_LETTERS - 1] + "…"


def choices(entry: ColumnMatch, state: FormState) -> tuple[list[tuple[str, str]], str]:
    """The options of a column's drop-down, as pairs of label and value, and the one chosen."""
    w, matching = state.wording, state.matching
    assert matching is not None
    options = [(w.say("form.hint.leave_out"), LEFT_OUT)]
    computed = entry.column == "amount" and can_multiply(matching)
    if computed:
        names = {m.column: m.export_column for m in matching.proposed}
        said = w.say("form.hint.product", quantity=names["quantity"], price=names[UNIT_PRICE])
        options.append((said, PRODUCT))
    likely = [h for h in entry.candidates if h in matching.header]
    others = [h for h in matching.header if h not in likely]
    options += [(heading, heading) for heading in (*likely, *others)]
    if badge_of(entry, state) == "confirm":
        return [(w.say("form.hint.please"), ""), *options], ""
    if entry.status == "sure":
        return options, entry.export_column or PRODUCT
    return options, LEFT_OUT


def loaded(wording: Wording) -> str:
    """Which workbook is loaded at the moment, in words."""
    try:
        place = workbooks.loaded_path()
        name = place.name
        if workbooks.is_workbook(place):
            name = workbooks.read_workbook(place).settings.name or name
    except RetentionError as error:
        return wording.say("form.loaded_damaged", problem=str(error))
    return wording.say("form.loaded", name=name)


def folder_of(state: FormState) -> Path:
    """Where exports are looked for."""
    return state.folder if state.folder is not None else intake.mine()


def shown_folder(folder: Path) -> str:
    """A folder as a person finds it: seen from the project where it lies inside."""
    try:
        return folder.resolve().relative_to(workbooks.project_folder().resolve()).as_posix()
    except ValueError:
        return str(folder)


def state_of_matching(state: FormState) -> str:
    """How many columns are still to be confirmed, and which are kept under their own name."""
    w, said = state.wording, []
    if state.matching is None:
        return ""
    if state.open_columns:
        text = w.say("form.hint.columns_open", count=len(state.open_columns))
        said.append(box(text, "confirm"))
    elif any(entry.status == "doubtful" for entry in state.matching.entries):
        said.append(paragraph(w.say("form.hint.may_wait")))
    unknown = state.matching.unknown
    if unknown:
        listed = w.listing(unknown)
        said.append(paragraph(w.say("form.hint.unused", count=len(unknown), listed=listed)))
    if masks():
        said.append(paragraph(w.say("form.hint.masked")))
    return "".join(said)


def preview(state: FormState) -> str:
    """How the file would come in as it stands: its account, and the reasons with their rows."""
    if state.imported is None:
        return ""
    w, account = state.wording, state.imported.sentence()
    said = paragraph(w.say("form.hint.would_come", account=account), strong=True)
    return said + _reasons(state.imported) + paragraph(w.say("form.hint.nothing_written"))


def _reasons(imported: Import) -> str:
    """Why rows would be set aside, and how many for each reason."""
    rows = imported.to_frame()
    rows = rows[rows["reason"] != ""]
    say, number = imported.wording.say, imported.wording.number
    items = "".join(
        f"<li>{escape(say('matching.question.about', heading=label, why=number(int(count))))}</li>"
        for label, count in zip(rows["label"], rows["rows"], strict=True)
    )
    return f'<ul style="margin:.2em 0">{items}</ul>' if items else ""


def notes(texts: Sequence[str]) -> str:
    """What is to be known about the file."""
    if not texts:
        return ""
    return "".join(box(text, "confirm") for text in texts)


def account(state: FormState) -> str:
    """What became of the file: the account, the reasons, the first rows set aside, where it is."""
    taken = state.taken
    if taken is None:
        return ""
    w, imported = state.wording, taken.imported
    aside = imported.rows_read > imported.rows_kept
    # The table below begins with the rest of the sentence.
    parts = [box(taken.about_old_rows() if aside else taken.sentence(), "sure")]
    if aside:
        parts.append(imported._repr_html_())
        if not masks():
            parts.append(imported.first_set_aside(5)._repr_html_())
        file = str(taken.set_aside_path)
        parts.append(paragraph(w.say("form.hint.set_aside", file=file)))
    parts.append(paragraph(w.say("form.hint.saved_in", folder=shown_folder(taken.folder))))
    return "".join(parts) + notes(state.notes)


def static(wording: Wording) -> str:
    """The form where there are no controls; it says nothing of what lies in the folder."""
    return (
        f'<div><p style="font-size:17px;margin:.2em 0">{escape(wording.say("form.title"))}</p>'
        f"{paragraph(wording.say('form.static'))}</div>"
    )
