"""Ask a base for everything the workbook can say, and look for English in what it says.

Everything is found by asking: each public result, the results, sentences and pictures that its
methods and properties give, its table as a notebook shows it, and the letters in its pictures.
What is added to the library later is swept without a line more here.
"""

from __future__ import annotations

import html
import inspect
import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import retention_lib as rl
from retention_lib.base.contract import TABLES
from retention_lib.results import Result
from retention_lib.views.widgets import Explorer
from retention_lib.wording import texts

# Given to a person who asks for a file, or made for code: looked at in other ways or not said.
_NOT_ASKED = {
    "to_frame",
    "table",
    "assumptions",
    "wording",
    "base",
    "facts",
    "model",
    "live",
    "reset",
    "set",
    "save",
    "code",
    # The same plan again; words that only the picture of a plan or of learners asks for.
    "again",
    "picture_said",
}
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
# Code that a person may copy is Python in every language.
_TAGS = re.compile(r"<style>.*?</style>|<pre.*?</pre>|<code.*?</code>|<[^>]*>", re.DOTALL)


@dataclass
class Said:
    """One thing that a person reads, and where it came from."""

    where: str
    text: str


@dataclass
class Sweep:
    """What was said; ``asked`` remembers what was asked for, so that nothing is asked twice."""

    base: Any
    said: list[Said] = field(default_factory=list)
    asked: set[tuple[str, str]] = field(default_factory=set)
    failed: list[str] = field(default_factory=list)

    def note(self, where: str, text: object) -> None:
        """Remember a text without its marks for a browser."""
        plain = html.unescape(_TAGS.sub(" ¶ ", str(text)))
        if plain.strip():
            self.said.append(Said(where, plain))

    def look(self, where: str, thing: Any) -> None:
        """Note all that a thing says, and what can be asked of it."""
        if isinstance(thing, Explorer):
            self.note(f"{where} static", thing.static())
        elif isinstance(thing, Result):
            self._result(where, thing)
        elif isinstance(thing, str) and (" " in thing or "\xa0" in thing):
            self.note(where, thing)
        elif type(thing).__module__.startswith("matplotlib.axes"):
            self._picture(where, thing)
        elif isinstance(thing, list | tuple) and thing and isinstance(thing[0], Result | str):
            for place, part in enumerate(thing[:3]):
                self.look(f"{where}[{place}]", part)

    def _result(self, where: str, result: Result) -> None:
        kind = type(result).__name__
        self.note(f"{where} ({kind}) sentence", result.sentence())
        self.note(f"{where} ({kind}) shown", result._repr_html_())
        self.headings(where, result)
        if result.chart:
            self.attempt(f"{where}.plot", result.plot)
        for name in dir(type(result)):
            if name.startswith("_") or name in _NOT_ASKED or name.startswith("to_"):
                continue
            if (kind, name) in self.asked or name in ("plot", "sentence"):
                continue
            self.asked.add((kind, name))
            self._ask(f"{where}.{name}", type(result), result, name)

    def headings(self, where: str, result: Result) -> None:
        """A heading that nobody put into words is the name of the column in English."""
        for name in result.table.columns:
            # Segments, products and months head the columns of crossed tables.
            code = isinstance(name, str) and re.fullmatch("[a-z][a-z0-9]*(_[a-z0-9]+)*", name)
            own = name in result.hidden or name in self.base_words
            if code and not own and not result.wording.has(f"column.{name}"):
                self.failed.append(f"{where} ({type(result).__name__}): no column.{name}")
        for name in result.assumptions:
            known = (f"assumption.{name}", f"column.{name}")
            if not any(map(result.wording.has, known)):
                self.failed.append(f"{where} ({type(result).__name__}): no assumption.{name}")

    @cached_property
    def base_words(self) -> set[str]:
        """Every word of the data itself: names, products, notes."""
        return words_of_data(self.base)

    def _ask(self, where: str, kind: type, thing: Any, name: str) -> None:
        attribute = inspect.getattr_static(kind, name)
        if isinstance(attribute, property) or hasattr(attribute, "func"):
            self.attempt(where, lambda: getattr(thing, name))
        elif inspect.isfunction(attribute):
            needed = [
                p
                for p in list(inspect.signature(attribute).parameters.values())[1:]
                if p.default is p.empty and p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)
            ]
            if not needed:
                self.attempt(where, getattr(thing, name))
        elif attribute is None or not isinstance(attribute, classmethod | staticmethod):
            self.attempt(where, lambda: getattr(thing, name, None))

    def attempt(self, where: str, call: Callable[[], Any]) -> Any:
        """Ask, note what comes, and what is warned of or refused as well."""
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                thing = call()
            except rl.RetentionError as refused:
                self.note(f"{where} refused", f"{refused.title} : {refused}")
                return None
        for warned in caught:
            if issubclass(warned.category, rl.DataWarning):
                self.note(f"{where} warned", warned.message)
        self.look(where, thing)
        return thing

    def _picture(self, where: str, axes: Any) -> None:
        from matplotlib import pyplot

        figure = axes.figure
        figure.draw_without_rendering()
        self.note(f"{where} alt", getattr(figure, "alt_text", ""))
        self.note(f"{where} letters", " ¶ ".join(sorted(written_in(figure) - {""})))
        pyplot.close(figure)


