"""Cohorts: customers by the period of their first purchase, and what became of them since."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import ClassVar, Literal

import numpy as np
import pandas as pd

from retention_lib.base.customer_base import CustomerBase, require_base
from retention_lib.errors import ChoiceError
from retention_lib.portfolio import _cohort_findings as findings
from retention_lib.portfolio._cohort_cells import Counted, count_cells
from retention_lib.portfolio.calendar_periods import (
    Period,
    check_period,
    period_end,
    period_label,
    period_of,
    period_start,
)
from retention_lib.portfolio.intervals import Values, share_interval
from retention_lib.portfolio.rfm import SKETCH_BELOW
from retention_lib.results import Listing, Result

Measure = Literal["customers", "share", "revenue", "revenue_per_customer"]
MEASURES: tuple[Measure, ...] = ("customers", "share", "revenue", "revenue_per_customer")


def retention_cohorts(base: CustomerBase, *, period: Period = "month") -> CohortResult:
    """Follow the customers won in each month, quarter or year: who still buys, and for how much.

    One row a cohort and age. A cohort is the calendar period of the first purchase; its age is
    the number of periods since, 0 being that of the first purchase itself. A cell is seen once
    its whole period is over on ``base.as_of``: seen and nobody bought is 0, not yet seen is
    missing, never 0. The trap: read along a row or down a column, never across the corner, and
    remember that a customer who is silent in one month may buy in the next.

    Customers whose ``acquired_on`` lies before the file are not in the triangle, for nobody sees
    their first purchase; nor those of a cohort whose period is not over. Both are counted in
    ``.left_out``. Without ``acquired_on`` the first cohorts may hold old customers; they are
    shown, marked ``doubtful``, and no finding rests on them unless there are no others.

    Parameters
    ----------
    base
        The customer base; nothing after its ``as_of`` is looked at.
    period
        ``month``, ``quarter`` or ``year``, of the calendar.

    Raises
    ------
    ChoiceError
        Where ``period`` is none of the three.

    Examples
    --------
    >>> import pandas as pd
    >>> lines = pd.DataFrame({"customer_id": ["a", "a", "b", "b", "c"],
    ...     "date": pd.to_datetime(["2024-01-05", "2024-02-05", "2024-01-09", "2024-03-31",
    ...                             "2024-02-01"]),
    ...     "amount": [10.0, 20.0, 5.0, 5.0, 8.0]})
    >>> cohorts = retention_cohorts(CustomerBase.from_tables(lines))
    >>> cohorts.to_frame()[["cohort", "size", "age", "customers", "share", "revenue"]]
        cohort  size  age  customers  share  revenue
    0  2024-01     2    0          2    1.0     15.0
    1  2024-01     2    1          1    0.5     20.0
    2  2024-01     2    2          1    0.5      5.0
    3  2024-02     1    0          1    1.0      8.0
    4  2024-02     1    1          0    0.0      0.0
    5  2024-02     1    2       <NA>    NaN      NaN
    """
    require_base(base)
    period = check_period(period)
    last = period_of(base.as_of + timedelta(days=1), period) - 1
    counted = count_cells(base, period, last, findings.LATER[period])
    left_out = _left_out(base, counted, period)
    result = CohortResult(
        _rectangle(counted, period, base.wording.language),
        wording=base.wording,
        period=period,
        counted=counted,
        left_out=left_out,
    )
    return replace(result, assumptions=_assumptions(base, result))


@dataclass(frozen=True, repr=False, eq=False)
class CohortResult(Result):
    """The cohorts, one row a cohort and age, oldest cohort first; a rectangle, cells unseen too.

    Columns: ``cohort`` (2024-03, 2024-Q1 or 2024), ``size`` (customers won), ``age`` (periods
    since), ``customers`` (of these, who bought in that period), ``share`` (of ``size``),
    ``returned`` (who has made a second purchase by the end of that period), ``revenue`` (net,
    refunds taken off), ``revenue_per_customer`` (won, not buying), ``revenue_share`` (of the
    revenue at age 0; missing where that is not above zero), ``start`` (first day of the cohort)
    and ``doubtful`` (may hold customers older than the file).

    ``left_out``: who is not in the triangle: ``reason, customers, revenue, code``. The customers
    of the cohorts and those left out are all customers of the base.
    """

    chart: ClassVar[str] = "cohort_charts.plot_retention_triangle"
    hidden: ClassVar[tuple[str, ...]] = ("start", "doubtful")
    formats: ClassVar[Mapping[str, str]] = {
        "size": "count",
        "customers": "count",
        "share": "percent",
        "returned": "count",
        "revenue": "money",
        "revenue_per_customer": "money",
        "revenue_share": "percent",
    }

    period: Period = field(kw_only=True)
    counted: Counted = field(kw_only=True)
    left_out: pd.DataFrame = field(kw_only=True)

    def sentence(self) -> str:
        """How many of 100 customers won came back and still buy; whether that is changing."""
        return findings.say_retention(self)

    def finding(self) -> str:
        """The first half of the sentence without its ranges, for a title."""
        return findings.title(self)

    def triangle(self, measure: Measure = "share") -> Triangle:
        """One row a cohort and one column an age, as consultants lay it out.

        ``measure`` is ``customers``, ``share``, ``revenue`` or ``revenue_per_customer``. The
        columns of the ages are the texts ``0``, ``1``, ``2`` and so on; unseen cells are missing.
        """
        if not isinstance(measure, str) or measure not in MEASURES:
            raise ChoiceError("measure", measure, MEASURES)
        frame = self.table
        wide = frame.pivot(index="start", columns="age", values=measure).reset_index(drop=True)
        wide.columns = pd.Index([str(age) for age in wide.columns])
        once = frame.drop_duplicates("start")[["cohort", "size", "doubtful"]]
        table = pd.concat([once.reset_index(drop=True), wide], axis=1)
        kind = {"customers": CountTriangle, "share": ShareTriangle}.get(measure, MoneyTriangle)
        return kind(
            table,
            wording=self.wording,
            assumptions=self.assumptions,
            measure=measure,
            period=self.period,
            said=findings.say_money(self) if "revenue" in measure else self.sentence(),
            heading=findings.money_title(self) if "revenue" in measure else self.finding(),
        )

    def revenue(self) -> CohortRevenue:
        """What each cohort brought, at each age and for each customer won."""
        names = ["cohort", "size", "age", "revenue", "revenue_per_customer", "revenue_share"]
        return CohortRevenue(
            self.table[names].copy(),
            wording=self.wording,
            assumptions=self.assumptions,
            cohorts=self,
        )

    def curve(self) -> CohortCurve:
        """All cohorts together: the share of the customers won who buy, age by age."""
        rows = [row for age in self._ages() if (row := _pooled(self.counted, age))]
        names = ["age", "cohorts", "size", "customers", "share", "share_low", "share_high"]
        return CohortCurve(
            pd.DataFrame(rows, columns=names),
            wording=self.wording,
            assumptions=self.assumptions,
            period=self.period,
        )

    def newer_and_older(self) -> Listing:
        """Whether the newest cohorts come back more often than those of a year before, or less.

        Two rows, compared at the same age and on the same months of the year; none where the
        history is too short for that.
        """
        return findings.compare(self)

    def _ages(self) -> list[int]:
        return [int(age) for age in self.table["age"].unique()]


@dataclass(frozen=True, repr=False, eq=False)
class Triangle(Result):
    """One measure of the cohorts: ``cohort, size``, hidden ``doubtful``, and a column an age."""

    chart: ClassVar[str] = "cohort_charts.plot_triangle"
    hidden: ClassVar[tuple[str, ...]] = ("doubtful",)
    shown_rows: ClassVar[int] = 36

    measure: Measure = field(kw_only=True)
    period: Period = field(kw_only=True)
    said: str = field(kw_only=True)
    heading: str = field(kw_only=True)

    def sentence(self) -> str:
        """What the triangle says."""
        return self.said

    def values(self) -> Values:
        """The cells, cohorts down and ages across; not a number where unseen."""
        ages = [name for name in self.table.columns if name not in ("cohort", "size", "doubtful")]
        cells: Values = self.table[ages].to_numpy(dtype=float, na_value=np.nan)
        return cells


# A triangle of months can be as long as the base's calendar, 1900 to 2100.
_AGES = [str(age) for age in range(201 * 12)]


class CountTriangle(Triangle):
    """Customers."""

    formats: ClassVar[Mapping[str, str]] = dict.fromkeys(["size", *_AGES], "count")


class ShareTriangle(Triangle):
    """Shares of the customers won."""

    formats: ClassVar[Mapping[str, str]] = {"size": "count", **dict.fromkeys(_AGES, "percent")}


class MoneyTriangle(Triangle):
    """Revenue."""

    formats: ClassVar[Mapping[str, str]] = {"size": "count", **dict.fromkeys(_AGES, "money")}


@dataclass(frozen=True, repr=False, eq=False)
class CohortRevenue(Result):
    """What the cohorts brought, one row a cohort and age; unseen cells are missing.

    Columns: ``cohort, size, age, revenue, revenue_per_customer, revenue_share``.
    """

    chart: ClassVar[str] = "cohort_charts.plot_revenue_triangle"
    formats: ClassVar[Mapping[str, str]] = CohortResult.formats

    cohorts: CohortResult = field(kw_only=True)

    def sentence(self) -> str:
        """What a customer won brings at first, and afterwards."""
        return findings.say_money(self.cohorts)


@dataclass(frozen=True, repr=False, eq=False)
class CohortCurve(Result):
    """Retention by age, the trusted cohorts pooled: one row an age.

    Columns: ``age, cohorts`` (seen at that age), ``size`` (customers won in them), ``customers``
    (who bought in that period), ``share, share_low, share_high`` (between which it lies, 95 %
    sure). The trap: high ages rest on the oldest cohorts only, so a step in the curve may be a
    change of cohorts.
    """

    chart: ClassVar[str] = "cohort_charts.plot_curve"
    formats: ClassVar[Mapping[str, str]] = {
        "cohorts": "count",
        "size": "count",
        "customers": "count",
        "share": "percent",
        "share_low": "percent",
        "share_high": "percent",
    }
    shown_rows: ClassVar[int] = 14

    period: Period = field(kw_only=True)

    def dependable(self) -> pd.DataFrame:
        """The ages after the first purchase that enough customers are seen at."""
        return self.table[(self.table["age"] > 0) & (self.table["size"] >= SKETCH_BELOW)]

    def told_ages(self) -> list[int]:
        """The ages that the sentence tells: the first, and a year or two on as far as seen."""
        latest = findings.LATER[self.period]
        ages = [int(age) for age in self.dependable()["age"] if age <= latest]
        return sorted({*ages[:1], *ages[-1:]})

    def sentence(self) -> str:
        """Where the curve starts and where it stands later."""
        return findings.say_curve(self)

    def finding(self) -> str:
        """The sentence without its ranges, for a title."""
        return findings.curve_title(self)


def _rectangle(counted: Counted, period: Period, language: str) -> pd.DataFrame:
    """Every cohort at every age, up to the oldest age seen."""
    shown = counted.cohorts[
        (counted.cohorts["older"] == 0) & (counted.cohorts["first"] <= counted.last)
    ].set_index("first")
    firsts = shown.index.to_numpy()
    ages = np.arange(counted.last - firsts.min() + 1) if len(firsts) else np.arange(0)
    grid = pd.MultiIndex.from_product([firsts, ages], names=["first", "age"])
    seen = (grid.get_level_values(0) + grid.get_level_values(1)).to_numpy() <= counted.last
    young = counted.cells[counted.cells["older"] == 0].set_index(["first", "age"])
    cells = young[["customers", "revenue"]].reindex(grid).fillna(0)
    back = counted.returns.set_index(["first", "age"])["customers"].reindex(grid).fillna(0)
    table = pd.DataFrame({"first": grid.get_level_values(0), "age": grid.get_level_values(1)})
    table["size"] = shown["customers"].reindex(table["first"]).to_numpy(dtype=np.int64)
    table["customers"] = cells["customers"].to_numpy(dtype=np.int64)
    table["share"] = table["customers"] / table["size"]
    table["returned"] = back.groupby(level=0).cumsum().to_numpy(dtype=np.int64)
    # Adding 0.0 makes of -0.0 a zero.
    table["revenue"] = cells["revenue"].to_numpy(dtype=float).round(2) + 0.0
    table["revenue_per_customer"] = table["revenue"] / table["size"]
    begun = table.groupby("first")["revenue"].transform("first")
    table["revenue_share"] = table["revenue"] / begun.where(begun > 0)
    for name in ("customers", "returned"):
        table[name] = table[name].astype("Int64").where(seen)
    for name in ("share", "revenue", "revenue_per_customer", "revenue_share"):
        table[name] = table[name].where(seen)
    labels = [period_label(first, period, language) for first in table["first"]]
    table.insert(0, "cohort", labels)
    table["start"] = [period_start(first, period) for first in table["first"]]
    table["doubtful"] = shown["doubtful"].reindex(table["first"]).to_numpy(dtype=bool)
    return table[
        [
            *("cohort", "size", "age", "customers", "share", "returned", "revenue"),
            *("revenue_per_customer", "revenue_share", "start", "doubtful"),
        ]
    ]


def _left_out(base: CustomerBase, counted: Counted, period: Period) -> pd.DataFrame:
    """Who is in no cohort of the triangle, and what they brought up to ``as_of``."""
    w, cohorts, cells = base.wording, counted.cohorts, counted.cells
    rows: list[tuple[str, int, float, str]] = []
    old = cohorts["older"] == 1
    if old.any():
        start = w.date(counted.beginnings.history_start)
        revenue = cells.loc[cells["older"] == 1, "revenue"].sum()
        said = w.say("cohorts.left_out.older", start=start)
        rows.append((said, int(cohorts.loc[old, "customers"].sum()), revenue, "older"))
    for row in cohorts[~old & (cohorts["first"] > counted.last)].itertuples():
        ends = w.date(period_end(int(row.first), period))
        cohort = findings.named(int(row.first), period, w)
        said = w.say("cohorts.left_out.running", cohort=cohort, ends=ends)
        revenue = cells.loc[(cells["older"] == 0) & (cells["first"] == row.first), "revenue"].sum()
        rows.append((said, int(row.customers), revenue, "running"))
    if counted.never:
        said = w.say("cohorts.left_out.never")
        rows.append((said, counted.never, counted.never_revenue, "never"))
    frame = pd.DataFrame(rows, columns=["reason", "customers", "revenue", "code"])
    return frame.assign(revenue=frame["revenue"].astype(float).round(2) + 0.0)


def _assumptions(base: CustomerBase, result: CohortResult) -> dict[str, object]:
    w, counted = base.wording, result.counted
    begins = counted.beginnings
    made: dict[str, object] = {
        "cohorts_by": w.say(f"cohorts.by.{result.period}"),
        "as_of": base.as_of,
        "cohorts_seen": w.say("cohorts.seen"),
    }
    if len(result.left_out):
        listed = [
            w.say("cohorts.left_out.one", customers=int(row.customers), reason=row.reason)
            for row in result.left_out.itertuples()
        ]
        made["left_out"] = "; ".join(listed)
    if result.table["doubtful"].any():
        starts = result.table.loc[result.table["doubtful"], "start"].unique()
        doubtful = [period_of(start, result.period) for start in starts]
        made["cohorts_doubtful"] = w.say(
            "cohorts.doubtful_used" if counted.presumed else "cohorts.doubtful",
            cohorts=findings.from_to(doubtful, result.period, w),
            start=w.date(begins.history_start),
            days=begins.settling_days,
        )
    early = counted.cells[(counted.cells["age"] < 0) & (counted.cells["older"] == 0)]
    if abs(early["revenue"].sum()) >= 0.005:
        made["cohorts_before"] = w.money(float(early["revenue"].sum()))
    return made


def _pooled(counted: Counted, age: int) -> tuple[object, ...] | None:
    """One age of the curve; nothing where no trusted cohort is seen at it."""
    won, customers, cohorts = findings.pool(counted, age)
    if not won:
        return None
    return (age, cohorts, won, customers, customers / won, *share_interval(customers, won))
