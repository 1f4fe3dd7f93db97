"""The idea board of a workshop: what each idea must bring, and what would prove it.

A room has ideas faster than it can try them. On the board each stands with what it costs, the
customers it is for, the gain that just pays for it, and the control group that would show such a
gain; later with its result. What cannot prove extra profit is stopped.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from retention_lib.base.customer_base import CustomerBase, require_base
from retention_lib.base.opening import open_base
from retention_lib.base.workbooks import as_path, loaded_path
from retention_lib.decisions import _ideas_file as file_of
from retention_lib.decisions._campaign_facts import campaign_ids
from retention_lib.decisions._ideas_file import Idea, Status
from retention_lib.decisions._ideas_judged import Judged, Judging, table_of
from retention_lib.decisions.segment_what_if import YEARS
from retention_lib.errors import ChoiceError, InputError
from retention_lib.masking import IDENTIFYING, mask_frame, masks
from retention_lib.results import Result
from retention_lib.wording import Sentence

if TYPE_CHECKING:
    from retention_lib.wording import Wording

__all__ = ["Idea", "IdeaBoard", "open_ideas"]

_PARTS = ("earned", "tried", "provable", "unprovable", "never", "free", "nobody", "gone", "stopped")


def open_ideas(base: CustomerBase | str | Path | None = None, *, keep: bool = True) -> IdeaBoard:
    """Open the idea board of a base: every idea with what it must bring, and what would prove it.

    The ideas are kept in ``ideas.toml`` in the workbook's folder; those about a sample or about a
    single file in ``data/mine``, for the sample is never touched. The trap: ``add`` and the like
    write at once and give back a new board, so go on with that one.

    Parameters
    ----------
    base
        The customer base, or the path of a workbook; ``None`` is the loaded workbook. Nothing
        after its ``as_of`` is looked at.
    keep
        Whether the board is the one on file, and every change is written there. With ``False`` it
        begins empty and stays in memory.

    Raises
    ------
    InputError
        Where there is no such workbook, or its ``ideas.toml`` is damaged.

    Examples
    --------
    >>> from retention_lib import simulate_base
    >>> base, truth = simulate_base(60, seed=1, language="en")
    >>> board = open_ideas(base, keep=False).add("Call who is silent", cost=100, owner="Ann")
    >>> board.to_frame()[["number", "idea", "owner", "yearly_cost"]]
       number                idea owner  yearly_cost
    0       1  Call who is silent   Ann        100.0
    """
    opened: Path | None = None
    if base is None or isinstance(base, str | PathLike):
        opened = loaded_path() if base is None else as_path(base)
        base = open_base(opened)
    require_base(base)
    if not keep:
        return _board(_judging_of(base), (), None, "")
    file = file_of.place_of(base, opened)
    ideas, read = file_of.read_ideas(file)
    return _board(_judging_of(base), ideas, file, read)


_latest: list[Judging] = []


def _judging_of(base: CustomerBase) -> Judging:
    """What was looked up for the base whose board was opened last is not looked up again."""
    for known in _latest:
        if known.base is base:
            return known
    _latest[:] = [Judging(base)]
    return _latest[0]


@dataclass(frozen=True, repr=False, eq=False)
class IdeaBoard(Result):
    """The ideas of a room, one row an idea, in the order in which they came.

    Columns: ``number, idea, owner, segment, active_customers`` (those it is for), ``lost_a_year``
    (margin of a year that leaves with those of them who leave; revenue where no margin is known),
    ``yearly_cost``, ``must_bring`` (the gain that just pays, in words), ``proved_by`` (the control
    group that would prove it, or the result), ``idea_status``, ``what_to_do``; for code
    ``segment_code, status_code`` (``idea, running, kept, stopped``), ``verdict_code`` and ``net``
    of the result, ``to_do_code, judged_code, points`` (percentage points kept more a year that
    pay; infinite where none do) with ``points_low, points_high`` (90 % sure), ``kept`` (the same
    as customers a year), ``margin_each, proof_code, detectable_points`` (the least that can be
    proved), ``share_held, days, customers_needed``.

    ``ideas``: what was written down. ``file``: where, ``None`` for in memory only.
    """

    chart: ClassVar[str] = "idea_charts.plot_ideas"
    hidden: ClassVar[tuple[str, ...]] = (
        "tried",
        "segment_code",
        "status_code",
        "verdict_code",
        "net",
        "to_do_code",
        "judged_code",
        "points",
        "points_low",
        "points_high",
        "kept",
        "margin_each",
        "proof_code",
        "detectable_points",
        "share_held",
        "days",
        "customers_needed",
    )
    formats: ClassVar[Mapping[str, str]] = {
        "number": "count",
        "active_customers": "count",
        "lost_a_year": "money",
        "yearly_cost": "money",
    }
    shown_rows: ClassVar[int] = 30

    ideas: tuple[Idea, ...] = field(kw_only=True)
    judged: tuple[Judged, ...] = field(kw_only=True)
    judging: Judging = field(kw_only=True)
    file: Path | None = field(kw_only=True)
    read: str = field(kw_only=True)

    # --- what is written on it ----------------------------------------------------------------

    def add(
        self, idea: str, *, owner: str = "", segment: str = "all", cost: float = 0.0
    ) -> IdeaBoard:
        """Give the board with one more idea; written at once where the board is kept.

        Parameters
        ----------
        idea
            The idea in a few words (up to 200 letters).
        owner
            Who sees to it; masked where names are masked.
        segment
            For whom: a segment's code or name, such as ``"at_risk"`` or ``"six:loyal"``; ``"all"``
            is every active customer.
        cost
            What it costs a year in all, in the base's currency (0 or more).

        Raises
        ------
        InputError
            Where a text is empty or too long, or the cost is no amount.
        ChoiceError
            Where there is no such segment.
        """
        number = max((one.number for one in self.ideas), default=0) + 1
        fresh = Idea(
            number,
            file_of.plain(idea, "idea"),
            owner=file_of.plain(owner, "owner"),
            segment=self.judging.concerned.code_of(segment),
            cost=file_of.amount(cost, "cost", least=0.0),
        )
        return self._with((*self.ideas, fresh))

    def change(
        self,
        number: int,
        *,
        idea: str | None = None,
        owner: str | None = None,
        segment: str | None = None,
        cost: float | None = None,
        status: Status | None = None,
    ) -> IdeaBoard:
        """Give the board with an idea changed: only what is given changes.

        ``status`` is ``idea``, ``running``, ``kept`` or ``stopped``; ``idea``, ``owner``,
        ``segment`` and ``cost`` are those of :meth:`add`. Raises as :meth:`add` does, and
        ``ChoiceError`` for an unknown number or status.
        """
        given: dict[str, Any] = {}
        if idea is not None:
            given["idea"] = file_of.plain(idea, "idea")
        if owner is not None:
            given["owner"] = file_of.plain(owner, "owner")
        if segment is not None:
            given["segment"] = self.judging.concerned.code_of(segment)
        if cost is not None:
            given["cost"] = file_of.amount(cost, "cost", least=0.0)
        if status is not None:
            given["status"] = status
        return self._changed(number, **given)

    def record_result(
        self,
        number: int,
        *,
        campaign: str = "",
        net: float | None = None,
        proved: bool = False,
        note: str = "",
    ) -> IdeaBoard:
        """Give the board with the result of an idea that was tried.

        Parameters
        ----------
        number
            The idea's number on the board.
        campaign
            The code of the campaign that tried it: its result is measured, now and whenever the
            board is opened.
        net
            Where there is no such campaign: what was left over after the cost, in money.
        proved
            Whether ``net`` comes from a comparison with customers held back by lot. Without one
            it proves nothing, and the board says so.
        note
            A word on it (up to 200 letters).

        Raises
        ------
        InputError
            Where neither or both of ``campaign`` and ``net`` are given.
        ChoiceError
            Where there is no idea of that number, or no such campaign.
        """
        code = file_of.plain(campaign, "campaign")
        if bool(code) == (net is not None):
            raise InputError(
                "Give the code of the campaign that tried the idea, campaign=…, or else what was "
                "left over, net=…; one of the two."
            )
        base = self.judging.base
        on_file = campaign_ids(base) if base.has("campaigns", "group") else []
        if code and code not in on_file:
            if not on_file:
                raise InputError(
                    f"There is no campaign on file here, so none is called {code!r}. Add a "
                    f"campaigns table, or say what was left over with net=…."
                )
            raise ChoiceError("campaign", code, on_file)
        left = None if net is None else file_of.amount(net, "net")
        said = file_of.plain(note, "note")
        return self._changed(number, campaign=code, net=left, proved=bool(proved), note=said)

    def remove(self, number: int) -> IdeaBoard:
        """Give the board without an idea. Raises ``ChoiceError`` where there is none of it."""
        gone = self.idea(number)
        return self._with(tuple(one for one in self.ideas if one is not gone))

    def again(self) -> IdeaBoard:
        """Give the board as it stands on file by now; another window may have written to it."""
        if self.file is None:
            return self
        ideas, read = file_of.read_ideas(self.file)
        return self if read == self.read else _board(self.judging, ideas, self.file, read)

    def idea(self, number: int) -> Idea:
        """The idea of that number. Raises ``ChoiceError`` where there is none."""
        for one in self.ideas:
            if one.number == number:
                return one
        raise ChoiceError("number", number, [one.number for one in self.ideas])

    def told(self, number: int) -> str:
        """An idea's words as a room may read them: behind pseudonyms where names are masked."""
        return self.judging.judge(self.idea(number)).idea.idea

    def _changed(self, number: int, **given: Any) -> IdeaBoard:
        old = self.idea(number)
        new = replace(old, **given)
        return self._with(tuple(new if one is old else one for one in self.ideas))

    def _with(self, ideas: Sequence[Idea]) -> IdeaBoard:
        read = self.read
        if self.file is not None:
            read = file_of.write_ideas(self.file, ideas, read=self.read)
        return _board(self.judging, ideas, self.file, read)

    # --- what it says -------------------------------------------------------------------------

    def sentence(self) -> str:
        """How many ideas can pay and be proved, and which programmes to stop."""
        w = self.wording
        if not self.judged:
            return w.say("ideas.none")
        counted = Counter(_part_of(one) for one in self.judged)
        parts = [w.say(f"ideas.part.{p}", ideas=counted[p]) for p in _PARTS if counted[p]]
        cost = w.money(sum(one.cost for one in self.ideas if one.status != "stopped"))
        said = w.say("ideas.said", ideas=len(self.ideas), cost=cost, parts=w.listing(parts))
        stop = self.to_stop()
        if stop:
            names = [w.say("ideas.quoted", idea=self.told(number)) for number in stop]
            said += " " + w.say("ideas.stop", names=w.listing(names))
        return said

    def sentence_of(self, number: int) -> Sentence:
        """What to say of one idea: what it must bring to pay, and what would prove it."""
        self.idea(number)
        return Sentence(next(one.sentence() for one in self.judged if one.idea.number == number))

    def to_stop(self) -> list[int]:
        """Numbers of the ideas that run or are kept although they prove no extra profit."""
        return [one.idea.number for one in self.judged if one.must_stop]

    def to_excel(self, path: str | Path, *, masked: bool | None = None) -> Path:
        """Write the board as an Excel file; gives its path.

        Texts are texts and amounts numbers; nothing in it runs as a formula. ``masked`` puts
        pseudonyms in place of the owners and of whom a text names (``None``: where
        ``RETENTION_MASK`` is 1).

        Raises ``InputError`` where ``path`` does not end in .xlsx or cannot be written.
        """
        from retention_lib.decisions._plan_files_sheets import Sheets
        from retention_lib.filing import excel_book, written

        place = as_path(path)
        if place.suffix.lower() != ".xlsx":
            raise InputError(f"The file's name ends in .xlsx, such as ideas.xlsx; got {place.name}")
        frame = self.table.drop(columns=[n for n in self.hidden if n in self.table])
        if masks(masked):
            frame = mask_frame(frame, IDENTIFYING, word=self.wording.say("mask.customer"))
            for name in frame.columns.difference([*IDENTIFYING, *self.formats]):
                texts = frame[name].map(lambda cell: isinstance(cell, str))
                frame.loc[texts, name] = frame.loc[texts, name].map(self.judging.nameless)
        kinds = {name: kind for name, kind in self.formats.items() if kind == "money"}
        kinds |= {name: "number" for name, kind in self.formats.items() if kind == "count"}
        with written(place) as beside, excel_book(beside, row_by_row=False) as book:
            sheets = Sheets(book, self.wording)
            sheet = sheets.add(self.wording.say("ideas.sheet"))
            sheets.table(sheet, frame, kinds=kinds)
            sheet.freeze_panes(1, 2)
        return place


