"""The verdict on each warning sign: better than chance on this base's own past, or not."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from retention_lib.base.customer_base import CustomerBase
from retention_lib.portfolio._signals_record import HORIZONS, Counts, Past, SignCounts
from retention_lib.portfolio._signals_settings import SIGNALS, SignalSettings, available
from retention_lib.portfolio._signals_words import name_of
from retention_lib.results import Result
from retention_lib.wording import Sentence, Wording

if TYPE_CHECKING:
    import pandas as pd

FEW_CUSTOMERS = 30
"""A sign that fired for fewer customers is not called no better than chance."""
_FEWEST = 10
"""Nor better than chance, for fewer than these."""
_UNUSUAL = 1.96
_MORE_THAN_EVER = 1.25
"""A sign fires unusually often where its number today is beyond chance above the usual one, and
its share a quarter above that of any past date."""


def judge(
    base: CustomerBase,
    settings: SignalSettings,
    counts: Counts | None,
    past: Past | None,
    horizon: int | None,
) -> TrackRecord:
    """The record of every sign that the base can tell."""
    import pandas as pd

    w = base.wording
    rows = []
    for code in available(base):
        sign = counts.signs[code] if counts else None
        verdict = verdict_on(sign)
        rows.append(
            {
                "signal": name_of(code, w),
                **_figures(sign, counts, len(past.days) if past else 0),
                "verdict": w.say(f"signals.verdict.{verdict}"),
                "on": verdict != "no_better",
                "signal_code": code,
                "verdict_code": verdict,
            }
        )
    place = {code: number for number, code in enumerate(SIGNALS)}
    table = pd.DataFrame(rows)
    table = table.sort_values("signal_code", key=lambda codes: codes.map(place), ignore_index=True)
    return TrackRecord(
        table,
        wording=w,
        assumptions=_assumptions(base, settings, counts, past, horizon),
        horizon_days=past.horizon_days if past else None,
        dates=len(past.days) if past else 0,
    )


def verdict_on(sign: SignCounts | None) -> str:
    """``proven``, ``no_better``, or why nobody can tell: ``short``, ``few`` or ``unusual``."""
    if sign is None:
        return "short"
    low, _ = sign.interval()
    if sign.customers >= _FEWEST and low > sign.base_rate:
        return "proven"
    if sign.customers < FEW_CUSTOMERS:
        return "few"
    spread = math.sqrt(sign.usual_now + 0.5)
    more = sign.share_now > _MORE_THAN_EVER * sign.most_share
    if more and sign.fires_now - sign.usual_now > _UNUSUAL * spread:
        return "unusual"
    return "no_better"


def _figures(sign: SignCounts | None, counts: Counts | None, dates: int) -> dict[str, Any]:
    nan = float("nan")
    if sign is None or counts is None:
        missing = dict.fromkeys(_SHARES, nan)
        return {"fired": 0, "fired_customers": 0, "followed_by_loss": 0, **missing}
    low, high = sign.interval()
    least, most = sign.outlook(dates)
    base_rate = sign.base_rate
    return {
        "fired": sign.fired,
        "fired_customers": sign.customers,
        "followed_by_loss": sign.lost,
        "hit_rate": sign.share,
        "hit_low": low,
        "hit_high": high,
        "false_alarms": 1 - sign.share,
        "false_low": 1 - most,
        "false_high": 1 - least,
        "base_rate": base_rate,
        "times_as_often": sign.share / base_rate if base_rate and base_rate > 0 else nan,
        "caught": sign.lost / counts.lost if counts.lost else nan,
        "days_before": sign.lead_days,
    }


_SHARES = (
    "hit_rate",
    "hit_low",
    "hit_high",
    "false_alarms",
    "false_low",
    "false_high",
    "base_rate",
    "times_as_often",
    "caught",
    "days_before",
)


@dataclass(frozen=True, repr=False, eq=False)
class TrackRecord(Result):
    """What each sign was worth on this base's own past, one row a sign.

    A case is a customer at a past month end. Columns: ``signal, fired`` (cases),
    ``fired_customers`` (different ones), ``followed_by_loss`` (cases lost in the ``horizon_days``
    after), ``hit_rate`` (with ``hit_low`` and ``hit_high``: what the past can have meant),
    ``false_alarms`` (those not lost; ``false_low`` and ``false_high``: where that share should lie
    in the next half year), ``base_rate`` (of the other customers of whom the sign could be told,
    on the same dates), ``times_as_often`` (hit rate over base rate), ``caught`` (of all the lost,
    the share for whom it fired), ``days_before`` (median, from the first firing to the closure or
    to the day on which the customer left the activity window), ``verdict, on, signal_code,
    verdict_code`` (``proven, no_better``, or why nobody can tell: ``short, few, unusual``).

    The ranges hold 95 %, and count a customer that is there on several dates as one at most.
    """

    chart: ClassVar[str] = "signal_charts.plot_track_record"
    hidden: ClassVar[tuple[str, ...]] = (
        "fired_customers",
        "hit_low",
        "hit_high",
        "signal_code",
        "verdict_code",
    )
    formats: ClassVar[Mapping[str, str]] = {
        "fired": "count",
        "fired_customers": "count",
        "followed_by_loss": "count",
        "hit_rate": "percent",
        "hit_low": "percent",
        "hit_high": "percent",
        "false_alarms": "percent",
        "false_low": "percent",
        "false_high": "percent",
        "base_rate": "percent",
        "times_as_often": "decimal",
        "caught": "percent",
        "days_before": "count",
    }

    horizon_days: int | None = field(kw_only=True)
    dates: int = field(kw_only=True)

    def sentence(self) -> str:
        """The best sign, how often it cried wolf, and which were no better than chance."""
        w, said = self.wording, [self.finding()]
        for code in ("no_better", "few", "unusual"):
            names = list(self.table.loc[self.table["verdict_code"] == code, "signal"])
            if names and self.dates:
                listed = w.listing(names)
                said.append(w.say(f"signals.record.{code}", count=len(names), signals=listed))
        return " ".join(f"{part}." for part in said)

    def careless_sentence(self) -> Sentence:
        """What believing every sign would have come to, beside believing the proven ones only."""
        w, proven = self.wording, self.table[self.table["verdict_code"] == "proven"]
        if not self.dates or not self.table["fired"].sum():
            return Sentence(self.sentence())
        said = w.say("signals.careless", dates=self.dates, **_alarms(self.table, w))
        if 0 < len(proven) < len(self.table):
            said += " " + w.say("signals.careful", **_alarms(proven, w))
        return Sentence(said)

    def finding(self) -> str:
        """The sentence on the best sign alone, without its full stop."""
        w, table = self.wording, self.table
        if not self.dates:
            return w.say("signals.record.short")
        proven = table[table["verdict_code"] == "proven"]
        if proven.empty:
            return w.say("signals.record.none", dates=self.dates)
        best = proven.sort_values(["times_as_often", "fired"], ascending=False).iloc[0]
        rates = {
            name: w.percent(float(best[name]), decimals=0)
            for name in ("hit_rate", "base_rate", "false_alarms")
        }
        words: dict[str, object] = {"signal": best["signal"], "days": self.horizon_days, **rates}
        if math.isnan(best["times_as_often"]):
            return w.say("signals.record.best_alone", **words)
        lift = w.number(float(best["times_as_often"]), decimals=1)
        return w.say("signals.record.best", lift=lift, **words)


def _alarms(table: pd.DataFrame, wording: Wording) -> dict[str, object]:
    fired = int(table["fired"].sum())
    wolf = fired - int(table["followed_by_loss"].sum())
    share = wording.percent(wolf / fired, decimals=0) if fired else ""
    return {"fired": fired, "wolf": wolf, "share": share}


def _assumptions(
    base: CustomerBase,
    settings: SignalSettings,
    counts: Counts | None,
    past: Past | None,
    horizon: int | None,
) -> dict[str, object]:
    from retention_lib.base import engine

    w = base.wording
    if past is None or counts is None:
        least = min(HORIZONS) if horizon is None else horizon
        needed = w.say("signals.too_short", before=settings.history_days, after=least)
        return {"signals_dates": needed}
    return {
        "signals_loss": w.say("signals.loss", days=past.horizon_days),
        "signals_dates": w.say(
            "signals.dates",
            count=len(past.days),
            first=w.date(engine.day_of(past.days[0])),
            last=w.date(engine.day_of(past.days[-1])),
        ),
        "signals_cases": w.say("signals.cases", cases=counts.cases, lost=counts.lost),
        "signals_others": w.say("signals.others"),
        "signals_contact": w.say(
            "signals.newsletters_in" if settings.newsletters_count else "signals.newsletters_out"
        )
        if "neglected" in available(base)
        else None,
    }
