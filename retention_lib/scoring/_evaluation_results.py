"""What a scorecard gives further: the gains curve and the calibration of a method."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from retention_lib.portfolio.intervals import share_interval
from retention_lib.results import Result
from retention_lib.scoring._evaluation_verdict import ENOUGH
from retention_lib.scoring._evaluation_words import method_name

if TYPE_CHECKING:
    from retention_lib.scoring.evaluation import Scorecard

TOLERATED_ERROR = 0.05
"""Groups of customers whose said and seen lie further apart than this are pointed out."""


@dataclass(frozen=True, repr=False, eq=False)
class GainsResult(Result):
    """How many leavers are found by contacting the riskiest customers, percent by percent.

    Columns: ``share_contacted`` (of all customers judged), and of those who left the share found
    by then: ``found_by_model`` (with ``_low`` and ``_high``), ``found_by_rule`` (the best rule of
    thumb), ``found_at_random``, ``found_at_best`` (had one known).
    """

    chart: ClassVar[str] = "churn_charts.plot_gains"
    hidden: ClassVar[tuple[str, ...]] = ("found_by_model_low", "found_by_model_high")
    formats: ClassVar[Mapping[str, str]] = dict.fromkeys(
        (
            "share_contacted",
            "found_by_model",
            "found_by_model_low",
            "found_by_model_high",
            "found_by_rule",
            "found_at_random",
            "found_at_best",
        ),
        "percent",
    )

    card: Scorecard = field(kw_only=True)

    def sentence(self) -> str:
        """What contacting the riskiest tenth finds."""
        said = self.card.finding()
        return said if said.endswith(".") else said + "."


@dataclass(frozen=True, repr=False, eq=False)
class CalibrationResult(Result):
    """Whether so many leave as was said: ten bins of customers, the least likely to leave first.

    Columns: ``bin`` (1 to 10; equal scores stay in one bin, so that some may be missing),
    ``customers, predicted`` (mean probability), ``observed`` (share who left, with
    ``observed_low`` and ``observed_high``).
    """

    chart: ClassVar[str] = "churn_charts.plot_calibration"
    formats: ClassVar[Mapping[str, str]] = {
        "bin": "count",
        "customers": "count",
        "predicted": "percent",
        "observed": "percent",
        "observed_low": "percent",
        "observed_high": "percent",
    }

    card: Scorecard = field(kw_only=True)
    method: str = field(kw_only=True)

    def sentence(self) -> str:
        """How far said and seen lie apart, and which way."""
        w, card = self.wording, self.card
        error = card.value_of(self.method, "calibration_error")
        if error != error:
            return w.say("scorecard.no_probability", method=method_name(w, self.method))
        highest = card.value_of(self.method, "calibration_error_high")
        return w.say(
            f"scorecard.calibration.{self._way()}",
            expected=round(self.expected),
            leavers=card.leavers,
            customers=card.customers,
            error=w.number(100 * error, decimals=1),
            error_high=w.number(100 * highest, decimals=1),
        )

    def finding(self) -> str:
        """The first half of the sentence, for a title."""
        if self.table.empty:
            return self.sentence()
        key = f"chart.calibration.title.{self._way()}"
        return self.wording.say(key, expected=round(self.expected), leavers=self.card.leavers)

    @property
    def expected(self) -> float:
        """How many leavers the probabilities foresee."""
        return float((self.table["predicted"] * self.table["customers"]).sum())

    def _way(self) -> str:
        """Whether the probabilities are right, too many, too few, too extreme or too timid."""
        card = self.card
        low = card.value_of(self.method, "calibration_slope_low")
        high = card.value_of(self.method, "calibration_slope_high")
        if min(card.leavers, card.customers - card.leavers) < ENOUGH:
            return "sketch"
        few, many = share_interval(card.leavers, card.customers)
        if self.expected > many * card.customers:
            return "too_many"
        if self.expected < few * card.customers:
            return "too_few"
        if high < 1:
            return "too_extreme"
        if low > 1:
            return "too_timid"
        error = card.value_of(self.method, "calibration_error_low")
        return "uneven" if error > TOLERATED_ERROR else "right"
