"""How every customer stands on each of some days, and which warning signs fire, in the engine.

A sign for the day ``at`` is an expression over sums of rows up to that day, and over a few
figures of the whole base (its yardstick) that are taken from rows up to that day as well. All
days are worked out in one statement: planning a statement costs more than most of the work.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import NormalDist

import narwhals as nw

from retention_lib.portfolio._signals_facts import NEVER, Facts, Frame, one_if
from retention_lib.portfolio._signals_settings import SignalSettings

FEWEST_SECONDS = 30
"""With fewer second purchases nobody can say by when most of them come."""

YEAR = 365
KEYS = ["code", "at"]


def column(name: str) -> nw.Expr:
    """Short for a column."""
    return nw.col(name)


@dataclass(frozen=True)
class Days:
    """Some days, as numbers and as a frame in the engine with the one column ``at``."""

    numbers: tuple[int, ...]
    frame: Frame | None

    def upto(self, rows: Frame) -> Frame:
        """Each row once for each of the days that is not before its own ``day``, as ``at``."""
        if self.frame is None:
            return self.on_each(rows.filter(column("day") <= self.numbers[0]))
        return self.on_each(rows).filter(column("day") <= column("at"))

    def on_each(self, rows: Frame) -> Frame:
        """Each row once for each of the days, as ``at``."""
        if self.frame is None:
            return rows.with_columns(nw.lit(self.numbers[0]).alias("at"))
        return rows.join(self.frame, how="cross")


@contextmanager
def days_of(facts: Facts, numbers: Sequence[int]) -> Iterator[Days]:
    """The days as a frame beside the facts, for as long as the block lasts."""
    if len(numbers) == 1:
        yield Days(tuple(numbers), None)
        return
    one = facts.customers.head(1)
    frame = nw.concat([one.select(nw.lit(day).alias("at")) for day in numbers])
    with facts.kept(frame) as kept:
        yield Days(tuple(numbers), kept)


@contextmanager
def states(facts: Facts, active: Frame, days: Days, yardsticks: Frame) -> Iterator[Frame]:
    """Active customers on each day, what the signs look at, and what they say.

    ``active`` is that of :func:`active_on` for the same facts and days. ``can_<code>`` is 1 where
    the sign can be told of the customer at all, ``fires_<code>`` where it fires.
    """
    for part in (_contacted(facts, days), _heard(facts, days), _asked(facts, days)):
        if part is not None:
            active = active.join(part, on=KEYS, how="left")
    with facts.kept(_flagged(active, yardsticks, facts, days)) as flagged:
        yield flagged


@contextmanager
def seen(facts: Facts, days: Days) -> Iterator[tuple[Frame, Frame]]:
    """The sample of the customers active on the days, and the base's figures from it.

    The figures are one row a day: ``base_gap``: mean over customers of their mean gap, days.
    ``base_gap_spread``: variance of gaps around the customer's own mean, over that mean squared;
    1, as of chance alone, where nobody has two gaps. ``base_order_spread``: variance of the
    logarithm of order values around the customer's own. ``second_days``: days by which most
    second purchases have come.
    """
    sample = facts.sample()
    with (
        facts.kept(active_on(sample, days)) as active,
        facts.kept(_yardsticks(sample, active, days)) as yardsticks,
    ):
        yield active, yardsticks


def active_on(facts: Facts, days: Days) -> Frame:
    """One row an active customer and day: sums over its purchases up to the day."""
    summed = _sums(days.upto(facts.purchases), facts.settings)
    known = summed.join(facts.customers, on="code", how="left")
    bought = column("last_day") > column("at") - facts.window_days
    return known.filter((bought | column("is_contract")) & (column("closed_day") > column("at")))


def _sums(rows: Frame, settings: SignalSettings) -> Frame:
    """One row a customer and day: its purchases, in the stretches that the signs compare."""
    age = column("age")
    lately = age < settings.falling_days
    before = ~lately & (age < settings.falling_days + settings.compared_days)
    half = age < settings.slowing_days
    earlier = ~half & (age < settings.slowing_days + settings.compared_days)
    habit = ~column("gap").is_null() & (age < settings.memory_days)
    gap, log_net = column("gap").cast(nw.Float64), column("log_net")

    def value_if(test: nw.Expr, value: nw.Expr) -> nw.Expr:
        return nw.when(test).then(value).otherwise(nw.lit(0.0))

    counts = {"gaps": habit, "lately": lately, "before": before, "half": half, "earlier": earlier}
    sums = {
        "gap_sum": (habit, gap),
        "gap_squares": (habit, gap * gap),
        "lately_net": (lately, column("net")),
        "lately_log": (lately, log_net),
        "before_net": (before, column("net")),
        "before_log": (before, log_net),
        "before_squares": (before, log_net * log_net),
    }
    wide = rows.with_columns((column("at") - column("day")).alias("age")).select(
        *KEYS,
        column("day").alias("first_day"),
        column("day").alias("last_day"),
        column("place").alias("purchases"),
        nw.when(lately).then(column("day")).alias("lately_day"),
        *(one_if(test).alias(name) for name, test in counts.items()),
        *(value_if(test, value).alias(name) for name, (test, value) in sums.items()),
    )
    return wide.group_by(*KEYS).agg(
        nw.col("first_day", "lately_day").min(),
        nw.col("last_day", "purchases").max(),
        nw.col(*counts).sum().cast(nw.Int32),
        nw.col(*sums).sum(),
    )


def _contacted(facts: Facts, days: Days) -> Frame | None:
    """The last outbound contact up to each day, and how many there were in the year."""
    if facts.contacts is None:
        return None
    in_year = column("day") > column("at") - YEAR
    seen = days.upto(facts.contacts).select(
        *KEYS, column("day").alias("contact_day"), one_if(in_year).alias("contacts")
    )
    return seen.group_by(*KEYS).agg(
        nw.col("contact_day").max(), nw.col("contacts").sum().cast(nw.Int32)
    )


def _heard(facts: Facts, days: Days) -> Frame | None:
    """The latest answer, its score, and the complaints that were open on each day."""
    settings = facts.settings
    if facts.feedback is None:
        return None
    age = column("at") - column("day")
    is_open = (age < settings.complaint_days) & (column("complaint_until") > column("at"))
    answered = ~column("score").is_null() & (age < settings.survey_days)
    # The latest answer, of several on one day the worst: the score rides behind the day.
    coded = column("day") * 10_000.0 + (10.0 - column("score")) * 100.0
    seen = days.upto(facts.feedback).select(
        *KEYS,
        column("day").alias("heard_day"),
        nw.when(is_open).then(column("day")).alias("complaint_day"),
        one_if(is_open).alias("complaints"),
        nw.when(answered).then(coded).alias("answer"),
    )
    found = seen.group_by(*KEYS).agg(
        nw.col("complaint_day").min(),
        nw.col("complaints").sum().cast(nw.Int32),
        nw.col("heard_day", "answer").max(),
    )
    answer_day = (column("answer") / 10_000.0).floor()
    score = 10.0 - (column("answer") - answer_day * 10_000.0) / 100.0
    return found.with_columns(
        answer_day.cast(nw.Int64).alias("answer_day"), score.alias("score")
    ).drop("answer")


def _asked(facts: Facts, days: Days) -> Frame | None:
    """The last cancellation request that is still looked at on each day."""
    if facts.requests is None:
        return None
    recent = column("day") > column("at") - facts.settings.request_days
    seen = days.upto(facts.requests).filter(recent)
    return seen.group_by(*KEYS).agg(nw.col("day").max().alias("request_day"))


def _yardsticks(facts: Facts, measured: Frame, days: Days) -> Frame:
    """See :func:`seen`."""
    gaps, before = column("gaps").cast(nw.Float64), column("before").cast(nw.Float64)
    mean_gap = column("gap_sum") / gaps
    within = column("gap_squares") - column("gap_sum") * mean_gap
    spread = column("before_squares") - column("before_log") * column("before_log") / before
    enough, ordered = gaps >= 2, before >= 2
    parts = measured.select(
        "at",
        nw.when(gaps >= 1).then(mean_gap).alias("base_gap"),
        nw.when(enough).then(within).otherwise(nw.lit(0.0)).alias("within"),
        nw.when(enough).then((gaps - 1.0) * mean_gap * mean_gap).alias("scale"),
        nw.when(ordered).then(spread).otherwise(nw.lit(0.0)).alias("spread"),
        nw.when(ordered).then(before - 1.0).alias("orders"),
    )
    sums = parts.group_by("at").agg(
        nw.col("base_gap").mean(), nw.col("within", "scale", "spread", "orders").sum()
    )
    # Rounded, so that no engine's order of adding moves a customer over a limit.
    figures = sums.select(
        "at",
        column("base_gap").round(6),
        _ratio("within", "scale").round(6).alias("base_gap_spread"),
        _ratio("spread", "orders").round(6).alias("base_order_spread"),
    )
    share = facts.settings.second_share
    seconds = days.upto(facts.purchases.filter(column("place") == 2)).group_by("at")
    waited = seconds.agg(
        nw.len().alias("seconds"), column("gap").quantile(share, "linear").alias("waited")
    )
    told = column("seconds") >= FEWEST_SECONDS
    by_then = waited.select("at", nw.when(told).then(column("waited")).alias("second_days"))
    return figures.join(by_then, on="at", how="left")


def _ratio(over: str, under: str) -> nw.Expr:
    positive = (column(under) > 0).fill_null(False)
    return nw.when(positive).then(column(over) / column(under)).otherwise(nw.lit(1.0))


def _flagged(measured: Frame, yardsticks: Frame, facts: Facts, days: Days) -> Frame:
    """Add what the signs compare, and whether each fires."""
    settings = facts.settings
    frame = measured.join(yardsticks, on="at", how="left")
    frame = _with_rhythm(frame, settings)
    frame = _with_orders(frame, settings)
    frame = _with_pace(frame, settings)
    tests = {
        "silent": (column("gaps") >= 1, _silent()),
        "falling_orders": (_can_fall(settings), _falling(settings)),
        # Who is silent already buys no longer, let alone less often.
        "slowing": (_can_slow(settings) & ~_silent(), _slowing(settings)),
        "no_second": (
            nw.lit(True),
            (column("purchases") == 1) & (column("silence") > column("second_days")),
        ),
    }
    if facts.ranges is not None:
        by_customer = habits(facts, days).group_by(*KEYS)
        frame = frame.join(
            by_customer.agg(nw.col("given_up").sum().cast(nw.Int32)), on=KEYS, how="left"
        )
        tests["range_abandoned"] = (~column("given_up").is_null(), column("given_up") > 0)
    if facts.feedback is not None:
        low = (column("score") <= settings.detractor_score).fill_null(False)
        upset = low | (column("complaints") > 0).fill_null(False)
        heard = column("heard_day") > column("at") - settings.survey_days
        tests["unhappy"] = (heard | upset, upset)
    if facts.contacts is not None:
        last = column("contact_day").fill_null(-NEVER)
        tests["neglected"] = (
            _can_neglect(facts),
            last < column("at") - settings.contact_days,
        )
    if facts.requests is not None:
        tests["leaving_spoken"] = (nw.lit(True), ~column("request_day").is_null())
    judged: dict[str, nw.Expr] = {}
    for code in facts.codes:
        can, fires = (test.fill_null(False) for test in tests[code])
        judged |= {f"can_{code}": one_if(can), f"fires_{code}": one_if(can & fires)}
    return frame.with_columns(**judged)


def _with_rhythm(frame: Frame, settings: SignalSettings) -> Frame:
    """Add ``silence``, ``rhythm`` (shrunk mean gap), ``limit``, all in days, and ``gap_spread``.

    Mean and squared coefficient of variation of a customer's gaps, shrunk towards the base's;
    the spread is widened by what is not known about the mean. The limit is the quantile of a
    gamma distribution of that mean and spread, after Wilson and Hilferty 1931,
    doi 10.1073/pnas.17.12.684.
    """
    weight = settings.prior_gaps
    gaps, total = column("gaps").cast(nw.Float64), column("gap_sum")
    enough = (gaps >= 2) & (total > 0)
    own_squares = (column("gap_squares") * gaps / (total * total) - 1.0) * gaps
    shrunk = (
        2 * weight * column("base_gap_spread")
        + nw.when(enough).then(own_squares).otherwise(nw.lit(0.0))
    ) / (2 * weight + nw.when(enough).then(gaps - 1.0).otherwise(nw.lit(0.0)))
    frame = frame.with_columns(
        (column("at") - column("last_day")).alias("silence"),
        ((total + weight * column("base_gap")) / (gaps + weight)).alias("rhythm"),
        nw.max_horizontal(shrunk, nw.lit(0.02)).alias("gap_spread"),
    )
    spread = column("gap_spread")
    frame = frame.with_columns(((spread + (1.0 + spread) / (gaps + weight)) / 9.0).alias("ninth"))
    z = _bound(settings.silent_share)
    root = 1.0 - column("ninth") + z * column("ninth").sqrt()
    limit = column("rhythm") * root * root * root
    least = nw.lit(float(settings.silent_least_days))
    return frame.with_columns(nw.max_horizontal(limit, least).alias("limit"))


def _with_orders(frame: Frame, settings: SignalSettings) -> Frame:
    """Add ``fall`` (log of the typical order now over before) and ``fall_z`` (against noise)."""
    weight = 2 * settings.prior_gaps
    now, then = column("lately").cast(nw.Float64), column("before").cast(nw.Float64)
    both = (now > 0) & (then > 0)
    spread = column("before_squares") - column("before_log") * column("before_log") / then
    variance = (weight * column("base_order_spread") + nw.max_horizontal(spread, nw.lit(0.0))) / (
        weight + then - 1.0
    )
    fall = column("lately_log") / now - column("before_log") / then
    noise = nw.max_horizontal(variance, nw.lit(1e-6)) * (1.0 / now + 1.0 / then)
    return frame.with_columns(
        nw.when(both).then(fall).alias("fall"),
        nw.when(both).then(noise.sqrt()).alias("fall_noise"),
    )


def _with_pace(frame: Frame, settings: SignalSettings) -> Frame:
    """Add ``expected`` purchases in the recent stretch and ``pace_noise``, what chance does to it.

    Counts of a renewal process: their variance is the expected number times the squared
    coefficient of variation of the gaps (Cox 1962).
    """
    recent, compared = float(settings.slowing_days), float(settings.compared_days)
    lived = (column("at") - column("first_day")).cast(nw.Float64) - recent
    # The purchase that made it a customer opens the stretch; it is no event in it.
    opening = nw.when(lived < compared).then(nw.lit(1.0)).otherwise(nw.lit(0.0))
    frame = frame.with_columns(
        nw.min_horizontal(nw.lit(compared), lived).alias("lived"),
        (column("earlier").cast(nw.Float64) - opening).alias("events"),
    )
    enough = (column("lived") >= compared / 2) & (column("events") > 0)
    ratio = recent / column("lived")
    half = column("half").cast(nw.Float64)
    rate = (column("events") + half) / (column("lived") + recent)
    noise = (column("gap_spread") * rate * recent * (1.0 + ratio)).sqrt()
    return frame.with_columns(
        nw.when(enough).then(column("events") * ratio).alias("expected"),
        nw.when(enough).then(noise).alias("pace_noise"),
    )


def habits(facts: Facts, days: Days) -> Frame:
    """One row a customer, range and day: ranges bought out of habit by who still buys.

    ``times`` it was bought, ``within`` how many purchases from the first to the last time,
    ``range_day`` of the last, ``last_place`` its place among the customer's purchases, ``passed``
    purchases since, all without it, ``range_share`` and ``given_up`` (0 or 1).
    """
    settings = facts.settings
    if facts.ranges is None:
        raise ValueError("habits needs the ranges")
    recent = days.upto(facts.ranges).filter(column("day") > column("at") - settings.memory_days)
    wide = recent.select(
        *KEYS,
        "product_range",
        column("day").alias("range_day"),
        column("place").alias("last_place"),
        column("place").alias("first_place"),
        nw.lit(1).alias("times"),
    )
    held = (
        wide.group_by(*KEYS, "product_range")
        .agg(
            nw.col("times").sum().cast(nw.Int64),
            nw.col("range_day", "last_place").max(),
            nw.col("first_place").min(),
        )
        .filter(
            column("times") >= settings.range_purchases,
            column("range_day") > column("at") - facts.window_days,
        )
    )
    bought = days.upto(facts.purchases).filter(column("day") > column("at") - facts.window_days)
    totals = bought.group_by(*KEYS).agg(nw.col("place").max().alias("total"))
    within = column("last_place") - column("first_place") + 1
    # Of the purchases from the first on, those with the range; half a case keeps it below all.
    share = (column("times") - 0.5) / within.cast(nw.Float64)
    joined = held.join(totals, on=KEYS, how="inner").with_columns(
        within.alias("within"),
        (column("total") - column("last_place")).alias("passed"),
        share.alias("range_share"),
    )
    chance = (column("passed") * (1.0 - column("range_share")).log()).exp()
    old = column("range_day") < column("at") - settings.range_days
    return joined.with_columns(one_if(old & (chance <= settings.range_chance)).alias("given_up"))


def _bound(chance: float) -> float:
    """How many standard deviations chance alone exceeds with that probability, on one side."""
    return NormalDist().inv_cdf(1 - chance)


def _can_fall(settings: SignalSettings) -> nw.Expr:
    """Whether a customer buys enough for its orders to be seen falling."""
    return (column("lately") >= settings.falling_recent) & (
        column("before") >= settings.falling_earlier
    )


def _falling(settings: SignalSettings) -> nw.Expr:
    kept = 1 - settings.falling_drop
    # The typical order, which one large order does not move, and the mean that people look at.
    now, before = column("lately_net") / column("lately"), column("before_net") / column("before")
    large = (column("fall") <= math.log(kept)) & (now <= kept * before)
    return large & (-column("fall") > _bound(settings.falling_chance) * column("fall_noise"))


def _silent() -> nw.Expr:
    beyond = (column("gaps") >= 1) & (column("silence") > column("limit"))
    return beyond.fill_null(False)


def _can_slow(settings: SignalSettings) -> nw.Expr:
    """Whether a customer bought enough, and still buys, for its rhythm to be seen slowing."""
    return (
        (column("half") >= settings.slowing_recent)
        & (column("earlier") >= settings.slowing_earlier)
        & ~column("expected").is_null()
    )


def _slowing(settings: SignalSettings) -> nw.Expr:
    half = column("half").cast(nw.Float64)
    large = half <= column("expected") * (1 - settings.slowing_drop)
    return large & (
        column("expected") - half > _bound(settings.slowing_chance) * column("pace_noise")
    )


def _can_neglect(facts: Facts) -> nw.Expr:
    """Whether the customer was one for long enough, may be contacted, and contacts are on file."""
    days = facts.settings.contact_days
    since = NEVER if facts.contacts_since is None else facts.contacts_since
    told = column("at") >= since + days
    return told & (column("no_contact") == 0) & (column("first_day") < column("at") - days)
