"""How the library speaks: money, percentages, dates and sentences, in English and French.

Every sentence that a user reads lives in ``texts/<room>.toml``, one entry a sentence with an
``en`` and a ``fr`` form, so that no code has to know the language and a test can list what is
not translated. In a template ``{rows}`` is replaced by the value (whole numbers get the
thousands mark of the language) and ``[rows:row|rows]`` by the word in the right number.
"""

from __future__ import annotations

import html
import os
import re
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from importlib.resources import files
from typing import Any, Literal

from babel import Locale
from babel.dates import format_date
from babel.numbers import format_currency, format_decimal, get_currency_symbol

from retention_lib.errors import ChoiceError, InputError

Language = Literal["en", "fr"]
LANGUAGES: tuple[Language, ...] = ("en", "fr")
# British English: a day before its month, as everywhere outside the United States.
_LOCALES: dict[str, str] = {"en": "en_GB", "fr": "fr_FR"}
# Such a figure is a fault of the data; it is shown as it stands.
_TOO_LARGE = 1e18
_PLURAL = re.compile(r"\[(\w+):([^|\]]*)\|([^\]]*)\]")
# The French plural begins at two: 1,8 heure, but 2,1 heures.
_BELOW_TWO = re.compile(
    r"(?<![\w,.\u202f\xa0-])([01](?:,\d+)?[ \xa0](?:an|client|heure|jour|point|semaine))s\b"
)


LANGUAGE_VARIABLE = "RETENTION_LANGUAGE"
_spoken: list[Language] = []


def speak(language: Language | None) -> None:
    r"""Say everything in that language from now on, whatever the workbook's own is.

    ``en`` or ``fr``; ``None`` goes back to what each workbook says. Results made before keep
    the language they were made in.

    Raises ``ChoiceError`` where the language is another one.

    >>> speak("fr")
    >>> Wording().percent(0.5).replace("\xa0", " ")
    '50,0 %'
    >>> speak(None)
    """
    if language is not None and language not in LANGUAGES:
        raise ChoiceError("language", language, LANGUAGES)
    _spoken[:] = [] if language is None else [language]


def told_to_speak() -> Language | None:
    """What :func:`speak` was told last, to go back to it."""
    return _spoken[0] if _spoken else None


def spoken(otherwise: str = "en") -> Language:
    """The language to speak: told by :func:`speak`, by ``RETENTION_LANGUAGE``, else ``otherwise``.

    What is no language of the workbook counts as English.

    >>> spoken("fr")
    'fr'
    """
    if _spoken:
        return _spoken[0]
    told = os.environ.get(LANGUAGE_VARIABLE) or otherwise
    return "fr" if told == "fr" else "en"


@cache
def texts() -> dict[str, dict[str, str]]:
    """All entries of ``texts/*.toml``: key to ``{"en": …, "fr": …}``."""
    entries: dict[str, dict[str, str]] = {}
    for file in sorted(files("retention_lib").joinpath("texts").iterdir(), key=lambda f: f.name):
        if file.name.endswith(".toml"):
            entries.update(_flatten(tomllib.loads(file.read_text("utf-8"))))
    return entries


def _flatten(tree: dict[str, Any], prefix: str = "") -> dict[str, dict[str, str]]:
    flat: dict[str, dict[str, str]] = {}
    for key, value in tree.items():
        if "en" in value and isinstance(value["en"], str):
            flat[prefix + key] = value
        else:
            flat.update(_flatten(value, f"{prefix}{key}."))
    return flat


