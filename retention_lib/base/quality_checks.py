"""The checks of the scorecard, one function each, and the list of them.

A check counts what it concerns (``rows``) among what it looked at (``of``), points at one example
and fills in the figures of its remedy. Its words are ``quality.check.<code>`` in the texts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Literal

import narwhals as nw
import numpy as np
import pandas as pd

from retention_lib.base import engine
from retention_lib.base.contract import TABLES
from retention_lib.base.identifiers import IdentifierKind
from retention_lib.base.quality_facts import Facts, clean

Severity = Literal["fine", "look", "act"]

_NEVER = 2.0  # a share that nothing reaches
# Days without a line are a gap from two weeks on, and from five times the longest usual silence.
_GAP_DAYS = 14
_GAP_TIMES = 5
_GAP_NEEDS_DAYS = 20
# A base whose last line is so long before as_of looks as if everybody had fallen silent.
_STALE_DAYS = 31
_DOMINANT_SHARE = 0.5
_DOMINANT_LINES = 5
_SPARSE = 0.5


@dataclass(frozen=True)
class Finding:
    """What a check found.

    ``amount`` is the money of the rows, where they have any; ``values`` fill the remedy in;
    ``concerned`` lists the customers, where a list is of use; ``severity`` overrides the shares.
    """

    rows: int
    of: int
    amount: float | None = None
    example: str = ""
    values: Mapping[str, object] = field(default_factory=dict)
    concerned: pd.DataFrame | None = None
    severity: Severity | None = None


@dataclass(frozen=True)
class Check:
    """A check: what it needs, how it counts, and from which share it is worth a look or an act.

    ``needs`` are columns of ``table``; with ``needs_any`` one of them will do. ``weight`` is how
    much a share of it counts beside other checks when the biggest problem is named.
    """

    code: str
    table: str
    measure: Callable[[Facts], Finding | None]
    needs: tuple[str, ...] = ()
    needs_any: tuple[str, ...] = ()
    look: float = 0.0
    act: float = _NEVER
    weight: float = 1.0

    def lacks(self, facts: Facts) -> tuple[str, ...]:
        """What the base lacks for this check: columns, or the whole table as ``*``."""
        base = facts.base
        if not base.has(self.table):
            return ("*",)
        lacking = tuple(c for c in self.needs if not base.has(self.table, c))
        if self.needs_any and not any(base.has(self.table, c) for c in self.needs_any):
            lacking += self.needs_any
        return lacking

    def severity(self, finding: Finding) -> Severity:
        """How urgent a finding is."""
        if finding.severity:
            return finding.severity
        if not finding.rows:
            return "fine"
        share = finding.rows / finding.of
        return "act" if share >= self.act else "look" if share > self.look else "fine"


# --- The lines --------------------------------------------------------------------------------


def _aside(facts: Facts, *, codes: Sequence[str], column: str) -> Finding:
    rows, example = facts.set_aside(*codes, column=column)
    return Finding(rows, facts.rows_read, example=example)


def _impossible_dates(facts: Facts) -> Finding:
    rows, example = facts.set_aside("impossible_date", "isolated_date")
    span = facts.span
    odd = pd.concat([span.before, span.after])
    early = facts.days[(facts.days["day"] < 0) & ~facts.days["day"].isin(odd["day"])]
    odd = pd.concat([odd, early]).sort_values("day")
    if len(odd) and not example:
        example = facts.example_day(int(odd["day"].iloc[-1]))
    return Finding(
        rows + int(odd["lines"].sum()),
        facts.rows_read,
        example=example,
        values={"last": facts.base.wording.date(engine.day_of(span.last))},
    )


def _exact_copies(facts: Facts) -> Finding:
    rows, amount, example = 0, 0.0, ""
    if len(facts.copies):
        found = facts.copies.iloc[0]
        rows, amount = int(found["rl_rows"]), float(found["rl_amount"])
        line, copies = facts.line_in_words(found), int(found["rl_copies"])
        example = facts.say("quality.line.copies", line=line, copies=copies)
    # Without invoice numbers, two equal lines of one day are two sales as likely as not.
    telling = facts.base.has("transactions", "order_id")
    return Finding(
        rows,
        int(facts.totals["lines"]),
        amount,
        example,
        {"file": facts.file},
        severity=None if telling or not rows else "look",
    )


def _cancelled(facts: Facts) -> Finding:
    totals = facts.totals
    rows = int(totals["cancelled"])
    example = facts.example_line(facts.cancelled) if rows else ""
    return Finding(rows, int(totals["lines"]), float(totals["cancelled_amount"]), example)


def _mirrored(facts: Facts) -> Finding:
    found = facts.mirrors
    rows = int(found["rows"])
    return Finding(rows, int(facts.totals["lines"]), -float(found["amount"]))


def _refunds(facts: Facts) -> Finding:
    totals, wording = facts.totals, facts.base.wording
    rows, amount = int(totals["refunds"]), float(totals["refunds_amount"])
    sales = float(totals["sales_amount"])
    share = -amount / sales if sales else float("nan")
    example = facts.example_line(nw.col("amount") < 0) if rows else ""
    severity: Severity = "act" if share >= 0.3 else "look" if share >= 0.1 else "fine"
    values = {"share": wording.percent(share) if sales else "–"}
    return Finding(rows, int(totals["lines"]), amount, example, values, severity=severity)


def _zero_amounts(facts: Facts) -> Finding:
    rows = int(facts.totals["zero"])
    example = facts.example_line(nw.col("amount") == 0) if rows else ""
    return Finding(rows, int(facts.totals["lines"]), 0.0, example)


def _odd_products(facts: Facts, *, kind: str) -> Finding:
    found, wording = facts.products_like(kind), facts.base.wording
    listed = [str(product) for product in found["product"].head(4)]
    shown = [
        facts.say(
            "quality.line.product",
            product=clean(row.product, 40),
            lines=int(row.lines),
            amount=wording.money(float(row.amount)),
        )
        for row in found.head(3).itertuples()
    ]
    amount = round(float(found["amount"].sum()), 2)
    sales = float(facts.totals["sales_amount"])
    values = {
        "file": facts.file,
        "products": "[" + ", ".join(f'"{clean(product, 40)}"' for product in listed) + "]",
        "share": wording.percent(amount / sales) if sales else "–",
    }
    rows = int(found["lines"].sum())
    return Finding(rows, int(facts.totals["lines"]), amount, wording.listing(shown), values)


def _outliers(facts: Facts) -> Finding | None:
    cut = facts.outlier_cut
    if cut is None:
        return None
    beyond = nw.col("amount") > cut
    rows, amount = facts.count(beyond)
    example = facts.example_line(nw.col("amount") == facts.largest) if rows else ""
    values = {"cut": facts.base.wording.money(cut)}
    return Finding(rows, int(facts.totals["sales"]), amount, example, values)


def _odd_prices(facts: Facts) -> Finding:
    found, money = facts.prices, facts.base.wording.money
    example = ""
    if found["rows"]:
        first = found["first"]
        example = facts.say(
            "quality.line.price",
            line=facts.line_in_words(first),
            price=money(float(first["price"]), decimals=2),
            usual=money(found["usual"], decimals=2),
        )
    return Finding(int(found["rows"]), int(found["of"]), float(found["rows_amount"]), example)


def _dominated(facts: Facts) -> Finding | None:
    cut = facts.outlier_cut
    judged = facts.buyers[facts.buyers["sold_lines"] >= _DOMINANT_LINES]
    if cut is None or judged.empty:
        return None
    share = judged["largest"] / judged["sales"]
    found = judged[(share > _DOMINANT_SHARE) & (judged["largest"] > cut)]
    found = found.sort_values("largest", ascending=False, kind="stable")
    listed = found[["largest", "sales"]].reset_index()
    example = ""
    if len(found):
        first = found.iloc[0]
        example = facts.say(
            "quality.line.dominant",
            customer=clean(found.index[0], 40),
            largest=facts.base.wording.money(float(first["largest"])),
            sales=facts.base.wording.money(float(first["sales"])),
        )
    amount = round(float(found["largest"].sum()), 2)
    return Finding(len(found), len(judged), amount, example, concerned=listed)


def _gaps(facts: Facts) -> Finding | None:
    span = facts.span
    days = facts.days["day"]
    days = days[(days >= span.first) & (days <= span.last)].to_numpy()
    if len(days) < _GAP_NEEDS_DAYS:
        return None
    silent = np.diff(days) - 1
    usual = float(np.quantile(silent, 0.95))
    long = silent >= max(_GAP_DAYS, _GAP_TIMES * usual)
    example = ""
    if long.any():
        longest = int(np.argmax(silent))
        date = facts.base.wording.date
        example = facts.say(
            "quality.line.gap",
            first=date(engine.day_of(int(days[longest]) + 1)),
            last=date(engine.day_of(int(days[longest + 1]) - 1)),
            days=int(silent[longest]),
        )
    return Finding(int(silent[long].sum()), int(days[-1] - days[0] + 1), example=example)


def _as_of(facts: Facts) -> Finding:
    base, span = facts.base, facts.span
    behind = base.as_of_day - span.last
    wrong = behind > _STALE_DAYS
    last = engine.day_of(span.last)
    values = {"last": base.wording.date(last), "day": last.isoformat(), "days": behind}
    example = ""
    if wrong:
        example = facts.say("quality.line.as_of", as_of=base.wording.date(base.as_of), **values)
    return Finding(int(wrong), 1, example=example, values=values)


# --- The customers ----------------------------------------------------------------------------


def _without_row(facts: Facts) -> Finding:
    buyers = facts.buyers
    found = buyers[~buyers.index.isin(facts.customers.frame["customer_id"])]
    found = found.sort_values("net", ascending=False, kind="stable")
    amount = round(float(found["net"].sum()), 2)
    return Finding(
        len(found),
        len(buyers),
        amount,
        _first_id(facts, found.index),
        concerned=found[["net"]].reset_index(),
    )


def _without_purchase(facts: Facts) -> Finding:
    ids = facts.customers.frame["customer_id"]
    found = ids[~ids.isin(facts.buyers.index)]
    return Finding(
        len(found),
        len(ids),
        example=_named(facts, found),
        concerned=found.to_frame().reset_index(drop=True),
    )


def _orphans(facts: Facts, *, table: str) -> Finding:
    rows = facts.rows_by_customer(table)
    found = rows[~rows.index.isin(facts.known_ids)]
    return Finding(
        int(found.sum()),
        int(rows.sum()),
        example=_first_id(facts, found.index),
        concerned=found.reset_index(),
    )


def _plain_id(text: str) -> str:
    """What is left of an id without case, blanks, leading zeros and a spreadsheet's ``.0``."""
    bare = re.sub(r"\.0+$", "", re.sub(r"\s+", "", text.casefold()))
    return re.sub(r"^([a-z]*[-_]?)0+(?=[0-9a-z])", r"\1", bare)


