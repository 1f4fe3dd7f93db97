"""A plan in the columns of ``make_plan``, small enough to check by hand and made in no time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from types import SimpleNamespace
from typing import Any

import pandas as pd

from retention_lib.results import Listing
from retention_lib.wording import Language, Wording

PLAN = "PLAN-2026-01-05"
WORDS = {"call": ("call", "appel"), "email": ("email", "e-mail"), "task": ("task", "tâche")}
WORDS["visit"] = ("visit", "visite")


def action(customer: str, day: int, channel: str = "call", **given: Any) -> dict[str, Any]:
    """One action on that day of January 2026."""
    return {
        "customer_id": customer,
        "name": f"Société {customer}",
        "date": pd.Timestamp(2026, 1, day),
        "channel": channel,
        "journey": "Cold retention",
        "message": "Retention call",
        "owner": "Béa Villeneuve",
        "cost": 12.5,
        "expected_profit": 80.0,
        "why": "42 % likely to leave",
        "step_code": f"cold_{channel}",
        "journey_code": "cold",
        "channel_code": channel,
        "week": (day - 5) // 7 + 1,
        "minutes": 12.0,
        "purpose": "profit",
        "option": 0,
        "profit_low": 1.0,
        "profit_high": 100.0,
        **given,
    }


def stand_in(
    actions: Sequence[dict[str, Any]],
    *,
    held_out: Sequence[str] = ("H1", "H2"),
    left_out: Sequence[tuple[str, str]] = (("L1", "does_not_pay"), ("L2", "no_time")),
    language: Language = "en",
    base: Any = None,
    plan_id: str = PLAN,
) -> Any:
    """A plan of these actions."""
    wording = Wording(language, "EUR")
    table = pd.DataFrame(list(actions), columns=list(action("", 5)))
    if language == "fr":
        table["channel"] = table["channel_code"].map(lambda code: WORDS[code][1])
    held = pd.DataFrame({"customer_id": list(held_out)}).assign(
        name="Tenu",
        journey="Cold retention",
        value_band="high",
        date=pd.Timestamp(2026, 1, 7),
        action="Retention call",
        expected_profit=33.5,
        group="control",
        journey_code="cold",
    )
    left = pd.DataFrame(left_out, columns=["customer_id", "reason_code"]).assign(
        name="Laissé", reason="no time left with Béa Villeneuve"
    )
    said = pd.DataFrame({"journey": ["Cold retention"], "cost": [25.0]})
    return SimpleNamespace(
        table=table,
        held_out=held,
        left_out=left[["customer_id", "name", "reason", "reason_code"]],
        wording=wording,
        plan_id=plan_id,
        assumptions={"as_of": date(2025, 12, 31), "budget": "€2,000"},
        summary=lambda: Listing(said, wording=wording, said="In all."),
        sentence=lambda: "Two calls by Béa Villeneuve.",
        facts=SimpleNamespace(base=base, owners=("Béa Villeneuve",)),
    )
