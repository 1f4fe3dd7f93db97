"""Cross-sell and up-sell: what customers lack, or buy little of, that others like them buy.

Descriptions of who buys what, not forecasts: that eight in ten buyers of paper also buy files
does not say what a ninth would do if files were offered.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from retention_lib.base.customer_base import CustomerBase, require_base
from retention_lib.portfolio._cross_asked import Asked, checked
from retention_lib.portfolio._cross_customers import YEAR, banned, consent_assumptions
from retention_lib.portfolio._cross_reading import Baskets, Like, find_like, read_baskets
from retention_lib.portfolio._cross_rules import Rules, find_rules, suggest
from retention_lib.portfolio._cross_up_sell import below_their_like
from retention_lib.results import Result
from retention_lib.wording import Wording

SUGGESTIONS = 3
"""How many ranges a customer's list holds at most."""


def find_cross_sell(
    base: CustomerBase,
    *,
    min_support: float = 0.01,
    min_cases: int = 30,
    days: int | None = None,
    max_ranges: int = 30,
) -> CrossSellResult:
    """Find the product ranges that active customers lack and that customers like them buy.

    A customer buys a range when its lines of that range net above zero in the last ``days``.
    Others are like it when they buy the same or are of the same sector. A rule holds where such
    customers buy the range more often than all do, beyond chance with every pair counted, and do
    so among customers who buy equally many ranges too: who buys much of everything makes any two
    ranges look related. The trap: the list says what others buy, not what a
    customer would buy if asked.

    Parameters
    ----------
    base
        The customer base; nothing after its ``as_of`` is looked at. Without product ranges
        products are compared in their place.
    min_support
        The share of all active customers (0 to below 1) to whom a rule must apply.
    min_cases
        How many customers must buy each of the two ranges, or be of the sector; no rule is made
        of fewer.
    days
        The window, in days up to ``as_of``; ``None`` is the base's activity window.
    max_ranges
        Only so many ranges are compared (2 to 100), those with the most buyers.

    Raises
    ------
    InputError
        Where an argument cannot be.

    Examples
    --------
    >>> import pandas as pd
    >>> bought = [(f"o{i:02}", what) for i in range(60) for what in ("ink", "pens")]
    >>> bought += [(f"k{i:02}", what) for i in range(60) for what in ("tea", "cups")]
    >>> bought += [("lacks", "ink")]
    >>> lines = pd.DataFrame(bought, columns=["customer_id", "product_range"])
    >>> lines = lines.assign(date=pd.Timestamp("2025-03-01"), amount=10.0)
    >>> found = find_cross_sell(CustomerBase.from_tables(lines))
    >>> table = found.to_frame().set_index("customer_id")
    >>> table.loc["lacks", "range_lacking"], table.loc["lacks", "because"]
    ('pens', 'buys ink; 60 of 61 who buy it also buy pens')
    """
    require_base(base)
    asked = checked(base, min_support, min_cases, days, max_ranges)
    baskets = read_baskets(base, asked.days, asked.max_ranges)
    trait, groups = find_like(baskets.customers, asked.min_cases)
    rules = find_rules(baskets, min_support=asked.min_support, min_cases=asked.min_cases)
    table = _suggestions(baskets, groups, rules, asked, base.wording)
    return CrossSellResult(
        table,
        wording=base.wording,
        assumptions=_assumptions(base, asked, baskets, trait, groups, rules),
        baskets=baskets,
        groups=groups,
        found=rules,
        asked=asked,
    )


