"""The encoding of a text file, from evidence rather than from a guesser.

Detectors guess from statistics over all the world's encodings and get French company names
wrong. The exports that reach this library are UTF-8, UTF-16 or one of four old encodings of
Western Europe, and under the wrong one of these the accents make no sense: "LefÞvre",
"AndrŽ", "SOCI╔T╔". So every word with an accent is read each way, and each reading is held
against what letters do in words: where they stand, in which case, beside what.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from retention_lib.base._raw import example
from retention_lib.errors import InputError, QuestionError
from retention_lib.masking import said_text

# In order of preference where they read a file alike. cp858 is cp850 with the euro sign.
CANDIDATES = ("cp1252", "iso-8859-15", "cp850", "cp858", "mac_roman")
_MIXED = "utf-8+"
_BLOCK = 4 << 20
_SAMPLES_PER_BYTE = 100
_HIGH_RUN = re.compile(rb"[\x80-\xff]+")
_THREE_ACCENTS = re.compile(r"[^\W\d_a-zA-Z]{3}")
_WORD_BYTES = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ'") | frozenset(
    range(128, 256)
)

# How rare each accented letter is beside the commonest one: 0.35 × the log of the ratio of
# their frequencies in running text, rounded; 2 for a letter that the language does not have.
FRENCH = {
    **dict.fromkeys("é", 0.0),
    **dict.fromkeys("èà", 0.6),
    **dict.fromkeys("êç", 0.85),
    **dict.fromkeys("ôœ", 1.0),
    **dict.fromkeys("îâûù", 1.25),
    **dict.fromkeys("ëïü", 1.5),
    **dict.fromkeys("æÿ", 1.8),
}
GERMAN = {"ü": 0.0, "ä": 0.1, "ö": 0.2, "ß": 0.3, "é": 1.0, "è": 1.5, "à": 1.5}
SPANISH = {"ó": 0.0, "í": 0.0, "á": 0.1, "é": 0.1, "ñ": 0.4, "ú": 0.5, "ü": 1.2}
_LANGUAGES = (FRENCH, GERMAN, SPANISH)
_NEVER = frozenset("ˆ˜¨´¸¯¬¤†‡‰‹›‚„¦¹ƒıþÞðÐýÝ")


@dataclass(frozen=True)
class Decoded:
    """A text file as bytes in which separators, quotes and line ends are plain ASCII.

    ``codec`` decodes ``data``; ``encoding`` is what the file itself is in, to be shown and to
    be handed back as ``encoding=``.
    """

    data: bytes
    codec: str
    encoding: str
    evidence: str
    assumptions: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Candidate:
    """A reading of the accented words, and how odd each of them is in it."""

    encoding: str
    words: tuple[str, ...]
    odds: tuple[float, ...]

    @property
    def oddness(self) -> float:
        return sum(self.odds)

    def beats(self, other: _Candidate) -> bool:
        """Whether the words that differ make at least twice the sense in this reading."""
        differ = [i for i, word in enumerate(self.words) if word != other.words[i]]
        mine = sum(self.odds[i] for i in differ)
        return sum(other.odds[i] for i in differ) >= max(mine + 1.5, mine * 2)


def decode(data: bytes, name: str, encoding: str | None = None) -> Decoded:
    """Find the encoding of a file's bytes, or take the one told.

    Raises :class:`QuestionError` where several readings are as plausible, and
    :class:`InputError` where the bytes are no text or contradict the encoding told.
    """
    if encoding is not None:
        return _as_told(data, name, encoding)
    for mark, codec in (
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF32_LE, "utf-32-le"),
        (codecs.BOM_UTF32_BE, "utf-32-be"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
    ):
        if data.startswith(mark):
            return _after_mark(data[len(mark) :], name, codec)
    if wide := _utf16_by_nulls(data):
        evidence = "every other byte is null, as in UTF-16 without a byte-order mark"
        return _transcoded(data, name, wide, evidence)
    _refuse_binary(data, name)
    if data.isascii():
        return Decoded(data, "utf-8", "utf-8", "only unaccented letters, which all encodings share")
    if (valid := _valid_utf8(data)) is not None:
        return _utf8(data, valid)
    return _by_words(data, name)


def _as_told(data: bytes, name: str, encoding: str) -> Decoded:
    told = "told with encoding="
    if encoding.lower().startswith(_MIXED):
        return Decoded(_mixed(data, encoding[len(_MIXED) :]), "utf-8", encoding.lower(), told)
    try:
        codec = codecs.lookup(encoding).name
        "a".encode(codec)
    except (LookupError, TypeError, ValueError, UnicodeError) as error:
        raise InputError(
            f"encoding={encoding!r} is not an encoding that is known here. "
            f"Usual ones: utf-8, utf-16, {', '.join(CANDIDATES)}."
        ) from error
    wide = codec.startswith(("utf-16", "utf-32"))
    ascii_compatible = _reads_ascii(codec)
    if wide or not ascii_compatible:
        return _transcoded(data, name, codec, told, shown=encoding)
    data = data.removeprefix(codecs.BOM_UTF8) if codec in ("utf-8", "utf-8-sig") else data
    if codec in ("utf-8", "utf-8-sig") and (valid := _valid_utf8(data)) is not None:
        return replace(_utf8(data, valid), evidence=told)
    codec = "utf-8" if codec == "utf-8-sig" else codec
    _check_decodes(data, name, codec)
    return Decoded(data, codec, encoding, told)


def _reads_ascii(codec: str) -> bool:
    try:
        return bytes(range(128)).decode(codec, "ignore").encode() == bytes(range(128))
    except UnicodeError:  # idna and the like know no "ignore"
        return False


def _after_mark(data: bytes, name: str, codec: str) -> Decoded:
    evidence = "a byte-order mark at the start"
    if codec != "utf-8":
        return _transcoded(data, name, codec, evidence, shown=codec[:6])
    if (valid := _valid_utf8(data)) is not None:
        return replace(_utf8(data, valid), evidence=evidence)
    return _by_words(data, name)


def _utf16_by_nulls(data: bytes) -> str | None:
    head = data[: 64 << 10]
    half = max(len(head) // 2, 1)
    even, odd = head[::2].count(0) / half, head[1::2].count(0) / half
    if odd > 0.4 and even < 0.02:
        return "utf-16-le"
    if even > 0.4 and odd < 0.02:
        return "utf-16-be"
    return None


def _refuse_binary(data: bytes, name: str) -> None:
    head = data[: 256 << 10]
    controls = len(head) - len(head.translate(None, bytes(range(9)) + bytes(range(14, 32))))
    if controls > max(0.02 * len(head), 4):
        raise InputError(
            f"{name} is not a text file: {controls:,} of its first {len(head):,} bytes are "
            "control codes. Export the table as CSV, Excel or Parquet."
        )


def _pieces(data: bytes) -> Iterator[bytes]:
    for start in range(0, len(data), _BLOCK):
        yield data[start : start + _BLOCK]


def _valid_utf8(data: bytes) -> int | None:
    """How many bytes are strictly UTF-8: all, or all but a letter cut at the end."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for piece in _pieces(data):
            decoder.decode(piece)
    except UnicodeDecodeError:
        return None
    pending = len(decoder.getstate()[0])
    return len(data) - pending


