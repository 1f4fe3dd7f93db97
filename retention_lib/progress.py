"""How far a slow call has come: said by whoever works, shown by whoever listens.

A slow function says its steps, ``with steps(wording, "churn", total=3) as step: step("learn")``.
Nothing is shown for what is quick. In a notebook a bar appears once the work has taken a second,
amid a long step if need be, and goes when it ends; elsewhere nobody listens until :func:`listen` is
called. Calls inside calls move the one bar of the outermost.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar, copy_context
from threading import Lock, Timer
from typing import TYPE_CHECKING, Protocol, TypeAlias

if TYPE_CHECKING:
    from retention_lib.wording import Wording

PATIENCE_SECONDS = 1.0
"""Work that ends sooner shows no bar."""


class Shown(Protocol):
    """A bar on somebody's screen."""

    def show(self, share: float, said: str) -> None:
        """Move the bar to that share of the work, 0 to 1, and say what is being done."""

    def close(self) -> None:
        """Take the bar away."""


class Step(Protocol):
    """Says that the next step begins; its words are those of ``progress.step.<key>``."""

    def __call__(self, key: str, /, **values: object) -> None:
        """Begin the step of that key, ``values`` being put into its words."""


Listener: TypeAlias = "Callable[[str], Shown]"

_listener: Listener | None = None
_around: ContextVar[_Task | None] = ContextVar("the call around this one", default=None)


def listen(listener: Listener | None) -> Listener | None:
    """Have ``listener`` show slow work from now on; gives the one before it.

    ``listener`` is called with what is being done, in words, and gives back a bar.
    ``None`` leaves it to the notebook, and outside of one to nobody.
    """
    global _listener
    before, _listener = _listener, listener
    return before


@contextmanager
def steps(wording: Wording, task: str, *, total: int) -> Iterator[Step]:
    """Announce work of ``total`` steps; call what it gives as each of them begins.

    The words are those of ``progress.task.<task>``. The trap: steps are counted, not timed, so
    cut the work into steps that take about as long as one another.

    >>> from retention_lib.wording import Wording
    >>> with steps(Wording(), "worth", total=2) as step:
    ...     step("purchases")
    ...     step("value")
    """
    outer = _around.get()
    bar = outer.bar if outer is not None else _Bar(_listener or _notebook())
    own = _Task(wording, task, max(int(total), 1), outer, bar)
    token = _around.set(own)
    try:
        yield own.begin
    finally:
        _around.reset(token)
        if outer is None:
            bar.close()


class _Task:
    """One slow call: how many of its steps have begun, and the call around it."""

    def __init__(
        self, wording: Wording, name: str, total: int, outer: _Task | None, bar: _Bar
    ) -> None:
        self._wording, self._name, self._total = wording, name, total
        self._outer, self.bar = outer, bar
        self._begun, self._furthest = 0, 0.0

    def begin(self, key: str, /, **values: object) -> None:
        """The next step begins; whoever announces one too many is still at the last."""
        self._begun = min(self._begun + 1, self._total)
        if not self.bar.wanted:
            return
        outermost, share = self, (self._begun - 1) / self._total
        while outermost._outer is not None:
            outermost = outermost._outer
            share = (max(outermost._begun - 1, 0) + share) / outermost._total
        # One step may hold several calls that say steps of their own; a bar never goes back.
        share = outermost._furthest = max(outermost._furthest, share)
        w = outermost._wording
        said = w.say(
            "progress.said",
            task=w.say(f"progress.task.{outermost._name}"),
            share=w.percent(share, decimals=0),
            step=self._wording.say(f"progress.step.{key}", **values),
        )
        self.bar.show(share, said)


class _Bar:
    """The bar of one outermost call: it comes when patience ends, even amid a long step."""

    def __init__(self, listener: Listener | None) -> None:
        self.wanted = listener is not None
        self._listener = listener
        self._shown: Shown | None = None
        self._last: tuple[float, str] | None = None
        self._patient = True
        self._lock = Lock()
        self._timer: Timer | None = None
        if self.wanted:
            # In the context of the cell, so that the bar comes out below it.
            self._timer = Timer(PATIENCE_SECONDS, copy_context().run, (self._lose_patience,))
            self._timer.daemon = True
            self._timer.start()

    def show(self, share: float, said: str) -> None:
        """Say how far the work has come; shown at once if the bar is there, else when it comes."""
        with self._lock:
            self._last = (share, said)
            self._draw()

    def close(self) -> None:
        """The work is over, however it ended."""
        if self._timer is not None:
            self._timer.cancel()
        with self._lock:
            self.wanted, shown, self._shown = False, self._shown, None
            if shown is not None:
                with suppress(Exception):
                    shown.close()

    def _lose_patience(self) -> None:
        with self._lock:
            self._patient = False
            self._draw()

    def _draw(self) -> None:
        if self._patient or self._last is None or not self.wanted or self._listener is None:
            return
        share, said = self._last
        try:
            if self._shown is None:
                self._shown = self._listener(said)
            self._shown.show(share, said)
        except Exception:
            # The work matters, its bar does not: a screen that fails must not stop it.
            self.wanted = False


def _notebook() -> Listener | None:
    """The bar of the notebook, where there is one; the views are below, hence the side door."""
    shell = sys.modules.get("IPython")
    running = shell.get_ipython() if shell is not None else None
    if running is None or not hasattr(running, "kernel"):
        return None
    try:
        listener: Listener = importlib.import_module("retention_lib.views.widgets").ProgressBar
    except Exception:
        return None
    return listener
