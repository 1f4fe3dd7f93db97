"""What the purchase model of a date expects of each customer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from retention_lib.base import engine
from retention_lib.scoring._snapshot_dates import Dates, by_date
from retention_lib.scoring._snapshot_facts import Frame

Floats = NDArray[np.float64]

HISTORY = ["repeat_purchases", "purchase_span_days", "age_days"]
HISTORIES = 20_000
"""The model is fitted to at most about so many distinct histories."""

FEWEST = 30
"""With fewer customers, or hardly any who came back, there is no model."""

FEWEST_BACK = 10

_PRIME = 1_000_003
_LONGER = float(2**17)
"""More days than lie between any two dates of a base."""


@dataclass(frozen=True)
class Expectations:
    """A purchase model fitted to what was known on one date."""

    model: Any
    horizon_days: int

    def of(self, repeats: Floats, span: Floats, age: Floats) -> tuple[Floats, Floats]:
        """Expected purchases in the horizon, and the probability of none."""
        # Many customers have the same history.
        key = (repeats * _LONGER + span) * _LONGER + age
        _, first, back = np.unique(key, return_index=True, return_inverse=True)
        distinct = pd.DataFrame(
            {
                name: column[first]
                for name, column in zip(HISTORY, (repeats, span, age), strict=True)
            }
        )
        bought = np.asarray(self.model.expected_purchases(distinct, self.horizon_days))
        nothing = np.asarray(self.model.no_purchase_probability(distinct, self.horizon_days))
        return bought[back], nothing[back]


def expectations(counts: pd.DataFrame, horizon_days: int) -> Expectations | None:
    """The purchase model of :func:`histories`; none where customers are too few."""
    from retention_lib.scoring.purchase_models import fit_purchase_model

    weights = counts["customers"].to_numpy(dtype=np.float64)
    came_back = weights[counts[HISTORY[0]] > 0].sum()
    if weights.sum() < FEWEST or came_back < FEWEST_BACK:
        return None
    return Expectations(fit_purchase_model(counts[HISTORY], sample_weight=weights), horizon_days)


def histories(known: Frame, dates: Dates) -> list[pd.DataFrame]:
    """For each date the distinct histories and how many have each; of very many, one in so many.

    ``known`` is one row a customer and date: ``purchases`` so far, ``day`` (of the last) and
    ``first_day``.
    """
    first, last, purchases = (nw.col(c).cast(nw.Int64) for c in ("first_day", "day", "purchases"))
    triples = known.select(
        *dates.keys[:-1],
        (purchases - 1).alias(HISTORY[0]),
        (last - first).alias(HISTORY[1]),
        (dates.day - first).alias(HISTORY[2]),
    )
    keys = [*dates.keys[:-1], *HISTORY]
    grouped = triples.group_by(*keys).agg(nw.len().cast(nw.Int64).alias("customers"))
    one_in = _one_in(grouped, dates)
    if any(share > 1 for share in one_in):
        # Chosen by what the history is, so that no customer of a later day changes the choice.
        repeats, span, age = (nw.col(name) for name in HISTORY)
        mixed = (repeats * 7_919 + span * 104_729 + age) % _PRIME * 48_271 % _PRIME
        chosen: Any = one_in[0]
        for at, share in zip(dates.moments[1:], one_in[1:], strict=True):
            chosen = nw.when(dates.day == at.day).then(nw.lit(share)).otherwise(chosen)
        grouped = grouped.filter((repeats == 0) | (mixed % chosen == 0))
    rows = engine.collect(grouped).sort_values(HISTORY, ignore_index=True)
    found = []
    for share, its in zip(one_in, by_date(rows, dates), strict=True):
        frame = its.reset_index(drop=True).astype(np.float64)
        if share > 1:
            frame.loc[frame[HISTORY[0]] > 0, "customers"] *= share
        found.append(frame)
    return found


def _one_in(grouped: Frame, dates: Dates) -> list[int]:
    """For each date: one in how many of its histories the model is fitted to."""
    counted = grouped.select(*dates.keys[:-1], nw.lit(1).alias("one"))
    if dates.listed is None:
        rows = engine.collect(counted.select(nw.len().alias("n")))
    else:
        rows = engine.collect(counted.group_by("at").agg(nw.len().alias("n")))
    totals = [int(its["n"].sum()) for its in by_date(rows, dates)]
    return [max(-(-total // HISTORIES), 1) for total in totals]
