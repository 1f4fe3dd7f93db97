"""``retention workshop``: the chapters for readers, with solutions, and for the presenter."""

from __future__ import annotations

import argparse

from retention_lib.commands import console
from retention_lib.commands.parsing import Parser, add_common
from retention_lib.wording import Wording

EXAMPLES = (
    ("cli.workshop.example.plain", ""),
    ("cli.workshop.example.out", "--out workshop --mask"),
)


def add_arguments(parser: Parser, wording: Wording) -> None:
    """Which base, and where the files go."""
    parser.explain(
        "--out", key="cli.workshop.out", default="workshop", metavar=wording.say("cli.word.folder")
    )
    add_common(parser, mask=True)


def run(options: argparse.Namespace) -> int:
    """Write the editions, and name them."""
    from retention_lib.views.editions import write_editions

    written = write_editions(
        options.out, language=options.language, path=options.data, masked=options.mask
    )
    console.say(written.sentence())
    for file in written.files:
        print(f"  {file}")
    return 0
