"""Facts about customers in words: each different sentence is made once, however many share it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from retention_lib.scoring._reason_facts import Fact, Figure, Known, Values
from retention_lib.wording import Wording

_DAYS_A_MONTH = 30.44
_MOST_DAYS, _MOST_MONTHS = 60, 24
"""Up to so many days a stretch is told in days, then up to so many months in months."""
_DECIMALS = {"whole": 0, "money": 0, "percent": 2, "decimal": 1, "duration": 0}


class Words:
    """Writes facts, their figures and their points in the language of ``wording``."""

    def __init__(self, wording: Wording, horizon_days: int) -> None:
        self._wording, self._horizon = wording, horizon_days
        self._write: dict[str, Callable[[float], object]] = {
            "whole": int,
            "money": wording.money,
            "percent": lambda share: wording.percent(share, decimals=0),
            "decimal": self._decimal,
            "duration": self._duration,
        }

    def facts(self, fact: Fact, known: Known) -> list[str]:
        """The sentence of a fact for each of the customers known."""
        figures = {name: self._figures(known, figure) for name, figure in fact.figures.items()}
        key, count = f"reasons.{fact.key}", len(known)
        if not figures:
            return [self._say(key, {})] * count
        told: dict[tuple[object, ...], str] = {}
        sentences = []
        for values in zip(*figures.values(), strict=True):
            if values not in told:
                told[values] = self._say(key, dict(zip(figures, values, strict=True)))
            sentences.append(told[values])
        return sentences

    def other(self, family: str) -> str:
        """What to say of a family of which there is nothing to tell."""
        return self._wording.say(f"reasons.{family}.other")

    def with_points(self, sentences: list[str], points: Values) -> list[str]:
        """Each sentence with the points that it is worth behind it."""
        size = np.abs(points)
        shown = np.sign(points) * np.where(size < 0.95, _half_up(size, 1), _half_up(size, 0))
        each, back = np.unique(shown, return_inverse=True)
        endings = [self._ending(value) for value in each.tolist()]
        told = zip(sentences, back.tolist(), strict=True)
        return [sentence + endings[place] for sentence, place in told]

    def _ending(self, points: float) -> str:
        size = abs(points)
        number = self._wording.number(size, decimals=0 if size >= 1 else 1)
        return self._wording.say(
            "reasons.with_points",
            fact="",
            points=("+" if points > 0 else "-") + number,
            size=int(size) if size >= 1 else size,
        )

    def _figures(self, known: Known, figure: Figure) -> list[object]:
        kind, told = _as_told(figure.kind, known.figure(figure))
        rounded = _half_up(told, _DECIMALS[kind])
        if kind == "percent":
            # What is not nothing is not said to be, nor what is not all.
            rounded = np.where((rounded == told) | (rounded % 1 > 0), rounded, told)
        each, back = np.unique(rounded, return_inverse=True)
        written = [self._write[kind](value) for value in each.tolist()]
        return [written[place] for place in back.tolist()]

    def _say(self, key: str, values: dict[str, object]) -> str:
        return self._wording.say(key, **values, horizon=self._horizon)

    def _decimal(self, value: float) -> str:
        """One decimal where it says something."""
        whole = abs(value - round(value)) < 0.05 or value >= 10
        return self._wording.number(value, decimals=0 if whole else 1)

    def _duration(self, days: float) -> str:
        if days <= _MOST_DAYS:
            return self._wording.say("reasons.days", n=int(days))
        months = int(days / _DAYS_A_MONTH)
        if months <= _MOST_MONTHS:
            return self._wording.say("reasons.months", n=months)
        return self._wording.say("reasons.years", n=int(days / 365.25))


def _as_told(kind: str, values: Values) -> tuple[str, Values]:
    """How a figure is written, and what of it; a trend is (now - before) / (now + before)."""
    if kind == "rest":
        return "percent", 1 - values
    if kind == "less":
        return "percent", -2 * values / (1 - values)
    if kind == "times":
        return "decimal", (1 + values) / (1 - values)
    return kind, values


def _half_up(values: Values, decimals: int) -> Values:
    """Rounded as everybody rounds who is not a statistician, and as fine as it is shown."""
    # A hair more, so that 0.575, stored as 0.57499999999999996, goes up as well.
    rounded: Values = np.floor(values * 10**decimals + 0.5 + 1e-9) / 10**decimals
    return rounded
