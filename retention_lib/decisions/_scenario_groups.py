"""The starting values by tenure year or by segment: who is in each, who leaves, what they bring."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import narwhals as nw
import numpy as np

from retention_lib.base import engine
from retention_lib.base.customer_base import CustomerBase
from retention_lib.decisions._scenario_facts import YEAR, Facts
from retention_lib.decisions._scenario_ranges import mean_range, narrowed, share_range
from retention_lib.decisions._scenario_rates import known_a_year_ago
from retention_lib.decisions.ranges import Number
from retention_lib.portfolio._cohort_beginnings import acquired_days
from retention_lib.portfolio.activity import standing
from retention_lib.portfolio.intervals import Values
from retention_lib.portfolio.rfm import SKETCH_BELOW, score_rfm
from retention_lib.portfolio.tenure import value_by_tenure

if TYPE_CHECKING:
    import pandas as pd

OLDEST = 10
"""The last tenure year told apart; it holds all who are there longer."""
_QUARTERS = 1461  # four years in days, so that the k-th anniversary lies 1461 k / 4 days on
Kind = Literal["tenure", "segment"]
MEASURES = ("margin", "revenue")
Money: TypeAlias = "dict[str, tuple[Number, ...]]"


@dataclass(frozen=True)
class Groups:
    """One value a group, in order; ``attrition`` is ``None`` where no year can be looked back on.

    ``opening``: how many customers of a year ago the rates are counted on.
    """

    kind: Kind
    names: tuple[str, ...]
    customers: tuple[int, ...]
    attrition: tuple[Number, ...] | None
    margin: tuple[Number, ...]
    revenue: tuple[Number, ...]
    opening: int
    least: int = SKETCH_BELOW

    def shaped(self, values: Sequence[Number]) -> Any:
        """As a scenario takes them: a tuple by tenure year, a mapping by segment."""
        return (
            tuple(values) if self.kind == "tenure" else dict(zip(self.names, values, strict=True))
        )


def group_customers(base: CustomerBase, kind: Kind, facts: Facts) -> Groups:
    """Sort the active customers into groups, today and a year ago."""
    find = _tenure_years if kind == "tenure" else _segments
    now = facts.people.merge(find(base), on="customer_id")
    names = _names(kind, now)
    then = _a_year_ago(base, find, now)
    segments = kind == "segment"
    money = _by_segment(now, names, facts) if segments else _by_tenure(base, names, facts)
    counts = now["group"].value_counts()
    return Groups(
        kind,
        tuple(str(name) for name in names),
        tuple(int(counts.get(name, 0)) for name in names),
        None if then is None else _rates(then, names, kind),
        money["margin" if facts.basis.known else "revenue"],
        money["revenue"],
        0 if then is None else len(then),
    )


def _names(kind: Kind, now: pd.DataFrame) -> list[Any]:
    if kind == "tenure":
        return list(range(1, int(now["group"].max()) + 1))
    return list(now.sort_values("order", kind="stable")["group"].unique())


def _tenure_years(base: CustomerBase) -> pd.DataFrame:
    """The tenure year of each active customer, from ``acquired_on`` where that is earlier."""
    active = standing(base).filter(nw.col("active")).select("customer_id", "first_day")
    people = engine.collect(acquired_days(base, active))
    start = np.fmin(
        people["acquired_day"].to_numpy(dtype=float, na_value=np.nan),
        people["first_day"].to_numpy(dtype=float),
    )
    years = ((base.as_of_day - start) * 4 // _QUARTERS).astype(int) + 1
    return people[["customer_id"]].assign(group=np.clip(years, 1, OLDEST))


def _segments(base: CustomerBase) -> pd.DataFrame:
    """The segment of each active customer, in the order of the scheme."""
    rfm = score_rfm(base)
    order = {segment.code: place for place, segment in enumerate(rfm.scheme.segments)}
    found = rfm.table[["customer_id", "segment", "segment_code"]].rename(
        columns={"segment": "group"}
    )
    found["order"] = found.pop("segment_code").map(order)
    active = engine.collect(standing(base).filter(nw.col("active")).select("customer_id"))
    return found.merge(active, on="customer_id")


def _a_year_ago(base: CustomerBase, find: Any, now: pd.DataFrame) -> pd.DataFrame | None:
    """Who was active a year ago, in which group, and whether gone now; ``None`` if not known."""
    if not known_a_year_ago(base):
        return None
    then: pd.DataFrame = find(base.at(engine.day_of(base.as_of_day - YEAR)))
    return then.assign(gone=~then["customer_id"].isin(now["customer_id"])) if len(then) else None


def _rates(then: pd.DataFrame, names: Sequence[Any], kind: Kind) -> tuple[Number, ...]:
    """The share gone of each group, small groups taken together."""
    counted = then.groupby("group")["gone"].agg(["sum", "size"])
    counted = counted.reindex(names, fill_value=0)
    pools = _neighbours(counted["size"]) if kind == "tenure" else _small_together(counted["size"])
    pooled = counted.groupby(pools)[["sum", "size"]].transform("sum")
    everybody = (int(then["gone"].sum()), len(then))
    told = [
        (int(gone), int(held)) if held >= SKETCH_BELOW else everybody
        for gone, held in zip(pooled["sum"], pooled["size"], strict=True)
    ]
    return tuple(share_range(gone, held) for gone, held in told)


def _neighbours(sizes: pd.Series[int]) -> Values:
    """Tenure years joined with the next until there are enough; the rest with the last."""
    pools, pool, held = [], 0, 0
    for size in sizes:
        if held >= SKETCH_BELOW:
            pool, held = pool + 1, 0
        pools.append(pool)
        held += int(size)
    found = np.array(pools)
    if held < SKETCH_BELOW and pool:
        found[found == pool] = pool - 1
    return found


def _small_together(sizes: pd.Series[int]) -> Values:
    """All segments with few customers as one."""
    return np.where(sizes < SKETCH_BELOW, -1, np.arange(len(sizes)))


def _by_segment(now: pd.DataFrame, names: Sequence[Any], facts: Facts) -> Money:
    """What the customers of each segment brought; where they are few, what everybody did."""
    told = {}
    for measure in MEASURES:
        everybody = mean_range(facts.people[measure].to_numpy())
        groups = [now.loc[now["group"] == name, measure].to_numpy() for name in names]
        told[measure] = tuple(
            mean_range(values) if len(values) >= SKETCH_BELOW else everybody for values in groups
        )
    return told


def _by_tenure(base: CustomerBase, names: Sequence[Any], facts: Facts) -> Money:
    """What customers still there brought in each year of their relation, of all years on file."""
    table = value_by_tenure(base, years=OLDEST).table.set_index("tenure_year")
    known = table[table["customers"] >= SKETCH_BELOW]
    told = {}
    for measure in MEASURES:
        everybody = mean_range(facts.people[measure].to_numpy())
        name = f"{measure}_per_survivor"
        rows = known[known[name].notna() & known[f"{name}_low"].notna()]
        told[measure] = tuple(
            narrowed(*(float(rows.loc[year, column])
                       for column in (f"{name}_low", name, f"{name}_high")))
            if year in rows.index else everybody
            for year in names
        )  # fmt: skip
    return told
