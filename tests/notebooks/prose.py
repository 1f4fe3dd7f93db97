"""What a chapter must be: every figure of its prose printed above it, and the form of the house.

A notebook that merely runs lets its story rot: the code says 12, the text goes on saying 52. Here
a number in the prose must stand in a *checked* output of a code cell above it, that is one which
nbval compares at every run. The functions return the problems as sentences; no problem, no text.
"""

from __future__ import annotations

import ast
import html
import json
import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

Cell = dict[str, Any]
Notebook = dict[str, Any]

# What every chapter opens and closes with, by the language it is written in.
OPENINGS = {
    "en": ("The question", "For whom", "Minutes", "Afterwards you can say"),
    "fr": ("La question", "Pour qui", "Durée", "Ensuite, vous pourrez dire"),
}
CLOSINGS = {
    "en": ("Say this in the meeting", "What would change our mind", "Exercise", "Next"),
    "fr": ("À dire en réunion", "Ce qui nous ferait changer d'avis", "Exercice", "La suite"),
}
OPENING, CLOSING = OPENINGS["en"], CLOSINGS["en"]
FEWEST_CELLS, MOST_CELLS, MOST_CODE_LINES = 12, 40, 12
MOST_OUTPUT_BYTES = 1_500_000
UNCHECKED_TAGS = {"nbval-ignore-output", "nbval-skip", "raises-exception"}
UNCHECKED_COMMENTS = re.compile(
    r"^\s*#\s*(NBVAL_IGNORE_OUTPUT|NBVAL_SKIP|NBVAL_RAISES_EXCEPTION"
    r"|PYTEST_VALIDATE_IGNORE_OUTPUT)\s*$",
    re.MULTILINE,
)


# ----------------------------------------------------------------------------- numbers

_SPACE = "[ \u00a0\u2009\u202f]"
_NUMBER = re.compile(
    rf"(?<![^\W_])(?<!\d[.,])"  # not B2B's 2, not the end of a longer number
    rf"(?P<number>\d{{1,3}}(?:,\d{{3}})+(?!\d)(?:\.\d+)?"  # 1,234.5
    rf"|\d{{1,3}}(?:{_SPACE}\d{{3}})+(?!\d)(?:[.,]\d+)?"  # 1 234,5
    rf"|\d{{1,3}}(?:['\u2019]\d{{3}})+(?!\d)(?:[.,]\d+)?"  # 1'234.5
    rf"|\d+(?:[.,]\d+)?)"  # 1234, 12.5 and 12,5
    rf"(?P<percent>{_SPACE}?%)?"
)
_COMMA_OF_THOUSANDS = re.compile(r"[1-9]\d{0,2}(,\d{3})+(\.\d+)?")


@dataclass(frozen=True)
class Figure:
    """A number as it was written, and what it says."""

    text: str
    value: Decimal
    percent: bool


def figures(text: str, language: str = "en") -> Iterator[Figure]:
    """The numbers of a text; both ways of writing them are known in either language.

    What 1,234 says depends on the language of the text.

    >>> [str(f.value) for f in figures("1,234 and 1 234,5 and 12,5 % and 007 and B2B")]
    ['1234', '1234.5', '12.5', '7']
    >>> [str(f.value) for f in figures("1,234 et 1 234,5", "fr")]
    ['1.234', '1234.5']
    """
    for match in _NUMBER.finditer(text):
        number = match["number"]
        yield Figure(match.group(), _value(number, language), bool(match["percent"]))


def _value(number: str, language: str) -> Decimal:
    plain = re.sub(rf"{_SPACE}|['\u2019]", "", number)
    # In English a comma with three digits behind it groups thousands, any other is a decimal
    # comma; in French every comma is, but for those that come twice or before a point.
    english = language == "en" and _COMMA_OF_THOUSANDS.fullmatch(plain)
    if english or plain.count(",") > 1 or "." in plain:
        plain = plain.replace(",", "")
    return Decimal(plain.replace(",", "."))


