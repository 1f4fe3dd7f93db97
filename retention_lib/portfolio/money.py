"""What a line earned: its margin where the base knows one, and where that knowledge comes from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import narwhals as nw

from retention_lib.base import engine
from retention_lib.base.customer_base import CustomerBase

Source = Literal["lines", "rate", "unknown"]


@dataclass(frozen=True)
class MarginBasis:
    """Where margins come from.

    ``lines``: the transactions say; lines that do not are valued at ``rate``, the margin rate of
    those that do. ``rate``: the workbook's ``margin_rate``. ``unknown``: nobody knows, and
    nothing may be called a margin.
    """

    source: Source
    rate: float | None
    lines_without: int = 0

    @property
    def known(self) -> bool:
        """Whether margins can be told at all."""
        return self.source != "unknown"

    def expression(self) -> nw.Expr:
        """The margin of a line of ``visible("transactions")``; missing where nobody knows."""
        if self.rate is None:
            return nw.lit(None, dtype=nw.Float64)
        by_rate = nw.col("amount") * self.rate
        if self.source == "rate":
            return by_rate
        said = nw.col("margin")
        return nw.when(said.is_null()).then(by_rate).otherwise(said)


def margin_basis(base: CustomerBase) -> MarginBasis:
    """Where this base's margins come from."""
    if base.has("transactions", "margin"):
        said = ~nw.col("margin").is_null()
        totals: dict[str, Any] = engine.one_row(
            base.visible("transactions").select(
                nw.when(said).then(nw.col("margin")).otherwise(nw.lit(0.0)).sum().alias("margin"),
                nw.when(said).then(nw.col("amount")).otherwise(nw.lit(0.0)).sum().alias("amount"),
                nw.when(said).then(nw.lit(0)).otherwise(nw.lit(1)).sum().alias("without"),
            )
        )
        if totals["amount"] and totals["amount"] > 0:
            rate = totals["margin"] / totals["amount"]
            return MarginBasis("lines", rate, int(totals["without"]))
    if base.margin_rate is not None:
        return MarginBasis("rate", base.margin_rate)
    return MarginBasis("unknown", None)
