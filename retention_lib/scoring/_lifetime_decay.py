"""What becomes of 100 customers won: what the model says, beside what the base has seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import pandas as pd

from retention_lib.portfolio.intervals import SEED, Values, share_interval
from retention_lib.portfolio.rfm import SKETCH_BELOW
from retention_lib.results import Result
from retention_lib.scoring._lifetime_contracts import MONTH, ContractModel
from retention_lib.scoring._lifetime_facts import QUARTER, YEAR
from retention_lib.scoring._lifetime_models import PurchaseForecast
from retention_lib.wording import Wording

_QUARTERS = 12
# With so many left after a year, the history does not show customers leaving.
_NOBODY_STOPS = 0.975
_DRAWN = 40_000


@dataclass(frozen=True, repr=False, eq=False)
class DecayResult(Result):
    """The decay of a cohort, one row a quarter (91 days) since the first purchase.

    Columns: ``quarter`` (1 is the first after the first purchase), ``still_customers`` (share
    that the model holds to be customers at its end), ``expected_buying`` (share it expects to buy
    in the quarter), ``buying`` (share that did), ``buying_low, buying_high`` (95 %), ``followed``
    (customers seen for that whole quarter). With contracts mostly, ``still_customers`` is the
    share of contracts that the model has running at its end, ``running`` the share that did run
    (those whose end lies ahead counted as long as they are seen), ``followed`` those seen so
    long. What is beyond the history is the model's alone. The trap: who was a customer before
    the file begins is taken as won with it.
    """

    chart: ClassVar[str] = "worth_charts.plot_decay"
    formats: ClassVar[Mapping[str, str]] = {
        "quarter": "count",
        "still_customers": "percent",
        "expected_buying": "percent",
        "buying": "percent",
        "buying_low": "percent",
        "buying_high": "percent",
        "running": "percent",
        "followed": "count",
    }

    contracts: bool = field(kw_only=True)
    at_once: float = field(default=1.0, kw_only=True)
    """The share still customers right after the first purchase, by the model."""

    def sentence(self) -> str:
        """How many of 100 are left after a year, and how many buy then."""
        return self.finding() + "."

    def finding(self) -> str:
        """The sentence without its full stop, for a title."""
        w, year = self.wording, self.table[self.table["quarter"] == YEAR // QUARTER]
        if year.empty or year["still_customers"].isna().all():
            return w.say("lifetime.decay.empty")
        row, last = year.iloc[0], self.table.iloc[-1]
        told = {
            "left": _of_hundred(row["still_customers"]),
            "later": _of_hundred(last["still_customers"]),
            "years": round(int(last["quarter"]) * QUARTER / YEAR),
        }
        if self.contracts:
            return w.say("lifetime.decay.contracts", **told)
        if row["still_customers"] > _NOBODY_STOPS:
            return w.say("lifetime.decay.nobody_stops", **told)
        if not row["followed"] >= SKETCH_BELOW:
            return w.say("lifetime.decay.model_only", **told)
        return w.say(
            "lifetime.decay.finding",
            **told,
            buying=_of_hundred(row["buying"]),
            expected=_of_hundred(row["expected_buying"]),
        )


def _of_hundred(share: float) -> int:
    return int(np.floor(100 * float(share) + 0.5))


def ages_seen(facts: pd.DataFrame | None, ages: pd.DataFrame | None, day: int) -> pd.DataFrame:
    """By quarter of customer life: customers ``followed``, and who of them ``bought``."""
    if facts is None or ages is None:
        return pd.DataFrame({"followed": [], "bought": []})
    free = facts[~facts["is_contract"]]
    whole = (day - free["first_day"].to_numpy(dtype=np.int64)) // QUARTER
    most = int(whole.max(initial=0))
    bought = ages.set_index("age")["customers"].reindex(range(most)).fillna(0).to_numpy(dtype=int)
    followed = [int((whole > age).sum()) for age in range(most)]
    return pd.DataFrame({"followed": followed, "bought": bought})


def decay_of(
    purchases: PurchaseForecast | None,
    contracts: ContractModel | None,
    seen: pd.DataFrame,
    wording: Wording,
    *,
    lasted: tuple[Values, Values] | None = None,
) -> DecayResult:
    """The decay as the model of most customers says it, beside what was seen.

    ``seen`` is that of :func:`ages_seen`; ``lasted`` the days that each contract has run and
    whether it ended.
    """
    bound = contracts is not None and (
        purchases is None or len(purchases.histories.place) < contracts.contracts
    )
    quarters = max(_QUARTERS, len(seen))
    table = pd.DataFrame({"quarter": np.arange(1, quarters + 1)})
    for name in DecayResult.formats:
        if name not in table:
            table[name] = np.nan
    table["followed"] = 0
    if bound and contracts is not None:
        new = np.zeros(1)
        table["still_customers"] = [
            float(contracts.survival(new, q * QUARTER / MONTH)[0]) for q in table["quarter"]
        ]
        if lasted is not None:
            running = _run_so_far(*lasted, table["quarter"].to_numpy() * QUARTER)
            table["running"], table["followed"] = running
    elif purchases is not None:
        table["still_customers"], table["expected_buying"] = _modelled(purchases, quarters)
        held = slice(0, len(seen))
        share = seen["bought"] / seen["followed"]
        ends = [
            share_interval(*pair) for pair in zip(seen["bought"], seen["followed"], strict=True)
        ]
        table.loc[table.index[held], "followed"] = seen["followed"].to_numpy()
        table.loc[table.index[held], "buying"] = share.to_numpy()
        table.loc[table.index[held], "buying_low"] = [low for low, _ in ends]
        table.loc[table.index[held], "buying_high"] = [high for _, high in ends]
    else:
        table = table.iloc[:0]
    made = "contracts" if bound else "purchases"
    return DecayResult(
        table,
        wording=wording,
        assumptions={"decay_from": wording.say(f"lifetime.decay.from_{made}")},
        contracts=bound,
        at_once=1.0 if bound or purchases is None else _goes_on(purchases),
    )


def _goes_on(purchases: PurchaseForecast) -> float:
    """The share of new customers that the model does not lose with the first purchase."""
    known = purchases.model.parameters_
    return float(known["b"] / (known["a"] + known["b"])) if purchases.first_can_be_last else 1.0


def _modelled(purchases: PurchaseForecast, quarters: int) -> tuple[list[float], list[float]]:
    """Shares of new customers still there at the end of each quarter, and buying in it.

    A customer with rate ``l`` that stops with ``p`` at each purchase is still one after ``t``
    days with ``exp(-l p t)``, times ``1 - p`` where the first purchase counts as such a chance;
    averaged over customers drawn from the model.
    """
    rng = np.random.default_rng(SEED)
    known = purchases.model.parameters_
    rate = rng.gamma(known["r"], 1 / known["alpha"], _DRAWN)
    stop = rng.beta(known["a"], known["b"], _DRAWN)
    goes_on = 1 - stop if purchases.first_can_be_last else np.ones(_DRAWN)
    still, buying = [], []
    for quarter in range(1, quarters + 1):
        end, start = quarter * QUARTER, (quarter - 1) * QUARTER
        still.append(float(np.mean(goes_on * np.exp(-rate * stop * end))))
        there = goes_on * np.exp(-rate * stop * start)
        buying.append(float(np.mean(there * -np.expm1(-rate * QUARTER))))
    return still, buying


def _run_so_far(days: Values, ended: Values, until: Values) -> tuple[Values, Values]:
    """The share of contracts that ran so long, and how many were seen so long.

    Kaplan and Meier (1958), doi 10.1080/01621459.1958.10501452: a contract that still runs
    counts among those that could have ended for as long as it is seen.
    """
    order = np.argsort(days, kind="stable")
    days, ended = days[order], ended[order]
    left = np.cumprod(1 - ended / (len(days) - np.arange(len(days))))
    passed = np.searchsorted(days, until, side="right")
    shares = np.concatenate([[1.0], left])[passed]
    followed = (days[None, :] >= until[:, None]).sum(axis=1)
    return np.where(followed > 0, shares, np.nan), followed
