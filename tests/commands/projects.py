"""A project of one's own to type commands in: nothing of the real one is read or written."""

import unicodedata
from pathlib import Path

import pytest

from retention_lib import progress, wording
from retention_lib.base import workbooks
from retention_lib.commands import line

FRENCH_EXPORT = (
    "Code client;Date facture;Montant HT;Libellé produit\n"
    + "".join(
        f"{n % 9:03d};{13 + n % 15:02d}/{1 + n % 12:02d}/2025;{n + 5},{10 + n % 80};Café moulu\n"
        for n in range(60)
    )
    + ";14/02/2025;12,00;Thé\n"
)


def write_export(folder: Path, name="Export ventes.csv", text=FRENCH_EXPORT) -> Path:
    file = folder / name
    file.write_text(text, encoding="cp1252")
    return file


def write_sample(folder: Path) -> Path:
    """A sample of five lines, which ``open_base`` opens in no time."""
    import pandas as pd

    folder.mkdir(parents=True)
    lines = pd.DataFrame(
        {
            "customer_id": ["1", "1", "2", "2", "3"],
            "date": pd.to_datetime(
                ["2025-01-05", "2025-03-05", "2025-02-01", "2025-03-09", "2025-03-20"]
            ),
            "amount": [100.0, 120.0, 50.0, 55.0, 10.0],
        }
    )
    lines.to_parquet(folder / "transactions.parquet")
    workbooks.write_text(
        folder / "workbook.toml",
        'name = "Five lines"\ncurrency = "EUR"\n\n[tables.transactions]\n'
        'file = "transactions.parquet"\n',
    )
    return folder


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A folder with a space, an accent and an apostrophe, as people have them."""
    folder = tmp_path / "l'été des données"
    write_sample(folder / "data" / "sample" / "b2b")
    monkeypatch.setattr(workbooks, "project_folder", lambda: folder)
    for variable in ("RETENTION_WORKBOOK", "RETENTION_LANGUAGE", "RETENTION_MASK", line.DEBUG):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.delenv(line.NAME, raising=False)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.chdir(folder)
    before, language = progress.listen(None), wording.told_to_speak()
    wording.speak(None)
    yield folder
    progress.listen(before)
    wording.speak(language)


def plain(text: str) -> str:
    """What was printed, on one line and with plain spaces."""
    return " ".join(unicodedata.normalize("NFKC", text).split())
