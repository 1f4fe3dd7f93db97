"""Names of customers: what two names have in common, in bits of evidence.

"SARL Transports Lefèvre & Fils", "Transp. LEFEVRE et fils" and "Lefevre Fils Transports" are one
name; "Jean Dupont" and "Paul Dupont" are not. A word says the more the rarer it is: the evidence
of a common word is ``log2(1 / share of customers that have it)``, so that two "Boulangerie Martin"
prove little and two "Kowalczewski" much.
"""

from __future__ import annotations

import math
import re
import tomllib
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Literal, NamedTuple

from rapidfuzz.distance import OSA

LONGEST = 200  # signs of a name that are looked at; a longer one is not a name
_MOST_WORDS = 12

# Evidence, in bits: log2 of how much likelier the sight is between two entries of one customer
# than between two customers.
_TYPO = -3.3  # one entry in ten of a customer has a typing error
_TWO_WORDS_CONFLICT = -8.0
_NOTHING_IN_COMMON = -5.0  # renamed, or known by its brand: less odd than half a name in common
_OTHER_FORM = -2.0  # companies do change their legal form
_EXTRA_WORD = -3.0
_EXTRA_FIRST_NAME = -4.0
_EXTRA_TRADE = -1.0
_EXTRA_AT_MOST = -6.0
_INITIAL = 3.0  # one in eight shares an initial
_ACRONYM = 4.0

# How common a word is outside this base: what keeps a small base from taking every word for rare.
_USUAL_SHARE = 1 / 1000
_COMMON_SHARE = 1 / 40
_ESTABLISHED = 3  # a spelling that so many customers have is not somebody's slip

_HALF = 0.5  # words more alike than that are one word badly written rather than two

Kind = Literal["same", "alike", "different", "unknown"]


@dataclass(frozen=True)
class Words:
    """The word lists of ``names.toml``."""

    legal_forms: frozenset[str]
    fillers: frozenset[str]
    small_words: frozenset[str]
    titles_m: frozenset[str]
    titles_f: frozenset[str]
    titles_none: frozenset[str]
    generations: frozenset[str]
    trades: frozenset[str]
    first_names: frozenset[str]
    mail_roles: frozenset[str]
    free_mail: frozenset[str]
    abbreviations: Mapping[str, str]

    @property
    def titles(self) -> frozenset[str]:
        """All forms of address."""
        return self.titles_m | self.titles_f | self.titles_none


@cache
def words() -> Words:
    """The word lists, read once."""
    text = files("retention_lib.base").joinpath("names.toml").read_text("utf-8")
    entries: dict[str, Any] = tomllib.loads(text)
    abbreviations = entries.pop("abbreviations")
    lists = {name: frozenset(value.split()) for name, value in entries.items()}
    return Words(abbreviations=abbreviations, **lists)


@dataclass(frozen=True)
class Name:
    """A name reduced to what tells customers apart.

    ``tokens`` are its words in their order, without accents, case, legal form and grammar;
    ``title`` is ``m``, ``f`` or empty; ``generation`` a word such as ``fils``; ``form`` the legal
    form, such as ``sarl``.
    """

    tokens: tuple[str, ...]
    title: str = ""
    generation: str = ""
    form: str = ""

    @property
    def key(self) -> str:
        """The same text for two names that differ in the order of their words only."""
        return "|".join((self.bag, self.title, self.generation, self.form))

    @property
    def bag(self) -> str:
        """The words in the order of the alphabet."""
        return " ".join(sorted(self.tokens))

    @property
    def joined(self) -> str:
        """All words in one: equal for "Auto École" and "Autoécole"."""
        return "".join(self.tokens)

    @property
    def numbers(self) -> frozenset[str]:
        """The words with a digit: shop 12 is not shop 13."""
        return frozenset(token for token in self.tokens if not token.isalpha())


_LETTERS = str.maketrans(
    {"œ": "oe", "æ": "ae", "ø": "o", "ł": "l", "đ": "d", "&": " et ", "+": " "}
)


def simplify(text: str) -> str:
    """Lower case, without accents, at most :data:`LONGEST` signs.

    >>> simplify("  Crêperie de l'ÎLE & Cœur ")
    "creperie de l'ile et coeur"
    """
    lowered = text[:LONGEST].casefold().replace("\u2019", "'").translate(_LETTERS)
    plain = unicodedata.normalize("NFKD", lowered)
    kept = "".join(sign for sign in plain if not unicodedata.combining(sign))
    return " ".join(kept.split())


