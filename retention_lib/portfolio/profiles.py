"""Segments by description: of what kind the good customers are, and those who leave.

RFM segments crossed with the sector, the size, the region, the main channel … Differences are
only called so where chance does not make them, given how many were looked at; none is a cause.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from retention_lib.base.customer_base import CustomerBase, require_base
from retention_lib.errors import InputError
from retention_lib.masking import IDENTIFYING, said_name
from retention_lib.portfolio._value_groups import (
    groups_of,
    pooled,
    source_of,
    table_that_would_show,
)
from retention_lib.portfolio._value_moves import Moves, moves
from retention_lib.portfolio._value_results import say_share
from retention_lib.portfolio._value_tests import ALPHA, holm, two_sided
from retention_lib.portfolio.intervals import share_interval
from retention_lib.portfolio.rfm import SKETCH_BELOW, score_rfm
from retention_lib.portfolio.schemes import Segment, SegmentScheme, find_scheme
from retention_lib.results import Result
from retention_lib.wording import Wording

if TYPE_CHECKING:
    import pandas as pd

GOOD: Mapping[str, frozenset[str]] = {
    "classic": frozenset({"champions", "loyal_customers", "potential_loyalists"}),
    "six": frozenset({"champions", "loyal_customers"}),
}
"""The segments called good, by scheme: who buys often and lately."""

AT_RISK: Mapping[str, frozenset[str]] = {
    "classic": frozenset({"about_to_sleep", "at_risk", "cannot_lose"}),
    "six": frozenset({"need_attention", "at_risk"}),
}
"""The segments called at risk, by scheme: silence is getting long; those gone are not in it."""

MONTHS = 12
LEAST_LIFT = 1.25
"""A segment stands out where it is a quarter more frequent at least, and beyond chance."""
_COLUMNS = (
    "customers",
    "share_of_customers",
    "revenue",
    "share_of_revenue",
    "good_share",
    "at_risk_share",
    "opening_customers",
    "lost_customers",
    "attrition",
    "attrition_low",
    "attrition_high",
    "attrition_differs",
    "stands_out",
    "lift",
)
_CELLS = ("customers", "share_of_group", "expected", "lift", "chance", "beyond_chance")
_RESERVED = frozenset({*_COLUMNS, *_CELLS, "segment", "segment_code"})


def profile_segments(
    base: CustomerBase, *, by: str = "sector", scheme: str | SegmentScheme = "classic"
) -> ProfileResult:
    """Cross the RFM segments with a description of the customers.

    One row a group of ``by``, the largest first: how many, how much they bring, how many are in
    good segments and in those at risk, how many of those active a year ago are no longer, and
    which segment stands out. The 12 largest groups have a row of their own, the rest is pooled.

    Parameters
    ----------
    base
        The customer base; nothing after its ``as_of`` is looked at.
    by
        A text column of the customers (``sector, size, region, city, account_manager`` or one
        of your own) or of the transactions (``channel, product_range`` …), where a customer
        belongs to the group that most of its revenue is in.
    scheme
        ``classic``, ``six`` or a :class:`SegmentScheme`. Of a team's own scheme nobody knows
        which segments are good: those two shares are missing.

    Raises
    ------
    ChoiceError
        Where neither the base nor the contract knows ``by``, or there is no such scheme.

    Examples
    --------
    >>> import pandas as pd
    >>> lines = pd.DataFrame({"customer_id": ["a", "b", "b"], "amount": [50.0, 30, 20],
    ...     "date": pd.to_datetime(["2024-01-05", "2024-03-05", "2024-02-01"]),
    ...     "channel": ["shop", "web", "shop"]})
    >>> profile = profile_segments(CustomerBase.from_tables(lines), by="channel")
    >>> profile.to_frame()[["channel", "customers", "revenue", "share_of_revenue"]]
      channel  customers  revenue  share_of_revenue
    0    shop          1     50.0               0.5
    1     web          1     50.0               0.5
    """
    require_base(base)
    chosen = find_scheme(scheme)
    source = source_of(base, by)
    column = f"own_{by}" if by in _RESERVED else by
    try:
        scored = score_rfm(base, scheme=chosen)
    except InputError:
        # Refunds only: there is nobody to put into a segment.
        return _empty(base, by, chosen, "nobody")
    if not source:
        return _empty(base, by, chosen, "absent")
    table = scored.table[["customer_id", "monetary", "segment_code"]].copy()
    groups = table["customer_id"].map(groups_of(base, by, source))
    table["group"], order = pooled(groups, base.wording)
    found = moves(base, MONTHS)
    cells = _cells(table, order, chosen, column, base.wording)
    return ProfileResult(
        _profile(table, order, cells, found, column, chosen),
        wording=base.wording,
        assumptions=_assumptions(base, chosen, source, by, groups.isna().sum(), found),
        by=column,
        scheme=chosen,
        cells=cells,
        missing="",
    )


@dataclass(frozen=True, repr=False, eq=False)
class ProfileResult(Result):
    """What each group is made of, the largest first; others and not known come last.

    Columns: the description itself (``sector`` …; ``own_segment`` for a column of yours called
    like one of these), ``customers, share_of_customers, revenue``
    (net, whole history), ``share_of_revenue`` (missing where net revenue is not above zero),
    ``good_share`` and ``at_risk_share`` of its customers (missing below 30); of those active
    12 months ago ``opening_customers, lost_customers``, ``attrition`` with ``attrition_low,
    attrition_high`` (missing where the history is too short or below 30 customers) and
    ``attrition_differs`` from all others together, beyond chance; ``stands_out``, the segment least
    likely by chance of those a quarter more frequent or more, beyond chance, and its ``lift`` (2 is
    twice as often as in the whole base); missing if none.

    ``cells``: one row a group and segment: the description, ``segment, segment_code, customers,
    share_of_group, expected`` (customers, were all groups alike), ``lift, chance`` (corrected for
    the number of cells), ``beyond_chance``.
    """

    chart: ClassVar[str] = "value_charts.plot_profile"
    formats: ClassVar[Mapping[str, str]] = {
        "customers": "count",
        "share_of_customers": "percent",
        "revenue": "money",
        "share_of_revenue": "percent",
        "good_share": "percent",
        "at_risk_share": "percent",
        "opening_customers": "count",
        "lost_customers": "count",
        "attrition": "percent",
        "attrition_low": "percent",
        "attrition_high": "percent",
        "lift": "decimal",
    }
    hidden: ClassVar[tuple[str, ...]] = ("opening_customers", "lost_customers", "attrition_differs")

    by: str = field(kw_only=True)
    scheme: SegmentScheme = field(kw_only=True)
    cells: pd.DataFrame = field(kw_only=True)
    missing: str = field(kw_only=True)

    def sentence(self) -> str:
        """The difference that stands out most, and whether some leave more than the others."""
        w = self.wording
        if self.missing:
            return self.missing
        top = None if self.is_sketch() else self._top()
        if top is None:
            said = w.say("value.said", finding=self.finding())
        else:
            beyond = int(self.cells["beyond_chance"].sum())
            words = {"differ": beyond, "cells": len(self.cells)}
            said = w.say("profile.sentence", finding=self.finding(), **words)
        return " ".join([said, *([] if self.is_sketch() else self._attrition_sentence())])

    def finding(self) -> str:
        """The strongest difference, for a title; or that there is none beyond chance."""
        w = self.wording
        if self.missing:
            return self.missing.rstrip(".")
        customers = int(self.table["customers"].sum())
        words: dict[str, object] = {"what": _label(w, self.by), "customers": customers}
        if self.is_sketch():
            return w.say("profile.few", **words)
        if len(self.table) == 1:
            return w.say("profile.one", group=self._said(self.table[self.by].iloc[0]), **words)
        top = self._top()
        if top is None:
            small = self.cells["beyond_chance"].any()
            return w.say("profile.small" if small else "profile.none", **words)
        share = say_share(w, float(top["share_of_group"]))
        all_share = say_share(w, float(top["expected"]) / self._size(top[self.by]))
        of = int(self._size(top[self.by]))
        return w.say(
            "profile.finding_few" if self.is_small(of) else "profile.finding",
            group=self._said(top[self.by]),
            segment=self._named(str(top["segment_code"])),
            share=share,
            all=all_share,
            count=int(top["customers"]),
            of=of,
        )

    def crosstab(self) -> Crosstab:
        """How many customers of each group are in each segment: groups down, segments across."""
        import pandas as pd

        names = [segment.name(self.wording.language) for segment in self.scheme.segments]
        if self.cells.empty:
            table = pd.DataFrame(columns=[self.by, *names])
        else:
            order = self.table[self.by].tolist()
            wide = self.cells.pivot(index=self.by, columns="segment", values="customers")
            table = wide.reindex(order)[names].rename_axis(columns=None).reset_index()
        return Crosstab(table, wording=self.wording, assumptions=self.assumptions, profile=self)

    def is_sketch(self) -> bool:
        """Whether there are too few customers to speak of shares."""
        return self.is_small(int(self.table["customers"].sum()))

    def is_small(self, customers: int) -> bool:
        """Whether a group of so many is told in counts."""
        return customers < SKETCH_BELOW

    def _top(self) -> pd.Series[Any] | None:
        """The cell that stands out most: the one least likely by chance."""
        out = _standing_out(self.cells)
        return None if out.empty else out.iloc[0]

    def _said(self, group: object) -> str:
        """A group as it is told: an account manager behind a pseudonym where names are masked."""
        return said_name(group, self.by) if self.by in IDENTIFYING else str(group)

    def _size(self, group: object) -> float:
        return float(self.table.loc[self.table[self.by] == group, "customers"].iloc[0])

    def _named(self, code: str) -> str:
        return _segment(self.scheme, code).name(self.wording.language)

    def _attrition_sentence(self) -> list[str]:
        w, table = self.wording, self.table
        if not table["opening_customers"].notna().any():
            return [w.say("profile.attrition_unseen", months=MONTHS)]
        differing = table[table["attrition_differs"] & table["attrition"].notna()]
        if differing.empty:
            return [w.say("profile.attrition_none")] if len(table) > 1 else []
        gone = table["lost_customers"].sum() / table["opening_customers"].sum()
        row = differing.loc[(differing["attrition"] - gone).abs().idxmax()]
        others = table["lost_customers"].sum() - row["lost_customers"]
        of = table["opening_customers"].sum() - row["opening_customers"]
        said = w.say(
            "profile.attrition",
            group=self._said(row[self.by]),
            share=say_share(w, float(row["attrition"])),
            low=say_share(w, float(row["attrition_low"])),
            high=say_share(w, float(row["attrition_high"])),
            others=say_share(w, float(others / of)),
            months=MONTHS,
        )
        return [said]


@dataclass(frozen=True, repr=False, eq=False)
class Crosstab(Result):
    """Customers by group and segment: one row a group, one column a segment."""

    chart: ClassVar[str] = "value_charts.plot_crosstab"

    profile: ProfileResult = field(kw_only=True)

    def sentence(self) -> str:
        """The strongest difference among the cells."""
        if self.profile.missing:
            return self.profile.missing
        return self.wording.say("value.said", finding=self.profile.finding())


def _label(wording: Wording, by: str) -> str:
    """The description within a sentence; a column of the user's own as it is written."""
    label = wording.label(by)
    return label[:1].lower() + label[1:] if wording.has(f"column.{by}") else label