def _utf8(data: bytes, valid: int) -> Decoded:
    evidence = "valid UTF-8 throughout, which text in another encoding practically never is"
    if valid == len(data):
        return Decoded(data, "utf-8", "utf-8", evidence)
    cut = "The file ends in the middle of a letter: it was probably cut short."
    return Decoded(data[:valid], "utf-8", "utf-8", evidence, (cut,))


def _transcoded(
    data: bytes, name: str, codec: str, evidence: str, shown: str | None = None
) -> Decoded:
    decoder = codecs.getincrementaldecoder(codec)()
    pieces: list[bytes] = []
    done = 0
    try:
        for piece in _pieces(data):
            pieces.append(decoder.decode(piece).encode("utf-8"))
            done += len(piece)
    except UnicodeError as error:
        raise InputError(
            f"{name} is not text in {shown or codec} (after byte {done:,}: {error}). "
            "Pass encoding= with the right one, or leave it out."
        ) from error
    text = b"".join(pieces).removeprefix(codecs.BOM_UTF8)
    assumptions: tuple[str, ...] = ()
    if decoder.getstate()[0]:
        assumptions = ("The file ends in the middle of a letter: it was probably cut short.",)
    return Decoded(text, "utf-8", shown or codec, evidence, assumptions)


def _check_decodes(data: bytes, name: str, codec: str) -> None:
    decoder = codecs.getincrementaldecoder(codec)()
    line = 1
    for piece in _pieces(data):
        try:
            decoder.decode(piece)
        except UnicodeDecodeError as error:
            # The decoder may have carried a byte or two over from the piece before.
            start = min(error.start, len(piece) - 1)
            line += piece.count(b"\n", 0, start)
            raise InputError(
                f"{name} is not text in {codec}: byte 0x{error.object[error.start]:02X} at line "
                f"{line:,} is none of its letters. Leave encoding= out, or pass another."
            ) from error
        line += piece.count(b"\n")