def read_name(text: str) -> Name:
    """What of a name tells customers apart.

    >>> read_name("S.A.R.L. Transports LEFÈVRE & Fils").tokens
    ('transport', 'lefevre', 'fils')
    >>> read_name("Mme Dupont-Durand, Anne")
    Name(tokens=('dupont', 'durand', 'anne'), title='f', generation='', form='')
    """
    plain = simplify(re.sub(r"<[^>]{0,80}>", " ", text[: 2 * LONGEST]))
    plain = re.sub(r"\b(?:\w\.){2,}\w?\b|\b\w(?:\.\w)+\b", lambda m: m[0].replace(".", ""), plain)
    plain = re.sub(r"'s\b", "s", plain)
    plain = re.sub(r"\b(?:[ldjcnmst]|qu)'", "", plain)
    raw = _joined_letters(re.findall(r"\w+", plain))[:_MOST_WORDS]
    title, rest = _take_title(raw)
    generation, rest = _take_generation(rest)
    tokens = tuple(_word(token) for token in _essential(rest))
    form = next((token for token in rest if token in words().legal_forms), "")
    return Name(tokens or tuple(raw), title, generation, form)


def _joined_letters(tokens: list[str]) -> list[str]:
    """Put "s a r l" together again; two letters only where they make a legal form."""
    joined: list[str] = []
    run: list[str] = []
    for token in [*tokens, ""]:
        if len(token) == 1 and token.isalpha():
            run.append(token)
            continue
        whole = "".join(run)
        joined += [whole] if len(run) > 2 or whole in words().legal_forms else run
        run = []
        joined += [token] if token else []
    return joined


def _take_title(tokens: list[str]) -> tuple[str, list[str]]:
    known = words()
    title = ""
    rest = list(tokens)
    # A title stands in front, or after a comma: "Dupont, M." Elsewhere "m" is an initial.
    while len(rest) > 1 and rest[0] in known.titles:
        title = title or ("m" if rest[0] in known.titles_m else "")
        title = title or ("f" if rest[0] in known.titles_f else "")
        rest = rest[1:]
    if len(rest) > 1 and len(rest[-1]) > 1 and rest[-1] in known.titles_m | known.titles_f:
        title = title or ("m" if rest[-1] in known.titles_m else "f")
        rest = rest[:-1]
    return title, rest


def _take_generation(tokens: list[str]) -> tuple[str, list[str]]:
    last = tokens[-1] if len(tokens) > 1 else ""
    # "Dupont et fils" is a firm; "Dupont Jean fils" is a son.
    if last in words().generations and len(tokens) > 2 and tokens[-2] != "et":
        return last, tokens[:-1]
    return "", tokens


def _essential(tokens: list[str]) -> list[str]:
    known = words()
    small = known.legal_forms | known.small_words | known.fillers
    kept = [token for token in tokens if token not in small]
    if not kept:
        # "La Société" or "Chez Elle et Lui SA": what is left has to be the name.
        kept = [token for token in tokens if token not in known.legal_forms]
    return kept


def _word(token: str) -> str:
    known = words()
    token = known.abbreviations.get(token, token)
    # The plural of a trade is the same trade; that of a surname is another surname.
    if len(token) > 4 and token.endswith("s") and token[:-1] in known.trades:
        return token[:-1]
    return token


class Rarity:
    """How much it says that two customers share a word, learnt from the base itself."""

    def __init__(self, names: Iterable[Name]) -> None:
        self.counts: Counter[str] = Counter()
        self.customers = 0
        for name in names:
            self.customers += 1
            self.counts.update(set(name.tokens))
        self._bits: dict[str, float] = {}

    def bits(self, token: str) -> float:
        """Evidence of two names sharing that word."""
        if token not in self._bits:
            usual = _COMMON_SHARE if _is_common(token) else _USUAL_SHARE
            # Of two entries of one customer, one does not count towards how common the word is.
            others = max(self.counts[token] - 1, 0)
            share = (others + 1) / (self.customers + 1 / usual)
            self._bits[token] = -math.log2(share)
        return self._bits[token]

    def total(self, name: Name) -> float:
        """Evidence of two customers having the whole of that name."""
        return sum(self.bits(token) for token in name.tokens)

    def established(self, token: str) -> bool:
        """Whether so many have that spelling that it is a word of its own."""
        return self.counts[token] >= _ESTABLISHED


def _is_common(token: str) -> bool:
    known = words()
    return len(token) < 3 or not token.isalpha() or token in known.trades | known.first_names


class Likeness(NamedTuple):
    """How alike two names are.

    ``bits`` of evidence for one customer, negative for two; ``excluded`` where the names say
    that there are two (father and son, shop 12 and shop 13).
    """

    kind: Kind
    bits: float
    excluded: bool = False


EXCLUDED = Likeness("different", -30.0, True)


