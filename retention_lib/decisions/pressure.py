"""Contact pressure: how often customers were contacted, and what they did after so many contacts.

How many contacts are too many is read from the base's own past. Those contacted more often were
chosen for it, so what is found is where to look, never a proof of what contact does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, ClassVar

from retention_lib.base import engine
from retention_lib.base.customer_base import CustomerBase, require_base
from retention_lib.decisions import _pressure_facts as facts
from retention_lib.decisions import _pressure_now as today
from retention_lib.decisions import _pressure_rates as rates
from retention_lib.decisions import _pressure_words as words
from retention_lib.decisions._pressure_contacts import contacts
from retention_lib.decisions._pressure_now import PressureNow
from retention_lib.decisions.contact_rules import ContactRules
from retention_lib.errors import ChoiceError
from retention_lib.results import Result
from retention_lib.wording import Sentence

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["AcceptablePressure", "PressureNow", "PressureResult", "measure_pressure"]


def measure_pressure(base: CustomerBase, *, by: str | None = None) -> PressureResult:
    """Show what customers did after so many contacts in 30 days, from the base's own past.

    One row a segment and number of contacts (0 to 6 or more), everybody first. The base is looked
    at every 30 days as far back as contacts are on file: who was active, not opted out, and had
    neither complained nor asked to leave in those 30 days; then whether it bought in the next 30
    and 90 days, and whether it was lost an activity window later. Opt-outs are counted contact by
    contact. All ranges hold 95 %; a customer looked at on many days is not taken for as many
    customers.

    The trap: this is no randomised comparison. Those contacted more often were chosen for it, the
    better customers or those already in doubt, and that alone may make the difference.

    Parameters
    ----------
    base
        The customer base; nothing after its ``as_of`` is looked at.
    by
        ``size``, ``sector`` or ``region``, where the customers have it, or ``value``: purchases
        in money a year up to that day, in thirds. ``None`` takes the size, else the value.

    Raises
    ------
    InputError
        Where something else than a customer base is passed.
    ChoiceError
        Where ``by`` is no column that this base's customers have.

    Examples
    --------
    >>> import pandas as pd
    >>> lines = pd.DataFrame({"customer_id": ["a", "b"],
    ...     "date": pd.to_datetime(["2024-01-05", "2024-03-05"]), "amount": [10.0, 20.0]})
    >>> measure_pressure(CustomerBase.from_tables(lines)).rules()
    ContactRules(most_in_30_days=2, rest_days=7, least_a_year=4)
    """
    require_base(base)
    segment = _segment(base, by)
    sent = contacts(base)
    if sent is None:
        return _empty(base, "absent", today.customers_now(base, None))
    # Asked often: worked out once.
    with engine.kept(sent, outlived_by=base.tables["transactions"]) as kept:
        now = today.customers_now(base, kept)
        first_contact, first_sale = facts.first_days(base, kept)
        if first_contact is None:
            return _empty(base, "nobody", now)
        dates = facts.dates_of(base, first_contact, first_sale)
        if not dates:
            return _empty(base, "short", now, since=first_contact)
        counted = facts.gather(base, segment, dates, kept)
    if not len(counted.looks):
        return _empty(base, "inactive", now)
    return _measured(base, segment, counted, now)


@dataclass(frozen=True, repr=False, eq=False)
class PressureResult(Result):
    """What followed after so many contacts: one row a segment and number of contacts.

    Columns: ``segment, contacts_in_30`` (in words), ``customers`` (who were ever in that case),
    ``bought_in_30, bought_in_90`` (share that bought in so many days afterwards), ``lost_later``
    (share lost an activity window later), ``opt_outs_per_1000`` (opt-outs that answered 1,000
    contacts, the last of which was the first, second, … in 30 days), each with ``_low`` and
    ``_high``; hidden ``segment_code`` (empty for everybody), ``level`` (the number), ``looks``,
    ``contacts`` and ``opt_outs``. Shares are missing below 30 customers, and where they cannot be
    known. ``.acceptable``: beyond how many contacts opt-outs or losses clearly rise, by segment.
    ``.customers``: today's pressure, one row an active customer.
    """

    chart: ClassVar[str] = "pressure_charts.plot_pressure"
    shown_rows: ClassVar[int] = 7
    formats: ClassVar[Mapping[str, str]] = words.FORMATS
    hidden: ClassVar[tuple[str, ...]] = words.HIDDEN

    acceptable: AcceptablePressure = field(kw_only=True)
    verdicts: tuple[rates.Verdict, ...] = field(kw_only=True)
    customers: pd.DataFrame = field(kw_only=True)
    lost_days: int = field(kw_only=True)
    state: str = field(kw_only=True)

    def sentence(self) -> str:
        """Beyond how many contacts opt-outs or losses rise, or why nobody can tell."""
        told = any(one.code != "cannot_tell" for one in self.verdicts)
        key = "pressure.sentence" if told else "pressure.bare"
        return self.wording.say(key, finding=self.finding())

    def finding(self) -> str:
        """The sentence without its full stop and its warning, for a title."""
        return self.acceptable.found

    def warning(self) -> Sentence:
        """Why this is no proof of what contact does."""
        return Sentence(self.wording.say("pressure.warning"))

    def rules(self) -> ContactRules:
        """The contact rules that the past suggests; the usual ones where it cannot tell.

        Where opt-outs or losses clearly rise beyond some number, in any segment, at most that
        many contacts in 30 days; more than the usual only as far as it was seen that losses do
        not double.
        """
        usual = ContactRules()
        limits = [one.acceptable for one in self.verdicts if one.code == "rises"]
        if not limits:
            return usual
        seen = [one.acceptable for one in self.verdicts if not one.segment and one.code != "rises"]
        most = min(min(limits), max(usual.most_in_30_days, *seen, 0))
        return replace(usual, most_in_30_days=max(most, 1))

    def rules_sentence(self) -> Sentence:
        """Which rules that makes, and whether the base's past or custom is behind them."""
        rules, rises = self.rules(), any(one.code == "rises" for one in self.verdicts)
        key = "pressure.rules.suggested" if rises else "pressure.rules.usual"
        if self.state != "measured":
            key = "pressure.rules.unknown"
        return Sentence(
            self.wording.say(
                key,
                most=rules.most_in_30_days,
                rest=rules.rest_days,
                least=rules.least_a_year,
            )
        )

    def now(self, *, rules: ContactRules | None = None) -> PressureNow:
        """Today's pressure beside the rules: who hears too much, who too little.

        ``rules``: those of :meth:`rules` unless others are given.
        """
        given = self.rules() if rules is None else rules
        return today.pressure_now(self.customers, given, self.wording, self.state)