@dataclass(frozen=True, repr=False, eq=False)
class CrossSellResult(Result):
    """What customers lack that others like them buy: a customer and range a row, up to three each.

    Columns: ``customer_id, name, range_lacking, because`` (what it buys or is, and how many of
    those buy the range), ``support`` (share of all active customers to whom that applies),
    ``confidence`` (of those who buy the same or are of the same sector, the share who buy the
    range), ``share_of_all`` (share of all who buy it), ``lift`` (confidence / share_of_all),
    ``typical_annual_spend, spend_low, spend_high`` (median and quarters of what buyers of its
    size, ``like``, spend in the range a year; where the history is shorter, in its days),
    ``annual_revenue`` (what the customer brought in 365 days). Sorted by confidence times typical
    spend, then by the customer's revenue. Customers who must not be contacted count in the rules
    and are not listed.

    ``.rules()`` lists the rules behind it, ``.up_sell()`` who buys little of a range,
    ``.by_range()`` counts the customers that lack each.
    """

    chart: ClassVar[str] = "contact_charts.plot_cross_sell"
    hidden: ClassVar[tuple[str, ...]] = ("support", "lift", "share_of_all", "like")
    formats: ClassVar[Mapping[str, str]] = {
        "support": "percent",
        "confidence": "percent",
        "share_of_all": "percent",
        "lift": "decimal",
        "typical_annual_spend": "money",
        "spend_low": "money",
        "spend_high": "money",
        "annual_revenue": "money",
    }

    baskets: Baskets = field(kw_only=True)
    groups: list[Like] = field(kw_only=True)
    found: Rules = field(kw_only=True)
    asked: Asked = field(kw_only=True)

    def sentence(self) -> str:
        """How many lack what others like them buy, what it is most often, what its buyers spend."""
        w, finding = self.wording, self.finding()
        if self._nothing():
            return finding + "."
        first = self.by_range().iloc[0]
        spent: dict[str, object] = {
            "per": self.per,
            "typical": w.money(float(first["typical_annual_spend"])),
            "low": w.money(float(first["spend_low"])),
            "high": w.money(float(first["spend_high"])),
        }
        key = (
            "cross_sell.sentence_alike" if spent["low"] == spent["high"] else "cross_sell.sentence"
        )
        return w.say(key, finding=finding, **spent)

    def finding(self) -> str:
        """The sentence without its full stop, for a title."""
        return self._nothing() or self._lacking()

    @property
    def per(self) -> str:
        """The time that spend is told of, in words."""
        return say_per(self.wording, self.baskets.period_days)

    def _nothing(self) -> str:
        """Why there is no list; empty where there is one."""
        w, baskets = self.wording, self.baskets
        if not baskets.column:
            return w.say("cross_sell.absent")
        if not baskets.ranges:
            return w.say("cross_sell.nobody_bought", days=self.asked.days)
        few = {"customers": len(baskets.customers), "min_cases": self.asked.min_cases}
        if len(baskets.ranges) < 2:
            return w.say(f"cross_sell.one.{baskets.column}", range=baskets.ranges[0])
        if not self.found.pairs:
            return w.say(f"cross_sell.few.{baskets.column}", **few)
        if self.found.table.empty:
            return w.say(f"cross_sell.no_rule.{baskets.column}", pairs=self.found.pairs)
        if self.table.empty:
            return w.say(f"cross_sell.nobody_lacks.{baskets.column}", rules=len(self.found.table))
        return ""

    def _lacking(self) -> str:
        w = self.wording
        first = self.by_range().iloc[0]
        # Set against those who may be listed at all.
        some = self.baskets.reachable < self.baskets.active
        key = "cross_sell.finding_reachable" if some else "cross_sell.finding"
        return w.say(
            f"{key}.{self.baskets.column}",
            listed=int(self.table["customer_id"].nunique()),
            active=self.baskets.reachable,
            range=first["range_lacking"],
            lacking=int(first["customers"]),
        )

    def by_range(self) -> pd.DataFrame:
        """How many customers of the list lack each range, and what its buyers spend.

        ``range_lacking, customers, typical_annual_spend, spend_low, spend_high``: median and
        quarters of all buyers of the range, as in ``.rules()``.
        """
        money = ["typical_annual_spend", "spend_low", "spend_high"]
        spent = self.found.table.drop_duplicates("range_lacking").set_index("range_lacking")[money]
        counted = self.table.groupby("range_lacking").size().rename("customers").reset_index()
        counted = counted.join(spent, on="range_lacking")
        order = ["customers", "range_lacking"]
        return counted.sort_values(order, ascending=[False, True], ignore_index=True)

    def rules(self) -> RuleResult:
        """Which ranges are bought together more often than chance, one row a rule."""
        w, found = self.wording, self.found.table
        table = found.drop(columns=["one", "other"])
        who = [w.say(f"cross_sell.who.{r.kind}", value=r.value) for r in found.itertuples()]
        table.insert(0, "who", pd.Series(who, dtype=object))
        table = table.rename(columns={"range_lacking": "also_bought"})
        return RuleResult(
            table,
            wording=w,
            assumptions=self.assumptions,
            pairs=self.found.pairs,
            why_none=self._nothing() if table.empty else "",
        )

    def up_sell(self) -> UpSellResult:
        """Who buys less of a range than three in four of those who are alike and buy it."""
        w = self.wording
        table, compared = below_their_like(
            self.baskets, self.groups, self.asked.min_cases, SUGGESTIONS
        )
        ranges = np.array(self.baskets.ranges, dtype=object)
        table["product_range"] = ranges[table["range"].to_numpy(dtype=int)]
        facts = self.baskets.customers.iloc[table["customer"].to_numpy(dtype=int)]
        for name in ("customer_id", "name", "annual_revenue"):
            table[name] = facts[name].to_numpy() if len(table) else None
        unused = ("max_ranges", "min_support", "pairs")
        kept = {name: said for name, said in self.assumptions.items() if name not in unused}
        return UpSellResult(
            table[list(_UP_SELL)].round(2),
            wording=w,
            assumptions={**kept, "comparables": w.say("up_sell.comparables")},
            compared=compared,
            reachable=self.baskets.reachable < self.baskets.active,
            column=self.baskets.column,
            per=self.per,
            min_cases=self.asked.min_cases,
            why_none="" if self.baskets.ranges else self._nothing(),
        )


