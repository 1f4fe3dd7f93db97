"""Who responds to contact: learnt from campaigns drawn by lot, and used only where it wins.

Most who are likely to leave leave all the same, and many who are contacted would have bought
anyway. Who changes their mind can only be learnt where a lot decided who was contacted; and
whether it was learnt is told by customers that the learner was not shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from retention_lib import progress
from retention_lib.base.customer_base import CustomerBase, require_base
from retention_lib.decisions._uplift_choice import choose, too_few
from retention_lib.decisions._uplift_facts import gather_uplift, seen_now
from retention_lib.decisions._uplift_learners import learn, learn_unseen
from retention_lib.decisions._uplift_learnt import MOST, Learnt, expected, relative
from retention_lib.decisions._uplift_qini import Curves, compare_rankings
from retention_lib.decisions._uplift_tables import (
    COLUMNS,
    KINDS,
    about,
    assumptions,
    gain_at,
    made_under,
    points,
    table,
    thirds,
    won,
)
from retention_lib.decisions.past_campaigns import past_effects
from retention_lib.errors import InputError
from retention_lib.results import Listing, Result

if TYPE_CHECKING:
    import pandas as pd


MOST_TIMES = 20
"""A lead that would take a campaign so many times as large to prove is not spoken of."""

_POWER = 1.6448536269514722 + 0.8416212335729143


def learn_uplift(
    base: CustomerBase, *, campaign_id: str | None = None, days: int = 90, seed: int = 0
) -> UpliftResult:
    """Learn who responds to contact from campaigns drawn by lot, and whether that can be told.

    One row a ranking of the customers: by what three learners say of customers that they were
    not shown, by the risk of buying nothing, and by lot. ``qini`` is the area between the
    ranking's curve and that of a list drawn by lot: the buyers won a 100 customers on file, beyond
    those of a lot, on average over all sizes of the list. The trap: a ranking that looks better
    need not be; ``.wins`` is true only where 90 % ranges of what it has more than a lot *and* than
    the ranking by risk lie above nothing, and offers and the plan use it only then.

    Parameters
    ----------
    base
        The customer base; nothing after its ``as_of`` is looked at, and nothing of a campaign's
        day or later is known to the learners.
    campaign_id
        The campaign to learn from; ``None`` is the latest that can be learnt from, together with
        earlier ones of the same offer.
    days
        Days after the campaign in which a purchase counts (1 or more), or as many as have passed.
    seed
        What the parts are drawn with (a whole number, 0 or more).

    Raises
    ------
    InputError
        Where ``days`` or ``seed`` is no such whole number.
    ChoiceError
        Where no campaign has that code.

    References
    ----------
    Radcliffe 2007, "Using control groups to target on predicted lift", for the curve; Kennedy
    2023, doi 10.1214/23-EJS2157, for the learners.

    Examples
    --------
    >>> from retention_lib import simulate_base
    >>> base, truth = simulate_base(60, seed=1)
    >>> learn_uplift(base).wins
    False
    """
    require_base(base)
    _check("days", days, 1, "such as 90")
    _check("seed", seed, 0, "such as 0")
    past = past_effects(base, horizon_days=days)
    campaigns, why = choose(base, past, campaign_id)
    if not campaigns:
        return _nothing(base, why, days)
    with progress.steps(base.wording, "uplift", total=3) as step:
        step("uplift_facts")
        facts = gather_uplift(base, campaigns)
        short = too_few(facts, base.wording)
        if short:
            return _nothing(base, short, days)
        step("uplift_learn")
        unseen = learn_unseen(facts, seed=seed)
        step("uplift_judge")
        rankings = {"response": unseen.together, "risk": unseen.risk, **unseen.uplift}
        curves = compare_rankings(facts, rankings, seed=seed)
    learnt = Learnt(facts, unseen, curves, learn(facts, seed=seed), tuple(campaigns))
    return UpliftResult(
        table(learnt, base.wording),
        wording=base.wording,
        assumptions=assumptions(base, learnt, days),
        learnt=learnt,
        untold="",
    )


@dataclass(frozen=True, repr=False, eq=False)
class UpliftResult(Result):
    """Whether anybody can tell who responds: one row a ranking of the customers.

    Columns: ``ordered_by``; ``won_fifth, won_half`` (buyers won, a 1,000 customers on file, where
    the first fifth or half of the ranking is contacted); ``qini`` (see :func:`learn_uplift`),
    ``qini_range`` (in words, 90 % sure) and for code ``ranking_code`` (``response``, ``risk``,
    ``lot``), ``qini_low, qini_high``. No rows where nothing could be learnt; ``untold`` then says
    why. ``wins``: whether who responds can be told better than by lot and by risk.
    """

    chart: ClassVar[str] = "uplift_charts.plot_qini"
    hidden: ClassVar[tuple[str, ...]] = ("ranking_code", "qini_low", "qini_high")
    formats: ClassVar[Mapping[str, str]] = {
        "won_fifth": "decimal",
        "won_half": "decimal",
        "qini": "decimal",
    }

    learnt: Learnt | None = field(kw_only=True)
    untold: str = field(kw_only=True)

    @property
    def wins(self) -> bool:
        """Whether the ranking by response beats a lot and the ranking by risk, 90 % sure."""
        if self.learnt is None:
            return False
        curves = self.learnt.curves
        ahead = [curves.interval("response")[0], curves.interval("response", "risk")[0]]
        return min(ahead) > 0

    @property
    def curves(self) -> Curves | None:
        """The Qini curves, for a picture; ``None`` where nothing could be learnt."""
        return None if self.learnt is None else self.learnt.curves

    def sentence(self) -> str:
        """Whether who responds can be told, and what that is worth."""
        return self.untold or f"{self.finding()} {self._so_what()}"

    def finding(self) -> str:
        """The first half of the sentence, for a title."""
        if self.learnt is None:
            return self.untold
        w, curves = self.wording, self.learnt.curves
        values = {
            "customers": len(self.learnt.facts),
            "ours": gain_at(curves, "response", 0.5),
            "risk": gain_at(curves, "risk", 0.5),
            "lot": curves.effect * 0.5,
        }
        said = {name: won(value, w) if isinstance(value, float) else value
                for name, value in values.items()}  # fmt: skip
        if self.wins:
            return w.say("uplift.wins", **said)
        if curves.interval("response")[0] > 0:
            return w.say("uplift.not_beyond_risk", **said)
        return w.say("uplift.not_beyond_lot", **said)

    def title(self) -> str:
        """The finding as short as the title of a picture."""
        if self.learnt is None:
            return self.untold
        w, curves = self.wording, self.learnt.curves
        if self.wins:
            ours, lot = gain_at(curves, "response", 0.5), curves.effect * 0.5
            return w.say("uplift.chart.title_wins", ours=won(ours, w), lot=won(lot, w))
        if curves.interval("response")[0] > 0:
            return w.say("uplift.chart.title_risk")
        return w.say("uplift.chart.title_lot", customers=len(self.learnt.facts))

    def picture_said(self) -> str:
        """What the picture shows, for who cannot see it."""
        rows = self.table.set_index("ranking_code")
        w = self.wording
        values = {
            "ours": w.number(rows.loc["response", "qini"], decimals=1),
            "ours_range": rows.loc["response", "qini_range"],
            "risk": w.number(rows.loc["risk", "qini"], decimals=1),
            "risk_range": rows.loc["risk", "qini_range"],
        }
        return w.say("uplift.chart.alt", finding=self.finding(), **values)

    def _so_what(self) -> str:
        w = self.wording
        if self.wins:
            return w.say("uplift.used")
        needed = self.needed()
        if needed is None:
            return w.say("uplift.unused")
        return w.say("uplift.unused_needed", needed=needed)

    def needed(self) -> int | None:
        """About how many customers in a campaign would prove a lead as large as the one seen.

        With 80 % probability; ``None`` where there is no lead worth proving, or it is proved.
        """
        if self.learnt is None or self.wins:
            return None
        curves, found = self.learnt.curves, []
        for against in (None, "risk"):
            lead = curves.area["response"] - (curves.area[against] if against else 0.0)
            if lead <= 0:
                return None
            times = (_POWER * curves.spread("response", against) / lead) ** 2
            found.append(times * len(self.learnt.facts))
        most = max(found)
        # A lead that hardly shows is no reason to send a campaign to everybody.
        return None if most > MOST_TIMES * len(self.learnt.facts) else about(most)

    def thirds(self) -> Listing:
        """What contact changed in each third of the ranking: said beforehand, and then seen.

        Columns: ``third, customers, said`` (mean of what the learners said, points), ``seen``
        (measured between contacted and held back), ``seen_range`` (95 % sure).
        """
        import pandas as pd

        w = self.wording
        rows = [] if self.learnt is None else thirds(self.learnt, w)
        names = ["third", "third_customers", "uplift_said", "uplift_seen", "uplift_range"]
        said = self.untold or w.say("uplift.thirds")
        return _Thirds(
            pd.DataFrame(rows, columns=names), wording=w, assumptions=self.assumptions, said=said
        )

    def score(self, base: CustomerBase) -> UpliftScores:
        """What contact is expected to change for each customer active on ``base.as_of``.

        See :class:`UpliftScores`. The trap: where ``wins`` is false these figures are no better
        than one figure for all; :meth:`multipliers` heeds that.
        """
        import pandas as pd

        require_base(base)
        w = base.wording
        names: list[Any] = []
        uplift, risk = np.zeros(0), np.zeros(0)
        if self.learnt is not None:
            for ids, values in seen_now(base, self.learnt.facts.columns):
                names.extend(ids)
                uplift = np.append(uplift, expected(self.learnt, values))
                risk = np.append(risk, self.learnt.responder.risk(values))
        table = pd.DataFrame(
            {
                "customer_id": pd.Series(names, dtype="str"),
                "uplift": uplift,
                "multiplier": relative(uplift, risk),
            }
        )
        table = table.sort_values(["uplift", "customer_id"], ascending=[False, True])
        return UpliftScores(
            table.reset_index(drop=True), wording=w, assumptions=self.assumptions, of=self
        )

    def multipliers(self, base: CustomerBase) -> pd.Series[float]:
        """By customer active on ``base.as_of``: how many times the average save rate it has.

        From 0 to 3, 1 on average weighted by risk; all of them 1 unless ``wins``. A customer that
        is not there has the average one too.
        """
        scores = self.score(base).table.set_index("customer_id")["multiplier"]
        return scores if self.wins else scores * 0 + 1.0


@dataclass(frozen=True, repr=False, eq=False)
class UpliftScores(Result):
    """What contact is expected to change, one row an active customer, most first.

    Columns: ``customer_id``; ``uplift`` (added to the probability of buying within the days of
    ``learn_uplift``, -1 to 1); ``multiplier`` (how many times the average customer's save rate,
    0 to 3).
    """

    formats: ClassVar[Mapping[str, str]] = {"uplift": "percent", "multiplier": "decimal"}

    of: UpliftResult = field(kw_only=True)

    def sentence(self) -> str:
        """What the most responsive are expected to do, and whether that may be relied on."""
        w, table = self.wording, self.table
        if self.of.learnt is None:
            return self.of.untold
        if table.empty:
            return w.say("uplift.nobody")
        first = table["uplift"].head(max(len(table) // 5, 1)).mean()
        key = "uplift.scores" if self.of.wins else "uplift.scores_unused"
        return w.say(
            key,
            customers=len(table),
            first=points(float(first), w),
            mean=points(float(table["uplift"].mean()), w),
        )


class _Thirds(Listing):
    formats: ClassVar[Mapping[str, str]] = {
        "third_customers": "count",
        "uplift_said": "percent",
        "uplift_seen": "percent",
    }


def _nothing(base: CustomerBase, why: str, days: int) -> UpliftResult:
    import pandas as pd

    empty = pd.DataFrame(columns=COLUMNS).astype(KINDS)
    return UpliftResult(
        empty,
        wording=base.wording,
        assumptions=made_under(base, days),
        learnt=None,
        untold=why,
    )


def _check(name: str, value: Any, least: int, example: str) -> None:
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not whole or value < least:
        raise InputError(
            f"{name} must be a whole number, {least} or more, {example}; got {value!r}."
        )


__all__ = ["MOST", "UpliftResult", "UpliftScores", "learn_uplift", "relative"]
