"""From one segment to another between two dates: who moved, what it brought, what is chance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, ClassVar

import narwhals as nw
import numpy as np

from retention_lib.base import engine
from retention_lib.base.customer_base import CustomerBase, require_base
from retention_lib.errors import InputError
from retention_lib.portfolio._migration_chance import (
    Dealt,
    NoChange,
    Span,
    Values,
    expected_by_chance,
    sum_up,
)
from retention_lib.portfolio.intervals import SEED
from retention_lib.portfolio.rfm import (
    MEASURES,
    SKETCH_BELOW,
    RfmResult,
    cut_points,
    score_levels,
    score_like,
    score_rfm,
)
from retention_lib.portfolio.schemes import SegmentScheme, find_scheme
from retention_lib.results import Result
from retention_lib.wording import Wording

if TYPE_CHECKING:
    import pandas as pd

NOT_YET = "not_yet"
"""Code of where new customers come from."""
DIRECTIONS = ("down", "same", "up", "new")
_FEWEST_DRAWS, _MOST_DRAWS = 10, 1000


def segment_migration(
    base: CustomerBase,
    *,
    since: date | str,
    scheme: str | SegmentScheme = "classic",
    draws: int = 40,
) -> MigrationResult:
    """Follow every customer from its RFM segment on an earlier date to the one it is in now.

    One row a pair of segments that somebody took. Both dates are scored with the cut points of
    the first, so that a move is a change of behaviour, not of thresholds; frequency and spend
    count a window of equal length up to each date (the activity window, or what the history
    before ``since`` holds). Who was no customer yet comes from a row of its own, so customers
    and revenue of the window add up to all of today's.

    The trap: many a customer changes segment by luck or by the mere passing of time. ``.chance()``
    tells how many would have with nobody changing habits: each customer's purchases of both
    windows are dealt anew over the same time.

    Parameters
    ----------
    base
        The customer base; the second date is its ``as_of``.
    since
        The first date, such as ``"2024-12-31"``.
    scheme
        ``classic``, ``six`` or a :class:`SegmentScheme`; the order of its segments says what is
        up and what is down.
    draws
        How many worlds without change are dealt (10 to 1,000).

    Raises
    ------
    InputError
        Where ``since`` is no date, lies before the first transaction or after ``as_of``, or
        ``draws`` cannot be.
    ChoiceError
        Where there is no scheme of that name.

    Examples
    --------
    >>> import pandas as pd
    >>> lines = pd.DataFrame({"customer_id": ["a", "a", "b"], "amount": [10.0, 20.0, 5.0],
    ...     "date": pd.to_datetime(["2024-01-05", "2024-03-05", "2024-02-01"])})
    >>> moved = segment_migration(CustomerBase.from_tables(lines), since="2024-02-01")
    >>> moved.to_frame()["customers"].sum()
    np.int64(2)
    """
    require_base(base)
    chosen = find_scheme(scheme)
    draws = _check_draws(draws)
    earlier = _seen_from(base, since)
    span = _span(base, earlier)
    moves, reference = _follow(base, earlier, chosen, span.days)
    chance = _chance(base, span, chosen, moves, draws)
    return MigrationResult(
        _pairs(moves, chosen, base.wording),
        wording=base.wording,
        assumptions=_assumptions(base, earlier, span, chosen, draws, chance),
        scheme=chosen,
        moves=moves,
        noise=chance,
        since=earlier.as_of,
        as_of=base.as_of,
        names=_names(base),
        reference=reference,
    )


@dataclass(frozen=True, repr=False, eq=False)
class MigrationResult(Result):
    """Who went from which segment to which; in the order of the scheme, newcomers last.

    Columns: ``from_segment, to_segment, movement`` (in words), ``customers, share`` (of those
    who were in the first segment), ``revenue_before, revenue_now`` (of the window up to each
    date), ``revenue_moved`` (the difference), ``direction`` (``up, same, down, new``),
    ``from_code, to_code``.

    ``moves``: one row a customer. ``noise``: one row a kind of move: ``move, customers, share,
    by_chance, by_chance_low, by_chance_high, beyond, beyond_low, beyond_high`` (shares of the
    customers of the first date; missing where there are none).
    """

    chart: ClassVar[str] = "_migration_charts.plot_migration"
    formats: ClassVar[Mapping[str, str]] = {
        "customers": "count",
        "share": "percent",
        "revenue_before": "money",
        "revenue_now": "money",
        "revenue_moved": "money",
    }
    hidden: ClassVar[tuple[str, ...]] = ("direction", "from_code", "to_code")

    scheme: SegmentScheme = field(kw_only=True)
    moves: pd.DataFrame = field(kw_only=True)
    noise: pd.DataFrame = field(kw_only=True)
    since: date = field(kw_only=True)
    as_of: date = field(kw_only=True)
    names: pd.DataFrame = field(kw_only=True)
    reference: RfmResult | None = field(kw_only=True)

    def sentence(self) -> str:
        """How many changed segment, and how much of it time and chance would have done."""
        return self.finding() + "."

    def finding(self) -> str:
        """The sentence without its full stop, for a title."""
        w, since = self.wording, self.wording.date(self.since)
        known = self.moves[self.moves["direction"] != "new"]
        count, changed = len(known), int(known["direction"].isin(["up", "down"]).sum())
        if not count:
            return w.say("migration.nobody", since=since)
        if not changed:
            return w.say("migration.still", customers=count, since=since)
        if count < SKETCH_BELOW:
            return w.say("migration.few", changed=changed, customers=count, since=since)
        row = self.noise.set_index("move").loc["changed"]
        words: dict[str, object] = {
            "share": _percent(w, row["share"]),
            "customers": count,
            "since": since,
            "chance": _percent(w, row["by_chance"]),
        }
        if row["beyond_low"] > 0:
            points = {name: _points(w, row[name]) for name in ("beyond_low", "beyond_high")}
            points["beyond"] = _points(w, row["beyond"])
            return w.say("migration.finding", **words, **points)
        said = w.say("migration.by_chance", **words)
        ways = self.noise[self.noise["move"].isin(["up", "down"]) & (self.noise["beyond_low"] > 0)]
        for way in ways.itertuples():
            shares = {"share": _percent(w, way.share), "chance": _percent(w, way.by_chance)}
            said = _joined(w, said, w.say(f"migration.but_{way.move}", **shares))
        return said

    def matrix(self) -> MigrationMatrix:
        """From each segment (rows) the share that went to each (columns)."""
        return MigrationMatrix(
            _matrix(self), wording=self.wording, assumptions=self.assumptions, scheme=self.scheme
        )

    def chance(self) -> MigrationChance:
        """How many moved, up and down, against how many would have with nobody changing."""
        return MigrationChance(
            _shown_noise(self.noise, self.wording),
            wording=self.wording,
            assumptions=self.assumptions,
            since=self.since,
        )

    def revenue(self) -> RevenueMoved:
        """What those who moved up, stayed, moved down and came new brought before and now."""
        return RevenueMoved(
            _revenue(self), wording=self.wording, assumptions=self.assumptions, since=self.since
        )

    def movers(self) -> FallenCustomers:
        """Who fell out of the best segments, and what they brought: a list to work through."""
        best = good_segments(self.scheme)
        named = [s.name(self.wording.language) for s in self.scheme.segments if s.code in best]
        return FallenCustomers(
            _fallen(self, best),
            wording=self.wording,
            assumptions={**self.assumptions, "best_segments": self.wording.listing(named)},
            since=self.since,
            best=tuple(named),
        )


@dataclass(frozen=True, repr=False, eq=False)
class MigrationMatrix(Result):
    """One row a segment of the first date: ``from_segment, customers``, a share a segment now.

    The columns of shares are called like the segments; they add up to 1 in each row.
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
            return w.say("migration.matrix_few", customers=int(table["customers"].sum()))
        (most, firm), (least, loose) = kept[0], min(kept[1:])
        return w.say(
            "migration.matrix",
            firm=firm,
            most=_percent(w, most),
            loose=loose,
            least=_percent(w, least),
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
        return w.say(
            "migration.chance",
            share=_percent(w, row["share"]),
            chance=_percent(w, row["by_chance"]),
            low=_percent(w, row["by_chance_low"]),
            high=_percent(w, row["by_chance_high"]),
        )


@dataclass(frozen=True, repr=False, eq=False)
class RevenueMoved(Result):
    """One row a direction: ``movement, customers, revenue_before, revenue_now, revenue_moved``."""

    chart: ClassVar[str] = "_migration_charts.plot_revenue_moved"
    formats: ClassVar[Mapping[str, str]] = MigrationResult.formats
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
    revenue_before, revenue_now, revenue_moved``.
    """

    formats: ClassVar[Mapping[str, str]] = MigrationResult.formats

    since: date = field(kw_only=True)
    best: tuple[str, ...] = field(kw_only=True)

    def sentence(self) -> str:
        """How many fell, and what they brought before and bring now."""
        w, table = self.wording, self.table
        if not len(table):
            said = w.say(
                "migration.movers_none", best=w.listing(self.best), since=w.date(self.since)
            )
            return said + "."
        said = w.say(
            "migration.movers",
            customers=len(table),
            best=w.listing(self.best),
            since=w.date(self.since),
            before=w.money(float(table["revenue_before"].sum())),
            now=w.money(float(table["revenue_now"].sum())),
        )
        return said + "."


def good_segments(scheme: SegmentScheme) -> tuple[str, ...]:
    """Codes of the best quarter of a scheme's segments, rounded up.

    >>> good_segments(SegmentScheme.classic())
    ('champions', 'loyal_customers', 'potential_loyalists')
    """
    best = -(-len(scheme.segments) // 4)
    return tuple(segment.code for segment in scheme.segments[:best])


# --- who went where --------------------------------------------------------------------------


def _check_draws(draws: object) -> int:
    whole = isinstance(draws, int | np.integer) and not isinstance(draws, bool)
    if not whole or not _FEWEST_DRAWS <= int(draws) <= _MOST_DRAWS:  # type: ignore[call-overload]
        raise InputError(
            f"draws must be a whole number from {_FEWEST_DRAWS} to {_MOST_DRAWS:,}; got {draws!r}."
        )
    return int(draws)  # type: ignore[call-overload,no-any-return]


def _seen_from(base: CustomerBase, since: date | str) -> CustomerBase:
    try:
        earlier = base.at(since)
    except InputError as error:
        raise InputError(str(error).replace("as_of must", "since must")) from None
    if earlier.as_of > base.as_of:
        raise InputError(
            f"since must not lie after {base.as_of}, the day this base is seen from; "
            f"got {earlier.as_of}."
        )
    return earlier


def _span(base: CustomerBase, earlier: CustomerBase) -> Span:
    """Windows of equal length before both dates, none reaching back before the first line."""
    first = engine.one_row(earlier.visible("transactions").select(nw.col("day").min()))["day"]
    known = earlier.as_of_day - int(first) + 1
    return Span(earlier.as_of_day, base.as_of_day, min(base.activity_window_days, known))


def _follow(
    base: CustomerBase, earlier: CustomerBase, scheme: SegmentScheme, days: int
) -> tuple[pd.DataFrame, RfmResult | None]:
    """One row a customer: its segment and its revenue on both dates."""
    try:
        reference = score_rfm(earlier, bins=scheme.levels, scheme=scheme, window_days=days)
        then = reference.table
    except InputError:  # nobody had a purchase yet: refunds only
        try:
            reference = score_rfm(base, bins=scheme.levels, scheme=scheme, window_days=days)
        except InputError:
            return _nobody(), None
        then = reference.table.iloc[:0]
    now = score_like(base, reference)
    before = then[["customer_id", "segment_code", "monetary"]].rename(
        columns={"segment_code": "from_code", "monetary": "revenue_before"}
    )
    after = now[["customer_id", "segment_code", "monetary"]].rename(
        columns={"segment_code": "to_code", "monetary": "revenue_now"}
    )
    moves = after.merge(before, on="customer_id", how="left")
    moves["from_code"] = moves["from_code"].fillna(NOT_YET)
    moves["revenue_before"] = moves["revenue_before"].fillna(0.0)
    rank = {segment.code: place for place, segment in enumerate(scheme.segments)}
    came, went = moves["from_code"].map(rank), moves["to_code"].map(rank)
    moves["direction"] = np.select(
        [came.isna(), went < came, went > came], ["new", "up", "down"], "same"
    )
    order = ["customer_id", "from_code", "to_code", "direction", "revenue_before", "revenue_now"]
    return moves[order].sort_values("customer_id", ignore_index=True), reference


def _nobody() -> pd.DataFrame:
    import pandas as pd

    words = ("customer_id", "from_code", "to_code", "direction")
    columns = {name: pd.Series(dtype="str") for name in words}
    money = {name: pd.Series(dtype=float) for name in ("revenue_before", "revenue_now")}
    return pd.DataFrame({**columns, **money})


def _pairs(moves: pd.DataFrame, scheme: SegmentScheme, wording: Wording) -> pd.DataFrame:
    names = {segment.code: segment.name(wording.language) for segment in scheme.segments}
    names[NOT_YET] = wording.say("migration.not_yet")
    order = list(names)
    held = moves.groupby(["from_code", "to_code", "direction"], sort=False)
    pairs = held.agg(
        customers=("customer_id", "size"),
        revenue_before=("revenue_before", "sum"),
        revenue_now=("revenue_now", "sum"),
    ).reset_index()
    for column in ("revenue_before", "revenue_now"):
        pairs[column] = pairs[column].round(2)
    pairs["revenue_moved"] = (pairs["revenue_now"] - pairs["revenue_before"]).round(2)
    pairs["share"] = pairs["customers"] / pairs.groupby("from_code")["customers"].transform("sum")
    pairs["from_segment"] = pairs["from_code"].map(names)
    pairs["to_segment"] = pairs["to_code"].map(names)
    pairs["movement"] = pairs["direction"].map(
        {direction: wording.say(f"migration.{direction}") for direction in DIRECTIONS}
    )
    places = pairs[["from_code", "to_code"]].map(order.index)
    columns = [
        *("from_segment", "to_segment", "movement", "customers", "share", "revenue_before"),
        *("revenue_now", "revenue_moved", "direction", "from_code", "to_code"),
    ]
    return pairs.loc[places.sort_values(["from_code", "to_code"]).index, columns].reset_index(
        drop=True
    )


def _matrix(result: MigrationResult) -> pd.DataFrame:
    language = result.wording.language
    wide = result.table.pivot(index="from_code", columns="to_code", values="share").fillna(0.0)
    counts = result.table.groupby("from_code")["customers"].sum()
    codes = [segment.code for segment in result.scheme.segments]
    names = {segment.code: segment.name(language) for segment in result.scheme.segments}
    names[NOT_YET] = result.wording.say("migration.not_yet")
    rows = [code for code in (*codes, NOT_YET) if code in wide.index]
    shares = wide.reindex(index=rows, columns=codes, fill_value=0.0)
    shares.columns = [names[code] for code in codes]
    shares.insert(0, "from_segment", [names[code] for code in rows])
    shares.insert(1, "customers", [int(counts[code]) for code in rows])
    return shares.reset_index(drop=True)


def _revenue(result: MigrationResult) -> pd.DataFrame:
    held = result.moves.groupby("direction")
    table = held.agg(
        customers=("customer_id", "size"),
        revenue_before=("revenue_before", "sum"),
        revenue_now=("revenue_now", "sum"),
    ).reindex(list(DIRECTIONS), fill_value=0)
    table = table.astype({"customers": np.int64, "revenue_before": float, "revenue_now": float})
    table = table.round({"revenue_before": 2, "revenue_now": 2}).reset_index()
    table["revenue_moved"] = (table["revenue_now"] - table["revenue_before"]).round(2)
    words = [result.wording.say(f"migration.{direction}") for direction in table["direction"]]
    table.insert(0, "movement", words)
    return table


def _fallen(result: MigrationResult, best: tuple[str, ...]) -> pd.DataFrame:
    moves = result.moves
    fell = moves[moves["from_code"].isin(best) & ~moves["to_code"].isin(best)].copy()
    names = {s.code: s.name(result.wording.language) for s in result.scheme.segments}
    fell["from_segment"], fell["to_segment"] = (
        fell[code].map(names) for code in ("from_code", "to_code")
    )
    fell["revenue_moved"] = (fell["revenue_now"] - fell["revenue_before"]).round(2)
    columns = ["customer_id", "from_segment", "to_segment", "revenue_before", "revenue_now"]
    if len(result.names):
        fell = fell.merge(result.names, on="customer_id", how="left")
        columns.insert(1, "name")
    ordered = fell.sort_values(["revenue_moved", "customer_id"], ignore_index=True)
    return ordered[[*columns, "revenue_moved"]]


def _names(base: CustomerBase) -> pd.DataFrame:
    import pandas as pd

    if not base.has("customers", "name"):
        return pd.DataFrame({"customer_id": pd.Series(dtype="str")})
    known = base.visible("customers").group_by("customer_id").agg(nw.col("name").min())
    return engine.collect(known)


# --- what is chance --------------------------------------------------------------------------


def _chance(
    base: CustomerBase, span: Span, scheme: SegmentScheme, moves: pd.DataFrame, draws: int
) -> pd.DataFrame:
    """How many moved against how many would have in worlds where nobody changed habits."""
    import pandas as pd

    known = moves[moves["direction"] != "new"]
    counts = [int(known["direction"].isin(how).sum()) for how in (["up", "down"], ["up"], ["down"])]
    table = pd.DataFrame({"move": ["changed", "up", "down"], "customers": counts})
    table["share"] = table["customers"] / len(known) if len(known) else np.nan
    expected = spread = np.full(3, np.nan)
    if len(known) and span.since == span.now:
        expected = spread = np.zeros(3)
    elif len(known):
        world = NoChange(sum_up(base, span), span)

        def shares(dealt: Dealt) -> Values:
            return _moved_shares(dealt, scheme)

        found = expected_by_chance(world, shares, draws=draws, seed=SEED)
        expected = found.mean(axis=0)
        # What one world without change may differ by, and what the mean of so many may.
        spread = 1.96 * found.std(axis=0, ddof=1) * np.sqrt(1 + 1 / draws)
    table["by_chance"] = expected
    table["by_chance_low"] = np.maximum(expected - spread, 0.0)
    table["by_chance_high"] = np.minimum(expected + spread, 1.0)
    table["beyond"] = table["share"] - expected
    table["beyond_low"] = table["beyond"] - spread
    table["beyond_high"] = table["beyond"] + spread
    return table


def _moved_shares(dealt: Dealt, scheme: SegmentScheme) -> Values:
    """Shares of customers that change segment, go up, go down, scored like the real ones."""
    cuts = {
        measure: cut_points(values, scheme.levels)
        for measure, values in zip(MEASURES, dealt.then, strict=True)
    }

    def places(measures: tuple[Values, Values, Values]) -> Values:
        named = zip(MEASURES, measures, strict=True)
        scores = [score_levels(measure, values, cuts[measure]) for measure, values in named]
        return scheme.positions(*scores).astype(float)

    then, now = places(dealt.then), places(dealt.now)
    return np.array([(now != then).mean(), (now < then).mean(), (now > then).mean()])


def _shown_noise(noise: pd.DataFrame, wording: Wording) -> pd.DataFrame:
    shown = noise.copy()
    words = [wording.say(f"migration.move.{move}") for move in shown["move"]]
    shown.insert(0, "movement", words)
    return shown


# --- words -----------------------------------------------------------------------------------


def _assumptions(
    base: CustomerBase,
    earlier: CustomerBase,
    span: Span,
    scheme: SegmentScheme,
    draws: int,
    noise: pd.DataFrame,
) -> dict[str, object]:
    w, since = base.wording, base.wording.date(earlier.as_of)
    said: dict[str, object] = {
        "as_of": base.as_of,
        "since": earlier.as_of,
        "window": w.say("migration.window", days=span.days),
        "scheme": w.say("migration.scheme", scheme=scheme.name, segments=len(scheme.segments)),
        "cut_points": w.say("migration.cut_points", since=since),
        "up_and_down": w.say("migration.order"),
    }
    if span.days < base.activity_window_days:
        said["window"] = w.say(
            "migration.window_short", days=span.days, wanted=base.activity_window_days, since=since
        )
    if noise["by_chance"].notna().all() and span.since != span.now:
        said["chance"] = w.say("migration.method", draws=draws)
    return said


def _percent(wording: Wording, share: float) -> str:
    return wording.percent(float(share), decimals=0 if abs(share) >= 0.1 or share == 0 else 1)


def _points(wording: Wording, share: float) -> str:
    return wording.number(float(share) * 100, decimals=0 if abs(share) >= 0.1 else 1)


def _joined(wording: Wording, one: str, other: str) -> str:
    return one + ("; " if wording.language == "en" else " ; ") + other


def _change(wording: Wording, amount: float) -> str:
    said = wording.money(float(amount))
    return f"+{said}" if amount > 0 else said