# -- four old encodings, told apart by their words --------------------------------------------


def _by_words(data: bytes, name: str) -> Decoded:
    words = _accented_words(data)
    best, *others = sorted(_distinct_readings(words), key=lambda c: c.oddness)
    # Sure where the words make sense as a whole, and no other encoding comes near.
    sure = best.oddness <= len(words) and all(best.beats(other) for other in others)
    if not sure:
        raise QuestionError([_encoding_question(name, [best, *others])])
    evidence = _evidence(best, others)
    codec = best.encoding
    if codec.startswith(_MIXED):
        old = codec.removeprefix(_MIXED)
        return Decoded(_mixed(data, old), "utf-8", codec, evidence, (_mixed_sentence(data, old),))
    if unknown := _undefined(data, codec):
        replaced = (
            f"{unknown:,} bytes are no letters in {codec}; each was replaced by "
            "\N{REPLACEMENT CHARACTER}."
        )
        text = b"".join(p.decode(codec, "replace").encode("utf-8") for p in _pieces(data))
        return Decoded(text, "utf-8", codec, evidence, (replaced,))
    return Decoded(data, codec, codec, evidence)


def _accented_words(data: bytes) -> list[bytes]:
    """Distinct words around bytes above 127, each with one byte of context at both ends.

    Of every such byte value up to a hundred occurrences, spread over the whole file.
    """
    import numpy as np

    found = []
    for start in range(0, len(data), _BLOCK):
        block = np.frombuffer(data, np.uint8, min(_BLOCK, len(data) - start), start)
        found.append(np.flatnonzero(block > 127) + start)
    positions = np.concatenate(found)
    values = np.frombuffer(data, np.uint8)[positions]
    order = np.argsort(values, kind="stable")
    words: dict[bytes, None] = {}
    for group in np.split(positions[order], np.flatnonzero(np.diff(values[order])) + 1):
        chosen = np.linspace(0, len(group) - 1, min(len(group), _SAMPLES_PER_BYTE)).astype(int)
        for position in group[chosen].tolist():
            words[_word_at(data, position)] = None
    return list(words)


def _word_at(data: bytes, position: int) -> bytes:
    start, end = position, position + 1
    while start > 0 and position - start < 20 and data[start - 1] in _WORD_BYTES:
        start -= 1
    while end < len(data) and end - position < 20 and data[end] in _WORD_BYTES:
        end += 1
    before = data[start - 1 : start] if start else b"\n"
    after = data[end : end + 1] or b"\n"
    return before + data[start:end] + after


def _distinct_readings(words: Sequence[bytes]) -> list[_Candidate]:
    """Every candidate that reads the words differently from those before it."""
    readings: dict[tuple[str, ...], str] = {}
    for encoding in CANDIDATES:
        readings.setdefault(tuple(w.decode(encoding, "replace") for w in words), encoding)
    for encoding in CANDIDATES:
        decoded = tuple(_mixed(w, encoding).decode("utf-8") for w in words)
        readings.setdefault(decoded, _MIXED + encoding)
    return [
        _Candidate(
            encoding,
            decoded,
            min((_odds(decoded, letters) for letters in _LANGUAGES), key=sum),
        )
        for decoded, encoding in readings.items()
    ]


def _mixed(data: bytes, encoding: str) -> bytes:
    """UTF-8 of a file in which some lines are UTF-8 and others are not."""

    def mend(run: re.Match[bytes]) -> bytes:
        try:
            run[0].decode("utf-8")
            return run[0]
        except UnicodeDecodeError:
            return run[0].decode(encoding, "replace").encode("utf-8")

    return _HIGH_RUN.sub(mend, data)


def _mixed_sentence(data: bytes, encoding: str) -> str:
    lines = [line for line in data.split(b"\n") if not line.isascii()]
    other = sum(_valid_utf8(line) is None for line in lines)
    return (
        f"The file mixes encodings: of {len(lines):,} lines with accents {other:,} are in "
        f"{encoding}, the others in UTF-8. Each was read in its own."
    )


def _undefined(data: bytes, encoding: str) -> int:
    undefined = bytes(b for b in range(128, 256) if not bytes([b]).decode(encoding, "ignore"))
    return len(data) - len(data.translate(None, undefined))


# -- what letters do in words -----------------------------------------------------------------


def _odds(words: Sequence[str], letters: Mapping[str, float]) -> tuple[float, ...]:
    return tuple(word_oddness(word, letters) for word in words)


