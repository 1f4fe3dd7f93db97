"""One small base with everything awkward in it, and every question that an engine must answer.

``tables()`` gives pandas tables to hand to any engine, ``QUESTIONS`` what is asked of the base
made from them, each answer one table in the order of its keys, and ``assert_alike`` compares the
answers of two engines, cell by cell. A model learnt for one question serves the next one, as long
as the base lives.
"""

from __future__ import annotations

import math
import numbers
import os
from collections.abc import Callable
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import pandas as pd

import retention_lib as rl
from retention_lib.base import engine
from retention_lib.base.customer_base import CustomerBase

AS_OF = date(2025, 12, 31)
CUSTOMERS = 150
NOTHING = 1e-5
"""A thousandth of a cent: numbers about 0 may differ by so much."""

Question = Callable[[CustomerBase], pd.DataFrame]

QUESTIONS: dict[str, Question] = {}
"""Everything asked, by a name that says what."""
DEAR: set[str] = set()
"""The questions that learn models: they cost more than all the others together."""

SHARED: Path | None = None
"""Where the workers of one run of the tests keep the reference answers for each other."""

_ANSWERED: WeakKeyDictionary[CustomerBase, dict[str, Any]] = WeakKeyDictionary()


# --- The base -----------------------------------------------------------------------------------


@cache
def _simulated() -> dict[str, pd.DataFrame]:
    from retention_lib.base.simulate import simulate_tables

    made, _ = simulate_tables(CUSTOMERS, seed=8, years=3, end=AS_OF, language="fr")
    return {name: frame for name, frame in made.items() if len(frame)}


def _day(days_ago: int) -> pd.Timestamp:
    return pd.Timestamp(AS_OF) - timedelta(days=days_ago)


def _awkward_lines() -> pd.DataFrame:
    """Days that only refund, cents that add up to nothing, ties, one-time buyers, accents."""
    rows: list[tuple[str, int, float]] = []
    # 0.1 + 0.2 - 0.3 is no purchase, in whatever order it is added.
    rows += [("CENTS", 40, 0.1), ("CENTS", 40, 0.2), ("CENTS", 40, -0.3), ("CENTS", 300, 0.3)]
    rows += [("REFUND", 500, 120.0), ("REFUND", 90, -120.0), ("REFUND", 20, -5.5)]
    # Three customers like one another in everything but the name.
    rows += [(name, ago, 99.99) for name in ("TIE-A", "TIE-B", "TIE-C") for ago in (400, 200, 10)]
    rows += [(f"ONCE-{n}", 30 + 60 * n, 12.34) for n in range(8)]
    rows += [("Éloïse & fils", ago, 33.33) for ago in (700, 600, 450, 330, 250, 140, 60)]
    rows += [("Ünïted", ago, 1e-4) for ago in (15, 45)]
    # Many small lines on one day: float sums depend on the order of adding.
    rows += [("MANY", 75, value) for value in [0.1, 0.7, 1e6, -1e6, 0.3] * 6]
    # On the first and last day of the window, and of the year.
    rows += [("EDGE", 365, 50.0), ("EDGE-OUT", 366, 50.0), ("EDGE-IN", 364, 50.0), ("EDGE", 0, 5.0)]
    frame = pd.DataFrame(rows, columns=["customer_id", "ago", "amount"])
    frame["product_range"] = None
    # Lamps and bulbs go together, so that there is something to offer the three who lack bulbs.
    pairs = [
        (f"LAMP-{n}", what) for n in range(14) for what in ("Lampes", "Ampoules")[: 2 - (n < 3)]
    ]
    bought = pd.DataFrame(pairs, columns=["customer_id", "product_range"])
    frame = pd.concat([frame, bought.assign(ago=55, amount=20.0)], ignore_index=True)
    frame["date"] = frame.pop("ago").map(_day)
    frame["margin"] = frame["amount"].where(frame["customer_id"] != "MANY")
    return frame


