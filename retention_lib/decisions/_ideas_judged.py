"""What is said of each idea on the board: what it must bring, how to prove it, what to do."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from retention_lib.base.customer_base import CustomerBase
from retention_lib.base.known_names import known_names, without_names
from retention_lib.decisions._campaign_none import NoCampaignResult
from retention_lib.decisions._campaign_not_drawn import NotDrawnResult
from retention_lib.decisions._campaign_words import say_money
from retention_lib.decisions._holdout_sizes import say_count
from retention_lib.decisions._ideas_file import LONGEST, Idea
from retention_lib.decisions._ideas_proof import Proof, Proving
from retention_lib.decisions._ideas_worth import Concerned, Needed, needed_gain
from retention_lib.decisions.campaigns import measure_campaign
from retention_lib.errors import RetentionError
from retention_lib.masking import masks

if TYPE_CHECKING:
    import pandas as pd

    from retention_lib.decisions.segment_what_if import SegmentFacts
    from retention_lib.wording import Wording

_MISSING = float("nan")
_LEAST = 0.1


@dataclass(frozen=True)
class Outcome:
    """What became of an idea: the verdict, what was left over, and the same in words.

    ``code``: ``earned``, ``lost``, ``not_proved``, ``cannot_tell``, ``not_randomised``; empty
    where it has not been tried.
    """

    code: str = ""
    net: float = _MISSING
    said: str = ""


@dataclass(eq=False)
class Judging:
    """All that ideas are judged by, looked up once for a base and shared by its boards."""

    base: CustomerBase
    concerned: Concerned = field(init=False)
    proving: Proving = field(init=False)
    _outcomes: dict[str, Outcome] = field(default_factory=dict)
    _judged: dict[tuple[Idea, bool], Judged] = field(default_factory=dict)
    _names: dict[str, str] | None = None

    def __post_init__(self) -> None:
        self.concerned, self.proving = Concerned(self.base), Proving(self.base)

    def judge(self, idea: Idea) -> Judged:
        """One idea with everything that is known of it; looked up again only where it changed."""
        asked = (idea, masks())
        if asked not in self._judged:
            self._judged[asked] = self._judge(self._shown(idea))
        return self._judged[asked]

    def _shown(self, idea: Idea) -> Idea:
        """The idea as a room may read it: where names are masked, without those the base knows."""
        if not masks():
            return idea
        said, note = (self.nameless(text)[:LONGEST] for text in (idea.idea, idea.note))
        return replace(idea, idea=said, note=note)

    def nameless(self, text: str) -> str:
        """A text without the names that the base knows; they are looked up once."""
        if self._names is None:
            self._names = known_names(self.base)
        return without_names(text, self._names)

    def _judge(self, idea: Idea) -> Judged:
        segment = self.concerned.segment(idea.segment)
        outcome = self._outcome(idea)
        if segment is None:
            return Judged(idea, None, None, Proof("no_gain", 0), outcome, self.base.wording)
        measure = self.concerned.facts.measure
        needed = needed_gain(segment, idea.cost, self.base.wording, measure)
        proof = self.proving.prove(segment, needed.likely)
        return Judged(idea, segment, needed, proof, outcome, self.base.wording, measure)

    def _outcome(self, idea: Idea) -> Outcome:
        w = self.base.wording
        if idea.campaign:
            if idea.campaign not in self._outcomes:
                self._outcomes[idea.campaign] = self._measured(idea.campaign)
            found = self._outcomes[idea.campaign]
        elif idea.net is not None:
            code = "not_proved"
            if idea.proved:
                code = "earned" if idea.net > 0 else "lost"
            how = w.say(f"ideas.result.{'proved' if idea.proved else 'unproved'}")
            said = w.say("ideas.result.typed", net=say_money(idea.net, w), proved=how)
            found = Outcome(code, idea.net, said)
        else:
            return Outcome()
        if not idea.note:
            return found
        said = w.say("ideas.result.noted", result=found.said, note=idea.note)
        return Outcome(found.code, found.net, said)

    def _measured(self, campaign: str) -> Outcome:
        w = self.base.wording
        try:
            result = measure_campaign(self.base, campaign)
        except RetentionError:
            # Recorded on a base that knew the campaign; this one does not, or not yet.
            return self._untold(campaign, "cannot_tell")
        if isinstance(result, NotDrawnResult | NoCampaignResult):
            return self._untold(campaign, "not_randomised")
        net = result.money.net
        if result.verdict_code == "cannot_tell" or net.value != net.value:
            return self._untold(campaign, "cannot_tell")
        said = w.say(
            "ideas.result.campaign",
            campaign=campaign,
            verdict=w.say(f"ideas.verdict.{result.verdict_code}"),
            net=say_money(net.value, w),
            low=say_money(net.low, w),
            high=say_money(net.high, w),
        )
        return Outcome(result.verdict_code, net.value, said)

    def _untold(self, campaign: str, code: str) -> Outcome:
        w = self.base.wording
        verdict = w.say(f"ideas.verdict.{code}")
        said = w.say("ideas.result.campaign_untold", campaign=campaign, verdict=verdict)
        return Outcome(code, said=said)


@dataclass(frozen=True)
class Judged:
    """An idea, the customers it is for, what it must bring, what would prove it, its result."""

    idea: Idea
    segment: SegmentFacts | None
    needed: Needed | None
    proof: Proof
    outcome: Outcome
    wording: Wording
    measure: str = "margin"

    @property
    def code(self) -> str:
        """What can be said of it before it is tried.

        ``gone``, ``nobody``, ``free``, ``never``, ``provable`` or ``unprovable``.
        """
        if self.segment is None or self.needed is None:
            return "gone"
        if not self.segment.active:
            return "nobody"
        if not self.idea.cost:
            return "free"
        if math.isinf(self.needed.likely):
            return "never"
        return "provable" if self.proof.code == "provable" else "unprovable"

    @property
    def to_do(self) -> str:
        """What to do with it, as a code."""
        if self.idea.status == "stopped":
            return "stopped"
        if self.outcome.code:
            known = {"earned": "keep", "lost": "stop_loss"}
            return known.get(self.outcome.code, "prove_again")
        if self.idea.status == "kept":
            return "stop"
        if self.idea.status == "running":
            return "finish" if self.code in ("provable", "free") else "stop"
        return {
            "gone": "other",
            "nobody": "other",
            "free": "try",
            "never": "drop",
            "provable": "hold_back",
            "unprovable": "wider",
        }[self.code]

    @property
    def must_stop(self) -> bool:
        """Whether it goes on although it has proved, or can prove, nothing."""
        going_on = self.idea.status in ("running", "kept")
        return going_on and self.to_do in ("stop", "stop_loss", "prove_again")

    def segment_name(self) -> str:
        """The name of its customers; the code where this base has no such segment."""
        return self.segment.name if self.segment is not None else self.idea.segment

    def needed_said(self) -> str:
        """What it must bring, in the words of a table."""
        w, needed = self.wording, self.needed
        if needed is None:
            return w.say("ideas.needed_gone")
        if self.code in ("nobody", "free"):
            return w.say(f"ideas.needed_{self.code}")
        revenue = "" if self.measure == "margin" else "_revenue"
        each = say_each(needed.each, w)
        if self.code == "never":
            return w.say(f"ideas.needed_never{revenue}", each=each)
        said = w.say(
            "ideas.needed",
            kept=say_kept(needed.kept, w),
            low=say_kept(needed.kept_low, w),
            high=say_kept(needed.kept_high, w),
            points=say_points(needed.likely, w),
        )
        return w.say(f"ideas.needed_each{revenue}", needed=said, each=each)

    def proof_said(self) -> str:
        """What would prove it, or why nothing can."""
        w, proof = self.wording, self.proof
        values: dict[str, Any] = {"customers": proof.customers}
        key = proof.code
        if key in ("provable", "invisible"):
            values |= {"share": w.percent(proof.share, decimals=0), "days": proof.days}
        if key == "provable":
            values["held"] = proof.held
        elif key == "invisible":
            values["points"] = say_points(proof.detectable_year, w)
            if math.isfinite(proof.needed):
                key = "invisible_needed"
                values["needed"] = say_count(proof.needed, w)
        return w.say(f"ideas.proof.{key}", **values)

    def sentence(self) -> str:
        """One sentence to say of it."""
        w, idea = self.wording, self.idea
        cost = w.money(idea.cost)
        if self.outcome.said:
            return w.say("ideas.one_result", idea=idea.idea, result=self.outcome.said)
        name = self.segment_name()
        if self.segment is None or self.needed is None:
            return w.say("ideas.one_gone", idea=idea.idea, segment=name, number=idea.number)
        if self.code == "nobody":
            return w.say("ideas.one_nobody", idea=idea.idea, segment=name)
        if self.code == "free":
            return w.say("ideas.one_free", idea=idea.idea, proof=self.proof_said())
        if self.code == "never":
            return w.say(
                "ideas.one_never", idea=idea.idea, cost=cost, customers=self.segment.active
            )
        gain = w.say(
            "ideas.gain",
            kept=say_kept(self.needed.kept, w),
            customers=self.segment.active,
            points=say_points(self.needed.likely, w),
            low=say_kept(self.needed.kept_low, w),
            high=say_kept(self.needed.kept_high, w),
        )
        proof = self.proof_said()
        if self.code == "provable":
            proof = w.say("ideas.to_prove", proof=proof)
        return w.say("ideas.one", idea=idea.idea, cost=cost, gain=gain, proof=proof)

    def row(self) -> dict[str, Any]:
        """The row of the board."""
        w, idea, needed, proof = self.wording, self.idea, self.needed, self.proof
        active = self.segment.active if self.segment is not None else 0
        return {
            "number": idea.number,
            "idea": idea.idea,
            "owner": idea.owner,
            "segment": self.segment_name(),
            "active_customers": active,
            "lost_a_year": self.segment.at_risk if self.segment is not None else _MISSING,
            "yearly_cost": idea.cost,
            "must_bring": self.needed_said(),
            "proved_by": self.outcome.said or self.proof_said(),
            "idea_status": w.say(f"ideas.status.{idea.status}"),
            "what_to_do": w.say(f"ideas.todo.{self.to_do}"),
            "tried": self.outcome.said,
            "segment_code": idea.segment,
            "status_code": idea.status,
            "verdict_code": self.outcome.code,
            "net": self.outcome.net,
            "to_do_code": self.to_do,
            "judged_code": self.code,
            "points": needed.likely if needed else _MISSING,
            "points_low": needed.low if needed else _MISSING,
            "points_high": needed.high if needed else _MISSING,
            "kept": needed.kept if needed else _MISSING,
            "margin_each": needed.each if needed else _MISSING,
            "proof_code": proof.code,
            "detectable_points": proof.detectable_year,
            "share_held": proof.share,
            "days": proof.days,
            "customers_needed": proof.needed,
        }


COLUMNS: Mapping[str, str] = {
    "number": "int64",
    "idea": "object",
    "owner": "object",
    "segment": "object",
    "active_customers": "int64",
    "lost_a_year": "float64",
    "yearly_cost": "float64",
    "must_bring": "object",
    "proved_by": "object",
    "idea_status": "object",
    "what_to_do": "object",
    "tried": "object",
    "segment_code": "object",
    "status_code": "object",
    "verdict_code": "object",
    "net": "float64",
    "to_do_code": "object",
    "judged_code": "object",
    "points": "float64",
    "points_low": "float64",
    "points_high": "float64",
    "kept": "float64",
    "margin_each": "float64",
    "proof_code": "object",
    "detectable_points": "float64",
    "share_held": "float64",
    "days": "int64",
    "customers_needed": "float64",
}


def table_of(judged: Sequence[Judged]) -> pd.DataFrame:
    """The board as a table, in the order in which the ideas came."""
    import pandas as pd

    rows = [one.row() for one in judged]
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype(dict(COLUMNS))


def say_kept(customers: float, wording: Wording) -> str:
    """Customers to keep: with a decimal where they are few."""
    if math.isinf(customers):
        return wording.say("ideas.perhaps_never")
    if 0 < customers < _LEAST:
        return wording.say("ideas.under_tenth", least=wording.number(_LEAST, decimals=1))
    return wording.number(customers, decimals=1 if customers < 10 else 0)


def say_points(points: float, wording: Wording) -> str:
    """Percentage points in words."""
    if math.isinf(points):
        return wording.say("ideas.perhaps_never")
    if 0 < points < _LEAST:
        said = wording.say("ideas.under_tenth", least=wording.number(_LEAST, decimals=1))
        return wording.say("ideas.points", points=said, count=points)
    return wording.say("ideas.points", points=wording.number(points, decimals=1), count=points)


def say_each(money: float, wording: Wording) -> str:
    """An amount a customer; small ones to the cent."""
    return wording.money(money, decimals=2 if abs(money) < 10 else 0)
