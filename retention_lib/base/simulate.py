"""Customer bases of any size with known truth: what was really behind every figure.

Nothing here looks ahead: causes are drawn first and act from the following week on; whatever a
customer does itself lies before the day it is gone. See :class:`World` for every assumption.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from retention_lib.base.simulate_campaigns import (
    PROOF_ID,
    Planted,
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
    customers_table,
    feedback_table,
    people_table,
    transactions_table,
)
from retention_lib.base.simulate_interactions import interactions_table
from retention_lib.base.simulate_leaving import (
    Decisions,
    decide,
    draw_causes,
    draw_complaints,
    draw_contacts,
    draw_opt_outs,
    leave_days,
)
from retention_lib.base.simulate_lines import draw_lines
from retention_lib.base.simulate_names import Identities
from retention_lib.base.simulate_orders import potential_orders
from retention_lib.base.simulate_profiles import Profiles, draw_profiles
from retention_lib.base.simulate_quotes import draw_quotes, opportunities_table
from retention_lib.base.simulate_truth import Truth, tell_truth
from retention_lib.base.simulate_world import (
    NEVER,
    Calendar,
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
    ['transactions', 'customers', 'people', 'interactions', 'feedback', 'campaigns',
     'opportunities']
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
    return tables, tell_truth(scene, decisions, planted, tables, parameters, duplicates, faults)


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
    decisions = decide(profiles, world, calendar, complaints, contacts, opted_out, window, streams)
    both = (
        leave_days(profiles, world, calendar, decisions.without, streams),
        leave_days(profiles, world, calendar, decisions.contacted, streams),
    )
    potential = potential_orders(profiles, world, calendar, streams.of("orders"))
    history = live_through(
        profiles, world, calendar, potential, decisions, both, opted_out, streams
    )
    for campaign in history.campaigns:
        if campaign.campaign_id == PROOF_ID:
            treated = campaign.contacted[:, None]
            parts = np.where(treated, decisions.parts_contacted, decisions.parts)
            decisions = replace(decisions, parts=parts)
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
        language=0 if language == "fr" else 1,
        streams=streams,
    )
    return scene, decisions, planted
