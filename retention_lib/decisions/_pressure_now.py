"""Today's contact pressure: who hears too much from the company, and who too little."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import narwhals as nw
import numpy as np

from retention_lib.base import engine
from retention_lib.base.customer_base import CustomerBase
from retention_lib.decisions._pressure_contacts import opt_outs, past_contacts
from retention_lib.decisions._pressure_facts import MOST, VALUE
from retention_lib.decisions.contact_rules import ContactRules
from retention_lib.errors import InputError
from retention_lib.portfolio.activity import standing
from retention_lib.portfolio.rfm import SKETCH_BELOW, cut_points
from retention_lib.results import Result
from retention_lib.wording import Wording

if TYPE_CHECKING:
    import pandas as pd

Frame = nw.LazyFrame[Any]

_YEAR = 365


def customers_now(base: CustomerBase, sent: Frame | None) -> pd.DataFrame:
    """One row an active customer, in the order of their ids, that may be contacted.

    Columns: ``customer_id, revenue`` (net, in the activity window), ``value`` (``high``,
    ``middle``, ``low``: thirds of it), ``known_a_year`` (bought a year ago or earlier),
    ``contacts_30, contacts_365`` and ``last_contact_day`` (missing without any contact). Nobody
    where no contacts are on file: none is not the same as not written down.
    """
    since = base.as_of_day - _YEAR
    active = standing(base).filter(nw.col("active"))
    told = active.select("customer_id", "revenue", (nw.col("first_day") <= since).alias("known"))
    for refusals in _refusals(base):
        told = told.join(refusals, on="customer_id", how="anti")
    table = engine.collect(told).rename(columns={"known": "known_a_year"})
    made = past_contacts(base, sent)
    table = table.merge(made, on="customer_id", how="left")
    for name in ("contacts_30", "contacts_365"):
        table[name] = table[name].fillna(0).astype("int64")
    table["last_contact_day"] = table["last_contact_day"].astype("Int64")
    table.insert(2, VALUE, _thirds(table["revenue"].to_numpy(dtype=float)))
    if sent is None:
        table = table.iloc[:0]
    return table.sort_values("customer_id", ignore_index=True)


def _refusals(base: CustomerBase) -> list[Frame]:
    """Customers who must not be contacted: by the flag, or by an opt-out on file."""
    found = []
    if base.has("customers", "contactable"):
        found.append(base.visible("customers").filter(~nw.col("contactable").fill_null(True)))
    out = opt_outs(base)
    if out is not None:
        found.append(out)
    return [frame.select("customer_id") for frame in found]


def _thirds(revenue: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> list[str]:
    if not len(revenue):
        return []
    low, high = cut_points(revenue, 3)
    return ["high" if one > high else "middle" if one > low else "low" for one in revenue]


@dataclass(frozen=True, repr=False, eq=False)
class PressureNow(Result):
    """How often active customers were contacted lately: one row a number of contacts in 30 days.

    Columns: ``contacts_in_30`` (in words), ``customers, share, contacts_a_year`` (mean in the
    last 365 days), ``above_rule`` (customers above the most that the rules allow); hidden
    ``level``. ``.rules``: the rules compared with. ``above``, ``worth_it`` and ``below``: how many
    customers are above the rules, are worth keeping in touch with (the upper two thirds by
    revenue, known for a year), and of these hear less often than the rules ask for.
    """

    chart: ClassVar[str] = "pressure_charts.plot_pressure_now"
    formats: ClassVar[Mapping[str, str]] = {
        "customers": "count",
        "share": "percent",
        "contacts_a_year": "decimal",
        "above_rule": "count",
    }
    hidden: ClassVar[tuple[str, ...]] = ("level",)

    rules: ContactRules = field(kw_only=True)
    above: int = field(kw_only=True)
    worth_it: int = field(kw_only=True)
    below: int = field(kw_only=True)

    def sentence(self) -> str:
        """How many hear too much, and how many of those worth it too little."""
        return self.wording.say("pressure.bare", finding=self.finding())

    def finding(self) -> str:
        """The sentence without its full stop, for a title."""
        w, total = self.wording, int(self.table["customers"].sum())
        if not total:
            return w.say("pressure.now.nobody")
        enough = total >= SKETCH_BELOW
        said = {
            "above": self.above,
            "customers": total,
            "most": self.rules.most_in_30_days,
            "above_share": w.percent(self.above / total),
        }
        found = w.say("pressure.now.above" if enough else "pressure.now.above_few", **said)
        if not self.worth_it:
            return found
        touch = w.say(
            "pressure.now.below",
            below=self.below,
            worth_it=self.worth_it,
            least=self.rules.least_a_year,
        )
        return w.say("pressure.now.both", above=found, below=touch)


def pressure_now(
    customers: pd.DataFrame, rules: ContactRules, wording: Wording, state: str
) -> PressureNow:
    """Count today's pressure beside the rules."""
    import pandas as pd

    if not isinstance(rules, ContactRules):
        raise InputError(
            f"rules must be contact rules, such as rl.ContactRules(most_in_30_days=3); "
            f"got {rules!r}."
        )
    level = customers["contacts_30"].clip(upper=MOST)
    above = customers["contacts_30"] > rules.most_in_30_days
    rows = [
        {
            "contacts_in_30": level_words(number, wording),
            "customers": int((level == number).sum()),
            "share": float((level == number).mean()) if len(level) else float("nan"),
            "contacts_a_year": float(customers.loc[level == number, "contacts_365"].mean()),
            "above_rule": int(above[level == number].sum()),
            "level": number,
        }
        for number in range(MOST + 1)
    ]
    worth = (customers[VALUE] != "low") & (customers["revenue"] > 0)
    worth &= customers["known_a_year"].astype(bool)
    below = worth & (customers["contacts_365"] < rules.least_a_year)
    return PressureNow(
        pd.DataFrame(rows if state != "absent" else [], columns=list(rows[0])),
        wording=wording,
        assumptions={
            "pressure_rules": wording.say(
                "pressure.rules.said",
                most=rules.most_in_30_days,
                rest=rules.rest_days,
                least=rules.least_a_year,
            ),
            "pressure_worth_it": wording.say("pressure.now.worth_it"),
        },
        rules=rules,
        above=int(above.sum()),
        worth_it=int(worth.sum()),
        below=int(below.sum()),
    )


def level_words(level: int, wording: Wording) -> str:
    """A number of contacts in words; the last one stands for more as well."""
    return wording.say("pressure.or_more", contacts=level) if level == MOST else str(level)
