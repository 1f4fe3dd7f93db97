"""The dates of a plan: working days that leave every customer the rest it is owed.

A contact on day ``d`` keeps the rules where the one before lies ``rest_days`` back and the one
that would be one too many in 30 days lies 30 days back, whoever made them, so that only the last
few contacts of a customer have to be known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from retention_lib.decisions._plan_facts import Numbers
from retention_lib.decisions._plan_problem import Flags
from retention_lib.decisions.contact_rules import ContactRules

MONTH = 30
_WEEK, _WORKING = 7, 5
# Day 0 of the calendar, 1 January 1970, was a Thursday.
_THURSDAY = 3


def weekday(day: Numbers) -> Numbers:
    """Monday is 0.

    >>> from datetime import date
    >>> from retention_lib.base import engine
    >>> int(weekday(np.array(engine.day_number(date(2026, 1, 5)))))
    0
    """
    return np.asarray((day + _THURSDAY) % _WEEK)


def next_working(day: Numbers) -> Numbers:
    """The day itself, or the Monday after a Saturday or Sunday."""
    return np.asarray(day + np.maximum(_WEEK - weekday(day), 0) * (weekday(day) >= _WORKING))


@dataclass(frozen=True, eq=False, kw_only=True)
class Calendar:
    """The days a plan covers: ``weeks`` weeks from the day number ``start``, under the rules."""

    start: int
    weeks: int
    rules: ContactRules

    @property
    def last(self) -> int:
        """The last day of the plan."""
        return self.start + _WEEK * self.weeks - 1

    @cached_property
    def _working(self) -> Numbers:
        """Where in a week of the plan its five working days lie."""
        days = np.arange(self.start, self.start + _WEEK)
        return np.flatnonzero(weekday(days) < _WORKING).astype(np.int32)

    def week_of(self, day: Numbers) -> Numbers:
        """The week of the plan that a day lies in, from 0."""
        return np.asarray((day - self.start) // _WEEK)

    def dates(
        self, latest: Numbers, waits: Sequence[int], pick: Numbers, week: int | None
    ) -> tuple[Numbers, Flags]:
        """The days of contacts that follow one another, and for whom there are such days.

        ``latest``: each customer's last contacts, the latest first. ``waits``: at least so many
        days after the contact before. ``pick``: which working day of the week, 0 to 4, the first
        is meant for. ``week``: the week the first must lie in; ``None`` is as soon as may be.
        """
        wanted = self.start + self._working[pick] + _WEEK * (week or 0)
        days = np.empty((len(latest), len(waits)), dtype=np.int32)
        known = latest
        for place, wait in enumerate(waits):
            if place:
                wanted = days[:, place - 1] + max(wait, 1)
            days[:, place] = next_working(np.maximum(wanted, self._allowed(known)))
            known = np.column_stack([days[:, place], known])
        fits = days[:, -1] <= self.last
        if week is not None:
            fits &= self.week_of(days[:, 0]) == week
        return days, fits

    def _allowed(self, latest: Numbers) -> Numbers:
        """The first day on which the rules let a customer be contacted again."""
        day = latest[:, 0] + self.rules.rest_days
        most = self.rules.most_in_30_days
        if latest.shape[1] >= most:
            day = np.maximum(day, latest[:, most - 1] + MONTH)
        return np.asarray(day)

    def before(self, day: Numbers) -> Numbers:
        """The working day before, where it lies in the same week of the plan; else the day."""
        back = np.where(weekday(day) == 0, 3, np.where(weekday(day) == _WORKING + 1, 2, 1))
        earlier = day - back
        same = (earlier >= self.start) & (self.week_of(earlier) == self.week_of(day))
        return np.asarray(np.where(same, earlier, day))
