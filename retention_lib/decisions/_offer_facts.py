"""What offers are weighed on: who may leave, what keeping them adds, what a contact changed once.

Gathered once from a base, so that an offer can be weighed anew as often as a slider moves.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import narwhals as nw
import numpy as np

from retention_lib import progress
from retention_lib.base import engine
from retention_lib.base.customer_base import CustomerBase, require_base
from retention_lib.decisions._offer_inputs import ASSUMED, Offer, is_number
from retention_lib.decisions._offer_value import DISCOUNT_RATE, UNSEEN, YEAR, value_if_kept
from retention_lib.decisions.ranges import Range
from retention_lib.errors import DataWarning, InputError
from retention_lib.portfolio._cross_customers import known_customers
from retention_lib.portfolio._signals_facts import one_if
from retention_lib.portfolio.activity import standing
from retention_lib.portfolio.intervals import Values
from retention_lib.results import Result
from retention_lib.scoring._churn_refusal import TooLittleError
from retention_lib.scoring._lifetime_risk import checked_scores
from retention_lib.wording import Wording

if TYPE_CHECKING:
    import pandas as pd

    from retention_lib.decisions.past_campaigns import PastEffect
    from retention_lib.scoring._churn_scores import ChurnScores

FEWEST = 30
"""So many must have left, and as many stayed, for a churn model: those of fit_churn."""

HORIZONS = (365, 270, 180, 150, 120, 90, 60, 30)
"""Horizons tried, the longest first."""

DAYS_OF_TABLE = 90
"""Chances to leave that do not say for how long are taken to be for so many days."""

GROUPS = 150
"""Groups of like probability in which customers are summed: a slider answers at once."""

_LEAST_CHANCE = 1e-6


@dataclass(frozen=True, eq=False, kw_only=True)
class OfferFacts:
    """What is known of the customers that an offer could go to, one value a customer in each array.

    ``probability`` of leaving within ``horizon_days`` without contact (0 to 1) and ``value``,
    what keeping the customer adds in the same days if it would have left (the base's currency,
    in ``measure``: ``margin`` or ``revenue``), ``revenue`` the same as revenue, ``variation`` the
    squared coefficient of variation of the value. ``spread`` is how far the level of leaving may
    be off (log-odds, standard deviation), ``systematic`` the variance that all values share, as a
    share of their square. ``effect`` is what a randomised campaign measured, ``untold`` says why
    there is nobody, ``notes`` what the reader must know, and ``effect_note`` what of the effect,
    where it is reckoned with. ``lift`` says how many times the save rate each customer has, where
    who responds to contact is known. ``refused`` customers may not be contacted and ``unvalued``
    ones have no value that can be told; neither is in the arrays.
    """

    customer_id: Any
    probability: Values
    value: Values
    horizon_days: int
    name: Any = None
    revenue: Values | None = None
    variation: Values | None = None
    measure: str = "margin"
    spread: float = 0.0
    systematic: float = 0.0
    effect: PastEffect | None = None
    lift: Values | None = None
    refused: int = 0
    unvalued: int = 0
    wording: Wording = field(default_factory=Wording)
    untold: str = ""
    notes: tuple[str, ...] = ()
    effect_note: str = ""
    made_under: Mapping[str, object] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.probability)

    @cached_property
    def identity(self) -> dict[str, pd.Series[Any]]:
        """Ids, and names where there are any, as columns of a table."""
        import pandas as pd

        known = {"customer_id": self.customer_id, "name": self.name}
        return {name: pd.Series(texts) for name, texts in known.items() if texts is not None}

    @cached_property
    def chance(self) -> Values:
        """The probabilities, none of them quite 0 or 1."""
        given = np.asarray(self.probability, dtype=float)
        chance: Values = np.clip(given, _LEAST_CHANCE, 1 - _LEAST_CHANCE)
        return chance

    @cached_property
    def log_odds(self) -> Values:
        """The probabilities in log-odds."""
        odds: Values = np.log(self.chance / (1 - self.chance))
        return odds

    @cached_property
    def groups(self) -> tuple[Values, Values]:
        """The group of each customer by its log-odds, and the mean probability of each group."""
        odds = self.log_odds
        low, high = (odds.min(), odds.max()) if len(odds) else (0.0, 0.0)
        width = max((high - low) / GROUPS, 1e-9)
        group = np.minimum(((odds - low) / width).astype(np.int64), GROUPS - 1)
        held = np.bincount(group, minlength=GROUPS)
        total = np.bincount(group, weights=self.chance, minlength=GROUPS)
        mean: Values = np.divide(total, held, out=np.full(GROUPS, 0.5), where=held > 0)
        return group, mean

    @cached_property
    def riskiest(self) -> Values:
        """Places of the customers, the most likely to leave first."""
        return np.argsort(-self.chance, kind="stable")

    @cached_property
    def most_valuable(self) -> Values:
        """Places of the customers, the most valuable first."""
        return np.argsort(-np.asarray(self.value, dtype=float), kind="stable")

    @cached_property
    def spread_of_values(self) -> Values:
        """The squared coefficient of variation of each value; 0 where nobody says."""
        return np.zeros(len(self)) if self.variation is None else np.asarray(self.variation)

    def starting_offer(self) -> Offer:
        """An offer to begin with: example figures, to be replaced by one's own.

        The contact costs what the measured campaign did, else about 2 % of what keeping a typical
        customer adds; the incentive is about 5 % of it.
        """
        typical = float(np.median(self.value)) if len(self) else 0.0
        typical = max(typical, 0.0)
        cost = self.effect.contact_cost if self.effect is not None else float("nan")
        known = np.isfinite(cost)
        return Offer(
            contact_cost=float(cost) if known else plain_amount(0.02 * typical) or 1.0,
            incentive=plain_amount(0.05 * typical),
        )

    def notes_for(self, source: str) -> tuple[str, ...]:
        """What the reader must know where the save rate comes from there."""
        both = (*self.notes, self.effect_note if source == "measured" else "")
        return tuple(filter(None, both))

    def save_rate_of(self, offer: Offer) -> tuple[Range, str]:
        """The save rate and where it comes from: ``yours``, ``measured`` or ``assumed``."""
        if isinstance(offer.save_rate, Range):
            return offer.save_rate, "yours"
        if offer.save_rate is not None:
            rate = float(offer.save_rate)
            return Range(rate, rate, rate), "yours"
        return (self.effect.save_rate, "measured") if self.effect else (ASSUMED, "assumed")


def say_days(days: int, wording: Wording) -> str:
    """A number of days as one says it, in years where they are whole.

    >>> say_days(365, Wording()), say_days(730, Wording()), say_days(90, Wording())
    ('one year', '2 years', '90 days')
    """
    years, rest = divmod(days, YEAR)
    if rest:
        return wording.say("lifetime.days", days=days)
    return wording.say("offers.years", years=years)


def plain_amount(value: float) -> float:
    """An amount as one would set it: 1, 2 or 5 times a power of ten, the nearest below.

    >>> plain_amount(18.3), plain_amount(0.07), plain_amount(0)
    (10.0, 0.05, 0.0)
    """
    if not value > 0:
        return 0.0
    power = 10.0 ** np.floor(np.log10(value))
    step = max(step for step in (1, 2, 5) if step * power <= value * (1 + 1e-9))
    return float(round(step * power, 9))


def gather_facts(
    base: CustomerBase,
    *,
    horizon_days: int | None = None,
    scores: Any = None,
    worth: Any = None,
    measured: bool = True,
) -> OfferFacts:
    """Gather what offers to this base's customers are weighed on.

    The slow part (a churn model is fitted unless ``scores`` are given): do it once and weigh as
    many offers on it as you like. The trap: leaving and value must look equally far ahead, so a
    horizon given here is that of both.

    Parameters
    ----------
    base
        The customer base; nothing after its ``as_of`` is looked at.
    horizon_days
        How many days ahead (1 to 1,095); by default that of ``scores`` or ``worth``, else the
        longest of 365, 270, 180, 150, 120, 90, 60 and 30 that the history allows and, with a
        measured effect, the days it was followed for.
    scores
        Churn scores to use instead of fitting a model: the result of ``model.score(base)`` or a
        table with ``customer_id`` and ``churn_probability``.
    worth
        A valuation to use: the result of ``value_customers(base)``, or a table with
        ``customer_id`` and ``value`` (what keeping the customer adds over the horizon).
    measured
        Whether the horizon heeds a measured effect on file, which offers use that name none.

    Raises
    ------
    InputError
        Where ``horizon_days`` cannot be, or ``scores`` or ``worth`` lack a column.

    Examples
    --------
    >>> import pandas as pd
    >>> from retention_lib import simulate_base
    >>> base, truth = simulate_base(40, seed=1)
    >>> who = base.to_pandas("customers")["customer_id"].head(2)
    >>> scores = pd.DataFrame({"customer_id": who, "churn_probability": [0.1, 0.3]})
    >>> worth = pd.DataFrame({"customer_id": who, "value": [120.0, 80.0]})
    >>> facts = gather_facts(base, scores=scores, worth=worth)
    >>> len(facts), facts.horizon_days, facts.probability.tolist()
    (2, 90, [0.1, 0.3])
    """
    require_base(base)
    if horizon_days is not None:
        Offer(contact_cost=0.0, horizon_days=horizon_days)
    wanted = _wanted(horizon_days, scores, worth)
    with progress.steps(base.wording, "offer", total=3) as step:
        step("campaigns")
        effect = _effect(base, wanted) if measured else None
        if scores is None:
            # Learning who leaves takes seconds; where nobody is left to go there is no need.
            if not _anybody_active(base):
                said = base.wording.say("offers.nobody")
                return _nobody(base, said, wanted or HORIZONS[-1], effect)
            step("leavers")
            found = _fitted(base, wanted, effect)
            if isinstance(found, TooLittleError):
                return _nobody(base, found.said(base.wording), wanted or HORIZONS[-1], effect)
            scores = found
        horizon = wanted or int(scores.horizon_days)
        if effect is not None and effect.days != min(horizon, effect.follow_up_days):
            effect = _effect(base, horizon)
        scored = checked_scores(scores)
        if scored.empty:
            said = scores.sentence() if isinstance(scores, Result) else ""
            return _nobody(base, said or base.wording.say("offers.nobody"), horizon, effect)
        step("value")
        return _joined(base, scores, scored, worth, horizon, effect)


def _wanted(horizon_days: int | None, scores: Any, worth: Any) -> int | None:
    """The horizon that somebody has chosen, if any."""
    for days in (
        horizon_days,
        getattr(scores, "horizon_days", None),
        getattr(worth, "horizon_days", None),
    ):
        if days is not None:
            return int(days)
    return DAYS_OF_TABLE if scores is not None else None


def _effect(base: CustomerBase, horizon: int | None) -> PastEffect | None:
    from retention_lib.decisions.past_campaigns import past_effects

    if not base.has("campaigns", "group"):
        return None
    return past_effects(base, horizon_days=horizon).default()


def _anybody_active(base: CustomerBase) -> bool:
    active = standing(base).filter(nw.col("active"))
    return bool(engine.one_row(active.select(nw.len().alias("customers")))["customers"])


def _long_enough(base: CustomerBase, horizons: list[int]) -> list[int]:
    """The horizons without those that cannot be learnt from, by who had bought in time for them.

    To be refused takes a fit as many seconds as to succeed. The last horizon stays in any case: it
    says what is missing.
    """
    if len(horizons) < 2:
        return horizons
    bought = base.purchases().select("customer_id", "day")
    following = nw.col("day").shift(-1).over("customer_id", order_by="day")
    silence = following.fill_null(base.as_of_day) - nw.col("day")
    customers = (
        bought.with_columns(silence.alias("silence"))
        .group_by("customer_id")
        .agg(nw.col("day").min().alias("first"), nw.col("silence").max())
    )
    # Who left or stayed had bought by a date with its horizon, and that of the test, before today.
    in_time = [
        one_if(nw.col("first") <= base.as_of_day - 2 * days).sum().alias(f"d{days}")
        for days in horizons
    ]
    # Who left was silent for so long at some time, or closed its account.
    silent = [one_if(nw.col("silence") >= days).sum().alias(f"s{days}") for days in horizons]
    counts = engine.one_row(customers.select(*in_time, *silent))
    ends = base.has("customers", "closed_on") or base.has("customers", "is_contract")
    enough = [
        days
        for days in horizons[:-1]
        if int(counts[f"d{days}"] or 0) >= FEWEST
        and (ends or int(counts[f"s{days}"] or 0) >= FEWEST)
    ]
    return [*enough, horizons[-1]]


def _fitted(
    base: CustomerBase, wanted: int | None, effect: PastEffect | None
) -> ChurnScores | TooLittleError:
    """Scores for the horizon wanted, or for the longest that there is enough to learn from."""
    from retention_lib.scoring.churn import fit_churn

    longest = effect.follow_up_days if effect is not None else HORIZONS[0]
    tried = [wanted] if wanted else [days for days in HORIZONS if days <= longest]
    tried = _long_enough(base, tried)
    refusals = []
    for days in tried or HORIZONS[-1:]:
        try:
            model = fit_churn(base, horizon_days=days)
            with warnings.catch_warnings():
                # To train anew is no remedy for a model trained just now: the notes say it.
                warnings.simplefilter("ignore", DataWarning)
                return model.score(base)
        except TooLittleError as refused:
            refusals.append(refused)
            # In a shorter time more fall silent, but fewer contracts end.
            if refused.key == "refusal.few_left_contracts":
                break
    return refusals[-1]


def _joined(
    base: CustomerBase,
    scores: Any,
    scored: pd.DataFrame,
    worth: Any,
    horizon: int,
    effect: PastEffect | None,
) -> OfferFacts:
    """The facts of who is scored, may be contacted and has a value that can be told."""
    from retention_lib.scoring.lifetime import LifetimeResult, value_customers

    if worth is None:
        worth = value_customers(base, horizon_days=horizon)
    if isinstance(worth, LifetimeResult):
        valued = value_if_kept(base, scored, worth, horizon)
    else:
        valued = scored.merge(_given_values(worth), on="customer_id", how="left")
    told = valued["value"].notna().to_numpy()
    banned = _refused(base, valued)
    kept = valued[told & ~banned].reset_index(drop=True)
    names = _names(base, kept["customer_id"])
    own = isinstance(worth, LifetimeResult)
    why = "" if len(kept) else _why_nobody(base, worth, int(banned.sum()), int((~told).sum()))
    return OfferFacts(
        customer_id=kept["customer_id"],
        name=names,
        probability=kept["churn_probability"].to_numpy(dtype=float),
        value=kept["value"].to_numpy(dtype=float),
        revenue=kept["revenue"].to_numpy(dtype=float) if own else None,
        variation=kept["variation"].to_numpy(dtype=float) if own else None,
        measure=worth.measure if own else "margin",
        horizon_days=horizon,
        spread=float(getattr(scores, "spread", 0.0)),
        systematic=float(worth.total.systematic) + UNSEEN**2 if own else 0.0,
        effect=effect,
        refused=int(banned.sum()),
        unvalued=int((~told & ~banned).sum()),
        wording=base.wording,
        untold=why,
        notes=_notes(base.wording, scores, worth, horizon),
        effect_note=_effect_note(base.wording, effect, horizon),
        made_under=_made_under(base, horizon),
    )


def _given_values(worth: Any) -> pd.DataFrame:
    """The values of a table that was handed in, checked."""
    import pandas as pd

    frame = worth.to_frame() if isinstance(worth, Result) else worth
    if not isinstance(frame, pd.DataFrame) or not {"customer_id", "value"} <= set(frame.columns):
        raise InputError(
            f"worth must be the result of value_customers(base), or a DataFrame with customer_id "
            f"and value (what keeping the customer adds over the horizon); got "
            f"{type(worth).__name__}."
        )
    known = frame[["customer_id", "value"]].copy()
    known["customer_id"] = known["customer_id"].astype(str)
    wrong = [one for one in known["value"].dropna() if not is_number(one)]
    if wrong or known["customer_id"].duplicated().any():
        raise InputError(
            f"worth needs one row a customer, and amounts such as 120.50 in value; "
            f"{len(wrong)} of {len(known)} are no amounts and "
            f"{int(known['customer_id'].duplicated().sum())} customer(s) come twice."
        )
    return known


def _refused(base: CustomerBase, valued: pd.DataFrame) -> Values:
    """Who has said not to be contacted; who never said anything may be."""
    if not base.has("customers", "contactable"):
        return np.zeros(len(valued), dtype=bool)
    listed = known_customers(base)
    assert listed is not None
    said = engine.collect(listed.select("customer_id", "contactable"))
    known = said.set_index("customer_id")["contactable"].astype(float)
    refused: Values = (valued["customer_id"].map(known) == 0).to_numpy()
    return refused


def _names(base: CustomerBase, ids: pd.Series[Any]) -> Any:
    if not base.has("customers", "name"):
        return None
    listed = known_customers(base)
    assert listed is not None
    known = engine.collect(listed.select("customer_id", "name")).set_index("customer_id")["name"]
    return ids.map(known)


def _why_nobody(base: CustomerBase, worth: Any, refused: int, untold: int) -> str:
    w = base.wording
    if untold:
        return str(worth.sentence()) if isinstance(worth, Result) else w.say("offers.nobody")
    return w.say("offers.all_refused", refused=refused) if refused else w.say("offers.nobody")


def _effect_note(w: Wording, effect: PastEffect | None, horizon: int) -> str:
    """That an effect was followed for less time than the offer looks ahead."""
    if effect is None or effect.days >= horizon:
        return ""
    days, horizon_said = say_days(effect.days, w), say_days(horizon, w)
    return w.say("offers.note.effect", days=days, horizon=horizon_said)


def _notes(w: Wording, scores: Any, worth: Any, horizon: int) -> tuple[str, ...]:
    """What the reader must know: horizons that are not one, customers that have changed."""
    told, looks = (getattr(one, "horizon_days", None) for one in (scores, worth))
    found = {
        "table": 0 if told is None else None,
        "scores": told if told != horizon else None,
        "worth": looks if looks != horizon else None,
    }
    said = [
        w.say(f"offers.note.{which}", days=say_days(int(days), w), horizon=say_days(horizon, w))
        for which, days in found.items()
        if days is not None
    ]
    drift = getattr(scores, "drift", None)
    if drift is not None and drift.drifted:
        said.append(w.say("offers.note.drift"))
    return tuple(said)


def _made_under(base: CustomerBase, horizon: int) -> dict[str, object]:
    w = base.wording
    return {
        "as_of": base.as_of,
        "offer_horizon": w.say("offers.horizon", horizon=say_days(horizon, w)),
        "discount_rate": w.percent(DISCOUNT_RATE),
        "offer_range": w.say("offers.range"),
    }


def _nobody(base: CustomerBase, said: str, horizon: int, effect: PastEffect | None) -> OfferFacts:
    """Facts of nobody, with the reason."""
    return OfferFacts(
        customer_id=np.array([], dtype=object),
        probability=np.zeros(0),
        value=np.zeros(0),
        horizon_days=horizon,
        effect=effect,
        wording=base.wording,
        untold=said,
        made_under=_made_under(base, horizon),
    )
