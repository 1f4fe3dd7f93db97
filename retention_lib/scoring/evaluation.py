"""The scorecard: how good the model is on customers it has not seen, beside rules of thumb.

Every method is judged on the same customers at the same date. A model earns its keep only where it
beats the best of the rules that a marketer can apply without it; where it does not, the card says
so and names the rule to use.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from retention_lib.errors import ChoiceError, InputError
from retention_lib.portfolio.intervals import Values
from retention_lib.results import Listing, Result, _views
from retention_lib.scoring._evaluation_measured import (
    SHARES,
    calibration_bins,
    gains_curve,
    measured,
)
from retention_lib.scoring._evaluation_metrics import Ranked, auc_table
from retention_lib.scoring._evaluation_results import CalibrationResult, GainsResult
from retention_lib.scoring._evaluation_verdict import (
    ENOUGH,
    RULES,
    Comparison,
    Verdict,
    compare,
    differences,
)
from retention_lib.scoring._evaluation_words import advice, method_name, percent, points, ranged
from retention_lib.wording import Sentence, Wording

if TYPE_CHECKING:
    import pandas as pd

MEASURES = (
    "auc",
    "average_precision",
    "brier",
    "calibration_error",
    "calibration_slope",
    "lift",
    "revenue_caught",
    "revenue_caught_by_value",
)
"""What is shown of each method; each has ``_low`` and ``_high`` beside it."""


def make_scorecard(
    methods: Mapping[str, Values],
    churned: Values,
    value: Values,
    *,
    wording: Wording,
    assumptions: Mapping[str, object] | None = None,
    main: str = "model",
) -> Scorecard:
    """Judge methods on customers whose fate is known, and the main one against rules of thumb.

    Parameters
    ----------
    methods
        Code of a method to its probability of leaving, one value a customer. Codes of
        :data:`RULES` are the rules of thumb, at least one of which must be there; ``main`` is the
        model; all others are its parts. Scores outside 0 to 1 are judged as ranks alone.
    churned
        1 where the customer left, 0 where it stayed.
    value
        Annual revenue of each customer before it was decided; below zero and missing count as 0.
    wording
        Language and currency.
    assumptions
        What the scores were made under, carried along.
    main
        Which method is the model.

    Raises
    ------
    InputError
        Where lengths differ, a score is missing, ``churned`` is not 0 or 1, or nothing is there
        to compare.

    Examples
    --------
    >>> card = make_scorecard(
    ...     {"model": np.array([0.9, 0.7, 0.2, 0.1]), "recency": np.array([0.5, 0.5, 0.5, 0.5])},
    ...     np.array([1, 0, 1, 0]), np.array([10.0, 10.0, 10.0, 10.0]), wording=Wording())
    >>> card.to_frame()[["method_code", "auc", "lift"]]
      method_code   auc  lift
    0       model  0.75   2.0
    1     recency  0.50   1.0
    >>> card.verdict
    'cannot_tell'
    """
    codes = list(methods)
    scores, left, worth = _checked(methods, churned, value, main)
    leavers, stayers = int(left.sum()), int((1 - left).sum())
    if leavers and stayers:
        auc, covariance = auc_table(scores, left)
    else:
        auc = np.full(len(codes), np.nan)
        covariance = np.zeros((len(codes), len(codes)))
    ranked = [Ranked(row) for row in scores]
    table, revenue = measured(codes, ranked, left, worth, auc, covariance)
    table.insert(1, "method", [method_name(wording, code) for code in codes])
    compared = compare(codes, auc, covariance, main=main, fewest=min(leavers, stayers))
    best = ranked[codes.index(compared.rule)]
    assumed = {
        **(assumptions or {}),
        "judged_on": wording.say("scorecard.judged_on", customers=len(left), leavers=leavers),
        "equal_scores": wording.say("scorecard.equal_scores"),
        "card_ranges": wording.say("scorecard.ranges"),
    }
    return Scorecard(
        table,
        wording=wording,
        assumptions=assumed,
        main=main,
        comparison=compared,
        against=differences(codes, auc, covariance, revenue, main=main),
        curve=gains_curve(ranked[codes.index(main)], best, left),
        bins=calibration_bins(codes, ranked, left),
        customers=len(left),
        leavers=leavers,
    )


@dataclass(frozen=True, repr=False, eq=False)
class Scorecard(Result):
    """One row a method, all judged on the same customers; made by :func:`make_scorecard`.

    Columns: ``method_code, method, auc`` (of two customers, one who left and one who stayed, how
    often the leaver is ranked higher), ``average_precision, brier`` (mean squared error of the
    probability), ``calibration_error`` (mean distance between said and seen over ten bins of
    customers), ``calibration_slope`` (1 is right; below 1 the probabilities are too extreme),
    ``lift`` (share of leavers in the riskiest tenth over that among all), ``revenue_caught`` (share
    of the leavers' annual revenue found in the riskiest tenth), ``revenue_caught_by_value`` (the
    same, ranked by probability times annual revenue), each with ``_low`` and ``_high`` (95 %), and
    ``calibration_intercept`` (what must be added to all log-odds; above 0 more left than said).
    Measures of probabilities are missing for scores that are none.

    ``comparison``: the model against the best rule. ``against``: the model less each rule, with
    ranges for the pair. ``curve`` and ``bins``: what :meth:`gains` and :meth:`calibration` show.
    """

    chart: ClassVar[str] = "churn_charts.plot_gains"
    hidden: ClassVar[tuple[str, ...]] = (
        "method_code",
        "calibration_intercept",
        *(f"{measure}_{end}" for measure in MEASURES for end in ("low", "high")),
    )
    formats: ClassVar[Mapping[str, str]] = dict.fromkeys(SHARES, "percent")

    main: str = field(kw_only=True)
    comparison: Comparison = field(kw_only=True)
    against: pd.DataFrame = field(kw_only=True)
    curve: pd.DataFrame = field(kw_only=True)
    bins: pd.DataFrame = field(kw_only=True)
    customers: int = field(kw_only=True)
    leavers: int = field(kw_only=True)

    @property
    def verdict(self) -> Verdict:
        """The model against the best rule of thumb.

        ``beats``, ``equal`` (the two cannot be told apart here), ``worse``, ``no_skill`` (nothing
        ranks better than chance) or ``cannot_tell`` (too few left or stayed).
        """
        return self.comparison.verdict

    @property
    def recommended(self) -> str:
        """The code of the method to use; empty where none can be recommended.

        The model where it beats the best rule, else the rule: on equal terms the one that needs
        no upkeep.
        """
        return self.comparison.recommended

    @property
    def told_share(self) -> float:
        """The share of customers whose contact the gains curve is told by.

        10 %; more where so many leave that a tenth of the customers cannot hold many of them.
        """
        half = self.leavers / self.customers / 2
        return next(share for share in (0.1, 0.2, 0.3, 0.5) if share >= half)

    def value_of(self, code: str, column: str) -> float:
        """One figure of the card."""
        if code not in set(self.table["method_code"]):
            raise ChoiceError("method", code, list(self.table["method_code"]))
        return float(self.table.set_index("method_code").loc[code, column])

    def sentence(self) -> str:
        """Whether the model beats the best rule of thumb, by how much, and what to use."""
        w, compared = self.wording, self.comparison
        if not 0 < self.leavers < self.customers:
            key = "scorecard.all_left" if self.leavers else "scorecard.none_left"
            return w.say(key, customers=self.customers)
        return w.say(
            f"scorecard.{self.verdict}",
            rule=method_name(w, compared.rule),
            advice=advice(w, compared.rule),
            model_auc=percent(w, self.value_of(self.main, "auc")),
            auc_low=percent(w, self.value_of(self.main, "auc_low")),
            auc_high=percent(w, self.value_of(self.main, "auc_high")),
            rule_auc=percent(w, self.value_of(compared.rule, "auc")),
            points=w.number(100 * abs(compared.difference), decimals=1),
            gap=round(100 * abs(compared.difference), 1),
            low=points(w, compared.low),
            high=points(w, compared.high),
            customers=self.customers,
            leavers=self.leavers,
            fewest=min(self.leavers, self.customers - self.leavers),
            enough=ENOUGH,
        )

    def finding(self) -> str:
        """What the gains curve shows, for a title."""
        w, rule = self.wording, self.comparison.rule
        if not 0 < self.leavers < self.customers:
            return self.sentence()
        row = self.curve.iloc[round(100 * self.told_share)]
        key: str = self.verdict
        if key not in ("no_skill", "cannot_tell"):
            found, by_rule = float(row["found_by_model"]), float(row["found_by_rule"])
            alike = round(found, 2) <= round(by_rule, 2) <= row["found_by_model_high"]
            key = "alike" if alike else "skill"
        return w.say(
            f"scorecard.gains.{key}",
            share=percent(w, self.told_share),
            model=percent(w, float(row["found_by_model"])),
            rule_found=percent(w, float(row["found_by_rule"])),
            rule=method_name(w, rule),
            leavers=self.leavers,
        )

    def revenue_sentence(self) -> Sentence:
        """What the riskiest tenth holds of the leavers' revenue: the model and the best rule."""
        w, rule = self.wording, self.comparison.rule
        if not np.isfinite(self.value_of(self.main, "revenue_caught")):
            return Sentence(w.say("scorecard.no_revenue"))
        gap = self.against.set_index("method_code").loc[rule]
        low, high = float(gap["revenue_gap_low"]), float(gap["revenue_gap_high"])
        key = "revenue_more" if low > 0 else "revenue_less" if high < 0 else "revenue_alike"
        said = w.say(
            f"scorecard.{key}",
            model=percent(w, self.value_of(self.main, "revenue_caught")),
            model_low=percent(w, self.value_of(self.main, "revenue_caught_low")),
            model_high=percent(w, self.value_of(self.main, "revenue_caught_high")),
            rule=method_name(w, rule),
            rule_caught=percent(w, self.value_of(rule, "revenue_caught")),
            by_value=percent(w, self.value_of(self.main, "revenue_caught_by_value")),
            low=points(w, low),
            high=points(w, high),
        )
        return Sentence(said)

    def with_ranges(self) -> Listing:
        """The card as it is shown: every measure with its range, one row a method."""
        w = self.wording
        shown = self.table[["method"]].copy()
        for measure in MEASURES:
            shown[measure] = [
                ranged(w, measure, *(row[f"{measure}{end}"] for end in ("", "_low", "_high")))
                for _, row in self.table.iterrows()
            ]
        return Listing(shown, wording=w, assumptions=self.assumptions, said=self.sentence())

    def _repr_html_(self) -> str:
        return str(_views("tables").render(self.with_ranges()))

    def against_rules(self) -> Listing:
        """The model less each rule of thumb, in points, each pair judged on the same customers."""
        import pandas as pd

        w, rows = self.wording, self.against
        listed = pd.DataFrame({"method": [method_name(w, code) for code in rows["method_code"]]})
        for column in ("auc_gap", "revenue_gap"):
            listed[column] = [
                w.say(
                    "scorecard.ranged",
                    value=points(w, gap),
                    low=points(w, low),
                    high=points(w, high),
                )
                for gap, low, high in rows[
                    [f"{column}{end}" for end in ("", "_low", "_high")]
                ].to_numpy()
            ]
        return Listing(listed, wording=w, assumptions=self.assumptions, said=self.sentence())

    def gains(self) -> GainsResult:
        """How many of the leavers are found by contacting so many customers, riskiest first."""
        return GainsResult(
            self.curve, wording=self.wording, assumptions=self.assumptions, card=self
        )

    def calibration(self, method: str = "") -> CalibrationResult:
        """Whether so many leave as a method says, by tenths of customers (default: the model)."""
        code = method or self.main
        known = list(self.table["method_code"])
        if code not in known:
            raise ChoiceError("method", code, known)
        bins = self.bins[self.bins["method_code"] == code].drop(columns="method_code")
        return CalibrationResult(
            bins.reset_index(drop=True),
            wording=self.wording,
            assumptions=self.assumptions,
            card=self,
            method=code,
        )

    def to_parts(self) -> dict[str, Any]:
        """The card in plain texts, numbers and lists, for a file; see :meth:`from_parts`."""
        frames = ("table", "against", "curve", "bins")
        return {
            **{name: getattr(self, name).to_dict("list") for name in frames},
            "comparison": asdict(self.comparison),
            "main": self.main,
            "customers": self.customers,
            "leavers": self.leavers,
            "assumptions": dict(self.assumptions),
        }

    @classmethod
    def from_parts(cls, parts: Mapping[str, Any], *, wording: Wording) -> Scorecard:
        """The card again, from what :meth:`to_parts` gave."""
        import pandas as pd

        return cls(
            pd.DataFrame(parts["table"]),
            wording=wording,
            assumptions=parts["assumptions"],
            main=parts["main"],
            comparison=Comparison(**parts["comparison"]),
            against=pd.DataFrame(parts["against"]),
            curve=pd.DataFrame(parts["curve"]),
            bins=pd.DataFrame(parts["bins"]),
            customers=parts["customers"],
            leavers=parts["leavers"],
        )


