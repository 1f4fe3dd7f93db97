"""The table of snapshots, filled date by date into columns made beforehand.

Twelve dates of a large base are most of the memory that a panel takes; joined from pieces they
would be held twice.
"""

from __future__ import annotations

from collections.abc import Sequence

import narwhals as nw
import numpy as np
import pandas as pd

from retention_lib.base import engine
from retention_lib.portfolio._signals_facts import one_if
from retention_lib.scoring._snapshot_dates import Moment
from retention_lib.scoring._snapshot_facts import Facts, Frame
from retention_lib.scoring._snapshot_model import Expectations
from retention_lib.scoring._snapshot_state import Sums, features_of, label_of


def rows_on(facts: Facts, moments: Sequence[Moment]) -> int:
    """How many customers are known on the dates, added up over the dates."""
    first = facts.purchases.filter(nw.col("gap").is_null())
    days = sorted({at.day for at in moments})
    known = first.select(*[one_if(nw.col("day") <= day).alias(f"on_{day}") for day in days])
    counts = engine.one_row(known.select(*[nw.col(f"on_{day}").sum() for day in days]))
    return sum(int(count or 0) for count in counts.values())


class Panel:
    """Room for so many rows of some customers; the names are those of the features."""

    def __init__(self, customers: Frame, rows: int, names: Sequence[str]) -> None:
        listed = engine.collect(customers).sort_values("code", ignore_index=True)
        self._codes = listed["code"].to_numpy(dtype=np.int64)
        self._ids = listed.pop("customer_id")
        self._known = listed
        self._names = list(names)
        self._values = np.empty((len(names) + 1, rows))
        self._who = np.empty(rows, np.int64)
        self._eligible = np.empty(rows, np.bool_)
        self._dates = np.empty(rows, "datetime64[s]")
        self._filled = 0

    @property
    def customers(self) -> int:
        """How many customers may have rows."""
        return len(self._codes)

    def add(
        self,
        parts: Sequence[pd.DataFrame],
        at: Moment,
        base_gap: float,
        expected: Expectations | None,
    ) -> None:
        """Add one date: the parts that its features are made of, and what the base says of it."""
        sums = Sums(parts, self._known)
        place = slice(self._filled, self._filled + len(sums))
        self._filled = place.stop
        self._who[place] = np.searchsorted(self._codes, sums.codes)
        self._dates[place] = np.datetime64(engine.day_of(at.day), "s")
        self._eligible[place], self._values[-1, place] = label_of(sums, at)
        features = features_of(sums, at, base_gap, expected, self._names)
        for row, name in enumerate(self._names):
            self._values[row, place] = features[name]

    def table(self) -> pd.DataFrame:
        """All that was added: ``customer_id, date, eligible``, the features, ``churned``."""
        frame = pd.DataFrame(self._values.T, columns=[*self._names, "churned"], copy=False)
        frame.insert(0, "eligible", self._eligible)
        frame.insert(0, "date", self._dates)
        frame.insert(0, "customer_id", self._ids.take(self._who).array)
        return frame
