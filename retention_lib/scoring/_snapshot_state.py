"""How every customer stood on one date: sums in the engine, features from them in numpy.

The engine adds up (one row a customer comes out of it), numpy takes ratios: so every engine and
every way of asking, all customers at once, some of them or batch by batch, gives equal figures.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import narwhals as nw
import numpy as np
from numpy.typing import NDArray

from retention_lib.base import engine
from retention_lib.base.customer_base import NET_DECIMALS
from retention_lib.portfolio._signals_facts import one_if
from retention_lib.scoring._snapshot_dates import Dates, Moment, by_date
from retention_lib.scoring._snapshot_facts import Facts, Frame
from retention_lib.scoring._snapshot_model import Expectations
from retention_lib.scoring.features import WINDOWS

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]
Exprs = Mapping[str, nw.Expr]

_NONE: Exprs = MappingProxyType({})

YEAR = 365
LATELY = 90
"""Trends set the last so many days against the rest of the year before the date."""

FEWEST_DAYS_BEFORE = 30
"""A customer younger than that, before the stretch called lately, has no trend yet."""

PRIOR_GAPS = 2.0
"""The base's typical gap counts as so many gaps of the customer's own."""


def column(name: str) -> nw.Expr:
    """Short for a column."""
    return nw.col(name)


def known_on(purchases: Frame, dates: Dates) -> Frame:
    """The customers known on a date, those who had bought by then, and all that they had bought.

    One row a customer and date: ``day`` (of the last purchase), ``first_day``, ``purchases``,
    ``net_so_far`` and ``gap_squares`` of the whole past, and the sums of the windows before it.
    """
    windows = (*WINDOWS, LATELY)
    gap = column("gap").cast(nw.Float64).fill_null(0.0)
    season = _within(dates, YEAR) & (column("day") <= dates.day - YEAR + dates.horizon_days)
    return _sums(
        dates.on(purchases).filter(column("day") <= dates.day),
        dates,
        counts={
            "purchases": ~column("day").is_null(),
            **{f"purchases_{days}": _within(dates, days) for days in windows},
            "purchases_same_season": season,
        },
        values={
            "net_so_far": column("net"),
            "gap_squares": gap * gap,
            **{f"gross_{days}": _value_if(_within(dates, days), column("net")) for days in windows},
        },
        latest={"day": column("day")},
        earliest={"first_day": column("day")},
    )


def _next_purchases(purchases: Frame, dates: Dates) -> Frame:
    """The first purchase after the date, of those who made one before the horizon was over."""
    after = dates.on(purchases).filter(
        column("day") > dates.day, column("day") <= dates.day + dates.horizon_days
    )
    return _sums(after, dates, earliest={"next_day": column("day")})


@dataclass(frozen=True)
class Part:
    """Some of what features are made of, at most one row a customer and date."""

    frame: Frame
    begin: int | None = None
    """From which day on there is such a thing at all."""

    undated: bool = False
    """Nobody knows since when: only what is current may be told."""

    def shown(self, at: Moment) -> bool:
        """Whether anything of it is known on a date."""
        return at.current if self.undated else self.begin is None or self.begin <= at.day


def parts_of(facts: Facts, dates: Dates, known: Frame) -> list[Part]:
    """What the features of the dates are made of, at most one row a customer and date in each.

    The first, that of :func:`known_on`, has all customers known on a date; in the others those
    who have no row have nothing of the kind.
    """
    over = any(at.over for at in dates.moments)
    told, heard = facts.begins["interactions"], facts.begins["feedback"]
    frames = (
        (known, None),
        (_next_purchases(facts.purchases, dates) if over else None, None),
        (_refunded(facts, dates), None),
        (_ranges(facts, dates), None),
        # Before anything was written down nobody knows of contacts, not even of none.
        (None if told is None else _contacted(facts, dates), told),
        (None if told is None else _asked(facts, dates), told),
        (None if heard is None else _complained(facts, dates), heard),
        (_answered(facts, dates), None),
    )
    parts = [Part(frame, begin) for frame, begin in frames if frame is not None]
    if facts.people is not None:
        parts.append(Part(facts.people, undated=True))
    return [part for part in parts if any(part.shown(at) for at in dates.moments)]


def collected(parts: Sequence[Part], dates: Dates) -> list[list[pd.DataFrame]]:
    """The parts in pandas, those of each date by themselves, in the order of the dates."""
    pieces: list[list[pd.DataFrame]] = [[] for _ in dates.moments]
    for part in parts:
        rows = engine.collect(part.frame)
        for at, its in zip(dates.moments, by_date(rows, dates), strict=True):
            if part.shown(at):
                pieces[dates.moments.index(at)].append(its)
    return pieces


def _since(rows: Frame, dates: Dates, days: int = YEAR) -> Frame:
    met = dates.on(rows)
    return met.filter(column("day") <= dates.day, column("day") > dates.day - days)


def _within(dates: Dates, days: int) -> nw.Expr:
    within: nw.Expr = column("day") > dates.day - days
    return within


def _value_if(test: nw.Expr, value: nw.Expr) -> nw.Expr:
    return nw.when(test).then(value).otherwise(nw.lit(0.0))


def _sums(
    rows: Frame,
    dates: Dates,
    *,
    counts: Exprs = _NONE,
    values: Exprs = _NONE,
    latest: Exprs = _NONE,
    earliest: Exprs = _NONE,
) -> Frame:
    """Rows added up by customer: how often each test holds, values, latest and earliest days."""
    tests = {name: one_if(test) for name, test in counts.items()}
    wide = rows.select(*dates.keys, **tests, **values, **latest, **earliest)
    found: list[nw.Expr] = []
    if counts:
        found.append(nw.col(*counts).sum().cast(nw.Int64))
    if values:
        found.append(nw.col(*values).sum().round(NET_DECIMALS))
    if latest:
        found.append(nw.col(*latest).max())
    if earliest:
        found.append(nw.col(*earliest).min())
    return wide.group_by(*dates.keys).agg(*found)


def _refunded(facts: Facts, dates: Dates) -> Frame:
    values = {
        f"refunds_{days}": _value_if(_within(dates, days), column("refund")) for days in WINDOWS
    }
    return _sums(_since(facts.refunds, dates), dates, values=values)


def _ranges(facts: Facts, dates: Dates) -> Frame | None:
    """Ranges by the last day, up to the date, that each was bought on."""
    if facts.ranges is None:
        return None
    last = _since(facts.ranges, dates).filter(column("next_day") > dates.day)
    counts = {f"ranges_{days}": _within(dates, days) for days in WINDOWS}
    return _sums(last, dates, counts=counts)


def _contacted(facts: Facts, dates: Dates) -> Frame | None:
    if facts.contacts is None:
        return None
    counts = {f"contacts_{days}": _within(dates, days) for days in (30, YEAR)}
    personal = nw.when(column("personal") == 1).then(column("day"))
    rows = dates.on(facts.contacts).filter(column("day") <= dates.day)
    return _sums(rows, dates, counts=counts, latest={"contact_day": personal})


def _asked(facts: Facts, dates: Dates) -> Frame | None:
    if facts.requests is None:
        return None
    rows = _since(facts.requests, dates).group_by(*dates.keys)
    return rows.agg(nw.len().cast(nw.Int64).alias("requests"))


def _complained(facts: Facts, dates: Dates) -> Frame | None:
    if facts.complaints is None:
        return None
    rows = dates.on(facts.complaints).filter(column("day") <= dates.day)
    counts = {
        "complaints_365": _within(dates, YEAR),
        "complaints_open": column("until") > dates.day,
    }
    return _sums(rows, dates, counts=counts, latest={"complaint_day": column("day")})


def _answered(facts: Facts, dates: Dates) -> Frame | None:
    if facts.answers is None:
        return None
    given = dates.on(facts.answers)
    latest = given.filter(column("day") <= dates.day, column("next_day") > dates.day)
    return latest.select(*dates.keys, "score")


def typical_gaps(known: Frame, dates: Dates) -> list[float]:
    """For each date the mean over the customers with a second purchase of their mean gap, in days.

    ``known`` is that of :func:`known_on`, of all customers. Missing where nobody came back.
    """
    again = known.filter(column("purchases") >= 2)
    days = (column("day") - column("first_day")).cast(nw.Float64) / (column("purchases") - 1)
    if dates.listed is None:
        found = {dates.day: engine.one_row(again.select(days.mean().alias("gap")))["gap"]}
    else:
        gaps = again.select("at", days.alias("gap")).group_by("at").agg(nw.col("gap").mean())
        rows = engine.collect(gaps)
        found = dict(zip(rows["at"].tolist(), rows["gap"].tolist(), strict=True))
    means = (found.get(at.day) for at in dates.moments)
    # Rounded, so that the order in which an engine adds moves nobody.
    return [math.nan if mean is None else round(float(mean), 6) for mean in means]


class Sums:
    """What is known of each customer on a date, as arrays of floating numbers, by code."""

    def __init__(self, parts: Sequence[pd.DataFrame], customers: pd.DataFrame) -> None:
        codes = parts[0]["code"].to_numpy(dtype=np.int64)
        self.codes: NDArray[np.int64] = np.sort(codes)
        least, most = (int(codes.min()), int(codes.max())) if len(codes) else (0, -1)
        # Where each code stands among the sorted; -1 where it is not known on the date.
        self._least = least
        self._places = np.full(most - least + 1, -1, np.int64)
        self._places[self.codes - least] = np.arange(len(codes))
        self._columns: dict[str, Floats] = {}
        for part in (*parts, customers):
            self._align(part)
        del self._places

    def _align(self, part: pd.DataFrame) -> None:
        """The rows of a frame in the order of the codes; who has none is missing."""
        theirs = part["code"].to_numpy(dtype=np.int64) - self._least
        inside = (theirs >= 0) & (theirs < len(self._places))
        place = self._places[theirs[inside]]
        known = place >= 0
        for name in part.columns.drop("code"):
            values = part[name].to_numpy(dtype=np.float64, na_value=np.nan)[inside]
            aligned = np.full(len(self.codes), np.nan)
            aligned[place[known]] = values[known]
            self._columns[name] = aligned

    def __len__(self) -> int:
        return len(self.codes)

    def __contains__(self, name: str) -> bool:
        return name in self._columns

    def __getitem__(self, name: str) -> Floats:
        return self._columns[name]

    def counted(self, name: str) -> Floats:
        """A sum or a count: who has no row has nothing."""
        return np.nan_to_num(self[name], nan=0.0)


def label_of(sums: Sums, at: Moment) -> tuple[NDArray[np.bool_], Floats]:
    """Who is eligible on the date, and 1 who churned in the horizon, 0 who did not.

    Missing where the customer is not eligible or the horizon is not over.
    """
    end = at.day + at.horizon_days
    contract = sums["contract_day"] <= at.day
    closed_day = sums["shut_day"]
    bought = sums["day"] > at.day - at.window_days
    eligible = (bought | contract) & (closed_day > at.day)
    closed = closed_day <= end
    if at.over:
        # Whose next purchase is not known made none in the horizon.
        silent = ~(sums["next_day"] <= end)
        churned = np.where(contract, closed, closed | silent).astype(np.float64)
    else:
        churned = np.full(len(sums), np.nan)
    churned[~eligible] = np.nan
    return eligible, churned


def features_of(
    sums: Sums, at: Moment, base_gap: float, expected: Expectations | None, names: Sequence[str]
) -> dict[str, Floats]:
    """The features of those names, from the state of the customers on the date."""
    found: dict[str, Any] = {
        **_loyalty(sums, at),
        **_rhythm(sums, at, base_gap),
        **_windows(sums),
        **_trends(sums, at),
        **_season(at),
        **_heard(sums, at),
    }
    if any(name in names for name in ("expected_purchases", "no_purchase_probability")):
        found |= _expected(sums, at, expected)
    missing = np.full(len(sums), np.nan)
    return {name: np.broadcast_to(found.get(name, missing), len(sums)) for name in names}


def _loyalty(sums: Sums, at: Moment) -> dict[str, Floats]:
    since = np.fmin(sums["first_day"], sums["acquired_day"])
    return {
        "recency_days": at.day - sums["day"],
        "tenure_days": at.day - since,
        "purchases_total": sums["purchases"],
        "is_contract": (sums["contract_day"] <= at.day).astype(np.float64),
    }


def _rhythm(sums: Sums, at: Moment, base_gap: float) -> dict[str, Floats]:
    """The customer's own gaps, and its silence as a multiple of the gap typical for it."""
    gaps, total = sums["purchases"] - 1.0, sums["day"] - sums["first_day"]
    mean = _ratio(total, gaps)
    spread = np.maximum(sums["gap_squares"] - total * np.nan_to_num(mean), 0.0)
    deviation = np.sqrt(_ratio(spread, gaps - 1.0))
    typical = (total + PRIOR_GAPS * base_gap) / (gaps + PRIOR_GAPS)
    return {
        "mean_gap_days": mean,
        "gap_spread": deviation / mean,
        "overdue_ratio": (at.day - sums["day"]) / typical,
    }


