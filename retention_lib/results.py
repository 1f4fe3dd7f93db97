"""What every result of the workbook can do.

A result is a frozen dataclass around one table: :meth:`Result.to_frame` gives a copy of it,
:meth:`Result.sentence` one sentence to say in the meeting, :meth:`Result.plot` the picture,
and a notebook shows it as a short table under its sentence.

The views are the room below, and rooms never import downwards. A result is asked for its
picture all the same, so :func:`_views` is the one door, opened only when somebody looks.
"""

from __future__ import annotations

import html
import importlib
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from retention_lib.errors import RetentionError
from retention_lib.wording import Wording

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


def _views(module: str) -> Any:
    return importlib.import_module(f"retention_lib.views.{module}")


@dataclass(frozen=True, repr=False, eq=False)
class Result(ABC):
    """One table with the words and the picture that go with it.

    ``assumptions`` names every choice the result was made under, its value beside it.
    """

    table: pd.DataFrame
    wording: Wording = field(kw_only=True)
    assumptions: Mapping[str, object] = field(default_factory=dict, kw_only=True)

    chart: ClassVar[str] = ""
    """What draws this result: a function of ``views.charts``, or ``module.function`` of another
    module of the views; empty for none."""

    formats: ClassVar[Mapping[str, str]] = {}
    """How columns are shown: column to ``money``, ``percent``, ``count`` or ``decimal``."""

    shown_rows: ClassVar[int] = 12
    """How many rows a notebook shows."""

    hidden: ClassVar[tuple[str, ...]] = ()
    """Columns that are there for code, such as stable codes, and that a notebook leaves out."""

    telling: ClassVar[tuple[str, ...]] = ()
    """Columns of free text in which names may stand; left out where names are masked."""

    def to_frame(self) -> pd.DataFrame:
        """A copy of the table; changing it does not change the result."""
        return self.table.copy()

    @abstractmethod
    def sentence(self) -> str:
        """One sentence to say in the meeting, in the base's language."""

    def plot(self, *, ax: Axes | None = None) -> Axes:
        """Draw the picture of this result, on ``ax`` where one is given."""
        if not self.chart:
            raise RetentionError(f"{type(self).__name__} has no picture; see .to_frame().")
        module, _, function = self.chart.rpartition(".")
        axes: Axes = getattr(_views(module or "charts"), function)(self, ax=ax)
        figure: Any = axes.figure
        if hasattr(figure, "alt_text"):
            figure.language = self.wording.language
        return axes

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.sentence()}>"

    def _repr_html_(self) -> str:
        # Showing a result must never fail: a table that cannot be drawn is still said.
        try:
            return str(_views("tables").render(self))
        except Exception:
            return f"<p>{html.escape(self.sentence())}</p>"


@dataclass(frozen=True, repr=False, eq=False)
class Listing(Result):
    """A plain list with a sentence over it, for what needs no picture and no columns of its own."""

    said: str = field(kw_only=True)

    shown_rows: ClassVar[int] = 30

    def sentence(self) -> str:
        """What the list shows."""
        return self.said
