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
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Literal

from rapidfuzz import fuzz

from retention_lib.base import contract
from retention_lib.errors import ChoiceError, InputError
from retention_lib.results import Listing
from retention_lib.wording import Wording

if TYPE_CHECKING:
    import pandas as pd

Status = Literal["sure", "doubtful", "missing"]
AmountRule = Literal["amount", "quantity × unit price"]

SURE = 0.85
"""From this confidence on a match needs no question."""
WORTH_ASKING = 0.5
"""Below this confidence a heading is not even proposed."""
ENOUGH_ROWS = 100
"""Fewer rows than this cannot tell a customer number from a line number."""
ENOUGH_ROWS_FOR_A_CLEAR_HEADING = 500
"""The same under a heading such as 'Customer ID': among the first 500 orders of a shop with
10,000 customers some customer comes back in all but 4 of a million cases."""

UNIT_PRICE = "unit_price"
_ELSEWHERE = "elsewhere"
_TAX_INCLUDED = {"tax_included_amount": "amount", "tax_included_unit_price": UNIT_PRICE}
# How much an exact heading of a tier proves, and which tier wins without a question.
_PROOF = {"net": 1.0, "top": 1.0, "also": 1.0, "name": 1.0, "whole_order": 1.0, "maybe": 0.7}
_PROOF |= {"tax_included": 0.6, "opposite": 0.6}
_RANK = {"net": 3, "top": 2, "also": 1, "name": 0, "whole_order": 0, "maybe": -1}
_RANK |= {"tax_included": -2, "opposite": -2}


# ------------------------------------------------------------------ headings as words

_PHRASES: tuple[tuple[str, str], ...] = tuple(
    (rf"\b{pattern}\b", replacement)
    for pattern, replacement in (
        (r"(hors (taxes?|tva)|htva|h t)", "ht"),
        (r"(toutes taxes( comprises)?|t t c|tvac)", "ttc"),
        (r"(tax(es)?|vat|gst) (excl?|excluded|excluding|exclusive)", "ht"),
        (r"(ex|excl?|excluding|exclusive|without|before|net) (of )?(tax(es)?|vat|gst)", "ht"),
        (r"(untaxed|extax)", "ht"),
        (r"(tax(es)?|vat|gst) (incl?|included|including|inclusive)", "ttc"),
        (r"(incl?|including|inclusive|with) (of )?(tax(es)?|vat|gst)", "ttc"),
        (r"(chiffres? (d )?affaires?)", "ca"),
        (r"e mails?", "email"),
        (r"raisons? sociales?", "raisonsociale"),
        (r"sou?s total", "subtotal"),
        (r"sub total", "subtotal"),
        (r"(number|no|numero) of", "count"),
        (r"pu", "prix unitaire"),
        (r"(o n|y n|oui non|yes no)$", ""),
    )
)
_FILLERS = frozenset(
    re.findall(
        r"\w+",
        "de du des d l la le les of the a au aux en in by par per pour for your votre vos notre "
        "our un une et and s",
    )
)
# Said of many columns and proof of none.
_NOISE = frozenset({"eur", "euro", "euros", "usd", "gbp", "chf", "utc", "gmt"})
# Words of one meaning, so that 'N° client', 'Code client' and 'Customer No.' are one heading.
_CONCEPTS: dict[str, str] = {
    word: words[0]
    for words in (
        line.split()
        for line in """
        id identifiant identifier ident code cod number numero num no nr nro
        customer client cust clt cli
        invoice facture fact fac inv fct facturation
        order commande cde cmd ord
        product produit prod article art item itm
        count nombre nb nbr nbre
        net nette
        gross brut brute
        piece pce
        meeting rdv
        quantity quantite qte qty qtty qt quant
        price prix px
        amount montant mt mnt mtt mont amt
        unit unitaire unite unitary
        date dt dat
        name nom
        family famille fam
        category categorie categ cat
        label libelle lib designation desig intitule
        channel canal
        discount remise rabais disc rem
        rate taux
        percent pourcentage pct
        vat tva
        email mail courriel
        phone telephone tel
        address adresse adr
        country pays
        city ville
        account compte acct cpte
        company societe entreprise ste firm
        store magasin shop boutique mag
        seller vendeur representant salesperson
        delivery livraison liv
        purchase achat
        sale vente
        creation created create
        birth naissance
        document doc
        line ligne lig lgn
        total tot
        margin marge mrg
        reason motif raison
        group groupe grp
        status statut etat
        sector secteur
        campaign campagne camp
        offer offre
        loyalty fidelite
        card carte
        member adherent
        subscriber abonne
        reference ref
        first premier premiere
        last dernier derniere
        start debut
        end fin
        closing cloture
        cancellation resiliation
        """.strip().splitlines()
    )
    for word in words
}
_SHORT_PIECES = frozenset({"ht", "id", "no", "mt", "pu", "pv", "ca", "nb", "dt"})


