"""What a file leaves open, as plain questions with answers to choose from."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from retention_lib.base.imported import Import
from retention_lib.errors import DataWarning
from retention_lib.wording import Wording

READING = ("encoding", "separator", "sheet", "header_row")
"""Answers without which a file cannot be split into columns."""

ARGUMENTS = (*READING, "decimal", "date_order", "currency", "mode", "name")
"""Everything that the form can ask besides the headings, in the order in which it is looked for."""

CURRENCIES = ("EUR", "GBP", "USD", "CHF", "CAD")
WITHOUT = " without "
_FIRST_LINES = 8
_CALLS = re.compile(r"\b(leave_out|matching|" + "|".join(ARGUMENTS) + r")\s?=")


@dataclass(frozen=True)
class Question:
    """One thing the file leaves open: which answer it is about, in words, what can be chosen.

    ``options`` are pairs of a value and what it is called. ``open``: nothing goes on without an
    answer; otherwise ``assumed`` is taken until another one is chosen.
    """

    argument: str
    text: str
    options: tuple[tuple[str, str], ...]
    open: bool = True
    assumed: str = ""
    answered: bool = False


def asked(questions: Iterable[str], path: Path, wording: Wording) -> tuple[Question, ...]:
    """The questions of a ``QuestionError`` that the form can ask, one an answer."""
    found: dict[str, Question] = {}
    for text in questions:
        argument = _argument(text)
        if argument and argument not in found:
            options = _options(argument, text, path, wording)
            found[argument] = Question(argument, without_calls(text), options)
    return tuple(found.values())


def assumed(imported: Import) -> tuple[Question, ...]:
    """What an import took for granted, to be looked at: the order of dates, the currency."""
    w, questions = imported.wording, []
    doubtful = imported.reader.decisions.assumed()
    if doubtful:
        text = w.say("form.ask.date_order")
        options = _options("date_order", text, Path(), w)
        taken = str(doubtful[0].order or "day_first")
        questions.append(Question("date_order", text, options, False, taken))
    if "amount" in imported.reader.contract.column_names and not imported.wording.currency:
        options = _options("currency", "", Path(), w)
        questions.append(Question("currency", w.say("form.ask.currency"), options, False, ""))
    return tuple(questions)


def without_calls(text: str) -> str:
    """A question without the sentences that tell what to type: the form has drop-downs instead.

    >>> without_calls("Column “HT”: is 1.234 large? Pass decimal=',' to read 1234.")
    'Column “HT”: is 1.234 large?'
    """
    sentences = re.split(r"(?<=[.?!;])\s+", text)
    kept = [sentence for sentence in sentences if not _CALLS.search(sentence)]
    return " ".join(kept).rstrip("; \u00a0\u202f") or text


def _argument(text: str) -> str:
    named = [match.group(1) for match in _CALLS.finditer(text)]
    return next((argument for argument in ARGUMENTS if argument in named), "")


def _options(argument: str, text: str, path: Path, wording: Wording) -> tuple[tuple[str, str], ...]:
    say = wording.say
    if argument in ("decimal", "date_order", "mode"):
        values = {
            "decimal": (",", "."),
            "date_order": ("day_first", "month_first", "year_first"),
            "mode": ("added", "replaced"),
        }[argument]
        names = {",": "comma", ".": "point"}
        return tuple((v, say(f"form.option.{argument}.{names.get(v, v)}")) for v in values)
    if argument == "currency" and text:
        return _currencies(text, wording)
    if argument == "currency":
        none = ("", say("form.option.currency.none"))
        return (none, *((code, code) for code in CURRENCIES))
    if argument == "sheet":
        return tuple((name, name) for name in _sheets(path))
    if argument == "header_row":
        lines = ((str(n), say("form.option.header_row.line", n=n)) for n in range(1, _FIRST_LINES))
        return (("0", say("form.option.header_row.none")), *lines)
    found = re.findall(rf"\b{argument}\s?=\s?(\"[^\"]*\"|'[^']*')", text)
    values = tuple(dict.fromkeys(value[1:-1] for value in found))
    return tuple((value, _named(argument, value, wording)) for value in values)


def _currencies(text: str, wording: Wording) -> tuple[tuple[str, str], ...]:
    """What may be true of amounts in several currencies: converted already, or one is wanted."""
    listed = re.search(r"\(((?:[A-Z]{3}|\$)(?:, (?:[A-Z]{3}|\$))+)\)", text)
    codes = listed.group(1).split(", ") if listed else []
    wanted = [code for code in codes if code != "$"]
    told = re.findall(r'currency="([A-Z]{3})"', text) if not codes else []
    options = [(c, wording.say("form.option.currency.converted", code=c)) for c in wanted or told]
    for code in wanted:
        others = ",".join(other for other in codes if other != code)
        label = wording.say("form.option.currency.only", code=code)
        options.append((f"{code}{WITHOUT}{others}", label))
    return tuple(options)


def currency_of(answer: str) -> tuple[str, dict[str, list[str]]]:
    """An answer about the currency as a code, and what is to be left out for it.

    >>> currency_of("EUR without GBP,USD")
    ('EUR', {'currency': ['GBP', 'USD']})
    """
    code, _, others = answer.partition(WITHOUT)
    return code, {"currency": others.split(",")} if others else {}


def _named(argument: str, value: str, wording: Wording) -> str:
    if argument == "separator":
        known = {",": "comma", ";": "semicolon", "\\t": "tab", "\t": "tab", "|": "bar"}
        return wording.say(f"form.option.separator.{known[value]}") if value in known else value
    return value


def _sheets(path: Path) -> list[str]:
    from python_calamine import CalamineWorkbook

    return list(CalamineWorkbook.from_path(str(path)).sheet_names)


def typed(argument: str, value: str) -> str | int:
    """An answer as :func:`retention_lib.import_export` takes it."""
    if argument == "header_row":
        return int(value)
    return "\t" if argument == "separator" and value == "\\t" else value


def notes_of(caught: Iterable[warnings.WarningMessage]) -> tuple[str, ...]:
    """What was warned of, without what is a question of the form."""
    texts = [str(w.message) for w in caught if issubclass(w.category, DataWarning)]
    return tuple(dict.fromkeys(without_calls(t) for t in texts if "date_order=" not in t))


def dates_note(caught: Iterable[warnings.WarningMessage]) -> str:
    """What the warning says about an order of dates that was assumed; empty for none."""
    texts = [str(w.message) for w in caught if "date_order=" in str(w.message)]
    said = without_calls(texts[0]) if texts else ""
    return said[:1].upper() + said[1:]
