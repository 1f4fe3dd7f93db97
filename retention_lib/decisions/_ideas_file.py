"""Ideas as they are written down: ``ideas.toml`` beside the workbook they are about.

Nothing is ever written into ``data/sample``: ideas about a sample lie in ``data/mine``.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal, get_args

import tomlkit

from retention_lib import turns
from retention_lib.base.customer_base import CustomerBase
from retention_lib.base.workbooks import FILE_NAME, is_workbook, loaded_path, project_folder
from retention_lib.errors import ChoiceError, InputError
from retention_lib.filing import safe_name, written

IDEAS_FILE = "ideas.toml"
Status = Literal["idea", "running", "kept", "stopped"]
STATUSES: tuple[Status, ...] = get_args(Status)
LONGEST = 200
"""Letters of an idea: what does not fit on a card is a project."""
MOST_TOLD = 20
"""Problems of a file that a message lists; it says how many there are."""


@dataclass(frozen=True)
class Idea:
    """One card of the board, as somebody wrote it.

    ``cost``: a year, in all, in the base's currency. ``segment``: a code, ``all`` for everybody.
    ``campaign``: the campaign that tried it. ``net`` (what was left over, in money) and
    ``proved`` (whether compared with customers held back by lot) where a result was typed.
    """

    number: int
    idea: str
    owner: str = ""
    segment: str = "all"
    cost: float = 0.0
    status: Status = "idea"
    campaign: str = ""
    net: float | None = None
    proved: bool = False
    note: str = ""

    def __post_init__(self) -> None:
        if not self.idea:
            raise InputError('Say the idea in a few words, such as "Call who has not ordered".')
        for name in ("idea", "owner", "note"):
            if len(getattr(self, name)) > LONGEST:
                raise InputError(
                    f"{name} takes up to {LONGEST} letters; got {len(getattr(self, name)):,}."
                )
        if self.status not in STATUSES:
            raise ChoiceError("status", self.status, STATUSES)


_KINDS: Mapping[str, tuple[type, ...]] = {
    "number": (int,),
    "idea": (str,),
    "owner": (str,),
    "segment": (str,),
    "cost": (int, float),
    "status": (str,),
    "campaign": (str,),
    "net": (int, float),
    "proved": (bool,),
    "note": (str,),
}
_NAMES = tuple(one.name for one in fields(Idea))


def place_of(base: CustomerBase, opened: Path | None = None) -> Path:
    """The file in which the ideas about a base are kept.

    ``opened``: the workbook folder or file that the base came from, where that is known.
    """
    place = opened if opened is not None else _came_from(base)
    if place is not None and place.name == FILE_NAME:
        place = place.parent
    if place is not None and is_workbook(place) and not _is_sample(place):
        return place / IDEAS_FILE
    name = safe_name(str(base.made_from.get("path") or base.name or "base"), "base")
    return project_folder() / "data" / "mine" / f"ideas-{Path(name).stem}.toml"


def _came_from(base: CustomerBase) -> Path | None:
    """The workbook folder of an open base: the loaded one, or one of the user's own."""
    name = base.made_from.get("path")
    if not isinstance(name, str) or not name:
        return None
    try:
        loaded = loaded_path()
    except InputError:
        loaded = None
    if loaded is not None and name in (loaded.name, loaded.parent.name):
        return loaded
    own = project_folder() / "data" / "mine" / name
    return own if is_workbook(own) else None


def _is_sample(place: Path) -> bool:
    """Whether a folder lies in ``data/sample``, of this project or of any other copy of it."""
    above = place.resolve().parents
    shipped = any((one.name, one.parent.name) == ("sample", "data") for one in above)
    return shipped or (project_folder() / "data" / "sample").resolve() in above


def read_ideas(file: Path) -> tuple[tuple[Idea, ...], str]:
    """The ideas of a file, and its text as it was read; none where there is no file.

    Raises ``InputError`` where the file is damaged, with every problem of it.
    """
    try:
        text = file.read_text("utf-8-sig")
    except FileNotFoundError:
        return (), ""
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{file} cannot be read: {error}.") from None
    try:
        content = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # numbers too long, brackets too deep
        raise InputError(
            f"{file}, which holds the ideas, is damaged: {error}. Mend that line, or put the file "
            f"away under another name to begin a new board."
        ) from None
    entries = content.get("ideas", [])
    problems: list[str] = [] if isinstance(entries, list) else ["ideas should be [[ideas]]"]
    ideas = []
    for place, entry in enumerate(entries if isinstance(entries, list) else [], start=1):
        wrong = _wrong_in(entry)
        problems += [f"idea {place}: {problem}" for problem in wrong]
        if not wrong:
            try:
                ideas.append(Idea(**entry))
            except (InputError, ChoiceError) as error:
                problems.append(f"idea {place}: {error}")
    numbers = [idea.number for idea in ideas]
    problems += [f"number {n} comes twice" for n in sorted(set(numbers)) if numbers.count(n) > 1]
    if problems:
        told = problems[:MOST_TOLD] + (["…"] if len(problems) > MOST_TOLD else [])
        raise InputError(f"{file} has {len(problems)} problem(s): {'; '.join(told)}.")
    return tuple(ideas), text


def _wrong_in(entry: object) -> list[str]:
    if not isinstance(entry, Mapping):
        return [f"{entry!r} is no table of its own"]
    missing = [f"{name!r} is missing" for name in ("number", "idea") if name not in entry]
    unknown = [f"{name!r} is not known" for name in sorted(set(entry) - set(_NAMES))]
    kinds = [
        f"{name} = {entry[name]!r} should be {' or '.join(kind.__name__ for kind in _KINDS[name])}"
        for name in entry
        if name in _KINDS
        and (
            not isinstance(entry[name], _KINDS[name])
            or (isinstance(entry[name], bool) and bool not in _KINDS[name])
        )
    ]
    return missing + unknown + kinds


def text_of(ideas: Sequence[Idea]) -> str:
    """The ideas as TOML; what is empty is left out."""
    document = tomlkit.document()
    entries = tomlkit.aot()
    for idea in ideas:
        entry = tomlkit.table()
        given = asdict(idea)
        for name in _NAMES:
            value = given[name]
            if value is not None and value is not False and value != "":
                entry[name] = value
        entries.append(entry)
    document["ideas"] = entries
    return tomlkit.dumps(document)


def write_ideas(file: Path, ideas: Sequence[Idea], *, read: str) -> str:
    """Write the ideas beside and rename; gives the text written.

    ``read``: what the file said when these ideas were read. Raises ``InputError`` where it says
    something else by now: somebody else has written, and nothing of theirs must be lost.
    """
    # From looking until it is written, nobody else may write.
    with turns.alone(file.parent):
        _, now = read_ideas(file)
        if now != read:
            raise InputError(
                "The board was changed meanwhile, in another window. Open it again with "
                "rl.open_ideas() and repeat the last step; nothing was written."
            )
        text = text_of(ideas)
        with written(file) as beside:
            beside.write_text(text, encoding="utf-8", newline="\n")
    return text


def plain(value: Any, name: str) -> str:
    """A text on one line."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise InputError(f"{name} is a text in quotation marks; got {value!r}.")
    return " ".join("".join(c if c.isprintable() else " " for c in value).split())


def amount(value: Any, name: str, *, least: float | None = None) -> float:
    """A finite amount."""
    good = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if not good or (least is not None and value < least):
        above = "" if least is None else f", {least:g} or more"
        raise InputError(f"{name} is an amount of money{above}, such as 1500; got {value!r}.")
    return float(value)