def _plain(heading: str) -> str:
    """Lower case without accents or marks; camelCase opened; N°, #, % and € as words."""
    text = re.sub(r"\b[nN]\s*[°º]\s*|№|#", " numero ", heading)
    text = text.replace("%", " pct ").replace("€", " eur ").replace("$", " usd ")
    text = re.sub(r"\b(?:[A-Za-z]\.){2,}[A-Za-z]?", lambda m: m.group().replace(".", ""), text)
    text = re.sub(r"(?<=[a-zà-ÿ0-9])(?=[A-ZÀ-Ý])|(?<=[A-Z])(?=[A-Z][a-z])", " ", text)
    text = text.replace("œ", "oe").replace("Œ", "oe").replace("æ", "ae")
    text = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return " ".join(re.findall(r"[a-z]+|[0-9]+", text.lower()))


@lru_cache(maxsize=20_000)
def _words(heading: str) -> tuple[str, ...]:
    """The words of a heading that carry meaning, as written.

    >>> _words("N° de la Commande"), _words("InvoiceDate"), _words("Montant H.T. (EUR)")
    (('numero', 'commande'), ('invoice', 'date'), ('montant', 'ht', 'eur'))
    """
    text = _plain(heading)
    for pattern, replacement in _PHRASES:
        text = re.sub(pattern, replacement, text)
    words = [word for word in text.split() if word not in _FILLERS] or text.split()
    # The first of several ('Phone 1') is the one meant; the second is another.
    if len(words) > 1 and words[-1] in {"1", "01"}:
        words.pop()
    return tuple(words)


def _concept(word: str) -> str:
    if word in _CONCEPTS:
        return _CONCEPTS[word]
    singular = word[:-1] if len(word) > 3 and word.endswith("s") else word
    return _CONCEPTS.get(singular, singular)


@lru_cache(maxsize=20_000)
def _concepts(heading: str) -> tuple[str, ...]:
    """What a heading's words mean, in alphabetical order, noise left out.

    >>> _concepts("N° Client") == _concepts("Customer No.") == _concepts("code_clients")
    True
    """
    pieces = [piece for word in _words(heading) for piece in _split(word)]
    meanings = [_concept(piece) for piece in pieces]
    return tuple(sorted([m for m in meanings if m not in _NOISE] or meanings))


def _split(word: str) -> tuple[str, ...]:
    """A word run together from known ones, opened: ``numcli`` is ``num`` and ``cli``."""
    known = _vocabulary()
    if word in known or len(word) < 4:
        return (word,)
    best: dict[int, tuple[str, ...]] = {0: ()}
    for end in range(2, len(word) + 1):
        for start in range(max(0, end - 14), end - 1):
            piece = word[start:end]
            usable = piece in known if len(piece) > 2 else piece in _SHORT_PIECES
            if start in best and usable:
                path = (*best[start], piece)
                if end not in best or len(path) < len(best[end]):
                    best[end] = path
    pieces = best.get(len(word), (word,))
    return pieces if len(pieces) <= 3 else (word,)


# ------------------------------------------------------------------------ the synonyms


@dataclass(frozen=True)
class _Synonym:
    column: str
    tier: str
    text: str
    place: int = 0
    """Where in its list it stands: the more telling headings come first."""


@cache
def _synonym_tables() -> dict[str, dict[str, dict[str, list[str]]]]:
    return tomllib.loads(files("retention_lib.base").joinpath("synonyms.toml").read_text("utf-8"))


@cache
def _vocabulary() -> frozenset[str]:
    """Every word of the synonyms: a known word is never a misspelling of another."""
    headings = (
        text
        for columns in _synonym_tables().values()
        for tiers in columns.values()
        for texts in tiers.values()
        for text in texts
    )
    spelled = {word for text in headings for word in _words(text) if len(word) > 2}
    return frozenset(spelled) | frozenset(_CONCEPTS) | _SHORT_PIECES


