"""Scoring a base of any size into a file, piece by piece, in bounded memory."""

from __future__ import annotations

import os
import shutil
import warnings
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import narwhals as nw
import numpy as np

from retention_lib import filing
from retention_lib.base import engine
from retention_lib.base.customer_base import CustomerBase, require_base
from retention_lib.errors import DataWarning, InputError
from retention_lib.scoring._churn_needs import check_supplied
from retention_lib.scoring._churn_scores import scored_rows
from retention_lib.scoring.drift import check_drift
from retention_lib.scoring.snapshots import snapshot_batches
from retention_lib.wording import Wording, safe_cell

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from retention_lib.scoring.churn import ChurnModel

SUFFIXES = (".parquet", ".csv")
_SAMPLE = 100_000
"""So many customers, spread over all of them, tell whether the base has drifted."""
_SORTING = "1GB"
"""What putting the file in order may take; the rest goes to disk."""


def score_to_file(
    model: ChurnModel,
    base: CustomerBase,
    path: str | Path,
    *,
    batch_rows: int = 100_000,
    progress: Callable[[int], None] | None = None,
) -> int:
    """Score every active customer into a Parquet or CSV file, and give their number.

    The rows are those of ``model.score(base)``, in the same order, the most likely to leave
    first: ``customer_id``, ``name`` where the base knows names, ``churn_probability``,
    ``reasons``, ``annual_revenue``. No more than ``batch_rows`` customers are in memory at a
    time; the file is there whole or not at all. Like ``model.score`` it warns where the base no
    longer looks like that of the training, judged on up to 200,000 customers.

    Parameters
    ----------
    model
        From :func:`retention_lib.fit_churn` or :func:`retention_lib.load_churn`.
    base
        The customer base; nothing after its ``as_of`` is looked at.
    path
        Ends with ``.parquet`` or ``.csv``; a file of that name is replaced. A CSV is written for
        spreadsheets of the base's language: in French with semicolons and decimal commas; a text
        that a spreadsheet would run as a formula gets an apostrophe.
    batch_rows
        How many customers are scored at a time.
    progress
        Called with the number of customers scored so far, after each batch.

    Raises
    ------
    InputError
        Where the file cannot be written there, or the base lacks what the model needs.

    Examples
    --------
    >>> from retention_lib import fit_churn, simulate_base
    >>> import tempfile
    >>> base, _ = simulate_base(100, seed=1, years=1)
    >>> model = fit_churn(base, horizon_days=30)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     rows = score_to_file(model, base, folder + "/scores.csv")
    >>> rows > 80
    True
    """
    require_base(base)
    target = _target(path)
    check_supplied(model, base)
    batches = snapshot_batches(
        base, horizon_days=model.horizon_days, batch_rows=_checked_rows(batch_rows)
    )
    beside = filing.beside(target)
    unsorted = beside.with_suffix(".part")
    try:
        with ExitStack() as stack:
            stack.callback(unsorted.unlink, missing_ok=True)
            stack.callback(beside.unlink, missing_ok=True)
            rows = _score_all(model, base, batches, unsorted, progress)
            _put_in_order(unsorted, beside, target.suffix.lower(), base.wording)
            filing.put(beside, target)
    except Exception as error:
        if filing.is_full(error):
            raise InputError(filing.why_not(target, error, begun=unsorted)) from error
        if not isinstance(error, OSError):
            raise
        # What pyarrow says names the file that stood in for the target.
        why = os.strerror(error.errno) if error.errno else "the folder or the disk refuses it"
        raise InputError(f"{target} cannot be written: {why}.") from error
    return rows


def _target(path: object) -> Path:
    if not isinstance(path, str | os.PathLike) or not str(path):
        raise InputError(f"path must be the name of a file such as 'scores.csv'; got {path!r}.")
    target = Path(path).expanduser()
    if target.suffix.lower() not in SUFFIXES:
        stem = target.stem if not target.stem.startswith(".") else "scores"
        raise InputError(
            f"Scores go into a .parquet or a .csv file; got {target.name!r}. Name it for example "
            f"{stem + '.csv'!r}."
        )
    if target.is_dir():
        raise InputError(f"{target} is a folder; name a file in it.")
    if not target.parent.is_dir():
        raise InputError(f"There is no folder {target.parent}; make it first, or name another.")
    return target


def _checked_rows(rows: object) -> int:
    if isinstance(rows, bool) or not isinstance(rows, int | np.integer) or rows < 1:
        raise InputError(f"batch_rows must be a whole number of rows, 1 or more; got {rows!r}.")
    return int(rows)


