"""What a campaign will be able to prove: decided before it goes out, not found out after it."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from retention_lib.base.customer_base import CustomerBase, require_base
from retention_lib.decisions._campaign_words import say_money
from retention_lib.decisions._holdout_history import (
    Past,
    as_points,
    contactable_today,
    look_back,
    strata,
)
from retention_lib.decisions._holdout_inputs import (
    check_customers,
    check_effect,
    check_shares,
    check_spans,
)
from retention_lib.decisions._holdout_power import (
    POWER,
    detectable,
    detectable_mean,
    needed,
    needed_mean,
)
from retention_lib.decisions._holdout_sizes import HoldoutSizes, say_count, say_points
from retention_lib.decisions._lots import held_by_lot
from retention_lib.decisions.past_campaigns import FEWEST, past_effects
from retention_lib.decisions.ranges import Number, Range, between, likely
from retention_lib.errors import InputError
from retention_lib.masking import said_name
from retention_lib.results import Listing, Result

if TYPE_CHECKING:
    import pandas as pd

SHARES = (0.05, 0.10, 0.20, 0.50)
DAYS = (30, 60, 90, 180)
USUAL_SHARE = 0.10
ASSUMED_EFFECT = Range(0.02, 0.05, 0.10)
"""So many more buyers (points) is what a good retention campaign may bring: an assumption."""


def design_holdout(
    base: CustomerBase,
    *,
    customers: int | Collection[str] | None = None,
    share: float | Sequence[float] = SHARES,
    days: int | Sequence[int] = DAYS,
    effect: Number | None = None,
) -> HoldoutDesign:
    """Say what effect a campaign can prove, by size of its control group, outcome and waiting.

    One row a share held back, outcome and number of days: the smallest effect that would be
    proved four times in five (tested at 5 %, two-sided), as it stands and with what the past
    explains taken off, and how many customers the effect hoped for needs. How much customers
    buy anyway, and how that swings, is measured on this base's own past: who was active so many
    days before ``as_of``, followed to ``as_of``. The trap: an effect smaller than the detectable
    one is not absent, it is invisible; hold back more, wait longer, or ask about repurchase.

    Parameters
    ----------
    base
        The customer base; nothing after its ``as_of`` is looked at.
    customers
        How many customers the campaign is for, control group included, or their codes; ``None``
        is everybody who is active and may be contacted.
    share
        The share held back by lot (between 0 and 1), or several to compare.
    days
        How many days purchases count (1 or more), or several to compare.
    effect
        The rise of the share of buyers hoped for (0.05 is 5 points), a number or a
        :class:`Range`; ``None`` is that of the latest campaign with a control group drawn by
        lot, else 2 to 10 points, likely 5: an assumption.

    Raises
    ------
    InputError
        Where an argument cannot be.

    Examples
    --------
    >>> import pandas as pd
    >>> lines = pd.DataFrame({"customer_id": [f"C{i % 40}" for i in range(400)],
    ...     "date": pd.date_range("2023-01-01", periods=400), "amount": 10.0})
    >>> design = design_holdout(CustomerBase.from_tables(lines), customers=2000, days=30)
    >>> design.to_frame()[["share_held", "treated", "control", "outcome"]].head(2)
       share_held  treated  control           outcome
    0        0.05     1900      100            Bought
    1        0.05     1900      100  Revenue a customer

    Shares after Fleiss, Levin and Paik 2003, Statistical Methods for Rates and Proportions,
    3rd ed., section 4.2; adjusting after Deng and others 2013 (CUPED), doi
    10.1145/2433396.2433413.
    """
    require_base(base)
    shares = check_shares(share)
    spans = check_spans(days)
    check_effect(effect)
    count, wanted, ids = check_customers(customers)
    if ids is None:
        ids = contactable_today(base)["customer_id"].tolist() if count is None else []
    total = len(ids) if count is None else count
    hoped, source = _hoped(base, effect)
    found = look_back(base, spans, wanted)
    rows = [_row(total, held, past, hoped) for held in shares for past in found]
    return HoldoutDesign(
        _table(rows, base),
        wording=base.wording,
        assumptions=_assumptions(base, hoped, source, found, spans),
        customers=total,
        customer_ids=tuple(ids),
        effect=hoped,
        effect_source=source,
        base=base,
    )


@dataclass(frozen=True, repr=False, eq=False)
class HoldoutDesign(Result):
    """What can be proved, one row a share held back, outcome and number of days.

    Columns: ``share_held, treated, control`` (customers), ``outcome, days, said_level`` (what
    customers do anyway), ``said_detectable`` and ``said_adjusted`` (the smallest provable effect
    as it stands and adjusted by the past), ``said_points`` (the latter in more buyers, so that
    outcomes compare); for code ``points`` (0.02 is 2 points), ``outcome_code, level, detectable,
    adjusted, each_buyer`` and ``needed`` (customers in all that prove the effect hoped for;
    infinite where none do). ``customers``: how many the campaign is for. ``effect``: the rise hoped
    for, ``effect_source`` ``given``, ``measured`` or ``assumed``.
    """

    chart: ClassVar[str] = "campaign_charts.plot_holdout"
    hidden: ClassVar[tuple[str, ...]] = (
        "points",
        "outcome_code",
        "level",
        "detectable",
        "adjusted",
        "each_buyer",
        "needed",
    )
    formats: ClassVar[Mapping[str, str]] = {
        "share_held": "percent",
        "treated": "count",
        "control": "count",
        "days": "count",
    }

    customers: int = field(kw_only=True)
    customer_ids: tuple[str, ...] = field(kw_only=True)
    effect: Range = field(kw_only=True)
    effect_source: str = field(kw_only=True)
    base: CustomerBase = field(kw_only=True)

    @property
    def usual_share(self) -> float:
        """The share that sentences and the picture are about: the one nearest to 10 %."""
        provable = self.table.dropna(subset=["points"])["share_held"].unique()
        return float(min(provable, key=lambda held: abs(held - USUAL_SHARE), default=math.nan))

    def soonest(self, share: float | None = None) -> Mapping[str, Any]:
        """The row that proves the effect hoped for soonest, or else comes nearest to it.

        Empty where nothing can be told.
        """
        held = self.usual_share if share is None else share
        rows = self.table[(self.table["share_held"] == held) & self.table["points"].notna()]
        if rows.empty:
            return {}
        enough = rows[rows["points"] <= self.effect.likely]
        if enough.empty:
            return dict(rows.loc[rows["points"].idxmin()])
        return dict(enough.sort_values(["days", "points"], kind="stable").iloc[0])

    def sizes(self) -> HoldoutSizes:
        """Several control groups side by side, for the outcome that proves it soonest.

        Each with the effect it proves, and what is given up by not contacting those held back.
        """
        import pandas as pd

        w, best = self.wording, self.soonest()
        rows = []
        for held in self.table["share_held"].unique() if best else []:
            of = self.table[self.table["share_held"] == held]
            same = of[(of["outcome_code"] == best["outcome_code"]) & (of["days"] == best["days"])]
            money = of[
                of["outcome_code"].isin(["revenue", "margin"]) & (of["days"] == best["days"])
            ]
            row, value = same.iloc[0], float(money["each_buyer"].iloc[-1])
            ends = (self.effect.low, self.effect.likely, self.effect.high)
            low, middle, high = (float(row["control"]) * end * value for end in ends)
            rows.append(
                {
                    "share_held": held,
                    "treated": int(row["treated"]),
                    "control": int(row["control"]),
                    "said_points": row["said_points"],
                    "points": float(row["points"]),
                    "said_needed": say_count(float(row["needed"]), w),
                    "forgone": middle,
                    "said_forgone": w.say(
                        "campaigns.range", low=say_money(low, w), high=say_money(high, w)
                    ),
                    "forgone_low": low,
                    "forgone_high": high,
                }
            )
        names = ["share_held", "treated", "control", "said_points", "said_needed", "forgone"]
        names += ["said_forgone", "points", "forgone_low", "forgone_high"]
        return HoldoutSizes(
            pd.DataFrame(rows, columns=names),
            wording=w,
            assumptions=self.assumptions,
            of=self,
            outcome=str(best.get("outcome", "")),
            days=int(best.get("days", 0)),
        )

    def draw(
        self,
        customer_ids: Sequence[str] | None = None,
        *,
        share: float = USUAL_SHARE,
        seed: int | str = "holdout",
    ) -> Listing:
        """Draw the lots: that share held back, alike in every size and value band.

        Columns: ``customer_id, drawn_group`` (in words), ``stratum``; for code ``group``
        (``treated`` or ``control``). The same customers and seed give the same lots for ever.
        """
        import pandas as pd

        check_shares(share)
        ids = list(self.customer_ids if customer_ids is None else map(str, customer_ids))
        if not ids:
            raise InputError(
                "The lots need the customers' codes: pass draw(customer_ids), or "
                "design_holdout(base, customers=codes) instead of a number."
            )
        twice = len(ids) - len(set(ids))
        if twice:
            raise InputError(
                f"{twice:,} of {len(ids):,} customer codes come more than once (first: "
                f"{said_name(next(code for code in ids if ids.count(code) > 1))!r}). "
                f"Pass each once."
            )
        layers = strata(self.base, ids)
        held = held_by_lot(ids, share, seed=seed, strata=layers)
        w = self.wording
        codes = np.where(held, "control", "treated")
        words = {code: w.say(f"holdout.group.{code}") for code in ("treated", "control")}
        table = pd.DataFrame(
            {
                "customer_id": ids,
                "drawn_group": [words[code] for code in codes],
                "stratum": layers,
                "group": codes,
            }
        )
        said = w.say(
            "holdout.drawn",
            control=int(held.sum()),
            customers=len(ids),
            share=w.percent(share),
            strata=len(set(layers)),
            seed=str(seed),
        )
        return _Lots(table, wording=w, said=said)

    def sentence(self) -> str:
        """What can be proved and how soon, why repurchase tells it first, and what is missing."""
        w, best = self.wording, self.soonest()
        if not best:
            return self.finding() + "."
        parts = [self.finding() + "."]
        others = self._money(best)
        if (
            others is not None
            and best["outcome_code"] == "buyers"
            and (others["points"] > best["points"])
        ):
            said = w.say(
                "holdout.money",
                outcome=w.say(f"holdout.lower.{others['outcome_code']}"),
                points=say_points(others["points"], w),
            )
            parts.append(said)
        parts.append(self._hope(best))
        return " ".join(parts)

    def finding(self) -> str:
        """The first half of the sentence, without its full stop, for a title."""
        w, best = self.wording, self.soonest()
        if not best:
            key = "small" if len(self.table) else "nothing"
            said = w.say(f"holdout.{key}", customers=self.customers, least=FEWEST)
            return said.rstrip(".")
        return w.say(
            "holdout.finding",
            customers=self.customers,
            share=w.percent(float(best["share_held"]), decimals=0),
            control=int(best["control"]),
            outcome=w.say(f"holdout.lower.{best['outcome_code']}"),
            days=int(best["days"]),
            points=say_points(float(best["points"]), w),
        )

    def _money(self, best: Mapping[str, Any]) -> Mapping[str, Any] | None:
        rows = self.table[
            (self.table["share_held"] == best["share_held"])
            & (self.table["days"] == best["days"])
            & (self.table["outcome_code"] != "buyers")
            & self.table["points"].notna()
        ]
        return None if rows.empty else dict(rows.iloc[0])

    def _hope(self, best: Mapping[str, Any]) -> str:
        w = self.wording
        enough = float(best["points"]) <= self.effect.likely
        never = not math.isfinite(float(best["needed"]))
        return w.say(
            f"holdout.{'enough' if enough else 'never' if never else 'too_few'}",
            effect=say_points(self.effect.likely, w),
            source=w.say(f"holdout.source.{self.effect_source}"),
            days=int(best["days"]),
            needed=say_count(float(best["needed"]), w),
        )


class _Lots(Listing):
    hidden: ClassVar[tuple[str, ...]] = ("group",)


def _row(total: int, held: float, past: Past, hoped: Range) -> dict[str, Any]:
    control = round(total * held)
    treated = total - control
    # What measure_campaign would not tell cannot be proved either.
    told = 1.0 if min(treated, control) >= FEWEST else math.nan
    if past.outcome == "buyers":
        plain, other = (
            told * detectable(treated, control, past.mean, explained=part)
            for part in (0.0, past.explained)
        )
        rise = min(hoped.likely, 1 - past.mean)
        enough = needed(past.mean, rise, held, explained=past.explained)
        points = other
    else:
        plain, other = (
            told * detectable_mean(treated, control, past.deviation, explained=part)
            for part in (0.0, past.explained)
        )
        rise = hoped.likely * past.each_buyer
        enough = needed_mean(past.deviation, rise, held, explained=past.explained)
        points = as_points(other, past)
    return {
        "share_held": held,
        "treated": treated,
        "control": control,
        "days": past.days,
        "points": points,
        "outcome_code": past.outcome,
        "level": past.mean,
        "detectable": plain,
        "adjusted": other,
        "each_buyer": past.each_buyer,
        "needed": enough,
    }


_TYPES: Mapping[str, str] = {
    "share_held": "float64",
    "treated": "int64",
    "control": "int64",
    "outcome": "object",
    "days": "int64",
    "said_level": "object",
    "said_detectable": "object",
    "said_adjusted": "object",
    "said_points": "object",
    "points": "float64",
    "outcome_code": "object",
    "level": "float64",
    "detectable": "float64",
    "adjusted": "float64",
    "each_buyer": "float64",
    "needed": "float64",
}


def _table(rows: list[dict[str, Any]], base: CustomerBase) -> pd.DataFrame:
    import pandas as pd

    w = base.wording
    for row in rows:
        buyers = row["outcome_code"] == "buyers"
        row["outcome"] = w.say(f"campaigns.outcome.{row['outcome_code']}")
        row["said_level"] = w.percent(row["level"]) if buyers else w.money(row["level"], decimals=2)
        for name in ("detectable", "adjusted"):
            value = row[name]
            said = say_points(value, w) if buyers else w.money(value, decimals=2)
            row[f"said_{name}"] = said if value == value else w.say("holdout.impossible")
        known = row["points"] == row["points"]
        row["said_points"] = say_points(row["points"], w) if known else w.say("holdout.impossible")
    table = pd.DataFrame(rows, columns=list(_TYPES)).astype(dict(_TYPES))
    order = {code: place for place, code in enumerate(("buyers", "revenue", "margin"))}
    table["order"] = table["outcome_code"].map(order)
    table = table.sort_values(["share_held", "order", "days"], kind="stable", ignore_index=True)
    return table.drop(columns="order")


def _hoped(base: CustomerBase, effect: Number | None) -> tuple[Range, str]:
    if effect is not None:
        low, high = between(effect)
        return Range(low, likely(effect), high), "given"
    told = past_effects(base, horizon_days=90).table if base.has("campaigns", "group") else None
    if told is not None:
        told = told[(told["reading_code"] == "effect") & (told["buyers_difference"] > 0)]
        if len(told):
            row = told.iloc[-1]
            middle = float(row["buyers_difference"])
            return Range(max(float(row["difference_low"]), 0.0), middle,
                         float(row["difference_high"])), "measured"  # fmt: skip
    return ASSUMED_EFFECT, "assumed"


def _assumptions(
    base: CustomerBase, hoped: Range, source: str, found: list[Past], spans: list[int]
) -> dict[str, object]:
    w = base.wording
    told = sorted({past.days for past in found})
    missing = [w.number(span) for span in spans if span not in told]
    said: dict[str, object] = {
        "as_of": base.as_of,
        "holdout_effect": w.say(
            "holdout.effect",
            effect=say_points(hoped.likely, w),
            low=w.number(100 * hoped.low, decimals=1),
            high=say_points(hoped.high, w),
            source=w.say(f"holdout.source.{source}"),
        ),
        "holdout_sure": w.say("holdout.sure", power=w.percent(POWER, decimals=0)),
        "holdout_past": w.say(
            "holdout.past", customers=max((past.customers for past in found), default=0)
        ),
        "holdout_same": w.say("holdout.same"),
    }
    if missing:
        said["holdout_short"] = w.say("holdout.short", days=w.listing(missing))
    return said
