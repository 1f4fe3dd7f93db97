"""The app in a browser, by keyboard alone; the slides from a file, with the network off.

A base of a few dozen customers and the pages that are quick on it: the whole app is the same
document with more of them.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import sys
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import nbformat
import pytest
from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.websocket import websocket_connect

from retention_lib import explore_scenario, open_base
from retention_lib.views import _app_slides, app
from retention_lib.wording import Wording
from tests.notebooks.browsing import (
    IN_A_BROWSER,
    Watched,
    first_visit,
    free_port,
    serving,
    take_picture,
)

pytestmark = [*IN_A_BROWSER]

SERVING = """
import sys
from pathlib import Path
from retention_lib.views import _app_server

def ready(address):
    Path(sys.argv[3]).write_text(address, encoding="utf-8")

try:
    _app_server.serve(Path(sys.argv[1]), port=int(sys.argv[2]), on_ready=ready)
except KeyboardInterrupt:
    pass
"""
PAGES = ("scenario", "segments")
READY_MS = 120_000
# Files, folders, other people's addresses, and what else a Jupyter server would answer to.
SHUT = (
    "sales.csv",
    "../sales.csv",
    "voila/files/sales.csv",
    "voila/files/voila/files/sales.csv",
    "voila/render/sales.csv",
    "voila/tree",
    "voila/templates/..",
    "voila/templates/retention/x/y",
    "voila/templates/retention/static/../../../../_app_server.py",
    "voila/templates/%2e%2e/static/%2e%2e/sales.csv",
    "voila/static/",
    "voila/static/../../etc/passwd",
    "voila/labextensions/%2e%2e%2f%2e%2e%2fetc%2fpasswd",
    "voila/api/contents/",
    "voila/query/00000000-0000-0000-0000-000000000000",
    "api/contents",
    "api/kernels",
    "api/sessions",
    "api/terminals",
    "terminals/1",
    "lab",
    "login",
    "logout",
)
HANDLES = ".rw-page:not([hidden]) .noUi-handle"
# What a screen reader would call each control that can be reached, and what it would not.
NAMELESS = """() => Array.from(
  document.querySelectorAll('a[href], button, input, select, textarea, [tabindex="0"]')
).filter(node => {
  if (!node.getClientRects().length) return false;
  const labelled = (node.getAttribute('aria-labelledby') || '').split(' ')
    .map(id => document.getElementById(id)?.textContent || '').join('');
  const labels = Array.from(node.labels || []).map(label => label.textContent).join('');
  const own = ['A', 'BUTTON', 'PRE', 'SUMMARY'].includes(node.tagName) ? node.textContent : '';
  return !(node.getAttribute('aria-label') || labelled + labels + own).trim();
}).map(node => node.outerHTML.slice(0, 200))"""


@dataclass(frozen=True)
class App:
    """The app that is running: its address with the secret, and the base behind it."""

    address: str
    base: Path

    @property
    def without_the_secret(self) -> str:
        """The address that a stranger would guess."""
        return self.address.split("?")[0]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    folder, state = tmp_path_factory.mktemp("app"), tmp_path_factory.mktemp("state")
    data = folder / "sales.csv"
    data.write_text(sales(), encoding="utf-8")
    pages = app.find_pages(app.read_chapters(app.chapters()), Wording("en"))
    document = folder / "app.ipynb"
    quick = [page for page in pages if page.slug in PAGES]
    # The set-up cell stands before the first page of its chapter.
    assert quick[0].before
    nbformat.write(app.app_notebook(quick, Wording("en"), base_said="Tiny & Co"), document)
    port, told = free_port(), state / "address.txt"
    command = [sys.executable, "-c", SERVING, str(document), str(port), str(told)]
    asked = f"http://127.0.0.1:{port}/"
    with serving(command, asked, folder=folder, state=state, env=first_visit(state, data)):
        # The server answers at once; the address is told when the pages are there.
        wait_for_file(told)
        yield App(told.read_text("utf-8"), data)


def wait_for_file(file: Path) -> None:
    end = time.monotonic() + READY_MS / 1000
    while not file.is_file() or not file.read_text("utf-8"):
        assert time.monotonic() < end, "the pages of the app do not come"
        time.sleep(0.1)


def sales() -> str:
    """Sixty customers over three years: they come month by month, and every third goes again."""
    lines = ["customer_id,date,amount"]
    for n in range(60):
        first, last = n % 30, 36 if n % 3 else 12 + n % 23
        for month in range(first, last):
            if (month + n) % 3 == 0:
                day = f"{2022 + month // 12}-{month % 12 + 1:02}-{n % 27 + 1:02}"
                lines.append(f"C{n:03},{day},{50 + 7 * (n % 11)}")
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="module")
def visit(served: App, browser: Any) -> Iterator[tuple[Any, Watched]]:
    """One visit to the app: each costs a kernel, so the tests share it."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    try:
        page, watched = context.new_page(), Watched()
        watched.watch(page)
        page.goto(served.address + "#scenario", timeout=READY_MS)
        page.locator(HANDLES + "[aria-label]").first.wait_for(timeout=READY_MS)
        yield page, watched
    finally:
        context.close()