def _tiered(table: str) -> Iterator[_Synonym]:
    for column, tiers in _synonym_tables()[table].items():
        target = _TAX_INCLUDED.get(column, column)
        for tier, texts in tiers.items():
            for place, text in enumerate(texts):
                meant = "tax_included" if target != column else tier
                yield _Synonym(target, meant, text, place)


@cache
def _synonyms(table: str) -> tuple[_Synonym, ...]:
    """The synonyms of a table; what other tables call theirs counts as elsewhere."""
    own = list(_tiered(table))
    taken = {_concepts(synonym.text) for synonym in own}
    others = {
        _words(synonym.text): synonym.text
        for other in sorted(_synonym_tables())
        if other != table
        for synonym in _tiered(other)
        if synonym.tier in {"top", "also"} and _concepts(synonym.text) not in taken
    }
    return (*own, *(_Synonym(_ELSEWHERE, "top", text) for text in others.values()))


@cache
def _index(table: str) -> tuple[dict[tuple[str, ...], list[_Synonym]], ...]:
    """Synonyms by their words, by their meanings, and by each single meaning."""
    by_words: dict[tuple[str, ...], list[_Synonym]] = {}
    by_concepts: dict[tuple[str, ...], list[_Synonym]] = {}
    by_concept: dict[tuple[str, ...], list[_Synonym]] = {}
    for synonym in _synonyms(table):
        by_words.setdefault(_words(synonym.text), []).append(synonym)
        by_concepts.setdefault(_concepts(synonym.text), []).append(synonym)
        for meaning in set(_concepts(synonym.text)):
            by_concept.setdefault((meaning,), []).append(synonym)
    return by_words, by_concepts, by_concept


@dataclass(frozen=True)
class _Likeness:
    """How a heading resembles a synonym: ``exact``, ``same_words`` or ``similar``."""

    synonym: _Synonym
    similarity: float
    how: str

    @property
    def confidence(self) -> float:
        return self.similarity * _PROOF[self.synonym.tier]


@lru_cache(maxsize=10_000)
def _likenesses(heading: str, table: str) -> tuple[_Likeness, ...]:
    """The best likeness of a heading to each column, the best column first.

    An exact heading settles what it means; only an unknown one is compared by resemblance.
    """
    by_words, by_concepts, _ = _index(table)
    if exact := by_words.get(_words(heading)):
        found = [_Likeness(synonym, 1.0, "exact") for synonym in exact]
    elif same := by_concepts.get(_concepts(heading)):
        found = [_Likeness(synonym, 0.97, "same_words") for synonym in same]
    else:
        found = list(_similar(heading, table))
    best: dict[str, _Likeness] = {}
    for likeness in found:
        column = likeness.synonym.column
        if column not in best or _strength(likeness) > _strength(best[column]):
            best[column] = likeness
    return tuple(sorted(best.values(), key=_strength, reverse=True))


def _strength(likeness: _Likeness) -> tuple[float, int, str, str]:
    synonym = likeness.synonym
    return likeness.confidence, _RANK[synonym.tier], synonym.column, synonym.text


def _similar(heading: str, table: str) -> Iterator[_Likeness]:
    meanings = _concepts(heading)
    by_concept = _index(table)[2]
    near = {m: _near(m, table) for m in set(meanings)}
    candidates = {
        synonym: None for found in near.values() for m in found for synonym in by_concept[(m,)]
    }
    for synonym in candidates:
        similarity = 0.95 * _overlap(meanings, _concepts(synonym.text), near)
        if similarity >= WORTH_ASKING:
            yield _Likeness(synonym, similarity, "similar")


@lru_cache(maxsize=10_000)
def _near(meaning: str, table: str) -> dict[str, float]:
    """The meanings that a word may stand for: itself, a misspelling of it, a short form."""
    known = _index(table)[2]
    if (meaning,) in known:
        return {meaning: 1.0}
    if meaning in _vocabulary() or len(meaning) < 4:
        return {}
    scores: dict[str, float] = {}
    for word in _vocabulary():
        # A misspelling hardly ever starts with another letter; an abbreviation never does.
        if word[0] == meaning[0] and len(word) > 3 and (_concept(word),) in known:
            score = fuzz.ratio(meaning, word) / 100
            if word.startswith(meaning) or meaning.startswith(word):
                score = max(score, 0.85)
            if score >= 0.8:
                scores[_concept(word)] = max(score, scores.get(_concept(word), 0.0))
    return scores