def word_oddness(word: str, letters: Mapping[str, float]) -> float:
    """How odd the characters above 127 are where they stand, for a language's ``letters``.

    0: as usual as can be; from 3 on: never seen. The first and last character are context.

    >>> word_oddness(" Lefèvre ", FRENCH), word_oddness(" LefÞvre ", FRENCH)
    (0.6, 3.0)
    """
    return sum(_oddness(word, i, letters) for i in range(1, len(word) - 1) if ord(word[i]) > 127)


def _oddness(word: str, i: int, letters: Mapping[str, float]) -> float:
    char, before, after = word[i], word[i - 1], word[i + 1]
    if char == "\ufffd" or ord(char) < 0xA0:
        return 4.0
    if char in _NEVER:
        return 3.0
    if not char.isalpha() or char in "ªº":
        return _symbol_oddness(char, before, after)
    odd = letters.get(char.lower(), 2.0) + _case_oddness(char, before, after)
    if not before.isalpha() and not after.isalpha() and char not in "àÀ":
        odd += 1.5
    # 2ème and 1ère are words; 12é50 is not.
    if after.isdigit() or (before.isdigit() and char not in "éèÉÈ"):
        odd += 2
    if char in "çÇ" and after.lower() not in "aouâãõ":
        odd += 2
    if char in "äöüÄÖÜ" and before.lower() in "aeiou":
        odd += 1.5
    if _THREE_ACCENTS.search(word[max(i - 2, 0) : i + 3]):
        odd += 2
    return min(odd, 3.0)


def _case_oddness(char: str, before: str, after: str) -> float:
    if char.isupper():
        return 3.0 if before.islower() else 2.0 if before.isupper() and after.islower() else 0.0
    # Programs that capitalise plain letters only do write SOCIéTé.
    return 0.3 if before.isupper() and not after.islower() else 0.0


def _symbol_oddness(char: str, before: str, after: str) -> float:
    joined = before.isalpha() and after.isalpha()
    if char in "\xa0\u202f":
        return 0.5 if joined else 0.0
    if char == "’":
        return 0.0 if joined else 0.5 if before.isalpha() else 2.0
    if char in "°º":
        return 0.0 if before.isdigit() or before in "nN" else 1.5
    if char in "€£":
        return 3.0 if joined else 2.0 if before.isalpha() or after.isalpha() else 0.0
    if char in "«“":
        return 2.0 if before.isalpha() else 0.5
    if char in "»”":
        return 2.0 if after.isalpha() else 0.5
    if char in "–—":
        return 2.0 if joined else 0.5
    if char in "²³½¼¾":
        return 0.0 if before.isdigit() or (before == "m" and char in "²³") else 2.0
    if char in "…™®©µ·•‘":
        return 2.0 if joined else 1.5
    return 2.0 if char in "§±×¿¡ª" else 3.0


# -- in words ---------------------------------------------------------------------------------


def _told_apart(candidate: _Candidate, others: Sequence[_Candidate]) -> list[int]:
    """Words that the readings differ in, longest first."""
    differ = [
        i
        for i, word in enumerate(candidate.words)
        if not others or any(other.words[i] != word for other in others)
    ]
    return sorted(differ, key=lambda i: -len(candidate.words[i]))


def _shown(candidate: _Candidate, chosen: Sequence[int]) -> str:
    words = dict.fromkeys(candidate.words[i].strip(' \t\r\n;,|^~"') for i in chosen)
    return ", ".join(f"“{said_text(example(word, 30))}”" for word in list(words)[:3])


def _evidence(best: _Candidate, others: Sequence[_Candidate]) -> str:
    sentence = f"not UTF-8; in {best.encoding} the accents make words: "
    rivals = [other for other in others if not other.encoding.startswith(_MIXED)]
    if not rivals:
        return sentence + _shown(best, _told_apart(best, []))
    rival = max(rivals, key=lambda other: len(_told_apart(best, [other])))
    chosen = _told_apart(best, [rival])[:3]
    return (
        f"{sentence}{_shown(best, chosen)}; in {rival.encoding} these would be "
        f"{_shown(rival, chosen)}"
    )


def _encoding_question(name: str, candidates: list[_Candidate]) -> str:
    best = candidates[0]
    plausible = [c for c in candidates if not best.beats(c)][:4]
    if len(plausible) == 1:
        plausible = candidates[:3]
    chosen = _told_apart(plausible[0], plausible[1:])[:3]
    readings = "; ".join(f"as {c.encoding}: {_shown(c, chosen)}" for c in plausible)
    listed = " or ".join(f'encoding="{c.encoding}"' for c in plausible)
    question = f"{name} can be read in several ways: {readings}. Which is right? Pass {listed}"
    if best.oddness > len(best.words):
        question += ", or another such as cp1250, cp1251 or mac_latin2: none of these looks right"
    return question + "."