def written_in(figure: Any) -> set[str]:
    """The letters of a picture that a person sees: no ruler where the axes are hidden."""
    from matplotlib.text import Text

    seen = {text.get_text() for text in figure.texts}
    for axes in figure.axes:
        hidden = set()
        for axis in (axes.xaxis, axes.yaxis):
            if not (axes.axison and axis.get_visible()):
                hidden |= set(map(id, axis.findobj(Text)))
            else:
                low, high = sorted(axis.get_view_interval())
                for tick in axis.get_major_ticks() + axis.get_minor_ticks():
                    if not low <= tick.get_loc() <= high:
                        hidden |= {id(tick.label1), id(tick.label2)}
        seen |= {
            text.get_text()
            for text in axes.findobj(Text)
            if text.get_visible() and id(text) not in hidden
        }
    return seen


def words_of_data(base: Any) -> set[str]:
    """The words that stand in a base's own tables, in small letters."""
    words: set[str] = set()
    for table in base.tables:
        frame = base.to_pandas(table)
        words |= set(frame.columns)  # a team's own columns keep their names
        for column in frame.select_dtypes(include=["object", "string", "category"]):
            values = frame[column].dropna().astype(str).unique()
            words |= set(values[:5000])
            for value in values:
                words |= {word.lower() for word in _WORD.findall(value)}
    return words


def words_of_texts(language: str) -> set[str]:
    """Every word of the library's texts in that language, in small letters."""
    said = (re.sub(r"\{\w+\}|\[\w+:", " ", entry[language]) for entry in texts().values())
    return {word.lower() for text in said for word in _WORD.findall(text)}


@cache
def english_words() -> frozenset[str]:
    """Words that stand in the English texts and never in the French ones."""
    return frozenset(words_of_texts("en") - words_of_texts("fr")) | {
        "the",
        "and",
        "with",
        "of",
        "row",
        "rows",
        "customer",
        "customers",
        "yes",
        "no",
    }


_MARKS = {
    "an English thousands mark": re.compile(r"(?<![\d,.])[1-9]\d{0,2}(?:,\d{3})+(?![\d,])"),
    "an English decimal point": re.compile(r"(?<![\w.:/-])\d+\.\d+(?![\w.])"),
    "a currency sign before its amount": re.compile(r"[€£$][ \xa0]?\d"),
    "a day without its French month": re.compile(
        r"\b(?:January|February|March|April|June|July|August|September|October|November|"
        r"December|Jan|Feb|Apr|Aug|Dec)\b"
    ),
    "a percentage without its space": re.compile(r"\d%"),
    "a date as a machine writes it": re.compile(r"\b\d{4}-\d\d-\d\d\b"),
    "a name of the code": re.compile(r"\b[a-z]+_[a-z_]+\b"),
    "a value of Python": re.compile(r"\b(?:None|True|False|nan|NaT)\b"),
    "a place that was not filled": re.compile(r"[{}]|\[\w+:"),
}


