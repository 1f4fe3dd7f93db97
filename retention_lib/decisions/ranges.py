"""An input that nobody knows exactly: a likely value between a low and a high one."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Real
from typing import Any, TypeAlias

import numpy as np

from retention_lib.errors import InputError

LEVEL = 0.90
"""A range holds with this probability; half of the rest lies on either side of it."""

Z = 1.6448536269514722
"""So many standard deviations either side hold it."""
Number: TypeAlias = "float | Range"


@dataclass(frozen=True)
class Range:
    """A number nobody knows exactly: most likely ``likely``, between ``low`` and ``high``.

    Nine times in ten it lies between the two, and it is as likely to be above ``likely`` as
    below: each side is half of a bell curve of its own width. The trap: these are not the worst
    and the best case; one time in ten it lies outside.

    Raises ``InputError`` where the three are no numbers in that order.

    >>> float(Range(0.10, 0.15, 0.25).at(0.0))
    0.15
    >>> round(float(Range(0.10, 0.15, 0.25).at(1.6448536269514722)), 6)
    0.25
    """

    low: float
    likely: float
    high: float

    def __post_init__(self) -> None:
        values: tuple[Any, ...] = (self.low, self.likely, self.high)
        for name, value in zip(("low", "likely", "high"), values, strict=True):
            number = isinstance(value, Real) and not isinstance(value, bool | np.bool_)
            if not number or not np.isfinite(float(value)):
                raise InputError(
                    f"{name} of a Range must be a number, such as 0.15; got {value!r}."
                )
        if not self.low <= self.likely <= self.high:
            raise InputError(
                f"A Range goes from low over likely to high, such as Range(0.10, 0.15, 0.25); "
                f"got low={self.low!r}, likely={self.likely!r}, high={self.high!r}."
            )

    def at(self, z: Any) -> Any:
        """The value ``z`` standard deviations from the likely one; a number or an array."""
        up, down = (self.high - self.likely) / Z, (self.likely - self.low) / Z
        return self.likely + np.where(np.greater(z, 0), np.multiply(z, up), np.multiply(z, down))

    def scaled(self, factor: float) -> Range:
        """The same range in another unit; ``factor`` must not be negative."""
        return Range(self.low * factor, self.likely * factor, self.high * factor)


def likely(value: Number) -> float:
    """The number itself, or the likely value of a range.

    >>> likely(Range(1, 2, 4)), likely(3)
    (2.0, 3.0)
    """
    return float(value.likely if isinstance(value, Range) else value)


def between(value: Number) -> tuple[float, float]:
    """The two ends of a range; a plain number twice.

    >>> between(Range(1, 2, 4)), between(3)
    ((1.0, 4.0), (3.0, 3.0))
    """
    low, high = (value.low, value.high) if isinstance(value, Range) else (value, value)
    return float(low), float(high)
