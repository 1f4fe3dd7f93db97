"""What can be tried with sliders: the scenario, the offer, the segments, the watch list.

Each function gathers what it needs from the base once and gives back an explorer; moving a slider
then costs a few thousandths of a second. See ``retention_lib.views.widgets`` for what an explorer
is and does.
"""

from __future__ import annotations

from retention_lib.views._explore_offer import OfferExplorer, explore_offer
from retention_lib.views._explore_scenario import ScenarioExplorer, explore_scenario
from retention_lib.views._explore_segments import explore_segments
from retention_lib.views._explore_watch import explore_watch_list

__all__ = [
    "OfferExplorer",
    "ScenarioExplorer",
    "explore_offer",
    "explore_scenario",
    "explore_segments",
    "explore_watch_list",
]
