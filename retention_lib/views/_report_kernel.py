"""What happens inside a kernel that runs chapters for the report: a fresh start, results kept.

Chapters run one after another in a kernel, so that what they import is read once. What a chapter
has worked out and the report's files need again is kept here, outside of the chapter's names.
"""

from __future__ import annotations

import sys
from typing import Any

KEPT = {
    "03": ("rfm", "types"),
    "05": ("model", "scores"),
    "06": ("value", "risk"),
    "07": ("gain",),
    "08": ("journeys", "plan"),
}
"""Chapter to the names of results that the report's files are made of."""

kept: dict[str, Any] = {}
"""Name to result, of the chapters that ran in this kernel."""


class _Quiet:
    """A bar that nobody sees: the report has a bar of its own."""

    def __init__(self, said: str) -> None:
        del said

    def show(self, share: float, said: str) -> None:
        del share, said

    def close(self) -> None:
        """Nothing to take away."""


def begin(number: str) -> None:
    """Make a used kernel like a new one before the chapter of that number."""
    import warnings

    from retention_lib import progress, wording

    shell = _shell()
    shell.run_line_magic("reset", "-f")
    progress.listen(_Quiet)
    wording.speak(None)  # the language is that of the report, which the environment tells
    warnings.filterwarnings("default", module="__main__")  # forgets what was warned of
    if "matplotlib" in sys.modules:
        import matplotlib as mpl
        import matplotlib.pyplot as plt

        plt.close("all")
        mpl.rcdefaults()
        # A look of one's own must not turn the pictures dark or large.
        shell.run_line_magic("matplotlib", "inline")
    shell.user_ns["_report_chapter"] = number


def keep() -> None:
    """Keep what the chapter that just ran has worked out for the files."""
    names = _shell().user_ns
    for name in KEPT.get(names.get("_report_chapter", ""), ()):
        if name in names:
            kept[name] = names[name]


def _shell() -> Any:
    from IPython.core.getipython import get_ipython

    return get_ipython()
