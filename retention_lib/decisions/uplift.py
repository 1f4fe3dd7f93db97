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
from retention_lib.decisions._uplift_facts import Columns, UpliftFacts, gather_uplift, seen_now
from retention_lib.decisions._uplift_learners import Responder, Unseen, learn, learn_unseen
from retention_lib.decisions._uplift_qini import Curves, Floats, compare_rankings
from retention_lib.decisions.past_campaigns import past_effects
from retention_lib.errors import ChoiceError, InputError
from retention_lib.results import Listing, Result
from retention_lib.wording import with_minus

if TYPE_CHECKING:
    import pandas as pd

    from retention_lib.decisions.past_campaigns import PastEffectsResult
    from retention_lib.wording import Wording

FEWEST = 200
"""With fewer customers than this in either group nothing is learnt."""
FEWEST_CASES = 20
"""Nor with fewer buyers, or fewer who did not buy, in either group."""

MOST = 3.0
"""Nobody is taken to respond more than so many times as well as the average customer."""

MOST_TIMES = 20
"""A lead that would take a campaign so many times as large to prove is not spoken of."""

_LEAST_RISK = 0.05
_POWER = 1.6448536269514722 + 0.8416212335729143
_STEEPEST = 1.5
_SHARES = (0.2, 0.5)


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
    campaigns, why = _choose(base, past, campaign_id)
    if not campaigns:
        return _nothing(base, why, days)
    with progress.steps(base.wording, "uplift", total=3) as step:
        step("uplift_facts")
        facts = gather_uplift(base, campaigns)
        short = _too_few(facts, base.wording)
        if short:
            return _nothing(base, short, days)
        step("uplift_learn")
        unseen = learn_unseen(facts, seed=seed)
        step("uplift_judge")
        rankings = {"response": unseen.together, "risk": unseen.risk, **unseen.uplift}
        curves = compare_rankings(facts, rankings, seed=seed)
    learnt = _Learnt(facts, unseen, curves, learn(facts, seed=seed), tuple(campaigns))
    return UpliftResult(
        _table(learnt, base.wording),
        wording=base.wording,
        assumptions=_assumptions(base, learnt, days),
        learnt=learnt,
        untold="",
    )


@dataclass(frozen=True, eq=False)
class _Learnt:
    """All that was found: the rows, what was said of them unseen, the curves, the final learner."""

    facts: UpliftFacts
    unseen: Unseen
    curves: Curves
    responder: Responder
    campaigns: tuple[str, ...]


