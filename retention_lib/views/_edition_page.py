"""An edition of a chapter as a page: no script, nothing from outside, dark text on white."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from retention_lib.views._report_outputs import output_html
from retention_lib.views._report_page import POLICY
from retention_lib.views.plain_words import with_kept_spaces
from retention_lib.wording import Wording

if TYPE_CHECKING:
    from retention_lib.views.editions import Edition

_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_LINK = re.compile(r"\]\((?:\.\./)?(?:fr/)?(\d{2})_[^)\s]*\.ipynb[^)]*\)")
_OTHER_LINK = re.compile(r"(?<!!)\[([^\]]*)\]\((?!https?://|\d\d_[^)]*\.html)[^)]*\)")
_PICTURE = re.compile(r"!\[([^\]]*)\]\([^)]*\)")

CSS = """
:root{color-scheme:light}
body{font:17px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,Arial,sans-serif;color:#1a1a1a;
 background:#fff;margin:0}
.skip{position:absolute;left:-9999px}
.skip:focus{left:8px;top:8px;background:#fff;color:#1a1a1a;
 padding:.4em .8em;outline:3px solid #b94a08}
header,main,footer{max-width:52rem;margin:0 auto;padding:0 1rem;box-sizing:border-box}
header{border-bottom:3px solid #2e50ca;padding-top:1rem}
header p{margin:.1em 0 .5em;color:#595959}
a{color:#1f3fb5}
a:focus{outline:3px solid #b94a08;outline-offset:2px}
h1{font-size:1.9rem;line-height:1.2}h2{font-size:1.4rem;margin-top:2em}h3{font-size:1.15rem}
table{border-collapse:collapse;margin:.5em 0;font-size:.92rem;font-variant-numeric:tabular-nums}
th,td{text-align:left;vertical-align:top;padding:.3em .7em;border-bottom:1px solid #c8c8c8}
img{max-width:100%;height:auto}
.scroll{overflow-x:auto}
.scroll:focus{outline:3px solid #b94a08}
pre{background:#f4f4f4;padding:.6em .8em;overflow-x:auto;font-size:.85rem;
 border-left:3px solid #c8c8c8}
pre:focus{outline:3px solid #b94a08}
.box{border:1px solid #8a8f94;border-left:6px solid #2e50ca;padding:.2em 1rem .6em;margin:1.2em 0}
.solution{border-left-color:#2d9072}
.notes{border-left-color:#b94a08;background:#fdf6f0}
.label{font-weight:600;margin:.5em 0 0}
.answer{border:1px dashed #8a8f94;min-height:7em;margin:.8em 0;padding:.2em .6em;color:#595959}
nav ul{padding-left:1.2em}
footer{border-top:1px solid #c8c8c8;margin-top:3em;padding-bottom:2em}
@media print{@page{size:A4;margin:18mm}body{font-size:11pt}.skip,footer nav{display:none}
 h2,h3{break-after:avoid}.box,img,tr{break-inside:avoid}a{color:inherit;text-decoration:none}
 .scroll,pre{overflow:visible}table{font-size:8pt}
 th,td{padding:.2em .35em!important;min-width:0!important;white-space:normal!important;
 overflow-wrap:anywhere}pre{white-space:pre-wrap}}
"""


def chapter_page(
    cells: Sequence[Any],
    edition: Edition,
    *,
    title: str,
    about: str,
    links: Mapping[str, str],
    around: tuple[str, str],
    lang: str,
    wording: Wording,
) -> str:
    """One chapter as a page.

    ``links``: number of a chapter to the file of its page. ``around``: links to the pages before
    and after it, as HTML. ``lang``: the language of its prose.
    """
    parts = [_cell(cell, edition, links, wording) for cell in cells]
    body = "\n".join(part for part in parts if part)
    return frame(title, edition, about, f'<div lang="{lang}">{body}</div>', wording, around)


def frame(
    title: str,
    edition: Edition,
    about: str,
    body: str,
    w: Wording,
    around: tuple[str, str] = ("", ""),
) -> str:
    """The frame of a page: skip link, heading of the edition, text, links at its end."""
    name = html.escape(w.say(f"editions.name.{edition}"))
    links = "".join(f"<li>{link}</li>" for link in around if link)
    label = html.escape(w.say("editions.chapters"))
    foot = f'<footer><nav aria-label="{label}"><ul>{links}</ul></nav></footer>' if links else ""
    made = (
        f'<!DOCTYPE html>\n<html lang="{w.language}">\n<head>\n<meta charset="utf-8">\n'
        f"{POLICY}\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{html.escape(title)} – {name}</title>\n<style>{CSS}</style>\n</head>\n<body>\n"
        f'<a class="skip" href="#text">{html.escape(w.say("editions.skip"))}</a>\n'
        f"<header><p>{html.escape(w.say('editions.title'))} · {name} · {about}</p></header>\n"
        f'<main id="text" tabindex="-1">\n{body}\n</main>\n{foot}\n</body>\n</html>\n'
    )
    return with_kept_spaces(made) if w.language == "fr" else made


def _cell(cell: Any, edition: Edition, links: Mapping[str, str], w: Wording) -> str:
    tags = set(cell.metadata.get("tags", []))
    if cell.cell_type == "markdown":
        inner = prose(cell.source, links)
    elif cell.cell_type == "code":
        inner = _code(cell, w, quiet="silent" in tags)
    else:
        return ""
    if "presenter" in tags:
        label = html.escape(w.say("editions.notes"))
        return f'<aside class="box notes" aria-label="{label}">{inner}</aside>'
    for kind in ("solution", "exercise"):
        if kind in tags:
            label = html.escape(w.say(f"editions.{kind}"))
            room = html.escape(w.say("editions.answer"))
            answer = f'<div class="answer">{room}</div>' if _to_answer(kind, edition) else ""
            return f'<section class="box {kind}" aria-label="{label}">{inner}{answer}</section>'
    return inner


def _to_answer(kind: str, edition: str) -> bool:
    return kind == "exercise" and edition == "reader"


def _code(cell: Any, w: Wording, *, quiet: bool) -> str:
    label = html.escape(w.say("editions.code"))
    code = f'<pre tabindex="0" aria-label="{label}"><code>{html.escape(cell.source)}</code></pre>'
    shown = _framed(output_html(cell.get("outputs", []), w), w)
    return code if quiet or not shown else f'{code}<div class="out">{shown}</div>'


def prose(markdown: str, links: Mapping[str, str]) -> str:
    r"""Markdown as HTML; links to chapters lead to their pages, those to other files go.

    >>> prose("See [05 Who](05_who.ipynb), <b>now</b>.", {"05": "05_who.html"})
    '<p>See <a href="05_who.html">05 Who</a>, &lt;b&gt;now&lt;/b&gt;.</p>\n'
    """
    import mistune

    def lead(match: re.Match[str]) -> str:
        return f"]({links[match[1]]})" if match[1] in links else match[0]

    text = _LINK.sub(lead, _PICTURE.sub(r"\1", _COMMENT.sub("", markdown)))
    text = _OTHER_LINK.sub(r"\1", text)
    made = mistune.create_markdown(escape=True, plugins=["table", "strikethrough"])(text)
    return str(made)


def _framed(markup: str, w: Wording) -> str:
    """Tables in a frame that scrolls sideways, by keyboard as well."""
    name = html.escape(w.say("editions.table"))
    return re.sub(
        r"<table\b.*?</table>",
        lambda match: (
            f'<div class="scroll" role="region" tabindex="0" aria-label="{name}">{match[0]}</div>'
        ),
        markup,
        flags=re.DOTALL,
    )
