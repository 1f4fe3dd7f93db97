"""Which heading claims which column: what it says, what its values say, and who wins."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache

from retention_lib.base import contract
from retention_lib.base._headings import (
    RANK,
    SURE,
    UNIT_PRICE,
    WORTH_ASKING,
    Likeness,
    likenesses_of,
)
from retention_lib.wording import Wording

ENOUGH_ROWS = 100
"""Fewer rows than this cannot tell a customer number from a line number."""
ENOUGH_ROWS_FOR_A_CLEAR_HEADING = 500
"""The same under a heading such as 'Customer ID': among the first 500 orders of a shop with
10,000 customers some customer comes back in all but 4 of a million cases."""

ALWAYS_ASKED = {"customers": ("contactable", "closed_on"), "opportunities": ("closed_on",)}
"""Columns a table can do without, but not by oversight: a refusal or a closure passed over."""


# ---------------------------------------------------------------- what the values say

_DAY = r"\d{1,2}(er)?"
_MONTH_NAME = r"[a-zà-ÿ]{3,9}\.?"
_TIME = r"([ T,]+(à )?\d{1,2}[:h]\d{2}([:.]\d+)*\s*([ap]m)?\s*(z|utc|[+-]\d{2}:?\d{2})?)?"
_DATE = re.compile(
    rf"(\d{{4}}[-/.]\d{{1,2}}[-/.]\d{{1,2}}|\d{{1,2}}[-/.]\d{{1,2}}[-/.](\d{{4}}|\d{{2}})"
    rf"|{_DAY}[ -]{_MONTH_NAME}[ -]\d{{2,4}}|{_MONTH_NAME} {_DAY},? \d{{4}}){_TIME}",
    re.IGNORECASE,
)
_PACKED_DATE = re.compile(r"(19|20)\d{2}(0[1-9]|1[0-2])([0-2]\d|3[01])([ T]?\d{4,6})?")
_EXCEL_DAY = re.compile(r"[1-7]\d{4}([.,]\d+)?")
_NUMBER = re.compile(r"[-+]?(\d{1,3}([.,' ]\d{3})+|\d+)?([.,]\d+)?")
_DECIMAL = re.compile(r"[-+]?[\d ']*\d[.,]\d{1,2}")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_CODE = re.compile(r"(?=.*\d)[^\s@]{1,24}")
_FLAGS = frozenset(
    re.findall(
        r"\S+",
        "0 1 y n yes no true false t f o oui non vrai faux x ok opt-in opt-out optin optout in out "
        "subscribed unsubscribed none - won lost gagné perdu gagnée perdue 0.0 1.0",
    )
)


def _is_date(value: str) -> bool:
    return bool(_DATE.fullmatch(value))


def _is_date_or_serial(value: str) -> bool:
    return any(form.fullmatch(value) for form in (_DATE, _PACKED_DATE, _EXCEL_DAY))


def _is_number(value: str) -> bool:
    """Whether a text is a number in any national form, a currency or a CR beside it.

    >>> [_is_number(t) for t in ("1 234,50 €", "(12.00)", "45-", "1.234.567", "abc", "")]
    [True, True, True, True, False, False]
    """
    text = re.sub(r"[\s\u00a0\u202f]+", " ", value).strip()
    text = re.sub(r"^(EUR|USD|GBP|CHF|[€$£])|([€$£%]|EUR|USD|GBP|CHF|CR|DR|DB)$", "", text.strip())
    text = text.replace("\u2019", "'").strip().removesuffix("-").strip()
    if text.startswith("(") and text.endswith(")"):
        text = text[1:-1].strip()
    text = re.sub(r"^([-+]) ?[€$£]? ?", r"\1", text)
    return any(c.isdigit() for c in text) and bool(_NUMBER.fullmatch(text))


def is_code(value: str) -> bool:
    return bool(_CODE.fullmatch(value)) and not _is_date(value) and not _is_decimal(value)


def _is_decimal(value: str) -> bool:
    # 13085.0 is how pandas writes an identifier with gaps, not an amount.
    return bool(_DECIMAL.fullmatch(value)) and not value.endswith((".0", ",0"))


def _is_siret(value: str) -> bool:
    return len(re.sub(r"\D", "", value)) == 14


def _is_flag(value: str) -> bool:
    return value.lower() in _FLAGS


_FORMS = {
    "date": (_is_date_or_serial, "not_dates"),
    "amount": (_is_number, "not_numbers"),
    "number": (_is_number, "not_numbers"),
    "flag": (_is_flag, "not_flags"),
    "email": (lambda value: bool(_EMAIL.fullmatch(value)), "not_emails"),
    "siret": (_is_siret, "not_sirets"),
}


def form_of(table: str, column: str) -> str:
    """What the values of a column must look like; ``text`` for anything."""
    if column == UNIT_PRICE:
        return "amount"
    return column if column in {"email", "siret"} else contract.TABLES[table].column(column).kind


def values_fit(form: str, values: Sequence[str], *, share: float = 0.8) -> bool:
    fitting = sum(map(_FORMS[form][0], values)) if form in _FORMS else len(values)
    return bool(values) and fitting >= share * len(values)


def _objection(
    table: str, column: str, values: Sequence[str], enough_rows: int, say: Wording
) -> str:
    """Why the values do not fit the column, in words; empty where they do."""
    form, rows = form_of(table, column), len(values)
    # Addresses and numbers of real customers are often wrong; that is for the scorecard.
    if not values_fit(form, values, share=0.5 if form in {"email", "siret"} else 0.8):
        test, key = _FORMS.get(form, (_is_date, "dates"))
        return say.say(f"matching.why.{key}", fitting=sum(map(test, values)), rows=rows)
    if form == "amount" and sum(map(_is_date, values)) > 0.5 * rows:
        return say.say("matching.why.dates")
    if form == "text" and sum(map(_is_date, values)) > 0.9 * rows:
        return say.say("matching.why.dates")
    if column == "customer_id":
        return _customer_objection(table, values, enough_rows, say)
    return ""


def _customer_objection(table: str, values: Sequence[str], enough_rows: int, say: Wording) -> str:
    rows, different = len(values), len(set(values))
    if sum(map(_is_decimal, values)) > 0.9 * rows:
        return say.say("matching.why.decimals")
    if rows < enough_rows or table != "transactions":
        return ""
    if different == rows:
        return say.say("matching.why.unique", rows=rows)
    return say.say("matching.why.constant", rows=rows) if different == 1 else ""


# -------------------------------------------------------------------------- the claims


def counting_columns(table: str) -> frozenset[str]:
    """The columns for which one of two equal headings is never taken unasked."""
    factors = ("quantity", UNIT_PRICE) if table == "transactions" else ()
    required = contract.TABLES[table].required_names
    return frozenset({*required, *ALWAYS_ASKED.get(table, ()), *factors})


@dataclass(frozen=True)
class Claim:
    """One heading's claim to one column."""

    column: str
    heading: str
    tier: str
    confidence: float
    why: str
    place: int = 0

    @property
    def sure(self) -> bool:
        return self.confidence >= SURE

    @property
    def weight(self) -> float:
        # The place only breaks ties: it is worth less than a hundredth of confidence.
        return self.confidence + 0.05 * RANK[self.tier] - 0.00005 * self.place