class Sentence(str):
    """A sentence to say in the meeting: a text that a notebook shows as one, not as code."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        return f"<p><strong>{html.escape(self)}</strong></p>"


def with_minus(said: str) -> str:
    """Figures as a sentence writes them: with a minus sign, not a hyphen.

    >>> with_minus("-12 %")
    '−12 %'
    """
    return said.replace("-", "−")


def _rounded(value: float, decimals: int) -> Decimal:
    """Half up, as everybody rounds who is not a statistician; never minus nothing.

    >>> _rounded(2.5, 0), _rounded(-0.4, 0)
    (Decimal('3'), Decimal('0'))
    """
    exact = Decimal(repr(float(value)))
    return exact.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP) + 0


@dataclass(frozen=True)
class Wording:
    r"""The language and the currency in which something is said.

    ``currency`` is a code of ISO 4217 such as ``EUR``; empty where nobody knows.

    >>> Wording("en", "EUR").money(1234.5)
    '€1,235'
    >>> Wording("fr", "EUR").money(1234.5).replace("\u202f", " ").replace("\xa0", " ")
    '1 235 €'
    >>> Wording("fr").percent(0.125).replace("\xa0", " ").replace("\u202f", " ")
    '12,5 %'
    """

    language: Language = field(default_factory=spoken)
    currency: str = "EUR"

    def __post_init__(self) -> None:
        if self.language not in LANGUAGES:
            raise ChoiceError("language", self.language, LANGUAGES)
        if self.currency and not re.fullmatch("[A-Z]{3}", self.currency):
            raise InputError(
                f"currency is a code of three letters such as EUR, or empty where it is not "
                f"known; got {self.currency!r}."
            )

    @property
    def _locale(self) -> str:
        return _LOCALES[self.language]

    def number(self, value: float, *, decimals: int = 0) -> str:
        """A number with the marks of the language; an empty text where it is missing."""
        if value != value:  # NaN
            return ""
        if abs(value) >= _TOO_LARGE:
            return f"{float(value):.3g}"
        pattern = "#,##0" + ("." + "0" * decimals if decimals else "")
        return format_decimal(_rounded(value, decimals), format=pattern, locale=self._locale)

    def percent(self, share: float, *, decimals: int = 1) -> str:
        """A share of 1 as a percentage: 0.125 is 12.5 %.

        What is not nothing is never shown as 0.0 %, nor what is not all as 100.0 %.
        """
        if share != share:
            return ""
        space = "\xa0" if self.language == "fr" else " "
        smallest = 10 ** -(decimals + 2)
        if 0 < share < smallest / 2:
            return f"<{space}{self.number(smallest * 100, decimals=decimals)}{space}%"
        if 1 - smallest / 2 <= share < 1:
            return f">{space}{self.number((1 - smallest) * 100, decimals=decimals)}{space}%"
        return self.number(share * 100, decimals=decimals) + space + "%"

    def money(self, value: float, *, decimals: int = 0) -> str:
        """An amount in the base's currency, to whole units unless ``decimals`` says more.

        Where the currency is not known the bare number: a wrong sign would be a wrong figure.
        """
        if value != value:
            return ""
        if not self.currency or abs(value) >= _TOO_LARGE:
            return self.number(value, decimals=decimals)
        digits = "#,##0" + ("." + "0" * decimals if decimals else "")
        pattern = f"{digits}\xa0¤" if self.language == "fr" else f"¤{digits}"
        return format_currency(
            _rounded(value, decimals),
            self.currency,
            pattern,
            locale=self._locale,
            currency_digits=False,
        )

    @property
    def currency_symbol(self) -> str:
        """The sign of the currency, for the axis of a chart; empty where it is not known."""
        if not self.currency:
            return ""
        return str(get_currency_symbol(self.currency, locale=self._locale))

    def month(self, day: date) -> str:
        """The month of a date as one says it: December 2025."""
        return format_date(day, format="MMMM y", locale=self._locale)

    def short_month(self, day: date) -> str:
        """The month of a date for the axis of a chart: Dec 2025."""
        return format_date(day, format="MMM y", locale=self._locale)

    def date(self, day: date) -> str:
        """A date as one says it: 31 December 2025, and in French 1er janvier."""
        said = format_date(day, format="d MMMM y", locale=self._locale)
        return said.replace("1 ", "1er ", 1) if self.language == "fr" and day.day == 1 else said

    def say(self, key: str, **values: object) -> str:
        """The sentence of that key, with its values put in.

        Whole numbers are written with the thousands mark of the language; give anything else
        as text, already formatted by :meth:`money`, :meth:`percent` or :meth:`number`.
        Raises ``KeyError`` where the key is unknown: that is a fault of the library.
        """
        template = texts()[key][self.language]
        template = _PLURAL.sub(lambda match: self._plural(match, values), template)
        said = template.format(**{name: self._shown(value) for name, value in values.items()})
        return _BELOW_TWO.sub(r"\1", said) if self.language == "fr" else said

    def has(self, key: str) -> bool:
        """Whether the texts know that key."""
        return key in texts()

    def label(self, name: str) -> str:
        """The heading of a result's column; the name itself in words where none is given."""
        key = f"column.{name}"
        return self.say(key) if key in texts() else name.replace("_", " ")

    def table(self, name: str) -> str:
        """What a table is called; in French with the name to type beside it where they differ.

        >>> Wording("fr").table("customers"), Wording("en").table("customers")
        ('clients (customers)', 'customers')
        """
        key = f"name.table.{name}"
        said = self.say(key) if self.has(key) else name
        return said if said == name else f"{said} ({name})"

    def _plural(self, match: re.Match[str], values: dict[str, object]) -> str:
        name, one, many = match.groups()
        rule: Callable[[float], str] = Locale.parse(self._locale).plural_form
        count = values[name]
        if not isinstance(count, int | float):
            raise TypeError(f"the plural of {name!r} needs a number, got {count!r}")
        return one if rule(abs(count)) == "one" else many

    def _shown(self, value: object) -> str:
        if isinstance(value, bool) or not isinstance(value, int):
            return str(value)
        return self.number(value)

    def listing(self, items: Sequence[object]) -> str:
        """Items as a sentence lists them: a, b and c."""
        words = [str(item) for item in items]
        if len(words) < 2:
            return "".join(words)
        joined = ", ".join(words[:-1])
        return f"{joined} {'et' if self.language == 'fr' else 'and'} {words[-1]}"


