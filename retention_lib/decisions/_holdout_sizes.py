"""Control groups of several sizes side by side, and how their figures are said."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from retention_lib.results import Result

if TYPE_CHECKING:
    from retention_lib.decisions.holdout import HoldoutDesign


@dataclass(frozen=True, repr=False, eq=False)
class HoldoutSizes(Result):
    """Control groups side by side, one row a share held back, for one outcome and waiting.

    Columns: ``share_held, treated, control, said_points`` (the smallest provable rise of the
    share of buyers), ``said_needed`` (customers in all that prove the effect hoped for),
    ``forgone`` (money that contacting those held back would bring within the days, were the
    effect as hoped)
    and ``said_forgone`` (between); for code ``points, forgone_low, forgone_high``.
    """

    chart: ClassVar[str] = "campaign_charts.plot_sizes"
    hidden: ClassVar[tuple[str, ...]] = ("points", "forgone_low", "forgone_high")
    formats: ClassVar[Mapping[str, str]] = {
        "share_held": "percent",
        "treated": "count",
        "control": "count",
        "forgone": "money",
    }

    of: HoldoutDesign = field(kw_only=True)
    outcome: str = field(kw_only=True)
    days: int = field(kw_only=True)

    def sentence(self) -> str:
        """What the smallest control group proves, and what the largest."""
        return self.finding() + "."

    def finding(self) -> str:
        """The sentence without its full stop, for a title."""
        w = self.wording
        told = self.table.dropna(subset=["points"])
        if len(told) < 2:
            return self.of.finding()
        first, last = told.iloc[0], told.iloc[-1]
        return w.say(
            "holdout.sizes",
            first=w.percent(first["share_held"], decimals=0),
            first_points=say_points(first["points"], w),
            last=w.percent(last["share_held"], decimals=0),
            last_points=say_points(last["points"], w),
            days=self.days,
        )


def say_count(customers: float, wording: Any) -> str:
    """Customers to two figures, upwards; a dash where no number would do."""
    if not math.isfinite(customers):
        return "–"
    step = 10 ** max(int(math.log10(max(customers, 1))) - 1, 0)
    return str(wording.number(math.ceil(customers / step) * step))


def say_points(share: float, wording: Any) -> str:
    return str(wording.say("campaigns.points", points=wording.number(100 * share, decimals=1)))
