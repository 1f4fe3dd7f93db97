"""A base opens from a folder, a file or nothing at all, and says what it is."""

from datetime import date
from pathlib import Path

import pandas as pd
import pytest

import retention_lib as rl
from retention_lib.base import workbooks
from retention_lib.errors import ChoiceError, InputError

ROOT = Path(__file__).parents[2]
CDNOW = ROOT / "data" / "sample" / "cdnow"
B2B = ROOT / "data" / "sample" / "b2b"


def test_without_a_path_the_loaded_workbook_opens(monkeypatch):
    monkeypatch.setenv(workbooks.ENVIRONMENT, "data/sample/cdnow")
    assert rl.open_base().name == "CDNOW"


def test_a_folder_its_workbook_file_and_its_parquet_file_are_the_same_base():
    folder, file = rl.open_base(CDNOW), rl.open_base(CDNOW / "workbook.toml")
    table = rl.open_base(CDNOW / "transactions.parquet")
    sentences = {rl.score_rfm(base).sentence() for base in (folder, file, table)}
    assert len(sentences) == 1


def test_a_foreign_export_opens_by_itself(tmp_path):
    file = tmp_path / "ventes.csv"
    file.write_text("Code client;Date;Montant HT\n007;13/01/2024;1 234,50\n", encoding="cp1252")
    base = rl.open_base(file)
    assert base.to_pandas()["amount"].tolist() == [1234.5]
    assert base.as_of == date(2024, 1, 13)


def test_a_folder_of_monthly_exports_is_one_base(tmp_path):
    for month in (1, 2):
        text = f"Code client;Date;Montant HT\n007;2024-{month:02d}-13;10,50\n"
        (tmp_path / f"{month}.csv").write_text(text, encoding="utf-8")
    assert len(rl.open_base(tmp_path).to_pandas()) == 2


def test_nothing_there_and_nothing_in_it_are_said(tmp_path):
    with pytest.raises(InputError, match="nothing at"):
        rl.open_base(tmp_path / "gone")
    with pytest.raises(InputError, match="is empty"):
        rl.open_base(tmp_path)


def test_the_call_goes_before_the_workbook():
    base = rl.open_base(B2B, as_of="2024-12-31", activity_window_days=90)
    assert (base.as_of, base.activity_window_days) == (date(2024, 12, 31), 90)


def test_a_workbook_with_an_unknown_table_is_refused(tmp_path):
    (tmp_path / "t.parquet").write_bytes((CDNOW / "transactions.parquet").read_bytes())
    text = '[tables.transactions]\nfile = "t.parquet"\n[tables.sales]\nfile = "t.parquet"\n'
    (tmp_path / "workbook.toml").write_text(text, encoding="utf-8")
    with pytest.raises(ChoiceError, match="'sales'"):
        rl.open_base(tmp_path)


def test_a_description_counts_customers_purchases_and_the_active_ones():
    frame = pd.DataFrame(
        {
            "customer_id": ["a", "a", "b", "c"],
            "date": pd.to_datetime(["2023-01-05", "2024-02-01", "2023-01-10", "2024-02-01"]),
            "amount": [10.0, 20.0, 5.0, 7.0],
        }
    )
    customers = pd.DataFrame(
        {"customer_id": ["c"], "closed_on": pd.to_datetime(["2024-01-31"]), "name": ["C"]}
    )
    loaded = rl.describe_base(rl.CustomerBase.from_tables(frame, customers=customers))
    assert (loaded.customers, loaded.purchases) == (3, 4)
    assert loaded.active == 1  # b is silent for over a year, c has closed its account
    assert loaded.table.set_index("table").loc["feedback", "rows"] == 0


def test_silent_months_are_shown_and_partial_ones_marked():
    frame = pd.DataFrame(
        {
            "customer_id": ["a", "a"],
            "date": pd.to_datetime(["2024-01-20", "2024-03-31"]),
            "amount": [10.0, 20.0],
        }
    )
    months = rl.describe_base(rl.CustomerBase.from_tables(frame)).months
    assert months["revenue"].tolist() == [10.0, 0.0, 20.0]
    assert months["complete"].tolist() == [False, True, True]


def test_a_description_speaks_french():
    base = rl.open_base(CDNOW)
    french = rl.CustomerBase.from_tables(CDNOW / "transactions.parquet", language="fr")
    assert "clients ont fait" in rl.describe_base(french).sentence()
    assert "customers made" in rl.describe_base(base).sentence()
    assert "clients sont actifs" in rl.describe_base(french).active_sentence()


def test_the_raw_exports_of_the_sample_make_a_base_with_their_account():
    base = rl.open_raw_base(B2B)
    account = base.made_from["imports"]["transactions"]
    assert account["rows_read"] == account["rows_kept"] + sum(account["set_aside"].values())
    assert {"customers", "people", "feedback"} <= set(base.tables)


def test_the_raw_export_of_cdnow_is_its_table():
    raw, saved = rl.open_raw_base(CDNOW), rl.open_base(CDNOW)
    assert rl.score_rfm(raw).sentence() == rl.score_rfm(saved).sentence()


@pytest.mark.parametrize("wrong", [pd.DataFrame({"a": [1]}), 3, ["a"], b"x"])
def test_something_else_than_a_path_is_answered_with_the_way_to_a_base(wrong):
    with pytest.raises(InputError, match=r"from_tables\(table\).*imported\.to_base\(\)"):
        rl.open_base(wrong)


def test_a_workbook_seen_from_before_its_first_transaction_is_refused(tmp_path):
    (tmp_path / "t.parquet").write_bytes((CDNOW / "transactions.parquet").read_bytes())
    text = 'as_of = 1990-01-01\n[tables.transactions]\nfile = "t.parquet"\n'
    (tmp_path / "workbook.toml").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match="first transaction is of 1997-01-01"):
        rl.open_base(tmp_path)


def test_a_workbook_that_names_a_csv_says_what_reads_it(tmp_path):
    (tmp_path / "x.csv").write_text("customer_id,date,amount\n1,2024-01-01,2\n", encoding="utf-8")
    text = '[tables.transactions]\nfile = "x.csv"\n'
    (tmp_path / "workbook.toml").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=r"rl\.import_export.*rl\.open_base"):
        rl.open_base(tmp_path)
