"""Numbers and addresses that say who somebody is: SIRET, SIREN, VAT, e-mail, telephone.

Each value is valid, invalid or empty; with it come the form under which two ways of writing the
same thing are equal, and the reason in words. Nothing is looked up on a network: a valid number
is well formed, which is not to say that the company still exists.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import cache, partial
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, get_args

import numpy as np

from retention_lib.errors import ChoiceError
from retention_lib.wording import Language, Wording

if TYPE_CHECKING:
    import pandas as pd

IdentifierKind = Literal["siret", "siren", "vat", "email", "phone"]
Status = Literal["valid", "invalid", "empty"]
KINDS: tuple[IdentifierKind, ...] = get_args(IdentifierKind)

# What people type into a field that they must not leave empty.
_NOTHING_WORDS = """
- -- . / ? 0 x xx xxx na n/a n.a. nan nc n.c. nd nil none null unknown aucun aucune inconnu néant
neant sans
"""
_NOTHING = frozenset(_NOTHING_WORDS.split())
_LONGEST = 254  # the longest e-mail address there may be; no identifier is longer
# The national authority keeps these for films and novels, so phonenumbers does not know them.
_FICTIONAL_MOBILES = "+3363998"


class Identifier(NamedTuple):
    """What a check found about one value.

    ``normal`` is the form to compare by: given where the value is valid, and where it is not but
    what was meant is plain (a leading zero that a spreadsheet took off). ``reason`` is the code
    of the sentence ``quality.identifier.<reason>``, empty where nothing is wrong; ``figure`` goes
    into that sentence.
    """

    status: Status
    normal: str | None = None
    reason: str = ""
    figure: int = 0

    def why(self, wording: Wording) -> str:
        """The reason in words; an empty text where nothing is wrong."""
        if not self.reason:
            return ""
        return wording.say(f"quality.identifier.{self.reason}", figure=self.figure)


EMPTY = Identifier("empty")


def check_siret(value: str) -> Identifier:
    """Check a French establishment number: 14 digits with a check digit (Luhn).

    The establishments of La Poste follow a rule of their own: digits that add up to a multiple
    of five. Pass text: as a number, a SIRET loses its leading zeros.

    >>> check_siret("732 829 320 00074")
    Identifier(status='valid', normal='73282932000074', reason='', figure=0)
    >>> check_siret("73282932000075").reason
    'checksum'
    """
    from stdnum.fr import siret

    def is_valid(digits: str) -> bool:
        # La Poste and what is wrong are left to the library; the rest is settled here.
        return (_luhn(digits) and _luhn(digits[:9])) or bool(siret.is_valid(digits))

    return _numbered(value, 14, is_valid)


def check_siren(value: str) -> Identifier:
    """Check a French company number: 9 digits with a check digit (Luhn).

    >>> check_siren("732 829 320").normal
    '732829320'
    """
    from stdnum.fr import siren

    return _numbered(value, 9, siren.is_valid)


_DOUBLED = {str(digit): sum(divmod(2 * digit, 10)) for digit in range(10)}


def _luhn(digits: str) -> bool:
    """Whether the last digit is the right check digit (Luhn); in a tenth of the library's time."""
    single, doubled = digits[::-2], digits[-2::-2]
    return (sum(map(int, single)) + sum(map(_DOUBLED.__getitem__, doubled))) % 10 == 0


def _numbered(value: str, length: int, is_valid: Callable[[str], bool]) -> Identifier:
    text = _plain(value)
    if not text:
        return EMPTY
    if re.fullmatch(r"\d[.,]?\d*E\+?\d+", text, re.IGNORECASE):
        return Identifier("invalid", reason="exponent")
    digits = re.sub(r"[\s.\-_/]", "", re.sub(r"\.0+$", "", text))
    if not re.fullmatch("[0-9]+", digits):
        return Identifier("invalid", reason="not_digits")
    if len(set(digits)) == 1:
        # Fourteen zeros have a right check digit and are nobody's number.
        return Identifier("invalid", reason="placeholder")
    if len(digits) == length:
        return Identifier("valid", digits) if is_valid(digits) else _wrong_sum(digits)
    padded = digits.zfill(length)
    if length - 2 <= len(digits) < length and is_valid(padded):
        return Identifier("invalid", padded, "leading_zero", length - len(digits))
    return Identifier("invalid", reason=f"length_{length}", figure=len(digits))