def _score_all(
    model: ChurnModel,
    base: CustomerBase,
    batches: Any,
    file: Path,
    progress: Callable[[int], None] | None,
) -> int:
    """Write the scores batch by batch, as they come; warn where the base has drifted."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = _schema(base)
    rows, sample = 0, _Sample()
    with pq.ParquetWriter(file, schema) as writer:
        for seen in batches:
            scored = _scored(model, base, seen)
            writer.write_table(pa.Table.from_pandas(scored, schema=schema, preserve_index=False))
            sample.add(seen)
            rows += len(scored)
            if progress is not None:
                progress(rows)
    if rows:
        drift = check_drift(model.profile, sample.frame(), base.wording)
        if drift.drifted:
            warnings.warn(drift.sentence(), DataWarning, stacklevel=4)
    return rows


def _schema(base: CustomerBase) -> pa.Schema:
    import pyarrow as pa

    names = [("name", pa.string())] if base.has("customers", "name") else []
    return pa.schema(
        [
            ("customer_id", pa.string()),
            *names,
            ("churn_probability", pa.float64()),
            ("reasons", pa.string()),
            ("annual_revenue", pa.float64()),
        ]
    )


def _scored(model: ChurnModel, base: CustomerBase, seen: pd.DataFrame) -> pd.DataFrame:
    table, _ = scored_rows(model, seen, base.wording)
    if base.has("customers", "name"):
        table["name"] = table["customer_id"].map(_names(base, table["customer_id"]))
    return table


def _names(base: CustomerBase, ids: pd.Series) -> pd.Series:
    """The names of a batch, which holds the customers from one id to another."""
    listed = base.visible("customers").select("customer_id", "name")
    inside = (nw.col("customer_id") >= ids.iloc[0]) & (nw.col("customer_id") <= ids.iloc[-1])
    some = listed.filter(inside).group_by("customer_id").agg(nw.col("name").min())
    return engine.collect(some).set_index("customer_id")["name"]


class _Sample:
    """Rows spread evenly over all that pass by, at most twice as many as asked for."""

    def __init__(self) -> None:
        self._frames: list[pd.DataFrame] = []
        self._step, self._passed = 1, 0

    def add(self, frame: pd.DataFrame) -> None:
        """Keep one in so many; when there are too many, every second of those kept."""
        self._frames.append(frame.iloc[-self._passed % self._step :: self._step].copy())
        self._passed += len(frame)
        if self._passed > 2 * _SAMPLE * self._step:
            self._frames = [self.frame().iloc[::2].copy()]
            self._step *= 2

    def frame(self) -> pd.DataFrame:
        """The rows kept."""
        import pandas as pd

        return pd.concat(self._frames, ignore_index=True)


def _put_in_order(source: Path, target: Path, suffix: str, wording: Wording) -> None:
    """The most likely to leave first; what does not fit into memory is sorted on disk."""
    import duckdb

    spill = source.with_suffix(".spill")
    with duckdb.connect() as connection:
        connection.execute(f"SET memory_limit = '{_SORTING}'")
        connection.execute("SET temp_directory = $1", [str(spill)])
        unsorted = connection.read_parquet(filing.exactly(source))
        rows = unsorted.order("churn_probability DESC, customer_id")
        try:
            if suffix == ".parquet":
                rows.write_parquet(str(target), compression="zstd")
            else:
                _write_csv(rows, target, wording)
        finally:
            shutil.rmtree(spill, ignore_errors=True)


def _write_csv(rows: Any, target: Path, wording: Wording) -> None:
    """As the spreadsheets of the language read it; the mark at the beginning is for Excel."""
    french = wording.language == "fr"
    with target.open("w", encoding="utf-8-sig", newline="") as file:
        headed = True
        for batch in rows.to_arrow_reader(_SAMPLE):
            frame = batch.to_pandas()
            for name in frame.columns.difference(["churn_probability", "annual_revenue"]):
                frame[name] = frame[name].map(safe_cell)
            frame.columns = [safe_cell(str(name)) for name in frame.columns]
            frame.to_csv(
                file,
                sep=";" if french else ",",
                decimal="," if french else ".",
                index=False,
                header=headed,
                # Python before 3.13 quotes a lone return only where it is part of the line's end.
                lineterminator="\r\n",
            )
            headed = False
        if headed:
            rows.limit(0).df().to_csv(file, sep=";" if french else ",", index=False)
