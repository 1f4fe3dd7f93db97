"""The profit of a retention campaign in closed form: one value for all, from two papers.

``evaluate_offer`` works customer by customer; these are what it comes down to where every
customer is worth the same, and they make a model comparable with published figures.
"""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Real
from typing import Any, TypeAlias

import numpy as np

from retention_lib.errors import InputError

Values: TypeAlias = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class MaximumProfit:
    """The most that a ranking can earn.

    ``profit``: expected profit per customer of the whole base, contacted or not, in the unit of
    the customer's value. ``share``: expected share of the base to contact, 0 to 1.
    """

    profit: float
    share: float


def campaign_profit(
    customers: float,
    *,
    share: float,
    churn_rate: float,
    lift: float,
    save_rate: float,
    value: float,
    incentive: float,
    contact_cost: float,
    fixed_cost: float = 0.0,
) -> float:
    """Give the profit of contacting the top share of a ranking, every customer worth the same.

    Takes single numbers and returns money. Of those contacted, ``churn_rate`` x ``lift`` would
    have left; ``save_rate`` of them stay, take the incentive and bring their value; all who would
    have stayed take the incentive too. The trap: the lift is that of the share contacted; it
    falls as the share grows, and is 1 for everybody.

    Parameters
    ----------
    customers
        How many customers the base has.
    share
        Share of the base that is contacted (0 to 1).
    churn_rate
        Share of the base that would leave (0 to 1).
    lift
        How many times the base's share of leavers is among those contacted (0 or more).
    save_rate
        Of those who would leave, the share that contact keeps (-1 to 1).
    value
        What a customer brings who is kept, in money.
    incentive, contact_cost
        What an accepted incentive and one contact cost, in money.
    fixed_cost
        What the campaign costs whoever is contacted, in money.

    Raises
    ------
    InputError
        Where an argument is no number, or outside its bounds.

    Examples
    --------
    >>> profit = campaign_profit(1000, share=0.1, churn_rate=0.1, lift=3.0, save_rate=0.2,
    ...     value=500, incentive=20, contact_cost=2)
    >>> round(profit, 2)
    1280.0

    Neslin, Gupta, Kamakura, Lu and Mason 2006, "Defection Detection", Journal of Marketing
    Research 43(2), equation 1, doi 10.1509/jmkr.43.2.204.
    """
    _check("customers", customers, 0)
    _check("share", share, 0, 1)
    _check("churn_rate", churn_rate, 0, 1)
    _check("lift", lift, 0)
    _check("save_rate", save_rate, -1, 1)
    _check("value", value)
    for name, cost in (("incentive", incentive), ("contact_cost", contact_cost)):
        _check(name, cost, 0)
    _check("fixed_cost", fixed_cost, 0)
    leaving = churn_rate * lift
    if leaving > 1 + 1e-12:
        raise InputError(
            f"churn_rate x lift is the share of leavers among those contacted, 1 at most; got "
            f"{churn_rate!r} x {lift!r} = {leaving:g}."
        )
    saved = leaving * save_rate * (value - incentive)
    given_away = (1 - leaving) * incentive
    return float(customers * share * (saved - given_away - contact_cost) - fixed_cost)


