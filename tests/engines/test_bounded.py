"""However many transactions there are, no more than one row a customer leaves the engine."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

import retention_lib as rl
from retention_lib.base import _bounds, engine
from retention_lib.base.customer_base import CustomerBase
from retention_lib.errors import InputError
from retention_lib.scoring._churn_dates import plan_dates
from tests.engines import questions
from tests.engines.watching import watched

CUSTOMERS, LINES_EACH = 60, 400
DAYS = 1096
# The scorecard also counts the lines of each day: a row a calendar day, however many lines.
MOST = 2 * CUSTOMERS + DAYS
ASKED = (
    "flows by year",
    "value",
    "rfm, classic",
    "quality",
    "purchase histories",
    "lost",
    "signals",
    "tenure",
    "window",
)


@pytest.fixture(scope="module")
def long_histories() -> CustomerBase:
    """Sixty customers with four hundred lines each: whoever fetches lines or days is seen."""
    lines = duckdb.sql(f"""
        SELECT 'C' || (range % {CUSTOMERS}) AS customer_id, 5.0 + range % 7 AS amount,
            DATE '2023-01-01' + ((range * 37) % 1096)::INT AS date
        FROM range({CUSTOMERS * LINES_EACH})""").to_arrow_table()
    return CustomerBase.from_tables(lines)


@pytest.fixture
def fetched(monkeypatch):
    """How many rows each table had that left the engine, by whatever door."""
    return watched(monkeypatch)


@pytest.mark.parametrize("asked", ASKED)
def test_nothing_fetches_more_than_one_row_a_customer(long_histories, fetched, asked):
    questions.QUESTIONS[asked](long_histories)
    assert fetched, "nothing was fetched, so nothing was watched"
    assert max(fetched) <= MOST


def test_snapshots_fetch_one_row_a_customer_and_date(long_histories, fetched):
    rl.take_snapshots(long_histories, ["2025-06-30", "2025-09-30"])
    assert max(fetched) <= 2 * CUSTOMERS + DAYS


def test_a_model_fetches_one_row_a_customer_and_date_it_learns_from(fetched):
    # Each falls silent a week after another one.
    lines = duckdb.sql("""
        SELECT 'C' || (range % 120) AS customer_id, 5.0 + range % 7 AS amount,
            DATE '2023-01-01' + ((range * 37) % (260 + 7 * (range % 120)))::INT AS date
        FROM range(120 * 400)""").to_arrow_table()
    base = CustomerBase.from_tables(lines)
    fetched.clear()
    model = rl.fit_churn(base)
    assert len(model.score(base).to_frame()) > 30
    # A row a customer for each of the dates, which may all come at once.
    dates = len(plan_dates(base.as_of_day - 1092, base.as_of_day, 90).days)
    assert 120 < max(fetched) <= dates * 120 < 120 * 400 / 20


@pytest.mark.parametrize("door", ["to_pandas", "df", "fetchall", "fetchnumpy", "to_arrow_table"])
def test_what_fetches_lines_would_be_seen(long_histories, fetched, door):
    if door == "to_pandas":
        long_histories.to_pandas("transactions")
    else:
        getattr(long_histories.tables["transactions"].to_native(), door)()
    assert max(fetched) == CUSTOMERS * LINES_EACH


def test_the_engine_takes_a_share_of_the_memory_and_spills_into_a_folder_of_the_system(
    monkeypatch,
):
    monkeypatch.delenv(_bounds.MEMORY, raising=False)
    one, other = _bounds.engine_bounds(), _bounds.engine_bounds()
    assert one["memory_limit"] == "60%"
    assert one["temp_directory"] != other["temp_directory"], "nobody can foresee the name"
    spills = engine.connect().execute("SELECT current_setting('temp_directory')").fetchone()[0]
    assert Path(spills).is_absolute()
    assert "retention-workbook-" in spills


@pytest.mark.parametrize("asked", ["much", "0GB", "4", "4GB; DROP", "-1GB"])
def test_a_limit_that_is_no_amount_of_memory_is_refused(monkeypatch, asked):
    monkeypatch.setenv(_bounds.MEMORY, asked)
    with pytest.raises(InputError, match="such as 4GB or 30%"):
        _bounds.engine_bounds()


def test_more_than_fits_is_written_beside_and_cleared_away():
    code = (
        "import os\n"
        "from retention_lib.base import engine\n"
        "c = engine.connect()\n"
        "f = c.execute(\"SELECT current_setting('temp_directory')\").fetchone()[0]\n"
        "c.execute('CREATE TEMP TABLE t AS SELECT i, md5(i::TEXT) s FROM range(2500000) r(i)')\n"
        "print(f, len(os.listdir(f)), c.execute('SELECT count(*) FROM t').fetchone()[0])\n"
    )
    root = Path(__file__).parents[2]
    surroundings = {**os.environ, _bounds.MEMORY: "60MB", "PYTHONPATH": str(root)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=surroundings, check=True
    )
    folder, files, rows = done.stdout.rsplit(maxsplit=2)
    assert int(rows) == 2_500_000
    assert int(files) > 0
    assert not Path(folder).exists()
