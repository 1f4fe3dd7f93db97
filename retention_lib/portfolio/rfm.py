"""Recency, frequency, monetary: measures, cut points, scores and named segments.

Scores come from cut points, never from ranks, so that equal values always get equal scores and
no engine has to sort the world. Where ties swallow a level, the result says which and why.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import narwhals as nw
import numpy as np

from retention_lib.base import engine
from retention_lib.base.customer_base import NET_DECIMALS, CustomerBase, require_base
from retention_lib.errors import InputError
from retention_lib.portfolio.schemes import SegmentScheme, check_levels, find_scheme
from retention_lib.results import Listing, Result
from retention_lib.wording import Sentence, Wording

if TYPE_CHECKING:
    import pandas as pd

Values = np.ndarray[Any, np.dtype[Any]]

MEASURES: Mapping[str, str] = {"recency_days": "r", "frequency": "f", "monetary": "m"}
"""Each measure and the score made of it."""

SKETCH_BELOW = 30
"""With fewer customers than this, shares are told as counts and called a sketch."""

_TRAITS = ("sector", "size")


def score_rfm(
    base: CustomerBase,
    *,
    bins: int = 5,
    scheme: str | SegmentScheme = "classic",
    window_days: int | None = None,
) -> RfmResult:
    """Score each customer on recency, frequency and spend, and name its segment.

    One row a customer with at least one purchase up to ``base.as_of``; customers whose lines
    never net above zero on any day are in ``.left_out``. A score is 1 plus the number of cut
    points strictly below the value (for recency, the longest silence scores 1), the cut points
    being the linear quantiles that a spreadsheet's PERCENTILE.INC gives.

    Parameters
    ----------
    base
        The customer base; nothing after its ``as_of`` is looked at.
    bins
        How many levels ``r``, ``f`` and ``m`` have (2 to 10), the highest being the best.
    scheme
        ``classic`` (11 segments, five levels), ``six`` (6 segments, three levels) or a
        :class:`SegmentScheme`. A scheme with other levels than ``bins`` gets cut points of its
        own, in ``.segment_cut_points``: ``bins`` changes the scores shown, never the segments.
    window_days
        Frequency and spend count the last so many days up to ``as_of``; ``None`` is the whole
        history. Recency always looks at the whole history: who bought nothing in the window
        keeps a frequency of 0.

    Raises
    ------
    InputError
        Where no customer has a purchase, or ``bins`` or ``window_days`` cannot be.
    ChoiceError
        Where there is no scheme of that name.

    Examples
    --------
    >>> import pandas as pd
    >>> lines = pd.DataFrame({"customer_id": ["a", "a", "b"],
    ...     "date": pd.to_datetime(["2024-01-05", "2024-03-05", "2024-02-01"]),
    ...     "amount": [10.0, 20.0, 5.0]})
    >>> rfm = score_rfm(CustomerBase.from_tables(lines), bins=2)
    >>> rfm.to_frame()[["customer_id", "recency_days", "frequency", "monetary", "r", "f", "m"]]
      customer_id  recency_days  frequency  monetary  r  f  m
    0           a             0          2      30.0  2  2  2
    1           b            33          1       5.0  1  1  1
    """
    require_base(base)
    bins = check_levels("bins", bins)
    _check_window(window_days)
    chosen = find_scheme(scheme)
    table, left_out = _measure(base, window_days)
    cuts = {measure: cut_points(table[measure].to_numpy(), bins) for measure in MEASURES}
    for measure, score in MEASURES.items():
        table[score] = score_levels(measure, table[measure].to_numpy(), cuts[measure])
    described = _describe_levels(table, cuts, base.wording)
    if chosen.levels == bins:
        scores, own_levels = [table[score].to_numpy() for score in "rfm"], described
    else:
        own = {m: cut_points(table[m].to_numpy(), chosen.levels) for m in MEASURES}
        scores = [score_levels(m, table[m].to_numpy(), own[m]) for m in MEASURES]
        own_levels = _describe_levels(table, own, base.wording)
    positions = chosen.positions(*scores)
    _name_segments(table, chosen, positions, base.wording)
    ties = _say_ties(table, bins, described, base)
    traits = _traits(base)
    return RfmResult(
        table,
        wording=base.wording,
        assumptions=_assumptions(base, bins, chosen, window_days, ties, len(left_out)),
        scheme=chosen,
        cut_points=described,
        segment_cut_points=own_levels,
        cells=_cells(table, chosen, scores, positions),
        left_out=left_out,
        ties=ties,
        traits=traits,
        bins=bins,
        window_days=window_days,
    )


def score_like(base: CustomerBase, reference: RfmResult) -> pd.DataFrame:
    """Score a base with the cut points, the window and the scheme of another day's result.

    So a customer changes segment only where its behaviour crossed a line, not because the
    lines moved with everybody else. Columns: those of ``reference``, the scores being those of
    its scheme.
    """
    table, _ = _measure(base, reference.window_days)
    known = reference.segment_cut_points.dropna(subset=["threshold"])
    for measure, score in MEASURES.items():
        cuts = np.sort(known.loc[known["measure"] == measure, "threshold"].to_numpy(dtype=float))
        table[score] = score_levels(measure, table[measure].to_numpy(), cuts)
    positions = reference.scheme.positions(*(table[score].to_numpy() for score in "rfm"))
    _name_segments(table, reference.scheme, positions, base.wording)
    return table


def cut_points(values: Values, bins: int) -> Values:
    """The ``bins - 1`` values that cut sorted values into equal parts, interpolated linearly.

    The quantiles of Hyndman and Fan's type 7: numpy's default and PERCENTILE.INC. Positions
    are whole-number arithmetic, because a position of 2.9999999999999996 would put the cut a
    hair below a value that it should equal, and lift that value by a score.

    >>> cut_points(np.array([1, 2, 3, 4, 5, 6]), 5).tolist()
    [2.0, 3.0, 4.0, 5.0]
    """
    ranked = np.sort(values).astype(float)
    steps = (len(ranked) - 1) * np.arange(1, bins)
    low, rest = np.divmod(steps, bins)
    high = np.minimum(low + 1, len(ranked) - 1)
    cuts: Values = ranked[low] + (ranked[high] - ranked[low]) * (rest / bins)
    return cuts


def score_levels(measure: str, values: Values, cuts: Values) -> Values:
    """Scores from cut points: 1 plus the cut points strictly below; reversed for recency.

    >>> score_levels("frequency", np.array([1, 2, 3, 9]), np.array([1, 1, 2, 4])).tolist()
    [1, 3, 4, 5]
    """
    below: Values = np.searchsorted(cuts, values, side="left").astype(np.int64)
    return len(cuts) + 1 - below if measure == "recency_days" else 1 + below


@dataclass(frozen=True, repr=False, eq=False)
class RfmResult(Result):
    """Scores and segments, one row a customer, sorted by ``customer_id``.

    Columns: ``customer_id, recency_days, frequency`` (purchases), ``monetary`` (net revenue in
    the base's currency), ``r, f, m, segment, segment_code``.

    ``cut_points``: one row a measure and score, best score first: ``measure, score, from, to``
    (observed values), ``customers, unit, threshold`` (the cut point that closes the level, in
    days, purchases or money; missing for the last) and ``range`` in words. ``left_out``:
    ``customer_id, reason, monetary``. ``ties``: which measures lost levels and why; empty when
    none did. ``cells``: customers and revenue by cell of the scheme.
    """

    chart: ClassVar[str] = "plot_segment_map"
    hidden: ClassVar[tuple[str, ...]] = ("segment_code",)
    formats: ClassVar[Mapping[str, str]] = {
        "recency_days": "count",
        "frequency": "count",
        "monetary": "money",
        "r": "count",
        "f": "count",
        "m": "count",
    }

    scheme: SegmentScheme = field(kw_only=True)
    cut_points: pd.DataFrame = field(kw_only=True)
    segment_cut_points: pd.DataFrame = field(kw_only=True)
    cells: pd.DataFrame = field(kw_only=True)
    left_out: pd.DataFrame = field(kw_only=True)
    ties: str = field(kw_only=True)
    traits: pd.DataFrame = field(kw_only=True)
    bins: int = field(kw_only=True)
    window_days: int | None = field(kw_only=True)

    def sentence(self) -> str:
        """Who brings the most revenue, how many they are, and what ties did to the scores."""
        key = "rfm.with_ties" if self.ties else "rfm.without_ties"
        return self.wording.say(key, finding=self.finding(), ties=self.ties)

    def finding(self) -> str:
        """The sentence without its full stop and without the ties, for a title."""
        return _finding(self.profile())

    def careless_sentence(self) -> Sentence:
        """What the usual template does to customers who are alike: it ranks them all the same.

        Ranked and cut into equal parts, equal customers get unequal scores, by their order in
        the file. Counted here: who changes segment when the same file is sorted the other way.
        """
        moved = _moved_by_order(self.table, self.scheme)
        w, count = self.wording, int(moved.sum())
        if not count:
            return Sentence(w.say("rfm.careless_none", customers=len(self.table)))
        revenue = w.money(float(self.table.loc[moved, "monetary"].sum()))
        said = w.say("rfm.careless", moved=count, customers=len(self.table), revenue=revenue)
        return Sentence(said)

    def thresholds(self) -> Listing:
        """Where the lines between the levels run, in days, purchases and money."""
        w, lines = self.wording, self.cut_points
        best = lines[lines["customers"] > 0].groupby("measure", sort=False).head(1)
        best = best.set_index("measure")
        said = w.say(
            "rfm.thresholds",
            days=int(best.loc["recency_days", "to"]),
            purchases=int(best.loc["frequency", "from"]),
            money=w.money(float(best.loc["monetary", "from"])),
        )
        shown = lines[["measure", "score", "range", "customers"]]
        shown = shown.assign(measure=shown["measure"].map(w.label))
        return Listing(shown, wording=w, said=said)

    def ties_sentence(self) -> Sentence:
        """Which levels ties swallowed, and why; or that every measure kept all of its own."""
        said = self.ties or self.wording.say("rfm.no_ties")
        return Sentence(said[:1].upper() + said[1:].rstrip(".") + ".")

    def profile(self) -> SegmentProfile:
        """The segments, one row each: how many, how much, how often, of what kind."""
        table = _profile_table(self)
        missing = [trait for trait in _TRAITS if trait not in self.traits]
        assumptions = dict(self.assumptions)
        if missing:
            listed = self.wording.listing([self.wording.label(trait) for trait in missing])
            assumptions["missing"] = self.wording.say("rfm.traits_missing", traits=listed)
        return SegmentProfile(
            table, wording=self.wording, assumptions=assumptions, scheme=self.scheme
        )


@dataclass(frozen=True, repr=False, eq=False)
class SegmentProfile(Result):
    """What the segments are made of: one row a segment, most revenue first.

    Columns: ``segment, customers, share_of_customers, revenue, share_of_revenue,
    average_basket`` (revenue a purchase), ``median_recency_days, purchases_per_customer``;
    where the customers table has them ``typical_sector, typical_sector_share`` (the commonest
    known one and its share of those known), ``typical_size, typical_size_share``; last
    ``segment_code``. Empty segments are there, with 0 customers. Shares of revenue are missing
    where net revenue is not above zero.
    """

    chart: ClassVar[str] = "plot_segment_shares"
    formats: ClassVar[Mapping[str, str]] = {
        "customers": "count",
        "share_of_customers": "percent",
        "revenue": "money",
        "share_of_revenue": "percent",
        "average_basket": "money",
        "median_recency_days": "count",
        "purchases_per_customer": "decimal",
        "typical_sector_share": "percent",
        "typical_size_share": "percent",
    }
    hidden: ClassVar[tuple[str, ...]] = (
        "typical_sector_share",
        "typical_size_share",
        "segment_code",
    )

    scheme: SegmentScheme = field(kw_only=True)

    def sentence(self) -> str:
        """Who brings the revenue, and who is many but brings little."""
        return self.wording.say("rfm.without_ties", finding=self.finding())

    def finding(self) -> str:
        """The sentence without its full stop, for a title."""
        held = self.table[self.table["customers"] > 0]
        gap = held["share_of_customers"] - held["share_of_revenue"]
        enough = int(held["customers"].sum()) >= SKETCH_BELOW
        if not enough or not held["share_of_revenue"].between(0, 1).all():
            return _finding(self)
        top, crowd = held.iloc[0], held.loc[gap.idxmax()]
        if crowd["segment_code"] == top["segment_code"]:
            return _finding(self)
        return self.wording.say(
            "rfm.finding_contrast",
            top=_subject(self, top),
            revenue=_share(self.wording, float(top["share_of_revenue"])),
            customers=_share(self.wording, float(top["share_of_customers"])),
            crowd=_lower_first(_subject(self, crowd)),
            crowd_revenue=_share(self.wording, float(crowd["share_of_revenue"])),
            crowd_customers=_share(self.wording, float(crowd["share_of_customers"])),
        )


def _check_window(window_days: object) -> None:
    if window_days is None:
        return
    whole = isinstance(window_days, int | np.integer) and not isinstance(window_days, bool)
    days = int(window_days) if isinstance(window_days, int | np.integer) else 0
    if not whole or days < 1:
        raise InputError(
            f"window_days must be a whole number of days, 1 or more, or None for the whole "
            f"history; got {window_days!r}."
        )


def _measure(base: CustomerBase, window_days: int | None) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The three measures, one row a customer with a purchase; and the customers without one."""
    bought = nw.col("net") > 0
    inside = nw.lit(True) if window_days is None else nw.col("day") > base.as_of_day - window_days
    days = base.customer_days().select(
        "customer_id",
        nw.when(bought).then(nw.col("day")).alias("purchase_day"),
        nw.when(bought & inside).then(nw.lit(1)).otherwise(nw.lit(0)).alias("counted"),
        nw.when(inside).then(nw.col("net")).otherwise(nw.lit(0.0)).alias("spent"),
    )
    measured = engine.collect(
        days.group_by("customer_id").agg(
            nw.col("purchase_day").max(),
            nw.col("counted").sum().cast(nw.Int64),
            nw.col("spent").sum().round(NET_DECIMALS),
        )
    ).sort_values("customer_id", ignore_index=True)
    # Rounded here and not by the engines, which do not all round a half alike. Adding 0.0 makes
    # of -0.0 a zero.
    measured["monetary"] = measured["spent"].to_numpy(dtype=float).round(2) + 0.0
    silent = measured["purchase_day"].isna().to_numpy()
    if silent.all():
        raise InputError(
            f"None of the {len(measured):,} customers has a purchase up to {base.as_of}: no day "
            f"on which the lines net to more than zero. Check the sign of the amounts."
        )
    left_out = measured.loc[silent, ["customer_id", "monetary"]].reset_index(drop=True)
    as_of = base.wording.date(base.as_of)
    left_out.insert(1, "reason", base.wording.say("rfm.no_purchase", as_of=as_of))
    kept = measured.loc[~silent].reset_index(drop=True)
    table = kept[["customer_id"]].copy()
    table["recency_days"] = base.as_of_day - kept["purchase_day"].to_numpy(dtype=np.int64)
    table["frequency"] = kept["counted"].to_numpy(dtype=np.int64)
    table["monetary"] = kept["monetary"]
    return table, left_out


def _describe_levels(
    table: pd.DataFrame, cuts: Mapping[str, Values], wording: Wording
) -> pd.DataFrame:
    """Every level of every measure: who is in it and where it ends, in words too."""
    import pandas as pd

    rows = []
    for measure, its_cuts in cuts.items():
        values = table[measure].to_numpy()
        below = np.searchsorted(its_cuts, values, side="left")
        levels = len(its_cuts) + 1
        for level in range(levels):
            held = values[below == level]
            low, high = (float(held.min()), float(held.max())) if len(held) else (np.nan, np.nan)
            rows.append(
                {
                    "measure": measure,
                    "score": levels - level if measure == "recency_days" else level + 1,
                    "from": low,
                    "to": high,
                    "customers": len(held),
                    "unit": _unit(measure, wording),
                    "threshold": its_cuts[level] if level < levels - 1 else np.nan,
                    "range": _range(measure, low, high, wording),
                }
            )
    described = pd.DataFrame(rows)
    order = described["measure"].map(list(cuts).index)
    keys = pd.DataFrame({"measure": order, "score": -described["score"]})
    return described.loc[keys.sort_values(["measure", "score"]).index].reset_index(drop=True)


def _unit(measure: str, wording: Wording) -> str:
    return wording.currency if measure == "monetary" else wording.say(f"rfm.unit.{measure}")


def _range(measure: str, low: float, high: float, wording: Wording) -> str:
    if low != low:
        return wording.say("rfm.range.nobody")
    key = f"rfm.range.{measure}" + ("_one" if low == high else "")
    if measure == "monetary":
        return wording.say(
            key, low=wording.money(low, decimals=2), high=wording.money(high, decimals=2)
        )
    return wording.say(key, low=int(low), high=int(high))


def _name_segments(
    table: pd.DataFrame, scheme: SegmentScheme, positions: Values, wording: Wording
) -> None:
    import pandas as pd

    names = pd.Series([segment.name(wording.language) for segment in scheme.segments], dtype="str")
    codes = pd.Series([segment.code for segment in scheme.segments], dtype="str")
    table["segment"] = names.array.take(positions)
    table["segment_code"] = codes.array.take(positions)


def _cells(
    table: pd.DataFrame, scheme: SegmentScheme, scores: list[Values], positions: Values
) -> pd.DataFrame:
    """Customers and revenue of every cell of the scheme, empty cells included."""
    import pandas as pd

    axes = list(scheme.axes)
    held = pd.DataFrame(dict(zip(axes, scheme.cell_scores(*scores), strict=True)))
    held["revenue"] = table["monetary"]
    grouped = held.groupby(axes)["revenue"].agg(["size", "sum"])
    every = pd.MultiIndex.from_tuples(scheme.cells, names=axes)
    cells = grouped.reindex(every, fill_value=0).reset_index()
    cells = cells.rename(columns={"size": "customers", "sum": "revenue"})
    cells["revenue"] = cells["revenue"].round(2)
    by_cell = {cell: segment.code for segment in scheme.segments for cell in segment.cells}
    cells["segment_code"] = [by_cell[cell] for cell in scheme.cells]
    return cells


def _say_ties(table: pd.DataFrame, bins: int, levels: pd.DataFrame, base: CustomerBase) -> str:
    """Say which measures lost levels, and why; empty where none did."""
    say, said = base.wording.say, []
    if len(table) < bins:
        return say("rfm.tie_few", customers=len(table), levels=bins)
    for measure in MEASURES:
        kept = int((levels.loc[levels["measure"] == measure, "customers"] > 0).sum())
        if kept < bins:
            name = say(f"rfm.measure.{measure}")
            why = _why_tied(measure, table[measure].to_numpy(), bins, base)
            said.append(say("rfm.tie", measure=name, kept=kept, levels=bins, why=why))
    return base.wording.listing(said)


def _why_tied(measure: str, values: Values, levels: int, base: CustomerBase) -> str:
    w, customers = base.wording, len(values)
    different, counts = np.unique(values, return_counts=True)
    # Where one value has most customers, it is the reason, however many values there are.
    if len(different) < levels and counts.max() * 2 <= customers:
        return w.say("rfm.tie_why.values", values=len(different))
    value = different[counts.argmax()]
    words: dict[str, object] = {"tied": int(counts.max()), "customers": customers}
    if measure == "monetary":
        words["value"] = w.money(float(value), decimals=2)
    else:
        words |= {"value": int(value), "as_of": w.date(base.as_of)}
    special = {0: "frequency_never", 1: "frequency_once"}
    key = special.get(int(value), measure) if measure == "frequency" else measure
    return w.say(f"rfm.tie_why.{key}", **words)


def _traits(base: CustomerBase) -> pd.DataFrame:
    """``customer_id`` with the sector and the size, where the base knows them."""
    import pandas as pd

    known = [trait for trait in _TRAITS if base.has("customers", trait)]
    if not known:
        return pd.DataFrame({"customer_id": pd.Series(dtype="str")})
    frame = engine.collect(base.visible("customers").select("customer_id", *known))
    # A customer listed twice counts once; sorted first, so that any engine keeps the same row.
    ordered = frame.sort_values(["customer_id", *known], ignore_index=True)
    return ordered.drop_duplicates("customer_id", ignore_index=True)


def _moved_by_order(table: pd.DataFrame, scheme: SegmentScheme) -> Values:
    """Whose segment depends on the order of the file, were scores made by ranking."""
    customers = len(table)

    def ranked(values: Values) -> Values:
        ranks = np.empty(customers, dtype=np.int64)
        ranks[np.argsort(values, kind="stable")] = np.arange(customers)
        return 1 + ranks * scheme.levels // customers

    better = [-table["recency_days"].to_numpy(), table["frequency"].to_numpy()]
    better.append(table["monetary"].to_numpy())
    one_way = scheme.positions(*(ranked(values) for values in better))
    other_way = scheme.positions(*(ranked(values[::-1])[::-1] for values in better))
    moved: Values = one_way != other_way
    return moved


def _assumptions(
    base: CustomerBase,
    bins: int,
    scheme: SegmentScheme,
    window_days: int | None,
    ties: str,
    left_out: int,
) -> dict[str, object]:
    w = base.wording
    as_of = w.date(base.as_of)
    same = "rfm.scheme_same" if scheme.levels == bins else "rfm.scheme"
    return {
        "as_of": base.as_of,
        "window": w.say("rfm.window.all", as_of=as_of)
        if window_days is None
        else w.say("rfm.window.days", days=int(window_days), as_of=as_of),
        "bins": bins,
        "scheme": w.say(
            same, scheme=scheme.name, segments=len(scheme.segments), levels=scheme.levels
        ),
        "ties": ties or w.say("rfm.no_ties"),
        "left_out": left_out,
    }


def _profile_table(result: RfmResult) -> pd.DataFrame:
    import pandas as pd

    table, scheme = result.table, result.scheme
    codes = [segment.code for segment in scheme.segments]
    groups = table.groupby("segment_code")
    profile = pd.DataFrame(
        {
            "segment": [segment.name(result.wording.language) for segment in scheme.segments],
            "customers": groups.size().reindex(codes, fill_value=0).to_numpy(),
        },
        index=codes,
    )
    purchases = groups["frequency"].sum().reindex(codes, fill_value=0)
    revenue = groups["monetary"].sum().round(2).reindex(codes, fill_value=0.0)
    total = float(revenue.sum().round(2))
    profile["share_of_customers"] = profile["customers"] / len(table)
    profile["revenue"] = revenue
    profile["share_of_revenue"] = revenue / total if total > 0 else np.nan
    profile["average_basket"] = (revenue / purchases.where(purchases > 0)).round(2)
    profile["median_recency_days"] = groups["recency_days"].median()
    profile["purchases_per_customer"] = purchases / profile["customers"].where(
        profile["customers"] > 0
    )
    known = table[["customer_id", "segment_code"]].merge(result.traits, on="customer_id")
    for trait in _TRAITS:
        if trait in known:
            profile = profile.join(_commonest(known, trait))
    profile["segment_code"] = codes
    return profile.sort_values(
        ["revenue", "customers"], ascending=False, kind="stable", ignore_index=True
    )


def _commonest(known: pd.DataFrame, trait: str) -> pd.DataFrame:
    """By segment, the commonest known value of a trait and its share of those known."""
    counts = known.dropna(subset=[trait]).groupby(["segment_code", trait]).size()
    counts = counts.rename("held").reset_index()
    totals = counts.groupby("segment_code")["held"].sum()
    # Equal counts: the first in the alphabet, so that the answer does not depend on chance.
    ordered = counts.sort_values(["held", trait], ascending=[False, True], kind="stable")
    first = ordered.drop_duplicates("segment_code").set_index("segment_code")
    first[f"typical_{trait}"] = first[trait]
    first[f"typical_{trait}_share"] = first["held"] / totals
    return first[[f"typical_{trait}", f"typical_{trait}_share"]]


def _finding(profile: SegmentProfile) -> str:
    """Who brings the most revenue and how many they are, as far as the base allows to say."""
    w, table = profile.wording, profile.table
    held = table[table["customers"] > 0]
    total = int(held["customers"].sum())
    top = held.iloc[0]
    if total == 1:
        return w.say("rfm.finding_one_customer", segment=top["segment"])
    if len(held) == 1:
        return w.say("rfm.finding_one_segment", total=total, segment=top["segment"])
    share = float(top["share_of_revenue"])
    if share != share:
        largest = held.loc[held["customers"].idxmax()]
        return w.say(
            "rfm.finding_no_revenue",
            revenue=w.money(float(held["revenue"].sum())),
            segment=largest["segment"],
            count=int(largest["customers"]),
            total=total,
        )
    words: dict[str, object] = {"subject": _subject(profile, top), "revenue": _share(w, share)}
    if total < SKETCH_BELOW:
        words["subject"] = _lower_first(_subject(profile, top))
        return w.say("rfm.finding_few", total=total, count=int(top["customers"]), **words)
    words["customers"] = _share(w, float(top["share_of_customers"]))
    return w.say("rfm.finding_over" if share > 1 else "rfm.finding", **words)


def _subject(profile: SegmentProfile, row: pd.Series[Any]) -> str:
    code = str(row["segment_code"])
    named = next(segment for segment in profile.scheme.segments if segment.code == code)
    return named.subject(profile.wording.language)


def _lower_first(words: str) -> str:
    return words[0].lower() + words[1:]


def _share(wording: Wording, share: float) -> str:
    """Write a share as one says it: whole percents, with a decimal only where they are few."""
    return wording.percent(share, decimals=0 if abs(share) >= 0.1 else 1)
