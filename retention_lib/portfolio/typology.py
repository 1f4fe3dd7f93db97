"""Types of customers: who buys alike, how sure that is, and what sets each type apart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar

import narwhals as nw
import numpy as np

from retention_lib import progress
from retention_lib.base import engine
from retention_lib.base._remembered import recall, remembering
from retention_lib.base.customer_base import CustomerBase, require_base
from retention_lib.errors import InputError
from retention_lib.portfolio import _types_choice as choice
from retention_lib.portfolio._types_features import measure_habits
from retention_lib.portfolio._types_space import Space, fit_space
from retention_lib.portfolio._types_tables import (
    FEWEST,
    Periods,
    state_assumptions,
    sum_up_types,
    word_differences,
)
from retention_lib.portfolio._types_words import measure_differences, name_types
from retention_lib.portfolio.intervals import SEED
from retention_lib.results import Result
from retention_lib.wording import Wording

if TYPE_CHECKING:
    import pandas as pd

MOST_TYPES = 12


def find_types(base: CustomerBase, *, k: int | None = None, seed: int = SEED) -> TypesResult:
    """Group the active customers by how they buy and who they are, and say what sets groups apart.

    One row a customer active on ``base.as_of``. Habits in the activity window (purchases a year,
    basket, silence against the customer's own rhythm, evenness of the gaps, ranges, seasons,
    weekends, returns) and, counting less, traits (main range and channel, sector, size, region)
    are brought to one scale and reduced to the directions in which they move together; k-means
    finds the types there. How many there are is settled by three tests, all shown in
    ``.stability``: the types come again when the customers are drawn anew; more so than when one
    cloud without types is cut up; and customers keep their type from one period to the next. A
    base that passes with no number has one type, and the sentence says why.

    The trap: k-means cuts anything into any number of pieces. With ``k`` given the types are
    what you asked for; read the verdict in the sentence before you name them in a meeting.

    Parameters
    ----------
    base
        The customer base; nothing after its ``as_of`` is looked at.
    k
        How many types (2 to 12); ``None`` lets the base decide between 1 and 8.
    seed
        For the samples and the starts: the same seed gives the same types.

    Raises
    ------
    InputError
        Where ``k`` or ``seed`` cannot be. A base too small for types is no error.

    Examples
    --------
    >>> import pandas as pd
    >>> lines = pd.DataFrame({"customer_id": ["a", "b"], "amount": [10.0, 20.0],
    ...     "date": pd.to_datetime(["2024-01-05", "2024-03-05"])})
    >>> find_types(CustomerBase.from_tables(lines)).sentence()
    '2 active customers are too few to look for types; it takes at least 50.'
    """
    require_base(base)
    k = _whole("k", k, 2, MOST_TYPES) if k is not None else None
    seed = _whole("seed", seed, 0, 2**32 - 1)
    known: TypesResult | None = recall(base, "find_types", k, seed)
    if known is not None:
        return known
    with (
        remembering(base, "find_types", k, seed) as kept,
        progress.steps(base.wording, "types", total=4) as step,
    ):
        kept.value = found = _found(base, k, seed, step)
    return found


def _found(base: CustomerBase, k: int | None, seed: int, step: progress.Step) -> TypesResult:
    """The types, where there are enough customers, habits that differ, and a number that holds."""
    step("habits")
    habits = measure_habits(base)
    if len(habits) < FEWEST:
        return _result(base, habits, _everybody(habits), _nothing_tried(), "few", k, seed)
    known = _known_days(base)
    step("habits_before")
    before = _habits_before(base, base.activity_window_days, known)
    if before is None and not base.has("customers", "acquired_on"):
        # How long somebody has been there is then how long the file goes back.
        habits = habits.drop(columns="tenure_years")
    space = fit_space(habits, seed=seed)
    points = space.place(habits)
    if space.empty or len(np.unique(points, axis=0)) <= 2:
        return _result(base, habits, _everybody(habits), _nothing_tried(), "alike", k, seed)
    periods = _two_periods(base, space, habits, before, known)
    numbers = sorted({*choice.NUMBERS, *([k] if k is not None else [])})
    step("numbers")
    tried = choice.try_numbers(points, periods.then, periods.now, numbers, seed=seed)
    number = k if k is not None else choice.choose_number(tried)
    verdict = _verdict(tried, number)
    if number == 1:  # their attrition is that of the base: chapter 02
        return _result(base, habits, _everybody(habits), tried, verdict, k, seed, periods=periods)
    step("describe")
    types = choice.fit_types(points, number, seed=seed)
    labels, order = _in_order(types.predict(points), habits["revenue"].to_numpy(dtype=float))
    attrition = None
    if before is not None:
        then = order[types.predict(space.place(before))]
        attrition = _attrition(before, then, habits["customer_id"])
    return _result(
        base, habits, labels, tried, verdict, k, seed, periods=periods, attrition=attrition
    )


@dataclass(frozen=True, repr=False, eq=False)
class TypesResult(Result):
    """The type of every active customer, sorted by ``customer_id``.

    Columns: ``customer_id, type`` (its name), ``type_code`` (``type_1`` brings most a customer).

    ``stability``: one row a number of types tried: ``types, stability`` (overlap of the weakest
    type with its like when the customers are drawn anew, 0 to 1), ``one_cloud`` (the same for
    data without types), ``lasting, lasting_low`` (agreement beyond chance between the types of
    the same customers in two periods), ``passes``. ``differences``: one row a type and feature.
    ``verdict``: ``passes``, ``unstable``, ``passing`` (the types do not last), ``unknown`` (too
    few customers bought in both periods), ``alike`` or ``few``.
    """

    chart: ClassVar[str] = "type_charts.plot_types"
    hidden: ClassVar[tuple[str, ...]] = ("type_code",)

    stability: pd.DataFrame = field(kw_only=True)
    differences: pd.DataFrame = field(kw_only=True)
    summary: pd.DataFrame = field(kw_only=True)
    verdict: str = field(kw_only=True)
    asked: bool = field(kw_only=True)

    @property
    def k(self) -> int:
        """How many types there are; 1 where customers do not fall into types."""
        return max(len(self.summary), 1)

    def sentence(self) -> str:
        """How many types there are and who they are, or why there are none."""
        return self.finding() + "."

    def finding(self) -> str:
        """The sentence without its full stop, for a title."""
        w, count = self.wording, len(self.table)
        if self.verdict == "few":
            return w.say("types.few", customers=count, needed=FEWEST)
        if self.k == 1:
            low, high = choice.NUMBERS[0], choice.NUMBERS[-1]
            why = w.say(f"types.why.{self.verdict}", low=low, high=high)
            key = "types.cannot_tell" if self.verdict == "unknown" else "types.none"
            return w.say(key, customers=count, why=why)
        first, last = self.summary.iloc[0], self.summary.iloc[-1]
        if first["share_of_revenue"] != first["share_of_revenue"]:
            names = {"first": first["type"], "last": last["type"]}
            return w.say("types.finding_no_revenue", customers=count, types=self.k, **names)
        words = {
            "customers": count,
            "types": self.k,
            "first": first["type"],
            "share": _share(w, first["share_of_customers"]),
            "revenue": _share(w, first["share_of_revenue"]),
        }
        if not self.asked:
            return w.say("types.finding", **words)
        verdict = w.say(f"types.verdict.{self.verdict}")
        return w.say("types.finding_asked", verdict=verdict, **words)

    def types(self) -> TypeProfile:
        """The types, one row each: what sets them apart, their value, who left."""
        return TypeProfile(self.summary, wording=self.wording, assumptions=self.assumptions)

    def tests(self) -> TypeTests:
        """The tests that settled how many types there are, one row a number tried."""
        return TypeTests(
            self.stability, wording=self.wording, assumptions=self.assumptions, k=self.k
        )


@dataclass(frozen=True, repr=False, eq=False)
class TypeProfile(Result):
    """One row a type, the one that brings most a customer first.

    Columns: ``type, set_apart`` (in words), ``customers, share_of_customers, revenue``
    (activity window), ``share_of_revenue, revenue_per_customer, attrition`` with
    ``attrition_low, attrition_high`` (95 %; missing where the history is too short or fewer than
    30 customers were of the type then), ``customers_before`` (of the type one window ago),
    ``gone`` (of these, no longer active), ``days_before`` (the window), ``type_code``.
    """

    chart: ClassVar[str] = "type_charts.plot_type_values"
    formats: ClassVar[Mapping[str, str]] = {
        "customers": "count",
        "share_of_customers": "percent",
        "revenue": "money",
        "share_of_revenue": "percent",
        "revenue_per_customer": "money",
        "attrition": "percent",
        "attrition_low": "percent",
        "attrition_high": "percent",
        "customers_before": "count",
        "gone": "count",
    }
    hidden: ClassVar[tuple[str, ...]] = ("customers_before", "gone", "days_before", "type_code")

    def sentence(self) -> str:
        """What the first and the last type bring, and which type loses most."""
        return self.finding() + "."

    def finding(self) -> str:
        """The sentence without its full stop, for a title."""
        w, table = self.wording, self.table
        if not len(table):
            return w.say("chart.types.nothing").rstrip(".")
        first, last = table.iloc[0], table.iloc[-1]
        said = []
        if len(table) > 1 and first["share_of_revenue"] == first["share_of_revenue"]:
            said.append(
                w.say(
                    "types.profile",
                    first=first["type"],
                    revenue=_share(w, first["share_of_revenue"]),
                    share=_share(w, first["share_of_customers"]),
                    last=last["type"],
                    last_revenue=_share(w, last["share_of_revenue"]),
                    last_share=_share(w, last["share_of_customers"]),
                )
            )
        lossy = table[table["attrition"].notna()]
        if len(lossy):
            said.append(self._loses(lossy.loc[lossy["attrition"].idxmax()]))
        only = w.say("types.profile_one", customers=int(first["customers"]))
        return _joined(w, said) if said else only

    def _loses(self, row: pd.Series[Any]) -> str:
        w, days = self.wording, int(row["days_before"])
        key = "types.profile_attrition" + ("" if days == 365 else "_days")
        figures = {
            "attrition": _share(w, row["attrition"]),
            "low": _share(w, row["attrition_low"]),
            "high": _share(w, row["attrition_high"]),
        }
        if days != 365:
            return w.say(key, type=row["type"], days=days, **figures)
        return w.say(key, type=row["type"], **figures)


@dataclass(frozen=True, repr=False, eq=False)
class TypeTests(Result):
    """One row a number of types: the columns of ``TypesResult.stability``."""

    chart: ClassVar[str] = "type_charts.plot_type_tests"
    formats: ClassVar[Mapping[str, str]] = {
        "types": "count",
        "stability": "percent",
        "one_cloud": "percent",
        "lasting": "percent",
        "lasting_low": "percent",
    }

    k: int = field(kw_only=True)

    def sentence(self) -> str:
        """Why so many types and no others."""
        return self.finding() + "."

    def finding(self) -> str:
        """The sentence without its full stop, for a title."""
        w = self.wording
        row = self.table[self.table["types"] == self.k]
        if not len(row):
            return w.say("types.stability_none")
        found = row.iloc[0]
        said = w.say(
            "types.stability",
            types=self.k,
            stability=_share(w, found["stability"]),
            cloud=_share(w, found["one_cloud"]),
        )
        if found["lasting"] == found["lasting"]:
            kept = w.say("types.stability_kept", kept=_share(w, max(found["lasting"], 0.0)))
            said = _joined(w, [said, kept])
        return said


def _whole(name: str, value: object, low: int, high: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise InputError(f"{name} must be a whole number from {low} to {high:,}; got {value!r}.")
    if not low <= value <= high:
        raise InputError(f"{name} must lie between {low} and {high:,}; got {value}.")
    return int(value)


def _known_days(base: CustomerBase) -> int:
    """How many days of transactions the base has up to ``as_of``."""
    first = engine.one_row(base.visible("transactions").select(nw.col("day").min()))["day"]
    return base.as_of_day - int(first) + 1


def _habits_before(base: CustomerBase, days: int, known: int) -> pd.DataFrame | None:
    """The habits one window ago, where the history has two whole windows."""
    if known < 2 * days:
        return None
    return measure_habits(base.at(base.as_of - timedelta(days=days)))


def _two_periods(
    base: CustomerBase,
    space: Space,
    habits: pd.DataFrame,
    before: pd.DataFrame | None,
    known: int,
) -> Periods:
    """Who is active in both of two periods; halves of the history where it has no two windows."""
    days, after = base.activity_window_days, habits
    if before is None:
        days = known // 2
        if days < 1:
            return Periods(np.empty((0, 1)), np.empty((0, 1)), days)
        half = base.with_window(days)
        after, before = measure_habits(half), _habits_before(half, days, known)
    assert before is not None
    ids: list[Any] = [frame["customer_id"].to_numpy(dtype=object) for frame in (after, before)]
    both, here, there = np.intersect1d(ids[0], ids[1], assume_unique=True, return_indices=True)
    if len(both) < FEWEST:
        return Periods(np.empty((0, 1)), np.empty((0, 1)), days)
    then, now = before.iloc[there], after.iloc[here]
    return Periods(space.place(then), space.place(now), days)


def _verdict(tried: pd.DataFrame, number: int) -> str:
    """Whether that number passes; if not (or with no number at all), which test it fails."""
    rows = tried if number == 1 else tried[tried["types"] == number]
    if rows["passes"].any():
        return "passes"
    again = rows[choice.comes_again(rows)]
    if again.empty:
        return "unstable"
    return "unknown" if again["lasting"].isna().all() else "passing"


def _in_order(labels: choice.Labels, revenue: choice.Values) -> tuple[choice.Labels, choice.Labels]:
    """Labels from 1 by revenue a customer, the best first; and the new label of each old one."""
    import pandas as pd

    means = pd.Series(revenue).groupby(labels).mean().round(2)
    ranked = means.sort_values(ascending=False, kind="stable").index
    order = np.zeros(int(labels.max()) + 1, dtype=np.int64)
    order[ranked.to_numpy()] = np.arange(1, len(ranked) + 1)
    return order[labels], order


def _everybody(habits: pd.DataFrame) -> choice.Labels:
    return np.ones(len(habits), dtype=np.int64)


def _nothing_tried() -> pd.DataFrame:
    import pandas as pd

    columns = ["types", "stability", "one_cloud", "lasting", "lasting_low"]
    empty = pd.DataFrame({name: pd.Series(dtype=float) for name in columns})
    return empty.assign(passes=pd.Series(dtype=bool))


def _attrition(
    before: pd.DataFrame, then: choice.Labels, active: pd.Series[Any]
) -> dict[int, tuple[int, int]]:
    """Of each type's customers one window ago: how many there were, how many are gone."""
    gone = ~before["customer_id"].isin(active).to_numpy()
    return {
        int(label): (int((then == label).sum()), int(gone[then == label].sum()))
        for label in np.unique(then)
    }