def _readings(text: str, language: str) -> Iterator[Figure]:
    """The numbers of an output, read generously.

    In a printed table 12 345 may be two columns and 4,414 a French fraction; both readings count.
    """
    for figure in figures(text, language):
        yield figure
        parts = re.split(_SPACE, figure.text.replace("%", "").strip())
        if len(parts) > 1:
            yield from figures(" ; ".join(parts) + ("%" if figure.percent else ""), language)
        elif re.fullmatch(r"\d+,\d+", parts[0]):
            yield Figure(figure.text, Decimal(parts[0].replace(",", ".")), figure.percent)


def printed(figure: Figure, seen: Collection[tuple[Decimal, bool]]) -> bool:
    """Whether a number of the prose stands in the outputs; a percentage only as a percentage."""
    wanted = {True} if figure.percent else {True, False}
    if any((figure.value, percent) in seen for percent in wanted):
        return True
    parts = re.split(_SPACE, figure.text.replace("%", "").strip())
    # "in 2025 120 customers" is never read as one number, but "5 120 customers" is.
    return len(parts) > 1 and all(
        any((Decimal(part.replace(",", ".")), percent) in seen for percent in (True, False))
        for part in parts
    )


# ------------------------------------------------------------------- prose and outputs

_CONSTANTS = re.compile(r"<!--\s*constants:\s*([^>]*?)\s*-->")
_LINK_TO_CHAPTER = re.compile(r"\[\s*\d{1,2}\b([^\]]*)\]\(\d{2}_[^)]*\)")
_NOT_PROSE = (
    re.compile(r"^(```|~~~).*?^\1", re.DOTALL | re.MULTILINE),
    re.compile(r"(`+).+?\1", re.DOTALL),
    re.compile(r"<!--.*?-->", re.DOTALL),
    re.compile(r"<(?:https?|mailto):[^>]*>|https?://\S+"),
    re.compile(r"<[^>]+>"),
    re.compile(r"(?<=\])\([^)]*\)"),
    re.compile(r"\S+\.(?:csv|xlsx?|parquet|ipynb|py|toml|json|txt|md|html|pdf|zip|png)\b"),
    re.compile(r"\b\d{2}_\w+"),
    # A figure is never written with a leading zero; a chapter is.
    re.compile(r"(?<![\w.,/:-])0\d\b(?![.,/:-]\d)"),
    re.compile(
        r"\b(?:chapters?|chapitres?)\s+\d{1,2}(?:(?:\s*,\s*|\s+(?:and|to|or|et|ou|à)\s+)\d{1,2}\b)*",
        re.IGNORECASE,
    ),
    re.compile(r"^\s*(?:#+\s+|[-*+]\s+)?\d{1,2}[.)]\s", re.MULTILINE),
    # How long a chapter takes is a promise, not a measurement.
    re.compile(r"^\s*(?:#+\s*|\*\*)(?:Minutes|Durée)\b.*$", re.MULTILINE),
)


def source(cell: Cell) -> str:
    """The text of a cell, however it is stored."""
    return _joined(cell.get("source", ""))


def _joined(text: str | list[str]) -> str:
    return text if isinstance(text, str) else "".join(text)


def prose_of(markdown: str) -> str:
    """What a reader reads: without code, link targets, file names and chapter numbers."""
    text = _LINK_TO_CHAPTER.sub(r"\1", markdown)
    for pattern in _NOT_PROSE:
        text = pattern.sub(" ", text)
    return html.unescape(text)


def constants_of(markdown: str) -> list[Figure]:
    """The numbers that a cell's comment ``<!-- constants: 365, 5 -->`` calls definitions."""
    listed = ", ".join(_CONSTANTS.findall(markdown))
    return [figure for item in re.split(r"[,;]\s+", listed) for figure in figures(item)]


def checked_text(cell: Cell) -> str:
    """What nbval compares of a code cell's outputs, as plain text."""
    tags = set(cell.get("metadata", {}).get("tags", []))
    if tags & UNCHECKED_TAGS or UNCHECKED_COMMENTS.search(source(cell)):
        return ""
    return "\n".join(text for output in cell.get("outputs", []) for text in _texts(output))


