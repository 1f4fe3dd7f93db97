"""Make the sample bases again: ``python tools/make_samples.py [--cdnow SOURCE] [--to FOLDER]``.

``SOURCE`` is CDNOW_sample.txt, or the wheel of the PyPI package Lifetimes that holds it; without
it the CDNOW base is made from its own ``raw/cdnow_sample.csv``. Nothing is downloaded, and the
same versions give the same files to the byte.
"""

from __future__ import annotations

import argparse
import io
import shutil
import zipfile
from datetime import date
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from retention_lib.base.contract import TABLES
from retention_lib.base.simulate import Truth, simulate_tables, write_raw_export

SAMPLES = Path(__file__).resolve().parent.parent / "data" / "sample"
IN_WHEEL = "lifetimes/datasets/CDNOW_sample.txt"
SEED = 2028
END = date(2025, 12, 31)
Settings = dict[str, str | int | date]
ARROW = {
    "text": pa.string(),
    "date": pa.date32(),
    "amount": pa.float64(),
    "number": pa.float64(),
    "flag": pa.bool_(),
}


def b2b_tables() -> tuple[dict[str, pd.DataFrame], Truth]:
    """The office-supplies distributor, clean, and the truth behind it."""
    return simulate_tables(1500, seed=SEED, years=3, end=END, contracts_share=0.05,
                           buying_rate=6.9)  # fmt: skip


def write_parquet(frame: pd.DataFrame, table: str, path: Path) -> None:
    """Columns of the contract with its types, others as text; no trace of who wrote the file."""
    kinds = {column.name: column.kind for column in TABLES[table].columns}
    schema = pa.schema([(name, ARROW[kinds.get(name, "text")]) for name in frame.columns])
    written = pa.Table.from_pandas(frame, schema=schema, preserve_index=False)
    pq.write_table(
        written.replace_schema_metadata(None), path, compression="zstd", compression_level=9
    )


def make_b2b(folder: Path) -> None:
    """Write ``data/sample/b2b``."""
    tables, _ = b2b_tables()
    folder.mkdir(parents=True, exist_ok=True)
    for name, frame in tables.items():
        write_parquet(frame, name, folder / f"{name}.parquet")
    planted = write_raw_export(tables, folder / "raw", seed=SEED)
    raw = {"transactions": "raw/export_ventes_2025.csv", "customers": "raw/export_clients.csv"}
    settings: Settings = {
        "name": "Office supplies, B2B (simulated)",
        "name_fr": "Fournitures de bureau, B2B (simulé)",
        "currency": "EUR",
        "language": "en",
        "as_of": END,
        "activity_window_days": 365,
    }
    write_text(folder / "workbook.toml", workbook_text(settings, list(tables), raw))
    write_text(folder / "README.md", b2b_readme(tables, planted))


def read_cdnow(source: Path) -> pd.DataFrame:
    """The CDNOW sample as its authors publish it: two numbers, day, quantity, dollars."""
    if source.suffix == ".whl":
        with zipfile.ZipFile(source) as wheel:
            text = wheel.read(IN_WHEEL).decode("ascii")
    else:
        text = source.read_text("ascii")
    names = ["master_id", "customer_id", "date", "quantity", "amount"]
    lines = pd.read_csv(io.StringIO(text), sep=r"\s+", names=names, dtype=str)
    lines["date"] = pd.to_datetime(lines["date"], format="%Y%m%d").dt.strftime("%Y-%m-%d")
    return lines.drop(columns="master_id")


def make_cdnow(folder: Path, source: Path | None) -> None:
    """Write ``data/sample/cdnow``."""
    raw = folder / "raw" / "cdnow_sample.csv"
    lines = read_cdnow(source) if source else pd.read_csv(raw, dtype=str)
    raw.parent.mkdir(parents=True, exist_ok=True)
    lines.to_csv(raw, index=False, lineterminator="\n")
    typed = lines.assign(
        date=pd.to_datetime(lines["date"], format="%Y-%m-%d"),
        quantity=lines["quantity"].astype(float),
        amount=lines["amount"].astype(float),
    )[["customer_id", "date", "amount", "quantity"]]
    write_parquet(typed, "transactions", folder / "transactions.parquet")
    settings: Settings = {
        "name": "CDNOW",
        "currency": "USD",
        "language": "en",
        "as_of": date(1998, 6, 30),
        "activity_window_days": 365,
    }
    entries = {"transactions": "raw/cdnow_sample.csv"}
    write_text(folder / "workbook.toml", workbook_text(settings, ["transactions"], entries))
    write_text(folder / "README.md", cdnow_readme(typed))


def workbook_text(settings: Settings, tables: list[str], raw: dict[str, str]) -> str:
    """A ``workbook.toml``."""
    lines = []
    for key, value in settings.items():
        lines.append(f'{key} = "{value}"' if isinstance(value, str) else f"{key} = {value}")
    for table in tables:
        lines += ["", f"[tables.{table}]", f'file = "{table}.parquet"']
        if table in raw:
            lines.append(f'raw = "{raw[table]}"')
    return "\n".join(lines) + "\n"