def _overlap(
    heading: Sequence[str], synonym: Sequence[str], near: Mapping[str, Mapping[str, float]]
) -> float:
    """Shared meaning as a share of all meaning on both sides, each word used once."""
    left = list(synonym)
    shared = 0.0
    for meaning in heading:
        scored = [(score, other) for other, score in near[meaning].items() if other in left]
        if scored:
            score, other = max(scored)
            shared += score
            left.remove(other)
    return 2 * shared / (len(heading) + len(synonym))


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


def _is_code(value: str) -> bool:
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


def _form(table: str, column: str) -> str:
    """What the values of a column must look like; ``text`` for anything."""
    if column == UNIT_PRICE:
        return "amount"
    return column if column in {"email", "siret"} else contract.TABLES[table].column(column).kind


def _fits(form: str, values: Sequence[str], *, share: float = 0.8) -> bool:
    fitting = sum(map(_FORMS[form][0], values)) if form in _FORMS else len(values)
    return bool(values) and fitting >= share * len(values)


def _objection(
    table: str, column: str, values: Sequence[str], enough_rows: int, say: Wording
) -> str:
    """Why the values do not fit the column, in words; empty where they do."""
    form, rows = _form(table, column), len(values)
    # Addresses and numbers of real customers are often wrong; that is for the scorecard.
    if not _fits(form, values, share=0.5 if form in {"email", "siret"} else 0.8):
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


@dataclass(frozen=True)
class _Claim:
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
        return self.confidence + 0.05 * _RANK[self.tier] - 0.00005 * self.place


def _claims(
    headings: Sequence[str], table: str, values: Mapping[str, Sequence[str]], say: Wording
) -> list[_Claim]:
    claims = [
        _by_values(claim, table, values.get(heading), say)
        for heading in headings
        for claim in _by_heading(heading, table, say)
    ]
    if table == "transactions" and _rows_are_lines(claims):
        return [_distrust_whole_order(claim, say) for claim in claims]
    return claims


def _by_heading(heading: str, table: str, say: Wording) -> Iterator[_Claim]:
    likenesses = _likenesses(heading, table)
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
        yield _Claim(synonym.column, heading, synonym.tier, confidence, why, synonym.place)


def _why(likeness: _Likeness, say: Wording) -> str:
    tier = likeness.synonym.tier
    key = tier if tier in {"maybe", "tax_included", "opposite"} else likeness.how
    return say.say(f"matching.why.{key}", synonym=repr(likeness.synonym.text))


def _by_values(
    claim: _Claim, table: str, column_values: Sequence[str] | None, say: Wording
) -> _Claim:
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
    if vague_but_codes and sum(map(_is_code, values)) >= 0.9 * len(values):
        confidence = max(claim.confidence, min(0.9, claim.confidence * 1.3))
        return replace(claim, confidence=confidence, why=say.say("matching.why.codes"))
    return claim


def _rows_are_lines(claims: Iterable[_Claim]) -> bool:
    return any(c.sure and c.column in {"product", "quantity", UNIT_PRICE} for c in claims)


def _distrust_whole_order(claim: _Claim, say: Wording) -> _Claim:
    if claim.tier != "whole_order":
        return claim
    why = say.say("matching.why.whole_order")
    return replace(claim, confidence=claim.confidence * 0.6, why=why)


def _assign(claims: Sequence[_Claim]) -> dict[str, _Claim]:
    """Each column's claim, one heading to one column: sure ones first, at the best total."""
    chosen: dict[str, _Claim] = {}
    for wanted in (
        [claim for claim in claims if claim.sure],
        [claim for claim in claims if not claim.sure and claim.confidence >= WORTH_ASKING],
    ):
        taken = {claim.heading for claim in chosen.values()}
        free = [c for c in wanted if c.column not in chosen and c.heading not in taken]
        chosen.update(_best_total(free))
    return chosen


