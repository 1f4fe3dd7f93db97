"""Identifiers are checked by their own rules, without a network, each distinct value once."""

import random

import pandas as pd
import phonenumbers
import pytest
from email_validator import EmailNotValidError, validate_email
from hypothesis import given, settings
from hypothesis import strategies as st
from stdnum.eu import vat as stdnum_vat
from stdnum.fr import siret as stdnum_siret

from retention_lib.base import identifiers
from retention_lib.base.identifiers import (
    KINDS,
    check_email,
    check_identifiers,
    check_phone,
    check_siren,
    check_siret,
    check_vat,
    guess_region,
    siren_of,
)
from retention_lib.errors import ChoiceError
from retention_lib.wording import LANGUAGES, Wording, texts

CHECKS = (check_siret, check_siren, check_vat, check_email, check_phone)


@pytest.mark.parametrize(
    "written", ["73282932000074", "732 829 320 00074", " 732.829.320.00074 ", "73282932000074.0"]
)
def test_a_siret_is_the_same_number_however_it_is_spaced(written):
    assert check_siret(written)[:2] == ("valid", "73282932000074")


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("73282932000075", "checksum"),
        ("7328293200007", "length_14"),
        ("00000000000000", "placeholder"),
        ("7,32829E+13", "exponent"),
        ("7328293200007A", "not_digits"),
    ],
)
def test_a_broken_siret_says_what_is_wrong_with_it(written, reason):
    found = check_siret(written)
    assert (found.status, found.reason) == ("invalid", reason)


def test_a_siret_that_lost_its_leading_zero_is_wrong_but_what_was_meant_is_plain():
    # 005 720 784 00015 without its two zeros, as a spreadsheet keeps it: 572078400015.
    assert check_siret("00572078400015").status == "valid"
    found = check_siret("572078400015")
    assert (found.status, found.normal, found.reason) == (
        "invalid",
        "00572078400015",
        "leading_zero",
    )


def test_la_poste_follows_its_own_rule():
    assert check_siret("35600000000048").status == "valid"  # the head office, by Luhn
    assert check_siret("35600000049837").status == "valid"  # digits add up to 55
    assert check_siret("35600000049838").status == "invalid"


@given(st.integers(0, 13), st.integers(1, 9))
def test_no_slip_of_one_digit_in_a_siret_goes_unseen(place, more):
    siret = "73282932000074"
    digit = str((int(siret[place]) + more) % 10)
    assert check_siret(siret[:place] + digit + siret[place + 1 :]).status == "invalid"


@pytest.mark.parametrize(
    ("written", "normal"),
    [
        ("FR 44 732829320", "FR44732829320"),
        ("fr44732829320", "FR44732829320"),
        ("BE 0403.019.261", "BE0403019261"),
        ("DE 136 695 976", "DE136695976"),
        ("ATU13585627", "ATU13585627"),
        ("EL094259216", "EL094259216"),
        ("GB 980 7806 84", "GB980780684"),
    ],
)
def test_vat_numbers_follow_the_rule_of_their_country(written, normal):
    assert check_vat(written)[:2] == ("valid", normal)


def test_a_vat_number_without_its_country_is_wrong_but_a_french_one_is_recognised():
    found = check_vat("44732829320")
    assert (found.status, found.normal, found.reason) == ("invalid", "FR44732829320", "no_country")
    assert check_vat("FR45732829320").reason == "checksum_vat"


def test_siret_and_french_vat_lead_to_the_same_company():
    assert siren_of(siret="73282932000074") == siren_of(vat="FR44732829320") == "732829320"
    assert siren_of(vat="BE0403019261") is None
    assert siren_of(vat="FR83000002121") is None  # Monaco


@pytest.mark.parametrize(
    "written", ["a.b@c.test", "A.B@C.TEST", " mailto:a.b@c.test ", "'a.b@c.test'"]
)
def test_an_email_is_the_same_in_capitals_and_test_domains_are_good(written):
    assert check_email(written)[:2] == ("valid", "a.b@c.test")


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("jean.dupont.fr", "email_no_at"),
        ("jean dupont@b.fr", "email_blank"),
        ("jean@localhost", "email_domain"),
        ("@b.fr", "email_no_name"),
        ("jean@@b.fr", "email_form"),
        ("jean@b..fr", "email_form"),
        ("jean@b.fr; anne@b.fr", "email_several"),
        ("x" * 300 + "@b.fr", "too_long"),
    ],
)
def test_a_broken_email_says_what_is_wrong_with_it(written, reason):
    assert (check_email(written).status, check_email(written).reason) == ("invalid", reason)


def test_the_short_way_for_ordinary_emails_lets_nothing_pass_that_the_library_refuses():
    rng = random.Random(0)
    endings = ("fr", "com", "test", "x", "local", "example", "1a", "invalid", "FR")
    short_ways = 0
    for _ in range(20_000):
        local = "".join(rng.choice("abC1._+-é") for _ in range(rng.randint(1, 10)))
        domain = "".join(rng.choice("aB1c-.") for _ in range(rng.choice((2, 4, 8, 70))))
        text = f"{local}@{domain}.{rng.choice(endings)}"
        if identifiers._ORDINARY_EMAIL.fullmatch(text):
            short_ways += 1
            try:
                known = validate_email(text, check_deliverability=False, test_environment=True)
            except EmailNotValidError as error:
                raise AssertionError(text) from error
            assert known.normalized.casefold() == check_email(text).normal
    assert short_ways > 1000


