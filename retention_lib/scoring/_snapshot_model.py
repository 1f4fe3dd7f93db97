"""What the purchase model of a date expects of each customer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from retention_lib.base import engine
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


def histories(known: Frame, day: int) -> pd.DataFrame:
    """Distinct histories and how many customers have each; of very many, one in so many.

    ``known`` is one row a customer: ``place`` (purchases so far), ``day`` (of the last) and
    ``first_day``.
    """
    first, last, purchases = (nw.col(c).cast(nw.Int64) for c in ("first_day", "day", "place"))
    triples = known.select(
        (purchases - 1).alias(HISTORY[0]),
        (last - first).alias(HISTORY[1]),
        (day - first).alias(HISTORY[2]),
    )
    grouped = triples.group_by(*HISTORY).agg(nw.len().cast(nw.Int64).alias("customers"))
    total = engine.one_row(grouped.select(nw.len().alias("n")))["n"]
    one_in = -(-int(total) // HISTORIES)
    if one_in > 1:
        # Chosen by what the history is, so that no customer of a later day changes the choice.
        repeats, span, age = (nw.col(name) for name in HISTORY)
        mixed = (repeats * 7_919 + span * 104_729 + age) % _PRIME * 48_271 % _PRIME
        grouped = grouped.filter((repeats == 0) | (mixed % one_in == 0))
    frame = engine.collect(grouped).sort_values(HISTORY, ignore_index=True).astype(np.float64)
    if one_in > 1:
        frame.loc[frame[HISTORY[0]] > 0, "customers"] *= one_in
    return frame
