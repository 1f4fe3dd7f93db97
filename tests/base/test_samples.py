"""The samples are what the script makes today, what their READMEs say, and small."""

import importlib.util
import json
import re
from pathlib import Path

import pandas as pd
import pytest

import retention_lib as rl

PROJECT = Path(__file__).parents[2]
SAMPLES = PROJECT / "data" / "sample"
B2B, CDNOW = SAMPLES / "b2b", SAMPLES / "cdnow"


def script():
    spec = importlib.util.spec_from_file_location(
        "make_samples", PROJECT / "tools" / "make_samples.py"
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("samples")
    script().make_b2b(folder / "b2b")
    cdnow = folder / "cdnow" / "raw"
    cdnow.mkdir(parents=True)
    (cdnow / "cdnow_sample.csv").write_bytes((CDNOW / "raw" / "cdnow_sample.csv").read_bytes())
    script().make_cdnow(folder / "cdnow", None)
    return folder


@pytest.mark.parametrize("name", ["b2b", "cdnow"])
def test_a_sample_is_what_the_script_makes_today(made, name):
    here, there = (sorted(p.relative_to(root / name) for p in (root / name).rglob("*.*"))
                   for root in (SAMPLES, made))  # fmt: skip
    assert here == there
    for path in here:
        if path.suffix == ".parquet":
            pd.testing.assert_frame_equal(
                pd.read_parquet(SAMPLES / name / path), pd.read_parquet(made / name / path)
            )
        else:
            assert (SAMPLES / name / path).read_bytes() == (made / name / path).read_bytes()


@pytest.mark.parametrize("folder", [B2B, CDNOW])
def test_a_sample_stays_under_five_megabytes(folder):
    assert sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) < 5_000_000


@pytest.mark.parametrize("folder", [B2B, CDNOW])
def test_a_readme_says_origin_licence_and_every_column_as_it_is(folder):
    text = (folder / "README.md").read_text("utf-8")
    assert "**Origin.**" in text
    assert "**Licence.**" in text
    for file in folder.glob("*.parquet"):
        frame = pd.read_parquet(file)
        part = text.split(f"### `{file.stem}`")[1].split("###")[0]
        assert re.findall(r"^- `(\w+)`: .+", part, re.M) == list(frame.columns)
        assert f"{len(frame):,}" in text
    for missing in (" nan", "NaT", ": \n"):
        assert missing not in text


def test_cdnow_is_the_published_sample():
    lines = pd.read_parquet(CDNOW / "transactions.parquet")
    assert (lines["customer_id"].nunique(), len(lines)) == (2357, 6919)
    assert lines["customer_id"].iloc[0] == "0001"
    # As in Fader and Hardie: in the first 39 weeks 1,411 customers do not come back, the
    # others make 2,457 repeat purchases in all.
    days = lines[pd.to_datetime(lines["date"]) <= "1997-09-30"].groupby("customer_id")["date"]
    repeats = days.nunique() - 1
    assert ((repeats == 0).sum(), repeats.sum()) == (1411, 2457)
    raw = pd.read_csv(CDNOW / "raw" / "cdnow_sample.csv", dtype={"customer_id": str})
    assert (raw["amount"] == lines["amount"]).all()


@pytest.mark.parametrize(("name", "customers"), [("b2b", 1500), ("cdnow", 2357)])
def test_a_sample_opens_without_a_word(recwarn, name, customers):
    base = rl.open_base(SAMPLES / name)
    lines = base.to_pandas()
    assert lines["customer_id"].nunique() <= customers
    assert len(recwarn) == 0
    assert f"{base.as_of}" == {"b2b": "2025-12-31", "cdnow": "1998-06-30"}[name]


