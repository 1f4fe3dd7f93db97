"""Key figures of the samples, so that no change of code changes them unseen.

``python tools/golden.py`` shows what has changed since ``tests/golden/figures.json`` was written;
``python tools/golden.py --write`` accepts it. A test works the figures out anew and names each one
that moved.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parent.parent
FILE = PROJECT / "tests" / "golden" / "figures.json"

Figure = int | float | str | None
Figures = dict[str, Figure]

SAME = 1e-9
"""How far a figure may be from the one on file, of itself: rounding."""
SAME_LEARNT = 1e-5
"""The same for what was learnt: optimisers end a shade elsewhere on another machine."""
LEARNT = ("churn", "lifetime", "offer", "journeys", "plan", "uplift", "types", "what if, risk")


def figures(*, long: bool = True) -> Figures:
    """All figures of all samples, as they are worked out now.

    Without ``long`` those of offers, journeys and the plan are left out: they take as long as all
    the others, and chapters 07 and 08 hold them in their checked outputs.
    """
    import retention_lib as rl

    found: Figures = {}
    for name, topics in (("b2b", _EVERY), ("cdnow", _WITHOUT_TABLES)):
        base = rl.open_base(PROJECT / "data" / "sample" / name)
        for topic in topics if long else [one for one in topics if one not in _LONG]:
            for key, value in topic(base):
                found[f"{name}: {key}"] = _plain(value)
    return found


def on_file() -> Figures:
    """The figures as they were when they were last looked at."""
    known: Figures = json.loads(FILE.read_text("utf-8"))
    return known


def drift(old: Mapping[str, Figure], new: Mapping[str, Figure]) -> list[str]:
    """Every figure that moved, came or went, with what it was and what it is.

    >>> drift({"b2b: customers": 400}, {"b2b: customers": 401})
    ['b2b: customers was 400 and is 401']
    """
    lines = [f"{key} is gone (was {old[key]})" for key in old if key not in new]
    lines += [f"{key} is new: {new[key]}" for key in new if key not in old]
    lines += [
        f"{key} was {old[key]} and is {new[key]}"
        for key in old
        if key in new and not same(key, old[key], new[key])
    ]
    return lines


def same(key: str, old: Figure, new: Figure) -> bool:
    """Whether two values of a figure are the same but for rounding."""
    if not isinstance(old, float) or not isinstance(new, float):
        return type(old) is type(new) and old == new
    learnt = key.partition(": ")[2].startswith(LEARNT)
    return math.isclose(old, new, rel_tol=SAME_LEARNT if learnt else SAME)


def _plain(value: Any) -> Figure:
    """A figure as JSON keeps it: whole numbers whole, others with twelve digits."""
    if isinstance(value, str) or value is None:
        return value
    number = float(value)
    if math.isnan(number):
        return None
    if not isinstance(value, float) and number.is_integer():
        return int(number)
    return float(f"{number:.12g}")


# --- The figures: what, and how it is found -----------------------------------------------------

_Found = Iterator[tuple[str, Any]]


def _base(base: Any) -> _Found:
    for table in base.tables:
        yield f"{table}, rows", len(base.to_pandas(table))
    yield "transactions, amount", float(base.to_pandas()["amount"].sum())
    yield "as of", str(base.as_of)


def _quality(base: Any) -> _Found:
    import retention_lib as rl

    table = rl.check_quality(base).to_frame()
    yield "quality, checks", len(table)
    yield "quality, rows concerned", int(table["rows"].sum())


def _flows(base: Any) -> _Found:
    import retention_lib as rl

    last = rl.measure_flows(base, period="quarter").to_frame().iloc[-1]
    for name in ("opening", "new", "won_back", "lost", "closing"):
        yield f"flows, {name}", last[name]
    for name in ("attrition", "opening_revenue", "lost_revenue", "closing_revenue"):
        yield f"flows, {name}", float(last[name])


def _cohorts(base: Any) -> _Found:
    import retention_lib as rl

    table = rl.retention_cohorts(base).to_frame()
    yield "cohorts, cells", int(table["customers"].notna().sum())
    yield "cohorts, customers seen", int(table["customers"].sum())


def _lost(base: Any) -> _Found:
    import retention_lib as rl

    lost = rl.list_lost(base)
    yield "lost, customers", len(lost.to_frame())
    yield "lost, value", float(lost.total)
    yield "lost, value at least", float(lost.total_low)
    yield "lost, value at most", float(lost.total_high)
    yield "lost, avoidable", int(lost.to_frame()["avoidable"].eq(True).sum())


def _portfolio(base: Any) -> _Found:
    import retention_lib as rl

    value = rl.measure_value(base)
    table = value.to_frame()
    yield "value, customers", len(table)
    yield "value, revenue", float(table["revenue"].sum())
    for letter, count in table["abc"].value_counts().sort_index().items():
        yield f"value, class {letter}", count
    for row in value.concentration().to_frame().itertuples():
        yield f"concentration, {row.measure_code}", float(row.figure)
    window = rl.measure_window(base)
    yield "window, proposed days", window.proposed_days
    needs = rl.measure_needs(base).to_frame()
    for row in needs.itertuples():
        yield f"needs, {row.step_code}", float(row.customers)
    migration = rl.segment_migration(base).moves
    yield "migration, moves", len(migration)


def _rfm(base: Any) -> _Found:
    import retention_lib as rl

    rfm = rl.score_rfm(base)
    table = rfm.to_frame()
    yield "rfm, monetary", float(table["monetary"].sum())
    for measure in "rfm":
        yield f"rfm, sum of {measure}", int(table[measure].sum())
    for segment, count in table["segment"].value_counts().sort_index().items():
        yield f"rfm, {segment}", count
    six = rl.score_rfm(base, scheme="six", bins=3).to_frame()["segment"]
    for segment, count in six.value_counts().sort_index().items():
        yield f"rfm six, {segment}", count


def _signals(base: Any) -> _Found:
    import retention_lib as rl

    signals = rl.find_signals(base, include="all")
    table = signals.to_frame()
    yield "signals, value at stake", float(table["value_at_stake"].sum())
    for code, count in table["signal_code"].value_counts().sort_index().items():
        yield f"signals, {code}", count
    for row in signals.track_record.to_frame().itertuples():
        yield f"signals, {row.signal_code} followed by loss", row.followed_by_loss


def _types(base: Any) -> _Found:
    import retention_lib as rl

    types = rl.find_types(base)
    yield "types, number", types.k
    for place, size in enumerate(sorted(types.to_frame()["type_code"].value_counts()), 1):
        yield f"types, customers of type {place}", size


def _selling(base: Any) -> _Found:
    import retention_lib as rl

    yield "cross-sell, customers", len(rl.find_cross_sell(base).to_frame())
    yield "people, customers", len(rl.check_people(base).to_frame())
    yield "opportunities, open", len(rl.check_opportunities(base).to_frame())


def _churn(base: Any) -> _Found:
    import retention_lib as rl

    model = rl.fit_churn(base)
    for row in model.scorecard.to_frame().itertuples():
        yield f"churn, auc of {row.method_code}", float(row.auc)
    scores = model.score(base).to_frame()
    yield "churn, scored", len(scores)
    yield "churn, expected to leave", float(scores["churn_probability"].sum())
    yield "churn, most likely", float(scores["churn_probability"].max())


def _lifetime(base: Any) -> _Found:
    import retention_lib as rl

    value = rl.value_customers(base)
    table = value.to_frame()
    yield "lifetime, total", float(value.total.clv)
    yield "lifetime, at least", float(value.total.low)
    yield "lifetime, at most", float(value.total.high)
    yield "lifetime, alive", float(table["p_alive"].sum())
    yield "lifetime, purchases", float(table["expected_purchases"].sum())


def _what_if(base: Any) -> _Found:
    import retention_lib as rl

    now = rl.Scenario.from_base(base)
    yield "what if, customers", float(now.customers)
    yield "what if, attrition", float(now.attrition.likely)
    table = rl.project(now).to_frame()
    yield "what if, customers at the end", float(table["customers"].iloc[-1])
    yield "what if, discounted profit", float(table["discounted_profit"].sum())
    changed = rl.project(now.keep_more(5)).to_frame()
    yield "what if, with five points", float(changed["discounted_profit"].sum())


def _offer(base: Any) -> _Found:
    import retention_lib as rl

    offered = rl.evaluate_offer(base)
    table = offered.to_frame()
    yield "offer, treated", int(table["treat"].sum())
    yield "offer, profit", float(table.loc[table["treat"], "expected_profit"].sum())


def _plan(base: Any) -> _Found:
    import retention_lib as rl

    journeys = rl.assign_journeys(base)
    table = journeys.to_frame()
    for code, count in table["journey_code"].value_counts().sort_index().items():
        yield f"journeys, {code}", count
    yield "journeys, at stake", float(table["at_stake"].sum())
    plan = rl.make_plan(base, budget=1_000, hours_per_week=2, facts=journeys)
    yield "plan, actions", len(plan.table)
    yield "plan, cost", float(plan.table["cost"].sum())
    yield "plan, profit", float(plan.table["expected_profit"].sum())
    yield "plan, held out", len(plan.held_out)
    yield "plan, left out", len(plan.left_out)


def _campaigns(base: Any) -> _Found:
    import retention_lib as rl

    for row in rl.past_effects(base).to_frame().itertuples():
        yield f"campaigns, buyers more in {row.campaign_id}", float(row.buyers_difference)
    result = rl.measure_campaign(base)
    yield "campaign, treated", result.treated
    yield "campaign, control", result.control
    yield "campaign, verdict", result.verdict_code
    sizes = rl.design_holdout(base).to_frame()
    yield "holdout, customers", len(sizes)


_Topic = Callable[[Any], _Found]
_WITHOUT_TABLES: tuple[_Topic, ...] = (_base, _flows, _cohorts, _lost, _portfolio, _rfm, _lifetime)
_EVERY: tuple[_Topic, ...] = (
    *_WITHOUT_TABLES,
    _quality,
    _signals,
    _types,
    _selling,
    _churn,
    _what_if,
    _campaigns,
    _offer,
    _plan,
)
_LONG: tuple[_Topic, ...] = (_offer, _plan)
LONG = ("offer", "journeys", "plan")
"""What the keys of those begin with."""


def main(arguments: list[str]) -> int:
    """Show what has changed, and with ``--write`` accept it."""
    sys.path.insert(0, str(PROJECT))
    new = figures()
    old = on_file() if FILE.is_file() else {}
    moved = drift(old, new)
    print("\n".join(moved) or f"All {len(new)} figures are as they were.")
    if "--write" not in arguments:
        return int(bool(moved))
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text(
        json.dumps(new, indent=1, ensure_ascii=False) + "\n", encoding="utf-8", newline="\n"
    )
    print(f"Wrote {FILE.relative_to(PROJECT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
