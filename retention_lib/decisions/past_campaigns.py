"""What past campaigns with a control group drawn by lot have changed, and which were none.

The comparison is between all who were meant to be contacted and all who were held back,
whatever happened to them afterwards. A control group that was not drawn by lot differs in more
than the contact; where that shows in what was known before the date, no effect is told.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from retention_lib.base import engine
from retention_lib.base.customer_base import CustomerBase, require_base
from retention_lib.decisions import _past_campaign_facts as facts
from retention_lib.decisions.ranges import Range, Z
from retention_lib.errors import ChoiceError, InputError
from retention_lib.portfolio.intervals import share_interval
from retention_lib.results import Listing, Result

if TYPE_CHECKING:
    import pandas as pd

FEWEST = 30
"""With fewer customers than this in either group nothing is told about a campaign."""
FEWEST_DAYS = 30
"""A campaign is looked at once so many days have passed since it reached its last customer."""
LONGEST_DAYS = 365
"""Purchases of so many days after the date are compared where nobody says otherwise."""
IMPROBABLE = 0.01
"""Groups drawn by lot differ as much as that before the date in one campaign of a hundred."""

_MISSING = float("nan")


@dataclass(frozen=True)
class PastEffect:
    """The measured effect of one campaign whose groups look drawn by lot.

    ``save_rate``: of those who would have bought nothing within ``days`` days (1 or more) after
    the date, the share that contact made buy; a :class:`Range` that holds 90 %, negative where
    contact drove customers away. ``follow_up_days``: how many days after the date could be
    looked at. ``contact_cost``: mean cost of a contact, in the base's currency; missing (NaN)
    where it is not on file.
    """

    campaign_id: str
    offer: str
    date: date
    treated: int
    control: int
    days: int
    follow_up_days: int
    save_rate: Range
    contact_cost: float


def past_effects(base: CustomerBase, *, horizon_days: int | None = None) -> PastEffectsResult:
    """Measure what each campaign on file has changed, where its control group looks drawn by lot.

    One row a campaign. Everybody counts in the group it was assigned to, reached or not. Buyers
    are those with a purchase within ``days`` days after the campaign's date, the date itself
    left out. The save rate is, of those who would have bought nothing, the share that contact
    made buy: (buyers treated - buyers control) / (1 - buyers control). The trap: a club for the
    best customers whose "control" is everybody else shows a large difference that was there
    before; such groups are recognised by their purchases, spend and silence before the date, and
    no effect is told.

    Parameters
    ----------
    base
        The customer base; nothing after its ``as_of`` is looked at.
    horizon_days
        Days after the date in which a purchase counts (1 or more), or as many as have passed
        since; ``None`` is 365.

    Raises
    ------
    InputError
        Where ``horizon_days`` is no whole number of at least 1.

    Examples
    --------
    >>> import pandas as pd
    >>> lines = pd.DataFrame({"customer_id": ["a", "b"],
    ...     "date": pd.to_datetime(["2024-01-05", "2024-09-05"]), "amount": [10.0, 20.0]})
    >>> groups = pd.DataFrame({"campaign_id": "MAY", "customer_id": ["a", "b"],
    ...     "date": pd.to_datetime("2024-05-01"), "group": ["treated", "control"]})
    >>> print(past_effects(CustomerBase.from_tables(lines, campaigns=groups)).sentence())
    The campaign on file tells no effect: too few in a group (at least 30 are needed).

    The interval of the difference is that of Newcombe 1998, doi
    10.1002/(SICI)1097-0258(19980430)17:8<873::AID-SIM779>3.0.CO;2-I (method 10); that of the
    save rate, 1 minus a ratio of shares, that of Katz and others 1978, doi 10.2307/2530610.
    """
    require_base(base)
    horizon = LONGEST_DAYS if horizon_days is None else check_days("horizon_days", horizon_days)
    groups = facts.gather(base, horizon)
    rows = [_read(name, part, base, horizon) for name, part in groups.items()]
    rows.sort(key=lambda row: (row["date"], row["campaign_id"]))
    return PastEffectsResult(
        _table(rows, base),
        wording=base.wording,
        assumptions=_assumptions(base, horizon),
        groups=groups,
        asked=base.has("campaigns", "group"),
    )


@dataclass(frozen=True, repr=False, eq=False)
class PastEffectsResult(Result):
    """One row a campaign, oldest first.

    Columns: ``campaign_id, offer, date`` (the first, where it went out in waves), ``treated,
    control`` (customers), ``days`` (compared after the date), ``buyers_treated,
    buyers_control`` (shares), ``buyers_difference`` (of these), ``save_rate``, ``save_range``
    (in words), ``contact_cost`` (a contact), ``reading`` (in words) and for code ``reading_code``
    (``effect``, ``not_drawn``, ``no_control``, ``too_few``, ``too_recent``, ``all_bought``),
    ``difference_low, difference_high`` (95 % sure), ``save_low, save_high`` (90 % sure),
    ``follow_up_days, left_out`` (listed in both groups, or in neither). Shares and effects are
    missing wherever the groups cannot be compared.
    """

    hidden: ClassVar[tuple[str, ...]] = (
        # The sentence and the offer say these; the table stays as wide as a page.
        "days",
        "buyers_difference",
        "contact_cost",
        "reading_code",
        "difference_low",
        "difference_high",
        "save_low",
        "save_high",
        "follow_up_days",
        "left_out",
    )
    formats: ClassVar[Mapping[str, str]] = {
        "treated": "count",
        "control": "count",
        "days": "count",
        "buyers_treated": "percent",
        "buyers_control": "percent",
        "buyers_difference": "percent",
        "save_rate": "percent",
        "contact_cost": "money",
    }

    groups: Mapping[str, pd.DataFrame] = field(kw_only=True)
    asked: bool = field(kw_only=True)

    def default(self) -> PastEffect | None:
        """The effect that offers start from: that of the latest campaign that tells one.

        ``None`` where none does; an offer's effect is then an assumption.
        """
        told = self.table[self.table["reading_code"] == "effect"]
        return None if told.empty else self.effect(str(told["campaign_id"].iloc[-1]))

    def effect(self, campaign_id: str) -> PastEffect | None:
        """The effect of one campaign; ``None`` where it tells none.

        Raises ``ChoiceError`` where no campaign has that code.
        """
        row = self._row(campaign_id)
        if row["reading_code"] != "effect":
            return None
        return PastEffect(
            campaign_id=str(row["campaign_id"]),
            offer=str(row["offer"]),
            date=row["date"],
            treated=int(row["treated"]),
            control=int(row["control"]),
            days=int(row["days"]),
            follow_up_days=int(row["follow_up_days"]),
            save_rate=Range(*(float(row[name]) for name in ("save_low", "save_rate", "save_high"))),
            contact_cost=float(row["contact_cost"]),
        )

    def balance(self) -> Listing:
        """What the groups were like before the date: one row a campaign and measure.

        Columns: ``campaign_id, measure, mean_treated, mean_control`` (means), ``reading``, and
        ``chance`` for code: how probable so large a difference is where groups are drawn by lot.
        """
        import pandas as pd

        w = self.wording
        rows = [
            (name, w.say(f"past.measure.{measure}"), *facts.means(part, measure), chance)
            for name, part in self.groups.items()
            for measure, chance in facts.chances(part).items()
            if measure != "wave" or part["day"].nunique() > 1
        ]
        names = ["campaign_id", "measure", "mean_treated", "mean_control", "chance"]
        table = pd.DataFrame(rows, columns=names)
        differs = table["chance"] < IMPROBABLE / len(facts.MEASURES)
        table["reading"] = [w.say(f"past.balance.{'off' if off else 'like'}") for off in differs]
        table["chance"] = table["chance"].astype(float)
        said = w.say("past.balance_said", campaigns=int(table["campaign_id"].nunique()))
        return _Balance(table, wording=w, assumptions=self.assumptions, said=said)

    def sentence(self) -> str:
        """What the latest campaign that tells an effect has changed, or why none does."""
        w, count = self.wording, len(self.table)
        if not self.asked:
            return w.say("past.no_table")
        if not count:
            return w.say("past.no_campaign")
        effect = self.default()
        if effect is None:
            why = w.listing(list(dict.fromkeys(self.table["reading"])))
            return w.say("past.none", campaigns=count, why=why)
        row = self._row(effect.campaign_id)
        key = "past.effect" if row["difference_low"] * row["difference_high"] > 0 else "past.unsure"
        return w.say(
            key,
            campaign=effect.campaign_id,
            date=w.date(effect.date),
            days=effect.days,
            treated=w.percent(row["buyers_treated"]),
            control=w.percent(row["buyers_control"]),
            low=w.number(100 * row["difference_low"], decimals=1),
            high=w.number(100 * row["difference_high"], decimals=1),
            save=w.percent(row["save_rate"]),
            save_range=row["save_range"],
        )

    def _row(self, campaign_id: str) -> Mapping[str, Any]:
        known = self.table["campaign_id"].tolist()
        if campaign_id not in known:
            raise ChoiceError("campaign_id", campaign_id, known)
        return dict(self.table.iloc[known.index(campaign_id)])


class _Balance(Listing):
    hidden: ClassVar[tuple[str, ...]] = ("chance",)
    formats: ClassVar[Mapping[str, str]] = {"mean_treated": "decimal", "mean_control": "decimal"}


def check_days(name: str, days: object) -> int:
    """A number of days, or an ``InputError`` that says what it should be."""
    whole = isinstance(days, int | np.integer) and not isinstance(days, bool)
    if not whole or days < 1:  # type: ignore[operator]
        raise InputError(
            f"{name} must be a whole number of days, 1 or more, such as 90; got {days!r}."
        )
    return int(days)  # type: ignore[call-overload, no-any-return]


def difference_interval(
    treated: int, of_treated: int, control: int, of_control: int
) -> tuple[float, float]:
    """Between what the difference of two shares lies, 95 % sure; holds for few cases too.

    Newcombe 1998, method 10: two intervals of Wilson, put together.

    >>> low, high = difference_interval(56, 70, 48, 80)
    >>> round(low, 4), round(high, 4)
    (0.0524, 0.3339)
    """
    one, other = treated / of_treated, control / of_control
    low_1, high_1 = share_interval(treated, of_treated)
    low_2, high_2 = share_interval(control, of_control)
    below = np.hypot(one - low_1, high_2 - other)
    above = np.hypot(high_1 - one, other - low_2)
    return float(one - other - below), float(one - other + above)


def save_range(treated: int, of_treated: int, control: int, of_control: int) -> Range | None:
    """The save rate of so many buyers among so many, with the range that holds 90 %.

    1 minus the ratio of the shares of those who bought nothing. ``None`` where all of the
    control group bought: there was nobody to save.

    >>> save_range(60, 100, 50, 100).likely
    0.2
    """
    silent, quiet = of_treated - treated, of_control - control
    if not quiet:
        return None
    likely = 1 - (silent / of_treated) / (quiet / of_control)
    # Half a customer more, in both groups, where nobody of the treated was silent.
    shift = 0.0 if silent else 0.5
    one, other = silent + shift, quiet + shift
    spread = np.sqrt(1 / one - 1 / (of_treated + shift) + 1 / other - 1 / (of_control + shift))
    centre = np.log(one / (of_treated + shift)) - np.log(other / (of_control + shift))
    low, high = (float(1 - np.exp(centre + sign * Z * spread)) for sign in (1, -1))
    return Range(min(low, likely), round(likely, 12), max(high, round(likely, 12)))


def _read(name: str, part: pd.DataFrame, base: CustomerBase, horizon: int) -> dict[str, Any]:
    """One campaign: its counts, and its effect where the groups can be compared."""
    counts = facts.counts(part)
    follow_up = base.as_of_day - int(part["day"].max())
    row: dict[str, Any] = {
        "campaign_id": name,
        "offer": facts.offer(part),
        "date": engine.day_of(int(part["day"].min())),
        "treated": counts.treated,
        "control": counts.control,
        "days": min(horizon, follow_up),
        "contact_cost": counts.contact_cost,
        "follow_up_days": follow_up,
        "left_out": counts.left_out,
    }
    saved = (
        save_range(counts.treated_buyers, counts.treated, counts.control_buyers, counts.control)
        if counts.treated and counts.control
        else None
    )
    code = _code(part, counts, follow_up, horizon, saved)
    row["reading_code"] = code
    if code == "effect" and saved is not None:
        ends = difference_interval(
            counts.treated_buyers, counts.treated, counts.control_buyers, counts.control
        )
        row["buyers_treated"] = counts.treated_buyers / counts.treated
        row["buyers_control"] = counts.control_buyers / counts.control
        row["buyers_difference"] = row["buyers_treated"] - row["buyers_control"]
        row["difference_low"], row["difference_high"] = ends
        row["save_low"], row["save_rate"], row["save_high"] = saved.low, saved.likely, saved.high
    return row


def _code(
    part: pd.DataFrame, counts: facts.Counts, follow_up: int, horizon: int, saved: Range | None
) -> str:
    if not counts.treated or not counts.control:
        return "no_control"
    if min(counts.treated, counts.control) < FEWEST:
        return "too_few"
    if min(facts.chances(part).values()) < IMPROBABLE / len(facts.MEASURES):
        return "not_drawn"
    if follow_up < min(FEWEST_DAYS, horizon):
        return "too_recent"
    return "all_bought" if saved is None else "effect"


_COLUMNS: Mapping[str, str] = {
    "campaign_id": "object",
    "offer": "object",
    "date": "object",
    "treated": "int64",
    "control": "int64",
    "days": "int64",
    "buyers_treated": "float64",
    "buyers_control": "float64",
    "buyers_difference": "float64",
    "save_rate": "float64",
    "save_range": "object",
    "contact_cost": "float64",
    "reading": "object",
    "reading_code": "object",
    "difference_low": "float64",
    "difference_high": "float64",
    "save_low": "float64",
    "save_high": "float64",
    "follow_up_days": "int64",
    "left_out": "int64",
}


def _table(rows: list[dict[str, Any]], base: CustomerBase) -> pd.DataFrame:
    import pandas as pd

    w = base.wording
    for row in rows:
        row["reading"] = w.say(
            f"past.reading.{row['reading_code']}", least=FEWEST, days=FEWEST_DAYS
        )
        if "save_low" in row:
            low, high = w.percent(row["save_low"]), w.percent(row["save_high"])
            row["save_range"] = w.say("past.range", low=low, high=high)
        else:
            row["save_range"] = ""
    return pd.DataFrame(rows, columns=list(_COLUMNS)).astype(dict(_COLUMNS))


def _assumptions(base: CustomerBase, horizon: int) -> dict[str, object]:
    w = base.wording
    return {
        "as_of": base.as_of,
        "effect_days": w.say("past.days", days=horizon),
        "effect_groups": w.say("past.groups"),
        "effect_drawn": w.say("past.drawn", chance=w.percent(IMPROBABLE, decimals=0)),
    }