def _windows(sums: Sums) -> dict[str, Floats]:
    found: dict[str, Floats] = {"purchases_same_season": sums.counted("purchases_same_season")}
    for days in WINDOWS:
        bought, gross = sums.counted(f"purchases_{days}"), sums.counted(f"gross_{days}")
        refunds = sums.counted(f"refunds_{days}")
        found |= {f"purchases_{days}": bought, f"refunds_{days}": refunds}
        # Of 0.1 + 0.2 - 0.3 nothing is left.
        found[f"spend_{days}"] = np.round(gross - refunds, NET_DECIMALS)
        if f"ranges_{days}" in sums:
            found[f"ranges_{days}"] = sums.counted(f"ranges_{days}")
    gross, bought = sums.counted("gross_365"), sums.counted("purchases_365")
    found["refund_share"] = _ratio(sums.counted("refunds_365"), gross)
    ever = sums["net_so_far"] / sums["purchases"]
    found["basket"] = np.where(bought > 0, _ratio(gross, bought), ever)
    return found


def _trends(sums: Sums, at: Moment) -> dict[str, Floats]:
    """Lately against before as (lately - before) / (lately + before): from -1 to 1.

    Purchases and spend a day; the days before are those of the year in which the customer was one.
    Where there is nothing on either side, or hardly a before, there is no trend.
    """
    lived = np.minimum(at.day - sums["first_day"] + 1.0, float(YEAR)) - LATELY
    before = np.where(lived >= FEWEST_DAYS_BEFORE, lived, np.nan)
    count, gross, back = (f"{stem}_{LATELY}" for stem in ("purchases", "gross", "refunds"))
    now, then = sums.counted(count), sums.counted("purchases_365") - sums.counted(count)
    value, earlier = sums.counted(gross), sums.counted("gross_365") - sums.counted(gross)
    spent = np.maximum(value - sums.counted(back), 0.0)
    refunded_before = sums.counted("refunds_365") - sums.counted(back)
    spent_before = np.maximum(np.round(earlier - refunded_before, NET_DECIMALS), 0.0)
    return {
        "purchases_trend": _change(now / LATELY, then / before),
        "spend_trend": _change(np.round(spent, NET_DECIMALS) / LATELY, spent_before / before),
        "basket_trend": _change(_ratio(value, now), _ratio(np.round(earlier, NET_DECIMALS), then)),
    }


