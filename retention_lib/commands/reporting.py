"""``retention report``: every chapter on the loaded base, in one file to send and to print."""

from __future__ import annotations

import argparse
import webbrowser
from pathlib import Path

from retention_lib.commands import console
from retention_lib.commands.parsing import Parser, add_common
from retention_lib.wording import Wording, spoken

EXAMPLES = (
    ("cli.report.example.open", "--open"),
    ("cli.report.example.french", "--language fr --mask"),
    ("cli.report.example.other", "--data data/sample/cdnow --out report"),
)


def add_arguments(parser: Parser, wording: Wording) -> None:
    """Which base, and where the report goes."""
    parser.explain("--out", key="cli.report.out", metavar=wording.say("cli.word.folder"))
    parser.explain("--open", key="cli.report.open", action="store_true")
    add_common(parser, mask=True)


def run(options: argparse.Namespace) -> int:
    """Write the report; 1 where a chapter could not be run, the rest of it being there."""
    from retention_lib.views.report import write_report

    written = write_report(
        options.data, out=options.out, language=options.language, masked=options.mask
    )
    wording = Wording(options.language or spoken())
    console.say(written.sentence())
    for problem in written.problems:
        console.complain(str(problem), first="  - ")
    for file in dict.fromkeys([written.html, *written.files]):
        print(f"  {file}")
    if options.open and not webbrowser.open(Path(written.html).resolve().as_uri()):
        console.complain(wording.say("cli.report.no_browser"))
    return 1 if written.problems else 0
