"""What was learnt of who responds, as tables and words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from retention_lib.decisions._uplift_choice import FEWEST, FEWEST_CASES
from retention_lib.decisions._uplift_learnt import Learnt
from retention_lib.decisions._uplift_qini import Curves
from retention_lib.wording import with_minus

if TYPE_CHECKING:
    import pandas as pd

    from retention_lib.base.customer_base import CustomerBase
    from retention_lib.wording import Wording

SHARES = (0.2, 0.5)

COLUMNS = [
    "ordered_by",
    "won_fifth",
    "won_half",
    "qini",
    "qini_range",
    "ranking_code",
    "qini_low",
    "qini_high",
]
KINDS = {name: "float64" for name in ("won_fifth", "won_half", "qini", "qini_low", "qini_high")}


def table(learnt: Learnt, w: Wording) -> pd.DataFrame:
    import pandas as pd

    curves, rows = learnt.curves, []
    for code in ("response", "risk", "lot"):
        lot = code == "lot"
        low, high = (0.0, 0.0) if lot else curves.interval(code)
        gains = [curves.effect * share if lot else gain_at(curves, code, share) for share in SHARES]
        between = w.say("uplift.range", low=_hundred(low, w), high=_hundred(high, w))
        rows.append(
            {
                "ordered_by": w.say(f"uplift.ranking.{code}"),
                "won_fifth": 1000 * gains[0],
                "won_half": 1000 * gains[1],
                "qini": 0.0 if lot else 100 * curves.area[code],
                "qini_range": "" if lot else between,
                "ranking_code": code,
                "qini_low": 100 * low,
                "qini_high": 100 * high,
            }
        )
    return pd.DataFrame(rows, columns=COLUMNS)


def gain_at(curves: Curves, ranking: str, share: float) -> float:
    return float(np.interp(share, curves.share[ranking], curves.gain[ranking]))


def thirds(learnt: Learnt, w: Wording) -> list[tuple[object, ...]]:
    from retention_lib.decisions.past_campaigns import difference_interval

    facts, said = learnt.facts, learnt.unseen.together
    order = np.argsort(-said, kind="stable")
    rows: list[tuple[object, ...]] = []
    for place, part in enumerate(np.array_split(order, 3)):
        yes = facts.treated[part] > 0
        bought = facts.bought[part]
        counts = int(bought[yes].sum()), int(yes.sum()), int(bought[~yes].sum()), int((~yes).sum())
        low, high = difference_interval(*counts)
        between = w.say("uplift.points_range", low=points(low, w), high=points(high, w))
        seen = counts[0] / counts[1] - counts[2] / counts[3]
        name = w.say(f"uplift.third.{place + 1}")
        rows.append((name, len(part), float(said[part].mean()), seen, between))
    return rows


def assumptions(base: CustomerBase, learnt: Learnt, days: int) -> dict[str, object]:
    w, facts = base.wording, learnt.facts
    traits = [w.label(name) for name in facts.columns.levels]
    known = w.listing(traits) if traits else w.say("uplift.no_traits")
    return {
        **made_under(base, days),
        "uplift_campaigns": w.listing(learnt.campaigns),
        "uplift_customers": w.say(
            "uplift.groups",
            treated=int(facts.treated.sum()),
            control=int((1 - facts.treated).sum()),
        ),
        "uplift_features": w.say(
            "uplift.features", features=len(facts.columns.features), traits=known
        ),
        "uplift_learners": w.say("uplift.learners"),
    }


def made_under(base: CustomerBase, days: int) -> dict[str, object]:
    w = base.wording
    return {
        "as_of": base.as_of,
        "effect_days": w.say("past.days", days=days),
        "uplift_least": w.say("uplift.least", fewest=FEWEST, cases=FEWEST_CASES),
        "uplift_wins": w.say("uplift.wins_where"),
    }


def won(gain: float, w: Wording) -> str:
    return with_minus(w.number(1000 * gain))


def _hundred(area: float, w: Wording) -> str:
    return with_minus(w.number(100 * area, decimals=1))


def points(change: float, w: Wording) -> str:
    return with_minus(w.number(100 * change, decimals=1))


def about(count: float) -> int:
    """Two figures are all that such a number is good for."""
    power = 10 ** max(int(np.floor(np.log10(count))) - 1, 0)
    return int(np.ceil(count / power) * power)
