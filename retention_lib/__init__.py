"""Retention Workbook: from a raw customer file to a proven return on retention.

``import retention_lib as rl``. Names are imported when they are first used, so that starting
costs nothing for what is not needed.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from retention_lib.base.customer_base import CustomerBase as CustomerBase
    from retention_lib.base.duplicates import find_duplicates as find_duplicates
    from retention_lib.base.duplicates import merge_duplicates as merge_duplicates
    from retention_lib.base.duplicates import undo_merge as undo_merge
    from retention_lib.base.importing import import_export as import_export
    from retention_lib.base.importing import import_raw as import_raw
    from retention_lib.base.importing import propose_matching as propose_matching
    from retention_lib.base.opening import describe_base as describe_base
    from retention_lib.base.opening import open_base as open_base
    from retention_lib.base.opening import open_raw_base as open_raw_base
    from retention_lib.base.quality import check_quality as check_quality
    from retention_lib.base.simulate import simulate_base as simulate_base
    from retention_lib.base.workbooks import load_workbook as load_workbook
    from retention_lib.decisions.campaigns import measure_campaign as measure_campaign
    from retention_lib.decisions.claims import weigh_claims as weigh_claims
    from retention_lib.decisions.contact_rules import ContactRules as ContactRules
    from retention_lib.decisions.five_points import five_points as five_points
    from retention_lib.decisions.holdout import design_holdout as design_holdout
    from retention_lib.decisions.ideas import IdeaBoard as IdeaBoard
    from retention_lib.decisions.ideas import open_ideas as open_ideas
    from retention_lib.decisions.journeys import JourneySettings as JourneySettings
    from retention_lib.decisions.journeys import assign_journeys as assign_journeys
    from retention_lib.decisions.offers import Offer as Offer
    from retention_lib.decisions.offers import evaluate_offer as evaluate_offer
    from retention_lib.decisions.outcomes import read_outcomes as read_outcomes
    from retention_lib.decisions.past_campaigns import past_effects as past_effects
    from retention_lib.decisions.plan import make_plan as make_plan
    from retention_lib.decisions.pressure import measure_pressure as measure_pressure
    from retention_lib.decisions.programmes import weigh_programmes as weigh_programmes
    from retention_lib.decisions.ranges import Range as Range
    from retention_lib.decisions.scenarios import Scenario as Scenario
    from retention_lib.decisions.scenarios import compare as compare
    from retention_lib.decisions.scenarios import project as project
    from retention_lib.decisions.uplift import learn_uplift as learn_uplift
    from retention_lib.decisions.win_or_keep import win_or_keep as win_or_keep
    from retention_lib.errors import DataWarning as DataWarning
    from retention_lib.errors import InputError as InputError
    from retention_lib.errors import QuestionError as QuestionError
    from retention_lib.errors import RetentionError as RetentionError
    from retention_lib.portfolio.cohorts import retention_cohorts as retention_cohorts
    from retention_lib.portfolio.cross_sell import find_cross_sell as find_cross_sell
    from retention_lib.portfolio.flows import measure_flows as measure_flows
    from retention_lib.portfolio.lost import list_lost as list_lost
    from retention_lib.portfolio.migration import segment_migration as segment_migration
    from retention_lib.portfolio.needs import measure_needs as measure_needs
    from retention_lib.portfolio.opportunities import check_opportunities as check_opportunities
    from retention_lib.portfolio.people import check_people as check_people
    from retention_lib.portfolio.profiles import profile_segments as profile_segments
    from retention_lib.portfolio.replacement import measure_replacement as measure_replacement
    from retention_lib.portfolio.rfm import score_rfm as score_rfm
    from retention_lib.portfolio.schemes import SegmentScheme as SegmentScheme
    from retention_lib.portfolio.signals import SignalSettings as SignalSettings
    from retention_lib.portfolio.signals import find_signals as find_signals
    from retention_lib.portfolio.tenure import value_by_tenure as value_by_tenure
    from retention_lib.portfolio.typology import find_types as find_types
    from retention_lib.portfolio.value import measure_value as measure_value
    from retention_lib.portfolio.watch import watch_list as watch_list
    from retention_lib.portfolio.window import measure_window as measure_window
    from retention_lib.scoring.churn import fit_churn as fit_churn
    from retention_lib.scoring.churn_files import load_churn as load_churn
    from retention_lib.scoring.leak import see_the_future as see_the_future
    from retention_lib.scoring.lifetime import value_customers as value_customers
    from retention_lib.scoring.snapshots import take_snapshots as take_snapshots
    from retention_lib.views.explorers import explore_offer as explore_offer
    from retention_lib.views.explorers import explore_scenario as explore_scenario
    from retention_lib.views.explorers import explore_segments as explore_segments
    from retention_lib.views.explorers import explore_watch_list as explore_watch_list
    from retention_lib.views.idea_board import idea_board as idea_board
    from retention_lib.views.import_form import import_form as import_form
    from retention_lib.views.report import write_report as write_report
    from retention_lib.wording import speak as speak

__version__ = "0.1.0"

_HOMES = {
    "base.customer_base": ("CustomerBase",),
    "base.duplicates": ("find_duplicates", "merge_duplicates", "undo_merge"),
    "base.importing": ("import_export", "import_raw", "propose_matching"),
    "base.opening": ("describe_base", "open_base", "open_raw_base"),
    "base.quality": ("check_quality",),
    "base.simulate": ("simulate_base",),
    "base.workbooks": ("load_workbook",),
    "decisions.campaigns": ("measure_campaign",),
    "decisions.contact_rules": ("ContactRules",),
    "decisions.holdout": ("design_holdout",),
    "decisions.ideas": ("IdeaBoard", "open_ideas"),
    "decisions.journeys": ("JourneySettings", "assign_journeys"),
    "decisions.outcomes": ("read_outcomes",),
    "decisions.plan": ("make_plan",),
    "decisions.pressure": ("measure_pressure",),
    "decisions.programmes": ("weigh_programmes",),
    "decisions.uplift": ("learn_uplift",),
    "decisions.claims": ("weigh_claims",),
    "decisions.five_points": ("five_points",),
    "decisions.offers": ("Offer", "evaluate_offer"),
    "decisions.past_campaigns": ("past_effects",),
    "decisions.ranges": ("Range",),
    "decisions.scenarios": ("Scenario", "compare", "project"),
    "decisions.win_or_keep": ("win_or_keep",),
    "errors": ("DataWarning", "InputError", "QuestionError", "RetentionError"),
    "portfolio.cohorts": ("retention_cohorts",),
    "portfolio.cross_sell": ("find_cross_sell",),
    "portfolio.flows": ("measure_flows",),
    "portfolio.lost": ("list_lost",),
    "portfolio.migration": ("segment_migration",),
    "portfolio.needs": ("measure_needs",),
    "portfolio.opportunities": ("check_opportunities",),
    "portfolio.people": ("check_people",),
    "portfolio.profiles": ("profile_segments",),
    "portfolio.replacement": ("measure_replacement",),
    "portfolio.signals": ("SignalSettings", "find_signals"),
    "portfolio.tenure": ("value_by_tenure",),
    "portfolio.typology": ("find_types",),
    "portfolio.value": ("measure_value",),
    "portfolio.watch": ("watch_list",),
    "portfolio.window": ("measure_window",),
    "portfolio.rfm": ("score_rfm",),
    "portfolio.schemes": ("SegmentScheme",),
    "scoring.churn": ("fit_churn",),
    "scoring.churn_files": ("load_churn",),
    "scoring.leak": ("see_the_future",),
    "scoring.lifetime": ("value_customers",),
    "scoring.snapshots": ("take_snapshots",),
    "views.explorers": (
        "explore_offer",
        "explore_scenario",
        "explore_segments",
        "explore_watch_list",
    ),
    "views.idea_board": ("idea_board",),
    "views.import_form": ("import_form",),
    "views.report": ("write_report",),
    "wording": ("speak",),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = sorted(_HOME_OF)


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"retention_lib has no {name!r}; it has {', '.join(__all__)}")
    value = getattr(importlib.import_module(f"retention_lib.{_HOME_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
