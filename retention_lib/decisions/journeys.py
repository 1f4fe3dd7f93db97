"""Journeys: every customer in exactly one, with the reason, and what its steps act on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from retention_lib.base.customer_base import CustomerBase, require_base
from retention_lib.decisions import _journey_choice as choice
from retention_lib.decisions._journey_facts import (
    UNKNOWN_CHANCE,
    JourneyFacts,
    gather_journey_facts,
)
from retention_lib.decisions._journey_results import (
    JourneyCounts,
    JourneyReasons,
    Message,
    StepsResult,
    count_journeys,
    list_reasons,
    lower_first,
    weigh_steps,
    write_message,
)
from retention_lib.decisions._journey_settings import JourneySettings, check_settings
from retention_lib.decisions._journey_steering import MOST_MONTHS, SteeringResult, steer
from retention_lib.decisions._journey_steps import JOURNEYS, Step, load_steps
from retention_lib.decisions._journey_words import tell_why
from retention_lib.decisions._offer_facts import say_days
from retention_lib.errors import InputError
from retention_lib.portfolio.calendar_periods import check_months
from retention_lib.results import Result

__all__ = [
    "JOURNEYS",
    "JourneyFacts",
    "JourneySettings",
    "JourneysResult",
    "Step",
    "assign_journeys",
    "gather_journey_facts",
    "load_steps",
]

SKETCH_BELOW = 30
"""With fewer customers than this the sentence calls itself a sketch."""


def assign_journeys(
    base: CustomerBase,
    *,
    settings: JourneySettings | None = None,
    facts: JourneyFacts | None = None,
) -> JourneysResult:
    """Put every customer into exactly one journey, and say why.

    One row a customer ever known, active, lost or never having bought. The first rule that holds
    decides: no consent (rest), leaving spoken of or a serious complaint (hot), lost and worth it
    (win-back, else rest), new (welcome), likely to leave (cold), a warning sign or dissatisfied
    (prevention), contacted enough or nothing worth saying (rest), loyal with something to sell
    (develop), all others (nurture). The trap: ``at_stake`` is what the steps of a journey act
    on, not what they bring; a step brings a small share of it.

    Parameters
    ----------
    base
        The customer base; nothing after its ``as_of`` is looked at.
    settings
        Where one journey ends and the next begins; ``None`` for the defaults.
    facts
        What ``gather_journey_facts(base)`` gave, to assign anew with other settings at once;
        ``None`` gathers it, which takes seconds, for a churn model is fitted.

    Returns
    -------
    JourneysResult
        ``customer_id, name`` (where known), ``journey, why, at_stake`` (the base's currency).

    Raises
    ------
    InputError
        Where ``settings`` or ``facts`` are something else, or the facts are of another base.

    Examples
    --------
    >>> import pandas as pd
    >>> from retention_lib.decisions.offers import gather_facts
    >>> lines = pd.DataFrame({"customer_id": ["a", "b"],
    ...     "date": pd.to_datetime(["2024-03-01", "2025-06-30"]), "amount": [20.0, 30.0]})
    >>> base = CustomerBase.from_tables(lines)
    >>> scores = pd.DataFrame({"customer_id": ["b"], "churn_probability": [0.3]})
    >>> facts = gather_journey_facts(base, offers=gather_facts(base, scores=scores))
    >>> assign_journeys(base, facts=facts).to_frame()["journey"].tolist()
    ['Win-back', 'Welcome']
    """
    require_base(base)
    chosen = check_settings(settings)
    if facts is None:
        facts = gather_journey_facts(base)
    elif not isinstance(facts, JourneyFacts):
        raise InputError(
            f"facts must be what gather_journey_facts(base) gives, or None; got "
            f"{type(facts).__name__}."
        )
    elif facts.as_of != base.as_of:
        raise InputError(
            f"The facts are of {facts.as_of} and the base is seen from {base.as_of}; gather them "
            f"anew with gather_journey_facts(base)."
        )
    return _assigned(base, facts, chosen)


@dataclass(frozen=True, repr=False, eq=False)
class JourneysResult(Result):
    """One row a customer ever known, in the order of their codes.

    Columns: ``customer_id, name`` (where known), ``journey`` and ``why`` in words, ``at_stake``
    (what the journey's steps act on, in the base's currency over ``horizon_days``; 0 at rest).
    For code: ``journey_code`` (one of ``JOURNEYS``), ``reason_code`` (of
    ``_journey_choice.REASONS``), ``contactable``, ``account_manager`` (missing where unknown),
    ``open_complaint``, ``churn_probability`` (missing where nobody can tell; of who asked to
    leave at least the share of such customers who left in the past), ``value`` (what keeping the
    customer adds over the horizon; of a lost one what its first year back brings; to develop,
    what the range typically brings a year), ``value_band`` (``high, middle, low``: thirds of the
    active customers by what they bring a year), ``lacking_range``, ``horizon_days``.
    """

    chart: ClassVar[str] = "journey_charts.plot_journeys"
    hidden: ClassVar[tuple[str, ...]] = (
        "journey_code",
        "reason_code",
        "contactable",
        "account_manager",
        "open_complaint",
        "churn_probability",
        "value",
        "value_band",
        "lacking_range",
        "horizon_days",
    )
    telling: ClassVar[tuple[str, ...]] = ("why",)
    formats: ClassVar[Mapping[str, str]] = {"at_stake": "money", "value": "money"}

    base: CustomerBase = field(kw_only=True)
    facts: JourneyFacts = field(kw_only=True)
    settings: JourneySettings = field(kw_only=True)

    @property
    def horizon(self) -> str:
        """How far ahead stakes are reckoned, in words."""
        return say_days(self.facts.horizon_days, self.wording)

    @property
    def measure(self) -> str:
        """What money means here, in words: margin or revenue."""
        return self.wording.say(f"journeys.measure.{self.facts.measure}")

    def sentence(self) -> str:
        """How many are in each journey, what their steps act on, and what cannot be told."""
        w, said = self.wording, [self.finding() + "."]
        lacking = [w.say(f"journeys.lacks.{code}") for code in self.facts.lacks]
        if lacking:
            said.append(w.say("journeys.lacking", parts=w.listing(lacking)))
        return " ".join(said)

    def finding(self) -> str:
        """The sentence without its full stop and without what is lacking."""
        w, customers = self.wording, len(self.table)
        if not customers:
            return w.say("journeys.nobody")
        counted = self.table["journey_code"].value_counts()
        parts = [
            w.say("journeys.part", customers=int(counted[code]), journey=self._name(code))
            for code in JOURNEYS
            if code in counted and code != "rest"
        ]
        if not parts:
            return w.say("journeys.finding_all_rest", customers=customers)
        finding = w.say(
            "journeys.finding",
            customers=customers,
            parts=w.listing(parts),
            rest=int(counted.get("rest", 0)),
        )
        stakes = self.table.groupby("journey_code")["at_stake"].sum()
        if stakes.sum() > 0:
            finding = w.say(
                "journeys.at_stake",
                finding=finding,
                stake=w.money(float(stakes.sum())),
                measure=self.measure,
                first=w.money(float(stakes.max())),
                journey=self._name(str(stakes.idxmax())),
            )
        if customers < SKETCH_BELOW:
            return w.say("journeys.sketch", customers=customers, finding=finding)
        return finding

    def counts(self) -> JourneyCounts:
        """How many customers are in each journey, and what its steps act on."""
        return count_journeys(self)

    def reasons(self) -> JourneyReasons:
        """Why customers are in their journeys: one row a journey and reason."""
        return list_reasons(self)

    def steps(
        self, *, steps: Sequence[Step] | str | Path | None = None, hour_cost: float = 40.0
    ) -> StepsResult:
        """What each step costs and should bring for an average customer of its journey here.

        ``steps``: the path of an edited copy of ``journeys.toml``, or what ``load_steps`` gave.
        ``hour_cost``: what an hour of an account manager costs, in the base's currency.
        """
        return weigh_steps(self, steps, hour_cost)

    def message(
        self,
        customer_id: str,
        step_code: str,
        *,
        company: str = "",
        steps: Sequence[Step] | str | Path | None = None,
    ) -> Message:
        """The message of a step to a customer, its name, manager and range put in.

        A plain text to start from, shown as such: nothing in it is run as HTML. ``company``
        signs it. Raises ``ChoiceError`` for an unknown step, ``InputError`` for an unknown
        customer.
        """
        return write_message(self, customer_id, step_code, steps, company)

    def steering(self, *, months: int = 24) -> SteeringResult:
        """Retention month by month: who asked to leave, closed, was lost, and who was reached.

        ``months``: the last complete ones, at most so many (1 to 120). The trap: who was reached
        was not drawn by lot, so the two shares say nothing about what reaching did.
        """
        return steer(self.base, check_months(months, MOST_MONTHS))

    def _name(self, code: str) -> str:
        return lower_first(self.wording.say(f"journey.{code}"))


def _assigned(base: CustomerBase, facts: JourneyFacts, settings: JourneySettings) -> JourneysResult:
    import pandas as pd

    w, known = facts.wording, facts.customers
    reasons = choice.choose(facts, settings)
    codes = pd.Series(reasons).map(choice.REASONS).to_numpy(dtype=object)
    names = {code: w.say(f"journey.{code}") for code in JOURNEYS}
    columns: dict[str, Any] = {"customer_id": known["customer_id"].to_numpy()}
    if known["name"].notna().any():
        columns["name"] = known["name"].to_numpy()
    weighed = choice.weigh(facts, codes)
    columns |= {
        "journey": pd.Series(codes).map(names).to_numpy(dtype=object),
        "why": tell_why(facts, reasons),
        "at_stake": weighed["at_stake"].to_numpy(),
        "journey_code": codes,
        "reason_code": reasons,
        "contactable": known["contactable"].to_numpy(),
        "account_manager": known["account_manager"].to_numpy(),
        "open_complaint": (known["open_ever"] > 0).to_numpy(),
        "churn_probability": weighed["churn_probability"].to_numpy(),
        "value": weighed["value"].to_numpy(),
        "value_band": weighed["value_band"].to_numpy(),
        "lacking_range": np.where(codes == "develop", known["lacking_range"].astype(object), None),
        "horizon_days": facts.horizon_days,
    }
    return JourneysResult(
        pd.DataFrame(columns),
        wording=w,
        assumptions=_assumptions(facts, settings),
        base=base,
        facts=facts,
        settings=settings,
    )


def _assumptions(facts: JourneyFacts, settings: JourneySettings) -> dict[str, object]:
    w, share = facts.wording, facts.returns.share
    measure = w.say(f"journeys.measure.{facts.measure}")
    forecast = np.isfinite(facts.average_risk) and "forecast" not in facts.lacks
    threshold = settings.cold_from(facts.average_risk) if forecast else 0.0
    ends = {
        name: w.percent(end, decimals=0)
        for name, end in (("likely", share.likely), ("low", share.low), ("high", share.high))
    }
    return {
        "as_of": w.date(facts.as_of),
        "journey_risk": w.say(
            f"journeys.assumed.risk.{facts.risk_source}",
            **(
                {"rate": w.percent(UNKNOWN_CHANCE, decimals=0)}
                if facts.risk_source == "assumed"
                else {}
            ),
        ),
        "journey_stake": w.say("journeys.assumed.stake", horizon=say_days(facts.horizon_days, w)),
        "journey_returns": w.say(
            f"journeys.assumed.returns.{'measured' if facts.returns.measured else 'assumed'}",
            **ends,
            **(
                {"customers": facts.returns.customers, "days": facts.returns.days}
                if facts.returns.measured
                else {}
            ),
        ),
        "journey_welcome": w.say("journeys.assumed.welcome", days=settings.welcome_days),
        "journey_cold": w.say("journeys.assumed.cold", threshold=w.percent(threshold))
        if forecast
        else w.say("journeys.assumed.cold_silent"),
        "journey_win_back": w.say(
            "journeys.assumed.win_back",
            days=settings.win_back_days,
            least=w.money(choice.least_to_win_back(facts, settings)),
            measure=measure,
        ),
        "journey_serious": w.say(
            "journeys.assumed.serious",
            days=settings.complaint_days,
            stale=settings.complaint_until_days,
            many=settings.complaints_many,
            score=w.number(settings.bad_score),
        ),
        "journey_rest": w.say("journeys.assumed.rest", contacts=settings.most_in_30_days),
    }
