"""The idea board as a form in the notebook: put ideas on it, decide on them, see what each needs.

What a button does is a pure function from one state of the board to the next, tested without a
browser; the widgets only collect what was typed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retention_lib.base.customer_base import CustomerBase
from retention_lib.decisions._ideas_file import IDEAS_FILE, STATUSES
from retention_lib.decisions._ideas_worth import EVERYBODY
from retention_lib.decisions.ideas import IdeaBoard, open_ideas
from retention_lib.errors import RetentionError
from retention_lib.messages import told
from retention_lib.views.tables import render
from retention_lib.views.widgets import Live

if TYPE_CHECKING:
    from retention_lib.decisions._ideas_file import Status

_MOST = 1e12

# Labels above what they belong to, as long as they are; type that a room can read.
_STYLE = """<style>
.rw-ideas .rw-field{flex-wrap:wrap;height:auto;margin:0 0 .5em;overflow:visible}
.rw-ideas .rw-field>.widget-label{flex:1 0 100%;width:auto;max-width:none;text-align:left;
 white-space:normal;height:auto;line-height:1.35;font-size:15px;overflow:visible}
.rw-ideas .rw-field>input,.rw-ideas .rw-field>select{flex:1 0 100%;font-size:15px;height:auto;
 padding:.3em .4em}
.rw-ideas button{font-size:15px;height:auto;width:auto;white-space:normal;line-height:1.3;
 padding:.4em 1em}
