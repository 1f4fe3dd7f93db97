"""What is typed at the prompt: ``retention import``, ``check``, ``report``, and so on."""

from __future__ import annotations

from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says; give back the exit code.

    0: done; 1: it cannot be done; 2: a question, or a command that does not exist; 130: stopped.
    """
    from retention_lib.commands import line

    if arguments is not None:
        return line.run(arguments)
    import sys

    line.stop_when_told()
    return line.leave(line.run(sys.argv[1:]))
