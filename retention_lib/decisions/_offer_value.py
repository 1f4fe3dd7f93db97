"""What keeping a customer adds who would have left, over the horizon of its leaving.

Who would have left is told by the churn label: nothing bought in the horizon, or the account
closed in it. So the value is that of a customer of whom this is given, not of any customer:

- Who has gone silent for good bought at its own pace until it stopped, with the last purchase or
  on a day since then that nobody knows. Who is there and merely slow is slower than its history
  says. These are closed forms of the purchase model (gamma pace, see ``_pace_of_leavers``).
- Who closes the account in the middle of the horizon has bought up to then. What keeping it adds
  is the rest of the horizon, and how much that is on average the base's own past tells.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import narwhals as nw
import numpy as np

from retention_lib.base import engine
from retention_lib.base.customer_base import CustomerBase
from retention_lib.portfolio.activity import standing, with_endings
from retention_lib.portfolio.intervals import Values
from retention_lib.scoring._lifetime_models import fit_purchases
from retention_lib.scoring._lifetime_valuing import FEWEST_AGAIN

if TYPE_CHECKING:
    import pandas as pd

    from retention_lib.scoring.lifetime import LifetimeResult

YEAR = 365
DISCOUNT_RATE = 0.10
_MONTH = YEAR / 12
# A single purchase of a customer strays from its average by about 70 %.
_ONE_PURCHASE = 0.5
# Leavers seen in the past count against so many of whom nothing is known.
_PRIOR = 10.0
_OFTEN = (3, 7)
UNSEEN = 0.10
"""What leavers would have brought is never seen. On simulated bases of consumers the sum was out
by about so much, as a share, all customers alike; see docs/offer-coverage.md."""


def value_if_kept(
    base: CustomerBase, scored: pd.DataFrame, worth: LifetimeResult, horizon: int
) -> pd.DataFrame:
    """Add to ``customer_id, churn_probability`` what keeping each one adds in the horizon.

    ``value`` (in the measure of ``worth``), ``revenue`` and ``variation`` (squared, of the value
    around what is expected); missing where nobody can tell.
    """
    known = engine.collect(
        standing(base).select(
            "customer_id",
            "first_day",
            "last_day",
            "lifetime_purchases",
            "purchases",
            "is_contract",
        )
    ).rename(columns={"purchases": "lately", "lifetime_purchases": "purchases"})
    table = known.merge(_pace_of_all(base, known), on="customer_id", how="left")
    table = scored.merge(table, on="customer_id", how="left")
    names = ["customer_id", "p_alive", "expected_purchases", "expected_spend", "clv"]
    table = table.merge(worth.table[[*names, "monthly_value"]], on="customer_id", how="left")
    bound = table["is_contract"].fillna(False).to_numpy(dtype=bool)
    level = worth.record.levels[0]
    pace = _pace_of_leavers(table, base.as_of_day, horizon) * level * horizon
    months = np.where(bound, horizon / _MONTH, np.nan)
    often = table["expected_purchases"].to_numpy(dtype=float)
    with np.errstate(divide="ignore", invalid="ignore"):
        each = np.where(often > 0, table["clv"].to_numpy(dtype=float) / often, 0.0)
        each = np.where(np.isnan(often), np.nan, each)
        fade = discount(horizon) / discount(worth.horizon_days)
        monthly = table["monthly_value"].to_numpy(dtype=float) * discount(horizon)
        value = np.where(bound, monthly * months, each * fade * pace)
        # Revenue and value of a purchase are to one another as they are in the valuation.
        spend = table["expected_spend"].to_numpy(dtype=float) * discount(worth.horizon_days)
        revenue = np.where(each > 0, value / each * spend, 0.0)
    rest = _rest_of_horizon(base, table, horizon)
    with np.errstate(divide="ignore", invalid="ignore"):
        variation = 1.0 / table["rate_shape"].to_numpy(dtype=float)
        variation = variation + _ONE_PURCHASE / table["purchases"].to_numpy(dtype=float)
    return scored.assign(
        value=value * rest,
        revenue=np.where(np.isnan(value), np.nan, revenue * rest),
        # A contract brings what it brings; when it would have ended is what is not known.
        variation=np.where(bound, 1 / 3, np.nan_to_num(variation, nan=1.0)),
    )


def discount(days: float) -> float:
    """What an even stream over so many days is worth today, as a share of its sum.

    >>> round(discount(365), 4)
    0.9538
    """
    force = math.log1p(DISCOUNT_RATE) / YEAR
    return -math.expm1(-force * days) / (force * days)


def _pace_of_all(base: CustomerBase, known: pd.DataFrame) -> pd.DataFrame:
    """The gamma pace of who buys without a contract; no row where it cannot be told."""
    free = known[~known["is_contract"]].reset_index(drop=True)
    if int((free["purchases"] - 1).sum()) < FEWEST_AGAIN:
        nobody = known[["customer_id"]].iloc[:0]
        return nobody.assign(rate_shape=np.nan, rate_days=np.nan, there=np.nan)
    fitted = fit_purchases(free, base.as_of_day, "mbgnbd")
    said = fitted.model.posterior(fitted.histories.distinct)
    place = fitted.histories.place
    return free[["customer_id"]].assign(
        rate_shape=np.asarray(said.rate_shape)[place],
        rate_days=np.asarray(said.rate_days)[place],
        there=np.asarray(said.p_alive)[place],
    )


def _pace_of_leavers(table: pd.DataFrame, day: int, horizon: int) -> Values:
    """Purchases a day of each customer, given that it would have left.

    With a pace that is gamma distributed, of shape ``s`` over ``d`` days seen, ``a`` of them up to
    the last purchase, a leaver is one of three, mixed as the chances say: gone, with its last
    purchase or on an unknown day of its silence; there, and leaving in the ``h`` days of the
    horizon, with ``s / d``; or there, and slow to buy, with ``s / (d + h)`` and probability
    ``(d / (d + h)) ** s``.
    """
    shape, days, there = (
        table[name].to_numpy(dtype=float) for name in ("rate_shape", "rate_days", "there")
    )
    leaves = table["churn_probability"].to_numpy(dtype=float)
    silent = day - table["last_day"].to_numpy(dtype=float)
    slow = np.minimum(there * np.exp(-shape * np.log1p(horizon / days)), leaves)
    gone = np.minimum(1 - there, leaves - slow)
    parts = gone * _pace_of_gone(shape, days - silent, days)
    parts += (leaves - slow - gone) * shape / days + slow * shape / (days + horizon)
    pace: Values = np.divide(parts, leaves, out=shape / days, where=leaves > 0)
    return pace


def _pace_of_gone(shape: Values, until_last: Values, until_now: Values) -> Values:
    """The pace of who has gone: one half stopped with the last purchase, one half later.

    With the last purchase, as the purchase model has it, the pace is ``s / a``. Or on a day up to
    now that nobody knows, each as likely as the silence up to it, ``(a / (a + u)) ** s`` after
    ``u`` days: who bought often then stopped soon, and both integrals of ``s / (a + u)`` are
    powers. The first alone was a tenth too high on simulated consumers, the second too low.
    """
    silence = np.log(until_now / until_last)
    power = np.where(np.abs(shape - 1) < 1e-6, 1 + 1e-6, shape)
    days = until_last * np.expm1((1 - power) * silence) / (1 - power)
    never: Values = -np.expm1(-power * silence)
    at_once = shape / until_last
    later: Values = np.divide(never, days, out=at_once.copy(), where=days > 0)
    pace: Values = (at_once + later) / 2
    return pace


def _rest_of_horizon(base: CustomerBase, table: pd.DataFrame, horizon: int) -> Values:
    """The share of the horizon that was still to come when leavers left, by kind of customer.

    Seen on those who were active one horizon ago: all of it for who bought nothing more, the
    rest for who closed the account. By whether they have a contract and how often they bought.
    """
    bound = table["is_contract"].fillna(False).to_numpy(dtype=bool)
    kind = _kinds(bound, table["lately"].fillna(0).to_numpy(dtype=float))
    known = np.where(np.arange(4) == 0, 0.5, 1.0)
    past = _left_in_past(base, horizon) if base.has("customers", "closed_on") else None
    if past is None or past.empty:
        return np.asarray(known[kind])
    groups = _kinds(past["is_contract"].to_numpy(dtype=bool), past["purchases"].to_numpy(float))
    rest = past["rest"].to_numpy(dtype=float)
    free = groups > 0
    overall = (rest[free].sum() + _PRIOR) / (free.sum() + _PRIOR)
    for group in range(4):
        held, prior = groups == group, overall if group else 0.5
        known[group] = (rest[held].sum() + _PRIOR * prior) / (held.sum() + _PRIOR)
    return np.asarray(known[kind])


def _kinds(bound: Values, purchases: Values) -> Any:
    """0 for a contract; else 1, 2 or 3 by how often the customer bought in the window."""
    return np.where(bound, 0, 1 + np.searchsorted(_OFTEN, purchases))


def _left_in_past(base: CustomerBase, horizon: int) -> pd.DataFrame | None:
    """Who was active one horizon ago and left in it: ``is_contract, purchases, rest``."""
    start = base.as_of_day - horizon
    first = engine.one_row(base.purchases().select(nw.col("day").min().alias("day")))["day"]
    if first is None or start < first:
        return None
    then = standing(base.at(engine.day_of(start))).filter(nw.col("active"))
    later = base.customer_days().filter(nw.col("day") > start, nw.col("net") > 0)
    later = later.group_by("customer_id").agg(nw.col("day").max().alias("bought_until"))
    now = then.select("customer_id", "purchases", "is_contract").join(
        later, on="customer_id", how="left"
    )
    closed = nw.col("closed_day").is_null()
    free = ~nw.col("is_contract")
    left = with_endings(base, now.drop("is_contract")).filter(
        ~closed | (free & nw.col("bought_until").is_null())
    )
    table = engine.collect(left)
    silent = table["bought_until"].isna() & ~table["is_contract"]
    rest = 1 - (table["closed_day"].astype(float) - start) / horizon
    table["rest"] = np.where(silent, 1.0, rest.clip(0.0, 1.0))
    return table