def _wrong_sum(digits: str) -> Identifier:
    return Identifier("invalid", reason="checksum", figure=len(digits))


# Number checkers of neighbours that are not in the European Union, or no longer.
_NEIGHBOURS = {"GB": "stdnum.gb.vat", "CH": "stdnum.ch.vat", "NO": "stdnum.no.mva"}


def check_vat(value: str) -> Identifier:
    """Check a VAT number by the rules of its country, without asking any register.

    European Union, Northern Ireland, Great Britain, Switzerland and Norway. The number has to
    begin with its country.

    >>> check_vat("FR 44 732 829 320").normal
    'FR44732829320'
    >>> check_vat("FR 45 732829320").reason
    'checksum_vat'
    """
    from stdnum.eu import vat
    from stdnum.exceptions import ValidationError

    text = re.sub(r"[\s.\-_/]", "", _plain(value)).upper()
    if not text:
        return EMPTY
    if re.fullmatch("[0-9]{11}", text):
        # Eleven digits are a French number without its FR, or nothing we know.
        french = check_vat(f"FR{text}")
        return Identifier("invalid", french.normal, "no_country")
    if _is_french_vat(text):
        return Identifier("valid", text)
    if text[:2] not in _NEIGHBOURS and text[:2].lower() not in {*vat.MEMBER_STATES, "el"}:
        return Identifier("invalid", reason="no_country")
    try:
        if text[:2] in _NEIGHBOURS:
            return Identifier("valid", _neighbour_vat(text))
        return Identifier("valid", vat.validate(text))
    except ValidationError:
        return Identifier("invalid", reason="checksum_vat")


def _is_french_vat(text: str) -> bool:
    """Whether it is an ordinary French number; not every good one is."""
    if not re.fullmatch("FR[0-9]{11}", text) or text[4:7] == "000":
        return False
    # The key is that of the SIREN: (12 + 3 x SIREN) modulo 97.
    return int(text[2:4]) == (12 + 3 * int(text[4:])) % 97 and _luhn(text[4:])


def _neighbour_vat(text: str) -> str:
    from importlib import import_module

    number = str(import_module(_NEIGHBOURS[text[:2]]).validate(text))
    return number if number.startswith(text[:2]) else text[:2] + number


def siren_of(siret: str | None = None, vat: str | None = None) -> str | None:
    """The company behind a valid, normalised SIRET or French VAT number.

    Numbers of Monaco look French but hold no SIREN.

    >>> siren_of(vat="FR44732829320")
    '732829320'
    """
    if siret:
        return siret[:9]
    if vat and vat.startswith("FR") and not vat[4:].startswith("000"):
        return vat[4:]
    return None


def check_email(value: str) -> Identifier:
    """Check how an e-mail address is written; nobody is asked whether it exists.

    Test domains (``.test``, ``.example``) are taken as good. Upper and lower case are equal.

    >>> check_email("Jean.Dupont@Example.com").normal
    'jean.dupont@example.com'
    >>> check_email("jean.dupont.example.com").reason
    'email_no_at'
    """
    text = re.sub(r"^mailto:", "", _plain(value), flags=re.IGNORECASE)
    if not text:
        return EMPTY
    if len(text) > _LONGEST:
        return Identifier("invalid", reason="too_long", figure=len(text))
    if _ORDINARY_EMAIL.fullmatch(text):
        return Identifier("valid", text.casefold())
    return _unusual_email(text)


