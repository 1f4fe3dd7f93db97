"""What stands in the files of a plan: columns, their headings, the words to choose from.

Writing and reading back share it, so that a file is understood however it was saved since.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

from retention_lib.results import Result
from retention_lib.wording import LANGUAGES, Wording, texts

if TYPE_CHECKING:
    import pandas as pd

RESULTS = (
    "accepted",
    "declined",
    "no_answer",
    "call_back",
    "left",
    "unsubscribed",
    "wrong_contact",
)
"""What a contact can come to; whatever else somebody writes is kept as ``other``."""

TASK = "task"
"""The channel of what an account manager does without contacting anybody."""

FILLED = ("done", "done_on", "reached", "result", "note")
"""Columns that are filled in by whoever carries the plan out."""

ACTIONS = (
    "date",
    "customer_id",
    "name",
    "phone",
    "channel",
    "message",
    "why",
    *FILLED,
    "journey",
    "expected_profit",
    "cost",
    "minutes",
)
"""Columns of a list of actions that people see, in their order."""

CODES = ("plan_id", "owner", "step_code", "journey_code", "channel_code", "purpose")
"""Columns behind them, by which a row that comes back is recognised."""

MONEY = re.compile(r"cost|profit|value|stake|margin|revenue|budget|amount|money|given_up")
"""Names of columns of money, where a table does not say itself which they are."""

MASKED = "#masked"
"""Ends the plan's code in a masked file."""


class PlanLike(Protocol):
    """What a plan must have to be written to files: :class:`PlanResult` has it."""

    @property
    def table(self) -> pd.DataFrame: ...
    @property
    def held_out(self) -> Any: ...
    @property
    def left_out(self) -> Any: ...
    @property
    def wording(self) -> Wording: ...
    @property
    def plan_id(self) -> str: ...
    @property
    def assumptions(self) -> Mapping[str, object]: ...
    def summary(self) -> Result: ...
    def sentence(self) -> str: ...


def frame_of(shown: Any) -> pd.DataFrame:
    """The table of a result, or the table itself."""
    found: pd.DataFrame = shown.table if isinstance(shown, Result) else shown
    return found


def heading(wording: Wording, name: str) -> str:
    """The heading of a column in a file for people."""
    key = f"plan_files.heading.{name}"
    return wording.say(key) if wording.has(key) else wording.label(name)


def result_word(wording: Wording, code: str) -> str:
    """What a contact came to, in words; nothing for nothing."""
    return wording.say(f"plan_files.result.{code}") if code else ""


def channel_word(wording: Wording, code: str) -> str:
    """A channel in words; a code of somebody's own stays as it is."""
    key = f"plan_files.channel.{code}"
    return wording.say(key) if wording.has(key) else code


def folded(text: str) -> str:
    """A text without its case, accents, blanks and marks, for telling words apart.

    >>> folded("  Fait le : "), folded("RÉSULTAT"), folded("done_on")
    ('fait le', 'resultat', 'done on')
    """
    plain = unicodedata.normalize("NFKD", text.casefold())
    plain = "".join(letter for letter in plain if not unicodedata.combining(letter))
    return " ".join(re.sub(r"[^a-z0-9✓✔]+", " ", plain).split())


def headings_read() -> dict[str, str]:
    """What a column may be headed, folded, in any language, and the name it has here."""
    names = (*ACTIONS, *CODES, "group")
    found = {folded(name): name for name in names}
    for name in names:
        for language in LANGUAGES:
            found[folded(texts()[f"plan_files.heading.{name}"][language])] = name
    return found


def results_read() -> dict[str, str]:
    """What a result may be called, folded, in any language, and its code."""
    found = dict(_SAID)
    for code in (*RESULTS, "other"):
        found[folded(code)] = code
        for language in LANGUAGES:
            found[folded(texts()[f"plan_files.result.{code}"][language])] = code
    return found


_SAID = {
    folded(said): code
    for code, words in {
        "accepted": ("accepte", "acceptée", "yes", "oui", "ok", "agreed", "d'accord", "sold"),
        "declined": ("refus", "refuse", "refusée", "refused", "no", "non", "not interested"),
        "no_answer": (
            "absent",
            "absente",
            "pas de réponse",
            "no reply",
            "voicemail",
            "messagerie",
            "injoignable",
        ),
        "call_back": ("rappeler", "à recontacter", "later", "plus tard"),
        "left": ("left", "parti", "partie", "part", "résilie", "résilié", "cancelled", "leaves"),
        "unsubscribed": ("stop", "désinscrit", "désabonné", "opt out", "do not contact", "opposé"),
        "wrong_contact": ("wrong number", "faux numéro", "mauvais numéro"),
    }.items()
    for said in words
}
_YES = (
    *("oui", "o", "yes", "y", "vrai", "true", "t", "1", "x", "✓", "✔", "ok", "fait", "faite"),
    *("done", "joint", "jointe", "reached", "effectué", "effectuée", "réalisé", "réalisée"),
)
_NO = (
    *("non", "n", "no", "faux", "false", "f", "0", "pas fait", "pas faite", "not done", "à faire"),
    *("to do", "pas joint", "pas jointe", "non joint", "not reached", "non fait", "annulé"),
)
FLAGS: Mapping[str, bool] = {folded(word): True for word in _YES} | {
    folded(word): False for word in _NO
}
"""What yes and no may be called, folded."""
