"""No text of the data becomes markup, wherever it is shown."""

from __future__ import annotations

import os
import re
import warnings

import nbformat
import pandas as pd
import pytest
from matplotlib import pyplot

import retention_lib as rl
from retention_lib.base import workbooks
from retention_lib.base.customer_base import CustomerBase
from retention_lib.commands import console
from retention_lib.decisions.plan import make_plan
from retention_lib.views import _app_slides, _edition_page, _report_page
from retention_lib.views import _import_form_page as form_page
from retention_lib.views import _import_form_state as form
from retention_lib.views._app_server import TEMPLATES
from retention_lib.views.theme import _picture_in_words as in_words
from retention_lib.wording import Wording
from tests.decisions import journeying, planning
from tests.french_sweep import Sweep, roots
from tests.security.hostile import ATTACKS, MARK, foreign_in, hostile_tables

EVERYTHING = "RETENTION_SWEEP_MASK"
SWEPT = {
    "describe_base", "check_quality", "list_lost", "measure_value", "profile_segments",
    "find_cross_sell", "check_people", "check_opportunities", "find_signals", "measure_campaign",
    "find_duplicates", "measure_pressure", "past_effects", "learn_uplift", "weigh_programmes",
}  # fmt: skip
"""Calls that quote the base and learn no model; ``RETENTION_SWEEP_MASK=1`` asks for all of them."""


class Pages(Sweep):
    """Keeps everything shown as a browser would get it."""

    def note(self, where, text):
        if MARK in str(text):
            self.quoted.append(where)
        if "<" in str(text) and ("shown" in where or "static" in where):
            self.pages.append((where, str(text)))

    def headings(self, where, result):
        """Headings are another test's matter."""


@pytest.fixture(scope="module")
def tables():
    return hostile_tables()


@pytest.fixture(scope="module")
def base(tables):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return CustomerBase.from_tables(
            **tables, language="en", margin_rate=0.4, name=ATTACKS[1], currency="EUR"
        )


def test_the_reader_sees_what_an_attack_would_do():
    for attack in (*ATTACKS[:3], f"<a title='{ATTACKS[5]}'>"):
        assert foreign_in(f'<p title="x">{attack}</p>'), attack
    assert foreign_in('<a href=" javascript:x">')
    assert not foreign_in('<p title="a">&lt;script&gt;</p><a href="#x">y</a>')


def test_no_result_picture_or_explorer_lets_a_text_of_the_data_become_markup(base):
    swept = Pages(base)
    swept.pages, swept.quoted = [], []
    for name, call in roots(base):
        if name in SWEPT or os.environ.get(EVERYTHING):
            swept.attempt(name, call)
    pyplot.close("all")
    assert len(swept.pages) > 20 and len(swept.quoted) > 10, "the attacks are shown somewhere"
    assert not [(where, foreign_in(page)) for where, page in swept.pages if foreign_in(page)]


def test_a_profile_by_a_column_of_ones_own_is_escaped_down_to_its_heading(base):
    shown = rl.profile_segments(base, by='<b onclick="zqx()">own')
    for result in (shown, shown.crosstab()):
        assert MARK in result._repr_html_()
        assert not foreign_in(result._repr_html_())


def test_a_plan_its_calls_and_its_journeys_are_escaped():
    rows = [
        {
            "customer_id": f"{attack} id",
            "name": f"{attack} name",
            "account_manager": f"{ATTACKS[place % 3]} manager",
            "why": f"like {attack}",
            "email": attack,
            "value": 20_000.0,
            "at_stake": 2_000.0,
        }
        for place, attack in enumerate(ATTACKS * 2)
    ]
    facts = planning.facts([{**row, "customer_id": f"{n} {row['customer_id']}"}
                            for n, row in enumerate(rows)])  # fmt: skip
    hours = dict.fromkeys(facts.owners, 0.5)
    plan = make_plan(facts.base, facts=facts, budget=500, hours_per_week=hours)
    calls = plan.sales_time().calling_order(owner=facts.owners[0])
    met = journeying.journeys_of(*({"name": row["name"]} for row in rows))
    results = [plan, plan.prices(), plan.reasons(), plan.sales_time(), calls, met]
    pages = [result._repr_html_() for result in results]
    assert sum(MARK in page for page in pages) >= 3
    assert not [foreign_in(page) for page in pages if foreign_in(page)]


