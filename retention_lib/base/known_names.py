"""Names that a base knows, found in free text and put behind pseudonyms.

What people type, the title of an idea or a note, may name a customer. Where names are masked the
known ones are replaced; a name that stands nowhere in the base cannot be known.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING

import narwhals as nw

from retention_lib.base import engine
from retention_lib.masking import IDENTIFYING, masks, pseudonym

if TYPE_CHECKING:
    from retention_lib.base.customer_base import CustomerBase

SHORTEST = 2
"""Letters of a name that is looked for; one of two only as it is written: ``HP``, not ``hp``."""
SHORTEST_NUMBER = 6
"""Digits of a number that is looked for: a shorter one may be an amount."""

# Hyphens and apostrophes that keyboards, Word and web pages put in place of the plain ones.
_ALIKE = str.maketrans("\u2010\u2011\u2012\u2013\u2019\u2018\u02bc\u2032\u00b4\u0060", "----''''''")

_TABLES = ("customers", "people", "opportunities")


def known_names(base: CustomerBase) -> dict[str, str]:
    """Every name, address and code of the customers and their people, with its pseudonym.

    The keys are in the letters by which :func:`without_names` looks for them. One row a customer
    or person comes back, once a table.
    """
    word = base.wording.say("mask.customer")
    names: dict[str, str] = {}
    for table in _TABLES:
        columns = [name for name in IDENTIFYING if base.has(table, name)]
        if not columns:
            continue
        listed = engine.collect(base.visible(table).select(*(nw.col(name) for name in columns)))
        for column in columns:
            for value in listed[column].dropna().unique():
                text = unicodedata.normalize("NFC", str(value)).strip()
                if len(text) >= (SHORTEST_NUMBER if text.isdigit() else SHORTEST):
                    seen = _seen(text)[0].strip()
                    key = seen if len(seen) > SHORTEST else text
                    names[key] = str(pseudonym(value, column, word))
    return names


def without_names(text: str, names: Mapping[str, str]) -> str:
    """A text in which no known name stands; each is replaced by its pseudonym.

    In any letters, with or without accents, and whatever blanks, hyphens and apostrophes.

    >>> without_names("Call DUPONT, not Dupontel", {"dupont": "Customer 1"})
    'Call Customer 1, not Dupontel'
    >>> without_names("Chez Elodie\u00a0 D\u2019Arc", {"elodie d'arc": "Customer 3"})
    'Chez Customer 3'
    >>> without_names("Le TGV, le PLM et LE", {"LE": "Customer 2"})
    'Le TGV, le PLM et Customer 2'
    """
    text = unicodedata.normalize("NFC", text)
    seen, places = _seen(text)
    found = [name for name in names if len(name) > SHORTEST and name in seen]
    if found:
        # From the end, so that the places before stay where they are.
        for met in reversed(list(_whole(found).finditer(seen))):
            said = str(names[met[0]])
            text = text[: places[met.start()]] + said + text[places[met.end()] :]
    short = [name for name in names if len(name) == SHORTEST and name in text]
    return _whole(short).sub(lambda met: str(names[met[0]]), text) if short else text


def shown_name(base: CustomerBase, masked: bool | None = None) -> str:
    """The base's own name as a page shows it: behind ``--mask`` without the names it knows."""
    return without_names(base.name, known_names(base)) if masks(masked) else base.name


def _whole(names: list[str]) -> re.Pattern[str]:
    # The longest first: one name may be the beginning of another.
    listed = "|".join(map(re.escape, sorted(names, key=len, reverse=True)))
    return re.compile(rf"(?<![^\W_])(?:{listed})(?![^\W_])")


def _seen(text: str) -> tuple[str, list[int]]:
    """A text as names are looked for in it, and where each of its letters (and its end) stands."""
    signs: list[str] = []
    places: list[int] = []
    for place, sign in enumerate(text):
        plain = _plain(sign)
        if plain and not (plain == " " and signs[-1:] == [" "]):
            signs += plain
            places += [place] * len(plain)
    return "".join(signs), [*places, len(text)]


@lru_cache(maxsize=4096)
def _plain(sign: str) -> str:
    """A letter without accent, in small; nothing of what nobody sees, a blank of any blank."""
    if sign.isspace():
        return " "
    apart = unicodedata.normalize("NFKD", sign.translate(_ALIKE)).casefold()
    return "".join(c for c in apart if unicodedata.category(c) not in ("Mn", "Cf"))