def compare(a: Name, b: Name, rarity: Rarity) -> Likeness:
    """Weigh two names against each other.

    >>> names = [read_name("Dupont Jean"), read_name("Jean DUPONT"), read_name("Paul Dupont")]
    >>> rarity = Rarity(names)
    >>> compare(names[0], names[1], rarity).kind
    'same'
    >>> compare(names[0], names[2], rarity).excluded
    True
    """
    if not a.tokens or not b.tokens:
        return Likeness("unknown", 0.0)
    if _tell_apart(a, b):
        return EXCLUDED
    shared = Counter(a.tokens) & Counter(b.tokens)
    form = _OTHER_FORM if a.form and b.form and a.form != b.form else 0.0
    bits = form + sum(rarity.bits(token) * count for token, count in shared.items())
    rest_a = list((Counter(a.tokens) - shared).elements())
    rest_b = list((Counter(b.tokens) - shared).elements())
    if not rest_a and not rest_b:
        return Likeness("same", bits)
    if a.joined == b.joined or "".join(rest_a) == "".join(rest_b):
        return Likeness("same", form + min(rarity.total(a), rarity.total(b)))
    matched = _match_rest(rest_a, rest_b, rarity)
    return _judge(a, b, bool(shared), bits + matched.bits, matched)


def _tell_apart(a: Name, b: Name) -> bool:
    if a.title and b.title and a.title != b.title:
        return True
    if a.generation != b.generation:
        return True
    return bool(a.numbers and b.numbers and a.numbers != b.numbers)


class _Matched(NamedTuple):
    bits: float
    left_a: list[str]
    left_b: list[str]
    found: int


def _match_rest(rest_a: list[str], rest_b: list[str], rarity: Rarity) -> _Matched:
    """Pair the words that are not equal: typing errors, initials, acronyms."""
    bits, found, left_a, left_b = 0.0, 0, [], list(rest_b)
    for word in rest_a:
        best = max(left_b, key=lambda other: _word_bits(word, other, rarity) or -99, default="")
        gained = _word_bits(word, best, rarity) if best else None
        if gained is None:
            left_a.append(word)
        else:
            bits, found = bits + gained, found + 1
            left_b.remove(best)
    for short, long in ((left_a, left_b), (left_b, left_a)):
        if len(short) == 1 and len(long) > 2 and short[0] == "".join(word[0] for word in long):
            return _Matched(bits + _ACRONYM, [], [], found + 1)
    return _Matched(bits, left_a, left_b, found)


def _word_bits(a: str, b: str, rarity: Rarity) -> float | None:
    """Evidence of two unequal words being meant as one; ``None`` where they are not."""
    if (len(a) == 1 or len(b) == 1) and a[0] == b[0]:
        return _INITIAL
    if not (a.isalpha() and b.isalpha()) or {a, b} <= words().first_names:
        return None
    shorter = min(len(a), len(b))
    slips = 0 if len(a) + len(b) < 7 else 1 if shorter < 8 else 2
    if not slips or (a[0] != b[0] and shorter < 6):
        return None
    if OSA.distance(a, b, score_cutoff=slips) > slips:
        return None
    if rarity.established(a) and rarity.established(b):
        # Lefevre and Lefebvre: two names, or one badly heard. The rest has to decide.
        return 0.0
    return max(0.0, min(rarity.bits(a), rarity.bits(b)) + _TYPO)


def _judge(a: Name, b: Name, shared: bool, bits: float, matched: _Matched) -> Likeness:
    left_a, left_b = matched.left_a, matched.left_b
    if left_a and left_b:
        if not shared and not matched.found:
            return Likeness("different", _NOTHING_IN_COMMON)
        if _two_people(a, b, left_a, left_b):
            return EXCLUDED
        return Likeness("different", bits + _TWO_WORDS_CONFLICT)
    extra = sum(_extra_bits(word) for word in (*left_a, *left_b))
    return Likeness("alike", bits + max(extra, _EXTRA_AT_MOST))


def _two_people(a: Name, b: Name, left_a: list[str], left_b: list[str]) -> bool:
    """Whether two names that share a word look like two members of a family."""
    known = words()
    if set(left_a) & known.first_names and set(left_b) & known.first_names:
        return True
    alike = any(OSA.normalized_similarity(x, y) > _HALF for x in left_a for y in left_b)
    few = len(a.tokens) <= 3 and len(b.tokens) <= 3
    return few and not alike and not (set(a.tokens) | set(b.tokens)) & known.trades


def _extra_bits(word: str) -> float:
    known = words()
    if word in known.trades:
        return _EXTRA_TRADE
    return _EXTRA_FIRST_NAME if word in known.first_names else _EXTRA_WORD
