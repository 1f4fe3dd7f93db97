"""Names that a base knows, found in free text and put behind pseudonyms.

What people type, the title of an idea or a note, may name a customer. Where names are masked the
known ones are replaced; a name that stands nowhere in the base cannot be known.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

import narwhals as nw

from retention_lib.base import engine
from retention_lib.masking import IDENTIFYING, pseudonym

if TYPE_CHECKING:
    from retention_lib.base.customer_base import CustomerBase

SHORTEST = 2
"""Letters of a name that is looked for; one of two only as it is written: ``HP``, not ``hp``."""
SHORTEST_NUMBER = 6
"""Digits of a number that is looked for: a shorter one may be an amount."""

_TABLES = ("customers", "people", "opportunities")


def known_names(base: CustomerBase) -> dict[str, str]:
    """Every name, address and code of the customers and their people, with its pseudonym.

    The keys are in small letters, but for names of two. One row a customer or person comes back,
    once a table.
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
                text = str(value).strip()
                if len(text) >= (SHORTEST_NUMBER if text.isdigit() else SHORTEST):
                    key = text if len(text) == SHORTEST else text.casefold()
                    names[key] = str(pseudonym(value, column, word))
    return names


def without_names(text: str, names: Mapping[str, str]) -> str:
    """A text in which no known name stands; each is replaced by its pseudonym, in any letters.

    >>> without_names("Call DUPONT, not Dupontel", {"dupont": "Customer 1"})
    'Call Customer 1, not Dupontel'
    >>> without_names("Le TGV, le PLM et LE", {"LE": "Customer 2"})
    'Le TGV, le PLM et Customer 2'
    """
    lowered = text.casefold()
    found = [one for one in names if one in (text if len(one) == SHORTEST else lowered)]
    # The longest first: one name may be the beginning of another.
    for name in sorted(found, key=len, reverse=True):
        letters = re.NOFLAG if len(name) == SHORTEST else re.IGNORECASE
        whole = re.compile(rf"(?<!\w){re.escape(name)}(?!\w)", letters)
        text = whole.sub(lambda _, said=names[name]: str(said), text)  # type: ignore[misc]
    return text
