"""Whether the groups of a campaign look drawn by lot: looked at before any effect is told."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from retention_lib.decisions import _past_campaign_facts as past
from retention_lib.decisions.past_campaigns import IMPROBABLE
from retention_lib.results import Listing

if TYPE_CHECKING:
    import pandas as pd

    from retention_lib.wording import Wording

BALANCE = (*past.MEASURES, "tenure", "segment")
"""What groups drawn by lot have in common: what :func:`past_effects` looks at, the time since the
first purchase, and the mix of segments."""

OFF_RATIO = 0.001
"""Group sizes further from the share planned than one draw of a thousand leaves them."""

_LONGEST_SILENCE = 1095.0


@dataclass(frozen=True)
class Check:
    """One check: its name in the texts, whether it is passed, what was found, in words.

    ``chance``: how probable it is where the groups were drawn by lot; missing where the check is
    no comparison.
    """

    code: str
    fine: bool
    found: str
    chance: float = float("nan")
    decides: bool = False
    """Whether failing it means that the groups were not drawn by lot."""


def check_groups(
    frame: pd.DataFrame, wording: Wording, planned_share: float | None
) -> tuple[Check, ...]:
    """Every check of the groups, in the order in which a person would look."""
    w = wording
    groups = frame[frame["group"] != "left_out"]
    treated = int((groups["group"] == "treated").sum())
    control, left_out = len(groups) - treated, len(frame) - len(groups)
    found = [
        Check("left_out", not left_out, w.say("campaigns.found.left_out", customers=left_out)),
        _ratio(treated, control, planned_share, w),
    ]
    if min(treated, control) < 2:
        return tuple(found)
    return (*found, *_balance(groups, w))


def _ratio(treated: int, control: int, planned: float | None, wording: Wording) -> Check:
    share = control / max(treated + control, 1)
    said = wording.say(
        "campaigns.found.ratio", control=control, share=wording.percent(share), treated=treated
    )
    if planned is None:
        return Check("ratio", True, said)
    from scipy.stats import binomtest

    chance = float(binomtest(control, max(treated + control, 1), planned).pvalue)
    said = wording.say(
        "campaigns.found.ratio_planned", found=said, planned=wording.percent(planned)
    )
    return Check("ratio", chance >= OFF_RATIO, said, chance, True)


def _balance(groups: pd.DataFrame, wording: Wording) -> list[Check]:
    part = _summed(groups)
    chances = {**past.chances(part), **_further_chances(groups)}
    found = []
    for measure in BALANCE:
        if measure == "wave" and part["day"].nunique() < 2:
            continue
        if measure == "segment" and groups["segment"].nunique() < 2:
            continue
        chance = chances[measure]
        fine = chance >= IMPROBABLE / len(BALANCE)
        found.append(Check(measure, fine, _compared(measure, part, groups, wording), chance, True))
    return found


def _compared(measure: str, part: pd.DataFrame, groups: pd.DataFrame, wording: Wording) -> str:
    """Both groups in words: the means, or how many segments were compared."""
    w = wording
    if measure == "segment":
        return w.say("campaigns.found.segment", segments=int(groups["segment"].nunique()))
    if measure == "tenure":
        of = groups["tenure_before"].groupby(groups["group"]).mean()
        means = float(of["treated"]), float(of["control"])
    else:
        means = past.means(part, measure)
    said = [w.money(m) if measure == "spend" else w.number(m, decimals=1) for m in means]
    return w.say("campaigns.found.means", treated=said[0], control=said[1])


def _summed(groups: pd.DataFrame) -> pd.DataFrame:
    """The customers as :mod:`_past_campaign_facts` sums them up: one row a day and group."""
    import pandas as pd

    silence = groups["silence_before"].fillna(_LONGEST_SILENCE).clip(upper=_LONGEST_SILENCE)
    measures = {
        "purchases": groups["purchases_before"].astype(float),
        "spend": groups["revenue_before"].clip(lower=0.0),
        "silence": silence,
    }
    columns: dict[str, Any] = {"customers": np.ones(len(groups), dtype=np.int64)}
    for name, values in measures.items():
        logs = np.log(values + 1)
        columns |= {name: values, f"log_{name}": logs, f"square_{name}": logs**2}
    keys = {"sent_day": groups["sent_day"], "group": groups["group"]}
    summed = pd.DataFrame(columns | keys).groupby(["sent_day", "group"], as_index=False).sum()
    return summed.assign(day=summed["sent_day"])


def _further_chances(groups: pd.DataFrame) -> dict[str, float]:
    """Of the time since the first purchase (Welch) and of the mix of segments (chi-square)."""
    from scipy.special import chdtrc, ndtr

    treated = (groups["group"] == "treated").to_numpy()
    tenure = np.log1p(groups["tenure_before"].fillna(0.0).to_numpy(dtype=float))
    sides = tenure[treated], tenure[~treated]
    error = np.sqrt(sum(side.var(ddof=1) / len(side) for side in sides))
    apart = abs(sides[0].mean() - sides[1].mean())
    chance = 1.0 if error < 1e-9 else float(2 * ndtr(-apart / error))
    names, place = np.unique(groups["segment"].to_numpy(dtype=str), return_inverse=True)
    seen = np.bincount(2 * place + treated, minlength=2 * len(names)).reshape(-1, 2).astype(float)
    expected = seen.sum(axis=1, keepdims=True) * seen.sum(axis=0) / seen.sum()
    large = (expected >= 5).all(axis=1)
    if large.sum() < 2:
        return {"tenure": chance, "segment": 1.0}
    distance = float(((seen - expected) ** 2 / expected)[large].sum())
    return {"tenure": chance, "segment": float(chdtrc(int(large.sum()) - 1, distance))}


def list_checks(checks: tuple[Check, ...], wording: Wording) -> Listing:
    """The checks as a list, in words."""
    import pandas as pd

    w = wording
    table = pd.DataFrame(
        {
            "check": [w.say(f"campaigns.check.{check.code}") for check in checks],
            "found": [check.found for check in checks],
            "reading": [
                w.say(f"campaigns.reading.{'fine' if check.fine else _reading_of(check)}")
                for check in checks
            ],
            "check_code": [check.code for check in checks],
            "chance": [check.chance for check in checks],
            "fine": [check.fine for check in checks],
        }
    )
    failed = [check for check in checks if check.decides and not check.fine]
    compared = any(math.isfinite(check.chance) for check in checks)
    key = "off" if failed else "fine" if compared else "few"
    said = w.say(f"campaigns.checks_said.{key}", failed=len(failed))
    return _Checks(table, wording=w, said=said)


def _reading_of(check: Check) -> str:
    """The reading of a check that is not passed."""
    return "off" if check.decides else "mind"


class _Checks(Listing):
    hidden: ClassVar[tuple[str, ...]] = ("check_code", "chance", "fine")