@dataclass(frozen=True, repr=False, eq=False)
class RuleResult(Result):
    """Ranges bought together more often than chance, one row a rule, the highest lift first.

    Columns: ``who`` (buyers of a range, or a sector; ``kind`` and ``value`` for code),
    ``also_bought`` (the range they buy more
    than others), ``cases`` (how many they are), ``both`` (how many of them buy it), ``support``
    (both / all active customers), ``confidence`` (both / cases), ``share_of_all`` (share of all
    who buy it), ``lift`` (confidence / share_of_all), ``lift_low, lift_high`` (right for all
    pairs at once, 95 % sure), ``lift_alike`` (the lift among customers who buy equally
    many ranges), ``spend_low, typical_annual_spend, spend_high`` (of its buyers, a year).
    Both lifts lie above 1 beyond chance.
    """

    chart: ClassVar[str] = "contact_charts.plot_rules"
    hidden: ClassVar[tuple[str, ...]] = ("kind", "value", "support", "spend_low", "spend_high")
    formats: ClassVar[Mapping[str, str]] = {
        "cases": "count",
        "both": "count",
        "support": "percent",
        "confidence": "percent",
        "share_of_all": "percent",
        "lift": "decimal",
        "lift_low": "decimal",
        "lift_high": "decimal",
        "lift_alike": "decimal",
        "spend_low": "money",
        "typical_annual_spend": "money",
        "spend_high": "money",
    }

    pairs: int = field(kw_only=True)
    why_none: str = field(kw_only=True)

    def sentence(self) -> str:
        """The strongest rule, with its counts, and how many pairs were looked at."""
        return self.finding() + "."

    def finding(self) -> str:
        """The sentence without its full stop, for a title."""
        if self.table.empty:
            return self.why_none
        w, first = self.wording, self.table.iloc[0]
        return w.say(
            "cross_sell.rule",
            both=int(first["both"]),
            cases=int(first["cases"]),
            who=first["who"],
            other=first["also_bought"],
            lift=w.number(float(first["lift"]), decimals=1),
            low=w.number(float(first["lift_low"]), decimals=1),
            high=w.number(float(first["lift_high"]), decimals=1),
        )


_UP_SELL = (
    "customer_id",
    "name",
    "product_range",
    "annual_spend",
    "typical_annual_spend",
    "spend_low",
    "spend_high",
    "gap_to_typical",
    "comparables",
    "annual_revenue",
)


