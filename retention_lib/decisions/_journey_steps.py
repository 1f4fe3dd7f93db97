"""The steps of each journey: what is done, by which channel, what it costs and should bring."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from retention_lib.decisions.ranges import Range

JOURNEYS = ("welcome", "prevention", "hot", "cold", "win_back", "develop", "nurture", "rest")
"""Codes of the journeys; every customer is in exactly one."""

CHANNELS = ("email", "call", "visit", "letter", "event")
"""Channels by which a customer is contacted."""

Brings = Literal["saves", "returns", "sells"]
"""A step saves leavers, wins back lost ones (``returns``) or ``sells`` more."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step of a journey, for the customer or for the account manager.

    ``who`` is ``customer`` (a contact) or ``manager`` (a task done before it, no contact).
    ``place``: 1 for the first contact of the journey, 2 for the next; steps of one place are
    alternatives, by another channel. ``wait_days``: at least so many days after the step before.
    ``cost``: money out, in the base's currency; ``minutes``: of the account manager's time;
    ``incentive``: what is given to who accepts. ``promotion``: whether it offers something for
    sale or a gift (never sent while a complaint is open). ``rate``: the share of what is at stake
    that the step should bring, an assumption unless ``measured`` says that a randomised campaign
    on file may replace it. ``title`` and ``message`` are in the language asked for; a message may
    hold ``{name}``, ``{manager}``, ``{range}``, ``{company}`` and nothing else in braces.
    """

    code: str
    journey: str
    who: Literal["customer", "manager"]
    place: int
    channel: str
    wait_days: int
    cost: float
    minutes: float
    incentive: float
    promotion: bool
    brings: Brings
    rate: Range
    measured: bool
    title: str
    message: str