@pytest.mark.parametrize(
    "written",
    ["01 23 45 67 89", "01.23.45.67.89", "+33 1 23 45 67 89", "0033123456789",
     "+33 (0)1 23 45 67 89", "123456789", "Tél : 01 23 45 67 89", "123456789.0"],
)  # fmt: skip
def test_a_telephone_is_the_same_number_however_it_is_written(written):
    assert check_phone(written)[:2] == ("valid", "+33123456789")


@pytest.mark.parametrize(
    ("written", "normal", "reason"),
    [
        ("01 23 45 67 8", None, "phone_length"),
        ("00 00 00 00 00", None, "placeholder"),
        ("à demander", None, "phone_form"),
        ("O1 23 45 67 89", "+33123456789", "phone_letters"),
        ("01 23 45 67 89 / 06 12 34 56 78", "+33123456789", "phone_several"),
    ],
)
def test_a_broken_telephone_says_what_is_wrong_and_what_was_meant(written, normal, reason):
    assert check_phone(written)[:3] == ("invalid", normal, reason)


def test_the_short_ways_for_ordinary_numbers_agree_with_the_libraries():
    rng = random.Random(0)
    for _ in range(2000):
        number = f"0{rng.randint(100_000_000, 999_999_999)}"
        known = phonenumbers.is_valid_number(phonenumbers.parse(number, "FR"))
        known |= number.startswith("063998")
        assert (check_phone(number).status == "valid") == known, number
    for _ in range(2000):
        digits = f"{rng.randint(0, 10**14 - 1):014d}"
        assert (check_siret(digits).status == "valid") == stdnum_siret.is_valid(digits)
        siren = f"{rng.randint(10**8, 10**9 - 1)}"
        for key in (f"{(12 + 3 * int(siren)) % 97:02d}", "K7", f"{rng.randint(0, 99):02d}"):
            number = f"FR{key}{siren}"
            assert (check_vat(number).status == "valid") == stdnum_vat.is_valid(number)


def test_numbers_kept_for_fiction_are_taken_as_good():
    assert check_phone("06 39 98 12 34").status == "valid"
    assert check_phone("01 99 00 12 34").status == "valid"


def test_the_country_of_the_telephones_is_read_from_the_numbers_not_from_the_language():
    french = [f"01 45 67 {i:02d} {i + 1:02d}" for i in range(40)]
    british = [f"020 7946 {i:04d}" for i in range(40)]
    for language in LANGUAGES:
        assert guess_region([*french, "01 23"], language=language) == "FR"
        assert guess_region(british, language=language) == "GB"
    assert guess_region([], language="en") == "FR"


@pytest.mark.parametrize("nothing", ["", "  ", "-", "N/A", "néant", "NC", "null", "0"])
def test_what_stands_for_nothing_is_empty_and_not_wrong(nothing):
    assert [check(nothing).status for check in CHECKS] == ["empty"] * 5


def test_a_column_keeps_its_order_and_index_and_missing_values_are_empty():
    column = pd.Series(["123", None, "732 829 320 00074", float("nan"), "123"], index=list("abcde"))
    found = check_identifiers(column, "siret")
    assert found.index.tolist() == list("abcde")
    assert found["status"].tolist() == ["invalid", "empty", "valid", "empty", "invalid"]
    assert found["normal"]["c"] == "73282932000074"
    assert found["reason"]["a"] == "3 digits instead of 14"


def test_each_distinct_value_is_checked_once(monkeypatch):
    seen = []
    monkeypatch.setitem(
        identifiers._CHECKS, "siret", lambda text: seen.append(text) or identifiers.EMPTY
    )
    check_identifiers(["1", "2", "1", None, "2"] * 100, "siret")
    assert seen == ["1", "2"]


def test_reasons_are_said_in_the_language_of_the_base():
    found = check_identifiers(["7328293200007"], "siret", wording=Wording("fr"))
    assert found["reason"].tolist() == ["13 chiffres au lieu de 14"]


def test_an_unknown_kind_lists_the_kinds():
    with pytest.raises(ChoiceError, match="'siret', 'siren', 'vat', 'email', 'phone'; got 'iban'"):
        check_identifiers(["x"], "iban")  # type: ignore[arg-type]


hostile = st.one_of(
    st.text(max_size=40),
    st.text(alphabet="0123456789 .+-@/()eE", max_size=30),
    st.sampled_from(["=cmd|'/C calc'!A0", "<script>x</script>", "\x00", "🙂" * 50, "9" * 10_000]),
)


@settings(max_examples=150, deadline=None)
@given(hostile)
def test_no_text_whatever_breaks_a_check(text):
    for check in CHECKS:
        found = check(text)
        assert found.status in ("valid", "invalid", "empty")
        assert bool(found.reason) == (found.status == "invalid")
        for language in LANGUAGES:
            assert "{" not in found.why(Wording(language))
        if found.normal:
            assert check(found.normal)[:2] == ("valid", found.normal)


def test_every_reason_has_its_words():
    said = {key for key in texts() if key.startswith("quality.identifier.")}
    assert all(set(texts()[key]) == {"en", "fr"} for key in said)
    assert len(KINDS) == 5
