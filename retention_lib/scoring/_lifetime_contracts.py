"""Contracts: how long they still run, from how long contracts have run so far."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import betaln

from retention_lib.portfolio.intervals import SEED, Values
from retention_lib.scoring._lifetime_draws import DRAWS, LEVEL, Ahead, Drawn
from retention_lib.scoring._lifetime_facts import YEAR
from retention_lib.scoring._lifetime_integral import nodes, steps

if TYPE_CHECKING:
    import pandas as pd

MONTH = YEAR / 12
FEWEST_CLOSED = 20
"""With fewer contracts closed than this, lengths are not told apart: one closing rate for all."""

# So many times the spacing of its invoices after the last one, a contract has stopped paying.
_LATE = 1.5


@dataclass(frozen=True)
class ContractModel:
    """How contracts end, by the month.

    ``alpha, beta`` are those of the shifted-beta-geometric model: each contract has its own
    chance to end in a month, Beta distributed. Missing where one closing rate, ``rate``, is used
    for all: too few have closed, or the model does not say what the last year brought.
    """

    alpha: float | None
    beta: float | None
    rate: float
    closed: int
    """How many contracts have closed in all; what is known of the rate hangs on them."""
    contracts: int

    def survival(self, months_so_far: Values, months: float) -> Values:
        """The share of contracts of that age that still run so many months from now."""
        if self.alpha is None or self.beta is None:
            return np.full(len(months_so_far), (1 - self.rate) ** months)
        age = self.beta + months_so_far
        share: Values = np.exp(betaln(self.alpha, age + months) - betaln(self.alpha, age))
        return share

    def remaining(self, months_so_far: Values, ahead: Ahead) -> Values:
        """Months that contracts of that age still run, discounted, within the days ahead."""
        if self.alpha is None or self.beta is None:
            force = np.array([-np.log1p(-min(self.rate, 1 - 1e-9)) / MONTH + ahead.force])
            return np.full(len(months_so_far), _lasting(force, ahead.days)[0] / MONTH)
        total = np.zeros(len(months_so_far))
        for start, end in steps(ahead.days, ahead.force, MONTH):
            for day, counts in nodes(start, end):
                worth = counts / MONTH * np.exp(-ahead.force * day)
                total += worth * self.survival(months_so_far, day / MONTH)
        return total


def contract_days(facts: pd.DataFrame, day: int) -> tuple[Values, Values]:
    """Days that each contract has run, to its end or to the day, and whether it ended."""
    closed = facts["closed_day"].to_numpy(dtype=float)
    until = np.where(np.isnan(closed), float(day), closed)
    return np.maximum(until - facts["first_day"].to_numpy(dtype=float), 0.0), ~np.isnan(closed)


def contract_months(facts: pd.DataFrame, day: int) -> tuple[Values, Values]:
    """The same in whole months."""
    days, ended = contract_days(facts, day)
    return np.floor(days / MONTH), ended


def fit_contracts(facts: pd.DataFrame, day: int) -> ContractModel:
    """The model of these contracts; one closing rate where the lengths say too little."""
    months, ended = contract_months(facts, day)
    closed = int(ended.sum())
    rate = _rate_of_last_year(facts, day)
    plain = ContractModel(None, None, rate, closed, len(facts))
    if closed < FEWEST_CLOSED:
        return plain
    from retention_lib.scoring.contract_models import ShiftedBetaGeometric

    known = ShiftedBetaGeometric().fit(_as_periods(months, ended)).parameters_
    model = ContractModel(known["alpha"], known["beta"], rate, closed, len(facts))
    return model if _says_last_year(model, facts, day) else plain


def value_contracts(
    facts: pd.DataFrame, model: ContractModel, ahead: Ahead, day: int
) -> pd.DataFrame:
    """Contracts in the order given; a contract goes on at the pace of its last year of invoices.

    ``p_alive, expected_purchases, expected_spend``, ``worth`` (discounted net revenue) and
    ``monthly`` (net revenue of a month).
    """
    import pandas as pd

    months, ended = contract_months(facts, day)
    running = (~ended).astype(float)
    a_month = _pace(facts, day)
    plain = model.remaining(months, Ahead(ahead.days, 0.0)) * running
    monthly = np.maximum(a_month[:, 1], 0.0)
    pays = a_month[:, 0] > 0
    spend = np.divide(monthly, a_month[:, 0], out=np.zeros(len(facts)), where=pays)
    return pd.DataFrame(
        {
            "p_alive": running,
            "expected_purchases": plain * a_month[:, 0],
            "expected_spend": spend,
            "worth": model.remaining(months, ahead) * running * monthly,
            "monthly": monthly,
        }
    )


def _pace(facts: pd.DataFrame, day: int) -> Values:
    """Invoices of a month, and net revenue of a month, one row a contract.

    An invoice opens the period it is for, so invoices speak for the days from the first of them
    to the last and one spacing more: the contract's own, else that of the other contracts, else a
    year. Where the next one is long overdue, the last year as it was says what still comes.
    """
    spacing = facts["spacing"].to_numpy(dtype=float)
    known = spacing[~np.isnan(spacing)]
    usual = float(np.median(known)) if len(known) else float(YEAR)
    spacing = np.maximum(np.where(np.isnan(spacing), usual, spacing), 1.0)
    last = facts["last_day"].to_numpy(dtype=float)
    late = day - last > _LATE * spacing
    year = np.minimum(day - facts["first_day"].to_numpy(dtype=float) + 1, YEAR)
    covered = last - facts["invoiced_from"].to_numpy(dtype=float) + spacing
    days = np.where(late, np.maximum(year, MONTH), covered)
    invoiced = facts[["invoices", "invoiced"]].to_numpy(dtype=float)
    as_it_was = facts[["year_purchases", "year_revenue"]].to_numpy(dtype=float)
    a_month: Values = np.where(late[:, None], as_it_was, invoiced) / days[:, None] * MONTH
    return a_month


def draw_contracts(
    facts: pd.DataFrame,
    model: ContractModel,
    ahead: Ahead,
    day: int,
    *,
    worth: Values,
    scale: Values,
    groups: Values,
) -> Drawn:
    """Draw what running contracts are worth; see :func:`_lifetime_draws.draw_worth`.

    ``worth`` and ``scale`` are in value, ``scale`` that of one month of each contract.
    """
    rng = np.random.default_rng(SEED + 1)
    months, ended = contract_months(facts, day)
    running = ~ended
    # How well the closing rate is known: as well as the number of closings allows.
    unsure = np.exp(rng.standard_normal(DRAWS) / np.sqrt(model.closed + 1))
    own = np.empty((DRAWS, len(facts)), dtype=np.float32)
    seen = np.empty((DRAWS, groups.shape[1]))
    for draw in range(DRAWS):
        if model.alpha is None or model.beta is None:
            monthly = np.full(len(facts), model.rate)
        else:
            monthly = rng.beta(model.alpha, model.beta + months)
        hazard = -np.log1p(-np.minimum(monthly, 1 - 1e-9)) / MONTH * unsure[draw]
        total = hazard + ahead.force
        ends = rng.exponential(1.0, len(facts)) / np.maximum(hazard, 1e-12)
        lasting = _lasting(total, ahead.days) / MONTH
        lived = _lasting(np.full(len(facts), ahead.force), np.minimum(ends, ahead.days)) / MONTH
        own[draw] = running * lasting * scale
        seen[draw] = (running * lived * scale) @ groups
    low, high = np.quantile(own, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
    return Drawn(np.minimum(low, worth), np.maximum(high, worth), seen)


def _lasting(force: Values, days: Values | float) -> Values:
    """The integral of ``exp(-force s)`` over so many days."""
    safe = np.maximum(force, 1e-12)
    lasting: Values = -np.expm1(-safe * days) / safe
    return lasting


def _rate_of_last_year(facts: pd.DataFrame, day: int) -> float:
    """Contracts closed in the last year for each month that one ran in it."""
    closed = facts["closed_day"].to_numpy(dtype=float)
    ended = (closed > day - YEAR) & (closed <= day)
    until = np.where(np.isnan(closed), float(day), closed)
    since = np.maximum(facts["first_day"].to_numpy(dtype=float), day - YEAR)
    months = np.maximum(until - since, 0.0).sum() / MONTH
    # Half a closing more than was seen: none in a short year is not none for ever.
    return float(min((ended.sum() + 0.5) / (months + 1.0), 1.0))


def _says_last_year(model: ContractModel, facts: pd.DataFrame, day: int) -> bool:
    """Whether the model says how many contracts closed in the last year, as far as chance goes."""
    before = day - YEAR
    closed = facts["closed_day"].to_numpy(dtype=float)
    there = (facts["first_day"].to_numpy() <= before) & ~(closed <= before)
    if not there.any():
        return True
    months = np.floor((before - facts["first_day"].to_numpy(dtype=float)[there]) / MONTH)
    ends = 1 - model.survival(months, 12.0)
    came = float((closed[there] <= day).sum())
    return bool(abs(came - ends.sum()) <= 2 * np.sqrt(np.sum(ends * (1 - ends)) + 1.0))


def _as_periods(months: Values, ended: Values) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame({"periods_survived": months, "ended": ended})
