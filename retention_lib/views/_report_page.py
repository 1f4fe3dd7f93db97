"""The report as one page of HTML: its frame, its look, its front page.

No script, no outside request: pictures are part of the page, and its own rule for browsers
(``Content-Security-Policy``) forbids anything else. Every text from the data is escaped.
"""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass

from retention_lib.views.plain_words import with_kept_spaces
from retention_lib.wording import Wording

COLOURS = {
    "ink": "#1A1A1A",
    "quiet": "#4A4A4A",
    "paper": "#FFFFFF",
    "link": "#1B3E9E",
    "band": "#EEF3FB",
    "note": "#FFF7E0",
    "problem": "#FBEDE6",
    "rule": "#8A8F94",
}
"""Colours of the page; every text is read on ``paper``, ``band``, ``note`` or ``problem``."""

_STYLE = """
:root{color-scheme:light}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0;background:PAPER;color:INK;font:17px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,
 "Helvetica Neue",Arial,sans-serif;overflow-wrap:break-word}
main,header,footer{max-width:62rem;margin:0 auto;padding:0 1.25rem}
header{padding-top:2rem}
h1{font-size:2.1rem;line-height:1.2;margin:.2em 0 .5em}
h2{font-size:1.65rem;line-height:1.25;margin:2.6rem 0 .6rem;padding-top:.6rem;
 border-top:3px solid LINK}
h3{font-size:1.25rem;line-height:1.3;margin:2rem 0 .4rem}
h4{font-size:1.08rem;margin:1.6rem 0 .3rem}
p{margin:.5em 0 .8em;max-width:44em}
li{margin:.3em 0;max-width:42em}
a{color:LINK}
a:focus-visible,[tabindex]:focus-visible,summary:focus-visible{outline:3px solid #B94A08;
 outline-offset:2px}
.skip{position:absolute;left:-999em;top:0;background:PAPER;padding:.6em 1em;z-index:2}
.skip:focus{left:0}
.lead{font-size:1.12rem}
.quiet{color:QUIET;font-size:.92rem}
.said{background:BAND;border-left:5px solid LINK;padding:.7em 1em;margin:.9em 0;break-inside:avoid}
.said h3{margin:.1em 0 .3em;font-size:1.05rem}
.said p{margin:.35em 0;font-weight:600;max-width:none}
.note{background:NOTE;border-left:5px solid #8A6D00;padding:.5em 1em}
.problem{background:PROBLEM;border-left:5px solid #B94A08;padding:.5em 1em}
dl{display:grid;grid-template-columns:minmax(9em,max-content) 1fr;gap:.25em 1.2em;margin:.6em 0}
dt{font-weight:600}dd{margin:0}
nav ol{list-style:none;padding:0}
figure{margin:1.1em 0}
figure img,img{max-width:100%;height:auto;display:block}
details{margin:.3em 0 1em;font-size:.92rem}
.scroll{font-size:.86rem;overflow-x:auto;margin:.8em 0;max-width:100%}
.scroll table,table{border-collapse:collapse}
th,td{text-align:left}
.out{margin:1em 0}
.back{font-size:.92rem}
footer{margin-top:3rem;padding-bottom:2rem;border-top:1px solid RULE}
@media (max-width:30rem){body{font-size:16px}main,header,footer{padding:0 .9rem}
 h1{font-size:1.6rem}h2{font-size:1.35rem}dl{grid-template-columns:1fr}dd{margin:0 0 .5em}
 .scroll{font-size:.88rem}}
@page{size:A4;margin:15mm 14mm}
@media print{
 body{font-size:10pt;line-height:1.4}main,header,footer{max-width:none;padding:0}
 a{color:INK;text-decoration:none}.skip,.back,details{display:none}
 .chapter,.page{break-before:page}h2{border-top:0;margin-top:0}
 h2,h3,h4{break-after:avoid}figure,tr,.out>div>p:first-child{break-inside:avoid}
 figure img{max-height:110mm;width:auto}thead{display:table-header-group}
 .scroll{overflow:visible;font-size:7.6pt}.scroll th,.scroll td{min-width:0!important;
 white-space:normal!important;padding:.12em .35em!important}p,li{orphans:3;widows:3}}
"""

POLICY = (
    '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
    "img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'\">"
)
"""What a page tells browsers: no script, nothing from outside, whatever may stand in it."""


@dataclass(frozen=True)
class ChapterPage:
    """A chapter as it stands in the report: HTML parts, and the sentences to say."""

    number: str
    title: str
    body: str
    question: str = ""
    said: Sequence[str] = ()
    """Escaped HTML, each one sentence."""

    prose_language: str = "en"
    problem: str = ""

    @property
    def anchor(self) -> str:
        """Where links to the chapter lead."""
        return f"chapter-{self.number}"


@dataclass(frozen=True)
class Frame:
    """What stands around the chapters."""

    title: str
    lead: Sequence[str]
    facts: Sequence[tuple[str, str]]
    files: Sequence[tuple[str, str]]
    problems: Sequence[str]
    version: str