def _checked(
    methods: Mapping[str, Values], churned: Values, value: Values, main: str
) -> tuple[Values, Values, Values]:
    """Scores (one row a method), who left and what they are worth, as numbers."""
    if main not in methods:
        raise ChoiceError("main", main, list(methods))
    if not any(code in RULES for code in methods if code != main):
        raise InputError(
            f"A scorecard compares the model with rules of thumb; give at least one of "
            f"{', '.join(RULES)}. Got {', '.join(methods)}."
        )
    left = np.asarray(churned, dtype=float)
    worth = np.maximum(np.nan_to_num(np.asarray(value, dtype=float)), 0.0)
    sizes = {code: np.shape(row) for code, row in methods.items()}
    wrong = [code for code, size in sizes.items() if size != left.shape]
    if wrong or worth.shape != left.shape or not left.size:
        raise InputError(
            f"Every method, churned and value need one number a customer, at least one: churned "
            f"has {left.shape}, value {worth.shape}, methods {sizes}."
        )
    scores = np.array([np.asarray(row, dtype=float) for row in methods.values()])
    missing = [
        code for code, row in zip(methods, scores, strict=True) if not np.isfinite(row).all()
    ]
    if missing:
        raise InputError(
            f"{len(missing)} of {len(methods)} methods give no score for some customers: "
            f"{', '.join(missing)}. Give every customer a probability."
        )
    if not np.isin(left, (0.0, 1.0)).all():
        raise InputError("churned must be 1 (left) or 0 (stayed) for every customer.")
    return scores, left, worth
