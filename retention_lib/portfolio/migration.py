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
from retention_lib.portfolio._beginnings import first_day
from retention_lib.portfolio._cross_customers import banned, collect_customers, known_customers
from retention_lib.portfolio._migration_chance import (
    Dealt,
    NoChange,
    Span,
    Values,
    expected_by_chance,
    sum_up,
)
from retention_lib.portfolio._migration_tables import (
    NOT_YET,
    good_segments,
    list_fallen,
    pair_segments,
    spread_shares,
    sum_revenue,
    word_noise,
)
from retention_lib.portfolio._migration_views import (
    FORMATS,
    FallenCustomers,
    MigrationChance,
    MigrationMatrix,
    RevenueMoved,
    percent,
)
from retention_lib.portfolio.activity import with_endings
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

_FEWEST_DRAWS, _MOST_DRAWS = 10, 1000
_YEAR = 365


def segment_migration(
    base: CustomerBase,
    *,
    since: date | str | None = None,
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
        The first date, such as ``"2024-12-31"``; ``None`` for a year before ``as_of``, or for the
        middle of the history where that is later.
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
        pair_segments(moves, chosen, base.wording),
        wording=base.wording,
        assumptions=_assumptions(base, earlier, span, chosen, draws, chance),
        scheme=chosen,
        moves=moves,
        noise=chance,
        since=earlier.as_of,
        as_of=base.as_of,
        known=_known(base),
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
    formats: ClassVar[Mapping[str, str]] = FORMATS
    hidden: ClassVar[tuple[str, ...]] = ("direction", "from_code", "to_code")

    scheme: SegmentScheme = field(kw_only=True)
    moves: pd.DataFrame = field(kw_only=True)
    noise: pd.DataFrame = field(kw_only=True)
    since: date = field(kw_only=True)
    as_of: date = field(kw_only=True)
    known: pd.DataFrame = field(kw_only=True)
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
            "share": percent(w, row["share"]),
            "customers": count,
            "since": since,
            "chance": percent(w, row["by_chance"]),
        }
        if row["beyond_low"] > 0:
            points = {name: _points(w, row[name]) for name in ("beyond_low", "beyond_high")}
            points["beyond"] = _points(w, row["beyond"])
            return w.say("migration.finding", **words, **points)
        said = w.say("migration.by_chance", **words)
        ways = self.noise[self.noise["move"].isin(["up", "down"]) & (self.noise["beyond_low"] > 0)]
        for way in ways.itertuples():
            shares = {"share": percent(w, way.share), "chance": percent(w, way.by_chance)}
            said = _joined(w, said, w.say(f"migration.but_{way.move}", **shares))
        return said

    def matrix(self) -> MigrationMatrix:
        """From each segment (rows) the share that went to each (columns)."""
        return MigrationMatrix(
            spread_shares(self),
            wording=self.wording,
            assumptions={
                **self.assumptions,
                "small_segments": self.wording.say("migration.small_rows", least=SKETCH_BELOW),
            },
            scheme=self.scheme,
        )

    def chance(self) -> MigrationChance:
        """How many moved, up and down, against how many would have with nobody changing."""
        return MigrationChance(
            word_noise(self.noise, self.wording),
            wording=self.wording,
            assumptions=self.assumptions,
            since=self.since,
        )

    def revenue(self) -> RevenueMoved:
        """What those who moved up, stayed, moved down and came new brought before and now."""
        return RevenueMoved(
            sum_revenue(self), wording=self.wording, assumptions=self.assumptions, since=self.since
        )

    def movers(self) -> FallenCustomers:
        """Who fell out of the best segments, and what they brought: a list to work through.

        Customers who must not be contacted or have closed their account are counted in the
        assumptions, not listed.
        """
        best = good_segments(self.scheme)
        named = [s.name(self.wording.language) for s in self.scheme.segments if s.code in best]
        fallen = list_fallen(self, best)
        left_out = int(fallen["left_out"].sum())
        said = {**self.assumptions, "best_segments": self.wording.listing(named)}
        if left_out:
            said["movers_left_out"] = self.wording.say("migration.left_out", customers=left_out)
        return FallenCustomers(
            fallen[~fallen["left_out"]].drop(columns="left_out").reset_index(drop=True),
            wording=self.wording,
            assumptions=said,
            since=self.since,
            best=tuple(named),
            left_out=left_out,
        )


# --- who went where --------------------------------------------------------------------------


def _check_draws(draws: object) -> int:
    whole = isinstance(draws, int | np.integer) and not isinstance(draws, bool)
    if not whole or not _FEWEST_DRAWS <= int(draws) <= _MOST_DRAWS:  # type: ignore[call-overload]
        raise InputError(
            f"draws must be a whole number from {_FEWEST_DRAWS} to {_MOST_DRAWS:,}; got {draws!r}."
        )
    return int(draws)  # type: ignore[call-overload,no-any-return]


def _seen_from(base: CustomerBase, since: date | str | None) -> CustomerBase:
    if since is None:
        since = engine.day_of(max(base.as_of_day - _YEAR, (first_day(base) + base.as_of_day) // 2))
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
    known = earlier.as_of_day - first_day(earlier) + 1
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


def _known(base: CustomerBase) -> pd.DataFrame:
    """What a list has to know of a customer: its name, and whether it may be on one."""
    import pandas as pd

    columns = ["customer_id", *(["name"] if base.has("customers", "name") else []), "left_out"]
    if not base.has("customers"):
        return pd.DataFrame({name: pd.Series(dtype=object) for name in columns})
    listed = base.visible("customers").group_by("customer_id").agg(nw.len().alias("rows"))
    facts = known_customers(base)
    if facts is not None:
        listed = listed.join(facts, on="customer_id", how="left")
    table = collect_customers(with_endings(base, listed))
    table["left_out"] = banned(table) | table["closed_day"].notna()
    return table[columns]


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


def _points(wording: Wording, share: float) -> str:
    return wording.number(float(share) * 100, decimals=0 if abs(share) >= 0.1 else 1)


def _joined(wording: Wording, one: str, other: str) -> str:
    return one + ("; " if wording.language == "en" else " ; ") + other
