"""The steps of each journey: what is done, by which channel, what it costs and should bring."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from string import Formatter
from typing import Any, Literal, get_args

from retention_lib.decisions._offer_inputs import is_number
from retention_lib.decisions.ranges import Range
from retention_lib.errors import ChoiceError, InputError
from retention_lib.wording import LANGUAGES

JOURNEYS = ("welcome", "prevention", "hot", "cold", "win_back", "develop", "nurture", "rest")
"""Codes of the journeys; every customer is in exactly one."""

CHANNELS = ("email", "call", "visit", "letter", "event")
"""Channels by which a customer is contacted."""

TASK = "task"
"""The channel of a task of the account manager: no contact."""

PLACEHOLDERS = ("name", "manager", "range", "company")
"""What a message may hold in braces."""

Brings = Literal["saves", "returns", "sells"]
"""A step saves leavers, wins back lost ones (``returns``) or ``sells`` more."""

BRINGS: Mapping[str, Brings] = {
    "welcome": "saves",
    "prevention": "saves",
    "hot": "saves",
    "cold": "saves",
    "win_back": "returns",
    "develop": "sells",
    "nurture": "saves",
}
"""What the steps of each journey bring; at rest there is nothing to bring."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step of a journey, for the customer or for the account manager.

    ``who`` is ``customer`` (a contact) or ``manager`` (a task done before it, no contact).
    ``place``: 1 for the first contact of the journey, 2 for the next; steps of one place are
    alternatives, by another channel. ``wait_days``: at least so many days after the step before.
    ``cost``: money out, in the base's currency; ``minutes``: of the account manager's time;
    ``incentive``: what is given to who accepts. ``promotion``: whether it offers something for
    sale or a gift (never sent while a complaint is open). ``rate``: the share of what is at stake
    that the step should bring, an assumption unless ``measured`` says that a randomised campaign
    on file may replace it. ``title`` and ``message`` are in the language asked for; a message may
    hold ``{name}``, ``{manager}``, ``{range}``, ``{company}`` and nothing else in braces.
    ``source`` says where the rate comes from.
    """

    code: str
    journey: str
    who: Literal["customer", "manager"]
    place: int
    channel: str
    wait_days: int
    cost: float
    minutes: float
    incentive: float
    promotion: bool
    brings: Brings
    rate: Range
    measured: bool
    title: str
    message: str
    source: str = "assumption"


def load_steps(language: str, path: str | Path | None = None) -> tuple[Step, ...]:
    """The steps of all journeys, from the table that comes along or from an edited copy of it.

    The table is a TOML file, one ``[[step]]`` each, with the words in English and French; see
    ``retention_lib/decisions/journeys.toml``. In a copy for one language only, a text may stand
    for itself instead of ``{ en = "…", fr = "…" }``.

    Raises ``ChoiceError`` for another language than those of the workbook, and ``InputError``
    with all that is wrong in the file, line by line.

    >>> steps = load_steps("en")
    >>> sorted({step.journey for step in steps if step.who == "customer"})
    ['cold', 'develop', 'hot', 'nurture', 'prevention', 'welcome', 'win_back']
    """
    if language not in LANGUAGES:
        raise ChoiceError("language", language, LANGUAGES)
    name, text = _text_of(path)
    try:
        read = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # numbers too long, brackets too deep
        raise InputError(f"{name} is no TOML file: {error}. Mend that line first.") from error
    listed = read.get("step")
    if not isinstance(listed, list) or not all(isinstance(one, dict) for one in listed):
        raise InputError(
            f"{name} holds no steps: each begins with a line [[step]], as in journeys.toml."
        )
    lines = [
        number
        for number, line in enumerate(text.splitlines(), 1)
        if re.match(r"\s*\[\[\s*step\s*\]\]", line)
    ]
    wrong = [f"{key!r} is no part of it; it holds [[step]] only" for key in read if key != "step"]
    for place, entry in enumerate(listed):
        where = f"line {lines[place]}" if place < len(lines) else f"step {place + 1}"
        wrong += [
            f"{where} ({entry.get('code', 'no code')}): {said}" for said in _faults(entry, language)
        ]
    wrong += _faults_together(listed) if not wrong else []
    if wrong:
        raise InputError(
            f"{name} has {len(wrong)} fault(s):\n- " + "\n- ".join(wrong) + "\n"
            "Mend them, or begin again from the journeys.toml that comes with the workbook."
        )
    return tuple(_step(entry, language) for entry in listed)


def _text_of(path: str | Path | None) -> tuple[str, str]:
    """The name of the table and what it holds."""
    if path is None:
        own = files("retention_lib.decisions").joinpath("journeys.toml")
        return "journeys.toml", own.read_text("utf-8")
    if not isinstance(path, str | Path) or not Path(path).is_file():
        raise InputError(
            f"There is no table of steps at {path!r}. Give the path of a TOML file, or nothing "
            f"for the one that comes with the workbook."
        )
    try:
        return Path(path).name, Path(path).read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{Path(path).name} is not in UTF-8. Save it again in the encoding UTF-8."
        ) from error


def _step(entry: Mapping[str, Any], language: str) -> Step:
    return Step(
        code=entry["code"],
        journey=entry["journey"],
        who=entry["who"],
        place=entry["place"],
        channel=entry["channel"],
        wait_days=entry["wait_days"],
        cost=float(entry["cost"]),
        minutes=float(entry["minutes"]),
        incentive=float(entry["incentive"]),
        promotion=entry["promotion"],
        brings=entry["brings"],
        rate=Range(*(float(end) for end in entry["rate"])),
        measured=entry["measured"],
        title=_in(entry["title"], language).strip(),
        message=_in(entry["message"], language).strip(),
        source=entry["source"].strip(),
    )


def _in(text: Any, language: str) -> str:
    """The text in a language; a text that stands for itself is in any."""
    return str(text if isinstance(text, str) else text[language])


_CHOICES: Mapping[str, tuple[str, ...]] = {
    "journey": JOURNEYS,
    "who": ("customer", "manager"),
    "channel": (*CHANNELS, TASK),
    "brings": get_args(Brings),
}
_NUMBERS = {
    "place": (1, 9, True),
    "wait_days": (0, 365, True),
    "cost": (0, 1e6, False),
    "minutes": (0, 600, False),
    "incentive": (0, 1e6, False),
}
_FLAGS = ("promotion", "measured")
_TEXTS = ("title", "message")
_ALL = ("code", *_CHOICES, *_NUMBERS, *_FLAGS, "rate", "source", *_TEXTS)


def _faults(entry: Mapping[str, Any], language: str) -> Iterator[str]:
    """What is wrong with one step by itself."""
    for name in entry:
        if name not in _ALL:
            yield f"{name} is no field of a step; there are {', '.join(_ALL)}"
    missing = [name for name in _ALL if name not in entry]
    if missing:
        yield f"it lacks {', '.join(missing)}"
    if "code" in entry and not re.fullmatch("[a-z][a-z0-9_]{1,39}", str(entry["code"])):
        yield f"code is small letters, figures and _, such as welcome_call; got {entry['code']!r}"
    for name, choices in _CHOICES.items():
        if name in entry and entry[name] not in choices:
            yield f"{name} must be one of {', '.join(choices)}; got {entry[name]!r}"
    for name, (low, high, whole) in _NUMBERS.items():
        if name in entry and not _is_within(entry[name], low, high, whole):
            kind = "a whole number" if whole else "a number"
            yield f"{name} must be {kind} from {low:g} to {high:g}; got {entry[name]!r}"
    for name in _FLAGS:
        if name in entry and not isinstance(entry[name], bool):
            yield f"{name} must be true or false; got {entry[name]!r}"
    if "rate" in entry and not _is_rate(entry["rate"]):
        yield (
            "rate must be three shares from -1 to 1 in ascending order, low, likely and high, "
            f"such as [0.02, 0.05, 0.10]; got {entry['rate']!r}"
        )
    source = entry.get("source", "assumption")
    if not isinstance(source, str) or not source.strip():
        yield 'source must say where the rate comes from, at least "assumption"'
    for name in _TEXTS:
        if name in entry:
            yield from _faults_of_text(name, entry[name], language)
    yield from _faults_of_sense(entry)


def _is_within(value: object, low: float, high: float, whole: bool) -> bool:
    if not is_number(value) or (whole and not isinstance(value, int)):
        return False
    return low <= float(value) <= high  # type: ignore[arg-type]


def _is_rate(rate: object) -> bool:
    if not isinstance(rate, list) or len(rate) != 3 or not all(is_number(end) for end in rate):
        return False
    return bool(-1 <= rate[0] <= rate[1] <= rate[2] <= 1)


def _faults_of_text(name: str, text: object, language: str) -> Iterator[str]:
    if isinstance(text, Mapping):
        odd = [one for one in text if one not in LANGUAGES]
        if odd:
            yield f"{name} is in {', '.join(LANGUAGES)} only; got {', '.join(map(str, odd))}"
        if language not in text:
            yield f"{name} lacks its text in {language!r}"
        said = {f"{name}.{one}": value for one, value in text.items() if one in LANGUAGES}
    else:
        said = {name: text}
    for where, value in said.items():
        if not isinstance(value, str) or not value.strip():
            yield f'{where} must be a text in quotes, such as "Thank you"; got {value!r}'
            continue
        try:
            held = {part for _, part, _, _ in Formatter().parse(value) if part is not None}
        except ValueError:
            yield f"{where} has a brace {{ or }} without its other half"
            continue
        allowed = PLACEHOLDERS if name == "message" else ()
        odd = sorted(held - set(allowed))
        if odd:
            shown = ", ".join(f"{{{one}}}" for one in odd)
            may = ", ".join(f"{{{one}}}" for one in allowed) or "nothing"
            yield f"{where} holds {shown}; in braces it may hold {may}"
        if any(spec or change for _, part, spec, change in Formatter().parse(value) if part):
            yield f"{where} has a colon or ! inside braces; write the bare word, such as {{name}}"


def _faults_of_sense(entry: Mapping[str, Any]) -> Iterator[str]:
    """What is allowed field by field and makes no sense together."""
    who, channel, journey = (entry.get(name) for name in ("who", "channel", "journey"))
    if who == "manager" and channel in CHANNELS:
        yield f'a task of the account manager has channel = "{TASK}"; got {channel!r}'
    if who == "customer" and channel == TASK:
        yield f"a step for the customer goes by {', '.join(CHANNELS)}; got {channel!r}"
    if who == "customer" and journey == "rest":
        yield "customers at rest are not contacted; give the step to another journey"
    wanted = BRINGS.get(str(journey))
    brings = entry.get("brings")
    if wanted and brings in get_args(Brings) and brings != wanted:
        yield f"what steps of {journey} act on is what {wanted!r} names; got brings = {brings!r}"


def _faults_together(listed: list[dict[str, Any]]) -> list[str]:
    """What is wrong with the steps as a whole."""
    codes = [entry["code"] for entry in listed]
    twice = sorted({code for code in codes if codes.count(code) > 1})
    wrong = [
        f"{code} names {codes.count(code)} steps; each needs a code of its own" for code in twice
    ]
    for journey in JOURNEYS:
        own = {e["place"] for e in listed if e["journey"] == journey and e["who"] == "customer"}
        gap = sorted(set(range(1, max(own, default=0) + 1)) - own)
        if gap:
            wrong.append(f"{journey} has no customer step at place {gap[0]} but one after it")
        kept: set[tuple[int, str]] = set()
        for e in listed:
            if e["journey"] != journey or e["who"] != "customer":
                continue
            at = (e["place"], e["channel"])
            if at in kept:
                wrong.append(
                    f"{e['code']}: {journey} has two steps by {at[1]} at place {at[0]}; steps of "
                    f"one place are alternatives by another channel"
                )
            kept.add(at)
    return wrong