@dataclass(frozen=True, repr=False, eq=False)
class AcceptablePressure(Result):
    """Beyond how many contacts in 30 days customers clearly react: a row a segment and measure.

    Columns: ``segment, reaction`` (opt-outs or losses), ``acceptable_contacts`` (missing where
    nobody can tell), ``reading`` in words, and where it rises ``share_before`` and
    ``share_beyond`` with ``share_beyond_low`` and ``share_beyond_high`` (95 %); hidden
    ``segment_code``, ``reaction_code`` (``opt_outs``, ``lost``) and ``verdict_code`` (``rises``,
    ``no_rise_seen``: up to that number it is 95 % sure that it does not double, ``cannot_tell``).
    """

    shown_rows: ClassVar[int] = 20
    formats: ClassVar[Mapping[str, str]] = words.ACCEPTABLE_FORMATS
    hidden: ClassVar[tuple[str, ...]] = words.ACCEPTABLE_HIDDEN

    found: str = field(kw_only=True)

    def sentence(self) -> str:
        """The finding for everybody, or for the segment where there is one."""
        return self.wording.say("pressure.bare", finding=self.found)


def _segment(base: CustomerBase, by: str | None) -> str:
    choices = [name for name in facts.TRAITS if base.has("customers", name)] + [facts.VALUE]
    if by is None:
        return "size" if "size" in choices else facts.VALUE
    if not isinstance(by, str) or by not in choices:
        raise ChoiceError("by", by, choices)
    return by


def _measured(
    base: CustomerBase, segment: str, counted: facts.PressureFacts, now: pd.DataFrame
) -> PressureResult:
    verdicts = rates.judge(counted, rates.segments_of(counted))
    assumptions = words.assumptions(base, segment, counted)
    return PressureResult(
        words.table(counted, base.wording),
        wording=base.wording,
        assumptions=assumptions,
        customers=now,
        acceptable=AcceptablePressure(
            words.acceptable(verdicts, base.wording),
            wording=base.wording,
            assumptions=assumptions,
            found=words.finding(counted, verdicts, base),
        ),
        verdicts=tuple(verdicts),
        lost_days=base.activity_window_days,
        state="measured",
    )


def _empty(
    base: CustomerBase, state: str, now: pd.DataFrame, since: int | None = None
) -> PressureResult:
    """A result without rows, whose sentence says what is missing."""
    w = base.wording
    from_day = "" if since is None else w.date(engine.day_of(since))
    least = facts.STRETCH + facts.AFTER
    found = w.say(f"pressure.{state}", since=from_day, days=least)
    assumptions = {"as_of": base.as_of}
    return PressureResult(
        words.no_table(),
        wording=w,
        assumptions=assumptions,
        customers=now,
        acceptable=AcceptablePressure(
            words.acceptable([], w), wording=w, assumptions=assumptions, found=found
        ),
        verdicts=(),
        lost_days=base.activity_window_days,
        state=state,
    )
