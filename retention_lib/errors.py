"""What can go wrong, said so that a person can do something about it.

Every message says what, how many, one example and the remedy. In a notebook the message is
shown without a traceback: a marketer has no use for one, and a developer finds it in
``__cause__`` or by running the cell as a script.
"""

from __future__ import annotations

import difflib
import re
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import ClassVar

# What a terminal would obey, and what turns the direction of reading: a name may hold either.
_OBEYED = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def _told(message: str) -> str:
    """The message in the language spoken; saying it must never fail."""
    message = _OBEYED.sub("\ufffd", message)
    try:
        from retention_lib.messages import told

        return told(message)
    except Exception:
        return message


class RetentionError(Exception):
    """Anything the workbook refuses to do, with the remedy in the message."""

    heading: ClassVar[str] = "This cannot be done yet"

    def __str__(self) -> str:
        return _told(super().__str__())

    def _render_traceback_(self) -> list[str]:
        # IPython calls this instead of printing its own traceback.
        return [_told(f"{self.heading}: {{0}}").replace("{0}", str(self))]

    @property
    def title(self) -> str:
        """The heading under which a notebook shows the message."""
        return _told(self.heading)


class InputError(RetentionError, ValueError):
    """The data that came in cannot be used as it is."""

    heading: ClassVar[str] = "Your data needs a hand"


class QuestionError(InputError):
    """The data can be read in more than one way; the person has to say which.

    ``questions`` holds one text per ambiguity, each naming the argument that answers it.
    """

    heading: ClassVar[str] = "A question before going on"

    def __init__(self, questions: Iterable[str]) -> None:
        self._asked = list(questions)
        super().__init__("\n".join(self._asked))

    @property
    def questions(self) -> list[str]:
        """One text per ambiguity, in the language spoken."""
        return [_told(question) for question in self._asked]


class ChoiceError(RetentionError, ValueError):
    """An argument that is not one of the choices; the message lists them."""

    def __init__(self, argument: str, got: object, choices: Iterable[object]) -> None:
        self.argument, self.got, self.choices = argument, got, list(choices)
        listed = ", ".join(repr(choice) for choice in self.choices)
        close = difflib.get_close_matches(str(got), [str(c) for c in self.choices], n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        super().__init__(f"{argument} must be one of {listed}; got {got!r}.{hint}")


class MissingPackageError(RetentionError, ImportError):
    """A feature needs a package that is not installed; the message says how to get it."""

    def __init__(self, feature: str, extra: str) -> None:
        super().__init__(
            f"{feature} needs packages that are not installed here. "
            f"Install them with: pip install 'retention-workbook[{extra}]'"
        )


_overheard: ContextVar[tuple[list[str], ...]] = ContextVar("who takes down warnings", default=())


class DataWarning(UserWarning):
    """Something about the data that changes what a figure means; carries the counts."""

    def __init__(self, *said: object) -> None:
        super().__init__(*said)
        for heard in _overheard.get():
            heard.append(str(said[0]) if said else "")

    def __str__(self) -> str:
        return _told(super().__str__())


@contextmanager
def overhearing() -> Iterator[list[str]]:
    """Take down what is warned of in the block, which shows its warnings as ever.

    >>> with overhearing() as said, warnings.catch_warnings(record=True):
    ...     warnings.warn("3 rows were set aside.", DataWarning, stacklevel=1)
    >>> said
    ['3 rows were set aside.']
    """
    said: list[str] = []
    token = _overheard.set((*_overheard.get(), said))
    try:
        yield said
    finally:
        _overheard.reset(token)


def _plain_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    line: str | None = None,
) -> str:
    """A warning about the data without the path of a library file, which helps nobody."""
    if issubclass(category, DataWarning):
        return _told("Please note: {0}").replace("{0}", _told(str(message))) + "\n"
    return _usual_warning(message, category, filename, lineno, line)


_usual_warning = warnings.formatwarning
warnings.formatwarning = _plain_warning
