"""What the headings of an export mean: their words, and how they resemble known headings."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files

from rapidfuzz import fuzz

SURE = 0.85
"""From this confidence on a match needs no question."""
WORTH_ASKING = 0.5
"""Below this confidence a heading is not even proposed."""

UNIT_PRICE = "unit_price"
_ELSEWHERE = "elsewhere"
_TAX_INCLUDED = {"tax_included_amount": "amount", "tax_included_unit_price": UNIT_PRICE}
# How much an exact heading of a tier proves, and which tier wins without a question.
_PROOF = {"net": 1.0, "top": 1.0, "also": 1.0, "name": 1.0, "whole_order": 1.0, "maybe": 0.7}
_PROOF |= {"tax_included": 0.6, "opposite": 0.6}
RANK = {"net": 3, "top": 2, "also": 1, "name": 0, "whole_order": 0, "maybe": -1}
RANK |= {"tax_included": -2, "opposite": -2}


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
def heading_words(heading: str) -> tuple[str, ...]:
    """The words of a heading that carry meaning, as written.

    >>> [heading_words(heading) for heading in ("N° de la Commande", "Montant H.T. (EUR)")]
    [('numero', 'commande'), ('montant', 'ht', 'eur')]
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
    pieces = [piece for word in heading_words(heading) for piece in _split(word)]
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
class Synonym:
    column: str
    tier: str
    text: str
    place: int = 0
    """Where in its list it stands: the more telling headings come first."""


@cache
def synonym_tables() -> dict[str, dict[str, dict[str, list[str]]]]:
    return tomllib.loads(files("retention_lib.base").joinpath("synonyms.toml").read_text("utf-8"))


@cache
def _vocabulary() -> frozenset[str]:
    """Every word of the synonyms: a known word is never a misspelling of another."""
    headings = (
        text
        for columns in synonym_tables().values()
        for tiers in columns.values()
        for texts in tiers.values()
        for text in texts
    )
    spelled = {word for text in headings for word in heading_words(text) if len(word) > 2}
    return frozenset(spelled) | frozenset(_CONCEPTS) | _SHORT_PIECES


def tiered_synonyms(table: str) -> Iterator[Synonym]:
    for column, tiers in synonym_tables()[table].items():
        target = _TAX_INCLUDED.get(column, column)
        for tier, texts in tiers.items():
            for place, text in enumerate(texts):
                meant = "tax_included" if target != column else tier
                yield Synonym(target, meant, text, place)


@cache
def _synonyms(table: str) -> tuple[Synonym, ...]:
    """The synonyms of a table; what other tables call theirs counts as elsewhere."""
    own = list(tiered_synonyms(table))
    taken = {_concepts(synonym.text) for synonym in own}
    others = {
        heading_words(synonym.text): synonym.text
        for other in sorted(synonym_tables())
        if other != table
        for synonym in tiered_synonyms(other)
        if synonym.tier in {"top", "also"} and _concepts(synonym.text) not in taken
    }
    return (*own, *(Synonym(_ELSEWHERE, "top", text) for text in others.values()))


@cache
def _index(table: str) -> tuple[dict[tuple[str, ...], list[Synonym]], ...]:
    """Synonyms by their words, by their meanings, and by each single meaning."""
    by_words: dict[tuple[str, ...], list[Synonym]] = {}
    by_concepts: dict[tuple[str, ...], list[Synonym]] = {}
    by_concept: dict[tuple[str, ...], list[Synonym]] = {}
    for synonym in _synonyms(table):
        by_words.setdefault(heading_words(synonym.text), []).append(synonym)
        by_concepts.setdefault(_concepts(synonym.text), []).append(synonym)
        for meaning in set(_concepts(synonym.text)):
            by_concept.setdefault((meaning,), []).append(synonym)
    return by_words, by_concepts, by_concept


@dataclass(frozen=True)
class Likeness:
    """How a heading resembles a synonym: ``exact``, ``same_words`` or ``similar``."""

    synonym: Synonym
    similarity: float
    how: str

    @property
    def confidence(self) -> float:
        return self.similarity * _PROOF[self.synonym.tier]


