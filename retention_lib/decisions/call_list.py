"""Whom to call first: customers who show a warning sign, under what somebody can do today.

What the base has to tell is gathered once; what a control asks is then a pure function.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import narwhals as nw
import numpy as np

from retention_lib.base import engine
from retention_lib.base.customer_base import CustomerBase, require_base
from retention_lib.portfolio._signals_words import name_of
from retention_lib.portfolio.watch import WatchResult, watch_list
from retention_lib.results import Result
from retention_lib.wording import Wording

if TYPE_CHECKING:
    import pandas as pd

Values = np.ndarray[Any, np.dtype[Any]]

EVERYBODY = ""
"""The choice of an account manager that leaves nobody out."""


@dataclass(frozen=True)
class CallSettings:
    """What somebody can do today.

    ``least``: the least value at stake a call is made for (of 365 days, the base's currency).
    ``signs``: codes of the warning signs that count. ``manager``: the account manager whose
    customers are called, empty for everybody's. ``new_only``: only signs that are new since last
    month. ``calls``: how many customers can be called.
    """

    calls: int = 20
    least: float = 0.0
    signs: tuple[str, ...] = ()
    manager: str = EVERYBODY
    new_only: bool = False


@dataclass(frozen=True)
class CallFacts:
    """The warning signs of today as arrays, one entry a customer and sign, most money first.

    ``table`` has the same rows in the same order. ``customer`` numbers the customers, ``sign``
    the entries of ``signs``, ``manager`` those of ``managers`` (-1 where there is none).
    """

    table: pd.DataFrame
    customer: Values
    sign: Values
    manager: Values
    value: Values
    is_new: Values
    may_call: Values
    signs: tuple[str, ...]
    managers: tuple[str, ...]
    consent_known: bool
    watch: WatchResult

    @property
    def customers(self) -> int:
        """How many customers show a sign."""
        return int(self.customer.max()) + 1 if len(self.customer) else 0

    @property
    def wording(self) -> Wording:
        """The base's language and currency."""
        return self.watch.wording


def gather_calls(base: CustomerBase) -> CallFacts:
    """Collect what a call list needs: today's warning signs, consent, account managers.

    The signs are those of :func:`retention_lib.watch_list`: who is active, and what it brought in
    the last 365 days. Takes as long as the watch list.

    >>> import pandas as pd
    >>> lines = pd.DataFrame({"customer_id": ["a"] * 12 + ["b"] * 16,
    ...     "date": [*pd.date_range("2024-01-05", periods=12, freq="14D"),
    ...              *pd.date_range("2024-01-05", periods=16, freq="14D")],
    ...     "amount": 10.0})
    >>> facts = gather_calls(CustomerBase.from_tables(lines))
    >>> choose_calls(facts, CallSettings(signs=facts.signs)).to_frame()["customer_id"].tolist()
    ['a']
    """
    require_base(base)
    watch = watch_list(base)
    table = watch.table[watch.table["status_code"] != "gone"].copy()
    managers = _managers(base)
    if managers is not None:
        table["account_manager"] = table["customer_id"].map(managers)
    table["value_at_stake"] = table["value_at_stake"].clip(lower=0.0)
    table = table.sort_values(
        ["value_at_stake", "customer_id"], ascending=[False, True], kind="stable", ignore_index=True
    )
    by_sign = watch.by_sign["signal_code"]
    signs = tuple(code for code in by_sign if (table["signal_code"] == code).any())
    named = table.get("account_manager", table["customer_id"].map(lambda _: None))
    names = tuple(sorted(set(named.dropna())))
    return CallFacts(
        table=table,
        customer=table["customer_id"].factorize()[0],
        sign=table["signal_code"].map({code: n for n, code in enumerate(signs)}).to_numpy(int),
        manager=named.map({name: n for n, name in enumerate(names)}).fillna(-1).to_numpy(int),
        value=table["value_at_stake"].to_numpy(float),
        is_new=(table["status_code"] == "new").to_numpy(bool),
        may_call=table["contactable"].to_numpy(bool)
        if "contactable" in table
        else np.ones(len(table), dtype=bool),
        signs=signs,
        managers=names,
        consent_known="contactable" in table,
        watch=watch,
    )


def choose_calls(facts: CallFacts, settings: CallSettings) -> CallList:
    """Whom to call first: of those whom the settings leave, the most value at stake first.

    Whoever refuses to be contacted is never on the list, and counted. A pure function of the
    facts: it takes milliseconds.
    """
    rows = np.flatnonzero(_selected(facts, settings))
    # Rows come with the most money first, so the first of a customer holds its value at stake.
    _, first = np.unique(facts.customer[rows], return_index=True)
    ranked = rows[np.sort(first)]
    may, refused = ranked[facts.may_call[ranked]], ranked[~facts.may_call[ranked]]
    called = may[: max(int(settings.calls), 0)]
    return CallList(
        _table(facts, rows, called),
        wording=facts.wording,
        assumptions=_assumptions(facts, settings),
        settings=settings,
        covered=np.concatenate([[0.0], np.cumsum(facts.value[may])]),
        refused=len(refused),
        refused_value=float(facts.value[refused].sum()),
        measure=facts.watch.signals.measure,
        consent_known=facts.consent_known,
    )


@dataclass(frozen=True, repr=False, eq=False)
class CallList(Result):
    """Whom to call, one row a customer, the most value at stake first.

    Columns: ``customer_id, name`` (where known), ``signal`` (its signs that count, in words),
    ``evidence`` (of the one with most at stake), ``since`` (of the same), ``account_manager``
    (where known), ``value_at_stake``.

    ``covered``: the value at stake covered by the first 0, 1, 2, ... calls, up to all who may be
    called. ``refused``: how many more fit but must not be contacted, ``refused_value`` what they
    brought.
    """

    formats: ClassVar[Mapping[str, str]] = {"value_at_stake": "money"}

    settings: CallSettings = field(kw_only=True)
    covered: Values = field(kw_only=True)
    refused: int = field(kw_only=True)
    refused_value: float = field(kw_only=True)
    measure: str = field(kw_only=True)
    consent_known: bool = field(kw_only=True)

    @property
    def calls(self) -> int:
        """How many are called: never more than there are."""
        return len(self.table)

    @property
    def callable(self) -> int:
        """How many could be called."""
        return len(self.covered) - 1

    @property
    def value(self) -> float:
        """The value at stake of those called."""
        return float(self.covered[self.calls])

    @property
    def total(self) -> float:
        """The value at stake of all who could be called."""
        return float(self.covered[-1])

    @property
    def share(self) -> float:
        """What the calls cover of the value at stake; missing where nothing is."""
        return self.value / self.total if self.total > 0 else float("nan")

    def sentence(self) -> str:
        """Whom to call, what they brought, and what part of the value at stake that covers."""
        w, said = self.wording, [self.finding()]
        if self.refused:
            key = "calls.refused" if self.callable else "calls.refused_all"
            said.append(w.say(key, refused=self.refused))
        if self.calls and not self.consent_known:
            said.append(w.say("calls.check"))
        return " ".join(f"{part}." for part in said)

    def finding(self) -> str:
        """The sentence without its full stop and without those who must not be called."""
        w = self.wording
        who = w.say(f"calls.who.{'known' if self.consent_known else 'unknown'}")
        if not self.callable:
            return w.say("calls.nobody", who=who)
        told = {
            "calls": self.calls,
            "value": w.money(self.value),
            "measure": self.measure,
            "who": who,
        }
        if not self.total > 0:
            return w.say("calls.no_value", calls=self.calls, callable=self.callable)
        if self.calls == self.callable:
            return w.say("calls.all", **told)
        share = w.percent(self.share, decimals=0)
        return w.say("calls.some", **told, callable=self.callable, share=share)


def _selected(facts: CallFacts, settings: CallSettings) -> Values:
    """Which rows the settings leave."""
    wanted = [number for number, code in enumerate(facts.signs) if code in settings.signs]
    kept: Values = np.isin(facts.sign, wanted) & (facts.value >= settings.least)
    if settings.new_only:
        kept &= facts.is_new
    if settings.manager != EVERYBODY:
        names = {name: number for number, name in enumerate(facts.managers)}
        kept &= facts.manager == names.get(settings.manager, -2)
    return kept


def _table(facts: CallFacts, rows: Values, called: Values) -> pd.DataFrame:
    """The called customers, with all their signs that count in one cell."""
    table = facts.table.iloc[called].reset_index(drop=True)
    shown = facts.table.iloc[rows[np.isin(facts.customer[rows], facts.customer[called])]]
    signs = shown.groupby("customer_id")["signal"].agg(", ".join)
    table["signal"] = table["customer_id"].map(signs).astype(object)
    known = [name for name in ("name",) if name in table]
    manager = [name for name in ("account_manager",) if name in table]
    return table[["customer_id", *known, "signal", "evidence", "since", *manager, "value_at_stake"]]


def _assumptions(facts: CallFacts, settings: CallSettings) -> dict[str, object]:
    w, watch = facts.wording, facts.watch
    said: dict[str, object] = {
        name: watch.assumptions[name]
        for name in ("signals_on", "signals_compared", "signals_value")
        if name in watch.assumptions
    }
    said["calls_signs"] = w.listing(
        [name_of(code, w) for code in facts.signs if code in settings.signs]
    )
    said["calls_least"] = w.money(settings.least)
    if not facts.consent_known:
        said["calls_consent"] = w.say("calls.consent_unknown")
    return said


def _managers(base: CustomerBase) -> dict[str, str] | None:
    """Who looks after each customer, where the base says."""
    if not base.has("customers", "account_manager"):
        return None
    named = engine.collect(
        base.visible("customers")
        .filter(~nw.col("account_manager").is_null())
        .select("customer_id", "account_manager")
    ).sort_values(["customer_id", "account_manager"])
    return dict(zip(named["customer_id"], named["account_manager"].astype(str), strict=True))
