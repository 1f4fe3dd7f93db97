"""The space in which customers are near to or far from one another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from retention_lib.portfolio._types_features import HABITS, TRAITS

if TYPE_CHECKING:
    import pandas as pd

Values: TypeAlias = np.ndarray[Any, np.dtype[np.float64]]

WEIGHTS: Mapping[str, float] = {
    "purchases_per_year": 1.0,
    "basket": 1.0,
    "silence": 0.5,
    "unevenness": 0.5,
    # Two sides of one habit, so half of it each.
    "ranges": 0.25,
    "main_range_share": 0.25,
    "season_share": 0.5,
    "weekend_share": 0.5,
    "refund_share": 0.3,
}
"""How much a habit counts, as its standard deviation. How long they have been customers is told
of each type and decides none: it lasts by itself, and would make types of newcomers."""

TRAITS_WEIGHT = 0.7
"""All traits together vary as much as 0.7 of a habit of weight 1: they do not drown behaviour."""

RARE_LEVEL = 0.05
"""A sector, size, region, range or channel with a smaller share of customers decides no type."""

_PERMUTATIONS, _PERMUTED = 20, 5_000
_AT_LEAST, _AT_MOST = 2, 6
_NOT_KNOWN = ""


@dataclass(frozen=True)
class Number:
    """How one habit becomes a coordinate: filled, cut off at both ends, centred, scaled."""

    fill: float
    low: float
    high: float
    mean: float
    scale: float


@dataclass(frozen=True)
class Words:
    """How one trait becomes coordinates: one a level, their variances adding up to its weight."""

    levels: tuple[str, ...]
    means: Values
    scale: float


@dataclass(frozen=True)
class Space:
    """Fitted once, so that the customers of another day are placed by the same rule."""

    numbers: Mapping[str, Number]
    words: Mapping[str, Words]
    axes: Values

    @property
    def empty(self) -> bool:
        """Whether nothing tells the customers apart."""
        return bool(self.axes.shape[1] == 0)

    def place(self, habits: pd.DataFrame) -> Values:
        """Where each customer is; rounded, so that engines that add in another order agree."""
        placed: Values = np.round(_design(habits, self.numbers, self.words) @ self.axes, 6)
        return placed


def fit_space(habits: pd.DataFrame, *, seed: int) -> Space:
    """The space of these customers: weighted habits and traits, then what they have in common.

    Only directions in which features move together more than in permuted columns are kept
    (parallel analysis, Horn 1965, doi 10.1007/BF02289447): a type is a combination of habits,
    and what moves by itself would only blur it.
    """
    numbers = {}
    for name in HABITS:
        if name in habits and name in WEIGHTS:
            number = _fit_number(on_scale(name, habits[name]), WEIGHTS[name])
            if number is not None:
                numbers[name] = number
    named = [name for name in TRAITS if name in habits]
    words = {}
    for name in named:
        fitted = _fit_words(habits[name], np.sqrt(TRAITS_WEIGHT**2 / len(named)))
        if fitted is not None:
            words[name] = fitted
    design = _design(habits, numbers, words)
    return Space(numbers, words, _axes(design, seed))


def on_scale(name: str, column: pd.Series[Any]) -> Values:
    """A habit on the scale on which equal steps mean equally much: shares by roots, else logs."""
    values: Values = column.to_numpy(dtype=float, na_value=np.nan)
    scaled: Values
    if name.endswith("_share"):
        scaled = np.sqrt(np.clip(values, 0.0, 1.0))
    elif name == "basket":
        scaled = np.log(np.clip(values, 1.0, None))
    else:
        scaled = np.log1p(np.clip(values, 0.0, None))
    return scaled


def off_scale(name: str, value: float) -> float:
    """What a value on that scale stands for."""
    if name.endswith("_share"):
        return value**2
    return float(np.exp(value) if name == "basket" else np.expm1(value))


def level_texts(column: pd.Series[Any]) -> pd.Series[Any]:
    """The words of a trait, empty where it is not known."""
    return column.fillna(_NOT_KNOWN).astype(str)


def _fit_number(values: Values, weight: float) -> Number | None:
    known = values[np.isfinite(values)]
    if not known.size:
        return None
    low, high = (float(end) for end in np.quantile(known, [0.01, 0.99]))
    cut = np.clip(known, low, high)
    spread = float(cut.std())
    if spread < 1e-6:
        return None
    return Number(float(np.median(known)), low, high, float(cut.mean()), spread / weight)


def _fit_words(column: pd.Series[Any], weight: float) -> Words | None:
    texts = level_texts(column)
    shares = texts.value_counts(normalize=True)
    levels = tuple(sorted(level for level in shares.index if shares[level] >= RARE_LEVEL))
    if not levels or (len(levels) == 1 and shares[levels[0]] > 1 - RARE_LEVEL):
        return None
    marks = _marks(texts, levels)
    return Words(levels, marks.mean(axis=0), float(np.sqrt(marks.var(axis=0).sum()) / weight))


def _marks(texts: pd.Series[Any], levels: tuple[str, ...]) -> Values:
    found = texts.to_numpy()
    return np.column_stack([found == level for level in levels]).astype(float)


def _design(
    habits: pd.DataFrame, numbers: Mapping[str, Number], words: Mapping[str, Words]
) -> Values:
    columns = [np.empty((len(habits), 0))]
    for name, n in numbers.items():
        values = on_scale(name, habits[name])
        filled = np.where(np.isfinite(values), values, n.fill)
        columns.append(((np.clip(filled, n.low, n.high) - n.mean) / n.scale)[:, None])
    for name, w in words.items():
        columns.append((_marks(level_texts(habits[name]), w.levels) - w.means) / w.scale)
    return np.hstack(columns)


def _axes(design: Values, seed: int) -> Values:
    width = design.shape[1]
    if width <= 1:
        return np.eye(width)
    rng = np.random.default_rng(seed)
    some = design[np.sort(rng.permutation(len(design))[:_PERMUTED])]
    sizes, axes = np.linalg.eigh(np.cov(design.T))
    sizes, axes = sizes[::-1], axes[:, ::-1]
    by_chance = [
        np.linalg.eigvalsh(np.cov([rng.permutation(column) for column in some.T]))[::-1]
        for _ in range(_PERMUTATIONS)
    ]
    more = sizes > np.quantile(by_chance, 0.95, axis=0)
    kept = int(np.cumprod(more).sum())
    return axes[:, : min(max(kept, _AT_LEAST), _AT_MOST, width)]