def _segment(scheme: SegmentScheme, code: str) -> Segment:
    return next(segment for segment in scheme.segments if segment.code == code)


def _cells(
    table: pd.DataFrame, order: list[str], scheme: SegmentScheme, by: str, w: Wording
) -> pd.DataFrame:
    """Every group and segment: how many, how many were to be expected, and whether by chance."""
    import pandas as pd

    codes = [segment.code for segment in scheme.segments]
    counted = pd.crosstab(table["group"], table["segment_code"])
    counted = counted.reindex(index=order, columns=codes, fill_value=0)
    hits = counted.to_numpy(dtype=np.int64)
    total = int(hits.sum())
    rows, columns = hits.sum(axis=1, keepdims=True), hits.sum(axis=0, keepdims=True)
    expected = rows * columns / total
    wide, high = np.broadcast_to(rows, hits.shape), np.broadcast_to(columns, hits.shape)
    # A segment that nobody is in, or a group of everybody, asks no question.
    asked = (high > 0) & (high < total) & (wide < total)
    chance = np.ones(hits.shape)
    if asked.any():
        chance[asked] = holm(two_sided(hits[asked], wide[asked], high[asked], total))
    names = [segment.name(w.language) for segment in scheme.segments]
    return pd.DataFrame(
        {
            by: np.repeat(order, len(codes)),
            "segment": names * len(order),
            "segment_code": codes * len(order),
            "customers": hits.ravel(),
            "share_of_group": (hits / rows).ravel(),
            "expected": expected.ravel(),
            "lift": np.divide(
                hits, expected, out=np.full(hits.shape, np.nan), where=high > 0
            ).ravel(),
            "chance": chance.ravel(),
            "beyond_chance": (chance < ALPHA).ravel(),
        }
    )


