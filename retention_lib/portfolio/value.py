"""Who carries the value: the Pareto curve, ABC classes, concentration, dependency on the largest.

Shares are of net revenue (or margin), refunds taken off. A customer whose refunds outweigh its
purchases has a negative share, so the largest together can bring more than all of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from numbers import Real
from typing import TYPE_CHECKING, ClassVar

import narwhals as nw
import numpy as np

from retention_lib.base import engine
from retention_lib.base.customer_base import NET_DECIMALS, CustomerBase, require_base
from retention_lib.errors import ChoiceError, InputError
from retention_lib.portfolio._value_curve import top_count
from retention_lib.portfolio._value_groups import groups_of, source_of
from retention_lib.portfolio._value_moves import first_transaction
from retention_lib.portfolio._value_results import (
    CLASSES,
    HEADLINE,
    MEASURES,
    ClassResult,
    ConcentrationResult,
    DependencyResult,
    Measure,
    class_table,
    concentration_table,
    say_share,
)
from retention_lib.portfolio.intervals import DRAWS
from retention_lib.portfolio.money import MarginBasis, margin_basis
from retention_lib.portfolio.rfm import SKETCH_BELOW
from retention_lib.results import Result
from retention_lib.wording import Wording

if TYPE_CHECKING:
    import pandas as pd

_DECIMALS_OF_SHARES = 12


def measure_value(
    base: CustomerBase,
    *,
    cuts: Sequence[float] = (0.8, 0.95),
    by: Measure = "revenue",
    days: int | None = None,
) -> ValueResult:
    """Rank customers by what they brought, and class them A, B and C.

    One row a customer with a line in the period, the largest first. A customer is A while those
    before it have not reached the first cut of the total, B while they have not reached the
    second, else C: the one that crosses a cut belongs to the better class, and equal values
    share the class of the first of them. Who brought nothing, or less, is C and noted.

    Parameters
    ----------
    base
        The customer base; nothing after its ``as_of`` is looked at.
    cuts
        Two shares of the total, rising, from above 0 to 1.
    by
        What ``share``, ``cumulative_share`` and ``abc`` are made of: ``revenue`` (net) or
        ``margin``. Where nobody knows a margin they are missing, and the sentence says so.
    days
        The last so many days up to ``as_of``; ``None`` is the activity window. A number larger
        than the history is the whole history.

    Raises
    ------
    InputError
        Where ``cuts`` or ``days`` cannot be.
    ChoiceError
        Where ``by`` is neither.

    Examples
    --------
    >>> import pandas as pd
    >>> lines = pd.DataFrame({"customer_id": ["a", "b", "c", "d"], "amount": [50.0, 30, 15, 5],
    ...     "date": pd.to_datetime(["2024-01-05", "2024-03-05", "2024-02-01", "2024-02-01"])})
    >>> value = measure_value(CustomerBase.from_tables(lines))
    >>> value.to_frame()[["customer_id", "revenue", "share", "cumulative_share", "abc"]]
      customer_id  revenue  share  cumulative_share abc
    0           a     50.0   0.50              0.50   A
    1           b     30.0   0.30              0.80   A
    2           c     15.0   0.15              0.95   B
    3           d      5.0   0.05              1.00   C
    """
    require_base(base)
    first, second = _check_cuts(cuts)
    if not isinstance(by, str) or by not in MEASURES:
        raise ChoiceError("by", by, MEASURES)
    period = _check_days(days, base)
    basis = margin_basis(base)
    brought = _brought(base, basis, period)
    table = _class_customers(brought, by, (first, second), base.wording)
    said_period = _say_period(base, period)
    return ValueResult(
        table,
        wording=base.wording,
        assumptions=_assumptions(base, table, basis, said_period, by, (first, second)),
        by=by,
        cuts=(first, second),
        period=said_period,
        sectors=_sectors(base, table, by),
        margin_known=basis.known,
    )


@dataclass(frozen=True, repr=False, eq=False)
class ValueResult(Result):
    """What each customer brought, the largest first; equal ones by ``customer_id``.

    Columns: ``customer_id, name`` (where the customers table has it), ``revenue`` (net, in the
    base's currency), ``margin`` (missing where unknown), ``share, cumulative_share`` (of the net
    total of ``by``; missing where that is not above zero), ``abc`` (missing with them) and
    ``note`` for who brought nothing or less. ``sectors``: ``sector, customers, value, share``,
    the largest first; empty where no sector is known.
    """

    chart: ClassVar[str] = "value_charts.plot_pareto"
    formats: ClassVar[Mapping[str, str]] = {
        "revenue": "money",
        "margin": "money",
        "share": "percent",
        "cumulative_share": "percent",
    }
    hidden: ClassVar[tuple[str, ...]] = ("note",)

    by: Measure = field(kw_only=True)
    cuts: tuple[float, float] = field(kw_only=True)
    period: str = field(kw_only=True)
    sectors: pd.DataFrame = field(kw_only=True)
    margin_known: bool = field(kw_only=True)

    @property
    def total(self) -> float:
        """What all customers brought together, net; missing where the margin is not known."""
        values = self.table[self.by].to_numpy(dtype=float)
        return float(values.sum().round(2))

    @property
    def what(self) -> str:
        """What is measured, as part of a sentence: revenue or margin."""
        return self.wording.say(f"value.what.{self.by}")

    def sentence(self) -> str:
        """What the largest fifth brings, how many they are and how much it is."""
        w, top = self.wording, self.headline_count()
        if not top:
            return w.say("value.said", finding=self.finding())
        return w.say(
            "value.sentence",
            finding=self.finding(),
            count=top,
            customers=len(self.table),
            money=w.money(float(self.table[self.by].iloc[:top].sum())),
            total=w.money(self.total),
            period=self.period,
        )

    def finding(self) -> str:
        """The sentence without its full stop and its figures, for a title."""
        w, customers = self.wording, len(self.table)
        if self.silence():
            return self.silence()
        largest = float(self.table["cumulative_share"].iloc[0])
        if customers == 1:
            return w.say("value.finding_one", what=self.what)
        if customers < SKETCH_BELOW:
            said = say_share(w, largest)
            return w.say("value.finding_few", customers=customers, share=said, what=self.what)
        share = float(self.table["cumulative_share"].iloc[self.headline_count() - 1])
        key = "value.finding_over" if share > 1 else "value.finding"
        top = w.percent(HEADLINE, decimals=0)
        return w.say(key, top=top, share=say_share(w, share), what=self.what)

    def headline_count(self) -> int:
        """How many customers the largest fifth are, which the finding is about."""
        few = self.silence() or len(self.table) < SKETCH_BELOW
        return 0 if few else top_count(HEADLINE, len(self.table))

    def silence(self) -> str:
        """Why no share can be told; empty where shares can be told."""
        w = self.wording
        if self.table.empty:
            return w.say("value.nobody", period=self.period)
        if self.by == "margin" and not self.margin_known:
            return w.say("value.no_margin")
        if self.total <= 0:
            return w.say("value.no_total", what=self.what, total=w.money(self.total))
        return ""

    def classes(self) -> ClassResult:
        """The classes A, B and C: how many, how much, and what it takes to be in one."""
        return ClassResult(
            class_table(self.table, self.by, self.total, not self.silence()),
            wording=self.wording,
            assumptions=self.assumptions,
            by=self.by,
            silence=self.silence(),
        )

    def concentration(self) -> ConcentrationResult:
        """How much the largest bring, with ranges: Gini and the largest 1, 5, 10 and 20 %."""
        values = self.table[self.by].to_numpy(dtype=float)
        below = 0 if np.isnan(values).any() else int((values < 0).sum())
        w = self.wording
        return ConcentrationResult(
            concentration_table(self.table, self.by, not self.silence(), self.wording),
            wording=w,
            assumptions={
                **self.assumptions,
                "gini": w.say("value.gini_rule", below=below),
                "range": w.say("value.range_rule", draws=DRAWS),
            },
            what=self.what,
            customers=len(self.table),
            below=below,
            silence=self.silence(),
        )

    def dependency(self, *, top: int = 10) -> DependencyResult:
        """The ``top`` largest customers, one by one, and what they brought together.

        A fact of the period, not a forecast: some of what a lost customer bought may come back
        through others. Raises ``InputError`` where ``top`` is no whole number, 1 or more.
        """
        if not _is_whole(top) or top < 1:
            raise InputError(
                f"top must be a whole number of customers, 1 or more, such as 10; got {top!r}."
            )
        columns = [
            "customer_id",
            *(["name"] if "name" in self.table else []),
            self.by,
            "share",
            "cumulative_share",
        ]
        held = self.table.iloc[:0] if self.silence() else self.table.head(int(top))
        rows = held[columns].copy()
        rows.insert(0, "rank", np.arange(1, len(rows) + 1))
        return DependencyResult(
            rows,
            wording=self.wording,
            assumptions=self.assumptions,
            by=self.by,
            period=self.period,
            total=self.total,
            customers=len(self.table),
            sectors=self.sectors,
            silence=self.silence(),
        )


def is_number(value: object) -> bool:
    """Whether an argument is a number, and not a flag."""
    return isinstance(value, Real) and not isinstance(value, bool | np.bool_)


def _is_whole(value: object) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def _check_cuts(cuts: object) -> tuple[float, float]:
    # A column of a table serves as well as a list.
    listed = cuts.tolist() if hasattr(cuts, "tolist") else cuts
    given = list(listed) if isinstance(listed, list | tuple) else []
    if len(given) == 2 and all(is_number(cut) for cut in given):
        first, second = float(given[0]), float(given[1])
        if 0 < first < second <= 1:
            return first, second
    raise InputError(
        f"cuts must be two rising shares of the total, from above 0 to 1, such as (0.8, 0.95); "
        f"got {cuts!r}."
    )


def _check_days(days: object, base: CustomerBase) -> int:
    if days is None:
        return base.activity_window_days
    whole = int(days) if isinstance(days, int | np.integer) else 0
    if not _is_whole(days) or whole < 1:
        raise InputError(
            f"days must be a whole number of days, 1 or more, or None for the activity window of "
            f"{base.activity_window_days} days; got {days!r}."
        )
    return whole


def _brought(base: CustomerBase, basis: MarginBasis, days: int) -> pd.DataFrame:
    """Revenue and margin of every customer with a line in the period, named where known."""
    inside = base.visible("transactions").filter(nw.col("day") > base.as_of_day - days)
    lines = inside.select("customer_id", "amount", basis.expression().alias("earned"))
    found = engine.collect(
        lines.group_by("customer_id").agg(
            nw.col("amount").sum().round(NET_DECIMALS),
            nw.col("earned").sum().round(NET_DECIMALS),
        )
    ).sort_values("customer_id", ignore_index=True)
    table = found[["customer_id"]].copy()
    if base.has("customers", "name"):
        names = base.visible("customers").select("customer_id", "name")
        # A customer listed twice has one name, the same on every engine.
        once = engine.collect(names.group_by("customer_id").agg(nw.col("name").min()))
        table["name"] = table["customer_id"].map(once.set_index("customer_id")["name"])
    table["revenue"] = found["amount"].to_numpy(dtype=float).round(2) + 0.0
    earned = found["earned"].to_numpy(dtype=float).round(2) + 0.0
    table["margin"] = earned if basis.known else np.nan
    return table


def _class_customers(
    brought: pd.DataFrame, by: Measure, cuts: tuple[float, float], wording: Wording
) -> pd.DataFrame:
    """Customers sorted by value, with shares, classes and notes."""
    import pandas as pd

    order = [by, "revenue", "customer_id"]
    table = brought.sort_values(order, ascending=[False, False, True], ignore_index=True)
    values = table[by].to_numpy(dtype=float)
    # In cents the sums are exact, so that a customer just on a cut is not moved by a last digit.
    total = float(values.sum().round(2))
    known = total > 0
    running = np.cumsum(values).round(2)
    table["share"] = values / total if known else np.nan
    table["cumulative_share"] = running / total if known else np.nan
    table["abc"] = pd.Series([None] * len(table), dtype="str")
    table["note"] = ""
    if known:
        before = ((running - values) / total).round(_DECIMALS_OF_SHARES)
        # Equal values share the class of the first of them.
        first = np.searchsorted(-values, -values, side="left")
        place = np.searchsorted(np.array(cuts), before[first], side="right")
        place[values <= 0] = 2
        table["abc"] = pd.array(CLASSES, dtype="str").take(place)
        table["note"] = np.where(values <= 0, wording.say("value.nothing"), "")
    return table


def _sectors(base: CustomerBase, table: pd.DataFrame, by: Measure) -> pd.DataFrame:
    """What each sector brought, the largest first; empty where none is known."""
    import pandas as pd

    columns = ["sector", "customers", "value", "share"]
    total = float(table[by].sum())
    if not base.has("customers", "sector") or not total > 0:
        return pd.DataFrame(columns=columns)
    known = table["customer_id"].map(groups_of(base, "sector", source_of(base, "sector")))
    grouped = table[by].groupby(known).agg(["size", "sum"]).reset_index()
    grouped.columns = pd.Index(columns[:3])
    grouped["share"] = grouped["value"] / total
    return grouped.sort_values(["value", "sector"], ascending=[False, True], ignore_index=True)


def _say_period(base: CustomerBase, days: int) -> str:
    w, first = base.wording, first_transaction(base)
    if (base.as_of - first).days < days:
        return w.say("value.period_all", first=w.date(first), as_of=w.date(base.as_of))
    return w.say("value.period", days=days, as_of=w.date(base.as_of))


def _assumptions(
    base: CustomerBase,
    table: pd.DataFrame,
    basis: MarginBasis,
    said_period: str,
    by: Measure,
    cuts: tuple[float, float],
) -> dict[str, object]:
    w = base.wording
    below = int((table[by] <= 0).sum())
    rate = "" if basis.rate is None else w.percent(basis.rate)
    cut_a, cut_b = (say_share(w, cut) for cut in cuts)
    return {
        "as_of": base.as_of,
        "period": said_period,
        "classes": w.say("value.rule", first=cut_a, second=cut_b),
        "brought_nothing": below,
        "margin_from": w.say(f"value.margin.{basis.source}", rate=rate, lines=basis.lines_without),
    }
