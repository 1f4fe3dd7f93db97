"""What the engines' tests share, also with those that another worker runs at the same moment."""

import pytest

from tests.engines import questions


@pytest.fixture(scope="session", autouse=True)
def answers_shared(tmp_path_factory, worker_id):
    """A folder of this run, for all its workers: DuckDB works each reference answer out once."""
    own = tmp_path_factory.getbasetemp()
    run = own if worker_id == "master" else own.parent
    questions.SHARED = run / "reference-answers"
    questions.SHARED.mkdir(exist_ok=True)
    yield
    questions.SHARED = None
