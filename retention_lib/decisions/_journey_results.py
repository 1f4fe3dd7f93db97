"""What is asked of journeys next: how many are in each, what each step costs and should bring."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from retention_lib.decisions._journey_choice import REASONS
from retention_lib.decisions._journey_steps import JOURNEYS, Step, load_steps
from retention_lib.decisions._offer_inputs import is_number
from retention_lib.decisions._plan_paths import Rates, incentive_of
from retention_lib.errors import ChoiceError, InputError
from retention_lib.masking import masks, pseudonym, said_name
from retention_lib.results import Result
from retention_lib.wording import Wording, with_minus

if TYPE_CHECKING:
    import pandas as pd

    from retention_lib.decisions.journeys import JourneysResult

SKETCH_BELOW = 30


@dataclass(frozen=True, repr=False, eq=False)
class JourneyCounts(Result):
    """One row a journey, empty ones too.

    Columns: ``journey, aim`` (in words), ``customers, share`` (of all; missing below 30
    customers), ``at_stake`` (what its steps act on, currency) and ``stake_each`` (the same a
    customer; missing where there is none), ``journey_code``.
    """

    chart: ClassVar[str] = "journey_charts.plot_journeys"
    hidden: ClassVar[tuple[str, ...]] = ("journey_code",)
    formats: ClassVar[Mapping[str, str]] = {
        "customers": "count",
        "share": "percent",
        "at_stake": "money",
        "stake_each": "money",
    }

    of: JourneysResult = field(kw_only=True)

    def sentence(self) -> str:
        """The sentence of the journeys."""
        return self.of.finding() + "."

    def title(self) -> str:
        """How many are worth a contact and where most is at stake, for a chart."""
        w, table = self.wording, self.table
        rest = int(table.loc[table["journey_code"] == "rest", "customers"].sum())
        everybody = int(table["customers"].sum())
        counts = {"named": everybody - rest, "customers": everybody, "rest": rest}
        if not table["at_stake"].sum() > 0:
            return w.say("journeys.chart.title_no_money", **counts)
        most = table.loc[table["at_stake"].idxmax()]
        return w.say(
            "journeys.chart.title",
            **counts,
            journey=lower_first(str(most["journey"])),
            stake=w.money(float(most["at_stake"])),
            measure=self.of.measure,
        )


@dataclass(frozen=True, repr=False, eq=False)
class JourneyReasons(Result):
    """One row a journey and reason: ``journey, reason, customers, at_stake``; codes hidden."""

    hidden: ClassVar[tuple[str, ...]] = ("journey_code", "reason_code")
    formats: ClassVar[Mapping[str, str]] = {"customers": "count", "at_stake": "money"}
    shown_rows: ClassVar[int] = 30

    of: JourneysResult = field(kw_only=True)

    def sentence(self) -> str:
        """The most frequent reason."""
        w = self.wording
        if self.table.empty:
            return self.of.finding() + "."
        most = self.table.loc[self.table["customers"].idxmax()]
        return w.say(
            "journeys.reasons.said",
            reasons=len(self.table),
            reason=most["reason"],
            customers=int(most["customers"]),
        )


@dataclass(frozen=True, repr=False, eq=False)
class StepsResult(Result):
    """What each step costs and should bring for one customer of its journey on this base.

    Columns: ``journey, journey_step`` (its title), ``done_by`` (customer step or task),
    ``by_channel, money_out, manager_minutes`` (for one customer), ``step_rate`` (the share of
    what is at stake that it should bring, with its range, in words), ``step_brings, step_low,
    step_high`` (the same in money, a customer on average; from the range of the rate alone),
    ``step_profit`` (a contact: what it brings less money out, time and what is given away) and
    ``rate_source`` (measured or assumed). For code ``step_code, journey_code, who, channel,
    place, customers, at_stake`` (mean), ``profit_low,
    profit_high, is_measured``. Each step is taken by itself: a second
    contact works on what the first one left, which the plan reckons with.
    """

    chart: ClassVar[str] = "journey_charts.plot_steps"
    hidden: ClassVar[tuple[str, ...]] = (
        "step_code",
        "journey_code",
        "who",
        "channel",
        "place",
        "customers",
        "at_stake",
        "profit_low",
        "profit_high",
        "is_measured",
        # "Preparation" among the channels says it, and money says the share better.
        "done_by",
        "step_rate",
    )
    formats: ClassVar[Mapping[str, str]] = {
        "money_out": "decimal",
        "manager_minutes": "count",
        "step_brings": "decimal",
        "step_low": "decimal",
        "step_high": "decimal",
        "step_profit": "decimal",
    }
    shown_rows: ClassVar[int] = 40

    of: JourneysResult = field(kw_only=True)
    found: tuple[Step, ...] = field(kw_only=True)
    hour_cost: float = field(kw_only=True)

    @property
    def contacts(self) -> pd.DataFrame:
        """The steps for customers whose journey has any."""
        table = self.table
        return table[(table["who"] == "customer") & (table["customers"] > 0)]

    def sentence(self) -> str:
        """Which contact should earn most, and how many do not pay on average."""
        return self.finding() + "."

    def title(self) -> str:
        """How many contacts pay on average, for a chart."""
        w, contacts = self.wording, self.contacts
        if contacts.empty:
            return self.finding()
        pays = int((contacts["step_profit"] > 0).sum())
        if not pays:
            return w.say("journeys.steps.chart.title_none", steps=len(contacts))
        best = contacts.loc[contacts["step_profit"].idxmax()]
        return w.say(
            "journeys.steps.chart.title",
            pays=pays,
            steps=len(contacts),
            step=best["journey_step"],
        )

    def finding(self) -> str:
        """The sentence without its full stop."""
        w, contacts = self.wording, self.contacts
        if contacts.empty:
            return w.say("journeys.steps.nobody")
        best = contacts.loc[contacts["step_profit"].idxmax()]
        loses = int((contacts["step_profit"] <= 0).sum())
        if best["step_profit"] <= 0:
            return w.say("journeys.steps.none_pays", steps=len(contacts))
        money = {
            name: with_minus(w.money(float(best[column]), decimals=2))
            for name, column in (
                ("profit", "step_profit"),
                ("low", "profit_low"),
                ("high", "profit_high"),
            )
        }
        counts = {"steps": len(contacts), "loses": loses}
        words = {"step": best["journey_step"], "journey": best["journey"], **money}
        measured = int(contacts["is_measured"].sum())
        if not measured:
            return w.say("journeys.steps.finding_assumed", **words, **counts)
        return w.say("journeys.steps.finding", **words, **counts, measured=measured)


def lower_first(words: str) -> str:
    """Words as they stand amid a sentence."""
    return words[:1].lower() + words[1:]


class Message(str):
    """A message to a customer: a plain text, shown with its line breaks and nothing as code."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        return f"<p>{html.escape(self).replace(chr(10), '<br>')}</p>"


