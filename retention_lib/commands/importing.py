"""``retention import FILE``: take in an export, ask what is doubtful, account for every row."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retention_lib.commands import console
from retention_lib.commands.flags import read_left_out, read_matching, read_separator
from retention_lib.commands.parsing import Parser, add_common, number
from retention_lib.wording import Wording, spoken

if TYPE_CHECKING:
    from retention_lib.base.intake import TakenIn

EXAMPLES = (
    ("cli.import.example.plain", '"Export ventes.csv"'),
    ("cli.import.example.match", 'ventes.csv --match "customer_id=Code client"'),
    ("cli.import.example.more", "clients.xlsx --table customers"),
    ("cli.import.example.next", '"Export ventes juin.csv" --add'),
)

_ANSWERED = ("encoding", "decimal", "date_order", "sheet", "header_row", "duplicates")


def add_arguments(parser: Parser, wording: Wording) -> None:
    """The file, and an answer to each question that a file can leave open."""
    from retention_lib.base.contract import TABLES

    word = wording.say
    parser.explain("file", key="cli.import.file", metavar=word("cli.word.file"))
    parser.explain(
        "--table",
        key="cli.import.table",
        values={"tables": ", ".join(TABLES)},
        default="transactions",
        choices=tuple(TABLES),
        metavar=word("cli.word.table"),
    )
    parser.explain("--name", key="cli.import.name", default="", metavar=word("cli.word.name"))
    parser.explain(
        "--match",
        key="cli.import.match",
        action="append",
        default=[],
        metavar=word("cli.word.pair"),
    )
    parser.explain("--decimal", key="cli.import.decimal", choices=(",", "."), metavar='","')
    parser.explain(
        "--date-order",
        key="cli.import.date_order",
        choices=("day_first", "month_first", "year_first"),
    )
    for flag, key in (
        ("--encoding", "encoding"),
        ("--separator", "separator"),
        ("--sheet", "sheet"),
    ):
        parser.explain(flag, key=f"cli.import.{key}", metavar=word(f"cli.word.{key}"))
    parser.explain("--header-row", key="cli.import.header", type=int, metavar="N")
    parser.explain("--duplicates", key="cli.import.duplicates", choices=("keep", "set_aside"))
    parser.explain(
        "--leave-out",
        key="cli.import.leave_out",
        action="append",
        default=[],
        metavar=word("cli.word.value_pair"),
    )
    parser.explain("--currency", key="cli.import.currency", metavar="EUR")
    parser.explain("--margin-rate", key="cli.import.margin_rate", type=number, metavar="0.3")
    add_common(parser, data=False)
    again = parser.add_mutually_exclusive_group()
    for flag, key in (("--add", "cli.import.add"), ("--replace", "cli.import.replace")):
        mode = "added" if flag == "--add" else "replaced"
        again.add_argument(flag, dest="mode", action="store_const", const=mode, help=word(key))
    parser.explain("--no-load", key="cli.import.no_load", dest="load", action="store_false")


def run(options: argparse.Namespace) -> int:
    """Take the file in, and say what became of it."""
    from retention_lib.base.intake import take_in

    taken = take_in(
        Path(options.file).expanduser(),
        table=options.table,
        name=options.name,
        mode=options.mode,
        load=options.load,
        language=options.language,
        currency=options.currency,
        margin_rate=options.margin_rate,
        **_answers(options),
    )
    report(taken, loaded=options.load)
    return 0


def _answers(options: argparse.Namespace) -> dict[str, Any]:
    """What was answered on the command line; the rest is left to the file."""
    wording = Wording(spoken())
    answers = {name: getattr(options, name) for name in _ANSWERED}
    answers["separator"] = read_separator(options.separator)
    answers["matching"] = read_matching(options.match, wording)
    answers["leave_out"] = read_left_out(options.leave_out, wording)
    return {name: told for name, told in answers.items() if told not in (None, {})}


def report(taken: TakenIn, *, loaded: bool) -> None:
    """The account of the rows, where those set aside are, and what to do next."""
    from retention_lib.commands.line import name

    done = taken.imported
    say = done.wording.say
    console.say(taken.sentence())
    rows = [
        (done.wording.number(row["rows"]), str(row["label"]))
        for row in done.table.to_dict("records")
    ]
    print(console.columns(rows, right=[0]))
    if taken.set_aside_path is not None:
        console.say(say("cli.import.aside", file=console.whole(taken.set_aside_path)))
    print()
    if loaded:
        console.say(say("cli.import.loaded", folder=console.whole(taken.folder)))
        next_steps = (("check", "check"), ("report", "report --open"), ("sample", "use sample"))
        steps = [(f"{name()} {typed}", say(f"cli.next.{key}")) for key, typed in next_steps]
        print(console.columns(steps))
    else:
        console.say(say("cli.import.kept_apart", folder=console.whole(taken.folder)))
        print(f'  {name()} use "{taken.folder}"')