def _awkward_customers() -> pd.DataFrame:
    """Accounts without a name or an answer, closed long ago, tomorrow, or never opened."""
    nobody: dict[str, Any] = {
        "name": None,
        "contactable": None,
        "closed_on": pd.NaT,
        "sector": None,
    }
    rows = [
        {**nobody, "customer_id": "CENTS"},
        {**nobody, "customer_id": "REFUND", "closed_on": _day(10), "contactable": True},
        {**nobody, "customer_id": "TIE-A", "name": "Zoé", "contactable": True},
        {**nobody, "customer_id": "TIE-B", "name": "Zoé", "contactable": True},
        {**nobody, "customer_id": "TIE-C", "name": "Zoé", "contactable": True},
        {**nobody, "customer_id": "Éloïse & fils", "name": "Éloïse & fils", "sector": "Commerce"},
        {**nobody, "customer_id": "EDGE", "closed_on": _day(-30), "contactable": False},
        {**nobody, "customer_id": "NEVER-BOUGHT", "name": "Prospect", "contactable": True},
    ]
    return pd.DataFrame(rows)


def tables() -> dict[str, pd.DataFrame]:
    """All seven tables as pandas frames, copies of one's own; columns in plain types."""
    made = {name: frame.copy() for name, frame in _simulated().items()}
    for name, more in (("transactions", _awkward_lines()), ("customers", _awkward_customers())):
        kinds = made[name].dtypes
        joined = pd.concat([made[name], more[[c for c in more if c in kinds]]], ignore_index=True)
        joined["contactable"] = joined.get("contactable", pd.Series()).astype("boolean")
        made[name] = joined[list(kinds.index)].astype(kinds.drop("contactable", errors="ignore"))
    for frame in made.values():
        for name in frame.columns:
            if isinstance(frame[name].dtype, pd.CategoricalDtype):
                frame[name] = frame[name].astype("str")
    return made


def base_of(made: dict[str, Any]) -> CustomerBase:
    """The base of those tables, in whatever engine they are."""
    return CustomerBase.from_tables(**made, as_of=AS_OF, language="en", currency="EUR")


@cache
def _reference() -> CustomerBase:
    return base_of(tables())


@cache
def duckdb_answer(asked: str) -> pd.DataFrame:
    """What DuckDB answers to a question: the reference, worked out once a run of the tests."""
    if SHARED is None:
        return QUESTIONS[asked](_reference())
    kept = SHARED / f"{list(QUESTIONS).index(asked)}.pickle"
    if not kept.exists():
        # Written beside its place: another worker never finds half of it.
        fresh = kept.with_suffix(f".{os.getpid()}")
        QUESTIONS[asked](_reference()).to_pickle(fresh)
        fresh.replace(kept)
    answer: pd.DataFrame = pd.read_pickle(kept)
    return answer


def _once(base: CustomerBase, what: str, find: Callable[[CustomerBase], Any]) -> Any:
    known = _ANSWERED.setdefault(base, {})
    if what not in known:
        known[what] = find(base)
    return known[what]


# --- The questions ------------------------------------------------------------------------------


def _asks(name: str, *keys: str, dear: bool = False) -> Callable[[Question], Question]:
    def added(ask: Question) -> Question:
        def answer(base: CustomerBase) -> pd.DataFrame:
            frame = ask(base)
            return (
                frame.sort_values(list(keys), ignore_index=True)
                if keys
                else frame.reset_index(drop=True)
            )

        QUESTIONS[name] = answer
        if dear:
            DEAR.add(name)
        return ask

    return added


def _said(*texts: object) -> pd.DataFrame:
    return pd.DataFrame({"said": [str(text) for text in texts]})


@_asks("days", "customer_id", "day")
def _(base: CustomerBase) -> pd.DataFrame:
    return engine.collect(base.customer_days())


@_asks("flows by year")
def _(base: CustomerBase) -> pd.DataFrame:
    return rl.measure_flows(base).to_frame()


@_asks("flows by month")
def _(base: CustomerBase) -> pd.DataFrame:
    return rl.measure_flows(base, period="month").to_frame()


