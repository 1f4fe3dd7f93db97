"""What a campaign has really earned: against those held back by lot, or not told at all.

Everybody counts in the group it was assigned to, reached or not: whoever answers a call was
friendlier to begin with, and leaving out who did not would make any campaign a success.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from retention_lib.base import engine
from retention_lib.base.customer_base import CustomerBase, require_base
from retention_lib.decisions import _campaign_facts as facts
from retention_lib.decisions import _campaign_statistics as statistics
from retention_lib.decisions._campaign_checks import Check, check_groups, list_checks
from retention_lib.decisions._campaign_money import Measure, Money, count_money, further_customers
from retention_lib.decisions._campaign_none import (
    NoCampaignResult,
    latest_campaign,
    no_campaign,
)
from retention_lib.decisions._campaign_segments import CampaignSegments, compare_segments
from retention_lib.decisions._campaign_statistics import NOTHING, Estimate
from retention_lib.decisions._campaign_words import COLUMN, OUTCOMES, Outcome, say_effect, say_range
from retention_lib.decisions.past_campaigns import FEWEST, FEWEST_DAYS, IMPROBABLE, check_days
from retention_lib.errors import ChoiceError, InputError
from retention_lib.portfolio.money import margin_basis
from retention_lib.results import Listing, Result

if TYPE_CHECKING:
    import pandas as pd

    from retention_lib.decisions._campaign_not_drawn import NotDrawnResult

DAYS = 90
"""Purchases of so many days count: fixed beforehand, so that nobody stops where it looks best."""


def measure_campaign(
    base: CustomerBase,
    campaign_id: str | None = None,
    *,
    outcome: Outcome = "margin",
    days: int | None = None,
    by: str | None = None,
    planned_share: float | None = None,
) -> CampaignResult | NotDrawnResult | NoCampaignResult:
    """Measure what a campaign has earned, with what chance leaves open.

    Those contacted are compared with those held back, everybody in the group it was assigned to:
    how many more bought, what more each brought in revenue and margin in the ``days`` after the
    campaign (the day itself left out), as it stands and with what the past explains taken off.
    Whether the groups look drawn by lot is checked first; where they do not, no effect and no
    return are told (:class:`NotDrawnResult`). The trap: measured every week until it looks good,
    any campaign succeeds; ``days`` is fixed before.

    Parameters
    ----------
    base
        The customer base; nothing after its ``as_of`` is looked at.
    campaign_id
        The code of a campaign of the campaigns table; ``None`` is the latest one whose groups
        look drawn by lot, else the latest of all. Where none is on file the result says so.
    outcome
        What ``.segments()`` compares: ``margin``, ``revenue`` or ``buyers``. The verdict is
        always about money: margin, or revenue where the base knows no margins.
    days
        Purchases of so many days after the campaign count (1 or more); ``None`` is 90, or as many
        as have passed since its last customer was reached.
    by
        The column of the customers table that segments are made of, or ``"value"``; ``None`` is
        the size where the base knows it, else the value.
    planned_share
        The share of customers that was to be held back (0 to 1), where somebody knows: group
        sizes far from it mean that customers went missing.

    Raises
    ------
    InputError
        Where a campaign is asked for and the base has no campaigns, or ``days`` or
        ``planned_share`` cannot be.
    ChoiceError
        Where no campaign has that code, or there is no such ``outcome`` or ``by``.

    Examples
    --------
    >>> import pandas as pd
    >>> lines = pd.DataFrame({"customer_id": ["a", "b"],
    ...     "date": pd.to_datetime(["2024-01-05", "2024-09-05"]), "amount": [10.0, 20.0]})
    >>> groups = pd.DataFrame({"campaign_id": "MAY", "customer_id": ["a", "b"],
    ...     "date": pd.to_datetime("2024-05-01"), "group": ["treated", "control"]})
    >>> measured = measure_campaign(CustomerBase.from_tables(lines, campaigns=groups), "MAY")
    >>> print(measured.sentence())  # doctest: +NORMALIZE_WHITESPACE
    Campaign MAY of 1 May 2024: cannot tell. Only 1 customer was contacted and 1 held back; at
    least 30 each are needed.

    The difference of shares after Newcombe 1998, method 10, doi
    10.1002/(SICI)1097-0258(19980430)17:8<873::AID-SIM779>3.0.CO;2-I; that of means with
    intervals from drawing the lots again (Janssen 1997, doi 10.1016/S0167-7152(97)00043-6);
    adjusted as in Deng and others 2013 (CUPED), doi 10.1145/2433396.2433413.
    """
    require_base(base)
    if outcome not in OUTCOMES:
        raise ChoiceError("outcome", outcome, OUTCOMES)
    horizon = check_days("days", DAYS if days is None else days)
    _check_share(planned_share)
    campaign_id = latest_campaign(base) if campaign_id is None else campaign_id
    if campaign_id is None:
        return no_campaign(base)
    members = facts.campaign_members(base, campaign_id)
    followed = facts.followed_days(base, members, horizon)
    frame = facts.campaign_customers(base, campaign_id, days=max(followed, 1), by=by)
    checks = check_groups(frame, base.wording, planned_share)
    reason = _reason(frame, checks, followed, horizon)
    if reason == "not_drawn":
        from retention_lib.decisions._campaign_not_drawn import not_drawn

        return not_drawn(
            base,
            frame,
            campaign_id=str(campaign_id),
            days=followed,
            outcome=outcome,
            checks=list_checks(checks, base.wording),
        )
    return _measured(base, str(campaign_id), frame, checks, reason, outcome, followed, horizon, by)


@dataclass(frozen=True, repr=False, eq=False)
class CampaignResult(Result):
    """The effect of a campaign, one row an outcome and way of comparing.

    Columns: ``outcome, comparison, said_treated, said_control, said_effect, said_range`` (in
    words), ``counts`` (which of the two is used); for code ``outcome_code`` (``buyers``,
    ``revenue``, ``margin``), ``method_code`` (``plain``, ``adjusted``), ``mean_treated,
    mean_control, effect, low, high`` (a customer contacted; 95 % sure), ``error``, ``used``.

    ``verdict_code``: ``earned``, ``lost``, ``not_proved`` or ``cannot_tell``; ``reason_code``
    says why it cannot (``too_few``, ``too_recent``, ``no_control``, ``nobody_bought``,
    ``no_cost``, ``no_margin``; else empty). ``money``: extra margin, cost and what is left, in
    all. ``needed``: so many customers in all would prove a profit or loss as large as the likely
    one (infinite where there is none; missing where it is proved).
    """

    chart: ClassVar[str] = "campaign_charts.plot_campaign"
    hidden: ClassVar[tuple[str, ...]] = (
        "outcome_code",
        "method_code",
        "mean_treated",
        "mean_control",
        "effect",
        "low",
        "high",
        "error",
        "used",
    )

    campaign_id: str = field(kw_only=True)
    offer: str = field(kw_only=True)
    date: date = field(kw_only=True)
    days: int = field(kw_only=True)
    outcome: Outcome = field(kw_only=True)
    by: str = field(kw_only=True)
    treated: int = field(kw_only=True)
    control: int = field(kw_only=True)
    verdict_code: str = field(kw_only=True)
    reason_code: str = field(kw_only=True)
    money: Money = field(kw_only=True)
    needed: float = field(kw_only=True)
    customers: pd.DataFrame = field(kw_only=True)
    found: Listing = field(kw_only=True)
    base: CustomerBase = field(kw_only=True)

    def effect(self, outcome: Outcome | None = None, *, method: str | None = None) -> Estimate:
        """The effect a customer contacted: the one that counts, or ``plain`` or ``adjusted``.

        Missing (NaN) where nothing is told.
        """
        wanted = self.outcome if outcome is None else outcome
        if wanted not in OUTCOMES:
            raise ChoiceError("outcome", wanted, OUTCOMES)
        if method not in (None, "plain", "adjusted"):
            raise ChoiceError("method", method, ["plain", "adjusted"])
        rows = self.table[self.table["outcome_code"] == wanted]
        rows = rows[rows["used"] if method is None else rows["method_code"] == method]
        if rows.empty:
            return NOTHING
        return Estimate(*(float(rows[name].iloc[0]) for name in ("effect", "low", "high", "error")))

    def checks(self) -> Listing:
        """Whether the groups look drawn by lot, check by check; looked at before the effect.

        Columns: ``check, found, reading``, and for code ``check_code, chance, fine``.
        """
        return self.found

    def earnings(self) -> Listing:
        """Extra margin, cost, what is left and the return on the cost: likely, low and high.

        Columns: ``earning, said_likely, said_low, said_high`` in words (95 % sure) and for code
        ``earning_code, likely, low, high``.
        """
        said = self.verdict()
        return self.money.listing(f"{said[:1].upper()}{said[1:]}.", self.wording, self.assumptions)

    def segments(self, by: str | None = None) -> CampaignSegments:
        """The effect by segment, each drawn to the common one the more the fewer it has.

        ``by``: as in :func:`measure_campaign`; ``None`` is the one chosen there.
        """
        chosen = self.by if by is None else facts.choose_segment(self.base, by)
        frame = self.customers
        if chosen != self.by:
            frame = facts.with_segments(self.base, frame, chosen)
        return compare_segments(self, frame, chosen)

    def verdict(self) -> str:
        """The verdict and why, in one sentence, without the campaign's name."""
        w, money = self.wording, self.money
        if self.verdict_code == "cannot_tell" and self.reason_code not in ("no_cost", "no_margin"):
            return w.say(
                f"campaigns.cannot.{self.reason_code}",
                treated=self.treated,
                control=self.control,
                least=FEWEST,
                days=FEWEST_DAYS,
            )
        figures = money.words(w)
        said = w.say(f"campaigns.verdict.{self.reason_code or self.verdict_code}", **figures)
        for further in (figures["roi"] if self.verdict_code == "earned" else "", self._more()):
            said = w.say("campaigns.then", first=said, then=further) if further else said
        return said

    def sentence(self) -> str:
        """What the campaign changed and earned, or why that cannot be told."""
        w = self.wording
        if not len(self.table):
            key = "campaigns.sentence_cannot"
            return w.say(
                key, campaign=self.campaign_id, date=w.date(self.date), verdict=self.verdict()
            )
        row = self._row("buyers")
        adjusted = row["method_code"] == "adjusted"
        return w.say(
            "campaigns.sentence",
            # Else whoever subtracts the two shares finds another figure.
            how=w.say("campaigns.how_adjusted") if adjusted else "",
            campaign=self.campaign_id,
            date=w.date(self.date),
            days=self.days,
            treated=row["said_treated"],
            control=row["said_control"],
            effect=row["said_effect"],
            range=row["said_range"],
            verdict=self.verdict(),
        )

    def title(self) -> str:
        """The verdict with the campaign's name, for a picture."""
        w = self.wording
        if not len(self.table):
            verdict = self.verdict()
            return w.say("campaigns.title.not_told", campaign=self.campaign_id, verdict=verdict)
        buyers, key = self.effect("buyers"), self.verdict_code
        # What is proved though the money is not is worth a title.
        key += "_but" if key == "not_proved" and buyers.low > 0 else ""
        said = {"campaign": self.campaign_id, "points": say_effect(buyers.value, "buyers", w)}
        return w.say(f"campaigns.title.{key}", **said, **self.money.words(w))

    def _row(self, outcome: str) -> Mapping[str, Any]:
        of = self.table[(self.table["outcome_code"] == outcome) & self.table["used"]]
        return dict(of.iloc[0])

    def _more(self) -> str:
        """How many customers would prove it, as a sentence; empty where it is proved."""
        w, now = self.wording, self.treated + self.control
        if self.verdict_code != "not_proved":
            return ""
        if not self.needed < _TOO_MANY:
            return w.say("campaigns.more.never")
        if self.needed <= now:
            return w.say("campaigns.more.nearly", now=now)
        return w.say("campaigns.more.needed", needed=_round_up(self.needed), now=now)