def _profile(
    table: pd.DataFrame,
    order: list[str],
    cells: pd.DataFrame,
    found: Moves | None,
    by: str,
    scheme: SegmentScheme,
) -> pd.DataFrame:
    import pandas as pd

    groups = table.groupby("group")
    total = float(table["monetary"].sum())
    profile = pd.DataFrame(index=pd.Index(order, name=by))
    profile["customers"] = groups.size()
    profile["share_of_customers"] = profile["customers"] / len(table)
    profile["revenue"] = groups["monetary"].sum().round(2)
    profile["share_of_revenue"] = profile["revenue"] / total if total > 0 else np.nan
    for column, known in (("good_share", GOOD), ("at_risk_share", AT_RISK)):
        codes = known.get(scheme.name)
        inside = table["segment_code"].isin(codes or ())
        share = inside.groupby(table["group"]).mean() if codes else np.nan
        profile[column] = share
        profile.loc[profile["customers"] < SKETCH_BELOW, column] = np.nan
    profile = profile.join(_attrition(table, order, found))
    best = _standing_out(cells).drop_duplicates(by).set_index(by)
    profile["stands_out"] = best["segment"].reindex(order)
    profile["lift"] = best["lift"].reindex(order).astype(float)
    return profile.reset_index()[[by, *_COLUMNS]]