def test_the_frames_of_report_and_editions_escape_the_base_and_its_problems():
    def pages(said):
        w, chapter = Wording("en"), _report_page.ChapterPage("01", "One", "<p>x</p>")
        around = _report_page.Frame(said, [said], [(said, said)], [(said, said)], [said], "1")
        yield _report_page.page(around, [chapter], w)
        # What it is about is escaped by the caller, as the links beside it are made there.
        yield _edition_page.frame(said, "reader", "", "<p>x</p>", w)

    for attack in ATTACKS:
        for hostile, harmless in zip(pages(attack), pages("Shop"), strict=True):
            assert MARK in hostile
            assert foreign_in(hostile) == foreign_in(harmless), attack


def test_the_import_form_escapes_headings_cells_and_the_name_of_the_file(tmp_path, monkeypatch):
    monkeypatch.setattr(workbooks, "project_folder", lambda: tmp_path)
    (tmp_path / "data" / "sample" / "b2b").mkdir(parents=True)
    cells = [one.replace("\n", " ").replace('"', "'") for one in ATTACKS]
    frame = pd.DataFrame({"Client": [f"{one} {n}" for n, one in enumerate(cells * 3)]})
    frame["Date"], frame["Montant"] = "15/01/2024", "10,50"
    for place, one in enumerate(cells[:5]):
        frame[f"{one} column"] = cells[place]
    file = tmp_path / "<img src=x onerror=zqx()>.csv"
    frame.to_csv(file, sep=";", index=False)
    state = form.propose(form.begin(language="en"), file)
    lines = [form_page.line(entry, state) for entry in state.matching.entries]
    taken = form.take(form.confirm_proposals(state))
    assert taken.step == "done", taken.problem
    pages = [*lines, form_page.preview(state), form_page.account(taken)]
    pages += [form_page.state_of_matching(state)]
    pages += [form_page.notes([*taken.notes, ATTACKS[0]])]
    assert any(MARK in page for page in pages)
    assert not [foreign_in(page) for page in pages if foreign_in(page)]


def test_the_words_beside_a_picture_are_escaped(base):
    axes = rl.measure_value(base).dependency().plot()
    words = in_words(axes)
    pyplot.close(axes.figure)
    assert MARK in words
    assert not foreign_in(words)


@pytest.mark.parametrize("attack", ATTACKS)
def test_slides_escape_the_name_of_the_base(attack):
    # The prose of a chapter is its author's, as its code is; the base is not.
    slides = _app_slides.split_slides(
        nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# One")])
    )
    page = _app_slides.slides_html(slides, Wording("en"), said=attack)
    harmless = _app_slides.slides_html(slides, Wording("en"), said="Shop")
    assert MARK in page
    assert foreign_in(page) == foreign_in(harmless)


def test_the_frame_of_the_app_escapes_the_base_and_every_title():
    import jinja2

    file = TEMPLATES / "voila" / "templates" / "retention" / "index.html.j2"
    unescaped = []
    for shown in re.findall(r"\{\{(.*?)\}\}", file.read_text("utf-8")):
        trusted = ("escape_html", "tojson", "| e ", "loop.", "include_js", "main_js", "language")
        if not any(word in shown + " " for word in trusted) and "slug" not in shown:
            unescaped.append(shown.strip())
    # Numbers and codes of Jupyter's own, a picture's bytes, and what a result made of itself.
    own = {"cell.id", "total", "resources.base_url"}
    data = {'output.data["image/png"] | replace("\\n", "")', 'output.data["text/html"]'}
    assert set(unescaped) <= own | data, unescaped
    assert jinja2.filters.htmlsafe_json_dumps({"a": "</script>"}).find("</script>") < 0


def test_a_message_is_obeyed_by_no_terminal_and_turns_no_letters(base, capsys):
    with pytest.raises(rl.RetentionError) as refused:
        rl.measure_campaign(base, "\x1b[31m\u202ezqx\x07")
    error = refused.value
    said = str(error) + "".join(error._render_traceback_()) + str(rl.DataWarning("\x1b]0;zqx"))
    console.complain("a \x1b[2J b\u202e")
    print(console.columns([("\x1b[31mzqx", "\x9b1m")]))
    out, wrong = capsys.readouterr()
    assert MARK in said and MARK in out
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]", said + out + wrong)
