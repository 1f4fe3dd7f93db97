"""Where revenue is expected to leave: groups of customers, each at its own past rate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from retention_lib.portfolio._value_draws import Plan, whole_up
from retention_lib.portfolio._value_groups import pooled, table_that_would_show
from retention_lib.portfolio.intervals import middle, resampled, share_interval
from retention_lib.portfolio.rfm import SKETCH_BELOW
from retention_lib.results import Result
from retention_lib.wording import Wording

if TYPE_CHECKING:
    import pandas as pd

WHERE_COLUMNS = (
    "customers",
    "revenue",
    "opening_customers",
    "lost_customers",
    "loss_rate",
    "loss_rate_low",
    "loss_rate_high",
    "expected_loss",
    "expected_loss_low",
    "expected_loss_high",
    "new_to_replace",
)


@dataclass(frozen=True)
class Grouped:
    """The group of each customer of the movements, at their start and now; missing if unknown."""

    by: str
    then: pd.Series[Any]
    now: pd.Series[Any]


@dataclass(frozen=True, repr=False, eq=False)
class NeedsByGroup(Result):
    """Where revenue is expected to leave: one row a group, the largest expected loss first.

    Columns: the description itself (``segment, sector`` …), ``customers`` and ``revenue`` today;
    of those active at the start ``opening_customers, lost_customers``, ``loss_rate`` with
    ``loss_rate_low, loss_rate_high`` (missing below 30 customers); ``expected_loss`` of revenue
    at the group's own past rate with ``expected_loss_low, expected_loss_high``; and
    ``new_to_replace``, how many new customers bring as much. Small groups are pooled. A segment's
    rate is that of who was in it at the start, applied to who is in it today.
    """

    chart: ClassVar[str] = "value_charts.plot_needs_where"
    formats: ClassVar[Mapping[str, str]] = {
        "customers": "count",
        "revenue": "money",
        "opening_customers": "count",
        "lost_customers": "count",
        "loss_rate": "percent",
        "loss_rate_low": "percent",
        "loss_rate_high": "percent",
        "expected_loss": "money",
        "expected_loss_low": "money",
        "expected_loss_high": "money",
        "new_to_replace": "count",
    }

    by: str = field(kw_only=True)
    absent: bool = field(kw_only=True)
    missing: str = field(kw_only=True)
    months: int = field(kw_only=True)

    def sentence(self) -> str:
        """Which group the largest loss is expected from, and what it takes to replace it."""
        w = self.wording
        if self.missing:
            return self.missing
        if self.absent:
            column, table = self.by, w.table(table_that_would_show(self.by))
            return w.say("needs.absent", column=column, table=table)
        top = self._top()
        if top is None:
            return w.say("needs.where_few")
        said = w.say("needs.where_sentence", finding=self.finding(), **self._words(top))
        if top["new_to_replace"] == top["new_to_replace"]:
            said += " " + w.say("needs.replace", new=whole_up(float(top["new_to_replace"])))
        return said

    def finding(self) -> str:
        """Where the most is expected to leave, for a title."""
        top = None if self.missing or self.absent else self._top()
        if top is None:
            return self.sentence().rstrip(".")
        return self.wording.say("needs.where", **self._words(top))

    def _top(self) -> pd.Series[Any] | None:
        """The group with the largest expected loss, among those whose rate can be told."""
        known = self.table[self.table["expected_loss"] > 0]
        return None if known.empty else known.iloc[0]

    def _words(self, top: pd.Series[Any]) -> dict[str, object]:
        w = self.wording
        everything = float(self.table["expected_loss"].sum())
        return {
            "group": top[self.by],
            "loss": w.money(float(top["expected_loss"])),
            "low": w.money(float(top["expected_loss_low"])),
            "high": w.money(float(top["expected_loss_high"])),
            "all": w.money(everything),
            "months": self.months,
        }


def where_table(
    frame: pd.DataFrame, grouped: Grouped | None, plan: Plan, wording: Wording
) -> pd.DataFrame:
    """One row a group: revenue today and what is expected to leave at its own past rate."""
    import pandas as pd

    if grouped is None:
        return pd.DataFrame(columns=list(WHERE_COLUMNS))
    then, now = _labelled(frame, grouped, wording)
    opening, closing = frame["opening"].to_numpy(), frame["closing"].to_numpy()
    labels = sorted({*then[opening], *now[closing]})
    rows = []
    for label in labels:
        held = frame[(now == label).to_numpy() & closing]
        began = frame[(then == label).to_numpy() & opening]
        rows.append((label, *_row(held, began, plan)))
    table = pd.DataFrame(rows, columns=[grouped.by, *WHERE_COLUMNS])
    money = ["revenue", "expected_loss", "expected_loss_low", "expected_loss_high"]
    table[money] = table[money].astype(float).round(2) + 0.0
    order = ["expected_loss", "revenue", grouped.by]
    return table.sort_values(order, ascending=[False, False, True], ignore_index=True)


def _row(held: pd.DataFrame, began: pd.DataFrame, plan: Plan) -> tuple[float, ...]:
    opening, gone = len(began), ~began["closing"].to_numpy()
    lost, revenue = int(gone.sum()), float(held["closing_revenue"].sum())
    before = began["opening_revenue"].to_numpy()
    nothing = float("nan")
    if opening < SKETCH_BELOW:
        # Too few for a rate: their count is told, and nothing is expected of it.
        return (len(held), revenue, opening, lost, *(nothing,) * 7)
    share = _share(before, before * gone)
    low, high = middle(resampled(_share, before, before * gone))
    loss = revenue * share
    return (
        len(held),
        revenue,
        opening,
        lost,
        lost / opening,
        *share_interval(lost, opening),
        loss,
        revenue * low,
        revenue * high,
        loss / plan.per_new,
    )


def _share(before: np.ndarray[Any, Any], lost: np.ndarray[Any, Any]) -> float:
    total = float(before.sum())
    return float(lost.sum()) / total if total > 0 else float("nan")


def _labelled(
    frame: pd.DataFrame, grouped: Grouped, wording: Wording
) -> tuple[pd.Series[Any], pd.Series[Any]]:
    """Groups at the start and now under their labels; those with few customers together."""
    import pandas as pd

    opening, closing = frame["opening"].to_numpy(), frame["closing"].to_numpy()
    both = pd.concat([grouped.then[opening], grouped.now[closing]])
    labels, _ = pooled(both, wording)
    named = dict(zip(both.fillna(""), labels, strict=True))
    then = grouped.then.fillna("").map(named)
    now = grouped.now.fillna("").map(named)
    counts = then[opening].value_counts()
    few = [label for label in named.values() if counts.get(label, 0) < SKETCH_BELOW]
    few = list(dict.fromkeys(few))
    if len(few) > 1:
        pool = wording.say("needs.small_groups", groups=len(few))
        while pool in named.values():
            pool = f"({pool})"
        together = dict.fromkeys(few, pool)
        then, now = then.replace(together), now.replace(together)
    return then, now