def _standing_out(cells: pd.DataFrame) -> pd.DataFrame:
    """The cells a segment stands out in, the least likely by chance first."""
    out = cells[cells["beyond_chance"] & (cells["lift"] >= LEAST_LIFT)]
    return out.sort_values(["chance", "lift"], ascending=[True, False], kind="stable")


def _attrition(table: pd.DataFrame, order: list[str], found: Moves | None) -> pd.DataFrame:
    """Of those active a year ago in each group, who no longer is."""
    import pandas as pd

    names = list(_COLUMNS[6:12])
    if found is None:
        empty = pd.DataFrame(np.nan, index=order, columns=names)
        return empty.assign(attrition_differs=False)
    opening = found.frame[found.frame["opening"]]
    group = opening["customer_id"].map(table.set_index("customer_id")["group"])
    lost = (~opening["closing"]).groupby(group).agg(["size", "sum"]).reindex(order, fill_value=0)
    of, gone = (lost[name].to_numpy(dtype=np.int64) for name in ("size", "sum"))
    enough = of >= SKETCH_BELOW
    bounds = np.array([share_interval(int(g), int(n)) for g, n in zip(gone, of, strict=True)])
    differs = np.zeros(len(order), dtype=bool)
    compared = enough & (of < of.sum())
    if compared.any():
        everybody, all_gone = int(of.sum()), np.full(int(compared.sum()), int(gone.sum()))
        chances = two_sided(gone[compared], of[compared], all_gone, everybody)
        differs[compared] = holm(chances) < ALPHA
    shown = np.where(enough, gone / np.maximum(of, 1), np.nan)
    low, high = (np.where(enough, bounds[:, side], np.nan) for side in (0, 1))
    figures = (of, gone, shown, low, high, differs)
    return pd.DataFrame(dict(zip(names, figures, strict=True)), index=order)


def _empty(base: CustomerBase, by: str, scheme: SegmentScheme, why: str) -> ProfileResult:
    """The result of a base that cannot show it, with a sentence on what would."""
    import pandas as pd

    w = base.wording
    if why == "absent":
        missing = w.say("profile.absent", column=by, table=w.table(table_that_would_show(by)))
    else:
        missing = w.say("profile.nobody", as_of=w.date(base.as_of))
    return ProfileResult(
        pd.DataFrame(columns=[by, *_COLUMNS]),
        wording=w,
        assumptions={"as_of": base.as_of},
        by=by,
        scheme=scheme,
        cells=pd.DataFrame(columns=[by, "segment", "segment_code", *_CELLS]),
        missing=missing,
    )


def _assumptions(
    base: CustomerBase,
    scheme: SegmentScheme,
    source: str,
    by: str,
    unknown: int,
    found: Moves | None,
) -> dict[str, object]:
    w = base.wording
    said: dict[str, object] = {
        "as_of": base.as_of,
        "window": w.say("rfm.window.all", as_of=w.date(base.as_of)),
        "group": w.say(f"profile.group.{source}", column=_label(w, by)),
        "group_unknown": int(unknown),
    }
    for key, known in (("good", GOOD), ("at_risk", AT_RISK)):
        codes = known.get(scheme.name, frozenset())
        names = [s.name(w.language) for s in scheme.segments if s.code in codes]
        said[f"segments_{key}"] = w.listing(names) or w.say("profile.own_scheme")
    if found is None:
        said["attrition"] = w.say("profile.attrition_unseen", months=MONTHS)
    else:
        start, end = w.date(found.start), w.date(found.end)
        said["attrition"] = w.say("profile.attrition_rule", start=start, end=end)
    said["differences"] = w.say("profile.differences_rule")
    return said
