"""What a fact behind a reason is: a sentence, the figures in it, and when it may be told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

Values = np.ndarray[Any, np.dtype[Any]]
Kind = Literal["whole", "money", "percent", "decimal", "duration", "rest", "less", "times"]

FEW, MANY = 0.75, 1.25
"""Below or above the usual by a quarter: less is not worth pointing out."""


class Known:
    """The features of some customers as arrays, missing where the base lacks them, and the usual.

    ``typical`` holds the middle values of each feature among the customers that the model learnt
    from, without and with a contract: an invoice a month says nothing of how often others buy.
    It is empty where nobody said, and then nothing is called few or many.
    """

    def __init__(self, frame: pd.DataFrame, typical: Mapping[str, tuple[float, float]]) -> None:
        self._frame, self._typical = frame, typical

    def __getitem__(self, name: str) -> Values:
        if name not in self._frame:
            return np.full(len(self._frame), np.nan)
        values: Values = self._frame[name].to_numpy(dtype=float)
        return values

    def __len__(self) -> int:
        return len(self._frame)

    def where(self, rows: Values) -> Known:
        """Some of the customers."""
        return Known(self._frame.iloc[rows], self._typical)

    def usual(self, name: str) -> Values:
        """The value of the middle customer of the same kind, missing where nobody said."""
        others, bound = self._typical.get(name, (np.nan, np.nan))
        return np.where(self["is_contract"] == 1, bound, others)

    def few(self, name: str) -> Values:
        """Clearly below the usual."""
        return self[name] < FEW * self.usual(name)

    def many(self, name: str) -> Values:
        """Clearly above the usual."""
        return self[name] > MANY * self.usual(name)

    def has(self, name: str) -> Values:
        """Where a value is known."""
        return ~np.isnan(self[name])

    def figure(self, figure: Figure) -> Values:
        """The values of a figure of a sentence."""
        return self.usual(figure.feature) if figure.usual else self[figure.feature]

    def shows(self, fact: Fact) -> Values:
        """Where every figure of a fact is known."""
        known = np.full(len(self), True)
        for figure in fact.figures.values():
            known &= ~np.isnan(self.figure(figure))
        return known

    def lacks(self, name: str) -> Values:
        """Where the base has the feature, and this customer no value."""
        return np.isnan(self[name]) & (name in self._frame)


class Figure(NamedTuple):
    """A figure in a sentence: how it is written, and of which feature.

    ``rest`` is what a share leaves of the whole; ``less`` and ``times`` tell a trend as the share
    lost and as how many times as much. ``usual`` stands for the middle customer's value in place
    of the customer's own.
    """

    kind: Kind
    feature: str
    usual: bool = False


When = Callable[[Known], Values]


@dataclass(frozen=True)
class Fact:
    """A sentence: its key in the texts, the features it speaks for, when it is true and agrees.

    ``raises`` is the direction it agrees with. A ``plain`` fact judges nothing
    and stands in where no other agrees.
    """

    key: str
    raises: bool
    speaks_for: tuple[str, ...]
    when: When
    figures: Mapping[str, Figure]
    plain: bool = False
