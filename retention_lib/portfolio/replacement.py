"""What it takes to replace the customers lost: how many new ones, and what winning them costs."""

from __future__ import annotations

from dataclasses import dataclass, field
from numbers import Real
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from retention_lib.base import engine
from retention_lib.base.customer_base import CustomerBase, require_base
from retention_lib.errors import InputError
from retention_lib.portfolio._lost_found import (
    MOST_MONTHS,
    YEAR,
    Losses,
    find_losses,
)
from retention_lib.portfolio._lost_value import FEWEST_STAYERS
from retention_lib.portfolio.calendar_periods import check_months
from retention_lib.portfolio.intervals import SEED, Values, middle, resampled
from retention_lib.portfolio.lost import say_cost, say_who
from retention_lib.results import Result

if TYPE_CHECKING:
    import pandas as pd

SKETCH_BELOW = 30
"""Fewer lost or new customers than this make a sketch."""
FEWEST_DAYS = 90
"""In so many first days of a file those who buy often are seen first, new or not."""
_ROWS = ("code", "value", "low", "high", "unit")
_MISSING = float("nan")


def measure_replacement(
    base: CustomerBase, *, months: int = 12, acquisition_cost: float | None = None
) -> ReplacementResult:
    """Measure how many average new customers replace what was lost, and what winning them costs.

    What was lost is the value of :func:`list_lost` over the same months. An average new customer
    is worth what those who first bought between two years and one year before ``base.as_of``
    brought in their first 365 days, those included who bought once and never again. The trap: a
    new customer of its second year is worth more or less than in its first; this compares one
    year with one year.

    Parameters
    ----------
    base
        The customer base; nothing after its ``as_of`` is looked at.
    months
        How many calendar months of losses, up to ``as_of``.
    acquisition_cost
        What winning one customer costs, in the base's currency: your assumption. ``None`` takes
        the mean of ``acquisition_cost`` of the customers table, of recent new customers.

    Raises
    ------
    InputError
        Where ``months`` is no whole number of at least 1, or the cost no number from 0 on.

    Examples
    --------
    >>> import pandas as pd
    >>> days = ["2022-02-01", "2023-06-01", "2024-01-05", "2024-03-05", "2025-06-01"]
    >>> lines = pd.DataFrame({"customer_id": ["a", "a", "b", "b", "b"],
    ...     "date": pd.to_datetime(days), "amount": [40.0, 120.0, 50.0, 10.0, 5.0]})
    >>> needed = measure_replacement(CustomerBase.from_tables(lines, as_of="2025-06-01"), months=18)
    >>> needed.to_frame().set_index("code").loc["new_needed", "value"]
    np.float64(2.0)
    """
    require_base(base)
    months = check_months(months, MOST_MONTHS)
    assumed = _check_cost(acquisition_cost)
    losses = find_losses(base, months)
    new = _new_customers(base, losses)
    known = _costs(base, losses) if assumed is None else np.array([assumed])
    table = _table(losses, new, known, assumed is not None)
    return ReplacementResult(
        _worded(table, base),
        wording=base.wording,
        assumptions=_assumptions(base, losses, new, known, assumed),
        losses=losses,
        new=new,
        costs_known=len(known),
    )


@dataclass(frozen=True)
class NewCustomers:
    """Recent new customers: what their first 365 days brought; and how many came since.

    ``sure`` is false where the file begins too late to tell a new customer from an old one who
    is seen for the first time; their mean is then more likely too high than too low.
    """

    values: Values
    first: int
    last: int
    sure: bool
    won: int
    too_short: bool = False


