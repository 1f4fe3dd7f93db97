"""The headings of an export matched to the columns of the contract; nothing doubtful silently.

A heading makes a *claim* to a column: because ``synonyms.toml`` knows it (1.0), because its
words mean the same (0.97), or because it resembles a synonym (less). The values speak too: a
date column of texts is doubtful whatever its heading. Sure claims are assigned first, then the
doubtful ones, each heading to one column and each column to one heading at the best total.
A column for which two headings are equally good is a question, not a guess.

What is preferred without asking, and why:

- an amount net of tax to one that does not say, and that to nothing: an amount that includes
  tax is never taken unasked, since every figure of the workbook is net of tax;
- the amount of the line to the total of its order, which would count once for every line;
- a code to a name, for customers and products: names are spelled in several ways;
- who ordered (sell-to) to who pays (bill-to): it is the customer one can lose;
- ``Date`` to an order or invoice date; between those two the person decides.

Headings that stand twice reach this module as 'Montant' and 'Montant_2'. Where their values
differ, none of the two is taken for a column that counts without a question.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from retention_lib.base import contract
from retention_lib.base._claims import (
    ALWAYS_ASKED,
    Claim,
    assign,
    claims_of,
    form_of,
    is_code,
    values_fit,
)
from retention_lib.base._headings import (
    RANK,
    SURE,
    WORTH_ASKING,
    copies_among,
    heading_words,
    is_document_kind,
    likenesses_of,
)
from retention_lib.base._headings import UNIT_PRICE as UNIT_PRICE
from retention_lib.errors import ChoiceError, InputError
from retention_lib.results import Listing
from retention_lib.wording import Wording

if TYPE_CHECKING:
    import pandas as pd

Status = Literal["sure", "doubtful", "missing"]
AmountRule = Literal["amount", "quantity × unit price"]


# ------------------------------------------------------------------------ the matching


@dataclass(frozen=True)
class ColumnMatch:
    """One column of the contract and the export's column proposed for it.

    ``confidence``: 0 to 1. ``candidates``: every heading that may be meant, the best first.
    ``confirmed``: a person said so. A sure ``amount`` without an ``export_column`` is computed
    as quantity × unit price.
    """

    column: str
    export_column: str | None
    confidence: float
    status: Status
    samples: tuple[str, ...] = ()
    why: str = ""
    candidates: tuple[str, ...] = ()
    confirmed: bool = False


@dataclass(frozen=True)
class HeaderFit:
    """Whether the headings of another export fit a matching, and what differs.

    ``missing``: headings the matching uses and the export lacks. ``new``: headings it did not
    have. ``renamed``: the same heading written differently, old and new. ``fits`` is true where
    every required column is there; ``matching`` is the matching for these headings.
    """

    fits: bool
    missing: tuple[str, ...]
    new: tuple[str, ...]
    renamed: tuple[tuple[str, str], ...]
    matching: Matching
    wording: Wording = field(default_factory=Wording, kw_only=True)

    def sentence(self) -> str:
        """The differences in words."""
        say, parts = self.wording, []
        renamed = [f"{old!r} → {new!r}" for old, new in self.renamed]
        for key, items in (
            ("missing", [repr(name) for name in self.missing]),
            ("new", [repr(name) for name in self.new]),
            ("renamed", renamed),
        ):
            if items:
                listed = say.listing(items)
                parts.append(say.say(f"matching.fit.{key}", listed=listed, count=len(items)))
        return " ".join(parts) or say.say("matching.fit.same")


@dataclass(frozen=True)
class Matching:
    """Which column of an export holds which column of the contract.

    Made by :func:`propose_matching`. ``header`` is every heading of the export; each is either
    in :attr:`accepted` or in :attr:`unknown`, so that none is lost.
    """

    table: str
    header: tuple[str, ...]
    proposed: tuple[ColumnMatch, ...]
    examples: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    wording: Wording = field(default_factory=Wording, kw_only=True)

    # ---- what was found

    @property
    def amount_rule(self) -> AmountRule:
        """Where the amount comes from: its own column, or quantity × unit price."""
        by_column = {match.column: match for match in self.proposed}
        if UNIT_PRICE not in by_column or by_column["amount"].status == "sure":
            return "amount"
        both = by_column["quantity"].status == by_column[UNIT_PRICE].status == "sure"
        return "quantity × unit price" if both else "amount"

    @property
    def entries(self) -> tuple[ColumnMatch, ...]:
        """One entry a column of the contract, in its order; ``unit_price`` where it is used."""
        if self.amount_rule == "amount":
            return tuple(match for match in self.proposed if match.column != UNIT_PRICE)
        by_column = {match.column: match for match in self.proposed}
        quantity, price = by_column["quantity"], by_column[UNIT_PRICE]
        computed = ColumnMatch(
            "amount",
            None,
            min(quantity.confidence, price.confidence),
            "sure",
            why=self.wording.say(
                "matching.why.product",
                quantity=repr(quantity.export_column),
                price=repr(price.export_column),
            ),
        )
        return tuple(computed if m.column == "amount" else m for m in self.proposed)

    @property
    def accepted(self) -> dict[str, str]:
        """Contract column to export column: what is sure or was confirmed, nothing else.

        Holds ``unit_price`` beside ``quantity`` where the amount is their product.
        """
        return {
            entry.column: entry.export_column
            for entry in self.entries
            if entry.status == "sure" and entry.export_column is not None
        }

    @property
    def unknown(self) -> tuple[str, ...]:
        """The export's columns that are kept under their own names."""
        used = set(self.accepted.values())
        return tuple(heading for heading in self.header if heading not in used)

    @property
    def document_columns(self) -> tuple[str, ...]:
        """Unknown columns that seem to say what kind of document a line is, or its status.

        Only of ``transactions``: quotes, cancelled orders and credit notes may stand among them.

        >>> header = ["Code client", "Date", "Montant HT", "Type pièce", "Pays"]
        >>> propose_matching(header).document_columns
        ('Type pièce',)
        """
        if self.table != "transactions":
            return ()
        return tuple(heading for heading in self.unknown if is_document_kind(heading))

    @property
    def doubtful(self) -> tuple[str, ...]:
        """Columns the table can do without that are left out because the match is doubtful.

        :meth:`questions` does not ask for them; :meth:`sentence` says how to take them.

        >>> propose_matching(["Code client", "Nom"], "customers", samples={"Nom": [""]}).doubtful
        ('name',)
        """
        return tuple(entry.column for entry in self._left_out())

    def _left_out(self) -> list[ColumnMatch]:
        return [e for e in self.entries if e.status == "doubtful" and not self._needs_answer(e)]

    @property
    def open_columns(self) -> tuple[str, ...]:
        """Columns that need an answer before the export can be read."""
        return tuple(entry.column for entry in self.entries if self._needs_answer(entry))

    def _needs_answer(self, entry: ColumnMatch) -> bool:
        if entry.status == "sure":
            return False
        # A refusal to be contacted that is passed over is a refusal broken.
        refusal = _is_opposite(self.table, entry.column, entry.export_column)
        required = entry.column in contract.TABLES[self.table].required_names
        return refusal or required or self._is_always_asked(entry)

    def _is_always_asked(self, entry: ColumnMatch) -> bool:
        if entry.status != "doubtful" or entry.column not in ALWAYS_ASKED.get(self.table, ()):
            return False
        # When a quote is expected to close is another thing than when it closed.
        return self.table == "customers" or not _is_vague(
            self.table, entry.column, entry.export_column
        )

    # ---- what is said

    def to_frame(self) -> pd.DataFrame:
        """One row a column: column, export_column, confidence, status, samples, why."""
        import pandas as pd

        rows = [
            (e.column, e.export_column, e.confidence, e.status, ", ".join(e.samples), e.why)
            for e in self.entries
        ]
        names = ["column", "export_column", "confidence", "status", "samples", "why"]
        return pd.DataFrame(rows, columns=names)

    def sentence(self) -> str:
        """How far the headings are understood, and what is left out unless you say otherwise."""
        open_columns, left_out = self.open_columns, self._left_out()
        key = "asks" if open_columns else "left_out" if left_out else "done"
        text = self.wording.say(
            f"matching.sentence.{key}",
            sure=len(self.accepted),
            headings=len(self.header),
            questions=len(open_columns),
            columns=self.wording.listing(open_columns),
        )
        if left_out:
            text = f"{text} {self._said_of(left_out)}"
        if self.amount_rule == "amount":
            return text
        quantity, price = (self.accepted[name] for name in ("quantity", UNIT_PRICE))
        product = self.wording.say(
            "matching.sentence.product", quantity=repr(quantity), price=repr(price)
        )
        return f"{text} {product}"

    def _said_of(self, left_out: Sequence[ColumnMatch]) -> str:
        listed = [f"{entry.column} ({entry.export_column!r})" for entry in left_out]
        return self.wording.say(
            "matching.sentence.doubtful",
            count=len(left_out),
            listed=self.wording.listing(listed),
            call=_call({entry.column: entry.export_column for entry in left_out}),
        )

    def questions(self, *, optional: bool = False) -> list[str]:
        """One text for each column that needs an answer: candidates, and the call that answers.

        Asked for are the columns the table needs and, where they are doubtful, consent and
        closing dates. With ``optional=True`` also all other doubtful columns.
        """
        return [
            self._question(entry)
            for entry in self.entries
            if self._needs_answer(entry) or (optional and entry.status == "doubtful")
        ]

    def _question(self, entry: ColumnMatch) -> str:
        say, column = self.wording, contract.TABLES[self.table].column(entry.column)
        meaning = (column.french if say.language == "fr" else column.english).rstrip(".")
        parts = [say.say("matching.question.open", column=entry.column, meaning=meaning)]
        parts.append(self._about(entry) + ".")
        if entry.candidates:
            listed = say.listing([self._with_samples(heading) for heading in entry.candidates])
            parts.append(say.say("matching.question.candidates", listed=listed))
        else:
            listed = say.listing([repr(heading) for heading in self.header])
            parts.append(say.say("matching.question.headings", listed=listed))
        parts += self._answers(entry)
        return " ".join(parts)

    def _about(self, entry: ColumnMatch) -> str:
        """The heading and what speaks for or against it."""
        if entry.export_column is None:
            why = entry.why or self.wording.say("matching.why.missing")
            return (why[:1].upper() + why[1:]).rstrip(".")
        heading = repr(entry.export_column)
        return self.wording.say("matching.question.about", heading=heading, why=entry.why)

    def _answers(self, entry: ColumnMatch) -> list[str]:
        """The calls that answer: for an amount also the one that multiplies."""
        multiply = self._product_call() if entry.column == "amount" else ""
        # Nothing to choose from, but two columns to multiply: then that is the answer.
        calls = [self._answer(entry)] if entry.candidates or not multiply else []
        if multiply:
            key = "or_multiply" if calls else "multiply"
            calls.append(self.wording.say(f"matching.question.{key}", call=multiply))
            price = next(match for match in self.proposed if match.column == UNIT_PRICE)
            if price.status != "sure":
                calls.append(self._about(price) + ".")
        return calls

    def _answer(self, entry: ColumnMatch) -> str:
        if _is_opposite(self.table, entry.column, entry.export_column):
            call = _call({entry.column: None})
            return self.wording.say("matching.question.turn_round", call=call)
        best = entry.candidates[0] if entry.candidates else "…"
        said = self.wording.say("matching.question.answer", call=_call({entry.column: best}))
        if entry.column in contract.TABLES[self.table].required_names:
            return said
        key = "or_without_consent" if entry.column == "contactable" else "or_without"
        without = self.wording.say(f"matching.question.{key}", call=_call({entry.column: None}))
        return f"{said} {without}"

    def _product_call(self) -> str:
        """The answer that multiplies, where quantity and unit price are both there."""
        found = {
            match.column: match.export_column
            for match in self.proposed
            if match.column in {"quantity", UNIT_PRICE} and match.export_column
        }
        return _call({"amount": None, **found}) if len(found) == 2 else ""

    def _with_samples(self, heading: str) -> str:
        samples = self.examples.get(heading, ())
        return f"{heading!r} ({', '.join(samples)}…)" if samples else repr(heading)

    # ---- what a person says to it

    def resolve(self, mapping: Mapping[str, str | None]) -> Matching:
        """The matching with a person's answers: contract column to export column.

        An answer goes before every proposal; ``None`` leaves the column out. Raises
        ``ChoiceError`` where a name is neither a column nor a heading.

        >>> matching = propose_matching(["Client", "Date", "Montant TTC"])
        >>> matching.open_columns
        ('customer_id', 'amount')
        >>> answered = matching.resolve({"customer_id": "Client", "amount": "Montant TTC"})
        >>> answered.accepted
        {'customer_id': 'Client', 'date': 'Date', 'amount': 'Montant TTC'}
        """
        self._check(mapping)
        given = {heading: column for column, heading in mapping.items() if heading is not None}
        return replace(self, proposed=tuple(self._answered(m, mapping, given) for m in self._all()))

    def _all(self) -> Iterator[ColumnMatch]:
        yield from self.proposed
        if self.table == "transactions" and all(m.column != UNIT_PRICE for m in self.proposed):
            yield ColumnMatch(UNIT_PRICE, None, 0.0, "missing")

    def _check(self, mapping: Mapping[str, str | None]) -> None:
        columns = list(contract.TABLES[self.table].column_names)
        columns += [UNIT_PRICE] if self.table == "transactions" else []
        seen: dict[str, str] = {}
        for column, heading in mapping.items():
            if column not in columns:
                raise ChoiceError("a column in matching", column, columns)
            if heading is None:
                continue
            if heading not in self.header:
                raise ChoiceError(f"matching[{column!r}]", heading, self.header)
            words = {"heading": repr(heading), "column": column, "second": column}
            if heading in seen:
                words["first"] = seen[heading]
                raise InputError(self.wording.say("matching.error.given_twice", **words))
            if _is_opposite(self.table, column, heading):
                raise InputError(self.wording.say("matching.error.opposite", **words))
            seen[heading] = column

    def _answered(
        self, match: ColumnMatch, mapping: Mapping[str, str | None], given: Mapping[str, str]
    ) -> ColumnMatch:
        say, column = self.wording, match.column
        if column in mapping:
            heading = mapping[column]
            if heading is None:
                why = say.say("matching.why.left_out")
                return ColumnMatch(column, None, 0.0, "missing", why=why, confirmed=True)
            why, samples = say.say("matching.why.confirmed"), self.examples.get(heading, ())
            return ColumnMatch(column, heading, 1.0, "sure", samples, why, (), True)
        free = tuple(heading for heading in match.candidates if heading not in given)
        if match.export_column in given:
            taker = given[str(match.export_column)]
            why = say.say("matching.why.given_away", column=taker)
            return ColumnMatch(column, None, 0.0, "missing", why=why, candidates=free)
        return replace(match, candidates=free)

    # ---- next month

    def to_dict(self) -> dict[str, Any]:
        """What ``workbook.toml`` keeps: the answers, not how they were found."""
        return {
            "table": self.table,
            "amount_rule": self.amount_rule,
            "columns": dict(self.accepted),
            "header": list(self.header),
        }

    @classmethod
    def from_dict(cls, saved: Mapping[str, Any], *, wording: Wording | None = None) -> Matching:
        """The matching that :meth:`to_dict` saved; every column of it counts as confirmed.

        >>> matching = propose_matching(["Invoice", "Quantity", "InvoiceDate", "Price",
        ...                              "Customer ID", "Country"])
        >>> Matching.from_dict(matching.to_dict()).accepted == matching.accepted
        True
        """
        say, name = wording or Wording(), str(saved["table"])
        table = contract.table(name)
        blank = tuple(ColumnMatch(column, None, 0.0, "missing") for column in table.column_names)
        matching = cls(name, tuple(saved["header"]), blank, wording=say)
        matching = matching.resolve(saved["columns"])
        why = say.say("matching.why.saved")
        proposed = (replace(m, why=why) if m.confirmed else m for m in matching.proposed)
        return replace(matching, proposed=tuple(proposed))

    def applies_to(self, header: Sequence[str]) -> HeaderFit:
        """Whether next month's headings still fit, and the differences in words.

        >>> matching = propose_matching(["Code client", "Date", "Montant HT"])
        >>> fit = matching.applies_to(["CODE CLIENT", "Date", "Montant HT", "Canal"])
        >>> fit.fits, fit.new, fit.matching.accepted["customer_id"]
        (True, ('Canal',), 'CODE CLIENT')
        """
        _check_header(header, self.wording)
        new_names = _renamings(self.header, header)
        header_kept = set(new_names.values())
        missing = tuple(old for old in self.accepted.values() if old not in new_names)
        proposed = tuple(self._moved(match, new_names) for match in self.proposed)
        moved = replace(
            self,
            header=tuple(header),
            proposed=proposed,
            examples={new_names[h]: s for h, s in self.examples.items() if h in new_names},
        )
        return HeaderFit(
            fits=not moved.open_columns,
            missing=missing,
            new=tuple(heading for heading in header if heading not in header_kept),
            renamed=tuple((old, new) for old, new in new_names.items() if old != new),
            matching=moved,
            wording=self.wording,
        )

    def _moved(self, match: ColumnMatch, new_names: Mapping[str, str]) -> ColumnMatch:
        candidates = tuple(new_names[h] for h in match.candidates if h in new_names)
        if match.export_column is None:
            return replace(match, candidates=candidates)
        if match.export_column in new_names:
            heading = new_names[match.export_column]
            return replace(match, export_column=heading, candidates=candidates)
        why = self.wording.say("matching.fit.missing", listed=repr(match.export_column))
        return ColumnMatch(match.column, None, 0.0, "missing", why=why, candidates=candidates)

    # ---- how it looks

    def __repr__(self) -> str:
        return f"<Matching of {self.table}: {self.sentence()}>"

    def _repr_html_(self) -> str:
        frame = self.to_frame()
        frame["status"] = [self.wording.say(f"matching.status.{e.status}") for e in self.entries]
        listing = Listing(frame, wording=self.wording, said=self.sentence())
        return listing._repr_html_()