_TOO_MANY = 10_000_000


def _check_share(share: object) -> None:
    if share is None:
        return
    number = isinstance(share, int | float | np.number) and not isinstance(share, bool)
    if not number or not 0 < float(share) < 1:  # type: ignore[arg-type]
        raise InputError(
            f"planned_share is the share of customers that was to be held back, between 0 and 1, "
            f"such as 0.1; got {share!r}."
        )


def _round_up(count: float) -> int:
    """Customers to two figures, upwards: 1,234 would promise what nobody knows."""
    step = 10 ** max(int(math.log10(count)) - 1, 0)
    return int(math.ceil(count / step) * step)


def _reason(frame: pd.DataFrame, checks: tuple[Check, ...], followed: int, horizon: int) -> str:
    """Why nothing can be told; empty where it can. In the order in which it is decided."""
    groups = frame["group"].value_counts()
    treated, control = int(groups.get("treated", 0)), int(groups.get("control", 0))
    if not treated or not control:
        return "no_control"
    if min(treated, control) < FEWEST:
        return "too_few"
    if any(check.decides and not check.fine for check in checks):
        return "not_drawn"
    if followed < min(FEWEST_DAYS, horizon):
        return "too_recent"
    both = frame[frame["group"] != "left_out"]
    return "" if both["bought"].any() or both["revenue"].any() else "nobody_bought"