@dataclass(frozen=True, repr=False, eq=False)
class UpSellResult(Result):
    """Who spends less in a range than three in four comparable buyers: a customer and range a row.

    Columns: ``customer_id, name, product_range, annual_spend`` (net, a year),
    ``typical_annual_spend, spend_low, spend_high`` (median and quarters of the comparable
    buyers), ``gap_to_typical`` (median less own spend), ``comparables`` (how many they are),
    ``annual_revenue``. Widest gap first, up to three a customer, without those who must not be
    contacted. A quarter of the buyers always lies there: a comparison, not a forecast.
    """

    chart: ClassVar[str] = "contact_charts.plot_up_sell"
    hidden: ClassVar[tuple[str, ...]] = ("annual_revenue",)
    formats: ClassVar[Mapping[str, str]] = {
        "annual_spend": "money",
        "typical_annual_spend": "money",
        "spend_low": "money",
        "spend_high": "money",
        "gap_to_typical": "money",
        "comparables": "count",
        "annual_revenue": "money",
    }

    compared: int = field(kw_only=True)
    reachable: bool = field(kw_only=True)
    column: str = field(kw_only=True)
    per: str = field(kw_only=True)
    min_cases: int = field(kw_only=True)
    why_none: str = field(kw_only=True)

    def sentence(self) -> str:
        """How many lie well below their like, in which range, and by how much."""
        w = self.wording
        if self.table.empty:
            return self.finding() + "."
        first = self.by_range().iloc[0]
        gap = w.money(float(first["gap_to_typical"]))
        customers = int(first["customers"])
        figures = {"gap": gap, "per": self.per, "customers": customers}
        return w.say("up_sell.sentence", finding=self.finding(), **figures)

    def finding(self) -> str:
        """The sentence without its full stop, for a title."""
        w = self.wording
        if self.why_none:
            return self.why_none
        if not self.compared:
            return w.say(f"up_sell.few.{self.column}", min_cases=self.min_cases)
        if self.table.empty:
            return w.say(f"up_sell.nobody.{self.column}", compared=self.compared)
        first = self.by_range().iloc[0]
        return w.say(
            f"up_sell.finding.{self.column}",
            who=w.say("up_sell.who_reachable" if self.reachable else "up_sell.who"),
            listed=int(self.table["customer_id"].nunique()),
            compared=self.compared,
            range=first["product_range"],
        )

    def by_range(self) -> pd.DataFrame:
        """By range: ``product_range, customers, gap_to_typical`` (summed), the widest first."""
        grouped = self.table.groupby("product_range")["gap_to_typical"]
        counted = grouped.agg(["size", "sum"]).reset_index()
        counted.columns = ["product_range", "customers", "gap_to_typical"]
        order = ["gap_to_typical", "product_range"]
        return counted.sort_values(order, ascending=[False, True], ignore_index=True)


def say_per(wording: Wording, days: int) -> str:
    """The time a spend is told of: a year, or the days on file where they are fewer."""
    return wording.say("cross_sell.per_year" if days == YEAR else "cross_sell.per", days=days)


def _suggestions(
    baskets: Baskets, groups: list[Like], rules: Rules, asked: Asked, wording: Wording
) -> pd.DataFrame:
    """The list that people see, made of places of customers and of rules."""
    found = suggest(baskets, groups, rules.table, most=SUGGESTIONS, min_cases=asked.min_cases)
    found = found[~banned(baskets.customers).to_numpy()[found["customer"].to_numpy(dtype=int)]]
    who = baskets.customers.iloc[found["customer"].to_numpy(dtype=int)]
    rule = found["rule"].to_numpy(dtype=int)
    because = np.array([_because(row, wording) for row in rules.table.itertuples()], dtype=object)
    like = found["like"].replace("", wording.say("cross_sell.everybody"))
    figures = ("support", "confidence", "share_of_all", "lift")
    spent = ("typical_annual_spend", "spend_low", "spend_high", "annual_revenue")
    return pd.DataFrame(
        {
            "customer_id": who["customer_id"].to_numpy(),
            "name": who["name"].to_numpy(),
            "range_lacking": rules.table["range_lacking"].to_numpy()[rule],
            "because": because[rule],
            "like": like.to_numpy(),
            **{name: rules.table[name].to_numpy()[rule] for name in figures},
            **{name: found[name].to_numpy() for name in spent},
        }
    )


def _because(rule: Any, wording: Wording) -> str:
    return wording.say(
        f"cross_sell.because.{rule.kind}",
        both=int(rule.both),
        cases=int(rule.cases),
        value=rule.value,
        other=rule.range_lacking,
    )


def _assumptions(
    base: CustomerBase,
    asked: Asked,
    baskets: Baskets,
    trait: str,
    groups: list[Like],
    rules: Rules,
) -> dict[str, object]:
    w, customers = base.wording, baskets.customers
    said: dict[str, object] = {
        "as_of": w.date(base.as_of),
        "bought_in": w.say("cross_sell.bought_in", days=asked.days),
        "spend_of": say_per(w, baskets.period_days),
        "min_cases": w.say("cross_sell.min_cases", cases=asked.min_cases),
        "min_support": w.say("cross_sell.min_support", share=w.percent(asked.min_support)),
    }
    if not baskets.column:
        return said
    said["pairs"] = w.say("cross_sell.pairs", pairs=rules.pairs)
    key = f"cross_sell.compared.{baskets.column}"
    said["max_ranges"] = w.say(key, shown=len(baskets.ranges), ranges=baskets.ranges_in_all)
    if trait:
        named = w.listing([group.value for group in groups if group.value])
        said["alike"] = w.say("cross_sell.alike", trait=w.label(trait), groups=named)
    else:
        said["alike"] = w.say("cross_sell.alike_all")
    said |= consent_assumptions(base, customers)
    return said