def _call(mapping: Mapping[str, str | None]) -> str:
    # Double quotes, as in the documentation; repr would switch with the heading.
    def quoted(text: str) -> str:
        escaped = text.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'

    pairs = (
        f'"{column}": {"None" if heading is None else quoted(heading)}'
        for column, heading in mapping.items()
    )
    return f"matching={{{', '.join(pairs)}}}"


def _is_opposite(table: str, column: str, heading: str | None) -> bool:
    if heading is None:
        return False
    return any(
        likeness.synonym.tier == "opposite" and likeness.confidence * 1.6 >= SURE
        for likeness in likenesses_of(heading, table)
        if likeness.synonym.column == column
    )


def _is_vague(table: str, column: str, heading: str | None) -> bool:
    return heading is not None and any(
        likeness.synonym.tier == "maybe" and likeness.synonym.column == column
        for likeness in likenesses_of(heading, table)
    )


def _renamings(old: Sequence[str], new: Sequence[str]) -> dict[str, str]:
    """Old heading to new where both are one heading, the same spelling going first."""
    names = {heading: heading for heading in old if heading in set(new)}
    left: dict[tuple[str, ...], list[str]] = {}
    for heading in new:
        if heading not in names:
            left.setdefault(heading_words(heading), []).append(heading)
    for heading in old:
        alike = left.get(heading_words(heading), [])
        if heading not in names and len(alike) == 1:
            names[heading] = alike.pop()
    return {heading: names[heading] for heading in old if heading in names}


