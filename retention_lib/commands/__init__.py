"""What is typed at the prompt: ``retention import``, ``check``, ``report``, and so on."""

from __future__ import annotations

from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says; give back the exit code."""
    from retention_lib.commands import line

    return line.run(arguments)
