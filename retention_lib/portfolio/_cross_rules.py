"""Which ranges are bought together more often than chance: support, confidence, lift, its range.

Support and confidence after Agrawal, Imielinski and Swami 1993, doi 10.1145/170036.170072; lift
after Brin, Motwani, Ullman and Tsur 1997, doi 10.1145/253262.253325.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from retention_lib.portfolio._cross_chance import expected_together
from retention_lib.portfolio._cross_reading import Baskets, Like
from retention_lib.portfolio.intervals import LEVEL

Values: TypeAlias = np.ndarray[Any, np.dtype[Any]]

# Below a tenth more than chance a rule is not worth saying, however certain it is: with very many
# customers every trifle is.
_LEAST_LIFT = 1.1
_QUARTERS = (0.25, 0.5, 0.75)
# Sectors beyond these are too small to matter, and each is one more pair to doubt.
_MOST_SECTORS = 30


@dataclass(frozen=True)
class Rules:
    """Rules that hold, one row a rule, and how many pairs were looked at for them."""

    table: pd.DataFrame
    pairs: int


def count_pairs(flags: Values, stratum: Values) -> tuple[Values, Values, Values]:
    """How many customers of each stratum have both of two flags; how many there are; which.

    ``flags``: customers x flags, true or false. The first array is strata x flags x flags, with
    those who have one flag on the diagonal.

    >>> both, customers, _ = count_pairs(np.array([[1, 1], [1, 0], [0, 1]]) > 0, np.zeros(3, int))
    >>> both[0].tolist(), customers.tolist()
    ([[2.0, 1.0], [1.0, 2.0]], [3.0])
    """
    own, places = np.unique(stratum, return_inverse=True)
    both = np.zeros((len(own), flags.shape[1], flags.shape[1]))
    for place in range(len(own)):
        held = flags[places == place].astype(float)
        both[place] = held.T @ held
    return both, np.bincount(places, minlength=len(own)).astype(float), own


def lift_with_range(both: Values, customers: Values, z: float) -> tuple[Values, Values, Values]:
    """Lift of every pair: customers who do both, over those expected by chance; with its range.

    Chance is worked out in each stratum and summed; with one stratum this is the lift of the
    textbooks. The range is the delta method's for the logarithm, each stratum multinomial.
    Missing where nobody does both.

    Tea and coffee of Tan, Steinbach and Kumar, Introduction to Data Mining (2005), table 6.8:
    of 1,000 people 200 drink tea, 800 coffee and 150 both, a lift of 0.9375.

    >>> both = np.array([[[200.0, 150.0], [150.0, 800.0]]])
    >>> float(lift_with_range(both, np.array([1000.0]), 1.96)[0][0, 1])
    0.9375
    """
    alone = np.einsum("sii->si", both)
    size, one, other = customers[:, None, None], alone[:, :, None], alone[:, None, :]
    with np.errstate(divide="ignore", invalid="ignore"):
        seen, expected = both.sum(axis=0), (one * other / size).sum(axis=0)
        lift = seen / expected
        of_both = 1 / seen - (one + other) / (size * expected)
        of_one, of_other = -other / (size * expected), -one / (size * expected)
        only_one, only_other = one - both, other - both
        mean = (both * of_both + only_one * of_one + only_other * of_other) / size
        spread = both * of_both**2 + only_one * of_one**2 + only_other * of_other**2
        error = np.sqrt(np.maximum((spread - size * mean**2).sum(axis=0), 0.0))
        return lift, lift * np.exp(-z * error), lift * np.exp(z * error)


def lift_alike(
    by_number: Values, customers: Values, numbers: Values, ranges: int, z: float
) -> tuple[Values, Values]:
    """Lift among customers who buy equally many ranges, and its lower end.

    ``by_number[s]`` counts the pairs of the ``customers[s]`` who buy ``numbers[s]`` ranges. For
    two ranges chance is that of :func:`expected_together`; a sector is no range, so for it every
    number of ranges is a stratum.
    """
    lift, low, _ = lift_with_range(by_number, customers, z)
    with_number = np.bincount(numbers, weights=customers, minlength=ranges + 1)
    pairs = by_number[:, :ranges, :ranges]
    seen = pairs.sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = seen / expected_together(with_number, np.diag(pairs[numbers >= 2].sum(axis=0)))
        spread = (pairs * (1 - pairs / customers[:, None, None])).sum(axis=0)
        lift[:ranges, :ranges] = ratio
        low[:ranges, :ranges] = ratio * np.exp(-z * np.sqrt(spread) / seen)
    return lift, low


def level_of(pairs: int) -> float:
    """How many standard errors keep all the ranges of that many pairs right at once, 95 % sure.

    Bonferroni's correction: the more pairs are looked at, the more of them chance makes look
    related.

    >>> round(level_of(1), 2), round(level_of(100), 2)
    (1.96, 3.48)
    """
    return NormalDist().inv_cdf(1 - (1 - LEVEL) / 2 / max(pairs, 1))


def find_rules(baskets: Baskets, *, min_support: float, min_cases: int) -> Rules:
    """All rules that hold, the highest lift first.

    Columns: ``kind`` (``range``: who buys ``value``; ``sector``: who is in it), ``value``,
    ``range_lacking``, ``one`` (place of the value) and ``other`` (of the range), then the figures.
    """
    sectors = _sectors(baskets.customers, min_cases)
    # A customer of none of the ranges compared counts all the same: it buys others.
    flags = np.hstack([baskets.spend > 0, *[_is(baskets, value) for value in sectors]])
    by_number, sizes, numbers = count_pairs(flags, (baskets.spend > 0).sum(axis=1))
    customers, both = float(sizes.sum()), by_number.sum(axis=0)
    tried = _tried(np.diag(both), len(baskets.ranges), min_cases)
    pairs = int(np.triu(tried | tried.T).sum())
    z = level_of(pairs)
    lift, low, high = lift_with_range(both[None], np.array([customers]), z)
    alike, alike_low = lift_alike(by_number, sizes, numbers, len(baskets.ranges), z)
    beyond_chance = tried & (low > 1) & (alike_low > 1)
    telling = (lift >= _LEAST_LIFT) & (alike >= _LEAST_LIFT) & (both >= min_support * customers)
    holds = beyond_chance & telling
    one, other = np.nonzero(holds)
    spent, buyers = typical_spend(baskets.spend), np.diag(both)
    names = np.array([*baskets.ranges, *sectors], dtype=object)
    table = pd.DataFrame(
        {
            "kind": np.where(one < len(baskets.ranges), "range", "sector"),
            "value": names[one],
            "range_lacking": names[other],
            "one": one,
            "other": other,
            "cases": buyers[one].astype(int),
            "both": both[one, other].astype(int),
            "support": both[one, other] / max(customers, 1),
            "confidence": both[one, other] / buyers[one],
            "share_of_all": buyers[other] / max(customers, 1),
            "lift": lift[one, other],
            "lift_low": low[one, other],
            "lift_high": high[one, other],
            "lift_alike": alike[one, other],
            "spend_low": spent[0, other],
            "typical_annual_spend": spent[1, other],
            "spend_high": spent[2, other],
        }
    )
    order = ["lift", "value", "range_lacking"]
    return Rules(table.sort_values(order, ascending=[False, True, True], ignore_index=True), pairs)


def _sectors(customers: pd.DataFrame, min_cases: int) -> list[str]:
    counts = customers["sector"].value_counts()
    return [str(name) for name in sorted(counts[counts >= min_cases].head(_MOST_SECTORS).index)]


def _is(baskets: Baskets, sector: str) -> Values:
    flag: Values = (baskets.customers["sector"] == sector).to_numpy(dtype=bool)[:, None]
    return flag


def _tried(buyers: Values, ranges: int, min_cases: int) -> Values:
    """Which pairs are looked at: from a range or a sector, to a range, with enough customers."""
    enough = buyers >= min_cases
    tried = enough[:, None] & enough[None, :]
    tried[:, ranges:] = False
    np.fill_diagonal(tried, False)
    found: Values = tried
    return found


def typical_spend(spend: Values) -> Values:
    """The quarters of what its buyers spend in each range: quarters x ranges."""
    bought = np.where(spend > 0, spend, np.nan)
    some = ~np.isnan(bought).all(axis=0)
    quarters = np.full((len(_QUARTERS), spend.shape[1]), np.nan)
    quarters[:, some] = np.nanquantile(bought[:, some], _QUARTERS, axis=0)
    return quarters.round(2)


def suggest(
    baskets: Baskets, groups: list[Like], rules: pd.DataFrame, *, most: int, min_cases: int
) -> pd.DataFrame:
    """The ranges that customers lack and others like them buy: a row a customer and range.

    ``customer`` is a place in ``baskets.customers``, ``rule`` one in ``rules``: of the rules that
    fit, the one with the highest confidence. ``like, spend_low, typical_annual_spend,
    spend_high``: what buyers of the customer's group spend, or all buyers where its group has
    fewer than ``min_cases``. At most ``most`` ranges a customer, those with the most ``worth``:
    confidence times typical spend.
    """
    confidence = np.append(rules["confidence"].to_numpy(dtype=float), 0.0)
    everybody, parts = typical_spend(baskets.spend), [_no_suggestion()]
    for group in groups:
        spend = baskets.spend[group.population]
        enough = (spend > 0).sum(axis=0) >= min_cases
        spent = np.where(enough, typical_spend(spend), everybody)
        best = _best_rules(baskets, group.targets, rules)
        scored = np.where(best >= 0, confidence[best] * np.nan_to_num(spent[1]), -1.0)
        ranges = np.argsort(-scored, axis=1, kind="stable")[:, :most]
        rule = np.take_along_axis(best, ranges, axis=1)
        rows, columns = np.nonzero(rule >= 0)
        other = ranges[rows, columns]
        parts.append(
            pd.DataFrame(
                {
                    "customer": group.targets[rows],
                    "rule": rule[rows, columns],
                    "like": np.where(enough[other], group.value, "").astype(object),
                    "spend_low": spent[0, other],
                    "typical_annual_spend": spent[1, other],
                    "spend_high": spent[2, other],
                    "worth": scored[rows, other],
                }
            )
        )
    found = pd.concat(parts, ignore_index=True)
    revenue = baskets.customers["annual_revenue"].to_numpy(dtype=float)
    found["annual_revenue"] = revenue[found["customer"].to_numpy(dtype=int)].round(2)
    order = ["worth", "annual_revenue", "customer", "rule"]
    return found.sort_values(order, ascending=[False, False, True, True], ignore_index=True)


def _no_suggestion() -> pd.DataFrame:
    columns = ("spend_low", "typical_annual_spend", "spend_high", "worth")
    return pd.DataFrame(
        {
            "customer": pd.Series(dtype=int),
            "rule": pd.Series(dtype=int),
            "like": pd.Series(dtype=object),
            **{name: pd.Series(dtype=float) for name in columns},
        }
    )


def _best_rules(baskets: Baskets, customers: Values, rules: pd.DataFrame) -> Values:
    """For each customer and range it lacks the rule with the highest confidence; -1 for none."""
    bought = baskets.spend[customers] > 0
    sector = baskets.customers["sector"].to_numpy(dtype=object)[customers]
    best = np.full(bought.shape, -1)
    ordered = rules.sort_values(["confidence", "lift"], ascending=False, kind="stable")
    for rule in ordered.itertuples():
        fits = sector == rule.value if rule.kind == "sector" else bought[:, rule.one]
        speaks = fits & ~bought[:, rule.other] & (best[:, rule.other] < 0)
        best[speaks, rule.other] = rule.Index
    return best