def test_a_slider_moved_by_keyboard_changes_the_figure(
    served: App, visit: tuple[Any, Watched]
) -> None:
    page, watched = visit
    expected = explore_scenario(open_base(served.base))
    result = page.locator(".rw-page:not([hidden]) .rw-results")
    result.get_by_text(expected.sentence(), exact=True).wait_for()
    assert "token" not in page.url
    assert page.title().startswith("Keep more customers")
    # By keyboard alone: the skip link first, then on until the first slider has the focus.
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "rw-skip"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    first = page.locator(HANDLES).first
    assert first.evaluate("node => node === document.activeElement")
    assert first.evaluate("node => getComputedStyle(node).outlineStyle") != "none"
    before = first.get_attribute("aria-valuetext")
    page.keyboard.press("ArrowRight")
    expected.set(points=expected.settings.points + 0.5)
    figure = expected.view().figures[0].value
    result.locator("strong").get_by_text(figure, exact=True).first.wait_for()
    result.get_by_text(expected.sentence(), exact=True).wait_for()
    # What is heard follows as well: the handle's value in words, and the sentence.
    said = expected.controls[0].say(expected.settings.points)
    page.locator(f'{HANDLES}[aria-valuetext="{said}"]').wait_for()
    assert said != before
    page.locator("#rw-said").get_by_text(expected.sentence(), exact=True).wait_for(state="attached")
    take_picture(page, "app_moved", full_page=True)
    assert watched.errors == []
    assert watched.outside == []


def test_every_control_has_a_name_and_the_page_fits_a_narrow_screen(
    visit: tuple[Any, Watched],
) -> None:
    page, watched = visit
    for slug in ("", *PAGES):
        page.evaluate("slug => { location.hash = slug }", slug)
        page.locator(f'.rw-page[data-page="{slug}"] h1').wait_for()
        assert page.evaluate(NAMELESS) == [], slug
        page.set_viewport_size({"width": 360, "height": 740})
        wide = "() => document.documentElement.scrollWidth <= window.innerWidth"
        page.wait_for_function(wide)
        take_picture(page, f"app_narrow_{slug or 'home'}", full_page=True)
        page.set_viewport_size({"width": 1280, "height": 900})
        take_picture(page, f"app_{slug or 'home'}", full_page=True)
    labels = page.locator(".noUi-handle").evaluate_all("all => all.map(n => n.ariaLabel)")
    assert len(labels) > 5 and all(labels)
    assert page.locator("main").count() == page.locator("nav").count() == 1
    assert page.locator("pre:visible").count() == 0  # an app without code
    assert watched.errors == []


@pytest.mark.parametrize("host", ["", "evil.example", "127.0.0.1.evil.example", "0.0.0.0"])
def test_strangers_and_foreign_names_are_shown_nothing(served: App, host: str) -> None:
    address = served.address if host else served.without_the_secret
    code, headers, said = ask(address, {"Host": host} if host else {})
    assert code == 403
    assert "Tiny" not in said and "<" not in said
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]