# Nine addresses in ten: what the library would let pass, in a hundredth of its time. The endings
# left out are those it treats apart.
_ORDINARY_EMAIL = re.compile(
    r"[a-z0-9_+-]{1,20}(?:\.[a-z0-9_+-]{1,20}){0,2}"
    r"@(?:(?=[a-z0-9-]{1,63}\.)[a-z0-9]+(?:-[a-z0-9]+)*\.){1,3}"
    r"(?!arpa|invalid|local|onion|test)[a-z]{2,10}",
    re.IGNORECASE | re.ASCII,
)


def _unusual_email(text: str) -> Identifier:
    from email_validator import EmailNotValidError, validate_email

    parts = [part for part in re.split(r"[\s;,|<>()]+", text) if "@" in part]
    if len(parts) > 1:
        found = (check_email(part) for part in parts)
        return Identifier("invalid", _first_normal(found), "email_several", len(parts))
    try:
        checked = validate_email(text, check_deliverability=False, test_environment=True)
    except EmailNotValidError:
        return Identifier("invalid", reason=_email_reason(text))
    return Identifier("valid", checked.normalized.casefold())


def _email_reason(text: str) -> str:
    name, at, domain = text.rpartition("@")
    if not at:
        return "email_no_at"
    if re.search(r"\s", text):
        return "email_blank"
    if "." not in domain.strip("."):
        return "email_domain"
    return "email_form" if name else "email_no_name"


def check_phone(value: str, *, region: str = "FR") -> Identifier:
    """Check a telephone number; ``region`` (two letters) is where one without a prefix rings.

    The normal form is the international one, E.164.

    >>> check_phone("01 23 45 67 89").normal
    '+33123456789'
    >>> check_phone("020 7946 0018", region="GB").normal
    '+442079460018'
    """
    text = _plain(value)
    if not text:
        return EMPTY
    if region == "FR" and _ORDINARY_PHONE.fullmatch(text):
        national = _digits(text)[-9:]
        if len(set(national)) > 1 and _french_numbers().fullmatch(national):
            return Identifier("valid", f"+33{national}")
    if len(text) > _LONGEST:
        return Identifier("invalid", reason="too_long", figure=len(text))
    parts = [part for part in re.split(r"[/;|,]|\bou\b|\bor\b", text) if len(_digits(part)) >= 8]
    if len(parts) > 1:
        found = (check_phone(part, region=region) for part in parts)
        return Identifier("invalid", _first_normal(found), "phone_several", len(parts))
    if len(set(_digits(text)[-9:])) == 1:
        return Identifier("invalid", reason="placeholder")
    if any(sign.isalpha() for sign in _AROUND_PHONE.sub("", text)):
        return _with_letters(text, region)
    return _dialled(text, region)


_ORDINARY_PHONE = re.compile(r"(?:(?:\+|00)33 ?|0)[1-9](?:[ .-]?[0-9]{2}){4}")


@cache
def _french_numbers() -> re.Pattern[str]:
    """What the library's own tables take for a French number, without its long way there."""
    from phonenumbers import PhoneMetadata

    france: Any = PhoneMetadata.metadata_for_region("FR")
    kinds = ("fixed_line", "mobile", "toll_free", "premium_rate", "shared_cost", "voip", "uan")
    known = [getattr(france, kind) for kind in kinds]
    patterns = [kind.national_number_pattern for kind in known if kind is not None]
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns if pattern))


# What is written around a number; elsewhere a letter is a slip, O for 0.
_AROUND_PHONE = re.compile(
    r"^\W*(?:t[ée]l|phone|mob|portable|fax|standard)\w*|(?:poste|ext\w*|x)\W*\d+\W*$", re.IGNORECASE
)


def _with_letters(text: str, region: str) -> Identifier:
    mended = _dialled(text.translate(str.maketrans("OoIlS", "00115")), region)
    digits = len(_digits(text))
    if not digits:
        return Identifier("invalid", reason="phone_form")
    return Identifier("invalid", mended.normal, "phone_letters")


