"""The chapters' prose as HTML: without code, without what is said to somebody at a keyboard.

A sentence stays only where it makes sense on paper and every number in it was printed above it.
"""

from __future__ import annotations

import itertools
import re
from decimal import Decimal

from retention_lib.views._report_numbers import is_backed

_FENCE = re.compile(r"^(```|~~~).*?^\1[ \t]*$", re.MULTILINE | re.DOTALL)
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
# A sentence that tells somebody what to press or to type has no place on paper, nor has one about
# the sample in a report on somebody's own customers.
_AT_THE_KEYBOARD = re.compile(
    # Figures in a code span are an example, all else is something to type.
    r"`[^`]*[^\W\d][^`]*`|\b(?:cells?|sliders?|notebooks?|click|menu|button|"
    r"put another word|one line|cellules?|curseurs?|carnets?|cliquez|bouton|"
    r"remplacez|une ligne fusionne|that is a sample|c['’]est un exemple)\b",
    re.IGNORECASE,
)
# What follows such a sentence and speaks of it makes no sense without it.
_GOES_ON = re.compile(
    r"(?:It|They|This|That|These|Those|None|Both|Then|Not a cent|If a cell|Your team's own|"
    r"Ils?|Elles?|Cela|Ce|C['’]est|Ces|Celle|Celui|Aucune?|Les deux|Ensuite|Puis|Pas un centime)\b"
)
_SENTENCE_END = re.compile(
    r"[.!?…][*_\")”]*(?:[\u00a0\u202f ]?»)?\s+(?=[*_(\[“\"]*[A-ZÀ-ÖØ-Þ0-9«])"
)
_ITEM = re.compile(r"^\s*(?:[-*+]|\d{1,2}[.)])\s+")
_LINK = re.compile(r"\[([^\]]*)\]\((?:\.\./)?(?:fr/)?(\d{2})_[^)]*\.ipynb[^)]*\)")
_OTHER_LINK = re.compile(r"(?<!!)\[([^\]]*)\]\((?!#)[^)]*\)")
_PICTURE = re.compile(r"!\[([^\]]*)\]\([^)]*\)")


def question_of(text: str) -> str:
    """The first paragraph of a chapter: its question, without the label."""
    paragraphs = [part for part in re.split(r"\n\s*\n", text) if part.strip()]
    first = paragraphs[0].strip() if paragraphs else ""
    return re.sub(r"^\*\*[^*]*\*\*\s*", "", first)


def kept(markdown: str, printed: set[Decimal]) -> str:
    r"""The markdown of a section as the report shows it; empty where nothing is left.

    >>> kept("Run the cell. Nothing is lost.\n\nOf 12 customers one left.", set())
    'Nothing is lost.'
    """
    text = _COMMENT.sub("", markdown)
    # What introduces code goes with it.
    text = _FENCE.sub("\0", text)
    blocks = [block.strip("\n") for block in re.split(r"\n\s*\n", text) if block.strip()]
    shown: list[str] = []
    for block, following in zip(blocks, [*blocks[1:], ""], strict=False):
        if "\0" in block or (following.startswith("\0") and block.rstrip().endswith(":")):
            continue
        shown.append(_block(block, printed))
    shown = [block for block in shown if block.strip()]
    # A list that lost all its items leaves no line that announces it.
    if shown and re.search(r"[\w)*]\s*:$", shown[-1]) and not _ITEM.match(shown[-1]):
        last = blocks[-1]
        if _ITEM.match(last):
            shown.pop()
    return "\n\n".join(shown)


def _block(block: str, printed: set[Decimal]) -> str:
    lines = block.split("\n")
    if any(_ITEM.match(line) for line in lines):
        return "\n".join(_items(lines, printed))
    if lines[0].lstrip().startswith("|"):
        fits = is_backed(block, printed) and not _AT_THE_KEYBOARD.search(block)
        return block if fits else ""
    return _sentences(" ".join(line.strip() for line in lines), printed)


def _items(lines: list[str], printed: set[Decimal]) -> list[str]:
    """The items of a list, lines that belong together joined."""
    items: list[str] = []
    for line in lines:
        if _ITEM.match(line) or not items:
            items.append(line)
        else:
            items[-1] += " " + line.strip()
    shown = []
    for item in items:
        mark = _ITEM.match(item)
        start = mark.group() if mark else ""
        words = _sentences(item[len(start) :], printed)
        if words:
            shown.append(start + words)
    return shown


def _sentences(paragraph: str, printed: set[Decimal]) -> str:
    ends = [0, *(match.end() for match in _SENTENCE_END.finditer(paragraph)), len(paragraph)]
    sentences = [paragraph[start:end] for start, end in itertools.pairwise(ends)]
    shown: list[str] = []
    dropped = False
    for sentence in sentences:
        told = _AT_THE_KEYBOARD.search(sentence) or not is_backed(sentence, printed)
        dropped = bool(told or (dropped and _GOES_ON.match(sentence)))
        if not dropped:
            shown.append(sentence.strip())
    return " ".join(shown).strip()


def to_html(markdown: str, chapters: set[str]) -> str:
    r"""Markdown as HTML; links to chapters lead to their place in the report, others go.

    >>> to_html("See [05 Who *leaves*](05_who.ipynb), <b>now</b>.", {"05"})
    '<p>See <a href="#chapter-05">05 Who <em>leaves</em></a>, &lt;b&gt;now&lt;/b&gt;.</p>\n'
    """
    import mistune

    def lead(match: re.Match[str]) -> str:
        words, number = match.groups()
        return f"[{words}](#chapter-{number})" if number in chapters else words

    text = _PICTURE.sub(r"\1", markdown)
    text = _OTHER_LINK.sub(r"\1", _LINK.sub(lead, text))
    made = mistune.create_markdown(escape=True, plugins=["table", "strikethrough"])(text)
    return str(made)


def inline(markdown: str) -> str:
    """A heading or one line as HTML, without the paragraph around it."""
    made = to_html(markdown, set()).strip()
    return re.sub(r"^<p>(.*)</p>$", r"\1", made, flags=re.DOTALL)