def test_b2b_is_a_believable_distributor():
    lines = pd.read_parquet(B2B / "transactions.parquet")
    lines["date"] = pd.to_datetime(lines["date"])
    closed = pd.to_datetime(pd.read_parquet(B2B / "customers.parquet").set_index("customer_id")
                            ["closed_on"])  # fmt: skip
    active = []
    for year in (2023, 2024, 2025):
        end = pd.Timestamp(year, 12, 31)
        window = lines[(lines["date"] <= end) & (lines["date"] > end - pd.Timedelta(days=365))]
        net = window.groupby(["customer_id", "date"])["amount"].sum()
        bought = set(net[net > 0].reset_index()["customer_id"])
        active.append(bought - set(closed.index[closed <= end]))
    for before, after in ((active[0], active[1]), (active[1], active[2])):
        assert 0.12 < len(before - after) / len(before) < 0.18
    assert 900 < len(active[2]) < 1150
    assert 30_000 < len(lines) < 50_000
    spent = lines[lines["date"].dt.year == 2025].groupby("customer_id")["amount"].sum()
    spent = spent.sort_values(ascending=False)
    assert 0.6 < spent.iloc[: len(spent) // 5].sum() / spent.sum() < 0.8


def raw_rows(planted: dict) -> pd.DataFrame:
    """The raw sales, read by hand: what was planted taken out by its line numbers."""
    text = (B2B / "raw" / "export_ventes_2025.csv").read_bytes().decode("cp1252")
    lines = text.split("\r\n")
    assert lines[-1] == ""
    assert lines[-2].startswith("TOTAL")
    where = planted["lines"]["export_ventes_2025.csv"]
    out = {1, 2, len(lines) - 1}
    for kind in ("short_row", "split_row", "repeated_heading", "exact_duplicate", "service_lines",
                 "cancelled_invoices"):  # fmt: skip
        out |= set(where[kind])
    out |= {line + 1 for line in where["split_row"]}
    rows = [line.split(";") for number, line in enumerate(lines[:-1], 1) if number not in out]
    numbers = [number for number in range(1, len(lines)) if number not in out]
    frame = pd.DataFrame(rows, columns=lines[1].split(";"), index=numbers)
    originals = frame["Code client"].map(planted["duplicates"]).fillna(frame["Code client"])
    return frame.assign(**{"Code client": originals})


def test_the_raw_export_without_what_was_planted_is_the_clean_table():
    planted = json.loads((B2B / "raw" / "planted.json").read_text("utf-8"))
    where = planted["lines"]["export_ventes_2025.csv"]
    raw = raw_rows(planted)
    clean = pd.read_parquet(B2B / "transactions.parquet")
    assert len(clean) == planted["clean_rows"]
    lost = len(where["short_row"]) + len(where["split_row"])
    assert len(raw) == len(clean) - lost

    def number(text: pd.Series) -> pd.Series:
        plain = text.str.replace("\xa0", "").str.replace(",", ".")
        return pd.to_numeric(plain, errors="coerce")

    key = ["order_id", "product", "quantity", "margin"]
    read = pd.DataFrame(
        {
            "customer_id": raw["Code client"],
            "date": raw["Date facture"],
            "amount": number(raw["Montant HT"]),
            "order_id": raw["N° facture"],
            "product": raw["Désignation"],
            "product_range": raw["Famille"],
            "quantity": number(raw["Qté"]),
            "margin": number(raw["Marge"]),
            "channel": raw["Canal"],
        }
    )
    clean["date"] = pd.to_datetime(clean["date"]).dt.strftime("%d/%m/%Y")
    spoilt = {"customer_id": "missing_customer", "date": "impossible_date"}
    amounts = where["unreadable_amount"] + where["outliers"]
    # Rows keep their order, so what is left pairs off with the clean rows one by one.
    gone = ~clean.set_index(key).index.isin(read.set_index(key).index)
    assert gone.sum() == lost
    clean = clean[~gone].set_index(read.index)
    for column in clean:
        rows = where.get(spoilt.get(column, ""), []) if column != "amount" else amounts
        same = read[column].eq(clean[column])
        assert sorted(same.index[~same]) == sorted(set(rows) & set(read.index)), column


def test_the_planted_counts_are_those_of_the_lists_and_of_the_readme():
    planted = json.loads((B2B / "raw" / "planted.json").read_text("utf-8"))
    text = (B2B / "README.md").read_text("utf-8")
    for file, kinds in planted["lines"].items():
        for kind, lines in kinds.items():
            assert planted["counts"][file][kind] == len(lines)
            assert f"| `{file}` | {kind.replace('_', ' ')} | {len(lines):,} |" in text
    assert planted["counts"]["export_clients.csv"]["duplicate_customer"] == len(
        planted["duplicates"]
    )


def test_the_raw_customers_are_the_clean_ones_but_for_the_planted_cells():
    planted = json.loads((B2B / "raw" / "planted.json").read_text("utf-8"))
    where = planted["lines"]["export_clients.csv"]
    text = (B2B / "raw" / "export_clients.csv").read_bytes().decode("cp1252")
    lines = text.split("\r\n")[:-1]
    assert lines[-1] == f"Nombre de fiches : {len(lines) - 3}"
    raw = pd.DataFrame([line.split(";") for line in lines[2:-1]], columns=lines[1].split(";"),
                       index=range(3, len(lines)))  # fmt: skip
    raw = raw.drop(index=where["duplicate_customer"])
    clean = pd.read_parquet(B2B / "customers.parquet").set_index(raw.index)
    for heading, column in {"SIRET": "siret", "N° TVA": "vat", "E-mail": "email",
                            "Téléphone": "phone", "Raison sociale": "name"}.items():  # fmt: skip
        kinds = [kind for kind in where if kind.endswith(f"_{column}")]
        told = sorted(line for kind in kinds for line in where[kind])
        assert sorted(raw.index[raw[heading] != clean[column].fillna("")]) == told, heading