def count_journeys(of: JourneysResult) -> JourneyCounts:
    """How many customers are in each journey, and what is at stake."""
    import pandas as pd

    w, table = of.wording, of.table
    groups = table.groupby("journey_code")["at_stake"]
    counted = groups.agg(["size", "sum"]).reindex(JOURNEYS, fill_value=0)
    customers = counted["size"].to_numpy(dtype=np.int64)
    stake = counted["sum"].to_numpy(dtype=float).round(2)
    enough = len(table) >= SKETCH_BELOW
    each = np.divide(stake, customers, out=np.full(len(stake), np.nan), where=customers > 0)
    frame = pd.DataFrame(
        {
            "journey": [w.say(f"journey.{code}") for code in JOURNEYS],
            "aim": [w.say(f"journeys.aim.{code}") for code in JOURNEYS],
            "customers": customers,
            "share": customers / len(table) if enough else np.nan,
            "at_stake": stake,
            "stake_each": each.round(2),
            "journey_code": list(JOURNEYS),
        }
    )
    return JourneyCounts(frame, wording=w, assumptions=of.assumptions, of=of)


def list_reasons(of: JourneysResult) -> JourneyReasons:
    """Why customers are in their journeys: one row a journey and reason, in their order."""
    w = of.wording
    counted = of.table.groupby(["journey_code", "reason_code"])["at_stake"].agg(["size", "sum"])
    table = counted.reset_index()
    table.columns = ["journey_code", "reason_code", "customers", "at_stake"]
    order = {code: place for place, code in enumerate(JOURNEYS)}
    reasons = {code: place for place, code in enumerate(REASONS)}
    table = table.assign(a=table["journey_code"].map(order), b=table["reason_code"].map(reasons))
    table = table.sort_values(["a", "b"], ignore_index=True).drop(columns=["a", "b"])
    table.insert(0, "journey", [w.say(f"journey.{code}") for code in table["journey_code"]])
    table.insert(1, "reason", [w.say(f"journeys.reason.{code}") for code in table["reason_code"]])
    return JourneyReasons(
        table[["journey", "reason", "customers", "at_stake", "journey_code", "reason_code"]],
        wording=w,
        assumptions=of.assumptions,
        of=of,
    )


def weigh_steps(of: JourneysResult, steps: Any, hour_cost: Any) -> StepsResult:
    """What each step costs and should bring, for an average customer of its journey."""
    import pandas as pd

    w = of.wording
    if not is_number(hour_cost) or float(hour_cost) < 0:
        raise InputError(
            f"hour_cost is what an hour of an account manager costs, 0 or more, such as 40; got "
            f"{hour_cost!r}."
        )
    found = steps_of(steps, w)
    effect = of.facts.offers.effect if of.facts.offers is not None else None
    rates = Rates(effect.save_rate if effect is not None else None, float(hour_cost))
    rows = [_row(of, step, rates) for step in found]
    names = list(rows[0]) if rows else list(_ROW)
    return StepsResult(
        pd.DataFrame(rows, columns=names),
        wording=w,
        assumptions={
            **of.assumptions,
            "journey_steps": _say_source(steps, w),
            "journey_hour": w.money(float(hour_cost)),
            "journey_effect": _say_effect(effect, w),
        },
        of=of,
        found=found,
        hour_cost=float(hour_cost),
    )


