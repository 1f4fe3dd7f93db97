"""What a base must have to be scored: the tables of the features, and the ends of accounts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from retention_lib.base.customer_base import CustomerBase
from retention_lib.errors import InputError
from retention_lib.portfolio.activity import CONTRACT_COLUMNS
from retention_lib.scoring._snapshot_facts import available
from retention_lib.scoring.features import tables_needed

if TYPE_CHECKING:
    from retention_lib.scoring.churn import ChurnModel

_WITHOUT = {
    "closed_on": "closed accounts would be scored as if they were open",
    "is_contract": "contracts would be scored as if they ended by silence",
}


def endings_of(base: CustomerBase) -> list[str]:
    """Which of the columns that tell of the end of an account this base has."""
    return [name for name in CONTRACT_COLUMNS if base.has("customers", name)]


def check_supplied(model: ChurnModel, base: CustomerBase) -> None:
    """Refuse a base that lacks what the model learnt from, with the tables to supply."""
    told, known = available(base), endings_of(base)
    lacking = [name for name in model.features if name not in told and name not in _WITHOUT]
    ends = [name for name in model.trained_on["endings"] if name not in known]
    said = []
    if lacking:
        said.append(
            f"The model needs {len(model.features)} features and this base lacks {len(lacking)} of "
            f"them (first: {lacking[0]!r}). They need: {tables_needed(lacking)}."
        )
    if ends:
        harm = " and ".join(_WITHOUT[name] for name in ends)
        said.append(
            f"The model learnt from a base with customers ({', '.join(ends)}), and this base lacks "
            f"that: {harm}."
        )
    if said:
        raise InputError(
            f"{' '.join(said)} Give the base the same tables and columns as the one the model "
            f"learnt from (empty where there is nothing to tell), or train anew with "
            f"rl.fit_churn(base)."
        )