@dataclass(frozen=True, repr=False, eq=False)
class UpliftResult(Result):
    """Whether anybody can tell who responds: one row a ranking of the customers.

    Columns: ``ranking``; ``won_fifth, won_half`` (buyers won, a 1,000 customers on file, where the
    first fifth or half of the ranking is contacted); ``qini`` (see :func:`learn_uplift`),
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

    learnt: _Learnt | None = field(kw_only=True)
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
            "ours": _gain_at(curves, "response", 0.5),
            "risk": _gain_at(curves, "risk", 0.5),
            "lot": curves.effect * 0.5,
        }
        said = {name: _won(value, w) if isinstance(value, float) else value
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
            ours, lot = _gain_at(curves, "response", 0.5), curves.effect * 0.5
            return w.say("uplift.chart.title_wins", ours=_won(ours, w), lot=_won(lot, w))
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
        return None if most > MOST_TIMES * len(self.learnt.facts) else _about(most)

    def thirds(self) -> Listing:
        """What contact changed in each third of the ranking: said beforehand, and then seen.

        Columns: ``third, customers, said`` (mean of what the learners said, points), ``seen``
        (measured between contacted and held back), ``seen_range`` (95 % sure).
        """
        import pandas as pd

        w = self.wording
        rows = [] if self.learnt is None else _thirds(self.learnt, w)
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
                uplift = np.append(uplift, _expected(self.learnt, values))
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
            first=_points(float(first), w),
            mean=_points(float(table["uplift"].mean()), w),
        )


class _Thirds(Listing):
    formats: ClassVar[Mapping[str, str]] = {
        "third_customers": "count",
        "uplift_said": "percent",
        "uplift_seen": "percent",
    }


def relative(uplift: Floats, risk: Floats) -> Floats:
    """How many times the average save rate each customer has, from 0 to :data:`MOST`.

    The save rate is the uplift over the risk of buying nothing: of those who would have bought
    nothing, the share that contact wins. Weighted by risk they average 1, so that the effect on
    all customers together stays what was measured. All 1 where contact does nothing on average.

    >>> relative(np.array([0.2, 0.0]), np.array([0.5, 0.5])).tolist()
    [2.0, 0.0]
    """
    ones = np.ones(len(uplift))
    held = np.maximum(risk, _LEAST_RISK)
    if not len(uplift) or uplift.sum() <= 0:
        return ones
    times = np.clip(uplift / held / (uplift.sum() / held.sum()), 0.0, MOST)
    for _ in range(20):
        mean = float((times * held).sum() / held.sum())
        times = np.clip(times / mean, 0.0, MOST)
    return np.asarray(times)


def _expected(learnt: _Learnt, values: Floats) -> Floats:
    """What the learners say, drawn to the mean as far as they said too much of those unseen."""
    said = np.mean(list(learnt.responder.uplift(values).values()), axis=0)
    own = np.mean(list(learnt.responder.uplift(learnt.facts.values).values()), axis=0)
    unseen, truth = learnt.unseen.together, learnt.unseen.truth
    spread = float(unseen.var())
    slope = float(np.cov(unseen, truth)[0, 1]) / spread if spread > 1e-12 else 0.0
    expected: Floats = truth.mean() + float(np.clip(slope, 0.0, _STEEPEST)) * (said - own.mean())
    return np.clip(expected, -1.0, 1.0)


def _choose(
    base: CustomerBase, past: PastEffectsResult, campaign_id: str | None
) -> tuple[dict[str, int], str]:
    """The campaigns to learn from with the days they are followed, or why there is none."""
    w, table = base.wording, past.table
    if campaign_id is not None:
        known = table["campaign_id"].tolist()
        if campaign_id not in known:
            raise ChoiceError("campaign_id", campaign_id, known)
        table = table[table["campaign_id"] == campaign_id]
    if table.empty:
        return {}, w.say("uplift.none", fewest=FEWEST)
    drawn = table[table["reading_code"] == "effect"]
    if drawn.empty:
        why = w.listing(list(dict.fromkeys(table["reading"])))
        return {}, w.say("uplift.not_drawn", campaigns=len(table), why=why, fewest=FEWEST)
    smaller = drawn[["treated", "control"]].min(axis=1)
    enough = drawn[smaller >= FEWEST]
    if enough.empty:
        most = int(smaller.max())
        return {}, w.say("uplift.too_few", most=most, fewest=FEWEST)
    latest = enough.iloc[-1]
    alike = enough[(enough["offer"] == latest["offer"]) & (latest["offer"] != "")]
    if alike.empty:
        alike = enough.tail(1)
    return dict(zip(alike["campaign_id"], alike["days"].astype(int), strict=True)), ""


def _too_few(facts: UpliftFacts, w: Wording) -> str:
    """Why the rows teach nothing; empty where they do."""
    cases = [
        int((facts.bought[facts.treated == group] == did).sum())
        for group in (0, 1)
        for did in (0, 1)
    ]
    if min(cases) >= FEWEST_CASES:
        return ""
    return w.say("uplift.too_few_cases", least=min(cases), fewest=FEWEST_CASES)


def _nothing(base: CustomerBase, why: str, days: int) -> UpliftResult:
    import pandas as pd

    empty = pd.DataFrame(columns=_COLUMNS).astype(_KINDS)
    return UpliftResult(
        empty,
        wording=base.wording,
        assumptions=_made_under(base, days),
        learnt=None,
        untold=why,
    )


_COLUMNS = [
    "ranking",
    "won_fifth",
    "won_half",
    "qini",
    "qini_range",
    "ranking_code",
    "qini_low",
    "qini_high",
]
_KINDS = {name: "float64" for name in ("won_fifth", "won_half", "qini", "qini_low", "qini_high")}


def _table(learnt: _Learnt, w: Wording) -> pd.DataFrame:
    import pandas as pd

    curves, rows = learnt.curves, []
    for code in ("response", "risk", "lot"):
        lot = code == "lot"
        low, high = (0.0, 0.0) if lot else curves.interval(code)
        gains = [
            curves.effect * share if lot else _gain_at(curves, code, share) for share in _SHARES
        ]
        between = w.say("uplift.range", low=_hundred(low, w), high=_hundred(high, w))
        rows.append(
            {
                "ranking": w.say(f"uplift.ranking.{code}"),
                "won_fifth": 1000 * gains[0],
                "won_half": 1000 * gains[1],
                "qini": 0.0 if lot else 100 * curves.area[code],
                "qini_range": "" if lot else between,
                "ranking_code": code,
                "qini_low": 100 * low,
                "qini_high": 100 * high,
            }
        )
    return pd.DataFrame(rows, columns=_COLUMNS)


def _gain_at(curves: Curves, ranking: str, share: float) -> float:
    return float(np.interp(share, curves.share[ranking], curves.gain[ranking]))


def _thirds(learnt: _Learnt, w: Wording) -> list[tuple[object, ...]]:
    from retention_lib.decisions.past_campaigns import difference_interval

    facts, said = learnt.facts, learnt.unseen.together
    order = np.argsort(-said, kind="stable")
    rows: list[tuple[object, ...]] = []
    for place, part in enumerate(np.array_split(order, 3)):
        yes = facts.treated[part] > 0
        bought = facts.bought[part]
        counts = int(bought[yes].sum()), int(yes.sum()), int(bought[~yes].sum()), int((~yes).sum())
        low, high = difference_interval(*counts)
        between = w.say("uplift.points_range", low=_points(low, w), high=_points(high, w))
        seen = counts[0] / counts[1] - counts[2] / counts[3]
        name = w.say(f"uplift.third.{place + 1}")
        rows.append((name, len(part), float(said[part].mean()), seen, between))
    return rows


def _assumptions(base: CustomerBase, learnt: _Learnt, days: int) -> dict[str, object]:
    w, facts = base.wording, learnt.facts
    traits = [w.label(name) for name in facts.columns.levels]
    known = w.listing(traits) if traits else w.say("uplift.no_traits")
    return {
        **_made_under(base, days),
        "uplift_campaigns": w.listing(learnt.campaigns),
        "uplift_customers": w.say(
            "uplift.groups",
            treated=int(facts.treated.sum()),
            control=int((1 - facts.treated).sum()),
        ),
        "uplift_features": w.say(
            "uplift.features", features=len(facts.columns.features), traits=known
        ),
        "uplift_learners": w.say("uplift.learners"),
    }


def _made_under(base: CustomerBase, days: int) -> dict[str, object]:
    w = base.wording
    return {
        "as_of": base.as_of,
        "effect_days": w.say("past.days", days=days),
        "uplift_least": w.say("uplift.least", fewest=FEWEST, cases=FEWEST_CASES),
        "uplift_wins": w.say("uplift.wins_where"),
    }


def _won(gain: float, w: Wording) -> str:
    return with_minus(w.number(1000 * gain))


def _hundred(area: float, w: Wording) -> str:
    return with_minus(w.number(100 * area, decimals=1))


def _points(change: float, w: Wording) -> str:
    return with_minus(w.number(100 * change, decimals=1))


def _about(count: float) -> int:
    """Two figures are all that such a number is good for."""
    power = 10 ** max(int(np.floor(np.log10(count))) - 1, 0)
    return int(np.ceil(count / power) * power)


def _check(name: str, value: Any, least: int, example: str) -> None:
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not whole or value < least:
        raise InputError(
            f"{name} must be a whole number, {least} or more, {example}; got {value!r}."
        )


__all__ = ["Columns", "UpliftResult", "UpliftScores", "learn_uplift", "relative"]