def _lookalike_ids(facts: Facts) -> Finding:
    ids = pd.Series(sorted(facts.known_ids), dtype=object)
    plain = ids.map(_plain_id)
    found = pd.DataFrame({"customer_id": ids, "same_as": plain})[plain.duplicated(keep=False)]
    example = ""
    if len(found):
        first = found[found["same_as"] == found["same_as"].iloc[0]]["customer_id"]
        example = facts.base.wording.listing([f"“{clean(one, 30)}”" for one in first.head(3)])
    concerned = found.sort_values(["same_as", "customer_id"], ignore_index=True)
    return Finding(len(found), len(ids), example=example, concerned=concerned)


def _repeated(facts: Facts) -> Finding:
    ids = facts.customers.repeated
    frame = facts.customers.frame
    listed = frame[frame["customer_id"].isin(ids)][["customer_id"]].reset_index(drop=True)
    return Finding(len(ids), len(frame), example=_first_id(facts, pd.Index(ids)), concerned=listed)


def _duplicates(facts: Facts) -> Finding:
    found = facts.duplicates
    table = found.to_frame()
    example = ""
    if len(table):
        first = table[table["group"] == 1]
        example = facts.say(
            "quality.line.pair",
            a=_id_and_name(facts, first["customer_id"].iloc[0]),
            b=_id_and_name(facts, first["customer_id"].iloc[1]),
        )
    return Finding(
        len(table) - found.group_count,
        len(facts.customers.frame),
        round(float(table["revenue"].sum()), 2),
        example,
        {"groups": found.group_count},
        concerned=table,
    )


