"""The key figures for a machine: each with its unit, its range, and a name that never changes."""

from __future__ import annotations

import json
import math
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retention_lib.base.known_names import shown_name
from retention_lib.base.workbooks import write_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from retention_lib.views._report_files import Results

FORMAT = 1
"""Raised when a name or a unit changes."""

_PACKAGES = ("duckdb", "narwhals", "numpy", "pandas", "scikit-learn", "scipy")


def write(results: Results, place: Path) -> None:
    """Write ``metrics.json``."""
    write_text(place, json.dumps(metrics(results), indent=2, ensure_ascii=False) + "\n")


def metrics(results: Results) -> dict[str, Any]:
    """What is measured, from what, and with which versions.

    Only ``made_on`` depends on the day; all the rest is the same whenever it is made again.
    """
    base = results.base
    return {
        "format": FORMAT,
        "made_on": date.today().isoformat(),
        "base": {
            "name": shown_name(base),
            "as_of": base.as_of.isoformat(),
            "activity_window_days": base.activity_window_days,
            "currency": base.wording.currency or None,
            "language": base.wording.language,
            "margin_rate": base.margin_rate,
        },
        "versions": _versions(),
        "figures": {name: found for name, found in _figures(results) if found["value"] is not None},
    }


def _versions() -> dict[str, str]:
    from importlib.metadata import PackageNotFoundError, version
    from platform import python_version

    import retention_lib

    found = {"retention_lib": retention_lib.__version__, "python": python_version()}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def _figure(
    value: Any, unit: str, low: Any = None, high: Any = None, **more: Any
) -> dict[str, Any]:
    found: dict[str, Any] = {"value": _plain(value), "unit": unit}
    if _plain(low) is not None and _plain(high) is not None:
        found |= {"low": _plain(low), "high": _plain(high)}
    return found | {name: said for name, said in more.items() if said is not None}


def _plain(value: Any) -> float | int | None:
    """A number that JSON can hold, to six digits: the last ones of a sum depend on the machine."""
    if value is None:
        return None
    number = float(value)
    if not math.isfinite(number):
        return None
    return int(number) if number == int(number) else float(f"{number:.6g}")


def _figures(results: Results) -> Iterator[tuple[str, dict[str, Any]]]:
    for part in (_size, _flows, _signals, _churn, _worth, _gain, _plan):
        found = results.tried(lambda part=part: list(part(results)))  # type: ignore[misc]
        yield from found or ()


def _size(results: Results) -> Iterator[tuple[str, dict[str, Any]]]:
    from retention_lib.base.opening import describe_base

    described = describe_base(results.base)
    yield "customers", _figure(described.customers, "customers")
    yield "customers_active", _figure(described.active, "customers")
    yield "purchases", _figure(described.purchases, "purchases")


def _flows(results: Results) -> Iterator[tuple[str, dict[str, Any]]]:
    flows = results.flows
    if flows is None or flows.table.empty:
        return
    last = flows.table.iloc[-1]
    period = str(last["period"])
    low, high = last.get("attrition_low"), last.get("attrition_high")
    yield (
        "attrition",
        _figure(last["attrition"], "share a period", low, high, sure=0.95, period=period),
    )
    for name in ("opening", "new", "won_back", "lost", "closing"):
        yield f"customers_{name}", _figure(last[name], "customers", period=period)
    for name in ("opening", "lost", "closing"):
        yield f"revenue_{name}", _figure(last[f"{name}_revenue"], "money", period=period)


def _signals(results: Results) -> Iterator[tuple[str, dict[str, Any]]]:
    if results.signals is None:
        return
    shown = results.signals.table["customer_id"].nunique()
    days = results.measured.activity_window_days
    yield "customers_with_signals", _figure(shown, "customers", activity_window_days=days)
    yield "value_behind_signals", _figure(results.signals.value, "money a year")


def _churn(results: Results) -> Iterator[tuple[str, dict[str, Any]]]:
    scores = results.scores
    if scores is None or scores.table.empty:
        return
    expected, low, high = scores.expected()
    days = scores.horizon_days
    yield (
        "customers_expected_to_leave",
        _figure(expected, "customers", low, high, sure=0.95, horizon_days=days),
    )
    table = results.model.scorecard.table
    model = table[table["method_code"] == results.model.scorecard.main].iloc[0]
    yield (
        "churn_ranks_right",
        _figure(model["auc"], "share of pairs", model["auc_low"], model["auc_high"], sure=0.95),
    )


def _worth(results: Results) -> Iterator[tuple[str, dict[str, Any]]]:
    value = results.value
    if value is not None:
        total = value.total.table
        active = total[total["group_code"] == "active"].iloc[0]
        yield (
            "value_of_active_customers",
            _figure(
                *(active["clv"], "money", active["clv_low"], active["clv_high"]),
                sure=0.9,
                horizon_days=value.horizon_days,
            ),
        )
    risk = results.risk
    if risk is not None:
        yield "value_at_risk", _figure(risk.total, "money", risk.low, risk.high, sure=0.9)


def _gain(results: Results) -> Iterator[tuple[str, dict[str, Any]]]:
    if results.gain is None:
        return
    for code, unit in (("profit_more", "money"), ("most_a_year", "money a year")):
        row = results.gain.table[results.gain.table["code"] == code]
        if len(row):
            found = row.iloc[0]
            yield (
                f"five_points_{code}",
                _figure(found["value"], unit, found["low"], found["high"], sure=0.9),
            )


def _plan(results: Results) -> Iterator[tuple[str, dict[str, Any]]]:
    plan = results.plan
    if plan is None:
        return
    table = plan.summary().table
    everything = table[table["journey_code"] == "all"]
    if everything.empty:
        return
    row = everything.iloc[0]
    yield "plan_customers", _figure(row["customers"], "customers")
    yield "plan_contacts", _figure(row["contacts"], "contacts")
    yield "plan_cost", _figure(row["cost"], "money")
    yield "plan_held_out", _figure(row["held_out"], "customers")
    yield (
        "plan_expected_profit",
        _figure(row["expected_profit"], "money", row["profit_low"], row["profit_high"], sure=0.9),
    )
