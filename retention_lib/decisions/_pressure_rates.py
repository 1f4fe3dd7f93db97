"""Shares by number of contacts, how sure they are, and from which number on they clearly rise."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

from retention_lib.decisions._pressure_facts import (
    EVERYBODY,
    MOST,
    OUTCOMES,
    PressureFacts,
)
from retention_lib.portfolio.rfm import SKETCH_BELOW

if TYPE_CHECKING:
    import pandas as pd

ERROR = 0.05
"""One clear rise in twenty bases without any, however many comparisons are made."""
MATERIAL = 1.25
"""A rise by less than a quarter is not called one, however sure it is."""
RULED_OUT = 2.0
"""Where it is 95 % sure that the share has not doubled, no rise was seen."""
TRIALS = {**OUTCOMES, "opt_outs": "contacts"}
MEASURES = ("opt_outs", "lost")
"""What tells that contacts are too many, the most direct first."""

_Z = 1.959963984540054
_MISSING = float("nan")


@dataclass(frozen=True)
class Share:
    """A share of ``n`` cases of ``customers`` customers, worth ``worth`` independent ones."""

    hits: float
    n: float
    worth: float
    customers: int

    @property
    def value(self) -> float:
        """The share; missing without cases."""
        return self.hits / self.n if self.n else _MISSING

    def between(self, z: float = _Z) -> tuple[float, float]:
        """Wilson's interval for that many independent cases; 95 % unless ``z`` says otherwise."""
        if not self.n:
            return _MISSING, _MISSING
        p, n = self.value, self.worth
        centre = (p + z * z / (2 * n)) / (1 + z * z / n)
        half = z / (1 + z * z / n) * float(np.sqrt(p * (1 - p) / n + z * z / (4 * n * n)))
        # At the ends rounding would leave the share itself just outside its range.
        low = 0.0 if p == 0 else max(0.0, centre - half)
        return low, 1.0 if p == 1 else min(1.0, centre + half)


@dataclass(frozen=True)
class Verdict:
    """From which number of contacts on a share clearly rises, in one segment.

    ``code``: ``rises`` (beyond ``acceptable`` contacts), ``no_rise_seen`` (up to ``acceptable``)
    or ``cannot_tell`` (``acceptable`` is 0). ``before`` and ``beyond``: the share with fewer
    contacts and that with one more than acceptable, where it rises.
    """

    segment: str
    measure: str
    code: str
    acceptable: int
    before: Share | None = None
    beyond: Share | None = None


def share_of(row: pd.Series, outcome: str) -> Share:
    """The share of an outcome in a cell, its customers not taken for independent cases.

    A customer that is looked at on many days says less than as many customers: cases are counted
    as many as would leave the same spread between customers (linearised ratio, Kish 1965).
    """
    of = TRIALS[outcome]
    n, hits, customers = float(row[of]), float(row[outcome]), int(row[f"{of}_customers"])
    if not n:
        return Share(0.0, 0.0, 0.0, 0)
    p = hits / n
    nn, ny, yy = (float(row[f"{outcome}_{name}"]) for name in ("nn", "ny", "yy"))
    if 0 < p < 1:
        among = (yy - 2 * p * ny + p * p * nn) * customers / max(customers - 1, 1)
        effect = among / (n * p * (1 - p))
    else:
        # Nobody, or everybody: the spread is not seen. A customer opts out once only, so its
        # contacts are cases of their own; its looks may all be one and the same case.
        effect = 1.0 if outcome == "opt_outs" else nn / n
    return Share(hits, n, n / max(effect, 1.0), customers)


def cells(sums: pd.DataFrame, outcome: str) -> dict[tuple[str, str], Share]:
    """The shares of an outcome, by segment and cell."""
    return {
        (str(row["segment"]), str(row["cell"])): share_of(row, outcome)
        for _, row in sums.iterrows()
    }


def judge(facts: PressureFacts, segments: list[str]) -> list[Verdict]:
    """A verdict for each segment and measure."""
    tables = {"lost": facts.looks}
    if facts.sent is not None:
        tables["opt_outs"] = facts.sent
    shares = {name: cells(tables[name], name) for name in MEASURES if name in tables}
    pairs = {
        (name, segment): _compared(shares[name], segment) for name in shares for segment in segments
    }
    count = sum(len(found) for found in pairs.values())
    z = NormalDist().inv_cdf(1 - ERROR / 2 / max(count, 1))
    return [
        _judged(segment, name, pairs[name, segment], z) for segment in segments for name in shares
    ]


def segments_of(facts: PressureFacts) -> list[str]:
    """Everybody first, then the segments with the most looks."""
    own = facts.looks[facts.looks["segment"] != EVERYBODY]
    exact = own[own["cell"].str.startswith("=")]
    looks = exact.groupby("segment")["looks"].sum().reset_index()
    ordered = looks.sort_values(["looks", "segment"], ascending=[False, True])
    return [EVERYBODY, *(str(name) for name in ordered["segment"])]


def rising(lower: Share, upper: Share, z: float) -> bool:
    """Whether the upper share is clearly the larger one (Newcombe 1998, method 10)."""
    if not upper.value >= MATERIAL * lower.value:
        return False
    difference = upper.value - lower.value
    return bool(
        difference > np.hypot(upper.value - upper.between(z)[0], lower.between(z)[1] - lower.value)
    )


def _compared(shares: dict[tuple[str, str], Share], segment: str) -> dict[int, tuple[Share, Share]]:
    """By level, the share of fewer contacts (1 at least) and its own, where both have enough."""
    nothing = Share(0.0, 0.0, 0.0, 0)
    found = {}
    for level in range(2, MOST + 1):
        lower = shares.get((segment, f"<{level}"), nothing)
        own = shares.get((segment, f"={level}"), nothing)
        if min(lower.customers, own.customers) >= SKETCH_BELOW:
            found[level] = lower, own
    return found


def _judged(
    segment: str, measure: str, compared: dict[int, tuple[Share, Share]], z: float
) -> Verdict:
    for level, (lower, own) in compared.items():
        if rising(lower, own, z):
            return Verdict(segment, measure, "rises", level - 1, lower, own)
    seen = 0
    for level in range(2, MOST + 1):
        if level not in compared or not _ruled_out(*compared[level]):
            break
        seen = level
    return Verdict(segment, measure, "no_rise_seen" if seen else "cannot_tell", seen)


def _ruled_out(lower: Share, own: Share) -> bool:
    return lower.hits > 0 and own.between()[1] <= RULED_OUT * lower.value