def _best_total(claims: Sequence[_Claim]) -> dict[str, _Claim]:
    """The assignment with the highest total weight, whatever the order of the claims.

    Only headings that several columns claim can be fought over, and those are few: the search
    tries them all. Of the others each column takes its best.
    """
    wanted = Counter(claim.heading for claim in claims)
    options: dict[str, list[_Claim]] = {}
    for claim in sorted(claims, key=lambda c: (c.column, -c.weight, c.heading)):
        mine = options.setdefault(claim.column, [])
        if wanted[claim.heading] > 1 or all(wanted[other.heading] > 1 for other in mine):
            mine.append(claim)
    columns = tuple(options)

    @cache
    def best(at: int, used: frozenset[str]) -> tuple[float, tuple[_Claim, ...]]:
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
    def open_columns(self) -> tuple[str, ...]:
        """Columns that need an answer before the export can be read."""
        return tuple(entry.column for entry in self.entries if self._needs_answer(entry))

    def _needs_answer(self, entry: ColumnMatch) -> bool:
        if entry.status == "sure":
            return False
        # A refusal to be contacted that is passed over is a refusal broken.
        refusal = _is_opposite(self.table, entry.column, entry.export_column)
        return refusal or entry.column in contract.TABLES[self.table].required_names

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
        """How far the headings are understood, in one sentence or two."""
        open_columns = self.open_columns
        text = self.wording.say(
            "matching.sentence.asks" if open_columns else "matching.sentence.done",
            sure=len(self.accepted),
            headings=len(self.header),
            questions=len(open_columns),
            columns=self.wording.listing(open_columns),
        )
        if self.amount_rule == "amount":
            return text
        quantity, price = (self.accepted[name] for name in ("quantity", UNIT_PRICE))
        product = self.wording.say(
            "matching.sentence.product", quantity=repr(quantity), price=repr(price)
        )
        return f"{text} {product}"

    def questions(self, *, optional: bool = False) -> list[str]:
        """One text for each column that needs an answer: candidates, and the call that answers.

        With ``optional=True`` also for doubtful columns the table can do without.
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
        return self.wording.say("matching.question.answer", call=_call({entry.column: best}))

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
        listing = Listing(self.to_frame(), wording=self.wording, said=self.sentence())
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
        for likeness in _likenesses(heading, table)
        if likeness.synonym.column == column
    )


def _renamings(old: Sequence[str], new: Sequence[str]) -> dict[str, str]:
    """Old heading to new where both are one heading, the same spelling going first."""
    names = {heading: heading for heading in old if heading in set(new)}
    left: dict[tuple[str, ...], list[str]] = {}
    for heading in new:
        if heading not in names:
            left.setdefault(_words(heading), []).append(heading)
    for heading in old:
        alike = left.get(_words(heading), [])
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
    claims = _claims(headings, table, values, say)
    chosen = _assign(claims)
    examples = {heading: _examples(values.get(heading, ())) for heading in headings}
    names = (*columns, UNIT_PRICE) if UNIT_PRICE in chosen else columns
    decided = {name: _decide(name, chosen, claims, examples, say) for name in names}
    if UNIT_PRICE in decided:
        decided[UNIT_PRICE] = _doubt_unit_price(decided, chosen, headings, values, say)
    taken = {match.export_column for match in decided.values()}
    free = [heading for heading in headings if heading not in taken]
    proposed = tuple(_with_guesses(m, table, free, values) for m in decided.values())
    return Matching(table, tuple(header), proposed, examples, wording=say)


def _examples(values: Sequence[str]) -> tuple[str, ...]:
    """The first three different values; one that repeats says nothing new."""
    distinct = dict.fromkeys(value.strip() for value in values if value and value.strip())
    return tuple(distinct)[:3]


def _decide(
    column: str,
    chosen: Mapping[str, _Claim],
    claims: Sequence[_Claim],
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
    equals = [o for o in others if o.sure and _RANK[o.tier] >= _RANK[claim.tier]]
    lesser = [o for o in others if o.sure and o not in equals]
    confidence, why = claim.confidence, claim.why
    if claim.sure and equals:
        # Two headings of equal merit: a coin toss is not a match.
        confidence = min(confidence, 0.6)
        why = say.say("matching.why.rivals", others=_quoted(equals, say))
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


def _quoted(claims: Sequence[_Claim], say: Wording) -> str:
    return say.listing([repr(claim.heading) for claim in claims])


def _doubt_unit_price(
    decided: Mapping[str, ColumnMatch],
    chosen: Mapping[str, _Claim],
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
    likenesses = _likenesses(heading, "transactions")
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
    form = _form(table, match.column)
    guesses = []
    for heading in free:
        texts = [v.strip() for v in values.get(heading, ()) if v and v.strip()]
        plain_date = form != "date" and _fits("date", texts) and not _fits("number", texts)
        fits = all(map(_is_code, texts)) if form == "text" else _fits(form, texts)
        if texts and fits and not plain_date:
            guesses.append(heading)
    return replace(match, candidates=tuple(guesses))
