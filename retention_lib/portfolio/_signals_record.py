"""What followed the warning signs on this base's own past, counted in the engine.

At each past date every active customer is a case: which signs fired, and whether it was lost in
the days after. Only sums come back: by date, and over customers, because the same customer
counts at several dates and its cases are not independent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import narwhals as nw
import numpy as np

from retention_lib.base import engine
from retention_lib.errors import InputError
from retention_lib.portfolio._signals_facts import Facts, Frame, one_if
from retention_lib.portfolio._signals_settings import SignalSettings
from retention_lib.portfolio._signals_state import KEYS, Days, column
from retention_lib.portfolio.intervals import share_interval

if TYPE_CHECKING:
    import pandas as pd

HORIZONS = (180, 90, 60, 30)
_ENOUGH_DATES = 3
_NEXT_DATES = 6
# Measured on simulated bases: how much more hit rates vary from one half year to the next than
# customers that know nothing of one another would make them.
_SHARED_LUCK = 1.5
_NONE_AT_ALL = 3.69
"""Minus the logarithm of a fortieth: a Poisson count of that mean is nothing so often."""


@dataclass(frozen=True)
class Past:
    """The past dates that are looked back on, and how many days after each; all are observed."""

    days: tuple[int, ...]
    horizon_days: int


@dataclass(frozen=True)
class SignCounts:
    """One sign over all past dates; a case is a customer at a date.

    ``fired`` cases, ``lost`` of them in the days after; ``customers`` for whom it ever fired;
    ``variance`` of the share lost, from sums by customer; ``expected`` losses of those cases at
    the rates of the other customers of whom the sign could be told on the same dates;
    ``lead_days``: median over customers from the first firing to the loss. ``fires_now`` and
    ``usual_now``: how often it fires on the last day, and how often it would at its past share;
    ``most_share`` is its highest share on a past date, ``share_now`` that of the last day.
    """

    fired: int
    lost: int
    customers: int
    variance: float
    expected: float
    lead_days: float
    fires_now: int
    usual_now: float
    share_now: float
    most_share: float

    @property
    def share(self) -> float:
        """Of the cases in which it fired, the share that was lost."""
        return self.lost / self.fired if self.fired else float("nan")

    @property
    def base_rate(self) -> float:
        """The share lost among the others, on the same dates."""
        return self.expected / self.fired if self.fired else float("nan")

    @property
    def worth(self) -> float:
        """How many independent cases tell as much as these; a customer is one at most."""
        if not self.fired:
            return 0.0
        if self.variance <= 0:
            return float(self.customers)
        alike = self.share * (1 - self.share) / self.variance
        return float(min(max(alike, 1.0), self.customers))

    def interval(self) -> tuple[float, float]:
        """Between which shares the truth lies, 95 % sure."""
        if not self.fired:
            return float("nan"), float("nan")
        return share_interval(self.share * self.worth, self.worth)

    def outlook(self, dates: int) -> tuple[float, float]:
        """Where the share should lie in the next half year, 19 times in 20.

        Wider than :meth:`interval`: what comes has a chance of its own, larger the fewer the dates
        it is counted on, and a season or a bad year strikes everybody at once.
        """
        if not self.fired:
            return float("nan"), float("nan")
        worth = self.worth / (1 + dates / _NEXT_DATES) / _SHARED_LUCK
        low, high = share_interval(self.share * worth, worth)
        to_come = self.worth * _NEXT_DATES / dates / _SHARED_LUCK
        # With so few to come, none at all is more than one chance in forty.
        low = 0.0 if self.share * to_come < _NONE_AT_ALL else low
        return low, 1.0 if (1 - self.share) * to_come < _NONE_AT_ALL else high


@dataclass(frozen=True)
class Counts:
    """All signs over all past dates, and how many cases there were."""

    cases: int
    lost: int
    signs: Mapping[str, SignCounts]


def past_of(
    first_day: int, as_of_day: int, settings: SignalSettings, horizon_days: int | None
) -> Past | None:
    """Which month ends the record looks back on; none where the history is too short.

    The longest of 180, 90, 60 and 30 days that leaves three dates, or else one.
    """
    tried = HORIZONS if horizon_days is None else (horizon_days,)
    low = first_day + settings.history_days
    found = [Past(_month_ends(low, as_of_day - days, settings), days) for days in tried]
    for least in (_ENOUGH_DATES, 1):
        for past in found:
            if len(past.days) >= least:
                return past
    return None


def check_horizon(horizon_days: object) -> int | None:
    """The number of days given, or none.

    Raises ``InputError`` where it is no whole number from 1 up.
    """
    if horizon_days is None:
        return None
    whole = isinstance(horizon_days, int | np.integer) and not isinstance(horizon_days, bool)
    days = int(horizon_days) if isinstance(horizon_days, int | np.integer) else 0
    if not whole or days < 1:
        raise InputError(
            f"horizon_days must be a whole number of days, 1 or more, or None for the longest "
            f"that the history allows; got {horizon_days!r}."
        )
    return days


def _month_ends(low: int, high: int, settings: SignalSettings) -> tuple[int, ...]:
    """The last month ends from ``low`` to ``high``, as day numbers, oldest first."""
    days: list[int] = []
    end = engine.day_of(high + 1).replace(day=1) - timedelta(days=1)
    while len(days) < settings.past_dates and engine.day_number(end) >= low:
        days.append(engine.day_number(end))
        end = end.replace(day=1) - timedelta(days=1)
    return tuple(reversed(days))


def count_past(facts: Facts, states: Frame, days: Days, past: Past, now: int) -> Counts:
    """What the signs said at the past dates, and what came of it.

    ``states`` are those of the same facts on the past days and on ``now``, which is in ``days``.
    """
    outcomes = _with_outcome(facts, states, days, past)
    with facts.kept(outcomes) as cases:
        by_date = _by_date(cases, facts.codes)
        by_customer = _by_customer(cases.filter(column("at") < now), facts.codes)
    then, today = by_date[by_date["at"] < now], by_date[by_date["at"] == now]
    signs = {code: _sign(code, then, today, by_customer) for code in facts.codes}
    return Counts(int(then["cases"].sum()), int(then["lost"].sum()), signs)


def _with_outcome(facts: Facts, states: Frame, days: Days, past: Past) -> Frame:
    """One row a customer and date: what fired, ``lost``, and ``lead`` days to the loss.

    Lost is who buys nothing in the days after, or closes the account; a customer under contract
    only by closing. The day of the loss is that of the closure, or that on which it left the
    activity window.
    """
    horizon = past.horizon_days

    later = days.on_each(facts.purchases).filter(
        column("day") > column("at"), column("day") <= column("at") + horizon
    )
    bought = later.group_by(*KEYS).agg(nw.len().cast(nw.Int32).alias("later"))
    known = states.join(bought, on=KEYS, how="left")
    closed = column("closed_day") <= column("at") + horizon
    silent = column("later").is_null() & ~column("is_contract")
    left = column("last_day") + facts.window_days + 1
    loss_day = (
        nw.when(column("is_contract"))
        .then(column("closed_day"))
        .otherwise(nw.min_horizontal(column("closed_day"), left))
    )
    judged = [f"{what}_{code}" for code in facts.codes for what in ("can", "fires")]
    return known.select(
        *KEYS,
        *judged,
        one_if(closed | silent).alias("lost"),
        (loss_day - column("at")).alias("lead"),
    )


def _by_date(cases: Frame, codes: Sequence[str]) -> pd.DataFrame:
    """One row a date: cases, lost, and for each sign who could be told of, fired, was lost."""
    steps, names = [nw.lit(1).alias("cases")], ["cases", "lost"]
    for code in codes:
        for what in ("can", "fires"):
            steps.append((column(f"{what}_{code}") * column("lost")).alias(f"lost_{what}_{code}"))
            names += [f"{what}_{code}", f"lost_{what}_{code}"]
    sums = cases.with_columns(*steps).group_by("at").agg(nw.col(*names).sum().cast(nw.Int64))
    return engine.collect(sums).sort_values("at", ignore_index=True)


def _by_customer(cases: Frame, codes: Sequence[str]) -> dict[str, Any]:
    """Sums over customers of what each sign did to them: counts, squares, the median lead."""
    steps, sums, leads, totals = [], [], [], []
    for code in codes:
        fires, hits, lead = f"fires_{code}", f"hits_{code}", f"lead_{code}"
        rightly = column(fires) * column("lost")
        steps += [rightly.alias(hits), nw.when(rightly == 1).then(column("lead")).alias(lead)]
        sums += [fires, hits]
        leads.append(lead)
        fired, hit = column(fires).cast(nw.Float64), column(hits).cast(nw.Float64)
        totals += [
            one_if(column(fires) > 0).sum().alias(f"customers_{code}"),
            (fired * fired).sum().alias(f"ff_{code}"),
            (fired * hit).sum().alias(f"fh_{code}"),
            (hit * hit).sum().alias(f"hh_{code}"),
            column(lead).median().alias(lead),
        ]
    customers = (
        cases.with_columns(*steps)
        .group_by("code")
        .agg(nw.col(*sums).sum().cast(nw.Int64), nw.col(*leads).max())
    )
    return engine.one_row(customers.select(*totals))


def _sign(
    code: str, then: pd.DataFrame, today: pd.DataFrame, by_customer: Mapping[str, Any]
) -> SignCounts:
    def column_of(frame: pd.DataFrame, what: str) -> np.ndarray[Any, np.dtype[Any]]:
        values: np.ndarray[Any, np.dtype[Any]] = frame[f"{what}_{code}"].to_numpy(dtype=float)
        return values

    can, fires, hits = (column_of(then, what) for what in ("can", "fires", "lost_fires"))
    fired, lost = fires.sum(), hits.sum()
    # Where it fired for all of whom it can be told, everybody is what there is to compare with.
    alone = can <= fires
    others = np.where(alone, then["cases"], can - fires)
    lost_others = np.where(alone, then["lost"], column_of(then, "lost_can") - hits)
    share = lost / fired if fired else float("nan")
    ff, fh, hh = (float(by_customer[f"{name}_{code}"] or 0.0) for name in ("ff", "fh", "hh"))
    spread = max(hh - 2 * share * fh + share * share * ff, 0.0) if fired else float("nan")
    shares = fires / np.maximum(can, 1)
    can_now, now = column_of(today, "can").sum(), column_of(today, "fires").sum()
    lead = by_customer[f"lead_{code}"]
    return SignCounts(
        fired=int(fired),
        lost=int(lost),
        customers=int(by_customer[f"customers_{code}"] or 0),
        variance=spread / fired**2 if fired else float("nan"),
        expected=float((fires * lost_others / np.maximum(others, 1)).sum()),
        lead_days=float("nan") if lead is None else float(lead),
        fires_now=int(now),
        usual_now=float(fires.sum() / max(can.sum(), 1) * can_now),
        share_now=float(now / can_now) if can_now else 0.0,
        most_share=float(shares.max(initial=0.0)),
    )
