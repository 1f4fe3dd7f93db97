"""What the cells of a chapter put out, as parts of a page that needs nothing else."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from retention_lib.views import _report_chapters as chapters_of
from retention_lib.views._report_numbers import constants_of, numbers_printed, text_of_html
from retention_lib.views._report_page import ChapterPage
from retention_lib.views._report_prose import inline, kept, question_of, to_html
from retention_lib.views._report_run import CELL_SECONDS, Ran
from retention_lib.views.plain_words import details_in_french, in_french, plain, plain_markup
from retention_lib.wording import Wording

_OURS = ("RetentionError", "InputError", "QuestionError", "ChoiceError", "MissingPackageError")
_SENTENCE = re.compile(r"<p><strong>(.*?)</strong></p>", re.DOTALL)
_ACTIVE = re.compile(
    r"<(script|iframe|object|embed|link|pre|button|input)\b.*?(?:</\1\s*>|/>)", re.S | re.I
)
_CODE_LINE = re.compile(r"<code\b.*?</code>", re.DOTALL)
_NOISE = re.compile(r"\w*Warning: |^\s|^\S+:\d+:")


@dataclass
class Tables:
    """Counts the tables of the page, so that each has a name of its own."""

    wording: Wording
    seen: int = 0

    def wrapped(self, markup: str) -> str:
        """Tables in a frame that scrolls sideways, by keyboard as well."""
        return re.sub(r"<table\b.*?</table>", self._frame, markup, flags=re.DOTALL)

    def _frame(self, match: re.Match[str]) -> str:
        self.seen += 1
        name = html.escape(self.wording.say("report.table", number=self.seen))
        return (
            f'<div class="scroll" role="region" tabindex="0" aria-label="{name}">{match[0]}</div>'
        )


@dataclass
class _Body:
    """A chapter under way: headings wait until something stands under them."""

    parts: list[str] = field(default_factory=list)
    waiting: list[tuple[int, str]] = field(default_factory=list)
    lang: str = ""

    def head(self, level: int, words: str) -> None:
        # A heading that follows another of its own rank: nothing was left under the first.
        self.waiting = [(rank, said) for rank, said in self.waiting if rank < level]
        self.waiting.append((level, words))

    def add(self, part: str) -> None:
        for level, words in self.waiting:
            rank = min(max(level, 2) + 1, 6)
            self.parts.append(f"<h{rank}{self.lang}>{words}</h{rank}>")
        self.waiting.clear()
        self.parts.append(part)


def chapter_page(
    chapter: chapters_of.Chapter,
    pieces: Sequence[chapters_of.Piece],
    ran: Ran,
    tables: Tables,
    known: set[str],
) -> ChapterPage:
    """One chapter: its prose where it is true here, what its cells put out, where it stopped."""
    w = tables.wording
    language = w.language if chapter.translated else "en"
    body = _Body(lang=f' lang="{language}"' if language != w.language else "")
    printed: set[Decimal] = set()
    title, question, said = chapter.number, "", list[str]()
    run = [piece for piece in pieces if piece.runs]
    outputs = dict(zip([id(piece) for piece in run], ran.outputs, strict=False))
    for piece in pieces:
        if piece.code:
            shown = outputs.get(id(piece), ())
            markup = tables.wrapped(output_html(shown, w)) if piece.shown else ""
            if markup:
                printed |= numbers_printed(text_of_html(markup))
                body.add(f'<div class="out">{markup}</div>')
            if chapters_of.expression_of(piece.code) in chapters_of.SAID.get(chapter.number, ()):
                said += _SENTENCE.findall(markup)[:1]
        elif piece.level == 1:
            title, question = inline(piece.heading), inline(question_of(piece.text))
        elif piece.shown:
            if piece.level:
                body.head(piece.level, inline(piece.heading))
            text = kept(piece.text, printed | constants_of(piece.text))
            if text:
                prose = to_html(text, known)
                body.add(f"<div{body.lang}>{prose}</div>" if body.lang else prose)
    # Two chapters are called after what one does with them in a notebook.
    own = f"report.chapter_{chapter.number}"
    return ChapterPage(
        number=chapter.number,
        title=html.escape(w.say(own)) if w.has(own) else title,
        question=question,
        body="\n".join(body.parts),
        said=said,
        prose_language=language,
        problem=_stopped(ran, w),
    )


def error_said(ran: Ran, w: Wording) -> str:
    """Why a chapter stopped, in words; empty where it did not."""
    if ran.error is None:
        return ""
    name, said = ran.error
    if name in _OURS:
        return said
    if name == "Timeout":
        return w.say("report.too_long", minutes=CELL_SECONDS // 60)
    if name == "DeadKernel":
        return w.say("report.kernel_died")
    return w.say("report.failed_oddly", error=f"{name}: {said}"[:300])


def _stopped(ran: Ran, w: Wording) -> str:
    said = error_said(ran, w)
    if not said:
        return ""
    head, lines = html.escape(w.say("report.stopped")), html.escape(said).replace("\n", "<br>")
    return f'<p class="problem"><strong>{head}</strong> {lines}</p>'


def output_html(outputs: Sequence[Any], w: Wording) -> str:
    """The outputs of one cell; pictures first, their words in full below them."""
    parts, words = list[str](), list[str]()
    for output in outputs:
        kind = output.get("output_type")
        if kind == "stream":
            parts += _lines(output)
            continue
        data = output.get("data", {})
        if "image/png" in data:
            parts.append(_picture(output, w))
        elif "text/html" in data:
            markup = _still(_joined(data["text/html"]), w)
            (words if markup.lstrip().startswith("<details") else parts).append(markup)
        elif set(data) == {"text/plain"}:
            parts.append(f"<p>{html.escape(_joined(data['text/plain']))}</p>")
    return "\n".join(parts + words)


def _lines(output: Any) -> list[str]:
    text = _joined(output.get("text", ""))
    if output.get("name") == "stdout":
        return [
            f"<p><strong>{html.escape(line)}</strong></p>"
            for line in map(plain, text.splitlines())
            if line
        ]
    # Warnings about the data are said; what a package grumbles about its own code is not.
    notes = [line for line in text.splitlines() if line.strip() and not _NOISE.search(line)]
    return [f'<p class="note">{html.escape(line)}</p>' for line in notes]


def _picture(output: Any, w: Wording) -> str:
    coded = re.sub(r"\s+", "", _joined(output["data"]["image/png"]))
    about = output.get("metadata", {}).get("image/png", {})
    words = plain(str(about.get("alt", ""))) if isinstance(about, dict) else ""
    alt = html.escape(in_french(words) if w.language == "fr" else words)
    return f'<figure><img alt="{alt}" src="data:image/png;base64,{coded}"></figure>'


def _still(markup: str, w: Wording) -> str:
    """A cell's HTML without anything that moves, and without code."""
    for words in (w.say("explorer.run_me"), w.say("explorer.code")):
        # An explorer leaves its quotes as they are; other markup may not.
        markup = markup.replace(html.escape(words), "").replace(html.escape(words, False), "")
    markup = plain_markup(_CODE_LINE.sub("", _ACTIVE.sub("", markup)))
    return details_in_french(markup) if w.language == "fr" else markup


def _joined(text: Any) -> str:
    return text if isinstance(text, str) else "".join(text)
