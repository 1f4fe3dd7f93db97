"""Scoring piece by piece: the same rows as at once, whole or not at all, safe to open."""

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest

import retention_lib as rl
from retention_lib.errors import DataWarning, InputError
from retention_lib.scoring import streaming
from retention_lib.scoring.streaming import score_to_file

TABLES = ("customers", "people", "interactions", "feedback")


@cache
def tables():
    base, _ = rl.simulate_base(300, seed=4, years=1.5, contracts_share=0.2, language="en")
    return {name: base.to_pandas(name) for name in ("transactions", *TABLES)}, base.as_of


def made(wrap=lambda frame: frame, **options):
    frames, as_of = tables()
    given = {name: wrap(frame) for name, frame in {**frames, **options.pop("changed", {})}.items()}
    return rl.CustomerBase.from_tables(**given, as_of=as_of, **options)


@cache
def base():
    return made()


@cache
def model():
    return rl.fit_churn(base(), horizon_days=60)


@cache
def at_once():
    return model().score(base()).to_frame()


@pytest.mark.parametrize("batch_rows", [100, 100_000])
def test_the_file_holds_what_scoring_at_once_gives_the_likeliest_first(tmp_path, batch_rows):
    rows = score_to_file(model(), base(), tmp_path / "s.parquet", batch_rows=batch_rows)
    written, expected = pd.read_parquet(tmp_path / "s.parquet"), at_once()
    assert rows == len(written) == len(expected) > 200
    assert written["churn_probability"].is_monotonic_decreasing
    # An exponential may differ in its last bit with its place in an array.
    pd.testing.assert_frame_equal(
        written.sort_values("customer_id", ignore_index=True),
        expected.sort_values("customer_id", ignore_index=True),
        check_dtype=False,
        rtol=1e-13,
    )


def test_polars_tables_give_the_same_file(tmp_path):
    score_to_file(model(), made(pl.from_pandas), tmp_path / "s.parquet", batch_rows=50)
    written = pd.read_parquet(tmp_path / "s.parquet")
    assert list(written["customer_id"]) == list(at_once()["customer_id"])
    np.testing.assert_allclose(
        written["churn_probability"], at_once()["churn_probability"], rtol=1e-9
    )
    assert list(written["reasons"]) == list(at_once()["reasons"])


def test_the_model_itself_can_write_the_file(tmp_path):
    rows = model().score_to(base(), tmp_path / "s.parquet", batch_rows=64)
    assert rows == len(at_once())


@pytest.mark.filterwarnings("ignore::retention_lib.errors.DataWarning")
def test_a_batch_of_one_customer_is_scored_like_any_other(tmp_path):
    ids = sorted(at_once()["customer_id"])[:5]
    frames, as_of = tables()
    few = rl.CustomerBase.from_tables(
        **{name: frame[frame["customer_id"].isin(ids)] for name, frame in frames.items()},
        as_of=as_of,
    )
    score_to_file(model(), few, tmp_path / "s.parquet", batch_rows=1)
    written = pd.read_parquet(tmp_path / "s.parquet")
    assert list(written["reasons"]) == list(model().score(few).to_frame()["reasons"])


def test_a_base_without_names_has_no_names(tmp_path):
    customers = tables()[0]["customers"].drop(columns="name")
    score_to_file(model(), made(changed={"customers": customers}), tmp_path / "s.parquet")
    assert list(pd.read_parquet(tmp_path / "s.parquet").columns) == [
        "customer_id", "churn_probability", "reasons", "annual_revenue"
    ]  # fmt: skip


def test_a_csv_comes_back_with_the_same_figures(tmp_path):
    score_to_file(model(), base(), tmp_path / "s.csv", batch_rows=90)
    raw = (tmp_path / "s.csv").read_bytes()
    assert raw.startswith(b"\xef\xbb\xbfcustomer_id,name,")
    written = pd.read_csv(tmp_path / "s.csv", dtype={"customer_id": str})
    pd.testing.assert_frame_equal(
        written.drop(columns="name"), at_once().drop(columns="name"), check_dtype=False
    )


def test_a_french_csv_opens_in_a_french_spreadsheet(tmp_path):
    score_to_file(model(), made(language="fr"), tmp_path / "s.csv")
    written = pd.read_csv(tmp_path / "s.csv", sep=";", decimal=",", dtype={"customer_id": str})
    np.testing.assert_allclose(written["churn_probability"], at_once()["churn_probability"])
    assert not (set(written["reasons"]) & set(at_once()["reasons"]))


