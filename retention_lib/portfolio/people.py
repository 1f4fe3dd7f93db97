"""Who is known at each active customer: one person only, no decision-maker, nobody at all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import narwhals as nw
import numpy as np
import pandas as pd

from retention_lib.base.customer_base import CustomerBase, require_base
from retention_lib.portfolio._cross_customers import (
    active_customers,
    banned,
    collect_customers,
    consent_assumptions,
)
from retention_lib.results import Result

SKETCH_BELOW = 30
"""With fewer active customers than this, shares are told as counts and called a sketch."""

MISSING = ("nobody", "single_without", "single", "without")
"""What may be missing, the most urgent first; in the two further states nothing is for sure."""

GAPS = (*MISSING, "unknown", "complete")

_FLAGS = {"deciders": "is_decision_maker", "prescribers": "is_prescriber"}
_COUNTS = ("people", *_FLAGS, *(f"{name}_unknown" for name in _FLAGS))


def check_people(base: CustomerBase) -> PeopleResult:
    """Find the active customers known through one person, without a decision-maker, or unknown.

    One row an active customer for whom something is missing and who may be contacted; revenue is
    that of the 365 days up to ``base.as_of``, net, in the base's currency. The trap: an empty
    ``is_decision_maker`` is unknown, not no; nobody is called without a decision-maker because a
    column was not filled in.

    Parameters
    ----------
    base
        The customer base. People carry no dates, so those on file today are taken for known.

    Raises
    ------
    InputError
        Where something else than a base is passed.

    Examples
    --------
    >>> lines = pd.DataFrame({"customer_id": ["a", "b"],
    ...     "date": pd.to_datetime(["2025-03-01", "2025-03-02"]), "amount": [10.0, 20.0]})
    >>> people = pd.DataFrame({"customer_id": ["a"], "person_id": ["p1"],
    ...     "is_decision_maker": [True]})
    >>> check_people(CustomerBase.from_tables(lines, people=people)).to_frame()[
    ...     ["customer_id", "people", "gap_code"]]
      customer_id  people gap_code
    0           b       0   nobody
    1           a       1   single
    """
    require_base(base)
    every = _read(base)
    missing = every["gap_code"].isin(MISSING)
    listed = every[missing & ~banned(every)] if base.has("people") else every.head(0)
    order = listed["gap_code"].map(GAPS.index).astype(int)
    listed = listed.assign(order=order).sort_values(
        ["order", "annual_revenue", "customer_id"], ascending=[True, False, True]
    )
    return PeopleResult(
        listed[list(_COLUMNS)].reset_index(drop=True),
        wording=base.wording,
        assumptions=_assumptions(base, every),
        every=every,
        known=base.has("people"),
        as_of=base.wording.date(base.as_of),
    )


_COLUMNS = (
    "customer_id",
    "name",
    "people",
    "decision_makers",
    "prescribers",
    "account_manager",
    "annual_revenue",
    "gap",
    "gap_code",
)


@dataclass(frozen=True, repr=False, eq=False)
class PeopleResult(Result):
    """Active customers of whom too few people are known, the most urgent gap first.

    Columns: ``customer_id, name, people`` (how many are on file), ``decision_makers,
    prescribers`` (how many of them; missing where not recorded for all and none is known),
    ``account_manager, annual_revenue, gap`` and ``gap_code``: ``nobody``, ``single_without`` (one
    person, who does not decide), ``single`` (one person), ``without`` (several, none decides).
    Within a gap the largest revenue first. Customers who must not be contacted count in
    ``.summary()`` and are not listed.
    """

    chart: ClassVar[str] = "contact_charts.plot_people"
    hidden: ClassVar[tuple[str, ...]] = ("gap_code",)
    formats: ClassVar[Mapping[str, str]] = {
        "people": "count",
        "decision_makers": "count",
        "prescribers": "count",
        "annual_revenue": "money",
    }

    every: pd.DataFrame = field(kw_only=True)
    known: bool = field(kw_only=True)
    as_of: str = field(kw_only=True)

    def sentence(self) -> str:
        """How many active customers are known through one person only, and what they brought."""
        return self.finding() + "."

    def finding(self) -> str:
        """The sentence without its full stop, for a title."""
        w, every = self.wording, self.every
        if not self.known:
            return w.say("people.absent")
        if every.empty:
            return w.say("people.no_active", as_of=self.as_of)
        single = every["gap_code"].isin(["single", "single_without"])
        if not single.any():
            return w.say("people.nobody_single", active=len(every))
        figures = {"single": int(single.sum()), "active": len(every)}
        revenue = w.money(float(every.loc[single, "annual_revenue"].sum()))
        if len(every) < SKETCH_BELOW:
            return w.say("people.finding_few", **figures, revenue=revenue)
        share = w.percent(float(single.mean()), decimals=0)
        return w.say("people.finding", **figures, revenue=revenue, share=share)

    def summary(self) -> PeopleSummary:
        """How many active customers, and how much revenue, stand behind each gap."""
        every = self.every if self.known else self.every.head(0)
        grouped = every.groupby("gap_code")["annual_revenue"].agg(["size", "sum"])
        codes = [code for code in GAPS if code in grouped.index]
        table = pd.DataFrame(
            {
                "gap": pd.Series(
                    [self.wording.say(f"people.gap.{code}") for code in codes], dtype=object
                ),
                "customers": grouped.loc[codes, "size"].to_numpy(dtype=int),
                "revenue": grouped.loc[codes, "sum"].to_numpy(dtype=float).round(2),
                "gap_code": pd.Series(codes, dtype=object),
            }
        )
        total = float(table["revenue"].sum())
        shares = table["revenue"] / total if total > 0 else np.nan
        table.insert(2, "share_of_customers", table["customers"] / max(len(every), 1))
        table.insert(4, "share_of_revenue", shares)
        return PeopleSummary(
            table, wording=self.wording, assumptions=self.assumptions, said=self._said(table)
        )

    def _said(self, table: pd.DataFrame) -> str:
        counts = table.set_index("gap_code")["customers"]
        if table.empty:
            return self.finding()
        without = int(counts.reindex(["single_without", "without"]).fillna(0).sum())
        nobody = int(counts.get("nobody", 0))
        said = self.finding()
        if without:
            said = self.wording.say("people.more", finding=said, without=without)
        return self.wording.say("people.more_nobody", said=said, nobody=nobody) if nobody else said


@dataclass(frozen=True, repr=False, eq=False)
class PeopleSummary(Result):
    """Active customers and their revenue by what is missing: a gap a row, the most urgent first.

    Columns: ``gap, customers, share_of_customers, revenue`` (of 365 days), ``share_of_revenue,
    gap_code``. All active customers are in it: ``unknown`` are those with several people of whom
    nobody recorded who decides, ``complete`` those with several and a decision-maker.
    """

    chart: ClassVar[str] = "contact_charts.plot_people_summary"
    hidden: ClassVar[tuple[str, ...]] = ("gap_code",)
    formats: ClassVar[Mapping[str, str]] = {
        "customers": "count",
        "share_of_customers": "percent",
        "revenue": "money",
        "share_of_revenue": "percent",
    }

    said: str = field(kw_only=True)

    def sentence(self) -> str:
        """How many are known through one person, without a decision-maker, or not at all."""
        return self.said + "."

    def finding(self) -> str:
        """The sentence without its full stop, for a title."""
        return self.said


def _read(base: CustomerBase) -> pd.DataFrame:
    """Every active customer with the people on file there, and what is missing."""
    who = active_customers(base)
    if base.has("people"):
        who = who.join(_people(base), on="customer_id", how="left")
    every = collect_customers(who)
    for name in _COUNTS:
        held = every[name] if name in every else pd.Series(0.0, index=every.index)
        every[name] = held.fillna(0).astype(np.int64)
    every["gap_code"] = _gap_codes(every)
    every["gap"] = every["gap_code"].map({c: base.wording.say(f"people.gap.{c}") for c in GAPS})
    every["decision_makers"] = _counted(every["deciders"], every["deciders_unknown"])
    every["prescribers"] = _counted(every["prescribers"], every["prescribers_unknown"])
    every["annual_revenue"] = every["annual_revenue"].astype(float).round(2)
    return every


def _people(base: CustomerBase) -> nw.LazyFrame[Any]:
    """One row a customer: its people, those who decide and recommend, those of whom it is unknown.

    A person listed twice is one; who decides on one of the two lines decides.
    """
    flags: list[nw.Expr] = []
    for name, column in _FLAGS.items():
        flag = nw.col(column) if base.has("people", column) else nw.lit(None, dtype=nw.Boolean)
        flags.append(nw.when(flag).then(nw.lit(1)).otherwise(nw.lit(0)).alias(name))
        unknown = nw.when(flag.is_null()).then(nw.lit(1)).otherwise(nw.lit(0))
        flags.append(unknown.alias(f"{name}_unknown"))
    listed = base.visible("people").select("customer_id", "person_id", *flags)
    once = listed.group_by("customer_id", "person_id").agg(
        nw.col(*_FLAGS).max(), nw.col(*[f"{name}_unknown" for name in _FLAGS]).min()
    )
    each = once.with_columns(nw.lit(1).alias("people"))
    return each.group_by("customer_id").agg(nw.col(*_COUNTS).sum().cast(nw.Int64))


def _gap_codes(every: pd.DataFrame) -> np.ndarray[Any, np.dtype[Any]]:
    people, decides = every["people"], every["deciders"] > 0
    for_sure_none = ~decides & (every["deciders_unknown"] == 0)
    return np.select(
        [
            people == 0,
            (people == 1) & for_sure_none,
            people == 1,
            for_sure_none,
            ~decides,
        ],
        GAPS[:-1],
        GAPS[-1],
    ).astype(object)


def _counted(count: pd.Series[int], unknown: pd.Series[int]) -> pd.Series[Any]:
    """The count, missing where nobody is known to be one and somebody may be."""
    return count.astype("Int64").mask((count == 0) & (unknown > 0))


def _assumptions(base: CustomerBase, every: pd.DataFrame) -> dict[str, object]:
    w = base.wording
    said: dict[str, object] = {
        "as_of": w.date(base.as_of),
        "activity_window_days": base.activity_window_days,
    }
    if not base.has("people"):
        return said
    people, unknown = int(every["people"].sum()), int(every["deciders_unknown"].sum())
    if people and unknown == people:
        said["deciders"] = w.say("people.deciders_unknown")
    elif unknown:
        said["deciders"] = w.say("people.deciders_partly", unknown=unknown, people=people)
    said |= consent_assumptions(base, every[every["gap_code"].isin(MISSING)])
    if base.last_day is not None and base.as_of < base.last_day:
        said["people_on_file"] = w.say("people.as_on_file", as_of=w.date(base.as_of))
    said["undated_people"] = w.say("people.undated")
    return said
