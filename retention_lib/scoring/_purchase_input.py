"""The tables that the models of this room read, checked before anything is fitted."""

from __future__ import annotations

from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from retention_lib.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

Values: TypeAlias = np.ndarray[Any, np.dtype[Any]]

HISTORY = ("repeat_purchases", "purchase_span_days", "age_days")
SPEND = ("repeat_purchases", "mean_repeat_value")
CONTRACTS = ("periods_survived", "ended")


def read_columns(X: pd.DataFrame, names: tuple[str, ...]) -> list[Values]:
    """The columns as numbers, none missing, none negative, none infinite."""
    import pandas as pd

    if not isinstance(X, pd.DataFrame):
        raise InputError(
            f"X must be a DataFrame with the columns {', '.join(names)}; got a {type(X).__name__}."
        )
    missing = [name for name in names if name not in X.columns]
    if missing:
        raise InputError(
            f"X has no column {' and no '.join(missing)}. It needs {', '.join(names)}; "
            f"it has {', '.join(map(str, X.columns)) or 'no column at all'}."
        )
    return [_numbers(X[name], name) for name in names]


def _numbers(column: pd.Series, name: str) -> Values:
    import pandas as pd

    if isinstance(column, pd.DataFrame):
        raise InputError(f"X has {column.shape[1]} columns called {name}; keep one of them.")
    kind = getattr(column.dtype, "kind", "O")
    numeric = pd.api.types.is_numeric_dtype(column.dtype) and kind not in "bc"
    if not numeric and len(column):
        raise InputError(
            f"{name} must hold numbers; it holds {column.dtype} (first: {column.iloc[0]!r}). "
            f"Convert it, for instance with pd.to_numeric."
        )
    values: Values = column.to_numpy(dtype=float, na_value=np.nan)
    _refuse(name, values, ~np.isfinite(values), "missing or infinite", "Leave these rows out")
    _refuse(name, values, values < 0, "negative", "Count from the first purchase on")
    return values


def _refuse(name: str, values: Values, wrong: Values, what: str, remedy: str) -> None:
    """Say how many rows are wrong, which is the first, and what to do about it."""
    count = int(np.count_nonzero(wrong))
    if count:
        row = int(np.argmax(wrong))
        raise InputError(
            f"{name} is {what} in {count:,} of {len(values):,} rows "
            f"(first: row {row}, {values[row]:g}). {remedy}."
        )


def read_counts(X: pd.DataFrame, names: tuple[str, ...]) -> list[Values]:
    """The same, the first column holding whole numbers."""
    columns = read_columns(X, names)
    counts = columns[0]
    broken = counts != np.floor(counts)
    _refuse(names[0], counts, broken, "not a whole number", "Count purchases, not shares of them")
    return columns


def read_history(X: pd.DataFrame) -> tuple[Values, Values, Values]:
    """Repeat purchases, span and age of each customer; refused where they contradict each other."""
    repeats, span, age = read_counts(X, HISTORY)
    _refuse(
        "purchase_span_days",
        span,
        span > age,
        "longer than age_days",
        "The last purchase lies after the day the base is seen from; leave the later ones out",
    )
    _refuse(
        "purchase_span_days",
        span,
        (repeats == 0) & (span > 0),
        "above 0 without a repeat purchase",
        "repeat_purchases is the number of purchase days minus one",
    )
    _refuse(
        "repeat_purchases",
        repeats,
        (repeats > 0) & (span == 0),
        "above 0 although first and last purchase are the same day",
        "Purchases of one day count as one",
    )
    return repeats, span, age