def _check_header(header: Sequence[str], say: Wording) -> None:
    counts = Counter(heading for heading in header if heading.strip())
    repeated = [heading for heading, count in counts.items() if count > 1]
    if repeated:
        listed = say.listing([repr(heading) for heading in repeated])
        raise InputError(say.say("matching.error.repeated", count=len(repeated), listed=listed))


# ------------------------------------------------------------------------ the proposal


def propose_matching(
    header: Sequence[str],
    table: str = "transactions",
    *,
    samples: Mapping[str, Sequence[str]] | None = None,
    wording: Wording | None = None,
) -> Matching:
    """Propose which heading of an export holds which column of a table.

    ``samples`` gives values of each heading as texts, in the order of the rows; the more rows
    the better (1,000 tell a customer number from a line number). Only what is sure is in
    ``.accepted``; ``.questions()`` asks for the rest and ``.resolve()`` takes the answers.
    Raises ``InputError`` where two headings are equal.

    >>> matching = propose_matching(["N° facture", "Date facture", "Code client", "Total HT"])
    >>> matching.accepted
    {'customer_id': 'Code client', 'date': 'Date facture', 'amount': 'Total HT',
     'order_id': 'N° facture'}
    >>> print(*propose_matching(["Code client", "Date", "Montant TTC"]).questions())
    Which column holds amount (What the line brought, net of tax; refunds are negative)?
    'Montant TTC': it includes tax, and amounts are net of tax. Candidates: 'Montant TTC'.
    Answer with matching={"amount": "Montant TTC"}.
    """
    say, columns = wording or Wording(), contract.table(table).column_names
    _check_header(header, say)
    values = {heading: list(texts) for heading, texts in (samples or {}).items()}
    headings = sorted(heading for heading in header if heading.strip())
    copies = copies_among(headings)
    claims = claims_of(headings, copies, table, values, say)
    chosen = assign(claims)
    examples = {heading: _examples(values.get(heading, ())) for heading in headings}
    names = (*columns, UNIT_PRICE) if UNIT_PRICE in chosen else columns
    decided = {name: _decide(name, chosen, claims, copies, examples, say) for name in names}
    if UNIT_PRICE in decided:
        decided[UNIT_PRICE] = _doubt_unit_price(decided, chosen, headings, values, say)
    taken = {match.export_column for match in decided.values()}
    free = [h for h in headings if h not in taken and copies.get(h, h) not in taken]
    proposed = tuple(_with_guesses(m, table, free, values) for m in decided.values())
    return Matching(table, tuple(header), proposed, examples, wording=say)