def claims_of(
    headings: Sequence[str],
    copies: Mapping[str, str],
    table: str,
    values: Mapping[str, Sequence[str]],
    say: Wording,
) -> list[Claim]:
    claims = [
        _by_values(claim, table, values.get(heading), say)
        for heading in headings
        for claim in _by_heading_or_copy(heading, copies, table, values, say)
    ]
    if table == "transactions" and _rows_are_lines(claims):
        return [_distrust_whole_order(claim, say) for claim in claims]
    return claims


def _by_heading_or_copy(
    heading: str,
    copies: Mapping[str, str],
    table: str,
    values: Mapping[str, Sequence[str]],
    say: Wording,
) -> Iterator[Claim]:
    """What a heading claims; a copy claims what the first claims, unless it says the same."""
    own = _by_heading(heading, table, say)
    first = copies.get(heading)
    if first is None:
        yield from own
        return
    yield from (claim for claim in own if claim.column not in counting_columns(table))
    if heading not in values or first not in values or values[heading] != values[first]:
        for claim in _by_heading(first, table, say):
            if claim.column in counting_columns(table):
                # Its place makes the first the one that is proposed.
                yield replace(claim, heading=heading, place=claim.place + 1)


def _by_heading(heading: str, table: str, say: Wording) -> Iterator[Claim]:
    likenesses = likenesses_of(heading, table)
    # A rate of tax, a discount, a delivery date: known, and no column of the contract.
    wanted = {*contract.TABLES[table].column_names, UNIT_PRICE}
    for likeness in likenesses:
        synonym, confidence = likeness.synonym, likeness.confidence
        rival = next((o for o in likenesses if o.synonym.column != synonym.column), None)
        if synonym.column not in wanted or (
            rival and rival.synonym.column not in wanted and rival.confidence > confidence
        ):
            continue
        why = _why(likeness, say)
        close = rival is not None and confidence - rival.confidence < 0.1
        # Two columns that may both be called so are no news; two that are both called so are.
        if rival and close and (likeness.how == "similar" or rival.synonym.tier != "maybe"):
            confidence = min(confidence, 0.6)
            why = say.say("matching.why.between", other=repr(rival.synonym.text))
        yield Claim(synonym.column, heading, synonym.tier, confidence, why, synonym.place)


