"""What is refused, asked or noted is said in French as well, and nothing of it is forgotten."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import retention_lib as rl
from retention_lib import errors, messages
from retention_lib.messages import _entries, catalogue, told

LIBRARY = Path(errors.__file__).parent
PLACE = re.compile(r"\{(\d+)\}")

# --- the messages of the library, found by reading its code -----------------------------------

_RAISING = re.compile(r"(Error|Warning)$|^warn$")
# Words of SQL, of HTML and of patterns: no text for a person.
_NO_PROSE = re.compile(
    r"\b(SELECT|FROM|GROUP BY|CAST|CASE|OVER|WHERE|UNION|JOIN|INTO|TABLE|AND|INTERVAL|FILTER)\b"
    r"|\brl\.| AS |solid|size:|\\b|\(\?|:[a-z-]+;|<\w+|::|^[\w.]+$|^--|^default-src|==|import "
)
# What is in them is said by texts/*.toml, is data, or is a vocabulary to recognise headings by.
_NO_MESSAGES = (
    "_claims",
    "_claims_list",
    "_claims_voices",
    "_headings",
    "_lost_causes",
    "_plan_files_layout",
    "_plan_files_sheets",
    "_scenario_groups",
    "identifiers",
    "judging",
    "contract",
    "wording",
)


@dataclass(frozen=True)
class Template:
    """A text of the code, its values as ``{0}``, ``{1}``, …"""

    where: str
    text: str
    raised: bool


def template_of(node: ast.AST) -> str | None:
    """The text of a constant, of an f-string or of a sum of them; None for anything else."""
    parts: list[str] = []
    places = 0

    def add(piece: ast.AST) -> bool:
        nonlocal places
        if isinstance(piece, ast.Constant) and isinstance(piece.value, str):
            parts.append(piece.value.replace("{", "{{").replace("}", "}}"))
        elif isinstance(piece, ast.JoinedStr):
            for value in piece.values:
                add(value) if isinstance(value, ast.Constant) else place()
        elif isinstance(piece, ast.BinOp) and isinstance(piece.op, ast.Add):
            for side in (piece.left, piece.right):
                if not add(side):
                    place()
        else:
            return False
        return True

    def place() -> None:
        nonlocal places
        parts.append(f"{{{places}}}")
        places += 1

    return "".join(parts) if add(node) else None


def templates() -> Iterator[Template]:
    """Every text of the library's code that is no docstring."""
    for path in sorted(LIBRARY.rglob("*.py")):
        if path.stem not in _NO_MESSAGES and not path.stem.startswith("simulate_"):
            tree = ast.parse(path.read_text("utf-8"))
            yield from _templates(tree, str(path.relative_to(LIBRARY)), raised=False)


def _templates(node: ast.AST, where: str, *, raised: bool) -> Iterator[Template]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant):
            continue
        text = template_of(child)
        if text is not None:
            yield Template(f"{where}:{getattr(child, 'lineno', 0)}", text, raised)
            for value in ast.walk(child):
                if isinstance(value, ast.FormattedValue):
                    yield from _templates(value, where, raised=raised)
            continue
        inner = raised
        if isinstance(child, ast.Call):
            called = child.func.attr if isinstance(child.func, ast.Attribute) else ""
            called = called or getattr(child.func, "id", "")
            inner = raised or bool(_RAISING.search(called))
        yield from _templates(child, where, raised=inner)


def is_prose(template: Template) -> bool:
    """Whether a person would have to read it in English: three words, two where it is raised."""
    words = re.findall(r"\b[a-z]{2,}\b", PLACE.sub("", template.text))
    if " " not in template.text.strip() or _NO_PROSE.search(template.text):
        return False
    return len(words) >= (2 if template.raised else 3)


def has_french(text: str) -> bool:
    """Whether the catalogue knows that text, alone or beside others of one f-string."""
    return text.strip() in catalogue() or text.strip(" ;,") in catalogue()


# Not said to a person, or said by another way; each with its reason.
SAID_OTHERWISE = {
    "the plural of {0} needs a number, got {1}": "a fault of the library",
    "the call around this one": "the name of a variable",
    "who takes down warnings": "the name of a variable",
    "since must": "the beginning of a message of the catalogue",
    "as_of must": "the beginning of a message of the catalogue",
    "and no": "joins the names within a message of the catalogue",
    "retention-workbook churn model": "the mark of a file",
    "share of pairs": "the unit in metrics.json, made for machines",
}
# Headings of the chapters that the report leaves out or looks for; commands as they are typed.
_CHAPTERS = ("views/_report_chapters.py", "commands/")


def test_every_message_of_the_code_has_its_french():
    left = sorted(
        f"{t.where}: {t.text!r}"
        for t in templates()
        if is_prose(t) and not has_french(t.text) and t.text.strip() not in SAID_OTHERWISE
        if t.raised or not t.where.startswith(_CHAPTERS)
    )
    assert not left, "\n" + "\n".join(left)


# --- the catalogue ----------------------------------------------------------------------------


@pytest.fixture
def french():
    rl.speak("fr")
    yield
    rl.speak(None)