def style() -> str:
    """The look of the page."""
    text = _STYLE
    for name, colour in COLOURS.items():
        text = re.sub(rf"\b{name.upper()}\b", colour, text)
    return text.strip()


def page(frame: Frame, chapters: Sequence[ChapterPage], wording: Wording) -> str:
    """The whole page."""
    w = wording
    parts = [
        "<!DOCTYPE html>",
        f'<html lang="{w.language}">',
        '<head><meta charset="utf-8">',
        POLICY,
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<meta name="color-scheme" content="light">',
        # An empty picture of its own: without it browsers ask for one.
        '<link rel="icon" href="data:,">',
        f"<title>{_escape(frame.title)}</title>",
        f"<style>{style()}</style></head>",
        f'<body><a class="skip" href="#content">{_escape(w.say("report.skip"))}</a>',
        _head(frame, w),
        '<main id="content">',
        _to_say(chapters, w),
        _contents(frame, chapters, w),
        _facts(frame, w),
        _files(frame, w),
        _problems(frame, w),
        *(_chapter(chapter, w) for chapter in chapters),
        "</main>",
        f'<footer><p class="quiet">{_escape(w.say("report.foot", version=frame.version))}</p>'
        "</footer></body></html>",
    ]
    made = "\n".join(part for part in parts if part) + "\n"
    return with_kept_spaces(made) if w.language == "fr" else made


def _head(frame: Frame, w: Wording) -> str:
    lead = "".join(f'<p class="lead">{_escape(text)}</p>' for text in frame.lead)
    return f"<header><h1>{_escape(frame.title)}</h1>{lead}</header>"


def _to_say(chapters: Sequence[ChapterPage], w: Wording) -> str:
    boxes, told = "", set[str]()
    for chapter in chapters:
        # Why there is no forecast is said where it is missed first, and once.
        sentences = [said for said in dict.fromkeys(chapter.said) if said not in told]
        told.update(sentences)
        if sentences:
            boxes += (
                f'<div class="said"><h3><a href="#{chapter.anchor}">{chapter.title}</a></h3>'
                + "".join(f"<p>{said}</p>" for said in sentences)
                + "</div>"
            )
    if not boxes:
        return ""
    return (
        f'<section aria-labelledby="to-say"><h2 id="to-say">{_escape(w.say("report.to_say"))}</h2>'
        f'<p class="quiet">{_escape(w.say("report.to_say_lead"))}</p>{boxes}</section>'
    )


def _contents(frame: Frame, chapters: Sequence[ChapterPage], w: Wording) -> str:
    items = [
        f'<li><a href="#{chapter.anchor}">{chapter.number} {chapter.title}</a></li>'
        for chapter in chapters
    ]
    named = [("made-under", "report.made_under"), ("files", "report.files")]
    named += [("problems", "report.problems")] if frame.problems else []
    before = [f'<li><a href="#{anchor}">{_escape(w.say(key))}</a></li>' for anchor, key in named]
    return (
        f'<nav class="page" aria-labelledby="contents">'
        f'<h2 id="contents">{_escape(w.say("report.contents"))}</h2>'
        f"<ol>{''.join(before + items)}</ol></nav>"
    )


def _facts(frame: Frame, w: Wording) -> str:
    rows = "".join(f"<dt>{_escape(n)}</dt><dd>{_escape(v)}</dd>" for n, v in frame.facts)
    return f'<h2 id="made-under">{_escape(w.say("report.made_under"))}</h2><dl>{rows}</dl>'


def _files(frame: Frame, w: Wording) -> str:
    if not frame.files:
        return ""
    # No links: on a stick or in a mail the page travels alone, and a dead link helps nobody.
    rows = "".join(f"<dt>{_escape(n)}</dt><dd>{_escape(v)}</dd>" for n, v in frame.files)
    return f'<h2 id="files">{_escape(w.say("report.files"))}</h2><dl>{rows}</dl>'


def _problems(frame: Frame, w: Wording) -> str:
    if not frame.problems:
        return ""
    items = "".join(f"<li>{_escape(text)}</li>" for text in frame.problems)
    return f'<h2 id="problems">{_escape(w.say("report.problems"))}</h2><ul>{items}</ul>'


def _chapter(chapter: ChapterPage, w: Wording) -> str:
    foreign = chapter.prose_language != w.language
    note = f'<p class="note">{_escape(w.say("report.in_english"))}</p>' if foreign else ""
    lang = f' lang="{chapter.prose_language}"' if foreign else ""
    label = _escape(w.say("report.question"))
    question = (
        f'<p class="lead"><strong>{label}</strong> <span{lang}>{chapter.question}</span></p>'
        if chapter.question
        else ""
    )
    back = f'<p class="back"><a href="#contents">{_escape(w.say("report.back"))}</a></p>'
    return (
        f'<section class="chapter" aria-labelledby="{chapter.anchor}">'
        f'<h2 id="{chapter.anchor}"><span{lang}>{chapter.number} {chapter.title}</span></h2>'
        f"{note}{question}{chapter.body}{chapter.problem}{back}</section>"
    )


def _escape(text: str) -> str:
    return html.escape(text)
