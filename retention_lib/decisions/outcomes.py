"""What came of a plan: the filled-in files read back, and what they add to the base."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from retention_lib.base.customer_base import CustomerBase, require_base
from retention_lib.decisions._outcomes_added import (
    added_rows,
    base_with,
    check_folder,
    save_into,
)
from retention_lib.decisions._outcomes_files import files_of, language_of, read_parts
from retention_lib.decisions._outcomes_judged import is_contact, judge_rows, shown
from retention_lib.decisions._plan_files_frames import actions_frame, held_out_frame
from retention_lib.decisions._plan_files_layout import (
    RESULTS,
    PlanLike,
    channel_word,
    folded,
    result_word,
)
from retention_lib.decisions.plan_files import HELD_OUT
from retention_lib.errors import ChoiceError, InputError
from retention_lib.results import Listing, Result
from retention_lib.wording import Sentence, Wording, spoken

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["OutcomesResult", "read_outcomes"]

_COUNTED_BY = ("channel", "owner", "journey")


def read_outcomes(
    path: str | Path | list[str | Path], *, plan: PlanLike | None = None
) -> OutcomesResult:
    r"""Read back the files of a plan in which was noted what was done and what it came to.

    One row an action that came back and can be used; the others are in ``.set_aside`` with the
    reason, so that rows read are rows kept plus rows set aside. A row of the same action in two
    files counts once: the last one filled in stands. The trap: an action that nobody filled in
    is one that was not done, so wait until everybody has sent the file back.

    Parameters
    ----------
    path
        The Excel or CSV file that came back, several of them, or their folder. It may have been
        saved by Excel in any language: semicolons, cp1252, dates in any usual form, ``oui``,
        ``x``, ``fait``. The control group is read from the same workbook, or from the
        ``…_held_out.csv`` beside a CSV.
    plan
        The plan as it was made (the result of :func:`retention_lib.make_plan`); with it actions
        whose rows were deleted are known to be missing, rows of another plan are set aside, and
        the control group need not be in the files.

    Raises
    ------
    InputError
        Where a file cannot be read, holds no list of a plan, or is a masked copy.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder, "calls.csv")
    ...     _ = file.write_text("plan_id;customer_id;date;channel;done;result\n"
    ...                         "PLAN-1;C1;05/01/2026;call;oui;accepté\n"
    ...                         "PLAN-1;C2;19/01/2026;call;x;refus\n", encoding="cp1252")
    ...     outcomes = read_outcomes(file)
    >>> outcomes.to_frame()[["customer_id", "date", "done", "reached", "result"]]
      customer_id        date  done  reached    result
    0          C1  2026-01-05  True     True  accepted
    1          C2  2026-01-19  True     True  declined
    """
    files = files_of(path)
    parts = [part for file in files for part in read_parts(file)]
    if plan is None:
        parts += [part for file in files for part in _held_beside(file)]
    wording = plan.wording if plan is not None else Wording(spoken(language_of(parts)), "")
    lists = [part for part in parts if {"done", "result"} & set(part)]
    if not lists:
        raise InputError(
            f"{files[0].name} lists only the control group; read the file with the actions, or "
            f"both."
        )
    rows = _joined(lists)
    held_out = _held_out(parts, plan)
    if plan is not None:
        rows["customer_id"] = _own_codes(rows["customer_id"], plan)
    elsewhere = _elsewhere(rows, plan, wording)
    kept, aside = judge_rows(rows.drop(index=elsewhere.index), wording)
    kept = kept if plan is None else _completed(kept, plan)
    aside = _joined([aside, elsewhere])
    return OutcomesResult(
        _columns(shown(kept, wording)),
        wording=wording,
        assumptions=_assumptions(wording, files, plan, held_out),
        set_aside=_aside_columns(aside),
        held_out=held_out,
        planned=_planned(kept, plan, wording),
        rows_read=len(rows),
        refused=_refused(kept, aside),
    )


@dataclass(frozen=True, repr=False, eq=False)
class OutcomesResult(Result):
    """What came of each planned action, by day.

    Columns: ``plan_id, customer_id, name, date`` (done on, else planned for), ``channel, owner,
    journey, done, reached`` (missing where nobody can know, as of a letter), ``result`` (in
    words), ``note``; hidden ``step_code, channel_code, journey_code, result_code`` (accepted,
    declined, no_answer, call_back, left, unsubscribed, wrong_contact, other), ``purpose,
    planned_on, cost, minutes, expected_profit``.

    ``set_aside``: the rows that cannot be used: ``file, sheet, row, customer_id, reason,
    reason_code`` and the cells as they stand. ``held_out``: ``plan_id, customer_id, journey`` of
    the control group, as far as the files or the plan tell. ``planned``: one row an action that
    was planned, whether it came back or not. ``refused``: who wants no more contact, also from
    rows set aside.
    """

    formats: ClassVar[Mapping[str, str]] = {"cost": "money", "expected_profit": "money"}
    hidden: ClassVar[tuple[str, ...]] = (
        "step_code",
        "channel_code",
        "journey_code",
        "result_code",
        "purpose",
        "planned_on",
        "cost",
        "minutes",
        "expected_profit",
    )
    telling: ClassVar[tuple[str, ...]] = ("note",)

    set_aside: pd.DataFrame = field(kw_only=True)
    held_out: pd.DataFrame = field(kw_only=True)
    planned: pd.DataFrame = field(kw_only=True)
    rows_read: int = field(kw_only=True)
    refused: tuple[str, ...] = field(kw_only=True)

    @property
    def rows_kept(self) -> int:
        """How many rows can be used: all that were read but for those set aside."""
        return len(self.table)

    @property
    def missing(self) -> int:
        """How many planned actions did not come back; they count as not done."""
        return max(len(self.planned) - len(self.table), 0)

    def sentence(self) -> str:
        """How much of the plan was done, whom it reached, what it came to, what was set aside."""
        return " ".join([f"{self.finding()}.", *self._remarks()])

    def finding(self) -> str:
        """The sentence without its full stop and without what was set aside or is missing."""
        w, table = self.wording, self.table
        plans = w.listing([str(code) for code in sorted(self.planned["plan_id"].unique())])
        done = int(table["done"].sum())
        if not done:
            return w.say("outcomes.nothing_done", plan=plans, planned=len(self.planned))
        talks = table[is_contact(table) & table["reached"].notna()]
        said = w.say("outcomes.done", plan=plans, done=done, planned=len(self.planned))
        if len(talks):
            reached = int(talks["reached"].astype(bool).sum())
            said = w.say("outcomes.reached", said=said, reached=reached, tried=len(talks))
        came = [
            w.say(f"outcomes.came.{code}", count=count)
            for code in (*RESULTS, "other")
            if (count := int((table["result_code"] == code).sum()))
            and code not in ("no_answer", "wrong_contact")
        ]
        results = w.listing(came)
        return w.say("outcomes.came_to", said=said, results=results) if came else said

    def _remarks(self) -> list[str]:
        w, said = self.wording, []
        if len(self.set_aside):
            said.append(w.say("outcomes.set_aside", rows=len(self.set_aside)))
        if self.missing:
            said.append(w.say("outcomes.missing", rows=self.missing))
        if self.held_out.empty:
            said.append(w.say("outcomes.no_control"))
        return said

    def counts(self, *, by: str = "channel") -> Listing:
        """How much was planned, done, reached and accepted, by channel, owner or journey.

        Raises ``ChoiceError`` where ``by`` is none of the three.
        """
        if by not in _COUNTED_BY:
            raise ChoiceError("by", by, _COUNTED_BY)
        w = self.wording
        came = self.table.assign(
            reached=self.table["reached"].fillna(False).astype(int),
            accepted=(self.table["result_code"] == "accepted").astype(int),
            refused=self.table["result_code"].isin(["declined", "unsubscribed", "left"]),
        )
        sums = came.groupby(by)[["done", "reached", "accepted", "refused"]].sum().astype(int)
        sums.insert(0, "planned", self.planned.groupby(by).size())
        sums = sums.sort_values("planned", ascending=False, kind="stable").reset_index()
        return Listing(sums, wording=w, said=self.finding() + ".", assumptions=self.assumptions)

    def reasons(self) -> Listing:
        """The rows set aside, each with its place in the file and the reason."""
        w, rows = self.wording, len(self.set_aside)
        names = ("file", "sheet", "row", "customer_id", "reason")
        table = self.set_aside[[name for name in names if name in self.set_aside]]
        table = table.assign(row=table["row"].astype(str)) if rows else table
        said = w.say("outcomes.set_aside" if rows else "outcomes.none_aside", rows=rows)
        return Listing(table, wording=w, said=said)

    def add_to(self, base: CustomerBase) -> CustomerBase:
        """The base with the contacts made, what customers said, and who was in which group.

        Interactions: each action done (tasks are no contact) and, incoming, who wants no more
        contact or announced to leave. Customers: who wants no more contact is not contactable.
        Campaigns, under the plan's code: every customer of the plan that was in the draw, treated
        whether the action was done or not, and the control group; all dated on the plan's first
        day, so that both are followed equally long; the cost is that of what was done. Customers
        whom no lot could hold back (the hot ones) are not among them. A contact that the base
        knows already is not counted twice, and adding the same results again changes nothing.

        The trap: what lies after the base's ``as_of`` is on file but not seen until the base is
        seen from a later day.
        """
        require_base(base)
        return base_with(base, added_rows(self))

    def save(self, folder: str | Path) -> Path:
        """Add the same to a workbook's tables on disk, for good; gives the folder.

        Each table is written beside and then renamed, so that an interruption leaves the old one.
        Raises ``InputError`` where the folder is no workbook or one of the samples, which stay as
        they are.
        """
        place = check_folder(folder)
        save_into(place, added_rows(self))
        return place

    def saved_sentence(self) -> Sentence:
        """What adding these results to a base or a workbook brings."""
        added = added_rows(self)
        group = added["campaigns"].get("group")
        treated = int((group == "treated").sum()) if group is not None else 0
        return Sentence(
            self.wording.say(
                "outcomes.adds",
                contacts=int((added["interactions"].get("direction") == "out").sum())
                if len(added["interactions"])
                else 0,
                treated=treated,
                control=len(added["campaigns"]) - treated,
                refused=len(self.refused),
            )
        )


# --- reading -----------------------------------------------------------------------------------


def _held_beside(file: Path) -> list[pd.DataFrame]:
    """The control group in the file beside a CSV; nothing where there is none, or nobody in it."""
    held = file.with_name(f"{file.stem}{HELD_OUT}{file.suffix}")
    if file.suffix.lower() != ".csv" or file.stem.endswith(HELD_OUT) or not held.exists():
        return []
    try:
        return read_parts(held)
    except InputError:
        return []


def _joined(parts: list[pd.DataFrame]) -> pd.DataFrame:
    import pandas as pd

    for part in parts:
        part.attrs = {}
    whole = pd.concat(parts, ignore_index=True)
    texts = [name for name in whole.columns if name != "row"]
    whole[texts] = whole[texts].astype(object).where(whole[texts].notna(), "")
    return whole


def _held_out(parts: list[pd.DataFrame], plan: PlanLike | None) -> pd.DataFrame:
    """The control group: of the plan, else of the files."""
    import pandas as pd

    columns = ["plan_id", "customer_id", "journey"]
    if plan is not None:
        table = held_out_frame(plan)
    else:
        held = [part for part in parts if "group" in part and "done" not in part]
        table = _joined(held) if held else pd.DataFrame(columns=columns)
    for name in columns:
        if name not in table:
            table[name] = ""
    table = table[table["customer_id"] != ""]
    return table[columns].drop_duplicates(["plan_id", "customer_id"]).reset_index(drop=True)


def _own_codes(found: pd.Series[Any], plan: PlanLike) -> pd.Series[Any]:
    """Customers' codes as the plan has them: Excel makes 7 of 007 when it opens a CSV."""
    own = set(plan.table["customer_id"].astype(str))
    bare: dict[str, list[str]] = {}
    for code in own:
        bare.setdefault(code.lstrip("0"), []).append(code)
    meant = {
        code: bare[code.lstrip("0")][0]
        for code in found.unique()
        if code and code not in own and len(bare.get(code.lstrip("0"), ())) == 1
    }
    return found.map(lambda code: meant.get(code, code))


