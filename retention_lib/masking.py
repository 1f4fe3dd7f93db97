"""Names and identifiers behind pseudonyms: for screens and files that others see.

A pseudonym keeps a room from reading names; it does not make data anonymous: whoever has the
customer list can work the pseudonyms out.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

IDENTIFYING: tuple[str, ...] = (
    "customer_id",
    "name",
    "email",
    "phone",
    "siret",
    "vat",
    "person_id",
    "account_manager",
    "owner",
    "prospect",
    "kept_id",
    "other_id",
)
"""Columns that say who somebody is; masked where ``RETENTION_MASK`` is 1."""

TELLING: tuple[str, ...] = ("example", "why", "line", "samples", "value")
"""Columns of free text in which names may stand; left out of masked tables altogether."""

MASK_VARIABLE = "RETENTION_MASK"


def masks(asked: bool | None = None) -> bool:
    """Whether names are to be masked: as asked, else where ``RETENTION_MASK`` is 1.

    >>> masks(True), masks(False)
    (True, False)
    """
    return os.environ.get(MASK_VARIABLE) == "1" if asked is None else bool(asked)


def mask_frame(
    frame: pd.DataFrame,
    columns: Iterable[str] = IDENTIFYING,
    *,
    word: str = "Customer",
    nobodys: Collection[str] = (),
) -> pd.DataFrame:
    """Give a copy in which names, addresses and identifiers are replaced by pseudonyms.

    The same input always gets the same pseudonym, in every table and session, so that a masked
    customer can be followed from one screen to the next. It keeps a room from reading names; it
    does not make data anonymous: whoever has the customer list can work the pseudonyms out.
    What is in ``nobodys`` is nobody's name and stays.

    >>> import pandas as pd
    >>> people = pd.DataFrame({"name": ["Ann Lee", "Bo Ek", "Ann Lee"], "revenue": [1, 2, 3]})
    >>> mask_frame(people, ["name"])["name"].tolist()
    ['Customer 6449 7575', 'Customer 4911 1226', 'Customer 6449 7575']
    """
    masked = frame.copy()
    for column in columns:
        if column in masked:
            values = masked[column]
            pseudonyms = {
                value: value if value in nobodys else pseudonym(value, column, word)
                for value in values.unique()
            }
            masked[column] = values.map(pseudonyms)
    return masked


def pseudonym(value: object, column: str, word: str) -> object:
    """What stands for a value of that column; what is missing stays so."""
    if is_missing(value) or value == "":
        return value
    digest = hashlib.blake2b(str(value).encode(), digest_size=8, person=b"retention").digest()
    # Eight digits: among ten thousand customers an even chance that two share a pseudonym.
    number = int.from_bytes(digest, "big") % 10**8
    digits = f"{number // 10**4:04} {number % 10**4:04}"
    if column == "email":
        return f"{digits.replace(' ', '.')}@masked.invalid"
    named = ("customer_id", "name", "prospect", "kept_id", "other_id")
    return f"{word} {digits}" if column in named else digits


def said_name(value: object, column: str = "customer_id") -> str:
    """A name or code as a sentence or a message quotes it: behind its pseudonym where asked.

    >>> said_name("Ann Lee", "name")
    'Ann Lee'
    """
    if not masks():
        return str(value)
    from retention_lib.wording import spoken, texts

    return str(pseudonym(value, column, texts()["mask.customer"][spoken()]))


def said_text(value: object) -> str:
    """A piece of an export as a message quotes it; nothing of it where names are masked.

    >>> said_text("Ann Lee;12")
    'Ann Lee;12'
    """
    return "…" if masks() else str(value)


def is_missing(value: object) -> bool:
    """Whether a cell holds nothing."""
    import pandas as pd

    return value is None or (pd.api.types.is_scalar(value) and bool(pd.isna(value)))