# As it is typed, in every language: calls, options, file names, codes of plans.
_TYPED = re.compile(
    r"\brl\.[\w.]+(?:\([^()]*\))?|\b\w+\([^()]*[=\"_][^()]*\)|\.[a-z_]\w*(?:\([^()]*\))?"
    r"|\b\w+=\S*|\b[A-Z]+-\d{4}-\d\d-\d\d|\b[\w-]+\.(?:toml|csv|xlsx)\b|\$US"
    # Titles are cited as they were published.
    r"|Leading on the Edge of Chaos|The Loyalty Effect|How Brands Grow|Customer Genius"
    r"|US News and World Report|Harvard Business Review|Journal of Service Research"
    r"|White House Office of Consumer Affairs"
)


@cache
def typed_names() -> frozenset[str]:
    """Names of the contract's columns and of the arguments of public calls: they are typed."""
    names = {column for table in TABLES.values() for column in table.column_names}
    for name in rl.__all__:
        with suppress(Exception):
            names |= set(inspect.signature(getattr(rl, name)).parameters) | {name}
    return frozenset(name for name in names if "_" in name)


def english_in(said: Said, allowed: set[str]) -> Iterator[str]:
    """What is English in a text, but for the words of the data."""
    text = _TYPED.sub("`", said.text)
    text = re.sub(r"\b[a-z]+(?:_[a-z]+)+\b", lambda m: "`" if m[0] in typed_names() else m[0], text)
    for found in _WORD.finditer(text):
        small = found[0].lower()
        if small in english_words() and small not in allowed and found[0] not in allowed:
            yield f"{found[0]!r} in …{_around(text, found)}…"
    for what, pattern in _MARKS.items():
        for found in pattern.finditer(text):
            if found[0] not in allowed:
                yield f"{what}: {found[0]!r} in …{_around(text, found)}…"


def _around(text: str, found: re.Match[str]) -> str:
    return text[max(found.start() - 40, 0) : found.end() + 30].replace("\n", " ")


