"""``retention plan``: whom to contact, when and by whom, within a budget, as a file."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from retention_lib.commands import console
from retention_lib.commands.parsing import Parser, add_common, number
from retention_lib.errors import ChoiceError
from retention_lib.wording import Wording

if TYPE_CHECKING:
    from retention_lib.base.customer_base import CustomerBase

EXAMPLES = (
    ("cli.plan.example.plain", "--budget 5000"),
    ("cli.plan.example.crm", "--budget 5000 --weeks 8 --out plan.csv"),
    ("cli.plan.example.channels", "--budget 1500 --channels email,call"),
)


def add_arguments(parser: Parser, wording: Wording) -> None:
    """The budget, what limits the plan, and where it goes."""
    word = wording.say
    parser.explain(
        "--budget",
        key="cli.plan.budget",
        type=number,
        required=True,
        metavar=word("cli.word.money"),
    )
    parser.explain("--weeks", key="cli.plan.weeks", type=int, default=4, metavar="N")
    parser.explain("--start", key="cli.plan.start", metavar="2026-01-05")
    parser.explain("--hours", key="cli.plan.hours", type=number, default=5.0, metavar="N")
    parser.explain("--hour-cost", key="cli.plan.hour_cost", type=number, default=40.0, metavar="N")
    parser.explain("--hold-out", key="cli.plan.hold_out", type=number, metavar="0.1")
    parser.explain("--channels", key="cli.plan.channels", metavar="email,call")
    parser.explain("--out", key="cli.plan.out", metavar=word("cli.word.file"))
    add_common(parser, mask=True)


def run(options: argparse.Namespace) -> int:
    """Make the plan, write it, and say what it does."""
    from retention_lib.base.opening import open_base
    from retention_lib.decisions.plan import make_plan

    told = Path(options.out).expanduser() if options.out else None
    if told is not None and told.suffix.lower() not in (".xlsx", ".csv"):
        raise ChoiceError("--out", told.name, ("….xlsx", "….csv"))
    base = open_base(options.data)
    out = told or _place(options.data, base)
    channels = [part.strip() for part in (options.channels or "").split(",") if part.strip()]
    plan = make_plan(
        base,
        budget=options.budget,
        weeks=options.weeks,
        start=options.start,
        hours_per_week=options.hours,
        hour_cost=options.hour_cost,
        hold_out=options.hold_out,
        channels=channels or None,
    )
    write = plan.to_csv if out.suffix.lower() == ".csv" else plan.to_excel
    written = write(out, masked=options.mask)
    for said in (plan.sentence(), plan.proof().sentence(), plan.reasons().sentence()):
        console.say(said)
    print()
    console.say(base.wording.say("cli.plan.written", file=console.whole(written)))
    return 0


def _place(data: str | None, base: CustomerBase) -> Path:
    """Where a plan goes that nobody gave a place: with the customers' own data, else right here."""
    from retention_lib.base import workbooks

    name = f"plan-{base.as_of.isoformat()}.xlsx"
    place = Path(data).expanduser() if data else workbooks.loaded_path()
    folder = (place if place.is_dir() else place.parent).resolve()
    mine = (workbooks.project_folder() / "data" / "mine").resolve()
    # The sample is never touched, nor is a folder that is somebody else's.
    return folder / name if mine in folder.parents else Path.cwd() / name
