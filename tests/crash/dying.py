"""Ends a piece of work at its k-th change of the file system: by an error, by Ctrl+C, or dead.

Python announces each change to an audit hook before it is made, and a hook may refuse. One that
refuses everything from then on leaves the disk as a killed process would.
"""

import os
import sys
from contextlib import contextmanager
from pathlib import Path

_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_CHANGES = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link", "os.truncate"}


class Killed(BaseException):
    """Stands for SIGKILL: nobody catches it, and nothing works any more."""


class Deaths:
    """Counts the changes below a folder, and refuses the one it is told to."""

    folder, at, error, seen, dead, did = "", 0, None, 0, False, False

    def hear(self, event, arguments):
        if not self.folder or (event not in _CHANGES and event != "open"):
            return
        path, *rest = arguments
        if not isinstance(path, str | os.PathLike) or not str(path).startswith(self.folder):
            return
        if event == "open" and not (isinstance(rest[1], int) and rest[1] & _WRITES):
            return
        self.step()

    def step(self):
        if not self.folder:
            return
        self.seen += 1
        if self.dead:
            raise Killed
        if self.seen == self.at:
            self.did = True
            self.dead = self.error is Killed
            raise self.error()


_deaths = Deaths()
_hooked = []


@contextmanager
def dying(folder: Path, at: int, error):
    """Within the block the ``at``-th change below the folder ends in ``error``."""
    if not _hooked:
        sys.addaudithook(_deaths.hear)  # which cannot be taken out again
        _hooked.append(True)
    _deaths.__dict__.update(at=at, error=error, seen=0, dead=False, did=False)
    _deaths.folder = str(folder)
    try:
        yield _deaths
    except (Killed, KeyboardInterrupt):
        pass
    finally:
        _deaths.folder = ""


def every_death(folder: Path, work, restore, errors):
    """Run the work once for each of its changes; gives ``(k, what the work raised)`` after each.

    ``errors`` take turns, each of them first at another change; the last run goes through.
    """
    at = 0
    while True:
        at += 1
        restore()
        said = None
        with dying(folder, at, errors[at % len(errors)]) as deaths:
            try:
                work()
            except Exception as error:
                said = error
        yield at, said
        if not deaths.did:
            return


def step():
    """A change that Python does not announce, such as DuckDB's writing."""
    _deaths.step()
