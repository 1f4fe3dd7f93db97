"""The command line ``retention``: which command, in which language, and how it ends.

A user's mistake is a sentence, never a traceback; the exit code tells a script what became of it.
"""

from __future__ import annotations

import atexit
import difflib
import importlib
import os
import signal
import sys
import tempfile
import traceback
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from retention_lib import filing, progress
from retention_lib.commands import console
from retention_lib.commands.flags import as_flags
from retention_lib.commands.parsing import (
    Parser,
    WrongUsage,
    examples,
    told_data,
    told_language,
)
from retention_lib.errors import (
    ChoiceError,
    DataWarning,
    QuestionError,
    RetentionError,
)
from retention_lib.masking import MASK_VARIABLE
from retention_lib.wording import Language, Wording, speak, spoken, told_to_speak

COMMANDS: dict[str, str] = {
    "import": "importing",
    "check": "checking",
    "report": "reporting",
    "plan": "planning",
    "present": "present",
    "workshop": "workshop",
    "use": "using",
    "doctor": "doctor",
}
"""Every command, in the order a person needs them, and the module that carries it out."""

DONE, NOT_DONE, ASKED, STOPPED = 0, 1, 2, 130

NAME = "RETENTION_PROG"
"""How the command line was started, where it was not by its own name; help then says so."""
DEBUG = "RETENTION_DEBUG"

_SHOWN_EXAMPLES = (
    ("cli.example.import", 'import "Export ventes.csv"'),
    ("cli.example.check", "check"),
    ("cli.example.report", "report --open"),
    ("cli.example.sample", "use sample"),
)


def name() -> str:
    """What was typed to start: ``retention``, or whatever passed on to it."""
    return os.environ.get(NAME) or "retention"


def run(arguments: Sequence[str]) -> int:
    """Carry out a command line; give back the exit code. Nothing but the exit code is raised."""
    console.prepare()
    before, language = console.listen(), told_to_speak()
    try:
        with warnings.catch_warnings():
            _hear_warnings()
            return _run(list(arguments))
    except BrokenPipeError:
        return _unheard()
    finally:
        progress.listen(before)
        speak(language)


def _run(arguments: list[str]) -> int:
    wording = Wording(spoken())
    try:
        wording = Wording(_language(arguments))
        return _dispatch(arguments, wording)
    except WrongUsage as wrong:
        console.complain(str(wrong))
        return ASKED
    except QuestionError as question:
        _ask(question, wording)
        return ASKED
    except ChoiceError as wrong:
        _complain(wrong, wording)
        return ASKED
    except RetentionError as error:
        _complain(error, wording)
        return NOT_DONE
    except KeyboardInterrupt:
        console.complain(wording.say("cli.stopped"))
        return STOPPED
    except BrokenPipeError:
        raise
    except SystemExit as ended:  # argparse has printed its help
        return ended.code if isinstance(ended.code, int) else NOT_DONE
    except MemoryError:
        console.complain(wording.say("cli.memory"))
        return NOT_DONE
    except OSError as error:
        if os.environ.get(DEBUG) == "1":
            traceback.print_exc()
        if filing.is_full(error):
            return _no_room(wording)
        said = error.strerror or str(error)
        console.complain(
            wording.say("cli.os_error", file=console.whole(error.filename or "?"), why=said)
        )
        return NOT_DONE
    except Exception as error:
        return _no_room(wording) if filing.is_full(error) else _unexpected(error, wording)


def _language(arguments: Sequence[str]) -> Language:
    """As asked on the command line, else as the session says, else as the workbook does.

    It is then spoken by everybody, so that no command answers in two languages.
    """
    language = told_language(arguments) or spoken(_workbooks_own(told_data(arguments)))
    chosen: Language = "fr" if language == "fr" else "en"
    speak(chosen)
    return chosen


def _workbooks_own(data: str | None) -> str:
    """The workbook's language; English where it cannot be read: others say why."""
    from retention_lib.base import workbooks

    try:
        place = workbooks.as_path(data) if data else workbooks.loaded_path()
        if not workbooks.is_workbook(place):
            return "en"
        return workbooks.read_workbook(place).settings.language
    except (RetentionError, OSError):
        return "en"


def _dispatch(arguments: list[str], wording: Wording) -> int:
    place = next((n for n, word in enumerate(arguments) if not _is_told(arguments, n)), None)
    if place is None:
        print(_front_page(wording))
        return ASKED
    command, rest = arguments[place], arguments[:place] + arguments[place + 1 :]
    if command in ("-h", "--help", "help"):
        if rest and rest[0] in COMMANDS:
            return _dispatch([rest[0], "--help"], wording)
        print(_front_page(wording))
        return DONE
    if command in ("-V", "--version"):
        from retention_lib import __version__

        print(f"Retention Workbook {__version__}")
        return DONE
    if command not in COMMANDS:
        raise WrongUsage(_no_such_command(command, wording))
    module: Any = importlib.import_module(f"retention_lib.commands.{COMMANDS[command]}")
    parser = command_parser(command, module, wording)
    try:
        options = parser.parse_args(rest)
    except WrongUsage as wrong:
        help_page = f"{name()} {command} --help"
        raise WrongUsage(f"{wrong}\n{wording.say('cli.usage.see', command=help_page)}") from None
    with _masking(getattr(options, "mask", None)):
        code: int = module.run(options)
    return code


