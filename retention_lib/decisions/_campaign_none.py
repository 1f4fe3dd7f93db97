"""What is said of campaigns where none is on file, so that a chapter runs on to its end."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from retention_lib.base.customer_base import CustomerBase
from retention_lib.decisions.past_campaigns import past_effects
from retention_lib.results import Listing, Result


@dataclass(frozen=True, repr=False, eq=False)
class NoCampaignResult(Result):
    """No campaign on file: nothing to measure, and what it would take. No rows, no columns.

    ``verdict_code`` is ``cannot_tell`` and ``reason_code`` ``no_campaign``.
    """

    chart: ClassVar[str] = "campaign_charts.plot_campaign"
    verdict_code: ClassVar[str] = "cannot_tell"
    reason_code: ClassVar[str] = "no_campaign"

    said: str = field(kw_only=True)

    def sentence(self) -> str:
        """What is missing, and how to begin."""
        return self.said

    def title(self) -> str:
        """The same as the title of an empty picture."""
        return self.sentence()

    def verdict(self) -> str:
        """The same, as a verdict."""
        return self.sentence()

    def checks(self) -> Listing:
        """Nothing to check."""
        return self._untold()

    def earnings(self) -> Listing:
        """Nothing earned and nothing spent that is known."""
        return self._untold()

    def segments(self, by: str | None = None) -> Listing:
        """Nothing by segment either, whatever ``by``."""
        return self._untold()

    def _untold(self) -> Listing:
        return Listing(self.table, wording=self.wording, said=self.sentence())


def no_campaign(base: CustomerBase) -> NoCampaignResult:
    """That this base has no campaign on file.

    >>> import pandas as pd
    >>> lines = pd.DataFrame({"customer_id": ["a"], "date": ["2024-01-05"], "amount": [10.0]})
    >>> no_campaign(CustomerBase.from_tables(lines)).verdict_code
    'cannot_tell'
    """
    import pandas as pd

    asked = base.has("campaigns", "group")
    return NoCampaignResult(
        pd.DataFrame(),
        wording=base.wording,
        assumptions={"as_of": base.as_of},
        said=base.wording.say("campaigns.none" if asked else "campaigns.no_table"),
    )


def latest_campaign(base: CustomerBase) -> str | None:
    """The latest campaign whose groups look drawn by lot, else the latest of all; or none."""
    table = past_effects(base).table
    if table.empty:
        return None
    # Where all of those held back bought nobody could be saved, yet the lot had drawn them.
    drawn = table[table["reading_code"].isin(["effect", "all_bought"])]
    return str((table if drawn.empty else drawn)["campaign_id"].iloc[-1])