def roots(base: Any) -> Iterator[tuple[str, Callable[[], Any]]]:
    """Every public call that a base is given to, as the chapters give it."""
    kept: dict[str, Any] = {}

    def keep(name: str, call: Callable[[], Any]) -> Callable[[], Any]:
        def asked() -> Any:
            kept[name] = call()
            return kept[name]

        return asked

    yield "base", lambda: base
    yield "describe_base", lambda: rl.describe_base(base)
    yield "active", lambda: rl.describe_base(base).active_sentence()
    yield "check_quality", lambda: rl.check_quality(base)
    yield "find_duplicates", lambda: rl.find_duplicates(base)
    yield "measure_window", lambda: rl.measure_window(base)
    for period in ("month", "quarter", "year"):
        yield f"measure_flows({period})", lambda p=period: rl.measure_flows(base, period=p)
    yield "list_lost", lambda: rl.list_lost(base)
    yield "measure_replacement", lambda: rl.measure_replacement(base)
    yield "retention_cohorts", lambda: rl.retention_cohorts(base, period="quarter")
    yield "value_by_tenure", lambda: rl.value_by_tenure(base)
    yield "score_rfm", lambda: rl.score_rfm(base)
    yield "score_rfm(six)", lambda: rl.score_rfm(base, scheme="six")
    yield "measure_value", lambda: rl.measure_value(base)
    yield "profile_segments", lambda: rl.profile_segments(base, by="size")
    yield "find_types", lambda: rl.find_types(base)
    yield "segment_migration", lambda: rl.segment_migration(base)
    yield "measure_needs", lambda: rl.measure_needs(base)
    yield "find_cross_sell", lambda: rl.find_cross_sell(base)
    yield "check_people", lambda: rl.check_people(base)
    yield "check_opportunities", lambda: rl.check_opportunities(base)
    yield "find_signals", lambda: rl.find_signals(base, include="all")
    yield "watch_list", lambda: rl.watch_list(base)
    yield "see_the_future", lambda: rl.see_the_future(base)
    yield "fit_churn", keep("model", lambda: rl.fit_churn(base, too_little="say"))
    yield "ChurnModel.score", lambda: kept["model"].score(base)
    yield "value_customers", keep("value", lambda: rl.value_customers(base))
    yield "at_risk", lambda: kept["value"].at_risk(kept["model"].score(base))
    yield "five_points", lambda: rl.five_points(base)
    yield "starting_values", lambda: rl.Scenario.from_base(base).starting_values()
    yield "project", lambda: rl.project(rl.Scenario.from_base(base))
    yield "compare", lambda: _changed(base)
    yield "win_or_keep", lambda: rl.win_or_keep(base, budget=20_000)
    yield "past_effects", lambda: rl.past_effects(base)
    yield "evaluate_offer", keep("offer", lambda: rl.evaluate_offer(base))
    yield "explore_scenario", lambda: rl.explore_scenario(base)
    yield "explore_offer", lambda: rl.explore_offer(facts=kept["offer"].facts)
    yield "explore_segments", lambda: rl.explore_segments(base)
    yield "explore_watch_list", lambda: rl.explore_watch_list(base)
    yield "measure_pressure", lambda: rl.measure_pressure(base)
    yield "assign_journeys", keep("journeys", lambda: rl.assign_journeys(base))
    yield "make_plan", keep("plan", lambda: _plan(base, kept))
    yield "weigh_programmes", lambda: rl.weigh_programmes(base)
    yield "design_holdout", lambda: rl.design_holdout(base)
    yield "measure_campaign", lambda: rl.measure_campaign(base)
    yield "learn_uplift", lambda: rl.learn_uplift(base)
    yield "weigh_claims", keep("claims", lambda: rl.weigh_claims(base))


def _changed(base: Any) -> Any:
    now = rl.Scenario.from_base(base)
    after = now.keep_more(rl.Range(2, 5, 7)).change(programme_cost_per_customer=10)
    return rl.compare(now, after)


def _plan(base: Any, kept: dict[str, Any]) -> Any:
    return rl.make_plan(base, budget=1_000, hours_per_week=2, facts=kept["journeys"])


def sweep(base: Any, only: Callable[[str], bool] = lambda name: True) -> Sweep:
    """Ask a base for everything, or for the calls whose name ``only`` says yes to."""
    swept = Sweep(base)
    for name, call in roots(base):
        if only(name):
            try:
                swept.attempt(name, call)
            except KeyError as missing:
                if str(missing).strip("'") not in ("model", "value", "offer", "journeys"):
                    raise
    return swept


def english_of(swept: Sweep, allowed: set[str] = frozenset()) -> list[str]:
    """What is English in all that was said, once each."""
    known = swept.base_words | set(allowed) | set(TABLES)
    found = dict.fromkeys(swept.failed)
    for said in swept.said:
        for problem in english_in(said, known):
            found.setdefault(f"{said.where}: {problem}")
    return list(found)


def words_in_workbook(path: Path) -> Iterator[Said]:
    """Every text of an Excel file, sheet names too."""
    from openpyxl import load_workbook

    for sheet in load_workbook(path):
        yield Said(f"{path.name} {sheet.title}", sheet.title)
        for row in sheet.iter_rows(values_only=True):
            for value in row:
                if isinstance(value, str):
                    yield Said(f"{path.name} {sheet.title}", value)
