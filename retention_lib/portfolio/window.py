"""The activity window: how long a silence has to be before a customer is called lost.

Every figure of the leaky tank hangs on that one choice, so it is proposed from the data, and
what other choices would make of the same customers stands beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from numbers import Real
from typing import TYPE_CHECKING, ClassVar

import narwhals as nw
import numpy as np

from retention_lib.base import engine
from retention_lib.base.customer_base import CustomerBase, require_base
from retention_lib.errors import ChoiceError, InputError
from retention_lib.portfolio._beginnings import first_day
from retention_lib.portfolio._flows_gaps import (
    Gaps,
    Standing,
    count_gaps,
    count_standings,
    latest_months,
    without_contracts,
)
from retention_lib.portfolio._flows_periods import Span, longest_kind
from retention_lib.portfolio._flows_trend import annual_rate
from retention_lib.portfolio.calendar_periods import Period
from retention_lib.portfolio.intervals import share_interval
from retention_lib.results import Result

if TYPE_CHECKING:
    import pandas as pd

CANDIDATES = (30, 60, 90, 120, 180, 270, 365, 545, 730)
"""Windows to choose from, in days; those longer than the history are left out."""

FEW_GAPS = 30
"""With fewer gaps than this the proposal is called a sketch."""

_HANGS = 1.5
"""From this ratio of the highest to the lowest rate on, attrition is said to hang on the window."""

ENOUGH_MONTHS = 6
"""Rates measured over fewer months are shown, but not compared with others."""


def measure_window(base: CustomerBase, *, coverage: float = 0.95) -> WindowResult:
    """Propose the activity window from the gaps between purchases, and show what it does.

    One row a candidate window, in days, the base's own among them. The share of gaps it covers
    is that of the gaps which end within the time that can be seen; long gaps are under-observed
    and are estimated from those who could still be seen at each length. The trap: a short window
    calls customers lost who are only between two purchases; ``came_back`` says how many.

    Parameters
    ----------
    base
        The customer base; nothing after its ``as_of`` is looked at. Customers with a contract
        have no say in the gaps: they are lost when the account is closed.
    coverage
        The share of gaps (above 0, at most 1) that the proposed window covers (default:
        ``0.95``): one return in twenty then comes after the customer was called lost.

    Raises
    ------
    InputError
        Where ``coverage`` does not lie between 0 and 1.

    Examples
    --------
    >>> import pandas as pd
    >>> days = pd.date_range("2023-01-01", periods=28, freq="28D")
    >>> lines = pd.DataFrame({"customer_id": ["a", "b"] * 14, "date": days, "amount": 10.0})
    >>> window = measure_window(CustomerBase.from_tables(lines))
    >>> window.proposed_days, window.period
    (60, 'year')
    """
    require_base(base)
    _check_coverage(coverage)
    first = first_day(base)
    history = base.as_of_day - first
    windows = sorted({days for days in CANDIDATES if days <= history} | {base.activity_window_days})
    seen_from = Span("month", first, base.as_of_day, 1).seen_from
    spans = [latest_months(days, seen_from, base.as_of_day) for days in windows]
    with engine.kept(base.purchases().select("customer_id", "day")) as bought:
        seen = bought.filter(nw.col("day") >= first)
        gaps = count_gaps(without_contracts(base, seen), base.as_of_day)
        standings = count_standings(base, bought, spans)
    table = _table(standings, gaps, first, base.as_of_day)
    proposed = _propose(table, coverage)
    usable = _usable(table, base.activity_window_days, proposed)
    chosen = base if usable == base.activity_window_days else base.with_window(usable)
    return WindowResult(
        table,
        wording=base.wording,
        assumptions=_assumptions(base, coverage, gaps, history),
        base=chosen,
        own_days=base.activity_window_days,
        proposed_days=proposed,
        period=longest_kind(first, base.as_of_day, usable) or "year",
        coverage=float(coverage),
        gaps=gaps,
    )


@dataclass(frozen=True, repr=False, eq=False)
class WindowResult(Result):
    """What each activity window makes of the same customers, one row a window, shortest first.

    Columns: ``window_days``; ``covered``, the share of gaps it covers; ``active`` customers on
    ``as_of``; ``annual_attrition`` with ``annual_low, annual_high`` (95 %), measured over
    ``months`` (the last twelve complete ones, or as many as have a fully observed opening;
    missing where none has); ``called_lost``, silences that outlasted the window, and
    ``came_back``, the share of them that ended with a purchase so far; ``shows``, the longest
    period (year, quarter, month) of which there is a complete one, empty where there is none.

    ``proposed_days``: the shortest that covers ``coverage`` of the gaps. ``base``: the same base
    with a window under which there is a complete period, its own wherever possible;
    ``period``: the longest such period.
    """

    chart: ClassVar[str] = "flow_charts.plot_window"
    formats: ClassVar[Mapping[str, str]] = {
        "window_days": "count",
        "active": "count",
        "called_lost": "count",
        "months": "count",
        **dict.fromkeys(("covered", "annual_attrition", "annual_low", "annual_high"), "percent"),
        "came_back": "percent",
    }
    hidden: ClassVar[tuple[str, ...]] = ("annual_low", "annual_high", "shows")

    base: CustomerBase = field(kw_only=True)
    own_days: int = field(kw_only=True)
    proposed_days: int = field(kw_only=True)
    period: Period = field(kw_only=True)
    coverage: float = field(kw_only=True)
    gaps: Gaps = field(kw_only=True)

    def sentence(self) -> str:
        """What is proposed and why, what "lost" hangs on, and which window ``base`` has."""
        said = [self._say_proposal(), self._say_effect(), self._say_base()]
        return " ".join(part for part in said if part)

    def finding(self) -> str:
        """What "lost" hangs on, for a title; what is proposed where attrition cannot be told."""
        return self._say_effect() or self._say_proposal()

    def row(self, window_days: int) -> pd.Series:
        """The row of one window; ``ChoiceError`` where the table has none of that length."""
        known = self.table["window_days"].tolist()
        if not isinstance(window_days, int | np.integer) or window_days not in known:
            raise ChoiceError("window_days", window_days, known)
        return self.table.set_index("window_days").loc[window_days]

    def _say_proposal(self) -> str:
        w, row = self.wording, self.row(self.proposed_days)
        if not self.gaps.count:
            return w.say("window.no_gaps")
        key = "window.proposal" if row["covered"] >= self.coverage else "window.at_most"
        if self.gaps.count < FEW_GAPS:
            key = "window.sketch"
        return w.say(
            key,
            days=self.proposed_days,
            share=w.percent(row["covered"], decimals=0),
            gaps=self.gaps.count,
            horizon=self.gaps.horizon,
            wanted=w.percent(self.coverage, decimals=0),
        )

    def _say_effect(self) -> str:
        told = self.table[self.table["annual_attrition"].notna()]
        told = told[told["months"] >= ENOUGH_MONTHS]
        if len(told) < 2:
            return ""
        w, rates = self.wording, told["annual_attrition"]
        few, many = rates.min(), rates.max()
        # 70 and 88 % lost are not far apart, but 30 and 12 % kept are.
        little = many <= _HANGS * few and 1 - few <= _HANGS * (1 - many)
        if little or not many:
            own = self.own_days in told["window_days"].tolist()
            return w.say(
                "window.no_effect" if own else "window.own_apart",
                own=self.own_days,
                low=w.percent(few, decimals=0),
                high=w.percent(many, decimals=0),
                short_days=int(told["window_days"].iloc[0]),
                long_days=int(told["window_days"].iloc[-1]),
            )
        one, other = sorted((int(rates.idxmin()), int(rates.idxmax())))
        return w.say(
            "window.effect",
            short_days=int(told.loc[one, "window_days"]),
            short=w.percent(rates[one], decimals=0),
            long_days=int(told.loc[other, "window_days"]),
            long=w.percent(rates[other], decimals=0),
        )

    def _say_base(self) -> str:
        w, used = self.wording, self.base.activity_window_days
        shows = str(self.row(used)["shows"])
        if not shows:
            return w.say("window.base_nothing", own=self.own_days)
        if used != self.own_days:
            return w.say("window.base_changed", own=self.own_days, used=used, period=shows)
        if used == self.proposed_days:
            return w.say("window.base_agrees", used=used)
        share = w.percent(self.row(used)["covered"], decimals=0)
        key = "window.base_kept" if share else "window.base_kept_plain"
        return w.say(key, used=used, share=share)


def _check_coverage(value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, Real) or not 0 < float(value) <= 1:
        raise InputError(
            f"coverage is a share of gaps, a number above 0 and at most 1 such as 0.95; "
            f"got {value!r}."
        )


def _table(standings: list[Standing], gaps: Gaps, first: int, as_of_day: int) -> pd.DataFrame:
    import pandas as pd

    rows = []
    for standing in standings:
        lost, came_back = gaps.called_lost(standing.window_days)
        rows.append(
            {
                "window_days": standing.window_days,
                "covered": gaps.covered_by(standing.window_days),
                "active": standing.active,
                **_rates(standing),
                "months": standing.months,
                "called_lost": lost,
                "came_back": came_back / lost if lost else np.nan,
                "shows": longest_kind(first, as_of_day, standing.window_days) or "",
            }
        )
    return pd.DataFrame(rows)


def _rates(standing: Standing) -> dict[str, float]:
    shares = [np.nan] * 3
    if standing.months and standing.opening:
        lost, opening = standing.lost, standing.opening
        shares = [lost / opening, *share_interval(lost, opening)]
    annual = annual_rate(np.array(shares), standing.months or 12)
    return dict(
        zip(("annual_attrition", "annual_low", "annual_high"), annual.tolist(), strict=True)
    )


def _propose(table: pd.DataFrame, coverage: float) -> int:
    """The shortest window that covers so many gaps; the longest where none does."""
    if table["covered"].isna().all():
        return int(table["window_days"].max())
    enough = table[table["covered"] >= coverage - 1e-12]
    return int((enough if len(enough) else table.tail(1))["window_days"].iloc[0])


def _usable(table: pd.DataFrame, own: int, proposed: int) -> int:
    """Its own window where it shows a period; else the proposed; else the longest that does."""
    showing = table.loc[table["shows"] != "", "window_days"].tolist()
    if own in showing or not showing:
        return own
    return proposed if proposed in showing else int(max(showing))


def _assumptions(
    base: CustomerBase, coverage: float, gaps: Gaps, history: int
) -> dict[str, object]:
    w = base.wording
    said: dict[str, object] = {
        "as_of": base.as_of,
        "activity_window_days": base.activity_window_days,
        "coverage": w.percent(float(coverage), decimals=0),
        "gaps": w.say(
            "window.gaps_meant",
            gaps=gaps.count,
            silences=int(gaps.still_open.sum()),
            horizon=gaps.horizon,
        ),
        "history_days": history + 1,
        "came_back": w.say("window.came_back_meant"),
    }
    if base.has("customers", "is_contract"):
        said["contracts"] = w.say("window.contracts")
    return said