.rw-ideas input:focus,.rw-ideas select:focus,.rw-ideas button:focus-visible{
 outline:3px solid #B94A08!important;outline-offset:1px}
.rw-ideas .rw-section{font-size:15px;line-height:1.35;font-weight:600;margin:.2em 0 .4em}
.rw-ideas .widget-html-content{font-size:15px;line-height:1.4;height:auto;overflow:auto}
</style>"""


def idea_board(base: CustomerBase | str | Path | None = None) -> IdeaForm:
    """Open the idea board as a form: put ideas on it, decide on them, see what each must bring.

    It is the board of :func:`retention_lib.open_ideas`, kept beside the workbook; every button
    writes at once. The trap: what lies on the board of a sample is no part of the saved notebook,
    which shows a sentence in its place.

    Parameters
    ----------
    base
        The customer base, or the path of a workbook; ``None`` is the loaded workbook.

    Raises
    ------
    InputError
        Where there is no such workbook, or its ``ideas.toml`` is damaged.

    Examples
    --------
    >>> from retention_lib import simulate_base
    >>> base, truth = simulate_base(60, seed=1, language="en")
    >>> idea_board(base)
    <IdeaForm: Idea board>
    """
    return IdeaForm(BoardState(open_ideas(base)))


@dataclass(frozen=True)
class NewIdea:
    """What the upper half of the form says."""

    idea: str = ""
    owner: str = ""
    segment: str = EVERYBODY
    cost: float = 0.0


@dataclass(frozen=True)
class Decision:
    """What the lower half of the form says about one idea."""

    number: int
    status: Status = "idea"
    campaign: str = ""


@dataclass(frozen=True)
class BoardState:
    """The board, and what the form says about the last step; ``trouble`` where it failed."""

    board: IdeaBoard
    said: str = ""
    trouble: bool = False


def put_on(state: BoardState, new: NewIdea) -> BoardState:
    """The board with a new idea, and what it must bring."""

    def step(board: IdeaBoard) -> BoardState:
        after = board.add(new.idea, owner=new.owner, segment=new.segment, cost=new.cost)
        number = after.ideas[-1].number
        said = board.wording.say("ideas.form.added", number=number, said=after.sentence_of(number))
        return BoardState(after, said)

    return _tried(state, step)


def decide(state: BoardState, decision: Decision) -> BoardState:
    """The board with an idea's status, and its result where a campaign tried it."""

    def step(board: IdeaBoard) -> BoardState:
        after, number = board, decision.number
        # Looked up before anything is written, so that a slip in the code changes nothing.
        campaign = decision.campaign.strip()
        if campaign and campaign != board.idea(number).campaign:
            after = after.record_result(number, campaign=campaign)
        after = after.change(number, status=decision.status)
        row = after.table.set_index("number").loc[number]
        return BoardState(after, board.wording.say("ideas.form.recorded", todo=row["what_to_do"]))

    return _tried(state, step)


def take_off(state: BoardState, number: int) -> BoardState:
    """The board without an idea."""

    def step(board: IdeaBoard) -> BoardState:
        said = board.wording.say("ideas.form.removed", idea=board.told(number))
        return BoardState(board.remove(number), said)

    return _tried(state, step)


def _tried(state: BoardState, step: Callable[[IdeaBoard], BoardState]) -> BoardState:
    """A step on the board as it is on file by now; where it cannot be done, the reason."""
    board = state.board
    try:
        # Another window may have written meanwhile.
        board = board.again()
        return step(board)
    except RetentionError as error:
        said = told(str(error), board.wording.language)
        said = board.wording.say("ideas.form.trouble", said=said)
        return BoardState(board, said, trouble=True)


class IdeaForm(Live):
    """The form; made by :func:`idea_board`. ``board`` is the board as it stands."""

    def __init__(self, state: BoardState) -> None:
        self.state = state
        self._fields: dict[str, Any] = {}

    @property
    def board(self) -> IdeaBoard:
        """The board as it stands."""
        return self.state.board

    def sentence(self) -> str:
        """How many ideas can pay and be proved, and which programmes to stop."""
        return self.board.sentence()

    def static(self) -> str:
        """The form where there are no buttons: a sentence, and the board of one's own workbook."""
        w = self.board.wording
        words = f"<p>{escape(w.say('ideas.form.static'))}</p>"
        # Notebooks are saved on samples, and what somebody tried there is nobody else's story.
        own = self.board.file is not None and self.board.file.name == IDEAS_FILE
        return f"<div>{words}{render(self.board) if own and self.board.ideas else ''}</div>"

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.board.wording.say('ideas.form.title')}>"

    # --- the live box -------------------------------------------------------------------------

    def _build(self) -> Any:
        import ipywidgets

        w, make = self.board.wording, self._field
        currency = f" ({w.currency_symbol})" if w.currency_symbol else ""
        upper = [
            self._heading("ideas.form.new"),
            make("idea", ipywidgets.Text, w.say("ideas.form.idea")),
            make("owner", ipywidgets.Text, w.say("ideas.form.owner")),
            make("segment", ipywidgets.Dropdown, w.say("ideas.form.segment"),
                 options=_segments(self.board)),
            make("cost", ipywidgets.BoundedFloatText, w.say("ideas.form.cost", currency=currency),
                 min=0.0, max=_MOST, step=100.0),
            self._button("ideas.form.add", self._add),
        ]  # fmt: skip
        statuses = [(w.say(f"ideas.status.{status}"), status) for status in STATUSES]
        lower = [
            self._heading("ideas.form.decide"),
            make("which", ipywidgets.Dropdown, w.say("ideas.form.which")),
            make("status", ipywidgets.Dropdown, w.say("ideas.form.status"), options=statuses),
            make("campaign", ipywidgets.Text, w.say("ideas.form.campaign")),
            ipywidgets.HBox(
                [
                    self._button("ideas.form.record", self._decide),
                    self._button("ideas.form.remove", self._remove),
                ],
                layout=ipywidgets.Layout(flex_flow="row wrap"),
            ),
        ]
        self._fields["which"].observe(self._follow, "value")
        self._message, self._shown = ipywidgets.HTML(), ipywidgets.HTML()
        half = ipywidgets.Layout(flex="1 1 280px", min_width="240px", max_width="460px")
        halves = ipywidgets.HBox(
            [ipywidgets.VBox(upper, layout=half), ipywidgets.VBox(lower, layout=half)],
            layout=ipywidgets.Layout(flex_flow="row wrap", grid_gap="0 32px"),
        )
        title = f'{_STYLE}<p style="font-size:17px;margin:.2em 0 .5em">{escape(self._title())}</p>'
        box = ipywidgets.VBox([ipywidgets.HTML(title), halves, self._message, self._shown])
        box.add_class("rw-ideas")
        self._show()
        return box

    def _title(self) -> str:
        return self.board.wording.say("ideas.form.title")

    def _heading(self, key: str) -> Any:
        import ipywidgets

        return ipywidgets.HTML(f'<p class="rw-section">{escape(self.board.wording.say(key))}</p>')

    def _field(self, name: str, kind: Any, label: str, **options: Any) -> Any:
        import ipywidgets

        made = kind(
            description=label,
            style={"description_width": "auto"},
            layout=ipywidgets.Layout(width="100%"),
            **options,
        )
        made.add_class("rw-field")
        self._fields[name] = made
        return made

    def _button(self, key: str, pressed: Callable[[Any], None]) -> Any:
        import ipywidgets

        made = ipywidgets.Button(description=self.board.wording.say(key))
        made.on_click(pressed)
        self._fields[key] = made
        return made

    def _read(self, name: str) -> Any:
        return self._fields[name].value

    def _add(self, _: Any) -> None:
        names = ("idea", "owner", "segment", "cost")
        self.state = put_on(self.state, NewIdea(**{name: self._read(name) for name in names}))
        if not self.state.trouble:
            for name, empty in (("idea", ""), ("owner", ""), ("cost", 0.0)):
                self._fields[name].value = empty
        self._show()

    def _decide(self, _: Any) -> None:
        number = self._read("which")
        if number is not None:
            said = Decision(number, self._read("status"), self._read("campaign"))
            self.state = decide(self.state, said)
            self._show()

    def _remove(self, _: Any) -> None:
        number = self._read("which")
        if number is not None:
            self.state = take_off(self.state, number)
            self._show()

    def _follow(self, _: Any) -> None:
        """The lower half says what is on file of the idea that was chosen."""
        number = self._read("which")
        for one in self.board.ideas:
            if one.number == number:
                self._fields["status"].value = one.status
                self._fields["campaign"].value = one.campaign

    def _show(self) -> None:
        which, board = self._fields["which"], self.board
        w = board.wording
        chosen = which.value
        which.options = [
            (
                w.say("ideas.form.option", number=str(one.number), idea=board.told(one.number)),
                one.number,
            )
            for one in board.ideas
        ]
        numbers = [one.number for one in self.board.ideas]
        # A list that was empty chooses nothing by itself when it fills.
        which.value = chosen if chosen in numbers else next(iter(numbers), None)
        for name in ("which", "status", "campaign", "ideas.form.record", "ideas.form.remove"):
            self._fields[name].disabled = not self.board.ideas
        self._message.value = _message(self.state)
        self._shown.value = render(self.board)
        # A message is about the step just taken; the next look at the board is without it.
        self.state = replace(self.state, said="", trouble=False)


def _message(state: BoardState) -> str:
    """What the form says about the last step; read out by a screen reader."""
    role = "alert" if state.trouble else "status"
    return f'<p role="{role}" style="min-height:1.4em">{escape(state.said)}</p>'


def _segments(board: IdeaBoard) -> list[tuple[str, str]]:
    """For whom an idea can be: everybody, then the segments that somebody is in."""
    w = board.wording
    found = []
    for code, one in board.judging.concerned.segments.items():
        if code == EVERYBODY:
            found.append((one.name, code))
        elif one.active:
            found.append((w.say(f"segwhat.option.{one.scheme}", name=one.name), code))
    return found
