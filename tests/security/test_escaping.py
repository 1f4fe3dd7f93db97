"""No text of the data becomes markup, wherever it is shown."""

from __future__ import annotations

import re
import warnings

import nbformat
import pytest
from matplotlib import pyplot

import retention_lib as rl
from retention_lib.base.customer_base import CustomerBase
from retention_lib.commands import console
from retention_lib.views import _app_slides
from retention_lib.views._app_server import TEMPLATES
from retention_lib.views.theme import _picture_in_words as in_words
from retention_lib.wording import Wording
from tests.french_sweep import Sweep, roots
from tests.security.hostile import ATTACKS, MARK, foreign_in, hostile_tables

SWEPT = {
    "describe_base", "check_quality", "list_lost", "measure_value", "profile_segments",
    "find_cross_sell", "check_people", "check_opportunities", "find_signals", "measure_campaign",
}  # fmt: skip
"""Calls that quote the base; those that learn models are swept by the masks' own test."""


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
        if name in SWEPT:
            swept.attempt(name, call)
    pyplot.close("all")
    assert len(swept.pages) > 20 and len(swept.quoted) > 10, "the attacks are shown somewhere"
    assert not [(where, foreign_in(page)) for where, page in swept.pages if foreign_in(page)]


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
