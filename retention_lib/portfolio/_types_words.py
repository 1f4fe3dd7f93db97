"""What sets each type apart, in words and figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from retention_lib.portfolio._types_features import HABITS, TRAITS
from retention_lib.portfolio._types_space import RARE_LEVEL, level_texts, off_scale, on_scale
from retention_lib.wording import Wording

if TYPE_CHECKING:
    import pandas as pd

NOTABLE = 0.3
"""A difference from the other customers of fewer standard deviations is not spoken of."""
SAID = 3
"""How many differences a type's sentence names; its name takes the first two."""

_MOSTLY = 0.4
# Two ways of saying one thing: only the more telling of a family is said.
_FAMILIES = {"main_range_share": "ranges"}
_ORDER = (*HABITS, *TRAITS)
_MONEY, _SHARES = {"basket"}, {"main_range_share", "refund_share", "season_share", "weekend_share"}


@dataclass(frozen=True)
class Difference:
    """One feature of one type against all other customers."""

    feature: str
    level: str
    own: float
    others: float
    size: float

    @property
    def family(self) -> str:
        """What it is about; two of one family are not said together."""
        return _FAMILIES.get(self.feature, self.feature)


def measure_differences(habits: pd.DataFrame, codes: pd.Series[Any]) -> pd.DataFrame:
    """One row a type and feature: what is usual in the type and for the others, and how far apart.

    Averages are taken on the scale the types were made on, so that one giant does not speak for
    all, but those of shares are plain; ``difference`` is in standard deviations of all customers
    on that scale. Of a trait each level of 5 % or more is a feature, with its share.
    """
    import pandas as pd

    columns = {(name, ""): on_scale(name, habits[name]) for name in HABITS if name in habits}
    for name in TRAITS:
        if name in habits:
            texts = level_texts(habits[name])
            shares = texts.value_counts(normalize=True)
            for level in sorted(texts.unique()):
                if level and shares[level] >= RARE_LEVEL:
                    columns[(name, level)] = (texts == level).to_numpy(dtype=float)
    rows = []
    for code in sorted(codes.unique()):
        inside = (codes == code).to_numpy()
        for (name, level), scaled in columns.items():
            own, others = _mean(scaled[inside]), _mean(scaled[~inside])
            spread = np.nanstd(scaled) if np.isfinite(scaled).any() else 0.0
            size = (own - others) / spread if spread > 1e-9 else 0.0
            if name in _SHARES:
                # Most customers return nothing: back from roots, a few who return all would vanish.
                shares = habits[name].to_numpy(dtype=float, na_value=np.nan).clip(0.0, 1.0)
                own, others = _mean(shares[inside]), _mean(shares[~inside])
            elif not level:
                own, others = off_scale(name, own), off_scale(name, others)
            rows.append((code, name, level, own, others, size))
    return pd.DataFrame(
        rows, columns=["type_code", "feature", "level", "own", "others", "difference"]
    )


def _mean(values: np.ndarray[Any, np.dtype[np.float64]]) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if known.size else float("nan")


def telling(differences: pd.DataFrame, code: str) -> list[Difference]:
    """What is worth saying of a type, the most telling first, each family once."""
    rows = differences[differences["type_code"] == code].to_dict("records")
    found = [
        Difference(r["feature"], r["level"], r["own"], r["others"], r["difference"])
        for r in rows
        if r["difference"] == r["difference"] and abs(r["difference"]) >= NOTABLE
    ]
    # Of a sector or a range only what most of them have: what they are not describes nobody.
    said = [d for d in found if not d.level or (d.own >= _MOSTLY and d.own > d.others)]
    said.sort(key=lambda d: (-round(abs(d.size), 6), d.feature, d.level))
    first: dict[str, Difference] = {}
    for difference in said:
        first.setdefault(difference.family, difference)
    return list(first.values())


def name_types(differences: pd.DataFrame, codes: list[str], wording: Wording) -> dict[str, str]:
    """A short name for each type, no two alike: its two most telling features, more if needed."""
    names: dict[str, str] = {}
    for code in codes:
        found = telling(differences, code)
        counts = range(min(2, len(found)), len(found) + 1)
        # Always in the same order, so that two names are easy to compare.
        ordered = [sorted(found[:count], key=lambda d: _ORDER.index(d.feature)) for count in counts]
        tries = [[_short(d, wording) for d in chosen] for chosen in ordered]
        made = [_capital(", ".join(chosen)) if chosen else "" for chosen in tries]
        plain = made[0] or wording.say("types.average")
        free = [name for name in [plain, *made[1:]] if name not in names.values()]
        number = 2
        while not free:
            numbered = f"{plain} ({number})"
            free, number = [numbered] if numbered not in names.values() else [], number + 1
        names[code] = free[0]
    return names


def describe_type(differences: pd.DataFrame, code: str, wording: Wording) -> str:
    """What sets a type apart, in one sentence with figures."""
    said = [_long(d, wording) for d in telling(differences, code)[:SAID]]
    if not said:
        return wording.say("types.says_average")
    return _capital(
        wording.say(
            "types.says", differences=("; " if wording.language == "en" else " ; ").join(said)
        )
    )


def show_value(feature: str, value: float, wording: Wording) -> str:
    """A feature's average as one says it, with its unit."""
    if value != value:
        return "–"
    if feature in _MONEY:
        return wording.money(value)
    if feature in _SHARES or feature in TRAITS:
        return wording.percent(value, decimals=0)
    if feature == "unevenness":
        return wording.percent(value, decimals=0)
    return wording.number(value, decimals=1 if abs(value) < 20 else 0)


def _direction(difference: Difference) -> str:
    return "more" if difference.size > 0 else "less"


def _short(difference: Difference, wording: Wording) -> str:
    if difference.level:
        return wording.say(f"types.short.{difference.feature}", level=difference.level)
    return wording.say(f"types.short.{difference.feature}.{_direction(difference)}")


def _long(difference: Difference, wording: Wording) -> str:
    figures: Mapping[str, object] = {
        "own": show_value(difference.feature, difference.own, wording),
        "others": show_value(difference.feature, difference.others, wording),
    }
    if difference.level:
        key = f"types.long.{difference.feature}"
        return wording.say(key, level=difference.level, **figures)
    return wording.say(f"types.long.{difference.feature}.{_direction(difference)}", **figures)


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]
