"""What happens after a simulated period: who buys, given who was contacted, put into the base.

With it the circle closes: a plan is made, carried out, played and measured, and what was measured
can be held against what was true.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from retention_lib.base.adding import placed, with_rows
from retention_lib.base.simulate_world import Floats, Ints, Streams

if TYPE_CHECKING:
    from retention_lib.base.customer_base import CustomerBase
    from retention_lib.base.simulate_truth import Truth

SPREAD = 0.7
"""Standard deviation of the logarithm of an order's value: a few orders are several times it."""
_SUREST = 1 - 1e-4
"""Nobody is surer to buy than this; else the number of orders would have no bound."""

Gain = Literal["buyers", "revenue", "margin"]


@dataclass(frozen=True, eq=False)
class Played:
    """A base some months later, and what could truly be expected of each customer in them.

    ``expected``: one row a customer who had not left: ``customer_id``, ``contacted``, and without
    and with contact ``p_buy_without, p_buy_with, revenue_without, revenue_with, margin_without,
    margin_with`` (of the ``days`` after ``start``; currency).
    """

    base: CustomerBase
    expected: pd.DataFrame
    start: date
    days: int

    def effect(self, customers: Collection[str], outcome: Gain = "margin") -> float:
        """What contact truly adds a customer, on average over ``customers``; gone ones add 0."""
        name = {"buyers": "p_buy"}.get(outcome, outcome)
        gains = self.expected[f"{name}_with"] - self.expected[f"{name}_without"]
        gains.index = pd.Index(self.expected["customer_id"])
        return float(gains.reindex(list(customers)).fillna(0.0).mean())


def played(
    base: CustomerBase,
    truth: Truth,
    treated: Collection[str],
    control: Collection[str] = (),
    *,
    seed: int,
    campaign_id: str | None = None,
    start: date | None = None,
    cost: float = 0.0,
    effect: float = 1.0,
) -> Played:
    """Play the months after a simulated period once, ``treated`` being contacted on ``start``.

    ``start`` is the day after the period by default; the months are the truth's
    ``campaign_horizon_days``. Everybody who had not left buys with the probability that the truth
    has for it (``contact_effects``), as often and for as much as it truly does; contact makes some
    buy once who would not have bought, and some not buy who would. ``effect`` scales that (0: the
    campaign does nothing). With a ``campaign_id`` both groups are put into the campaigns table,
    at ``cost`` a customer treated. The same seed gives a customer the same luck in whether it buys,
    contacted or not. The trap: purchases between the period's end and ``start`` do not take place.

    >>> from retention_lib.base.simulate import simulate_base
    >>> base, truth = simulate_base(200, seed=1)
    >>> later = played(base, truth, ["C00007"], ["C00008"], seed=2, campaign_id="MAY")
    >>> later.base.as_of, later.base.has("campaigns", "group")
    (datetime.date(2026, 4, 1), True)
    """
    start = base.as_of + timedelta(days=1) if start is None else start
    days = truth.world.campaign_horizon_days
    expected = _expected(truth, treated, effect)
    rows = {"transactions": _orders(expected, start, days, Streams(seed))}
    if campaign_id is not None:
        rows["campaigns"] = _groups(treated, control, campaign_id, start, cost)
    shown = [name for name in expected if name not in _PACE]
    return Played(_later(base, rows, start, days), expected[shown].copy(), start, days)


_PACE = ("orders", "order_value", "margin_rate")


def _expected(truth: Truth, treated: Collection[str], effect: float) -> pd.DataFrame:
    """Chances, orders and money of each customer, without contact and with it."""
    known = truth.customers.set_index("customer_id")
    frame = truth.contact_effects[["customer_id", "p_buy_without", "p_buy_with"]].copy()
    own = known.loc[frame["customer_id"]]
    without = np.clip(frame["p_buy_without"].to_numpy(), 0.0, _SUREST)
    moved = frame["p_buy_with"].to_numpy() - frame["p_buy_without"].to_numpy()
    with_contact = np.clip(without + effect * moved, 0.0, _SUREST)
    # Orders come by chance, so that no order at all has the chance that the truth gives it.
    orders = -np.log1p(-without)
    put_off = with_contact < without
    share = np.divide(with_contact, without, out=np.ones(len(without)), where=put_off)
    orders_with = np.where(put_off, orders * share, orders + (with_contact - without))
    value = own["expected_order_value"].to_numpy()
    rate = (own["expected_annual_margin"] / own["expected_annual_revenue"]).fillna(0.0).to_numpy()
    return frame.assign(
        contacted=frame["customer_id"].isin(list(treated)).to_numpy(),
        p_buy_without=without,
        p_buy_with=with_contact,
        revenue_without=orders * value,
        revenue_with=orders_with * value,
        margin_without=orders * value * rate,
        margin_with=orders_with * value * rate,
        orders=orders,
        order_value=value,
        margin_rate=rate,
    )


def _orders(expected: pd.DataFrame, start: date, days: int, streams: Streams) -> pd.DataFrame:
    """The orders that take place, one row each."""
    rng = streams.of("orders played")
    count = rng.poisson(expected["orders"].to_numpy())
    moved = _moved(expected, count, rng.random(len(expected)))
    count = np.where(expected["contacted"].to_numpy(), moved, count)
    who = np.repeat(np.arange(len(expected)), count)
    value = expected["order_value"].to_numpy()[who]
    amount = np.round(value * rng.lognormal(-(SPREAD**2) / 2, SPREAD, len(who)), 2)
    day = np.datetime64(start) + rng.integers(1, days + 1, len(who))
    return pd.DataFrame(
        {
            "customer_id": expected["customer_id"].to_numpy()[who],
            "date": pd.to_datetime(day).date,
            "order_id": [f"PLAYED-{place}" for place in range(len(who))],
            "amount": amount,
            "margin": np.round(amount * expected["margin_rate"].to_numpy()[who], 2),
        }
    )


def _moved(expected: pd.DataFrame, count: Ints, luck: Floats) -> Ints:
    """The numbers of orders where contact has made some buy and put others off."""
    without, reached = expected["p_buy_without"].to_numpy(), expected["p_buy_with"].to_numpy()
    persuaded = (count == 0) & (luck < (reached - without) / (1 - without))
    lost = np.divide(without - reached, without, out=np.zeros(len(without)), where=without > 0)
    return np.where((count > 0) & (luck < lost), 0, count + persuaded)


def _groups(
    treated: Collection[str], control: Collection[str], campaign_id: str, start: date, cost: float
) -> pd.DataFrame:
    who = [*treated, *control]
    contacted = np.arange(len(who)) < len(treated)
    return pd.DataFrame(
        {
            "campaign_id": campaign_id,
            "customer_id": who,
            "date": start,
            "group": np.where(contacted, "treated", "control"),
            "cost": np.where(contacted, cost, 0.0),
        }
    )


def _later(
    base: CustomerBase, rows: dict[str, pd.DataFrame], start: date, days: int
) -> CustomerBase:
    """The base with rows added to its tables, seen when the months are over."""
    keys = {"transactions": ("order_id",), "campaigns": ("campaign_id", "customer_id")}
    tables, lead = dict(base.tables), base.tables["transactions"]
    for name, added in rows.items():
        frame = tables.get(name)
        have = added if frame is None else added[[c for c in added if base.has(name, c)]]
        if len(added):
            tables[name] = with_rows(frame, placed(have, name, lead), keys=keys[name])
    return replace(base, tables=tables, as_of=start + timedelta(days=days), last_day=None)
