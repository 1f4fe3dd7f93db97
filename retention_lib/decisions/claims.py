"""The trade's favourite sentences on trial: what this base says to each of them.

A sentence is confirmed only where all that the figure could be bears it out, and contradicted
only where none of it does. What the base cannot show is said, with the column or test that would.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from retention_lib import progress
from retention_lib.base.customer_base import CustomerBase, require_base
from retention_lib.decisions import _claims_costs as about_costs
from retention_lib.decisions import _claims_losses as about_losses
from retention_lib.decisions import _claims_voices as about_voices
from retention_lib.decisions._claims_list import (
    CLAIMS,
    CODES,
    LEEWAY,
    VERDICTS,
    WORKS,
    Claim,
    Evidence,
    judge,
)
from retention_lib.decisions._claims_profit import five_points_profit
from retention_lib.errors import ChoiceError
from retention_lib.portfolio.flows import measure_flows
from retention_lib.portfolio.replacement import measure_replacement
from retention_lib.portfolio.rfm import SKETCH_BELOW
from retention_lib.portfolio.tenure import value_by_tenure
from retention_lib.results import Listing, Result
from retention_lib.wording import Sentence, Wording

if TYPE_CHECKING:
    import pandas as pd


_TIMES = {"win_two": 2, "win_three": 3, "win_six": 6}


def weigh_claims(base: CustomerBase) -> ClaimsResult:
    """Put the sentences that the trade lives by on trial, one row each.

    Each stands with its source and how well founded that is, what this base says to it, all that
    the figure could be (95 % sure), and a verdict. Round figures count as right within a tenth on
    either side; "never", "most" and the like are read as "at least". Fewer than 30 cases decide
    nothing. The trap: a verdict speaks of this base and this year, not of the trade; and a
    sentence that cannot be told here is not thereby wrong.

    Raises
    ------
    InputError
        Where something else than a customer base is passed.

    Notes
    -----
    Shares: Wilson 1927, doi 10.1080/01621459.1927.10502953; differences of shares: Newcombe
    1998. Where reasons or topics are not on file, the range runs from none of them to all.

    Examples
    --------
    >>> import pandas as pd
    >>> lines = pd.DataFrame({"customer_id": ["a", "b", "b"],
    ...     "date": pd.to_datetime(["2023-01-01", "2023-02-01", "2024-12-31"]),
    ...     "amount": [10.0, 20.0, 5.0]})
    >>> claims = weigh_claims(CustomerBase.from_tables(lines))
    >>> claims.verdict("same_rate"), claims.verdict("ten_a_year")
    ('contradicted', 'cannot_tell')
    """
    require_base(base)
    found = _weigh(base)
    return ClaimsResult(
        _table(found, base.wording),
        wording=base.wording,
        assumptions=_assumptions(base),
    )


@dataclass(frozen=True, repr=False, eq=False)
class ClaimsResult(Result):
    """The sentences of the trade, one row each, in the order in which a workshop meets them.

    Columns: ``claim`` and ``source`` in words, ``here`` (what this base says), ``verdict`` and
    ``what_would_tell`` (the column or the test that would decide what cannot be told). For
    code: ``code``, ``verdict_code`` (``confirmed``, ``contradicted``, ``cannot_tell``),
    ``value``, ``low`` and ``high`` (all that the figure could be, 95 % sure; missing where it
    cannot be measured), ``claimed_low`` and ``claimed_high`` (the band that bears the sentence
    out), ``claimed`` (that band in words) and ``unit`` (``share``; ``gain``: 0.25 is a quarter
    more; ``points`` of a share; ``times`` or ``people``).
    """

    chart: ClassVar[str] = "claim_charts.plot_claims"
    shown_rows: ClassVar[int] = len(CLAIMS)
    hidden: ClassVar[tuple[str, ...]] = (
        *("value", "low", "high", "claimed", "claimed_low", "claimed_high"),
        *("unit", "verdict_code", "code"),
    )

    def sentence(self) -> str:
        """How many sentences this base confirms, contradicts, and cannot tell."""
        return self.finding() + "."

    def finding(self) -> str:
        """The sentence without its full stop, for a title."""
        counts = self.table["verdict_code"].value_counts()
        told: dict[str, int] = {verdict: int(counts.get(verdict, 0)) for verdict in VERDICTS}
        key = "claims.finding" if told["confirmed"] else "claims.finding_none"
        return self.wording.say(key, claims=len(self.table), **told)

    def verdict(self, code: str) -> str:
        """``confirmed``, ``contradicted`` or ``cannot_tell``.

        Raises ``ChoiceError`` where there is no claim of that code.
        """
        return str(self._row(code)["verdict_code"])

    def claim(self, code: str) -> Sentence:
        """One sentence of the trade, what this base says to it, and the verdict.

        Raises ``ChoiceError`` where there is no claim of that code.
        """
        row = self._row(code)
        key = "claims.said_open" if row["verdict_code"] == "cannot_tell" else "claims.said"
        said = self.wording.say(
            key,
            claim=row["claim"],
            here=row["here"],
            verdict=str(row["verdict"]).lower(),
            tell=row["what_would_tell"],
        )
        return Sentence(said)

    def to_record(self) -> Listing:
        """What to write down or to test from now on, so that the open sentences can be told."""
        still = self.table[self.table["verdict_code"] == "cannot_tell"]
        shown = still[["claim", "what_would_tell"]].reset_index(drop=True)
        said = self.wording.say("claims.to_record", claims=len(shown))
        return Listing(shown, wording=self.wording, said=said)

    def _row(self, code: str) -> pd.Series[Any]:
        if not isinstance(code, str) or code not in CODES:
            raise ChoiceError("code", code, CODES)
        return self.table.set_index("code").loc[code]


def _weigh(base: CustomerBase) -> Mapping[str, Evidence]:
    """What the base has to say to every claim."""
    w = base.wording
    with progress.steps(w, "claims", total=5) as step:
        step("flows")
        flows = measure_flows(base)
        step("tenure")
        tenure = value_by_tenure(base)
        step("who_left")
        needed = measure_replacement(base)
        losses = needed.losses
        loss = about_losses.lost_in_a_year(flows, losses, w)
        step("campaigns")
        kept = about_costs.kept_by_campaign(base)
        step("start")
        profit = five_points_profit(base, loss, flows)
    return {
        "ten_a_year": about_losses.ten_a_year(loss),
        "half_in_five": about_losses.half_in_five(base, loss, losses),
        "same_rate": about_losses.same_rate(losses, w),
        "five_points_worth": about_losses.five_points_worth(loss, w),
        "five_points_profit": profit,
        **{
            code: about_costs.winning_costs(needed, kept, times, base.activity_window_days)
            for code, times in _TIMES.items()
        },
        "win_back_twelve": about_costs.winning_back_costs(flows),
        "five_year_customer": about_voices.five_year_customer(tenure),
        "want_of_contact": about_losses.want_of_contact(losses, w),
        "never_complain": about_voices.never_complain(base),
        "not_the_product": about_voices.not_the_product(base),
        "tell_twelve": Evidence(w.say("claims.tell_twelve.here")),
        "longer_more": about_voices.longer_more(tenure),
        "four_contacts": about_voices.four_contacts(base, losses),
    }


def _table(found: Mapping[str, Evidence], wording: Wording) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame([_row(claim, found[claim.code], wording) for claim in CLAIMS])


def _row(claim: Claim, evidence: Evidence, wording: Wording) -> dict[str, object]:
    verdict = judge(claim, evidence)
    tell = wording.say(f"claims.{claim.code}.tell") if verdict == "cannot_tell" else ""
    return {
        "claim": wording.say(f"claims.{claim.code}.claim"),
        "source": wording.say(f"claims.{claim.code}.source", **WORKS),
        "here": evidence.here,
        "verdict": wording.say(f"claims.verdict.{verdict}"),
        "what_would_tell": tell,
        "value": evidence.value,
        "low": evidence.low,
        "high": evidence.high,
        "claimed": wording.say(f"claims.{claim.code}.claimed"),
        "claimed_low": claim.low,
        "claimed_high": claim.high,
        "unit": claim.unit,
        "verdict_code": verdict,
        "code": claim.code,
    }


def _assumptions(base: CustomerBase) -> dict[str, object]:
    w = base.wording
    return {
        "as_of": base.as_of,
        "activity_window_days": base.activity_window_days,
        "claim_band": w.say("claims.meant.band", leeway=w.percent(LEEWAY, decimals=0)),
        "claim_verdict": w.say("claims.meant.verdict", least=SKETCH_BELOW),
        "claim_unhappy": w.say(
            "claims.meant.unhappy",
            score=int(about_voices.SETTINGS.detractor_score),
            days=about_voices.NEAR_DAYS,
        ),
        "claim_points": w.say(
            "claims.meant.points",
            points=round(100 * about_losses.POINTS),
            rate=w.percent(about_losses.DISCOUNT_RATE, decimals=0),
        ),
    }
