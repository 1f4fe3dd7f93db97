"""How the library speaks: both languages, the same facts, nothing a spreadsheet could run."""

import re
import tomllib
from datetime import date
from importlib.resources import files

import pytest

from retention_lib import wording
from retention_lib.errors import ChoiceError
from retention_lib.wording import LANGUAGES, Wording, safe_cell, texts, unsafe_cell

PLURAL = re.compile(r"\[(\w+):([^|\]]*)\|([^\]]*)\]")
PLACEHOLDER = re.compile(r"\{(\w+)\}")
ENGLISH_ONLY = re.compile(r"\b(the|and|with|customers?|rows?|of)\b", re.IGNORECASE)


def plain(text):
    return text.replace("\u202f", " ").replace("\xa0", " ")


def words_of(template):
    """A template without the names of its values: only what a reader sees."""
    return PLACEHOLDER.sub("", PLURAL.sub(lambda m: f"{m[2]} {m[3]}", template))


def values_of(template):
    """The values that stand in the sentence, and those that decide a plural."""
    shown = PLACEHOLDER.findall(PLURAL.sub(lambda m: m[2] + m[3], template))
    return set(shown), {m[1] for m in PLURAL.finditer(template)}


def test_every_text_is_there_in_both_languages():
    assert texts()
    wrong = [
        key
        for key, said in texts().items()
        if set(said) != set(LANGUAGES) or not all(s.strip() == s != "" for s in said.values())
    ]
    assert not wrong


def test_both_languages_say_the_same_values():
    wrong = []
    for key, said in texts().items():
        (english, en_plurals), (french, fr_plurals) = (values_of(said[lang]) for lang in LANGUAGES)
        # A value may be left out of the words where it only decides between two of them.
        if (english ^ french) - (en_plurals & fr_plurals):
            wrong.append(key)
    assert not wrong


def test_every_text_can_be_said_for_none_one_and_many():
    for key, said in texts().items():
        for language in LANGUAGES:
            values, plurals = values_of(said[language])
            for count in (0, 1, 2):
                given = dict.fromkeys(values, "x") | dict.fromkeys(plurals, count)
                told = Wording(language).say(key, **given)
                assert not re.search(r"\{\w|\[\w+:", told), (key, told)


def test_french_texts_are_not_left_in_english():
    left = [key for key, said in texts().items() if ENGLISH_ONLY.search(words_of(said["fr"]))]
    assert not left


def test_nobody_uses_the_same_key_in_two_files():
    seen: dict[str, str] = {}
    for file in files("retention_lib").joinpath("texts").iterdir():
        if file.name.endswith(".toml"):
            for key in wording._flatten(tomllib.loads(file.read_text("utf-8"))):
                assert key not in seen, f"{key} is in {seen.get(key)} and in {file.name}"
                seen[key] = file.name


@pytest.mark.parametrize(
    ("language", "currency", "said"),
    [
        ("en", "EUR", "€1,234,568"),
        ("fr", "EUR", "1 234 568 €"),
        ("en", "GBP", "£1,234,568"),
        ("en", "USD", "US$1,234,568"),
        ("fr", "USD", "1 234 568 $US"),
    ],
)
def test_money_is_written_as_its_language_does(language, currency, said):
    assert plain(Wording(language, currency).money(1234567.89)) == said


def test_money_may_show_cents_and_negative_amounts():
    assert Wording("en").money(-12.5, decimals=2) == "-€12.50"
    assert plain(Wording("fr").money(-12.5, decimals=2)) == "-12,50 €"


def test_percentages_and_numbers_are_written_as_their_language_does():
    assert Wording("en").percent(0.125) == "12.5 %"
    assert plain(Wording("fr").percent(0.125)) == "12,5 %"
    assert Wording("en").percent(1, decimals=0) == "100 %"
    assert Wording("en").number(1234.5, decimals=2) == "1,234.50"
    assert plain(Wording("fr").number(1234.5, decimals=2)) == "1 234,50"


def test_a_missing_figure_is_written_as_nothing():
    nan = float("nan")
    for language in LANGUAGES:
        w = Wording(language)
        assert (w.money(nan), w.percent(nan), w.number(nan)) == ("", "", "")


def test_a_french_number_cannot_be_broken_over_two_lines():
    assert " " not in Wording("fr").money(1234567) + Wording("fr").percent(0.5)


def test_dates_are_said_with_the_day_first():
    assert Wording("en").date(date(2025, 12, 1)) == "1 December 2025"
    assert Wording("fr").date(date(2025, 12, 1)) == "1er décembre 2025"
    assert Wording("fr").date(date(2025, 12, 31)) == "31 décembre 2025"


@pytest.mark.parametrize(
    ("language", "count", "said"),
    [
        ("en", 0, "0 customers"),
        ("en", 1, "1 customer"),
        ("en", 1200, "1,200 customers"),
        ("fr", 0, "0 client"),
        ("fr", 1, "1 client"),
        ("fr", 1200, "1 200 clients"),
    ],
)
def test_plurals_follow_the_rule_of_the_language(language, count, said):
    assert plain(Wording(language).say("chart.segment_map.customers", customers=count)) == said


def test_a_plural_without_a_number_is_a_fault_of_the_library():
    with pytest.raises(TypeError, match="needs a number"):
        Wording().say("chart.segment_map.customers", customers="many")


def test_an_unknown_key_is_a_fault_of_the_library():
    with pytest.raises(KeyError):
        Wording().say("no.such.key")
    assert not Wording().has("no.such.key")


def test_lists_are_said_with_a_last_and():
    assert Wording("en").listing(["a", "b", "c"]) == "a, b and c"
    assert Wording("fr").listing(["a", "b"]) == "a et b"
    assert Wording("en").listing(["a"]) == "a"
    assert Wording("en").listing([]) == ""


def test_columns_have_headings_in_the_language_and_unknown_ones_keep_their_words():
    assert Wording("en").label("recency_days") == "Days since last purchase"
    assert Wording("fr").label("recency_days") == "Jours depuis le dernier achat"
    assert Wording("fr").label("my_own_column") == "my own column"


def test_an_unknown_language_is_refused_with_the_list():
    with pytest.raises(ChoiceError, match="'en', 'fr'"):
        Wording("de")


@pytest.mark.parametrize("dangerous", ["=1+1", "+cmd", "-2+3", "@SUM(A1)", "\t=1"])
def test_a_cell_that_would_run_as_a_formula_is_disarmed_and_comes_back(dangerous):
    assert safe_cell(dangerous) == "'" + dangerous
    assert unsafe_cell(safe_cell(dangerous)) == dangerous


def test_a_formula_on_a_line_of_its_own_is_disarmed_as_well_and_comes_back():
    # A spreadsheet that splits at other marks begins a cell there, whatever quotes stand around.
    assert safe_cell("\r=1") == "'\r'=1"
    assert unsafe_cell("'\r'=1") == "\r=1"


@pytest.mark.parametrize("harmless", ["-12,50", "+33 1 02 03", "-1 234,50 €", "Ann", "", 7, None])
def test_a_harmless_cell_stays_as_it_is(harmless):
    assert safe_cell(harmless) == harmless


def test_an_apostrophe_that_was_there_stays():
    assert unsafe_cell("'t Hooft") == "'t Hooft"
