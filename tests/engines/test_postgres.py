"""Every question of the workbook on a real PostgreSQL, and the answers of DuckDB."""

import os
from datetime import date, timedelta
from urllib.parse import quote_plus

import narwhals as nw
import pandas as pd
import pyarrow as pa
import pytest

import retention_lib as rl
from retention_lib.base import _warehouse, adding, engine
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
    ours = questions.duckdb_answer(question)
    questions.assert_alike(ours, questions.QUESTIONS[question](base), what=question)


@pytest.fixture(autouse=True)
def no_window_is_moved(monkeypatch):
    """Fail where Ibis would look through a window at more rows than those it was written over.

    It makes one of a join, a selection and a further join; a window in that selection then has
    the rows of both. Numbers are wrong, and nothing says so.
    """
    import ibis.expr.operations as ops
    from ibis.expr.types.joins import Join

    join = Join.join

    def watched(self, *args, **kwargs):
        moved = [
            name
            for name, value in self.op().values.items()
            if value.find(ops.WindowFunction, filter=ops.Value)
        ]
        assert not moved, f"a window is moved below a join by Ibis: {moved}"
        return join(self, *args, **kwargs)

    monkeypatch.setattr(Join, "join", watched)


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


# All the others were asked so once; RETENTION_ALL_ENGINES=1 asks them again (three minutes).
AS_READER = ["flows by year", "value", "rfm, classic", "snapshots"]
if os.environ.get("RETENTION_ALL_ENGINES") == "1":
    AS_READER = list(questions.QUESTIONS)


@pytest.fixture(scope="module")
def base_of_reader(reader):
    return questions.base_of({name: reader.table(name) for name in questions.tables()})


@pytest.mark.parametrize("question", AS_READER)
def test_a_user_who_may_only_read_gets_the_same_answers(base_of_reader, question):
    ours = questions.duckdb_answer(question)
    questions.assert_alike(ours, questions.QUESTIONS[question](base_of_reader), what=question)


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


MERGED = {"TIE-B": "TIE-A", "TIE-C": "TIE-A", "REFUND": "CENTS", "EDGE-IN": "EDGE"}


def test_customers_merged_in_the_database_are_one_as_in_duckdb(base_of_reader):
    names = ("transactions", "customers", "campaigns")
    ours = questions.base_of({name: questions.tables()[name] for name in names})
    for table in names:
        one, other = (
            frame.sort_values(list(frame.columns), ignore_index=True)
            for frame in (
                rl.merge_duplicates(base, MERGED).to_pandas(table)
                for base in (ours, base_of_reader)
            )
        )
        questions.assert_alike(one, other, what=table)
        assert not set(MERGED) & set(other["customer_id"])


def test_rows_are_added_and_replace_those_of_the_same_keys(base_of_reader):
    lead, keys = base_of_reader.tables["transactions"], ("customer_id", "date", "channel")
    listed = {"customer_id": ["é'", "TIE-A"], "date": [date(2025, 1, 1)] * 2, "channel": "email"}
    before = adding.placed(pd.DataFrame(listed), "interactions", lead)
    listed = {"customer_id": ["TIE-A", "new"], "date": [date(2025, 1, 1)] * 2, "channel": "email"}
    added = adding.placed(pd.DataFrame(listed).assign(kind="visit"), "interactions", lead)
    found = engine.collect(adding.with_rows(before, added, keys=keys)).set_index("customer_id")
    assert found["kind"].fillna("-").to_dict() == {"é'": "-", "TIE-A": "visit", "new": "visit"}
    refused = added.select("customer_id")
    told = engine.collect(adding.without_consent(base_of_reader.tables["customers"], refused))
    said = told.set_index("customer_id")["contactable"]
    assert [said["TIE-A"], said["new"], said["TIE-B"]] == [False, False, True]


def test_what_there_is_is_told(base_of_reader):
    told = rl.describe_base(base_of_reader).to_frame()
    ours = rl.describe_base(questions.base_of(questions.tables())).to_frame()
    questions.assert_alike(ours, told)


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


def test_what_only_postgresql_knows_is_read_or_set_aside(connection):
    connection.raw_sql(
        "CREATE TABLE odd (customer_id numeric(20, 1), date text, amount numeric, closed_on date,"
        " tags jsonb);"
        "INSERT INTO odd VALUES (12, '2024-02-29T10:00', 5, 'infinity', '[1]'),"
        " (13, '2023-02-29', 5, NULL, NULL), (NULL, '2024-02-01', 5, NULL, NULL),"
        " (14, '2024-02-01', 'NaN', NULL, NULL), (15, '2024-04-31', 5, NULL, NULL)"
    ).close()
    odd = connection.table("odd")
    with pytest.warns(rl.DataWarning, match="4 of 5 rows"):
        base = rl.CustomerBase.from_tables(
            odd, customers=odd.select("customer_id", "closed_on").head(1)
        )
    (row,) = base.to_pandas().to_dict("records")
    assert (row["customer_id"], row["date"], row["tags"]) == ("12", date(2024, 2, 29), "[1]")


def test_a_base_of_the_three_columns_alone_is_valued_and_its_ids_are_trimmed(connection):
    lines = questions.tables()["transactions"][["customer_id", "date", "amount"]]
    connection.create_table(
        "alone", lines.replace({"customer_id": {"ONCE-1": "\u00a0ONCE-1\u202f"}})
    )
    base = questions.base_of({"transactions": connection.table("alone")})
    ours = questions.base_of({"transactions": lines})
    asked = questions.QUESTIONS["purchase histories"]
    questions.assert_alike(asked(ours), asked(base))
