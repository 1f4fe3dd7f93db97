"""What a migration is asked next: the matrix, chance, revenue moved, who fell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import ClassVar

from retention_lib.portfolio.rfm import SKETCH_BELOW
from retention_lib.portfolio.schemes import SegmentScheme
from retention_lib.results import Result
from retention_lib.wording import Wording, with_minus

FORMATS: Mapping[str, str] = {
    "customers": "count",
    "share": "percent",
    "revenue_before": "money",
    "revenue_now": "money",
    "revenue_moved": "money",
}
"""How the columns that these tables share are shown."""


@dataclass(frozen=True, repr=False, eq=False)
class MigrationMatrix(Result):
    """One row a segment of the first date: ``from_segment, customers``, a share a segment now.

    The columns of shares are called like the segments; they add up to 1 in each row. Of fewer
    than 30 customers the chart shows counts.
    """

    chart: ClassVar[str] = "_migration_charts.plot_migration_matrix"

    scheme: SegmentScheme = field(kw_only=True)

    def __post_init__(self) -> None:
        shares = {name: "percent" for name in self.table.columns[2:]}
        object.__setattr__(self, "formats", {"customers": "count", **shares})

    def sentence(self) -> str:
        """How many stayed in the best segment, and which of the others kept fewest."""
        return self.finding() + "."

    def finding(self) -> str:
        """The sentence without its full stop, for a title."""
        w, table = self.wording, self.table
        enough = table[table["customers"] >= SKETCH_BELOW]
        kept = [
            (float(row[row["from_segment"]]), str(row["from_segment"]))
            for _, row in enough.iterrows()
            if row["from_segment"] in table.columns
        ]
        if len(kept) < 2:
            return w.say("migration.matrix_few", least=SKETCH_BELOW)
        most, firm = kept[0]
        # New customers cannot stay new: that they leave their segment tells nothing.
        passing = [s.name(w.language) for s in self.scheme.segments if s.code == "new_customers"]
        others = [(share, name) for share, name in kept[1:] if name not in passing]
        least, loose = min(others, default=(most, firm))
        if least >= most:
            return w.say(
                "migration.matrix_one", firm=firm, most=percent(w, most), least=SKETCH_BELOW
            )
        # A segment that is passed over is named where the table shows that it kept fewer.
        apart = [name for share, name in kept[1:] if name in passing and share <= least]
        return w.say(
            "migration.matrix_apart" if apart else "migration.matrix",
            apart=w.listing(apart),
            firm=firm,
            most=percent(w, most),
            loose=loose,
            least=percent(w, least),
            cases=SKETCH_BELOW,
        )


@dataclass(frozen=True, repr=False, eq=False)
class MigrationChance(Result):
    """One row a kind of move, against what it comes to with nobody changing habits.

    Columns: ``movement, customers, share, by_chance, by_chance_low, by_chance_high``, ``beyond,
    beyond_low, beyond_high`` (the difference, in points of share), ``move`` (the code).
    """

    chart: ClassVar[str] = "_migration_charts.plot_migration_chance"
    formats: ClassVar[Mapping[str, str]] = {
        "customers": "count",
        **dict.fromkeys(
            [
                *("share", "by_chance", "by_chance_low", "by_chance_high"),
                *("beyond", "beyond_low", "beyond_high"),
            ],
            "percent",
        ),
    }
    hidden: ClassVar[tuple[str, ...]] = ("move",)

    since: date = field(kw_only=True)

    def sentence(self) -> str:
        """Of those who went down, how many would have by time and chance alone."""
        return self.finding() + "."

    def finding(self) -> str:
        """The sentence without its full stop, for a title."""
        w, table = self.wording, self.table.set_index("move")
        row = table.loc["down"]
        if row["by_chance"] != row["by_chance"]:
            return w.say("migration.chance_unknown")
        if row["by_chance_low"] == row["by_chance_high"]:
            shares = {"share": percent(w, row["share"]), "chance": percent(w, row["by_chance"])}
            return w.say("migration.chance_exact", **shares)
        return w.say(
            "migration.chance",
            share=percent(w, row["share"]),
            chance=percent(w, row["by_chance"]),
            low=percent(w, row["by_chance_low"]),
            high=percent(w, row["by_chance_high"]),
        )


@dataclass(frozen=True, repr=False, eq=False)
class RevenueMoved(Result):
    """One row a direction: ``movement, customers, revenue_before, revenue_now, revenue_moved``."""

    chart: ClassVar[str] = "_migration_charts.plot_revenue_moved"
    formats: ClassVar[Mapping[str, str]] = FORMATS
    hidden: ClassVar[tuple[str, ...]] = ("direction",)

    since: date = field(kw_only=True)

    def sentence(self) -> str:
        """What moving down took away against what moving up and newcomers brought."""
        return self.finding() + "."

    def finding(self) -> str:
        """The sentence without its full stop, for a title."""
        w, table = self.wording, self.table.set_index("direction")
        return w.say(
            "migration.revenue",
            since=w.date(self.since),
            down=int(table.loc["down", "customers"]),
            down_change=_change(w, table.loc["down", "revenue_moved"]),
            up=int(table.loc["up", "customers"]),
            up_change=_change(w, table.loc["up", "revenue_moved"]),
            new=int(table.loc["new", "customers"]),
            new_change=_change(w, table.loc["new", "revenue_moved"]),
        )


@dataclass(frozen=True, repr=False, eq=False)
class FallenCustomers(Result):
    """One row a customer who fell out of the best segments, the largest loss of revenue first.

    Columns: ``customer_id, name`` (where the base knows it), ``from_segment, to_segment,
    revenue_before, revenue_now, revenue_moved``. Who must not be contacted or has closed its
    account is ``left_out``: counted, not listed.
    """

    formats: ClassVar[Mapping[str, str]] = FORMATS

    since: date = field(kw_only=True)
    best: tuple[str, ...] = field(kw_only=True)
    left_out: int = field(default=0, kw_only=True)

    def sentence(self) -> str:
        """How many fell, and what they brought before and bring now."""
        w, table = self.wording, self.table
        if not len(table):
            key = "migration.movers_none_left" if self.left_out else "migration.movers_none"
            return w.say(key, best=w.listing(self.best), since=w.date(self.since)) + "."
        said = w.say(
            "migration.movers_left" if self.left_out else "migration.movers",
            customers=len(table),
            best=w.listing(self.best),
            since=w.date(self.since),
            before=w.money(float(table["revenue_before"].sum())),
            now=w.money(float(table["revenue_now"].sum())),
        )
        return said + "."


def percent(wording: Wording, share: float) -> str:
    """Write a share as one says it: whole percents unless they are few."""
    return wording.percent(float(share), decimals=0 if abs(share) >= 0.1 or share == 0 else 1)


def _change(wording: Wording, amount: float) -> str:
    said = wording.money(float(amount))
    return f"+{said}" if amount > 0 else with_minus(said)
