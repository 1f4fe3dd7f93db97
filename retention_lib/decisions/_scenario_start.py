"""The starting values of a scenario, measured on a base, each with its range and its source."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, cast, get_args

from retention_lib.base.customer_base import CustomerBase
from retention_lib.decisions._scenario_facts import Facts, gather_facts, recorded_costs
from retention_lib.decisions._scenario_groups import Groups, group_customers
from retention_lib.decisions._scenario_ranges import (
    mean_range,
)
from retention_lib.decisions._scenario_rates import ASSUMED_ATTRITION, Rates, find_rates
from retention_lib.decisions._scenario_words import Origin, Source
from retention_lib.errors import ChoiceError

if TYPE_CHECKING:
    from retention_lib.portfolio.flows import FlowsResult
    from retention_lib.wording import Wording

Retention = Literal["one", "tenure", "segment"]


def measure_start(
    base: CustomerBase, retention: object, flows: FlowsResult | None = None
) -> tuple[dict[str, Any], dict[str, Source], str]:
    """The starting values of a base, where each comes from, and what the margin is in.

    ``flows`` are those of the base, by the year, where they are at hand.
    """
    if not isinstance(retention, str) or retention not in get_args(Retention):
        raise ChoiceError("retention", retention, get_args(Retention))
    rates = find_rates(base, flows)
    seen = base.with_window(rates.window_days)
    facts = gather_facts(seen)
    values: dict[str, Any] = {}
    sources: dict[str, Source] = {}

    def put(name: str, value: Any, key: str, origin: Origin = "measured", **words: object) -> None:
        said = base.wording.say(f"scenario.source.{name}.{key}", **words)
        values[name], sources[name] = value, Source(value, said, origin)

    days, as_of = seen.activity_window_days, base.wording.date(base.as_of)
    shorter = "shorter" if days != base.activity_window_days else "active"
    put("customers", facts.customers, shorter, days=days, as_of=as_of,
        own=base.activity_window_days)  # fmt: skip
    _put_rates(put, rates, facts, base.wording)
    _put_money(put, facts, base.wording)
    _put_cost(put, base)
    if retention != "one" and facts.customers:
        groups = group_customers(seen, cast("Literal['tenure', 'segment']", retention), facts)
        _put_groups(put, groups, values, facts, base.wording)
    if not facts.basis.known:
        return values, sources, "revenue"
    return values, sources, "margin"


# --- comings and goings ----------------------------------------------------------------------


def _put_rates(put: Any, rates: Rates, facts: Facts, w: Wording) -> None:
    """Attrition, new and won back; where newcomers cannot be told, as many as are lost."""
    low, high = (w.percent(end, decimals=0) for end in (ASSUMED_ATTRITION.low,
                                                        ASSUMED_ATTRITION.high))  # fmt: skip
    origin: Origin = "assumed" if rates.how == "assumed" else "measured"
    how = f"{rates.how}_others" if rates.words.get("others") else rates.how
    put("attrition", rates.attrition, how, origin, low=low, high=high, **rates.words)
    if rates.new is None or rates.won_back is None:
        level = round(facts.customers * rates.attrition.likely, 1)
        put("new_per_year", level, "assumed", "assumed")
        put("won_back_per_year", 0, "assumed", "assumed")
        return
    put("new_per_year", rates.new, rates.how, **rates.words)
    put("won_back_per_year", rates.won_back, rates.how, **rates.words)


# --- money -------------------------------------------------------------------------------------


def _put_money(put: Any, facts: Facts, w: Wording) -> None:
    days = {"days": facts.days, "customers": facts.customers}
    if not facts.customers:
        put("margin_per_customer", 0.0, "nobody", "assumed")
        put("revenue_per_customer", 0.0, "nobody", "assumed")
        return
    revenue = mean_range(facts.people["revenue"].to_numpy())
    margin = mean_range(facts.people["margin"].to_numpy()) if facts.basis.known else revenue
    key = "year" if facts.whole_year else "short"
    source = facts.basis.source if facts.basis.known else "unknown"
    how = w.say(f"scenario.source.margin.{source}")
    put("margin_per_customer", margin, key, how=how, **days)
    put("revenue_per_customer", revenue, key, **days)


def _put_cost(put: Any, base: CustomerBase) -> None:
    """What winning a customer costs, where the customers table records it."""
    costs = recorded_costs(base)
    if len(costs):
        put("acquisition_cost", mean_range(costs), "known", customers=len(costs))
    else:
        put("acquisition_cost", 0.0, "unknown", "assumed")


def _put_groups(
    put: Any, groups: Groups, values: Mapping[str, Any], facts: Facts, w: Wording
) -> None:
    """Customers, attrition and money by tenure year or segment, in the place of one number."""
    by, words = groups.kind, {"opening": groups.opening, "least": groups.least}
    put("customers", groups.shaped(groups.customers), by)
    if groups.attrition is not None:
        put("attrition", groups.shaped(groups.attrition), by, **words)
    put("margin_per_customer", groups.shaped(groups.margin), by,
        how=w.say(f"scenario.source.margin.{facts.basis.source}"), least=groups.least)  # fmt: skip
    put("revenue_per_customer", groups.shaped(groups.revenue), by, least=groups.least)
