"""The import form: from a file in a folder to a loaded workbook, one plain step after another."""

import shutil
from pathlib import Path

import pandas as pd
import pytest

import retention_lib as rl
from retention_lib.base import contract, intake, workbooks
from retention_lib.base.matching import UNIT_PRICE
from retention_lib.errors import ChoiceError
from retention_lib.views import _import_form_page as page
from retention_lib.views import _import_form_state as steps
from retention_lib.views._import_form_questions import without_calls
from retention_lib.views.import_form import import_form
from retention_lib.wording import texts

FRENCH = """Code client;Libellé client;Date facture;Total TTC;Commentaire
C1;Café Noël;15/01/2024;100,50;
C2;Lefèvre;20/01/2024;200,00;urgent
C1;Café Noël;31/01/2024;50,00;
;;31/01/2024;10,00;
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project of its own: nothing here touches the tree's data/mine or what is loaded."""
    sample = tmp_path / "data" / "sample" / "b2b"
    sample.mkdir(parents=True)
    monkeypatch.setattr(workbooks, "project_folder", lambda: tmp_path)
    monkeypatch.delenv(workbooks.ENVIRONMENT, raising=False)
    monkeypatch.delenv("RETENTION_MASK", raising=False)
    return tmp_path


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A workbook that the form has made of January, once for the tests of what comes after."""
    folder = tmp_path_factory.mktemp("made")
    (folder / "data" / "sample" / "b2b").mkdir(parents=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(workbooks, "project_folder", lambda: folder)
        patch.delenv(workbooks.ENVIRONMENT, raising=False)
        state = steps.confirm_proposals(steps.propose(steps.begin(), put("v01.csv")))
        steps.take(steps.answer(state, name="Ma boutique", currency="EUR"))
    return folder / "data" / "mine"


@pytest.fixture
def begun(project, made):
    """A project in which January is loaded."""
    shutil.copytree(made, project / "data" / "mine")
    workbooks.load_workbook(project / "data" / "mine" / "Ma boutique")
    return project


def put(name: str, text: str = FRENCH) -> Path:
    file = intake.mine() / name
    file.write_text(text, encoding="cp1252")
    return file


def asked(state: steps.FormState) -> dict[str, tuple[str, ...]]:
    return {q.argument: tuple(value for value, _ in q.options) for q in state.questions}


def imported(name: str = "ventes.csv") -> steps.FormState:
    return imported_from(put(name))


def imported_from(file: Path) -> steps.FormState:
    state = steps.propose(steps.begin(), file)
    return steps.take(steps.match(state, "amount", "Total TTC"))


# ---------------------------------------------------------------- the steps


def test_a_file_in_the_folder_is_proposed_with_what_is_sure_and_what_is_not(project):
    put("ventes.csv")
    state = steps.begin()
    assert [path.name for path in state.exports] == ["ventes.csv"]
    state = steps.propose(state, state.exports[0])
    kinds = {e.column: page.badge_of(e, state) for e in state.matching.entries}
    assert (kinds["customer_id"], kinds["date"], kinds["amount"]) == ("sure", "sure", "confirm")
    assert kinds["margin"] == "left_out"
    assert state.open_columns == ("amount",)
    assert not state.ready


def test_a_line_says_its_state_in_a_word_with_samples_and_the_reason(project):
    state = steps.propose(steps.begin(), put("ventes.csv"))
    lines = {e.column: page.line(e, state) for e in state.matching.entries}
    assert "please confirm" in lines["amount"]
    assert "includes tax" in lines["amount"]
    assert "100,50" in lines["amount"]
    assert "left out" in lines["margin"]


def test_every_column_of_the_contract_has_a_name_in_both_languages():
    for table in contract.TABLES.values():
        for column in (*table.column_names, UNIT_PRICE):
            named = any(key in texts() for key in (f"form.column.{column}", f"column.{column}"))
            assert named, column


def test_what_is_to_be_confirmed_starts_without_a_choice(project):
    state = steps.propose(steps.begin(), put("ventes.csv"))
    entry = next(e for e in state.matching.entries if e.column == "amount")
    options, value = page.choices(entry, state)
    assert value == ""
    assert [option for _, option in options][:3] == ["", steps.LEFT_OUT, "Total TTC"]


def test_confirmed_the_file_says_how_it_would_come_in_and_nothing_is_written(project):
    state = steps.propose(steps.begin(), put("ventes.csv"))
    state = steps.match(state, "amount", "Total TTC")
    assert state.ready
    assert (state.imported.rows_read, state.imported.rows_kept) == (4, 3)
    assert "4 rows read, 3 kept, 1 set aside" in page.preview(state)
    assert "no customer: 1" in page.preview(state)
    assert [path.name for path in intake.mine().iterdir()] == ["ventes.csv"]


def test_yes_to_everything_confirms_what_was_proposed(project):
    state = steps.confirm_proposals(steps.propose(steps.begin(), put("ventes.csv")))
    assert state.matching.accepted["amount"] == "Total TTC"
    assert state.ready


def test_import_saves_and_only_use_loads(project):
    state = imported()
    assert state.step == "done"
    assert (state.taken.folder / "set_aside_transactions.xlsx").is_file()
    assert intake.own_workbook() is None
    state = steps.use(state)
    assert rl.open_base().name == "ventes"
    assert "every chapter shows ventes" in state.said


def test_the_answers_go_with_the_workbook(project):
    state = steps.propose(steps.begin(language="fr"), put("ventes.csv"))
    state = steps.match(state, "amount", "Total TTC")
    for answer in ({"currency": "EUR"}, {"margin_percent": "35,5 %"}, {"name": "Ma boutique"}):
        state = steps.answer(state, **answer)
    state = steps.use(steps.take(state))
    settings = workbooks.read_workbook(state.taken.folder).settings
    assert (settings.name, settings.currency, settings.language) == ("Ma boutique", "EUR", "fr")
    assert settings.margin_rate == 0.355
    assert state.taken.folder.name == "Ma boutique"


def test_a_margin_that_is_none_is_said_and_nothing_is_imported(project):
    state = steps.propose(steps.begin(), put("ventes.csv"))
    state = steps.answer(steps.match(state, "amount", "Total TTC"), margin_percent="lots")
    state = steps.take(state)
    assert "from 0 to 100" in state.problem
    assert state.step == "confirm"
    assert state.taken is None


def test_dates_that_prove_nothing_are_a_question_with_both_readings(project):
    text = (
        "Code client;Date;Montant HT\nC1;03/02/2024;10,50\nC2;04/02/2024;11,50\nC1;05/02/2024;3\n"
    )
    state = steps.propose(steps.begin(), put("v.csv", text))
    assert asked(state)["date_order"] == ("day_first", "month_first", "year_first")
    assert state.ready  # an assumption may stand, but it is shown
    assert "3 February 2024 or 2 March 2024" in state.questions[0].text
    assert "date_order=" not in state.questions[0].text
    other = steps.answer(state, date_order="month_first")
    (dates,) = [q for q in other.questions if q.argument == "date_order"]
    assert (dates.answered, dates.assumed) == (True, "month_first")  # and may be changed again
    assert other.imported.to_pandas()["date"].astype(str).min().startswith("2024-03-02")


def test_a_decimal_mark_that_nothing_decides_has_to_be_answered(project):
    lines = "C1;13/02/2024;1.234\nC2;14/02/2024;2.345\nC1;15/02/2024;3.456\n"
    text = f"Code client;Date;Montant HT\n{lines}"
    state = steps.propose(steps.begin(), put("v.csv", text))
    assert asked(state) == {"decimal": (",", ".")}
    assert "decimal=" not in state.questions[0].text
    assert "1234" in state.questions[0].text
    assert not state.ready
    assert steps.answer(state, decimal=",").imported.base_revenue == 1234 + 2345 + 3456


def test_a_column_that_was_confirmed_stays_so_while_another_question_is_open(project):
    lines = "C1;13/02/2024;1.234\nC2;14/02/2024;2.345\n"
    state = steps.propose(steps.begin(), put("v.csv", f"Code client;Date;Total TTC\n{lines}"))
    state = steps.match(state, "amount", "Total TTC")
    assert asked(state) == {"decimal": (",", ".")}
    assert state.open_columns == ()
    entry = next(e for e in state.matching.entries if e.column == "amount")
    assert page.choices(entry, state)[1] == "Total TTC"


def test_an_excel_file_with_two_tables_asks_for_the_sheet(project):
    import openpyxl

    book = openpyxl.Workbook()
    for name in ("Ventes", "Archive"):
        sheet = book.create_sheet(name)
        for row in (["Code client", "Date", "Montant HT"], ["C1", "2024-01-31", 10.5]):
            sheet.append(row)
    del book["Sheet"]
    book.save(intake.mine() / "deux.xlsx")
    state = steps.propose(steps.begin(), intake.mine() / "deux.xlsx")
    assert asked(state) == {"sheet": ("Ventes", "Archive")}
    assert steps.answer(state, sheet="Ventes").imported.rows_kept == 1


def test_a_customer_number_that_never_repeats_is_asked_about(project):
    lines = "".join(f"F{n};{n % 27 + 1:02}/01/2024;{n},50\n" for n in range(1100))
    state = steps.propose(steps.begin(), put("v.csv", "Code client;Date;Montant HT\n" + lines))
    assert "customer_id" in state.open_columns
    entry = next(e for e in state.matching.entries if e.column == "customer_id")
    assert "different on every one of 1,000 rows" in page.line(entry, state)


def test_quantity_times_price_can_be_chosen_for_the_amount(project):
    text = "Code client;Date;Total TTC;Quantité;Prix unitaire\nC1;13/02/2024;24,00;2;10,00\n"
    state = steps.propose(steps.begin(), put("v.csv", text))
    state = steps.match(state, "amount", steps.PRODUCT)
    assert state.matching.amount_rule == "quantity × unit price"
    assert state.imported.base_revenue == 20.0


def test_one_heading_given_twice_is_said_in_words(project):
    state = steps.propose(steps.begin(), put("ventes.csv"))
    state = steps.match(steps.match(state, "amount", "Total TTC"), "margin", "Total TTC")
    assert "given to both" in state.problem
    assert not state.ready
    assert steps.match(state, "margin", steps.LEFT_OUT).ready


@pytest.mark.parametrize(
    ("content", "said"), [("", "empty"), ("Code client;Date;Montant HT\n", "no rows")]
)
def test_a_file_that_cannot_be_used_is_said_and_another_can_be_chosen(project, content, said):
    state = steps.propose(steps.begin(), put("v.csv", content))
    assert state.step == "choose"
    assert said in state.problem


def test_a_path_that_leads_nowhere_is_said(project):
    assert "no file" in steps.propose(steps.begin(), "nowhere.csv").problem
    assert "first" in steps.propose(steps.begin(), "  ").problem


# ---------------------------------------------------------------- uploads


def test_an_upload_is_kept_in_the_folder_and_proposed(project):
    state = steps.receive(steps.begin(), "Mes ventes.csv", FRENCH.encode("cp1252"))
    assert state.path == intake.mine() / "Mes ventes.csv"
    assert state.step == "confirm"
    assert state.path.read_bytes() == FRENCH.encode("cp1252")


def test_an_upload_never_replaces_another_file(project):
    before = put("v.csv", "old")
    state = steps.receive(steps.begin(), "V.csv", FRENCH.encode("cp1252"))
    assert before.read_text("cp1252") == "old"
    assert state.path.name == "V (2).csv"
    again = steps.receive(steps.begin(), "V.csv", b"old")
    assert again.path == before


def test_an_upload_that_arrives_empty_is_sent_to_the_folder(project):
    state = steps.receive(steps.begin(), "big.csv", b"", 25_000_000)
    assert "10 MB" in state.problem
    assert "data/mine" in state.problem
    assert "is empty" in steps.receive(steps.begin(), "big.csv", b"", 0).problem


@pytest.mark.parametrize("name", ["../../sample/b2b/x.csv", "a\\b.csv", "..", "page.html", ".csv"])
def test_an_upload_with_a_name_that_plays_tricks_is_refused(project, name):
    before = {path for path in project.rglob("*")}
    state = steps.receive(steps.begin(), name, b"Code client;Date;Montant HT\n")
    assert state.problem
    assert {path for path in project.rglob("*")} - before <= {intake.mine()}


# ---------------------------------------------------------------- afterwards


def test_mended_rows_are_taken_back(project):
    import openpyxl

    state = imported()
    file = state.taken.set_aside_path
    book = openpyxl.load_workbook(file)
    sheet = book.active
    headings = [cell.value for cell in sheet[1]]
    sheet.cell(2, headings.index("Code client") + 1).value = "C9"
    book.save(file)
    state = steps.take_back(steps.use(state))
    assert state.taken.imported.rows_kept == 4
    assert set(rl.open_base().to_pandas("transactions")["customer_id"]) == {"C1", "C2", "C9"}


def test_next_month_is_one_step(begun):
    february = put("v02.csv", FRENCH.replace("/01/", "/02/").replace("31/02", "28/02"))
    assert intake.next_export() == february
    state = steps.take_next(steps.begin(), february)
    assert (state.step, state.taken.mode, state.taken.rows_after) == ("done", "added", 6)
    assert "3 rows, which all stay" in page.account(state)


def test_what_one_step_cannot_decide_is_asked_at_once(begun):
    workbooks.load_workbook(intake.mine() / "Ma boutique")
    names = "".join(f"Z{n};Autre {n};15/02/2024;10,00;\n" for n in range(20))
    other = put("autre.csv", FRENCH.splitlines()[0] + "\n" + names)
    state = steps.take_next(steps.begin(), other)
    assert asked(state) == {"name": ("autre", "Ma boutique")}
    assert not state.ready
    state = steps.take(steps.answer(state, name="autre"))
    assert (state.taken.mode, state.taken.folder.name) == ("new", "autre")


def test_amounts_in_several_currencies_can_be_sorted_out(project):
    file = put("v.csv", FRENCH.replace("100,50", "100,50 €").replace("200,00", "200,00 £"))
    state = steps.match(steps.propose(steps.begin(), file), "amount", "Total TTC")
    (question,) = [q for q in state.questions if q.argument == "currency"]
    assert [value for value, _ in question.options] == [
        "EUR",
        "GBP",
        "EUR without GBP",
        "GBP without EUR",
    ]
    state = steps.take(steps.answer(state, currency="EUR without GBP"))
    assert (state.taken.imported.rows_kept, state.taken.imported.wording.currency) == (2, "EUR")


def test_a_sheet_chosen_shows_the_next_month_of_the_loaded_workbook(begun):
    lines = [row.split(";") for row in FRENCH.replace("/01/", "/02/").splitlines()[:3]]
    frame = pd.DataFrame(lines[1:], columns=lines[0])
    file = intake.mine() / "v02.xlsx"
    with pd.ExcelWriter(file) as book:
        frame.to_excel(book, sheet_name="Ventes", index=False)
        frame.iloc[:, :1].to_excel(book, sheet_name="Liste", index=False)
    state = steps.answer(steps.propose(steps.begin(), file), sheet="Ventes")
    assert (state.name, state.into) == ("Ma boutique", intake.mine() / "Ma boutique")


def test_a_file_of_another_kind_can_still_join_a_workbook_by_its_name(begun):
    state = steps.propose(steps.begin(), put("v02.csv", FRENCH.replace("Total TTC", "Montant")))
    assert (state.name, steps.others_of_mine(state)) == ("v02", ("Ma boutique",))


def test_a_file_like_the_last_one_is_proposed_as_its_next_month(begun):
    february = put("v02.csv", FRENCH.replace("/01/", "/02/").replace("31/02", "28/02"))
    state = steps.propose(steps.begin(), february)
    assert (state.name, state.ready, state.questions) == ("Ma boutique", True, ())
    state = steps.take(state)
    assert (state.taken.folder.name, state.taken.rows_after) == ("Ma boutique", 6)


def test_another_name_makes_another_workbook_of_it(begun):
    state = steps.propose(steps.begin(), put("v02.csv", FRENCH.replace("\nC", "\nZ")))
    state = steps.take(steps.answer(state, name="Autre"))
    assert (state.taken.mode, state.taken.folder.name) == ("new", "Autre")


def test_days_that_are_there_already_are_asked_about_before_anything_is_saved(project):
    whole = FRENCH.replace("31/01/2024", "31/03/2024")
    steps.use(imported_from(put("v.csv", whole)))
    state = steps.take(steps.propose(steps.begin(), put("v01.csv")))
    assert asked(state) == {"mode": ("added", "replaced")}
    assert state.taken is None
    state = steps.take(steps.answer(state, mode="replaced"))
    assert (state.taken.mode, state.taken.rows_after) == ("replaced", 3)


def test_customers_join_the_loaded_workbook(begun):
    file = put("clients.csv", "Code client;Nom\nC1;Café Noël\nC2;Lefèvre\n")
    state = steps.take(steps.propose(steps.begin(), file, "customers"))
    assert state.taken.folder.name == "Ma boutique"
    assert rl.open_base().has("customers")


def test_a_way_back_to_the_sample(begun):
    state = steps.back_to_sample(steps.begin())
    assert workbooks.loaded_path() == begun / "data" / "sample" / "b2b"
    assert "sample is loaded again" in state.said
    assert (intake.mine() / "Ma boutique" / "workbook.toml").is_file()


# ---------------------------------------------------------------- what is shown


def test_what_the_file_says_is_escaped_everywhere(project):
    evil = "<img src=x onerror=alert(1)>"
    rows = f"{evil};13/02/2024;10,50;{evil}\n;13/02/2024;1,50;{evil}\n"
    text = f"Code client;Date;Total TTC;{evil}\n{rows}"
    form = import_form()
    form.live()
    form.do(steps.propose, put("v.csv", text))
    pages = [html_of(form)]  # a heading like this one looks like data: it is asked about
    form.do(steps.answer, header_row="1")
    form.do(steps.match, "amount", "Total TTC")
    pages.append(html_of(form))
    form.do(steps.take)
    pages.append(html_of(form))
    assert form.state.step == "done"
    assert not any(evil in shown for shown in pages)
    assert "&lt;img" in pages[0]


def test_masked_no_value_of_the_file_is_shown(project, monkeypatch):
    monkeypatch.setenv("RETENTION_MASK", "1")
    form = import_form()
    form.live()
    form.do(steps.propose, put("ventes.csv"))
    form.do(steps.match, "amount", "Total TTC")
    shown = html_of(form)
    form.do(steps.take)
    shown += html_of(form)
    assert "Café" not in shown
    assert "names are masked" in shown


def test_every_step_has_a_live_page_whose_controls_are_labelled(project):
    put("ventes.csv")
    form = import_form(language="fr")
    form.live()
    for step, given in (
        (steps.propose, (intake.mine() / "ventes.csv",)),
        (steps.match, ("amount", "Total TTC")),
        (steps.take, ()),
        (steps.use, ()),
    ):
        assert all(control.description for control in controls_of(form))
        form.do(step, *given)
        assert not form.state.problem
    assert "Désormais" in html_of(form)


def test_the_controls_do_what_they_say(project):
    put("ventes.csv")
    form = import_form()
    form.live()
    press(form, "Look at this file")
    pick(form, "amount", "Total TTC")
    assert form.state.ready
    press(form, "Import")
    press(form, "Use it in every chapter")
    assert rl.open_base().name == "ventes"
    press(form, "Back to the sample")
    assert form.state.step == "choose"


def test_a_control_that_stays_keeps_its_widget(project):
    form = import_form()
    form.live()
    form.do(steps.propose, put("ventes.csv"))
    before = form._kept["column amount"]
    pick(form, "amount", "Total TTC")
    assert form._kept["column amount"] is before
    assert before.value == "Total TTC"


def test_a_button_says_that_it_works_and_the_keyboard_goes_back_to_the_top(project):
    put("ventes.csv")
    form, seen, focused = import_form(), [], []
    form.live()
    button = next(b for b in controls_of(form) if b.description == "Look at this file")
    form._kept["language"].focus = lambda: focused.append(form.state.step)
    act = form._acts["propose"]
    form._acts["propose"] = lambda: (seen.append((button.description, button.disabled)), act())
    button.click()
    assert seen == [("One moment: the file is being read …", True)]
    assert (button.description, button.disabled, focused) == (
        "Look at this file",
        False,
        ["confirm"],
    )


def test_where_there_are_no_controls_a_text_stands_that_nothing_in_the_folder_changes(begun):
    with_files = import_form().static(), repr(import_form())
    shutil.rmtree(intake.mine())
    steps.back_to_sample(steps.begin())
    assert (import_form().static(), repr(import_form())) == with_files
    assert "<script" not in with_files[0]


def test_the_form_shows_a_widget_and_its_static_text():
    bundle = import_form(language="fr")._repr_mimebundle_()
    assert set(bundle) == {
        "text/plain",
        "text/html",
        "application/vnd.jupyter.widget-view+json",
    }
    assert "formulaire" in bundle["text/html"]


def test_another_language_is_refused_with_the_choices():
    with pytest.raises(ChoiceError, match="'en', 'fr'"):
        import_form(language="de")


def test_a_question_is_shown_without_the_call_that_answers_it():
    assert without_calls('It is read in two ways. Which is right? Pass encoding="cp1252".') == (
        "It is read in two ways. Which is right?"
    )


# ---------------------------------------------------------------- helpers


def widgets_of(form):
    found, todo = [], [form.live()]
    while todo:
        widget = todo.pop(0)
        found.append(widget)
        todo += list(getattr(widget, "children", ()))
    return found


def controls_of(form):
    return [w for w in widgets_of(form) if type(w).__name__ not in ("HTML", "HBox", "VBox")]


def html_of(form) -> str:
    return "".join(w.value for w in widgets_of(form) if type(w).__name__ == "HTML")


def press(form, label: str) -> None:
    (button,) = [w for w in controls_of(form) if w.description == label]
    button.click()


def pick(form, column: str, heading: str) -> None:
    form._kept[f"column {column}"].value = heading
