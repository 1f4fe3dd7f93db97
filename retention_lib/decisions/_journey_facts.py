"""What journeys are assigned on: everything known of every customer, gathered once."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

import narwhals as nw
import numpy as np

from retention_lib import progress
from retention_lib.base import engine
from retention_lib.base.customer_base import NET_DECIMALS, CustomerBase, require_base
from retention_lib.decisions._journey_returns import ASSUMED_RETURN, ReturnShare, return_share
from retention_lib.decisions._offer_facts import OfferFacts, gather_facts
from retention_lib.decisions._pressure_contacts import past_contacts
from retention_lib.portfolio._beginnings import first_day, seen_from
from retention_lib.portfolio._cross_customers import known_customers
from retention_lib.portfolio._lost_causes import read_cause
from retention_lib.portfolio._signals_facts import CANCELS, COMPLAINT, OUT, one_if, says
from retention_lib.portfolio.activity import standing
from retention_lib.portfolio.cross_sell import find_cross_sell
from retention_lib.portfolio.money import margin_basis
from retention_lib.portfolio.signals import SignalsResult, find_signals
from retention_lib.wording import Wording

if TYPE_CHECKING:
    import pandas as pd

YEAR = 365
COMPLAINT_MEMORY = 365
"""A complaint still open after so many days is one that nobody closed in the file."""
UNKNOWN_CHANCE = 0.15
"""The chance of leaving where neither a forecast nor the past tells one: an assumption."""
_SIGN_OF_REQUEST = "leaving_spoken"
_FOR_GOOD = ("closed_down", "deceased", "taken_over", "unpaid")


@dataclass(frozen=True, eq=False, kw_only=True)
class JourneyFacts:
    """Everything journeys are assigned on; see :func:`gather_journey_facts`.

    ``customers``, one row a customer ever known, by ``customer_id``:

    - who: ``name, account_manager`` (missing where unknown), ``contactable`` (false for who
      refused), ``is_contract``, ``active``;
    - days, as day numbers (missing where there is none): ``first_day`` (``acquired_on`` where
      earlier), ``acquired_day, last_day, closed_day, lost_day``; ``for_good``: closed for a
      reason that nothing brings back;
    - money: ``annual_value`` (active: of the last 365 days; else of the 365 up to the last
      purchase), in ``measure`` (``margin`` or ``revenue``);
    - ``purchases`` (in the activity window), ``lifetime_purchases``;
    - leaving: ``churn_probability`` (forecast; missing where there is none), ``at_risk`` (the same,
      or what stands for it), ``value_if_kept`` over ``horizon_days``, or what stands for it;
    - said: ``request_day`` (last request to leave), ``complaint_day`` (oldest open complaint of
      the last 365 days), ``open_complaints, complaints_year`` (of those days), ``open_ever`` (open
      ones of any age), ``score, score_day`` (last answer);
    - signs: ``sign_code, sign_evidence`` (the most telling one), ``signs`` (how many);
    - selling: ``lacking_range, lacking_kind`` (``lacks`` or ``little``), ``lacking_because,
      lacking_value`` (typical value a year), ``lacking_chance``;
    - contacts: ``contacts_30, contacts_365, last_contact_day``.

    ``average_risk``: mean forecast of the active. ``returns``: what won back customers bring of
    what they brought. ``seen_from``: the day number from which purchases are on file. ``lacks``:
    codes of what this base cannot tell.
    """

    customers: pd.DataFrame
    as_of: date
    as_of_day: int
    horizon_days: int
    measure: str
    average_risk: float
    seen_from: int
    window: int
    returns: ReturnShare = ASSUMED_RETURN
    lacks: tuple[str, ...] = ()
    risk_source: str = "forecast"
    request_rate: float = float("nan")
    offers: OfferFacts | None = None
    signals: SignalsResult | None = None
    wording: Wording = field(default_factory=Wording)

    def __len__(self) -> int:
        return len(self.customers)


def gather_journey_facts(
    base: CustomerBase,
    *,
    offers: OfferFacts | None = None,
    signals: SignalsResult | None = None,
    cross_sell: Any = None,
) -> JourneyFacts:
    """Gather everything that journeys and the plan hang on, once.

    The slow part (a churn model is fitted unless ``offers`` are given): do it once, and assign
    journeys on it as often as you like. ``offers``: of ``gather_facts(base)``; ``signals``: of
    ``find_signals(base)``; ``cross_sell``: of ``find_cross_sell(base)``; each is worked out where
    it is not handed over.
    """
    require_base(base)
    with progress.steps(base.wording, "journeys", total=3) as step:
        step("leaving")
        offers = gather_facts(base) if offers is None else offers
        step("signs")
        signals = find_signals(base) if signals is None else signals
        cross_sell = find_cross_sell(base) if cross_sell is None else cross_sell
        step("everybody")
        table, returns = _everybody(base)
        table = _with_selling(table, cross_sell, _margin_share(base))
        table = _with_signs(table, signals)
        table, source = _with_risk(table, offers, signals)
    active = table["active"].to_numpy(dtype=bool)
    known = table.loc[active, "churn_probability"]
    average = float(known.mean() if known.notna().any() else table.loc[active, "at_risk"].mean())
    return JourneyFacts(
        customers=table,
        as_of=base.as_of,
        as_of_day=base.as_of_day,
        horizon_days=offers.horizon_days,
        measure="margin" if margin_basis(base).known else "revenue",
        average_risk=average if active.any() else float("nan"),
        seen_from=seen_from(first_day(base)),
        window=base.activity_window_days,
        returns=returns,
        lacks=_lacks(base, offers, cross_sell),
        risk_source=source,
        request_rate=_rate_of(signals, _SIGN_OF_REQUEST, offers.horizon_days),
        offers=offers,
        signals=signals,
        wording=base.wording,
    )


def _everybody(base: CustomerBase) -> tuple[pd.DataFrame, ReturnShare]:
    """Everybody in the customers and the transactions, with what the tables say of them."""
    basis = margin_basis(base)
    worth = basis.expression() if basis.known else nw.col("amount")
    days = (
        base.visible("transactions")
        .select("customer_id", "day", nw.col("amount").alias("net"), worth.alias("worth"))
        .group_by("customer_id", "day")
        .agg(nw.col("net").sum().round(NET_DECIMALS), nw.col("worth").sum().round(NET_DECIMALS))
    )
    with engine.kept(days) as kept:
        bought = engine.collect(_bought(kept, base.as_of_day))
        returns = return_share(kept, base.as_of_day, base.activity_window_days, first_day(base))
    table = engine.collect(standing(base).drop("revenue", "lifetime_revenue"))
    table = bought.merge(table, on="customer_id", how="left")
    known = known_customers(base)
    listed = _listed(base)
    if known is not None:
        listed = engine.collect(known).merge(listed, on="customer_id", how="left")
    table = table.merge(listed, on="customer_id", how="outer")
    for found in (_requests(base), _feedback(base), past_contacts(base)):
        table = table.merge(found, on="customer_id", how="left")
    return _tidy(table.sort_values("customer_id", ignore_index=True), base), returns


def _bought(days: nw.LazyFrame[Any], now: int) -> nw.LazyFrame[Any]:
    """What each customer brought in the last year, and in the year up to its last purchase."""
    last = (
        days.filter(nw.col("net") > 0)
        .group_by("customer_id")
        .agg(nw.col("day").max().alias("until"))
    )
    joined = days.join(last, on="customer_id", how="left")
    lately = nw.col("day") > now - YEAR
    before = (nw.col("day") > nw.col("until") - YEAR).fill_null(False)
    none = nw.lit(0.0)
    return (
        joined.select(
            "customer_id",
            nw.when(lately).then(nw.col("worth")).otherwise(none).alias("value_now"),
            nw.when(before).then(nw.col("worth")).otherwise(none).alias("value_then"),
        )
        .group_by("customer_id")
        .agg(nw.col("value_now", "value_then").sum().round(NET_DECIMALS))
    )


def _listed(base: CustomerBase) -> pd.DataFrame:
    """What the customers table says besides: ``customer_id, acquired_day, cause``."""
    import pandas as pd

    if not base.has("customers"):
        return pd.DataFrame({"customer_id": pd.Series(dtype="str")})
    have = base.columns("customers")
    extra = {"acquired_on": "acquired_on_day", "closure_reason": "closure_reason"}
    wanted = [column for name, column in extra.items() if name in have]
    frame = base.visible("customers").select("customer_id", *wanted)
    each = [nw.col(name).min() for name in wanted]
    once = frame.group_by("customer_id").agg(nw.len().alias("rows"), *each)
    return engine.collect(once.drop("rows"))


def _requests(base: CustomerBase) -> pd.DataFrame:
    """The last request to leave of each customer: ``customer_id, request_day``."""
    if not base.has("interactions", "kind"):
        return _none_of("request_day")
    frame = base.visible("interactions").filter(says("kind", CANCELS))
    if base.has("interactions", "direction"):
        frame = frame.filter(~says("direction", OUT))
    last = nw.col("day").max().alias("request_day")
    return engine.collect(frame.group_by("customer_id").agg(last))


def _feedback(base: CustomerBase) -> pd.DataFrame:
    """Complaints of the last year and the last answer of each customer."""
    empty = _none_of(
        "complaint_day", "open_complaints", "complaints_year", "open_ever", "score", "score_day"
    )
    if not any(base.has("feedback", name) for name in ("kind", "score")):
        return empty
    nothing = nw.lit(None, dtype=nw.Float64)
    score = nw.col("score") if base.has("feedback", "score") else nothing
    complains = says("kind", COMPLAINT) if base.has("feedback", "kind") else score.is_null()
    told = base.has("feedback", "resolved_on")
    unsettled = nw.col("resolved_on_day").is_null() if told else nw.lit(True)
    recent = nw.col("day") > base.as_of_day - COMPLAINT_MEMORY
    is_open = complains & unsettled & recent
    usable = (score >= 0) & (score <= 10) & ~complains
    rows = base.visible("feedback").select(
        "customer_id",
        "day",
        nw.when(is_open).then(nw.col("day")).alias("complaint_day"),
        one_if(is_open).alias("open_complaints"),
        one_if(complains & recent).alias("complaints_year"),
        one_if(complains & unsettled).alias("open_ever"),
        nw.when(usable).then(nw.col("day")).alias("score_day"),
        nw.when(usable).then(score).alias("score"),
    )
    each = rows.group_by("customer_id").agg(
        nw.col("complaint_day").min(),
        nw.col("open_complaints", "complaints_year", "open_ever").sum().cast(nw.Int64),
        nw.col("score_day").max(),
    )
    # Two answers on one day: the worse one counts.
    last = rows.filter(~nw.col("score_day").is_null()).group_by("customer_id", "score_day")
    answers = engine.collect(last.agg(nw.col("score").min()))
    table = engine.collect(each)
    if table.empty:
        return empty
    return table.merge(answers, on=["customer_id", "score_day"], how="left")


def _none_of(*columns: str) -> pd.DataFrame:
    """A table of customers without any."""
    import pandas as pd

    nothing = {name: pd.Series(dtype="float64") for name in columns}
    return pd.DataFrame({"customer_id": pd.Series(dtype="str"), **nothing})


def _tidy(table: pd.DataFrame, base: CustomerBase) -> pd.DataFrame:
    """Every column there, of one type, whatever tables the base has."""
    for name in ("name", "account_manager", "closure_reason"):
        said = table[name].astype(object) if name in table else None
        table[name] = None if said is None else said.where(said.notna(), None)
    consent = table["contactable"].astype(float) if "contactable" in table else np.nan
    table["contactable"] = np.asarray(consent != 0, dtype=bool) | np.zeros(len(table), dtype=bool)
    for name in ("active", "is_contract"):
        table[name] = np.equal(table[name].astype(object).to_numpy(), True).astype(bool)
    counts = ("purchases", "lifetime_purchases", "open_complaints", "complaints_year", "open_ever")
    for name in (*counts, "contacts_30", "contacts_365"):
        table[name] = table[name].fillna(0).astype("int64")
    days = ("first_day", "last_day", "closed_day", "request_day", "complaint_day", "score_day")
    for name in (*days, "last_contact_day", "score"):
        table[name] = table[name].astype("float64")
    acquired = table.get("acquired_on_day")
    table["acquired_day"] = acquired.astype("float64") if acquired is not None else np.nan
    table["first_day"] = np.fmin(table["first_day"], table["acquired_day"])
    silent = table["last_day"] + base.activity_window_days
    lost = np.where(table["is_contract"], table["closed_day"], np.fmin(table["closed_day"], silent))
    table["lost_day"] = np.where(table["active"], np.nan, lost)
    causes = {text: read_cause(text)[0] for text in table["closure_reason"].dropna().unique()}
    table["cause"] = table["closure_reason"].map(causes)
    table["for_good"] = table["cause"].isin(_FOR_GOOD)
    value = np.where(table["active"], table["value_now"], table["value_then"])
    table["annual_value"] = np.nan_to_num(value.astype(float))
    unused = ("value_now", "value_then", "closure_reason", "acquired_on_day", "size", "sector")
    return table.drop(columns=[name for name in unused if name in table])


def _margin_share(base: CustomerBase) -> float:
    """What of revenue is margin; 1 where nobody knows, for revenue stands in its place."""
    basis = margin_basis(base)
    return float(basis.rate) if basis.known and basis.rate is not None else 1.0


def _with_selling(table: pd.DataFrame, cross: Any, margin: float) -> pd.DataFrame:
    """The one range of each customer that promises most: lacking, or bought little of."""
    import pandas as pd

    lacks = cross.table.assign(
        lacking_kind="lacks",
        lacking_range=cross.table["range_lacking"],
        lacking_because=cross.table["because"],
        lacking_value=cross.table["typical_annual_spend"].astype(float) * margin,
        lacking_chance=cross.table["confidence"].astype(float),
    )
    little = cross.up_sell().table
    little = little.assign(
        lacking_kind="little",
        lacking_range=little["product_range"],
        lacking_because=None,
        lacking_value=little["gap_to_typical"].astype(float) * margin,
        # One buyer in four always lies there: half of the gap is taken to be in reach.
        lacking_chance=0.5,
    )
    names = ["customer_id", "lacking_kind", "lacking_range", "lacking_because", "lacking_value"]
    names.append("lacking_chance")
    money = ["annual_spend", "typical_annual_spend"]
    found = pd.concat([lacks[names], little[[*names, *money]]], ignore_index=True)
    found["promise"] = found["lacking_value"] * found["lacking_chance"]
    found = found[found["promise"] > 0]
    order = ["customer_id", "promise", "lacking_kind", "lacking_range"]
    best = found.sort_values(order, ascending=[True, False, True, True])
    best = best.drop_duplicates("customer_id").drop(columns="promise")
    best = best.rename(
        columns={"annual_spend": "own_spend", "typical_annual_spend": "typical_spend"}
    )
    return table.merge(best, on="customer_id", how="left")


def _with_signs(table: pd.DataFrame, signals: SignalsResult) -> pd.DataFrame:
    """How many signs each customer shows, and the one after which most left in the past."""
    record = signals.track_record.table.set_index("signal_code")["hit_rate"]
    shown = signals.table[["customer_id", "signal_code", "evidence"]].copy()
    shown["hit_rate"] = shown["signal_code"].map(record).astype(float)
    shown = shown.sort_values("hit_rate", ascending=False, kind="stable", na_position="last")
    best = shown.drop_duplicates("customer_id").rename(
        columns={"signal_code": "sign_code", "evidence": "sign_evidence", "hit_rate": "sign_rate"}
    )
    counted = shown.groupby("customer_id").size().rename("signs").reset_index()
    table = table.merge(best, on="customer_id", how="left").merge(
        counted, on="customer_id", how="left"
    )
    table["signs"] = table["signs"].fillna(0).astype("int64")
    return table


def _with_risk(
    table: pd.DataFrame, offers: OfferFacts, signals: SignalsResult
) -> tuple[pd.DataFrame, str]:
    """Forecast and value where there are any; what stands for them where there are not."""
    import pandas as pd

    told = pd.DataFrame(
        {
            "customer_id": np.asarray(offers.customer_id, dtype=object),
            "churn_probability": offers.probability,
            "value_if_kept": offers.value,
        }
    )
    table = table.merge(
        told.astype({"customer_id": table["customer_id"].dtype}), on="customer_id", how="left"
    )
    horizon = offers.horizon_days
    forecast = table["churn_probability"].notna().any()
    base_rate = _base_rate(signals, horizon)
    source = "forecast" if forecast else "past" if np.isfinite(base_rate) else "assumed"
    usual = float(table["churn_probability"].mean()) if forecast else base_rate
    usual = usual if np.isfinite(usual) else UNKNOWN_CHANCE
    record = signals.track_record
    own = over_horizon(table["sign_rate"].to_numpy(dtype=float), record.horizon_days, horizon)
    risk = table["churn_probability"].to_numpy(dtype=float)
    risk = np.where(np.isfinite(risk), risk, np.where(np.isfinite(own), own, usual))
    active = table["active"].to_numpy(dtype=bool)
    table["at_risk"] = np.where(active, risk, np.nan)
    value = table["value_if_kept"].to_numpy(dtype=float)
    stands_for = table["annual_value"].to_numpy(dtype=float).clip(0) * horizon / YEAR
    value = np.where(np.isfinite(value), value, stands_for)
    table["value_if_kept"] = np.where(active, np.maximum(value, 0.0), np.nan)
    return table, source


def over_horizon(rate: Any, seen_days: int | None, horizon: int) -> Any:
    """A rate seen over so many days, over the horizon, at an even pace.

    >>> float(round(over_horizon(0.19, 90, 180), 4))
    0.3439
    """
    if not seen_days:
        return np.full_like(np.asarray(rate, dtype=float), np.nan)
    return 1 - (1 - np.asarray(rate, dtype=float)) ** (horizon / seen_days)


def _base_rate(signals: SignalsResult, horizon: int) -> float:
    """The share of customers without the sign of silence that was lost; missing where unknown."""
    record = signals.track_record
    rates = record.table.loc[record.table["signal_code"] == "silent", "base_rate"]
    known = float(rates.iloc[0]) if len(rates) else float("nan")
    return float(over_horizon(known, record.horizon_days, horizon))


def _rate_of(signals: SignalsResult, code: str, horizon: int) -> float:
    """The share of those with a proven sign that left, over the horizon; missing where unproven."""
    record = signals.track_record
    row = record.table[
        (record.table["signal_code"] == code) & (record.table["verdict_code"] == "proven")
    ]
    known = float(row["hit_rate"].iloc[0]) if len(row) else float("nan")
    return float(over_horizon(known, record.horizon_days, horizon))


def _lacks(base: CustomerBase, offers: OfferFacts, cross: Any) -> tuple[str, ...]:
    """Codes of what this base cannot tell."""
    missing = {
        "consent": not base.has("customers", "contactable"),
        "managers": not base.has("customers", "account_manager"),
        "requests": not base.has("interactions", "kind"),
        "complaints": not base.has("feedback"),
        "contacts": not base.has("interactions"),
        "forecast": not len(offers),
        "ranges": not cross.baskets.column,
    }
    return tuple(code for code, lacking in missing.items() if lacking)
