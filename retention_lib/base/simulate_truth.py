"""What was really behind a simulated base, in tables."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa

from retention_lib.base.simulate_campaigns import (
    PROOF_ID,
    Effects,
    Planted,
    contact_effects,
)
from retention_lib.base.simulate_frames import (
    Scene,
    customer_codes,
)
from retention_lib.base.simulate_leaving import (
    PARTS,
    Decisions,
)
from retention_lib.base.simulate_lines import expected_order
from retention_lib.base.simulate_words import HOUSEHOLDS, RANGES, SIZES
from retention_lib.base.simulate_world import (
    YEAR,
    Ints,
    Streams,
    World,
)

if TYPE_CHECKING:
    pass


@dataclass(frozen=True, eq=False)
class Truth:
    """What was really behind a simulated base. Never shown to anything that is to be tested.

    - ``customers``: one row a customer: ``buying_rate`` (purchases per year in an average
      season), ``expected_order_value`` and ``expected_annual_revenue``, ``expected_annual_margin``
      (currency, at the prices of the end), ``decided_on``, ``leave_day`` (first day gone; after
      the end for who is still fading out; empty for who stays), ``leave_cause``,
      ``recorded_reason``, the parts of the hazard per year in the week of the decision or in the
      last week (``hazard_base``, ``hazard_complaint``, …), ``satisfaction`` (standard deviations),
      spells of neglect and pause, ``consent_withdrawn_on``.
    - ``campaign_effects``: one row a participant of the randomised campaign: probability of
      buying and of leaving within the horizon, without and with contact, ``uplift``; and
      ``bought_without``, ``bought_with``: both outcomes, one of which came to pass.
    - ``contact_effects``: the same probabilities for a contact on the last day of the period.
    - ``planted_events``: ``event``, ``customer_id``, ``date``, ``product_range``.
    - ``lookalikes``: customers who look like another and are not; ``duplicates``: planted ones.
    - ``dirt``: ``table``, ``row`` (position in the dirty table), ``kind``, ``column``,
      ``original``, ``planted``.
    """

    customers: pd.DataFrame
    campaign_effects: pd.DataFrame
    contact_effects: pd.DataFrame
    planted_events: pd.DataFrame
    lookalikes: pd.DataFrame
    duplicates: pd.DataFrame
    dirt: pd.DataFrame
    world: World
    parameters: Mapping[str, Any]

    def to_frame(self) -> pd.DataFrame:
        """A copy of ``customers``."""
        return self.customers.copy()

    def simulate_contacts(self, contacted: Collection[str], *, seed: int) -> pd.DataFrame:
        """Play the horizon after the period once: who buys and who leaves, given who is contacted.

        One row a customer who has not left: ``customer_id``, ``contacted``, ``bought``,
        ``left``. The same seed gives a customer the same luck whether it is contacted or not.

        >>> from retention_lib.base.simulate import simulate_tables
        >>> tables, truth = simulate_tables(200, seed=1)
        >>> played = truth.simulate_contacts(["C00007"], seed=2)
        >>> played["contacted"].sum()
        np.int64(1)
        """
        rng = Streams(seed).of("contacts played")
        frame = self.contact_effects
        luck = rng.random((2, len(frame)))
        reached = frame["customer_id"].isin(list(contacted)).to_numpy()
        buys = np.where(reached, frame["p_buy_with"], frame["p_buy_without"])
        leaves = np.where(reached, frame["p_leave_with"], frame["p_leave_without"])
        return pd.DataFrame(
            {
                "customer_id": frame["customer_id"],
                "contacted": reached,
                "bought": luck[0] < buys,
                "left": luck[1] < leaves,
            }
        )


def tell_truth(
    scene: Scene,
    decisions: Decisions,
    planted: Planted,
    tables: Mapping[str, pd.DataFrame],
    parameters: Mapping[str, Any],
    duplicates: pd.DataFrame,
    dirt: pd.DataFrame,
) -> Truth:
    """All that was hidden, table by table."""
    return Truth(
        customers=_true_customers(scene, decisions, tables["customers"]),
        campaign_effects=_campaign_effects(scene),
        contact_effects=_contact_effects(scene, decisions),
        planted_events=_planted_events(scene, planted),
        lookalikes=_lookalikes(scene),
        duplicates=duplicates,
        dirt=dirt,
        world=scene.world,
        parameters=parameters,
    )


def _dates(scene: Scene, days: Ints) -> pd.Series[Any]:
    return pd.Series(scene.calendar.dates(days).astype("datetime64[ms]"))


def _ids(scene: Scene, who: Ints) -> pd.Series[Any]:
    return pa.table({"customer_id": scene.ids(who)}).to_pandas()["customer_id"]


def _true_customers(scene: Scene, decisions: Decisions, customers: pd.DataFrame) -> pd.DataFrame:
    profiles, leaving = scene.profiles, scene.history.leaving
    value, margin = expected_order(profiles, scene.world, scene.calendar)
    rate = np.where(profiles.contract, 12.0, profiles.rate)
    parts = {f"hazard_{name}": decisions.parts[:, i] for i, name in enumerate(PARTS)}
    recorded = customers["closure_reason"].iloc[: profiles.count].reset_index(drop=True)
    return pd.DataFrame(
        {
            "customer_id": _ids(scene, np.arange(profiles.count)),
            "is_contract": profiles.contract,
            "acquired_on": _dates(scene, profiles.acquired),
            "buying_rate": rate,
            "expected_order_value": value,
            "expected_annual_revenue": rate * value,
            "expected_annual_margin": rate * margin,
            "decided_on": _dates(scene, leaving.decided),
            "leave_day": _dates(scene, leaving.leave),
            "leave_cause": pd.Series([cause or None for cause in scene.causes], dtype="str"),
            "recorded_reason": recorded,
            **parts,
            "satisfaction": profiles.satisfaction,
            "single_contact": profiles.people == 1,
            "neglected_from": _dates(scene, profiles.neglect_from),
            "neglected_until": _dates(scene, profiles.neglect_until),
            "paused_from": _dates(scene, profiles.pause_from),
            "paused_until": _dates(scene, profiles.pause_until),
            "consent_withdrawn_on": _dates(scene, scene.opted_out),
        }
    )


def _effect_columns(scene: Scene, effects: Effects, who: Ints) -> dict[str, Any]:
    words = HOUSEHOLDS if scene.consumers else SIZES
    return {
        "customer_id": _ids(scene, who),
        "segment": [words[size][scene.language] for size in scene.profiles.size[who]],
        "p_buy_without": effects.buys_without[who],
        "p_buy_with": effects.buys_with[who],
        "uplift": (effects.buys_with - effects.buys_without)[who],
        "p_leave_without": effects.leaves_without[who],
        "p_leave_with": effects.leaves_with[who],
    }


def _campaign_effects(scene: Scene) -> pd.DataFrame:
    history = scene.history
    proof = next((c for c in history.campaigns if c.campaign_id == PROOF_ID), None)
    if proof is None or history.effects is None:
        return pd.DataFrame({"campaign_id": pd.Series([], dtype="str")})
    return pd.DataFrame(
        {
            "campaign_id": PROOF_ID,
            **_effect_columns(scene, history.effects, proof.part),
            "treated": proof.contacted[proof.part],
            "bought_without": history.bought_without[proof.part],
            "bought_with": history.bought_with[proof.part],
        }
    )


def _contact_effects(scene: Scene, decisions: Decisions) -> pd.DataFrame:
    """What a contact on the last day would change, for who has not left."""
    last = scene.calendar.days - 1
    hazard = decisions.parts.sum(axis=1) * scene.world.campaign_horizon_days / YEAR
    effects = contact_effects(
        scene.profiles, scene.world, scene.calendar, scene.history.leaving, hazard, last
    )
    there = np.flatnonzero(scene.history.leaving.leave > last)
    return pd.DataFrame(_effect_columns(scene, effects, there))


def _planted_events(scene: Scene, planted: Planted) -> pd.DataFrame:
    ranges = [name for name, *_ in RANGES]
    rows = [
        (kind, who, day)
        for kind in ("dried_up", "slowing", "falling_basket", "abandoned_range")
        for who, day in getattr(planted, kind).items()
    ]
    who = np.array([row[1] for row in rows], dtype=np.int64)
    given_up = [
        ranges[planted.ranges[row[1]]][scene.language] if row[0] == "abandoned_range" else None
        for row in rows
    ]
    return pd.DataFrame(
        {
            "event": pd.Series([row[0] for row in rows], dtype="str"),
            "customer_id": _ids(scene, who),
            "date": _dates(scene, np.array([row[2] for row in rows], dtype=np.int64)),
            "product_range": pd.Series(given_up, dtype="str"),
        }
    )


def _lookalikes(scene: Scene) -> pd.DataFrame:
    codes = customer_codes(scene.profiles.count)
    rows = [
        (codes[one].as_py(), codes[other].as_py(), why)
        for one, other, why in scene.identities.lookalikes
    ]
    return pd.DataFrame(rows, columns=["customer_id", "resembles", "why"], dtype="str")
