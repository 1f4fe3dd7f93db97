"""Customer bases of any size with known truth: what was really behind every figure.

Nothing here looks ahead: causes are drawn first and act from the following week on; whatever a
customer does itself lies before the day it is gone. See :class:`World` for every assumption.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa

from retention_lib.base.simulate_campaigns import (
    PROOF_ID,
    Effects,
    History,
    Planted,
    contact_effects,
    live_through,
    plant_events,
    proof_window,
)
from retention_lib.base.simulate_dirt import Dirt, plant_dirt
from retention_lib.base.simulate_export import write_raw_export
from retention_lib.base.simulate_frames import (
    Scene,
    as_frame,
    campaigns_table,
    customer_codes,
    customers_table,
    draw_quotes,
    feedback_table,
    interactions_table,
    opportunities_table,
    people_table,
    transactions_table,
)
from retention_lib.base.simulate_leaving import (
    PARTS,
    Decisions,
    decide,
    draw_causes,
    draw_complaints,
    draw_contacts,
    draw_opt_outs,
    leave_days,
)
from retention_lib.base.simulate_lines import draw_lines, expected_order
from retention_lib.base.simulate_names import Identities
from retention_lib.base.simulate_orders import potential_orders
from retention_lib.base.simulate_profiles import Profiles, draw_profiles
from retention_lib.base.simulate_words import HOUSEHOLDS, RANGES, SIZES
from retention_lib.base.simulate_world import (
    NEVER,
    YEAR,
    Calendar,
    Ints,
    Kind,
    Streams,
    World,
    make_world,
)
from retention_lib.errors import ChoiceError, InputError
from retention_lib.wording import LANGUAGES, Language

if TYPE_CHECKING:
    from retention_lib.base.customer_base import CustomerBase

__all__ = ["Dirt", "Truth", "World", "simulate_base", "simulate_tables", "write_raw_export"]


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


def simulate_base(
    n_customers: int = 1500,
    *,
    seed: int,
    years: float = 3,
    end: date = date(2025, 12, 31),
    kind: Kind = "b2b",
    contracts_share: float = 0.0,
    dirt: bool | Dirt = False,
    signal: bool = True,
    language: Language = "fr",
    **assumptions: Any,
) -> tuple[CustomerBase, Truth]:
    """A customer base and what was really behind it.

    ``n_customers`` is how many there ever were; ``years`` and ``end`` (inclusive) bound the
    period; ``contracts_share`` (0 to 1) have a monthly contract; ``dirt`` plants the faults of a
    real file, listed in the truth; ``language`` is that of products, reasons and roles, and of
    what the base says. Without ``signal`` all customers are alike and leave at random, their
    accounts closed on the day, so that nothing predicts it. ``assumptions`` are fields of
    :class:`World`. The trap: with ``dirt`` the base sets unusable rows aside with a warning, as
    it does with any file.

    Raises ``ChoiceError`` for an unknown assumption, ``InputError`` for impossible sizes.

    >>> base, truth = simulate_base(300, seed=7)
    >>> base.as_of
    datetime.date(2025, 12, 31)
    >>> calm, _ = simulate_base(300, seed=7, complaints_per_year=0)
    >>> "complaint" in set(calm.to_pandas("feedback")["kind"])
    False
    """
    from retention_lib.base.customer_base import CustomerBase

    tables, truth = simulate_tables(
        n_customers,
        seed=seed,
        years=years,
        end=end,
        kind=kind,
        contracts_share=contracts_share,
        dirt=dirt,
        signal=signal,
        language=language,
        **assumptions,
    )
    filled = {name: frame for name, frame in tables.items() if len(frame)}
    base = CustomerBase.from_tables(
        **filled,
        as_of=end,
        language=language,
        name=f"simulated {kind}",
        made_from={"simulated": dict(truth.parameters)},
    )
    return base, truth


def simulate_tables(
    n_customers: int = 1500,
    *,
    seed: int,
    years: float = 3,
    end: date = date(2025, 12, 31),
    kind: Kind = "b2b",
    contracts_share: float = 0.0,
    dirt: bool | Dirt = False,
    signal: bool = True,
    language: Language = "fr",
    **assumptions: Any,
) -> tuple[dict[str, pd.DataFrame], Truth]:
    """The tables of :func:`simulate_base` as pandas frames, and the truth.

    >>> tables, truth = simulate_tables(300, seed=7)
    >>> list(tables)
    ['transactions', 'customers', 'people', 'interactions', 'feedback', 'campaigns', 'opportunities']
    """
    _check(n_customers, contracts_share, signal, language)
    world = make_world(kind, signal, assumptions)
    calendar, streams = Calendar.ending(end, years), Streams(seed)
    profiles = draw_profiles(n_customers, world, calendar, streams, contracts_share)
    scene, decisions, planted = _play(profiles, world, calendar, streams, kind, language)
    lines = draw_lines(
        profiles, world, calendar, scene.history.orders, scene.history.leaving, planted, streams
    )
    quotes = draw_quotes(scene, lines)
    made = {
        "transactions": transactions_table(scene, lines),
        "customers": customers_table(scene),
        "people": people_table(scene),
        "interactions": interactions_table(scene, quotes),
        "feedback": feedback_table(scene),
        "campaigns": campaigns_table(scene),
        "opportunities": opportunities_table(scene, quotes),
    }
    tables = {name: as_frame(table) for name, table in made.items()}
    no_dirt = Dirt.none() if dirt is False else Dirt() if dirt is True else dirt
    tables, duplicates, faults = plant_dirt(tables, no_dirt, seed=seed)
    parameters = {
        "n_customers": n_customers,
        "seed": seed,
        "years": years,
        "end": end,
        "kind": kind,
        "contracts_share": contracts_share,
        "dirt": no_dirt if dirt else False,
        "signal": signal,
        "language": language,
    }
    return tables, Truth(
        customers=_true_customers(scene, decisions, tables["customers"]),
        campaign_effects=_campaign_effects(scene),
        contact_effects=_contact_effects(scene, decisions),
        planted_events=_planted_events(scene, planted),
        lookalikes=_lookalikes(scene),
        duplicates=duplicates,
        dirt=faults,
        world=world,
        parameters=parameters,
    )


def _check(n_customers: int, contracts_share: float, signal: bool, language: str) -> None:
    if isinstance(n_customers, bool) or not isinstance(n_customers, int) or n_customers < 10:
        raise InputError(f"n_customers must be a whole number, 10 or more; got {n_customers!r}.")
    if not 0 <= contracts_share <= 1:
        raise InputError(f"contracts_share must lie between 0 and 1; got {contracts_share!r}.")
    if contracts_share and not signal:
        raise InputError(
            "Contracts are invoiced every month, which would predict purchases; "
            "signal=False needs contracts_share=0."
        )
    if language not in LANGUAGES:
        raise ChoiceError("language", language, LANGUAGES)


def _play(
    profiles: Profiles,
    world: World,
    calendar: Calendar,
    streams: Streams,
    kind: Kind,
    language: Language,
) -> tuple[Scene, Decisions, Planted]:
    """Causes, decisions, departures, purchases, in this order."""
    complaints = draw_complaints(profiles, world, calendar, streams.of("complaints"))
    contacts = draw_contacts(profiles, world, calendar, complaints, streams)
    opted_out = draw_opt_outs(profiles, world, contacts, streams.of("opt-outs"))
    window = proof_window(profiles, world, calendar)
    decisions = decide(
        profiles, world, calendar, complaints, contacts, opted_out, window, streams
    )
    both = (
        leave_days(profiles, world, calendar, decisions.without, streams),
        leave_days(profiles, world, calendar, decisions.contacted, streams),
    )
    potential = potential_orders(profiles, world, calendar, streams.of("orders"))
    history = live_through(
        profiles, world, calendar, potential, decisions, both, opted_out, streams
    )
    causes = draw_causes(profiles, decisions, history.leaving, streams.of("causes"))
    history, planted = plant_events(profiles, world, calendar, history, streams)
    for who in planted.dried_up:
        causes[who] = "planted"
    scene = Scene(
        profiles=profiles,
        world=world,
        calendar=calendar,
        history=history,
        complaints=complaints,
        contacts=contacts,
        # Who is gone no longer opts out.
        opted_out=np.where(opted_out < history.leaving.leave, opted_out, NEVER),
        causes=causes,
        identities=Identities(profiles, world, kind == "b2c", streams),
        consumers=kind == "b2c",
        language=LANGUAGES.index("fr") if language == "fr" else 1,
        streams=streams,
    )
    return scene, decisions, planted


def _dates(scene: Scene, days: Ints) -> pd.Series[Any]:
    return pd.Series(scene.calendar.dates(days).astype("datetime64[ms]"))


def _ids(scene: Scene, who: Ints) -> pd.Series[Any]:
    return pa.table({"customer_id": scene.ids(who)}).to_pandas()["customer_id"]


def _true_customers(
    scene: Scene, decisions: Decisions, customers: pd.DataFrame
) -> pd.DataFrame:
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


def true_history(scene: Scene) -> History:
    """What really happened, for tests of the simulator itself."""
    return scene.history