def _measured(
    base: CustomerBase,
    campaign_id: str,
    frame: pd.DataFrame,
    checks: tuple[Check, ...],
    reason: str,
    outcome: Outcome,
    days: int,
    horizon: int,
    by: str | None,
) -> CampaignResult:
    groups = frame[frame["group"] != "left_out"].reset_index(drop=True)
    treated = (groups["group"] == "treated").to_numpy()
    basis = margin_basis(base)
    measure: Measure = "margin" if basis.known else "revenue"
    rows = [] if reason else _effects(groups, treated, basis.known)
    table = _table(rows, base)
    best = table[table["used"] & (table["outcome_code"] == measure)]
    effect = (
        NOTHING
        if best.empty
        else Estimate(*(float(best[name].iloc[0]) for name in ("effect", "low", "high", "error")))
    )
    money = count_money(effect, groups.loc[treated, "cost"], measure)
    verdict, why = ("cannot_tell", reason) if reason else money.verdict()
    return CampaignResult(
        table,
        wording=base.wording,
        assumptions=_assumptions(base, days, horizon, money, basis.source),
        campaign_id=campaign_id,
        offer=max((str(text) for text in frame["offer"].dropna()), default=""),
        date=engine.day_of(int(frame["sent_day"].min())),
        days=days,
        # Without margins their place is taken by revenue, here as in the verdict.
        outcome=outcome if outcome != "margin" else measure,
        by=facts.choose_segment(base, by),
        treated=int(treated.sum()),
        control=int((~treated).sum()),
        verdict_code=verdict,
        reason_code=why,
        money=money,
        needed=further_customers(money, int(treated.sum()), int((~treated).sum())),
        customers=groups,
        found=list_checks(checks, base.wording),
        base=base,
    )