def test_no_address_hands_out_a_file_or_a_shell_or_fails(served: App) -> None:
    root, _, secret = served.address.partition("?")
    for path in SHUT:
        for query in ("", f"?{secret}"):
            code, headers, said = ask(root + path + query)
            assert code in (403, 404), (path, code)
            assert "customer_id" not in said and "Tiny" not in said, path
            assert "Traceback" not in said and "Location" not in headers, path


def test_a_visitor_moves_sliders_and_runs_no_code_and_no_other_site_reaches_the_kernel(
    served: App, visit: tuple[Any, Watched], tmp_path: Path
) -> None:
    told = json.loads(visit[0].locator("#jupyter-config-data").text_content())
    root, _, secret = served.address.partition("?")
    channels = f"{root.replace('http', 'ws')}api/kernels/{told['kernelId']}/channels"
    # What a browser sends along from any site; the secret itself only the page's own has.
    kept = {one["name"]: one["value"] for one in visit[0].context.cookies()}
    cookies = "; ".join(f"{name}={value}" for name, value in kept.items())
    sign = tmp_path / "ran"

    async def knock(origin: str, code: str = "") -> None:
        asked = f"{channels}?{secret}" if code else channels
        request = HTTPRequest(asked, headers={"Origin": origin, "Cookie": cookies})
        socket = await websocket_connect(request)
        header = {"msg_id": "1", "session": "1", "username": "", "version": "5.3", "date": ""}
        header["msg_type"] = "execute_request"
        message = {"header": header, "parent_header": {}, "metadata": {}, "channel": "shell"}
        to_run = {"code": code, "silent": False, "store_history": False, "allow_stdin": False}
        await socket.write_message(json.dumps({**message, "content": to_run}))
        # The kernel is idle: what it ran at all would be there by now.
        await asyncio.sleep(2)
        socket.close()

    # The browser keeps a loop of its own in this thread.
    with ThreadPoolExecutor(1) as aside:
        to_run = f"open({str(sign)!r}, 'w').close()"
        aside.submit(asyncio.run, knock(root.rstrip("/"), to_run)).result()
        assert not sign.exists()
        with pytest.raises(HTTPClientError, match="403"):
            aside.submit(asyncio.run, knock("http://evil.example")).result()


def ask(address: str, headers: Mapping[str, str] | None = None) -> tuple[int, Any, str]:
    """What a server answers: its code, its headers, what it says. No redirect is followed."""
    split = urlsplit(address)
    asked = http.client.HTTPConnection("127.0.0.1", split.port, timeout=30)
    asked.request("GET", f"{split.path}?{split.query}", headers=dict(headers or {}))
    answer = asked.getresponse()
    return answer.status, answer.headers, answer.read().decode("utf-8", "replace")


def test_the_slides_turn_by_keyboard_from_a_file_with_the_network_off(
    page: Any, watched: Watched, tmp_path: Path
) -> None:
    cells = [
        nbformat.v4.new_markdown_cell("# One\n\nText.\n\n## Two\n\nMore."),
        nbformat.v4.new_markdown_cell("Ask the room.", metadata={"tags": ["presenter"]}),
        nbformat.v4.new_markdown_cell("## Three"),
    ]
    slides = _app_slides.split_slides(nbformat.v4.new_notebook(cells=cells))
    text = _app_slides.slides_html(slides, Wording("en"), said="Tiny & Co")
    file = _app_slides.write_slides(text, tmp_path / "été & co.html")
    page.context.set_offline(True)
    page.goto(file.as_uri())
    shown = page.locator(".slide:visible h1, .slide:visible h2")
    assert shown.all_inner_texts() == ["One"]
    for key, title in (("ArrowRight", "Two"), ("End", "Three"), ("PageUp", "Two"), ("Home", "One")):
        page.keyboard.press(key)
        assert shown.all_inner_texts() == [title]
    page.get_by_role("button", name="Next").click()
    note = page.get_by_text("Ask the room.")
    assert note.is_hidden()
    page.keyboard.press("n")
    assert note.is_visible()
    take_picture(page, "slides")
    assert page.locator("#place").inner_text() == "2 / 3"
    page.emulate_media(media="print")
    assert page.locator(".slide:visible").count() == 3
    assert watched.errors == []
    assert watched.outside == []
