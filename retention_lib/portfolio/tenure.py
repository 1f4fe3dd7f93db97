"""Value by tenure: whether a customer brings more in its fifth year than in its first.

Two questions that are often taken for one: what a customer brings who is still there, and what a
customer brings of all who were once won, those included who have left since.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar, Literal

import numpy as np
import pandas as pd

from retention_lib.base.customer_base import CustomerBase, require_base
from retention_lib.errors import ChoiceError, InputError
from retention_lib.portfolio._cohort_tenure import CustomerYears, count_years
from retention_lib.portfolio.intervals import Values
from retention_lib.portfolio.money import MarginBasis, margin_basis
from retention_lib.portfolio.rfm import SKETCH_BELOW
from retention_lib.results import Result
from retention_lib.wording import Wording, with_minus

CLAIMED_YEAR = 5
CLAIMED_TIMES = 8.0
"""The claim of the trade: a customer of five years brings 8 to 10 times a new one."""

Verdict = Literal["confirmed", "contradicted", "cannot_tell"]

# From this share on nobody says that "only" so many are left.
_NEARLY_ALL = 0.9
_Z = 1.959963984540054
_COLUMNS = (
    *("tenure_year", "customers", "buy_next_year", "left_of_won"),
    *("revenue_per_survivor", "revenue_per_survivor_low", "revenue_per_survivor_high"),
    *("revenue_per_won", "revenue_per_won_low", "revenue_per_won_high"),
    *("margin_per_survivor", "margin_per_survivor_low", "margin_per_survivor_high", "followed"),
)


def value_by_tenure(base: CustomerBase, *, years: int = 10) -> TenureResult:
    """Measure what a customer brings in the first, second, third year of the relation.

    One row a year of tenure, from all complete customer-years of the file: years that it holds
    whole, each of 365.25 days from the beginning of the relation. The relation begins with
    ``acquired_on`` where given and earlier, else with the first purchase. A survivor of a year is
    a customer who still buys in it. The trap: survivors are the good ones, the others have left;
    ``revenue_per_won`` counts those too, as bringing nothing. It is seen directly as far as 30
    customers can be followed from their first day; after that by chaining, year by year, the
    share that went on buying. The chain is a little short: who returns after a silent year is not
    counted again.

    Customers whose beginning nobody knows, because they bought when the file began and have no
    ``acquired_on``, are left out and counted, unless next to nobody else is there.

    Parameters
    ----------
    base
        The customer base; nothing after its ``as_of`` is looked at.
    years
        The last year of tenure to show (1 to 50).

    Raises
    ------
    InputError
        Where ``years`` is not a whole number from 1 to 50.

    Notes
    -----
    The chain of shares is the actuarial life table with late entry: Kaplan and Meier 1958,
    doi 10.1080/01621459.1958.10501452. Ranges of money are those of a mean; that of a ratio is
    worked out on its logarithm.

    Examples
    --------
    >>> import pandas as pd
    >>> lines = pd.DataFrame({"customer_id": ["a", "a", "b", "c"],
    ...     "date": pd.to_datetime(["2022-02-01", "2023-03-01", "2022-02-01", "2024-02-01"]),
    ...     "amount": [10.0, 30.0, 20.0, 5.0]})
    >>> people = pd.DataFrame({"customer_id": ["a", "b", "c"],
    ...     "acquired_on": pd.to_datetime(["2022-02-01", "2022-02-01", "2024-02-01"])})
    >>> tenure = value_by_tenure(CustomerBase.from_tables(lines, customers=people))
    >>> shown = ["tenure_year", "customers", "left_of_won", "revenue_per_survivor"]
    >>> tenure.to_frame()[[*shown, "revenue_per_won"]]
       tenure_year  customers  left_of_won  revenue_per_survivor  revenue_per_won
    0            1          2          1.0                  15.0             15.0
    1            2          1          0.5                  30.0             15.0
    """
    require_base(base)
    years = _checked(years)
    basis = margin_basis(base)
    counted = count_years(base, basis, years)
    result = TenureResult(
        _table(counted, basis), wording=base.wording, counted=counted, basis=basis
    )
    return replace(result, assumptions=_assumptions(base, result.table, counted, basis))


@dataclass(frozen=True, repr=False, eq=False)
class TenureResult(Result):
    """What a customer brings, one row a year of tenure.

    Columns: ``tenure_year, customers`` (who buy in that year of their relation),
    ``buy_next_year`` (share of these who buy in the next one too; missing where it is not seen),
    ``left_of_won`` (share of all once won who buy in that year), ``revenue_per_survivor`` and
    ``revenue_per_won`` (net revenue of that year; a gap in the years seen ends the latter),
    ``margin_per_survivor`` (missing where margins are not known), each of the three with
    ``_low`` and ``_high`` (between which it lies, 95 % sure), and ``followed`` (whether
    ``left_of_won`` was seen directly, not chained).
    """

    chart: ClassVar[str] = "cohort_charts.plot_tenure"
    formats: ClassVar[Mapping[str, str]] = {
        "tenure_year": "count",
        "customers": "count",
        "buy_next_year": "percent",
        "left_of_won": "percent",
        **dict.fromkeys(_COLUMNS[4:-1], "money"),
    }
    hidden: ClassVar[tuple[str, ...]] = ("followed",)

    counted: CustomerYears = field(kw_only=True)
    basis: MarginBasis = field(kw_only=True)

    @property
    def compared_year(self) -> int | None:
        """The year set against the first: the fifth, or the oldest with enough customers."""
        enough = self.table.loc[self.table["customers"] >= SKETCH_BELOW, "tenure_year"]
        later = enough[(enough > 1) & (enough <= CLAIMED_YEAR)]
        return int(later.max()) if len(later) and 1 in set(enough) else None

    def ratio(self, of: Literal["survivor", "won"] = "survivor") -> tuple[float, float, float]:
        """What that year brings, as a multiple of the first: the ratio and its range.

        ``of`` is ``survivor`` (customers still there) or ``won`` (all who were once won).
        Missing where there is no such year or it brings nothing.
        """
        if not isinstance(of, str) or of not in ("survivor", "won"):
            raise ChoiceError("of", of, ("survivor", "won"))
        if self.compared_year is None:
            return (float("nan"),) * 3
        return _ratio(self.counted, self.compared_year, of)

    def verdict(self) -> Verdict:
        """Whether this file confirms that a five-year customer brings 8 times a new one."""
        _, low, high = self.ratio()
        if self.compared_year != CLAIMED_YEAR or low != low:
            return "cannot_tell"
        if low >= CLAIMED_TIMES:
            return "confirmed"
        return "contradicted" if high < CLAIMED_TIMES else "cannot_tell"

    def sentence(self) -> str:
        """What a later year brings beside the first, and what becomes of the claim."""
        w, year = self.wording, self.compared_year
        times, low, high = self.ratio()
        if year is None or times != times:
            said = self._say_first_year() + "."
            return f"{said} {self._caveat()}" if self.counted.presumed else said
        claim = self.verdict() if year == CLAIMED_YEAR else "short"
        parts = [
            w.say(
                f"tenure.sentence.{claim}",
                year=ordinal(year, w),
                **_told((times, low, high), w),
            )
        ]
        won = self.ratio("won")
        if won[0] == won[0]:
            row = self.table[self.table["tenure_year"] == year].iloc[0]
            parts.append(
                w.say(
                    "tenure.won" if row["left_of_won"] < _NEARLY_ALL else "tenure.won_nearly_all",
                    left=w.number(100 * float(row["left_of_won"])),
                    **_told(won, w),
                )
            )
        if self.counted.presumed:
            parts.append(self._caveat())
        return " ".join(parts)

    def finding(self) -> str:
        """The sentence in short, for a title."""
        w, year = self.wording, self.compared_year
        times, won = self.ratio()[0], self.ratio("won")[0]
        if year is None or times != times:
            return self._say_first_year()
        return w.say(
            "tenure.title" if won == won else "tenure.title_survivors",
            year=ordinal(year, w),
            times=w.number(times, decimals=1),
            won=w.number(won, decimals=1),
        )

    def same_customers(self) -> TenureGrowth:
        """The same customers in two years running: growth without the selection."""
        rows = [
            (int(row["tenure_year"]), int(row["customers"]), *_growth(row))
            for _, row in self.counted.pairs.iterrows()
        ]
        names = ["tenure_year", "customers", "growth", "growth_low", "growth_high"]
        return TenureGrowth(
            pd.DataFrame(rows, columns=names),
            wording=self.wording,
            assumptions={
                **self.assumptions,
                "tenure_pairs": self.wording.say("tenure.pairs"),
            },
            customers=int(self.counted.pooled["customers"]),
            pooled=_growth(self.counted.pooled),
        )

    def _say_first_year(self) -> str:
        """Why there is no comparison, and what can be said all the same."""
        w, counted, table = self.wording, self.counted, self.table
        first = table[table["tenure_year"] == 1]
        if table.empty:
            return w.say(
                "tenure.empty",
                customers=counted.customers,
                unknown=counted.unknown,
                incomplete=counted.incomplete,
            )
        if first.empty or int(first["customers"].iloc[0]) < SKETCH_BELOW:
            held = int(table["customers"].sum())
            return w.say("tenure.sketch", held=held, least=SKETCH_BELOW)
        row = first.iloc[0]
        return w.say(
            "tenure.first_only",
            customers=int(row["customers"]),
            revenue=w.money(row["revenue_per_survivor"]),
            low=w.money(row["revenue_per_survivor_low"]),
            high=w.money(row["revenue_per_survivor_high"]),
        )

    def _caveat(self) -> str:
        start = self.wording.date(self.counted.beginnings.history_start)
        return self.wording.say("cohorts.caveat", start=start)


@dataclass(frozen=True, repr=False, eq=False)
class TenureGrowth(Result):
    """Growth of the same customers from a year of tenure to the next, one row a later year.

    Columns: ``tenure_year`` (the later), ``customers`` (who bought in both years and
    afterwards), ``growth, growth_low, growth_high`` (of their net revenue, between which it
    lies, 95 % sure). ``pooled``: the same three over all years from the third on. The trap: the
    first year opens with a purchase by definition, so the second looks small beside it.
    """

    formats: ClassVar[Mapping[str, str]] = {
        "tenure_year": "count",
        "customers": "count",
        "growth": "percent",
        "growth_low": "percent",
        "growth_high": "percent",
    }

    customers: int = field(kw_only=True)
    pooled: tuple[float, float, float] = field(kw_only=True)

    def sentence(self) -> str:
        """Whether customers grow while they stay."""
        w, (growth, low, high) = self.wording, self.pooled
        if self.customers < SKETCH_BELOW or growth != growth:
            return w.say("tenure.growth_none", customers=self.customers, least=SKETCH_BELOW)
        how = "more" if low > 0 else "less" if high < 0 else "same"
        return w.say(
            f"tenure.growth_{how}",
            customers=self.customers,
            growth=_signed(abs(growth) if how != "same" else growth, w),
            low=_signed(abs(high) if how == "less" else low, w),
            high=_signed(abs(low) if how == "less" else high, w),
        )


def _told(ratio: tuple[float, float, float], wording: Wording) -> dict[str, str]:
    """A ratio and its range in words; finer where the range is narrow, none where it is nil."""
    for decimals in (1, 2):
        times, low, high = (
            wording.number(value, decimals=decimals) if value == value else "" for value in ratio
        )
        if low != high:
            between = " " + wording.say("tenure.range", low=low, high=high)
            return {"times": times, "low": low, "high": high, "range": between}
    return {"times": times, "low": low, "high": high, "range": ""}


def _signed(share: float, wording: Wording) -> str:
    """A share with a minus sign, as other sentences write it, not a hyphen."""
    return with_minus(wording.percent(share))


def ordinal(number: int, wording: Wording) -> str:
    """1st, 2nd, 3rd year.

    >>> [ordinal(n, Wording("en")) for n in (1, 2, 3, 11, 21)]
    ['1st', '2nd', '3rd', '11th', '21st']
    """
    endings = {1: "st", 2: "nd", 3: "rd"}
    ending = "th" if number % 100 in (11, 12, 13) else endings.get(number % 10, "th")
    return wording.say(
        "tenure.ordinal.one" if number == 1 else f"tenure.ordinal.{ending}", n=number
    )


def _checked(years: object) -> int:
    if isinstance(years, int | np.integer) and not isinstance(years, bool) and 1 <= years <= 50:
        return int(years)
    raise InputError(
        f"years is the last year of tenure to show, a whole number from 1 to 50; got {years!r}."
    )


def _table(counted: CustomerYears, basis: MarginBasis) -> pd.DataFrame:
    """The figures of each year, with their ranges."""
    years = counted.years
    if years.empty:
        return pd.DataFrame({name: pd.Series(dtype=float) for name in _COLUMNS})
    table = years[["tenure_year", "customers"]].copy()
    goes_on = counted.stays.set_index("tenure_year")
    next_year = table["tenure_year"] + 1
    table["buy_next_year"] = (goes_on["stayed"] / goes_on["seen"]).reindex(next_year).to_numpy()
    n = years["customers"].to_numpy(dtype=float)
    won = _per_won(counted)
    table["left_of_won"] = won["left"].to_numpy()
    _put(table, "revenue_per_survivor", *_mean(years["revenue"], years["revenue_squares"], n))
    _put(table, "revenue_per_won", won["mean"].to_numpy(), won["variance"].to_numpy())
    if basis.known:
        _put(table, "margin_per_survivor", *_mean(years["margin"], years["margin_squares"], n))
    table["followed"] = won["followed"].to_numpy()
    return table.reindex(columns=list(_COLUMNS))


def _mean(totals: pd.Series[float], squares: pd.Series[float], n: Values) -> tuple[Values, Values]:
    """Means and their variances; one customer has no variance that could be known."""
    mean = totals.to_numpy(dtype=float) / n
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = np.maximum(squares.to_numpy(dtype=float) / n - mean**2, 0.0) / (n - 1)
    return mean, np.where(n > 1, spread, np.nan)


def _put(table: pd.DataFrame, name: str, mean: Values, variance: Values) -> None:
    half = _Z * np.sqrt(variance)
    table[name] = mean.round(2) + 0.0
    table[f"{name}_low"] = (mean - half).round(2) + 0.0
    table[f"{name}_high"] = (mean + half).round(2) + 0.0


def _per_won(counted: CustomerYears) -> pd.DataFrame:
    """What all once won bring in each year: ``left, mean, variance, followed``.

    Seen directly as far as enough customers are followed from their first day; after that the
    share left is chained, and its variance is Greenwood's on the logarithm. A year in which
    nobody is seen breaks the chain: what lies behind it is not known.
    """
    years = counted.years.set_index("tenure_year")
    direct = counted.followed.set_index("tenure_year")
    stays = counted.stays.set_index("tenure_year")
    least = min(SKETCH_BELOW, int(direct["won"].max())) if len(direct) else SKETCH_BELOW
    rows: list[tuple[float, float, float, bool]] = []
    share, sure = float("nan"), float("nan")
    for place, year in enumerate(years.index, start=1):
        on = bool(place == year and (not rows or rows[-1][3]) and year in direct.index)
        seen, stayed = (float(stays[name].get(year, 0)) for name in ("seen", "stayed"))
        if on and direct.loc[year, "won"] >= least:
            at = direct.loc[[year]]
            n = at["won"].to_numpy(dtype=float)
            mean, variance = _mean(at["revenue"], at["revenue_squares"], n)
            share = float(at["buying"].iloc[0] / n[0])
            sure = (1 - share) / (n[0] * share) if share else float("nan")
            rows.append((share, float(mean[0]), float(variance[0]), True))
            continue
        if place != year or not stayed:
            share = float("nan")
        else:
            share, sure = share * stayed / seen, sure + (seen - stayed) / (seen * stayed)
        at = years.loc[[year]]
        n = at["customers"].to_numpy(dtype=float)
        mean, variance = _mean(at["revenue"], at["revenue_squares"], n)
        # Two estimates multiplied: the variances of both, to the first order.
        spread = share**2 * (variance[0] + mean[0] ** 2 * sure)
        rows.append((share, share * float(mean[0]), float(spread), False))
    return pd.DataFrame(rows, columns=["left", "mean", "variance", "followed"], index=years.index)


def _ratio(counted: CustomerYears, year: int, of: str) -> tuple[float, float, float]:
    """A later year beside the first, with the range that its logarithm gives."""
    if of == "won":
        won = _per_won(counted)
        mean, variance = won["mean"], won["variance"]
    else:
        years = counted.years.set_index("tenure_year")
        n = years["customers"].to_numpy(dtype=float)
        found = _mean(years["revenue"], years["revenue_squares"], n)
        mean, variance = (pd.Series(values, index=years.index) for values in found)
    first, later = float(mean.loc[1]), float(mean.loc[year])
    if not (first > 0 and later > 0):
        return (float("nan"),) * 3
    spread = float(variance.loc[1]) / first**2 + float(variance.loc[year]) / later**2
    half = _Z * math.sqrt(spread)
    return later / first, later / first * math.exp(-half), later / first * math.exp(half)


def _growth(sums: pd.Series[float]) -> tuple[float, float, float]:
    """The growth of a total between two years, and its range over the customers."""
    n, before, after = (float(sums[name]) for name in ("customers", "before", "after"))
    if n < 2 or before <= 0:
        return (float("nan"),) * 3
    ratio = after / before
    errors = (
        sums["after_squares"] - 2 * ratio * sums["products"] + ratio**2 * sums["before_squares"]
    )
    half = _Z * math.sqrt(max(float(errors), 0.0) * n / (n - 1)) / before
    return ratio - 1, ratio - 1 - half, ratio - 1 + half


def _assumptions(
    base: CustomerBase, table: pd.DataFrame, counted: CustomerYears, basis: MarginBasis
) -> dict[str, object]:
    w = base.wording
    made: dict[str, object] = {
        "as_of": base.as_of,
        "tenure_from": w.say(
            "tenure.from_acquired" if counted.dated else "tenure.from_first",
            dated=counted.dated,
            customers=counted.customers,
        ),
        "tenure_years": w.say("tenure.complete"),
        "tenure_won": _say_won(table, w),
        "tenure_margin": w.say(f"tenure.margin.{basis.source}"),
    }
    start = w.date(counted.beginnings.history_start)
    left = []
    if counted.unknown:
        days = counted.beginnings.settling_days
        left.append(w.say("tenure.unknown", customers=counted.unknown, days=days, start=start))
    if counted.incomplete:
        left.append(w.say("tenure.incomplete", customers=counted.incomplete))
    if left:
        made["left_out"] = "; ".join(left)
    if counted.presumed:
        made["cohorts_doubtful"] = w.say("cohorts.caveat", start=start)
    return made


def _say_won(table: pd.DataFrame, wording: Wording) -> str:
    """How the figure per customer won was found."""
    chained = table[~table["followed"].astype(bool) & table["left_of_won"].notna()]
    if chained.empty:
        return wording.say("tenure.direct")
    return wording.say("tenure.chained", year=ordinal(int(chained["tenure_year"].min()), wording))
