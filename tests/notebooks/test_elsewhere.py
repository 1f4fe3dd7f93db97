"""Every chapter runs on other customers as well: nothing in it is made for the sample."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from jupyter_client.manager import KernelManager

from tests.notebooks.running import TIMEOUT_SECONDS, problems_of_running, shared_kernel

ROOT = Path(__file__).resolve().parents[2]
CHAPTERS = sorted((ROOT / "notebooks").glob("*.ipynb"))
CDNOW = ROOT / "data" / "sample" / "cdnow"
REAL_FILE = "RETENTION_REAL_FILE"
# Most of the time of all chapters goes into these. The small file, which has less to go by, runs
# them always; CDNOW, whose figures the golden ones hold, where RETENTION_ALL_CHAPTERS=1 is set.
LONG_ONES = {"02", "03", "04", "05", "06", "07", "08", "09", "10"}

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
    # Nobody looks at these pictures: small ones are drawn, and packed, sooner.
    coarse = "import retention_lib.views.theme as theme\ntheme.DPI = 40"
    with shared_kernel() as manager:
        client = manager.client()
        client.start_channels()
        client.wait_for_ready(timeout=TIMEOUT_SECONDS)
        client.execute(coarse, reply=True, timeout=TIMEOUT_SECONDS)
        client.stop_channels()
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
    if path.name[:2] in LONG_ONES and not os.environ.get("RETENTION_ALL_CHAPTERS"):
        pytest.skip("long: set RETENTION_ALL_CHAPTERS=1 to run it on this base as well")
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