def _board(judging: Judging, ideas: Sequence[Idea], file: Path | None, read: str) -> IdeaBoard:
    w = judging.base.wording
    judged = tuple(judging.judge(one) for one in ideas)
    return IdeaBoard(
        table_of(judged),
        wording=w,
        assumptions=_assumptions(judging, judged, file, w),
        ideas=tuple(ideas),
        judged=judged,
        judging=judging,
        file=file,
        read=read,
    )


def _assumptions(
    judging: Judging, judged: Sequence[Judged], file: Path | None, w: Wording
) -> dict[str, object]:
    said: dict[str, object] = {"as_of": judging.base.as_of}
    if judged:
        revenue = "" if judging.concerned.facts.measure == "margin" else "_revenue"
        said["ideas_needed"] = w.say(f"ideas.how.needed{revenue}", years=YEARS)
        said["ideas_proof"] = w.say("ideas.how.proof")
    # The name of the file only: a path would tell whose machine this is.
    said["ideas_kept"] = (
        w.say("ideas.not_kept") if file is None else w.say("ideas.kept_in", file=file.name)
    )
    return said


def _part_of(one: Judged) -> str:
    """Which part of the board's sentence an idea is counted in."""
    if one.idea.status == "stopped":
        return "stopped"
    if one.outcome.code:
        return "earned" if one.outcome.code == "earned" else "tried"
    return one.code
