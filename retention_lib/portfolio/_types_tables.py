"""The tables of a typology: the types summed up, their differences in words, the assumptions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from retention_lib.base.customer_base import CustomerBase
from retention_lib.portfolio import _types_choice as choice
from retention_lib.portfolio._types_features import HABITS, TRAITS
from retention_lib.portfolio._types_space import TRAITS_WEIGHT
from retention_lib.portfolio._types_words import describe_type, show_value
from retention_lib.portfolio.intervals import share_interval
from retention_lib.wording import Wording

if TYPE_CHECKING:
    import pandas as pd

FEWEST = 50
"""With fewer active customers no types are looked for."""
FEW_CASES = 30
"""With fewer customers of a type then, no attrition is told."""


@dataclass(frozen=True)
class Periods:
    """The same customers in two periods, one after the other, as places in the space."""

    then: choice.Values
    now: choice.Values
    days: int


def word_differences(
    differences: pd.DataFrame, names: Mapping[str, str], wording: Wording
) -> pd.DataFrame:
    """The differences with the words of the type and of the feature, and figures as text."""
    shown = differences.copy()
    shown.insert(0, "type", shown["type_code"].map(names))
    features, texts = [], []
    for row in differences.itertuples():
        feature = wording.say(f"types.feature.{row.feature}")
        if row.level:
            feature = wording.say("chart.types.level", feature=feature, level=row.level)
        features.append(feature)
        texts.append(show_value(str(row.feature), float(row.own), wording))
    return shown.assign(feature_name=features, shown=texts)


def sum_up_types(
    base: CustomerBase,
    habits: pd.DataFrame,
    codes: pd.Series[Any],
    names: Mapping[str, str],
    differences: pd.DataFrame,
    attrition: Mapping[int, tuple[int, int]] | None,
) -> pd.DataFrame:
    """One row a type: what sets it apart, its value, who of it left."""
    import pandas as pd

    w, total = base.wording, float(habits["revenue"].sum())
    rows = []
    for code, name in names.items():
        revenue = habits["revenue"].to_numpy(dtype=float)[(codes == code).to_numpy()]
        there, gone = (attrition or {}).get(int(code[-2:]), (0, 0))
        enough = there >= FEW_CASES
        low, high = share_interval(gone, there) if enough else (np.nan, np.nan)
        alone = len(names) == 1
        rows.append(
            {
                "type": name,
                "set_apart": "" if alone else describe_type(differences, code, w),
                "customers": len(revenue),
                "share_of_customers": len(revenue) / len(habits),
                "revenue": round(float(revenue.sum()), 2),
                "share_of_revenue": float(revenue.sum()) / total if total > 0 else np.nan,
                "revenue_per_customer": round(float(revenue.mean()), 2),
                "attrition": gone / there if enough else np.nan,
                "attrition_low": low,
                "attrition_high": high,
                "customers_before": there,
                "gone": gone,
                "days_before": base.activity_window_days,
                "type_code": code,
            }
        )
    return pd.DataFrame(rows)


def state_assumptions(
    base: CustomerBase,
    habits: pd.DataFrame,
    tried: pd.DataFrame,
    k: int | None,
    seed: int,
    periods: Periods | None,
    known: int,
    attrition: Mapping[int, tuple[int, int]] | None,
) -> dict[str, object]:
    """Every choice the types were made under."""
    w, days, as_of = base.wording, base.activity_window_days, base.wording.date(base.as_of)
    who = w.say("types.assumption.who", customers=len(habits), as_of=as_of, days=days)
    if not len(tried):
        return {"as_of": base.as_of, "who": who}
    used = [name for name in (*HABITS, *TRAITS) if name in habits and name != "tenure_years"]
    features = w.listing([_lower(w.say(f"types.feature.{name}")) for name in used])
    asked = w.say("types.assumption.asked", types=k) if k is not None else ""
    said: dict[str, object] = {
        "as_of": base.as_of,
        "who": who,
        "features": w.say("types.assumption.features", features=features),
        "weights": w.say("types.assumption.weights", traits=w.number(TRAITS_WEIGHT, decimals=1)),
        "number_of_types": asked
        or w.say(
            "types.assumption.chosen",
            low=choice.NUMBERS[0],
            high=choice.NUMBERS[-1],
            stable=w.percent(choice.STABLE, decimals=0),
            cloud=w.percent(choice.ABOVE_CLOUD, decimals=0),
            lasting=w.percent(choice.LASTING, decimals=0),
        ),
        "fitted": w.say(
            "types.assumption.fitted",
            fitted=min(len(habits), choice.FITTED_ON),
            seed=str(seed),
            tried=min(len(habits), choice.DRAWN_FROM),
        ),
    }
    if periods is not None:
        key = "types.assumption.lasting" if len(periods.now) else "types.assumption.lasting_unknown"
        words: dict[str, object] = {"needed": FEWEST}
        if len(periods.now):
            words = {"customers": len(periods.now), "days": periods.days, "as_of": as_of}
        said["lasting"] = w.say(key, **words)
    if attrition is not None:
        said["type_attrition"] = w.say("types.assumption.attrition", days=days)
    else:
        said["type_attrition"] = w.say(
            "types.assumption.attrition_unknown", needed=2 * days, known=known
        )
    return said


def _lower(words: str) -> str:
    return words[:1].lower() + words[1:]
