"""From facts and models to one value a customer."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from retention_lib.portfolio.intervals import SEED, Values
from retention_lib.portfolio.money import MarginBasis
from retention_lib.portfolio.rfm import SKETCH_BELOW
from retention_lib.scoring._lifetime_contracts import (
    ContractModel,
    draw_contracts,
    fit_contracts,
    value_contracts,
)
from retention_lib.scoring._lifetime_draws import DRAWS, Ahead, Drawn, draw_worth
from retention_lib.scoring._lifetime_facts import YEAR
from retention_lib.scoring._lifetime_models import (
    PurchaseForecast,
    Spend,
    fit_purchases,
    fit_spend,
)
from retention_lib.scoring._lifetime_record import TrackRecord

FEWEST_AGAIN = 10
"""With fewer purchases by customers who had bought before, nobody can tell how many will come."""

_ROUNDING = 1e-9

FIGURES = ("p_alive", "expected_purchases", "expected_spend", "clv", "clv_low", "clv_high")
COLUMNS = (
    "customer_id",
    "name",
    *FIGURES,
    "active",
    "is_contract",
    "purchases",
    "annual_value",
    "monthly_value",
)
GROUPS = 2
"""Totals are drawn for who is active, and for the others."""


@dataclass(frozen=True, eq=False)
class Valued:
    """The table, the totals of every draw, and the models behind them."""

    table: pd.DataFrame
    totals: Values
    purchases: PurchaseForecast | None
    spend: Spend | None
    contracts: ContractModel | None
    independence: float
    limited: tuple[int, int] = (0, 0)
    """Customers whose margin was below nothing, and above all of the revenue."""


def value_all(
    facts: pd.DataFrame, day: int, tested: TrackRecord, ahead: Ahead, basis: MarginBasis
) -> Valued:
    """Value who buys when it likes and who has a contract, each in its own way."""
    margin = _margin_share(facts) if basis.known else np.ones(len(facts))
    facts = facts.assign(
        margin_share=np.clip(margin, 0.0, 1.0),
        annual_value=facts["year_margin" if basis.known else "year_revenue"],
        monthly_value=np.nan,
    )
    limited = int((margin < 0).sum()), int((margin > 1 + _ROUNDING).sum())
    free = facts[~facts["is_contract"]].reset_index(drop=True)
    bound = facts[facts["is_contract"]].reset_index(drop=True)
    parts, totals = [], np.zeros((DRAWS, GROUPS))
    purchases, spend, contracts = None, None, None
    again = int((free["purchases"] - 1).sum())
    if len(free) and again < FEWEST_AGAIN:
        parts.append(_untold(free))
    elif len(free):
        part, drawn, purchases, spend = _value_free(free, day, tested, ahead)
        parts.append(_joined(free, part, drawn))
        totals = totals + drawn.totals
    if len(bound):
        part, drawn, contracts = _value_bound(bound, day, ahead)
        parts.append(_joined(bound, part, drawn))
        totals = totals + drawn.totals
    table = pd.concat(parts, ignore_index=True)
    shown = [name for name in COLUMNS if name in table]
    return Valued(table[shown], totals, purchases, spend, contracts, _independence(free), limited)


def _value_free(
    facts: pd.DataFrame, day: int, tested: TrackRecord, ahead: Ahead
) -> tuple[pd.DataFrame, Drawn, PurchaseForecast, Spend]:
    """Customers without a contract: purchases to come times what one brings."""
    purchases = fit_purchases(facts, day, tested.chosen)
    spend = fit_spend(facts, draws=DRAWS, seed=SEED)
    still = facts["closed_day"].isna().to_numpy(dtype=float)
    each = spend.expected(facts) * tested.spend_level
    margin = facts["margin_share"].to_numpy(dtype=float)
    level = tested.purchase_level * still
    clv = purchases.discounted(ahead.days, ahead.force) * level * each * margin
    scale = level * spend.net_share * tested.spend_level * margin
    drawn = draw_worth(
        facts,
        purchases,
        spend,
        ahead,
        worth=clv,
        scale=scale,
        groups=_groups(facts),
        # What the test showed for a year or less grows with the years beyond it.
        spread=tested.spread * math.sqrt(max(ahead.days / YEAR, 1.0)),
    )
    alive = purchases if tested.chosen == "mbgnbd" else fit_purchases(facts, day, "mbgnbd")
    part = pd.DataFrame(
        {
            # In BG/NBD who bought once is there for certain; nobody should be told so.
            "p_alive": alive.p_alive() * still,
            "expected_purchases": purchases.expected(ahead.days) * level,
            "expected_spend": each,
            "clv": clv,
        }
    )
    return part, drawn, purchases, spend


def _untold(facts: pd.DataFrame) -> pd.DataFrame:
    """Customers of whom nobody can tell what they will bring; closed accounts bring nothing."""
    kept = [name for name in COLUMNS if name in facts]
    closed = facts["closed_day"].notna().to_numpy()
    missing = np.where(closed, 0.0, np.nan)
    return facts[kept].assign(**dict.fromkeys(FIGURES, missing))


def _value_bound(
    facts: pd.DataFrame, day: int, ahead: Ahead
) -> tuple[pd.DataFrame, Drawn, ContractModel]:
    """Customers with a contract: what a month brings times the months it still runs."""
    model = fit_contracts(facts, day)
    part = value_contracts(facts, model, ahead, day)
    clv = part.pop("worth").to_numpy() * facts["margin_share"].to_numpy(dtype=float)
    monthly = part.pop("monthly").to_numpy() * facts["margin_share"].to_numpy(dtype=float)
    drawn = draw_contracts(
        facts, model, ahead, day, worth=clv, scale=monthly, groups=_groups(facts)
    )
    return part.assign(clv=clv, monthly_value=monthly * part["p_alive"]), drawn, model


def _joined(facts: pd.DataFrame, part: pd.DataFrame, drawn: Drawn) -> pd.DataFrame:
    kept = [name for name in COLUMNS if name in facts and name not in part]
    return facts[kept].assign(**part, clv_low=drawn.low, clv_high=drawn.high)


def _groups(facts: pd.DataFrame) -> Values:
    active = facts["active"].to_numpy(dtype=float)
    return np.stack([active, 1 - active], axis=1)


def _margin_share(facts: pd.DataFrame) -> Values:
    """The margin rate of each customer, drawn towards that of the base by one average customer.

    It can lie below 0 or above 1; what is made of that is the caller's.
    """
    revenue = np.maximum(facts["revenue"].to_numpy(dtype=float), 0.0)
    margin = np.where(revenue > 0, facts["margin"].to_numpy(dtype=float), 0.0)
    typical = float(revenue.mean()) if len(revenue) else 0.0
    if not typical > 0:
        return np.ones(len(facts))
    rate = float(margin.sum() / revenue.sum())
    share: Values = (margin + rate * typical) / (revenue + typical)
    return share


def _independence(facts: pd.DataFrame) -> float:
    """How frequency and value of a purchase go together, among who bought again (rank, −1 to 1)."""
    again = facts[facts["purchases"] > 1]
    if len(again) < SKETCH_BELOW:
        return float("nan")
    value = again["gross"] / again["purchases"]
    return float(again["purchases"].rank().corr(value.rank()))
