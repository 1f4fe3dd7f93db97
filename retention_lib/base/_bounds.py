"""How much memory the engine may take, and where it puts what does not fit."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from retention_lib import filing, turns
from retention_lib.errors import InputError

MEMORY = "RETENTION_MEMORY"
SHARE = "60%"
"""Of the machine's memory: pandas, a model being learnt and a browser need some as well."""

_SIZE = re.compile(r"\d+(\.\d+)?\s*([KMGT]i?B|%)", re.IGNORECASE)


def engine_bounds() -> dict[str, str]:
    """Settings of DuckDB: it takes so much memory at most and writes the rest to a folder.

    The folder is one of the system's for passing things, with a name nobody can foresee, made
    when something does not fit and removed at the end, or by the next to start where a process
    was killed; DuckDB's own choice would be a folder ``.tmp`` wherever the notebook happens to
    stand. ``RETENTION_MEMORY`` says another limit, such as ``4GB`` or ``30%``.

    Raises ``InputError`` where ``RETENTION_MEMORY`` is no amount of memory.

    >>> engine_bounds()["memory_limit"]
    '60%'
    """
    asked = os.environ.get(MEMORY, "").strip()
    if asked and (not _SIZE.fullmatch(asked) or not float(re.split("[^0-9.]", asked)[0])):
        raise InputError(
            f"RETENTION_MEMORY says how much memory the engine may take, such as 4GB or 30%; "
            f"got {asked!r}."
        )
    return {"memory_limit": asked or SHARE, "temp_directory": str(turns.own_place("workbook"))}


@contextmanager
def room_needed() -> Iterator[None]:
    """Say in words that the disk is full where the engine puts what does not fit into memory.

    >>> with room_needed():
    ...     raise OSError(28, "No space left on device")
    Traceback (most recent call last):
        ...
    retention_lib.errors.InputError: The disk is full, ...
    """
    try:
        yield
    except Exception as error:
        if not filing.is_full(error):
            raise
        raise InputError(
            f"The disk is full, and this calculation has to put aside more than fits into memory. "
            f"Nothing of yours was changed. Free some room in {tempfile.gettempdir()}, or set "
            f"TMPDIR (TEMP on Windows) to a folder with more room, restart and run this again."
        ) from error
