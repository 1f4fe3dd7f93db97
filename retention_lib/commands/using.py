"""``retention use``: which base every chapter and command looks at from now on."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from retention_lib import filing
from retention_lib.commands import console
from retention_lib.commands.parsing import Parser, add_language
from retention_lib.wording import Wording, spoken

SAMPLE = "sample"

EXAMPLES = (
    ("cli.use.example.sample", SAMPLE),
    ("cli.use.example.own", '"data/mine/Ma boutique"'),
    ("cli.use.example.list", ""),
)


def add_arguments(parser: Parser, wording: Wording) -> None:
    """What to load."""
    parser.explain("path", key="cli.use.path", nargs="?", metavar=wording.say("cli.word.path"))
    add_language(parser)


def run(options: argparse.Namespace) -> int:
    """Load it, or list what could be loaded."""
    from retention_lib.base import workbooks
    from retention_lib.base.opening import describe_base, open_base

    if options.path is None:
        return _list()
    session = os.environ.get(workbooks.ENVIRONMENT)
    # Opened first: what cannot be opened must not become the loaded base.
    place = find(options.path)
    described = describe_base(open_base(place))
    workbooks.load_workbook(place)
    console.say(described.sentence())
    console.say(described.wording.say("cli.use.loaded"))
    if session:
        console.say(described.wording.say("cli.use.session", variable=workbooks.ENVIRONMENT))
    return 0


def find(told: str) -> Path:
    """A base as somebody names it: ``sample``, the name of a workbook, or a path."""
    from retention_lib.base import workbooks

    if told.casefold() == SAMPLE:
        return workbooks.project_folder() / "data" / "sample" / "b2b"
    given = Path(told).expanduser()
    if given.exists():
        return given
    named = [folder for folder in workbooks_here() if filing.same_name(folder.name, told)]
    return named[0] if named else given


def workbooks_here() -> list[Path]:
    """The workbooks of this project: the person's own first, then the samples."""
    from retention_lib.base import workbooks

    data = workbooks.project_folder() / "data"
    found = []
    for room in (data / "mine", data / "sample"):
        folders = sorted(room.iterdir()) if room.is_dir() else []
        found += [folder for folder in folders if workbooks.is_workbook(folder)]
    return found


def _list() -> int:
    from retention_lib.base import workbooks
    from retention_lib.commands.line import name

    wording = Wording(spoken())
    loaded = workbooks.loaded_path().resolve()
    console.say(wording.say("cli.use.loaded_now", path=console.whole(loaded)))
    console.say(wording.say("cli.use.to_choose"))
    for folder in workbooks_here():
        mark = "*" if folder.resolve() == loaded else " "
        typed = folder.name if folder.name != "b2b" else SAMPLE
        print(f'  {mark} {name()} use "{typed}"')
    return 0