def _examples(values: Sequence[str]) -> tuple[str, ...]:
    """The first three different values; one that repeats says nothing new."""
    distinct = dict.fromkeys(value.strip() for value in values if value and value.strip())
    return tuple(distinct)[:3]


def _decide(
    column: str,
    chosen: Mapping[str, Claim],
    claims: Sequence[Claim],
    copies: Mapping[str, str],
    examples: Mapping[str, tuple[str, ...]],
    say: Wording,
) -> ColumnMatch:
    claim = chosen.get(column)
    if claim is None:
        return ColumnMatch(column, None, 0.0, "missing", why=say.say("matching.why.missing"))
    busy = {c.heading for c in chosen.values() if c.sure and c.column != column}
    others = [
        other
        for other in sorted(claims, key=lambda c: (-c.weight, c.heading))
        if other.column == column and other.heading != claim.heading
        if other.heading not in busy and other.confidence >= WORTH_ASKING
    ]
    equals = [o for o in others if o.sure and RANK[o.tier] >= RANK[claim.tier]]
    lesser = [o for o in others if o.sure and o not in equals]
    confidence, why = claim.confidence, claim.why
    if claim.sure and equals:
        # Two headings of equal merit: a coin toss is not a match.
        confidence = min(confidence, 0.6)
        named = {copies.get(c.heading, c.heading) for c in (claim, *equals)}
        key = "copies" if len(named) == 1 else "rivals"
        why = say.say(f"matching.why.{key}", others=_quoted(equals, say), count=len(equals))
    elif claim.sure and lesser:
        why = say.say("matching.why.preferred", reason=why, others=_quoted(lesser, say))
    status: Status = "sure" if confidence >= SURE else "doubtful"
    return ColumnMatch(
        column,
        claim.heading,
        round(confidence, 2),
        status,
        examples[claim.heading],
        why,
        (claim.heading, *(other.heading for other in others)),
    )


