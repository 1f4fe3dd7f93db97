"""``retention check``: the state of a base, the most urgent first."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from retention_lib.commands import console
from retention_lib.commands.flags import as_flags
from retention_lib.commands.parsing import Parser, add_common
from retention_lib.masking import masks
from retention_lib.wording import Wording

if TYPE_CHECKING:
    from retention_lib.base.quality import Scorecard

EXAMPLES = (
    ("cli.check.example.loaded", ""),
    ("cli.check.example.other", "--data data/sample/cdnow"),
)


def add_arguments(parser: Parser, wording: Wording) -> None:
    """Which base."""
    add_common(parser, mask=True)


def run(options: argparse.Namespace) -> int:
    """Print the scorecard; the exit code says that it was made, not that all is well."""
    from retention_lib.base.opening import describe_base, open_base
    from retention_lib.base.quality import check_quality

    base = open_base(options.data)
    console.say(describe_base(base).sentence())
    scorecard = check_quality(base)
    console.say(scorecard.sentence())
    print()
    print(as_text(scorecard, masked=masks(options.mask)))
    return 0


def as_text(scorecard: Scorecard, *, masked: bool = False) -> str:
    """The scorecard in lines: what needs a hand with an example and the remedy, the rest in brief.

    ``masked`` leaves the examples out: names may stand in them.
    """
    wording, parts = scorecard.wording, []
    rows = scorecard.table.to_dict("records")
    for severity in ("act", "look"):
        urgent = [row for row in rows if row["severity"] == severity]
        if urgent:
            judged = str(urgent[0]["judgement"])
            heading = wording.say("cli.check.heading", judgement=judged[:1].upper() + judged[1:])
            parts.append(heading)
            parts += [_finding(row, wording, masked) for row in urgent]
    fine = [str(row["label"]) for row in rows if row["severity"] == "fine"]
    if fine:
        parts.append(wording.say("cli.check.fine", count=len(fine)))
        parts.append(console.wrapped(" · ".join(fine), first="  "))
    if len(scorecard.not_checked):
        parts.append(console.wrapped(scorecard.what_was_not_checked().sentence()))
        parts.append(
            console.columns(
                (row["label"], row["needs"]) for row in scorecard.not_checked.to_dict("records")
            )
        )
    return "\n".join(parts)


def _finding(row: dict[str, Any], wording: Wording, masked: bool) -> str:
    counts = wording.say(
        "cli.check.counts",
        rows=int(row["rows"]),
        of=int(row["of"]),
        share=wording.percent(float(row["share"])),
    )
    said = wording.say("cli.check.finding", label=row["label"], counts=counts)
    lines = [console.wrapped(said, first="  - ")]
    if row["example"] and not masked:
        said = wording.say("cli.check.example_line", example=row["example"])
        lines.append(console.wrapped(said, first="    "))
    if row["remedy"] and not masked:
        from retention_lib.commands.line import name
        from retention_lib.views.plain_words import plain

        # What a prompt has no option for is left out, like in the report.
        remedy = plain(as_flags(row["remedy"], name()))
        if remedy:
            lines.append(console.wrapped("→ " + remedy, first="    "))
    return "\n".join(lines)
