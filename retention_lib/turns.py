"""One at a time: who saves into a folder, while others wait their turn.

Two notebooks, or a notebook and a command, may import into one workbook at the same moment. Each
reads what is there, joins its rows and writes: one of the two would be lost.
"""

from __future__ import annotations

import atexit
import errno
import importlib
import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from retention_lib import filing
from retention_lib.errors import InputError

PATIENCE_SECONDS = 10.0
"""How long somebody else may be saving before a person is told to come back."""

LOCK = ".saving.lock"
"""Lies in a folder while somebody saves into it; the system lets go of it when they end."""

_MARK = ".lock"

_alone_in: ContextVar[frozenset[str]] = ContextVar("alone_in", default=frozenset())


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Be the only one who saves into a folder; a second window or command waits its turn.

    The system itself holds the lock for as long as the process lives, so that one that was
    killed leaves nothing that has to be cleared by hand. Raises ``InputError`` where the other
    does not end within :data:`PATIENCE_SECONDS`. Within the block the same thread may ask again.
    """
    name = str(folder.resolve())
    if name in _alone_in.get():
        yield
        return
    is_new = not folder.exists()
    filing.make_folder(folder)
    with ExitStack() as stack:
        if is_new:
            stack.callback(_remove_empty, folder)
        stack.callback(_unlock, folder / LOCK, _wait_for(folder))
        token = _alone_in.set(_alone_in.get() | {name})
        stack.callback(_alone_in.reset, token)
        yield


@contextmanager
def alone_at_once(folder: Path) -> Iterator[bool]:
    """The same without waiting: tells whether nobody else is saving there; never raises."""
    name = str(folder.resolve())
    if name in _alone_in.get():
        yield True
        return
    try:
        number = _locked(folder / LOCK)
    except OSError:
        yield False
        return
    token = _alone_in.set(_alone_in.get() | {name})
    try:
        yield True
    finally:
        _alone_in.reset(token)
        _unlock(folder / LOCK, number)


def own_place(what: str) -> Path:
    """A name in the system's temporary folder for this process alone; to be made by whoever asks.

    What processes that were killed left under such names is removed: it may be many gigabytes of
    customers. A lock beside it, which the system lets go of, tells whether its process lives.

    >>> own_place("sums").name.startswith("retention-sums-")
    True
    """
    passing = Path(tempfile.gettempdir())
    for mark in passing.glob(f"retention-{what}-*{_MARK}"):
        with suppress(OSError):
            number = _locked(mark)
            if number is not None:  # else nobody can tell whether its process lives
                shutil.rmtree(mark.with_suffix(""), ignore_errors=True)
                _unlock(mark, number)
    place = passing / f"retention-{what}-{secrets.token_hex(6)}"
    mark, owner = place.with_suffix(_MARK), os.getpid()
    with suppress(OSError):
        number = _locked(mark)
        # A forked child has our handlers, and must not let go of what is ours.
        atexit.register(lambda: _unlock(mark, number) if os.getpid() == owner else None)
    return place


def _wait_for(folder: Path) -> int | None:
    end = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return _locked(folder / LOCK)
        except BlockingIOError as error:
            if time.monotonic() > end:
                raise InputError(
                    f"Another window or command is saving into {folder}. Wait until it has ended, "
                    f"then run this again; nothing of yours was written."
                ) from error
            time.sleep(0.05)
        except OSError as error:
            raise InputError(filing.why_not(folder / LOCK, error)) from error


def _locked(file: Path) -> int | None:
    """Open and lock; ``BlockingIOError`` where somebody else has it, ``None`` where none can be."""
    number = os.open(file, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        _take(number)
        # Whoever had it before has removed the file, and a third one may have a new one by now.
        if os.fstat(number).st_ino != file.stat().st_ino:
            raise BlockingIOError
    except FileNotFoundError:
        os.close(number)
        raise BlockingIOError from None
    except OSError as error:
        os.close(number)
        if error.errno in (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS):
            return None  # a share that knows no locks: as safe as it was without
        raise
    except BaseException:
        os.close(number)
        raise
    return number


def _take(number: int) -> None:
    # Each system has a module of its own for this, which the other lacks.
    if os.name == "nt":
        windows: Any = importlib.import_module("msvcrt")
        try:
            windows.locking(number, windows.LK_NBLCK, 1)
        except OSError as error:
            raise BlockingIOError from error
    else:
        unix: Any = importlib.import_module("fcntl")
        unix.flock(number, unix.LOCK_EX | unix.LOCK_NB)


def _unlock(file: Path, number: int | None) -> None:
    """Let go; the file is removed while it is ours, or on Windows once it is closed."""
    try:
        if os.name != "nt":
            filing.let_go(file)
    finally:
        if number is not None:
            os.close(number)
    if os.name == "nt":
        filing.let_go(file)


def _remove_empty(folder: Path) -> None:
    with suppress(OSError):
        folder.rmdir()
