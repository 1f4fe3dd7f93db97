"""Messages in the language spoken: what is refused, asked or noted, said in French as well.

Messages are written in English where they are raised, as plain f-strings, so that whoever reads
the code reads the message. A catalogue, ``texts_messages/*.toml``, gives the French of each: the
English with its values as ``{0}``, ``{1}``, … in the order in which they stand, and the French
with the same. A message is found again by its own words when it is shown, and what stands in its
places is said in French too where it is a phrase of the catalogue or a number. A message nobody
translated is shown in English rather than not at all; ``tests/test_messages.py`` lists those.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files

from retention_lib.wording import Language, spoken

_PLACE = re.compile(r"\{(\d+)\}")
_NUMBER = re.compile(r"([-−]?)(\d{1,3}(?:,\d{3})+|\d+)(\.\d+)?( ?%)?")
_DAY = re.compile(r"(\d{1,2}) ([A-Z][a-z]+) (\d{4})")
_MONTHS = {
    "January": "janvier",
    "February": "février",
    "March": "mars",
    "April": "avril",
    "May": "mai",
    "June": "juin",
    "July": "juillet",
    "August": "août",
    "September": "septembre",
    "October": "octobre",
    "November": "novembre",
    "December": "décembre",
}
# Names in quotation marks, numbers and single words, as a sentence lists them.
_LISTED = re.compile(r"""(?<=['"”»\d]) (and|or) (?=['"“«\d])""")
_SENTENCE_END = re.compile(r"(?<=[.?!”\"'])[ \n]+(?=\S)|\n")
_FILE_FIRST = re.compile(r"([^:\n]{1,80}\.\w{2,7}): ")
_QUOTES = "'\"“”"
# After the end of a sentence only a further one can stand: a.5.csv is no sentence.
_AFTER_A_SENTENCE = r"(?:\s.*?)?"
_MOST_SENTENCES = 12
"""Sentences that one message has at most, with what stands in its places."""
_heard: list[Language] = []


def hear(language: Language) -> None:
    """Remember the language of the base that was opened last: messages follow it.

    What :func:`retention_lib.wording.speak` was told goes before it.
    """
    _heard[:] = [language]


@dataclass(frozen=True)
class Entry:
    """One message of the catalogue; ``pattern`` recognises it and catches its values.

    ``ends`` are the words with which it begins and ends, ``longest`` the most that it has at once.
    ``quoted`` are the places within quotation marks: what stands there is shown as it is written.
    """

    pattern: re.Pattern[str]
    ends: tuple[str, str]
    longest: str
    french: str
    quoted: frozenset[str]


def told(message: str, language: Language | None = None) -> str:
    r"""A message in that language; in the one spoken where none is given.

    What the catalogue does not know stays as it is.

    >>> told("seed must be a whole number, 0 or more; got 1.5.", "fr").replace("\xa0", " ")
    'seed doit être un nombre entier, 0 ou plus ; reçu : 1,5.'
    >>> told("seed must be a whole number, 0 or more; got 1.5.", "en")
    'seed must be a whole number, 0 or more; got 1.5.'
    """
    speaks = language or spoken(_heard[0] if _heard else "en")
    return _in_french(message) if speaks == "fr" else message


@cache
def catalogue() -> dict[str, str]:
    """English template to French template, of all files of the catalogue."""
    entries: dict[str, str] = {}
    for file in sorted(files("retention_lib").joinpath("texts_messages").iterdir(), key=str):
        if file.name.endswith(".toml"):
            for said in tomllib.loads(file.read_text("utf-8")).values():
                entries.update(said)
    return entries


@cache
def _entries() -> tuple[Entry, ...]:
    """The catalogue ready for looking up, what has most words of its own first."""
    made = []
    for english, french in catalogue().items():
        literals = [_unescaped(part) for part in _PLACE.split(english)[::2]]
        places = _PLACE.findall(english)
        own = sum(map(len, literals))
        quoted = frozenset(
            place
            for place, before, after in zip(places, literals, literals[1:], strict=False)
            if before[-1:] in _QUOTES and after[:1] in _QUOTES and before and after
        )
        # What stands in a place runs over lines only where the message itself does.
        flags = re.DOTALL if "\n" in english else 0
        compiled = re.compile(_pattern(literals, places), flags)
        ends = (literals[0], literals[-1])
        entry = Entry(compiled, ends, max(literals, key=len), _unbroken(french), quoted)
        made.append((own, entry))
    return tuple(entry for _, entry in sorted(made, key=lambda pair: -pair[0]))


def _pattern(literals: list[str], places: list[str]) -> str:
    """What recognises a message by the words of its template, and catches what stands between."""
    pattern = re.escape(literals[0])
    for number, place in enumerate(places, start=1):
        before, words = literals[number - 1 : number + 1]
        caught = f"(?P<p{place}>{_AFTER_A_SENTENCE if before.endswith('.') else '.*?'})"
        if number == len(places):
            return pattern + caught + re.escape(words)
        following = re.escape(literals[number + 1]) or r"\Z"
        ahead = rf"(?=\s|{following})" if words.endswith(".") else ""
        # Atomic: words count where they stand first. To try them at every later place as well
        # takes minutes once a long list stands in a message.
        pattern += f"(?>{caught}{re.escape(words)}{ahead})"
    return pattern


def _unbroken(french: str) -> str:
    """French marks stay on the line of the word before them."""
    return re.sub("(?<=\\w|[)'\"’»}]) (?=[:;?!»])|(?<=«) ", "\N{NO-BREAK SPACE}", french)


def _unescaped(template: str) -> str:
    return template.replace("{{", "{").replace("}}", "}")


@lru_cache(maxsize=512)
def _in_french(message: str) -> str:
    whole = _match(message.strip())
    if whole is None:
        whole = _piece_by_piece(message.strip())
    start = message[: len(message) - len(message.lstrip())]
    return start + whole + message[len(message.rstrip()) :] if message.strip() else message


def _match(message: str) -> str | None:
    """The French of a message that the catalogue knows as a whole."""
    for entry in _entries():
        first, last = entry.ends
        if message.startswith(first) and message.endswith(last) and entry.longest in message:
            found = entry.pattern.fullmatch(message)
            if found:
                return _filled(entry, found.groupdict())
    return None


def _filled(entry: Entry, caught: Mapping[str, str]) -> str:
    """The French of an entry with its values put in; what stood in quotation marks as it was."""
    said = ""
    for position, part in enumerate(_PLACE.split(entry.french)):
        if position % 2 == 0:
            said += _unescaped(part)
        else:
            value = caught[f"p{part}"]
            said += value if part in entry.quoted else _value(value)
    return said


def _piece_by_piece(message: str) -> str:
    """Several messages joined into one: each piece is found for itself, the longest first.

    Pieces end where a sentence or a line ends; one that is not known stays as it is. A file that
    is named before them keeps its name.
    """
    named = _FILE_FIRST.match(message)
    if named and (known := _match(message[named.end() :])) is not None:
        return f"{named[1]}\N{NO-BREAK SPACE}: {known}"
    ends = [found.span() for found in _SENTENCE_END.finditer(message)]
    if not ends:
        return message
    said, start = "", 0
    stops = [*ends, (len(message), len(message))]
    while start < len(message):
        ahead = [s for s in stops if s[0] > start][:_MOST_SENTENCES]
        for stop, following in reversed(ahead):
            bullet = "- " if message.startswith("- ", start) else ""
            known = _match(message[start + len(bullet) : stop])
            if known is not None:
                said += bullet + known + message[stop:following]
                start = following
                break
        else:
            stop, following = next(s for s in stops if s[0] > start)
            said += message[start:following]
            start = following
    return said


def _value(value: str) -> str:
    """What stands in a place of a message: a phrase of its own, a number, or a name as it is."""
    bare = value.strip()
    number = _NUMBER.fullmatch(bare)
    if number:
        return value.replace(bare, _number(number))
    day = _DAY.fullmatch(bare)
    if day and day[2] in _MONTHS:
        return f"{day[1]} {_MONTHS[day[2]]} {day[3]}".replace("1 ", "1er ", int(day[1]) == 1)
    if len(bare) > 2 and bare != bare.strip("'\"“”") and bare.count(bare[0]) == 2:
        return value  # one name in quotation marks
    known = _match(bare) if re.search("[^\\W\\d_]{2}", bare) else None
    if known is not None:
        return value.replace(bare, known)
    if ". " in bare or "\n" in bare:
        return value.replace(bare, _piece_by_piece(bare))
    parts = re.split(r"(; |, (?=[^'\"]))", bare)
    if len(parts) > 1:
        return value.replace(bare, "".join(map(_value, parts)))
    return _LISTED.sub(lambda both: " et " if both[1] == "and" else " ou ", value)


def _number(found: re.Match[str]) -> str:
    """A number with French marks: 1,234.5 is 1 234,5."""
    sign, whole, fraction, percent = found.groups()
    said = sign + whole.replace(",", "\N{NARROW NO-BREAK SPACE}")
    said += (fraction or "").replace(".", ",")
    return said + ("\N{NO-BREAK SPACE}%" if percent else "")
