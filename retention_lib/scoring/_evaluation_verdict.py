"""Does the model earn its keep: the model against the best of the rules of thumb, and chance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from retention_lib.portfolio.intervals import Values, middle
from retention_lib.scoring._evaluation_metrics import TWO_SIDED, simultaneous_limit

if TYPE_CHECKING:
    import pandas as pd

RULES = ("recency", "rfm_sum", "overdue", "purchase_model", "logistic_rfm")
"""What a marketer can do without a model, or nearly; the model has to beat the best of them."""

ENOUGH = 30
"""With fewer who left, or fewer who stayed, a comparison is a sketch."""

CHANCE = 0.5
NEGLIGIBLE = 0.02
"""An AUC that may be as low as this above chance says nothing that anybody could use."""

Verdict = Literal["beats", "equal", "worse", "no_skill", "cannot_tell"]


@dataclass(frozen=True)
class Comparison:
    """The model against the best rule on the customers judged.

    ``difference``: AUC of the model less that of the best rule, ``low`` to ``high`` holding 95 %;
    the range allows for the best rule having been picked on these very customers.
    """

    verdict: Verdict
    recommended: str
    rule: str
    difference: float
    low: float
    high: float


def compare(
    codes: Sequence[str],
    auc: Values,
    covariance: Values,
    *,
    main: str,
    fewest: int,
) -> Comparison:
    """Compare the main model with the best rule; ``fewest``: leavers or stayers, the fewer."""
    rules = [place for place, code in enumerate(codes) if code in RULES and code != main]
    place = list(codes).index(main)
    best = rules[int(np.argmax(auc[rules]))]
    low, high = _difference_range(auc, covariance, place, rules)
    verdict: Verdict = "equal"
    if fewest < ENOUGH:
        verdict = "cannot_tell"
    elif not _has_skill(auc, covariance):
        verdict = "no_skill"
    elif low > 0:
        verdict = "beats"
    elif high < 0:
        verdict = "worse"
    # On equal terms the rule is recommended: it needs no upkeep, and everybody understands it.
    recommended = {"beats": main, "equal": codes[best], "worse": codes[best]}.get(verdict, "")
    return Comparison(verdict, recommended, codes[best], float(auc[place] - auc[best]), low, high)


def differences(
    codes: Sequence[str],
    auc: Values,
    covariance: Values,
    revenue: tuple[Values, Values],
    *,
    main: str,
) -> pd.DataFrame:
    """The main model less each rule: AUC and share of revenue caught, with ranges for the pair.

    ``revenue``: the shares of revenue caught, and their draws (one row a draw).
    """
    import pandas as pd

    place, rows = list(codes).index(main), []
    shares, draws = revenue
    for other, code in enumerate(codes):
        if code not in RULES or code == main:
            continue
        half = TWO_SIDED * _pair_error(covariance, place, other)
        gap = float(auc[place] - auc[other])
        low, high = middle(draws[:, place] - draws[:, other])
        rows.append(
            {
                "method_code": code,
                "auc_gap": gap,
                "auc_gap_low": gap - half,
                "auc_gap_high": gap + half,
                "revenue_gap": float(shares[place] - shares[other]),
                "revenue_gap_low": low,
                "revenue_gap_high": high,
            }
        )
    return pd.DataFrame(rows)


def _difference_range(
    auc: Values, covariance: Values, place: int, rules: Sequence[int]
) -> tuple[float, float]:
    """The range of the model's AUC less that of the truly best rule.

    Below, the smallest of the lower limits: to beat the best is to beat every one of them. Above,
    limits that hold for all rules at once: some rule looks good by chance where there are many.
    """
    contrasts = np.zeros((len(rules), len(auc)))
    contrasts[:, place] = 1
    contrasts[np.arange(len(rules)), rules] = -1
    gaps = contrasts @ auc
    spread = contrasts @ covariance @ contrasts.T
    errors = np.sqrt(np.maximum(np.diag(spread), 0))
    low = float((gaps - TWO_SIDED * errors).min())
    high = float((gaps + simultaneous_limit(spread) * errors).min())
    return low, high


def _has_skill(auc: Values, covariance: Values) -> bool:
    """Whether any method ranks better than chance, the best of them being picked."""
    errors = np.sqrt(np.diag(covariance))
    lowest = auc - simultaneous_limit(covariance) * errors
    return bool((lowest > CHANCE + NEGLIGIBLE).any())


def _pair_error(covariance: Values, one: int, other: int) -> float:
    spread = covariance[one, one] + covariance[other, other] - 2 * covariance[one, other]
    return float(np.sqrt(max(spread, 0.0)))