def _season(at: Moment) -> dict[str, Any]:
    angle = 2 * math.pi * engine.day_of(at.day).timetuple().tm_yday / 365.25
    return {"season_sine": math.sin(angle), "season_cosine": math.cos(angle)}


def _heard(sums: Sums, at: Moment) -> dict[str, Floats]:
    """Contacts, complaints, answers and people, of those that the base has."""
    found: dict[str, Floats] = {}
    for name in ("contacts_30", "contacts_365", "complaints_365", "complaints_open"):
        if name in sums:
            found[name] = sums.counted(name)
    if "people_known" in sums:
        found["people_known"] = sums.counted("people_known")
    if "requests" in sums:
        found["asked_to_leave"] = (sums.counted("requests") > 0).astype(np.float64)
    if "contact_day" in sums:
        found["days_since_contact"] = at.day - sums["contact_day"]
    if "complaint_day" in sums:
        found["days_since_complaint"] = at.day - sums["complaint_day"]
    if "score" in sums:
        found["satisfaction"] = sums["score"]
    return found


def _expected(sums: Sums, at: Moment, expected: Expectations | None) -> dict[str, Floats]:
    if expected is None:
        return {}
    age, span = at.day - sums["first_day"], sums["day"] - sums["first_day"]
    bought, nothing = expected.of(sums["purchases"] - 1.0, span, age)
    return {"expected_purchases": bought, "no_purchase_probability": nothing}


def _ratio(over: Floats, under: Floats) -> Floats:
    """Missing where there is nothing to divide by."""
    positive = under > 0
    found: Floats = np.where(positive, over / np.where(positive, under, 1.0), np.nan)
    return found


def _change(now: Floats, before: Floats) -> Floats:
    return _ratio(now - before, now + before)