def _quoted(claims: Sequence[Claim], say: Wording) -> str:
    return say.listing([repr(claim.heading) for claim in claims])


def _doubt_unit_price(
    decided: Mapping[str, ColumnMatch],
    chosen: Mapping[str, Claim],
    headings: Sequence[str],
    values: Mapping[str, Sequence[str]],
    say: Wording,
) -> ColumnMatch:
    """Take quantity × unit price without a question only where it is the net amount.

    A discount beside it, or an amount in doubt beside a price that does not say whether it is
    net of tax, makes it doubtful.
    """
    price, amount = decided[UNIT_PRICE], decided["amount"]
    tier = chosen[UNIT_PRICE].tier
    if price.status != "sure" or amount.status == "sure":
        return price
    discount = next((h for h in headings if _is_discount(h, values.get(h))), None)
    if discount and tier != "net":
        why = say.say("matching.why.discount", discount=repr(discount))
    elif amount.export_column and tier not in {"net", "top"}:
        why = say.say("matching.why.price_or_amount", amount=repr(amount.export_column))
    else:
        return price
    return replace(price, confidence=min(price.confidence, 0.6), status="doubtful", why=why)


def _is_discount(heading: str, values: Sequence[str] | None) -> bool:
    likenesses = likenesses_of(heading, "transactions")
    if not likenesses or likenesses[0].synonym.column != "discount":
        return False
    # A discount column without a discount in it takes nothing off.
    return values is None or any(re.search(r"[1-9]", value or "") for value in values)


def _with_guesses(
    match: ColumnMatch, table: str, free: Sequence[str], values: Mapping[str, Sequence[str]]
) -> ColumnMatch:
    """Give a missing required column the headings whose values would do, for the question."""
    known = contract.TABLES[table]
    if match.status != "missing" or match.column not in known.required_names:
        return match
    form = form_of(table, match.column)
    guesses = []
    for heading in free:
        texts = [v.strip() for v in values.get(heading, ()) if v and v.strip()]
        plain_date = (
            form != "date" and values_fit("date", texts) and not values_fit("number", texts)
        )
        fits = all(map(is_code, texts)) if form == "text" else values_fit(form, texts)
        if texts and fits and not plain_date:
            guesses.append(heading)
    return replace(match, candidates=tuple(guesses))