def _dialled(text: str, region: str) -> Identifier:
    import phonenumbers

    try:
        number = phonenumbers.parse(re.sub(r"\.0$", "", text), region)
    except phonenumbers.NumberParseException:
        return Identifier("invalid", reason="phone_form")
    normal = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    if phonenumbers.is_valid_number(number) or normal.startswith(_FICTIONAL_MOBILES):
        return Identifier("valid", normal)
    return Identifier("invalid", reason="phone_length", figure=len(_digits(text)))


def _first_normal(found: Iterable[Identifier]) -> str | None:
    return next((one.normal for one in found if one.normal), None)


def _digits(text: str) -> str:
    return re.sub(r"\D", "", text)


def _plain(value: str) -> str:
    """The text without blanks around it; empty for what only stands for nothing."""
    text = value.strip().strip("'\"\u200b\ufeff").strip()
    return "" if text.casefold() in _NOTHING else text


_CHECKS: dict[IdentifierKind, Callable[[str], Identifier]] = {
    "siret": check_siret,
    "siren": check_siren,
    "vat": check_vat,
    "email": check_email,
    "phone": check_phone,
}


def check_identifiers(
    values: Iterable[Any],
    kind: IdentifierKind,
    *,
    region: str = "FR",
    wording: Wording | None = None,
) -> pd.DataFrame:
    """Check a whole column of identifiers, each distinct value once.

    Gives one row a value, in the order and with the index of ``values``: ``value`` (text),
    ``status`` (valid, invalid, empty), ``normal`` (the form to compare by, or missing) and
    ``reason`` (in words, empty where nothing is wrong). ``region`` is for telephones only.

    Raises ``ChoiceError`` for another kind.

    >>> check_identifiers(["732 829 320 00074", None, "123"], "siret")["status"].tolist()
    ['valid', 'empty', 'invalid']
    """
    import pandas as pd

    if kind not in KINDS:
        raise ChoiceError("kind", kind, KINDS)
    series = values if isinstance(values, pd.Series) else pd.Series(list(values), dtype=object)
    check = partial(check_phone, region=region) if kind == "phone" else _CHECKS[kind]
    codes, distinct = pd.factorize(series.astype(object))
    # A missing value has the code -1, which is the last place.
    found = [*(check(str(value)) for value in distinct), EMPTY]
    said = wording or Wording()
    return pd.DataFrame(
        {
            "value": series,
            "status": _spread([one.status for one in found], codes),
            "normal": _spread([one.normal for one in found], codes),
            "reason": _spread([one.why(said) for one in found], codes),
        },
        index=series.index,
    )


def _spread(distinct: list[Any], codes: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    spread: np.ndarray[Any, Any] = np.array(distinct, dtype=object)[codes]
    return spread


_REGIONS: dict[Language, tuple[str, ...]] = {
    "fr": ("FR", "BE", "CH", "LU", "CA", "GB", "DE"),
    "en": ("FR", "GB", "US", "IE", "DE", "BE", "CH", "ES", "IT", "NL"),
}


def guess_region(values: Iterable[Any], *, language: Language = "fr") -> str:
    """The country in which most telephone numbers of a column are valid, from 300 of them.

    Numbers seldom carry their country, and the language of the base does not settle it: a French
    file may well be read in English. ``"FR"`` where the numbers do not tell.

    >>> guess_region(["020 7946 0018", "0117 496 0123"], language="en")
    'GB'
    """
    import pandas as pd

    distinct = pd.Series(list(values), dtype=object).dropna().unique()
    step = max(1, len(distinct) // 300)
    sample = [str(value) for value in distinct[::step] if not str(value).strip().startswith("+")]

    def valid(region: str) -> int:
        return sum(check_phone(value, region=region).status == "valid" for value in sample)

    counts = {region: valid(region) for region in _REGIONS[language]}
    # Some countries let any number of digits pass; the order is the prior, and it takes a clear
    # lead to overrule it.
    enough = max(counts.values()) - len(sample) / 10
    return next(region for region, count in counts.items() if count >= enough)
