"""What is said of the value of customers: classes, concentration, dependency on the largest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Literal

from retention_lib.portfolio._value_curve import TOPS, gini, ranges, top_count
from retention_lib.portfolio.rfm import SKETCH_BELOW
from retention_lib.results import Result
from retention_lib.wording import Wording

if TYPE_CHECKING:
    import pandas as pd

Measure = Literal["revenue", "margin"]
MEASURES: tuple[Measure, ...] = ("revenue", "margin")
CLASSES = ("A", "B", "C")
HEADLINE = 0.20


@dataclass(frozen=True, repr=False, eq=False)
class ClassResult(Result):
    """One row a class: how many customers, what they bring, what it takes to be in it.

    Columns: ``abc, customers, share_of_customers``, ``revenue`` or ``margin``,
    ``share_of_revenue`` or ``share_of_margin``, ``per_customer`` and ``at_least`` (the smallest
    value in the class), all money in the base's currency. Empty where no share can be told.
    """

    chart: ClassVar[str] = "value_charts.plot_classes"
    formats: ClassVar[Mapping[str, str]] = {
        "customers": "count",
        "share_of_customers": "percent",
        "revenue": "money",
        "margin": "money",
        "share_of_revenue": "percent",
        "share_of_margin": "percent",
        "per_customer": "money",
        "at_least": "money",
    }

    by: Measure = field(kw_only=True)
    silence: str = field(kw_only=True)

    def sentence(self) -> str:
        """What class A brings and class C does not."""
        return self.wording.say("value.said", finding=self.finding())

    def finding(self) -> str:
        """The sentence without its full stop, for a title."""
        w = self.wording
        if self.silence:
            return self.silence
        rows = self.table.set_index("abc")
        best, last = rows.loc["A"], rows.loc["C"]
        if rows["customers"].sum() < SKETCH_BELOW:
            counts = {name.lower(): int(rows.loc[name, "customers"]) for name in CLASSES}
            return w.say("value.classes_few", customers=int(rows["customers"].sum()), **counts)
        return w.say(
            "value.classes" if last["customers"] else "value.classes_only",
            a_share=say_share(w, float(best["share_of_customers"])),
            a_brings=say_share(w, float(best[f"share_of_{self.by}"])),
            c_share=say_share(w, float(last["share_of_customers"])),
            c_brings=say_share(w, float(last[f"share_of_{self.by}"])),
            what=w.say(f"value.what.{self.by}"),
        )


@dataclass(frozen=True, repr=False, eq=False)
class ConcentrationResult(Result):
    """Gini and the share of the largest customers, each with its range.

    Columns: ``measure, measure_code`` (``gini, top_1, top_5, top_10, top_20``), ``customers`` (how
    many the top is), ``figure, low, high`` (shares of 1; 95 % sure). A top of less than one
    customer is missing. Gini counts values below zero as zero; the shares do not.
    """

    chart: ClassVar[str] = "value_charts.plot_concentration"
    formats: ClassVar[Mapping[str, str]] = {
        "customers": "count",
        "figure": "percent",
        "low": "percent",
        "high": "percent",
    }
    hidden: ClassVar[tuple[str, ...]] = ("measure_code",)

    what: str = field(kw_only=True)
    customers: int = field(kw_only=True)
    below: int = field(kw_only=True)
    silence: str = field(kw_only=True)

    def sentence(self) -> str:
        """Gini and the largest fifth, both with their ranges."""
        w = self.wording
        if self.silence:
            return w.say("value.said", finding=self.silence)
        if self.customers < SKETCH_BELOW:
            return w.say("value.gini_few", customers=self.customers)
        rows = self.table.set_index("measure_code")
        key = "value.gini_sentence_below" if self.below else "value.gini_sentence"
        return w.say(
            key,
            finding=self.finding(),
            gini=w.number(float(rows.loc["gini", "figure"]), decimals=2),
            low=w.number(float(rows.loc["gini", "low"]), decimals=2),
            high=w.number(float(rows.loc["gini", "high"]), decimals=2),
            below=self.below,
            what=self.what,
        )

    def finding(self) -> str:
        """What the largest bring, for a title."""
        w = self.wording
        if self.silence:
            return self.silence
        if self.customers < SKETCH_BELOW:
            return w.say("value.gini_few", customers=self.customers).rstrip(".")
        row = self.table.set_index("measure_code").loc["top_20"]
        return w.say(
            "value.top_finding",
            top=w.percent(HEADLINE, decimals=0),
            share=say_share(w, float(row["figure"])),
            low=say_share(w, float(row["low"])),
            high=say_share(w, float(row["high"])),
            what=self.what,
        )


@dataclass(frozen=True, repr=False, eq=False)
class DependencyResult(Result):
    """The largest customers, one row each, and what they brought.

    Columns: ``rank, customer_id, name`` (where known), ``revenue`` or ``margin``, ``share,
    cumulative_share`` (of the net total). Empty where no share can be told.
    """

    chart: ClassVar[str] = "value_charts.plot_dependency"
    formats: ClassVar[Mapping[str, str]] = {
        "rank": "count",
        "revenue": "money",
        "margin": "money",
        "share": "percent",
        "cumulative_share": "percent",
    }

    by: Measure = field(kw_only=True)
    period: str = field(kw_only=True)
    total: float = field(kw_only=True)
    customers: int = field(kw_only=True)
    sectors: pd.DataFrame = field(kw_only=True)
    silence: str = field(kw_only=True)

    def sentence(self) -> str:
        """What the largest and the largest few brought, and the largest sector where known."""
        w = self.wording
        if self.silence:
            return w.say("value.said", finding=self.silence)
        together = float(self.table[self.by].sum())
        key = "value.dependency_one" if len(self.table) == 1 else "value.dependency"
        if len(self.table) == self.customers:
            key = "value.dependency_everybody"
        said = w.say(
            key,
            finding=self.finding(),
            money=w.money(float(self.table[self.by].iloc[0])),
            together=w.money(together),
            left=w.money(self.total - together),
            total=w.money(self.total),
            period=self.period,
        )
        return " ".join([said, *self._sector_sentence()])

    def finding(self) -> str:
        """The sentence without its money and its sector, for a title."""
        w, table = self.wording, self.table
        if self.silence:
            return self.silence
        first = say_share(w, float(table["share"].iloc[0]))
        what = w.say(f"value.what.{self.by}")
        if len(table) == 1:
            return w.say("value.dependency_finding_one", first=first, what=what)
        if len(table) == self.customers:
            few = self.customers < SKETCH_BELOW
            key = "value.dependency_all" if few else "value.dependency_largest"
            return w.say(key, customers=self.customers, first=first, what=what)
        share = say_share(w, float(table["cumulative_share"].iloc[-1]))
        return w.say(
            "value.dependency_finding", first=first, top=len(table), share=share, what=what
        )

    def _sector_sentence(self) -> list[str]:
        known = float(self.sectors["share"].sum())
        # Where most of the total has no sector, the largest of the others says little.
        if self.sectors.empty or known <= 0.5:
            return []
        row, w = self.sectors.iloc[0], self.wording
        whole = round(known, 9) >= 1
        words = {
            "sector": row["sector"],
            "share": say_share(w, float(row["share"]) / (1.0 if whole else known)),
            "what": w.say(f"value.what.{self.by}"),
        }
        return [w.say("value.sector" if whole else "value.sector_known", **words)]


def say_share(wording: Wording, share: float) -> str:
    """Write a share as one says it: whole percents, with a decimal only where they are few."""
    return wording.percent(share, decimals=0 if abs(share) >= 0.1 else 1)


def class_table(table: pd.DataFrame, by: Measure, total: float, known: bool) -> pd.DataFrame:
    import pandas as pd

    if not known:
        columns = ["abc", "customers", "share_of_customers", by, f"share_of_{by}"]
        return pd.DataFrame(columns=[*columns, "per_customer", "at_least"])
    groups = table.groupby("abc")[by]
    rows = pd.DataFrame(index=pd.Index(CLASSES, name="abc"))
    rows["customers"] = groups.size().reindex(CLASSES, fill_value=0)
    rows["share_of_customers"] = rows["customers"] / len(table)
    rows[by] = groups.sum().round(2).reindex(CLASSES, fill_value=0.0)
    rows[f"share_of_{by}"] = rows[by] / total
    rows["per_customer"] = (rows[by] / rows["customers"].where(rows["customers"] > 0)).round(2)
    rows["at_least"] = groups.min()
    return rows.reset_index()


def concentration_table(table: pd.DataFrame, by: Measure, known: bool, w: Wording) -> pd.DataFrame:
    import pandas as pd

    codes = ["gini", *(f"top_{round(share * 100)}" for share in TOPS)]
    if not known:
        names = ["measure", "measure_code", "customers", "figure", "low", "high"]
        return pd.DataFrame(columns=names)
    values = table[by].to_numpy(dtype=float)
    counts = [top_count(share, len(values)) for share in TOPS]
    reached = table["cumulative_share"].to_numpy(dtype=float)
    shares = [float(reached[count - 1]) if count else float("nan") for count in counts]
    bounds = ranges(values)
    tops = [w.say("value.top", top=w.percent(share, decimals=0)) for share in TOPS]
    rows = {
        "measure": [w.say("value.gini"), *tops],
        "measure_code": codes,
        "customers": [len(values), *counts],
        "figure": [gini(values), *shares],
        "low": [low for low, _ in bounds],
        "high": [high for _, high in bounds],
    }
    return pd.DataFrame(rows)