def _effects(groups: pd.DataFrame, treated: Any, margins: bool) -> list[dict[str, Any]]:
    """Both ways of comparing for each outcome, and which of them is the narrower."""
    draws = statistics.draw_again(treated)
    rows = []
    for outcome in OUTCOMES if margins else OUTCOMES[:2]:
        values = groups[COLUMN[outcome]].to_numpy(dtype=float)
        past = statistics.past_of(groups, COLUMN[outcome])
        plain = (
            statistics.plain_shares(values, treated)
            if outcome == "buyers"
            else statistics.plain_means(values, treated, draws)
        )
        other = statistics.adjusted(values, treated, past, draws)
        narrower = bool(other.error < plain.error and math.isfinite(other.low))
        for method, estimate in (("plain", plain), ("adjusted", other)):
            rows.append(
                {
                    "outcome_code": outcome,
                    "method_code": method,
                    "mean_treated": float(values[treated].mean()),
                    "mean_control": float(values[~treated].mean()),
                    "effect": estimate.value,
                    "low": estimate.low,
                    "high": estimate.high,
                    "error": estimate.error,
                    "used": narrower == (method == "adjusted"),
                }
            )
    return rows


_CODES: Mapping[str, str] = {
    "outcome": "object",
    "comparison": "object",
    "said_treated": "object",
    "said_control": "object",
    "said_effect": "object",
    "said_range": "object",
    "counts": "object",
    "outcome_code": "object",
    "method_code": "object",
    "mean_treated": "float64",
    "mean_control": "float64",
    "effect": "float64",
    "low": "float64",
    "high": "float64",
    "error": "float64",
    "used": "bool",
}


def _table(rows: list[dict[str, Any]], base: CustomerBase) -> pd.DataFrame:
    import pandas as pd

    w = base.wording
    for row in rows:
        code = row["outcome_code"]
        row["outcome"] = w.say(f"campaigns.outcome.{code}")
        row["comparison"] = w.say(f"campaigns.method.{row['method_code']}")
        row["counts"] = w.say(f"campaigns.counts.{'yes' if row['used'] else 'no'}")
        for name in ("treated", "control"):
            mean = row[f"mean_{name}"]
            row[f"said_{name}"] = w.percent(mean) if code == "buyers" else w.money(mean, decimals=2)
        row["said_effect"] = say_effect(row["effect"], code, w)
        row["said_range"] = say_range(row["low"], row["high"], code, w)
    return pd.DataFrame(rows, columns=list(_CODES)).astype(dict(_CODES))


def _assumptions(
    base: CustomerBase, days: int, horizon: int, money: Money, source: str
) -> dict[str, object]:
    w = base.wording
    key = "campaigns.days_all" if days == horizon else "campaigns.days_short"
    return {
        "as_of": base.as_of,
        "campaign_days": w.say(key, days=max(days, 0), horizon=horizon),
        "campaign_groups": w.say("campaigns.groups"),
        "campaign_drawn": w.say("campaigns.drawn", chance=w.percent(IMPROBABLE, decimals=0)),
        "campaign_past": w.say("campaigns.past", days=facts.BEFORE_DAYS),
        "campaign_money": w.say(f"campaigns.money.{source}"),
        "campaign_cost": money.say_cost(w),
        "campaign_outliers": w.say("campaigns.outliers"),
    }