def columns_text(tables: dict[str, list[str]]) -> str:
    """The columns of each table, with what the data dictionary says of them."""
    lines = []
    for table, names in tables.items():
        lines += ["", f"### `{table}`", ""]
        said = {column.name: column.english for column in TABLES[table].columns}
        lines += [f"- `{name}`: {said.get(name, EXTRA.get(name, ''))}" for name in names]
    return "\n".join(lines)


EXTRA = {"city": "Town; not in the contract, kept all the same."}


def b2b_readme(
    tables: dict[str, pd.DataFrame], planted: dict[str, dict[str, dict[str, int]]]
) -> str:
    """What the folder holds, with its figures."""
    rows = "\n".join(f"| `{name}` | {len(frame):,} |" for name, frame in tables.items())
    faults = "\n".join(
        f"| `{file}` | {kind.replace('_', ' ')} | {count:,} |"
        for file, kinds in planted["counts"].items()
        for kind, count in kinds.items()
    )
    columns = columns_text({name: list(frame.columns) for name, frame in tables.items()})
    lines = tables["transactions"]
    return f"""# A simulated distributor of office supplies

**Origin.** Simulated by `retention_lib/base/simulate.py` (seed {SEED}); no line of it comes from a
real company. It is a French distributor with {len(tables["customers"]):,} customers ever and
{len(lines):,} invoice lines from {lines["date"].min():%Y-%m-%d} to {lines["date"].max():%Y-%m-%d},
in euros net of tax. Names are put together from word lists; SIRET and VAT numbers have valid check
digits but were drawn at random; telephone numbers come from the stretches that the French
regulator keeps for fiction; e-mail addresses lie in domains kept for examples. Should a name or a
number resemble a real one, that is chance.

**Licence.** MIT, like the project.

**Made again with** `python tools/make_samples.py`; the same versions give the same bytes.

| table | rows |
|---|---|
{rows}

Two campaigns are on file: `PREUVE-01` had its participants drawn by lot; `CLUB-01` went to the
customers with the highest revenue and did nothing, and those marked `control` there are simply
the others. What was really behind everything (why each customer left, what a contact changes) is
not in this folder; `tools/make_samples.py` shows how to get it.

## `raw/`: the same as the old software would export it

`export_ventes_2025.csv` and `export_clients.csv`: cp1252, semicolons, decimal commas, blanks that
do not break between thousands, day-first dates, a title line above the headings, a totals line at
the end. Without what was planted, the rows are those of the Parquet files. `planted.json` gives
the line numbers (1 is the title line) and the duplicate customers with their originals.

| file | planted | lines |
|---|---|---|
{faults}

`cancelled invoices` are pairs: an invoice written by mistake and its cancellation, whose number
begins with C. `moved to duplicate` are invoices under the second number of a customer that was
entered twice. A `split row` goes on in the next line.

## Columns
{columns}
"""


def cdnow_readme(lines: pd.DataFrame) -> str:
    """What the folder holds, with its figures."""
    columns = columns_text({"transactions": list(lines.columns)})
    return f"""# CDNOW, the sample of one tenth

**Origin.** Purchases of {lines["customer_id"].nunique():,} customers of the on-line shop CDNOW who
first bought in the first quarter of 1997: {len(lines):,} transactions from
{lines["date"].min():%Y-%m-%d} to {lines["date"].max():%Y-%m-%d}, one in ten of that cohort. Used by
P. S. Fader and B. G. S. Hardie, "Forecasting Repeat Sales at CDNOW: A Case Study", Interfaces 31
(2001), and in nearly every article on purchase models since. Taken from the PyPI package
Lifetimes 0.11.3, file `{IN_WHEEL}`.

**Licence.** Public research data that its authors publish for teaching and research; no licence
is stated with it. The package it was taken from is under the MIT licence.

**Made again with** `python tools/make_samples.py`, from `raw/cdnow_sample.csv`; with
`--cdnow SOURCE` from the wheel or from CDNOW_sample.txt itself. `raw/cdnow_sample.csv` holds the
customer's number within the sample, the day, the number of CDs and the dollars, as published;
the number within the whole cohort was left out.

Transactions only, in US dollars. {int((lines["amount"] == 0).sum())} of them have the amount 0.

## Columns
{columns}
"""


def write_text(path: Path, text: str) -> None:
    """UTF-8 with line feeds, on any system."""
    path.write_text(text, encoding="utf-8", newline="\n")


def main() -> None:
    """Make both samples."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cdnow", type=Path, help="CDNOW_sample.txt or the wheel that holds it")
    parser.add_argument("--to", type=Path, default=SAMPLES, help="where the samples go")
    options = parser.parse_args()
    make_b2b(options.to / "b2b")
    target = options.to / "cdnow"
    if options.cdnow is None and not (target / "raw" / "cdnow_sample.csv").is_file():
        (target / "raw").mkdir(parents=True, exist_ok=True)
        shutil.copy(SAMPLES / "cdnow" / "raw" / "cdnow_sample.csv", target / "raw")
    make_cdnow(target, options.cdnow)
    for folder in (options.to / "b2b", target):
        size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
        print(f"{folder}: {size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
