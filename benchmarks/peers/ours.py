"""This project's own functions, called as a reader calls them."""

from __future__ import annotations

import time
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from peers import _figures as figures


def _opened(given: Any, clock: Any) -> Any:
    import retention_lib as rl

    with clock("opening"):
        return rl.CustomerBase.from_tables(given.lines)


def rfm(given: Any, clock: Any) -> dict[str, float]:
    """``rl.score_rfm``."""
    import retention_lib as rl

    base = _opened(given, clock)
    with clock("question"):
        table = rl.score_rfm(base).to_frame()
    return figures.of_rfm(table.assign(segment=table["segment_code"]))


def summary(given: Any, clock: Any) -> dict[str, float]:
    """What ``rl.value_customers`` asks of the engine before it fits its models."""
    from retention_lib.portfolio.money import margin_basis
    from retention_lib.scoring._lifetime_facts import kept_days

    base = _opened(given, clock)
    with clock("question"), kept_days(base, margin_basis(base)) as days:
        table = days.facts(base.as_of_day)
        table["repeat_purchases"] = table["purchases"] - 1
        table["purchase_span_days"] = table["last_day"] - table["first_day"]
        table["age_days"] = base.as_of_day - table["first_day"]
    return figures.of_summary(table)


def cohorts(given: Any, clock: Any) -> dict[str, float]:
    """``rl.retention_cohorts``."""
    import retention_lib as rl

    base = _opened(given, clock)
    with clock("question"):
        table = rl.retention_cohorts(base).to_frame()
    return figures.of_cohorts(table.dropna(subset=["customers"]))


def snapshots(given: Any, clock: Any) -> dict[str, float]:
    """``rl.take_snapshots``."""
    import retention_lib as rl

    base = _opened(given, clock)
    with clock("question"):
        panel = rl.take_snapshots(base, given.dates, horizon_days=given.horizon).table
    return figures.of_snapshots(panel)


def import_csv(given: Any, clock: Any) -> dict[str, float]:
    """``rl.import_export``, which finds out by itself what the others are told."""
    import retention_lib as rl

    with clock("question"):
        base = rl.import_export(given.export).to_base()
    return figures.of_import(base.to_pandas())


def fit(given: Any, clock: Any) -> dict[str, float]:
    """BG/NBD: Newton's method with the exact gradient and Hessian."""
    import pandas as pd

    from retention_lib.scoring.purchase_models import fit_purchase_model

    X = pd.read_parquet(given.histories)
    with clock("question"):
        model = fit_purchase_model(X, kind="bgnbd")
    with clock("prediction"):
        expected = model.expected_purchases(X, 365)
    found = figures.of_prediction(expected)
    return {"log_likelihood": float(model.log_likelihood_), **found}


def churn(given: Any, clock: Any) -> dict[str, float]:
    """``rl.fit_churn`` and ``.score``."""
    import retention_lib as rl

    base = _opened(given, clock)
    with clock("training"):
        model = rl.fit_churn(base, horizon_days=given.horizon)
    with clock("scoring"):
        scores = model.score(base).to_frame()
    card = model.scorecard
    auc = float(card.value_of(card.main, "auc"))
    return {"customers scored": float(len(scores)), "auc of the test date": auc}


def sliders(given: Any, clock: Any) -> dict[str, float]:
    """The pure functions that a slider calls, in milliseconds: medians of half a second each."""
    from whatif_speed import pure_calls

    del given
    found = {}
    for name, call in pure_calls().items():
        call()
        seconds: list[float] = []
        while sum(seconds) < 0.5:
            begun = time.perf_counter()
            call()
            seconds.append(time.perf_counter() - begun)
        found[name] = 1000 * median(seconds)
        clock.wall[name] = clock.processor[name] = median(seconds)
    return {}


def notebook(given: Any, clock: Any) -> dict[str, float]:
    """One chapter from top to bottom, as ``python workbook.py open`` would run it."""
    import nbformat
    from nbclient import NotebookClient

    path = Path(given.notebook)
    chapter = nbformat.read(path, as_version=4)
    client = NotebookClient(chapter, timeout=300, resources={"metadata": {"path": path.parent}})
    with clock("question"):
        client.execute()
    cells = [cell for cell in chapter.cells if cell.cell_type == "code"]
    return {"cells run": float(np.sum([cell.execution_count is not None for cell in cells]))}
