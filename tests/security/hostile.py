"""A small base in which every text is an attack, and a reader of HTML that notices it."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pandas as pd

import retention_lib as rl

ATTACKS = (
    "<script>zqx(1)</script>",
    '"><img src=x onerror=zqx(1)>',
    "</textarea></title></style><svg onload=zqx()>",
    "${zqx} {{zqx}} {zqx} %(zqx)s",
    "[zqx](javascript:zqx())",
    "' onmouseover='zqx()",
    "\u202ezqx\u202c \u200bzqx",
    "\x1b[31mzqx\x1b]0;zqx\x07",
    "zqx\n<b>zqx</b>",
    "&lt;script&gt;zqx&lt;/script&gt;",
    "javascript:zqx()",
    '=HYPERLINK("http://zqx")',
)
MARK = "zqx"

KEPT = {"date", "customer_id", "campaign_id", "opportunity_id", "language"}
"""Columns that stay as they are: moments, and the keys between tables (made hostile apart)."""
CODED = {"group", "direction", "kind", "stage", "channel"}
"""Columns whose words the library knows: half of them become an attack."""

_ALLOWED = {
    "a", "b", "br", "button", "caption", "circle", "code", "col", "colgroup", "dd", "defs", "desc",
    "details", "div", "dl", "dt", "em", "figcaption", "figure", "g", "h1", "h2", "h3", "h4", "hr",
    "i", "img", "input", "label", "li", "line", "ol", "option", "p", "path", "polygon", "polyline",
    "pre", "rect", "section", "select", "small", "span", "strong", "style", "sub", "summary", "sup",
    "svg", "table", "tbody", "td", "text", "tfoot", "th", "thead", "title", "tr", "tspan", "ul",
}  # fmt: skip


class Reader(HTMLParser):
    """Every element, attribute and address of a page that its author did not write."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.foreign: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in _ALLOWED:
            self.foreign.append(f"<{tag}>")
        for name, value in attrs:
            said = (value or "").strip().lower()
            if name.startswith("on") or MARK in name or "<" in name or "'" in name or '"' in name:
                self.foreign.append(f"<{tag} {name}>")
            if name in ("href", "src", "action", "xlink:href") and re.match(
                r"(?!data:image/)[a-z+.-]+:", said
            ):
                self.foreign.append(f"<{tag} {name}={said[:60]}>")
            if name == "style" and (MARK in said or "url(" in said):
                self.foreign.append(f"<{tag} style={said[:60]}>")

    def handle_comment(self, data: str) -> None:
        if MARK in data:
            self.foreign.append(f"<!--{data[:60]}-->")


def foreign_in(page: str) -> list[str]:
    """What stands in a page as markup and came from the data."""
    reader = Reader()
    reader.feed(page)
    reader.close()
    return reader.foreign


def attacked(column: pd.Series, shift: int = 0) -> pd.Series:
    """Every text of a column replaced by an attack of its own, the same for the same text."""
    texts = sorted(column.dropna().astype(str).unique())
    new = {text: f"{ATTACKS[(n + shift) % len(ATTACKS)]} {n}" for n, text in enumerate(texts)}
    return column.map(new, na_action="ignore")


def hostile_tables() -> dict[str, pd.DataFrame]:
    """All tables of a small base; each text of theirs is an attack, own columns and names too."""
    base, _ = rl.simulate_base(80, seed=4, years=2, language="en")
    tables = {name: base.to_pandas(name) for name in base.tables}
    ids = attacked(tables["customers"]["customer_id"])
    known = dict(zip(tables["customers"]["customer_id"], ids, strict=True))
    campaigns = attacked(pd.Series(tables["campaigns"]["campaign_id"].unique()), 1)
    sent = dict(zip(tables["campaigns"]["campaign_id"].unique(), campaigns, strict=True))
    for place, frame in enumerate(tables.values()):
        for name in frame.columns:
            if name == "customer_id":
                frame[name] = frame[name].map(known)
            elif name == "campaign_id":
                frame[name] = frame[name].map(sent)
            elif name not in KEPT | CODED and isinstance(frame[name].dropna().iloc[:1].max(), str):
                frame[name] = attacked(frame[name], place)
        frame['<b onclick="zqx()">own'] = attacked(pd.Series(range(len(frame))).mod(5).astype(str))
    return tables