@_asks("cohorts", "cohort", "age")
def _(base: CustomerBase) -> pd.DataFrame:
    return _once(base, "cohorts", rl.retention_cohorts).to_frame()


@_asks("cohorts in words")
def _(base: CustomerBase) -> pd.DataFrame:
    found = _once(base, "cohorts", rl.retention_cohorts)
    return _said(found.sentence(), found.finding(), found.revenue().sentence())


@_asks("value", "customer_id")
def _(base: CustomerBase) -> pd.DataFrame:
    return _once(base, "value", rl.measure_value).to_frame()


@_asks("value in order")
def _(base: CustomerBase) -> pd.DataFrame:
    # Whoever is shown first is shown first on every engine, ties included.
    return _once(base, "value", rl.measure_value).to_frame()[["customer_id", "abc"]]


@_asks("concentration")
def _(base: CustomerBase) -> pd.DataFrame:
    return _once(base, "value", rl.measure_value).concentration().to_frame()


@_asks("tenure")
def _(base: CustomerBase) -> pd.DataFrame:
    return rl.value_by_tenure(base).to_frame()


@_asks("needs")
def _(base: CustomerBase) -> pd.DataFrame:
    return rl.measure_needs(base).to_frame()


@_asks("profiles")
def _(base: CustomerBase) -> pd.DataFrame:
    return rl.profile_segments(base).to_frame()


@_asks("migration")
def _(base: CustomerBase) -> pd.DataFrame:
    found = rl.segment_migration(base, draws=10)
    return pd.concat([found.to_frame(), _said(found.finding())], ignore_index=True)


@_asks("types", "customer_id")
def _(base: CustomerBase) -> pd.DataFrame:
    return rl.find_types(base, k=3).to_frame()


def _cross_sell(base: CustomerBase) -> Any:
    return rl.find_cross_sell(base, min_cases=3, min_support=0.005)


@_asks("cross-sell")
def _(base: CustomerBase) -> pd.DataFrame:
    found = _once(base, "cross-sell", _cross_sell)
    parts = [found.to_frame(), found.rules().to_frame(), found.up_sell().to_frame()]
    return pd.concat(parts, ignore_index=True)


@_asks("people", "customer_id")
def _(base: CustomerBase) -> pd.DataFrame:
    return rl.check_people(base).to_frame()


@_asks("opportunities")
def _(base: CustomerBase) -> pd.DataFrame:
    return rl.check_opportunities(base).to_frame()


@_asks("window")
def _(base: CustomerBase) -> pd.DataFrame:
    return rl.measure_window(base).to_frame()


@_asks("replacement")
def _(base: CustomerBase) -> pd.DataFrame:
    return rl.measure_replacement(base).to_frame()


@_asks("lost", "customer_id")
def _(base: CustomerBase) -> pd.DataFrame:
    return rl.list_lost(base).to_frame()


@_asks("rfm, classic", "customer_id")
def _(base: CustomerBase) -> pd.DataFrame:
    return _once(base, "rfm", rl.score_rfm).to_frame()


@_asks("rfm, six", "customer_id")
def _(base: CustomerBase) -> pd.DataFrame:
    return rl.score_rfm(base, scheme="six", bins=3).to_frame()


@_asks("rfm, cut points")
def _(base: CustomerBase) -> pd.DataFrame:
    return _once(base, "rfm", rl.score_rfm).cut_points


@_asks("quality")
def _(base: CustomerBase) -> pd.DataFrame:
    return rl.check_quality(base).to_frame()


@_asks("pressure")
def _(base: CustomerBase) -> pd.DataFrame:
    return rl.measure_pressure(base).to_frame()


@_asks("signals", "customer_id", "signal")
def _(base: CustomerBase) -> pd.DataFrame:
    return _once(base, "signals", rl.find_signals).to_frame()


@_asks("signals, track record")
def _(base: CustomerBase) -> pd.DataFrame:
    return _once(base, "signals", rl.find_signals).track_record.to_frame()