def _invalid(facts: Facts, *, kind: IdentifierKind) -> Finding:
    checked = facts.customers.identifiers[kind]
    owners = facts.customers.frame["customer_id"]
    return _wrong_ones(facts, checked, owners)


def _invalid_of_people(facts: Facts, *, kind: IdentifierKind) -> Finding:
    return _wrong_ones(facts, facts.people_checked(kind), facts.people["customer_id"])


def _wrong_ones(facts: Facts, checked: pd.DataFrame, owners: pd.Series) -> Finding:
    wrong = checked["status"] == "invalid"
    listed = checked[wrong].drop(columns="status").assign(customer_id=owners[wrong])
    listed = listed[["customer_id", "value", "normal", "reason"]].reset_index(drop=True)
    example = ""
    if len(listed):
        first = listed.iloc[0]
        example = facts.say(
            "quality.line.wrong",
            customer=_id_and_name(facts, first["customer_id"]),
            value=clean(first["value"], 40),
            reason=first["reason"],
        )
    given = int((checked["status"] != "empty").sum())
    return Finding(len(listed), given, example=example, concerned=listed)


def _sparse(facts: Facts) -> Finding:
    filled = facts.completeness
    known = TABLES["customers"].column_names
    # An account that is open has no closing date, and rightly so.
    judged = filled[(filled["table"] == "customers") & filled["column"].isin(known)]
    judged = judged[~judged["column"].isin(("closed_on", "closure_reason"))]
    found = judged[judged["share"] < _SPARSE].sort_values("share", kind="stable")
    shown = [
        f"{_said_column(facts, row.column)} ({facts.base.wording.percent(float(row.share))})"
        for row in found.head(3).itertuples()
    ]
    return Finding(
        len(found),
        len(judged),
        example=facts.base.wording.listing(shown),
        concerned=found.reset_index(drop=True),
    )