@dataclass(frozen=True, repr=False, eq=False)
class ReplacementResult(Result):
    """What replaces the customers lost: one row a measure.

    Columns: ``measure, figure, range`` (in words) and for code ``code, value, low, high`` (95 %
    sure), ``unit`` (``customers`` or ``money``). Codes: ``lost, value_lost, value_each`` (a lost
    customer, a year), ``value_new`` (a new one, in its first year), ``new_needed, new_each``
    (new ones for one lost), ``new_won`` (first purchases in the same months), ``cost_each,
    cost_total``. What cannot be told is missing.
    """

    chart: ClassVar[str] = "lost_charts.plot_replacement"
    hidden: ClassVar[tuple[str, ...]] = ("code", "value", "low", "high", "unit")

    losses: Losses = field(kw_only=True)
    new: NewCustomers = field(kw_only=True)
    costs_known: int = field(kw_only=True)

    def value(self, code: str) -> float:
        """The figure of a row; missing where it cannot be told."""
        return float(self.table.set_index("code").loc[code, "value"])

    def said(self, code: str) -> str:
        """The figure of a row in words, with its range where it has one."""
        return self._with_range(self._shown(code), code)

    @property
    def unit(self) -> str:
        """What values are in: ``margin`` or ``revenue``."""
        return "margin" if self.losses.basis.known else "revenue"

    def sentence(self) -> str:
        """How many new customers replace the lost ones, why so many, and what they cost."""
        w = self.wording
        if self.missing:
            return w.say("replacement.cannot", why=self.finding())
        cost = "replacement.cost" if self.costs_known else "replacement.cost_unknown"
        said = w.say(
            "replacement.sentence",
            finding=self._with_range(self.finding(), "new_needed"),
            each=self._shown("value_each"),
            worth=w.say(f"replacement.unit.{self.unit}"),
            new=self._shown("value_new"),
            cost=w.say(cost, cost=self.said("cost_total"), each=self._shown("cost_each")),
        )
        lost, new = len(self.losses.lost), len(self.new.values)
        if min(lost, new) >= SKETCH_BELOW:
            return said
        few = said[0].lower() + said[1:]
        return w.say("replacement.few", lost=lost, new=new, finding=few)

    def finding(self) -> str:
        """The first part of the sentence, for a title; or why nothing can be told."""
        w = self.wording
        if self.missing:
            return self._why_not()
        key = "replacement.finding_floor"
        if self.losses.whole:
            key = "replacement.finding" if self.new.sure else "replacement.finding_least"
        return w.say(
            key,
            lost=len(self.losses.lost),
            needed=self._shown("new_needed"),
        )

    @property
    def missing(self) -> bool:
        """Whether it cannot be told how many new customers it takes."""
        needed = self.value("new_needed")
        return needed != needed

    def _with_range(self, said: str, code: str) -> str:
        between = str(self.table.set_index("code").loc[code, "range"])
        if not between:
            return said
        return self.wording.say("replacement.with_range", figure=said, range=between)

    def _shown(self, code: str) -> str:
        return str(self.table.set_index("code").loc[code, "figure"])

    def _why_not(self) -> str:
        w, losses, new = self.wording, self.losses, self.new
        if losses.lost.empty:
            return say_who(losses, w.date(self.as_of), w)
        lost = say_cost(w, self.unit, len(losses.lost), self.value("value_lost"),
                        *self._range("value_lost"))  # fmt: skip
        if self.value("value_lost") <= 0:
            return w.say("replacement.nothing_lost", cost=lost)
        first, last = (w.date(engine.day_of(day)) for day in (new.first, new.last))
        if new.too_short:
            return w.say("replacement.too_short", first=first, last=last)
        key = "replacement.worthless" if len(new.values) else "replacement.nobody_new"
        return w.say(key, first=first, last=last)

    def _range(self, code: str) -> tuple[float, float]:
        row = self.table.set_index("code").loc[code]
        return float(row["low"]), float(row["high"])

    @property
    def as_of(self) -> Any:
        """The day the base is seen from."""
        return self.assumptions["as_of"]


def _check_cost(cost: object) -> float | None:
    if cost is None:
        return None
    number = isinstance(cost, Real) and not isinstance(cost, bool | np.bool_)
    if not number or not 0 <= float(cost) < float("inf"):  # type: ignore[arg-type]
        raise InputError(
            f"acquisition_cost must be what winning one customer costs, a number from 0 on such "
            f"as 250, or None for what the customers table says; got {cost!r}."
        )
    return float(cost)  # type: ignore[arg-type]


def _new_customers(base: CustomerBase, losses: Losses) -> NewCustomers:
    """Who first bought early enough for a whole first year to be seen, and what it brought.

    Whoever was acquired before the file begins is not new, whenever it is first seen. Whoever was
    acquired later surely is; of whom nobody knows, that is likely once a window has passed.
    """
    begins, last = losses.first_day, base.as_of_day - YEAR
    people = losses.people
    sure = people["first_day"] >= begins + losses.window
    if "acquired_on_day" in people:
        acquired = people["acquired_on_day"].astype("float64")
        people, sure = people[~(acquired < begins)], sure | (acquired >= begins)
    won = int((people["first_day"] > engine.day_number(losses.start)).sum())
    complete = people[people["first_day"] <= last]
    certain = complete[sure[complete.index]]
    if certain.empty and 0 <= last - begins < FEWEST_DAYS:
        return NewCustomers(np.array([]), begins, last, False, won, too_short=True)
    chosen = complete if certain.empty else certain
    recent = chosen[chosen["first_day"] > last - YEAR]
    first = max(begins, last - YEAR + 1)
    if len(recent) < SKETCH_BELOW:
        # Too few in the last complete year: all complete years.
        recent, first = chosen, min(first, int(chosen["first_day"].min()) if len(chosen) else first)
    values = recent["first_year"].to_numpy(dtype=float)
    return NewCustomers(values, first, last, not certain.empty, won)


def _costs(base: CustomerBase, losses: Losses) -> Values:
    """What winning each recent new customer cost, where known; of all customers where too few."""
    if not base.has("customers", "acquisition_cost"):
        return np.array([])
    told = engine.collect(base.visible("customers").select("customer_id", "acquisition_cost"))
    told = told[told["acquisition_cost"].astype(float) >= 0]
    told = told.groupby("customer_id", as_index=False)["acquisition_cost"].min()
    told = told.merge(losses.people[["customer_id", "first_day"]], on="customer_id")
    recent = told[told["first_day"] > base.as_of_day - 2 * YEAR]
    chosen = recent if len(recent) >= SKETCH_BELOW else told
    costs: Values = chosen["acquisition_cost"].to_numpy(dtype=float)
    return costs


