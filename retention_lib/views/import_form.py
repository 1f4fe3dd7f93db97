"""The form for a person's own export: controls that follow a :class:`FormState`, nothing else.

Every decision is taken in ``_import_form_state``, which knows no widgets; here each control
calls one of its steps and everything is shown anew. A control that stays keeps its widget, so
that whoever works with the keyboard does not lose their place.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path
from typing import Any

from retention_lib.base import contract, intake
from retention_lib.errors import ChoiceError
from retention_lib.views import _import_form_page as page
from retention_lib.views import _import_form_state as steps
from retention_lib.views._import_form_questions import Question
from retention_lib.views._import_form_state import FormState
from retention_lib.views.widgets import Live
from retention_lib.wording import LANGUAGES, Language

_STYLE = """<style>
.rw-form{font-size:15px;max-width:min(60em,100%)}
.rw-form .widget-html,.rw-form .widget-html-content{min-width:0;max-width:100%;
 overflow-wrap:break-word}
.rw-form .widget-html-content{overflow-x:auto}
.rw-form .widget-label{font-size:15px;white-space:normal;height:auto;line-height:1.35}
.rw-form .rw-wide>.widget-label{flex:0 0 15em;width:15em;max-width:none;text-align:left;
 overflow:visible}
.rw-form .rw-wide{flex-wrap:wrap;height:auto;margin:.15em 0;overflow:visible}
.rw-form .rw-wide select,.rw-form .rw-wide input{font-size:15px;height:auto;min-height:30px;
 min-width:12em;flex:1 1 12em;margin-right:.7em}
.rw-form button{font-size:15px;height:auto;width:auto;white-space:normal;line-height:1.3;
 padding:.4em 1em;margin:.2em .4em .2em 0}
