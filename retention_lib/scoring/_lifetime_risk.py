"""The value at risk: what a customer is worth, times its probability to leave."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import NormalDist
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pandas as pd

from retention_lib.errors import InputError
from retention_lib.masking import said_name
from retention_lib.portfolio.intervals import Values
from retention_lib.results import Result
from retention_lib.scoring._lifetime_draws import LEVEL
from retention_lib.scoring._lifetime_results import about, is_sketch, variance_of

if TYPE_CHECKING:
    from retention_lib.scoring.lifetime import LifetimeResult

QUADRANTS = ("act", "care", "nudge", "leave")
_HALF = 0.5
_Z = NormalDist().inv_cdf((1 + LEVEL) / 2)


@dataclass(frozen=True, repr=False, eq=False)
class AtRiskResult(Result):
    """The value at risk, one row an active customer with a score, the most at risk first.

    Columns: ``customer_id``, ``name`` where known, ``churn_probability`` (0 to 1),
    ``clv, clv_low, clv_high``, ``value_at_risk`` (probability times clv) with its 90 % range
    ``value_at_risk_low, value_at_risk_high``, ``quadrant`` in words and ``quadrant_code``:
    ``act`` (high worth, high risk), ``care`` (high worth), ``nudge`` (high risk) or ``leave``.
    High worth are the customers who, from the largest down, carry the first half of the value;
    high risk is a probability above the average. ``worth_line`` and ``risk_line`` are where the
    lines run. ``total, low, high``: all value at risk. The trap: the probability is for the
    horizon of the scores, the value for that of the valuation.
    """

    chart: ClassVar[str] = "worth_charts.plot_value_map"
    formats: ClassVar[Mapping[str, str]] = {
        "churn_probability": "percent",
        "clv": "money",
        "clv_low": "money",
        "clv_high": "money",
        "value_at_risk": "money",
        "value_at_risk_low": "money",
        "value_at_risk_high": "money",
    }
    hidden: ClassVar[tuple[str, ...]] = ("clv_low", "clv_high", "quadrant_code")

    worth_line: float = field(kw_only=True)
    risk_line: float = field(kw_only=True)
    total: float = field(kw_only=True)
    low: float = field(kw_only=True)
    high: float = field(kw_only=True)
    unscored: int = field(kw_only=True)
    measure: str = field(kw_only=True)
    untold: str = field(default="", kw_only=True)
    """Why there is nothing to show, where there is more to say than that."""

    def sentence(self) -> str:
        """How much value is at risk, and how few customers carry it."""
        said = self.finding()
        return said if said.endswith((".", "?", "!")) else said + "."

    def finding(self) -> str:
        """The sentence without its full stop, for a title."""
        w, table = self.wording, self.table
        if table.empty:
            return self.untold or w.say("lifetime.risk.empty")
        told = {
            "risk": about(self.total, w),
            "low": about(self.low, w),
            "high": about(self.high, w),
            "worth": about(float(table["clv"].sum()), w),
            "what": w.say(f"lifetime.what.{self.measure}"),
            "customers": len(table),
        }
        if is_sketch(len(table)) or not self.total > 0:
            return w.say("lifetime.risk.sketch", **told)
        act = table[table["quadrant_code"] == "act"]
        carried = float(act["value_at_risk"].sum()) / self.total
        words = w.say(
            "lifetime.risk.act_nobody" if act.empty else "lifetime.risk.act",
            act=len(act),
            share=w.percent(carried, decimals=0),
        )
        return w.say("lifetime.risk.finding", **told, few=self.carriers(), act_words=words)

    def carriers(self, share: float = _HALF) -> int:
        """How few customers, most at risk first, carry half (or another share) of it all."""
        summed = np.cumsum(self.table["value_at_risk"].to_numpy(dtype=float))
        if not len(summed):
            return 0
        return int(np.searchsorted(summed, share * summed[-1] * (1 - 1e-12))) + 1

    def quadrants(self) -> QuadrantResult:
        """The four quadrants: customers, value and value at risk of each."""
        table, w = self.table, self.wording
        rows = []
        for code in QUADRANTS:
            held = table[table["quadrant_code"] == code]
            rows.append(
                {
                    "quadrant": w.say(f"lifetime.quadrant.{code}"),
                    "customers": len(held),
                    "clv": float(held["clv"].sum()),
                    "value_at_risk": float(held["value_at_risk"].sum()),
                    "quadrant_code": code,
                }
            )
        return QuadrantResult(
            pd.DataFrame(rows), wording=w, assumptions=self.assumptions, said=self.sentence()
        )


@dataclass(frozen=True, repr=False, eq=False)
class QuadrantResult(Result):
    """The four quadrants of the value map, one row each: customers, value and value at risk."""

    formats: ClassVar[Mapping[str, str]] = {
        "customers": "count",
        "clv": "money",
        "value_at_risk": "money",
    }
    hidden: ClassVar[tuple[str, ...]] = ("quadrant_code",)

    said: str = field(kw_only=True)

    def sentence(self) -> str:
        """How much value is at risk, and who carries it."""
        return self.said


def risk_of(result: LifetimeResult, scores: Any) -> AtRiskResult:
    """Join the scores to the values of the active customers."""
    w = result.wording
    known = checked_scores(scores)
    now = result.table[result.table["active"] & result.table["clv"].notna()]
    table = now.merge(known, on="customer_id", how="inner", validate="one_to_one")
    risk = table["churn_probability"].to_numpy(dtype=float)
    worth = table["clv"].to_numpy(dtype=float)
    table["value_at_risk"] = risk * worth
    table["value_at_risk_low"] = risk * table["clv_low"]
    table["value_at_risk_high"] = risk * table["clv_high"]
    worth_line, risk_line = _half_line(worth), float(risk.mean()) if len(risk) else 0.0
    high_worth, high_risk = (worth >= worth_line) & (worth > 0), risk > risk_line
    codes = np.where(
        high_worth, np.where(high_risk, "act", "care"), np.where(high_risk, "nudge", "leave")
    )
    table["quadrant"] = [w.say(f"lifetime.quadrant.{code}") for code in codes]
    table["quadrant_code"] = codes
    total = float(table["value_at_risk"].sum())
    own = float(np.sum(risk**2 * variance_of(table)))
    spread = np.sqrt(result.total.systematic + (own / total**2 if total > 0 else 0.0))
    # On the logarithm: a value is never below nothing.
    low, high = (float(total * np.exp(sign * _Z * spread)) for sign in (-1, 1))
    names = ["customer_id", *(["name"] if "name" in table else []), *AtRiskResult.formats]
    table = table.sort_values(
        ["value_at_risk", "customer_id"], ascending=[False, True], ignore_index=True
    )
    return AtRiskResult(
        table[[*names, "quadrant", "quadrant_code"]],
        wording=w,
        assumptions={
            **result.assumptions,
            "risk_lines": w.say(
                "lifetime.risk.lines", worth=about(worth_line, w), risk=w.percent(risk_line)
            ),
            "risk_unscored": len(now) - len(table),
        },
        worth_line=worth_line,
        risk_line=risk_line,
        total=total,
        low=low,
        high=high,
        unscored=len(now) - len(table),
        measure=result.measure,
        untold=_say_why(result, scores, known, now),
    )


def _say_why(result: LifetimeResult, scores: Any, known: pd.DataFrame, now: pd.DataFrame) -> str:
    """Why nothing can be shown: no forecast of churn, or ids that are not those of the base."""
    if known.empty:
        return scores.sentence() if isinstance(scores, Result) else ""
    if now.empty or known["customer_id"].isin(result.table["customer_id"]).any():
        return ""
    return (
        result.wording.say(
            "lifetime.risk.nobody_known",
            scored=len(known),
            example=said_name(known["customer_id"].iloc[0]),
            ours=said_name(now["customer_id"].iloc[0]),
        )
        + "?"
    )


def _half_line(worth: Values) -> float:
    """The value from which on, from the largest down, customers carry the first half of it all."""
    ranked = np.sort(np.maximum(worth, 0.0))[::-1]
    total = float(ranked.sum())
    if not total > 0:
        return 0.0
    return float(ranked[np.searchsorted(np.cumsum(ranked), _HALF * total * (1 - 1e-12))])


def checked_scores(scores: Any) -> pd.DataFrame:
    """The two columns of the scores; everything that cannot be is said at once."""
    frame = scores.to_frame() if isinstance(scores, Result) else scores
    needed = ["customer_id", "churn_probability"]
    if not isinstance(frame, pd.DataFrame):
        raise InputError(
            f"scores must be the result of a churn model's .score(base), or a DataFrame with "
            f"{' and '.join(needed)}; got {type(scores).__name__}."
        )
    missing = [name for name in needed if name not in frame]
    if missing:
        raise InputError(
            f"scores have no column {' and no '.join(missing)}; they have "
            f"{', '.join(map(str, frame.columns)) or 'none'}. Rename yours to "
            f"{' and '.join(needed)}."
        )
    several = [name for name in needed if list(frame.columns).count(name) > 1]
    if several:
        raise InputError(
            f"scores have the column {' and '.join(several)} more than once. Keep one of them."
        )
    known = frame[needed].copy()
    known["customer_id"] = known["customer_id"].astype(str)
    twice = known["customer_id"].duplicated()
    if twice.any():
        raise InputError(
            f"scores have {int(twice.sum())} customer(s) more than once (first: "
            f"{said_name(known.loc[twice, 'customer_id'].iloc[0])}). Keep one row a customer."
        )
    given = known["churn_probability"]
    if pd.api.types.is_bool_dtype(given) or given.map(lambda one: isinstance(one, bool)).any():
        raise InputError(
            "churn_probability is True or False; it takes a probability from 0 to 1, such as "
            "0.35. Take the column of probabilities, not that of decisions."
        )
    numbers = pd.to_numeric(given, errors="coerce")
    wrong = ~numbers.between(0, 1)
    if wrong.any():
        raise InputError(
            f"churn_probability must lie between 0 and 1; {int(wrong.sum())} of {len(known)} do "
            f"not (first: {known.loc[wrong, 'churn_probability'].iloc[0]!r}). Percentages are "
            f"divided by 100; rows without one are left out before."
        )
    known["churn_probability"] = numbers.astype(float)
    return known