def _elsewhere(rows: pd.DataFrame, plan: PlanLike | None, w: Wording) -> pd.DataFrame:
    """Rows of another plan, or of customers that the plan has no action for."""
    if plan is None:
        return rows.iloc[:0]
    coded = rows["plan_id"] if "plan_id" in rows else rows["customer_id"].map(lambda _: "")
    other = coded.ne("") & coded.ne(plan.plan_id)
    unknown = rows["customer_id"].ne("") & ~rows["customer_id"].isin(plan.table["customer_id"])
    rows.loc[coded.eq("") & ~unknown, "plan_id"] = plan.plan_id
    away = rows[other | unknown].copy()
    away["reason_code"] = ["other_plan" if mixed else "not_in_plan" for mixed in other[away.index]]
    away["reason"] = [
        w.say(f"outcomes.aside.{code}", other=str(row.get("plan_id", "")))
        for code, (_, row) in zip(away["reason_code"], away.iterrows(), strict=True)
    ]
    return away


def _planned(kept: pd.DataFrame, plan: PlanLike | None, w: Wording) -> pd.DataFrame:
    """One row a planned action: of the plan, else those that came back, in either case once."""
    import pandas as pd

    names = ["plan_id", "customer_id", "date", "channel", "owner", "journey"]
    names += ["journey_code", "purpose"]
    if plan is not None:
        table = actions_frame(plan)
    else:
        table = kept.assign(date=kept["planned_on"].fillna(kept["date"]))
        table["channel"] = [channel_word(w, str(code)) for code in table["channel_code"]]
    for name in names:
        if name not in table:
            table[name] = ""
    table = table[names].copy()
    table["date"] = pd.to_datetime(table["date"])
    return table