def _said_column(facts: Facts, column: object) -> str:
    """A column as the language names it; its typed name stands beside the list already."""
    said = facts.base.wording.say(f"name.column.{column}")
    return said.partition(" (")[0]


def _consent(facts: Facts, *, refused: bool) -> Finding:
    frame = facts.customers.frame
    contactable = frame["contactable"].astype("boolean")
    found = contactable.eq(False).fillna(False) if refused else contactable.isna()
    listed = frame[found.astype(bool)][["customer_id"]].reset_index(drop=True)
    return Finding(
        len(listed), len(frame), example=_named(facts, listed["customer_id"]), concerned=listed
    )


def _silent(facts: Facts) -> Finding | None:
    contacts, limit = facts.last_contacts, facts.retention_limit
    if contacts.empty:
        return None
    contacts = contacts.assign(last=contacts["last"].fillna(contacts["since"]))
    # Nobody is silent for years in a file that does not go back so far, unless it says so.
    covered = facts.span.first < limit
    found = contacts[(contacts["last"] < limit) | (contacts["last"].isna() & covered)]
    found = found.sort_values("last", kind="stable", na_position="first")
    listed = found["last"].map(lambda d: None if pd.isna(d) else engine.day_of(int(d)))
    concerned = pd.DataFrame(
        {"customer_id": found.index, "last_contact": listed.to_numpy(object)}
    ).reset_index(drop=True)
    example = ""
    if len(found):
        day = concerned["last_contact"].iloc[0]
        key = "quality.line.last_contact" if day else "quality.line.no_contact"
        words = {"date": facts.base.wording.date(day)} if day else {}
        customer = _id_and_name(facts, str(concerned["customer_id"].iloc[0]))
        example = facts.say(key, customer=customer, **words)
    values = {"years": facts.retention_years}
    return Finding(len(found), len(contacts), None, example, values, concerned)