# A cell that begins like this is a formula to Excel, LibreOffice and Google Sheets; the wide signs
# of Japanese keyboards count, and blanks or marks nobody sees before the sign are passed over.
_UNSEEN = r"\s\x00-\x1f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff"
_SIGN = r"[=+\-@\uff1d\uff0b\uff0d\uff20]"
_FORMULA = re.compile(rf"[{_UNSEEN}]*{_SIGN}|[\t\r\n]")
# A French Excel takes a file with commas apart at semicolons, an English one the other way round,
# and neither heeds quotes that do not begin a cell: what follows such a mark begins a cell as well.
_CELL_WITHIN = re.compile(rf"[;,\r\n](?=(?P<begun>[{_UNSEEN}\"]*{_SIGN}[^;,\r\n]*))")
_MADE_SAFE = re.compile(rf"([;,\r\n])'(?=[{_UNSEEN}\"]*{_SIGN})")
_PLAIN_NUMBER = re.compile(r"[-+]?[\d\s.,\u00a0\u202f]*\d\s*[€$£%]?")


def safe_cell(value: object) -> object:
    """A value that a spreadsheet shows as it is and never runs as a formula.

    Texts that begin like a formula get a leading apostrophe, and so does what begins like one
    after a ``;``, a ``,`` or a new line, where the spreadsheet of another country would begin a
    cell. Plain negative numbers stay.

    >>> safe_cell("=HYPERLINK(1)")
    "'=HYPERLINK(1)"
    >>> safe_cell("-12,50")
    '-12,50'
    >>> safe_cell("Shop;=HYPERLINK(1)")
    "Shop;'=HYPERLINK(1)"
    """
    if not isinstance(value, str) or _PLAIN_NUMBER.fullmatch(value):
        return value
    within = _CELL_WITHIN.sub(_guarded, value)
    return "'" + within if _FORMULA.match(value) else within


def _guarded(found: re.Match[str]) -> str:
    plain = _PLAIN_NUMBER.fullmatch(found["begun"].strip())
    return found[0] if plain else found[0] + "'"


def unsafe_cell(value: str) -> str:
    """Undo :func:`safe_cell`, for a file that comes back mended.

    >>> unsafe_cell("'=HYPERLINK(1)")
    '=HYPERLINK(1)'
    """
    value = _MADE_SAFE.sub(r"\1", value)
    return value[1:] if value[:1] == "'" and _FORMULA.match(value[1:]) else value
