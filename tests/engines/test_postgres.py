"""Every question of the workbook on a real PostgreSQL, and the answers of DuckDB."""

from datetime import date, timedelta
from urllib.parse import quote_plus

import narwhals as nw
import pyarrow as pa
import pytest

import retention_lib as rl
from retention_lib.base import _warehouse, engine
from tests.engines import questions
from tests.engines.postgres_server import running


@pytest.fixture(scope="module")
def server():
    with running() as started:
        yield started


@pytest.fixture(scope="module")
def connection(server):
    connected = server.connect()
    for name, frame in questions.tables().items():
        connected.create_table(name, frame)
    yield connected
    connected.disconnect()


@pytest.fixture(scope="module")
def base(connection):
    return questions.base_of({name: connection.table(name) for name in questions.tables()})


@pytest.mark.parametrize("question", list(questions.QUESTIONS))
def test_postgresql_answers_as_duckdb_does(base, question):
    ours = questions.duckdb_answers()[question]
    questions.assert_alike(ours, questions.QUESTIONS[question](base), what=question)


READER = ("reader", "p@ss/word")


@pytest.fixture(scope="module")
def reader(server, connection):
    """A user as warehouses give out: may read, may not even make temporary tables."""
    connection.raw_sql("CREATE SCHEMA shop").close()
    connection.raw_sql(
        "CREATE TABLE shop.lignes AS SELECT 'C' || i % 7 AS \"CUSTOMER_ID\","
        " timestamptz '2024-01-01 23:30+02' + i * interval '3 days' AS \"DATE\","
        ' CAST(10.10 * i AS numeric(12, 2)) AS "AMOUNT" FROM generate_series(1, 60) AS i'
    ).close()
    name, password = READER
    for statement in (
        f"CREATE ROLE {name} LOGIN PASSWORD '{password}'",
        f"GRANT USAGE ON SCHEMA shop TO {name}",
        f"GRANT SELECT ON ALL TABLES IN SCHEMA public, shop TO {name}",
        "REVOKE TEMP ON DATABASE postgres FROM public",
    ):
        connection.raw_sql(statement).close()
    connected = server.connect(name, password)
    yield connected
    connected.disconnect()


@pytest.mark.parametrize("question", ["flows by year", "value", "rfm, classic"])
def test_a_user_who_may_only_read_gets_the_same_answers(reader, question):
    base = questions.base_of({name: reader.table(name) for name in questions.tables()})
    ours = questions.duckdb_answers()[question]
    questions.assert_alike(ours, questions.QUESTIONS[question](base), what=question)


def test_a_small_table_reaches_a_user_who_may_only_read(reader):
    handed = pa.table({"customer_id": ["C1", 'it\'s; "é"\\', None], "n": [1, 2, None]})
    there = _warehouse.handed_over(handed, reader.table("lignes", database="shop"))
    assert there.to_pyarrow().to_pydict() == handed.to_pydict()


def test_columns_in_capitals_decimals_and_moments_are_read_as_they_are_meant(reader):
    base = rl.CustomerBase.from_tables(reader.table("lignes", database="shop"))
    frame = base.to_pandas()
    assert frame["amount"].sum().round(2) == round(10.10 * 60 * 61 / 2, 2)
    # 23:30 two hours east of Greenwich is 21:30 of the same day in UTC.
    assert base.as_of == date(2024, 1, 1) + timedelta(days=180)


def test_customers_merged_in_the_database_are_one(connection):
    base = rl.CustomerBase.from_tables(connection.table("lignes", database="shop"))
    merged = rl.merge_duplicates(base, {"C1": "C2"})
    assert sorted(merged.to_pandas()["customer_id"].unique()) == [
        "C0",
        "C2",
        *["C3", "C4", "C5", "C6"],
    ]
    assert len(merged.to_pandas()) == 60


def test_what_is_kept_for_a_question_is_gone_after_it(connection):
    rows = nw.from_native(connection.table("lignes", database="shop")).lazy()
    with engine.kept(rows) as held:
        assert engine.one_row(held.select(nw.len().alias("n"))) == {"n": 60}
        name = held.to_native().get_name()
        assert name in connection.list_tables()
    assert name not in connection.list_tables()


def test_a_table_is_imported_from_its_address_and_the_password_is_nowhere(server, reader, tmp_path):
    address = f"postgresql://reader:{quote_plus(READER[1])}@127.0.0.1:{server.port}/postgres"
    imported = rl.import_export(address, sheet="shop.lignes")
    assert (imported.rows_read, imported.rows_kept) == (60, 60)
    saved = imported.save(tmp_path / "saved")
    said = repr(imported) + repr(saved) + (tmp_path / "saved" / "workbook.toml").read_text("utf-8")
    assert "p@ss" not in said and quote_plus("p@ss") not in said


@pytest.mark.parametrize(
    "where", ["postgres?password={}", "nowhere?application_name=a&password={}"]
)
def test_a_refused_address_shows_no_secret(server, where):
    address = f"postgresql://nobody:s3cr3t@127.0.0.1:{server.port}/{where.format('s3cr3t')}"
    with pytest.raises(rl.InputError) as said:
        rl.import_export(address)
    assert "s3cr3t" not in str(said.value) and "127.0.0.1" in str(said.value)
