"""Answers in messages of the library, as options of the command line.

The library asks ``Pass decimal=","``: whoever typed a command answers ``--decimal ","``. Arguments
are written alike in every language, so that one rule serves all messages.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from retention_lib.errors import InputError
from retention_lib.wording import Wording

_QUOTED = r"""(?:'[^'\n]*'|"[^"\n]*")"""
_PAIR = rf"({_QUOTED})\s*:\s*({_QUOTED}|None)"
_PAIRS = rf"{_QUOTED}\s*:\s*(?:{_QUOTED}|None)"
_MATCHING = re.compile(rf"matching=\{{({_PAIRS}(?:,\s*{_PAIRS})*)\}}")
_LEAVE_OUT = re.compile(rf"leave_out=\{{({_QUOTED}):\s*\[([^\]]*)\]\}}")
_NAMES = (
    "sheet",
    "decimal",
    "date_order",
    "encoding",
    "separator",
    "currency",
    "duplicates",
    "header_row",
    "margin_rate",
    "mode",
    "name",
    "table",
    "out",
)
# At the beginning of a message they stand without a value.
_SUBJECT = re.compile(
    rf"^(?:{'|'.join(_NAMES)}|budget|start|weeks|hold_out|channels|hours_per_week|hour_cost)"
    r"(?= (?:est|doit|is|must|takes)\b)"
)
_COLUMN = re.compile(rf"^matching\[({_QUOTED})\](?= )")
_ARGUMENT = re.compile(rf"\b({'|'.join(_NAMES)})=({_QUOTED}|\d+)?(?=[\s.,;:)?]|$)")
_IMPORT = re.compile(rf"rl\.import_export\(({_QUOTED})(?:,\s*([^()]*))?\)")
_LOAD = re.compile(rf"rl\.load_workbook\(({_QUOTED})\)")
_SAFE = re.compile(r"[^\W_][\w.,:=/-]*")
_MODES = {"new": "--name …", "added": "--add", "replaced": "--replace"}


def as_flags(message: str, prog: str = "retention") -> str:
    """A message that names arguments of Python, naming options of the command line instead.

    >>> as_flags('Answer with matching={"amount": "Montant TTC"}.')
    'Answer with --match "amount=Montant TTC".'
    >>> as_flags("Which one? Pass sheet='Ventes 2025', for instance.")
    'Which one? Pass --sheet "Ventes 2025", for instance.'
    """
    message = _MATCHING.sub(_pairs, message)
    message = _LEAVE_OUT.sub(_left_out, message)
    message = message.replace("matching={…}", "--match COLUMN=HEADING")
    message = message.replace("leave_out={…}", "--leave-out COLUMN=VALUE")
    message = _ARGUMENT.sub(_flag, message)
    message = _IMPORT.sub(
        lambda found: f"{prog} import {in_quotes(found[1][1:-1])} {found[2] or ''}".rstrip(),
        message,
    )
    message = _COLUMN.sub(lambda found: f"--match {found[1][1:-1]}", message)
    message = _SUBJECT.sub(_option, message)
    message = _LOAD.sub(lambda found: f"{prog} use {in_quotes(found[1][1:-1])}", message)
    return message.replace("rl.load_workbook(path)", f"{prog} use PATH")


def _option(found: re.Match[str]) -> str:
    name = {"hours_per_week": "hours"}.get(found[0], found[0])
    return "--" + name.replace("_", "-")


def _flag(found: re.Match[str]) -> str:
    name, value = found[1], found[2]
    if name == "mode" and value and value[1:-1] in _MODES:
        return _MODES[value[1:-1]]
    flag = "--" + name.replace("_", "-")
    if value is None:
        return flag
    return f"{flag} {in_quotes(value[1:-1] if value[0] in _MARKS else value)}"


_MARKS = "'\""


def _pairs(found: re.Match[str]) -> str:
    answers = []
    for column, heading in re.findall(_PAIR, found[1]):
        told = "" if heading == "None" else heading[1:-1]
        answers.append("--match " + in_quotes(f"{column[1:-1]}={told}"))
    return " ".join(answers)


def _left_out(found: re.Match[str]) -> str:
    column, values = found[1][1:-1], re.findall(_QUOTED, found[2])
    told = [value[1:-1] for value in values] or ["…"]
    return " ".join("--leave-out " + in_quotes(f"{column}={value}") for value in told)


def in_quotes(text: str) -> str:
    """A text as one word of a command line, on Windows as elsewhere.

    >>> in_quotes("EUR"), in_quotes("Code client"), in_quotes(";")
    ('EUR', '"Code client"', '";"')
    """
    return text if _SAFE.fullmatch(text) else '"' + text.replace('"', '\\"') + '"'


def read_matching(given: Sequence[str], wording: Wording) -> dict[str, str | None]:
    """What ``--match`` says: a column of the workbook to a heading of the file, or to none.

    >>> read_matching(["amount=Montant TTC", "margin="], Wording("en"))
    {'amount': 'Montant TTC', 'margin': None}
    """
    pairs = [_pair(told, "--match", wording) for told in given]
    return {column: heading or None for column, heading in pairs}


def read_left_out(given: Sequence[str], wording: Wording) -> Mapping[str, Sequence[str]]:
    """What ``--leave-out`` says: the values of a column whose rows are set aside.

    >>> read_left_out(["product=PORT", "product=REMISE"], Wording("en"))
    {'product': ['PORT', 'REMISE']}
    """
    values: dict[str, list[str]] = {}
    for told in given:
        column, value = _pair(told, "--leave-out", wording)
        values.setdefault(column, []).append(value)
    return values


def _pair(told: str, option: str, wording: Wording) -> tuple[str, str]:
    column, equals, value = told.partition("=")
    if not equals or not column.strip():
        raise InputError(wording.say("cli.usage.pair", option=option, got=told))
    return column.strip(), value.strip()


def read_separator(told: str | None) -> str | None:
    r"""The separator as typed: a tab cannot be, so ``tab`` or ``\t`` stands for it.

    >>> read_separator("tab") == read_separator("\\t") == chr(9)
    True
    """
    return "\t" if told in ("tab", "\\t") else told