def plain(text):
    return text.replace("\N{NARROW NO-BREAK SPACE}", " ").replace("\N{NO-BREAK SPACE}", " ")


def test_the_french_of_a_message_has_the_places_of_the_english():
    entries = catalogue().items()
    wrong = [en for en, fr in entries if set(PLACE.findall(en)) != set(PLACE.findall(fr))]
    assert not wrong


def test_the_french_of_a_message_is_french():
    english = re.compile(r"\b(the|and|with|must|such|got|of)\b", re.IGNORECASE)
    names = re.compile(r"'[^']*'|\"[^\"]*\"|\S*[_=.(\[]\S*")
    wrong = [fr for fr in catalogue().values() if english.search(names.sub("", fr))]
    assert not wrong


def test_a_message_is_english_where_english_is_spoken():
    said = "seed must be a whole number, 0 or more; got 1.5."
    assert told(said) == str(rl.InputError(said)) == said


def test_a_message_follows_the_language_spoken(french):
    error = rl.InputError("seed must be a whole number, 0 or more; got 1.5.")
    assert plain(str(error)) == "seed doit être un nombre entier, 0 ou plus ; reçu : 1,5."
    assert plain(error._render_traceback_()[0]).startswith(
        "Vos données ont besoin d'un coup de main : seed doit être"
    )


def test_a_message_follows_the_base_opened_last_where_nobody_said_a_language(monkeypatch):
    monkeypatch.setattr(messages, "_heard", ["fr"])
    error = rl.InputError("seed must be a whole number, 0 or more; got x.")
    assert "nombre entier" in str(error)
    rl.speak("en")
    try:
        assert "whole number" in str(error)
    finally:
        rl.speak(None)


def test_a_choice_lists_the_choices_in_french(french):
    error = errors.ChoiceError("scheme", "clasic", ["classic", "six"])
    assert plain(str(error)) == (
        "scheme doit être l'une de ces valeurs : 'classic', 'six' ; reçu : 'clasic'. "
        "Vouliez-vous dire 'classic' ?"
    )


def test_several_questions_are_each_asked_in_french(french):
    error = rl.QuestionError(
        [
            "Column “Montant”: “1,234” can be 1234 or 1.234, and none of the 1,200 values with a "
            "mark decides. Pass decimal='.' to read 1234, or decimal=',' to read 1.234.",
            "ventes.zip has 2 tables: a, b. Which one? Pass sheet='a', for instance.",
        ]
    )
    first, second = map(plain, error.questions)
    assert first.startswith("Colonne « Montant » : « 1,234 » peut être 1234 ou 1,234")
    assert "1 200 valeurs" in first
    assert second.startswith("ventes.zip a 2 tables : a, b. Laquelle ?")
    assert plain(str(error)) == f"{first}\n{second}"


def test_what_is_noted_is_noted_in_french(french):
    noted = warnings.formatwarning(
        "12 of 1,234 rows of transactions were set aside: 12 with no usable date. Read the file "
        "with rl.import_export() to see and mend them.",
        rl.DataWarning,
        "x.py",
        1,
    )
    assert plain(noted) == (
        "À noter : 12 des 1 234 lignes de transactions ont été mises de côté : 12 sans date "
        "utilisable. Lisez le fichier avec rl.import_export() pour les voir et les corriger.\n"
    )


def test_names_in_a_message_stay_as_they_are_written():
    said = told("There is no file /data/1,234 and more.5.csv. Did you mean 'none'?", "fr")
    assert plain(said) == (
        "Le fichier /data/1,234 and more.5.csv n'existe pas. Vouliez-vous dire 'none' ?"
    )
    assert "{x}" in told("There is no folder {x}. Give the folder in which your export lies.", "fr")


def test_what_the_catalogue_does_not_know_is_said_as_it_is():
    assert told("Something else happened, and nobody translated it.", "fr") == (
        "Something else happened, and nobody translated it."
    )


def test_a_message_that_begins_with_its_file_keeps_the_name():
    said = told("fév.csv: No separator was found: the file was read as one column.", "fr")
    assert plain(said) == (
        "fév.csv : Aucun séparateur trouvé : le fichier a été lu comme une seule colonne."
    )


def test_a_long_list_in_a_message_is_looked_through_once():
    # A pattern that tries every later place as well takes minutes for the list of a few hundred.
    several = [entry.pattern for entry in _entries() if entry.pattern.groups > 1]
    assert several
    assert all(one.pattern.count("(?>") == one.groups - 1 for one in several)
    listed = ", ".join(f"'{n}' and '{n}'" for n in range(100))
    assert told(listed, "fr") == listed


def test_the_test_of_the_code_would_find_a_message_without_french():
    tree = ast.parse('raise InputError(f"The moon {x!r} is made of cheese; got {y}.")')
    (found,) = _templates(tree, "here", raised=False)
    assert found.text == "The moon {0} is made of cheese; got {1}."
    assert is_prose(found)
    assert not has_french(found.text)


def test_a_real_refusal_is_said_in_french(french, tmp_path):
    with pytest.raises(rl.InputError, match="Il n'y a rien à l'adresse"):
        rl.open_base(tmp_path / "nowhere.csv")
