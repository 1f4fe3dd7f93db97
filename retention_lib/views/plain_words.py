"""What a result says, for people who will never type a line: without code, in French typography.

Results speak to somebody in a notebook: their remedies name calls of the library. In the report
there is nothing to type, so that the remedy stays and the call goes.
"""

from __future__ import annotations

import html
import re

# Where code begins in a sentence; what stands in its brackets belongs to it. Customers and products
# have strange names: only what is surely ours counts.
_CODE = re.compile(
    r"(?<![\w.])(?:\w+ = )?(?:rl|base)\.[a-z_]+"
    r"|(?<![\w.])[a-z]+_[a-z_]+=\w*(?=\))"
    r"|(?<![\w.])(?:measure|find|open|make|fit|score|list)_[a-z_]+(?=\()"
    r"|(?<![\w.)\]])\.[a-z_]+(?=\()"
)
_MARK = "\0"
_IN_BRACKETS = re.compile(rf"\s*\([^()]*{_MARK}[^()]*\)")
_ALSO = re.compile(rf",\s(?:puis|then)\s{_MARK}")
_SENTENCES = re.compile(r"(?<=[.!?])\s+(?=[A-ZÀ-ÖØ-Þ«“\"])")
_CLAUSE = re.compile(r"(?:^|;\s+)((?:(?!;\s).)*)", re.DOTALL)
_AFTER_COLON = re.compile(rf"^(.*?)[\s\u00a0\u202f]*:\s*{_MARK}.*$", re.DOTALL)
# What stands before a colon and says nothing without what follows.
_HANGING = re.compile(r"(?:Si|Pour|If|To|La liste|The list|Les? .* avec|.*with reasons)\b", re.I)
_TEXT = re.compile(r">([^<]+)<")
_DETAILS = re.compile(r"<details.*?</details>", re.DOTALL)
_AS_IT_IS = re.compile(r"(<(?:script|style|pre)\b.*?</(?:script|style|pre)>)", re.DOTALL)
_TIGHT = re.compile(r"(?<=[^\s\u00a0\u202f;:])(?:(;)|(:))(?=\s)")
_BEFORE_MARK = re.compile(r"(?<=\S) (?=[;:?!»%€](?:[\s<.,)]|$))|(?<=«) (?=\S)")
_THOUSANDS = re.compile(r"(?<![\w.,])(\d{1,3}) (?=\d{3}(?!\d))")
_TWICE = re.compile(r"(?<=[.!?])[\s\u00a0\u202f]+\.(?=\s|$)")


def plain(text: str) -> str:
    """A text without calls of the library: what cannot be said without one is left out.

    >>> plain('Leave them out: rl.import_export("a.csv", leave_out={"product": ["TEST"]}).')
    'Leave them out.'
    >>> plain("A horizon of 48 days (horizon_days=48) would do.")
    'A horizon of 48 days would do.'
    >>> plain("Mend them at source; the list: .concerned(1). Try rl.find_signals(base).")
    'Mend them at source.'
    """
    if not _CODE.search(text):
        return text
    marked = _IN_BRACKETS.sub("", _marked(text))
    said = [_without(sentence) for sentence in _SENTENCES.split(_ALSO.sub("", marked))]
    return " ".join(filter(None, said))


def _marked(text: str) -> str:
    """The text with each piece of code, and the brackets that belong to it, as one mark."""
    parts, end = list[str](), 0
    while found := _CODE.search(text, end):
        parts += [text[end : found.start()], _MARK]
        end = _end_of_code(text, found.end())
    return "".join([*parts, text[end:]])


def _end_of_code(text: str, end: int) -> int:
    """Where the call that begins before ``end`` is over: brackets closed, attributes read."""
    while end < len(text):
        if text[end] == "(":
            depth, place = 0, end
            for place in range(end, len(text)):
                depth += (text[place] == "(") - (text[place] == ")")
                if not depth:
                    break
            end = place + 1
        elif more := re.match(r"\.[a-z_]+|\"[^\"]*\"", text[end:]):
            end += more.end()
        else:
            break
    return end


def _without(sentence: str) -> str:
    """A sentence up to the clause that holds code, or up to the colon before it."""
    if _MARK not in sentence:
        return sentence
    clauses = list(_CLAUSE.finditer(sentence))
    held = next(clause for clause in clauses if _MARK in clause[1])
    before = _AFTER_COLON.match(held[1])
    if before and _MARK not in before[1] and not _HANGING.match(before[1]):
        said = sentence[: held.start(1)] + before[1]
    else:
        said = sentence[: held.start()].rstrip("; \u00a0\u202f")
    return said if not said or said[-1] in ".!?" else said + "."


def plain_markup(markup: str) -> str:
    """The same for every text of a piece of HTML; the markup stays."""

    def said(found: re.Match[str]) -> str:
        text = html.unescape(found[1])
        told = plain(text)
        return found[0] if told == text else f">{html.escape(told, quote=False)}<"

    return _TEXT.sub(said, markup)


def in_french(text: str) -> str:
    r"""A text alternative with French spaces before its semicolons and colons.

    >>> in_french("Perdus: 3; Gardés : 4. .").replace("\u00a0", "_").replace("\u202f", "_")
    'Perdus_: 3_; Gardés : 4.'
    """
    spaced = _TIGHT.sub(lambda mark: f"\u202f{mark[1]}" if mark[1] else f"\u00a0{mark[2]}", text)
    return _TWICE.sub("", spaced)


def details_in_french(markup: str) -> str:
    """The pictures' words below them, which repeat the text alternatives, likewise.

    Entities such as ``&amp;`` end in a semicolon of their own.
    """

    def said(found: re.Match[str]) -> str:
        return f">{html.escape(in_french(html.unescape(found[1])), quote=False)}<"

    return _DETAILS.sub(lambda details: _TEXT.sub(said, details[0]), markup)


def with_kept_spaces(markup: str) -> str:
    r"""A French page in which no line begins with a mark that belongs to the one before.

    >>> with_kept_spaces("<p>« Oui » : 1 000 !</p>").replace("\u00a0", "_").replace("\u202f", "_")
    '<p>«_Oui_»_: 1_000_!</p>'
    """

    def kept(found: re.Match[str]) -> str:
        text = _THOUSANDS.sub("\\1\u202f", _BEFORE_MARK.sub("\u00a0", found[1]))
        return f">{text}<"

    # Every other part is a script, a style or code, which stays as it is.
    parts = _AS_IT_IS.split(markup)
    parts[::2] = [_TEXT.sub(kept, part) for part in parts[::2]]
    return "".join(parts)