@_asks("snapshots", "customer_id", "date")
def _(base: CustomerBase) -> pd.DataFrame:
    return rl.take_snapshots(base, ["2024-12-31", "2025-09-30"]).to_frame()


@_asks("purchase histories", "customer_id")
def _(base: CustomerBase) -> pd.DataFrame:
    from retention_lib.portfolio.money import margin_basis
    from retention_lib.scoring._lifetime_facts import kept_days

    with kept_days(base, margin_basis(base)) as days:
        assert days is not None
        return days.facts(base.as_of_day)


def _scores(base: CustomerBase) -> Any:
    return _once(base, "churn", rl.fit_churn).score(base)


@_asks("churn, score card", dear=True)
def _(base: CustomerBase) -> pd.DataFrame:
    return _once(base, "churn", rl.fit_churn).scorecard.to_frame()


@_asks("churn, scores", "customer_id", dear=True)
def _(base: CustomerBase) -> pd.DataFrame:
    return _once(base, "scores", _scores).to_frame()


@_asks("lifetime value", "customer_id", dear=True)
def _(base: CustomerBase) -> pd.DataFrame:
    return rl.value_customers(base).to_frame()


def _journeys(base: CustomerBase) -> Any:
    from retention_lib.decisions._journey_facts import gather_journey_facts
    from retention_lib.decisions._offer_facts import gather_facts

    # The same model, signs and rules as above: what journeys add is asked, not all again.
    offers = gather_facts(base, scores=_once(base, "scores", _scores))
    signals = _once(base, "signals", rl.find_signals)
    cross = _once(base, "cross-sell", _cross_sell)
    facts = gather_journey_facts(base, offers=offers, signals=signals, cross_sell=cross)
    return rl.assign_journeys(base, facts=facts)


@_asks("journeys", "customer_id", dear=True)
def _(base: CustomerBase) -> pd.DataFrame:
    return _once(base, "journeys", _journeys).to_frame()


@_asks("plan", "customer_id", "date", "channel", dear=True)
def _(base: CustomerBase) -> pd.DataFrame:
    return rl.make_plan(base, facts=_once(base, "journeys", _journeys), budget=500).table


# --- Comparing ----------------------------------------------------------------------------------


def assert_alike(
    ours: pd.DataFrame, theirs: pd.DataFrame, *, rel: float = 1e-9, what: str = ""
) -> None:
    """Fail with the cells that differ: numbers to rounding, all else exactly.

    ``rel`` is of the number itself; beside 0, ``NOTHING`` counts for nothing.
    """
    assert list(ours.columns) == list(theirs.columns), f"{what}: other columns"
    assert len(ours) == len(theirs), f"{what}: {len(ours)} rows, there {len(theirs)}"
    wrong = []
    for name in ours.columns:
        for row, (one, other) in enumerate(zip(ours[name], theirs[name], strict=True)):
            if not _same(one, other, rel):
                wrong.append(f"  {name}, row {row}: {one!r}, there {other!r}")
    told = "\n".join(wrong[:12])
    assert not wrong, f"{what}: {len(wrong)} cells differ\n{told}"


def _same(one: Any, other: Any, rel: float) -> bool:
    if _missing(one) or _missing(other):
        return _missing(one) and _missing(other)
    if _is_number(one) and _is_number(other):
        return math.isclose(float(one), float(other), rel_tol=rel, abs_tol=NOTHING)
    if isinstance(one, date | datetime | np.datetime64 | pd.Timestamp):
        return pd.Timestamp(one) == pd.Timestamp(other)
    if isinstance(one, list | tuple | np.ndarray):
        return len(one) == len(other) and all(map(_same, one, other, [rel] * len(one)))
    return bool(one == other)


def _is_number(value: Any) -> bool:
    return isinstance(value, numbers.Number | np.number) and not isinstance(value, bool | np.bool_)


def _missing(value: Any) -> bool:
    return value is None or (pd.api.types.is_scalar(value) and bool(pd.isna(value)))
