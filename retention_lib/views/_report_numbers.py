"""Whether a sentence's numbers stand in what was printed above it, on this base.

The chapters' prose is the same for every reader. A figure in it that the cells above do not print
on the reader's own customers would be somebody else's figure, so the report leaves it out.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from decimal import Decimal

_SPACE = "[ \u00a0\u2009\u202f]"
_NUMBER = re.compile(
    rf"(?<![^\W_])(?<!\d[.,])"  # not B2B's 2, not the end of a longer number
    rf"(?P<number>\d{{1,3}}(?:,\d{{3}})+(?!\d)(?:\.\d+)?"  # 1,234.5
    rf"|\d{{1,3}}(?:{_SPACE}\d{{3}})+(?!\d)(?:[.,]\d+)?"  # 1 234,5
    rf"|\d+(?:[.,]\d+)?)"  # 1234, 12.5 and 12,5
)
_CONSTANTS = re.compile(r"<!--\s*(?:constants|constantes)\s*:\s*([^>]*?)\s*-->")
_NO_FIGURES = (
    re.compile(r"<!--.*?-->", re.DOTALL),
    re.compile(r"(`+).+?\1", re.DOTALL),
    re.compile(r"(?<=\])\([^)]*\)"),
    re.compile(r"\[\s*\d{1,2}\b"),
    re.compile(
        r"\b(?:chapters?|chapitres?)\s+\d{1,2}(?:(?:\s*,\s*|\s+(?:and|to|or|et|ou|à)\s+)\d{1,2}\b)*",
        re.IGNORECASE,
    ),
    re.compile(r"^\s*\d{1,2}[.)]\s", re.MULTILINE),
)


def numbers_in(text: str) -> Iterator[set[Decimal]]:
    """The numbers of a text, each with every value it may have in English or in French.

    >>> [sorted(map(str, values)) for values in numbers_in("12.5 % of 1,234 in B2B")]
    [['12.5'], ['1.234', '1234']]
    """
    for match in _NUMBER.finditer(text):
        plain = re.sub(_SPACE, "", match["number"])
        values: set[Decimal] = set()
        if "," not in plain or (plain.count(",") == 1 and "." not in plain):
            values.add(Decimal(plain.replace(",", ".")))
        if re.fullmatch(r"[1-9]\d{0,2}(,\d{3})+(\.\d+)?", plain):
            values.add(Decimal(plain.replace(",", "")))
        yield values


def numbers_printed(text: str) -> set[Decimal]:
    """All numbers of an output, read generously: 12 345 may be two columns of a table."""
    found: set[Decimal] = set()
    for match in _NUMBER.finditer(text):
        for values in numbers_in(match.group()):
            found |= values
        for part in re.split(_SPACE, match["number"]):
            for values in numbers_in(part):
                found |= values
    return found


def constants_of(markdown: str) -> set[Decimal]:
    """The numbers that a comment ``<!-- constants: 365, 5 -->`` calls definitions."""
    found: set[Decimal] = set()
    for listed in _CONSTANTS.findall(markdown):
        found |= numbers_printed(" ; ".join(re.split(r"[,;]\s+", listed)))
    return found


def is_backed(sentence: str, printed: set[Decimal]) -> bool:
    """Whether every number of a sentence of prose is printed on this base.

    >>> is_backed("See chapter 05.", set()), is_backed("Of 12 customers", {Decimal(13)})
    (True, False)
    """
    text = sentence
    for pattern in _NO_FIGURES:
        text = pattern.sub(" ", text)
    return all(values & printed for values in numbers_in(html.unescape(text)))


def text_of_html(markup: str) -> str:
    """The text that a browser would show; each tag parts words."""
    shown = re.sub(r"<(style|script)\b.*?</\1\s*>|<!--.*?-->", " ", markup, flags=re.DOTALL | re.I)
    # A picture is shown as well: what its text alternative says has been said.
    shown = re.sub(r'<img\b[^>]*\balt="([^"]*)"[^>]*>', r" \1 ", shown)
    return html.unescape(re.sub(r"<[^>]*>", " | ", shown))
