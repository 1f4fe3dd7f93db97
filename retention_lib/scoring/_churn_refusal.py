"""What is answered where there is too little to learn from: an error, or a result that says so."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, ClassVar

from retention_lib.errors import InputError
from retention_lib.results import Listing
from retention_lib.wording import Sentence, Wording

if TYPE_CHECKING:
    from pathlib import Path

    from retention_lib.base.customer_base import CustomerBase


class TooLittleError(InputError):
    """Too little to learn from; the message says how much is missing.

    ``key`` and ``values`` are those of the text, so that it can be said in the base's language.
    """

    def __init__(self, key: str, **values: object) -> None:
        self.key, self.values = key, values
        super().__init__(self.said(Wording("en")))

    def said(self, wording: Wording) -> str:
        """The refusal in those words, dates as one says them."""
        values = {
            name: wording.date(value) if isinstance(value, date) else value
            for name, value in self.values.items()
        }
        return wording.say(self.key, **values)


@dataclass(frozen=True, repr=False, eq=False)
class NoForecast(Listing):
    """Stands where a model, its scorecard or its scores would, and says why there is none.

    What a model and its scores can be asked for can be asked of it as well, and gives it again,
    so that a chapter runs to its end on a base that is still too small. The table has the columns
    of scores and no rows.
    """

    chart: ClassVar[str] = "churn_charts.plot_nothing"

    @property
    def scorecard(self) -> NoForecast:
        """No scorecard: this."""
        return self

    @property
    def card(self) -> NoForecast:
        """No scorecard: this."""
        return self

    @property
    def drift(self) -> NoForecast:
        """No training to differ from: this."""
        return self

    def calibration(self) -> NoForecast:
        """No probabilities to hold against what happened: this."""
        return self

    def gains(self) -> NoForecast:
        """No list to go down: this."""
        return self

    def training(self) -> NoForecast:
        """Nothing was learnt from: this."""
        return self

    def revenue_sentence(self) -> Sentence:
        """Why there is no forecast."""
        return Sentence(self.said)

    def reasons(self) -> NoForecast:
        """No reasons: this."""
        return self

    def drivers(self) -> NoForecast:
        """Nothing sets anybody apart: this."""
        return self

    def score(self, base: CustomerBase) -> NoForecast:
        """Nobody can be scored: this."""
        return self

    def score_to(self, base: CustomerBase, path: str | Path, *, batch_rows: int = 100_000) -> int:
        """Nobody can be scored: 0 rows, and no file."""
        return 0

    def save(self, path: str | Path) -> Path:
        """There is nothing to save: raises ``InputError`` with the reason."""
        raise InputError(f"There is no model to save. {self.said}")

    def expected(self) -> tuple[float, float, float]:
        """Nobody knows how many leave: three missing numbers."""
        return float("nan"), float("nan"), float("nan")

    def __getattr__(self, name: str) -> Any:
        # Copying asks for attributes before there are any.
        if name.startswith("_") or "said" not in self.__dict__:
            raise AttributeError(name)
        raise AttributeError(f"There is no {name!r} without a model. {self.said}")


def no_forecast(base: CustomerBase, refused: TooLittleError) -> NoForecast:
    """The result for that refusal, in the words of the base."""
    import pandas as pd

    columns: dict[str, Any] = {"customer_id": "str", "churn_probability": "float64"}
    table = pd.DataFrame({name: pd.Series([], dtype=kind) for name, kind in columns.items()})
    return NoForecast(table, wording=base.wording, said=refused.said(base.wording))