@contextmanager
def _masking(asked: bool | None) -> Iterator[None]:
    """Everything that a command says and writes goes behind pseudonyms where ``--mask`` is told."""
    before = os.environ.get(MASK_VARIABLE)
    if asked:
        os.environ[MASK_VARIABLE] = "1"
    try:
        yield
    finally:
        if before is None:
            os.environ.pop(MASK_VARIABLE, None)
        else:
            os.environ[MASK_VARIABLE] = before


def _is_told(arguments: Sequence[str], place: int) -> bool:
    """Whether a word belongs to ``--language`` given before the command."""
    word = arguments[place]
    return word.startswith("--language") or (place > 0 and arguments[place - 1] == "--language")


def command_parser(command: str, module: Any, wording: Wording) -> Parser:
    """The options of one command, with its help page."""
    prog = f"{name()} {command}"
    parser = Parser(
        wording,
        prog,
        wording.say(f"cli.{command}.about"),
        examples(wording, prog, getattr(module, "EXAMPLES", ())),
    )
    module.add_arguments(parser, wording)
    return parser


def _front_page(wording: Wording) -> str:
    say, prog = wording.say, name()
    listed = console.columns([(command, say(f"cli.{command}.summary")) for command in COMMANDS])
    return "\n\n".join(
        [
            f"{say('cli.help.usage')} {prog} {say('cli.help.pattern')}",
            console.wrapped(say("cli.about")),
            say("cli.help.commands") + "\n" + listed,
            examples(wording, prog, _SHOWN_EXAMPLES),
            console.wrapped(say("cli.help.more", command=f"{prog} import --help")),
        ]
    )


def _no_such_command(command: str, wording: Wording) -> str:
    close = difflib.get_close_matches(command, COMMANDS, n=1)
    listed = ", ".join(COMMANDS)
    if close:
        return wording.say("cli.usage.meant", got=command, meant=f"{name()} {close[0]}")
    return wording.say("cli.usage.command", got=command, listed=listed)


# --- how it ends -------------------------------------------------------------------------------


def _complain(error: RetentionError, wording: Wording) -> None:
    console.complain(wording.say("cli.title", title=error.title))
    console.complain(as_flags(str(error), name()), first="  ")


def _ask(question: QuestionError, wording: Wording) -> None:
    console.complain(wording.say("cli.title", title=question.title))
    for text in question.questions:
        console.complain(as_flags(text, name()), first="  - ")
    console.complain(wording.say("cli.answer"))


def _hear_warnings() -> None:
    """What concerns the data is said; what concerns programmers only, only to them."""
    debug = os.environ.get(DEBUG) == "1"
    warnings.simplefilter("default" if debug else "ignore")
    warnings.simplefilter("always", DataWarning)

    def show(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: Any = None,
        line: str | None = None,
    ) -> None:
        told = warnings.formatwarning(message, category, filename, lineno, line)
        console.complain(as_flags(told.strip(), name()))

    warnings.showwarning = show


def _unexpected(error: Exception, wording: Wording) -> int:
    """A fault of ours: one sentence, and the details in a file for whoever can mend it."""
    details = traceback.format_exc()
    if os.environ.get(DEBUG) == "1":
        print(details, file=sys.stderr)
    file = Path(tempfile.gettempdir(), f"retention-{os.getpid()}.txt")
    why = f"{type(error).__name__}: {error}".splitlines()[0]
    try:
        file.write_text(details, encoding="utf-8")
        console.complain(wording.say("cli.unexpected", why=why, file=console.whole(file)))
    except OSError:
        console.complain(wording.say("cli.unexpected_unwritten", why=why))
    return NOT_DONE


def _no_room(wording: Wording) -> int:
    """A disk that filled up while something was worked out, which writes to no file of a person."""
    folder = console.whole(tempfile.gettempdir())
    console.complain(wording.say("cli.full", folder=folder))
    return NOT_DONE


def _unheard() -> int:
    """Whoever was listening has gone (``| head``): nothing is left to say, and no complaint."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        try:
            os.dup2(nowhere, stream.fileno())
        except (OSError, ValueError, AttributeError):
            continue
    return NOT_DONE


def stop_when_told() -> None:
    """Being told to stop ends like Ctrl+C: what was started is stopped, what was opened closed."""

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with suppress(ValueError):  # only the first thread of a program may ask for this
        signal.signal(signal.SIGTERM, stop)


def leave(code: int) -> int:
    """End the process: what was written goes out, what is to be cleaned up is, and no more.

    DuckDB's Python module counts what Python itself has not yet taken down as leaks, and says so
    at every end (``nanobind: leaked 5 types``). So Python does not get to take it down.
    """
    try:
        if "duckdb" in sys.modules:
            atexit._run_exitfuncs()
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
    except BrokenPipeError:
        code = _unheard()
    if "duckdb" in sys.modules:
        os._exit(code)
    return code