def read_weights(sample_weight: Any, rows: int) -> Values:
    """One weight a row: how many customers it stands for; 1 each where none are given."""
    if not rows:
        raise InputError("X has no rows: there is nothing to fit. Give at least one customer.")
    if sample_weight is None:
        return np.ones(rows)
    try:
        weights = np.asarray(sample_weight, dtype=float)
    except (TypeError, ValueError):
        raise InputError(
            "sample_weight must hold one number a row, such as how many customers it stands for."
        ) from None
    if weights.shape != (rows,):
        raise InputError(
            f"sample_weight must hold one number for each of the {rows:,} rows of X; "
            f"its shape is {weights.shape}."
        )
    _refuse("sample_weight", weights, ~np.isfinite(weights), "missing or infinite", "Use 0 or more")
    _refuse("sample_weight", weights, weights < 0, "negative", "Use 0 or more")
    if not weights.sum() > 0:
        raise InputError("sample_weight is 0 in every row: there is nothing to fit.")
    return weights


def check_number(
    name: str, value: Any, *, least: float, example: str, above: bool = False
) -> float:
    """A finite number from ``least`` on, or an :class:`InputError` that says what was given."""
    usable = isinstance(value, Real) and not isinstance(value, bool | np.bool_)
    if not usable or not np.isfinite(float(value)) or value < least or (above and value == least):
        bound = f"above {least:g}" if above else f"of at least {least:g}"
        raise InputError(f"{name} must be a number {bound}, such as {example}; got {value!r}.")
    return float(value)


def check_count(name: str, value: Any, *, example: str) -> int:
    """A whole number from 1 on."""
    whole = isinstance(value, Integral) and not isinstance(value, bool)
    if not whole or value < 1:
        raise InputError(
            f"{name} must be a whole number of at least 1, such as {example}; got {value!r}."
        )
    return int(value)


def check_seed(seed: Any) -> int:
    """A whole number from 0 on."""
    whole = isinstance(seed, Integral) and not isinstance(seed, bool)
    if not whole or seed < 0:
        raise InputError(f"seed must be a whole number of at least 0, such as 1; got {seed!r}.")
    return int(seed)


def read_spend(X: pd.DataFrame) -> tuple[Values, Values]:
    """Repeat purchases and their mean value; the value counts only where there is one."""
    import pandas as pd

    if isinstance(X, pd.DataFrame) and "mean_repeat_value" in X.columns:
        # Without a repeat purchase there is no mean; whatever stands there is passed over.
        with_repeats = X.get("repeat_purchases", pd.Series(index=X.index, dtype=float))
        if pd.api.types.is_numeric_dtype(with_repeats):
            X = X.assign(mean_repeat_value=X["mean_repeat_value"].where(with_repeats != 0, 1.0))
    repeats, value = read_counts(X, SPEND)
    _refuse(
        "mean_repeat_value",
        value,
        (value == 0) & (repeats > 0),
        "0 although there are repeat purchases",
        "Count purchases above 0 only, or leave these customers out",
    )
    return repeats, value


def read_contracts(X: pd.DataFrame) -> tuple[Values, Values]:
    """Renewals survived and whether the contract ended (1.0 or 0.0)."""
    import pandas as pd

    if isinstance(X, pd.DataFrame) and "ended" in X.columns:
        ended = X["ended"]
        if isinstance(ended, pd.Series) and pd.api.types.is_bool_dtype(ended.dtype):
            X = X.assign(ended=ended.astype("float64"))
    survived, ended = read_counts(X, CONTRACTS)
    _refuse("ended", ended, (ended != 0) & (ended != 1), "neither True nor False", "Use 1 or 0")
    return survived, ended


def read_periods(name: str, periods: Any, *, least: int = 0) -> Values:
    """Numbers of periods, one or many, from ``least`` on."""
    try:
        values = np.asarray(periods)
        if values.dtype.kind not in "iuf" or not values.size:
            raise ValueError
    except (TypeError, ValueError):
        raise InputError(
            f"{name} must be a number or a list of numbers, such as [1, 2, 3]; got {periods!r}."
        ) from None
    values = values.astype(float)
    flat = values.reshape(-1)
    _refuse(name, flat, ~np.isfinite(flat), "missing or infinite", "Leave it out")
    _refuse(name, flat, flat < least, f"below {least}", f"Count from {least} on")
    return values
