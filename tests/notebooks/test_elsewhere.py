"""Every chapter runs on other customers as well: nothing in it is made for the sample."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from jupyter_client.manager import KernelManager

from tests.notebooks.running import problems_of_running, shared_kernel

ROOT = Path(__file__).resolve().parents[2]
CHAPTERS = sorted((ROOT / "notebooks").glob("*.ipynb"))
CDNOW = ROOT / "data" / "sample" / "cdnow"
REAL_FILE = "RETENTION_REAL_FILE"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not CHAPTERS, reason="notebooks/ holds no notebook yet"),
    pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem),
]


def small_export() -> str:
    """A small shop's export as its till writes it: semicolons, decimal commas, day first.

    Forty customers over two years: some come every month, some once, some stopped half-way; one
    refund, and nothing but transactions.
    """
    lines = ["Code client;Date;N° ticket;Article;Qté;Montant HT"]
    ticket = 0
    for customer in range(1, 41):
        for month in range(0, 24 if customer % 3 else 11, customer % 7 + 1):
            ticket += 1
            day = f"{(customer * 7 + month) % 28 + 1:02d}/{month % 12 + 1:02d}/{2023 + month // 12}"
            euros = f"{customer * 3 + month},{customer % 10}0"
            lines.append(f"C{customer:03d};{day};T{ticket};Article {ticket % 5};1;{euros}")
    lines.append("C001;15/12/2024;T9999;Article 1;-1;-3,10")
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="module")
def kernel() -> Iterator[KernelManager]:
    """One for all: that each chapter runs in a kernel of its own, the notebook check has seen."""
    with shared_kernel() as manager:
        yield manager


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One file for all: what a chapter learnt from it, the next need not learn again."""
    file = tmp_path_factory.mktemp("export") / "export_caisse.csv"
    file.write_bytes(small_export().encode("cp1252"))
    return file


def test_a_chapter_runs_on_the_cdnow_sample(path: Path, kernel: KernelManager) -> None:
    if not CDNOW.is_dir():
        pytest.skip("data/sample/cdnow is not there yet")
    problems = problems_of_running(path, CDNOW, kernel)
    assert not problems, "\n".join(problems)


def test_a_chapter_runs_on_a_small_file_with_transactions_only(
    path: Path, export: Path, kernel: KernelManager
) -> None:
    problems = problems_of_running(path, export, kernel)
    assert not problems, "\n".join(problems)


def test_a_chapter_runs_on_a_real_file(path: Path) -> None:
    given = os.environ.get(REAL_FILE)
    if not given:
        pytest.skip(f"set {REAL_FILE} to a file or a workbook folder to run the chapters on it")
    problems = problems_of_running(path, Path(given).resolve())
    assert not problems, "\n".join(problems)
