"""What a recorded reason for leaving means: plain keyword rules, in English and French.

A reason that no rule knows stays unknown. Nothing here guesses: a rule is a word or a phrase that
a person can read, and a text that says two things that do not agree is not called avoidable.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cache

OTHER = "other"
"""Recorded, and no rule knows what it means."""
NONE = "none"
"""Nobody wrote down why."""
SEVERAL = "several"
"""Several causes that do not agree on whether the firm could have avoided it."""


@dataclass(frozen=True)
class Cause:
    """A cause of leaving, whether the firm could have avoided it, and how people write it down.

    Phrases are without accents and in small letters; ``*`` stands for the rest of a word.
    """

    code: str
    avoidable: bool
    english: tuple[str, ...]
    french: tuple[str, ...]


CAUSES = (
    Cause(
        "price",
        True,
        ("price", "prices", "pricing", "expensive", "too dear", "cheaper", "cost too*",
         "costs too*", "rates", "tariff*"),
        ("prix", "tarif*", "trop cher*", "plus cher*", "moins cher*", "cher", "onereu*",
         "remise insuffisante"),
    ),
    Cause(
        "competitor",
        True,
        ("competitor*", "competition", "switched to", "went to another", "other supplier",
         "another supplier", "new supplier", "other provider", "another provider"),
        ("concurren*", "autre fournisseur", "nouveau fournisseur", "autre prestataire",
         "nouveau prestataire", "change de fournisseur", "changement de fournisseur",
         "parti chez", "partie chez"),
    ),
    Cause(
        "service",
        True,
        ("complaint*", "service", "quality", "delivery", "deliveries", "late", "delay*", "fault*",
         "defect*", "dissatisf*", "unhappy", "not satisfied", "unsatisfied", "disappoint*",
         "wrong order*", "billing error*", "invoice error*", "dispute*", "litigation"),
        ("reclamation*", "service", "sav", "qualite", "livraison*", "retard*", "delai",
            "delais",
         "defaut*", "defectueu*", "insatisf*", "mecontent*", "pas satisfait*", "pas content*",
         "decu", "decue", "decus", "deception", "erreur*", "litige*", "casse"),
    ),
    Cause(
        "neglect",
        True,
        ("nobody looked after*", "nobody called*", "nobody contacted*", "not contacted",
         "never contacted", "never called*", "no contact", "no follow up", "lack of follow up",
         "no news", "no answer from us", "neglect*", "forgotten", "felt ignored"),
        ("manque de suivi", "absence de suivi", "pas de suivi", "aucun suivi", "suivi insuffisant",
         "manque de contact*", "pas de contact*", "aucun contact", "jamais contacte*",
         "pas contacte*", "jamais rappele*", "pas rappele*", "plus de nouvelles", "oubli*",
         "neglig*", "delaisse*"),
    ),
    Cause(
        "fatigue",
        True,
        ("contacted too*", "too many calls", "too many e mails", "too many emails",
         "too many newsletters", "too many messages", "spam*", "harass*"),
        ("trop de sollicitations", "trop sollicite*", "trop de mails", "trop d emails",
         "trop de courriels", "trop d appels", "trop de relances", "harcel*", "spam*"),
    ),
    Cause(
        "contact_left",
        True,
        ("contact person left", "contact left", "new contact", "new buyer", "new manager",
         "change of buyer", "change of contact"),
        ("changement d interlocut*", "nouvel interlocut*", "nouvelle interlocut*",
         "depart de l interlocut*", "depart du contact", "changement d acheteu*",
         "nouvel acheteu*", "changement de contact", "changement de direction"),
    ),
    Cause(
        "range",
        True,
        ("no longer stocked", "not in the range", "range too*", "product discontinued",
         "discontinued", "out of stock", "choice too*"),
        ("arret du produit", "produit arrete*", "gamme*", "rupture*", "plus au catalogue",
         "manque de choix"),
    ),
    Cause(
        "closed_down",
        False,
        ("business closed", "closed down", "ceased trading", "company closed", "shop closed",
         "out of business", "bankrupt*", "insolven*", "liquidat*", "receivership", "wound up",
         "retired", "retirement"),
        ("cessation*", "liquidation*", "faillite", "redressement judiciaire", "depot de bilan",
         "fermeture*", "ferme definitivement", "a ferme", "radie*", "radiation", "retraite"),
    ),
    Cause(
        "taken_over",
        False,
        ("taken over", "takeover", "merger", "merged", "acquired by", "sold the business",
         "business sold", "group contract", "group purchasing"),
        ("rachat", "rachete*", "fusion*", "absorb*", "cession*", "vendu l entreprise",
         "contrat groupe", "centrale d achat*"),
    ),
    Cause(
        "moved",
        False,
        ("moved", "moving", "moves away", "relocat*", "left the area", "new address"),
        ("demenag*", "hors secteur", "hors zone", "quitte la region", "parti a l etranger",
         "nouvelle adresse"),
    ),
    Cause(
        "no_need",
        False,
        ("no longer need*", "no need*", "no more need*", "does not need*", "not needed",
         "one off*", "project ended", "end of project", "stopped the activity",
         "change of activity", "in house"),
        ("plus besoin", "plus l usage", "plus d usage", "plus l utilite", "besoin ponctuel",
         "besoins ponctuels", "pas de besoin", "aucun besoin", "plus de besoin*", "ponctuel*",
         "fin de projet", "fin de chantier", "changement d activite", "arret de l activite",
         "internalis*"),
    ),
    Cause(
        "deceased",
        False,
        ("deceased", "died", "dead", "death"),
        ("decede*", "deces", "mort", "morte"),
    ),
    Cause(
        "unpaid",
        False,
        ("unpaid", "payment default*", "default on payment", "non payment", "did not pay",
         "bad debt*", "overdue", "not paid", "doubtful debt*"),
        ("impaye*", "defaut de paiement", "non paiement", "retard de paiement",
         "retards de paiement", "creance*", "contentieux", "mauvais payeu*", "pas paye*"),
    ),
)  # fmt: skip
CODES = tuple(cause.code for cause in CAUSES)
_AVOIDABLE = {cause.code: cause.avoidable for cause in CAUSES}

# "Not the price", "aucun problème de qualité": what stands shortly after one of these is denied.
_DENIALS = frozenset(
    ("not", "no", "never", "without", "sans", "pas", "aucun", "aucune", "ni", "non", "jamais")
)
_REACH = 3


def read_cause(text: object) -> tuple[str, bool | None]:
    """The cause that a recorded reason names first, and whether the firm could have avoided it.

    ``none`` where nothing is recorded, ``other`` where no rule knows the words, ``several``
    where causes are named that do not agree on what could have been avoided.

    >>> read_cause("Réclamation mal traitée"), read_cause("Business closed")
    (('service', True), ('closed_down', False))
    >>> read_cause("Autre"), read_cause(None)
    (('other', None), ('none', None))
    >>> read_cause("Price, and they moved away"), read_cause("not the price")
    (('several', None), ('other', None))
    """
    if not isinstance(text, str) or not text.strip():
        return NONE, None
    named = _causes_named(_plain(text))
    if not named:
        return OTHER, None
    could = {_AVOIDABLE[code] for code in named}
    return (named[0], could.pop()) if len(could) == 1 else (SEVERAL, None)


def _plain(text: str) -> str:
    """Small letters without accents, one blank between words."""
    letters = unicodedata.normalize("NFKD", text.casefold().replace("œ", "oe").replace("’", "'"))
    bare = "".join(letter for letter in letters if not unicodedata.combining(letter))
    return " ".join(re.findall("[a-z0-9]+", bare))


def _causes_named(text: str) -> list[str]:
    """The causes in a plain text, in the order of their first words; denied ones are not named.

    Of two phrases that overlap the longer one counts: "retard de paiement" is not a late parcel.
    """
    met = sorted(
        ((m.start(), m.end(), code) for code, rule in _rules() for m in rule.finditer(text)),
        key=lambda span: (span[0] - span[1], span[0]),
    )
    taken: list[tuple[int, int, str]] = []
    for begin, end, code in met:
        if all(end <= start or begin >= stop for start, stop, _ in taken):
            taken.append((begin, end, code))
    named: list[str] = []
    for begin, _, code in sorted(taken):
        before = text[:begin].split()[-_REACH:]
        if code not in named and not _DENIALS & set(before):
            named.append(code)
    return named


@cache
def _rules() -> tuple[tuple[str, re.Pattern[str]], ...]:
    rules = []
    for cause in CAUSES:
        # The longest phrase first: alternatives are tried in their order.
        phrases = sorted({*cause.english, *cause.french}, key=len, reverse=True)
        written = "|".join(re.escape(phrase).replace(r"\*", r"\w*") for phrase in phrases)
        rules.append((cause.code, re.compile(rf"\b(?:{written})\b")))
    return tuple(rules)