def _texts(output: dict[str, Any]) -> Iterator[str]:
    if output.get("output_type") == "stream" and output.get("name") == "stdout":
        yield _joined(output["text"])
    data = output.get("data", {})
    if "text/plain" in data:
        yield _joined(data["text/plain"])
    if "text/html" in data:
        yield text_of_html(_joined(data["text/html"]))


def text_of_html(markup: str) -> str:
    """The text that a browser would show; each tag parts words."""
    shown = re.sub(r"<(style|script)\b.*?</\1\s*>|<!--.*?-->", " ", markup, flags=re.DOTALL | re.I)
    return html.unescape(re.sub(r"<[^>]*>", " | ", shown))


def stale_numbers(
    notebook: Notebook, allowed_constants: Collection[str] = (), language: str = "en"
) -> list[str]:
    """The numbers of the prose that no checked output above them prints, as sentences."""
    problems = []
    seen: set[tuple[Decimal, bool]] = set()
    allowed = {figure.value for text in allowed_constants for figure in figures(text)}
    for place, cell in enumerate(notebook["cells"]):
        if cell["cell_type"] == "code":
            shown = _readings(checked_text(cell), language)
            seen |= {(figure.value, figure.percent) for figure in shown}
        elif cell["cell_type"] == "markdown":
            problems += _stale_in(source(cell), place, seen, allowed, language)
    return problems


def _stale_in(
    markdown: str,
    place: int,
    seen: set[tuple[Decimal, bool]],
    allowed: set[Decimal],
    language: str,
) -> Iterator[str]:
    constants = {figure.value for figure in constants_of(markdown)}
    for value in sorted(constants - allowed):
        yield f"cell {place}: {value} is called a constant and is not in the list of definitions"
    text = prose_of(markdown)
    for match in figures(text, language):
        if match.value not in constants & allowed and not printed(match, seen):
            where = text.index(match.text)
            around = " ".join(text[max(0, where - 30) : where + 30].split())
            yield f"cell {place}: {match.text!r} is in no checked output above it (… {around} …)"


# --------------------------------------------------------------------------- the form


def structure_problems(notebook: Notebook, language: str = "en") -> list[str]:
    """Where a chapter departs from the form of the house, as sentences."""
    cells = notebook["cells"]
    return [
        *_frame_problems(cells, language),
        *_size_problems(cells),
        *(problem for place, cell in enumerate(cells) for problem in _cell_problems(place, cell)),
        *_run_problems(cells),
    ]


def _frame_problems(cells: list[Cell], language: str) -> Iterator[str]:
    code = [place for place, cell in enumerate(cells) if cell["cell_type"] == "code"]
    first, last = (code[0], code[-1]) if code else (len(cells), -1)
    for labels, part, where in (
        (OPENINGS[language], cells[:first], "before its first code cell"),
        (CLOSINGS[language], cells[last + 1 :], "after its last code cell"),
    ):
        text = "\n".join(source(cell) for cell in part if cell["cell_type"] == "markdown")
        found = [_label_at(label, text) for label in labels]
        for label, position in zip(labels, found, strict=True):
            if position < 0:
                yield f"the chapter does not say {label!r} {where}"
        if -1 not in found and found != sorted(found):
            yield f"the chapter says {', '.join(labels)} in another order"


def _label_at(label: str, text: str) -> int:
    label_pattern = re.escape(label)
    match = re.search(rf"^(?:#+\s+|\s*(?:[-*+]\s+)?(?:\*\*|__)){label_pattern}\b", text, re.M)
    return match.start() if match else -1


def _size_problems(cells: list[Cell]) -> Iterator[str]:
    if not FEWEST_CELLS <= len(cells) <= MOST_CELLS:
        yield f"the chapter has {len(cells)} cells, not {FEWEST_CELLS} to {MOST_CELLS}"
    prose, code = (
        sum(len(source(cell).strip()) for cell in cells if cell["cell_type"] == kind)
        for kind in ("markdown", "code")
    )
    if prose < code:
        yield f"the chapter has less prose ({prose} characters) than code ({code})"
    size = len(json.dumps([cell.get("outputs", []) for cell in cells]).encode())
    if size >= MOST_OUTPUT_BYTES:
        yield f"the outputs take {size:,} bytes; the most is {MOST_OUTPUT_BYTES:,}"


