"""The idea board's form: each button is a step from one state to the next, and loses nothing."""

from dataclasses import replace

import pandas as pd
import pytest

from retention_lib.base import workbooks
from retention_lib.base.customer_base import CustomerBase
from retention_lib.decisions import _ideas_file as file_of
from retention_lib.decisions import _ideas_worth
from retention_lib.decisions.ideas import open_ideas
from retention_lib.decisions.segment_what_if import SegmentsFacts
from retention_lib.views import idea_board as form_of
from retention_lib.views.idea_board import (
    BoardState,
    Decision,
    IdeaForm,
    NewIdea,
    decide,
    put_on,
    take_off,
)
from retention_lib.wording import Wording


@pytest.fixture
def base(tmp_path, monkeypatch):
    (tmp_path / "data" / "sample").mkdir(parents=True)
    for module in (workbooks, file_of):
        monkeypatch.setattr(module, "project_folder", lambda: tmp_path)
    monkeypatch.setenv(workbooks.ENVIRONMENT, str(tmp_path))
    # What a button does is no matter of segments.
    nothing = SegmentsFacts((), 9, 0.1, "", False, "margin", True, Wording("en"))
    monkeypatch.setattr(_ideas_worth, "gather_segments", lambda base: nothing)
    lines = pd.DataFrame({"customer_id": [f"C{n % 9}" for n in range(90)]})
    lines["date"] = pd.date_range("2023-01-01", periods=90, freq="9D")
    return CustomerBase.from_tables(
        lines.assign(amount=20.0), language="en", currency="EUR", margin_rate=0.5, name="Shop"
    )


@pytest.fixture
def form(base):
    return form_of.idea_board(base)


def press(form, name):
    form._fields[name].click()


def test_an_idea_goes_on_the_board_decided_on_and_off_again(base):
    state = put_on(BoardState(open_ideas(base)), NewIdea("Call them", "Ann", "all", 50.0))
    assert not state.trouble
    assert "must keep" in state.said or "cannot pay" in state.said
    state = decide(state, Decision(1, "running"))
    assert state.board.idea(1).status == "running"
    assert "What to do" in state.said
    state = take_off(state, 1)
    assert state.board.ideas == ()
    assert "Call them" in state.said
    assert open_ideas(base).ideas == ()


def test_a_step_that_cannot_be_done_says_why_and_changes_nothing(base):
    state = put_on(BoardState(open_ideas(base)), NewIdea("Call them"))
    for step in (
        lambda: put_on(state, NewIdea("")),
        lambda: put_on(state, NewIdea("a", cost=-1)),
        lambda: decide(state, Decision(9)),
        lambda: decide(state, Decision(1, "kept", "NO-SUCH")),
        lambda: take_off(state, 9),
    ):
        after = step()
        assert after.trouble
        assert after.said.startswith("This did not work: ")
        assert after.board.ideas == state.board.ideas == open_ideas(base).ideas


def test_in_french_the_reason_is_french_too(base):
    french = replace(base, wording=Wording("fr", "EUR"))
    after = put_on(BoardState(open_ideas(french)), NewIdea(""))
    assert after.said.startswith("Cela n'a pas marché")
    assert "Dites l'idée en quelques mots" in after.said


def test_what_another_window_wrote_is_kept(base):
    mine = BoardState(open_ideas(base))
    open_ideas(base).add("Theirs")
    after = put_on(mine, NewIdea("Mine"))
    assert [one.idea for one in after.board.ideas] == ["Theirs", "Mine"]


def test_the_saved_notebook_does_not_depend_on_what_lies_on_the_board(base):
    empty = form_of.idea_board(base)
    before = empty.static(), repr(empty)
    open_ideas(base).add("Secret <b>plan</b>", owner="Ann")
    after = form_of.idea_board(base)
    assert (after.static(), repr(after)) == before
    assert "board.add(" in before[0]


def test_ones_own_workbook_shows_its_board_where_there_are_no_buttons(base, tmp_path):
    state = put_on(BoardState(open_ideas(base)), NewIdea("<b>Call</b>", "Ann"))
    object.__setattr__(state.board, "file", tmp_path / file_of.IDEAS_FILE)
    shown = IdeaForm(state).static()
    assert "&lt;b&gt;Call" in shown
    assert "<b>Call" not in shown


def test_every_control_has_a_label_that_can_be_seen(form):
    form.live()
    for made in form._fields.values():
        assert made.description.strip()
        assert not getattr(made, "icon", "")


def test_the_buttons_do_what_the_steps_do(form, base):
    form.live()
    assert form._fields["which"].disabled
    form._fields["idea"].value = "Call <them>"
    form._fields["cost"].value = 50.0
    press(form, "ideas.form.add")
    assert form._fields["idea"].value == ""
    assert 'role="status"' in form._message.value
    assert "Call &lt;them&gt;" in form._message.value
    assert "Call &lt;them&gt;" in form._shown.value
    assert not form._fields["which"].disabled
    form._fields["status"].value = "stopped"
    press(form, "ideas.form.record")
    assert open_ideas(base).idea(1).status == "stopped"
    press(form, "ideas.form.add")
    assert 'role="alert"' in form._message.value
    press(form, "ideas.form.remove")
    assert open_ideas(base).ideas == ()
    assert form._fields["which"].disabled


def test_choosing_an_idea_shows_where_it_stands(base):
    open_ideas(base).add("One").add("Two").change(2, status="kept")
    form = form_of.idea_board(base)
    form.live()
    form._fields["which"].value = 2
    assert form._fields["status"].value == "kept"
    form._fields["which"].value = 1
    assert form._fields["status"].value == "idea"