def _table(losses: Losses, new: NewCustomers, costs: Values, assumed: bool) -> pd.DataFrame:
    """The figures with their ranges: both sides drawn again, and divided draw by draw."""
    import pandas as pd

    count = len(losses.lost)
    annual, purchases = losses.lost["annual"].to_numpy(float), losses.lost["purchases"].to_numpy()
    nobody = 0.0 if losses.seen else _MISSING
    lost = float(losses.carry.expected(annual, purchases).round(2).sum()) if count else nobody
    low, high = losses.carry.between(annual, purchases) if count else (_MISSING, _MISSING)
    lost_draws = losses.carry.totals(annual, purchases)
    value = float(new.values.mean()) if len(new.values) else _MISSING
    value_draws = _means(new.values, SEED + 1)
    possible = count > 0 and lost > 0 and value > 0
    needed = lost / value if possible else _MISSING
    over = lost_draws if lost_draws.size else np.full(len(value_draws), lost)
    # A mean that can be nothing or less tells no upper end.
    below = np.where(value_draws > 0, value_draws, _MISSING)
    drawn = over / below if below.size else np.array([])
    cost = float(costs.mean()) if len(costs) else _MISSING
    cost_draws = np.full(len(drawn), cost) if assumed else _means(costs, SEED + 2)
    total_draws = drawn * cost_draws if cost_draws.size == drawn.size else np.array([])
    nothing = (_MISSING, _MISSING)
    needed_range = middle(drawn) if possible else nothing
    rows = [
        ("lost", count or nobody, *nothing, "count"),
        ("value_lost", lost, low, high, "money"),
        ("value_each", lost / count if count else _MISSING, *_scaled((low, high), count), "money"),
        ("value_new", value, *middle(value_draws), "money"),
        ("new_needed", needed, *needed_range, "customers"),
        ("new_each", needed / count if count else _MISSING, *_scaled(needed_range, count), "each"),
        ("new_won", float(new.won), *nothing, "count"),
        ("cost_each", cost, *(nothing if assumed else middle(cost_draws)), "money"),
        ("cost_total", needed * cost, *(middle(total_draws) if possible else nothing), "money"),
    ]
    return pd.DataFrame(rows, columns=list(_ROWS))


def _means(values: Values, seed: int) -> Values:
    """Means as chance could have made them; none of a single value, which tells no range."""
    if len(values) < 2:
        return np.array([])
    return resampled(lambda drawn: drawn.mean(), values, seed=seed)


def _scaled(ends: tuple[float, float], count: int) -> tuple[float, float]:
    return (ends[0] / count, ends[1] / count) if count else (_MISSING, _MISSING)


def _worded(table: pd.DataFrame, base: CustomerBase) -> pd.DataFrame:
    """The rows with what a reader sees: the measure, the figure and its range in words."""
    w = base.wording

    def write(value: float, unit: str) -> str:
        if value != value:
            return w.say("replacement.unknown")
        if unit == "money":
            return w.money(value, decimals=2 if abs(value) < 10 else 0)
        return w.number(value, decimals=1 if unit != "count" and value < 10 else 0)

    def between(row: Any) -> str:
        if row.low != row.low:
            return ""
        low, high = write(row.low, row.unit), write(row.high, row.unit)
        return "" if low == high else w.say("replacement.range", low=low, high=high)

    said = table.copy()
    said.insert(0, "measure", [w.say(f"replacement.row.{code}") for code in table["code"]])
    rows = list(table.itertuples())
    said.insert(1, "figure", [write(row.value, row.unit) for row in rows])
    said.insert(2, "range", [between(row) for row in rows])
    said["unit"] = ["money" if unit == "money" else "customers" for unit in table["unit"]]
    return said


def _assumptions(
    base: CustomerBase, losses: Losses, new: NewCustomers, costs: Values, assumed: float | None
) -> dict[str, object]:
    w = base.wording
    first, last = (w.date(engine.day_of(day)) for day in (new.first, new.last))
    said: dict[str, object] = {
        "as_of": base.as_of,
        "lost_since": w.date(losses.start),
        "activity_window_days": base.activity_window_days,
        "value_lost": w.say(f"lost.value.{'margin' if losses.basis.known else 'revenue'}"),
    }
    if not losses.carry.known:
        said["carry"] = w.say("lost.carry_unknown", least=FEWEST_STAYERS)
    if len(new.values):
        count = len(new.values)
        said["new_customers"] = w.say("replacement.cohort", customers=count, first=first, last=last)
        if not new.sure:
            said["new_unsure"] = w.say("replacement.unsure")
    if assumed is not None:
        said["acquisition_cost"] = w.say("replacement.cost_assumed", cost=w.money(assumed))
    elif len(costs):
        said["acquisition_cost"] = w.say("replacement.cost_known", customers=len(costs))
    return said