def expected_maximum_profit(
    left: Any,
    scores: Any,
    *,
    value: float,
    incentive: float,
    contact_cost: float,
    alpha: float = 6.0,
    beta: float = 14.0,
) -> MaximumProfit:
    """Give the most that a ranking can be expected to earn, the save rate being known roughly.

    ``left`` and ``scores`` are arrays of one value a customer: 1 for who left and 0 for who
    stayed; the higher the score the earlier a customer is contacted, equal scores together. For
    every save rate the best share is contacted, and the profits are averaged over a beta
    distribution of save rates. The trap: this presumes that the save rate is known when the
    share is chosen, so it is a measure of a ranking, not a forecast; and that all customers are
    worth the same.

    Parameters
    ----------
    left, scores
        What came to pass (0 or 1) and what was forecast, in the same order.
    value
        What a customer brings who is kept, in money (above 0).
    incentive, contact_cost
        What an accepted incentive and one contact cost, in money.
    alpha, beta
        The beta distribution of the save rate; 6 and 14 are a mean of 30 %.

    Raises
    ------
    InputError
        Where the arrays differ in length, are empty or hold something else than such numbers.

    Examples
    --------
    >>> best = expected_maximum_profit([0, 1, 0, 1, 0, 1, 0, 1],
    ...     [0.1, 0.2, 0.3, 0.4, 0.5, 0.7, 0.8, 0.9], value=200, incentive=10, contact_cost=1)
    >>> round(best.profit, 3), round(best.share, 3)
    (23.876, 0.874)

    Verbraken, Verbeke and Baesens 2013, "A Novel Profit Maximizing Metric for Measuring
    Classification Performance of Customer Churn Prediction Models", IEEE Transactions on
    Knowledge and Data Engineering 25(5), doi 10.1109/TKDE.2012.50.
    """
    from scipy.special import betainc

    churned, ranked = _check_arrays(left, scores)
    _check("value", value)
    if value <= 0:
        raise InputError(f"value must be above 0, such as 200; got {value!r}.")
    for name, cost in (("incentive", incentive), ("contact_cost", contact_cost)):
        _check(name, cost, 0)
    for name, shape in (("alpha", alpha), ("beta", beta)):
        _check(name, shape)
        if shape <= 0:
            raise InputError(f"{name} must be above 0, such as 6; got {shape!r}.")
    stayers, leavers = _hull(churned, ranked)
    if value <= incentive or len(leavers) == 1:
        return MaximumProfit(0.0, 0.0)
    # From one corner to the next pays once the save rate is above this.
    wider = np.diff(stayers) / np.diff(leavers)
    pays_from = (contact_cost + (incentive + contact_cost) * wider) / (value - incentive)
    ends = np.clip(np.concatenate([[0.0], pays_from, [1.0]]), 0.0, 1.0)
    weight = np.diff(betainc(alpha, beta, ends))
    saved = np.diff(betainc(alpha + 1, beta, ends)) * alpha / (alpha + beta)
    costs = contact_cost * leavers + (incentive + contact_cost) * stayers
    profit = float(np.sum(leavers * (value - incentive) * saved - costs * weight))
    return MaximumProfit(profit, float(np.sum((leavers + stayers) * weight)))


def _hull(churned: Values, scores: Values) -> tuple[Values, Values]:
    """Corners of the best rankings: cumulated stayers and leavers as shares of all customers.

    What lies below the line between two corners is never best, whatever the save rate.
    """
    order = np.argsort(-scores, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(scores[order])), len(scores) - 1)
    upto = np.cumsum(churned[order])[ends]
    leavers = np.append(0, upto)
    stayers = np.append(0, ends + 1 - upto)
    corners = [0]
    for place in range(1, len(leavers)):
        if leavers[place] == leavers[corners[-1]]:
            continue
        while len(corners) > 1:
            before, last = corners[-2], corners[-1]
            # Whole numbers, so that three points on one line are seen as such.
            up, on = leavers[last] - leavers[before], stayers[last] - stayers[before]
            if up * (stayers[place] - stayers[before]) > on * (leavers[place] - leavers[before]):
                break
            corners.pop()
        corners.append(place)
    return stayers[corners] / len(scores), leavers[corners] / len(scores)


def _check_arrays(left: Any, scores: Any) -> tuple[Values, Values]:
    try:
        churned, ranked = np.asarray(left, dtype=float), np.asarray(scores, dtype=float)
    except (TypeError, ValueError):
        raise InputError(
            "left and scores must be lists of numbers, one a customer, such as [0, 1] and "
            "[0.2, 0.7]."
        ) from None
    if churned.ndim != 1 or churned.shape != ranked.shape or not len(churned):
        raise InputError(
            f"left and scores must be lists of the same length, one value a customer; got "
            f"{churned.shape} and {ranked.shape}."
        )
    wrong = np.flatnonzero((churned != 0) & (churned != 1))
    if len(wrong):
        raise InputError(
            f"left holds 1 for who left and 0 for who stayed; {len(wrong)} of {len(churned)} "
            f"values are neither (first: {churned[wrong[0]]:g})."
        )
    if not np.isfinite(ranked).all():
        raise InputError(
            f"scores must be numbers; {int((~np.isfinite(ranked)).sum())} of {len(ranked)} are "
            f"missing or infinite. Leave those customers out of both lists."
        )
    return churned.astype(np.int64), ranked


def _check(name: str, value: object, low: float = -np.inf, high: float = np.inf) -> None:
    number = isinstance(value, Real) and not isinstance(value, bool | np.bool_)
    if number and np.isfinite(value) and low <= value <= high:  # type: ignore[call-overload, operator]
        return
    bounds = f" from {low:g}" if np.isfinite(low) else ""
    bounds += f" to {high:g}" if np.isfinite(high) else (" on" if bounds else "")
    raise InputError(f"{name} must be a number{bounds}; got {value!r}.")