_ROW = (
    "journey",
    "journey_step",
    "done_by",
    "by_channel",
    "money_out",
    "manager_minutes",
    "step_rate",
    "step_brings",
    "step_low",
    "step_high",
    "step_profit",
    "rate_source",
    "step_code",
    "journey_code",
    "who",
    "channel",
    "place",
    "customers",
    "at_stake",
    "profit_low",
    "profit_high",
    "is_measured",
)


def steps_of(steps: Any, wording: Wording) -> tuple[Step, ...]:
    """Steps handed over, those of a file, or those that come along."""
    if steps is None or isinstance(steps, str | Path):
        return load_steps(wording.language, steps)
    if isinstance(steps, Sequence) and all(isinstance(step, Step) for step in steps):
        return tuple(steps)
    raise InputError(
        f"steps must be the path of a table of steps, what load_steps() gives, or None for those "
        f"that come with the workbook; got {type(steps).__name__}."
    )


def _row(of: JourneysResult, step: Step, rates: Rates) -> dict[str, Any]:
    w, inside = of.wording, of.table["journey_code"] == step.journey
    rows = of.table[inside]
    stake = float(rows["at_stake"].mean()) if len(rows) else 0.0
    rate, measured = rates.of(step), rates.is_measured(step)
    contact = step.who == "customer"
    chance = rows["churn_probability"].to_numpy(dtype=float)
    given = incentive_of(step, rate.likely, chance, np.ones(len(rows)))
    spent = rates.cost(step) + (float(given.mean()) if len(rows) else 0.0)
    some = contact and len(rows) > 0
    nan = float("nan")
    ends = {"low": rate.low, "likely": rate.likely, "high": rate.high}
    said = {name: w.percent(end, decimals=0 if end >= 0.1 else 1) for name, end in ends.items()}
    return {
        "journey": w.say(f"journey.{step.journey}"),
        "journey_step": step.title,
        "done_by": w.say(f"journeys.done.{step.who}"),
        "by_channel": w.say(f"journeys.channel.{step.channel}"),
        "money_out": step.cost,
        "manager_minutes": step.minutes,
        "step_rate": w.say("offers.rate_short", **said) if contact else "",
        "step_brings": rate.likely * stake if some else nan,
        "step_low": rate.low * stake if some else nan,
        "step_high": rate.high * stake if some else nan,
        "step_profit": rate.likely * stake - spent if some else nan,
        "rate_source": _say_rate(step, measured, w) if contact else "",
        "step_code": step.code,
        "journey_code": step.journey,
        "who": step.who,
        "channel": step.channel,
        "place": step.place,
        "customers": len(rows),
        "at_stake": stake,
        "profit_low": rate.low * stake - spent if some else nan,
        "profit_high": rate.high * stake - spent if some else nan,
        "is_measured": measured and contact,
    }


def _say_rate(step: Step, measured: bool, w: Wording) -> str:
    if measured:
        return w.say("journeys.rate.measured")
    return w.say("journeys.rate.assumed") if step.source == "assumption" else step.source


def _say_source(steps: Any, w: Wording) -> str:
    if steps is None:
        return w.say("journeys.steps.own")
    if isinstance(steps, str | Path):
        return Path(steps).name
    return w.say("journeys.steps.given", steps=len(steps))


def _say_effect(effect: Any, w: Wording) -> str:
    if effect is None:
        return w.say("journeys.effect.assumed")
    return w.say("journeys.effect.measured", campaign=effect.campaign_id)


def write_message(
    of: JourneysResult, customer_id: Any, step_code: str, steps: Any, company: str
) -> Message:
    """The template of a step with the customer's own name, manager and range put in."""
    w = of.wording
    found = {step.code: step for step in steps_of(steps, w)}
    if step_code not in found:
        raise ChoiceError("step_code", step_code, list(found))
    rows = of.table[of.table["customer_id"] == str(customer_id)]
    if rows.empty:
        ids = of.table["customer_id"]
        example = f" such as {said_name(ids.iloc[0])!r}" if len(ids) else ""
        raise InputError(f"There is no customer {customer_id!r}; give a customer_id{example}.")
    if not isinstance(company, str):
        raise InputError(f'company is a name, such as "Dupont SA"; got {company!r}.')
    row = rows.iloc[0]
    held = {name: row.get(name) for name in ("name", "account_manager")}
    if masks():
        word = w.say("mask.customer")
        held = {name: pseudonym(value, name, word) for name, value in held.items()}
    lacking = row["lacking_range"]
    return Message(
        found[step_code].message.format(
            name=_or(held["name"], w.say("journeys.message.nobody")),
            manager=_or(held["account_manager"], w.say("journeys.message.manager")),
            range=_or(lacking, w.say("journeys.message.range")),
            company=company.strip() or w.say("journeys.message.company"),
        )
    )


def _or(value: Any, otherwise: str) -> str:
    return value.strip() if isinstance(value, str) and value.strip() else otherwise