.rw-form .rw-line{border-bottom:1px solid rgba(128,128,128,.3);padding:.25em 0;overflow:visible}
.rw-form .widget-html-content{font-size:15px;line-height:1.4;height:auto;overflow:visible}
.rw-form .widget-html{height:auto;overflow:visible}
.rw-form .jupyter-button:focus-visible,.rw-form select:focus-visible,
.rw-form input:focus-visible{outline:3px solid #B94A08;outline-offset:1px}
</style>"""

_ACCEPTED = ".csv,.tsv,.txt,.xlsx,.xlsm,.xlsb,.xls,.ods,.parquet,.gz,.zip"
_LANGUAGE_NAMES = {"en": "English", "fr": "Français"}


def import_form(
    folder: str | Path | None = None, *, language: Language | None = None
) -> ImportForm:
    """Give the form that takes your own export in, without a line of code.

    ``folder`` is where exports are looked for, without it ``data/mine``. ``language`` is that of
    the form and of the workbook made, ``en`` or ``fr``; without it the one spoken. What it does is
    what :func:`retention_lib.import_export` and ``load_workbook`` do. The trap: a notebook hands
    over uploads of 10 MB at most; larger files are copied into the folder.

    Raises ``ChoiceError`` where the language is another one.

    >>> import_form(language="fr")
    <un formulaire pour charger vos propres clients>
    """
    if language is not None and language not in LANGUAGES:
        raise ChoiceError("language", language, LANGUAGES)
    return ImportForm(steps.begin(folder, language))


class ImportForm(Live):
    """The form as a notebook shows it; ``.state`` is what it knows, ``.do(step, …)`` moves it."""

    def __init__(self, state: FormState) -> None:
        self.state = state
        self._kept: dict[str, Any] = {}
        self._labels: dict[str, str] = {}
        self._silent = False

    def do(self, step: Callable[..., FormState], *given: Any, **told: Any) -> None:
        """Take a step of ``_import_form_state`` and show what came of it."""
        before = self.state.step
        self.state = step(self.state, *given, **told)
        self._show()
        if self._box is not None and (self.state.step != before or self.state.problem):
            # Otherwise the page stays where the old step was longer, and the keyboard is nowhere.
            # The drop-down at the top, because a text cannot be focused in a notebook.
            self._kept["language"].focus()

    def __repr__(self) -> str:
        return self.state.wording.say("form.plain")

    def static(self) -> str:
        """The form where there are no controls; nothing of what lies in the folder is in it."""
        return page.static(self.state.wording)

    def _build(self) -> Any:
        import ipywidgets

        self._box = ipywidgets.VBox()
        self._box.add_class("rw-form")
        self._show()
        return self._box

    # --- what is shown ------------------------------------------------------------------------

    def _show(self) -> None:
        if self._box is None:
            return
        self._silent = True
        try:
            parts = [*self._above()]
            parts += {"choose": self._choose, "confirm": self._confirm, "done": self._done}[
                self.state.step
            ]()
            self._box.children = tuple(parts)
        finally:
            self._silent = False

    def _above(self) -> list[Any]:
        s, say = self.state, self.state.wording.say
        title = f'<p style="font-size:17px;margin:.2em 0">{escape(say("form.title"))}</p>'
        parts = [self._html("title", _STYLE + title), self._html("loaded", self._loaded())]
        parts.append(self._html("problem", page.box(s.problem, "confirm")))
        parts.append(self._html("said", page.box(s.said, "sure")))
        row = [self._language()]
        if intake.own_workbook() is not None:
            row.append(self._button("sample", lambda: self.do(steps.back_to_sample)))
        parts.append(self._row("above", row))
        return parts

    def _loaded(self) -> str:
        return page.paragraph(page.loaded(self.state.wording))

    def _choose(self) -> list[Any]:
        s, say = self.state, self.state.wording.say
        folder = page.folder_of(s)
        where = page.shown_folder(folder)
        parts = [*self._next(), self._html("step", page.heading(say("form.step.choose")))]
        options = [(say("form.hint.choose_one"), "")]
        options += [(path.name, str(path)) for path in s.exports]
        listed = self._drop_down(
            "file", say("form.label.file", folder=where), options, self._listed(), self._forget_path
        )
        parts.append(self._row("files", [listed, self._button("refresh", self._look_again)]))
        if not s.exports:
            none = page.paragraph(say("form.hint.no_exports", folder=where))
            parts.append(self._html("none", none))
        tables = [(self._table_label(name), name) for name in contract.TABLES]
        path = self._text("path", say("form.label.path"), self._typed_path(), None)
        table = self._drop_down("table", say("form.label.table"), tables, s.table, self._set_table)
        look = self._button("propose", self._look_at, primary=True)
        hint = self._html("large", page.paragraph(say("form.hint.large", folder=where)))
        return [*parts, path, self._upload(), hint, table, look]

    def _listed(self) -> str:
        known = {str(path) for path in self.state.exports}
        shown = str(self.state.path or "")
        before = self._kept["file"].value if "file" in self._kept else ""
        if shown in known:
            return shown
        if before in known:
            return str(before)
        return str(self.state.exports[0]) if self.state.exports else ""

    def _typed_path(self) -> str:
        known = {str(path) for path in self.state.exports}
        shown = str(self.state.path or "")
        if shown and shown not in known:
            return shown
        return str(self._kept["path"].value) if "path" in self._kept and not shown else ""

    def _next(self) -> list[Any]:
        """Next month: one button where a newer export fits the loaded workbook."""
        found = intake.next_export()
        if found is None:
            return []
        say = self.state.wording.say
        told = self._html("newer", page.heading(say("form.step.next")))
        label = say("form.button.next", file=found.name)
        button = self._button(
            "next", lambda: self.do(steps.take_next, found), label=label, primary=True
        )
        return [told, button]

    def _confirm(self) -> list[Any]:
        s, say = self.state, self.state.wording.say
        parts = [self._html("step", page.heading(say("form.step.confirm")))]
        parts.append(self._html("which", page.paragraph(s.path.name if s.path else "")))
        parts += self._questions([q for q in s.questions if q.open])
        if s.matching is not None:
            parts += [self._line(entry.column) for entry in s.matching.entries]
            parts.append(self._html("matched", page.state_of_matching(s)))
            if any(entry.status == "doubtful" for entry in s.matching.entries):
                parts.append(self._button("confirm_all", lambda: self.do(steps.confirm_proposals)))
        parts += self._questions([q for q in s.questions if not q.open])
        if s.imported is not None:
            parts += self._settings()
            parts.append(self._html("preview", page.preview(s) + page.notes(s.notes)))
        other = self._button("other_file", lambda: self.do(steps.start_over))
        if s.ready:
            go = self._button("import", lambda: self.do(steps.take), primary=True)
            return [*parts, self._row("go", [go, other])]
        return [*parts, other]

    def _settings(self) -> list[Any]:
        s, say = self.state, self.state.wording.say
        if s.table != "transactions":
            return []

        def keep(name: str) -> Callable[[str], None]:
            return lambda value: self.do(steps.answer, **{name: value})

        others = steps.others_of_mine(s)
        hint = say("form.hint.workbooks", listed=s.wording.listing(others)) if others else ""
        return [
            self._html("step3", page.heading(say("form.step.import"))),
            self._text("name", say("form.label.name"), s.name, keep("name")),
            self._html("others", page.paragraph(hint)),
            self._text(
                "margin", say("form.label.margin"), s.margin_percent, keep("margin_percent")
            ),
        ]

    def _questions(self, questions: Sequence[Question]) -> list[Any]:
        parts, say = [], self.state.wording.say
        for asked in questions:
            name = asked.argument
            if not asked.answered:
                parts.append(self._html(f"ask {name}", page.box(asked.text, "confirm")))
            options = [(label, value) for value, label in asked.options]
            if asked.open:
                options = [(say("form.hint.please"), "?"), *options]
            value = "?" if asked.open else asked.assumed
            parts.append(
                self._drop_down(
                    f"answer {name}", say(f"form.answer.{name}"), options, value, self._answer(name)
                )
            )
        return parts

    def _answer(self, name: str) -> Callable[[str], None]:
        def answered(value: str) -> None:
            if value != "?":
                self.do(steps.answer, **{name: value})

        return answered

    def _line(self, column: str) -> Any:
        s = self.state
        assert s.matching is not None
        entry = next(e for e in s.matching.entries if e.column == column)
        options, value = page.choices(entry, s)
        label = page.column_label(entry, s.wording)

        def chosen(heading: str) -> None:
            if heading:
                self.do(steps.match, column, heading)

        picked = self._drop_down(f"column {column}", label, options, value, chosen)
        told = self._html(f"about {column}", page.line(entry, s))
        picked.layout.flex, told.layout.flex = "1 1 24em", "1 1 20em"
        row = self._row(f"line {column}", [picked, told])
        row.add_class("rw-line")
        return row

    def _done(self) -> list[Any]:
        s, say = self.state, self.state.wording.say
        parts = [self._html("step", page.heading(say("form.step.done")))]
        parts.append(self._html("account", page.account(s)))
        taken, buttons = s.taken, []
        if taken is not None and taken.set_aside_path is not None:
            buttons.append(self._button("take_back", lambda: self.do(steps.take_back)))
        if taken is not None and not taken.loaded:
            buttons.insert(0, self._button("use", lambda: self.do(steps.use), primary=True))
        if taken is not None and taken.loaded:
            again = self._button("another_table", lambda: self.do(steps.start_over))
            return [*parts, self._row("after", [*buttons, again])]
        other = self._button("other_file", lambda: self.do(steps.start_over))
        return [*parts, self._row("after", [*buttons, other])]

    # --- what the controls do -----------------------------------------------------------------

    def _look_again(self) -> None:
        self._show()

    def _forget_path(self, _: str) -> None:
        """Whoever chooses from the list no longer means the path typed before."""
        if "path" in self._kept:
            self._kept["path"].value = ""

    def _set_table(self, table: str) -> None:
        self.do(steps.choose_table, table)

    def _look_at(self) -> None:
        typed = self._kept["path"].value.strip()
        path = typed or self._kept["file"].value
        self.do(steps.propose, path, self._kept["table"].value)

    def _receive(self, change: Any) -> None:
        if self._silent or not change["new"]:
            return
        sent = change["new"][0]
        content = bytes(sent["content"])
        # Made anew, so that the same file can be sent a second time.
        self._kept.pop("upload", None)
        self.do(steps.receive, str(sent["name"]), content, int(sent["size"]))

    # --- one widget a control -----------------------------------------------------------------

    def _made(self, key: str, make: Callable[[Any], Any]) -> Any:
        if key not in self._kept:
            import ipywidgets

            self._kept[key] = make(ipywidgets)
        return self._kept[key]

    def _html(self, key: str, value: str) -> Any:
        made = self._made(key, lambda kinds: kinds.HTML())
        made.value = value
        return made

    def _row(self, key: str, children: Sequence[Any]) -> Any:
        def make(kinds: Any) -> Any:
            return kinds.HBox(layout=kinds.Layout(flex_flow="row wrap", align_items="center"))

        made = self._made(f"row {key}", make)
        made.children = tuple(children)
        return made

    def _button(
        self, key: str, act: Callable[[], None], *, label: str = "", primary: bool = False
    ) -> Any:
        def make(kinds: Any) -> Any:
            made = kinds.Button(button_style="primary" if primary else "")
            made.layout.align_self = "flex-start"
            made.on_click(lambda _: pressed())
            return made

        def pressed() -> None:
            # A large file takes a while; a second press would do it all again.
            made.description, made.disabled = self.state.wording.say("form.hint.busy"), True
            try:
                self._acts[key]()
            finally:
                made.disabled = False
                made.description = self._labels[key]

        made = self._made(f"button {key}", make)
        self._acts[key] = act
        self._labels[key] = label or self.state.wording.say(f"form.button.{key}")
        made.description = self._labels[key]
        return made

    @property
    def _acts(self) -> dict[str, Callable[..., None]]:
        acts: dict[str, Callable[..., None]] = self._kept.setdefault("acts", {})
        return acts

    def _changing(self, key: str) -> Callable[[Any], None]:
        def changed(change: Any) -> None:
            if not self._silent:
                self._acts[f"change {key}"](change["new"])

        return changed

    def _drop_down(
        self,
        key: str,
        label: str,
        options: Sequence[tuple[str, str]],
        value: str,
        act: Callable[[str], None] | None,
    ) -> Any:
        made = self._input(key, label, act, lambda kinds: kinds.Dropdown())
        if tuple(made.options) != tuple(options):
            made.options = tuple(options)
        values = [option for _, option in options]
        made.value = value if value in values else (values[0] if values else None)
        return made

    def _text(self, key: str, label: str, value: str, act: Callable[[str], None] | None) -> Any:
        # Said when it is left or Enter is pressed, not letter by letter.
        made = self._input(key, label, act, lambda kinds: kinds.Text(continuous_update=False))
        made.value = value
        return made

    def _input(
        self,
        key: str,
        label: str,
        act: Callable[[str], None] | None,
        kind: Callable[[Any], Any],
    ) -> Any:
        """A wide control with its label, which does ``act`` when its value changes."""

        def make(kinds: Any) -> Any:
            made = kind(kinds)
            made.style.description_width = "auto"
            made.add_class("rw-wide")
            made.layout.width = "auto"
            made.observe(self._changing(key), "value")
            return made

        made = self._made(key, make)
        self._acts[f"change {key}"] = act or (lambda _: None)
        made.description = label
        return made

    def _upload(self) -> Any:
        def make(kinds: Any) -> Any:
            made = kinds.FileUpload(accept=_ACCEPTED, multiple=False)
            made.layout.align_self = "flex-start"
            made.observe(self._receive, "value")
            return made

        made = self._made("upload", make)
        made.description = self.state.wording.say("form.label.upload")
        return made

    def _language(self) -> Any:
        options = [(_LANGUAGE_NAMES[code], code) for code in LANGUAGES]
        label = self.state.wording.say("form.label.language")
        return self._drop_down(
            "language",
            label,
            options,
            self.state.language,
            lambda code: self.do(steps.answer, language=code),
        )

    def _table_label(self, name: str) -> str:
        table = contract.TABLES[name]
        said = table.french if self.state.language == "fr" else table.english
        return said.split(":")[0].split(" : ")[0].strip()