def test_a_name_that_would_run_as_a_formula_is_disarmed_in_a_csv(tmp_path):
    customers = tables()[0]["customers"].assign(name="=HYPERLINK(1)")
    dangerous = made(changed={"customers": customers})
    score_to_file(model(), dangerous, tmp_path / "s.csv")
    assert set(pd.read_csv(tmp_path / "s.csv")["name"]) == {"'=HYPERLINK(1)"}
    score_to_file(model(), dangerous, tmp_path / "s.parquet")
    assert set(pd.read_parquet(tmp_path / "s.parquet")["name"]) == {"=HYPERLINK(1)"}


def test_progress_is_told_after_each_batch(tmp_path):
    told = []
    rows = score_to_file(
        model(), base(), tmp_path / "s.parquet", batch_rows=100, progress=told.append
    )
    assert told == sorted(set(told)) and told[-1] == rows and len(told) == 3


@pytest.mark.parametrize("suffix", [".parquet", ".csv"])
def test_nobody_to_score_gives_a_file_with_headings_alone(tmp_path, suffix):
    frames, _ = tables()
    silent = rl.CustomerBase.from_tables(
        **{**frames, "customers": frames["customers"].assign(is_contract=False)},
        as_of="2031-12-31",
    )
    file = tmp_path / f"s{suffix}"
    assert score_to_file(model(), silent, file) == 0
    written = pd.read_parquet(file) if suffix == ".parquet" else pd.read_csv(file)
    assert list(written.columns) == list(at_once().columns) and written.empty


def test_an_interruption_leaves_the_old_file_whole_and_nothing_beside_it(tmp_path):
    file = tmp_path / "s.parquet"
    file.write_bytes(b"last month's")

    def interrupt(rows):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        score_to_file(model(), base(), file, batch_rows=50, progress=interrupt)
    assert file.read_bytes() == b"last month's"
    assert [each.name for each in tmp_path.iterdir()] == ["s.parquet"]


def test_a_full_disk_is_said(tmp_path, monkeypatch):
    def fail(self, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(InputError, match="the disk is full"):
        score_to_file(model(), base(), tmp_path / "s.parquet")
    assert not list(tmp_path.iterdir())


def test_a_base_that_no_longer_looks_like_the_training_warns(tmp_path):
    cents = tables()[0]["transactions"].assign(amount=lambda lines: lines["amount"] * 100)
    with pytest.warns(DataWarning, match="no longer looks like"):
        score_to_file(model(), made(changed={"transactions": cents}), tmp_path / "s.parquet")


def test_a_base_without_the_tables_of_the_training_is_refused(tmp_path):
    frames, as_of = tables()
    plain = rl.CustomerBase.from_tables(frames["transactions"], as_of=as_of)
    with pytest.raises(InputError, match="this base lacks"):
        score_to_file(model(), plain, tmp_path / "s.parquet")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("scores.xlsx", r"into a \.parquet or a \.csv file; got 'scores.xlsx'"),
        ("scores", r"\.csv"),
        (".csv", r"Name it for example 'scores\.csv'"),
        ("nowhere/scores.csv", "There is no folder"),
        (7, "name of a file"),
        ("", "name of a file"),
    ],
)
def test_a_path_that_cannot_be_is_refused(tmp_path, monkeypatch, path, said):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=said):
        score_to_file(model(), base(), path)


@pytest.mark.parametrize("rows", [0, -5, 2.5, True, "many", None])
def test_a_number_of_rows_that_cannot_be_is_refused(tmp_path, rows):
    with pytest.raises(InputError, match="batch_rows must be a whole number"):
        score_to_file(model(), base(), tmp_path / "s.csv", batch_rows=rows)


@pytest.mark.parametrize("batch", [1, 37, 10_000])
def test_the_sample_for_drift_is_every_so_manieth_row_and_bounded(monkeypatch, batch):
    monkeypatch.setattr(streaming, "_SAMPLE", 100)
    sample = streaming._Sample()
    for first in range(0, 1_000, batch):
        sample.add(pd.DataFrame({"row": range(first, min(first + batch, 1_000))}))
    rows = sample.frame()["row"].to_numpy()
    assert len(rows) <= 500 and len(set(np.diff(rows))) == 1 and rows[0] == 0
    assert batch == 10_000 or len(rows) == 125


def test_a_folder_that_cannot_be_written_to_is_said_without_names_of_our_own(tmp_path, monkeypatch):
    def refuse(file, schema):
        raise PermissionError(13, f"Failed to open local file '{file}'")

    monkeypatch.setattr("pyarrow.parquet.ParquetWriter", refuse)
    with pytest.raises(InputError, match=r"s\.csv cannot be written: Permission denied\.$"):
        score_to_file(model(), base(), tmp_path / "s.csv")