def _completed(kept: pd.DataFrame, plan: PlanLike) -> pd.DataFrame:
    """What a file leaves out of an action and the plan knows: what it costs, whose it is."""
    known = actions_frame(plan).drop_duplicates(["customer_id", "step_code"])
    known = known.set_index(["customer_id", "step_code"])
    keys = list(zip(kept["customer_id"], kept["step_code"], strict=True))
    for name in ("name", "owner", "journey", "journey_code", "purpose", "cost", "minutes"):
        if name in known:
            told = kept[name].notna() & (kept[name] != "")
            planned = known[name].reindex(keys).set_axis(kept.index)
            kept[name] = kept[name].where(told, planned.where(planned.notna(), kept[name]))
    return kept


def _refused(kept: pd.DataFrame, aside: pd.DataFrame) -> tuple[str, ...]:
    found: set[str] = set()
    for part in (kept, aside):
        if "result_code" in part:
            said = part["result_code"] == "unsubscribed"
            found |= set(part.loc[said, "customer_id"])
        elif "result" in part:
            stop = folded("unsubscribed")
            found |= set(part.loc[part["result"].map(folded) == stop, "customer_id"])
    return tuple(sorted(found - {""}))


def _columns(table: pd.DataFrame) -> pd.DataFrame:
    first = ["plan_id", "customer_id", "name", "date", "channel", "owner", "journey", "done"]
    first += ["reached", "result", "note", "step_code", "channel_code", "journey_code"]
    first += ["result_code", "purpose", "planned_on", "cost", "minutes", "expected_profit"]
    return table[[name for name in first if name != "name" or table["name"].ne("").any()]]


def _aside_columns(aside: pd.DataFrame) -> pd.DataFrame:
    first = ["file", "sheet", "row", "customer_id", "reason", "reason_code"]
    rest = [name for name in aside.columns if name not in first]
    return aside.reindex(columns=[*first, *rest])


def _assumptions(
    w: Wording, files: list[Path], plan: PlanLike | None, held_out: pd.DataFrame
) -> dict[str, object]:
    return {
        "outcomes_files": w.listing([file.name for file in files]),
        "outcomes_blank": w.say("outcomes.blank_is_not_done"),
        "outcomes_control": w.say(
            "outcomes.control_from_plan" if plan is not None else "outcomes.control_from_files",
            customers=len(held_out),
        ),
        "outcomes_words": w.listing([result_word(w, code) for code in RESULTS]),
    }
