"""How the scorecard speaks: names of methods, figures and their ranges."""

from __future__ import annotations

from retention_lib.scoring._evaluation_measured import SHARES
from retention_lib.wording import Wording, with_minus

_SMALLEST = 0.0005


def method_name(wording: Wording, code: str) -> str:
    """What people call a method; the code in words where it has no name."""
    key = f"scorecard.method.{code}"
    return wording.say(key) if wording.has(key) else code.replace("_", " ")


def advice(wording: Wording, rule: str) -> str:
    """What to do by a rule of thumb."""
    return wording.say(f"scorecard.advice.{rule}")


def percent(wording: Wording, share: float) -> str:
    """A share in whole percent."""
    return wording.percent(share, decimals=0)


def points(wording: Wording, difference: float) -> str:
    """A difference in points with its sign, so that a range over zero is seen to be one."""
    if difference != difference:
        return "–"
    # A limit just above nothing must not read as nothing.
    tiny = 0 < abs(difference) < _SMALLEST
    said = with_minus(wording.number(100 * difference, decimals=2 if tiny else 1))
    return said if difference <= 0 or said.strip("0.,") == "" else "+" + said


def ranged(wording: Wording, measure: str, value: float, low: float, high: float) -> str:
    """A figure of the card with its range."""
    if value != value:
        return "–"

    def written(figure: float) -> str:
        if measure in SHARES:
            return wording.percent(figure, decimals=0)
        decimals = 1 if measure == "lift" else 3 if measure in ("brier", "calibration_error") else 2
        return wording.number(figure, decimals=decimals)

    return wording.say(
        "scorecard.ranged", value=written(value), low=written(low), high=written(high)
    )
