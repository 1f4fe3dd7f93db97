"""The same base gives the same answers: on Polars, on many threads, with its rows in any order."""

from __future__ import annotations

import pandas as pd
import polars as pl
import pytest

from retention_lib.base import engine
from retention_lib.base.customer_base import CustomerBase
from tests.engines import questions

CHEAP = [name for name in questions.QUESTIONS if name not in questions.DEAR]
AVERAGED = {"snapshots", "churn, scores", "churn, score card", "types"}
"""Answers with means and learnt numbers in them: the last bit is the engine's."""


def shuffled(seed: int) -> dict[str, pd.DataFrame]:
    return {
        name: frame.sample(frac=1, random_state=seed, ignore_index=True)
        for name, frame in questions.tables().items()
    }


@pytest.fixture(scope="module")
def on_polars() -> CustomerBase:
    made = {name: pl.from_pandas(frame) for name, frame in shuffled(1).items()}
    return questions.base_of(made)


@pytest.fixture(scope="module")
def on_many_threads():
    running = engine.connect()
    was = running.execute("SELECT current_setting('threads')").fetchone()[0]
    running.execute("SET GLOBAL threads = 8")
    running.execute("SET GLOBAL preserve_insertion_order = false")
    yield questions.base_of(shuffled(2))
    running.execute("SET GLOBAL preserve_insertion_order = true")
    running.execute(f"SET GLOBAL threads = {was}")


@pytest.mark.parametrize("asked", questions.QUESTIONS)
def test_polars_answers_what_duckdb_answers_whatever_the_order_of_rows(on_polars, asked):
    there = questions.QUESTIONS[asked](on_polars)
    assert len(there), "nothing was answered, so nothing was compared"
    questions.assert_alike(questions.duckdb_answer(asked), there, what=asked)


@pytest.mark.parametrize("asked", CHEAP)
def test_eight_threads_and_shuffled_rows_change_not_one_bit(on_many_threads, asked):
    there = questions.QUESTIONS[asked](on_many_threads)
    pd.testing.assert_frame_equal(
        questions.duckdb_answer(asked), there, check_exact=asked not in AVERAGED
    )


def test_answers_that_differ_in_one_cell_are_told_apart():
    ours = pd.DataFrame({"customer_id": ["a", "b"], "revenue": [10.0, 20.0], "day": [1, None]})
    questions.assert_alike(ours, ours.copy())
    for name, value in (("revenue", 20.0001), ("customer_id", "B"), ("day", 0)):
        other = ours.copy()
        other.loc[1, name] = value
        with pytest.raises(AssertionError, match=f"1 cells differ\n  {name}, row 1"):
            questions.assert_alike(ours, other, what="revenue")
