"""The app's doors: which addresses there are, who may knock, and what every answer carries."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from typing import Any

import tornado.httputil
import tornado.routing
import tornado.web
from voila.static_file_handler import TemplateStaticFileHandler  # type: ignore[import-untyped]

HOSTS = ("localhost",)
"""Names by which this computer may be called, beside the numbers of its own loop (127.0.0.1)."""

# The page is asked for at /, and nothing stands for a file; what was asked is told to nobody.
_SHUT = ("/voila/files/", "/voila/query/", "/voila/execution/", "/login", "/logout")
_TEMPLATES = "/voila/templates/"
_PAGE = "/(.*)"


def open_doors(handlers: list[Any], stranger: str) -> list[Any]:
    """Voilà's addresses without those that hand out files or ask for a password.

    ``stranger`` is said to whoever comes without the secret.
    """
    kept = [one for one in handlers if not any(shut in one[0] for shut in _SHUT)]
    doors = []
    for pattern, handler, *rest in kept:
        if _TEMPLATES in pattern:
            handler = _TemplateFiles
        if pattern == _PAGE:
            # Any other address would be redirected to the files, which are shut: for ever.
            pattern, handler = "/", _page(handler, stranger)
        doors.append((pattern, handler, *rest))
    return doors


def is_local(host: str) -> bool:
    """Whether a request was sent to this computer by a name of its own.

    The trap that it closes: a page of a foreign site, whose name was made to point here.

    >>> is_local("127.0.0.1:8866"), is_local("[::1]:8866"), is_local("127.0.0.1.evil.example")
    (True, True, False)
    >>> is_local("[::1].evil.example")
    False
    """
    named = re.fullmatch(r"(?:\[([^\]]*)\]|([^:]*))(?::\d*)?", host)
    name = (named[1] or named[2]) if named else ""
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name.lower() in HOSTS


def guarded(
    app: tornado.web.Application, headers: Mapping[str, str], foreign: str
) -> tornado.routing.RuleRouter:
    """The application behind a doorkeeper, every answer of it with these headers."""

    class Headed(tornado.web.OutputTransform):
        def transform_first_chunk(
            self,
            status_code: int,
            headers_given: tornado.httputil.HTTPHeaders,
            chunk: bytes,
            finishing: bool,
        ) -> tuple[int, tornado.httputil.HTTPHeaders, bytes]:
            for name, value in headers.items():
                headers_given[name] = value
            # Which version answers is nobody's business.
            headers_given.pop("Server", None)
            return status_code, headers_given, chunk

    refusing = tornado.web.Application([(".*", _Refused, {"said": foreign})])
    for one in (app, refusing):
        one.add_transform(Headed)
    return tornado.routing.RuleRouter(
        [
            tornado.routing.Rule(_Local(), app),
            tornado.routing.Rule(tornado.routing.AnyMatches(), refusing),
        ]
    )


class _Local(tornado.routing.Matcher):
    """Requests that were sent to this computer by a name of its own."""

    def match(self, request: tornado.httputil.HTTPServerRequest) -> dict[str, Any] | None:
        return {} if is_local(request.host) else None


class _Refused(tornado.web.RequestHandler):
    """Nothing is shown; one sentence says how the app is opened."""

    def initialize(self, said: str) -> None:
        self._said = said

    def prepare(self) -> None:
        self.set_status(403)
        self.set_header("Content-Type", "text/plain;charset=utf-8")
        self.finish(self._said + "\n")


def _page(handler: Any, stranger: str) -> Any:
    """The page itself; whoever comes without the secret is told how it is opened, and no more."""

    class Page(handler):  # type: ignore[misc]
        def redirect(self, *_: object, **__: object) -> None:
            # Jupyter would send a stranger to its page for passwords.
            self.set_status(403)
            self.set_header("Content-Type", "text/plain;charset=utf-8")
            self.finish(stranger + "\n")

    return Page


class _TemplateFiles(TemplateStaticFileHandler):  # type: ignore[misc]
    """Voilà's own scripts; an address that is none of theirs is not found, and no error of ours."""

    def parse_url_path(self, url_path: str) -> str:
        parts = url_path.split("/")
        hidden = {"", ".", ".."} & set(parts) or "\0" in url_path
        if len(parts) < 3 or parts[1] != "static" or hidden:
            raise tornado.web.HTTPError(404)
        return str(super().parse_url_path(url_path))