def _why(likeness: Likeness, say: Wording) -> str:
    tier = likeness.synonym.tier
    key = tier if tier in {"maybe", "tax_included", "opposite"} else likeness.how
    return say.say(f"matching.why.{key}", synonym=repr(likeness.synonym.text))


def _by_values(
    claim: Claim, table: str, column_values: Sequence[str] | None, say: Wording
) -> Claim:
    if column_values is None:
        return claim
    values = [value.strip() for value in column_values if value and value.strip()]
    if not values:
        empty = say.say("matching.why.empty")
        return replace(claim, confidence=min(claim.confidence, 0.6), why=empty)
    enough = ENOUGH_ROWS_FOR_A_CLEAR_HEADING if claim.sure else ENOUGH_ROWS
    if objection := _objection(table, claim.column, values, enough, say):
        return replace(claim, confidence=claim.confidence * 0.6, why=objection)
    vague_but_codes = claim.column == "customer_id" and claim.tier == "maybe"
    if vague_but_codes and sum(map(is_code, values)) >= 0.9 * len(values):
        confidence = max(claim.confidence, min(0.9, claim.confidence * 1.3))
        return replace(claim, confidence=confidence, why=say.say("matching.why.codes"))
    return claim


def _rows_are_lines(claims: Iterable[Claim]) -> bool:
    return any(c.sure and c.column in {"product", "quantity", UNIT_PRICE} for c in claims)


def _distrust_whole_order(claim: Claim, say: Wording) -> Claim:
    if claim.tier != "whole_order":
        return claim
    why = say.say("matching.why.whole_order")
    return replace(claim, confidence=claim.confidence * 0.6, why=why)


def assign(claims: Sequence[Claim]) -> dict[str, Claim]:
    """Each column's claim, one heading to one column: sure ones first, at the best total."""
    chosen: dict[str, Claim] = {}
    for wanted in (
        [claim for claim in claims if claim.sure],
        [claim for claim in claims if not claim.sure and claim.confidence >= WORTH_ASKING],
    ):
        taken = {claim.heading for claim in chosen.values()}
        free = [c for c in wanted if c.column not in chosen and c.heading not in taken]
        chosen.update(_best_total(free))
    return chosen


def _best_total(claims: Sequence[Claim]) -> dict[str, Claim]:
    """The assignment with the highest total weight, whatever the order of the claims.

    Only headings that several columns claim can be fought over, and those are few: the search
    tries them all. Of the others each column takes its best.
    """
    wanted = Counter(claim.heading for claim in claims)
    options: dict[str, list[Claim]] = {}
    for claim in sorted(claims, key=lambda c: (c.column, -c.weight, c.heading)):
        mine = options.setdefault(claim.column, [])
        if wanted[claim.heading] > 1 or all(wanted[other.heading] > 1 for other in mine):
            mine.append(claim)
    columns = tuple(options)

    @cache
    def best(at: int, used: frozenset[str]) -> tuple[float, tuple[Claim, ...]]:
        if at == len(columns):
            return 0.0, ()
        found = best(at + 1, used)
        for claim in options[columns[at]]:
            if claim.heading not in used:
                taken = used | ({claim.heading} if wanted[claim.heading] > 1 else set())
                total, rest = best(at + 1, taken)
                if total + claim.weight > found[0]:
                    found = total + claim.weight, (claim, *rest)
        return found

    return {claim.column: claim for claim in best(0, frozenset())[1]}