def _cell_problems(place: int, cell: Cell) -> Iterator[str]:
    for key in sorted(set(cell.get("metadata", {})) - {"tags", "slideshow"}):
        yield f"cell {place}: the cell metadata {key!r} does not belong there"
    shown = "\n".join(_everything(cell))
    for path in _PATH.findall(shown):
        yield f"cell {place}: {path!r} is a path on one machine"
    if found := _BROKEN_TEXT.search(shown):
        yield f"cell {place}: {found.group()!r} is a text read in the wrong encoding"
    if cell["cell_type"] == "code":
        yield from (f"cell {place}: {problem}" for problem in _code_problems(source(cell)))
        yield from (f"cell {place}: {problem}" for problem in _output_problems(cell))


# Folders of one machine: home directories, temporary and system folders, drives, file addresses.
_PATH = re.compile(
    r"(?<![\w.~/:-])/(?:home|Users|root|tmp|work|var|mnt|private|usr|opt|srv|Volumes)/[^\s'\"<>|]*"
    r"|(?<![\w/.])~/[^\s'\"<>|]*|\b[A-Za-z]:\\[^\s'\"<>|]*|file://[^\s'\"<>|]*"
)
_BROKEN_TEXT = re.compile("\ufffd|\u00c3[\u0080-\u00bf]|\u00e2\u20ac|[\x00-\x08\x0b\x0e-\x1a]")


def _everything(cell: Cell) -> Iterator[str]:
    """Every text of a cell a reader may see, pictures apart."""
    yield source(cell)
    for output in cell.get("outputs", []):
        yield _joined(output.get("text", ""))
        for mime, content in output.get("data", {}).items():
            if mime.startswith("text/") or mime == "image/svg+xml":
                yield _joined(content)
        for about in output.get("metadata", {}).values():
            yield str(about.get("alt", "")) if isinstance(about, dict) else ""


def _code_problems(code: str) -> Iterator[str]:
    lines = code.strip().splitlines()
    if not lines:
        yield "it is empty"
        return
    if len(lines) > MOST_CODE_LINES:
        yield f"it has {len(lines)} lines of code; the most is {MOST_CODE_LINES}"
    try:
        tree = ast.parse(code)
    except SyntaxError:
        yield "it is not plain Python"
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            yield "it defines something; what two cells need is a function of the library"
    for module in sorted(set(_imports(tree)) - {"retention_lib"}):
        yield f"it imports {module}; a chapter needs nothing but retention_lib"


def _imports(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield (node.module or "").split(".")[0]


def _output_problems(cell: Cell) -> Iterator[str]:
    outputs = cell.get("outputs", [])
    if not outputs and "silent" not in cell.get("metadata", {}).get("tags", []):
        yield "it shows nothing and is not tagged 'silent'"
    for output in outputs:
        if output["output_type"] == "error":
            yield f"it ends in an error: {output.get('ename')}: {output.get('evalue')}"
        if output.get("name") == "stderr":
            yield f"it writes to stderr: {_joined(output['text'])[:80]!r}"
        for mime in output.get("data", {}):
            about = output.get("metadata", {}).get(mime, {})
            if mime.startswith("image/") and not str(about.get("alt", "")).strip():
                yield f"its picture ({mime}) has no text alternative in its metadata"


def _run_problems(cells: Iterable[Cell]) -> Iterator[str]:
    counts = [cell.get("execution_count") for cell in cells if cell["cell_type"] == "code"]
    if counts != list(range(1, len(counts) + 1)):
        yield f"the cells were not run once each from top to bottom: {counts}"


def file_problems(path: Path) -> list[str]:
    """Whether a notebook's file is proper UTF-8 and proper JSON."""
    content = path.read_bytes()
    if content.startswith(b"\xef\xbb\xbf"):
        return ["the file begins with a byte-order mark"]
    try:
        json.loads(content.decode("utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        return [f"the file is not UTF-8 JSON: {error}"]
    return []