@lru_cache(maxsize=10_000)
def likenesses_of(heading: str, table: str) -> tuple[Likeness, ...]:
    """The best likeness of a heading to each column, the best column first.

    An exact heading settles what it means; only an unknown one is compared by resemblance.
    """
    by_words, by_concepts, _ = _index(table)
    if exact := by_words.get(heading_words(heading)):
        found = [Likeness(synonym, 1.0, "exact") for synonym in exact]
    elif same := by_concepts.get(_concepts(heading)):
        found = [Likeness(synonym, 0.97, "same_words") for synonym in same]
    else:
        found = list(_similar(heading, table))
    best: dict[str, Likeness] = {}
    for likeness in found:
        column = likeness.synonym.column
        if column not in best or _strength(likeness) > _strength(best[column]):
            best[column] = likeness
    return tuple(sorted(best.values(), key=_strength, reverse=True))


def _strength(likeness: Likeness) -> tuple[float, int, str, str]:
    synonym = likeness.synonym
    return likeness.confidence, RANK[synonym.tier], synonym.column, synonym.text


def _similar(heading: str, table: str) -> Iterator[Likeness]:
    meanings = _concepts(heading)
    by_concept = _index(table)[2]
    near = {m: _near(m, table) for m in set(meanings)}
    candidates = {
        synonym: None for found in near.values() for m in found for synonym in by_concept[(m,)]
    }
    for synonym in candidates:
        similarity = 0.95 * _overlap(meanings, _concepts(synonym.text), near)
        if similarity >= WORTH_ASKING:
            yield Likeness(synonym, similarity, "similar")


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


# ------------------------------------------------------------- kinds of document, and copies

_KINDS = frozenset({"type", "kind", "nature", "status"})
_DOCUMENTS = frozenset(
    re.findall(
        r"\w+",
        "document piece invoice order transaction operation mouvement movement sale purchase "
        "ticket receipt line current ecriture entry",
    )
)
_PAYMENTS = frozenset({"financial", "payment", "paiement", "reglement"})
# Said of the code of a kind and of its name alike.
_NEUTRAL = frozenset({"id", "label", "name"})
_KINDS_OF_PROGRAMS = frozenset({"gp naturepieceg", "do type", "current state", "order state"})


def is_document_kind(heading: str) -> bool:
    """Whether a heading says what kind of document a line is, or how far it has come.

    >>> [is_document_kind(h) for h in ("Type pièce", "Financial Status", "Type client", "State")]
    [True, True, False, False]
    """
    if _plain(heading) in _KINDS_OF_PROGRAMS:
        return True
    meanings = set(_concepts(heading)) - _NEUTRAL
    of = meanings - _KINDS
    # A type of payment is a card or a cheque; its status tells a sale from a refund.
    return of != meanings and (
        of <= _DOCUMENTS or ("status" in meanings and of <= _DOCUMENTS | _PAYMENTS)
    )


_COPY_NUMBER = re.compile(r"(?:_(?P<ours>[2-9]|[1-9]\d)|\.(?P<pandas>\d{1,2}))$")


def copies_among(headings: Sequence[str]) -> dict[str, str]:
    """Each heading that repeats another, case and a number at its end apart, and that other.

    >>> copies_among(["Date", "Montant HT", "Montant HT_2", "MONTANT HT_3", "Lot_2"])
    {'Montant HT_2': 'Montant HT', 'MONTANT HT_3': 'Montant HT'}
    """
    known = {heading.casefold() for heading in headings}
    families: dict[str, list[tuple[int, str]]] = {}
    for heading in headings:
        number = _COPY_NUMBER.search(heading)
        base = heading[: number.start()].casefold() if number else ""
        if number and base in known:
            place = int(number["ours"] or number["pandas"]) + 1
            families.setdefault(base, []).append((place, heading))
        else:
            families.setdefault(heading.casefold(), []).append((0, heading))
    return {copy: min(family)[1] for family in families.values() for _, copy in sorted(family)[1:]}
