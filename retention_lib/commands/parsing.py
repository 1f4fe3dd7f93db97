"""A command line that answers in the language spoken: argparse, with our own words."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NoReturn

from retention_lib.commands import console
from retention_lib.errors import ChoiceError
from retention_lib.wording import LANGUAGES, Wording

Examples = Sequence[tuple[str, str]]
"""Key of what an example does, and the command."""

# What argparse says of a wrong command line, and the key of our own words for it.
_COMPLAINTS = (
    (r"the following arguments are required: (?P<what>.+)", "required"),
    (r"unrecognized arguments: (?P<what>.+)", "unknown"),
    (r"argument (?P<what>.+): expected .*argument.*", "no_value"),
    (r"argument (?P<what>.+): not allowed with argument (?P<other>.+)", "not_both"),
    (
        r"argument (?P<what>.+): invalid choice: (?P<got>.+?) \(choose from (?P<choices>.+)\)",
        "choice",
    ),
    (r"argument (?P<what>.+): invalid int value: (?P<got>.+)", "whole_number"),
    (r"argument (?P<what>.+): invalid number value: (?P<got>.+)", "number"),
    (r"argument (?P<what>.+?): (?P<why>.+)", "other"),
)


def number(told: str) -> float:
    """A number as typed, with a point or a comma before its decimals.

    The trap: 1,500 is one and a half to some and fifteen hundred to others, so it is refused.

    >>> number("1500"), number("0,3"), number("0.3")
    (1500.0, 0.3, 0.3)
    """
    if not re.fullmatch(r"-?\d+(?:[.,]\d+)?", told) or re.fullmatch(r"-?[1-9]\d*,\d{3}", told):
        raise ValueError(told)
    return float(told.replace(",", "."))


class WrongUsage(Exception):
    """The command line cannot be understood; the sentence says why."""


class Parser(argparse.ArgumentParser):
    """The options of one command, explained in the language spoken."""

    def __init__(self, wording: Wording, prog: str, about: str = "", examples: str = "") -> None:
        self.wording = wording
        super().__init__(
            prog=prog,
            description=about,
            epilog=examples,
            formatter_class=_formatter(wording),
            add_help=False,
            allow_abbrev=False,
        )
        # Python 3.14 would colour what it prints, also for those who read it aloud.
        self.color = False
        self._positionals.title = wording.say("cli.help.arguments")
        self._optionals.title = wording.say("cli.help.options")
        self.add_argument("-h", "--help", action="help", help=wording.say("cli.help.help"))

    def explain(self, *flags: str, key: str, values: Any = None, **options: Any) -> None:
        """Add an argument whose help is the text of that key."""
        text = self.wording.say(key, **(values or {})).replace("%", "%%")
        self.add_argument(*flags, help=text, **options)

    def error(self, message: str) -> NoReturn:
        """Say what is wrong in the language spoken; the caller prints it."""
        # An address mistyped among the arguments may hold a password.
        message = re.sub(r"(?<=://)\S+", "…", message)
        for pattern, key in _COMPLAINTS:
            found = re.fullmatch(pattern, message, re.DOTALL)
            if found:
                raise WrongUsage(self.wording.say(f"cli.usage.{key}", **found.groupdict()))
        raise WrongUsage(message)


def _formatter(wording: Wording) -> Callable[..., argparse.HelpFormatter]:
    class Formatter(argparse.HelpFormatter):
        """Paragraphs stay paragraphs, examples stay lines."""

        def __init__(self, prog: str, **options: Any) -> None:
            super().__init__(prog, max_help_position=26, width=console.width())

        def add_usage(
            self,
            usage: str | None,
            actions: Iterable[argparse.Action],
            groups: Iterable[Any],
            prefix: str | None = None,
        ) -> None:
            heading = wording.say("cli.help.usage") + " " if prefix is None else prefix
            super().add_usage(usage or self._short(actions), actions, groups, heading)

        def _short(self, actions: Iterable[argparse.Action]) -> str:
            """What has to be given; the list below says what may be."""
            parts = ["%(prog)s"]
            for action in actions:
                shown = str(action.metavar or action.dest)
                if not action.option_strings:
                    parts.append(f"[{shown}]" if action.nargs == "?" else shown)
                elif action.required:
                    parts.append(f"{action.option_strings[0]} {shown}")
            return " ".join([*parts, wording.say("cli.help.more_options")])

        def start_section(self, heading: str | None) -> None:
            french = heading is not None and wording.language == "fr"
            super().start_section(f"{heading}\N{NO-BREAK SPACE}" if french else heading)

        def _fill_text(self, text: str, width: int, indent: str) -> str:
            # A line that begins with spaces is an example, to be copied as it stands.
            return "\n".join(
                line if line.startswith(" ") else console.wrapped(line)
                for line in text.splitlines()
            )

    return Formatter


def examples(wording: Wording, prog: str, shown: Examples) -> str:
    """Examples as the end of a help page: what each does, and the command under it."""
    if not shown:
        return ""
    lines = [wording.say("cli.help.examples")]
    for key, command in shown:
        lines += [console.wrapped(wording.say(key), first="  "), f"    {prog} {command}"]
    return "\n".join(lines)


def add_common(parser: Parser, *, data: bool = True, mask: bool = False) -> None:
    """The options that several commands share."""
    if data:
        parser.explain("--data", key="cli.option.data", metavar=parser.wording.say("cli.word.path"))
    add_language(parser)
    if mask:
        # Left out, the environment decides.
        parser.explain("--mask", key="cli.option.mask", action="store_true", default=None)


def add_language(parser: Parser) -> None:
    """``--language``, which was read before anything was said."""
    parser.explain("--language", key="cli.option.language", choices=LANGUAGES)


def told_language(arguments: Sequence[str]) -> str | None:
    """The language asked for anywhere on the command line, before anything is said.

    Raises ``ChoiceError`` where it is none of the workbook's.

    >>> told_language(["check", "--language=fr"])
    'fr'
    """
    value = _told(arguments, "--language")
    if value is not None and value not in LANGUAGES:
        raise ChoiceError("--language", value, LANGUAGES)
    return value


def told_data(arguments: Sequence[str]) -> str | None:
    """The workbook named anywhere on the command line, if there is one."""
    return _told(arguments, "--data") or None


def _told(arguments: Sequence[str], option: str) -> str | None:
    for place, argument in enumerate(arguments):
        name, equals, value = argument.partition("=")
        if name == option:
            following = arguments[place + 1] if place + 1 < len(arguments) else ""
            return value if equals else following
    return None
