"""Why a customer is in its journey, in its own figures: quickly, for a million of them."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from retention_lib.decisions._journey_facts import JourneyFacts
from retention_lib.decisions._offer_facts import say_days
from retention_lib.portfolio._signals_words import Speaker, on_date
from retention_lib.wording import Wording

if TYPE_CHECKING:
    import pandas as pd

_PATTERN = 7_654_321


def tell_why(facts: JourneyFacts, reasons: Any) -> Any:
    """The reason of each customer in words."""
    said = np.empty(len(facts), dtype=object)
    teller = _Teller(facts)
    for code in dict.fromkeys(reasons.tolist()):
        rows = np.flatnonzero(reasons == code)
        said[rows] = teller.tell(code, facts.customers.iloc[rows])
    return said


def quick_money(wording: Wording) -> Callable[[float], str]:
    """:meth:`Wording.money` for very many amounts: the pattern is looked up once.

    >>> quick_money(Wording("en", "EUR"))(1234.5), quick_money(Wording("en", "EUR"))(-3.2)
    ('€1,235', '-€3')
    """
    pattern = wording.money(_PATTERN)
    mark = pattern[pattern.index("7") + 1 : pattern.index("6")]
    shown = f"{_PATTERN:,}".replace(",", mark)
    before, after = pattern.split(shown)
    sign = wording.money(-1)[0]

    def say(amount: float) -> str:
        rounded = int(np.floor(abs(amount) + 0.5))
        minus = sign if amount < 0 and rounded else ""
        return f"{minus}{before}{rounded:,}{after}".replace(",", mark)

    return say


class _Teller:
    """Says one reason of many customers."""

    def __init__(self, facts: JourneyFacts) -> None:
        self.facts, self.w, self.now = facts, facts.wording, facts.as_of_day
        self.speaker = Speaker(facts.wording)
        self.money = quick_money(facts.wording)
        self.measure = facts.wording.say(f"journeys.measure.{facts.measure}")
        self.horizon = say_days(facts.horizon_days, facts.wording)
        self.percent = cache(lambda points: facts.wording.percent(points / 100, decimals=0))
        average = facts.average_risk
        self.average = facts.wording.percent(average if np.isfinite(average) else 0.0, decimals=0)

    def tell(self, code: str, rows: pd.DataFrame) -> list[str]:
        how = getattr(self, f"_{code}", None)
        if how is None:
            return [self.w.say(f"journeys.why.{code}")] * len(rows)
        columns, say = how()
        return [
            say(*values) for values in zip(*(rows[name].tolist() for name in columns), strict=True)
        ]

    def _say(self, code: str, counts: dict[str, int], **texts: str) -> str:
        return self.speaker.say(f"journeys.why.{code}", counts, **texts)

    def _on(self, day: float) -> str:
        return on_date(self.w, int(day))

    def _request(self) -> Any:
        return ["request_day"], lambda day: self._say("request", {}, date=self._on(day))

    def _complaint_many(self) -> Any:
        return ["complaints_year", "complaint_day"], lambda many, day: self._say(
            "complaint_many", {"complaints": int(many)}, date=self._on(day)
        )

    def _complaint_long(self) -> Any:
        return ["complaint_day"], lambda day: self._say(
            "complaint_long", {"days": self.now - int(day)}, date=self._on(day)
        )

    def _complaint_open(self) -> Any:
        return ["complaint_day"], lambda day: self._say("complaint_open", {}, date=self._on(day))

    def _answer_bad(self) -> Any:
        return self._answer_unhappy()

    def _answer_unhappy(self) -> Any:
        return ["score", "score_day"], lambda score, day: self._say(
            "answer",
            {},
            score=self.w.number(score, decimals=0 if score == int(score) else 1),
            date=self._on(day),
        )

    def _closed_for_good(self) -> Any:
        causes = cache(lambda cause: self.w.say(f"lost.cause.{cause}"))
        return ["cause"], lambda cause: self._say("closed_for_good", {}, cause=causes(cause))

    def _lost_long_ago(self) -> Any:
        return ["lost_day"], lambda day: self._say(
            "lost_long_ago", {"days": self.now - int(day)}, date=self._on(day)
        )

    def _lost_small(self) -> Any:
        return self._lost_with("lost_small")

    def _lost(self) -> Any:
        return self._lost_with("lost")

    def _lost_with(self, code: str) -> Any:
        return ["lost_day", "annual_value"], lambda day, value: self._say(
            code, {}, date=self._on(day), value=self.money(value), measure=self.measure
        )

    def _new(self) -> Any:
        return ["first_day", "lifetime_purchases"], lambda day, many: self._say(
            "new", {"days": self.now - int(day), "purchases": int(many)}, date=self._on(day)
        )

    def _likely_to_leave(self) -> Any:
        return ["churn_probability"], lambda chance: self._say(
            "likely_to_leave",
            {},
            chance=self.percent(min(max(round(100 * chance), 1), 99)),
            horizon=self.horizon,
            average=self.average,
        )

    def _silent(self) -> Any:
        return ["sign_evidence"], str

    def _sign(self) -> Any:
        return ["sign_evidence"], str

    def _contacted_enough(self) -> Any:
        return ["contacts_30"], lambda many: self._say("contacted_enough", {"contacts": int(many)})

    def _lacks_range(self) -> Any:
        return ["lacking_range", "lacking_because"], lambda what, why: self._say(
            "lacks_range", {}, range=str(what), because=str(why)
        )

    def _little_of_range(self) -> Any:
        return (
            ["lacking_range", "own_spend", "typical_spend"],
            lambda what, own, typical: self._say(
                "little_of_range",
                {},
                range=str(what),
                own=self.money(own),
                typical=self.money(typical),
            ),
        )

    def _kept_in_touch(self) -> Any:
        return ["purchases", "annual_value"], lambda many, value: self._say(
            "kept_in_touch",
            {"purchases": int(many)},
            value=self.money(value),
            measure=self.measure,
        )