def _first_id(facts: Facts, ids: pd.Index) -> str:
    return facts.say("quality.line.customer", customer=clean(ids[0], 40)) if len(ids) else ""


def _named(facts: Facts, ids: pd.Series) -> str:
    return _id_and_name(facts, str(ids.iloc[0])) if len(ids) else ""


def _id_and_name(facts: Facts, customer_id: str) -> str:
    name = facts.name_of(customer_id)
    return f"{clean(customer_id, 40)} ({clean(name, 40)})" if name else clean(customer_id, 40)


CHECKS: tuple[Check, ...] = (
    Check(
        "missing_customer",
        "transactions",
        partial(_aside, codes=("missing_customer",), column="customer_id"),
        act=0.05,
    ),
    Check(
        "missing_date",
        "transactions",
        partial(_aside, codes=("missing_date", "unreadable_date"), column="date"),
        act=0.01,
    ),
    Check("impossible_date", "transactions", _impossible_dates, act=0.01),
    Check(
        "unreadable_amount",
        "transactions",
        partial(_aside, codes=("missing_amount", "unreadable_amount"), column="amount"),
        act=0.01,
    ),
    Check("exact_copies", "transactions", _exact_copies, act=0.01),
    Check("cancelled_invoices", "transactions", _cancelled, ("order_id",), look=0.05, weight=0.5),
    Check("mirrored_refunds", "transactions", _mirrored, look=0.05, weight=0.5),
    Check("refunds", "transactions", _refunds, weight=0.5),
    Check("zero_amounts", "transactions", _zero_amounts, look=0.005, act=0.05),
    Check("test_lines", "transactions", partial(_odd_products, kind="test"), ("product",)),
    Check(
        "service_lines",
        "transactions",
        partial(_odd_products, kind="service"),
        ("product",),
        act=0.05,
    ),
    Check("outliers", "transactions", _outliers),
    Check("odd_prices", "transactions", _odd_prices, ("product", "quantity")),
    Check("dominated_customers", "transactions", _dominated),
    Check("gaps", "transactions", _gaps, act=0.02),
    Check("as_of", "transactions", _as_of, act=0.5),
    Check("no_customer_row", "customers", _without_row, act=0.05),
    Check("no_purchase", "customers", _without_purchase, look=0.05, weight=0.3),
    *(
        Check(f"unknown_in_{table}", table, partial(_orphans, table=table), act=0.05)
        for table in ("people", "interactions", "feedback", "campaigns")
    ),
    Check("lookalike_ids", "transactions", _lookalike_ids, act=0.01),
    Check("repeated_customers", "customers", _repeated, act=0.0),
    Check(
        "probable_duplicates",
        "customers",
        _duplicates,
        needs_any=("name", "siret", "vat", "email", "phone"),
        act=0.02,
    ),
    *(
        Check(f"invalid_{kind}", "customers", partial(_invalid, kind=kind), (kind,), act=0.05)
        for kind in ("siret", "vat", "email", "phone")
    ),
    *(
        Check(f"people_{kind}", "people", partial(_invalid_of_people, kind=kind), (kind,), act=0.05)
        for kind in ("email", "phone")
    ),
    Check("sparse_columns", "customers", _sparse, weight=0.1),
    Check(
        "consent_unknown",
        "customers",
        partial(_consent, refused=False),
        ("contactable",),
        act=0.2,
    ),
    Check(
        "consent_refused",
        "customers",
        partial(_consent, refused=True),
        ("contactable",),
        look=0.3,
        weight=0.1,
    ),
    Check("no_contact", "transactions", _silent, act=0.0),
)
"""Every check, in the order in which a scorecard without a problem lists them."""
