"""What the warning signs say: a sentence of evidence a customer and sign, quickly.

A base may have a hundred thousand of them, so the words of each sentence are looked up once and
only the figures are put in anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from retention_lib.base import engine
from retention_lib.portfolio._signals_settings import SIGNALS, SignalSettings
from retention_lib.wording import Wording

if TYPE_CHECKING:
    import pandas as pd


def name_of(code: str, wording: Wording) -> str:
    """The name of a sign."""
    return wording.say(f"signal.{code}.name")


@dataclass(frozen=True)
class Speaker:
    """Says sentences that differ in their figures only."""

    wording: Wording
    _templates: dict[Any, str] = field(default_factory=dict)

    def say(self, key: str, counts: Mapping[str, int], **texts: str) -> str:
        """The sentence of a key; ``counts`` decide the plurals and are written in figures."""
        # None, one and several have the forms that either language knows.
        forms = tuple(min(count, 2) for count in counts.values())
        if (key, forms) not in self._templates:
            plurals = {f"{name}_count": form for name, form in zip(counts, forms, strict=True)}
            figures = {name: f"{{{name}}}" for name in (*counts, *texts)}
            self._templates[key, forms] = self.wording.say(key, **plurals, **figures)
        figures = {name: whole(self.wording, count) for name, count in counts.items()}
        return self._templates[key, forms].format(**figures, **texts)


@cache
def whole(wording: Wording, value: int) -> str:
    """A whole number in figures."""
    return wording.number(value)


@cache
def on_date(wording: Wording, day: int) -> str:
    """A day number as a date."""
    return wording.date(engine.day_of(day))


def tell(
    found: pd.DataFrame,
    lost_ranges: pd.DataFrame,
    compared: Mapping[str, pd.Series],
    settings: SignalSettings,
    wording: Wording,
    as_of_day: int,
) -> pd.DataFrame:
    """One row a customer and sign: ``customer_id, code, since, evidence, value_at_stake``."""
    import pandas as pd

    speaker = Speaker(wording)
    teller = _Teller(speaker, settings, as_of_day)
    ranges = (
        {code: group for code, group in lost_ranges.groupby("code")} if len(lost_ranges) else {}
    )
    parts: list[tuple[str, str, int, str, float]] = []
    for code in SIGNALS:
        if f"fires_{code}" not in found:
            continue
        rows = found[found[f"fires_{code}"] == 1]
        since = compared.get(code)
        for row in rows.itertuples():
            if code == "range_abandoned":
                held = ranges[row.code]
                day, words, worth = teller.range_abandoned(held)
            else:
                day, words = getattr(teller, code)(row)
                worth = float(row.worth)
                if since is not None:
                    day = int(since.get(row.code, as_of_day))
            parts.append((row.customer_id, code, day, words, worth))
    columns = ["customer_id", "code", "since", "evidence", "value_at_stake"]
    return pd.DataFrame(parts, columns=columns)


@dataclass(frozen=True)
class _Teller:
    """The day since which each sign fires, and its evidence, from a row of figures."""

    speaker: Speaker
    settings: SignalSettings
    as_of_day: int

    @property
    def w(self) -> Wording:
        return self.speaker.wording

    def silent(self, row: Any) -> tuple[int, str]:
        since = int(row.last_day) + int(row.limit) + 1
        counts = {
            "days": int(row.silence),
            "rhythm": max(1, round(row.rhythm)),
            "limit": int(row.limit),
            "one_in": max(2, round(1 / self.settings.silent_share)),
        }
        return since, self.speaker.say("signal.silent.evidence", counts)

    def falling_orders(self, row: Any) -> tuple[int, str]:
        counts = {
            "orders": int(row.lately),
            "days": self.settings.falling_days,
            "earlier": int(row.before),
        }
        money = self.w.money
        now, before = money(row.lately_net / row.lately), money(row.before_net / row.before)
        return self.as_of_day, self.speaker.say(
            "signal.falling_orders.evidence", counts, now=now, before=before
        )

    def slowing(self, row: Any) -> tuple[int, str]:
        counts = {"purchases": int(row.half), "days": self.settings.slowing_days}
        expected = self.w.number(row.expected, decimals=1 if row.expected < 10 else 0)
        return self.as_of_day, self.speaker.say(
            "signal.slowing.evidence", counts, expected=expected
        )

    def range_abandoned(self, held: pd.DataFrame) -> tuple[int, str, float]:
        first = held.iloc[0]
        counts = {
            "times": int(first["times"]),
            "within": int(first["within"]),
            "passed": int(first["passed"]),
        }
        texts = {
            "range": str(first["product_range"]),
            "date": on_date(self.w, int(first["range_day"])),
        }
        key = "signal.range_abandoned.evidence"
        if len(held) > 1:
            key, counts = f"{key}_more", {**counts, "more": len(held) - 1}
        worth = float(held["worth"].sum())
        return int(held["since"].min()), self.speaker.say(key, counts, **texts), worth

    def no_second(self, row: Any) -> tuple[int, str]:
        since = int(row.last_day) + int(row.second_days) + 1
        counts = {"days": int(row.silence), "usual": int(row.second_days)}
        share = self.w.percent(self.settings.second_share, decimals=0)
        return since, self.speaker.say("signal.no_second.evidence", counts, share=share)

    def unhappy(self, row: Any) -> tuple[int, str]:
        said, days = [], []
        complaints = row.complaints if row.complaints == row.complaints else 0
        if complaints:
            days.append(int(row.complaint_day))
            date = on_date(self.w, days[-1])
            counts = {"complaints": int(complaints)}
            said.append(self.speaker.say("signal.unhappy.complaint", counts, date=date))
        if row.score == row.score and row.score <= self.settings.detractor_score:
            days.append(int(row.answer_day))
            score = self.w.number(row.score, decimals=0 if row.score == int(row.score) else 1)
            date = on_date(self.w, days[-1])
            said.append(self.speaker.say("signal.unhappy.answer", {}, score=score, date=date))
        if len(said) > 1:
            both = self.speaker.say("signal.unhappy.both", {}, first=said[0], second=said[1])
            return min(days), both
        return days[0], self.speaker.say("signal.unhappy.one", {}, first=said[0])

    def neglected(self, row: Any) -> tuple[int, str]:
        days, floor = self.settings.contact_days, self.settings.contacts_a_year
        if row.contact_day != row.contact_day:
            since = int(row.first_day) + days + 1
            return since, self.speaker.say("signal.neglected.never", {"floor": floor})
        since = max(int(row.contact_day), int(row.first_day)) + days + 1
        counts = {
            "days": self.as_of_day - int(row.contact_day),
            "contacts": int(row.contacts),
            "floor": floor,
        }
        date = on_date(self.w, int(row.contact_day))
        return since, self.speaker.say("signal.neglected.evidence", counts, date=date)

    def leaving_spoken(self, row: Any) -> tuple[int, str]:
        since = int(row.request_day)
        date = on_date(self.w, since)
        return since, self.speaker.say("signal.leaving_spoken.evidence", {}, date=date)