def _result(
    base: CustomerBase,
    habits: pd.DataFrame,
    labels: choice.Labels,
    tried: pd.DataFrame,
    verdict: str,
    k: int | None,
    seed: int,
    *,
    periods: Periods | None = None,
    attrition: Mapping[int, tuple[int, int]] | None = None,
) -> TypesResult:
    import pandas as pd

    w = base.wording
    codes = pd.Series([f"type_{label:02}" for label in labels], dtype="str")
    listed = sorted(codes.unique())
    differences = measure_differences(habits, codes)
    if len(listed) > 1:
        names = name_types(differences, listed, w)
    else:
        names = dict.fromkeys(listed, w.say("types.everybody"))
    table = habits[["customer_id"]].copy()
    table["type"] = pd.Series([names[code] for code in codes], dtype="str")
    table["type_code"] = codes
    return TypesResult(
        table,
        wording=w,
        assumptions=state_assumptions(
            base, habits, tried, k, seed, periods, _known_days(base), attrition
        ),
        stability=tried,
        differences=word_differences(differences, names, w),
        summary=sum_up_types(base, habits, codes, names, differences, attrition),
        verdict=verdict,
        asked=k is not None and len(listed) > 1,
    )


def _joined(wording: Wording, said: list[str]) -> str:
    return ("; " if wording.language == "en" else " ; ").join(said)


def _share(wording: Wording, share: float) -> str:
    return wording.percent(float(share), decimals=0 if abs(share) >= 0.1 or share == 0 else 1)
